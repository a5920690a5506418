/* Trino's text functions over any bytes: nothing crashes, texts stay within their bound, results of text are UTF-8. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engines/duckdb/trino_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says which function, the rest are two texts with a line break between; a number is in both. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const tl_trino_function functions[] = {
        tl_trino_url_protocol, tl_trino_url_host,     tl_trino_url_port,    tl_trino_url_path,     tl_trino_url_query,
        tl_trino_url_fragment, tl_trino_url_parameter, tl_trino_url_encode, tl_trino_url_decode,   tl_trino_soundex,
        tl_trino_luhn,         tl_trino_from_base,    tl_trino_type_name,   tl_trino_replace_empty, tl_trino_utf8,
        tl_trino_pattern,      tl_trino_replacement,  tl_trino_json_path,   tl_trino_mysql_format, tl_trino_mysql_parse,
        tl_trino_joda_format,  tl_trino_joda_parse,   tl_trino_bit_count,   tl_trino_shift_right,
        tl_trino_to_base32,    tl_trino_crc32};
    if (size < 1)
        return 0;
    struct tl_str text = {(const char *)data + 1, size - 1}, other = {(const char *)data + size, 0};
    const char *line = memchr(text.data, '\n', text.size);
    if (line) {
        other = (struct tl_str){line + 1, (size_t)(text.data + text.size - line) - 1};
        text.size = (size_t)(line - text.data);
    }
    int64_t number = 0;
    memcpy(&number, text.data, text.size < sizeof number ? text.size : sizeof number);
    struct tl_trino_value args[] = {{.text = text, .number = number}, {.text = other, .number = number & 63}, {.number = 64}};
    struct tl_trino_value ret = {.null = true};
    struct tl_err err;
    struct tl_buf out;
    size_t bad, which = data[0] % (sizeof functions / sizeof *functions);
    tl_err_init(&err);
    tl_buf_init(&out, 1 << 20);
    bool valid = tl_utf8_valid(text.data, text.size, &bad) && tl_utf8_valid(other.data, other.size, &bad);
    if (functions[which](args, &out, &ret, &err) == TL_OK && valid && !out.failed)
        assert(tl_utf8_valid(out.data ? out.data : "", out.size, &bad));
    tl_buf_done(&out);
    return 0;
}
