/* The decoder alone: streams made by hand, in pieces, cut, wrong, with an exception behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sources/clickhouse/native.h"

enum { ARENA_BYTES = 1 << 28 };

#define TAG "abcdefghijklmnop"
/* one String column "v" with two rows: "a text of 16 byt", "b" */
#define TWO_ROWS                                                                                                       \
    "\x01\x00\x02\xff\xff\xff\xff\x00\x01\x02\x01v\x06String\x10"                                                      \
    "a text of 16 byt\x01"                                                                                             \
    "b"
#define NO_ROWS              "\x01\x00\x02\xff\xff\xff\xff\x00\x01\x00\x01v\x06String"
#define LOW_CARDINALITY_HEAD "\x01\x00\x02\xff\xff\xff\xff\x00\x01\x02\x01v\x16LowCardinality(String)"

struct pieces {
    const char *at;
    size_t left, size;
    char *piece;
};

static enum tl_code next_piece(void *context, struct tl_str *ret_bytes, struct tl_err *err)
{
    struct pieces *pieces = context;
    size_t size = pieces->size < pieces->left ? pieces->size : pieces->left;
    (void)err;
    free(pieces->piece);
    pieces->piece = tl_heap_alloc(size + 1);
    memcpy(pieces->piece, pieces->at, size);
    pieces->at += size;
    pieces->left -= size;
    *ret_bytes = (struct tl_str){pieces->piece, size};
    return TL_OK;
}

static enum tl_code next_piece_into(void *context, char *room, size_t room_size, size_t *ret_size, struct tl_err *err)
{
    struct tl_str bytes;
    enum tl_code code = next_piece(context, &bytes, err);
    assert_true(room_size >= TL_NATIVE_READ_ROOM && bytes.size <= room_size);
    memcpy(room, bytes.data, bytes.size);
    *ret_size = bytes.size;
    return code;
}

static bool straight; /* read_into is offered */

/* All texts of the stream's one column, joined by "|". */
static enum tl_code read_all(const char *bytes, size_t size, size_t piece_size, const char *tag, struct tl_buf *texts,
                             struct tl_err *err)
{
    struct tl_native_column column = {.name = "v", .type = {.id = TL_TYPE_VARCHAR}};
    const struct tl_type *type = &column.type;
    struct pieces pieces = {bytes, size, piece_size, NULL};
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_chunk *chunk = tl_chunk_new(arena, &type, 1);
    tl_native_reader *reader = tl_native_reader_new(
        (struct tl_native_input){next_piece, straight ? next_piece_into : NULL, &pieces}, &column, 1, tag);
    tl_native_block *block = tl_native_block_new();
    enum tl_code code = TL_OK;
    bool end = false;
    tl_err_init(err);
    while (code == TL_OK && !end) {
        code = tl_native_read(reader, block, &end, err);
        if (code == TL_OK && !end) {
            tl_chunk_reset(chunk);
            code = tl_native_convert(block, 0, 0, tl_native_rows(block), &chunk->columns[0], err);
        }
        for (size_t row = 0; code == TL_OK && !end && row < tl_native_rows(block); row++) {
            struct tl_str text = tl_vector_text(&chunk->columns[0], row);
            tl_buf_add(texts, text.data, text.size);
            tl_buf_addc(texts, '|');
        }
    }
    tl_native_block_free(block);
    tl_native_reader_free(reader);
    tl_arena_free(arena);
    free(pieces.piece);
    return code;
}

#define CHECK(stream, piece_size, tag, expected_code, expected_texts)                                                  \
    do {                                                                                                               \
        struct tl_buf texts;                                                                                           \
        tl_buf_init(&texts, 1 << 20);                                                                                  \
        if (read_all(stream, sizeof(stream) - 1, piece_size, tag, &texts, &err) != (expected_code))                    \
            fail_msg("%s (%s)", err.message, err.detail);                                                              \
        assert_string_equal(tl_buf_cstr(&texts), expected_texts);                                                      \
        tl_buf_done(&texts);                                                                                           \
    } while (0)

static void test_blocks_are_read_in_pieces_of_any_size(void **state)
{
    (void)state;
    struct tl_err err;
    for (size_t size = 1; size < 120; size++) {
        CHECK(TWO_ROWS NO_ROWS TWO_ROWS, size, TAG, TL_OK, "a text of 16 byt|b|a text of 16 byt|b|");
        CHECK("", size, TAG, TL_OK, "");
        CHECK(NO_ROWS, size, TAG, TL_OK, "");
    }
}

static void test_a_stream_cut_anywhere_within_a_block_is_an_error(void **state)
{
    (void)state;
    static const char stream[] = TWO_ROWS;
    struct tl_err err;
    for (size_t size = 1; size + 1 < sizeof stream; size++) {
        struct tl_buf texts;
        tl_buf_init(&texts, 1 << 20);
        assert_int_equal(read_all(stream, size, 1000, TAG, &texts, &err), TL_SOURCE_PROTOCOL);
        assert_int_equal(texts.size, 0);
        tl_buf_done(&texts);
    }
}

#define EXCEPTION                                                                                                      \
    "\r\n__exception__\r\n" TAG "\r\nCode: 395. DB::Exception: the words. (NAME) (version 26.7.2.1)\n62 " TAG          \
    "\r\n__exception__\r\n"

static void test_an_exception_behind_the_rows_is_the_error(void **state)
{
    (void)state;
    struct tl_err err;
    for (size_t size = 1; size < 200; size++) {
        CHECK(TWO_ROWS EXCEPTION, size, TAG, TL_SOURCE_FAILED, "a text of 16 byt|b|");
        assert_string_equal(err.detail, "Code: 395. DB::Exception: the words. (NAME)");
    }
    /* alone, and within a block that it cuts short */
    CHECK(EXCEPTION, 7, TAG, TL_SOURCE_FAILED, "");
    CHECK(LOW_CARDINALITY_HEAD EXCEPTION, 7, TAG, TL_SOURCE_FAILED, "");
    assert_string_equal(err.detail, "Code: 395. DB::Exception: the words. (NAME)");
}

static void test_words_of_an_old_server_stand_alone(void **state)
{
    (void)state;
    struct tl_err err;
    CHECK(TWO_ROWS "Code: 159. DB::Exception: Timeout exceeded", 7, NULL, TL_TIME_EXCEEDED, "a text of 16 byt|b|");
    assert_string_equal(err.detail, "Code: 159. DB::Exception: Timeout exceeded");
}

/* Rows that say "exception" are rows. */
static void test_only_the_tag_of_the_answer_makes_an_exception(void **state)
{
    (void)state;
    struct tl_err err;
    CHECK("\x01\x00\x02\xff\xff\xff\xff\x00\x01\x01\x01v\x06String\x21"
          "\r\n__exception__\r\nqrstuvwxyzabcdef",
          9, TAG, TL_OK, "\r\n__exception__\r\nqrstuvwxyzabcdef|");
    CHECK(TWO_ROWS "\r\n__exception__\r\nqrstuvwxyzabcdef\r\nCode: 1. x", 9, TAG, TL_SOURCE_PROTOCOL,
          "a text of 16 byt|b|");
}

static void test_failures_have_codes_of_ours(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum tl_code code;
    } cases[] = {
        {"Code: 43. DB::Exception: Illegal type of argument", TL_SOURCE_REJECTED},
        {"Code: 70. DB::Exception: Value cannot be safely converted", TL_SOURCE_REJECTED},
        {"Code: 47. DB::Exception: Unknown identifier", TL_SOURCE_CHANGED},
        {"Code: 201. DB::Exception: Quota exceeded", TL_SOURCE_UNAVAILABLE},
        {"Code: 241. DB::Exception: Memory limit exceeded (version 1)", TL_SOURCE_FAILED},
        {"Code: 516. DB::Exception: no", TL_SOURCE_AUTH},
        {"Code: 60. DB::Exception: no table", TL_TABLE_NOT_FOUND},
        {"Code: 394. DB::Exception: killed", TL_CANCELLED},
        {"Code: 202. DB::Exception: too many", TL_SOURCE_UNAVAILABLE},
        {"Code: ", TL_SOURCE_FAILED},
        {"", TL_SOURCE_FAILED},
        {"Code: 99999999999999", TL_SOURCE_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tl_err err;
        tl_err_init(&err);
        assert_int_equal(tl_clickhouse_exception(tl_str_of(cases[i].text), 0, &err), cases[i].code);
        assert_null(strstr(err.detail, "version"));
    }
}

static void test_wrong_streams_are_refused(void **state)
{
    (void)state;
    struct tl_err err;
    /* another number of columns, another type, an unknown description, far too many rows, a string beyond any block */
    CHECK("\x01\x00\x02\xff\xff\xff\xff\x00\x02\x01\x01v\x06String\x01"
          "a",
          1000, TAG, TL_SOURCE_PROTOCOL, "");
    CHECK("\x01\x00\x02\xff\xff\xff\xff\x00\x01\x01\x01v\x05UInt8\x01", 1000, TAG, TL_SOURCE_CHANGED, "");
    CHECK("\x01\x00\x09\xff\xff\xff\xff\x00\x01\x01\x01v\x06String\x01"
          "a",
          1000, TAG, TL_SOURCE_PROTOCOL, "");
    CHECK("\x01\x00\x02\xff\xff\xff\xff\x00\x01\xff\xff\xff\xff\xff\x01\x01v\x06String", 1000, TAG, TL_TOO_LARGE, "");
    CHECK("\x01\x00\x02\xff\xff\xff\xff\x00\x01\x01\x01v\x06String\xff\xff\xff\xff\x7f", 1000, TAG, TL_TOO_LARGE, "");
    CHECK("\x01\x00\x02\xff\xff\xff\xff\x00\x01\x01\x01v\x06String\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 1000,
          TAG, TL_SOURCE_PROTOCOL, "");
    /* the type changes between blocks */
    CHECK(TWO_ROWS LOW_CARDINALITY_HEAD, 1000, TAG, TL_SOURCE_PROTOCOL, "a text of 16 byt|b|");
}

#define ONE "\x01\x00\x00\x00\x00\x00\x00\x00"
#define TWO "\x02\x00\x00\x00\x00\x00\x00\x00"

static void test_dictionaries_are_checked(void **state)
{
    (void)state;
    struct tl_err err;
    CHECK(LOW_CARDINALITY_HEAD ONE "\x00\x06\x00\x00\x00\x00\x00\x00" TWO "\x00\x01"
                                   "x" TWO "\x01\x00",
          3, TAG, TL_OK, "x||");
    /* an index outside, another number of rows, an unknown version, a dictionary of other streams */
    CHECK(LOW_CARDINALITY_HEAD ONE "\x00\x06\x00\x00\x00\x00\x00\x00" TWO "\x00\x01"
                                   "x" TWO "\x02\x00",
          3, TAG, TL_SOURCE_PROTOCOL, "");
    CHECK(LOW_CARDINALITY_HEAD ONE "\x00\x06\x00\x00\x00\x00\x00\x00" TWO "\x00\x01"
                                   "x" ONE "\x01",
          3, TAG, TL_SOURCE_PROTOCOL, "");
    CHECK(LOW_CARDINALITY_HEAD TWO, 3, TAG, TL_SOURCE_PROTOCOL, "");
    CHECK(LOW_CARDINALITY_HEAD ONE "\x00\x05\x00\x00\x00\x00\x00\x00", 3, TAG, TL_SOURCE_PROTOCOL, "");
}

static void test_a_failed_stream_stays_failed(void **state)
{
    (void)state;
    struct tl_native_column column = {.name = "v"};
    static const char stream[] = "garbage" TWO_ROWS;
    struct pieces pieces = {stream, sizeof stream - 1, 7, NULL};
    tl_native_reader *reader = tl_native_reader_new((struct tl_native_input){.read = next_piece, .context = &pieces}, &column, 1, TAG);
    tl_native_block *block = tl_native_block_new();
    struct tl_err err;
    bool end;
    for (int i = 0; i < 3; i++) {
        tl_err_init(&err);
        assert_int_equal(tl_native_read(reader, block, &end, &err), TL_SOURCE_PROTOCOL);
    }
    tl_native_block_free(block);
    tl_native_reader_free(reader);
    free(pieces.piece);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_read_in_pieces_of_any_size),
        cmocka_unit_test(test_a_stream_cut_anywhere_within_a_block_is_an_error),
        cmocka_unit_test(test_an_exception_behind_the_rows_is_the_error),
        cmocka_unit_test(test_words_of_an_old_server_stand_alone),
        cmocka_unit_test(test_only_the_tag_of_the_answer_makes_an_exception),
        cmocka_unit_test(test_failures_have_codes_of_ours),
        cmocka_unit_test(test_wrong_streams_are_refused),
        cmocka_unit_test(test_dictionaries_are_checked),
        cmocka_unit_test(test_a_failed_stream_stays_failed),
    };
    int failed = cmocka_run_group_tests_name("native", tests, NULL, NULL);
    straight = true;
    return failed + cmocka_run_group_tests_name("native, read straight into the block", tests, NULL, NULL);
}
