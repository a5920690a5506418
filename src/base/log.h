/* base/log.h -- what operators read: one line an event, JSON in files and pipes, coloured text on a terminal.
 *
 * Only daemon/, api/ and supervisors log; libraries report errors.  Never: SQL values, tokens, passwords.
 * Threads: any.  A line is written by one write(2).
 */
#ifndef TL_BASE_LOG_H
#define TL_BASE_LOG_H

#include "base/err.h"

enum tl_log_level { TL_LOG_DEBUG, TL_LOG_INFO, TL_LOG_WARN, TL_LOG_ERROR };
enum tl_log_form { TL_LOG_AUTO, TL_LOG_JSON, TL_LOG_HUMAN };

/* AUTO: human when fd is a terminal (colour unless NO_COLOR is set), else JSON. */
void tl_log_init(int fd, enum tl_log_level level, enum tl_log_form form);

/* tl_log(TL_LOG_INFO, "engine", "engine started", "pid", "%d", pid, "version", "%s", v, NULL)
 * After the message: key, printf format, one argument -- repeated -- then NULL. */
void tl_log(enum tl_log_level level, const char *room, const char *message, ...);
/* The same with code, message, detail and hint of err. */
void tl_log_err(enum tl_log_level level, const char *room, const char *message, const struct tl_err *err);

#endif
