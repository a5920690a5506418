/* daemon/serve.h -- the `serve` role: every room put together behind one HTTP port.
 *
 * It never loads the SQL engine: that is a child process (engine/engine.h), so no statement can end it.
 * Order of life: state, engine (starts in the background), lake, sources, door, API, HTTP; stopped the other way round.
 */
#ifndef TL_DAEMON_SERVE_H
#define TL_DAEMON_SERVE_H

#include "api/api.h"
#include "base/config.h"

typedef struct tl_serve tl_serve;

struct tl_serve_options {
    const tl_config *config;
    bool allow_plain_secrets; /* the demo's own servers have well-known passwords */
    bool crawl_waits; /* until tl_serve_start_crawl: the world is still being made */
    const char *const *extra_paths; /* folders the engine may open besides those of the configuration; NULL at the end */
};

TL_CHECKED enum tl_code tl_serve_start(const struct tl_serve_options *options, tl_serve **ret_serve, struct tl_err *err);
tl_serve *tl_serve_stop(tl_serve *serve);

const char *tl_serve_url(const tl_serve *serve); /* "http://127.0.0.1:8080" */
tl_door *tl_serve_door(tl_serve *serve);
tl_registry *tl_serve_registry(tl_serve *serve);
tl_lifeguard *tl_serve_lifeguard(tl_serve *serve);
tl_catalog *tl_serve_catalog(tl_serve *serve);
void tl_serve_start_crawl(tl_serve *serve);

/* Blocks until SIGINT or SIGTERM; those must be blocked in every thread before the first is made (tl_serve_block_signals). */
void tl_serve_block_signals(void);
int tl_serve_wait_signal(void);

#endif
