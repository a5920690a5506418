/* What a script can do, what it is told, and what the daemon gets. */
#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/testing_int.h"

static void test_the_value_of_the_last_expression_is_the_result(void **state)
{
    (void)state;
    EXPECT_RESULT("1+1", "2");
    EXPECT_RESULT("", "null");
    EXPECT_RESULT("const a = 1; a", "1");
    EXPECT_RESULT("({a: [1, 'x', null, undefined], b: undefined})", "{\"a\":[1,\"x\",null,null]}");
    EXPECT_RESULT("await Promise.resolve('späť 🚢')", "\"späť 🚢\"");
    EXPECT_RESULT("Promise.resolve(7)", "7");
    EXPECT_RESULT("'\\ud800'", "\"\\ud800\"");
}

static void test_return_and_a_function_work_as_well(void **state)
{
    (void)state;
    EXPECT_RESULT("const x = await skipper.echo(3);\nreturn x[0] * 2;", "6");
    EXPECT_RESULT("if (1) { return {ok: true}; } // no newline", "{\"ok\":true}");
    EXPECT_RESULT("async () => { const r = await skipper.echo('a'); return r; }", "[\"a\"]");
    EXPECT_RESULT("() => 5", "5");
}

static void test_modern_javascript_is_there(void **state)
{
    (void)state;
    EXPECT_RESULT("class A { #x = 1; get x() { return this.#x ?? 0; } static { A.y = 2; } }; [new A().x, A.y, [3, 1, 2].toSorted().at(-1)]", "[1,2,3]");
    EXPECT_RESULT("const out = []; for await (const x of (async function* () { yield 1; yield* [2, 3]; })()) out.push(x); out", "[1,2,3]");
    EXPECT_RESULT("Object.groupBy([1, 2, 3], x => x % 2 ? 'odd' : 'even')", "{\"odd\":[1,3],\"even\":[2]}");
    EXPECT_RESULT("String(2n ** 70n) + '2026-01-02'.match(/(?<y>\\d+)-/u).groups.y", "\"11805916207174113034242026\"");
    EXPECT_RESULT("const [a, ...b] = await Promise.all([1, skipper.echo(2), Promise.resolve(3)]); ({a, b})", "{\"a\":1,\"b\":[[2],3]}");
}

static void test_calls_carry_json_both_ways(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    trial_go(&trial, TL_STR("const r = await skipper.echo({sql: 'SELECT \"ä\"', n: 1.5}, [true, null]); await ping(); r[0].sql"));
    expect_end(&trial, TL_SANDBOX_DONE);
    assert_string_equal(trial.result.result.data, "\"SELECT \\\"ä\\\"\"");
    assert_string_equal(tl_buf_cstr(&trial.log), "skipper.echo [{\"sql\":\"SELECT \\\"ä\\\"\",\"n\":1.5},[true,null]]\nping []\n");
    assert_int_equal(trial.result.calls, 2);
    assert_true(trial.result.wall_us > 0 && trial.result.cpu_us > 0);
    assert_in_range(trial.result.resident_bytes_max, 500 << 10, 6 << 20);
    trial_end(&trial);
}

static void test_calls_run_at_once_and_are_answered_in_any_order(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    trial.held_most = 5;
    trial_go(&trial, TL_STR("const order = []; await Promise.all([1, 2, 3, 4, 5].map(async i => { await skipper.hold(i); order.push(i); })); order"));
    expect_end(&trial, TL_SANDBOX_DONE);
    assert_string_equal(trial.result.result.data, "[5,4,3,2,1]");
    trial_end(&trial);
}

static void *answer_later(void *context)
{
    struct trial *trial = context;
    for (int i = 0; !trial->held_count && i < 5000; i++)
        usleep(1000);
    if (!trial->held_count)
        return NULL;
    usleep(20000);
    assert_false(tl_sandbox_call_ended(trial->held[0]));
    tl_sandbox_answer(trial->held[0], TL_STR("\"late\""));
    return NULL;
}

static void test_another_thread_may_answer_later(void **state)
{
    (void)state;
    struct trial trial;
    pthread_t thread;
    trial_begin(&trial);
    assert_int_equal(pthread_create(&thread, NULL, answer_later, &trial), 0);
    trial_go(&trial, TL_STR("await skipper.hold()"));
    pthread_join(thread, NULL);
    trial.held_count = 0;
    expect_end(&trial, TL_SANDBOX_DONE);
    assert_string_equal(trial.result.result.data, "\"late\"");
    trial_end(&trial);
}

static void test_an_answer_after_the_end_is_no_harm(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    trial_go(&trial, TL_STR("skipper.hold(); skipper.hold(); 'done'"));
    expect_end(&trial, TL_SANDBOX_DONE);
    assert_int_equal(trial.held_count, 2);
    assert_true(tl_sandbox_call_ended(trial.held[0]));
    tl_sandbox_answer(trial.held[--trial.held_count], TL_STR("1"));
    trial.run = tl_sandbox_run_free(trial.run); /* the other call still holds what it needs */
    trial_end(&trial);
}

static void test_failures_of_the_host_are_errors_at_the_line_of_the_call(void **state)
{
    (void)state;
    EXPECT_FAILURE("const a = 1;\n\nawait skipper.fail(a);\n", TL_SANDBOX_FAILED, "HostError: no table \"t\"", 3);
    EXPECT_RESULT("try { await skipper.fail() } catch (e) { [e instanceof Error, e.name, e.code, e.hint, Object.keys(e)] }",
                  "[true,\"HostError\",\"table_not_found\",\"try u\",[]]");
    EXPECT_FAILURE("\nawait skipper.garbage()", TL_SANDBOX_FAILED, "HostError: the host function failed", 2);
    EXPECT_FAILURE("await skipper.big()", TL_SANDBOX_FAILED, "HostError: the answer of the host function is larger than the limit", 1);
}

static void test_errors_name_their_line(void **state)
{
    (void)state;
    EXPECT_FAILURE("let x;\nlet y = 2;\nx.foo", TL_SANDBOX_FAILED, "TypeError: cannot read property 'foo' of undefined", 3);
    EXPECT_FAILURE("let a = 1;\nlet = = 2;", TL_SANDBOX_FAILED, "SyntaxError: ", 2);
    EXPECT_FAILURE("function f() {\n throw new RangeError('no');\n}\nawait 0;\nf()", TL_SANDBOX_FAILED, "RangeError: no", 2);
    EXPECT_FAILURE("return 1 +;", TL_SANDBOX_FAILED, "SyntaxError: ", 1);
    EXPECT_FAILURE("const q = 1;\nif (q) return q.x.y;", TL_SANDBOX_FAILED, "TypeError: ", 2);
    EXPECT_FAILURE("throw 'plain'", TL_SANDBOX_FAILED, "plain", 0);
    EXPECT_FAILURE("throw null", TL_SANDBOX_FAILED, "null", 0);
    EXPECT_FAILURE("throw {toString() { throw 1 }}", TL_SANDBOX_FAILED, "an exception that cannot be shown", 0);
    EXPECT_FAILURE("({big: 1n})", TL_SANDBOX_FAILED, "TypeError: ", 0);
    EXPECT_FAILURE("await new Promise(() => {})", TL_SANDBOX_FAILED, "Error: the script waits for a promise that nothing is left to settle", 0);
}

static void test_console_lines_arrive_in_order_with_their_level(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    trial_go(&trial, TL_STR("console.log('a', 1, {b: [2]}, undefined, null, true, 3n); console.warn(new TypeError('no')); console.error();\n"
                            "const c = {}; c.c = c; console.debug(c, () => 1); console.info(Symbol('s')); throw 1"));
    expect_end(&trial, TL_SANDBOX_FAILED);
    assert_int_equal(trial.result.line_count, 5);
    assert_string_equal(trial.result.lines[0].text.data, "a 1 {\"b\":[2]} undefined null true 3");
    assert_string_equal(trial.result.lines[1].text.data, "TypeError: no");
    assert_int_equal(trial.result.lines[1].level, TL_SANDBOX_WARN);
    assert_string_equal(trial.result.lines[2].text.data, "");
    assert_string_equal(trial.result.lines[3].text.data, "[object Object] () => 1");
    assert_int_equal(trial.result.lines[4].level, TL_SANDBOX_INFO);
    assert_false(trial.result.console_full);
    trial_end(&trial);
}

static const char told[] = "const t = Date.now(); let n = 0; for (let i = 0; i < 1e5; i++) n += Math.random();\n"
                           "[t, Date.now() - t, new Date().toString(), performance.now(), n, Math.random(), await ping()]";

static void test_equal_seeds_and_answers_give_equal_runs_and_no_clock_ticks(void **state)
{
    (void)state;
    char *first = NULL;
    for (int i = 0; i < 3; i++) {
        struct trial trial;
        trial_begin(&trial);
        trial.job.seed = i == 2 ? 43 : 42;
        trial_go(&trial, TL_STR(told));
        expect_end(&trial, TL_SANDBOX_DONE);
        const char *start = "[1767225600123,0,\"Thu Jan 01 2026 00:00:00 GMT+0000\",0,";
        if (strncmp(trial.result.result.data, start, strlen(start)) != 0)
            fail_msg("%s", trial.result.result.data);
        if (!first)
            first = tl_heap_strdup(trial.result.result.data);
        else
            assert_int_equal(strcmp(first, trial.result.result.data) == 0, i == 1);
        trial_end(&trial);
    }
    free(first);
}

static void *cancel_soon(void *context)
{
    usleep(50000);
    tl_sandbox_run_cancel(((struct trial *)context)->run);
    return NULL;
}

static void cancel_while(const char *script)
{
    struct trial trial;
    pthread_t thread;
    trial_begin(&trial);
    trial.job.script = tl_str_of(script);
    trial.job.limits.cpu_ms_max = 60000;
    assert_int_equal(tl_sandbox_run_new(&trial.job, &trial.run, &trial.err), TL_OK);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &trial), 0);
    int64_t start_us = tl_clock_monotonic_us();
    assert_int_equal(tl_sandbox_run_go(trial.run, trial.arena, &trial.result, &trial.err), TL_OK);
    pthread_join(thread, NULL);
    expect_end(&trial, TL_SANDBOX_CANCELLED);
    assert_true(tl_clock_monotonic_us() - start_us < 5000000);
    trial_end(&trial);
}

static void test_a_run_can_be_cancelled_while_it_loops_and_while_it_waits(void **state)
{
    (void)state;
    cancel_while("for (;;);");
    cancel_while("await skipper.hold()");
}

static void test_a_run_can_be_cancelled_before_it_goes_or_not_go_at_all(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    trial.job.script = TL_STR("1");
    assert_int_equal(tl_sandbox_run_new(&trial.job, &trial.run, &trial.err), TL_OK);
    tl_sandbox_run_cancel(trial.run);
    assert_int_equal(tl_sandbox_run_go(trial.run, trial.arena, &trial.result, &trial.err), TL_OK);
    expect_end(&trial, TL_SANDBOX_CANCELLED);
    assert_int_equal(tl_sandbox_run_go(trial.run, trial.arena, &trial.result, &trial.err), TL_INTERNAL);
    trial_end(&trial);
    trial_begin(&trial);
    assert_int_equal(tl_sandbox_run_new(&trial.job, &trial.run, &trial.err), TL_OK);
    trial_end(&trial);
}

static void refuse(struct tl_sandbox_job job, enum tl_code code, const char *message)
{
    struct tl_err err;
    tl_sandbox_run *run;
    tl_err_init(&err);
    assert_int_equal(tl_sandbox_run_new(&job, &run, &err), code);
    assert_null(run);
    assert_non_null(strstr(err.message, message));
}

static void test_jobs_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ".", "a.", ".a", "a.b.c", "a..b", "1a", "a.1", "a-b", "a b", "__proto__\n"};
    struct tl_sandbox_job job = {.program = TL_SANDBOX_PROGRAM, .script = TL_STR("1")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *names[] = {"ok", bad[i], NULL};
        job.host.functions = names;
        refuse(job, TL_INVALID_ARGUMENT, "cannot have this name");
    }
    job.host.functions = NULL;
    refuse((struct tl_sandbox_job){.program = "x", .script = TL_STR("1"), .limits.calls_max = TL_SANDBOX_CALLS_MAX + 1}, TL_INVALID_ARGUMENT, "calls_max");
    refuse((struct tl_sandbox_job){.program = "x", .script = TL_STR("1"), .limits.memory_bytes_max = 5}, TL_INVALID_ARGUMENT, "memory_bytes_max");
    refuse((struct tl_sandbox_job){.program = "x", .script = TL_STR("12345"), .limits.script_bytes_max = 4}, TL_TOO_LARGE, "has 5 bytes, the limit is 4");
    refuse((struct tl_sandbox_job){.program = "x", .script = TL_STR("'\xff'")}, TL_BAD_ENCODING, "UTF-8");
    refuse((struct tl_sandbox_job){.program = "x", .script = TL_STR("1\0002")}, TL_BAD_ENCODING, "NUL");
}

static void test_a_missing_program_is_an_error_of_ours(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    trial.job.program = "/nowhere/townlake-sandbox";
    trial.job.script = TL_STR("1");
    assert_int_equal(tl_sandbox_run_new(&trial.job, &trial.run, &trial.err), TL_OK);
    assert_int_equal(tl_sandbox_run_go(trial.run, trial.arena, &trial.result, &trial.err), TL_IO);
    assert_non_null(strstr(trial.err.message, "could not start the sandbox"));
    trial_end(&trial);
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void *run_some(void *context)
{
    (void)context;
    for (int i = 0; i < 10; i++)
        EXPECT_RESULT("let n = 0; for (let i = 0; i < 20; i++) n += (await skipper.echo(i))[0]; n", "190");
    return NULL;
}

static void test_runs_beside_each_other_share_nothing_and_leave_nothing(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    size_t before = open_descriptors();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_some, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_value_of_the_last_expression_is_the_result),
        cmocka_unit_test(test_return_and_a_function_work_as_well),
        cmocka_unit_test(test_modern_javascript_is_there),
        cmocka_unit_test(test_calls_carry_json_both_ways),
        cmocka_unit_test(test_calls_run_at_once_and_are_answered_in_any_order),
        cmocka_unit_test(test_another_thread_may_answer_later),
        cmocka_unit_test(test_an_answer_after_the_end_is_no_harm),
        cmocka_unit_test(test_failures_of_the_host_are_errors_at_the_line_of_the_call),
        cmocka_unit_test(test_errors_name_their_line),
        cmocka_unit_test(test_console_lines_arrive_in_order_with_their_level),
        cmocka_unit_test(test_equal_seeds_and_answers_give_equal_runs_and_no_clock_ticks),
        cmocka_unit_test(test_a_run_can_be_cancelled_while_it_loops_and_while_it_waits),
        cmocka_unit_test(test_a_run_can_be_cancelled_before_it_goes_or_not_go_at_all),
        cmocka_unit_test(test_jobs_that_cannot_be_are_refused),
        cmocka_unit_test(test_a_missing_program_is_an_error_of_ours),
        cmocka_unit_test(test_runs_beside_each_other_share_nothing_and_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
