/* store/journal.h -- an append-only log in files, each record chained to the one before it by a hash.
 *
 * Why: who could change the log of what was seen could hide what was seen.  Here a changed, removed or inserted record breaks the
 *   chain, and `tl_journal_verify` names the first broken place.  Whoever writes down the last number and hash from time to time
 *   (another machine, a ticket) also finds a log that was rewritten or cut off as a whole.
 * Form: DIRECTORY/NNNNNNNNNNNNNNNNNNNN.jsonl, named by the number of its first record; one JSON object a line:
 *   {"seq":7,"at":"2026-11-24T10:00:00.000000Z",MEMBERS,"previous":"64 hex digits","hash":"64 hex digits"}
 *   hash = SHA-256 of the line's bytes before `,"hash"`; previous = hash of record seq - 1 (the first: 64 zeros).
 * Durable: a record is in the system's hands (write(2)) when tl_journal_append returns: it survives the end of the process.  It is
 *   synced to disk at most `sync_ms` later by a thread; 0 = before append returns, for who wants it to survive power loss.
 * A last line that was cut off by a crash is removed at open (it was never acknowledged), and a record says so.
 * Retention: a segment whose last record is older than keep_us goes when a new one begins; a record says which, before they go.
 *   A beginning that is missing without such a record is a break.
 * Threads: append, read and head from any thread.
 */
#ifndef TL_STORE_JOURNAL_H
#define TL_STORE_JOURNAL_H

#include "base/err.h"
#include "base/str.h"

enum { TL_JOURNAL_HASH_SIZE = 32, TL_JOURNAL_HASH_TEXT = 65, TL_JOURNAL_LINE_MAX = 4 * 1024 * 1024 };

struct tl_journal_options {
    int64_t segment_bytes; /* 0 = 64 MiB: a segment ends behind the record that passes it */
    int64_t keep_us;       /* 0 = for ever */
    int sync_ms;           /* 0 = each record */
};

struct tl_journal_head {
    int64_t seq; /* of the last record, 0 = none yet */
    char hash[TL_JOURNAL_HASH_TEXT];
};

typedef struct tl_journal tl_journal;

/* Makes the folder when missing.  TL_STATE when the last record does not carry its own hash: the log is not continued then. */
TL_CHECKED enum tl_code tl_journal_open(const char *directory, const struct tl_journal_options *options, tl_journal **ret_journal,
                                        struct tl_err *err);
tl_journal *tl_journal_close(tl_journal *journal); /* syncs; NULL is fine; returns NULL */

/* members: `"kind":"statement","user":"ann"`, valid JSON without the braces.  TL_TOO_LARGE, TL_DISK_FULL, TL_IO: nothing was
 * written, and the next append goes on where the last good record ended. */
TL_CHECKED enum tl_code tl_journal_append(tl_journal *journal, struct tl_str members, struct tl_err *err);
void tl_journal_head(tl_journal *journal, struct tl_journal_head *ret_head);

/* Calls `each` with the lines (without the end of line) of the records from `from_seq` on, in order; false ends it. */
typedef bool (*tl_journal_each)(void *context, int64_t seq, struct tl_str line);
TL_CHECKED enum tl_code tl_journal_read(const char *directory, int64_t from_seq, tl_journal_each each, void *context, struct tl_err *err);

struct tl_journal_report {
    int64_t first_seq, records;
    struct tl_journal_head head;
    int64_t broken_seq;      /* 0 = the chain holds */
    char broken_why[200];
};
/* Reads all of it.  expected (NULL = none): a head that was written down; must still be in the chain.  TL_OK also when the chain is
 * broken: see the report. */
TL_CHECKED enum tl_code tl_journal_verify(const char *directory, const struct tl_journal_head *expected, struct tl_journal_report *ret_report,
                                          struct tl_err *err);

#endif
