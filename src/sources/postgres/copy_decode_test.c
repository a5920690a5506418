#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sources/postgres/copy_decode.h"

/* --- numeric --- */

/* The bytes of numeric_send for a decimal text, made the long way round. */
static size_t encode_numeric(const char *text, uint8_t *bytes)
{
    char digits[128] = {0};
    bool negative = *text == '-';
    text += negative;
    const char *point = strchr(text, '.');
    size_t whole = point ? (size_t)(point - text) : strlen(text), fraction = point ? strlen(point + 1) : 0;
    size_t lead = (4 - whole % 4) % 4, tail = (4 - fraction % 4) % 4, at = 0;
    for (size_t i = 0; i < lead; i++)
        digits[at++] = '0';
    memcpy(digits + at, text, whole);
    at += whole;
    if (point)
        memcpy(digits + at, point + 1, fraction);
    at += fraction;
    for (size_t i = 0; i < tail; i++)
        digits[at++] = '0';
    size_t groups = at / 4, first = 0;
    int weight = (int)((lead + whole) / 4) - 1;
    while (first < groups && memcmp(digits + first * 4, "0000", 4) == 0) {
        first++;
        weight--;
    }
    while (groups > first && memcmp(digits + (groups - 1) * 4, "0000", 4) == 0)
        groups--;
    uint16_t head[4] = {(uint16_t)(groups - first), (uint16_t)weight, negative ? 0x4000 : 0, (uint16_t)fraction};
    size_t size = 0;
    for (size_t i = 0; i < 4; i++) {
        bytes[size++] = (uint8_t)(head[i] >> 8);
        bytes[size++] = (uint8_t)head[i];
    }
    for (size_t i = first; i < groups; i++) {
        char group[5] = {0};
        memcpy(group, digits + i * 4, 4);
        long digit = strtol(group, NULL, 10);
        bytes[size++] = (uint8_t)(digit >> 8);
        bytes[size++] = (uint8_t)digit;
    }
    return size;
}

/* Digits without point, as they should come out at this scale. */
static __int128 expected_value(const char *text, int scale)
{
    bool negative = *text == '-', behind = false;
    __int128 value = 0;
    for (text += negative; *text; text++) {
        if (*text == '.') {
            behind = true;
            continue;
        }
        value = value * 10 + (*text - '0');
        scale -= behind;
    }
    for (; scale > 0; scale--)
        value *= 10;
    return negative ? -value : value;
}

static void test_numerics_are_exact_at_every_scale(void **state)
{
    (void)state;
    static const char *const texts[] = {"0", "1", "-1", "9999", "10000", "10001", "0.1", "0.01", "0.0001", "0.00001",
                                        "0.00010001", "123456789.123456789", "99999999999999999999", "-0.5", "1000000000000000000000",
                                        "12345678901234567890123456789", "0.00000000000000000001"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *point = strchr(texts[i], '.');
        int fraction = point ? (int)strlen(point + 1) : 0, whole = (int)strcspn(texts[i], ".");
        for (int scale = 0; scale <= 38; scale++) {
            uint8_t bytes[128];
            size_t size = encode_numeric(texts[i], bytes);
            __int128 value = 0;
            enum tl_postgres_numeric result = tl_postgres_decode_numeric(bytes, size, 38, scale, &value);
            if (scale < fraction) {
                assert_int_equal(result, TL_POSTGRES_NUMERIC_INEXACT);
            } else if (result == TL_POSTGRES_NUMERIC_OK) {
                assert_true(value == expected_value(texts[i], scale));
            } else {
                assert_int_equal(result, TL_POSTGRES_NUMERIC_TOO_LARGE);
                assert_true(whole + scale > 38);
            }
        }
    }
}

static void test_random_numerics_are_exact(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252U;
    for (int round = 0; round < 200000; round++) {
        char text[64];
        size_t size = 0;
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        int scale = (int)(random % 12), whole = 1 + (int)(random / 16 % 18);
        if (random >> 40 & 1)
            text[size++] = '-';
        uint64_t digits = random;
        for (int i = 0; i < whole + scale; i++) {
            if (i == whole)
                text[size++] = '.';
            text[size++] = (char)('0' + digits % 10);
            digits = digits / 10 ? digits / 10 : random >> 3;
        }
        text[size] = '\0';
        uint8_t bytes[128];
        __int128 value = 0;
        size = encode_numeric(text, bytes);
        int precision = whole + scale;
        assert_int_equal(tl_postgres_decode_numeric(bytes, size, precision, scale, &value), TL_POSTGRES_NUMERIC_OK);
        if (value != expected_value(text, scale))
            fail_msg("%s at scale %d", text, scale);
    }
}

static void test_numerics_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[128];
    __int128 value;
    size_t size = encode_numeric("1000", bytes);
    assert_int_equal(tl_postgres_decode_numeric(bytes, size, 3, 0, &value), TL_POSTGRES_NUMERIC_TOO_LARGE);
    assert_int_equal(tl_postgres_decode_numeric(bytes, size, 4, 0, &value), TL_POSTGRES_NUMERIC_OK);
    assert_int_equal(tl_postgres_decode_numeric(bytes, size, 4, 1, &value), TL_POSTGRES_NUMERIC_TOO_LARGE);
    assert_int_equal(tl_postgres_decode_numeric(bytes, size - 1, 4, 0, &value), TL_POSTGRES_NUMERIC_MALFORMED);
    assert_int_equal(tl_postgres_decode_numeric(bytes, 7, 4, 0, &value), TL_POSTGRES_NUMERIC_MALFORMED);
    bytes[4] = 0x11;
    assert_int_equal(tl_postgres_decode_numeric(bytes, size, 4, 0, &value), TL_POSTGRES_NUMERIC_MALFORMED);
    uint8_t huge[] = {0, 1, 0x7F, 0xFF, 0, 0, 0, 0, 0, 1}; /* 10000^32767 */
    assert_int_equal(tl_postgres_decode_numeric(huge, sizeof huge, 38, 0, &value), TL_POSTGRES_NUMERIC_TOO_LARGE);
    uint8_t tiny[] = {0, 1, 0x80, 0x00, 0, 0, 0, 0, 0, 1};
    assert_int_equal(tl_postgres_decode_numeric(tiny, sizeof tiny, 38, 38, &value), TL_POSTGRES_NUMERIC_INEXACT);
    uint8_t digit[] = {0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10}; /* a digit of 10000 */
    assert_int_equal(tl_postgres_decode_numeric(digit, sizeof digit, 38, 0, &value), TL_POSTGRES_NUMERIC_MALFORMED);
}

/* --- the stream --- */

struct stream {
    tl_arena *arena;
    struct tl_postgres_field field;
    struct tl_type type;
    struct tl_postgres_decoder decoder;
    struct tl_chunk *chunk;
    struct tl_err err;
};

static void open_stream(struct stream *stream, enum tl_postgres_form form, enum tl_type_id id)
{
    *stream = (struct stream){.arena = tl_arena_new(1 << 20),
                              .field = {.form = form, .name = "c", .source_type = "int"},
                              .type = tl_type_simple(id)};
    stream->decoder = (struct tl_postgres_decoder){.fields = &stream->field, .field_count = 1, .where = "table \"t\""};
    const struct tl_type *types[] = {&stream->type};
    stream->chunk = tl_chunk_new(stream->arena, types, 1);
    tl_err_init(&stream->err);
}

#define HEADER "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define FEED(stream, literal) \
    tl_postgres_decode(&(stream)->decoder, literal, sizeof(literal) - 1, (stream)->chunk, &(stream)->err)

static void test_header_rows_and_trailer_are_taken(void **state)
{
    (void)state;
    struct stream stream;
    open_stream(&stream, TL_POSTGRES_INT4, TL_TYPE_INT32);
    assert_int_equal(FEED(&stream, HEADER "\0\1\0\0\0\4\0\0\0\x2A"), TL_OK);
    assert_int_equal(FEED(&stream, "\0\1\377\377\377\377"), TL_OK);
    assert_int_equal(stream.chunk->row_count, 2);
    assert_int_equal(((int32_t *)stream.chunk->columns[0].data)[0], 42);
    assert_true(tl_vector_is_null(&stream.chunk->columns[0], 1));
    assert_false(stream.decoder.ended);
    assert_int_equal(FEED(&stream, "\377\377"), TL_OK);
    assert_true(stream.decoder.ended);
    assert_int_equal(FEED(&stream, "\0\1\0\0\0\4\0\0\0\x2A"), TL_SOURCE_PROTOCOL);
    tl_arena_free(stream.arena);
}

#define REFUSED(form, id, literal, part) \
    do { \
        struct stream stream; \
        open_stream(&stream, form, id); \
        assert_int_equal(FEED(&stream, literal), TL_SOURCE_PROTOCOL); \
        assert_non_null(strstr(stream.err.message, part)); \
        assert_int_equal(stream.chunk->row_count, 0); \
        tl_arena_free(stream.arena); \
    } while (0)

static void test_bytes_that_are_no_copy_data_are_refused(void **state)
{
    (void)state;
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, "", "not binary COPY data");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, "HTTP/1.1 400 Bad Request", "not binary COPY data");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, "PGCOPY\n\377\r\n\0\0\1\0\0\0\0\0\0", "object ids");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, "PGCOPY\n\377\r\n\0\200\0\0\0\0\0\0\0", "unknown version");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, "PGCOPY\n\377\r\n\0\0\0\0\0\377\377\377\377", "longer than its message");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, HEADER "\0", "number of columns");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, HEADER "\0\2\0\0\0\4\0\0\0\1", "another number of columns");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, HEADER "\377\376", "another number of columns");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, HEADER "\0\1\0\0", "ends too early");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, HEADER "\0\1\0\0\0\4\0\0\0", "longer than its row");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, HEADER "\0\1\377\377\377\376", "longer than its row");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, HEADER "\0\1\0\0\0\3\0\0\0", "wrong size");
    REFUSED(TL_POSTGRES_INT4, TL_TYPE_INT32, HEADER "\0\1\0\0\0\4\0\0\0\1\0", "behind the last column");
    REFUSED(TL_POSTGRES_TEXT, TL_TYPE_VARCHAR, HEADER "\0\1\0\0\0\2\303(", "UTF-8");
    REFUSED(TL_POSTGRES_TEXT, TL_TYPE_VARCHAR, HEADER "\0\1\0\0\0\12abcdefgh\355\240", "UTF-8");
    REFUSED(TL_POSTGRES_JSONB, TL_TYPE_JSON, HEADER "\0\1\0\0\0\3\2{}", "version");
    REFUSED(TL_POSTGRES_TIME, TL_TYPE_TIME, HEADER "\0\1\0\0\0\10\377\0\0\0\0\0\0\0", "24 hours");
}

static void test_arrays_cannot_claim_more_than_they_hold(void **state)
{
    (void)state;
    static const struct tl_postgres_field element = {.form = TL_POSTGRES_INT4, .name = "c", .source_type = "int[]"};
    static const struct tl_type int4 = {.id = TL_TYPE_INT32};
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } cases[] = {
#define CASE(literal, part) {literal, sizeof(literal) - 1, part}
        CASE("\0\0\0\1\0\0\0\0\0\0\0\27\377\377\377\377\0\0\0\1", "more elements than bytes"),
        CASE("\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\1", "ends too early"),
        CASE("\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0\1\0\0\0\1\0\0\0\377\0\0\0\1", "longer than its array"),
        CASE("\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0\1\0\0\0\1\377\377\377\377\0", "behind the last element"),
        CASE("\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0", "without its dimensions"),
        CASE("\0\0\0\377\0\0\0\0\0\0\0\27", "impossible number of dimensions"),
        CASE("\0\0\0\1", "without its header"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream stream;
        uint8_t message[128] = HEADER "\0\1\0\0\0";
        open_stream(&stream, TL_POSTGRES_ARRAY, TL_TYPE_LIST);
        stream.field.element = &element;
        stream.field.dimensions = 1;
        stream.type = tl_type_list(stream.arena, int4);
        const struct tl_type *types[] = {&stream.type};
        stream.chunk = tl_chunk_new(stream.arena, types, 1);
        message[24] = (uint8_t)cases[i].size;
        memcpy(message + 25, cases[i].bytes, cases[i].size);
        assert_int_equal(tl_postgres_decode(&stream.decoder, message, 25 + cases[i].size, stream.chunk, &stream.err),
                         TL_SOURCE_PROTOCOL);
        if (!strstr(stream.err.message, cases[i].part))
            fail_msg("%zu: %s", i, stream.err.message);
        tl_arena_free(stream.arena);
    }
}

static size_t put_average(uint8_t *bytes, const char *sum, const char *number)
{
    static const uint8_t head[20] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 6, 0xA4, 0, 0, 0, 2, 0, 0, 0, 1};
    const char *const parts[] = {sum, number};
    size_t size = sizeof head;
    memcpy(bytes, head, size);
    for (size_t i = 0; i < 2; i++) {
        size_t part = encode_numeric(parts[i], bytes + size + 4);
        memcpy(bytes + size, (uint8_t[]){0, 0, 0, (uint8_t)part}, 4);
        size += 4 + part;
    }
    return size;
}

static void test_averages_are_divided_as_the_engine_does(void **state)
{
    (void)state;
    static const struct {
        const char *sum, *number;
        uint8_t scale;
        double average;
    } cases[] = {{"10", "4", 0, 2.5}, {"-10", "4", 0, -2.5}, {"0.10", "4", 2, 0.025}, {"1", "3", 0, 1.0 / 3}, {"1", "0", 0, 0}, {"1", "-1", 0, 0},
                 {"0.5", "1", 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t cut = 0; cut < 3; cut++) {
            struct stream stream;
            uint8_t message[160] = HEADER "\0\1\0\0\0";
            open_stream(&stream, TL_POSTGRES_AVERAGE, TL_TYPE_DOUBLE);
            stream.field.scale = cases[i].scale;
            size_t size = put_average(message + 25, cases[i].sum, cases[i].number) - cut;
            message[24] = (uint8_t)size;
            enum tl_code code = tl_postgres_decode(&stream.decoder, message, 25 + size, stream.chunk, &stream.err);
            if (cut > 0 || i >= 4)
                assert_true(code == TL_SOURCE_PROTOCOL || code == TL_INVALID_VALUE);
            else
                assert_true(code == TL_OK && ((double *)stream.chunk->columns[0].data)[0] == cases[i].average);
            tl_arena_free(stream.arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numerics_are_exact_at_every_scale),
        cmocka_unit_test(test_random_numerics_are_exact),
        cmocka_unit_test(test_numerics_that_do_not_fit_are_refused),
        cmocka_unit_test(test_header_rows_and_trailer_are_taken),
        cmocka_unit_test(test_bytes_that_are_no_copy_data_are_refused),
        cmocka_unit_test(test_arrays_cannot_claim_more_than_they_hold),
        cmocka_unit_test(test_averages_are_divided_as_the_engine_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
