#include "auth/tokens.h"

#include <string.h>

#include <openssl/crypto.h>

#include "auth/auth_int.h"
#include "auth/base64_int.h"
#include "base/hex.h"
#include "base/random.h"

/* tlt_<id>_<secret>: the id finds the row and may be told, the secret may not. */
enum { ID_BYTES = 8, SECRET_BYTES = 32, PREFIX_SIZE = 4, SECRET_AT = PREFIX_SIZE + 2 * ID_BYTES + 1, TOKEN_SIZE = SECRET_AT + 43 };
enum { LABEL_BYTES_MAX = 200, TOKENS_OF_USER_MAX = 100, LIST_MAX = 1000, SERVICE_GROUPS_MAX = 100 };

static const char prefix[] = "tlt_";
static const int64_t lifetime_us_default = (int64_t)90 * 86400 * 1000000, lifetime_us_min = (int64_t)60 * 1000000, used_us_step = (int64_t)60 * 1000000;

/* ---- scopes ---- */

static const struct {
    const char *name;
    enum tl_scope scope;
} scope_names[] = {{"read", TL_SCOPE_READ}, {"write", TL_SCOPE_WRITE}, {"admin", TL_SCOPE_ADMIN}, {"scim", TL_SCOPE_SCIM}};
enum { SCOPES = sizeof scope_names / sizeof *scope_names };

bool tl_scopes_read(tl_arena *arena, const char *text, unsigned *ret_scopes, const char **ret_bad)
{
    *ret_scopes = 0;
    while (*(text += strspn(text, ", "))) {
        const char *word = tl_arena_strndup(arena, text, strcspn(text, ", "));
        size_t i = 0;
        while (i < SCOPES && strcmp(scope_names[i].name, word) != 0)
            i++;
        if (i == SCOPES) {
            *ret_bad = word;
            return false;
        }
        *ret_scopes |= scope_names[i].scope;
        text += strlen(word);
    }
    return true;
}

const char *tl_scopes_text(tl_arena *arena, unsigned scopes)
{
    const char *text = "";
    for (size_t i = 0; i < SCOPES; i++)
        if (scopes & scope_names[i].scope)
            text = tl_arena_printf(arena, "%s%s%s", text, text[0] ? "," : "", scope_names[i].name);
    return text;
}

/* ---- finding ---- */

bool tl_token_is_shaped(struct tl_str token)
{
    return token.size == TOKEN_SIZE && tl_str_starts_with(token, TL_STR(prefix)) && token.data[SECRET_AT - 1] == '_';
}

struct find {
    tl_auth *auth;
    tl_arena *arena;
    const char *id;
    const uint8_t *hash;
    struct tl_token_owner *owner;
    bool same;
    int64_t expires_at_us, revoked_at_us, used_at_us;
};

static enum tl_code take_token(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct find *find = context;
    struct tl_token_owner *owner = find->owner;
    const char *bad;
    (void)cell_count;
    find->same = tl_equal_constant_time(cells[0].bytes.data, cells[0].bytes.size, find->hash, TL_SHA256_SIZE);
    if (!find->same)
        return TL_OK;
    *owner = (struct tl_token_owner){.id = find->id, .user = tl_store_text(find->arena, &cells[2])};
    owner->service = tl_str_equal(cells[1].bytes, TL_STR("service"));
    find->expires_at_us = cells[5].integer;
    find->revoked_at_us = cells[6].type == TL_STORE_NULL ? 0 : cells[6].integer;
    find->used_at_us = cells[7].type == TL_STORE_NULL ? 0 : cells[7].integer;
    if (!tl_scopes_read(find->arena, tl_store_text(find->arena, &cells[3]), &owner->scopes, &bad))
        return tl_err_set(err, TL_STATE, "the scopes of token \"%s\" cannot be read", find->id);
    owner->identity.user = owner->user;
    return owner->service ? tl_identity_read_kept(find->arena, cells[4].bytes, TL_STR(""), &owner->identity, err) : TL_OK;
}

static enum tl_code read_token(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct find *find = context;
    const struct tl_store_value id = TL_STORE_T(find->id);
    return tl_store_run(tx,
                        "SELECT hash, kind, user_name, scopes, groups_json, expires_at_us, revoked_at_us, used_at_us FROM token WHERE id = ?1", &id,
                        1, take_token, find, err);
}

/* At most once a minute a token, and not waited for. */
static void note_use(const struct find *find, int64_t now_us)
{
    if (now_us >= find->used_at_us && now_us - find->used_at_us < used_us_step)
        return;
    const struct tl_store_value params[] = {TL_STORE_I(now_us), TL_STORE_T(find->id)};
    tl_store_append(find->auth->store, "UPDATE token SET used_at_us = ?1 WHERE id = ?2", params, 2);
}

enum tl_code tl_token_find(tl_auth *auth, tl_arena *arena, struct tl_str token, struct tl_token_owner *ret_owner, struct tl_err *err)
{
    uint8_t hash[TL_SHA256_SIZE];
    struct find find = {.auth = auth, .arena = arena, .hash = hash, .owner = ret_owner};
    if (tl_auth_need_store(auth, err) != TL_OK)
        return err->code;
    find.id = tl_arena_strndup(arena, token.data + PREFIX_SIZE, 2 * ID_BYTES);
    tl_credentials_sha256(token, hash);
    if (tl_store_read(auth->store, read_token, &find, err) != TL_OK)
        return err->code;
    if (!find.same) /* whether such an id exists is not told */
        return tl_err_set(err, TL_UNAUTHENTICATED, "the token is not known");
    int64_t now_us = tl_auth_now_us(auth);
    if (find.revoked_at_us) {
        tl_err_set(err, TL_UNAUTHENTICATED, "the token \"%s\" was revoked", find.id);
        tl_err_hint(err, "make a new one: townlake token create");
        return TL_UNAUTHENTICATED;
    }
    if (now_us >= find.expires_at_us) {
        tl_err_set(err, TL_UNAUTHENTICATED, "the token \"%s\" ended %lld seconds ago", find.id, (long long)((now_us - find.expires_at_us) / 1000000));
        tl_err_hint(err, "make a new one: townlake token create");
        return TL_UNAUTHENTICATED;
    }
    note_use(&find, now_us);
    return TL_OK;
}

static enum tl_code take_count(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    (void)cell_count;
    (void)err;
    *(int64_t *)context = cells[0].integer;
    return TL_OK;
}

static enum tl_code count_active(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx, "SELECT count(*) FROM token WHERE revoked_at_us IS NULL", NULL, 0, take_count, context, err);
}

enum tl_code tl_token_any_active(tl_store *store, bool *ret_any, struct tl_err *err)
{
    int64_t count = 0;
    enum tl_code code = tl_store_read(store, count_active, &count, err);
    *ret_any = count > 0;
    return code;
}

/* ---- making ---- */

static enum tl_code check_maker(const struct tl_request *rq, const struct tl_token_wish *wish, struct tl_err *err)
{
    const struct tl_principal *maker = rq->principal;
    bool admin = tl_principal_is_admin(maker);
    if (!maker->authenticated) {
        tl_err_set(err, TL_NOT_ALLOWED, "a caller who only says a name cannot make tokens");
        tl_err_hint(err, "show a token of the configuration");
    } else if (!tl_principal_may(maker, TL_SCOPE_ADMIN)) {
        tl_err_set(err, TL_NOT_ALLOWED, "this token lacks the scope \"admin\", which making tokens needs");
        tl_err_hint(err, "sign in, or use a token with the scope admin");
    } else if (!admin && wish->service) {
        tl_err_set(err, TL_NOT_ALLOWED, "only members of the group \"" TL_GROUP_ADMIN "\" make tokens of services");
        tl_err_hint(err, "ask an administrator, or leave the service out for a token of your own");
    } else if ((wish->scopes & TL_SCOPE_SCIM) && !(admin && wish->service)) {
        tl_err_set(err, TL_NOT_ALLOWED, "the scope \"scim\" is for tokens of services, made by an administrator");
        tl_err_hint(err, "townlake token create --service NAME --scope scim");
    } else if (wish->scopes & maker->withheld & ~(unsigned)TL_SCOPE_SCIM) {
        tl_err_set(err, TL_NOT_ALLOWED, "a token cannot have scopes that its maker lacks");
        tl_err_hint(err, "leave out: %s", tl_scopes_text(rq->arena, wish->scopes & maker->withheld));
    }
    return err->code;
}

static enum tl_code check_wish(tl_auth *auth, const struct tl_request *rq, const struct tl_token_wish *wish, struct tl_err *err)
{
    if (!wish->label || !wish->label[0] || strlen(wish->label) > LABEL_BYTES_MAX || !tl_credentials_is_user(wish->label))
        tl_err_set(err, TL_INVALID_ARGUMENT, "a token needs a name of at most %d bytes, so that it can be told from others", LABEL_BYTES_MAX);
    else if (!wish->scopes)
        tl_err_set(err, TL_INVALID_ARGUMENT, "a token needs a scope: read, write, admin or scim");
    else if (wish->lifetime_us && (wish->lifetime_us < lifetime_us_min || wish->lifetime_us > auth->settings.token_lifetime_us_max))
        tl_err_set(err, TL_INVALID_ARGUMENT, "a token lives from 60 seconds to %lld days",
                   (long long)(auth->settings.token_lifetime_us_max / 1000000 / 86400));
    else if (!wish->service && wish->group_count)
        tl_err_set(err, TL_INVALID_ARGUMENT, "a personal token has the groups of its owner; groups are for services");
    else if (wish->group_count > SERVICE_GROUPS_MAX)
        tl_err_set(err, TL_INVALID_ARGUMENT, "a service has at most %d groups", SERVICE_GROUPS_MAX);
    else if (wish->service && (!tl_credentials_is_user(wish->service) || strchr(wish->service, '@')))
        tl_err_set(err, TL_INVALID_ARGUMENT, "the name of a service is text without \"@\", so that it cannot be taken for a person");
    for (size_t i = 0; i < wish->group_count; i++)
        if (!tl_credentials_is_user(wish->groups[i]))
            tl_err_set(err, TL_INVALID_ARGUMENT, "a group is not a name");
    for (size_t i = 0; wish->service && i < auth->fixed_count; i++)
        if (strcmp(auth->fixed[i].identity.user, wish->service) == 0)
            tl_err_set(err, TL_ALREADY_EXISTS, "the configuration has a user \"%s\"", wish->service);
    return err->code == TL_OK ? check_maker(rq, wish, err) : err->code;
}

struct making {
    const struct tl_token_info *info;
    struct tl_str hash;
    const char *groups_json;
    int64_t count;
};

static enum tl_code insert_token(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct making *making = context;
    const struct tl_token_info *info = making->info;
    const struct tl_store_value who[] = {TL_STORE_T(info->user), TL_STORE_I(info->created_at_us)};
    if (tl_store_run(tx, "SELECT count(*) FROM token WHERE user_name = ?1 AND revoked_at_us IS NULL AND expires_at_us > ?2", who, 2, take_count,
                     &making->count, err) != TL_OK)
        return err->code;
    if (making->count >= TOKENS_OF_USER_MAX) {
        tl_err_set(err, TL_CONSTRAINT, "user \"%s\" has %lld tokens, the limit is %d", info->user, (long long)making->count, TOKENS_OF_USER_MAX);
        tl_err_hint(err, "revoke some: townlake token list, townlake token revoke ID");
        return TL_CONSTRAINT;
    }
    const struct tl_store_value row[] = {
        TL_STORE_T(info->id),     TL_STORE_B(making->hash),       TL_STORE_T(info->kind),
        TL_STORE_T(info->user),   TL_STORE_T(info->label),        TL_STORE_T(info->scopes),
        TL_STORE_T(making->groups_json), TL_STORE_T(info->created_by), TL_STORE_I(info->created_at_us),
        TL_STORE_I(info->expires_at_us),
    };
    return tl_store_run(tx,
                        "INSERT INTO token (id, hash, kind, user_name, label, scopes, groups_json, created_by, created_at_us, expires_at_us) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                        row, sizeof row / sizeof *row, NULL, NULL, err);
}

/* The fact of it, for the audit: never the secret. */
static void tell(tl_auth *auth, const struct tl_request *rq, const char *kind, const char *id, const char *scopes)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, 64 * 1024);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "by", rq->principal->user);
    tl_json_pair_text(&json, "scopes", scopes);
    tl_json_end_object(&json);
    tl_store_fact(auth->store, kind, id, (struct tl_str){tl_buf_cstr(&buf), buf.size});
    tl_buf_done(&buf);
}

static enum tl_code make_secret(tl_arena *arena, char id[2 * ID_BYTES + 1], const char **ret_secret, struct tl_err *err)
{
    unsigned char bytes[SECRET_BYTES];
    if (tl_random_hex(id, ID_BYTES, err) != TL_OK || tl_random_bytes(bytes, sizeof bytes, err) != TL_OK)
        return err->code;
    *ret_secret = tl_arena_printf(arena, "%s%s_%s", prefix, id, tl_base64url_encode(arena, bytes, sizeof bytes));
    OPENSSL_cleanse(bytes, sizeof bytes);
    return TL_OK;
}

enum tl_code tl_token_create(struct tl_request *rq, tl_auth *auth, const struct tl_token_wish *wish, const char **ret_secret,
                             struct tl_token_info *ret_info)
{
    uint8_t hash[TL_SHA256_SIZE];
    char id[2 * ID_BYTES + 1];
    int64_t longest_us = auth->settings.token_lifetime_us_max;
    if (tl_auth_need_store(auth, &rq->err) != TL_OK || check_wish(auth, rq, wish, &rq->err) != TL_OK ||
        make_secret(rq->arena, id, ret_secret, &rq->err) != TL_OK)
        return rq->err.code;
    tl_credentials_sha256(tl_str_of(*ret_secret), hash);
    *ret_info = (struct tl_token_info){
        .id = tl_arena_strdup(rq->arena, id),
        .kind = wish->service ? "service" : "personal",
        .user = wish->service ? wish->service : rq->principal->user,
        .label = wish->label,
        .scopes = tl_scopes_text(rq->arena, wish->scopes),
        .created_by = rq->principal->user,
        .group_count = wish->group_count,
        .groups = wish->groups,
        .created_at_us = tl_auth_now_us(auth),
        .state = "active",
    };
    ret_info->expires_at_us =
        ret_info->created_at_us + (wish->lifetime_us ? wish->lifetime_us : longest_us < lifetime_us_default ? longest_us : lifetime_us_default);
    struct making making = {ret_info, {(const char *)hash, sizeof hash}, tl_identity_groups_json(rq->arena, wish->group_count, wish->groups), 0};
    if (tl_store_write(auth->store, insert_token, &making, &rq->err) == TL_OK)
        tell(auth, rq, "token_created", ret_info->id, ret_info->scopes);
    return rq->err.code;
}

/* ---- listing and revoking ---- */

struct listing {
    tl_auth *auth;
    tl_arena *arena;
    const char *user; /* NULL = all */
    struct tl_token_info *tokens;
    size_t count;
};

static enum tl_code take_row(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct listing *listing = context;
    struct tl_identity groups = {.user = ""};
    tl_arena *arena = listing->arena;
    (void)cell_count;
    if (tl_identity_read_kept(arena, cells[5].bytes, TL_STR(""), &groups, err) != TL_OK)
        return err->code;
    struct tl_token_info *info = &listing->tokens[listing->count++];
    *info = (struct tl_token_info){
        .id = tl_store_text(arena, &cells[0]),
        .kind = tl_store_text(arena, &cells[1]),
        .user = tl_store_text(arena, &cells[2]),
        .label = tl_store_text(arena, &cells[3]),
        .scopes = tl_store_text(arena, &cells[4]),
        .group_count = groups.group_count,
        .groups = groups.groups,
        .created_by = tl_store_text(arena, &cells[6]),
        .created_at_us = cells[7].integer,
        .expires_at_us = cells[8].integer,
        .revoked_at_us = cells[9].type == TL_STORE_NULL ? 0 : cells[9].integer,
        .used_at_us = cells[10].type == TL_STORE_NULL ? 0 : cells[10].integer,
    };
    info->state = info->revoked_at_us ? "revoked" : tl_auth_now_us(listing->auth) >= info->expires_at_us ? "expired" : "active";
    return TL_OK;
}

static enum tl_code read_rows(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct listing *listing = context;
    const struct tl_store_value params[] = {TL_STORE_T(listing->user), TL_STORE_I(LIST_MAX)};
    return tl_store_run(tx,
                        "SELECT id, kind, user_name, label, scopes, groups_json, created_by, created_at_us, expires_at_us, revoked_at_us, used_at_us "
                        "FROM token WHERE ?1 IS NULL OR user_name = ?1 ORDER BY created_at_us DESC, id LIMIT ?2",
                        params, 2, take_row, listing, err);
}

enum tl_code tl_token_list(struct tl_request *rq, tl_auth *auth, bool all, struct tl_token_info **ret_tokens, size_t *ret_count)
{
    if (all && !tl_principal_is_admin(rq->principal)) {
        tl_err_set(&rq->err, TL_NOT_ALLOWED, "only members of the group \"" TL_GROUP_ADMIN "\" see the tokens of others");
        tl_err_hint(&rq->err, "leave out the wish for all");
        return TL_NOT_ALLOWED;
    }
    if (tl_auth_need_store(auth, &rq->err) != TL_OK)
        return rq->err.code;
    struct listing listing = {auth, rq->arena, all ? NULL : rq->principal->user, TL_NEW_ARRAY(rq->arena, struct tl_token_info, LIST_MAX), 0};
    if (tl_store_read(auth->store, read_rows, &listing, &rq->err) != TL_OK)
        return rq->err.code;
    *ret_tokens = listing.tokens;
    *ret_count = listing.count;
    return TL_OK;
}

struct revoking {
    const char *id, *by, *owner; /* owner NULL = anybody's */
    int64_t now_us;
    bool found;
};

static enum tl_code take_found(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    (void)cells;
    (void)cell_count;
    (void)err;
    ((struct revoking *)context)->found = true;
    return TL_OK;
}

static enum tl_code mark_revoked(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct revoking *revoking = context;
    const struct tl_store_value whose[] = {TL_STORE_T(revoking->id), TL_STORE_T(revoking->owner)};
    if (tl_store_run(tx, "SELECT 1 FROM token WHERE id = ?1 AND (?2 IS NULL OR user_name = ?2)", whose, 2, take_found, revoking, err) != TL_OK ||
        !revoking->found)
        return err->code;
    const struct tl_store_value params[] = {TL_STORE_I(revoking->now_us), TL_STORE_T(revoking->by), TL_STORE_T(revoking->id)};
    return tl_store_run(tx, "UPDATE token SET revoked_at_us = ?1, revoked_by = ?2 WHERE id = ?3 AND revoked_at_us IS NULL", params, 3, NULL, NULL,
                        err);
}

enum tl_code tl_token_revoke(struct tl_request *rq, tl_auth *auth, const char *id)
{
    const struct tl_principal *caller = rq->principal;
    if (tl_auth_need_store(auth, &rq->err) != TL_OK)
        return rq->err.code;
    if (!tl_principal_may(caller, TL_SCOPE_ADMIN) && !tl_streq(caller->credential, id)) {
        tl_err_set(&rq->err, TL_NOT_ALLOWED, "this token lacks the scope \"admin\", so it can revoke itself only");
        tl_err_hint(&rq->err, "sign in, or use a token with the scope admin");
        return TL_NOT_ALLOWED;
    }
    struct revoking revoking = {id, caller->user, tl_principal_is_admin(caller) ? NULL : caller->user, tl_auth_now_us(auth), false};
    if (tl_store_write(auth->store, mark_revoked, &revoking, &rq->err) != TL_OK)
        return rq->err.code;
    if (!revoking.found) { /* somebody else's is not told from none */
        tl_err_set(&rq->err, TL_NOT_FOUND, "you have no token \"%.40s\"", id);
        tl_err_hint(&rq->err, "townlake token list shows them");
        return TL_NOT_FOUND;
    }
    tell(auth, rq, "token_revoked", id, NULL);
    return TL_OK;
}
