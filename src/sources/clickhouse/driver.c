/* Options, opening, the table of calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "sources/clickhouse/spell.h"

enum { SOURCE_ARENA_BYTES = 16 * 1024 * 1024, CONNECTIONS_MAX = 1000 };

static const struct tl_source_option options[] = {
    {"host", NULL, true, false, "host name or address of the server"},
    {"port", "8123", false, false, "port of the HTTP interface (8443 is usual with TLS)"},
    {"secure", "false", false, false, "true: HTTPS, with the server's certificate checked"},
    {"ca_file", NULL, false, false, "file with the certificates to trust, PEM (default: the system's)"},
    {"user", "default", false, false, "user of the server; one that may only read is enough (readonly = 2)"},
    {"password", "", false, true, "password of the user"},
    {"schemas", NULL, false, false, "databases to show, separated by commas (default: all but the server's own)"},
    {"strings_as", "text", false, false, "text: String is VARCHAR and must be UTF-8; blob: String is BLOB"},
    {"blob_columns", NULL, false, false, "columns to read as BLOB, as database.table.column, separated by commas"},
    {"columns_as_text", NULL, false, false,
     "columns to read as ClickHouse's text of their values, as database.table.column, separated by commas"},
    {"compress", "none", false, false, "none, or lz4: less network, more work"},
    {"connections_max", "100", false, false, "connections at once; every scan of a statement needs one"},
    {0},
};

static enum tl_code invalid(struct tl_err *err, const char *name, const char *why)
{
    return tl_err_set(err, TL_INVALID_ARGUMENT, "option \"%s\" of a clickhouse source %s", name, why);
}

/* The value given, else the fallback. */
static const char *value_of(const struct tl_source_config *config, const char *name)
{
    const char *value = tl_source_config_get(config, name);
    for (const struct tl_source_option *option = options; !value && option->name; option++)
        if (tl_streq(option->name, name))
            return option->fallback;
    return value;
}

static bool read_number(const char *text, long high, long *ret_number)
{
    char *end;
    *ret_number = strtol(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == 0 && *ret_number >= 1 && *ret_number <= high;
}

static bool has_line_break(const char *text)
{
    return text && strpbrk(text, "\r\n");
}

static bool is_one_of(const char *value, const char *a, const char *b)
{
    return tl_streq(value, a) || tl_streq(value, b);
}

static enum tl_code check_name(const struct tl_source_config *config, const char *name, struct tl_err *err)
{
    for (const struct tl_source_option *option = options; option->name; option++)
        if (tl_streq(option->name, name))
            return TL_OK;
    tl_err_set(err, TL_INVALID_ARGUMENT, "source \"%s\" has an unknown option \"%s\"", config->name, name);
    const char *nearest = NULL;
    int best = 4;
    for (const struct tl_source_option *option = options; option->name; option++) {
        int distance = tl_edit_distance(option->name, name, best);
        if (distance < best) {
            best = distance;
            nearest = option->name;
        }
    }
    if (nearest)
        tl_err_hint(err, "did you mean \"%s\"?", nearest);
    return TL_INVALID_ARGUMENT;
}

static enum tl_code check(const struct tl_source_config *config, struct tl_err *err)
{
    long number;
    for (size_t i = 0; i < config->option_count; i++) {
        enum tl_code code = check_name(config, config->option_names[i], err);
        if (code != TL_OK)
            return code;
    }
    const char *host = value_of(config, "host");
    if (!host || !host[0])
        return invalid(err, "host", "is missing");
    if (strpbrk(host, "/?#@ \r\n\t"))
        return invalid(err, "host", "is not a host name");
    if (!read_number(value_of(config, "port"), 65535, &number))
        return invalid(err, "port", "must be a number from 1 to 65535");
    if (!read_number(value_of(config, "connections_max"), CONNECTIONS_MAX, &number))
        return invalid(err, "connections_max", "must be a number from 1 to 1000");
    if (!is_one_of(value_of(config, "secure"), "true", "false"))
        return invalid(err, "secure", "must be true or false");
    if (!is_one_of(value_of(config, "strings_as"), "text", "blob"))
        return invalid(err, "strings_as", "must be text or blob");
    if (!is_one_of(value_of(config, "compress"), "none", "lz4"))
        return invalid(err, "compress", "must be none or lz4");
    if (has_line_break(value_of(config, "user")) || has_line_break(value_of(config, "password")))
        return invalid(err, "user", "and \"password\" cannot hold line breaks");
    return TL_OK;
}

/* "a, b" -> {"a", "b", NULL}; NULL when nothing is named. */
static const char **split(tl_arena *arena, const char *text)
{
    size_t count = 0;
    if (!text)
        return NULL;
    const char **names = TL_NEW_ARRAY(arena, const char *, TL_CLICKHOUSE_NAMES_MAX + 1);
    while (*text && count < TL_CLICKHOUSE_NAMES_MAX) {
        size_t size = strcspn(text, ","), start = 0, end = size;
        while (start < end && text[start] == ' ')
            start++;
        while (end > start && text[end - 1] == ' ')
            end--;
        if (end > start)
            names[count++] = tl_arena_strndup(arena, text + start, end - start);
        text += size + (text[size] == ',');
    }
    return count ? names : NULL;
}

static void set_headers(tl_source *source, const char *user, const char *password)
{
    source->headers = TL_NEW_ARRAY(source->arena, const char *, 4);
    source->headers[0] = "Content-Type: text/plain; charset=UTF-8";
    source->headers[1] = tl_arena_printf(source->arena, "X-ClickHouse-User: %s", user);
    if (password && password[0])
        source->headers[2] = tl_arena_printf(source->arena, "X-ClickHouse-Key: %s", password);
}

static enum tl_code open_source(const struct tl_source_config *config, tl_source **ret_source, struct tl_err *err)
{
    long connections;
    enum tl_code code = check(config, err);
    if (code != TL_OK)
        return code;
    tl_arena *arena = tl_arena_new(SOURCE_ARENA_BYTES);
    tl_source *source = TL_NEW(arena, tl_source);
    const char *host = value_of(config, "host"), *port = value_of(config, "port");
    bool secure = tl_streq(value_of(config, "secure"), "true"), address = strchr(host, ':') && host[0] != '[';
    source->arena = arena;
    source->name = tl_arena_strdup(arena, config->name);
    source->where = tl_arena_printf(arena, address ? "[%s]:%s" : "%s:%s", host, port);
    source->url = tl_arena_printf(arena, "%s://%s/?", secure ? "https" : "http", source->where);
    source->ca_file = tl_arena_strdup(arena, value_of(config, "ca_file"));
    source->compress = tl_streq(value_of(config, "compress"), "lz4");
    source->strings_as_blob = tl_streq(value_of(config, "strings_as"), "blob");
    source->schemas = split(arena, value_of(config, "schemas"));
    source->blob_columns = split(arena, value_of(config, "blob_columns"));
    source->text_columns = split(arena, value_of(config, "columns_as_text"));
    set_headers(source, value_of(config, "user"), value_of(config, "password"));
    read_number(value_of(config, "connections_max"), CONNECTIONS_MAX, &connections);
    source->http = tl_http_client_new((int)connections);
    /* query ids must differ between processes as well */
    atomic_init(&source->queries, (unsigned)tl_clock_wall_us() ^ (unsigned)getpid() << 16);
    *ret_source = source;
    return TL_OK;
}

static void close_source(tl_source *source)
{
    if (!source)
        return;
    tl_http_client_free(source->http);
    tl_arena_free(source->arena);
}

static enum tl_code each_version(void *context, const struct tl_str *texts, struct tl_err *err)
{
    struct tl_str *version = context;
    (void)err;
    if (!tl_utf8_valid(texts[0].data, texts[0].size, NULL))
        return TL_OK;
    version->size = texts[0].size < version->size ? texts[0].size : version->size;
    memcpy((char *)(uintptr_t)version->data, texts[0].data, version->size);
    return TL_OK;
}

static enum tl_code test(tl_source *source, const struct tl_stop *stop, tl_arena *arena, const char **ret_version,
                         struct tl_err *err)
{
    char text[128] = {0};
    struct tl_str version = {text, sizeof text - 1};
    enum tl_code code = tl_clickhouse_select(source, TL_STR("SELECT version() FORMAT Native"), 1, stop, each_version,
                                             &version, err);
    if (code != TL_OK)
        return tl_clickhouse_named(source, false, err);
    *ret_version = tl_arena_printf(arena, "ClickHouse %s", text);
    return TL_OK;
}

const struct tl_source_driver tl_source_driver_clickhouse = {
    .kind = "clickhouse",
    .summary = "ClickHouse, over its HTTP interface",
    .mode = TL_SOURCE_SCANS,
    .options = options,
    .check = check,
    .open = open_source,
    .close = close_source,
    .test = test,
    .list = tl_clickhouse_list,
    .describe = tl_clickhouse_describe,
    .can_push = tl_clickhouse_can_push,
    .can_push_order = tl_clickhouse_can_push_order,
    .derive = tl_clickhouse_derive,
    .scan_open = tl_clickhouse_scan_open,
    .part_open = tl_clickhouse_part_open,
    .part_next = tl_clickhouse_part_next,
    .part_close = tl_clickhouse_part_close,
    .scan_close = tl_clickhouse_scan_close,
};
