/* What one person may see, dataset by dataset: for gateways and agents that plan before they ask. */
#include "base/clock.h"
#include "lifeguard/lifeguard_int.h"

enum { SCRATCH_MAX = 64 * 1024 * 1024 };

static void put_masks(struct tl_json_writer *json, const struct tl_dataset_grant *grant)
{
    struct tl_buf form;
    tl_buf_init(&form, TL_MASK_TEXT_MAX + 1);
    tl_json_key(json, "masks");
    tl_json_begin_object(json);
    for (size_t i = 0; i < grant->column_count; i++) {
        if (grant->masks[i].form == TL_MASK_NONE)
            continue;
        tl_buf_clear(&form);
        tl_mask_format(&form, &grant->masks[i]);
        tl_json_pair_text(json, grant->columns[i], tl_buf_cstr(&form));
    }
    tl_json_end_object(json);
    tl_buf_done(&form);
}

static void put_grant(struct tl_json_writer *json, tl_arena *arena, const struct tl_access_need *need, const struct lg_decision *decision,
                      const struct tl_dataset_grant *grant)
{
    const struct tl_grant_scope scope = {.source = need->source, .schema = need->schema, .table = need->table};
    unsigned held = grant->partial ? TL_PRIVILEGE_READ : decision->allow & ~decision->deny; /* who sees a part changes nothing */
    tl_json_begin_object(json);
    tl_json_pair_text(json, "table", lg_scope_text(arena, &scope));
    tl_json_key(json, "name");
    tl_json_begin_array(json);
    tl_json_put_text(json, need->source);
    tl_json_put_text(json, need->schema);
    tl_json_put_text(json, need->table);
    tl_json_end_array(json);
    tl_json_pair_bool(json, "writes", held & (TL_PRIVILEGE_WRITE | TL_PRIVILEGE_OWN) || decision->made_it);
    lg_texts_put(json, "columns", grant->column_count, grant->columns);
    put_masks(json, grant);
    tl_json_pair_bool(json, "some_rows", grant->row_rule_count > 0);
    tl_json_end_object(json);
}

void tl_lifeguard_put_access(tl_lifeguard *lifeguard, const struct tl_principal *user, const struct tl_access_need *need, struct tl_json_writer *json)
{
    struct lg_decision decision;
    struct tl_dataset_grant grant;
    if (lg_is_broken(lifeguard))
        return;
    tl_arena *scratch = tl_arena_new(SCRATCH_MAX);
    const struct lg_snapshot *snapshot = lg_acquire(lifeguard);
    struct lg_who who = lg_who_of(lifeguard, scratch, user, tl_clock_wall_us(), false);
    lg_decide(lifeguard, snapshot, scratch, &who, need, &decision);
    if (lg_allowed(&decision, need)) {
        lg_grant_of(lifeguard, snapshot, scratch, user, need, &decision, &grant);
        put_grant(json, scratch, need, &decision, &grant);
    }
    lg_release(snapshot);
    tl_arena_free(scratch);
}
