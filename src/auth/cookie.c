#include "auth/cookie_int.h"

#include <string.h>

enum { PATH_BYTES_MAX = 2048, VALUE_BYTES_MAX = 4096 };

static const char *name_of(enum tl_cookie cookie, bool secure)
{
    static const char *const names[2][2] = {{"townlake", "__Host-townlake"}, {"townlake-login", "__Host-townlake-login"}};
    return names[cookie][secure];
}

const char *tl_cookie_read(tl_arena *arena, const char *header, enum tl_cookie cookie, bool secure)
{
    const char *name = name_of(cookie, secure), *found = NULL;
    size_t name_size = strlen(name);
    while (header && *header) {
        header += strspn(header, " ;,");
        size_t size = strcspn(header, ";,");
        if (size > name_size && strncmp(header, name, name_size) == 0 && header[name_size] == '=') {
            if (found || size - name_size - 1 > VALUE_BYTES_MAX)
                return NULL;
            found = tl_arena_strndup(arena, header + name_size + 1, size - name_size - 1);
        }
        header += size;
    }
    return found && *found ? found : NULL;
}

const char *tl_cookie_write(tl_arena *arena, enum tl_cookie cookie, bool secure, const char *value, int64_t max_age_s)
{
    return tl_arena_printf(arena, "%s=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%lld%s", name_of(cookie, secure), value,
                           (long long)(value[0] ? max_age_s : 0), secure ? "; Secure" : "");
}

const char *tl_cookie_safe_path(tl_arena *arena, const char *path)
{
    if (!path || path[0] != '/' || path[1] == '/' || path[1] == '\\' || strnlen(path, PATH_BYTES_MAX + 1) > PATH_BYTES_MAX)
        return "/";
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7F || *c == '\\')
            return "/";
    return tl_arena_strdup(arena, path);
}
