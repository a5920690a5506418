/* create_chart: rows become a description in Vega-Lite 5, checked against them: fields that are there, numbers to draw, sizes that a
 * person can read.  Drawing it is for who shows it. */
#include <ctype.h>
#include <string.h>

#include "skipper/tool_int.h"

enum { ROWS_MAX = 5000, INLINE_MAX = 100, COLUMNS_MAX = 200, SERIES_MAX = 50, SLICES_MAX = 50, BARS_MAX = 500, Y_MAX = 8, DATE_SIZE = 10, WAIT_S = 20 };

struct chart {
    struct tl_tool_run *run;
    const char *type; /* "bar" */
    const tl_json *rows, *first;
    size_t row_count; /* of the whole result */
    const char *query_id, *x, *series;
    const char *y[Y_MAX];
    size_t y_count;
};

/* ---- what is drawn ---- */

static enum tl_code take_rows(struct chart *chart)
{
    struct tl_request *rq = chart->run->rq;
    struct tl_str array;
    const struct tl_results_want want = {.rows_max = ROWS_MAX, .bytes_max = TL_TOOL_SCRIPT_BYTES, .rows = true, .wait_us = WAIT_S * 1000000LL,
                                         .stopped = chart->run->caller->stopped, .stop_context = chart->run->caller->stop_context};
    chart->rows = tl_json_get(chart->run->arguments, "data");
    chart->query_id = tl_json_get_text(chart->run->arguments, "queryId");
    if ((chart->rows != NULL) == (chart->query_id != NULL))
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "either data (rows) or queryId says what is drawn");
    chart->row_count = tl_json_count(chart->rows);
    if (chart->query_id && (tl_results_rows(rq, chart->run->tools->results, chart->query_id, &want, &array, &chart->row_count) != TL_OK ||
                            tl_json_parse(rq->arena, array.data, array.size, &chart->rows, &rq->err) != TL_OK))
        return rq->err.code;
    if (chart->row_count > tl_json_count(chart->rows)) {
        tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "%zu rows are too many for a chart, at most %d are drawn", chart->row_count, ROWS_MAX);
        tl_err_hint(&rq->err, "group in SQL: by day, by country, the first 20");
        return TL_INVALID_ARGUMENT;
    }
    struct tl_json_iter it = tl_json_iter(chart->rows);
    if (!tl_json_next(&it))
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "there are no rows to draw");
    chart->first = it.value;
    return TL_OK;
}

static enum tl_code no_field(struct chart *chart, const char *what, const char *name)
{
    enum { WORDS = 300 };
    struct tl_buf words;
    tl_buf_init(&words, WORDS);
    for (struct tl_json_iter it = tl_json_iter(chart->first); tl_json_next(&it);)
        tl_buf_addf(&words, "%s%s", words.size ? ", " : "", it.key);
    tl_err_set(&chart->run->rq->err, TL_INVALID_ARGUMENT, "%s: the rows have no column \"%.100s\"", what, name);
    tl_err_hint(&chart->run->rq->err, "they have: %s", tl_buf_cstr(&words));
    tl_buf_done(&words);
    return TL_INVALID_ARGUMENT;
}

static bool has_number(const struct chart *chart, const char *name)
{
    for (struct tl_json_iter it = tl_json_iter(chart->rows); tl_json_next(&it);)
        if (tl_json_is_number(tl_json_get(it.value, name)))
            return true;
    return false;
}

/* Not told: x is the first column that is no number, y the first that is one. */
static void choose_fields(struct chart *chart)
{
    const tl_json *y = tl_json_get(chart->run->arguments, "y");
    chart->x = tl_json_get_text(chart->run->arguments, "x");
    chart->series = tl_json_get_text(chart->run->arguments, "series");
    for (struct tl_json_iter it = tl_json_iter(y); tl_json_next(&it) && chart->y_count < Y_MAX;)
        chart->y[chart->y_count++] = tl_json_text(it.value);
    if (tl_json_is_string(y))
        chart->y[chart->y_count++] = tl_json_text(y);
    for (struct tl_json_iter it = tl_json_iter(chart->first); !chart->x && tl_json_next(&it);)
        if (!has_number(chart, it.key))
            chart->x = it.key;
    struct tl_json_iter it = tl_json_iter(chart->first);
    if (!chart->x && tl_json_next(&it))
        chart->x = it.key;
    for (it = tl_json_iter(chart->first); chart->y_count == 0 && tl_json_next(&it);)
        if (!tl_streq(it.key, chart->x) && has_number(chart, it.key))
            chart->y[chart->y_count++] = it.key;
}

/* ---- checks ---- */

static enum tl_code check_y(struct chart *chart, const char *name)
{
    struct tl_err *err = &chart->run->rq->err;
    size_t row = 0;
    double value;
    if (!tl_json_get(chart->first, name))
        return no_field(chart, "y", name);
    for (struct tl_json_iter it = tl_json_iter(chart->rows); tl_json_next(&it); row++) {
        const tl_json *cell = tl_json_get(it.value, name);
        if (cell && !tl_json_is_null(cell) && !tl_json_double(cell, &value)) {
            tl_err_set(err, TL_INVALID_ARGUMENT, "y: \"%.100s\" is no number in row %zu", name, row);
            tl_err_hint(err, "CAST it to double in SQL");
            return TL_INVALID_ARGUMENT;
        }
        if (cell && tl_streq(chart->type, "pie") && tl_json_double(cell, &value) && value < 0)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "y: a pie has no slice for %g (row %zu)", value, row);
    }
    return has_number(chart, name) ? TL_OK : tl_err_set(err, TL_INVALID_ARGUMENT, "y: \"%.100s\" is NULL in all rows", name);
}

static size_t count_series(const struct chart *chart)
{
    struct tl_str seen[SERIES_MAX + 1];
    size_t count = 0;
    for (struct tl_json_iter it = tl_json_iter(chart->rows); tl_json_next(&it) && count <= SERIES_MAX;) {
        struct tl_str value = tl_json_str(tl_json_get(it.value, chart->series));
        size_t i = 0;
        while (i < count && !tl_str_equal(seen[i], value))
            i++;
        if (i == count)
            seen[count++] = value;
    }
    return count;
}

static enum tl_code check_sizes(struct chart *chart)
{
    struct tl_err *err = &chart->run->rq->err;
    size_t rows = tl_json_count(chart->rows);
    bool pie = tl_streq(chart->type, "pie");
    if (pie && (chart->y_count != 1 || chart->series))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a pie has one y and no series");
    if (pie && rows > SLICES_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a pie has at most %d slices, here are %zu", SLICES_MAX, rows);
    if (tl_streq(chart->type, "bar") && rows > BARS_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a chart has at most %d bars, here are %zu", BARS_MAX, rows);
    if (chart->series && chart->y_count > 1)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "either several y or a series, not both");
    if (chart->series && count_series(chart) > SERIES_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "series: \"%.100s\" has more than %d values", chart->series, SERIES_MAX);
    return TL_OK;
}

static enum tl_code check_fields(struct chart *chart)
{
    if (chart->y_count == 0)
        return tl_err_set(&chart->run->rq->err, TL_INVALID_ARGUMENT, "the rows have no column of numbers to draw");
    if (!chart->x || !tl_json_get(chart->first, chart->x))
        return no_field(chart, "x", chart->x ? chart->x : "");
    if (chart->series && !tl_json_get(chart->first, chart->series))
        return no_field(chart, "series", chart->series);
    for (size_t i = 0; i < chart->y_count; i++)
        if (check_y(chart, chart->y[i]) != TL_OK)
            return chart->run->rq->err.code;
    return check_sizes(chart);
}

/* ---- the description ---- */

/* "2026-01-31", also with a time behind it. */
static bool is_date(struct tl_str text)
{
    static const char form[] = "dddd-dd-dd";
    if (text.size < DATE_SIZE)
        return false;
    for (size_t i = 0; i < DATE_SIZE; i++)
        if (form[i] == 'd' ? !isdigit((unsigned char)text.data[i]) : text.data[i] != '-')
            return false;
    return true;
}

static const char *kind_of(const struct chart *chart, const char *name)
{
    bool dates = false;
    for (struct tl_json_iter it = tl_json_iter(chart->rows); tl_json_next(&it);) {
        const tl_json *cell = tl_json_get(it.value, name);
        if (!cell || tl_json_is_null(cell))
            continue;
        if (tl_json_is_number(cell))
            return tl_streq(chart->type, "bar") || tl_streq(chart->type, "pie") ? "ordinal" : "quantitative";
        if (!is_date(tl_json_str(cell)))
            return "nominal";
        dates = true;
    }
    return dates ? "temporal" : "nominal";
}

/* A dot or bracket in a field's name means a path there: it is escaped. */
static void put_field(struct tl_json_writer *json, const char *key, const char *name, const char *kind, bool keeps_order)
{
    struct tl_buf field;
    tl_buf_init(&field, TL_TOOL_MODEL_BYTES);
    for (const char *at = name; *at; at++) {
        if (strchr(".[]\\'\"", *at))
            tl_buf_addc(&field, '\\');
        tl_buf_addc(&field, *at);
    }
    tl_json_key(json, key);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "field", tl_buf_cstr(&field));
    tl_json_pair_text(json, "type", kind);
    tl_json_pair_text(json, "title", name);
    if (keeps_order) {
        tl_json_key(json, "sort");
        tl_json_put_null(json);
    }
    tl_json_end_object(json);
    tl_buf_done(&field);
}

static void put_encoding(const struct chart *chart, struct tl_json_writer *json)
{
    bool pie = tl_streq(chart->type, "pie"), several = chart->y_count > 1;
    const char *kind = kind_of(chart, chart->x);
    if (several) {
        tl_json_key(json, "transform");
        tl_json_begin_array(json);
        tl_json_begin_object(json);
        tl_json_key(json, "fold");
        tl_json_begin_array(json);
        for (size_t i = 0; i < chart->y_count; i++)
            tl_json_put_text(json, chart->y[i]);
        tl_json_end_array(json);
        tl_json_end_object(json);
        tl_json_end_array(json);
    }
    tl_json_key(json, "encoding");
    tl_json_begin_object(json);
    put_field(json, pie ? "color" : "x", chart->x, kind, strcmp(kind, "nominal") == 0 || strcmp(kind, "ordinal") == 0);
    put_field(json, pie ? "theta" : "y", several ? "value" : chart->y[0], "quantitative", false);
    if (several || chart->series)
        put_field(json, "color", several ? "key" : chart->series, "nominal", true);
    tl_json_end_object(json);
}

static void put_data(const struct chart *chart, struct tl_json_writer *json)
{
    tl_json_key(json, "data");
    tl_json_begin_object(json);
    if (chart->query_id && chart->row_count > INLINE_MAX) {
        tl_json_pair_text(json, "url", tl_arena_printf(chart->run->rq->arena, "/api/v1/results/%s", chart->query_id));
        tl_json_key(json, "format");
        tl_json_put_raw(json, TL_STR("{\"type\":\"json\",\"property\":\"rows\"}"));
    } else {
        tl_json_key(json, "values");
        tl_json_put_value(json, chart->rows);
    }
    tl_json_end_object(json);
}

static void put_chart(const struct chart *chart, struct tl_json_writer *json)
{
    const char *title = tl_json_get_text(chart->run->arguments, "title"), *type = chart->type;
    tl_json_begin_object(json);
    tl_json_key(json, "chart");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "$schema", "https://vega.github.io/schema/vega-lite/v5.json");
    if (title)
        tl_json_pair_text(json, "title", title);
    tl_json_pair_text(json, "mark", tl_streq(type, "pie") ? "arc" : tl_streq(type, "scatter") ? "point" : type);
    put_encoding(chart, json);
    put_data(chart, json);
    tl_json_end_object(json);
    tl_json_pair_int64(json, "rowCount", (int64_t)chart->row_count);
    tl_json_end_object(json);
}

TL_TOOL(create_chart)
{
    struct chart chart = {.run = run, .type = tl_json_get_text(run->arguments, "chartType")};
    if (take_rows(&chart) != TL_OK)
        return run->rq->err.code;
    choose_fields(&chart);
    if (check_fields(&chart) != TL_OK)
        return run->rq->err.code;
    put_chart(&chart, json);
    return TL_OK;
}
