/* sources/postgres/scan_int.h -- between scan.c (what is read and how it is split) and part.c (reading) only. */
#ifndef TL_SOURCES_POSTGRES_SCAN_INT_H
#define TL_SOURCES_POSTGRES_SCAN_INT_H

#include "sources/postgres/scan.h"
#include "sources/postgres/uses.h"

enum { TL_POSTGRES_SNAPSHOT_SIZE = 64 };

/* What is read apart from others: a heap, or one partition. */
struct tl_postgres_piece {
    const char *from; /* FROM .. */
    int64_t pages;
    bool ranges;      /* of pages may be read of it */
};

struct tl_scan {
    tl_source *source;
    const struct tl_scan_request *request;
    const struct tl_postgres_dataset *own;

    /* What is sent; built once. */
    const char *select; /* SELECT .. */
    const char *from;   /* FROM .. */
    const char *where; /* conditions joined by AND, "" when none */
    const char *tail;  /* ORDER BY, LIMIT */
    const char *text;  /* all of it, for reports */
    bool counts;       /* one row comes back: how many rows there are */
    bool asks_more;    /* than rows as they are: what the source refuses of it might be done here */
    struct tl_postgres_uses uses;
    size_t field_count;
    struct tl_postgres_field *fields;

    /* How it is split; the mutex guards all below. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ranged;
    size_t piece_count, next_piece; /* ranged */
    const struct tl_postgres_piece *pieces;
    int64_t next_page;              /* of that piece */
    int64_t pages_left;             /* of all pieces */
    bool taken;                            /* not ranged: the one part was given out */
    char snapshot[TL_POSTGRES_SNAPSHOT_SIZE];
    int parts_at_once;
    int connected;  /* connections in a transaction of this scan, and those being made */
    int importing;  /* taken from the pool, but not yet within the snapshot: the exporter must wait */
    int idle_count; /* within the transaction, not reading */
    struct tl_postgres_connection *idle[TL_POSTGRES_CONNECTIONS_MAX];
    bool left;        /* a part was closed in mid-way: no further row is wanted of any */
    int parked_count; /* left in mid-way while another imports the snapshot, which lives as long as its exporter's transaction */
    struct tl_postgres_connection *parked[TL_POSTGRES_CONNECTIONS_MAX];
    atomic_int_least64_t rows, bytes;
};

/* "BEGIN ..." with the time limit of this scan. */
void tl_postgres_scan_begin(const struct tl_scan *scan, const struct tl_stop *stop, struct tl_buf *sql);
/* The SELECT, of one piece (NULL = all) with one more condition (NULL = none). */
void tl_postgres_scan_select(const struct tl_scan *scan, const struct tl_postgres_piece *piece, const char *condition,
                             struct tl_buf *sql);
/* The answer to tl_postgres_uses_write: TL_SOURCE_CHANGED when what was described is no more. */
TL_CHECKED enum tl_code tl_postgres_scan_check(const struct tl_scan *scan, const PGresult *result, struct tl_err *err);
/* Decide how to split; leaves the connection that asked, within its transaction, among the idle ones. */
TL_CHECKED enum tl_code tl_postgres_scan_split(struct tl_scan *scan, tl_arena *arena, int threads,
                                               const struct tl_stop *stop, struct tl_err *err);

#endif
