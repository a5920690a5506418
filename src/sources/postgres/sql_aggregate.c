/* Aggregates that both systems mean equally, with exactly the types that the engine gives them. */
#include "sources/postgres/derive.h"

enum {
    WHOLES = TL_POSTGRES_CLASS_INT,
    DECIMALS = TL_POSTGRES_CLASS_DECIMAL,
    FLOATS = TL_POSTGRES_CLASS_FLOAT,
    DAYS = TL_POSTGRES_CLASS_DATE | TL_POSTGRES_CLASS_TIME | TL_POSTGRES_CLASS_TIMESTAMP | TL_POSTGRES_CLASS_TIMESTAMPTZ,
    LEAST = WHOLES | DECIMALS | FLOATS | DAYS | TL_POSTGRES_CLASS_TEXT,
};

/* $ is the argument, with DISTINCT before it when that is asked for; the FILTER stands behind each call.
 * AVERAGE: sum and number come, so that the division is the engine's own (copy_decode.h).
 * Tests: test_aggregates_mean_the_same of postgres_meaning.c, by name and class. */
static const struct aggregate {
    const char *name;
    int classes;
    enum tl_type_id result; /* INVALID = of the argument */
    const char *call, *after;
    bool average;
} aggregates[] = {
    {"count", TL_POSTGRES_CLASSES_ORDERED, TL_TYPE_INT64, "count($)", "", false},
    {"sum", WHOLES, TL_TYPE_INT128, "sum($)", "::numeric", false},
    {"sum", WHOLES, TL_TYPE_INT64, "sum($)", "::bigint", false}, /* Trino's dialect; beyond bigint both say so */
    {"sum_no_overflow", WHOLES, TL_TYPE_INT128, "sum($)", "::numeric", false},
    {"sum", DECIMALS, TL_TYPE_DECIMAL, "sum($)", NULL, false},
    {"sum_no_overflow", DECIMALS, TL_TYPE_DECIMAL, "sum($)", NULL, false},
    {"sum", FLOATS, TL_TYPE_DOUBLE, "sum($::float8)", "", false}, /* in the order of rows: see derive.h */
    {"avg", WHOLES | DECIMALS, TL_TYPE_DOUBLE, "sum($)", "::numeric", true},
    {"avg", FLOATS, TL_TYPE_DOUBLE, "avg($::float8)", "", false},
    {"min", LEAST, TL_TYPE_INVALID, "min($)", NULL, false},
    {"max", LEAST, TL_TYPE_INVALID, "max($)", NULL, false},
    {"min", TL_POSTGRES_CLASS_BOOL, TL_TYPE_BOOLEAN, "bool_and($)", "", false},
    {"max", TL_POSTGRES_CLASS_BOOL, TL_TYPE_BOOLEAN, "bool_or($)", "", false},
    {"bool_and", TL_POSTGRES_CLASS_BOOL, TL_TYPE_BOOLEAN, "bool_and($)", "", false},
    {"bool_or", TL_POSTGRES_CLASS_BOOL, TL_TYPE_BOOLEAN, "bool_or($)", "", false},
};

static const struct aggregate *find(const struct tl_expr *expr, enum tl_postgres_class class)
{
    for (size_t i = 0; i < sizeof aggregates / sizeof *aggregates; i++) {
        const struct aggregate *aggregate = &aggregates[i];
        bool result = aggregate->result == TL_TYPE_INVALID ? tl_type_equal(&expr->type, &expr->children[0]->type)
                                                           : aggregate->result == expr->type.id;
        if (tl_streq(aggregate->name, expr->function) && aggregate->classes & (int)class && result)
            return aggregate;
    }
    return NULL;
}

static bool write_filter(struct tl_postgres_writer *writer, const struct tl_expr *expr)
{
    if (!expr->filter)
        return true;
    tl_buf_adds(writer->sql, " FILTER (WHERE ");
    bool written = tl_postgres_write_truth(writer, expr->filter);
    tl_buf_addc(writer->sql, ')');
    return written;
}

static bool write_call(struct tl_postgres_writer *writer, const struct tl_expr *expr, const char *call,
                       const struct tl_buf *argument)
{
    for (const char *at = call; *at; at++) {
        if (*at != '$') {
            tl_buf_addc(writer->sql, *at);
            continue;
        }
        tl_buf_adds(writer->sql, expr->distinct ? "DISTINCT " : "");
        tl_buf_add(writer->sql, argument->data ? argument->data : "", argument->size);
        writer->sql->failed |= argument->failed;
    }
    return write_filter(writer, expr);
}

/* NULL for no rows, as a sum is. */
static bool write_average(struct tl_postgres_writer *writer, const struct tl_expr *expr, const struct tl_buf *argument,
                          struct tl_postgres_column *ret_column)
{
    const struct tl_type *type = &expr->children[0]->type;
    ret_column->field.form = TL_POSTGRES_AVERAGE;
    ret_column->field.precision = type->id == TL_TYPE_DECIMAL ? type->precision : 38;
    ret_column->field.scale = type->id == TL_TYPE_DECIMAL ? type->scale : 0;
    ret_column->field.narrow = type->id == TL_TYPE_INT16 || (type->id == TL_TYPE_DECIMAL && type->precision <= 4);
    ret_column->class = TL_POSTGRES_CLASS_NONE;
    tl_buf_adds(writer->sql, "CASE WHEN ");
    if (!write_call(writer, expr, "count($)", argument))
        return false;
    tl_buf_adds(writer->sql, " > 0 THEN ARRAY[(");
    if (!write_call(writer, expr, "sum($)", argument))
        return false;
    tl_buf_adds(writer->sql, ")::numeric, (");
    if (!write_call(writer, expr, "count($)", argument))
        return false;
    tl_buf_adds(writer->sql, ")::numeric] END");
    return true;
}

static bool write_one(struct tl_postgres_writer *writer, const struct tl_expr *expr, const struct tl_buf *argument,
                      enum tl_postgres_class class, struct tl_postgres_column *ret_column)
{
    const struct aggregate *aggregate = find(expr, class);
    if (!aggregate)
        return tl_postgres_decline(writer, "an aggregate that PostgreSQL may compute differently");
    if (aggregate->average)
        return write_average(writer, expr, argument, ret_column);
    if (!tl_postgres_field_of(&expr->type, &ret_column->field))
        return tl_postgres_decline(writer, "a type that PostgreSQL does not have");
    ret_column->class = tl_postgres_class_of(expr->type.id);
    tl_buf_addc(writer->sql, '(');
    if (!write_call(writer, expr, aggregate->call, argument))
        return false;
    tl_buf_addc(writer->sql, ')');
    if (aggregate->after) {
        tl_buf_adds(writer->sql, aggregate->after);
        return true;
    }
    tl_buf_adds(writer->sql, "::");
    return tl_postgres_add_type(writer->sql, &expr->type) ? true
                                                          : tl_postgres_decline(writer, "a type that PostgreSQL does not have");
}

static bool write_count_star(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                             struct tl_postgres_column *ret_column)
{
    if (expr->type.id != TL_TYPE_INT64 || expr->distinct)
        return tl_postgres_decline(writer, "malformed");
    tl_postgres_field_of(&expr->type, &ret_column->field);
    ret_column->class = TL_POSTGRES_CLASS_INT;
    tl_buf_adds(writer->sql, "count(*)");
    return write_filter(writer, expr);
}

/* count(c) needs to know nothing of the type, unless it is DISTINCT. */
static bool write_count_any(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                            struct tl_postgres_column *ret_column)
{
    struct tl_expr not_null = {.kind = TL_EXPR_IS_NOT_NULL, .type = tl_type_simple(TL_TYPE_BOOLEAN), .child_count = 1,
                               .children = expr->children};
    tl_postgres_field_of(&expr->type, &ret_column->field);
    ret_column->class = TL_POSTGRES_CLASS_INT;
    tl_buf_adds(writer->sql, "count(CASE WHEN ");
    if (!tl_postgres_write(writer, &not_null, false, &(struct tl_postgres_operand){0}))
        return false;
    tl_buf_adds(writer->sql, " THEN 1 END)");
    return write_filter(writer, expr);
}

bool tl_postgres_write_aggregate(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                                 struct tl_postgres_column *ret_column)
{
    struct tl_postgres_operand operand = {0};
    struct tl_buf argument, *sql = writer->sql;
    *ret_column = (struct tl_postgres_column){0};
    if (!expr->function)
        return tl_postgres_decline(writer, "malformed");
    if (tl_streq(expr->function, "count_star") || (tl_streq(expr->function, "count") && expr->child_count == 0))
        return write_count_star(writer, expr, ret_column);
    if (expr->child_count != 1)
        return tl_postgres_decline(writer, "an aggregate that PostgreSQL may compute differently");
    if (tl_streq(expr->function, "count") && !expr->distinct && expr->type.id == TL_TYPE_INT64)
        return write_count_any(writer, expr, ret_column);
    tl_buf_init(&argument, TL_POSTGRES_EXPRESSION_SIZE_MAX);
    writer->sql = &argument;
    bool written = tl_postgres_write(writer, expr->children[0], true, &operand);
    writer->sql = sql;
    if (written && operand.folded)
        written = tl_postgres_decline(writer, "upper and lower case of letters beyond ASCII");
    if (written && operand.class == TL_POSTGRES_CLASS_TEXT && !tl_postgres_is_utf8(writer))
        written = tl_postgres_decline(writer, "the server's encoding is not UTF-8");
    if (written)
        written = write_one(writer, expr, &argument, operand.class, ret_column);
    tl_buf_done(&argument);
    return written;
}
