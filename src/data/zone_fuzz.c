/* TZif files of any bytes: refused or read, and every instant has an offset of less than a day and a bit. */
#include <assert.h>

#include "base/arena.h"
#include "data/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t instants[] = {INT64_MIN / 2, -1, 0, 1700000000, 4102444800, INT64_MAX / 1000000};
    tl_arena *arena = tl_arena_new(1 << 24);
    struct tl_err err;
    const tl_zone *zone;
    tl_err_init(&err);
    if (tl_zone_parse(arena, "Fuzz/Zone", (struct tl_str){(const char *)data, size}, &zone, &err) == TL_OK)
        for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
            int32_t offset = tl_zone_offset(zone, instants[i]);
            assert(offset > -200 * 3600 && offset < 200 * 3600);
        }
    tl_arena_free(arena);
    return 0;
}
