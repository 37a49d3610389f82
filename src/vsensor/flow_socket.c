/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_socket.h"

#include <netdb.h>
#include <netinet/in.h>

#include "base/mem.h"
#include "endpoint.h"

static const int buffer_bytes = 16 << 20; /* an exporter sends what it has in bursts */

bool th_flow_address_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    struct th_endpoint at;
    if (!th_endpoint_parse(text, &at) || at.address != text ||
        getaddrinfo(at.host, at.port, &hints, &found) != 0)
        return false;
    *ret_len = found->ai_addrlen;
    memcpy(ret, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

int th_flow_socket_open(const char *text)
{
    struct sockaddr_storage address;
    socklen_t len;
    const int on = 1;
    if (!th_flow_address_parse(text, &address, &len))
        return -EINVAL;
    TH_AUTOCLOSE int fd =
        socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    if (fd < 0)
        return -errno;
    if (address.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
        return -errno;
    /* Without the right to force it, the system's limit holds. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes)) < 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes)) < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&address, len) < 0)
        return -errno;
    /* Linux says that it is not connected, and shuts it all the same: who reads cannot answer. */
    if (shutdown(fd, SHUT_WR) < 0 && errno != ENOTCONN)
        return -errno;
    return TH_TAKE_FD(fd);
}

static struct th_addr address_of(const struct sockaddr_storage *s)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    uint8_t b[16] = {0};
    if (s->ss_family == AF_INET) {
        memcpy(&v4, s, sizeof(v4));
        memcpy(b, &v4.sin_addr, 4);
        return th_addr_v4(b);
    }
    if (s->ss_family == AF_INET6) {
        memcpy(&v6, s, sizeof(v6));
        memcpy(b, &v6.sin6_addr, sizeof(b));
    }
    return th_addr_v6(b);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): written to through the vector */
int th_flow_socket_read(int fd, uint8_t buffer[TH_FLOW_SOCKET_MAX_BYTES], size_t *ret_len,
    struct th_addr *ret_from, uint32_t *ret_dropped)
{
    struct sockaddr_storage from = {0};
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint32_t))];
    struct iovec iov = {.iov_base = buffer, .iov_len = TH_FLOW_SOCKET_MAX_BYTES};
    struct msghdr m = {.msg_name = &from,
        .msg_namelen = sizeof(from),
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL &&
            c->cmsg_len == CMSG_LEN(sizeof(*ret_dropped)))
            memcpy(ret_dropped, CMSG_DATA(c), sizeof(*ret_dropped));
    *ret_len = (size_t)n;
    *ret_from = address_of(&from);
    return 1;
}
