/* Any bytes as a document of groups: refused with a reason, or somebody's groups are within their bounds. */
#include <stdlib.h>
#include <string.h>

#include "auth/directory_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(64 << 20);
    tl_directory *directory;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_directory_parse((struct tl_str){(const char *)data, size}, &directory, &err) == TL_OK) {
        static const char *const users[] = {"ana@example.com", "ANA@example.com", "ben", ""};
        size_t counts[4];
        for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
            struct tl_identity identity = {.user = users[i]};
            tl_err_init(&err);
            if (tl_directory_add(directory, arena, &identity, &err) == TL_OK && identity.group_count > TL_GROUPS_MAX)
                abort();
            if (identity.attribute_count > TL_ATTRIBUTES_MAX)
                abort();
            counts[i] = identity.group_count;
        }
        if (counts[0] != counts[1] || counts[3] != 0)
            abort();
    } else if (directory || !err.message[0]) {
        abort();
    }
    tl_directory_release(directory);
    tl_arena_free(arena);
    return 0;
}
