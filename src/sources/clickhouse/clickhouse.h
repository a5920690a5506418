/* sources/clickhouse/clickhouse.h -- ClickHouse as a source: HTTP, FORMAT Native, decoded straight into vectors.
 *
 * Why: Native over HTTP is the fastest way out of ClickHouse (measured beside curl by bench/clickhouse_scan.sh) and
 *   passes every proxy.
 * How: one POST a scan; its blocks are handed to as many threads as ask, each converts its own (native.h).  Wanted
 *   columns, filters of equal meaning (filter.h), LIMIT and ORDER BY + LIMIT are said in the query; all else is the
 *   engine's.
 * Never silently less: an answer counts only when its chunked encoding is complete, no exception follows the rows, and
 *   it is of the format asked for.  Settings that would cut a result short (overflow modes "break", limit, offset,
 *   skip_unavailable_shards) are set to the safe value; where the user may set nothing (readonly = 1), the profile is
 *   checked.
 * Read-only: readonly=2 goes with every query.  The user and key travel in headers, never in a URL or a query.
 * Cancelling: the connection is dropped and the server ends the query (cancel_http_readonly_queries_on_client_close).
 *   A user that may set nothing has no such setting: there the query ends when the server next writes to it.
 *
 * Types (ClickHouse -> here):
 *   Bool -> BOOLEAN; (U)Int8..128 -> the integer of that size
 *   (U)Int256, Decimal of more than 38 digits -> VARCHAR, exact text
 *   Float32/64 -> FLOAT/DOUBLE; BFloat16 -> FLOAT; Decimal(P,S) -> DECIMAL(P,S)
 *   String -> VARCHAR, or BLOB by the options strings_as and blob_columns; bytes that are not UTF-8 are an error, never
 *     replaced
 *   FixedString(N) -> VARCHAR without the zeros that fill it up, or BLOB with all N bytes
 *   Date, Date32 -> DATE
 *   DateTime, DateTime64(p) -> TIMESTAMP, the wall clock of UTC; with a zone in the type -> TIMESTAMPTZ, the instant
 *   DateTime64(p > 6), with or without a zone -> TIMESTAMP_NS in UTC (the range 1677..2262; beyond is an error)
 *   Time, Time64(p <= 6) -> TIME (beyond a day is an error); Time64(p > 6) -> VARCHAR
 *   Interval* -> INTERVAL; UUID -> UUID; IPv4, IPv6, Enum8, Enum16 -> VARCHAR
 *   Nullable(T), LowCardinality(T), SimpleAggregateFunction(f, T) -> T; Nothing -> NULL
 *   Array -> LIST; Map -> MAP; Tuple, Point -> STRUCT (unnamed elements are "1", "2", ...)
 *   Nested, Ring, LineString, Polygon, MultiLineString, MultiPolygon -> LIST of those
 *   JSON, Object, Variant, Dynamic, Geometry, and whatever holds one -> JSON, by toJSONString
 *   AggregateFunction(f, ...) -> the type of finalizeAggregation of it, row by row
 *   all else: listed as unsupported, reading it is an error; any of them VARCHAR, by toString, with the option
 *     columns_as_text
 */
#ifndef TL_SOURCES_CLICKHOUSE_CLICKHOUSE_H
#define TL_SOURCES_CLICKHOUSE_CLICKHOUSE_H

#include "source/source.h"

extern const struct tl_source_driver tl_source_driver_clickhouse;

#endif
