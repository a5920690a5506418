/* Events of other systems: what is read of them, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/openlineage_int.h"

#define HEAD "\"eventTime\":\"2026-01-31T12:00:00Z\",\"producer\":\"urn:x\",\"schemaURL\":\"urn:x\""
#define RUN(TYPE) "\"eventType\":\"" TYPE "\",\"run\":{\"runId\":\"r1\"},\"job\":{\"namespace\":\"n\",\"name\":\"j\"}"

#define RENAMED(SCHEMA)                                                                                                                  \
    "{" HEAD ",\"dataset\":{\"namespace\":\"townlake\",\"name\":\"lake.a.t\",\"facets\":{\"lifecycleStateChange\":{\"lifecycleStateChange\":"  \
    "\"RENAME\",\"previousIdentifier\":{\"namespace\":\"townlake\",\"name\":\"lake." SCHEMA ".old\"}}}}}"

static tl_arena *arena;
static struct ol_event event;
static struct tl_err err;

static int set_up(void **state)
{
    (void)state;
    arena = tl_arena_new(64 << 20);
    tl_err_init(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

static enum tl_code read_text(const char *text)
{
    const tl_json *json;
    tl_err_init(&err);
    assert_int_equal(tl_json_parse(arena, text, strlen(text), &json, &err), TL_OK);
    return ol_read(arena, json, &event, &err);
}

static void test_times_are_read_with_their_zone(void **state)
{
    (void)state;
    int64_t us;
    assert_true(ol_read_time("1970-01-01T00:00:01Z", &us) && us == 1000000);
    assert_true(ol_read_time("1970-01-01T01:00:00.25+01:00", &us) && us == 250000);
    assert_true(ol_read_time("1969-12-31T21:30:00-02:30", &us) && us == 0);
    assert_true(ol_read_time("1970-01-01T00:00:00.123456789Z", &us) && us == 123456);
    const char *const bad[] = {"", "yesterday", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-01-01T25:00:00Z", "1970-01-01T00:00:00Zz",
                               "1970-01-01T00:00:00+1", "1970-01-01T00:00:00+99:00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(ol_read_time(bad[i], &us));
    assert_false(ol_read_time(NULL, &us));
}

static void test_inputs_reach_outputs(void **state)
{
    (void)state;
    assert_int_equal(read_text("{" HEAD "," RUN("COMPLETE") ",\"inputs\":[{\"namespace\":\"townlake\",\"name\":\"ops.public.accounts\"},"
                               "{\"namespace\":\"kafka://k:9092\",\"name\":\"orders\"}],"
                               "\"outputs\":[{\"namespace\":\"townlake\",\"name\":\"lake.dim.\\\"A\\\"\"}]}"),
                     TL_OK);
    assert_true(event.counts);
    assert_int_equal(event.edge_count, 2);
    assert_string_equal(event.edges[0].from.table, "accounts");
    assert_string_equal(event.edges[0].to.table, "A");
    assert_string_equal(event.edges[1].from.source, "kafka://k:9092");
    assert_string_equal(event.edges[1].from.schema, "");
    assert_string_equal(event.edges[1].how, "table");
    assert_string_equal(event.job, "n j");
}

static void test_a_run_that_begins_or_fails_has_made_nothing(void **state)
{
    (void)state;
    const char *const types[] = {"START", "ABORT", "FAIL"};
    for (size_t i = 0; i < 3; i++) {
        const char *text = tl_arena_printf(arena, "{" HEAD ",\"eventType\":\"%s\",\"run\":{\"runId\":\"r\"},\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}",
                                           types[i]);
        assert_int_equal(read_text(text), TL_OK);
        assert_false(event.counts);
    }
    assert_int_equal(read_text("{" HEAD "," RUN("RUNNING") "}"), TL_OK);
    assert_true(event.counts);
}

static void test_columns_are_values_or_steer(void **state)
{
    (void)state;
    assert_int_equal(
        read_text("{" HEAD "," RUN("COMPLETE") ",\"outputs\":[{\"namespace\":\"townlake\",\"name\":\"lake.a.t\",\"facets\":{\"columnLineage\":{\"fields\":{"
                  "\"total\":{\"inputFields\":[{\"namespace\":\"x\",\"name\":\"o\",\"field\":\"amount\",\"transformations\":[{\"type\":\"DIRECT\",\"subtype\":"
                  "\"AGGREGATION\",\"description\":\"sum(amount)\"},{\"type\":\"INDIRECT\",\"subtype\":\"WINDOW\"}]},{\"namespace\":\"x\",\"name\":\"o\","
                  "\"field\":\"plain\"}]}},\"dataset\":[{\"namespace\":\"x\",\"name\":\"o\",\"field\":\"id\",\"transformations\":[{\"type\":\"INDIRECT\","
                  "\"subtype\":\"JOIN\"}]}]}}}]}"),
        TL_OK);
    assert_int_equal(event.edge_count, 4);
    assert_string_equal(event.edges[0].how, "value");
    assert_string_equal(event.edges[0].kind, "aggregation");
    assert_string_equal(event.edges[0].expression, "sum(amount)");
    assert_string_equal(event.edges[1].how, "window");
    assert_null(event.edges[1].expression);
    assert_string_equal(event.edges[2].how, "value");
    assert_string_equal(event.edges[2].from_column, "plain");
    assert_string_equal(event.edges[3].how, "join");
    assert_string_equal(event.edges[3].to_column, "");
}

static void test_a_table_is_ours_by_its_other_name(void **state)
{
    (void)state;
    assert_int_equal(read_text("{" HEAD ",\"dataset\":{\"namespace\":\"s3://b\",\"name\":\"k\",\"facets\":{\"symlinks\":{\"identifiers\":["
                               "{\"namespace\":\"hive\",\"name\":\"x\"},{\"namespace\":\"townlake\",\"name\":\"lake.a.t\",\"type\":\"TABLE\"}]},"
                               "\"lifecycleStateChange\":{"
                               "\"lifecycleStateChange\":\"DROP\"}}}}"),
                     TL_OK);
    assert_int_equal(event.output_count, 1);
    assert_string_equal(event.outputs[0].name.schema, "a");
    assert_int_equal(event.outputs[0].change, OL_BEGINS_ANEW);
}

static void test_a_rename_stays_within_its_schema(void **state)
{
    (void)state;
    assert_int_equal(read_text(RENAMED("a")), TL_OK);
    assert_int_equal(event.outputs[0].change, OL_RENAMES);
    assert_string_equal(event.outputs[0].old_table, "old");
    assert_int_equal(read_text(RENAMED("b")), TL_OK);
    assert_int_equal(event.outputs[0].change, OL_KEEPS);
}

static void test_what_is_no_event_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"[]", "object"},
        {"{}", "eventTime"},
        {"{\"eventTime\":\"2026-01-31T12:00:00Z\",\"schemaURL\":\"urn:x\"}", "producer"},
        {"{" HEAD "}", "neither"},
        {"{" HEAD ",\"job\":{\"namespace\":\"n\"}}", "\"job\""},
        {"{" HEAD ",\"run\":{\"runId\":\"r\"},\"dataset\":{\"namespace\":\"n\",\"name\":\"d\"}}", "\"job\""},
        {"{" HEAD ",\"job\":{\"namespace\":\"n\",\"name\":\"j\"},\"run\":{}}", "\"run\""},
        {"{" HEAD "," RUN("DONE") "}", "eventType"},
        {"{" HEAD "," RUN("COMPLETE") ",\"inputs\":{}}", "inputs"},
        {"{" HEAD "," RUN("COMPLETE") ",\"inputs\":[1]}", "inputs"},
        {"{" HEAD "," RUN("COMPLETE") ",\"outputs\":[{\"namespace\":\"townlake\",\"name\":\"just_a_name\"}]}", "source.schema.table"},
        {"{" HEAD "," RUN("COMPLETE") ",\"outputs\":[{\"namespace\":\"x\",\"name\":\"y\",\"facets\":{\"columnLineage\":{\"fields\":{\"c\":{}}}}}]}",
         "columnLineage"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_text(bad[i].text), TL_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, bad[i].part));
    }
}

static void test_an_event_has_a_size(void **state)
{
    (void)state;
    struct tl_buf text;
    tl_buf_init(&text, 8 << 20);
    tl_buf_adds(&text, "{" HEAD "," RUN("COMPLETE") ",\"inputs\":[");
    for (int i = 0; i <= OL_DATASETS_MAX; i++)
        tl_buf_addf(&text, "%s{\"namespace\":\"x\",\"name\":\"t%d\"}", i ? "," : "", i);
    tl_buf_adds(&text, "]}");
    assert_int_equal(read_text(tl_buf_cstr(&text)), TL_TOO_LARGE);
    tl_buf_done(&text);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_are_read_with_their_zone),
        WITH(test_inputs_reach_outputs),
        WITH(test_a_run_that_begins_or_fails_has_made_nothing),
        WITH(test_columns_are_values_or_steer),
        WITH(test_a_table_is_ours_by_its_other_name),
        WITH(test_a_rename_stays_within_its_schema),
        WITH(test_what_is_no_event_is_refused_with_its_place),
        WITH(test_an_event_has_a_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
