/* Any text as a table's roll-up: it is refused, or every column has a role and tiers become coarser and older. */
#include <assert.h>

#include "door/rollup_testing_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(256 * 1024 * 1024);
    struct tl_err err;
    struct rollup_world world;
    struct rollup rollup;
    tl_err_init(&err);
    if (rollup_world_make(arena, "day", &world, &err) &&
        rollup_read(arena, &world.table, &world.schema, tl_arena_strndup(arena, (const char *)data, size), &rollup, &err) == TL_OK) {
        assert(rollup.time && rollup.tier_count >= 2 && rollup.tiers[rollup.tier_count - 1].for_us == -1);
        for (size_t i = 1; i < rollup.tier_count; i++)
            assert(rollup.tiers[i].grain > rollup.tiers[i - 1].grain);
        assert(rollup.tiers[rollup.tier_count - 1].grain <= ROLLUP_DAY); /* a day's partition holds no month */
    }
    tl_arena_free(arena);
    return 0;
}
