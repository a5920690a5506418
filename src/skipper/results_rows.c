/* Rows as JSON objects that a script can work with: numbers are numbers as far as JavaScript holds them exactly. */
#include <stdlib.h>
#include <string.h>

#include "skipper/results_int.h"

enum { DIGITS_EXACT = 15, NAME_TRIES = 1000, CELL_MAX = 16 << 20 };

static bool is_taken(const struct tl_result_entry *entry, size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++)
        if (strcmp(entry->names[i], name) == 0)
            return true;
    return false;
}

void tl_result_name_columns(struct tl_result_entry *entry)
{
    tl_arena *arena = entry->rq.arena;
    entry->names = TL_NEW_ARRAY(arena, const char *, entry->field_count);
    for (size_t i = 0; i < entry->field_count; i++) {
        const char *name = entry->fields[i].name;
        for (int k = 2; k < NAME_TRIES && is_taken(entry, i, name); k++)
            name = tl_arena_printf(arena, "%s_%d", entry->fields[i].name, k);
        entry->names[i] = name;
    }
}

static size_t count_digits(struct tl_str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.size; i++)
        digits += text.data[i] >= '0' && text.data[i] <= '9';
    return digits;
}

/* "12.50" is 12.50 and 9007199254740993 is "9007199254740993". */
static void put_number(struct tl_buf *rows, struct tl_str cell)
{
    bool quoted = cell.size >= 2 && cell.data[0] == '"', exact = count_digits(cell) <= DIGITS_EXACT;
    if (quoted == !exact || cell.size == 0 || (!quoted && (cell.data[0] == 'n' || exact))) {
        tl_buf_add(rows, cell.data, cell.size);
    } else if (quoted) {
        tl_buf_add(rows, cell.data + 1, cell.size - 2);
    } else {
        tl_buf_addc(rows, '"');
        tl_buf_add(rows, cell.data, cell.size);
        tl_buf_addc(rows, '"');
    }
}

static bool is_exact_number(enum tl_type_id id)
{
    return id == TL_TYPE_DECIMAL || id == TL_TYPE_INT64 || id == TL_TYPE_UINT64 || id == TL_TYPE_INT128 || id == TL_TYPE_UINT128;
}

static void put_row(struct tl_result_entry *entry, const struct tl_batch *batch, size_t row, struct tl_buf *cell)
{
    struct tl_buf *rows = &entry->rows;
    tl_buf_addc(rows, '{');
    for (size_t i = 0; i < batch->column_count; i++) {
        tl_buf_adds(rows, i ? ",\"" : "\"");
        tl_json_escape(rows, entry->names[i], strlen(entry->names[i]));
        tl_buf_adds(rows, "\":");
        if (!is_exact_number(batch->columns[i].type->id)) {
            tl_column_format_trino(rows, &batch->columns[i], row);
            continue;
        }
        tl_buf_clear(cell);
        tl_column_format_trino(cell, &batch->columns[i], row);
        put_number(rows, (struct tl_str){cell->data, cell->size});
    }
    tl_buf_addc(rows, '}');
}

bool tl_result_add_rows(struct tl_result_entry *entry, const struct tl_batch *batch)
{
    const struct tl_results_limits *limits = &entry->results->limits;
    struct tl_buf cell;
    bool fits = true;
    tl_buf_init(&cell, CELL_MAX);
    for (size_t row = 0; row < batch->row_count && fits; row++) {
        size_t before = entry->rows.size;
        if (entry->row_count)
            tl_buf_addc(&entry->rows, ',');
        put_row(entry, batch, row, &cell);
        fits = !entry->rows.failed && entry->row_count < limits->rows_max;
        if (!fits) {
            entry->rows.size = before;
            break;
        }
        if (entry->row_count == entry->row_capacity) {
            entry->row_capacity = entry->row_capacity ? 2 * entry->row_capacity : 64;
            entry->ends = tl_heap_grow(entry->ends, entry->row_capacity * sizeof *entry->ends);
        }
        entry->ends[entry->row_count++] = entry->rows.size;
    }
    atomic_store(&entry->rows_so_far, entry->row_count);
    tl_buf_done(&cell);
    return fits;
}

void tl_result_slice(const struct tl_result_entry *entry, const struct tl_results_want *want, struct tl_str *ret_rows, size_t *ret_next)
{
    size_t from = want->from < entry->row_count ? want->from : entry->row_count, at = from;
    size_t start = from == 0 ? 0 : entry->ends[from - 1] + 1; /* behind the comma */
    while (want->rows && at < entry->row_count && at - from < want->rows_max && (at == from || entry->ends[at] - start <= want->bytes_max))
        at++;
    *ret_next = at;
    *ret_rows = at == from ? TL_STR("") : (struct tl_str){entry->rows.data + start, entry->ends[at - 1] - start};
}
