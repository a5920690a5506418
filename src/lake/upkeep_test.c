/* Expiry and orphans delete what nobody needs, and nothing else; going back is a commit like any other. */
#include "lake/lake_testing_int.h"
#include "lake/plan.h"
#include "lake/upkeep.h"

#include <ftw.h>
#include <utime.h>

#include "base/clock.h"

enum { WRITE_BYTES = 1024 * 1024 };

/* A manifest of the snapshot: `path` is added, `gone` is told as deleted. */
static const char *put_manifest(struct world *world, const struct tl_lake_table *table, int64_t id, const char *path, const char *gone,
                                struct tl_lake_manifest *ret_line, struct tl_err *err)
{
    tl_objects *objects = tl_lake_objects(world->lake);
    struct tl_lake_manifest_writer writer;
    struct tl_buf buf;
    struct tl_lake_manifest_info info = {.format_version = 2, .schema = table->metadata->schemas.items[0], .spec_json = table->metadata->specs.items[0],
                                         .spec = table->spec, .types = NULL, .snapshot_id = id};
    struct tl_lake_value none[1] = {{0}};
    const char *names[2] = {path, gone};
    tl_buf_init(&buf, WRITE_BYTES);
    assert_int_equal(tl_lake_manifest_begin(world->arena, &buf, &info, &writer, err), TL_OK);
    for (int i = 0; i < 2; i++)
        if (names[i]) {
            bool whole = strstr(names[i], "://");
            const char *location = whole ? names[i] : tl_arena_printf(world->arena, "%s/data/%s", table->location, names[i]);
            struct tl_lake_entry entry = {.status = i ? TL_LAKE_DELETED : TL_LAKE_ADDED, .snapshot_id = id, .sequence_number = i ? 1 : -1,
                                          .file_sequence_number = i ? 1 : -1,
                                          .file = {.path = tl_str_of(location), .format = TL_STR("PARQUET"), .partition = none, .record_count = 1,
                                                   .size_bytes = 4, .sort_order_id = -1, .first_row_id = -1, .content_offset = -1, .content_size = -1}};
            tl_lake_manifest_add(&writer, &entry);
            if (!i)
                assert_int_equal(tl_objects_write(objects, location, "data", 4, false, err), TL_OK);
        }
    assert_int_equal(tl_lake_manifest_finish(&writer, ret_line, err), TL_OK);
    const char *manifest = tl_arena_printf(world->arena, "%s/metadata/m%lld.avro", table->location, (long long)id);
    assert_int_equal(tl_objects_write(objects, manifest, buf.data, buf.size, false, err), TL_OK);
    tl_buf_done(&buf);
    return manifest;
}

/* One commit: a new data file, and the manifests so far; `gone` is told as deleted. */
static int64_t append_with(struct world *world, const char *path, const char *gone, int64_t age_ms, int status)
{
    struct tl_request rq;
    tl_request_init(&rq, world->arena);
    struct tl_err *err = &rq.err;
    struct tl_lake_table table;
    struct tl_lake_manifest *manifests = NULL, lines[64];
    size_t count = 0, kept = 0;
    tl_objects *objects = tl_lake_objects(world->lake);
    assert_int_equal(tl_lake_table_load(world->lake, world->arena, "s1", "t1", &table, err), TL_OK);
    const struct tl_lake_snapshot *parent = tl_lake_table_snapshot(&table, table.current_snapshot_id);
    if (parent)
        assert_int_equal(tl_lake_snapshot_manifests(objects, world->arena, parent, &manifests, &count, err), TL_OK);
    for (size_t i = 0; i < count; i++)
        if (!gone || i > 0)
            lines[kept++] = manifests[i];
    static int64_t id = 100;
    int64_t sequence = table.last_sequence_number + 1;
    id++;
    struct tl_buf buf;
    tl_buf_init(&buf, WRITE_BYTES);
    const char *manifest = put_manifest(world, &table, id, path, gone, &lines[kept], err);
    lines[kept].path = tl_str_of(manifest);
    lines[kept].sequence_number = lines[kept].min_sequence_number = sequence;
    struct tl_lake_list_info list = {.format_version = 2, .snapshot_id = id, .parent_id = parent ? parent->id : -1, .sequence_number = sequence};
    assert_int_equal(tl_lake_manifest_list_write(&buf, &list, lines, kept + 1, err), TL_OK);
    const char *list_path = tl_arena_printf(world->arena, "%s/metadata/snap-%lld.avro", table.location, (long long)id);
    assert_int_equal(tl_objects_write(objects, list_path, buf.data, buf.size, false, err), TL_OK);
    tl_buf_done(&buf);
    const char *parent_text = parent ? tl_arena_printf(world->arena, "\"parent-snapshot-id\":%lld,", (long long)parent->id) : "";
    world_expect(world, status, "POST", "/v1/namespaces/s1/tables/t1",
                 tl_arena_printf(world->arena,
                                 "{\"requirements\":[],\"updates\":[{\"action\":\"add-snapshot\",\"snapshot\":{\"snapshot-id\":%lld,%s"
                                 "\"sequence-number\":%lld,\"timestamp-ms\":%lld,\"manifest-list\":\"%s\",\"summary\":{\"operation\":\"append\"},"
                                 "\"schema-id\":0}},{\"action\":\"set-snapshot-ref\",\"ref-name\":\"main\",\"type\":\"branch\",\"snapshot-id\":%lld}]}",
                                 (long long)id, parent_text, (long long)sequence, (long long)(tl_clock_wall_us() / 1000 - age_ms), list_path,
                                 (long long)id));
    return id;
}

static int64_t append(struct world *world, const char *path, const char *gone, int64_t age_ms)
{
    return append_with(world, path, gone, age_ms, 200);
}

static void make_table(struct world *world)
{
    world_expect(world, 200, "POST", "/v1/namespaces", "{\"namespace\":[\"s1\"]}");
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables",
                 "{\"name\":\"t1\",\"schema\":{\"type\":\"struct\",\"fields\":[{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"int\"}]}}");
}

static struct tl_lake_table load(struct world *world)
{
    struct tl_err err;
    struct tl_lake_table table;
    tl_err_init(&err);
    assert_int_equal(tl_lake_table_load(world->lake, world->arena, "s1", "t1", &table, &err), TL_OK);
    return table;
}

static bool is_there(struct world *world, const char *name)
{
    struct tl_err err;
    int64_t size;
    tl_err_init(&err);
    struct tl_lake_table table = load(world);
    return tl_objects_size(tl_lake_objects(world->lake), tl_arena_printf(world->arena, "%s/%s", table.location, name), &size, &err) == TL_OK;
}

static size_t planned(struct world *world)
{
    struct tl_err err;
    struct tl_lake_plan plan;
    struct tl_lake_table table = load(world);
    struct tl_lake_plan_request request = {.snapshot_id = table.current_snapshot_id};
    tl_err_init(&err);
    if (tl_lake_plan(tl_lake_objects(world->lake), world->arena, &table, &request, &plan, &err) != TL_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < plan.count; i++) {
        int64_t size;
        const char *path = tl_arena_strndup(world->arena, plan.files[i].file.path.data, plan.files[i].file.path.size);
        assert_int_equal(tl_objects_size(tl_lake_objects(world->lake), path, &size, &err), TL_OK);
    }
    return plan.count;
}

static struct tl_lake_upkeep_result expire(struct world *world, int64_t age_ms, int64_t retain_last, bool dry_run)
{
    struct tl_err err;
    struct tl_lake_upkeep_result result;
    struct tl_lake_upkeep request = {.schema = "s1", .name = "t1", .older_than_ms = tl_clock_wall_us() / 1000 - age_ms, .retain_last = retain_last,
                                     .dry_run = dry_run};
    tl_err_init(&err);
    if (tl_lake_expire(world->lake, world->arena, &request, &result, &err) != TL_OK)
        fail_msg("%s", err.message);
    return result;
}

static void test_expiry_deletes_files_that_only_old_snapshots_needed(void **state)
{
    struct world *world = *state;
    make_table(world);
    append(world, "a.parquet", NULL, 9000);
    append(world, "b.parquet", "a.parquet", 8000); /* a is gone from here on */
    append(world, "c.parquet", NULL, 0);
    assert_true(is_there(world, "data/a.parquet"));
    struct tl_lake_upkeep_result result = expire(world, 1000, 1, true);
    assert_int_equal(result.snapshots_removed, 2);
    assert_int_equal(load(world).snapshot_count, 3);
    assert_true(is_there(world, "data/a.parquet"));
    assert_int_equal(expire(world, 1000, 1, false).files_removed, result.files_removed);
    assert_int_equal(result.files_removed, 4); /* a, its manifest, two lists */
    assert_int_equal(load(world).snapshot_count, 1);
    assert_false(is_there(world, "data/a.parquet"));
    assert_int_equal(planned(world), 2);
    assert_int_equal(expire(world, 1000, 1, false).files_removed, 0);
}

static void test_expiry_deletes_nothing_outside_the_tables_folder(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    int64_t size;
    tl_err_init(&err);
    make_table(world);
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables",
                 "{\"name\":\"t2\",\"schema\":{\"type\":\"struct\",\"fields\":[{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"int\"}]}}");
    const char *theirs = tl_arena_printf(world->arena, "%s/data/theirs.parquet", tl_json_get_text(world_metadata(world), "location"));
    append(world, "a.parquet", NULL, 9500);
    append_with(world, theirs, "a.parquet", 8500, 403); /* the commit is told */
    int64_t id = append(world, "b.parquet", "a.parquet", 8000);
    append(world, "c.parquet", NULL, 0);
    struct tl_lake_table table = load(world);
    struct tl_lake_manifest line;
    put_manifest(world, &table, id, "b.parquet", theirs, &line, &err); /* whoever writes t1 may change its files afterwards */
    struct tl_lake_upkeep request = {.schema = "s1", .name = "t1", .older_than_ms = tl_clock_wall_us() / 1000 - 1000, .retain_last = 1};
    struct tl_lake_upkeep_result result;
    assert_int_equal(tl_lake_expire(world->lake, world->arena, &request, &result, &err), TL_NOT_ALLOWED);
    tl_err_init(&err);
    assert_int_equal(tl_objects_size(tl_lake_objects(world->lake), theirs, &size, &err), TL_OK);
}

static void test_metadata_that_was_tampered_with_leads_upkeep_to_no_other_folder(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    struct tl_lake_upkeep_result result;
    struct tl_str text;
    int64_t size;
    tl_err_init(&err);
    make_table(world);
    tl_objects *objects = tl_lake_objects(world->lake);
    const char *own = load(world).location, *theirs = tl_arena_printf(world->arena, "%s/s1/other", tl_objects_root(objects));
    const char *file = tl_arena_printf(world->arena, "%s/data/x.parquet", theirs);
    assert_int_equal(tl_objects_write(objects, file, "x", 1, false, &err), TL_OK);
    assert_int_equal(utime(file + strlen("file://"), &(struct utimbuf){1000000000, 1000000000}), 0);
    const char *metadata = load(world).metadata_location;
    assert_int_equal(tl_lake_metadata_load(world->lake, world->arena, metadata, own, &text, NULL, &err), TL_OK);
    const char *found = strstr(text.data, own);
    const char *changed = tl_arena_printf(world->arena, "%.*s%s%s", (int)(found - text.data), text.data, theirs, found + strlen(own));
    assert_int_equal(tl_objects_write(objects, metadata, changed, strlen(changed), false, &err), TL_OK);
    struct tl_lake_upkeep request = {.schema = "s1", .name = "t1", .older_than_ms = tl_clock_wall_us() / 1000 - 60000};
    assert_int_equal(tl_lake_orphans(world->lake, world->arena, &request, &result, &err), TL_INVALID_ARGUMENT);
    tl_err_init(&err);
    assert_int_equal(tl_objects_size(objects, file, &size, &err), TL_OK);
}

static void test_expiry_keeps_tags_branches_the_last_ones_and_the_young(void **state)
{
    struct world *world = *state;
    make_table(world);
    int64_t first = append(world, "a.parquet", NULL, 90000);
    int64_t second = append(world, "b.parquet", "a.parquet", 80000);
    append(world, "c.parquet", NULL, 70000);
    append(world, "d.parquet", NULL, 60000);
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables/t1",
                 tl_arena_printf(world->arena, "{\"requirements\":[],\"updates\":[{\"action\":\"set-snapshot-ref\",\"ref-name\":\"kept\",\"type\":\"tag\","
                                               "\"snapshot-id\":%lld}]}", (long long)first));
    assert_int_equal(expire(world, 1000000, 1, false).snapshots_removed, 0); /* none is old enough */
    assert_int_equal(expire(world, 0, 2, false).snapshots_removed, 1);
    struct tl_lake_table table = load(world);
    assert_int_equal(table.snapshot_count, 3);
    assert_non_null(tl_lake_table_snapshot(&table, first));
    assert_null(tl_lake_table_snapshot(&table, second));
    assert_true(is_there(world, "data/a.parquet")); /* the tag needs it */
    assert_int_equal(planned(world), 3);
}

static void test_a_reference_that_has_had_its_time_goes_with_its_snapshot(void **state)
{
    struct world *world = *state;
    make_table(world);
    int64_t first = append(world, "a.parquet", NULL, 90000);
    append(world, "b.parquet", "a.parquet", 0);
    world_expect(world, 200, "POST", "/v1/namespaces/s1/tables/t1",
                 tl_arena_printf(world->arena, "{\"requirements\":[],\"updates\":[{\"action\":\"set-snapshot-ref\",\"ref-name\":\"old\",\"type\":\"tag\","
                                               "\"snapshot-id\":%lld,\"max-ref-age-ms\":1000}]}", (long long)first));
    assert_int_equal(expire(world, 1000, 1, false).snapshots_removed, 1);
    struct tl_lake_table table = load(world);
    assert_null(tl_lake_table_ref(&table, "old"));
    assert_false(is_there(world, "data/a.parquet"));
}

static void make_old(struct world *world, const char *name)
{
    struct tl_lake_table table = load(world);
    struct utimbuf times = {1000000000, 1000000000};
    const char *path = tl_arena_printf(world->arena, "%s/%s", table.location + strlen("file://"), name);
    assert_int_equal(utime(path, &times), 0);
}

static int age_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    struct utimbuf times = {1000000000, 1000000000};
    (void)info;
    (void)walk;
    return kind == FTW_F ? utime(path, &times) : 0;
}

static void test_orphans_are_deleted_after_their_grace_time_and_live_files_never(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    struct tl_lake_upkeep_result result;
    tl_err_init(&err);
    make_table(world);
    append(world, "a.parquet", NULL, 9000);
    append(world, "b.parquet", "a.parquet", 8000);
    append(world, "c.parquet", NULL, 0);
    tl_objects *objects = tl_lake_objects(world->lake);
    struct tl_lake_table table = load(world);
    static const char *const strays[] = {"data/x.parquet", "data/day=1/y.parquet", "metadata/z.avro", "data/young.parquet"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(tl_objects_write(objects, tl_arena_printf(world->arena, "%s/%s", table.location, strays[i]), "x", 1, false, &err), TL_OK);
    assert_int_equal(nftw(table.location + strlen("file://"), age_one, 16, FTW_PHYS), 0);
    struct utimbuf now = {tl_clock_wall_us() / 1000000, tl_clock_wall_us() / 1000000};
    assert_int_equal(utime(tl_arena_printf(world->arena, "%s/data/young.parquet", table.location + strlen("file://")), &now), 0);
    struct tl_lake_upkeep request = {.schema = "s1", .name = "t1", .older_than_ms = tl_clock_wall_us() / 1000 - 60000, .dry_run = true};
    assert_int_equal(tl_lake_orphans(world->lake, world->arena, &request, &result, &err), TL_OK);
    assert_int_equal(result.files_removed, 3);
    assert_true(is_there(world, "data/x.parquet"));
    request.dry_run = false;
    assert_int_equal(tl_lake_orphans(world->lake, world->arena, &request, &result, &err), TL_OK);
    assert_int_equal(result.files_removed, 3);
    assert_false(is_there(world, "data/x.parquet"));
    assert_false(is_there(world, "data/day=1/y.parquet"));
    assert_false(is_there(world, "metadata/z.avro"));
    assert_true(is_there(world, "data/young.parquet"));
    assert_true(is_there(world, "data/a.parquet")); /* the first snapshot needs it */
    assert_int_equal(planned(world), 2);
    assert_int_equal(expire(world, 100, 1, false).snapshots_removed, 2);
    assert_int_equal(planned(world), 2);
    world_expect(world, 200, "GET", "/v1/namespaces/s1/tables/t1", "");
}

static void test_a_broken_manifest_stops_the_deletion_of_anything(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    struct tl_lake_upkeep_result result;
    tl_err_init(&err);
    make_table(world);
    int64_t id = append(world, "a.parquet", NULL, 0);
    struct tl_lake_table table = load(world);
    tl_objects *objects = tl_lake_objects(world->lake);
    const char *manifest = tl_arena_printf(world->arena, "%s/metadata/m%lld.avro", table.location, (long long)id);
    assert_int_equal(tl_objects_write(objects, tl_arena_printf(world->arena, "%s/data/x.parquet", table.location), "x", 1, false, &err), TL_OK);
    assert_int_equal(tl_objects_write(objects, manifest, "Obj\1", 4, false, &err), TL_OK);
    make_old(world, "data/x.parquet");
    struct tl_lake_upkeep request = {.schema = "s1", .name = "t1", .older_than_ms = tl_clock_wall_us() / 1000 - 60000};
    assert_int_equal(tl_lake_orphans(world->lake, world->arena, &request, &result, &err), TL_STATE);
    assert_true(is_there(world, "data/x.parquet"));
    atomic_bool cancelled = true;
    request.cancelled = &cancelled;
    tl_err_init(&err);
    assert_int_equal(tl_lake_orphans(world->lake, world->arena, &request, &result, &err), TL_CANCELLED);
}

static enum tl_code add_neighbour(tl_store_tx *tx, void *location, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T((const char *)location)};
    return tl_store_run(tx, "INSERT INTO lake_table (namespace, name, folded, uuid, location, metadata_location, version) "
                            "VALUES ('s1', 't2', 't2', 'u2', ?1, 'x', 1)", params, 1, NULL, NULL, err);
}

static void test_tables_that_share_a_folder_keep_their_files(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    struct tl_lake_upkeep_result result;
    make_table(world);
    append(world, "a.parquet", NULL, 9000);
    append(world, "b.parquet", "a.parquet", 0);
    struct tl_lake_table table = load(world);
    tl_err_init(&err);
    /* the catalog makes no such table; a state of an older program may have one */
    assert_int_equal(tl_store_write(world->store, add_neighbour, tl_arena_printf(world->arena, "%s/inner", table.location), &err), TL_OK);
    struct tl_lake_upkeep request = {.schema = "s1", .name = "t1", .older_than_ms = tl_clock_wall_us() / 1000, .retain_last = 1};
    tl_err_init(&err);
    assert_int_equal(tl_lake_expire(world->lake, world->arena, &request, &result, &err), TL_UNSUPPORTED);
    tl_err_init(&err);
    assert_int_equal(tl_lake_orphans(world->lake, world->arena, &request, &result, &err), TL_UNSUPPORTED);
    assert_true(is_there(world, "data/a.parquet"));
}

static void test_rollback_goes_to_a_snapshot_that_is_there(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    tl_err_init(&err);
    make_table(world);
    int64_t first = append(world, "a.parquet", NULL, 9000);
    append(world, "b.parquet", NULL, 0);
    assert_int_equal(planned(world), 2);
    struct tl_lake_upkeep request = {.schema = "s1", .name = "t1", .snapshot_id = first};
    assert_int_equal(tl_lake_rollback(world->lake, world->arena, &request, &err), TL_OK);
    assert_int_equal(planned(world), 1);
    struct tl_lake_table table = load(world);
    assert_int_equal(table.current_snapshot_id, first);
    assert_int_equal(table.snapshot_count, 2);
    request.snapshot_id = 1;
    assert_int_equal(tl_lake_rollback(world->lake, world->arena, &request, &err), TL_NOT_FOUND);
    tl_err_init(&err);
    request.name = "nope";
    assert_int_equal(tl_lake_rollback(world->lake, world->arena, &request, &err), TL_TABLE_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_expiry_deletes_files_that_only_old_snapshots_needed),
        TEST(test_expiry_deletes_nothing_outside_the_tables_folder),
        TEST(test_metadata_that_was_tampered_with_leads_upkeep_to_no_other_folder),
        TEST(test_expiry_keeps_tags_branches_the_last_ones_and_the_young),
        TEST(test_a_reference_that_has_had_its_time_goes_with_its_snapshot),
        TEST(test_orphans_are_deleted_after_their_grace_time_and_live_files_never),
        TEST(test_a_broken_manifest_stops_the_deletion_of_anything),
        TEST(test_tables_that_share_a_folder_keep_their_files),
        TEST(test_rollback_goes_to_a_snapshot_that_is_there),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
