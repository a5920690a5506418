/* Any bytes as an answer of S3: nothing is read beyond them, and what is escaped reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "io/s3_xml_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(64 << 20);
    char *exact = malloc(size ? size : 1); /* its own block, so that a byte too many is seen */
    memcpy(exact, data, size);
    struct tl_str document = {exact, size}, item;
    for (size_t at = 0; s3_xml_next(document, &at, "Contents", &item);) {
        if (at > size || item.size > size)
            abort();
        const char *key = s3_xml_text(arena, item, "Key"), *time = s3_xml_text(arena, item, "LastModified");
        if (time)
            (void)s3_xml_time_ms(time);
        if (!key)
            continue;
        struct tl_buf buf;
        tl_buf_init(&buf, 16 << 20);
        tl_buf_adds(&buf, "<Key>");
        s3_xml_escape(&buf, key);
        tl_buf_adds(&buf, "</Key>");
        const char *again = s3_xml_text(arena, (struct tl_str){buf.data, buf.size}, "Key");
        if (!again || strcmp(again, key) != 0)
            abort();
        tl_buf_done(&buf);
    }
    (void)s3_xml_text(arena, document, "NextContinuationToken");
    (void)s3_xml_text(arena, document, "Code");
    free(exact);
    tl_arena_free(arena);
    return 0;
}
