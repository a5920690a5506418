/* What people say of tables, columns, terms and domains: rows in and out, each edit with what stood there before. */
#include <string.h>

#include "base/clock.h"
#include "catalog/catalog_int.h"
#include "door/lexer.h"

enum { NAME_BYTES_MAX = 16 * 1024 };

bool cat_is_entity(const struct cat_entity *a, const struct cat_entity *b)
{
    return tl_streq(a->kind, b->kind) && tl_streq(a->source, b->source) && tl_streq(a->schema, b->schema) && tl_streq(a->name, b->name) &&
           tl_streq(a->column, b->column);
}

/* --- names as people write them --- */

static void put_part(struct tl_buf *buf, const char *name)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    bool plain = name[0] && !strchr("0123456789", name[0]) && name[strspn(name, word)] == '\0';
    if (plain)
        tl_buf_adds(buf, name);
    else
        tl_buf_add_identifier(buf, name);
}

void cat_put_name(struct tl_buf *buf, const char *source, const char *schema, const char *table)
{
    put_part(buf, source);
    tl_buf_addc(buf, '.');
    put_part(buf, schema);
    tl_buf_addc(buf, '.');
    put_part(buf, table);
}

const char *cat_entity_text(tl_arena *arena, const struct cat_entity *entity)
{
    if (entity->source[0] == '\0')
        return tl_arena_printf(arena, "%s %s", entity->kind, entity->name);
    struct tl_buf buf;
    tl_buf_init(&buf, NAME_BYTES_MAX);
    cat_put_name(&buf, entity->source, entity->schema, entity->name);
    if (entity->column[0]) {
        tl_buf_addc(&buf, '.');
        put_part(&buf, entity->column);
    }
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

static size_t read_parts(tl_arena *arena, const char *text, const char **ret_parts, size_t most)
{
    struct tl_lexer lexer = {tl_str_of(text), 0};
    for (size_t count = 0; count < most;) {
        ret_parts[count] = tl_token_name(arena, lexer.text, tl_lexer_next(&lexer));
        if (!ret_parts[count++])
            return 0;
        if (tl_lexer_peek(&lexer).kind == TL_TOKEN_END)
            return count;
        if (!tl_lexer_take_symbol(&lexer, "."))
            return 0;
    }
    return 0;
}

bool cat_read_name(tl_arena *arena, const char *text, struct cat_entity *ret_dataset)
{
    const char *parts[4];
    bool sound = text && read_parts(arena, text, parts, 4) == 3;
    if (sound)
        *ret_dataset = (struct cat_entity){"dataset", parts[0], parts[1], parts[2], ""};
    return sound;
}

bool cat_read_column_name(tl_arena *arena, const char *text, struct cat_entity *ret_column)
{
    const char *parts[4];
    bool sound = text && read_parts(arena, text, parts, 4) == 4;
    if (sound)
        *ret_column = (struct cat_entity){"column", parts[0], parts[1], parts[2], parts[3]};
    return sound;
}

/* --- reading --- */

struct reading {
    tl_arena *arena;
    const struct cat_entity *entity;
    const char *value;
    cat_field_call each;
    void *context;
};

static enum tl_code take_value(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct reading *reading = context;
    (void)count;
    (void)err;
    reading->value = tl_store_text(reading->arena, &cells[0]);
    return TL_OK;
}

enum tl_code cat_meaning_get(tl_store_tx *tx, tl_arena *arena, const struct cat_entity *entity, const char *field, const char **ret_value,
                             struct tl_err *err)
{
    struct reading reading = {.arena = arena};
    const struct tl_store_value params[] = {TL_STORE_T(entity->kind), TL_STORE_T(entity->source), TL_STORE_T(entity->schema),
                                            TL_STORE_T(entity->name), TL_STORE_T(entity->column), TL_STORE_T(field)};
    enum tl_code code = tl_store_run(tx,
                                     "SELECT value FROM catalog_meaning WHERE kind = ?1 AND source = ?2 AND schema_name = ?3 AND name = ?4 AND "
                                     "column_name = ?5 AND field = ?6",
                                     params, 6, take_value, &reading, err);
    *ret_value = reading.value;
    return code;
}

static enum tl_code take_field(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct reading *reading = context;
    (void)count;
    (void)err;
    struct cat_entity entity = *reading->entity;
    entity.column = tl_store_text(reading->arena, &cells[0]);
    return reading->each(reading->context, &entity, tl_store_text(reading->arena, &cells[1]), tl_store_text(reading->arena, &cells[2]));
}

enum tl_code cat_meaning_each(tl_store_tx *tx, tl_arena *arena, const struct cat_entity *entity, cat_field_call each, void *context, struct tl_err *err)
{
    struct reading reading = {.arena = arena, .entity = entity, .each = each, .context = context};
    const struct tl_store_value params[] = {TL_STORE_T(entity->kind), TL_STORE_T(entity->source), TL_STORE_T(entity->schema),
                                            TL_STORE_T(entity->name), TL_STORE_T(entity->column)};
    return tl_store_run(tx,
                        "SELECT column_name, field, value FROM catalog_meaning WHERE kind = ?1 AND source = ?2 AND schema_name = ?3 AND name = ?4 AND "
                        "(?5 IS NULL OR column_name = ?5) ORDER BY column_name, field",
                        params, 5, take_field, &reading, err);
}

/* --- writing --- */

struct writing {
    tl_store_tx *tx;
    tl_arena *arena;
    const char *actor;
    int64_t now_us, next_id;
};

static enum tl_code take_id(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct writing *writing = context;
    (void)count;
    (void)err;
    writing->next_id = (cells[0].type == TL_STORE_NULL ? 0 : cells[0].integer) + 1;
    return TL_OK;
}

static enum tl_code write_value(const struct writing *writing, const struct cat_edit *edit, struct tl_err *err)
{
    const struct cat_entity *entity = &edit->entity;
    const struct tl_store_value params[] = {TL_STORE_T(entity->kind), TL_STORE_T(entity->source), TL_STORE_T(entity->schema),
                                            TL_STORE_T(entity->name), TL_STORE_T(entity->column), TL_STORE_T(edit->field),
                                            TL_STORE_T(edit->after), TL_STORE_I(writing->now_us), TL_STORE_T(writing->actor)};
    if (!edit->after)
        return tl_store_run(writing->tx,
                            "DELETE FROM catalog_meaning WHERE kind = ?1 AND source = ?2 AND schema_name = ?3 AND name = ?4 AND column_name = ?5 "
                            "AND field = ?6",
                            params, 6, NULL, NULL, err);
    return tl_store_run(writing->tx,
                        "INSERT INTO catalog_meaning (kind, source, schema_name, name, column_name, field, value, edited_at_us, edited_by) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (kind, source, schema_name, name, column_name, field) "
                        "DO UPDATE SET value = ?7, edited_at_us = ?8, edited_by = ?9",
                        params, 9, NULL, NULL, err);
}

static enum tl_code write_edit(struct writing *writing, const struct cat_edit *edit, struct tl_err *err)
{
    const struct cat_entity *entity = &edit->entity;
    const struct tl_store_value params[] = {TL_STORE_I(writing->next_id++), TL_STORE_I(writing->now_us), TL_STORE_T(writing->actor),
                                            TL_STORE_T(entity->kind), TL_STORE_T(entity->source), TL_STORE_T(entity->schema),
                                            TL_STORE_T(entity->name), TL_STORE_T(entity->column), TL_STORE_T(edit->field),
                                            TL_STORE_T(edit->before), TL_STORE_T(edit->after)};
    return tl_store_run(writing->tx,
                        "INSERT INTO catalog_edit (edit_id, at_us, actor, kind, source, schema_name, name, column_name, field, value_before, value_after) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                        params, 11, NULL, NULL, err);
}

static enum tl_code link(const struct writing *writing, const struct cat_edit *edit, const char *value, struct tl_err *err)
{
    const struct cat_entity *entity = &edit->entity;
    const struct tl_store_value params[] = {TL_STORE_T(edit->field), TL_STORE_T(value), TL_STORE_T(entity->kind), TL_STORE_T(entity->source),
                                            TL_STORE_T(entity->schema), TL_STORE_T(entity->name), TL_STORE_T(entity->column)};
    return tl_store_run(writing->tx,
                        "INSERT INTO catalog_link (field, value, kind, source, schema_name, name, column_name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                        "ON CONFLICT (field, value, kind, source, schema_name, name, column_name) DO NOTHING",
                        params, 7, NULL, NULL, err);
}

static enum tl_code unlink_value(const struct writing *writing, const struct cat_edit *edit, const char *value, struct tl_err *err)
{
    const struct cat_entity *entity = &edit->entity;
    const struct tl_store_value params[] = {TL_STORE_T(edit->field), TL_STORE_T(value), TL_STORE_T(entity->kind), TL_STORE_T(entity->source),
                                            TL_STORE_T(entity->schema), TL_STORE_T(entity->name), TL_STORE_T(entity->column)};
    return tl_store_run(writing->tx,
                        "DELETE FROM catalog_link WHERE field = ?1 AND value = ?2 AND kind = ?3 AND source = ?4 AND schema_name = ?5 AND name = ?6 AND "
                        "column_name = ?7",
                        params, 7, NULL, NULL, err);
}

/* The value is one text, or a JSON array of them. */
static enum tl_code each_link(const struct writing *writing, const struct cat_edit *edit, const char *value,
                              enum tl_code (*call)(const struct writing *writing, const struct cat_edit *edit, const char *value, struct tl_err *err),
                              struct tl_err *err)
{
    const tl_json *list;
    if (!value)
        return TL_OK;
    if (value[0] != '[')
        return call(writing, edit, value, err);
    enum tl_code code = tl_json_parse(writing->arena, value, strlen(value), &list, err);
    for (struct tl_json_iter it = tl_json_iter(code == TL_OK ? list : NULL); code == TL_OK && tl_json_next(&it);)
        code = call(writing, edit, tl_json_text(it.value), err);
    return code;
}

static enum tl_code write_links(const struct writing *writing, const struct cat_edit *edit, struct tl_err *err)
{
    const struct cat_field *field = cat_field_of(edit->field);
    if (!field || !field->links)
        return TL_OK;
    enum tl_code code = each_link(writing, edit, edit->before, unlink_value, err);
    return code == TL_OK ? each_link(writing, edit, edit->after, link, err) : code;
}

static enum tl_code check_before(const struct writing *writing, const struct cat_edit *edit, struct tl_err *err)
{
    const char *now;
    if (cat_meaning_get(writing->tx, writing->arena, &edit->entity, edit->field, &now, err) != TL_OK)
        return err->code;
    if (tl_streq(now, edit->before))
        return TL_OK;
    tl_err_set(err, TL_CONFLICT, "%s of \"%.300s\" was changed meanwhile", edit->field, cat_entity_text(writing->arena, &edit->entity));
    tl_err_hint(err, "nothing was written; look at what stands there now, and try again");
    return TL_CONFLICT;
}

enum tl_code cat_meaning_write(tl_store_tx *tx, const char *actor, const struct cat_edit *edits, size_t count, struct tl_err *err)
{
    struct writing writing = {.tx = tx, .arena = tl_arena_new(CAT_ARENA_BYTES_MAX), .actor = actor, .now_us = tl_clock_wall_us()};
    enum tl_code code = tl_store_run(tx, "SELECT max(edit_id) FROM catalog_edit", NULL, 0, take_id, &writing, err);
    for (size_t i = 0; i < count && code == TL_OK; i++) {
        code = check_before(&writing, &edits[i], err);
        if (code == TL_OK)
            code = write_value(&writing, &edits[i], err);
        if (code == TL_OK)
            code = write_links(&writing, &edits[i], err);
        if (code == TL_OK)
            code = write_edit(&writing, &edits[i], err);
        tl_arena_reset(writing.arena);
    }
    tl_arena_free(writing.arena);
    return code;
}

enum tl_code cat_edits_write(tl_store_tx *tx, const char *actor, const struct cat_edit *edits, size_t count, struct tl_err *err)
{
    struct writing writing = {.tx = tx, .actor = actor, .now_us = tl_clock_wall_us()};
    enum tl_code code = tl_store_run(tx, "SELECT max(edit_id) FROM catalog_edit", NULL, 0, take_id, &writing, err);
    for (size_t i = 0; i < count && code == TL_OK; i++)
        code = write_edit(&writing, &edits[i], err);
    return code;
}
