/* One round: each source whose listing is another than at the last round is compared with what is kept, name by name. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "catalog/catalog_int.h"
#include "lake/describe.h"

struct view {
    const char *source;
    const struct tl_source_dataset *dataset;
};

struct round {
    tl_catalog *catalog;
    struct tl_request rq;
    const tl_registry_snapshot *snapshot;
    struct view *views;
    size_t view_count, view_capacity;
};

/* One source on its way. */
struct crawl {
    struct tl_request rq;
    tl_catalog *catalog;
    struct cat_progress *progress; /* its counts change under the mutex only */
    const struct tl_source_dataset **listed;
    size_t listed_count;
    struct cat_known *known;
    size_t known_count;
    struct cat_batch *batch;
    struct tl_buf scratch;
};

static void take_view(void *context, const char *source, const struct tl_source_dataset *dataset)
{
    struct round *round = context;
    if (round->view_count == round->view_capacity) {
        size_t old = round->view_capacity;
        round->view_capacity = old ? 2 * old : 64;
        round->views = tl_arena_grow(round->rq.arena, round->views, old * sizeof *round->views, round->view_capacity * sizeof *round->views);
    }
    round->views[round->view_count++] = (struct view){source, dataset};
}

static uint64_t hash_views(const struct round *round, const char *source)
{
    struct tl_buf scratch;
    uint64_t sum = 0;
    tl_buf_init(&scratch, CAT_ARENA_BYTES_MAX);
    for (size_t i = 0; i < round->view_count; i++) {
        int64_t structure = 0, statistics = 0;
        if (strcmp(round->views[i].source, source) != 0)
            continue;
        cat_hash_dataset(&scratch, round->views[i].dataset, &structure, &statistics);
        sum = sum * 31 + (uint64_t)structure;
    }
    tl_buf_done(&scratch);
    return sum;
}

/* --- comparing --- */

static int compare_names(const void *a, const void *b)
{
    const struct tl_source_dataset *x = a, *y = b;
    int order = strcmp(x->schema, y->schema);
    return order ? order : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    return compare_names(*(const struct tl_source_dataset *const *)a, *(const struct tl_source_dataset *const *)b);
}

/* --- the lake: its metadata has the numbers --- */

enum { LAKE_TABLES_MAX = 5000, LAKE_ARENA_BYTES_MAX = 256 * 1024 * 1024 };

static int64_t summary_number(const struct tl_lake_snapshot *snapshot, const char *key)
{
    const char *text = tl_json_get_text(snapshot->summary, key);
    char *end = NULL;
    int64_t number = text ? strtoll(text, &end, 10) : -1;
    return text && end != text && *end == '\0' ? number : -1;
}

static void read_lake_table(struct crawl *crawl, tl_arena *scratch, size_t at)
{
    struct tl_lake_table table;
    struct tl_err err;
    tl_err_init(&err);
    const struct tl_source_dataset *listed = crawl->listed[at];
    if (tl_lake_table_load(crawl->catalog->options.lake, scratch, listed->schema, listed->name, &table, &err) != TL_OK)
        return; /* dropped meanwhile, or not to be read: its next listing says */
    struct tl_source_dataset *known = TL_NEW(crawl->rq.arena, struct tl_source_dataset);
    const struct tl_lake_snapshot *snapshot = tl_lake_table_snapshot(&table, table.current_snapshot_id);
    *known = *listed;
    known->row_estimate = snapshot ? summary_number(snapshot, "total-records") : 0;
    known->size_bytes = snapshot ? summary_number(snapshot, "total-files-size") : 0;
    known->changed_at_us = snapshot ? snapshot->timestamp_ms * 1000 : 0;
    crawl->listed[at] = known;
}

static void read_lake(struct crawl *crawl)
{
    const struct tl_catalog_options *options = &crawl->catalog->options;
    if (!options->lake || !tl_streq(options->lake_name, crawl->progress->source))
        return;
    tl_arena *scratch = tl_arena_new(LAKE_ARENA_BYTES_MAX);
    for (size_t i = 0; i < crawl->listed_count && i < LAKE_TABLES_MAX; i++) {
        if (crawl->listed[i]->kind == TL_DATASET_TABLE)
            read_lake_table(crawl, scratch, i);
        tl_arena_reset(scratch);
    }
    tl_arena_free(scratch);
}

/* Sorted, each name once: a table of the source before a view made here. */
static void collect(struct crawl *crawl, const struct round *round, const struct tl_registry_source *source)
{
    size_t listed = source->dataset_count, count = 0;
    crawl->listed = TL_NEW_ARRAY(crawl->rq.arena, const struct tl_source_dataset *, listed + round->view_count);
    for (size_t i = 0; i < listed; i++)
        crawl->listed[count++] = &source->datasets[i];
    for (size_t i = 0; i < round->view_count; i++) {
        const struct tl_source_dataset *view = round->views[i].dataset;
        bool there = listed && bsearch(view, source->datasets, listed, sizeof *view, compare_names);
        if (!there && strcmp(round->views[i].source, source->name) == 0)
            crawl->listed[count++] = view;
    }
    if (count > 1)
        qsort(crawl->listed, count, sizeof *crawl->listed, by_name);
    crawl->listed_count = count;
}

static void count_change(struct crawl *crawl, enum cat_difference difference)
{
    pthread_mutex_lock(&crawl->catalog->mutex);
    crawl->progress->added += difference == CAT_ADDED || difference == CAT_BACK;
    crawl->progress->changed += difference == CAT_CHANGED;
    crawl->progress->gone += difference == CAT_GONE;
    pthread_mutex_unlock(&crawl->catalog->mutex);
}

static void count_done(struct crawl *crawl, int64_t done)
{
    pthread_mutex_lock(&crawl->catalog->mutex);
    crawl->progress->done = done;
    pthread_mutex_unlock(&crawl->catalog->mutex);
}

static enum tl_code flush(struct crawl *crawl)
{
    return crawl->batch->count ? cat_write_batch(&crawl->rq, crawl->catalog, crawl->batch) : TL_OK;
}

static enum tl_code add_change(struct crawl *crawl, struct cat_change change)
{
    tl_catalog *catalog = crawl->catalog;
    if (change.difference == CAT_SAME)
        return TL_OK;
    change.id = change.known ? change.known->id : catalog->next_dataset_id++;
    change.change_number = catalog->next_change_number++;
    crawl->batch->changes[crawl->batch->count++] = change;
    crawl->batch->column_count += change.dataset ? change.dataset->column_count : 0;
    count_change(crawl, change.difference);
    bool full = crawl->batch->count == CAT_BATCH_DATASETS || crawl->batch->column_count >= CAT_BATCH_COLUMNS;
    return full ? flush(crawl) : TL_OK;
}

static struct cat_change compare(struct crawl *crawl, const struct tl_source_dataset *dataset, const struct cat_known *known)
{
    struct cat_change change = {.dataset = dataset, .known = known};
    cat_hash_dataset(&crawl->scratch, dataset, &change.structure_hash, &change.statistics_hash);
    change.difference = !known                                               ? CAT_ADDED
                        : known->gone                                        ? CAT_BACK
                        : known->structure_hash != change.structure_hash     ? CAT_CHANGED
                        : known->statistics_hash != change.statistics_hash   ? CAT_STATISTICS
                                                                             : CAT_SAME;
    return change;
}

static enum tl_code compare_all(struct crawl *crawl)
{
    size_t at = 0;
    enum tl_code code = TL_OK;
    for (size_t i = 0; i < crawl->listed_count && code == TL_OK; i++) {
        const struct tl_source_dataset *dataset = crawl->listed[i];
        int order = 1;
        while (at < crawl->known_count) {
            const struct cat_known *known = &crawl->known[at];
            order = strcmp(known->schema, dataset->schema);
            order = order ? order : strcmp(known->name, dataset->name);
            if (order >= 0)
                break;
            at++;
        }
        const struct cat_known *known = at < crawl->known_count && order == 0 ? &crawl->known[at] : NULL;
        code = add_change(crawl, compare(crawl, dataset, known));
        count_done(crawl, (int64_t)i + 1);
        if (code == TL_OK && atomic_load(&crawl->rq.cancelled))
            code = tl_err_set(&crawl->rq.err, TL_CANCELLED, "the crawl was cancelled");
    }
    return code;
}

/* Only once all that is there was written: a crawl that is cut off takes nothing away. */
static enum tl_code remove_gone(struct crawl *crawl)
{
    enum tl_code code = TL_OK;
    for (size_t i = 0; i < crawl->known_count && code == TL_OK; i++) {
        const struct cat_known *known = &crawl->known[i];
        struct tl_source_dataset name = {.schema = known->schema, .name = known->name};
        const struct tl_source_dataset *key = &name;
        if (!known->gone && !bsearch(&key, crawl->listed, crawl->listed_count, sizeof *crawl->listed, by_name))
            code = add_change(crawl, (struct cat_change){.difference = CAT_GONE, .known = known});
    }
    return code;
}

/* --- one source --- */

static enum tl_code run_crawl(struct crawl *crawl)
{
    struct cat_progress copy = *crawl->progress;
    enum tl_code code = cat_write_progress(crawl->catalog, &copy, &crawl->rq.err);
    if (code == TL_OK)
        code = cat_load_known(&crawl->rq, crawl->catalog, crawl->progress->source, &crawl->known, &crawl->known_count);
    if (code == TL_OK)
        code = compare_all(crawl);
    if (code == TL_OK)
        code = remove_gone(crawl);
    if (code == TL_OK)
        code = flush(crawl);
    return code;
}

static void begin(struct crawl *crawl)
{
    pthread_mutex_lock(&crawl->catalog->mutex);
    struct cat_progress *progress = crawl->progress;
    crawl->catalog->running = &crawl->rq;
    if (crawl->catalog->stopping)
        atomic_store(&crawl->rq.cancelled, true);
    progress->running = true;
    progress->began_at_us = tl_clock_wall_us();
    progress->ended_at_us = progress->done = progress->added = progress->changed = progress->gone = 0;
    progress->datasets = (int64_t)crawl->listed_count;
    pthread_mutex_unlock(&crawl->catalog->mutex);
}

static void end(struct crawl *crawl, enum tl_code code)
{
    pthread_mutex_lock(&crawl->catalog->mutex);
    crawl->catalog->running = NULL;
    crawl->progress->running = false;
    crawl->progress->ended_at_us = code == TL_OK ? tl_clock_wall_us() : 0;
    crawl->progress->crawled = code == TL_OK;
    struct cat_progress copy = *crawl->progress;
    pthread_mutex_unlock(&crawl->catalog->mutex);
    if (code == TL_OK)
        code = cat_write_progress(crawl->catalog, &copy, &crawl->rq.err);
    if (code != TL_OK && code != TL_CANCELLED)
        tl_log_err(TL_LOG_ERROR, "catalog", "a source could not be crawled to its end", &crawl->rq.err);
}

static void crawl_source(const struct round *round, struct cat_progress *progress, const struct tl_registry_source *source)
{
    tl_arena *arena = tl_arena_new(CAT_ARENA_BYTES_MAX);
    struct crawl crawl = {.catalog = round->catalog, .progress = progress, .batch = TL_NEW(arena, struct cat_batch)};
    tl_request_init(&crawl.rq, arena);
    tl_buf_init(&crawl.scratch, CAT_ARENA_BYTES_MAX);
    crawl.batch->source = progress->source;
    collect(&crawl, round, source);
    read_lake(&crawl);
    begin(&crawl);
    crawl.batch->now_us = progress->began_at_us;
    end(&crawl, run_crawl(&crawl));
    tl_buf_done(&crawl.scratch);
    tl_arena_free(arena);
}

static struct cat_progress *progress_of(tl_catalog *catalog, const char *source)
{
    struct cat_progress *found = NULL;
    pthread_mutex_lock(&catalog->mutex);
    for (size_t i = 0; i < catalog->progress_count && !found; i++)
        if (strcmp(catalog->progress[i].source, source) == 0)
            found = &catalog->progress[i];
    if (!found && catalog->progress_count < CAT_SOURCES_MAX) {
        found = &catalog->progress[catalog->progress_count++];
        *found = (struct cat_progress){0};
        strncpy(found->source, source, sizeof found->source - 1);
    }
    pthread_mutex_unlock(&catalog->mutex);
    return found;
}

/* --- the round --- */

static void crawl_listed(struct round *round)
{
    const struct tl_registry_source *sources;
    size_t count = tl_snapshot_sources(round->snapshot, &sources);
    for (size_t i = 0; i < count && !cat_is_stopping(round->catalog); i++) {
        const struct tl_registry_source *source = &sources[i];
        struct cat_progress *progress = progress_of(round->catalog, source->name);
        uint64_t views = hash_views(round, source->name);
        if (!progress || source->listed_at_us == 0 ||
            (progress->crawled && progress->listing == source->datasets && progress->views_hash == views))
            continue;
        progress->listing = source->datasets;
        progress->views_hash = views;
        progress->crawled = false;
        crawl_source(round, progress, source);
    }
}

/* A source that was removed has nothing any more. */
static void crawl_removed(struct round *round)
{
    const char **names;
    size_t count = 0;
    if (cat_load_sources(&round->rq, round->catalog, &names, &count) != TL_OK) {
        tl_log_err(TL_LOG_ERROR, "catalog", "what is kept could not be read", &round->rq.err);
        return;
    }
    for (size_t i = 0; i < count && !cat_is_stopping(round->catalog); i++) {
        const struct tl_registry_source nothing = {.name = names[i]};
        const struct tl_registry_source *source = tl_snapshot_source(round->snapshot, names[i]);
        struct cat_progress *progress = source && strcmp(source->name, names[i]) == 0 ? NULL : progress_of(round->catalog, names[i]);
        if (!progress)
            continue;
        progress->listing = NULL;
        crawl_source(round, progress, &nothing);
    }
}

void cat_round(tl_catalog *catalog)
{
    static const struct tl_principal principal = {.user = "townlake-catalog", .authenticated = true};
    struct round round = {.catalog = catalog};
    tl_request_init(&round.rq, tl_arena_new(CAT_ARENA_BYTES_MAX));
    round.rq.principal = &principal;
    tl_door_each_view(&round.rq, catalog->options.door, take_view, &round);
    tl_err_init(&round.rq.err); /* a source that could not be listed has said so itself */
    round.snapshot = tl_registry_acquire(catalog->options.registry);
    crawl_listed(&round);
    crawl_removed(&round);
    cat_read_folder(catalog);
    if (catalog->snapshot)
        tl_registry_release(catalog->snapshot);
    catalog->snapshot = round.snapshot;
    tl_arena_free(round.rq.arena);
}
