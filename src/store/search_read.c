/* Look-ups in the search index. */
#include <stdlib.h>
#include <string.h>

#include "store/search_int.h"

/* --- conditions --- */

void tl_search_term_begin(struct tl_buf *query)
{
    tl_buf_adds(query, query->size ? " AND (" : "(");
}

static void put_word(struct tl_buf *query, const char *mark, const char *stem, size_t size)
{
    tl_buf_addf(query, "\"%s", mark);
    for (size_t i = 0; i < size; i++)
        if (stem[i] != '"')
            tl_buf_addc(query, stem[i]);
    tl_buf_addc(query, '"');
}

void tl_search_term_words(struct tl_buf *query, enum tl_search_place place, const char *stems)
{
    static const char *const marks[] = {"", SEARCH_NAME_MARK, TL_SEARCH_EXACT_MARK};
    tl_buf_adds(query, query->data[query->size - 1] == '(' ? "(" : " OR (");
    for (size_t size, at = 0; *stems; stems += size, stems += *stems == ' ', at++) {
        size = strcspn(stems, " ");
        if (at)
            tl_buf_adds(query, " AND ");
        put_word(query, marks[place], stems, size);
    }
    tl_buf_addc(query, ')');
}

void tl_search_term_end(struct tl_buf *query)
{
    tl_buf_addc(query, ')');
}

/* --- documents --- */

struct finding {
    int64_t *ids;
    size_t count, count_max;
};

static enum tl_code take_found(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct finding *finding = context;
    (void)count;
    (void)err;
    if (finding->count < finding->count_max)
        finding->ids[finding->count++] = cells[0].integer;
    return TL_OK;
}

enum tl_code tl_search_find(tl_store_tx *tx, struct tl_buf *query, int64_t after, size_t count_max, int64_t *ret_ids, size_t *ret_count, struct tl_err *err)
{
    struct finding finding = {ret_ids, 0, count_max};
    if (query->failed)
        return tl_err_set(err, TL_TOO_LARGE, "the search has more than %zu bytes", query->max_size);
    const struct tl_store_value params[] = {TL_STORE_T(tl_buf_cstr(query)), TL_STORE_I(after), TL_STORE_I((int64_t)count_max)};
    enum tl_code code =
        tl_store_run(tx, "SELECT rowid FROM found WHERE found MATCH ?1 AND rowid > ?2 ORDER BY rowid LIMIT ?3", params, 3, take_found, &finding, err);
    *ret_count = finding.count;
    return code;
}

struct loading {
    tl_search_each each;
    void *context;
};

static enum tl_code take_document(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    const struct loading *loading = context;
    (void)count;
    struct tl_search_found found = {
        .tier = (int)(cells[0].integer >> SEARCH_TIER_SHIFT), .kind = cells[1].bytes, .key = cells[2].bytes, .payload = cells[3].bytes};
    for (int i = 0; i < TL_SEARCH_FIELDS; i++)
        found.stems[i] = cells[4 + i].bytes;
    return loading->each(loading->context, &found, err);
}

enum tl_code tl_search_load(tl_store_tx *tx, int64_t id, tl_search_each each, void *context, struct tl_err *err)
{
    struct loading loading = {each, context};
    const struct tl_store_value params[] = {TL_STORE_I(id)};
    return tl_store_run(tx, "SELECT id, kind, key, payload, exact, name, context, body, part, part_body, sql, label FROM document WHERE id = ?1", params, 1,
                        take_document, &loading, err);
}

static enum tl_code take_number(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    *(int64_t *)context = cells[0].integer;
    return TL_OK;
}

enum tl_code tl_search_number(tl_store_tx *tx, const char *name, int64_t *ret_value, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(name)};
    *ret_value = 0;
    return tl_store_run(tx, "SELECT value FROM number WHERE name = ?1", params, 1, take_number, ret_value, err);
}

enum tl_code tl_search_count(tl_store_tx *tx, int64_t *ret_documents, struct tl_err *err)
{
    return tl_search_number(tx, "documents", ret_documents, err);
}

/* --- words --- */

enum tl_code tl_search_stem_count(tl_store_tx *tx, const char *stem, int64_t *ret_count, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(stem)};
    *ret_count = 0;
    return tl_store_run(tx, "SELECT coalesce(max(public_count), 0) FROM word WHERE stem = ?1", params, 1, take_number, ret_count, err);
}

struct wording {
    tl_arena *arena;
    struct tl_search_vocable *words;
    size_t count;
};

static enum tl_code take_vocable(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct wording *wording = context;
    (void)count;
    (void)err;
    wording->words[wording->count++] =
        (struct tl_search_vocable){tl_store_text(wording->arena, &cells[0]), tl_store_text(wording->arena, &cells[1]), cells[2].integer};
    return TL_OK;
}

enum tl_code tl_search_completions(tl_store_tx *tx, tl_arena *arena, const char *prefix, size_t count_max, struct tl_search_vocable *ret_words,
                                   size_t *ret_count, struct tl_err *err)
{
    struct wording wording = {arena, ret_words, 0};
    const char *end = tl_arena_printf(arena, "%s\xFF", prefix);
    const struct tl_store_value params[] = {TL_STORE_T(prefix), TL_STORE_T(end), TL_STORE_I((int64_t)count_max)};
    enum tl_code code = tl_store_run(tx, "SELECT surface, stem, public_count FROM word WHERE surface > ?1 AND surface < ?2 AND public_count > 0 "
                                         "ORDER BY public_count DESC, surface LIMIT ?3", params, 3, take_vocable, &wording, err);
    if (code == TL_OK)
        code = tl_store_run(tx, "SELECT surface, stem, public_count FROM word WHERE surface > ?1 AND surface < ?2 AND public_count = 0 ORDER BY surface "
                                "LIMIT ?3", params, 3, take_vocable, &wording, err);
    *ret_count = wording.count;
    return code;
}

enum { NEAR_WORDS_MAX = 4096 };

struct neighbour {
    struct tl_search_vocable word;
    int distance;
};

struct nearing {
    tl_arena *arena;
    const char *surface;
    int distance_max;
    struct neighbour *found;
    size_t count;
};

static enum tl_code take_neighbour(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct nearing *nearing = context;
    char surface[TL_SEARCH_WORD_MAX + 1];
    (void)count;
    (void)err;
    size_t size = cells[0].bytes.size < TL_SEARCH_WORD_MAX ? cells[0].bytes.size : TL_SEARCH_WORD_MAX;
    memcpy(surface, cells[0].bytes.data, size);
    surface[size] = '\0';
    int distance = tl_edit_distance(nearing->surface, surface, nearing->distance_max);
    if (distance == 0 || distance > nearing->distance_max || nearing->count == NEAR_WORDS_MAX)
        return TL_OK;
    for (size_t i = 0; i < nearing->count; i++)
        if (tl_streq(nearing->found[i].word.surface, surface))
            return TL_OK;
    nearing->found[nearing->count++] =
        (struct neighbour){{tl_arena_strdup(nearing->arena, surface), tl_store_text(nearing->arena, &cells[1]), cells[2].integer}, distance};
    return TL_OK;
}

static int compare_neighbours(const void *a, const void *b)
{
    const struct neighbour *left = a, *right = b;
    if ((left->word.public_count > 0) != (right->word.public_count > 0))
        return left->word.public_count > 0 ? -1 : 1;
    if (left->distance != right->distance)
        return left->distance - right->distance;
    if (left->word.public_count != right->word.public_count)
        return left->word.public_count > right->word.public_count ? -1 : 1;
    return strcmp(left->word.surface, right->word.surface);
}

enum tl_code tl_search_neighbours(tl_store_tx *tx, tl_arena *arena, const char *surface, size_t count_max, struct tl_search_vocable *ret_words,
                                  size_t *ret_count, struct tl_err *err)
{
    int64_t keys[SEARCH_NEAR_KEYS_MAX];
    bool far = strlen(surface) >= SEARCH_NEAR_FAR;
    size_t key_count = search_near_keys(surface, far, keys), kept[2] = {0};
    struct nearing nearing = {arena, surface, far ? 2 : 1, TL_NEW_ARRAY(arena, struct neighbour, NEAR_WORDS_MAX), 0};
    enum tl_code code = TL_OK;
    for (size_t i = 0; code == TL_OK && i < key_count; i++) {
        const struct tl_store_value params[] = {TL_STORE_I(keys[i])};
        code = tl_store_run(tx, "SELECT w.surface, w.stem, w.public_count FROM near n JOIN word w ON w.id = n.word WHERE n.hash = ?1 LIMIT 64", params, 1,
                            take_neighbour, &nearing, err);
    }
    qsort(nearing.found, nearing.count, sizeof *nearing.found, compare_neighbours);
    *ret_count = 0;
    for (size_t i = 0; i < nearing.count; i++)
        if (kept[nearing.found[i].word.public_count > 0]++ < count_max)
            ret_words[(*ret_count)++] = nearing.found[i].word;
    return code;
}

struct meaning {
    tl_arena *arena;
    struct tl_search_synonym *synonyms;
    size_t count;
};

static enum tl_code take_synonym(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct meaning *meaning = context;
    (void)count;
    (void)err;
    meaning->synonyms[meaning->count++] = (struct tl_search_synonym){tl_store_text(meaning->arena, &cells[0]), tl_store_text(meaning->arena, &cells[1])};
    return TL_OK;
}

enum tl_code tl_search_synonyms(tl_store_tx *tx, tl_arena *arena, const char *stems, size_t count_max, struct tl_search_synonym *ret_synonyms,
                                size_t *ret_count, struct tl_err *err)
{
    struct meaning meaning = {arena, ret_synonyms, 0};
    const struct tl_store_value params[] = {TL_STORE_T(stems), TL_STORE_I((int64_t)count_max)};
    enum tl_code code =
        tl_store_run(tx, "SELECT other, text FROM synonym WHERE phrase = ?1 ORDER BY other LIMIT ?2", params, 2, take_synonym, &meaning, err);
    *ret_count = meaning.count;
    return code;
}
