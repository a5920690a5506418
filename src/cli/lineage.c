/* townlake catalog lineage: what a table or column was made of, or what it reaches, as a tree. */
#include <stdlib.h>
#include <string.h>

#include "cli/catalog_int.h"

enum { LEVELS_MAX = 100, NODES_MAX = 4000, NAME_WIDTH = 28 };

struct tree {
    const struct tl_cli_job *job;
    const tl_json *nodes[NODES_MAX];
    size_t node_count;
    const tl_json *edges;
    bool down, columns; /* columns: a column was asked about */
    bool last[LEVELS_MAX];
    bool shown[NODES_MAX];
};

static int64_t number(const tl_json *object, const char *key)
{
    int64_t value = -1;
    tl_json_int64(tl_json_get(object, key), &value);
    return value;
}

/* "a.b.c.column" or "a.b.c": where the column's name begins; NULL = there is none. */
static const char *column_of(const char *name)
{
    int dots = 0;
    bool quoted = false;
    for (const char *at = name; *at; at++) {
        quoted = *at == '"' ? !quoted : quoted;
        if (*at == '.' && !quoted && ++dots == 3)
            return at + 1;
    }
    return NULL;
}

/* A name in quotes without them. */
static const char *unquoted(tl_arena *arena, const char *name)
{
    size_t size = strlen(name);
    if (size < 2 || name[0] != '"' || name[size - 1] != '"')
        return name;
    char *out = tl_arena_strndup(arena, name + 1, size - 2), *to = out;
    for (const char *at = out; *at; at++) {
        *to++ = *at;
        at += at[0] == '"' && at[1] == '"';
    }
    *to = '\0';
    return out;
}

static void put_indent(const struct tree *tree, int level)
{
    for (int i = 1; i < level; i++)
        printf("%s", tree->last[i] ? "   " : "│  ");
    if (level > 0)
        printf("%s", tree->last[level] ? "└─ " : "├─ ");
}

static void put_edge(const struct tree *tree, const tl_json *edge)
{
    const char *expression = tl_json_get_text(edge, "expression"), *how = tl_cli_text(edge, "how");
    bool value = strcmp(how, "value") == 0 || strcmp(how, "table") == 0;
    if (!value)
        printf(" %s(%s)%s", tree->job->c.yellow, strcmp(how, "view") == 0 ? "through this view" : how, tree->job->c.off);
    if (expression)
        printf("  %s= %s%s", tree->job->c.dim, expression, tree->job->c.off);
}

static bool follows(const struct tree *tree, const tl_json *edge, int64_t node, const char *column)
{
    const char *how = tl_cli_text(edge, "how"), *own = tl_json_get_text(edge, tree->down ? "from_column" : "to_column");
    bool whole = strcmp(how, "table") == 0 || strcmp(how, "view") == 0;
    if (number(edge, tree->down ? "from" : "to") != node)
        return false;
    return tree->columns ? !whole && (!own || !column || strcmp(own, column) == 0) : whole;
}

static void put_tree(struct tree *tree, int64_t node, const char *column, int level);

static void put_branch(struct tree *tree, const tl_json *edge, int level)
{
    int64_t other = number(edge, tree->down ? "to" : "from");
    const char *column = tl_json_get_text(edge, tree->down ? "to_column" : "from_column");
    if (other < 0 || (size_t)other >= tree->node_count)
        return;
    const tl_json *node = tree->nodes[other];
    put_indent(tree, level);
    printf("%s%s%s%s%s", tl_cli_text(node, "name"), column ? "." : "", column ? column : "",
           tree->columns && !column && tl_json_bool(tl_json_get(edge, "hidden"), false) ? " (a column you may not see)" : "",
           tl_json_bool(tl_json_get(node, "gone"), false) ? " (gone)" : strcmp(tl_cli_text(node, "kind"), "view") == 0 ? " (view)" : "");
    put_edge(tree, edge);
    bool again = !tree->columns && tree->shown[other];
    printf("%s\n", again ? " ..." : "");
    tree->shown[other] = true;
    bool value = strcmp(tl_cli_text(edge, "how"), "value") == 0;
    if (!again && level + 1 < LEVELS_MAX && (!tree->columns || (value && column)))
        put_tree(tree, other, column, level + 1);
}

static void put_tree(struct tree *tree, int64_t node, const char *column, int level)
{
    const tl_json *before = NULL;
    for (struct tl_json_iter it = tl_json_iter(tree->edges); tl_json_next(&it);) {
        if (!follows(tree, it.value, node, column))
            continue;
        tree->last[level] = false;
        if (before)
            put_branch(tree, before, level);
        before = it.value;
    }
    tree->last[level] = true;
    if (before)
        put_branch(tree, before, level);
}

/* Of a table: each of its columns with what it is made of. */
static void put_columns(const struct tree *tree)
{
    bool any = false;
    for (struct tl_json_iter column = tl_json_iter(tl_json_get(tree->nodes[0], "columns")); tl_json_next(&column);) {
        const char *name = tl_json_text(column.value), *expression = NULL;
        int count = 0;
        for (struct tl_json_iter it = tl_json_iter(tree->edges); tl_json_next(&it);) {
            bool own = number(it.value, "to") == 0 && tl_streq(tl_json_get_text(it.value, "to_column"), name) &&
                       strcmp(tl_cli_text(it.value, "how"), "value") == 0;
            const char *from = tl_json_get_text(it.value, "from_column");
            int64_t node = number(it.value, "from");
            if (!own || !from || node < 0 || (size_t)node >= tree->node_count)
                continue;
            if (!any)
                printf("\n");
            any = true;
            if (count == 0)
                printf("  %s%-*s%s ", tree->job->c.bold, NAME_WIDTH, name, tree->job->c.off);
            printf("%s%s.%s", count ? ", " : "", tl_cli_text(tree->nodes[node], "table"), from);
            count++;
            expression = tl_json_get_text(it.value, "expression");
        }
        if (count)
            printf("  %s%s%s%s\n", tree->job->c.dim, expression ? "= " : "", expression ? expression : "", tree->job->c.off);
    }
}

static void put_answer(const struct tl_cli_job *job, const tl_json *answer, const char *column, bool down)
{
    struct tree *tree = TL_NEW(job->arena, struct tree);
    *tree = (struct tree){.job = job, .edges = tl_json_get(answer, "edges"), .down = down, .columns = column != NULL};
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "nodes")); tl_json_next(&it) && tree->node_count < NODES_MAX;)
        tree->nodes[tree->node_count++] = it.value;
    if (!tree->node_count)
        return;
    printf("%s%s%s%s%s\n", job->c.bold, tl_cli_text(tree->nodes[0], "name"), column ? "." : "", column ? column : "", job->c.off);
    tree->shown[0] = true;
    put_tree(tree, 0, column, 1);
    if (!column && !down)
        put_columns(tree);
    if (tl_json_count(tree->edges) == 0)
        printf("nothing is known of where it %s\n", down ? "goes" : "comes from");
    if (!tl_json_bool(tl_json_get(answer, "complete"), true))
        printf("there is more: ask for fewer steps with --depth\n");
}

void tl_cli_catalog_lineage(struct tl_cli_job *job)
{
    const char *name = job->words[0], *column = column_of(name);
    bool down = tl_cli_flag(job->options, job->option_count, "--down");
    if (down && tl_cli_flag(job->options, job->option_count, "--up")) {
        tl_err_set(&job->err, TL_INVALID_ARGUMENT, "--up and --down are asked one at a time");
        return;
    }
    const char *dataset = column ? tl_arena_strndup(job->arena, name, (size_t)(column - name) - 1) : name;
    column = column ? unquoted(job->arena, column) : NULL;
    const char *path = tl_cli_with_parameter(job, "/api/v1/lineage", "dataset", dataset);
    path = tl_cli_with_parameter(job, path, "column", column);
    path = tl_cli_with_parameter(job, path, "direction", down ? "down" : "up");
    path = tl_cli_with_parameter(job, path, "depth", tl_cli_job_option(job, "--depth"));
    const tl_json *answer = tl_cli_job_call(job, "GET", path, NULL);
    if (!answer)
        return;
    if (tl_streq(tl_cli_job_option(job, "--output"), "json"))
        tl_cli_print_json(answer);
    else
        put_answer(job, answer, column, down);
}
