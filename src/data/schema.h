/* data/schema.h -- does a JSON value fit a JSON Schema?  The subset of 2020-12 that our own tables use.
 *
 * Why: what programs and models send as arguments is checked against the same text that told them what to send, and a refusal says
 *   at which place what was expected, so that the next try is right.
 * Keywords: type (a name, or a list of names), properties, required, additionalProperties (false, or absent), items, enum (of texts),
 *   minLength, maxLength (characters), minimum, maximum, minItems, maxItems; description, title and default say something to readers
 *   only.  Any other keyword is an error of the schema: nothing is let through because it was not understood.
 * Bounds: TL_SCHEMA_DEPTH_MAX deep; beyond, a value does not fit.
 */
#ifndef TL_DATA_SCHEMA_H
#define TL_DATA_SCHEMA_H

#include "data/json.h"

enum { TL_SCHEMA_DEPTH_MAX = 32, TL_SCHEMA_PATH_MAX = 256 };

/* TL_INVALID_ARGUMENT: "columns[2]: expected a text, got a number".  TL_INTERNAL: the schema itself is wrong. */
TL_CHECKED enum tl_code tl_schema_check(const tl_json *schema, const tl_json *value, struct tl_err *err);
/* Is it a schema of this subset, through and through?  TL_INTERNAL says what is not. */
TL_CHECKED enum tl_code tl_schema_verify(const tl_json *schema, struct tl_err *err);

#endif
