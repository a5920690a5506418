#include "sources/postgres/derive.h"

#include "sources/postgres/uses.h"

struct derivation {
    const struct tl_derivation *said;
    tl_arena *arena;
    struct tl_postgres_writer writer;
    struct tl_source_column *columns;
    struct tl_postgres_column *own_columns;
};

void tl_postgres_add_from(struct tl_buf *sql, const struct tl_source_dataset *dataset)
{
    const struct tl_postgres_dataset *own = dataset->driver_data;
    if (own->select) {
        tl_buf_addf(sql, "(%s)", own->select);
        return;
    }
    tl_buf_add_identifier(sql, dataset->schema);
    tl_buf_addc(sql, '.');
    tl_buf_add_identifier(sql, dataset->name);
}

bool tl_postgres_field_of(const struct tl_type *type, struct tl_postgres_field *ret_field)
{
    static const struct {
        enum tl_type_id id;
        enum tl_postgres_form form;
    } forms[] = {
        {TL_TYPE_BOOLEAN, TL_POSTGRES_BOOL},       {TL_TYPE_INT16, TL_POSTGRES_INT2},
        {TL_TYPE_INT32, TL_POSTGRES_INT4},         {TL_TYPE_INT64, TL_POSTGRES_INT8},
        {TL_TYPE_INT128, TL_POSTGRES_NUMERIC},     {TL_TYPE_FLOAT, TL_POSTGRES_FLOAT4},
        {TL_TYPE_DOUBLE, TL_POSTGRES_FLOAT8},      {TL_TYPE_DECIMAL, TL_POSTGRES_NUMERIC},
        {TL_TYPE_VARCHAR, TL_POSTGRES_TEXT},       {TL_TYPE_BLOB, TL_POSTGRES_BYTEA},
        {TL_TYPE_UUID, TL_POSTGRES_UUID},          {TL_TYPE_DATE, TL_POSTGRES_DATE},
        {TL_TYPE_TIME, TL_POSTGRES_TIME},          {TL_TYPE_TIMESTAMP, TL_POSTGRES_TIMESTAMP},
        {TL_TYPE_TIMESTAMPTZ, TL_POSTGRES_TIMESTAMP}, {TL_TYPE_INTERVAL, TL_POSTGRES_INTERVAL},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (forms[i].id != type->id)
            continue;
        ret_field->form = forms[i].form;
        ret_field->precision = type->id == TL_TYPE_DECIMAL ? type->precision : 38;
        ret_field->scale = type->id == TL_TYPE_DECIMAL ? type->scale : 0;
        return true;
    }
    return false;
}

/* --- FROM and WHERE --- */

static bool is_hidden(const struct tl_derivation_input *input)
{
    return input->join == TL_JOIN_SEMI || input->join == TL_JOIN_ANTI;
}

static bool write_conditions(struct derivation *derivation, size_t count, const struct tl_expr *const *conditions,
                             const char *before)
{
    for (size_t i = 0; i < count; i++) {
        tl_buf_adds(derivation->writer.sql, i > 0 ? " AND " : before);
        if (!tl_postgres_write_truth(&derivation->writer, conditions[i]))
            return false;
    }
    return true;
}

static bool write_from(struct derivation *derivation)
{
    struct tl_buf *sql = derivation->writer.sql;
    for (size_t i = 0; i < derivation->said->input_count; i++) {
        const struct tl_derivation_input *input = &derivation->said->inputs[i];
        if (i > 0 && is_hidden(input))
            continue;
        derivation->writer.input_count = i + 1;
        tl_buf_adds(sql, i == 0 ? " FROM " : input->join == TL_JOIN_LEFT ? " LEFT JOIN " : " JOIN ");
        tl_postgres_add_from(sql, input->dataset);
        tl_buf_addf(sql, " \"i%zu\"", i);
        if (i == 0)
            continue;
        tl_buf_adds(sql, " ON ");
        if (input->condition_count == 0)
            tl_buf_adds(sql, "true");
        if (!write_conditions(derivation, input->condition_count, input->conditions, ""))
            return false;
    }
    derivation->writer.input_count = derivation->said->input_count;
    return true;
}

/* A semi-join keeps rows and multiplies none, so it may stand behind all joins. */
static bool write_exists(struct derivation *derivation, size_t i, const char *before)
{
    const struct tl_derivation_input *input = &derivation->said->inputs[i];
    struct tl_buf *sql = derivation->writer.sql;
    uint32_t hidden = derivation->writer.hidden;
    tl_buf_addf(sql, "%s%sEXISTS (SELECT FROM ", before, input->join == TL_JOIN_ANTI ? "NOT " : "");
    tl_postgres_add_from(sql, input->dataset);
    tl_buf_addf(sql, " \"i%zu\"", i);
    derivation->writer.hidden &= ~(UINT32_C(1) << i);
    bool written = write_conditions(derivation, input->condition_count, input->conditions, " WHERE ");
    derivation->writer.hidden = hidden;
    tl_buf_addc(sql, ')');
    return written;
}

static bool write_where(struct derivation *derivation)
{
    const char *before = " WHERE ";
    for (size_t i = 1; i < derivation->said->input_count; i++) {
        if (!is_hidden(&derivation->said->inputs[i]))
            continue;
        if (!write_exists(derivation, i, before))
            return false;
        before = " AND ";
    }
    return write_conditions(derivation, derivation->said->filter_count, derivation->said->filters, before);
}

/* --- the outputs --- */

/* A column that is only passed on may be of any type that can be read. */
static bool pass_on(struct derivation *derivation, const struct tl_expr *expr, struct tl_postgres_column *ret_column)
{
    const struct tl_postgres_column *column = tl_postgres_column_of(&derivation->writer, expr);
    struct tl_postgres_operand operand;
    if (!column || !tl_postgres_write(&derivation->writer, expr, false, &operand))
        return false;
    *ret_column = *column;
    ret_column->class = operand.class;
    ret_column->cast = TL_POSTGRES_CAST_NONE;
    ret_column->composite = ret_column->nondeterministic = false;
    ret_column->collation = 0;
    ret_column->characters = 0;
    ret_column->type = 0;
    return true;
}

static bool write_value(struct derivation *derivation, const struct tl_expr *expr,
                        struct tl_postgres_column *ret_column)
{
    struct tl_postgres_writer *writer = &derivation->writer;
    struct tl_postgres_operand operand;
    if (expr->kind == TL_EXPR_COLUMN)
        return pass_on(derivation, expr, ret_column) ? true : tl_postgres_decline(writer, "a column that cannot be read");
    if (!tl_postgres_field_of(&expr->type, &ret_column->field))
        return tl_postgres_decline(writer, "a type that PostgreSQL does not have");
    tl_buf_addc(writer->sql, '(');
    if (!tl_postgres_write(writer, expr, true, &operand))
        return false;
    if (operand.folded)
        return tl_postgres_decline(writer, "upper and lower case of letters beyond ASCII");
    if (operand.class != tl_postgres_class_of(expr->type.id) || operand.class == TL_POSTGRES_CLASS_NONE)
        return tl_postgres_decline(writer, "a value of another type");
    tl_buf_adds(writer->sql, ")::");
    tl_postgres_add_type(writer->sql, &expr->type);
    ret_column->class = operand.class;
    return true;
}

/* Values that are grouped must be told apart as the engine tells them apart. */
static bool write_group(struct derivation *derivation, const struct tl_expr *expr)
{
    struct tl_postgres_column column;
    if (!write_value(derivation, expr, &column))
        return false;
    if (!(column.class & TL_POSTGRES_CLASSES_ORDERED))
        return tl_postgres_decline(&derivation->writer, "groups of a type that compares in another way");
    return true;
}

static const char *name_of(struct derivation *derivation, const struct tl_expr *expr, size_t i)
{
    const struct tl_postgres_column *column = tl_postgres_column_of(&derivation->writer, expr);
    if (column)
        return column->field.name;
    return expr->function ? tl_arena_strdup(derivation->arena, expr->function)
                          : tl_arena_printf(derivation->arena, "column %zu", i + 1);
}

static const char *spelling_of(tl_arena *arena, const struct tl_type *type)
{
    struct tl_buf spelling;
    tl_buf_init(&spelling, TL_POSTGRES_EXPRESSION_SIZE_MAX);
    tl_type_format_sql(&spelling, type);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&spelling));
    tl_buf_done(&spelling);
    return copy;
}

static bool write_output(struct derivation *derivation, size_t i)
{
    const struct tl_expr *expr = derivation->said->outputs[i];
    struct tl_postgres_column *own = &derivation->own_columns[i];
    bool written = expr->kind == TL_EXPR_AGGREGATE && derivation->said->grouped
                       ? tl_postgres_write_aggregate(&derivation->writer, expr, own)
                       : write_value(derivation, expr, own);
    if (!written)
        return false;
    own->alias = tl_arena_printf(derivation->arena, "c%zu", i);
    tl_buf_addf(derivation->writer.sql, " AS \"%s\"", own->alias);
    own->field.name = name_of(derivation, expr, i);
    own->field.source_type = spelling_of(derivation->arena, &expr->type);
    derivation->columns[i] = (struct tl_source_column){
        .name = own->field.name,
        .type = tl_type_copy(derivation->arena, &expr->type),
        .source_type = own->field.source_type,
        .nullable = true,
    };
    return true;
}

static bool write_outputs(struct derivation *derivation)
{
    tl_buf_adds(derivation->writer.sql, "SELECT");
    for (size_t i = 0; i < derivation->said->output_count; i++) {
        tl_buf_adds(derivation->writer.sql, i > 0 ? ", " : " ");
        if (!write_output(derivation, i))
            return false;
    }
    return true;
}

/* Without groups it is one row, also of no rows: an empty list of groups says so where no aggregate does. */
static bool write_groups(struct derivation *derivation)
{
    const struct tl_derivation *said = derivation->said;
    if (!said->grouped)
        return true;
    tl_buf_adds(derivation->writer.sql, said->group_count == 0 ? " GROUP BY ()" : " GROUP BY ");
    for (size_t i = 0; i < said->group_count; i++) {
        tl_buf_adds(derivation->writer.sql, i > 0 ? ", " : "");
        if (!write_group(derivation, said->groups[i]))
            return false;
    }
    return true;
}

/* --- all of it --- */

static bool inputs_fit(struct derivation *derivation, const struct tl_source_dataset **inputs)
{
    const struct tl_derivation *said = derivation->said;
    if (said->input_count < 1 || said->input_count > TL_DERIVATION_INPUTS_MAX ||
        said->output_count > TL_SOURCE_COLUMNS_MAX)
        return tl_postgres_decline(&derivation->writer, "too large");
    for (size_t i = 0; i < said->input_count; i++) {
        inputs[i] = said->inputs[i].dataset;
        if (!inputs[i]->driver_data)
            return tl_postgres_decline(&derivation->writer, "a table that was not described");
        if (i > 0 && is_hidden(&said->inputs[i]))
            derivation->writer.hidden |= UINT32_C(1) << i;
    }
    return true;
}

static const char *names_of(const struct tl_derivation *said, tl_arena *arena)
{
    const char *names = said->inputs[0].dataset->name;
    for (size_t i = 1; i < said->input_count; i++)
        names = tl_arena_printf(arena, "%s, %s", names, said->inputs[i].dataset->name);
    return names;
}

static void add_uses(struct tl_postgres_uses *uses, const struct derivation *derivation, size_t count,
                     const struct tl_expr *const *exprs)
{
    for (size_t i = 0; i < count; i++)
        tl_postgres_uses_add_expr(uses, derivation->said->input_count, derivation->writer.inputs, exprs[i]);
}

static const struct tl_postgres_uses *uses_of(const struct derivation *derivation)
{
    const struct tl_derivation *said = derivation->said;
    struct tl_postgres_uses *uses = TL_NEW(derivation->arena, struct tl_postgres_uses);
    *uses = (struct tl_postgres_uses){.arena = derivation->arena};
    for (size_t i = 0; i < said->input_count; i++) {
        tl_postgres_uses_add(uses, said->inputs[i].dataset, -1);
        add_uses(uses, derivation, said->inputs[i].condition_count, said->inputs[i].conditions);
    }
    add_uses(uses, derivation, said->filter_count, said->filters);
    add_uses(uses, derivation, said->group_count, said->groups);
    add_uses(uses, derivation, said->output_count, said->outputs);
    return uses;
}

static struct tl_source_dataset *make_dataset(const struct derivation *derivation, const char *source,
                                              const char *select)
{
    const struct tl_derivation *said = derivation->said;
    const struct tl_source_dataset *first = said->inputs[0].dataset;
    const struct tl_postgres_dataset *first_own = first->driver_data;
    struct tl_source_dataset *dataset = TL_NEW(derivation->arena, struct tl_source_dataset);
    struct tl_postgres_dataset *own = TL_NEW(derivation->arena, struct tl_postgres_dataset);
    int64_t rows = said->grouped && said->group_count == 0 ? 1 : -1;
    const char *names = names_of(said, derivation->arena);
    *own = (struct tl_postgres_dataset){.kind = 'v', .utf8 = first_own->utf8, .rows = rows, .select = select,
                                        .uses = uses_of(derivation), .columns = derivation->own_columns};
    own->where = tl_arena_printf(derivation->arena, "what source \"%s\" computes of \"%s\"", source, names);
    *dataset = (struct tl_source_dataset){
        .schema = first->schema,
        .name = names,
        .kind = TL_DATASET_VIEW,
        .row_estimate = rows,
        .size_bytes = -1,
        .column_count = said->output_count,
        .columns = derivation->columns,
        .driver_data = own,
        .derivation = said,
    };
    return dataset;
}

/* SELECT is written before FROM, but its columns are those of all inputs. */
static bool write_all(struct derivation *derivation)
{
    derivation->writer.input_count = derivation->said->input_count;
    return write_outputs(derivation) && write_from(derivation) && write_where(derivation) && write_groups(derivation);
}

bool tl_postgres_derive(const char *source, const struct tl_derivation *said, tl_arena *arena,
                        struct tl_source_dataset **ret_dataset, const char **reason)
{
    const struct tl_source_dataset *inputs[TL_DERIVATION_INPUTS_MAX];
    struct tl_buf sql;
    struct derivation derivation = {.said = said, .arena = arena, .writer = {.inputs = inputs, .qualified = true, .sql = &sql}};
    tl_buf_init(&sql, TL_POSTGRES_EXPRESSION_SIZE_MAX);
    bool written = inputs_fit(&derivation, inputs);
    if (written) {
        derivation.columns = TL_NEW_ARRAY(arena, struct tl_source_column, said->output_count);
        derivation.own_columns = TL_NEW_ARRAY(arena, struct tl_postgres_column, said->output_count);
        written = write_all(&derivation);
    }
    if (written && sql.failed)
        written = tl_postgres_decline(&derivation.writer, "too long");
    if (written)
        *ret_dataset = make_dataset(&derivation, source, tl_arena_strdup(arena, tl_buf_cstr(&sql)));
    else if (reason)
        *reason = derivation.writer.reason;
    tl_buf_done(&sql);
    return written;
}
