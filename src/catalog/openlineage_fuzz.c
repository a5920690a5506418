/* Any bytes as an event: read or refused with a reason, within the bounds, and nothing is named by nothing. */
#include <stdlib.h>

#include "catalog/openlineage_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(64 << 20);
    const tl_json *json;
    struct ol_event event;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_json_parse(arena, (const char *)data, size, &json, &err) == TL_OK) {
        enum tl_code code = ol_read(arena, json, &event, &err);
        if (code != TL_OK && !err.message[0])
            abort();
        for (size_t i = 0; code == TL_OK && i < event.edge_count; i++) {
            const struct lin_edge *edge = &event.edges[i];
            if (!edge->to.source || !edge->to.schema || !edge->to.table || !edge->from.source || !edge->from.schema || !edge->from.table ||
                !edge->to_column || !edge->from_column || !edge->how)
                abort();
        }
        if (code == TL_OK && (event.edge_count > OL_EDGES_MAX || event.output_count > OL_DATASETS_MAX + 1))
            abort();
    }
    tl_arena_free(arena);
    return 0;
}
