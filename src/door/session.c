/* USE, SET SESSION, RESET SESSION, and what the session's properties mean. */
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/random.h"
#include "door/door_int.h"

enum property_type { PROPERTY_CHOICE, PROPERTY_BOOL, PROPERTY_TEXT, PROPERTY_DURATION, PROPERTY_SIZE, PROPERTY_COUNT };

struct property_rule {
    enum property_type type;
    const char *choices; /* each between blanks */
};

#include "session_table.h" /* generated: properties[], rules[], AT_... */

enum { PROPERTY_COUNT_ALL = sizeof properties / sizeof *properties, VALUE_MAX = 1000, TRANSACTION_ID_BYTES = 16 };

size_t tl_door_session_properties(const struct tl_session_property **ret_properties)
{
    *ret_properties = properties;
    return PROPERTY_COUNT_ALL;
}

static int find_property(const char *name)
{
    for (int i = 0; i < (int)PROPERTY_COUNT_ALL; i++)
        if (tl_streq_nocase(properties[i].name, name))
            return i;
    return -1;
}

/* The value that the server gave for SET SESSION pii = true: it names one choice. */
static bool is_choice(const char *value)
{
    return strncmp(value, "true:", 5) == 0;
}

const char *tl_settings_value(const struct tl_session *session, const struct tl_session_property *property)
{
    for (size_t i = 0; i < session->property_count; i++)
        if (tl_streq_nocase(session->properties[i].name, property->name))
            return is_choice(session->properties[i].value) ? "true" : session->properties[i].value;
    return property->fallback;
}

static bool read_count(const char *value, int64_t *ret_count)
{
    char *end;
    long long count = strtoll(value, &end, 10);
    *ret_count = count;
    return end != value && *end == '\0' && count >= 0;
}

static bool is_valid(int index, const char *value)
{
    int64_t number;
    switch (rules[index].type) {
    case PROPERTY_CHOICE: {
        struct tl_buf padded;
        tl_buf_init(&padded, VALUE_MAX + 3);
        tl_buf_addf(&padded, " %s ", value);
        bool found = *value && !strchr(value, ' ') && strstr(rules[index].choices, tl_buf_cstr(&padded)) != NULL;
        tl_buf_done(&padded);
        return found;
    }
    case PROPERTY_BOOL:
        return tl_streq_nocase(value, "true") || tl_streq_nocase(value, "false") || (index == AT_PII && is_choice(value));
    case PROPERTY_TEXT:
        return true;
    case PROPERTY_DURATION:
        return tl_parse_duration_us(value, &number) && number >= 0;
    case PROPERTY_SIZE:
        return tl_parse_size_bytes(value, &number) && number >= 0;
    case PROPERTY_COUNT:
        return read_count(value, &number);
    }
    return false;
}

static enum tl_code check_value(struct tl_err *err, int index, const char *value)
{
    static const char *const wanted[] = {
        [PROPERTY_BOOL] = "true or false",
        [PROPERTY_DURATION] = "a duration such as 30s, 5m or 1h",
        [PROPERTY_SIZE] = "a size such as 512MB or 4GB",
        [PROPERTY_COUNT] = "a whole number, 0 or more",
    };
    if (strlen(value) > VALUE_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the value of the session property \"%s\" is longer than %d bytes",
                          properties[index].name, VALUE_MAX);
    if (is_valid(index, value))
        return TL_OK;
    tl_err_set(err, TL_INVALID_ARGUMENT, "the session property \"%s\" cannot be \"%s\"", properties[index].name, value);
    if (rules[index].type == PROPERTY_CHOICE)
        tl_err_hint(err, "one of:%s", rules[index].choices);
    else
        tl_err_hint(err, "wanted is %s", wanted[rules[index].type]);
    return TL_INVALID_ARGUMENT;
}

static enum tl_code unknown_property(struct tl_err *err, const char *name)
{
    tl_err_set(err, TL_INVALID_ARGUMENT, "unknown session property \"%s\"", name);
    for (size_t i = 0; i < PROPERTY_COUNT_ALL; i++)
        if (tl_edit_distance(name, properties[i].name, TL_DOOR_NEAREST_DISTANCE) <= TL_DOOR_NEAREST_DISTANCE)
            tl_err_hint(err, "did you mean %s?", properties[i].name);
    tl_err_hint(err, "SHOW SESSION lists them");
    return TL_INVALID_ARGUMENT;
}

enum tl_code tl_settings_read(struct tl_door_call *call)
{
    const char *values[PROPERTY_COUNT_ALL];
    struct tl_err *err = &call->rq->err;
    for (size_t i = 0; i < PROPERTY_COUNT_ALL; i++)
        values[i] = properties[i].fallback;
    for (size_t i = 0; i < call->session->property_count; i++) {
        const struct tl_door_pair *pair = &call->session->properties[i];
        int index = find_property(pair->name);
        if (index < 0) {
            /* clients bring properties of other servers along: they mean nothing here */
            tl_answer_warn(call->answer, "the session property \"%s\" is unknown and has no effect", pair->name);
            continue;
        }
        if (check_value(err, index, pair->value) != TL_OK)
            return err->code;
        values[index] = pair->value;
    }
    struct tl_door_settings *settings = &call->settings;
    *settings = (struct tl_door_settings){.resolution = values[AT_RESOLUTION],
                                          .engine = values[AT_ENGINE],
                                          .pii_reason = values[AT_PII_REASON],
                                          .pii = tl_streq_nocase(values[AT_PII], "false") ? NULL : values[AT_PII],
                                          .no_pushdown = tl_streq_nocase(values[AT_PUSHDOWN], "off")};
    if (!tl_parse_duration_us(values[AT_QUERY_MAX_RUN_TIME], &settings->run_time_us_max) ||
        !tl_parse_size_bytes(values[AT_QUERY_MAX_MEMORY], &settings->memory_bytes_max) ||
        !read_count(values[AT_QUERY_MAX_ROWS], &settings->rows_max))
        return tl_err_set(err, TL_INTERNAL, "a session property has no readable value");
    return TL_OK;
}

static bool is_system_schema(const char *schema)
{
    size_t i = 0;
    while (tl_system_schemas[i] && !tl_streq_nocase(tl_system_schemas[i], schema))
        i++;
    return tl_system_schemas[i] != NULL;
}

static enum tl_code use(struct tl_door_call *call, const struct tl_name *name)
{
    struct tl_err *err = &call->rq->err;
    const char *catalog = name->part_count == 2 ? name->parts[0] : call->session->catalog,
               *schema = name->parts[name->part_count - 1];
    if (!catalog) {
        tl_err_set(err, TL_CATALOG_NOT_FOUND, "the session has no catalog for the schema \"%s\"", schema);
        tl_err_hint(err, "USE catalog.schema");
        tl_err_position(err, (int64_t)name->offset);
        return TL_CATALOG_NOT_FOUND;
    }
    const struct tl_registry_source *source = NULL;
    bool system = tl_streq_nocase(catalog, "system");
    if (!system && tl_catalog_find_source(call, catalog, &source) != TL_OK) {
        tl_err_position(err, (int64_t)name->offset);
        return err->code;
    }
    bool known =
        system ? is_system_schema(schema)
               : tl_catalog_has_schema(call, source, schema) && tl_catalog_may_know(call, source->name, schema, NULL);
    if (!known) {
        tl_err_set(err, TL_SCHEMA_NOT_FOUND, "unknown schema \"%s.%s\"", catalog, schema);
        tl_err_hint(err, "SHOW SCHEMAS FROM %s lists them", catalog);
        tl_err_position(err, (int64_t)name->offset);
        return TL_SCHEMA_NOT_FOUND;
    }
    if (name->part_count == 2)
        tl_answer_change(call->answer, TL_SESSION_SET_CATALOG, NULL, system ? "system" : source->name);
    tl_answer_change(call->answer, TL_SESSION_SET_SCHEMA, NULL, schema);
    tl_answer_set_update(call->answer, "USE", false);
    return TL_OK;
}

/* The flip: allowed or not, and recorded, now; what the client then sends with each statement names it. */
static enum tl_code flip_pii(struct tl_door_call *call, const char *wanted, const char **ret_value)
{
    int64_t ends_at_us;
    *ret_value = wanted;
    if (wanted && tl_streq_nocase(wanted, "true"))
        return tl_lifeguard_pii_begin(call->rq, call->door->lifeguard, call->settings.pii_reason, call->session->source, ret_value, &ends_at_us);
    return call->settings.pii ? tl_lifeguard_pii_end(call->rq, call->door->lifeguard, call->settings.pii) : TL_OK;
}

static enum tl_code set_property(struct tl_door_call *call, const struct tl_statement *statement)
{
    const struct tl_name *name = &statement->name;
    bool set = statement->kind == TL_STATEMENT_SET_SESSION;
    const char *wanted = name->parts[name->part_count - 1];
    int index = name->part_count == 1 ? find_property(wanted) : -1;
    if (index < 0)
        return unknown_property(&call->rq->err, wanted);
    if (set && check_value(&call->rq->err, index, statement->value) != TL_OK)
        return call->rq->err.code;
    const char *value = set ? statement->value : NULL;
    if (index == AT_PII && flip_pii(call, value, &value) != TL_OK)
        return call->rq->err.code;
    tl_answer_change(call->answer, set ? TL_SESSION_SET_PROPERTY : TL_SESSION_RESET_PROPERTY, properties[index].name, value);
    tl_answer_set_update(call->answer, set ? "SET SESSION" : "RESET SESSION", false);
    return TL_OK;
}

enum tl_code tl_session_statement(struct tl_door_call *call, const struct tl_statement *statement)
{
    return statement->kind == TL_STATEMENT_USE ? use(call, &statement->name) : set_property(call, statement);
}

/* --- transactions: the client is told of one, each statement in it stands alone --- */

static bool in_transaction(const struct tl_session *session)
{
    return session->transaction_id && !tl_streq_nocase(session->transaction_id, "NONE");
}

static enum tl_code start_transaction(struct tl_door_call *call)
{
    char id[2 * TRANSACTION_ID_BYTES + 1];
    struct tl_err *err = &call->rq->err;
    if (!call->session->transaction_id)
        return tl_err_set(err, TL_UNSUPPORTED, "the client does not know of transactions");
    if (in_transaction(call->session)) {
        tl_err_set(err, TL_UNSUPPORTED, "a transaction is in progress already");
        tl_err_hint(err, "COMMIT or ROLLBACK it first");
        return TL_UNSUPPORTED;
    }
    enum tl_code code = tl_random_hex(id, TRANSACTION_ID_BYTES, err);
    if (code != TL_OK)
        return code;
    tl_answer_change(call->answer, TL_SESSION_START_TRANSACTION, NULL, tl_arena_strdup(call->rq->arena, id));
    tl_answer_set_update(call->answer, "START TRANSACTION", false);
    tl_answer_warn(call->answer, "each statement of the transaction reads what is there when it starts, and changes are refused");
    return TL_OK;
}

enum tl_code tl_transaction_statement(struct tl_door_call *call, const struct tl_statement *statement)
{
    if (statement->kind == TL_STATEMENT_START_TRANSACTION)
        return start_transaction(call);
    if (!in_transaction(call->session)) {
        tl_err_set(&call->rq->err, TL_STATE, "no transaction is in progress");
        tl_err_hint(&call->rq->err, "START TRANSACTION begins one; without one every statement commits itself");
        return TL_STATE;
    }
    tl_answer_change(call->answer, TL_SESSION_CLEAR_TRANSACTION, NULL, NULL);
    tl_answer_set_update(call->answer, statement->kind == TL_STATEMENT_COMMIT ? "COMMIT" : "ROLLBACK", false);
    return TL_OK;
}

static enum tl_code check_scope(struct tl_door_call *call)
{
    if (!call->rq->principal || tl_principal_may(call->rq->principal, TL_SCOPE_WRITE))
        return TL_OK;
    tl_err_set(&call->rq->err, TL_NOT_ALLOWED, "the token lacks the scope \"write\", which statements that change data need");
    tl_err_hint(&call->rq->err, "use a token that has it: townlake token create --scope read,write");
    return TL_NOT_ALLOWED;
}

enum tl_code tl_session_check_write(struct tl_door_call *call)
{
    if (check_scope(call) != TL_OK)
        return call->rq->err.code;
    if (!in_transaction(call->session))
        return TL_OK;
    tl_err_set(&call->rq->err, TL_UNSUPPORTED, "a change inside a transaction of several statements is not offered");
    tl_err_hint(&call->rq->err, "COMMIT first, or switch the client to autocommit: then every statement is a transaction");
    return TL_UNSUPPORTED;
}
