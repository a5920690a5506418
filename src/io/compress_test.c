#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <lz4.h>
#include <zstd.h>

#include "io/compress.h"

enum { SIZE = 100000 };

static void fill(char *bytes)
{
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)("row 0123456789"[i % 14] + (i * i % 97 == 0));
}

static void test_blocks_come_back_as_they_were(void **state)
{
    (void)state;
    static char bytes[SIZE], back[SIZE];
    fill(bytes);
    for (int how = TL_COMPRESSION_LZ4; how <= TL_COMPRESSION_ZSTD; how++) {
        struct tl_buf buf;
        tl_buf_init(&buf, 2 * SIZE);
        tl_buf_adds(&buf, "before");
        tl_compressor *compressor = tl_compressor_new((enum tl_compression)how);
        for (int round = 0; round < 2; round++) { /* its memory serves again */
            buf.size = 6;
            assert_true(tl_compress(compressor, (struct tl_str){bytes, SIZE}, &buf));
        }
        tl_compressor_free(compressor);
        assert_true(buf.size < SIZE / 2);
        const char *block = buf.data + 6;
        size_t size = buf.size - 6;
        memset(back, 0, SIZE);
        if (how == TL_COMPRESSION_LZ4)
            assert_int_equal(LZ4_decompress_safe(block, back, (int)size, SIZE), SIZE);
        else
            assert_int_equal(ZSTD_decompress(back, SIZE, block, size), SIZE);
        assert_memory_equal(bytes, back, SIZE);
        tl_buf_done(&buf);
    }
}

static void test_no_room_and_no_way_are_told(void **state)
{
    (void)state;
    static char bytes[SIZE];
    fill(bytes);
    struct tl_buf buf;
    tl_buf_init(&buf, 100);
    tl_compressor *zstd = tl_compressor_new(TL_COMPRESSION_ZSTD), *none = tl_compressor_new(TL_COMPRESSION_NONE);
    assert_false(tl_compress(zstd, (struct tl_str){bytes, SIZE}, &buf));
    tl_buf_done(&buf);
    tl_buf_init(&buf, 2 * SIZE);
    assert_false(tl_compress(none, (struct tl_str){bytes, SIZE}, &buf));
    assert_int_equal(buf.size, 0);
    tl_compressor_free(zstd);
    tl_compressor_free(none);
    tl_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_come_back_as_they_were),
        cmocka_unit_test(test_no_room_and_no_way_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
