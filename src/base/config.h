/* base/config.h -- one YAML file, every key also an environment variable, unknown keys refused with the nearest name.
 *
 * Keys are declared in spec/config.toml (name, type, default, help), which generates the table, docs/reference/configuration.md
 *   and `townlake config keys`.  `engine.memory` is also TOWNLAKE_ENGINE_MEMORY; the environment wins over the file.
 * Besides plain keys the file has the lists `sources` and `tokens` (see below).
 * Values: bool (true/false), int, size ("512MiB", "4GB"), duration ("30s", "5m", "250ms"), text, choice.
 * Secrets: a value `env:NAME` or `file:PATH` is read when used; tl_config_secret does that.
 * Errors: TL_CONFIG with file:line in the message and the nearest key in the hint; all problems of a file are listed in detail.
 * Bounds: file at most 1 MiB, depth 16, 1,000 sources, 1,000 tokens.
 */
#ifndef TL_BASE_CONFIG_H
#define TL_BASE_CONFIG_H

#include "base/arena.h"
#include "base/str.h"

typedef struct tl_config tl_config;

struct tl_config_pair {
    const char *name;
    const char *value;
};

/* - name: ops
 *   kind: postgres
 *   comment: ...           (optional)
 *   options: {host: .., password: env:OPS_PASSWORD} */
struct tl_config_source {
    const char *name, *kind, *comment;
    size_t option_count;
    const struct tl_config_pair *options;
    int line;
};

/* - user: alice
 *   groups: [analyst]
 *   token: file:/run/secrets/alice   (or sha256: <hex>) */
struct tl_config_token {
    const char *user;
    size_t group_count;
    const char *const *groups;
    const char *token;  /* a secret reference or literal; NULL when sha256 is given */
    const char *sha256; /* NULL or 64 hex digits */
    int line;
};

/* path NULL: defaults and environment only.  `environment` is environ-like; NULL = the process's. */
TL_CHECKED enum tl_code tl_config_load(tl_arena *arena, const char *path, const char *const *environment,
                                       const tl_config **ret_config, struct tl_err *err);

/* The key must be declared with that type (asserted). */
const char *tl_config_text(const tl_config *config, const char *key);
bool tl_config_bool(const tl_config *config, const char *key);
int64_t tl_config_int(const tl_config *config, const char *key);
int64_t tl_config_size_bytes(const tl_config *config, const char *key);
int64_t tl_config_duration_us(const tl_config *config, const char *key);

size_t tl_config_sources(const tl_config *config, const struct tl_config_source **ret_sources);
size_t tl_config_tokens(const tl_config *config, const struct tl_config_token **ret_tokens);

/* "env:X", "file:/p" (one trailing newline dropped, at most 64 KiB) or a literal.  The message names the reference, never the value. */
TL_CHECKED enum tl_code tl_config_secret(tl_arena *arena, const char *reference, const char **ret_secret, struct tl_err *err);
bool tl_config_is_reference(const char *value);

/* Sizes and durations as users write them, also used for session properties. */
bool tl_parse_size_bytes(const char *text, int64_t *ret_bytes);
bool tl_parse_duration_us(const char *text, int64_t *ret_us);

/* Walk all keys: name, value now in force ("" when empty), where it came from ("default", "file", "environment"), help. */
void tl_config_each(const tl_config *config,
                    void (*each)(void *context, const char *key, const char *value, const char *origin, const char *help), void *context);

#endif
