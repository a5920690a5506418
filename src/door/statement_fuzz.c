/* The lexer and the statement forms over any bytes: nothing crashes, tokens cover the text in order, names lie in the text. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "door/argument.h"
#include "door/dialect.h"
#include "door/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tokens(struct tl_str text)
{
    struct tl_lexer lexer = {text, 0};
    size_t end = 0;
    for (;;) {
        struct tl_token token = tl_lexer_next(&lexer);
        assert(token.offset >= end && token.offset + token.size <= text.size);
        if (token.kind == TL_TOKEN_END)
            return;
        assert(lexer.at > end || token.kind == TL_TOKEN_BAD);
        if (token.kind == TL_TOKEN_BAD && token.size == 0)
            return;
        end = token.offset + token.size;
    }
}

/* The pieces taken over stand in both texts, in the order of the new one. */
static void check_dialect(tl_arena *arena, struct tl_str text)
{
    struct tl_dialect dialect;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_dialect_read(arena, text, 1 << 20, &dialect, &err) != TL_OK)
        return;
    size_t end = 0;
    for (size_t i = 0; i < dialect.piece_count; i++) {
        const struct tl_dialect_piece *piece = &dialect.pieces[i];
        assert(piece->at >= end && piece->original + piece->size <= text.size);
        end = piece->at + piece->size;
        assert(end <= dialect.text.size);
        assert(memcmp(dialect.text.data + piece->at, text.data + piece->original, piece->size) == 0);
    }
    for (size_t i = 0; i <= dialect.text.size; i++)
        assert(tl_dialect_original(&dialect, (int64_t)i) <= (int64_t)text.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(1 << 24);
    struct tl_err err;
    struct tl_str text;
    struct tl_statement statement;
    tl_err_init(&err);
    check_tokens((struct tl_str){(const char *)data, size});
    if (tl_statement_clean(arena, (struct tl_str){(const char *)data, size}, 1 << 20, 10000, &text, &err) == TL_OK) {
        assert(text.size > 0 && text.size <= size);
        check_dialect(arena, text);
        if (tl_statement_read(arena, text, &statement, &err) == TL_OK) {
            assert(statement.name.offset + statement.name.size <= text.size);
            assert(statement.kind != TL_STATEMENT_ENGINE || statement.inner.size == text.size);
            for (size_t i = 0; statement.arguments && i < statement.argument_count; i++) {
                assert(statement.arguments[i].size > 0);
                assert(tl_argument_plain(arena, statement.arguments[i]).size > 0);
            }
        }
    }
    tl_arena_free(arena);
    return 0;
}
