#include <stdio.h>

#include "sources/postgres/test_support.h"

/* Values as raw as possible, so that a wrong layout cannot hide behind a formatter: times are counts. */
static void add(struct tl_buf *buf, const struct tl_vector *vector, size_t row);

static void add_decimal(struct tl_buf *buf, const struct tl_vector *vector, size_t row)
{
    const struct tl_type *type = vector->type;
    char text[48];
    int64_t halves[2];
    if (type->precision > 18) {
        memcpy(halves, (const char *)vector->data + row * 16, sizeof halves);
    } else {
        halves[0] = type->precision > 9   ? ((const int64_t *)vector->data)[row]
                    : type->precision > 4 ? ((const int32_t *)vector->data)[row]
                                          : ((const int16_t *)vector->data)[row];
        halves[1] = halves[0] >> 63;
    }
    tl_int128_format(text, (uint64_t)halves[0], halves[1], type->scale);
    tl_buf_adds(buf, text);
}

static void add_list(struct tl_buf *buf, const struct tl_vector *vector, size_t row)
{
    struct tl_span span = ((const struct tl_span *)vector->data)[row];
    tl_buf_addc(buf, '[');
    for (uint64_t i = 0; i < span.count; i++) {
        tl_buf_adds(buf, i ? "," : "");
        add(buf, &vector->children[0], span.offset + i);
    }
    tl_buf_addc(buf, ']');
}

static void add_bytes(struct tl_buf *buf, const struct tl_vector *vector, size_t row)
{
    struct tl_str bytes = tl_vector_text(vector, row);
    for (size_t i = 0; i < bytes.size; i++)
        tl_buf_addf(buf, "%02x", (unsigned char)bytes.data[i]);
}

static void add_wide(struct tl_buf *buf, const struct tl_vector *vector, size_t row)
{
    if (vector->type->id == TL_TYPE_UUID) {
        uint64_t halves[2];
        memcpy(halves, (const char *)vector->data + row * 16, sizeof halves);
        tl_buf_addf(buf, "%016llx%016llx", (unsigned long long)(halves[1] ^ UINT64_C(1) << 63),
                    (unsigned long long)halves[0]);
    } else {
        struct {
            int32_t months, days;
            int64_t micros;
        } interval;
        memcpy(&interval, (const char *)vector->data + row * sizeof interval, sizeof interval);
        tl_buf_addf(buf, "%d/%d/%lld", interval.months, interval.days, (long long)interval.micros);
    }
}

static void add(struct tl_buf *buf, const struct tl_vector *vector, size_t row)
{
    if (tl_vector_is_null(vector, row)) {
        tl_buf_adds(buf, "NULL");
        return;
    }
    switch (vector->type->id) {
    case TL_TYPE_BOOLEAN:
        assert_true(((const uint8_t *)vector->data)[row] <= 1);
        tl_buf_adds(buf, ((const uint8_t *)vector->data)[row] ? "true" : "false");
        break;
    case TL_TYPE_INT16:
        tl_buf_addf(buf, "%d", ((const int16_t *)vector->data)[row]);
        break;
    case TL_TYPE_INT32:
    case TL_TYPE_DATE:
        tl_buf_addf(buf, "%d", ((const int32_t *)vector->data)[row]);
        break;
    case TL_TYPE_UINT32:
        tl_buf_addf(buf, "%u", ((const uint32_t *)vector->data)[row]);
        break;
    case TL_TYPE_INT64:
    case TL_TYPE_TIME:
    case TL_TYPE_TIMESTAMP:
    case TL_TYPE_TIMESTAMPTZ:
        tl_buf_addf(buf, "%lld", (long long)((const int64_t *)vector->data)[row]);
        break;
    case TL_TYPE_FLOAT:
        tl_buf_addf(buf, "%.9g", (double)((const float *)vector->data)[row]);
        break;
    case TL_TYPE_DOUBLE:
        tl_buf_addf(buf, "%.17g", ((const double *)vector->data)[row]);
        break;
    case TL_TYPE_DECIMAL:
        add_decimal(buf, vector, row);
        break;
    case TL_TYPE_VARCHAR:
    case TL_TYPE_JSON: {
        struct tl_str text = tl_vector_text(vector, row);
        tl_buf_add(buf, text.data, text.size);
        break;
    }
    case TL_TYPE_BLOB:
        add_bytes(buf, vector, row);
        break;
    case TL_TYPE_LIST:
        add_list(buf, vector, row);
        break;
    default:
        add_wide(buf, vector, row);
    }
}

const char *test_format(tl_arena *arena, const struct tl_vector *vector, size_t row)
{
    struct tl_buf buf;
    if (tl_vector_is_null(vector, row))
        return NULL;
    tl_buf_init(&buf, 64 * 1024 * 1024);
    add(&buf, vector, row);
    assert_false(buf.failed);
    const char *text = tl_arena_strndup(arena, buf.data ? buf.data : "", buf.size);
    tl_buf_done(&buf);
    return text;
}
