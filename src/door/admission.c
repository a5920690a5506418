#include "door/admission.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "base/str.h"

enum {
    LIGHT_MAX = 64,
    USER_MAX = 32,
    QUEUE_MAX = 1000,
    USER_QUEUE_MAX = 200,
    HEAVY_AFTER_US = 500 * 1000,
    STALLED_US = 2 * 1000 * 1000,
    HALF_LIFE_US = 60 * 1000 * 1000,
    LOOK_US = 50 * 1000,   /* so soon a cancelled one leaves, and a running one is found to be heavy */
    USERS_KEPT_MAX = 4096, /* of users without statements: their usage */
    WEIGHTS_MAX = 256,
    WEIGHT_NAME_MAX = 128,
    UNKNOWN_HEAVY_FACTOR = 2,
};
static const double WEIGHT_LEAST = 0.01, WEIGHT_MOST = 100, USAGE_FORGOTTEN = 0.001;

struct weight {
    char name[WEIGHT_NAME_MAX]; /* "group:" in front of groups */
    double value;
};

struct user {
    struct user *next;
    double usage; /* seconds of running by weight, as of usage_at_us */
    int64_t usage_at_us;
    int running, waiting;
    char name[];
};

enum state { WAITING, RUNNING };

struct tl_ticket {
    tl_admission *admission;
    tl_ticket *next; /* in the list of all, oldest first */
    struct user *user;
    double weight;
    enum tl_admission_class class;
    enum state state;
    pthread_cond_t admitted; /* its own: one turn wakes one thread */
    int64_t asked_us, admitted_us, touched_us;
};

struct tl_admission {
    pthread_mutex_t mutex;
    struct tl_admission_limits limits;
    struct weight weights[WEIGHTS_MAX];
    size_t weight_count;
    tl_ticket *tickets;
    struct user *users;
    int user_count, waiting;
    int64_t looked_us; /* when it was last seen who may run */
};

/* ---- weights ---- */

static enum tl_code read_weight(tl_admission *admission, const char *word, size_t size, struct tl_err *err)
{
    char text[WEIGHT_NAME_MAX + 32];
    struct weight *weight = &admission->weights[admission->weight_count];
    char *equals = NULL, *end = text;
    if (size < sizeof text) {
        memcpy(text, word, size);
        text[size] = '\0';
        equals = strrchr(text, '=');
    }
    double value = equals ? strtod(equals + 1, &end) : 0;
    bool fits = equals && equals > text && equals - text < WEIGHT_NAME_MAX && end > equals + 1 && !*end;
    if (!fits || !(value >= WEIGHT_LEAST && value <= WEIGHT_MOST)) {
        tl_err_set(err, TL_CONFIG, "the weight \"%.*s\" cannot be read", (int)(size < 200 ? size : 200), word);
        tl_err_hint(err, "write user=number or group:name=number with numbers from 0.01 to 100, separated by spaces");
        return TL_CONFIG;
    }
    memcpy(weight->name, text, (size_t)(equals - text));
    weight->value = value;
    admission->weight_count++;
    return TL_OK;
}

static enum tl_code read_weights(tl_admission *admission, const char *text, struct tl_err *err)
{
    static const char separators[] = " \t\n,";
    for (const char *at = text ? text : ""; *(at += strspn(at, separators));) {
        size_t size = strcspn(at, separators);
        if (admission->weight_count == WEIGHTS_MAX)
            return tl_err_set(err, TL_CONFIG, "there are more than %d weights", WEIGHTS_MAX);
        if (read_weight(admission, at, size, err) != TL_OK)
            return err->code;
        at += size;
    }
    return TL_OK;
}

/* The user's own, else the largest of the groups'. */
static double weight_of(const tl_admission *admission, const struct tl_principal *principal)
{
    static const char group[] = "group:";
    double best = 0;
    for (size_t i = 0; i < admission->weight_count; i++) {
        const struct weight *weight = &admission->weights[i];
        if (strcmp(weight->name, principal->user) == 0)
            return weight->value;
        if (strncmp(weight->name, group, sizeof group - 1) == 0 && weight->value > best &&
            tl_principal_in_group(principal, weight->name + sizeof group - 1))
            best = weight->value;
    }
    return best > 0 ? best : 1;
}

/* ---- life ---- */

static int or_default(int value, int fallback)
{
    return value > 0 ? value : fallback;
}

static void fill_limits(struct tl_admission_limits *limits)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    limits->light_max = or_default(limits->light_max, LIGHT_MAX);
    limits->heavy_max = or_default(limits->heavy_max, cores > 2 ? (int)cores : 2);
    limits->user_max = or_default(limits->user_max, USER_MAX);
    limits->queue_max = or_default(limits->queue_max, QUEUE_MAX);
    limits->user_queue_max = or_default(limits->user_queue_max, USER_QUEUE_MAX);
    limits->heavy_after_us = limits->heavy_after_us > 0 ? limits->heavy_after_us : HEAVY_AFTER_US;
    limits->stalled_us = limits->stalled_us > 0 ? limits->stalled_us : STALLED_US;
}

enum tl_code tl_admission_new(const struct tl_admission_limits *limits, tl_admission **ret_admission, struct tl_err *err)
{
    tl_admission *admission = tl_heap_alloc(sizeof *admission);
    if (limits)
        admission->limits = *limits;
    fill_limits(&admission->limits);
    pthread_mutex_init(&admission->mutex, NULL);
    *ret_admission = NULL;
    if (read_weights(admission, admission->limits.weights, err) != TL_OK) {
        tl_admission_free(admission);
        return err->code;
    }
    admission->limits.weights = NULL;
    *ret_admission = admission;
    return TL_OK;
}

tl_admission *tl_admission_free(tl_admission *admission)
{
    if (!admission)
        return NULL;
    for (struct user *user = admission->users, *next; user; user = next) {
        next = user->next;
        free(user);
    }
    pthread_mutex_destroy(&admission->mutex);
    free(admission);
    return NULL;
}

/* ---- users; under the mutex ---- */

static double usage_now(const struct user *user, int64_t now_us)
{
    return user->usage * exp2(-(double)(now_us - user->usage_at_us) / HALF_LIFE_US);
}

static void add_usage(struct user *user, double seconds, int64_t now_us)
{
    user->usage = usage_now(user, now_us) + seconds;
    user->usage_at_us = now_us;
}

/* Those without statements and with little usage are as good as new ones. */
static void forget_users(tl_admission *admission, int64_t now_us)
{
    for (struct user **at = &admission->users; *at;) {
        struct user *user = *at;
        if (user->running == 0 && user->waiting == 0 && usage_now(user, now_us) < USAGE_FORGOTTEN) {
            *at = user->next;
            admission->user_count--;
            free(user);
        } else {
            at = &user->next;
        }
    }
}

static struct user *find_user(tl_admission *admission, const char *name, int64_t now_us)
{
    for (struct user *user = admission->users; user; user = user->next)
        if (strcmp(user->name, name) == 0)
            return user;
    if (admission->user_count >= USERS_KEPT_MAX)
        forget_users(admission, now_us);
    struct user *user = tl_heap_alloc(sizeof *user + strlen(name) + 1);
    memcpy(user->name, name, strlen(name) + 1);
    user->usage_at_us = now_us;
    user->next = admission->users;
    admission->users = user;
    admission->user_count++;
    return user;
}

/* ---- who may run; under the mutex ---- */

struct load {
    int light, heavy, running;
};

static bool is_heavy(const tl_admission *admission, const tl_ticket *ticket, int64_t now_us)
{
    return ticket->class == TL_ADMISSION_HEAVY || now_us - ticket->admitted_us > admission->limits.heavy_after_us;
}

static struct load load_now(const tl_admission *admission, int64_t now_us)
{
    struct load load = {0};
    for (const tl_ticket *ticket = admission->tickets; ticket; ticket = ticket->next) {
        if (ticket->state != RUNNING)
            continue;
        load.running++;
        if (now_us - ticket->touched_us > admission->limits.stalled_us)
            continue;
        if (is_heavy(admission, ticket, now_us))
            load.heavy++;
        else
            load.light++;
    }
    return load;
}

static bool has_place(const tl_admission *admission, const struct load *load, const tl_ticket *ticket)
{
    const struct tl_admission_limits *limits = &admission->limits;
    if (ticket->user->running >= limits->user_max)
        return false;
    if (ticket->class == TL_ADMISSION_HEAVY)
        return load->heavy < limits->heavy_max;
    if (ticket->class == TL_ADMISSION_UNKNOWN && load->heavy >= UNKNOWN_HEAVY_FACTOR * limits->heavy_max)
        return false;
    return load->light < limits->light_max;
}

static tl_ticket *next_one(const tl_admission *admission, const struct load *load, int64_t now_us)
{
    tl_ticket *best = NULL;
    double best_usage = 0;
    for (tl_ticket *ticket = admission->tickets; ticket; ticket = ticket->next) {
        if (ticket->state != WAITING || !has_place(admission, load, ticket))
            continue;
        double usage = usage_now(ticket->user, now_us);
        if (!best || usage < best_usage) {
            best = ticket;
            best_usage = usage;
        }
    }
    return best;
}

/* What it will use is counted when it starts, in small: else all of one user's would start at once. */
static void admit(tl_admission *admission, tl_ticket *ticket, int64_t now_us)
{
    static const double started_seconds = 0.01;
    ticket->state = RUNNING;
    ticket->admitted_us = ticket->touched_us = now_us;
    ticket->user->waiting--;
    ticket->user->running++;
    admission->waiting--;
    add_usage(ticket->user, started_seconds / ticket->weight, now_us);
    pthread_cond_signal(&ticket->admitted);
}

static void admit_all_that_may(tl_admission *admission, int64_t now_us)
{
    admission->looked_us = now_us;
    if (admission->waiting == 0)
        return;
    struct load load = load_now(admission, now_us);
    for (tl_ticket *ticket; (ticket = next_one(admission, &load, now_us)) != NULL;) {
        admit(admission, ticket, now_us);
        if (ticket->class == TL_ADMISSION_HEAVY)
            load.heavy++;
        else
            load.light++;
    }
}

/* ---- tickets ---- */

static enum tl_code check_queue(tl_admission *admission, const struct user *user, struct tl_err *err)
{
    bool own = user->waiting >= admission->limits.user_queue_max;
    if (!own && admission->waiting < admission->limits.queue_max)
        return TL_OK;
    tl_err_set(err, TL_TOO_MANY_REQUESTS, own ? "%d of your statements wait already" : "%d statements wait already",
               own ? user->waiting : admission->waiting);
    tl_err_hint(err, own ? "wait for them, or cancel some" : "try again shortly");
    return TL_TOO_MANY_REQUESTS;
}

static tl_ticket *new_ticket(tl_admission *admission, const tl_ticket *as)
{
    tl_ticket *ticket = tl_heap_alloc(sizeof *ticket), **last = &admission->tickets;
    pthread_condattr_t attributes;
    *ticket = *as;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ticket->admitted, &attributes);
    pthread_condattr_destroy(&attributes);
    while (*last)
        last = &(*last)->next;
    *last = ticket;
    ticket->user->waiting++;
    admission->waiting++;
    return ticket;
}

enum tl_code tl_admission_ask(struct tl_request *rq, tl_admission *admission, enum tl_admission_class class, tl_ticket **ret_ticket)
{
    static const struct tl_principal nobody = {.user = ""};
    const struct tl_principal *principal = rq->principal ? rq->principal : &nobody;
    int64_t now_us = tl_clock_monotonic_us();
    *ret_ticket = NULL;
    pthread_mutex_lock(&admission->mutex);
    struct user *user = find_user(admission, principal->user, now_us);
    enum tl_code code = check_queue(admission, user, &rq->err);
    if (code == TL_OK) {
        tl_ticket as = {.admission = admission, .user = user, .weight = weight_of(admission, principal), .class = class,
                        .state = WAITING, .asked_us = now_us};
        *ret_ticket = new_ticket(admission, &as);
        admit_all_that_may(admission, now_us);
    }
    pthread_mutex_unlock(&admission->mutex);
    return code;
}

static enum tl_code check_request(struct tl_request *rq, int64_t now_us)
{
    if (atomic_load(&rq->cancelled))
        return tl_err_set(&rq->err, TL_CANCELLED, "the statement was cancelled while it waited for its turn");
    if (rq->deadline_us && now_us >= rq->deadline_us)
        return tl_err_set(&rq->err, TL_TIME_EXCEEDED, "the statement waited for its turn longer than it may run");
    return TL_OK;
}

static void wait_until(tl_ticket *ticket, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    pthread_cond_timedwait(&ticket->admitted, &ticket->admission->mutex, &until);
}

enum tl_code tl_ticket_wait(struct tl_request *rq, tl_ticket *ticket, int wait_ms, bool *ret_admitted)
{
    tl_admission *admission = ticket->admission;
    int64_t now_us = tl_clock_monotonic_us(), until_us = wait_ms < 0 ? INT64_MAX : now_us + wait_ms * INT64_C(1000);
    enum tl_code code = TL_OK;
    pthread_mutex_lock(&admission->mutex);
    while (ticket->state == WAITING && (code = check_request(rq, now_us)) == TL_OK && now_us < until_us) {
        int64_t look_us = admission->looked_us + LOOK_US;
        wait_until(ticket, look_us < until_us ? look_us : until_us);
        now_us = tl_clock_monotonic_us();
        if (now_us - admission->looked_us >= LOOK_US) /* one of those that wait looks for all of them */
            admit_all_that_may(admission, now_us);
    }
    *ret_admitted = ticket->state == RUNNING;
    pthread_mutex_unlock(&admission->mutex);
    return code;
}

void tl_ticket_touch(tl_ticket *ticket)
{
    pthread_mutex_lock(&ticket->admission->mutex);
    ticket->touched_us = tl_clock_monotonic_us();
    pthread_mutex_unlock(&ticket->admission->mutex);
}

static void unlink_ticket(tl_admission *admission, tl_ticket *ticket, int64_t now_us)
{
    tl_ticket **at = &admission->tickets;
    while (*at != ticket)
        at = &(*at)->next;
    *at = ticket->next;
    if (ticket->state == RUNNING) {
        ticket->user->running--;
        add_usage(ticket->user, (double)(now_us - ticket->admitted_us) / 1e6 / ticket->weight, now_us);
    } else {
        ticket->user->waiting--;
        admission->waiting--;
    }
}

tl_ticket *tl_ticket_leave(tl_ticket *ticket)
{
    if (!ticket)
        return NULL;
    tl_admission *admission = ticket->admission;
    int64_t now_us = tl_clock_monotonic_us();
    pthread_mutex_lock(&admission->mutex);
    unlink_ticket(admission, ticket, now_us);
    admit_all_that_may(admission, now_us);
    pthread_mutex_unlock(&admission->mutex);
    pthread_cond_destroy(&ticket->admitted);
    free(ticket);
    return NULL;
}

int64_t tl_ticket_waited_us(const tl_ticket *ticket)
{
    pthread_mutex_lock(&ticket->admission->mutex);
    int64_t until_us = ticket->admitted_us ? ticket->admitted_us : tl_clock_monotonic_us();
    pthread_mutex_unlock(&ticket->admission->mutex);
    return until_us - ticket->asked_us;
}

void tl_admission_count(tl_admission *admission, struct tl_admission_counts *ret_counts)
{
    pthread_mutex_lock(&admission->mutex);
    struct load load = load_now(admission, tl_clock_monotonic_us());
    *ret_counts = (struct tl_admission_counts){load.running, load.heavy, admission->waiting};
    pthread_mutex_unlock(&admission->mutex);
}
