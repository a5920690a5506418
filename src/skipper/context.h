/* skipper/context.h -- what a model reads: guidance, the conversation, results of tools marked as data, and making room.
 *
 * Owns: all texts live in the arena given.  Threads: one at a time.
 */
#ifndef TL_SKIPPER_CONTEXT_H
#define TL_SKIPPER_CONTEXT_H

#include "skipper/agent.h"

enum { TL_CONTEXT_MARK_SIZE = 17 };

/* A number that no data can know before it is made. */
TL_CHECKED enum tl_code tl_context_mark(char mark[TL_CONTEXT_MARK_SIZE], struct tl_err *err);
/* <data-MARK tool="NAME">text</data-MARK>; a longer text is cut within a character and says so. */
struct tl_str tl_context_data(tl_arena *arena, const char *mark, const char *tool, struct tl_str text, size_t bytes_max);
/* What stands between the marks; the text itself where there are none. */
struct tl_str tl_context_inside(struct tl_str data);
/* The guidance with the day and the person. */
struct tl_str tl_context_system(tl_arena *arena, const struct tl_principal *person, const char *more, int64_t now_us);

/* Messages as they grow. */
struct tl_context {
    tl_arena *arena;
    struct tl_model_message *messages;
    size_t count, capacity;
};
void tl_context_add(struct tl_context *context, enum tl_model_role role, const struct tl_model_part *parts, size_t count);
/* The turns before, as far as they have room, and the question. */
void tl_context_begin(struct tl_context *context, const struct tl_agent_question *question);
int64_t tl_context_tokens(const struct tl_context *context); /* about: a token for every 4 bytes */
/* Results of tools but those of the last message lose their text; false: there was none left to lose it. */
bool tl_context_make_room(struct tl_context *context);

#endif
