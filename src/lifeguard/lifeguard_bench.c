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
#include "lifeguard/trino.h"

enum {
    TABLES = 100000, GRANTS = 9000, ROW_RULES = 1000, GROUPS = 1000, COLUMNS = 10, MEMBER_OF = 20, DECISIONS = 20000, CHANGES = 50,
    USERS = 100, CLASSES = 10,
};

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

static double process_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1000;
}

/* What the audit costs a statement: its record with the tables, masks and row rules that held, and its outcome. */
static int measure_audit(tl_lifeguard *lifeguard, const char *folder)
{
    struct tl_journal_options options = {.sync_ms = 200};
    struct tl_access_manner manner = {0};
    struct tl_principal principal = {.user = "ann", .group_count = MEMBER_OF, .groups = groups};
    const struct tl_access_need need = {"s0", "public", "t0", TL_ACCESS_READ, COLUMNS, columns};
    struct tl_err err;
    tl_audit *audit;
    const tl_clearance *clearance;
    struct tl_request rq;
    tl_err_init(&err);
    tl_request_init(&rq, arena);
    rq.principal = &principal;
    if (tl_audit_open(tl_arena_printf(arena, "%s/audit", folder), &options, &audit, &err) != TL_OK)
        return failed(&err);
    if (tl_lifeguard_decide(&rq, lifeguard, &manner, &need, 1, &clearance) != TL_OK)
        return failed(&rq.err);
    struct tl_audit_statement statement = {
        .kind = "SELECT", .text = TL_STR("SELECT c0, c1, c3 FROM s0.public.t0 WHERE c1 = 2 ORDER BY c0 LIMIT 100"), .source = "bench", .clearance = clearance};
    struct tl_audit_outcome outcome = {.err = &err, .rows = 100, .bytes = 4000, .elapsed_us = 1500};
    double from_us = process_us();
    for (int i = 0; i < DECISIONS; i++) {
        if (tl_audit_statement(&rq, audit, &statement) != TL_OK)
            return failed(&rq.err);
        tl_audit_outcome(&rq, audit, &outcome);
    }
    double each_us = (process_us() - from_us) / DECISIONS;
    printf("audit: %.1f us of processor time a statement, its two records; at 2,000 statements a second %.1f %% of one core\n", each_us, each_us * 2000 / 1e4);
    tl_audit_close(audit);
    return 0;
}

static int by_dataset(const void *a, const void *b)
{
    const struct tl_trino_dataset *left = a, *right = b;
    int order = strcmp(left->source, right->source);
    return order ? order : strcmp(left->table, right->table);
}

static void measure(tl_lifeguard *lifeguard, int tables, size_t member_of)
{
    static int64_t took_ns[DECISIONS];
    struct tl_principal principal = {.user = "ann", .group_count = member_of, .groups = groups};
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

/* USERS people in CLASSES sets of groups; then the rules for Trino, whole and after one change. */
static int measure_trino(tl_lifeguard *lifeguard, struct tl_request *rq)
{
    static const struct tl_type text = {.id = TL_TYPE_VARCHAR};
    struct tl_trino_column trino_columns[COLUMNS];
    struct tl_trino_dataset *datasets = TL_NEW_ARRAY(arena, struct tl_trino_dataset, TABLES);
    struct tl_access_manner manner = {0};
    struct tl_buf json;
    uint64_t tag;
    for (int i = 0; i < USERS; i++) {
        const char *own[] = {tl_arena_printf(arena, "g%d", i % CLASSES)};
        struct tl_principal principal = {.user = tl_arena_printf(arena, "user%d", i), .group_count = 1, .groups = own};
        const tl_clearance *clearance;
        struct tl_request asking;
        tl_request_init(&asking, arena);
        asking.principal = &principal;
        if (tl_lifeguard_decide(&asking, lifeguard, &manner, NULL, 0, &clearance) != TL_OK)
            return failed(&asking.err);
    }
    for (int i = 0; i < COLUMNS; i++)
        trino_columns[i] = (struct tl_trino_column){columns[i], text, "varchar"};
    for (int i = 0; i < TABLES; i++)
        datasets[i] = (struct tl_trino_dataset){tl_arena_printf(arena, "s%d", i % 20), "public", tl_arena_printf(arena, "t%d", i), COLUMNS, trino_columns};
    qsort(datasets, TABLES, sizeof *datasets, by_dataset);
    tl_buf_init(&json, (size_t)1 << 30);
    int64_t from_us = tl_clock_monotonic_us();
    if (tl_lifeguard_trino_rules(rq, lifeguard, datasets, TABLES, 1, &json, &tag) != TL_OK)
        return failed(&rq->err);
    printf("rules.json of %d tables for %d users in %d classes, whole: %.2f s, %.1f MB\n", TABLES, USERS, CLASSES,
           (double)(tl_clock_monotonic_us() - from_us) / 1e6, (double)json.size / 1e6);
    int64_t render_us = 0, write_us = 0;
    for (int i = 0; i < CHANGES; i++) {
        struct lg_change change = {LG_DATASET, datasets[i * 11].table, NULL};
        const struct tl_grant_scope scope = {.source = datasets[i * 11].source, .schema = "public", .table = datasets[i * 11].table};
        change.name = lg_dataset_name(arena, &scope);
        if (lg_apply(rq, lifeguard, "changed", "one table", "bench", &change, 1) != TL_OK)
            return failed(&rq->err);
        from_us = tl_clock_monotonic_us();
        if (tl_lifeguard_trino_rules(rq, lifeguard, datasets, TABLES, 1, NULL, &tag) != TL_OK)
            return failed(&rq->err);
        render_us += tl_clock_monotonic_us() - from_us;
        from_us = tl_clock_monotonic_us();
        tl_buf_clear(&json);
        if (tl_lifeguard_trino_rules(rq, lifeguard, datasets, TABLES, 1, &json, &tag) != TL_OK)
            return failed(&rq->err);
        write_us += tl_clock_monotonic_us() - from_us;
    }
    printf("... after one change: rendered in %.2f ms, written out in %.2f ms\n", (double)render_us / 1000 / CHANGES, (double)write_us / 1000 / CHANGES);
    tl_buf_done(&json);
    return 0;
}

static int run(tl_lifeguard *lifeguard, struct tl_request *rq, const char *folder)
{
    struct lg_change *changes = TL_NEW_ARRAY(arena, struct lg_change, TABLES + GRANTS + ROW_RULES);
    fill(changes);
    int64_t from_us = tl_clock_monotonic_us();
    if (lg_apply(rq, lifeguard, "filled", "everything", "bench", changes, TABLES + GRANTS + ROW_RULES) != TL_OK)
        return failed(&rq->err);
    printf("%d tables, %d grants, %d row rules written in %.2f s\n", TABLES, GRANTS, ROW_RULES, (double)(tl_clock_monotonic_us() - from_us) / 1e6);
    measure(lifeguard, 1, MEMBER_OF);
    measure(lifeguard, 5, MEMBER_OF);
    measure(lifeguard, 1, 0); /* denied, each on a source with hundreds of grants */
    from_us = tl_clock_monotonic_us();
    for (int i = 0; i < CHANGES; i++)
        if (lg_apply(rq, lifeguard, "changed", "one table", "bench", &changes[i], 1) != TL_OK)
            return failed(&rq->err);
    printf("one change, written and in force: %.2f ms\n", (double)(tl_clock_monotonic_us() - from_us) / 1000 / CHANGES);
    return measure_audit(lifeguard, folder) ? 1 : measure_trino(lifeguard, rq);
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
    int status = run(lifeguard, &rq, argv[1]);
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
