/* Any bytes as a key set, a line break and a token: read, refused or found good, but a token with one changed byte never is. */
#include <stdlib.h>
#include <string.h>

#include "auth/jwt_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const audiences[] = {"town"};
static const struct tl_jwt_rules rules = {"https://issuer.test", 1, audiences, 2000000100, 60};

static void check(tl_arena *arena, const tl_jwk_set *keys, struct tl_str token)
{
    const tl_json *claims;
    const char *id;
    struct tl_err err;
    tl_err_init(&err);
    enum tl_code named = tl_jwt_key_id(arena, token, &id, &err);
    tl_err_init(&err);
    if (tl_jwt_verify(arena, token, keys, &rules, &claims, &err) != TL_OK) {
        if (claims || err.code != TL_UNAUTHENTICATED || !err.hint[0])
            abort();
        return;
    }
    if (named != TL_OK || !tl_jwt_is_shaped(token))
        abort();
    /* A change of the payload's first digit changes what was signed. */
    char *changed = tl_arena_strndup(arena, token.data, token.size);
    char *payload = strchr(changed, '.') + 1;
    *payload = *payload == 'e' ? 'f' : 'e';
    tl_err_init(&err);
    if (tl_jwt_verify(arena, (struct tl_str){changed, token.size}, keys, &rules, &claims, &err) == TL_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *end = size ? memchr(text, '\n', size) : NULL;
    struct tl_str json = {text, end ? (size_t)(end - text) : size};
    struct tl_str token = end ? (struct tl_str){end + 1, size - json.size - 1} : (struct tl_str){"", 0};
    tl_arena *arena = tl_arena_new(64 << 20);
    tl_jwk_set *keys;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_jwk_set_parse(json, &keys, &err) == TL_OK)
        check(arena, keys, token);
    else if (keys)
        abort();
    tl_jwk_set_release(keys);
    tl_arena_free(arena);
    return 0;
}
