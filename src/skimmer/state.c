/* What the Skimmer keeps. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "skimmer/skimmer_int.h"

enum { KNOWN_MIN = 1024, COLUMNS_TEXT_MAX = 4 * 1024 * 1024 };

void skim_hash_columns(const struct tl_source_dataset *dataset, char ret_hash[17])
{
    static const uint64_t key[2] = {0x636f6c756d6e73, 1};
    struct tl_buf text;
    tl_buf_init(&text, COLUMNS_TEXT_MAX);
    for (size_t i = 0; i < dataset->column_count; i++) {
        tl_buf_adds(&text, dataset->columns[i].name);
        tl_buf_addc(&text, '\0');
        tl_type_encode(&text, &dataset->columns[i].type);
    }
    snprintf(ret_hash, 17, "%016llx", (unsigned long long)tl_hash_keyed(key, text.data, text.size));
    tl_buf_done(&text);
}

struct loading {
    tl_arena *arena;
    struct skim_known *known;
    size_t count, capacity;
};

static enum tl_code take_known(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct loading *loading = context;
    (void)count;
    (void)err;
    if (loading->count == loading->capacity) {
        size_t old = loading->capacity;
        loading->capacity = old ? 2 * old : KNOWN_MIN;
        loading->known = tl_arena_grow(loading->arena, loading->known, old * sizeof *loading->known, loading->capacity * sizeof *loading->known);
    }
    loading->known[loading->count++] = (struct skim_known){
        .source = tl_store_text(loading->arena, &cells[0]),
        .schema = tl_store_text(loading->arena, &cells[1]),
        .table = tl_store_text(loading->arena, &cells[2]),
        .columns_hash = tl_store_text(loading->arena, &cells[3]),
        .failed = cells[4].type != TL_STORE_NULL,
        .scanned_at_us = cells[5].integer,
        .rows = cells[6].integer,
    };
    return TL_OK;
}

static enum tl_code read_known(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx,
        "SELECT source, schema_name, table_name, columns_hash, failure, scanned_at_us, row_count FROM skimmer_table ORDER BY 1, 2, 3", NULL, 0,
                        take_known, context, err);
}

enum tl_code skim_state_load(tl_skimmer *skimmer, tl_arena *arena, const struct skim_known **ret_known, size_t *ret_count, struct tl_err *err)
{
    struct loading loading = {.arena = arena};
    enum tl_code code = tl_store_read(skimmer->options.store, read_known, &loading, err);
    *ret_known = loading.known;
    *ret_count = loading.count;
    return code;
}

struct saving {
    const struct skim_table *table;
    const struct skim_verdict *verdicts;
    int64_t rows, now_us;
    const char *failure;
};

static enum tl_code save_table(tl_store_tx *tx, const struct saving *saving, struct tl_err *err)
{
    const struct tl_source_dataset *dataset = &saving->table->dataset;
    const struct tl_store_value params[] = {TL_STORE_T(saving->table->source), TL_STORE_T(dataset->schema), TL_STORE_T(dataset->name),
                                            TL_STORE_T(saving->table->columns_hash), TL_STORE_T(saving->failure), TL_STORE_I(saving->now_us),
                                            TL_STORE_I(saving->rows)};
    return tl_store_run(tx,
                        "INSERT INTO skimmer_table (source, schema_name, table_name, columns_hash, failure, scanned_at_us, row_count) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (source, schema_name, table_name) DO UPDATE SET columns_hash = ?4, "
                        "failure = ?5, scanned_at_us = ?6, row_count = ?7",
                        params, 7, NULL, NULL, err);
}

static enum tl_code save_column(tl_store_tx *tx, const struct saving *saving, size_t i, struct tl_err *err)
{
    const struct tl_source_dataset *dataset = &saving->table->dataset;
    const struct skim_verdict *verdict = &saving->verdicts[i];
    const struct tl_store_value params[] = {
        TL_STORE_T(saving->table->source), TL_STORE_T(dataset->schema), TL_STORE_T(dataset->name), TL_STORE_T(verdict->column), TL_STORE_I((int64_t)i),
        TL_STORE_T(verdict->state), TL_STORE_T(verdict->mask), TL_STORE_T(verdict->sensitivity), TL_STORE_T(verdict->tags), TL_STORE_T(verdict->info_type),
        TL_STORE_T(verdict->likelihood), {.type = TL_STORE_DOUBLE, .number = verdict->confidence}, TL_STORE_T(verdict->reason), TL_STORE_T(verdict->evidence),
        TL_STORE_T(verdict->findings), TL_STORE_I(saving->now_us)};
    return tl_store_run(tx,
                        "INSERT INTO skimmer_column (source, schema_name, table_name, column_name, position, state, mask, sensitivity, tags, info_type, "
                        "likelihood, confidence, reason, evidence, findings, found_at_us) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) "
                        "ON CONFLICT (source, schema_name, table_name, column_name) DO UPDATE SET position = ?5, state = ?6, mask = ?7, sensitivity = ?8, "
                        "tags = ?9, info_type = ?10, likelihood = ?11, confidence = ?12, reason = ?13, evidence = ?14, findings = ?15, found_at_us = ?16",
                        params, sizeof params / sizeof *params, NULL, NULL, err);
}

/* Verdicts on columns that are not these any more. */
static const char drop_stale[] = "DELETE FROM skimmer_column WHERE source = ?1 AND schema_name = ?2 AND table_name = ?3 AND EXISTS (SELECT "
    "1 FROM skimmer_table t "
                                 "WHERE t.source = ?1 AND t.schema_name = ?2 AND t.table_name = ?3 AND t.columns_hash <> ?4)";

static enum tl_code save(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct saving *saving = context;
    const struct tl_source_dataset *dataset = &saving->table->dataset;
    const struct tl_store_value name[] = {TL_STORE_T(saving->table->source), TL_STORE_T(dataset->schema), TL_STORE_T(dataset->name),
        TL_STORE_I(saving->now_us)};
    const struct tl_store_value other[] = {name[0], name[1], name[2], TL_STORE_T(saving->table->columns_hash)};
    enum tl_code code = saving->failure ? tl_store_run(tx, drop_stale, other, 4, NULL, NULL, err) : TL_OK;
    if (code == TL_OK)
        code = save_table(tx, saving, err);
    for (size_t i = 0; code == TL_OK && !saving->failure && i < dataset->column_count; i++)
        code = save_column(tx, saving, i, err);
    if (code == TL_OK && !saving->failure) /* columns that are gone */
        code = tl_store_run(tx,
            "DELETE FROM skimmer_column WHERE source = ?1 AND schema_name = ?2 AND table_name = ?3 AND found_at_us <> ?4", name, 4, NULL, NULL, err);
    return code;
}

enum tl_code skim_state_save(tl_skimmer *skimmer, const struct skim_table *table, const struct skim_verdict *verdicts, int64_t rows, const char *failure,
                             struct tl_err *err)
{
    struct saving saving = {table, verdicts, rows, tl_clock_wall_us(), failure};
    return tl_store_write(skimmer->options.store, save, &saving, err);
}

/* Scanned again as if it had been long ago: verdicts stay until then. */
static enum tl_code forget(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct tl_grant_scope *scope = context;
    const struct tl_store_value params[] = {TL_STORE_T(scope->source), TL_STORE_T(scope->schema), TL_STORE_T(scope->table)};
    return tl_store_run(tx,
                        "UPDATE skimmer_table SET scanned_at_us = 0 WHERE (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR schema_name = ?2) AND "
                        "(?3 IS NULL OR table_name = ?3)",
                        params, 3, NULL, NULL, err);
}

enum tl_code skim_state_forget(tl_skimmer *skimmer, const struct tl_grant_scope *scope, struct tl_err *err)
{
    struct tl_grant_scope copy = *scope;
    return tl_store_write(skimmer->options.store, forget, &copy, err);
}

static enum tl_code remove_table(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct skim_known *known = context;
    const struct tl_store_value params[] = {TL_STORE_T(known->source), TL_STORE_T(known->schema), TL_STORE_T(known->table)};
    enum tl_code code = tl_store_run(tx, "DELETE FROM skimmer_column WHERE source = ?1 AND schema_name = ?2 AND table_name = ?3", params, 3, NULL, NULL, err);
    return code == TL_OK ? tl_store_run(tx, "DELETE FROM skimmer_table WHERE source = ?1 AND schema_name = ?2 AND table_name = ?3", params,
        3, NULL, NULL, err) : code;
}

enum tl_code skim_state_remove(tl_skimmer *skimmer, const struct skim_known *known, struct tl_err *err)
{
    struct skim_known copy = *known;
    return tl_store_write(skimmer->options.store, remove_table, &copy, err);
}

struct setting {
    const char *name, *value;
    bool equal;
};

static enum tl_code write_setting(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct setting *setting = context;
    const struct tl_store_value params[] = {TL_STORE_T(setting->name), TL_STORE_T(setting->value)};
    return tl_store_run(tx, "INSERT INTO skimmer_setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2", params,
        2, NULL, NULL, err);
}

enum tl_code skim_state_setting(tl_skimmer *skimmer, const char *name, const char *value, struct tl_err *err)
{
    struct setting setting = {name, value, false};
    return tl_store_write(skimmer->options.store, write_setting, &setting, err);
}

static enum tl_code compare_setting(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct setting *setting = context;
    (void)count;
    (void)err;
    setting->equal = tl_str_equal(cells[0].bytes, tl_str_of(setting->value));
    return TL_OK;
}

static enum tl_code read_setting(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct setting *setting = context;
    const struct tl_store_value params[] = {TL_STORE_T(setting->name)};
    return tl_store_run(tx, "SELECT value FROM skimmer_setting WHERE name = ?1", params, 1, compare_setting, setting, err);
}

bool skim_state_is(tl_skimmer *skimmer, const char *name, const char *value)
{
    struct setting setting = {name, value, false};
    struct tl_err err;
    tl_err_init(&err);
    return tl_store_read(skimmer->options.store, read_setting, &setting, &err) == TL_OK && setting.equal;
}
