/* Stands for a sandbox whose process a script has taken over: says to the daemon what its "script" names.  For attack_test.c. */
#include <signal.h>
#include <unistd.h>

#include "sandbox/frame_int.h"

static void say(unsigned kind, const void *payload, size_t size, size_t claimed_size)
{
    unsigned char head[TL_FRAME_HEAD_BYTES];
    tl_frame_put32(head, (uint32_t)claimed_size + 1);
    head[4] = (unsigned char)kind;
    if (write(TL_FRAME_FD, head, sizeof head) != (ssize_t)sizeof head || write(TL_FRAME_FD, payload, size) != (ssize_t)size)
        _exit(0); /* it was seen through */
}

static void call(uint32_t number, const char *name)
{
    unsigned char payload[64] = {0};
    tl_frame_put32(payload, number);
    payload[4] = (unsigned char)strlen(name);
    memcpy(payload + 5, name, strlen(name));
    memcpy(payload + 5 + strlen(name), "[]", 2);
    say(TL_FRAME_CALL, payload, 7 + strlen(name), 7 + strlen(name));
}

static void lie(const char *how)
{
    static char zeros[2 << 20];
    if (!strcmp(how, "garbage"))
        say(99, "x", 1, 1);
    else if (!strcmp(how, "huge"))
        say(TL_FRAME_RESULT, "1", 1, 0xFFFFFFF0);
    else if (!strcmp(how, "start"))
        say(TL_FRAME_START, "1", 1, 1);
    else if (!strcmp(how, "latin1"))
        say(TL_FRAME_RESULT, "\"\xe4\"", 3, 3);
    else if (!strcmp(how, "stranger"))
        call(0, "skipper.drop_everything");
    else if (!strcmp(how, "twice"))
        call(0, "ping"), call(0, "ping");
    else if (!strcmp(how, "flood"))
        for (uint32_t i = 0;; i++)
            call(i, "skipper.hold");
    else if (!strcmp(how, "chatter"))
        for (;;)
            say(TL_FRAME_CONSOLE, zeros, 1, 1);
    else if (!strcmp(how, "result"))
        say(TL_FRAME_RESULT, zeros, sizeof zeros, sizeof zeros);
    else if (!strcmp(how, "exit"))
        _exit(7);
    else if (!strcmp(how, "crash"))
        raise(SIGSEGV);
    else if (!strcmp(how, "half"))
        say(TL_FRAME_RESULT, "1", 1, 10), _exit(0);
    pause();
}

int main(void)
{
    static char text[1 << 16];
    ssize_t got = read(TL_FRAME_FD, text, sizeof text - 1); /* small: one piece */
    struct tl_sandbox_start start;
    if (got < (ssize_t)(TL_FRAME_HEAD_BYTES + sizeof start))
        return 1;
    memcpy(&start, text + TL_FRAME_HEAD_BYTES, sizeof start);
    lie(text + TL_FRAME_HEAD_BYTES + sizeof start + start.names_bytes);
}
