/* base/err.h -- one way to say what went wrong, from the deepest parser to the person who asked.
 *
 * Why: an error is read by a person, a program and a model.  The person needs message, detail and hint; the program
 *   needs a code that never changes; the model needs the hint to correct itself.  All come from one struct.
 * Owns: nothing.  struct tl_err is plain memory of the caller (no pointers), so it can report that memory ran out.
 * Threads: a struct tl_err belongs to one thread at a time.
 * Rules: a function that can fail returns enum tl_code and takes `struct tl_err *err` last; 0 (TL_OK) is success.
 *   The first report wins: later calls on a filled struct change nothing, so the cause is never hidden by a clean-up.
 *   Library code reports and does not log.  Wording: lower case, no full stop, names in double quotes with their kind,
 *   the limit and the value shown; "could not" (may work later), "cannot" (never will).
 *   No secret may be put here: what is reported leaves the process.
 * Codes: spec/errors.toml, one row each; generated into err_codes.h as TL_SYNTAX, TL_TABLE_NOT_FOUND, ...
 */
#ifndef TL_BASE_ERR_H
#define TL_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err_codes.h" /* generated: enum tl_code */

#define TL_CHECKED __attribute__((warn_unused_result))
#define TL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum { TL_ERR_MESSAGE_MAX = 1024, TL_ERR_DETAIL_MAX = 2048, TL_ERR_HINT_MAX = 512, TL_ERR_LINK_MAX = 256 };

struct tl_err {
    enum tl_code code;
    int64_t position; /* byte offset into the statement's text, -1 = none */
    char message[TL_ERR_MESSAGE_MAX];
    char detail[TL_ERR_DETAIL_MAX];
    char hint[TL_ERR_HINT_MAX];
    char link[TL_ERR_LINK_MAX];
};

/* What the table says of a code. */
struct tl_code_info {
    const char *name; /* "table_not_found": stable, what programs compare */
    const char *sqlstate;
    int http_status;
    int exit_status;
    bool retryable;
    const char *trino_name;
    int trino_number;
    const char *trino_type;
    const char *help;
};

/* An empty error: code TL_OK, position -1. */
void tl_err_init(struct tl_err *err);

/* Report: fill code and message when nothing was reported yet.  Always returns `code`, so `return tl_err_set(...)`. */
enum tl_code tl_err_set(struct tl_err *err, enum tl_code code, const char *format, ...) TL_PRINTF(3, 4);
enum tl_code tl_err_setv(struct tl_err *err, enum tl_code code, const char *format, va_list args) TL_PRINTF(3, 0);

/* Report a failed system call: message + ": " + the text of `errno_value`. */
enum tl_code tl_err_errno(struct tl_err *err, enum tl_code code, int errno_value, const char *format, ...) TL_PRINTF(4, 5);

/* Add to the report just made; each keeps the first text given. */
void tl_err_detail(struct tl_err *err, const char *format, ...) TL_PRINTF(2, 3);
void tl_err_hint(struct tl_err *err, const char *format, ...) TL_PRINTF(2, 3);
void tl_err_link(struct tl_err *err, const char *format, ...) TL_PRINTF(2, 3);
void tl_err_position(struct tl_err *err, int64_t position);

/* Copy `from` into `to` when `to` is empty.  Returns to's code. */
enum tl_code tl_err_copy(struct tl_err *to, const struct tl_err *from);

/* Line and column (both from 1; columns count UTF-8 characters) of a byte offset in `text`. */
void tl_err_line_column(const char *text, size_t text_size, int64_t position, int *ret_line, int *ret_column);

const struct tl_code_info *tl_code_info(enum tl_code code);

/* The code of a name, TL_INTERNAL when unknown. */
enum tl_code tl_code_from_name(const char *name);

#endif
