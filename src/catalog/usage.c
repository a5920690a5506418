/* The query history, taken into counts. */
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "catalog/usage_int.h"
#include "door/lexer.h"

enum {
    STATEMENTS_AT_ONCE = 200,
    ROUNDS_MAX = 20,
    TEXT_MAX = 16 * 1024, /* longer statements are counted and no examples */
    COLUMNS_MAX = 2000,   /* of one statement, that are counted */
    TABLES_MAX = 200,
    ARENA_BYTES = 64 * 1024 * 1024,
};

static const uint64_t shape_key[2] = {0x7573616765, 0x7368617065};

struct statement {
    int64_t event_id, at_us;
    const char *id, *user;
    struct tl_str text, tables, lineage;
};

struct taking {
    tl_arena *arena;
    tl_store_tx *tx;
    int64_t last, swept_week;
    size_t count, examples;
    struct statement statements[STATEMENTS_AT_ONCE];
};

struct name {
    const char *source, *schema, *table;
};

/* --- the text --- */

const char *usage_general(tl_arena *arena, struct tl_str text)
{
    struct tl_lexer lexer = {text, 0};
    struct tl_buf buf;
    size_t end = 0;
    bool after_value = false;
    tl_buf_init(&buf, TEXT_MAX);
    for (struct tl_token token = tl_lexer_next(&lexer); token.kind != TL_TOKEN_END; token = tl_lexer_next(&lexer)) {
        if (token.kind == TL_TOKEN_BAD) {
            tl_buf_done(&buf);
            return NULL;
        }
        bool value = token.kind == TL_TOKEN_STRING || token.kind == TL_TOKEN_NUMBER;
        bool rest = after_value && token.offset == end && (value || token.kind == TL_TOKEN_WORD); /* "0x1F" is a number and a word */
        if (end && token.offset > end)
            tl_buf_addc(&buf, ' ');
        if (value && !rest)
            tl_buf_addc(&buf, '?');
        else if (!rest)
            tl_buf_add(&buf, text.data + token.offset, token.size);
        after_value = value || rest;
        end = token.offset + token.size;
    }
    const char *general = buf.failed ? NULL : tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return general;
}

/* --- counting --- */

static enum tl_code count(struct taking *taking, const char *kind, const struct name *name, const char *item, int64_t at_us, struct tl_err *err)
{
    const struct tl_store_value params[] = {TL_STORE_T(kind), TL_STORE_T(name->source), TL_STORE_T(name->schema), TL_STORE_T(name->table),
                                            TL_STORE_T(item), TL_STORE_I(at_us / USAGE_WEEK_US), TL_STORE_I(at_us)};
    return tl_store_run(taking->tx, "INSERT INTO catalog_usage (kind, source, schema_name, name, item, week, statements, last_us) VALUES (?1, ?2, ?3, ?4, ?5, "
                                    "?6, 1, ?7) ON CONFLICT (kind, source, schema_name, name, item, week) DO UPDATE SET statements = statements + 1, "
                                    "last_us = ?7",
                        params, 7, NULL, NULL, err);
}

static bool is_counted(const struct name *name)
{
    return name->source && name->schema && name->table && strcmp(name->source, "system") != 0 && strcmp(name->schema, "information_schema") != 0;
}

/* "source.schema.table", as the history has it. */
static struct name split(tl_arena *arena, const char *text)
{
    const char *first = strchr(text, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    if (!second)
        return (struct name){0};
    return (struct name){tl_arena_strndup(arena, text, (size_t)(first - text)), tl_arena_strndup(arena, first + 1, (size_t)(second - first - 1)), second + 1};
}

struct plan {
    struct name names[TABLES_MAX];
    size_t name_count;
    const tl_json *lineage;
};

static const char *text_at(const tl_json *array, size_t index)
{
    size_t at = 0;
    for (struct tl_json_iter it = tl_json_iter(array); tl_json_next(&it); at++)
        if (at == index)
            return tl_json_text(it.value);
    return NULL;
}

static const struct name *name_at(const struct plan *plan, const tl_json *array, size_t index)
{
    size_t at = 0;
    int64_t number = -1;
    for (struct tl_json_iter it = tl_json_iter(array); tl_json_next(&it); at++)
        if (at == index)
            tl_json_int64(it.value, &number);
    return number >= 0 && (size_t)number < plan->name_count && is_counted(&plan->names[number]) ? &plan->names[number] : NULL;
}

static enum tl_code read_plan(struct taking *taking, const struct statement *statement, struct plan *plan, struct tl_err *err)
{
    if (!statement->lineage.size)
        return TL_OK;
    if (tl_json_parse(taking->arena, statement->lineage.data, statement->lineage.size, &plan->lineage, err) != TL_OK)
        return err->code;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(plan->lineage, "datasets")); plan->name_count < TABLES_MAX && tl_json_next(&it);)
        plan->names[plan->name_count++] = (struct name){text_at(it.value, 0), text_at(it.value, 1), text_at(it.value, 2)};
    return TL_OK;
}

static enum tl_code count_columns(struct taking *taking, const struct statement *statement, const struct plan *plan, struct tl_err *err)
{
    enum tl_code code = TL_OK;
    size_t counted = 0;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(plan->lineage, "reads")); code == TL_OK && counted++ < COLUMNS_MAX && tl_json_next(&it);) {
        const struct name *name = name_at(plan, it.value, 0);
        const char *column = text_at(it.value, 1);
        if (name && column)
            code = count(taking, USAGE_COLUMN, name, column, statement->at_us, err);
    }
    return code;
}

static enum tl_code count_side(struct taking *taking, const struct name *name, const char *column, const struct name *other, const char *other_column,
                               int64_t at_us, struct tl_err *err)
{
    const char *const parts[] = {column, other->source, other->schema, other->table, other_column};
    struct tl_buf item;
    struct tl_json_writer json;
    tl_buf_init(&item, TEXT_MAX);
    tl_json_writer_init(&json, &item);
    tl_json_begin_array(&json);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        tl_json_put_text(&json, parts[i]);
    tl_json_end_array(&json);
    enum tl_code code = item.failed ? TL_OK : count(taking, USAGE_JOIN, name, tl_buf_cstr(&item), at_us, err);
    tl_buf_done(&item);
    return code;
}

static enum tl_code count_joins(struct taking *taking, const struct statement *statement, const struct plan *plan, struct tl_err *err)
{
    enum tl_code code = TL_OK;
    size_t counted = 0;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(plan->lineage, "joins")); code == TL_OK && counted++ < COLUMNS_MAX && tl_json_next(&it);) {
        const struct name *left = name_at(plan, it.value, 0), *right = name_at(plan, it.value, 2);
        const char *left_column = text_at(it.value, 1), *right_column = text_at(it.value, 3);
        if (!left || !right || !left_column || !right_column)
            continue;
        code = count_side(taking, left, left_column, right, right_column, statement->at_us, err);
        if (code == TL_OK)
            code = count_side(taking, right, right_column, left, left_column, statement->at_us, err);
    }
    return code;
}

/* --- examples --- */

static enum tl_code keep_example(struct taking *taking, const struct statement *statement, const struct name *name, const char *general, struct tl_err *err)
{
    int64_t shape = (int64_t)tl_hash_keyed(shape_key, general, strlen(general));
    const struct tl_store_value params[] = {TL_STORE_T(name->source), TL_STORE_T(name->schema), TL_STORE_T(name->table), TL_STORE_I(shape),
                                            TL_STORE_T(statement->id), TL_STORE_I(statement->at_us)};
    const struct tl_store_value bound[] = {params[0], params[1], params[2], TL_STORE_I(TL_USAGE_EXAMPLES)};
    enum tl_code code = tl_store_run(taking->tx, "INSERT INTO catalog_usage_example (source, schema_name, name, shape, statement_id, statements, "
                                                 "last_us) VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6) ON CONFLICT (source, schema_name, name, "
                                                 "shape) DO UPDATE SET statement_id = ?5, "
                                                 "statements = statements + 1, last_us = ?6", params, 6, NULL, NULL, err);
    if (code != TL_OK)
        return code;
    return tl_store_run(taking->tx, "DELETE FROM catalog_usage_example WHERE source = ?1 AND schema_name = ?2 AND name = ?3 AND shape IN (SELECT shape FROM "
                                    "catalog_usage_example WHERE source = ?1 AND schema_name = ?2 AND name = ?3 ORDER BY last_us DESC, shape LIMIT 1000 "
                                    "OFFSET ?4)",
                        bound, 4, NULL, NULL, err);
}

/* --- a statement --- */

static enum tl_code take_tables(struct taking *taking, const struct statement *statement, const char *general, struct tl_err *err)
{
    const tl_json *tables = NULL;
    enum tl_code code = TL_OK;
    size_t counted = 0;
    if (tl_json_parse(taking->arena, statement->tables.data, statement->tables.size, &tables, err) != TL_OK)
        return err->code;
    for (struct tl_json_iter it = tl_json_iter(tables); code == TL_OK && counted++ < TABLES_MAX && tl_json_next(&it);) {
        struct name name = split(taking->arena, tl_json_text(it.value) ? tl_json_text(it.value) : "");
        if (!is_counted(&name))
            continue;
        code = count(taking, USAGE_TABLE, &name, "", statement->at_us, err);
        if (code == TL_OK)
            code = count(taking, USAGE_USER, &name, statement->user, statement->at_us, err);
        if (code == TL_OK && general)
            code = keep_example(taking, statement, &name, general, err);
    }
    return code;
}

static enum tl_code take_statement(struct taking *taking, const struct statement *statement, struct tl_err *err)
{
    struct plan *plan = TL_NEW(taking->arena, struct plan);
    const char *general = statement->text.size <= TEXT_MAX && statement->lineage.size ? usage_general(taking->arena, statement->text) : NULL;
    enum tl_code code = take_tables(taking, statement, general, err);
    if (code == TL_OK)
        code = read_plan(taking, statement, plan, err);
    if (code == TL_OK)
        code = count_columns(taking, statement, plan, err);
    return code == TL_OK ? count_joins(taking, statement, plan, err) : code;
}

/* --- following --- */

static enum tl_code take_last(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct taking *taking = context;
    (void)cell_count;
    (void)err;
    taking->last = cells[0].integer;
    taking->swept_week = cells[1].integer;
    return TL_OK;
}

static struct tl_str copy(struct taking *taking, const struct tl_store_value *cell)
{
    const char *text = tl_store_text(taking->arena, cell);
    return (struct tl_str){text ? text : "", text ? cell->bytes.size : 0};
}

static enum tl_code take_row(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct taking *taking = context;
    (void)cell_count;
    (void)err;
    taking->last = cells[0].integer;
    taking->count++;
    bool counts = tl_str_equal(cells[2].bytes, TL_STR("FINISHED")) && !tl_str_starts_with(cells[3].bytes, TL_STR("townlake-"));
    if (!counts || taking->examples == STATEMENTS_AT_ONCE)
        return TL_OK;
    taking->statements[taking->examples++] = (struct statement){
        .event_id = cells[0].integer,
        .id = tl_store_text(taking->arena, &cells[1]),
        .user = tl_store_text(taking->arena, &cells[3]),
        .text = copy(taking, &cells[4]),
        .tables = copy(taking, &cells[5]),
        .lineage = copy(taking, &cells[6]),
        .at_us = cells[7].integer,
    };
    return TL_OK;
}

static enum tl_code read_rows(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct taking *taking = context;
    enum tl_code code = tl_store_run(tx, "SELECT event_id, swept_week FROM catalog_usage_seen", NULL, 0, take_last, taking, err);
    const struct tl_store_value params[] = {TL_STORE_I(taking->last), TL_STORE_I(STATEMENTS_AT_ONCE)};
    if (code != TL_OK)
        return code;
    return tl_store_run(tx, "SELECT e.id, h.id, h.state, h.user_name, h.text, coalesce(h.tables_json, '[]'), h.lineage_json, h.created_at_us FROM event e "
                            "LEFT JOIN query_history h ON h.id = e.subject WHERE e.kind = 'query_finished' AND e.id > ?1 ORDER BY e.id LIMIT ?2",
                        params, 2, take_row, taking, err);
}

/* One that cannot be read counts for nothing and is passed: it must not be met again and again. */
static enum tl_code write_rows(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct taking *taking = context;
    enum tl_code code = TL_OK;
    taking->tx = tx;
    for (size_t i = 0; code == TL_OK && i < taking->examples; i++) {
        code = take_statement(taking, &taking->statements[i], err);
        if (code == TL_INVALID_VALUE || code == TL_TOO_LARGE) {
            tl_err_init(err);
            code = TL_OK;
        }
    }
    int64_t week = tl_clock_wall_us() / USAGE_WEEK_US;
    const struct tl_store_value params[] = {TL_STORE_I(taking->last), TL_STORE_I(week)}, oldest[] = {TL_STORE_I(week - TL_USAGE_WEEKS)};
    if (code == TL_OK)
        code = tl_store_run(tx, "UPDATE catalog_usage_seen SET event_id = ?1, swept_week = ?2", params, 2, NULL, NULL, err);
    if (code == TL_OK && week != taking->swept_week)
        code = tl_store_run(tx, "DELETE FROM catalog_usage WHERE week < ?1", oldest, 1, NULL, NULL, err);
    return code;
}

enum tl_code tl_usage_follow(tl_store *store, bool *ret_more, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    enum tl_code code = TL_OK;
    *ret_more = true;
    for (int round = 0; code == TL_OK && *ret_more && round < ROUNDS_MAX; round++) {
        struct taking *taking = TL_NEW(arena, struct taking);
        taking->arena = arena;
        code = tl_store_read(store, read_rows, taking, err);
        if (code == TL_OK && taking->count)
            code = tl_store_write(store, write_rows, taking, err);
        *ret_more = taking->count == STATEMENTS_AT_ONCE;
        tl_arena_reset(arena);
    }
    tl_arena_free(arena);
    return code;
}
