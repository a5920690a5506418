/* What Trino's OPA plugin is told: the shapes it sends (Trino 476), the same decisions as everywhere. */
#include "lifeguard/lifeguard_testing.h"
#include "lifeguard/opa.h"

static const struct tl_trino_column trino_columns[] = {
    {"id", {.id = TL_TYPE_INT64}, "bigint"}, {"email", {.id = TL_TYPE_VARCHAR}, "varchar"}, {"country", {.id = TL_TYPE_VARCHAR}, "varchar"}};
static const struct tl_trino_dataset trino_accounts = {"ops", "public", "accounts", 3, trino_columns};

static int lookups;

static const struct tl_trino_dataset *dataset(void *context, const char *source, const char *schema, const char *table)
{
    (void)context;
    lookups++;
    return tl_streq(source, "ops") && tl_streq(schema, "public") && tl_streq(table, "accounts") ? &trino_accounts : NULL;
}

static bool has_schema(void *context, const char *source, const char *schema)
{
    (void)context;
    return tl_streq(source, "ops") && (!schema || tl_streq(schema, "public"));
}

static const char *ask(enum tl_opa_question question, const char *user, const char *action)
{
    static const struct tl_opa_world world = {NULL, dataset, has_schema};
    struct tl_buf buf;
    as(&root);
    const tl_json *body = json_of(tl_arena_printf(arena,
                                                  "{\"input\":{\"context\":{\"identity\":{\"user\":\"%s\",\"groups\":[\"admin\"]},\"softwareStack\":"
                                                  "{\"trinoVersion\":\"476\"}},\"action\":%s}}",
                                                  user, action));
    tl_buf_init(&buf, 1 << 20);
    tl_store_flush(store);
    enum tl_code code = tl_lifeguard_opa(&rq, guard, question, body, &world, &buf);
    const char *copy = code == TL_OK ? tl_arena_strdup(arena, tl_buf_cstr(&buf)) : tl_code_info(code)->name;
    tl_buf_done(&buf);
    return copy;
}

#define TABLE(columns) "\"resource\":{\"table\":{\"catalogName\":\"ops\",\"schemaName\":\"public\",\"tableName\":\"accounts\"" columns "}}"
#define ACTION(operation, columns) "{\"operation\":\"" operation "\"," TABLE(columns) "}"

static bool allows(const char *user, const char *action)
{
    const char *answer = ask(TL_OPA_ALLOW, user, action);
    assert_true(strcmp(answer, "{\"result\":true}") == 0 || strcmp(answer, "{\"result\":false}") == 0);
    return strstr(answer, "true") != NULL;
}

/* ann reads with email masked and country closed to nobody, carl reads nothing. */
static void open_accounts(void)
{
    review("{\"others\":\"open\",\"columns\":{\"email\":\"masked:last4\"}}");
    grant(READS_OPS);
    seen_by(&ann, false);
    seen_by(&carl, false);
}

static void test_reading_is_allowed_as_it_is_decided(void **state)
{
    (void)state;
    open_accounts();
    assert_true(allows("ann", "{\"operation\":\"ExecuteQuery\"}"));
    assert_true(allows("ann", ACTION("SelectFromColumns", ",\"columns\":[\"id\",\"email\"]")));
    assert_true(allows("ann", ACTION("SelectFromColumns", ",\"columns\":[]")));
    assert_true(allows("ann", ACTION("ShowColumns", "")));
    assert_false(allows("ann", ACTION("SelectFromColumns", ",\"columns\":[\"id\",\"nope\"]")));
    assert_false(allows("carl", ACTION("SelectFromColumns", ",\"columns\":[\"id\"]")));
    assert_false(allows("stranger", ACTION("SelectFromColumns", ",\"columns\":[\"id\"]"))); /* Trino says "admin", which counts nothing */
    assert_false(allows("stranger", "{\"operation\":\"ExecuteQuery\"}"));
    review("{\"columns\":{\"country\":\"denied\"}}");
    assert_false(allows("ann", ACTION("SelectFromColumns", ",\"columns\":[\"country\"]")));
    assert_true(allows("ann", ACTION("SelectFromColumns", ",\"columns\":[\"email\"]")));
}

static void test_changing_needs_the_right_and_the_whole_table(void **state)
{
    (void)state;
    static const char *const writes[] = {ACTION("InsertIntoTable", ""), ACTION("DeleteFromTable", ""), ACTION("TruncateTable", ""),
                                         ACTION("UpdateTableColumns", ",\"columns\":[\"id\"]")};
    static const char *const owns[] = {ACTION("DropTable", ""), ACTION("AddColumn", ""), ACTION("RenameColumn", ""), ACTION("ShowCreateTable", "")};
    review("{\"others\":\"open\"}");
    grant(READS_OPS);
    seen_by(&ann, false);
    for (size_t i = 0; i < 4; i++)
        assert_false(allows("ann", writes[i]) || allows("ann", owns[i]));
    grant("{\"user\":\"ann\",\"privileges\":\"write\",\"scope\":{\"source\":\"ops\"},\"reason\":\"x\"}");
    for (size_t i = 0; i < 4; i++)
        assert_true(allows("ann", writes[i]) && !allows("ann", owns[i]));
    grant("{\"user\":\"ann\",\"privileges\":\"own\",\"scope\":{\"source\":\"ops\"},\"reason\":\"x\"}");
    for (size_t i = 0; i < 4; i++)
        assert_true(allows("ann", owns[i]));
    review("{\"columns\":{\"email\":\"masked:last4\"}}");
    for (size_t i = 0; i < 4; i++)
        assert_false(allows("ann", writes[i]) || allows("ann", owns[i]));
}

static void test_what_is_not_known_is_not_allowed(void **state)
{
    (void)state;
    static const char *const actions[] = {
        "{\"operation\":\"CreateCatalog\",\"resource\":{\"catalog\":{\"name\":\"ops\"}}}", "{\"operation\":\"Teleport\"}", ACTION("CreateTable", ""),
        "{\"operation\":\"ImpersonateUser\",\"resource\":{\"user\":{\"user\":\"bob\"}}}", "{\"operation\":\"WriteSystemInformation\"}",
        "{\"operation\":\"AccessCatalog\",\"resource\":{\"catalog\":{\"name\":\"other\"}}}", "{\"operation\":\"AccessCatalog\"}",
        "{\"operation\":\"ShowTables\",\"resource\":{\"schema\":{\"catalogName\":\"ops\",\"schemaName\":\"hidden\"}}}",
        "{\"operation\":\"SetSystemSessionProperty\",\"resource\":{\"systemSessionProperty\":{\"name\":\"query_priority\"}}}",
        "{\"operation\":\"ExecuteFunction\",\"resource\":{\"function\":{\"catalogName\":\"ops\",\"schemaName\":\"system\",\"functionName\":\"query\"}}}",
        "{\"operation\":\"KillQueryOwnedBy\",\"resource\":{\"user\":{\"user\":\"carl\"}}}",
        "{\"operation\":\"SelectFromColumns\",\"resource\":{\"table\":{\"catalogName\":\"system\",\"schemaName\":\"runtime\",\"tableName\":\"queries\"}}}",
        "{\"operation\":\"SelectFromColumns\",\"resource\":{\"table\":{\"catalogName\":7,\"schemaName\":null}}}"};
    open_accounts();
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (allows("ann", actions[i]))
            fail_msg("%s", actions[i]);
    assert_true(allows("ann", "{\"operation\":\"AccessCatalog\",\"resource\":{\"catalog\":{\"name\":\"ops\"}}}"));
    assert_true(allows("ann", "{\"operation\":\"ShowTables\",\"resource\":{\"schema\":{\"catalogName\":\"ops\",\"schemaName\":\"public\"}}}"));
    assert_true(allows("ann", "{\"operation\":\"SetSystemSessionProperty\",\"resource\":{\"systemSessionProperty\":{\"name\":\"query_max_run_time\"}}}"));
    assert_true(allows("ann", "{\"operation\":\"KillQueryOwnedBy\",\"resource\":{\"user\":{\"user\":\"ann\"}}}"));
    assert_string_equal(ask(TL_OPA_ALLOW, "ann", "{}"), "invalid_argument");
}

static void test_batches_say_which_are_shown(void **state)
{
    (void)state;
    open_accounts();
    review("{\"columns\":{\"country\":\"denied\"}}");
    static const char catalogs[] = "{\"operation\":\"FilterCatalogs\",\"filterResources\":[{\"catalog\":{\"name\":\"other\"}},"
                                   "{\"catalog\":{\"name\":\"ops\"}}]}";
    assert_string_equal(ask(TL_OPA_BATCH, "ann", catalogs), "{\"result\":[1]}");
    static const char tables[] = "{\"operation\":\"FilterTables\",\"filterResources\":[{\"table\":{\"catalogName\":\"ops\",\"schemaName\":\"public\","
                                 "\"tableName\":\"accounts\"}},{\"table\":{\"catalogName\":\"ops\",\"schemaName\":\"public\",\"tableName\":\"nope\"}}]}";
    assert_string_equal(ask(TL_OPA_BATCH, "ann", tables), "{\"result\":[0]}");
    assert_string_equal(ask(TL_OPA_BATCH, "carl", tables), "{\"result\":[]}");
    static const char columns_asked[] = "{\"operation\":\"FilterColumns\",\"filterResources\":[{\"table\":{\"catalogName\":\"ops\",\"schemaName\":\"public\","
                                        "\"tableName\":\"accounts\",\"columns\":[\"country\",\"id\",\"nope\",\"email\"]}}]}";
    assert_string_equal(ask(TL_OPA_BATCH, "ann", columns_asked), "{\"result\":[1,3]}");
    assert_string_equal(ask(TL_OPA_BATCH, "carl", columns_asked), "{\"result\":[]}");
    assert_string_equal(ask(TL_OPA_BATCH, "ann", "{\"operation\":\"FilterColumns\",\"filterResources\":[]}"), "{\"result\":[]}");
}

static void test_row_rules_are_filters_read_as_the_rules_user(void **state)
{
    (void)state;
    open_accounts();
    assert_string_equal(ask(TL_OPA_ROW_FILTERS, "ann", ACTION("GetRowFilters", "")), "{\"result\":[]}");
    row_rule("{\"group\":\"analyst\",\"scope\":{},\"reason\":\"x\",\"rule\":{\"column\":\"country\",\"op\":\"=\",\"value\":\"D'E\"}}");
    const char *answer = ask(TL_OPA_ROW_FILTERS, "ann", ACTION("GetRowFilters", ""));
    assert_non_null(strstr(answer, "D''E"));
    assert_non_null(strstr(answer, "\"identity\":\"townlake+rules\""));
    assert_non_null(strstr(ask(TL_OPA_ROW_FILTERS, "carl", ACTION("GetRowFilters", "")), "\"expression\":\"false\""));
    assert_string_equal(ask(TL_OPA_ROW_FILTERS, "townlake+rules", ACTION("GetRowFilters", "")), "{\"result\":[]}");
}

#define COLUMN(name)                                                                                                                      \
    "{\"column\":{\"catalogName\":\"ops\",\"schemaName\":\"public\",\"tableName\":\"accounts\",\"columnName\":\"" name "\",\"columnType\":\"varchar\"}}"
#define MASK_OF(name) "{\"operation\":\"GetColumnMask\",\"resource\":" COLUMN(name) "}"

static void test_masks_come_one_by_one_or_together(void **state)
{
    (void)state;
    open_accounts();
    assert_string_equal(ask(TL_OPA_COLUMN_MASK, "ann", MASK_OF("id")), "{}");
    const char *one = ask(TL_OPA_COLUMN_MASK, "ann", MASK_OF("email"));
    assert_non_null(strstr(one, "{\"result\":{\"expression\":\"CAST(CASE WHEN length("));
    assert_non_null(strstr(ask(TL_OPA_COLUMN_MASK, "carl", MASK_OF("id")), "\"expression\":\"NULL\""));
    lookups = 0;
    const char *together = ask(TL_OPA_COLUMN_MASKS, "ann",
                               "{\"operation\":\"GetColumnMask\",\"filterResources\":[" COLUMN("id") "," COLUMN("email") "," COLUMN("nope") "]}");
    assert_int_equal(lookups, 1); /* decided once, however many columns the table has */
    assert_non_null(strstr(together, "{\"result\":[{\"index\":1,\"viewExpression\":{\"expression\":\"CAST("));
    assert_non_null(strstr(together, "{\"index\":2,\"viewExpression\":{\"expression\":\"NULL\""));
    assert_null(strstr(together, "\"index\":0"));
}

#define ELSEWHERE "{\"column\":{\"catalogName\":\"ops\",\"schemaName\":\"public\",\"tableName\":\"other\",\"columnName\":\"id\"}}"

static void test_masks_of_several_tables_are_each_of_their_own(void **state)
{
    (void)state;
    open_accounts();
    const char *mixed = ask(TL_OPA_COLUMN_MASKS, "ann",
                            "{\"operation\":\"GetColumnMask\",\"filterResources\":[" COLUMN("id") "," ELSEWHERE "," COLUMN("id") "," ELSEWHERE ",{}]}");
    assert_null(strstr(mixed, "\"index\":0"));
    assert_non_null(strstr(mixed, "\"index\":1,\"viewExpression\":{\"expression\":\"NULL\""));
    assert_null(strstr(mixed, "\"index\":2"));
    assert_non_null(strstr(mixed, "\"index\":3,\"viewExpression\":{\"expression\":\"NULL\""));
    assert_non_null(strstr(mixed, "\"index\":4,\"viewExpression\":{\"expression\":\"NULL\""));
}

static void test_a_choice_is_another_user_and_nobody_else_has_a_plus(void **state)
{
    (void)state;
    open_accounts();
    assert_false(allows("ann+pii", "{\"operation\":\"ExecuteQuery\"}"));
    grant("{\"group\":\"analyst\",\"privileges\":\"pii\",\"scope\":{\"source\":\"ops\"},\"reason\":\"x\"}");
    assert_true(allows("ann+pii", "{\"operation\":\"ExecuteQuery\"}"));
    assert_string_equal(ask(TL_OPA_COLUMN_MASK, "ann+pii", MASK_OF("email")), "{}");
    assert_false(allows("ann+x", "{\"operation\":\"ExecuteQuery\"}"));
    assert_false(allows("ann+x+pii", "{\"operation\":\"ExecuteQuery\"}"));
    assert_false(allows("+pii", "{\"operation\":\"ExecuteQuery\"}"));
    assert_false(allows("townlake+rules", "{\"operation\":\"ExecuteQuery\"}"));
    assert_true(allows("townlake+rules", ACTION("SelectFromColumns", ",\"columns\":[\"country\"]")));
    assert_false(allows("townlake+rules", ACTION("InsertIntoTable", "")));
}

static void test_rules_that_cannot_be_read_allow_nothing(void **state)
{
    (void)state;
    open_accounts();
    snprintf(guard->failure, sizeof guard->failure, "broken");
    assert_string_equal(ask(TL_OPA_ALLOW, "ann", "{\"operation\":\"ExecuteQuery\"}"), "state");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reading_is_allowed_as_it_is_decided),
        TEST(test_changing_needs_the_right_and_the_whole_table),
        TEST(test_what_is_not_known_is_not_allowed),
        TEST(test_batches_say_which_are_shown),
        TEST(test_row_rules_are_filters_read_as_the_rules_user),
        TEST(test_masks_come_one_by_one_or_together),
        TEST(test_masks_of_several_tables_are_each_of_their_own),
        TEST(test_a_choice_is_another_user_and_nobody_else_has_a_plus),
        TEST(test_rules_that_cannot_be_read_allow_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
