/* What a form cannot say: check digits of cards and accounts, ranges of addresses, plausible days. */
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "detectors/validate_int.h"

enum { BIRTH_YEAR_MIN = 1900 };

int validate_digits(struct tl_str text, uint8_t digits[VALIDATE_DIGITS_MAX])
{
    int count = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            continue;
        if (count == VALIDATE_DIGITS_MAX)
            return -1;
        digits[count++] = (uint8_t)(text.data[i] - '0');
    }
    return count;
}

bool validate_luhn(const uint8_t *digits, int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++) {
        int digit = digits[count - 1 - i] << (i % 2);
        sum += digit > 9 ? digit - 9 : digit;
    }
    return count > 1 && sum % 10 == 0;
}

bool validate_day(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && leap);
}

bool validate_uniform(const uint8_t *digits, int count)
{
    for (int i = 1; i < count; i++)
        if (digits[i] != digits[0])
            return false;
    return true;
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

bool tl_check_luhn(struct tl_str found, struct tl_str value)
{
    (void)value;
    uint8_t digits[VALIDATE_DIGITS_MAX];
    int count = validate_digits(found, digits);
    return count > 0 && !validate_uniform(digits, count) && validate_luhn(digits, count);
}

/* --- addresses of the network --- */

bool tl_check_email(struct tl_str found, struct tl_str value)
{
    static const char *const files[] = {"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "json", "html", "xml", "local"};
    const char *dot = memrchr(found.data, '.', found.size), *at = memchr(found.data, '@', found.size);
    (void)value;
    if (!dot || !at || dot < at || at[-1] == '.' || memmem(found.data, (size_t)(at - found.data), "..", 2))
        return false;
    struct tl_str ending = {dot + 1, (size_t)(found.data + found.size - dot - 1)};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (tl_str_equal_nocase(ending, tl_str_of(files[i])))
            return false;
    return true;
}

bool tl_check_email_spelled(struct tl_str found, struct tl_str value)
{
    (void)value;
    bool at = memmem(found.data, found.size, "[at]", 4) || memmem(found.data, found.size, "(at)", 4);
    bool dot = memmem(found.data, found.size, " dot ", 5) || memmem(found.data, found.size, "[dot]", 5) || memmem(found.data, found.size, "(dot)", 5);
    return at || dot;
}

static int octets_of(struct tl_str text, int octets[4])
{
    int count = 0, number = -1;
    for (size_t i = 0; i <= text.size && count < 4; i++) {
        char c = i < text.size ? text.data[i] : '.';
        if (c >= '0' && c <= '9') {
            number = (number < 0 ? 0 : number * 10) + c - '0';
        } else {
            octets[count++] = number;
            number = -1;
            if (c != '.')
                break;
        }
    }
    return count;
}

/* A version of four small parts looks the same: then only the column's name can say (the weak pattern). */
bool tl_check_ipv4(struct tl_str found, struct tl_str value)
{
    enum { VERSION_PART_MAX = 30 };
    int octets[4] = {0};
    bool large = false;
    (void)value;
    if (octets_of(found, octets) != 4 || octets[0] == 0)
        return false;
    for (int i = 0; i < 4; i++)
        large = large || octets[i] > VERSION_PART_MAX;
    return large;
}

bool tl_check_ipv6(struct tl_str found, struct tl_str value)
{
    int digits = 0, groups = 0;
    bool letter = false;
    (void)value;
    for (size_t i = 0; i < found.size && found.data[i] != '/'; i++) {
        groups += found.data[i] == ':';
        digits += found.data[i] != ':';
        letter = letter || is_letter(found.data[i]);
    }
    return digits >= 3 && groups >= 2 && (letter || groups >= 4);
}

bool tl_check_mac(struct tl_str found, struct tl_str value)
{
    bool other = false;
    (void)value;
    for (size_t i = 0; i < found.size; i++)
        other = other || (found.data[i] != '0' && found.data[i] != ':' && found.data[i] != '-');
    return other;
}

/* --- telephones --- */

static bool runs_of_one(const uint8_t *digits, int count)
{
    int longest = 1, run = 1;
    for (int i = 1; i < count; i++) {
        run = digits[i] == digits[i - 1] ? run + 1 : 1;
        longest = run > longest ? run : longest;
    }
    return longest > 6;
}

static bool phone_digits(struct tl_str found, int least, int most, uint8_t digits[VALIDATE_DIGITS_MAX])
{
    struct tl_str number = found;
    const char *extension = memchr(found.data, 'x', found.size);
    if (extension)
        number.size = (size_t)(extension - found.data);
    int count = validate_digits(number, digits);
    return count >= least && count <= most && !runs_of_one(digits, count);
}

bool tl_check_phone_international(struct tl_str found, struct tl_str value)
{
    uint8_t digits[VALIDATE_DIGITS_MAX];
    (void)value;
    return phone_digits(found, 8, 17, digits) && !(found.data[0] == '0' && found.size > 16 && !memchr(found.data, ' ', found.size));
}

bool tl_check_phone_american(struct tl_str found, struct tl_str value)
{
    uint8_t digits[VALIDATE_DIGITS_MAX];
    (void)value;
    return phone_digits(found, 10, 11, digits);
}

/* "01-02-2024" and "2024-01-31" are days. */
static bool looks_like_day(struct tl_str text)
{
    int separators = 0;
    uint8_t digits[VALIDATE_DIGITS_MAX];
    for (size_t i = 0; i < text.size; i++)
        separators += text.data[i] == '-' || text.data[i] == '/' || text.data[i] == '.';
    int count = validate_digits(text, digits);
    if (count != 8 || separators != 2)
        return false;
    int head = digits[0] * 10 + digits[1], tail = digits[4] * 10 + digits[5];
    return head == 19 || head == 20 || tail == 19 || tail == 20;
}

bool tl_check_phone_national(struct tl_str found, struct tl_str value)
{
    uint8_t digits[VALIDATE_DIGITS_MAX];
    (void)value;
    return phone_digits(found, 8, 14, digits) && !looks_like_day(found);
}

bool tl_check_phone_bare(struct tl_str found, struct tl_str value)
{
    uint8_t digits[VALIDATE_DIGITS_MAX];
    (void)value;
    return phone_digits(found, 8, 15, digits) && !looks_like_day(found);
}

/* --- cards, accounts --- */

struct card_range {
    int low, high, digits_min, digits_max; /* of the first four digits */
};

bool tl_check_card(struct tl_str found, struct tl_str value)
{
    static const struct card_range ranges[] = {
        {4000, 4999, 13, 19}, {5100, 5599, 16, 16}, {2221, 2720, 16, 16}, {3400, 3499, 15, 15}, {3700, 3799, 15, 15}, {3000, 3059, 14, 19},
        {3600, 3699, 14, 19}, {3800, 3999, 14, 19}, {6011, 6011, 16, 19}, {6440, 6599, 16, 19}, {6200, 6299, 16, 19}, {3528, 3589, 16, 19},
        {5000, 5099, 12, 19}, {5600, 5899, 12, 19}, {6300, 6399, 12, 19}, {6700, 6799, 12, 19}, {6060, 6099, 16, 16}, {2200, 2204, 16, 19},
    };
    uint8_t digits[VALIDATE_DIGITS_MAX];
    int count = validate_digits(found, digits);
    (void)value;
    if (count < 13 || count > 19 || validate_uniform(digits, count) || !validate_luhn(digits, count))
        return false;
    int head = digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3];
    bool known = false;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        known = known || (head >= ranges[i].low && head <= ranges[i].high && count >= ranges[i].digits_min && count <= ranges[i].digits_max);
    return known;
}

/* Length of the number, a country each (the registry of SWIFT). */
static int iban_length(const char *country)
{
    static const char table[] = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22GE22GI23GL18GR27GT28"
                                "HR21"
                                "HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27MT31MU30NL18NO15"
                                "PK24PL28PS29PT25QA29RO24RS22"
                                "SA24SC31SD18SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29VA22VG24XK20BI27DJ27RU33SO23NI28MN20FK18OM23YE30";
    for (const char *at = table; *at; at += 4)
        if (at[0] == country[0] && at[1] == country[1])
            return (at[2] - '0') * 10 + at[3] - '0';
    return 0;
}

bool tl_check_iban(struct tl_str found, struct tl_str value)
{
    enum { IBAN_MAX = 34 };
    char text[IBAN_MAX];
    int count = 0, rest = 0;
    (void)value;
    for (size_t i = 0; i < found.size; i++)
        if (found.data[i] != ' ' && count < IBAN_MAX)
            text[count++] = found.data[i];
    if (count < 15 || count != iban_length(text))
        return false;
    for (int i = 0; i < count; i++) {
        char c = text[(i + 4) % count];
        rest = c <= '9' ? (rest * 10 + c - '0') % 97 : (rest * 100 + c - 'A' + 10) % 97;
    }
    return rest == 1;
}

bool tl_check_ssn(struct tl_str found, struct tl_str value)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    if (validate_digits(found, d) != 9 || validate_uniform(d, 9))
        return false;
    int area = d[0] * 100 + d[1] * 10 + d[2], group = d[3] * 10 + d[4], serial = d[5] * 1000 + d[6] * 100 + d[7] * 10 + d[8];
    return area != 0 && area != 666 && area < 900 && group != 0 && serial != 0;
}

/* --- days of birth --- */

static bool plausible_birth(int year)
{
    time_t now = (time_t)(tl_clock_wall_us() / 1000000);
    struct tm today;
    gmtime_r(&now, &today);
    return year >= BIRTH_YEAR_MIN && year <= today.tm_year + 1900;
}

static int number_of(const uint8_t *digits, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++)
        number = number * 10 + digits[i];
    return number;
}

bool tl_check_birth_iso(struct tl_str found, struct tl_str value)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    (void)value;
    return validate_digits(found, d) >= 8 && plausible_birth(number_of(d, 4)) && validate_day(number_of(d, 4), number_of(d + 4, 2), number_of(d + 6, 2));
}

bool tl_check_birth_end(struct tl_str found, struct tl_str value)
{
    uint8_t d[VALIDATE_DIGITS_MAX];
    int count = validate_digits(found, d);
    (void)value;
    return count >= 5 && plausible_birth(number_of(d + count - 4, 4));
}

/* --- postal addresses --- */

static int words_in(struct tl_str text, int *ret_capitals)
{
    int words = 0;
    *ret_capitals = 0;
    for (size_t i = 0; i < text.size; i++) {
        bool begins = i == 0 || text.data[i - 1] == ' ' || text.data[i - 1] == '\n';
        words += begins && text.data[i] != ' ';
        *ret_capitals += begins && ((text.data[i] >= 'A' && text.data[i] <= 'Z') || (unsigned char)text.data[i] >= 0x80);
    }
    return words;
}

/* "15 minutes walk" is none: a name is written with a capital, or the whole value is short and nothing else. */
bool tl_check_address_english(struct tl_str found, struct tl_str value)
{
    int capitals;
    words_in(found, &capitals);
    return capitals >= 2 || (found.size == value.size && found.size < 60);
}

bool tl_check_address_capital(struct tl_str found, struct tl_str value)
{
    int capitals;
    (void)value;
    words_in(value_trim(found), &capitals);
    return capitals >= 1;
}

bool tl_check_address_two_words(struct tl_str found, struct tl_str value)
{
    int capitals;
    (void)value;
    return words_in(value_trim(found), &capitals) >= 3;
}

bool tl_check_address_words(struct tl_str found, struct tl_str value)
{
    int capitals;
    return words_in(value, &capitals) >= 2 && found.size == value.size && (memchr(value.data, ' ', value.size) != NULL);
}

/* --- texts --- */

/* Cascading style sheets and settings have the form of cookies; names that browsers and servers use tell them apart. */
bool tl_check_cookie(struct tl_str found, struct tl_str value)
{
    static const char *const marks[] = {"path=/", "httponly", "samesite", "expires=", "max-age=", "domain=", "session", "sid=", "_ga", "_gid", "csrf", "token",
                                        "cookie", "auth", "uid=", "user", "consent", "locale=", "lang=", "theme=", "visitor", "_fbp", "track", "login", "cart"};
    (void)found;
    bool found_mark = false;
    for (size_t i = 0; i < sizeof marks / sizeof *marks && !found_mark; i++) {
        struct tl_str mark = tl_str_of(marks[i]);
        for (size_t at = 0; at + mark.size <= value.size && !found_mark; at++)
            found_mark = tl_str_equal_nocase((struct tl_str){value.data + at, mark.size}, mark);
    }
    return found_mark;
}

static bool is_hex(struct tl_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if (tl_hex_digit(text.data[i]) < 0 && text.data[i] != '-')
            return false;
    return text.size > 0;
}

/* Chosen by chance, as far as one can see: letters and digits mixed, many different ones. */
bool tl_check_random_text(struct tl_str found, struct tl_str value)
{
    int lower = 0, upper = 0, digits = 0;
    (void)value;
    for (size_t i = 0; i < found.size; i++) {
        lower += found.data[i] >= 'a' && found.data[i] <= 'z';
        upper += found.data[i] >= 'A' && found.data[i] <= 'Z';
        digits += found.data[i] >= '0' && found.data[i] <= '9';
    }
    double bits = value_entropy(found);
    if (is_hex(found))
        return bits >= 2.8 && digits > 0 && lower + upper > 0;
    return bits >= 3.2 && (digits > 0) + (lower > 0) + (upper > 0) >= 2 && digits + upper >= 3;
}

bool tl_check_identifier(struct tl_str found, struct tl_str value)
{
    int digits = 0;
    (void)value;
    for (size_t i = 0; i < found.size; i++)
        digits += found.data[i] >= '0' && found.data[i] <= '9';
    return digits >= 2 && value_entropy(found) >= 2.2;
}

/* ".../users/ann-doe": the last part is a name, not a word that a program's paths have. */
bool tl_check_user_path(struct tl_str found, struct tl_str value)
{
    const char *last = memrchr(found.data, '/', found.size);
    (void)value;
    size_t size = last ? (size_t)(found.data + found.size - last - 1) : 0;
    bool mark = false;
    for (size_t i = 0; i < size; i++)
        mark = mark || last[1 + i] == '-' || last[1 + i] == '.' || last[1 + i] == '_' || (last[1 + i] >= '0' && last[1 + i] <= '9');
    return mark;
}
