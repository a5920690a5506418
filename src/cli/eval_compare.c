/* Rows of an answer beside rows of a reference: any order, any spelling of a number. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/eval_int.h"

static const double tolerance = 1e-6;

static const char *cell_text(tl_arena *arena, const tl_json *value)
{
    struct tl_buf text;
    struct tl_json_writer json;
    if (!value || tl_json_is_null(value))
        return NULL;
    if (tl_json_is_string(value))
        return tl_arena_strdup(arena, tl_json_text(value));
    tl_buf_init(&text, 1 << 20);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, value);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

void tl_eval_add_row(tl_arena *arena, struct tl_eval_rows *rows, const tl_json *row, const struct tl_eval_question *chosen)
{
    const char *all[TL_EVAL_COLUMNS_MAX] = {NULL};
    size_t count = 0;
    if (rows->count == TL_EVAL_ROWS_MAX)
        return;
    if (!rows->cells)
        rows->cells = TL_NEW_ARRAY(arena, const char **, TL_EVAL_ROWS_MAX);
    for (struct tl_json_iter it = tl_json_iter(row); tl_json_next(&it) && count < TL_EVAL_COLUMNS_MAX;)
        all[count++] = cell_text(arena, it.value);
    rows->column_count = chosen && chosen->column_count ? chosen->column_count : count;
    const char **cells = TL_NEW_ARRAY(arena, const char *, rows->column_count);
    for (size_t i = 0; i < rows->column_count; i++) {
        size_t from = chosen && chosen->column_count ? (size_t)chosen->columns[i] : i;
        cells[i] = from < count ? all[from] : NULL;
    }
    rows->cells[rows->count++] = cells;
}

static bool read_number(const char *text, double *ret_number)
{
    char *end;
    if (!text || !*text)
        return false;
    *ret_number = strtod(text, &end);
    return !*end;
}

/* A date is its midnight. */
static bool same_time(const char *a, const char *b)
{
    size_t size = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
    const char *longer = strlen(a) < strlen(b) ? b : a;
    return size == 10 && strncmp(a, b, size) == 0 && strspn(longer + size, " 0:.") == strlen(longer + size);
}

static bool same_cell(const char *a, const char *b)
{
    double x, y;
    if (!a || !b)
        return a == b;
    if (read_number(a, &x) && read_number(b, &y))
        return fabs(x - y) <= tolerance * fmax(1.0, fmax(fabs(x), fabs(y)));
    return strcmp(a, b) == 0 || same_time(a, b);
}

static bool same_row(const char *const *a, const char *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!same_cell(a[i], b[i]))
            return false;
    return true;
}

/* Its numbers are there and all of them are 0. */
static bool is_zero(const char *const *row, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        double number;
        if (read_number(row[i], &number)) {
            if (number != 0)
                return false;
            any = true;
        }
    }
    return any;
}

static void print_row(struct tl_buf *text, const char *const *row, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(text, "%s%s", i ? ", " : "", row[i] ? row[i] : "null");
}

static const char *difference(tl_arena *arena, const char *what, const char *const *row, size_t count)
{
    struct tl_buf text;
    tl_buf_init(&text, 1 << 20);
    tl_buf_adds(&text, what);
    print_row(&text, row, count);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

bool tl_eval_equal(tl_arena *arena, const struct tl_eval_rows *wanted, const struct tl_eval_rows *got, bool zeros, const char **ret_why)
{
    bool *used = TL_NEW_ARRAY(arena, bool, got->count + 1);
    if (wanted->count && got->count && wanted->column_count != got->column_count) {
        *ret_why = tl_arena_printf(arena, "%zu columns, not %zu", got->column_count, wanted->column_count);
        return false;
    }
    for (size_t i = 0; i < wanted->count; i++) {
        size_t k = 0;
        while (k < got->count && (used[k] || !same_row(wanted->cells[i], got->cells[k], wanted->column_count)))
            k++;
        if (k < got->count)
            used[k] = true;
        else if (!zeros || !is_zero(wanted->cells[i], wanted->column_count))
            return (*ret_why = difference(arena, "missing: ", wanted->cells[i], wanted->column_count)), false;
    }
    for (size_t k = 0; k < got->count; k++)
        if (!used[k] && !(zeros && is_zero(got->cells[k], got->column_count)))
            return (*ret_why = difference(arena, "not wanted: ", got->cells[k], got->column_count)), false;
    return true;
}
