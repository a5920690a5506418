/* Who may run: classes, bounds, fairness, waiting, under threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "door/admission.h"

enum { PEOPLE = 4 };

static tl_arena *arena;
static const char *const etl_groups[] = {"etl"};
static const struct tl_principal people[PEOPLE] = {
    {.user = "ann"}, {.user = "ben"}, {.user = "cleo", .group_count = 1, .groups = etl_groups}, {.user = "dan"}};

static struct tl_request request(int person)
{
    struct tl_request rq;
    tl_request_init(&rq, arena);
    rq.principal = &people[person];
    return rq;
}

static tl_admission *admission_of(struct tl_admission_limits limits)
{
    tl_admission *admission;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_admission_new(&limits, &admission, &err), TL_OK);
    return admission;
}

static tl_ticket *ask(tl_admission *admission, int person, enum tl_admission_class class)
{
    struct tl_request rq = request(person);
    tl_ticket *ticket;
    assert_int_equal(tl_admission_ask(&rq, admission, class, &ticket), TL_OK);
    return ticket;
}

static bool runs(tl_ticket *ticket, int wait_ms)
{
    struct tl_request rq = request(0);
    bool admitted;
    assert_int_equal(tl_ticket_wait(&rq, ticket, wait_ms, &admitted), TL_OK);
    return admitted;
}

static void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static void test_light_ones_do_not_wait_for_heavy_ones(void **state)
{
    (void)state;
    tl_admission *admission = admission_of((struct tl_admission_limits){.heavy_max = 1});
    tl_ticket *first = ask(admission, 0, TL_ADMISSION_HEAVY), *second = ask(admission, 1, TL_ADMISSION_HEAVY);
    assert_true(runs(first, 0));
    assert_false(runs(second, 0));
    tl_ticket *light = ask(admission, 0, TL_ADMISSION_LIGHT);
    assert_true(runs(light, 0));
    struct tl_admission_counts counts;
    tl_admission_count(admission, &counts);
    assert_int_equal(counts.running, 2);
    assert_int_equal(counts.heavy, 1);
    assert_int_equal(counts.waiting, 1);
    tl_ticket_leave(first);
    assert_true(runs(second, 0));
    tl_ticket_leave(light);
    tl_ticket_leave(second);
    tl_admission_count(admission, &counts);
    assert_int_equal(counts.running + counts.waiting, 0);
    tl_admission_free(admission);
}

static void test_what_runs_long_is_heavy_whatever_was_believed(void **state)
{
    (void)state;
    tl_admission *admission = admission_of((struct tl_admission_limits){.heavy_max = 1, .light_max = 2, .heavy_after_us = 30000});
    tl_ticket *tickets[2] = {ask(admission, 0, TL_ADMISSION_UNKNOWN), ask(admission, 0, TL_ADMISSION_UNKNOWN)};
    tl_ticket *light = ask(admission, 1, TL_ADMISSION_LIGHT), *unknown = ask(admission, 1, TL_ADMISSION_UNKNOWN);
    assert_false(runs(light, 0)); /* both places for light ones are taken ... */
    assert_true(runs(light, 500)); /* ... until the two turn out to be heavy */
    assert_false(runs(unknown, 0)); /* and now nothing unknown is believed to be light */
    tl_ticket *heavy = ask(admission, 1, TL_ADMISSION_HEAVY);
    assert_false(runs(heavy, 0));
    tl_ticket_leave(tickets[0]);
    assert_true(runs(unknown, 0));
    tl_ticket_leave(tickets[1]);
    tl_ticket_leave(light);
    tl_ticket_leave(unknown);
    assert_true(runs(heavy, 0));
    tl_ticket_leave(heavy);
    tl_admission_free(admission);
}

static void test_who_used_least_goes_first(void **state)
{
    (void)state;
    tl_admission *admission = admission_of((struct tl_admission_limits){.heavy_max = 1, .user_max = 10});
    tl_ticket *greedy[5];
    for (int i = 0; i < 5; i++)
        greedy[i] = ask(admission, 0, TL_ADMISSION_HEAVY);
    tl_ticket *modest = ask(admission, 1, TL_ADMISSION_HEAVY);
    sleep_ms(30);
    assert_true(runs(greedy[0], 0));
    tl_ticket_leave(greedy[0]);
    assert_true(runs(modest, 0));
    assert_false(runs(greedy[1], 0));
    sleep_ms(100); /* now the modest one has used more */
    tl_ticket *again = ask(admission, 1, TL_ADMISSION_HEAVY);
    tl_ticket_leave(modest);
    assert_true(runs(greedy[1], 0));
    assert_false(runs(again, 0));
    for (int i = 1; i < 5; i++)
        tl_ticket_leave(greedy[i]);
    tl_ticket_leave(again);
    tl_admission_free(admission);
}

static void test_weights_make_shares(void **state)
{
    (void)state;
    tl_admission *admission = admission_of((struct tl_admission_limits){.heavy_max = 1, .weights = "ann=100, group:etl=0.01"});
    tl_ticket *first = ask(admission, 0, TL_ADMISSION_HEAVY); /* ann runs long, at a hundredth of the price */
    tl_ticket *more = ask(admission, 0, TL_ADMISSION_HEAVY);
    sleep_ms(60);
    tl_ticket *etl = ask(admission, 2, TL_ADMISSION_HEAVY);
    tl_ticket_leave(first);
    assert_true(runs(etl, 0)); /* it has used nothing yet */
    sleep_ms(5);
    tl_ticket *etl_more = ask(admission, 2, TL_ADMISSION_HEAVY);
    tl_ticket_leave(etl);
    assert_true(runs(more, 0)); /* five milliseconds times a hundred are more than sixty by a hundred */
    tl_ticket_leave(more);
    tl_ticket_leave(etl_more);
    tl_admission_free(admission);
}

static void test_weights_that_cannot_be_read_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"ann", "ann=", "=2", "ann=x", "ann=0", "ann=1000", "ann=1x", "ann=nan", "ann=-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tl_admission *admission;
        struct tl_err err;
        tl_err_init(&err);
        assert_int_equal(tl_admission_new(&(struct tl_admission_limits){.weights = bad[i]}, &admission, &err), TL_CONFIG);
        assert_non_null(strstr(err.message, bad[i]));
        assert_true(err.hint[0]);
    }
}

static void test_one_users_statements_leave_places_for_others(void **state)
{
    (void)state;
    tl_admission *admission = admission_of((struct tl_admission_limits){.user_max = 2});
    tl_ticket *tickets[3], *other;
    for (int i = 0; i < 3; i++)
        tickets[i] = ask(admission, 0, TL_ADMISSION_LIGHT);
    assert_true(runs(tickets[1], 0));
    assert_false(runs(tickets[2], 0));
    other = ask(admission, 1, TL_ADMISSION_LIGHT);
    assert_true(runs(other, 0));
    tl_ticket_leave(tickets[2]); /* one that waits may leave */
    tl_ticket_leave(other);
    tl_ticket_leave(tickets[0]);
    tl_ticket_leave(tickets[1]);
    tl_admission_free(admission);
}

static void test_full_queues_refuse(void **state)
{
    (void)state;
    tl_admission *admission = admission_of((struct tl_admission_limits){.light_max = 1, .user_queue_max = 2, .queue_max = 3});
    tl_ticket *tickets[4] = {ask(admission, 0, TL_ADMISSION_LIGHT)}, *none;
    for (int i = 1; i < 3; i++)
        tickets[i] = ask(admission, 0, TL_ADMISSION_LIGHT);
    struct tl_request rq = request(0);
    assert_int_equal(tl_admission_ask(&rq, admission, TL_ADMISSION_LIGHT, &none), TL_TOO_MANY_REQUESTS);
    assert_null(none);
    assert_non_null(strstr(rq.err.message, "your"));
    tickets[3] = ask(admission, 1, TL_ADMISSION_LIGHT);
    rq = request(3);
    assert_int_equal(tl_admission_ask(&rq, admission, TL_ADMISSION_LIGHT, &none), TL_TOO_MANY_REQUESTS);
    assert_null(strstr(rq.err.message, "your"));
    for (int i = 0; i < 4; i++)
        tl_ticket_leave(tickets[i]);
    tl_admission_free(admission);
}

static void test_waiting_ends_by_cancel_and_by_deadline(void **state)
{
    (void)state;
    tl_admission *admission = admission_of((struct tl_admission_limits){.light_max = 1});
    tl_ticket *first = ask(admission, 0, TL_ADMISSION_LIGHT), *second = ask(admission, 0, TL_ADMISSION_LIGHT);
    struct tl_request rq = request(0);
    bool admitted;
    rq.deadline_us = tl_clock_monotonic_us() + 20000;
    assert_int_equal(tl_ticket_wait(&rq, second, -1, &admitted), TL_TIME_EXCEEDED);
    assert_false(admitted);
    rq = request(0);
    atomic_store(&rq.cancelled, true);
    assert_int_equal(tl_ticket_wait(&rq, second, -1, &admitted), TL_CANCELLED);
    tl_ticket_leave(second);
    tl_ticket_leave(first);
    assert_null(tl_ticket_leave(NULL));
    tl_admission_free(admission);
}

static void test_a_stalled_one_gives_its_place_to_others(void **state)
{
    (void)state;
    tl_admission *admission = admission_of((struct tl_admission_limits){.heavy_max = 1, .stalled_us = 30000});
    tl_ticket *stalled = ask(admission, 0, TL_ADMISSION_HEAVY), *next = ask(admission, 1, TL_ADMISSION_HEAVY);
    assert_false(runs(next, 0));
    assert_true(runs(next, 1000));
    assert_true(runs(stalled, 0)); /* it has not lost it */
    tl_ticket_touch(stalled);
    tl_ticket_leave(next);
    tl_ticket_leave(stalled);
    tl_admission_free(admission);
}

struct crowd {
    tl_admission *admission;
    atomic_int running, most, done;
};

static void *crowd_main(void *context)
{
    struct crowd *crowd = context;
    for (int i = 0; i < 25; i++) {
        struct tl_request rq;
        tl_arena *own = tl_arena_new(1 << 20);
        tl_request_init(&rq, own);
        rq.principal = &people[i % PEOPLE];
        tl_ticket *ticket;
        bool admitted = false;
        if (tl_admission_ask(&rq, crowd->admission, TL_ADMISSION_HEAVY, &ticket) == TL_OK &&
            tl_ticket_wait(&rq, ticket, -1, &admitted) == TL_OK && admitted) {
            int now = atomic_fetch_add(&crowd->running, 1) + 1, most = atomic_load(&crowd->most);
            while (now > most && !atomic_compare_exchange_weak(&crowd->most, &most, now))
                continue;
            tl_ticket_touch(ticket);
            atomic_fetch_sub(&crowd->running, 1);
            atomic_fetch_add(&crowd->done, 1);
        }
        tl_ticket_leave(ticket);
        tl_arena_free(own);
    }
    return NULL;
}

static void test_many_threads_never_pass_the_bound_and_all_get_their_turn(void **state)
{
    (void)state;
    struct crowd crowd = {.admission = admission_of((struct tl_admission_limits){.heavy_max = 3})};
    pthread_t threads[32];
    for (int i = 0; i < 32; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_main, &crowd), 0);
    for (int i = 0; i < 32; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.done, 32 * 25);
    assert_in_range(crowd.most, 1, 3);
    tl_admission_free(crowd.admission);
}

static int make_arena(void **state)
{
    (void)state;
    arena = tl_arena_new(1 << 24);
    return 0;
}

static int free_arena(void **state)
{
    (void)state;
    tl_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_light_ones_do_not_wait_for_heavy_ones),
        cmocka_unit_test(test_what_runs_long_is_heavy_whatever_was_believed),
        cmocka_unit_test(test_who_used_least_goes_first),
        cmocka_unit_test(test_weights_make_shares),
        cmocka_unit_test(test_weights_that_cannot_be_read_are_refused),
        cmocka_unit_test(test_one_users_statements_leave_places_for_others),
        cmocka_unit_test(test_full_queues_refuse),
        cmocka_unit_test(test_waiting_ends_by_cancel_and_by_deadline),
        cmocka_unit_test(test_a_stalled_one_gives_its_place_to_others),
        cmocka_unit_test(test_many_threads_never_pass_the_bound_and_all_get_their_turn),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
