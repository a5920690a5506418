/* Numbers that states and makers give, by their check digits. */
#include <string.h>

#include "detectors/validate_int.h"

enum { CENTURY = 100, YEARS_19 = 1900, YEARS_20 = 2000 };

static int weighted(const uint8_t *digits, const char *weights)
{
    int sum = 0;
    for (int i = 0; weights[i]; i++)
        sum += digits[i] * (weights[i] - '0');
    return sum;
}

static int two(const uint8_t *digits)
{
    return digits[0] * 10 + digits[1];
}

/* The digits, exactly `count` of them and not all the same. */
static bool take(struct tl_str text, int count, uint8_t digits[VALIDATE_DIGITS_MAX])
{
    return validate_digits(text, digits) == count && !validate_uniform(digits, count);
}

/* Day, month, year of two digits in any century. */
static bool is_day(int day, int month, int year)
{
    return validate_day(YEARS_19 + year, month, day) || validate_day(YEARS_20 + year, month, day);
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Letters and digits only, in upper case; the count. */
static int compact(struct tl_str text, char *out, int most)
{
    int count = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = upper(text.data[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')))
            continue;
        if (count == most)
            return -1;
        out[count++] = c;
    }
    return count;
}

TL_CHECK(nhs)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    if (!take(found, 10, d))
        return false;
    int sum = 0;
    for (int i = 0; i < 9; i++)
        sum += d[i] * (10 - i);
    return (11 - sum % 11) % 11 == d[9];
}

TL_CHECK(tfn)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    if (!take(found, 9, d))
        return false;
    return (weighted(d, "14375869") + 10 * d[8]) % 11 == 0;
}

TL_CHECK(medicare)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    int count = validate_digits(found, d);
    (void)value;
    return (count == 10 || count == 11) && !validate_uniform(d, count) && weighted(d, "13791379") % 10 == d[8];
}

TL_CHECK(cpf)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    if (!take(found, 11, d))
        return false;
    for (int length = 9; length <= 10; length++) {
        int sum = 0;
        for (int i = 0; i < length; i++)
            sum += d[i] * (length + 1 - i);
        if (sum * 10 % 11 % 10 != d[length])
            return false;
    }
    return true;
}

/* Corsica's departments are 2A and 2B. */
TL_CHECK(nir)
{
    char text[16];
    int count = compact(found, text, 15);
    long long number = 0;
    (void)value;
    if (count != 15)
        return false;
    int corsica = text[6] == 'A' ? 1000000 : text[6] == 'B' ? 2000000 : 0;
    for (int i = 0; i < 13; i++)
        number = number * 10 + (text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : 0);
    return 97 - (number - corsica) % 97 == (text[13] - '0') * 10 + text[14] - '0';
}

/* ISO 7064 mod 11, 10. */
TL_CHECK(german_tax)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    int product = 10, seen[10] = {0}, twice = 0, three = 0;
    (void)value;
    if (!take(found, 11, d))
        return false;
    for (int i = 0; i < 10; i++) {
        int sum = (d[i] + product) % 10;
        product = (sum == 0 ? 10 : sum) * 2 % 11;
        seen[d[i]]++;
    }
    for (int i = 0; i < 10; i++) {
        twice += seen[i] == 2;
        three += seen[i] == 3;
    }
    return twice + three == 1 && (11 - product) % 10 == d[10];
}

TL_CHECK(dni)
{
    char text[10];
    int number = 0;
    (void)value;
    if (compact(found, text, 9) != 9)
        return false;
    for (int i = 0; i < 8; i++)
        number = number * 10 + (text[i] >= 'X' ? text[i] - 'X' : text[i] - '0');
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == text[8];
}

TL_CHECK(codice_fiscale)
{
    static const int odd[] = {1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
    char text[17];
    int sum = 0;
    (void)value;
    if (compact(found, text, 16) != 16)
        return false;
    for (int i = 0; i < 15; i++) {
        int place = text[i] <= '9' ? text[i] - '0' : text[i] - 'A';
        sum += i % 2 == 0 ? odd[place] : place;
    }
    return text[15] == 'A' + sum % 26;
}

TL_CHECK(bsn)
{
    uint8_t d[VALIDATE_DIGITS_MAX] = {0};
    int count = validate_digits(found, d);
    (void)value;
    if ((count != 8 && count != 9) || validate_uniform(d, count))
        return false;
    if (count == 8) {
        memmove(d + 1, d, 8);
        d[0] = 0;
    }
    return (weighted(d, "98765432") - d[8]) % 11 == 0 && two(d) + d[2] > 0;
}

TL_CHECK(pesel)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    if (!take(found, 11, d))
        return false;
    int month = two(d + 2) % 20;
    return is_day(two(d + 4), month, two(d)) && (10 - weighted(d, "1379137913") % 10) % 10 == d[10];
}

TL_CHECK(personnummer)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    int count = validate_digits(found, d);
    (void)value;
    const uint8_t *last = d + (count == 12 ? 2 : 0);
    if ((count != 10 && count != 12) || validate_uniform(d, count))
        return false;
    int day = two(last + 4);
    return is_day(day > 60 ? day - 60 : day, two(last + 2), two(last)) && validate_luhn(last, 10);
}

TL_CHECK(hetu)
{
    char text[12];
    uint8_t d[VALIDATE_DIGITS_MAX], serial[VALIDATE_DIGITS_MAX];
    int count = compact(found, text, 11), number = 0;
    (void)value;
    if (found.size != 11 || count < 10)
        return false;
    struct tl_str day = {found.data, 6}, three = {found.data + 7, 3};
    if (validate_digits(day, d) != 6 || validate_digits(three, serial) != 3 || !is_day(two(d), two(d + 2), two(d + 4)))
        return false;
    for (int i = 0; i < 9; i++)
        number = number * 10 + (i < 6 ? d[i] : serial[i - 6]);
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[number % 31] == upper(found.data[10]);
}

TL_CHECK(norway)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    if (!take(found, 11, d))
        return false;
    int day = two(d), first = (11 - weighted(d, "376189452") % 11) % 11, second = (11 - weighted(d, "5432765432") % 11) % 11;
    return is_day(day > 40 ? day - 40 : day, two(d + 2) % 40, two(d + 4)) && first == d[9] && second == d[10];
}

TL_CHECK(cpr)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    return take(found, 10, d) && is_day(two(d), two(d + 2), two(d + 4));
}

TL_CHECK(belgium)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    long long number = 0;
    (void)value;
    if (!take(found, 11, d) || two(d + 2) > 12 || two(d + 4) > 31)
        return false;
    for (int i = 0; i < 9; i++)
        number = number * 10 + d[i];
    int check = two(d + 9);
    return 97 - number % 97 == check || 97 - (number + 2000000000LL) % 97 == check;
}

TL_CHECK(verhoeff)
{
    static const char *const table[] = {"0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
                                        "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"};
    static const char *const places[] = {"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"};
    uint8_t d[VALIDATE_DIGITS_MAX];
    int count = validate_digits(found, d), check = 0;
    (void)value;
    if (count < 2 || validate_uniform(d, count))
        return false;
    for (int i = 0; i < count; i++)
        check = table[check][places[i % 8][d[count - 1 - i]] - '0'] - '0';
    return check == 0;
}

TL_CHECK(china)
{
    static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    char text[19];
    int sum = 0;
    (void)value;
    if (compact(found, text, 18) != 18)
        return false;
    for (int i = 0; i < 17; i++)
        sum += (text[i] - '0') * weights[i];
    return "10X98765432"[sum % 11] == text[17];
}

TL_CHECK(korea)
{
    static const int weights[] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
    uint8_t d[VALIDATE_DIGITS_MAX];
    int sum = 0;
    (void)value;
    if (!take(found, 13, d) || !is_day(two(d + 4), two(d + 2), two(d)))
        return false;
    for (int i = 0; i < 12; i++)
        sum += d[i] * weights[i];
    return (11 - sum % 11) % 10 == d[12];
}

TL_CHECK(my_number)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    int sum = 0;
    (void)value;
    if (!take(found, 12, d))
        return false;
    for (int n = 1; n <= 11; n++)
        sum += d[11 - n] * (n <= 6 ? n + 1 : n - 5);
    int rest = sum % 11;
    return (rest <= 1 ? 0 : 11 - rest) == d[11];
}

TL_CHECK(turkey)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    if (!take(found, 11, d))
        return false;
    int odd = d[0] + d[2] + d[4] + d[6] + d[8], even = d[1] + d[3] + d[5] + d[7];
    return (odd * 7 - even + CENTURY) % 10 == d[9] && (odd + even + d[9]) % 10 == d[10];
}

TL_CHECK(nif)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    if (!take(found, 9, d))
        return false;
    int rest = weighted(d, "98765432") % 11;
    return (rest < 2 ? 0 : 11 - rest) == d[8];
}

TL_CHECK(rut)
{
    char text[11];
    int count = compact(found, text, 10), sum = 0;
    (void)value;
    if (count < 8)
        return false;
    for (int i = 0; i < count - 1; i++)
        sum += (text[count - 2 - i] - '0') * (2 + i % 6);
    int check = 11 - sum % 11;
    return text[count - 1] == (check == 11 ? '0' : check == 10 ? 'K' : (char)('0' + check));
}

TL_CHECK(south_africa)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    return take(found, 13, d) && is_day(two(d + 4), two(d + 2), two(d)) && validate_luhn(d, 13);
}

TL_CHECK(nric)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    if (found.size != 9 || validate_digits(found, d) != 7)
        return false;
    char kind = upper(found.data[0]);
    int sum = weighted(d, "2765432") + (kind == 'T' || kind == 'G' ? 4 : 0);
    return (kind == 'S' || kind == 'T' ? "JZIHGFEDCBA" : "XWUTRQPNMLK")[sum % 11] == upper(found.data[8]);
}

TL_CHECK(curp)
{
    static const char order[] = "0123456789ABCDEFGHIJKLMN\x01OPQRSTUVWXYZ"; /* the place of a letter that ASCII lacks is kept */
    char text[19];
    int sum = 0;
    (void)value;
    if (compact(found, text, 18) != 18)
        return false;
    for (int i = 0; i < 17; i++)
        sum += (int)(strchr(order, text[i]) - order) * (18 - i);
    return (10 - sum % 10) % 10 == text[17] - '0';
}

TL_CHECK(vin)
{
    static const int weights[] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
    static const char letters[] = "ABCDEFGHJKLMNPRSTUVWXYZ", numbers[] = "12345678123457923456789";
    int sum = 0;
    (void)value;
    if (found.size != 17)
        return false;
    for (int i = 0; i < 17; i++) {
        const char *at = found.data[i] > '9' ? strchr(letters, found.data[i]) : NULL;
        if (found.data[i] > '9' && !at)
            return false;
        sum += (at ? numbers[at - letters] - '0' : found.data[i] - '0') * weights[i];
    }
    return found.data[8] == (sum % 11 == 10 ? 'X' : (char)('0' + sum % 11));
}
