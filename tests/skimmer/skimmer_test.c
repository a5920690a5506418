/* The Skimmer's parts without a server: a column's values, verdicts, what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "detectors/detectors.h"
#include "skimmer/skimmer_int.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };
#define COUNT(array) (sizeof(array) / sizeof *(array))

struct world {
    tl_arena *arena;
    tl_skimmer skimmer;
    char folder[64];
    struct tl_source_column columns[2];
    struct skim_table table;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct tl_err err;
    tl_err_init(&err);
    snprintf(world->folder, sizeof world->folder, "/tmp/skimmer-test-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    world->arena = tl_arena_new(ARENA_MAX);
    world->skimmer.options.detectors = &tl_detector_patterns;
    assert_int_equal(tl_store_open(world->folder, &world->skimmer.options.store, &err), TL_OK);
    assert_int_equal(tl_detector_patterns.open(NULL, &world->skimmer.detector, &err), TL_OK);
    world->columns[0] = (struct tl_source_column){.name = "note", .type = tl_type_simple(TL_TYPE_VARCHAR)};
    world->columns[1] = (struct tl_source_column){.name = "id", .type = tl_type_simple(TL_TYPE_INT64)};
    world->table = (struct skim_table){.source = "s", .columns_hash = "h1",
                                       .dataset = {.schema = "p", .name = "t", .column_count = 2, .columns = world->columns}};
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    char command[128];
    tl_store_close(world->skimmer.options.store);
    tl_detector_patterns.close(world->skimmer.detector);
    tl_arena_free(world->arena);
    const char *const files[] = {"state.db", "state.db-wal", "state.db-shm", "lock", "state.lock"};
    for (size_t i = 0; i < COUNT(files); i++) {
        snprintf(command, sizeof command, "%s/%s", world->folder, files[i]);
        unlink(command);
    }
    rmdir(world->folder);
    free(world);
    return 0;
}

/* Values of the first column, and the verdict on it. */
static struct skim_verdict judge(struct world *world, const char *const *values, size_t count)
{
    const struct skim_found *found;
    int64_t checked;
    struct skim_verdict verdict;
    struct skim_column *column = skim_column_new(world->arena, &world->skimmer, &world->table, 0);
    for (size_t i = 0; i < count; i++)
        skim_column_add(column, tl_str_of(values[i]));
    size_t found_count;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(skim_column_judge(column, world->arena, &found, &found_count, &checked, &err), TL_OK);
    skim_verdict_make(world->arena, &world->columns[0], found, found_count, checked, &verdict);
    skim_column_end(column);
    return verdict;
}

static void json_is_taken_apart_and_each_path_is_a_column(void **state)
{
    static const char *const values[] = {"{\"user\": {\"email\": \"ann@example.com\", \"n\": 1}}", "{\"user\": {\"email\": \"bob@example.com\"}}",
                                         "[{\"user\": {\"email\": \"eve@example.com\"}}]"};
    struct skim_verdict verdict = judge(*state, values, COUNT(values));
    assert_string_equal(verdict.info_type, "EMAIL_ADDRESS");
    assert_string_equal(verdict.state, "masked");
    assert_string_equal(verdict.mask, "redact");
    assert_string_equal(verdict.tags, "[\"pii.text\",\"pii.email\"]");
    assert_non_null(strstr(verdict.findings, "\"path\":\"user.email\""));
    assert_non_null(strstr(verdict.reason, "user.email: 3 of 3 values"));
}

static void broken_json_is_text(void **state)
{
    static const char *const values[] = {"{\"email\": \"ann@example.com\"", "{\"email\": \"bob@example.com\", [[[["};
    struct skim_verdict verdict = judge(*state, values, COUNT(values));
    assert_string_equal(verdict.info_type, "EMAIL_ADDRESS");
    assert_null(strstr(verdict.findings, "\"path\":\""));
}

static void deep_and_wide_json_is_bounded(void **state)
{
    struct world *world = *state;
    struct tl_buf text;
    tl_buf_init(&text, 1024 * 1024);
    tl_buf_adds(&text, "{");
    for (int i = 0; i < 2000; i++)
        tl_buf_addf(&text, "%s\"k%d\": \"v%d@example.com\"", i ? "," : "", i, i);
    tl_buf_adds(&text, "}");
    const char *const values[] = {tl_buf_cstr(&text)};
    struct skim_verdict verdict = judge(world, values, 1);
    assert_string_equal(verdict.info_type, "EMAIL_ADDRESS");
    tl_buf_clear(&text);
    for (int i = 0; i < 900; i++)
        tl_buf_adds(&text, "[");
    for (int i = 0; i < 900; i++)
        tl_buf_adds(&text, "]");
    const char *const nested[] = {tl_buf_cstr(&text)};
    assert_string_equal(judge(world, nested, 1).state, "open");
    tl_buf_done(&text);
}

static void a_value_counts_once(void **state)
{
    static const char *const values[] = {"x", "x", "x", "x", "ann@example.com", "ann@example.com"};
    struct skim_verdict verdict = judge(*state, values, COUNT(values));
    assert_non_null(strstr(verdict.reason, "1 of 1 values")); /* "x" says nothing: a filler */
}

static void two_kinds_in_one_column_are_both_told_and_hidden(void **state)
{
    static const char *const values[] = {"a1@example.com", "+1 415 555 0101", "a2@example.com", "+1 415 555 0102", "a3@example.com", "+1 415 555 0103"};
    struct skim_verdict verdict = judge(*state, values, COUNT(values));
    assert_string_equal(verdict.evidence, "EMAIL_ADDRESS,PHONE_NUMBER");
    assert_string_equal(verdict.tags, "[\"pii.email\",\"pii.phone\"]");
    assert_string_equal(verdict.state, "masked");
}

static struct skim_verdict verdict_of(struct world *world, enum tl_type_id type, const char *state, const char *mask, bool inside)
{
    struct tl_detect_class *class = TL_NEW(world->arena, struct tl_detect_class);
    struct tl_detection *detection = TL_NEW(world->arena, struct tl_detection);
    struct tl_source_column column = {.name = "c", .type = tl_type_simple(type)};
    struct skim_verdict verdict;
    *class = (struct tl_detect_class){"X", "x", "pii.x", "restricted", state, mask};
    *detection = (struct tl_detection){.class = class, .confidence = 0.9, .inside = inside, .checked = 10, .hits = 9, .shape = "9", .reason = "because"};
    struct skim_found found = {detection, NULL};
    skim_verdict_make(world->arena, &column, &found, 1, 10, &verdict);
    return verdict;
}

static void a_mask_that_does_not_fit_the_type_becomes_one_that_does(void **state)
{
    struct world *world = *state;
    assert_string_equal(verdict_of(world, TL_TYPE_VARCHAR, "masked", "last4", false).mask, "last4");
    assert_string_equal(verdict_of(world, TL_TYPE_INT64, "masked", "last4", false).mask, "hash");
    assert_string_equal(verdict_of(world, TL_TYPE_DOUBLE, "masked", "redact", false).mask, "null");
    assert_string_equal(verdict_of(world, TL_TYPE_DATE, "masked", "year", false).mask, "year");
    assert_string_equal(verdict_of(world, TL_TYPE_VARCHAR, "masked", "email_domain", true).mask, "redact");
}

static void what_is_denied_as_a_value_is_masked_as_part_of_a_text(void **state)
{
    assert_string_equal(verdict_of(*state, TL_TYPE_VARCHAR, "denied", NULL, false).state, "denied");
    assert_null(verdict_of(*state, TL_TYPE_VARCHAR, "denied", NULL, false).mask);
    struct skim_verdict inside = verdict_of(*state, TL_TYPE_VARCHAR, "denied", NULL, true);
    assert_string_equal(inside.state, "masked");
    assert_string_equal(inside.mask, "redact");
    assert_string_equal(inside.sensitivity, "restricted");
}

static void what_cannot_be_judged_is_not_opened(void **state)
{
    struct world *world = *state;
    struct tl_source_column blob = {.name = "b", .type = tl_type_simple(TL_TYPE_BLOB)}, odd = {.name = "o", .unsupported = true};
    struct skim_verdict verdict;
    skim_verdict_make(world->arena, &blob, NULL, 0, 0, &verdict);
    assert_string_equal(verdict.state, "denied");
    skim_verdict_make(world->arena, &odd, NULL, 0, 0, &verdict);
    assert_string_equal(verdict.state, "denied");
    assert_string_equal(judge(world, NULL, 0).state, "pending");
}

/* --- what is kept --- */

static const struct skim_known *load(struct world *world, size_t *ret_count)
{
    const struct skim_known *known;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(skim_state_load(&world->skimmer, world->arena, &known, ret_count, &err), TL_OK);
    return known;
}

static void save(struct world *world, const char *failure)
{
    static const char *const values[] = {"ann@example.com", "bob@example.com"};
    struct skim_verdict verdicts[2] = {judge(world, values, COUNT(values))};
    struct tl_err err;
    tl_err_init(&err);
    verdicts[1] = verdicts[0];
    verdicts[1].column = "id";
    assert_int_equal(skim_state_save(&world->skimmer, &world->table, verdicts, 17, failure, &err), TL_OK);
}

static void a_scan_is_kept_and_a_failure_after_it_takes_nothing_away(void **state)
{
    struct world *world = *state;
    size_t count;
    save(world, NULL);
    const struct skim_known *known = load(world, &count);
    assert_int_equal(count, 1);
    assert_string_equal(known[0].table, "t");
    assert_string_equal(known[0].columns_hash, "h1");
    assert_false(known[0].failed);
    assert_int_equal(known[0].rows, 17);
    save(world, "the source is down");
    known = load(world, &count);
    assert_true(count == 1 && known[0].failed);
}

static void a_table_is_forgotten_by_its_name(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    size_t count;
    const struct tl_grant_scope other = {.source = "other"}, table = {.source = "s", .schema = "p", .table = "t"};
    tl_err_init(&err);
    save(world, NULL);
    assert_int_equal(skim_state_forget(&world->skimmer, &other, &err), TL_OK);
    assert_true(load(world, &count)[0].scanned_at_us > 0);
    assert_int_equal(skim_state_forget(&world->skimmer, &table, &err), TL_OK);
    assert_int_equal(load(world, &count)[0].scanned_at_us, 0);
    assert_int_equal(skim_state_remove(&world->skimmer, &load(world, &count)[0], &err), TL_OK);
    load(world, &count);
    assert_int_equal(count, 0);
}

static void a_pause_is_remembered(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    tl_err_init(&err);
    assert_false(skim_state_is(&world->skimmer, "paused", "true"));
    assert_int_equal(skim_state_setting(&world->skimmer, "paused", "true", &err), TL_OK);
    assert_true(skim_state_is(&world->skimmer, "paused", "true"));
    assert_int_equal(skim_state_setting(&world->skimmer, "paused", "false", &err), TL_OK);
    assert_false(skim_state_is(&world->skimmer, "paused", "true"));
}

static void confidence_is_said_in_words(void **state)
{
    (void)state;
    assert_string_equal(tl_detect_likelihood(0.95), "VERY_LIKELY");
    assert_string_equal(tl_detect_likelihood(0.8), "LIKELY");
    assert_string_equal(tl_detect_likelihood(0.6), "POSSIBLE");
    assert_string_equal(tl_detect_likelihood(0.5), "UNLIKELY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(json_is_taken_apart_and_each_path_is_a_column, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_json_is_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deep_and_wide_json_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_counts_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_kinds_in_one_column_are_both_told_and_hidden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mask_that_does_not_fit_the_type_becomes_one_that_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_denied_as_a_value_is_masked_as_part_of_a_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_judged_is_not_opened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_scan_is_kept_and_a_failure_after_it_takes_nothing_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_is_forgotten_by_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pause_is_remembered, set_up, tear_down),
        cmocka_unit_test(confidence_is_said_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
