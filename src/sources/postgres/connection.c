#include "sources/postgres/connection.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "sources/postgres/cancel.h"
#include "sources/postgres/failure.h"
#include "sources/postgres/resolve.h"

enum { PARAMETERS_MAX = 24, HOSTS_SIZE = 4096 };

enum tl_code tl_postgres_stopped(const char *source, const struct tl_stop *stop, struct tl_err *err)
{
    if (!stop)
        return TL_OK;
    if (stop->stop && stop->stop(stop->context))
        return tl_err_set(err, TL_CANCELLED, "cancelled while reading source \"%s\"", source);
    if (stop->deadline_us != 0 && tl_clock_monotonic_us() >= stop->deadline_us)
        return tl_err_set(err, TL_TIME_EXCEEDED, "the time limit was reached while reading source \"%s\"", source);
    return TL_OK;
}

void tl_postgres_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void tl_postgres_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_cond_timedwait(condition, mutex, &until);
}

/* --- connecting --- */

struct parameters {
    const char *names[PARAMETERS_MAX];
    const char *values[PARAMETERS_MAX];
    size_t count;
    char hosts[HOSTS_SIZE], addresses[HOSTS_SIZE];
};

static void add_parameter(struct parameters *parameters, const char *name, const char *value)
{
    if (!value || parameters->count + 1 >= PARAMETERS_MAX)
        return;
    parameters->names[parameters->count] = name;
    parameters->values[parameters->count++] = value;
}

/* libpq wants as many hosts as addresses; it checks certificates against the host and connects to the address. */
static void add_hosts(struct parameters *parameters, const char *host, const struct tl_postgres_addresses *resolved)
{
    size_t hosts = 0, addresses = 0;
    for (size_t i = 0; i < resolved->count; i++) {
        size_t need = strlen(host) + 2;
        if (hosts + need >= HOSTS_SIZE || addresses + TL_POSTGRES_ADDRESS_SIZE + 2 >= HOSTS_SIZE)
            break;
        const char *comma = i > 0 ? "," : "";
        hosts += (size_t)snprintf(parameters->hosts + hosts, HOSTS_SIZE - hosts, "%s%s", comma, host);
        addresses += (size_t)snprintf(parameters->addresses + addresses, HOSTS_SIZE - addresses, "%s%s", comma,
                                      resolved->text[i]);
    }
    add_parameter(parameters, "host", addresses > 0 ? parameters->hosts : host);
    if (addresses > 0)
        add_parameter(parameters, "hostaddr", parameters->addresses);
}

static void fill_parameters(struct parameters *parameters, const struct tl_postgres_options *options,
                            const struct tl_postgres_addresses *resolved)
{
    *parameters = (struct parameters){0};
    add_hosts(parameters, options->host, resolved);
    add_parameter(parameters, "port", options->port);
    add_parameter(parameters, "dbname", options->database);
    add_parameter(parameters, "user", options->user);
    add_parameter(parameters, "password", options->password);
    add_parameter(parameters, "sslmode", options->sslmode);
    add_parameter(parameters, "sslrootcert", options->sslrootcert);
    add_parameter(parameters, "application_name", options->application_name);
    add_parameter(parameters, "client_encoding", "UTF8");
    add_parameter(parameters, "gssencmode", "disable");
    add_parameter(parameters, "keepalives_idle", "30");
    add_parameter(parameters, "keepalives_interval", "10");
    add_parameter(parameters, "keepalives_count", "3");
}

static int slice_ms(const struct tl_stop *stop, int64_t deadline_us)
{
    int64_t ms = TL_POSTGRES_SLICE_MS, now = tl_clock_monotonic_us();
    int64_t ends[] = {stop ? stop->deadline_us : 0, deadline_us};
    for (size_t i = 0; i < 2; i++)
        if (ends[i] != 0 && (ends[i] - now) / 1000 + 1 < ms)
            ms = ends[i] > now ? (ends[i] - now) / 1000 + 1 : 0;
    return (int)ms;
}

static enum tl_code no_answer(const struct tl_postgres_options *options, struct tl_err *err)
{
    return tl_err_set(err, TL_SOURCE_UNAVAILABLE,
                      "could not connect to source \"%s\" at %s:%s: no answer within %lld ms", options->name,
                      options->host, options->port, (long long)(options->connect_timeout_us / 1000));
}

static enum tl_code finish_connect(const struct tl_postgres_options *options, PGconn *pg, int64_t deadline_us,
                                   const struct tl_stop *stop, struct tl_err *err)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    if (PQstatus(pg) == CONNECTION_BAD)
        return tl_postgres_failure_connect(options, pg, err);
    while (status != PGRES_POLLING_OK) {
        enum tl_code code = tl_postgres_stopped(options->name, stop, err);
        if (code != TL_OK)
            return code;
        if (tl_clock_monotonic_us() >= deadline_us)
            return no_answer(options, err);
        struct pollfd poller = {.fd = PQsocket(pg), .events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        if (poll(&poller, 1, slice_ms(stop, deadline_us)) <= 0)
            continue;
        status = PQconnectPoll(pg);
        if (status == PGRES_POLLING_FAILED)
            return tl_postgres_failure_connect(options, pg, err);
    }
    return TL_OK;
}

static void ignore_notice(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

/* search_path and jit: names inside expressions mean the system's own; compiling costs more than short reads gain. */
static const char session_sql[] =
    "SET default_transaction_read_only = on; SET standard_conforming_strings = on; SET search_path = pg_catalog;"
    "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET extra_float_digits = 3;"
    "SET bytea_output = 'hex'; SET jit = off";
enum { SESSION_STATEMENTS = 9 };

static enum tl_code set_up_session(struct tl_postgres_connection *connection, const struct tl_stop *stop,
                                   struct tl_err *err)
{
    int version = PQserverVersion(connection->pg);
    if (version < TL_POSTGRES_VERSION_MIN) {
        tl_err_set(err, TL_SOURCE_FAILED, "source \"%s\" is PostgreSQL %d, which is too old", connection->options->name,
                   version / 10000);
        tl_err_hint(err, "PostgreSQL 12 or newer is needed");
        return TL_SOURCE_FAILED;
    }
    PGresult *results[SESSION_STATEMENTS] = {0};
    enum tl_code code = tl_postgres_query(connection, session_sql, stop, results, SESSION_STATEMENTS, err);
    for (size_t i = 0; i < SESSION_STATEMENTS; i++)
        PQclear(results[i]);
    return code;
}

/* The time to connect covers the first answers, too; when that ends, the statement's own deadline is not to blame. */
static enum tl_code set_up_in_time(struct tl_postgres_connection *connection, int64_t deadline_us,
                                   const struct tl_stop *stop, struct tl_err *err)
{
    struct tl_stop bounded = stop ? *stop : (struct tl_stop){0};
    bool ours = bounded.deadline_us == 0 || deadline_us < bounded.deadline_us;
    if (ours)
        bounded.deadline_us = deadline_us;
    struct tl_err inner;
    tl_err_init(&inner);
    enum tl_code code = set_up_session(connection, &bounded, &inner);
    if (code == TL_TIME_EXCEEDED && ours)
        return no_answer(connection->options, err);
    return code == TL_OK ? TL_OK : tl_err_copy(err, &inner);
}

enum tl_code tl_postgres_connect(const struct tl_postgres_options *options, const struct tl_stop *stop,
                                 struct tl_postgres_connection *ret_connection, struct tl_err *err)
{
    int64_t deadline_us = tl_clock_monotonic_us() + options->connect_timeout_us;
    struct tl_postgres_addresses resolved;
    enum tl_code code = tl_postgres_resolve(options->name, options->host, deadline_us, stop, &resolved, err);
    if (code != TL_OK)
        return code;
    struct parameters parameters;
    fill_parameters(&parameters, options, &resolved);
    *ret_connection = (struct tl_postgres_connection){.options = options};
    PGconn *pg = PQconnectStartParams(parameters.names, parameters.values, 0);
    if (!pg)
        return tl_err_set(err, TL_MEMORY_EXCEEDED, "no memory to connect to source \"%s\"", options->name);
    ret_connection->pg = pg;
    PQsetErrorVerbosity(pg, PQERRORS_VERBOSE); /* the only way to see the SQLSTATE of a refused connection */
    PQsetNoticeReceiver(pg, ignore_notice, NULL);
    code = finish_connect(options, pg, deadline_us, stop, err);
    if (code == TL_OK && PQsetnonblocking(pg, 1) != 0)
        code = tl_postgres_failure_connect(options, pg, err);
    if (code == TL_OK)
        code = set_up_in_time(ret_connection, deadline_us, stop, err);
    if (code != TL_OK)
        tl_postgres_disconnect(ret_connection);
    return code;
}

void tl_postgres_disconnect(struct tl_postgres_connection *connection)
{
    if (!connection->pg)
        return;
    if (PQtransactionStatus(connection->pg) == PQTRANS_ACTIVE)
        tl_postgres_cancel(connection->pg);
    PQfinish(connection->pg);
    connection->pg = NULL;
    connection->broken = true;
}

bool tl_postgres_alive(struct tl_postgres_connection *connection)
{
    struct pollfd poller = {.fd = PQsocket(connection->pg), .events = POLLIN};
    if (connection->broken || PQstatus(connection->pg) != CONNECTION_OK)
        return false;
    if (poll(&poller, 1, 0) == 0)
        return true;
    /* An idle server says nothing, except that a setting changed or that it is going away. */
    return PQconsumeInput(connection->pg) == 1 && PQstatus(connection->pg) == CONNECTION_OK &&
           !PQisBusy(connection->pg);
}

/* --- statements --- */

static enum tl_code lost(struct tl_postgres_connection *connection, struct tl_err *err)
{
    connection->broken = true;
    return tl_postgres_failure_lost(connection->options, connection->pg, err);
}

static enum tl_code wait_socket(struct tl_postgres_connection *connection, const struct tl_stop *stop, short events,
                                struct tl_err *err)
{
    for (;;) {
        struct pollfd poller = {.fd = PQsocket(connection->pg), .events = events};
        if (poller.fd < 0)
            return lost(connection, err);
        if (poll(&poller, 1, slice_ms(stop, 0)) > 0)
            return TL_OK;
        enum tl_code code = tl_postgres_stopped(connection->options->name, stop, err);
        if (code != TL_OK) {
            connection->broken = true;
            return code;
        }
    }
}

enum tl_code tl_postgres_receive(struct tl_postgres_connection *connection, const struct tl_stop *stop,
                                 struct tl_err *err)
{
    /* A TLS record may be larger than what libpq took of it: the rest waits where poll does not look. */
    if (!PQsslInUse(connection->pg) || connection->drained) {
        enum tl_code code = wait_socket(connection, stop, POLLIN, err);
        if (code != TL_OK)
            return code;
    }
    connection->drained = !connection->drained;
    return PQconsumeInput(connection->pg) ? TL_OK : lost(connection, err);
}

enum tl_code tl_postgres_send(struct tl_postgres_connection *connection, const char *sql, const struct tl_stop *stop,
                              struct tl_err *err)
{
    if (!PQsendQuery(connection->pg, sql))
        return lost(connection, err);
    int left;
    while ((left = PQflush(connection->pg)) == 1) {
        enum tl_code code = wait_socket(connection, stop, POLLIN | POLLOUT, err);
        if (code != TL_OK)
            return code;
        if (!PQconsumeInput(connection->pg))
            return lost(connection, err);
    }
    return left < 0 ? lost(connection, err) : TL_OK;
}

/* After an error the server skips the rest of the message; read up to its end to be ready for the next one. */
static enum tl_code reported(struct tl_postgres_connection *connection, const struct tl_stop *stop, PGresult *result,
                             struct tl_err *err)
{
    enum tl_code code = tl_postgres_failure_result(connection->options, result, err);
    PQclear(result);
    struct tl_err ignored;
    tl_err_init(&ignored);
    for (;;) {
        while (PQisBusy(connection->pg))
            if (tl_postgres_receive(connection, stop, &ignored) != TL_OK)
                return code;
        PGresult *more = PQgetResult(connection->pg);
        if (!more)
            break;
        PQclear(more);
        if (PQstatus(connection->pg) != CONNECTION_OK)
            break;
    }
    connection->broken |= PQstatus(connection->pg) != CONNECTION_OK;
    return code;
}

enum tl_code tl_postgres_result(struct tl_postgres_connection *connection, const struct tl_stop *stop,
                                PGresult **ret_result, struct tl_err *err)
{
    while (PQisBusy(connection->pg)) {
        enum tl_code code = tl_postgres_receive(connection, stop, err);
        if (code != TL_OK)
            return code;
    }
    PGresult *result = PQgetResult(connection->pg);
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_OUT:
        break;
    case PGRES_FATAL_ERROR:
        if (result) /* NULL has this status, too */
            return PQresultErrorField(result, PG_DIAG_SQLSTATE) ? reported(connection, stop, result, err)
                                                                 : (PQclear(result), lost(connection, err));
        break;
    default:
        PQclear(result);
        connection->broken = true;
        return tl_err_set(err, TL_SOURCE_PROTOCOL, "source \"%s\" answered with something that was not asked for",
                          connection->options->name);
    }
    *ret_result = result;
    return TL_OK;
}

enum tl_code tl_postgres_query(struct tl_postgres_connection *connection, const char *sql, const struct tl_stop *stop,
                               PGresult **results, size_t count, struct tl_err *err)
{
    enum tl_code code = tl_postgres_send(connection, sql, stop, err);
    size_t got = 0;
    while (code == TL_OK) {
        PGresult *result = NULL;
        code = tl_postgres_result(connection, stop, &result, err);
        if (code != TL_OK || !result)
            break;
        if (got < count && PQresultStatus(result) != PGRES_COPY_OUT) {
            results[got++] = result;
            continue;
        }
        PQclear(result);
        connection->broken = true;
        code = tl_err_set(err, TL_SOURCE_PROTOCOL, "source \"%s\" sent more results than statements",
                          connection->options->name);
    }
    if (code == TL_OK && got != count) {
        connection->broken = true;
        code = tl_err_set(err, TL_SOURCE_PROTOCOL, "source \"%s\" sent %zu results for %zu statements",
                          connection->options->name, got, count);
    }
    return code;
}
