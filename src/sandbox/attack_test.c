/* Scripts that mean harm: each ends as it should, in time, and the next run is as good as ever. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/run_int.h"
#include "sandbox/testing_int.h"

static void test_endless_loops_end_at_the_limit_of_processor_time(void **state)
{
    (void)state;
    EXPECT_FAILURE("\nwhile (true) { Math.abs(1) }", TL_SANDBOX_CPU, "the script used more than 1000 ms of processor time", 2);
    struct trial trial;
    static const char *const loops[] = {
        "for (;;) await null",
        "for (;;) { try { for (;;); } catch { } finally { continue } }",
        "(function f() { try { f() } finally { f() } })()",
        "/^(a+)+$/.test('a'.repeat(40) + 'b')",
        "'x'.repeat(1 << 20).replace(/(x+x+)+y/, '')",
        "({toString() { for (;;); }}) + ''",
        "await {get then() { for (;;); }}",
        "Promise.resolve().then(function again() { return Promise.resolve().then(again) }); await new Promise(() => {})",
        "throw {toString() { for (;;); }}",
        "console.log({toJSON() { for (;;); }})",
        "({toJSON() { for (;;); }})",
        "new Proxy({}, {get() { for (;;); }}).x",
        "[...(function* () { for (;;) yield })()].length && 0; for (;;);",
    };
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        trial_begin(&trial);
        trial.job.limits.cpu_ms_max = 100;
        trial_go(&trial, tl_str_of(loops[i]));
        if (trial.result.end != TL_SANDBOX_CPU && trial.result.end != TL_SANDBOX_MEMORY)
            fail_msg("%s: %s %s", loops[i], tl_sandbox_end_name(trial.result.end), trial.result.message.data);
        assert_true(trial.result.cpu_us < 3000000);
        trial_end(&trial);
    }
}

static void test_what_never_asks_for_the_time_is_killed_by_the_kernel(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    trial.job.limits.cpu_ms_max = 100;
    trial_go(&trial, TL_STR("'a'.repeat(1 << 22).indexOf('a'.repeat(1 << 21) + 'b')"));
    expect_end(&trial, TL_SANDBOX_CPU);
    assert_true(trial.result.cpu_us < 4000000);
    trial_end(&trial);
}

static void test_waiting_ends_at_the_wall_limit(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    trial.job.limits.wall_ms_max = 150;
    trial_go(&trial, TL_STR("await skipper.hold()"));
    expect_end(&trial, TL_SANDBOX_WALL);
    assert_string_equal(trial.result.message.data, "the script ran longer than 150 ms");
    assert_in_range(trial.result.wall_us, 150000, 10000000);
    trial_end(&trial);
}

static void test_memory_bombs_end_at_the_memory_limit(void **state)
{
    (void)state;
    static const char *const bombs[] = {
        "const a = []; for (;;) a.push(new Array(1000).fill(1.5))",
        "let s = 'x'; for (;;) s += s",
        "const a = []; for (;;) a.push(new ArrayBuffer(1 << 20))",
        "new ArrayBuffer(2 ** 40)",
        "const m = new Map(); for (let i = 0; ; i++) m.set('k' + i, {i})",
        "'x'.repeat(2 ** 28).split('')",
        "let o = {}; for (;;) o = {o, p: [o]}",
        "JSON.stringify(Array(3e7).fill(0))",
        "const p = []; for (;;) p.push(new Promise(() => {}))",
        "2n ** (2n ** 30n)",
        "function* g() { for (;;) yield 1 } [...g()]",
    };
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        struct trial trial;
        trial_begin(&trial);
        trial.job.limits.cpu_ms_max = 5000;
        trial.job.limits.memory_bytes_max = 16 << 20;
        trial_go(&trial, tl_str_of(bombs[i]));
        bool refused = trial.result.end == TL_SANDBOX_FAILED && (strncmp(trial.result.message.data, "RangeError", 10) == 0 ||
                                                                   strcmp(trial.result.message.data, "InternalError: string too long") == 0);
        if (trial.result.end != TL_SANDBOX_MEMORY && !refused)
            fail_msg("%s: %s %s", bombs[i], tl_sandbox_end_name(trial.result.end), trial.result.message.data);
        assert_true(trial.result.resident_bytes_max < 32 << 20);
        trial_end(&trial);
    }
}

static void test_deep_recursion_is_an_error_and_not_a_crash(void **state)
{
    (void)state;
    EXPECT_FAILURE("function f() { f() }\nf()", TL_SANDBOX_FAILED, "RangeError: Maximum call stack size exceeded", 1);
    EXPECT_RESULT("let n = 0; (function f() { n++; try { f() } catch {} })(); n > 100", "true");
    struct trial trial;
    static const char *const deep[] = {
        "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; JSON.stringify(a)",
        "JSON.parse('['.repeat(1e5) + ']'.repeat(1e5))",
        "eval('('.repeat(1e5) + ')'.repeat(1e5))",
        "new RegExp('('.repeat(1e5) + ')'.repeat(1e5))",
        "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; a",
        "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x",
        "let f = () => 1; for (let i = 0; i < 1e5; i++) f = f.bind(null); f()",
        "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; await skipper.echo(a)",
    };
    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
        trial_begin(&trial);
        trial_go(&trial, tl_str_of(deep[i]));
        if (trial.result.end < TL_SANDBOX_FAILED || trial.result.end > TL_SANDBOX_CPU)
            fail_msg("%s: %s %s", deep[i], tl_sandbox_end_name(trial.result.end), trial.result.message.data);
        trial_end(&trial);
    }
}

static void test_host_objects_cannot_be_changed_or_climbed(void **state)
{
    (void)state;
    EXPECT_RESULT("'use strict'; const out = []; for (const f of [() => skipper.echo = 1, () => { skipper.extra = 1 }, () => { delete skipper.echo }, "
                  "() => { skipper = 1 }, () => { skipper.echo.x = 1 }, () => { ping = 1 }, () => Object.setPrototypeOf(skipper, {}), "
                  "() => Object.defineProperty(skipper, 'echo', {value: 1}), () => { delete globalThis.skipper }]) "
                  "try { f(); out.push('done') } catch (e) { out.push(e.name) } out.every(x => x === 'TypeError') && out.length === 9", "true");
    EXPECT_RESULT("[Object.getPrototypeOf(skipper), typeof process, typeof require, typeof std, typeof os, typeof fetch, typeof WebAssembly]",
                  "[null,\"undefined\",\"undefined\",\"undefined\",\"undefined\",\"undefined\",\"undefined\"]");
    EXPECT_RESULT("skipper.echo.constructor.constructor('return typeof process')()", "\"undefined\"");
    EXPECT_FAILURE("await import('os')", TL_SANDBOX_FAILED, "ReferenceError: could not load module", 0);
    EXPECT_FAILURE("await import('/etc/passwd')", TL_SANDBOX_FAILED, "ReferenceError: could not load module", 0);
}

static void test_spoiled_prototypes_harm_nobody_but_the_script(void **state)
{
    (void)state;
    EXPECT_RESULT("Array.prototype.toJSON = () => 'x'; Object.prototype.then = undefined; Promise.prototype.then = null; JSON.stringify = JSON.parse = null; "
                  "Promise.resolve = Promise = null; globalThis.console = null; await 1; 5", "5");
    struct trial trial;
    static const char *const tricks[] = {
        "Array.prototype.toJSON = () => undefined; await skipper.echo(1)",
        "Object.prototype.then = function (yes) { yes(1) }; await skipper.echo({}); 1",
        "Object.defineProperty(Object.prototype, 'message', {get() { throw 1 }, set() { throw 2 }}); await skipper.fail()",
        "Object.defineProperty(Object.prototype, 'value', {get() { throw 1 }, set() { throw 2 }}); 5",
        "Error.prototype.toString = () => { throw Error() }; null.x",
        "Error.prepareStackTrace = () => { throw 1 }; await skipper.fail()",
        "Error.prepareStackTrace = () => ({toString() { for (;;); }}); null.x",
        "await skipper.echo({toJSON() { skipper.echo(1); skipper.echo(2); throw 1 }})",
        "await skipper.echo({toJSON() { for (let i = 0; i < 2000; i++) skipper.echo(i); return 1 }})",
        "console.log({toJSON() { for (;;) console.log('x'.repeat(1000)); }})",
        "Symbol.prototype.toString = null; console.log(Symbol()); throw Symbol('s')",
        "skipper.echo.call(null, new Proxy({}, {ownKeys() { throw skipper }, get() { throw ping } }))",
    };
    for (size_t i = 0; i < sizeof tricks / sizeof *tricks; i++) {
        trial_begin(&trial);
        trial.job.limits.cpu_ms_max = 200;
        trial_go(&trial, tl_str_of(tricks[i]));
        if (trial.result.end > TL_SANDBOX_CPU)
            fail_msg("%s: %s %s", tricks[i], tl_sandbox_end_name(trial.result.end), trial.result.message.data);
        trial_end(&trial);
    }
    EXPECT_RESULT("1+1", "2");
}

static void test_exceptions_carry_nothing_of_the_host(void **state)
{
    (void)state;
    EXPECT_RESULT("try { await skipper.fail() } catch (e) { [e.constructor === Error, e.constructor.constructor('return this')() === globalThis, "
                  "Object.getOwnPropertyNames(e).sort()] }", "[true,true,[\"code\",\"hint\",\"message\",\"name\"]]");
    EXPECT_RESULT("try { await skipper.fail() } catch (e) { /townlake|\\/tmp|\\.c:/.test(e.stack) }", "false");
}

static void test_calls_have_a_limit_that_the_script_can_meet(void **state)
{
    (void)state;
    EXPECT_FAILURE("for (;;)\n  await ping()", TL_SANDBOX_FAILED, "RangeError: a script may make 1000 calls of host functions", 2);
    EXPECT_FAILURE("for (;;) ping()", TL_SANDBOX_FAILED, "RangeError: a script may make 1000 calls of host functions", 1);
    EXPECT_RESULT("(await Promise.allSettled(Array.from({length: 1500}, async () => ping()))).filter(x => x.status === 'fulfilled').length", "1000");
    EXPECT_FAILURE("await skipper.echo('x'.repeat(2 ** 20))", TL_SANDBOX_FAILED, "RangeError: the arguments of \"skipper.echo\" have 1048580 bytes", 1);
}

static void test_thousands_of_waiting_calls_reach_the_host_a_few_at_a_time(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial);
    trial.job.limits.calls_max = 20000;
    trial.job.limits.wall_ms_max = 1000;
    trial.job.limits.cpu_ms_max = 5000;
    trial_go(&trial, TL_STR("await Promise.all(Array.from({length: 10000}, (_, i) => skipper.hold(i)))"));
    expect_end(&trial, TL_SANDBOX_WALL);
    assert_int_equal(trial.held_count, 16);
    trial_end(&trial);
    trial_begin(&trial);
    trial.job.limits.calls_max = 20000;
    trial.job.limits.cpu_ms_max = 10000;
    trial_go(&trial, TL_STR("(await Promise.all(Array.from({length: 10000}, (_, i) => skipper.echo(i)))).length"));
    expect_end(&trial, TL_SANDBOX_DONE);
    assert_string_equal(trial.result.result.data, "10000");
    trial_end(&trial);
}

static void test_large_arguments_and_answers_do_not_block_each_other(void **state)
{
    (void)state;
    EXPECT_RESULT("const s = 'x'.repeat(2 ** 20 - 8); let n = 0; for (const r of await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(() => skipper.echo(s)))) "
                  "n += r[0].length; n", "8388544");
}

static void test_output_has_limits(void **state)
{
    (void)state;
    EXPECT_FAILURE("'x'.repeat(2 ** 20)", TL_SANDBOX_OUTPUT, "the result is larger than 1048576 bytes", 0);
    struct trial trial;
    trial_begin(&trial);
    trial.job.limits.console_bytes_max = 1000;
    trial_go(&trial, TL_STR("for (let i = 0; i < 1e5; i++) console.log(); 1"));
    expect_end(&trial, TL_SANDBOX_DONE);
    assert_int_equal(trial.result.line_count, 1000 / 16);
    assert_true(trial.result.console_full);
    trial_end(&trial);
    trial_begin(&trial);
    trial_go(&trial, TL_STR("console.log('x'.repeat(1e6)); throw Error('m'.repeat(1e6))"));
    expect_end(&trial, TL_SANDBOX_FAILED);
    assert_int_equal(trial.result.line_count, 0);
    assert_int_equal(trial.result.message.size, 4096);
    trial_end(&trial);
}

/* ---- a process that was taken over: it says what it likes ---- */

static void lie(const char *how, enum tl_sandbox_end end, const char *message)
{
    struct trial trial;
    trial_begin(&trial);
    trial.job.program = TL_SANDBOX_LIAR;
    trial.job.limits.wall_ms_max = 3000;
    trial_go(&trial, tl_str_of(how));
    expect_end(&trial, end);
    if (!strstr(trial.result.message.data, message))
        fail_msg("%s: %s", how, trial.result.message.data);
    trial_end(&trial);
}

static void test_a_process_that_was_taken_over_gets_nowhere(void **state)
{
    (void)state;
    lie("garbage", TL_SANDBOX_VIOLATION, "what is no frame");
    lie("huge", TL_SANDBOX_VIOLATION, "what is no frame");
    lie("start", TL_SANDBOX_VIOLATION, "what is no frame");
    lie("latin1", TL_SANDBOX_VIOLATION, "cannot be read");
    lie("stranger", TL_SANDBOX_VIOLATION, "a function that there is not");
    lie("twice", TL_SANDBOX_VIOLATION, "more calls than it may");
    lie("flood", TL_SANDBOX_VIOLATION, "more calls than it may");
    lie("chatter", TL_SANDBOX_VIOLATION, "more lines than it may");
    lie("result", TL_SANDBOX_VIOLATION, "a larger result than it may");
    lie("exit", TL_SANDBOX_LOST, "ended with status 7");
    lie("crash", TL_SANDBOX_LOST, "killed by signal 11");
    lie("half", TL_SANDBOX_LOST, "ended with status 0");
    lie("sleep", TL_SANDBOX_WALL, "longer than 3000 ms");
}

/* ---- the daemon dies ---- */

static int pid_pipe[2];

static void tell_pid(void *context, tl_sandbox_call *call)
{
    struct trial *trial = context;
    (void)call; /* never answered */
    assert_int_equal(write(pid_pipe[1], &trial->run->pid, sizeof trial->run->pid), sizeof trial->run->pid);
}

static bool is_running(pid_t pid)
{
    char path[40], text[256] = "";
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    const char *state = got ? strchr(text, ')') : NULL;
    return state && state[2] != 'Z' && state[2] != 'X';
}

static void test_the_process_does_not_outlive_the_daemon(void **state)
{
    (void)state;
    assert_int_equal(pipe(pid_pipe), 0);
    pid_t daemon_pid = fork(), sandbox_pid;
    assert_true(daemon_pid >= 0);
    if (daemon_pid == 0) {
        struct trial trial;
        trial_begin(&trial);
        trial.job.host.call = tell_pid;
        trial.job.limits.cpu_ms_max = 60000;
        trial_go(&trial, TL_STR("ping(); for (;;);"));
        _exit(0);
    }
    assert_int_equal(read(pid_pipe[0], &sandbox_pid, sizeof sandbox_pid), sizeof sandbox_pid);
    assert_true(is_running(sandbox_pid));
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
    for (int i = 0; i < 1000 && is_running(sandbox_pid); i++)
        usleep(5000);
    assert_false(is_running(sandbox_pid));
    close(pid_pipe[0]);
    close(pid_pipe[1]);
}

static void test_started_by_anybody_else_it_ends_at_once(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        execl(TL_SANDBOX_PROGRAM, "townlake-sandbox", "1", (char *)NULL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endless_loops_end_at_the_limit_of_processor_time),
        cmocka_unit_test(test_what_never_asks_for_the_time_is_killed_by_the_kernel),
        cmocka_unit_test(test_waiting_ends_at_the_wall_limit),
        cmocka_unit_test(test_memory_bombs_end_at_the_memory_limit),
        cmocka_unit_test(test_deep_recursion_is_an_error_and_not_a_crash),
        cmocka_unit_test(test_host_objects_cannot_be_changed_or_climbed),
        cmocka_unit_test(test_spoiled_prototypes_harm_nobody_but_the_script),
        cmocka_unit_test(test_exceptions_carry_nothing_of_the_host),
        cmocka_unit_test(test_calls_have_a_limit_that_the_script_can_meet),
        cmocka_unit_test(test_thousands_of_waiting_calls_reach_the_host_a_few_at_a_time),
        cmocka_unit_test(test_large_arguments_and_answers_do_not_block_each_other),
        cmocka_unit_test(test_output_has_limits),
        cmocka_unit_test(test_a_process_that_was_taken_over_gets_nowhere),
        cmocka_unit_test(test_the_process_does_not_outlive_the_daemon),
        cmocka_unit_test(test_started_by_anybody_else_it_ends_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
