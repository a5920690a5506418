/* lifeguard/mask.h -- what is shown of a column instead of its values: typed forms, never pasted SQL.
 *
 * Meaning: the masked value is what every operator sees.  WHERE, JOIN, GROUP BY, ORDER BY and functions get the mask's result,
 *   since it is computed in the governed view below them.
 * Types: a mask keeps the column's type.  Where a form has no meaning for a type (last4 of a date), the value is NULL: a mask
 *   that does not fit closes, it never opens.
 * As text: "redact", "null", "hash", "last4", "email_domain", "year", "bucket:100", "ip_prefix:16", "constant:unknown".
 * Owns: the text of a constant is borrowed.
 */
#ifndef TL_LIFEGUARD_MASK_H
#define TL_LIFEGUARD_MASK_H

#include "base/str.h"
#include "data/types.h"

/* In order of strictness: of two masks that apply with equal right, the smaller number wins. */
enum tl_mask_form {
    TL_MASK_NULL,         /* NULL */
    TL_MASK_REDACT,       /* '***' for text, else NULL */
    TL_MASK_CONSTANT,     /* one text or number for all */
    TL_MASK_HASH,         /* keyed: equal values stay equal, nobody without the key can try values; text and bigint */
    TL_MASK_YEAR,         /* the first moment of the year */
    TL_MASK_BUCKET,       /* numbers, rounded to a multiple of `number` towards zero */
    TL_MASK_IP_PREFIX,    /* first `number` bits of an IPv4 address (8, 16, 24), first 48 of an IPv6 one */
    TL_MASK_EMAIL_DOMAIN, /* ***@example.com */
    TL_MASK_LAST4,        /* ****1234 */
    TL_MASK_NONE,         /* the value itself */
};

enum { TL_MASK_CONSTANT_MAX = 200, TL_MASK_TEXT_MAX = 256 };

struct tl_mask {
    enum tl_mask_form form;
    int64_t number;   /* BUCKET, IP_PREFIX */
    const char *text; /* CONSTANT */
};

/* TL_INVALID_ARGUMENT with the forms there are.  A constant is copied into the arena. */
TL_CHECKED enum tl_code tl_mask_parse(tl_arena *arena, const char *text, struct tl_mask *ret_mask, struct tl_err *err);
void tl_mask_format(struct tl_buf *buf, const struct tl_mask *mask);
/* Does the form show anything but NULL for this type? */
bool tl_mask_fits(const struct tl_mask *mask, const struct tl_type *type);
/* The expression in the engine's SQL, of the column's own type. */
void tl_mask_write(struct tl_buf *sql, const struct tl_mask *mask, const char *column, const struct tl_type *type);

/* The keyed hash behind TL_MASK_HASH: HMAC-SHA256, 128 bits of it as hexadecimal digits.  The engine's function
 * TL_MASK_HASH_FUNCTION calls it. */
enum { TL_MASK_KEY_SIZE = 32, TL_MASK_HASH_DIGITS = 32 };
#define TL_MASK_HASH_FUNCTION "tl_mask_hash"
void tl_mask_hash(const uint8_t key[TL_MASK_KEY_SIZE], const void *bytes, size_t size, char ret_digits[TL_MASK_HASH_DIGITS]);

#endif
