/* Documents in: read once beside everybody else and compared; written in one transaction, when nothing is wrong with any of them. */
#include <string.h>

#include "auth/principal.h"
#include "catalog/catalog_int.h"

enum { DEPTH_MAX = 8 };

struct import {
    struct cat_plan *plan;
    const struct tl_catalog_file *files;
    size_t file_count;
    const char *section; /* of the one item below; NULL = of the files */
    const struct tl_yaml_node *item;
};

static bool is_page(const char *name)
{
    size_t size = strlen(name);
    return size > 3 && strcmp(name + size - 3, ".md") == 0;
}

static enum tl_code take_item(void *context, const char *section, const struct tl_yaml_node *item, struct tl_err *err)
{
    return cat_plan_item(context, section, item, err);
}

static enum tl_code plan_file(struct cat_plan *plan, const struct tl_catalog_file *file, struct tl_err *err)
{
    struct tl_err read;
    tl_err_init(&read);
    plan->file = file->name;
    if (is_page(file->name))
        return cat_plan_page(plan, file->name, file->text, "api", err);
    enum tl_code code = tl_yaml_each(file->name, file->text, TL_CATALOG_FILE_BYTES_MAX, take_item, plan, &read);
    if (code == TL_CONFIG) { /* what is no YAML ends this file only */
        cat_problem(plan, 0, "%s", read.message);
        return TL_OK;
    }
    return code == TL_OK ? TL_OK : tl_err_copy(err, &read);
}

static enum tl_code plan_all(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct import *import = context;
    struct cat_plan *plan = import->plan;
    plan->tx = tx;
    enum tl_code code = import->section ? cat_plan_item(plan, import->section, import->item, err) : TL_OK;
    for (size_t i = 0; i < import->file_count && code == TL_OK; i++)
        code = plan_file(plan, &import->files[i], err);
    cat_plan_end(plan);
    plan->tx = NULL;
    return code;
}

/* --- applying --- */

static enum tl_code write_plan(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct cat_plan *plan = context;
    const char *actor = plan->rq->principal ? plan->rq->principal->user : "townlake";
    enum tl_code code = cat_meaning_write(tx, actor, plan->edits, plan->edit_count, err);
    return code == TL_OK ? cat_page_write(tx, actor, plan->pages, plan->page_count, err) : code;
}

static enum tl_code write_tag_edits(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct cat_plan *plan = context;
    return cat_edits_write(tx, plan->rq->principal ? plan->rq->principal->user : "townlake", plan->tags, plan->tag_count, err);
}

enum tl_code cat_plan_apply(struct cat_plan *plan)
{
    struct tl_request *rq = plan->rq;
    tl_store *store = plan->catalog->options.store;
    enum tl_code code = plan->edit_count + plan->page_count ? tl_store_write(store, write_plan, plan, &rq->err) : TL_OK;
    if (code == TL_OK && plan->tag_count)
        code = cat_tags_write(rq, plan->catalog, plan->tags, plan->tag_count);
    return code == TL_OK && plan->tag_count ? tl_store_write(store, write_tag_edits, plan, &rq->err) : code;
}

/* --- what it comes to --- */

static void put_edits(struct tl_json_writer *json, struct cat_plan *plan, const struct cat_edit *edits, size_t count, size_t *shown)
{
    for (size_t i = 0; i < count && *shown < CAT_CHANGES_SHOWN; i++, (*shown)++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "of", cat_entity_text(plan->rq->arena, &edits[i].entity));
        tl_json_pair_text(json, "field", edits[i].field);
        tl_json_pair_text(json, "before", edits[i].before);
        tl_json_pair_text(json, "after", edits[i].after);
        tl_json_end_object(json);
    }
}

static void put_pages(struct tl_json_writer *json, struct cat_plan *plan, size_t *shown)
{
    for (size_t i = 0; i < plan->page_count && *shown < CAT_CHANGES_SHOWN; i++, (*shown)++) {
        const struct cat_page_edit *page = &plan->pages[i];
        tl_json_begin_object(json);
        tl_json_pair_text(json, "of", tl_arena_printf(plan->rq->arena, "page %s", page->path));
        tl_json_pair_text(json, "field", "text");
        tl_json_pair_text(json, "before", page->version > 1 ? tl_arena_printf(plan->rq->arena, "version %lld", (long long)page->version - 1) : NULL);
        tl_json_pair_text(json, "after", page->text ? tl_arena_printf(plan->rq->arena, "version %lld", (long long)page->version) : NULL);
        tl_json_end_object(json);
    }
}

static void put_problems(struct tl_json_writer *json, const struct cat_plan *plan)
{
    tl_json_key(json, "errors");
    tl_json_begin_array(json);
    for (size_t i = 0; i < plan->problem_count && i < CAT_ERRORS_KEPT; i++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "file", plan->problems[i].file);
        tl_json_pair_int64(json, "line", plan->problems[i].line);
        tl_json_pair_text(json, "reason", plan->problems[i].reason);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    tl_json_pair_int64(json, "error_count", (int64_t)plan->problem_count);
}

static void put_report(struct tl_json_writer *json, struct cat_plan *plan, bool applied)
{
    size_t shown = 0;
    tl_json_pair_int64(json, "items", (int64_t)plan->items);
    tl_json_key(json, "changes");
    tl_json_begin_array(json);
    put_edits(json, plan, plan->edits, plan->edit_count, &shown);
    put_edits(json, plan, plan->tags, plan->tag_count, &shown);
    put_pages(json, plan, &shown);
    tl_json_end_array(json);
    tl_json_pair_int64(json, "change_count", (int64_t)(plan->edit_count + plan->tag_count + plan->page_count));
    put_problems(json, plan);
    tl_json_pair_bool(json, "applied", applied);
}

/* A request of its own: an import may need more memory than its call has. */
static struct cat_plan *begin(struct tl_request *inner, const struct tl_request *rq, tl_catalog *catalog)
{
    tl_request_init(inner, tl_arena_new(CAT_ARENA_BYTES_MAX));
    inner->principal = rq->principal;
    struct cat_plan *plan = TL_NEW(inner->arena, struct cat_plan);
    plan->rq = inner;
    plan->catalog = catalog;
    cat_plan_begin(plan);
    return plan;
}

enum tl_code tl_catalog_import(struct tl_request *rq, tl_catalog *catalog, const struct tl_catalog_file *files, size_t count, bool apply,
                               struct tl_json_writer *json)
{
    struct tl_request inner;
    if (count > TL_CATALOG_FILES_MAX)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "%zu files at once, the limit is %d", count, TL_CATALOG_FILES_MAX);
    struct import import = {.plan = begin(&inner, rq, catalog), .files = files, .file_count = count};
    enum tl_code code = tl_store_read(catalog->options.store, plan_all, &import, &inner.err);
    bool applies = code == TL_OK && apply && import.plan->problem_count == 0;
    if (applies)
        code = cat_plan_apply(import.plan);
    if (code == TL_OK)
        put_report(json, import.plan, applies);
    else
        tl_err_copy(&rq->err, &inner.err);
    tl_arena_free(inner.arena);
    return code;
}

/* --- one item of JSON --- */

static struct tl_yaml_node *node_of(tl_arena *arena, const tl_json *json, int depth)
{
    struct tl_yaml_node *node = TL_NEW(arena, struct tl_yaml_node), **last = &node->first;
    int64_t number = 0;
    bool collection = (tl_json_is_array(json) || tl_json_is_object(json)) && depth < DEPTH_MAX;
    node->kind = !collection ? TL_YAML_SCALAR : tl_json_is_array(json) ? TL_YAML_LIST : TL_YAML_MAP;
    if (!collection)
        node->text = tl_json_is_string(json)                ? tl_json_text(json)
                     : tl_json_is_bool(json)                ? (tl_json_bool(json, false) ? "true" : "false")
                     : tl_json_int64(json, &number)         ? tl_arena_printf(arena, "%lld", (long long)number)
                                                            : "";
    for (struct tl_json_iter it = tl_json_iter(collection ? json : NULL); tl_json_next(&it);) {
        *last = node_of(arena, it.value, depth + 1);
        (*last)->key = it.key;
        last = &(*last)->next;
    }
    return node;
}

static enum tl_code refuse(struct tl_request *rq, const struct cat_plan *plan)
{
    tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "%s", plan->problems[0].reason);
    for (size_t i = 1; i < plan->problem_count && i < CAT_ERRORS_KEPT; i++)
        tl_err_detail(&rq->err, "also: %s", plan->problems[i].reason);
    return TL_INVALID_ARGUMENT;
}

static enum tl_code run_plan(struct tl_request *rq, struct import *import)
{
    struct cat_plan *plan = import->plan;
    enum tl_code code = tl_store_read(plan->catalog->options.store, plan_all, import, &plan->rq->err);
    if (code == TL_OK && plan->problem_count)
        code = refuse(rq, plan);
    else if (code == TL_OK)
        code = cat_plan_apply(plan);
    tl_err_copy(&rq->err, &plan->rq->err);
    tl_arena_free(plan->rq->arena);
    return rq->err.code;
}

enum tl_code tl_catalog_annotate(struct tl_request *rq, tl_catalog *catalog, const tl_json *body)
{
    static const char *const sections[][2] = {{"dataset", "datasets"}, {"term", "terms"}, {"domain", "domains"}};
    struct tl_request inner;
    struct import import = {0};
    struct tl_yaml_node *item = tl_json_is_object(body) ? node_of(rq->arena, body, 0) : NULL;
    for (struct tl_yaml_node *at = item ? item->first : NULL; at && !import.section; at = at->next)
        for (size_t i = 0; i < sizeof sections / sizeof *sections && !import.section; i++)
            if (strcmp(at->key, sections[i][0]) == 0) {
                at->key = "name";
                import.section = sections[i][1];
            }
    if (!import.section)
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "one of \"dataset\", \"term\" and \"domain\" is missing: of what this is said");
    import.item = item;
    import.plan = begin(&inner, rq, catalog);
    return run_plan(rq, &import);
}

enum tl_code tl_catalog_write_page(struct tl_request *rq, tl_catalog *catalog, const char *path, struct tl_str text)
{
    struct tl_request inner;
    const struct tl_catalog_file file = {tl_arena_printf(rq->arena, "%s.md", path), text};
    struct import import = {.files = &file, .file_count = 1, .plan = begin(&inner, rq, catalog)};
    return run_plan(rq, &import);
}
