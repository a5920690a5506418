#include "sources/postgres/filter.h"

enum {
    ORDERED = TL_POSTGRES_CLASS_BOOL | TL_POSTGRES_CLASS_INT | TL_POSTGRES_CLASS_FLOAT | TL_POSTGRES_CLASS_DECIMAL |
              TL_POSTGRES_CLASS_TEXT | TL_POSTGRES_CLASS_AS_TEXT | TL_POSTGRES_CLASS_BYTES | TL_POSTGRES_CLASS_UUID |
              TL_POSTGRES_CLASS_DATE | TL_POSTGRES_CLASS_TIME | TL_POSTGRES_CLASS_TIMESTAMP |
              TL_POSTGRES_CLASS_TIMESTAMPTZ,
    EQUAL = ORDERED | TL_POSTGRES_CLASS_PADDED,
    TEXTS = TL_POSTGRES_CLASS_TEXT | TL_POSTGRES_CLASS_AS_TEXT,
    EXACT = TL_POSTGRES_CLASS_INT | TL_POSTGRES_CLASS_DECIMAL,
};

/* The allow-list of comparisons: which classes of columns mean the same by it.  Tests: postgres_filter_test.c runs
 * each row on a table of edge values at a real server and compares with the truth computed here. */
static const struct comparison {
    enum tl_expr_kind kind;
    const char *spelling;
    int classes;
    bool ordering; /* text must be compared by bytes */
} comparisons[] = {
    {TL_EXPR_EQ, "=", EQUAL, false},  /* test_equality_means_the_same */
    {TL_EXPR_NE, "<>", EQUAL, false}, /* test_equality_means_the_same; negation of the same operator */
    {TL_EXPR_LT, "<", ORDERED, true}, /* test_order_means_the_same: NaN last, text by bytes, infinities at the ends */
    {TL_EXPR_LE, "<=", ORDERED, true},
    {TL_EXPR_GT, ">", ORDERED, true},
    {TL_EXPR_GE, ">=", ORDERED, true},
};

/* Functions of (text column, constant).  A pattern is `before`, the constant with its wildcards escaped, `after`. */
static const struct function {
    const char *name;
    const char *operator;
    const char *before, *after;
    bool pattern; /* the constant is a pattern itself, without an escape character */
} functions[] = {
    {"prefix", "LIKE", "", "%", false},     /* test_text_functions_mean_the_same */
    {"starts_with", "LIKE", "", "%", false},
    {"suffix", "LIKE", "%", "", false},
    {"ends_with", "LIKE", "%", "", false},
    {"contains", "LIKE", "%", "%", false},
    {"~~", "LIKE", "", "", true},
    {"!~~", "NOT LIKE", "", "", true},
};

struct context {
    const struct tl_source_dataset *dataset;
    const struct tl_postgres_dataset *own;
    struct tl_buf *sql;
    const char *reason;
};

static bool decline(struct context *context, const char *reason)
{
    if (!context->reason)
        context->reason = reason;
    return false;
}

static const struct tl_postgres_column *column_of(struct context *context, const struct tl_expr *expr)
{
    if (expr->kind != TL_EXPR_COLUMN || expr->column < 0 || (size_t)expr->column >= context->dataset->column_count ||
        context->dataset->columns[expr->column].unsupported)
        return NULL;
    return &context->own->columns[expr->column];
}

static void add_name(struct context *context, int column)
{
    tl_buf_add_identifier(context->sql, context->dataset->columns[column].name);
}

/* The column as it compares. */
static void add_operand(struct context *context, int column, bool ordering)
{
    const struct tl_postgres_column *own = &context->own->columns[column];
    bool text = (own->class & TEXTS) != 0;
    if (own->cast == TL_POSTGRES_CAST_NONE && own->class == TL_POSTGRES_CLASS_AS_TEXT) { /* enums, names */
        add_name(context, column);
        tl_buf_adds(context->sql, "::text");
    } else {
        tl_postgres_select(context->dataset, column, context->sql);
    }
    if (text && (ordering || own->nondeterministic))
        tl_buf_adds(context->sql, " COLLATE \"C\"");
}

static bool is_ascii(struct tl_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    return true;
}

static int32_t characters_of(struct tl_str text)
{
    int32_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
}

/* Things that are true of texts only. */
static bool text_constant_fits(struct context *context, const struct tl_postgres_column *column,
                               const struct tl_value *value)
{
    if (value->is_null || value->type.id != TL_TYPE_VARCHAR)
        return decline(context, "compares text with another type");
    if (!context->own->utf8 && !is_ascii(value->as.text))
        return decline(context, "the server's encoding is not UTF-8");
    /* of equally long texts, "equal but for blanks at the end" is "equal" */
    if (column->class == TL_POSTGRES_CLASS_PADDED &&
        (column->characters == 0 || column->nondeterministic || characters_of(value->as.text) != column->characters))
        return decline(context, "char(n) ignores blanks at the end");
    return true;
}

static bool add_constant(struct context *context, const struct tl_postgres_column *column, const struct tl_expr *expr)
{
    if (expr->kind != TL_EXPR_CONSTANT)
        return decline(context, "not a column compared with a constant");
    if (column->class & (TEXTS | TL_POSTGRES_CLASS_PADDED) && !text_constant_fits(context, column, &expr->value))
        return false;
    if (!tl_postgres_literal(context->sql, column->class, &expr->value))
        return decline(context, "the constant has no exact spelling for the column's type");
    return true;
}

static bool comparable(struct context *context, const struct tl_postgres_column *column, int classes, bool ordering)
{
    if (!(column->class & classes))
        return decline(context, "the column's type compares in another way");
    if (column->class & TEXTS && ordering && !context->own->utf8)
        return decline(context, "the server's encoding is not UTF-8");
    return true;
}

static bool same_class(const struct tl_postgres_column *a, const struct tl_postgres_column *b)
{
    if (a->class == TL_POSTGRES_CLASS_PADDED || b->class == TL_POSTGRES_CLASS_PADDED)
        return false;
    return a->class == b->class || (a->class & EXACT && b->class & EXACT) || (a->class & TEXTS && b->class & TEXTS);
}

static bool add_columns(struct context *context, const struct comparison *comparison, const struct tl_expr *left,
                        const struct tl_expr *right)
{
    const struct tl_postgres_column *a = column_of(context, left), *b = column_of(context, right);
    if (!same_class(a, b))
        return decline(context, "compares columns of different types");
    if (!comparable(context, a, comparison->classes, comparison->ordering) ||
        !comparable(context, b, comparison->classes, comparison->ordering))
        return false;
    /* two collations in one comparison are an error, so both are made explicit */
    add_operand(context, left->column, true);
    tl_buf_addf(context->sql, " %s ", comparison->spelling);
    add_operand(context, right->column, true);
    return true;
}

static bool add_comparison(struct context *context, const struct comparison *comparison, const struct tl_expr *expr)
{
    if (expr->child_count != 2)
        return decline(context, "malformed");
    const struct tl_expr *left = expr->children[0], *right = expr->children[1];
    const struct tl_postgres_column *a = column_of(context, left), *b = column_of(context, right);
    if (a && b)
        return add_columns(context, comparison, left, right);
    const struct tl_postgres_column *column = a ? a : b;
    if (!column)
        return decline(context, "not a column compared with a constant");
    if (!comparable(context, column, comparison->classes, comparison->ordering))
        return false;
    if (a)
        add_operand(context, left->column, comparison->ordering);
    else if (!add_constant(context, column, left))
        return false;
    tl_buf_addf(context->sql, " %s ", comparison->spelling);
    if (b)
        add_operand(context, right->column, comparison->ordering);
    else if (!add_constant(context, column, right))
        return false;
    return true;
}

/* test_in_means_the_same */
static bool add_in(struct context *context, const struct tl_expr *expr)
{
    const struct tl_postgres_column *column = expr->child_count > 1 ? column_of(context, expr->children[0]) : NULL;
    if (!column)
        return decline(context, "not a column in a list of constants");
    if (!comparable(context, column, EQUAL, false))
        return false;
    add_operand(context, expr->children[0]->column, false);
    tl_buf_adds(context->sql, " IN (");
    for (size_t i = 1; i < expr->child_count; i++) {
        tl_buf_adds(context->sql, i > 1 ? ", " : "");
        if (!add_constant(context, column, expr->children[i]))
            return false;
    }
    tl_buf_addc(context->sql, ')');
    return true;
}

static void add_pattern(struct tl_buf *sql, const struct function *function, struct tl_str text)
{
    struct tl_buf pattern;
    tl_buf_init(&pattern, TL_POSTGRES_FILTER_SIZE_MAX);
    tl_buf_adds(&pattern, function->before);
    for (size_t i = 0; i < text.size; i++) {
        if (!function->pattern && strchr("%_\\", text.data[i]))
            tl_buf_addc(&pattern, '\\');
        tl_buf_addc(&pattern, text.data[i]);
    }
    tl_buf_adds(&pattern, function->after);
    tl_buf_add_literal(sql, pattern.data ? pattern.data : "", pattern.size);
    sql->failed |= pattern.failed;
    tl_buf_done(&pattern);
    if (function->pattern)
        tl_buf_adds(sql, " ESCAPE ''");
}

static bool add_function(struct context *context, const struct tl_expr *expr)
{
    const struct function *function = NULL;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (tl_streq(functions[i].name, expr->function))
            function = &functions[i];
    if (!function)
        return decline(context, "a function that PostgreSQL may compute differently");
    const struct tl_postgres_column *column = expr->child_count == 2 ? column_of(context, expr->children[0]) : NULL;
    if (!column || !(column->class & TEXTS) || expr->children[1]->kind != TL_EXPR_CONSTANT)
        return decline(context, "not a text column and a constant");
    const struct tl_value *value = &expr->children[1]->value;
    if (!text_constant_fits(context, column, value))
        return false;
    if (value->as.text.size > 0 && memchr(value->as.text.data, '\0', value->as.text.size))
        return decline(context, "PostgreSQL has no text with NUL bytes");
    add_operand(context, expr->children[0]->column, false);
    tl_buf_addf(context->sql, " %s ", function->operator);
    add_pattern(context->sql, function, value->as.text);
    return true;
}

static bool add_boolean(struct context *context, const struct tl_expr *expr, int depth);

/* test_null_tests_mean_the_same: of a composite, IS NULL asks for its fields, so its text is asked instead */
static bool add_null_test(struct context *context, const struct tl_expr *expr, int depth)
{
    const struct tl_expr *child = expr->child_count == 1 ? expr->children[0] : NULL;
    if (!child)
        return decline(context, "malformed");
    const struct tl_postgres_column *column = column_of(context, child);
    if (column) {
        add_name(context, child->column);
        tl_buf_adds(context->sql, column->composite ? "::text" : "");
    } else if (child->kind == TL_EXPR_COLUMN) {
        return decline(context, "a column that cannot be read");
    } else if (!add_boolean(context, child, depth + 1)) {
        return false;
    }
    tl_buf_adds(context->sql, expr->kind == TL_EXPR_IS_NULL ? " IS NULL" : " IS NOT NULL");
    return true;
}

/* test_logic_means_the_same: both systems have the same three truth values */
static bool add_logic(struct context *context, const struct tl_expr *expr, int depth)
{
    if (expr->child_count == 0 || (expr->kind == TL_EXPR_NOT && expr->child_count != 1))
        return decline(context, "malformed");
    if (expr->kind == TL_EXPR_NOT)
        tl_buf_adds(context->sql, "NOT ");
    for (size_t i = 0; i < expr->child_count; i++) {
        if (i > 0)
            tl_buf_adds(context->sql, expr->kind == TL_EXPR_AND ? " AND " : " OR ");
        if (!add_boolean(context, expr->children[i], depth + 1))
            return false;
    }
    return true;
}

static bool add_leaf(struct context *context, const struct tl_expr *expr)
{
    const struct tl_postgres_column *column = column_of(context, expr);
    if (column && column->class == TL_POSTGRES_CLASS_BOOL)
        add_name(context, expr->column);
    else if (expr->kind != TL_EXPR_CONSTANT || !tl_postgres_literal(context->sql, TL_POSTGRES_CLASS_BOOL, &expr->value))
        return decline(context, "not a truth value");
    return true;
}

static bool add_kind(struct context *context, const struct tl_expr *expr, int depth)
{
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
        if (comparisons[i].kind == expr->kind)
            return add_comparison(context, &comparisons[i], expr);
    switch (expr->kind) {
    case TL_EXPR_IN:
        return add_in(context, expr);
    case TL_EXPR_IS_NULL:
    case TL_EXPR_IS_NOT_NULL:
        return add_null_test(context, expr, depth);
    case TL_EXPR_NOT:
    case TL_EXPR_AND:
    case TL_EXPR_OR:
        return add_logic(context, expr, depth);
    case TL_EXPR_FUNCTION:
        return add_function(context, expr);
    default:
        return add_leaf(context, expr);
    }
}

static bool add_boolean(struct context *context, const struct tl_expr *expr, int depth)
{
    if (depth > TL_EXPR_DEPTH_MAX)
        return decline(context, "nested too deeply");
    tl_buf_addc(context->sql, '(');
    if (!add_kind(context, expr, depth))
        return false;
    tl_buf_addc(context->sql, ')');
    return context->sql->failed ? decline(context, "too long") : true;
}

bool tl_postgres_filter(const struct tl_source_dataset *dataset, const struct tl_expr *expr, struct tl_buf *sql,
                        const char **ret_reason)
{
    struct context context = {.dataset = dataset, .own = dataset->driver_data, .sql = sql};
    bool pushed = context.own ? add_boolean(&context, expr, 0) : decline(&context, "the table was not described");
    if (!pushed && ret_reason)
        *ret_reason = context.reason;
    return pushed;
}

/* test_first_rows_are_the_same */
bool tl_postgres_order(const struct tl_source_dataset *dataset, const struct tl_scan_order *order, struct tl_buf *sql)
{
    struct context context = {.dataset = dataset, .own = dataset->driver_data, .sql = sql};
    struct tl_expr expr = {.kind = TL_EXPR_COLUMN, .column = order->column};
    const struct tl_postgres_column *column = context.own ? column_of(&context, &expr) : NULL;
    if (!column || !comparable(&context, column, ORDERED, true))
        return false;
    add_operand(&context, order->column, true);
    tl_buf_adds(sql, order->descending ? " DESC" : " ASC");
    tl_buf_adds(sql, order->nulls_first ? " NULLS FIRST" : " NULLS LAST");
    return true;
}

void tl_postgres_select(const struct tl_source_dataset *dataset, int column, struct tl_buf *sql)
{
    static const char *const casts[][2] = {
        [TL_POSTGRES_CAST_NONE] = {"", ""},
        [TL_POSTGRES_CAST_TEXT] = {"", "::text"},
        [TL_POSTGRES_CAST_TEXTS] = {"", "::text[]"},
        [TL_POSTGRES_CAST_INET] = {"textin(inet_out(", "))"},
        [TL_POSTGRES_CAST_INETS] = {"", "::text::text[]"},
        [TL_POSTGRES_CAST_DOUBLE] = {"", "::float8"},
        [TL_POSTGRES_CAST_DOUBLES] = {"", "::float8[]"},
    };
    const struct tl_postgres_dataset *own = dataset->driver_data;
    const char *const *cast = casts[own->columns[column].cast];
    tl_buf_adds(sql, cast[0]);
    tl_buf_add_identifier(sql, dataset->columns[column].name);
    tl_buf_adds(sql, cast[1]);
}
