/* One REST call: the first line is "METHOD PATH", the rest the body; '@' stands for the warehouse.  Whatever comes in, the answer is
 * one of the catalog's forms, and the table that was there is either gone or sound. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/folder_testing.h"
#include "lake/lake_int.h"

enum { ARENA_BYTES_MAX = 256 * 1024 * 1024, INPUTS_PER_LAKE = 500 };

static char folder[64];
static tl_store *store;
static tl_lake *lake;
static unsigned inputs;

static void must(bool held, const char *what)
{
    if (!held) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static void close_lake(void)
{
    lake = tl_lake_close(lake);
    store = tl_store_close(store);
    if (folder[0])
        folder_remove(folder);
    folder[0] = '\0';
}

static void open_lake(tl_arena *arena)
{
    struct tl_err err;
    tl_err_init(&err);
    static bool registered;
    if (!registered)
        atexit(close_lake);
    registered = true;
    snprintf(folder, sizeof folder, "/tmp/tl_lakefuzz_XXXXXX");
    must(mkdtemp(folder) != NULL, "a folder");
    must(tl_store_open(folder, &store, &err) == TL_OK, err.message);
    must(tl_lake_open(store, tl_arena_printf(arena, "%s/w", folder), &lake, &err) == TL_OK, err.message);
}

static const char *param(void *context, const char *name)
{
    const char *query = context, *found = query ? strstr(query, name) : NULL;
    return found && found[strlen(name)] == '=' ? found + strlen(name) + 1 : NULL;
}

static int call(tl_arena *arena, const char *method, const char *path, struct tl_str body, struct tl_str *ret_body)
{
    struct tl_request rq;
    struct tl_lake_reply reply;
    char *copy = tl_arena_strdup(arena, path), *query = strchr(copy, '?');
    if (query)
        *query++ = '\0';
    struct tl_lake_call lake_call = {.method = method, .path = copy, .query_param = param, .context = query, .body = body};
    tl_request_init(&rq, arena);
    tl_lake_rest(&rq, lake, &lake_call, &reply);
    must(rq.err.code == TL_OK, "errors are answers");
    *ret_body = reply.body;
    return reply.status;
}

static const tl_json *parse(tl_arena *arena, struct tl_str text)
{
    struct tl_err err;
    const tl_json *json = NULL;
    tl_err_init(&err);
    must(tl_json_parse(arena, text.data, text.size, &json, &err) == TL_OK, "answers are JSON");
    return json;
}

static void check_table(tl_arena *arena)
{
    struct tl_str body;
    int status = call(arena, "GET", "/v1/namespaces/s1/tables/t1", (struct tl_str){"", 0}, &body);
    must(status == 200 || status == 404, "the table is there or gone");
    if (status != 200)
        return;
    struct tl_lake_metadata metadata;
    struct tl_err err;
    tl_err_init(&err);
    must(tl_lake_metadata_read(arena, tl_json_get(parse(arena, body), "metadata"), &metadata, &err) == TL_OK, err.message);
    must(tl_lake_metadata_check(arena, &metadata, &err) == TL_OK, err.message);
    must(strncmp(metadata.location, "file://", 7) == 0 && strncmp(metadata.location + 7, folder, strlen(folder)) == 0,
         "the location is in the warehouse");
    for (size_t i = 0; i < metadata.snapshots.count; i++)
        must(tl_lake_location(lake, arena, tl_json_get_text(metadata.snapshots.items[i], "manifest-list"), NULL, &err) == TL_OK,
             err.message);
}

static void prepare(tl_arena *arena)
{
    static const char table[] = "{\"name\":\"t1\",\"schema\":{\"type\":\"struct\",\"fields\":["
                                "{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"int\"},"
                                "{\"id\":2,\"name\":\"amt\",\"required\":false,\"type\":\"decimal(10, 2)\"}]}}";
    struct tl_str body;
    if (lake && ++inputs % INPUTS_PER_LAKE == 0)
        close_lake();
    if (!lake)
        open_lake(arena);
    if (call(arena, "HEAD", "/v1/namespaces/s1/tables/t1", (struct tl_str){"", 0}, &body) == 204)
        return;
    (void)call(arena, "POST", "/v1/namespaces", TL_STR("{\"namespace\":[\"s1\"]}"), &body);
    must(call(arena, "POST", "/v1/namespaces/s1/tables", tl_str_of(table), &body) == 200, "a table can be made");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES_MAX);
    struct tl_buf text;
    prepare(arena);
    tl_buf_init(&text, TL_LAKE_BODY_BYTES_MAX);
    for (size_t i = 0; i < size; i++)
        if (data[i] == '@')
            tl_buf_addf(&text, "%s/w", folder);
        else
            tl_buf_addc(&text, (char)data[i]);
    const char *bytes = tl_buf_cstr(&text), *line_end = memchr(bytes, '\n', text.size);
    size_t line = line_end ? (size_t)(line_end - bytes) : text.size, after = line_end ? line + 1 : text.size;
    char *method = tl_arena_strndup(arena, bytes, line), *path = strchr(method, ' ');
    if (path) {
        *path++ = '\0';
        struct tl_str body;
        int status = call(arena, method, path, (struct tl_str){bytes + after, text.size - after}, &body);
        must((status >= 200 && status <= 204) || (status >= 400 && status <= 422) || status == 503, "a status of the catalog");
        if (body.size)
            must(tl_json_is_object(parse(arena, body)), "answers are objects");
        check_table(arena);
    }
    tl_buf_done(&text);
    tl_arena_free(arena);
    return 0;
}
