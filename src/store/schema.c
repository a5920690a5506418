/* Is this file a state of ours, and of which version?  Then bring it up to date. */
#include <sys/stat.h>

#include "base/clock.h"
#include "store/store_int.h"

struct store_migration {
    int64_t version;
    const char *name;
    const char *sql;
};

#include "store_migrations.h" /* generated: static const struct store_migration store_migrations[] */

enum {
    MIGRATIONS = sizeof store_migrations / sizeof *store_migrations,
    /* A check reads every page: done where that is a moment's work.  In a larger file damage is met when read. */
    CHECK_BYTES_MAX = 8 * 1024 * 1024,
};

static enum tl_code not_ours(const tl_store *store, struct tl_err *err)
{
    tl_err_set(err, TL_STATE, "the file \"%s\" is a database, but not a state of Town Lake", store->path);
    tl_err_hint(err, "choose another state folder, or move that file away");
    return TL_STATE;
}

static enum tl_code too_new(const tl_store *store, int64_t version, struct tl_err *err)
{
    tl_err_set(err, TL_STATE, "the state file \"%s\" has version %lld and this program knows versions up to %d",
               store->path, (long long)version, (int)MIGRATIONS);
    tl_err_hint(err, "run the newer program that wrote it, or choose another state folder; the file was not changed");
    return TL_STATE;
}

static enum tl_code read_version(tl_store *store, int64_t *ret_version, struct tl_err *err)
{
    int64_t tables, known;
    enum tl_code code = store_number(store->writer, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (code != TL_OK)
        return code;
    code =
        store_number(store->writer, "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migration'", &known, err);
    if (code != TL_OK)
        return code;
    *ret_version = 0;
    if (!known)
        return tables ? not_ours(store, err) : TL_OK;
    return store_number(store->writer, "SELECT max(version) FROM schema_migration", ret_version, err);
}

static enum tl_code count_problem(void *context, const struct tl_store_value *cells, size_t cell_count,
                                  struct tl_err *err)
{
    const tl_store *store = context;
    if (cell_count == 1 && tl_str_equal(cells[0].bytes, TL_STR("ok")))
        return TL_OK;
    tl_err_set(err, TL_STATE, "the state file \"%s\" is damaged", store->path);
    tl_err_detail(err, "%.*s", (int)cells[0].bytes.size, cells[0].bytes.data);
    tl_err_hint(err, "%s", STORE_HINT_DAMAGED);
    return TL_STATE;
}

static enum tl_code check_pages(tl_store *store, struct tl_err *err)
{
    struct stat info;
    if (stat(store->path, &info) != 0 || info.st_size == 0 || info.st_size > CHECK_BYTES_MAX)
        return TL_OK;
    return tl_store_run(store->writer, "PRAGMA quick_check(1)", NULL, 0, count_problem, store, err);
}

static enum tl_code apply(tl_store *store, const struct store_migration *migration, struct tl_err *err)
{
    tl_store_tx *tx = store->writer;
    const struct tl_store_value row[] = {TL_STORE_I(migration->version), TL_STORE_T(migration->name),
                                         TL_STORE_I(tl_clock_wall_us())};
    enum tl_code code = store_execute(tx, "BEGIN IMMEDIATE", err);
    if (code == TL_OK)
        code = store_execute(tx, migration->sql, err);
    if (code == TL_OK)
        code = tl_store_run(tx, "INSERT INTO schema_migration (version, name, applied_at_us) VALUES (?1, ?2, ?3)", row,
                            3, NULL, NULL, err);
    if (code == TL_OK)
        code = store_execute(tx, "COMMIT", err);
    if (code != TL_OK && !sqlite3_get_autocommit(tx->db))
        sqlite3_exec(tx->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

static enum tl_code be_writable(tl_store *store, struct tl_err *err)
{
    if (sqlite3_db_readonly(store->writer->db, "main") == 0)
        return TL_OK;
    tl_err_set(err, TL_STATE, "the state file \"%s\" is read-only", store->path);
    tl_err_hint(err, "%s", STORE_HINT_READ_ONLY);
    return TL_STATE;
}

enum tl_code store_check_and_migrate(tl_store *store, struct tl_err *err)
{
    int64_t version = 0;
    enum tl_code code = be_writable(store, err);
    if (code == TL_OK)
        code = read_version(store, &version, err);
    if (code == TL_OK && version > MIGRATIONS)
        code = too_new(store, version, err);
    if (code == TL_OK)
        code = check_pages(store, err);
    if (code == TL_OK)
        code =
            store_execute(store->writer,
                          "PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=67108864;"
                          "CREATE TABLE IF NOT EXISTS schema_migration"
                          " (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at_us BIGINT NOT NULL)",
                          err);
    for (; code == TL_OK && version < MIGRATIONS; version++)
        code = apply(store, &store_migrations[version], err);
    store->schema_version = version;
    if (code == TL_OK)
        code = store_number(store->writer, "SELECT max(id) + 1 FROM event", &store->next_event_id, err);
    if (store->next_event_id < 1)
        store->next_event_id = 1;
    return code;
}
