/* New files in the place of old ones, in one snapshot. */
#include "lake/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "lake/describe.h"
#include "lake/lake_int.h"
#include "lake/reach_int.h"

enum { ATTEMPTS = 8, ENTRY_ARENA_BYTES = 64 * 1024 * 1024 };

/* One attempt: the table as it is now, and the manifests of the new snapshot. */
struct attempt {
    tl_lake *lake;
    tl_arena *arena;
    const struct tl_lake_rewrite *rewrite;
    struct tl_lake_table now;
    const struct tl_lake_snapshot *parent;
    struct reach_set replaced, deletes; /* files that go; delete files that go with them */
    int64_t snapshot_id, sequence_number;
    struct tl_lake_manifest *lines;
    size_t line_count;
    size_t replaced_found;
    const char **written; /* manifests of this attempt, to be removed when it fails */
    size_t written_count;
    /* for the summary */
    int64_t added_files, added_bytes, added_records, removed_files, removed_bytes, removed_records, removed_deletes;
};

static enum tl_code met(struct tl_err *err, const char *what)
{
    tl_err_set(err, TL_CONFLICT, "the table changed while its files were rewritten: %s", what);
    tl_err_hint(err, "nothing was done; run it again");
    return TL_CONFLICT;
}

/* --- which files go --- */

static enum tl_code note_replaced(struct attempt *attempt, struct tl_err *err)
{
    const struct tl_lake_rewrite *rewrite = attempt->rewrite;
    size_t *users = TL_NEW_ARRAY(attempt->arena, size_t, rewrite->plan->delete_count + 1);
    size_t *rewritten = TL_NEW_ARRAY(attempt->arena, size_t, rewrite->plan->delete_count + 1);
    for (size_t i = 0; i < rewrite->plan->count; i++)
        for (size_t d = 0; d < rewrite->plan->files[i].delete_count; d++)
            users[rewrite->plan->files[i].deletes[d]]++;
    for (size_t g = 0; g < rewrite->group_count; g++)
        for (size_t f = 0; f < rewrite->groups[g].count; f++) {
            const struct tl_lake_planned *planned = &rewrite->plan->files[rewrite->groups[g].files[f]];
            if (reach_add(&attempt->replaced, planned->file.path, err) != TL_OK)
                return err->code;
            for (size_t d = 0; d < planned->delete_count; d++)
                rewritten[planned->deletes[d]]++;
        }
    /* a delete that only rewritten files needed is in them now */
    for (size_t d = 0; d < rewrite->plan->delete_count; d++)
        if (users[d] > 0 && users[d] == rewritten[d] &&
            reach_add(&attempt->deletes, rewrite->plan->deletes[d].file.path, err) != TL_OK)
            return err->code;
    return TL_OK;
}

/* --- manifests --- */

struct output {
    struct tl_buf buf;
    struct tl_lake_manifest_writer writer;
    bool begun;
};

static enum tl_code begin(struct attempt *attempt, struct output *output, const struct tl_lake_spec *spec, bool deletes, struct tl_err *err)
{
    const struct tl_lake_metadata *metadata = attempt->now.metadata;
    struct tl_lake_type *types = TL_NEW_ARRAY(attempt->arena, struct tl_lake_type, spec->count + 1);
    tl_lake_spec_types(spec, attempt->now.schemas, attempt->now.schema_count, types);
    struct tl_lake_manifest_info info = {
        .format_version = attempt->now.format_version, .deletes = deletes,
        .schema = tl_lake_list_find(&metadata->schemas, "schema-id", metadata->current_schema_id),
        .spec_json = tl_lake_list_find(&metadata->specs, "spec-id", spec->id), .spec = spec, .types = types, .snapshot_id = attempt->snapshot_id};
    tl_buf_init(&output->buf, TL_LAKE_MANIFEST_BYTES_MAX);
    output->begun = true;
    return tl_lake_manifest_begin(attempt->arena, &output->buf, &info, &output->writer, err);
}

/* <location>/metadata/<uuid>-mN.avro; NULL and an error when there is no uuid. */
static const char *new_manifest_path(const struct attempt *attempt, struct tl_err *err)
{
    char uuid[37];
    if (tl_lake_uuid(uuid, err) != TL_OK)
        return NULL;
    return tl_arena_printf(attempt->arena, "%s/metadata/%s-m%zu.avro", attempt->now.location, uuid, attempt->written_count);
}

/* What was begun is written, or given up where something failed. */
static enum tl_code finish(struct attempt *attempt, struct output *output, struct tl_err *err)
{
    if (!output->begun)
        return err->code;
    struct tl_lake_manifest *line = &attempt->lines[attempt->line_count];
    const char *path = err->code ? NULL : new_manifest_path(attempt, err);
    if (path && tl_lake_manifest_finish(&output->writer, line, err) == TL_OK &&
        tl_objects_write(attempt->lake->objects, path, output->buf.data, output->buf.size, true, err) == TL_OK) {
        attempt->written[attempt->written_count++] = path;
        line->path = tl_str_of(path);
        line->sequence_number = attempt->sequence_number;
        if (line->min_sequence_number > attempt->sequence_number)
            line->min_sequence_number = attempt->sequence_number;
        attempt->line_count++;
    }
    tl_buf_done(&output->writer.avro.block);
    tl_buf_done(&output->buf);
    output->begun = false;
    return err->code;
}

static bool goes(const struct attempt *attempt, const struct tl_lake_manifest *manifest, struct tl_str path)
{
    return reach_has(manifest->deletes ? &attempt->deletes : &attempt->replaced, path);
}

static void note_gone(struct attempt *attempt, const struct tl_lake_manifest *manifest, const struct tl_lake_file *file)
{
    if (manifest->deletes) {
        attempt->removed_deletes++;
        return;
    }
    attempt->replaced_found++;
    attempt->removed_files++;
    attempt->removed_bytes += file->size_bytes;
    attempt->removed_records += file->record_count;
}

/* The entries again, those that go told as deleted. */
static enum tl_code write_again(struct attempt *attempt, struct tl_lake_manifest *manifest, struct tl_err *err)
{
    struct tl_lake_manifest_reader reader;
    struct output output = {0};
    struct tl_lake_entry entry;
    tl_arena *scratch = tl_arena_new(ENTRY_ARENA_BYTES);
    bool more = true;
    if (tl_lake_table_manifest(attempt->lake->objects, attempt->arena, &attempt->now, manifest, true, &reader, err) == TL_OK)
        (void)!begin(attempt, &output, reader.spec, manifest->deletes, err);
    while (!err->code && more) {
        tl_arena_reset(scratch);
        if (tl_lake_manifest_next(&reader, scratch, &entry, &more, err) != TL_OK || !more)
            break;
        if (entry.status == TL_LAKE_DELETED)
            continue; /* told once, in its own snapshot */
        bool gone = goes(attempt, manifest, entry.file.path);
        entry.status = gone ? TL_LAKE_DELETED : TL_LAKE_EXISTING;
        if (gone) {
            note_gone(attempt, manifest, &entry.file);
            entry.snapshot_id = attempt->snapshot_id;
        }
        tl_lake_manifest_add(&output.writer, &entry);
    }
    tl_arena_free(scratch);
    return finish(attempt, &output, err);
}

static enum tl_code has_gone(struct attempt *attempt, struct tl_lake_manifest *manifest, bool *ret_has, struct tl_err *err)
{
    struct tl_lake_manifest_reader reader;
    struct tl_lake_entry entry;
    tl_arena *arena = tl_arena_new(TL_LAKE_MANIFEST_BYTES_MAX), *scratch = tl_arena_new(ENTRY_ARENA_BYTES);
    *ret_has = false;
    if (tl_lake_table_manifest(attempt->lake->objects, arena, &attempt->now, manifest, false, &reader, err) == TL_OK)
        for (bool more = true; more && !*ret_has;) {
            tl_arena_reset(scratch);
            if (tl_lake_manifest_next(&reader, scratch, &entry, &more, err) != TL_OK)
                break;
            *ret_has = more && entry.status != TL_LAKE_DELETED && goes(attempt, manifest, entry.file.path);
        }
    tl_arena_free(scratch);
    tl_arena_free(arena);
    return err->code;
}

static bool is_small(const struct tl_lake_manifest *manifest)
{
    enum { SMALL_BYTES = 8 * 1024 * 1024 };
    return !manifest->deletes && manifest->size_bytes < SMALL_BYTES;
}

/* The living entries of the manifest, behind those of others of its spec. */
static enum tl_code merge_one(struct attempt *attempt, struct tl_lake_manifest *manifest, struct output *output, struct tl_err *err)
{
    struct tl_lake_manifest_reader reader;
    struct tl_lake_entry entry;
    tl_arena *scratch = tl_arena_new(ENTRY_ARENA_BYTES);
    if (tl_lake_table_manifest(attempt->lake->objects, attempt->arena, &attempt->now, manifest, true, &reader, err) == TL_OK && !output->begun)
        (void)!begin(attempt, output, reader.spec, false, err);
    for (bool more = true; more && !err->code;) {
        tl_arena_reset(scratch);
        if (tl_lake_manifest_next(&reader, scratch, &entry, &more, err) != TL_OK || !more || entry.status == TL_LAKE_DELETED)
            continue;
        entry.status = TL_LAKE_EXISTING;
        tl_lake_manifest_add(&output->writer, &entry);
    }
    tl_arena_free(scratch);
    return err->code;
}

/* Small data manifests of each spec as one; *ret_merged tells which of the parent's were taken. */
static enum tl_code merge(struct attempt *attempt, struct tl_lake_manifest *manifests, size_t count, bool *merged, struct tl_err *err)
{
    for (size_t s = 0; s < attempt->now.spec_count && !err->code; s++) {
        struct output output = {0};
        size_t small = 0;
        for (size_t i = 0; i < count; i++)
            small += is_small(&manifests[i]) && manifests[i].spec_id == attempt->now.specs[s].id;
        for (size_t i = 0; i < count && small > 1 && !err->code; i++)
            if (is_small(&manifests[i]) && manifests[i].spec_id == attempt->now.specs[s].id) {
                merged[i] = true;
                (void)!merge_one(attempt, &manifests[i], &output, err);
            }
        (void)!finish(attempt, &output, err);
    }
    return err->code;
}

/* The parent's manifests, rewritten where something of them goes. */
static enum tl_code carry_over(struct attempt *attempt, struct tl_lake_manifest *manifests, size_t count, struct tl_err *err)
{
    bool *merged = TL_NEW_ARRAY(attempt->arena, bool, count + 1);
    if (attempt->rewrite->merges_manifests && merge(attempt, manifests, count, merged, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < count; i++) {
        bool has;
        if (merged[i] || tl_lake_manifest_is_empty(&manifests[i]))
            continue;
        if (has_gone(attempt, &manifests[i], &has, err) != TL_OK)
            return err->code;
        if (!has)
            attempt->lines[attempt->line_count++] = manifests[i];
        else if (write_again(attempt, &manifests[i], err) != TL_OK)
            return err->code;
    }
    return TL_OK;
}

static enum tl_code write_new(struct attempt *attempt, struct tl_err *err)
{
    const struct tl_lake_rewrite *rewrite = attempt->rewrite;
    const struct tl_lake_snapshot *read = tl_lake_table_snapshot(rewrite->table, rewrite->snapshot_id);
    for (size_t s = 0; s < attempt->now.spec_count && !err->code; s++) {
        struct output output = {0};
        for (size_t i = 0; i < rewrite->file_count && !err->code; i++) {
            const struct tl_lake_rewritten *file = &rewrite->files[i];
            if (file->group->spec->id != attempt->now.specs[s].id)
                continue;
            if (!output.begun && begin(attempt, &output, &attempt->now.specs[s], false, err) != TL_OK)
                break;
            struct tl_lake_entry entry = {.status = TL_LAKE_ADDED, .snapshot_id = attempt->snapshot_id, .sequence_number = read->sequence_number,
                                          .file_sequence_number = -1, .file = file->file};
            entry.file.partition = file->group->partition;
            tl_lake_manifest_add(&output.writer, &entry);
            attempt->added_files++;
            attempt->added_bytes += file->file.size_bytes;
            attempt->added_records += file->file.record_count;
        }
        (void)!finish(attempt, &output, err);
    }
    return err->code;
}

/* --- what happened meanwhile --- */

/* Deletes that came after the snapshot that was read may reach what was rewritten. */
static enum tl_code check_new_deletes(struct attempt *attempt, const struct tl_lake_manifest *manifests, size_t count, struct tl_err *err)
{
    const struct tl_lake_snapshot *read = tl_lake_table_snapshot(attempt->rewrite->table, attempt->rewrite->snapshot_id);
    if (attempt->parent->id == attempt->rewrite->snapshot_id)
        return TL_OK;
    for (size_t i = 0; i < count; i++)
        if (manifests[i].deletes && manifests[i].sequence_number > read->sequence_number && manifests[i].added_files != 0)
            return met(err, "rows were deleted");
    return TL_OK;
}

/* --- the commit --- */

static void pair_count(struct tl_json_writer *json, const char *key, int64_t count)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)count);
    tl_json_pair_text(json, key, text);
}

static int64_t total(const struct attempt *attempt, const char *key)
{
    const char *text = tl_json_get_text(attempt->parent->summary, key);
    return text ? strtoll(text, NULL, 10) : -1;
}

static void put_summary(struct tl_json_writer *json, const struct attempt *attempt)
{
    int64_t records = total(attempt, "total-records"), files = total(attempt, "total-data-files"), bytes = total(attempt, "total-files-size");
    tl_json_key(json, "summary");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "operation", attempt->rewrite->operation);
    pair_count(json, "added-data-files", attempt->added_files);
    pair_count(json, "deleted-data-files", attempt->removed_files);
    pair_count(json, "added-records", attempt->added_records);
    pair_count(json, "deleted-records", attempt->removed_records);
    pair_count(json, "added-files-size", attempt->added_bytes);
    pair_count(json, "removed-files-size", attempt->removed_bytes);
    pair_count(json, "removed-delete-files", attempt->removed_deletes);
    if (records >= 0)
        pair_count(json, "total-records", records + attempt->added_records - attempt->removed_records);
    if (files >= 0)
        pair_count(json, "total-data-files", files + attempt->added_files - attempt->removed_files);
    if (bytes >= 0)
        pair_count(json, "total-files-size", bytes + attempt->added_bytes - attempt->removed_bytes);
    tl_json_end_object(json);
}

/* Version 3: rows without an id of their own get one by the place of their file; what is rewritten brings its ids along. */
static int64_t give_row_ids(struct attempt *attempt)
{
    int64_t next = attempt->now.next_row_id;
    for (size_t i = 0; attempt->now.format_version >= 3 && i < attempt->line_count; i++) {
        struct tl_lake_manifest *line = &attempt->lines[i];
        if (line->deletes || line->first_row_id >= 0)
            continue;
        line->first_row_id = next;
        next += line->added_rows + line->existing_rows;
    }
    return next - attempt->now.next_row_id;
}

static enum tl_code write_list(struct attempt *attempt, const char **ret_path, struct tl_err *err)
{
    struct tl_buf buf;
    char uuid[37];
    *ret_path = NULL;
    struct tl_lake_list_info info = {.format_version = attempt->now.format_version, .snapshot_id = attempt->snapshot_id,
                                     .parent_id = attempt->parent->id, .sequence_number = attempt->sequence_number,
                                     .first_row_id = attempt->now.next_row_id};
    if (tl_lake_uuid(uuid, err) != TL_OK)
        return err->code;
    *ret_path = tl_arena_printf(attempt->arena, "%s/metadata/snap-%lld-%s.avro", attempt->now.location, (long long)attempt->snapshot_id, uuid);
    tl_buf_init(&buf, TL_LAKE_MANIFEST_BYTES_MAX);
    if (tl_lake_manifest_list_write(&buf, &info, attempt->lines, attempt->line_count, err) == TL_OK &&
        tl_objects_write(attempt->lake->objects, *ret_path, buf.data, buf.size, true, err) == TL_OK)
        attempt->written[attempt->written_count++] = *ret_path;
    tl_buf_done(&buf);
    return err->code;
}

static void put_requirements(struct tl_json_writer *json, const struct attempt *attempt)
{
    tl_json_begin_array(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", "assert-table-uuid");
    tl_json_pair_text(json, "uuid", attempt->rewrite->table->uuid);
    tl_json_end_object(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", "assert-ref-snapshot-id");
    tl_json_pair_text(json, "ref", "main");
    tl_json_pair_int64(json, "snapshot-id", attempt->parent->id);
    tl_json_end_object(json);
    tl_json_end_array(json);
}

static void put_updates(struct tl_json_writer *json, const struct attempt *attempt, const char *list, int64_t added_rows)
{
    int64_t now_ms = tl_clock_wall_us() / 1000;
    tl_json_begin_array(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "action", "add-snapshot");
    tl_json_key(json, "snapshot");
    tl_json_begin_object(json);
    tl_json_pair_int64(json, "snapshot-id", attempt->snapshot_id);
    tl_json_pair_int64(json, "parent-snapshot-id", attempt->parent->id);
    tl_json_pair_int64(json, "sequence-number", attempt->sequence_number);
    tl_json_pair_int64(json, "timestamp-ms", now_ms > attempt->now.last_updated_ms ? now_ms : attempt->now.last_updated_ms);
    tl_json_pair_text(json, "manifest-list", list);
    tl_json_pair_int64(json, "schema-id", attempt->parent->schema_id >= 0 ? attempt->parent->schema_id : attempt->now.schema->id);
    if (attempt->now.format_version >= 3) {
        tl_json_pair_int64(json, "first-row-id", attempt->now.next_row_id);
        tl_json_pair_int64(json, "added-rows", added_rows);
    }
    put_summary(json, attempt);
    tl_json_end_object(json);
    tl_json_end_object(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "action", "set-snapshot-ref");
    tl_json_pair_text(json, "ref-name", "main");
    tl_json_pair_text(json, "type", "branch");
    tl_json_pair_int64(json, "snapshot-id", attempt->snapshot_id);
    tl_json_end_object(json);
    tl_json_end_array(json);
}

static enum tl_code commit(struct attempt *attempt, struct tl_err *err)
{
    struct tl_buf requirements, updates;
    struct tl_json_writer json;
    const char *list;
    int64_t added_rows = give_row_ids(attempt);
    if (write_list(attempt, &list, err) != TL_OK)
        return err->code;
    tl_buf_init(&requirements, TL_LAKE_BODY_BYTES_MAX);
    tl_buf_init(&updates, TL_LAKE_BODY_BYTES_MAX);
    tl_json_writer_init(&json, &requirements);
    put_requirements(&json, attempt);
    tl_json_writer_init(&json, &updates);
    put_updates(&json, attempt, list, added_rows);
    enum tl_code code = tl_lake_commit_to(attempt->lake, attempt->arena, attempt->rewrite->schema, attempt->rewrite->name, &requirements, &updates,
                                          err);
    tl_buf_done(&requirements);
    tl_buf_done(&updates);
    return code;
}

static enum tl_code new_id(int64_t *ret_id, struct tl_err *err)
{
    if (tl_random_bytes(ret_id, sizeof *ret_id, err) != TL_OK)
        return err->code;
    *ret_id &= INT64_MAX;
    return TL_OK;
}

/* *ret_raced: others committed, but nothing that was read has changed. */
static enum tl_code try_once(struct attempt *attempt, bool *ret_raced, struct tl_err *err)
{
    const struct tl_lake_rewrite *rewrite = attempt->rewrite;
    struct tl_lake_manifest *manifests;
    size_t count;
    *ret_raced = false;
    if (tl_lake_table_load(attempt->lake, attempt->arena, rewrite->schema, rewrite->name, &attempt->now, err) != TL_OK ||
        new_id(&attempt->snapshot_id, err) != TL_OK)
        return err->code;
    attempt->parent = tl_lake_table_snapshot(&attempt->now, attempt->now.current_snapshot_id);
    if (!attempt->parent || strcmp(attempt->now.uuid, rewrite->table->uuid) != 0)
        return met(err, "it was replaced or emptied");
    attempt->sequence_number = attempt->now.last_sequence_number + 1;
    if (tl_lake_snapshot_manifests(attempt->lake->objects, attempt->arena, attempt->parent, &manifests, &count, err) != TL_OK ||
        check_new_deletes(attempt, manifests, count, err) != TL_OK || note_replaced(attempt, err) != TL_OK)
        return err->code;
    attempt->lines = TL_NEW_ARRAY(attempt->arena, struct tl_lake_manifest, count + attempt->now.spec_count + 1);
    attempt->written = TL_NEW_ARRAY(attempt->arena, const char *, count + attempt->now.spec_count + 2);
    if (write_new(attempt, err) != TL_OK || carry_over(attempt, manifests, count, err) != TL_OK)
        return err->code;
    if (attempt->replaced_found != attempt->replaced.count)
        return met(err, "files that were read are gone");
    enum tl_code code = commit(attempt, err);
    *ret_raced = code == TL_CONFLICT;
    return code;
}

static void discard(const struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->written_count; i++) {
        struct tl_err ignored; /* what stays is an orphan */
        tl_err_init(&ignored);
        (void)!tl_objects_remove(attempt->lake->objects, attempt->written[i], &ignored);
    }
}

enum tl_code tl_lake_rewrite_commit(tl_lake *lake, tl_arena *arena, const struct tl_lake_rewrite *rewrite, int64_t *ret_snapshot_id,
                                    struct tl_err *err)
{
    for (int i = 0;; i++) {
        struct tl_err failure;
        struct attempt attempt = {.lake = lake, .arena = arena, .rewrite = rewrite, .replaced = {.arena = arena}, .deletes = {.arena = arena}};
        bool raced;
        tl_err_init(&failure);
        enum tl_code code = try_once(&attempt, &raced, &failure);
        *ret_snapshot_id = attempt.snapshot_id;
        if (code == TL_OK)
            return TL_OK;
        if (code != TL_INTERNAL) /* INTERNAL: nobody knows whether the commit was done */
            discard(&attempt);
        if (!raced || i + 1 == ATTEMPTS)
            return tl_err_copy(err, &failure);
    }
}
