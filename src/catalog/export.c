/* All that is said, as one document: what tl_catalog_import reads. */
#include <string.h>

#include "catalog/catalog_int.h"

struct export {
    struct tl_request *rq;
    tl_catalog *catalog;
    const char *source;
    struct tl_buf *yaml;
    const char *section, *name, *column; /* of the item being written; NULL = none yet */
    struct cat_sight sight;
    bool known;
    const tl_json *rules;
    int depth;
};

/* JSON is YAML, but for pairs of escapes above U+FFFF, which our writer does not make. */
static void put_text(struct tl_buf *yaml, const char *text)
{
    tl_buf_addc(yaml, '"');
    tl_json_escape(yaml, text, strlen(text));
    tl_buf_addc(yaml, '"');
}

/* A text of several lines is written as such where that changes nothing in it. */
static bool is_block(const char *text)
{
    bool lines = strchr(text, '\n') != NULL, plain = text[0] != ' ' && text[0] != '\n';
    for (const char *at = text; *at && plain; at++)
        plain = (unsigned char)*at >= ' ' ? !(*at == ' ' && at[1] == '\n') : *at == '\n';
    return lines && plain && text[strlen(text) - 1] != '\n';
}

static void put_indent(struct tl_buf *yaml, int depth)
{
    for (int i = 0; i < depth; i++)
        tl_buf_adds(yaml, "  ");
}

static void put_block(struct tl_buf *yaml, int depth, const char *text)
{
    tl_buf_adds(yaml, "|-\n");
    for (const char *at = text; *at;) {
        size_t size = strcspn(at, "\n");
        if (size)
            put_indent(yaml, depth);
        tl_buf_add(yaml, at, size);
        tl_buf_addc(yaml, '\n');
        at += size + (at[size] == '\n');
    }
}

static void put_field(struct export *export, const char *field, const char *value)
{
    bool text = strcmp(field, "description") == 0 || strcmp(field, "domain") == 0;
    put_indent(export->yaml, export->depth);
    tl_buf_addf(export->yaml, "%s: ", field);
    if (text && is_block(value)) {
        put_block(export->yaml, export->depth + 1, value);
        return;
    }
    if (text)
        put_text(export->yaml, value);
    else
        tl_buf_adds(export->yaml, value); /* JSON as it is kept */
    tl_buf_addc(export->yaml, '\n');
}

static void begin_section(struct export *export, const char *section)
{
    if (tl_streq(export->section, section))
        return;
    tl_buf_addf(export->yaml, "%s:\n", section);
    export->section = section;
    export->name = NULL;
}

static void begin_item(struct export *export, const char *name)
{
    if (tl_streq(export->name, name))
        return;
    tl_buf_adds(export->yaml, "  - name: ");
    put_text(export->yaml, name);
    tl_buf_addc(export->yaml, '\n');
    export->name = name;
    export->column = NULL;
    export->depth = 2;
}

static enum tl_code take_named(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct export *export = context;
    tl_arena *arena = export->rq->arena;
    (void)count;
    (void)err;
    begin_section(export, cells[0].bytes.data[0] == 't' ? "terms" : "domains");
    begin_item(export, tl_store_text(arena, &cells[1]));
    put_field(export, tl_store_text(arena, &cells[2]), tl_store_text(arena, &cells[3]));
    return TL_OK;
}

static const char *tags_of(struct export *export, const char *column)
{
    const tl_json *tags = tl_json_get(*column ? tl_json_get(tl_json_get(export->rules, "columns"), column) : export->rules, "tags");
    struct tl_buf text;
    struct tl_json_writer json;
    if (tl_json_count(tags) == 0)
        return NULL;
    tl_buf_init(&text, CAT_ARENA_BYTES_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, tags);
    const char *copy = tl_arena_strdup(export->rq->arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

static void begin_column(struct export *export, const char *column)
{
    if (tl_streq(export->column, column))
        return;
    if (!export->column)
        tl_buf_adds(export->yaml, "    columns:\n");
    tl_buf_adds(export->yaml, "      ");
    put_text(export->yaml, column);
    tl_buf_adds(export->yaml, ":\n");
    export->column = column;
    export->depth = 4;
    const char *tags = tags_of(export, column);
    if (tags)
        put_field(export, "tags", tags);
}

/* Tables in order of their names; of each its own fields come first, then its columns. */
static enum tl_code take_said(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct export *export = context;
    tl_arena *arena = export->rq->arena;
    (void)count;
    (void)err;
    const struct cat_entity table = {"dataset", tl_store_text(arena, &cells[0]), tl_store_text(arena, &cells[1]), tl_store_text(arena, &cells[2]), ""};
    const char *name = cat_entity_text(arena, &table), *column = tl_store_text(arena, &cells[3]);
    bool first = !tl_streq(export->name, name);
    if (first) {
        const struct tl_grant_scope scope = {.source = table.source, .schema = table.schema, .table = table.name};
        export->known = cat_see_named(export->rq, export->catalog, &table, &export->sight);
        if (cat_tags_load(export->rq, export->catalog, &scope, &export->rules) != TL_OK)
            return tl_err_copy(err, &export->rq->err);
    }
    if (*column && !(export->known && cat_sight_of(&export->sight, column)))
        return TL_OK;
    begin_section(export, "datasets");
    begin_item(export, name);
    if (first && tags_of(export, ""))
        put_field(export, "tags", tags_of(export, ""));
    if (*column)
        begin_column(export, column);
    put_field(export, tl_store_text(arena, &cells[4]), tl_store_text(arena, &cells[5]));
    return TL_OK;
}

static enum tl_code read_all(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct export *export = context;
    const struct tl_store_value source[] = {TL_STORE_T(export->source)};
    static const char named[] = "SELECT kind, name, field, value FROM catalog_meaning WHERE kind IN ('domain', 'term') ORDER BY kind, name, field";
    if (!export->source && tl_store_run(tx, named, NULL, 0, take_named, export, err) != TL_OK)
        return err->code;
    return tl_store_run(tx,
                        "SELECT source, schema_name, name, column_name, field, value FROM catalog_meaning WHERE kind IN ('dataset', 'column') AND "
                        "(?1 IS NULL OR source = ?1) ORDER BY source, schema_name, name, column_name, field",
                        source, 1, take_said, export, err);
}

enum tl_code tl_catalog_export(struct tl_request *rq, tl_catalog *catalog, const char *source, struct tl_buf *yaml)
{
    struct tl_request inner;
    struct export export = {.rq = &inner, .catalog = catalog, .source = source, .yaml = yaml};
    tl_request_init(&inner, tl_arena_new(CAT_ARENA_BYTES_MAX));
    inner.principal = rq->principal;
    enum tl_code code = tl_store_read(catalog->options.store, read_all, &export, &rq->err);
    if (code == TL_OK && yaml->failed)
        code = tl_err_set(&rq->err, TL_TOO_LARGE, "all that is said is longer than %zu bytes; export one source after another", yaml->max_size);
    tl_arena_free(inner.arena);
    return code;
}
