#include "detectors/detectors_int.h"

size_t detector_list_classes(const struct tl_detect_class *const **ret_classes)
{
    static const struct tl_detect_class *list[TL_DETECT_CLASSES_MAX];
    size_t count;
    const struct detector_class *classes = detector_classes(&count);
    for (size_t i = 0; i < count; i++)
        list[i] = &classes[i].public; /* the same values whoever writes them */
    *ret_classes = list;
    return count;
}
