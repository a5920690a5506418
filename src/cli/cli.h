/* cli/cli.h -- the command line: a client of the HTTP API, nothing else.
 *
 * Exit status: 0 done, 1 the statement or call failed, 2 wrong usage (docs/reference/cli.md).
 * Environment: TOWNLAKE_URL, TOWNLAKE_TOKEN, NO_COLOR.
 */
#ifndef TL_CLI_CLI_H
#define TL_CLI_CLI_H

#include "base/err.h"

/* sql, source, explain, doctor, config, completion, version, help: argv[1] names it.  Roles (serve, demo) are the daemon's. */
int tl_cli_main(int argc, char **argv);
/* One error on stderr, as every command shows it: message, place with a caret, detail, hint.  Colour unless NO_COLOR. */
void tl_cli_print_err(const struct tl_err *err, const char *sql);
/* --help of a role or command, from spec/commands.toml. */
void tl_cli_print_help(const char *command);

/* Parsed options of a command: declared in spec/commands.toml; unknown ones are refused with the nearest name (status 2). */
struct tl_cli_option {
    const char *name;  /* "--config" */
    const char *value; /* NULL: a flag that was given */
};
/* Returns -1 to go on, else the exit status: help was shown (0) or the line is wrong (2). */
int tl_cli_parse(const char *command, int argc, char **argv, struct tl_cli_option *options, int *option_count, int options_max,
                 const char **positional, int *positional_count, int positional_max);
const char *tl_cli_option(const struct tl_cli_option *options, int count, const char *name, const char *fallback);
bool tl_cli_flag(const struct tl_cli_option *options, int count, const char *name);

#endif
