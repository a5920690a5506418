/* Functions and operators that both systems mean equally. */
#include <stdlib.h>

#include "sources/postgres/sql.h"

enum {
    ARGUMENTS_MAX = 3,
    TEXT = TL_POSTGRES_CLASS_TEXT,
    INT = TL_POSTGRES_CLASS_INT,
    DECIMAL = TL_POSTGRES_CLASS_DECIMAL,
    FLOAT = TL_POSTGRES_CLASS_FLOAT,
    DATE = TL_POSTGRES_CLASS_DATE,
    STAMP = TL_POSTGRES_CLASS_TIMESTAMP,
    DAYS = DATE | STAMP,
    STEP = TL_POSTGRES_CLASS_INTERVAL,
};

#define SAME TL_TYPE_INVALID /* the result and all arguments have one type */

/* Steps beyond these may leave the range of one system and not of the other. */
enum { STEP_MONTHS_MAX = 12 * 10000, STEP_DAYS_MAX = 366 * 10000 };
#define STEP_MICROS_MAX (INT64_C(86400000000) * STEP_DAYS_MAX)

/* --- what arguments must be besides their types --- */

static const struct tl_value *constant_of(const struct tl_expr *expr, size_t i)
{
    return i < expr->child_count && expr->children[i]->kind == TL_EXPR_CONSTANT && !expr->children[i]->value.is_null
               ? &expr->children[i]->value
               : NULL;
}

static bool whole_between(const struct tl_expr *expr, size_t i, int64_t least, int64_t most)
{
    const struct tl_value *value = constant_of(expr, i);
    return value && value->type.id >= TL_TYPE_INT8 && value->type.id <= TL_TYPE_INT64 && value->as.int64 >= least &&
           value->as.int64 <= most;
}

/* substring: from a place within the text, not backwards */
static bool forwards(const struct tl_expr *expr)
{
    return whole_between(expr, 1, 1, INT32_MAX / 2) &&
           (expr->child_count == 2 || whole_between(expr, 2, 0, INT32_MAX / 2));
}

static bool counted(const struct tl_expr *expr)
{
    return whole_between(expr, 1, -INT32_MAX / 2, INT32_MAX / 2);
}

/* by zero is NULL in one and an error in the other, by -1 may overflow */
static bool divisible(const struct tl_expr *expr)
{
    const struct tl_value *value = constant_of(expr, 1);
    return value && value->as.int64 != 0 && value->as.int64 != -1;
}

static bool second_has_text(const struct tl_expr *expr)
{
    const struct tl_value *value = constant_of(expr, 1);
    return value && value->as.text.size > 0;
}

static bool is_unit(const struct tl_expr *expr)
{
    static const char *const units[] = {"year", "quarter", "month", "week", "day", "hour", "minute", "second"};
    const struct tl_value *value = constant_of(expr, 0);
    size_t count = expr->children[1]->type.id == TL_TYPE_DATE ? 5 : sizeof units / sizeof *units;
    for (size_t i = 0; value && i < count; i++)
        if (tl_str_equal(value->as.text, tl_str_of(units[i])))
            return true;
    return false;
}

static bool small_step(const struct tl_expr *expr)
{
    for (size_t i = 0; i < expr->child_count; i++) {
        const struct tl_value *value = constant_of(expr, i);
        if (value && value->type.id == TL_TYPE_INTERVAL)
            return llabs(value->as.interval.months) <= STEP_MONTHS_MAX &&
                   llabs(value->as.interval.days) <= STEP_DAYS_MAX && llabs(value->as.interval.micros) <= STEP_MICROS_MAX;
    }
    return false;
}

/* --- the table --- */

/* The letters that lower case makes ASCII of: the Kelvin sign and the dotted I besides ASCII itself; for upper case the
 * dotless i and the long s.  Others stay what they are: the result is right as far as it is ASCII. */
#define LOWER "translate($1, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ\u212A\u0130', 'abcdefghijklmnopqrstuvwxyzki')"
#define UPPER "translate($1, 'abcdefghijklmnopqrstuvwxyz\u0131\u017F', 'ABCDEFGHIJKLMNOPQRSTUVWXYZIS')"
/* Unicode's category Zs */
#define BLANKS "' \u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u202F\u205F\u3000'"
#define YEAR "CASE WHEN isfinite($1) THEN extract(year from $1)::int8 + (extract(year from $1) < 0)::int4 END"

/* Tests: test_functions_mean_the_same of postgres_meaning.c has each row by its name, on columns and constants of each
 * class; rows of two and more spellings are as many rows. */
static const struct function {
    const char *name;
    int argument_count;
    int classes[ARGUMENTS_MAX];
    enum tl_type_id result;
    const char *spelling;
    bool (*fits)(const struct tl_expr *expr);
    bool folds;
} functions[] = {
    {"length", 1, {TEXT}, TL_TYPE_INT64, "char_length($1)::int8"},
    {"len", 1, {TEXT}, TL_TYPE_INT64, "char_length($1)::int8"},
    {"strlen", 1, {TEXT}, TL_TYPE_INT64, "octet_length($1)::int8"},
    {"lower", 1, {TEXT}, TL_TYPE_VARCHAR, LOWER, NULL, true},
    {"lcase", 1, {TEXT}, TL_TYPE_VARCHAR, LOWER, NULL, true},
    {"upper", 1, {TEXT}, TL_TYPE_VARCHAR, UPPER, NULL, true},
    {"ucase", 1, {TEXT}, TL_TYPE_VARCHAR, UPPER, NULL, true},
    {"substring", 2, {TEXT, INT}, TL_TYPE_VARCHAR, "substring($1, $2::int4)", forwards},
    {"substring", 3, {TEXT, INT, INT}, TL_TYPE_VARCHAR, "substring($1, $2::int4, $3::int4)", forwards},
    {"substr", 2, {TEXT, INT}, TL_TYPE_VARCHAR, "substring($1, $2::int4)", forwards},
    {"substr", 3, {TEXT, INT, INT}, TL_TYPE_VARCHAR, "substring($1, $2::int4, $3::int4)", forwards},
    {"left", 2, {TEXT, INT}, TL_TYPE_VARCHAR, "\"left\"($1, $2::int4)", counted},
    {"right", 2, {TEXT, INT}, TL_TYPE_VARCHAR, "\"right\"($1, $2::int4)", counted},
    {"trim", 1, {TEXT}, TL_TYPE_VARCHAR, "btrim($1, " BLANKS ")"},
    {"ltrim", 1, {TEXT}, TL_TYPE_VARCHAR, "ltrim($1, " BLANKS ")"},
    {"rtrim", 1, {TEXT}, TL_TYPE_VARCHAR, "rtrim($1, " BLANKS ")"},
    {"trim", 2, {TEXT, TEXT}, TL_TYPE_VARCHAR, "btrim($1, $2)", second_has_text},
    {"ltrim", 2, {TEXT, TEXT}, TL_TYPE_VARCHAR, "ltrim($1, $2)", second_has_text},
    {"rtrim", 2, {TEXT, TEXT}, TL_TYPE_VARCHAR, "rtrim($1, $2)", second_has_text},
    {"replace", 3, {TEXT, TEXT, TEXT}, TL_TYPE_VARCHAR, "replace($1, $2, $3)", second_has_text},
    {"||", 2, {TEXT, TEXT}, TL_TYPE_VARCHAR, "$1 || $2"},
    {"instr", 2, {TEXT, TEXT}, TL_TYPE_INT64, "strpos($1, $2)::int8", second_has_text},
    {"strpos", 2, {TEXT, TEXT}, TL_TYPE_INT64, "strpos($1, $2)::int8", second_has_text},
    {"position", 2, {TEXT, TEXT}, TL_TYPE_INT64, "strpos($1, $2)::int8", second_has_text},
    {"md5", 1, {TEXT}, TL_TYPE_VARCHAR, "md5($1)"},

    {"+", 2, {INT, INT}, SAME, "$1 + $2"},
    {"-", 2, {INT, INT}, SAME, "$1 - $2"},
    {"*", 2, {INT, INT}, SAME, "$1 * $2"},
    {"//", 2, {INT, INT}, SAME, "$1 / $2", divisible},
    {"%", 2, {INT, INT}, SAME, "$1 % $2", divisible},
    {"-", 1, {INT}, SAME, "- $1"},
    {"abs", 1, {INT}, SAME, "abs($1)"},
    {"@", 1, {INT}, SAME, "abs($1)"},
    {"+", 2, {DECIMAL, DECIMAL}, TL_TYPE_DECIMAL, "$1 + $2"},
    {"-", 2, {DECIMAL, DECIMAL}, TL_TYPE_DECIMAL, "$1 - $2"},
    {"*", 2, {DECIMAL, DECIMAL}, TL_TYPE_DECIMAL, "$1 * $2"},
    {"-", 1, {DECIMAL}, TL_TYPE_DECIMAL, "- $1"},
    {"abs", 1, {DECIMAL}, TL_TYPE_DECIMAL, "abs($1)"},
    {"floor", 1, {DECIMAL}, TL_TYPE_DECIMAL, "floor($1)"},
    {"ceil", 1, {DECIMAL}, TL_TYPE_DECIMAL, "ceil($1)"},
    {"ceiling", 1, {DECIMAL}, TL_TYPE_DECIMAL, "ceil($1)"},
    {"-", 1, {FLOAT}, SAME, "- $1"},
    {"abs", 1, {FLOAT}, SAME, "abs($1)"},

    {"year", 1, {DAYS}, TL_TYPE_INT64, YEAR},
    {"quarter", 1, {DAYS}, TL_TYPE_INT64, "extract(quarter from $1)::int8"},
    {"month", 1, {DAYS}, TL_TYPE_INT64, "extract(month from $1)::int8"},
    {"week", 1, {DAYS}, TL_TYPE_INT64, "extract(week from $1)::int8"},
    {"weekofyear", 1, {DAYS}, TL_TYPE_INT64, "extract(week from $1)::int8"},
    {"day", 1, {DAYS}, TL_TYPE_INT64, "extract(day from $1)::int8"},
    {"dayofmonth", 1, {DAYS}, TL_TYPE_INT64, "extract(day from $1)::int8"},
    {"dayofweek", 1, {DAYS}, TL_TYPE_INT64, "extract(dow from $1)::int8"},
    {"weekday", 1, {DAYS}, TL_TYPE_INT64, "extract(dow from $1)::int8"},
    {"isodow", 1, {DAYS}, TL_TYPE_INT64, "extract(isodow from $1)::int8"},
    {"dayofyear", 1, {DAYS}, TL_TYPE_INT64, "extract(doy from $1)::int8"},
    {"hour", 1, {STAMP}, TL_TYPE_INT64, "extract(hour from $1)::int8"},
    {"minute", 1, {STAMP}, TL_TYPE_INT64, "extract(minute from $1)::int8"},
    {"second", 1, {STAMP}, TL_TYPE_INT64, "floor(extract(second from $1))::int8"},
    {"date_trunc", 2, {TEXT, STAMP}, TL_TYPE_TIMESTAMP, "date_trunc($1, $2)", is_unit},
    {"date_trunc", 2, {TEXT, DATE}, TL_TYPE_TIMESTAMP, "date_trunc($1, $2::timestamp)", is_unit},
    {"date_trunc", 2, {TEXT, DATE}, TL_TYPE_DATE, "date_trunc($1, $2::timestamp)::date", is_unit},
    {"datetrunc", 2, {TEXT, STAMP}, TL_TYPE_TIMESTAMP, "date_trunc($1, $2)", is_unit},
    {"datetrunc", 2, {TEXT, DATE}, TL_TYPE_TIMESTAMP, "date_trunc($1, $2::timestamp)", is_unit},
    {"datetrunc", 2, {TEXT, DATE}, TL_TYPE_DATE, "date_trunc($1, $2::timestamp)::date", is_unit},
    {"+", 2, {DAYS, STEP}, TL_TYPE_TIMESTAMP, "$1 + $2", small_step},
    {"+", 2, {STEP, DAYS}, TL_TYPE_TIMESTAMP, "$2 + $1", small_step},
    {"-", 2, {DAYS, STEP}, TL_TYPE_TIMESTAMP, "$1 - $2", small_step},
};

/* --- writing --- */

static void fill_in(struct tl_buf *sql, const char *spelling, const struct tl_buf *arguments)
{
    for (const char *at = spelling; *at; at++) {
        if (at[0] == '$' && at[1] >= '1' && at[1] < '1' + ARGUMENTS_MAX) {
            const struct tl_buf *argument = &arguments[*++at - '1'];
            tl_buf_add(sql, argument->data ? argument->data : "", argument->size);
            sql->failed |= argument->failed;
        } else {
            tl_buf_addc(sql, *at);
        }
    }
}

static bool has_types(const struct function *function, const struct tl_expr *expr,
                      const struct tl_postgres_operand *operands)
{
    for (int i = 0; i < function->argument_count; i++) {
        if (!((int)operands[i].class & function->classes[i]) ||
            (function->result == SAME && !tl_type_equal(&expr->children[i]->type, &expr->type)))
            return false;
    }
    return function->result == SAME || function->result == expr->type.id;
}

static const struct function *find(const struct tl_expr *expr, const struct tl_postgres_operand *operands)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const struct function *function = &functions[i];
        if (tl_streq(function->name, expr->function) && (size_t)function->argument_count == expr->child_count &&
            has_types(function, expr, operands))
            return function;
    }
    return NULL;
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (tl_streq(functions[i].name, name))
            return true;
    return false;
}

static bool write_call(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                       const struct tl_buf *arguments, const struct tl_postgres_operand *operands,
                       struct tl_postgres_operand *ret_operand)
{
    const struct function *function = find(expr, operands);
    if (!function)
        return tl_postgres_decline(writer, is_known(expr->function) ? "a function of other types than PostgreSQL's"
                                                                    : "a function that PostgreSQL may compute differently");
    if (function->fits && !function->fits(expr))
        return tl_postgres_decline(writer, "arguments that PostgreSQL may take differently");
    fill_in(writer->sql, function->spelling, arguments);
    *ret_operand = (struct tl_postgres_operand){tl_postgres_class_of(expr->type.id), function->folds};
    if (function->result == TL_TYPE_DECIMAL) { /* more digits than the engine's result has are an error in both */
        tl_buf_adds(writer->sql, ")::");
        tl_postgres_add_type(writer->sql, &expr->type);
    }
    return true;
}

static bool write_arguments(struct tl_postgres_writer *writer, const struct tl_expr *expr, struct tl_buf *arguments,
                            struct tl_postgres_operand *operands)
{
    struct tl_buf *sql = writer->sql;
    bool written = true;
    for (size_t i = 0; written && i < expr->child_count; i++) {
        writer->sql = &arguments[i];
        written = tl_postgres_write(writer, expr->children[i], true, &operands[i]);
        if (written && operands[i].folded)
            written = tl_postgres_decline(writer, "upper and lower case of letters beyond ASCII");
        if (written && operands[i].class == TL_POSTGRES_CLASS_TEXT && !tl_postgres_is_utf8(writer))
            written = tl_postgres_decline(writer, "the server's encoding is not UTF-8");
    }
    writer->sql = sql;
    return written;
}

static bool write_plain(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                        struct tl_postgres_operand *ret_operand)
{
    struct tl_buf arguments[ARGUMENTS_MAX];
    struct tl_postgres_operand operands[ARGUMENTS_MAX] = {0};
    if (expr->child_count < 1 || expr->child_count > ARGUMENTS_MAX)
        return tl_postgres_decline(writer, "a function that PostgreSQL may compute differently");
    for (size_t i = 0; i < ARGUMENTS_MAX; i++)
        tl_buf_init(&arguments[i], TL_POSTGRES_EXPRESSION_SIZE_MAX);
    if (expr->type.id == TL_TYPE_DECIMAL)
        tl_buf_addc(writer->sql, '(');
    bool written = write_arguments(writer, expr, arguments, operands) &&
                   write_call(writer, expr, arguments, operands, ret_operand);
    for (size_t i = 0; i < ARGUMENTS_MAX; i++)
        tl_buf_done(&arguments[i]);
    return written;
}

/* --- patterns: (text, constant) --- */

/* A pattern is `before`, the constant with its wildcards escaped, `after`.  test_text_functions_mean_the_same */
static const struct pattern {
    const char *name;
    const char *operator;
    const char *before, *after;
    bool pattern; /* the constant is a pattern itself, without an escape character */
    bool folds;   /* both sides in lower case */
} patterns[] = {
    {"prefix", "LIKE", "", "%", false, false},
    {"starts_with", "LIKE", "", "%", false, false},
    {"suffix", "LIKE", "%", "", false, false},
    {"ends_with", "LIKE", "%", "", false, false},
    {"contains", "LIKE", "%", "%", false, false},
    {"~~", "LIKE", "", "", true, false},
    {"!~~", "NOT LIKE", "", "", true, false},
    {"~~*", "LIKE", "", "", true, true},
    {"!~~*", "NOT LIKE", "", "", true, true},
};

static const struct pattern *pattern_of(const char *name)
{
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (tl_streq(patterns[i].name, name))
            return &patterns[i];
    return NULL;
}

static void add_pattern(struct tl_buf *sql, const struct pattern *pattern, struct tl_str text)
{
    struct tl_buf made;
    tl_buf_init(&made, TL_POSTGRES_EXPRESSION_SIZE_MAX);
    tl_buf_adds(&made, pattern->before);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (!pattern->pattern && (c == '%' || c == '_' || c == '\\'))
            tl_buf_addc(&made, '\\');
        tl_buf_addc(&made, pattern->folds && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
    tl_buf_adds(&made, pattern->after);
    tl_buf_add_literal(sql, made.data ? made.data : "", made.size);
    sql->failed |= made.failed;
    tl_buf_done(&made);
    if (pattern->pattern)
        tl_buf_adds(sql, " ESCAPE ''");
}

/* The text to be matched, in lower case where the pattern is. */
static bool write_subject(struct tl_postgres_writer *writer, const struct pattern *pattern, const struct tl_expr *subject,
                          struct tl_postgres_operand *ret_operand)
{
    if (!pattern->folds)
        return tl_postgres_write(writer, subject, false, ret_operand);
    struct tl_expr lower = {.kind = TL_EXPR_FUNCTION, .type = subject->type, .function = "lower", .child_count = 1};
    struct tl_expr *children[] = {NULL};
    lower.children = children;
    children[0] = (struct tl_expr *)(uintptr_t)subject; /* only read */
    return tl_postgres_write(writer, &lower, true, ret_operand);
}

static bool write_pattern(struct tl_postgres_writer *writer, const struct pattern *pattern, const struct tl_expr *expr,
                          struct tl_postgres_operand *ret_operand)
{
    struct tl_postgres_operand subject = {0};
    if (expr->child_count != 2 || expr->children[0]->kind == TL_EXPR_CONSTANT ||
        expr->children[1]->kind != TL_EXPR_CONSTANT)
        return tl_postgres_decline(writer, "not a text and a constant");
    if (!write_subject(writer, pattern, expr->children[0], &subject))
        return false;
    if (subject.class != TL_POSTGRES_CLASS_TEXT)
        return tl_postgres_decline(writer, "not a text and a constant");
    const struct tl_value *value = &expr->children[1]->value;
    if (!tl_postgres_text_fits(writer, &subject, value))
        return false;
    tl_buf_addf(writer->sql, " %s ", pattern->operator);
    add_pattern(writer->sql, pattern, value->as.text);
    *ret_operand = (struct tl_postgres_operand){.class = TL_POSTGRES_CLASS_BOOL};
    return true;
}

bool tl_postgres_write_function(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                                struct tl_postgres_operand *ret_operand)
{
    if (!expr->function)
        return tl_postgres_decline(writer, "malformed");
    const struct pattern *pattern = pattern_of(expr->function);
    return pattern ? write_pattern(writer, pattern, expr, ret_operand) : write_plain(writer, expr, ret_operand);
}
