/* What may be asked of the search, and the thread that keeps its index. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "base/log.h"
#include "catalog/search_int.h"
#include "catalog/usage.h"

enum { IDLE_MS = 1000, RESULTS_USUAL = 20, WAIT_STEP_MS = 50 };

bool srch_is_stopping(tl_search *search)
{
    pthread_mutex_lock(&search->mutex);
    bool stopping = search->stopping;
    pthread_mutex_unlock(&search->mutex);
    return stopping;
}

/* The mutex is held. */
static void wait_changed(tl_search *search, int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + wait_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(wait_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_cond_timedwait(&search->changed, &search->mutex, &until);
}

/* What is used is ranked by it; so it is counted first. */
static enum tl_code follow_usage(tl_search *search, struct tl_err *err)
{
    bool more = true;
    enum tl_code code = TL_OK;
    while (code == TL_OK && more && !srch_is_stopping(search))
        code = tl_usage_follow(search->options.store, &more, err);
    return code;
}

static void *work(void *context)
{
    tl_search *search = context;
    pthread_mutex_lock(&search->mutex);
    while (!search->stopping) {
        int64_t asked = search->asked;
        bool rebuild = search->rebuild_asked;
        struct tl_err err;
        search->rebuild_asked = false;
        pthread_mutex_unlock(&search->mutex);
        tl_err_init(&err);
        if ((follow_usage(search, &err) != TL_OK || srch_follow(search, rebuild, &err) != TL_OK) && err.code != TL_CANCELLED)
            tl_log_err(TL_LOG_ERROR, "catalog", "the search index could not be brought up to date", &err);
        pthread_mutex_lock(&search->mutex);
        search->answered = asked;
        pthread_cond_broadcast(&search->changed);
        if (!search->stopping && search->asked == asked && !search->rebuild_asked)
            wait_changed(search, IDLE_MS);
    }
    pthread_mutex_unlock(&search->mutex);
    return NULL;
}

/* --- life --- */

enum tl_code tl_search_new(const struct tl_search_options *options, tl_search **ret_search, struct tl_err *err)
{
    tl_search *search = tl_heap_alloc(sizeof *search);
    pthread_condattr_t attributes;
    search->options = *options;
    pthread_mutex_init(&search->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&search->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (tl_search_index_open(options->directory, &search->index, err) != TL_OK) {
        tl_search_free(search);
        return err->code;
    }
    *ret_search = search;
    return TL_OK;
}

void tl_search_start(tl_search *search)
{
    search->thread_runs = pthread_create(&search->thread, NULL, work, search) == 0;
}

tl_search *tl_search_free(tl_search *search)
{
    if (!search)
        return NULL;
    pthread_mutex_lock(&search->mutex);
    search->stopping = true;
    pthread_cond_broadcast(&search->changed);
    pthread_mutex_unlock(&search->mutex);
    if (search->thread_runs)
        pthread_join(search->thread, NULL);
    tl_search_index_close(search->index);
    pthread_cond_destroy(&search->changed);
    pthread_mutex_destroy(&search->mutex);
    free(search);
    return NULL;
}

enum tl_code tl_search_sync(struct tl_request *rq, tl_search *search)
{
    pthread_mutex_lock(&search->mutex);
    int64_t mine = ++search->asked;
    pthread_cond_broadcast(&search->changed);
    while (search->answered < mine && !rq->err.code) {
        wait_changed(search, WAIT_STEP_MS);
        if (atomic_load(&rq->cancelled) || search->stopping)
            tl_err_set(&rq->err, TL_CANCELLED, "the wait for the search index was cancelled");
        else if (rq->deadline_us && tl_clock_monotonic_us() > rq->deadline_us)
            tl_err_set(&rq->err, TL_TIME_EXCEEDED, "the search index is not up to date yet");
    }
    pthread_mutex_unlock(&search->mutex);
    return rq->err.code;
}

enum tl_code tl_search_rebuild(struct tl_request *rq, tl_search *search)
{
    const struct tl_grant_scope everything = {0};
    if (tl_lifeguard_need(rq, search->options.lifeguard, TL_PRIVILEGE_ADMIN, &everything) != TL_OK)
        return rq->err.code;
    pthread_mutex_lock(&search->mutex);
    search->rebuild_asked = true;
    pthread_cond_broadcast(&search->changed);
    pthread_mutex_unlock(&search->mutex);
    return TL_OK;
}

void tl_search_put_status(tl_search *search, struct tl_json_writer *json)
{
    struct tl_search_state state;
    tl_search_index_state(search->index, &state);
    tl_json_pair_text(json, "state", state.rebuilding ? "rebuilding" : state.needs_rebuild ? "waiting" : "ready");
    tl_json_pair_int64(json, "documents", state.documents);
    tl_json_pair_int64(json, "words", state.words);
    tl_json_pair_int64(json, "size_bytes", state.size_bytes);
    tl_json_pair_int64(json, "built_at_us", state.built_at_us);
    if (state.reason[0])
        tl_json_pair_text(json, "reason", state.reason);
}

/* --- searching --- */

struct showing {
    struct srch_query *query;
    struct tl_json_writer *json;
};

static enum tl_code search_and_show(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct showing *showing = context;
    struct srch_query *query = showing->query;
    struct srch_hits *hits = TL_NEW(query->rq->arena, struct srch_hits);
    query->tx = tx;
    enum tl_code code = srch_query_read(query, err);
    if (code == TL_OK)
        code = srch_find(query, hits, err);
    if (code == TL_OK)
        code = srch_put_results(query, hits, showing->json, err);
    if (code == TL_OK)
        srch_put_words(query, showing->json);
    return code;
}

static bool has_filter(const struct tl_search_query *query)
{
    const char *const filters[] = {query->source, query->tag, query->owner, query->domain, query->kind};
    bool any = query->curated;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        any = any || (filters[i] && *filters[i]);
    return any;
}

static bool has_word(const char *text)
{
    struct tl_search_word word;
    struct tl_search_words it = {tl_str_of(text), 0};
    return tl_search_words_next(&it, &word);
}

enum tl_code tl_search_run(struct tl_request *rq, tl_search *search, const struct tl_search_query *asked, struct tl_json_writer *json)
{
    struct tl_search_query copy = *asked;
    if (copy.text && strlen(copy.text) > TL_SEARCH_QUERY_BYTES_MAX)
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "the search has %zu bytes, the limit is %d", strlen(copy.text), TL_SEARCH_QUERY_BYTES_MAX);
    if (!has_word(copy.text) && !has_filter(&copy)) {
        tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "the search has no words and no filter");
        tl_err_hint(&rq->err, "give words, or a source, tag, owner, domain or kind");
        return TL_INVALID_ARGUMENT;
    }
    if (copy.count_max == 0)
        copy.count_max = RESULTS_USUAL;
    if (copy.count_max > TL_SEARCH_RESULTS_MAX)
        copy.count_max = TL_SEARCH_RESULTS_MAX;
    struct srch_query *query = TL_NEW(rq->arena, struct srch_query);
    query->rq = rq;
    query->catalog = search->options.catalog;
    query->lifeguard = search->options.lifeguard;
    query->asked = &copy;
    struct showing showing = {query, json};
    return tl_search_index_read(search->index, search_and_show, &showing, &rq->err);
}
