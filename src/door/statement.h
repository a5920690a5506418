/* door/statement.h -- what kind of statement a text is, and the forms that the engine's parser does not read.
 *
 * Why: clients of Trino send SHOW, USE, SET SESSION, PREPARE ...; these concern the door alone.  Everything else is left
 *   to the engine's parser, whose tree the gate then walks.
 * Owns: what it returns lives in the arena.
 */
#ifndef TL_DOOR_STATEMENT_H
#define TL_DOOR_STATEMENT_H

#include "door/lexer.h"

enum tl_statement_kind {
    TL_STATEMENT_ENGINE, /* for the engine's parser */
    TL_STATEMENT_SHOW_CATALOGS,
    TL_STATEMENT_SHOW_SCHEMAS,
    TL_STATEMENT_SHOW_TABLES,
    TL_STATEMENT_SHOW_COLUMNS, /* also DESCRIBE name */
    TL_STATEMENT_SHOW_FUNCTIONS,
    TL_STATEMENT_SHOW_SESSION,
    TL_STATEMENT_SHOW_CREATE_TABLE,
    TL_STATEMENT_SHOW_CREATE_VIEW,
    TL_STATEMENT_SHOW_CREATE_SCHEMA,
    TL_STATEMENT_USE,
    TL_STATEMENT_SET_SESSION,
    TL_STATEMENT_RESET_SESSION,
    TL_STATEMENT_PREPARE,
    TL_STATEMENT_EXECUTE,
    TL_STATEMENT_EXECUTE_IMMEDIATE,
    TL_STATEMENT_DEALLOCATE,
    TL_STATEMENT_DESCRIBE_INPUT,
    TL_STATEMENT_DESCRIBE_OUTPUT,
    TL_STATEMENT_EXPLAIN,
    TL_STATEMENT_START_TRANSACTION, /* also BEGIN */
    TL_STATEMENT_COMMIT,
    TL_STATEMENT_ROLLBACK,
    TL_STATEMENT_CALL,
    TL_STATEMENT_RENAME_VIEW,
    TL_STATEMENT_TABLE_EXECUTE,  /* ALTER TABLE .. EXECUTE procedure(..) */
    TL_STATEMENT_SET_PROPERTIES, /* ALTER TABLE .. SET PROPERTIES .. */
    TL_STATEMENT_COMMENT,        /* COMMENT ON TABLE name, COMMENT ON COLUMN name.column */
};

enum {
    TL_NAME_PARTS_MAX = 3,
    TL_EXECUTE_ARGUMENTS_MAX = 1000,
    TL_CALL_ARGUMENTS_MAX = 16,
    TL_OPTIONS_MAX = 64, /* of a table: arguments of EXECUTE, properties */
    TL_OPTION_ITEMS_MAX = 256,
    TL_CONJUNCTIONS_MAX = 5000, /* AND and OR in one statement: the engine's parser needs time of their square */
};

/* A name of up to three parts and where it stands. */
struct tl_name {
    int part_count;
    const char *parts[TL_NAME_PARTS_MAX];
    size_t offset, size;
};

struct tl_call_argument {
    const char *name, *value; /* CALL p(name => 'value'); NULL name = by its place, NULL value = NULL */
};

/* EXECUTE p(name => value), SET PROPERTIES name = value */
struct tl_statement_option {
    const char *name;
    const char *text;          /* of a text, number or truth value; NULL = DEFAULT or a list */
    bool is_list;              /* ARRAY['a', 'b'] */
    const char *const *items;
    size_t item_count;
    size_t offset;             /* of the name in the text */
};

struct tl_statement {
    enum tl_statement_kind kind;
    struct tl_name name;         /* SHOW .. FROM name, USE, DESCRIBE; prepared statement or property in the last part */
    const char *like, *escape;   /* SHOW .. LIKE; NULL = none */
    const char *value;           /* SET SESSION */
    struct tl_name new_name;     /* ALTER TABLE and VIEW .. RENAME TO */
    /* EXPLAIN, PREPARE, EXECUTE IMMEDIATE: the statement inside; ENGINE: what its parser is to read, of the text's own size */
    struct tl_str inner;
    const char *comment;         /* CREATE TABLE, CREATE VIEW: of the table or view; COMMENT; NULL = none */
    const char *column;          /* COMMENT ON COLUMN */
    bool dropped_comments;       /* ... of columns, which are not kept */
    size_t inner_offset;         /* of `inner` in the text; 0 for EXECUTE IMMEDIATE, whose text has its quotes off */
    bool analyze, validate_only, as_json; /* EXPLAIN */
    size_t argument_count;       /* EXECUTE .. USING: texts of the arguments; CALL */
    const struct tl_str *arguments;
    const struct tl_call_argument *call_arguments;
    const char *procedure;       /* TABLE_EXECUTE */
    size_t option_count;
    const struct tl_statement_option *options;
};

/* Text checks that come before everything else: size, NUL, UTF-8, something there.  The text without its trailing
 * semicolon and blanks is *ret_text (blanks beyond ASCII made plain). */
TL_CHECKED enum tl_code tl_statement_clean(tl_arena *arena, struct tl_str text, size_t bytes_max, size_t tokens_max,
                                           struct tl_str *ret_text, struct tl_err *err);
/* `text` as tl_statement_clean gives it.  TL_SYNTAX with position; TL_UNSUPPORTED for forms that are known and not offered. */
TL_CHECKED enum tl_code tl_statement_read(tl_arena *arena, struct tl_str text, struct tl_statement *ret_statement,
                                          struct tl_err *err);
/* TL_SYNTAX: what comes next is not what was wanted. */
enum tl_code tl_statement_unexpected(struct tl_lexer *lexer, const char *wanted, struct tl_err *err);
/* statement_table.c: what stands behind ALTER TABLE name, when it is EXECUTE or SET PROPERTIES; else ret->kind stays. */
TL_CHECKED enum tl_code tl_statement_read_table(tl_arena *arena, struct tl_lexer *lexer, struct tl_statement *ret_statement, struct tl_err *err);
/* ... and behind COMMENT. */
TL_CHECKED enum tl_code tl_statement_read_comment(tl_arena *arena, struct tl_lexer *lexer, struct tl_statement *ret_statement, struct tl_err *err);
/* Up to three parts with dots between; false when there is no name here. */
bool tl_name_read(tl_arena *arena, struct tl_lexer *lexer, struct tl_name *ret_name);

#endif
