/* data/json_int.h -- what the JSON reader shows the writer; private to data/. */
#ifndef TL_DATA_JSON_INT_H
#define TL_DATA_JSON_INT_H

#include "data/json.h"

/* The number as it was written; empty when it is none. */
struct tl_str tl_json_number_text(const tl_json *value);

/* Key of the member an iterator stands on, with its size (keys may hold NULs). */
struct tl_str tl_json_iter_key(const struct tl_json_iter *iter);

#endif
