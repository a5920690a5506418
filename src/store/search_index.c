/* The two files of the search index: which is in use, how one takes over from the other, what is done about damage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/search_int.h"

enum { SEARCH_VERSION = 3, SEARCH_CHECK_BYTES_MAX = 64 * 1024 * 1024, NAME_MAX_BYTES = 32 };

static void name_file(int number, const char *suffix, char ret_name[NAME_MAX_BYTES])
{
    snprintf(ret_name, NAME_MAX_BYTES, "search-%d.db%s", number, suffix);
}

static char *path_of(const tl_search_index *index, int number, const char *suffix)
{
    char name[NAME_MAX_BYTES];
    name_file(number, suffix, name);
    size_t size = strlen(index->directory) + strlen(name) + 2;
    char *path = tl_heap_alloc(size);
    snprintf(path, size, "%s/%s", index->directory, name);
    return path;
}

static void remove_files(const tl_search_index *index, int number)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *path = path_of(index, number, suffixes[i]);
        unlink(path);
        free(path);
    }
}

static int64_t file_size(const tl_search_index *index, int number)
{
    struct stat info;
    char *path = path_of(index, number, "");
    int64_t size = stat(path, &info) == 0 ? (int64_t)info.st_size : -1;
    free(path);
    return size;
}

static void say_why(tl_search_index *index, const char *reason)
{
    pthread_mutex_lock(&index->mutex);
    index->needs_rebuild = true;
    snprintf(index->reason, sizeof index->reason, "%s", reason);
    pthread_mutex_unlock(&index->mutex);
}

/* --- slots --- */

static struct search_slot *slot_free(struct search_slot *slot)
{
    tl_store_close(slot->file);
    free(slot);
    return NULL;
}

static enum tl_code slot_open(tl_search_index *index, int number, struct search_slot **ret_slot, struct tl_err *err)
{
    char name[NAME_MAX_BYTES];
    struct search_slot *slot = tl_heap_alloc(sizeof *slot);
    name_file(number, "", name);
    slot->number = number;
    slot->file = store_new(index->directory, name);
    enum tl_code code = store_connect(slot->file, true, &slot->file->writer, err);
    if (code == TL_OK)
        code = store_execute(slot->file->writer, "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32768;", err);
    if (code == TL_OK)
        *ret_slot = slot;
    else
        slot_free(slot);
    return code;
}

static struct search_slot *slot_take(tl_search_index *index)
{
    pthread_mutex_lock(&index->mutex);
    struct search_slot *slot = index->current;
    slot->users++;
    pthread_mutex_unlock(&index->mutex);
    return slot;
}

static void slot_give(tl_search_index *index, struct search_slot *slot)
{
    pthread_mutex_lock(&index->mutex);
    bool last = --slot->users == 0 && slot->retired;
    pthread_mutex_unlock(&index->mutex);
    if (!last)
        return;
    int number = slot->number;
    slot_free(slot);
    remove_files(index, number);
    pthread_mutex_lock(&index->mutex);
    index->slots_open--;
    pthread_cond_broadcast(&index->freed);
    pthread_mutex_unlock(&index->mutex);
}

/* `slot` is in use from now on. */
static void take_over(tl_search_index *index, struct search_slot *slot)
{
    pthread_mutex_lock(&index->mutex);
    struct search_slot *before = index->current;
    index->current = slot;
    index->slots_open++;
    if (before) {
        before->retired = true;
        before->users++;
    }
    pthread_mutex_unlock(&index->mutex);
    if (before)
        slot_give(index, before);
}

/* --- opening --- */

static enum tl_code check_page(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)context;
    if (count == 1 && tl_str_equal(cells[0].bytes, TL_STR("ok")))
        return TL_OK;
    return tl_err_set(err, TL_STATE, "%.*s", (int)cells[0].bytes.size, cells[0].bytes.data);
}

static bool is_good(struct search_slot *slot, int64_t size, int64_t *ret_build, struct tl_err *err)
{
    int64_t version = 0;
    if (store_number(slot->file->writer, "PRAGMA user_version", &version, err) != TL_OK)
        return false;
    if (version != SEARCH_VERSION)
        return tl_err_set(err, TL_STATE, "of another version") == TL_OK;
    if (size <= SEARCH_CHECK_BYTES_MAX && tl_store_run(slot->file->writer, "PRAGMA quick_check(1)", NULL, 0, check_page, NULL, err) != TL_OK)
        return false;
    if (tl_search_number(slot->file->writer, "build", ret_build, err) != TL_OK)
        return false;
    return *ret_build > 0 || tl_err_set(err, TL_STATE, "not complete") == TL_OK;
}

/* The file of this number, when it is one of ours and whole; else it is removed. */
static struct search_slot *open_good(tl_search_index *index, int number, int64_t *ret_build)
{
    struct search_slot *slot = NULL;
    struct tl_err err;
    int64_t size = file_size(index, number);
    tl_err_init(&err);
    if (size < 0)
        return NULL;
    if (slot_open(index, number, &slot, &err) == TL_OK && is_good(slot, size, ret_build, &err))
        return slot;
    char reason[sizeof index->reason];
    snprintf(reason, sizeof reason, "the file search-%d.db was removed: %.200s", number, err.message);
    say_why(index, reason);
    if (slot)
        slot_free(slot);
    remove_files(index, number);
    return NULL;
}

static enum tl_code fill(tl_search_index *index, int number, tl_search_write run, void *context, struct search_slot **ret_slot, struct tl_err *err);

static enum tl_code put_nothing(tl_search_writing *writing, void *context, struct tl_err *err)
{
    (void)writing;
    (void)context;
    (void)err;
    return TL_OK;
}

static enum tl_code choose(tl_search_index *index, struct tl_err *err)
{
    struct search_slot *best = NULL;
    int64_t best_build = 0;
    for (int number = 1; number <= SEARCH_SLOTS; number++) {
        int64_t build = 0;
        struct search_slot *slot = open_good(index, number, &build), *worse = slot;
        if (!slot)
            continue;
        if (build > best_build) {
            worse = best;
            best = slot;
            best_build = build;
        }
        if (worse) {
            int other = worse->number;
            slot_free(worse);
            remove_files(index, other);
        }
    }
    if (!best) {
        index->needs_rebuild = true;
        if (fill(index, 1, put_nothing, NULL, &best, err) != TL_OK)
            return err->code;
    }
    take_over(index, best);
    return TL_OK;
}

enum tl_code tl_search_index_open(const char *directory, tl_search_index **ret_index, struct tl_err *err)
{
    tl_search_index *index = tl_heap_alloc(sizeof *index);
    index->directory = tl_heap_strdup(directory);
    pthread_mutex_init(&index->writing, NULL);
    pthread_mutex_init(&index->mutex, NULL);
    pthread_cond_init(&index->freed, NULL);
    if (choose(index, err) != TL_OK) {
        tl_search_index_close(index);
        return err->code;
    }
    *ret_index = index;
    return TL_OK;
}

tl_search_index *tl_search_index_close(tl_search_index *index)
{
    if (!index)
        return NULL;
    if (index->current)
        slot_free(index->current);
    pthread_mutex_destroy(&index->writing);
    pthread_mutex_destroy(&index->mutex);
    pthread_cond_destroy(&index->freed);
    free(index->directory);
    free(index);
    return NULL;
}

/* --- state --- */

static enum tl_code read_state(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct tl_search_state *state = context;
    enum tl_code code = tl_search_count(tx, &state->documents, err);
    if (code == TL_OK)
        code = tl_search_number(tx, "words", &state->words, err);
    return code == TL_OK ? tl_search_number(tx, "built_at_us", &state->built_at_us, err) : code;
}

void tl_search_index_state(tl_search_index *index, struct tl_search_state *ret_state)
{
    struct tl_err err;
    struct tl_search_state state = {0};
    tl_err_init(&err);
    bool read = tl_search_index_read(index, read_state, &state, &err) == TL_OK;
    struct search_slot *slot = slot_take(index);
    state.size_bytes = file_size(index, slot->number);
    slot_give(index, slot);
    pthread_mutex_lock(&index->mutex);
    state.needs_rebuild = index->needs_rebuild || !read;
    state.rebuilding = index->rebuilding;
    snprintf(state.reason, sizeof state.reason, "%s", index->reason);
    pthread_mutex_unlock(&index->mutex);
    *ret_state = state;
}

/* Damage that is met later: what is there is not used again after the next rebuild. */
static enum tl_code note_damage(tl_search_index *index, enum tl_code code, struct tl_err *err)
{
    if (code != TL_STATE)
        return code;
    char reason[sizeof index->reason];
    snprintf(reason, sizeof reason, "%.240s", err->message);
    say_why(index, reason);
    tl_err_hint(err, "the index is made anew by itself; ask again in a moment");
    return code;
}

struct roomy {
    enum tl_code (*run)(tl_store_tx *tx, void *context, struct tl_err *err);
    void *context;
};

/* A search walks over more pages than other readers do. */
static enum tl_code run_roomy(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct roomy *roomy = context;
    enum tl_code code = tl_store_run(tx, "PRAGMA cache_size=-16384", NULL, 0, NULL, NULL, err);
    return code == TL_OK ? roomy->run(tx, roomy->context, err) : code;
}

enum tl_code tl_search_index_read(tl_search_index *index, enum tl_code (*run)(tl_store_tx *tx, void *context, struct tl_err *err), void *context,
                                  struct tl_err *err)
{
    struct search_slot *slot = slot_take(index);
    struct roomy roomy = {run, context};
    enum tl_code code = tl_store_read(slot->file, run_roomy, &roomy, err);
    slot_give(index, slot);
    return note_damage(index, code, err);
}

/* --- writing --- */

static enum tl_code write_counts(tl_store_tx *tx, struct tl_err *err)
{
    return store_execute(tx, "INSERT INTO number (name, value) VALUES ('documents', (SELECT count(*) FROM document)), ('words', (SELECT count(*) FROM word)) "
                             "ON CONFLICT (name) DO UPDATE SET value = excluded.value", err);
}

static enum tl_code write_all(struct search_slot *slot, tl_search_writing *writing, tl_search_write run, void *context, struct tl_err *err)
{
    tl_store_tx *tx = slot->file->writer;
    search_writing_init(writing, tx);
    enum tl_code code = store_execute(tx, "BEGIN IMMEDIATE", err);
    if (code == TL_OK)
        code = run(writing, context, err);
    if (code == TL_OK && writing->vocabulary)
        code = search_write_vocabulary(writing, err);
    if (code == TL_OK)
        code = write_counts(tx, err);
    return code;
}

static enum tl_code finish(struct search_slot *slot, enum tl_code code, struct tl_err *err)
{
    if (code == TL_OK)
        code = store_execute(slot->file->writer, "COMMIT", err);
    if (code != TL_OK && !sqlite3_get_autocommit(slot->file->writer->db))
        sqlite3_exec(slot->file->writer->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

enum tl_code tl_search_index_write(tl_search_index *index, tl_search_write run, void *context, struct tl_err *err)
{
    tl_search_writing writing = {0};
    pthread_mutex_lock(&index->writing);
    struct search_slot *slot = slot_take(index);
    enum tl_code code = finish(slot, write_all(slot, &writing, run, context, err), err);
    search_writing_done(&writing);
    slot_give(index, slot);
    pthread_mutex_unlock(&index->writing);
    return note_damage(index, code, err);
}

static enum tl_code complete(struct search_slot *slot, int64_t build, struct tl_err *err)
{
    char version[64];
    tl_search_writing writing = {.tx = slot->file->writer};
    snprintf(version, sizeof version, "PRAGMA user_version=%d", SEARCH_VERSION);
    enum tl_code code = tl_search_set_number(&writing, "build", build, err);
    if (code == TL_OK)
        code = tl_search_set_number(&writing, "built_at_us", tl_clock_wall_us(), err);
    return code == TL_OK ? store_execute(slot->file->writer, version, err) : code;
}

static int64_t build_of(tl_search_index *index)
{
    struct tl_err err;
    int64_t build = 0;
    tl_err_init(&err);
    if (!index->current || tl_search_number(index->current->file->writer, "build", &build, &err) != TL_OK)
        return 0;
    return build;
}

/* A new file with all that `run` puts into it. */
static enum tl_code fill(tl_search_index *index, int number, tl_search_write run, void *context, struct search_slot **ret_slot, struct tl_err *err)
{
    struct search_vocabulary vocabulary = {.arena = tl_arena_new(SIZE_MAX)};
    tl_search_writing writing = {.vocabulary = &vocabulary};
    struct search_slot *slot = NULL;
    remove_files(index, number);
    enum tl_code code = slot_open(index, number, &slot, err);
    if (code == TL_OK) /* nobody reads it yet, and half a file is thrown away */
        code = store_execute(slot->file->writer, "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=FULL; PRAGMA cache_size=-131072", err);
    if (code == TL_OK)
        code = search_write_schema(slot->file->writer, err);
    if (code == TL_OK)
        code = write_all(slot, &writing, run, context, err);
    if (code == TL_OK)
        code = complete(slot, build_of(index) + 1, err);
    if (slot)
        code = finish(slot, code, err);
    search_writing_done(&writing);
    free(vocabulary.places);
    tl_arena_free(vocabulary.arena);
    if (code == TL_OK)
        code = store_execute(slot->file->writer, "PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=67108864; PRAGMA synchronous=NORMAL; "
                                                 "PRAGMA cache_size=-32768", err);
    if (code == TL_OK) {
        *ret_slot = slot;
        return TL_OK;
    }
    if (slot)
        slot_free(slot);
    remove_files(index, number);
    return code;
}

/* The other file, once the last who read it has gone. */
static int wait_for_other(tl_search_index *index)
{
    pthread_mutex_lock(&index->mutex);
    while (index->slots_open > 1)
        pthread_cond_wait(&index->freed, &index->mutex);
    int number = SEARCH_SLOTS + 1 - index->current->number;
    index->rebuilding = true;
    pthread_mutex_unlock(&index->mutex);
    return number;
}

enum tl_code tl_search_index_rebuild(tl_search_index *index, tl_search_write run, void *context, struct tl_err *err)
{
    struct search_slot *slot = NULL;
    pthread_mutex_lock(&index->writing);
    enum tl_code code = fill(index, wait_for_other(index), run, context, &slot, err);
    if (code == TL_OK)
        take_over(index, slot);
    pthread_mutex_lock(&index->mutex);
    index->rebuilding = false;
    if (code == TL_OK)
        index->needs_rebuild = false;
    pthread_mutex_unlock(&index->mutex);
    pthread_mutex_unlock(&index->writing);
    return code;
}
