/* Any bytes as a SCIM filter, a path, a resource and a patch: lines of the input, each parsed; what is taken is in the schema's form
 * and stays so when it is patched. */
#include <stdlib.h>
#include <string.h>

#include "auth/scim_patch_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_form(tl_arena *arena, const tl_scim_schemas *schemas, enum tl_scim_type type, const tl_scim_node *resource)
{
    struct tl_scim_err err = {0};
    tl_scim_node *again;
    if (!tl_scim_conform_resource(arena, schemas, type, resource, &again, &err) || !tl_scim_equal(resource, again))
        abort();
}

static void try_resource(tl_arena *arena, const tl_scim_schemas *schemas, enum tl_scim_type type, const tl_json *json, const tl_json *patch,
                         const tl_scim_filter *filter)
{
    struct tl_scim_err err = {0};
    tl_scim_node *resource;
    if (!tl_scim_conform_resource(arena, schemas, type, tl_scim_node_of(arena, json), &resource, &err)) {
        if (!err.status || !err.detail[0])
            abort();
        return;
    }
    check_form(arena, schemas, type, resource);
    if (filter)
        tl_scim_filter_match(filter, resource);
    err = (struct tl_scim_err){0};
    if (tl_scim_patch(arena, schemas, type, resource, tl_scim_node_of(arena, patch), &err))
        check_form(arena, schemas, type, resource);
    else if (!err.status)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(256 << 20);
    tl_scim_schemas *schemas = tl_scim_schemas_new(arena);
    char *text = tl_arena_strndup(arena, (const char *)data, size), *rest = text + size, *lines[4] = {text, rest, rest, rest};
    const tl_json *json[2] = {NULL, NULL};
    const tl_scim_filter *filter;
    struct tl_scim_path path;
    struct tl_scim_err err = {0};
    struct tl_err ignored;
    for (int i = 1; i < 4 && strchr(lines[i - 1], '\n'); i++) {
        lines[i] = strchr(lines[i - 1], '\n');
        *lines[i]++ = '\0';
    }
    if (tl_scim_filter_parse(arena, lines[0], &filter, &err) == (err.status != 0))
        abort();
    err = (struct tl_scim_err){0};
    if (tl_scim_path_parse(arena, lines[1], &path, &err) == (err.status != 0))
        abort();
    for (int i = 0; i < 2; i++) {
        tl_err_init(&ignored);
        if (tl_json_parse(arena, lines[2 + i], strlen(lines[2 + i]), &json[i], &ignored) != TL_OK)
            json[i] = NULL;
    }
    try_resource(arena, schemas, TL_SCIM_USER, json[0], json[1], filter);
    try_resource(arena, schemas, TL_SCIM_GROUP, json[0], json[1], filter);
    tl_arena_free(arena);
    return 0;
}
