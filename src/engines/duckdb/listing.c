/* The datasets of an attached catalog, in our types. */
#include "engines/duckdb/catalog.h"
#include "engines/duckdb/process_int.h"

enum { DATASETS_MAX = 100000 };

struct listing {
    tl_arena *arena;
    struct tl_source_dataset *datasets;
    size_t count, room;
    struct tl_err *err;
};

static void take_column(tl_arena *arena, const struct tl_catalog_column *from, struct tl_source_column *to)
{
    struct tl_duckdb_carry carry;
    struct tl_err ignored;
    tl_err_init(&ignored);
    to->name = tl_arena_strdup(arena, from->name);
    to->source_type = tl_arena_strdup(arena, from->type_text);
    to->comment = tl_arena_strdup(arena, from->comment);
    to->nullable = from->nullable;
    to->key_position = from->key_position;
    to->unsupported = tl_duckdb_carry_make(arena, from->type, from->name, &to->type, &carry, &ignored) != TL_OK;
    if (to->unsupported)
        to->type = tl_type_simple(TL_TYPE_VARCHAR);
}

static enum tl_code take(void *context, const struct tl_catalog_entry *entry)
{
    struct listing *listing = context;
    tl_arena *arena = listing->arena;
    if (listing->count >= DATASETS_MAX)
        return tl_err_set(listing->err, TL_TOO_LARGE, "a source may have at most %d datasets", DATASETS_MAX);
    if (entry->column_count > TL_SOURCE_COLUMNS_MAX)
        return TL_OK;
    if (listing->count == listing->room) {
        size_t room = listing->room ? listing->room * 2 : 64;
        listing->datasets = tl_arena_grow(arena, listing->datasets, listing->room * sizeof *listing->datasets,
                                          room * sizeof *listing->datasets);
        listing->room = room;
    }
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, entry->column_count);
    for (size_t i = 0; i < entry->column_count; i++)
        take_column(arena, &entry->columns[i], &columns[i]);
    listing->datasets[listing->count++] = (struct tl_source_dataset){
        .schema = tl_arena_strdup(arena, entry->schema),
        .name = tl_arena_strdup(arena, entry->name),
        .kind = entry->is_view ? TL_DATASET_VIEW : TL_DATASET_TABLE,
        .comment = tl_arena_strdup(arena, entry->comment),
        .row_estimate = entry->row_estimate,
        .size_bytes = -1,
        .column_count = entry->column_count,
        .columns = columns,
    };
    return tl_arena_check(arena, "the listing of a source", listing->err);
}

/* The iceberg extension frees a schema that is dropped while a listing still walks over it (seen with ASan): they take turns. */
static pthread_rwlock_t names_lock = PTHREAD_RWLOCK_INITIALIZER;

void tl_duckdb_drop_begin(void)
{
    pthread_rwlock_wrlock(&names_lock);
}

void tl_duckdb_drop_end(void)
{
    pthread_rwlock_unlock(&names_lock);
}

enum tl_code tl_duckdb_list_catalog(duckdb_connection connection, const char *catalog, tl_arena *arena,
                                    struct tl_source_dataset **ret_datasets, size_t *ret_count, struct tl_err *err)
{
    struct listing listing = {.arena = arena, .err = err};
    tl_hooks_set_guard(connection, &(struct tl_hooks_guard){.query_id = ""});
    pthread_rwlock_rdlock(&names_lock);
    enum tl_code code = tl_catalog_list(connection, catalog, take, &listing, err);
    pthread_rwlock_unlock(&names_lock);
    *ret_datasets = listing.datasets;
    *ret_count = listing.count;
    return code;
}
