/* Terms and domains, and what they are said of; edits. */
#include <string.h>

#include "catalog/catalog_int.h"

enum { LINKS_SHOWN = 1000 };

struct put {
    struct tl_request *rq;
    tl_catalog *catalog;
    struct tl_json_writer *json;
    const char *kind, *prefix, *after, *name;
    int64_t count_max;
    bool found;
    /* Of the table last met: */
    struct cat_entity seen;
    struct cat_sight sight;
    bool known;
};

void cat_put_value(struct tl_json_writer *json, const char *field, const char *value)
{
    bool structured = value && (value[0] == '[' || value[0] == '{') && strcmp(field, "description") != 0 && strcmp(field, "domain") != 0;
    tl_json_key(json, field);
    if (structured)
        tl_json_put_raw(json, tl_str_of(value));
    else
        tl_json_put_text(json, value);
}

static enum tl_code put_field(void *context, const struct cat_entity *entity, const char *field, const char *value)
{
    struct put *put = context;
    (void)entity;
    cat_put_value(put->json, field, value);
    return TL_OK;
}

static enum tl_code put_named(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct put *put = context;
    (void)count;
    (void)err;
    tl_json_begin_object(put->json);
    tl_json_pair_text(put->json, "name", tl_store_text(put->rq->arena, &cells[0]));
    tl_json_pair_text(put->json, "description", tl_store_text(put->rq->arena, &cells[1]));
    tl_json_end_object(put->json);
    return TL_OK;
}

/* Above the prefix and below whatever follows all that begin with it. */
static enum tl_code read_named(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct put *put = context;
    const char *prefix = put->prefix ? put->prefix : "", *behind = tl_arena_printf(put->rq->arena, "%s\xf4\x8f\xbf\xbf", prefix);
    const struct tl_store_value params[] = {TL_STORE_T(put->kind), TL_STORE_T(prefix), TL_STORE_T(behind), TL_STORE_T(put->after ? put->after : ""),
                                            TL_STORE_I(put->count_max)};
    return tl_store_run(tx,
                        "SELECT name, value FROM catalog_meaning WHERE kind = ?1 AND source = '' AND schema_name = '' AND name >= ?2 AND name < ?3 "
                        "AND name > ?4 AND field = 'description' ORDER BY name LIMIT ?5",
                        params, 5, put_named, put, err);
}

enum tl_code tl_catalog_put_named(struct tl_request *rq, tl_catalog *catalog, bool terms, const char *prefix, const char *after, int count_max,
                                  struct tl_json_writer *json)
{
    struct put put = {.rq = rq, .json = json, .kind = terms ? "term" : "domain", .prefix = prefix, .after = after, .count_max = count_max};
    tl_json_begin_array(json);
    enum tl_code code = tl_store_read(catalog->options.store, read_named, &put, &rq->err);
    tl_json_end_array(json);
    return code;
}

/* --- one, and where it is named --- */

/* A table is known to everybody, a column to who may see it. */
static bool may_know(struct put *put, const struct cat_entity *entity)
{
    const struct cat_entity table = {"dataset", entity->source, entity->schema, entity->name, ""};
    if (strcmp(entity->kind, "column") != 0)
        return true;
    if (!put->seen.kind || !cat_is_entity(&put->seen, &table)) {
        put->seen = table;
        put->known = cat_see_named(put->rq, put->catalog, &table, &put->sight);
    }
    return put->known && cat_sight_of(&put->sight, entity->column);
}

static enum tl_code put_link(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct put *put = context;
    tl_arena *arena = put->rq->arena;
    (void)count;
    (void)err;
    const struct cat_entity entity = {tl_store_text(arena, &cells[0]), tl_store_text(arena, &cells[1]), tl_store_text(arena, &cells[2]),
                                      tl_store_text(arena, &cells[3]), tl_store_text(arena, &cells[4])};
    if (may_know(put, &entity))
        tl_json_put_text(put->json, cat_entity_text(arena, &entity));
    return TL_OK;
}

static enum tl_code read_links(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct put *put = context;
    const struct tl_store_value params[] = {TL_STORE_T(put->kind[0] == 't' ? "terms" : "domain"), TL_STORE_T(put->name), TL_STORE_I(LINKS_SHOWN)};
    return tl_store_run(tx,
                        "SELECT kind, source, schema_name, name, column_name FROM catalog_link WHERE field = ?1 AND value = ?2 "
                        "ORDER BY kind, source, schema_name, name, column_name LIMIT ?3",
                        params, 3, put_link, put, err);
}

static enum tl_code take_found(void *context, const struct cat_entity *entity, const char *field, const char *value)
{
    (void)entity;
    (void)field;
    (void)value;
    ((struct put *)context)->found = true;
    return TL_OK;
}

static enum tl_code read_one(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct put *put = context;
    const struct cat_entity entity = {put->kind, "", "", put->name, ""};
    enum tl_code code = cat_meaning_each(tx, put->rq->arena, &entity, take_found, put, err);
    if (code != TL_OK || !put->found)
        return code;
    tl_json_begin_object(put->json);
    tl_json_pair_text(put->json, "name", put->name);
    code = cat_meaning_each(tx, put->rq->arena, &entity, put_field, put, err);
    tl_json_key(put->json, "said_of");
    tl_json_begin_array(put->json);
    if (code == TL_OK)
        code = read_links(tx, put, err);
    tl_json_end_array(put->json);
    tl_json_end_object(put->json);
    return code;
}

enum tl_code tl_catalog_put_one(struct tl_request *rq, tl_catalog *catalog, bool term, const char *name, struct tl_json_writer *json)
{
    struct put put = {.rq = rq, .catalog = catalog, .json = json, .kind = term ? "term" : "domain", .name = name};
    enum tl_code code = tl_store_read(catalog->options.store, read_one, &put, &rq->err);
    if (code == TL_OK && !put.found) {
        tl_err_set(&rq->err, TL_NOT_FOUND, "there is no %s \"%.200s\"", put.kind, name);
        tl_err_hint(&rq->err, "`townlake catalog %ss` lists them", put.kind);
    }
    return rq->err.code;
}

/* --- edits --- */

static enum tl_code put_edit(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct put *put = context;
    tl_arena *arena = put->rq->arena;
    struct tl_json_writer *json = put->json;
    (void)count;
    (void)err;
    const struct cat_entity entity = {tl_store_text(arena, &cells[0]), tl_store_text(arena, &cells[1]), tl_store_text(arena, &cells[2]),
                                      tl_store_text(arena, &cells[3]), tl_store_text(arena, &cells[4])};
    if (!may_know(put, &entity))
        return TL_OK;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "of", cat_entity_text(arena, &entity));
    tl_json_pair_text(json, "field", tl_store_text(arena, &cells[5]));
    tl_json_pair_text(json, "before", tl_store_text(arena, &cells[6]));
    tl_json_pair_text(json, "after", tl_store_text(arena, &cells[7]));
    tl_json_pair_text(json, "user", tl_store_text(arena, &cells[8]));
    tl_json_pair_int64(json, "at_us", cells[9].integer);
    tl_json_end_object(json);
    return TL_OK;
}

static enum tl_code read_edits(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct put *put = context;
    const struct cat_entity *of = &put->seen;
    const struct tl_store_value params[] = {TL_STORE_T(of->kind), TL_STORE_T(of->source), TL_STORE_T(of->schema), TL_STORE_T(of->name),
                                            TL_STORE_I(put->count_max), TL_STORE_T(strcmp(of->kind, "dataset") == 0 ? "column" : of->kind)};
    put->seen.kind = NULL;
    return tl_store_run(tx,
                        "SELECT kind, source, schema_name, name, column_name, field, value_before, value_after, actor, at_us FROM catalog_edit "
                        "WHERE kind IN (?1, ?6) AND source = ?2 AND schema_name = ?3 AND name = ?4 ORDER BY edit_id DESC LIMIT ?5",
                        params, 6, put_edit, put, err);
}

enum tl_code tl_catalog_put_edits(struct tl_request *rq, tl_catalog *catalog, const char *of, int count_max, struct tl_json_writer *json)
{
    struct put put = {.rq = rq, .catalog = catalog, .json = json, .count_max = count_max};
    const char *space = strchr(of, ' ');
    bool term = strncmp(of, "term ", 5) == 0, domain = strncmp(of, "domain ", 7) == 0;
    if (term || domain)
        put.seen = (struct cat_entity){term ? "term" : "domain", "", "", space + 1, ""};
    else if (!cat_read_name(rq->arena, of, &put.seen)) {
        tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "\"%.200s\" is neither the name of a table nor \"term NAME\" nor \"domain NAME\"", of);
        return TL_INVALID_ARGUMENT;
    }
    tl_json_begin_array(json);
    enum tl_code code = tl_store_read(catalog->options.store, read_edits, &put, &rq->err);
    tl_json_end_array(json);
    return code;
}
