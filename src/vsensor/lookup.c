/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>

#include "base/mem.h"
#include "priv/priv.h"

#define NOBODY_ID 65534u

static bool addr_of(const struct addrinfo *a, struct th_addr *ret)
{
    if (a->ai_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)a->ai_addr;
        *ret = th_addr_v4((const uint8_t *)&in->sin_addr);
    } else if (a->ai_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)a->ai_addr;
        memcpy(ret->b, &in->sin6_addr, sizeof(ret->b));
    } else {
        return false;
    }
    return true;
}

/* In the child: all there is, at once. */
static void __attribute__((noreturn)) ask(const char *host, int out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    struct th_addr all[TH_LOOKUP_MAX];
    size_t n = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    int r = th_drop_ids(NOBODY_ID, NOBODY_ID);
    if ((r < 0 && r != -EPERM && r != -EINVAL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        getaddrinfo(host, NULL, &hints, &found) != 0)
        _exit(1);
    for (const struct addrinfo *a = found; a && n < TH_LOOKUP_MAX; a = a->ai_next)
        n += addr_of(a, &all[n]);
    _exit(write(out, all, n * sizeof(*all)) == (ssize_t)(n * sizeof(*all)) ? 0 : 1);
}

static int read_answer(int fd, int timeout_ms, struct th_addr ret[TH_LOOKUP_MAX])
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, timeout_ms) <= 0)
        return -EHOSTUNREACH;
    ssize_t n = read(fd, ret, TH_LOOKUP_MAX * sizeof(*ret));
    return n < (ssize_t)sizeof(*ret) ? -EHOSTUNREACH : (int)(n / (ssize_t)sizeof(*ret));
}

int th_lookup(const char *host, int timeout_ms, struct th_addr ret[TH_LOOKUP_MAX])
{
    int pair[2];
    if (th_addr_parse(th_str_c(host), &ret[0]))
        return 1;
    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        ask(host, pair[1]);
    close(pair[1]);
    int r = pid < 0 ? -EAGAIN : read_answer(pair[0], timeout_ms, ret);
    close(pair[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return r;
}
