#include "sources/postgres/options.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/config.h"

const struct tl_source_option tl_postgres_option_table[] = {
    {"host", "localhost", false, false, "name or address of the server, or the folder of its Unix socket"},
    {"port", "5432", false, false, "TCP port"},
    {"database", NULL, true, false, "database to read"},
    {"user", NULL, true, false, "role to connect as; it needs USAGE on schemas and SELECT on tables, nothing more"},
    {"password", NULL, false, true, "password of the role"},
    {"sslmode", "prefer", false, false, "disable, allow, prefer, require, verify-ca or verify-full"},
    {"sslrootcert", NULL, false, false, "file with the certificate authorities to trust (verify-ca, verify-full)"},
    {"schemas", NULL, false, false, "schemas to show, separated by commas; all but the system's when not set"},
    {"connections_max", "8", false, false, "connections open at once, at most"},
    {"statement_timeout", "0", false, false,
     "longest read at the server, e.g. 5m; 0 = as long as the statement may run"},
    {"connect_timeout", "5s", false, false, "longest time to connect"},
    {"application_name", "townlake", false, false, "shown in pg_stat_activity"},
    {"numeric_as", "text", false, false,
     "numeric without precision becomes text (exact), double (rounded) or decimal(p,s) (what does not fit fails)"},
    {"columns_as_text", NULL, false, false,
     "columns to carry as text, as schema.table.column separated by commas: for values that have no place in the column's type here"},
    {0},
};

enum { TIMEOUT_HOURS_MAX = 24 * 30, TEXT_MAX = 1024 };

static enum tl_code invalid(const struct tl_source_config *config, const char *option, struct tl_err *err,
                            const char *wanted)
{
    return tl_err_set(err, TL_INVALID_ARGUMENT, "option \"%s\" of source \"%s\" must be %s", option, config->name,
                      wanted);
}

static bool is_option(const char *name)
{
    for (const struct tl_source_option *option = tl_postgres_option_table; option->name; option++)
        if (tl_streq(option->name, name))
            return true;
    return false;
}

static enum tl_code check_names(const struct tl_source_config *config, struct tl_err *err)
{
    for (size_t i = 0; i < config->option_count; i++) {
        const char *name = config->option_names[i];
        if (is_option(name))
            continue;
        const char *nearest = NULL;
        int best = 3;
        for (const struct tl_source_option *option = tl_postgres_option_table; option->name; option++) {
            int distance = tl_edit_distance(name, option->name, best);
            if (distance < best) {
                best = distance;
                nearest = option->name;
            }
        }
        tl_err_set(err, TL_INVALID_ARGUMENT, "source \"%s\" of kind postgres has no option \"%s\"", config->name, name);
        if (nearest)
            tl_err_hint(err, "did you mean \"%s\"?", nearest);
        return TL_INVALID_ARGUMENT;
    }
    return TL_OK;
}

/* The value given, else the fallback; a missing required one is an error.  An empty value is none. */
static enum tl_code text_of(tl_arena *arena, const struct tl_source_config *config, const char *name,
                            const char **ret_text, struct tl_err *err)
{
    const struct tl_source_option *option = tl_postgres_option_table;
    while (!tl_streq(option->name, name))
        option++;
    const char *value = tl_source_config_get(config, name);
    if (!value || !*value)
        value = option->fallback;
    if (!value && option->required)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "option \"%s\" of source \"%s\" is missing: %s", name, config->name,
                          option->help);
    if (value && strlen(value) > TEXT_MAX && !option->secret)
        return invalid(config, name, err, "shorter");
    *ret_text = tl_arena_strdup(arena, value);
    return TL_OK;
}

static bool parse_int(const char *text, long least, long most, int *ret_number)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    long number = strtol(text, &end, 10);
    if (*end || number < least || number > most)
        return false;
    *ret_number = (int)number;
    return true;
}

static bool parse_duration(const char *text, int64_t *ret_us)
{
    if (tl_streq(text, "0")) {
        *ret_us = 0;
        return true;
    }
    return tl_parse_duration_us(text, ret_us) && *ret_us >= 0 && *ret_us <= INT64_C(3600000000) * TIMEOUT_HOURS_MAX;
}

static bool is_sslmode(const char *text)
{
    static const char *const modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (tl_streq(text, modes[i]))
            return true;
    return false;
}

static bool parse_numeric_as(const char *text, struct tl_postgres_options *options)
{
    int used = 0;
    if (tl_streq(text, "text")) {
        options->numeric_as = TL_POSTGRES_NUMERIC_AS_TEXT;
        return true;
    }
    if (tl_streq(text, "double")) {
        options->numeric_as = TL_POSTGRES_NUMERIC_AS_DOUBLE;
        return true;
    }
    options->numeric_as = TL_POSTGRES_NUMERIC_AS_DECIMAL;
    return sscanf(text, "decimal(%2d,%2d)%n", &options->numeric_precision, &options->numeric_scale, &used) == 2 &&
           used > 0 && text[used] == '\0' && options->numeric_precision >= 1 && options->numeric_precision <= 38 &&
           options->numeric_scale >= 0 && options->numeric_scale <= options->numeric_precision;
}

static enum tl_code split_names(tl_arena *arena, const struct tl_source_config *config, const char *option,
                                const char *text, const char *const **ret_names, size_t *ret_count, struct tl_err *err)
{
    if (!text)
        return TL_OK;
    const char **names = TL_NEW_ARRAY(arena, const char *, TL_POSTGRES_NAMES_MAX);
    *ret_names = names;
    while (*text) {
        size_t size = strcspn(text, ",");
        struct tl_str name = {text, size};
        while (name.size > 0 && *name.data == ' ')
            name = (struct tl_str){name.data + 1, name.size - 1};
        while (name.size > 0 && name.data[name.size - 1] == ' ')
            name.size--;
        if (name.size == 0 || *ret_count == TL_POSTGRES_NAMES_MAX)
            return invalid(config, option, err, "names separated by commas, at most 256");
        names[(*ret_count)++] = tl_arena_strndup(arena, name.data, name.size);
        text += size + (text[size] == ',');
    }
    return TL_OK;
}

static enum tl_code read_texts(tl_arena *arena, const struct tl_source_config *config,
                               struct tl_postgres_options *options, struct tl_err *err)
{
    const struct {
        const char *name;
        const char **place;
    } texts[] = {
        {"host", &options->host},         {"port", &options->port},
        {"database", &options->database}, {"user", &options->user},
        {"password", &options->password}, {"sslmode", &options->sslmode},
        {"sslrootcert", &options->sslrootcert}, {"application_name", &options->application_name},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        enum tl_code code = text_of(arena, config, texts[i].name, texts[i].place, err);
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

static enum tl_code read_others(tl_arena *arena, const struct tl_source_config *config,
                                struct tl_postgres_options *options, struct tl_err *err)
{
    const char *schemas, *connections, *statement, *connect, *numeric, *text_columns;
    enum tl_code code = text_of(arena, config, "schemas", &schemas, err);
    if (code == TL_OK)
        code = text_of(arena, config, "connections_max", &connections, err);
    if (code == TL_OK)
        code = text_of(arena, config, "statement_timeout", &statement, err);
    if (code == TL_OK)
        code = text_of(arena, config, "connect_timeout", &connect, err);
    if (code == TL_OK)
        code = text_of(arena, config, "numeric_as", &numeric, err);
    if (code == TL_OK)
        code = text_of(arena, config, "columns_as_text", &text_columns, err);
    if (code != TL_OK)
        return code;
    int port;
    if (!parse_int(options->port, 1, 65535, &port))
        return invalid(config, "port", err, "a number from 1 to 65535");
    if (!is_sslmode(options->sslmode))
        return invalid(config, "sslmode", err, "disable, allow, prefer, require, verify-ca or verify-full");
    if (!parse_int(connections, 1, TL_POSTGRES_CONNECTIONS_MAX, &options->connections_max))
        return invalid(config, "connections_max", err, "a number from 1 to 100");
    if (!parse_duration(statement, &options->statement_timeout_us))
        return invalid(config, "statement_timeout", err, "a duration such as \"30s\" or \"5m\", or 0");
    if (!parse_duration(connect, &options->connect_timeout_us) || options->connect_timeout_us == 0)
        return invalid(config, "connect_timeout", err, "a duration such as \"5s\"");
    if (!parse_numeric_as(numeric, options))
        return invalid(config, "numeric_as", err, "\"text\", \"double\" or \"decimal(p,s)\" with p up to 38");
    code = split_names(arena, config, "schemas", schemas, &options->schemas, &options->schema_count, err);
    if (code == TL_OK)
        code = split_names(arena, config, "columns_as_text", text_columns, &options->text_columns,
                           &options->text_column_count, err);
    return code;
}

enum tl_code tl_postgres_options_read(tl_arena *arena, const struct tl_source_config *config,
                                      struct tl_postgres_options *ret_options, struct tl_err *err)
{
    *ret_options = (struct tl_postgres_options){.name = tl_arena_strdup(arena, config->name)};
    enum tl_code code = check_names(config, err);
    if (code == TL_OK)
        code = read_texts(arena, config, ret_options, err);
    if (code == TL_OK)
        code = read_others(arena, config, ret_options, err);
    return code;
}
