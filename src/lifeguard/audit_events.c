/* The newest records of policy out of the audit: few among many statements, so they are picked out while the log is read. */
#include <stdlib.h>
#include <string.h>

#include "lifeguard/audit_int.h"

enum { LOOKED_AT_MAX = 1000000, RECORD_ARENA_MAX = 16 * TL_JOURNAL_LINE_MAX };

/* The newest `size` lines; `next` is the oldest of them once it is full. */
struct picking {
    const char *user;
    tl_arena *scratch;
    struct tl_str *lines;
    size_t size, next, count, bytes, bytes_max;
    struct tl_err *err;
};

/* The kind is the first of a record's own members (store/journal.h), so no text of others stands before it. */
static bool is_of_policy(struct tl_str line)
{
    static const char key[] = ",\"kind\":\"";
    const char *kind = memmem(line.data, line.size, key, sizeof key - 1);
    if (!kind)
        return false;
    kind += sizeof key - 1;
    size_t left = line.size - (size_t)(kind - line.data);
    return left > 10 && strncmp(kind, "statement\"", 10) != 0 && strncmp(kind, "outcome\"", 8) != 0;
}

static bool is_of_user(struct picking *picking, struct tl_str line)
{
    const tl_json *record;
    bool own = tl_json_parse(picking->scratch, line.data, line.size, &record, picking->err) == TL_OK &&
               tl_streq(tl_json_get_text(record, "user"), picking->user);
    tl_arena_reset(picking->scratch);
    return own;
}

static void drop_oldest(struct picking *picking)
{
    size_t oldest = (picking->next + picking->size - picking->count) % picking->size;
    picking->bytes -= picking->lines[oldest].size;
    free((void *)(uintptr_t)picking->lines[oldest].data);
    picking->count--;
}

static bool pick(void *context, int64_t seq, struct tl_str line)
{
    struct picking *picking = context;
    (void)seq;
    if (!is_of_policy(line) || (picking->user && !is_of_user(picking, line)))
        return picking->err->code == TL_OK;
    while (picking->count && (picking->count == picking->size || picking->bytes + line.size > picking->bytes_max))
        drop_oldest(picking);
    char *copy = tl_heap_alloc(line.size + 1);
    memcpy(copy, line.data, line.size);
    picking->lines[picking->next] = (struct tl_str){copy, line.size};
    picking->next = (picking->next + 1) % picking->size;
    picking->count++;
    picking->bytes += line.size;
    return true;
}

enum tl_code tl_audit_events(struct tl_request *rq, tl_audit *audit, const char *user, int count_max, struct tl_buf *json_array)
{
    struct picking picking = {.user = user, .scratch = tl_arena_new(RECORD_ARENA_MAX), .size = (size_t)count_max, .err = &rq->err,
                              .bytes_max = json_array->max_size / 2};
    struct tl_json_writer json;
    struct tl_journal_head head;
    tl_journal_head(audit->journal, &head);
    picking.lines = tl_heap_alloc(picking.size * sizeof *picking.lines);
    enum tl_code code = tl_journal_read(audit->directory, head.seq - LOOKED_AT_MAX + 1, pick, &picking, &rq->err);
    tl_json_writer_init(&json, json_array);
    tl_json_begin_array(&json);
    while (picking.count) {
        size_t oldest = (picking.next + picking.size - picking.count) % picking.size;
        tl_json_put_raw(&json, picking.lines[oldest]);
        drop_oldest(&picking);
    }
    tl_json_end_array(&json);
    free(picking.lines);
    tl_arena_free(picking.scratch);
    return code == TL_OK ? rq->err.code : code;
}
