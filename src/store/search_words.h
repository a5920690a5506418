/* store/search_words.h -- the words of a text, made the same way for what is indexed and for what is asked.
 *
 * Why: names are written customer_id, customerId and CustomerID, descriptions in sentences; a query has to meet all of them, and who
 *   explains a hit has to find the very words that the index found.
 * A word: a run of letters and digits; a capital after a small letter begins another ("customerId", "HTTPServer").  Folded: case off,
 *   accents off (Latin), each ideograph a word.  Bytes that are no UTF-8 stand between words.
 * Its stem: English endings of number and tense off ("categories" category, "billed" and "billing" bill).  A stem is a name of a
 *   family of words and need not be a word.
 * Threads: no state.
 */
#ifndef TL_STORE_SEARCH_WORDS_H
#define TL_STORE_SEARCH_WORDS_H

#include "base/str.h"

enum { TL_SEARCH_WORD_MAX = 64 }; /* bytes of a word that are looked at */

struct tl_search_word {
    size_t offset, size; /* in the text */
    char surface[TL_SEARCH_WORD_MAX + 1], stem[TL_SEARCH_WORD_MAX + 1];
};

struct tl_search_words {
    struct tl_str text;
    size_t at;
};

/* for (struct tl_search_words it = {text, 0}; tl_search_words_next(&it, &word);) */
bool tl_search_words_next(struct tl_search_words *it, struct tl_search_word *ret_word);
/* The stems with blanks between, appended. */
void tl_search_words_put(struct tl_buf *buf, struct tl_str text);
/* The stems in one piece: "dim_customers" is "dimcustomer". */
void tl_search_words_join(struct tl_buf *buf, struct tl_str text);

#endif
