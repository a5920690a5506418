/* Compaction: the engine reads each group of files as rows of the snapshot, deletes applied, and writes one file; the rows of both are
 * counted and hashed, and only when they are the same does the new file take the place of the old ones. */
#include <stdlib.h>
#include <string.h>

#include "door/upkeep_rewrite_int.h"

enum { SQL_BYTES_MAX = REWRITING_SQL_BYTES_MAX, BOUND_BYTES_MAX = 64, ROW_ID_FIELD = 2147483540, LAST_SEQUENCE_FIELD = 2147483539 };
static const int64_t small_default_bytes = INT64_C(100) * 1024 * 1024, target_default_bytes = INT64_C(512) * 1024 * 1024;

/* --- SQL --- */

static void put_columns(struct tl_buf *sql, const struct rewriting *rewriting)
{
    const struct tl_lake_type *root = &rewriting->schema->root;
    for (size_t i = 0; i < root->count; i++) {
        tl_buf_adds(sql, i ? ", " : "");
        tl_buf_add_identifier(sql, root->fields[i].name);
    }
    if (rewriting->row_ids) /* rows keep who they are */
        tl_buf_adds(sql, ", _row_id, _last_updated_sequence_number");
}

void rewriting_put_source(struct tl_buf *sql, const struct rewriting *rewriting, const struct tl_lake_rewrite_group *group)
{
    const struct tl_upkeep_job *job = rewriting->job;
    tl_buf_adds(sql, " FROM ");
    tl_buf_add_identifier(sql, tl_arena_printf(rewriting->rq->arena, "p:%s", job->source));
    tl_buf_addc(sql, '.');
    tl_buf_add_identifier(sql, job->schema);
    tl_buf_addc(sql, '.');
    tl_buf_add_identifier(sql, job->table);
    tl_buf_addf(sql, " AT (VERSION => %lld) WHERE filename IN (", (long long)rewriting->table.current_snapshot_id);
    for (size_t i = 0; i < group->count; i++) {
        struct tl_str path = rewriting->plan.files[group->files[i]].file.path;
        tl_buf_adds(sql, i ? ", " : "");
        tl_buf_add_literal(sql, path.data, path.size);
    }
    tl_buf_addc(sql, ')');
}

/* {'a': 1, 's': {__duckdb_field_id: 2, 'x': 3}} */
static void put_field_ids(struct tl_buf *sql, const struct tl_lake_type *type, int64_t own_id)
{
    tl_buf_addc(sql, '{');
    if (own_id)
        tl_buf_addf(sql, "__duckdb_field_id: %lld%s", (long long)own_id, type->count ? ", " : "");
    for (size_t i = 0; i < type->count; i++) {
        const struct tl_lake_field *field = &type->fields[i];
        tl_buf_adds(sql, i ? ", " : "");
        tl_buf_add_literal(sql, field->name, strlen(field->name));
        tl_buf_adds(sql, ": ");
        if (field->type.count)
            put_field_ids(sql, &field->type, field->id);
        else
            tl_buf_addf(sql, "%lld", (long long)field->id);
    }
    if (!own_id)
        return; /* the caller has more to say */
    tl_buf_addc(sql, '}');
}

static void put_order(struct tl_buf *sql, const struct rewriting *rewriting)
{
    const struct tl_lake_order *order = rewriting->table.order;
    bool first = true;
    for (size_t i = 0; order && i < order->count; i++) {
        const struct tl_lake_field *field = tl_lake_schema_field(rewriting->schema, order->fields[i].source_id);
        if (!field || order->fields[i].transform.id != TL_LAKE_IDENTITY)
            continue;
        tl_buf_adds(sql, first ? " ORDER BY " : ", ");
        tl_buf_add_identifier(sql, field->name);
        tl_buf_addf(sql, " %s NULLS %s", order->fields[i].descending ? "DESC" : "ASC", order->fields[i].nulls_last ? "LAST" : "FIRST");
        first = false;
    }
}

static void put_copy(struct tl_buf *sql, const struct rewriting *rewriting, const char *select, const char *path)
{
    tl_buf_addf(sql, "COPY (%s) TO ", select);
    tl_buf_add_literal(sql, path, strlen(path));
    tl_buf_adds(sql, " (FORMAT parquet, COMPRESSION zstd, RETURN_STATS true, FIELD_IDS ");
    put_field_ids(sql, &rewriting->schema->root, 0);
    if (rewriting->row_ids)
        tl_buf_addf(sql, ", '_row_id': %d, '_last_updated_sequence_number': %d", ROW_ID_FIELD, LAST_SEQUENCE_FIELD);
    tl_buf_adds(sql, "})");
}

/* How many rows there are, and a sum that does not depend on their order. */
static void put_proof(struct tl_buf *sql, const struct rewriting *rewriting)
{
    tl_buf_adds(sql, "SELECT count(*) AS n, CAST(sum(CAST(hash(");
    put_columns(sql, rewriting);
    tl_buf_adds(sql, ") AS HUGEINT)) AS VARCHAR) AS h");
}

/* --- the engine --- */

/* The first row's cells as the text of JSON. */
enum tl_code rewriting_run(struct rewriting *rewriting, struct tl_buf *sql, bool writes, const char **cells, size_t cell_count)
{
    struct tl_request *rq = rewriting->rq;
    const struct tl_upkeep_job *job = rewriting->job;
    const char *const allowed[] = {tl_arena_printf(rq->arena, "table:p:%s.%s.%s", job->source, job->schema, job->table), "function:read_parquet",
                                   "function:parquet_scan", tl_arena_printf(rq->arena, "files:%s", rewriting->table.location), "operator:COPY_TO_FILE"};
    size_t allowed_count = writes ? 5 : 4;
    char id[40];
    if (sql->failed)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "the files of one group are too many for one statement");
    tl_request_new_id(id);
    struct tl_engine_statement statement = {.sql = {sql->data, sql->size}, .allowed = allowed, .allowed_count = allowed_count, .time_zone = "UTC",
                                            .query_id = id};
    tl_result *result;
    const struct tl_batch *batch;
    bool end = false, found = false;
    if (tl_engine_run(rq, rewriting->door->engine, rewriting->clearance, &statement, &result) != TL_OK)
        return rq->err.code;
    while (!end && tl_result_next(rq, result, -1, &batch, &end) == TL_OK) {
        if (!batch || batch->row_count == 0 || found)
            continue;
        found = true;
        for (size_t i = 0; i < cell_count && i < batch->column_count; i++) {
            struct tl_buf text;
            tl_buf_init(&text, SQL_BYTES_MAX);
            tl_column_format_trino(&text, &batch->columns[i], 0);
            cells[i] = tl_arena_strdup(rq->arena, tl_buf_cstr(&text));
            tl_buf_done(&text);
        }
    }
    tl_result_close(result);
    return rq->err.code || found ? rq->err.code : tl_err_set(&rq->err, TL_INTERNAL, "the engine gave no row where one was due");
}

/* --- what the engine tells of a new file --- */

/* "a"."b": how statistics name columns. */
static void add_path(struct tl_buf *path, const char *name)
{
    tl_buf_addc(path, '.');
    tl_buf_add_identifier(path, name);
}

struct statistics {
    tl_arena *arena;
    const tl_json *columns;
    struct tl_lake_count *sizes, *values, *nulls, *nans;
    struct tl_lake_bound *lower, *upper;
    size_t count, null_count, nan_count, lower_count, upper_count;
};

static int64_t number_of(const tl_json *column, const char *key)
{
    const char *text = tl_json_get_text(column, key);
    return text ? strtoll(text, NULL, 10) : -1;
}

/* Bounds that are long are left out: they may be cut for texts below, but not above. */
static void add_bound(struct statistics *statistics, const struct tl_lake_field *field, const tl_json *column, const char *key,
                      struct tl_lake_bound *list, size_t *count)
{
    const tl_json *json = tl_json_get(column, key);
    struct tl_lake_value value;
    struct tl_buf bytes;
    if (!json || field->type.id > TL_LAKE_UUID || !tl_lake_value_from_text(statistics->arena, &field->type, tl_json_text(json), &value))
        return;
    tl_buf_init(&bytes, SQL_BYTES_MAX);
    tl_lake_value_encode(&bytes, &field->type, &value);
    if (bytes.size <= BOUND_BYTES_MAX)
        list[(*count)++] = (struct tl_lake_bound){field->id, {tl_arena_strndup(statistics->arena, tl_buf_cstr(&bytes), bytes.size), bytes.size}};
    tl_buf_done(&bytes);
}

static void add_column(struct statistics *statistics, const struct tl_lake_field *field, const char *path, bool bounds)
{
    const tl_json *column = tl_json_get(statistics->columns, path);
    bool real = field->type.id == TL_LAKE_FLOAT || field->type.id == TL_LAKE_DOUBLE;
    int64_t size = number_of(column, "column_size_bytes"), values = number_of(column, "num_values"), nulls = number_of(column, "null_count");
    if (size < 0 || values < 0)
        return;
    statistics->sizes[statistics->count] = (struct tl_lake_count){field->id, size};
    statistics->values[statistics->count++] = (struct tl_lake_count){field->id, values};
    if (nulls >= 0)
        statistics->nulls[statistics->null_count++] = (struct tl_lake_count){field->id, nulls};
    if (real && !tl_streq(tl_json_get_text(column, "has_nan"), "true"))
        statistics->nans[statistics->nan_count++] = (struct tl_lake_count){field->id, 0};
    if (!bounds)
        return;
    add_bound(statistics, field, column, "min", statistics->lower, &statistics->lower_count);
    add_bound(statistics, field, column, "max", statistics->upper, &statistics->upper_count);
}

static void add_columns(struct statistics *statistics, const struct tl_lake_type *type, struct tl_buf *path, bool bounds)
{
    for (size_t i = 0; i < type->count; i++) {
        const struct tl_lake_field *field = &type->fields[i];
        size_t before = path->size;
        add_path(path, field->name);
        if (field->type.count)
            add_columns(statistics, &field->type, path, bounds && field->type.id == TL_LAKE_STRUCT);
        else
            add_column(statistics, field, tl_buf_cstr(path) + 1, bounds);
        path->size = before;
    }
}

static void take_statistics(struct rewriting *rewriting, const tl_json *columns, struct tl_lake_file *file)
{
    tl_arena *arena = rewriting->rq->arena;
    size_t most = rewriting->schema->by_id_count + 1;
    struct tl_buf path;
    struct statistics statistics = {.arena = arena, .columns = columns,
                                    .sizes = TL_NEW_ARRAY(arena, struct tl_lake_count, most), .values = TL_NEW_ARRAY(arena, struct tl_lake_count, most),
                                    .nulls = TL_NEW_ARRAY(arena, struct tl_lake_count, most), .nans = TL_NEW_ARRAY(arena, struct tl_lake_count, most),
                                    .lower = TL_NEW_ARRAY(arena, struct tl_lake_bound, most), .upper = TL_NEW_ARRAY(arena, struct tl_lake_bound, most)};
    tl_buf_init(&path, SQL_BYTES_MAX);
    add_columns(&statistics, &rewriting->schema->root, &path, true);
    tl_buf_done(&path);
    file->column_sizes = (struct tl_lake_counts){statistics.sizes, statistics.count};
    file->value_counts = (struct tl_lake_counts){statistics.values, statistics.count};
    file->null_counts = (struct tl_lake_counts){statistics.nulls, statistics.null_count};
    file->nan_counts = (struct tl_lake_counts){statistics.nans, statistics.nan_count};
    file->lower = (struct tl_lake_bounds){statistics.lower, statistics.lower_count};
    file->upper = (struct tl_lake_bounds){statistics.upper, statistics.upper_count};
}

/* --- one group --- */

static enum tl_code prove(struct rewriting *rewriting, const struct tl_lake_rewrite_group *group, const char *path)
{
    const char *before[2] = {"", ""}, *after[2] = {"", ""};
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_BYTES_MAX);
    put_proof(&sql, rewriting);
    rewriting_put_source(&sql, rewriting, group);
    enum tl_code code = rewriting_run(rewriting, &sql, false, before, 2);
    tl_buf_clear(&sql);
    put_proof(&sql, rewriting);
    tl_buf_adds(&sql, " FROM read_parquet(");
    tl_buf_add_literal(&sql, path, strlen(path));
    tl_buf_addc(&sql, ')');
    if (code == TL_OK)
        code = rewriting_run(rewriting, &sql, false, after, 2);
    tl_buf_done(&sql);
    int64_t rows = strtoll(before[0], NULL, 10);
    bool counted = (group->has_deletes ? rows <= group->records : rows == group->records) &&
                   rows == rewriting->files[rewriting->file_count - 1].file.record_count;
    if (code == TL_OK && (!counted || strcmp(before[0], after[0]) != 0 || strcmp(before[1], after[1]) != 0)) {
        tl_err_set(&rewriting->rq->err, TL_STATE, "a rewritten file of \"%s\" does not hold the rows that were read", rewriting->job->table);
        tl_err_detail(&rewriting->rq->err, "%lld rows in the files, %s read, %s written; nothing was changed", (long long)group->records,
                      before[0], after[0]);
        return TL_STATE;
    }
    return code;
}

enum tl_code rewriting_copy(struct rewriting *rewriting, const struct tl_lake_rewrite_group *group, const char *path, const char *select)
{
    enum { PATH, ROWS, SIZE, FOOTER, COLUMNS, CELLS };
    struct tl_request *rq = rewriting->rq;
    const char *cells[CELLS] = {"", "0", "", "", ""};
    struct tl_lake_rewritten *file = &rewriting->files[rewriting->file_count];
    struct tl_buf sql;
    const tl_json *columns;
    *file = (struct tl_lake_rewritten){.group = group, .file = {.path = tl_str_of(path), .format = TL_STR("PARQUET"), .sort_order_id = -1,
                                                                .first_row_id = -1, .content_offset = -1, .content_size = -1}};
    rewriting->file_count++; /* from here on it is removed when something fails */
    tl_buf_init(&sql, SQL_BYTES_MAX);
    put_copy(&sql, rewriting, select, path);
    enum tl_code code = rewriting_run(rewriting, &sql, true, cells, CELLS);
    tl_buf_done(&sql);
    if (code == TL_OK)
        code = tl_json_parse(rq->arena, cells[COLUMNS], strlen(cells[COLUMNS]), &columns, &rq->err);
    if (code == TL_OK)
        code = tl_objects_size(tl_lake_objects(rewriting->door->lake), path, &file->file.size_bytes, &rq->err);
    if (code != TL_OK)
        return code;
    file->file.record_count = strtoll(cells[ROWS] + (*cells[ROWS] == '"'), NULL, 10); /* an unsigned number is a text in JSON */
    take_statistics(rewriting, columns, &file->file);
    return TL_OK;
}

static enum tl_code rewrite_group(void *context, const struct tl_lake_rewrite_group *group, size_t number)
{
    struct rewriting *rewriting = context;
    struct tl_request *rq = rewriting->rq;
    const char *path = tl_arena_printf(rq->arena, "%s/data/%s-%05zu.parquet", rewriting->table.location, rq->id, number);
    struct tl_buf select;
    tl_buf_init(&select, SQL_BYTES_MAX);
    tl_buf_adds(&select, "SELECT ");
    put_columns(&select, rewriting);
    rewriting_put_source(&select, rewriting, group);
    put_order(&select, rewriting);
    enum tl_code code = select.failed ? tl_err_set(&rq->err, TL_TOO_LARGE, "the files of one group are too many for one statement")
                                      : rewriting_copy(rewriting, group, path, tl_buf_cstr(&select));
    tl_buf_done(&select);
    return code == TL_OK ? prove(rewriting, group, path) : code;
}

static void remove_files(struct rewriting *rewriting, bool empty_only)
{
    size_t kept = 0;
    for (size_t i = 0; i < rewriting->file_count; i++) {
        struct tl_err ignored; /* what stays is an orphan */
        tl_err_init(&ignored);
        if (empty_only && rewriting->files[i].file.record_count > 0)
            rewriting->files[kept++] = rewriting->files[i];
        else
            (void)!tl_objects_remove(tl_lake_objects(rewriting->door->lake), rewriting->files[i].file.path.data, &ignored);
    }
    rewriting->file_count = kept;
}

/* --- the job --- */

/* These names mean the file and the row to the engine, unless a column has them. */
static enum tl_code check_names(const struct tl_lake_type *root, struct tl_err *err)
{
    static const char *const taken[] = {"filename", "_row_id", "_last_updated_sequence_number"};
    for (size_t i = 0; i < root->count; i++)
        for (size_t k = 0; k < sizeof taken / sizeof taken[0]; k++)
            if (tl_streq_nocase(root->fields[i].name, taken[k]))
                return tl_err_set(err, TL_UNSUPPORTED, "a table with a column \"%s\" cannot be rewritten", taken[k]);
    return TL_OK;
}

static enum tl_code check_types(const struct tl_lake_type *type, struct tl_err *err)
{
    for (size_t i = 0; i < type->count; i++) {
        enum tl_lake_type_id id = type->fields[i].type.id;
        if (id == TL_LAKE_FIXED || (id >= TL_LAKE_VARIANT && id < TL_LAKE_STRUCT))
            return tl_err_set(err, TL_UNSUPPORTED, "column \"%s\" has a type that cannot be rewritten as it is", type->fields[i].name);
        if (check_types(&type->fields[i].type, err) != TL_OK)
            return err->code;
    }
    return TL_OK;
}

/* Leave to read the table as it is and to write. */
static enum tl_code ask(struct rewriting *rewriting)
{
    struct tl_request *rq = rewriting->rq;
    const struct tl_lake_type *root = &rewriting->table.schema->root;
    const char **columns = TL_NEW_ARRAY(rq->arena, const char *, root->count + 1);
    for (size_t i = 0; i < root->count; i++)
        columns[i] = root->fields[i].name;
    struct tl_access_need need = {.source = rewriting->job->source, .schema = rewriting->job->schema, .table = rewriting->job->table,
                                  .access = TL_ACCESS_READ | TL_ACCESS_WRITE, .columns = columns, .column_count = root->count};
    struct tl_access_manner manner = {.raw_reason = "compaction of a table of the lake"};
    return tl_lifeguard_decide(rq, rewriting->door->lifeguard, &manner, &need, 1, &rewriting->clearance);
}

enum tl_code rewriting_plan(struct rewriting *rewriting)
{
    struct tl_request *rq = rewriting->rq;
    tl_lake *lake = rewriting->door->lake;
    if (tl_lake_table_load(lake, rq->arena, rewriting->job->schema, rewriting->job->table, &rewriting->table, &rq->err) != TL_OK)
        return rq->err.code;
    const struct tl_lake_snapshot *snapshot = tl_lake_table_snapshot(&rewriting->table, rewriting->table.current_snapshot_id);
    if (!snapshot)
        return TL_OK;
    rewriting->schema = tl_lake_table_schema(&rewriting->table, snapshot->schema_id);
    if (!rewriting->schema)
        rewriting->schema = rewriting->table.schema;
    struct tl_lake_plan_request request = {.snapshot_id = snapshot->id, .cancelled = &rq->cancelled};
    if (check_names(&rewriting->schema->root, &rq->err) != TL_OK || check_types(&rewriting->schema->root, &rq->err) != TL_OK)
        return rq->err.code;
    return tl_lake_plan(tl_lake_objects(lake), rq->arena, &rewriting->table, &request, &rewriting->plan, &rq->err);
}

static enum tl_code choose(struct rewriting *rewriting)
{
    const struct tl_upkeep_job *job = rewriting->job;
    struct tl_request *rq = rewriting->rq;
    struct tl_lake_rewrite_group *groups;
    if (rewriting_plan(rewriting) != TL_OK || rewriting->plan.count == 0)
        return rq->err.code;
    rewriting->row_ids = rewriting->table.format_version >= 3;
    const char *target = tl_lake_table_property(&rewriting->table, "write.target-file-size-bytes");
    struct tl_lake_rewrite_options options = {.small_bytes = job->small_bytes ? job->small_bytes : small_default_bytes,
                                              .target_bytes = target ? strtoll(target, NULL, 10) : target_default_bytes,
                                              .least_files = job->least_files ? job->least_files : 2};
    if (options.target_bytes <= 0)
        options.target_bytes = target_default_bytes;
    enum tl_code code = tl_lake_rewrite_choose(rq->arena, &rewriting->table, &rewriting->plan, &options, &groups, &rewriting->group_count, &rq->err);
    rewriting->groups = groups;
    return code;
}

static enum tl_code commit(struct rewriting *rewriting, struct tl_upkeep_counts *counts)
{
    struct tl_request *rq = rewriting->rq;
    int64_t id;
    remove_files(rewriting, true); /* of groups whose rows were all deleted */
    struct tl_lake_rewrite rewrite = {.schema = rewriting->job->schema, .name = rewriting->job->table, .table = &rewriting->table,
                                      .snapshot_id = rewriting->table.current_snapshot_id, .plan = &rewriting->plan, .groups = rewriting->groups,
                                      .group_count = rewriting->group_count, .operation = rewriting->operation,
                                      .files = rewriting->files, .file_count = rewriting->file_count};
    if (tl_lake_rewrite_commit(rewriting->door->lake, rq->arena, &rewrite, &id, &rq->err) != TL_OK)
        return rq->err.code;
    for (size_t i = 0; i < rewriting->group_count; i++)
        counts->files_rewritten += (int64_t)rewriting->groups[i].count;
    for (size_t i = 0; i < rewriting->file_count; i++)
        counts->rows_rewritten += rewriting->files[i].file.record_count;
    counts->files_added = (int64_t)rewriting->file_count;
    return TL_OK;
}

enum tl_code rewriting_groups(struct rewriting *rewriting,
                              enum tl_code (*rewrite)(void *context, const struct tl_lake_rewrite_group *group, size_t number), void *context,
                              struct tl_upkeep_counts *counts)
{
    struct tl_request *rq = rewriting->rq;
    rewriting->files = TL_NEW_ARRAY(rq->arena, struct tl_lake_rewritten, rewriting->group_count);
    enum tl_code code = ask(rewriting);
    for (size_t i = 0; i < rewriting->group_count && code == TL_OK; i++) {
        code = rewrite(context, &rewriting->groups[i], i);
        if (code == TL_OK && atomic_load(&rq->cancelled))
            code = tl_err_set(&rq->err, TL_CANCELLED, "the job was cancelled");
    }
    if (code == TL_OK)
        code = commit(rewriting, counts);
    if (code != TL_OK && code != TL_INTERNAL) /* INTERNAL: perhaps the commit was done */
        remove_files(rewriting, false);
    return code;
}

enum tl_code tl_upkeep_optimize(struct tl_request *rq, tl_door *door, const struct tl_upkeep_job *job, struct tl_upkeep_counts *counts)
{
    struct rewriting rewriting = {.rq = rq, .door = door, .job = job, .operation = "replace"};
    if (choose(&rewriting) != TL_OK || rewriting.group_count == 0)
        return rq->err.code;
    return rewriting_groups(&rewriting, rewrite_group, &rewriting, counts);
}
