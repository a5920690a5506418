/* Data-model pages: Markdown with front matter, by path, each version kept. */
#include <string.h>

#include "base/clock.h"
#include "catalog/catalog_int.h"

enum { PAGE_BYTES_MAX = 256 * 1024, PATH_BYTES_MAX = 200, TITLE_BYTES_MAX = 200, FRONT_BYTES_MAX = 64 * 1024, ABOUT_MAX = 200 };

/* --- reading one --- */

struct page {
    const char *path, *title;
    struct tl_yaml_node *front;
    size_t body_offset;
};

static bool is_path(const char *path)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
    size_t size = strlen(path);
    return size > 0 && size <= PATH_BYTES_MAX && path[0] != '/' && !strstr(path, "..") && path[strspn(path, allowed)] == '\0';
}

static const char *without_ending(tl_arena *arena, const char *path)
{
    size_t size = strlen(path);
    bool markdown = size > 3 && strcmp(path + size - 3, ".md") == 0;
    return tl_arena_strndup(arena, path, markdown ? size - 3 : size);
}

/* The front between two lines "---"; *ret_size 0 = there is none. */
static bool find_front(struct tl_str text, struct tl_str *ret_front, size_t *ret_body)
{
    static const char line[] = "---\n";
    *ret_front = (struct tl_str){text.data, 0};
    *ret_body = 0;
    if (text.size < sizeof line - 1 || memcmp(text.data, line, sizeof line - 1) != 0)
        return true;
    for (size_t at = sizeof line - 1; at < text.size;) {
        const char *end = memchr(text.data + at, '\n', text.size - at);
        size_t size = end ? (size_t)(end - text.data) - at : text.size - at;
        if (size == 3 && memcmp(text.data + at, line, 3) == 0) {
            *ret_front = (struct tl_str){text.data + sizeof line - 1, at - (sizeof line - 1)};
            *ret_body = end ? at + size + 1 : text.size;
            return true;
        }
        if (!end)
            break;
        at += size + 1;
    }
    return false;
}

static bool is_about(tl_arena *arena, const char *text, struct cat_entity *ret_entity)
{
    if (cat_read_name(arena, text, ret_entity))
        return true;
    return cat_read_column_name(arena, text, ret_entity);
}

static bool check_list(struct cat_plan *plan, const struct tl_yaml_node *node, bool names)
{
    int count = 0;
    struct cat_entity entity;
    bool sound = node->kind == TL_YAML_LIST;
    for (const struct tl_yaml_node *at = node->first; at && sound; at = at->next)
        sound = ++count <= ABOUT_MAX && at->kind == TL_YAML_SCALAR && at->text[0] && strlen(at->text) <= FRONT_BYTES_MAX / ABOUT_MAX &&
                (!names || is_about(plan->rq->arena, at->text, &entity));
    if (!sound)
        cat_problem(plan, node->line + 1, "%s: a list of %s was wanted, at most %d", node->key,
                    names ? "tables and columns (catalog.schema.table)" : "short texts", ABOUT_MAX);
    return sound;
}

static bool check_front(struct cat_plan *plan, const struct tl_yaml_node *front)
{
    if (front && front->kind != TL_YAML_MAP) {
        cat_problem(plan, front->line + 1, "a group of keys was wanted above the text");
        return false;
    }
    for (const struct tl_yaml_node *at = front ? front->first : NULL; at; at = at->next) {
        bool about = strcmp(at->key, "about") == 0;
        bool list = about || strcmp(at->key, "owners") == 0 || strcmp(at->key, "tags") == 0 || strcmp(at->key, "terms") == 0;
        bool text = strcmp(at->key, "title") == 0 || strcmp(at->key, "domain") == 0 || strcmp(at->key, "summary") == 0;
        if (!list && !text) {
            cat_problem(plan, at->line + 1, "a page has no \"%.100s\"; it has title, summary, about, owners, tags, terms, domain", at->key);
            return false;
        }
        if (list && !check_list(plan, at, about))
            return false;
        if (text && (at->kind != TL_YAML_SCALAR || strlen(at->text) > 10 * TITLE_BYTES_MAX)) {
            cat_problem(plan, at->line + 1, "%s: a short text was wanted", at->key);
            return false;
        }
    }
    return true;
}

static const char *title_of(tl_arena *arena, const struct page *page, struct tl_str text)
{
    const struct tl_yaml_node *title = tl_yaml_get(page->front, "title");
    if (title)
        return tl_arena_strndup(arena, title->text, tl_utf8_cut(tl_str_of(title->text), TITLE_BYTES_MAX).size);
    const char *body = text.data + page->body_offset, *line = memchr(body, '#', text.size - page->body_offset);
    if (!line || line != body)
        return page->path;
    size_t left = text.size - page->body_offset - 1;
    const char *end = memchr(line + 1, '\n', left);
    struct tl_str words = {line + 1, end ? (size_t)(end - line - 1) : left};
    while (words.size && (*words.data == ' ' || *words.data == '#')) {
        words.data++;
        words.size--;
    }
    return tl_arena_strndup(arena, words.data, tl_utf8_cut(words, TITLE_BYTES_MAX).size);
}

static const char *front_json(tl_arena *arena, const struct page *page)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, 8 * FRONT_BYTES_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    for (const struct tl_yaml_node *at = page->front ? page->front->first : NULL; at; at = at->next) {
        tl_json_key(&json, at->key);
        if (at->kind == TL_YAML_SCALAR) {
            tl_json_put_text(&json, at->text);
            continue;
        }
        tl_json_begin_array(&json);
        for (const struct tl_yaml_node *member = at->first; member; member = member->next)
            tl_json_put_text(&json, member->text);
        tl_json_end_array(&json);
    }
    tl_json_end_object(&json);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

/* false: a problem was told. */
static bool read_page(struct cat_plan *plan, const char *path, struct tl_str text, struct page *ret_page)
{
    struct tl_str front;
    size_t bad;
    struct tl_err err;
    tl_err_init(&err);
    *ret_page = (struct page){.path = without_ending(plan->rq->arena, path)};
    if (!is_path(ret_page->path))
        cat_problem(plan, 0, "the path of a page is 1 to %d letters, digits, \"_\", \"-\", \".\" and \"/\"", PATH_BYTES_MAX);
    else if (text.size > PAGE_BYTES_MAX)
        cat_problem(plan, 0, "the page has %zu bytes, the limit is %d", text.size, PAGE_BYTES_MAX);
    else if (!tl_utf8_valid(text.data, text.size, &bad) || memchr(text.data, '\0', text.size))
        cat_problem(plan, 0, "the page is not UTF-8 text");
    else if (!find_front(text, &front, &ret_page->body_offset) || front.size > FRONT_BYTES_MAX)
        cat_problem(plan, 1, "what stands above the text does not end with a line \"---\", or is longer than %d bytes", FRONT_BYTES_MAX);
    else if (front.size && tl_yaml_parse(plan->rq->arena, path, front, &ret_page->front, &err) != TL_OK)
        cat_problem(plan, 1, "%s (lines are counted below the first \"---\")", err.message);
    else if (check_front(plan, ret_page->front))
        return true;
    return false;
}

/* --- what is kept --- */

struct kept {
    tl_arena *arena;
    const char *text, *front, *origin;
    int64_t version;
    bool gone;
};

static enum tl_code take_kept(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct kept *kept = context;
    (void)count;
    (void)err;
    kept->text = tl_store_text(kept->arena, &cells[0]);
    kept->front = tl_store_text(kept->arena, &cells[1]);
    kept->origin = tl_store_text(kept->arena, &cells[2]);
    kept->version = cells[3].integer;
    kept->gone = cells[4].type != TL_STORE_NULL;
    return TL_OK;
}

/* Who changes a page governs all that it is about, before and after; or everything, when that is nothing. */
static bool may_write(struct cat_plan *plan, const char *front)
{
    const tl_json *json = NULL;
    const unsigned governing = TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN;
    struct cat_entity entity = {.kind = NULL};
    struct tl_err err;
    bool may = true;
    tl_err_init(&err);
    if (!front || tl_json_parse(plan->rq->arena, front, strlen(front), &json, &err) != TL_OK || tl_json_count(tl_json_get(json, "about")) == 0)
        return plan->may_glossary;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(json, "about")); may && tl_json_next(&it);) {
        may = is_about(plan->rq->arena, tl_json_text(it.value), &entity);
        const struct tl_grant_scope scope = {.source = entity.source, .schema = entity.schema, .table = entity.name};
        may = may && tl_lifeguard_need(plan->rq, plan->catalog->options.lifeguard, governing, &scope) == TL_OK;
        tl_err_init(&plan->rq->err);
    }
    return may;
}

static void add_page(struct cat_plan *plan, const struct cat_page_edit *edit)
{
    if (plan->page_count == plan->page_capacity) {
        size_t old = plan->page_capacity;
        plan->page_capacity = old ? 2 * old : 16;
        plan->pages = tl_arena_grow(plan->rq->arena, plan->pages, old * sizeof *plan->pages, plan->page_capacity * sizeof *plan->pages);
    }
    plan->pages[plan->page_count++] = *edit;
}

enum tl_code cat_plan_page(struct cat_plan *plan, const char *path, struct tl_str text, const char *origin, struct tl_err *err)
{
    tl_arena *arena = plan->rq->arena;
    struct page page = {.path = without_ending(arena, path)};
    struct kept kept = {.arena = arena, .gone = true};
    bool removes = !text.data, folder = strcmp(origin, "folder") == 0;
    plan->items++;
    if (!removes && !read_page(plan, path, text, &page))
        return TL_OK;
    const struct tl_store_value params[] = {TL_STORE_T(page.path)};
    if (tl_store_run(plan->tx, "SELECT text, front, origin, version, gone_at_us FROM catalog_page WHERE path = ?1", params, 1, take_kept, &kept, err) != TL_OK)
        return err->code;
    const char *now = removes ? NULL : tl_arena_strndup(arena, text.data, text.size), *front = removes ? NULL : front_json(arena, &page);
    if ((removes && kept.gone) || (!kept.gone && tl_streq(kept.text, now)))
        return TL_OK;
    if (!kept.gone && !folder && tl_streq(kept.origin, "folder"))
        cat_problem(plan, 0, "page \"%s\" is a file of the folder catalog.pages: change it there", page.path);
    else if (!folder && ((!removes && !may_write(plan, front)) || (!kept.gone && !may_write(plan, kept.front))))
        cat_problem(plan, 0, "page \"%s\" is changed by who reviews or owns all that it is about", page.path);
    else
        add_page(plan, &(struct cat_page_edit){page.path, removes ? "" : title_of(arena, &page, text), removes ? "{}" : front, now, kept.version + 1, origin});
    return TL_OK;
}

/* --- writing --- */

static enum tl_code write_page(tl_store_tx *tx, const char *actor, const struct cat_page_edit *page, int64_t now_us, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(page->path), TL_STORE_T(page->title), TL_STORE_T(page->front), TL_STORE_T(page->text ? page->text : ""),
                                            TL_STORE_T(page->origin), TL_STORE_I(page->version), TL_STORE_I(now_us), TL_STORE_T(actor),
                                            page->text ? TL_STORE_N : TL_STORE_I(now_us)};
    const struct tl_store_value version[] = {TL_STORE_T(page->path), TL_STORE_I(page->version), TL_STORE_I(now_us), TL_STORE_T(actor),
                                             TL_STORE_T(page->text ? page->text : "")};
    if (tl_store_run(tx,
                     "INSERT INTO catalog_page (path, title, front, text, origin, version, edited_at_us, edited_by, gone_at_us) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (path) DO UPDATE SET title = ?2, front = ?3, text = ?4, origin = ?5, "
                     "version = ?6, edited_at_us = ?7, edited_by = ?8, gone_at_us = ?9",
                     params, 9, NULL, NULL, err) != TL_OK)
        return err->code;
    if (tl_store_run(tx, "INSERT INTO catalog_page_version (path, version, at_us, actor, text) VALUES (?1, ?2, ?3, ?4, ?5)", version, 5, NULL, NULL,
                     err) != TL_OK)
        return err->code;
    const struct cat_edit edit = {{"page", "", "", page->path, ""}, "text", NULL, NULL}; /* the texts are with the versions */
    return cat_edits_write(tx, actor, &edit, 1, err);
}

enum tl_code cat_page_write(tl_store_tx *tx, const char *actor, const struct cat_page_edit *pages, size_t count, struct tl_err *err)
{
    int64_t now_us = tl_clock_wall_us();
    enum tl_code code = TL_OK;
    for (size_t i = 0; i < count && code == TL_OK; i++)
        code = write_page(tx, actor, &pages[i], now_us, err);
    return code;
}
