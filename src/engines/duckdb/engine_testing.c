#include "engines/duckdb/engine_testing.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

enum { ARENA_BYTES_MAX = 512 * 1024 * 1024, DEFAULT_MEMORY = 512 * 1024 * 1024, TEXT_MAX = 64 * 1024 * 1024 };

void testing_remove_folder(const char *path)
{
    char inner[512];
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0)
            testing_remove_folder(inner);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

void testing_start(struct testing *testing, int64_t memory_bytes, int64_t spill_bytes, const char *path)
{
    const char *paths[] = {path, NULL};
    snprintf(testing->directory, sizeof testing->directory, "/tmp/tl-engine-XXXXXX");
    assert_non_null(mkdtemp(testing->directory));
    struct tl_engine_options options = {
        .program = getenv("TL_TEST_ENGINE"),
        .directory = testing->directory,
        .extensions = getenv("TL_TEST_EXTENSIONS"),
        .memory_bytes = memory_bytes ? memory_bytes : DEFAULT_MEMORY,
        .spill_bytes = spill_bytes,
        .threads = 2,
        .allowed_paths = paths,
    };
    struct tl_err err;
    tl_err_init(&err);
    setenv("ASAN_OPTIONS", "handle_segv=0", 1); /* the child dies of a SIGSEGV as it would in use */
    assert_non_null(options.program);
    if (tl_engine_start(&options, &testing->engine, &err) != TL_OK)
        fail_msg("%s", err.message);
}

void testing_stop(struct testing *testing)
{
    tl_engine_stop(testing->engine);
    testing_remove_folder(testing->directory);
}

static void add_batch(struct tl_buf *text, const struct tl_batch *batch)
{
    for (size_t row = 0; row < batch->row_count; row++) {
        for (size_t i = 0; i < batch->column_count; i++) {
            if (i)
                tl_buf_addc(text, '|');
            if (tl_column_is_null(&batch->columns[i], row))
                tl_buf_adds(text, "NULL");
            else
                tl_column_format(text, &batch->columns[i], row);
        }
        tl_buf_addc(text, '\n');
    }
}

static void read_all(tl_result *result, const struct question *question, struct answer *answer, int64_t start_us)
{
    for (bool end = false; !end;) {
        const struct tl_batch *batch;
        answer->code = tl_result_next(&answer->rq, result, -1, &batch, &end);
        if (answer->code != TL_OK)
            break;
        if (batch && answer->first_row_us == 0)
            answer->first_row_us = tl_clock_monotonic_us() - start_us;
        if (batch && !question->no_text)
            add_batch(&answer->text, batch);
    }
    tl_result_stats(result, &answer->stats);
}

void ask(tl_engine *engine, const struct question *question, struct answer *ret_answer)
{
    static const char *const functions[] = {
        "function:range", "function:generate_series", "function:test_all_types", "function:unnest", "function:repeat_row",
    };
    struct answer *answer = ret_answer;
    memset(answer, 0, sizeof *answer);
    answer->arena = tl_arena_new(ARENA_BYTES_MAX);
    tl_buf_init(&answer->text, TEXT_MAX);
    tl_request_init(&answer->rq, answer->arena);
    struct tl_engine_statement statement = {
        .sql = tl_str_of(question->sql),
        .views = question->views,
        .view_count = question->view_count,
        .params = question->params,
        .param_count = question->param_count,
        .allowed = question->allowed ? question->allowed : functions,
        .allowed_count = question->allowed ? question->allowed_count : sizeof functions / sizeof *functions,
        .rows_max = question->rows_max,
        .run_time_us_max = question->run_time_us_max,
        .memory_bytes_max = question->memory_bytes_max,
        .time_zone = question->time_zone,
        .query_id = question->query_id,
    };
    tl_result *result;
    int64_t start_us = tl_clock_monotonic_us();
    answer->code = tl_engine_run(&answer->rq, engine, NULL, &statement, &result);
    if (answer->code == TL_OK) {
        answer->field_count = tl_result_fields(result, &answer->fields);
        read_all(result, question, answer, start_us);
        tl_result_close(result);
    }
    answer->err = answer->rq.err;
}

void answer_done(struct answer *answer)
{
    tl_buf_done(&answer->text);
    tl_arena_free(answer->arena);
}

void expect_rows(tl_engine *engine, const char *sql, const char *rows)
{
    struct answer answer;
    ask(engine, &(struct question){.sql = sql}, &answer);
    if (answer.code != TL_OK)
        fail_msg("%s\n%s: %s (%s)", sql, tl_code_info(answer.code)->name, answer.err.message, answer.err.detail);
    assert_string_equal(tl_buf_cstr(&answer.text), rows);
    answer_done(&answer);
}

void expect_error(tl_engine *engine, const char *sql, enum tl_code code, const char *text)
{
    struct answer answer;
    ask(engine, &(struct question){.sql = sql, .no_text = true}, &answer);
    if (answer.code != code || answer.err.code != code || (text && !strstr(answer.err.message, text)))
        fail_msg("%s\n%s: %s (%s)", sql, tl_code_info(answer.code)->name, answer.err.message, answer.err.detail);
    answer_done(&answer);
}

int64_t wait_for_other_pid(tl_engine *engine, int pid)
{
    int64_t start_us = tl_clock_monotonic_us();
    while (tl_clock_monotonic_us() - start_us < 10 * 1000 * 1000) {
        struct tl_engine_health health;
        tl_engine_health(engine, &health);
        if (health.ready && health.pid != pid)
            return tl_clock_monotonic_us() - start_us;
        usleep(1000);
    }
    return -1;
}

int64_t resident_bytes_of(int pid)
{
    char path[64];
    long long pages = 0;
    snprintf(path, sizeof path, pid ? "/proc/%d/statm" : "/proc/self/statm", pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %lld", &pages), 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}
