/* Columns on standard input, a JSON object a line ({"table", "name", "type", "neighbours", "values"}); what was found in each on
 * standard output, a line each; for the accuracy kit.  usage: detect_columns [REPEATS], which prints values a second to stderr. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data/json.h"
#include "detectors/detectors.h"

enum { LINE_MAX_BYTES = 64 * 1024 * 1024, ARENA_MAX = 512 * 1024 * 1024, NEIGHBOURS_MAX = 64 };

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const struct tl_type *type_of(tl_arena *arena, const char *name)
{
    struct tl_type *type = TL_NEW(arena, struct tl_type);
    bool number = tl_streq(name, "DOUBLE") || tl_streq(name, "DECIMAL");
    *type = tl_type_simple(tl_streq(name, "BIGINT") ? TL_TYPE_INT64 : number ? TL_TYPE_DOUBLE : TL_TYPE_VARCHAR);
    return type;
}

static struct tl_str *texts_of(tl_arena *arena, const tl_json *list, size_t *ret_count)
{
    struct tl_str *texts = TL_NEW_ARRAY(arena, struct tl_str, tl_json_count(list) + 1);
    size_t count = 0;
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it);)
        texts[count++] = tl_json_str(it.value);
    *ret_count = count;
    return texts;
}

static void print_found(const struct tl_detection *found, size_t count)
{
    printf("[");
    for (size_t i = 0; i < count; i++)
        printf("%s{\"class\": \"%s\", \"confidence\": %.3f, \"inside\": %s, \"hits\": %lld, \"checked\": %lld}", i ? ", " : "", found[i].class->info_type,
               found[i].confidence, found[i].inside ? "true" : "false", (long long)found[i].hits, (long long)found[i].checked);
    printf("]\n");
}

static size_t detect(tl_detector *detector, tl_arena *arena, const tl_json *row, int repeats, double *seconds)
{
    size_t count, neighbours;
    const struct tl_detection *found;
    struct tl_str *values = texts_of(arena, tl_json_get(row, "values"), &count), *near = texts_of(arena, tl_json_get(row, "neighbours"), &neighbours);
    const char *names[NEIGHBOURS_MAX];
    for (size_t i = 0; i < neighbours && i < NEIGHBOURS_MAX; i++)
        names[i] = tl_arena_strndup(arena, near[i].data, near[i].size);
    struct tl_detect_column column = {tl_json_get_text(row, "table"), tl_json_get_text(row, "name"), type_of(arena, tl_json_get_text(row, "type")),
                                      neighbours < NEIGHBOURS_MAX ? neighbours : NEIGHBOURS_MAX, names};
    double before = cpu_seconds();
    for (int i = 0; i < repeats; i++) {
        tl_detect_run *run = tl_detector_patterns.begin(detector, &column);
        tl_detector_patterns.add(run, values, count);
        size_t found_count;
        struct tl_err err;
        tl_err_init(&err);
        if (tl_detector_patterns.judge(run, arena, &found, &found_count, &err) != TL_OK)
            exit(1);
        if (i == repeats - 1) {
            *seconds += cpu_seconds() - before;
            print_found(found, found_count);
        }
        tl_detector_patterns.end(run);
    }
    return count * (size_t)repeats;
}

int main(int argc, char **argv)
{
    char *line = malloc(LINE_MAX_BYTES);
    int repeats = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1;
    tl_detector *detector;
    struct tl_err err;
    double seconds = 0;
    size_t values = 0;
    tl_err_init(&err);
    if (repeats < 1 || tl_detector_patterns.open(NULL, &detector, &err) != TL_OK)
        return 2;
    while (fgets(line, LINE_MAX_BYTES, stdin)) {
        const tl_json *row;
        tl_arena *arena = tl_arena_new(ARENA_MAX);
        if (tl_json_parse(arena, line, strlen(line), &row, &err) != TL_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        values += detect(detector, arena, row, repeats, &seconds);
        tl_arena_free(arena);
    }
    if (repeats > 1)
        fprintf(stderr, "%.0f values a second\n", (double)values / seconds);
    tl_detector_patterns.close(detector);
    free(line);
    return 0;
}
