/* The keys auth.*, access.*, oidc.*: read and checked once, at the start. */
#include <arpa/inet.h>
#include <string.h>

#include "auth/auth_int.h"

enum { WORDS_MAX = 32, LEAST_PERIOD_US = 1000000 };
static const int64_t skew_us_max = (int64_t)TL_JWT_SKEW_S_MAX * 1000000;

bool tl_auth_is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (tl_streq_nocase(address, "localhost"))
        return true;
    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool tl_auth_host_is_loopback(tl_arena *arena, const char *host, size_t size)
{
    bool v6 = size && host[0] == '[';
    const char *end = memchr(host, v6 ? ']' : ':', size);
    if (!end && v6)
        return false;
    return tl_auth_is_loopback(tl_arena_strndup(arena, host + v6, (end ? (size_t)(end - host) : size) - v6));
}

static const char *const modes[] = {"local", "token", "access", "oidc"};

const char *tl_auth_mode_name(enum tl_auth_mode mode)
{
    return modes[mode];
}

/* Words separated by spaces; at most WORDS_MAX. */
static const char *const *words_of(tl_arena *arena, const char *text, size_t *ret_count)
{
    const char **words = TL_NEW_ARRAY(arena, const char *, WORDS_MAX);
    size_t count = 0;
    while (count < WORDS_MAX && *(text += strspn(text, " ,"))) {
        size_t size = strcspn(text, " ,");
        words[count++] = tl_arena_strndup(arena, text, size);
        text += size;
    }
    *ret_count = count;
    return words;
}

static enum tl_code missing(const char *mode, const char *key, const char *hint, struct tl_err *err)
{
    tl_err_set(err, TL_CONFIG, "auth.mode \"%s\" needs the key %s", mode, key);
    tl_err_hint(err, "%s", hint);
    return TL_CONFIG;
}

static enum tl_code check_url(const char *key, const char *url, struct tl_err *err)
{
    if (tl_url_is_safe(url))
        return TL_OK;
    tl_err_set(err, TL_CONFIG, "%s must be an https address (http only on loopback), not \"%s\"", key, url);
    tl_err_hint(err, "who can read or change that traffic could come in as anybody");
    return TL_CONFIG;
}

static enum tl_code read_access(tl_arena *arena, const tl_config *config, struct tl_auth_settings *settings, struct tl_err *err)
{
    const char *domain = tl_config_text(config, "access.team_domain");
    size_t size = strlen(domain);
    while (size && domain[size - 1] == '/')
        size--;
    if (!size)
        return missing("access", "access.team_domain", "https://TEAM.cloudflareaccess.com", err);
    settings->issuer = tl_arena_strndup(arena, domain, size);
    settings->audiences = words_of(arena, tl_config_text(config, "access.audience"), &settings->audience_count);
    if (!settings->audience_count)
        return missing("access", "access.audience", "the AUD tag is on the application's overview page", err);
    settings->provider.keys_url = tl_arena_printf(arena, "%s/cdn-cgi/access/certs", settings->issuer);
    return check_url("access.team_domain", settings->issuer, err);
}

/* https://host:port of an address. */
static const char *origin_of(tl_arena *arena, const char *url)
{
    const char *host = strstr(url, "://") + 3;
    return tl_arena_strndup(arena, url, (size_t)(host - url) + strcspn(host, "/?#"));
}

static enum tl_code read_redirect(tl_arena *arena, const tl_config *config, struct tl_auth_settings *settings, struct tl_err *err)
{
    static const char path[] = "/auth/callback";
    const char *url = settings->redirect_url = tl_config_text(config, "oidc.redirect_url");
    settings->client_secret = tl_config_text(config, "oidc.client_secret");
    settings->scopes = tl_config_text(config, "oidc.scopes");
    settings->userinfo = tl_config_bool(config, "oidc.userinfo");
    settings->origin = "";
    if (!url[0])
        return TL_OK;
    if (check_url("oidc.redirect_url", url, err) != TL_OK)
        return err->code;
    settings->origin = origin_of(arena, url);
    settings->secure_cookies = strncmp(url, "https://", 8) == 0;
    if (strcmp(url + strlen(settings->origin), path) != 0)
        return tl_err_set(err, TL_CONFIG, "oidc.redirect_url must end with %s", path);
    return TL_OK;
}

static enum tl_code read_oidc(tl_arena *arena, const tl_config *config, struct tl_auth_settings *settings, struct tl_err *err)
{
    settings->issuer = tl_config_text(config, "oidc.issuer");
    const char *client = tl_config_text(config, "oidc.client_id");
    if (!settings->issuer[0])
        return missing("oidc", "oidc.issuer", "the address in \"issuer\" of the provider's /.well-known/openid-configuration", err);
    if (!client[0])
        return missing("oidc", "oidc.client_id", "register Town Lake as a client at the provider", err);
    settings->audiences = words_of(arena, tl_arena_printf(arena, "%s %s", client, tl_config_text(config, "oidc.audiences")), &settings->audience_count);
    settings->client_id = client;
    return check_url("oidc.issuer", settings->issuer, err) == TL_OK ? read_redirect(arena, config, settings, err) : err->code;
}

static enum tl_code check_listen(const tl_config *config, struct tl_err *err)
{
    const char *address = tl_config_text(config, "listen.address");
    if (tl_auth_is_loopback(address))
        return TL_OK;
    tl_err_set(err, TL_CONFIG, "auth.mode \"local\" believes every caller, so it cannot listen on \"%s\"", address);
    tl_err_hint(err, "set auth.mode to token and give tokens, or listen on 127.0.0.1");
    return TL_CONFIG;
}

static enum tl_code read_periods(const tl_config *config, struct tl_auth_settings *settings, struct tl_err *err)
{
    settings->skew_us = tl_config_duration_us(config, "auth.clock_skew");
    settings->claims_keep_us = tl_config_duration_us(config, "groups.claims_keep");
    settings->token_lifetime_us_max = tl_config_duration_us(config, "token.lifetime_max");
    settings->session_lifetime_us = tl_config_duration_us(config, "session.lifetime");
    settings->session_idle_us = tl_config_duration_us(config, "session.idle");
    settings->session_refresh_us = tl_config_duration_us(config, "session.refresh");
    settings->groups_grace_us = tl_config_duration_us(config, "groups.grace");
    settings->provider.refresh_us = tl_config_duration_us(config, "auth.keys_refresh");
    settings->provider.grace_us = tl_config_duration_us(config, "auth.keys_grace");
    if (settings->skew_us > skew_us_max)
        return tl_err_set(err, TL_CONFIG, "auth.clock_skew is at most %d seconds", TL_JWT_SKEW_S_MAX);
    if (settings->provider.refresh_us < LEAST_PERIOD_US || settings->provider.grace_us < settings->provider.refresh_us)
        return tl_err_set(err, TL_CONFIG, "auth.keys_refresh is at least 1s and auth.keys_grace at least as long");
    return TL_OK;
}

enum tl_code tl_auth_settings_read(tl_arena *arena, const tl_config *config, struct tl_auth_settings *ret_settings, struct tl_err *err)
{
    const char *mode = tl_config_text(config, "auth.mode"), *ca_file = tl_config_text(config, "auth.ca_file");
    *ret_settings = (struct tl_auth_settings){.issuer = ""};
    while (!tl_streq(modes[ret_settings->mode], mode))
        ret_settings->mode++;
    ret_settings->claims.user = tl_config_text(config, "auth.user_claim");
    ret_settings->claims.groups = tl_config_text(config, "groups.claim");
    ret_settings->claims.attributes = words_of(arena, tl_config_text(config, "auth.attribute_claims"), &ret_settings->claims.attribute_count);
    ret_settings->provider.ca_file = ca_file[0] ? ca_file : NULL;
    if (read_periods(config, ret_settings, err) != TL_OK)
        return err->code;
    if (ret_settings->mode == TL_AUTH_LOCAL)
        return check_listen(config, err);
    if (ret_settings->mode == TL_AUTH_ACCESS && read_access(arena, config, ret_settings, err) != TL_OK)
        return err->code;
    if (ret_settings->mode == TL_AUTH_OIDC && read_oidc(arena, config, ret_settings, err) != TL_OK)
        return err->code;
    ret_settings->provider.issuer = ret_settings->issuer;
    return TL_OK;
}
