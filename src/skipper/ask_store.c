/* Conversations: whose they are, what was asked, the query that the next turn goes on from. */
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "skipper/ask_int.h"

enum { ID_BYTES = 12, TITLE_BYTES_MAX = 120, CONVERSATIONS_SHOWN = 100, TURNS_MAX = 1000 };

struct store_call {
    struct tl_request *rq;
    const struct tl_ask_question *question;
    struct tl_ask_turn *turn;
    const char *id, *query;
    int64_t turns;
    struct tl_json_writer *json;
    bool found;
    const char *answerer;
    const struct tl_ask_outcome *outcome;
};

static enum tl_code take_last(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct store_call *call = context;
    (void)count, (void)err;
    call->id = tl_store_text(call->rq->arena, &cells[0]);
    return TL_OK;
}

static enum tl_code take_turn(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct store_call *call = context;
    (void)count, (void)err;
    call->turns = cells[0].integer > call->turns ? cells[0].integer : call->turns;
    if (cells[1].type == TL_STORE_TEXT && !call->query)
        call->query = tl_store_text(call->rq->arena, &cells[1]);
    return TL_OK;
}

static enum tl_code find_conversation(tl_store_tx *tx, struct store_call *call, const char *id, struct tl_err *err)
{
    struct tl_store_value params[] = {TL_STORE_T(id), TL_STORE_T(call->rq->principal->user)};
    call->id = NULL;
    if (tl_store_run(tx, "SELECT id FROM skipper_conversation WHERE id = ?1 AND user_name = ?2", params, 2, take_last, call, err) != TL_OK)
        return err->code;
    return call->id ? TL_OK : tl_err_set(err, TL_NOT_FOUND, "there is no conversation \"%.80s\" of yours", id);
}

static enum tl_code begin_read(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct store_call *call = context;
    struct tl_store_value user = TL_STORE_T(call->rq->principal->user);
    if (call->question->conversation && find_conversation(tx, call, call->question->conversation, err) != TL_OK)
        return err->code;
    if (!call->question->conversation && call->question->last &&
        tl_store_run(tx, "SELECT id FROM skipper_conversation WHERE user_name = ?1 ORDER BY updated_at_us DESC, id LIMIT 1", &user, 1, take_last,
            call, err) != TL_OK)
        return err->code;
    if (!call->id)
        return TL_OK;
    struct tl_store_value id = TL_STORE_T(call->id);
    return tl_store_run(tx, "SELECT turn, query FROM skipper_turn WHERE conversation_id = ?1 ORDER BY turn DESC", &id, 1, take_turn, call, err);
}

enum tl_code tl_ask_begin_turn(struct tl_request *rq, tl_ask *ask, const struct tl_ask_question *question, struct tl_ask_turn *ret_turn)
{
    struct store_call call = {.rq = rq, .question = question};
    char id[2 * ID_BYTES + 1];
    *ret_turn = (struct tl_ask_turn){.question = question->text};
    if (tl_store_read(ask->options.store, begin_read, &call, &rq->err) != TL_OK)
        return rq->err.code;
    if (call.turns >= TURNS_MAX)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "the conversation has %d turns; begin another", TURNS_MAX);
    if (!call.id && tl_random_hex(id, ID_BYTES, &rq->err) != TL_OK)
        return rq->err.code;
    ret_turn->conversation = call.id ? call.id : tl_arena_strdup(rq->arena, id);
    ret_turn->number = call.turns + 1;
    return call.query ? tl_json_parse(rq->arena, call.query, strlen(call.query), &ret_turn->before, &rq->err) : TL_OK;
}

/* Text of foreign hands is kept only where it is text. */
static struct tl_store_value kept_text(struct tl_str text, size_t most)
{
    size_t bad;
    text = tl_utf8_cut(text, most);
    if (!tl_utf8_valid(text.data, text.size, &bad))
        text.size = bad;
    const char *nul = text.size ? memchr(text.data, '\0', text.size) : NULL;
    if (nul)
        text.size = (size_t)(nul - text.data);
    return (struct tl_store_value){.type = TL_STORE_TEXT, .bytes = text};
}

static enum tl_code end_write(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct store_call *call = context;
    const struct tl_ask_turn *turn = call->turn;
    int64_t now_us = tl_clock_wall_us();
    struct tl_store_value conversation[] = {TL_STORE_T(turn->conversation), TL_STORE_T(call->rq->principal->user), kept_text(turn->question, TITLE_BYTES_MAX),
                                            TL_STORE_I(now_us)};
    struct tl_store_value row[] = {TL_STORE_T(turn->conversation), TL_STORE_I(turn->number), kept_text(turn->question, TL_QUESTION_BYTES_MAX),
                                   TL_STORE_T(call->outcome->state), TL_STORE_T(call->answerer), TL_STORE_T(call->outcome->reading),
                                   TL_STORE_T(call->outcome->query), TL_STORE_T(call->outcome->sql), TL_STORE_I(now_us)};
    if (tl_store_run(tx, "INSERT INTO skipper_conversation (id, user_name, title, created_at_us, updated_at_us) VALUES (?1, ?2, ?3, ?4, ?4) "
                         "ON CONFLICT (id) DO UPDATE SET updated_at_us = ?4", conversation, 4, NULL, NULL, err) != TL_OK)
        return err->code;
    return tl_store_run(tx, "INSERT INTO skipper_turn (conversation_id, turn, question, state, answerer, reading, query, sql_text, created_at_us) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", row, 9, NULL, NULL, err);
}

/* An error that is there already stays the one that is told. */
void tl_ask_end_turn(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, const char *answerer, const struct tl_ask_outcome *outcome)
{
    struct tl_ask_turn copy = *turn;
    struct store_call call = {.rq = rq, .turn = &copy, .answerer = answerer, .outcome = outcome};
    struct tl_err err;
    tl_err_init(&err);
    if (tl_store_write(ask->options.store, end_write, &call, &err) != TL_OK)
        tl_err_copy(&rq->err, &err);
}

/* --- reading them --- */

static enum tl_code put_conversation(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct store_call *call = context;
    (void)count, (void)err;
    tl_json_begin_object(call->json);
    tl_json_pair_text(call->json, "id", tl_store_text(call->rq->arena, &cells[0]));
    tl_json_pair_text(call->json, "title", tl_store_text(call->rq->arena, &cells[1]));
    tl_json_pair_int64(call->json, "updated_at_us", cells[2].integer);
    tl_json_end_object(call->json);
    return TL_OK;
}

static enum tl_code list_read(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct store_call *call = context;
    struct tl_store_value params[] = {TL_STORE_T(call->rq->principal->user), TL_STORE_I(CONVERSATIONS_SHOWN)};
    return tl_store_run(tx,
        "SELECT id, title, updated_at_us FROM skipper_conversation WHERE user_name = ?1 ORDER BY updated_at_us DESC, id LIMIT ?2", params, 2,
                        put_conversation, call, err);
}

enum tl_code tl_ask_put_conversations(struct tl_request *rq, tl_ask *ask, struct tl_json_writer *json)
{
    struct store_call call = {.rq = rq, .json = json};
    tl_json_begin_array(json);
    enum tl_code code = tl_store_read(ask->options.store, list_read, &call, &rq->err);
    tl_json_end_array(json);
    return code;
}

static enum tl_code put_turn(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    static const char *const names[] = {"turn", "question", "state", "answered_by", "reading", "sql", "created_at_us"};
    struct store_call *call = context;
    (void)err;
    tl_json_begin_object(call->json);
    for (size_t i = 0; i < count; i++)
        if (cells[i].type == TL_STORE_INT)
            tl_json_pair_int64(call->json, names[i], cells[i].integer);
        else
            tl_json_pair_text(call->json, names[i], tl_store_text(call->rq->arena, &cells[i]));
    tl_json_end_object(call->json);
    return TL_OK;
}

static enum tl_code one_read(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct store_call *call = context;
    const char *id = call->query;
    if (find_conversation(tx, call, id, err) != TL_OK)
        return err->code;
    struct tl_store_value value = TL_STORE_T(id);
    return tl_store_run(tx,
        "SELECT turn, question, state, answerer, reading, sql_text, created_at_us FROM skipper_turn WHERE conversation_id = ?1 ORDER BY turn", &value, 1,
                        put_turn, call, err);
}

enum tl_code tl_ask_put_conversation(struct tl_request *rq, tl_ask *ask, const char *id, struct tl_json_writer *json)
{
    struct store_call call = {.rq = rq, .json = json, .query = id};
    tl_json_begin_array(json);
    enum tl_code code = tl_store_read(ask->options.store, one_read, &call, &rq->err);
    tl_json_end_array(json);
    return code;
}
