/* Connections to SQLite, statements on them, and what its errors mean. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_int.h"

/* ---- errors ---- */

static enum tl_code report(tl_store_tx *tx, struct tl_err *err, enum tl_code code, const char *what, const char *hint)
{
    tl_err_set(err, code, "the state file \"%s\" %s", tx->store->path, what);
    tl_err_detail(err, "%s", sqlite3_errmsg(tx->db));
    tl_err_hint(err, "%s", hint);
    return code;
}

/* The system's word for the last failure on the file or on the log beside it; sqlite3_system_errno loses it. */
static int last_errno(sqlite3 *db)
{
    int errno_value = 0;
    sqlite3_file *log = NULL;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log && log->pMethods)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &errno_value);
    if (!errno_value)
        sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &errno_value);
    return errno_value;
}

static bool no_space(sqlite3 *db, int result)
{
    int errno_value = result == SQLITE_IOERR ? last_errno(db) : 0;
    return result == SQLITE_FULL || errno_value == ENOSPC || errno_value == EDQUOT || errno_value == EFBIG;
}

enum tl_code store_failed(tl_store_tx *tx, struct tl_err *err)
{
    int extended = sqlite3_extended_errcode(tx->db), result = extended & 0xFF;
    if (no_space(tx->db, result))
        return report(tx, err, TL_DISK_FULL, "could not be written: there is no room",
                      "free some space on that file system");
    switch (result) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return report(tx, err, TL_STATE, "is damaged", STORE_HINT_DAMAGED);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return report(tx, err, TL_STATE, "is read-only", STORE_HINT_READ_ONLY);
    case SQLITE_CANTOPEN:
        return report(tx, err, TL_STATE, "could not be opened", STORE_HINT_READ_ONLY);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return report(tx, err, TL_STATE, "is locked", "another program has the file open; close it and try again");
    case SQLITE_IOERR:
        return report(tx, err, TL_STATE, "could not be read or written", "check the disk and the file system");
    case SQLITE_CONSTRAINT: {
        bool exists = extended == SQLITE_CONSTRAINT_PRIMARYKEY || extended == SQLITE_CONSTRAINT_UNIQUE;
        return tl_err_set(err, exists ? TL_ALREADY_EXISTS : TL_CONSTRAINT, "the state refuses a row: %s",
                          sqlite3_errmsg(tx->db));
    }
    case SQLITE_NOMEM:
        return tl_err_set(err, TL_MEMORY_EXCEEDED, "no memory to work on the state");
    default:
        return tl_err_set(err, TL_INTERNAL, "a statement on the state failed: %s", sqlite3_errmsg(tx->db));
    }
}

/* ---- connections ---- */

enum tl_code store_execute(tl_store_tx *tx, const char *sql, struct tl_err *err)
{
    return sqlite3_exec(tx->db, sql, NULL, NULL, NULL) == SQLITE_OK ? TL_OK : store_failed(tx, err);
}

enum tl_code store_number(tl_store_tx *tx, const char *sql, int64_t *ret_number, struct tl_err *err)
{
    sqlite3_stmt *prepared = NULL;
    int result = sqlite3_prepare_v2(tx->db, sql, -1, &prepared, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(prepared);
    *ret_number = result == SQLITE_ROW ? sqlite3_column_int64(prepared, 0) : 0;
    enum tl_code code = result == SQLITE_ROW || result == SQLITE_DONE ? TL_OK : store_failed(tx, err);
    sqlite3_finalize(prepared);
    return code;
}

/* Nothing here touches the file: a state that we may not use must stay as it is. */
static enum tl_code set_up(tl_store_tx *tx, struct tl_err *err)
{
    sqlite3_extended_result_codes(tx->db, 1);
    sqlite3_busy_timeout(tx->db, STORE_BUSY_MS);
    sqlite3_db_config(tx->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(tx->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(tx->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(tx->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    /* synchronous=FULL: what was committed survives a power cut, at the price of one sync a group. */
    return store_execute(tx,
                         tx->is_writer ? "PRAGMA synchronous=FULL; PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY;"
                                       : "PRAGMA query_only=1; PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY;",
                         err);
}

enum tl_code store_connect(tl_store *store, bool is_writer, tl_store_tx **ret_tx, struct tl_err *err)
{
    tl_store_tx *tx = tl_heap_alloc(sizeof *tx);
    tx->store = store;
    tx->is_writer = is_writer;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (is_writer ? SQLITE_OPEN_CREATE : 0);
    enum tl_code code = sqlite3_open_v2(store->path, &tx->db, flags, NULL) == SQLITE_OK ? TL_OK : store_failed(tx, err);
    if (code == TL_OK)
        code = set_up(tx, err);
    if (code != TL_OK) {
        store_disconnect(tx);
        return code;
    }
    *ret_tx = tx;
    return TL_OK;
}

tl_store_tx *store_disconnect(tl_store_tx *tx)
{
    if (!tx)
        return NULL;
    for (size_t i = 0; i < STORE_STATEMENTS_MAX; i++) {
        sqlite3_finalize(tx->statements[i].prepared);
        free(tx->statements[i].sql);
    }
    sqlite3_close(tx->db);
    free(tx);
    return NULL;
}

/* ---- statements ---- */

/* The kept statement of this text, or the place for it: a free one, else the longest unused.  NULL: all busy. */
static struct store_statement *find_place(tl_store_tx *tx, const char *sql)
{
    struct store_statement *oldest = NULL;
    for (size_t i = 0; i < STORE_STATEMENTS_MAX; i++) {
        struct store_statement *at = &tx->statements[i];
        if (at->is_busy)
            continue;
        if (at->sql && strcmp(at->sql, sql) == 0)
            return at;
        if (!oldest || (oldest->sql && (!at->sql || at->used_at < oldest->used_at)))
            oldest = at;
    }
    return oldest;
}

static enum tl_code prepare(tl_store_tx *tx, struct store_statement *place, const char *sql, struct tl_err *err)
{
    if (place->sql && strcmp(place->sql, sql) == 0)
        return TL_OK;
    sqlite3_finalize(place->prepared);
    free(place->sql);
    *place = (struct store_statement){0};
    const char *rest = "";
    if (sqlite3_prepare_v3(tx->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &place->prepared, &rest) != SQLITE_OK)
        return store_failed(tx, err);
    if (!place->prepared || rest[strspn(rest, " \n\t;")] != '\0') {
        sqlite3_finalize(place->prepared);
        place->prepared = NULL;
        return tl_err_set(err, TL_INTERNAL, "a statement on the state is not one statement");
    }
    place->sql = tl_heap_strdup(sql);
    return TL_OK;
}

static int bind(sqlite3_stmt *prepared, int index, const struct tl_store_value *value)
{
    const char *bytes = value->bytes.data ? value->bytes.data : "";
    switch (value->type) {
    case TL_STORE_INT:
        return sqlite3_bind_int64(prepared, index, value->integer);
    case TL_STORE_DOUBLE:
        return sqlite3_bind_double(prepared, index, value->number);
    case TL_STORE_TEXT:
        return sqlite3_bind_text64(prepared, index, bytes, value->bytes.size, SQLITE_STATIC, SQLITE_UTF8);
    case TL_STORE_BLOB:
        return sqlite3_bind_blob64(prepared, index, bytes, value->bytes.size, SQLITE_STATIC);
    case TL_STORE_NULL:
        break;
    }
    return sqlite3_bind_null(prepared, index);
}

static struct tl_store_value read_cell(sqlite3_stmt *prepared, int column)
{
    switch (sqlite3_column_type(prepared, column)) {
    case SQLITE_INTEGER:
        return TL_STORE_I(sqlite3_column_int64(prepared, column));
    case SQLITE_FLOAT:
        return (struct tl_store_value){.type = TL_STORE_DOUBLE, .number = sqlite3_column_double(prepared, column)};
    case SQLITE_NULL:
        return TL_STORE_N;
    default:
        break;
    }
    bool is_text = sqlite3_column_type(prepared, column) == SQLITE_TEXT;
    const void *bytes =
        is_text ? (const void *)sqlite3_column_text(prepared, column) : sqlite3_column_blob(prepared, column);
    size_t size = (size_t)sqlite3_column_bytes(prepared, column);
    return (struct tl_store_value){.type = is_text ? TL_STORE_TEXT : TL_STORE_BLOB,
                                   .bytes = {bytes ? bytes : "", size}};
}

static enum tl_code give_row(sqlite3_stmt *prepared, tl_store_row row, void *context, struct tl_err *err)
{
    struct tl_store_value cells[STORE_CELLS_MAX];
    int count = sqlite3_column_count(prepared);
    if (count > STORE_CELLS_MAX)
        return tl_err_set(err, TL_INTERNAL, "a statement on the state has more than %d columns", STORE_CELLS_MAX);
    for (int i = 0; i < count; i++)
        cells[i] = read_cell(prepared, i);
    return row(context, cells, (size_t)count, err);
}

static enum tl_code step_all(tl_store_tx *tx, sqlite3_stmt *prepared, tl_store_row row, void *context,
                             struct tl_err *err)
{
    int result;
    while ((result = sqlite3_step(prepared)) == SQLITE_ROW) {
        enum tl_code code = row ? give_row(prepared, row, context, err) : TL_OK;
        if (code != TL_OK)
            return code;
    }
    return result == SQLITE_DONE ? TL_OK : store_failed(tx, err);
}

enum tl_code tl_store_run(tl_store_tx *tx, const char *sql, const struct tl_store_value *params, size_t param_count,
                          tl_store_row row, void *context, struct tl_err *err)
{
    struct store_statement *place = find_place(tx, sql);
    if (!place)
        return tl_err_set(err, TL_INTERNAL, "more than %d statements on the state run inside one another",
                          STORE_STATEMENTS_MAX);
    enum tl_code code = prepare(tx, place, sql, err);
    if (code != TL_OK)
        return code;
    place->is_busy = true;
    place->used_at = ++tx->uses;
    if ((size_t)sqlite3_bind_parameter_count(place->prepared) != param_count)
        code = tl_err_set(err, TL_INTERNAL, "a statement on the state takes %d parameters and was given %zu",
                          sqlite3_bind_parameter_count(place->prepared), param_count);
    for (size_t i = 0; i < param_count && code == TL_OK; i++)
        if (bind(place->prepared, (int)i + 1, &params[i]) != SQLITE_OK)
            code = store_failed(tx, err);
    int64_t before = sqlite3_total_changes64(tx->db);
    if (code == TL_OK)
        code = step_all(tx, place->prepared, row, context, err);
    tx->changes = sqlite3_total_changes64(tx->db) - before;
    sqlite3_reset(place->prepared);
    sqlite3_clear_bindings(place->prepared); /* they point into the caller's memory */
    place->is_busy = false;
    return code;
}

const char *tl_store_text(tl_arena *arena, const struct tl_store_value *value)
{
    return value->type == TL_STORE_NULL ? NULL : tl_arena_strndup(arena, value->bytes.data, value->bytes.size);
}

int64_t tl_store_changes(tl_store_tx *tx)
{
    return tx->changes;
}
