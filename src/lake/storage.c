/* How clients reach the files of tables themselves. */
#include "lake/lake_int.h"

#include <stdlib.h>
#include <string.h>

#include "io/http.h"

struct tl_lake_storage {
    char *endpoint, *region, *access_key, *secret_key;
    char *client_access_key, *client_secret_key; /* of less rights, given away; "" = none */
    bool path_style;
};

static char *copied(const char *text)
{
    return tl_heap_strdup(text ? text : "");
}

struct tl_lake_storage *tl_lake_storage_new(const struct tl_lake_reach *reach)
{
    const struct tl_objects_s3 *options = &reach->storage;
    struct tl_lake_storage *storage = tl_heap_alloc(sizeof *storage);
    storage->endpoint = copied(options->endpoint);
    storage->region = copied(options->region && *options->region ? options->region : "us-east-1");
    storage->access_key = copied(options->access_key);
    storage->secret_key = copied(options->secret_key);
    storage->client_access_key = copied(reach->client_access_key);
    storage->client_secret_key = copied(reach->client_secret_key);
    storage->path_style = options->path_style;
    return storage;
}

struct tl_lake_storage *tl_lake_storage_free(struct tl_lake_storage *storage)
{
    if (!storage)
        return NULL;
    explicit_bzero(storage->secret_key, strlen(storage->secret_key));
    explicit_bzero(storage->client_secret_key, strlen(storage->client_secret_key));
    char *const texts[] = {storage->endpoint,   storage->region,           storage->access_key,
                           storage->secret_key, storage->client_access_key, storage->client_secret_key};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    free(storage);
    return NULL;
}

void tl_lake_storage_key(const struct tl_lake_storage *storage, struct tl_sigv4_key *ret_key)
{
    *ret_key = (struct tl_sigv4_key){storage->access_key, storage->secret_key, NULL, storage->region, "s3"};
}

void tl_lake_storage_address(const struct tl_lake_storage *storage, tl_arena *arena, const char **ret_scheme, const char **ret_host)
{
    const char *host = strstr(storage->endpoint, "://");
    *ret_scheme = host ? tl_arena_strndup(arena, storage->endpoint, (size_t)(host - storage->endpoint)) : "https";
    *ret_host = host ? tl_arena_strndup(arena, host + 3, strcspn(host + 3, "/")) : tl_arena_printf(arena, "s3.%s.amazonaws.com", storage->region);
}

bool tl_lake_rest_asks_for(struct tl_lake_route_call *rest, const char *way)
{
    const char *list = tl_lake_rest_header(rest, "X-Iceberg-Access-Delegation");
    for (const char *at = list ? list : ""; *at;) {
        at += strspn(at, ", ");
        size_t size = strcspn(at, ", ");
        if (size == strlen(way) && strncmp(at, way, size) == 0)
            return true;
        at += size;
    }
    return false;
}

/* The key of this server opens the whole warehouse: only its own engine gets that one. */
static bool put_key(struct tl_lake_route_call *rest, struct tl_json_writer *writer)
{
    const struct tl_lake_storage *storage = rest->lake->storage;
    bool own = !rest->call->rights;
    if (!own && !*storage->client_access_key)
        return false;
    tl_json_pair_text(writer, "s3.access-key-id", own ? storage->access_key : storage->client_access_key);
    tl_json_pair_text(writer, "s3.secret-access-key", own ? storage->secret_key : storage->client_secret_key);
    return true;
}

static const char *table_path(struct tl_lake_route_call *rest, const char *last)
{
    struct tl_buf path;
    tl_buf_init(&path, 16384);
    tl_buf_adds(&path, "v1/namespaces/");
    tl_http_encode(&path, rest->namespace_name);
    tl_buf_adds(&path, "/tables/");
    tl_http_encode(&path, rest->table);
    tl_buf_addf(&path, "/%s", last);
    const char *text = tl_arena_strdup(rest->arena, tl_buf_cstr(&path));
    tl_buf_done(&path);
    return text;
}

static void put_signing(struct tl_lake_route_call *rest, struct tl_json_writer *writer)
{
    const char *path = table_path(rest, "sign");
    tl_json_pair_text(writer, "s3.remote-signing-enabled", "true");
    tl_json_pair_text(writer, "s3.signer.endpoint", path);
    tl_json_pair_text(writer, "signer.endpoint", path);
    tl_json_pair_text(writer, "s3.signer", "S3V4RestSigner");
}

static void put_config(struct tl_lake_route_call *rest, bool keys, bool signing, struct tl_json_writer *writer)
{
    const struct tl_lake_storage *storage = rest->lake->storage;
    tl_json_key(writer, "config");
    tl_json_begin_object(writer);
    if (storage) {
        if (*storage->endpoint)
            tl_json_pair_text(writer, "s3.endpoint", storage->endpoint);
        tl_json_pair_text(writer, "client.region", storage->region);
        tl_json_pair_text(writer, "s3.region", storage->region);
        tl_json_pair_text(writer, "s3.path-style-access", storage->path_style ? "true" : "false");
        if ((!keys || !put_key(rest, writer)) && signing && rest->table)
            put_signing(rest, writer);
    }
    tl_json_end_object(writer);
}

void tl_lake_rest_put_config(struct tl_lake_route_call *rest, struct tl_json_writer *writer)
{
    put_config(rest, tl_lake_rest_asks_for(rest, "vended-credentials"), tl_lake_rest_asks_for(rest, "remote-signing"), writer);
}

enum tl_code tl_lake_rest_credentials(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct tl_lake_pointer pointer;
    struct tl_json_writer writer;
    const struct tl_lake_storage *storage = rest->lake->storage;
    if (tl_lake_pointer_get(rest->lake, rest->arena, rest->namespace_name, rest->table, &pointer, err) != TL_OK)
        return err->code;
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    tl_json_key(&writer, "storage-credentials");
    tl_json_begin_array(&writer);
    if (storage && (!rest->call->rights || *storage->client_access_key)) { /* files of this machine need none */
        tl_json_begin_object(&writer);
        tl_json_pair_text(&writer, "prefix", tl_objects_root(rest->lake->objects));
        put_config(rest, true, false, &writer);
        tl_json_end_object(&writer);
    }
    tl_json_end_array(&writer);
    tl_json_end_object(&writer);
    return TL_OK;
}
