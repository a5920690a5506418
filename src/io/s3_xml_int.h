/* io/s3_xml_int.h -- the little XML that S3's API answers with: elements, texts, the five entities and character references. */
#ifndef TL_IO_S3_XML_INT_H
#define TL_IO_S3_XML_INT_H

#include "base/arena.h"
#include "base/str.h"

/* The content of the first element of this name at or after *at, which moves behind it; false = there is none.  Names are
 * compared without a prefix; nothing is looked for inside of comments or CDATA, which S3 does not send. */
bool s3_xml_next(struct tl_str document, size_t *at, const char *name, struct tl_str *ret_content);
/* The text of the first such element in it, unescaped; NULL = none, or not text. */
const char *s3_xml_text(tl_arena *arena, struct tl_str document, const char *name);
void s3_xml_escape(struct tl_buf *buf, const char *text);
/* "2026-11-24T10:20:30.123Z" as milliseconds since 1970; 0 = unreadable. */
int64_t s3_xml_time_ms(const char *text);

#endif
