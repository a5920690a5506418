#include "daemon/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "cli/cli.h"
#include "daemon/paths.h"
#include "store/journal.h"

enum { OPTIONS_MAX = 8, ARENA_MAX = 64 * 1024 * 1024 };

static enum tl_code find_directory(tl_arena *arena, const struct tl_cli_option *options, int count, const char **ret_directory, struct tl_err *err)
{
    const tl_config *config;
    *ret_directory = tl_cli_option(options, count, "--directory", NULL);
    if (*ret_directory)
        return TL_OK;
    if (tl_config_load(arena, tl_cli_option(options, count, "--config", NULL), NULL, &config, err) != TL_OK)
        return err->code;
    *ret_directory = tl_arena_printf(arena, "%s/audit", tl_absolute_path(arena, tl_config_text(config, "state.directory")));
    return TL_OK;
}

/* "17:8f43...": what an earlier verify printed. */
static enum tl_code read_expected(const char *text, struct tl_journal_head *ret_head, struct tl_err *err)
{
    int used = 0;
    if (sscanf(text, "%20" SCNd64 ":%64[0-9a-f]%n", &ret_head->seq, ret_head->hash, &used) == 2 && !text[used] && ret_head->seq > 0 &&
        strlen(ret_head->hash) == TL_JOURNAL_HASH_TEXT - 1)
        return TL_OK;
    tl_err_set(err, TL_INVALID_ARGUMENT, "--expect must be number:hash as an earlier verify printed it, not \"%.100s\"", text);
    return TL_INVALID_ARGUMENT;
}

static enum tl_code verify(const char *directory, const char *expect, struct tl_err *err)
{
    struct tl_journal_head expected;
    struct tl_journal_report report;
    if (expect && read_expected(expect, &expected, err) != TL_OK)
        return err->code;
    if (tl_journal_verify(directory, expect ? &expected : NULL, &report, err) != TL_OK)
        return err->code;
    if (report.broken_seq) {
        tl_err_set(err, TL_STATE, "the audit is broken at record %" PRId64 ": %s", report.broken_seq, report.broken_why);
        tl_err_detail(err, "%" PRId64 " records before it hold, from record %" PRId64, report.records, report.first_seq);
        tl_err_hint(err, "keep the files in \"%s\" as they are, and compare with your last export", directory);
        return TL_STATE;
    }
    printf("%" PRId64 " records, from %" PRId64 " to %" PRId64 ": the chain holds\n", report.records, report.first_seq, report.head.seq);
    if (report.records)
        printf("write this down elsewhere, to give to --expect later:\n%" PRId64 ":%s\n", report.head.seq, report.head.hash);
    return TL_OK;
}

static bool print_line(void *context, int64_t seq, struct tl_str line)
{
    (void)context;
    (void)seq;
    return fwrite(line.data, 1, line.size, stdout) == line.size && putchar('\n') != EOF;
}

static enum tl_code export(const char *directory, const char *from, struct tl_err *err)
{
    int64_t from_seq = 1;
    int used = 0;
    if (from && (sscanf(from, "%20" SCNd64 "%n", &from_seq, &used) != 1 || from[used]))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "--from must be the number of a record, not \"%.100s\"", from);
    if (tl_journal_read(directory, from_seq, print_line, NULL, err) == TL_OK && fflush(stdout) != 0)
        tl_err_set(err, TL_IO, "the records could not be written to the output");
    return err->code;
}

int tl_audit_main(int argc, char **argv)
{
    struct tl_cli_option options[OPTIONS_MAX];
    const char *words[1], *directory;
    int option_count = 0, word_count = 0;
    int status = tl_cli_parse("audit", argc, argv, options, &option_count, OPTIONS_MAX, words, &word_count, 1);
    if (status >= 0)
        return status;
    if (word_count != 1 || (strcmp(words[0], "verify") != 0 && strcmp(words[0], "export") != 0)) {
        tl_cli_print_help("audit");
        return 2;
    }
    struct tl_err err;
    tl_err_init(&err);
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    if (find_directory(arena, options, option_count, &directory, &err) == TL_OK) {
        if (strcmp(words[0], "verify") == 0)
            verify(directory, tl_cli_option(options, option_count, "--expect", NULL), &err);
        else
            export(directory, tl_cli_option(options, option_count, "--from", NULL), &err);
    }
    if (err.code != TL_OK)
        tl_cli_print_err(&err, NULL);
    tl_arena_free(arena);
    return err.code == TL_OK ? 0 : tl_code_info(err.code)->exit_status;
}
