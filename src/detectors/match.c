/* Patterns against a value: PCRE2 behind the rows of needs.  No UTF mode: bytes of any kind are values too. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "detectors/detectors_int.h"
#include "detector_table.h" /* generated */

/* Backtracking of one pattern on one value; a value that wants more is given up. */
enum { MATCH_LIMIT = 20000, DEPTH_LIMIT = 1000, HEAP_LIMIT_KIB = 256, MATCHES_MAX = 8, KEYWORDS_MAX = 8, GROUPS = 8 };
_Static_assert(sizeof class_table / sizeof *class_table <= TL_DETECT_CLASSES_MAX, "a class is a bit");

struct keyword {
    struct tl_str text;
    uint64_t bytes[4];
};

struct matcher {
    pcre2_code *codes[sizeof pattern_table / sizeof *pattern_table];
    pcre2_match_context *limits;
    size_t keyword_counts[sizeof pattern_table / sizeof *pattern_table];
    struct keyword keywords[sizeof pattern_table / sizeof *pattern_table][KEYWORDS_MAX];
};

struct match_memory {
    pcre2_match_data *data;
    char lower[TL_DETECT_VALUE_BYTES_MAX];
};

const struct detector_class *detector_classes(size_t *ret_count)
{
    *ret_count = sizeof class_table / sizeof *class_table;
    return class_table;
}

const struct detector_pattern *detector_patterns(size_t *ret_count)
{
    *ret_count = sizeof pattern_table / sizeof *pattern_table;
    return pattern_table;
}

static void split_keywords(matcher *patterns, size_t at)
{
    const char *text = pattern_table[at].keywords;
    while (text && *text && patterns->keyword_counts[at] < KEYWORDS_MAX) {
        struct keyword *keyword = &patterns->keywords[at][patterns->keyword_counts[at]++];
        keyword->text = (struct tl_str){text, strcspn(text, "\n")};
        for (size_t i = 0; i < keyword->text.size; i++)
            keyword->bytes[(unsigned char)text[i] / 64] |= (uint64_t)1 << ((unsigned char)text[i] % 64);
        text += keyword->text.size + 1;
    }
}

enum tl_code matcher_new(matcher **ret_matcher, struct tl_err *err)
{
    matcher *patterns = tl_heap_alloc(sizeof *patterns);
    patterns->limits = pcre2_match_context_create(NULL);
    if (!patterns->limits)
        abort();
    pcre2_set_match_limit(patterns->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(patterns->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(patterns->limits, HEAP_LIMIT_KIB);
    for (size_t i = 0; i < sizeof pattern_table / sizeof *pattern_table; i++) {
        int code;
        PCRE2_SIZE at;
        patterns->codes[i] = pcre2_compile((PCRE2_SPTR)pattern_table[i].regex, PCRE2_ZERO_TERMINATED, PCRE2_DOLLAR_ENDONLY, &code, &at, NULL);
        if (!patterns->codes[i]) {
            matcher_free(patterns);
            return tl_err_set(err, TL_INTERNAL, "pattern %zu of the detectors does not compile: error %d at byte %zu", i, code, at);
        }
        pcre2_jit_compile(patterns->codes[i], PCRE2_JIT_COMPLETE); /* without it the patterns run too, slower */
        split_keywords(patterns, i);
    }
    *ret_matcher = patterns;
    return TL_OK;
}

matcher *matcher_free(matcher *patterns)
{
    if (!patterns)
        return NULL;
    for (size_t i = 0; i < sizeof pattern_table / sizeof *pattern_table; i++)
        pcre2_code_free(patterns->codes[i]);
    pcre2_match_context_free(patterns->limits);
    free(patterns);
    return NULL;
}

match_memory *match_memory_new(void)
{
    match_memory *memory = tl_heap_alloc(sizeof *memory);
    memory->data = pcre2_match_data_create(GROUPS, NULL);
    if (!memory->data)
        abort();
    return memory;
}

match_memory *match_memory_free(match_memory *memory)
{
    if (!memory)
        return NULL;
    pcre2_match_data_free(memory->data);
    free(memory);
    return NULL;
}

static bool is_whole(const struct detector_pattern *pattern, struct tl_str found, struct tl_str value)
{
    return (double)found.size >= class_table[pattern->class_index].cover * (double)value.size;
}

static bool passes(const struct detector_pattern *pattern, const PCRE2_SIZE *spans, int groups, struct tl_str found, struct tl_str value)
{
    struct tl_str secret = found;
    if (pattern->group > 0 && pattern->group < groups && spans[2 * pattern->group] != PCRE2_UNSET)
        secret = (struct tl_str){value.data + spans[2 * pattern->group], spans[2 * pattern->group + 1] - spans[2 * pattern->group]};
    return (pattern->entropy <= 0 || value_entropy(secret) >= pattern->entropy) && (!pattern->check || pattern->check(found, value));
}

int matcher_run(const matcher *patterns, match_memory *memory, size_t at, struct tl_str value, bool *ret_whole)
{
    const struct detector_pattern *pattern = &pattern_table[at];
    const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(memory->data);
    PCRE2_SIZE start = 0;
    for (int i = 0; i < MATCHES_MAX && start < value.size; i++) {
        int groups = pcre2_match(patterns->codes[at], (PCRE2_SPTR)value.data, value.size, start, 0, memory->data, patterns->limits);
        if (groups == PCRE2_ERROR_NOMATCH)
            return 0;
        if (groups < 0)
            return -1;
        struct tl_str found = {value.data + spans[0], spans[1] - spans[0]};
        if (passes(pattern, spans, groups, found, value)) {
            *ret_whole = is_whole(pattern, found, value);
            return 1;
        }
        start = spans[1] > start ? spans[1] : start + 1;
    }
    return 0;
}

static bool has_keyword(const matcher *patterns, size_t at, struct tl_str lower, const struct value_features *features)
{
    for (size_t i = 0; i < patterns->keyword_counts[at]; i++) {
        const struct keyword *keyword = &patterns->keywords[at][i];
        bool possible = true;
        for (size_t k = 0; k < 4; k++)
            possible = possible && (features->present[k] & keyword->bytes[k]) == keyword->bytes[k];
        if (possible && memmem(lower.data, lower.size, keyword->text.data, keyword->text.size))
            return true;
    }
    return patterns->keyword_counts[at] == 0;
}

static struct tl_str lower_case(match_memory *memory, struct tl_str value)
{
    for (size_t i = 0; i < value.size; i++)
        memory->lower[i] = value.data[i] >= 'A' && value.data[i] <= 'Z' ? (char)(value.data[i] | 0x20) : value.data[i];
    return (struct tl_str){memory->lower, value.size};
}

static void note(const struct detector_pattern *pattern, size_t at, bool whole, struct value_findings *findings)
{
    uint64_t bit = (uint64_t)1 << pattern->class_index;
    if (whole)
        *(pattern->weak ? &findings->weak : &findings->whole) |= bit;
    else if (class_table[pattern->class_index].inside && !pattern->weak)
        findings->inside |= bit;
    if (pattern->rule)
        findings->pattern = (int)at;
}

void matcher_find(const matcher *patterns, match_memory *memory, struct tl_str value, unsigned kind, struct value_findings *ret_findings)
{
    struct value_features features;
    struct tl_str lower = {NULL, 0};
    *ret_findings = (struct value_findings){.pattern = -1};
    value_features(value, &features);
    for (size_t i = 0; i < sizeof pattern_table / sizeof *pattern_table; i++) {
        const struct detector_pattern *pattern = &pattern_table[i];
        uint64_t bit = (uint64_t)1 << pattern->class_index;
        bool whole = false;
        if (!(class_table[pattern->class_index].kinds & kind) || !value_meets(pattern, value, &features))
            continue;
        if ((ret_findings->whole & bit) || (pattern->weak && (ret_findings->weak & bit)))
            continue;
        if (pattern->keywords && !lower.data)
            lower = lower_case(memory, value);
        if (pattern->keywords && !has_keyword(patterns, i, lower, &features))
            continue;
        int met = matcher_run(patterns, memory, i, value, &whole);
        ret_findings->given_up += met < 0;
        if (met > 0)
            note(pattern, i, whole, ret_findings);
    }
    ret_findings->inside &= ~ret_findings->whole;
}
