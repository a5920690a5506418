#include "skipper/memory.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "skipper/tool_int.h"

enum { USER_MAX = 1000, LOOKED_AT = 2000, WORDS_MAX = 32, WORD_MIN = 3, STEM_MIN = 5, DAY_S = 86400, LIVES_DAYS = 365,
       CHECK_MAX = 64 * 1024, RECORD_MAX = 64 * 1024 };

/* ---- adding ---- */

struct adding {
    const char *id, *user, *scope, *team, *text, *evidence, *check, *state;
    int64_t now_us, expires_us;
};

static enum tl_code count_own(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    *(int64_t *)context = cells[0].integer;
    return TL_OK;
}

static enum tl_code insert(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct adding *a = context;
    int64_t own = 0;
    const struct tl_store_value user = TL_STORE_T(a->user);
    const struct tl_store_value params[] = {
        TL_STORE_T(a->id),       TL_STORE_T(a->user),  TL_STORE_T(a->scope), TL_STORE_T(a->team),   TL_STORE_T(a->text),
        TL_STORE_T(a->evidence), TL_STORE_T(a->check), TL_STORE_T(a->state), TL_STORE_I(a->now_us), TL_STORE_I(a->expires_us),
    };
    if (tl_store_run(tx, "SELECT count(*) FROM skipper_memory WHERE user_name = ?1", &user, 1, count_own, &own, err) != TL_OK)
        return err->code;
    if (own >= USER_MAX)
        return tl_err_set(err, TL_TOO_MANY_REQUESTS, "%lld memories are kept of one author: forget some", (long long)own);
    return tl_store_run(tx,
                        "INSERT INTO skipper_memory (id, user_name, scope, team, body, evidence, check_json, state, created_us, expires_us) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                        params, 10, NULL, NULL, err);
}

enum tl_code tl_tool_record(struct tl_request *rq, tl_tools *tools, const char *kind, const char *id, const char *action, const char *text)
{
    struct tl_buf members;
    if (!tools->parts.audit)
        return TL_OK;
    tl_buf_init(&members, RECORD_MAX);
    tl_buf_addf(&members, "\"action\":\"%s\"", action);
    if (text) {
        tl_buf_adds(&members, ",\"text\":\"");
        tl_json_escape(&members, text, strlen(text));
        tl_buf_addc(&members, '"');
    }
    enum tl_code code = tl_audit_event(rq, tools->parts.audit, kind, id, (struct tl_str){members.data, members.size});
    tl_buf_done(&members);
    return code;
}

static enum tl_code read_end(struct tl_request *rq, const char *text, int64_t *ret_us)
{
    int64_t lives_us = (int64_t)LIVES_DAYS * DAY_S * 1000000;
    if (text && !tl_parse_duration_us(text, &lives_us))
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "expires: \"%.30s\" is no time such as 30d", text);
    *ret_us = tl_clock_wall_us() + lives_us;
    return TL_OK;
}

static const char *check_text(tl_arena *arena, const tl_json *check)
{
    struct tl_buf text;
    struct tl_json_writer json;
    if (!check)
        return NULL;
    tl_buf_init(&text, CHECK_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, check);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

enum tl_code tl_memory_add(struct tl_request *rq, tl_tools *tools, const tl_json *wish, const char **ret_id, const char **ret_state)
{
    const char *scope = tl_json_get_text(wish, "scope");
    struct adding adding = {
        .id = tl_tool_new_id(rq, "memory-"),
        .user = rq->principal->user,
        .scope = scope ? scope : "user",
        .team = tl_json_get_text(wish, "team"),
        .text = tl_json_get_text(wish, "text"),
        .evidence = tl_json_get_text(wish, "evidence"),
        .check = check_text(rq->arena, tl_json_get(wish, "check")),
        .now_us = tl_clock_wall_us(),
    };
    bool team = strcmp(adding.scope, "team") == 0;
    adding.state = strcmp(adding.scope, "user") == 0 ? "active" : "proposed";
    if (!adding.id || read_end(rq, tl_json_get_text(wish, "expires"), &adding.expires_us) != TL_OK)
        return rq->err.code;
    if (team != (adding.team != NULL))
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "team: the group's name goes with the scope \"team\", and only with it");
    if (team && !tl_principal_in_group(rq->principal, adding.team))
        return tl_err_set(&rq->err, TL_NOT_ALLOWED, "you are not in the group \"%.60s\"", adding.team);
    *ret_id = adding.id;
    *ret_state = adding.state;
    enum tl_code code = tl_tool_record(rq, tools, "memory", adding.id, adding.state, adding.text);
    return code == TL_OK ? tl_store_write(tools->parts.store, insert, &adding, &rq->err) : code;
}

/* ---- recalling ---- */

struct words {
    struct tl_str list[WORDS_MAX];
    size_t count;
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* "customers" is "customer". */
static void split(const char *text, struct words *words)
{
    words->count = 0;
    for (const char *at = text ? text : ""; *at && words->count < WORDS_MAX;) {
        size_t size = 0;
        while (is_word(at[size]))
            size++;
        size_t stem = size >= STEM_MIN && at[size - 1] == 's' ? size - 1 : size;
        if (stem >= WORD_MIN)
            words->list[words->count++] = (struct tl_str){at, stem};
        at += size ? size : 1;
    }
}

struct recalled {
    const char *id, *user, *scope, *team, *text, *evidence, *check, *state;
    int64_t created_us, expires_us;
    double points;
};

struct recalling {
    struct tl_request *rq;
    const char *question;
    struct words words;
    struct recalled *list;
    size_t count;
};

static bool counts_for(const struct recalling *recalling, const struct recalled *memory)
{
    const struct tl_principal *principal = recalling->rq->principal;
    bool own = strcmp(memory->user, principal->user) == 0;
    if (strcmp(memory->state, "active") != 0)
        return !recalling->question && (own || tl_principal_is_admin(principal));
    return own || strcmp(memory->scope, "all") == 0 || (memory->team && tl_principal_in_group(principal, memory->team));
}

static enum tl_code take(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct recalling *recalling = context;
    tl_arena *arena = recalling->rq->arena;
    const char *texts[8];
    (void)count;
    (void)err;
    for (size_t i = 0; i < 8; i++)
        texts[i] = tl_store_text(arena, &cells[i]);
    struct recalled memory = {texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[7], cells[8].integer, cells[9].integer, 0};
    if (recalling->count < LOOKED_AT && counts_for(recalling, &memory))
        recalling->list[recalling->count++] = memory;
    return TL_OK;
}

static enum tl_code read_all(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_I(tl_clock_wall_us()), TL_STORE_I(LOOKED_AT)};
    return tl_store_run(tx,
                        "SELECT id, user_name, scope, team, body, evidence, check_json, state, created_us, expires_us FROM skipper_memory "
                        "WHERE expires_us > ?1 AND state <> 'denied' ORDER BY created_us DESC, id LIMIT ?2",
                        params, 2, take, context, err);
}

static bool has(const struct words *words, struct tl_str word)
{
    for (size_t i = 0; i < words->count; i++)
        if (tl_str_equal_nocase(words->list[i], word))
            return true;
    return false;
}

/* A word that few memories have says more. */
static void weigh(struct recalling *recalling)
{
    struct words *all = TL_NEW_ARRAY(recalling->rq->arena, struct words, recalling->count);
    for (size_t i = 0; i < recalling->count; i++)
        split(recalling->list[i].text, &all[i]);
    for (size_t w = 0; w < recalling->words.count; w++) {
        size_t frequency = 0;
        for (size_t i = 0; i < recalling->count; i++)
            frequency += has(&all[i], recalling->words.list[w]);
        for (size_t i = 0; i < recalling->count; i++)
            if (has(&all[i], recalling->words.list[w]))
                recalling->list[i].points += 1.0 / (double)(frequency + 1);
    }
}

static void put_memory(const struct recalled *memory, struct tl_json_writer *json)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "memoryId", memory->id);
    tl_json_pair_text(json, "text", memory->text);
    tl_json_pair_text(json, "author", memory->user);
    tl_json_pair_text(json, "scope", memory->scope);
    if (memory->team)
        tl_json_pair_text(json, "team", memory->team);
    tl_json_pair_text(json, "state", memory->state);
    if (memory->evidence)
        tl_json_pair_text(json, "evidence", memory->evidence);
    if (memory->check) {
        tl_json_key(json, "check");
        tl_json_put_raw(json, tl_str_of(memory->check));
    }
    tl_json_pair_int64(json, "created_us", memory->created_us);
    tl_json_pair_int64(json, "expires_us", memory->expires_us);
    tl_json_end_object(json);
}

enum tl_code tl_memory_recall(struct tl_request *rq, tl_store *store, const char *question, size_t count_max, struct tl_json_writer *json)
{
    struct recalling recalling = {.rq = rq, .question = question, .list = TL_NEW_ARRAY(rq->arena, struct recalled, LOOKED_AT)};
    split(question, &recalling.words);
    if (tl_store_read(store, read_all, &recalling, &rq->err) != TL_OK)
        return rq->err.code;
    weigh(&recalling);
    tl_json_begin_array(json);
    for (size_t n = 0; n < count_max; n++) {
        struct recalled *best = NULL;
        for (size_t i = 0; i < recalling.count; i++)
            if (recalling.list[i].id && (!question || recalling.list[i].points > 0) && (!best || recalling.list[i].points > best->points))
                best = &recalling.list[i];
        if (!best)
            break;
        put_memory(best, json);
        best->id = NULL; /* taken */
    }
    tl_json_end_array(json);
    return TL_OK;
}

/* ---- deciding ---- */

enum tl_code tl_tool_need_person(struct tl_request *rq, tl_tools *tools, const char *what)
{
    const struct tl_grant_scope everything = {.source = NULL};
    if (rq->principal->agent) {
        tl_err_set(&rq->err, TL_NOT_ALLOWED, "%s is for a person, not for a program that acts for one", what);
        return TL_NOT_ALLOWED;
    }
    return tl_lifeguard_need(rq, tools->parts.lifeguard, TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_ADMIN, &everything);
}

struct deciding {
    struct tl_request *rq;
    tl_tools *tools;
    const char *id, *by, *state;
    bool forget, any;
};

static enum tl_code update(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct deciding *d = context;
    const struct tl_store_value params[] = {TL_STORE_T(d->id), TL_STORE_T(d->state), TL_STORE_T(d->by), TL_STORE_I(tl_clock_wall_us())};
    const struct tl_store_value who[] = {TL_STORE_T(d->id), TL_STORE_T(d->by), TL_STORE_I(d->any)};
    enum tl_code code = d->forget ? tl_store_run(tx, "DELETE FROM skipper_memory WHERE id = ?1 AND (?3 = 1 OR user_name = ?2)", who, 3, NULL, NULL, err)
                                  : tl_store_run(tx,
                                                 "UPDATE skipper_memory SET state = ?2, decided_by = ?3, decided_us = ?4 "
                                                 "WHERE id = ?1 AND state = 'proposed'",
                                                 params, 4, NULL, NULL, err);
    if (code == TL_OK && tl_store_changes(tx) == 0)
        return tl_err_set(err, TL_NOT_FOUND, "there is no such memory of yours to %s: \"%.60s\"", d->forget ? "forget" : "decide about", d->id);
    /* on the record before the change is committed */
    const char *action = d->forget ? "forgotten" : strcmp(d->state, "active") == 0 ? "approved" : "denied";
    return code == TL_OK && tl_tool_record(d->rq, d->tools, "memory", d->id, action, NULL) != TL_OK ? tl_err_copy(err, &d->rq->err) : code;
}

enum tl_code tl_memory_decide(struct tl_request *rq, tl_tools *tools, const char *id, bool approve)
{
    struct deciding deciding = {rq, tools, .id = id, .by = rq->principal->user, .state = approve ? "active" : "denied"};
    enum tl_code code = tl_tool_need_person(rq, tools, "to approve a memory");
    return code == TL_OK ? tl_store_write(tools->parts.store, update, &deciding, &rq->err) : code;
}

enum tl_code tl_memory_forget(struct tl_request *rq, tl_tools *tools, const char *id)
{
    struct deciding deciding = {rq, tools, .id = id, .by = rq->principal->user, .forget = true, .any = tl_principal_is_admin(rq->principal)};
    return tl_store_write(tools->parts.store, update, &deciding, &rq->err);
}
