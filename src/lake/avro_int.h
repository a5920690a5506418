/* lake/avro_int.h -- what the files of the Avro codec say to each other. */
#ifndef TL_LAKE_AVRO_INT_H
#define TL_LAKE_AVRO_INT_H

#include "base/str.h"

/* One block of snappy's raw format, into an empty buffer; false: it is broken, or larger than the buffer may be. */
bool tl_avro_snappy(struct tl_str packed, struct tl_buf *to);

#endif
