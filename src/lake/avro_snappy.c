/* Snappy's raw format, reading only: a length, then literals and copies of what was already unpacked. */
#include <string.h>

#include "lake/avro_int.h"

struct input {
    const uint8_t *at, *end;
};

static bool take(struct input *in, int bytes, uint32_t *ret)
{
    *ret = 0;
    if (in->end - in->at < bytes)
        return false;
    for (int i = 0; i < bytes; i++)
        *ret |= (uint32_t)*in->at++ << (8 * i);
    return true;
}

static bool take_length(struct input *in, uint32_t *ret)
{
    uint64_t length = 0;
    for (int shift = 0; shift < 35 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        length |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = (uint32_t)length;
            return length <= UINT32_MAX;
        }
    }
    return false;
}

/* A run that overlaps itself repeats, so it is copied byte by byte. */
static bool copy(char *out, uint32_t size, uint32_t *filled, uint32_t distance, uint32_t length)
{
    if (distance == 0 || distance > *filled || length > size - *filled)
        return false;
    for (uint32_t i = 0; i < length; i++, (*filled)++)
        out[*filled] = out[*filled - distance];
    return true;
}

static bool literal(struct input *in, uint8_t tag, char *out, uint32_t size, uint32_t *filled)
{
    uint32_t length = tag >> 2;
    if (length >= 60 && !take(in, (int)length - 59, &length))
        return false;
    if (length >= size - *filled || (size_t)(in->end - in->at) <= length)
        return false;
    memcpy(out + *filled, in->at, length + 1);
    *filled += length + 1;
    in->at += length + 1;
    return true;
}

static bool element(struct input *in, char *out, uint32_t size, uint32_t *filled)
{
    uint8_t tag = *in->at++;
    uint32_t distance;
    switch (tag & 3) {
    case 0:
        return *filled < size && literal(in, tag, out, size, filled);
    case 1:
        return take(in, 1, &distance) && copy(out, size, filled, (uint32_t)(tag >> 5) << 8 | distance, ((tag >> 2) & 7) + 4u);
    case 2:
        return take(in, 2, &distance) && copy(out, size, filled, distance, (uint32_t)(tag >> 2) + 1);
    default:
        return take(in, 4, &distance) && copy(out, size, filled, distance, (uint32_t)(tag >> 2) + 1);
    }
}

bool tl_avro_snappy(struct tl_str packed, struct tl_buf *to)
{
    struct input in = {(const uint8_t *)packed.data, (const uint8_t *)packed.data + packed.size};
    uint32_t size, filled = 0;
    /* three bytes make at most 64 */
    if (!take_length(&in, &size) || size / 64 > packed.size)
        return false;
    char *out = tl_buf_reserve(to, size + 1);
    if (!out)
        return false;
    while (in.at < in.end)
        if (!element(&in, out, size, &filled))
            return false;
    tl_buf_commit(to, filled);
    return filled == size;
}
