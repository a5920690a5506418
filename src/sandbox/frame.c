#include "sandbox/frame_int.h"

#include "base/str.h"
#include "sandbox/sandbox.h"

_Static_assert((int)TL_FRAME_CONSOLE_FULL == TL_SANDBOX_LEVELS, "the first number that is no level");

static const size_t size_max[] = {
    [TL_FRAME_CALL] = TL_SANDBOX_BYTES_MAX + 5 + TL_FRAME_NAME_BYTES_MAX,
    [TL_FRAME_CONSOLE] = TL_SANDBOX_BYTES_MAX + 1,
    [TL_FRAME_RESULT] = TL_SANDBOX_BYTES_MAX,
    [TL_FRAME_ERROR] = 13 + TL_FRAME_MESSAGE_BYTES_MAX + TL_FRAME_STACK_BYTES_MAX,
};

bool tl_frame_head_read(const unsigned char head[TL_FRAME_HEAD_BYTES], enum tl_frame_kind *ret_kind, size_t *ret_size)
{
    uint32_t size = tl_frame_get32(head);
    unsigned kind = head[4];
    if (kind < TL_FRAME_CALL || kind > TL_FRAME_ERROR || size < 1 || size - 1 > size_max[kind])
        return false;
    *ret_kind = (enum tl_frame_kind)kind;
    *ret_size = size - 1;
    return true;
}

static bool read_call(const unsigned char *payload, size_t size, struct tl_frame *frame)
{
    if (size < 5 || payload[4] == 0 || payload[4] > TL_FRAME_NAME_BYTES_MAX || payload[4] > size - 5)
        return false;
    frame->call = tl_frame_get32(payload);
    frame->name = (const char *)payload + 5;
    frame->name_size = payload[4];
    frame->text = frame->name + frame->name_size;
    frame->text_size = size - 5 - frame->name_size;
    return true;
}

static bool read_error(const unsigned char *payload, size_t size, struct tl_frame *frame)
{
    if (size < 13 || payload[0] < TL_FRAME_SCRIPT || payload[0] > TL_FRAME_OUTPUT)
        return false;
    frame->level = payload[0];
    frame->line = tl_frame_get32(payload + 1);
    frame->column = tl_frame_get32(payload + 5);
    frame->name_size = tl_frame_get32(payload + 9);
    if (frame->name_size > size - 13 || frame->name_size > TL_FRAME_MESSAGE_BYTES_MAX)
        return false;
    frame->name = (const char *)payload + 13;
    frame->text = frame->name + frame->name_size;
    frame->text_size = size - 13 - frame->name_size;
    return frame->text_size <= TL_FRAME_STACK_BYTES_MAX;
}

bool tl_frame_read(enum tl_frame_kind kind, const unsigned char *payload, size_t size, struct tl_frame *ret_frame)
{
    *ret_frame = (struct tl_frame){.kind = kind, .text = (const char *)payload, .text_size = size};
    bool good = false;
    switch (kind) {
    case TL_FRAME_CALL:
        good = read_call(payload, size, ret_frame);
        break;
    case TL_FRAME_CONSOLE:
        good = size >= 1 && payload[0] <= TL_FRAME_CONSOLE_FULL;
        if (good) {
            ret_frame->level = payload[0];
            ret_frame->text = (const char *)payload + 1;
            ret_frame->text_size = size - 1;
        }
        break;
    case TL_FRAME_RESULT:
        good = true;
        break;
    case TL_FRAME_ERROR:
        good = read_error(payload, size, ret_frame);
        break;
    default:
        break;
    }
    size_t bad;
    return good && tl_utf8_valid(ret_frame->text, ret_frame->text_size, &bad) &&
           (!ret_frame->name_size || tl_utf8_valid(ret_frame->name, ret_frame->name_size, &bad));
}
