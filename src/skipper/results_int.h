/* skipper/results_int.h -- one kept result, and its rows. */
#ifndef TL_SKIPPER_RESULTS_INT_H
#define TL_SKIPPER_RESULTS_INT_H

#include <pthread.h>

#include "skipper/results.h"

struct tl_result_entry {
    struct tl_request rq; /* of the thread that reads, with an arena of its own */
    tl_answer *answer;
    struct tl_buf rows;   /* "{..},{..}": of the thread until `running` is false */
    size_t *ends;         /* of each row in `rows` */
    size_t row_count, row_capacity;
    atomic_size_t rows_so_far;
    const char **names;   /* of the columns, each once */
    struct tl_field *fields;
    size_t field_count;
    const char **warnings;
    size_t warning_count;
    bool running, cut;    /* cut: there were more rows than are kept */
    int64_t started_us, elapsed_us, touched_us;
    int references;       /* of the table's lock */
    bool dropped;
    struct tl_results *results;
    struct tl_result_entry *next;
};

struct tl_results {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    tl_door *door;
    struct tl_results_limits limits;
    struct tl_result_entry *first; /* newest first */
    size_t bytes;
    int running;
    bool stopping;
    pthread_t sweeper;
};

/* Names of the columns for objects: a name that comes again gets "_2". */
void tl_result_name_columns(struct tl_result_entry *entry);
/* Adds rows; false: a cap is met. */
bool tl_result_add_rows(struct tl_result_entry *entry, const struct tl_batch *batch);
/* The rows that are wanted: of a result that has ended.  *ret_next: the first that is left. */
void tl_result_slice(const struct tl_result_entry *entry, const struct tl_results_want *want, struct tl_str *ret_rows, size_t *ret_next);

#endif
