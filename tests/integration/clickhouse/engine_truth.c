#include "engine_truth.h"

#include <ctype.h>
#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_BYTES_MAX = 16 << 20, NAMED_MAX = 16 };

static duckdb_database database;
static duckdb_connection connection;
static tl_source *source;
static tl_arena *kept;
static struct {
    const char *name;
    const struct tl_source_dataset *dataset;
} named[NAMED_MAX];
static size_t named_count;

static void run(const char *sql)
{
    duckdb_result result;
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&result));
    duckdb_destroy_result(&result);
}

void truth_open(tl_source *source_given)
{
    source = source_given;
    kept = tl_arena_new(TEST_ARENA_BYTES);
    assert_int_equal(duckdb_open(NULL, &database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
    run("SET threads = 2");
    run("SET TimeZone = 'UTC'");
}

void truth_close(void)
{
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    tl_arena_free(kept);
}

static const struct tl_source_dataset *dataset_named(const char *name)
{
    for (size_t i = 0; i < named_count; i++)
        if (tl_streq(named[i].name, name))
            return named[i].dataset;
    fail_msg("no dataset %s", name);
    return NULL;
}

/* --- rows into the engine --- */

/* Through texts, which the engine reads as the types. */
static void load(const char *table, const struct tl_source_dataset *dataset, const struct test_rows *rows)
{
    struct tl_buf columns, casts;
    tl_buf_init(&columns, SQL_BYTES_MAX);
    tl_buf_init(&casts, SQL_BYTES_MAX);
    for (size_t i = 0; i < dataset->column_count; i++) {
        tl_buf_addf(&columns, "%sc%zu VARCHAR", i ? ", " : "", i);
        tl_buf_addf(&casts, "%sCAST(c%zu AS ", i ? ", " : "", i);
        tl_type_format_sql(&casts, &dataset->columns[i].type);
        tl_buf_adds(&casts, ") AS ");
        tl_buf_add_identifier(&casts, dataset->columns[i].name);
    }
    run(tl_arena_printf(kept, "CREATE OR REPLACE TEMP TABLE staging (%s)", tl_buf_cstr(&columns)));
    duckdb_appender appender;
    assert_int_equal(duckdb_appender_create_ext(connection, "temp", "main", "staging", &appender), DuckDBSuccess);
    for (size_t row = 0; row < rows->row_count; row++) {
        for (size_t i = 0; i < rows->column_count; i++) {
            const char *cell = rows->cells[row * rows->column_count + i];
            if (!cell)
                duckdb_append_null(appender);
            else
                duckdb_append_varchar(appender, cell);
        }
        assert_int_equal(duckdb_appender_end_row(appender), DuckDBSuccess);
    }
    assert_int_equal(duckdb_appender_destroy(&appender), DuckDBSuccess);
    run(tl_arena_printf(kept, "CREATE OR REPLACE TABLE %s AS SELECT %s FROM staging", table, tl_buf_cstr(&casts)));
    tl_buf_done(&columns);
    tl_buf_done(&casts);
}

static struct test_rows scan(tl_arena *arena, const struct tl_scan_request *request, const char **ret_text)
{
    struct test_rows rows;
    struct tl_scan_stats stats;
    struct tl_err err;
    tl_err_init(&err);
    if (test_scan(source, arena, request, NULL, &rows, &stats, &err) != TL_OK)
        fail_msg("%s (%s)\n%s", err.message, err.detail,
                 request->dataset->derivation ? (const char *)request->dataset->driver_data : "");
    *ret_text = stats.text;
    return rows;
}

static int *all_columns(tl_arena *arena, const struct tl_source_dataset *dataset)
{
    int *columns = TL_NEW_ARRAY(arena, int, dataset->column_count + 1);
    for (size_t i = 0; i < dataset->column_count; i++)
        columns[i] = (int)i;
    return columns;
}

void truth_copy(const char *schema, const char *name)
{
    const char *text;
    struct tl_source_dataset *dataset = test_describe(source, kept, schema, name);
    struct tl_scan_request request = {.dataset = dataset,
                                      .column_count = dataset->column_count,
                                      .columns = all_columns(kept, dataset),
                                      .limit = -1};
    struct test_rows rows = scan(kept, &request, &text);
    load(name, dataset, &rows);
    named[named_count].name = name;
    named[named_count++].dataset = dataset;
}

/* --- the notation --- */

struct reader {
    tl_arena *arena;
    const char *at;
    const struct truth_case *said;
    const char *from; /* for types: all inputs */
};

struct node {
    struct tl_expr *expr;
    const char *sql;
};

static struct tl_type type_of(duckdb_logical_type type)
{
    static const struct {
        duckdb_type theirs;
        enum tl_type_id ours;
    } ids[] = {
        {DUCKDB_TYPE_BOOLEAN, TL_TYPE_BOOLEAN},     {DUCKDB_TYPE_TINYINT, TL_TYPE_INT8},
        {DUCKDB_TYPE_SMALLINT, TL_TYPE_INT16},      {DUCKDB_TYPE_INTEGER, TL_TYPE_INT32},
        {DUCKDB_TYPE_BIGINT, TL_TYPE_INT64},        {DUCKDB_TYPE_HUGEINT, TL_TYPE_INT128},
        {DUCKDB_TYPE_UTINYINT, TL_TYPE_UINT8},      {DUCKDB_TYPE_USMALLINT, TL_TYPE_UINT16},
        {DUCKDB_TYPE_UINTEGER, TL_TYPE_UINT32},     {DUCKDB_TYPE_UBIGINT, TL_TYPE_UINT64},
        {DUCKDB_TYPE_UHUGEINT, TL_TYPE_UINT128},    {DUCKDB_TYPE_FLOAT, TL_TYPE_FLOAT},
        {DUCKDB_TYPE_DOUBLE, TL_TYPE_DOUBLE},       {DUCKDB_TYPE_VARCHAR, TL_TYPE_VARCHAR},
        {DUCKDB_TYPE_BLOB, TL_TYPE_BLOB},           {DUCKDB_TYPE_UUID, TL_TYPE_UUID},
        {DUCKDB_TYPE_DATE, TL_TYPE_DATE},           {DUCKDB_TYPE_TIME, TL_TYPE_TIME},
        {DUCKDB_TYPE_TIMESTAMP, TL_TYPE_TIMESTAMP}, {DUCKDB_TYPE_TIMESTAMP_NS, TL_TYPE_TIMESTAMP_NS},
        {DUCKDB_TYPE_TIMESTAMP_TZ, TL_TYPE_TIMESTAMPTZ}, {DUCKDB_TYPE_SQLNULL, TL_TYPE_INT32},
    };
    duckdb_type id = duckdb_get_type_id(type);
    if (id == DUCKDB_TYPE_DECIMAL)
        return tl_type_decimal(duckdb_decimal_width(type), duckdb_decimal_scale(type));
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        if (ids[i].theirs == id)
            return tl_type_simple(ids[i].ours);
    fail_msg("the engine's type %d is not one of these tests", (int)id);
    return (struct tl_type){0};
}

/* The type of a statement's only column, and its value when there is a row. */
static struct tl_type ask(tl_arena *arena, const char *sql, struct tl_value *ret_value)
{
    duckdb_result result;
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&result));
    duckdb_logical_type logical = duckdb_column_logical_type(&result, 0);
    struct tl_type type = type_of(logical);
    duckdb_destroy_logical_type(&logical);
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    if (chunk && ret_value && duckdb_data_chunk_get_size(chunk) > 0) {
        duckdb_vector theirs = duckdb_data_chunk_get_vector(chunk, 0);
        struct tl_vector ours = {
            .type = &type, .data = duckdb_vector_get_data(theirs), .validity = duckdb_vector_get_validity(theirs)};
        *ret_value = test_value(&ours, 0);
        if (tl_type_is_text(&type) && !ret_value->is_null)
            ret_value->as.text.data = tl_arena_strndup(arena, ret_value->as.text.data, ret_value->as.text.size);
    }
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    return type;
}

/* Most nodes are asked for many times. */
static struct tl_type type_of_sql(const char *sql, const char *from)
{
    static struct {
        const char *key;
        struct tl_type type;
    } known[4096];
    const char *key = tl_arena_printf(kept, "SELECT %s FROM %s LIMIT 0", sql, from);
    size_t at = 5381;
    for (const char *c = key; *c; c++)
        at = at * 33 + (unsigned char)*c;
    at %= sizeof known / sizeof known[0];
    if (!tl_streq(known[at].key, key) || strstr(from, "truth_view")) { /* the view is another each time */
        known[at].type = ask(kept, key, NULL);
        known[at].key = key;
    }
    return known[at].type;
}

static void skip_blanks(struct reader *reader)
{
    while (*reader->at == ' ')
        reader->at++;
}

static const char *up_to(struct reader *reader, const char *ends)
{
    size_t size = strcspn(reader->at, ends);
    const char *result = tl_arena_strndup(reader->arena, reader->at, size);
    reader->at += size;
    skip_blanks(reader);
    return result;
}

static const char *word(struct reader *reader)
{
    return up_to(reader, " )");
}

static struct node read_node(struct reader *reader);

static struct node constant(struct reader *reader)
{
    struct node node = {.expr = TL_NEW(reader->arena, struct tl_expr)};
    size_t size = strcspn(++reader->at, "}");
    node.sql = tl_arena_strndup(reader->arena, reader->at, size);
    reader->at += size + 1;
    skip_blanks(reader);
    node.expr->kind = TL_EXPR_CONSTANT;
    node.expr->type = ask(reader->arena, tl_arena_printf(reader->arena, "SELECT %s", node.sql), &node.expr->value);
    return node;
}

static struct node column(struct reader *reader)
{
    const char *name = word(reader);
    int input = isdigit((unsigned char)name[0]) && name[1] == '.' ? name[0] - '0' : 0;
    name += isdigit((unsigned char)name[0]) && name[1] == '.' ? 2 : 0;
    const struct tl_source_dataset *dataset = dataset_named(reader->said->inputs[input].dataset);
    for (size_t i = 0; i < dataset->column_count; i++) {
        if (!tl_streq(dataset->columns[i].name, name))
            continue;
        struct node node = {test_column(reader->arena, dataset, (int)i),
                            tl_arena_printf(reader->arena, "i%d.\"%s\"", input, name)};
        node.expr->input = input;
        node.expr->type.scale = node.expr->type.id == TL_TYPE_DECIMAL ? node.expr->type.scale : 0;
        return node;
    }
    fail_msg("no column %s", name);
    return (struct node){0};
}

static const struct {
    const char *name;
    enum tl_expr_kind kind;
    const char *between; /* in the engine's SQL */
} kinds[] = {
    {"=", TL_EXPR_EQ, " = "},       {"<>", TL_EXPR_NE, " <> "},        {"<", TL_EXPR_LT, " < "},
    {"<=", TL_EXPR_LE, " <= "},     {">", TL_EXPR_GT, " > "},          {">=", TL_EXPR_GE, " >= "},
    {"and", TL_EXPR_AND, " AND "},  {"or", TL_EXPR_OR, " OR "},        {"not", TL_EXPR_NOT, NULL},
    {"in", TL_EXPR_IN, NULL},       {"isnull", TL_EXPR_IS_NULL, NULL}, {"notnull", TL_EXPR_IS_NOT_NULL, NULL},
    {"cast", TL_EXPR_CAST, NULL},   {"case", TL_EXPR_CASE, NULL},      {"coalesce", TL_EXPR_COALESCE, NULL},
};

static const char *joined(tl_arena *arena, const char *const *texts, size_t count, const char *between)
{
    const char *result = count ? texts[0] : "";
    for (size_t i = 1; i < count; i++)
        result = tl_arena_printf(arena, "%s%s%s", result, between, texts[i]);
    return result;
}

static const char *case_sql(tl_arena *arena, const char *const *texts, size_t count)
{
    const char *result = "CASE";
    for (size_t i = 0; i + 1 < count; i += 2)
        result = tl_arena_printf(arena, "%s WHEN %s THEN %s", result, texts[i], texts[i + 1]);
    return tl_arena_printf(arena, "%s ELSE %s END", result, texts[count - 1]);
}

static const char *call_sql(tl_arena *arena, const char *name, const char *const *texts, size_t count)
{
    bool is_operator = !isalpha((unsigned char)name[0]);
    if (is_operator && count == 1)
        return tl_arena_printf(arena, "(%s%s)", name, texts[0]);
    if (is_operator)
        return tl_arena_printf(arena, "(%s %s %s)", texts[0], name, texts[1]);
    return tl_arena_printf(arena, "%s(%s)", name, joined(arena, texts, count, ", "));
}

static const char *kind_sql(tl_arena *arena, size_t at, const char *const *texts, size_t count, const char *type)
{
    switch (kinds[at].kind) {
    case TL_EXPR_NOT:
        return tl_arena_printf(arena, "(NOT %s)", texts[0]);
    case TL_EXPR_IN:
        return tl_arena_printf(arena, "(%s IN (%s))", texts[0], joined(arena, texts + 1, count - 1, ", "));
    case TL_EXPR_IS_NULL:
        return tl_arena_printf(arena, "(%s IS NULL)", texts[0]);
    case TL_EXPR_IS_NOT_NULL:
        return tl_arena_printf(arena, "(%s IS NOT NULL)", texts[0]);
    case TL_EXPR_CAST:
        return tl_arena_printf(arena, "CAST(%s AS %s)", texts[0], type);
    case TL_EXPR_CASE:
        return case_sql(arena, texts, count);
    case TL_EXPR_COALESCE:
        return tl_arena_printf(arena, "coalesce(%s)", joined(arena, texts, count, ", "));
    default:
        return tl_arena_printf(arena, "(%s)", joined(arena, texts, count, kinds[at].between));
    }
}

static const char *aggregate_sql(tl_arena *arena, const struct tl_expr *expr, const char *const *texts, size_t count,
                                 const char *filter)
{
    const char *name = tl_streq(expr->function, "count_star") ? "count" : expr->function;
    return tl_arena_printf(arena, "%s(%s%s)%s%s%s", name, expr->distinct ? "DISTINCT " : "",
                           count ? texts[0] : "*", filter ? " FILTER (WHERE " : "", filter ? filter : "", filter ? ")" : "");
}

static struct node read_node(struct reader *reader)
{
    if (*reader->at == '{')
        return constant(reader);
    if (*reader->at != '(')
        return column(reader);
    reader->at++;
    struct tl_expr *expr = TL_NEW(reader->arena, struct tl_expr), *children[TRUTH_LIST_MAX];
    const char *name = word(reader), *texts[TRUTH_LIST_MAX], *type = NULL, *filter = NULL, *sql = NULL;
    size_t count = 0;
    bool aggregate = name[0] == '@';
    expr->kind = aggregate ? TL_EXPR_AGGREGATE : TL_EXPR_FUNCTION;
    expr->function = aggregate ? name + 1 : name;
    if (tl_streq(name, "cast"))
        type = up_to(reader, " ");
    while (*reader->at != ')') {
        bool is_filter = aggregate && strncmp(reader->at, "filter ", 7) == 0;
        if (aggregate && strncmp(reader->at, "distinct ", 9) == 0) {
            expr->distinct = true;
            reader->at += 9;
        }
        reader->at += is_filter ? 7 : 0;
        struct node child = read_node(reader);
        if (is_filter) {
            expr->filter = child.expr;
            filter = child.sql;
            continue;
        }
        children[count] = child.expr;
        texts[count++] = child.sql;
    }
    reader->at++;
    skip_blanks(reader);
    expr->child_count = count;
    expr->children = TL_NEW_ARRAY(reader->arena, struct tl_expr *, count + 1);
    memcpy(expr->children, children, count * sizeof *children);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && !sql; i++) {
        if (!aggregate && tl_streq(kinds[i].name, name)) {
            expr->kind = kinds[i].kind;
            sql = kind_sql(reader->arena, i, texts, count, type);
        }
    }
    if (!sql)
        sql = aggregate ? aggregate_sql(reader->arena, expr, texts, count, filter)
                        : call_sql(reader->arena, name, texts, count);
    expr->type = type_of_sql(sql, reader->from);
    return (struct node){expr, sql};
}

/* --- derivations --- */

struct made {
    struct tl_derivation *derivation;
    const char *sql;
};

static size_t count_of(const char *const *list)
{
    size_t count = 0;
    while (list[count])
        count++;
    return count;
}

static const struct tl_expr **read_list(struct reader *reader, const char *const *list, const char *between,
                                        const char **ret_sql)
{
    size_t count = count_of(list);
    const struct tl_expr **exprs = TL_NEW_ARRAY(reader->arena, const struct tl_expr *, count + 1);
    const char *texts[TRUTH_LIST_MAX];
    for (size_t i = 0; i < count; i++) {
        reader->at = list[i];
        struct node node = read_node(reader);
        exprs[i] = node.expr;
        texts[i] = node.sql;
    }
    *ret_sql = joined(reader->arena, texts, count, between);
    return exprs;
}

static const char *types_from(tl_arena *arena, const struct truth_case *said)
{
    const char *from = tl_arena_printf(arena, "%s i0", said->inputs[0].dataset);
    for (int i = 1; i < 4 && said->inputs[i].dataset; i++)
        from = tl_arena_printf(arena, "%s, %s i%d", from, said->inputs[i].dataset, i);
    return from;
}

static const char *read_inputs(struct reader *reader, struct tl_derivation *derivation)
{
    static const char *const joins[] = {"JOIN", "LEFT JOIN", "SEMI JOIN", "ANTI JOIN"};
    const struct truth_case *said = reader->said;
    struct tl_derivation_input *inputs = TL_NEW_ARRAY(reader->arena, struct tl_derivation_input, 4);
    const char *from = "";
    for (int i = 0; i < 4 && said->inputs[i].dataset; i++) {
        const char *conditions;
        inputs[i].dataset = dataset_named(said->inputs[i].dataset);
        inputs[i].join = said->inputs[i].join;
        inputs[i].condition_count = count_of(said->inputs[i].conditions);
        inputs[i].conditions = read_list(reader, said->inputs[i].conditions, " AND ", &conditions);
        from = i == 0 ? tl_arena_printf(reader->arena, "%s i0", said->inputs[0].dataset)
                      : tl_arena_printf(reader->arena, "%s %s %s i%d ON (%s)", from, joins[inputs[i].join],
                                        said->inputs[i].dataset, i, conditions);
        derivation->input_count = (size_t)i + 1;
    }
    derivation->inputs = inputs;
    return from;
}

static struct made make(tl_arena *arena, const struct truth_case *said)
{
    struct reader reader = {.arena = arena, .said = said, .from = types_from(arena, said)};
    struct tl_derivation *derivation = TL_NEW(arena, struct tl_derivation);
    const char *filters, *groups, *outputs, *from = read_inputs(&reader, derivation);
    derivation->filter_count = count_of(said->filters);
    derivation->filters = read_list(&reader, said->filters, " AND ", &filters);
    derivation->group_count = count_of(said->groups);
    derivation->groups = read_list(&reader, said->groups, ", ", &groups);
    derivation->output_count = count_of(said->outputs);
    derivation->outputs = read_list(&reader, said->outputs, ", ", &outputs);
    derivation->grouped = said->grouped || derivation->group_count > 0;
    const char *sql = tl_arena_printf(arena, "SELECT %s FROM %s", outputs, from);
    if (filters[0])
        sql = tl_arena_printf(arena, "%s WHERE %s", sql, filters);
    if (groups[0])
        sql = tl_arena_printf(arena, "%s GROUP BY %s", sql, groups);
    return (struct made){derivation, sql};
}

/* A view with the derived columns' names. */
static void make_view(tl_arena *arena, const char *name, const struct made *made, const struct tl_source_dataset *dataset)
{
    const char *names = "";
    for (size_t i = 0; i < dataset->column_count; i++)
        names = tl_arena_printf(arena, "%s%s\"%s\"", names, i ? ", " : "", dataset->columns[i].name);
    run(tl_arena_printf(arena, "CREATE OR REPLACE VIEW %s(%s) AS %s", name, names, made->sql));
}

static size_t differing(tl_arena *arena, const char *a, const char *b)
{
    struct tl_value value = {0};
    ask(arena, tl_arena_printf(arena, "SELECT count(*) FROM (SELECT * FROM %s EXCEPT ALL SELECT * FROM %s)", a, b), &value);
    return (size_t)value.as.int64;
}

static const char *sample(tl_arena *arena, const char *a, const char *b)
{
    struct tl_value value = {0};
    ask(arena,
        tl_arena_printf(arena, "SELECT CAST(x AS VARCHAR) FROM (SELECT * FROM %s EXCEPT ALL SELECT * FROM %s) x LIMIT 1", a, b),
        &value);
    return value.as.text.size ? value.as.text.data : "none";
}

/* The first rows by an order have the keys of the truth, one by one; which of equal rows comes is free. */
static const char *ordered(tl_arena *arena, const struct truth_case *said, const char *table, const char *order)
{
    const char *keys = "";
    for (int i = 0; i < 4 && said->order[i]; i++)
        keys = tl_arena_printf(arena, "%s%sc%d", keys, i ? ", " : "", abs(said->order[i]) - 1);
    return tl_arena_printf(arena, "(SELECT %s FROM %s %s LIMIT %lld)", said->order[0] ? keys : "*", table, order,
                           (long long)(said->limit ? said->limit : INT64_MAX));
}

static const char *order_sql(tl_arena *arena, const struct truth_case *said, struct tl_scan_request *request)
{
    struct tl_scan_order *order = TL_NEW_ARRAY(arena, struct tl_scan_order, 4);
    const char *sql = "";
    for (int i = 0; i < 4 && said->order[i]; i++) {
        int column = abs(said->order[i]) - 1;
        order[i] = (struct tl_scan_order){column, said->order[i] < 0, said->nulls_first};
        if (!tl_source_driver_clickhouse.can_push_order(source, request->dataset, &order[i]))
            fail_msg("the order by output %d was declined", column + 1);
        sql = tl_arena_printf(arena, "%s%sc%d %s NULLS %s", sql, i ? ", " : "ORDER BY ", column,
                              order[i].descending ? "DESC" : "ASC", said->nulls_first ? "FIRST" : "LAST");
        request->order_count++;
    }
    request->order = order;
    return sql;
}

static const char *outer_filters(tl_arena *arena, const struct truth_case *said, struct tl_scan_request *request)
{
    struct truth_case outer = {.inputs = {{.dataset = "derived"}}};
    struct reader reader = {.arena = arena, .said = &outer, .from = "truth_view i0"};
    const char *sql, *reason;
    named[named_count].name = "derived";
    named[named_count++].dataset = request->dataset;
    request->filters = read_list(&reader, said->outer_filters, " AND ", &sql);
    request->filter_count = count_of(said->outer_filters);
    for (size_t i = 0; i < request->filter_count; i++)
        if (!tl_source_driver_clickhouse.can_push(source, request->dataset, request->filters[i], &reason))
            fail_msg("%s was declined: %s", said->outer_filters[i], reason);
    named_count--;
    return sql[0] ? tl_arena_printf(arena, "(SELECT i0.* FROM truth_view i0 WHERE %s)", sql) : "truth_view";
}

bool truth_check(const struct truth_case *said, const char **ret_reason)
{
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    struct made made = make(arena, said);
    struct tl_source_dataset *dataset;
    bool derived = tl_source_driver_clickhouse.derive(source, made.derivation, arena, &dataset, ret_reason);
    if (derived) {
        const char *text;
        make_view(arena, "truth_view", &made, dataset);
        struct tl_scan_request request = {.dataset = dataset,
                                          .column_count = dataset->column_count,
                                          .columns = all_columns(arena, dataset),
                                          .limit = said->limit ? said->limit : -1};
        const char *truth = outer_filters(arena, said, &request), *order = order_sql(arena, said, &request);
        struct test_rows rows = scan(arena, &request, &text);
        load("got", dataset, &rows);
        const char *expected = ordered(arena, said, truth, order), *got = ordered(arena, said, "got", "");
        size_t missing = differing(arena, expected, got), beyond = differing(arena, got, expected);
        if (missing || beyond)
            fail_msg("%zu rows missing like %s, %zu too many like %s\nengine: %s\nsource: %s", missing,
                     sample(arena, expected, got), beyond, sample(arena, got, expected), made.sql, text);
    }
    tl_arena_free(arena);
    return derived;
}

void truth_derive(const char *name, const struct truth_case *said)
{
    const char *reason;
    struct made made = make(kept, said);
    struct tl_source_dataset *dataset;
    if (!tl_source_driver_clickhouse.derive(source, made.derivation, kept, &dataset, &reason))
        fail_msg("%s was declined: %s", name, reason);
    make_view(kept, name, &made, dataset);
    named[named_count].name = name;
    named[named_count++].dataset = dataset;
}
