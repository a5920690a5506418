/* The facts of the door as events for others. */
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "catalog/openlineage_int.h"

enum { EVENT_DATASETS_MAX = 4000, NAME_BYTES = 4096, ID_SIZE = 37 };

#define PRODUCER "urn:townlake:" TL_VERSION
#define FACETS "https://openlineage.io/spec/facets/"

struct writer {
    struct tl_json_writer json;
    const tl_json *named[EVENT_DATASETS_MAX]; /* datasets of the plan */
    size_t named_count;
};

static const char *text_at(const tl_json *list, size_t index)
{
    struct tl_json_iter it = tl_json_iter(tl_json_is_array(list) ? list : NULL);
    for (size_t i = 0; tl_json_next(&it); i++)
        if (i == index)
            return tl_json_text(it.value);
    return NULL;
}

/* "source.schema.table", quoted where it must be. */
static void put_name(struct tl_json_writer *json, const tl_json *name, const char *other_table)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 4 * NAME_BYTES);
    for (size_t i = 0; i < 3; i++) {
        const char *part = i == 2 && other_table ? other_table : text_at(name, i);
        tl_buf_adds(&buf, i ? "." : "");
        if (part && *part && part[strspn(part, "abcdefghijklmnopqrstuvwxyz0123456789_$")] == '\0' && !(*part >= '0' && *part <= '9'))
            tl_buf_adds(&buf, part);
        else
            tl_buf_add_identifier(&buf, part ? part : "");
    }
    tl_json_pair_text(json, "namespace", TL_OPENLINEAGE_NAMESPACE);
    tl_json_pair_text(json, "name", tl_buf_cstr(&buf));
    tl_buf_done(&buf);
}

static void begin_facet(struct tl_json_writer *json, const char *name, const char *schema)
{
    tl_json_key(json, name);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "_producer", PRODUCER);
    tl_json_pair_text(json, "_schemaURL", schema);
}

/* --- columns --- */

static const tl_json *dataset_of(const struct writer *writer, const tl_json *item)
{
    struct tl_json_iter it = tl_json_iter(item);
    int64_t number;
    if (!tl_json_next(&it) || !tl_json_int64(it.value, &number) || number < 0 || (size_t)number >= writer->named_count)
        return NULL;
    return writer->named[number];
}

static void put_transformation(struct tl_json_writer *json, const char *type, const char *subtype, const char *description)
{
    tl_json_key(json, "transformations");
    tl_json_begin_array(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", type);
    tl_json_pair_text(json, "subtype", subtype);
    if (description)
        tl_json_pair_text(json, "description", description);
    tl_json_pair_bool(json, "masking", false);
    tl_json_end_object(json);
    tl_json_end_array(json);
}

static void put_input(struct writer *writer, const tl_json *item, const char *type, const char *subtype, const char *description)
{
    const tl_json *dataset = dataset_of(writer, item);
    const char *column = text_at(item, 1);
    if (!dataset || !column)
        return;
    tl_json_begin_object(&writer->json);
    put_name(&writer->json, dataset, NULL);
    tl_json_pair_text(&writer->json, "field", column);
    put_transformation(&writer->json, type, subtype, description);
    tl_json_end_object(&writer->json);
}

static void put_steering(struct writer *writer, const tl_json *by)
{
    static const char *const words[][2] = {{"join", "JOIN"}, {"group", "GROUP_BY"}, {"filter", "FILTER"}, {"order", "SORT"}, {"window", "WINDOW"}};
    for (struct tl_json_iter it = tl_json_iter(by); tl_json_next(&it);) {
        const char *how = text_at(it.value, 2), *subtype = "CONDITIONAL";
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            subtype = tl_streq(how, words[i][0]) ? words[i][1] : subtype;
        put_input(writer, it.value, "INDIRECT", subtype, NULL);
    }
}

static void put_field(struct writer *writer, const tl_json *output, const char *name)
{
    const char *kind = tl_json_get_text(output, "kind");
    const char *subtype = tl_streq(kind, "identity") ? "IDENTITY" : tl_streq(kind, "aggregation") ? "AGGREGATION" : "TRANSFORMATION";
    tl_json_key(&writer->json, name);
    tl_json_begin_object(&writer->json);
    tl_json_key(&writer->json, "inputFields");
    tl_json_begin_array(&writer->json);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(output, "from")); tl_json_next(&it);)
        put_input(writer, it.value, "DIRECT", subtype, tl_json_get_text(output, "expression"));
    put_steering(writer, tl_json_get(output, "by"));
    tl_json_end_array(&writer->json);
    tl_json_end_object(&writer->json);
}

/* A view names its columns itself. */
static const char *next_name(struct tl_json_iter *given, const tl_json *columns, const tl_json *output)
{
    if (tl_json_next(given))
        return tl_json_text(given->value);
    return columns ? NULL : tl_json_get_text(output, "name");
}

static void put_columns(struct writer *writer, const tl_json *fact)
{
    const tl_json *plan = tl_json_get(fact, "plan"), *columns = tl_json_get(fact, "columns");
    struct tl_json_iter given = tl_json_iter(columns);
    begin_facet(&writer->json, "columnLineage", FACETS "1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet");
    tl_json_key(&writer->json, "fields");
    tl_json_begin_object(&writer->json);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(plan, "outputs")); tl_json_next(&it);) {
        const char *name = next_name(&given, columns, it.value);
        if (name)
            put_field(writer, it.value, name);
    }
    tl_json_end_object(&writer->json);
    tl_json_key(&writer->json, "dataset");
    tl_json_begin_array(&writer->json);
    put_steering(writer, tl_json_get(plan, "by"));
    tl_json_end_array(&writer->json);
    tl_json_end_object(&writer->json);
}

/* Of what is made whole; a change may write some columns only. */
static void put_schema(struct writer *writer, const tl_json *fact)
{
    const tl_json *columns = tl_json_get(fact, "columns");
    struct tl_json_iter given = tl_json_iter(columns);
    begin_facet(&writer->json, "schema", FACETS "1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet");
    tl_json_key(&writer->json, "fields");
    tl_json_begin_array(&writer->json);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(tl_json_get(fact, "plan"), "outputs")); tl_json_next(&it);) {
        const char *name = next_name(&given, columns, it.value);
        tl_json_begin_object(&writer->json);
        tl_json_pair_text(&writer->json, "name", name ? name : "");
        tl_json_end_object(&writer->json);
    }
    tl_json_end_array(&writer->json);
    tl_json_end_object(&writer->json);
}

/* --- the event --- */

static const char *change_of(const tl_json *fact)
{
    static const char *const changes[][2] = {{"CREATE TABLE", "CREATE"}, {"CREATE VIEW", "CREATE"}, {"DROP TABLE", "DROP"}, {"DROP VIEW", "DROP"},
                                             {"TRUNCATE TABLE", "TRUNCATE"}};
    if (tl_json_get_text(fact, "new_name"))
        return "RENAME";
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (tl_streq(tl_json_get_text(fact, "kind"), changes[i][0]))
            return changes[i][1];
    return NULL;
}

static void put_output(struct writer *writer, const tl_json *fact)
{
    struct tl_json_writer *json = &writer->json;
    const tl_json *target = tl_json_get(fact, "target");
    const char *change = change_of(fact), *new_name = tl_json_get_text(fact, "new_name");
    tl_json_begin_object(json);
    put_name(json, target, new_name);
    tl_json_key(json, "facets");
    tl_json_begin_object(json);
    if (change) {
        begin_facet(json, "lifecycleStateChange", FACETS "1-0-1/LifecycleStateChangeDatasetFacet.json#/$defs/LifecycleStateChangeDatasetFacet");
        tl_json_pair_text(json, "lifecycleStateChange", change);
        if (new_name) {
            tl_json_key(json, "previousIdentifier");
            tl_json_begin_object(json);
            put_name(json, target, NULL);
            tl_json_end_object(json);
        }
        tl_json_end_object(json);
    }
    if (tl_json_get(fact, "plan")) {
        if (tl_streq(change, "CREATE"))
            put_schema(writer, fact);
        put_columns(writer, fact);
    }
    tl_json_end_object(json);
    tl_json_end_object(json);
}

/* The same statement, the same run. */
static void put_run_id(const char *statement, char id[ID_SIZE])
{
    static const uint64_t keys[2][2] = {{0x746f776e6c616b65, 1}, {0x746f776e6c616b65, 2}};
    uint64_t high = tl_hash_keyed(keys[0], statement, strlen(statement)), low = tl_hash_keyed(keys[1], statement, strlen(statement));
    struct tl_buf buf;
    tl_buf_init(&buf, 64);
    high = (high & ~0xf000ULL) | 0x8000;                   /* version 8: made by a rule of its own */
    low = (low & ~(3ULL << 62)) | 2ULL << 62;
    tl_buf_addf(&buf, "%08llx-%04llx-%04llx-%04llx-%012llx", (unsigned long long)(high >> 32), (unsigned long long)(high >> 16 & 0xffff),
                (unsigned long long)(high & 0xffff), (unsigned long long)(low >> 48), (unsigned long long)(low & 0xffffffffffffULL));
    memcpy(id, tl_buf_cstr(&buf), ID_SIZE);
    tl_buf_done(&buf);
}

static void put_datasets(struct writer *writer, const tl_json *names)
{
    for (struct tl_json_iter it = tl_json_iter(names); tl_json_next(&it);) {
        tl_json_begin_object(&writer->json);
        put_name(&writer->json, it.value, NULL);
        tl_json_end_object(&writer->json);
    }
}

static void put_event(struct writer *writer, const char *statement, const tl_json *fact)
{
    struct tl_json_writer *json = &writer->json;
    char id[ID_SIZE], time[TL_CLOCK_TEXT_SIZE];
    int64_t at_us = 0;
    tl_json_int64(tl_json_get(fact, "at_us"), &at_us);
    tl_clock_text(time, at_us, 3);
    put_run_id(statement, id);
    writer->named_count = 0;
    const tl_json *datasets = tl_json_get(tl_json_get(fact, "plan"), "datasets");
    for (struct tl_json_iter it = tl_json_iter(datasets); tl_json_next(&it) && writer->named_count < EVENT_DATASETS_MAX;)
        writer->named[writer->named_count++] = it.value;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "eventType", "COMPLETE");
    tl_json_pair_text(json, "eventTime", time);
    tl_json_pair_text(json, "producer", PRODUCER);
    tl_json_pair_text(json, "schemaURL", "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent");
    tl_json_key(json, "run");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "runId", id);
    tl_json_end_object(json);
    tl_json_key(json, "job");
    tl_json_begin_object(json);
    put_name(json, tl_json_get(fact, "target"), NULL);
    tl_json_key(json, "facets");
    tl_json_begin_object(json);
    begin_facet(json, "jobType", FACETS "2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet");
    tl_json_pair_text(json, "processingType", "BATCH");
    tl_json_pair_text(json, "integration", "TOWNLAKE");
    tl_json_pair_text(json, "jobType", "QUERY");
    tl_json_end_object(json);
    tl_json_end_object(json);
    tl_json_end_object(json);
    tl_json_key(json, "inputs");
    tl_json_begin_array(json);
    put_datasets(writer, tl_json_get(fact, "tables"));
    put_datasets(writer, tl_json_get(fact, "views"));
    tl_json_end_array(json);
    tl_json_key(json, "outputs");
    tl_json_begin_array(json);
    put_output(writer, fact);
    tl_json_end_array(json);
    tl_json_end_object(json);
}

struct putting {
    tl_arena *arena;
    struct writer *writer;
    struct tl_buf *lines;
    int64_t after, last;
    int count_max;
};

static enum tl_code take_fact(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct putting *putting = context;
    const tl_json *fact;
    (void)count;
    putting->last = cells[0].integer;
    if (tl_json_parse(putting->arena, cells[2].bytes.data, cells[2].bytes.size, &fact, err) != TL_OK)
        return err->code;
    if (text_at(tl_json_get(fact, "target"), 2)) { /* a schema is no dataset */
        tl_json_writer_init(&putting->writer->json, putting->lines);
        put_event(putting->writer, tl_store_text(putting->arena, &cells[1]), fact);
        tl_buf_addc(putting->lines, '\n');
    }
    tl_arena_reset(putting->arena);
    return TL_OK;
}

static enum tl_code read_facts(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct putting *putting = context;
    const struct tl_store_value params[] = {TL_STORE_I(putting->after), TL_STORE_I(putting->count_max)};
    return tl_store_run(tx, "SELECT id, subject, body FROM event WHERE kind = 'lineage' AND id > ?1 ORDER BY id LIMIT ?2", params, 2, take_fact, putting, err);
}

enum tl_code tl_openlineage_put(struct tl_request *rq, tl_lineage *lineage, int64_t after, int count_max, struct tl_buf *lines, int64_t *ret_last)
{
    struct tl_grant_scope everything = {.source = NULL};
    *ret_last = after;
    if (tl_lifeguard_need(rq, lineage->options.lifeguard, TL_PRIVILEGE_ADMIN, &everything) != TL_OK)
        return rq->err.code;
    tl_store_flush(lineage->options.store);
    struct putting putting = {.arena = tl_arena_new(LINEAGE_ARENA_BYTES_MAX), .writer = TL_NEW(rq->arena, struct writer), .lines = lines, .after = after,
                              .last = after, .count_max = count_max < TL_OPENLINEAGE_EVENTS_MAX ? count_max : TL_OPENLINEAGE_EVENTS_MAX};
    enum tl_code code = tl_store_read(lineage->options.store, read_facts, &putting, &rq->err);
    tl_arena_free(putting.arena);
    *ret_last = putting.last;
    if (code == TL_OK && lines->failed)
        code = tl_err_set(&rq->err, TL_TOO_LARGE, "the events are longer than %zu bytes; ask for fewer with \"count\"", lines->max_size);
    return code;
}
