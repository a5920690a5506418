#include "auth/directory_int.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "auth/credentials_int.h"

enum { ARENA_MAX = 512 * 1024 * 1024 };

struct membership {
    const char *user, *group;
};

struct fact {
    const char *user;
    struct tl_principal_attribute attribute;
};

struct tl_directory {
    tl_arena *arena;
    atomic_int users;
    size_t membership_count, fact_count;
    struct membership *memberships; /* by user */
    struct fact *facts;             /* by user */
};

/* ---- reading ---- */

static enum tl_code odd(struct tl_err *err, const char *what)
{
    tl_err_set(err, TL_INVALID_VALUE, "the document of groups %s", what);
    tl_err_hint(err, "it looks like {\"groups\": {\"analyst\": [\"ana@example.com\"]}, \"users\": {\"ana@example.com\": {\"country\": \"DE\"}}}");
    return TL_INVALID_VALUE;
}

static bool is_name(const tl_json *value)
{
    const char *text = tl_json_text(value);
    return text && strlen(text) == tl_json_str(value).size && tl_credentials_is_user(text);
}

static size_t count_members(const tl_json *object)
{
    size_t count = 0;
    for (struct tl_json_iter it = tl_json_iter(object); tl_json_next(&it);)
        count += tl_json_count(it.value);
    return count;
}

static enum tl_code read_groups(tl_directory *directory, const tl_json *groups, struct tl_err *err)
{
    size_t count = count_members(groups);
    if (!tl_json_is_object(groups))
        return odd(err, "has no \"groups\"");
    if (count > TL_MEMBERSHIPS_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the document of groups has %zu memberships, the limit is %d", count, TL_MEMBERSHIPS_MAX);
    directory->memberships = TL_NEW_ARRAY(directory->arena, struct membership, count);
    for (struct tl_json_iter it = tl_json_iter(groups); tl_json_next(&it);) {
        if (!tl_credentials_is_user(it.key) || !tl_json_is_array(it.value))
            return odd(err, "has a group that is not a name with a list");
        for (struct tl_json_iter member = tl_json_iter(it.value); tl_json_next(&member);) {
            if (!is_name(member.value))
                return odd(err, "has a member that is not a name");
            directory->memberships[directory->membership_count++] =
                (struct membership){tl_identity_fold_user(directory->arena, tl_json_text(member.value)), it.key};
        }
    }
    return TL_OK;
}

static enum tl_code read_facts(tl_directory *directory, const tl_json *users, struct tl_err *err)
{
    size_t count = count_members(users);
    if (users && !tl_json_is_object(users))
        return odd(err, "has \"users\" in another form than names with attributes");
    if (count > TL_MEMBERSHIPS_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the document of groups has %zu attributes, the limit is %d", count, TL_MEMBERSHIPS_MAX);
    directory->facts = TL_NEW_ARRAY(directory->arena, struct fact, count);
    for (struct tl_json_iter it = tl_json_iter(users); tl_json_next(&it);) {
        if (!tl_credentials_is_user(it.key) || !tl_json_is_object(it.value))
            return odd(err, "has a user that is not a name with attributes");
        const char *user = tl_identity_fold_user(directory->arena, it.key);
        for (struct tl_json_iter fact = tl_json_iter(it.value); tl_json_next(&fact);) {
            if (!is_name(fact.value))
                return odd(err, "has an attribute that is not text");
            directory->facts[directory->fact_count++] = (struct fact){user, {fact.key, tl_json_text(fact.value)}};
        }
    }
    return TL_OK;
}

static int by_user(const void *a, const void *b)
{
    /* both kinds of row begin with the user */
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum tl_code fill(tl_directory *directory, struct tl_str json, struct tl_err *err)
{
    const tl_json *root = NULL;
    if (json.size > TL_DIRECTORY_BYTES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the document of groups has %zu bytes, the limit is %d", json.size, TL_DIRECTORY_BYTES_MAX);
    if (tl_json_parse(directory->arena, json.data, json.size, &root, err) != TL_OK)
        return err->code;
    for (struct tl_json_iter it = tl_json_iter(root); tl_json_next(&it);)
        if (!tl_json_is_object(root) || (strcmp(it.key, "groups") != 0 && strcmp(it.key, "users") != 0))
            return odd(err, "has other members than \"groups\" and \"users\"");
    if (read_groups(directory, tl_json_get(root, "groups"), err) != TL_OK || read_facts(directory, tl_json_get(root, "users"), err) != TL_OK)
        return err->code;
    qsort(directory->memberships, directory->membership_count, sizeof *directory->memberships, by_user);
    qsort(directory->facts, directory->fact_count, sizeof *directory->facts, by_user);
    return tl_arena_check(directory->arena, "the document of groups", err);
}

enum tl_code tl_directory_parse(struct tl_str json, tl_directory **ret_directory, struct tl_err *err)
{
    *ret_directory = NULL;
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    tl_directory *directory = TL_NEW(arena, tl_directory);
    directory->arena = arena;
    atomic_init(&directory->users, 1);
    if (fill(directory, json, err) != TL_OK)
        tl_directory_release(directory);
    else
        *ret_directory = directory;
    return err->code;
}

tl_directory *tl_directory_keep(tl_directory *directory)
{
    if (directory)
        atomic_fetch_add(&directory->users, 1);
    return directory;
}

tl_directory *tl_directory_release(tl_directory *directory)
{
    if (directory && atomic_fetch_sub(&directory->users, 1) == 1)
        tl_arena_free(directory->arena);
    return NULL;
}

/* ---- finding ---- */

/* The first of the rows of `user`; count when there is none. */
static size_t first_of(const void *rows, size_t count, size_t size, const char *user)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(*(const char *const *)(const void *)((const char *)rows + middle * size), user) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum tl_code tl_directory_add(const tl_directory *directory, tl_arena *arena, struct tl_identity *identity, struct tl_err *err)
{
    const char *user = tl_identity_fold_user(arena, identity->user);
    size_t first = first_of(directory->memberships, directory->membership_count, sizeof *directory->memberships, user), end = first;
    while (end < directory->membership_count && strcmp(directory->memberships[end].user, user) == 0)
        end++;
    const char **groups = TL_NEW_ARRAY(arena, const char *, end - first);
    for (size_t i = first; i < end; i++)
        groups[i - first] = tl_arena_strdup(arena, directory->memberships[i].group);
    for (size_t i = first_of(directory->facts, directory->fact_count, sizeof *directory->facts, user);
         i < directory->fact_count && strcmp(directory->facts[i].user, user) == 0; i++) {
        const struct tl_principal_attribute *from = &directory->facts[i].attribute;
        struct tl_principal_attribute copy = {tl_arena_strdup(arena, from->name), tl_arena_strdup(arena, from->value)};
        tl_identity_add_attributes(arena, identity, 1, &copy);
    }
    return tl_identity_add_groups(arena, identity, end - first, groups, err);
}
