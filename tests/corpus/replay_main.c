/* tests/corpus/replay_main.c -- runs a fuzz target without a fuzzer: over files, and over mutations of them.
 *
 * usage: x_replay [-n MUTATIONS] [-s SEED] FILE_OR_FOLDER...
 * So every build, with any compiler and sanitizer, replays the seeds and past crashes and tries MUTATIONS changes of them.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20, PATH_SIZE = 4096 };

static uint64_t random_state;

/* xorshift64* (Marsaglia 2003, Vigna 2016) */
static uint64_t random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 2685821657736338717U;
}

static size_t mutate(uint8_t *bytes, size_t size)
{
    unsigned changes = 1 + (unsigned)(random_next() % 6);
    for (unsigned i = 0; i < changes && size > 0; i++) {
        size_t at = random_next() % size;
        switch (random_next() % 5) {
        case 0:
            bytes[at] ^= (uint8_t)(1U << random_next() % 8);
            break;
        case 1:
            bytes[at] = (uint8_t)random_next();
            break;
        case 2:
            size = at;
            break;
        case 3: { /* copy a piece over another */
            size_t from = random_next() % size, length = 1 + random_next() % 16;
            if (from + length <= size && at + length <= size)
                memmove(bytes + at, bytes + from, length);
            break;
        }
        default: {
            static const uint8_t edges[] = {0, 1, 0x7F, 0x80, 0xFF};
            for (size_t k = at; k < size && k < at + 4; k++)
                bytes[k] = edges[random_next() % sizeof edges];
        }
        }
    }
    return size;
}

static long runs;

static void run_file(const char *path, long mutations)
{
    static uint8_t bytes[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    /* exact-size heap copies, so that reading one byte too far is seen */
    for (long i = 0; i <= mutations; i++) {
        uint8_t *copy = malloc(size ? size : 1);
        if (!copy)
            exit(2);
        memcpy(copy, bytes, size);
        size_t used = i ? mutate(copy, size) : size;
        uint8_t *exact = malloc(used ? used : 1);
        if (!exact)
            exit(2);
        memcpy(exact, copy, used);
        LLVMFuzzerTestOneInput(exact, used);
        free(exact);
        free(copy);
        runs++;
    }
}

static void run_path(const char *path, long mutations)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        perror(path);
        exit(2);
    }
    if (!S_ISDIR(info.st_mode)) {
        run_file(path, mutations);
        return;
    }
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char inner[PATH_SIZE];
        snprintf(inner, sizeof inner, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            run_path(inner, mutations);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

int main(int argc, char **argv)
{
    long mutations = 0;
    random_state = 88172645463325252U;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            mutations = strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
            random_state ^= strtoull(argv[++i], NULL, 10) * 0x9E3779B97F4A7C15U;
        else
            run_path(argv[i], mutations);
    }
    printf("%ld inputs\n", runs);
    return runs ? 0 : 2;
}
