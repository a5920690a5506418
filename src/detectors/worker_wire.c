#include <math.h>
#include <string.h>

#include "detectors/worker_int.h"

/* ---- the column ---- */

void worker_put_column(struct tl_buf *buf, const struct tl_detect_column *column)
{
    struct tl_json_writer json;
    tl_json_writer_init(&json, buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "table", column->table);
    tl_json_pair_text(&json, "name", column->name);
    if (column->type) {
        tl_json_pair_int64(&json, "type", column->type->id);
        tl_json_pair_int64(&json, "scale", column->type->scale);
    }
    tl_json_key(&json, "neighbours");
    tl_json_begin_array(&json);
    for (size_t i = 0; i < column->neighbour_count && i < TL_DETECT_NEIGHBOURS_MAX; i++)
        tl_json_put_text(&json, column->neighbours[i]);
    tl_json_end_array(&json);
    tl_json_end_object(&json);
}

static const struct tl_type *read_type(tl_arena *arena, const tl_json *root)
{
    int64_t id, scale;
    if (!tl_json_int64(tl_json_get(root, "type"), &id) || !tl_json_int64(tl_json_get(root, "scale"), &scale))
        return NULL;
    struct tl_type *type = TL_NEW(arena, struct tl_type);
    *type = tl_type_simple((enum tl_type_id)id);
    type->scale = (uint8_t)scale;
    return type;
}

enum tl_code worker_read_column(tl_arena *arena, struct tl_str text, struct tl_detect_column *ret_column, struct tl_err *err)
{
    const tl_json *root;
    if (tl_json_parse(arena, text.data, text.size, &root, err) != TL_OK)
        return err->code;
    const tl_json *names = tl_json_get(root, "neighbours");
    const char **neighbours = TL_NEW_ARRAY(arena, const char *, tl_json_count(names));
    *ret_column = (struct tl_detect_column){
        .table = tl_json_get_text(root, "table"), .name = tl_json_get_text(root, "name"), .type = read_type(arena, root), .neighbours = neighbours};
    for (struct tl_json_iter it = tl_json_iter(names); tl_json_next(&it);)
        if (tl_json_is_string(it.value))
            neighbours[ret_column->neighbour_count++] = tl_json_text(it.value);
    return TL_OK;
}

/* ---- what was found ---- */

static int64_t class_index(const struct tl_detect_class *class)
{
    size_t count;
    const struct detector_class *classes = detector_classes(&count);
    for (size_t i = 0; i < count; i++)
        if (class == &classes[i].public)
            return (int64_t)i;
    return -1;
}

void worker_put_detections(struct tl_buf *buf, const struct tl_detection *detections, size_t count)
{
    struct tl_json_writer json;
    tl_json_writer_init(&json, buf);
    tl_json_begin_array(&json);
    for (size_t i = 0; i < count; i++) {
        const struct tl_detection *one = &detections[i];
        tl_json_begin_object(&json);
        tl_json_pair_int64(&json, "class", class_index(one->class));
        tl_json_key(&json, "confidence");
        tl_json_put_double(&json, one->confidence);
        tl_json_pair_bool(&json, "inside", one->inside);
        tl_json_pair_bool(&json, "named", one->named);
        tl_json_pair_int64(&json, "checked", one->checked);
        tl_json_pair_int64(&json, "hits", one->hits);
        tl_json_pair_int64(&json, "given_up", one->given_up);
        tl_json_pair_text(&json, "shape", one->shape);
        tl_json_pair_text(&json, "reason", one->reason);
        tl_json_end_object(&json);
    }
    tl_json_end_array(&json);
}

static const struct tl_detect_class *read_class(const tl_json *object)
{
    size_t count;
    int64_t index;
    const struct detector_class *classes = detector_classes(&count);
    if (!tl_json_int64(tl_json_get(object, "class"), &index) || index < 0 || (size_t)index >= count)
        return NULL;
    return &classes[index].public;
}

static bool read_count(const tl_json *object, const char *name, int64_t *ret_count)
{
    return tl_json_int64(tl_json_get(object, name), ret_count) && *ret_count >= 0 && *ret_count <= TL_DETECT_VALUES_MAX;
}

/* NULL: it is none of ours. */
static const char *read_line(const tl_json *object, const char *name, size_t most)
{
    struct tl_str text = tl_json_str(tl_json_get(object, name));
    if (!text.data || text.size > most)
        return NULL;
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return NULL;
    return text.data;
}

/* A shape holds no letter and no digit but those that stand for all others, so that no value can come back as one. */
static bool is_shape(const char *shape)
{
    for (const char *at = shape; *at; at++)
        if ((*at >= 'b' && *at <= 'z') || (*at >= 'B' && *at <= 'Z') || (*at >= '0' && *at <= '8') || (unsigned char)*at >= 0x80)
            return false;
    return true;
}

static bool read_detection(const tl_json *object, struct tl_detection *detection)
{
    detection->class = read_class(object);
    detection->inside = tl_json_bool(tl_json_get(object, "inside"), false);
    detection->named = tl_json_bool(tl_json_get(object, "named"), false);
    detection->shape = read_line(object, "shape", TL_DETECT_SHAPE_MAX - 1);
    detection->reason = read_line(object, "reason", WORKER_REASON_MAX);
    return detection->class && tl_json_double(tl_json_get(object, "confidence"), &detection->confidence) && detection->confidence >= 0 &&
           detection->confidence <= 1 && read_count(object, "checked", &detection->checked) && read_count(object, "hits", &detection->hits) &&
           read_count(object, "given_up", &detection->given_up) && detection->hits <= detection->checked && detection->shape &&
           is_shape(detection->shape) && detection->reason;
}

enum tl_code worker_read_detections(tl_arena *arena, struct tl_str text, const struct tl_detection **ret_detections, size_t *ret_count,
                                    struct tl_err *err)
{
    const tl_json *root;
    *ret_detections = NULL;
    *ret_count = 0;
    if (tl_json_parse(arena, text.data, text.size, &root, err) != TL_OK)
        return err->code;
    size_t count = tl_json_count(root);
    if (!tl_json_is_array(root) || count > TL_DETECT_CLASSES_MAX)
        return tl_err_set(err, TL_IO, "the worker of the detectors answered what is no list of findings");
    struct tl_detection *detections = TL_NEW_ARRAY(arena, struct tl_detection, count);
    for (struct tl_json_iter it = tl_json_iter(root); tl_json_next(&it);)
        if (!read_detection(it.value, &detections[(*ret_count)++]))
            return tl_err_set(err, TL_IO, "the worker of the detectors answered a finding that cannot be");
    *ret_detections = detections;
    return TL_OK;
}
