#include "data/value.h"

#include "data/format_int.h"

void tl_int128_format(char text[48], uint64_t low, int64_t high, int scale)
{
    __int128 number = (__int128)((unsigned __int128)(uint64_t)high << 64 | low);
    *tl_format_int128(text, number, scale) = '\0';
}

static void add_unsigned(struct tl_buf *buf, unsigned __int128 number)
{
    char digits[40];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number > 0);
    tl_buf_add(buf, digits + at, sizeof digits - at);
}

bool tl_value_add_integer(struct tl_buf *buf, const struct tl_value *value)
{
    char text[48];
    if (value->is_null)
        return false;
    switch (value->type.id) {
    case TL_TYPE_INT8:
    case TL_TYPE_INT16:
    case TL_TYPE_INT32:
    case TL_TYPE_INT64:
        tl_buf_addf(buf, "%lld", (long long)value->as.int64);
        return true;
    case TL_TYPE_UINT8:
    case TL_TYPE_UINT16:
    case TL_TYPE_UINT32:
    case TL_TYPE_UINT64:
        tl_buf_addf(buf, "%llu", (unsigned long long)value->as.uint64);
        return true;
    case TL_TYPE_INT128:
        tl_int128_format(text, value->as.int128.low, value->as.int128.high, 0);
        tl_buf_adds(buf, text);
        return true;
    case TL_TYPE_UINT128:
        add_unsigned(buf, (unsigned __int128)(uint64_t)value->as.int128.high << 64 | value->as.int128.low);
        return true;
    default:
        return false;
    }
}

/* civil_from_days and days_from_civil of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
void tl_date_to_civil(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * day_of_year + 2) / 153;
    *ret_day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *ret_month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *ret_year = (int64_t)year_of_era + era * 400 + (*ret_month <= 2);
}

int64_t tl_date_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (unsigned)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (unsigned)day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}
