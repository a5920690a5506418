/* Tables as the REST catalog shows them. */
#include "lake/lake_int.h"

#include <string.h>

/* The name of the metadata file says which state it is; what else the answer depends on is said behind it. */
static const char *etag_of(struct tl_lake_route_call *rest, const char *metadata_location, bool refs)
{
    const char *slash = strrchr(metadata_location, '/'), *name = slash ? slash + 1 : metadata_location;
    const char *access = tl_lake_rest_header(rest, "X-Iceberg-Access-Delegation");
    return tl_arena_printf(rest->arena, "\"%.*s%s%s\"", (int)strcspn(name, "."), name, refs ? "-refs" : "",
                           rest->lake->storage && access ? tl_arena_printf(rest->arena, "-%.40s", access) : "");
}

static bool is_known_to_client(struct tl_lake_route_call *rest, const char *etag)
{
    const char *known = tl_lake_rest_header(rest, "If-None-Match");
    return known && (strstr(known, etag) || strcmp(known, "*") == 0);
}

static enum tl_code put_table(struct tl_lake_route_call *rest, const struct tl_lake_table_change *table, struct tl_err *err)
{
    if (table->metadata_location && !rest->etag)
        rest->etag = etag_of(rest, table->metadata_location, false);
    rest->kept = table->metadata_location;
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    if (table->metadata_location)
        tl_json_pair_text(&writer, "metadata-location", table->metadata_location);
    tl_json_key(&writer, "metadata");
    tl_json_put_raw(&writer, table->metadata);
    tl_lake_rest_put_config(rest, &writer);
    tl_json_end_object(&writer);
    return rest->reply->failed ? tl_err_set(err, TL_TOO_LARGE, "the metadata of the table is too large to send") : TL_OK;
}

/* What the call answered when it was done: the table as it was then, if its metadata is still there. */
enum tl_code tl_lake_rest_again(struct tl_lake_route_call *rest, const char *name, struct tl_err *err)
{
    struct tl_lake_pointer pointer;
    struct tl_lake_table_change table = {.namespace_name = rest->namespace_name, .name = name, .metadata_location = rest->again};
    struct tl_err gone;
    tl_err_init(&gone);
    if (tl_lake_pointer_get(rest->lake, rest->arena, rest->namespace_name, name, &pointer, err) != TL_OK)
        return err->code;
    if (!*rest->again ||
        tl_lake_metadata_load(rest->lake, rest->arena, rest->again, pointer.location, &table.metadata, NULL, &gone) != TL_OK) {
        table.metadata_location = pointer.metadata_location;
        if (tl_lake_metadata_load(rest->lake, rest->arena, pointer.metadata_location, pointer.location, &table.metadata, NULL, err) != TL_OK)
            return err->code;
    }
    rest->table = name;
    return put_table(rest, &table, err);
}

enum tl_code tl_lake_rest_table_create(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct tl_lake_table_change table;
    bool staged = tl_json_bool(tl_json_get(rest->body, "stage-create"), false);
    const char *name = tl_json_get_text(rest->body, "name");
    rest->gives_table = true;
    if (tl_lake_rest_need(rest, TL_LAKE_RIGHT_CREATE, rest->namespace_name, name ? name : "", err) != TL_OK)
        return err->code;
    if (rest->again)
        return tl_lake_rest_again(rest, name ? name : "", err);
    if (tl_lake_create(rest->lake, rest->arena, rest->namespace_name, rest->body, !staged, &table, err) != TL_OK ||
        (!staged && tl_lake_rest_changed(rest, TL_LAKE_MADE, rest->namespace_name, table.name, NULL, err) != TL_OK))
        return err->code;
    rest->table = table.name;
    return put_table(rest, &table, err);
}

enum tl_code tl_lake_rest_table_register(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const char *name, *location;
    struct tl_lake_table_change table;
    if (tl_lake_json_need_text(rest->body, "registering a table", "name", &name, err) != TL_OK ||
        tl_lake_json_need_text(rest->body, "registering a table", "metadata-location", &location, err) != TL_OK)
        return err->code;
    if (tl_json_bool(tl_json_get(rest->body, "overwrite"), false))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "registering a table over another is not offered");
    rest->gives_table = true;
    if (tl_lake_rest_need(rest, TL_LAKE_RIGHT_CREATE, rest->namespace_name, name, err) != TL_OK ||
        tl_lake_rest_need(rest, TL_LAKE_RIGHT_READ, rest->namespace_name, name, err) != TL_OK) /* files that are there already */
        return err->code;
    if (rest->again)
        return tl_lake_rest_again(rest, name, err);
    if (tl_lake_register(rest->lake, rest->arena, rest->namespace_name, name, location, &table, err) != TL_OK ||
        tl_lake_rest_changed(rest, TL_LAKE_DROPPED, rest->namespace_name, name, NULL, err) != TL_OK)
        return err->code;
    rest->table = name;
    return put_table(rest, &table, err);
}

/* Only the snapshots that branches and tags name. */
static enum tl_code keep_referenced(struct tl_lake_route_call *rest, const struct tl_lake_pointer *pointer, struct tl_str *metadata_text,
                                    struct tl_err *err)
{
    struct tl_lake_metadata metadata;
    struct tl_lake_list kept = {0};
    struct tl_buf buf;
    if (tl_lake_metadata_load(rest->lake, rest->arena, pointer->metadata_location, pointer->location, NULL, &metadata, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < metadata.snapshots.count; i++) {
        int64_t id, named;
        bool referenced = false;
        if (tl_json_int64(tl_json_get(metadata.snapshots.items[i], "snapshot-id"), &id))
            for (size_t k = 0; k < metadata.refs.count && !referenced; k++)
                referenced = tl_json_int64(tl_json_get(metadata.refs.items[k].value, "snapshot-id"), &named) && named == id;
        if (referenced)
            tl_lake_list_add(rest->arena, &kept, metadata.snapshots.items[i]);
    }
    metadata.snapshots = kept;
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    tl_lake_metadata_write(&metadata, &buf);
    *metadata_text = (struct tl_str){tl_arena_strndup(rest->arena, tl_buf_cstr(&buf), buf.size), buf.size};
    tl_buf_done(&buf);
    return TL_OK;
}

enum tl_code tl_lake_rest_table(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct tl_lake_pointer pointer;
    struct tl_lake_table_change table = {.namespace_name = rest->namespace_name, .name = rest->table};
    const char *snapshots = tl_lake_rest_param(rest, "snapshots");
    bool refs = tl_streq(snapshots, "refs");
    if (snapshots && *snapshots && !refs && strcmp(snapshots, "all") != 0)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"snapshots\" must be \"all\" or \"refs\"");
    if (tl_lake_pointer_get(rest->lake, rest->arena, rest->namespace_name, rest->table, &pointer, err) != TL_OK)
        return err->code;
    rest->etag = etag_of(rest, pointer.metadata_location, refs);
    if (is_known_to_client(rest, rest->etag)) {
        rest->status = 304;
        return TL_OK;
    }
    if ((refs ? keep_referenced(rest, &pointer, &table.metadata, err)
              : tl_lake_metadata_load(rest->lake, rest->arena, pointer.metadata_location, pointer.location, &table.metadata, NULL, err)) != TL_OK)
        return err->code;
    table.metadata_location = pointer.metadata_location;
    return put_table(rest, &table, err);
}

enum tl_code tl_lake_rest_table_exists(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct tl_lake_pointer pointer;
    rest->status = 204;
    return tl_lake_pointer_get(rest->lake, rest->arena, rest->namespace_name, rest->table, &pointer, err);
}

enum tl_code tl_lake_rest_check_identifier(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const tl_json *identifier = tl_json_get(rest->body, "identifier");
    const char *namespace_name, *name;
    if (!identifier || tl_json_is_null(identifier))
        return TL_OK;
    if (tl_lake_namespace_of(rest->arena, tl_json_get(identifier, "namespace"), &namespace_name, err) != TL_OK ||
        tl_lake_json_need_text(identifier, "an identifier", "name", &name, err) != TL_OK)
        return err->code;
    if (strcmp(namespace_name, rest->namespace_name) != 0 || strcmp(name, rest->table) != 0)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the identifier in the body is not the table of the path");
    return TL_OK;
}

/* A table that the commit makes cannot be read before. */
static enum tl_code need_for_commit(struct tl_lake_route_call *rest, const struct tl_lake_table_change *change, struct tl_err *err)
{
    return tl_lake_rest_need(rest, tl_lake_requires_create(change->requirements) ? TL_LAKE_RIGHT_CREATE : TL_LAKE_RIGHT_WRITE,
                             change->namespace_name, change->name, err);
}

static enum tl_code tell_made(struct tl_lake_route_call *rest, const struct tl_lake_table_change *changes, size_t count, struct tl_err *err)
{
    for (size_t i = 0; i < count; i++)
        if (tl_lake_requires_create(changes[i].requirements) &&
            tl_lake_rest_changed(rest, TL_LAKE_MADE, changes[i].namespace_name, changes[i].name, NULL, err) != TL_OK)
            return err->code;
    return TL_OK;
}

enum tl_code tl_lake_rest_table_commit(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct tl_lake_table_change table = {.namespace_name = rest->namespace_name,
                                         .name = rest->table,
                                         .requirements = tl_json_get(rest->body, "requirements"),
                                         .updates = tl_json_get(rest->body, "updates")};
    rest->gives_table = true;
    if (tl_lake_rest_check_identifier(rest, err) != TL_OK || tl_lake_table_name_check(rest->table, err) != TL_OK ||
        need_for_commit(rest, &table, err) != TL_OK)
        return err->code;
    if (rest->again)
        return tl_lake_rest_again(rest, rest->table, err);
    if (tl_lake_commit(rest->lake, rest->arena, &table, 1, err) != TL_OK ||
        tell_made(rest, &table, 1, err) != TL_OK)
        return err->code;
    return put_table(rest, &table, err);
}

enum tl_code tl_lake_rest_transaction(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const tl_json *list = tl_json_get(rest->body, "table-changes");
    size_t count = tl_json_count(list);
    if (!tl_json_is_array(list) || count == 0 || count > TL_LAKE_CHANGES_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"table-changes\" must be a list of 1 to %d changes", TL_LAKE_CHANGES_MAX);
    struct tl_lake_table_change *changes = TL_NEW_ARRAY(rest->arena, struct tl_lake_table_change, count);
    size_t i = 0;
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it); i++) {
        const tl_json *identifier = tl_json_get(it.value, "identifier");
        changes[i].requirements = tl_json_get(it.value, "requirements");
        changes[i].updates = tl_json_get(it.value, "updates");
        if (tl_lake_namespace_of(rest->arena, tl_json_get(identifier, "namespace"), &changes[i].namespace_name, err) != TL_OK ||
            tl_lake_json_need_text(identifier, "an identifier", "name", &changes[i].name, err) != TL_OK ||
            tl_lake_table_name_check(changes[i].name, err) != TL_OK || need_for_commit(rest, &changes[i], err) != TL_OK)
            return err->code;
    }
    rest->status = 204;
    rest->subject = tl_arena_printf(rest->arena, "%s.%s", tl_lake_dotted(rest->arena, changes[0].namespace_name), changes[0].name);
    if (count > 1)
        rest->subject = tl_arena_printf(rest->arena, "%s and %zu more", rest->subject, count - 1);
    if (tl_lake_commit(rest->lake, rest->arena, changes, count, err) != TL_OK)
        return err->code;
    return tell_made(rest, changes, count, err);
}

enum tl_code tl_lake_rest_table_remove(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const char *location, *purge = tl_lake_rest_param(rest, "purgeRequested");
    rest->status = 204;
    bool with_files = purge && tl_streq_nocase(purge, "true");
    if (tl_lake_entry_remove(rest->lake, rest->arena, TL_LAKE_TABLE, rest->namespace_name, rest->table, with_files, &location, err) != TL_OK)
        return err->code;
    atomic_fetch_add(&rest->lake->generation, 1);
    /* The table is gone either way: files that cannot be deleted now are tried again, which is no failure of the drop. */
    if (with_files && rest->lake->undrop_us == 0)
        tl_lake_finish_purge(rest->lake, rest->arena, location);
    return tl_lake_rest_changed(rest, TL_LAKE_DROPPED, rest->namespace_name, rest->table, NULL, err);
}

static enum tl_code read_identifier(struct tl_lake_route_call *rest, const char *key, const char **ret_namespace, const char **ret_name,
                                    struct tl_err *err)
{
    const tl_json *identifier = tl_json_get(rest->body, key);
    if (tl_lake_namespace_of(rest->arena, tl_json_get(identifier, "namespace"), ret_namespace, err) != TL_OK ||
        tl_lake_json_need_text(identifier, "an identifier", "name", ret_name, err) != TL_OK)
        return err->code;
    return tl_lake_table_name_check(*ret_name, err);
}

static enum tl_code rename_entry(struct tl_lake_route_call *rest, enum tl_lake_kind kind, struct tl_err *err)
{
    const char *namespace_name, *name, *to_namespace, *to_name;
    rest->kind = kind;
    rest->status = 204;
    if (read_identifier(rest, "source", &namespace_name, &name, err) != TL_OK ||
        read_identifier(rest, "destination", &to_namespace, &to_name, err) != TL_OK ||
        tl_lake_rest_need(rest, TL_LAKE_RIGHT_DROP, namespace_name, name, err) != TL_OK ||
        tl_lake_rest_need(rest, TL_LAKE_RIGHT_CREATE, to_namespace, to_name, err) != TL_OK ||
        tl_lake_entry_rename(rest->lake, rest->arena, kind, namespace_name, name, to_namespace, to_name, err) != TL_OK)
        return err->code;
    atomic_fetch_add(&rest->lake->generation, 1);
    rest->subject = tl_arena_printf(rest->arena, "%s.%s", tl_lake_dotted(rest->arena, namespace_name), name);
    if (strcmp(namespace_name, to_namespace) == 0) /* in another schema it is as new */
        return tl_lake_rest_changed(rest, TL_LAKE_RENAMED, namespace_name, name, to_name, err);
    return tl_lake_rest_changed(rest, TL_LAKE_DROPPED, namespace_name, name, NULL, err);
}

enum tl_code tl_lake_rest_table_rename(struct tl_lake_route_call *rest, struct tl_err *err)
{
    return rename_entry(rest, TL_LAKE_TABLE, err);
}

enum tl_code tl_lake_rest_view_rename(struct tl_lake_route_call *rest, struct tl_err *err)
{
    return rename_entry(rest, TL_LAKE_VIEW, err);
}
