/* The search index: what is put is found, what is damaged is made anew, a rebuild disturbs nobody. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/folder_testing.h"
#include "store/search_index.h"

static char folder[64];
static struct tl_err err;

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/search-index-XXXXXX");
    tl_err_init(&err);
    return mkdtemp(folder) ? 0 : -1;
}

static char *file(int number)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/search-%d.db", folder, number);
    return path;
}

static int remove_folder(void **state)
{
    (void)state;
    return folder_remove(folder);
}

static tl_search_index *open_index(void)
{
    tl_search_index *index = NULL;
    assert_int_equal(tl_search_index_open(folder, &index, &err), TL_OK);
    return index;
}

static enum tl_code put(tl_search_writing *writing, const char *key, int tier, const char *name, const char *parts, struct tl_err *put_err)
{
    struct tl_search_document document = {.kind = "table", .key = key, .tier = tier, .payload = tl_str_of(key)};
    document.texts[TL_SEARCH_EXACT] = document.texts[TL_SEARCH_NAME] = tl_str_of(name);
    document.texts[TL_SEARCH_PART] = tl_str_of(parts);
    document.texts[TL_SEARCH_LABEL] = TL_STR("source=Ops\nkind=table");
    return tl_search_put(writing, &document, put_err);
}

static enum tl_code put_three(tl_search_writing *writing, void *context, struct tl_err *put_err)
{
    (void)context;
    enum tl_code code = put(writing, "a", 5, "customers", "id\nemail\nfull name", put_err);
    if (code == TL_OK)
        code = put(writing, "b", 1, "customer_orders", "order id\namount", put_err);
    if (code == TL_OK)
        code = put(writing, "c", 5, "invoices", "customer id\nissued", put_err);
    if (code == TL_OK)
        code = tl_search_put_synonym(writing, "Client", "customers", put_err);
    return code == TL_OK ? tl_search_set_number(writing, "seen", 42, put_err) : code;
}

struct looking {
    enum tl_search_place place;
    const char *words, *label;
    char keys[64];
};

static enum tl_code take_key(void *context, const struct tl_search_found *found, struct tl_err *load_err)
{
    struct looking *looking = context;
    (void)load_err;
    assert_true(tl_str_equal(found->key, found->payload));
    snprintf(looking->keys + strlen(looking->keys), sizeof looking->keys - strlen(looking->keys), "%.*s", (int)found->key.size, found->key.data);
    return TL_OK;
}

static enum tl_code look(tl_store_tx *tx, void *context, struct tl_err *look_err)
{
    struct looking *looking = context;
    struct tl_buf query;
    int64_t ids[16];
    size_t count = 0;
    tl_buf_init(&query, 4096);
    if (looking->words) {
        tl_search_term_begin(&query);
        tl_search_term_words(&query, looking->place, looking->words);
        tl_search_term_end(&query);
    }
    if (looking->label)
        tl_search_term_label(&query, "source", looking->label);
    enum tl_code code = tl_search_find(tx, &query, 0, 16, ids, &count, look_err);
    tl_buf_done(&query);
    for (size_t i = 0; code == TL_OK && i < count; i++)
        code = tl_search_load(tx, ids[i], take_key, looking, look_err);
    return code;
}

static void expect(tl_search_index *index, enum tl_search_place place, const char *words, const char *label, const char *keys)
{
    struct looking looking = {place, words, label, ""};
    assert_int_equal(tl_search_index_read(index, look, &looking, &err), TL_OK);
    assert_string_equal(looking.keys, keys);
}

static void test_documents_are_found_by_their_words_best_tier_first(void **state)
{
    (void)state;
    tl_search_index *index = open_index();
    assert_int_equal(tl_search_index_write(index, put_three, NULL, &err), TL_OK);
    expect(index, TL_SEARCH_ANYWHERE, "customer", NULL, "bac");
    expect(index, TL_SEARCH_IN_NAME, "customer", NULL, "ba");
    expect(index, TL_SEARCH_IN_NAME, "email", NULL, "");
    expect(index, TL_SEARCH_AS_NAME, "customer", NULL, "a");
    expect(index, TL_SEARCH_ANYWHERE, "customer amount", NULL, "b");
    expect(index, TL_SEARCH_AS_NAME, "customerorder", NULL, "b");
    expect(index, TL_SEARCH_ANYWHERE, "nothing", NULL, "");
    expect(index, TL_SEARCH_ANYWHERE, "customer", "oPS", "bac");
    expect(index, TL_SEARCH_ANYWHERE, "customer", "lake", "");
    expect(index, 0, NULL, "ops", "bac");
    tl_search_index_close(index);
}

static void test_no_text_is_read_as_syntax(void **state)
{
    (void)state;
    tl_search_index *index = open_index();
    assert_int_equal(tl_search_index_write(index, put_three, NULL, &err), TL_OK);
    expect(index, TL_SEARCH_ANYWHERE, "\" OR name:*", NULL, "");
    expect(index, TL_SEARCH_ANYWHERE, "customer\"", NULL, "bac");
    expect(index, TL_SEARCH_ANYWHERE, "customer", "ops\" OR \"x", "");
    tl_search_index_close(index);
}

static enum tl_code change(tl_search_writing *writing, void *context, struct tl_err *put_err)
{
    (void)context;
    enum tl_code code = put(writing, "a", 0, "people", "id", put_err);
    return code == TL_OK ? tl_search_remove(writing, "table", "c", put_err) : code;
}

static void test_a_document_is_replaced_moved_and_removed(void **state)
{
    (void)state;
    struct tl_search_state after;
    tl_search_index *index = open_index();
    assert_int_equal(tl_search_index_write(index, put_three, NULL, &err), TL_OK);
    assert_int_equal(tl_search_index_write(index, change, NULL, &err), TL_OK);
    expect(index, TL_SEARCH_ANYWHERE, "customer", NULL, "b");
    expect(index, TL_SEARCH_ANYWHERE, "email", NULL, "");
    expect(index, TL_SEARCH_ANYWHERE, "id", NULL, "ab");
    tl_search_index_state(index, &after);
    assert_int_equal(after.documents, 2);
    tl_search_index_close(index);
}

static enum tl_code put_and_fail(tl_search_writing *writing, void *context, struct tl_err *put_err)
{
    if (change(writing, context, put_err) != TL_OK)
        return put_err->code;
    return tl_err_set(put_err, TL_CANCELLED, "enough");
}

static void test_a_write_that_fails_changes_nothing(void **state)
{
    (void)state;
    tl_search_index *index = open_index();
    assert_int_equal(tl_search_index_write(index, put_three, NULL, &err), TL_OK);
    assert_int_equal(tl_search_index_write(index, put_and_fail, NULL, &err), TL_CANCELLED);
    tl_err_init(&err);
    expect(index, TL_SEARCH_ANYWHERE, "customer", NULL, "bac");
    assert_int_equal(tl_search_index_rebuild(index, put_and_fail, NULL, &err), TL_CANCELLED);
    tl_err_init(&err);
    expect(index, TL_SEARCH_ANYWHERE, "customer", NULL, "bac");
    tl_search_index_close(index);
}

/* --- words --- */

struct wording {
    tl_arena *arena;
    char completions[200], neighbours[200], synonyms[200];
    int64_t count, seen;
};

static void list(const struct tl_search_vocable *words, size_t count, char *to, size_t size)
{
    to[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(to + strlen(to), size - strlen(to), "%s:%lld ", words[i].surface, (long long)words[i].public_count);
}

static enum tl_code read_words(tl_store_tx *tx, void *context, struct tl_err *read_err)
{
    struct wording *w = context;
    struct tl_search_vocable words[16];
    struct tl_search_synonym synonyms[4];
    size_t count;
    assert_int_equal(tl_search_completions(tx, w->arena, "cu", 8, words, &count, read_err), TL_OK);
    list(words, count, w->completions, sizeof w->completions);
    assert_int_equal(tl_search_neighbours(tx, w->arena, "custmoers", 8, words, &count, read_err), TL_OK);
    list(words, count, w->neighbours, sizeof w->neighbours);
    assert_int_equal(tl_search_synonyms(tx, w->arena, "client", 4, synonyms, &count, read_err), TL_OK);
    snprintf(w->synonyms, sizeof w->synonyms, "%s", count ? tl_arena_printf(w->arena, "%s (%s)", synonyms[0].stems, synonyms[0].text) : "");
    assert_int_equal(tl_search_stem_count(tx, "customer", &w->count, read_err), TL_OK);
    return tl_search_number(tx, "seen", &w->seen, read_err);
}

static void expect_words(tl_search_index *index)
{
    struct wording w = {.arena = tl_arena_new(1024 * 1024)};
    assert_int_equal(tl_search_index_read(index, read_words, &w, &err), TL_OK);
    assert_string_equal(w.completions, "customer:1 customers:1 ");
    assert_string_equal(w.neighbours, "customers:1 customer:1 ");
    assert_string_equal(w.synonyms, "customer (customers)");
    assert_int_equal(w.count, 1);
    assert_int_equal(w.seen, 42);
    tl_arena_free(w.arena);
}

static void test_words_are_the_same_written_at_once_and_built(void **state)
{
    (void)state;
    tl_search_index *index = open_index();
    assert_int_equal(tl_search_index_write(index, put_three, NULL, &err), TL_OK);
    expect_words(index);
    assert_int_equal(tl_search_index_rebuild(index, put_three, NULL, &err), TL_OK);
    expect_words(index);
    expect(index, TL_SEARCH_ANYWHERE, "customer", NULL, "bac");
    tl_search_index_close(index);
}

/* What stands in parts only must not count: its number would tell of columns that are hidden. */
static enum tl_code read_counts(tl_store_tx *tx, void *context, struct tl_err *read_err)
{
    int64_t *counts = context;
    enum tl_code code = tl_search_stem_count(tx, "email", &counts[0], read_err);
    return code == TL_OK ? tl_search_stem_count(tx, "invoic", &counts[1], read_err) : code;
}

static void test_numbers_of_public_words_do_not_tell_of_parts(void **state)
{
    (void)state;
    int64_t counts[2];
    tl_search_index *index = open_index();
    assert_int_equal(tl_search_index_rebuild(index, put_three, NULL, &err), TL_OK);
    assert_int_equal(tl_search_index_read(index, read_counts, counts, &err), TL_OK);
    assert_int_equal(counts[0], 0);
    assert_int_equal(counts[1], 1);
    tl_search_index_close(index);
}

/* --- files --- */

static void test_what_was_built_is_there_after_a_restart(void **state)
{
    (void)state;
    struct tl_search_state now;
    tl_search_index *index = open_index();
    tl_search_index_state(index, &now);
    assert_true(now.needs_rebuild);
    assert_string_equal(now.reason, "");
    assert_int_equal(tl_search_index_rebuild(index, put_three, NULL, &err), TL_OK);
    tl_search_index_state(index, &now);
    assert_false(now.needs_rebuild);
    assert_int_equal(access(file(1), F_OK), -1);
    tl_search_index_close(index);
    index = open_index();
    tl_search_index_state(index, &now);
    assert_false(now.needs_rebuild);
    assert_int_equal(now.documents, 3);
    assert_true(now.size_bytes > 0 && now.built_at_us > 0 && now.words > 0);
    expect(index, TL_SEARCH_ANYWHERE, "customer", NULL, "bac");
    tl_search_index_close(index);
}

static void damage(int number, long from, const char *bytes)
{
    FILE *out = fopen(file(number), "r+b");
    assert_non_null(out);
    assert_int_equal(fseek(out, from, SEEK_SET), 0);
    for (int i = 0; i < 2000; i++)
        fputs(bytes, out);
    fclose(out);
}

static void test_a_damaged_file_is_made_anew_and_said(void **state)
{
    (void)state;
    struct tl_search_state now;
    tl_search_index *index = open_index();
    assert_int_equal(tl_search_index_rebuild(index, put_three, NULL, &err), TL_OK);
    tl_search_index_close(index);
    damage(2, 0, "garbage ");
    index = open_index();
    tl_search_index_state(index, &now);
    assert_true(now.needs_rebuild);
    assert_non_null(strstr(now.reason, "search-2.db"));
    expect(index, TL_SEARCH_ANYWHERE, "customer", NULL, "");
    assert_int_equal(tl_search_index_rebuild(index, put_three, NULL, &err), TL_OK);
    expect(index, TL_SEARCH_ANYWHERE, "customer", NULL, "bac");
    tl_search_index_state(index, &now);
    assert_false(now.needs_rebuild);
    tl_search_index_close(index);
}

static void test_a_file_of_which_pages_are_damaged_is_made_anew(void **state)
{
    (void)state;
    struct tl_search_state now;
    tl_search_index *index = open_index();
    assert_int_equal(tl_search_index_rebuild(index, put_three, NULL, &err), TL_OK);
    tl_search_index_close(index);
    damage(2, 4096, "\xAA\xBB\xCC");
    index = open_index();
    tl_search_index_state(index, &now);
    assert_true(now.needs_rebuild);
    tl_search_index_close(index);
}

static void test_a_build_that_was_cut_off_is_not_used(void **state)
{
    (void)state;
    struct tl_search_state now;
    tl_search_index *index = open_index();
    assert_int_equal(tl_search_index_rebuild(index, put_three, NULL, &err), TL_OK);
    tl_search_index_close(index);
    FILE *out = fopen(file(1), "wb"); /* as a kill leaves it */
    fputs("SQLite format 3", out);
    fclose(out);
    index = open_index();
    tl_search_index_state(index, &now);
    assert_int_equal(now.documents, 3);
    assert_false(access(file(1), F_OK) == 0);
    expect(index, TL_SEARCH_ANYWHERE, "customer", NULL, "bac");
    tl_search_index_close(index);
}

/* --- while others read --- */

static atomic_bool stop;
static atomic_int reads;

static void *keep_reading(void *context)
{
    struct tl_err own;
    while (!atomic_load(&stop)) {
        struct looking looking = {TL_SEARCH_ANYWHERE, "customer", NULL, ""};
        tl_err_init(&own);
        if (tl_search_index_read(context, look, &looking, &own) != TL_OK || strcmp(looking.keys, "bac") != 0)
            return context;
        atomic_fetch_add(&reads, 1);
    }
    return NULL;
}

static void test_rebuilds_disturb_no_reader(void **state)
{
    (void)state;
    pthread_t threads[3];
    void *complaint;
    tl_search_index *index = open_index();
    assert_int_equal(tl_search_index_rebuild(index, put_three, NULL, &err), TL_OK);
    atomic_store(&stop, false);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_reading, index), 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(tl_search_index_rebuild(index, put_three, NULL, &err), TL_OK);
    while (atomic_load(&reads) < 20)
        usleep(1000);
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &complaint);
        assert_null(complaint);
    }
    tl_search_index_close(index);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_documents_are_found_by_their_words_best_tier_first),
        IN_FOLDER(test_no_text_is_read_as_syntax),
        IN_FOLDER(test_a_document_is_replaced_moved_and_removed),
        IN_FOLDER(test_a_write_that_fails_changes_nothing),
        IN_FOLDER(test_words_are_the_same_written_at_once_and_built),
        IN_FOLDER(test_numbers_of_public_words_do_not_tell_of_parts),
        IN_FOLDER(test_what_was_built_is_there_after_a_restart),
        IN_FOLDER(test_a_damaged_file_is_made_anew_and_said),
        IN_FOLDER(test_a_file_of_which_pages_are_damaged_is_made_anew),
        IN_FOLDER(test_a_build_that_was_cut_off_is_not_used),
        IN_FOLDER(test_rebuilds_disturb_no_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
