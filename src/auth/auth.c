#include <arpa/inet.h>
#include <string.h>

#include <openssl/crypto.h>

#include "auth/auth.h"
#include "auth/credentials_int.h"

/* Names and hashes are few and small; tokens pass through on their way to a hash. */
enum { ARENA_BYTES_MAX = 64 * 1024 * 1024 };

struct token {
    uint8_t hash[TL_SHA256_SIZE];
    struct tl_principal principal;
};

struct tl_auth {
    tl_arena *arena;
    bool by_word; /* mode local */
    size_t token_count;
    struct token *tokens;
};

static bool is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (tl_streq_nocase(address, "localhost"))
        return true;
    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static struct tl_principal copy_principal(tl_arena *arena, const char *user, size_t group_count, const char *const *groups)
{
    const char **names = TL_NEW_ARRAY(arena, const char *, group_count);
    for (size_t i = 0; i < group_count; i++)
        names[i] = tl_arena_strdup(arena, groups[i]);
    return (struct tl_principal){.user = tl_arena_strdup(arena, user), .group_count = group_count, .groups = names, .authenticated = true};
}

static enum tl_code hash_token(const struct tl_config_token *from, uint8_t hash[TL_SHA256_SIZE], struct tl_err *err)
{
    if (from->sha256)
        return tl_credentials_read_sha256(from->sha256, hash)
                   ? TL_OK
                   : tl_err_set(err, TL_CONFIG, "the sha256 of the token of user \"%s\" is not 64 hexadecimal digits", from->user);
    tl_arena *scratch = tl_arena_new(ARENA_BYTES_MAX);
    const char *secret;
    enum tl_code code = tl_config_secret(scratch, from->token, &secret, err);
    if (code == TL_OK && secret[0] == '\0')
        code = tl_err_set(err, TL_CONFIG, "the token of user \"%s\" is empty", from->user);
    if (code == TL_OK) {
        struct tl_str text = tl_str_of(secret);
        tl_credentials_sha256(text, hash);
        OPENSSL_cleanse((char *)(uintptr_t)text.data, text.size); /* the copy in `scratch` */
    } else {
        tl_err_detail(err, "the token of user \"%s\", line %d", from->user, from->line);
    }
    tl_arena_free(scratch);
    return code;
}

static enum tl_code add_token(tl_auth *auth, const struct tl_config_token *from, struct tl_err *err)
{
    struct token *token = &auth->tokens[auth->token_count];
    if (!tl_credentials_is_user(from->user))
        return tl_err_set(err, TL_CONFIG, "a token's user is not a name of at most %d bytes, line %d", TL_USER_BYTES_MAX, from->line);
    if (hash_token(from, token->hash, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < auth->token_count; i++)
        if (memcmp(auth->tokens[i].hash, token->hash, TL_SHA256_SIZE) == 0)
            return tl_err_set(err, TL_CONFIG, "users \"%s\" and \"%s\" have the same token", auth->tokens[i].principal.user, from->user);
    token->principal = copy_principal(auth->arena, from->user, from->group_count, from->groups);
    auth->token_count++;
    return TL_OK;
}

static enum tl_code check_mode(const tl_auth *auth, const tl_config *config, size_t token_count, struct tl_err *err)
{
    const char *address = tl_config_text(config, "listen.address");
    if (auth->by_word && !is_loopback(address)) {
        tl_err_set(err, TL_CONFIG, "auth.mode \"local\" believes every caller, so it cannot listen on \"%s\"", address);
        tl_err_hint(err, "set auth.mode to token and give tokens, or listen on 127.0.0.1");
        return TL_CONFIG;
    }
    if (!auth->by_word && token_count == 0) {
        tl_err_set(err, TL_CONFIG, "auth.mode \"token\" has no tokens: nobody could come in");
        tl_err_hint(err, "add a list \"tokens\" to the configuration");
        return TL_CONFIG;
    }
    return TL_OK;
}

enum tl_code tl_auth_new(const tl_config *config, tl_auth **ret_auth, struct tl_err *err)
{
    *ret_auth = NULL;
    const struct tl_config_token *tokens;
    size_t count = tl_config_tokens(config, &tokens);
    tl_arena *arena = tl_arena_new(ARENA_BYTES_MAX);
    tl_auth *auth = TL_NEW(arena, tl_auth);
    auth->arena = arena;
    auth->by_word = tl_streq(tl_config_text(config, "auth.mode"), "local");
    auth->tokens = TL_NEW_ARRAY(arena, struct token, count);
    enum tl_code code = check_mode(auth, config, count, err);
    for (size_t i = 0; i < count && code == TL_OK; i++)
        code = add_token(auth, &tokens[i], err);
    if (code == TL_OK)
        *ret_auth = auth;
    else
        tl_auth_free(auth);
    return code;
}

tl_auth *tl_auth_free(tl_auth *auth)
{
    if (auth)
        tl_arena_free(auth->arena);
    return NULL;
}

/* Every token is compared, so that time says nothing of which came near. */
static const struct tl_principal *find_token(const tl_auth *auth, struct tl_str token)
{
    uint8_t hash[TL_SHA256_SIZE];
    const struct tl_principal *found = NULL;
    tl_credentials_sha256(token, hash);
    for (size_t i = 0; i < auth->token_count; i++)
        if (tl_equal_constant_time(auth->tokens[i].hash, TL_SHA256_SIZE, hash, TL_SHA256_SIZE))
            found = &auth->tokens[i].principal;
    return found;
}

static enum tl_code check_token(const tl_auth *auth, tl_arena *arena, const struct tl_auth_attempt *attempt,
                                const struct tl_principal **ret_principal, struct tl_err *err)
{
    struct tl_credentials credentials;
    if (!tl_credentials_read(arena, attempt->authorization, &credentials)) {
        tl_err_set(err, TL_UNAUTHENTICATED, "the header Authorization cannot be read");
        tl_err_hint(err, "send \"Authorization: Bearer TOKEN\"");
        return TL_UNAUTHENTICATED;
    }
    const struct tl_principal *found = find_token(auth, credentials.token);
    if (!found)
        return tl_err_set(err, TL_UNAUTHENTICATED, "the token is not known");
    const char *const claims[] = {credentials.user, attempt->claimed_user};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        if (claims[i] && strcmp(claims[i], found->user) != 0) {
            tl_err_set(err, TL_NOT_ALLOWED, "the token is of user \"%s\", who cannot act as another user", found->user);
            tl_err_hint(err, "leave the user name out or send \"%s\"", found->user);
            return TL_NOT_ALLOWED;
        }
    struct tl_principal *principal = TL_NEW(arena, struct tl_principal);
    *principal = copy_principal(arena, found->user, found->group_count, found->groups);
    *ret_principal = principal;
    return TL_OK;
}

/* A user by word has the groups that the configuration gives the name. */
static enum tl_code believe(const tl_auth *auth, tl_arena *arena, const char *user, const struct tl_principal **ret_principal,
                            struct tl_err *err)
{
    if (!tl_credentials_is_user(user))
        return tl_err_set(err, TL_UNAUTHENTICATED, "the user name is empty, too long or not text");
    struct tl_principal *principal = TL_NEW(arena, struct tl_principal);
    *principal = copy_principal(arena, user, 0, NULL);
    for (size_t i = 0; i < auth->token_count; i++)
        if (strcmp(auth->tokens[i].principal.user, user) == 0) {
            *principal = copy_principal(arena, user, auth->tokens[i].principal.group_count, auth->tokens[i].principal.groups);
            break;
        }
    principal->authenticated = false;
    *ret_principal = principal;
    return TL_OK;
}

enum tl_code tl_auth_check(tl_auth *auth, tl_arena *arena, const struct tl_auth_attempt *attempt,
                           const struct tl_principal **ret_principal, struct tl_err *err)
{
    *ret_principal = NULL;
    if (attempt->authorization)
        return check_token(auth, arena, attempt, ret_principal, err);
    if (auth->by_word && attempt->from_loopback && attempt->claimed_user)
        return believe(auth, arena, attempt->claimed_user, ret_principal, err);
    tl_err_set(err, TL_UNAUTHENTICATED, "the request does not say who is asking");
    tl_err_hint(err, "send \"Authorization: Bearer TOKEN\"%s",
                auth->by_word && attempt->from_loopback ? " or a user name in X-Trino-User" : "");
    return TL_UNAUTHENTICATED;
}
