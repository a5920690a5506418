/* What a document says, compared with what is kept: each item checked, each field that differs an edit. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "catalog/catalog_int.h"

enum { REASON_BYTES_MAX = 1000, NAME_BYTES_MAX = 200 };
static const unsigned governing = TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN;

void cat_problem(struct cat_plan *plan, int line, const char *format, ...)
{
    char reason[REASON_BYTES_MAX];
    if (plan->problem_count++ >= CAT_ERRORS_KEPT)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    plan->problems[plan->problem_count - 1] = (struct cat_problem){plan->file, tl_arena_strdup(plan->rq->arena, reason), line};
}

/* --- names that the documents make themselves: by hash, since there may be a million --- */

struct cat_names {
    uint64_t key[2];
    uint64_t *places; /* 0 = free */
    size_t count, capacity;
};

struct cat_mention {
    uint64_t hash;
    const char *what, *file;
    int line;
    struct cat_mention *next;
};

static uint64_t hash_name(const struct cat_plan *plan, const char *kind, const char *name)
{
    uint64_t hash = tl_hash_keyed(plan->names->key, name, strlen(name)) ^ (uint64_t)kind[0];
    return hash ? hash : 1;
}

static bool find_name(const struct cat_names *names, uint64_t hash, size_t *ret_place)
{
    size_t at = hash & (names->capacity - 1);
    while (names->places[at] && names->places[at] != hash)
        at = (at + 1) & (names->capacity - 1);
    *ret_place = at;
    return names->places[at] == hash;
}

/* false: it was there already */
static bool add_hash(struct cat_plan *plan, struct cat_names *names, uint64_t hash)
{
    size_t place;
    if (names->count * 2 >= names->capacity) {
        struct cat_names old = *names;
        names->capacity = old.capacity * 2;
        names->places = TL_NEW_ARRAY(plan->rq->arena, uint64_t, names->capacity);
        for (size_t i = 0; i < old.capacity; i++)
            if (old.places[i] && !find_name(names, old.places[i], &place))
                names->places[place] = old.places[i];
    }
    if (find_name(names, hash, &place))
        return false;
    names->places[place] = hash;
    names->count++;
    return true;
}

/* Is this the first time that the documents speak of the field? */
static bool first_time(struct cat_plan *plan, const struct cat_entity *entity, const char *field)
{
    const char *text = tl_arena_printf(plan->rq->arena, "%s\1%s\1%s\1%s\1%s\1%s", entity->kind, entity->source, entity->schema, entity->name, entity->column,
                                       field);
    return add_hash(plan, plan->given, hash_name(plan, "given", text));
}

/* A term or domain that is named: it must be there, or come in these documents. */
static enum tl_code mention(struct cat_plan *plan, const char *kind, const char *name, int line, struct tl_err *err)
{
    const struct cat_entity entity = {kind, "", "", name, ""};
    uint64_t hash = hash_name(plan, kind, name);
    const char *value;
    size_t place;
    if (find_name(plan->names, hash, &place))
        return TL_OK;
    if (cat_meaning_get(plan->tx, plan->rq->arena, &entity, "description", &value, err) != TL_OK)
        return err->code;
    if (value)
        return TL_OK;
    struct cat_mention *mention = TL_NEW(plan->rq->arena, struct cat_mention);
    *mention = (struct cat_mention){hash, tl_arena_printf(plan->rq->arena, "%s \"%s\"", kind, name), plan->file, line, plan->mentions};
    plan->mentions = mention;
    return TL_OK;
}

static enum tl_code mention_all(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node, struct tl_err *err)
{
    const char *kind = strcmp(field->name, "terms") == 0 ? "term" : strcmp(field->name, "domain") == 0 ? "domain" : NULL;
    enum tl_code code = TL_OK;
    if (!kind)
        return TL_OK;
    if (node->kind == TL_YAML_SCALAR)
        return node->text[0] ? mention(plan, kind, node->text, node->line, err) : TL_OK;
    for (const struct tl_yaml_node *at = node->first; at && code == TL_OK; at = at->next)
        code = mention(plan, kind, at->text, at->line, err);
    return code;
}

void cat_plan_end(struct cat_plan *plan)
{
    size_t place;
    for (const struct cat_mention *mention = plan->mentions; mention; mention = mention->next)
        if (!find_name(plan->names, mention->hash, &place)) {
            plan->file = mention->file;
            cat_problem(plan, mention->line, "there is no %s: make it under \"%s\"", mention->what, mention->what[0] == 't' ? "terms" : "domains");
        }
}

void cat_plan_begin(struct cat_plan *plan)
{
    enum { NAMES_AT_FIRST = 1024 };
    const struct tl_grant_scope everything = {.source = NULL};
    struct cat_names names = {.capacity = NAMES_AT_FIRST};
    struct tl_err ignored;
    tl_err_init(&ignored);
    (void)!tl_random_bytes(names.key, sizeof names.key, &ignored); /* without: a key that can be guessed, no worse */
    plan->names = TL_NEW(plan->rq->arena, struct cat_names);
    plan->given = TL_NEW(plan->rq->arena, struct cat_names);
    *plan->names = *plan->given = names;
    plan->names->places = TL_NEW_ARRAY(plan->rq->arena, uint64_t, names.capacity);
    plan->given->places = TL_NEW_ARRAY(plan->rq->arena, uint64_t, names.capacity);
    plan->may_glossary = tl_lifeguard_need(plan->rq, plan->catalog->options.lifeguard, governing, &everything) == TL_OK;
    tl_err_init(&plan->rq->err);
}

/* --- edits --- */

static void add_edit(tl_arena *arena, struct cat_edit **edits, size_t *count, size_t *capacity, const struct cat_edit *edit)
{
    if (*count == *capacity) {
        size_t old = *capacity;
        *capacity = old ? 2 * old : 64;
        *edits = tl_arena_grow(arena, *edits, old * sizeof **edits, *capacity * sizeof **edits);
    }
    (*edits)[(*count)++] = *edit;
}

void cat_plan_edit(struct cat_plan *plan, const struct cat_entity *entity, const char *field, const char *before, const char *after)
{
    const struct cat_edit edit = {*entity, field, before, after};
    if (strcmp(field, "tags") == 0)
        add_edit(plan->rq->arena, &plan->tags, &plan->tag_count, &plan->tag_capacity, &edit);
    else
        add_edit(plan->rq->arena, &plan->edits, &plan->edit_count, &plan->edit_capacity, &edit);
}

static enum tl_code plan_field(struct cat_plan *plan, const struct cat_entity *entity, unsigned kind, const struct tl_yaml_node *node, struct tl_err *err)
{
    const struct cat_field *field = cat_field_of(node->key);
    if (!field || !(field->kinds & kind)) {
        cat_problem(plan, node->line, "a %s has no \"%.100s\"; it has %s", entity->kind, node->key, cat_field_names(plan->rq->arena, kind));
        return TL_OK;
    }
    const char *value = cat_field_value(plan, field, node), *before = NULL;
    bool empty = !value || value[0] == '\0';
    /* A description of nothing is what shows that a term or domain is there. */
    bool keeps_empty = strcmp(field->name, "description") == 0 && (kind & (CAT_OF_TERM | CAT_OF_DOMAIN));
    if (!value)
        return TL_OK;
    if (!first_time(plan, entity, field->name)) {
        cat_problem(plan, node->line, "%s of \"%.300s\" is given twice", field->name, cat_entity_text(plan->rq->arena, entity));
        return TL_OK;
    }
    if (!empty && mention_all(plan, field, node, err) != TL_OK)
        return err->code;
    enum tl_code code = strcmp(field->name, "tags") == 0 ? cat_tags_get(plan->rq, plan->catalog, entity, &before)
                                                         : cat_meaning_get(plan->tx, plan->rq->arena, entity, field->name, &before, err);
    const char *after = empty && !keeps_empty ? NULL : value;
    if (code == TL_OK && !tl_streq(before, after))
        cat_plan_edit(plan, entity, field->name, before, after);
    return code;
}

/* --- datasets --- */

struct finding {
    int64_t id;
    bool found;
};

static enum tl_code take_id(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct finding *finding = context;
    (void)count;
    (void)err;
    *finding = (struct finding){cells[0].integer, true};
    return TL_OK;
}

static enum tl_code find_dataset(const struct cat_plan *plan, const struct cat_entity *entity, struct finding *ret_finding, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(entity->source), TL_STORE_T(entity->schema), TL_STORE_T(entity->name)};
    return tl_store_run(plan->tx, "SELECT dataset_id FROM catalog_dataset WHERE source = ?1 AND schema_name = ?2 AND name = ?3", params, 3, take_id,
                        ret_finding, err);
}

static enum tl_code plan_column(struct cat_plan *plan, const struct cat_entity *dataset, int64_t id, const struct tl_yaml_node *node, struct tl_err *err)
{
    const char *name = tl_arena_strdup(plan->rq->arena, node->key);
    const struct cat_entity column = {"column", dataset->source, dataset->schema, dataset->name, name};
    const struct tl_store_value params[] = {TL_STORE_I(id), TL_STORE_T(name)};
    struct finding finding = {0, false};
    enum tl_code code = tl_store_run(plan->tx, "SELECT 1 FROM catalog_column WHERE dataset_id = ?1 AND name = ?2", params, 2, take_id, &finding, err);
    if (code != TL_OK)
        return code;
    if (!finding.found) {
        cat_problem(plan, node->line, "\"%s\" has no column \"%.200s\"", cat_entity_text(plan->rq->arena, dataset), name);
        return TL_OK;
    }
    if (node->kind == TL_YAML_SCALAR) { /* a text alone is its description */
        const struct tl_yaml_node description = {.kind = TL_YAML_SCALAR, .line = node->line, .key = "description", .text = node->text};
        return plan_field(plan, &column, CAT_OF_COLUMN, &description, err);
    }
    if (node->kind != TL_YAML_MAP)
        cat_problem(plan, node->line, "column \"%.200s\": a description was wanted, or a group of fields", name);
    for (const struct tl_yaml_node *at = node->kind == TL_YAML_MAP ? node->first : NULL; at && code == TL_OK; at = at->next)
        code = plan_field(plan, &column, CAT_OF_COLUMN, at, err);
    return code;
}

static bool may_edit(struct cat_plan *plan, const struct cat_entity *dataset, int line)
{
    const struct tl_grant_scope scope = {.source = dataset->source, .schema = dataset->schema, .table = dataset->name};
    if (plan->checked.kind && cat_is_entity(&plan->checked, dataset))
        return true;
    bool may = tl_lifeguard_need(plan->rq, plan->catalog->options.lifeguard, governing, &scope) == TL_OK;
    if (!may)
        cat_problem(plan, line, "%s (%s)", plan->rq->err.message, plan->rq->err.hint);
    tl_err_init(&plan->rq->err);
    if (may)
        plan->checked = *dataset;
    return may;
}

static enum tl_code plan_dataset(struct cat_plan *plan, const struct tl_yaml_node *item, const char *name, struct tl_err *err)
{
    struct cat_entity dataset;
    struct finding finding = {0, false};
    if (!cat_read_name(plan->rq->arena, tl_arena_strdup(plan->rq->arena, name), &dataset)) {
        cat_problem(plan, item->line, "\"%.300s\" is not the name of a table: write catalog.schema.table", name);
        return TL_OK;
    }
    if (find_dataset(plan, &dataset, &finding, err) != TL_OK)
        return err->code;
    if (!finding.found) {
        cat_problem(plan, item->line, "there is no table \"%.300s\"", name);
        return TL_OK;
    }
    enum tl_code code = TL_OK;
    bool may = may_edit(plan, &dataset, item->line);
    for (const struct tl_yaml_node *at = may ? item->first : NULL; at && code == TL_OK; at = at->next) {
        if (strcmp(at->key, "columns") == 0 && at->kind == TL_YAML_MAP)
            for (const struct tl_yaml_node *column = at->first; column && code == TL_OK; column = column->next)
                code = plan_column(plan, &dataset, finding.id, column, err);
        else if (strcmp(at->key, "columns") == 0)
            cat_problem(plan, at->line, "columns: a group was wanted, NAME: DESCRIPTION or NAME: {..}");
        else if (strcmp(at->key, "name") != 0)
            code = plan_field(plan, &dataset, CAT_OF_DATASET, at, err);
    }
    return code;
}

/* --- terms and domains --- */

static enum tl_code remove_field(void *context, const struct cat_entity *entity, const char *field, const char *value)
{
    cat_plan_edit(context, entity, field, value, NULL);
    return TL_OK;
}

static enum tl_code plan_named(struct cat_plan *plan, const char *kind, const struct tl_yaml_node *item, const char *name, struct tl_err *err)
{
    const struct tl_yaml_node *remove = tl_yaml_get(item, "remove"), nothing = {.kind = TL_YAML_SCALAR, .line = item->line, .key = "description", .text = ""};
    const struct cat_entity entity = {kind, "", "", tl_arena_strdup(plan->rq->arena, name), ""};
    unsigned bit = kind[0] == 't' ? CAT_OF_TERM : CAT_OF_DOMAIN;
    const char *there;
    if (!plan->may_glossary) {
        cat_problem(plan, item->line, "terms and domains are changed by who reviews or administers everything");
        return TL_OK;
    }
    if (strlen(name) > NAME_BYTES_MAX || strpbrk(name, "\r\n")) {
        cat_problem(plan, item->line, "a name has 1 to %d bytes, in one line", NAME_BYTES_MAX);
        return TL_OK;
    }
    if (remove && remove->kind == TL_YAML_SCALAR && strcmp(remove->text, "true") == 0)
        return cat_meaning_each(plan->tx, plan->rq->arena, &entity, remove_field, plan, err);
    add_hash(plan, plan->names, hash_name(plan, kind, name));
    enum tl_code code = cat_meaning_get(plan->tx, plan->rq->arena, &entity, "description", &there, err);
    if (code == TL_OK && !there && !tl_yaml_get(item, "description"))
        code = plan_field(plan, &entity, bit, &nothing, err);
    for (const struct tl_yaml_node *at = item->first; at && code == TL_OK; at = at->next)
        if (strcmp(at->key, "name") != 0 && strcmp(at->key, "remove") != 0)
            code = plan_field(plan, &entity, bit, at, err);
    return code;
}

enum tl_code cat_plan_item(struct cat_plan *plan, const char *section, const struct tl_yaml_node *item, struct tl_err *err)
{
    const struct tl_yaml_node *name = tl_yaml_get(item, "name");
    bool datasets = strcmp(section, "datasets") == 0, terms = strcmp(section, "terms") == 0, domains = strcmp(section, "domains") == 0;
    plan->items++;
    if (!datasets && !terms && !domains) {
        cat_problem(plan, item->line, "there is no section \"%s\": datasets, terms or domains", section);
        return TL_OK;
    }
    if (!name || name->kind != TL_YAML_SCALAR || name->text[0] == '\0') {
        cat_problem(plan, item->line, "an item of \"%s\" is a group of fields with a name", section);
        return TL_OK;
    }
    if (plan->edit_count + plan->tag_count > CAT_EDITS_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "more than %d changes at once", CAT_EDITS_MAX);
    enum tl_code code = datasets ? plan_dataset(plan, item, name->text, err) : plan_named(plan, terms ? "term" : "domain", item, name->text, err);
    return code == TL_OK ? tl_arena_check(plan->rq->arena, "the changes", err) : code;
}
