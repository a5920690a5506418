/* "t FOR VERSION AS OF 5 AS x": the engine says it behind the alias, "t AS x AT (VERSION => 5)". */
#include "door/dialect_int.h"

/* Words that may stand behind a table and are no alias of it. */
static bool ends_table(const struct tl_dialect_writer *w, size_t at)
{
    static const char *const words[] = {"WHERE", "JOIN",  "ON",     "LEFT",   "RIGHT",  "INNER",     "FULL",    "CROSS", "NATURAL",
                                        "USING", "GROUP", "ORDER",  "LIMIT",  "HAVING", "UNION",     "EXCEPT",  "INTERSECT",
                                        "OFFSET", "FETCH", "WINDOW", "QUALIFY", "TABLESAMPLE", "SET", "WHEN",  "SEMI",  "ANTI",
                                        "ASOF",  "POSITIONAL", "LATERAL", "RETURNING", "PIVOT", "UNPIVOT", "FOR"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (tl_dialect_is_word(w, at, words[i]))
            return true;
    return false;
}

/* [AS] alias [(columns)]; the token behind it, `at` itself when there is none. */
static size_t alias_end(const struct tl_dialect_writer *w, size_t at, size_t end)
{
    size_t name = at + (at < end && tl_dialect_is_word(w, at, "AS"));
    bool named = name < end && (w->tokens[name].kind == TL_TOKEN_IDENTIFIER || (w->tokens[name].kind == TL_TOKEN_WORD && !ends_table(w, name)));
    if (!named)
        return at;
    return name + 1 < end && tl_dialect_is_symbol(w, name + 1, "(") ? tl_dialect_step(w, name + 1) : name + 1;
}

/* 5, 'main', TIMESTAMP '2026-11-24 12:00:00', DATE '2026-11-24': the token behind it, 0 = something else stands here. */
static size_t value_end(const struct tl_dialect_writer *w, size_t at, size_t end, bool version)
{
    bool typed = at < end && !version && (tl_dialect_is_word(w, at, "TIMESTAMP") || tl_dialect_is_word(w, at, "DATE"));
    at += typed;
    if (at >= end)
        return 0;
    enum tl_token_kind kind = w->tokens[at].kind;
    return (version && kind == TL_TOKEN_NUMBER) || ((version || typed) && kind == TL_TOKEN_STRING) ? at + 1 : 0;
}

size_t tl_dialect_as_of(struct tl_dialect_writer *w, size_t at, size_t end)
{
    bool version = at + 1 < end && tl_dialect_is_word(w, at + 1, "VERSION");
    if (at + 4 >= end || (!version && !tl_dialect_is_word(w, at + 1, "TIMESTAMP")) || !tl_dialect_is_word(w, at + 2, "AS") ||
        !tl_dialect_is_word(w, at + 3, "OF"))
        return 0;
    size_t value = at + 4, value_behind = value_end(w, value, end, version);
    if (!value_behind)
        return 0;
    size_t behind = alias_end(w, value_behind, end);
    tl_dialect_add(w, " ");
    if (behind > value_behind)
        tl_dialect_copy(w, value_behind, behind - 1);
    tl_dialect_add(w, version ? " AT (VERSION => " : " AT (TIMESTAMP => ");
    tl_dialect_copy(w, value, value_behind - 1);
    tl_dialect_add(w, ")");
    return behind;
}
