/* An LDAP directory as a document of groups: all people, all groups, and who is in which, also through groups in groups. */
#include <ldap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "auth/credentials_int.h"
#include "auth/groups_int.h"

enum { PAGE_ENTRIES = 500, ENTRIES_MAX = 500000, NETWORK_S = 5, ANSWER_S = 30, DN_BYTES_MAX = 4096 };

struct person {
    const char *dn, *user;
};

struct group {
    const char *dn, *name;
    size_t member_count;
    const char **members; /* DNs */
    size_t visit;         /* of the group whose members are being gathered */
};

struct pull {
    const struct tl_groups_settings *settings;
    tl_arena *arena;
    LDAP *ldap;
    size_t person_count, person_room, group_count, group_room, visit;
    struct person *people;
    struct group *groups;
    size_t memberships;
    struct tl_json_writer json;
    struct tl_err *err;
};

static enum tl_code failed(struct pull *pull, int result, const char *what)
{
    enum tl_code code = result == LDAP_INVALID_CREDENTIALS ? TL_SOURCE_AUTH
                        : result == LDAP_SERVER_DOWN || result == LDAP_CONNECT_ERROR || result == LDAP_TIMEOUT ? TL_SOURCE_UNAVAILABLE
                                                                                                               : TL_SOURCE_FAILED;
    return tl_err_set(pull->err, code, "the LDAP server refuses to %s: %s", what, ldap_err2string(result));
}

/* ---- the connection ---- */

static enum tl_code set_options(struct pull *pull)
{
    const struct timeval network = {.tv_sec = NETWORK_S}, answer = {.tv_sec = ANSWER_S};
    int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, server = 0, result = LDAP_SUCCESS;
    const char *ca_file = pull->settings->ca_file;
    if ((result = ldap_set_option(pull->ldap, LDAP_OPT_PROTOCOL_VERSION, &version)) != LDAP_SUCCESS ||
        (result = ldap_set_option(pull->ldap, LDAP_OPT_NETWORK_TIMEOUT, &network)) != LDAP_SUCCESS ||
        (result = ldap_set_option(pull->ldap, LDAP_OPT_TIMEOUT, &answer)) != LDAP_SUCCESS ||
        (result = ldap_set_option(pull->ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF)) != LDAP_SUCCESS || /* only the server that was named */
        (result = ldap_set_option(pull->ldap, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand)) != LDAP_SUCCESS ||
        (ca_file && (result = ldap_set_option(pull->ldap, LDAP_OPT_X_TLS_CACERTFILE, ca_file)) != LDAP_SUCCESS) ||
        (result = ldap_set_option(pull->ldap, LDAP_OPT_X_TLS_NEWCTX, &server)) != LDAP_SUCCESS)
        return failed(pull, result, "be set up");
    return TL_OK;
}

static enum tl_code open_ldap(struct pull *pull)
{
    const struct tl_groups_settings *settings = pull->settings;
    const char *password = "";
    int result = ldap_initialize(&pull->ldap, settings->ldap_url);
    if (result != LDAP_SUCCESS)
        return failed(pull, result, "be found");
    if (set_options(pull) != TL_OK)
        return pull->err->code;
    bool plain = strncmp(settings->ldap_url, "ldap://", 7) == 0;
    if (plain && settings->ldap_start_tls && (result = ldap_start_tls_s(pull->ldap, NULL, NULL)) != LDAP_SUCCESS)
        return failed(pull, result, "start TLS");
    if (settings->ldap_bind_dn[0]) {
        if (tl_config_secret(pull->arena, settings->ldap_password, &password, pull->err) != TL_OK)
            return pull->err->code;
        if (!password[0])
            return tl_err_set(pull->err, TL_CONFIG, "the secret of groups.ldap_password is empty");
    }
    struct berval credentials = {strlen(password), tl_arena_strdup(pull->arena, password)};
    result = ldap_sasl_bind_s(pull->ldap, settings->ldap_bind_dn, LDAP_SASL_SIMPLE, &credentials, NULL, NULL, NULL);
    return result == LDAP_SUCCESS ? TL_OK : failed(pull, result, "bind");
}

/* ---- names ---- */

/* DNs are compared without case and spaces around their parts; NULL when it is none. */
static const char *normal_dn(struct pull *pull, const char *dn)
{
    char *normal = NULL;
    if (strlen(dn) > DN_BYTES_MAX || ldap_dn_normalize(dn, LDAP_DN_FORMAT_LDAPV3, &normal, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS || !normal)
        return NULL;
    char *copy = tl_arena_strdup(pull->arena, normal);
    ldap_memfree(normal);
    for (char *c = copy; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    return copy;
}

static const char *dn_of(struct pull *pull, LDAPMessage *entry)
{
    char *dn = ldap_get_dn(pull->ldap, entry);
    const char *normal = dn ? normal_dn(pull, dn) : NULL;
    ldap_memfree(dn);
    return normal;
}

/* All values that hold no NUL byte. */
static const char **values_of(struct pull *pull, LDAPMessage *entry, const char *attribute, size_t *ret_count)
{
    struct berval **values = ldap_get_values_len(pull->ldap, entry, attribute);
    int count = values ? ldap_count_values_len(values) : 0;
    const char **texts = TL_NEW_ARRAY(pull->arena, const char *, count + 1);
    *ret_count = 0;
    for (int i = 0; i < count; i++)
        if (!memchr(values[i]->bv_val, '\0', values[i]->bv_len))
            texts[(*ret_count)++] = tl_arena_strndup(pull->arena, values[i]->bv_val, values[i]->bv_len);
    ldap_value_free_len(values);
    return texts;
}

/* The first value, when it can be a name. */
static const char *name_of(struct pull *pull, LDAPMessage *entry, const char *attribute)
{
    size_t count;
    const char **values = values_of(pull, entry, attribute, &count);
    return count && tl_credentials_is_user(values[0]) ? values[0] : NULL;
}

/* ---- entries ---- */

static void *one_more(struct pull *pull, void *rows, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return rows;
    size_t before = *room;
    *room = before ? 2 * before : 256;
    return tl_arena_grow(pull->arena, rows, before * size, *room * size);
}

static void take_person(struct pull *pull, LDAPMessage *entry)
{
    const char *dn = dn_of(pull, entry), *user = name_of(pull, entry, pull->settings->ldap_user_attribute);
    if (!dn || !user)
        return;
    pull->people = one_more(pull, pull->people, pull->person_count, &pull->person_room, sizeof *pull->people);
    pull->people[pull->person_count++] = (struct person){dn, user};
}

static void take_group(struct pull *pull, LDAPMessage *entry)
{
    struct group group = {.dn = dn_of(pull, entry), .name = name_of(pull, entry, pull->settings->ldap_group_attribute)};
    if (!group.dn || !group.name)
        return;
    group.members = values_of(pull, entry, pull->settings->ldap_member_attribute, &group.member_count);
    for (size_t i = 0; i < group.member_count; i++)
        group.members[i] = normal_dn(pull, group.members[i]);
    pull->groups = one_more(pull, pull->groups, pull->group_count, &pull->group_room, sizeof *pull->groups);
    pull->groups[pull->group_count++] = group;
}

typedef void (*take_function)(struct pull *pull, LDAPMessage *entry);

/* One page; *cookie goes on where it ended. */
static enum tl_code search_page(struct pull *pull, const char *base, const char *filter, char **attributes, struct berval *cookie, size_t *total,
                                take_function take)
{
    LDAPControl *page = NULL, **answered = NULL;
    LDAPMessage *answer = NULL;
    struct berval next = {0, NULL};
    ber_int_t estimate;
    int status = LDAP_SUCCESS;
    int result = ldap_create_page_control(pull->ldap, PAGE_ENTRIES, cookie->bv_val ? cookie : NULL, 1, &page);
    LDAPControl *asked[] = {page, NULL};
    if (result == LDAP_SUCCESS)
        result = ldap_search_ext_s(pull->ldap, base, LDAP_SCOPE_SUBTREE, filter, attributes, 0, asked, NULL, NULL, 0, &answer);
    for (LDAPMessage *entry = result == LDAP_SUCCESS ? ldap_first_entry(pull->ldap, answer) : NULL; entry && *total <= ENTRIES_MAX;
         entry = ldap_next_entry(pull->ldap, entry), ++*total)
        take(pull, entry);
    if (result == LDAP_SUCCESS)
        result = ldap_parse_result(pull->ldap, answer, &status, NULL, NULL, NULL, &answered, 0);
    LDAPControl *found = answered ? ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, answered, NULL) : NULL;
    if (result == LDAP_SUCCESS && found)
        result = ldap_parse_pageresponse_control(pull->ldap, found, &estimate, &next);
    ldap_memfree(cookie->bv_val);
    *cookie = next;
    ldap_controls_free(answered);
    ldap_control_free(page);
    ldap_msgfree(answer);
    return result == LDAP_SUCCESS ? TL_OK : failed(pull, result, "search");
}

static enum tl_code search(struct pull *pull, const char *base, const char *filter, const char *first, const char *second, take_function take)
{
    char *attributes[] = {tl_arena_strdup(pull->arena, first), tl_arena_strdup(pull->arena, second), NULL};
    struct berval cookie = {0, NULL};
    size_t total = 0;
    enum tl_code code;
    do
        code = search_page(pull, base, filter, attributes, &cookie, &total, take);
    while (code == TL_OK && cookie.bv_val && cookie.bv_len > 0 && total <= ENTRIES_MAX);
    ldap_memfree(cookie.bv_val);
    if (code == TL_OK && total > ENTRIES_MAX)
        code = tl_err_set(pull->err, TL_TOO_LARGE, "the LDAP server has more than %d entries below \"%s\"", ENTRIES_MAX, base);
    return code == TL_OK ? tl_arena_check(pull->arena, "the answer of the LDAP server", pull->err) : code;
}

/* ---- who is in which ---- */

static int by_dn(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b); /* both kinds of row begin with the DN */
}

/* The people of a group and of the groups in it, each group once, so that a ring ends. */
static void put_members(struct pull *pull, struct group *group)
{
    if (group->visit == pull->visit)
        return;
    group->visit = pull->visit;
    struct group **waiting = TL_NEW_ARRAY(pull->arena, struct group *, pull->group_count);
    size_t count = 0;
    waiting[count++] = group;
    while (count) {
        struct group *next = waiting[--count];
        for (size_t i = 0; i < next->member_count && pull->memberships <= TL_MEMBERSHIPS_MAX; i++) {
            if (!next->members[i])
                continue;
            const struct person *person = bsearch(&next->members[i], pull->people, pull->person_count, sizeof *pull->people, by_dn);
            struct group *inner = bsearch(&next->members[i], pull->groups, pull->group_count, sizeof *pull->groups, by_dn);
            if (person && ++pull->memberships)
                tl_json_put_text(&pull->json, person->user);
            if (inner && inner->visit != pull->visit) {
                inner->visit = pull->visit;
                waiting[count++] = inner;
            }
        }
    }
}

static enum tl_code put_groups(struct pull *pull)
{
    if (pull->person_count)
        qsort(pull->people, pull->person_count, sizeof *pull->people, by_dn);
    if (pull->group_count)
        qsort(pull->groups, pull->group_count, sizeof *pull->groups, by_dn);
    tl_json_begin_object(&pull->json);
    tl_json_key(&pull->json, "groups");
    tl_json_begin_object(&pull->json);
    for (size_t i = 0; i < pull->group_count; i++) {
        pull->visit = i + 1;
        tl_json_key(&pull->json, pull->groups[i].name);
        tl_json_begin_array(&pull->json);
        put_members(pull, &pull->groups[i]);
        tl_json_end_array(&pull->json);
    }
    tl_json_end_object(&pull->json);
    tl_json_end_object(&pull->json);
    if (pull->memberships > TL_MEMBERSHIPS_MAX)
        return tl_err_set(pull->err, TL_TOO_LARGE, "the LDAP server has more than %d memberships", TL_MEMBERSHIPS_MAX);
    return TL_OK;
}

enum tl_code tl_groups_pull_ldap(const struct tl_groups_settings *settings, tl_arena *arena, struct tl_buf *json, struct tl_err *err)
{
    struct pull pull = {.settings = settings, .arena = arena, .err = err};
    tl_json_writer_init(&pull.json, json);
    if (open_ldap(&pull) == TL_OK &&
        search(&pull, settings->ldap_user_base, settings->ldap_user_filter, settings->ldap_user_attribute, "objectClass", take_person) == TL_OK &&
        search(&pull, settings->ldap_group_base, settings->ldap_group_filter, settings->ldap_group_attribute, settings->ldap_member_attribute,
               take_group) == TL_OK)
        (void)!put_groups(&pull);
    if (pull.ldap)
        ldap_unbind_ext_s(pull.ldap, NULL, NULL);
    return err->code;
}
