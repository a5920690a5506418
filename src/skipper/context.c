#include "skipper/context.h"

#include <string.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "base/random.h"
#include "guidance.h" /* generated: guidance[] */

enum { BYTES_A_TOKEN = 4, TURN_BYTES_MAX = 8 << 10, TEXT_MAX = 1 << 20, MARK_BYTES = 8, DATE_SIZE = 10, GROUPS_SHOWN = 20 };

enum tl_code tl_context_mark(char mark[TL_CONTEXT_MARK_SIZE], struct tl_err *err)
{
    return tl_random_hex(mark, MARK_BYTES, err);
}

static struct tl_str kept(tl_arena *arena, struct tl_buf *buf)
{
    struct tl_str text = {tl_arena_strndup(arena, buf->size ? buf->data : "", buf->size), buf->size};
    tl_buf_done(buf);
    return text;
}

struct tl_str tl_context_data(tl_arena *arena, const char *mark, const char *tool, struct tl_str text, size_t bytes_max)
{
    struct tl_str cut = tl_utf8_cut(text, bytes_max);
    struct tl_buf buf;
    tl_buf_init(&buf, bytes_max + TEXT_MAX);
    tl_buf_addf(&buf, "<data-%s tool=\"%.100s\">\n", mark, tool);
    tl_buf_add(&buf, cut.data, cut.size);
    tl_buf_addf(&buf, "\n</data-%s>", mark);
    if (cut.size < text.size)
        tl_buf_addf(&buf, "\n(Cut off here: %zu of %zu bytes. Ask for less, or for the next part.)", cut.size, text.size);
    return kept(arena, &buf);
}

struct tl_str tl_context_inside(struct tl_str data)
{
    static const char begin[] = "<data-", end[] = "\n</data-";
    const char *from = memchr(data.data, '\n', data.size);
    if (!tl_str_starts_with(data, TL_STR(begin)) || !from)
        return data;
    struct tl_str rest = {from + 1, data.size - (size_t)(from + 1 - data.data)};
    const char *to = memmem(rest.data, rest.size, end, sizeof end - 1);
    return to ? (struct tl_str){rest.data, (size_t)(to - rest.data)} : data;
}

struct tl_str tl_context_system(tl_arena *arena, const struct tl_principal *person, const char *more, int64_t now_us)
{
    char day[TL_CLOCK_TEXT_SIZE];
    struct tl_buf buf;
    tl_clock_text(day, now_us ? now_us : tl_clock_wall_us(), 0);
    tl_buf_init(&buf, sizeof guidance + TEXT_MAX);
    tl_buf_adds(&buf, guidance);
    tl_buf_addf(&buf, "\nToday is %.*s (UTC).", DATE_SIZE, day);
    if (person) {
        tl_buf_addf(&buf, " The person is %.200s", person->user);
        for (size_t i = 0; i < person->group_count && i < GROUPS_SHOWN; i++)
            tl_buf_addf(&buf, "%s%.100s", i ? ", " : ", in the groups ", person->groups[i]);
        tl_buf_addc(&buf, '.');
    }
    if (more && *more)
        tl_buf_addf(&buf, "\n\n%s", more);
    return kept(arena, &buf);
}

void tl_context_add(struct tl_context *context, enum tl_model_role role, const struct tl_model_part *parts, size_t count)
{
    if (context->count == context->capacity) {
        size_t grown = context->capacity ? context->capacity * 2 : 16, unit = sizeof *context->messages;
        context->messages = tl_arena_grow(context->arena, context->messages, context->capacity * unit, grown * unit);
        context->capacity = grown;
    }
    context->messages[context->count++] = (struct tl_model_message){role, count, parts};
}

static void add_text(struct tl_context *context, enum tl_model_role role, struct tl_str text)
{
    struct tl_model_part *part = TL_NEW(context->arena, struct tl_model_part);
    *part = (struct tl_model_part){.kind = TL_MODEL_TEXT, .text = text};
    tl_context_add(context, role, part, 1);
}

void tl_context_begin(struct tl_context *context, const struct tl_agent_question *question)
{
    size_t first = question->turn_count > TL_AGENT_TURNS_MAX ? question->turn_count - TL_AGENT_TURNS_MAX : 0;
    for (size_t i = first; i < question->turn_count; i++) {
        const struct tl_agent_turn *turn = &question->turns[i];
        if (!turn->question || !*turn->question || !turn->answer || !*turn->answer)
            continue;
        add_text(context, TL_MODEL_USER, tl_utf8_cut(tl_str_of(turn->question), TURN_BYTES_MAX));
        add_text(context, TL_MODEL_ASSISTANT, tl_utf8_cut(tl_str_of(turn->answer), TURN_BYTES_MAX));
    }
    add_text(context, TL_MODEL_USER, tl_str_of(question->text));
}

int64_t tl_context_tokens(const struct tl_context *context)
{
    size_t bytes = 0;
    for (size_t i = 0; i < context->count; i++)
        for (size_t k = 0; k < context->messages[i].part_count; k++)
            bytes += context->messages[i].parts[k].text.size;
    return (int64_t)(bytes / BYTES_A_TOKEN);
}

static bool drop_results(struct tl_context *context, struct tl_model_message *message)
{
    static const char left_out[] = "(Left out to make room. Make the call again if its result is needed.)";
    bool dropped = false;
    struct tl_model_part *parts = TL_NEW_ARRAY(context->arena, struct tl_model_part, message->part_count);
    for (size_t i = 0; i < message->part_count; i++) {
        parts[i] = message->parts[i];
        if (parts[i].kind == TL_MODEL_RESULT && parts[i].text.size > sizeof left_out) {
            parts[i].text = TL_STR(left_out);
            dropped = true;
        }
    }
    message->parts = parts;
    return dropped;
}

bool tl_context_make_room(struct tl_context *context)
{
    bool dropped = false;
    for (size_t i = 0; i + 1 < context->count; i++)
        dropped = drop_results(context, &context->messages[i]) || dropped;
    return dropped;
}
