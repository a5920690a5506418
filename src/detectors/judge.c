/* Counts and names to verdicts: which classes the column holds, how sure that is, and why. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detectors/detectors_int.h"

enum { FOUND_MAX = 8 };
static const double inside_share = 0.01, chance_most = 0.001, remaining_share = 0.1, name_confidence = 0.5;

struct candidate {
    size_t class_index;
    int64_t hits;
    double share, threshold, confidence;
    bool named, near;
};

/* Could so many of so many be there by chance, each with the class's chance? */
static bool may_be_chance(const struct detector_class *class, int64_t hits, int64_t checked)
{
    if (class->chance <= 0)
        return false;
    double expected = class->chance * (double)checked, deviation = sqrt(expected * (1 - class->chance));
    return pow(class->chance, (double)hits) > chance_most || (double)hits < expected + 3 * deviation;
}

static double threshold_of(const struct detector_class *class, bool named, bool near, bool contrary)
{
    if (named)
        return class->named;
    if (contrary)
        return class->against;
    return near && class->alone <= 1 ? (class->alone + class->named) / 2 : class->alone;
}

static double confidence_of(const struct candidate *candidate)
{
    double over = (candidate->share - candidate->threshold) / (1.0001 - candidate->threshold);
    double confidence = 0.6 + 0.3 * (over > 1 ? 1 : over) + (candidate->named ? 0.09 : candidate->near ? 0.04 : 0);
    return confidence > 0.99 ? 0.99 : confidence;
}

static bool consider(const struct column_counts *counts, const struct name_evidence *names, size_t index, int64_t whole, int64_t weak,
                     struct candidate *candidate)
{
    size_t count;
    const struct detector_class *class = &detector_classes(&count)[index];
    uint64_t bit = (uint64_t)1 << index;
    *candidate = (struct candidate){.class_index = index, .named = names->named & bit, .near = names->near & bit};
    candidate->threshold = threshold_of(class, candidate->named, candidate->near, names->contrary);
    /* For people whose table or neighbours speak for them, half of what may be one counts. */
    candidate->hits = whole + (candidate->named ? weak : candidate->near && class->person && !names->contrary ? weak / 2 : 0);
    candidate->share = (double)candidate->hits / (double)counts->checked;
    if (candidate->hits == 0 || candidate->share < candidate->threshold)
        return false;
    if (!candidate->named && may_be_chance(class, candidate->hits, counts->checked))
        return false;
    candidate->confidence = confidence_of(candidate);
    return true;
}

static double rank_of(const struct candidate *candidate)
{
    size_t count;
    const struct detector_class *class = &detector_classes(&count)[candidate->class_index];
    return candidate->confidence + (candidate->named ? 0.3 : 0) + (candidate->share > 0.9 && class->chance > 0 && class->chance < 0.05 ? 0.02 : 0);
}

static bool best_candidate(const struct column_counts *counts, const struct name_evidence *names, unsigned kind, uint64_t taken,
                           const struct class_counts *of, struct candidate *ret_best)
{
    size_t count;
    const struct detector_class *classes = detector_classes(&count);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        struct candidate candidate;
        if ((taken >> i & 1) || !(classes[i].kinds & kind) || !consider(counts, names, i, of[i].whole, of[i].weak, &candidate))
            continue;
        if (!found || rank_of(&candidate) > rank_of(ret_best))
            *ret_best = candidate;
        found = true;
    }
    return found;
}

/* What is left for other classes once the values of those taken are put aside. */
static void recount(const struct column_counts *counts, uint64_t taken, const struct class_counts *from, struct class_counts *to)
{
    memset(to, 0, TL_DETECT_CLASSES_MAX * sizeof *to);
    for (size_t v = 0; v < counts->mask_count; v++) {
        if (counts->masks[v] & taken)
            continue;
        for (uint64_t left = counts->masks[v]; left; left &= left - 1)
            to[__builtin_ctzll(left)].whole++;
        for (uint64_t left = counts->inside_masks[v]; left; left &= left - 1)
            to[__builtin_ctzll(left)].inside++;
    }
    for (size_t i = 0; i < TL_DETECT_CLASSES_MAX; i++) {
        int64_t all = to[i].whole;
        to[i].whole = all < from[i].whole ? all : from[i].whole; /* the strong ones, at most */
        to[i].weak = all - to[i].whole;
    }
}

static const char *reason_of(tl_arena *arena, const struct column_counts *counts, const struct candidate *candidate, bool inside,
                             const struct tl_detect_column *column)
{
    size_t count;
    const struct detector_class *class = &detector_classes(&count)[candidate->class_index];
    const char *rule = "";
    if (counts->rules[candidate->class_index])
        rule = tl_arena_printf(arena, " (rule %s)", detector_patterns(&count)[counts->rules[candidate->class_index] - 1].rule);
    const char *name = candidate->named ? tl_arena_printf(arena, "; the name \"%.80s\" says so too", column->name)
                       : candidate->near ? "; columns beside it speak for it" : "";
    return tl_arena_printf(arena, "%lld of %lld values %s: %s%s%s", (long long)candidate->hits, (long long)counts->checked,
                           inside ? "hold in their text" : "have this form",
                           class->public.title, rule, name);
}

static void put(const struct column_counts *counts, const struct candidate *candidate, bool inside, const struct tl_detect_column *column, tl_arena *arena,
                struct tl_detection *detection)
{
    size_t count;
    *detection = (struct tl_detection){
        .class = &detector_classes(&count)[candidate->class_index].public,
        .confidence = candidate->confidence,
        .inside = inside,
        .named = candidate->named,
        .checked = counts->checked,
        .hits = candidate->hits,
        .given_up = counts->given_up,
        .shape = tl_arena_strdup(arena, counts->shapes[candidate->class_index]),
        .reason = reason_of(arena, counts, candidate, inside, column),
    };
}

/* Something personal in longer text: a few values are enough, one where there are few. */
static bool holds_inside(const struct column_counts *counts, const struct class_counts *of, const struct name_evidence *names, size_t index,
    struct candidate *candidate)
{
    size_t count;
    const struct detector_class *class = &detector_classes(&count)[index];
    int64_t hits = of[index].inside + of[index].whole;
    *candidate = (struct candidate){.class_index = index, .hits = hits, .share = (double)hits / (double)counts->checked, .named = names->named >> index & 1};
    if (!class->inside || (of[index].inside == 0 && of[index].whole == 0) || candidate->share < inside_share || (hits < 2 && counts->checked > 20))
        return false;
    /* What is the whole of a few values only and passes by chance is not text that holds it. */
    if (of[index].inside == 0 && (class->chance > 0 || hits < 2))
        return false;
    candidate->confidence = candidate->share > 0.2 ? 0.85 : candidate->share > 0.05 ? 0.75 : 0.65;
    return true;
}

/* No values to judge by: what the name alone says. */
static size_t judge_name(const struct name_evidence *names, const struct tl_detect_column *column, unsigned kind, tl_arena *arena,
    struct tl_detection *detections)
{
    size_t count, found = 0;
    const struct detector_class *classes = detector_classes(&count);
    for (size_t i = 0; i < count && found < FOUND_MAX; i++)
        if ((names->named >> i & 1) && (classes[i].kinds & kind))
            detections[found++] = (struct tl_detection){
                .class = &classes[i].public,
                .confidence = name_confidence,
                .named = true,
                .shape = "",
                .reason = tl_arena_printf(arena, "no values to judge by; the name \"%.80s\" says: %s", column->name, classes[i].public.title),
            };
    return found;
}

size_t judge_column(const struct column_counts *counts, const struct name_evidence *names, const struct tl_detect_column *column,
                    unsigned kind, tl_arena *arena, const struct tl_detection **ret_detections)
{
    size_t class_count, found = 0;
    struct class_counts of[TL_DETECT_CLASSES_MAX];
    struct tl_detection *detections = TL_NEW_ARRAY(arena, struct tl_detection, FOUND_MAX);
    struct candidate candidate;
    uint64_t taken = 0;
    detector_classes(&class_count);
    memcpy(of, counts->of, sizeof of);
    *ret_detections = detections;
    if (counts->checked == 0)
        return judge_name(names, column, kind, arena, detections);
    while (found < FOUND_MAX && best_candidate(counts, names, kind, taken, of, &candidate)) {
        if (taken && candidate.share < remaining_share)
            break;
        taken |= (uint64_t)1 << candidate.class_index;
        put(counts, &candidate, false, column, arena, &detections[found++]);
        recount(counts, taken, counts->of, of);
    }
    for (size_t i = 0; i < class_count && found < FOUND_MAX; i++) {
        if ((taken >> i & 1) || !holds_inside(counts, of, names, i, &candidate))
            continue;
        put(counts, &candidate, true, column, arena, &detections[found++]);
    }
    return found;
}
