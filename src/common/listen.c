/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

enum { BACKLOG = 512 };

static int listen_on(const struct addrinfo *a)
{
    int on = 1;
    TH_AUTOCLOSE int fd =
        socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return -errno;
    if (a->ai_family == AF_INET6) {
        int off = 0; /* "[::]:443" takes IPv4 as well */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return TH_TAKE_FD(fd);
}

int th_listen_open(const char *text)
{
    TH_AUTOFREE char *host = th_xstrdup(text);
    char *port = strrchr(host, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (!port)
        return -EINVAL;
    *port++ = 0;
    char *name = host;
    size_t len = strlen(host);
    if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = 0;
        name = host + 1;
    }
    if (getaddrinfo(*name ? name : NULL, port, &hints, &found) != 0)
        return -EADDRNOTAVAIL;
    int fd = listen_on(found);
    freeaddrinfo(found);
    return fd;
}
