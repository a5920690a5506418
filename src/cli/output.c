/* Results as text: a table for people, CSV and JSON for programs, Markdown for documents. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/cli_int.h"

enum { LAYOUT_ROWS = 500, CELL_WIDTH_MAX = 60, CELL_BYTES_MAX = 16 * 1024 * 1024 };

struct cell {
    char *text; /* heap; NULL = null */
};

struct tl_cli_printer {
    FILE *to;
    enum tl_cli_form form;
    struct tl_cli_colours colours;
    size_t column_count;
    char **names;
    bool *right; /* numbers stand on the right */
    size_t *widths;
    struct cell *held; /* rows of the table that are laid out together */
    size_t held_count;
    int64_t rows;
    bool header_done;
    struct tl_buf line;
};

bool tl_cli_form_of(const char *name, enum tl_cli_form *ret_form)
{
    static const char *const names[] = {"table", "csv", "json", "jsonl", "markdown"};
    for (int i = 0; i < 5; i++)
        if (strcmp(names[i], name) == 0) {
            *ret_form = (enum tl_cli_form)i;
            return true;
        }
    return false;
}

tl_cli_printer *tl_cli_printer_new(FILE *to, enum tl_cli_form form)
{
    tl_cli_printer *printer = tl_heap_alloc(sizeof *printer);
    printer->to = to;
    printer->form = form;
    printer->colours = tl_cli_colours(to);
    tl_buf_init(&printer->line, 1 << 30);
    return printer;
}

/* Columns a terminal needs for the text: wide characters count twice, combining ones not at all. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    mbstate_t state = {0};
    while (*text) {
        wchar_t character;
        size_t size = mbrtowc(&character, text, 16, &state);
        if (size == (size_t)-1 || size == (size_t)-2 || size == 0) {
            size = 1;
            width++;
            memset(&state, 0, sizeof state);
        } else {
            int columns = wcwidth(character);
            width += columns > 0 ? (size_t)columns : 0;
        }
        text += size;
    }
    return width;
}

static bool is_number_type(const char *type)
{
    static const char *const names[] = {"bigint", "integer", "smallint", "tinyint", "double", "real", "decimal"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(type, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

void tl_cli_printer_columns(void *context, const tl_json *columns)
{
    tl_cli_printer *printer = context;
    size_t count = tl_json_count(columns);
    printer->names = tl_heap_alloc(count * sizeof *printer->names);
    printer->right = tl_heap_alloc(count * sizeof *printer->right);
    printer->widths = tl_heap_alloc(count * sizeof *printer->widths);
    for (struct tl_json_iter column = tl_json_iter(columns); tl_json_next(&column);) {
        const char *name = tl_json_get_text(column.value, "name"), *type = tl_json_get_text(column.value, "type");
        size_t i = printer->column_count++;
        printer->names[i] = tl_heap_strdup(name ? name : "");
        printer->right[i] = type && is_number_type(type);
        printer->widths[i] = width_of(printer->names[i]);
    }
}

/* A value as plain text; nested values as JSON. */
static char *text_of(const tl_json *value)
{
    if (tl_json_is_null(value) || !value)
        return NULL;
    struct tl_buf text;
    tl_buf_init(&text, CELL_BYTES_MAX);
    if (tl_json_is_string(value)) {
        struct tl_str string = tl_json_str(value);
        tl_buf_add(&text, string.data, string.size);
    } else {
        struct tl_json_writer writer;
        tl_json_writer_init(&writer, &text);
        tl_json_put_value(&writer, value);
    }
    tl_buf_cstr(&text);
    return text.data ? text.data : tl_heap_strdup("");
}

/* ---- CSV (RFC 4180), JSON ---- */

static void add_csv(struct tl_buf *line, const char *text)
{
    if (!text)
        return;
    if (*text && !strpbrk(text, "\",\r\n")) {
        tl_buf_adds(line, text);
        return;
    }
    tl_buf_addc(line, '"');
    for (; *text; text++) {
        if (*text == '"')
            tl_buf_addc(line, '"');
        tl_buf_addc(line, *text);
    }
    tl_buf_addc(line, '"');
}

static void flush_line(tl_cli_printer *printer)
{
    fwrite(printer->line.data, 1, printer->line.size, printer->to);
    tl_buf_clear(&printer->line);
}

static void csv_header(tl_cli_printer *printer)
{
    for (size_t i = 0; i < printer->column_count; i++) {
        if (i)
            tl_buf_addc(&printer->line, ',');
        add_csv(&printer->line, printer->names[i]);
    }
    tl_buf_addc(&printer->line, '\n');
}

static void csv_row(tl_cli_printer *printer, const tl_json *row)
{
    bool first = true;
    for (struct tl_json_iter cell = tl_json_iter(row); tl_json_next(&cell); first = false) {
        if (!first)
            tl_buf_addc(&printer->line, ',');
        char *text = text_of(cell.value);
        add_csv(&printer->line, text);
        free(text);
    }
    tl_buf_addc(&printer->line, '\n');
}

static void plain_row(tl_cli_printer *printer, const tl_json *row)
{
    for (struct tl_json_iter cell = tl_json_iter(row); tl_json_next(&cell);) {
        char *text = text_of(cell.value);
        tl_buf_adds(&printer->line, text ? text : "");
        tl_buf_addc(&printer->line, '\n');
        free(text);
    }
}

static void json_row(tl_cli_printer *printer, const tl_json *row)
{
    if (printer->form == TL_CLI_JSON)
        tl_buf_adds(&printer->line, printer->rows ? ",\n " : "[\n ");
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, &printer->line);
    tl_json_begin_object(&writer);
    size_t i = 0;
    for (struct tl_json_iter cell = tl_json_iter(row); tl_json_next(&cell) && i < printer->column_count; i++) {
        tl_json_key(&writer, printer->names[i]);
        tl_json_put_value(&writer, cell.value);
    }
    tl_json_end_object(&writer);
    if (printer->form == TL_CLI_JSONL)
        tl_buf_addc(&printer->line, '\n');
}

/* ---- tables ---- */

/* Control characters would break the layout (and could drive a terminal): they are shown as escapes. */
static char *one_line(char *text)
{
    if (!text)
        return NULL;
    struct tl_buf line;
    tl_buf_init(&line, CELL_BYTES_MAX * 4U);
    for (const char *at = text; *at; at++) {
        if (*at == '\n')
            tl_buf_adds(&line, "\\n");
        else if (*at == '\t')
            tl_buf_adds(&line, "\\t");
        else if ((unsigned char)*at < 0x20 || *at == 0x7F)
            tl_buf_addf(&line, "\\x%02x", (unsigned char)*at);
        else
            tl_buf_addc(&line, *at);
    }
    free(text);
    tl_buf_cstr(&line);
    return line.data ? line.data : tl_heap_strdup("");
}

static void add_padded(tl_cli_printer *printer, const char *text, size_t column, bool last)
{
    size_t width = width_of(text), room = printer->widths[column];
    size_t pad = width < room ? room - width : 0;
    if (printer->right[column])
        for (size_t i = 0; i < pad; i++)
            tl_buf_addc(&printer->line, ' ');
    tl_buf_adds(&printer->line, text);
    if (!printer->right[column] && (!last || printer->form == TL_CLI_MARKDOWN))
        for (size_t i = 0; i < pad; i++)
            tl_buf_addc(&printer->line, ' ');
}

static void add_rule(tl_cli_printer *printer)
{
    bool markdown = printer->form == TL_CLI_MARKDOWN;
    for (size_t i = 0; i < printer->column_count; i++) {
        tl_buf_adds(&printer->line, markdown ? (i ? "|" : "|") : i ? "─┼─" : "─");
        if (markdown)
            tl_buf_addc(&printer->line, ' ');
        for (size_t k = 0; k < printer->widths[i] - (markdown && printer->right[i] && printer->widths[i] > 1); k++)
            tl_buf_adds(&printer->line, markdown ? "-" : "─");
        if (markdown)
            tl_buf_adds(&printer->line, printer->right[i] && printer->widths[i] > 1 ? ": " : " ");
    }
    tl_buf_adds(&printer->line, markdown ? "|\n" : "─\n");
}

static void table_header(tl_cli_printer *printer)
{
    bool markdown = printer->form == TL_CLI_MARKDOWN;
    for (size_t i = 0; i < printer->column_count; i++) {
        tl_buf_adds(&printer->line, markdown ? "| " : i ? " │ " : " ");
        tl_buf_adds(&printer->line, printer->colours.bold);
        add_padded(printer, printer->names[i], i, i + 1 == printer->column_count);
        tl_buf_adds(&printer->line, printer->colours.off);
        if (markdown)
            tl_buf_addc(&printer->line, ' ');
    }
    tl_buf_adds(&printer->line, markdown ? "|\n" : "\n");
    add_rule(printer);
}

static void table_row(tl_cli_printer *printer, const struct cell *cells)
{
    bool markdown = printer->form == TL_CLI_MARKDOWN;
    for (size_t i = 0; i < printer->column_count; i++) {
        tl_buf_adds(&printer->line, markdown ? "| " : i ? " │ " : " ");
        bool last = i + 1 == printer->column_count;
        if (cells[i].text) {
            add_padded(printer, cells[i].text, i, last);
        } else {
            tl_buf_adds(&printer->line, printer->colours.dim);
            add_padded(printer, "NULL", i, last);
            tl_buf_adds(&printer->line, printer->colours.off);
        }
        if (markdown)
            tl_buf_addc(&printer->line, ' ');
    }
    tl_buf_adds(&printer->line, markdown ? "|\n" : "\n");
}

static void release_held(tl_cli_printer *printer)
{
    if (!printer->header_done && printer->column_count)
        table_header(printer);
    printer->header_done = true;
    for (size_t row = 0; row < printer->held_count; row++) {
        struct cell *cells = printer->held + row * printer->column_count;
        table_row(printer, cells);
        for (size_t i = 0; i < printer->column_count; i++)
            free(cells[i].text);
    }
    printer->held_count = 0;
    flush_line(printer);
}

static void hold_row(tl_cli_printer *printer, const tl_json *row)
{
    if (!printer->held)
        printer->held = tl_heap_alloc(LAYOUT_ROWS * (printer->column_count ? printer->column_count : 1) * sizeof *printer->held);
    struct cell *cells = printer->held + printer->held_count * printer->column_count;
    memset(cells, 0, printer->column_count * sizeof *cells);
    size_t i = 0;
    for (struct tl_json_iter cell = tl_json_iter(row); tl_json_next(&cell) && i < printer->column_count; i++) {
        cells[i].text = one_line(text_of(cell.value));
        size_t width = cells[i].text ? width_of(cells[i].text) : 4;
        if (width > CELL_WIDTH_MAX)
            width = CELL_WIDTH_MAX;
        if (!printer->header_done && width > printer->widths[i])
            printer->widths[i] = width;
    }
    if (++printer->held_count == LAYOUT_ROWS)
        release_held(printer);
}

bool tl_cli_printer_row(void *context, const tl_json *row)
{
    tl_cli_printer *printer = context;
    if (printer->form == TL_CLI_CSV) {
        if (!printer->rows)
            csv_header(printer);
        csv_row(printer, row);
        flush_line(printer);
    } else if (printer->form == TL_CLI_JSON || printer->form == TL_CLI_JSONL) {
        json_row(printer, row);
        flush_line(printer);
    } else if (printer->form == TL_CLI_PLAIN) {
        plain_row(printer, row);
        flush_line(printer);
    } else {
        hold_row(printer, row);
    }
    printer->rows++;
    return !ferror(printer->to);
}

int64_t tl_cli_printer_end(tl_cli_printer *printer, bool complete)
{
    if (printer->form == TL_CLI_TABLE || printer->form == TL_CLI_MARKDOWN) {
        if (printer->column_count && (complete || printer->held_count))
            release_held(printer);
    } else if (printer->form == TL_CLI_CSV && complete && !printer->rows && printer->column_count) {
        csv_header(printer);
        flush_line(printer);
    } else if (printer->form == TL_CLI_JSON && complete) {
        fputs(printer->rows ? "\n]\n" : "[]\n", printer->to);
    }
    fflush(printer->to);
    int64_t rows = printer->rows;
    for (size_t i = 0; i < printer->column_count; i++)
        free(printer->names[i]);
    free(printer->names);
    free(printer->right);
    free(printer->widths);
    free(printer->held);
    tl_buf_done(&printer->line);
    free(printer);
    return rows;
}
