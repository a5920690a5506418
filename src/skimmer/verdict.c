/* Pass 2: what was found in a column becomes one verdict: a state, a mask that fits the type, a sensitivity, tags, a reason. */
#include <string.h>

#include "skimmer/skimmer_int.h"

enum { TEXT_MAX = 64 * 1024 };

int skim_strictness(const char *state)
{
    static const char *const states[] = {"open", "masked", "denied"};
    for (int i = 0; i < 3; i++)
        if (tl_streq(state, states[i]))
            return i;
    return -1;
}

int skim_sensitivity_rank(const char *sensitivity)
{
    static const char *const levels[] = {"public", "internal", "confidential", "restricted"};
    for (int i = 0; i < 4; i++)
        if (tl_streq(sensitivity, levels[i]))
            return i;
    return -1;
}

/* The class's own mask for the value itself; of a text that only holds something, nothing can be shown. */
static const char *mask_for(tl_arena *arena, const struct tl_source_column *column, const struct skim_found *found)
{
    static const char *const fallbacks[] = {"hash", "redact", "null"};
    struct tl_mask mask;
    struct tl_err err;
    const char *wanted = found->path || found->detection->inside ? "redact" : found->detection->class->mask;
    tl_err_init(&err);
    if (wanted && tl_mask_parse(arena, wanted, &mask, &err) == TL_OK && tl_mask_fits(&mask, &column->type))
        return wanted;
    for (size_t i = 0; i < sizeof fallbacks / sizeof *fallbacks; i++) {
        tl_err_init(&err);
        if (tl_mask_parse(arena, fallbacks[i], &mask, &err) == TL_OK && tl_mask_fits(&mask, &column->type))
            return fallbacks[i];
    }
    return "null";
}

static void put_finding(struct tl_json_writer *json, const struct skim_found *found)
{
    const struct tl_detection *detection = found->detection;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "info_type", detection->class->info_type);
    tl_json_pair_text(json, "likelihood", tl_detect_likelihood(detection->confidence));
    tl_json_key(json, "confidence");
    tl_json_put_double(json, detection->confidence);
    tl_json_pair_text(json, "path", found->path);
    tl_json_pair_bool(json, "inside", detection->inside);
    tl_json_pair_int64(json, "hits", detection->hits);
    tl_json_pair_int64(json, "checked", detection->checked);
    tl_json_pair_int64(json, "given_up", detection->given_up);
    tl_json_pair_text(json, "shape", detection->shape);
    tl_json_pair_text(json, "reason", detection->reason);
    tl_json_end_object(json);
}

const char *skim_take(tl_arena *arena, struct tl_buf *buf)
{
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(buf));
    tl_buf_done(buf);
    return copy;
}

struct list {
    struct tl_buf buf;
    struct tl_json_writer json;
};

static void begin_list(struct list *list)
{
    tl_buf_init(&list->buf, TEXT_MAX);
    tl_json_writer_init(&list->json, &list->buf);
    tl_json_begin_array(&list->json);
}

static const char *end_list(tl_arena *arena, struct list *list)
{
    tl_json_end_array(&list->json);
    return list->buf.failed ? (tl_buf_done(&list->buf), "[]") : skim_take(arena, &list->buf);
}

static const char *findings_json(tl_arena *arena, const struct skim_found *found, size_t count)
{
    struct list list;
    begin_list(&list);
    for (size_t i = 0; i < count; i++)
        put_finding(&list.json, &found[i]);
    return end_list(arena, &list);
}

static bool met_before(const struct skim_found *found, size_t at, bool by_tag)
{
    for (size_t i = 0; i < at; i++)
        if (by_tag ? tl_streq(found[i].detection->class->tag, found[at].detection->class->tag) : found[i].detection->class == found[at].detection->class)
            return true;
    return false;
}

static bool in_text(const struct skim_found *found, size_t count)
{
    bool inside = false;
    for (size_t i = 0; i < count; i++)
        inside = inside || found[i].detection->inside || found[i].path;
    return inside;
}

static const char *tags_json(tl_arena *arena, const struct skim_found *found, size_t count)
{
    struct list list;
    begin_list(&list);
    if (in_text(found, count))
        tl_json_put_text(&list.json, "pii.text");
    for (size_t i = 0; i < count; i++)
        if (!met_before(found, i, true))
            tl_json_put_text(&list.json, found[i].detection->class->tag);
    return end_list(arena, &list);
}

/* What would have to change for a person to be asked again: the classes, and whether they are the value or in it. */
static const char *evidence_text(tl_arena *arena, const struct skim_found *found, size_t count)
{
    size_t class_count = 0;
    struct tl_buf buf;
    tl_buf_init(&buf, TEXT_MAX);
    for (size_t i = 0; i < count; i++)
        if (!met_before(found, i, false))
            tl_buf_addf(&buf, "%s%s", class_count++ ? "," : "", found[i].detection->class->info_type);
    return skim_take(arena, &buf);
}

static const char *reason_text(tl_arena *arena, const struct skim_found *found, size_t count)
{
    struct tl_buf buf;
    tl_buf_init(&buf, TEXT_MAX);
    for (size_t i = 0; i < count && i < 3; i++)
        tl_buf_addf(&buf, "%s%s%s%s", i ? "; " : "", found[i].path ? found[i].path : "", found[i].path ? ": " : "", found[i].detection->reason);
    if (count > 3)
        tl_buf_addf(&buf, "; and %zu more", count - 3);
    return skim_take(arena, &buf);
}

static void judge_nothing(tl_arena *arena, const struct tl_source_column *column, int64_t checked, struct skim_verdict *verdict)
{
    if (column->type.id == TL_TYPE_BLOB || column->unsupported) {
        verdict->state = "denied";
        verdict->reason = column->unsupported ? "values of this type cannot be read" : "binary values are not looked into";
    } else if (checked == 0) {
        verdict->state = "pending";
        verdict->reason = "there are no values to judge by";
    } else {
        verdict->state = "open";
        verdict->reason = tl_arena_printf(arena, "nothing personal or secret was found in %lld different values", (long long)checked);
    }
}

void skim_verdict_make(tl_arena *arena, const struct tl_source_column *column, const struct skim_found *found, size_t count, int64_t checked,
                       struct skim_verdict *ret_verdict)
{
    struct skim_verdict *verdict = ret_verdict;
    *verdict = (struct skim_verdict){.column = column->name, .state = "open", .sensitivity = "internal", .tags = "[]", .evidence = "", .findings = "[]"};
    if (count == 0) {
        judge_nothing(arena, column, checked, verdict);
        return;
    }
    const struct skim_found *surest = found;
    for (size_t i = 0; i < count; i++) {
        const struct tl_detect_class *class = found[i].detection->class;
        const char *state = (found[i].path || found[i].detection->inside) && strcmp(class->state, "open") != 0 ? "masked" : class->state;
        if (found[i].detection->confidence > surest->detection->confidence)
            surest = &found[i];
        if (skim_strictness(state) > skim_strictness(verdict->state)) {
            verdict->state = state;
            verdict->mask = strcmp(state, "masked") == 0 ? mask_for(arena, column, &found[i]) : NULL;
        }
        if (skim_sensitivity_rank(class->sensitivity) > skim_sensitivity_rank(verdict->sensitivity))
            verdict->sensitivity = class->sensitivity;
    }
    /* Where a column holds more than one thing, the mask of one may show the other. */
    if (verdict->mask && count > 1 && in_text(found, count))
        verdict->mask = mask_for(arena, column, &(struct skim_found){surest->detection, ""});
    verdict->info_type = surest->detection->class->info_type;
    verdict->confidence = surest->detection->confidence;
    verdict->likelihood = tl_detect_likelihood(verdict->confidence);
    verdict->tags = tags_json(arena, found, count);
    verdict->evidence = evidence_text(arena, found, count);
    verdict->reason = reason_text(arena, found, count);
    verdict->findings = findings_json(arena, found, count);
}
