/* The ageing roll-up: partitions that have become old are written again at a coarser grain, in one snapshot.  Per key and period the
 * sums, minima and maxima of both sides are compared by the engine, and only when none differs is the new file put in place. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "door/lake_tables_int.h"
#include "door/rollup.h"
#include "door/upkeep_rewrite_int.h"

struct ageing {
    struct rewriting rewriting;
    struct rollup rollup;
    const enum rollup_grain *grains; /* per group */
};

/* --- SQL --- */

static void put_aggregate(struct tl_buf *sql, const struct tl_lake_field *field, enum rollup_role role)
{
    static const char *const functions[] = {[ROLLUP_SUM] = "sum", [ROLLUP_MIN] = "min", [ROLLUP_MAX] = "max"};
    tl_buf_addf(sql, "%s(", functions[role]);
    tl_buf_add_identifier(sql, field->name);
    tl_buf_addc(sql, ')');
}

static void put_truncated(struct tl_buf *sql, const struct ageing *ageing, const char *unit)
{
    tl_buf_addf(sql, "date_trunc('%s', ", unit);
    tl_buf_add_identifier(sql, ageing->rollup.time->name);
    tl_buf_addc(sql, ')');
}

/* The columns in their order and types; grouped by all that is not added up. */
static void put_select(struct tl_buf *sql, const struct ageing *ageing, enum rollup_grain grain)
{
    const struct tl_lake_type *root = &ageing->rollup.schema->root;
    tl_buf_adds(sql, "SELECT ");
    for (size_t i = 0; i < root->count; i++) {
        const struct tl_lake_field *field = &root->fields[i];
        enum rollup_role role = ageing->rollup.roles[i];
        tl_buf_adds(sql, i ? ", " : "");
        if (role == ROLLUP_KEY) {
            tl_buf_add_identifier(sql, field->name);
            continue;
        }
        struct tl_type type = lake_view_type(&field->type);
        tl_buf_adds(sql, "CAST(");
        if (role == ROLLUP_TIME)
            put_truncated(sql, ageing, rollup_grain_name(grain));
        else
            put_aggregate(sql, field, role);
        tl_buf_adds(sql, " AS ");
        tl_type_format_sql(sql, &type);
        tl_buf_adds(sql, ") AS ");
        tl_buf_add_identifier(sql, field->name);
    }
}

static void put_group_by(struct tl_buf *sql, const struct ageing *ageing, const char *unit)
{
    const struct tl_lake_type *root = &ageing->rollup.schema->root;
    tl_buf_adds(sql, " GROUP BY ");
    put_truncated(sql, ageing, unit);
    for (size_t i = 0; i < root->count; i++)
        if (ageing->rollup.roles[i] == ROLLUP_KEY) {
            tl_buf_adds(sql, ", ");
            tl_buf_add_identifier(sql, root->fields[i].name);
        }
}

/* Per key and grain: everything that must stay as it was. */
static void put_sums(struct tl_buf *sql, const struct ageing *ageing, enum rollup_grain grain)
{
    const struct tl_lake_type *root = &ageing->rollup.schema->root;
    tl_buf_adds(sql, "SELECT ");
    put_truncated(sql, ageing, rollup_grain_name(grain));
    for (size_t i = 0; i < root->count; i++) {
        if (ageing->rollup.roles[i] == ROLLUP_TIME)
            continue;
        tl_buf_adds(sql, ", ");
        if (ageing->rollup.roles[i] == ROLLUP_KEY)
            tl_buf_add_identifier(sql, root->fields[i].name);
        else
            put_aggregate(sql, &root->fields[i], ageing->rollup.roles[i]);
    }
}

static void put_difference(struct tl_buf *sql, const struct ageing *ageing, const struct tl_lake_rewrite_group *group, const char *path,
                           enum rollup_grain grain)
{
    tl_buf_adds(sql, "WITH a AS (");
    put_sums(sql, ageing, grain);
    rewriting_put_source(sql, &ageing->rewriting, group);
    put_group_by(sql, ageing, rollup_grain_name(grain));
    tl_buf_adds(sql, "), b AS (");
    put_sums(sql, ageing, grain);
    tl_buf_adds(sql, " FROM read_parquet(");
    tl_buf_add_literal(sql, path, strlen(path));
    tl_buf_addc(sql, ')');
    put_group_by(sql, ageing, rollup_grain_name(grain));
    tl_buf_adds(sql, ") SELECT (SELECT count(*) FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM b)) + "
                     "(SELECT count(*) FROM (SELECT * FROM b EXCEPT ALL SELECT * FROM a)) AS differences, "
                     "(SELECT count(*)");
    rewriting_put_source(sql, &ageing->rewriting, group);
    tl_buf_adds(sql, ") AS read, (SELECT count(*) FROM b) AS written");
}

/* --- one partition --- */

static enum tl_code prove(struct ageing *ageing, const struct tl_lake_rewrite_group *group, const char *path, enum rollup_grain grain)
{
    const char *cells[3] = {"", "", ""};
    struct tl_buf sql;
    tl_buf_init(&sql, REWRITING_SQL_BYTES_MAX);
    put_difference(&sql, ageing, group, path, grain);
    enum tl_code code = rewriting_run(&ageing->rewriting, &sql, false, cells, 3);
    tl_buf_done(&sql);
    int64_t read = strtoll(cells[1], NULL, 10);
    bool counted = (group->has_deletes ? read <= group->records : read == group->records) &&
                   strtoll(cells[2], NULL, 10) == ageing->rewriting.files[ageing->rewriting.file_count - 1].file.record_count;
    if (code == TL_OK && (strcmp(cells[0], "0") != 0 || !counted)) {
        tl_err_set(&ageing->rewriting.rq->err, TL_STATE, "a roll-up of \"%s\" does not hold the sums that were read", ageing->rewriting.job->table);
        tl_err_detail(&ageing->rewriting.rq->err, "%s keys differ; %lld rows in the files, %lld read; nothing was changed", cells[0],
                      (long long)group->records, (long long)read);
        return TL_STATE;
    }
    return code;
}

static enum tl_code roll_up(void *context, const struct tl_lake_rewrite_group *group, size_t number)
{
    struct ageing *ageing = context;
    enum rollup_grain grain = ageing->grains[number];
    struct rewriting *rewriting = &ageing->rewriting;
    const char *path = tl_arena_printf(rewriting->rq->arena, "%s/data/%s-rollup-%s-%05zu.parquet", rewriting->table.location, rewriting->rq->id,
                                       rollup_grain_name(grain), number);
    struct tl_buf select;
    tl_buf_init(&select, REWRITING_SQL_BYTES_MAX);
    put_select(&select, ageing, grain);
    rewriting_put_source(&select, rewriting, group);
    put_group_by(&select, ageing, rollup_grain_name(grain));
    enum tl_code code = select.failed ? tl_err_set(&rewriting->rq->err, TL_TOO_LARGE, "the files of one partition are too many for one statement")
                                      : rewriting_copy(rewriting, group, path, tl_buf_cstr(&select));
    tl_buf_done(&select);
    return code == TL_OK ? prove(ageing, group, path, grain) : code;
}

/* --- which partitions --- */

/* ROLLUP_GRAINS: it is young, or was rolled up to this grain and nothing came since. */
static enum rollup_grain due_grain(const struct ageing *ageing, const struct tl_lake_rewrite_group *group, int64_t now_us)
{
    int64_t start_us, end_us;
    if (!rollup_period(&ageing->rollup, group->spec, group->partition, &start_us, &end_us) || end_us > now_us)
        return ROLLUP_GRAINS;
    const struct rollup_tier *tier = rollup_tier_at(&ageing->rollup, now_us - end_us);
    if (tier == ageing->rollup.tiers)
        return ROLLUP_GRAINS;
    bool done = group->count == 1 && !group->has_deletes &&
                rollup_grain_of(ageing->rewriting.plan.files[group->files[0]].file.path) == tier->grain;
    return done ? ROLLUP_GRAINS : tier->grain;
}

static enum tl_code choose(struct ageing *ageing)
{
    struct rewriting *rewriting = &ageing->rewriting;
    struct tl_request *rq = rewriting->rq;
    struct tl_lake_rewrite_options options = {.small_bytes = INT64_MAX, .target_bytes = INT64_MAX, .least_files = 1};
    struct tl_lake_rewrite_group *groups;
    size_t count, kept = 0;
    if (tl_lake_rewrite_choose(rq->arena, &rewriting->table, &rewriting->plan, &options, &groups, &count, &rq->err) != TL_OK)
        return rq->err.code;
    enum rollup_grain *grains = TL_NEW_ARRAY(rq->arena, enum rollup_grain, count + 1);
    int64_t now_us = tl_clock_wall_us();
    for (size_t i = 0; i < count; i++) {
        grains[kept] = due_grain(ageing, &groups[i], now_us);
        if (grains[kept] != ROLLUP_GRAINS)
            groups[kept++] = groups[i];
    }
    rewriting->groups = groups;
    rewriting->group_count = kept;
    ageing->grains = grains;
    return TL_OK;
}

enum tl_code tl_upkeep_rollup(struct tl_request *rq, tl_door *door, const struct tl_upkeep_job *job, struct tl_upkeep_counts *counts)
{
    struct ageing ageing = {.rewriting = {.rq = rq, .door = door, .job = job, .operation = "overwrite"}};
    struct rewriting *rewriting = &ageing.rewriting;
    if (rewriting_plan(rewriting) != TL_OK)
        return rq->err.code;
    const char *text = tl_lake_table_property(&rewriting->table, ROLLUP_PROPERTY);
    if (!text) {
        tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "\"%s\" does not say how it is rolled up", job->table);
        tl_err_hint(&rq->err, "ALTER TABLE .. SET PROPERTIES \"" ROLLUP_PROPERTY "\" = '{..}'; docs/guide/lake.md shows one");
        return TL_INVALID_ARGUMENT;
    }
    if (!rewriting->schema)
        return TL_OK; /* nothing was ever written */
    if (rollup_read(rq->arena, &rewriting->table, rewriting->schema, text, &ageing.rollup, &rq->err) != TL_OK ||
        choose(&ageing) != TL_OK || rewriting->group_count == 0)
        return rq->err.code;
    return rewriting_groups(rewriting, roll_up, &ageing, counts);
}
