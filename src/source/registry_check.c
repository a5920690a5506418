/* Are a source's name and options right? */
#include <stdlib.h>
#include <string.h>

#include "source/registry_int.h"

enum { NEAREST_MAX = 3, VALUE_BYTES_MAX = 64 * 1024 };

static const struct tl_source_driver *const *drivers;
static size_t driver_count;

void tl_registry_set_drivers(const struct tl_source_driver *const *given, size_t count)
{
    drivers = given;
    driver_count = count;
}

const struct tl_source_driver *tl_registry_driver(const char *kind)
{
    for (size_t i = 0; i < driver_count; i++)
        if (tl_streq(drivers[i]->kind, kind))
            return drivers[i];
    return NULL;
}

size_t tl_registry_drivers(const struct tl_source_driver *const **ret_drivers)
{
    *ret_drivers = drivers;
    return driver_count;
}

enum tl_code tl_registry_check_name(const char *name, struct tl_err *err)
{
    static const char *const reserved[] = {"system", "information_schema", "memory", "temp", "pg_catalog", "main"};
    size_t size = name ? strlen(name) : 0;
    if (size == 0 || size >= TL_SOURCE_NAME_MAX || name[0] < 'a' || name[0] > 'z' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != size) {
        tl_err_set(err, TL_INVALID_ARGUMENT, "source name \"%.100s\" cannot be used", name ? name : "");
        tl_err_hint(err, "use 1 to %d lower-case letters, digits and underscores, the first a letter", TL_SOURCE_NAME_MAX - 1);
        return err->code;
    }
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(name, reserved[i]) == 0)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "source name \"%s\" is reserved", name);
    return TL_OK;
}

static enum tl_code unknown_kind(const struct tl_config_source *source, struct tl_err *err)
{
    struct tl_buf kinds;
    tl_buf_init(&kinds, TL_ERR_HINT_MAX / 2);
    for (size_t i = 0; i < driver_count; i++)
        tl_buf_addf(&kinds, "%s%s", i ? ", " : "", drivers[i]->kind);
    tl_err_set(err, TL_INVALID_ARGUMENT, "source \"%.100s\" has the unknown kind \"%.100s\"", source->name, source->kind ? source->kind : "");
    tl_err_hint(err, "kinds are %s", tl_buf_cstr(&kinds));
    tl_buf_done(&kinds);
    return err->code;
}

static const struct tl_source_option *find_option(const struct tl_source_driver *driver, const char *name)
{
    for (const struct tl_source_option *option = driver->options; option && option->name; option++)
        if (strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

static enum tl_code unknown_option(const struct tl_source_driver *driver, const char *source, const char *name, struct tl_err *err)
{
    const char *nearest = NULL;
    int best = NEAREST_MAX + 1;
    for (const struct tl_source_option *option = driver->options; option && option->name; option++) {
        int distance = tl_edit_distance(option->name, name, NEAREST_MAX);
        if (distance < best) {
            best = distance;
            nearest = option->name;
        }
    }
    tl_err_set(err, TL_INVALID_ARGUMENT, "source \"%.100s\" of kind \"%s\" has no option \"%.100s\"", source, driver->kind, name);
    if (nearest)
        tl_err_hint(err, "did you mean \"%s\"?", nearest);
    else
        tl_err_hint(err, "`townlake source add --help` lists the options of each kind");
    return err->code;
}

static enum tl_code check_given(const struct tl_config_source *source, const struct tl_source_driver *driver, size_t index,
                                bool allow_plain_secrets, struct tl_err *err)
{
    const struct tl_config_pair *pair = &source->options[index];
    const struct tl_source_option *option = find_option(driver, pair->name);
    if (!option)
        return unknown_option(driver, source->name, pair->name, err);
    for (size_t i = 0; i < index; i++)
        if (strcmp(source->options[i].name, pair->name) == 0)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "source \"%.100s\" has the option \"%s\" twice", source->name, pair->name);
    if (pair->value && strlen(pair->value) > VALUE_BYTES_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "option \"%s\" of source \"%.100s\" is longer than %d bytes", pair->name, source->name,
                          VALUE_BYTES_MAX);
    if (option->secret && !allow_plain_secrets && pair->value && *pair->value && !tl_config_is_reference(pair->value)) {
        tl_err_set(err, TL_INVALID_ARGUMENT, "option \"%s\" of source \"%.100s\" is secret and was given as plain text", pair->name,
                   source->name);
        tl_err_hint(err, "give \"env:NAME\" or \"file:/path\" that holds it");
        return err->code;
    }
    return TL_OK;
}

enum tl_code tl_registry_check_options(const struct tl_config_source *source, bool allow_plain_secrets, struct tl_err *err)
{
    const struct tl_source_driver *driver = tl_registry_driver(source->kind);
    if (!driver)
        return unknown_kind(source, err);
    if (source->option_count > TL_SOURCE_OPTIONS_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "source \"%.100s\" has more than %d options", source->name, TL_SOURCE_OPTIONS_MAX);
    for (size_t i = 0; i < source->option_count; i++)
        if (check_given(source, driver, i, allow_plain_secrets, err) != TL_OK)
            return err->code;
    for (const struct tl_source_option *option = driver->options; option && option->name; option++) {
        bool given = false;
        for (size_t i = 0; i < source->option_count; i++)
            given = given || (strcmp(source->options[i].name, option->name) == 0 && source->options[i].value && *source->options[i].value);
        if (option->required && !given) {
            tl_err_set(err, TL_INVALID_ARGUMENT, "source \"%.100s\" of kind \"%s\" needs the option \"%s\"", source->name, driver->kind,
                       option->name);
            tl_err_hint(err, "%s", option->help);
            return err->code;
        }
    }
    return TL_OK;
}

static const char *given_value(const struct tl_registry_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->option_count; i++)
        if (strcmp(entry->option_names[i], name) == 0)
            return entry->option_values[i];
    return NULL;
}

enum tl_code tl_registry_resolve(tl_arena *arena, const struct tl_registry_entry *entry, struct tl_source_config *ret_config,
                                 struct tl_err *err)
{
    const struct tl_source_driver *driver = tl_registry_driver(entry->kind);
    if (!driver)
        return unknown_kind(&(struct tl_config_source){.name = entry->name, .kind = entry->kind}, err);
    const char **names = TL_NEW_ARRAY(arena, const char *, TL_SOURCE_OPTIONS_MAX), **values = TL_NEW_ARRAY(arena, const char *, TL_SOURCE_OPTIONS_MAX);
    size_t count = 0;
    for (const struct tl_source_option *option = driver->options; option && option->name && count < TL_SOURCE_OPTIONS_MAX; option++) {
        const char *value = given_value(entry, option->name);
        if (value && option->secret && tl_config_secret(arena, value, &value, err) != TL_OK)
            return err->code;
        if (!value)
            value = option->fallback;
        if (!value)
            continue;
        names[count] = option->name;
        values[count++] = value;
    }
    *ret_config = (struct tl_source_config){entry->name, entry->kind, count, names, values};
    return driver->check ? driver->check(ret_config, err) : TL_OK;
}
