/* Suites of questions out of YAML. */
#include <stdlib.h>
#include <string.h>

#include "cli/eval_int.h"

struct reader {
    tl_arena *arena;
    const char *path;
    struct tl_err *err;
};

static enum tl_code refuse(const struct reader *reader, int line, const char *why, const char *what)
{
    return tl_err_set(reader->err, TL_CONFIG, "%s:%d: %s \"%s\"", reader->path, line, why, what);
}

/* [0, 2, 3] in JSON or as a list */
static enum tl_code read_columns(const struct reader *reader, const struct tl_yaml_node *list, struct tl_eval_question *question)
{
    for (const struct tl_yaml_node *item = list->first; item; item = item->next) {
        char *end = NULL;
        int64_t number = item->kind == TL_YAML_SCALAR ? strtoll(item->text, &end, 10) : -1;
        if (!end || *end || number < 0 || question->column_count == TL_EVAL_COLUMNS_MAX)
            return refuse(reader, item->line, "\"columns\" are numbers from 0, not", item->text ? item->text : "");
        question->columns[question->column_count++] = number;
    }
    return TL_OK;
}

static enum tl_code read_member(const struct reader *reader, const struct tl_yaml_node *member, struct tl_eval_question *question)
{
    const struct {
        const char *key;
        const char **text;
        bool *flag;
        const struct tl_yaml_node **list;
    } places[] = {{"ask", &question->ask, NULL, NULL},          {"sql", &question->sql, NULL, NULL},         {"as", &question->as, NULL, NULL},
                  {"refuse", NULL, &question->refuse, NULL},    {"denied", NULL, &question->denied, NULL},   {"follow", NULL, &question->follow, NULL},
                  {"zeros", NULL, &question->zeros, NULL},      {"tables", NULL, NULL, &question->tables},   {"forbidden", NULL, NULL, &question->forbidden}};
    if (strcmp(member->key, "columns") == 0 && member->kind == TL_YAML_LIST)
        return read_columns(reader, member, question);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strcmp(places[i].key, member->key) != 0)
            continue;
        if ((places[i].list != NULL) != (member->kind == TL_YAML_LIST) || member->kind == TL_YAML_MAP)
            return refuse(reader, member->line, "of another kind than it should be:", member->key);
        if (places[i].text)
            *places[i].text = member->text;
        else if (places[i].flag)
            *places[i].flag = strcmp(member->text, "true") == 0;
        else
            *places[i].list = member;
        return TL_OK;
    }
    return refuse(reader, member->line, "a question has no key", member->key);
}

static enum tl_code read_question(const struct reader *reader, const struct tl_yaml_node *map, struct tl_eval_question *question)
{
    if (map->kind != TL_YAML_MAP)
        return refuse(reader, map->line, "a question is a group of keys, not", tl_yaml_kind_name(map->kind));
    question->line = map->line;
    for (const struct tl_yaml_node *member = map->first; member; member = member->next)
        if (read_member(reader, member, question) != TL_OK)
            return TL_CONFIG;
    int ends = (question->sql != NULL) + question->refuse + question->denied;
    if (!question->ask || ends != 1)
        return refuse(reader, map->line, "a question has \"ask\", and of \"sql\", \"refuse\" and \"denied\" one:", question->ask ? question->ask : "");
    return TL_OK;
}

enum tl_code tl_eval_read(tl_arena *arena, const char *path, struct tl_str yaml, struct tl_eval_question **ret_questions, size_t *ret_count,
                          struct tl_err *err)
{
    struct tl_yaml_node *root = NULL;
    struct reader reader = {arena, path, err};
    *ret_count = 0;
    if (tl_yaml_parse(arena, path, yaml, &root, err) != TL_OK)
        return err->code;
    const struct tl_yaml_node *list = tl_yaml_get(root, "questions");
    if (!list || list->kind != TL_YAML_LIST)
        return tl_err_set(err, TL_CONFIG, "%s: a suite has a list \"questions\"", path);
    *ret_questions = TL_NEW_ARRAY(arena, struct tl_eval_question, TL_EVAL_QUESTIONS_MAX);
    for (const struct tl_yaml_node *item = list->first; item; item = item->next) {
        if (*ret_count == TL_EVAL_QUESTIONS_MAX)
            return tl_err_set(err, TL_CONFIG, "%s:%d: more than %d questions", path, item->line, TL_EVAL_QUESTIONS_MAX);
        if (read_question(&reader, item, &(*ret_questions)[(*ret_count)++]) != TL_OK)
            return err->code;
    }
    return TL_OK;
}
