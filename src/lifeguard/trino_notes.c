/* What each change of the rules reaches, of the last ones: so that little is rendered anew after one. */
#include <stdlib.h>

#include "lifeguard/trino_int.h"

enum { NOTES_MAX = 4096, CHANGES_NOTED_MAX = 256 };

struct lg_notes {
    pthread_mutex_t mutex;
    size_t next, count;
    int64_t forgotten; /* versions up to this one are not whole any more */
    struct lg_note list[NOTES_MAX];
};

struct lg_notes *lg_notes_new(void)
{
    struct lg_notes *notes = tl_heap_alloc(sizeof *notes);
    pthread_mutex_init(&notes->mutex, NULL);
    return notes;
}

static void clear(struct lg_note *note)
{
    free(note->source);
    free(note->schema);
    free(note->table);
    free(note->user);
    *note = (struct lg_note){.version = 0};
}

void lg_notes_free(struct lg_notes *notes)
{
    if (!notes)
        return;
    for (size_t i = 0; i < NOTES_MAX; i++)
        clear(&notes->list[i]);
    pthread_mutex_destroy(&notes->mutex);
    free(notes);
}

static void add(struct lg_notes *notes, int64_t version, enum lg_reach reach, const struct tl_grant_scope *scope, const char *user)
{
    struct lg_note *note = &notes->list[notes->next];
    if (note->version)
        notes->forgotten = note->version;
    clear(note);
    *note = (struct lg_note){version, reach, NULL, NULL, NULL, NULL};
    if (scope) {
        note->source = scope->source ? tl_heap_strdup(scope->source) : NULL;
        note->schema = scope->schema ? tl_heap_strdup(scope->schema) : NULL;
        note->table = scope->table ? tl_heap_strdup(scope->table) : NULL;
    }
    note->user = user ? tl_heap_strdup(user) : NULL;
    notes->next = (notes->next + 1) % NOTES_MAX;
}

/* Classes of users come of who made tables, of row rules, of attributes and of who may choose to see personal data. */
static void note_item(struct lg_notes *notes, int64_t version, const struct lg_item *item)
{
    if (item->kind == LG_QUOTA || item->kind == LG_LIMITS)
        return;
    if (item->kind == LG_DATASET && !item->dataset.creator) {
        const struct tl_grant_scope scope = {.source = item->dataset.source, .schema = item->dataset.schema, .table = item->dataset.table};
        add(notes, version, LG_REACHES_DATASETS, &scope, NULL);
        return;
    }
    const struct lg_grant *grant = &item->grant;
    bool some = item->kind == LG_GRANT && grant->scope.source && !(grant->privileges & TL_PRIVILEGE_PII);
    if (some)
        add(notes, version, LG_REACHES_DATASETS, &grant->scope, grant->subject.kind == LG_USER ? grant->subject.name : NULL);
    else
        add(notes, version, LG_REACHES_ALL, NULL, NULL);
}

void lg_note_changes(tl_lifeguard *lifeguard, const struct lg_snapshot *old, int64_t version, const struct lg_change *changes,
                     struct lg_item *const *items, size_t count)
{
    struct lg_notes *notes = lifeguard->notes;
    pthread_mutex_lock(&notes->mutex);
    add(notes, version, count > CHANGES_NOTED_MAX ? LG_REACHES_ALL : LG_REACHES_NOTHING, NULL, NULL);
    for (size_t i = 0; i < count && count <= CHANGES_NOTED_MAX; i++) {
        const struct lg_item *before = lg_find(lifeguard, old, changes[i].kind, changes[i].name);
        if (before)
            note_item(notes, version, before);
        if (items[i])
            note_item(notes, version, items[i]);
    }
    pthread_mutex_unlock(&notes->mutex);
}

bool lg_notes_since(tl_lifeguard *lifeguard, int64_t from, int64_t to, bool (*each)(void *context, const struct lg_note *note), void *context)
{
    struct lg_notes *notes = lifeguard->notes;
    int64_t seen = from;
    pthread_mutex_lock(&notes->mutex);
    bool fine = from >= notes->forgotten;
    for (size_t i = 0; i < NOTES_MAX && fine; i++) {
        const struct lg_note *note = &notes->list[(notes->next + i) % NOTES_MAX];
        if (note->version <= from || note->version > to)
            continue;
        fine = note->version <= seen + 1 && each(context, note);
        seen = note->version;
    }
    pthread_mutex_unlock(&notes->mutex);
    return fine && seen == to;
}
