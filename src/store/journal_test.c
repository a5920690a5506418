/* The chained log: what was written comes back, what was changed is found, what was cut off is mended. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/journal.h"

static char folder[] = "/tmp/journal_test_XXXXXX";
static char directory[64];

static void clear(void)
{
    char path[512];
    DIR *open_folder = opendir(directory);
    for (struct dirent *entry; open_folder && (entry = readdir(open_folder)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        unlink(path);
    }
    if (open_folder)
        closedir(open_folder);
    rmdir(directory);
}

static tl_journal *open_with(struct tl_journal_options options)
{
    struct tl_err err;
    tl_journal *journal;
    tl_err_init(&err);
    if (tl_journal_open(directory, &options, &journal, &err) != TL_OK)
        fail_msg("%s", err.message);
    return journal;
}

static void add(tl_journal *journal, int number)
{
    char members[64];
    struct tl_err err;
    tl_err_init(&err);
    int size = snprintf(members, sizeof members, "\"kind\":\"test\",\"number\":%d", number);
    assert_int_equal(tl_journal_append(journal, (struct tl_str){members, (size_t)size}, &err), TL_OK);
}

static void fill(int count, struct tl_journal_options options)
{
    clear();
    tl_journal *journal = open_with(options);
    for (int i = 1; i <= count; i++)
        add(journal, i);
    tl_journal_close(journal);
}

static struct tl_journal_report verify(const struct tl_journal_head *expected)
{
    struct tl_journal_report report;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_journal_verify(directory, expected, &report, &err), TL_OK);
    return report;
}

/* The whole first segment as text; `edit` changes it; written back. */
static void edit_first(void (*edit)(char *text, size_t *size))
{
    static char text[1 << 20];
    char path[128];
    snprintf(path, sizeof path, "%s/00000000000000000001.jsonl", directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    edit(text, &size);
    file = fopen(path, "w");
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

struct seen {
    int64_t seqs[100];
    int count;
    char last[512];
};

static bool see(void *context, int64_t seq, struct tl_str line)
{
    struct seen *seen = context;
    seen->seqs[seen->count++] = seq;
    snprintf(seen->last, sizeof seen->last, "%.*s", (int)line.size, line.data);
    return seen->count < 3;
}

static void test_records_come_back_in_order(void **state)
{
    (void)state;
    fill(10, (struct tl_journal_options){.sync_ms = 5});
    struct seen seen = {.count = 0};
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_journal_read(directory, 4, see, &seen, &err), TL_OK);
    assert_int_equal(seen.count, 3); /* it said that this was enough */
    assert_int_equal(seen.seqs[0], 4);
    assert_int_equal(seen.seqs[2], 6);
    assert_non_null(strstr(seen.last, "{\"seq\":6,\"at\":\"20"));
    assert_non_null(strstr(seen.last, "\"kind\":\"test\",\"number\":6,\"previous\":\""));
}

static void test_the_chain_holds_over_restarts_and_segments(void **state)
{
    (void)state;
    struct tl_journal_options options = {.segment_bytes = 700};
    fill(10, options);
    tl_journal *journal = open_with(options);
    for (int i = 11; i <= 20; i++)
        add(journal, i);
    struct tl_journal_head head;
    tl_journal_head(journal, &head);
    assert_int_equal(head.seq, 20);
    tl_journal_close(journal);
    struct tl_journal_report report = verify(&head);
    assert_int_equal(report.broken_seq, 0);
    assert_int_equal(report.records, 20);
    assert_int_equal(report.first_seq, 1);
    assert_string_equal(report.head.hash, head.hash);
}

static void change_a_number(char *text, size_t *size)
{
    (void)size;
    *strstr(text, "\"number\":5") = '\''; /* same size, another byte */
}

static void take_the_fifth_line(char *text, size_t *size)
{
    char *line = text;
    for (int i = 1; i < 5; i++)
        line = strchr(line, '\n') + 1;
    char *next = strchr(line, '\n') + 1;
    memmove(line, next, *size - (size_t)(next - text) + 1);
    *size -= (size_t)(next - line);
}

static void swap_lines(char *text, size_t *size)
{
    (void)size;
    char *first = strchr(text, '\n') + 1, *second = strchr(first, '\n') + 1, *end = strchr(second, '\n') + 1;
    char copy[1024];
    size_t first_size = (size_t)(second - first), second_size = (size_t)(end - second);
    memcpy(copy, first, first_size);
    memmove(first, second, second_size);
    memcpy(first + second_size, copy, first_size);
}

static void cut_the_last_lines(char *text, size_t *size)
{
    char *line = text;
    for (int i = 1; i < 8; i++)
        line = strchr(line, '\n') + 1;
    *size = (size_t)(line - text);
}

static void test_what_was_changed_removed_or_moved_is_found(void **state)
{
    (void)state;
    static const struct {
        void (*edit)(char *text, size_t *size);
        int64_t seq;
        const char *why;
    } cases[] = {{change_a_number, 5, "was changed"}, {take_the_fifth_line, 5, "is missing"}, {swap_lines, 2, "is missing"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fill(10, (struct tl_journal_options){.sync_ms = 5});
        edit_first(cases[i].edit);
        struct tl_journal_report report = verify(NULL);
        assert_int_equal(report.broken_seq, cases[i].seq);
        assert_non_null(strstr(report.broken_why, cases[i].why));
    }
}

static void test_a_log_that_was_cut_off_is_found_by_who_wrote_its_head_down(void **state)
{
    (void)state;
    fill(10, (struct tl_journal_options){.sync_ms = 5});
    struct tl_journal_head head = verify(NULL).head;
    edit_first(cut_the_last_lines);
    assert_int_equal(verify(NULL).broken_seq, 0); /* it cannot be seen from the inside */
    struct tl_journal_report report = verify(&head);
    assert_int_equal(report.broken_seq, 10);
    fill(10, (struct tl_journal_options){.sync_ms = 5}); /* another log of the same length */
    report = verify(&head);
    assert_int_equal(report.broken_seq, 10);
    assert_non_null(strstr(report.broken_why, "written down"));
}

static void cut_inside_the_last_line(char *text, size_t *size)
{
    (void)text;
    *size -= 30;
}

static void test_a_last_line_that_a_crash_cut_off_is_removed_and_told(void **state)
{
    (void)state;
    fill(5, (struct tl_journal_options){.sync_ms = 5});
    edit_first(cut_inside_the_last_line);
    tl_journal *journal = open_with((struct tl_journal_options){.sync_ms = 5});
    add(journal, 6);
    tl_journal_close(journal);
    struct tl_journal_report report = verify(NULL);
    assert_int_equal(report.broken_seq, 0);
    assert_int_equal(report.records, 6); /* four, the repair, and one */
    struct seen seen = {.count = 0};
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_journal_read(directory, 5, see, &seen, &err), TL_OK);
    assert_int_equal(seen.count, 2);
}

static void change_the_last_line(char *text, size_t *size)
{
    (void)size;
    *strstr(text, "\"number\":5") = '\'';
}

static void test_a_log_whose_end_was_changed_is_not_continued(void **state)
{
    (void)state;
    fill(5, (struct tl_journal_options){.sync_ms = 5});
    edit_first(change_the_last_line);
    struct tl_err err;
    tl_journal *journal;
    tl_err_init(&err);
    assert_int_equal(tl_journal_open(directory, &(struct tl_journal_options){.sync_ms = 5}, &journal, &err), TL_STATE);
    assert_null(journal);
    assert_non_null(strstr(err.hint, "evidence"));
}

static void test_a_record_that_cannot_be_written_leaves_the_log_whole(void **state)
{
    (void)state;
    clear();
    tl_journal *journal = open_with((struct tl_journal_options){.sync_ms = 5});
    add(journal, 1);
    struct rlimit before, small = {.rlim_cur = 400};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    char members[600] = "\"kind\":\"test\",\"text\":\"";
    memset(members + strlen(members), 'x', 500);
    strncat(members, "\"", sizeof members - strlen(members) - 1);
    enum tl_code code = tl_journal_append(journal, tl_str_of(members), &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(code == TL_IO || code == TL_DISK_FULL);
    add(journal, 2);
    tl_journal_close(journal);
    struct tl_journal_report report = verify(NULL);
    assert_int_equal(report.broken_seq, 0);
    assert_int_equal(report.records, 2);
}

static bool disk_fails;

/* Takes the place of the library's: no file system here fails when it is told to. */
int fdatasync(int fd)
{
    if (!disk_fails)
        return fsync(fd);
    errno = EIO;
    return -1;
}

static void test_a_record_that_cannot_be_synced_leaves_the_log_whole(void **state)
{
    (void)state;
    clear();
    tl_journal *journal = open_with((struct tl_journal_options){.sync_ms = 0});
    add(journal, 1);
    struct tl_err err;
    tl_err_init(&err);
    disk_fails = true;
    enum tl_code code = tl_journal_append(journal, TL_STR("\"kind\":\"test\",\"number\":2"), &err);
    disk_fails = false;
    assert_int_equal(code, TL_IO);
    add(journal, 3);
    tl_journal_close(journal);
    struct tl_journal_report report = verify(NULL);
    assert_int_equal(report.broken_seq, 0);
    assert_int_equal(report.records, 2);
}

struct retention {
    int64_t removed_before_seq;
    bool found;
};

static bool find_retention(void *context, int64_t seq, struct tl_str line)
{
    (void)seq;
    struct retention *retention = context;
    char text[2048], wanted[128];
    snprintf(text, sizeof text, "%.*s", (int)line.size, line.data);
    snprintf(wanted, sizeof wanted, "\"kind\":\"retention\",\"removed_before_seq\":%d,", (int)retention->removed_before_seq);
    retention->found = retention->found || strstr(text, wanted);
    return true;
}

static void test_old_segments_go_and_that_is_recorded(void **state)
{
    (void)state;
    struct tl_journal_options options = {.segment_bytes = 600, .keep_us = 1000000};
    fill(9, options);
    int64_t first = verify(NULL).first_seq;
    assert_int_equal(first, 1);
    char path[128];
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    snprintf(path, sizeof path, "%s/00000000000000000001.jsonl", directory);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    tl_journal *journal = open_with(options);
    for (int i = 10; i < 16; i++)
        add(journal, i);
    tl_journal_close(journal);
    struct tl_journal_report report = verify(NULL);
    assert_int_equal(report.broken_seq, 0);
    assert_true(report.first_seq > 1);
    struct retention retention = {.removed_before_seq = report.first_seq};
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_journal_read(directory, 1, find_retention, &retention, &err), TL_OK);
    assert_true(retention.found);
}

static void test_a_beginning_that_went_by_no_retention_is_found(void **state)
{
    (void)state;
    char path[128];
    struct tl_journal_report report;
    fill(9, (struct tl_journal_options){.segment_bytes = 600});
    snprintf(path, sizeof path, "%s/00000000000000000001.jsonl", directory);
    assert_int_equal(unlink(path), 0);
    report = verify(NULL);
    assert_true(report.first_seq > 1);
    assert_int_equal(report.broken_seq, report.first_seq - 1);
    assert_non_null(strstr(report.broken_why, "by age"));
    fill(1, (struct tl_journal_options){.segment_bytes = 600}); /* the words in a text of others are no such record */
    tl_journal *journal = open_with((struct tl_journal_options){.segment_bytes = 600});
    struct tl_err err;
    tl_err_init(&err);
    for (int i = 0; i < 9; i++)
        assert_int_equal(tl_journal_append(journal, TL_STR("\"text\":\"\",\"kind\":\"retention\",\"removed_before_seq\":9"), &err), TL_OK);
    tl_journal_close(journal);
    assert_int_equal(unlink(path), 0);
    report = verify(NULL);
    assert_int_equal(report.broken_seq, report.first_seq - 1);
}

static void *append_many(void *context)
{
    for (int i = 0; i < 200; i++)
        add(context, i);
    return NULL;
}

static void test_threads_append_one_chain(void **state)
{
    (void)state;
    clear();
    tl_journal *journal = open_with((struct tl_journal_options){.sync_ms = 1, .segment_bytes = 20000});
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, journal), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    tl_journal_close(journal);
    struct tl_journal_report report = verify(NULL);
    assert_int_equal(report.broken_seq, 0);
    assert_int_equal(report.records, 1600);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(directory, sizeof directory, "%s/log", folder);
    signal(SIGXFSZ, SIG_IGN);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    clear();
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_come_back_in_order),
        cmocka_unit_test(test_the_chain_holds_over_restarts_and_segments),
        cmocka_unit_test(test_what_was_changed_removed_or_moved_is_found),
        cmocka_unit_test(test_a_log_that_was_cut_off_is_found_by_who_wrote_its_head_down),
        cmocka_unit_test(test_a_last_line_that_a_crash_cut_off_is_removed_and_told),
        cmocka_unit_test(test_a_log_whose_end_was_changed_is_not_continued),
        cmocka_unit_test(test_a_record_that_cannot_be_written_leaves_the_log_whole),
        cmocka_unit_test(test_a_record_that_cannot_be_synced_leaves_the_log_whole),
        cmocka_unit_test(test_old_segments_go_and_that_is_recorded),
        cmocka_unit_test(test_a_beginning_that_went_by_no_retention_is_found),
        cmocka_unit_test(test_threads_append_one_chain),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
