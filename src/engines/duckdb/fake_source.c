/* The driver of the source for tests. */
#include <string.h>
#include <time.h>

#include "engines/duckdb/hooks_testing.h"

struct fake fake;

#define SIMPLE(id_) {.id = id_}
#define DECIMAL(p, s) {.id = TL_TYPE_DECIMAL, .precision = p, .scale = s}
static const struct tl_type int32_type = SIMPLE(TL_TYPE_INT32), text_type = SIMPLE(TL_TYPE_VARCHAR);
static const struct tl_type list_type = {.id = TL_TYPE_LIST, .child_count = 1, .children = &int32_type};
static const struct tl_type pair_types[] = {SIMPLE(TL_TYPE_INT32), SIMPLE(TL_TYPE_VARCHAR)};
static const struct tl_type entry_types[] = {SIMPLE(TL_TYPE_VARCHAR), SIMPLE(TL_TYPE_INT32)};
static const char *const pair_names[] = {"a", "b"};
static const struct tl_type struct_type = {.id = TL_TYPE_STRUCT, .child_count = 2, .children = pair_types, .child_names = pair_names};

static const struct tl_source_column columns[] = {
    {"id", SIMPLE(TL_TYPE_INT64), "bigint", NULL, false, 1, false},
    {"b", SIMPLE(TL_TYPE_BOOLEAN), "boolean", NULL, true, 0, false},
    {"i1", SIMPLE(TL_TYPE_INT8), "tinyint", NULL, true, 0, false},
    {"i2", SIMPLE(TL_TYPE_INT16), "smallint", NULL, true, 0, false},
    {"i4", SIMPLE(TL_TYPE_INT32), "integer", NULL, true, 0, false},
    {"i8", SIMPLE(TL_TYPE_INT64), "bigint", NULL, true, 0, false},
    {"i16", SIMPLE(TL_TYPE_INT128), "hugeint", NULL, true, 0, false},
    {"u1", SIMPLE(TL_TYPE_UINT8), "utinyint", NULL, true, 0, false},
    {"u2", SIMPLE(TL_TYPE_UINT16), "usmallint", NULL, true, 0, false},
    {"u4", SIMPLE(TL_TYPE_UINT32), "uinteger", NULL, true, 0, false},
    {"u8", SIMPLE(TL_TYPE_UINT64), "ubigint", NULL, true, 0, false},
    {"u16", SIMPLE(TL_TYPE_UINT128), "uhugeint", NULL, true, 0, false},
    {"f4", SIMPLE(TL_TYPE_FLOAT), "float", NULL, true, 0, false},
    {"f8", SIMPLE(TL_TYPE_DOUBLE), "double", NULL, true, 0, false},
    {"d4", DECIMAL(4, 1), "decimal(4,1)", NULL, true, 0, false},
    {"d9", DECIMAL(9, 2), "decimal(9,2)", NULL, true, 0, false},
    {"d18", DECIMAL(18, 3), "decimal(18,3)", NULL, true, 0, false},
    {"d38", DECIMAL(38, 5), "decimal(38,5)", NULL, true, 0, false},
    {"s", SIMPLE(TL_TYPE_VARCHAR), "varchar", NULL, true, 0, false},
    {"t", SIMPLE(TL_TYPE_VARCHAR), "varchar", NULL, true, 0, false},
    {"j", SIMPLE(TL_TYPE_JSON), "json", NULL, true, 0, false},
    {"x", SIMPLE(TL_TYPE_BLOB), "blob", NULL, true, 0, false},
    {"u", SIMPLE(TL_TYPE_UUID), "uuid", NULL, true, 0, false},
    {"da", SIMPLE(TL_TYPE_DATE), "date", NULL, true, 0, false},
    {"ti", SIMPLE(TL_TYPE_TIME), "time", NULL, true, 0, false},
    {"ts", SIMPLE(TL_TYPE_TIMESTAMP), "timestamp", NULL, true, 0, false},
    {"tn", SIMPLE(TL_TYPE_TIMESTAMP_NS), "timestamp_ns", NULL, true, 0, false},
    {"tz", SIMPLE(TL_TYPE_TIMESTAMPTZ), "timestamptz", NULL, true, 0, false},
    {"iv", SIMPLE(TL_TYPE_INTERVAL), "interval", NULL, true, 0, false},
    {"l", {.id = TL_TYPE_LIST, .child_count = 1, .children = &int32_type}, "integer[]", NULL, true, 0, false},
    {"ls", {.id = TL_TYPE_LIST, .child_count = 1, .children = &text_type}, "varchar[]", NULL, true, 0, false},
    {"ll", {.id = TL_TYPE_LIST, .child_count = 1, .children = &list_type}, "integer[][]", NULL, true, 0, false},
    {"st", {.id = TL_TYPE_STRUCT, .child_count = 2, .children = pair_types, .child_names = pair_names}, "struct", NULL, true, 0, false},
    {"m", {.id = TL_TYPE_MAP, .child_count = 2, .children = entry_types}, "map", NULL, true, 0, false},
    {"lst", {.id = TL_TYPE_LIST, .child_count = 1, .children = &struct_type}, "struct[]", NULL, true, 0, false},
    {"odd", SIMPLE(TL_TYPE_INVALID), "geometry", NULL, true, 0, true},
};

enum { COLUMN_COUNT = sizeof columns / sizeof *columns };

static const struct tl_source_column small_columns[] = {
    {"k", SIMPLE(TL_TYPE_INT64), "bigint", NULL, true, 1, false},
    {"nm", SIMPLE(TL_TYPE_VARCHAR), "varchar", NULL, true, 0, false},
};

/* `facts` is `wide` under another name, of unknown size and without a key; `names` has one row for some of the values of i8. */
static const struct tl_source_dataset datasets[] = {
    {.schema = "main", .name = "wide", .row_estimate = TESTING_ROWS, .size_bytes = -1, .key_unique = true, .column_count = COLUMN_COUNT,
     .columns = columns},
    {.schema = "main", .name = "facts", .row_estimate = -1, .size_bytes = -1, .column_count = COLUMN_COUNT, .columns = columns},
    {.schema = "main", .name = "names", .row_estimate = 500, .size_bytes = -1, .key_unique = true, .column_count = 2, .columns = small_columns},
};

enum { DATASETS = sizeof datasets / sizeof *datasets };

/* Called on the engine's threads, where a failed assertion cannot jump out. */
static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n in: %s\n", what, fake.last_sql);
    abort();
}

/* ---- struct tl_expr in SQL ---- */

/* Where columns are looked up: the inputs of a derivation, or the one dataset of a scan. */
struct scope {
    const struct tl_source_dataset *const *inputs;
    bool qualified;
};

static void put_expr(struct tl_buf *sql, const struct scope *scope, const struct tl_expr *expr);

static void put_list(struct tl_buf *sql, const struct scope *scope, const struct tl_expr *expr, size_t from, const char *separator)
{
    for (size_t i = from; i < expr->child_count; i++) {
        if (i > from)
            tl_buf_adds(sql, separator);
        put_expr(sql, scope, expr->children[i]);
    }
}

static void put_integer(struct tl_buf *sql, const struct tl_value *value)
{
    bool is_unsigned = value->type.id >= TL_TYPE_UINT8 && value->type.id <= TL_TYPE_UINT64;
    if (is_unsigned)
        tl_buf_addf(sql, "%llu", (unsigned long long)value->as.uint64);
    else
        tl_buf_addf(sql, "(%lld)", (long long)value->as.int64);
}

static void put_int128(struct tl_buf *sql, const struct tl_value *value)
{
    char text[48];
    if (value->type.id == TL_TYPE_UINT128) {
        tl_buf_addf(sql, "%llu::UHUGEINT * 18446744073709551616::UHUGEINT + %llu::UHUGEINT", (unsigned long long)value->as.int128.high,
                    (unsigned long long)value->as.int128.low);
        return;
    }
    tl_int128_format(text, value->as.int128.low, value->as.int128.high, value->type.scale);
    tl_buf_adds(sql, text);
}

static void put_blob(struct tl_buf *sql, struct tl_str bytes)
{
    tl_buf_addc(sql, '\'');
    for (size_t i = 0; i < bytes.size; i++)
        tl_buf_addf(sql, "\\x%02X", (unsigned char)bytes.data[i]);
    tl_buf_adds(sql, "'::BLOB");
}

static void put_uuid(struct tl_buf *sql, const struct tl_value *value)
{
    uint64_t high = (uint64_t)value->as.int128.high ^ (UINT64_C(1) << 63), low = value->as.int128.low;
    tl_buf_addf(sql, "'%016llx%016llx'::UUID", (unsigned long long)high, (unsigned long long)low);
}

static void put_constant(struct tl_buf *sql, const struct tl_value *value)
{
    struct tl_type type = value->type;
    if (value->is_null) {
        tl_buf_adds(sql, "CAST(NULL AS ");
        tl_type_format_sql(sql, &type);
        tl_buf_addc(sql, ')');
        return;
    }
    if (type.id == TL_TYPE_UUID) {
        put_uuid(sql, value);
        return;
    }
    if (type.id == TL_TYPE_DATE || type.id == TL_TYPE_TIME || (type.id >= TL_TYPE_TIMESTAMP && type.id <= TL_TYPE_TIMESTAMPTZ)) {
        static const char *const makers[] = {"(DATE '1970-01-01' + ", "(TIME '00:00:00' + to_microseconds", "make_timestamp(",
                                             "make_timestamp_ns(", "to_timestamp("};
        tl_buf_adds(sql, makers[type.id - TL_TYPE_DATE]);
        put_integer(sql, value);
        tl_buf_adds(sql, type.id == TL_TYPE_TIMESTAMPTZ ? " / 1000000.0)" : type.id == TL_TYPE_DATE ? "::INTEGER)" : ")");
        return;
    }
    if (tl_type_is_text(&type)) {
        if (type.id == TL_TYPE_BLOB)
            put_blob(sql, value->as.text);
        else
            tl_buf_add_literal(sql, value->as.text.data, value->as.text.size);
        return;
    }
    tl_buf_adds(sql, "CAST(");
    if (type.id == TL_TYPE_BOOLEAN)
        tl_buf_adds(sql, value->as.boolean ? "true" : "false");
    else if (type.id == TL_TYPE_FLOAT || type.id == TL_TYPE_DOUBLE)
        tl_buf_addf(sql, "'%.17g'", value->as.number);
    else if (type.id == TL_TYPE_INTERVAL)
        tl_buf_addf(sql, "'%d months %d days %lld microseconds'", value->as.interval.months, value->as.interval.days,
                    (long long)value->as.interval.micros);
    else if (type.id == TL_TYPE_INT128 || type.id == TL_TYPE_UINT128 || type.precision > 18)
        put_int128(sql, value);
    else if (type.id == TL_TYPE_DECIMAL)
        put_int128(sql, &(struct tl_value){.type = type, .as.int128 = {(uint64_t)value->as.int64, value->as.int64 < 0 ? -1 : 0}});
    else
        put_integer(sql, value);
    tl_buf_adds(sql, " AS ");
    tl_type_format_sql(sql, &type);
    tl_buf_addc(sql, ')');
}

static void put_function(struct tl_buf *sql, const struct scope *scope, const struct tl_expr *expr)
{
    static const char *const infixes[][2] = {{"~~", " LIKE "}, {"!~~", " NOT LIKE "}, {"~~*", " ILIKE "}, {"!~~*", " NOT ILIKE "},
                                             {"+", " + "},     {"-", " - "},         {"*", " * "},       {"%", " % "},
                                             {"&", " & "},     {"|", " | "},         {"||", " || "},     {"/", " / "}, {"//", " // "}};
    for (size_t i = 0; i < sizeof infixes / sizeof *infixes; i++) {
        if (strcmp(expr->function, infixes[i][0]) == 0 && expr->child_count == 2) {
            tl_buf_addc(sql, '(');
            put_list(sql, scope, expr, 0, infixes[i][1]);
            tl_buf_addc(sql, ')');
            return;
        }
    }
    tl_buf_addf(sql, "%s(", expr->function);
    put_list(sql, scope, expr, 0, ", ");
    tl_buf_addc(sql, ')');
}

static void put_column(struct tl_buf *sql, const struct scope *scope, const struct tl_expr *expr)
{
    const struct tl_source_dataset *dataset = scope->inputs[expr->input];
    must(expr->column >= 0 && (size_t)expr->column < dataset->column_count, "no such column");
    must(tl_type_equal(&expr->type, &dataset->columns[expr->column].type), "a column of another type");
    if (scope->qualified)
        tl_buf_addf(sql, "i%d.", expr->input);
    tl_buf_add_identifier(sql, dataset->columns[expr->column].name);
}

static void put_case(struct tl_buf *sql, const struct scope *scope, const struct tl_expr *expr)
{
    tl_buf_adds(sql, "CASE");
    for (size_t i = 0; i + 1 < expr->child_count; i += 2) {
        tl_buf_adds(sql, " WHEN ");
        put_expr(sql, scope, expr->children[i]);
        tl_buf_adds(sql, " THEN ");
        put_expr(sql, scope, expr->children[i + 1]);
    }
    tl_buf_adds(sql, " ELSE ");
    put_expr(sql, scope, expr->children[expr->child_count - 1]);
    tl_buf_adds(sql, " END");
}

static void put_aggregate(struct tl_buf *sql, const struct scope *scope, const struct tl_expr *expr)
{
    bool star = strcmp(expr->function, "count_star") == 0;
    tl_buf_addf(sql, "%s(%s", star ? "count" : expr->function, expr->distinct ? "DISTINCT " : star ? "*" : "");
    put_list(sql, scope, expr, 0, ", ");
    tl_buf_addc(sql, ')');
    if (expr->filter) {
        tl_buf_adds(sql, " FILTER (WHERE ");
        put_expr(sql, scope, expr->filter);
        tl_buf_addc(sql, ')');
    }
}

static void put_cast(struct tl_buf *sql, const struct scope *scope, const struct tl_expr *expr)
{
    tl_buf_adds(sql, "CAST(");
    put_expr(sql, scope, expr->children[0]);
    tl_buf_adds(sql, " AS ");
    tl_type_format_sql(sql, &expr->type);
    tl_buf_addc(sql, ')');
}

static void put_logic(struct tl_buf *sql, const struct scope *scope, const struct tl_expr *expr)
{
    static const char *const signs[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};
    tl_buf_addc(sql, '(');
    if (expr->kind == TL_EXPR_NOT)
        tl_buf_adds(sql, "NOT ");
    if (expr->kind >= TL_EXPR_EQ && expr->kind <= TL_EXPR_GE)
        put_list(sql, scope, expr, 0, signs[expr->kind - TL_EXPR_EQ]);
    else if (expr->kind == TL_EXPR_AND || expr->kind == TL_EXPR_OR)
        put_list(sql, scope, expr, 0, expr->kind == TL_EXPR_AND ? " AND " : " OR ");
    else
        put_expr(sql, scope, expr->children[0]);
    if (expr->kind == TL_EXPR_IS_NULL || expr->kind == TL_EXPR_IS_NOT_NULL)
        tl_buf_adds(sql, expr->kind == TL_EXPR_IS_NULL ? " IS NULL" : " IS NOT NULL");
    if (expr->kind == TL_EXPR_IN) {
        tl_buf_adds(sql, " IN (");
        put_list(sql, scope, expr, 1, ", ");
        tl_buf_addc(sql, ')');
    }
    tl_buf_addc(sql, ')');
}

static void put_expr(struct tl_buf *sql, const struct scope *scope, const struct tl_expr *expr)
{
    switch (expr->kind) {
    case TL_EXPR_COLUMN:
        put_column(sql, scope, expr);
        return;
    case TL_EXPR_CONSTANT:
        put_constant(sql, &expr->value);
        return;
    case TL_EXPR_FUNCTION:
        put_function(sql, scope, expr);
        return;
    case TL_EXPR_AGGREGATE:
        put_aggregate(sql, scope, expr);
        return;
    case TL_EXPR_CAST:
        put_cast(sql, scope, expr);
        return;
    case TL_EXPR_CASE:
        put_case(sql, scope, expr);
        return;
    case TL_EXPR_COALESCE:
        tl_buf_adds(sql, "coalesce(");
        put_list(sql, scope, expr, 0, ", ");
        tl_buf_addc(sql, ')');
        return;
    default:
        put_logic(sql, scope, expr);
    }
}

static void put_all(struct tl_buf *sql, const struct scope *scope, size_t count, const struct tl_expr *const *exprs, const char *separator)
{
    for (size_t i = 0; i < count; i++) {
        tl_buf_adds(sql, i ? separator : "");
        put_expr(sql, scope, exprs[i]);
    }
    if (count == 0)
        tl_buf_adds(sql, "true");
}

static void put_dataset(struct tl_buf *sql, const struct tl_source_dataset *dataset)
{
    if (dataset->driver_data)
        tl_buf_addf(sql, "(%s)", (const char *)dataset->driver_data);
    else
        tl_buf_adds(sql, strcmp(dataset->name, "facts") == 0 ? "wide" : dataset->name);
}

static void put_derivation(struct tl_buf *sql, const struct tl_derivation *said)
{
    static const char *const joins[] = {" JOIN ", " LEFT JOIN ", " SEMI JOIN ", " ANTI JOIN "};
    const struct tl_source_dataset *inputs[TL_DERIVATION_INPUTS_MAX];
    for (size_t i = 0; i < said->input_count; i++)
        inputs[i] = said->inputs[i].dataset;
    struct scope scope = {inputs, true};
    tl_buf_adds(sql, "SELECT ");
    for (size_t i = 0; i < said->output_count; i++) {
        tl_buf_adds(sql, i ? ", " : "");
        put_expr(sql, &scope, said->outputs[i]);
        tl_buf_addf(sql, " AS c%zu", i);
    }
    for (size_t i = 0; i < said->input_count; i++) {
        tl_buf_adds(sql, i ? joins[said->inputs[i].join] : " FROM ");
        put_dataset(sql, inputs[i]);
        tl_buf_addf(sql, " i%zu", i);
        if (i > 0) {
            tl_buf_adds(sql, " ON ");
            put_all(sql, &scope, said->inputs[i].condition_count, said->inputs[i].conditions, " AND ");
        }
    }
    tl_buf_adds(sql, " WHERE ");
    put_all(sql, &scope, said->filter_count, said->filters, " AND ");
    if (said->grouped && said->group_count) {
        tl_buf_adds(sql, " GROUP BY ");
        put_all(sql, &scope, said->group_count, said->groups, ", ");
    }
}

static void put_scan(struct tl_buf *sql, const struct tl_scan_request *request)
{
    struct scope scope = {&request->dataset, false};
    tl_buf_adds(sql, "SELECT ");
    for (size_t i = 0; i < request->column_count; i++) {
        tl_buf_adds(sql, i ? ", " : "");
        if (request->columns[i] < 0)
            tl_buf_adds(sql, "true");
        else
            tl_buf_add_identifier(sql, request->dataset->columns[request->columns[i]].name);
    }
    tl_buf_adds(sql, " FROM ");
    put_dataset(sql, request->dataset);
    tl_buf_adds(sql, " i0 WHERE ");
    put_all(sql, &scope, request->filter_count, request->filters, " AND ");
    for (size_t i = 0; i < request->order_count; i++) {
        const struct tl_scan_order *order = &request->order[i];
        tl_buf_addf(sql, "%s\"%s\" %s NULLS %s", i ? ", " : " ORDER BY ", request->dataset->columns[order->column].name,
                    order->descending ? "DESC" : "ASC", order->nulls_first ? "FIRST" : "LAST");
    }
    if (request->limit >= 0)
        tl_buf_addf(sql, " LIMIT %lld", (long long)request->limit);
}

/* ---- the driver ---- */

struct tl_scan {
    struct tl_buf sql;
    bool whole; /* one part: it is limited */
    atomic_int next;
    atomic_long rows;
    atomic_int parts_open;
};

struct tl_scan_part {
    tl_scan *scan;
    duckdb_connection connection;
    duckdb_result result;
    int chunks;
};

static bool can_push(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr, const char **reason)
{
    (void)source;
    must(dataset->derivation || (dataset >= datasets && dataset < datasets + DATASETS), "the dataset is another");
    if (reason)
        *reason = "the fake does not want it";
    return fake.pushes == FAKE_PUSHES_ALL || (fake.pushes == FAKE_PUSHES_COMPARISONS && expr->kind >= TL_EXPR_EQ && expr->kind <= TL_EXPR_GE);
}

static bool can_push_order(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_scan_order *order)
{
    (void)source;
    must(order->column >= 0 && (size_t)order->column < dataset->column_count, "no such column");
    return fake.pushes_order;
}

static bool derive(tl_source *source, const struct tl_derivation *said, tl_arena *arena, struct tl_source_dataset **ret_dataset,
                   const char **reason)
{
    (void)source;
    *reason = "the fake computes nothing";
    if (!fake.derives)
        return false;
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 20);
    put_derivation(&sql, said);
    struct tl_source_column *made = TL_NEW_ARRAY(arena, struct tl_source_column, said->output_count);
    for (size_t i = 0; i < said->output_count; i++)
        made[i] = (struct tl_source_column){.name = tl_arena_printf(arena, "c%zu", i), .type = tl_type_copy(arena, &said->outputs[i]->type),
                                            .source_type = "?", .nullable = true};
    *ret_dataset = TL_NEW(arena, struct tl_source_dataset);
    **ret_dataset = (struct tl_source_dataset){.schema = "main", .name = "derived", .row_estimate = -1, .size_bytes = -1,
                                               .column_count = said->output_count, .columns = made, .derivation = said,
                                               .driver_data = tl_arena_strdup(arena, tl_buf_cstr(&sql))};
    tl_buf_done(&sql);
    atomic_fetch_add(&fake.derived, 1);
    return true;
}

static enum tl_code fail_with(enum tl_code code, struct tl_err *err)
{
    tl_err_set(err, code, "the source \"fake\" does not answer");
    tl_err_detail(err, "connection refused");
    tl_err_hint(err, "start it");
    return code;
}

static enum tl_code scan_open(tl_source *source, const struct tl_scan_request *request, int threads_max, const struct tl_stop *stop,
                              tl_arena *arena, tl_scan **ret_scan, int *ret_parts_at_once, struct tl_err *err)
{
    (void)source;
    (void)stop;
    must(arena && threads_max >= 1, "a scan without arena or threads");
    if (fake.fails_open != TL_OK)
        return fail_with(fake.fails_open, err);
    tl_scan *scan = tl_heap_alloc(sizeof *scan);
    tl_buf_init(&scan->sql, 1 << 20);
    put_scan(&scan->sql, request);
    snprintf(fake.last_sql, sizeof fake.last_sql, "%s", tl_buf_cstr(&scan->sql));
    scan->whole = request->limit >= 0 || request->dataset->derivation;
    *ret_parts_at_once = scan->whole || threads_max < fake.parts_at_once ? 1 : fake.parts_at_once;
    *ret_scan = scan;
    atomic_fetch_add(&fake.scans, 1);
    atomic_fetch_add(&fake.scans_open, 1);
    return TL_OK;
}

static enum tl_code part_open(tl_scan *scan, const struct tl_stop *stop, tl_scan_part **ret_part, struct tl_err *err)
{
    (void)stop;
    *ret_part = NULL;
    int number = atomic_fetch_add(&scan->next, 1);
    if (number >= (scan->whole ? 1 : TESTING_PARTS))
        return TL_OK;
    if (fake.fails_part != TL_OK && number > 0)
        return fail_with(fake.fails_part, err);
    tl_scan_part *part = tl_heap_alloc(sizeof *part);
    part->scan = scan;
    must(duckdb_connect(testing_back, &part->connection) == DuckDBSuccess, "no connection");
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 20);
    tl_buf_add(&sql, scan->sql.data, scan->sql.size);
    if (!scan->whole)
        tl_buf_addf(&sql, " AND rowid %% %d = %d", TESTING_PARTS, number);
    if (duckdb_query(part->connection, tl_buf_cstr(&sql), &part->result) != DuckDBSuccess)
        must(false, duckdb_result_error(&part->result));
    tl_buf_done(&sql);
    atomic_fetch_add(&fake.parts, 1);
    atomic_fetch_add(&fake.parts_open, 1);
    atomic_fetch_add(&scan->parts_open, 1);
    *ret_part = part;
    return TL_OK;
}

bool testing_is_null(duckdb_vector vector, idx_t row)
{
    uint64_t *validity = duckdb_vector_get_validity(vector);
    return validity && !duckdb_validity_row_is_valid(validity, row);
}

static void copy_rows(duckdb_vector from, idx_t from_row, struct tl_vector *to, size_t to_row, size_t count);

static void copy_list(duckdb_vector from, idx_t row, struct tl_vector *to, size_t to_row)
{
    duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(from))[row];
    uint64_t at = to->child_rows;
    struct tl_vector *child = tl_vector_add_list(to, to_row, entry.length);
    must(child != NULL, "no room for a list");
    copy_rows(duckdb_list_vector_get_child(from), entry.offset, child, at, entry.length);
}

static void copy_value(duckdb_vector from, idx_t row, struct tl_vector *to, size_t to_row)
{
    size_t width = tl_type_width(to->type);
    if (tl_type_is_text(to->type)) {
        duckdb_string_t *text = (duckdb_string_t *)duckdb_vector_get_data(from) + row;
        must(tl_vector_set_text(to, to_row, duckdb_string_t_data(text), duckdb_string_t_length(*text)), "no room for a text");
    } else if (to->type->id == TL_TYPE_STRUCT) {
        for (uint32_t i = 0; i < to->type->child_count; i++)
            copy_rows(duckdb_struct_vector_get_child(from, i), row, &to->children[i], to_row, 1);
    } else if (width == 0) {
        copy_list(from, row, to, to_row);
    } else {
        memcpy((char *)to->data + to_row * width, (char *)duckdb_vector_get_data(from) + row * width, width);
    }
}

static void copy_rows(duckdb_vector from, idx_t from_row, struct tl_vector *to, size_t to_row, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (testing_is_null(from, from_row + i))
            tl_vector_set_null(to, to_row + i);
        else
            copy_value(from, from_row + i, to, to_row + i);
    }
}

static enum tl_code wait_a_little(const struct tl_stop *stop, struct tl_err *err)
{
    for (int waited = 0; waited < fake.delay_ms; waited += 5) {
        if (stop->stop(stop->context))
            return tl_err_set(err, TL_CANCELLED, "given up");
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return TL_OK;
}

static enum tl_code part_next(tl_scan_part *part, struct tl_chunk *chunk, const struct tl_stop *stop, struct tl_err *err)
{
    if (wait_a_little(stop, err) != TL_OK)
        return err->code;
    if (fake.fails_next != TL_OK && part->chunks >= fake.fails_after_chunks)
        return fail_with(fake.fails_next, err);
    duckdb_data_chunk from = duckdb_fetch_chunk(part->result);
    chunk->row_count = from ? duckdb_data_chunk_get_size(from) : 0;
    for (size_t i = 0; i < chunk->column_count && from; i++)
        copy_rows(duckdb_data_chunk_get_vector(from, i), 0, &chunk->columns[i], 0, chunk->row_count);
    duckdb_destroy_data_chunk(&from);
    part->chunks++;
    atomic_fetch_add(&fake.chunks, 1);
    atomic_fetch_add(&fake.rows, (long)chunk->row_count);
    atomic_fetch_add(&part->scan->rows, (long)chunk->row_count);
    return TL_OK;
}

static void part_close(tl_scan_part *part)
{
    duckdb_destroy_result(&part->result);
    duckdb_disconnect(&part->connection);
    atomic_fetch_sub(&part->scan->parts_open, 1);
    free(part);
    atomic_fetch_sub(&fake.parts_open, 1);
}

static void scan_close(tl_scan *scan, struct tl_scan_stats *ret_stats)
{
    must(atomic_load(&scan->parts_open) == 0, "a scan ends before its parts");
    *ret_stats = (struct tl_scan_stats){.rows = atomic_load(&scan->rows), .bytes = 4321, .text = fake.last_sql};
    tl_buf_done(&scan->sql);
    free(scan);
    atomic_fetch_sub(&fake.scans_open, 1);
}

static const struct tl_source_driver driver = {
    .kind = "fake",
    .mode = TL_SOURCE_SCANS,
    .can_push = can_push,
    .can_push_order = can_push_order,
    .derive = derive,
    .scan_open = scan_open,
    .part_open = part_open,
    .part_next = part_next,
    .part_close = part_close,
    .scan_close = scan_close,
};

static enum tl_code describe(void *context, const char *source, const char *schema, const char *name, const struct tl_stop *stop,
                             const struct tl_source_dataset **ret_dataset, const struct tl_source_driver **ret_driver,
                             tl_source **ret_source, void **ret_handle, struct tl_err *err)
{
    (void)stop;
    static int sources[2];
    bool other = strcmp(source, "other") == 0;
    if (!other && strcmp(source, "fake") != 0)
        return tl_err_set(err, TL_CATALOG_NOT_FOUND, "there is no source \"%s\"", source);
    *ret_dataset = NULL;
    for (size_t i = 0; i < DATASETS; i++)
        if (strcmp(schema, "main") == 0 && strcmp(name, datasets[i].name) == 0)
            *ret_dataset = &datasets[i];
    if (!*ret_dataset)
        return tl_err_set(err, TL_TABLE_NOT_FOUND, "there is no table \"%s.%s\"", schema, name);
    *ret_driver = &driver;
    *ret_source = (tl_source *)&sources[other];
    *ret_handle = context;
    atomic_fetch_add(&fake.handles, 1);
    atomic_fetch_add(&fake.handles_open, 1);
    return TL_OK;
}

static void release(void *context, void *handle)
{
    (void)context;
    must(handle == &fake, "the handle is another");
    atomic_fetch_sub(&fake.handles_open, 1);
}

const struct tl_hooks_calls fake_calls = {&fake, describe, release};
