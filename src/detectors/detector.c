/* The driver: a run collects what its values hold and judges at the end. */
#include <stdlib.h>
#include <string.h>

#include "detectors/detectors_int.h"

struct tl_detector {
    matcher *patterns;
    dictionary *names;
    size_t person; /* index of the class that dictionaries find */
};

struct tl_detect_run {
    tl_detector *detector;
    const struct tl_detect_column *column;
    struct name_evidence names;
    unsigned kind;
    match_memory *memory;
    struct column_counts counts;
    size_t mask_capacity;
};

static enum tl_code open_detector(const struct tl_detector_options *options, tl_detector **ret_detector, struct tl_err *err)
{
    size_t count;
    const struct detector_class *classes = detector_classes(&count);
    (void)options;
    tl_detector *detector = tl_heap_alloc(sizeof *detector);
    if (matcher_new(&detector->patterns, err) != TL_OK) {
        free(detector);
        return err->code;
    }
    detector->names = dictionary_new();
    for (size_t i = 0; i < count; i++)
        if (classes[i].person)
            detector->person = i;
    *ret_detector = detector;
    return TL_OK;
}

static tl_detector *close_detector(tl_detector *detector)
{
    if (!detector)
        return NULL;
    matcher_free(detector->patterns);
    dictionary_free(detector->names);
    free(detector);
    return NULL;
}

static unsigned kind_of(const struct tl_type *type)
{
    if (!type || tl_type_is_text(type) || type->id == TL_TYPE_UUID || type->id == TL_TYPE_NULL || type->id >= TL_TYPE_LIST)
        return DETECT_TEXT;
    if (type->id == TL_TYPE_DATE || type->id == TL_TYPE_TIMESTAMP || type->id == TL_TYPE_TIMESTAMP_NS || type->id == TL_TYPE_TIMESTAMPTZ)
        return DETECT_DATE;
    if (type->id == TL_TYPE_FLOAT || type->id == TL_TYPE_DOUBLE || (type->id == TL_TYPE_DECIMAL && type->scale > 0))
        return DETECT_NUMBER;
    return (type->id >= TL_TYPE_INT8 && type->id <= TL_TYPE_UINT128) || type->id == TL_TYPE_DECIMAL ? DETECT_INTEGER : 0;
}

static tl_detect_run *begin_run(tl_detector *detector, const struct tl_detect_column *column)
{
    tl_detect_run *run = tl_heap_alloc(sizeof *run);
    run->detector = detector;
    run->column = column;
    run->kind = kind_of(column->type);
    run->memory = match_memory_new();
    name_evidence(column, &run->names);
    return run;
}

static void keep_masks(tl_detect_run *run, uint64_t mask, uint64_t inside)
{
    struct column_counts *counts = &run->counts;
    if (counts->mask_count == run->mask_capacity) {
        run->mask_capacity = run->mask_capacity ? 2 * run->mask_capacity : 256;
        counts->masks = tl_heap_grow(counts->masks, run->mask_capacity * sizeof *counts->masks);
        counts->inside_masks = tl_heap_grow(counts->inside_masks, run->mask_capacity * sizeof *counts->inside_masks);
    }
    counts->masks[counts->mask_count] = mask;
    counts->inside_masks[counts->mask_count++] = inside;
}

static void count_findings(tl_detect_run *run, struct tl_str value, const struct value_findings *findings)
{
    struct column_counts *counts = &run->counts;
    uint64_t weak = findings->weak & ~findings->whole;
    counts->given_up += findings->given_up > 0;
    for (uint64_t left = findings->whole | weak | findings->inside; left; left &= left - 1) {
        int at = __builtin_ctzll(left);
        counts->of[at].whole += findings->whole >> at & 1;
        counts->of[at].weak += weak >> at & 1;
        counts->of[at].inside += findings->inside >> at & 1;
        if (!counts->shapes[at][0])
            value_shape(value, counts->shapes[at]);
    }
    if (findings->pattern >= 0) {
        size_t count;
        counts->rules[detector_patterns(&count)[findings->pattern].class_index] = findings->pattern + 1;
    }
    keep_masks(run, findings->whole | weak, findings->inside);
}

static void add_value(tl_detect_run *run, struct tl_str whole)
{
    struct tl_str value = value_trim(whole);
    struct value_findings findings;
    if (value_is_placeholder(value) || run->counts.checked >= TL_DETECT_VALUES_MAX)
        return;
    if (value.size > TL_DETECT_VALUE_BYTES_MAX)
        value.size = TL_DETECT_VALUE_BYTES_MAX;
    run->counts.checked++;
    matcher_find(run->detector->patterns, run->memory, value, run->kind, &findings);
    if (run->kind == DETECT_TEXT && !(findings.whole | findings.inside)) {
        enum person_look look = person_look(run->detector->names, value);
        *(look == PERSON_SURE ? &findings.whole : &findings.weak) |= (uint64_t)(look != PERSON_NOT) << run->detector->person;
    }
    count_findings(run, value, &findings);
}

static void add_values(tl_detect_run *run, const struct tl_str *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_value(run, values[i]);
}

static enum tl_code judge_run(tl_detect_run *run, tl_arena *arena, const struct tl_detection **ret_detections, size_t *ret_count, struct tl_err *err)
{
    (void)err;
    *ret_count = judge_column(&run->counts, &run->names, run->column, run->kind, arena, ret_detections);
    return TL_OK;
}

static tl_detect_run *end_run(tl_detect_run *run)
{
    if (!run)
        return NULL;
    match_memory_free(run->memory);
    free(run->counts.masks);
    free(run->counts.inside_masks);
    free(run);
    return NULL;
}

const struct tl_detector_driver tl_detector_patterns = {
    .name = "patterns",
    .open = open_detector,
    .close = close_detector,
    .classes = detector_list_classes,
    .begin = begin_run,
    .add = add_values,
    .judge = judge_run,
    .end = end_run,
};
