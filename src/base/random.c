#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/hex.h"

enum { CHUNK_MAX = 256 }; /* so many come in one piece, without interruption */

enum tl_code tl_random_bytes(void *to, size_t size, struct tl_err *err)
{
    for (size_t done = 0; done < size;) {
        size_t wanted = size - done < CHUNK_MAX ? size - done : CHUNK_MAX;
        if (getrandom((char *)to + done, wanted, 0) != (ssize_t)wanted)
            return tl_err_errno(err, TL_IO, errno, "the system gave no random bytes");
        done += wanted;
    }
    return TL_OK;
}

enum tl_code tl_random_hex(char *to, size_t byte_count, struct tl_err *err)
{
    unsigned char bytes[TL_RANDOM_HEX_BYTES_MAX];
    if (byte_count > sizeof bytes)
        return tl_err_set(err, TL_INTERNAL, "more random digits are wanted than fit");
    enum tl_code code = tl_random_bytes(bytes, byte_count, err);
    if (code == TL_OK)
        tl_hex_text(to, bytes, byte_count);
    return code;
}
