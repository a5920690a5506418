/* daemon/demo_access.h -- the demo's rules: what its reviewers have opened, and to whom.
 *
 * Once, into a state that has no rules yet; what is changed later stays.
 */
#ifndef TL_DAEMON_DEMO_ACCESS_H
#define TL_DAEMON_DEMO_ACCESS_H

#include "daemon/serve.h"

TL_CHECKED enum tl_code tl_demo_access_make(tl_serve *serve, const struct tl_principal *admin, struct tl_err *err);

#endif
