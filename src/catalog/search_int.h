/* catalog/search_int.h -- what the parts of a search share: the query as it was read, and a document as it was judged. */
#ifndef TL_CATALOG_SEARCH_INT_H
#define TL_CATALOG_SEARCH_INT_H

#include <pthread.h>

#include "catalog/catalog_int.h"
#include "catalog/search.h"
#include "store/search_words.h"

enum {
    SRCH_ALTERNATIVES_MAX = 40, /* of a word */
    SRCH_COMPLETIONS_MAX = 8,
    SRCH_SLIPS_MAX = 6,
    SRCH_SYNONYMS_MAX = 8,
    SRCH_PHRASE_WORDS_MAX = 4,
    SRCH_PLACES = 4096, /* of the table of stems; more than twice what a query can hold */
    SRCH_HITS_MAX = 1024,
    SRCH_SEEN_PLACES = 4096,
};

enum srch_how { SRCH_AS_TYPED, SRCH_SYNONYM, SRCH_BEGINNING, SRCH_SLIP };

/* One way in which a word of the query may stand in a document. */
struct srch_alternative {
    const char *stems; /* with blanks between */
    const char *surface;
    size_t word_count;
    double weight;
    enum srch_how how;
    unsigned seen; /* bits of its words, while a text is read */
    bool shown;    /* a result that is shown has it */
};

struct srch_term {
    const char *typed;
    size_t count;
    struct srch_alternative alternatives[SRCH_ALTERNATIVES_MAX];
    double rarity;
    bool found; /* as typed, by a synonym or as a beginning, in something that the caller may see */
};

/* A stem of the query, and where it belongs. */
struct srch_place {
    const char *stem;
    uint16_t term, alternative, word;
    uint16_t next; /* 1-based: another use of the same stem */
};

struct srch_query {
    struct tl_request *rq;
    tl_catalog *catalog;
    tl_lifeguard *lifeguard;
    const struct tl_search_query *asked;
    tl_store_tx *tx;
    size_t term_count;
    struct srch_term terms[TL_SEARCH_QUERY_WORDS_MAX];
    const char *joined[2]; /* in one piece: the words that say something, all words */
    double documents;
    uint64_t lengths[256]; /* of the stems that begin with this byte, a bit each: most words of a text are none of them */
    /* stems to their uses */
    uint16_t places[SRCH_PLACES]; /* 1-based */
    size_t use_count;
    struct srch_place uses[TL_SEARCH_QUERY_WORDS_MAX * SRCH_ALTERNATIVES_MAX * SRCH_PHRASE_WORDS_MAX];
};

struct srch_hit {
    int64_t id;
    double score;
    unsigned matched; /* bits of terms */
};

struct srch_hits {
    size_t count;
    struct srch_hit hits[SRCH_HITS_MAX];
    int64_t seen[SRCH_SEEN_PLACES]; /* ids looked at already */
    size_t seen_count;
};

/* --- search_query.c --- */

TL_CHECKED enum tl_code srch_query_read(struct srch_query *query, struct tl_err *err);
/* Words found nowhere get their neighbours; false: there are none to add. */
TL_CHECKED enum tl_code srch_query_correct(struct srch_query *query, bool *ret_more, struct tl_err *err);
/* The uses of a stem, NULL = none. */
const struct srch_place *srch_query_use(const struct srch_query *query, const char *stem, size_t size);
const struct srch_place *srch_query_next(const struct srch_query *query, const struct srch_place *use);

/* --- search_score.c --- */

/* What the caller may see of a document: per column, and its SQL. */
struct srch_sight {
    const bool *columns;
    size_t column_count;
    bool sql;
};
void srch_sight_make(const struct srch_query *query, const tl_json *payload, struct srch_sight *ret_sight);
/* 0: nothing that the caller may see matches. */
double srch_score(struct srch_query *query, const struct tl_search_found *found, unsigned *ret_matched);

/* --- search_find.c --- */

TL_CHECKED enum tl_code srch_find(struct srch_query *query, struct srch_hits *hits, struct tl_err *err);

/* --- search_answer.c --- */

TL_CHECKED enum tl_code srch_put_results(struct srch_query *query, const struct srch_hits *hits, struct tl_json_writer *json, struct tl_err *err);
void srch_put_words(const struct srch_query *query, struct tl_json_writer *json);

/* --- search_build.c: documents of what the catalog holds --- */

struct tl_search {
    struct tl_search_options options;
    tl_search_index *index;
    pthread_t thread;
    bool thread_runs;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    bool stopping, rebuild_asked;
    int64_t asked, answered; /* rounds */
};

/* A document on its way into the index; its buffers are used again for the next one. */
struct srch_document {
    struct tl_buf texts[TL_SEARCH_FIELDS], payload, key;
};
void srch_document_init(struct srch_document *document);
void srch_document_clear(struct srch_document *document);
void srch_document_done(struct srch_document *document);
/* On one line: lines are parts.  NULL: nothing. */
void srch_put_flat(struct tl_buf *buf, const char *text);
void srch_put_line(struct tl_buf *buf, const char *text);
void srch_put_lines(struct tl_buf *buf, const tl_json *texts);
void srch_put_label(struct srch_document *document, const char *name, const char *value);
void srch_put_labels(struct srch_document *document, const char *name, const tl_json *values);
/* Members of the payload. */
void srch_put_cut(struct tl_json_writer *json, const char *key, const char *text);
void srch_put_list(struct tl_json_writer *json, const char *key, const tl_json *values);
TL_CHECKED enum tl_code srch_document_put(tl_search_writing *writing, struct srch_document *document, const char *kind, int tier, bool is_private,
                                          struct tl_err *err);

/* --- search_meaning.c: what people say --- */

/* Of a dataset, or of one of its columns. */
struct srch_said {
    const char *description, *domain, *deprecated;
    const tl_json *owners, *terms, *synonyms;
};
struct srch_said_column {
    const char *name;
    struct srch_said said;
};
struct srch_meaning {
    struct srch_said said;
    const tl_json *tags;
    size_t column_count, column_capacity;
    struct srch_said_column *columns; /* by name */
};
TL_CHECKED enum tl_code srch_meaning_read(tl_store_tx *tx, tl_arena *arena, const struct tl_grant_scope *dataset, struct srch_meaning *ret_meaning,
                                          struct tl_err *err);
/* Tags are lifeguard's. */
void srch_meaning_read_tags(tl_search *search, tl_arena *arena, const struct tl_grant_scope *dataset, struct srch_meaning *meaning);
const struct srch_said *srch_said_of(const struct srch_meaning *meaning, const char *column);
/* Terms with their synonyms, and pages: those of later edits; after_edit -1 = all. */
TL_CHECKED enum tl_code srch_put_terms_and_pages(tl_search *search, tl_search_writing *writing, int64_t after_edit, struct tl_err *err);

bool srch_is_stopping(tl_search *search);
/* One round: all anew when that is needed, else what has changed. */
TL_CHECKED enum tl_code srch_follow(tl_search *search, bool rebuild, struct tl_err *err);

#endif
