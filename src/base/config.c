#include "base/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config_int.h"

extern char **environ;

enum { PROBLEMS_BYTES_MAX = 64 * 1024, SECRET_BYTES_MAX = 64 * 1024, NEAR = 3, PATH_STEPS_MAX = 8 };

/* --- problems --- */

void tl_config_problem(struct tl_config_problems *problems, int line, const char *hint, const char *format, ...)
{
    struct tl_err text;
    va_list args;
    tl_err_init(&text);
    va_start(args, format);
    tl_err_setv(&text, TL_CONFIG, format, args);
    va_end(args);
    const char *where = line > 0 ? tl_arena_printf(problems->arena, "%s:%d: ", problems->path, line) : "";
    if (problems->count++ == 0) {
        problems->first = tl_arena_printf(problems->arena, "%s%s", where, text.message);
        problems->first_hint = hint;
    }
    tl_buf_addf(&problems->all, "%s%s%s%s%s%s", problems->all.size ? "\n" : "", where, text.message, hint ? " (" : "",
                hint ? hint : "", hint ? ")" : "");
}

const char *tl_config_nearest(tl_arena *arena, const char *name, const char *const *names)
{
    const char *best = NULL;
    int least = NEAR + 1;
    for (; *names; names++) {
        int distance = tl_edit_distance(name, *names, NEAR);
        if (distance < least) {
            least = distance;
            best = *names;
        }
    }
    return best ? tl_arena_printf(arena, "did you mean \"%s\"?", best) : NULL;
}

/* --- keys --- */

static void set_value(struct tl_config_problems *problems, struct tl_config *config, int index, int line, const char *text,
                      const char *origin)
{
    size_t count;
    const struct tl_config_key *key = &tl_config_keys(&count)[index];
    struct tl_config_value value;
    const char *why;
    if (!tl_config_read_value(problems->arena, key, text, &value, &why)) {
        const char *kind = line > 0 ? "key" : "environment variable";
        tl_config_problem(problems, line, NULL, "%s \"%s\" must be %s, not \"%s\"", kind, line > 0 ? key->name : key->environment, why, text);
        return;
    }
    value.origin = origin;
    config->values[index] = value;
}

/* All names a file may have at the level of `prefix`: keys, sections, lists. */
static const char **names_near(tl_arena *arena, const char *prefix)
{
    size_t count, used = 0, prefix_size = strlen(prefix);
    const struct tl_config_key *keys = tl_config_keys(&count);
    const char **names = TL_NEW_ARRAY(arena, const char *, 2 * count + 3);
    for (size_t i = 0; i < count; i++) {
        names[used++] = keys[i].name;
        if (strncmp(keys[i].name, prefix, prefix_size) == 0 && strchr(keys[i].name + prefix_size, '.'))
            names[used++] = tl_arena_strndup(arena, keys[i].name, strcspn(keys[i].name, "."));
    }
    names[used++] = "sources";
    names[used++] = "tokens";
    return names;
}

static bool is_section(const char *name)
{
    size_t count, size = strlen(name);
    const struct tl_config_key *keys = tl_config_keys(&count);
    for (size_t i = 0; i < count; i++)
        if (strncmp(keys[i].name, name, size) == 0 && keys[i].name[size] == '.')
            return true;
    return false;
}

static void read_keys(struct tl_config_problems *problems, struct tl_config *config, const struct tl_yaml_node *map, const char *prefix)
{
    for (const struct tl_yaml_node *node = map->first; node; node = node->next) {
        const char *name = tl_arena_printf(problems->arena, "%s%s", prefix, node->key);
        int index = tl_config_find_key(name);
        if (strcmp(name, "sources") == 0)
            tl_config_read_sources(problems, config, node);
        else if (strcmp(name, "tokens") == 0)
            tl_config_read_tokens(problems, config, node);
        else if (index >= 0 && node->kind == TL_YAML_SCALAR)
            set_value(problems, config, index, node->line, node->text, "file");
        else if (index >= 0)
            tl_config_problem(problems, node->line, NULL, "key \"%s\" must be a single value, not %s", name, tl_yaml_kind_name(node->kind));
        else if (is_section(name) && node->kind == TL_YAML_MAP)
            read_keys(problems, config, node, tl_arena_printf(problems->arena, "%s.", name));
        else if (is_section(name) && (node->kind != TL_YAML_SCALAR || node->text[0] != '\0'))
            tl_config_problem(problems, node->line, NULL, "\"%s\" must be a group of keys, not %s", name, tl_yaml_kind_name(node->kind));
        else if (!is_section(name))
            tl_config_problem(problems, node->line, tl_config_nearest(problems->arena, name, names_near(problems->arena, prefix)),
                              "unknown key \"%s\"", name);
    }
}

static enum tl_code read_file(const char *path, struct tl_buf *text, struct tl_err *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return tl_err_errno(err, TL_CONFIG, errno, "the configuration file \"%s\" cannot be opened", path);
    enum tl_code code = TL_OK;
    for (;;) {
        char *room = tl_buf_reserve(text, 16 * 1024);
        ssize_t got = room ? read(file, room, 16 * 1024) : 0;
        if (got > 0)
            tl_buf_commit(text, (size_t)got);
        else if (got == 0)
            break;
        else if (errno != EINTR) {
            code = tl_err_errno(err, TL_CONFIG, errno, "the configuration file \"%s\" cannot be read", path);
            break;
        }
    }
    close(file);
    if (text->failed || text->size > TL_YAML_BYTES_MAX)
        code = tl_err_set(err, TL_CONFIG, "the configuration file \"%s\" has more than %d bytes", path, TL_YAML_BYTES_MAX);
    return code;
}

static enum tl_code load_file(struct tl_config_problems *problems, struct tl_config *config, struct tl_err *err)
{
    struct tl_buf text;
    struct tl_yaml_node *root = NULL;
    tl_buf_init(&text, TL_YAML_BYTES_MAX + 16 * 1024);
    enum tl_code code = read_file(problems->path, &text, err);
    if (code == TL_OK)
        code = tl_yaml_parse(problems->arena, problems->path, (struct tl_str){tl_buf_cstr(&text), text.size}, &root, err);
    tl_buf_done(&text);
    if (code != TL_OK || !root || (root->kind == TL_YAML_SCALAR && root->text[0] == '\0'))
        return code;
    if (root->kind != TL_YAML_MAP)
        return tl_err_set(err, TL_CONFIG, "%s:%d: the file must be a group of keys, not %s", problems->path, root->line,
                          tl_yaml_kind_name(root->kind));
    read_keys(problems, config, root, "");
    return TL_OK;
}

static const char *find_variable(const char *const *environment, const char *name)
{
    size_t size = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment + size + 1;
    return NULL;
}

/* A variable that is one slip away from a key's is a slip: other TOWNLAKE_ variables belong to clients and secrets. */
static void find_slips(struct tl_config_problems *problems, const char *const *environment)
{
    size_t count;
    const struct tl_config_key *keys = tl_config_keys(&count);
    for (; *environment; environment++) {
        const char *sign = strchr(*environment, '=');
        if (strncmp(*environment, "TOWNLAKE_", 9) != 0 || !sign || sign[1] == '\0')
            continue;
        const char *name = tl_arena_strndup(problems->arena, *environment, (size_t)(sign - *environment));
        for (size_t i = 0; i < count; i++) {
            int distance = tl_edit_distance(name, keys[i].environment, 1);
            if (distance == 0)
                break;
            if (distance == 1)
                tl_config_problem(problems, 0, tl_arena_printf(problems->arena, "did you mean %s?", keys[i].environment),
                                  "unknown environment variable \"%s\"", name);
        }
    }
}

static void load_environment(struct tl_config_problems *problems, struct tl_config *config, const char *const *environment)
{
    size_t count;
    const struct tl_config_key *keys = tl_config_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const char *text = find_variable(environment, keys[i].environment);
        if (text && text[0] != '\0')
            set_value(problems, config, (int)i, 0, text, "environment");
    }
    find_slips(problems, environment);
}

/* ~/ and {another.key} at the start of paths, once all values are known. */
static const char *resolve_path(struct tl_config_problems *problems, const struct tl_config *config, const char *path, const char *home, int steps)
{
    const char *end = path[0] == '{' ? strchr(path, '}') : NULL;
    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
        if (home)
            return tl_arena_printf(problems->arena, "%s%s", home, path + 1);
        tl_config_problem(problems, 0, NULL, "path \"%s\" needs the environment variable HOME, which is not set", path);
        return path;
    }
    if (!end || steps >= PATH_STEPS_MAX)
        return path;
    int index = tl_config_find_key(tl_arena_strndup(problems->arena, path + 1, (size_t)(end - path - 1)));
    if (index < 0) {
        tl_config_problem(problems, 0, NULL, "path \"%s\" names no key", path);
        return path;
    }
    const char *start = resolve_path(problems, config, config->values[index].text, home, steps + 1);
    return tl_arena_printf(problems->arena, "%s%s", start, end + 1);
}

static void resolve_paths(struct tl_config_problems *problems, struct tl_config *config, const char *home)
{
    size_t count;
    const struct tl_config_key *keys = tl_config_keys(&count);
    for (size_t i = 0; i < count; i++)
        if (keys[i].type == TL_CONFIG_PATH)
            config->values[i].text = resolve_path(problems, config, config->values[i].text, home, 0);
}

static enum tl_code report(struct tl_config_problems *problems, struct tl_err *err)
{
    if (problems->count == 0)
        return TL_OK;
    tl_err_set(err, TL_CONFIG, "%s", problems->first);
    if (problems->first_hint)
        tl_err_hint(err, "%s", problems->first_hint);
    if (problems->count > 1)
        tl_err_detail(err, "%d problems:\n%s", problems->count, tl_buf_cstr(&problems->all));
    return TL_CONFIG;
}

enum tl_code tl_config_load(tl_arena *arena, const char *path, const char *const *environment, const tl_config **ret_config,
                            struct tl_err *err)
{
    size_t count;
    tl_config_keys(&count);
    const char *const *variables = environment ? environment : (const char *const *)environ;
    struct tl_config *config = TL_NEW(arena, struct tl_config);
    struct tl_config_problems problems = {.arena = arena, .path = path};
    *ret_config = NULL;
    tl_buf_init(&problems.all, PROBLEMS_BYTES_MAX);
    config->values = TL_NEW_ARRAY(arena, struct tl_config_value, count);
    for (size_t i = 0; i < count; i++)
        set_value(&problems, config, (int)i, 0, tl_config_keys(&count)[i].fallback, "default");
    assert(problems.count == 0); /* the defaults are right */
    enum tl_code code = path ? load_file(&problems, config, err) : TL_OK;
    if (code == TL_OK) {
        load_environment(&problems, config, variables);
        resolve_paths(&problems, config, find_variable(variables, "HOME"));
        code = report(&problems, err);
    }
    if (code == TL_OK)
        code = tl_arena_check(arena, "configuration", err);
    tl_buf_done(&problems.all);
    if (code == TL_OK)
        *ret_config = config;
    return code;
}

/* --- reading --- */

static const struct tl_config_value *value_of(const tl_config *config, const char *key, unsigned types)
{
    size_t count;
    int index = tl_config_find_key(key);
    assert(index >= 0);
    assert(types >> tl_config_keys(&count)[index].type & 1);
    (void)types;
    return &config->values[index];
}

const char *tl_config_text(const tl_config *config, const char *key)
{
    return value_of(config, key, 1U << TL_CONFIG_TEXT | 1U << TL_CONFIG_PATH | 1U << TL_CONFIG_CHOICE)->text;
}

bool tl_config_bool(const tl_config *config, const char *key)
{
    return value_of(config, key, 1U << TL_CONFIG_BOOL)->number != 0;
}

int64_t tl_config_int(const tl_config *config, const char *key)
{
    return value_of(config, key, 1U << TL_CONFIG_INT)->number;
}

int64_t tl_config_size_bytes(const tl_config *config, const char *key)
{
    return value_of(config, key, 1U << TL_CONFIG_SIZE)->number;
}

int64_t tl_config_duration_us(const tl_config *config, const char *key)
{
    return value_of(config, key, 1U << TL_CONFIG_DURATION)->number;
}

size_t tl_config_sources(const tl_config *config, const struct tl_config_source **ret_sources)
{
    *ret_sources = config->sources;
    return config->source_count;
}

size_t tl_config_tokens(const tl_config *config, const struct tl_config_token **ret_tokens)
{
    *ret_tokens = config->tokens;
    return config->token_count;
}

void tl_config_each(const tl_config *config,
                    void (*each)(void *context, const char *key, const char *value, const char *origin, const char *help), void *context)
{
    size_t count;
    const struct tl_config_key *keys = tl_config_keys(&count);
    for (size_t i = 0; i < count; i++)
        each(context, keys[i].name, config->values[i].text, config->values[i].origin, keys[i].help);
}

/* --- secrets --- */

bool tl_config_is_reference(const char *value)
{
    return strncmp(value, "env:", 4) == 0 || strncmp(value, "file:", 5) == 0;
}

static enum tl_code secret_of_file(tl_arena *arena, const char *reference, const char **ret_secret, struct tl_err *err)
{
    int file = open(reference + 5, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return tl_err_errno(err, TL_CONFIG, errno, "the secret \"%s\" cannot be opened", reference);
    char *bytes = tl_arena_alloc(arena, SECRET_BYTES_MAX + 2);
    size_t size = 0;
    ssize_t got = 1;
    while (size <= SECRET_BYTES_MAX && got != 0) {
        got = read(file, bytes + size, SECRET_BYTES_MAX + 1 - size);
        if (got < 0 && errno != EINTR)
            break;
        size += got > 0 ? (size_t)got : 0;
    }
    int read_errno = errno;
    close(file);
    if (got < 0)
        return tl_err_errno(err, TL_CONFIG, read_errno, "the secret \"%s\" cannot be read", reference);
    if (size > SECRET_BYTES_MAX)
        return tl_err_set(err, TL_CONFIG, "the secret \"%s\" has more than %d bytes", reference, SECRET_BYTES_MAX);
    if (size > 0 && bytes[size - 1] == '\n')
        bytes[--size] = '\0';
    if (memchr(bytes, '\0', size))
        return tl_err_set(err, TL_CONFIG, "the secret \"%s\" holds a NUL byte", reference);
    *ret_secret = bytes;
    return TL_OK;
}

enum tl_code tl_config_secret(tl_arena *arena, const char *reference, const char **ret_secret, struct tl_err *err)
{
    *ret_secret = NULL;
    if (strncmp(reference, "file:", 5) == 0)
        return secret_of_file(arena, reference, ret_secret, err);
    if (strncmp(reference, "env:", 4) != 0) {
        *ret_secret = tl_arena_strdup(arena, reference);
        return TL_OK;
    }
    const char *value = getenv(reference + 4);
    if (!value)
        return tl_err_set(err, TL_CONFIG, "the secret \"%s\" is not there: the environment variable is not set", reference);
    *ret_secret = tl_arena_strdup(arena, value);
    return TL_OK;
}
