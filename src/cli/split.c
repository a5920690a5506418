/* Where one statement ends and the next begins: semicolons outside quotes and comments. */
#include <string.h>

#include "cli/cli_int.h"

/* From an opening quote to behind the closing one; size when it does not close.  A doubled quote is part of the text. */
static size_t skip_quoted(const char *text, size_t size, size_t at)
{
    char quote = text[at++];
    while (at < size) {
        if (text[at] == quote) {
            if (at + 1 < size && text[at + 1] == quote)
                at++;
            else
                return at + 1;
        }
        at++;
    }
    return size + 1;
}

/* Block comments nest, as in the engine. */
static size_t skip_comment(const char *text, size_t size, size_t at)
{
    int depth = 0;
    while (at + 1 < size) {
        if (text[at] == '/' && text[at + 1] == '*') {
            depth++;
            at += 2;
        } else if (text[at] == '*' && text[at + 1] == '/') {
            at += 2;
            if (--depth == 0)
                return at;
        } else {
            at++;
        }
    }
    return size + 1;
}

bool tl_cli_split(const char *text, size_t size, size_t *ret_statement_size, size_t *ret_next)
{
    size_t at = 0;
    while (at < size) {
        char c = text[at];
        if (c == ';') {
            *ret_statement_size = at;
            *ret_next = at + 1;
            return true;
        }
        if (c == '\'' || c == '"') {
            at = skip_quoted(text, size, at);
        } else if (c == '-' && at + 1 < size && text[at + 1] == '-') {
            const char *end = memchr(text + at, '\n', size - at);
            at = end ? (size_t)(end - text) : size;
        } else if (c == '/' && at + 1 < size && text[at + 1] == '*') {
            at = skip_comment(text, size, at);
        } else {
            at++;
        }
    }
    *ret_statement_size = size;
    *ret_next = size;
    return false;
}
