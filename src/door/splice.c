#include <stdlib.h>
#include <string.h>

#include "door/door_int.h"

static int by_offset(const void *a, const void *b)
{
    const struct tl_edit *left = a, *right = b;
    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return (left->size > right->size) - (left->size < right->size);
}

enum tl_code tl_splice(tl_arena *arena, struct tl_str text, struct tl_edit *edits, size_t edit_count,
                       struct tl_str *ret_text, struct tl_err *err)
{
    if (edit_count)
        qsort(edits, edit_count, sizeof *edits, by_offset);
    size_t size = text.size, end = 0;
    for (size_t i = 0; i < edit_count; i++) {
        if (edits[i].offset < end || edits[i].offset > text.size || edits[i].size > text.size - edits[i].offset)
            return tl_err_set(err, TL_INTERNAL, "two replacements in one statement overlap");
        end = edits[i].offset + edits[i].size;
        size += strlen(edits[i].text) - edits[i].size;
    }
    char *out = tl_arena_alloc(arena, size + 1), *at = out;
    end = 0;
    for (size_t i = 0; i < edit_count; i++) {
        at = mempcpy(at, text.data + end, edits[i].offset - end);
        at = mempcpy(at, edits[i].text, strlen(edits[i].text));
        end = edits[i].offset + edits[i].size;
    }
    memcpy(at, text.data + end, text.size - end);
    *ret_text = (struct tl_str){out, size};
    return TL_OK;
}

int64_t tl_splice_original(const struct tl_edit *edits, size_t edit_count, int64_t position)
{
    int64_t shift = 0; /* new minus old, of what lies before */
    for (size_t i = 0; i < edit_count; i++) {
        int64_t start = (int64_t)edits[i].offset + shift, size = (int64_t)strlen(edits[i].text);
        if (position < start)
            break;
        if (position < start + size)
            return (int64_t)edits[i].offset;
        shift += size - (int64_t)edits[i].size;
    }
    return position - shift;
}
