/* Sources over HTTP: list, add, test, refresh, remove.  Changing them needs the group `admin`. */
#include <string.h>

#include "api/api_int.h"
#include "base/clock.h"

enum { ANSWER_MAX = 16 * 1024 * 1024, CALL_TIME_US = 60 * 1000000 };

static bool may_change(struct tl_api_call *call)
{
    if (tl_principal_is_admin(call->rq.principal))
        return true;
    tl_err_set(&call->rq.err, TL_NOT_ALLOWED, "only members of the group \"admin\" change sources");
    tl_err_hint(&call->rq.err, "ask an administrator; GET /api/v1/me shows your groups");
    tl_api_fail(call);
    return false;
}

static void put_source(struct tl_json_writer *json, const struct tl_registry_source *source)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "name", source->name);
    tl_json_pair_text(json, "kind", source->kind);
    tl_json_pair_text(json, "comment", source->comment);
    tl_json_pair_text(json, "origin", source->origin);
    tl_json_pair_bool(json, "writable", source->writable);
    tl_json_pair_text(json, "state", source->state);
    tl_json_pair_text(json, "failure", source->failure);
    tl_json_pair_text(json, "hint", source->failure_hint);
    tl_json_pair_int64(json, "listed_at_us", source->listed_at_us);
    tl_json_pair_int64(json, "schemas", (int64_t)source->schema_count);
    tl_json_pair_int64(json, "datasets", (int64_t)source->dataset_count);
    tl_json_end_object(json);
}

void tl_api_sources_list(struct tl_api_call *call)
{
    const tl_registry_snapshot *snapshot = tl_registry_acquire(call->api->parts.registry);
    const struct tl_registry_source *sources;
    size_t count = tl_snapshot_sources(snapshot, &sources);
    struct tl_buf buf;
    tl_buf_init(&buf, ANSWER_MAX);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "sources");
    tl_json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        put_source(&json, &sources[i]);
    tl_json_end_array(&json);
    tl_json_end_object(&json);
    tl_registry_release(snapshot);
    tl_api_reply_json(call, 200, &buf);
}

static size_t read_options(struct tl_api_call *call, const tl_json *options, const struct tl_config_pair **ret_pairs)
{
    size_t count = 0, most = tl_json_count(options);
    struct tl_config_pair *pairs = TL_NEW_ARRAY(call->rq.arena, struct tl_config_pair, most);
    for (struct tl_json_iter iter = tl_json_iter(options); tl_json_next(&iter);) {
        struct tl_buf text;
        tl_buf_init(&text, 65536);
        if (tl_json_is_string(iter.value)) {
            struct tl_str value = tl_json_str(iter.value);
            tl_buf_add(&text, value.data, value.size);
        } else { /* numbers and booleans by their text */
            struct tl_json_writer writer;
            tl_json_writer_init(&writer, &text);
            tl_json_put_value(&writer, iter.value);
        }
        pairs[count++] = (struct tl_config_pair){iter.key, tl_arena_strndup(call->rq.arena, tl_buf_cstr(&text), text.size)};
        tl_buf_done(&text);
    }
    *ret_pairs = pairs;
    return count;
}

static void reply_source(struct tl_api_call *call, int status, const char *name)
{
    const tl_registry_snapshot *snapshot = tl_registry_acquire(call->api->parts.registry);
    const struct tl_registry_source *source = tl_snapshot_source(snapshot, name);
    struct tl_buf buf;
    tl_buf_init(&buf, ANSWER_MAX);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &buf);
    if (source)
        put_source(&json, source);
    else
        tl_buf_adds(&buf, "{}");
    tl_registry_release(snapshot);
    tl_api_reply_json(call, status, &buf);
}

void tl_api_sources_add(struct tl_api_call *call)
{
    if (!may_change(call))
        return;
    const tl_json *root = tl_api_read_body(call);
    if (!root)
        return;
    struct tl_config_source source = {
        .name = tl_json_get_text(root, "name"),
        .kind = tl_json_get_text(root, "kind"),
        .comment = tl_json_get_text(root, "comment"),
    };
    source.option_count = read_options(call, tl_json_get(root, "options"), &source.options);
    if (!source.name || !source.kind) {
        tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "a source needs \"name\" and \"kind\"");
        tl_err_hint(&call->rq.err, "GET /api/v1/source-kinds lists the kinds and their options");
        tl_api_fail(call);
        return;
    }
    call->rq.deadline_us = tl_clock_monotonic_us() + CALL_TIME_US;
    const struct tl_api_parts *parts = &call->api->parts;
    if (tl_registry_add(&call->rq, parts->registry, &source, "added", false, parts->allow_plain_secrets, true) != TL_OK) {
        tl_api_fail(call);
        return;
    }
    tl_err_init(&call->rq.err);
    if (tl_registry_refresh(&call->rq, parts->registry, source.name) != TL_OK)
        tl_err_init(&call->rq.err); /* kept all the same; its state says what is wrong */
    reply_source(call, 201, source.name);
}

void tl_api_sources_test(struct tl_api_call *call)
{
    const char *version = NULL;
    int64_t started_us = tl_clock_monotonic_us();
    call->rq.deadline_us = started_us + CALL_TIME_US;
    if (tl_registry_test(&call->rq, call->api->parts.registry, tl_api_param(call, "name"), &version) != TL_OK) {
        tl_api_fail(call);
        return;
    }
    struct tl_buf buf;
    tl_buf_init(&buf, ANSWER_MAX);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "version", version);
    tl_json_pair_int64(&json, "elapsed_ms", (tl_clock_monotonic_us() - started_us) / 1000);
    tl_json_end_object(&json);
    tl_api_reply_json(call, 200, &buf);
}

void tl_api_sources_refresh(struct tl_api_call *call)
{
    call->rq.deadline_us = tl_clock_monotonic_us() + CALL_TIME_US;
    if (tl_registry_refresh(&call->rq, call->api->parts.registry, tl_api_param(call, "name")) != TL_OK)
        tl_api_fail(call);
    else
        reply_source(call, 200, tl_api_param(call, "name"));
}

void tl_api_sources_remove(struct tl_api_call *call)
{
    if (!may_change(call))
        return;
    struct tl_grant_scope scope = {.source = tl_api_param(call, "name")};
    enum tl_code code = tl_registry_remove(&call->rq, call->api->parts.registry, scope.source);
    if (code == TL_OK)
        code = tl_lifeguard_dropped(&call->rq, call->api->parts.lifeguard, &scope);
    tl_api_reply_done(call, code);
}

static void put_option(struct tl_json_writer *json, const struct tl_source_option *option)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "name", option->name);
    tl_json_pair_text(json, "default", option->fallback);
    tl_json_pair_bool(json, "required", option->required);
    tl_json_pair_bool(json, "secret", option->secret);
    tl_json_pair_text(json, "help", option->help);
    tl_json_end_object(json);
}

void tl_api_source_kinds(struct tl_api_call *call)
{
    const struct tl_source_driver *const *drivers;
    size_t count = tl_registry_drivers(&drivers);
    struct tl_buf buf;
    tl_buf_init(&buf, ANSWER_MAX);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "kinds");
    tl_json_begin_array(&json);
    for (size_t i = 0; i < count; i++) {
        tl_json_begin_object(&json);
        tl_json_pair_text(&json, "kind", drivers[i]->kind);
        tl_json_pair_text(&json, "summary", drivers[i]->summary);
        tl_json_key(&json, "options");
        tl_json_begin_array(&json);
        for (const struct tl_source_option *option = drivers[i]->options; option && option->name; option++)
            put_option(&json, option);
        tl_json_end_array(&json);
        tl_json_end_object(&json);
    }
    tl_json_end_array(&json);
    tl_json_end_object(&json);
    tl_api_reply_json(call, 200, &buf);
}
