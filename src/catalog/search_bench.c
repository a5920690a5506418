/* For measuring: searches in 100,000 tables with 2 million columns, by who sees all of them and by who sees none; building the index.
 *
 * usage: search_bench FOLDER [TABLES]      an empty folder for the state
 * The world: names of 4,000 made-up words drawn by Zipf's law, so that a common word is in nearly every table.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "catalog/search.h"

enum { TABLES_USUAL = 100000, COLUMNS = 20, SOURCES = 20, WORDS = 4000, QUERIES = 2000, BATCH = 2000, NAME_BYTES = 200, ARENA_BYTES = 256 * 1024 * 1024 };

static char words[WORDS][16];
static uint64_t seed = 42;
static const char *const admins[] = {"admin"};

static double chance(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (double)(seed >> 11) / (double)(1ull << 53);
}

static void make_words(void)
{
    static const char *const syllables[] = {"ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "ru", "sa", "te", "vi", "wo", "zu", "tra", "ster", "lin",
                                            "pro", "mon"};
    for (int i = 0; i < WORDS; i++)
        snprintf(words[i], sizeof words[i], "%s%s%s", syllables[i % 20], syllables[i / 20 % 20], i / 400 ? syllables[(i / 400 + 3) % 20] : "n");
}

static const char *word(void)
{
    return words[(int)(exp(chance() * log(WORDS)) - 1)];
}

static const char *phrase(char *to, int least, int most, char between)
{
    int count = least + (int)(chance() * (most - least + 1));
    to[0] = '\0';
    for (int i = 0; i < count; i++) {
        size_t size = strlen(to);
        snprintf(to + size, NAME_BYTES - size, "%s%s", i ? (char[]){between, '\0'} : "", word());
    }
    return to;
}

/* --- the catalog --- */

static int64_t table_count;

struct batch {
    int64_t from, to;
};

static enum tl_code write_columns(tl_store_tx *tx, int64_t id, struct tl_err *err)
{
    char name[NAME_BYTES], text[NAME_BYTES], full[NAME_BYTES + 20];
    const char *unique = full;
    enum tl_code code = TL_OK;
    for (int i = 0; code == TL_OK && i < COLUMNS; i++) {
        snprintf(full, sizeof full, "%s%s", phrase(name, 1, 3, '_'), i % 7 == 0 ? "_id" : "");
        const struct tl_store_value params[] = {TL_STORE_I(id), TL_STORE_T(unique), TL_STORE_I(i + 1),
                                                TL_STORE_T(chance() < 0.1 ? phrase(text, 4, 12, ' ') : NULL)};
        code = tl_store_run(tx, "INSERT INTO catalog_column (dataset_id, name, position, type, nullable, comment, key_position, first_seen_us, last_seen_us) "
                                "VALUES (?1, ?2, ?3, 'varchar', 1, ?4, 0, 0, 0) ON CONFLICT DO NOTHING", params, 4, NULL, NULL, err);
    }
    return code;
}

static enum tl_code write_batch(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct batch *batch = context;
    enum tl_code code = TL_OK;
    for (int64_t id = batch->from; code == TL_OK && id < batch->to; id++) {
        char name[NAME_BYTES], full[NAME_BYTES + 20], place[20], text[NAME_BYTES];
        const char *unique = full, *source = place, *schema = words[id / SOURCES % 100];
        snprintf(full, sizeof full, "%s_%lld", phrase(name, 2, 4, '_'), (long long)id % 1000);
        snprintf(place, sizeof place, "source%lld", (long long)id % SOURCES);
        const struct tl_store_value params[] = {TL_STORE_I(id), TL_STORE_T(source), TL_STORE_T(schema), TL_STORE_T(unique),
                                                TL_STORE_T(chance() < 0.3 ? phrase(text, 5, 20, ' ') : NULL)};
        code = tl_store_run(tx, "INSERT INTO catalog_dataset (dataset_id, source, schema_name, name, kind, comment, column_count, structure_hash, "
                                "statistics_hash, change_number, described_at_us, first_seen_us, last_seen_us) VALUES (?1, ?2, ?3, ?4, 'table', ?5, 20, 0, 0, "
                                "?1, 0, 0, 0) ON CONFLICT DO NOTHING", params, 5, NULL, NULL, err);
        if (code == TL_OK)
            code = write_columns(tx, id, err);
    }
    return code;
}

static enum tl_code fill(tl_store *store, struct tl_err *err)
{
    enum tl_code code = TL_OK;
    for (struct batch batch = {1, 1}; code == TL_OK && batch.from <= table_count; batch.from = batch.to) {
        batch.to = batch.from + BATCH < table_count + 1 ? batch.from + BATCH : table_count + 1;
        code = tl_store_write(store, write_batch, &batch, err);
    }
    return code;
}

/* --- queries --- */

static void make_query(char *to)
{
    phrase(to, 1, 4, ' ');
    size_t size = strlen(to);
    double how = chance();
    if (how < 0.25 && size > 4)
        to[size - 2] = '\0'; /* the last word begins only */
    else if (how < 0.35 && size > 5)
        to[size - 3] = 'x'; /* a slip */
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *who, const char *what, int64_t *times_us)
{
    qsort(times_us, QUERIES, sizeof *times_us, by_size);
    printf("%-28s p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, longest %.2f ms %s\n", who, (double)times_us[QUERIES / 2] / 1000,
           (double)times_us[QUERIES * 95 / 100] / 1000, (double)times_us[QUERIES * 99 / 100] / 1000, (double)times_us[QUERIES - 1] / 1000, what);
}

static enum tl_code measure(tl_search *search, const struct tl_principal *principal, const char *who, struct tl_err *err)
{
    static int64_t times_us[QUERIES], cpu_us[QUERIES];
    int64_t found = 0;
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_buf buf;
    tl_buf_init(&buf, ARENA_BYTES);
    for (int i = 0; i < QUERIES; i++) {
        char text[NAME_BYTES];
        struct tl_request rq;
        struct tl_json_writer json;
        make_query(text);
        tl_request_init(&rq, arena);
        rq.principal = principal;
        tl_buf_clear(&buf);
        tl_json_writer_init(&json, &buf);
        tl_json_begin_object(&json);
        const struct tl_search_query query = {.text = text, .source = i % 10 == 0 ? "source3" : NULL};
        int64_t began_us = tl_clock_monotonic_us(), cpu_began_us = tl_clock_thread_cpu_us();
        if (tl_search_run(&rq, search, &query, &json) != TL_OK)
            return tl_err_set(err, rq.err.code, "%s", rq.err.message);
        times_us[i] = tl_clock_monotonic_us() - began_us;
        cpu_us[i] = tl_clock_thread_cpu_us() - cpu_began_us;
        found += strstr(tl_buf_cstr(&buf), "\"kind\":") != NULL;
        tl_arena_reset(arena);
    }
    print_times(who, "elapsed", times_us);
    print_times(who, "of a processor", cpu_us);
    printf("%-28s %.0f %% of %d queries found something\n", who, 100.0 * (double)found / QUERIES, QUERIES);
    tl_buf_done(&buf);
    tl_arena_free(arena);
    return TL_OK;
}

static void print_state(tl_search *search, double build_s)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, 4096);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_search_put_status(search, &json);
    tl_json_end_object(&json);
    printf("%-28s %.1f s; %s\n", "index built", build_s, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
}

static enum tl_code run(const char *folder, struct tl_err *err)
{
    static const struct tl_principal all = {.user = "root", .group_count = 1, .groups = admins, .authenticated = true};
    static const struct tl_principal none = {.user = "nobody", .authenticated = true};
    tl_store *store = NULL;
    tl_lifeguard *lifeguard = NULL;
    tl_search *search = NULL;
    struct tl_lifeguard_options rules = {0};
    struct tl_request rq;
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    tl_request_init(&rq, arena);
    enum tl_code code = tl_store_open(folder, &store, err);
    if (code == TL_OK)
        code = fill(store, err);
    if (code == TL_OK)
        code = tl_lifeguard_open(store, &rules, &lifeguard, err);
    const struct tl_search_options options = {NULL, store, lifeguard, folder};
    if (code == TL_OK)
        code = tl_search_new(&options, &search, err);
    int64_t began_us = tl_clock_monotonic_us();
    if (code == TL_OK) {
        tl_search_start(search);
        code = tl_search_sync(&rq, search);
        print_state(search, (double)(tl_clock_monotonic_us() - began_us) / 1e6);
    }
    if (code == TL_OK)
        code = measure(search, &all, "who sees all columns", err);
    if (code == TL_OK)
        code = measure(search, &none, "who sees no column", err);
    tl_search_free(search);
    tl_lifeguard_close(lifeguard);
    tl_store_close(store);
    tl_arena_free(arena);
    return code;
}

int main(int argc, char **argv)
{
    struct tl_err err;
    tl_err_init(&err);
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: search_bench FOLDER [TABLES]\n");
        return 2;
    }
    table_count = argc == 3 ? strtoll(argv[2], NULL, 10) : TABLES_USUAL;
    make_words();
    if (run(argv[1], &err) == TL_OK)
        return 0;
    fprintf(stderr, "%s (%s)\n", err.message, err.detail);
    return 1;
}
