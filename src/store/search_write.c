/* Documents and words into the search index. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "store/search_int.h"

static const uint64_t plain_key[2] = {0x736561726368, 0x6e656172};

/* The rows of `found` are those of `document`: FTS5 keeps the words only. */
static const char schema[] =
    "CREATE TABLE document (id INTEGER NOT NULL PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, payload BLOB NOT NULL, exact TEXT NOT NULL, "
    "name TEXT NOT NULL, context TEXT NOT NULL, body TEXT NOT NULL, part TEXT NOT NULL, part_body TEXT NOT NULL, sql TEXT NOT NULL, "
    "label TEXT NOT NULL, UNIQUE (kind, key));"
    "CREATE VIRTUAL TABLE found USING fts5 (exact, name, context, body, part, part_body, sql, label, content='document', content_rowid='id', "
    "tokenize='ascii', detail=none, columnsize=0);"
    "CREATE TABLE word (id INTEGER NOT NULL PRIMARY KEY, surface TEXT NOT NULL UNIQUE, stem TEXT NOT NULL, public_count BIGINT NOT NULL);"
    "CREATE INDEX word_stem ON word (stem, public_count);"
    "CREATE TABLE near (hash INTEGER NOT NULL, word INTEGER NOT NULL, PRIMARY KEY (hash, word)) WITHOUT ROWID;"
    "CREATE TABLE synonym (phrase TEXT NOT NULL, other TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (phrase, other)) WITHOUT ROWID;"
    "CREATE TABLE number (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);";

#define TEXT_COLUMNS "exact, name, context, body, part, part_body, sql, label"

enum tl_code search_write_schema(tl_store_tx *tx, struct tl_err *err)
{
    return store_execute(tx, schema, err);
}

void search_writing_init(tl_search_writing *writing, tl_store_tx *tx)
{
    writing->tx = tx;
    for (int i = 0; i < TL_SEARCH_FIELDS; i++)
        tl_buf_init(&writing->stems[i], 2 * TL_SEARCH_TEXT_MAX);
}

void search_writing_done(tl_search_writing *writing)
{
    for (int i = 0; i < TL_SEARCH_FIELDS; i++)
        tl_buf_done(&writing->stems[i]);
}

/* --- words that a slip of the hand leads to --- */

static int64_t near_key(const char *letters, size_t size)
{
    return (int64_t)tl_hash_keyed(plain_key, letters, size);
}

static size_t without(const char *letters, size_t size, size_t at, char *to)
{
    memcpy(to, letters, at);
    memcpy(to + at, letters + at + 1, size - at - 1);
    return size - 1;
}

size_t search_near_keys(const char *surface, bool deep, int64_t *ret_keys)
{
    size_t size = strlen(surface), count = 0;
    char one[TL_SEARCH_WORD_MAX], two[TL_SEARCH_WORD_MAX];
    if (size < SEARCH_NEAR_MIN || size > SEARCH_NEAR_MAX)
        return 0;
    ret_keys[count++] = near_key(surface, size);
    for (size_t i = 0; i < size; i++) {
        size_t shorter = without(surface, size, i, one);
        ret_keys[count++] = near_key(one, shorter);
        for (size_t j = i; deep && j < shorter && count < SEARCH_NEAR_KEYS_MAX; j++)
            ret_keys[count++] = near_key(two, without(one, shorter, j, two));
    }
    return count;
}

/* --- words, at once --- */

static enum tl_code write_near(tl_search_writing *writing, int64_t hash, int64_t word, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_I(hash), TL_STORE_I(word)};
    return tl_store_run(writing->tx, "INSERT INTO near (hash, word) VALUES (?1, ?2) ON CONFLICT DO NOTHING", params, 2, NULL, NULL, err);
}

static enum tl_code write_word(tl_search_writing *writing, const struct tl_search_word *word, bool is_public, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(word->surface), TL_STORE_T(word->stem), TL_STORE_I(is_public)};
    enum tl_code code = tl_store_run(writing->tx, "INSERT INTO word (surface, stem, public_count) VALUES (?1, ?2, ?3) ON CONFLICT (surface) DO NOTHING",
                                     params, 3, NULL, NULL, err);
    if (code != TL_OK)
        return code;
    if (tl_store_changes(writing->tx) == 0) /* it stood in parts only until now */
        return !is_public ? TL_OK
                          : tl_store_run(writing->tx, "UPDATE word SET public_count = 1 WHERE surface = ?1 AND public_count = 0", params, 1, NULL, NULL, err);
    int64_t keys[SEARCH_NEAR_KEYS_MAX], id = sqlite3_last_insert_rowid(writing->tx->db);
    size_t count = search_near_keys(word->surface, false, keys);
    for (size_t i = 0; code == TL_OK && i < count; i++)
        code = write_near(writing, keys[i], id, err);
    return code;
}

/* --- words, counted until the end --- */

static void spread(struct search_vocabulary *vocabulary)
{
    vocabulary->place_count = vocabulary->place_count ? 2 * vocabulary->place_count : 4096;
    free(vocabulary->places);
    vocabulary->places = tl_heap_alloc(vocabulary->place_count * sizeof *vocabulary->places);
    for (size_t i = 0; i < vocabulary->count; i++) {
        size_t at = tl_hash_keyed(plain_key, vocabulary->words[i].surface, strlen(vocabulary->words[i].surface)) & (vocabulary->place_count - 1);
        while (vocabulary->places[at])
            at = (at + 1) & (vocabulary->place_count - 1);
        vocabulary->places[at] = (uint32_t)(i + 1);
    }
}

static struct search_vocabulary_word *add_word(struct search_vocabulary *vocabulary, const struct tl_search_word *word)
{
    if (vocabulary->count == vocabulary->capacity) {
        size_t before = vocabulary->capacity;
        vocabulary->capacity = before ? 2 * before : 4096;
        vocabulary->words = tl_arena_grow(vocabulary->arena, vocabulary->words, before * sizeof *vocabulary->words,
                                          vocabulary->capacity * sizeof *vocabulary->words);
    }
    struct search_vocabulary_word *added = &vocabulary->words[vocabulary->count++];
    *added = (struct search_vocabulary_word){tl_arena_strdup(vocabulary->arena, word->surface), tl_arena_strdup(vocabulary->arena, word->stem), 0, 0};
    return added;
}

static void count_word(struct search_vocabulary *vocabulary, const struct tl_search_word *word, bool is_public, int64_t document)
{
    if (2 * vocabulary->count >= vocabulary->place_count)
        spread(vocabulary);
    size_t at = tl_hash_keyed(plain_key, word->surface, strlen(word->surface)) & (vocabulary->place_count - 1);
    struct search_vocabulary_word *known = NULL;
    for (; vocabulary->places[at] && !known; at = (at + 1) & (vocabulary->place_count - 1))
        if (strcmp(vocabulary->words[vocabulary->places[at] - 1].surface, word->surface) == 0)
            known = &vocabulary->words[vocabulary->places[at] - 1];
    if (!known && vocabulary->count == TL_SEARCH_VOCABULARY_MAX)
        return;
    if (!known) {
        known = add_word(vocabulary, word);
        vocabulary->places[at] = (uint32_t)vocabulary->count;
    }
    if (is_public && known->document != document) {
        known->public_count++;
        known->document = document;
    }
}

struct near_row {
    int64_t hash, word;
};

static int compare_near(const void *a, const void *b)
{
    const struct near_row *left = a, *right = b;
    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return (left->word > right->word) - (left->word < right->word);
}

static enum tl_code write_all_near(tl_search_writing *writing, struct tl_err *err)
{
    const struct search_vocabulary *vocabulary = writing->vocabulary;
    int64_t keys[SEARCH_NEAR_KEYS_MAX];
    struct near_row *rows = tl_heap_alloc((vocabulary->count + 1) * (SEARCH_NEAR_MAX + 1) * sizeof *rows);
    size_t count = 0;
    for (size_t i = 0; i < vocabulary->count; i++) {
        size_t key_count = search_near_keys(vocabulary->words[i].surface, false, keys);
        for (size_t k = 0; k < key_count; k++)
            rows[count++] = (struct near_row){keys[k], (int64_t)i + 1};
    }
    qsort(rows, count, sizeof *rows, compare_near); /* in the order of the table: written from front to back */
    enum tl_code code = TL_OK;
    for (size_t i = 0; code == TL_OK && i < count; i++)
        code = write_near(writing, rows[i].hash, rows[i].word, err);
    free(rows);
    return code;
}

enum tl_code search_write_vocabulary(tl_search_writing *writing, struct tl_err *err)
{
    struct search_vocabulary *vocabulary = writing->vocabulary;
    enum tl_code code = TL_OK;
    for (size_t i = 0; code == TL_OK && i < vocabulary->count; i++) {
        const struct search_vocabulary_word *word = &vocabulary->words[i];
        const struct tl_store_value params[] = {TL_STORE_I((int64_t)i + 1), TL_STORE_T(word->surface), TL_STORE_T(word->stem), TL_STORE_I(word->public_count)};
        code = tl_store_run(writing->tx, "INSERT INTO word (id, surface, stem, public_count) VALUES (?1, ?2, ?3, ?4)", params, 4, NULL, NULL, err);
    }
    if (code == TL_OK)
        code = write_all_near(writing, err);
    return code == TL_OK ? store_execute(writing->tx, "INSERT INTO found (found) VALUES ('optimize')", err) : code;
}

/* --- documents --- */

static void put_label(struct tl_buf *stems, struct tl_str line)
{
    char lower[256];
    size_t size = line.size < sizeof lower ? line.size : sizeof lower;
    for (size_t i = 0; i < size; i++)
        lower[i] = (char)(line.data[i] >= 'A' && line.data[i] <= 'Z' ? line.data[i] + 32 : line.data[i]);
    tl_buf_addf(stems, "%s" SEARCH_LABEL_MARK "%016llx", stems->size ? " " : "", (unsigned long long)tl_hash_keyed(plain_key, lower, size));
}

void tl_search_term_label(struct tl_buf *query, const char *name, const char *value)
{
    struct tl_buf label, line;
    tl_buf_init(&label, 64);
    tl_buf_init(&line, 1024);
    tl_buf_addf(&line, "%s=%s", name, value);
    put_label(&label, (struct tl_str){line.data, line.size});
    tl_buf_addf(query, "%s\"%s\"", query->size ? " AND " : "", tl_buf_cstr(&label));
    tl_buf_done(&label);
    tl_buf_done(&line);
}

static void put_line(struct tl_buf *stems, enum tl_search_field field, struct tl_str line)
{
    if (field == TL_SEARCH_EXACT) {
        tl_buf_adds(stems, stems->size ? " " TL_SEARCH_EXACT_MARK : TL_SEARCH_EXACT_MARK);
        tl_search_words_join(stems, line);
    } else if (field == TL_SEARCH_LABEL) {
        put_label(stems, line);
    } else {
        tl_search_words_put(stems, line);
    }
}

static void make_stems(struct tl_buf *stems, enum tl_search_field field, struct tl_str text)
{
    bool parts = field == TL_SEARCH_PART || field == TL_SEARCH_PART_BODY;
    tl_buf_clear(stems);
    text = tl_utf8_cut(text, TL_SEARCH_TEXT_MAX);
    while (text.size) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        put_line(stems, field, (struct tl_str){text.data, size});
        if (end && parts)
            tl_buf_addc(stems, '\n');
        size += end ? 1 : 0;
        text = (struct tl_str){text.data + size, text.size - size};
    }
}

static enum tl_code take_words(tl_search_writing *writing, const struct tl_search_document *document, int64_t id, struct tl_err *err)
{
    enum tl_code code = TL_OK;
    struct tl_search_word word;
    for (int field = TL_SEARCH_NAME; field < TL_SEARCH_LABEL; field++) {
        bool is_public = field <= TL_SEARCH_BODY && !document->is_private;
        struct tl_str text = tl_utf8_cut(document->texts[field], TL_SEARCH_TEXT_MAX);
        for (struct tl_search_words it = {text, 0}; code == TL_OK && tl_search_words_next(&it, &word);) {
            if (writing->vocabulary)
                count_word(writing->vocabulary, &word, is_public, id);
            else
                code = write_word(writing, &word, is_public, err);
        }
    }
    return code;
}

static enum tl_code take_id(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    (void)count;
    (void)err;
    *(int64_t *)context = cells[0].integer;
    return TL_OK;
}

static enum tl_code remove_id(tl_search_writing *writing, int64_t id, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_I(id)};
    enum tl_code code = tl_store_run(writing->tx, "INSERT INTO found (found, rowid, " TEXT_COLUMNS ") SELECT 'delete', id, " TEXT_COLUMNS
                                                  " FROM document WHERE id = ?1", params, 1, NULL, NULL, err);
    return code == TL_OK ? tl_store_run(writing->tx, "DELETE FROM document WHERE id = ?1", params, 1, NULL, NULL, err) : code;
}

static enum tl_code find_id(tl_search_writing *writing, const char *kind, const char *key, int64_t *ret_id, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(kind), TL_STORE_T(key)};
    *ret_id = 0;
    return tl_store_run(writing->tx, "SELECT id FROM document WHERE kind = ?1 AND key = ?2", params, 2, take_id, ret_id, err);
}

enum tl_code tl_search_remove(tl_search_writing *writing, const char *kind, const char *key, struct tl_err *err)
{
    int64_t id;
    enum tl_code code = find_id(writing, kind, key, &id, err);
    return code == TL_OK && id ? remove_id(writing, id, err) : code;
}

/* The next number of the tier, or its own when it was in it already. */
static enum tl_code choose_id(tl_search_writing *writing, int tier, int64_t before, int64_t *ret_id, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_I((int64_t)tier << SEARCH_TIER_SHIFT), TL_STORE_I((int64_t)(tier + 1) << SEARCH_TIER_SHIFT)};
    int64_t last = params[0].integer;
    if (before && before >> SEARCH_TIER_SHIFT == tier) {
        *ret_id = before;
        return TL_OK;
    }
    enum tl_code code = tl_store_run(writing->tx, "SELECT coalesce(max(id), ?1) FROM document WHERE id >= ?1 AND id < ?2", params, 2, take_id, &last, err);
    *ret_id = last + 1;
    return code;
}

/* The words of the name once more, as those. */
static void mark_names(const struct tl_buf *name, struct tl_buf *label)
{
    for (size_t i = 0; i < name->size; i++) {
        if (i == 0 || name->data[i - 1] == ' ')
            tl_buf_adds(label, label->size ? " " SEARCH_NAME_MARK : SEARCH_NAME_MARK);
        if (name->data[i] != ' ')
            tl_buf_addc(label, name->data[i]);
    }
}

static enum tl_code insert(tl_search_writing *writing, const struct tl_search_document *document, int64_t id, struct tl_err *err)
{
    struct tl_store_value params[12] = {TL_STORE_I(id), TL_STORE_T(document->kind), TL_STORE_T(document->key), TL_STORE_B(document->payload)};
    for (int field = 0; field < TL_SEARCH_FIELDS; field++) {
        make_stems(&writing->stems[field], (enum tl_search_field)field, document->texts[field]);
        if (field == TL_SEARCH_LABEL)
            mark_names(&writing->stems[TL_SEARCH_NAME], &writing->stems[field]);
        params[4 + field] = (struct tl_store_value){.type = TL_STORE_TEXT, .bytes = {writing->stems[field].data, writing->stems[field].size}};
    }
    enum tl_code code = tl_store_run(writing->tx, "INSERT INTO document (id, kind, key, payload, " TEXT_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
                                                  "?9, ?10, ?11, ?12)", params, 12, NULL, NULL, err);
    params[3] = params[0];
    return code == TL_OK ? tl_store_run(writing->tx, "INSERT INTO found (rowid, " TEXT_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                                        params + 3, 9, NULL, NULL, err)
                         : code;
}

enum tl_code tl_search_put(tl_search_writing *writing, const struct tl_search_document *document, struct tl_err *err)
{
    int64_t before, id = 0;
    int tier = document->tier < 0 ? 0 : document->tier >= TL_SEARCH_TIERS ? TL_SEARCH_TIERS - 1 : document->tier;
    enum tl_code code = find_id(writing, document->kind, document->key, &before, err);
    if (code == TL_OK)
        code = choose_id(writing, tier, before, &id, err);
    if (code == TL_OK && before)
        code = remove_id(writing, before, err);
    if (code == TL_OK)
        code = insert(writing, document, id, err);
    return code == TL_OK ? take_words(writing, document, id, err) : code;
}

/* --- the rest --- */

static enum tl_code write_synonym(tl_search_writing *writing, struct tl_buf *a, struct tl_buf *b, const char *text, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(tl_buf_cstr(a)), TL_STORE_T(tl_buf_cstr(b)), TL_STORE_T(text)};
    return tl_store_run(writing->tx, "INSERT INTO synonym (phrase, other, text) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING", params, 3, NULL, NULL, err);
}

enum tl_code tl_search_put_synonym(tl_search_writing *writing, const char *phrase, const char *other, struct tl_err *err)
{
    struct tl_buf a, b;
    tl_buf_init(&a, 1024);
    tl_buf_init(&b, 1024);
    tl_search_words_put(&a, tl_str_of(phrase));
    tl_search_words_put(&b, tl_str_of(other));
    enum tl_code code = TL_OK;
    if (a.size && b.size && !a.failed && !b.failed && !tl_streq(tl_buf_cstr(&a), tl_buf_cstr(&b)))
        code = write_synonym(writing, &a, &b, other, err);
    if (code == TL_OK && a.size && b.size && !a.failed && !b.failed && !tl_streq(tl_buf_cstr(&a), tl_buf_cstr(&b)))
        code = write_synonym(writing, &b, &a, phrase, err);
    tl_buf_done(&a);
    tl_buf_done(&b);
    return code;
}

enum tl_code tl_search_clear_synonyms(tl_search_writing *writing, struct tl_err *err)
{
    return store_execute(writing->tx, "DELETE FROM synonym", err);
}

enum tl_code tl_search_set_number(tl_search_writing *writing, const char *name, int64_t value, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(name), TL_STORE_I(value)};
    return tl_store_run(writing->tx, "INSERT INTO number (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2", params, 2, NULL, NULL,
                        err);
}
