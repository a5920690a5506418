#include "auth/identity_int.h"

#include <string.h>

#include "auth/credentials_int.h"

enum { KEPT_JSON_MAX = 1024 * 1024 };

const char *tl_identity_fold_user(tl_arena *arena, const char *user)
{
    char *copy = tl_arena_strdup(arena, user);
    if (copy && strchr(copy, '@'))
        for (char *c = copy; *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c | 0x20);
    return copy;
}

/* A claim by its name, or by a path of names with dots. */
static const tl_json *find_claim(tl_arena *arena, const tl_json *claims, const char *path)
{
    const tl_json *value = tl_json_get(claims, path);
    const char *dot = value ? NULL : strchr(path, '.');
    if (!dot)
        return value;
    return find_claim(arena, tl_json_get(claims, tl_arena_strndup(arena, path, (size_t)(dot - path))), dot + 1);
}

/* Text of a JSON string without NUL bytes that can be a name; NULL else. */
static const char *name_of(const tl_json *value)
{
    const char *text = tl_json_text(value);
    return text && strlen(text) == tl_json_str(value).size && tl_credentials_is_user(text) ? text : NULL;
}

static enum tl_code read_user(tl_arena *arena, const struct tl_claim_names *names, const tl_json *claims, const char **ret_user,
                              struct tl_err *err)
{
    const tl_json *value = find_claim(arena, claims, names->user);
    if (strcmp(names->user, "email") == 0 && tl_json_is_bool(tl_json_get(claims, "email_verified")) &&
        !tl_json_bool(tl_json_get(claims, "email_verified"), false)) {
        tl_err_set(err, TL_UNAUTHENTICATED, "the e-mail address is not verified at the identity provider");
        tl_err_hint(err, "verify it there and sign in again");
        return TL_UNAUTHENTICATED;
    }
    const char *user = name_of(value);
    if (!user) {
        tl_err_set(err, TL_UNAUTHENTICATED, "the token does not name its user: the claim \"%s\" is %s", names->user,
                   value ? "not a name" : "missing");
        tl_err_hint(err, "have the identity provider put it into the token, or set auth.user_claim to one that is there");
        return TL_UNAUTHENTICATED;
    }
    *ret_user = tl_identity_fold_user(arena, user);
    return TL_OK;
}

static enum tl_code too_many_groups(size_t count, struct tl_err *err)
{
    tl_err_set(err, TL_UNAUTHENTICATED, "the user has %zu groups, the limit is %d", count, TL_GROUPS_MAX);
    tl_err_hint(err, "have the identity provider send only the groups that matter here");
    return TL_UNAUTHENTICATED;
}

static enum tl_code odd_groups(const struct tl_claim_names *names, struct tl_err *err)
{
    tl_err_set(err, TL_UNAUTHENTICATED, "the claim \"%s\" is not a list of group names", names->groups);
    tl_err_hint(err, "have the identity provider send names, or set groups.claim to the claim that has them");
    return TL_UNAUTHENTICATED;
}

static enum tl_code read_groups(tl_arena *arena, const struct tl_claim_names *names, const tl_json *claims, struct tl_identity *identity,
                                struct tl_err *err)
{
    const tl_json *value = names->groups[0] ? find_claim(arena, claims, names->groups) : NULL;
    if (names->groups[0] && !value && tl_json_get(tl_json_get(claims, "_claim_names"), names->groups)) {
        /* The provider left them out for their number and points elsewhere: some that deny could be among them. */
        tl_err_set(err, TL_UNAUTHENTICATED, "the token leaves the user's groups out because they are too many");
        tl_err_hint(err, "have the identity provider send only the groups that matter here");
        return TL_UNAUTHENTICATED;
    }
    if (!value || tl_json_is_null(value))
        return TL_OK;
    if (tl_json_is_string(value)) {
        const char *only = name_of(value);
        return only ? tl_identity_add_groups(arena, identity, 1, &only, err) : odd_groups(names, err);
    }
    if (!tl_json_is_array(value))
        return odd_groups(names, err);
    size_t count = 0;
    if (tl_json_count(value) > TL_GROUPS_MAX)
        return too_many_groups(tl_json_count(value), err);
    const char **groups = TL_NEW_ARRAY(arena, const char *, tl_json_count(value));
    for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it);)
        if (!(groups[count++] = name_of(it.value)))
            return odd_groups(names, err);
    return tl_identity_add_groups(arena, identity, count, groups, err);
}

/* Numbers and booleans count by their text; other forms are no attribute. */
static const char *attribute_text(tl_arena *arena, const tl_json *value)
{
    int64_t number;
    if (tl_json_is_bool(value))
        return tl_json_bool(value, false) ? "true" : "false";
    if (tl_json_int64(value, &number))
        return tl_arena_printf(arena, "%lld", (long long)number);
    return name_of(value);
}

enum tl_code tl_identity_of_claims(tl_arena *arena, const struct tl_claim_names *names, const tl_json *claims,
                                   struct tl_identity *ret_identity, struct tl_err *err)
{
    *ret_identity = (struct tl_identity){0};
    if (read_user(arena, names, claims, &ret_identity->user, err) != TL_OK || read_groups(arena, names, claims, ret_identity, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < names->attribute_count; i++) {
        struct tl_principal_attribute attribute = {names->attributes[i], attribute_text(arena, find_claim(arena, claims, names->attributes[i]))};
        if (attribute.value)
            tl_identity_add_attributes(arena, ret_identity, 1, &attribute);
    }
    return TL_OK;
}

/* ---- kept ---- */

const char *tl_identity_groups_json(tl_arena *arena, size_t count, const char *const *groups)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, KEPT_JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        tl_json_put_text(&json, groups[i]);
    tl_json_end_array(&json);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

const char *tl_identity_attributes_json(tl_arena *arena, size_t count, const struct tl_principal_attribute *attributes)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, KEPT_JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    for (size_t i = 0; i < count; i++)
        tl_json_pair_text(&json, attributes[i].name, attributes[i].value);
    tl_json_end_object(&json);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

enum tl_code tl_identity_read_kept(tl_arena *arena, struct tl_str groups_json, struct tl_str attributes_json, struct tl_identity *identity,
                                   struct tl_err *err)
{
    const tl_json *groups = NULL, *attributes = NULL;
    if (tl_json_parse(arena, groups_json.data, groups_json.size, &groups, err) != TL_OK ||
        (attributes_json.size && tl_json_parse(arena, attributes_json.data, attributes_json.size, &attributes, err) != TL_OK))
        return err->code;
    const char **names = TL_NEW_ARRAY(arena, const char *, tl_json_count(groups));
    size_t count = 0;
    for (struct tl_json_iter it = tl_json_iter(groups); tl_json_next(&it);)
        if (!(names[count++] = name_of(it.value)))
            return tl_err_set(err, TL_STATE, "the groups kept of user \"%s\" cannot be read", identity->user);
    for (struct tl_json_iter it = tl_json_iter(attributes); tl_json_next(&it);) {
        struct tl_principal_attribute attribute = {it.key, attribute_text(arena, it.value)};
        if (attribute.value)
            tl_identity_add_attributes(arena, identity, 1, &attribute);
    }
    return tl_identity_add_groups(arena, identity, count, names, err);
}

/* ---- unions ---- */

static bool has_group(const struct tl_identity *identity, size_t count, const char *group)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(identity->groups[i], group) == 0)
            return true;
    return false;
}

enum tl_code tl_identity_add_groups(tl_arena *arena, struct tl_identity *identity, size_t count, const char *const *groups, struct tl_err *err)
{
    if (count > TL_GROUPS_MAX)
        return too_many_groups(count, err);
    const char **all = TL_NEW_ARRAY(arena, const char *, identity->group_count + count);
    size_t used = identity->group_count;
    for (size_t i = 0; i < used; i++)
        all[i] = identity->groups[i];
    identity->groups = all;
    for (size_t i = 0; i < count; i++)
        if (!has_group(identity, used, groups[i]))
            all[used++] = groups[i];
    identity->group_count = used;
    return used > TL_GROUPS_MAX ? too_many_groups(used, err) : TL_OK;
}

void tl_identity_add_attributes(tl_arena *arena, struct tl_identity *identity, size_t count, const struct tl_principal_attribute *attributes)
{
    struct tl_principal_attribute *all = TL_NEW_ARRAY(arena, struct tl_principal_attribute, identity->attribute_count + count);
    size_t used = identity->attribute_count;
    for (size_t i = 0; i < used; i++)
        all[i] = identity->attributes[i];
    for (size_t i = 0; i < count && used < TL_ATTRIBUTES_MAX; i++) {
        size_t k = 0;
        while (k < used && strcmp(all[k].name, attributes[i].name) != 0)
            k++;
        if (k == used)
            all[used++] = attributes[i];
    }
    identity->attributes = all;
    identity->attribute_count = used;
}
