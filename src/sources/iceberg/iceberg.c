#include "sources/iceberg/iceberg.h"

#include <string.h>

enum { URL_BYTES_MAX = 2048, TOKEN_BYTES_MAX = 8192 };

static const struct tl_source_option options[] = {
    {"endpoint", NULL, true, false, "URL of the REST catalog, without \"/v1\", e.g. http://127.0.0.1:8080/iceberg"},
    {"warehouse", "lake", false, false, "name of the warehouse at that catalog"},
    {"token", NULL, false, true, "bearer token for the catalog; without one it is called without authentication"},
    {"access_delegation", "none", false, false, "\"vended-credentials\" when the catalog gives the keys of its storage, else \"none\""},
    {0},
};

static enum tl_code bad(const struct tl_source_config *config, const char *option, const char *why, struct tl_err *err)
{
    return tl_err_set(err, TL_INVALID_ARGUMENT, "option \"%s\" of source \"%s\" %s", option, config->name, why);
}

static bool is_printable(const char *text, bool spaces)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F || (*text == ' ' && !spaces))
            return false;
    return true;
}

static enum tl_code check(const struct tl_source_config *config, struct tl_err *err)
{
    const char *endpoint = tl_source_config_get(config, "endpoint"), *token = tl_source_config_get(config, "token");
    const char *warehouse = tl_source_config_get(config, "warehouse");
    if (!endpoint || !*endpoint)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "source \"%s\" needs the option \"endpoint\"", config->name);
    if (strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0)
        return bad(config, "endpoint", "must start with \"http://\" or \"https://\"", err);
    if (strlen(endpoint) > URL_BYTES_MAX || !is_printable(endpoint, false) || strpbrk(endpoint, "?#@"))
        return bad(config, "endpoint", "must be a plain URL without user, query or fragment", err);
    if (warehouse && (strlen(warehouse) > URL_BYTES_MAX || !is_printable(warehouse, true)))
        return bad(config, "warehouse", "holds a control character or is too long", err);
    const char *delegation = tl_source_config_get(config, "access_delegation");
    if (delegation && *delegation && strcmp(delegation, "none") != 0 && strcmp(delegation, "vended-credentials") != 0)
        return bad(config, "access_delegation", "must be \"none\" or \"vended-credentials\"", err);
    /* a line break would let an error about a later line quote it, and no token has one */
    if (token && *token && (strlen(token) > TOKEN_BYTES_MAX || !is_printable(token, false)))
        return bad(config, "token", "must be printable text without spaces", err);
    return TL_OK;
}

static void add_literal(struct tl_buf *sql, const char *text)
{
    tl_buf_add_literal(sql, text, strlen(text));
}

static void add_secret_name(struct tl_buf *sql, const char *catalog)
{
    struct tl_buf name;
    tl_buf_init(&name, URL_BYTES_MAX);
    tl_buf_addf(&name, "tl_secret_%s", catalog);
    tl_buf_add_identifier(sql, tl_buf_cstr(&name));
    tl_buf_done(&name);
}

static enum tl_code attach_sql(const struct tl_source_config *config, const char *catalog, struct tl_buf *sql, struct tl_err *err)
{
    if (check(config, err) != TL_OK)
        return err->code;
    const char *token = tl_source_config_get(config, "token"), *warehouse = tl_source_config_get(config, "warehouse");
    const char *delegation = tl_source_config_get(config, "access_delegation");
    bool has_token = token && *token, vended = delegation && strcmp(delegation, "vended-credentials") == 0;
    if (has_token) {
        tl_buf_adds(sql, "CREATE OR REPLACE TEMPORARY SECRET ");
        add_secret_name(sql, catalog);
        tl_buf_adds(sql, " (TYPE iceberg, TOKEN ");
        add_literal(sql, token);
        tl_buf_adds(sql, ");\n");
    }
    tl_buf_adds(sql, "ATTACH ");
    add_literal(sql, warehouse && *warehouse ? warehouse : "lake");
    tl_buf_adds(sql, " AS ");
    tl_buf_add_identifier(sql, catalog);
    tl_buf_adds(sql, " (TYPE iceberg, ENDPOINT ");
    add_literal(sql, tl_source_config_get(config, "endpoint"));
    if (has_token) {
        tl_buf_adds(sql, ", SECRET ");
        add_secret_name(sql, catalog);
    } else {
        tl_buf_adds(sql, ", AUTHORIZATION_TYPE 'none'");
    }
    tl_buf_addf(sql, ", ACCESS_DELEGATION_MODE '%s'", vended ? "vended_credentials" : "none");
    tl_buf_adds(sql, ", SUPPORT_NESTED_NAMESPACES true, PURGE_REQUESTED true);\n");
    return sql->failed ? tl_err_set(err, TL_TOO_LARGE, "the statements that attach source \"%s\" are too large", config->name) : TL_OK;
}

const struct tl_source_driver tl_source_driver_iceberg = {
    .kind = "iceberg",
    .summary = "tables of an Iceberg REST catalog (the lake is one)",
    .mode = TL_SOURCE_ATTACHES,
    .options = options,
    .check = check,
    .attach_sql = attach_sql,
};
