/* Conditions over ranges: one way to decide a leaf, three ways to know a range. */
#include "lake/filter.h"

#include <math.h>
#include <string.h>

enum op {
    OP_TRUE,
    OP_FALSE,
    OP_AND,
    OP_OR,
    OP_IS_NULL,
    OP_NOT_NULL,
    OP_IS_NAN,
    OP_NOT_NAN,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_STARTS,
    OP_NOT_STARTS,
    OP_IN,
    OP_NOT_IN,
};

struct tl_lake_filter {
    enum op op;
    const struct tl_lake_filter *left, *right; /* AND, OR */
    int64_t field_id;
    struct tl_lake_type type;
    const struct tl_lake_value *values;
    size_t count;
};

static const struct {
    const char *name;
    enum op op, negated;
} ops[] = {
    {"is-null", OP_IS_NULL, OP_NOT_NULL},         {"not-null", OP_NOT_NULL, OP_IS_NULL},
    {"is-nan", OP_IS_NAN, OP_NOT_NAN},            {"not-nan", OP_NOT_NAN, OP_IS_NAN},
    {"lt", OP_LESS, OP_GREATER_EQUAL},            {"lt-eq", OP_LESS_EQUAL, OP_GREATER},
    {"gt", OP_GREATER, OP_LESS_EQUAL},            {"gt-eq", OP_GREATER_EQUAL, OP_LESS},
    {"eq", OP_EQUAL, OP_NOT_EQUAL},               {"not-eq", OP_NOT_EQUAL, OP_EQUAL},
    {"starts-with", OP_STARTS, OP_NOT_STARTS},    {"not-starts-with", OP_NOT_STARTS, OP_STARTS},
    {"in", OP_IN, OP_NOT_IN},                     {"not-in", OP_NOT_IN, OP_IN},
};

/* --- from JSON --- */

struct parse {
    tl_arena *arena;
    const struct tl_lake_schema *schema;
    size_t leaves, values;
};

static enum tl_code no_filter(struct tl_err *err, const char *why)
{
    return tl_err_set(err, TL_INVALID_ARGUMENT, "the filter cannot be read: %s", why);
}

static enum tl_code parse_values(struct parse *parse, const tl_json *json, struct tl_lake_filter *filter, struct tl_err *err)
{
    bool list = filter->op == OP_IN || filter->op == OP_NOT_IN;
    const tl_json *value = tl_json_get(json, list ? "values" : "value");
    if (!value || (list && !tl_json_is_array(value)))
        return no_filter(err, list ? "it has no list of values" : "it has no value");
    filter->count = list ? tl_json_count(value) : 1;
    parse->values += filter->count;
    if (parse->values > TL_LAKE_FILTER_VALUES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the filter has more than %d values", TL_LAKE_FILTER_VALUES_MAX);
    struct tl_lake_value *values = TL_NEW_ARRAY(parse->arena, struct tl_lake_value, filter->count + 1);
    filter->values = values;
    if (!list)
        return tl_lake_value_parse(parse->arena, &filter->type, value, values, err);
    for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it); values++)
        if (tl_lake_value_parse(parse->arena, &filter->type, it.value, values, err) != TL_OK)
            return err->code;
    return TL_OK;
}

static enum tl_code parse_leaf(struct parse *parse, const tl_json *json, const char *type, bool negate, struct tl_lake_filter *filter,
                               struct tl_err *err)
{
    size_t i = 0;
    while (i < sizeof ops / sizeof ops[0] && strcmp(ops[i].name, type) != 0)
        i++;
    if (i == sizeof ops / sizeof ops[0])
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the filter cannot be read: \"%.100s\" is no kind of expression", type);
    filter->op = negate ? ops[i].negated : ops[i].op;
    const tl_json *term = tl_json_get(json, "term");
    const char *name = tl_json_text(term);
    if (!name && tl_streq(tl_json_get_text(term, "type"), "reference"))
        name = tl_json_get_text(term, "term");
    if (!name && tl_json_is_object(term)) { /* of a transform */
        filter->op = OP_TRUE;
        return TL_OK;
    }
    if (!name)
        return no_filter(err, "it names no column");
    const struct tl_lake_field *field = tl_lake_schema_find(parse->schema, name);
    if (!field)
        return tl_err_set(err, TL_COLUMN_NOT_FOUND, "the filter names column \"%.200s\", which does not exist", name);
    filter->field_id = field->id;
    filter->type = field->type;
    return filter->op <= OP_NOT_NAN ? TL_OK : parse_values(parse, json, filter, err);
}

static enum tl_code parse_filter(struct parse *parse, const tl_json *json, bool negate, int depth, const struct tl_lake_filter **ret,
                                 struct tl_err *err)
{
    struct tl_lake_filter *filter = TL_NEW(parse->arena, struct tl_lake_filter);
    const char *type = tl_json_get_text(json, "type");
    *ret = filter;
    if (depth > TL_LAKE_FILTER_DEPTH_MAX || ++parse->leaves > TL_LAKE_FILTER_LEAVES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the filter has more than %d conditions or is more than %d deep", TL_LAKE_FILTER_LEAVES_MAX,
                          TL_LAKE_FILTER_DEPTH_MAX);
    if (tl_json_is_bool(json) || tl_streq(type, "true") || tl_streq(type, "false")) {
        bool value = tl_json_is_bool(json) ? tl_json_bool(json, false) : type[0] == 't';
        filter->op = value != negate ? OP_TRUE : OP_FALSE;
        return TL_OK;
    }
    if (!type)
        return no_filter(err, "an expression has no type");
    if (strcmp(type, "not") == 0)
        return parse_filter(parse, tl_json_get(json, "child"), !negate, depth + 1, ret, err);
    bool both = strcmp(type, "and") == 0, either = strcmp(type, "or") == 0;
    if (!both && !either)
        return parse_leaf(parse, json, type, negate, filter, err);
    filter->op = both != negate ? OP_AND : OP_OR;
    return parse_filter(parse, tl_json_get(json, "left"), negate, depth + 1, &filter->left, err) == TL_OK
               ? parse_filter(parse, tl_json_get(json, "right"), negate, depth + 1, &filter->right, err)
               : err->code;
}

enum tl_code tl_lake_filter_parse(tl_arena *arena, const struct tl_lake_schema *schema, const tl_json *json, const tl_lake_filter **ret_filter,
                                  struct tl_err *err)
{
    struct parse parse = {.arena = arena, .schema = schema};
    *ret_filter = NULL;
    if (!json || tl_json_is_null(json))
        return TL_OK;
    return parse_filter(&parse, json, false, 0, ret_filter, err);
}

/* --- deciding --- */

/* Between what the values of a set of rows lie. */
struct range {
    struct tl_lake_type type;
    bool may_null, all_null, may_nan;
    bool has_low, has_high;
    bool exact; /* low is every row's value */
    struct tl_lake_value low, high;
    const struct tl_lake_transform *transform; /* that made these values; NULL = none */
    const struct tl_lake_type *source;
};

/* The value as the range has it; false: nothing can be said. */
static bool as_range(const struct range *range, const struct tl_lake_value *value, struct tl_lake_value *ret)
{
    if (value->is_null || ((range->type.id == TL_LAKE_FLOAT || range->type.id == TL_LAKE_DOUBLE) && isnan(value->number)))
        return false;
    *ret = *value;
    if (range->transform)
        tl_lake_transform_apply(range->transform, range->source, value, ret);
    return true;
}

static int compare_low(const struct range *range, const struct tl_lake_value *value)
{
    return range->has_low ? tl_lake_value_compare(&range->type, &range->low, value) : -1;
}

static int compare_high(const struct range *range, const struct tl_lake_value *value)
{
    return range->has_high ? tl_lake_value_compare(&range->type, &range->high, value) : 1;
}

static bool may_be(const struct range *range, const struct tl_lake_value *value)
{
    struct tl_lake_value here;
    return !as_range(range, value, &here) || (compare_low(range, &here) <= 0 && compare_high(range, &here) >= 0);
}

static bool orders_values(const struct range *range)
{
    return !range->transform || range->transform->id != TL_LAKE_BUCKET;
}

/* A transform puts several values into one, so that "less" becomes "less or equal"; before whole numbers, times among them, lies one. */
static bool may_compare(const struct range *range, enum op op, const struct tl_lake_value *value)
{
    struct tl_lake_value here, next = *value;
    bool whole = !range->transform || range->transform->id == TL_LAKE_IDENTITY;
    if (!whole && (op == OP_LESS ? next.integer > INT64_MIN : op == OP_GREATER && next.integer < INT64_MAX))
        next.integer += op == OP_LESS ? -1 : 1; /* other types do not look at it */
    if (!orders_values(range) || !as_range(range, &next, &here))
        return true;
    switch (op) {
    case OP_LESS:
        return whole ? compare_low(range, &here) < 0 : compare_low(range, &here) <= 0;
    case OP_LESS_EQUAL:
        return compare_low(range, &here) <= 0;
    case OP_GREATER:
        return range->may_nan || (whole ? compare_high(range, &here) > 0 : compare_high(range, &here) >= 0);
    default:
        return range->may_nan || compare_high(range, &here) >= 0;
    }
}

static bool may_start(const struct range *range, const struct tl_lake_value *value)
{
    struct tl_lake_value prefix;
    if (range->type.id != TL_LAKE_STRING || !orders_values(range) || !as_range(range, value, &prefix))
        return true;
    struct tl_str low = range->low.bytes, high = range->high.bytes, start = prefix.bytes;
    size_t low_size = low.size < start.size ? low.size : start.size, high_size = high.size < start.size ? high.size : start.size;
    if (range->has_low && low_size && memcmp(low.data, start.data, low_size) > 0)
        return false;
    int order = high_size ? memcmp(high.data, start.data, high_size) : 0;
    return !range->has_high || order > 0 || (order == 0 && high.size >= start.size);
}

/* Only where each row's value is known can a row be said to differ from nothing. */
static bool may_differ(const struct range *range, const struct tl_lake_filter *leaf)
{
    struct tl_lake_value here;
    if (!range->exact || range->may_null || (range->transform && range->transform->id != TL_LAKE_IDENTITY))
        return true;
    for (size_t i = 0; i < leaf->count; i++)
        if (as_range(range, &leaf->values[i], &here) && tl_lake_value_compare(&range->type, &range->low, &here) == 0)
            return false;
    return true;
}

static bool may_be_any(const struct range *range, const struct tl_lake_filter *leaf)
{
    for (size_t i = 0; i < leaf->count; i++)
        if (may_be(range, &leaf->values[i]))
            return true;
    return false;
}

static bool may_match(const struct range *range, const struct tl_lake_filter *leaf)
{
    switch (leaf->op) {
    case OP_IS_NULL:
        return range->may_null;
    case OP_NOT_NULL:
        return !range->all_null;
    case OP_IS_NAN:
        return range->may_nan || range->transform;
    case OP_NOT_EQUAL:
    case OP_NOT_IN:
        return range->all_null || may_differ(range, leaf);
    case OP_NOT_NAN:
    case OP_NOT_STARTS:
        return true;
    case OP_STARTS:
        return !range->all_null && may_start(range, leaf->values);
    case OP_EQUAL:
    case OP_IN:
        return !range->all_null && may_be_any(range, leaf);
    default:
        return !range->all_null && may_compare(range, leaf->op, leaf->values);
    }
}

/* Each leaf is decided by `leaf`. */
static bool decide(const struct tl_lake_filter *filter, bool (*leaf)(const void *context, const struct tl_lake_filter *filter), const void *context)
{
    switch (filter->op) {
    case OP_TRUE:
        return true;
    case OP_FALSE:
        return false;
    case OP_AND:
        return decide(filter->left, leaf, context) && decide(filter->right, leaf, context);
    case OP_OR:
        return decide(filter->left, leaf, context) || decide(filter->right, leaf, context);
    default:
        return leaf(context, filter);
    }
}

struct partitions {
    const struct tl_lake_spec *spec;
    const struct tl_lake_type *types;
    const struct tl_lake_value *values;      /* of one file, or NULL */
    const struct tl_lake_summary *summaries; /* of a manifest */
};

static bool is_real(const struct tl_lake_type *type)
{
    return type->id == TL_LAKE_FLOAT || type->id == TL_LAKE_DOUBLE;
}

static void range_of_value(const struct tl_lake_value *value, struct range *range)
{
    bool nan = !value->is_null && is_real(&range->type) && isnan(value->number);
    range->may_null = range->all_null = value->is_null;
    range->may_nan = nan;
    range->exact = range->has_low = range->has_high = !value->is_null && !nan;
    range->low = range->high = *value;
}

static void range_of_summary(const struct tl_lake_summary *summary, struct range *range)
{
    range->may_null = summary->contains_null;
    range->may_nan = is_real(&range->type) && summary->contains_nan != 0;
    range->has_low = summary->has_lower && tl_lake_value_decode(&range->type, summary->lower, &range->low);
    range->has_high = summary->has_upper && tl_lake_value_decode(&range->type, summary->upper, &range->high);
    range->all_null = summary->contains_null && !summary->has_lower && !summary->has_upper && !range->may_nan;
}

static bool partition_leaf(const void *context, const struct tl_lake_filter *leaf)
{
    const struct partitions *partitions = context;
    for (size_t i = 0; i < partitions->spec->count; i++) {
        const struct tl_lake_spec_field *field = &partitions->spec->fields[i];
        struct tl_lake_type result;
        if (field->source_id != leaf->field_id || field->transform.id == TL_LAKE_VOID || partitions->types[i].id > TL_LAKE_BINARY ||
            !tl_lake_transform_type(&field->transform, &leaf->type, &result) || result.id != partitions->types[i].id)
            continue;
        struct range range = {.type = partitions->types[i], .transform = &field->transform, .source = &leaf->type};
        if (partitions->values)
            range_of_value(&partitions->values[i], &range);
        else
            range_of_summary(&partitions->summaries[i], &range);
        if (!may_match(&range, leaf))
            return false;
    }
    return true;
}

bool tl_lake_filter_manifest(const tl_lake_filter *filter, const struct tl_lake_spec *spec, const struct tl_lake_type *types,
                             const struct tl_lake_manifest *manifest)
{
    struct partitions partitions = {spec, types, NULL, manifest->partitions};
    return !filter || !manifest->partitions || manifest->partition_count != spec->count || decide(filter, partition_leaf, &partitions);
}

bool tl_lake_filter_partition(const tl_lake_filter *filter, const struct tl_lake_spec *spec, const struct tl_lake_type *types,
                              const struct tl_lake_value *values)
{
    struct partitions partitions = {spec, types, values, NULL};
    return !filter || decide(filter, partition_leaf, &partitions);
}

static bool bound_of(const struct tl_lake_bounds *bounds, int64_t id, const struct tl_lake_type *type, struct tl_lake_value *ret)
{
    const struct tl_str *bytes = tl_lake_bound_of(bounds, id);
    return bytes && tl_lake_value_decode(type, *bytes, ret) && !(is_real(type) && isnan(ret->number));
}

static bool file_leaf(const void *context, const struct tl_lake_filter *leaf)
{
    const struct tl_lake_file *file = context;
    struct range range = {.type = leaf->type};
    int64_t nulls = tl_lake_count_of(&file->null_counts, leaf->field_id, -1), values = tl_lake_count_of(&file->value_counts, leaf->field_id, -1);
    range.may_null = nulls != 0;
    range.all_null = values > 0 && nulls == values;
    range.may_nan = is_real(&leaf->type) && tl_lake_count_of(&file->nan_counts, leaf->field_id, -1) != 0;
    range.has_low = bound_of(&file->lower, leaf->field_id, &leaf->type, &range.low);
    range.has_high = bound_of(&file->upper, leaf->field_id, &leaf->type, &range.high);
    return may_match(&range, leaf);
}

bool tl_lake_filter_file(const tl_lake_filter *filter, const struct tl_lake_file *file)
{
    return !filter || decide(filter, file_leaf, file);
}
