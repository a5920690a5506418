/* Calls that a client sends again because it did not get the answer: the header Idempotency-Key names the call, and the second
 * one gets the answer of the first. */
#include "lake/lake_int.h"

#include <openssl/evp.h>
#include <string.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "base/hex.h"

enum { KEY_SIZE = 36, DIGEST_BYTES = 32, BODY_KEPT_MAX = 256 * 1024 };

/* What was asked, by whom and of what, as one short text. */
static void add_part(EVP_MD_CTX *digest, const char *bytes, size_t size)
{
    uint64_t length = size; /* so that no two lists of parts are the same bytes */
    EVP_DigestUpdate(digest, &length, sizeof length);
    EVP_DigestUpdate(digest, bytes, size);
}

static void fingerprint(const struct tl_lake_call *call, char text[2 * DIGEST_BYTES + 1])
{
    unsigned char bytes[EVP_MAX_MD_SIZE] = {0};
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    const char *user = call->rights ? call->rights->principal->user : "";
    add_part(digest, user, strlen(user));
    add_part(digest, call->method, strlen(call->method));
    add_part(digest, call->path, strlen(call->path));
    add_part(digest, call->body.data, call->body.size);
    EVP_DigestFinal_ex(digest, bytes, NULL);
    EVP_MD_CTX_free(digest);
    tl_hex_text(text, bytes, DIGEST_BYTES);
}

const char *tl_lake_idempotency_key(struct tl_lake_route_call *rest)
{
    const char *key = tl_lake_rest_header(rest, "Idempotency-Key"), *method = rest->call->method;
    bool changes = strcmp(method, "POST") == 0 || strcmp(method, "DELETE") == 0;
    return key && changes && strlen(key) == KEY_SIZE && strspn(key, "0123456789abcdefABCDEF-") == KEY_SIZE ? key : NULL;
}

/* --- one at a time --- */

void tl_lake_idempotency_enter(tl_lake *lake, struct tl_lake_in_progress *mine, const char *key)
{
    mine->key = key;
    pthread_mutex_lock(&lake->progress_mutex);
    for (bool waits = true; waits;) {
        waits = false;
        for (struct tl_lake_in_progress *other = lake->in_progress; other; other = other->next)
            waits = waits || strcmp(other->key, key) == 0;
        if (waits)
            pthread_cond_wait(&lake->progress_ended, &lake->progress_mutex);
    }
    mine->next = lake->in_progress;
    lake->in_progress = mine;
    pthread_mutex_unlock(&lake->progress_mutex);
}

void tl_lake_idempotency_leave(tl_lake *lake, struct tl_lake_in_progress *mine)
{
    pthread_mutex_lock(&lake->progress_mutex);
    struct tl_lake_in_progress **at = &lake->in_progress;
    while (*at != mine)
        at = &(*at)->next;
    *at = mine->next;
    pthread_cond_broadcast(&lake->progress_ended);
    pthread_mutex_unlock(&lake->progress_mutex);
}

/* --- what is kept --- */

/* A table's answer is kept as "@" and the metadata file that it showed: it is made anew when it is asked for again, with keys of that
 * time.  "@" alone: the change was made, and the server did not come to keep the answer. */
static const char table_mark = '@';

struct kept {
    tl_arena *arena;
    const char *key, *asked;
    char *asked_before;
    int64_t status;
    struct tl_str body;
};

static enum tl_code row_kept(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct kept *kept = context;
    (void)count;
    (void)err;
    kept->asked_before = tl_arena_strndup(kept->arena, cells[0].bytes.data, cells[0].bytes.size);
    kept->status = cells[1].integer;
    kept->body = (struct tl_str){tl_arena_strndup(kept->arena, cells[2].bytes.data, cells[2].bytes.size), cells[2].bytes.size};
    return TL_OK;
}

static enum tl_code run_find(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct kept *kept = context;
    return TL_LAKE_RUN(tx, "SELECT asked, status, body FROM lake_idempotency WHERE id = ?1", row_kept, kept, err, TL_STORE_T(kept->key));
}

enum tl_code tl_lake_idempotency_find(struct tl_lake_route_call *rest, const char *key, struct tl_lake_reply *reply, bool *ret_found,
                                      struct tl_err *err)
{
    char asked[2 * DIGEST_BYTES + 1];
    struct kept kept = {.arena = rest->arena, .key = key};
    fingerprint(rest->call, asked);
    rest->key = key;
    rest->asked = tl_arena_strdup(rest->arena, asked);
    *ret_found = false;
    if (tl_store_read(rest->lake->store, run_find, &kept, err) != TL_OK || !kept.asked_before)
        return err->code;
    if (strcmp(kept.asked_before, asked) != 0)
        return tl_err_set(err, TL_TYPE_MISMATCH, "the Idempotency-Key was used for another request");
    if (kept.body.size && kept.body.data[0] == table_mark) {
        rest->again = kept.body.data + 1;
        return TL_OK;
    }
    if (kept.status == 200 && kept.body.size == 0)
        return tl_err_set(err, TL_INTERNAL, "the call was done before, and its answer was lost: load what it was about and look");
    *ret_found = true;
    reply->status = (int)kept.status;
    reply->body = kept.body;
    return TL_OK;
}

static enum tl_code put_kept(tl_store_tx *tx, const struct kept *kept, struct tl_err *err)
{
    return TL_LAKE_RUN(tx,
                       "INSERT INTO lake_idempotency (id, asked, status, body, made_at_us) VALUES (?1, ?2, ?3, ?4, ?5)"
                       " ON CONFLICT (id) DO UPDATE SET status = ?3, body = ?4 WHERE asked = ?2",
                       NULL, NULL, err, TL_STORE_T(kept->key), TL_STORE_T(kept->asked), TL_STORE_I(kept->status),
                       ((struct tl_store_value){.type = TL_STORE_TEXT, .bytes = kept->body}), TL_STORE_I(tl_clock_wall_us()));
}

static enum tl_code run_keep(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return put_kept(tx, context, err);
}

void tl_lake_idempotency_keep(struct tl_lake_route_call *rest, const struct tl_lake_reply *reply)
{
    struct tl_err ignored; /* then a second call gets what was kept with the change, or is made as if it were the first */
    bool told = reply->status >= 400 && reply->status < 500 && !rest->recorded;
    struct kept kept = {.key = rest->key, .asked = rest->asked, .status = reply->status, .body = reply->body.data ? reply->body : TL_STR("")};
    if (rest->again || !(told || (rest->recorded && reply->status < 400)))
        return;
    if (rest->kept && rest->gives_table) {
        const char *text = tl_arena_printf(rest->arena, "%c%s", table_mark, rest->kept);
        kept.body = tl_str_of(text);
    }
    tl_err_init(&ignored);
    if (kept.body.size <= BODY_KEPT_MAX)
        (void)!tl_store_write(rest->lake->store, run_keep, &kept, &ignored);
}

/* --- with the change itself --- */

static _Thread_local struct tl_lake_route_call *current; /* the call with a key that this thread answers */

void tl_lake_idempotency_answer(struct tl_lake_route_call *rest)
{
    current = rest;
}

struct change {
    enum tl_code (*run)(tl_store_tx *tx, void *context, struct tl_err *err);
    void *context;
    const struct tl_lake_route_call *rest;
};

static enum tl_code run_change(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct change *change = context;
    if (change->run(tx, change->context, err) != TL_OK)
        return err->code;
    const struct tl_lake_route_call *rest = change->rest;
    struct kept kept = {.key = rest->key, .asked = rest->asked, .status = rest->status, .body = rest->gives_table ? TL_STR("@") : TL_STR("")};
    return put_kept(tx, &kept, err);
}

enum tl_code tl_lake_write(tl_lake *lake, enum tl_code (*run)(tl_store_tx *tx, void *context, struct tl_err *err), void *context, struct tl_err *err)
{
    struct tl_lake_route_call *rest = current;
    if (!rest || rest->lake != lake || rest->recorded)
        return tl_store_write(lake->store, run, context, err);
    struct change change = {run, context, rest};
    enum tl_code code = tl_store_write(lake->store, run_change, &change, err);
    rest->recorded = code == TL_OK;
    return code;
}
