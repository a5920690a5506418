/* "t$tiers": at which grain the rows of each period are, of a table that is rolled up. */
#include <string.h>

#include "door/lake_tables_int.h"
#include "door/rollup.h"

enum { PERIODS_MAX = 100000 };

struct period {
    int64_t start_us, end_us;
    enum rollup_grain grain; /* the finest of its files */
    int64_t records, files;
};
struct periods {
    const struct rollup *rollup;
    struct period *items; /* by their start */
    size_t count, capacity;
};

static struct period *find(tl_arena *arena, struct periods *periods, int64_t start_us, int64_t end_us)
{
    size_t low = 0, high = periods->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (periods->items[middle].start_us < start_us)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < periods->count && periods->items[low].start_us == start_us)
        return &periods->items[low];
    if (periods->count == PERIODS_MAX)
        return NULL;
    if (periods->count == periods->capacity) {
        size_t capacity = periods->capacity ? 2 * periods->capacity : 64;
        periods->items = tl_arena_grow(arena, periods->items, periods->capacity * sizeof *periods->items, capacity * sizeof *periods->items);
        periods->capacity = capacity;
    }
    memmove(periods->items + low + 1, periods->items + low, (periods->count - low) * sizeof *periods->items);
    periods->items[low] = (struct period){.start_us = start_us, .end_us = end_us, .grain = ROLLUP_GRAINS};
    periods->count++;
    return &periods->items[low];
}

static void add_file(struct lake_view *view, const struct tl_lake_manifest_reader *reader, const struct tl_lake_file *file, void *context)
{
    struct periods *periods = context;
    int64_t start_us, end_us;
    enum rollup_grain grain = rollup_grain_of(file->path);
    if (!rollup_period(periods->rollup, reader->spec, file->partition, &start_us, &end_us))
        return;
    struct period *period = find(view->call->rq->arena, periods, start_us, end_us);
    if (!period)
        return;
    grain = grain == ROLLUP_GRAINS ? periods->rollup->tiers[0].grain : grain; /* as it was written */
    period->grain = grain < period->grain ? grain : period->grain;
    period->records += file->record_count;
    period->files++;
}

enum tl_code lake_view_put_tiers(struct lake_view *view, struct tl_err *err)
{
    const char *text = tl_lake_table_property(&view->table, ROLLUP_PROPERTY);
    struct rollup rollup;
    struct periods periods = {.rollup = &rollup};
    struct tl_err none;
    tl_err_init(&none);
    if (!text || rollup_read(view->call->rq->arena, &view->table, view->table.schema, text, &rollup, &none) != TL_OK ||
        !lake_view_is_open(view, rollup.time->id))
        return TL_OK;
    if (lake_view_each_file(view, true, add_file, &periods, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < periods.count; i++) {
        const struct period *period = &periods.items[i];
        tl_json_begin_object(view->json);
        lake_view_put_time(view->json, "period_start", period->start_us / 1000);
        lake_view_put_time(view->json, "period_end", period->end_us / 1000);
        tl_json_pair_text(view->json, "grain", rollup_grain_name(period->grain));
        tl_json_pair_int64(view->json, "record_count", period->records);
        tl_json_pair_int64(view->json, "file_count", period->files);
        tl_json_end_object(view->json);
    }
    return TL_OK;
}
