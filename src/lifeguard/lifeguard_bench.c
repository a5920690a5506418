/* For measuring: decisions with 10,000 rules, 1,000 groups and 100,000 tables loaded; loading them; one change.
 *
 * usage: lifeguard_bench FOLDER      an empty folder for the state
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "lifeguard/lifeguard_int.h"

enum { TABLES = 100000, GRANTS = 9000, ROW_RULES = 1000, GROUPS = 1000, COLUMNS = 10, MEMBER_OF = 20, DECISIONS = 20000, CHANGES = 50 };

static tl_arena *arena;
static const char *columns[COLUMNS];
static const char *groups[MEMBER_OF];

static int failed(const struct tl_err *err)
{
    fprintf(stderr, "%s (%s)\n", err->message, err->detail);
    return 1;
}

static const char *table_body(int i)
{
    struct tl_buf body;
    tl_buf_init(&body, 64 * 1024);
    tl_buf_addf(&body, "{\"source\":\"s%d\",\"schema\":\"public\",\"table\":\"t%d\",\"state\":\"approved\",\"columns\":{", i % 20, i);
    for (int k = 0; k < COLUMNS; k++)
        tl_buf_addf(&body, "%s\"c%d\":\"%s\"", k ? "," : "", k, k % 4 == 3 ? "masked:hash" : "open");
    tl_buf_adds(&body, "}}");
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&body));
    tl_buf_done(&body);
    return copy;
}

/* Half of the grants on whole sources, half on tables; every row rule on a table. */
static void fill(struct lg_change *changes)
{
    for (int i = 0; i < TABLES; i++) {
        const struct tl_grant_scope scope = {.source = tl_arena_printf(arena, "s%d", i % 20), .schema = "public", .table = tl_arena_printf(arena, "t%d", i)};
        changes[i] = (struct lg_change){LG_DATASET, lg_dataset_name(arena, &scope), table_body(i)};
    }
    for (int i = 0; i < GRANTS; i++) {
        const char *rest = i % 2 ? "" : tl_arena_printf(arena, ",\"schema\":\"public\",\"table\":\"t%d\"", i * 11);
        changes[TABLES + i] = (struct lg_change){
            LG_GRANT, tl_arena_printf(arena, "grant-%d", i),
            tl_arena_printf(arena, "{\"group\":\"g%d\",\"privileges\":\"read\",\"scope\":{\"source\":\"s%d\"%s},\"end_us\":4000000000000000}",
                            i < 2 * MEMBER_OF ? i / 2 * 47 % GROUPS : i % GROUPS, i % 2 ? i / 2 % 20 : i * 11 % 20, rest)};
    }
    for (int i = 0; i < ROW_RULES; i++)
        changes[TABLES + GRANTS + i] = (struct lg_change){
            LG_ROW_RULE, tl_arena_printf(arena, "rule-%d", i),
            tl_arena_printf(arena,
                            "{\"group\":\"g%d\",\"scope\":{\"source\":\"s%d\",\"schema\":\"public\",\"table\":\"t%d\"},"
                            "\"rule\":{\"column\":\"c1\",\"op\":\"in\",\"values\":[1,2,3]}}",
                            i % GROUPS, i % 20, i)};
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void measure(tl_lifeguard *lifeguard, int tables)
{
    static int64_t took_ns[DECISIONS];
    struct tl_principal principal = {.user = "ann", .group_count = MEMBER_OF, .groups = groups};
    struct tl_access_manner manner = {0};
    int allowed = 0;
    for (int i = 0; i < DECISIONS; i++) {
        struct tl_access_need needs[8];
        tl_arena *own = tl_arena_new(1 << 24);
        struct tl_request rq;
        struct timespec from, to;
        const tl_clearance *clearance;
        tl_request_init(&rq, own);
        rq.principal = &principal;
        for (int k = 0; k < tables; k++) {
            int number = (i * 37 + k) % TABLES;
            needs[k] = (struct tl_access_need){tl_arena_printf(own, "s%d", number % 20), "public", tl_arena_printf(own, "t%d", number), TL_ACCESS_READ,
                                               COLUMNS, columns};
        }
        clock_gettime(CLOCK_MONOTONIC, &from);
        allowed += tl_lifeguard_decide(&rq, lifeguard, &manner, needs, (size_t)tables, &clearance) == TL_OK;
        clock_gettime(CLOCK_MONOTONIC, &to);
        took_ns[i] = (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec;
        tl_arena_free(own);
    }
    qsort(took_ns, DECISIONS, sizeof *took_ns, by_size);
    printf("decision, %d table%s: median %.1f us, 99 %% %.1f us (%d of %d allowed)\n", tables, tables > 1 ? "s" : "", (double)took_ns[DECISIONS / 2] / 1000,
           (double)took_ns[DECISIONS / 100 * 99] / 1000, allowed, DECISIONS);
}

static int run(tl_lifeguard *lifeguard, struct tl_request *rq)
{
    struct lg_change *changes = TL_NEW_ARRAY(arena, struct lg_change, TABLES + GRANTS + ROW_RULES);
    fill(changes);
    int64_t from_us = tl_clock_monotonic_us();
    if (lg_apply(rq, lifeguard, "filled", "everything", "bench", changes, TABLES + GRANTS + ROW_RULES) != TL_OK)
        return failed(&rq->err);
    printf("%d tables, %d grants, %d row rules written in %.2f s\n", TABLES, GRANTS, ROW_RULES, (double)(tl_clock_monotonic_us() - from_us) / 1e6);
    measure(lifeguard, 1);
    measure(lifeguard, 5);
    from_us = tl_clock_monotonic_us();
    for (int i = 0; i < CHANGES; i++)
        if (lg_apply(rq, lifeguard, "changed", "one table", "bench", &changes[i], 1) != TL_OK)
            return failed(&rq->err);
    printf("one change, written and in force: %.2f ms\n", (double)(tl_clock_monotonic_us() - from_us) / 1000 / CHANGES);
    return 0;
}

int main(int argc, char **argv)
{
    struct tl_err err;
    tl_store *store;
    tl_lifeguard *lifeguard;
    struct tl_lifeguard_options options = {0};
    struct tl_request rq;
    tl_err_init(&err);
    arena = tl_arena_new((size_t)1 << 30);
    for (int i = 0; i < COLUMNS; i++)
        columns[i] = tl_arena_printf(arena, "c%d", i);
    for (int i = 0; i < MEMBER_OF; i++)
        groups[i] = tl_arena_printf(arena, "g%d", i * 47 % GROUPS);
    if (argc != 2 || tl_store_open(argv[1], &store, &err) != TL_OK || tl_lifeguard_open(store, &options, &lifeguard, &err) != TL_OK)
        return failed(&err);
    tl_request_init(&rq, arena);
    int status = run(lifeguard, &rq);
    tl_lifeguard_close(lifeguard);
    int64_t from_us = tl_clock_monotonic_us();
    if (status == 0 && tl_lifeguard_open(store, &options, &lifeguard, &err) == TL_OK) {
        printf("read at the start in %.2f s\n", (double)(tl_clock_monotonic_us() - from_us) / 1e6);
        tl_lifeguard_close(lifeguard);
    }
    tl_store_close(store);
    tl_arena_free(arena);
    return status;
}
