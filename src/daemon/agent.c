#include "daemon/agent.h"

#include <math.h>
#include <stdlib.h>

#include "daemon/paths.h"
#include "models/models.h"

static const double money_max = 1e9, millionths = 1e6;
static const int64_t pause_us = 500000;

/* "2.50" in millionths. */
static enum tl_code read_money(const tl_config *config, const char *key, int64_t *ret_money, struct tl_err *err)
{
    const char *text = tl_config_text(config, key);
    char *end;
    double money = strtod(text, &end);
    if (end == text || *end || !isfinite(money) || money < 0 || money > money_max) {
        tl_err_set(err, TL_CONFIG, "%s must be an amount of money, such as 2.50, not \"%s\"", key, text);
        return TL_CONFIG;
    }
    *ret_money = (int64_t)llround(money * millionths);
    return TL_OK;
}

static const char *path_of(tl_arena *arena, const tl_config *config, const char *key)
{
    const char *path = tl_config_text(config, key);
    return path && *path ? tl_absolute_path(arena, path) : "";
}

static enum tl_model_thinking thinking_of(const char *word)
{
    return tl_streq(word, "adaptive")   ? TL_MODEL_THINKING_ADAPTIVE
           : tl_streq(word, "disabled") ? TL_MODEL_THINKING_DISABLED
                                        : TL_MODEL_THINKING_DEFAULT;
}

static enum tl_code open_model(const tl_config *config, tl_arena *arena, const struct tl_model_driver *driver, tl_model **ret_model, struct tl_err *err)
{
    struct tl_model_options options = {
        .base_url = tl_config_text(config, "models.base_url"),
        .name = tl_config_text(config, "models.model"),
        .key = tl_config_text(config, "models.key"),
        .file = path_of(arena, config, "models.transcript"),
        .record = path_of(arena, config, "models.record"),
        .ca_file = path_of(arena, config, "models.ca_file"),
        .whole = !tl_config_bool(config, "models.stream"),
        .answer_tokens = tl_config_int(config, "models.answer_tokens"),
        .thinking = thinking_of(tl_config_text(config, "models.thinking")),
        .connect_us = tl_config_duration_us(config, "models.connect_time"),
        .first_byte_us = tl_config_duration_us(config, "models.first_byte_time"),
        .idle_us = tl_config_duration_us(config, "models.idle_time"),
        .tries_max = (int)tl_config_int(config, "models.tries"),
        .pause_us = pause_us,
    };
    if (read_money(config, "models.input_price", &options.prices.input, err) != TL_OK ||
        read_money(config, "models.cached_price", &options.prices.cached, err) != TL_OK ||
        read_money(config, "models.output_price", &options.prices.output, err) != TL_OK)
        return err->code;
    if (driver == &tl_model_replay && !*options.name)
        options.name = "recorded";
    return tl_model_new(driver, &options, ret_model, err);
}

enum tl_code tl_daemon_agent_open(const tl_config *config, tl_model **ret_model, tl_agent **ret_agent, struct tl_err *err)
{
    const struct tl_model_driver *driver = tl_model_driver_find(tl_config_text(config, "models.provider"));
    struct tl_agent_options options = {
        .budget = {.steps = (int)tl_config_int(config, "models.question_steps"),
                   .time_us = tl_config_duration_us(config, "models.question_time"),
                   .tokens = tl_config_int(config, "models.question_tokens")},
        .questions_max = (int)tl_config_int(config, "models.questions_max"),
        .user_questions_max = (int)tl_config_int(config, "models.user_questions_max"),
        .context_tokens = tl_config_int(config, "models.context_tokens"),
    };
    *ret_model = NULL;
    *ret_agent = NULL;
    if (!driver)
        return TL_OK;
    tl_arena *arena = tl_arena_new(1 << 20);
    enum tl_code code = read_money(config, "models.question_cost", &options.budget.cost, err);
    if (code == TL_OK)
        code = open_model(config, arena, driver, ret_model, err);
    tl_arena_free(arena);
    options.model = *ret_model;
    if (code == TL_OK && (code = tl_agent_new(&options, ret_agent, err)) != TL_OK)
        *ret_model = tl_model_free(*ret_model);
    return code;
}
