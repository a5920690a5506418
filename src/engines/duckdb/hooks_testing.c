#include "engines/duckdb/hooks_testing.h"

#include <time.h>

struct fake fake;
duckdb_database testing_back, testing_front;
duckdb_connection testing_connection;

#define MAYBE(salt, value) "CASE WHEN hash(i + " #salt ") % 7 = 0 THEN NULL ELSE " value " END"

static const char *const make_wide =
    "CREATE TABLE wide AS SELECT i AS id, " MAYBE(1, "i % 2 = 0") " AS b, " MAYBE(2, "(i % 256 - 128)::TINYINT") " AS i1, "
    MAYBE(3, "(i % 1000 - 500)::SMALLINT") " AS i2, " MAYBE(4, "(i % 50)::INTEGER") " AS i4, " MAYBE(5, "(i * 7919) % 1000") " AS i8, "
    MAYBE(6, "i::HUGEINT * 18446744073709551616 - 5") " AS i16, " MAYBE(7, "(i % 256)::UTINYINT") " AS u1, "
    MAYBE(8, "(i % 65536)::USMALLINT") " AS u2, " MAYBE(9, "(i * 100000)::UINTEGER") " AS u4, "
    MAYBE(10, "18446744073709551615::UBIGINT - i::UBIGINT") " AS u8, " MAYBE(11, "340282366920938463463374607431768211455::UHUGEINT - i::UHUGEINT") " AS u16, "
    MAYBE(12, "(i / 8.0)::FLOAT") " AS f4, " MAYBE(13, "CASE WHEN i % 97 = 0 THEN 'nan'::DOUBLE WHEN i % 89 = 0 THEN 'inf'::DOUBLE "
    "ELSE (i % 1000) / 1000.0::DOUBLE END") " AS f8, " MAYBE(14, "(i % 1000 / 10.0)::DECIMAL(4,1)") " AS d4, "
    MAYBE(15, "(i / 100.0)::DECIMAL(9,2)") " AS d9, " MAYBE(16, "(i * 12345.678)::DECIMAL(18,3)") " AS d18, "
    MAYBE(17, "(i::DECIMAL(38,5) * 1000000000000000000::DECIMAL(20,0))::DECIMAL(38,5)") " AS d38, " MAYBE(18, "CASE WHEN i % 3 = 0 THEN 'x' ELSE 'y' END || i") " AS s, "
    MAYBE(19, "repeat('long \u00e4\u4f60 ', i % 9) || i") " AS t, " MAYBE(20, "('{\"n\": ' || i || '}')::JSON") " AS j, "
    MAYBE(21, "('\\x00\\xFF' || i)::BLOB") " AS x, " MAYBE(22, "md5(i::VARCHAR)::UUID") " AS u, "
    MAYBE(23, "DATE '1969-06-01' + (i % 700)::INTEGER") " AS da, " MAYBE(24, "TIME '00:00:00' + to_microseconds(i * 4000000 + 1)") " AS ti, "
    MAYBE(25, "TIMESTAMP '1969-12-31 23:00:00' + to_seconds(i)") " AS ts, "
    MAYBE(26, "make_timestamp_ns(1600000000000000001 + i)") " AS tn, " MAYBE(27, "make_timestamp(i * 1000003)::TIMESTAMPTZ") " AS tz, "
    MAYBE(28, "to_months((i % 5)::INTEGER) + to_days((i % 3)::INTEGER) + to_microseconds(i)") " AS iv, "
    MAYBE(29, "CASE WHEN i % 5 = 0 THEN [] ELSE [i::INTEGER, NULL, (i * 2)::INTEGER] END") " AS l, "
    MAYBE(30, "list_transform(range(i % 4), lambda k: 'a text that is long ' || (i + k))") " AS ls, "
    MAYBE(31, "[[i::INTEGER], NULL, [], [(i + 1)::INTEGER, NULL]]") " AS ll, "
    MAYBE(32, "{'a': i::INTEGER, 'b': CASE WHEN i % 4 = 0 THEN NULL ELSE 'text number ' || i END}") " AS st, "
    MAYBE(33, "MAP {'key': i::INTEGER, 'a key of some length ' || i: NULL}") " AS m, "
    MAYBE(34, "[{'a': i::INTEGER, 'b': 'inside of a list ' || i}, NULL, {'a': NULL, 'b': NULL}]") " AS lst "
    "FROM range(";

/* ---- description ---- */

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

static const struct tl_source_dataset wide = {.schema = "main", .name = "wide", .row_estimate = TESTING_ROWS, .size_bytes = -1,
                                              .column_count = COLUMN_COUNT, .columns = columns};

/* ---- struct tl_expr in SQL ---- */

static void put_expr(struct tl_buf *sql, const struct tl_expr *expr);

static void put_list(struct tl_buf *sql, const struct tl_expr *expr, size_t from, const char *separator)
{
    for (size_t i = from; i < expr->child_count; i++) {
        if (i > from)
            tl_buf_adds(sql, separator);
        put_expr(sql, expr->children[i]);
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

static void put_function(struct tl_buf *sql, const struct tl_expr *expr)
{
    static const char *const infixes[][2] = {{"~~", " LIKE "}, {"!~~", " NOT LIKE "}, {"~~*", " ILIKE "}, {"!~~*", " NOT ILIKE "},
                                             {"+", " + "},     {"-", " - "},         {"*", " * "},       {"%", " % "}};
    for (size_t i = 0; i < sizeof infixes / sizeof *infixes; i++) {
        if (strcmp(expr->function, infixes[i][0]) == 0 && expr->child_count == 2) {
            tl_buf_addc(sql, '(');
            put_list(sql, expr, 0, infixes[i][1]);
            tl_buf_addc(sql, ')');
            return;
        }
    }
    tl_buf_addf(sql, "%s(", expr->function);
    put_list(sql, expr, 0, ", ");
    tl_buf_addc(sql, ')');
}

static void put_expr(struct tl_buf *sql, const struct tl_expr *expr)
{
    static const char *const signs[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};
    if (expr->kind == TL_EXPR_COLUMN) {
        tl_buf_add_identifier(sql, columns[expr->column].name);
        return;
    }
    if (expr->kind == TL_EXPR_CONSTANT) {
        put_constant(sql, &expr->value);
        return;
    }
    if (expr->kind == TL_EXPR_FUNCTION) {
        put_function(sql, expr);
        return;
    }
    tl_buf_addc(sql, '(');
    if (expr->kind == TL_EXPR_NOT)
        tl_buf_adds(sql, "NOT ");
    if (expr->kind >= TL_EXPR_EQ && expr->kind <= TL_EXPR_GE)
        put_list(sql, expr, 0, signs[expr->kind - TL_EXPR_EQ]);
    else if (expr->kind == TL_EXPR_AND || expr->kind == TL_EXPR_OR)
        put_list(sql, expr, 0, expr->kind == TL_EXPR_AND ? " AND " : " OR ");
    else
        put_expr(sql, expr->children[0]);
    if (expr->kind == TL_EXPR_IS_NULL || expr->kind == TL_EXPR_IS_NOT_NULL)
        tl_buf_adds(sql, expr->kind == TL_EXPR_IS_NULL ? " IS NULL" : " IS NOT NULL");
    if (expr->kind == TL_EXPR_IN) {
        tl_buf_adds(sql, " IN (");
        put_list(sql, expr, 1, ", ");
        tl_buf_addc(sql, ')');
    }
    tl_buf_addc(sql, ')');
}

static void put_scan(struct tl_buf *sql, const struct tl_scan_request *request)
{
    tl_buf_adds(sql, "SELECT ");
    for (size_t i = 0; i < request->column_count; i++) {
        tl_buf_adds(sql, i ? ", " : "");
        if (request->columns[i] < 0)
            tl_buf_adds(sql, "true");
        else
            tl_buf_add_identifier(sql, columns[request->columns[i]].name);
    }
    tl_buf_adds(sql, " FROM wide WHERE ");
    for (size_t i = 0; i < request->filter_count; i++) {
        put_expr(sql, request->filters[i]);
        tl_buf_adds(sql, " AND ");
    }
    tl_buf_adds(sql, "true");
    for (size_t i = 0; i < request->order_count; i++) {
        const struct tl_scan_order *order = &request->order[i];
        tl_buf_addf(sql, "%s\"%s\" %s NULLS %s", i ? ", " : " ORDER BY ", columns[order->column].name, order->descending ? "DESC" : "ASC",
                    order->nulls_first ? "FIRST" : "LAST");
    }
    if (request->limit >= 0)
        tl_buf_addf(sql, " LIMIT %lld", (long long)request->limit);
}

/* ---- the driver ---- */

/* Called on the engine's threads, where a failed assertion cannot jump out. */
static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n in: %s\n", what, fake.last_sql);
    abort();
}

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
    must(dataset == &wide, "the dataset is another");
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
    scan->whole = request->limit >= 0;
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

static bool is_null(duckdb_vector vector, idx_t row)
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
        if (is_null(from, from_row + i))
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
    if (strcmp(source, "fake") != 0)
        return tl_err_set(err, TL_CATALOG_NOT_FOUND, "there is no source \"%s\"", source);
    if (strcmp(schema, "main") != 0 || strcmp(name, "wide") != 0)
        return tl_err_set(err, TL_TABLE_NOT_FOUND, "there is no table \"%s.%s\"", schema, name);
    *ret_dataset = &wide;
    *ret_driver = &driver;
    *ret_source = context;
    *ret_handle = &fake;
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

/* ---- the engine under test ---- */

static void make_table(duckdb_connection connection, const char *rename)
{
    char sql[8192];
    duckdb_result result;
    snprintf(sql, sizeof sql, "%s%d) r (i)", make_wide, TESTING_ROWS);
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s", duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    if (rename)
        assert_int_equal(duckdb_query(connection, rename, NULL), DuckDBSuccess);
}

int testing_open(void **state)
{
    duckdb_connection back;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(duckdb_open(NULL, &testing_back), DuckDBSuccess);
    assert_int_equal(duckdb_connect(testing_back, &back), DuckDBSuccess);
    make_table(back, NULL);
    duckdb_disconnect(&back);

    assert_int_equal(duckdb_open(NULL, &testing_front), DuckDBSuccess);
    static const struct tl_hooks_calls calls = {&fake, describe, release};
    if (tl_hooks_install(testing_front, &calls, &err) != TL_OK)
        fail_msg("%s", err.message);
    assert_int_equal(duckdb_connect(testing_front, &testing_connection), DuckDBSuccess);
    make_table(testing_connection, "ALTER TABLE wide RENAME TO local");
    testing_run("SET threads = 4");
    testing_run("SET TimeZone = 'UTC'");
    testing_run("CREATE TABLE small AS SELECT 100 + i * 7 AS k, 'n' || i AS nm FROM range(5) r (i)");
    testing_run("CREATE TABLE middle AS SELECT i * 3 AS k FROM range(2000) r (i)");
    testing_run("CREATE VIEW fake_view AS SELECT id, i4, i8, s, t, da FROM tl_scan('fake', 'main', 'wide') WHERE i4 < 25 AND da IS NOT NULL");
    testing_run("CREATE VIEW local_view AS SELECT id, i4, i8, s, t, da FROM local WHERE i4 < 25 AND da IS NOT NULL");
    return testing_reset(state);
}

int testing_close(void **state)
{
    (void)state;
    duckdb_disconnect(&testing_connection);
    duckdb_close(&testing_front);
    duckdb_close(&testing_back);
    assert_int_equal(atomic_load(&fake.handles_open), 0);
    assert_int_equal(atomic_load(&fake.scans_open), 0);
    return 0;
}

int testing_reset(void **state)
{
    (void)state;
    fake.pushes = FAKE_PUSHES_ALL;
    fake.pushes_order = true;
    fake.parts_at_once = 3;
    fake.fails_open = fake.fails_part = fake.fails_next = TL_OK;
    fake.fails_after_chunks = 0;
    fake.delay_ms = 0;
    tl_hooks_set_guard(testing_connection, &(struct tl_hooks_guard){.query_id = "test"});
    return 0;
}

void testing_run(const char *sql)
{
    duckdb_result result;
    if (duckdb_query(testing_connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&result));
    duckdb_destroy_result(&result);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **fetch_lines(duckdb_result result, size_t *ret_count)
{
    char **lines = NULL;
    size_t count = 0;
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(result)) != NULL; duckdb_destroy_data_chunk(&chunk)) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, 0);
        duckdb_string_t *texts = duckdb_vector_get_data(vector);
        idx_t rows = duckdb_data_chunk_get_size(chunk);
        lines = realloc(lines, (count + rows) * sizeof *lines);
        for (idx_t row = 0; row < rows; row++)
            lines[count++] = is_null(vector, row) ? strdup("NULL") : strndup(duckdb_string_t_data(&texts[row]), duckdb_string_t_length(texts[row]));
    }
    *ret_count = count;
    return lines;
}

char *testing_rows(const char *sql, bool ordered)
{
    struct tl_buf buf;
    duckdb_result result;
    tl_buf_init(&buf, 1 << 30);
    tl_buf_addf(&buf, "SELECT CAST(q AS VARCHAR) FROM (%s) q", sql);
    bool failed = duckdb_query(testing_connection, tl_buf_cstr(&buf), &result) != DuckDBSuccess;
    tl_buf_clear(&buf);
    if (failed) {
        tl_buf_addf(&buf, "ERROR %s", duckdb_result_error(&result));
    } else {
        size_t count;
        char **lines = fetch_lines(result, &count);
        if (!ordered && count > 0)
            qsort(lines, count, sizeof *lines, compare_lines);
        for (size_t i = 0; i < count; i++) {
            tl_buf_adds(&buf, lines[i]);
            tl_buf_addc(&buf, '\n');
            free(lines[i]);
        }
        free(lines);
    }
    duckdb_destroy_result(&result);
    char *rows = strdup(tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return rows;
}

char *testing_with_table(const char *sql, const char *table)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 1 << 20);
    for (; *sql; sql++) {
        if (*sql == '@')
            tl_buf_adds(&buf, table);
        else
            tl_buf_addc(&buf, *sql);
    }
    char *text = strdup(tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

struct tl_err testing_failure(const char *sql)
{
    struct tl_err err;
    duckdb_result result;
    tl_err_init(&err);
    if (duckdb_query(testing_connection, sql, &result) == DuckDBSuccess)
        fail_msg("did not fail: %s", sql);
    if (!tl_hooks_take_error(testing_connection, &err))
        tl_hooks_error(duckdb_result_error(&result), (int)duckdb_result_error_type(&result), &err);
    duckdb_destroy_result(&result);
    return err;
}

char *testing_scans(void)
{
    struct tl_buf json;
    tl_buf_init(&json, 1 << 20);
    tl_hooks_scans_json(testing_connection, &json);
    assert_false(json.failed);
    char *text = strdup(tl_buf_cstr(&json));
    tl_buf_done(&json);
    return text;
}
