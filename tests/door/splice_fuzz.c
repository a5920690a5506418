/* Any text: when the gate lets it pass, every table name it found is replaced by a governed one, and the text that results must
 * read as before: same kind, as many tables, each of them governed.  What does not is what the door refuses; here it is counted,
 * and for texts without strange quoting it must not happen at all. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "door/door_int.h"
#include "engines/duckdb/hooks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tl_gate *check(tl_arena *arena, struct tl_str text, struct tl_err *err)
{
    static const struct tl_gate_limits limits = {.nodes_max = 5000, .depth_max = 100, .terms_max = 100};
    struct tl_buf json;
    const tl_json *ast;
    const struct tl_gate *gate = NULL;
    tl_buf_init(&json, 64 << 20);
    if (tl_hooks_parse(text.data, text.size, &json, err) != TL_OK ||
        tl_json_parse(arena, json.data, json.size, &ast, err) != TL_OK ||
        tl_gate_check(arena, &limits, text, ast, &gate, err) != TL_OK)
        gate = NULL;
    tl_buf_done(&json);
    return gate;
}

static void check_places(struct tl_str text, const struct tl_gate *gate)
{
    for (size_t i = 0; i < gate->table_count; i++) {
        assert(gate->tables[i].offset + gate->tables[i].size <= text.size && gate->tables[i].size > 0);
        if (gate->tables[i].at_unit)
            assert(gate->tables[i].at_offset + gate->tables[i].at_size <= text.size);
    }
    for (size_t i = 0; i < gate->column_count; i++)
        assert(gate->columns[i].offset + gate->columns[i].size <= text.size);
}

static void replace_and_verify(tl_arena *arena, struct tl_str text, const struct tl_gate *gate)
{
    struct tl_err err;
    struct tl_str governed;
    struct tl_edit *edits = TL_NEW_ARRAY(arena, struct tl_edit, 2 * gate->table_count + 1);
    size_t count = 0;
    tl_err_init(&err);
    for (size_t i = 0; i < gate->table_count; i++) {
        bool schema = gate->kind == TL_GATE_CREATE_SCHEMA || gate->kind == TL_GATE_DROP_SCHEMA;
        edits[count++] = (struct tl_edit){gate->tables[i].offset, gate->tables[i].size,
                                          schema ? "\"p:x\".\"s\"" : "\"g:x\".\"s\".\"t\""};
        if (gate->tables[i].at_unit)
            edits[count++] = (struct tl_edit){gate->tables[i].at_offset, gate->tables[i].at_size, ""};
    }
    if (tl_splice(arena, text, edits, count, &governed, &err) != TL_OK)
        return;
    const struct tl_gate *after = check(arena, governed, &err);
    if (!after) /* refused: no harm */
        return;
    assert(after->kind == gate->kind);
    assert(after->table_count == gate->table_count);
    for (size_t i = 0; i < after->table_count; i++)
        assert(strcmp(after->tables[i].catalog, "g:x") == 0 || strcmp(after->tables[i].catalog, "p:x") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(1 << 28);
    struct tl_err err;
    struct tl_str text;
    tl_err_init(&err);
    if (tl_statement_clean(arena, (struct tl_str){(const char *)data, size}, 64 * 1024, 10000, &text, &err) == TL_OK) {
        const struct tl_gate *gate = check(arena, text, &err);
        if (gate) {
            check_places(text, gate);
            replace_and_verify(arena, text, gate);
        }
    }
    tl_arena_free(arena);
    return 0;
}
