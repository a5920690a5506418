/* The drivers against bytes as the providers document them, and against everything that can go wrong on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "data/json.h"
#include "models/models.h"
#include "models/script_testing_int.h"

#define EVENT(json) "data: " json "\n\n"
#define KEY "sk-test-0123456789"

struct world {
    struct script *script;
    tl_arena *arena;
    tl_model *model;
    struct tl_err err;
    struct tl_model_answer answer;
    struct tl_buf shown;
    atomic_bool stop;
};

static int set_up(void **state)
{
    struct world *world = tl_heap_alloc(sizeof *world);
    setenv("TL_TEST_MODEL_KEY", KEY, 1);
    world->script = script_start();
    world->arena = tl_arena_new(256 << 20);
    tl_buf_init(&world->shown, 4 << 20);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    tl_model_free(world->model);
    script_stop(world->script);
    tl_buf_done(&world->shown);
    tl_arena_free(world->arena);
    free(world);
    return 0;
}

static struct tl_model_options options_of(struct world *world)
{
    return (struct tl_model_options){
        .base_url = tl_arena_printf(world->arena, "http://127.0.0.1:%d/v1/", script_port(world->script)),
        .name = "m-1",
        .key = "env:TL_TEST_MODEL_KEY",
        .answer_tokens = 1000,
        .connect_us = 1000000,
        .first_byte_us = 2000000,
        .idle_us = 2000000,
        .tries_max = 3,
        .pause_us = 1000,
        .prices = {3000000, 300000, 15000000},
    };
}

static void open_model(struct world *world, const char *driver, const struct tl_model_options *options)
{
    tl_err_init(&world->err);
    world->model = tl_model_free(world->model);
    assert_int_equal(tl_model_new(tl_model_driver_find(driver), options, &world->model, &world->err), TL_OK);
}

static void note_text(void *context, struct tl_str piece)
{
    tl_buf_add(context, piece.data, piece.size);
    tl_buf_addc(context, '|');
}

static bool wants_stop(void *context)
{
    return atomic_load(&((struct world *)context)->stop);
}

static struct tl_model_part question = {.kind = TL_MODEL_TEXT, .text = {"how many?", 9}};
static const struct tl_model_message first_message = {TL_MODEL_USER, 1, &question};
static const struct tl_model_tool tools[] = {{"start_query", "Start a query.", "{\"type\":\"object\",\"properties\":{\"sql\":{\"type\":\"string\"}}}"}};

static enum tl_code ask_messages(struct world *world, const struct tl_model_message *messages, size_t count, int64_t deadline_us)
{
    struct tl_model_request request = {
        .system = TL_STR("Be brief."),
        .messages = messages,
        .message_count = count,
        .tools = tools,
        .tool_count = 1,
        .deadline_us = deadline_us,
        .stop = wants_stop,
        .stop_context = world,
        .sink = {.text = note_text, .context = &world->shown},
    };
    tl_err_init(&world->err);
    tl_buf_clear(&world->shown);
    return tl_model_ask(world->model, world->arena, &request, &world->answer, &world->err);
}

static enum tl_code ask(struct world *world)
{
    return ask_messages(world, &first_message, 1, 0);
}

static void play(struct world *world, const struct script_step *steps, size_t count)
{
    script_play(world->script, steps, count);
}

#define PLAY(world, ...)                                                    \
    do {                                                                    \
        static const struct script_step played[] = {__VA_ARGS__};           \
        play((world), played, sizeof played / sizeof *played);              \
    } while (0)

static const struct tl_model_part *part_of(const struct world *world, size_t n)
{
    assert_true(n < world->answer.message.part_count);
    return &world->answer.message.parts[n];
}

static void assert_text(struct tl_str text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static void assert_call(const struct world *world, size_t n, const char *id, const char *name, const char *arguments)
{
    const struct tl_model_part *part = part_of(world, n);
    assert_int_equal(part->kind, TL_MODEL_CALL);
    if (id)
        assert_string_equal(part->id, id);
    assert_string_equal(part->name, name);
    assert_text(part->text, arguments);
}

static const tl_json *sent(struct world *world, size_t n)
{
    const tl_json *root;
    struct tl_err err;
    tl_err_init(&err);
    const char *body = script_body(world->script, n);
    assert_int_equal(tl_json_parse(world->arena, body, strlen(body), &root, &err), TL_OK);
    return root;
}

static const tl_json *item(const tl_json *array, size_t n)
{
    struct tl_json_iter it = tl_json_iter(array);
    for (size_t i = 0; i <= n; i++)
        assert_true(tl_json_next(&it));
    return it.value;
}

/* ---- OpenAI ---- */

#define CHUNK(delta, finish) \
    EVENT("{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}")

static void test_a_chat_stream_gives_text_as_it_comes_calls_side_by_side_and_usage(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    open_model(world, "openai", &options);
    PLAY(world, {.status = 200,
                 .body = CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null") CHUNK("{\"content\":\"Let me \"}", "null") CHUNK("{\"content\":"
                     "\"look.\"}", "null")
                     CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":\"start_query\","
                         "\"arguments\":\"\"}}]}", "null")
                     CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"sql\\\":\"}}]}", "null")
                     CHUNK("{\"tool_calls\":[{\"index\":1,\"id\":\"call_b\",\"type\":\"function\",\"function\":{\"name\":\"check\",\"arguments\":\"{"
                         "}\"}}]}", "null")
                     CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\\\"SELECT 1\\\"}\"}}]}", "null") CHUNK("{}", "\"tool_calls\"")
                     EVENT("{\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20,\"prompt_tokens_details\":{\"cached_tokens\":40}}}")
                     EVENT("[DONE]")});
    assert_int_equal(ask(world), TL_OK);
    assert_string_equal(tl_buf_cstr(&world->shown), "Let me |look.|");
    assert_int_equal(world->answer.end, TL_MODEL_CALLS);
    assert_int_equal(world->answer.message.part_count, 3);
    assert_text(part_of(world, 0)->text, "Let me look.");
    assert_call(world, 1, "call_a", "start_query", "{\"sql\":\"SELECT 1\"}");
    assert_call(world, 2, "call_b", "check", "{}");
    assert_int_equal(world->answer.usage.input_tokens, 60);
    assert_int_equal(world->answer.usage.cached_tokens, 40);
    assert_int_equal(world->answer.usage.output_tokens, 20);
    assert_false(world->answer.usage.estimated);
    assert_int_equal(tl_model_cost(world->model, &world->answer.usage), 60 * 3 + 12 + 20 * 15);
}

static void test_the_chat_request_says_system_tools_and_key_where_they_belong(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    open_model(world, "openai", &options);
    struct tl_model_part turn[] = {{.kind = TL_MODEL_CALL, .id = "x1", .name = "start_query", .text = TL_STR("{\"sql\":\"a\"}")},
                                   {.kind = TL_MODEL_CALL, .id = "x2", .name = "start_query", .text = TL_STR("{not json")}};
    struct tl_model_part results[] = {{.kind = TL_MODEL_RESULT, .id = "x1", .text = TL_STR("7")},
                                      {.kind = TL_MODEL_RESULT, .id = "x2", .text = TL_STR("bad"), .is_error = true}};
    struct tl_model_message messages[] = {first_message, {TL_MODEL_ASSISTANT, 2, turn}, {TL_MODEL_USER, 2, results}};
    PLAY(world, {.status = 200, .body = CHUNK("{\"content\":\"7\"}", "\"stop\"") EVENT("[DONE]")});
    assert_int_equal(ask_messages(world, messages, 3, 0), TL_OK);
    assert_non_null(strstr(script_head(world->script, 0), "POST /v1/chat/completions HTTP/1.1\r\n"));
    assert_non_null(strstr(script_head(world->script, 0), "Authorization: Bearer " KEY "\r\n"));
    assert_null(strstr(script_body(world->script, 0), KEY));
    const tl_json *body = sent(world, 0), *list = tl_json_get(body, "messages");
    assert_string_equal(tl_json_get_text(body, "model"), "m-1");
    assert_true(tl_json_bool(tl_json_get(body, "stream"), false));
    assert_string_equal(tl_json_get_text(tl_json_get(item(tl_json_get(body, "tools"), 0), "function"), "name"), "start_query");
    assert_string_equal(tl_json_get_text(item(list, 0), "role"), "system");
    assert_string_equal(tl_json_get_text(item(list, 1), "content"), "how many?");
    const tl_json *calls = tl_json_get(item(list, 2), "tool_calls");
    assert_true(tl_json_is_null(tl_json_get(item(list, 2), "content")));
    assert_string_equal(tl_json_get_text(tl_json_get(item(calls, 0), "function"), "arguments"), "{\"sql\":\"a\"}");
    assert_string_equal(tl_json_get_text(tl_json_get(item(calls, 1), "function"), "arguments"), "{}"); /* templates of some servers break on others */
    assert_string_equal(tl_json_get_text(item(list, 3), "tool_call_id"), "x1");
    assert_string_equal(tl_json_get_text(item(list, 4), "tool_call_id"), "x2");
    assert_true(world->answer.usage.estimated);
    assert_true(world->answer.usage.input_tokens > 0);
}

static void test_servers_that_speak_it_a_little_differently_are_understood(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    open_model(world, "openai", &options);
    PLAY(world,
         /* whole calls, both with index 0 and ids of their own; the end is called "stop"; usage in each chunk */
         {.status = 200,
          .body = EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"id\":\"a\",\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":"
              "\"{\\\"n\\\":1}\"}}]}}],"
                        "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}")
              EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"id\":\"b\",\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{"
                  "\\\"n\\\":2}\"}}]}}],"
                    "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":9}}") CHUNK("{}", "\"stop\"") EVENT("[DONE]")},
         /* no index, no id, arguments as an object; nothing says the end but the reason */
         {.status = 200,
          .body = CHUNK("{\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"n\":1}}},{\"function\":{\"name\":\"g\",\"arguments\":{}}}]}"
              , "\"tool_calls\"")},
         /* a whole answer where a stream was asked for, content in parts, thoughts beside it */
         {.status = 200,
          .type = "application/json; charset=utf-8",
          .body = "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\":[{\"type\":\"text\",\"text\":\"se\"},{"
              "\"type\":\"text\","
                  "\"text\":\"ven\"}],\"tool_calls\":null},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}"},
         /* no empty line behind the last event */
         {.status = 200, .body = CHUNK("{\"content\":\"7\"}", "null") "data: [DONE]"});
    assert_int_equal(ask(world), TL_OK);
    assert_int_equal(world->answer.end, TL_MODEL_CALLS);
    assert_call(world, 0, "a", "f", "{\"n\":1}");
    assert_call(world, 1, "b", "f", "{\"n\":2}");
    assert_int_equal(world->answer.usage.output_tokens, 9);
    assert_int_equal(ask(world), TL_OK);
    assert_int_equal(world->answer.end, TL_MODEL_CALLS);
    assert_call(world, 0, NULL, "f", "{\"n\":1}");
    assert_call(world, 1, NULL, "g", "{}");
    assert_string_not_equal(part_of(world, 0)->id, part_of(world, 1)->id);
    assert_int_equal(ask(world), TL_OK);
    assert_int_equal(part_of(world, 0)->kind, TL_MODEL_THINKING);
    assert_text(part_of(world, 1)->text, "seven");
    assert_int_equal(ask(world), TL_OK);
    assert_text(part_of(world, 0)->text, "7");
}

/* ---- Anthropic ---- */

#define NAMED(name, json) "event: " name "\ndata: " json "\n\n"

static const char anthropic_stream[] =
    NAMED("message_start", "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"role\":\"assistant\",\"content\":[],\"usage\":{\"input_tokens\":10,"
                           "\"cache_creation_input_tokens\":5,\"cache_read_input_tokens\":100,\"output_tokens\":1}}}")
    NAMED("content_block_start", "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\","
        "\"signature\":\"\"}}")
    NAMED("ping", "{\"type\": \"ping\"}")
    NAMED("content_block_delta", "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"count \\\"them\\\"\"}}")
    NAMED("content_block_delta", "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQB\"}}")
    NAMED("content_block_stop", "{\"type\":\"content_block_stop\",\"index\":0}")
    NAMED("content_block_start", "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"ENC\"}}")
    NAMED("content_block_stop", "{\"type\":\"content_block_stop\",\"index\":1}")
    NAMED("content_block_start", "{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}")
    NAMED("content_block_delta", "{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"text_delta\",\"text\":\"I look.\"}}")
    NAMED("content_block_stop", "{\"type\":\"content_block_stop\",\"index\":2}")
    NAMED("content_block_start", "{\"type\":\"content_block_start\",\"index\":3,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":"
        "\"start_query\",\"input\":{}}}")
    NAMED("content_block_delta", "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}")
    NAMED("content_block_delta", "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{"
        "\\\"sql\\\": \"}}")
    NAMED("content_block_delta", "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\\\"x\\\"}\"}}")
    NAMED("content_block_stop", "{\"type\":\"content_block_stop\",\"index\":3}")
    NAMED("message_delta", "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":89}}")
    NAMED("message_stop", "{\"type\":\"message_stop\"}");

static void test_a_message_stream_gives_thinking_text_and_calls_and_thinking_goes_back_as_it_came(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    options.base_url = tl_arena_printf(world->arena, "http://127.0.0.1:%d", script_port(world->script));
    options.thinking = TL_MODEL_THINKING_ADAPTIVE;
    open_model(world, "anthropic", &options);
    PLAY(world, {.status = 200, .body = anthropic_stream},
         {.status = 200,
          .type = "application/json",
          .body = "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"7\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":3,"
              "\"output_tokens\":2}}"});
    assert_int_equal(ask(world), TL_OK);
    assert_int_equal(world->answer.end, TL_MODEL_CALLS);
    assert_int_equal(world->answer.message.part_count, 4);
    assert_text(part_of(world, 0)->text, "count \"them\"");
    assert_string_equal(tl_buf_cstr(&world->shown), "I look.|");
    assert_call(world, 3, "toolu_1", "start_query", "{\"sql\": \"x\"}");
    assert_int_equal(world->answer.usage.input_tokens, 15);
    assert_int_equal(world->answer.usage.cached_tokens, 100);
    assert_int_equal(world->answer.usage.output_tokens, 89);

    struct tl_model_part results[] = {{.kind = TL_MODEL_TEXT, .text = TL_STR("note")},
                                      {.kind = TL_MODEL_RESULT, .id = "toolu_1", .text = TL_STR("no table"), .is_error = true}};
    struct tl_model_message messages[] = {first_message, world->answer.message, {TL_MODEL_USER, 2, results}};
    assert_int_equal(ask_messages(world, messages, 3, 0), TL_OK);
    assert_text(part_of(world, 0)->text, "7");
    assert_non_null(strstr(script_head(world->script, 1), "POST /v1/messages HTTP/1.1\r\n"));
    assert_non_null(strstr(script_head(world->script, 1), "x-api-key: " KEY "\r\n"));
    assert_non_null(strstr(script_head(world->script, 1), "anthropic-version: 2026-10-21\r\n"));
    assert_string_equal(tl_json_get_text(tl_json_get(sent(world, 1), "thinking"), "type"), "adaptive");
    const tl_json *list = tl_json_get(sent(world, 1), "messages"), *turn = tl_json_get(item(list, 1), "content"), *back = tl_json_get(item(list, 2),
        "content");
    assert_string_equal(tl_json_get_text(item(turn, 0), "thinking"), "count \"them\"");
    assert_string_equal(tl_json_get_text(item(turn, 0), "signature"), "EqQB");
    assert_string_equal(tl_json_get_text(item(turn, 1), "data"), "ENC");
    assert_string_equal(tl_json_get_text(tl_json_get(item(turn, 3), "input"), "sql"), "x");
    assert_string_equal(tl_json_get_text(item(back, 0), "type"), "tool_result"); /* results stand first */
    assert_true(tl_json_bool(tl_json_get(item(back, 0), "is_error"), false));
    assert_string_equal(tl_json_get_text(item(back, 1), "text"), "note");
}

/* ---- failures ---- */

static void test_each_refusal_is_told_apart_and_only_what_may_pass_is_tried_again(void **state)
{
    struct world *world = *state;
    static const struct {
        int status;
        const char *body;
        enum tl_model_failure failure;
        enum tl_code code;
    } cases[] = {
        {401, "{\"error\":{\"message\":\"Incorrect API key provided: " KEY "\",\"code\":\"invalid_api_key\"}}", TL_MODEL_NO_ACCESS, TL_MODEL_FAILED},
        {403, "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":\"no\"}}", TL_MODEL_NO_ACCESS, TL_MODEL_FAILED},
        {429, "{\"error\":{\"message\":\"You exceeded your current quota\",\"code\":\"insufficient_quota\"}}", TL_MODEL_NO_ACCESS, TL_MODEL_FAILED},
        {400, "{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens\"}}", TL_MODEL_TOO_LONG, TL_MODEL_FAILED},
        {400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 210000 tokens\"}}",
            TL_MODEL_TOO_LONG, TL_MODEL_FAILED},
        {400, "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context size\",\"type\":\"exceed_context_size_error\"}}",
            TL_MODEL_TOO_LONG,
         TL_MODEL_FAILED},
        {413, "", TL_MODEL_TOO_LONG, TL_MODEL_FAILED},
        {404, "{\"error\":\"model 'm-1' not found\"}", TL_MODEL_BAD_REQUEST, TL_MODEL_FAILED},
        {400, "not json at all", TL_MODEL_BAD_REQUEST, TL_MODEL_FAILED},
        {302, "", TL_MODEL_BAD_REQUEST, TL_MODEL_FAILED},
        {429, "{}", TL_MODEL_RATE_LIMITED, TL_MODEL_UNAVAILABLE},
        {500, "<html>", TL_MODEL_OVERLOADED, TL_MODEL_UNAVAILABLE},
        {503, "", TL_MODEL_OVERLOADED, TL_MODEL_UNAVAILABLE},
        {529, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}", TL_MODEL_OVERLOADED, TL_MODEL_UNAVAILABLE},
    };
    struct tl_model_options options = options_of(world);
    open_model(world, "openai", &options);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script_step step = {.status = cases[i].status, .type = "application/json", .body = cases[i].body}, steps[] = {step, step, step, step};
        script_play(world->script, steps, 4);
        assert_int_equal(ask(world), cases[i].code);
        assert_int_equal(world->answer.failure, cases[i].failure);
        assert_int_equal(script_asked(world->script), cases[i].code == TL_MODEL_UNAVAILABLE ? 3 : 1);
        assert_null(strstr(world->err.message, KEY));
        assert_null(strstr(world->err.detail, KEY));
        assert_true(world->err.hint[0] != '\0');
    }
}

static void test_a_failure_that_passes_is_not_noticed_and_the_provider_says_how_long_to_wait(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    open_model(world, "openai", &options);
    PLAY(world, {.status = 429, .extra = "Retry-After: 1\r\n", .body = "{}", .type = "application/json"}, {.status = 0},
         {.status = 200, .body = CHUNK("{\"content\":\"7\"}", "\"stop\"") EVENT("[DONE]")});
    int64_t begun_us = tl_clock_monotonic_us();
    assert_int_equal(ask(world), TL_OK);
    assert_true(tl_clock_monotonic_us() - begun_us >= 1000000);
    assert_int_equal(world->answer.tries, 3);
    assert_text(part_of(world, 0)->text, "7");
    /* longer than anybody would wait: told at once */
    PLAY(world, {.status = 429, .extra = "retry-after: 3600\r\n", .body = "{}", .type = "application/json"});
    assert_int_equal(ask(world), TL_MODEL_UNAVAILABLE);
    assert_int_equal(world->answer.retry_after_us, (int64_t)3600 * 1000000);
    assert_int_equal(script_asked(world->script), 1);
    /* the time that is left is shorter than the pause */
    PLAY(world, {.status = 429, .extra = "Retry-After: 2\r\n", .body = "{}", .type = "application/json"});
    assert_int_equal(ask_messages(world, &first_message, 1, tl_clock_monotonic_us() + 1000000), TL_MODEL_UNAVAILABLE);
    assert_int_equal(script_asked(world->script), 1);
}

static void test_a_stream_that_breaks_off_is_begun_anew_only_while_nothing_was_shown(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    open_model(world, "openai", &options);
    PLAY(world,
         {.status = 200, .cut = true, .body = CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{"
             "\\\"s\"}}]}", "null") "data: {\"cho"},
         {.status = 200, .body = CHUNK("{\"content\":\"7\"}", "\"stop\"") EVENT("[DONE]")});
    assert_int_equal(ask(world), TL_OK);
    assert_int_equal(world->answer.tries, 2);
    assert_int_equal(world->answer.message.part_count, 1); /* nothing of the first try is left */
    PLAY(world, {.status = 200, .body = CHUNK("{\"content\":\"sev\"}", "null") "data: {\"cho"});
    assert_int_equal(ask(world), TL_MODEL_UNAVAILABLE);
    assert_int_equal(world->answer.failure, TL_MODEL_CUT);
    assert_true(world->answer.was_shown);
    assert_int_equal(script_asked(world->script), 1);
    assert_int_equal(world->answer.message.part_count, 0);
    PLAY(world, {.status = 200, .body = CHUNK("{\"content\":\"sev\"}", "null") EVENT("{\"error\":{\"message\":\"boom\",\"type\":\"server_error\"}}")});
    assert_int_equal(ask(world), TL_MODEL_UNAVAILABLE);
    assert_int_equal(world->answer.failure, TL_MODEL_OVERLOADED);
    assert_non_null(strstr(world->err.detail, "boom"));
}

static void test_an_error_within_a_message_stream_is_told(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    options.tries_max = 1;
    open_model(world, "anthropic", &options);
    PLAY(world, {.status = 200, .body = NAMED("error", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}")},
         {.status = 200, .body = NAMED("error", "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\"x\"}}")});
    assert_int_equal(ask(world), TL_MODEL_UNAVAILABLE);
    assert_int_equal(world->answer.failure, TL_MODEL_OVERLOADED);
    assert_int_equal(ask(world), TL_MODEL_FAILED);
    assert_int_equal(world->answer.failure, TL_MODEL_NO_ACCESS);
}

static void test_silence_deadline_and_cancel_end_the_wait(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    options.first_byte_us = 300000;
    options.idle_us = 300000;
    options.tries_max = 1;
    open_model(world, "openai", &options);
    PLAY(world, {.status = 200, .wait_ms = 5000, .body = EVENT("[DONE]")}, {.status = 200, .hold_ms = 5000, .body = CHUNK("{\"content\":\"a\"}", "null")},
         {.status = 200, .hold_ms = 5000, .body = ""});
    int64_t begun_us = tl_clock_monotonic_us();
    assert_int_equal(ask(world), TL_MODEL_UNAVAILABLE);
    assert_int_equal(world->answer.failure, TL_MODEL_SLOW);
    assert_true(tl_clock_monotonic_us() - begun_us < 2000000);
    script_stop(world->script);
    world->script = script_start();
    options = options_of(world);
    options.idle_us = 300000;
    options.tries_max = 1;
    open_model(world, "openai", &options);
    PLAY(world, {.status = 200, .hold_ms = 3000, .body = CHUNK("{\"content\":\"a\"}", "null")});
    assert_int_equal(ask(world), TL_MODEL_UNAVAILABLE);
    assert_int_equal(world->answer.failure, TL_MODEL_SLOW);
    script_stop(world->script);
    world->script = script_start();
    options = options_of(world);
    open_model(world, "openai", &options);
    PLAY(world, {.status = 200, .wait_ms = 3000, .body = EVENT("[DONE]")});
    assert_int_equal(ask_messages(world, &first_message, 1, tl_clock_monotonic_us() + 200000), TL_TIME_EXCEEDED);
    atomic_store(&world->stop, true);
    assert_int_equal(ask(world), TL_CANCELLED);
    assert_int_equal(world->answer.failure, TL_MODEL_INTERRUPTED);
    atomic_store(&world->stop, false);
}

static void test_nobody_at_the_address_is_told_with_host_and_port(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    int port = script_port(world->script);
    script_stop(world->script);
    open_model(world, "openai", &options);
    assert_int_equal(ask(world), TL_MODEL_UNAVAILABLE);
    assert_int_equal(world->answer.failure, TL_MODEL_UNREACHABLE);
    assert_int_equal(world->answer.tries, 3);
    assert_non_null(strstr(world->err.message, tl_arena_printf(world->arena, "127.0.0.1:%d", port)));
    world->script = script_start();
}

/* ---- garbage ---- */

static void test_garbage_is_a_clear_error_whatever_its_kind(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    open_model(world, "openai", &options);
    static const struct script_step steps[] = {
        {.status = 200, .body = EVENT("{\"choices\": [")},
        {.status = 200, .body = EVENT("[1,2,3]")},
        {.status = 200, .body = "data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n"},
        {.status = 200, .type = "text/html", .body = "<html>a proxy's page</html>"},
        {.status = 200, .type = "application/json", .body = "{\"choices\":"},
        {.status = 200, .type = "application/json", .body = "{\"response\":\"7\"}"},
        {.status = 200, .body = CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\\u0000b\",\"function\":{\"name\":\"f\"}}]}", "null")},
    };
    script_play(world->script, steps, sizeof steps / sizeof *steps);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(ask(world), TL_MODEL_FAILED);
        assert_int_equal(world->answer.failure, TL_MODEL_GARBLED);
        assert_int_equal(script_asked(world->script), i + 1);
        assert_int_equal(world->answer.message.part_count, 0);
    }
    /* strange, but no garbage: types that do not fit are as if they were not there */
    PLAY(world, {.status = 200, .body = EVENT("{\"choices\":[{\"delta\":{\"content\":7,\"tool_calls\":{\"a\":1}},\"finish_reason\":1}]}") EVENT("{"
        "\"choices\":9}") EVENT("[DONE]")});
    assert_int_equal(ask(world), TL_OK);
    assert_int_equal(world->answer.message.part_count, 0);
}

static void test_arguments_of_ten_megabytes_and_streams_without_end_stop_at_their_bounds(void **state)
{
    struct world *world = *state;
    enum { SIZE = 10 << 20 };
    struct tl_model_options options = options_of(world);
    open_model(world, "openai", &options);
    struct tl_buf body;
    tl_buf_init(&body, SIZE + 4096);
    tl_buf_adds(&body, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"");
    memset(tl_buf_reserve(&body, SIZE), 'x', SIZE);
    tl_buf_commit(&body, SIZE);
    tl_buf_adds(&body, "\"}}]}}]}\n\n");
    struct script_step big = {.status = 200, .body = body.data, .body_size = body.size};
    script_play(world->script, &big, 1);
    assert_int_equal(ask(world), TL_MODEL_FAILED);
    assert_non_null(strstr(world->err.message, "arguments for \"f\" are longer"));
    tl_buf_done(&body);
    static const struct script_step endless[] = {
        {.status = 200, .repeat = 100000, .body = CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":"
            "\"0123456789012345678901234567\"}}]}", "null")},
        {.status = 200, .repeat = 100000, .body = CHUNK("{\"content\":"
            "\"01234567890123456789012345678901234567890123456789012345678901234567890123456789\"}", "null")},
        {.status = 200, .repeat = 1000000, .body = ": nothing but a comment, again and again, for ever and ever, and nothing but a comment, again and "
            "again, for ever and ever, and nothing "
                                                   "but a comment, again and again, for ever and ever, and nothing but a comment, again and again, "
                                                       "for ever and ever\n"},
        {.status = 200, .repeat = 1000, .body = CHUNK("{\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]}", "null")},
    };
    script_play(world->script, endless, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ask(world), TL_MODEL_FAILED);
        assert_int_equal(world->answer.failure, TL_MODEL_GARBLED);
    }
}

/* ---- configuration ---- */

static enum tl_code try_options(struct world *world, const char *driver, const struct tl_model_options *options)
{
    tl_err_init(&world->err);
    world->model = tl_model_free(world->model);
    return tl_model_new(tl_model_driver_find(driver), options, &world->model, &world->err);
}

static void test_a_key_never_goes_over_a_plain_line_to_another_machine(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    options.base_url = "http://10.1.2.3:8000/v1";
    assert_int_equal(try_options(world, "openai", &options), TL_CONFIG);
    options.key = "";
    assert_int_equal(try_options(world, "openai", &options), TL_OK);
    options.key = KEY; /* not a reference */
    options.base_url = "https://models.example/v1";
    assert_int_equal(try_options(world, "openai", &options), TL_CONFIG);
    assert_null(strstr(world->err.message, KEY));
    options.key = "env:TL_TEST_MODEL_KEY";
    assert_int_equal(try_options(world, "openai", &options), TL_OK);
    assert_string_equal(tl_model_host(world->model), "models.example");
    options.base_url = "https://user:word@models.example/v1";
    assert_int_equal(try_options(world, "openai", &options), TL_CONFIG);
    assert_null(strstr(world->err.message, "word@"));
    options.base_url = "";
    assert_int_equal(try_options(world, "openai", &options), TL_CONFIG);
    assert_int_equal(try_options(world, "anthropic", &options), TL_OK);
    assert_string_equal(tl_model_host(world->model), "api.anthropic.com");
    assert_null(tl_model_driver_find("something"));
}

static void test_a_key_that_is_missing_or_could_break_a_header_is_not_sent(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    static const char *const bad[] = {"a\r\nX-Evil: 1", "a b", ""};
    PLAY(world, {.status = 200, .body = EVENT("[DONE]")});
    open_model(world, "openai", &options);
    for (size_t i = 0; i < 3; i++) {
        setenv("TL_TEST_MODEL_KEY", bad[i], 1);
        assert_int_equal(ask(world), TL_MODEL_FAILED);
        assert_int_equal(world->answer.failure, TL_MODEL_NO_ACCESS);
    }
    unsetenv("TL_TEST_MODEL_KEY");
    assert_int_equal(ask(world), TL_MODEL_FAILED);
    assert_int_equal(script_asked(world->script), 0);
    setenv("TL_TEST_MODEL_KEY", KEY, 1);
    assert_int_equal(ask(world), TL_OK);
}

static void test_a_check_asks_once_in_a_while_however_often_it_is_wanted(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    open_model(world, "openai", &options);
    PLAY(world, {.status = 401, .type = "application/json", .body = "{}"}, {.status = 200, .body = EVENT("[DONE]")});
    for (int i = 0; i < 5; i++) {
        tl_err_init(&world->err);
        assert_int_equal(tl_model_check(world->model, world->arena, tl_clock_monotonic_us() + 5000000, &world->err), TL_MODEL_FAILED);
    }
    assert_int_equal(script_asked(world->script), 1);
}

/* ---- recorded ---- */

static void test_what_was_recorded_is_given_again_without_the_model(void **state)
{
    struct world *world = *state;
    struct tl_model_options options = options_of(world);
    char path[] = "/tmp/townlake-transcript-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    options.record = path;
    open_model(world, "openai", &options);
    PLAY(world, {.status = 200, .body = CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"q\\\":"
        "\\\"\\\\u00e9\\\"}\"}}]}", "\"tool_calls\"") EVENT("[DONE]")},
         {.status = 200, .body = CHUNK("{\"content\":\"seven\"}", "\"stop\"") EVENT("[DONE]")});
    assert_int_equal(ask(world), TL_OK);
    struct tl_model_part result = {.kind = TL_MODEL_RESULT, .id = "a", .text = TL_STR("7")};
    struct tl_model_message messages[] = {first_message, world->answer.message, {TL_MODEL_USER, 1, &result}};
    assert_int_equal(ask_messages(world, messages, 3, 0), TL_OK);

    options = options_of(world);
    options.file = path;
    options.base_url = options.key = "";
    open_model(world, "replay", &options);
    assert_int_equal(ask(world), TL_OK);
    assert_int_equal(world->answer.end, TL_MODEL_CALLS);
    assert_call(world, 0, "a", "f", "{\"q\":\"\\u00e9\"}");
    result.text = TL_STR("8"); /* data may differ from the day it was recorded */
    assert_int_equal(ask_messages(world, messages, 3, 0), TL_OK);
    assert_text(part_of(world, 0)->text, "seven");
    assert_string_equal(tl_buf_cstr(&world->shown), "seven|");
    struct tl_model_part other = {.kind = TL_MODEL_TEXT, .text = TL_STR("something else")};
    struct tl_model_message unknown = {TL_MODEL_USER, 1, &other};
    assert_int_equal(ask_messages(world, &unknown, 1, 0), TL_MODEL_FAILED);
    assert_non_null(strstr(world->err.message, "no step 0"));
    assert_int_equal(script_asked(world->script), 2);

    FILE *file = fopen(path, "a");
    fputs("{\"question\":1}\n", file);
    fclose(file);
    assert_int_equal(try_options(world, "replay", &options), TL_CONFIG);
    assert_non_null(strstr(world->err.message, ":3: not a line"));
    unlink(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_chat_stream_gives_text_as_it_comes_calls_side_by_side_and_usage),
        TEST(test_the_chat_request_says_system_tools_and_key_where_they_belong),
        TEST(test_servers_that_speak_it_a_little_differently_are_understood),
        TEST(test_a_message_stream_gives_thinking_text_and_calls_and_thinking_goes_back_as_it_came),
        TEST(test_each_refusal_is_told_apart_and_only_what_may_pass_is_tried_again),
        TEST(test_a_failure_that_passes_is_not_noticed_and_the_provider_says_how_long_to_wait),
        TEST(test_a_stream_that_breaks_off_is_begun_anew_only_while_nothing_was_shown),
        TEST(test_an_error_within_a_message_stream_is_told),
        TEST(test_silence_deadline_and_cancel_end_the_wait),
        TEST(test_nobody_at_the_address_is_told_with_host_and_port),
        TEST(test_garbage_is_a_clear_error_whatever_its_kind),
        TEST(test_arguments_of_ten_megabytes_and_streams_without_end_stop_at_their_bounds),
        TEST(test_a_key_never_goes_over_a_plain_line_to_another_machine),
        TEST(test_a_key_that_is_missing_or_could_break_a_header_is_not_sent),
        TEST(test_a_check_asks_once_in_a_while_however_often_it_is_wanted),
        TEST(test_what_was_recorded_is_given_again_without_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
