#include "auth/groups_int.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_int.h"
#include "base/clock.h"
#include "io/process.h"

enum { SOURCES_MAX = 3, PULL_ARENA_MAX = 1024 * 1024 * 1024, CALL_TIME_US = 10 * 1000000, FIRST_WAIT_US = 10 * 1000000, RETRY_US = 5 * 1000000 };

typedef enum tl_code (*pull_function)(tl_groups *groups, tl_arena *arena, struct tl_buf *json, struct tl_err *err);

struct source {
    const char *name; /* "file", "url", "ldap" */
    pull_function pull;
    tl_directory *answer; /* NULL = none yet */
    int64_t got_us, tried_us; /* monotonic; tried 0 = never */
    struct tl_err failure;
};

struct tl_groups {
    struct tl_groups_settings settings;
    tl_store *store;
    tl_http_client *http;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool stop;
    size_t count;
    struct source sources[SOURCES_MAX];
};

/* ---- settings ---- */

static bool loopback_ldap(tl_arena *arena, const char *url)
{
    const char *host = strstr(url, "://") ? strstr(url, "://") + 3 : url;
    return tl_auth_host_is_loopback(arena, host, strcspn(host, "/"));
}

static enum tl_code check_ldap(const struct tl_groups_settings *settings, struct tl_err *err)
{
    if (!settings->ldap_url[0])
        return TL_OK;
    bool tls = strncmp(settings->ldap_url, "ldaps://", 8) == 0, plain = strncmp(settings->ldap_url, "ldap://", 7) == 0;
    if (!tls && !plain)
        return tl_err_set(err, TL_CONFIG, "groups.ldap_url must begin with ldaps:// or ldap://");
    if (!settings->ldap_user_base[0] || !settings->ldap_group_base[0])
        return tl_err_set(err, TL_CONFIG, "groups.ldap_url needs groups.ldap_user_base and groups.ldap_group_base too");
    if (settings->ldap_bind_dn[0] && !settings->ldap_password[0]) { /* servers take such a bind for an anonymous one */
        tl_err_set(err, TL_CONFIG, "groups.ldap_bind_dn needs groups.ldap_password too");
        return TL_CONFIG;
    }
    tl_arena *scratch = tl_arena_new(64 * 1024);
    bool local = loopback_ldap(scratch, settings->ldap_url);
    tl_arena_free(scratch);
    if (plain && !settings->ldap_start_tls && !local) {
        tl_err_set(err, TL_CONFIG, "groups.ldap_start_tls may be false on loopback only");
        tl_err_hint(err, "who can change that traffic could put themselves into any group");
        return TL_CONFIG;
    }
    return TL_OK;
}

enum tl_code tl_groups_settings_read(const tl_config *config, struct tl_groups_settings *ret_settings, struct tl_err *err)
{
    const char *ca_file = tl_config_text(config, "auth.ca_file");
    *ret_settings = (struct tl_groups_settings){
        .refresh_us = tl_config_duration_us(config, "groups.refresh"),
        .grace_us = tl_config_duration_us(config, "groups.grace"),
        .ca_file = ca_file[0] ? ca_file : NULL,
        .file = tl_config_text(config, "groups.file"),
        .url = tl_config_text(config, "groups.url"),
        .url_token = tl_config_text(config, "groups.url_token"),
        .ldap_url = tl_config_text(config, "groups.ldap_url"),
        .ldap_bind_dn = tl_config_text(config, "groups.ldap_bind_dn"),
        .ldap_password = tl_config_text(config, "groups.ldap_password"),
        .ldap_start_tls = tl_config_bool(config, "groups.ldap_start_tls"),
        .ldap_user_base = tl_config_text(config, "groups.ldap_user_base"),
        .ldap_user_filter = tl_config_text(config, "groups.ldap_user_filter"),
        .ldap_user_attribute = tl_config_text(config, "groups.ldap_user_attribute"),
        .ldap_group_base = tl_config_text(config, "groups.ldap_group_base"),
        .ldap_group_filter = tl_config_text(config, "groups.ldap_group_filter"),
        .ldap_group_attribute = tl_config_text(config, "groups.ldap_group_attribute"),
        .ldap_member_attribute = tl_config_text(config, "groups.ldap_member_attribute"),
    };
    if (ret_settings->refresh_us < 1000000 || ret_settings->grace_us < ret_settings->refresh_us)
        return tl_err_set(err, TL_CONFIG, "groups.refresh is at least 1s and groups.grace at least as long");
    if (ret_settings->url[0] && !tl_url_is_safe(ret_settings->url))
        return tl_err_set(err, TL_CONFIG, "groups.url must be an https address (http only on loopback)");
    return check_ldap(ret_settings, err);
}

/* ---- asking ---- */

static enum tl_code pull_file(tl_groups *groups, tl_arena *arena, struct tl_buf *json, struct tl_err *err)
{
    (void)arena;
    return tl_file_read(groups->settings.file, json, err);
}

static enum tl_code pull_url(tl_groups *groups, tl_arena *arena, struct tl_buf *json, struct tl_err *err)
{
    const struct tl_groups_settings *settings = &groups->settings;
    const char *token = NULL, *headers[3] = {"Accept: application/json"};
    struct tl_http_response response;
    if (settings->url_token[0]) {
        if (tl_config_secret(arena, settings->url_token, &token, err) != TL_OK)
            return err->code;
        headers[1] = tl_arena_printf(arena, "Authorization: Bearer %s", token);
    }
    struct tl_http_request request = {
        .method = "GET",
        .url = settings->url,
        .headers = headers,
        .ca_file = settings->ca_file,
        .deadline_us = tl_clock_monotonic_us() + CALL_TIME_US,
        .response_bytes_max = TL_DIRECTORY_BYTES_MAX,
    };
    if (tl_http_call(groups->http, arena, &request, &response, err) != TL_OK)
        return err->code;
    if (response.status != 200)
        return tl_err_set(err, TL_SOURCE_FAILED, "it answers with status %d", response.status);
    tl_buf_add(json, response.body.data, response.body.size);
    return TL_OK;
}

static enum tl_code pull_ldap(tl_groups *groups, tl_arena *arena, struct tl_buf *json, struct tl_err *err)
{
    return tl_groups_pull_ldap(&groups->settings, arena, json, err);
}

static void keep_answer(tl_groups *groups, const char *name, struct tl_str body)
{
    if (!groups->store)
        return;
    const struct tl_store_value row[] = {TL_STORE_T(name), TL_STORE_I(tl_clock_wall_us()),
                                         {.type = TL_STORE_TEXT, .bytes = body}};
    tl_store_append(groups->store,
                    "INSERT INTO group_answer (source, answered_at_us, body) VALUES (?1, ?2, ?3) ON CONFLICT (source) DO UPDATE SET "
                    "answered_at_us = excluded.answered_at_us, body = excluded.body",
                    row, 3);
}

/* Called and left with the lock held, which is given back meanwhile. */
static void ask(tl_groups *groups, struct source *source)
{
    tl_arena *arena = tl_arena_new(PULL_ARENA_MAX);
    tl_directory *answer = NULL;
    struct tl_buf json;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&json, TL_DIRECTORY_BYTES_MAX);
    pthread_mutex_unlock(&groups->lock);
    if (source->pull(groups, arena, &json, &err) == TL_OK && json.failed)
        tl_err_set(&err, TL_TOO_LARGE, "the document of groups has more than %d bytes", TL_DIRECTORY_BYTES_MAX);
    if (err.code == TL_OK && tl_directory_parse((struct tl_str){tl_buf_cstr(&json), json.size}, &answer, &err) == TL_OK)
        keep_answer(groups, source->name, (struct tl_str){tl_buf_cstr(&json), json.size});
    tl_buf_done(&json);
    tl_arena_free(arena);
    pthread_mutex_lock(&groups->lock);
    source->tried_us = tl_clock_monotonic_us();
    source->failure = err;
    if (answer) {
        tl_directory_release(source->answer);
        source->answer = answer;
        source->got_us = source->tried_us;
    }
    pthread_cond_broadcast(&groups->changed);
}

static int64_t due_us(const tl_groups *groups, const struct source *source)
{
    if (!source->tried_us)
        return 0;
    bool failed = source->failure.code != TL_OK;
    return source->tried_us + (failed && RETRY_US < groups->settings.refresh_us ? RETRY_US : groups->settings.refresh_us);
}

static void *run(void *context)
{
    tl_groups *groups = context;
    pthread_mutex_lock(&groups->lock);
    while (!groups->stop) {
        int64_t next_us = INT64_MAX;
        for (size_t i = 0; i < groups->count && !groups->stop; i++) {
            if (due_us(groups, &groups->sources[i]) <= tl_clock_monotonic_us())
                ask(groups, &groups->sources[i]);
            int64_t due = due_us(groups, &groups->sources[i]);
            next_us = due < next_us ? due : next_us;
        }
        struct timespec until = {.tv_sec = next_us / 1000000, .tv_nsec = next_us % 1000000 * 1000};
        while (!groups->stop && tl_clock_monotonic_us() < next_us)
            if (pthread_cond_timedwait(&groups->changed, &groups->lock, &until) == ETIMEDOUT)
                break;
    }
    pthread_mutex_unlock(&groups->lock);
    return NULL;
}

/* ---- life ---- */

static enum tl_code take_answer(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    tl_groups *groups = context;
    struct tl_err ignored;
    (void)cell_count;
    (void)err;
    tl_err_init(&ignored);
    int64_t age_us = tl_clock_wall_us() - cells[1].integer;
    if (age_us < 0 || age_us >= groups->settings.grace_us) /* of a clock that was set back: its age is not known */
        return TL_OK;
    for (size_t i = 0; i < groups->count; i++) {
        struct source *source = &groups->sources[i];
        if (tl_str_equal(cells[0].bytes, tl_str_of(source->name)) && !source->answer &&
            tl_directory_parse(cells[2].bytes, &source->answer, &ignored) == TL_OK)
            source->got_us = tl_clock_monotonic_us() - age_us;
    }
    return TL_OK;
}

static enum tl_code read_answers(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx, "SELECT source, answered_at_us, body FROM group_answer", NULL, 0, take_answer, context, err);
}

static void add_source(tl_groups *groups, const char *setting, const char *name, pull_function pull)
{
    if (setting[0])
        groups->sources[groups->count++] = (struct source){.name = name, .pull = pull};
}

tl_groups *tl_groups_new(const struct tl_groups_settings *settings, tl_store *store)
{
    tl_groups *groups = tl_heap_alloc(sizeof *groups);
    struct tl_err ignored;
    tl_err_init(&ignored);
    groups->settings = *settings;
    groups->store = store;
    add_source(groups, settings->file, "file", pull_file);
    add_source(groups, settings->url, "url", pull_url);
    add_source(groups, settings->ldap_url, "ldap", pull_ldap);
    if (!groups->count) {
        free(groups);
        return NULL;
    }
    groups->http = tl_http_client_new(1);
    pthread_mutex_init(&groups->lock, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&groups->changed, &clock);
    pthread_condattr_destroy(&clock);
    if (store)
        (void)!tl_store_read(store, read_answers, groups, &ignored); /* without them the sources must answer first */
    if (pthread_create(&groups->thread, NULL, run, groups) != 0)
        abort(); /* without the thread no answer would ever be renewed */
    return groups;
}

tl_groups *tl_groups_free(tl_groups *groups)
{
    if (!groups)
        return NULL;
    pthread_mutex_lock(&groups->lock);
    groups->stop = true;
    pthread_cond_broadcast(&groups->changed);
    pthread_mutex_unlock(&groups->lock);
    pthread_join(groups->thread, NULL);
    for (size_t i = 0; i < groups->count; i++)
        tl_directory_release(groups->sources[i].answer);
    tl_http_client_free(groups->http);
    pthread_cond_destroy(&groups->changed);
    pthread_mutex_destroy(&groups->lock);
    free(groups);
    return NULL;
}

/* ---- what they say of somebody ---- */

/* The source's answer, kept; waits for the first one.  Lock held. */
static tl_directory *answer_of(tl_groups *groups, struct source *source, struct tl_err *err)
{
    int64_t until_us = tl_clock_monotonic_us() + FIRST_WAIT_US;
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    while (!source->answer && !source->tried_us && !groups->stop && tl_clock_monotonic_us() < until_us)
        pthread_cond_timedwait(&groups->changed, &groups->lock, &until);
    if (source->answer && tl_clock_monotonic_us() - source->got_us < groups->settings.grace_us)
        return tl_directory_keep(source->answer);
    tl_err_set(err, TL_IDENTITY_UNAVAILABLE, "the source of groups \"%s\" does not answer, so nobody's groups are known", source->name);
    tl_err_detail(err, "%s", source->failure.message);
    return NULL;
}

enum tl_code tl_groups_add(tl_groups *groups, tl_arena *arena, struct tl_identity *identity, struct tl_err *err)
{
    for (size_t i = 0; groups && i < groups->count; i++) {
        pthread_mutex_lock(&groups->lock);
        tl_directory *answer = answer_of(groups, &groups->sources[i], err);
        pthread_mutex_unlock(&groups->lock);
        enum tl_code code = answer ? tl_directory_add(answer, arena, identity, err) : err->code;
        tl_directory_release(answer);
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

size_t tl_groups_health(tl_groups *groups, struct tl_auth_part *parts)
{
    if (!groups)
        return 0;
    int64_t now_us = tl_clock_monotonic_us();
    pthread_mutex_lock(&groups->lock);
    for (size_t i = 0; i < groups->count; i++) {
        const struct source *source = &groups->sources[i];
        int64_t age_us = now_us - source->got_us;
        parts[i] = (struct tl_auth_part){
            .name = source->name,
            .answers = source->tried_us && source->failure.code == TL_OK,
            .usable = source->answer && age_us < groups->settings.grace_us,
            .age_s = source->answer ? age_us / 1000000 : -1,
        };
    }
    pthread_mutex_unlock(&groups->lock);
    return groups->count;
}
