#include "engine/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/wire_int.h"

enum { STALL_MS = 30000, READ_SIZE_FIRST = 64 * 1024, KIND_OFFSET = 4 };

void tl_wire_begin(struct tl_buf *buf, enum tl_wire_kind kind, size_t *ret_mark)
{
    *ret_mark = buf->size;
    tl_wire_put_u32(buf, 0);
    tl_wire_put_u32(buf, (uint32_t)kind); /* and the three zero bytes */
}

void tl_wire_end(struct tl_buf *buf, size_t mark)
{
    if (buf->failed)
        return;
    size_t size = buf->size - mark - TL_WIRE_HEADER_SIZE;
    uint32_t said = (uint32_t)size;
    if (size > TL_WIRE_FRAME_MAX)
        buf->failed = true;
    else
        memcpy(buf->data + mark, &said, sizeof said);
}

void tl_wire_put_u8(struct tl_buf *buf, uint8_t n)
{
    tl_buf_addc(buf, (char)n);
}

void tl_wire_put_u32(struct tl_buf *buf, uint32_t n)
{
    tl_buf_add(buf, &n, sizeof n);
}

void tl_wire_put_i64(struct tl_buf *buf, int64_t n)
{
    tl_buf_add(buf, &n, sizeof n);
}

void tl_wire_put_f64(struct tl_buf *buf, double n)
{
    tl_buf_add(buf, &n, sizeof n);
}

void tl_wire_put_text(struct tl_buf *buf, struct tl_str text)
{
    if (text.size > TL_WIRE_FRAME_MAX) {
        buf->failed = true;
        return;
    }
    tl_wire_put_u32(buf, (uint32_t)text.size);
    tl_buf_add(buf, text.data, text.size);
}

void tl_wire_put_cstr(struct tl_buf *buf, const char *text)
{
    tl_wire_put_text(buf, tl_str_of(text));
}

void tl_wire_put_optional(struct tl_buf *buf, const char *text)
{
    tl_wire_put_u8(buf, text != NULL);
    if (text)
        tl_wire_put_cstr(buf, text);
}

static void take(struct tl_wire_reader *reader, void *to, size_t size)
{
    if (reader->failed || reader->left.size < size) {
        reader->failed = true;
        memset(to, 0, size);
        return;
    }
    memcpy(to, reader->left.data, size);
    reader->left.data += size;
    reader->left.size -= size;
}

uint8_t tl_wire_u8(struct tl_wire_reader *reader)
{
    uint8_t n;
    take(reader, &n, sizeof n);
    return n;
}

uint32_t tl_wire_u32(struct tl_wire_reader *reader)
{
    uint32_t n;
    take(reader, &n, sizeof n);
    return n;
}

int64_t tl_wire_i64(struct tl_wire_reader *reader)
{
    int64_t n;
    take(reader, &n, sizeof n);
    return n;
}

double tl_wire_f64(struct tl_wire_reader *reader)
{
    double n;
    take(reader, &n, sizeof n);
    return n;
}

bool tl_wire_flag(struct tl_wire_reader *reader)
{
    uint8_t n = tl_wire_u8(reader);
    if (n > 1)
        reader->failed = true;
    return n == 1;
}

size_t tl_wire_count(struct tl_wire_reader *reader, size_t least_size)
{
    size_t count = tl_wire_u32(reader);
    if (count > TL_WIRE_LIST_MAX || count > reader->left.size / least_size)
        reader->failed = true;
    return reader->failed ? 0 : count;
}

struct tl_str tl_wire_text(struct tl_wire_reader *reader)
{
    size_t size = tl_wire_u32(reader);
    if (reader->failed || size > reader->left.size) {
        reader->failed = true;
        return (struct tl_str){"", 0};
    }
    struct tl_str text = {reader->left.data, size};
    reader->left.data += size;
    reader->left.size -= size;
    return text;
}

struct tl_str tl_wire_copy(struct tl_wire_reader *reader, tl_arena *arena)
{
    struct tl_str text = tl_wire_text(reader);
    return (struct tl_str){tl_arena_strndup(arena, text.data, text.size), text.size};
}

const char *tl_wire_cstr(struct tl_wire_reader *reader, tl_arena *arena)
{
    struct tl_str text = tl_wire_text(reader);
    if (text.size > 0 && memchr(text.data, '\0', text.size)) {
        reader->failed = true;
        return "";
    }
    tl_wire_check(reader, arena);
    return tl_arena_strndup(arena, text.data, text.size);
}

void tl_wire_check(struct tl_wire_reader *reader, const tl_arena *arena)
{
    struct tl_err err;
    tl_err_init(&err);
    if (tl_arena_check(arena, "a frame", &err) != TL_OK)
        reader->failed = true;
}

const char *tl_wire_optional(struct tl_wire_reader *reader, tl_arena *arena)
{
    return tl_wire_flag(reader) ? tl_wire_cstr(reader, arena) : NULL;
}

static bool is_kind(uint8_t kind)
{
    return (kind >= TL_WIRE_HELLO && kind <= TL_WIRE_HEALTH) || (kind >= TL_WIRE_AST && kind <= TL_WIRE_ERROR);
}

enum outcome { RECEIVED, CLOSED, STALLED, BROKEN };

/* `size` bytes; waits as long as it takes for the first one when patient, else STALL_MS for each piece. */
static enum outcome receive(int fd, char *to, size_t size, bool patient, size_t *ret_got)
{
    *ret_got = 0;
    while (*ret_got < size) {
        ssize_t got = recv(fd, to + *ret_got, size - *ret_got, MSG_DONTWAIT);
        if (got > 0) {
            *ret_got += (size_t)got;
            continue;
        }
        if (got == 0)
            return CLOSED;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return errno == ECONNRESET ? CLOSED : BROKEN;
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = poll(&wait, 1, patient && *ret_got == 0 ? -1 : STALL_MS);
        if (ready == 0)
            return STALLED;
        if (ready < 0 && errno != EINTR)
            return BROKEN;
    }
    return RECEIVED;
}

static enum tl_code lost(struct tl_err *err, enum outcome outcome)
{
    if (outcome == BROKEN)
        return tl_err_errno(err, TL_ENGINE_LOST, errno, "could not read from the engine's socket");
    if (outcome == STALLED)
        return tl_err_set(err, TL_ENGINE_LOST, "the engine's socket was silent for %d s within a frame", STALL_MS / 1000);
    return tl_err_set(err, TL_ENGINE_LOST, "the engine's socket was closed within a frame");
}

/* The buffer grows with what has come, not with what the header promises. */
static enum tl_code receive_body(int fd, struct tl_buf *buf, size_t size, struct tl_err *err)
{
    size_t step = READ_SIZE_FIRST, got;
    while (buf->size < size) {
        size_t wanted = size - buf->size < step ? size - buf->size : step;
        char *room = tl_buf_reserve(buf, wanted);
        if (!room)
            return tl_err_set(err, TL_ENGINE_LOST, "the engine's socket sent a frame of %zu bytes, the limit is %zu", size,
                              buf->max_size);
        enum outcome outcome = receive(fd, room, wanted, false, &got);
        if (outcome != RECEIVED)
            return lost(err, outcome);
        tl_buf_commit(buf, wanted);
        step = buf->size;
    }
    return TL_OK;
}

enum tl_code tl_wire_receive(int fd, struct tl_buf *buf, enum tl_wire_kind *ret_kind, struct tl_str *ret_body,
                             bool *ret_clean_end, struct tl_err *err)
{
    char header[TL_WIRE_HEADER_SIZE];
    uint32_t size, rest;
    size_t got;
    *ret_clean_end = false;
    *ret_body = (struct tl_str){"", 0};
    tl_buf_clear(buf);
    enum outcome outcome = receive(fd, header, sizeof header, true, &got);
    if (outcome == CLOSED && got == 0) {
        *ret_clean_end = true;
        return tl_err_set(err, TL_ENGINE_LOST, "the engine's socket was closed");
    }
    if (outcome != RECEIVED)
        return lost(err, outcome);
    memcpy(&size, header, sizeof size);
    memcpy(&rest, header + KIND_OFFSET, sizeof rest);
    if (size > TL_WIRE_FRAME_MAX || rest > UINT8_MAX || !is_kind((uint8_t)rest))
        return tl_err_set(err, TL_ENGINE_LOST, "the engine's socket sent what is not a frame");
    *ret_kind = (enum tl_wire_kind)rest;
    enum tl_code code = receive_body(fd, buf, size, err);
    if (code == TL_OK && size > 0)
        *ret_body = (struct tl_str){buf->data, buf->size};
    return code;
}
