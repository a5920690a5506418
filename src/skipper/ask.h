/* skipper/ask.h -- a question in, an answer with its proof out: conversations, who answers, the run, the checks.
 *
 * Why: a number that nobody can check is worse than none.  So the question is read by one of several answerers, what it asks for
 *   runs through the door as the person, the result is looked at, and all of it is told beside the rows.
 * Answerers: the planner (planner.h) is built in and comes first, since it costs nothing and guesses nothing.  Others, such as an
 *   agent with a language model, are added (tl_ask_add) and are asked in turn for what those before did not take.
 * What happens is told as events while it happens, each with a JSON value:
 *   "reading" how the question was read; "sql"; "columns"; "rows" (some at a time); "finding"; "proof"; "text"; "refusal"; "done".
 * Conversations belong to the user who began them; a question and its query are kept, rows are not: rights may change.
 * Owns: answers live in rq->arena.  Threads: tl_ask_run from any thread.  Bounds: TL_ASK_ROWS_MAX, TL_QUESTION_BYTES_MAX.
 */
#ifndef TL_SKIPPER_ASK_H
#define TL_SKIPPER_ASK_H

#include "catalog/catalog.h"
#include "door/door.h"
#include "skipper/planner.h"

enum { TL_ASK_ROWS_MAX = 10000, TL_ASK_BYTES_MAX = 16 * 1024 * 1024, TL_ASK_ANSWERERS_MAX = 4 };

typedef struct tl_ask tl_ask;

struct tl_ask_options {
    tl_door *door;
    tl_registry *registry;
    tl_store *store;
    tl_lifeguard *lifeguard;
    tl_catalog *catalog; /* for what the proof says of tables; NULL = none */
    const char *models; /* folder of semantic models, *.yaml; NULL or "" = none */
};

/* TL_CONFIG: a model cannot be read.  Tables that are not there are told when they are asked for, and by tl_ask_put_models. */
TL_CHECKED enum tl_code tl_ask_new(const struct tl_ask_options *options, tl_ask **ret_ask, struct tl_err *err);
tl_ask *tl_ask_free(tl_ask *ask);

struct tl_ask_sink {
    void *context;
    void (*event)(void *context, const char *kind, struct tl_str json);
    bool (*gone)(void *context); /* nobody waits any more; asked on the thread of tl_ask_run; NULL = never */
};
void tl_ask_tell(const struct tl_ask_sink *sink, const char *kind, const struct tl_buf *json);

struct tl_ask_turn {
    struct tl_str question;
    const char *conversation; /* its id, made when there was none */
    int64_t number;           /* of this turn, from 1 */
    const tl_json *before;    /* the query of the turn before, NULL = none */
};

/* What an answerer leaves for the record. */
struct tl_ask_outcome {
    bool taken;         /* false: not mine, ask the next; then nothing was told */
    const char *state;  /* "answered", "refused" */
    const char *query;  /* JSON, for the turns after; NULL = none */
    const char *sql, *reading;
    const char *refusal; /* JSON, of who did not take it: told when nobody does */
};

struct tl_answerer {
    const char *name;
    void *context;
    /* Runs as rq->principal.  A code other than TL_OK: it failed, rq->err. */
    enum tl_code (*answer)(void *context, struct tl_request *rq, const struct tl_ask_turn *turn, const struct tl_ask_sink *sink,
        struct tl_ask_outcome *ret_outcome);
};
/* Before the first tl_ask_run.  The planner is asked first; what it refuses goes to these, in order. */
void tl_ask_add(tl_ask *ask, const struct tl_answerer *answerer);

struct tl_ask_question {
    struct tl_str text;
    const char *conversation; /* NULL = a new one */
    bool last;                /* go on with the caller's most recent one */
};
TL_CHECKED enum tl_code tl_ask_run(struct tl_request *rq, tl_ask *ask, const struct tl_ask_question *question, const struct tl_ask_sink *sink);

/* One statement as the caller, for whoever answers: its columns and rows are told as events.  *ret_rows: how many came. */
struct tl_ask_result {
    int64_t rows;
    bool cut;              /* there are more than were told */
    size_t column_count;
    const struct tl_field *fields;
    int64_t *nulls;        /* a column each */
    const char *query_id;
};
TL_CHECKED enum tl_code tl_ask_statement(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, const char *sql, const struct tl_ask_sink *sink,
                                         struct tl_ask_result *ret_result);

/* {"models": [{"name":, "metrics": [..], "datasets": [..], "problems": [..]}]} */
TL_CHECKED enum tl_code tl_ask_put_models(struct tl_request *rq, tl_ask *ask, struct tl_json_writer *json);
/* The caller's conversations, newest first; and one of them, TL_NOT_FOUND when it is not the caller's. */
TL_CHECKED enum tl_code tl_ask_put_conversations(struct tl_request *rq, tl_ask *ask, struct tl_json_writer *json);
TL_CHECKED enum tl_code tl_ask_put_conversation(struct tl_request *rq, tl_ask *ask, const char *id, struct tl_json_writer *json);

#endif
