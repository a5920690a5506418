/* How clients reach the files of tables themselves. */
#include "lake/lake_int.h"

#include <stdlib.h>
#include <string.h>

struct tl_lake_storage {
    char *endpoint, *region, *access_key, *secret_key;
    bool path_style;
};

static char *copied(const char *text)
{
    return tl_heap_strdup(text ? text : "");
}

struct tl_lake_storage *tl_lake_storage_new(const struct tl_objects_s3 *options)
{
    struct tl_lake_storage *storage = tl_heap_alloc(sizeof *storage);
    storage->endpoint = copied(options->endpoint);
    storage->region = copied(options->region && *options->region ? options->region : "us-east-1");
    storage->access_key = copied(options->access_key);
    storage->secret_key = copied(options->secret_key);
    storage->path_style = options->path_style;
    return storage;
}

struct tl_lake_storage *tl_lake_storage_free(struct tl_lake_storage *storage)
{
    if (!storage)
        return NULL;
    explicit_bzero(storage->secret_key, strlen(storage->secret_key));
    free(storage->endpoint);
    free(storage->region);
    free(storage->access_key);
    free(storage->secret_key);
    free(storage);
    return NULL;
}

/* Is this way of access among those that the client offers ("vended-credentials,remote-signing")? */
static bool asks_for(struct tl_lake_route_call *rest, const char *way)
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

static void put_config(struct tl_lake_route_call *rest, bool with_key, struct tl_json_writer *writer)
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
    }
    if (storage && with_key) {
        tl_json_pair_text(writer, "s3.access-key-id", storage->access_key);
        tl_json_pair_text(writer, "s3.secret-access-key", storage->secret_key);
    }
    tl_json_end_object(writer);
}

void tl_lake_rest_put_config(struct tl_lake_route_call *rest, struct tl_json_writer *writer)
{
    /* the key opens the whole warehouse: it is for the engine of this server only */
    put_config(rest, !rest->call->rights && asks_for(rest, "vended-credentials"), writer);
}

enum tl_code tl_lake_rest_credentials(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct tl_lake_pointer pointer;
    struct tl_json_writer writer;
    if (tl_lake_pointer_get(rest->lake, rest->arena, rest->namespace_name, rest->table, &pointer, err) != TL_OK)
        return err->code;
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    tl_json_key(&writer, "storage-credentials");
    tl_json_begin_array(&writer);
    if (rest->lake->storage && !rest->call->rights) { /* files of this machine need none */
        tl_json_begin_object(&writer);
        tl_json_pair_text(&writer, "prefix", tl_objects_root(rest->lake->objects));
        put_config(rest, true, &writer);
        tl_json_end_object(&writer);
    }
    tl_json_end_array(&writer);
    tl_json_end_object(&writer);
    return TL_OK;
}
