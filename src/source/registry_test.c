#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/folder_testing.h"
#include "source/registry_int.h"

/* The engine's side, played: sources by name, each with what it holds and how it fails. */
enum { PLAYED_MAX = 8 };
struct played {
    char name[32];
    int tables;           /* t0, t1 .. in schema "public" */
    enum tl_code failure; /* of list */
    bool hangs;           /* list waits until cancelled */
    int puts, lists, removes;
    char password[64];    /* as put last */
};

static struct world {
    char folder[64];
    tl_store *store;
    tl_registry *registry;
    tl_arena *arena;
    pthread_mutex_t lock;
    struct played played[PLAYED_MAX];
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct played *play(const char *name)
{
    for (size_t i = 0; i < PLAYED_MAX; i++) {
        if (!world.played[i].name[0])
            snprintf(world.played[i].name, sizeof world.played[i].name, "%s", name);
        if (strcmp(world.played[i].name, name) == 0)
            return &world.played[i];
    }
    fail_msg("too many sources are played");
    return NULL;
}

static enum tl_code put(void *context, struct tl_request *rq, const struct tl_source_config *config)
{
    (void)context;
    (void)rq;
    pthread_mutex_lock(&world.lock);
    struct played *played = play(config->name);
    const char *password = tl_source_config_get(config, "password");
    played->puts++;
    snprintf(played->password, sizeof played->password, "%s", password ? password : "");
    pthread_mutex_unlock(&world.lock);
    return TL_OK;
}

static enum tl_code remove_source(void *context, struct tl_request *rq, const char *name)
{
    (void)context;
    (void)rq;
    pthread_mutex_lock(&world.lock);
    play(name)->removes++;
    pthread_mutex_unlock(&world.lock);
    return TL_OK;
}

static enum tl_code test_source(void *context, struct tl_request *rq, const char *name, const char **ret_version)
{
    (void)context;
    *ret_version = tl_arena_printf(rq->arena, "played %s", name);
    return TL_OK;
}

static void fill_dataset(tl_arena *arena, struct tl_source_dataset *dataset, int number)
{
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, 2);
    struct tl_type decimal = tl_type_decimal(12, 2);
    columns[0] = (struct tl_source_column){.name = "id", .type = tl_type_simple(TL_TYPE_INT64), .source_type = "bigint", .key_position = 1};
    columns[1] = (struct tl_source_column){.name = "amounts", .type = tl_type_list(arena, decimal), .source_type = "numeric(12,2)[]",
                                           .comment = "what was paid", .nullable = true};
    *dataset = (struct tl_source_dataset){.schema = "public",
                                          .name = tl_arena_printf(arena, "t%d", number),
                                          .comment = number ? NULL : "the first",
                                          .row_estimate = 10 * number,
                                          .size_bytes = -1,
                                          .column_count = 2,
                                          .columns = columns};
}

static enum tl_code list(void *context, struct tl_request *rq, const char *name, struct tl_source_dataset **ret_datasets, size_t *ret_count)
{
    (void)context;
    pthread_mutex_lock(&world.lock);
    struct played played = *play(name);
    play(name)->lists++;
    pthread_mutex_unlock(&world.lock);
    while (played.hangs && !atomic_load(&rq->cancelled))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    if (played.hangs)
        return tl_err_set(&rq->err, TL_CANCELLED, "listing was cancelled");
    if (played.failure) {
        tl_err_set(&rq->err, played.failure, "source \"%s\" does not answer", name);
        tl_err_hint(&rq->err, "is it running?");
        return rq->err.code;
    }
    *ret_datasets = TL_NEW_ARRAY(rq->arena, struct tl_source_dataset, played.tables);
    *ret_count = (size_t)played.tables;
    for (int i = 0; i < played.tables; i++)
        fill_dataset(rq->arena, *ret_datasets + i, played.tables - 1 - i); /* not sorted: that is the registry's part */
    return TL_OK;
}

static enum tl_code check_driver(const struct tl_source_config *config, struct tl_err *err)
{
    const char *port = tl_source_config_get(config, "port");
    if (port && strtol(port, NULL, 10) > 0)
        return TL_OK;
    return tl_err_set(err, TL_INVALID_ARGUMENT, "option \"port\" of source \"%s\" is no port", config->name);
}

static const struct tl_source_option options[] = {
    {"host", NULL, true, false, "where it is"},
    {"port", "5432", false, false, "its port"},
    {"password", NULL, false, true, "its password"},
    {0},
};
static const struct tl_source_driver driver = {.kind = "played", .mode = TL_SOURCE_SCANS, .options = options, .check = check_driver};
static const struct tl_source_driver folder_driver = {.kind = "folder", .mode = TL_SOURCE_ATTACHES, .options = options};
static const struct tl_source_driver *const drivers[] = {&driver, &folder_driver};

/* --- the world of a test --- */

static const tl_config *load(const char *yaml)
{
    const tl_config *config;
    struct tl_err err;
    const char *path = tl_arena_printf(world.arena, "%s/config.yaml", world.folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(yaml, file);
    fclose(file);
    tl_err_init(&err);
    static const char *const none[] = {"HOME=/nonexistent", NULL};
    if (tl_config_load(world.arena, path, none, &config, &err) != TL_OK)
        fail_msg("%s (%s)", err.message, err.detail);
    return config;
}

static void open_registry(int64_t refresh_us)
{
    static const struct tl_registry_calls calls = {NULL, put, remove_source, test_source, list};
    struct tl_err err;
    tl_err_init(&err);
    if (tl_store_open(world.folder, &world.store, &err) != TL_OK ||
        tl_registry_new(world.store, &calls, refresh_us, &world.registry, &err) != TL_OK)
        fail_msg("%s", err.message);
}

static void close_registry(void)
{
    world.registry = tl_registry_free(world.registry);
    world.store = tl_store_close(world.store);
}

static enum tl_code start_registry(const char *yaml, struct tl_err *err)
{
    tl_err_init(err);
    return tl_registry_start(world.registry, yaml ? load(yaml) : NULL, err);
}

static int setup(void **state)
{
    (void)state;
    memset(world.played, 0, sizeof world.played);
    snprintf(world.folder, sizeof world.folder, "/tmp/tl_registry_XXXXXX");
    if (!mkdtemp(world.folder))
        return -1;
    world.arena = tl_arena_new(64 * 1024 * 1024);
    tl_registry_set_drivers(drivers, 2);
    open_registry(60000000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_registry();
    tl_arena_free(world.arena);
    return folder_remove(world.folder);
}

#define OPTION(name, value) ((struct tl_config_pair){name, value})

static enum tl_code add(const char *name, const char *kind, const struct tl_config_pair *pairs, size_t count, bool keep, struct tl_request *rq)
{
    struct tl_config_source source = {.name = name, .kind = kind, .comment = "said", .option_count = count, .options = pairs};
    tl_request_init(rq, world.arena);
    return tl_registry_add(rq, world.registry, &source, "added", false, false, keep);
}

static void add_good(const char *name, bool keep)
{
    struct tl_request rq;
    const struct tl_config_pair pairs[] = {OPTION("host", "h"), OPTION("password", "env:TL_TEST_PASSWORD")};
    setenv("TL_TEST_PASSWORD", "hunter2", 1);
    if (add(name, "played", pairs, 2, keep, &rq) != TL_OK)
        fail_msg("%s", rq.err.message);
}

static void refresh(const char *name, enum tl_code wanted)
{
    struct tl_request rq;
    tl_request_init(&rq, world.arena);
    assert_int_equal(tl_registry_refresh(&rq, world.registry, name), wanted);
}

static const struct tl_registry_source *see(const tl_registry_snapshot *snapshot, const char *name)
{
    const struct tl_registry_source *source = tl_snapshot_source(snapshot, name);
    if (!source)
        fail_msg("source \"%s\" is not there", name);
    return source;
}

/* --- tests --- */

static void test_sources_of_the_file_are_listed(void **state)
{
    (void)state;
    struct tl_err err;
    play("ops")->tables = 3;
    assert_int_equal(start_registry("sources:\n  - {name: ops, kind: played, comment: Operations, options: {host: h, password: plain}}\n", &err),
                     TL_OK);
    tl_registry_wait_ready(world.registry, 5000000);
    const tl_registry_snapshot *snapshot = tl_registry_acquire(world.registry);
    const struct tl_registry_source *ops = see(snapshot, "ops");
    assert_string_equal(ops->state, "ready");
    assert_string_equal(ops->origin, "file");
    assert_string_equal(ops->comment, "Operations");
    assert_null(ops->failure);
    assert_true(ops->listed_at_us > 0);
    assert_int_equal(ops->dataset_count, 3);
    assert_string_equal(ops->datasets[0].name, "t0");
    assert_string_equal(ops->datasets[2].name, "t2");
    assert_int_equal(ops->schema_count, 1);
    assert_string_equal(play("ops")->password, "plain");
    const struct tl_source_dataset *t1 = tl_snapshot_dataset(snapshot, "ops", "public", "t1");
    assert_non_null(t1);
    assert_int_equal(t1->columns[1].type.id, TL_TYPE_LIST);
    assert_int_equal(t1->columns[1].type.children[0].precision, 12);
    tl_registry_release(snapshot);
}

static void test_names_are_found_without_case_when_unambiguous(void **state)
{
    (void)state;
    struct tl_err err;
    play("ops")->tables = 2;
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    add_good("ops", false);
    refresh("ops", TL_OK);
    const tl_registry_snapshot *snapshot = tl_registry_acquire(world.registry);
    assert_non_null(tl_snapshot_dataset(snapshot, "OPS", "Public", "T1"));
    assert_null(tl_snapshot_dataset(snapshot, "ops", "public", "t9"));
    assert_null(tl_snapshot_dataset(snapshot, "nope", "public", "t1"));
    tl_registry_release(snapshot);
}

static void test_bad_sources_of_the_file_stop_the_start(void **state)
{
    (void)state;
    struct tl_err err;
    assert_int_equal(start_registry("sources:\n  - {name: ops, kind: played, options: {host: h, pasword: x}}\n", &err), TL_CONFIG);
    assert_non_null(strstr(err.message, "line 2"));
    assert_non_null(strstr(err.hint, "\"password\""));
}

static void test_names_kinds_and_options_are_checked(void **state)
{
    (void)state;
    struct tl_err start_err;
    struct tl_request rq;
    assert_int_equal(start_registry(NULL, &start_err), TL_OK);
    const struct tl_config_pair host[] = {OPTION("host", "h")};
    static const char *const names[] = {"", "Ops", "1ops", "o-ps", "system", "memory", "temp", "information_schema", "o.ps", "o\"ps",
                                        "a123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(add(names[i], "played", host, 1, false, &rq), TL_INVALID_ARGUMENT);
    assert_int_equal(add("ops", "mongodb", host, 1, false, &rq), TL_INVALID_ARGUMENT);
    assert_non_null(strstr(rq.err.hint, "played, folder"));
    assert_int_equal(add("ops", "played", NULL, 0, false, &rq), TL_INVALID_ARGUMENT);
    assert_non_null(strstr(rq.err.message, "needs the option \"host\""));
    const struct tl_config_pair twice[] = {OPTION("host", "a"), OPTION("host", "b")};
    assert_int_equal(add("ops", "played", twice, 2, false, &rq), TL_INVALID_ARGUMENT);
    const struct tl_config_pair port[] = {OPTION("host", "a"), OPTION("port", "none")};
    assert_int_equal(add("ops", "played", port, 2, false, &rq), TL_INVALID_ARGUMENT); /* the driver's own check */
    const struct tl_config_pair missing[] = {OPTION("host", "a"), OPTION("password", "env:TL_TEST_NOT_SET")};
    unsetenv("TL_TEST_NOT_SET");
    assert_int_not_equal(add("ops", "played", missing, 2, false, &rq), TL_OK);
    const tl_registry_snapshot *snapshot = tl_registry_acquire(world.registry);
    const struct tl_registry_source *sources;
    assert_int_equal(tl_snapshot_sources(snapshot, &sources), 0); /* what failed left nothing behind */
    tl_registry_release(snapshot);
    add_good("ops", false);
    assert_int_equal(add("ops", "played", host, 1, false, &rq), TL_ALREADY_EXISTS);
}

static void test_plain_secrets_are_refused_and_never_repeated(void **state)
{
    (void)state;
    struct tl_err err;
    struct tl_request rq;
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    const struct tl_config_pair pairs[] = {OPTION("host", "h"), OPTION("password", "hunter2")};
    assert_int_equal(add("ops", "played", pairs, 2, true, &rq), TL_INVALID_ARGUMENT);
    assert_null(strstr(rq.err.message, "hunter2"));
    struct tl_config_source source = {.name = "ops", .kind = "played", .option_count = 2, .options = pairs};
    tl_request_init(&rq, world.arena); /* allowed plain secrets are still never kept */
    assert_int_equal(tl_registry_add(&rq, world.registry, &source, "added", false, true, true), TL_INVALID_ARGUMENT);
    tl_request_init(&rq, world.arena);
    assert_int_equal(tl_registry_add(&rq, world.registry, &source, "built-in", false, true, false), TL_OK);
    assert_string_equal(play("ops")->password, "hunter2");
}

static void test_added_sources_and_listings_survive_a_restart(void **state)
{
    (void)state;
    struct tl_err err;
    play("ops")->tables = 2;
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    add_good("ops", true);
    add_good("passing", false);
    refresh("ops", TL_OK);
    close_registry();
    play("ops")->hangs = true; /* the network is slow this time */
    open_registry(60000000);
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    const tl_registry_snapshot *snapshot = tl_registry_acquire(world.registry);
    const struct tl_registry_source *ops = see(snapshot, "ops");
    assert_string_equal(ops->state, "listing");
    assert_string_equal(ops->origin, "added");
    assert_string_equal(ops->comment, "said");
    assert_int_equal(ops->dataset_count, 2); /* known at once */
    const struct tl_source_dataset *first = &ops->datasets[0];
    assert_string_equal(first->comment, "the first");
    assert_int_equal(first->size_bytes, -1);
    assert_int_equal(first->column_count, 2);
    assert_int_equal(first->columns[0].key_position, 1);
    assert_false(first->columns[0].nullable);
    assert_string_equal(first->columns[1].source_type, "numeric(12,2)[]");
    assert_string_equal(first->columns[1].comment, "what was paid");
    assert_int_equal(first->columns[1].type.children[0].scale, 2);
    assert_null(tl_snapshot_source(snapshot, "passing"));
    tl_registry_release(snapshot);
}


static enum tl_code see_options(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    snprintf(context, 256, "%.*s", (int)cells[0].bytes.size, cells[0].bytes.data);
    return TL_OK;
}

static enum tl_code look_for_secret(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx, "SELECT options FROM source WHERE name = 'ops'", NULL, 0, see_options, context, err);
}

static void test_the_store_holds_references_not_secrets(void **state)
{
    (void)state;
    struct tl_err err;
    char kept[256] = "";
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    add_good("ops", true);
    assert_int_equal(tl_store_read(world.store, look_for_secret, kept, &err), TL_OK);
    assert_non_null(strstr(kept, "env:TL_TEST_PASSWORD"));
    assert_null(strstr(kept, "hunter2"));
    assert_string_equal(play("ops")->password, "hunter2");
}

static void test_failure_keeps_the_last_listing_and_attaches_anew(void **state)
{
    (void)state;
    struct tl_err err;
    play("ops")->tables = 2;
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    add_good("ops", false);
    refresh("ops", TL_OK);
    play("ops")->failure = TL_SOURCE_UNAVAILABLE;
    refresh("ops", TL_SOURCE_UNAVAILABLE);
    const tl_registry_snapshot *snapshot = tl_registry_acquire(world.registry);
    const struct tl_registry_source *ops = see(snapshot, "ops");
    assert_string_equal(ops->state, "failed");
    assert_string_equal(ops->failure, "source \"ops\" does not answer");
    assert_string_equal(ops->failure_hint, "is it running?");
    assert_int_equal(ops->dataset_count, 2);
    play("ops")->failure = TL_OK;
    setenv("TL_TEST_PASSWORD", "changed", 1);
    refresh("ops", TL_OK);
    assert_string_equal(play("ops")->password, "changed"); /* secrets are read again */
    assert_string_equal(ops->state, "failed");             /* what a reader holds does not change */
    tl_registry_release(snapshot);
    snapshot = tl_registry_acquire(world.registry);
    assert_string_equal(see(snapshot, "ops")->state, "ready");
    assert_null(see(snapshot, "ops")->failure);
    tl_registry_release(snapshot);
}

static void test_background_refresh_sees_new_tables(void **state)
{
    (void)state;
    struct tl_err err;
    close_registry();
    open_registry(30000);
    play("ops")->tables = 1;
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    add_good("ops", false);
    tl_registry_wait_ready(world.registry, 5000000);
    pthread_mutex_lock(&world.lock);
    play("ops")->tables = 4;
    pthread_mutex_unlock(&world.lock);
    size_t count = 0;
    for (int64_t end = tl_clock_monotonic_us() + 5000000; count != 4 && tl_clock_monotonic_us() < end;) {
        nanosleep(&(struct timespec){0, 5000000}, NULL);
        const tl_registry_snapshot *snapshot = tl_registry_acquire(world.registry);
        count = see(snapshot, "ops")->dataset_count;
        tl_registry_release(snapshot);
    }
    assert_int_equal(count, 4);
    assert_int_equal(play("ops")->puts, 1);
}

static void test_one_hanging_source_holds_up_no_other(void **state)
{
    (void)state;
    struct tl_err err;
    play("stuck")->hangs = true;
    play("ops")->tables = 1;
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    add_good("stuck", false);
    add_good("ops", false);
    refresh("ops", TL_OK);
    int64_t before = tl_clock_monotonic_us();
    tl_registry_wait_ready(world.registry, 100000);
    assert_true(tl_clock_monotonic_us() - before >= 100000); /* the other is not ready, and waiting has an end */
    struct tl_request rq;
    tl_request_init(&rq, world.arena);
    rq.deadline_us = tl_clock_monotonic_us() + 50000;
    assert_int_equal(tl_registry_refresh(&rq, world.registry, "stuck"), TL_TIME_EXCEEDED);
    before = tl_clock_monotonic_us();
    close_registry(); /* and the end does not wait for it either */
    assert_true(tl_clock_monotonic_us() - before < 2000000);
    open_registry(60000000);
}

static void test_removed_sources_are_gone_and_forgotten(void **state)
{
    (void)state;
    struct tl_err err;
    struct tl_request rq;
    play("ops")->tables = 1;
    assert_int_equal(start_registry("sources:\n  - {name: fixed, kind: played, options: {host: h}}\n", &err), TL_OK);
    add_good("ops", true);
    refresh("ops", TL_OK);
    const tl_registry_snapshot *old = tl_registry_acquire(world.registry);
    tl_request_init(&rq, world.arena);
    assert_int_equal(tl_registry_remove(&rq, world.registry, "ops"), TL_OK);
    assert_int_equal(play("ops")->removes, 1);
    assert_string_equal(see(old, "ops")->datasets[0].name, "t0"); /* still there for who holds it */
    tl_registry_release(old);
    tl_request_init(&rq, world.arena);
    assert_int_equal(tl_registry_remove(&rq, world.registry, "ops"), TL_CATALOG_NOT_FOUND);
    tl_request_init(&rq, world.arena);
    assert_int_equal(tl_registry_remove(&rq, world.registry, "fixed"), TL_NOT_ALLOWED);
    assert_non_null(strstr(rq.err.hint, "configuration file"));
    close_registry();
    open_registry(60000000);
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    const tl_registry_snapshot *snapshot = tl_registry_acquire(world.registry);
    assert_null(tl_snapshot_source(snapshot, "ops"));
    tl_registry_release(snapshot);
}

static void test_test_says_the_version(void **state)
{
    (void)state;
    struct tl_err err;
    struct tl_request rq;
    const char *version;
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    add_good("ops", false);
    tl_request_init(&rq, world.arena);
    assert_int_equal(tl_registry_test(&rq, world.registry, "ops", &version), TL_OK);
    assert_string_equal(version, "played ops");
    tl_request_init(&rq, world.arena);
    assert_int_equal(tl_registry_test(&rq, world.registry, "nope", &version), TL_CATALOG_NOT_FOUND);
}

static void test_explicit_refresh_attaches_folders_again(void **state)
{
    (void)state;
    struct tl_err err;
    struct tl_request rq;
    const struct tl_config_pair host[] = {OPTION("host", "h")};
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    assert_int_equal(add("lots", "folder", host, 1, false, &rq), TL_OK);
    refresh("lots", TL_OK);
    int puts = play("lots")->puts;
    refresh("lots", TL_OK);
    assert_int_equal(play("lots")->puts, puts + 1);
}

static void *read_snapshots(void *stop)
{
    while (!atomic_load((atomic_bool *)stop)) {
        const tl_registry_snapshot *snapshot = tl_registry_acquire(world.registry);
        const struct tl_registry_source *sources;
        for (size_t i = 0, count = tl_snapshot_sources(snapshot, &sources); i < count; i++)
            for (size_t k = 0; k < sources[i].dataset_count; k++)
                assert_non_null(strchr(sources[i].datasets[k].name, 't'));
        tl_registry_release(snapshot);
    }
    return NULL;
}

static void test_readers_and_changes_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct tl_err err;
    pthread_t readers[2];
    atomic_bool stop = false;
    play("ops")->tables = 20;
    assert_int_equal(start_registry(NULL, &err), TL_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_snapshots, &stop), 0);
    for (int i = 0; i < 40; i++) {
        struct tl_request rq;
        add_good("ops", false);
        refresh("ops", TL_OK);
        tl_request_init(&rq, world.arena);
        assert_int_equal(tl_registry_remove(&rq, world.registry, "ops"), TL_OK);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
}

static void test_unreadable_cached_listings_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "{}", "[{}]", "[{\"schema\":\"s\",\"name\":\"t\",\"columns\":[{\"name\":\"c\",\"type\":\"zz\"}]}]",
                                      "[{\"schema\":\"s\",\"name\":\"t\",\"columns\":[{\"name\":\"c\"}]}]", "[1]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tl_registry_listing *listing = NULL;
        struct tl_err err;
        tl_err_init(&err);
        assert_int_not_equal(tl_registry_listing_read(tl_str_of(bad[i]), 0, &listing, &err), TL_OK);
        assert_null(listing);
    }
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_sources_of_the_file_are_listed),
        IN_WORLD(test_names_are_found_without_case_when_unambiguous),
        IN_WORLD(test_bad_sources_of_the_file_stop_the_start),
        IN_WORLD(test_names_kinds_and_options_are_checked),
        IN_WORLD(test_plain_secrets_are_refused_and_never_repeated),
        IN_WORLD(test_added_sources_and_listings_survive_a_restart),
        IN_WORLD(test_the_store_holds_references_not_secrets),
        IN_WORLD(test_failure_keeps_the_last_listing_and_attaches_anew),
        IN_WORLD(test_background_refresh_sees_new_tables),
        IN_WORLD(test_one_hanging_source_holds_up_no_other),
        IN_WORLD(test_removed_sources_are_gone_and_forgotten),
        IN_WORLD(test_test_says_the_version),
        IN_WORLD(test_explicit_refresh_attaches_folders_again),
        IN_WORLD(test_readers_and_changes_do_not_disturb_each_other),
        IN_WORLD(test_unreadable_cached_listings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
