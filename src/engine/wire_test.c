#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/wire.h"

static tl_arena *arena;
static struct tl_buf buf;
static int ends[2];

static int setup(void **state)
{
    (void)state;
    arena = tl_arena_new(64 << 20);
    tl_buf_init(&buf, TL_WIRE_FRAME_MAX + 1024);
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

static int teardown(void **state)
{
    (void)state;
    tl_buf_done(&buf);
    arena = tl_arena_free(arena);
    close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
    return 0;
}

static struct tl_wire_reader reader_of_buf(void)
{
    return (struct tl_wire_reader){.left = {buf.data, buf.size}};
}

static struct tl_value text_value(const char *text)
{
    return (struct tl_value){.type = tl_type_simple(TL_TYPE_VARCHAR), .as.text = tl_str_of(text)};
}

static struct tl_engine_statement sample_statement(void)
{
    static const struct tl_engine_view views[] = {{"g0123", "ops.public", "accounts", "SELECT a FROM b"}};
    static const char *const allowed[] = {"scan:ops.public.accounts", "function:range"};
    static struct tl_value params[7];
    params[0] = text_value("O'Brien");
    params[1] = (struct tl_value){.type = tl_type_simple(TL_TYPE_INT64), .as.int64 = INT64_MIN};
    params[2] = (struct tl_value){.type = tl_type_simple(TL_TYPE_UINT64), .as.uint64 = UINT64_MAX};
    params[3] = (struct tl_value){.type = tl_type_decimal(38, 2), .as.int128 = {.low = 5, .high = -7}};
    params[4] = (struct tl_value){.type = tl_type_simple(TL_TYPE_INTERVAL), .as.interval = {-1, 2, -3}};
    params[5] = (struct tl_value){.type = tl_type_simple(TL_TYPE_DOUBLE), .as.number = 0.25};
    params[6] = (struct tl_value){.type = tl_type_simple(TL_TYPE_DATE), .is_null = true};
    return (struct tl_engine_statement){
        .sql = TL_STR("SELECT 1"), .views = views, .view_count = 1, .allowed = allowed, .allowed_count = 2,
        .params = params, .param_count = 7, .rows_max = 100, .run_time_us_max = 5000000, .memory_bytes_max = 1 << 30, .time_zone = "UTC",
        .query_id = NULL, .no_pushdown = true,
    };
}

static void test_statement_reads_back(void **state)
{
    (void)state;
    struct tl_engine_statement in = sample_statement(), out;
    tl_wire_put_statement(&buf, &in);
    struct tl_wire_reader reader = reader_of_buf();
    assert_true(tl_wire_statement(&reader, arena, &out));
    assert_int_equal(reader.left.size, 0);
    assert_true(tl_str_equal(out.sql, TL_STR("SELECT 1")));
    assert_string_equal(out.views[0].schema, "ops.public");
    assert_string_equal(out.allowed[1], "function:range");
    assert_true(tl_str_equal(out.params[0].as.text, TL_STR("O'Brien")));
    assert_true(out.params[1].as.int64 == INT64_MIN);
    assert_true(out.params[2].as.uint64 == UINT64_MAX);
    assert_true(out.params[3].as.int128.low == 5 && out.params[3].as.int128.high == -7);
    assert_int_equal(out.params[3].type.scale, 2);
    assert_int_equal(out.params[4].as.interval.micros, -3);
    assert_true(out.params[5].as.number == 0.25);
    assert_true(out.params[6].is_null);
    assert_int_equal(out.rows_max, 100);
    assert_int_equal(out.run_time_us_max, 5000000);
    assert_int_equal(out.memory_bytes_max, 1 << 30);
    assert_string_equal(out.time_zone, "UTC");
    assert_null(out.query_id);
    assert_true(out.no_pushdown);
}

static void test_every_cut_message_is_refused(void **state)
{
    (void)state;
    struct tl_engine_statement in = sample_statement(), out;
    tl_wire_put_statement(&buf, &in);
    for (size_t size = 0; size < buf.size; size++) {
        struct tl_wire_reader reader = {.left = {buf.data, size}};
        assert_false(tl_wire_statement(&reader, arena, &out));
        assert_true(reader.failed);
    }
}

static void test_source_config_reads_back_and_is_bounded(void **state)
{
    (void)state;
    const char *names[TL_SOURCE_OPTIONS_MAX + 1], *values[TL_SOURCE_OPTIONS_MAX + 1];
    for (int i = 0; i <= TL_SOURCE_OPTIONS_MAX; i++) {
        names[i] = "host";
        values[i] = "127.0.0.1";
    }
    struct tl_source_config in = {"ops", "postgres", TL_SOURCE_OPTIONS_MAX, names, values}, out;
    tl_wire_put_config(&buf, &in);
    struct tl_wire_reader reader = reader_of_buf();
    assert_true(tl_wire_config(&reader, arena, &out));
    assert_string_equal(out.kind, "postgres");
    assert_int_equal(out.option_count, TL_SOURCE_OPTIONS_MAX);
    assert_string_equal(out.option_values[TL_SOURCE_OPTIONS_MAX - 1], "127.0.0.1");
    in.option_count++;
    tl_buf_clear(&buf);
    tl_wire_put_config(&buf, &in);
    reader = reader_of_buf();
    assert_false(tl_wire_config(&reader, arena, &out));
}

static void test_dataset_reads_back(void **state)
{
    (void)state;
    const struct tl_source_column columns[] = {
        {.name = "id", .type = tl_type_simple(TL_TYPE_INT64), .source_type = "bigint", .key_position = 1},
        {.name = "shape", .source_type = "geometry", .comment = "where", .nullable = true, .unsupported = true,
         .statistics = {.known = true, .null_fraction = 0.25, .distinct_count = 7, .average_bytes = -1}},
    };
    struct tl_source_dataset in = {.schema = "public", .name = "places", .kind = TL_DATASET_VIEW, .comment = "all places",
                                   .row_estimate = -1, .size_bytes = 4096, .changed_at_us = 11, .change_marker = 12, .column_count = 2,
                                   .columns = columns};
    struct tl_source_dataset out;
    tl_wire_put_dataset(&buf, &in);
    struct tl_wire_reader reader = reader_of_buf();
    assert_true(tl_wire_dataset(&reader, arena, &out));
    assert_string_equal(out.name, "places");
    assert_int_equal(out.kind, TL_DATASET_VIEW);
    assert_string_equal(out.comment, "all places");
    assert_int_equal(out.row_estimate, -1);
    assert_int_equal(out.column_count, 2);
    assert_int_equal(out.columns[0].type.id, TL_TYPE_INT64);
    assert_int_equal(out.columns[0].key_position, 1);
    assert_null(out.columns[0].comment);
    assert_false(out.columns[0].nullable);
    assert_true(out.columns[1].unsupported && out.columns[1].nullable);
    assert_int_equal(out.changed_at_us, 11);
    assert_int_equal(out.change_marker, 12);
    assert_false(out.columns[0].statistics.known);
    assert_true(out.columns[1].statistics.known && out.columns[1].statistics.null_fraction == 0.25);
    assert_int_equal(out.columns[1].statistics.distinct_count, 7);
    assert_int_equal(out.columns[1].statistics.average_bytes, -1);
    assert_string_equal(out.columns[1].source_type, "geometry");
}

static void test_column_without_type_must_be_unsupported(void **state)
{
    (void)state;
    const struct tl_source_column column = {.name = "shape", .source_type = "geometry"};
    struct tl_source_dataset in = {.schema = "s", .name = "t", .column_count = 1, .columns = &column}, out;
    tl_wire_put_dataset(&buf, &in);
    struct tl_wire_reader reader = reader_of_buf();
    assert_false(tl_wire_dataset(&reader, arena, &out));
}

static void test_fields_read_back(void **state)
{
    (void)state;
    const struct tl_field in[] = {{"a", tl_type_decimal(12, 2)}, {"", tl_type_list(arena, tl_type_simple(TL_TYPE_BLOB))}};
    struct tl_field *out;
    size_t count;
    tl_wire_put_fields(&buf, in, 2);
    struct tl_wire_reader reader = reader_of_buf();
    assert_true(tl_wire_fields(&reader, arena, &out, &count));
    assert_int_equal(count, 2);
    assert_string_equal(out[0].name, "a");
    assert_true(tl_type_equal(&out[0].type, &in[0].type));
    assert_true(tl_type_equal(&out[1].type, &in[1].type));
}

static void test_error_reads_back_in_full(void **state)
{
    (void)state;
    struct tl_err in, out;
    tl_err_init(&in);
    tl_err_set(&in, TL_COLUMN_NOT_FOUND, "no column \"%s\"", "emial");
    tl_err_detail(&in, "of table ops.public.accounts");
    tl_err_hint(&in, "did you mean \"email\"?");
    tl_err_link(&in, "http://127.0.0.1/columns");
    tl_err_position(&in, 7);
    tl_wire_put_error(&buf, &in);
    struct tl_wire_reader reader = reader_of_buf();
    assert_true(tl_wire_error(&reader, &out));
    assert_int_equal(out.code, TL_COLUMN_NOT_FOUND);
    assert_int_equal(out.position, 7);
    assert_string_equal(out.message, in.message);
    assert_string_equal(out.detail, in.detail);
    assert_string_equal(out.hint, in.hint);
    assert_string_equal(out.link, in.link);
}

static void test_error_that_is_none_is_refused(void **state)
{
    (void)state;
    struct tl_err ok, out;
    tl_err_init(&ok);
    tl_wire_put_error(&buf, &ok);
    struct tl_wire_reader reader = reader_of_buf();
    assert_false(tl_wire_error(&reader, &out));
    assert_true(reader.failed);
}

static void test_long_error_texts_are_cut(void **state)
{
    (void)state;
    static char text[4 * TL_ERR_MESSAGE_MAX];
    memset(text, 'x', sizeof text);
    tl_wire_put_text(&buf, TL_STR("syntax"));
    tl_wire_put_i64(&buf, INT64_MIN);
    for (int i = 0; i < 4; i++)
        tl_wire_put_text(&buf, (struct tl_str){text, sizeof text});
    struct tl_err out;
    struct tl_wire_reader reader = reader_of_buf();
    assert_true(tl_wire_error(&reader, &out));
    assert_int_equal(strlen(out.message), TL_ERR_MESSAGE_MAX - 1);
    assert_int_equal(out.position, -1);
}

static void test_stats_read_back(void **state)
{
    (void)state;
    struct tl_result_stats in = {1, 2, 3, 4, 5, 6, 0.5, -1, TL_STR("[]")}, out;
    tl_wire_put_stats(&buf, &in);
    struct tl_wire_reader reader = reader_of_buf();
    assert_true(tl_wire_stats(&reader, arena, &out));
    assert_int_equal(out.rows, 1);
    assert_int_equal(out.peak_memory_bytes, 6);
    assert_true(out.progress == 0.5);
    assert_int_equal(out.changed_rows, -1);
    assert_true(tl_str_equal(out.scans_json, TL_STR("[]")));
}

static void test_failed_reader_stays_failed(void **state)
{
    (void)state;
    tl_wire_put_u32(&buf, 1000); /* a text of 1000 bytes that are not there */
    tl_wire_put_u8(&buf, 7);
    struct tl_wire_reader reader = reader_of_buf();
    assert_int_equal(tl_wire_text(&reader).size, 0);
    assert_true(reader.failed);
    assert_int_equal(tl_wire_u8(&reader), 0);
    assert_string_equal(tl_wire_cstr(&reader, arena), "");
}

static void test_names_with_nul_bytes_are_refused(void **state)
{
    (void)state;
    tl_wire_put_text(&buf, (struct tl_str){"a\0b", 3});
    struct tl_wire_reader reader = reader_of_buf();
    assert_int_equal(tl_wire_text(&reader).size, 3);
    reader = reader_of_buf();
    tl_wire_cstr(&reader, arena);
    assert_true(reader.failed);
}

static void test_message_that_outgrows_the_arena_is_refused(void **state)
{
    (void)state;
    tl_arena *small = tl_arena_new(4096);
    static struct tl_field in[5000];
    for (size_t i = 0; i < 5000; i++)
        in[i] = (struct tl_field){"x", tl_type_simple(TL_TYPE_DATE)};
    tl_wire_put_fields(&buf, in, 5000);
    struct tl_field *out;
    size_t count;
    struct tl_wire_reader reader = reader_of_buf();
    assert_false(tl_wire_fields(&reader, small, &out, &count));
    tl_arena_free(small);
}

/* --- frames on a socket --- */

static void *write_all(void *context)
{
    const struct tl_buf *frames = context;
    for (size_t at = 0; at < frames->size;) {
        ssize_t put = write(ends[1], frames->data + at, frames->size - at);
        if (put <= 0)
            break;
        at += (size_t)put;
    }
    close(ends[1]);
    ends[1] = -1;
    return NULL;
}

static enum tl_code receive(struct tl_buf *into, enum tl_wire_kind *kind, struct tl_str *body, bool *clean_end, struct tl_err *err)
{
    tl_err_init(err);
    return tl_wire_receive(ends[0], into, kind, body, clean_end, err);
}

static void test_frames_of_all_sizes_arrive_whole(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 7, 65535, 65536, 65537, 5 << 20};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    char *bytes = tl_arena_alloc(arena, 5 << 20);
    for (size_t i = 0; i < 5 << 20; i++)
        bytes[i] = (char)(i * 31);
    for (size_t i = 0; i < COUNT; i++) {
        size_t mark;
        tl_wire_begin(&buf, TL_WIRE_BATCH, &mark);
        tl_buf_add(&buf, bytes, sizes[i]);
        tl_wire_end(&buf, mark);
    }
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_all, &buf), 0);
    struct tl_buf frame;
    tl_buf_init(&frame, TL_WIRE_FRAME_MAX);
    enum tl_wire_kind kind;
    struct tl_str body;
    struct tl_err err;
    bool clean_end;
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(receive(&frame, &kind, &body, &clean_end, &err), TL_OK);
        assert_int_equal(kind, TL_WIRE_BATCH);
        assert_true(tl_str_equal(body, (struct tl_str){bytes, sizes[i]}));
        assert_int_equal((uintptr_t)body.data % 8, 0);
    }
    assert_int_equal(receive(&frame, &kind, &body, &clean_end, &err), TL_ENGINE_LOST);
    assert_true(clean_end);
    pthread_join(writer, NULL);
    tl_buf_done(&frame);
}

static void expect_lost(const void *bytes, size_t size, const char *why)
{
    assert_int_equal(write(ends[1], bytes, size), size);
    shutdown(ends[1], SHUT_WR);
    struct tl_buf frame;
    tl_buf_init(&frame, 1 << 20);
    enum tl_wire_kind kind;
    struct tl_str body;
    struct tl_err err;
    bool clean_end;
    assert_int_equal(receive(&frame, &kind, &body, &clean_end, &err), TL_ENGINE_LOST);
    assert_false(clean_end);
    if (!strstr(err.message, why))
        fail_msg("\"%s\" does not say \"%s\"", err.message, why);
    tl_buf_done(&frame);
}

static void test_end_inside_a_header_is_no_clean_end(void **state)
{
    (void)state;
    expect_lost("\1\0\0", 3, "closed within a frame");
}

static void test_end_inside_a_body_is_no_clean_end(void **state)
{
    (void)state;
    expect_lost("\5\0\0\0\1\0\0\0abc", 11, "closed within a frame");
}

static void test_unknown_kind_is_no_frame(void **state)
{
    (void)state;
    expect_lost("\0\0\0\0\77\0\0\0", 8, "not a frame");
}

static void test_used_padding_is_no_frame(void **state)
{
    (void)state;
    expect_lost("\0\0\0\0\1\1\0\0", 8, "not a frame");
}

static void test_frame_over_the_limit_is_no_frame(void **state)
{
    (void)state;
    expect_lost("\1\0\0\21\1\0\0\0", 8, "not a frame");
}

static void test_frame_over_the_buffers_limit_is_refused(void **state)
{
    (void)state;
    static char bytes[70000] = "\0\0\40\0\1\0\0\0"; /* says 2 MiB, the buffer takes 1 */
    struct tl_buf frame;
    tl_buf_init(&frame, 1000);
    enum tl_wire_kind kind;
    struct tl_str body;
    struct tl_err err;
    bool clean_end;
    assert_int_equal(write(ends[1], bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(receive(&frame, &kind, &body, &clean_end, &err), TL_ENGINE_LOST);
    assert_non_null(strstr(err.message, "the limit is 1000"));
    tl_buf_done(&frame);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_statement_reads_back),
        TEST(test_every_cut_message_is_refused),
        TEST(test_source_config_reads_back_and_is_bounded),
        TEST(test_dataset_reads_back),
        TEST(test_column_without_type_must_be_unsupported),
        TEST(test_fields_read_back),
        TEST(test_error_reads_back_in_full),
        TEST(test_error_that_is_none_is_refused),
        TEST(test_long_error_texts_are_cut),
        TEST(test_stats_read_back),
        TEST(test_failed_reader_stays_failed),
        TEST(test_names_with_nul_bytes_are_refused),
        TEST(test_message_that_outgrows_the_arena_is_refused),
        TEST(test_frames_of_all_sizes_arrive_whole),
        TEST(test_end_inside_a_header_is_no_clean_end),
        TEST(test_end_inside_a_body_is_no_clean_end),
        TEST(test_unknown_kind_is_no_frame),
        TEST(test_used_padding_is_no_frame),
        TEST(test_frame_over_the_limit_is_no_frame),
        TEST(test_frame_over_the_buffers_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
