/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where connections come in. The gateway accepts itself, because it wants to see the first
 * bytes: a PROXY head from the proxies that are believed, then the beginning of TLS. Somebody
 * who speaks plain HTTP gets a sentence in plain HTTP. Only what begins with TLS goes on to the
 * HTTP server. Limits on connections, in all and for each address, hold here; so does the time that
 * a client may take for each step, which a trickle of bytes does not stretch.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "gateway.h"
#include "web/proxy.h"

#define ACCEPTS_A_TURN 64
#define TLS_HANDSHAKE 0x16u /* content type of a TLS record, RFC 8446 5.1 */
#define LINGER_NS (2 * TH_NS_PER_S)
#define SWEEP_NS (TH_NS_PER_S / 4)

enum guest_stage { GUEST_PROXY, GUEST_FIRST, GUEST_LEAVING };

/* A connection before TLS. */
struct guest {
    struct gw_conn *conn; /* NULL: a free slot */
    enum guest_stage stage;
};

struct gw_door {
    struct gateway *g;
    int epoll;
    int listen[GW_MAX_LISTEN];
    size_t listen_count;
    struct gw_conn head; /* ring of all connections that TLS has begun on */
    struct guest *guests;
    unsigned guest_room;
    unsigned open;
    struct pollfd *waiting; /* for find_gone, as many as connections */
    struct gw_request **waiters;
    int64_t swept_ns;
};

static const char plain_answer[] = "HTTP/1.1 400 Bad Request\r\n"
                                   "Content-Type: text/plain; charset=utf-8\r\n"
                                   "Connection: close\r\n"
                                   "Content-Length: 98\r\n"
                                   "\r\n"
                                   "This port speaks HTTPS, and the request came without TLS. Use "
                                   "an address that begins with https.\n\n";

struct gw_door *gw_door_new(struct gateway *g, const struct th_inherited *in)
{
    struct gw_door *d = th_xcalloc(1, sizeof(*d));
    d->g = g;
    d->head.next = d->head.prev = &d->head;
    d->guest_room = g->config.max_connections;
    d->guests = th_xcalloc(d->guest_room, sizeof(*d->guests));
    d->waiting = th_xcalloc(d->guest_room, sizeof(*d->waiting));
    d->waiters = th_xcalloc(d->guest_room, sizeof(*d->waiters));
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    TH_ASSERT(d->epoll >= 0);
    for (size_t i = 0; i < GW_MAX_LISTEN; i++) {
        int fd = th_inherit_get(in, "listen", i);
        if (fd < 0)
            break;
        int flags = fcntl(fd, F_GETFL);
        struct epoll_event ev = {.events = EPOLLIN, .data.u64 = UINT64_MAX - i};
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
            epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
            continue;
        d->listen[d->listen_count++] = fd;
    }
    return d;
}

int gw_door_fd(const struct gw_door *d)
{
    return d->epoll;
}

unsigned gw_door_open(const struct gw_door *d)
{
    return d->open;
}

void gw_door_free_conn(struct gw_conn *c)
{
    c->prev->next = c->next;
    c->next->prev = c->prev;
    c->g->door->open--;
    th_tls_identity_unref(c->identity);
    free(c);
}

static unsigned open_from(const struct gw_door *d, const struct th_addr *address)
{
    unsigned n = 0;
    for (const struct gw_conn *c = d->head.next; c != &d->head; c = c->next)
        n += th_addr_eq(&c->address, address);
    return n;
}

size_t gw_door_bodies_of(const struct gw_door *d, const struct th_addr *address)
{
    size_t sum = 0;
    for (const struct gw_conn *c = d->head.next; c != &d->head; c = c->next)
        if (c->request && th_addr_eq(&c->address, address))
            sum += c->request->body.len;
    return sum;
}

static void dismiss(struct guest *guest)
{
    int fd = guest->conn->fd;
    gw_door_free_conn(TH_TAKE(guest->conn));
    close(fd); /* leaves the epoll set by itself */
}

static bool is_proxy(const struct gateway *g, const struct th_addr *a)
{
    for (size_t i = 0; i < g->config.proxy_count; i++)
        if (th_subnet_has(&g->config.proxies[i], a))
            return true;
    return false;
}

static struct th_addr address_of(const struct sockaddr_storage *s)
{
    if (s->ss_family == AF_INET6)
        return th_addr_v6(((const struct sockaddr_in6 *)s)->sin6_addr.s6_addr);
    if (s->ss_family == AF_INET)
        return th_addr_v4((const uint8_t *)&((const struct sockaddr_in *)s)->sin_addr);
    return (struct th_addr){0};
}

/* Is there room for one more from this address, itself not counted yet? */
static bool has_room(struct gw_door *d, const struct th_addr *address)
{
    if (open_from(d, address) < d->g->config.max_per_address)
        return true;
    gw_count(d->g, GW_TOO_MANY);
    return false;
}

static void welcome(struct gw_door *d, int fd, const struct th_addr *address)
{
    unsigned slot = 0;
    bool proxy = is_proxy(d->g, address);
    while (slot < d->guest_room && d->guests[slot].conn)
        slot++;
    if (slot == d->guest_room || d->open >= d->g->config.max_connections) {
        gw_count(d->g, GW_TOO_MANY);
        close(fd);
        return;
    }
    if (!proxy && !has_room(d, address)) {
        close(fd);
        return;
    }
    /* Edge-triggered: bytes that are looked at and left would wake us for ever. */
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.u64 = slot};
    if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
        close(fd);
        return;
    }
    struct gw_conn *c = th_xcalloc(1, sizeof(*c));
    *c = (struct gw_conn){.g = d->g,
        .fd = fd,
        .address = *address,
        .deadline_ns = d->g->mono_ns + d->g->config.header_ns,
        .next = &d->head,
        .prev = d->head.prev};
    c->prev->next = c->next->prev = c;
    d->open++;
    gw_count(d->g, GW_CONNECTIONS);
    d->guests[slot] = (struct guest){.conn = c, .stage = proxy ? GUEST_PROXY : GUEST_FIRST};
}

static void accept_all(struct gw_door *d, int listener)
{
    for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof(from);
        int fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct th_addr address = address_of(&from);
        welcome(d, fd, &address);
    }
}

/* Says goodbye in words, then waits a little until the client has read them: closing at once
 * would reset the connection and take them away. */
static void answer_plainly(struct gw_door *d, struct guest *guest)
{
    gw_count(d->g, GW_PLAIN_HTTP);
    ssize_t n =
        send(guest->conn->fd, plain_answer, sizeof(plain_answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 || shutdown(guest->conn->fd, SHUT_WR) < 0) {
        dismiss(guest);
        return;
    }
    guest->stage = GUEST_LEAVING;
    guest->conn->deadline_ns = d->g->mono_ns + LINGER_NS;
}

/* The first bytes say what they are; they stay in the socket for TLS. */
static void look_at_first(struct gw_door *d, struct guest *guest)
{
    uint8_t first[3];
    ssize_t n = recv(guest->conn->fd, first, sizeof(first), MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        dismiss(guest);
        return;
    }
    if (first[0] == TLS_HANDSHAKE) {
        struct gw_conn *c = TH_TAKE(guest->conn);
        if (epoll_ctl(d->epoll, EPOLL_CTL_DEL, c->fd, NULL) == 0) {
            c->deadline_ns = d->g->mono_ns + d->g->config.header_ns;
            gw_http_take(d->g, c);
            return;
        }
        guest->conn = c;
    } else if (first[0] >= 'A' && first[0] <= 'Z') {
        answer_plainly(d, guest);
        return;
    } else {
        gw_count(d->g, GW_NOT_TLS);
    }
    dismiss(guest);
}

/* Reads a PROXY head, to its last byte and no further. */
static void read_proxy(struct gw_door *d, struct guest *guest)
{
    uint8_t bytes[TH_PROXY_MAX_BYTES];
    struct th_proxy p = {0};
    int fd = guest->conn->fd;
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    int len = n <= 0 ? TH_E_TRUNCATED : th_proxy_length(bytes, (size_t)n);
    if (n > 0 && (len == TH_E_TRUNCATED || n < len))
        return; /* more is to come, or the deadline */
    if (len > 0 &&
        (recv(fd, bytes, (size_t)len, MSG_DONTWAIT) != len ||
            th_proxy_parse(bytes, (size_t)len, &p) < 0))
        len = TH_E_MALFORMED;
    if (len < 0) {
        gw_count(d->g, GW_BAD_PROXY);
        dismiss(guest);
        return;
    }
    if (!p.local) {
        if (!has_room(d, &p.address)) {
            dismiss(guest);
            return;
        }
        guest->conn->address = p.address;
    }
    guest->stage = GUEST_FIRST;
    look_at_first(d, guest);
}

/* Reads what still comes, until the client has closed. */
static void let_leave(struct guest *guest)
{
    uint8_t bytes[4096];
    ssize_t n = 1;
    for (unsigned i = 0; n > 0 && i < 16; i++)
        n = recv(guest->conn->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        dismiss(guest);
}

static void turn_guest(struct gw_door *d, struct guest *guest)
{
    switch (guest->stage) {
    case GUEST_PROXY: read_proxy(d, guest); break;
    case GUEST_FIRST: look_at_first(d, guest); break;
    case GUEST_LEAVING: let_leave(guest); break;
    }
}

/* Ends what took too long. */
static void sweep(struct gw_door *d)
{
    int64_t now = d->g->mono_ns;
    if (now - d->swept_ns < SWEEP_NS)
        return;
    d->swept_ns = now;
    for (unsigned i = 0; i < d->guest_room; i++) {
        struct guest *guest = &d->guests[i];
        if (!guest->conn || now < guest->conn->deadline_ns)
            continue;
        if (guest->stage != GUEST_LEAVING)
            gw_count(d->g, GW_TOO_SLOW);
        dismiss(guest);
    }
    for (struct gw_conn *c = d->head.next; c != &d->head; c = c->next) {
        if (c->deadline_ns == 0 || now < c->deadline_ns)
            continue;
        if (c->request || !c->handshake_done)
            gw_count(d->g, GW_TOO_SLOW);
        c->deadline_ns = 0;
        (void)shutdown(c->fd, SHUT_RDWR); /* the HTTP server sees it and lets go */
    }
}

void gw_door_turn(struct gw_door *d)
{
    struct epoll_event ev[64];
    int n = epoll_wait(d->epoll, ev, TH_ARRAY_LEN(ev), 0);
    for (int i = 0; i < n; i++) {
        if (ev[i].data.u64 > UINT64_MAX - GW_MAX_LISTEN)
            accept_all(d, d->listen[UINT64_MAX - ev[i].data.u64]);
        else if (d->guests[ev[i].data.u64].conn)
            turn_guest(d, &d->guests[ev[i].data.u64]);
    }
    sweep(d);
}

/* Fills waiting and waiters. */
static nfds_t find_waiting(struct gw_door *d)
{
    nfds_t n = 0;
    for (struct gw_conn *c = d->head.next; c != &d->head; c = c->next)
        if (c->request && c->request->stage == GW_WAITING) {
            d->waiting[n] = (struct pollfd){.fd = c->fd, .events = POLLRDHUP};
            d->waiters[n++] = c->request;
        }
    return n;
}

void gw_door_find_waiting(struct gw_door *d, void (*fn)(struct gw_request *r))
{
    nfds_t n = find_waiting(d);
    for (nfds_t i = 0; i < n; i++)
        fn(d->waiters[i]);
}

void gw_door_find_gone(struct gw_door *d, void (*fn)(struct gw_request *r))
{
    nfds_t n = find_waiting(d);
    if (n == 0 || poll(d->waiting, n, 0) <= 0)
        return;
    for (nfds_t i = 0; i < n; i++)
        if (d->waiting[i].revents)
            fn(d->waiters[i]);
}

void gw_door_free(struct gw_door *d)
{
    for (unsigned i = 0; i < d->guest_room; i++)
        if (d->guests[i].conn)
            dismiss(&d->guests[i]);
    free(d->guests);
    free(d->waiting);
    free(d->waiters);
    close(d->epoll);
    free(d);
}
