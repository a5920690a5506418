/* townlake-sandbox: runs one script that comes over descriptor 0, and ends.  Started by sandbox/run.c only; see sandbox.h.
 *
 * The order matters: the numbers of the limits, all rights given up, and only then the script's bytes.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/script_int.h"

/* ---- the socket ---- */

static void write_all(const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(TL_FRAME_FD, bytes, size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            _exit(EXIT_CHANNEL);
        bytes += wrote;
        size -= (size_t)wrote;
    }
}

void send_frame(enum tl_frame_kind kind, const struct frame_piece *pieces, size_t count)
{
    static unsigned char together[16384]; /* a small frame is one write */
    size_t size = 0, used = TL_FRAME_HEAD_BYTES;
    for (size_t i = 0; i < count; i++)
        size += pieces[i].size;
    tl_frame_put32(together, (uint32_t)size + 1);
    together[4] = (unsigned char)kind;
    bool small = size <= sizeof together - TL_FRAME_HEAD_BYTES;
    for (size_t i = 0; small && i < count; i++) {
        if (pieces[i].size)
            memcpy(together + used, pieces[i].bytes, pieces[i].size);
        used += pieces[i].size;
    }
    write_all(together, used);
    for (size_t i = 0; !small && i < count; i++)
        write_all(pieces[i].bytes, pieces[i].size);
}

void receive(void *to, size_t size)
{
    static unsigned char ahead[16384];
    static size_t first, end;
    unsigned char *at = to;
    while (size > 0) {
        if (first == end) {
            bool direct = size >= sizeof ahead;
            ssize_t got = read(TL_FRAME_FD, direct ? at : ahead, direct ? size : sizeof ahead);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                _exit(EXIT_CHANNEL);
            first = 0;
            end = direct ? 0 : (size_t)got;
            at += direct ? got : 0;
            size -= direct ? (size_t)got : 0;
            continue;
        }
        size_t part = end - first < size ? end - first : size;
        memcpy(at, ahead + first, part);
        first += part;
        at += part;
        size -= part;
    }
}

/* ---- clocks: the linker gives these to the interpreter in place of libc's ---- */

static struct timeval told;

int __real_clock_gettime(clockid_t clock, struct timespec *to);
int __wrap_clock_gettime(clockid_t clock, struct timespec *to);
int __wrap_gettimeofday(struct timeval *to, void *zone);

int __wrap_clock_gettime(clockid_t clock, struct timespec *to)
{
    (void)clock;
    *to = (struct timespec){0, 0}; /* performance.now() stands still */
    return 0;
}

int __wrap_gettimeofday(struct timeval *to, void *zone)
{
    (void)zone;
    *to = told;
    return 0;
}

void set_clock(int64_t time_us)
{
    int64_t seconds = time_us / 1000000, rest_us = time_us % 1000000;
    if (rest_us < 0) {
        seconds--;
        rest_us += 1000000;
    }
    told = (struct timeval){seconds, rest_us};
}

int64_t cpu_us(void)
{
    struct timespec used;
    __real_clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * (int64_t)1000000 + used.tv_nsec / 1000;
}

/* ---- starting ---- */

static const char **cut_names(char *names, size_t size)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < size; i++)
        count += names[i] == 0;
    const char **list = calloc(count + 1, sizeof *list);
    if (!list)
        _exit(EXIT_START);
    for (size_t i = 0; i < count; i++) {
        list[i] = names + at;
        at += strlen(names + at) + 1;
    }
    return list;
}

static char *receive_text(size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        _exit(EXIT_START);
    receive(text, size);
    text[size] = 0;
    return text;
}

int main(int argc, char **argv)
{
    static struct script script;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc != 2 || getppid() != strtol(argv[1], NULL, 10)) /* it ended before the line above */
        _exit(EXIT_ORPHAN);
    unsigned char head[TL_FRAME_HEAD_BYTES];
    receive(head, sizeof head);
    if (head[4] != TL_FRAME_START)
        _exit(EXIT_START);
    receive(&script.start, sizeof script.start);
    script_prepare(&script);
    lock_down(&script.start);
    script.functions = cut_names(receive_text(script.start.names_bytes), script.start.names_bytes);
    script_run(&script, receive_text(script.start.script_bytes));
}
