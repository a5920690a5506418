/* The server's own words about a failure, as an error of ours. */
#include <stdlib.h>
#include <string.h>

#include "sources/clickhouse/native.h"

static const struct {
    int number;
    enum tl_code code;
    const char *message;
    const char *hint;
} known_failures[] = {
    {8, TL_SOURCE_CHANGED, "ClickHouse does not know a column", "the table may have changed: refresh the source"},
    {10, TL_SOURCE_CHANGED, "ClickHouse does not know a column", "the table may have changed: refresh the source"},
    {16, TL_SOURCE_CHANGED, "ClickHouse does not know a column", "the table may have changed: refresh the source"},
    {47, TL_SOURCE_CHANGED, "ClickHouse does not know a column", "the table may have changed: refresh the source"},
    {60, TL_TABLE_NOT_FOUND, "ClickHouse does not know the table",
     "the table may have been dropped: refresh the source"},
    {81, TL_TABLE_NOT_FOUND, "ClickHouse does not know the database",
     "the database may have been dropped: refresh the source"},
    {159, TL_TIME_EXCEEDED, "ClickHouse ended the query: its time is over", "ask for less, or allow more time"},
    {160, TL_TIME_EXCEEDED, "ClickHouse ended the query: it would take too long", "ask for less, or allow more time"},
    {192, TL_SOURCE_AUTH, "ClickHouse refused the user or password", "check the source's options user and password"},
    {193, TL_SOURCE_AUTH, "ClickHouse refused the user or password", "check the source's options user and password"},
    {194, TL_SOURCE_AUTH, "ClickHouse refused the user or password", "check the source's options user and password"},
    {195, TL_SOURCE_AUTH, "ClickHouse does not let this user in from here", "check the user's networks in ClickHouse"},
    {516, TL_SOURCE_AUTH, "ClickHouse refused the user or password", "check the source's options user and password"},
    {158, TL_SOURCE_FAILED, "ClickHouse ended the query: it reads more rows than its user may",
     "ask for less, or raise max_rows_to_read of the user"},
    {201, TL_SOURCE_UNAVAILABLE, "the quota of ClickHouse's user is used up",
     "wait until its interval ends, or raise the quota in ClickHouse"},
    {307, TL_SOURCE_FAILED, "ClickHouse ended the query: it reads more bytes than its user may",
     "ask for less, or raise max_bytes_to_read of the user"},
    {396, TL_SOURCE_FAILED, "ClickHouse ended the query: its result is larger than its user may have",
     "ask for less, or raise max_result_rows and max_result_bytes of the user"},
    {202, TL_SOURCE_UNAVAILABLE, "ClickHouse has too many queries running", "try again later"},
    {209, TL_SOURCE_UNAVAILABLE, "ClickHouse lost a connection", "try again later"},
    {210, TL_SOURCE_UNAVAILABLE, "ClickHouse lost a connection", "try again later"},
    {236, TL_SOURCE_UNAVAILABLE, "ClickHouse aborted the query", "it may be shutting down: try again later"},
    {241, TL_SOURCE_FAILED, "ClickHouse ended the query: it needs too much memory",
     "ask for less, or raise the memory limit of the user"},
    {394, TL_CANCELLED, "the query was cancelled at the ClickHouse server", NULL},
    {497, TL_SOURCE_FAILED, "ClickHouse does not allow this to its user",
     "grant SELECT on the table to the source's user"},
};

/* What an expression, an aggregate or a join that was asked for can meet, and plain rows not: unsupported and malformed
 * arguments, types that do not go together, values out of range, a query too long or too deep, rules of joins. */
static const int rejections[] = {1,   6,   26,  27,  32,  34,  35,  36,  38,  41,  42,  43,  44,  46,  48,  53,  62,
                                 69,  70,  72,  131, 153, 167, 168, 169, 179, 184, 190, 207, 215, 288, 306, 321, 349,
                                 352, 386, 401, 403, 407, 427, 432, 435, 441, 457, 511, 675, 676};

static bool is_rejection(int number)
{
    for (size_t i = 0; i < sizeof rejections / sizeof rejections[0]; i++)
        if (rejections[i] == number)
            return true;
    return false;
}

static int exception_number(struct tl_str text)
{
    static const char start[] = "Code: ";
    char digits[12] = {0};
    if (text.size < sizeof start || memcmp(text.data, start, sizeof start - 1) != 0)
        return 0;
    text.data += sizeof start - 1;
    text.size -= sizeof start - 1;
    for (size_t i = 0; i < text.size && i + 1 < sizeof digits && text.data[i] >= '0' && text.data[i] <= '9'; i++)
        digits[i] = text.data[i];
    return (int)strtol(digits, NULL, 10);
}

/* Without "(version 26.7...)" and what follows it; only valid UTF-8. */
static int shown_size(struct tl_str text)
{
    static const char version[] = " (version ";
    const char *found = memmem(text.data, text.size, version, sizeof version - 1);
    size_t size = found ? (size_t)(found - text.data) : text.size, bad;
    size = size < TL_ERR_DETAIL_MAX - 1 ? size : TL_ERR_DETAIL_MAX - 1;
    if (!tl_utf8_valid(text.data, size, &bad))
        size = bad;
    while (size > 0 && (text.data[size - 1] == '\n' || text.data[size - 1] == '\r' || text.data[size - 1] == ' '))
        size--;
    return (int)size;
}

enum tl_code tl_clickhouse_exception(struct tl_str text, int code, struct tl_err *err)
{
    int number = code ? code : exception_number(text);
    for (size_t i = 0; i < sizeof known_failures / sizeof known_failures[0]; i++) {
        if (known_failures[i].number == number) {
            tl_err_set(err, known_failures[i].code, "%s", known_failures[i].message);
            tl_err_detail(err, "%.*s", shown_size(text), text.data);
            if (known_failures[i].hint)
                tl_err_hint(err, "%s", known_failures[i].hint);
            return err->code;
        }
    }
    tl_err_set(err, is_rejection(number) ? TL_SOURCE_REJECTED : TL_SOURCE_FAILED, "ClickHouse reported error %d", number);
    tl_err_detail(err, "%.*s", shown_size(text), text.data);
    return err->code;
}
