/* The tools that keep something for later: save_query and remember. */
#include "base/random.h"
#include "skipper/memory.h"
#include "skipper/saved.h"
#include "skipper/tool_int.h"

const char *tl_tool_new_id(struct tl_request *rq, const char *prefix)
{
    enum { BYTES = 8 };
    char text[2 * BYTES + 1];
    return tl_random_hex(text, BYTES, &rq->err) == TL_OK ? tl_arena_printf(rq->arena, "%s%s", prefix, text) : NULL;
}

TL_TOOL(save_query)
{
    const char *id;
    enum tl_code code = tl_saved_put(run->rq, run->tools, run->arguments, &id);
    if (code != TL_OK)
        return code;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "savedId", id);
    tl_json_pair_bool(json, "verified", false);
    tl_json_end_object(json);
    return TL_OK;
}

TL_TOOL(remember)
{
    const char *id, *state;
    enum tl_code code = tl_memory_add(run->rq, run->tools, run->arguments, &id, &state);
    if (code != TL_OK)
        return code;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "memoryId", id);
    tl_json_pair_text(json, "state", state);
    tl_json_end_object(json);
    return TL_OK;
}
