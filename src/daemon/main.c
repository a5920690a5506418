/* townlake: one program, several roles.  What serves is here; all else is the command line. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "daemon/audit.h"
#include "daemon/demo.h"
#include "daemon/serve.h"

enum { OPTIONS_MAX = 16, CONFIG_ARENA_MAX = 64 * 1024 * 1024 };

static void init_log(const tl_config *config)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    static const char *const forms[] = {"auto", "json", "human"};
    enum tl_log_level level = TL_LOG_INFO;
    enum tl_log_form form = TL_LOG_AUTO;
    for (int i = 0; i < 4; i++)
        if (strcmp(tl_config_text(config, "log.level"), levels[i]) == 0)
            level = (enum tl_log_level)i;
    for (int i = 0; i < 3; i++)
        if (strcmp(tl_config_text(config, "log.form"), forms[i]) == 0)
            form = (enum tl_log_form)i;
    tl_log_init(2, level, form);
}

static int run_serve(int argc, char **argv)
{
    struct tl_cli_option options[OPTIONS_MAX];
    int option_count = 0, positional_count = 0;
    int status = tl_cli_parse("serve", argc, argv, options, &option_count, OPTIONS_MAX, NULL, &positional_count, 0);
    if (status >= 0)
        return status;
    tl_serve_block_signals();
    struct tl_err err;
    tl_err_init(&err);
    tl_arena *arena = tl_arena_new(CONFIG_ARENA_MAX);
    const tl_config *config = NULL;
    tl_serve *serve = NULL;
    if (tl_config_load(arena, tl_cli_option(options, option_count, "--config", NULL), NULL, &config, &err) == TL_OK) {
        init_log(config);
        struct tl_serve_options serve_options = {.config = config};
        if (tl_serve_start(&serve_options, &serve, &err) == TL_OK) {
            tl_log(TL_LOG_INFO, "daemon", "ready", "url", "%s", tl_serve_url(serve), NULL);
            int number = tl_serve_wait_signal();
            tl_log(TL_LOG_INFO, "daemon", "stopping", "signal", "%d", number, NULL);
            tl_serve_stop(serve);
        }
    }
    if (err.code != TL_OK)
        tl_cli_print_err(&err, NULL);
    tl_arena_free(arena);
    return err.code == TL_OK ? 0 : tl_code_info(err.code)->exit_status;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "help";
    if (strcmp(command, "serve") == 0)
        return run_serve(argc, argv);
    if (strcmp(command, "demo") == 0)
        return tl_demo_main(argc, argv);
    if (strcmp(command, "audit") == 0)
        return tl_audit_main(argc, argv);
    return tl_cli_main(argc, argv);
}
