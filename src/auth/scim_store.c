#include "auth/scim_store_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

enum { ID_BYTES = 16, PAGE_MAX = 1000, ROW_ARENA_MAX = 64 * 1024 * 1024 };

static const char columns[] = "id, body, version, created_at_us, changed_at_us";

/* What a call does within one transaction. */
struct work {
    struct tl_scim_state *state;
    enum tl_scim_type type;
    const char *id;
    int64_t if_version;
    const tl_scim_node *replacement, *document;
    struct tl_scim_resource *resource;
    struct tl_scim_page *page;
    tl_arena *arena; /* of the rows being read */
    bool found;
};

static const char *fold(tl_arena *arena, const char *name)
{
    char *copy = tl_arena_strdup(arena, name);
    for (char *c = copy; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    return copy;
}

/* A failure of the request ends the transaction too; the code is only to leave it. */
static enum tl_code leave(struct work *work, struct tl_err *err)
{
    return tl_err_set(err, TL_CANCELLED, "%s", work->state->scim_err->detail);
}

static bool done(struct tl_scim_state *state, enum tl_code code, struct tl_err *err)
{
    if (code == TL_OK && !state->scim_err->status)
        return true;
    if (!state->scim_err->status)
        tl_err_copy(state->err, err);
    return false;
}

/* ---- reading ---- */

static enum tl_code read_body(tl_arena *arena, struct tl_str text, tl_scim_node **ret_body, struct tl_err *err)
{
    const tl_json *json = NULL;
    if (tl_json_parse(arena, text.data, text.size, &json, err) != TL_OK)
        return err->code;
    *ret_body = tl_scim_node_of(arena, json);
    return TL_OK;
}

static enum tl_code take_resource(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct work *work = context;
    tl_arena *arena = work->arena;
    (void)cell_count;
    work->found = true;
    *work->resource = (struct tl_scim_resource){
        .id = tl_arena_strndup(arena, cells[0].bytes.data, cells[0].bytes.size),
        .type = work->type,
        .version = cells[2].integer,
        .created_at_us = cells[3].integer,
        .changed_at_us = cells[4].integer,
    };
    return read_body(arena, cells[1].bytes, &work->resource->body, err);
}

struct listing {
    struct work *work;
    tl_scim_node *list;
};

static enum tl_code take_member(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct listing *listing = context;
    tl_scim_node *member = NULL;
    (void)cell_count;
    if (read_body(listing->work->arena, cells[0].bytes, &member, err) != TL_OK)
        return err->code;
    member->next = listing->list->first; /* read backwards, so that a long list is not walked for each */
    listing->list->first = member;
    return TL_OK;
}

static enum tl_code take_group(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct listing *listing = context;
    tl_arena *arena = listing->work->arena;
    const char *id = tl_arena_strndup(arena, cells[0].bytes.data, cells[0].bytes.size);
    tl_scim_node *group = tl_scim_node_new(arena, TL_SCIM_OBJECT);
    (void)cell_count;
    (void)err;
    tl_scim_set(arena, group, "value", tl_scim_node_text(arena, id));
    tl_scim_set(arena, group, "$ref", tl_scim_node_text(arena, tl_arena_printf(arena, "%s/Groups/%s", listing->work->state->base_url, id)));
    tl_scim_set(arena, group, "display", tl_scim_node_text(arena, tl_arena_strndup(arena, cells[1].bytes.data, cells[1].bytes.size)));
    tl_scim_set(arena, group, "type", tl_scim_node_text(arena, cells[2].integer ? "direct" : "indirect"));
    group->next = listing->list->first;
    listing->list->first = group;
    return TL_OK;
}

static enum tl_code add_related(struct work *work, tl_store_tx *tx, struct tl_err *err)
{
    struct listing listing = {work, tl_scim_node_new(work->arena, TL_SCIM_LIST)};
    const struct tl_store_value id = TL_STORE_T(work->resource->id);
    enum tl_code code =
        work->type == TL_SCIM_GROUP
            ? tl_store_run(tx, "SELECT body FROM scim_member WHERE group_id = ?1 ORDER BY member_id DESC", &id, 1, take_member, &listing, err)
            : tl_store_run(tx,
                           "WITH RECURSIVE up(id) AS (SELECT group_id FROM scim_member WHERE member_id = ?1 UNION SELECT m.group_id FROM "
                           "scim_member m JOIN up ON m.member_id = up.id) SELECT r.id, r.name, EXISTS (SELECT 1 FROM scim_member d WHERE "
                           "d.group_id = r.id AND d.member_id = ?1) FROM scim_resource r JOIN up ON r.id = up.id ORDER BY r.id DESC",
                           &id, 1, take_group, &listing, err);
    if (code == TL_OK && listing.list->first)
        tl_scim_set(work->arena, work->resource->body, work->type == TL_SCIM_GROUP ? "members" : "groups", listing.list);
    return code;
}

static enum tl_code find(struct work *work, tl_store_tx *tx, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(tl_scim_type_name(work->type)), TL_STORE_T(work->id)};
    const char *sql = tl_arena_printf(work->arena, "SELECT %s FROM scim_resource WHERE type = ?1 AND id = ?2", columns);
    if (tl_store_run(tx, sql, params, 2, take_resource, work, err) != TL_OK)
        return err->code;
    if (!work->found)
        tl_scim_fail(work->state->scim_err, 404, NULL, "there is no %s \"%.60s\"", tl_scim_type_name(work->type), work->id);
    else if (work->if_version && work->if_version != work->resource->version)
        tl_scim_fail(work->state->scim_err, 412, NULL, "the %s has changed meanwhile", tl_scim_type_name(work->type));
    else
        return add_related(work, tx, err);
    return leave(work, err);
}

static enum tl_code run_get(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return find(context, tx, err);
}

bool tl_scim_store_get(struct tl_scim_state *state, enum tl_scim_type type, const char *id, struct tl_scim_resource *ret_resource)
{
    struct work work = {.state = state, .type = type, .id = id, .resource = ret_resource, .arena = state->arena};
    struct tl_err err;
    tl_err_init(&err);
    return done(state, tl_store_read(state->store, run_get, &work, &err), &err);
}

/* ---- writing ---- */

static enum tl_code take_known(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    (void)cells;
    (void)cell_count;
    (void)err;
    *(bool *)context = true;
    return TL_OK;
}

static enum tl_code put_member(struct work *work, tl_store_tx *tx, const tl_scim_node *member, struct tl_err *err)
{
    const char *id = tl_scim_get_text(member, "value");
    bool known = false;
    const struct tl_store_value row[] = {TL_STORE_T(work->resource->id), TL_STORE_T(id), TL_STORE_T(tl_scim_node_json(work->arena, member))};
    if (id && tl_store_run(tx, "SELECT 1 FROM scim_resource WHERE id = ?1", &row[1], 1, take_known, &known, err) != TL_OK)
        return err->code;
    if (!known) {
        tl_scim_fail(work->state->scim_err, 400, "invalidValue", "there is no user or group \"%.60s\"", id ? id : "");
        return leave(work, err);
    }
    return tl_store_run(tx,
                        "INSERT INTO scim_member (group_id, member_id, body) VALUES (?1, ?2, ?3) ON CONFLICT (group_id, member_id) DO UPDATE SET "
                        "body = excluded.body WHERE scim_member.body <> excluded.body",
                        row, 3, NULL, NULL, err);
}

struct leaving {
    const tl_scim_node **members; /* by id */
    size_t count, gone_count;
    const char **gone;
    tl_arena *arena;
};

static int by_value(const void *a, const void *b)
{
    const char *x = tl_scim_get_text(*(const tl_scim_node *const *)a, "value"), *y = tl_scim_get_text(*(const tl_scim_node *const *)b, "value");
    return strcmp(x ? x : "", y ? y : "");
}

static enum tl_code take_leaving(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct leaving *leaving = context;
    const char *id = tl_arena_strndup(leaving->arena, cells[0].bytes.data, cells[0].bytes.size);
    size_t low = 0, high = leaving->count;
    (void)cell_count;
    (void)err;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *value = tl_scim_get_text(leaving->members[middle], "value");
        if (strcmp(value ? value : "", id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == leaving->count || !tl_streq(tl_scim_get_text(leaving->members[low], "value"), id)) {
        leaving->gone = tl_arena_grow(leaving->arena, leaving->gone, leaving->gone_count * sizeof *leaving->gone,
                                      (leaving->gone_count + 1) * sizeof *leaving->gone);
        leaving->gone[leaving->gone_count++] = id;
    }
    return TL_OK;
}

/* The members of the state become those of the list; those that stay are not touched. */
static enum tl_code put_members(struct work *work, tl_store_tx *tx, const tl_scim_node *members, struct tl_err *err)
{
    size_t count = tl_scim_count(members), used = 0;
    struct leaving leaving = {.members = TL_NEW_ARRAY(work->arena, const tl_scim_node *, count), .count = count, .arena = work->arena};
    const struct tl_store_value group = TL_STORE_T(work->resource->id);
    for (const tl_scim_node *member = members ? members->first : NULL; member; member = member->next)
        leaving.members[used++] = member;
    if (count)
        qsort(leaving.members, count, sizeof *leaving.members, by_value);
    leaving.gone = TL_NEW_ARRAY(work->arena, const char *, 1);
    if (tl_store_run(tx, "SELECT member_id FROM scim_member WHERE group_id = ?1", &group, 1, take_leaving, &leaving, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < leaving.gone_count; i++) {
        const struct tl_store_value row[] = {group, TL_STORE_T(leaving.gone[i])};
        if (tl_store_run(tx, "DELETE FROM scim_member WHERE group_id = ?1 AND member_id = ?2", row, 2, NULL, NULL, err) != TL_OK)
            return err->code;
    }
    for (size_t i = 0; i < count; i++)
        if (put_member(work, tx, leaving.members[i], err) != TL_OK)
            return err->code;
    return TL_OK;
}

static enum tl_code put(struct work *work, tl_store_tx *tx, bool create, struct tl_err *err)
{
    struct tl_scim_resource *resource = work->resource;
    tl_arena *arena = work->arena;
    const char *name;
    if (!tl_scim_name_of(work->type, resource->body, &name, work->state->scim_err))
        return leave(work, err);
    const tl_scim_node *active = tl_scim_get(resource->body, "active"), *members = tl_scim_get(resource->body, "members");
    tl_scim_node *kept = tl_scim_copy(arena, resource->body);
    tl_scim_set(arena, kept, "members", NULL);
    tl_scim_set(arena, kept, "groups", NULL);
    const struct tl_store_value row[] = {
        TL_STORE_T(resource->id),
        TL_STORE_T(tl_scim_type_name(work->type)),
        TL_STORE_T(fold(arena, name)),
        TL_STORE_I(!active || active->truth),
        TL_STORE_T(tl_scim_node_json(arena, kept)),
        TL_STORE_I(resource->version),
        TL_STORE_I(resource->created_at_us),
        TL_STORE_I(resource->changed_at_us),
        TL_STORE_T(name),
    };
    const char *sql = create ? "INSERT INTO scim_resource (id, type, folded, active, body, version, created_at_us, changed_at_us, name) VALUES "
                               "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                             : "UPDATE scim_resource SET folded = ?3, active = ?4, body = ?5, version = ?6, created_at_us = ?7, changed_at_us = "
                               "?8, name = ?9 WHERE id = ?1 AND type = ?2";
    enum tl_code code = tl_store_run(tx, sql, row, sizeof row / sizeof *row, NULL, NULL, err);
    if (code == TL_ALREADY_EXISTS || code == TL_CONSTRAINT)
        tl_scim_fail(work->state->scim_err, 409, "uniqueness", "there is a %s \"%.120s\" already", tl_scim_type_name(work->type), name);
    return code == TL_OK && work->type == TL_SCIM_GROUP ? put_members(work, tx, members, err) : code;
}

static enum tl_code run_create(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return put(context, tx, true, err);
}

bool tl_scim_store_create(struct tl_scim_state *state, enum tl_scim_type type, tl_scim_node *body, struct tl_scim_resource *ret_resource)
{
    struct work work = {.state = state, .type = type, .resource = ret_resource, .arena = state->arena};
    char *id = tl_arena_alloc(state->arena, 2 * ID_BYTES + 1);
    struct tl_err err;
    tl_err_init(&err);
    if (tl_random_hex(id, ID_BYTES, &err) != TL_OK)
        return done(state, err.code, &err);
    *ret_resource = (struct tl_scim_resource){id, type, body, 1, state->now_us, state->now_us};
    return done(state, tl_store_write(state->store, run_create, &work, &err), &err);
}

static enum tl_code run_change(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct work *work = context;
    struct tl_scim_state *state = work->state;
    if (find(work, tx, err) != TL_OK)
        return err->code;
    struct tl_scim_resource *resource = work->resource;
    tl_scim_set(work->arena, resource->body, "groups", NULL);
    if (work->replacement)
        resource->body = tl_scim_copy(work->arena, work->replacement);
    else if (!tl_scim_patch(work->arena, state->schemas, work->type, resource->body, work->document, state->scim_err))
        return leave(work, err);
    resource->version++;
    resource->changed_at_us = state->now_us;
    return put(work, tx, false, err) == TL_OK && work->type == TL_SCIM_USER ? add_related(work, tx, err) : err->code;
}

bool tl_scim_store_change(struct tl_scim_state *state, enum tl_scim_type type, const char *id, int64_t if_version, const tl_scim_node *replacement,
                          const tl_scim_node *document, struct tl_scim_resource *ret_resource)
{
    struct work work = {state, type, id, if_version, replacement, document, ret_resource, NULL, state->arena, false};
    struct tl_err err;
    tl_err_init(&err);
    return done(state, tl_store_write(state->store, run_change, &work, &err), &err);
}

static enum tl_code run_delete(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct work *work = context;
    const struct tl_store_value id = TL_STORE_T(work->id);
    if (find(work, tx, err) != TL_OK || tl_store_run(tx, "DELETE FROM scim_resource WHERE id = ?1", &id, 1, NULL, NULL, err) != TL_OK)
        return err->code;
    return tl_store_run(tx, "DELETE FROM scim_member WHERE group_id = ?1 OR member_id = ?1", &id, 1, NULL, NULL, err);
}

bool tl_scim_store_delete(struct tl_scim_state *state, enum tl_scim_type type, const char *id, int64_t if_version)
{
    struct tl_scim_resource resource;
    struct work work = {.state = state, .type = type, .id = id, .if_version = if_version, .resource = &resource, .arena = state->arena};
    struct tl_err err;
    tl_err_init(&err);
    return done(state, tl_store_write(state->store, run_delete, &work, &err), &err);
}

/* ---- listing ---- */

struct paging {
    struct work *work;
    tl_store_tx *tx;
};

/* Each row is read into memory of its own, and again into the request's when it is on the page. */
static enum tl_code take_listed(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct paging *paging = context;
    struct work *work = paging->work;
    struct tl_scim_page *page = work->page;
    struct tl_scim_resource resource;
    bool on_page = page->total + 1 >= page->start && (int64_t)page->resource_count < page->count;
    if (!page->filter && !on_page) {
        page->total++;
        return TL_OK;
    }
    tl_arena_reset(work->arena);
    work->resource = &resource;
    if (take_resource(work, cells, cell_count, err) != TL_OK || add_related(work, paging->tx, err) != TL_OK)
        return err->code;
    tl_scim_set(work->arena, resource.body, "id", tl_scim_node_text(work->arena, resource.id));
    if (page->filter && !tl_scim_filter_match(page->filter, resource.body))
        return TL_OK;
    page->total++;
    if (!on_page)
        return TL_OK;
    tl_arena *arena = work->state->arena;
    const char *text = tl_scim_node_json(work->arena, resource.body);
    resource.id = tl_arena_strdup(arena, resource.id);
    if (!text || read_body(arena, tl_str_of(tl_arena_strdup(arena, text)), &resource.body, err) != TL_OK)
        return err->code;
    page->resources[page->resource_count++] = resource;
    return TL_OK;
}

static enum tl_code run_list(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct work *work = context;
    struct paging paging = {work, tx};
    const char *attribute, *text, *name = work->type == TL_SCIM_USER ? "userName" : "displayName";
    struct tl_store_value params[] = {TL_STORE_T(tl_scim_type_name(work->type)), TL_STORE_N};
    tl_arena *arena = work->state->arena;
    if (work->page->filter && tl_scim_filter_single(work->page->filter, &attribute, &text) && tl_streq_nocase(attribute, name))
        params[1] = TL_STORE_T(fold(arena, text)); /* what identity providers ask before each push */
    return tl_store_run(tx,
                        tl_arena_printf(arena, "SELECT %s FROM scim_resource WHERE type = ?1 AND (?2 IS NULL OR folded = ?2) ORDER BY "
                                               "created_at_us, id", columns),
                        params, 2, take_listed, &paging, err);
}

bool tl_scim_store_list(struct tl_scim_state *state, enum tl_scim_type type, struct tl_scim_page *page)
{
    struct work work = {.state = state, .type = type, .page = page, .arena = tl_arena_new(ROW_ARENA_MAX)};
    struct tl_err err;
    tl_err_init(&err);
    page->resources = TL_NEW_ARRAY(state->arena, struct tl_scim_resource, PAGE_MAX);
    page->count = page->count < 0 ? 0 : page->count > PAGE_MAX ? PAGE_MAX : page->count;
    page->start = page->start < 1 ? 1 : page->start;
    bool good = done(state, tl_store_read(state->store, run_list, &work, &err), &err);
    tl_arena_free(work.arena);
    return good;
}
