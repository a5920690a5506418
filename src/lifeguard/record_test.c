/* Every change of the rules and every choice to see personal data is on the audit's chain before it is in force. */
#include <sys/resource.h>
#include <signal.h>

#include "lifeguard/lifeguard_testing.h"

static tl_audit *audit;

static int setup_audit(void **state)
{
    char path[128];
    struct tl_err err;
    struct tl_journal_options options = {.sync_ms = 1};
    tl_err_init(&err);
    if (setup(state) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/audit", folder);
    signal(SIGXFSZ, SIG_IGN);
    guard->audit = tl_audit_open(path, &options, &audit, &err) == TL_OK ? audit : NULL;
    return guard->audit ? 0 : -1;
}

static int teardown_audit(void **state)
{
    guard->audit = NULL;
    audit = tl_audit_close(audit);
    return teardown(state);
}

/* The events, one a line: "rules granted everything by root: reason". */
static const char *events_of(const char *user)
{
    struct tl_buf buf, text;
    const tl_json *events;
    as(&root);
    tl_buf_init(&buf, 1 << 24);
    tl_buf_init(&text, 1 << 20);
    expect_ok(tl_audit_events(&rq, audit, user, 1000, &buf));
    expect_ok(tl_json_parse(arena, buf.data, buf.size, &events, &rq.err));
    for (struct tl_json_iter it = tl_json_iter(events); tl_json_next(&it);) {
        const char *error = tl_json_get_text(it.value, "error"), *reason = tl_json_get_text(it.value, "reason");
        tl_buf_addf(&text, "%s %s %s by %s: %s%s%s\n", tl_json_get_text(it.value, "kind"), tl_json_get_text(it.value, "action"),
                    tl_json_get_text(it.value, "subject"), tl_json_get_text(it.value, "user"), reason ? reason : "", error ? " failed " : "",
                    error ? error : "");
    }
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&buf);
    tl_buf_done(&text);
    return copy;
}

static void test_changes_of_rules_are_on_record_with_who_and_why(void **state)
{
    (void)state;
    review("{\"others\":\"open\",\"columns\":{\"email\":\"masked:hash\"}}");
    const char *id = grant(READS_OPS);
    row_rule("{\"group\":\"analyst\",\"scope\":{},\"reason\":\"EU only\",\"rule\":{\"column\":\"country\",\"op\":\"=\",\"value\":\"DE\"}}");
    as(&root);
    expect_ok(tl_lifeguard_attribute(&rq, guard, json_of("{\"user\":\"ann\",\"name\":\"team\",\"values\":[\"a\"],\"reason\":\"moved\"}")));
    as(&root);
    expect_ok(tl_lifeguard_revoke(&rq, guard, id, "left"));
    assert_string_equal(events_of(NULL), "rules review ops.public.accounts by root: test\n"
                                         "rules granted ops by root: test\n"
                                         "rules row rule everything by root: EU only\n"
                                         "rules attribute user ann by root: moved\n"
                                         "rules revoked ops by root: left\n");
    assert_string_equal(events_of("ann"), "");
    struct tl_journal_report report;
    as(&root);
    expect_ok(tl_audit_verify(&rq, audit, &report));
    assert_int_equal(report.broken_seq, 0);
    assert_int_equal(report.records, 5);
}

static void test_a_record_holds_the_rule_and_its_version(void **state)
{
    (void)state;
    struct tl_buf buf;
    review("{\"columns\":{\"email\":\"masked:hash\"}}");
    tl_buf_init(&buf, 1 << 20);
    as(&root);
    expect_ok(tl_audit_events(&rq, audit, "root", 10, &buf));
    assert_non_null(strstr(tl_buf_cstr(&buf), "\"policy_version\":1"));
    assert_non_null(strstr(tl_buf_cstr(&buf), "\"item\":\"dataset\",\"name\":\"ops.public.accounts\",\"body\":{"));
    assert_non_null(strstr(tl_buf_cstr(&buf), "\"hash\""));
    tl_buf_done(&buf);
}

static void test_requests_are_on_record_from_asking_to_the_grant(void **state)
{
    (void)state;
    const char *id;
    review("{\"others\":\"open\"}");
    as(&ann);
    expect_ok(tl_lifeguard_request(&rq, guard, json_of("{\"scope\":{\"source\":\"ops\"},\"reason\":\"report\"}"), &id));
    as(&root);
    expect_ok(tl_lifeguard_decide_request(&rq, guard, id, true, "fine"));
    as(&carl);
    expect_ok(tl_lifeguard_request(&rq, guard, json_of("{\"scope\":{\"source\":\"ops\"},\"duration\":\"9000d\",\"reason\":\"me too\"}"), &id));
    as(&root);
    assert_int_equal(tl_lifeguard_decide_request(&rq, guard, id, true, "fine"), TL_INVALID_ARGUMENT);
    const char *events = events_of(NULL);
    assert_non_null(strstr(events, "request asked ops by ann: report\nrequest approved ops by root: fine\nrules granted ops by root: "));
    assert_non_null(strstr(events, "request approved ops by root: fine\nrequest approved ops by root: fine failed invalid_argument\n"));
}

static void test_choices_are_on_record_the_refused_ones_too(void **state)
{
    (void)state;
    const char *value;
    int64_t ends_at_us;
    as(&ann);
    assert_int_equal(tl_lifeguard_pii_begin(&rq, guard, "case 1", "test", &value, &ends_at_us), TL_NOT_ALLOWED);
    assert_int_equal(rq.err.code, TL_NOT_ALLOWED);
    grant("{\"user\":\"ann\",\"privileges\":\"pii\",\"scope\":{\"source\":\"ops\"},\"reason\":\"x\"}");
    as(&ann);
    expect_ok(tl_lifeguard_pii_begin(&rq, guard, "case 2", "test", &value, &ends_at_us));
    expect_ok(tl_lifeguard_pii_end(&rq, guard, value));
    assert_string_equal(events_of("ann"), "personal_data refused ann by ann: case 1 failed not_allowed\n"
                                          "personal_data began ann by ann: case 2\n"
                                          "personal_data ended ann by ann: \n");
}

static void test_raw_readings_are_on_record(void **state)
{
    (void)state;
    const tl_clearance *clearance;
    struct tl_access_manner manner = {.raw_reason = "upkeep"};
    as(&root);
    expect_ok(tl_lifeguard_decide(&rq, guard, &manner, &accounts, 1, &clearance));
    assert_string_equal(events_of(NULL), "raw_reading cleared ops.public.accounts by root: upkeep\n");
}

static void test_nothing_changes_without_its_record(void **state)
{
    (void)state;
    const char *id, *value;
    int64_t ends_at_us;
    const tl_clearance *clearance;
    struct tl_access_manner manner = {.raw_reason = "upkeep"};
    struct tl_lifeguard_health before, after;
    struct rlimit limit, none = {0, 0};
    grant("{\"user\":\"ann\",\"privileges\":\"pii\",\"scope\":{\"source\":\"ops\"},\"reason\":\"x\"}");
    tl_lifeguard_health(guard, &before);
    as(&root);
    const tl_json *body = json_of(READS_OPS), *ask = json_of("{\"scope\":{\"source\":\"ops\"},\"reason\":\"report\"}");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    none.rlim_max = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0); /* no file of this process can grow */
    enum tl_code granted = tl_lifeguard_grant(&rq, guard, body, &id);
    bool told = strstr(rq.err.hint, "without its record") != NULL;
    as(&ann);
    enum tl_code asked = tl_lifeguard_request(&rq, guard, ask, &id);
    as(&ann);
    enum tl_code began = tl_lifeguard_pii_begin(&rq, guard, "case 1", "test", &value, &ends_at_us);
    as(&root);
    enum tl_code raw = tl_lifeguard_decide(&rq, guard, &manner, &accounts, 1, &clearance);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_not_equal(granted, TL_OK);
    assert_true(told);
    assert_int_not_equal(asked, TL_OK);
    assert_int_not_equal(began, TL_OK);
    assert_int_not_equal(raw, TL_OK);
    tl_lifeguard_health(guard, &after);
    assert_int_equal(before.version, after.version);
    as(&ann);
    assert_int_equal(tl_lifeguard_pii_check(&rq, guard, "true:none", "case 1", "test"), TL_NOT_ALLOWED);
    grant(READS_OPS);
    assert_non_null(strstr(events_of(NULL), "rules granted ops by root: test\n"));
}

static void test_events_are_found_among_statements(void **state)
{
    (void)state;
    struct tl_audit_statement statement = {.kind = "SELECT", .text = TL_STR("SELECT ',\"kind\":\"rules\"'")};
    struct tl_buf buf;
    const tl_json *events;
    for (int i = 0; i < 50; i++) {
        as(&ann);
        expect_ok(tl_audit_statement(&rq, audit, &statement));
        if (i % 10 == 0)
            grant(READS_OPS);
    }
    as(&root);
    tl_buf_init(&buf, 1 << 20);
    expect_ok(tl_audit_events(&rq, audit, NULL, 3, &buf));
    expect_ok(tl_json_parse(arena, buf.data, buf.size, &events, &rq.err));
    tl_buf_done(&buf);
    assert_int_equal(tl_json_count(events), 3);
    int64_t seq, last = 0;
    for (struct tl_json_iter it = tl_json_iter(events); tl_json_next(&it); last = seq) {
        assert_true(tl_json_int64(tl_json_get(it.value, "seq"), &seq) && seq > last);
        assert_string_equal(tl_json_get_text(it.value, "kind"), "rules");
    }
    assert_int_equal(last, 46); /* behind the 41st statement */
}

#define AUDITED(name) cmocka_unit_test_setup_teardown(name, setup_audit, teardown_audit)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUDITED(test_changes_of_rules_are_on_record_with_who_and_why),
        AUDITED(test_a_record_holds_the_rule_and_its_version),
        AUDITED(test_requests_are_on_record_from_asking_to_the_grant),
        AUDITED(test_choices_are_on_record_the_refused_ones_too),
        AUDITED(test_raw_readings_are_on_record),
        AUDITED(test_nothing_changes_without_its_record),
        AUDITED(test_events_are_found_among_statements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
