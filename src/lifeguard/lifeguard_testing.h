/* A lifeguard over a state of its own for each test, and rules written as JSON. */
#ifndef TL_LIFEGUARD_LIFEGUARD_TESTING_H
#define TL_LIFEGUARD_LIFEGUARD_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/process.h"
#include "lifeguard/lifeguard_int.h"

static char folder[64];
static tl_store *store;
static tl_lifeguard *guard;
static tl_arena *arena;
static struct tl_request rq;

static const char *const admins[] = {"admin"};
static const char *const analysts[] = {"analyst"};
static const char *const contractors[] = {"contractor"};
static const struct tl_principal root = {.user = "root", .group_count = 1, .groups = admins, .authenticated = true};
static const struct tl_principal ann = {.user = "ann", .group_count = 1, .groups = analysts, .authenticated = true};
static const struct tl_principal carl = {.user = "carl", .group_count = 1, .groups = contractors, .authenticated = true};
static const struct tl_principal nobody = {.user = "nobody", .authenticated = true};

static const char *const columns[] = {"id", "email", "country"};
static const struct tl_access_need accounts = {"ops", "public", "accounts", TL_ACCESS_READ, 3, columns};
static const struct tl_grant_scope accounts_scope = {.source = "ops", .schema = "public", .table = "accounts"};

static inline void open_guard(bool open)
{
    struct tl_err err;
    struct tl_lifeguard_options options = {.open = open, .link_base = "http://lake"};
    tl_err_init(&err);
    if (tl_store_open(folder, &store, &err) != TL_OK || tl_lifeguard_open(store, &options, &guard, &err) != TL_OK)
        fail_msg("%s (%s)", err.message, err.detail);
}

static inline void close_guard(void)
{
    guard = tl_lifeguard_close(guard);
    store = tl_store_close(store);
}

static inline void as(const struct tl_principal *principal)
{
    tl_request_init(&rq, arena);
    rq.principal = principal;
}

static inline int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tl_lifeguard_test.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    arena = tl_arena_new(1 << 28);
    open_guard(false);
    as(&root);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    close_guard();
    const char *const argv[] = {"/bin/rm", "-rf", folder, NULL};
    struct tl_process_options options = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    tl_process *process;
    struct tl_err err;
    int status = 1;
    tl_err_init(&err);
    if (tl_process_start(&options, &process, &err) != TL_OK)
        return -1;
    tl_process_wait(process, 10000, &status);
    tl_process_end(process);
    return status;
}

static inline void expect_ok(enum tl_code code)
{
    if (code != TL_OK)
        fail_msg("%s: %s (%s)", tl_code_info(code)->name, rq.err.message, rq.err.detail);
}

static inline const tl_json *json_of(const char *text)
{
    const tl_json *json;
    expect_ok(tl_json_parse(arena, text, strlen(text), &json, &rq.err));
    return json;
}

/* As the administrator. */
static inline void review(const char *body)
{
    as(&root);
    expect_ok(tl_lifeguard_review(&rq, guard, &accounts_scope, columns, 3, json_of(body), "test"));
}

static inline const char *grant(const char *body)
{
    const char *id;
    as(&root);
    expect_ok(tl_lifeguard_grant(&rq, guard, json_of(body), &id));
    return id;
}

static inline const char *row_rule(const char *body)
{
    const char *id;
    as(&root);
    expect_ok(tl_lifeguard_row_rule(&rq, guard, json_of(body), &id));
    return id;
}

static inline enum tl_code decide_as(const struct tl_principal *principal, const struct tl_access_need *need, bool pii,
                                     const struct tl_dataset_grant **ret_grant)
{
    const tl_clearance *clearance;
    struct tl_access_manner manner = {.pii = pii};
    as(principal);
    enum tl_code code = tl_lifeguard_decide(&rq, guard, &manner, need, 1, &clearance);
    *ret_grant = code == TL_OK ? tl_clearance_grant(clearance, 0) : NULL;
    return code;
}

/* "id,email=email_domain": the visible columns and their masks, or the code of the denial. */
static inline const char *seen_by(const struct tl_principal *principal, bool pii)
{
    const struct tl_dataset_grant *granted;
    enum tl_code code = decide_as(principal, &accounts, pii, &granted);
    if (code != TL_OK)
        return tl_code_info(code)->name;
    struct tl_buf text;
    tl_buf_init(&text, 4096);
    for (size_t i = 0; i < granted->column_count; i++) {
        tl_buf_addf(&text, "%s%s", i ? "," : "", granted->columns[i]);
        if (granted->masks[i].form != TL_MASK_NONE) {
            tl_buf_addc(&text, '=');
            tl_mask_format(&text, &granted->masks[i]);
        }
    }
    if (granted->row_rule_count)
        tl_buf_addf(&text, " rules %zu", granted->row_rule_count);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define READS_OPS "{\"group\":\"analyst\",\"privileges\":\"read\",\"scope\":{\"source\":\"ops\"},\"reason\":\"test\"}"

#endif
