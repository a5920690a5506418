/* models/script_testing_int.h -- a server for tests that sends the bytes it was given, connection after connection, and keeps what it
 * was sent.  It knows nothing of any protocol: what is tested is what our side makes of bytes as providers document them. */
#ifndef TL_MODELS_SCRIPT_TESTING_INT_H
#define TL_MODELS_SCRIPT_TESTING_INT_H

#include "base/str.h"

enum { SCRIPT_STEPS_MAX = 32 };

struct script_step {
    int status;        /* 200; 0 = close without a word */
    const char *type;  /* Content-Type; NULL = text/event-stream */
    const char *extra; /* a header line with its CR LF, or NULL */
    const char *body;
    size_t body_size;  /* 0 = strlen */
    size_t repeat;     /* send the body so many times more */
    int wait_ms;       /* before the head */
    int hold_ms;       /* after the body, before the connection is closed; a promise of more stands until then */
    bool cut;          /* the end is not said: the connection just closes */
};

struct script;
struct script *script_start(void);
void script_stop(struct script *script);
int script_port(const struct script *script);
/* The steps from now on; what was asked so far is forgotten. */
void script_play(struct script *script, const struct script_step *steps, size_t count);
size_t script_asked(struct script *script);
/* Head and body of the n-th request since script_play; valid until the next script_play. */
const char *script_head(struct script *script, size_t n);
const char *script_body(struct script *script, size_t n);

#endif
