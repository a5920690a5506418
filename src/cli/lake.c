/* townlake lake: what the lake's tables are made of, and their upkeep; each action is a statement. */
#include <stdio.h>
#include <string.h>

#include "cli/cli_int.h"

enum { SQL_BYTES_MAX = 64 * 1024 };

/* "sales.orders" or "lake.sales.orders": each part quoted; `suffix` belongs to the last. */
static void add_name(struct tl_buf *sql, const char *name, const char *suffix)
{
    for (const char *at = name;;) {
        size_t size = strcspn(at, ".");
        bool last = at[size] == '\0';
        char part[1024];
        snprintf(part, sizeof part, "%.*s%s", (int)(size < 512 ? size : 512), at, last ? suffix : "");
        tl_buf_add_identifier(sql, part);
        if (last)
            return;
        tl_buf_addc(sql, '.');
        at += size + 1;
    }
}

static const char *catalog_of(const struct tl_cli_job *job)
{
    const char *catalog = tl_cli_job_option(job, "--catalog");
    return catalog ? catalog : "lake";
}

/* The lake is a table's catalog unless the name has three parts. */
static bool names_catalog(const char *name)
{
    return strchr(name, '.') != strrchr(name, '.');
}

static void add_table(struct tl_buf *sql, const struct tl_cli_job *job, const char *name, const char *suffix)
{
    if (!names_catalog(name)) {
        tl_buf_add_identifier(sql, catalog_of(job));
        tl_buf_addc(sql, '.');
    }
    add_name(sql, name, suffix);
}

static void run(struct tl_cli_job *job, struct tl_buf *sql)
{
    const char *form = tl_cli_job_option(job, "--output");
    enum tl_cli_form wanted = TL_CLI_TABLE;
    if (form && !tl_cli_form_of(form, &wanted)) {
        tl_err_set(&job->err, TL_INVALID_ARGUMENT, "there is no form \"%s\" of output", form);
        tl_err_hint(&job->err, "table, csv, json, jsonl or markdown");
        return;
    }
    struct tl_cli_sink sink = {0};
    struct tl_cli_outcome outcome;
    tl_cli_printer *printer = tl_cli_printer_new(stdout, wanted);
    sink.context = printer;
    sink.columns = tl_cli_printer_columns;
    sink.row = tl_cli_printer_row;
    enum tl_code code = tl_cli_run(&job->client, tl_buf_cstr(sql), sql->size, &sink, &outcome, &job->err);
    tl_cli_printer_end(printer, code == TL_OK);
}

static void run_and_end(struct tl_cli_job *job, struct tl_buf *sql)
{
    run(job, sql);
    tl_buf_done(sql);
}

static void tables(struct tl_cli_job *job)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_BYTES_MAX);
    tl_buf_adds(&sql, "SELECT table_schema AS \"schema\", table_name AS \"table\", table_type AS type FROM ");
    tl_buf_add_identifier(&sql, catalog_of(job));
    tl_buf_adds(&sql, ".information_schema.tables WHERE table_schema <> 'information_schema' ORDER BY 1, 2");
    run_and_end(job, &sql);
}

static void about(struct tl_cli_job *job, const char *select, const char *kind, const char *rest)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_BYTES_MAX);
    tl_buf_adds(&sql, select);
    add_table(&sql, job, job->words[0], kind);
    tl_buf_adds(&sql, rest);
    run_and_end(job, &sql);
}

static void describe(struct tl_cli_job *job)
{
    about(job, "DESCRIBE ", "", "");
}

static void snapshots(struct tl_cli_job *job)
{
    about(job, "SELECT committed_at, snapshot_id, operation, summary['added-records'] AS added, summary['deleted-records'] AS deleted FROM ",
          "$snapshots", " ORDER BY committed_at");
}

/* How large, in how many files, how many of them small. */
static void cost(struct tl_cli_job *job)
{
    about(job,
          "SELECT count(*) FILTER (WHERE content = 0) AS files, count(*) FILTER (WHERE content > 0) AS delete_files, "
          "coalesce(sum(file_size_in_bytes), 0) AS bytes, coalesce(sum(record_count) FILTER (WHERE content = 0), 0) AS rows, "
          "count(*) FILTER (WHERE content = 0 AND file_size_in_bytes < 104857600) AS small_files FROM ",
          "$files", "");
}

/* What the last change, or the one of a snapshot, did. */
static void diff(struct tl_cli_job *job)
{
    about(job, "SELECT committed_at, operation, unnest(map_keys(summary)) AS what, unnest(map_values(summary)) AS value FROM ", "$snapshots",
          " QUALIFY committed_at = max(committed_at) OVER () ORDER BY what");
}

/* The statement, then what its job did. */
static void execute(struct tl_cli_job *job, const char *procedure, const char *arguments)
{
    const char *table = job->words[0];
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_BYTES_MAX);
    tl_buf_adds(&sql, "ALTER TABLE ");
    add_table(&sql, job, table, "");
    tl_buf_addf(&sql, " EXECUTE %s%s", procedure, arguments);
    run(job, &sql);
    tl_buf_clear(&sql);
    if (job->err.code == TL_OK) {
        const char *full = names_catalog(table) ? table : tl_arena_printf(job->arena, "%s.%s", catalog_of(job), table);
        tl_buf_adds(&sql, "SELECT state, files_rewritten, files_added, rows_rewritten, snapshots_removed, files_removed, bytes_removed "
                          "FROM system.lake.jobs WHERE \"table\" = ");
        tl_buf_add_literal(&sql, full, strlen(full));
        tl_buf_adds(&sql, " ORDER BY started DESC LIMIT 1");
        run(job, &sql);
    }
    tl_buf_done(&sql);
}

/* "(a => 'x', b => 1)" of the options that are given. */
static void execute_with(struct tl_cli_job *job, const char *procedure, const char *const pairs[][2], size_t count)
{
    struct tl_buf arguments;
    tl_buf_init(&arguments, SQL_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *value = tl_cli_job_option(job, pairs[i][0]);
        if (!value)
            continue;
        tl_buf_addf(&arguments, "%s%s => ", arguments.size ? ", " : "(", pairs[i][1]);
        tl_buf_add_literal(&arguments, value, strlen(value));
    }
    if (arguments.size)
        tl_buf_addc(&arguments, ')');
    execute(job, procedure, tl_buf_cstr(&arguments));
    tl_buf_done(&arguments);
}

static void compact(struct tl_cli_job *job)
{
    static const char *const pairs[][2] = {{"--small", "file_size_threshold"}};
    execute_with(job, "optimize", pairs, 1);
}

static void expire(struct tl_cli_job *job)
{
    static const char *const pairs[][2] = {{"--older-than", "retention_threshold"}, {"--retain-last", "retain_last"}};
    execute_with(job, "expire_snapshots", pairs, 2);
}

static void orphans(struct tl_cli_job *job)
{
    static const char *const pairs[][2] = {{"--older-than", "retention_threshold"}};
    execute_with(job, "remove_orphan_files", pairs, 1);
}

static void rollback(struct tl_cli_job *job)
{
    char arguments[64];
    snprintf(arguments, sizeof arguments, "(snapshot_id => %.40s)", job->words[1]);
    execute(job, "rollback_to_snapshot", arguments);
}

static void jobs(struct tl_cli_job *job)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_BYTES_MAX);
    tl_buf_adds(&sql, "SELECT started, kind, \"table\", asked_by, state, files_rewritten, files_added, files_removed, error FROM system.lake.jobs "
                      "ORDER BY started DESC LIMIT 50");
    run_and_end(job, &sql);
}

static const struct tl_cli_action actions[] = {
    {"tables", 0, tables},   {"describe", 1, describe}, {"snapshots", 1, snapshots}, {"diff", 1, diff},         {"cost", 1, cost},
    {"compact", 1, compact}, {"expire", 1, expire},     {"orphans", 1, orphans},     {"rollback", 2, rollback}, {"jobs", 0, jobs},
};

int tl_cli_lake(int argc, char **argv)
{
    return tl_cli_act("lake", argc, argv, actions, sizeof actions / sizeof *actions);
}
