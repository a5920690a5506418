/* daemon/demo_catalog.h -- what the demo's tables mean: descriptions, owners, terms, pages (demo/catalog, demo/pages). */
#ifndef TL_DAEMON_DEMO_CATALOG_H
#define TL_DAEMON_DEMO_CATALOG_H

#include "daemon/serve.h"

/* Waits until the catalog knows the tables. */
TL_CHECKED enum tl_code tl_demo_catalog_make(tl_serve *serve, const struct tl_principal *admin, struct tl_err *err);

#endif
