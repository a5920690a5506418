/* The lists `sources` and `tokens`. */
#include <string.h>

#include "base/config_int.h"

enum { SOURCES_MAX = 1000, TOKENS_MAX = 1000, OPTIONS_MAX = 64, GROUPS_MAX = 256, SHA256_DIGITS = 64 };

static size_t count_members(const struct tl_yaml_node *node)
{
    size_t count = 0;
    for (const struct tl_yaml_node *member = node->first; member; member = member->next)
        count++;
    return count;
}

/* Is `list` a list of at most `most` members?  An empty value is an empty list. */
static bool is_list(struct tl_config_problems *problems, const struct tl_yaml_node *list, const char *name, size_t most)
{
    if (list->kind == TL_YAML_SCALAR && list->text[0] == '\0')
        return false;
    if (list->kind != TL_YAML_LIST) {
        tl_config_problem(problems, list->line, NULL, "\"%s\" must be a list, not %s", name, tl_yaml_kind_name(list->kind));
        return false;
    }
    if (count_members(list) > most) {
        tl_config_problem(problems, list->line, NULL, "\"%s\" has %zu members, the limit is %zu", name, count_members(list), most);
        return false;
    }
    return true;
}

/* The texts of a member of a list into the places given for its keys. */
struct place {
    const char *key;
    const char **text;
    const struct tl_yaml_node **node; /* instead: a list or a map */
};

static const char **place_names(tl_arena *arena, const struct place *places)
{
    size_t count = 0;
    while (places[count].key)
        count++;
    const char **names = TL_NEW_ARRAY(arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        names[i] = places[i].key;
    return names;
}

static void read_places(struct tl_config_problems *problems, const struct tl_yaml_node *map, const char *what, const struct place *places)
{
    if (map->kind != TL_YAML_MAP) {
        tl_config_problem(problems, map->line, NULL, "a %s must be a group of keys, not %s", what, tl_yaml_kind_name(map->kind));
        return;
    }
    for (const struct tl_yaml_node *member = map->first; member; member = member->next) {
        const struct place *place = places;
        while (place->key && strcmp(place->key, member->key) != 0)
            place++;
        if (!place->key)
            tl_config_problem(problems, member->line,
                              tl_config_nearest(problems->arena, member->key, place_names(problems->arena, places)),
                              "a %s has no key \"%s\"", what, member->key);
        else if (place->node)
            *place->node = member;
        else if (member->kind != TL_YAML_SCALAR)
            tl_config_problem(problems, member->line, NULL, "\"%s\" of a %s must be a single value, not %s", member->key, what,
                              tl_yaml_kind_name(member->kind));
        else
            *place->text = member->text;
    }
}

static void read_options(struct tl_config_problems *problems, struct tl_config_source *source, const struct tl_yaml_node *options)
{
    if (!options || (options->kind == TL_YAML_SCALAR && options->text[0] == '\0'))
        return;
    if (options->kind != TL_YAML_MAP) {
        tl_config_problem(problems, options->line, NULL, "\"options\" of a source must be a group of keys, not %s",
                          tl_yaml_kind_name(options->kind));
        return;
    }
    size_t count = count_members(options);
    if (count > OPTIONS_MAX) {
        tl_config_problem(problems, options->line, NULL, "a source has %zu options, the limit is %d", count, OPTIONS_MAX);
        return;
    }
    struct tl_config_pair *pairs = TL_NEW_ARRAY(problems->arena, struct tl_config_pair, count);
    size_t at = 0;
    for (const struct tl_yaml_node *option = options->first; option; option = option->next, at++) {
        if (option->kind != TL_YAML_SCALAR)
            tl_config_problem(problems, option->line, NULL, "option \"%s\" must be a single value, not %s", option->key,
                              tl_yaml_kind_name(option->kind));
        pairs[at] = (struct tl_config_pair){option->key, option->text ? option->text : ""};
    }
    source->options = pairs;
    source->option_count = count;
}

static void check_source(struct tl_config_problems *problems, const struct tl_config *config, const struct tl_config_source *source)
{
    if (!source->name || !source->name[0])
        tl_config_problem(problems, source->line, NULL, "a source has no name");
    else if (!source->kind || !source->kind[0])
        tl_config_problem(problems, source->line, NULL, "source \"%s\" has no kind", source->name);
    for (size_t i = 0; source->name && i < config->source_count; i++)
        if (config->sources[i].name && tl_streq_nocase(config->sources[i].name, source->name))
            tl_config_problem(problems, source->line, NULL, "source \"%s\" is given twice, first in line %d", source->name,
                              config->sources[i].line);
}

void tl_config_read_sources(struct tl_config_problems *problems, struct tl_config *config, const struct tl_yaml_node *list)
{
    if (!is_list(problems, list, "sources", SOURCES_MAX))
        return;
    config->sources = TL_NEW_ARRAY(problems->arena, struct tl_config_source, count_members(list));
    for (const struct tl_yaml_node *member = list->first; member; member = member->next) {
        struct tl_config_source source = {.line = member->line};
        const struct tl_yaml_node *options = NULL;
        const struct place places[] = {
            {"name", &source.name, NULL}, {"kind", &source.kind, NULL}, {"comment", &source.comment, NULL},
            {"options", NULL, &options}, {NULL, NULL, NULL},
        };
        int before = problems->count;
        read_places(problems, member, "source", places);
        read_options(problems, &source, options);
        if (problems->count == before)
            check_source(problems, config, &source);
        config->sources[config->source_count++] = source;
    }
}

static void read_groups(struct tl_config_problems *problems, struct tl_config_token *token, const struct tl_yaml_node *groups)
{
    if (!groups || !is_list(problems, groups, "groups", GROUPS_MAX))
        return;
    const char **names = TL_NEW_ARRAY(problems->arena, const char *, count_members(groups));
    for (const struct tl_yaml_node *group = groups->first; group; group = group->next) {
        if (group->kind != TL_YAML_SCALAR || group->text[0] == '\0')
            tl_config_problem(problems, group->line, NULL, "a group must be a name");
        else
            names[token->group_count++] = group->text;
    }
    token->groups = names;
}

static bool is_sha256(const char *text)
{
    return strlen(text) == SHA256_DIGITS && strspn(text, "0123456789abcdefABCDEF") == SHA256_DIGITS;
}

static void check_token(struct tl_config_problems *problems, const struct tl_config_token *token)
{
    if (!token->user || !token->user[0])
        tl_config_problem(problems, token->line, NULL, "a token has no user");
    else if (!token->token == !token->sha256)
        tl_config_problem(problems, token->line, NULL, "the token of user \"%s\" needs either \"token\" or \"sha256\"", token->user);
    else if (token->token && !token->token[0])
        tl_config_problem(problems, token->line, NULL, "the token of user \"%s\" is empty", token->user);
    else if (token->sha256 && !is_sha256(token->sha256))
        tl_config_problem(problems, token->line, NULL, "\"sha256\" of user \"%s\" must be %d hexadecimal digits", token->user,
                          SHA256_DIGITS);
}

void tl_config_read_tokens(struct tl_config_problems *problems, struct tl_config *config, const struct tl_yaml_node *list)
{
    if (!is_list(problems, list, "tokens", TOKENS_MAX))
        return;
    config->tokens = TL_NEW_ARRAY(problems->arena, struct tl_config_token, count_members(list));
    for (const struct tl_yaml_node *member = list->first; member; member = member->next) {
        struct tl_config_token token = {.line = member->line};
        const struct tl_yaml_node *groups = NULL;
        const struct place places[] = {
            {"user", &token.user, NULL}, {"token", &token.token, NULL}, {"sha256", &token.sha256, NULL},
            {"groups", NULL, &groups}, {NULL, NULL, NULL},
        };
        int before = problems->count;
        read_places(problems, member, "token", places);
        read_groups(problems, &token, groups);
        if (problems->count == before)
            check_token(problems, &token);
        config->tokens[config->token_count++] = token;
    }
}
