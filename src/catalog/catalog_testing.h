/* A catalog over a state and rules of its own for each test; no door: what is listed is given. */
#ifndef TL_CATALOG_CATALOG_TESTING_H
#define TL_CATALOG_CATALOG_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "catalog/catalog_int.h"
#include "io/process.h"

static char folder[64];
static tl_store *store;
static tl_lifeguard *guard;
static tl_arena *arena;
static struct tl_request rq;
static struct tl_catalog catalog;
static const char *report;

static const char *const admins[] = {"admin"};
static const struct tl_principal root = {.user = "root", .group_count = 1, .groups = admins, .authenticated = true};
static const struct tl_principal ann = {.user = "ann", .authenticated = true};

static inline void as(const struct tl_principal *principal)
{
    tl_request_init(&rq, arena);
    rq.principal = principal;
}

static inline void expect_ok(enum tl_code code)
{
    if (code != TL_OK)
        fail_msg("%s: %s (%s)", tl_code_info(code)->name, rq.err.message, rq.err.detail);
}

static inline int setup(void **state)
{
    (void)state;
    struct tl_lifeguard_options options = {.link_base = "http://lake"};
    snprintf(folder, sizeof folder, "/tmp/tl_catalog_test.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    arena = tl_arena_new(1 << 28);
    as(&root);
    expect_ok(tl_store_open(folder, &store, &rq.err));
    expect_ok(tl_lifeguard_open(store, &options, &guard, &rq.err));
    memset(&catalog, 0, sizeof catalog);
    catalog.options = (struct tl_catalog_options){.store = store, .lifeguard = guard};
    expect_ok(cat_load_numbers(&catalog, &rq.err));
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    guard = tl_lifeguard_close(guard);
    store = tl_store_close(store);
    arena = tl_arena_free(arena);
    const char *const argv[] = {"/bin/rm", "-rf", folder, NULL};
    struct tl_process_options options = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    tl_process *process;
    struct tl_err err;
    int status = 1;
    tl_err_init(&err);
    if (tl_process_start(&options, &process, &err) != TL_OK)
        return -1;
    tl_process_wait(process, 10000, &status);
    tl_process_end(process);
    return status;
}

/* --- what a source lists --- */

static inline struct tl_source_dataset accounts_listed(size_t column_count)
{
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, 3);
    columns[0] = (struct tl_source_column){.name = "id", .type = tl_type_simple(TL_TYPE_INT64), .source_type = "bigint", .key_position = 1};
    columns[1] = (struct tl_source_column){.name = "email", .type = tl_type_simple(TL_TYPE_VARCHAR), .source_type = "text", .nullable = true};
    columns[2] = (struct tl_source_column){.name = "country", .type = tl_type_simple(TL_TYPE_VARCHAR), .source_type = "text", .nullable = true};
    return (struct tl_source_dataset){.schema = "public", .name = "accounts", .row_estimate = 5, .size_bytes = -1, .column_count = column_count,
                                      .columns = columns};
}

/* As a crawl of the source "ops" that lists this alone. */
static inline void crawl_one(const struct tl_source_dataset *dataset)
{
    struct cat_known *known;
    size_t count;
    struct tl_buf scratch;
    struct cat_batch *batch = TL_NEW(arena, struct cat_batch);
    as(&root);
    usleep(1000); /* another microsecond than the last crawl's */
    *batch = (struct cat_batch){.source = "ops", .now_us = tl_clock_wall_us(), .count = 1};
    expect_ok(cat_load_known(&rq, &catalog, "ops", &known, &count));
    struct cat_change change = {.dataset = dataset, .known = count ? known : NULL, .change_number = catalog.next_change_number++};
    tl_buf_init(&scratch, 1 << 24);
    cat_hash_dataset(&scratch, dataset, &change.structure_hash, &change.statistics_hash);
    tl_buf_done(&scratch);
    change.id = count ? known->id : catalog.next_dataset_id++;
    change.difference = !count ? CAT_ADDED : known->structure_hash != change.structure_hash ? CAT_CHANGED : CAT_STATISTICS;
    batch->changes[0] = change;
    expect_ok(cat_write_batch(&rq, &catalog, batch));
}

static inline void describe_world(void)
{
    struct tl_source_dataset dataset = accounts_listed(3);
    crawl_one(&dataset);
}

/* --- asking --- */

struct asked {
    const char *sql;
    int64_t number;
};

static inline enum tl_code take_number(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    ((struct asked *)context)->number = cells[0].integer;
    return TL_OK;
}

static inline enum tl_code read_number(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx, ((struct asked *)context)->sql, NULL, 0, take_number, context, err);
}

static inline int64_t number_of(const char *sql)
{
    struct asked asked = {sql, -1};
    as(&root);
    expect_ok(tl_store_read(store, read_number, &asked, &rq.err));
    return asked.number;
}

/* "3 changes, 1 errors, applied"; all of it in `report`. */
static inline const char *import_text(const struct tl_principal *principal, const char *text, bool apply)
{
    const struct tl_catalog_file file = {"said.yaml", tl_str_of(text)};
    struct tl_buf buf;
    struct tl_json_writer json;
    const tl_json *root_json;
    int64_t changes = -1, errors = -1;
    tl_buf_init(&buf, 64 << 20);
    tl_json_writer_init(&json, &buf);
    as(principal);
    tl_json_begin_object(&json);
    expect_ok(tl_catalog_import(&rq, &catalog, &file, 1, apply, &json));
    tl_json_end_object(&json);
    report = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    expect_ok(tl_json_parse(arena, buf.data, buf.size, &root_json, &rq.err));
    tl_json_int64(tl_json_get(root_json, "change_count"), &changes);
    tl_json_int64(tl_json_get(root_json, "error_count"), &errors);
    tl_buf_done(&buf);
    return tl_arena_printf(arena, "%lld changes, %lld errors%s", (long long)changes, (long long)errors,
                           tl_json_bool(tl_json_get(root_json, "applied"), false) ? ", applied" : "");
}

static inline void annotate(const struct tl_principal *principal, const char *body, enum tl_code expected)
{
    const tl_json *json;
    as(principal);
    expect_ok(tl_json_parse(arena, body, strlen(body), &json, &rq.err));
    enum tl_code code = tl_catalog_annotate(&rq, &catalog, json);
    if (code != expected)
        fail_msg("%s: %s (%s)", tl_code_info(code)->name, rq.err.message, rq.err.detail);
}

/* text NULL = remove it */
static inline enum tl_code write_page(const struct tl_principal *principal, const char *path, const char *text)
{
    as(principal);
    return tl_catalog_write_page(&rq, &catalog, path, (struct tl_str){text, text ? strlen(text) : 0});
}

struct writing_edits {
    const struct cat_edit *edits;
    size_t count;
};

static inline enum tl_code run_edits(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct writing_edits *writing = context;
    return cat_meaning_write(tx, "test", writing->edits, writing->count, err);
}

static inline enum tl_code write_edits(const struct cat_edit *edits, size_t count)
{
    struct writing_edits writing = {edits, count};
    as(&root);
    return tl_store_write(store, run_edits, &writing, &rq.err);
}

static inline const char *rules_of_accounts(void)
{
    const struct tl_grant_scope scope = {.source = "ops", .schema = "public", .table = "accounts"};
    struct tl_buf buf;
    struct tl_json_writer json;
    as(&root);
    tl_buf_init(&buf, 1 << 20);
    tl_json_writer_init(&json, &buf);
    expect_ok(tl_lifeguard_put_dataset(&rq, guard, &scope, &json));
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return copy;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
