/* Which names there may be. */
#include "lake/lake_int.h"

#include <string.h>

static const char *name_problem(const char *name, size_t size)
{
    if (size == 0)
        return "is empty";
    if (size > TL_LAKE_NAME_MAX)
        return "is longer than 255 bytes";
    if (!tl_utf8_valid(name, size, NULL))
        return "is not valid UTF-8";
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
            return "has a control character";
        /* "a"."b.c" and "a.b"."c" must not be the same words anywhere */
        if (name[i] == '.' || name[i] == '/' || name[i] == '\\')
            return "has a character that a name cannot have ('.', '/' or '\\')";
    }
    return NULL;
}

enum tl_code tl_lake_namespace_check(const char *namespace_name, struct tl_err *err)
{
    int levels = 0;
    for (const char *at = namespace_name;;) {
        size_t size = strcspn(at, "\x1F");
        const char *problem = name_problem(at, size);
        if (!problem && ++levels > TL_LAKE_LEVELS_MAX)
            problem = "has more than 16 levels";
        if (problem)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the name of a namespace %s", problem);
        if (at[size] == '\0')
            break;
        at += size + 1;
    }
    if (strlen(namespace_name) > TL_LAKE_NAMESPACE_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the name of a namespace is longer than %d bytes", TL_LAKE_NAMESPACE_MAX);
    return TL_OK;
}

enum tl_code tl_lake_table_name_check(const char *name, struct tl_err *err)
{
    const char *problem = name_problem(name, strlen(name));
    return problem ? tl_err_set(err, TL_INVALID_ARGUMENT, "the name of a table %s", problem) : TL_OK;
}

enum tl_code tl_lake_namespace_of(tl_arena *arena, const tl_json *levels, const char **ret_namespace, struct tl_err *err)
{
    if (!tl_json_is_array(levels) || tl_json_count(levels) == 0 || tl_json_count(levels) > TL_LAKE_LEVELS_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a namespace is a list of 1 to %d names", TL_LAKE_LEVELS_MAX);
    struct tl_buf buf;
    tl_buf_init(&buf, TL_LAKE_NAMESPACE_MAX);
    for (struct tl_json_iter it = tl_json_iter(levels); tl_json_next(&it);) {
        struct tl_str level = tl_json_str(it.value);
        const char *problem = tl_json_is_string(it.value) ? name_problem(level.data, level.size) : "is not a text";
        if (problem) {
            tl_err_set(err, TL_INVALID_ARGUMENT, "the name of a namespace %s", problem);
            break;
        }
        if (buf.size)
            tl_buf_addc(&buf, TL_LAKE_LEVEL_SEPARATOR);
        tl_buf_add(&buf, level.data, level.size);
    }
    if (!err->code && buf.failed)
        tl_err_set(err, TL_INVALID_ARGUMENT, "the name of a namespace is longer than %d bytes", TL_LAKE_NAMESPACE_MAX);
    *ret_namespace = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return err->code;
}

const char *tl_lake_dotted(tl_arena *arena, const char *namespace_name)
{
    char *text = tl_arena_strdup(arena, namespace_name);
    for (char *c = text; *c; c++)
        if (*c == TL_LAKE_LEVEL_SEPARATOR)
            *c = '.';
    return text;
}

const char *tl_lake_undotted(tl_arena *arena, const char *schema)
{
    char *text = tl_arena_strdup(arena, schema);
    for (char *c = text; *c; c++)
        if (*c == '.')
            *c = TL_LAKE_LEVEL_SEPARATOR;
    return text;
}
