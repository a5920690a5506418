/* From one column or table along the edges, step by step, and what of it the caller may see. */
#include <string.h>

#include "base/hash.h"
#include "catalog/lineage_int.h"
#include "door/statement.h"

/* A dataset that was met. */
struct node {
    struct lin_name name;
    int distance;
    const char *kind; /* NULL = not in the inventory */
    bool gone, governs;
    size_t column_count, column_capacity;
    const char **columns; /* met in edges */
    bool *visible;
};

struct edge {
    size_t from, to;
    const char *from_column, *to_column; /* "" = the whole */
    const char *how, *kind, *expression, *origin, *statement, *statement_kind, *by;
    int64_t first_seen_us, last_seen_us;
};

/* What is still to be looked at. */
struct place {
    size_t node;
    const char *column; /* NULL = the dataset as a whole */
    int distance;
};

struct walk {
    struct tl_request *rq;
    tl_lineage *lineage;
    tl_store_tx *tx;
    bool down, whole;
    int depth_max;
    struct node *nodes;
    size_t node_count;
    struct edge *edges;
    size_t edge_count;
    struct place *places;
    size_t place_count, place_at;
    bool cut;
};

/* --- what was met --- */

static size_t node_of(struct walk *walk, const struct lin_name *name, int distance)
{
    for (size_t i = 0; i < walk->node_count; i++)
        if (lin_same(&walk->nodes[i].name, name))
            return i;
    if (walk->node_count == TL_LINEAGE_NODES_MAX) {
        walk->cut = true;
        return SIZE_MAX;
    }
    walk->nodes[walk->node_count] = (struct node){.name = *name, .distance = distance};
    return walk->node_count++;
}

static void note_column(struct walk *walk, size_t at, const char *column)
{
    struct node *node = &walk->nodes[at];
    if (!*column)
        return;
    for (size_t i = 0; i < node->column_count; i++)
        if (strcmp(node->columns[i], column) == 0)
            return;
    if (node->column_count == node->column_capacity) {
        size_t old = node->column_capacity;
        node->column_capacity = old ? 2 * old : 8;
        node->columns = tl_arena_grow(walk->rq->arena, node->columns, old * sizeof *node->columns, node->column_capacity * sizeof *node->columns);
    }
    node->columns[node->column_count++] = column;
}

static void go_on(struct walk *walk, size_t node, const char *column, int distance)
{
    for (size_t i = 0; i < walk->place_count; i++)
        if (walk->places[i].node == node && tl_streq(walk->places[i].column, column))
            return;
    if (walk->place_count == TL_LINEAGE_NODES_MAX || distance > walk->depth_max) {
        walk->cut = walk->cut || walk->place_count == TL_LINEAGE_NODES_MAX;
        return;
    }
    walk->places[walk->place_count++] = (struct place){node, column, distance};
}

static bool is_whole(const char *how)
{
    return strcmp(how, "table") == 0 || strcmp(how, "view") == 0;
}

static bool is_known(const struct walk *walk, const struct edge *edge)
{
    for (size_t i = 0; i < walk->edge_count; i++) {
        const struct edge *other = &walk->edges[i];
        if (other->from == edge->from && other->to == edge->to && strcmp(other->how, edge->how) == 0 &&
            strcmp(other->from_column, edge->from_column) == 0 && strcmp(other->to_column, edge->to_column) == 0)
            return true;
    }
    return false;
}

/* cells: the other end's names and column, the own column, and what is said of the edge. */
static enum tl_code take_edge(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct walk *walk = context;
    tl_arena *arena = walk->rq->arena;
    struct place place = walk->places[walk->place_at];
    (void)count;
    (void)err;
    if (walk->edge_count == TL_LINEAGE_EDGES_MAX) {
        walk->cut = true;
        return TL_OK;
    }
    const char *texts[12];
    for (size_t i = 0; i < 12; i++)
        texts[i] = tl_store_text(arena, &cells[i]);
    struct lin_name name = {texts[0], texts[1], texts[2]};
    size_t other = node_of(walk, &name, place.distance + 1);
    if (other == SIZE_MAX)
        return TL_OK;
    struct edge edge = {.from = walk->down ? place.node : other, .to = walk->down ? other : place.node, .from_column = texts[walk->down ? 4 : 3],
                        .to_column = texts[walk->down ? 3 : 4], .how = texts[5], .kind = texts[6], .expression = texts[7], .origin = texts[8],
                        .statement = texts[9], .statement_kind = texts[10], .by = texts[11], .first_seen_us = cells[12].integer,
                        .last_seen_us = cells[13].integer};
    if (is_known(walk, &edge))
        return TL_OK;
    walk->edges[walk->edge_count++] = edge;
    note_column(walk, edge.from, edge.from_column);
    note_column(walk, edge.to, edge.to_column);
    if (place.column ? strcmp(edge.how, "value") == 0 : is_whole(edge.how))
        go_on(walk, other, place.column ? texts[3] : NULL, place.distance + 1);
    return TL_OK;
}

#define EDGE_OF(OTHER, OWN)                                                                                                              \
    "SELECT " OTHER "_source, " OTHER "_schema, " OTHER "_table, " OTHER "_column, " OWN "_column, how, kind, expression, origin, "      \
    "statement_id, statement_kind, made_by, first_seen_us, last_seen_us FROM lineage_edge WHERE " OWN "_source = ?1 AND " OWN            \
    "_schema = ?2 AND " OWN "_table = ?3 AND ended_at_us = 0 AND "

/* Of a column: its values, and what steers it or all of its table; of a table: whole tables, and of the nearest each column. */
static enum tl_code look_around(struct walk *walk, struct tl_err *err)
{
    static const char *const columns[] = {
        EDGE_OF("from", "to") "(to_column = ?4 OR to_column = '') AND how <> 'table' AND how <> 'view' ORDER BY how = 'value' DESC, 1, 2, 3, 4",
        EDGE_OF("to", "from") "from_column = ?4 ORDER BY how = 'value' DESC, 1, 2, 3, 4"};
    static const char *const tables[] = {EDGE_OF("from", "to") "(how = 'table' OR how = 'view') ORDER BY how, 1, 2, 3",
                                         EDGE_OF("to", "from") "(how = 'table' OR how = 'view') ORDER BY how, 1, 2, 3"};
    static const char *const nearest[] = {EDGE_OF("from", "to") "how <> '' ORDER BY how, 1, 2, 3, to_column, from_column",
                                          EDGE_OF("to", "from") "how <> '' ORDER BY how, 1, 2, 3, to_column, from_column"};
    const struct place *place = &walk->places[walk->place_at];
    const struct lin_name *name = &walk->nodes[place->node].name;
    const struct tl_store_value params[] = {TL_STORE_T(name->source), TL_STORE_T(name->schema), TL_STORE_T(name->table), TL_STORE_T(place->column)};
    const char *sql = place->column ? columns[walk->down] : place->distance == 0 ? nearest[walk->down] : tables[walk->down];
    return tl_store_run(walk->tx, sql, params, place->column ? 4 : 3, take_edge, walk, err);
}

static enum tl_code take_kind(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct node *node = context;
    (void)count;
    (void)err;
    node->kind = cells[0].bytes.size == 4 && memcmp(cells[0].bytes.data, "view", 4) == 0 ? "view" : "table";
    node->gone = cells[1].type != TL_STORE_NULL;
    return TL_OK;
}

/* --- what the caller may see --- */

static void see(struct walk *walk, struct node *node)
{
    struct tl_request *rq = walk->rq;
    tl_lifeguard *lifeguard = walk->lineage->options.lifeguard;
    struct tl_err before = rq->err;
    const struct tl_grant_scope scope = {.source = node->name.source, .schema = node->name.schema, .table = node->name.table};
    const struct tl_access_need need = {node->name.source, node->name.schema, node->name.table, TL_ACCESS_READ, node->column_count, node->columns};
    node->governs = tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &scope) == TL_OK;
    rq->err = before;
    node->visible = TL_NEW_ARRAY(rq->arena, bool, node->column_count + 1);
    tl_lifeguard_visible(rq, lifeguard, &need, node->visible);
    rq->err = before;
}

static bool is_visible(const struct walk *walk, size_t at, const char *column)
{
    const struct node *node = &walk->nodes[at];
    for (size_t i = 0; i < node->column_count; i++)
        if (strcmp(node->columns[i], column) == 0)
            return node->governs || node->visible[i];
    return !*column;
}

struct inputs {
    struct walk *walk;
    bool all_visible;
};

static enum tl_code take_input(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct inputs *inputs = context;
    tl_arena *arena = inputs->walk->rq->arena;
    const char *column = tl_store_text(arena, &cells[3]);
    struct node node = {.name = {tl_store_text(arena, &cells[0]), tl_store_text(arena, &cells[1]), tl_store_text(arena, &cells[2])},
                        .column_count = 1, .columns = &column};
    (void)count;
    (void)err;
    see(inputs->walk, &node);
    inputs->all_visible = inputs->all_visible && (node.governs || node.visible[0]);
    return TL_OK;
}

/* An expression names all that flows into the column, also what this walk did not come by. */
static bool may_read_expression(struct walk *walk, const struct edge *edge, struct tl_err *err)
{
    const struct lin_name *name = &walk->nodes[edge->to].name;
    const struct tl_store_value params[] = {TL_STORE_T(name->source), TL_STORE_T(name->schema), TL_STORE_T(name->table), TL_STORE_T(edge->to_column)};
    struct inputs inputs = {walk, true};
    enum tl_code code = tl_store_run(walk->tx,
                                     "SELECT DISTINCT from_source, from_schema, from_table, from_column FROM lineage_edge WHERE to_source = ?1 AND to_schema "
                                     "= ?2 AND to_table = ?3 AND to_column = ?4 AND ended_at_us = 0",
                                     params, 4, take_input, &inputs, err);
    return code == TL_OK && inputs.all_visible;
}

/* --- the answer --- */

static void put_full_name(struct tl_json_writer *json, const struct lin_name *name)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 8192);
    const char *parts[] = {name->source, *name->schema ? name->schema : name->table, *name->schema ? name->table : NULL};
    for (int i = 0; i < 3 && parts[i]; i++) {
        bool plain = parts[i][strspn(parts[i], "abcdefghijklmnopqrstuvwxyz0123456789_$")] == '\0' && *parts[i];
        tl_buf_adds(&buf, i ? "." : "");
        if (plain)
            tl_buf_adds(&buf, parts[i]);
        else
            tl_buf_add_identifier(&buf, parts[i]);
    }
    tl_json_pair_text(json, "name", tl_buf_cstr(&buf));
    tl_buf_done(&buf);
}

static void put_node(const struct walk *walk, size_t at, struct tl_json_writer *json)
{
    const struct node *node = &walk->nodes[at];
    tl_json_begin_object(json);
    tl_json_pair_int64(json, "id", (int64_t)at);
    tl_json_pair_int64(json, "distance", node->distance);
    if (!tl_lifeguard_may_know(walk->rq->principal, node->name.source, node->name.schema, node->name.table)) {
        tl_json_pair_text(json, "name", "a dataset you may not see");
        tl_json_pair_bool(json, "hidden", true);
        tl_json_end_object(json);
        return;
    }
    put_full_name(json, &node->name);
    tl_json_pair_text(json, "source", node->name.source);
    tl_json_pair_text(json, "schema", node->name.schema);
    tl_json_pair_text(json, "table", node->name.table);
    tl_json_pair_text(json, "kind", node->kind ? node->kind : *node->name.schema ? "table" : "external");
    tl_json_pair_bool(json, "gone", node->gone);
    tl_json_key(json, "columns");
    tl_json_begin_array(json);
    for (size_t i = 0; i < node->column_count; i++)
        if (node->governs || node->visible[i])
            tl_json_put_text(json, node->columns[i]);
    tl_json_end_array(json);
    tl_json_end_object(json);
}

static void put_edge(struct walk *walk, const struct edge *edge, struct tl_json_writer *json, struct tl_err *err)
{
    bool from_seen = is_visible(walk, edge->from, edge->from_column), to_seen = is_visible(walk, edge->to, edge->to_column);
    tl_json_begin_object(json);
    tl_json_pair_int64(json, "from", (int64_t)edge->from);
    tl_json_pair_int64(json, "to", (int64_t)edge->to);
    if (*edge->from_column && from_seen)
        tl_json_pair_text(json, "from_column", edge->from_column);
    if (*edge->to_column && to_seen)
        tl_json_pair_text(json, "to_column", edge->to_column);
    if (!from_seen || !to_seen)
        tl_json_pair_bool(json, "hidden", true); /* a column that the caller may not see */
    tl_json_pair_text(json, "how", edge->how);
    if (edge->kind)
        tl_json_pair_text(json, "kind", edge->kind);
    if (edge->expression && from_seen && to_seen && may_read_expression(walk, edge, err))
        tl_json_pair_text(json, "expression", edge->expression);
    tl_json_pair_text(json, "origin", edge->origin);
    tl_json_pair_text(json, "statement", edge->statement);
    tl_json_pair_text(json, "statement_kind", edge->statement_kind);
    tl_json_pair_text(json, "by", edge->by);
    tl_json_pair_int64(json, "first_seen_us", edge->first_seen_us);
    tl_json_pair_int64(json, "last_seen_us", edge->last_seen_us);
    tl_json_end_object(json);
}

struct answer {
    struct walk *walk;
    struct tl_json_writer *json;
};

static enum tl_code run(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct answer *answer = context;
    struct walk *walk = answer->walk;
    enum tl_code code = TL_OK;
    walk->tx = tx;
    for (walk->place_at = 0; code == TL_OK && walk->place_at < walk->place_count; walk->place_at++)
        if (walk->places[walk->place_at].distance < walk->depth_max)
            code = look_around(walk, err);
    for (size_t i = 0; code == TL_OK && i < walk->node_count; i++) {
        const struct lin_name *name = &walk->nodes[i].name;
        const struct tl_store_value params[] = {TL_STORE_T(name->source), TL_STORE_T(name->schema), TL_STORE_T(name->table)};
        code = tl_store_run(tx, "SELECT kind, gone_at_us FROM catalog_dataset WHERE source = ?1 AND schema_name = ?2 AND name = ?3", params, 3, take_kind,
                            &walk->nodes[i], err);
        see(walk, &walk->nodes[i]);
    }
    if (code != TL_OK)
        return code;
    if (walk->places[0].column && !is_visible(walk, 0, walk->places[0].column))
        return tl_err_set(err, TL_COLUMN_NOT_FOUND, "unknown column \"%.200s\"", walk->places[0].column);
    tl_json_key(answer->json, "nodes");
    tl_json_begin_array(answer->json);
    for (size_t i = 0; i < walk->node_count; i++)
        put_node(walk, i, answer->json);
    tl_json_end_array(answer->json);
    tl_json_key(answer->json, "edges");
    tl_json_begin_array(answer->json);
    for (size_t i = 0; i < walk->edge_count; i++)
        put_edge(walk, &walk->edges[i], answer->json, err);
    tl_json_end_array(answer->json);
    tl_json_pair_bool(answer->json, "complete", !walk->cut);
    return err->code;
}

/* One that is there, in any case of letters; else as it was written: it may be gone, or another system's ("namespace".name). */
static enum tl_code read_name(struct tl_request *rq, tl_lineage *lineage, const char *text, struct lin_name *ret_name)
{
    struct tl_grant_scope scope;
    struct tl_source_dataset dataset;
    struct tl_err before = rq->err;
    if (tl_door_find_dataset(rq, lineage->options.door, text, &scope, &dataset) == TL_OK) {
        *ret_name = (struct lin_name){scope.source, scope.schema, scope.table};
        return TL_OK;
    }
    rq->err = before;
    struct tl_lexer lexer = {tl_str_of(text), 0};
    struct tl_name name;
    bool read = tl_name_read(rq->arena, &lexer, &name) && tl_lexer_next(&lexer).kind == TL_TOKEN_END;
    if (read && name.part_count >= 2 && name.part_count <= 3) {
        *ret_name = (struct lin_name){name.parts[0], name.part_count == 3 ? name.parts[1] : "", name.parts[name.part_count - 1]};
        return TL_OK;
    }
    tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "\"%.200s\" is not the name of a table", text);
    tl_err_hint(&rq->err, "write catalog.schema.table");
    return TL_INVALID_ARGUMENT;
}

enum tl_code tl_lineage_put(struct tl_request *rq, tl_lineage *lineage, const struct tl_lineage_question *question, struct tl_json_writer *json)
{
    struct lin_name name;
    if (read_name(rq, lineage, question->dataset, &name) != TL_OK || tl_lineage_follow(lineage, &rq->err) != TL_OK)
        return rq->err.code;
    struct walk walk = {.rq = rq, .lineage = lineage, .down = question->down,
                        .depth_max = question->depth > 0 && question->depth < TL_LINEAGE_DEPTH_MAX ? question->depth : TL_LINEAGE_DEPTH_MAX,
                        .nodes = TL_NEW_ARRAY(rq->arena, struct node, TL_LINEAGE_NODES_MAX),
                        .edges = TL_NEW_ARRAY(rq->arena, struct edge, TL_LINEAGE_EDGES_MAX),
                        .places = TL_NEW_ARRAY(rq->arena, struct place, TL_LINEAGE_NODES_MAX)};
    node_of(&walk, &name, 0);
    if (question->column)
        note_column(&walk, 0, question->column);
    go_on(&walk, 0, question->column, 0);
    struct answer answer = {&walk, json};
    return tl_store_read(lineage->options.store, run, &answer, &rq->err);
}
