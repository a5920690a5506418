/* Clauses, literals, types and casts of Trino's SQL, each in the engine's form. */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "door/argument.h"
#include "door/dialect_int.h"

enum { LITERAL_MAX = 1000 };

static bool is_one_of(const struct tl_dialect_writer *w, size_t token, const char *const *words)
{
    for (; *words; words++)
        if (tl_dialect_is_word(w, token, *words))
            return true;
    return false;
}

/* A plain '..' literal; its text, NULL = it is none or longer than LITERAL_MAX. */
static const char *literal_at(const struct tl_dialect_writer *w, size_t token, size_t end)
{
    struct tl_str text;
    if (token >= end || w->tokens[token].size > LITERAL_MAX || !tl_token_text(w->arena, w->text, w->tokens[token], &text))
        return NULL;
    return text.data;
}

static void add_literal(struct tl_dialect_writer *w, const char *text)
{
    tl_buf_add_literal(&w->out, text, strlen(text));
}

/* --- VALUES 1, 2 and VALUES ROW(1, 2), (3, 4) --- */

static size_t values_end(const struct tl_dialect_writer *w, size_t at, size_t end)
{
    static const char *const behind[] = {"ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "EXCEPT", "INTERSECT", "ON", NULL};
    while (at < end && !tl_dialect_is_symbol(w, at, ")") && !is_one_of(w, at, behind))
        at = tl_dialect_step(w, at);
    return at;
}

/* "(1, 2)", also behind ROW */
static bool is_row(const struct tl_dialect_writer *w, size_t first, size_t end)
{
    size_t open = first + tl_dialect_is_word(w, first, "ROW");
    return open < end && tl_dialect_is_symbol(w, open, "(") && w->partners[open] + 1 == end;
}

static size_t row_end(const struct tl_dialect_writer *w, size_t first, size_t stop)
{
    while (first < stop && !tl_dialect_is_symbol(w, first, ","))
        first = tl_dialect_step(w, first);
    return first;
}

/* Nothing to do: each is a row already, or this is no list of values but a column of the name. */
static bool are_rows(const struct tl_dialect_writer *w, size_t first, size_t stop)
{
    for (size_t end; first < stop; first = end + 1) {
        end = row_end(w, first, stop);
        if (first == end)
            return true;
        if (!is_row(w, first, end) || tl_dialect_is_word(w, first, "ROW"))
            return w->tokens[first].kind == TL_TOKEN_SYMBOL && !strchr("([+-", w->text.data[w->tokens[first].offset]);
    }
    return true;
}

/* Behind these a word is an expression. */
static bool is_column(const struct tl_dialect_writer *w, size_t at)
{
    static const char *const words[] = {"SELECT", "WHERE", "AND",  "OR",  "BY",       "ON",     "SET", "THEN",
                                        "WHEN",   "ELSE",  "CASE", "NOT", "DISTINCT", "HAVING", NULL};
    if (at == 0)
        return false;
    enum tl_token_kind behind = w->tokens[at + 1].kind;
    if (tl_dialect_is_word(w, at - 1, "AS")) /* CREATE VIEW v AS VALUES 1, SELECT x AS values FROM t */
        return behind != TL_TOKEN_NUMBER && behind != TL_TOKEN_STRING && !tl_dialect_is_word(w, at + 1, "ROW");
    if (w->tokens[at - 1].kind == TL_TOKEN_SYMBOL)
        return !tl_dialect_is_symbol(w, at - 1, "(") && !tl_dialect_is_symbol(w, at - 1, ")");
    return is_one_of(w, at - 1, words);
}

size_t tl_dialect_values(struct tl_dialect_writer *w, size_t at, size_t end)
{
    size_t stop = is_column(w, at) ? 0 : values_end(w, at + 1, end);
    if (are_rows(w, at + 1, stop))
        return 0;
    tl_dialect_copy(w, at, at);
    for (size_t first = at + 1, behind; first < stop; first = behind + 1) {
        behind = row_end(w, first, stop);
        bool row = is_row(w, first, behind);
        tl_dialect_add(w, first > at + 1 ? ", " : " ");
        tl_dialect_add(w, row ? "" : "(");
        tl_dialect_write(w, first + (row && tl_dialect_is_word(w, first, "ROW")), behind);
        tl_dialect_add(w, row ? "" : ")");
    }
    return stop;
}

/* --- types --- */

/* array(t): t[]; ARRAY(SELECT ..) is a query. */
size_t tl_dialect_array_type(struct tl_dialect_writer *w, size_t at, size_t end)
{
    static const char *const queries[] = {"SELECT", "WITH", "VALUES", "FROM", "TABLE", NULL};
    size_t open = at + 1;
    if (open >= end || !tl_dialect_is_symbol(w, open, "(") || open + 1 >= w->partners[open])
        return 0;
    if (is_one_of(w, open + 1, queries) || w->tokens[open + 1].kind != TL_TOKEN_WORD)
        return 0;
    tl_dialect_write(w, open + 1, w->partners[open]);
    tl_dialect_add(w, "[]");
    return w->partners[open] + 1;
}

/* timestamp(3) with time zone: the engine's has no precision. */
static size_t write_zoned_type(struct tl_dialect_writer *w, size_t at, size_t end)
{
    size_t close = at + 1 < end ? w->partners[at + 1] : 0;
    if (close != at + 3 || close + 3 >= end || !tl_dialect_is_word(w, close + 1, "WITH") ||
        !tl_dialect_is_word(w, close + 2, "TIME") || !tl_dialect_is_word(w, close + 3, "ZONE"))
        return 0;
    tl_dialect_copy(w, at, at);
    tl_dialect_add(w, " with time zone");
    return close + 4;
}

/* --- literals --- */

/* "2024-01-02 03:04:05 Europe/Berlin", "2024-01-02 03:04:05+02:00" */
static bool names_zone(const char *text)
{
    while (*text == ' ')
        text++;
    size_t date = strspn(text + (*text == '-' || *text == '+'), "0123456789-") + (*text == '-' || *text == '+');
    const char *rest = text + date + strspn(text + date, " ");
    rest += strspn(rest, "0123456789:.");
    rest += strspn(rest, " ");
    return *rest != '\0';
}

/* DECIMAL '1.50' has the digits that are written; AS decimal without any has all 38. */
static size_t write_decimal(struct tl_dialect_writer *w, size_t at, size_t end)
{
    const char *text = literal_at(w, at + 1, end), *type = text ? tl_argument_decimal_type(w->arena, text) : NULL;
    if (type) {
        tl_dialect_add(w, "CAST(");
        tl_dialect_copy(w, at + 1, at + 1);
        tl_buf_addf(&w->out, " AS %s)", type);
        return at + 2;
    }
    if (at == 0 || !tl_dialect_is_word(w, at - 1, "AS") || !tl_dialect_is_symbol(w, at + 1, ")"))
        return 0;
    tl_dialect_copy(w, at, at);
    tl_dialect_add(w, "(38, 0)");
    return at + 1;
}

size_t tl_dialect_literal(struct tl_dialect_writer *w, size_t at, size_t end)
{
    if (tl_dialect_is_word(w, at, "DECIMAL") || tl_dialect_is_word(w, at, "DEC"))
        return write_decimal(w, at, end);
    const char *text = literal_at(w, at + 1, end);
    if (!text && (tl_dialect_is_word(w, at, "TIMESTAMP") || tl_dialect_is_word(w, at, "TIME")))
        return write_zoned_type(w, at, end);
    if (text && tl_dialect_is_word(w, at, "JSON")) {
        tl_dialect_add(w, "json_parse(");
        tl_dialect_copy(w, at + 1, at + 1);
        tl_dialect_add(w, ")");
        return at + 2;
    }
    if (!text || !tl_dialect_is_word(w, at, "TIMESTAMP") || !names_zone(text))
        return 0;
    tl_dialect_add(w, "TIMESTAMPTZ ");
    const char *zone = strrchr(text, ' ');
    char *joined = tl_arena_strdup(w->arena, text);
    if (zone && (zone[1] == '+' || zone[1] == '-')) /* the engine wants the offset right behind the time */
        memmove(joined + (zone - text), zone + 1, strlen(zone));
    add_literal(w, joined);
    return at + 2;
}

/* INTERVAL - '1' DAY, INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1 02:03:04' DAY TO SECOND */
size_t tl_dialect_interval(struct tl_dialect_writer *w, size_t at, size_t end)
{
    bool negative = at + 1 < end && tl_dialect_is_symbol(w, at + 1, "-");
    size_t value = at + 1 + (negative || (at + 1 < end && tl_dialect_is_symbol(w, at + 1, "+")));
    const char *text = literal_at(w, value, end);
    bool range = text && value + 3 < end + 1 && tl_dialect_is_word(w, value + 2, "TO");
    if (!text || (value == at + 1 && !range))
        return 0;
    char out[LITERAL_MAX + 64];
    negative = negative != (*text == '-');
    text += *text == '-';
    const char *sign = negative ? "-" : "";
    int years, months;
    if (range && tl_dialect_is_word(w, value + 1, "YEAR") && sscanf(text, "%d-%d", &years, &months) == 2) {
        snprintf(out, sizeof out, "%s%d years %s%d months", sign, years, sign, months);
    } else if (range && tl_dialect_is_word(w, value + 1, "DAY")) {
        int days = (int)strspn(text, "0123456789");
        snprintf(out, sizeof out, "%s%.*s days %s%s", sign, days, text, sign, text + days + strspn(text + days, " "));
    } else if (!range) {
        snprintf(out, sizeof out, "%s%s", sign, text);
    } else {
        return 0;
    }
    tl_dialect_add(w, "INTERVAL ");
    add_literal(w, out);
    if (range)
        return value + 4;
    tl_dialect_add(w, " ");
    tl_dialect_copy(w, value + 1, value + 1);
    return value + 2;
}

/* Four hexadecimal digits, or + and six; the bytes read, 0 = it is no escape. */
static size_t read_escape(const char *text, uint32_t *ret_point)
{
    size_t digits = *text == '+' ? 6 : 4, size = digits + (*text == '+');
    *ret_point = 0;
    for (size_t i = size - digits; i < size; i++) {
        int digit = tl_hex_digit(text[i]);
        if (digit < 0)
            return 0;
        *ret_point = *ret_point * 16 + (uint32_t)digit;
    }
    bool surrogate = *ret_point >= 0xD800 && *ret_point < 0xE000;
    return *ret_point == 0 || *ret_point > 0x10FFFF || surrogate ? 0 : size;
}

static void add_point(struct tl_buf *out, uint32_t point)
{
    if (point < 0x80) {
        tl_buf_addc(out, (char)point);
        return;
    }
    int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xC0, 0xE0, 0xF0};
    tl_buf_addc(out, (char)(leads[more] | point >> 6 * more));
    while (more-- > 0)
        tl_buf_addc(out, (char)(0x80 | (point >> 6 * more & 0x3F)));
}

/* U&'caf\00e9' */
static size_t write_unicode(struct tl_dialect_writer *w, size_t at)
{
    struct tl_token token = w->tokens[at];
    const char *text = w->text.data + token.offset;
    if (token.size < 4 || (text[0] != 'U' && text[0] != 'u') || text[1] != '&' || text[2] != '\'')
        return 0;
    struct tl_token plain = {TL_TOKEN_STRING, token.offset + 2, token.size - 2};
    struct tl_str value;
    if (!tl_token_text(w->arena, w->text, plain, &value))
        return 0;
    struct tl_buf out;
    tl_buf_init(&out, value.size + 1);
    bool good = true;
    for (const char *p = value.data; *p && good;) {
        uint32_t point;
        size_t size = p[0] == '\\' && p[1] != '\\' ? read_escape(p + 1, &point) : 0;
        good = p[0] != '\\' || p[1] == '\\' || size > 0;
        if (size)
            add_point(&out, point);
        else
            tl_buf_addc(&out, *p);
        p += size ? size + 1 : p[0] == '\\' ? 2 : 1;
    }
    if (good)
        tl_buf_add_literal(&w->out, tl_buf_cstr(&out), out.size);
    tl_buf_done(&out);
    return good ? at + 1 : 0;
}

/* X'65683F', with or without blanks between the bytes */
static size_t write_bytes(struct tl_dialect_writer *w, size_t at)
{
    struct tl_token token = w->tokens[at];
    const char *text = w->text.data + token.offset;
    size_t digits = 0;
    for (size_t i = 2; i + 1 < token.size; i++) {
        if (!strchr(" 0123456789abcdefABCDEF", text[i]) || text[i] == '\0')
            return 0;
        digits += text[i] != ' ';
    }
    if (token.size < 3 || text[1] != '\'' || digits % 2 != 0)
        return 0;
    tl_dialect_add(w, "unhex('");
    for (size_t i = 2; i + 1 < token.size; i++)
        if (text[i] != ' ')
            tl_buf_addc(&w->out, text[i]);
    tl_dialect_add(w, "')");
    return at + 1;
}

size_t tl_dialect_string(struct tl_dialect_writer *w, size_t at)
{
    char first = w->text.data[w->tokens[at].offset];
    return first == 'X' || first == 'x' ? write_bytes(w, at) : write_unicode(w, at);
}

/* --- CAST --- */

/* The functions that casts to some types mean; NULL = the engine's own cast. */
static const char *cast_function(const struct tl_dialect_writer *w, size_t type, size_t close, size_t *ret_length)
{
    static const struct {
        const char *type, *function;
    } casts[] = {{"VARCHAR", "trino_varchar"},   {"CHAR", "trino_char"},     {"JSON", "trino_json"},
                 {"INTEGER", "trino_integer"},   {"INT", "trino_integer"},   {"BIGINT", "trino_bigint"},
                 {"SMALLINT", "trino_smallint"}, {"TINYINT", "trino_tinyint"}};
    bool sized = type + 4 == close && tl_dialect_is_symbol(w, type + 1, "(") && w->tokens[type + 2].kind == TL_TOKEN_NUMBER;
    *ret_length = sized ? type + 2 : 0;
    for (size_t i = 0; i < sizeof casts / sizeof *casts; i++)
        if (tl_dialect_is_word(w, type, casts[i].type))
            return type + 1 == close || (sized && i < 2) ? casts[i].function : NULL;
    return NULL;
}

size_t tl_dialect_cast(struct tl_dialect_writer *w, size_t at, size_t end)
{
    size_t open = at + 1, close = open < end ? w->partners[open] : 0, length;
    if (close <= open)
        return 0;
    size_t as = tl_dialect_find_word(w, open + 1, close, "AS");
    const char *function = as + 1 < close ? cast_function(w, as + 1, close, &length) : NULL;
    if (!function)
        return 0;
    bool try = tl_dialect_is_word(w, at, "TRY_CAST");
    tl_dialect_add(w, try ? "TRY(" : "");
    tl_dialect_add(w, function);
    tl_dialect_add(w, length && strcmp(function, "trino_varchar") == 0 ? "_sized(" : "(");
    tl_dialect_write(w, open + 1, as);
    if (length || strcmp(function, "trino_char") == 0) {
        tl_dialect_add(w, ", ");
        if (length)
            tl_dialect_copy(w, length, length);
        else
            tl_dialect_add(w, "1");
    }
    tl_dialect_add(w, try ? "))" : ")");
    return close + 1;
}

/* --- clauses --- */

/* EXTRACT(DOW FROM x): fields that the engine calls otherwise. */
size_t tl_dialect_extract(struct tl_dialect_writer *w, size_t at, size_t end)
{
    static const char *const fields[][2] = {{"DAY_OF_WEEK", "isodow"},  {"DOW", "isodow"},           {"DAY_OF_MONTH", "day"},
                                            {"DAY_OF_YEAR", "doy"},     {"YEAR_OF_WEEK", "isoyear"}, {"YOW", "isoyear"},
                                            {"WEEK_OF_YEAR", "week"}};
    size_t open = at + 1;
    if (open + 2 >= end || !tl_dialect_is_symbol(w, open, "(") || !tl_dialect_is_word(w, open + 2, "FROM"))
        return 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!tl_dialect_is_word(w, open + 1, fields[i][0]))
            continue;
        tl_dialect_copy(w, at, open);
        tl_dialect_add(w, fields[i][1]);
        tl_dialect_add(w, " ");
        tl_dialect_write(w, open + 2, w->partners[open] + 1);
        return w->partners[open] + 1;
    }
    return 0;
}

/* LISTAGG(x, ',') WITHIN GROUP (ORDER BY y): string_agg(x, ',' ORDER BY y) */
size_t tl_dialect_listagg(struct tl_dialect_writer *w, size_t at, size_t end)
{
    struct tl_dialect_call call;
    if (at + 1 >= end || !tl_dialect_read_call(w, at + 1, &call) || call.count == 0 || call.count > 2)
        return 0;
    size_t group = call.close + 3;
    if (group >= end || !tl_dialect_is_word(w, group - 2, "WITHIN") || !tl_dialect_is_word(w, group - 1, "GROUP") ||
        w->partners[group] <= group)
        return 0;
    tl_dialect_add(w, "string_agg(");
    tl_dialect_write(w, call.first[0], call.close);
    tl_dialect_add(w, call.count == 1 ? ", '' " : " ");
    tl_dialect_write(w, group + 1, w->partners[group]);
    tl_dialect_add(w, ")");
    return w->partners[group] + 1;
}

static bool begins_table(const struct tl_dialect_writer *w, size_t at)
{
    return at > 0 && (tl_dialect_is_word(w, at - 1, "FROM") || tl_dialect_is_word(w, at - 1, "JOIN") ||
                      tl_dialect_is_symbol(w, at - 1, ","));
}

/* The columns that AS t (a, b) names; 0 = none are named. */
static size_t named_columns(const struct tl_dialect_writer *w, size_t at, size_t end)
{
    struct tl_dialect_call call;
    at += at < end && tl_dialect_is_word(w, at, "AS");
    if (at + 1 >= end || !tl_dialect_read_call(w, at + 1, &call))
        return 0;
    return call.count;
}

/* UNNEST of several arrays, of a map or of rows: as many columns as there are parts. */
size_t tl_dialect_unnest(struct tl_dialect_writer *w, size_t at, size_t end)
{
    struct tl_dialect_call call;
    if (at + 1 >= end || !begins_table(w, at) || !tl_dialect_read_call(w, at + 1, &call) || call.count == 0)
        return 0;
    size_t behind = call.close + 1;
    bool ordinal = behind + 1 < end && tl_dialect_is_word(w, behind, "WITH") && tl_dialect_is_word(w, behind + 1, "ORDINALITY");
    size_t columns = named_columns(w, behind + 2 * ordinal, end);
    if (call.count == 1 && (columns == 0 || columns == 1u + ordinal))
        return 0; /* the engine's own */
    tl_dialect_add(w, ordinal ? "(SELECT unnest(trino_numbered(" : "(SELECT unnest(");
    tl_dialect_add(w, call.count == 1 ? "trino_entries" : "list_zip");
    for (size_t i = 0; i < call.count; i++) {
        tl_dialect_add(w, i ? ", " : "(");
        tl_dialect_write(w, call.first[i], call.end[i]);
    }
    tl_dialect_add(w, ordinal ? ")), max_depth := 3))" : "), max_depth := 2))");
    return behind + 2 * ordinal;
}

/* lag(x) IGNORE NULLS OVER ..: within the brackets in the engine's form */
size_t tl_dialect_nulls(struct tl_dialect_writer *w, size_t at, size_t end)
{
    size_t open = at + 1, close = open < end ? w->partners[open] : 0;
    bool ignore = close > open && close + 2 < end && tl_dialect_is_word(w, close + 1, "IGNORE");
    bool respect = close > open && close + 2 < end && tl_dialect_is_word(w, close + 1, "RESPECT");
    if ((!ignore && !respect) || !tl_dialect_is_word(w, close + 2, "NULLS"))
        return 0;
    tl_dialect_copy(w, at, open);
    tl_dialect_write(w, open + 1, close);
    tl_dialect_add(w, ignore ? " IGNORE NULLS)" : ")");
    return close + 3;
}

/* TABLESAMPLE BERNOULLI (10): percent */
size_t tl_dialect_sample(struct tl_dialect_writer *w, size_t at, size_t end)
{
    bool known = at + 4 < end + 1 && (tl_dialect_is_word(w, at + 1, "BERNOULLI") || tl_dialect_is_word(w, at + 1, "SYSTEM"));
    if (!known || w->partners[at + 2] != at + 4 || w->tokens[at + 3].kind != TL_TOKEN_NUMBER)
        return 0;
    tl_dialect_copy(w, at, at + 3);
    tl_dialect_add(w, " PERCENT)");
    return at + 5;
}

/* FROM TABLE(f(..)) */
size_t tl_dialect_table(struct tl_dialect_writer *w, size_t at, size_t end)
{
    size_t open = at + 1;
    if (open >= end || !begins_table(w, at) || !tl_dialect_is_symbol(w, open, "(") || w->partners[open] <= open + 1)
        return 0;
    bool series = tl_dialect_is_word(w, open + 1, "SEQUENCE");
    tl_dialect_add(w, series ? "unnest(" : "");
    tl_dialect_write(w, open + 1, w->partners[open]);
    tl_dialect_add(w, series ? ")" : "");
    return w->partners[open] + 1;
}
