/* u8 which message, then its body: what is believed can be written, and what was written reads and writes the same. */
#include <stdlib.h>
#include <string.h>

#include "engine/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGES = 6 };

/* Reads one message and writes it again; false when it was refused. */
static bool copy_message(int which, tl_arena *arena, struct tl_str body, struct tl_buf *out)
{
    struct tl_wire_reader reader = {.left = body};
    struct tl_engine_statement statement;
    struct tl_source_config config;
    struct tl_source_dataset dataset;
    struct tl_field *fields;
    struct tl_result_stats stats;
    struct tl_err err;
    size_t count;
    bool good;
    switch (which) {
    case 0:
        good = tl_wire_statement(&reader, arena, &statement);
        if (good)
            tl_wire_put_statement(out, &statement);
        break;
    case 1:
        good = tl_wire_config(&reader, arena, &config);
        if (good)
            tl_wire_put_config(out, &config);
        break;
    case 2:
        good = tl_wire_dataset(&reader, arena, &dataset);
        if (good)
            tl_wire_put_dataset(out, &dataset);
        break;
    case 3:
        good = tl_wire_fields(&reader, arena, &fields, &count);
        if (good)
            tl_wire_put_fields(out, fields, count);
        break;
    case 4:
        good = tl_wire_error(&reader, &err);
        if (good)
            tl_wire_put_error(out, &err);
        break;
    default:
        good = tl_wire_stats(&reader, arena, &stats);
        if (good)
            tl_wire_put_stats(out, &stats);
    }
    if (good == reader.failed)
        abort();
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    tl_arena *arena = tl_arena_new(16 << 20);
    struct tl_buf once, twice;
    tl_buf_init(&once, 16 << 20);
    tl_buf_init(&twice, 16 << 20);
    int which = data[0] % MESSAGES;
    if (copy_message(which, arena, (struct tl_str){(const char *)data + 1, size - 1}, &once)) {
        if (!copy_message(which, arena, (struct tl_str){once.data, once.size}, &twice))
            abort();
        if (once.size != twice.size || memcmp(once.data, twice.data, once.size) != 0)
            abort();
    }
    tl_buf_done(&once);
    tl_buf_done(&twice);
    tl_arena_free(arena);
    return 0;
}
