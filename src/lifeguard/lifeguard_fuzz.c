/* Rules as they come from callers and from the state: the first byte chooses the kind.  What is read must be written so that it
 * reads the same again, and a row rule's SQL must be of balanced brackets and quotes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifeguard/lifeguard_int.h"

enum { ARENA_BYTES_MAX = 256 * 1024 * 1024, TEXT_MAX = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held, const char *what)
{
    if (!held) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static void write_item(struct tl_buf *text, const struct lg_item *item)
{
    struct tl_json_writer json;
    tl_buf_init(text, TEXT_MAX);
    tl_json_writer_init(&json, text);
    lg_item_put(&json, item);
    must(!text->failed, "an item fits its buffer");
}

static bool dataset_name(void *context, const struct tl_rule *rule, struct tl_buf *sql)
{
    (void)context;
    tl_buf_add_identifier(sql, rule->table);
    return true;
}

/* Nothing of a value or a name gets out of its quotes. */
static void check_sql(const struct tl_rule *rule)
{
    struct tl_buf sql;
    int depth = 0;
    char quote = '\0';
    tl_buf_init(&sql, TEXT_MAX);
    tl_rule_write(&sql, rule, dataset_name, NULL);
    for (const char *p = tl_buf_cstr(&sql); *p && !sql.failed; p++) {
        if (quote) {
            quote = *p == quote ? '\0' : quote;
            continue;
        }
        quote = *p == '\'' || *p == '"' ? *p : '\0';
        depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
        must(depth >= 0, "brackets close only what they opened");
    }
    must(sql.failed || (depth == 0 && !quote), "the SQL of a rule is whole");
    tl_buf_done(&sql);
}

static bool has_sql(const struct tl_rule *rule)
{
    bool found = rule->kind == TL_RULE_SQL;
    for (size_t i = 0; i < rule->child_count && !found; i++)
        found = has_sql(rule->children[i]);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    tl_arena *arena = tl_arena_new(ARENA_BYTES_MAX);
    enum lg_kind kind = (enum lg_kind)(data[0] % LG_KINDS);
    struct tl_str body = {(const char *)data + 1, size - 1};
    struct lg_item *item, *again;
    struct tl_err err;
    tl_err_init(&err);
    if (lg_item_read(arena, kind, "name", body, &item, &err) == TL_OK) {
        struct tl_buf once, twice;
        write_item(&once, item);
        must(lg_item_read(arena, kind, "name", (struct tl_str){once.data, once.size}, &again, &err) == TL_OK, "what was written can be read");
        write_item(&twice, again);
        must(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0, "what was read again is the same");
        if (kind == LG_ROW_RULE && !has_sql(item->row_rule.rule))
            check_sql(item->row_rule.rule);
        tl_buf_done(&once);
        tl_buf_done(&twice);
    } else {
        must(err.code != TL_OK && err.message[0], "what cannot be read is told");
    }
    tl_arena_free(arena);
    return 0;
}
