/* townlake lake: what the lake's tables are made of, and their upkeep; each action is a statement. */
#include <stdio.h>
#include <string.h>

#include "cli/cli_int.h"

enum { SQL_BYTES_MAX = 64 * 1024 };

/* The first part of a name, without its quotes ("my.schema"."t" has two, with "" for one inside); what follows its dot, NULL = nothing. */
static const char *next_part(tl_arena *arena, const char *name, const char **ret_part)
{
    size_t used = 0;
    bool quoted = *name == '"';
    char *part = tl_arena_strdup(arena, name);
    const char *at = name + quoted;
    for (; *at && (quoted || *at != '.'); at++) {
        if (quoted && *at == '"' && *++at != '"')
            break;
        part[used++] = *at;
    }
    part[used] = '\0';
    *ret_part = part;
    return *at == '.' ? at + 1 : NULL;
}

/* sales.orders, "sales"."my.orders" or lake.sales.orders: each part quoted; `suffix` belongs to the last. */
static void add_name(struct tl_buf *sql, tl_arena *arena, const char *name, const char *suffix)
{
    while (name) {
        const char *part;
        name = next_part(arena, name, &part);
        tl_buf_add_identifier(sql, name ? part : tl_arena_printf(arena, "%s%s", part, suffix));
        if (name)
            tl_buf_addc(sql, '.');
    }
}

static const char *catalog_of(const struct tl_cli_job *job)
{
    const char *catalog = tl_cli_job_option(job, "--catalog");
    return catalog ? catalog : "lake";
}

/* The lake is a table's catalog unless the name has three parts. */
static bool names_catalog(tl_arena *arena, const char *name)
{
    const char *part, *rest = next_part(arena, name, &part);
    return rest && next_part(arena, rest, &part);
}

static void add_table(struct tl_buf *sql, const struct tl_cli_job *job, const char *name, const char *suffix)
{
    if (!names_catalog(job->arena, name)) {
        tl_buf_add_identifier(sql, catalog_of(job));
        tl_buf_addc(sql, '.');
    }
    add_name(sql, job->arena, name, suffix);
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
        const char *full = names_catalog(job->arena, table) ? "" : tl_arena_printf(job->arena, "%s.", catalog_of(job)), *part, *rest = table;
        while (rest) { /* as the record of jobs spells it */
            rest = next_part(job->arena, rest, &part);
            full = tl_arena_printf(job->arena, "%s%s%s", full, part, rest ? "." : "");
        }
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

/* Schema (levels joined as the catalog's addresses have them) and name; a catalog in front is left out. */
static void split_name(struct tl_cli_job *job, const char *name, const char **ret_schema, const char **ret_name)
{
    const char *parts[3] = {"", "", ""}, *rest = name;
    int count = 0;
    for (; rest && count < 3; count++)
        rest = next_part(job->arena, rest, &parts[count]);
    *ret_schema = count > 1 ? parts[count - 2] : "";
    *ret_name = parts[count - 1];
    if (count < 2 || rest)
        tl_err_set(&job->err, TL_INVALID_ARGUMENT, "\"%.200s\" is not a table's name: schema.table", name);
}

static void undrop(struct tl_cli_job *job)
{
    const char *schema, *name, *as = tl_cli_job_option(job, "--as");
    struct tl_buf path, body;
    struct tl_json_writer writer;
    split_name(job, job->words[0], &schema, &name);
    if (job->err.code != TL_OK)
        return;
    char *levels = tl_arena_strdup(job->arena, schema);
    for (char *c = levels; *c; c++)
        *c = *c == '.' ? 0x1F : *c; /* how the catalog joins levels */
    tl_buf_init(&path, SQL_BYTES_MAX);
    tl_buf_init(&body, SQL_BYTES_MAX);
    tl_buf_adds(&path, "/iceberg/v1/namespaces/");
    tl_http_encode(&path, levels);
    tl_buf_adds(&path, "/undrop");
    tl_json_writer_init(&writer, &body);
    tl_json_begin_object(&writer);
    tl_json_pair_text(&writer, "name", name);
    if (as)
        tl_json_pair_text(&writer, "as", as);
    tl_json_end_object(&writer);
    if (tl_cli_job_call(job, "POST", tl_buf_cstr(&path), tl_buf_cstr(&body)) && job->err.code == TL_OK)
        printf("\"%s\".\"%s\" is back; in SQL it waits for its review\n", schema, as ? as : name);
    tl_buf_done(&path);
    tl_buf_done(&body);
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
    {"undrop", 1, undrop},
};

int tl_cli_lake(int argc, char **argv)
{
    return tl_cli_act("lake", argc, argv, actions, sizeof actions / sizeof *actions);
}
