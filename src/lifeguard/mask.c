#include "lifeguard/mask.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hex.h"

enum { DIGEST_SIZE = 32, BUCKET_MAX = 1000000000 };

static const struct {
    const char *name;
    enum { NO_ARGUMENT, NUMBER, TEXT } argument;
} forms[] = {
    [TL_MASK_NULL] = {"null", NO_ARGUMENT},        [TL_MASK_REDACT] = {"redact", NO_ARGUMENT},
    [TL_MASK_CONSTANT] = {"constant", TEXT},       [TL_MASK_HASH] = {"hash", NO_ARGUMENT},
    [TL_MASK_YEAR] = {"year", NO_ARGUMENT},        [TL_MASK_BUCKET] = {"bucket", NUMBER},
    [TL_MASK_IP_PREFIX] = {"ip_prefix", NUMBER},   [TL_MASK_EMAIL_DOMAIN] = {"email_domain", NO_ARGUMENT},
    [TL_MASK_LAST4] = {"last4", NO_ARGUMENT},      [TL_MASK_NONE] = {"none", NO_ARGUMENT},
};
enum { FORMS = sizeof forms / sizeof *forms };

static enum tl_code refuse(const char *text, struct tl_err *err)
{
    tl_err_set(err, TL_INVALID_ARGUMENT, "unknown mask \"%.80s\"", text);
    tl_err_hint(err, "one of: null, redact, hash, last4, email_domain, year, bucket:N, ip_prefix:8|16|24, constant:TEXT, none");
    return TL_INVALID_ARGUMENT;
}

static bool read_number(const char *text, int64_t *ret_number)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    *ret_number = number;
    return end != text && *end == '\0' && number > 0 && number <= BUCKET_MAX;
}

enum tl_code tl_mask_parse(tl_arena *arena, const char *text, struct tl_mask *ret_mask, struct tl_err *err)
{
    size_t size = strcspn(text, ":");
    const char *argument = text[size] ? text + size + 1 : NULL;
    int form = 0;
    while (form < FORMS && (strlen(forms[form].name) != size || memcmp(forms[form].name, text, size) != 0))
        form++;
    if (form == FORMS || (argument != NULL) != (forms[form].argument != NO_ARGUMENT))
        return refuse(text, err);
    *ret_mask = (struct tl_mask){.form = (enum tl_mask_form)form};
    if (forms[form].argument == NUMBER && !read_number(argument, &ret_mask->number))
        return refuse(text, err);
    if (form == TL_MASK_IP_PREFIX && ret_mask->number != 8 && ret_mask->number != 16 && ret_mask->number != 24)
        return refuse(text, err);
    if (forms[form].argument == TEXT) {
        if (strlen(argument) > TL_MASK_CONSTANT_MAX)
            return tl_err_set(err, TL_TOO_LARGE, "the constant of a mask is longer than %d bytes", TL_MASK_CONSTANT_MAX);
        ret_mask->text = tl_arena_strdup(arena, argument);
    }
    return TL_OK;
}

void tl_mask_format(struct tl_buf *buf, const struct tl_mask *mask)
{
    tl_buf_adds(buf, forms[mask->form].name);
    if (forms[mask->form].argument == NUMBER)
        tl_buf_addf(buf, ":%lld", (long long)mask->number);
    else if (forms[mask->form].argument == TEXT)
        tl_buf_addf(buf, ":%s", mask->text);
}

static bool is_number(enum tl_type_id id)
{
    return (id >= TL_TYPE_INT8 && id <= TL_TYPE_UINT128) || id == TL_TYPE_FLOAT || id == TL_TYPE_DOUBLE || id == TL_TYPE_DECIMAL;
}

static bool is_plain_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 9 && text[digits] == '\0';
}

bool tl_mask_fits(const struct tl_mask *mask, const struct tl_type *type)
{
    bool text = type->id == TL_TYPE_VARCHAR;
    switch (mask->form) {
    case TL_MASK_NULL:
    case TL_MASK_NONE:
        return true;
    case TL_MASK_REDACT:
    case TL_MASK_LAST4:
    case TL_MASK_EMAIL_DOMAIN:
    case TL_MASK_IP_PREFIX:
        return text;
    case TL_MASK_CONSTANT:
        return text || (is_number(type->id) && is_plain_number(mask->text));
    case TL_MASK_HASH:
        return text || type->id == TL_TYPE_INT64;
    case TL_MASK_YEAR:
        return type->id == TL_TYPE_DATE || type->id == TL_TYPE_TIMESTAMP || type->id == TL_TYPE_TIMESTAMP_NS;
    case TL_MASK_BUCKET:
        return is_number(type->id);
    }
    return false;
}

static void put_ip_prefix(struct tl_buf *sql, const char *name, int64_t bits)
{
    static const char *const rests[] = {".0.0.0", ".0.0", ".0"};
    int parts = (int)(bits / 8);
    tl_buf_addf(sql, "CASE WHEN regexp_full_match(%s, '[0-9]{1,3}([.][0-9]{1,3}){3}') THEN ", name);
    for (int i = 1; i <= parts; i++)
        tl_buf_addf(sql, "%ssplit_part(%s, '.', %d)", i > 1 ? " || '.' || " : "", name, i);
    tl_buf_addf(sql, " || '%s' WHEN regexp_matches(%s, '^[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}:') ", rests[parts - 1], name);
    tl_buf_addf(sql, "THEN regexp_extract(%s, '^([0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}):', 1) || '::' END", name);
}

static void put_hash(struct tl_buf *sql, const char *name, const struct tl_type *type)
{
    enum { DIGITS_OF_BIGINT = 15 };
    if (type->id == TL_TYPE_VARCHAR)
        tl_buf_addf(sql, TL_MASK_HASH_FUNCTION "(%s)", name);
    else
        tl_buf_addf(sql, "CAST('0x' || left(" TL_MASK_HASH_FUNCTION "(CAST(%s AS VARCHAR)), %d) AS BIGINT)", name, DIGITS_OF_BIGINT);
}

static void put_bucket(struct tl_buf *sql, const char *name, int64_t width, const struct tl_type *type)
{
    tl_buf_addf(sql, "TRY_CAST(trunc(CAST(%s AS DOUBLE) / %lld) * %lld AS ", name, (long long)width, (long long)width);
    tl_type_format_sql(sql, type);
    tl_buf_addc(sql, ')');
}

static void put_constant(struct tl_buf *sql, const char *text, const struct tl_type *type)
{
    tl_buf_adds(sql, "CAST(");
    tl_buf_add_literal(sql, text, strlen(text));
    tl_buf_adds(sql, " AS ");
    tl_type_format_sql(sql, type);
    tl_buf_addc(sql, ')');
}

static void put_null(struct tl_buf *sql, const struct tl_type *type)
{
    tl_buf_adds(sql, "CAST(NULL AS ");
    tl_type_format_sql(sql, type);
    tl_buf_addc(sql, ')');
}

static void put_form(struct tl_buf *sql, const struct tl_mask *mask, const char *name, const struct tl_type *type)
{
    switch (mask->form) {
    case TL_MASK_NONE:
        tl_buf_adds(sql, name);
        return;
    case TL_MASK_REDACT:
        tl_buf_addf(sql, "CASE WHEN %s IS NOT NULL THEN '***' END", name);
        return;
    case TL_MASK_LAST4:
        tl_buf_addf(sql, "CASE WHEN length(%s) > 4 THEN '****' || right(%s, 4) WHEN %s IS NOT NULL THEN '****' END", name, name, name);
        return;
    case TL_MASK_EMAIL_DOMAIN:
        tl_buf_addf(sql, "CASE WHEN system.main.contains(%s, '@') THEN '***@' || system.main.split_part(%s, '@', -1) ", name, name);
        tl_buf_addf(sql, "WHEN %s IS NOT NULL THEN '***' END", name);
        return;
    case TL_MASK_YEAR:
        tl_buf_addf(sql, "CAST(system.main.date_trunc('year', %s) AS ", name);
        tl_type_format_sql(sql, type);
        tl_buf_addc(sql, ')');
        return;
    case TL_MASK_IP_PREFIX:
        put_ip_prefix(sql, name, mask->number);
        return;
    case TL_MASK_HASH:
        put_hash(sql, name, type);
        return;
    case TL_MASK_BUCKET:
        put_bucket(sql, name, mask->number, type);
        return;
    case TL_MASK_CONSTANT:
        put_constant(sql, mask->text, type);
        return;
    case TL_MASK_NULL:
        break;
    }
    put_null(sql, type);
}

void tl_mask_write(struct tl_buf *sql, const struct tl_mask *mask, const char *column, const struct tl_type *type)
{
    enum { NAME_MAX_BYTES = 4096 };
    struct tl_buf name;
    tl_buf_init(&name, NAME_MAX_BYTES);
    tl_buf_add_identifier(&name, column);
    if (tl_mask_fits(mask, type))
        put_form(sql, mask, tl_buf_cstr(&name), type);
    else
        put_null(sql, type);
    sql->failed = sql->failed || name.failed;
    tl_buf_done(&name);
}

void tl_mask_hash(const uint8_t key[TL_MASK_KEY_SIZE], const void *bytes, size_t size, char ret_digits[TL_MASK_HASH_DIGITS])
{
    uint8_t digest[DIGEST_SIZE];
    unsigned digest_size = sizeof digest;
    if (!HMAC(EVP_sha256(), key, TL_MASK_KEY_SIZE, bytes, size, digest, &digest_size))
        abort();
    tl_hex_write(ret_digits, digest, TL_MASK_HASH_DIGITS / 2);
}
