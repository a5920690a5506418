/* Scan planning for clients: the files of a snapshot that may hold what they ask for, with the deletes of each.
 *
 * All is answered at once; where there are many files the rest comes by tasks, whose names say what to plan again: nothing is kept
 * between calls. */
#include "lake/lake_int.h"

#include <stdio.h>
#include <string.h>

#include "lake/plan.h"

enum { PAGE_FILES = 10000, TASK_MAX = 1 << 20 };

struct scan {
    struct tl_lake_table table;
    struct tl_lake_plan plan;
    const tl_json *filter;
    int64_t snapshot_id; /* -1: the table is empty */
    struct tl_lake_type **types; /* of each spec's values */
};

/* --- values --- */

static void put_value(struct tl_json_writer *writer, const struct tl_lake_type *type, const struct tl_lake_value *value)
{
    struct tl_buf text;
    if (value->is_null) {
        tl_json_put_null(writer);
        return;
    }
    tl_buf_init(&text, 1 << 20);
    tl_lake_value_format(&text, type, value);
    bool bare = type->id == TL_LAKE_BOOLEAN || type->id == TL_LAKE_INT || type->id == TL_LAKE_LONG;
    bool number = (type->id == TL_LAKE_FLOAT || type->id == TL_LAKE_DOUBLE) && value->number - value->number == 0; /* no NaN, no infinity */
    if (bare || number)
        tl_json_put_raw(writer, (struct tl_str){tl_buf_cstr(&text), text.size});
    else
        tl_json_put_str(writer, (struct tl_str){tl_buf_cstr(&text), text.size});
    tl_buf_done(&text);
}

static void put_partition(struct tl_json_writer *writer, const struct scan *scan, const struct tl_lake_planned *planned)
{
    const struct tl_lake_type *types = NULL;
    for (size_t i = 0; i < scan->table.spec_count; i++)
        if (scan->table.specs[i].id == planned->spec->id)
            types = scan->types[i];
    tl_json_key(writer, "partition");
    tl_json_begin_array(writer);
    for (size_t i = 0; types && i < planned->spec->count; i++)
        put_value(writer, &types[i], &planned->file.partition[i]);
    tl_json_end_array(writer);
}

static void put_numbers(struct tl_json_writer *writer, const char *key, const struct tl_lake_ids *ids)
{
    if (!ids->count)
        return;
    tl_json_key(writer, key);
    tl_json_begin_array(writer);
    for (size_t i = 0; i < ids->count; i++)
        tl_json_put_int64(writer, ids->items[i]);
    tl_json_end_array(writer);
}

/* --- files --- */

static void put_file(struct tl_json_writer *writer, const struct scan *scan, const struct tl_lake_planned *planned)
{
    static const char *const contents[] = {[TL_LAKE_DATA] = "data", [TL_LAKE_POSITION_DELETES] = "position-deletes",
                                           [TL_LAKE_EQUALITY_DELETES] = "equality-deletes"};
    const struct tl_lake_file *file = &planned->file;
    char format[16] = "";
    for (size_t i = 0; i < file->format.size && i < sizeof format - 1; i++)
        format[i] = file->format.data[i] >= 'A' && file->format.data[i] <= 'Z' ? (char)(file->format.data[i] + 32) : file->format.data[i];
    tl_json_begin_object(writer);
    tl_json_pair_text(writer, "content", contents[file->content]);
    tl_json_key(writer, "file-path");
    tl_json_put_str(writer, file->path);
    tl_json_pair_text(writer, "file-format", format);
    tl_json_pair_int64(writer, "spec-id", planned->spec->id);
    put_partition(writer, scan, planned);
    tl_json_pair_int64(writer, "file-size-in-bytes", file->size_bytes);
    tl_json_pair_int64(writer, "record-count", file->record_count);
    put_numbers(writer, "split-offsets", &file->split_offsets);
    put_numbers(writer, "equality-ids", &file->equality_ids);
    if (file->sort_order_id >= 0)
        tl_json_pair_int64(writer, "sort-order-id", file->sort_order_id);
    if (file->content == TL_LAKE_DATA && file->first_row_id >= 0)
        tl_json_pair_int64(writer, "first-row-id", file->first_row_id);
    if (file->referenced_file.size) {
        tl_json_key(writer, "referenced-data-file");
        tl_json_put_str(writer, file->referenced_file);
    }
    if (file->content_offset >= 0) {
        tl_json_pair_int64(writer, "content-offset", file->content_offset);
        tl_json_pair_int64(writer, "content-size-in-bytes", file->content_size);
    }
    tl_json_end_object(writer);
}

/* The deletes that the page's files need, numbered anew: `places` has the number of each, counted from 1. */
static void put_deletes(struct tl_json_writer *writer, const struct scan *scan, size_t from, size_t to, size_t *places)
{
    size_t count = 0;
    tl_json_key(writer, "delete-files");
    tl_json_begin_array(writer);
    for (size_t i = from; i < to; i++)
        for (size_t k = 0; k < scan->plan.files[i].delete_count; k++) {
            size_t index = scan->plan.files[i].deletes[k];
            if (places[index])
                continue;
            places[index] = ++count;
            put_file(writer, scan, &scan->plan.deletes[index]);
        }
    tl_json_end_array(writer);
}

static void put_task(struct tl_json_writer *writer, const struct scan *scan, const struct tl_lake_planned *planned, const size_t *places)
{
    tl_json_begin_object(writer);
    tl_json_key(writer, "data-file");
    put_file(writer, scan, planned);
    if (planned->delete_count) {
        tl_json_key(writer, "delete-file-references");
        tl_json_begin_array(writer);
        for (size_t i = 0; i < planned->delete_count; i++)
            tl_json_put_int64(writer, (int64_t)places[planned->deletes[i]] - 1);
        tl_json_end_array(writer);
    }
    if (scan->filter) { /* which files, not which rows: whoever reads applies it */
        tl_json_key(writer, "residual-filter");
        tl_json_put_value(writer, scan->filter);
    }
    tl_json_end_object(writer);
}

static void put_page(struct tl_lake_route_call *rest, struct tl_json_writer *writer, const struct scan *scan, size_t from)
{
    size_t to = scan->plan.count - from > PAGE_FILES ? from + PAGE_FILES : scan->plan.count;
    size_t *places = TL_NEW_ARRAY(rest->arena, size_t, scan->plan.delete_count + 1);
    put_deletes(writer, scan, from, to, places);
    tl_json_key(writer, "file-scan-tasks");
    tl_json_begin_array(writer);
    for (size_t i = from; i < to; i++)
        put_task(writer, scan, &scan->plan.files[i], places);
    tl_json_end_array(writer);
}

/* "SNAPSHOT:FROM:FILTER" of each further page. */
static void put_tasks(struct tl_json_writer *writer, const struct scan *scan)
{
    struct tl_buf filter;
    struct tl_json_writer text;
    tl_buf_init(&filter, TASK_MAX);
    tl_json_writer_init(&text, &filter);
    if (scan->filter)
        tl_json_put_value(&text, scan->filter);
    tl_json_key(writer, "plan-tasks");
    tl_json_begin_array(writer);
    for (size_t from = PAGE_FILES; from < scan->plan.count; from += PAGE_FILES) {
        struct tl_buf task;
        tl_buf_init(&task, TASK_MAX + 64);
        tl_buf_addf(&task, "%lld:%zu:", (long long)scan->snapshot_id, from);
        tl_buf_add(&task, filter.data ? filter.data : "", filter.size);
        tl_json_put_str(writer, (struct tl_str){task.data, task.size});
        tl_buf_done(&task);
    }
    tl_json_end_array(writer);
    tl_buf_done(&filter);
}

/* --- planning --- */

static enum tl_code plan(struct tl_lake_route_call *rest, struct scan *scan, struct tl_err *err)
{
    const tl_lake_filter *filter = NULL;
    const char *schema = tl_lake_dotted(rest->arena, rest->namespace_name);
    if (tl_lake_table_load(rest->lake, rest->arena, schema, rest->table, &scan->table, err) != TL_OK)
        return err->code;
    if (scan->snapshot_id < 0)
        scan->snapshot_id = scan->table.current_snapshot_id;
    if (scan->snapshot_id < 0)
        return TL_OK;
    const struct tl_lake_snapshot *snapshot = tl_lake_table_snapshot(&scan->table, scan->snapshot_id);
    if (!snapshot)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "snapshot %lld does not exist", (long long)scan->snapshot_id);
    if (scan->filter && tl_lake_filter_parse(rest->arena, scan->table.schema, scan->filter, &filter, err) != TL_OK)
        return err->code;
    scan->types = TL_NEW_ARRAY(rest->arena, struct tl_lake_type *, scan->table.spec_count);
    for (size_t i = 0; i < scan->table.spec_count; i++) {
        scan->types[i] = TL_NEW_ARRAY(rest->arena, struct tl_lake_type, scan->table.specs[i].count + 1);
        tl_lake_spec_types(&scan->table.specs[i], scan->table.schemas, scan->table.schema_count, scan->types[i]);
    }
    struct tl_lake_plan_request request = {.snapshot_id = scan->snapshot_id, .filter = filter};
    return tl_lake_plan(rest->lake->objects, rest->arena, &scan->table, &request, &scan->plan, err);
}

static enum tl_code read_request(const tl_json *body, struct scan *scan, struct tl_err *err)
{
    static const char *const not_offered[] = {"start-snapshot-id", "end-snapshot-id"};
    const tl_json *snapshot = tl_json_get(body, "snapshot-id");
    for (size_t i = 0; i < sizeof not_offered / sizeof not_offered[0]; i++) {
        const tl_json *value = tl_json_get(body, not_offered[i]);
        if (value && !tl_json_is_null(value))
            return tl_err_set(err, TL_UNSUPPORTED, "planning between two snapshots is not offered: plan each by its \"snapshot-id\"");
    }
    scan->snapshot_id = -1;
    if (snapshot && !tl_json_is_null(snapshot) && !tl_json_int64(snapshot, &scan->snapshot_id))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"snapshot-id\" is not an integer");
    scan->filter = tl_json_get(body, "filter");
    if (scan->filter && tl_json_is_null(scan->filter))
        scan->filter = NULL;
    return TL_OK;
}

enum tl_code tl_lake_rest_plan(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct scan scan = {0};
    struct tl_json_writer writer;
    if (read_request(rest->body, &scan, err) != TL_OK || plan(rest, &scan, err) != TL_OK)
        return err->code;
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    tl_json_pair_text(&writer, "status", "completed");
    put_page(rest, &writer, &scan, 0);
    put_tasks(&writer, &scan);
    tl_json_end_object(&writer);
    return rest->reply->failed ? tl_err_set(err, TL_TOO_LARGE, "the plan is too large to send") : TL_OK;
}

enum tl_code tl_lake_rest_plan_task(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const char *task;
    struct scan scan = {0};
    struct tl_json_writer writer;
    long long snapshot;
    size_t from;
    int used = 0;
    if (tl_lake_json_need_text(rest->body, "fetching a plan's files", "plan-task", &task, err) != TL_OK)
        return err->code;
    if (sscanf(task, "%19lld:%9zu:%n", &snapshot, &from, &used) != 2 || used == 0 || snapshot < 0)
        return tl_err_set(err, TL_NOT_FOUND, "there is no such plan task");
    scan.snapshot_id = snapshot;
    struct tl_err unreadable;
    tl_err_init(&unreadable);
    if (task[used] && tl_json_parse(rest->arena, task + used, strlen(task + used), &scan.filter, &unreadable) != TL_OK)
        return tl_err_set(err, TL_NOT_FOUND, "there is no such plan task");
    if (plan(rest, &scan, err) != TL_OK)
        return err->code;
    if (from >= scan.plan.count)
        return tl_err_set(err, TL_NOT_FOUND, "there is no such plan task");
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    put_page(rest, &writer, &scan, from);
    tl_json_end_object(&writer);
    return rest->reply->failed ? tl_err_set(err, TL_TOO_LARGE, "the plan is too large to send") : TL_OK;
}
