#include "daemon/demo.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "cli/cli.h"
#include "cli/installation.h"
#include "company_yaml.h" /* generated from demo/models/company.yaml */
#include "daemon/demo_access.h"
#include "daemon/demo_catalog.h"
#include "daemon/demo_world.h"
#include "daemon/serve.h"
#include "io/process.h"
#include "lake_sql.h" /* generated from demo/lake.sql */

enum { OPTIONS_MAX = 16, ARENA_MAX = 256 * 1024 * 1024, CONFIG_MAX = 64 * 1024, READY_TIMEOUT_US = 60 * 1000000 };

/* The four people of the demo. */
static const struct {
    const char *user, *variable;
} people[] = {{"admin", "ADMIN"}, {"analyst", "ANALYST"}, {"fraud", "FRAUD"}, {"contractor", "CONTRACTOR"}};
enum { PEOPLE = sizeof people / sizeof *people, TOKEN_SIZE = 4 + 32 + 1 };

struct demo {
    tl_arena *arena;
    struct tl_demo_world world;
    const char *address;
    int port;
    char tokens[PEOPLE][TOKEN_SIZE];
};

static enum tl_code parse_number(const char *name, const char *text, double least, double most, double *ret_number, struct tl_err *err)
{
    char *end;
    *ret_number = strtod(text, &end);
    if (*text && !*end && *ret_number >= least && *ret_number <= most)
        return TL_OK;
    return tl_err_set(err, TL_INVALID_ARGUMENT, "%s must be a number from %g to %g, not \"%s\"", name, least, most, text);
}

static bool is_date(const char *text)
{
    int year, month, day, used = 0;
    return sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) == 3 && used == 10 && !text[10] && month >= 1 && month <= 12 && day >= 1 &&
           day <= 31;
}

static enum tl_code find_folder(struct demo *demo, const char *given, struct tl_err *err)
{
    if (tl_dir_make(given, 0711, err) != TL_OK)
        return err->code;
    char real[PATH_MAX];
    if (!realpath(given, real))
        return tl_err_errno(err, TL_IO, errno, "cannot use the folder \"%s\"", given);
    demo->world.directory = tl_arena_strdup(demo->arena, real);
    return TL_OK;
}

static enum tl_code find_parts(struct demo *demo, struct tl_err *err)
{
    demo->world.engine_program = tl_installation_find(demo->arena, TL_INSTALLED_ENGINE);
    demo->world.servers_folder = tl_installation_find(demo->arena, TL_INSTALLED_DEMO_SERVERS);
    if (!demo->world.engine_program)
        return tl_err_set(err, TL_CONFIG, "townlake-engine is not beside this program");
    if (demo->world.federated && !demo->world.servers_folder)
        return tl_err_set(err, TL_CONFIG, "the starters of PostgreSQL and ClickHouse are not beside this program");
    return TL_OK;
}

static enum tl_code read_options(struct demo *demo, const struct tl_cli_option *options, int count, struct tl_err *err)
{
    double port, scale, seed;
    if (parse_number("--port", tl_cli_option(options, count, "--port", "8080"), 0, 65535, &port, err) != TL_OK ||
        parse_number("--scale", tl_cli_option(options, count, "--scale", "1"), 0.001, 1000, &scale, err) != TL_OK ||
        parse_number("--seed", tl_cli_option(options, count, "--seed", "42"), 0, 1e15, &seed, err) != TL_OK)
        return err->code;
    demo->port = (int)port;
    demo->address = "127.0.0.1";
    demo->world.scale = scale;
    demo->world.seed = (int64_t)seed;
    demo->world.today = tl_cli_option(options, count, "--today", NULL);
    demo->world.federated = tl_cli_flag(options, count, "--federated");
    if (demo->world.today && !is_date(demo->world.today))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "--today must be a date such as 2026-01-31, not \"%s\"", demo->world.today);
    const char *folder = tl_cli_option(options, count, "--dir", NULL);
    if (!folder) {
        tl_err_set(err, TL_INVALID_ARGUMENT, "--dir is missing: the folder that the demo may fill");
        tl_err_hint(err, "townlake demo --dir ./demo-data");
        return TL_INVALID_ARGUMENT;
    }
    if (find_folder(demo, folder, err) != TL_OK)
        return err->code;
    return find_parts(demo, err);
}

/* Each person's token is made once and kept in DIR/tokens, readable by the owner only. */
static enum tl_code make_tokens(struct demo *demo, struct tl_err *err)
{
    const char *folder = tl_arena_printf(demo->arena, "%s/tokens", demo->world.directory);
    if (tl_dir_make(folder, 0700, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < PEOPLE; i++) {
        const char *path = tl_arena_printf(demo->arena, "%s/%s", folder, people[i].user);
        struct tl_buf kept;
        tl_buf_init(&kept, 256);
        if (access(path, F_OK) == 0 && tl_file_read(path, &kept, err) == TL_OK && kept.size >= TOKEN_SIZE - 1) {
            memcpy(demo->tokens[i], tl_buf_cstr(&kept), TOKEN_SIZE - 1);
        } else {
            memcpy(demo->tokens[i], "tlk_", 4);
            if (tl_random_hex(demo->tokens[i] + 4, (TOKEN_SIZE - 5) / 2, err) == TL_OK &&
                tl_file_write(path, demo->tokens[i], TOKEN_SIZE - 1, 0600, err) != TL_OK)
                tl_err_detail(err, "the token of \"%s\"", people[i].user);
        }
        tl_buf_done(&kept);
        if (err->code != TL_OK)
            return err->code;
    }
    return TL_OK;
}

static void add_sources(struct tl_buf *yaml, const struct tl_demo_world *world)
{
    if (world->federated) {
        tl_buf_addf(yaml,
                    "sources:\n"
                    "  - name: ops\n    kind: postgres\n    comment: the operational database (PostgreSQL)\n"
                    "    options: {host: 127.0.0.1, port: %d, database: ops, user: postgres}\n"
                    "  - name: events\n    kind: clickhouse\n    comment: the event store (ClickHouse)\n"
                    "    options: {host: 127.0.0.1, port: %d}\n",
                    world->postgres_port, world->clickhouse_port);
        return;
    }
    tl_buf_addf(yaml,
                "sources:\n"
                "  - name: ops\n    kind: duckdb\n    comment: the operational database\n    options: {path: \"%s/ops.duckdb\"}\n"
                "  - name: events\n    kind: duckdb\n    comment: the event store\n    options: {path: \"%s/events.duckdb\"}\n",
                world->directory, world->directory);
}

/* What the company's numbers mean; whoever runs the demo may change it. */
static enum tl_code write_model(struct demo *demo, struct tl_err *err)
{
    const char *folder = tl_arena_printf(demo->arena, "%s/models", demo->world.directory);
    const char *path = tl_arena_printf(demo->arena, "%s/company.yaml", folder);
    if (tl_dir_make(folder, 0711, err) != TL_OK || access(path, F_OK) == 0)
        return err->code;
    return tl_file_write(path, company_yaml, strlen(company_yaml), 0644, err);
}

static enum tl_code write_config(struct demo *demo, const char **ret_path, struct tl_err *err)
{
    struct tl_buf yaml;
    tl_buf_init(&yaml, CONFIG_MAX);
    tl_buf_adds(&yaml, "# Written by `townlake demo`; `townlake serve --config` takes it too.\n");
    tl_buf_addf(&yaml, "listen: {address: \"%s\", port: %d}\nstate: {directory: \"%s/state\"}\n", demo->address, demo->port, demo->world.directory);
    tl_buf_addf(&yaml, "lake: {warehouse: \"%s/warehouse\"}\n", demo->world.directory);
    tl_buf_addf(&yaml, "skipper: {semantic_models: \"%s/models\"}\n", demo->world.directory);
    add_sources(&yaml, &demo->world);
    tl_buf_adds(&yaml, "tokens:\n");
    for (size_t i = 0; i < PEOPLE; i++)
        tl_buf_addf(&yaml, "  - {user: %s, groups: [%s], token: \"file:%s/tokens/%s\"}\n", people[i].user, people[i].user, demo->world.directory,
                    people[i].user);
    *ret_path = tl_arena_printf(demo->arena, "%s/townlake.yaml", demo->world.directory);
    enum tl_code code = tl_file_write(*ret_path, tl_buf_cstr(&yaml), yaml.size, 0600, err);
    tl_buf_done(&yaml);
    return code;
}

static enum tl_code write_environment(struct demo *demo, tl_serve *serve, struct tl_err *err)
{
    struct tl_buf text;
    tl_buf_init(&text, CONFIG_MAX);
    tl_buf_addf(&text, "TOWNLAKE_URL=%s\n", tl_serve_url(serve));
    for (size_t i = 0; i < PEOPLE; i++)
        tl_buf_addf(&text, "TOWNLAKE_TOKEN_%s=%s\n", people[i].variable, demo->tokens[i]);
    const char *path = tl_arena_printf(demo->arena, "%s/demo.env", demo->world.directory);
    enum tl_code code = tl_file_write(path, tl_buf_cstr(&text), text.size, 0600, err);
    tl_buf_done(&text);
    return code;
}

/* ---- the lake, filled through the door ---- */

static const char *const admin_groups[] = {"admin"};
static const struct tl_principal admin = {.user = "admin", .group_count = 1, .groups = admin_groups, .authenticated = true};

static enum tl_code run_statement(tl_serve *serve, struct tl_str sql, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    struct tl_request rq;
    tl_request_init(&rq, arena);
    rq.principal = &admin;
    struct tl_session session = {.source = "townlake demo", .raw_reason = "the demo fills its lake"};
    tl_answer *answer = NULL;
    if (tl_door_run(&rq, tl_serve_door(serve), &session, sql, &answer) == TL_OK) {
        const struct tl_batch *batch;
        bool end = false;
        while (!end && tl_answer_next(&rq, answer, -1, &batch, &end) == TL_OK)
            continue;
        tl_answer_close(&rq, answer);
    }
    if (rq.err.code != TL_OK) {
        tl_err_copy(err, &rq.err);
        tl_err_detail(err, "while running: %.*s", (int)(sql.size < 200 ? sql.size : 200), sql.data);
    }
    tl_arena_free(arena);
    return err->code;
}

static enum tl_code with_stage(struct demo *demo, tl_serve *serve, bool add, struct tl_err *err)
{
    struct tl_config_pair option = {"path", tl_arena_printf(demo->arena, "%s/stage.duckdb", demo->world.directory)};
    struct tl_config_source source = {.name = "stage", .kind = "duckdb", .option_count = 1, .options = &option};
    struct tl_request rq;
    tl_request_init(&rq, demo->arena);
    enum tl_code code;
    if (add) {
        code = tl_registry_add(&rq, tl_serve_registry(serve), &source, "added", false, true, false);
        if (code == TL_OK)
            code = tl_registry_refresh(&rq, tl_serve_registry(serve), "stage");
    } else {
        code = tl_registry_remove(&rq, tl_serve_registry(serve), "stage");
    }
    return code == TL_OK ? TL_OK : tl_err_copy(err, &rq.err);
}

static enum tl_code run_lake_script(tl_serve *serve, struct tl_err *err)
{
    for (const char *at = lake_sql; *at;) {
        while (strncmp(at, "--", 2) == 0 || *at == '\n' || *at == ' ')
            at = *at == '-' ? strchrnul(at, '\n') : at + 1;
        const char *end = strchrnul(at, ';');
        if (end > at && run_statement(serve, (struct tl_str){at, (size_t)(end - at)}, err) != TL_OK)
            return err->code;
        at = *end ? end + 1 : end;
    }
    return TL_OK;
}

static enum tl_code fill_lake(struct demo *demo, tl_serve *serve, struct tl_err *err)
{
    tl_registry_wait_ready(tl_serve_registry(serve), READY_TIMEOUT_US);
    const char *marker = tl_arena_printf(demo->arena, "%s/lake.txt", demo->world.directory);
    if (access(marker, F_OK) == 0)
        return TL_OK;
    int64_t started_us = tl_clock_monotonic_us();
    if (with_stage(demo, serve, true, err) != TL_OK || run_lake_script(serve, err) != TL_OK || with_stage(demo, serve, false, err) != TL_OK)
        return err->code;
    struct tl_request rq;
    tl_request_init(&rq, demo->arena);
    if (tl_registry_refresh(&rq, tl_serve_registry(serve), "lake") != TL_OK)
        return tl_err_copy(err, &rq.err);
    tl_demo_step("filled the lake: billing, dimensions, facts", started_us);
    return tl_file_write(marker, "done\n", 5, 0600, err);
}

/* Once: what people say of it later stays. */
static enum tl_code describe(struct demo *demo, tl_serve *serve, struct tl_err *err)
{
    const char *marker = tl_arena_printf(demo->arena, "%s/catalog.txt", demo->world.directory);
    int64_t started_us = tl_clock_monotonic_us();
    if (access(marker, F_OK) == 0)
        return TL_OK;
    if (tl_demo_catalog_make(serve, &admin, err) != TL_OK)
        return err->code;
    tl_demo_step("described the tables: owners, terms, pages", started_us);
    return tl_file_write(marker, "done\n", 5, 0600, err);
}

static void print_welcome(struct demo *demo, tl_serve *serve)
{
    const char *directory = demo->world.directory;
    printf("\nTown Lake is ready: %s\n\n", tl_serve_url(serve));
    printf("  set -a; . %s/demo.env; set +a; export TOWNLAKE_TOKEN=$TOWNLAKE_TOKEN_ADMIN\n", directory);
    printf("  townlake sql \"SHOW CATALOGS\"\n");
    printf("  townlake sql \"SELECT c.name, sum(i.amount) AS revenue FROM ops.public.invoices i JOIN ops.public.accounts a USING (account_id)\n"
           "                JOIN lake.dim.customers c USING (customer_id) GROUP BY 1 ORDER BY 2 DESC LIMIT 10\"\n");
    printf("  townlake ask \"top 10 customers by revenue last quarter\"\n");
    printf("  townlake ask --continue \"now by region, without internal accounts\"\n");
    printf("  townlake sql                      an interactive prompt\n");
    printf("  townlake catalog show ops.public.invoices   what it means, who owns it, what you may read of it\n");
    printf("  townlake skimmer findings         what in it is personal, and what is proposed for it\n");
    for (size_t i = 0; i < PEOPLE; i++)
        printf("%s  %s/#user=%s\n", i ? "" : "\nIn a browser, as one of four people:\n", tl_serve_url(serve), people[i].user);
    printf("\nCtrl-C stops it; the data stays in %s.\n", directory);
    fflush(stdout);
}

static enum tl_code serve_demo(struct demo *demo, struct tl_err *err)
{
    const char *path;
    const tl_config *config;
    if (make_tokens(demo, err) != TL_OK || write_model(demo, err) != TL_OK || write_config(demo, &path, err) != TL_OK ||
        tl_config_load(demo->arena, path, NULL, &config, err) != TL_OK)
        return err->code;
    tl_log_init(2, TL_LOG_WARN, TL_LOG_AUTO);
    const char *const extra_paths[] = {demo->world.directory, NULL};
    struct tl_serve_options options = {.config = config, .allow_plain_secrets = true, .crawl_waits = true, .extra_paths = extra_paths};
    tl_serve *serve = NULL;
    int64_t started_us = tl_clock_monotonic_us();
    if (tl_serve_start(&options, &serve, err) != TL_OK)
        return err->code;
    tl_demo_step("started the server", started_us);
    if (fill_lake(demo, serve, err) == TL_OK && tl_demo_access_make(serve, &admin, err) == TL_OK && write_environment(demo, serve, err) == TL_OK) {
        tl_serve_start_crawl(serve);
        if (describe(demo, serve, err) == TL_OK) {
            print_welcome(demo, serve);
            tl_serve_wait_signal();
            printf("\nstopping\n");
        }
    }
    tl_serve_stop(serve);
    return err->code;
}

int tl_demo_main(int argc, char **argv)
{
    struct tl_cli_option options[OPTIONS_MAX];
    int option_count = 0, positional_count = 0;
    int status = tl_cli_parse("demo", argc, argv, options, &option_count, OPTIONS_MAX, NULL, &positional_count, 0);
    if (status >= 0)
        return status;
    tl_serve_block_signals();
    struct tl_err err;
    tl_err_init(&err);
    struct demo demo = {.arena = tl_arena_new(ARENA_MAX)};
    if (read_options(&demo, options, option_count, &err) == TL_OK) {
        printf("Making the demo in %s\n", demo.world.directory);
        if (tl_demo_world_make(&demo.world, demo.arena, &err) == TL_OK &&
            (!demo.world.federated || tl_demo_servers_start(&demo.world, demo.arena, &err) == TL_OK))
            serve_demo(&demo, &err);
        if (demo.world.federated)
            tl_demo_servers_stop(&demo.world, demo.arena);
    }
    if (err.code != TL_OK)
        tl_cli_print_err(&err, NULL);
    tl_arena_free(demo.arena);
    return err.code == TL_OK ? 0 : tl_code_info(err.code)->exit_status;
}
