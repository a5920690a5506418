/* Documents that come from outside: the first byte says whether the rest is YAML or a page.  Whatever it is, it becomes edits and
 * problems within bounds, every problem has a reason, and what was planned is written and then planned as nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog/catalog_int.h"

enum { ARENA_BYTES_MAX = 256 * 1024 * 1024, REPORT_MAX = 64 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held, const char *what)
{
    if (!held) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static tl_catalog *catalog;
static char folder[] = "/tmp/tl_catalog_fuzz.XXXXXX";

static void end_world(void)
{
    static const char *const files[] = {"state.db", "state.db-wal", "state.db-shm", "lock", "state.lock"};
    char path[128];
    tl_lifeguard_close(catalog->options.lifeguard);
    tl_store_close(catalog->options.store);
    free(catalog);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
}

/* One state for all inputs: what was said before is part of the next one's world. */
static tl_catalog *world(void)
{
    struct tl_lifeguard_options options = {.link_base = "http://lake"};
    struct tl_err err;
    tl_err_init(&err);
    if (catalog)
        return catalog;
    catalog = tl_heap_alloc(sizeof *catalog);
    must(mkdtemp(folder) && tl_store_open(folder, &catalog->options.store, &err) == TL_OK, "a state");
    must(tl_lifeguard_open(catalog->options.store, &options, &catalog->options.lifeguard, &err) == TL_OK, "the rules");
    atexit(end_world);
    return catalog;
}

static int64_t import(tl_catalog *in, const struct tl_catalog_file *file, bool apply, int64_t *ret_errors)
{
    static const char *const groups[] = {"admin"};
    static const struct tl_principal principal = {.user = "root", .group_count = 1, .groups = groups, .authenticated = true};
    struct tl_request rq;
    struct tl_buf buf;
    struct tl_json_writer json;
    const tl_json *root;
    int64_t changes = -1;
    tl_request_init(&rq, tl_arena_new(ARENA_BYTES_MAX));
    rq.principal = &principal;
    tl_buf_init(&buf, REPORT_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    enum tl_code code = tl_catalog_import(&rq, in, file, 1, apply, &json);
    tl_json_end_object(&json);
    must(code == TL_OK || code == TL_TOO_LARGE, "an import tells its problems and does not fail");
    if (code == TL_OK) {
        must(!buf.failed && tl_json_parse(rq.arena, buf.data, buf.size, &root, &rq.err) == TL_OK, "the report is JSON");
        must(tl_json_int64(tl_json_get(root, "change_count"), &changes) && tl_json_int64(tl_json_get(root, "error_count"), ret_errors), "the report counts");
        for (struct tl_json_iter it = tl_json_iter(tl_json_get(root, "errors")); tl_json_next(&it);)
            must(tl_json_get_text(it.value, "reason") && *tl_json_get_text(it.value, "reason"), "a problem has a reason");
    }
    tl_buf_done(&buf);
    tl_arena_free(rq.arena);
    return changes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct tl_catalog_file file = {data[0] % 2 ? "page.md" : "said.yaml", {(const char *)data + 1, size - 1}};
    int64_t errors = 0, again = 0;
    int64_t changes = import(world(), &file, true, &errors);
    if (changes >= 0 && errors == 0)
        must(import(world(), &file, false, &again) == 0 && again == 0, "what was written is planned as nothing");
    return 0;
}
