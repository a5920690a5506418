#include "sources/postgres/failure.h"

#include <ctype.h>
#include <stdio.h>

enum { TEXT_SIZE = 1024, SQLSTATE_SIZE = 5 };

/* The server quotes names; a user called "a" must not tear every word with an "a" apart. */
static size_t replace_user(const struct tl_postgres_options *options, const char *at)
{
    size_t size = strlen(options->user);
    return size > 0 && at[0] == '"' && strncmp(at + 1, options->user, size) == 0 && at[1 + size] == '"' ? size + 2 : 0;
}

void tl_postgres_scrub(const struct tl_postgres_options *options, const char *text, char *ret_clean, size_t size)
{
    struct tl_buf clean;
    tl_buf_init(&clean, size - 1);
    if (options->password && *options->password && strstr(text, options->password))
        text = "(the text is withheld because it holds a secret)";
    while (*text && !clean.failed) {
        size_t skip = replace_user(options, text);
        if (skip > 0)
            tl_buf_adds(&clean, "\"***\"");
        else
            tl_buf_addc(&clean, (unsigned char)*text < ' ' ? ' ' : *text);
        text += skip > 0 ? skip : 1;
    }
    while (clean.size > 0 && clean.data[clean.size - 1] == ' ')
        clean.size--;
    memcpy(ret_clean, tl_buf_cstr(&clean), clean.size);
    ret_clean[clean.size] = '\0';
    tl_buf_done(&clean);
}

/* In verbose form an error of the server reads "FATAL:  28P01: text"; libpq's own errors have no such code. */
static bool find_sqlstate(const char *text, char sqlstate[SQLSTATE_SIZE + 1], const char **ret_rest)
{
    for (const char *at = strstr(text, ":  "); at; at = strstr(at + 1, ":  ")) {
        const char *code = at + 3;
        size_t size = 0;
        while (size < SQLSTATE_SIZE && (isdigit((unsigned char)code[size]) || isupper((unsigned char)code[size])))
            size++;
        if (size == SQLSTATE_SIZE && code[size] == ':') {
            memcpy(sqlstate, code, SQLSTATE_SIZE);
            sqlstate[SQLSTATE_SIZE] = '\0';
            *ret_rest = code + SQLSTATE_SIZE + 1 + (code[SQLSTATE_SIZE + 1] == ' ');
            return true;
        }
    }
    return false;
}

static bool has_class(const char *sqlstate, const char *class)
{
    return strncmp(sqlstate, class, strlen(class)) == 0;
}

static enum tl_code code_of(const char *sqlstate)
{
    if (has_class(sqlstate, "28"))
        return TL_SOURCE_AUTH;
    if (has_class(sqlstate, "08") || has_class(sqlstate, "53") || has_class(sqlstate, "57P"))
        return TL_SOURCE_UNAVAILABLE;
    if (strcmp(sqlstate, "42P01") == 0 || strcmp(sqlstate, "3F000") == 0)
        return TL_TABLE_NOT_FOUND;
    if (strcmp(sqlstate, "42703") == 0)
        return TL_SOURCE_CHANGED;
    /* data, syntax and rules, not supported, limits of the program; but not a missing grant */
    if (has_class(sqlstate, "22") || has_class(sqlstate, "0A") || has_class(sqlstate, "54") ||
        (has_class(sqlstate, "42") && strcmp(sqlstate, "42501") != 0))
        return TL_SOURCE_REJECTED;
    return TL_SOURCE_FAILED;
}

static void hint(const char *sqlstate, struct tl_err *err)
{
    if (has_class(sqlstate, "28"))
        tl_err_hint(err, "check the options user and password of the source, and pg_hba.conf of the server");
    else if (strcmp(sqlstate, "3D000") == 0)
        tl_err_hint(err, "check the option database of the source");
    else if (has_class(sqlstate, "53"))
        tl_err_hint(err, "the server is at a limit of its own; lower connections_max of the source or try again later");
    else if (strcmp(sqlstate, "22003") == 0)
        tl_err_hint(err, "a value is too large for the type it is read as; with the option numeric_as: text of the source every numeric comes whole");
    else if (strcmp(sqlstate, "42501") == 0)
        tl_err_hint(err, "grant SELECT on the table and USAGE on its schema to the role of this source");
    else if (strcmp(sqlstate, "42703") == 0 || strcmp(sqlstate, "42P01") == 0)
        tl_err_hint(err, "it may have changed since it was listed; refresh the source and run the statement again");
}

static bool says(const char *text, const char *const *phrases)
{
    for (; *phrases; phrases++)
        if (strstr(text, *phrases))
            return true;
    return false;
}

/* libpq 15's own texts about bytes it could not make sense of (fe-connect.c, fe-protocol3.c, fe-auth.c). */
static bool is_garbage(const char *text)
{
    static const char *const phrases[] = {
        "invalid response",  "expected authentication request", "invalid authentication", "lost synchronization",
        "insufficient data", "unexpected response from server", "extraneous data",        "invalid message",
        "protocol error",    "message contents do not agree",   "unexpected message",     "invalid protocol",
        "message type 0x",   "unexpected field count",          "backend message",        NULL,
    };
    return says(text, phrases);
}

static void keep_first_line(char *text)
{
    /* verbose texts go on with LOCATION: lines */
    char *location = strstr(text, " LOCATION: ");
    if (location)
        *location = '\0';
}

enum tl_code tl_postgres_failure_connect(const struct tl_postgres_options *options, const PGconn *pg,
                                         struct tl_err *err)
{
    const char *text = PQerrorMessage(pg), *rest = text;
    char sqlstate[SQLSTATE_SIZE + 1] = "", clean[TEXT_SIZE];
    enum tl_code code = TL_SOURCE_UNAVAILABLE;
    if (find_sqlstate(text, sqlstate, &rest))
        code = code_of(sqlstate);
    else if (PQconnectionNeedsPassword(pg) || (strstr(text, "authentication") && strstr(text, "not supported")))
        code = TL_SOURCE_AUTH;
    else if (is_garbage(text))
        code = TL_SOURCE_PROTOCOL;
    tl_postgres_scrub(options, rest, clean, sizeof clean);
    keep_first_line(clean);
    if (code == TL_SOURCE_AUTH)
        tl_err_set(err, code, "source \"%s\" at %s:%s refused to let us in", options->name, options->host,
                   options->port);
    else if (code == TL_SOURCE_PROTOCOL)
        tl_err_set(err, code, "source \"%s\" at %s:%s does not speak PostgreSQL's protocol", options->name,
                   options->host, options->port);
    else
        tl_err_set(err, code, "could not connect to source \"%s\" at %s:%s", options->name, options->host,
                   options->port);
    tl_err_detail(err, "%s", clean);
    if (PQconnectionNeedsPassword(pg) && !*sqlstate)
        tl_err_hint(err, "the server wants a password: set the option password of the source");
    hint(sqlstate, err);
    return code;
}

static bool is_statement_timeout(const PGresult *result)
{
    /* 57014 is also what a cancel request ends with: only the text differs */
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    return text && strstr(text, "timeout");
}

enum tl_code tl_postgres_failure_result(const struct tl_postgres_options *options, const PGresult *result,
                                        struct tl_err *err)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *more = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    char clean[TEXT_SIZE], clean_more[TEXT_SIZE];
    tl_postgres_scrub(options, text ? text : "", clean, sizeof clean);
    tl_postgres_scrub(options, more ? more : "", clean_more, sizeof clean_more);
    sqlstate = sqlstate ? sqlstate : "";
    enum tl_code code = code_of(sqlstate);
    if (strcmp(sqlstate, "57014") == 0 && is_statement_timeout(result)) {
        code = TL_TIME_EXCEEDED;
        tl_err_set(err, code, "source \"%s\" stopped the statement at its time limit", options->name);
    } else if (code == TL_TABLE_NOT_FOUND) {
        tl_err_set(err, code, "source \"%s\" no longer has what is read: %s", options->name, clean);
    } else {
        tl_err_set(err, code, "source \"%s\" failed: %s", options->name, clean);
    }
    tl_err_detail(err, "SQLSTATE %s: %s%s%s", sqlstate, clean, *clean_more ? "; " : "", clean_more);
    hint(sqlstate, err);
    return code;
}

enum tl_code tl_postgres_failure_lost(const struct tl_postgres_options *options, const PGconn *pg, struct tl_err *err)
{
    const char *text = PQerrorMessage(pg), *rest = text;
    char sqlstate[SQLSTATE_SIZE + 1] = "", clean[TEXT_SIZE];
    enum tl_code code = is_garbage(text) ? TL_SOURCE_PROTOCOL : TL_SOURCE_UNAVAILABLE;
    find_sqlstate(text, sqlstate, &rest);
    tl_postgres_scrub(options, rest, clean, sizeof clean);
    keep_first_line(clean);
    if (code == TL_SOURCE_PROTOCOL)
        tl_err_set(err, code, "source \"%s\" sent bytes that are not of PostgreSQL's protocol", options->name);
    else
        tl_err_set(err, code, "the connection to source \"%s\" was lost while a statement ran", options->name);
    tl_err_detail(err, "%s", *clean ? clean : "the server closed the connection");
    return code;
}
