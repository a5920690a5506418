/* store/search_index.h -- full-text search in files of its own, apart from the state: what is in them can be made again.
 *
 * Why: 100,000 datasets with 2 million columns are found by their words in milliseconds, and nothing of it is in the state's backups.
 * Files: search-1.db and search-2.db (SQLite, FTS5); one is in use, the other is where the next one is made.  A rebuild takes over
 *   when it is complete; who reads meanwhile reads the old one to the end.  A file that is damaged, of another version or
 *   not complete is removed and the index says that it needs a rebuild: nothing is lost, and nothing stops.
 * Documents: a kind and a key, fields of raw text (words are made here: search_words.h), a tier and a payload that only the caller
 *   reads.  Those of a lower tier are found first: that is the order in which a look-up ends early.
 * Words: each with its stem and in how many documents it stands in fields that everybody may read ("public").  Fields
 *   of parts (columns, and texts about them) count apart, so that no number about public words tells of what is hidden.
 * Bounds: TL_SEARCH_TEXT_MAX bytes a field; TL_SEARCH_VOCABULARY_MAX words; what is over is left out.
 * Threads: reads from any thread; one writes or rebuilds at a time, others wait.
 */
#ifndef TL_STORE_SEARCH_INDEX_H
#define TL_STORE_SEARCH_INDEX_H

#include "store/store.h"

enum {
    TL_SEARCH_TEXT_MAX = 1024 * 1024,
    TL_SEARCH_VOCABULARY_MAX = 500000,
    TL_SEARCH_TIERS = 16,
};

enum tl_search_field {
    TL_SEARCH_EXACT,     /* names in one piece, "dim_customers"; lines are names */
    TL_SEARCH_NAME,
    TL_SEARCH_CONTEXT,   /* where it is, whose, what it is tagged with */
    TL_SEARCH_BODY,      /* what people wrote about it */
    TL_SEARCH_PART,      /* a line a part (column), in their order */
    TL_SEARCH_PART_BODY, /* likewise, what people wrote about it */
    TL_SEARCH_SQL,
    TL_SEARCH_LABEL,     /* for filters: lines "source=ops", compared whole and without case */
    TL_SEARCH_FIELDS,
};

struct tl_search_document {
    const char *kind, *key;
    int tier; /* 0 = best .. TL_SEARCH_TIERS - 1 */
    bool is_private; /* not everybody may know of it: none of its words counts as public */
    struct tl_str texts[TL_SEARCH_FIELDS];
    struct tl_str payload;
};

typedef struct tl_search_index tl_search_index;
typedef struct tl_search_writing tl_search_writing; /* a write in progress */

/* The folder is there.  What is in the files is no reason to fail. */
TL_CHECKED enum tl_code tl_search_index_open(const char *directory, tl_search_index **ret_index, struct tl_err *err);
tl_search_index *tl_search_index_close(tl_search_index *index);

struct tl_search_state {
    bool needs_rebuild, rebuilding;
    int64_t documents, words, built_at_us, size_bytes;
    char reason[256]; /* why it needs a rebuild, or why the last one was needed; "" = it was the first */
};
void tl_search_index_state(tl_search_index *index, struct tl_search_state *ret_state);

/* --- writing --- */

typedef enum tl_code (*tl_search_write)(tl_search_writing *writing, void *context, struct tl_err *err);
/* In one transaction. */
TL_CHECKED enum tl_code tl_search_index_write(tl_search_index *index, tl_search_write run, void *context, struct tl_err *err);
/* `run` puts all there is; when it fails, what was there stays in use. */
TL_CHECKED enum tl_code tl_search_index_rebuild(tl_search_index *index, tl_search_write run, void *context, struct tl_err *err);
/* Replaces the one of the same kind and key. */
TL_CHECKED enum tl_code tl_search_put(tl_search_writing *writing, const struct tl_search_document *document, struct tl_err *err);
TL_CHECKED enum tl_code tl_search_remove(tl_search_writing *writing, const char *kind, const char *key, struct tl_err *err);
/* Phrases that mean the same, both ways. */
TL_CHECKED enum tl_code tl_search_put_synonym(tl_search_writing *writing, const char *phrase, const char *other, struct tl_err *err);
TL_CHECKED enum tl_code tl_search_clear_synonyms(tl_search_writing *writing, struct tl_err *err);
/* How far the caller is in what it follows; 0 = never said. */
TL_CHECKED enum tl_code tl_search_set_number(tl_search_writing *writing, const char *name, int64_t value, struct tl_err *err);

/* --- reading; `tx` is of one tl_search_index_read --- */

TL_CHECKED enum tl_code tl_search_index_read(tl_search_index *index, enum tl_code (*run)(tl_store_tx *tx, void *context, struct tl_err *err),
                                             void *context, struct tl_err *err);
TL_CHECKED enum tl_code tl_search_number(tl_store_tx *tx, const char *name, int64_t *ret_value, struct tl_err *err);
TL_CHECKED enum tl_code tl_search_count(tl_store_tx *tx, int64_t *ret_documents, struct tl_err *err);

/* A condition on documents: FTS5's own query language, built by these alone, so that no text of a caller is ever read as syntax. */
enum tl_search_place {
    TL_SEARCH_ANYWHERE,
    TL_SEARCH_IN_NAME,
    TL_SEARCH_AS_NAME, /* in one piece: TL_SEARCH_EXACT */
};
void tl_search_term_begin(struct tl_buf *query); /* AND to what is there */
void tl_search_term_words(struct tl_buf *query, enum tl_search_place place, const char *stems); /* OR all of these, with blanks between */
void tl_search_term_end(struct tl_buf *query);
void tl_search_term_label(struct tl_buf *query, const char *name, const char *value);

/* Ids of documents after `after` (0 = the first) that satisfy the query, best tier first. */
TL_CHECKED enum tl_code tl_search_find(tl_store_tx *tx, struct tl_buf *query, int64_t after, size_t count_max, int64_t *ret_ids, size_t *ret_count,
                                       struct tl_err *err);

/* What is kept of a document; valid during the call.  Texts as stems; those of TL_SEARCH_EXACT behind TL_SEARCH_EXACT_MARK. */
#define TL_SEARCH_EXACT_MARK "\xEE\x80\x82"
struct tl_search_found {
    struct tl_str kind, key, payload;
    int tier;
    struct tl_str stems[TL_SEARCH_FIELDS];
};
typedef enum tl_code (*tl_search_each)(void *context, const struct tl_search_found *found, struct tl_err *err);
TL_CHECKED enum tl_code tl_search_load(tl_store_tx *tx, int64_t id, tl_search_each each, void *context, struct tl_err *err);

struct tl_search_vocable {
    const char *surface, *stem;
    int64_t public_count; /* 0: it stands in parts only */
};
/* In how many documents the words of this stem stand, in public fields. */
TL_CHECKED enum tl_code tl_search_stem_count(tl_store_tx *tx, const char *stem, int64_t *ret_count, struct tl_err *err);
/* Words that begin so, those of most documents first; public ones and others, up to count_max each. */
TL_CHECKED enum tl_code tl_search_completions(tl_store_tx *tx, tl_arena *arena, const char *prefix, size_t count_max, struct tl_search_vocable *ret_words,
                                              size_t *ret_count, struct tl_err *err);
/* Words that differ by a slip of the hand (two in long words), nearest first; as above. */
TL_CHECKED enum tl_code tl_search_neighbours(tl_store_tx *tx, tl_arena *arena, const char *surface, size_t count_max, struct tl_search_vocable *ret_words,
                                             size_t *ret_count, struct tl_err *err);
/* What means the same as these stems. */
struct tl_search_synonym {
    const char *stems; /* with blanks between */
    const char *text;  /* as it was put */
};
TL_CHECKED enum tl_code tl_search_synonyms(tl_store_tx *tx, tl_arena *arena, const char *stems, size_t count_max, struct tl_search_synonym *ret_synonyms,
                                           size_t *ret_count, struct tl_err *err);

#endif
