/* townlake doctor: what could be wrong here, one line each, and what to do about it. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "cli/cli_int.h"
#include "cli/installation.h"
#include "io/process.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };
static const int64_t free_bytes_wanted = (int64_t)2 << 30;

struct doctor {
    tl_arena *arena;
    const tl_config *config;
    struct tl_cli_colours c;
    int problems, notes;
};

enum verdict { GOOD, NOTE, BAD };

static void report(struct doctor *doctor, enum verdict verdict, const char *what, const char *hint)
{
    const char *colours[] = {doctor->c.green, doctor->c.yellow, doctor->c.red}, *words[] = {"ok  ", "note", "bad "};
    printf("%s%s%s  %s\n", colours[verdict], words[verdict], doctor->c.off, what);
    if (verdict != GOOD && hint && *hint)
        printf("      %s\n", hint);
    doctor->problems += verdict == BAD;
    doctor->notes += verdict == NOTE;
}

#define SAY(...) tl_arena_printf(doctor->arena, __VA_ARGS__)

static void check_engine(struct doctor *doctor)
{
    const char *program = tl_config_text(doctor->config, "engine.program"), *folder = tl_config_text(doctor->config, "engine.extensions");
    if (!program || !*program)
        program = tl_installation_find(doctor->arena, TL_INSTALLED_ENGINE);
    if (program && access(program, X_OK) == 0)
        report(doctor, GOOD, SAY("engine program %s", program), NULL);
    else
        report(doctor, BAD, "the engine program townlake-engine is not beside this program", "run `make build`, or set engine.program");
    if (!folder || !*folder)
        folder = tl_installation_find(doctor->arena, TL_INSTALLED_EXTENSIONS);
    static const char *const names[] = {"avro", "httpfs", "iceberg"};
    for (size_t i = 0; i < 3; i++) {
        const char *path = SAY("%s/%s.duckdb_extension", folder ? folder : ".", names[i]);
        if (folder && access(path, R_OK) == 0)
            report(doctor, GOOD, SAY("extension %s", names[i]), NULL);
        else
            report(doctor, BAD, SAY("the extension %s is missing", names[i]), "run `make deps`, or set engine.extensions to its folder");
    }
}

static const char *state_folder(struct doctor *doctor)
{
    const char *folder = tl_config_text(doctor->config, "state.directory"), *home = getenv("HOME");
    return folder[0] == '~' ? SAY("%s%s", home ? home : "", folder + 1) : folder;
}

static void check_state(struct doctor *doctor)
{
    const char *folder = state_folder(doctor);
    struct stat info;
    if (stat(folder, &info) != 0) {
        report(doctor, NOTE, SAY("the state folder %s does not exist yet", folder), "the server makes it when it starts");
        char *parent = tl_arena_strdup(doctor->arena, folder);
        while (*parent && access(parent, F_OK) != 0 && strrchr(parent, '/'))
            *strrchr(parent, '/') = '\0';
        folder = *parent ? parent : "/";
    } else if (access(folder, W_OK) != 0) {
        report(doctor, BAD, SAY("the state folder %s cannot be written", folder), "give it to the user that runs the server, or set state.directory");
    } else {
        report(doctor, GOOD, SAY("state folder %s", folder), NULL);
    }
    int64_t free_bytes = tl_dir_free_bytes(folder);
    double free_gib = (double)free_bytes / (double)((int64_t)1 << 30);
    if (free_bytes >= 0)
        report(doctor, free_bytes < free_bytes_wanted ? NOTE : GOOD, SAY("%.1f GiB free in %s", free_gib, folder),
               "large sorts and joins spill here; make room or set engine.spill_limit");
}

static void check_sources(struct doctor *doctor, tl_cli_client *client)
{
    const tl_json *answer;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_cli_call(client, doctor->arena, "GET", "/api/v1/sources", (struct tl_str){"", 0}, &answer, &err) != TL_OK) {
        report(doctor, NOTE, SAY("the sources could not be listed: %s", err.message), err.hint);
        return;
    }
    for (struct tl_json_iter source = tl_json_iter(tl_json_get(answer, "sources")); tl_json_next(&source);) {
        const char *name = tl_json_get_text(source.value, "name"), *failure = tl_json_get_text(source.value, "failure");
        int64_t datasets = 0;
        tl_json_int64(tl_json_get(source.value, "datasets"), &datasets);
        if (failure)
            report(doctor, BAD, SAY("source %s: %s", name, failure), tl_json_get_text(source.value, "hint"));
        else
            report(doctor, GOOD, SAY("source %s, %lld datasets", name, (long long)datasets), NULL);
    }
}

static void check_model(struct doctor *doctor, tl_cli_client *client)
{
    const tl_json *answer;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_cli_call(client, doctor->arena, "GET", "/api/v1/models?check=true", (struct tl_str){"", 0}, &answer, &err) != TL_OK)
        return; /* the sources have told already why we are not let in */
    struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "models"));
    if (!tl_json_next(&it)) {
        report(doctor, GOOD, "no language model: questions are answered by the planner alone (models.provider)", NULL);
        return;
    }
    const char *name = tl_json_get_text(it.value, "name"), *host = tl_json_get_text(it.value, "host");
    const tl_json *failure = tl_json_get(it.value, "failure");
    const char *what = SAY("language model %s%s%s", name, host && *host ? " at " : "", host ? host : "");
    if (tl_json_bool(tl_json_get(it.value, "answers"), false))
        report(doctor, GOOD, SAY("%s answers", what), NULL);
    else
        report(doctor, BAD, SAY("%s: %s", what, tl_json_get_text(failure, "message")), tl_json_get_text(failure, "hint"));
}

static void check_search(struct doctor *doctor, tl_cli_client *client)
{
    const tl_json *answer;
    struct tl_err err;
    int64_t documents = 0;
    tl_err_init(&err);
    if (tl_cli_call(client, doctor->arena, "GET", "/api/v1/search", (struct tl_str){"", 0}, &answer, &err) != TL_OK)
        return;
    const char *state = tl_json_get_text(answer, "state"), *reason = tl_json_get_text(answer, "reason");
    tl_json_int64(tl_json_get(answer, "documents"), &documents);
    if (!tl_streq(state, "ready"))
        report(doctor, NOTE, SAY("search index: %s%s%s", state ? state : "unknown", reason ? ": " : "", reason ? reason : ""), "it is made anew by itself");
    else
        report(doctor, GOOD, SAY("search index, %lld documents%s%s", (long long)documents, reason ? "; made anew: " : "", reason ? reason : ""), NULL);
}

/* What signing in depends on. */
static void check_identity(struct doctor *doctor, const tl_json *identity)
{
    for (struct tl_json_iter part = tl_json_iter(tl_json_get(identity, "parts")); tl_json_next(&part);) {
        const char *name = tl_json_get_text(part.value, "name");
        const char *what = tl_streq(name, "keys") ? "the identity provider" : SAY("the source of groups \"%s\"", name);
        if (!tl_json_bool(tl_json_get(part.value, "usable"), false))
            report(doctor, BAD, SAY("%s does not answer, so nobody comes in by it", what), "mend it; tokens of the configuration still open");
        else if (!tl_json_bool(tl_json_get(part.value, "answers"), false))
            report(doctor, NOTE, SAY("%s did not answer the last time; its last answer still counts", what), "mend it before the grace time ends");
        else
            report(doctor, GOOD, SAY("%s answers", what), NULL);
    }
}

/* The server, when one runs; else whether its port could be taken. */
static void check_server(struct doctor *doctor, const struct tl_cli_option *options, int option_count)
{
    tl_cli_client client;
    tl_cli_client_init(&client, options, option_count);
    struct tl_err err;
    tl_err_init(&err);
    struct tl_http_request request = {.method = "GET", .url = SAY("%s/readyz", client.url), .connect_timeout_ms = 2000};
    struct tl_http_response response;
    const tl_json *answer = NULL;
    if (tl_http_call(client.http, doctor->arena, &request, &response, &err) != TL_OK) {
        report(doctor, NOTE, SAY("no server answers at %s", client.url), "`townlake serve` or `townlake demo --dir ./demo-data` starts one");
    } else if (tl_json_parse(doctor->arena, response.body.data, response.body.size, &answer, &err) != TL_OK || !tl_json_get_text(answer, "version")) {
        report(doctor, BAD, SAY("%s is not a Town Lake server", client.url), "something else has the port: set listen.port, or --url to the right one");
    } else {
        const char *version = tl_json_get_text(answer, "version");
        report(doctor, GOOD, SAY("server %s at %s", version, client.url), NULL);
        if (strcmp(version, TL_VERSION) != 0)
            report(doctor, NOTE, SAY("the server is version %s and this program is %s", version, TL_VERSION), "use the same version on both sides");
        const tl_json *engine = tl_json_get(answer, "engine");
        const char *failure = tl_json_get_text(engine, "last_failure");
        if (tl_json_bool(tl_json_get(engine, "ready"), false))
            report(doctor, GOOD, SAY("engine %s is ready", tl_json_get_text(engine, "version")), NULL);
        else
            report(doctor, BAD, SAY("the engine is not ready%s%s", failure ? ": " : "", failure ? failure : ""), "the server's log says why");
        const tl_json *rules = tl_json_get(answer, "lifeguard");
        const char *broken = tl_json_get_text(rules, "message");
        if (broken)
            report(doctor, BAD, SAY("the rules cannot be read, so everything is denied: %s", broken), "restore the state from a backup");
        else if (tl_streq(tl_json_get_text(rules, "default"), "open"))
            report(doctor, NOTE, "what nobody has reviewed is open to everyone (lifeguard.default)", "take lifeguard.default out when others use this server");
        else
            report(doctor, GOOD, "what nobody has reviewed is closed", NULL);
        check_identity(doctor, tl_json_get(answer, "identity"));
        check_sources(doctor, &client);
        check_search(doctor, &client);
        check_model(doctor, &client);
    }
    tl_cli_client_done(&client);
}

int tl_cli_doctor(int argc, char **argv)
{
    struct tl_cli_option options[TL_CLI_OPTIONS_MAX];
    int option_count, word_count;
    int status = tl_cli_parse("doctor", argc, argv, options, &option_count, TL_CLI_OPTIONS_MAX, NULL, &word_count, 0);
    if (status >= 0)
        return status;
    struct doctor state = {.arena = tl_arena_new(ARENA_MAX), .c = tl_cli_colours(stdout)}, *doctor = &state;
    struct tl_err err;
    tl_err_init(&err);
    const char *path = tl_cli_option(options, option_count, "--config", NULL);
    printf("townlake %s\n", TL_VERSION);
    if (tl_config_load(doctor->arena, path, NULL, &doctor->config, &err) != TL_OK) {
        report(doctor, BAD, err.message, err.hint);
    } else {
        report(doctor, GOOD, path ? SAY("configuration %s", path) : "configuration: defaults and environment", NULL);
        check_engine(doctor);
        check_state(doctor);
        check_server(doctor, options, option_count);
    }
    if (doctor->problems || doctor->notes)
        printf("\n%d to mend, %d to know\n", doctor->problems, doctor->notes);
    else
        printf("\nall is well\n");
    status = doctor->problems ? 1 : 0;
    tl_arena_free(doctor->arena);
    return status;
}
