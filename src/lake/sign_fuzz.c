/* Any body of a request to sign: what is signed is a request to a file of the one table, and no key is in the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/folder_testing.h"
#include "io/http.h"
#include "lake/lake_int.h"

#define STORAGE "http://127.0.0.1:1"
#define BUCKET_HOST "http://bucket.127.0.0.1:1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/tl_signfuzz_XXXXXX";
static tl_store *store;
static tl_lake *lake;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "not true: %s\n", what);
    abort();
}

static void close_lake(void)
{
    tl_lake_close(lake);
    tl_store_close(store);
    folder_remove(folder);
}

static void open_lake(tl_arena *arena)
{
    struct tl_err err;
    tl_objects *objects;
    tl_err_init(&err);
    must(mkdtemp(folder) != NULL, "a folder");
    must(tl_store_open(folder, &store, &err) == TL_OK, err.message);
    struct tl_lake_reach reach = {.storage = {.location = "s3://bucket/wh", .endpoint = STORAGE, .path_style = true, .access_key = "key",
                                              .secret_key = "s3cr3t-s3cr3t"}};
    must(tl_objects_open_s3(&reach.storage, &objects, &err) == TL_OK, err.message);
    lake = tl_lake_new(store, objects, &reach);
    must(tl_lake_namespace_add(lake, arena, "s1", "{}", &err) == TL_OK, err.message);
    struct tl_lake_pointer table = {.namespace_name = "s1", .name = "t1", .uuid = "u", .location = "s3://bucket/wh/s1/t1",
                                    .metadata_location = "s3://bucket/wh/s1/t1/metadata/m.json", .version = -1};
    must(tl_lake_pointers_move(lake, arena, &table, 1, &err) == TL_OK, err.message);
    atexit(close_lake);
}

static void check_answer(tl_arena *arena, struct tl_str body)
{
    struct tl_err err;
    const tl_json *json;
    tl_err_init(&err);
    must(memmem(body.data, body.size, "s3cr3t", 6) == NULL, "the key is not in the answer");
    must(tl_json_parse(arena, body.data, body.size, &json, &err) == TL_OK, "answers are JSON");
    const char *uri = tl_json_get_text(json, "uri");
    bool named = uri && strncasecmp(uri, BUCKET_HOST, sizeof BUCKET_HOST - 1) == 0;
    must(named || (uri && strncasecmp(uri, STORAGE "/", sizeof STORAGE) == 0), "only requests to the storage are signed");
    const char *path = uri + (named ? sizeof BUCKET_HOST : sizeof STORAGE) - 1, *start = named ? "/wh/s1/t1/" : "/bucket/wh/s1/t1/";
    const char *decoded = tl_http_decode(arena, path, strcspn(path, "?"), false);
    must(decoded && strncmp(decoded, start, strlen(start)) == 0, "only those to the table's files");
    must(!strstr(decoded, "/../") && !strstr(decoded, "/./") && !strstr(decoded, "//"), "and by no way around");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(64 << 20);
    if (!lake)
        open_lake(arena);
    struct tl_request rq;
    struct tl_lake_reply reply;
    struct tl_lake_call call = {.method = "POST", .path = "/v1/namespaces/s1/tables/t1/sign", .body = {(const char *)data, size}};
    tl_request_init(&rq, arena);
    tl_lake_rest(&rq, lake, &call, &reply);
    must(reply.status == 200 || (reply.status >= 400 && reply.status < 423), "a status of the catalog");
    if (reply.status == 200)
        check_answer(arena, reply.body);
    tl_arena_free(arena);
    return 0;
}
