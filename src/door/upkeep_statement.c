/* ALTER TABLE .. EXECUTE: jobs that a statement asks for, in Trino's spelling. */
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "door/rollup.h"
#include "door/upkeep_int.h"

/* A shorter time would take what a statement still reads, or a writer has not committed yet. */
static const int64_t least_retention_us = INT64_C(24) * 3600 * 1000000;

enum value { VALUE_SIZE, VALUE_TIME, VALUE_COUNT };
static const struct argument {
    enum tl_upkeep_kind kind;
    const char *name;
    enum value value;
    size_t offset; /* in struct tl_upkeep_job */
} arguments[] = {
    {TL_UPKEEP_OPTIMIZE, "file_size_threshold", VALUE_SIZE, offsetof(struct tl_upkeep_job, small_bytes)},
    {TL_UPKEEP_EXPIRE, "retention_threshold", VALUE_TIME, offsetof(struct tl_upkeep_job, retention_us)},
    {TL_UPKEEP_EXPIRE, "retain_last", VALUE_COUNT, offsetof(struct tl_upkeep_job, retain_last)},
    {TL_UPKEEP_ORPHANS, "retention_threshold", VALUE_TIME, offsetof(struct tl_upkeep_job, retention_us)},
    {TL_UPKEEP_ROLLBACK, "snapshot_id", VALUE_COUNT, offsetof(struct tl_upkeep_job, snapshot_id)},
};

static enum tl_code find_kind(struct tl_door_call *call, const char *name, enum tl_upkeep_kind *ret_kind)
{
    for (enum tl_upkeep_kind kind = TL_UPKEEP_OPTIMIZE; kind <= TL_UPKEEP_MANIFESTS; kind++)
        if (tl_streq_nocase(name, tl_upkeep_kind_name(kind))) {
            *ret_kind = kind;
            return TL_OK;
        }
    tl_err_set(&call->rq->err, TL_NOT_FOUND, "unknown table procedure \"%.200s\"", name);
    tl_err_hint(&call->rq->err, "there are optimize, optimize_manifests, expire_snapshots, remove_orphan_files, rollback_to_snapshot and rollup");
    return TL_NOT_FOUND;
}

static bool parse_count(const char *text, int64_t *ret_count)
{
    char *end;
    *ret_count = strtoll(text, &end, 10);
    return *text && *end == '\0' && *ret_count >= 0;
}

static enum tl_code bad_argument(struct tl_door_call *call, const struct tl_statement_option *option, const char *why)
{
    tl_err_set(&call->rq->err, TL_INVALID_ARGUMENT, "the argument \"%.200s\" %s", option->name, why);
    tl_err_position(&call->rq->err, (int64_t)option->offset);
    return TL_INVALID_ARGUMENT;
}

static enum tl_code read_argument(struct tl_door_call *call, const struct tl_statement_option *option, struct tl_upkeep_job *job)
{
    size_t i = 0, count = sizeof arguments / sizeof arguments[0];
    while (i < count && (arguments[i].kind != job->kind || !tl_streq_nocase(arguments[i].name, option->name)))
        i++;
    if (i == count)
        return bad_argument(call, option, "is not one of the procedure");
    int64_t number;
    enum value value = arguments[i].value;
    bool sound = option->text && (value == VALUE_SIZE   ? tl_parse_size_bytes(option->text, &number) && number > 0
                                  : value == VALUE_TIME ? rollup_parse_age(option->text, &number)
                                                        : parse_count(option->text, &number));
    if (!sound)
        return bad_argument(call, option, value == VALUE_SIZE   ? "is no size as '100MB'"
                                          : value == VALUE_TIME ? "is no time as '7d'"
                                                                : "is no whole number from 0 on");
    memcpy((char *)job + arguments[i].offset, &number, sizeof number);
    return TL_OK;
}

static enum tl_code check(struct tl_door_call *call, const struct tl_statement *statement, struct tl_upkeep_job *job)
{
    for (size_t i = 0; i < statement->option_count; i++)
        if (read_argument(call, &statement->options[i], job) != TL_OK)
            return call->rq->err.code;
    bool deletes = job->kind == TL_UPKEEP_EXPIRE || job->kind == TL_UPKEEP_ORPHANS;
    if (deletes && job->retention_us >= 0 && job->retention_us < least_retention_us) {
        tl_err_set(&call->rq->err, TL_INVALID_ARGUMENT, "\"retention_threshold\" is shorter than a day");
        tl_err_hint(&call->rq->err, "statements that run and writers that have not committed need files that look unused");
        return TL_INVALID_ARGUMENT;
    }
    if (job->kind == TL_UPKEEP_ROLLBACK && job->snapshot_id < 0) {
        tl_err_set(&call->rq->err, TL_INVALID_ARGUMENT, "the argument \"snapshot_id\" is missing");
        tl_err_hint(&call->rq->err, "SELECT * FROM \"%s$snapshots\" lists the snapshots", job->table);
        return TL_INVALID_ARGUMENT;
    }
    return TL_OK;
}

/* --- the table --- */

static enum tl_code check_whole(struct tl_door_call *call, const struct tl_dataset *dataset, unsigned access)
{
    struct tl_access_need need = tl_rights_need(call, dataset, access);
    const tl_clearance *clearance;
    enum tl_code code = tl_rights_decide(call, &need, 1, &clearance);
    if (code != TL_OK || tl_clearance_count(clearance) == 0 || !tl_clearance_grant(clearance, 0)->partial)
        return code;
    tl_err_set(&call->rq->err, TL_NOT_ALLOWED, "\"%s\" cannot be changed by somebody who sees only a part of it", dataset->name);
    tl_err_hint(&call->rq->err, "ask for full access to it");
    return TL_NOT_ALLOWED;
}

enum tl_code tl_upkeep_target(struct tl_door_call *call, const struct tl_name *name, unsigned access, struct tl_dataset *ret_dataset)
{
    struct tl_gate_table table = {.catalog = "", .schema = "", .name = name->parts[name->part_count - 1], .offset = name->offset, .size = name->size};
    struct tl_name_defaults defaults = {call->session->catalog, call->session->schema};
    if (name->part_count > 1)
        table.schema = name->parts[name->part_count - 2];
    if (name->part_count > 2)
        table.catalog = name->parts[0];
    if (tl_catalog_find_table(call, &defaults, &table, ret_dataset) != TL_OK)
        return call->rq->err.code;
    if (ret_dataset->origin != TL_ORIGIN_SOURCE || !ret_dataset->registered->writable || !call->door->lake) {
        tl_err_set(&call->rq->err, TL_UNSUPPORTED, "\"%s\" is no table of the lake", ret_dataset->name);
        tl_err_position(&call->rq->err, (int64_t)name->offset);
        return TL_UNSUPPORTED;
    }
    return check_whole(call, ret_dataset, access);
}

struct asked {
    tl_door *door;
    struct tl_upkeep_job job;
};

static enum tl_code run(struct tl_request *rq, void *context)
{
    struct asked *asked = context;
    struct tl_upkeep_counts counts;
    return tl_upkeep_run(rq, asked->door, &asked->job, &counts);
}

enum tl_code tl_upkeep_statement(struct tl_door_call *call, const struct tl_statement *statement)
{
    struct tl_dataset dataset;
    struct asked *asked = TL_NEW(call->rq->arena, struct asked);
    const struct tl_principal *principal = call->rq->principal;
    asked->door = call->door;
    asked->job = (struct tl_upkeep_job){.retention_us = -1, .snapshot_id = -1, .asked_by = principal ? principal->user : ""};
    if (find_kind(call, statement->procedure, &asked->job.kind) != TL_OK)
        return call->rq->err.code;
    bool keeps = asked->job.kind == TL_UPKEEP_OPTIMIZE || asked->job.kind == TL_UPKEEP_MANIFESTS; /* what the table says */
    unsigned access = keeps ? TL_ACCESS_READ | TL_ACCESS_WRITE : TL_ACCESS_READ | TL_ACCESS_DROP;
    if (tl_upkeep_target(call, &statement->name, access, &dataset) != TL_OK)
        return call->rq->err.code;
    asked->job.source = dataset.source;
    asked->job.schema = dataset.schema;
    asked->job.table = dataset.name;
    if (check(call, statement, &asked->job) != TL_OK)
        return call->rq->err.code;
    tl_answer_set_update(call->answer, "ALTER TABLE EXECUTE", false);
    return tl_answer_run_apart(call->answer, run, asked);
}
