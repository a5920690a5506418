#include "daemon/serve.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "cli/installation.h"
#include "daemon/agent.h"
#include "daemon/drivers.h"
#include "daemon/paths.h"
#include "detectors/detectors.h"
#include "door/upkeep.h"
#include "io/process.h"
#include "skipper/agent_answer.h"

enum { ARENA_MAX = 16 * 1024 * 1024, TOKEN_BYTES = 32, STOP_GRACE_MS = 5000 };

struct tl_serve {
    tl_arena *arena;
    const tl_config *config;
    const char *const *extra_paths;
    tl_store *store;
    tl_lifeguard *lifeguard;
    uint8_t mask_key[TL_MASK_KEY_SIZE];
    tl_audit *audit;
    tl_auth *auth;
    tl_engine *engine;
    tl_lake *lake;
    tl_registry *registry;
    tl_door *door;
    tl_catalog *catalog;
    tl_search *search;
    tl_lineage *lineage;
    tl_skimmer *skimmer;
    tl_tools *tools;
    tl_model *model; /* NULL = none, and then no agent */
    tl_agent *agent;
    struct tl_agent_answer_parts answer_parts; /* of the agent, as one of those who answer questions */
    tl_ask *ask;
    tl_upkeep_schedule *upkeep; /* NULL = none */
    tl_api *api;
    tl_http_server *http, *engine_http; /* the second only beside TLS */
    const char *url;        /* as clients are told */
    const char *engine_url; /* as the engine is told */
    const char *state_dir;
    char engine_token[2 * TOKEN_BYTES + 1];
};

/* Where the configuration says, else beside this program. */
static const char *configured_or_installed(tl_serve *serve, const char *key, enum tl_installed what)
{
    const char *path = tl_config_text(serve->config, key);
    return path && *path ? tl_absolute_path(serve->arena, path) : tl_installation_find(serve->arena, what);
}

static enum tl_code find_engine(tl_serve *serve, struct tl_engine_options *engine, struct tl_err *err)
{
    engine->program = configured_or_installed(serve, "engine.program", TL_INSTALLED_ENGINE);
    engine->extensions = configured_or_installed(serve, "engine.extensions", TL_INSTALLED_EXTENSIONS);
    if (!engine->program || access(engine->program, X_OK) != 0) {
        tl_err_set(err, TL_CONFIG, "the engine program \"%s\" is not where it should be", engine->program ? engine->program : "townlake-engine");
        tl_err_hint(err, "set engine.program to the path of townlake-engine");
        return TL_CONFIG;
    }
    if (!engine->extensions) {
        tl_err_set(err, TL_CONFIG, "the engine's extensions are not beside the program");
        tl_err_hint(err, "set engine.extensions to the folder that holds iceberg.duckdb_extension");
        return TL_CONFIG;
    }
    return TL_OK;
}

static int64_t default_memory_bytes(void)
{
    int64_t pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? pages * page_bytes / 10 * 6 : (int64_t)1 << 30;
}

/* What the engine may open: the warehouse, and the path of every source of the file that has one. */
static const char *const *allowed_paths(tl_serve *serve)
{
    const struct tl_config_source *sources;
    size_t count = tl_config_sources(serve->config, &sources), used = 0, extra = 0;
    while (serve->extra_paths && serve->extra_paths[extra])
        extra++;
    const char **paths = TL_NEW_ARRAY(serve->arena, const char *, count * TL_SOURCE_OPTIONS_MAX + extra + 2);
    for (size_t i = 0; i < extra; i++)
        paths[used++] = serve->extra_paths[i];
    if (tl_config_bool(serve->config, "lake.enabled"))
        paths[used++] = tl_lake_warehouse(serve->lake);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sources[i].option_count; k++)
            if (strcmp(sources[i].options[k].name, "path") == 0)
                paths[used++] = sources[i].options[k].value;
    return paths;
}

static enum tl_code start_audit(tl_serve *serve, struct tl_err *err)
{
    struct tl_journal_options options = {
        .segment_bytes = tl_config_size_bytes(serve->config, "audit.segment"),
        .keep_us = tl_config_duration_us(serve->config, "audit.keep"),
        .sync_ms = (int)(tl_config_duration_us(serve->config, "audit.sync") / 1000),
    };
    return tl_audit_open(tl_arena_printf(serve->arena, "%s/audit", serve->state_dir), &options, &serve->audit, err);
}

/* What nobody has reviewed is open only on a machine of one's own, by a setting of its own name, and said so in the log. */
static enum tl_code start_lifeguard(tl_serve *serve, struct tl_err *err)
{
    bool open = tl_streq(tl_config_text(serve->config, "lifeguard.default"), "open");
    struct tl_lifeguard_options options = {
        .open = open,
        .pii_us = tl_config_duration_us(serve->config, "lifeguard.pii_time"),
        .webhook = tl_config_text(serve->config, "lifeguard.webhook"),
        .audit = serve->audit,
    };
    if (open && !tl_streq(tl_config_text(serve->config, "auth.mode"), "local")) {
        tl_err_set(err, TL_CONFIG, "lifeguard.default \"open\" is only for auth.mode local");
        tl_err_hint(err, "leave it out: what is reviewed is opened table by table, `townlake lifeguard review`");
        return TL_CONFIG;
    }
    if (tl_lifeguard_open(serve->store, &options, &serve->lifeguard, err) != TL_OK)
        return err->code;
    struct tl_lifeguard_health health;
    tl_lifeguard_health(serve->lifeguard, &health);
    if (open)
        tl_log(TL_LOG_WARN, "lifeguard", "lifeguard.default is open: everyone sees what nobody has reviewed", NULL);
    if (health.broken)
        tl_log(TL_LOG_ERROR, "lifeguard", "the rules cannot be read: everything is denied", "reason", "%s", health.failure, NULL);
    return TL_OK;
}

static enum tl_code start_engine(tl_serve *serve, struct tl_err *err)
{
    struct tl_engine_options options = {
        .directory = tl_arena_printf(serve->arena, "%s/engine", serve->state_dir),
        .memory_bytes = tl_config_size_bytes(serve->config, "engine.memory"),
        .spill_bytes = tl_config_size_bytes(serve->config, "engine.spill_limit"),
        .threads = (int)tl_config_int(serve->config, "engine.threads"),
        .dialect = tl_config_text(serve->config, "engine.dialect"),
        .lake = tl_config_bool(serve->config, "lake.enabled") ? tl_objects_root(tl_lake_objects(serve->lake)) : NULL,
        .allowed_paths = allowed_paths(serve),
    };
    if (options.memory_bytes == 0)
        options.memory_bytes = default_memory_bytes();
    tl_lifeguard_mask_key(serve->lifeguard, serve->mask_key);
    options.mask_key = serve->mask_key;
    if (find_engine(serve, &options, err) != TL_OK)
        return err->code;
    if (tl_dir_make(options.directory, 0700, err) != TL_OK)
        return err->code;
    return tl_engine_start(&options, &serve->engine, err);
}

/* ---- the registry reaches the engine through these ---- */

static tl_engine *engine_of(void *context)
{
    return ((tl_serve *)context)->engine;
}

static enum tl_code source_put(void *context, struct tl_request *rq, const struct tl_source_config *config)
{
    return tl_engine_source_put(rq, engine_of(context), config);
}

static enum tl_code source_remove(void *context, struct tl_request *rq, const char *name)
{
    return tl_engine_source_remove(rq, engine_of(context), name);
}

static enum tl_code source_test(void *context, struct tl_request *rq, const char *name, const char **ret_version)
{
    return tl_engine_source_test(rq, engine_of(context), name, ret_version);
}

static enum tl_code source_list(void *context, struct tl_request *rq, const char *name, struct tl_source_dataset **ret_datasets, size_t *ret_count)
{
    tl_serve *serve = context;
    if (tl_engine_source_list(rq, serve->engine, name, ret_datasets, ret_count) != TL_OK)
        return rq->err.code;
    if (serve->lake && tl_streq(name, tl_config_text(serve->config, "lake.name")))
        tl_door_comment_listing(rq, serve->lake, *ret_datasets, *ret_count);
    return tl_door_listed(rq, serve->lifeguard, name, *ret_datasets, *ret_count); /* before anybody sees the new types */
}

static enum tl_code start_registry(tl_serve *serve, struct tl_err *err)
{
    const struct tl_source_driver *const *drivers;
    size_t count = tl_source_drivers(&drivers);
    tl_registry_set_drivers(drivers, count);
    struct tl_registry_calls calls = {serve, source_put, source_remove, source_test, source_list};
    return tl_registry_new(serve->store, &calls, tl_config_duration_us(serve->config, "source.refresh"), &serve->registry, err);
}

static enum tl_code start_door(tl_serve *serve, struct tl_err *err)
{
    struct tl_door_limits limits = {
        .text_bytes_max = (size_t)tl_config_size_bytes(serve->config, "query.text_bytes_max"),
        .run_time_us_max = tl_config_duration_us(serve->config, "query.run_time_max"),
        .rows_max = tl_config_int(serve->config, "query.rows_max"),
        .own_dialect = strcmp(tl_config_text(serve->config, "engine.dialect"), "duckdb") == 0,
        .admission =
            {
                .light_max = (int)tl_config_int(serve->config, "query.light_max"),
                .heavy_max = (int)tl_config_int(serve->config, "query.heavy_max"),
                .user_max = (int)tl_config_int(serve->config, "query.user_max"),
                .queue_max = (int)tl_config_int(serve->config, "query.queue_max"),
                .user_queue_max = (int)tl_config_int(serve->config, "query.user_queue_max"),
                .weights = tl_config_text(serve->config, "query.weights"),
            },
    };
    struct tl_door_parts parts = {serve->engine, serve->registry, serve->lake, serve->store, serve->lifeguard, serve->audit};
    return tl_door_new(&parts, &limits, &serve->door, err);
}

static enum tl_code make_catalog(tl_serve *serve, struct tl_err *err)
{
    struct tl_catalog_options options = {serve->door, serve->registry, serve->store, serve->lifeguard, serve->lake,
                                         tl_config_text(serve->config, "lake.name"), tl_config_text(serve->config, "catalog.pages")};
    enum tl_code code = tl_catalog_new(&options, &serve->catalog, err);
    const struct tl_search_options search = {serve->catalog, serve->store, serve->lifeguard, serve->state_dir};
    const struct tl_lineage_options lineage = {serve->door, serve->store, serve->lifeguard};
    if (code == TL_OK)
        code = tl_search_new(&search, &serve->search, err);
    return code == TL_OK ? tl_lineage_new(&lineage, &serve->lineage, err) : code;
}

static enum tl_code make_skimmer(tl_serve *serve, struct tl_err *err)
{
    struct tl_skimmer_options options = {
        .door = serve->door,
        .registry = serve->registry,
        .store = serve->store,
        .lifeguard = serve->lifeguard,
        .detectors = &tl_detector_worker,
        .detector_options = {.program = tl_installation_find(serve->arena, TL_INSTALLED_WORKER)},
        .enabled = tl_config_bool(serve->config, "skimmer.enabled"),
        .rescan_us = tl_config_duration_us(serve->config, "skimmer.rescan"),
        .rows_per_second = tl_config_int(serve->config, "skimmer.rows_per_second"),
        .run_time_us = tl_config_duration_us(serve->config, "skimmer.run_time"),
    };
    return tl_skimmer_new(&options, &serve->skimmer, err);
}

/* Without the sandbox's program there are tools, but no scripts. */
static enum tl_code make_tools(tl_serve *serve, struct tl_err *err)
{
    struct tl_tools_parts parts = {
        .door = serve->door,
        .store = serve->store,
        .lifeguard = serve->lifeguard,
        .audit = serve->audit,
        .catalog = serve->catalog,
        .search = serve->search,
        .sandbox = tl_installation_find(serve->arena, TL_INSTALLED_SANDBOX),
    };
    return tl_tools_new(&parts, &serve->tools, err);
}

static enum tl_code make_ask(tl_serve *serve, struct tl_err *err)
{
    struct tl_ask_options options = {
        .door = serve->door,
        .registry = serve->registry,
        .store = serve->store,
        .lifeguard = serve->lifeguard,
        .catalog = serve->catalog,
        .models = tl_config_text(serve->config, "skipper.semantic_models"),
    };
    return tl_ask_new(&options, &serve->ask, err);
}

/* Without a model questions are the planner's alone. */
static enum tl_code make_agent(tl_serve *serve, struct tl_err *err)
{
    if (tl_daemon_agent_open(serve->config, &serve->model, &serve->agent, err) != TL_OK || !serve->agent)
        return err->code;
    serve->answer_parts = (struct tl_agent_answer_parts){serve->agent, serve->tools, serve->ask, serve->store};
    struct tl_answerer answerer = tl_agent_answerer(&serve->answer_parts);
    tl_ask_add(serve->ask, &answerer);
    return TL_OK;
}

static bool read_tls_files(const tl_serve *serve, struct tl_http_limits *limits)
{
    const char *certificate = tl_config_text(serve->config, "listen.tls_certificate"), *key = tl_config_text(serve->config, "listen.tls_key");
    limits->tls_certificate_file = certificate && *certificate ? certificate : NULL;
    limits->tls_key_file = key && *key ? key : NULL;
    return limits->tls_certificate_file || limits->tls_key_file;
}

static const char *url_of(tl_serve *serve, const char *address, bool tls)
{
    bool any = strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0, v6 = strchr(address, ':') != NULL;
    return tl_arena_printf(serve->arena, v6 && !any ? "%s://[%s]:%d" : "%s://%s:%d", tls ? "https" : "http", any ? "127.0.0.1" : address,
                           tl_http_server_port(serve->http));
}

/* The engine is on this machine and knows no certificate of ours: it gets a plain listener that serves nobody else. */
static enum tl_code start_engine_http(tl_serve *serve, struct tl_err *err)
{
    struct tl_http_limits limits = {.body_bytes_max = (size_t)tl_config_size_bytes(serve->config, "http.body_max")};
    if (tl_http_server_start("127.0.0.1", 0, &limits, tl_api_handle_engine, serve->api, &serve->engine_http, err) != TL_OK)
        return err->code;
    serve->engine_url = tl_arena_printf(serve->arena, "http://127.0.0.1:%d", tl_http_server_port(serve->engine_http));
    return TL_OK;
}

static enum tl_code read_trino_key(tl_serve *serve, const char **ret_key, struct tl_err *err)
{
    const char *reference = tl_config_text(serve->config, "lifeguard.trino_key");
    *ret_key = NULL;
    return reference && *reference ? tl_config_secret(serve->arena, reference, ret_key, err) : TL_OK;
}

static enum tl_code start_http(tl_serve *serve, bool allow_plain_secrets, struct tl_err *err)
{
    const char *trino_key;
    if (read_trino_key(serve, &trino_key, err) != TL_OK)
        return err->code;
    struct tl_api_parts parts = {
        .auth = serve->auth,
        .door = serve->door,
        .engine = serve->engine,
        .registry = serve->registry,
        .lake = serve->lake,
        .lake_name = tl_config_text(serve->config, "lake.name"),
        .store = serve->store,
        .lifeguard = serve->lifeguard,
        .audit = serve->audit,
        .catalog = serve->catalog,
        .lineage = serve->lineage,
        .search = serve->search,
        .skimmer = serve->skimmer,
        .tools = serve->tools,
        .model = serve->model,
        .ask = serve->ask,
        .engine_token = serve->engine_token,
        .public_url = tl_config_text(serve->config, "lifeguard.link_base"),
        .oidc_issuer = tl_streq(tl_config_text(serve->config, "auth.mode"), "oidc") ? tl_config_text(serve->config, "oidc.issuer") : NULL,
        .mcp_flat = tl_streq(tl_config_text(serve->config, "mcp.tools"), "flat"),
        .trino_key = trino_key,
        .allow_plain_secrets = allow_plain_secrets,
    };
    serve->api = tl_api_new(&parts);
    struct tl_http_limits limits = {
        .body_bytes_max = (size_t)tl_config_size_bytes(serve->config, "http.body_max"),
        .connections_max = (int)tl_config_int(serve->config, "http.connections_max"),
        .workers = (int)tl_config_int(serve->config, "http.workers"),
    };
    const char *address = tl_config_text(serve->config, "listen.address");
    bool tls = read_tls_files(serve, &limits);
    if (tl_http_server_start(address, (int)tl_config_int(serve->config, "listen.port"), &limits, tl_api_handle, serve->api, &serve->http, err) != TL_OK)
        return err->code;
    serve->url = url_of(serve, address, tls);
    serve->engine_url = serve->url;
    if (tls && start_engine_http(serve, err) != TL_OK)
        return err->code;
    const char *link_base = tl_config_text(serve->config, "lifeguard.link_base");
    tl_lifeguard_set_link_base(serve->lifeguard, link_base && *link_base ? link_base : serve->url);
    return TL_OK;
}

/* The lake is a source like the others; the engine reads it through our own REST catalog. */
static enum tl_code add_lake(tl_serve *serve, struct tl_err *err)
{
    const char *folder = tl_objects_folder(tl_lake_objects(serve->lake));
    struct tl_config_pair options[] = {
        {"endpoint", tl_arena_printf(serve->arena, "%s/iceberg", serve->engine_url)},
        {"token", serve->engine_token},
        {"warehouse", folder ? folder : "lake"}, /* an address with a scheme would be attached for reading only */
        {"access_delegation", folder ? "none" : "vended-credentials"},
    };
    struct tl_config_source source = {
        .name = tl_config_text(serve->config, "lake.name"),
        .kind = "iceberg",
        .comment = "tables of our own, on object storage",
        .option_count = sizeof options / sizeof *options,
        .options = options,
    };
    struct tl_request rq;
    tl_request_init(&rq, serve->arena);
    if (tl_registry_add(&rq, serve->registry, &source, "built-in", true, true, false) != TL_OK)
        return tl_err_copy(err, &rq.err);
    return TL_OK;
}

static enum tl_code secret_of(tl_serve *serve, const char *key, const char **ret_secret, struct tl_err *err)
{
    const char *reference = tl_config_text(serve->config, key);
    if (!tl_config_is_reference(reference))
        return tl_err_set(err, TL_CONFIG, "%s must be env:NAME or file:PATH", key);
    return tl_config_secret(serve->arena, reference, ret_secret, err);
}

static enum tl_code open_bucket(tl_serve *serve, const char *location, struct tl_err *err)
{
    struct tl_lake_reach reach = {.client_access_key = tl_config_text(serve->config, "lake.s3_client_access_key")};
    struct tl_objects_s3 storage = {
        .location = location,
        .endpoint = tl_config_text(serve->config, "lake.s3_endpoint"),
        .region = tl_config_text(serve->config, "lake.s3_region"),
        .path_style = tl_config_bool(serve->config, "lake.s3_path_style"),
        .access_key = tl_config_text(serve->config, "lake.s3_access_key"),
    };
    tl_objects *objects;
    if (secret_of(serve, "lake.s3_secret_key", &storage.secret_key, err) != TL_OK ||
        (*reach.client_access_key && secret_of(serve, "lake.s3_client_secret_key", &reach.client_secret_key, err) != TL_OK) ||
        tl_objects_open_s3(&storage, &objects, err) != TL_OK)
        return err->code;
    reach.storage = storage;
    serve->lake = tl_lake_new(serve->store, objects, &reach);
    return TL_OK;
}

static enum tl_code open_lake(tl_serve *serve, struct tl_err *err)
{
    const char *warehouse = tl_config_text(serve->config, "lake.warehouse");
    if (!tl_config_bool(serve->config, "lake.enabled"))
        return TL_OK;
    if (warehouse && strncmp(warehouse, "s3://", 5) == 0)
        return open_bucket(serve, warehouse, err);
    const char *folder = warehouse && *warehouse ? tl_absolute_path(serve->arena, warehouse) : tl_arena_printf(serve->arena, "%s/warehouse", serve->state_dir);
    return tl_lake_open(serve->store, folder, &serve->lake, err);
}

static enum tl_code start_state(tl_serve *serve, struct tl_err *err)
{
    serve->state_dir = tl_absolute_path(serve->arena, tl_config_text(serve->config, "state.directory"));
    if (tl_dir_make(serve->state_dir, 0700, err) != TL_OK || tl_store_open(serve->state_dir, &serve->store, err) != TL_OK)
        return err->code;
    if (open_lake(serve, err) != TL_OK || !serve->lake)
        return err->code;
    return tl_lake_start(serve->lake, tl_config_duration_us(serve->config, "lake.undrop"), err);
}

static enum tl_code start_upkeep(tl_serve *serve, struct tl_err *err)
{
    int64_t every_us = tl_config_duration_us(serve->config, "lake.upkeep_every");
    return every_us == 0 ? TL_OK : tl_upkeep_schedule_start(serve->door, tl_config_text(serve->config, "lake.name"), every_us, &serve->upkeep, err);
}

static enum tl_code start_all(tl_serve *serve, const struct tl_serve_options *options, struct tl_err *err)
{
    if (tl_random_hex(serve->engine_token, TOKEN_BYTES, err) != TL_OK || start_state(serve, err) != TL_OK ||
        tl_auth_new(serve->config, serve->store, &serve->auth, err) != TL_OK)
        return err->code;
    if (start_audit(serve, err) != TL_OK || start_lifeguard(serve, err) != TL_OK || start_engine(serve, err) != TL_OK || start_registry(serve, err) != TL_OK)
        return err->code;
    if (start_door(serve, err) != TL_OK || make_catalog(serve, err) != TL_OK || make_skimmer(serve, err) != TL_OK ||
        make_tools(serve, err) != TL_OK || make_ask(serve, err) != TL_OK || make_agent(serve, err) != TL_OK ||
        start_http(serve, options->allow_plain_secrets, err) != TL_OK)
        return err->code;
    if (serve->lake && add_lake(serve, err) != TL_OK)
        return err->code;
    if (serve->lake && start_upkeep(serve, err) != TL_OK)
        return err->code;
    if (tl_registry_start(serve->registry, serve->config, err) == TL_OK && !options->crawl_waits)
        tl_serve_start_crawl(serve);
    return err->code;
}

enum tl_code tl_serve_start(const struct tl_serve_options *options, tl_serve **ret_serve, struct tl_err *err)
{
    tl_serve *serve = tl_heap_alloc(sizeof *serve);
    serve->arena = tl_arena_new(ARENA_MAX);
    serve->config = options->config;
    serve->extra_paths = options->extra_paths;
    if (start_all(serve, options, err) != TL_OK) {
        tl_serve_stop(serve);
        return err->code;
    }
    *ret_serve = serve;
    return TL_OK;
}

tl_serve *tl_serve_stop(tl_serve *serve)
{
    if (!serve)
        return NULL;
    if (serve->http)
        tl_http_server_stop(serve->http, STOP_GRACE_MS);
    if (serve->engine_http)
        tl_http_server_stop(serve->engine_http, STOP_GRACE_MS);
    tl_api_free(serve->api);
    tl_agent_free(serve->agent);
    tl_model_free(serve->model);
    tl_tools_free(serve->tools);
    tl_ask_free(serve->ask);
    tl_skimmer_free(serve->skimmer);
    tl_lineage_free(serve->lineage);
    tl_search_free(serve->search);
    tl_catalog_free(serve->catalog);
    tl_upkeep_schedule_stop(serve->upkeep);
    if (serve->registry)
        tl_registry_free(serve->registry);
    if (serve->door)
        tl_door_free(serve->door);
    if (serve->engine)
        tl_engine_stop(serve->engine);
    tl_lifeguard_close(serve->lifeguard);
    tl_audit_close(serve->audit);
    if (serve->lake)
        tl_lake_close(serve->lake);
    tl_auth_free(serve->auth);
    if (serve->store)
        tl_store_close(serve->store);
    tl_arena_free(serve->arena);
    free(serve);
    return NULL;
}

const char *tl_serve_url(const tl_serve *serve)
{
    return serve->url;
}

tl_door *tl_serve_door(tl_serve *serve)
{
    return serve->door;
}

tl_registry *tl_serve_registry(tl_serve *serve)
{
    return serve->registry;
}

tl_lifeguard *tl_serve_lifeguard(tl_serve *serve)
{
    return serve->lifeguard;
}

tl_catalog *tl_serve_catalog(tl_serve *serve)
{
    return serve->catalog;
}

void tl_serve_start_crawl(tl_serve *serve)
{
    tl_catalog_start(serve->catalog);
    tl_search_start(serve->search);
    tl_skimmer_start(serve->skimmer);
}

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

void tl_serve_block_signals(void)
{
    sigset_t set;
    stop_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int tl_serve_wait_signal(void)
{
    sigset_t set;
    stop_signals(&set);
    int number = 0;
    while (sigwait(&set, &number) != 0)
        continue;
    return number;
}
