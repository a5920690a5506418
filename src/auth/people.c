/* What the provider last said of a person: their personal tokens have those groups until groups.claims_keep is over. */
#include <string.h>

#include "auth/auth_int.h"
#include "base/clock.h"

enum { WRITE_AGAIN_US = 600 * 1000000, SCRATCH_MAX = 4 * 1024 * 1024 };

/* Was the same written a moment ago?  Requests are many, sign-ins few. */
static bool is_noted(tl_auth *auth, const char *text)
{
    uint8_t hash[TL_SHA256_SIZE];
    int64_t now_us = tl_clock_monotonic_us();
    tl_credentials_sha256(tl_str_of(text), hash);
    struct tl_people_note *note = &auth->notes[(hash[0] << 8 | hash[1]) % TL_PEOPLE_NOTES];
    pthread_mutex_lock(&auth->notes_lock);
    bool noted = note->at_us && now_us - note->at_us < WRITE_AGAIN_US && memcmp(note->hash, hash, sizeof hash) == 0;
    if (!noted) {
        note->at_us = now_us;
        memcpy(note->hash, hash, sizeof hash);
    }
    pthread_mutex_unlock(&auth->notes_lock);
    return noted;
}

void tl_people_remember(tl_auth *auth, const struct tl_identity *identity)
{
    if (!auth->store)
        return;
    tl_arena *scratch = tl_arena_new(SCRATCH_MAX);
    const char *groups = tl_identity_groups_json(scratch, identity->group_count, identity->groups);
    const char *attributes = tl_identity_attributes_json(scratch, identity->attribute_count, identity->attributes);
    if (is_noted(auth, tl_arena_printf(scratch, "%s\n%s\n%s", identity->user, groups, attributes))) {
        tl_arena_free(scratch);
        return;
    }
    const struct tl_store_value row[] = {
        TL_STORE_T(identity->user),
        TL_STORE_T(groups),
        TL_STORE_T(attributes),
        TL_STORE_I(tl_auth_now_us(auth)),
    };
    tl_store_append(auth->store,
                    "INSERT INTO person (user_name, groups_json, attributes_json, seen_at_us) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (user_name) DO "
                    "UPDATE SET groups_json = excluded.groups_json, attributes_json = excluded.attributes_json, seen_at_us = excluded.seen_at_us",
                    row, sizeof row / sizeof *row);
    tl_arena_free(scratch);
}

struct recall {
    tl_auth *auth;
    tl_arena *arena;
    struct tl_identity *identity;
};

static enum tl_code take_person(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct recall *recall = context;
    (void)cell_count;
    int64_t age_us = tl_auth_now_us(recall->auth) - cells[2].integer;
    if (age_us < 0 || age_us >= recall->auth->settings.claims_keep_us)
        return TL_OK;
    return tl_identity_read_kept(recall->arena, cells[0].bytes, cells[1].bytes, recall->identity, err);
}

static enum tl_code read_person(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct recall *recall = context;
    const struct tl_store_value user = TL_STORE_T(recall->identity->user);
    return tl_store_run(tx, "SELECT groups_json, attributes_json, seen_at_us FROM person WHERE user_name = ?1", &user, 1, take_person, recall, err);
}

enum tl_code tl_people_recall(tl_auth *auth, tl_arena *arena, struct tl_identity *identity, struct tl_err *err)
{
    struct recall recall = {auth, arena, identity};
    if (tl_auth_need_store(auth, err) != TL_OK)
        return err->code;
    return tl_store_read(auth->store, read_person, &recall, err);
}
