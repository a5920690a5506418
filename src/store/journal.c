/* Writing a journal: one writer at a time, one write(2) a record. */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/journal_int.h"

static const int64_t SEGMENT_BYTES = 64 * 1024 * 1024;

struct tl_journal {
    char *directory;
    struct tl_journal_options options;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pthread_t thread;
    bool has_thread, closing, dirty;
    int fd;
    int64_t segment_bytes; /* written to the current segment */
    struct tl_journal_head head;
    struct tl_buf line;
};

/* ---- opening ---- */

struct tail {
    struct journal_line last;
    bool any, bad;
};

static bool take_last(void *context, struct tl_str line)
{
    struct tail *tail = context;
    tail->any = true;
    tail->bad = !journal_parse(line, &tail->last);
    if (!tail->bad) {
        char hash[TL_JOURNAL_HASH_TEXT];
        journal_hash(tail->last.hashed, hash);
        tail->bad = strcmp(hash, tail->last.hash) != 0;
    }
    return true;
}

static enum tl_code open_segment(tl_journal *journal, int64_t first_seq, int64_t keep_bytes, struct tl_err *err)
{
    char path[4096];
    journal_segment_path(journal->directory, first_seq, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, keep_bytes) != 0) {
        tl_err_errno(err, TL_IO, errno, "cannot write the log \"%s\"", path);
        if (fd >= 0)
            close(fd);
        return err->code;
    }
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = fd;
    journal->segment_bytes = keep_bytes;
    return TL_OK;
}

static enum tl_code say_repaired(tl_journal *journal, int64_t bytes, struct tl_err *err)
{
    char members[128];
    int size = snprintf(members, sizeof members, "\"kind\":\"repair\",\"removed_bytes\":%" PRId64, bytes);
    return tl_journal_append(journal, (struct tl_str){members, (size_t)size}, err);
}

/* Go on behind the last whole record. */
static enum tl_code resume(tl_journal *journal, int64_t first_seq, struct tl_err *err)
{
    struct tail tail = {.any = false};
    struct stat info;
    char path[4096];
    int64_t end;
    bool stopped;
    journal_segment_path(journal->directory, first_seq, path);
    if (journal_lines(path, take_last, &tail, &end, &stopped, err) != TL_OK)
        return err->code;
    if (tail.bad) {
        tl_err_set(err, TL_STATE, "the last record of the log \"%s\" was changed", path);
        tl_err_hint(err, "move the folder aside and keep it as evidence; a new log is begun then");
        return TL_STATE;
    }
    if (stat(path, &info) != 0)
        return tl_err_errno(err, TL_IO, errno, "cannot read \"%s\"", path);
    if (tail.any) {
        journal->head.seq = tail.last.seq;
        memcpy(journal->head.hash, tail.last.hash, sizeof journal->head.hash);
    }
    if (open_segment(journal, first_seq, end, err) != TL_OK)
        return err->code;
    return info.st_size > end ? say_repaired(journal, info.st_size - end, err) : TL_OK;
}

static enum tl_code begin(tl_journal *journal, struct tl_err *err)
{
    int64_t *segments;
    size_t count;
    memset(journal->head.hash, '0', sizeof journal->head.hash - 1);
    if (mkdir(journal->directory, 0700) != 0 && errno != EEXIST)
        return tl_err_errno(err, TL_IO, errno, "cannot make the folder \"%s\"", journal->directory);
    if (journal_segments(journal->directory, &segments, &count, err) != TL_OK)
        return err->code;
    enum tl_code code = count ? resume(journal, segments[count - 1], err) : open_segment(journal, 1, 0, err);
    if (code == TL_OK && count > 1 && journal->segment_bytes == 0) /* it was begun and got no record */
        code = resume(journal, segments[count - 2], err);
    free(segments);
    return code;
}

/* ---- syncing ---- */

static void wait_ms(tl_journal *journal, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + ms % 1000 * INT64_C(1000000);
    until.tv_sec += ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(&journal->wake, &journal->mutex, &until);
}

static void sync_now(tl_journal *journal)
{
    int fd = dup(journal->fd); /* the segment may change meanwhile */
    journal->dirty = false;
    pthread_mutex_unlock(&journal->mutex);
    if (fd < 0 || fdatasync(fd) != 0)
        tl_log(TL_LOG_ERROR, "store", "a log could not be synced to disk", "directory", "%s", journal->directory, NULL);
    if (fd >= 0)
        close(fd);
    pthread_mutex_lock(&journal->mutex);
}

static void *sync_main(void *context)
{
    tl_journal *journal = context;
    pthread_mutex_lock(&journal->mutex);
    while (!journal->closing) {
        while (!journal->dirty && !journal->closing)
            pthread_cond_wait(&journal->wake, &journal->mutex);
        if (!journal->closing)
            wait_ms(journal, journal->options.sync_ms);
        if (journal->dirty)
            sync_now(journal);
    }
    pthread_mutex_unlock(&journal->mutex);
    return NULL;
}

/* ---- life ---- */

enum tl_code tl_journal_open(const char *directory, const struct tl_journal_options *options, tl_journal **ret_journal, struct tl_err *err)
{
    tl_journal *journal = tl_heap_alloc(sizeof *journal);
    pthread_condattr_t attributes;
    *ret_journal = NULL;
    journal->directory = tl_heap_strdup(directory);
    journal->options = *options;
    journal->options.segment_bytes = options->segment_bytes > 0 ? options->segment_bytes : SEGMENT_BYTES;
    journal->fd = -1;
    tl_buf_init(&journal->line, TL_JOURNAL_LINE_MAX);
    pthread_mutex_init(&journal->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&journal->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    enum tl_code code = begin(journal, err);
    if (code == TL_OK && journal->options.sync_ms > 0) {
        journal->has_thread = pthread_create(&journal->thread, NULL, sync_main, journal) == 0;
        if (!journal->has_thread)
            code = tl_err_set(err, TL_INTERNAL, "could not start a thread");
    }
    if (code != TL_OK)
        tl_journal_close(journal);
    else
        *ret_journal = journal;
    return code;
}

tl_journal *tl_journal_close(tl_journal *journal)
{
    if (!journal)
        return NULL;
    pthread_mutex_lock(&journal->mutex);
    journal->closing = true;
    pthread_cond_broadcast(&journal->wake);
    pthread_mutex_unlock(&journal->mutex);
    if (journal->has_thread)
        pthread_join(journal->thread, NULL);
    if (journal->fd >= 0) {
        (void)fdatasync(journal->fd);
        close(journal->fd);
    }
    tl_buf_done(&journal->line);
    pthread_cond_destroy(&journal->wake);
    pthread_mutex_destroy(&journal->mutex);
    free(journal->directory);
    free(journal);
    return NULL;
}

/* ---- appending; under the mutex ---- */

static enum tl_code make_line(tl_journal *journal, struct tl_str members, char hash[TL_JOURNAL_HASH_TEXT], struct tl_err *err)
{
    struct tl_buf *line = &journal->line;
    char at[TL_CLOCK_TEXT_SIZE];
    tl_clock_text(at, tl_clock_wall_us(), 6);
    tl_buf_clear(line);
    tl_buf_addf(line, "{\"seq\":%" PRId64 ",\"at\":\"%s\",", journal->head.seq + 1, at);
    tl_buf_add(line, members.data, members.size);
    tl_buf_addf(line, ",\"previous\":\"%s\"", journal->head.hash);
    if (!line->failed)
        journal_hash((struct tl_str){line->data, line->size}, hash);
    tl_buf_addf(line, ",\"hash\":\"%s\"}\n", hash);
    if (line->failed)
        return tl_err_set(err, TL_TOO_LARGE, "a record of the log is larger than %d bytes", TL_JOURNAL_LINE_MAX);
    return TL_OK;
}

/* What the caller is told was not written must not stand in the file: the next record would carry its number. */
static enum tl_code take_back(tl_journal *journal, struct tl_err *err)
{
    if (ftruncate(journal->fd, journal->segment_bytes) != 0)
        tl_err_detail(err, "and the record, or half of it, could not be taken back");
    return err->code;
}

static enum tl_code write_line(tl_journal *journal, struct tl_err *err)
{
    size_t written = 0;
    while (written < journal->line.size) {
        ssize_t size = write(journal->fd, journal->line.data + written, journal->line.size - written);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0) {
            int reason = size == 0 ? EIO : errno;
            tl_err_errno(err, reason == ENOSPC || reason == EDQUOT ? TL_DISK_FULL : TL_IO, reason, "the log in \"%s\" cannot be written", journal->directory);
            return take_back(journal, err);
        }
        written += (size_t)size;
    }
    if (journal->options.sync_ms > 0 || fdatasync(journal->fd) == 0)
        return TL_OK;
    tl_err_errno(err, TL_IO, errno, "the log in \"%s\" cannot be synced to disk", journal->directory);
    return take_back(journal, err);
}

static enum tl_code append(tl_journal *journal, struct tl_str members, struct tl_err *err)
{
    char hash[TL_JOURNAL_HASH_TEXT] = "";
    if (make_line(journal, members, hash, err) != TL_OK || write_line(journal, err) != TL_OK)
        return err->code;
    journal->segment_bytes += (int64_t)journal->line.size;
    journal->head.seq++;
    memcpy(journal->head.hash, hash, sizeof hash);
    if (journal->options.sync_ms > 0 && !journal->dirty) {
        journal->dirty = true;
        pthread_cond_signal(&journal->wake);
    }
    return TL_OK;
}

/* ---- segments; under the mutex ---- */

static bool is_old(const tl_journal *journal, const char *path)
{
    struct stat info;
    int64_t oldest_us = tl_clock_wall_us() - journal->options.keep_us;
    return stat(path, &info) == 0 && (int64_t)info.st_mtim.tv_sec * 1000000 < oldest_us;
}

/* Old segments from the beginning on, never one in the middle; first the record that says so: without it their absence is a break. */
static void remove_old(tl_journal *journal)
{
    int64_t *segments;
    size_t count, removed = 0;
    struct tl_err err;
    char path[4096], members[160];
    tl_err_init(&err);
    if (journal->options.keep_us <= 0 || journal_segments(journal->directory, &segments, &count, &err) != TL_OK)
        return;
    while (removed + 1 < count) {
        journal_segment_path(journal->directory, segments[removed], path);
        if (!is_old(journal, path))
            break;
        removed++;
    }
    if (removed > 0) {
        int size = snprintf(members, sizeof members, "\"kind\":\"retention\",\"removed_before_seq\":%" PRId64, segments[removed]);
        if (append(journal, (struct tl_str){members, (size_t)size}, &err) != TL_OK)
            tl_log_err(TL_LOG_ERROR, "store", "the removal of old records could not be recorded, so they stay", &err);
    }
    bool going = err.code == TL_OK;
    for (size_t i = 0; i < removed && going; i++) {
        journal_segment_path(journal->directory, segments[i], path);
        going = unlink(path) == 0;
    }
    free(segments);
}

static enum tl_code next_segment(tl_journal *journal, struct tl_err *err)
{
    if (fdatasync(journal->fd) != 0)
        return tl_err_errno(err, TL_IO, errno, "the log in \"%s\" cannot be synced to disk", journal->directory);
    return open_segment(journal, journal->head.seq + 1, 0, err);
}

enum tl_code tl_journal_append(tl_journal *journal, struct tl_str members, struct tl_err *err)
{
    enum tl_code code = TL_OK;
    pthread_mutex_lock(&journal->mutex);
    bool full = journal->segment_bytes >= journal->options.segment_bytes;
    if (full)
        code = next_segment(journal, err);
    if (code == TL_OK)
        code = append(journal, members, err);
    if (code == TL_OK && full)
        remove_old(journal);
    pthread_mutex_unlock(&journal->mutex);
    return code;
}

void tl_journal_head(tl_journal *journal, struct tl_journal_head *ret_head)
{
    pthread_mutex_lock(&journal->mutex);
    *ret_head = journal->head;
    pthread_mutex_unlock(&journal->mutex);
}
