/* cli/eval_int.h -- a suite of questions, and how an answer is compared with its reference; private to `townlake skipper eval`. */
#ifndef TL_CLI_EVAL_INT_H
#define TL_CLI_EVAL_INT_H

#include "base/yaml_tree.h"
#include "cli/cli_int.h"

enum { TL_EVAL_QUESTIONS_MAX = 2000, TL_EVAL_ROWS_MAX = 10000, TL_EVAL_COLUMNS_MAX = 64 };

struct tl_eval_rows {
    size_t count, column_count;
    const char ***cells; /* a row each; NULL = null */
};

struct tl_eval_question {
    const char *ask, *sql, *as;
    bool refuse, denied, follow, zeros;
    size_t column_count; /* of the answer's, to compare; 0 = all */
    int64_t columns[TL_EVAL_COLUMNS_MAX];
    const struct tl_yaml_node *tables, *forbidden;
    int line;
};

/* The suite's questions; TL_CONFIG with path:line. */
TL_CHECKED enum tl_code tl_eval_read(tl_arena *arena, const char *path, struct tl_str yaml, struct tl_eval_question **ret_questions, size_t *ret_count,
                                     struct tl_err *err);

void tl_eval_add_row(tl_arena *arena, struct tl_eval_rows *rows, const tl_json *row, const struct tl_eval_question *chosen);
/* Equal in any order, numbers within a millionth; false: *ret_why says how they differ. */
bool tl_eval_equal(tl_arena *arena, const struct tl_eval_rows *wanted, const struct tl_eval_rows *got, bool zeros, const char **ret_why);

#endif
