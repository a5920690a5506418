/* Trino's functions of trino_text.h as scalar functions of the engine. */
#include <string.h>

#include "base/arena.h"
#include "engines/duckdb/dialect.h"
#include "engines/duckdb/trino_text.h"

enum { ARGUMENTS_MAX = 3, RESULT_BYTES_MAX = 64 * 1024 * 1024 };

/* Types: s text, b bytes, n bigint, d double, t timestamp, l boolean. */
struct row {
    const char *name, *arguments;
    char result;
    tl_trino_function run;
};

static const struct row rows[] = {
    {"url_extract_protocol", "s", 's', tl_trino_url_protocol},
    {"url_extract_host", "s", 's', tl_trino_url_host},
    {"url_extract_port", "s", 'n', tl_trino_url_port},
    {"url_extract_path", "s", 's', tl_trino_url_path},
    {"url_extract_query", "s", 's', tl_trino_url_query},
    {"url_extract_fragment", "s", 's', tl_trino_url_fragment},
    {"url_extract_parameter", "ss", 's', tl_trino_url_parameter},
    {"trino_url_encode", "s", 's', tl_trino_url_encode},
    {"trino_url_decode", "s", 's', tl_trino_url_decode},
    {"soundex", "s", 's', tl_trino_soundex},
    {"luhn_check", "s", 'l', tl_trino_luhn},
    {"from_base", "sn", 'n', tl_trino_from_base},
    {"normal_cdf", "ddd", 'd', tl_trino_normal_cdf},
    {"inverse_normal_cdf", "ddd", 'd', tl_trino_inverse_normal_cdf},
    {"crc32", "b", 'n', tl_trino_crc32},
    {"to_base32", "b", 's', tl_trino_to_base32},
    {"from_base32", "s", 'b', tl_trino_from_base32},
    {"to_ieee754_64", "d", 'b', tl_trino_to_ieee754},
    {"from_ieee754_64", "b", 'd', tl_trino_from_ieee754},
    {"format_number", "d", 's', tl_trino_format_number},
    {"human_readable_seconds", "d", 's', tl_trino_human_seconds},
    {"trino_type_name", "s", 's', tl_trino_type_name},
    {"trino_double_text", "d", 's', tl_trino_double_text},
    {"trino_real_text", "d", 's', tl_trino_real_text},
    {"trino_replace_empty", "ss", 's', tl_trino_replace_empty},
    {"trino_reverse_bytes", "b", 'b', tl_trino_reverse_bytes},
    {"trino_utf8", "b", 's', tl_trino_utf8},
    {"trino_pattern", "s", 's', tl_trino_pattern},
    {"trino_replacement", "ss", 's', tl_trino_replacement},
    {"trino_json_path", "s", 's', tl_trino_json_path},
    {"trino_shift_left", "nnn", 'n', tl_trino_shift_left},
    {"trino_shift_right", "nnn", 'n', tl_trino_shift_right},
    {"trino_shift_arithmetic", "nnn", 'n', tl_trino_shift_arithmetic},
    {"trino_bit_count", "nn", 'n', tl_trino_bit_count},
    {"trino_mysql_format", "ts", 's', tl_trino_mysql_format},
    {"trino_mysql_parse", "ss", 't', tl_trino_mysql_parse},
    {"trino_joda_format", "ts", 's', tl_trino_joda_format},
    {"trino_joda_parse", "ss", 't', tl_trino_joda_parse},
};

static duckdb_type type_of(char kind)
{
    switch (kind) {
    case 's':
        return DUCKDB_TYPE_VARCHAR;
    case 'b':
        return DUCKDB_TYPE_BLOB;
    case 'n':
        return DUCKDB_TYPE_BIGINT;
    case 'd':
        return DUCKDB_TYPE_DOUBLE;
    case 't':
        return DUCKDB_TYPE_TIMESTAMP;
    default:
        return DUCKDB_TYPE_BOOLEAN;
    }
}

static bool is_null(duckdb_vector vector, idx_t row)
{
    const uint64_t *validity = duckdb_vector_get_validity(vector);
    return validity && !(validity[row / 64] >> (row % 64) & 1);
}

static struct tl_trino_value value_at(duckdb_vector vector, char kind, idx_t row)
{
    struct tl_trino_value value = {.null = false};
    void *data = duckdb_vector_get_data(vector);
    if (kind == 's' || kind == 'b') {
        duckdb_string_t *text = &((duckdb_string_t *)data)[row];
        value.text = (struct tl_str){duckdb_string_t_data(text), duckdb_string_t_length(*text)};
    } else if (kind == 'd') {
        value.real = ((const double *)data)[row];
    } else {
        value.number = ((const int64_t *)data)[row];
    }
    return value;
}

static void put_value(duckdb_vector output, char kind, idx_t row, const struct tl_trino_value *value, struct tl_buf *text)
{
    void *data = duckdb_vector_get_data(output);
    if (kind == 's' || kind == 'b')
        duckdb_vector_assign_string_element_len(output, row, text->data ? text->data : "", text->size);
    else if (kind == 'd')
        ((double *)data)[row] = value->real;
    else if (kind == 'l')
        ((bool *)data)[row] = value->number != 0;
    else
        ((int64_t *)data)[row] = value->number;
}

static void set_null(duckdb_vector output, idx_t row)
{
    duckdb_vector_ensure_validity_writable(output);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
}

static bool run_row(const struct row *function, duckdb_data_chunk input, idx_t row, duckdb_vector output, struct tl_buf *text,
                    struct tl_err *err)
{
    struct tl_trino_value args[ARGUMENTS_MAX], result = {.null = true};
    size_t count = strlen(function->arguments);
    for (size_t i = 0; i < count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(input, i);
        if (is_null(vector, row)) {
            set_null(output, row);
            return true;
        }
        args[i] = value_at(vector, function->arguments[i], row);
    }
    tl_buf_clear(text);
    if (function->run(args, text, &result, err) != TL_OK)
        return false;
    if (text->failed) {
        tl_err_set(err, TL_TOO_LARGE, "a text of %s is larger than %d MiB", function->name, RESULT_BYTES_MAX >> 20);
        return false;
    }
    if (result.null)
        set_null(output, row);
    else
        put_value(output, function->result, row, &result, text);
    return true;
}

static void run(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const struct row *function = duckdb_scalar_function_get_extra_info(info);
    struct tl_err err;
    struct tl_buf text;
    tl_err_init(&err);
    tl_buf_init(&text, RESULT_BYTES_MAX);
    idx_t count = duckdb_data_chunk_get_size(input);
    for (idx_t row = 0; row < count; row++) {
        if (run_row(function, input, row, output, &text, &err))
            continue;
        duckdb_scalar_function_set_error(info, err.message);
        break;
    }
    tl_buf_done(&text);
}

static enum tl_code add_function(duckdb_connection connection, const struct row *row, struct tl_err *err)
{
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, row->name);
    for (const char *kind = row->arguments; *kind; kind++) {
        duckdb_logical_type type = duckdb_create_logical_type(type_of(*kind));
        duckdb_scalar_function_add_parameter(function, type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_logical_type type = duckdb_create_logical_type(type_of(row->result));
    duckdb_scalar_function_set_return_type(function, type);
    duckdb_destroy_logical_type(&type);
    duckdb_scalar_function_set_extra_info(function, (void *)(uintptr_t)row, NULL);
    duckdb_scalar_function_set_function(function, run);
    bool made = duckdb_register_scalar_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    return made ? TL_OK : tl_err_set(err, TL_INTERNAL, "the engine does not take the function \"%s\"", row->name);
}

enum tl_code tl_duckdb_trino_functions(duckdb_connection connection, struct tl_err *err)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows && err->code == TL_OK; i++)
        if (add_function(connection, &rows[i], err) != TL_OK)
            break;
    return err->code;
}
