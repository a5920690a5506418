/* Questions and how they are read: the files of tests/cases/planner, and what the planner keeps to whatever is asked.
 *
 * A case is a question and the line under it: "= reading", or "! part of the refusal".  "+ question" goes on from the one before.
 * The day is 2026-11-24, a Tuesday. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/value.h"
#include "io/process.h"
#include "skipper/planner.h"

enum { ARENA_MAX = 256 * 1024 * 1024, TEXT_MAX = 1024 * 1024 };

static struct {
    tl_arena *arena;
    struct tl_err err;
    const tl_semantic *model;
    char *cases;
    int failures, count;
} world;

static char *read_file(const char *variable)
{
    struct tl_buf text;
    const char *path = getenv(variable);
    assert_non_null(path);
    tl_buf_init(&text, TEXT_MAX);
    assert_int_equal(tl_file_read(path, &text, &world.err), TL_OK);
    char *copy = tl_arena_strdup(world.arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

static int begin(void **state)
{
    (void)state;
    world.arena = tl_arena_new(ARENA_MAX);
    tl_err_init(&world.err);
    const char *yaml = read_file("TOWNLAKE_MODEL");
    if (tl_semantic_read(world.arena, "company.yaml", tl_str_of(yaml), &world.model, &world.err) != TL_OK)
        fail_msg("%s", world.err.message);
    world.cases = read_file("TOWNLAKE_CASES");
    return 0;
}

static int end(void **state)
{
    (void)state;
    world.arena = tl_arena_free(world.arena);
    return 0;
}

/* Subjects of tickets are looked up; nothing else is. */
static struct tl_texts members(void *context, const tl_semantic *model, int dataset, int field)
{
    static const char *const subjects[] = {"Refund request", "Charged twice"};
    (void)context;
    bool subject = tl_streq(model->datasets[dataset].name, "support_tickets") && tl_streq(model->datasets[dataset].fields[field].name, "subject");
    return subject ? (struct tl_texts){2, subjects} : (struct tl_texts){0, NULL};
}

static int64_t now_us(void)
{
    return tl_date_from_civil(2026, 11, 24) * INT64_C(86400000000) + INT64_C(43200000000);
}

static struct tl_plan plan(struct tl_str question, const struct tl_metric_query *before)
{
    struct tl_plan plan;
    struct tl_plan_request request = {.model = world.model, .question = question, .before = before, .now_us = now_us(), .members = members};
    tl_plan_question(world.arena, &request, &plan);
    return plan;
}

/* What is understood must also be SQL; what is not is refused as the compiler says. */
static const char *outcome_of(struct tl_plan *plan)
{
    struct tl_metric_sql sql;
    struct tl_err err;
    tl_err_init(&err);
    if (plan->understood && tl_metric_compile(world.arena, world.model, &plan->query, &sql, &err) != TL_OK) {
        plan->understood = false;
        plan->refusal = tl_arena_strdup(world.arena, err.message);
    }
    return plan->understood ? plan->reading : plan->refusal;
}

static void check(const char *question, const struct tl_plan *got, const char *outcome, const char *wanted)
{
    bool reads = wanted[0] == '=';
    bool right = reads == got->understood && (reads ? strcmp(outcome, wanted + 2) == 0 : strstr(outcome, wanted + 2) != NULL);
    world.count++;
    if (right)
        return;
    world.failures++;
    print_error("%s\n  wanted %s\n  got    %c %s\n", question, wanted, got->understood ? '=' : '!', outcome);
}

static void test_questions_are_read_as_the_cases_say(void **state)
{
    (void)state;
    struct tl_metric_query last;
    bool kept = false;
    char *line = world.cases, *question = NULL;
    for (char *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (!*line || *line == '#')
            continue;
        if (!question) {
            question = line;
            continue;
        }
        bool follow = question[0] == '+' && question[1] == ' ';
        struct tl_plan got = plan(tl_str_of(follow ? question + 2 : question), follow && kept ? &last : NULL);
        check(question, &got, outcome_of(&got), line);
        if (got.understood || !follow) {
            last = got.query;
            kept = got.understood;
        }
        question = NULL;
    }
    assert_true(world.count > 60);
    assert_int_equal(world.failures, 0);
}

static void test_same_question_gives_the_same_sql(void **state)
{
    (void)state;
    struct tl_metric_sql first, second;
    struct tl_plan a = plan(TL_STR("top 10 customers by revenue last quarter"), NULL), b = plan(TL_STR("TOP 10  customers by revenue, last quarter?"), NULL);
    assert_int_equal(tl_metric_compile(world.arena, world.model, &a.query, &first, &world.err), TL_OK);
    assert_int_equal(tl_metric_compile(world.arena, world.model, &b.query, &second, &world.err), TL_OK);
    assert_string_equal(first.sql, second.sql);
}

static void test_query_survives_being_kept(void **state)
{
    (void)state;
    static const char *const questions[] = {
        "top 10 customers by storage cost in the last 30 days and the change against the 30 days before without internal accounts",
        "How many domains that signed up today are in the top 100 by traffic?",
        "list billing tickets from customers who spent more than $100 with requester email",
        "countries with more than 100 requests today",
        "new domains in the last 30 days by day",
    };
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        struct tl_plan got = plan(tl_str_of(questions[i]), NULL);
        struct tl_metric_query back;
        struct tl_buf text;
        struct tl_json_writer json;
        const tl_json *root;
        if (!got.understood)
            fail_msg("%s: %s", questions[i], got.refusal);
        tl_buf_init(&text, TEXT_MAX);
        tl_json_writer_init(&json, &text);
        tl_metric_query_put(world.model, &got.query, &json);
        assert_int_equal(tl_json_parse(world.arena, text.data, text.size, &root, &world.err), TL_OK);
        tl_buf_done(&text);
        assert_true(tl_metric_query_get(world.arena, world.model, root, &back));
        assert_string_equal(tl_plan_reading(world.arena, world.model, &back), got.reading);
    }
}

static void test_word_that_has_no_place_is_named(void **state)
{
    (void)state;
    struct tl_plan got = plan(TL_STR("revenue by Schuhgröße last quarter"), NULL);
    assert_false(got.understood);
    assert_int_equal(got.unplaced.count, 1);
    assert_string_equal(got.unplaced.items[0], "Schuhgröße");
}

static void test_question_beyond_the_bounds_is_refused(void **state)
{
    (void)state;
    static char text[TL_QUESTION_BYTES_MAX + 1];
    memset(text, 'x', sizeof text);
    struct tl_plan got = plan((struct tl_str){text, sizeof text}, NULL);
    assert_false(got.understood);
    assert_non_null(strstr(got.refusal, "the limit is 4096"));
    got = plan(TL_STR("revenue \xff"), NULL);
    assert_non_null(strstr(got.refusal, "not UTF-8"));
    got = plan(TL_STR(""), NULL);
    assert_false(got.understood);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions_are_read_as_the_cases_say),
        cmocka_unit_test(test_same_question_gives_the_same_sql),
        cmocka_unit_test(test_query_survives_being_kept),
        cmocka_unit_test(test_word_that_has_no_place_is_named),
        cmocka_unit_test(test_question_beyond_the_bounds_is_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
