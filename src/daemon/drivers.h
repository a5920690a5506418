/* daemon/drivers.h -- the only place that knows every driver. */
#ifndef TL_DAEMON_DRIVERS_H
#define TL_DAEMON_DRIVERS_H

#include "source/source.h"

size_t tl_source_drivers(const struct tl_source_driver *const **ret_drivers);

#endif
