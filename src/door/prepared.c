/* PREPARE, EXECUTE, EXECUTE IMMEDIATE, DEALLOCATE PREPARE, DESCRIBE INPUT and OUTPUT.
 *
 * The client keeps prepared texts.  EXECUTE .. USING puts each argument, in brackets, in the place of its parameter and runs
 *   the text that results: the gate sees it as if it had been written so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "door/argument.h"
#include "door/door_int.h"

static const char *find_prepared(const struct tl_session *session, const char *name)
{
    for (size_t i = 0; i < session->prepared_count; i++)
        if (tl_streq_nocase(session->prepared[i].name, name))
            return session->prepared[i].value;
    return NULL;
}

static enum tl_code unknown_prepared(struct tl_door_call *call, const struct tl_name *name)
{
    struct tl_err *err = &call->rq->err;
    tl_err_set(err, TL_NOT_FOUND, "unknown prepared statement \"%s\"", name->parts[0]);
    for (size_t i = 0; i < call->session->prepared_count; i++)
        if (tl_edit_distance(name->parts[0], call->session->prepared[i].name, TL_DOOR_NEAREST_DISTANCE) <=
            TL_DOOR_NEAREST_DISTANCE)
            tl_err_hint(err, "did you mean %s?", call->session->prepared[i].name);
    tl_err_hint(err, "PREPARE name FROM statement");
    tl_err_position(err, (int64_t)name->offset);
    return TL_NOT_FOUND;
}

/* Is it a statement that could run, parameters aside?  Names are looked up when it runs. */
static enum tl_code check_inner(struct tl_door_call *call, struct tl_str text, size_t *ret_parameters)
{
    struct tl_statement inner;
    enum tl_code code = tl_statement_read(call->rq->arena, text, &inner, &call->rq->err);
    *ret_parameters = 0;
    if (code != TL_OK)
        return code;
    if (inner.kind == TL_STATEMENT_PREPARE || inner.kind == TL_STATEMENT_EXECUTE ||
        inner.kind == TL_STATEMENT_EXECUTE_IMMEDIATE || inner.kind == TL_STATEMENT_DEALLOCATE)
        return tl_err_set(&call->rq->err, TL_UNSUPPORTED,
                          "a prepared statement cannot hold PREPARE, EXECUTE or DEALLOCATE");
    if (inner.kind != TL_STATEMENT_EXPLAIN && inner.kind != TL_STATEMENT_ENGINE)
        return TL_OK;
    text = inner.inner;
    const struct tl_gate *gate;
    code = tl_check_text(call, text, &gate);
    if (code == TL_OK)
        *ret_parameters = gate->parameter_count;
    return code;
}

static enum tl_code prepare(struct tl_door_call *call, const struct tl_statement *statement)
{
    size_t parameters;
    enum tl_code code = check_inner(call, statement->inner, &parameters);
    if (code != TL_OK) {
        if (call->rq->err.position >= 0)
            call->rq->err.position += (int64_t)statement->inner_offset;
        return code;
    }
    const char *sql = tl_arena_strndup(call->rq->arena, statement->inner.data, statement->inner.size);
    tl_answer_change(call->answer, TL_SESSION_ADD_PREPARED, statement->name.parts[0], sql);
    tl_answer_set_update(call->answer, "PREPARE", false);
    return TL_OK;
}

/* Which argument a parameter token means: ? is the next one, $2 and ?2 the second. */
static size_t argument_of(struct tl_str text, struct tl_token token, size_t *next)
{
    char digits[12] = "";
    size_t size = token.size - 1 < sizeof digits - 1 ? token.size - 1 : sizeof digits - 1;
    memcpy(digits, text.data + token.offset + 1, size);
    if (token.size == 1)
        return (*next)++;
    long number = strtol(digits, NULL, 10);
    return number > 0 ? (size_t)number - 1 : SIZE_MAX;
}

static enum tl_code wrong_count(struct tl_door_call *call, size_t wanted, size_t given)
{
    return tl_err_set(&call->rq->err, TL_INVALID_ARGUMENT,
                      "the prepared statement has %zu parameters, %zu arguments are given", wanted, given);
}

static enum tl_code put_arguments(struct tl_door_call *call, struct tl_str text, const struct tl_statement *statement,
                                  struct tl_str *ret_text)
{
    tl_arena *arena = call->rq->arena;
    struct tl_lexer lexer = {text, 0};
    size_t capacity = statement->argument_count + 8, count = 0, next = 0, used = 0;
    struct tl_edit *edits = TL_NEW_ARRAY(arena, struct tl_edit, capacity);
    for (struct tl_token token = tl_lexer_next(&lexer); token.kind != TL_TOKEN_END; token = tl_lexer_next(&lexer)) {
        if (token.kind != TL_TOKEN_PARAMETER)
            continue;
        size_t argument = argument_of(text, token, &next);
        used = argument != SIZE_MAX && argument + 1 > used ? argument + 1 : used;
        if (argument >= statement->argument_count) {
            used = next > used ? next : used;
            return wrong_count(call, used, statement->argument_count);
        }
        if (count == capacity) {
            edits = tl_arena_grow(arena, edits, capacity * sizeof *edits, 2 * capacity * sizeof *edits);
            capacity *= 2;
        }
        struct tl_str value = tl_argument_plain(arena, statement->arguments[argument]);
        edits[count++] =
            (struct tl_edit){token.offset, token.size, tl_arena_printf(arena, "(%.*s)", (int)value.size, value.data)};
    }
    if (used != statement->argument_count)
        return wrong_count(call, used, statement->argument_count);
    return tl_splice(arena, text, edits, count, ret_text, &call->rq->err);
}

static enum tl_code execute(struct tl_door_call *call, const struct tl_statement *statement)
{
    struct tl_str sql = statement->inner, text;
    if (statement->kind == TL_STATEMENT_EXECUTE) {
        const char *prepared = find_prepared(call->session, statement->name.parts[0]);
        if (!prepared)
            return unknown_prepared(call, &statement->name);
        sql = tl_str_of(prepared);
    }
    const struct tl_door_limits *limits = &call->door->limits;
    call->positions_unknown = true;
    enum tl_code code =
        tl_statement_clean(call->rq->arena, sql, limits->text_bytes_max, 2 * limits->nodes_max, &text, &call->rq->err);
    if (code == TL_OK)
        code = put_arguments(call, text, statement, &text);
    if (code == TL_OK && text.size > limits->text_bytes_max)
        code =
            tl_err_set(&call->rq->err, TL_TOO_LARGE, "the statement with its arguments has %zu bytes, the limit is %zu",
                       text.size, limits->text_bytes_max);
    struct tl_dialect dialect = {.text = text};
    if (code == TL_OK)
        code = tl_door_read_dialect(call, text, &dialect);
    text = dialect.text;
    struct tl_statement inner;
    if (code == TL_OK)
        code = tl_statement_read(call->rq->arena, text, &inner, &call->rq->err);
    bool nested = code == TL_OK && (inner.kind == TL_STATEMENT_EXECUTE || inner.kind == TL_STATEMENT_EXECUTE_IMMEDIATE);
    if (nested)
        code = tl_err_set(&call->rq->err, TL_UNSUPPORTED, "a prepared statement cannot hold EXECUTE");
    return code == TL_OK ? tl_run_text(call, text, 0) : code;
}

static enum tl_code deallocate(struct tl_door_call *call, const struct tl_statement *statement)
{
    if (!find_prepared(call->session, statement->name.parts[0]))
        return unknown_prepared(call, &statement->name);
    tl_answer_change(call->answer, TL_SESSION_DROP_PREPARED, statement->name.parts[0], NULL);
    tl_answer_set_update(call->answer, "DEALLOCATE", false);
    return TL_OK;
}

static enum tl_code describe_input(struct tl_door_call *call, struct tl_str sql)
{
    size_t parameters;
    enum tl_code code = check_inner(call, sql, &parameters);
    if (code != TL_OK)
        return code;
    struct tl_field *fields = TL_NEW_ARRAY(call->rq->arena, struct tl_field, 2);
    fields[0] = (struct tl_field){"Position", tl_type_simple(TL_TYPE_INT64)};
    fields[1] = (struct tl_field){"Type", tl_type_simple(TL_TYPE_VARCHAR)};
    tl_batch_builder *rows = tl_batch_builder_new(call->rq->arena, fields, 2);
    for (size_t i = 0; i < parameters; i++) {
        tl_batch_builder_int64(rows, (int64_t)i);
        tl_batch_builder_text(rows, "unknown");
    }
    tl_answer_set_batch(call->answer, fields, 2, tl_batch_builder_finish(rows));
    return TL_OK;
}

/* The columns a query would have: it is bound with NULL for every parameter, and not read. */
static enum tl_code bind_output(struct tl_door_call *call, struct tl_str sql, const struct tl_field **ret_fields,
                                size_t *ret_count)
{
    size_t parameters;
    enum tl_code code = check_inner(call, sql, &parameters);
    struct tl_statement arguments = {.argument_count = parameters};
    struct tl_str *nulls = TL_NEW_ARRAY(call->rq->arena, struct tl_str, parameters);
    for (size_t i = 0; i < parameters; i++)
        nulls[i] = TL_STR("NULL");
    arguments.arguments = nulls;
    if (code == TL_OK)
        code = put_arguments(call, sql, &arguments, &sql);
    const struct tl_gate *gate;
    struct tl_governed *governed;
    tl_result *result;
    if (code == TL_OK)
        code = tl_check_text(call, sql, &gate);
    *ret_count = 0;
    if (code != TL_OK || gate->kind != TL_GATE_SELECT)
        return code;
    code = tl_govern(call, sql, 0, gate, &governed);
    if (code == TL_OK)
        code = tl_govern_run(call, governed, false, &result);
    if (code != TL_OK)
        return code;
    const struct tl_field *fields;
    size_t count = tl_result_fields(result, &fields);
    struct tl_field *copies = TL_NEW_ARRAY(call->rq->arena, struct tl_field, count);
    for (size_t i = 0; i < count; i++)
        copies[i] = (struct tl_field){tl_arena_strdup(call->rq->arena, fields[i].name),
                                      tl_type_copy(call->rq->arena, &fields[i].type)};
    tl_result_close(result);
    *ret_fields = copies;
    *ret_count = count;
    return TL_OK;
}

static enum tl_code describe_output(struct tl_door_call *call, struct tl_str sql)
{
    static const char *const names[] = {"Column Name", "Catalog", "Schema", "Table", "Type", "Type Size", "Aliased"};
    enum { COLUMNS = sizeof names / sizeof *names };
    const struct tl_field *columns;
    size_t count;
    enum tl_code code = bind_output(call, sql, &columns, &count);
    if (code != TL_OK)
        return code;
    struct tl_field *fields = tl_text_fields(call->rq->arena, names, COLUMNS);
    fields[5].type = tl_type_simple(TL_TYPE_INT64);
    fields[6].type = tl_type_simple(TL_TYPE_BOOLEAN);
    tl_batch_builder *rows = tl_batch_builder_new(call->rq->arena, fields, COLUMNS);
    for (size_t i = 0; i < count; i++) {
        struct tl_buf type;
        tl_buf_init(&type, 64 * 1024);
        tl_type_format_trino(&type, &columns[i].type);
        tl_batch_builder_text(rows, columns[i].name);
        for (int k = 0; k < 3; k++)
            tl_batch_builder_text(rows, "");
        tl_batch_builder_text(rows, tl_buf_cstr(&type));
        tl_batch_builder_int64(rows, (int64_t)tl_type_width(&columns[i].type));
        tl_batch_builder_bool(rows, false);
        tl_buf_done(&type);
    }
    tl_answer_set_batch(call->answer, fields, COLUMNS, tl_batch_builder_finish(rows));
    return TL_OK;
}

static enum tl_code describe(struct tl_door_call *call, const struct tl_statement *statement)
{
    const char *sql = find_prepared(call->session, statement->name.parts[0]);
    if (!sql)
        return unknown_prepared(call, &statement->name);
    call->positions_unknown = true;
    struct tl_str text;
    const struct tl_door_limits *limits = &call->door->limits;
    enum tl_code code = tl_statement_clean(call->rq->arena, tl_str_of(sql), limits->text_bytes_max,
                                           2 * limits->nodes_max, &text, &call->rq->err);
    if (code != TL_OK)
        return code;
    return statement->kind == TL_STATEMENT_DESCRIBE_INPUT ? describe_input(call, text) : describe_output(call, text);
}

enum tl_code tl_prepared_statement(struct tl_door_call *call, const struct tl_statement *statement)
{
    switch (statement->kind) {
    case TL_STATEMENT_PREPARE:
        return prepare(call, statement);
    case TL_STATEMENT_DEALLOCATE:
        return deallocate(call, statement);
    case TL_STATEMENT_DESCRIBE_INPUT:
    case TL_STATEMENT_DESCRIBE_OUTPUT:
        return describe(call, statement);
    default:
        return execute(call, statement);
    }
}
