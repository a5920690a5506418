/* A door with everything behind it, for tests: the engine process, a DuckDB file as the source "ops", a folder of files as
 * "files", and the lake with its REST catalog. */
#ifndef TL_TESTS_DOOR_WORLD_H
#define TL_TESTS_DOOR_WORLD_H

#include "door/door.h"

/* sql: what the file of the source "ops" is made of. */
void world_start(const char *sql);
/* The same, where what nobody has reviewed is closed. */
void world_start_closed(const char *sql);
tl_lifeguard *world_lifeguard(void);
tl_engine *world_engine(void);
/* Who asks from now on; NULL = alice, who is in no group. */
void world_set_principal(const struct tl_principal *principal);
void world_stop(void);
tl_door *world_door(void);
tl_registry *world_registry(void);
const char *world_database_path(void);
const struct tl_principal *world_principal(void);

/* One statement and all its rows as text: names in the first line, cells separated by '|', NULL as "NULL". */
struct world_answer {
    enum tl_code code;
    struct tl_err err;
    char *text; /* freed by world_answer_done */
    char update_type[32];
    int64_t update_count;
    size_t change_count, warning_count;
    struct {
        enum tl_session_change_kind kind;
        char name[64], value[256];
    } changes[4];
};
void world_run_session(const struct tl_session *session, const char *sql, struct world_answer *ret_answer);
void world_run(const char *sql, struct world_answer *ret_answer); /* session catalog ops, schema main */
void world_answer_done(struct world_answer *answer);

/* Fails the test unless it is so. */
void world_expect(const char *sql, const char *text);
void world_expect_code(const char *sql, enum tl_code code);
/* The error's message, detail and hint in one text. */
const char *world_error_text(const char *sql);

#endif
