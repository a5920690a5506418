/* The figures of a run: `sandbox_bench [RUNS]`, by default 200: start to result of 1+1, 100 host calls that do nothing, memory. */
#include "base/clock.h"
#include "sandbox/testing_int.h"

enum { RUNS_MAX = 10000 };

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void measure(const char *what, const char *script, long runs)
{
    static int64_t wall_us[RUNS_MAX], cpu_us[RUNS_MAX];
    size_t resident = 0;
    for (long i = 0; i < runs; i++) {
        struct trial trial;
        trial_begin(&trial);
        int64_t start_us = tl_clock_monotonic_us();
        trial_go(&trial, tl_str_of(script));
        wall_us[i] = tl_clock_monotonic_us() - start_us;
        expect_end(&trial, TL_SANDBOX_DONE);
        cpu_us[i] = trial.result.cpu_us;
        resident = trial.result.resident_bytes_max > resident ? trial.result.resident_bytes_max : resident;
        trial_end(&trial);
    }
    qsort(wall_us, (size_t)runs, sizeof *wall_us, compare);
    qsort(cpu_us, (size_t)runs, sizeof *cpu_us, compare);
    printf("%-28s p50 %6.2f ms, p95 %6.2f ms, processor %5.2f ms, resident at most %.1f MB\n", what, (double)wall_us[runs / 2] / 1e3,
           (double)wall_us[runs * 95 / 100] / 1e3, (double)cpu_us[runs / 2] / 1e3, (double)resident / 1e6);
}

int main(int argc, char **argv)
{
    long runs = argc > 1 ? strtol(argv[1], NULL, 10) : 200;
    if (runs < 1 || runs > RUNS_MAX)
        return 2;
    measure("1+1", "1+1", runs);
    measure("100 calls, one by one", "for (let i = 0; i < 100; i++) await ping(); 1", runs);
    measure("100 calls, Promise.all", "await Promise.all(Array.from({length: 100}, () => ping())); 1", runs);
    return 0;
}
