/* Numbers that lead back to people: a column whose values are all keys of a table in which something personal was found.
 *
 * Candidates are told by their names: "account_id" or "account" for the key "account_id" or "id" of "accounts".  Small numbers are in
 * every key, so a name must speak; then the values are asked for, all of the sample in one statement. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "skimmer/skimmer_int.h"

enum { KEYS_MAX = 256, SQL_MAX = 256 * 1024, VALUES_MAX = 100, VALUES_MIN = 3, NAME_PART_MAX = 128 };

struct identity {
    const char *source, *schema, *table, *column;
};

struct identities {
    tl_arena *arena;
    size_t count;
    struct identity all[KEYS_MAX];
};

static enum tl_code take_identity(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct identities *identities = context;
    (void)count;
    (void)err;
    if (identities->count < KEYS_MAX)
        identities->all[identities->count++] = (struct identity){tl_store_text(identities->arena, &cells[0]), tl_store_text(identities->arena, &cells[1]),
                                                                 tl_store_text(identities->arena, &cells[2]), tl_store_text(identities->arena, &cells[3])};
    return TL_OK;
}

/* First columns of tables that hold a name, an e-mail address, a telephone number or a number of a state. */
static enum tl_code read_identities(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx,
                        "SELECT k.source, k.schema_name, k.table_name, k.column_name FROM skimmer_column k WHERE k.position = 0 AND k.info_type IS NULL AND "
                        "EXISTS (SELECT 1 FROM skimmer_column f WHERE f.source = k.source AND f.schema_name = k.schema_name AND f.table_name = k.table_name "
                        "AND f.info_type IN ('EMAIL_ADDRESS', 'PERSON_NAME', 'PHONE_NUMBER', 'US_SOCIAL_SECURITY_NUMBER')) ORDER BY 1, 2, 3 LIMIT 256",
                        NULL, 0, take_identity, context, err);
}

/* "accounts" -> "account", "people" stays. */
static void singular(const char *table, char *ret_name)
{
    size_t size = strlen(table);
    if (size >= NAME_PART_MAX)
        size = NAME_PART_MAX - 1;
    memcpy(ret_name, table, size);
    ret_name[size] = '\0';
    if (size > 3 && strcmp(ret_name + size - 3, "ies") == 0)
        memcpy(ret_name + size - 3, "y", 2);
    else if (size > 2 && ret_name[size - 1] == 's')
        ret_name[size - 1] = '\0';
}

static bool name_speaks(const char *column, const struct identity *identity)
{
    char thing[NAME_PART_MAX], with_id[NAME_PART_MAX + 4];
    singular(identity->table, thing);
    snprintf(with_id, sizeof with_id, "%s_id", thing);
    if (strcasecmp(column, identity->column) == 0)
        return strcasecmp(column, "id") != 0;
    size_t size = strlen(column), id_size = strlen(with_id);
    return strcasecmp(column, with_id) == 0 || (size > id_size && column[size - id_size - 1] == '_' && strcasecmp(column + size - id_size, with_id) == 0);
}

static bool may_be_key(const struct tl_type *type)
{
    return (type->id >= TL_TYPE_INT16 && type->id <= TL_TYPE_INT64) || type->id == TL_TYPE_UINT32 || type->id == TL_TYPE_UINT64 ||
           type->id == TL_TYPE_VARCHAR || type->id == TL_TYPE_UUID;
}

static bool take_count(void *context, const struct tl_batch *batch, size_t row)
{
    struct tl_buf text;
    long long *counts = context;
    for (size_t i = 0; i < 2; i++) {
        tl_buf_init(&text, NAME_PART_MAX);
        tl_column_format(&text, &batch->columns[i], row);
        counts[i] = strtoll(tl_buf_cstr(&text), NULL, 10);
        tl_buf_done(&text);
    }
    return false;
}

/* How many of some different values there are, and how many of them the key has. */
static bool is_included(struct tl_request *rq, tl_skimmer *skimmer, const struct skim_table *table, const char *column, const struct identity *identity)
{
    long long counts[2] = {0, 0};
    struct tl_buf sql;
    const struct skim_table key = {.source = identity->source, .dataset = {.schema = identity->schema, .name = identity->table}};
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_adds(&sql, "SELECT count(*), count(k.k) FROM (SELECT DISTINCT v FROM (SELECT ");
    tl_buf_add_identifier(&sql, column);
    tl_buf_adds(&sql, " AS v FROM ");
    skim_put_name(&sql, table);
    tl_buf_addf(&sql, " LIMIT %d) AS s WHERE v IS NOT NULL) AS c LEFT JOIN (SELECT DISTINCT ", VALUES_MAX);
    tl_buf_add_identifier(&sql, identity->column);
    tl_buf_adds(&sql, " AS k FROM ");
    skim_put_name(&sql, &key);
    tl_buf_adds(&sql, ") AS k ON k.k = c.v");
    struct tl_err before = rq->err;
    bool asked = skim_run(rq, skimmer, (struct tl_str){sql.data, sql.size}, take_count, counts) == TL_OK;
    tl_buf_done(&sql);
    rq->err = before; /* a key that cannot be read proves nothing, and fails nothing */
    return asked && counts[0] >= VALUES_MIN && counts[1] == counts[0];
}

struct marking {
    const struct skim_table *table;
    const char *column, *tag_list, *words;
};

static enum tl_code write_mark(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct marking *marking = context;
    const struct tl_store_value params[] = {TL_STORE_T(marking->table->source), TL_STORE_T(marking->table->dataset.schema),
        TL_STORE_T(marking->table->dataset.name),
                                            TL_STORE_T(marking->column), TL_STORE_T(marking->tag_list), TL_STORE_T(marking->words)};
    return tl_store_run(tx,
                        "UPDATE skimmer_column SET tags = ?5, evidence = 'PERSON_IDENTIFIER', reason = reason || ?6 WHERE source = ?1 AND schema_name = ?2 AND "
                        "table_name = ?3 AND column_name = ?4 AND info_type IS NULL AND state = 'open' AND tags = '[]'",
                        params, 6, NULL, NULL, err);
}

static enum tl_code mark(struct tl_request *rq, tl_skimmer *skimmer, const struct skim_table *table, const char *column, const struct identity *identity)
{
    struct marking marking = {table, column, "[\"pii.identifier\"]",
                              tl_arena_printf(rq->arena, "; leads back to people: its values are in %s.%s.%s.%s", identity->source, identity->schema,
                                              identity->table, identity->column)};
    return tl_store_write(skimmer->options.store, write_mark, &marking, &rq->err);
}

static bool is_own(const struct identity *identity, const struct skim_table *table)
{
    return strcmp(identity->source, table->source) == 0 && strcmp(identity->schema, table->dataset.schema) == 0 &&
           strcmp(identity->table, table->dataset.name) == 0;
}

static enum tl_code join_column(struct tl_request *rq, tl_skimmer *skimmer, const struct skim_table *table, const struct tl_source_column *column,
                                const struct identities *identities)
{
    for (size_t k = 0; k < identities->count && !atomic_load(&rq->cancelled); k++) {
        const struct identity *identity = &identities->all[k];
        if (!is_own(identity, table) && name_speaks(column->name, identity) && is_included(rq, skimmer, table, column->name, identity))
            return mark(rq, skimmer, table, column->name, identity);
    }
    return TL_OK;
}

enum tl_code skim_join(struct tl_request *rq, tl_skimmer *skimmer, const struct skim_table *table)
{
    struct identities *identities = TL_NEW(rq->arena, struct identities);
    identities->arena = rq->arena;
    enum tl_code code = tl_store_read(skimmer->options.store, read_identities, identities, &rq->err);
    for (size_t i = 0; i < table->dataset.column_count && code == TL_OK; i++)
        if (may_be_key(&table->dataset.columns[i].type))
            code = join_column(rq, skimmer, table, &table->dataset.columns[i], identities);
    return code;
}
