/* skipper/agent_int.h -- one question on its way; private to skipper/. */
#ifndef TL_SKIPPER_AGENT_INT_H
#define TL_SKIPPER_AGENT_INT_H

#include <pthread.h>

#include "skipper/context.h"

struct tl_agent {
    struct tl_agent_options options;
    pthread_mutex_t mutex;
    int running;
    char **users; /* of the questions that run */
};

/* Calls already made, to see that they are repeated. */
struct tl_agent_made {
    const char *name;
    struct tl_str arguments;
    int times;
};

struct tl_agent_run {
    struct tl_request *rq;
    const tl_agent *agent;
    const struct tl_agent_question *question;
    struct tl_agent_outcome *outcome;
    struct tl_context context;
    char mark[TL_CONTEXT_MARK_SIZE];
    int64_t deadline_us; /* of the budget and the request, whichever is sooner */
    struct tl_buf text;  /* what the model says in this step */
    size_t made_count, made_capacity;
    struct tl_agent_made *made;
    bool looping;
};

/* Did somebody stop it?  On the thread of the question only. */
bool tl_agent_stopped(struct tl_agent_run *run);
void tl_agent_emit(struct tl_agent_run *run, const struct tl_agent_event *event);
/* agent_calls.c: runs the calls of the model's message; their results become the next message. */
TL_CHECKED enum tl_code tl_agent_run_calls(struct tl_agent_run *run, const struct tl_model_message *message);

#endif
