/* Events of others: read and checked member by member, then recorded as edges. */
#include "catalog/openlineage.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "catalog/openlineage_int.h"
#include "door/statement.h"

struct reader {
    tl_arena *arena;
    struct ol_event *event;
    struct tl_err *err;
};

static enum tl_code refuse(struct reader *reader, const char *path, const char *wanted)
{
    return tl_err_set(reader->err, TL_INVALID_ARGUMENT, "\"%s\" of the event is not %s", path, wanted);
}

bool ol_read_time(const char *text, int64_t *ret_us)
{
    struct tm tm = {0};
    int used = 0, hours = 0, minutes = 0;
    if (!text || strlen(text) > 64 ||
        sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6 || used == 0 ||
        tm.tm_year < 1 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 ||
        tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
        return false;
    const char *at = text + used;
    int64_t fraction_us = 0, scale = 100000;
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++, scale /= 10)
            fraction_us += (*at - '0') * scale;
    char sign = *at;
    bool zone = (sign == 'Z' || sign == 'z') && at[1] == '\0';
    if (!zone && ((sign != '+' && sign != '-') || sscanf(at + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || at[1 + used] || hours < 0 || hours > 23 ||
                  minutes < 0 || minutes > 59))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    int64_t offset_s = (hours * 60 + minutes) * 60;
    *ret_us = ((int64_t)timegm(&tm) - (sign == '-' ? -offset_s : offset_s)) * 1000000 + fraction_us;
    return true;
}

/* --- datasets --- */

static bool is_name(const char *text)
{
    return text && *text && strlen(text) <= OL_NAME_BYTES_MAX;
}

/* One of ours: three parts. */
static bool read_own(tl_arena *arena, const char *space, const char *name, struct lin_name *ret_name)
{
    struct tl_name parts;
    if (!tl_streq(space, TL_OPENLINEAGE_NAMESPACE) || !is_name(name))
        return false;
    struct tl_lexer lexer = {tl_str_of(name), 0};
    if (!tl_name_read(arena, &lexer, &parts) || parts.part_count != 3 || tl_lexer_next(&lexer).kind != TL_TOKEN_END)
        return false;
    *ret_name = (struct lin_name){parts.parts[0], parts.parts[1], parts.parts[2]};
    return true;
}

static enum tl_code read_dataset(struct reader *reader, const tl_json *dataset, const char *path, struct lin_name *ret_name)
{
    const char *space = tl_json_get_text(dataset, "namespace"), *name = tl_json_get_text(dataset, "name");
    if (!tl_json_is_object(dataset) || !is_name(space) || !is_name(name))
        return refuse(reader, path, "an object with a namespace and a name");
    if (read_own(reader->arena, space, name, ret_name))
        return TL_OK;
    if (tl_streq(space, TL_OPENLINEAGE_NAMESPACE))
        return refuse(reader, path, "a table \"source.schema.table\"");
    const tl_json *symlinks = tl_json_get(tl_json_get(tl_json_get(dataset, "facets"), "symlinks"), "identifiers");
    for (struct tl_json_iter it = tl_json_iter(symlinks); tl_json_next(&it);)
        if (read_own(reader->arena, tl_json_get_text(it.value, "namespace"), tl_json_get_text(it.value, "name"), ret_name))
            return TL_OK;
    *ret_name = (struct lin_name){space, "", name};
    return TL_OK;
}

static enum tl_code add_edge(struct reader *reader, const struct lin_edge *edge)
{
    struct ol_event *event = reader->event;
    if (event->edge_count == OL_EDGES_MAX)
        return tl_err_set(reader->err, TL_TOO_LARGE, "the event has more than %d edges", OL_EDGES_MAX);
    if (event->edge_count == event->edge_capacity) {
        size_t old = event->edge_capacity;
        event->edge_capacity = old ? 2 * old : 64;
        event->edges = tl_arena_grow(reader->arena, event->edges, old * sizeof *event->edges, event->edge_capacity * sizeof *event->edges);
    }
    event->edges[event->edge_count++] = *edge;
    return TL_OK;
}

/* --- columnLineage --- */

static const struct {
    const char *subtype, *how;
} indirect[] = {{"JOIN", "join"}, {"GROUP_BY", "group"}, {"FILTER", "filter"}, {"SORT", "order"}, {"WINDOW", "window"}, {"CONDITIONAL", "condition"}};

static const char *how_of(const tl_json *transformation)
{
    const char *subtype = tl_json_get_text(transformation, "subtype");
    for (size_t i = 0; i < sizeof indirect / sizeof *indirect; i++)
        if (tl_streq(subtype, indirect[i].subtype))
            return indirect[i].how;
    return "filter";
}

/* One input of a column (or of all, column ""): each way in which it reaches it. */
static enum tl_code read_input(struct reader *reader, const tl_json *input, const struct lin_name *to, const char *column, const char *expression)
{
    struct lin_edge edge = {.to = *to, .to_column = column, .from_column = tl_json_get_text(input, "field"), .how = *column ? "value" : "filter"};
    const tl_json *transformations = tl_json_get(input, "transformations");
    if (!is_name(edge.from_column))
        return refuse(reader, "columnLineage", "made of inputs with a namespace, a name and a field");
    enum tl_code code = read_dataset(reader, input, "inputFields", &edge.from);
    if (code == TL_OK && tl_json_count(transformations) == 0) {
        edge.expression = expression;
        return add_edge(reader, &edge);
    }
    for (struct tl_json_iter it = tl_json_iter(transformations); code == TL_OK && tl_json_next(&it);) {
        bool direct = tl_streq(tl_json_get_text(it.value, "type"), "DIRECT") && *column;
        const char *subtype = tl_json_get_text(it.value, "subtype"), *told = tl_json_get_text(it.value, "description");
        edge.how = direct ? "value" : how_of(it.value);
        edge.kind = !direct ? NULL : tl_streq(subtype, "IDENTITY") ? "identity" : tl_streq(subtype, "AGGREGATION") ? "aggregation" : "transformation";
        edge.expression = !direct ? NULL : told && *told ? told : expression;
        code = add_edge(reader, &edge);
    }
    return code;
}

static enum tl_code read_columns(struct reader *reader, const tl_json *facet, const struct lin_name *to)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(facet, "fields")); code == TL_OK && tl_json_next(&it);) {
        if (!is_name(it.key) || !tl_json_is_array(tl_json_get(it.value, "inputFields")))
            return refuse(reader, "columnLineage.fields", "made of columns with inputFields");
        const char *expression = tl_json_get_text(it.value, "transformationDescription");
        for (struct tl_json_iter in = tl_json_iter(tl_json_get(it.value, "inputFields")); code == TL_OK && tl_json_next(&in);)
            code = read_input(reader, in.value, to, it.key, expression && *expression ? expression : NULL);
    }
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(facet, "dataset")); code == TL_OK && tl_json_next(&it);)
        code = read_input(reader, it.value, to, "", NULL);
    return code;
}

/* --- the event --- */

static void read_change(struct reader *reader, const tl_json *facet, struct ol_output *output)
{
    const char *change = tl_json_get_text(facet, "lifecycleStateChange");
    const tl_json *before = tl_json_get(facet, "previousIdentifier");
    struct lin_name old;
    if (tl_streq(change, "DROP") || tl_streq(change, "OVERWRITE") || tl_streq(change, "TRUNCATE"))
        output->change = OL_BEGINS_ANEW;
    if (!tl_streq(change, "RENAME") || !read_own(reader->arena, tl_json_get_text(before, "namespace"), tl_json_get_text(before, "name"), &old) ||
        !tl_streq(old.source, output->name.source) || !tl_streq(old.schema, output->name.schema))
        return;
    output->change = OL_RENAMES;
    output->old_table = old.table;
}

static enum tl_code read_output(struct reader *reader, const tl_json *dataset, const char *path, const struct lin_name *inputs, size_t input_count)
{
    struct ol_event *event = reader->event;
    const tl_json *facets = tl_json_get(dataset, "facets");
    struct ol_output *output = &event->outputs[event->output_count];
    enum tl_code code = read_dataset(reader, dataset, path, &output->name);
    if (code != TL_OK)
        return code;
    event->output_count++;
    read_change(reader, tl_json_get(facets, "lifecycleStateChange"), output);
    for (size_t i = 0; code == TL_OK && i < input_count; i++) {
        struct lin_edge edge = {.to = output->name, .to_column = "", .from = inputs[i], .from_column = "", .how = "table"};
        if (!lin_same(&edge.to, &edge.from))
            code = add_edge(reader, &edge);
    }
    return code == TL_OK ? read_columns(reader, tl_json_get(facets, "columnLineage"), &output->name) : code;
}

static enum tl_code check_list(struct reader *reader, const tl_json *list, const char *path)
{
    if (list && !tl_json_is_array(list))
        return refuse(reader, path, "an array of datasets");
    if (tl_json_count(list) > OL_DATASETS_MAX)
        return tl_err_set(reader->err, TL_TOO_LARGE, "the event has more than %d %s", OL_DATASETS_MAX, path);
    return TL_OK;
}

static enum tl_code read_datasets(struct reader *reader, const tl_json *json)
{
    const tl_json *inputs = tl_json_get(json, "inputs"), *outputs = tl_json_get(json, "outputs"), *alone = tl_json_get(json, "dataset");
    enum tl_code code = check_list(reader, inputs, "inputs");
    if (code == TL_OK)
        code = check_list(reader, outputs, "outputs");
    if (code != TL_OK)
        return code;
    struct lin_name *names = TL_NEW_ARRAY(reader->arena, struct lin_name, tl_json_count(inputs) + 1);
    size_t count = 0;
    reader->event->outputs = TL_NEW_ARRAY(reader->arena, struct ol_output, tl_json_count(outputs) + 1);
    for (struct tl_json_iter it = tl_json_iter(inputs); code == TL_OK && tl_json_next(&it);)
        code = read_dataset(reader, it.value, "inputs", &names[count++]);
    for (struct tl_json_iter it = tl_json_iter(outputs); code == TL_OK && tl_json_next(&it);)
        code = read_output(reader, it.value, "outputs", names, count);
    if (code == TL_OK && alone)
        code = read_output(reader, alone, "dataset", NULL, 0);
    return code;
}

static enum tl_code read_job(struct reader *reader, const tl_json *job)
{
    const char *space = tl_json_get_text(job, "namespace"), *name = tl_json_get_text(job, "name");
    if (!is_name(space) || !is_name(name))
        return refuse(reader, "job", "an object with a namespace and a name");
    reader->event->job = tl_arena_printf(reader->arena, "%s %s", space, name);
    return TL_OK;
}

static enum tl_code read_run(struct reader *reader, const tl_json *run, const char *type)
{
    static const char *const types[] = {"COMPLETE", "RUNNING", "OTHER", "START", "ABORT", "FAIL"};
    enum { MAKE_SOMETHING = 3 };
    size_t i = 0;
    reader->event->run_id = tl_json_get_text(run, "runId");
    if (!is_name(reader->event->run_id))
        return refuse(reader, "run", "an object with a runId");
    while (type && i < sizeof types / sizeof *types && strcmp(types[i], type) != 0)
        i++;
    if (i == sizeof types / sizeof *types)
        return refuse(reader, "eventType", "START, RUNNING, COMPLETE, ABORT, FAIL or OTHER");
    reader->event->counts = type && i < MAKE_SOMETHING;
    return TL_OK;
}

enum tl_code ol_read(tl_arena *arena, const tl_json *json, struct ol_event *ret_event, struct tl_err *err)
{
    struct reader reader = {arena, ret_event, err};
    const tl_json *run = tl_json_get(json, "run"), *job = tl_json_get(json, "job"), *dataset = tl_json_get(json, "dataset");
    *ret_event = (struct ol_event){.counts = true, .run_id = "", .job = ""};
    if (!tl_json_is_object(json))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "an event is a JSON object");
    if (!ol_read_time(tl_json_get_text(json, "eventTime"), &ret_event->at_us))
        return refuse(&reader, "eventTime", "a time such as 2026-01-31T12:00:00Z");
    if (!tl_json_get_text(json, "producer") || !tl_json_get_text(json, "schemaURL"))
        return refuse(&reader, tl_json_get_text(json, "producer") ? "schemaURL" : "producer", "a text");
    if (!job && !dataset)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the event has neither a job nor a dataset");
    enum tl_code code = job ? read_job(&reader, job) : TL_OK;
    if (code == TL_OK && run)
        code = job ? read_run(&reader, run, tl_json_get_text(json, "eventType")) : refuse(&reader, "job", "there, but a run is");
    return code == TL_OK ? read_datasets(&reader, json) : code;
}

/* --- recording --- */

struct recording {
    const struct ol_event *event;
    struct lin_told told;
};

static enum tl_code record(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct recording *recording = context;
    const struct ol_event *event = recording->event;
    enum tl_code code = TL_OK;
    for (size_t i = 0; code == TL_OK && i < event->output_count; i++) {
        struct lin_name name = event->outputs[i].name;
        const char *now = name.table;
        if (event->outputs[i].change == OL_BEGINS_ANEW)
            code = lin_end(tx, &name, event->at_us, err);
        name.table = event->outputs[i].old_table;
        if (event->outputs[i].change == OL_RENAMES)
            code = lin_rename(tx, &name, now, event->at_us, err);
    }
    for (size_t i = 0; code == TL_OK && i < event->edge_count; i++)
        code = lin_add(tx, &event->edges[i], &recording->told, err);
    return code;
}

enum tl_code tl_openlineage_take(struct tl_request *rq, tl_lineage *lineage, const tl_json *json, int64_t *ret_edges)
{
    struct ol_event event;
    *ret_edges = 0;
    enum tl_code code = ol_read(rq->arena, json, &event, &rq->err);
    for (size_t i = 0; code == TL_OK && i < event.output_count; i++)
        code = lin_may_tell(rq, lineage, &event.outputs[i].name);
    if (code != TL_OK || !event.counts)
        return code;
    if (tl_lineage_follow(lineage, &rq->err) != TL_OK) /* what happened before is recorded before */
        return rq->err.code;
    struct recording recording = {&event, {"openlineage", event.run_id, event.job, rq->principal ? rq->principal->user : "", event.at_us}};
    code = tl_store_write(lineage->options.store, record, &recording, &rq->err);
    *ret_edges = code == TL_OK ? (int64_t)event.edge_count : 0;
    return code;
}
