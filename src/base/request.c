#include "base/request.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static atomic_uint sequence;

void tl_request_new_id(char id[40])
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32: five bits each */
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = (uint32_t)clock();
    char tail[6];
    for (int i = 0; i < 5; i++)
        tail[i] = letters[random >> (5 * i) & 31];
    tail[5] = '\0';
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    char day[20];
    strftime(day, sizeof day, "%Y%m%d_%H%M%S", &utc);
    snprintf(id, 40, "%s_%05u_%s", day, atomic_fetch_add(&sequence, 1) % 100000, tail);
}

void tl_request_init(struct tl_request *rq, tl_arena *arena)
{
    memset(rq, 0, sizeof *rq);
    rq->arena = arena;
    tl_err_init(&rq->err);
    atomic_init(&rq->cancelled, false);
    tl_request_new_id(rq->id);
}
