#include "auth/principal.h"

#include <string.h>

const char *tl_auth_kind_name(enum tl_auth_kind kind)
{
    static const char *const names[] = {"word", "token", "jwt", "access", "session"};
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

bool tl_principal_in_group(const struct tl_principal *principal, const char *group)
{
    for (size_t i = 0; i < principal->group_count; i++)
        if (strcmp(principal->groups[i], group) == 0)
            return true;
    return false;
}

bool tl_principal_may(const struct tl_principal *principal, enum tl_scope scope)
{
    return (principal->withheld & (unsigned)scope) == 0;
}

bool tl_principal_is_admin(const struct tl_principal *principal)
{
    return tl_principal_in_group(principal, TL_GROUP_ADMIN) && tl_principal_may(principal, TL_SCOPE_ADMIN);
}

bool tl_principal_is_auditor(const struct tl_principal *principal)
{
    return tl_principal_is_admin(principal) || tl_principal_in_group(principal, TL_GROUP_AUDITOR);
}

const char *tl_principal_attribute(const struct tl_principal *principal, const char *name)
{
    for (size_t i = 0; i < principal->attribute_count; i++)
        if (strcmp(principal->attributes[i].name, name) == 0)
            return principal->attributes[i].value;
    return NULL;
}

const struct tl_principal *tl_principal_copy(tl_arena *arena, const struct tl_principal *from)
{
    struct tl_principal *copy = TL_NEW(arena, struct tl_principal);
    const char **groups = TL_NEW_ARRAY(arena, const char *, from->group_count);
    struct tl_principal_attribute *attributes = TL_NEW_ARRAY(arena, struct tl_principal_attribute, from->attribute_count);
    *copy = *from;
    copy->user = tl_arena_strdup(arena, from->user);
    copy->credential = tl_arena_strdup(arena, from->credential);
    copy->agent = tl_arena_strdup(arena, from->agent);
    copy->agent_call = tl_arena_strdup(arena, from->agent_call);
    for (size_t i = 0; i < from->group_count; i++)
        groups[i] = tl_arena_strdup(arena, from->groups[i]);
    for (size_t i = 0; i < from->attribute_count; i++)
        attributes[i] = (struct tl_principal_attribute){tl_arena_strdup(arena, from->attributes[i].name),
                                                        tl_arena_strdup(arena, from->attributes[i].value)};
    copy->groups = groups;
    copy->attributes = attributes;
    return copy;
}
