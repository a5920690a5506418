/* store/search_int.h -- what the files of the search index share.
 *
 * A slot is one of the two files while it is open; the last who reads a slot that was taken over closes it and removes its file.
 * Lock order: writing (held for all of a write), then mutex (never held during SQL).
 */
#ifndef TL_STORE_SEARCH_INT_H
#define TL_STORE_SEARCH_INT_H

#include "store/search_index.h"
#include "store/search_words.h"
#include "store/store_int.h"

enum {
    SEARCH_SLOTS = 2,
    SEARCH_NEAR_MIN = 4, /* letters of words for which slips of the hand are forgiven */
    SEARCH_NEAR_MAX = 24,
    SEARCH_NEAR_FAR = 8, /* from so many on two are */
    SEARCH_NEAR_KEYS_MAX = 512,
};

#define SEARCH_TIER_SHIFT 40

struct search_slot {
    int number;     /* of the file */
    tl_store *file; /* its connections; readers are pooled there */
    int users;
    bool retired;
};

struct tl_search_index {
    char *directory;
    pthread_mutex_t writing;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t freed;
    struct search_slot *current;
    int slots_open;
    bool needs_rebuild, rebuilding;
    char reason[256];
};

/* Words met while all is put in anew: counted in memory, written at the end. */
struct search_vocabulary {
    tl_arena *arena;
    struct search_vocabulary_word *words;
    size_t count, capacity;
    uint32_t *places; /* 1-based numbers of words; a power of two */
    size_t place_count;
};
struct search_vocabulary_word {
    const char *surface, *stem;
    int64_t public_count, document;
};

struct tl_search_writing {
    tl_store_tx *tx;
    struct search_vocabulary *vocabulary; /* NULL: words are written at once */
    struct tl_buf stems[TL_SEARCH_FIELDS];
};

/* Before words that are found by where they stand: marks that no text's word can hold (search_words.c leaves them out).  So a
 * look-up for names does not walk over the columns that have the word. */
#define SEARCH_LABEL_MARK "\xEE\x80\x80"
#define SEARCH_NAME_MARK "\xEE\x80\x81"

/* Keys under which a word is found by a slip: itself and it without one letter (deep: or two).  At most SEARCH_NEAR_KEYS_MAX. */
size_t search_near_keys(const char *surface, bool deep, int64_t *ret_keys);

/* search_write.c */
TL_CHECKED enum tl_code search_write_schema(tl_store_tx *tx, struct tl_err *err);
void search_writing_init(tl_search_writing *writing, tl_store_tx *tx);
void search_writing_done(tl_search_writing *writing);
TL_CHECKED enum tl_code search_write_vocabulary(tl_search_writing *writing, struct tl_err *err);

#endif
