#include "data/schema.h"

#include <stdio.h>
#include <string.h>

/* Where in the value we are: "data[3].name".  What does not fit is left out at the end. */
struct place {
    char text[TL_SCHEMA_PATH_MAX];
    size_t size;
    int depth;
};

struct check {
    struct place place;
    struct tl_err *err;
};

static enum tl_code check_value(struct check *check, const tl_json *schema, const tl_json *value);

static void enter(struct place *place, const char *name, size_t index)
{
    char step[TL_SCHEMA_PATH_MAX];
    int size = name ? snprintf(step, sizeof step, "%s%s", place->size ? "." : "", name) : snprintf(step, sizeof step, "[%zu]", index);
    size_t kept = size > 0 && (size_t)size < sizeof step ? (size_t)size : sizeof step - 1;
    if (place->size + kept >= sizeof place->text)
        kept = sizeof place->text - 1 - place->size;
    memcpy(place->text + place->size, step, kept);
    place->size += kept;
    place->text[place->size] = '\0';
    place->depth++;
}

static void leave(struct place *place, size_t size)
{
    place->size = size;
    place->text[size] = '\0';
    place->depth--;
}

static const char *name_of(const struct check *check)
{
    return check->place.size ? check->place.text : "the arguments";
}

static enum tl_code wrong_schema(struct check *check, const char *what)
{
    return tl_err_set(check->err, TL_INTERNAL, "the schema of %s: %.100s", name_of(check), what);
}

/* ---- types ---- */

static bool is_integer(const tl_json *value)
{
    int64_t number;
    uint64_t natural;
    return tl_json_int64(value, &number) || tl_json_uint64(value, &natural);
}

static const struct type {
    const char *name, *words;
    bool (*is)(const tl_json *value);
} types[] = {
    {"string", "a text", tl_json_is_string},    {"integer", "a whole number", is_integer}, {"number", "a number", tl_json_is_number},
    {"boolean", "true or false", tl_json_is_bool}, {"array", "a list", tl_json_is_array},  {"object", "an object", tl_json_is_object},
    {"null", "null", tl_json_is_null},
};
enum { TYPES = sizeof types / sizeof *types, WORDS_MAX = 256 };

static const struct type *find_type(const char *name)
{
    for (size_t i = 0; name && i < TYPES; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

static const char *words_of_value(const tl_json *value)
{
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].is(value))
            return types[i].words;
    return "nothing";
}

static enum tl_code wrong_type(struct check *check, const char *wanted, const tl_json *value)
{
    return tl_err_set(check->err, TL_INVALID_ARGUMENT, "%s: expected %s, got %s", name_of(check), wanted, words_of_value(value));
}

static enum tl_code check_type(struct check *check, const tl_json *wanted, const tl_json *value)
{
    char words[WORDS_MAX] = "";
    size_t used = 0;
    if (tl_json_is_string(wanted)) {
        const struct type *type = find_type(tl_json_text(wanted));
        return !type ? wrong_schema(check, "unknown type") : type->is(value) ? TL_OK : wrong_type(check, type->words, value);
    }
    if (!tl_json_is_array(wanted) || tl_json_count(wanted) == 0)
        return wrong_schema(check, "\"type\" is neither a name nor a list");
    for (struct tl_json_iter it = tl_json_iter(wanted); tl_json_next(&it);) {
        const struct type *type = find_type(tl_json_text(it.value));
        if (!type)
            return wrong_schema(check, "unknown type");
        if (type->is(value))
            return TL_OK;
        int size = snprintf(words + used, sizeof words - used, "%s%s", used ? " or " : "", type->words);
        used = size > 0 && used + (size_t)size < sizeof words ? used + (size_t)size : used;
    }
    return wrong_type(check, words, value);
}

/* ---- sizes ---- */

static size_t characters(struct tl_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
}

static enum tl_code check_size(struct check *check, const tl_json *schema, const tl_json *value)
{
    bool text = tl_json_is_string(value), list = tl_json_is_array(value);
    int64_t least = 0, most = INT64_MAX;
    if (!text && !list)
        return TL_OK;
    tl_json_int64(tl_json_get(schema, text ? "minLength" : "minItems"), &least);
    tl_json_int64(tl_json_get(schema, text ? "maxLength" : "maxItems"), &most);
    int64_t size = (int64_t)(text ? characters(tl_json_str(value)) : tl_json_count(value));
    const char *unit = text ? "characters" : "items";
    if (size < least)
        return tl_err_set(check->err, TL_INVALID_ARGUMENT, "%s: expected at least %lld %s, got %lld", name_of(check), (long long)least, unit, (long long)size);
    if (size > most)
        return tl_err_set(check->err, TL_INVALID_ARGUMENT, "%s: expected at most %lld %s, got %lld", name_of(check), (long long)most, unit, (long long)size);
    return TL_OK;
}

static enum tl_code check_range(struct check *check, const tl_json *schema, const tl_json *value)
{
    double number, bound;
    if (!tl_json_double(value, &number))
        return TL_OK;
    if (tl_json_double(tl_json_get(schema, "minimum"), &bound) && !(number >= bound))
        return tl_err_set(check->err, TL_INVALID_ARGUMENT, "%s: expected %g or more, got %g", name_of(check), bound, number);
    if (tl_json_double(tl_json_get(schema, "maximum"), &bound) && !(number <= bound))
        return tl_err_set(check->err, TL_INVALID_ARGUMENT, "%s: expected %g or less, got %g", name_of(check), bound, number);
    return TL_OK;
}

static enum tl_code check_enum(struct check *check, const tl_json *choices, const tl_json *value)
{
    char words[WORDS_MAX] = "";
    size_t used = 0;
    if (!choices || !tl_json_is_string(value))
        return TL_OK;
    for (struct tl_json_iter it = tl_json_iter(choices); tl_json_next(&it);) {
        if (tl_str_equal(tl_json_str(it.value), tl_json_str(value)))
            return TL_OK;
        int size = snprintf(words + used, sizeof words - used, "%s\"%s\"", used ? ", " : "", tl_json_text(it.value));
        used = size > 0 && used + (size_t)size < sizeof words ? used + (size_t)size : used;
    }
    return tl_err_set(check->err, TL_INVALID_ARGUMENT, "%s: expected one of %s, got \"%.40s\"", name_of(check), words, tl_json_text(value));
}

/* ---- members ---- */

static enum tl_code check_required(struct check *check, const tl_json *schema, const tl_json *value)
{
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(schema, "required")); tl_json_next(&it);)
        if (!tl_json_get(value, tl_json_text(it.value)))
            return tl_err_set(check->err, TL_INVALID_ARGUMENT, "%s: \"%s\" is missing", name_of(check), tl_json_text(it.value));
    return TL_OK;
}

static enum tl_code unknown_member(struct check *check, const tl_json *properties, const char *name)
{
    enum { NEAR = 3 };
    const char *nearest = NULL;
    int best = NEAR + 1;
    for (struct tl_json_iter it = tl_json_iter(properties); tl_json_next(&it);) {
        int distance = tl_edit_distance(it.key, name, NEAR);
        if (distance < best) {
            best = distance;
            nearest = it.key;
        }
    }
    tl_err_set(check->err, TL_INVALID_ARGUMENT, "%s: there is no \"%.60s\" here", name_of(check), name);
    if (nearest)
        tl_err_hint(check->err, "did you mean \"%s\"?", nearest);
    return TL_INVALID_ARGUMENT;
}

static enum tl_code check_members(struct check *check, const tl_json *schema, const tl_json *value)
{
    const tl_json *properties = tl_json_get(schema, "properties");
    bool closed = !tl_json_bool(tl_json_get(schema, "additionalProperties"), true);
    size_t size = check->place.size;
    if (!tl_json_is_object(value))
        return TL_OK;
    for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it);) {
        const tl_json *member = tl_json_get(properties, it.key);
        if (!member && closed)
            return unknown_member(check, properties, it.key);
        enter(&check->place, it.key, 0);
        if (member && check_value(check, member, it.value) != TL_OK)
            return check->err->code;
        leave(&check->place, size);
    }
    return check_required(check, schema, value);
}

static enum tl_code check_items(struct check *check, const tl_json *schema, const tl_json *value)
{
    const tl_json *items = tl_json_get(schema, "items");
    size_t size = check->place.size, index = 0;
    if (!items || !tl_json_is_array(value))
        return TL_OK;
    for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it); index++) {
        enter(&check->place, NULL, index);
        if (check_value(check, items, it.value) != TL_OK)
            return check->err->code;
        leave(&check->place, size);
    }
    return TL_OK;
}

static enum tl_code check_value(struct check *check, const tl_json *schema, const tl_json *value)
{
    const tl_json *type = tl_json_get(schema, "type");
    if (check->place.depth > TL_SCHEMA_DEPTH_MAX)
        return tl_err_set(check->err, TL_INVALID_ARGUMENT, "%s: deeper than %d levels", name_of(check), TL_SCHEMA_DEPTH_MAX);
    if (type && check_type(check, type, value) != TL_OK)
        return check->err->code;
    if (check_enum(check, tl_json_get(schema, "enum"), value) != TL_OK || check_size(check, schema, value) != TL_OK ||
        check_range(check, schema, value) != TL_OK)
        return check->err->code;
    return check_members(check, schema, value) == TL_OK ? check_items(check, schema, value) : check->err->code;
}

enum tl_code tl_schema_check(const tl_json *schema, const tl_json *value, struct tl_err *err)
{
    struct check check = {.err = err};
    return check_value(&check, schema, value);
}

/* ---- the schema itself ---- */

static enum tl_code verify(struct check *check, const tl_json *schema);

static bool is_count(const tl_json *value)
{
    int64_t number;
    return tl_json_int64(value, &number) && number >= 0;
}

static bool is_types(const tl_json *value)
{
    for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it);)
        if (!find_type(tl_json_text(it.value)))
            return false;
    return tl_json_is_array(value) ? tl_json_count(value) > 0 : find_type(tl_json_text(value)) != NULL;
}

static bool is_texts(const tl_json *value)
{
    for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it);)
        if (!tl_json_is_string(it.value))
            return false;
    return tl_json_is_array(value);
}

static bool is_false(const tl_json *value)
{
    return tl_json_is_bool(value) && !tl_json_bool(value, true);
}

static bool is_anything(const tl_json *value)
{
    return value != NULL;
}

static const struct {
    const char *name;
    bool (*is)(const tl_json *value);
} keywords[] = {
    {"type", is_types},
    {"properties", tl_json_is_object},
    {"required", is_texts},
    {"additionalProperties", is_false},
    {"items", tl_json_is_object},
    {"enum", is_texts},
    {"minLength", is_count},
    {"maxLength", is_count},
    {"minItems", is_count},
    {"maxItems", is_count},
    {"minimum", tl_json_is_number},
    {"maximum", tl_json_is_number},
    {"description", tl_json_is_string},
    {"title", tl_json_is_string},
    {"default", is_anything},
};

static enum tl_code verify_keyword(struct check *check, const char *name, const tl_json *value)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(keywords[i].name, name) == 0)
            return keywords[i].is(value)
                       ? TL_OK
                       : tl_err_set(check->err, TL_INTERNAL, "the schema of %s: \"%s\" is not what it must be", name_of(check), name);
    return tl_err_set(check->err, TL_INTERNAL, "the schema of %s: \"%.60s\" is a keyword that is not known here", name_of(check), name);
}

static enum tl_code verify_inside(struct check *check, const char *name, size_t index, const tl_json *schema)
{
    size_t size = check->place.size;
    enter(&check->place, name, index);
    if (verify(check, schema) != TL_OK)
        return check->err->code;
    leave(&check->place, size);
    return TL_OK;
}

static enum tl_code verify(struct check *check, const tl_json *schema)
{
    if (!tl_json_is_object(schema) || check->place.depth > TL_SCHEMA_DEPTH_MAX)
        return wrong_schema(check, "not an object, or too deep");
    for (struct tl_json_iter it = tl_json_iter(schema); tl_json_next(&it);)
        if (verify_keyword(check, it.key, it.value) != TL_OK)
            return check->err->code;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(schema, "properties")); tl_json_next(&it);)
        if (verify_inside(check, it.key, 0, it.value) != TL_OK)
            return check->err->code;
    const tl_json *items = tl_json_get(schema, "items");
    return items ? verify_inside(check, NULL, 0, items) : TL_OK;
}

enum tl_code tl_schema_verify(const tl_json *schema, struct tl_err *err)
{
    struct check check = {.err = err};
    return verify(&check, schema);
}
