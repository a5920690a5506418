/* sources/postgres/type.h -- what each PostgreSQL type becomes, how its values are asked for, and how they compare.
 *
 *   boolean, smallint, integer, bigint, real, double precision   the same; oid: UINTEGER
 *   numeric(p,s)            DECIMAL(p,s) up to 38 digits (a scale beyond the precision widens it, a negative one
 *   becomes 0)
 *   numeric                 the source's option numeric_as: VARCHAR (exact text, the default), DOUBLE or a DECIMAL
 *   text, varchar, name, enums   VARCHAR; char(n): VARCHAR with the blanks PostgreSQL pads it with
 *   json, jsonb             JSON
 *   bytea, uuid             BLOB, UUID
 *   date, timestamp, timestamptz   the same, infinities included;  time, interval: the same
 *   T[]                     LIST of what T becomes, one level a declared dimension; lower bounds are not kept
 *   domains                 what their base type becomes
 *   all else (inet, timetz, bit, ranges, composites, xml, tsvector, money, geometric, extensions' types ...)
 *                           VARCHAR: PostgreSQL's own text of the value, by a cast to text in the query
 *   pseudo-types            unsupported
 *   The source's option columns_as_text makes VARCHAR of any other.
 */
#ifndef TL_SOURCES_POSTGRES_TYPE_H
#define TL_SOURCES_POSTGRES_TYPE_H

#include "sources/postgres/copy_decode.h"
#include "sources/postgres/options.h"

/* One row of pg_type. */
struct tl_postgres_type {
    uint32_t oid;
    char kind;         /* typtype */
    uint32_t element;  /* of a true array, else 0 */
    uint32_t base;     /* of a domain, else 0 */
    int32_t modifier;  /* of a domain's base */
    int dimensions;    /* of a domain over an array */
};

struct tl_postgres_types {
    size_t count;
    const struct tl_postgres_type *rows; /* sorted by oid */
};

enum tl_postgres_cast {
    TL_POSTGRES_CAST_NONE,
    TL_POSTGRES_CAST_TEXT,       /* "c"::text */
    TL_POSTGRES_CAST_TEXTS,      /* "c"::text[] */
    TL_POSTGRES_CAST_INET,       /* inet::text would add the mask that its output leaves out */
    TL_POSTGRES_CAST_INETS,
    TL_POSTGRES_CAST_DOUBLE,     /* "c"::float8 */
    TL_POSTGRES_CAST_DOUBLES,    /* "c"::float8[] */
};

/* Values of one class are compared alike by both systems. */
enum tl_postgres_class {
    TL_POSTGRES_CLASS_NONE = 0,
    TL_POSTGRES_CLASS_BOOL = 1 << 0,
    TL_POSTGRES_CLASS_INT = 1 << 1,
    TL_POSTGRES_CLASS_FLOAT = 1 << 2,
    TL_POSTGRES_CLASS_DECIMAL = 1 << 3,
    TL_POSTGRES_CLASS_TEXT = 1 << 4,    /* by its own bytes */
    TL_POSTGRES_CLASS_AS_TEXT = 1 << 5, /* carried as text, so compared as text */
    TL_POSTGRES_CLASS_PADDED = 1 << 6,  /* char(n): PostgreSQL ignores blanks at the end, we do not */
    TL_POSTGRES_CLASS_BYTES = 1 << 7,
    TL_POSTGRES_CLASS_UUID = 1 << 8,
    TL_POSTGRES_CLASS_DATE = 1 << 9,
    TL_POSTGRES_CLASS_TIME = 1 << 10,
    TL_POSTGRES_CLASS_TIMESTAMP = 1 << 11,
    TL_POSTGRES_CLASS_TIMESTAMPTZ = 1 << 12,
    TL_POSTGRES_CLASS_INTERVAL = 1 << 13, /* never compared */
};

struct tl_postgres_column {
    struct tl_postgres_field field; /* all but its place in the chunk */
    enum tl_postgres_cast cast;
    enum tl_postgres_class class;
    int32_t characters;    /* PADDED: the n of char(n) */
    bool composite;        /* IS NULL of it means "all its fields are NULL" */
    bool nondeterministic; /* its collation calls different texts equal */
    uint32_t collation;    /* 0 = none or not known */
    int16_t number;        /* pg_attribute's: with type and modifier to see whether they still hold */
    uint32_t type;
    int32_t modifier;
    const char *alias;     /* its name within a computed dataset; NULL: the column's own */
};

/* What pg_attribute says of a column. */
struct tl_postgres_attribute {
    const char *name, *spelling; /* spelling: format_type's */
    uint32_t type;
    int32_t modifier;
    int dimensions;
};

/* Carried as PostgreSQL's own text, whatever its type. */
void tl_postgres_column_as_text(struct tl_type *ret_type, struct tl_postgres_column *ret_column);
/* How a column is carried; false when it cannot be. */
bool tl_postgres_column_map(tl_arena *arena, const struct tl_postgres_types *types,
                            const struct tl_postgres_options *options, const struct tl_postgres_attribute *attribute,
                            struct tl_type *ret_type, struct tl_postgres_column *ret_column);

#endif
