#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/batch.h"
#include "data/batch_testing_int.h"

static tl_arena *arena;
static struct tl_buf block;

static int setup(void **state)
{
    (void)state;
    arena = tl_arena_new(64 << 20);
    tl_buf_init(&block, 16 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tl_buf_done(&block);
    arena = tl_arena_free(arena);
    return 0;
}

/* A list of rows, a map and a text, two rows; row 1 is all NULL. */
static const struct tl_field *sample_fields(void)
{
    struct tl_field *fields = TL_NEW_ARRAY(arena, struct tl_field, 4);
    struct tl_type *parts = TL_NEW_ARRAY(arena, struct tl_type, 2);
    static const char *const names[] = {"x", "y"};
    parts[0] = tl_type_simple(TL_TYPE_INT16);
    parts[1] = tl_type_simple(TL_TYPE_VARCHAR);
    struct tl_type row = {.id = TL_TYPE_STRUCT, .child_count = 2, .children = parts, .child_names = names};
    fields[0] = (struct tl_field){"list", tl_type_list(arena, row)};
    fields[1] = (struct tl_field){"map", tl_type_map(arena, tl_type_simple(TL_TYPE_VARCHAR), tl_type_simple(TL_TYPE_DOUBLE))};
    fields[2] = (struct tl_field){"text", tl_type_simple(TL_TYPE_VARCHAR)};
    fields[3] = (struct tl_field){"big", tl_type_simple(TL_TYPE_INT128)};
    return fields;
}

static void put_sample(const struct tl_field *fields)
{
    static const uint8_t first_only[1] = {1};
    static const uint32_t two_then_none[3] = {0, 2, 2}, one_then_none[3] = {0, 1, 1}, ends[3] = {0, 1, 3};
    static const int16_t numbers[2] = {-1, 2};
    static const double values[1] = {0.5};
    static const __int128 bigs[2] = {-5, 0};
    const struct tl_type *row = &fields[0].type.children[0];
    struct tl_column parts[2] = {
        {.type = &row->children[0], .row_count = 2, .data = numbers},
        {.type = &row->children[1], .row_count = 2, .validity = first_only, .offsets = ends, .bytes = "abc"},
    };
    struct tl_column rows = {.type = row, .row_count = 2, .children = parts};
    struct tl_column entries[2] = {
        {.type = &fields[1].type.children[0], .row_count = 1, .offsets = two_then_none, .bytes = "kk"},
        {.type = &fields[1].type.children[1], .row_count = 1, .data = values},
    };
    struct tl_column columns[4] = {
        {.type = &fields[0].type, .row_count = 2, .validity = first_only, .offsets = two_then_none, .children = &rows},
        {.type = &fields[1].type, .row_count = 2, .validity = first_only, .offsets = one_then_none, .children = entries},
        {.type = &fields[2].type, .row_count = 2, .validity = first_only, .offsets = two_then_none, .bytes = "hi"},
        {.type = &fields[3].type, .row_count = 2, .validity = first_only, .data = bigs},
    };
    struct tl_batch batch = {.row_count = 2, .column_count = 4, .columns = columns};
    testing_put_batch(&block, &batch);
}

static const char *row_text(const struct tl_batch *batch, size_t row)
{
    static struct tl_buf buf;
    tl_buf_done(&buf);
    tl_buf_init(&buf, 4096);
    for (size_t i = 0; i < batch->column_count; i++) {
        tl_buf_adds(&buf, i ? "|" : "");
        tl_column_format_trino(&buf, &batch->columns[i], row);
    }
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

static enum tl_code decode(const struct tl_field *fields, size_t count, struct tl_str bytes, struct tl_batch **ret_batch,
                           struct tl_err *err)
{
    tl_err_init(err);
    return tl_batch_decode(arena, fields, count, bytes, ret_batch, err);
}

static void test_nested_columns_read_back(void **state)
{
    (void)state;
    const struct tl_field *fields = sample_fields();
    put_sample(fields);
    struct tl_batch *batch;
    struct tl_err err;
    assert_int_equal(decode(fields, 4, (struct tl_str){block.data, block.size}, &batch, &err), TL_OK);
    assert_int_equal(batch->row_count, 2);
    assert_string_equal(row_text(batch, 0), "[[-1,\"a\"],[2,null]]|{\"kk\":0.5}|\"hi\"|\"-5\"");
    assert_string_equal(row_text(batch, 1), "null|null|null|null");
}

static void test_misaligned_block_reads_the_same(void **state)
{
    (void)state;
    const struct tl_field *fields = sample_fields();
    put_sample(fields);
    char *shifted = tl_arena_alloc(arena, block.size + 1);
    memcpy(shifted + 1, block.data, block.size);
    struct tl_batch *batch;
    struct tl_err err;
    assert_int_equal(decode(fields, 4, (struct tl_str){shifted + 1, block.size}, &batch, &err), TL_OK);
    assert_string_equal(row_text(batch, 0), "[[-1,\"a\"],[2,null]]|{\"kk\":0.5}|\"hi\"|\"-5\"");
}

static void test_every_cut_block_is_refused(void **state)
{
    (void)state;
    const struct tl_field *fields = sample_fields();
    put_sample(fields);
    struct tl_batch *batch;
    struct tl_err err;
    for (size_t size = 0; size < block.size; size++) {
        char *cut = tl_heap_alloc(size); /* exact, so that reading beyond it is seen */
        memcpy(cut, block.data, size);
        assert_int_equal(decode(fields, 4, (struct tl_str){cut, size}, &batch, &err), TL_INTERNAL);
        assert_null(batch);
        free(cut);
    }
    tl_buf_addc(&block, 0);
    assert_int_equal(decode(fields, 4, (struct tl_str){block.data, block.size}, &batch, &err), TL_INTERNAL);
    assert_non_null(strstr(err.message, "left behind"));
}

static void expect_refused(const struct tl_field *field, const uint32_t *words, size_t count, const char *why)
{
    struct tl_batch *batch;
    struct tl_err err;
    const uint64_t *keep = memcpy(TL_NEW_ARRAY(arena, uint32_t, count), words, count * 4);
    assert_int_equal(decode(field, 1, (struct tl_str){(const char *)keep, count * 4}, &batch, &err), TL_INTERNAL);
    if (!strstr(err.message, why))
        fail_msg("\"%s\" does not say \"%s\"", err.message, why);
}

static void test_lies_about_sizes_are_refused(void **state)
{
    (void)state;
    const struct tl_field text = {"t", tl_type_simple(TL_TYPE_VARCHAR)}, number = {"n", tl_type_simple(TL_TYPE_INT64)};
    const struct tl_field list = {"l", tl_type_list(arena, tl_type_simple(TL_TYPE_NULL))};
    const uint32_t magic = 0x31424C54;
    expect_refused(&text, (uint32_t[]){magic, 1, 1, 0, 0, 0, 0, 9, 0, 0}, 10, "inside text");
    expect_refused(&text, (uint32_t[]){magic, 1, 1, 0, 0, 0, 1, 2, 0, 0}, 10, "do not rise");
    expect_refused(&text, (uint32_t[]){magic, 3, 1, 0, 0, 0, 0, 2, 1, 2, 0, 0}, 12, "do not rise");
    expect_refused(&text, (uint32_t[]){magic, UINT32_MAX, 1, 0, 0, 0, 0, 0}, 8, "inside offsets");
    expect_refused(&number, (uint32_t[]){magic, UINT32_MAX, 1, 0, 0, 0, 0, 0}, 8, "inside values");
    expect_refused(&number, (uint32_t[]){magic, 1, 1, 0, 2, 0, 0, 0}, 8, "head is missing");
    expect_refused(&number, (uint32_t[]){magic, 64, 1, 0, 1, 0}, 6, "validity bitmap");
    expect_refused(&number, (uint32_t[]){magic, 1, 2, 0, 0, 0, 0, 0}, 8, "another number of columns");
    expect_refused(&number, (uint32_t[]){magic + 1, 1, 1, 0, 0, 0, 0, 0}, 8, "not that of a batch");
    expect_refused(&number, (uint32_t[]){magic, 1, 1, 1, 0, 0, 0, 0}, 8, "not that of a batch");
    expect_refused(&list, (uint32_t[]){magic, 1, 1, 0, 0, 0, 0, 100000, 0, 0}, 10, "inside values");
}

static void test_rows_without_columns_are_refused(void **state)
{
    (void)state;
    uint32_t words[] = {0x31424C54, 0, 0, 0};
    struct tl_batch *batch;
    struct tl_err err;
    assert_int_equal(decode(NULL, 0, (struct tl_str){(char *)words, sizeof words}, &batch, &err), TL_OK);
    words[1] = 1;
    assert_int_equal(decode(NULL, 0, (struct tl_str){(char *)words, sizeof words}, &batch, &err), TL_INTERNAL);
}

static void test_builder_keeps_every_cell(void **state)
{
    (void)state;
    const struct tl_field fields[] = {{"t", tl_type_simple(TL_TYPE_VARCHAR)},
                                      {"i", tl_type_simple(TL_TYPE_INT64)},
                                      {"b", tl_type_simple(TL_TYPE_BOOLEAN)},
                                      {"d", tl_type_simple(TL_TYPE_DOUBLE)}};
    tl_batch_builder *builder = tl_batch_builder_new(arena, fields, 4);
    for (int64_t i = 0; i < 1000; i++) {
        char text[32];
        snprintf(text, sizeof text, "row %lld", (long long)i);
        tl_batch_builder_text(builder, i == 500 ? NULL : text);
        tl_batch_builder_int64(builder, i);
        tl_batch_builder_bool(builder, i % 2);
        if (i == 999)
            tl_batch_builder_null(builder);
        else
            tl_batch_builder_double(builder, (double)i / 2);
    }
    struct tl_batch *batch = tl_batch_builder_finish(builder);
    assert_int_equal(batch->row_count, 1000);
    assert_string_equal(row_text(batch, 7), "\"row 7\"|7|true|3.5");
    assert_string_equal(row_text(batch, 500), "null|500|false|250.0");
    assert_string_equal(row_text(batch, 999), "\"row 999\"|999|true|null");
    assert_null(batch->columns[1].validity);

    testing_put_batch(&block, batch);
    struct tl_batch *back;
    struct tl_err err;
    assert_int_equal(decode(fields, 4, (struct tl_str){block.data, block.size}, &back, &err), TL_OK);
    for (size_t row = 0; row < 1000; row++)
        assert_string_equal(row_text(back, row), row_text(batch, row));
}

static void test_builder_of_nothing_gives_no_rows(void **state)
{
    (void)state;
    const struct tl_field fields[] = {{"t", tl_type_simple(TL_TYPE_VARCHAR)}};
    struct tl_batch *batch = tl_batch_builder_finish(tl_batch_builder_new(arena, fields, 1));
    assert_int_equal(batch->row_count, 0);
    assert_int_equal(batch->column_count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nested_columns_read_back),
        TEST(test_misaligned_block_reads_the_same),
        TEST(test_every_cut_block_is_refused),
        TEST(test_lies_about_sizes_are_refused),
        TEST(test_rows_without_columns_are_refused),
        TEST(test_builder_keeps_every_cell),
        TEST(test_builder_of_nothing_gives_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
