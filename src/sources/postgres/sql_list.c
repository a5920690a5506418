/* IN over constants: one array, which PostgreSQL parses once and looks up by hashing, however long it is. */
#include "sources/postgres/sql.h"

/* Whole numbers are compared in the operand's own width, in which all of them must be. */
static const char *element_type(const struct tl_postgres_operand *operand, const struct tl_expr *expr)
{
    static const struct {
        enum tl_type_id id;
        const char *name;
        int64_t least, most;
    } widths[] = {
        {TL_TYPE_INT16, "int2", INT16_MIN, INT16_MAX},
        {TL_TYPE_INT32, "int4", INT32_MIN, INT32_MAX},
        {TL_TYPE_INT64, "int8", INT64_MIN, INT64_MAX},
    };
    if (operand->class != TL_POSTGRES_CLASS_INT)
        return tl_postgres_class_name(operand->class);
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        bool all = expr->children[0]->type.id <= widths[w].id;
        for (size_t i = 1; all && i < expr->child_count; i++) {
            const struct tl_value *value = &expr->children[i]->value;
            bool whole = value->type.id >= TL_TYPE_INT8 && value->type.id <= TL_TYPE_INT64;
            all = whole && value->as.int64 >= widths[w].least && value->as.int64 <= widths[w].most;
        }
        if (all)
            return widths[w].name;
    }
    return "numeric";
}

static void add_quoted(struct tl_buf *array, const struct tl_buf *body)
{
    tl_buf_addc(array, '"');
    for (size_t i = 0; i < body->size; i++) {
        if (body->data[i] == '"' || body->data[i] == '\\')
            tl_buf_addc(array, '\\');
        tl_buf_addc(array, body->data[i]);
    }
    tl_buf_addc(array, '"');
    array->failed |= body->failed;
}

static bool add_elements(struct tl_postgres_writer *writer, const struct tl_postgres_operand *operand,
                         const struct tl_expr *expr, struct tl_buf *array)
{
    struct tl_buf body;
    bool fits = true;
    tl_buf_init(&body, TL_POSTGRES_EXPRESSION_SIZE_MAX);
    for (size_t i = 1; fits && i < expr->child_count; i++) {
        const struct tl_expr *child = expr->children[i];
        tl_buf_clear(&body);
        fits = child->kind == TL_EXPR_CONSTANT;
        if (!fits)
            tl_postgres_decline(writer, "not a list of constants");
        else if (operand->class == TL_POSTGRES_CLASS_TEXT)
            fits = tl_postgres_text_fits(writer, operand, &child->value);
        if (fits && !tl_postgres_body(&body, operand->class, &child->value))
            fits = tl_postgres_decline(writer, "the constant has no exact spelling for the column's type");
        tl_buf_adds(array, i > 1 ? "," : "");
        add_quoted(array, &body);
    }
    tl_buf_done(&body);
    return fits;
}

/* test_in_means_the_same, test_thousands_of_values */
bool tl_postgres_write_in(struct tl_postgres_writer *writer, const struct tl_expr *expr)
{
    struct tl_postgres_operand operand;
    if (expr->child_count < 2 || expr->children[0]->kind == TL_EXPR_CONSTANT)
        return tl_postgres_decline(writer, "not a value in a list of constants");
    if (!tl_postgres_write(writer, expr->children[0], false, &operand))
        return false;
    if (!(operand.class & TL_POSTGRES_CLASSES_ORDERED))
        return tl_postgres_decline(writer, "the type compares in another way");
    struct tl_buf array;
    tl_buf_init(&array, TL_POSTGRES_EXPRESSION_SIZE_MAX);
    tl_buf_addc(&array, '{');
    bool fits = add_elements(writer, &operand, expr, &array);
    tl_buf_addc(&array, '}');
    if (fits) {
        tl_buf_adds(writer->sql, " = ANY (");
        tl_buf_add_literal(writer->sql, array.data, array.size);
        tl_buf_addf(writer->sql, "::%s[])", element_type(&operand, expr));
        writer->sql->failed |= array.failed;
    }
    tl_buf_done(&array);
    return fits;
}
