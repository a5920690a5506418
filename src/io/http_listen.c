/* The listening socket, and who holds its port when it cannot be had. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/http_server_int.h"

enum { BACKLOG = 1024, PROCESSES_MAX = 65536, FDS_MAX = 4096 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t parse_address(const char *text, int port, union address *address)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, tl_streq(text, "localhost") ? "127.0.0.1" : text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        return sizeof address->v4;
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
        return sizeof address->v6;
    }
    return 0;
}

/* ---- who listens on the port: best effort, from /proc ---- */

static unsigned long listening_inode_in(const char *table, int port)
{
    FILE *file = fopen(table, "re");
    char line[512];
    unsigned long found = 0;
    while (file && !found && fgets(line, sizeof line, file)) {
        unsigned local_port, state;
        unsigned long inode;
        enum { LISTEN = 0x0A };
        if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %lu", &local_port, &state, &inode) == 3 &&
            (int)local_port == port && state == LISTEN)
            found = inode;
    }
    if (file)
        fclose(file);
    return found;
}

static bool process_has_socket(const char *pid, unsigned long inode)
{
    char path[300], link[64], wanted[64];
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *folder = opendir(path);
    bool found = false;
    struct dirent *entry;
    for (int i = 0; folder && !found && i < FDS_MAX && (entry = readdir(folder)); i++) {
        ssize_t size = readlinkat(dirfd(folder), entry->d_name, link, sizeof link - 1);
        link[size > 0 ? size : 0] = '\0';
        found = strcmp(link, wanted) == 0;
    }
    if (folder)
        closedir(folder);
    return found;
}

static bool find_port_holder(int port, char text[128])
{
    unsigned long inode = listening_inode_in("/proc/net/tcp", port);
    if (!inode)
        inode = listening_inode_in("/proc/net/tcp6", port);
    DIR *processes = inode ? opendir("/proc") : NULL;
    bool found = false;
    struct dirent *entry;
    for (int i = 0; processes && !found && i < PROCESSES_MAX && (entry = readdir(processes)); i++) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !process_has_socket(entry->d_name, inode))
            continue;
        char path[300], name[64] = "";
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file) {
            if (!fgets(name, sizeof name, file))
                name[0] = '\0';
            fclose(file);
        }
        name[strcspn(name, "\n")] = '\0';
        snprintf(text, 128, "process %.16s (\"%.64s\")", entry->d_name, name);
        found = true;
    }
    if (processes)
        closedir(processes);
    return found;
}

static enum tl_code listen_failed(const char *address, int port, struct tl_err *err)
{
    int errno_value = errno;
    char holder[128];
    tl_err_errno(err, TL_IO, errno_value, "could not listen on address \"%s\" port %d", address, port);
    if (errno_value == EADDRINUSE && find_port_holder(port, holder))
        tl_err_hint(err, "%s holds port %d: stop it, or choose another port", holder, port);
    else if (errno_value == EADDRINUSE)
        tl_err_hint(err, "`ss -ltnp 'sport = :%d'` shows who holds the port: stop it, or choose another port", port);
    else if (errno_value == EADDRNOTAVAIL)
        tl_err_hint(err, "no interface of this machine has that address; 127.0.0.1 is always there, 0.0.0.0 means all");
    else if (errno_value == EACCES)
        tl_err_hint(err, "ports below 1024 need a privilege; choose a higher one");
    return TL_IO;
}

enum tl_code http_listen(const char *address, int port, int *ret_fd, int *ret_port, struct tl_err *err)
{
    union address where;
    socklen_t size = port >= 0 && port <= UINT16_MAX ? parse_address(address, port, &where) : 0;
    if (size == 0) {
        tl_err_set(err, TL_INVALID_ARGUMENT, "cannot listen on address \"%s\" port %d", address, port);
        tl_err_hint(err, "give an IP address such as 127.0.0.1 and a port from 0 to 65535");
        return TL_INVALID_ARGUMENT;
    }
    int fd = socket(where.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return listen_failed(address, port, err);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (where.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &where.any, size) != 0 || listen(fd, BACKLOG) != 0 || getsockname(fd, &where.any, &size) != 0) {
        enum tl_code code = listen_failed(address, port, err);
        close(fd);
        return code;
    }
    *ret_fd = fd;
    *ret_port = ntohs(where.any.sa_family == AF_INET6 ? where.v6.sin6_port : where.v4.sin_port);
    return TL_OK;
}
