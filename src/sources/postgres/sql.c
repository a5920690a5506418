#include "sources/postgres/sql.h"

#include "sources/postgres/filter.h"

enum { EQUAL = TL_POSTGRES_CLASSES_ORDERED };

/* The allow-list of comparisons.  Tests: postgres_filter_test.c runs each row on a table of edge values at a real server
 * and compares with a truth computed there; postgres_meaning.c compares with the engine's own answer. */
static const struct comparison {
    enum tl_expr_kind kind, flipped;
    const char *spelling;
    bool ordering; /* text must be compared by bytes */
} comparisons[] = {
    {TL_EXPR_EQ, TL_EXPR_EQ, "=", false},  /* test_equality_means_the_same */
    {TL_EXPR_NE, TL_EXPR_NE, "<>", false}, /* test_equality_means_the_same; negation of the same operator */
    {TL_EXPR_LT, TL_EXPR_GT, "<", true},   /* test_order_means_the_same: NaN last, text by bytes, infinities at the ends */
    {TL_EXPR_LE, TL_EXPR_GE, "<=", true},
    {TL_EXPR_GT, TL_EXPR_LT, ">", true},
    {TL_EXPR_GE, TL_EXPR_LE, ">=", true},
};

bool tl_postgres_decline(struct tl_postgres_writer *writer, const char *reason)
{
    if (!writer->reason)
        writer->reason = reason;
    return false;
}

bool tl_postgres_is_utf8(const struct tl_postgres_writer *writer)
{
    const struct tl_postgres_dataset *own = writer->inputs[0]->driver_data;
    return own->utf8;
}

/* --- columns --- */

const struct tl_postgres_column *tl_postgres_column_of(const struct tl_postgres_writer *writer,
                                                       const struct tl_expr *expr)
{
    if (expr->kind != TL_EXPR_COLUMN || expr->input < 0 || (size_t)expr->input >= writer->input_count ||
        writer->hidden >> expr->input & 1)
        return NULL;
    const struct tl_source_dataset *dataset = writer->inputs[expr->input];
    const struct tl_postgres_dataset *own = dataset->driver_data;
    if (expr->column < 0 || (size_t)expr->column >= dataset->column_count || dataset->columns[expr->column].unsupported)
        return NULL;
    return &own->columns[expr->column];
}

static void add_name(struct tl_postgres_writer *writer, const struct tl_expr *expr)
{
    const struct tl_source_dataset *dataset = writer->inputs[expr->input];
    const struct tl_postgres_dataset *own = dataset->driver_data;
    const char *alias = own->columns[expr->column].alias;
    if (writer->qualified)
        tl_buf_addf(writer->sql, "\"i%d\".", expr->input);
    tl_buf_add_identifier(writer->sql, alias ? alias : dataset->columns[expr->column].name);
}

/* The casts by which columns are carried, and a cast to text of what is carried as text without one (enums, names).
 * char(n) loses its blanks in any cast but through its output function. */
static const char *const *wrap_of(const struct tl_postgres_column *column, bool as_value)
{
    static const char *const wraps[][2] = {
        [TL_POSTGRES_CAST_NONE] = {"", ""},
        [TL_POSTGRES_CAST_TEXT] = {"", "::text"},
        [TL_POSTGRES_CAST_TEXTS] = {"", "::text[]"},
        [TL_POSTGRES_CAST_INET] = {"textin(inet_out(", "))"},
        [TL_POSTGRES_CAST_INETS] = {"", "::text::text[]"},
        [TL_POSTGRES_CAST_DOUBLE] = {"", "::float8"},
        [TL_POSTGRES_CAST_DOUBLES] = {"", "::float8[]"},
    };
    static const char *const padded[2] = {"textin(bpcharout(", "))"};
    if (as_value && column->class == TL_POSTGRES_CLASS_PADDED)
        return padded;
    if (as_value && column->class == TL_POSTGRES_CLASS_AS_TEXT && column->cast == TL_POSTGRES_CAST_NONE)
        return wraps[TL_POSTGRES_CAST_TEXT];
    return wraps[column->cast];
}

void tl_postgres_select(const struct tl_source_dataset *dataset, int column, struct tl_buf *sql)
{
    const struct tl_postgres_dataset *own = dataset->driver_data;
    struct tl_expr expr = {.kind = TL_EXPR_COLUMN, .column = column};
    struct tl_postgres_writer writer = {.input_count = 1, .inputs = &dataset, .sql = sql};
    const char *const *wrap = wrap_of(&own->columns[column], false);
    tl_buf_adds(sql, wrap[0]);
    add_name(&writer, &expr);
    tl_buf_adds(sql, wrap[1]);
}

static bool write_column(struct tl_postgres_writer *writer, const struct tl_expr *expr, bool bytewise,
                         struct tl_postgres_operand *ret_operand)
{
    const struct tl_postgres_column *column = tl_postgres_column_of(writer, expr);
    if (!column)
        return tl_postgres_decline(writer, "a column that cannot be read");
    const char *const *wrap = wrap_of(column, true);
    bool text = column->class & (TL_POSTGRES_CLASSES_TEXT | TL_POSTGRES_CLASS_PADDED);
    tl_buf_adds(writer->sql, wrap[0]);
    add_name(writer, expr);
    tl_buf_adds(writer->sql, wrap[1]);
    if (text && (bytewise || column->nondeterministic))
        tl_buf_adds(writer->sql, " COLLATE \"C\"");
    *ret_operand = (struct tl_postgres_operand){.class = text ? TL_POSTGRES_CLASS_TEXT : column->class};
    return true;
}

/* --- constants --- */

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

bool tl_postgres_text_fits(struct tl_postgres_writer *writer, const struct tl_postgres_operand *operand,
                           const struct tl_value *value)
{
    if (value->is_null || value->type.id != TL_TYPE_VARCHAR)
        return tl_postgres_decline(writer, "compares text with another type");
    if (value->as.text.size > 0 && memchr(value->as.text.data, '\0', value->as.text.size))
        return tl_postgres_decline(writer, "PostgreSQL has no text with NUL bytes");
    if (!tl_postgres_is_utf8(writer) && !is_ascii(value->as.text))
        return tl_postgres_decline(writer, "the server's encoding is not UTF-8");
    if (operand->folded && !is_ascii(value->as.text))
        return tl_postgres_decline(writer, "upper and lower case of letters beyond ASCII");
    return true;
}

/* A constant beside an operand: its type is the operand's. */
static bool write_beside(struct tl_postgres_writer *writer, const struct tl_postgres_operand *operand,
                         const struct tl_value *value)
{
    if (operand->class == TL_POSTGRES_CLASS_TEXT && !tl_postgres_text_fits(writer, operand, value))
        return false;
    if (!tl_postgres_literal(writer->sql, operand->class, value))
        return tl_postgres_decline(writer, "the constant has no exact spelling for the column's type");
    return true;
}

/* A constant by itself: NULL::int4, '5'::int4. */
static bool write_constant(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                           struct tl_postgres_operand *ret_operand)
{
    *ret_operand = (struct tl_postgres_operand){.class = tl_postgres_class_of(expr->type.id)};
    if (ret_operand->class == TL_POSTGRES_CLASS_TEXT && !expr->value.is_null &&
        !tl_postgres_text_fits(writer, ret_operand, &expr->value))
        return false;
    struct tl_buf body;
    tl_buf_init(&body, TL_POSTGRES_EXPRESSION_SIZE_MAX);
    bool spelled = expr->value.is_null || (tl_type_equal(&expr->type, &expr->value.type) &&
                                           tl_postgres_body(&body, ret_operand->class, &expr->value));
    if (expr->value.is_null)
        tl_buf_adds(writer->sql, "NULL");
    else
        tl_buf_add_literal(writer->sql, body.data ? body.data : "", body.size);
    tl_buf_adds(writer->sql, "::");
    spelled = spelled && tl_postgres_add_type(writer->sql, &expr->type);
    writer->sql->failed |= body.failed;
    tl_buf_done(&body);
    return spelled ? true : tl_postgres_decline(writer, "a constant that PostgreSQL cannot say exactly");
}

/* --- comparisons --- */

static bool same_class(const struct tl_postgres_operand *a, const struct tl_postgres_operand *b)
{
    return a->class == b->class || (a->class & TL_POSTGRES_CLASSES_EXACT && b->class & TL_POSTGRES_CLASSES_EXACT);
}

static bool comparable(struct tl_postgres_writer *writer, const struct tl_postgres_operand *operand, bool ordering)
{
    if (!(operand->class & EQUAL))
        return tl_postgres_decline(writer, "the type compares in another way");
    if (operand->class == TL_POSTGRES_CLASS_TEXT && ordering && !tl_postgres_is_utf8(writer))
        return tl_postgres_decline(writer, "the server's encoding is not UTF-8");
    if (operand->folded && ordering)
        return tl_postgres_decline(writer, "upper and lower case of letters beyond ASCII");
    return true;
}

/* Two collations in one comparison are an error, so both are made explicit unless they are one that tells texts apart. */
static bool need_bytes(const struct tl_postgres_writer *writer, const struct comparison *comparison,
                       const struct tl_expr *left, const struct tl_expr *right)
{
    const struct tl_postgres_column *a = tl_postgres_column_of(writer, left);
    const struct tl_postgres_column *b = tl_postgres_column_of(writer, right);
    return comparison->ordering || !a || !b || a->class != TL_POSTGRES_CLASS_TEXT ||
           b->class != TL_POSTGRES_CLASS_TEXT || a->collation == 0 || a->collation != b->collation;
}

static bool compare_operands(struct tl_postgres_writer *writer, const struct comparison *comparison,
                             const struct tl_expr *left, const struct tl_expr *right)
{
    struct tl_postgres_operand a, b;
    bool bytewise = need_bytes(writer, comparison, left, right);
    if (!tl_postgres_write(writer, left, bytewise, &a))
        return false;
    tl_buf_addf(writer->sql, " %s ", comparison->spelling);
    if (!tl_postgres_write(writer, right, bytewise, &b))
        return false;
    if (!same_class(&a, &b))
        return tl_postgres_decline(writer, "compares different types");
    if (a.folded || b.folded)
        return tl_postgres_decline(writer, "upper and lower case of letters beyond ASCII");
    return comparable(writer, &a, comparison->ordering) && comparable(writer, &b, comparison->ordering);
}

/* char(n) and a text of n characters: "equal but for blanks at the end" is "equal", and the index serves. */
static bool compare_padded(struct tl_postgres_writer *writer, const struct comparison *comparison,
                           const struct tl_expr *operand, const struct tl_expr *constant)
{
    const struct tl_postgres_column *column = tl_postgres_column_of(writer, operand);
    const struct tl_value *value = &constant->value;
    if (!column || column->class != TL_POSTGRES_CLASS_PADDED || column->characters == 0 || column->nondeterministic ||
        comparison->ordering || value->is_null || value->type.id != TL_TYPE_VARCHAR ||
        characters_of(value->as.text) != column->characters)
        return false;
    add_name(writer, operand);
    tl_buf_addf(writer->sql, " %s ", comparison->spelling);
    return true;
}

static bool compare_constant(struct tl_postgres_writer *writer, const struct comparison *comparison,
                             const struct tl_expr *left, const struct tl_expr *right)
{
    struct tl_postgres_operand operand = {.class = TL_POSTGRES_CLASS_TEXT};
    if (compare_padded(writer, comparison, left, right))
        return write_beside(writer, &operand, &right->value);
    if (!tl_postgres_write(writer, left, comparison->ordering, &operand) ||
        !comparable(writer, &operand, comparison->ordering))
        return false;
    tl_buf_addf(writer->sql, " %s ", comparison->spelling);
    return write_beside(writer, &operand, &right->value);
}

static const struct comparison *comparison_of(enum tl_expr_kind kind)
{
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
        if (comparisons[i].kind == kind)
            return &comparisons[i];
    return NULL;
}

static bool write_comparison(struct tl_postgres_writer *writer, const struct comparison *comparison,
                             const struct tl_expr *expr)
{
    if (expr->child_count != 2)
        return tl_postgres_decline(writer, "malformed");
    const struct tl_expr *left = expr->children[0], *right = expr->children[1];
    if (left->kind == TL_EXPR_CONSTANT && right->kind == TL_EXPR_CONSTANT)
        return tl_postgres_decline(writer, "compares constants");
    if (right->kind == TL_EXPR_CONSTANT)
        return compare_constant(writer, comparison, left, right);
    if (left->kind == TL_EXPR_CONSTANT)
        return compare_constant(writer, comparison_of(comparison->flipped), right, left);
    return compare_operands(writer, comparison, left, right);
}

/* --- NULL, AND, OR, NOT --- */

/* test_null_tests_mean_the_same: of a composite, IS NULL asks for its fields, so its text is asked instead */
static bool write_null_test(struct tl_postgres_writer *writer, const struct tl_expr *expr)
{
    const struct tl_expr *child = expr->child_count == 1 ? expr->children[0] : NULL;
    if (!child)
        return tl_postgres_decline(writer, "malformed");
    const struct tl_postgres_column *column = tl_postgres_column_of(writer, child);
    struct tl_postgres_operand operand;
    if (column) {
        add_name(writer, child);
        tl_buf_adds(writer->sql, column->composite ? "::text" : "");
    } else if (!tl_postgres_write(writer, child, false, &operand)) {
        return false;
    }
    tl_buf_adds(writer->sql, expr->kind == TL_EXPR_IS_NULL ? " IS NULL" : " IS NOT NULL");
    return true;
}

/* test_logic_means_the_same: both systems have the same three truth values */
static bool write_logic(struct tl_postgres_writer *writer, const struct tl_expr *expr)
{
    if (expr->child_count == 0 || (expr->kind == TL_EXPR_NOT && expr->child_count != 1))
        return tl_postgres_decline(writer, "malformed");
    if (expr->kind == TL_EXPR_NOT)
        tl_buf_adds(writer->sql, "NOT ");
    for (size_t i = 0; i < expr->child_count; i++) {
        if (i > 0)
            tl_buf_adds(writer->sql, expr->kind == TL_EXPR_AND ? " AND " : " OR ");
        if (!tl_postgres_write_truth(writer, expr->children[i]))
            return false;
    }
    return true;
}

/* --- CASE and COALESCE --- */

static bool write_value(struct tl_postgres_writer *writer, const struct tl_expr *whole, const struct tl_expr *value,
                        struct tl_postgres_operand *ret_operand)
{
    struct tl_postgres_operand operand;
    if (!tl_type_equal(&whole->type, &value->type))
        return tl_postgres_decline(writer, "values of different types");
    if (!tl_postgres_write(writer, value, true, &operand))
        return false;
    if (operand.class == TL_POSTGRES_CLASS_NONE || operand.folded)
        return tl_postgres_decline(writer, "a value that may differ");
    ret_operand->class = operand.class;
    return true;
}

/* test_case_means_the_same */
static bool write_case(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                       struct tl_postgres_operand *ret_operand)
{
    if (expr->child_count < 3 || expr->child_count % 2 == 0)
        return tl_postgres_decline(writer, "malformed");
    tl_buf_adds(writer->sql, "CASE");
    for (size_t i = 0; i + 1 < expr->child_count; i += 2) {
        tl_buf_adds(writer->sql, " WHEN ");
        if (!tl_postgres_write_truth(writer, expr->children[i]))
            return false;
        tl_buf_adds(writer->sql, " THEN ");
        if (!write_value(writer, expr, expr->children[i + 1], ret_operand))
            return false;
    }
    tl_buf_adds(writer->sql, " ELSE ");
    if (!write_value(writer, expr, expr->children[expr->child_count - 1], ret_operand))
        return false;
    tl_buf_adds(writer->sql, " END");
    return true;
}

/* test_coalesce_means_the_same */
static bool write_coalesce(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                           struct tl_postgres_operand *ret_operand)
{
    if (expr->child_count == 0)
        return tl_postgres_decline(writer, "malformed");
    tl_buf_adds(writer->sql, "coalesce(");
    for (size_t i = 0; i < expr->child_count; i++) {
        tl_buf_adds(writer->sql, i > 0 ? ", " : "");
        if (!write_value(writer, expr, expr->children[i], ret_operand))
            return false;
    }
    tl_buf_addc(writer->sql, ')');
    return true;
}

/* --- any --- */

static bool write_compound(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                           struct tl_postgres_operand *ret_operand)
{
    const struct comparison *comparison = comparison_of(expr->kind);
    *ret_operand = (struct tl_postgres_operand){.class = TL_POSTGRES_CLASS_BOOL};
    if (comparison)
        return write_comparison(writer, comparison, expr);
    switch (expr->kind) {
    case TL_EXPR_IN:
        return tl_postgres_write_in(writer, expr);
    case TL_EXPR_IS_NULL:
    case TL_EXPR_IS_NOT_NULL:
        return write_null_test(writer, expr);
    case TL_EXPR_NOT:
    case TL_EXPR_AND:
    case TL_EXPR_OR:
        return write_logic(writer, expr);
    case TL_EXPR_FUNCTION:
        return tl_postgres_write_function(writer, expr, ret_operand);
    case TL_EXPR_CAST:
        return tl_postgres_write_cast(writer, expr, ret_operand);
    case TL_EXPR_CASE:
        return write_case(writer, expr, ret_operand);
    case TL_EXPR_COALESCE:
        return write_coalesce(writer, expr, ret_operand);
    default:
        return tl_postgres_decline(writer, "an expression that has no place here");
    }
}

bool tl_postgres_write(struct tl_postgres_writer *writer, const struct tl_expr *expr, bool bytewise,
                       struct tl_postgres_operand *ret_operand)
{
    if (expr->kind == TL_EXPR_COLUMN)
        return write_column(writer, expr, bytewise, ret_operand);
    if (expr->kind == TL_EXPR_CONSTANT)
        return write_constant(writer, expr, ret_operand);
    if (writer->depth >= TL_EXPR_DEPTH_MAX)
        return tl_postgres_decline(writer, "nested too deeply");
    writer->depth++;
    tl_buf_addc(writer->sql, '(');
    bool written = write_compound(writer, expr, ret_operand);
    tl_buf_addc(writer->sql, ')');
    writer->depth--;
    if (!written)
        return false;
    return writer->sql->failed ? tl_postgres_decline(writer, "too long") : true;
}

bool tl_postgres_write_truth(struct tl_postgres_writer *writer, const struct tl_expr *expr)
{
    struct tl_postgres_operand operand;
    if (!tl_postgres_write(writer, expr, false, &operand))
        return false;
    return operand.class == TL_POSTGRES_CLASS_BOOL ? true : tl_postgres_decline(writer, "not a truth value");
}
