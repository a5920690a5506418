/* Datasets that ClickHouse makes of others: one SELECT, written when it is derived. */
#include <string.h>

#include "sources/clickhouse/spell.h"

enum { DERIVED_BYTES_MAX = 4 * 1024 * 1024 };

struct derive {
    const struct tl_derivation *said;
    struct tl_clickhouse_speller speller;
    struct tl_clickhouse_input inputs[TL_DERIVATION_INPUTS_MAX];
    bool *used[TL_DERIVATION_INPUTS_MAX]; /* columns of each input that are named */
    struct tl_buf sql;
    const char **groups; /* their texts */
    struct tl_source_column *columns;
};

static bool decline(struct derive *derive, const char *reason)
{
    return tl_clickhouse_decline(&derive->speller, reason);
}

void tl_clickhouse_add_from(struct tl_buf *sql, const struct tl_source_dataset *dataset)
{
    if (dataset->derivation) {
        tl_buf_addc(sql, '(');
        tl_buf_adds(sql, dataset->driver_data);
        tl_buf_addc(sql, ')');
        return;
    }
    tl_clickhouse_add_identifier(sql, dataset->schema);
    tl_buf_addc(sql, '.');
    tl_clickhouse_add_identifier(sql, dataset->name);
}

/* --- which inputs an expression speaks of --- */

static bool mark(struct derive *derive, const struct tl_expr *expr, int depth, uint32_t *inputs)
{
    if (depth > TL_EXPR_DEPTH_MAX)
        return decline(derive, "nested too deep");
    if (expr->kind == TL_EXPR_COLUMN) {
        if (expr->input < 0 || (size_t)expr->input >= derive->said->input_count || expr->column < 0 ||
            (size_t)expr->column >= derive->said->inputs[expr->input].dataset->column_count)
            return decline(derive, "malformed");
        derive->used[expr->input][expr->column] = true;
        *inputs |= UINT32_C(1) << expr->input;
    }
    for (size_t i = 0; i < expr->child_count; i++)
        if (!mark(derive, expr->children[i], depth + 1, inputs))
            return false;
    return !expr->filter || mark(derive, expr->filter, depth + 1, inputs);
}

static bool mark_all(struct derive *derive, const struct tl_expr *const *exprs, size_t count)
{
    uint32_t ignored = 0;
    for (size_t i = 0; i < count; i++)
        if (!mark(derive, exprs[i], 0, &ignored))
            return false;
    return true;
}

/* --- FROM --- */

enum place { PLACE_ON, PLACE_BEFORE, PLACE_AFTER, PLACE_NONE };

/* Where a condition of input `at` is said: as a key of the join, as a filter of the input alone, or after the join. */
static enum place place_of(struct derive *derive, size_t at, const struct tl_expr *expr)
{
    uint32_t all = 0, left = 0, right = 0, mine = UINT32_C(1) << at;
    if (!mark(derive, expr, 0, &all))
        return PLACE_NONE;
    if (all == mine)
        return PLACE_BEFORE;
    if (expr->kind == TL_EXPR_EQ && expr->child_count == 2 && mark(derive, expr->children[0], 0, &left) &&
        mark(derive, expr->children[1], 0, &right) &&
        ((left == mine && right && right < mine) || (right == mine && left && left < mine)))
        return PLACE_ON;
    return derive->said->inputs[at].join == TL_JOIN_INNER && all < mine << 1 ? PLACE_AFTER : PLACE_NONE;
}

/* Two values are one there when they are one here: what groups and keys of joins need. */
static bool is_equal_there(const struct tl_clickhouse_spelled *spelled)
{
    switch (spelled->type->kind) {
    case TL_CLICKHOUSE_BOOL:
    case TL_CLICKHOUSE_INT:
    case TL_CLICKHOUSE_UINT:
    case TL_CLICKHOUSE_DECIMAL:
    case TL_CLICKHOUSE_STRING:
    case TL_CLICKHOUSE_FIXED_STRING:
    case TL_CLICKHOUSE_DATE:
    case TL_CLICKHOUSE_DATE32:
    case TL_CLICKHOUSE_DATETIME:
    case TL_CLICKHOUSE_DATETIME64:
    case TL_CLICKHOUSE_TIME:
    case TL_CLICKHOUSE_TIME64:
    case TL_CLICKHOUSE_ENUM:
    case TL_CLICKHOUSE_UUID:
    case TL_CLICKHOUSE_IPV4:
    case TL_CLICKHOUSE_IPV6:
        return !spelled->folded;
    default:
        return false;
    }
}

static bool add_keys(struct derive *derive, size_t at)
{
    const struct tl_derivation_input *input = &derive->said->inputs[at];
    size_t added = 0;
    for (size_t i = 0; i < input->condition_count; i++) {
        const struct tl_expr *condition = input->conditions[i];
        struct tl_clickhouse_spelled spelled;
        if (place_of(derive, at, condition) != PLACE_ON)
            continue;
        tl_buf_adds(&derive->sql, added++ == 0 ? " ON " : " AND ");
        for (int side = 0; side < 2; side++) {
            if (!tl_clickhouse_spell_home(&derive->speller, condition->children[side], &spelled))
                return false;
            if (!is_equal_there(&spelled) || !tl_type_equal(&condition->children[0]->type, &condition->children[1]->type))
                return decline(derive, "a join by a type without an equal meaning there");
            tl_buf_adds(&derive->sql, side == 0 ? " = " : "");
        }
    }
    return added > 0 || decline(derive, "a join without a column that must be equal");
}

/* Conditions with their place; *ret_count counts those added so far in this WHERE. */
static bool add_placed(struct derive *derive, size_t at, enum place place, size_t *ret_count)
{
    const struct tl_derivation_input *input = &derive->said->inputs[at];
    for (size_t i = 0; i < input->condition_count; i++) {
        if (place_of(derive, at, input->conditions[i]) != place)
            continue;
        tl_buf_adds(&derive->sql, (*ret_count)++ == 0 ? " WHERE " : " AND ");
        if (!tl_clickhouse_spell_truth(&derive->speller, input->conditions[i]))
            return false;
    }
    return true;
}

static bool has_place(struct derive *derive, size_t at, enum place place)
{
    const struct tl_derivation_input *input = &derive->said->inputs[at];
    for (size_t i = 0; i < input->condition_count; i++)
        if (place_of(derive, at, input->conditions[i]) == place)
            return true;
    return false;
}

/* Columns of the right side of a LEFT JOIN are made nullable: their default, which ClickHouse puts where nothing matches
 * (whatever the setting join_use_nulls says), is then NULL. */
static bool add_columns_of(struct derive *derive, size_t at)
{
    const struct tl_source_dataset *dataset = derive->said->inputs[at].dataset;
    bool optional = derive->said->inputs[at].join == TL_JOIN_LEFT;
    size_t added = 0;
    for (size_t i = 0; i < dataset->column_count; i++) {
        struct tl_expr column = {.kind = TL_EXPR_COLUMN, .input = (int)at, .column = (int)i};
        struct tl_clickhouse_column here;
        if (!derive->used[at][i])
            continue;
        if (!tl_clickhouse_named_column(&derive->speller, &column, &here) ||
            (optional && (here.carry != TL_CLICKHOUSE_AS_IT_IS || !tl_clickhouse_type_may_be_null(here.type))))
            return decline(derive, "a column that cannot be NULL there");
        tl_buf_adds(&derive->sql, added++ > 0 ? ", " : "");
        tl_buf_adds(&derive->sql, optional ? "toNullable(" : "");
        tl_clickhouse_add_column(&derive->speller, &column);
        tl_buf_adds(&derive->sql, optional ? ") AS " : " AS ");
        tl_clickhouse_add_identifier(&derive->sql, dataset->columns[i].name);
    }
    tl_buf_adds(&derive->sql, added == 0 ? "1" : "");
    return true;
}

static bool add_input(struct derive *derive, size_t at)
{
    const struct tl_derivation_input *said = &derive->said->inputs[at];
    struct tl_clickhouse_input *input = &derive->inputs[at];
    bool joined = at > 0, optional = joined && said->join == TL_JOIN_LEFT;
    if (!joined || (!optional && !has_place(derive, at, PLACE_BEFORE))) {
        tl_clickhouse_add_from(&derive->sql, said->dataset);
    } else {
        size_t conditions = 0;
        tl_buf_adds(&derive->sql, "(SELECT ");
        if (!add_columns_of(derive, at))
            return false;
        tl_buf_adds(&derive->sql, " FROM ");
        tl_clickhouse_add_from(&derive->sql, said->dataset);
        tl_buf_addf(&derive->sql, " AS %s", input->alias);
        if (!add_placed(derive, at, PLACE_BEFORE, &conditions))
            return false;
        tl_buf_addc(&derive->sql, ')');
    }
    tl_buf_addf(&derive->sql, " AS %s", input->alias);
    input->optional = optional;
    return true;
}

static bool add_joins(struct derive *derive)
{
    static const char *const joins[] = {[TL_JOIN_INNER] = " ALL INNER JOIN ", [TL_JOIN_LEFT] = " ALL LEFT JOIN ",
                                        [TL_JOIN_SEMI] = " LEFT SEMI JOIN ",  [TL_JOIN_ANTI] = " LEFT ANTI JOIN "};
    for (size_t i = 0; i < derive->said->input_count; i++) {
        const struct tl_derivation_input *said = &derive->said->inputs[i];
        derive->speller.input_count = i + 1;
        tl_buf_adds(&derive->sql, i == 0 ? " FROM " : joins[said->join]);
        if (!add_input(derive, i))
            return false;
        if (i == 0)
            continue;
        if (has_place(derive, i, PLACE_NONE))
            return decline(derive, "a join with a condition that is not said there");
        if (!add_keys(derive, i))
            return false;
        derive->inputs[i].hidden = said->join == TL_JOIN_SEMI || said->join == TL_JOIN_ANTI;
    }
    return true;
}

/* Conditions of inner joins that are no keys, and the filters. */
static bool add_where(struct derive *derive)
{
    size_t added = 0;
    for (size_t i = 1; i < derive->said->input_count; i++)
        if (!add_placed(derive, i, PLACE_AFTER, &added))
            return false;
    for (size_t i = 0; i < derive->said->filter_count; i++) {
        tl_buf_adds(&derive->sql, added++ == 0 ? " WHERE " : " AND ");
        derive->speller.exact = false;
        if (!tl_clickhouse_spell_truth(&derive->speller, derive->said->filters[i]))
            return false;
    }
    return true;
}

/* --- SELECT --- */

static const char *value_text(struct derive *derive, const struct tl_expr *expr, struct tl_clickhouse_spelled *ret_spelled)
{
    size_t start = derive->sql.size;
    derive->speller.exact = true;
    bool spelled = tl_clickhouse_spell_value(&derive->speller, expr, ret_spelled);
    return spelled ? tl_clickhouse_take(&derive->speller, start) : NULL;
}

static bool read_groups(struct derive *derive)
{
    for (size_t i = 0; i < derive->said->group_count; i++) {
        const struct tl_expr *group = derive->said->groups[i];
        struct tl_clickhouse_spelled spelled;
        derive->groups[i] = value_text(derive, group, &spelled);
        if (!derive->groups[i] || group->kind == TL_EXPR_CONSTANT || !is_equal_there(&spelled))
            return decline(derive, "groups of a type without an equal meaning there");
    }
    return true;
}

/* The type of an output that is a column: its own, perhaps made nullable by a join. */
static const char *column_type(struct derive *derive, const struct tl_expr *expr, const struct tl_source_column *column,
                               const struct tl_clickhouse_type *type)
{
    tl_arena *arena = derive->speller.arena;
    if (!derive->inputs[expr->input].optional || tl_clickhouse_type_nullable(type))
        return column->source_type;
    if (type->kind != TL_CLICKHOUSE_LOW_CARDINALITY)
        return tl_arena_printf(arena, "Nullable(%s)", column->source_type);
    int inside = (int)strlen(column->source_type) - (int)strlen("LowCardinality()");
    return tl_arena_printf(arena, "LowCardinality(Nullable(%.*s))", inside, column->source_type + strlen("LowCardinality("));
}

static bool is_grouped_by(const struct derive *derive, const char *text)
{
    for (size_t i = 0; i < derive->said->group_count; i++)
        if (tl_streq(derive->groups[i], text))
            return true;
    return false;
}

static bool add_column_output(struct derive *derive, const struct tl_expr *expr, struct tl_source_column *made)
{
    struct tl_clickhouse_column here;
    const struct tl_source_column *column = tl_clickhouse_named_column(&derive->speller, expr, &here);
    size_t start = derive->sql.size;
    if (!column || here.carry == TL_CLICKHOUSE_FINALIZED)
        return decline(derive, "not a column with the same meaning there");
    tl_clickhouse_add_column(&derive->speller, expr);
    if (derive->said->grouped &&
        (derive->sql.failed || !is_grouped_by(derive, tl_buf_cstr(&derive->sql) + start)))
        return decline(derive, "an output that is no group");
    made->type = column->type;
    made->source_type = column_type(derive, expr, column, here.type);
    made->nullable = column->nullable || derive->inputs[expr->input].optional;
    return true;
}

static bool add_value_output(struct derive *derive, const struct tl_expr *expr, struct tl_source_column *made)
{
    struct tl_clickhouse_spelled spelled;
    const char *text = value_text(derive, expr, &spelled), *home = tl_clickhouse_home(derive->speller.arena, &expr->type);
    if (!text || !home || spelled.folded)
        return decline(derive, "an output without an equal meaning there");
    if (derive->said->grouped && !is_grouped_by(derive, text))
        return decline(derive, "an output that is no group");
    made->source_type = tl_arena_printf(derive->speller.arena, "Nullable(%s)", home);
    tl_buf_adds(&derive->sql, "CAST(");
    tl_buf_adds(&derive->sql, text);
    tl_buf_adds(&derive->sql, ", ");
    tl_clickhouse_add_literal(&derive->sql, tl_str_of(made->source_type));
    tl_buf_addc(&derive->sql, ')');
    return true;
}

static bool add_aggregate_output(struct derive *derive, const struct tl_expr *expr, struct tl_source_column *made)
{
    size_t start = derive->sql.size;
    if (!derive->said->grouped)
        return decline(derive, "an aggregate without groups");
    if (!tl_clickhouse_spell_aggregate(&derive->speller, expr, &made->source_type))
        return false;
    if (strncmp(made->source_type, "Average(", 8) == 0)
        return true;
    struct tl_buf after;
    tl_buf_init(&after, 1024);
    tl_buf_adds(&after, ", ");
    tl_clickhouse_add_literal(&after, tl_str_of(made->source_type));
    tl_buf_addc(&after, ')');
    tl_clickhouse_wrap(&derive->sql, start, "CAST(", tl_buf_cstr(&after));
    tl_buf_done(&after);
    return true;
}

/* The home of a time without a zone is one of the zone UTC. */
static bool same_type(const struct tl_type *there, const struct tl_type *here)
{
    if (there->id == TL_TYPE_TIMESTAMPTZ && here->id == TL_TYPE_TIMESTAMP)
        return true;
    return there->id == here->id &&
           (there->id != TL_TYPE_DECIMAL || (there->precision == here->precision && there->scale == here->scale));
}

static bool add_output(struct derive *derive, size_t at)
{
    const struct tl_expr *expr = derive->said->outputs[at];
    struct tl_source_column *made = &derive->columns[at];
    *made = (struct tl_source_column){.name = tl_arena_printf(derive->speller.arena, "c%zu", at), .nullable = true,
                                      .type = expr->type};
    bool added = expr->kind == TL_EXPR_AGGREGATE ? add_aggregate_output(derive, expr, made)
                 : expr->kind == TL_EXPR_COLUMN  ? add_column_output(derive, expr, made)
                                                 : add_value_output(derive, expr, made);
    if (!added)
        return false;
    tl_buf_addf(&derive->sql, " AS `%s`", made->name);
    struct tl_clickhouse_column here = tl_clickhouse_column_here(derive->speller.arena, made);
    const struct tl_type *type = here.carry == TL_CLICKHOUSE_AS_IT_IS ? &here.type->type : &made->type;
    if (here.carry == TL_CLICKHOUSE_NOT_CARRIED || !same_type(type, &made->type) || !same_type(&made->type, &expr->type))
        return decline(derive, "an output of another type there");
    if (here.carry == TL_CLICKHOUSE_AS_IT_IS)
        made->type.scale = type->scale;
    return true;
}

/* Outputs come first in the text and are written last: what they may name is known only behind FROM. */
static bool add_select(struct derive *derive)
{
    size_t start = derive->sql.size;
    for (size_t i = 0; i < derive->said->output_count; i++) {
        tl_buf_adds(&derive->sql, i > 0 ? ", " : "");
        if (!add_output(derive, i))
            return false;
    }
    if (derive->said->output_count == 0)
        tl_buf_adds(&derive->sql, derive->said->grouped ? "count() AS `nothing`" : "1 AS `nothing`");
    const char *outputs = tl_clickhouse_take(&derive->speller, start);
    if (!outputs)
        return decline(derive, "too long");
    tl_clickhouse_wrap(&derive->sql, 0, outputs, "");
    tl_clickhouse_wrap(&derive->sql, 0, "SELECT ", "");
    for (size_t i = 0; i < derive->said->group_count; i++) {
        tl_buf_adds(&derive->sql, i == 0 ? " GROUP BY " : ", ");
        tl_buf_adds(&derive->sql, derive->groups[i]);
    }
    return !derive->sql.failed || decline(derive, "too long");
}

static bool write(struct derive *derive)
{
    const struct tl_derivation *said = derive->said;
    if (said->input_count < 1 || said->input_count > TL_DERIVATION_INPUTS_MAX || said->output_count > TL_SOURCE_COLUMNS_MAX)
        return decline(derive, "malformed");
    for (size_t i = 0; i < said->input_count; i++) {
        derive->inputs[i] = (struct tl_clickhouse_input){
            .dataset = said->inputs[i].dataset, .alias = tl_arena_printf(derive->speller.arena, "townlake_%zu", i)};
        derive->used[i] = TL_NEW_ARRAY(derive->speller.arena, bool, said->inputs[i].dataset->column_count + 1);
    }
    for (size_t i = 1; i < said->input_count; i++)
        if (!mark_all(derive, said->inputs[i].conditions, said->inputs[i].condition_count))
            return false;
    return mark_all(derive, said->filters, said->filter_count) && mark_all(derive, said->groups, said->group_count) &&
           mark_all(derive, said->outputs, said->output_count) && add_joins(derive) && add_where(derive) &&
           read_groups(derive) && add_select(derive);
}

bool tl_clickhouse_derive(tl_source *source, const struct tl_derivation *derivation, tl_arena *arena,
                          struct tl_source_dataset **ret_dataset, const char **reason)
{
    struct derive *derive = TL_NEW(arena, struct derive);
    derive->said = derivation;
    tl_buf_init(&derive->sql, DERIVED_BYTES_MAX);
    derive->speller = (struct tl_clickhouse_speller){
        .source = source, .inputs = derive->inputs, .arena = arena, .sql = &derive->sql};
    derive->groups = TL_NEW_ARRAY(arena, const char *, derivation->group_count + 1);
    derive->columns = TL_NEW_ARRAY(arena, struct tl_source_column, derivation->output_count + 1);
    bool written = write(derive);
    if (written) {
        const struct tl_source_dataset *first = derivation->inputs[0].dataset;
        struct tl_source_dataset *dataset = TL_NEW(arena, struct tl_source_dataset);
        *dataset = (struct tl_source_dataset){.schema = first->schema,
                                              .name = first->name,
                                              .kind = TL_DATASET_VIEW,
                                              .row_estimate = derivation->grouped && derivation->group_count == 0 ? 1 : -1,
                                              .size_bytes = -1,
                                              .column_count = derivation->output_count,
                                              .columns = derive->columns,
                                              .driver_data = tl_arena_strdup(arena, tl_buf_cstr(&derive->sql)),
                                              .derivation = derivation};
        *ret_dataset = dataset;
    } else if (reason) {
        *reason = derive->speller.reason ? derive->speller.reason : "too long";
    }
    tl_buf_done(&derive->sql);
    return written;
}
