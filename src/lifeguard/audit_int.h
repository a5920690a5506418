/* lifeguard/audit_int.h -- between audit.c and audit_events.c only. */
#ifndef TL_LIFEGUARD_AUDIT_INT_H
#define TL_LIFEGUARD_AUDIT_INT_H

#include "data/json.h"
#include "lifeguard/audit.h"

struct tl_audit {
    tl_journal *journal;
    char *directory;
};

#endif
