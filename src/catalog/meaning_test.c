/* What is kept of data and of what people say about it, over a real store and real rules. */
#include "catalog/catalog_testing.h"

/* --- inventory --- */

static void test_a_batch_is_kept_and_looks_the_same_when_nothing_changed(void **state)
{
    (void)state;
    struct tl_source_dataset dataset = accounts_listed(3);
    crawl_one(&dataset);
    struct cat_known *known;
    size_t count;
    as(&root);
    expect_ok(cat_load_known(&rq, &catalog, "ops", &known, &count));
    int64_t structure, statistics;
    struct tl_buf scratch;
    tl_buf_init(&scratch, 1 << 20);
    cat_hash_dataset(&scratch, &dataset, &structure, &statistics);
    tl_buf_done(&scratch);
    assert_int_equal(count, 1);
    assert_int_equal(known[0].structure_hash, structure);
    assert_int_equal(known[0].statistics_hash, statistics);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_column WHERE gone_at_us IS NULL"), 3);
}

static void test_a_column_that_goes_is_kept_with_the_time_and_told(void **state)
{
    (void)state;
    struct tl_source_dataset before = accounts_listed(3), after = accounts_listed(2);
    crawl_one(&before);
    crawl_one(&after);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_column WHERE name = 'country' AND gone_at_us IS NOT NULL"), 1);
    tl_store_flush(store);
    assert_int_equal(number_of("SELECT count(*) FROM event WHERE kind = 'dataset_added' AND subject = 'ops.public.accounts'"), 1);
    assert_int_equal(number_of("SELECT count(*) FROM event WHERE kind = 'dataset_changed' AND body LIKE '%\"columns_gone\":[\"country\"]%'"), 1);
    crawl_one(&before); /* and back again */
    assert_int_equal(number_of("SELECT count(*) FROM catalog_column WHERE gone_at_us IS NULL"), 3);
}

static void test_a_change_of_type_is_told_with_the_type_before(void **state)
{
    (void)state;
    struct tl_source_dataset before = accounts_listed(3), after = accounts_listed(3);
    struct tl_source_column changed[3];
    memcpy(changed, after.columns, sizeof changed);
    changed[1].type = tl_type_simple(TL_TYPE_INT64);
    after.columns = changed;
    crawl_one(&before);
    crawl_one(&after);
    tl_store_flush(store);
    assert_int_equal(number_of("SELECT count(*) FROM event WHERE body LIKE '%\"columns_changed\":[{\"name\":\"email\",\"type\":\"bigint\","
                               "\"before\":\"varchar\"}]%'"), 1);
}

static void test_numbers_change_without_a_fact_and_freshness_follows_the_marker(void **state)
{
    (void)state;
    struct tl_source_dataset dataset = accounts_listed(3);
    dataset.change_marker = 10;
    crawl_one(&dataset);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_dataset WHERE changed_at_us IS NULL"), 1);
    dataset.change_marker = 11;
    dataset.row_estimate = 7;
    crawl_one(&dataset);
    tl_store_flush(store);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_dataset WHERE row_count = 7 AND changed_at_us = last_seen_us "
                               "AND described_at_us < last_seen_us"), 1);
    assert_int_equal(number_of("SELECT count(*) FROM event WHERE kind LIKE 'dataset_%'"), 1);
}

static void test_names_that_are_no_utf8_and_wide_tables_are_kept(void **state)
{
    (void)state;
    enum { WIDE = 4096 };
    struct tl_source_dataset dataset = {.schema = "p\xff", .name = "wide\xc3", .row_estimate = -1, .size_bytes = -1, .column_count = WIDE};
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, WIDE);
    for (int i = 0; i < WIDE; i++)
        columns[i] = (struct tl_source_column){.name = tl_arena_printf(arena, "c\xfe%d", i), .type = tl_type_simple(TL_TYPE_VARCHAR)};
    dataset.columns = columns;
    crawl_one(&dataset);
    crawl_one(&dataset);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_column"), WIDE);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_dataset"), 1);
}

/* --- what people say --- */

static const char good[] = "domains:\n"
                           "  - name: Customers\n"
                           "terms:\n"
                           "  - name: Account\n"
                           "    description: What somebody signs in to\n"
                           "    synonyms: [login]\n"
                           "datasets:\n"
                           "  - name: ops.public.accounts\n"
                           "    description: |\n"
                           "      One row per account.\n"
                           "\n"
                           "      Several lines.\n"
                           "    owners: [\"group:analyst\"]\n"
                           "    domain: Customers\n"
                           "    tags: [curated]\n"
                           "    terms: [Account]\n"
                           "    deprecated: {reason: old, use: lake.dim.accounts}\n"
                           "    questions: [How many?, {question: Who?, sql: SELECT 1}]\n"
                           "    columns:\n"
                           "      id: Names it.\n"
                           "      email: {description: 'Where \"they\" are', tags: [pii.email]}\n";

static void test_a_plan_writes_nothing_and_an_import_is_the_same_the_second_time(void **state)
{
    (void)state;
    describe_world();
    assert_string_equal(import_text(&root, good, false), "13 changes, 0 errors");
    assert_int_equal(number_of("SELECT count(*) FROM catalog_meaning"), 0);
    assert_string_equal(import_text(&root, good, true), "13 changes, 0 errors, applied");
    assert_string_equal(import_text(&root, good, true), "0 changes, 0 errors, applied");
    assert_int_equal(number_of("SELECT count(*) FROM catalog_edit"), 13);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_link WHERE field = 'terms' AND value = 'Account'"), 1);
}

static void test_a_crawl_does_not_touch_what_people_said(void **state)
{
    (void)state;
    describe_world();
    import_text(&root, good, true);
    struct tl_source_dataset other = accounts_listed(2);
    other.comment = "a comment of the source";
    crawl_one(&other);
    assert_string_equal(import_text(&root, good, false), "0 changes, 0 errors");
}

static void test_tags_are_lifeguards(void **state)
{
    (void)state;
    describe_world();
    import_text(&root, good, true);
    assert_non_null(strstr(rules_of_accounts(), "pii.email"));
    assert_non_null(strstr(rules_of_accounts(), "\"state\":\"pending\""));
    assert_string_equal(import_text(&root, "datasets:\n  - name: ops.public.accounts\n    tags: []\n", true), "1 changes, 0 errors, applied");
    assert_null(strstr(rules_of_accounts(), "curated"));
}

static void test_errors_have_their_place_and_nothing_is_written(void **state)
{
    (void)state;
    static const char bad[] = "terms:\n"
                              "  - name: Fine\n"
                              "    description: fine\n"
                              "datasets:\n"
                              "  - name: ops.public.nowhere\n"
                              "  - name: ops.public.accounts\n"
                              "    descripton: misspelt\n"
                              "    owners: [ann]\n"
                              "    terms: [Fine, Unknown]\n"
                              "    columns:\n"
                              "      nothing: is not there\n"
                              "tables: [1]\n";
    describe_world();
    assert_string_equal(import_text(&root, bad, true), "2 changes, 6 errors");
    assert_non_null(strstr(report, "\"line\":5,\"reason\":\"there is no table \\\"ops.public.nowhere\\\"\""));
    assert_non_null(strstr(report, "\"line\":7,\"reason\":\"a dataset has no \\\"descripton\\\""));
    assert_non_null(strstr(report, "\"line\":8,\"reason\":\"owners: an owner is"));
    assert_non_null(strstr(report, "\"line\":9,\"reason\":\"there is no term \\\"Unknown\\\""));
    assert_non_null(strstr(report, "\"line\":11,\"reason\":\"\\\"ops.public.accounts\\\" has no column \\\"nothing\\\""));
    assert_non_null(strstr(report, "\"line\":12,\"reason\":\"there is no section \\\"tables\\\""));
    assert_int_equal(number_of("SELECT count(*) FROM catalog_meaning"), 0);
    assert_string_equal(import_text(&root, "terms: [{name: A\n", true), "0 changes, 1 errors");
    assert_string_equal(import_text(&root, "terms:\n  - name: A\n  - name: A\n", true), "1 changes, 1 errors");
}

static void test_who_does_not_govern_a_table_says_nothing_of_it(void **state)
{
    (void)state;
    describe_world();
    assert_string_equal(import_text(&ann, good, true), "0 changes, 3 errors");
    assert_int_equal(number_of("SELECT count(*) FROM catalog_meaning"), 0);
}

static void test_a_glossary_of_many_rows_with_errors_is_told_within_bounds(void **state)
{
    (void)state;
    enum { ROWS = 50000 };
    struct tl_buf text;
    tl_buf_init(&text, 64 << 20);
    tl_buf_adds(&text, "terms:\n");
    for (int i = 0; i < ROWS; i++)
        tl_buf_addf(&text, "  - {name: term %d, %s: x}\n", i, i % 100 == 0 ? "wrong" : "description");
    assert_string_equal(import_text(&root, tl_buf_cstr(&text), true), "50000 changes, 500 errors");
    assert_int_equal(number_of("SELECT count(*) FROM catalog_meaning"), 0);
    assert_true(strlen(report) < 1 << 20);
    tl_buf_done(&text);
}

static void test_an_edit_keeps_what_stood_there_and_an_older_one_is_refused(void **state)
{
    (void)state;
    describe_world();
    annotate(&root, "{\"dataset\":\"ops.public.accounts\",\"description\":\"first\"}", TL_OK);
    annotate(&root, "{\"dataset\":\"ops.public.accounts\",\"description\":\"second\"}", TL_OK);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_edit WHERE actor = 'root' AND value_before = 'first' AND value_after = 'second'"), 1);
    const struct cat_edit stale = {{"dataset", "ops", "public", "accounts", ""}, "description", "first", "third"};
    assert_int_equal(write_edits(&stale, 1), TL_CONFLICT);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_meaning WHERE value = 'second'"), 1);
    annotate(&root, "{\"dataset\":\"ops.public.accounts\",\"description\":\"\"}", TL_OK);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_meaning"), 0);
    annotate(&ann, "{\"dataset\":\"ops.public.accounts\",\"description\":\"mine\"}", TL_INVALID_ARGUMENT);
    annotate(&root, "{\"description\":\"of what\"}", TL_INVALID_ARGUMENT);
}

static void test_a_term_is_taken_away_with_all_that_is_said_of_it(void **state)
{
    (void)state;
    import_text(&root, "terms:\n  - {name: A, description: a, synonyms: [b, c]}\n", true);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_link WHERE field = 'synonyms'"), 2);
    assert_string_equal(import_text(&root, "terms:\n  - {name: A, remove: true}\n", true), "2 changes, 0 errors, applied");
    assert_int_equal(number_of("SELECT count(*) FROM catalog_meaning"), 0);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_link"), 0);
}

/* --- pages --- */

static void test_a_page_has_versions_and_its_mistakes_are_told(void **state)
{
    (void)state;
    static const char first[] = "---\ntitle: Model\nterms: [A]\n---\n# Model\n", second[] = "# Model, again\n";
    expect_ok(write_page(&root, "model", first));
    expect_ok(write_page(&root, "model", first)); /* the same: no version */
    expect_ok(write_page(&root, "model", second));
    assert_int_equal(number_of("SELECT count(*) FROM catalog_page_version"), 2);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_page WHERE title = 'Model, again' AND version = 2"), 1);
    assert_int_equal(write_page(&root, "../etc/x", first), TL_INVALID_ARGUMENT);
    assert_int_equal(write_page(&root, "open", "---\ntitle: x\n"), TL_INVALID_ARGUMENT);
    assert_int_equal(write_page(&root, "keys", "---\nfoo: x\n---\n"), TL_INVALID_ARGUMENT);
    assert_int_equal(write_page(&root, "about", "---\nabout: [no such name]\n---\n"), TL_INVALID_ARGUMENT);
    assert_int_equal(write_page(&root, "bytes", "\xff\xfe"), TL_INVALID_ARGUMENT);
    assert_int_equal(write_page(&ann, "mine", first), TL_INVALID_ARGUMENT);
    expect_ok(write_page(&root, "model", NULL));
    assert_int_equal(number_of("SELECT count(*) FROM catalog_page WHERE gone_at_us IS NULL"), 0);
}

static void test_a_folder_of_pages_is_followed(void **state)
{
    (void)state;
    char path[160];
    struct tl_err err;
    tl_err_init(&err);
    snprintf(path, sizeof path, "%s/pages/sub", folder);
    expect_ok(tl_dir_make(path, 0700, &err));
    snprintf(path, sizeof path, "%s/pages/sub/a.md", folder);
    expect_ok(tl_file_write(path, "# A\n", 4, 0600, &err));
    snprintf(path, sizeof path, "%s/pages/bad.md", folder);
    expect_ok(tl_file_write(path, "---\n", 4, 0600, &err));
    snprintf(path, sizeof path, "%s/pages", folder);
    catalog.options.pages = path;
    cat_read_folder(&catalog);
    cat_read_folder(&catalog);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_page WHERE path = 'sub/a' AND origin = 'folder' AND version = 1"), 1);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_page"), 1);
    assert_int_equal(write_page(&root, "sub/a", "# other\n"), TL_INVALID_ARGUMENT); /* it is changed in its folder */
    char file[160];
    snprintf(file, sizeof file, "%s/pages/sub/a.md", folder);
    unlink(file);
    cat_read_folder(&catalog);
    assert_int_equal(number_of("SELECT count(*) FROM catalog_page WHERE gone_at_us IS NULL"), 0);
    catalog.options.pages = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_batch_is_kept_and_looks_the_same_when_nothing_changed),
        TEST(test_a_column_that_goes_is_kept_with_the_time_and_told),
        TEST(test_a_change_of_type_is_told_with_the_type_before),
        TEST(test_numbers_change_without_a_fact_and_freshness_follows_the_marker),
        TEST(test_names_that_are_no_utf8_and_wide_tables_are_kept),
        TEST(test_a_plan_writes_nothing_and_an_import_is_the_same_the_second_time),
        TEST(test_a_crawl_does_not_touch_what_people_said),
        TEST(test_tags_are_lifeguards),
        TEST(test_errors_have_their_place_and_nothing_is_written),
        TEST(test_who_does_not_govern_a_table_says_nothing_of_it),
        TEST(test_a_glossary_of_many_rows_with_errors_is_told_within_bounds),
        TEST(test_an_edit_keeps_what_stood_there_and_an_older_one_is_refused),
        TEST(test_a_term_is_taken_away_with_all_that_is_said_of_it),
        TEST(test_a_page_has_versions_and_its_mistakes_are_told),
        TEST(test_a_folder_of_pages_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
