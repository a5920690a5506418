/* Objects in a folder: whole, durable, and never outside of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/folder_testing.h"
#include "io/objects.h"

struct world {
    char base[64];
    tl_objects *objects;
    tl_arena *arena;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct tl_err err;
    tl_err_init(&err);
    snprintf(world->base, sizeof world->base, "/tmp/tl_objects_XXXXXX");
    assert_non_null(mkdtemp(world->base));
    world->arena = tl_arena_new(1 << 20);
    assert_int_equal(tl_objects_open_folder(tl_arena_printf(world->arena, "%s/wh", world->base), &world->objects, &err), TL_OK);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    tl_objects_close(world->objects);
    folder_remove(world->base);
    tl_arena_free(world->arena);
    free(world);
    return 0;
}

static const char *at(struct world *world, const char *key)
{
    return tl_arena_printf(world->arena, "%s/%s", tl_objects_root(world->objects), key);
}

static enum tl_code put(struct world *world, const char *key, const char *text, bool if_absent)
{
    struct tl_err err;
    tl_err_init(&err);
    return tl_objects_write(world->objects, at(world, key), text, strlen(text), if_absent, &err);
}

static enum tl_code get(struct world *world, const char *location, size_t max, struct tl_buf *buf)
{
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(buf, max);
    return tl_objects_read(world->objects, location, buf, &err);
}

static void assert_holds(struct world *world, const char *key, const char *text)
{
    struct tl_buf buf;
    assert_int_equal(get(world, at(world, key), 1 << 20, &buf), TL_OK);
    assert_string_equal(tl_buf_cstr(&buf), text);
    tl_buf_done(&buf);
}

static void test_what_is_written_is_read(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    struct tl_buf buf;
    int64_t size;
    tl_err_init(&err);
    assert_int_equal(put(world, "s/t/a=b%2Fc/x.bin", "0123456789", false), TL_OK);
    assert_holds(world, "s/t/a=b%2Fc/x.bin", "0123456789");
    assert_int_equal(put(world, "s/t/a=b%2Fc/x.bin", "short", false), TL_OK);
    assert_holds(world, "s/t/a=b%2Fc/x.bin", "short");
    assert_int_equal(tl_objects_size(world->objects, at(world, "s/t/a=b%2Fc/x.bin"), &size, &err), TL_OK);
    assert_int_equal(size, 5);
    tl_buf_init(&buf, 16);
    assert_int_equal(tl_objects_read_part(world->objects, at(world, "s/t/a=b%2Fc/x.bin"), 2, 100, &buf, &err), TL_OK);
    assert_string_equal(tl_buf_cstr(&buf), "ort");
    tl_buf_done(&buf);
    assert_int_equal(get(world, at(world, "s/t/a=b%2Fc/x.bin"), 3, &buf), TL_TOO_LARGE);
    tl_buf_done(&buf);
    assert_int_equal(get(world, at(world, "s/nothing"), 3, &buf), TL_NOT_FOUND);
    tl_buf_done(&buf);
    assert_int_equal(tl_objects_remove(world->objects, at(world, "s/t/a=b%2Fc/x.bin"), &err), TL_OK);
    assert_int_equal(tl_objects_remove(world->objects, at(world, "s/t/a=b%2Fc/x.bin"), &err), TL_OK);
    assert_int_equal(tl_objects_size(world->objects, at(world, "s/t/a=b%2Fc/x.bin"), &size, &err), TL_NOT_FOUND);
}

struct racer {
    struct world *world;
    const char *location;
    char text[8];
    enum tl_code code;
};

static void *race(void *context)
{
    struct racer *racer = context;
    struct tl_err err;
    tl_err_init(&err);
    racer->code = tl_objects_write(racer->world->objects, racer->location, racer->text, strlen(racer->text), true, &err);
    return NULL;
}

static void test_of_many_that_must_not_replace_exactly_one_wins(void **state)
{
    struct world *world = *state;
    struct racer racers[16];
    pthread_t threads[16];
    for (int i = 0; i < 16; i++) {
        racers[i] = (struct racer){.world = world, .location = at(world, "s/only")};
        snprintf(racers[i].text, sizeof racers[i].text, "by%d", i);
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    int winner = -1;
    for (int i = 0; i < 16; i++) {
        pthread_join(threads[i], NULL);
        if (racers[i].code == TL_OK) {
            assert_int_equal(winner, -1);
            winner = i;
        } else {
            assert_int_equal(racers[i].code, TL_ALREADY_EXISTS);
        }
    }
    assert_true(winner >= 0);
    assert_holds(world, "s/only", racers[winner].text);
}

static enum tl_code count_one(void *context, const struct tl_object_info *info, struct tl_err *err)
{
    (void)err;
    int *counts = context;
    counts[0]++;
    counts[1] += (int)info->size;
    counts[2] += strstr(info->location, "/link") != NULL;
    return TL_OK;
}

static enum tl_code stop_at_once(void *context, const struct tl_object_info *info, struct tl_err *err)
{
    (void)info;
    ++*(int *)context;
    return tl_err_set(err, TL_CANCELLED, "enough");
}

static void test_lists_and_removals_stay_below_and_pass_links_over(void **state)
{
    struct world *world = *state;
    struct tl_err err;
    tl_err_init(&err);
    const char *folder = tl_objects_folder(world->objects);
    assert_int_equal(put(world, "t/data/a", "1", false), TL_OK);
    assert_int_equal(put(world, "t/data/deep/b", "22", false), TL_OK);
    assert_int_equal(put(world, "tt/other", "333", false), TL_OK);
    assert_int_equal(symlink("../../tt", tl_arena_printf(world->arena, "%s/t/data/link", folder)), 0);
    int counts[3] = {0}, stopped = 0;
    assert_int_equal(tl_objects_list(world->objects, at(world, "t"), count_one, counts, &err), TL_OK);
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 3);
    assert_int_equal(counts[2], 0);
    assert_int_equal(tl_objects_list(world->objects, at(world, "missing"), count_one, counts, &err), TL_OK);
    assert_int_equal(tl_objects_list(world->objects, at(world, "t"), stop_at_once, &stopped, &err), TL_CANCELLED);
    assert_int_equal(stopped, 1);
    tl_err_init(&err);
    assert_int_equal(tl_objects_remove_below(world->objects, at(world, "t"), &err), TL_OK);
    assert_int_not_equal(access(tl_arena_printf(world->arena, "%s/t", folder), F_OK), 0);
    assert_holds(world, "tt/other", "333");
    assert_int_equal(tl_objects_remove_below(world->objects, at(world, "t"), &err), TL_OK);
}

static void test_no_location_leads_out_of_the_warehouse(void **state)
{
    struct world *world = *state;
    const char *folder = tl_objects_folder(world->objects);
    FILE *secret = fopen(tl_arena_printf(world->arena, "%s/secret", world->base), "w");
    fputs("secret", secret);
    fclose(secret);
    assert_int_equal(put(world, "s/file", "x", false), TL_OK);
    assert_int_equal(symlink("..", tl_arena_printf(world->arena, "%s/up", folder)), 0);
    assert_int_equal(symlink("../../secret", tl_arena_printf(world->arena, "%s/s/alias", folder)), 0);
    const char *const bad[] = {
        "/etc/passwd", "file:///etc/passwd", "s3://bucket/key", "relative", "", folder, at(world, ""),
        at(world, "../secret"), at(world, "s/../../secret"), at(world, "s/./file"), at(world, "s//file"), at(world, "up/secret"),
        at(world, "s/alias"), at(world, "s/a\nb"), tl_arena_printf(world->arena, "%s2/x", folder),
        tl_arena_printf(world->arena, "file://host%s/s/file", folder), at(world, "s/file/x"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tl_err err;
        struct tl_buf buf;
        const char *location;
        tl_err_init(&err);
        if (tl_objects_locate(world->objects, world->arena, bad[i], &location, &err) != TL_INVALID_ARGUMENT)
            fail_msg("\"%s\" is taken", bad[i]);
        if (get(world, bad[i], 1 << 20, &buf) != TL_INVALID_ARGUMENT)
            fail_msg("\"%s\" is read", bad[i]);
        tl_buf_done(&buf);
        tl_err_init(&err);
        if (i != 12 && tl_objects_write(world->objects, bad[i], "x", 1, false, &err) != TL_INVALID_ARGUMENT)
            fail_msg("\"%s\" is written", bad[i]);
    }
    /* writing to the name of a link replaces the link, not what it points to */
    assert_int_equal(put(world, "s/alias", "mine", false), TL_OK);
    char text[16] = "";
    secret = fopen(tl_arena_printf(world->arena, "%s/secret", world->base), "r");
    assert_non_null(fgets(text, sizeof text, secret));
    fclose(secret);
    assert_string_equal(text, "secret");
}

static void test_one_spelling_of_each_location(void **state)
{
    struct world *world = *state;
    const char *folder = tl_objects_folder(world->objects);
    const char *const same[] = {at(world, "s/t"), at(world, "s/t//"), tl_arena_printf(world->arena, "%s/s/t", folder),
                                tl_arena_printf(world->arena, "file:%s/s/t/", folder)};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct tl_err err;
        const char *location;
        tl_err_init(&err);
        assert_int_equal(tl_objects_locate(world->objects, world->arena, same[i], &location, &err), TL_OK);
        assert_string_equal(location, same[0]);
    }
}

static void test_folders_that_cannot_be_a_warehouse(void **state)
{
    struct world *world = *state;
    const char *const bad[] = {"relative", "/", tl_arena_printf(world->arena, "%s/a%%20b", world->base)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tl_err err;
        tl_objects *objects;
        tl_err_init(&err);
        assert_int_equal(tl_objects_open_folder(bad[i], &objects, &err), TL_INVALID_ARGUMENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_written_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_many_that_must_not_replace_exactly_one_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists_and_removals_stay_below_and_pass_links_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_location_leads_out_of_the_warehouse, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_spelling_of_each_location, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folders_that_cannot_be_a_warehouse, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
