/* A field's value as it is kept: checked, and written in one way, so that equal values are equal texts. */
#include <string.h>

#include "catalog/catalog_int.h"

enum { TEXT_BYTES_MAX = 64 * 1024, NAME_BYTES_MAX = 200, LIST_MAX = 50, QUESTION_BYTES_MAX = 4000, VALUE_BYTES_MAX = 1024 * 1024 };

static const char *problem(struct cat_plan *plan, const struct tl_yaml_node *node, const struct cat_field *field, const char *why)
{
    cat_problem(plan, node->line, "%s: %s", field->name, why);
    return NULL;
}

/* A short text without line ends. */
static bool is_name(const struct tl_yaml_node *node)
{
    return node->kind == TL_YAML_SCALAR && node->text[0] && strlen(node->text) <= NAME_BYTES_MAX && !strpbrk(node->text, "\r\n");
}

static const char *finish(struct cat_plan *plan, struct tl_buf *buf)
{
    const char *text = buf->failed ? NULL : tl_arena_strdup(plan->rq->arena, tl_buf_cstr(buf));
    tl_buf_done(buf);
    return text;
}

static const char *text_value(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node)
{
    if (node->kind != TL_YAML_SCALAR)
        return problem(plan, node, field, "a text was wanted");
    size_t size = strlen(node->text), bad;
    if (size > TEXT_BYTES_MAX)
        return problem(plan, node, field, "the text is longer than 64 KiB");
    if (!tl_utf8_valid(node->text, size, &bad))
        return problem(plan, node, field, "the text is not UTF-8");
    while (size > 0 && strchr(" \r\n", node->text[size - 1]))
        size--; /* what a block of YAML ends with says nothing */
    return tl_arena_strndup(plan->rq->arena, node->text, size);
}

static const char *name_value(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node)
{
    if (node->kind == TL_YAML_SCALAR && node->text[0] == '\0')
        return "";
    return is_name(node) ? tl_arena_strdup(plan->rq->arena, node->text) : problem(plan, node, field, "a name of 1 to 200 bytes was wanted");
}

/* As lifeguard takes them. */
static bool is_tag(const struct tl_yaml_node *node)
{
    return is_name(node) && strlen(node->text) <= TL_TAG_BYTES_MAX;
}

static bool is_owner(const struct tl_yaml_node *node)
{
    return is_name(node) && ((strncmp(node->text, "user:", 5) == 0 && node->text[5]) || (strncmp(node->text, "group:", 6) == 0 && node->text[6]));
}

/* A list of names, or one of them alone. */
static const char *list_value(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node,
                              bool (*accepts)(const struct tl_yaml_node *node), const char *why)
{
    const struct tl_yaml_node alone = {.kind = TL_YAML_SCALAR, .line = node->line, .text = node->text};
    const struct tl_yaml_node *first = node->kind == TL_YAML_LIST ? node->first : node->kind == TL_YAML_SCALAR && node->text[0] ? &alone : NULL;
    struct tl_buf buf;
    struct tl_json_writer json;
    int count = 0;
    if (node->kind == TL_YAML_MAP)
        return problem(plan, node, field, "a list was wanted");
    tl_buf_init(&buf, VALUE_BYTES_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_array(&json);
    for (const struct tl_yaml_node *at = first; at; at = at->next) {
        if (!accepts(at) || ++count > LIST_MAX) {
            tl_buf_done(&buf);
            return problem(plan, at, field, count > LIST_MAX ? "more than 50 entries" : why);
        }
        tl_json_put_text(&json, at->text);
    }
    tl_json_end_array(&json);
    const char *value = finish(plan, &buf);
    return count ? value : "";
}

static const char *names_value(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node)
{
    return list_value(plan, field, node, is_name, "a name of 1 to 200 bytes was wanted");
}

static const char *tags_value(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node)
{
    int count = 0;
    for (const struct tl_yaml_node *at = node->first; at; at = at->next)
        count++;
    if (count > TL_TAGS_MAX)
        return problem(plan, node, field, "more than 32 tags");
    return list_value(plan, field, node, is_tag, "a tag of 1 to 100 bytes was wanted");
}

static const char *owners_value(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node)
{
    return list_value(plan, field, node, is_owner, "an owner is \"user:NAME\" or \"group:NAME\"");
}

/* "why", or {reason, use}; "false" = it is not. */
static const char *deprecated_value(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node)
{
    const struct tl_yaml_node *reason = node->kind == TL_YAML_MAP ? tl_yaml_get(node, "reason") : node, *use = tl_yaml_get(node, "use");
    struct tl_buf buf;
    struct tl_json_writer json;
    if (node->kind == TL_YAML_LIST || !reason || reason->kind != TL_YAML_SCALAR || (use && !is_name(use)) || strlen(reason->text) > TEXT_BYTES_MAX)
        return problem(plan, node, field, "a reason was wanted, or {reason: .., use: TABLE}");
    if (reason->text[0] == '\0' || strcmp(reason->text, "false") == 0)
        return "";
    tl_buf_init(&buf, VALUE_BYTES_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "reason", reason->text);
    if (use)
        tl_json_pair_text(&json, "use", use->text);
    tl_json_end_object(&json);
    return finish(plan, &buf);
}

static bool put_question(struct tl_json_writer *json, const struct tl_yaml_node *node)
{
    const struct tl_yaml_node *text = node->kind == TL_YAML_MAP ? tl_yaml_get(node, "question") : node, *sql = tl_yaml_get(node, "sql");
    if (!text || text->kind != TL_YAML_SCALAR || text->text[0] == '\0' || strlen(text->text) > QUESTION_BYTES_MAX || (sql && sql->kind != TL_YAML_SCALAR) ||
        (sql && strlen(sql->text) > TEXT_BYTES_MAX))
        return false;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "question", text->text);
    if (sql)
        tl_json_pair_text(json, "sql", sql->text);
    tl_json_end_object(json);
    return true;
}

static const char *questions_value(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    int count = 0;
    if (node->kind != TL_YAML_LIST)
        return node->kind == TL_YAML_SCALAR && node->text[0] == '\0' ? "" : problem(plan, node, field, "a list was wanted");
    tl_buf_init(&buf, VALUE_BYTES_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_array(&json);
    for (const struct tl_yaml_node *at = node->first; at; at = at->next)
        if (++count > LIST_MAX || !put_question(&json, at)) {
            tl_buf_done(&buf);
            return problem(plan, at, field, count > LIST_MAX ? "more than 50 entries" : "a question was wanted, or {question: .., sql: ..}");
        }
    tl_json_end_array(&json);
    const char *value = finish(plan, &buf);
    if (count && !value)
        return problem(plan, node, field, "the questions are longer than 1 MiB");
    return count ? value : "";
}

enum { ALL = CAT_OF_DATASET | CAT_OF_COLUMN | CAT_OF_TERM | CAT_OF_DOMAIN };
static const struct cat_field fields[] = {
    {"description", ALL, false, text_value},
    {"owners", CAT_OF_DATASET | CAT_OF_TERM | CAT_OF_DOMAIN, true, owners_value},
    {"domain", CAT_OF_DATASET | CAT_OF_TERM, true, name_value},
    {"tags", CAT_OF_DATASET | CAT_OF_COLUMN, false, tags_value},
    {"terms", CAT_OF_DATASET | CAT_OF_COLUMN, true, names_value},
    {"deprecated", CAT_OF_DATASET | CAT_OF_COLUMN | CAT_OF_TERM, false, deprecated_value},
    {"questions", CAT_OF_DATASET, false, questions_value},
    {"synonyms", CAT_OF_TERM, true, names_value},
};

const struct cat_field *cat_field_of(const char *name)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

const char *cat_field_names(tl_arena *arena, unsigned kind)
{
    const char *names = "";
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].kinds & kind)
            names = tl_arena_printf(arena, "%s%s%s", names, *names ? ", " : "", fields[i].name);
    return names;
}

const char *cat_field_value(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node)
{
    return field->value(plan, field, node);
}
