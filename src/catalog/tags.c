/* Tags are lifeguard's, since grants are on them; here they are read and written as one field among the others. */
#include <string.h>

#include "catalog/catalog_int.h"

enum { RULES_BYTES_MAX = 16 * 1024 * 1024, TAGS_BYTES_MAX = 64 * 1024 };

enum tl_code cat_tags_load(struct tl_request *rq, tl_catalog *catalog, const struct tl_grant_scope *dataset, const tl_json **ret_rules)
{
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, RULES_BYTES_MAX);
    tl_json_writer_init(&json, &text);
    enum tl_code code = tl_lifeguard_put_dataset(rq, catalog->options.lifeguard, dataset, &json);
    if (code == TL_OK)
        code = tl_json_parse(rq->arena, text.data, text.size, ret_rules, &rq->err);
    tl_buf_done(&text);
    return code;
}

enum tl_code cat_tags_get(struct tl_request *rq, tl_catalog *catalog, const struct cat_entity *entity, const char **ret_tags)
{
    const struct tl_grant_scope scope = {.source = entity->source, .schema = entity->schema, .table = entity->name};
    const tl_json *rules;
    *ret_tags = NULL;
    if (cat_tags_load(rq, catalog, &scope, &rules) != TL_OK)
        return rq->err.code;
    const tl_json *of = entity->column[0] ? tl_json_get(tl_json_get(rules, "columns"), entity->column) : rules, *tags = tl_json_get(of, "tags");
    if (tl_json_count(tags) == 0)
        return TL_OK;
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, TAGS_BYTES_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, tags);
    *ret_tags = tl_arena_strdup(rq->arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return TL_OK;
}

static enum tl_code read_tags(struct tl_request *rq, const struct cat_edit *edit, struct tl_tagging *ret_tagging)
{
    const tl_json *list = NULL;
    const struct cat_entity *entity = &edit->entity;
    *ret_tagging = (struct tl_tagging){.dataset = {.source = entity->source, .schema = entity->schema, .table = entity->name,
                                                   .column = entity->column[0] ? entity->column : NULL}};
    if (!edit->after)
        return TL_OK;
    if (tl_json_parse(rq->arena, edit->after, strlen(edit->after), &list, &rq->err) != TL_OK)
        return rq->err.code;
    const char **tags = TL_NEW_ARRAY(rq->arena, const char *, tl_json_count(list));
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it);)
        tags[ret_tagging->tag_count++] = tl_json_text(it.value);
    ret_tagging->tags = tags;
    return TL_OK;
}

enum tl_code cat_tags_write(struct tl_request *rq, tl_catalog *catalog, const struct cat_edit *edits, size_t count)
{
    struct tl_tagging *taggings = TL_NEW_ARRAY(rq->arena, struct tl_tagging, count);
    for (size_t i = 0; i < count; i++)
        if (read_tags(rq, &edits[i], &taggings[i]) != TL_OK)
            return rq->err.code;
    return count ? tl_lifeguard_tag(rq, catalog->options.lifeguard, taggings, count, "said in the catalog") : TL_OK;
}
