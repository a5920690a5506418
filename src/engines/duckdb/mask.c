/* The function that hash masks call, with this installation's key behind it.  The door lets no statement name it. */
#include <string.h>

#include "engines/duckdb/process_int.h"

static void hash_texts(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const uint8_t *key = duckdb_scalar_function_get_extra_info(info);
    duckdb_vector texts = duckdb_data_chunk_get_vector(input, 0);
    duckdb_string_t *values = duckdb_vector_get_data(texts);
    uint64_t *validity = duckdb_vector_get_validity(texts);
    char digits[TL_MASK_HASH_DIGITS];
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); row++) {
        if (validity && !duckdb_validity_row_is_valid(validity, row)) {
            duckdb_vector_ensure_validity_writable(output);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
            continue;
        }
        tl_mask_hash(key, duckdb_string_t_data(&values[row]), duckdb_string_t_length(values[row]), digits);
        duckdb_vector_assign_string_element_len(output, row, digits, sizeof digits);
    }
}

enum tl_code tl_duckdb_add_masks(duckdb_database database, const uint8_t key[TL_MASK_KEY_SIZE], struct tl_err *err)
{
    duckdb_connection connection;
    if (tl_duckdb_connect(database, &connection, err) != TL_OK)
        return err->code;
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, TL_MASK_HASH_FUNCTION);
    duckdb_scalar_function_add_parameter(function, text);
    duckdb_scalar_function_set_return_type(function, text);
    duckdb_scalar_function_set_extra_info(function, (void *)(uintptr_t)key, NULL);
    duckdb_scalar_function_set_function(function, hash_texts);
    if (duckdb_register_scalar_function(connection, function) != DuckDBSuccess)
        tl_err_set(err, TL_INTERNAL, "the engine refuses the function of hash masks");
    duckdb_destroy_scalar_function(&function);
    duckdb_destroy_logical_type(&text);
    duckdb_disconnect(&connection);
    return err->code;
}
