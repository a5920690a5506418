/* Tags without a review: what state a table or column is in stays as it is. */
#include <string.h>

#include "lifeguard/lifeguard_int.h"

struct tagged {
    const struct tl_grant_scope *scope; /* of the dataset */
    struct lg_dataset dataset;
    bool done;
};

static bool same_dataset(const struct tl_grant_scope *a, const struct tl_grant_scope *b)
{
    return tl_streq(a->source, b->source) && tl_streq(a->schema, b->schema) && tl_streq(a->table, b->table);
}

static enum tl_code check_tags(struct tl_request *rq, const struct tl_tagging *tagging)
{
    if (tagging->tag_count > TL_TAGS_MAX)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "\"%.200s\" has %zu tags, the limit is %d", tagging->dataset.table, tagging->tag_count, TL_TAGS_MAX);
    for (size_t i = 0; i < tagging->tag_count; i++)
        if (tagging->tags[i][0] == '\0' || strlen(tagging->tags[i]) > TL_TAG_BYTES_MAX)
            return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "a tag has 1 to %d bytes", TL_TAG_BYTES_MAX);
    return TL_OK;
}

static void tag_column(tl_arena *arena, struct lg_dataset *dataset, const struct tl_tagging *tagging)
{
    struct lg_column *columns = TL_NEW_ARRAY(arena, struct lg_column, dataset->column_count + 1);
    size_t at = 0;
    if (dataset->column_count)
        memcpy(columns, dataset->columns, dataset->column_count * sizeof *columns);
    while (at < dataset->column_count && strcmp(columns[at].name, tagging->dataset.column) != 0)
        at++;
    if (at == dataset->column_count)
        columns[dataset->column_count++] = (struct lg_column){.name = tagging->dataset.column, .mask = {.form = TL_MASK_NONE}};
    columns[at].tags = tagging->tags;
    columns[at].tag_count = tagging->tag_count;
    dataset->columns = columns;
}

/* All taggings of the dataset of taggings[at] as one change. */
static enum tl_code change_of(struct tl_request *rq, tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, const struct tl_tagging *taggings,
                              size_t at, size_t count, struct lg_change *ret_change)
{
    struct tl_grant_scope scope = taggings[at].dataset;
    scope.column = NULL;
    const struct lg_dataset *old = lg_find_dataset(lifeguard, snapshot, scope.source, scope.schema, scope.table);
    struct lg_item item = {.kind = LG_DATASET};
    item.dataset = old ? *old : (struct lg_dataset){.source = scope.source, .schema = scope.schema, .table = scope.table, .sensitivity = LG_INTERNAL};
    for (size_t i = at; i < count; i++) {
        if (!same_dataset(&taggings[i].dataset, &scope))
            continue;
        if (check_tags(rq, &taggings[i]) != TL_OK)
            return rq->err.code;
        if (taggings[i].dataset.column) {
            tag_column(rq->arena, &item.dataset, &taggings[i]);
        } else {
            item.dataset.tags = taggings[i].tags;
            item.dataset.tag_count = taggings[i].tag_count;
        }
    }
    *ret_change = (struct lg_change){LG_DATASET, lg_dataset_name(rq->arena, &scope), lg_item_text(rq, &item)};
    return rq->err.code;
}

enum tl_code tl_lifeguard_tag(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_tagging *taggings, size_t count, const char *reason)
{
    struct lg_change *changes = TL_NEW_ARRAY(rq->arena, struct lg_change, count);
    size_t change_count = 0;
    if (lg_need_reason(rq, reason) != TL_OK)
        return rq->err.code;
    pthread_mutex_lock(&lifeguard->changing);
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    enum tl_code code = TL_OK;
    for (size_t i = 0; i < count && code == TL_OK; i++) {
        if (i > 0 && same_dataset(&taggings[i].dataset, &taggings[i - 1].dataset))
            continue;
        struct tl_grant_scope scope = taggings[i].dataset;
        scope.column = NULL;
        code = tl_lifeguard_need(rq, lifeguard, TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &scope);
        if (code == TL_OK)
            code = change_of(rq, lifeguard, snapshot, taggings, i, count, &changes[change_count++]);
    }
    if (code == TL_OK && change_count) {
        const char *subject = change_count == 1 ? lg_scope_text(rq->arena, &taggings[0].dataset) : taggings[0].dataset.source;
        code = lg_apply(rq, lifeguard, "tagged", subject, reason, changes, change_count);
    }
    lg_release(snapshot);
    pthread_mutex_unlock(&lifeguard->changing);
    return code;
}
