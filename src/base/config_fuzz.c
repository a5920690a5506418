/* Any bytes as a configuration file: it loads or says why in one message, and what loaded can be walked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_key(void *context, const char *key, const char *value, const char *origin, const char *help)
{
    if (!key || !value || !origin || !help)
        abort();
    ++*(size_t *)context;
}

static void walk(const tl_config *config)
{
    size_t keys = 0;
    tl_config_each(config, count_key, &keys);
    if (keys == 0 || tl_config_int(config, "listen.port") < 0 || tl_config_int(config, "listen.port") > 65535)
        abort();
    const struct tl_config_source *sources;
    size_t count = tl_config_sources(config, &sources);
    for (size_t i = 0; i < count; i++)
        if (!sources[i].name[0] || !sources[i].kind[0])
            abort();
    const struct tl_config_token *tokens;
    count = tl_config_tokens(config, &tokens);
    for (size_t i = 0; i < count; i++)
        if (!tokens[i].user[0] || !tokens[i].token == !tokens[i].sha256)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const environment[] = {"HOME=/home/fuzz", NULL};
    char path[64];
    int file = memfd_create("config", MFD_CLOEXEC);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    tl_arena *arena = tl_arena_new(256 << 20);
    const tl_config *config;
    struct tl_err err;
    tl_err_init(&err);
    enum tl_code code = tl_config_load(arena, path, environment, &config, &err);
    if (code == TL_OK)
        walk(config);
    else if (code != TL_CONFIG || config || !err.message[0] || !tl_utf8_valid(err.detail, strlen(err.detail), NULL))
        abort();
    tl_arena_free(arena);
    close(file);
    return 0;
}
