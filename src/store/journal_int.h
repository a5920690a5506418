/* store/journal_int.h -- between journal.c (writing) and journal_read.c (reading) only. */
#ifndef TL_STORE_JOURNAL_INT_H
#define TL_STORE_JOURNAL_INT_H

#include "store/journal.h"

enum { JOURNAL_NAME_SIZE = 26 }; /* 20 digits and ".jsonl" */

/* The segments by number, ascending; free() the array. */
TL_CHECKED enum tl_code journal_segments(const char *directory, int64_t **ret_first_seqs, size_t *ret_count, struct tl_err *err);
void journal_segment_path(const char *directory, int64_t first_seq, char path[4096]);

/* The parts of a line; false: it is not one of ours. */
struct journal_line {
    int64_t seq;
    struct tl_str hashed;          /* what the hash is of */
    char previous[TL_JOURNAL_HASH_TEXT], hash[TL_JOURNAL_HASH_TEXT];
};
bool journal_parse(struct tl_str line, struct journal_line *ret_line);
void journal_hash(struct tl_str hashed, char hash[TL_JOURNAL_HASH_TEXT]);

/* All lines of one segment, in order; *ret_end: bytes up to the end of the last whole line.  each: false ends it (*ret_stopped). */
TL_CHECKED enum tl_code journal_lines(const char *path, bool (*each)(void *context, struct tl_str line), void *context, int64_t *ret_end,
                                      bool *ret_stopped, struct tl_err *err);

#endif
