/* engines/duckdb/trino_text.h -- Trino's functions over text, as plain C: text in, text or number out.
 *
 * Each gets its arguments, none of them NULL, and fills *ret: null stays true when the result is NULL.  Text results are
 * written to `out` (empty at the beginning).  Errors: TL_INVALID_ARGUMENT with what is wrong, TL_TOO_LARGE.
 */
#ifndef TL_ENGINES_DUCKDB_TRINO_TEXT_H
#define TL_ENGINES_DUCKDB_TRINO_TEXT_H

#include "base/str.h"

struct tl_trino_value {
    bool null;
    struct tl_str text;
    int64_t number; /* BIGINT, BOOLEAN, TIMESTAMP in microseconds */
    double real;
};

typedef enum tl_code (*tl_trino_function)(const struct tl_trino_value *args, struct tl_buf *out, struct tl_trino_value *ret,
                                          struct tl_err *err);

/* Declares one, and begins its definition; few need all that they get. */
#define TL_TRINO_UNUSED __attribute__((unused))
#define TL_TRINO_FUNCTION(name)                                                                                        \
    TL_CHECKED enum tl_code name(const struct tl_trino_value *args TL_TRINO_UNUSED, struct tl_buf *out TL_TRINO_UNUSED, \
                                 struct tl_trino_value *ret TL_TRINO_UNUSED, struct tl_err *err TL_TRINO_UNUSED)

/* --- trino_url.c --- */
TL_TRINO_FUNCTION(tl_trino_url_protocol);
TL_TRINO_FUNCTION(tl_trino_url_host);
TL_TRINO_FUNCTION(tl_trino_url_port);
TL_TRINO_FUNCTION(tl_trino_url_path);
TL_TRINO_FUNCTION(tl_trino_url_query);
TL_TRINO_FUNCTION(tl_trino_url_fragment);
TL_TRINO_FUNCTION(tl_trino_url_parameter);
TL_TRINO_FUNCTION(tl_trino_url_encode);
TL_TRINO_FUNCTION(tl_trino_url_decode);

/* --- trino_text.c --- */
TL_TRINO_FUNCTION(tl_trino_soundex);
TL_TRINO_FUNCTION(tl_trino_luhn);
TL_TRINO_FUNCTION(tl_trino_from_base);
TL_TRINO_FUNCTION(tl_trino_type_name);    /* the engine's name of a type -> Trino's */
TL_TRINO_FUNCTION(tl_trino_double_text);  /* as CAST(double AS varchar) writes it */
TL_TRINO_FUNCTION(tl_trino_real_text);
TL_TRINO_FUNCTION(tl_trino_replace_empty); /* replace(s, '', other) */
TL_TRINO_FUNCTION(tl_trino_reverse_bytes);
TL_TRINO_FUNCTION(tl_trino_utf8);         /* bytes -> text, what is no UTF-8 as U+FFFD */
TL_TRINO_FUNCTION(tl_trino_pattern);      /* a regular expression of Java's -> the engine's */
TL_TRINO_FUNCTION(tl_trino_replacement);  /* "$1" -> "\1" */
TL_TRINO_FUNCTION(tl_trino_json_path);    /* $["a b"] -> $."a b" */
TL_TRINO_FUNCTION(tl_trino_format_number);
TL_TRINO_FUNCTION(tl_trino_human_seconds);
TL_TRINO_FUNCTION(tl_trino_shift_left);   /* value, count, bits */
TL_TRINO_FUNCTION(tl_trino_shift_right);
TL_TRINO_FUNCTION(tl_trino_shift_arithmetic);
TL_TRINO_FUNCTION(tl_trino_bit_count);
TL_TRINO_FUNCTION(tl_trino_normal_cdf);

/* --- trino_bytes.c --- */
TL_TRINO_FUNCTION(tl_trino_crc32);
TL_TRINO_FUNCTION(tl_trino_to_base32);
TL_TRINO_FUNCTION(tl_trino_from_base32);
TL_TRINO_FUNCTION(tl_trino_to_ieee754); /* 8 bytes, the highest first */
TL_TRINO_FUNCTION(tl_trino_from_ieee754);
TL_TRINO_FUNCTION(tl_trino_inverse_normal_cdf); /* mean, standard deviation, probability */

/* --- trino_time.c: patterns of MySQL (date_format) and of Joda-Time (format_datetime); timestamps in microseconds --- */
TL_TRINO_FUNCTION(tl_trino_mysql_format);
TL_TRINO_FUNCTION(tl_trino_mysql_parse);
TL_TRINO_FUNCTION(tl_trino_joda_format);
TL_TRINO_FUNCTION(tl_trino_joda_parse);

#endif
