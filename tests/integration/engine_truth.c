#include "engine_truth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static duckdb_database database;
duckdb_connection truth;
char truth_failure[1024];

void truth_open(void)
{
    assert_int_equal(duckdb_open(NULL, &database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(database, &truth), DuckDBSuccess);
    truth_run("SET TimeZone = 'UTC'");
}

void truth_close(void)
{
    duckdb_disconnect(&truth);
    duckdb_close(&database);
}

void truth_run(const char *sql)
{
    duckdb_result result;
    if (duckdb_query(truth, sql, &result) != DuckDBSuccess)
        fail_msg("%s\n%s", sql, duckdb_result_error(&result));
    duckdb_destroy_result(&result);
}

const char *truth_value(tl_arena *arena, const char *sql)
{
    duckdb_result result;
    const char *value = NULL;
    bool ok = duckdb_query(truth, sql, &result) == DuckDBSuccess;
    snprintf(truth_failure, sizeof truth_failure, "%s", ok ? "" : duckdb_result_error(&result));
    if (ok) {
        char *text = duckdb_value_varchar(&result, 0, 0);
        value = tl_arena_strdup(arena, text ? text : "NULL");
        duckdb_free(text);
    }
    duckdb_destroy_result(&result);
    return value;
}

/* --- rows --- */

static void copy_column(duckdb_vector vector, const struct tl_vector *ours, size_t rows)
{
    size_t width = tl_type_width(ours->type);
    if (width > 0)
        memcpy(duckdb_vector_get_data(vector), ours->data, width * rows);
    for (size_t row = 0; row < rows; row++) {
        if (tl_vector_is_null(ours, row) || (width == 0 && !tl_type_is_text(ours->type))) { /* nested types: not copied */
            duckdb_vector_ensure_validity_writable(vector);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
        } else if (width == 0) {
            struct tl_str text = tl_vector_text(ours, row);
            duckdb_vector_assign_string_element_len(vector, row, text.data, text.size);
        }
    }
}

void truth_load(const char *table, const char *const *names, const struct tl_type *const *types, const struct tl_chunk *chunk)
{
    struct tl_buf sql;
    duckdb_appender appender;
    duckdb_logical_type *logical = calloc(chunk->column_count, sizeof *logical);
    tl_buf_init(&sql, 1 << 20);
    tl_buf_addf(&sql, "CREATE OR REPLACE TABLE %s (", table);
    for (size_t i = 0; i < chunk->column_count; i++) {
        tl_buf_adds(&sql, i > 0 ? ", " : "");
        tl_buf_add_identifier(&sql, names[i]);
        tl_buf_addc(&sql, ' ');
        tl_type_format_sql(&sql, types[i]);
    }
    tl_buf_addc(&sql, ')');
    truth_run(tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    assert_int_equal(duckdb_appender_create(truth, NULL, table, &appender), DuckDBSuccess);
    for (size_t i = 0; i < chunk->column_count; i++)
        logical[i] = duckdb_appender_column_type(appender, i);
    duckdb_data_chunk copy = duckdb_create_data_chunk(logical, chunk->column_count);
    for (size_t i = 0; i < chunk->column_count; i++) {
        copy_column(duckdb_data_chunk_get_vector(copy, i), &chunk->columns[i], chunk->row_count);
        duckdb_destroy_logical_type(&logical[i]);
    }
    duckdb_data_chunk_set_size(copy, chunk->row_count);
    if (chunk->row_count > 0)
        assert_int_equal(duckdb_append_data_chunk(appender, copy), DuckDBSuccess);
    duckdb_destroy_data_chunk(&copy);
    assert_int_equal(duckdb_appender_destroy(&appender), DuckDBSuccess);
    free(logical);
}

/* --- types --- */

static bool to_type(duckdb_logical_type logical, struct tl_type *ret_type)
{
    static const struct {
        duckdb_type theirs;
        enum tl_type_id ours;
    } pairs[] = {
        {DUCKDB_TYPE_BOOLEAN, TL_TYPE_BOOLEAN},     {DUCKDB_TYPE_TINYINT, TL_TYPE_INT8},
        {DUCKDB_TYPE_SMALLINT, TL_TYPE_INT16},      {DUCKDB_TYPE_INTEGER, TL_TYPE_INT32},
        {DUCKDB_TYPE_BIGINT, TL_TYPE_INT64},        {DUCKDB_TYPE_HUGEINT, TL_TYPE_INT128},
        {DUCKDB_TYPE_FLOAT, TL_TYPE_FLOAT},         {DUCKDB_TYPE_DOUBLE, TL_TYPE_DOUBLE},
        {DUCKDB_TYPE_VARCHAR, TL_TYPE_VARCHAR},     {DUCKDB_TYPE_BLOB, TL_TYPE_BLOB},
        {DUCKDB_TYPE_UUID, TL_TYPE_UUID},           {DUCKDB_TYPE_DATE, TL_TYPE_DATE},
        {DUCKDB_TYPE_TIME, TL_TYPE_TIME},           {DUCKDB_TYPE_TIMESTAMP, TL_TYPE_TIMESTAMP},
        {DUCKDB_TYPE_TIMESTAMP_TZ, TL_TYPE_TIMESTAMPTZ}, {DUCKDB_TYPE_INTERVAL, TL_TYPE_INTERVAL},
    };
    duckdb_type id = duckdb_get_type_id(logical);
    if (id == DUCKDB_TYPE_DECIMAL) {
        *ret_type = tl_type_decimal(duckdb_decimal_width(logical), duckdb_decimal_scale(logical));
        return true;
    }
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (pairs[i].theirs == id) {
            *ret_type = tl_type_simple(pairs[i].ours);
            return true;
        }
    }
    return false;
}

bool truth_type(const char *expression, const char *from, struct tl_type *ret_type)
{
    struct tl_buf sql;
    duckdb_prepared_statement statement;
    tl_buf_init(&sql, 1 << 20);
    tl_buf_addf(&sql, "SELECT %s FROM %s", expression, from);
    bool bound = duckdb_prepare(truth, tl_buf_cstr(&sql), &statement) == DuckDBSuccess;
    snprintf(truth_failure, sizeof truth_failure, "%s", bound ? "" : duckdb_prepare_error(statement));
    tl_buf_done(&sql);
    if (bound) {
        duckdb_logical_type logical = duckdb_prepared_statement_column_logical_type(statement, 0);
        bound = to_type(logical, ret_type);
        duckdb_destroy_logical_type(&logical);
    }
    duckdb_destroy_prepare(&statement);
    return bound;
}

/* --- expressions --- */

static void print_date(struct tl_buf *sql, int64_t days)
{
    int64_t year;
    int month, day;
    tl_date_to_civil(days, &year, &month, &day);
    if (days == INT32_MAX || days == -INT32_MAX)
        tl_buf_adds(sql, days < 0 ? "-infinity" : "infinity");
    else
        tl_buf_addf(sql, "%04lld-%02d-%02d%s", (long long)(year < 1 ? 1 - year : year), month, day, year < 1 ? " (BC)" : "");
}

static void print_number(struct tl_buf *sql, double number)
{
    if (isnan(number))
        tl_buf_adds(sql, "nan");
    else if (isinf(number))
        tl_buf_adds(sql, number < 0 ? "-inf" : "inf");
    else
        tl_buf_addf(sql, "%.17g", number);
}

static void print_body(struct tl_buf *sql, const struct tl_value *value)
{
    char text[48];
    bool large = value->type.id == TL_TYPE_INT128 || value->type.precision > 18;
    switch (value->type.id) {
    case TL_TYPE_BOOLEAN:
        tl_buf_adds(sql, value->as.boolean ? "true" : "false");
        return;
    case TL_TYPE_FLOAT:
    case TL_TYPE_DOUBLE:
        print_number(sql, value->as.number);
        return;
    case TL_TYPE_DECIMAL:
    case TL_TYPE_INT128:
        tl_int128_format(text, large ? value->as.int128.low : (uint64_t)value->as.int64,
                         large ? value->as.int128.high : value->as.int64 >> 63, value->type.scale);
        tl_buf_adds(sql, text);
        return;
    case TL_TYPE_DATE:
        print_date(sql, value->as.int64);
        return;
    case TL_TYPE_INTERVAL:
        tl_buf_addf(sql, "%d months %d days %lld microseconds", value->as.interval.months, value->as.interval.days,
                    (long long)value->as.interval.micros);
        return;
    case TL_TYPE_TIMESTAMP:
        fail_msg("timestamps are printed by the caller");
        return;
    default:
        tl_buf_addf(sql, "%lld", (long long)value->as.int64);
    }
}

static void print_constant(struct tl_buf *sql, const struct tl_value *value)
{
    struct tl_buf body;
    tl_buf_init(&body, 1 << 20);
    tl_buf_adds(sql, "CAST(");
    if (value->is_null) {
        tl_buf_adds(sql, "NULL");
    } else if (value->type.id == TL_TYPE_VARCHAR) {
        tl_buf_add_literal(sql, value->as.text.data, value->as.text.size);
    } else if (value->type.id == TL_TYPE_TIMESTAMP && value->as.int64 > -INT64_MAX && value->as.int64 < INT64_MAX) {
        tl_buf_addf(sql, "make_timestamp(%lld)", (long long)value->as.int64);
    } else {
        print_body(&body, value);
        tl_buf_add_literal(sql, body.data, body.size);
    }
    tl_buf_adds(sql, " AS ");
    tl_type_format_sql(sql, &value->type);
    tl_buf_addc(sql, ')');
    tl_buf_done(&body);
}

static void print_list(struct tl_buf *sql, const struct tl_expr *expr, size_t first, const char *between,
                       const struct tl_source_dataset *const *inputs)
{
    for (size_t i = first; i < expr->child_count; i++) {
        tl_buf_adds(sql, i > first ? between : "");
        truth_print(sql, expr->children[i], inputs);
    }
}

static const char *operator_of(const struct tl_expr *expr)
{
    static const char *const kinds[] = {
        [TL_EXPR_EQ] = " = ",  [TL_EXPR_NE] = " <> ", [TL_EXPR_LT] = " < ",   [TL_EXPR_LE] = " <= ",
        [TL_EXPR_GT] = " > ",  [TL_EXPR_GE] = " >= ", [TL_EXPR_AND] = " AND ", [TL_EXPR_OR] = " OR ",
    };
    static const char *const functions[][2] = {
        {"+", " + "}, {"-", " - "}, {"*", " * "}, {"//", " // "}, {"%", " % "}, {"||", " || "}, {"/", " / "},
        {"~~", " LIKE "}, {"!~~", " NOT LIKE "}, {"~~*", " ILIKE "}, {"!~~*", " NOT ILIKE "},
    };
    if (expr->kind <= TL_EXPR_OR && kinds[expr->kind])
        return kinds[expr->kind];
    for (size_t i = 0; expr->kind == TL_EXPR_FUNCTION && expr->child_count == 2 && i < sizeof functions / sizeof *functions; i++)
        if (tl_streq(functions[i][0], expr->function))
            return functions[i][1];
    return NULL;
}

static void print_case(struct tl_buf *sql, const struct tl_expr *expr, const struct tl_source_dataset *const *inputs)
{
    tl_buf_adds(sql, "CASE");
    for (size_t i = 0; i < expr->child_count; i++) {
        tl_buf_adds(sql, i + 1 == expr->child_count ? " ELSE " : i % 2 == 0 ? " WHEN " : " THEN ");
        truth_print(sql, expr->children[i], inputs);
    }
    tl_buf_adds(sql, " END");
}

static void print_call(struct tl_buf *sql, const struct tl_expr *expr, const struct tl_source_dataset *const *inputs)
{
    if (tl_streq(expr->function, "count_star"))
        tl_buf_adds(sql, "count(*");
    else if (expr->child_count == 1 && tl_streq(expr->function, "-"))
        tl_buf_adds(sql, "-(");
    else if (expr->child_count == 1 && tl_streq(expr->function, "@"))
        tl_buf_adds(sql, "@(");
    else
        tl_buf_addf(sql, "\"%s\"(%s", expr->function, expr->distinct ? "DISTINCT " : "");
    print_list(sql, expr, 0, ", ", inputs);
    tl_buf_addc(sql, ')');
    if (expr->filter) {
        tl_buf_adds(sql, " FILTER (WHERE ");
        truth_print(sql, expr->filter, inputs);
        tl_buf_addc(sql, ')');
    }
}

void truth_print(struct tl_buf *sql, const struct tl_expr *expr, const struct tl_source_dataset *const *inputs)
{
    const char *between = operator_of(expr);
    tl_buf_addc(sql, '(');
    switch (expr->kind) {
    case TL_EXPR_COLUMN:
        tl_buf_addf(sql, "i%d.", expr->input);
        tl_buf_add_identifier(sql, inputs[expr->input]->columns[expr->column].name);
        break;
    case TL_EXPR_CONSTANT:
        print_constant(sql, &expr->value);
        break;
    case TL_EXPR_IS_NULL:
    case TL_EXPR_IS_NOT_NULL:
        truth_print(sql, expr->children[0], inputs);
        tl_buf_adds(sql, expr->kind == TL_EXPR_IS_NULL ? " IS NULL" : " IS NOT NULL");
        break;
    case TL_EXPR_IN:
        truth_print(sql, expr->children[0], inputs);
        tl_buf_adds(sql, " IN (");
        print_list(sql, expr, 1, ", ", inputs);
        tl_buf_addc(sql, ')');
        break;
    case TL_EXPR_NOT:
        tl_buf_adds(sql, "NOT ");
        truth_print(sql, expr->children[0], inputs);
        break;
    case TL_EXPR_CAST:
        tl_buf_adds(sql, "CAST(");
        truth_print(sql, expr->children[0], inputs);
        tl_buf_adds(sql, " AS ");
        tl_type_format_sql(sql, &expr->type);
        tl_buf_addc(sql, ')');
        break;
    case TL_EXPR_CASE:
        print_case(sql, expr, inputs);
        break;
    case TL_EXPR_COALESCE:
        tl_buf_adds(sql, "coalesce(");
        print_list(sql, expr, 0, ", ", inputs);
        tl_buf_addc(sql, ')');
        break;
    default:
        if (between)
            print_list(sql, expr, 0, between, inputs);
        else
            print_call(sql, expr, inputs);
    }
    tl_buf_addc(sql, ')');
}
