/* A review is of a column as it was: when its source gives it another type, it may hold something else, and waits again. */
#include <string.h>

#include "lifeguard/lifeguard_int.h"

enum { NAMED_MAX = 3 };

struct comparing {
    struct tl_request *rq;
    const struct lg_snapshot *snapshot;
    struct lg_change *changes;
    size_t count, changed_columns;
    struct tl_buf named; /* the first of those that changed */
};

static struct lg_column *find_column(struct lg_column *columns, size_t count, const char *name)
{
    struct lg_column *found = NULL;
    for (size_t i = 0; i < count && !found; i++)
        if (strcmp(columns[i].name, name) == 0)
            found = &columns[i];
    return found;
}

static void take_back(struct comparing *comparing, const struct lg_dataset *dataset, struct lg_column *column, const char *type)
{
    if (comparing->changed_columns++ < NAMED_MAX)
        tl_buf_addf(&comparing->named, "%s%s.%s.%s: %s, was %s", comparing->named.size ? "; " : "", dataset->schema, dataset->table, column->name, type,
                    column->type);
    column->state = LG_PENDING;
    column->mask = (struct tl_mask){.form = TL_MASK_NONE};
}

/* false: nothing is other than it was. */
static bool compare_dataset(struct comparing *comparing, const struct tl_listed_dataset *listed, struct lg_dataset *dataset)
{
    bool differs = false;
    struct lg_column *columns = TL_NEW_ARRAY(comparing->rq->arena, struct lg_column, dataset->column_count);
    if (dataset->column_count)
        memcpy(columns, dataset->columns, dataset->column_count * sizeof *columns);
    for (size_t i = 0; i < listed->column_count; i++) {
        struct lg_column *column = find_column(columns, dataset->column_count, listed->columns[i]);
        if (!column || tl_streq(column->type, listed->types[i]))
            continue;
        if (column->type && column->state != LG_PENDING)
            take_back(comparing, dataset, column, listed->types[i]);
        column->type = listed->types[i];
        differs = true;
    }
    dataset->columns = columns;
    return differs;
}

bool tl_lifeguard_is_reviewed(tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset)
{
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    const struct lg_dataset *reviewed = lg_find_dataset(lifeguard, snapshot, dataset->source, dataset->schema, dataset->table);
    bool found = reviewed && reviewed->column_count > 0;
    lg_release(snapshot);
    return found;
}

static void compare_all(tl_lifeguard *lifeguard, struct comparing *comparing, const struct tl_listed_dataset *listed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct tl_grant_scope *scope = &listed[i].dataset;
        const struct lg_dataset *reviewed = lg_find_dataset(lifeguard, comparing->snapshot, scope->source, scope->schema, scope->table);
        struct lg_item item = {.kind = LG_DATASET};
        if (!reviewed)
            continue;
        item.dataset = *reviewed;
        if (!compare_dataset(comparing, &listed[i], &item.dataset))
            continue;
        const char *body = lg_item_text(comparing->rq, &item);
        if (body)
            comparing->changes[comparing->count++] = (struct lg_change){LG_DATASET, lg_dataset_name(comparing->rq->arena, scope), body};
    }
}

enum tl_code tl_lifeguard_listed(struct tl_request *rq, tl_lifeguard *lifeguard, const char *source, const struct tl_listed_dataset *listed, size_t count)
{
    struct comparing comparing = {.rq = rq, .changes = TL_NEW_ARRAY(rq->arena, struct lg_change, count)};
    tl_buf_init(&comparing.named, NAMED_MAX * LG_NAME_MAX);
    pthread_mutex_lock(&lifeguard->changing);
    comparing.snapshot = lg_acquire(lifeguard);
    compare_all(lifeguard, &comparing, listed, count);
    enum tl_code code = rq->err.code;
    if (code == TL_OK && comparing.count) {
        const char *reason = comparing.changed_columns ? tl_arena_printf(rq->arena, "%zu reviewed columns have another type and wait again (%s)",
                                                                         comparing.changed_columns, tl_buf_cstr(&comparing.named))
                                                       : "the types of reviewed columns as they are";
        code = lg_apply(rq, lifeguard, comparing.changed_columns ? "type changed" : "types noted", source, reason, comparing.changes, comparing.count);
    }
    lg_release(comparing.snapshot);
    pthread_mutex_unlock(&lifeguard->changing);
    tl_buf_done(&comparing.named);
    return code;
}
