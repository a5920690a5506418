#include "daemon/drivers.h"

extern const struct tl_source_driver tl_source_driver_clickhouse;
extern const struct tl_source_driver tl_source_driver_duckdb;
extern const struct tl_source_driver tl_source_driver_files;
extern const struct tl_source_driver tl_source_driver_iceberg;
extern const struct tl_source_driver tl_source_driver_postgres;

size_t tl_source_drivers(const struct tl_source_driver *const **ret_drivers)
{
    static const struct tl_source_driver *const drivers[] = {
        &tl_source_driver_clickhouse, &tl_source_driver_duckdb, &tl_source_driver_files, &tl_source_driver_iceberg, &tl_source_driver_postgres,
    };
    *ret_drivers = drivers;
    return sizeof drivers / sizeof *drivers;
}
