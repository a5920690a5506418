/* The engine under test, its own copy of the rows, and its answers as texts. */
#include "engines/duckdb/hooks_testing.h"

duckdb_database testing_back, testing_front;
duckdb_connection testing_connection;

#define MAYBE(salt, value) "CASE WHEN hash(i + " #salt ") % 7 = 0 THEN NULL ELSE " value " END"

static const char *const make_wide =
    "CREATE TABLE wide AS SELECT i AS id, " MAYBE(1, "i % 2 = 0") " AS b, " MAYBE(2, "(i % 256 - 128)::TINYINT") " AS i1, "
    MAYBE(3, "(i % 1000 - 500)::SMALLINT") " AS i2, " MAYBE(4, "(i % 50)::INTEGER") " AS i4, " MAYBE(5, "(i * 7919) % 1000") " AS i8, "
    MAYBE(6, "i::HUGEINT * 18446744073709551616 - 5") " AS i16, " MAYBE(7, "(i % 256)::UTINYINT") " AS u1, "
    MAYBE(8, "(i % 65536)::USMALLINT") " AS u2, " MAYBE(9, "(i * 100000)::UINTEGER") " AS u4, "
    MAYBE(10, "18446744073709551615::UBIGINT - i::UBIGINT") " AS u8, " MAYBE(11, "340282366920938463463374607431768211455::UHUGEINT - i::UHUGEINT") " AS u16, "
    MAYBE(12, "(i / 8.0)::FLOAT") " AS f4, " MAYBE(13, "CASE WHEN i % 97 = 0 THEN 'nan'::DOUBLE WHEN i % 89 = 0 THEN 'inf'::DOUBLE "
    "ELSE (i % 1000) / 1000.0::DOUBLE END") " AS f8, " MAYBE(14, "(i % 1000 / 10.0)::DECIMAL(4,1)") " AS d4, "
    MAYBE(15, "(i / 100.0)::DECIMAL(9,2)") " AS d9, " MAYBE(16, "(i * 12345.678)::DECIMAL(18,3)") " AS d18, "
    MAYBE(17, "(i::DECIMAL(38,5) * 1000000000000000000::DECIMAL(20,0))::DECIMAL(38,5)") " AS d38, "
    MAYBE(18, "CASE WHEN i % 3 = 0 THEN 'x' ELSE 'y' END || i") " AS s, "
    MAYBE(19, "repeat('long \u00e4\u4f60 ', i % 9) || i") " AS t, " MAYBE(20, "('{\"n\": ' || i || '}')::JSON") " AS j, "
    MAYBE(21, "('\\x00\\xFF' || i)::BLOB") " AS x, " MAYBE(22, "md5(i::VARCHAR)::UUID") " AS u, "
    MAYBE(23, "DATE '1969-06-01' + (i % 700)::INTEGER") " AS da, " MAYBE(24, "TIME '00:00:00' + to_microseconds(i * 4000000 + 1)") " AS ti, "
    MAYBE(25, "TIMESTAMP '1969-12-31 23:00:00' + to_seconds(i)") " AS ts, "
    MAYBE(26, "make_timestamp_ns(1600000000000000001 + i)") " AS tn, " MAYBE(27, "make_timestamp(i * 1000003)::TIMESTAMPTZ") " AS tz, "
    MAYBE(28, "to_months((i % 5)::INTEGER) + to_days((i % 3)::INTEGER) + to_microseconds(i)") " AS iv, "
    MAYBE(29, "CASE WHEN i % 5 = 0 THEN [] ELSE [i::INTEGER, NULL, (i * 2)::INTEGER] END") " AS l, "
    MAYBE(30, "list_transform(range(i % 4), lambda k: 'a text that is long ' || (i + k))") " AS ls, "
    MAYBE(31, "[[i::INTEGER], NULL, [], [(i + 1)::INTEGER, NULL]]") " AS ll, "
    MAYBE(32, "{'a': i::INTEGER, 'b': CASE WHEN i % 4 = 0 THEN NULL ELSE 'text number ' || i END}") " AS st, "
    MAYBE(33, "MAP {'key': i::INTEGER, 'a key of some length ' || i: NULL}") " AS m, "
    MAYBE(34, "[{'a': i::INTEGER, 'b': 'inside of a list ' || i}, NULL, {'a': NULL, 'b': NULL}]") " AS lst "
    "FROM range(";

static void make_table(duckdb_connection connection, const char *rename)
{
    char sql[8192];
    duckdb_result result;
    snprintf(sql, sizeof sql, "%s%d) r (i)", make_wide, TESTING_ROWS);
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s", duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    if (rename)
        assert_int_equal(duckdb_query(connection, rename, NULL), DuckDBSuccess);
}

static const char *const make_names = "CREATE TABLE names AS SELECT i * 3 AS k, 'name ' || i % 40 AS nm FROM range(200) r (i)";

int testing_open(void **state)
{
    duckdb_connection back;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(duckdb_open(NULL, &testing_back), DuckDBSuccess);
    assert_int_equal(duckdb_connect(testing_back, &back), DuckDBSuccess);
    make_table(back, NULL);
    assert_int_equal(duckdb_query(back, make_names, NULL), DuckDBSuccess);
    duckdb_disconnect(&back);

    assert_int_equal(duckdb_open(NULL, &testing_front), DuckDBSuccess);
    if (tl_hooks_install(testing_front, &fake_calls, &err) != TL_OK)
        fail_msg("%s", err.message);
    assert_int_equal(duckdb_connect(testing_front, &testing_connection), DuckDBSuccess);
    make_table(testing_connection, "ALTER TABLE wide RENAME TO local");
    testing_run(make_names);
    testing_run("SET threads = 4");
    testing_run("SET TimeZone = 'UTC'");
    testing_run("CREATE TABLE small AS SELECT 100 + i * 7 AS k, 'n' || i AS nm FROM range(5) r (i)");
    testing_run("CREATE TABLE middle AS SELECT i * 3 AS k FROM range(2000) r (i)");
    testing_run("CREATE VIEW fake_view AS SELECT id, i4, i8, s, t, da FROM tl_scan('fake', 'main', 'wide') WHERE i4 < 25 AND da IS NOT NULL");
    testing_run("CREATE VIEW local_view AS SELECT id, i4, i8, s, t, da FROM local WHERE i4 < 25 AND da IS NOT NULL");
    return testing_reset(state);
}

int testing_close(void **state)
{
    (void)state;
    duckdb_disconnect(&testing_connection);
    duckdb_close(&testing_front);
    duckdb_close(&testing_back);
    assert_int_equal(atomic_load(&fake.handles_open), 0);
    assert_int_equal(atomic_load(&fake.scans_open), 0);
    return 0;
}

int testing_reset(void **state)
{
    (void)state;
    fake.pushes = FAKE_PUSHES_ALL;
    fake.pushes_order = fake.derives = true;
    fake.parts_at_once = 3;
    fake.fails_open = fake.fails_part = fake.fails_next = TL_OK;
    fake.fails_after_chunks = 0;
    fake.delay_ms = 0;
    tl_hooks_set_guard(testing_connection, &(struct tl_hooks_guard){.query_id = "test"});
    return 0;
}

void testing_run(const char *sql)
{
    duckdb_result result;
    if (duckdb_query(testing_connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&result));
    duckdb_destroy_result(&result);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **fetch_lines(duckdb_result result, size_t *ret_count)
{
    char **lines = NULL;
    size_t count = 0;
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(result)) != NULL; duckdb_destroy_data_chunk(&chunk)) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, 0);
        duckdb_string_t *texts = duckdb_vector_get_data(vector);
        idx_t rows = duckdb_data_chunk_get_size(chunk);
        lines = realloc(lines, (count + rows) * sizeof *lines);
        for (idx_t row = 0; row < rows; row++)
            lines[count++] = testing_is_null(vector, row) ? strdup("NULL") : strndup(duckdb_string_t_data(&texts[row]), duckdb_string_t_length(texts[row]));
    }
    *ret_count = count;
    return lines;
}

char *testing_rows(const char *sql, bool ordered)
{
    struct tl_buf buf;
    duckdb_result result;
    tl_buf_init(&buf, 1 << 30);
    tl_buf_addf(&buf, "SELECT CAST(q AS VARCHAR) FROM (%s) q", sql);
    bool failed = duckdb_query(testing_connection, tl_buf_cstr(&buf), &result) != DuckDBSuccess;
    tl_buf_clear(&buf);
    if (failed) {
        tl_buf_addf(&buf, "ERROR %s", duckdb_result_error(&result));
    } else {
        size_t count;
        char **lines = fetch_lines(result, &count);
        if (!ordered && count > 0)
            qsort(lines, count, sizeof *lines, compare_lines);
        for (size_t i = 0; i < count; i++) {
            tl_buf_adds(&buf, lines[i]);
            tl_buf_addc(&buf, '\n');
            free(lines[i]);
        }
        free(lines);
    }
    duckdb_destroy_result(&result);
    char *rows = strdup(tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return rows;
}

char *testing_with_table(const char *sql, const char *table)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 1 << 20);
    for (; *sql; sql++) {
        bool ours = table[0] == 't' && table[1] == 'l';
        if (*sql == '@')
            tl_buf_adds(&buf, table);
        else if (*sql == '#')
            tl_buf_adds(&buf, ours ? "tl_scan('fake', 'main', 'names')" : "names");
        else if (*sql == '$' && sql[1] == ' ') /* not in a regular expression */
            tl_buf_adds(&buf, ours ? "tl_scan('other', 'main', 'names')" : "names");
        else
            tl_buf_addc(&buf, *sql);
    }
    char *text = strdup(tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

struct tl_err testing_failure(const char *sql)
{
    struct tl_err err;
    duckdb_result result;
    tl_err_init(&err);
    if (duckdb_query(testing_connection, sql, &result) == DuckDBSuccess)
        fail_msg("did not fail: %s", sql);
    if (!tl_hooks_take_error(testing_connection, &err))
        tl_hooks_error(duckdb_result_error(&result), (int)duckdb_result_error_type(&result), &err);
    duckdb_destroy_result(&result);
    return err;
}

char *testing_scans(void)
{
    struct tl_buf json;
    tl_buf_init(&json, 1 << 20);
    tl_hooks_scans_json(testing_connection, &json);
    assert_false(json.failed);
    char *text = strdup(tl_buf_cstr(&json));
    tl_buf_done(&json);
    return text;
}

static const char *const scanned = "tl_scan('fake', 'main', 'wide')";

/* `odd` cannot be read: the copy has none, and every other query is the same for both. */
static char *over(const char *sql, const char *table)
{
    char *text = testing_with_table(sql, table);
    char *odd = table == scanned ? NULL : strstr(text, " EXCLUDE (odd)");
    if (odd)
        memmove(odd, odd + strlen(" EXCLUDE (odd)"), strlen(odd + strlen(" EXCLUDE (odd)")) + 1);
    return text;
}

static bool compare(const struct testing_query *query)
{
    char *ours = over(query->sql, scanned), *theirs = over(query->sql, "local");
    char *our_rows = testing_rows(ours, query->ordered), *their_rows = testing_rows(theirs, query->ordered);
    bool same = strcmp(our_rows, their_rows) == 0 && strncmp(our_rows, "ERROR", 5) != 0;
    if (!same)
        print_error("%s\n sent:   %.2000s\n ours:   %.1500s\n theirs: %.1500s\n", query->sql, fake.last_sql, our_rows, their_rows);
    assert_int_equal(atomic_load(&fake.parts_open), 0);
    assert_int_equal(atomic_load(&fake.scans_open), 0);
    free(ours);
    free(theirs);
    free(our_rows);
    free(their_rows);
    return same;
}

void testing_compare_all(const struct testing_query *queries, size_t count)
{
    int others = 0;
    for (size_t i = 0; i < count; i++)
        others += !compare(&queries[i]);
    assert_int_equal(others, 0);
}

static void compare_state(void **state)
{
    const struct testing_queries *all = *state;
    testing_compare_all(all->queries, all->count);
}

void test_answers_are_equal_when_everything_is_pushed(void **state)
{
    compare_state(state);
}

void test_answers_are_equal_when_some_is_pushed(void **state)
{
    fake.pushes = FAKE_PUSHES_COMPARISONS;
    fake.pushes_order = false;
    fake.parts_at_once = 1;
    compare_state(state);
}

void test_answers_are_equal_when_the_source_derives_nothing(void **state)
{
    fake.derives = false;
    compare_state(state);
}

void test_answers_are_equal_with_pushdown_switched_off(void **state)
{
    tl_hooks_set_guard(testing_connection, &(struct tl_hooks_guard){.no_pushdown = true, .query_id = "test"});
    long derived = atomic_load(&fake.derived);
    compare_state(state);
    assert_int_equal(atomic_load(&fake.derived), derived);
    assert_null(strstr(fake.last_sql, "IN ("));
}

/* What the source was asked in the last statement. */
void testing_assert_sent(const char *sql, const char *wanted)
{
    char *text = testing_with_table(sql, scanned);
    testing_run(text);
    if (!strstr(fake.last_sql, wanted))
        fail_msg("%s\n sent:   %s\n wanted: %s", sql, fake.last_sql, wanted);
    free(text);
}

void testing_assert_not_sent(const char *sql, const char *unwanted)
{
    char *text = testing_with_table(sql, scanned);
    testing_run(text);
    if (strstr(fake.last_sql, unwanted))
        fail_msg("%s\n sent:     %s\n unwanted: %s", sql, fake.last_sql, unwanted);
    free(text);
}

char *testing_report_of(const char *sql)
{
    tl_hooks_set_guard(testing_connection, &(struct tl_hooks_guard){.query_id = "q1"});
    char *text = testing_with_table(sql, scanned);
    testing_run(text);
    free(text);
    return testing_scans();
}

void testing_assert_reported(const char *sql, const char *wanted)
{
    char *scans = testing_report_of(sql);
    if (!strstr(scans, wanted))
        fail_msg("%s\n report: %s\n wanted: %s", sql, scans, wanted);
    free(scans);
}
