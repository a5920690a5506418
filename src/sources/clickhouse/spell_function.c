/* Functions: one table, name and arguments -> ClickHouse's spelling.  Each row is compared with the engine's own answer by
 * the test named in the last column (tests/integration/clickhouse_pushdown.c). */
#include <string.h>

#include "sources/clickhouse/spell.h"

enum { ARGUMENTS_MAX = 3, COUNT_MAX = 1000000000 };

/* Arguments, a letter each:
 *   T text; F text that may be folded, if the constants are ASCII; k text constant, not empty; t any text constant
 *   l pattern of LIKE; u unit of date_trunc
 *   D date; S timestamp without a zone; N number of 64 bits at most; R real number (DOUBLE)
 *   p whole constant from 1; n whole constant from 0; z whole constant that divides safely (not 0, not -1) */
static const struct row {
    const char *name, *arguments, *spelling;
    bool folds;
    const char *test;
} rows[] = {
    {"prefix", "Fk", "startsWith($1, $2)", false, "text_functions"},
    {"starts_with", "Fk", "startsWith($1, $2)", false, "text_functions"},
    {"^@", "Fk", "startsWith($1, $2)", false, "text_functions"},
    {"suffix", "Fk", "endsWith($1, $2)", false, "text_functions"},
    {"ends_with", "Fk", "endsWith($1, $2)", false, "text_functions"},
    {"contains", "Fk", "(position($1, $2) > 0)", false, "text_functions"},
    {"~~", "Fl", "($1 LIKE $2)", false, "patterns"},
    {"!~~", "Fl", "(NOT ($1 LIKE $2))", false, "patterns"},
    {"lower", "T", "lower(replaceAll(replaceAll($1, '\xC4\xB0', 'i'), '\xE2\x84\xAA', 'k'))", true, "folded_text"},
    {"lcase", "T", "lower(replaceAll(replaceAll($1, '\xC4\xB0', 'i'), '\xE2\x84\xAA', 'k'))", true, "folded_text"},
    {"upper", "T", "upper(replaceAll(replaceAll($1, '\xC4\xB1', 'I'), '\xC5\xBF', 'S'))", true, "folded_text"},
    {"ucase", "T", "upper(replaceAll(replaceAll($1, '\xC4\xB1', 'I'), '\xC5\xBF', 'S'))", true, "folded_text"},
    {"length", "T", "toInt64(lengthUTF8($1))", false, "text_functions"},
    {"len", "T", "toInt64(lengthUTF8($1))", false, "text_functions"},
    {"strlen", "T", "toInt64(length($1))", false, "text_functions"},
    {"substring", "Tpn", "substringUTF8($1, $2, $3)", false, "text_functions"},
    {"substr", "Tpn", "substringUTF8($1, $2, $3)", false, "text_functions"},
    {"substring", "Tp", "substringUTF8($1, $2)", false, "text_functions"},
    {"substr", "Tp", "substringUTF8($1, $2)", false, "text_functions"},
    {"left", "Tn", "substringUTF8($1, 1, $2)", false, "text_functions"},
    {"right", "Tn", "rightUTF8($1, $2)", false, "text_functions"},
    {"replace", "Tkt", "replaceAll($1, $2, $3)", false, "text_functions"},
    {"||", "TT", "concat($1, $2)", false, "text_functions"},
    {"instr", "Tk", "toInt64(positionUTF8($1, $2))", false, "text_functions"},
    {"strpos", "Tk", "toInt64(positionUTF8($1, $2))", false, "text_functions"},
    {"year", "D", "toInt64(toYear($1))", false, "date_parts"},
    {"year", "S", "toInt64(toYear($1))", false, "date_parts"},
    {"quarter", "D", "toInt64(toQuarter($1))", false, "date_parts"},
    {"quarter", "S", "toInt64(toQuarter($1))", false, "date_parts"},
    {"month", "D", "toInt64(toMonth($1))", false, "date_parts"},
    {"month", "S", "toInt64(toMonth($1))", false, "date_parts"},
    {"week", "D", "toInt64(toISOWeek($1))", false, "date_parts"},
    {"week", "S", "toInt64(toISOWeek($1))", false, "date_parts"},
    {"weekofyear", "D", "toInt64(toISOWeek($1))", false, "date_parts"},
    {"weekofyear", "S", "toInt64(toISOWeek($1))", false, "date_parts"},
    {"isoyear", "D", "toInt64(toISOYear($1))", false, "date_parts"},
    {"isoyear", "S", "toInt64(toISOYear($1))", false, "date_parts"},
    {"day", "D", "toInt64(toDayOfMonth($1))", false, "date_parts"},
    {"day", "S", "toInt64(toDayOfMonth($1))", false, "date_parts"},
    {"dayofmonth", "D", "toInt64(toDayOfMonth($1))", false, "date_parts"},
    {"dayofmonth", "S", "toInt64(toDayOfMonth($1))", false, "date_parts"},
    {"dayofyear", "D", "toInt64(toDayOfYear($1))", false, "date_parts"},
    {"dayofyear", "S", "toInt64(toDayOfYear($1))", false, "date_parts"},
    {"dayofweek", "D", "toInt64(toDayOfWeek($1) % 7)", false, "date_parts"},
    {"dayofweek", "S", "toInt64(toDayOfWeek($1) % 7)", false, "date_parts"},
    {"weekday", "D", "toInt64(toDayOfWeek($1) % 7)", false, "date_parts"},
    {"weekday", "S", "toInt64(toDayOfWeek($1) % 7)", false, "date_parts"},
    {"isodow", "D", "toInt64(toDayOfWeek($1))", false, "date_parts"},
    {"isodow", "S", "toInt64(toDayOfWeek($1))", false, "date_parts"},
    {"hour", "S", "toInt64(toHour($1))", false, "date_parts"},
    {"minute", "S", "toInt64(toMinute($1))", false, "date_parts"},
    {"second", "S", "toInt64(toSecond($1))", false, "date_parts"},
    {"-", "DD", "(toInt64(toInt32($1)) - toInt64(toInt32($2)))", false, "date_parts"},
    {"abs", "R", "abs($1)", false, "real_arithmetic"},
    {"floor", "R", "floor($1)", false, "real_arithmetic"},
    {"ceil", "R", "ceil($1)", false, "real_arithmetic"},
    {"ceiling", "R", "ceil($1)", false, "real_arithmetic"},
    {"+", "RR", "($1 + $2)", false, "real_arithmetic"},
    {"-", "RR", "($1 - $2)", false, "real_arithmetic"},
    {"*", "RR", "($1 * $2)", false, "real_arithmetic"},
    {"-", "R", "(-$1)", false, "real_arithmetic"},
    {"abs", "N", "abs(toInt128($1))", false, "whole_arithmetic"},
    {"-", "N", "(-toInt128($1))", false, "whole_arithmetic"},
    {"%", "Nz", "(toInt128($1) % $2)", false, "whole_arithmetic"},
    {"//", "Nz", "intDiv(toInt128($1), $2)", false, "whole_arithmetic"},
};

struct arguments {
    const struct row *row;
    const char *texts[ARGUMENTS_MAX];
    bool nullable, folded;
};

static bool is_ascii(struct tl_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    return true;
}

static bool whole_constant(const struct tl_expr *expr, char letter)
{
    if (expr->kind != TL_EXPR_CONSTANT || expr->value.is_null || !tl_clickhouse_is_whole(expr->value.type.id))
        return false;
    int64_t number = expr->value.as.int64;
    if (expr->value.type.id > TL_TYPE_INT128 && number < 0) /* unsigned, over the half */
        return false;
    if (letter == 'z')
        return number != 0 && number != -1;
    return number >= (letter == 'p' ? 1 : 0) && number <= COUNT_MAX;
}

static bool text_constant(const struct tl_expr *expr, char letter, bool folded)
{
    if (expr->kind != TL_EXPR_CONSTANT || expr->value.is_null || expr->value.type.id != TL_TYPE_VARCHAR)
        return false;
    return (letter == 't' || expr->value.as.text.size > 0) && (!folded || is_ascii(expr->value.as.text));
}

/* May this expression be the argument that the letter stands for? */
static bool takes(char letter, const struct tl_expr *expr, bool folded)
{
    switch (letter) {
    case 'T':
    case 'F':
        return expr->type.id == TL_TYPE_VARCHAR;
    case 'k':
    case 't':
    case 'l':
        return text_constant(expr, letter, folded);
    case 'D':
        return expr->type.id == TL_TYPE_DATE;
    case 'S':
        return expr->type.id == TL_TYPE_TIMESTAMP;
    case 'N':
        return tl_clickhouse_is_whole(expr->type.id);
    case 'R':
        return expr->type.id == TL_TYPE_DOUBLE;
    default:
        return whole_constant(expr, letter);
    }
}

/* The engine's pattern has no escape character; ClickHouse's has the backslash. */
static const char *pattern(tl_arena *arena, struct tl_str text)
{
    struct tl_buf escaped, literal;
    tl_buf_init(&escaped, TL_CLICKHOUSE_EXPRESSION_BYTES_MAX);
    tl_buf_init(&literal, TL_CLICKHOUSE_EXPRESSION_BYTES_MAX);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\\')
            tl_buf_addc(&escaped, '\\');
        tl_buf_addc(&escaped, text.data[i]);
    }
    tl_clickhouse_add_literal(&literal, (struct tl_str){escaped.data, escaped.size});
    const char *result = escaped.failed || literal.failed ? NULL : tl_arena_strdup(arena, tl_buf_cstr(&literal));
    tl_buf_done(&escaped);
    tl_buf_done(&literal);
    return result;
}

static bool spell_arguments(struct tl_clickhouse_speller *speller, const struct tl_expr *expr, struct arguments *arguments)
{
    const char *letters = arguments->row->arguments;
    for (size_t i = 0; i < expr->child_count; i++) {
        struct tl_clickhouse_spelled one;
        if (letters[i] == 'l')
            arguments->texts[i] = pattern(speller->arena, expr->children[i]->value.as.text);
        else if (whole_constant(expr->children[i], letters[i]) && strchr("pnz", letters[i]))
            arguments->texts[i] = tl_arena_printf(speller->arena, "toInt64(%lld)",
                                                  (long long)expr->children[i]->value.as.int64);
        else if ((arguments->texts[i] = tl_clickhouse_spell_apart(speller, expr->children[i], &one))) {
            arguments->nullable |= one.nullable;
            arguments->folded |= one.folded;
            if (one.folded && letters[i] != 'F')
                return tl_clickhouse_decline(speller, "lower and upper case are not the same there, but for ASCII");
        }
        if (!arguments->texts[i])
            return tl_clickhouse_decline(speller, "too long");
    }
    for (size_t i = 1; i < expr->child_count; i++)
        if (arguments->folded && !takes(letters[i], expr->children[i], true))
            return tl_clickhouse_decline(speller, "lower and upper case are not the same there, but for ASCII");
    return true;
}

static void fill_in(struct tl_buf *sql, const struct arguments *arguments)
{
    for (const char *c = arguments->row->spelling; *c; c++) {
        if (c[0] == '$' && c[1] >= '1' && c[1] <= '3')
            tl_buf_adds(sql, arguments->texts[*++c - '1']);
        else
            tl_buf_addc(sql, *c);
    }
}

static const struct row *find_row(const struct tl_expr *expr)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool fits = tl_streq(rows[i].name, expr->function) && strlen(rows[i].arguments) == expr->child_count;
        for (size_t k = 0; fits && k < expr->child_count; k++)
            fits = takes(rows[i].arguments[k], expr->children[k], false);
        if (fits)
            return &rows[i];
    }
    return NULL;
}

static bool counts_days(const char *spelling)
{
    return spelling[0] < '0' || spelling[0] > '9';
}

/* test_date_trunc_equals_the_truth.  Days are counted as Date32 and parts of a day as ticks: ClickHouse's own toStartOf...
 * functions answer with types of a smaller range. */
static const char *truncated(struct tl_str unit, bool of_date)
{
    static const struct {
        const char *unit, *spelling;
    } units[] = {
        {"year", "makeDate32(toYear($1), 1, 1)"},
        {"quarter", "makeDate32(toYear($1), toQuarter($1) * 3 - 2, 1)"},
        {"month", "makeDate32(toYear($1), toMonth($1), 1)"},
        {"week", "(toDate32($1) - (toDayOfWeek($1) - 1))"},
        {"day", "toDate32($1)"},
        {"hour", "3600000000"},
        {"minute", "60000000"},
        {"second", "1000000"},
        {"millisecond", "1000"},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (tl_str_equal(unit, tl_str_of(units[i].unit)) && (!of_date || counts_days(units[i].spelling)))
            return units[i].spelling;
    return NULL;
}

static bool date_trunc(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                       struct tl_clickhouse_spelled *ret_spelled)
{
    const struct tl_expr *unit = expr->children[0], *value = expr->children[1];
    bool of_date = value->type.id == TL_TYPE_DATE, to_date = expr->type.id == TL_TYPE_DATE;
    if (!text_constant(unit, 'k', false) || (!of_date && value->type.id != TL_TYPE_TIMESTAMP) ||
        (!to_date && expr->type.id != TL_TYPE_TIMESTAMP))
        return tl_clickhouse_decline(speller, "only dates and times without a zone");
    const char *spelling = truncated(unit->value.as.text, of_date);
    const char *text = spelling ? tl_clickhouse_spell_apart(speller, value, ret_spelled) : NULL;
    if (!text || strlen(text) > TL_CLICKHOUSE_TWICE_BYTES_MAX)
        return tl_clickhouse_decline(speller, "a unit without an equal meaning there");
    bool days = counts_days(spelling);
    if (days) {
        struct row row = {.spelling = spelling};
        struct arguments arguments = {.row = &row, .texts = {text}};
        tl_buf_adds(speller->sql, to_date ? "(" : "toDateTime64(");
        fill_in(speller->sql, &arguments);
        tl_buf_adds(speller->sql, to_date ? ")" : ", 6, 'UTC')");
    } else {
        tl_buf_addf(speller->sql, "fromUnixTimestamp64Micro(toUnixTimestamp64Micro(%s)", text);
        tl_buf_addf(speller->sql, " - positiveModulo(toUnixTimestamp64Micro(%s), toInt64(%s)), 'UTC')", text, spelling);
    }
    ret_spelled->type = tl_clickhouse_home_type(speller->arena, &expr->type);
    return days || !to_date || tl_clickhouse_decline(speller, "malformed");
}

bool tl_clickhouse_spell_function(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                                  struct tl_clickhouse_spelled *ret_spelled)
{
    if (expr->child_count < 1 || expr->child_count > ARGUMENTS_MAX || !expr->function)
        return tl_clickhouse_decline(speller, "function without an equal meaning there");
    if (tl_streq(expr->function, "date_trunc") && expr->child_count == 2)
        return date_trunc(speller, expr, ret_spelled);
    struct arguments arguments = {.row = find_row(expr)};
    if (!arguments.row)
        return tl_clickhouse_spell_arithmetic(speller, expr, ret_spelled);
    if (!spell_arguments(speller, expr, &arguments))
        return false;
    fill_in(speller->sql, &arguments);
    bool whole = tl_clickhouse_is_whole(expr->type.id) && strchr("Nz", arguments.row->arguments[0]);
    *ret_spelled = (struct tl_clickhouse_spelled){
        .type = whole ? tl_clickhouse_type_of(speller->arena, "Int128") : tl_clickhouse_home_type(speller->arena, &expr->type),
        .nullable = arguments.nullable,
        .folded = arguments.row->folds};
    return ret_spelled->type || tl_clickhouse_decline(speller, "a type without a like there");
}
