/* One column: each distinct value once to the detectors; what is JSON is taken apart, and each path is a column of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "skimmer/skimmer_int.h"

enum { SEEN_SLOTS = 4096, JSON_ARENA_MAX = 4 * 1024 * 1024, PATH_BYTES_MAX = 200, LEAVES_MAX = 200, DEPTH_MAX = 12, TEXT_MAX = 64, FOUND_MAX = 64 };

struct path_run {
    const char *path;
    struct tl_detect_column column;
    tl_detect_run *run;
    uint64_t *seen;
};

struct skim_column {
    tl_arena *arena;
    const tl_skimmer *skimmer;
    struct tl_detect_column column;
    tl_detect_run *run;
    uint64_t *seen;
    uint64_t key[2];
    int64_t checked, plain; /* of these, not JSON */
    size_t path_count;
    struct path_run paths[SKIM_PATHS_MAX];
};

struct skim_column *skim_column_new(tl_arena *arena, const tl_skimmer *skimmer, const struct skim_table *table, size_t at)
{
    const struct tl_source_dataset *dataset = &table->dataset;
    struct skim_column *column = TL_NEW(arena, struct skim_column);
    size_t neighbour_count = dataset->column_count < TL_DETECT_NEIGHBOURS_MAX ? dataset->column_count : TL_DETECT_NEIGHBOURS_MAX;
    const char **neighbours = TL_NEW_ARRAY(arena, const char *, neighbour_count);
    for (size_t i = 0; i < neighbour_count; i++)
        neighbours[i] = dataset->columns[i].name;
    column->arena = arena;
    column->skimmer = skimmer;
    column->column = (struct tl_detect_column){dataset->name, dataset->columns[at].name, &dataset->columns[at].type, neighbour_count, neighbours};
    column->run = skimmer->options.detectors->begin(skimmer->detector, &column->column);
    column->seen = TL_NEW_ARRAY(arena, uint64_t, SEEN_SLOTS);
    column->key[0] = 0x736b696d; /* values cannot be aimed at it: a set that is full only lets repeats through */
    column->key[1] = (uint64_t)(uintptr_t)column;
    return column;
}

/* Was it seen?  A set that is full says no. */
static bool seen_before(const struct skim_column *column, uint64_t *seen, struct tl_str value)
{
    enum { PROBES_MAX = 16 };
    uint64_t hash = tl_hash_keyed(column->key, value.data, value.size) | 1;
    for (size_t i = 0; i < PROBES_MAX; i++) {
        uint64_t *slot = &seen[(hash + i) % SEEN_SLOTS];
        if (*slot == hash)
            return true;
        if (!*slot) {
            *slot = hash;
            return false;
        }
    }
    return false;
}

static struct path_run *path_run(struct skim_column *column, const char *path)
{
    for (size_t i = 0; i < column->path_count; i++)
        if (strcmp(column->paths[i].path, path) == 0)
            return &column->paths[i];
    if (column->path_count == SKIM_PATHS_MAX)
        return NULL;
    struct path_run *run = &column->paths[column->path_count++];
    const char *dot = strrchr(path, '.');
    run->path = tl_arena_strdup(column->arena, path);
    run->column = (struct tl_detect_column){.table = column->column.table, .name = dot ? run->path + (dot + 1 - path) : run->path};
    run->run = column->skimmer->options.detectors->begin(column->skimmer->detector, &run->column);
    run->seen = TL_NEW_ARRAY(column->arena, uint64_t, SEEN_SLOTS);
    return run;
}

struct leaves {
    struct skim_column *column;
    int count;
    char path[PATH_BYTES_MAX];
};

static void add_leaf(struct leaves *leaves, struct tl_str text)
{
    struct path_run *run = path_run(leaves->column, leaves->path);
    if (run && text.size && !seen_before(leaves->column, run->seen, text))
        leaves->column->skimmer->options.detectors->add(run->run, &text, 1);
}

static void walk(struct leaves *leaves, const tl_json *value, int depth)
{
    size_t size = strlen(leaves->path);
    char number[TEXT_MAX];
    int64_t integer;
    if (depth > DEPTH_MAX || leaves->count++ > LEAVES_MAX)
        return;
    if (tl_json_is_string(value)) {
        add_leaf(leaves, tl_json_str(value));
    } else if (tl_json_int64(value, &integer)) {
        int digits = snprintf(number, sizeof number, "%lld", (long long)integer);
        add_leaf(leaves, (struct tl_str){number, (size_t)digits});
    } else if (tl_json_is_array(value) || tl_json_is_object(value)) {
        for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it);) {
            if (it.key)
                snprintf(leaves->path + size, sizeof leaves->path - size, "%s%s", size ? "." : "", it.key);
            walk(leaves, it.value, depth + 1);
            leaves->path[size] = '\0';
        }
    }
}

static bool take_apart(struct skim_column *column, struct tl_str value)
{
    struct leaves leaves = {.column = column};
    const tl_json *root;
    struct tl_err err;
    tl_err_init(&err);
    if (value.size < 2 || (value.data[0] != '{' && value.data[0] != '['))
        return false;
    tl_arena *arena = tl_arena_new(JSON_ARENA_MAX);
    bool whole = tl_json_parse(arena, value.data, value.size, &root, &err) == TL_OK;
    if (whole)
        walk(&leaves, root, 0);
    tl_arena_free(arena);
    return whole;
}

void skim_column_add(struct skim_column *column, struct tl_str value)
{
    if (value.size == 0 || seen_before(column, column->seen, value))
        return;
    column->checked++;
    if (take_apart(column, value))
        return;
    column->plain++;
    column->skimmer->options.detectors->add(column->run, &value, 1);
}

struct judging {
    tl_arena *arena;
    struct skim_found *found;
    size_t count;
};

static enum tl_code judge_run(const struct skim_column *column, tl_detect_run *run, const char *path, struct judging *judging, struct tl_err *err)
{
    const struct tl_detection *detections;
    size_t count;
    enum tl_code code = column->skimmer->options.detectors->judge(run, judging->arena, &detections, &count, err);
    for (size_t i = 0; code == TL_OK && i < count && judging->count < FOUND_MAX; i++)
        judging->found[judging->count++] = (struct skim_found){&detections[i], path};
    return code;
}

enum tl_code skim_column_judge(struct skim_column *column, tl_arena *arena, const struct skim_found **ret_found, size_t *ret_count,
                               int64_t *ret_checked, struct tl_err *err)
{
    struct judging judging = {arena, TL_NEW_ARRAY(arena, struct skim_found, FOUND_MAX), 0};
    enum tl_code code = TL_OK;
    /* A column of JSON alone has no values of its own: its name then says nothing of what the JSON holds. */
    if (column->plain > 0 || column->path_count == 0)
        code = judge_run(column, column->run, NULL, &judging, err);
    for (size_t i = 0; code == TL_OK && i < column->path_count; i++)
        code = judge_run(column, column->paths[i].run, column->paths[i].path, &judging, err);
    *ret_found = judging.found;
    *ret_count = judging.count;
    *ret_checked = column->checked;
    return code;
}

void skim_column_end(struct skim_column *column)
{
    column->skimmer->options.detectors->end(column->run);
    for (size_t i = 0; i < column->path_count; i++)
        column->skimmer->options.detectors->end(column->paths[i].run);
}
