/* Errors in the caller's words: positions of the text that was sent, names of datasets instead of hidden catalogs, and the
 * columns that an unknown one may have meant. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "door/door_int.h"

/* Is there a hidden catalog's prefix here: "p:" or "g0123456789abcdef:"?  Its size, 0 = no. */
static size_t hidden_prefix(const char *text)
{
    if (text[0] == 'p' && text[1] == ':')
        return 2;
    if (text[0] != 'g')
        return 0;
    for (int i = 1; i <= 16; i++)
        if (!isxdigit((unsigned char)text[i]))
            return 0;
    return text[17] == ':' ? 18 : 0;
}

static bool is_name_part(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* A hidden name stands at the beginning of a word, and a source's name follows. */
void tl_door_clean_names(char *text)
{
    char *out = text;
    for (const char *in = text; *in;) {
        bool word_start = in == text || !is_name_part(in[-1]);
        size_t quoted = *in == '"', prefix = word_start ? hidden_prefix(in + quoted) : 0, end = quoted + prefix;
        while (prefix && is_name_part(in[end]))
            end++;
        if (!prefix || end == quoted + prefix) {
            *out++ = *in++;
            continue;
        }
        bool alone = quoted && in[end] == '"'; /* else the quotes hold more than this name and stay */
        if (quoted && !alone)
            *out++ = '"';
        size_t size = end - quoted - prefix;
        memmove(out, in + quoted + prefix, size);
        out += size;
        in += end + alone;
    }
    *out = '\0';
}

/* The first name in double quotes. */
static bool quoted_name(const char *message, char name[256])
{
    const char *start = strchr(message, '"'), *end = start ? strchr(start + 1, '"') : NULL;
    size_t size = end ? (size_t)(end - start) - 1 : 0;
    if (!end || size == 0 || size >= 256)
        return false;
    memcpy(name, start + 1, size);
    name[size] = '\0';
    return true;
}

struct columns {
    const char *names[TL_DOOR_NEAREST_MAX];
    int distances[TL_DOOR_NEAREST_MAX];
    size_t count;
};

static void offer(struct columns *columns, const char *name, int distance)
{
    for (size_t i = 0; i < columns->count; i++)
        if (tl_streq(columns->names[i], name))
            return;
    size_t at = columns->count;
    while (at > 0 && columns->distances[at - 1] > distance)
        at--;
    if (at == TL_DOOR_NEAREST_MAX)
        return;
    size_t last = columns->count < TL_DOOR_NEAREST_MAX ? columns->count++ : columns->count - 1;
    memmove(&columns->names[at + 1], &columns->names[at], (last - at) * sizeof *columns->names);
    memmove(&columns->distances[at + 1], &columns->distances[at], (last - at) * sizeof *columns->distances);
    columns->names[at] = name;
    columns->distances[at] = distance;
}

/* Of the columns that the caller may see, those nearest to the unknown one. */
static void hint_columns(const struct tl_governed *governed, struct tl_err *err)
{
    char name[256];
    struct columns columns = {.count = 0};
    if (!quoted_name(err->message, name))
        return;
    for (size_t i = 0; i < tl_clearance_count(governed->clearance); i++) {
        const struct tl_dataset_grant *grant = tl_clearance_grant(governed->clearance, i);
        for (size_t k = 0; k < grant->column_count; k++) {
            int distance = tl_edit_distance(name, grant->columns[k], TL_DOOR_NEAREST_DISTANCE);
            if (distance <= TL_DOOR_NEAREST_DISTANCE && 2 * distance <= (int)strlen(name) + 1)
                offer(&columns, grant->columns[k], distance);
        }
    }
    struct tl_buf hint;
    tl_buf_init(&hint, sizeof err->hint);
    for (size_t i = 0; i < columns.count; i++)
        tl_buf_addf(&hint, "%s%s", i == 0 ? "did you mean " : i + 1 == columns.count ? " or " : ", ", columns.names[i]);
    if (columns.count) {
        err->hint[0] = '\0';
        tl_err_hint(err, "%s?", tl_buf_cstr(&hint));
    } else {
        tl_err_hint(err, governed->clearance && tl_clearance_partial(governed->clearance)
                             ? "DESCRIBE lists the columns that are open to you; others can be requested: `townlake lifeguard request TABLE`"
                             : "DESCRIBE lists the columns of a table");
    }
    tl_buf_done(&hint);
}

/* What the engine says of a value may be of a row that the caller must not see, and what it says of a view's text may be of a
 * column: then only the kind of the failure is told.  The row rules themselves keep such errors from happening.  What this program
 * reads raw nobody may see: its errors are kept and listed too. */
static void hide_values(const struct tl_door_call *call, const struct tl_governed *governed, struct tl_err *err)
{
    bool of_values = err->code == TL_INVALID_VALUE || err->code == TL_CONSTRAINT || err->code == TL_SOURCE_FAILED;
    if (!of_values || !(call->manner.raw_reason || tl_clearance_hides_rows(governed->clearance)))
        return;
    snprintf(err->message, sizeof err->message, "%s", tl_code_info(err->code)->help);
    err->detail[0] = '\0';
}

static bool reads_views(const struct tl_governed *governed)
{
    bool reads = false;
    for (size_t i = 0; i < governed->dataset_count && !reads; i++)
        reads = governed->datasets[i].origin == TL_ORIGIN_VIEW;
    return reads;
}

/* A view reads what its owner could: that the caller cannot is no reason to name it. */
static bool hide_view_text(struct tl_door_call *call, const struct tl_governed *governed, struct tl_err *err)
{
    bool of_names = err->code == TL_COLUMN_NOT_FOUND || err->code == TL_TYPE_MISMATCH || err->code == TL_SYNTAX || err->code == TL_UNSUPPORTED;
    bool inside = of_names && err->position < 0 && governed->sql.data && (reads_views(governed) || tl_clearance_hides_rows(governed->clearance));
    if (!inside || !tl_clearance_partial(governed->clearance))
        return false;
    tl_err_init(err);
    tl_err_set(err, TL_NOT_ALLOWED, "a view or row rule in the statement needs columns that are not open to you");
    tl_err_hint(err, "SELECT from the tables themselves, or request access: `townlake lifeguard explain %s TABLE`",
                call->rq->principal ? call->rq->principal->user : "USER");
    return true;
}

void tl_door_map_error(struct tl_door_call *call, const struct tl_governed *governed, struct tl_err *err)
{
    if (governed && governed->clearance && hide_view_text(call, governed, err))
        return;
    if (governed && governed->clearance)
        hide_values(call, governed, err);
    tl_door_clean_names(err->message);
    tl_door_clean_names(err->detail);
    tl_door_clean_names(err->hint);
    if (governed && err->position >= 0) {
        bool spliced = governed->sql.data != NULL; /* else it failed before: the position is of the caller's text */
        err->position = tl_splice_original(governed->edits, spliced ? governed->edit_count : 0, err->position) +
                        (int64_t)governed->base;
    }
    size_t size = call->dialect.text.data ? call->dialect.text.size : call->text.size;
    if (call->positions_unknown || err->position > (int64_t)size)
        err->position = -1;
    if (strstr(err->message, "has multiple overloads that match")) { /* an argument without a type */
        err->detail[0] = err->hint[0] = '\0';
        tl_err_hint(err, "an argument may be an unknown column: DESCRIBE lists those of a table; or cast it to its type");
    }
    if (err->code == TL_COLUMN_NOT_FOUND && governed && governed->clearance && !strstr(err->message, "mbiguous"))
        hint_columns(governed, err);
}
