/* Reading a journal: segments, lines, the chain. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/hex.h"
#include "store/journal_int.h"

enum { SEGMENTS_MAX = 1000000, HASH_DIGITS = TL_JOURNAL_HASH_TEXT - 1 };

static const char hash_key[] = ",\"hash\":\"", previous_key[] = ",\"previous\":\"", seq_key[] = "{\"seq\":";

void journal_segment_path(const char *directory, int64_t first_seq, char path[4096])
{
    snprintf(path, 4096, "%s/%020" PRId64 ".jsonl", directory, first_seq);
}

static int64_t segment_number(const char *name)
{
    int64_t number = 0;
    if (strlen(name) != JOURNAL_NAME_SIZE || strspn(name, "0123456789") != 20 || strcmp(name + 20, ".jsonl") != 0)
        return 0;
    return sscanf(name, "%20" SCNd64, &number) == 1 ? number : 0;
}

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

enum tl_code journal_segments(const char *directory, int64_t **ret_first_seqs, size_t *ret_count, struct tl_err *err)
{
    size_t capacity = 0;
    *ret_first_seqs = NULL;
    *ret_count = 0;
    DIR *folder = opendir(directory);
    if (!folder)
        return tl_err_errno(err, TL_IO, errno, "cannot read the folder \"%s\"", directory);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && *ret_count < SEGMENTS_MAX;) {
        int64_t number = segment_number(entry->d_name);
        if (number <= 0)
            continue;
        if (*ret_count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            *ret_first_seqs = tl_heap_grow(*ret_first_seqs, capacity * sizeof **ret_first_seqs);
        }
        (*ret_first_seqs)[(*ret_count)++] = number;
    }
    closedir(folder);
    if (*ret_count)
        qsort(*ret_first_seqs, *ret_count, sizeof **ret_first_seqs, by_number);
    return TL_OK;
}

/* Text of exactly 64 digits behind `key`, which ends at `end`. */
static bool take_hash(struct tl_str line, size_t end, const char *key, size_t key_size, char hash[TL_JOURNAL_HASH_TEXT], size_t *ret_start)
{
    size_t size = key_size + HASH_DIGITS + 1; /* and the quote */
    if (end < size || line.data[end - 1] != '"' || memcmp(line.data + end - size, key, key_size) != 0)
        return false;
    memcpy(hash, line.data + end - 1 - HASH_DIGITS, HASH_DIGITS);
    hash[HASH_DIGITS] = '\0';
    *ret_start = end - size;
    return strspn(hash, "0123456789abcdef") == HASH_DIGITS;
}

bool journal_parse(struct tl_str line, struct journal_line *ret_line)
{
    size_t hash_start, previous_start;
    int used = 0;
    char number[24];
    if (line.size < sizeof seq_key || line.data[line.size - 1] != '}' || memcmp(line.data, seq_key, sizeof seq_key - 1) != 0)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)(line.size - sizeof seq_key + 1), line.data + sizeof seq_key - 1);
    if (sscanf(number, "%20" SCNd64 "%n", &ret_line->seq, &used) != 1 || number[used] != ',' || ret_line->seq <= 0)
        return false;
    if (!take_hash(line, line.size - 1, hash_key, sizeof hash_key - 1, ret_line->hash, &hash_start) ||
        !take_hash(line, hash_start, previous_key, sizeof previous_key - 1, ret_line->previous, &previous_start))
        return false;
    ret_line->hashed = (struct tl_str){line.data, hash_start};
    return true;
}

/* Found once: looking for it takes as long as hashing a record does. */
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;

static void find_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void journal_hash(struct tl_str hashed, char hash[TL_JOURNAL_HASH_TEXT])
{
    unsigned char digest[TL_JOURNAL_HASH_SIZE];
    pthread_once(&sha256_once, find_sha256);
    if (!sha256 || EVP_Digest(hashed.data, hashed.size, digest, NULL, sha256, NULL) != 1)
        abort(); /* no memory: a record without its place in the chain must not be written */
    tl_hex_text(hash, digest, sizeof digest);
}

enum tl_code journal_lines(const char *path, bool (*each)(void *context, struct tl_str line), void *context, int64_t *ret_end,
                           bool *ret_stopped, struct tl_err *err)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;
    *ret_end = 0;
    *ret_stopped = false;
    if (!file)
        return tl_err_errno(err, TL_IO, errno, "cannot read \"%s\"", path);
    for (ssize_t size; !*ret_stopped && (size = getline(&line, &capacity, file)) > 0;) {
        if (size > TL_JOURNAL_LINE_MAX || line[size - 1] != '\n')
            break; /* the end was cut off */
        *ret_stopped = !each(context, (struct tl_str){line, (size_t)size - 1});
        *ret_end += size;
    }
    if (ferror(file))
        tl_err_errno(err, TL_IO, errno, "cannot read \"%s\"", path);
    free(line);
    fclose(file);
    return err->code;
}

/* ---- reading from a number on ---- */

struct reading {
    int64_t from_seq;
    tl_journal_each each;
    void *context;
};

static bool read_line(void *context, struct tl_str line)
{
    struct reading *reading = context;
    struct journal_line parsed;
    if (!journal_parse(line, &parsed) || parsed.seq < reading->from_seq)
        return true;
    return reading->each(reading->context, parsed.seq, line);
}

enum tl_code tl_journal_read(const char *directory, int64_t from_seq, tl_journal_each each, void *context, struct tl_err *err)
{
    struct reading reading = {from_seq, each, context};
    int64_t *segments, end;
    size_t count;
    bool stopped = false;
    enum tl_code code = journal_segments(directory, &segments, &count, err);
    for (size_t i = 0; code == TL_OK && i < count && !stopped; i++) {
        char path[4096];
        if (i + 1 < count && segments[i + 1] <= from_seq)
            continue;
        journal_segment_path(directory, segments[i], path);
        code = journal_lines(path, read_line, &reading, &end, &stopped, err);
    }
    free(segments);
    return code;
}

/* ---- the chain ---- */

struct verifying {
    struct tl_journal_report *report;
    const struct tl_journal_head *expected;
    bool expected_found;
    int64_t removed_before_seq; /* by age, as the log itself says */
};

static bool break_at(struct tl_journal_report *report, int64_t seq, const char *why)
{
    report->broken_seq = seq > 0 ? seq : 1;
    snprintf(report->broken_why, sizeof report->broken_why, "%s", why);
    return false;
}

/* What retention wrote stands at the beginning of a record, where no text of others can. */
static void note_retention(struct verifying *verifying, struct tl_str line)
{
    char begin[160];
    int64_t seq = 0;
    snprintf(begin, sizeof begin, "%.*s", (int)(line.size < sizeof begin ? line.size : sizeof begin - 1), line.data);
    if (sscanf(begin, "{\"seq\":%*20[0-9],\"at\":\"%*40[^\"]\",\"kind\":\"retention\",\"removed_before_seq\":%20" SCNd64, &seq) == 1 &&
        seq > verifying->removed_before_seq)
        verifying->removed_before_seq = seq;
}

static bool verify_line(void *context, struct tl_str line)
{
    struct verifying *verifying = context;
    struct tl_journal_report *report = verifying->report;
    struct journal_line parsed;
    char hash[TL_JOURNAL_HASH_TEXT];
    int64_t wanted = report->head.seq + 1;
    if (!journal_parse(line, &parsed))
        return break_at(report, wanted, "this line is not a record");
    if (report->records > 0 && parsed.seq != wanted)
        return break_at(report, wanted, "this record is missing");
    journal_hash(parsed.hashed, hash);
    if (strcmp(hash, parsed.hash) != 0)
        return break_at(report, parsed.seq, "this record was changed: its hash is not that of its text");
    if (report->records > 0 && strcmp(parsed.previous, report->head.hash) != 0)
        return break_at(report, parsed.seq, "this record does not follow the one before it");
    if (report->records == 0)
        report->first_seq = parsed.seq;
    report->records++;
    note_retention(verifying, line);
    report->head.seq = parsed.seq;
    memcpy(report->head.hash, parsed.hash, sizeof report->head.hash);
    if (verifying->expected && verifying->expected->seq == parsed.seq) {
        verifying->expected_found = true;
        if (strcmp(verifying->expected->hash, parsed.hash) != 0)
            return break_at(report, parsed.seq, "this is not the record that was written down");
    }
    return true;
}

static void check_begin(struct tl_journal_report *report, int64_t removed_before_seq, const char *first_previous)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    if (report->first_seq == 1 && strcmp(first_previous, zeros) != 0)
        break_at(report, 1, "the first record does not begin a chain");
    if (report->first_seq > 1 && report->first_seq > removed_before_seq)
        break_at(report, report->first_seq - 1, "this record is missing, and no record says that it went by age");
}

static bool take_previous(void *context, struct tl_str line)
{
    struct journal_line parsed;
    if (journal_parse(line, &parsed))
        memcpy(context, parsed.previous, TL_JOURNAL_HASH_TEXT);
    return false;
}

enum tl_code tl_journal_verify(const char *directory, const struct tl_journal_head *expected, struct tl_journal_report *ret_report,
                               struct tl_err *err)
{
    *ret_report = (struct tl_journal_report){0};
    struct verifying verifying = {.report = ret_report, .expected = expected};
    int64_t *segments, end;
    size_t count;
    bool stopped = false;
    char path[4096], first_previous[TL_JOURNAL_HASH_TEXT] = "";
    enum tl_code code = journal_segments(directory, &segments, &count, err);
    for (size_t i = 0; code == TL_OK && i < count && !ret_report->broken_seq; i++) {
        journal_segment_path(directory, segments[i], path);
        if (i == 0)
            code = journal_lines(path, take_previous, first_previous, &end, &stopped, err);
        if (code == TL_OK)
            code = journal_lines(path, verify_line, &verifying, &end, &stopped, err);
        if (code == TL_OK && !ret_report->broken_seq && i + 1 < count && ret_report->head.seq + 1 != segments[i + 1])
            break_at(ret_report, ret_report->head.seq + 1, "this record is missing");
    }
    free(segments);
    if (code == TL_OK && !ret_report->broken_seq)
        check_begin(ret_report, verifying.removed_before_seq, first_previous);
    if (code == TL_OK && !ret_report->broken_seq && expected && !verifying.expected_found)
        break_at(ret_report, expected->seq, "the record that was written down is not in the log any more");
    return code;
}
