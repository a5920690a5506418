#include "auth/scim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_int.h"
#include "auth/scim_int.h"
#include "auth/scim_store_int.h"
#include "base/clock.h"

enum { BODY_BYTES_MAX = 4 * 1024 * 1024, ANSWER_BYTES_MAX = 64 * 1024 * 1024, PAGE_DEFAULT = 100 };

/* One request on its way. */
struct handling {
    tl_auth *auth;
    tl_arena *arena;
    const struct tl_scim_call *call;
    struct tl_scim_answer *answer;
    struct tl_scim_state state;
    struct tl_scim_err err;
    const char *filter, *start_index, *count, *attributes, *excluded_attributes; /* of the query, or of a search's body */
};

/* ---- answers ---- */

static struct tl_str take_text(tl_arena *arena, struct tl_buf *buf)
{
    struct tl_str text = {tl_arena_strndup(arena, tl_buf_cstr(buf), buf->size), buf->size};
    tl_buf_done(buf);
    return text;
}

static void answer_error(tl_arena *arena, int status, const char *type, const char *detail, struct tl_scim_answer *answer)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    char number[16];
    tl_buf_init(&buf, ANSWER_BYTES_MAX);
    tl_json_writer_init(&json, &buf);
    snprintf(number, sizeof number, "%d", status);
    tl_json_begin_object(&json);
    tl_json_key(&json, "schemas");
    tl_json_begin_array(&json);
    tl_json_put_text(&json, "urn:ietf:params:scim:api:messages:2.0:Error");
    tl_json_end_array(&json);
    tl_json_pair_text(&json, "status", number);
    if (type)
        tl_json_pair_text(&json, "scimType", type);
    tl_json_pair_text(&json, "detail", detail);
    tl_json_end_object(&json);
    *answer = (struct tl_scim_answer){.status = status, .body = take_text(arena, &buf)};
}

void tl_scim_refuse(struct tl_request *rq, int status, struct tl_scim_answer *ret_answer)
{
    const char *hint = rq->err.hint;
    answer_error(rq->arena, status, NULL, tl_arena_printf(rq->arena, "%s%s%s", rq->err.message, hint[0] ? "; " : "", hint), ret_answer);
}

static const char *time_text(tl_arena *arena, int64_t time_us)
{
    char text[TL_CLOCK_TEXT_SIZE];
    tl_clock_text(text, time_us, 3);
    return tl_arena_strdup(arena, text);
}

static const char *version_text(tl_arena *arena, int64_t version)
{
    return tl_arena_printf(arena, "W/\"%lld\"", (long long)version);
}

static void put_meta(struct handling *h, struct tl_json_writer *json, const struct tl_scim_resource *resource)
{
    tl_json_key(json, "meta");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "resourceType", tl_scim_type_name(resource->type));
    tl_json_pair_text(json, "created", time_text(h->arena, resource->created_at_us));
    tl_json_pair_text(json, "lastModified", time_text(h->arena, resource->changed_at_us));
    tl_json_pair_text(json, "location", tl_arena_printf(h->arena, "%s/%ss/%s", h->call->base_url, tl_scim_type_name(resource->type), resource->id));
    tl_json_pair_text(json, "version", version_text(h->arena, resource->version));
    tl_json_end_object(json);
}

/* Is the attribute among the names, separated by commas?  A name of a part ("name.givenName") asks for the whole. */
static bool is_listed(const char *names, const char *attribute)
{
    size_t size = strlen(attribute);
    while (*names) {
        names += strspn(names, ", ");
        size_t end = strcspn(names, ", ");
        const char *core = end > 2 && strncmp(names, "urn:", 4) == 0 && strncmp(attribute, "urn:", 4) != 0 ? memrchr(names, ':', end) : NULL;
        const char *name = core ? core + 1 : names;
        size_t left = end - (size_t)(name - names);
        if (left >= size && tl_str_equal_nocase((struct tl_str){name, size}, (struct tl_str){attribute, size}) &&
            (left == size || name[size] == '.' || name[size] == ':'))
            return true;
        names += end;
    }
    return false;
}

static bool is_wanted(const struct handling *h, const char *attribute)
{
    if (h->attributes)
        return is_listed(h->attributes, attribute);
    return !h->excluded_attributes || !is_listed(h->excluded_attributes, attribute);
}

static void put_resource(struct handling *h, struct tl_json_writer *json, const struct tl_scim_resource *resource)
{
    tl_json_begin_object(json);
    tl_json_key(json, "schemas");
    tl_json_begin_array(json);
    tl_json_put_text(json, tl_scim_schema_id(resource->type));
    if (tl_scim_get(resource->body, TL_SCIM_EXTENSION))
        tl_json_put_text(json, TL_SCIM_EXTENSION);
    tl_json_end_array(json);
    tl_json_pair_text(json, "id", resource->id);
    for (const tl_scim_node *member = resource->body->first; member; member = member->next) {
        if (strcmp(member->key, "id") == 0 || !is_wanted(h, member->key))
            continue;
        tl_json_key(json, member->key);
        tl_scim_node_write(member, json);
    }
    if (is_wanted(h, "meta"))
        put_meta(h, json, resource);
    tl_json_end_object(json);
}

static void answer_resource(struct handling *h, int status, const struct tl_scim_resource *resource)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_BYTES_MAX);
    tl_json_writer_init(&json, &buf);
    put_resource(h, &json, resource);
    *h->answer = (struct tl_scim_answer){
        .status = status,
        .version = version_text(h->arena, resource->version),
        .location = tl_arena_printf(h->arena, "%s/%ss/%s", h->call->base_url, tl_scim_type_name(resource->type), resource->id),
        .body = take_text(h->arena, &buf),
    };
}

static void begin_list(struct tl_json_writer *json, int64_t total, int64_t start, int64_t count)
{
    tl_json_begin_object(json);
    tl_json_key(json, "schemas");
    tl_json_begin_array(json);
    tl_json_put_text(json, "urn:ietf:params:scim:api:messages:2.0:ListResponse");
    tl_json_end_array(json);
    tl_json_pair_int64(json, "totalResults", total);
    tl_json_pair_int64(json, "startIndex", start);
    tl_json_pair_int64(json, "itemsPerPage", count);
    tl_json_key(json, "Resources");
    tl_json_begin_array(json);
}

static void end_list(struct tl_json_writer *json)
{
    tl_json_end_array(json);
    tl_json_end_object(json);
}

/* ---- resources ---- */

static bool read_number(const char *text, int64_t fallback, int64_t *ret_number, struct tl_scim_err *err)
{
    char *end;
    *ret_number = fallback;
    if (!text)
        return true;
    *ret_number = strtoll(text, &end, 10);
    return (text[0] && !*end) || tl_scim_fail(err, 400, "invalidValue", "startIndex and count are numbers");
}

static bool wrong_method(struct handling *h)
{
    return tl_scim_fail(&h->err, 405, NULL, "%.20s is not offered here", h->call->method);
}

/* The resources of the types from first to last, one type after the other. */
static bool list(struct handling *h, enum tl_scim_type first, enum tl_scim_type last)
{
    struct tl_scim_page pages[2] = {{.filter = NULL}};
    int64_t start, count, total = 0, used = 0;
    struct tl_buf buf;
    struct tl_json_writer json;
    if (!read_number(h->start_index, 1, &start, &h->err) || !read_number(h->count, PAGE_DEFAULT, &count, &h->err) ||
        (h->filter && !tl_scim_filter_parse(h->arena, h->filter, &pages[first].filter, &h->err)))
        return false;
    start = start < 1 ? 1 : start;
    for (int type = first; type <= (int)last; type++) {
        struct tl_scim_page *page = &pages[type];
        *page = (struct tl_scim_page){.filter = pages[first].filter, .start = start - total, .count = count - used};
        if (!tl_scim_store_list(&h->state, (enum tl_scim_type)type, page))
            return false;
        total += page->total;
        used += (int64_t)page->resource_count;
    }
    tl_buf_init(&buf, ANSWER_BYTES_MAX);
    tl_json_writer_init(&json, &buf);
    begin_list(&json, total, start, used);
    for (int type = first; type <= (int)last; type++)
        for (size_t i = 0; i < pages[type].resource_count; i++)
            put_resource(h, &json, &pages[type].resources[i]);
    end_list(&json);
    *h->answer = (struct tl_scim_answer){.status = 200, .body = take_text(h->arena, &buf)};
    return true;
}

static bool read_document(struct handling *h, const tl_scim_node **ret_document)
{
    const tl_json *json = NULL;
    struct tl_err err;
    tl_err_init(&err);
    if (h->call->body.size > BODY_BYTES_MAX)
        return tl_scim_fail(&h->err, 413, NULL, "the body has %zu bytes, the limit is %d", h->call->body.size, BODY_BYTES_MAX);
    if (tl_json_parse(h->arena, h->call->body.data, h->call->body.size, &json, &err) != TL_OK || !tl_json_is_object(json))
        return tl_scim_fail(&h->err, 400, "invalidSyntax", "the body is not a JSON object");
    *ret_document = tl_scim_node_of(h->arena, json);
    return true;
}

/* A text, a number, or a list of texts as one text with commas; NULL when it is missing. */
static const char *search_text(struct handling *h, const tl_scim_node *document, const char *name)
{
    const tl_scim_node *value = tl_scim_get(document, name);
    if (!value || value->kind != TL_SCIM_LIST)
        return value && (value->kind == TL_SCIM_TEXT || value->kind == TL_SCIM_NUMBER) ? value->text.data : NULL;
    struct tl_buf buf;
    tl_buf_init(&buf, TL_SCIM_FILTER_BYTES_MAX);
    for (const tl_scim_node *item = value->first; item; item = item->next)
        if (item->kind == TL_SCIM_TEXT)
            tl_buf_addf(&buf, "%s%s", buf.size ? "," : "", item->text.data);
    return take_text(h->arena, &buf).data;
}

static bool search(struct handling *h, enum tl_scim_type first, enum tl_scim_type last)
{
    const tl_scim_node *document;
    if (strcmp(h->call->method, "POST") != 0)
        return wrong_method(h);
    if (!read_document(h, &document))
        return false;
    h->filter = search_text(h, document, "filter");
    h->start_index = search_text(h, document, "startIndex");
    h->count = search_text(h, document, "count");
    h->attributes = search_text(h, document, "attributes");
    h->excluded_attributes = search_text(h, document, "excludedAttributes");
    return list(h, first, last);
}

/* W/"7" of If-Match; 0 = any version. */
static bool read_version(struct handling *h, int64_t *ret_version)
{
    const char *text = h->call->if_match, *digits = text ? strchr(text, '"') : NULL;
    *ret_version = 0;
    if (!text || strcmp(text, "*") == 0)
        return true;
    char *end;
    *ret_version = digits ? strtoll(digits + 1, &end, 10) : 0;
    return *ret_version > 0 || tl_scim_fail(&h->err, 412, NULL, "there is no version %.40s", text);
}

static bool create(struct handling *h, enum tl_scim_type type)
{
    const tl_scim_node *document;
    tl_scim_node *body;
    struct tl_scim_resource resource;
    if (!read_document(h, &document) || !tl_scim_conform_resource(h->arena, h->state.schemas, type, document, &body, &h->err) ||
        !tl_scim_store_create(&h->state, type, body, &resource))
        return false;
    answer_resource(h, 201, &resource);
    return true;
}

static bool get(struct handling *h, enum tl_scim_type type, const char *id)
{
    struct tl_scim_resource resource;
    if (!tl_scim_store_get(&h->state, type, id, &resource))
        return false;
    answer_resource(h, 200, &resource);
    if (tl_streq(h->call->if_none_match, h->answer->version))
        *h->answer = (struct tl_scim_answer){.status = 304, .version = h->answer->version};
    return true;
}

static bool change(struct handling *h, enum tl_scim_type type, const char *id, bool patch)
{
    const tl_scim_node *document;
    tl_scim_node *body = NULL;
    struct tl_scim_resource resource;
    int64_t version;
    if (!read_version(h, &version) || !read_document(h, &document) ||
        (!patch && !tl_scim_conform_resource(h->arena, h->state.schemas, type, document, &body, &h->err)) ||
        !tl_scim_store_change(&h->state, type, id, version, body, document, &resource))
        return false;
    answer_resource(h, 200, &resource);
    return true;
}

static bool forget(struct handling *h, enum tl_scim_type type, const char *id)
{
    int64_t version;
    if (!read_version(h, &version) || !tl_scim_store_delete(&h->state, type, id, version))
        return false;
    *h->answer = (struct tl_scim_answer){.status = 204};
    return true;
}

static bool handle_resource(struct handling *h, enum tl_scim_type type, const char *id)
{
    const char *method = h->call->method;
    if (!id)
        return strcmp(method, "GET") == 0 ? list(h, type, type) : strcmp(method, "POST") == 0 ? create(h, type) : wrong_method(h);
    if (strcmp(id, ".search") == 0)
        return search(h, type, type);
    if (strcmp(method, "GET") == 0)
        return get(h, type, id);
    if (strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0)
        return change(h, type, id, method[1] == 'A');
    return strcmp(method, "DELETE") == 0 ? forget(h, type, id) : wrong_method(h);
}

/* ---- what is offered ---- */

static const char provider_config[] =
    "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig\"],\"patch\":{\"supported\":true},"
    "\"bulk\":{\"supported\":false,\"maxOperations\":0,\"maxPayloadSize\":0},\"filter\":{\"supported\":true,\"maxResults\":1000},"
    "\"changePassword\":{\"supported\":false},\"sort\":{\"supported\":false},\"etag\":{\"supported\":true},"
    "\"authenticationSchemes\":[{\"type\":\"oauthbearertoken\",\"name\":\"Token\",\"description\":\"a token with the scope scim, as Bearer\","
    "\"primary\":true}],\"meta\":{\"resourceType\":\"ServiceProviderConfig\",\"location\":\"%s/ServiceProviderConfig\"}}";

static const char resource_type[] =
    "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:ResourceType\"],\"id\":\"%1$s\",\"name\":\"%1$s\",\"endpoint\":\"/%1$ss\","
    "\"description\":\"%2$s\",\"schema\":\"%3$s\",\"schemaExtensions\":[%4$s],\"meta\":{\"resourceType\":\"ResourceType\",\"location\":"
    "\"%5$s/ResourceTypes/%1$s\"}}";

static struct tl_str type_document(struct handling *h, enum tl_scim_type type)
{
    const char *extension = type == TL_SCIM_USER ? "{\"schema\":\"" TL_SCIM_EXTENSION "\",\"required\":false}" : "";
    return tl_str_of(tl_arena_printf(h->arena, resource_type, tl_scim_type_name(type), type == TL_SCIM_USER ? "People" : "Groups of users",
                                     tl_scim_schema_id(type), extension, h->call->base_url));
}

static void put_schema(struct handling *h, struct tl_json_writer *json, const tl_json *schema)
{
    tl_json_begin_object(json);
    for (struct tl_json_iter it = tl_json_iter(schema); tl_json_next(&it);) {
        tl_json_key(json, it.key);
        tl_json_put_value(json, it.value);
    }
    tl_json_key(json, "meta");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "resourceType", "Schema");
    tl_json_pair_text(json, "location", tl_arena_printf(h->arena, "%s/Schemas/%s", h->call->base_url, tl_json_get_text(schema, "id")));
    tl_json_end_object(json);
    tl_json_end_object(json);
}

/* All, or the one of the id. */
static bool describe_schemas(struct handling *h, const char *id)
{
    const tl_json *schemas = tl_scim_schemas_list(h->state.schemas);
    struct tl_buf buf;
    struct tl_json_writer json;
    bool found = !id;
    tl_buf_init(&buf, ANSWER_BYTES_MAX);
    tl_json_writer_init(&json, &buf);
    if (!id)
        begin_list(&json, (int64_t)tl_json_count(schemas), 1, (int64_t)tl_json_count(schemas));
    for (struct tl_json_iter it = tl_json_iter(schemas); tl_json_next(&it);) {
        if (id && !tl_streq_nocase(tl_json_get_text(it.value, "id"), id))
            continue;
        found = true;
        put_schema(h, &json, it.value);
    }
    if (!id)
        end_list(&json);
    *h->answer = (struct tl_scim_answer){.status = 200, .body = take_text(h->arena, &buf)};
    return found || tl_scim_fail(&h->err, 404, NULL, "there is no schema \"%.100s\"", id);
}

static bool describe_types(struct handling *h, const char *id)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    for (int type = TL_SCIM_USER; id && type <= TL_SCIM_GROUP; type++)
        if (strcmp(tl_scim_type_name((enum tl_scim_type)type), id) == 0) {
            *h->answer = (struct tl_scim_answer){.status = 200, .body = type_document(h, (enum tl_scim_type)type)};
            return true;
        }
    if (id)
        return tl_scim_fail(&h->err, 404, NULL, "there is no resource type \"%.60s\"", id);
    tl_buf_init(&buf, ANSWER_BYTES_MAX);
    tl_json_writer_init(&json, &buf);
    begin_list(&json, 2, 1, 2);
    tl_json_put_raw(&json, type_document(h, TL_SCIM_USER));
    tl_json_put_raw(&json, type_document(h, TL_SCIM_GROUP));
    end_list(&json);
    *h->answer = (struct tl_scim_answer){.status = 200, .body = take_text(h->arena, &buf)};
    return true;
}

static bool describe(struct handling *h, const char *what, const char *id)
{
    bool config = strcmp(what, "ServiceProviderConfig") == 0, schemas = strcmp(what, "Schemas") == 0;
    if (!config && !schemas && strcmp(what, "ResourceTypes") != 0)
        return tl_scim_fail(&h->err, 404, NULL, "there is no \"%.60s\" here", what);
    if (strcmp(h->call->method, "GET") != 0)
        return wrong_method(h);
    if (!config)
        return schemas ? describe_schemas(h, id) : describe_types(h, id);
    *h->answer = (struct tl_scim_answer){.status = 200, .body = tl_str_of(tl_arena_printf(h->arena, provider_config, h->call->base_url))};
    return true;
}

/* "Users/2819" in its two parts, decoded. */
static bool dispatch(struct handling *h)
{
    const char *path = h->call->path, *slash = strchr(path, '/');
    size_t size = slash ? (size_t)(slash - path) : strlen(path);
    const char *what = tl_http_decode(h->arena, path, size, false);
    const char *id = slash && slash[1] ? tl_http_decode(h->arena, slash + 1, strlen(slash + 1), false) : NULL;
    if (!what || (slash && slash[1] && (!id || strchr(slash + 1, '/'))))
        return tl_scim_fail(&h->err, 404, NULL, "there is nothing at this address");
    if (strcmp(what, "Users") == 0 || strcmp(what, "Groups") == 0)
        return handle_resource(h, what[0] == 'U' ? TL_SCIM_USER : TL_SCIM_GROUP, id);
    return strcmp(what, ".search") == 0 && !id ? search(h, TL_SCIM_USER, TL_SCIM_GROUP) : describe(h, what, id);
}

void tl_scim_handle(struct tl_request *rq, tl_auth *auth, const struct tl_scim_call *call, struct tl_scim_answer *ret_answer)
{
    struct handling h = {.auth = auth, .arena = rq->arena, .call = call, .answer = ret_answer, .filter = call->filter,
                         .start_index = call->start_index, .count = call->count, .attributes = call->attributes,
                         .excluded_attributes = call->excluded_attributes};
    *ret_answer = (struct tl_scim_answer){.status = 500};
    h.state = (struct tl_scim_state){auth->store, rq->arena, auth->scim_schemas, call->base_url, tl_auth_now_us(auth), &rq->err, &h.err};
    if (!auth->scim_schemas) {
        answer_error(rq->arena, 404, NULL, "SCIM is off here; it is on with scim.enabled", ret_answer);
        return;
    }
    bool good = tl_auth_need_store(auth, &rq->err) == TL_OK && dispatch(&h) && tl_arena_check(rq->arena, "the request", &rq->err) == TL_OK;
    if (h.err.status)
        answer_error(rq->arena, h.err.status, h.err.type, h.err.detail, ret_answer);
    else if (!good)
        tl_scim_refuse(rq, tl_code_info(rq->err.code)->http_status, ret_answer);
}

/* ---- somebody's groups, for signing in ---- */

struct looking {
    tl_arena *arena;
    struct tl_identity *identity;
    const char *id;
    bool inactive;
    size_t count;
    const char **groups;
};

static void take_attributes(struct looking *looking, const tl_scim_node *holder)
{
    for (const tl_scim_node *member = holder ? holder->first : NULL; member; member = member->next) {
        static const char *const left_out[] = {"userName", "externalId", "displayName", "nickName"};
        struct tl_principal_attribute attribute = {member->key, member->text.data};
        bool wanted = member->kind == TL_SCIM_TEXT;
        for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
            wanted = wanted && strcmp(left_out[i], member->key) != 0;
        if (wanted)
            tl_identity_add_attributes(looking->arena, looking->identity, 1, &attribute);
    }
}

static enum tl_code take_user(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct looking *looking = context;
    const tl_json *json = NULL;
    (void)cell_count;
    looking->id = tl_arena_strndup(looking->arena, cells[0].bytes.data, cells[0].bytes.size);
    looking->inactive = cells[1].integer == 0;
    if (tl_json_parse(looking->arena, cells[2].bytes.data, cells[2].bytes.size, &json, err) != TL_OK)
        return err->code;
    tl_scim_node *body = tl_scim_node_of(looking->arena, json);
    take_attributes(looking, body);
    take_attributes(looking, tl_scim_get(body, TL_SCIM_EXTENSION));
    return TL_OK;
}

static enum tl_code take_name(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct looking *looking = context;
    (void)cell_count;
    (void)err;
    if (looking->count <= TL_GROUPS_MAX) /* one more is too many, and told as such */
        looking->groups[looking->count++] = tl_arena_strndup(looking->arena, cells[0].bytes.data, cells[0].bytes.size);
    return TL_OK;
}

static enum tl_code look_up(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct looking *looking = context;
    char *folded = tl_arena_strdup(looking->arena, looking->identity->user);
    for (char *c = folded; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    const struct tl_store_value name = TL_STORE_T(folded);
    if (tl_store_run(tx, "SELECT id, active, body FROM scim_resource WHERE type = 'User' AND folded = ?1", &name, 1, take_user, looking, err) !=
            TL_OK ||
        !looking->id)
        return err->code;
    const struct tl_store_value id = TL_STORE_T(looking->id);
    return tl_store_run(tx,
                        "WITH RECURSIVE up(id) AS (SELECT group_id FROM scim_member WHERE member_id = ?1 UNION SELECT m.group_id FROM scim_member m "
                        "JOIN up ON m.member_id = up.id) SELECT r.name FROM scim_resource r JOIN up ON r.id = up.id ORDER BY r.name",
                        &id, 1, take_name, looking, err);
}

enum tl_code tl_scim_add(tl_auth *auth, tl_arena *arena, struct tl_identity *identity, struct tl_err *err)
{
    struct looking looking = {.arena = arena, .identity = identity, .groups = TL_NEW_ARRAY(arena, const char *, TL_GROUPS_MAX + 1)};
    if (!auth->scim_schemas)
        return TL_OK;
    if (tl_auth_need_store(auth, err) != TL_OK || tl_store_read(auth->store, look_up, &looking, err) != TL_OK)
        return err->code;
    if (looking.inactive) {
        tl_err_set(err, TL_UNAUTHENTICATED, "the user \"%s\" is not active", identity->user);
        tl_err_hint(err, "the identity provider has taken the user out; ask who runs it");
        return TL_UNAUTHENTICATED;
    }
    return tl_identity_add_groups(arena, identity, looking.count, looking.groups, err);
}
