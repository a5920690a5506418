/* lake/world_testing_int.h -- what tests of the forms of files begin with: an arena and an error that end with the test.
 *
 * A test whose world holds more says so before it includes this: #define WORLD_OWN struct tl_lake_table table;
 */
#ifndef TL_LAKE_WORLD_TESTING_INT_H
#define TL_LAKE_WORLD_TESTING_INT_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka needs the three above */
#include <cmocka.h>

#include "data/json.h"
#include "io/process.h"

#ifndef WORLD_OWN
#define WORLD_OWN
#endif

enum { ARENA_BYTES = 64 * 1024 * 1024 };

struct world {
    tl_arena *arena;
    struct tl_err err;
    WORLD_OWN
};

static int set_up(void **state)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct world *world = TL_NEW(arena, struct world);
    world->arena = arena;
    tl_err_init(&world->err);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    tl_arena_free(world->arena);
    return 0;
}

static inline const tl_json *parse(struct world *world, const char *text)
{
    const tl_json *json;
    assert_int_equal(tl_json_parse(world->arena, text, strlen(text), &json, &world->err), TL_OK);
    return json;
}

#ifdef TL_TEST_CORPUS
static inline struct tl_str corpus(struct world *world, const char *name)
{
    enum { FILE_BYTES_MAX = 1024 * 1024 };
    struct tl_buf buf;
    tl_buf_init(&buf, FILE_BYTES_MAX);
    assert_int_equal(tl_file_read(tl_arena_printf(world->arena, "%s/%s", TL_TEST_CORPUS, name), &buf, &world->err), TL_OK);
    struct tl_str bytes = {tl_arena_strndup(world->arena, buf.data, buf.size), buf.size};
    tl_buf_done(&buf);
    return bytes;
}
#endif

#endif
