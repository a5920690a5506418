/* What a model says: names, ways between datasets, expressions as SQL, and whether the tables are there. */
#include "skipper/semantic.h"

#include <stdio.h>
#include <string.h>

#include "door/lexer.h"
#include "skipper/semantic_int.h"

enum { EXPAND_DEPTH_MAX = 8, PROBLEMS_MAX = 200 };

int tl_semantic_find_dataset(const tl_semantic *model, const char *name)
{
    for (size_t i = 0; i < model->dataset_count; i++)
        if (tl_streq(model->datasets[i].name, name))
            return (int)i;
    return -1;
}

int tl_semantic_find_field(const struct tl_semantic_dataset *dataset, const char *name)
{
    for (size_t i = 0; i < dataset->field_count; i++)
        if (tl_streq(dataset->fields[i].name, name))
            return (int)i;
    return -1;
}

int tl_semantic_find_metric(const tl_semantic *model, const char *name)
{
    for (size_t i = 0; i < model->metric_count; i++)
        if (tl_streq(model->metrics[i].name, name))
            return (int)i;
    return -1;
}

/* Breadth first; of two ways of the same length the one that is written first. */
int tl_semantic_path(const tl_semantic *model, int from, int to, int *path)
{
    int by[TL_SEMANTIC_DATASETS_MAX], queue[TL_SEMANTIC_DATASETS_MAX], head = 0, tail = 0;
    for (size_t i = 0; i < model->dataset_count; i++)
        by[i] = -1;
    by[from] = -2;
    queue[tail++] = from;
    while (head < tail && by[to] == -1) {
        int at = queue[head++];
        for (size_t r = 0; r < model->relationship_count; r++)
            if (model->relationships[r].from == at && by[model->relationships[r].to] == -1) {
                by[model->relationships[r].to] = (int)r;
                queue[tail++] = model->relationships[r].to;
            }
    }
    if (by[to] == -1)
        return -1;
    int length = 0;
    for (int at = to; at != from; at = model->relationships[by[at]].from)
        length++;
    int place = length;
    for (int at = to; at != from; at = model->relationships[by[at]].from)
        path[--place] = by[at];
    return length;
}

/* --- expressions --- */

struct expansion {
    tl_arena *arena;
    const tl_semantic *model;
    bool *used;
    struct tl_buf *sql;
    struct tl_err *err;
    bool measure; /* of no dataset's own */
};

static enum tl_code expand(struct expansion *expansion, int dataset, const char *expression, int depth);

/* dataset.field */
static enum tl_code expand_field(struct expansion *expansion, struct tl_str text, struct tl_token owner, struct tl_token name, int depth)
{
    const char *dataset_name = tl_token_name(expansion->arena, text, owner), *field_name = tl_token_name(expansion->arena, text, name);
    int dataset = dataset_name ? tl_semantic_find_dataset(expansion->model, dataset_name) : -1;
    int field = dataset >= 0 && field_name ? tl_semantic_find_field(&expansion->model->datasets[dataset], field_name) : -1;
    if (dataset < 0)
        return tl_err_set(expansion->err, TL_CONFIG, "\"%s\" is no dataset of the model, in \"%.*s\"", dataset_name ? dataset_name : "",
            (int)text.size, text.data);
    if (field < 0)
        return tl_err_set(expansion->err, TL_CONFIG, "the dataset \"%s\" has no field \"%s\"", dataset_name, field_name ? field_name : "");
    if (expansion->measure && depth == 0)
        expansion->used[dataset] = true; /* its rows are counted, also where the field's columns are another dataset's */
    return expand(expansion, dataset, expansion->model->datasets[dataset].fields[field].expression, depth + 1);
}

static enum tl_code expand_word(struct expansion *expansion, int dataset, struct tl_str text, struct tl_token token)
{
    struct tl_str word = {text.data + token.offset, token.size};
    if (dataset < 0)
        return tl_err_set(expansion->err, TL_CONFIG, "\"%.*s\" stands alone: write dataset.field", (int)word.size, word.data);
    expansion->used[dataset] = true;
    tl_buf_addf(expansion->sql, "%s.%.*s", expansion->model->datasets[dataset].name, (int)word.size, word.data);
    return TL_OK;
}

static enum tl_code expand(struct expansion *expansion, int dataset, const char *expression, int depth)
{
    struct tl_lexer lexer = {.text = tl_str_of(expression)};
    struct tl_str text = lexer.text;
    bool single = strspn(expression, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == text.size;
    if (depth > EXPAND_DEPTH_MAX)
        return tl_err_set(expansion->err, TL_CONFIG, "\"%s\" leads to itself", expression);
    if (depth > 0 && !single)
        tl_buf_addc(expansion->sql, '(');
    for (;;) {
        size_t before = lexer.at;
        struct tl_token token = tl_lexer_next(&lexer);
        enum tl_code code = TL_OK;
        if (token.kind == TL_TOKEN_END)
            break;
        if (token.kind == TL_TOKEN_BAD || token.kind == TL_TOKEN_PARAMETER || tl_token_is_symbol(text, token, ";"))
            return tl_err_set(expansion->err, TL_CONFIG, "\"%s\" cannot be read as an expression", expression);
        tl_buf_add(expansion->sql, text.data + before, token.offset - before);
        struct tl_token next = tl_lexer_peek(&lexer);
        bool name = token.kind == TL_TOKEN_WORD || token.kind == TL_TOKEN_IDENTIFIER;
        if (name && tl_token_is_symbol(text, next, ".")) {
            tl_lexer_take_symbol(&lexer, ".");
            code = expand_field(expansion, text, token, tl_lexer_next(&lexer), depth);
        } else if (name && !tl_token_is_symbol(text, next, "(") &&
                   !(token.kind == TL_TOKEN_WORD && tl_semantic_is_keyword((struct tl_str){text.data + token.offset, token.size}))) {
            code = expand_word(expansion, dataset, text, token);
        } else {
            tl_buf_add(expansion->sql, text.data + token.offset, token.size);
        }
        if (code != TL_OK)
            return code;
    }
    if (depth > 0 && !single)
        tl_buf_addc(expansion->sql, ')');
    return TL_OK;
}

enum tl_code tl_semantic_expand(tl_arena *arena, const tl_semantic *model, int dataset, const char *expression, bool *used, struct tl_buf *sql,
                                struct tl_err *err)
{
    struct expansion expansion = {arena, model, used, sql, err, dataset < 0};
    return expand(&expansion, dataset, expression, 0);
}

/* --- against the tables that there are --- */

struct check {
    tl_arena *arena;
    const tl_semantic *model;
    const tl_registry_snapshot *snapshot;
    const char **problems;
    size_t count;
};

TL_PRINTF(3, 4)
static void problem(struct check *check, int line, const char *format, ...)
{
    char text[TL_ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (check->count < PROBLEMS_MAX)
        check->problems[check->count++] = tl_arena_printf(check->arena, "%s:%d: %s", check->model->path, line, text);
}

static bool has_column(const struct tl_source_dataset *table, const char *name, size_t size)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (tl_str_equal_nocase(tl_str_of(table->columns[i].name), (struct tl_str){name, size}))
            return true;
    return false;
}

/* Bare words of an expression are columns. */
static void check_words(struct check *check, const struct tl_source_dataset *table, const struct tl_semantic_dataset *dataset,
                        const struct tl_semantic_field *field)
{
    struct tl_lexer lexer = {.text = tl_str_of(field->expression)};
    for (struct tl_token token = tl_lexer_next(&lexer); token.kind != TL_TOKEN_END && token.kind != TL_TOKEN_BAD; token = tl_lexer_next(&lexer)) {
        struct tl_str word = {lexer.text.data + token.offset, token.size};
        if (token.kind != TL_TOKEN_WORD || tl_semantic_is_keyword(word) || tl_token_is_symbol(lexer.text, tl_lexer_peek(&lexer), "("))
            continue;
        if (tl_lexer_take_symbol(&lexer, "."))
            tl_lexer_next(&lexer);
        else if (!has_column(table, word.data, word.size))
            problem(check, field->line, "the field \"%s\" names the column \"%.*s\", which \"%s.%s.%s\" does not have", field->name, (int)word.size, word.data,
                    dataset->source[0], dataset->source[1], dataset->source[2]);
    }
}

static const struct tl_source_dataset *find_table(const struct check *check, const struct tl_semantic_dataset *dataset)
{
    return tl_snapshot_dataset(check->snapshot, dataset->source[0], dataset->source[1], dataset->source[2]);
}

static void check_dataset(struct check *check, const struct tl_semantic_dataset *dataset)
{
    const struct tl_source_dataset *table = find_table(check, dataset);
    if (!table) {
        problem(check, dataset->line, "the dataset \"%s\" is \"%s.%s.%s\", which is not there", dataset->name, dataset->source[0], dataset->source[1],
                dataset->source[2]);
        return;
    }
    for (size_t i = 0; i < dataset->key_count; i++)
        if (!has_column(table, dataset->key[i], strlen(dataset->key[i])))
            problem(check, dataset->line, "the key of \"%s\" names the column \"%s\", which is not there", dataset->name, dataset->key[i]);
    for (size_t i = 0; i < dataset->field_count; i++)
        check_words(check, table, dataset, &dataset->fields[i]);
}

static void check_relationship(struct check *check, const struct tl_semantic_relationship *relationship)
{
    const struct tl_source_dataset *from = find_table(check, &check->model->datasets[relationship->from]);
    for (size_t i = 0; from && i < relationship->column_count; i++)
        if (!has_column(from, relationship->from_columns[i], strlen(relationship->from_columns[i])))
            problem(check, relationship->line, "the relationship \"%s\" names the column \"%s\", which \"%s\" does not have", relationship->name,
                    relationship->from_columns[i], check->model->datasets[relationship->from].name);
}

/* Fields of other datasets must be there, and no field may lead to itself. */
static void check_expansion(struct check *check, int dataset, const struct tl_semantic_field *field)
{
    struct tl_buf sql;
    struct tl_err err;
    bool *used = TL_NEW_ARRAY(check->arena, bool, check->model->dataset_count);
    tl_buf_init(&sql, TL_YAML_BYTES_MAX);
    tl_err_init(&err);
    if (tl_semantic_expand(check->arena, check->model, dataset, field->expression, used, &sql, &err) != TL_OK)
        problem(check, field->line, "the field \"%s\": %s", field->name, err.message);
    tl_buf_done(&sql);
}

enum tl_code tl_semantic_check(tl_arena *arena, const tl_semantic *model, const tl_registry_snapshot *snapshot, struct tl_texts *ret_problems,
                               struct tl_err *err)
{
    struct check check = {arena, model, snapshot, TL_NEW_ARRAY(arena, const char *, PROBLEMS_MAX), 0};
    for (size_t i = 0; i < model->dataset_count; i++) {
        check_dataset(&check, &model->datasets[i]);
        for (size_t f = 0; f < model->datasets[i].field_count; f++)
            check_expansion(&check, (int)i, &model->datasets[i].fields[f]);
    }
    for (size_t i = 0; i < model->relationship_count; i++)
        check_relationship(&check, &model->relationships[i]);
    *ret_problems = (struct tl_texts){check.count, check.problems};
    if (check.count == 0)
        return TL_OK;
    tl_err_set(err, TL_CONFIG, "%s", check.problems[0]);
    if (check.count > 1)
        tl_err_detail(err, "and %zu more", check.count - 1);
    return TL_CONFIG;
}
