#include "skipper/transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "io/process.h"
#include "skipper/context.h"

enum { LINES_MAX = 100000, ARENA_MAX = 512 << 20, HANDLE_MIN = 8, HANDLE_MAX = 100, SCRATCH_MAX = 16 << 20 };

struct line {
    struct tl_str question;
    size_t step;
    struct tl_model_answer answer;
    const tl_json *saw; /* NULL = nothing */
};

struct tl_transcript {
    tl_arena *arena;
    const char *path;
    struct line *lines;
    size_t count;
};

static const char *const ends[] = {"ended", "calls", "length", "refused"};
static pthread_mutex_t append_mutex = PTHREAD_MUTEX_INITIALIZER;

static bool find_text(const struct tl_model_message *message, struct tl_str *ret_text)
{
    for (size_t i = message->part_count; i-- > 0;)
        if (message->parts[i].kind == TL_MODEL_TEXT) {
            *ret_text = message->parts[i].text;
            return true;
        }
    return false;
}

void tl_transcript_key(const struct tl_model_request *request, struct tl_str *ret_question, size_t *ret_step)
{
    *ret_question = (struct tl_str){"", 0};
    *ret_step = 0;
    for (size_t i = request->message_count; i-- > 0;) {
        const struct tl_model_message *message = &request->messages[i];
        *ret_step += message->role == TL_MODEL_ASSISTANT;
        if (message->role == TL_MODEL_USER && find_text(message, ret_question))
            return;
    }
}

/* ---- handles: one short text that a call was answered with ---- */

/* "20261124_191500_00001_abcde" in JSON, as tools give it.  *ret_handle lives in the arena. */
static bool read_handle(tl_arena *arena, struct tl_str result, struct tl_str *ret_handle)
{
    const tl_json *root;
    struct tl_err unread;
    struct tl_str inside = tl_context_inside(result);
    tl_err_init(&unread);
    if (inside.size < HANDLE_MIN || inside.size > HANDLE_MAX || inside.data[0] != '"')
        return false;
    if (tl_json_parse(arena, inside.data, inside.size, &root, &unread) != TL_OK || !tl_json_is_string(root))
        return false;
    *ret_handle = tl_json_str(root);
    return ret_handle->size >= HANDLE_MIN;
}

/* The handle that the call has now. */
static bool find_handle(tl_arena *arena, const struct tl_model_request *request, const char *id, struct tl_str *ret_handle)
{
    for (size_t i = request->message_count; i-- > 0;)
        for (size_t k = 0; k < request->messages[i].part_count; k++) {
            const struct tl_model_part *part = &request->messages[i].parts[k];
            if (part->kind == TL_MODEL_RESULT && tl_streq(part->id, id))
                return read_handle(arena, part->text, ret_handle);
        }
    return false;
}

static void put_saw(struct tl_json_writer *json, const struct tl_model_request *request)
{
    tl_arena *arena = tl_arena_new(SCRATCH_MAX);
    struct tl_str handle;
    tl_json_key(json, "saw");
    tl_json_begin_object(json);
    for (size_t i = 0; i < request->message_count; i++)
        for (size_t k = 0; k < request->messages[i].part_count; k++) {
            const struct tl_model_part *part = &request->messages[i].parts[k];
            if (part->kind == TL_MODEL_RESULT && read_handle(arena, part->text, &handle)) {
                tl_json_key(json, part->id);
                tl_json_put_str(json, handle);
            }
        }
    tl_json_end_object(json);
    tl_arena_free(arena);
}

static struct tl_str replaced(tl_arena *arena, struct tl_str text, struct tl_str from, struct tl_str to)
{
    struct tl_buf buf;
    tl_buf_init(&buf, SCRATCH_MAX);
    for (;;) {
        const char *at = text.size ? memmem(text.data, text.size, from.data, from.size) : NULL;
        size_t before = at ? (size_t)(at - text.data) : text.size;
        tl_buf_add(&buf, text.data, before);
        if (!at)
            break;
        tl_buf_add(&buf, to.data, to.size);
        text = (struct tl_str){at + from.size, text.size - before - from.size};
    }
    struct tl_str copy = {tl_arena_strndup(arena, buf.size ? buf.data : "", buf.size), buf.size};
    tl_buf_done(&buf);
    return copy;
}

static void give_handles(const struct line *line, tl_arena *arena, const struct tl_model_request *request, struct tl_model_answer *answer)
{
    struct tl_model_part *parts = TL_NEW_ARRAY(arena, struct tl_model_part, answer->message.part_count);
    for (size_t i = 0; i < answer->message.part_count; i++) {
        parts[i] = answer->message.parts[i];
        for (struct tl_json_iter it = tl_json_iter(line->saw); parts[i].kind == TL_MODEL_CALL && tl_json_next(&it);) {
            struct tl_str then = tl_json_str(it.value), now;
            if (then.size >= HANDLE_MIN && find_handle(arena, request, it.key, &now))
                parts[i].text = replaced(arena, parts[i].text, then, now);
        }
    }
    answer->message.parts = parts;
}

/* ---- written ---- */

static void put_part(struct tl_json_writer *json, const struct tl_model_part *part)
{
    if (part->kind != TL_MODEL_TEXT && part->kind != TL_MODEL_CALL)
        return;
    tl_json_begin_object(json);
    if (part->kind == TL_MODEL_CALL) {
        tl_json_pair_text(json, "call", part->id);
        tl_json_pair_text(json, "name", part->name);
    }
    tl_json_key(json, part->kind == TL_MODEL_CALL ? "arguments" : "text");
    tl_json_put_str(json, part->text);
    tl_json_end_object(json);
}

static void put_line(struct tl_json_writer *json, const struct tl_model_request *request, const struct tl_model_answer *answer)
{
    struct tl_str question;
    size_t step;
    tl_transcript_key(request, &question, &step);
    tl_json_begin_object(json);
    tl_json_key(json, "question");
    tl_json_put_str(json, question);
    tl_json_pair_int64(json, "step", (int64_t)step);
    tl_json_pair_text(json, "end", ends[answer->end]);
    tl_json_key(json, "parts");
    tl_json_begin_array(json);
    for (size_t i = 0; i < answer->message.part_count; i++)
        put_part(json, &answer->message.parts[i]);
    tl_json_end_array(json);
    put_saw(json, request);
    tl_json_key(json, "usage");
    tl_json_begin_object(json);
    tl_json_pair_int64(json, "input", answer->usage.input_tokens);
    tl_json_pair_int64(json, "cached", answer->usage.cached_tokens);
    tl_json_pair_int64(json, "output", answer->usage.output_tokens);
    tl_json_end_object(json);
    tl_json_end_object(json);
}

static enum tl_code append(const char *path, const struct tl_buf *line, struct tl_err *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return tl_err_errno(err, TL_IO, errno, "could not open the transcript \"%s\"", path);
    enum tl_code code = tl_fd_write_full(fd, line->data, line->size, err);
    close(fd);
    return code;
}

enum tl_code tl_transcript_append(const char *path, const struct tl_model_request *request, const struct tl_model_answer *answer, struct tl_err *err)
{
    struct tl_buf line;
    struct tl_json_writer json;
    tl_buf_init(&line, TL_TRANSCRIPT_BYTES_MAX);
    tl_json_writer_init(&json, &line);
    put_line(&json, request, answer);
    tl_buf_addc(&line, '\n');
    enum tl_code code = line.failed ? tl_err_set(err, TL_TOO_LARGE, "an answer is too long for the transcript \"%s\"", path) : TL_OK;
    pthread_mutex_lock(&append_mutex);
    if (code == TL_OK)
        code = append(path, &line, err);
    pthread_mutex_unlock(&append_mutex);
    tl_buf_done(&line);
    return code;
}

/* ---- read ---- */

static bool read_end(const char *name, enum tl_model_end *ret_end)
{
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (tl_streq(ends[i], name)) {
            *ret_end = (enum tl_model_end)i;
            return true;
        }
    return false;
}

static bool read_part(const tl_json *value, struct tl_model_part *part)
{
    const char *id = tl_json_get_text(value, "call"), *name = tl_json_get_text(value, "name");
    const tl_json *text = tl_json_get(value, id ? "arguments" : "text");
    *part = (struct tl_model_part){.kind = id ? TL_MODEL_CALL : TL_MODEL_TEXT, .id = id, .name = name, .text = tl_json_str(text)};
    return tl_json_is_string(text) && (!id || name);
}

static void read_usage(const tl_json *usage, struct tl_model_usage *ret_usage)
{
    (void)(tl_json_int64(tl_json_get(usage, "input"), &ret_usage->input_tokens) +
           tl_json_int64(tl_json_get(usage, "cached"), &ret_usage->cached_tokens) +
           tl_json_int64(tl_json_get(usage, "output"), &ret_usage->output_tokens));
}

static bool read_line(tl_arena *arena, const tl_json *root, struct line *line)
{
    const tl_json *parts = tl_json_get(root, "parts");
    int64_t step;
    size_t count = tl_json_count(parts), at = 0;
    if (!tl_json_is_string(tl_json_get(root, "question")) || !tl_json_int64(tl_json_get(root, "step"), &step) || step < 0 ||
        !read_end(tl_json_get_text(root, "end"), &line->answer.end) || !tl_json_is_array(parts) || count > TL_MODEL_PARTS_MAX)
        return false;
    line->question = tl_json_str(tl_json_get(root, "question"));
    line->step = (size_t)step;
    struct tl_model_part *kept_parts = TL_NEW_ARRAY(arena, struct tl_model_part, count);
    for (struct tl_json_iter it = tl_json_iter(parts); tl_json_next(&it); at++)
        if (!read_part(it.value, &kept_parts[at]))
            return false;
    line->answer.message = (struct tl_model_message){TL_MODEL_ASSISTANT, count, kept_parts};
    line->saw = tl_json_get(root, "saw");
    read_usage(tl_json_get(root, "usage"), &line->answer.usage);
    return true;
}

static enum tl_code read_lines(tl_transcript *transcript, const struct tl_buf *file, struct tl_err *err)
{
    size_t number = 0, capacity = 0, unit = sizeof *transcript->lines;
    for (size_t at = 0; at < file->size;) {
        const char *start = file->data + at, *end = memchr(start, '\n', file->size - at);
        size_t size = end ? (size_t)(end - start) : file->size - at;
        const tl_json *root;
        struct tl_err unread;
        tl_err_init(&unread);
        at += size + 1;
        number++;
        if (size == 0)
            continue;
        if (transcript->count == capacity) {
            size_t grown = capacity ? capacity * 2 : 64;
            transcript->lines = tl_arena_grow(transcript->arena, transcript->lines, capacity * unit, grown * unit);
            capacity = grown;
        }
        struct line *line = &transcript->lines[transcript->count];
        *line = (struct line){0};
        if (number > LINES_MAX || tl_json_parse(transcript->arena, start, size, &root, &unread) != TL_OK || !read_line(transcript->arena, root, line))
            return tl_err_set(err, TL_CONFIG, "%s:%zu: not a line of a transcript", transcript->path, number);
        transcript->count++;
    }
    return tl_arena_check(transcript->arena, "a transcript", err);
}

enum tl_code tl_transcript_open(const char *path, tl_transcript **ret_transcript, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    tl_transcript *transcript = TL_NEW(arena, tl_transcript);
    struct tl_buf file;
    transcript->arena = arena;
    transcript->path = tl_arena_strdup(arena, path);
    tl_buf_init(&file, TL_TRANSCRIPT_BYTES_MAX);
    enum tl_code code = tl_file_read(path, &file, err);
    if (code == TL_OK)
        code = read_lines(transcript, &file, err);
    tl_buf_done(&file);
    if (code != TL_OK) {
        tl_arena_free(arena);
        return code;
    }
    *ret_transcript = transcript;
    return TL_OK;
}

tl_transcript *tl_transcript_free(tl_transcript *transcript)
{
    if (transcript)
        tl_arena_free(transcript->arena);
    return NULL;
}

enum tl_code tl_transcript_find(const tl_transcript *transcript, tl_arena *arena, const struct tl_model_request *request,
                                struct tl_model_answer *ret_answer, struct tl_err *err)
{
    struct tl_str question;
    size_t step;
    tl_transcript_key(request, &question, &step);
    for (size_t i = 0; i < transcript->count; i++)
        if (transcript->lines[i].step == step && tl_str_equal(transcript->lines[i].question, question)) {
            *ret_answer = transcript->lines[i].answer;
            give_handles(&transcript->lines[i], arena, request, ret_answer);
            return TL_OK;
        }
    struct tl_str cut = tl_utf8_cut(question, 200);
    tl_err_set(err, TL_NOT_FOUND, "the transcript has no step %zu of the question \"%.*s\"", step, (int)cut.size, cut.data);
    tl_err_hint(err, "record it again with models.record against a model that answers");
    return TL_NOT_FOUND;
}
