/* Routes of the Iceberg REST catalog, and errors in its form. */
#include "lake/lake_int.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "io/http.h"

enum { SEGMENTS_MAX = 8 };

typedef enum tl_code (*route_handler)(struct tl_lake_route_call *rest, struct tl_err *err);

static enum tl_code rest_config(struct tl_lake_route_call *rest, struct tl_err *err);
static enum tl_code rest_config_exists(struct tl_lake_route_call *rest, struct tl_err *err);
static enum tl_code rest_metrics(struct tl_lake_route_call *rest, struct tl_err *err);

/* "{n}" is a namespace, "{t}" a table or view.  `listed`: told to clients; the others are answered for those who do not ask.
 * A route without a right is the engine's alone. */
static const struct route {
    const char *method, *path;
    route_handler run;
    enum tl_lake_right right;
    bool body;
    bool listed;
    const char *act; /* for the record; NULL = nothing worth it */
} routes[] = {
    {"GET", "config", rest_config, TL_LAKE_RIGHT_KNOW, false, false, NULL},
    {"HEAD", "config", rest_config_exists, TL_LAKE_RIGHT_KNOW, false, false, NULL},
    {"GET", "namespaces", tl_lake_rest_namespaces, TL_LAKE_RIGHT_KNOW, false, true, NULL},
    {"POST", "namespaces", tl_lake_rest_namespace_add, TL_LAKE_RIGHT_BODY, true, true, "create"},
    {"GET", "namespaces/{n}", tl_lake_rest_namespace, TL_LAKE_RIGHT_KNOW, false, true, NULL},
    {"HEAD", "namespaces/{n}", tl_lake_rest_namespace_exists, TL_LAKE_RIGHT_KNOW, false, true, NULL},
    {"DELETE", "namespaces/{n}", tl_lake_rest_namespace_remove, TL_LAKE_RIGHT_DROP, false, true, "drop"},
    {"POST", "namespaces/{n}/properties", tl_lake_rest_namespace_properties, TL_LAKE_RIGHT_DROP, true, true, "properties"},
    {"GET", "namespaces/{n}/tables", tl_lake_rest_tables, TL_LAKE_RIGHT_KNOW, false, true, NULL},
    {"POST", "namespaces/{n}/tables", tl_lake_rest_table_create, TL_LAKE_RIGHT_BODY, true, true, "create"},
    {"POST", "namespaces/{n}/register", tl_lake_rest_table_register, TL_LAKE_RIGHT_BODY, true, true, "register"},
    {"GET", "namespaces/{n}/tables/{t}", tl_lake_rest_table, TL_LAKE_RIGHT_READ, false, true, "load"},
    {"HEAD", "namespaces/{n}/tables/{t}", tl_lake_rest_table_exists, TL_LAKE_RIGHT_KNOW, false, true, NULL},
    {"POST", "namespaces/{n}/tables/{t}", tl_lake_rest_table_commit, TL_LAKE_RIGHT_BODY, true, true, "commit"},
    {"DELETE", "namespaces/{n}/tables/{t}", tl_lake_rest_table_remove, TL_LAKE_RIGHT_DROP, false, true, "drop"},
    {"GET", "namespaces/{n}/tables/{t}/credentials", tl_lake_rest_credentials, TL_LAKE_RIGHT_READ, false, true, "credentials"},
    {"POST", "namespaces/{n}/tables/{t}/sign", tl_lake_rest_sign, TL_LAKE_RIGHT_BODY, true, true, NULL},
    {"POST", "namespaces/{n}/tables/{t}/plan", tl_lake_rest_plan, TL_LAKE_RIGHT_READ, true, true, "plan"},
    {"POST", "namespaces/{n}/tables/{t}/tasks", tl_lake_rest_plan_task, TL_LAKE_RIGHT_READ, true, true, NULL},
    {"POST", "namespaces/{n}/tables/{t}/metrics", rest_metrics, TL_LAKE_RIGHT_KNOW, false, true, NULL},
    {"POST", "tables/rename", tl_lake_rest_table_rename, TL_LAKE_RIGHT_BODY, true, true, "rename"},
    {"POST", "transactions/commit", tl_lake_rest_transaction, TL_LAKE_RIGHT_BODY, true, true, "commit"},
    {"GET", "namespaces/{n}/views", tl_lake_rest_views, TL_LAKE_RIGHT_KNOW, false, true, NULL},
    {"POST", "namespaces/{n}/views", tl_lake_rest_view_create, TL_LAKE_RIGHT_BODY, true, true, "create_view"},
    {"GET", "namespaces/{n}/views/{t}", tl_lake_rest_view, TL_LAKE_RIGHT_KNOW, false, true, NULL},
    {"HEAD", "namespaces/{n}/views/{t}", tl_lake_rest_view_exists, TL_LAKE_RIGHT_KNOW, false, true, NULL},
    {"POST", "namespaces/{n}/views/{t}", tl_lake_rest_view_replace, TL_LAKE_RIGHT_DROP, true, true, "replace_view"},
    {"DELETE", "namespaces/{n}/views/{t}", tl_lake_rest_view_remove, TL_LAKE_RIGHT_DROP, false, true, "drop_view"},
    {"POST", "views/rename", tl_lake_rest_view_rename, TL_LAKE_RIGHT_BODY, true, true, "rename_view"},
    {"GET", "namespaces/{n}/dropped", tl_lake_rest_dropped, TL_LAKE_RIGHT_KNOW, false, true, NULL},
    {"POST", "namespaces/{n}/undrop", tl_lake_rest_undrop, TL_LAKE_RIGHT_BODY, true, true, "undrop"},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

/* --- the catalog itself --- */

enum tl_code tl_lake_open(tl_store *store, const char *warehouse, tl_lake **ret_lake, struct tl_err *err)
{
    tl_objects *objects;
    if (tl_objects_open_folder(warehouse, &objects, err) != TL_OK)
        return err->code;
    *ret_lake = tl_lake_new(store, objects, NULL);
    return TL_OK;
}

tl_lake *tl_lake_new(tl_store *store, tl_objects *warehouse, const struct tl_lake_reach *reach)
{
    tl_lake *lake = tl_heap_alloc(sizeof *lake);
    lake->store = store;
    lake->objects = warehouse;
    lake->storage = reach ? tl_lake_storage_new(reach) : NULL;
    lake->cache = reach ? tl_lake_cache_new() : NULL;
    atomic_init(&lake->generation, 1);
    tl_lake_within_start(lake);
    pthread_mutex_init(&lake->progress_mutex, NULL);
    pthread_cond_init(&lake->progress_ended, NULL);
    return lake;
}

tl_lake *tl_lake_close(tl_lake *lake)
{
    if (lake) {
        tl_lake_sweeper_end(lake->sweeper);
        pthread_mutex_destroy(&lake->progress_mutex);
        pthread_cond_destroy(&lake->progress_ended);
        tl_objects_close(lake->objects);
        tl_lake_storage_free(lake->storage);
        tl_lake_cache_free(lake->cache);
        free(lake);
    }
    return NULL;
}

const char *tl_lake_warehouse(const tl_lake *lake)
{
    const char *folder = tl_objects_folder(lake->objects);
    return folder ? folder : tl_objects_root(lake->objects);
}

tl_objects *tl_lake_objects(const tl_lake *lake)
{
    return lake->objects;
}

uint64_t tl_lake_generation(tl_lake *lake)
{
    return atomic_load(&lake->generation);
}

/* --- small routes --- */

/* The client may name what it believes to talk to, the folder also by another way to it. */
static bool is_our_warehouse(const tl_lake *lake, const char *name)
{
    if (!name || !*name || strcmp(name, "lake") == 0)
        return true;
    const char *path = strncmp(name, "file://", 7) == 0 ? name + 7 : name;
    char *real = path[0] == '/' ? realpath(path, NULL) : NULL;
    bool ours = real ? strcmp(real, tl_lake_warehouse(lake)) == 0 : strcmp(name, tl_objects_root(lake->objects)) == 0;
    free(real);
    return ours;
}

static void put_endpoint(struct tl_json_writer *writer, const struct route *route)
{
    struct tl_buf text;
    tl_buf_init(&text, 256);
    tl_buf_addf(&text, "%s /v1/{prefix}/", route->method);
    for (const char *at = route->path; *at; at++) {
        if (strncmp(at, "{n}", 3) == 0 || strncmp(at, "{t}", 3) == 0) {
            tl_buf_adds(&text, at[1] == 'n' ? "{namespace}" : strstr(route->path, "/views/") ? "{view}" : "{table}");
            at += 2;
        } else {
            tl_buf_addc(&text, *at);
        }
    }
    tl_json_put_str(writer, (struct tl_str){text.data, text.size});
    tl_buf_done(&text);
}

static enum tl_code check_warehouse(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const char *name = tl_lake_rest_param(rest, "warehouse");
    if (is_our_warehouse(rest->lake, name))
        return TL_OK;
    return tl_err_set(err, TL_NOT_FOUND, "Warehouse does not exist: %.200s (the one here is \"lake\")", name);
}

static enum tl_code rest_config(struct tl_lake_route_call *rest, struct tl_err *err)
{
    if (check_warehouse(rest, err) != TL_OK)
        return err->code;
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    tl_json_key(&writer, "defaults");
    tl_json_begin_object(&writer);
    tl_json_end_object(&writer);
    tl_json_key(&writer, "overrides");
    tl_json_begin_object(&writer);
    tl_json_end_object(&writer);
    tl_json_key(&writer, "endpoints");
    tl_json_begin_array(&writer);
    for (size_t i = 0; i < ROUTES; i++)
        if (routes[i].listed && (routes[i].run != tl_lake_rest_sign || rest->lake->storage))
            put_endpoint(&writer, &routes[i]);
    tl_json_end_array(&writer);
    tl_json_pair_text(&writer, "idempotency-key-lifetime", tl_arena_printf(rest->arena, "PT%dM", TL_LAKE_IDEMPOTENCY_MINUTES));
    tl_json_end_object(&writer);
    return TL_OK;
}

static enum tl_code rest_config_exists(struct tl_lake_route_call *rest, struct tl_err *err)
{
    return check_warehouse(rest, err);
}

/* Reports of clients that send them unasked are taken and dropped. */
static enum tl_code rest_metrics(struct tl_lake_route_call *rest, struct tl_err *err)
{
    rest->status = 204;
    return err->code;
}

/* --- parameters --- */

const char *tl_lake_rest_param(struct tl_lake_route_call *rest, const char *name)
{
    return rest->call->query_param ? rest->call->query_param(rest->call->context, name) : NULL;
}

const char *tl_lake_rest_header(struct tl_lake_route_call *rest, const char *name)
{
    return rest->call->header ? rest->call->header(rest->call->context, name) : NULL;
}

enum tl_code tl_lake_rest_page(struct tl_lake_route_call *rest, const char **ret_after, size_t *ret_limit, struct tl_err *err)
{
    const char *token = tl_lake_rest_param(rest, "pageToken"), *size = tl_lake_rest_param(rest, "pageSize");
    *ret_after = token ? token : "";
    *ret_limit = token || size ? TL_LAKE_PAGE_MAX : TL_LAKE_LIST_MAX;
    if (!tl_utf8_valid(*ret_after, strlen(*ret_after), NULL))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"pageToken\" is not one that was given out");
    if (!size || !*size)
        return TL_OK;
    char *end;
    long long wanted = strtoll(size, &end, 10);
    if (*end || wanted < 1)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"pageSize\" must be a number from 1");
    if (wanted < TL_LAKE_PAGE_MAX)
        *ret_limit = (size_t)wanted;
    return TL_OK;
}

/* --- routing --- */

struct segments {
    const char *items[SEGMENTS_MAX];
    size_t count;
};

static enum tl_code split(tl_arena *arena, const char *path, struct segments *segments, struct tl_err *err)
{
    segments->count = 0;
    for (const char *at = path + (*path == '/'); *at;) {
        size_t size = strcspn(at, "/");
        char *text = segments->count < SEGMENTS_MAX ? tl_http_decode(arena, at, size, false) : NULL;
        if (!text || !tl_utf8_valid(text, strlen(text), NULL))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the path of the request is malformed");
        segments->items[segments->count++] = text;
        at += size + (at[size] == '/');
    }
    return TL_OK;
}

static bool matches(const struct route *route, const struct segments *segments, struct tl_lake_route_call *rest)
{
    const char *at = route->path;
    size_t i = 1; /* after "v1" */
    rest->namespace_name = rest->table = NULL;
    for (; *at && i < segments->count; i++) {
        size_t size = strcspn(at, "/");
        if (strncmp(at, "{n}", 3) == 0)
            rest->namespace_name = segments->items[i];
        else if (strncmp(at, "{t}", 3) == 0)
            rest->table = segments->items[i];
        else if (strlen(segments->items[i]) != size || memcmp(segments->items[i], at, size) != 0)
            return false;
        at += size + (at[size] == '/');
    }
    return *at == '\0' && i == segments->count;
}

static enum tl_code read_body(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct tl_str body = rest->call->body;
    if (body.size > TL_LAKE_BODY_BYTES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the request has %zu bytes, at most %d are taken", body.size, TL_LAKE_BODY_BYTES_MAX);
    struct tl_err failure;
    tl_err_init(&failure);
    if (tl_json_parse(rest->arena, body.data, body.size, &rest->body, &failure) != TL_OK)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the body of the request cannot be read: %s", failure.message);
    if (!tl_json_is_object(rest->body))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the body of the request is not a JSON object");
    return TL_OK;
}

static enum tl_code run_route(const struct route *route, struct tl_lake_route_call *rest, struct tl_err *err)
{
    rest->status = 200;
    if ((rest->namespace_name && tl_lake_namespace_check(rest->namespace_name, err) != TL_OK) ||
        (route->right != TL_LAKE_RIGHT_BODY && tl_lake_rest_need(rest, route->right, rest->namespace_name, rest->table, err) != TL_OK) ||
        (route->body && read_body(rest, err) != TL_OK))
        return err->code;
    rest->act = route->act;
    return route->run(rest, err);
}

static enum tl_code dispatch(struct tl_lake_route_call *rest, int *ret_wrong_method, struct tl_err *err)
{
    struct segments segments;
    *ret_wrong_method = 0;
    if (split(rest->arena, rest->call->path, &segments, err) != TL_OK)
        return err->code;
    if (segments.count > 1 && strcmp(segments.items[0], "v1") == 0)
        for (size_t i = 0; i < ROUTES; i++) {
            if (!matches(&routes[i], &segments, rest))
                continue;
            if (strcmp(routes[i].method, rest->call->method) == 0)
                return run_route(&routes[i], rest, err);
            *ret_wrong_method = 1;
        }
    return tl_err_set(err, *ret_wrong_method ? TL_UNSUPPORTED : TL_NOT_FOUND, "the catalog has no %.20s %.200s", rest->call->method,
                      rest->call->path);
}

/* --- errors --- */

static const struct {
    enum tl_code code;
    int status;
    const char *type;
} forms[] = {
    {TL_SCHEMA_NOT_FOUND, 404, "NoSuchNamespaceException"},
    {TL_TABLE_NOT_FOUND, 404, "NoSuchTableException"},
    {TL_NOT_FOUND, 404, "NotFoundException"},
    {TL_ALREADY_EXISTS, 409, "AlreadyExistsException"},
    {TL_SCHEMA_NOT_EMPTY, 409, "NamespaceNotEmptyException"},
    {TL_CONFLICT, 409, "CommitFailedException"},
    {TL_INVALID_ARGUMENT, 400, "BadRequestException"},
    {TL_SYNTAX, 400, "BadRequestException"},
    {TL_BAD_ENCODING, 400, "BadRequestException"},
    {TL_UNSUPPORTED, 406, "UnsupportedOperationException"},
    {TL_COLUMN_NOT_FOUND, 400, "BadRequestException"},
    {TL_TYPE_MISMATCH, 422, "UnprocessableEntityException"},
    {TL_TOO_LARGE, 413, "BadRequestException"},
    {TL_NOT_ALLOWED, 403, "ForbiddenException"},
    {TL_INTERNAL, 500, "CommitStateUnknownException"}, /* only a pointer that may have moved gives this */
};

static void put_error(const struct tl_lake_route_call *rest, int wrong_method, const struct tl_err *err, struct tl_lake_reply *reply,
                      struct tl_buf *buf)
{
    const char *type = "ServiceUnavailableException"; /* nothing was done; clients send it again */
    reply->status = 503;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (forms[i].code == err->code) {
            reply->status = forms[i].status;
            type = forms[i].type;
        }
    if (wrong_method && err->code == TL_UNSUPPORTED)
        reply->status = 405;
    if (err->code == TL_TABLE_NOT_FOUND && rest->kind == TL_LAKE_VIEW)
        type = "NoSuchViewException";
    if (err->code == TL_INVALID_ARGUMENT && rest->kind == TL_LAKE_VIEW) /* as Iceberg's own catalogs call what they find wrong in a view */
        type = "IllegalArgumentException";
    struct tl_json_writer writer;
    tl_buf_clear(buf);
    tl_json_writer_init(&writer, buf);
    tl_json_begin_object(&writer);
    tl_json_key(&writer, "error");
    tl_json_begin_object(&writer);
    tl_json_pair_text(&writer, "message", err->hint[0] ? tl_arena_printf(rest->arena, "%s; %s", err->message, err->hint) : err->message);
    tl_json_pair_text(&writer, "type", type);
    tl_json_pair_int64(&writer, "code", reply->status);
    tl_json_end_object(&writer);
    tl_json_end_object(&writer);
}

static void answer(struct tl_lake_route_call *rest, struct tl_lake_reply *reply)
{
    struct tl_err err;
    int wrong_method;
    tl_err_init(&err);
    if (dispatch(rest, &wrong_method, &err) == TL_OK)
        reply->status = rest->status;
    else
        put_error(rest, wrong_method, &err, reply, rest->reply);
    if (err.code == TL_OK) {
        const char *namespace_name = rest->namespace_name ? tl_lake_dotted(rest->arena, rest->namespace_name) : "";
        reply->etag = rest->etag;
        reply->act = rest->call->rights ? rest->act : NULL;
        reply->subject = rest->subject;
        if (!rest->subject)
            reply->subject = tl_arena_printf(rest->arena, "%s%s%s", namespace_name, rest->table ? "." : "", rest->table ? rest->table : "");
    }
    if (strcmp(rest->call->method, "HEAD") != 0 && reply->status != 204 && reply->status != 304)
        reply->body = (struct tl_str){tl_arena_strndup(rest->arena, tl_buf_cstr(rest->reply), rest->reply->size), rest->reply->size};
}

static void answer_once(struct tl_lake_route_call *rest, const char *key, struct tl_lake_reply *reply)
{
    struct tl_lake_in_progress mine;
    struct tl_err err;
    bool found;
    tl_err_init(&err);
    tl_lake_idempotency_enter(rest->lake, &mine, key);
    if (tl_lake_idempotency_find(rest, key, reply, &found, &err) != TL_OK) {
        put_error(rest, 0, &err, reply, rest->reply);
        reply->body = (struct tl_str){tl_arena_strndup(rest->arena, tl_buf_cstr(rest->reply), rest->reply->size), rest->reply->size};
    } else if (!found) {
        tl_lake_idempotency_answer(rest->again ? NULL : rest);
        answer(rest, reply);
        tl_lake_idempotency_answer(NULL);
        tl_lake_idempotency_keep(rest, reply);
    }
    tl_lake_idempotency_leave(rest->lake, &mine);
}

void tl_lake_rest(struct tl_request *rq, tl_lake *lake, const struct tl_lake_call *call, struct tl_lake_reply *ret_reply)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 2 * (size_t)TL_LAKE_METADATA_BYTES_MAX);
    struct tl_lake_route_call rest = {.lake = lake, .arena = rq->arena, .call = call, .status = 200, .reply = &buf};
    *ret_reply = (struct tl_lake_reply){0};
    const char *key = tl_lake_idempotency_key(&rest);
    if (key)
        answer_once(&rest, key, ret_reply);
    else
        answer(&rest, ret_reply);
    tl_buf_done(&buf);
}
