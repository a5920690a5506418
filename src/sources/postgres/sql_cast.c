/* Casts that both systems mean equally, value by value. */
#include "sources/postgres/sql.h"

enum { EXACT_DIGITS = 15 /* decimals that a double names apart, however they are divided */ };

static bool is_whole(enum tl_type_id id)
{
    return id == TL_TYPE_INT16 || id == TL_TYPE_INT32 || id == TL_TYPE_INT64;
}

static bool is_float(enum tl_type_id id)
{
    return id == TL_TYPE_FLOAT || id == TL_TYPE_DOUBLE;
}

/* --- the table; tests: test_casts_mean_the_same of postgres_meaning.c, by the names of the types --- */

static bool whole_to_whole(const struct tl_type *from, const struct tl_type *to)
{
    return is_whole(from->id) && is_whole(to->id); /* out of range: an error in both */
}

static bool whole_to_number(const struct tl_type *from, const struct tl_type *to)
{
    return is_whole(from->id) && (is_float(to->id) || to->id == TL_TYPE_DECIMAL || to->id == TL_TYPE_INT128);
}

/* both round half away from zero */
static bool decimal_to_exact(const struct tl_type *from, const struct tl_type *to)
{
    return from->id == TL_TYPE_DECIMAL && (to->id == TL_TYPE_DECIMAL || is_whole(to->id));
}

static bool decimal_to_double(const struct tl_type *from, const struct tl_type *to)
{
    return from->id == TL_TYPE_DECIMAL && to->id == TL_TYPE_DOUBLE && from->precision <= EXACT_DIGITS;
}

static bool float_to_double(const struct tl_type *from, const struct tl_type *to)
{
    return from->id == TL_TYPE_FLOAT && to->id == TL_TYPE_DOUBLE;
}

static bool exact_to_text(const struct tl_type *from, const struct tl_type *to)
{
    return to->id == TL_TYPE_VARCHAR && (is_whole(from->id) || from->id == TL_TYPE_UUID || from->id == TL_TYPE_BOOLEAN);
}

static bool decimal_to_text(const struct tl_type *from, const struct tl_type *to)
{
    return to->id == TL_TYPE_VARCHAR && from->id == TL_TYPE_DECIMAL;
}

/* but for the era, which stands in parentheses behind the date */
static bool date_to_text(const struct tl_type *from, const struct tl_type *to)
{
    return to->id == TL_TYPE_VARCHAR && from->id == TL_TYPE_DATE;
}

static bool timestamp_to_text(const struct tl_type *from, const struct tl_type *to)
{
    return to->id == TL_TYPE_VARCHAR && from->id == TL_TYPE_TIMESTAMP;
}

static bool between_days(const struct tl_type *from, const struct tl_type *to)
{
    return (from->id == TL_TYPE_DATE && to->id == TL_TYPE_TIMESTAMP) ||
           (from->id == TL_TYPE_TIMESTAMP && to->id == TL_TYPE_DATE);
}

static bool truth_to_whole(const struct tl_type *from, const struct tl_type *to)
{
    return from->id == TL_TYPE_BOOLEAN && is_whole(to->id);
}

static bool whole_to_truth(const struct tl_type *from, const struct tl_type *to)
{
    return is_whole(from->id) && to->id == TL_TYPE_BOOLEAN;
}

static const struct cast {
    bool (*fits)(const struct tl_type *from, const struct tl_type *to);
    const char *before, *after; /* around the value; then the type's name */
} casts[] = {
    {whole_to_whole, "", ""},
    {whole_to_number, "", ""},
    {decimal_to_exact, "", ""},
    {decimal_to_double, "", ""},
    {float_to_double, "", ""},
    {exact_to_text, "", ""},
    {decimal_to_text, "", NULL},
    {date_to_text, "replace(", "::text, ' BC', ' (BC)')"},
    {timestamp_to_text, "regexp_replace(", "::text, '^([^ ]+) ([^ ]+) BC$', '\\1 (BC) \\2')"},
    {between_days, "", ""},
    {truth_to_whole, "", "::int4"},
    {whole_to_truth, "(", " <> 0)"},
};

static const struct cast *find(const struct tl_type *from, const struct tl_type *to)
{
    for (size_t i = 0; i < sizeof casts / sizeof *casts; i++)
        if (casts[i].fits(from, to))
            return &casts[i];
    return NULL;
}

bool tl_postgres_write_cast(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                            struct tl_postgres_operand *ret_operand)
{
    if (expr->child_count != 1)
        return tl_postgres_decline(writer, "malformed");
    const struct tl_expr *child = expr->children[0];
    if (tl_type_equal(&child->type, &expr->type))
        return tl_postgres_write(writer, child, true, ret_operand);
    const struct cast *cast = find(&child->type, &expr->type);
    if (!cast)
        return tl_postgres_decline(writer, "a cast that PostgreSQL may do differently");
    struct tl_postgres_operand operand;
    tl_buf_adds(writer->sql, cast->before);
    if (!tl_postgres_write(writer, child, true, &operand))
        return false;
    if (operand.class != tl_postgres_class_of(child->type.id))
        return tl_postgres_decline(writer, "a cast that PostgreSQL may do differently");
    if (cast->after) {
        tl_buf_adds(writer->sql, cast->after);
    } else { /* all digits of its scale, though the value may have been stored with fewer */
        tl_buf_adds(writer->sql, "::");
        tl_postgres_add_type(writer->sql, &child->type);
    }
    tl_buf_adds(writer->sql, "::");
    tl_postgres_add_type(writer->sql, &expr->type);
    *ret_operand = (struct tl_postgres_operand){.class = tl_postgres_class_of(expr->type.id)};
    return true;
}
