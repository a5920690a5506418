/* Proposals in. */
#include "catalog/datahub.h"

#include <string.h>

#include "base/clock.h"
#include "catalog/datahub_int.h"

enum { EDGES_MAX = 200000 };

struct taking {
    struct tl_request *rq;
    size_t number; /* of the proposal */
    struct lin_name *replaced; /* whose edges told before hold no more */
    size_t replaced_count;
    struct lin_edge *edges;
    size_t edge_count, edge_capacity;
    int64_t left, now_us;
};

static enum tl_code refuse(struct taking *taking, const char *member, const char *wanted)
{
    return tl_err_set(&taking->rq->err, TL_INVALID_ARGUMENT, "\"%s\" of proposal %zu is not %s", member, taking->number + 1, wanted);
}

static enum tl_code add(struct taking *taking, const struct lin_edge *edge)
{
    if (taking->edge_count == EDGES_MAX)
        return tl_err_set(&taking->rq->err, TL_TOO_LARGE, "the proposals have more than %d edges", EDGES_MAX);
    if (taking->edge_count == taking->edge_capacity) {
        size_t old = taking->edge_capacity;
        taking->edge_capacity = old ? 2 * old : 64;
        taking->edges = tl_arena_grow(taking->rq->arena, taking->edges, old * sizeof *taking->edges, taking->edge_capacity * sizeof *taking->edges);
    }
    taking->edges[taking->edge_count++] = *edge;
    return TL_OK;
}

static enum tl_code read_fine(struct taking *taking, const struct lin_name *to, const tl_json *fine)
{
    tl_arena *arena = taking->rq->arena;
    enum tl_code code = TL_OK;
    struct lin_edge edge = {.to = *to, .how = "value", .expression = tl_json_get_text(fine, "transformOperation")};
    if (!tl_streq(tl_json_get_text(fine, "upstreamType"), "FIELD_SET"))
        return TL_OK; /* of whole datasets: among the upstreams */
    for (struct tl_json_iter down = tl_json_iter(tl_json_get(fine, "downstreams")); code == TL_OK && tl_json_next(&down);) {
        if (!dh_read_field(arena, tl_json_text(down.value), &edge.to, &edge.to_column) || !lin_same(&edge.to, to))
            return refuse(taking, "fineGrainedLineages", "of fields of the entity");
        for (struct tl_json_iter up = tl_json_iter(tl_json_get(fine, "upstreams")); code == TL_OK && tl_json_next(&up);) {
            if (!dh_read_field(arena, tl_json_text(up.value), &edge.from, &edge.from_column))
                return refuse(taking, "fineGrainedLineages", "made of urn:li:schemaField");
            code = add(taking, &edge);
        }
    }
    return code;
}

static enum tl_code read_upstreams(struct taking *taking, const struct lin_name *to, const tl_json *aspect)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(aspect, "upstreams")); code == TL_OK && tl_json_next(&it);) {
        struct lin_edge edge = {.to = *to, .to_column = "", .from_column = "", .how = tl_streq(tl_json_get_text(it.value, "type"), "VIEW") ? "view" : "table"};
        if (!dh_read_dataset(taking->rq->arena, tl_json_get_text(it.value, "dataset"), &edge.from))
            return refuse(taking, "upstreams", "made of urn:li:dataset, of the platform townlake with a name \"source.schema.table\"");
        code = add(taking, &edge);
    }
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(aspect, "fineGrainedLineages")); code == TL_OK && tl_json_next(&it);)
        code = read_fine(taking, to, it.value);
    return code;
}

/* The aspect is there as JSON, or as a text that is JSON. */
static enum tl_code read_aspect(struct taking *taking, const tl_json *proposal, const tl_json **ret_aspect)
{
    const tl_json *aspect = tl_json_get(proposal, "aspect");
    const char *text = tl_json_get_text(aspect, "value");
    *ret_aspect = tl_json_get(aspect, "json");
    if (!*ret_aspect && text && tl_json_parse(taking->rq->arena, text, strlen(text), ret_aspect, &taking->rq->err) != TL_OK)
        return taking->rq->err.code;
    return tl_json_is_object(*ret_aspect) ? TL_OK : refuse(taking, "aspect", "an object \"json\"");
}

static enum tl_code read_proposal(struct taking *taking, const tl_json *proposal)
{
    const char *urn = tl_json_get_text(proposal, "entityUrn"), *name = tl_json_get_text(proposal, "aspectName");
    const tl_json *aspect;
    struct lin_name to;
    if (!tl_json_is_object(proposal) || !urn || !name)
        return refuse(taking, urn ? "aspectName" : "entityUrn", "a text");
    if (!tl_streq(tl_json_get_text(proposal, "entityType"), "dataset") || strcmp(name, "upstreamLineage") != 0) {
        taking->left++;
        return TL_OK;
    }
    if (!tl_streq(tl_json_get_text(proposal, "changeType"), "UPSERT"))
        return refuse(taking, "changeType", "UPSERT");
    if (!dh_read_dataset(taking->rq->arena, urn, &to))
        return refuse(taking, "entityUrn", "a urn:li:dataset");
    taking->replaced[taking->replaced_count++] = to;
    enum tl_code code = read_aspect(taking, proposal, &aspect);
    return code == TL_OK ? read_upstreams(taking, &to, aspect) : code;
}

static enum tl_code record(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct taking *taking = context;
    const struct lin_told told = {"datahub", "", "", taking->rq->principal ? taking->rq->principal->user : "", taking->now_us};
    enum tl_code code = TL_OK;
    for (size_t i = 0; code == TL_OK && i < taking->replaced_count; i++)
        code = lin_end_told(tx, &taking->replaced[i], "datahub", taking->now_us, err);
    for (size_t i = 0; code == TL_OK && i < taking->edge_count; i++)
        code = lin_add(tx, &taking->edges[i], &told, err);
    return code;
}

enum tl_code tl_datahub_take(struct tl_request *rq, tl_lineage *lineage, const tl_json *proposals, int64_t *ret_edges, int64_t *ret_left)
{
    struct taking taking = {.rq = rq, .now_us = tl_clock_wall_us()};
    size_t count = tl_json_count(proposals);
    if (!tl_json_is_array(proposals))
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "the proposals are not a JSON array");
    if (count > TL_DATAHUB_PROPOSALS_MAX)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "there are more than %d proposals", TL_DATAHUB_PROPOSALS_MAX);
    taking.replaced = TL_NEW_ARRAY(rq->arena, struct lin_name, count + 1);
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(proposals); code == TL_OK && tl_json_next(&it); taking.number++)
        code = read_proposal(&taking, it.value);
    for (size_t i = 0; code == TL_OK && i < taking.replaced_count; i++)
        code = lin_may_tell(rq, lineage, &taking.replaced[i]);
    if (code == TL_OK)
        code = tl_store_write(lineage->options.store, record, &taking, &rq->err);
    *ret_edges = (int64_t)taking.edge_count;
    *ret_left = taking.left;
    return code;
}
