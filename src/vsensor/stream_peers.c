/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_peers.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/time.h"

static const int64_t greeting_ns = 10 * TH_NS_PER_S; /* to connect, and for TLS */
/* Of those who brought not even a head (of pcap, the shorter one) the oldest makes room, but not
 * before. */
static const int64_t idle_ns = 30 * TH_NS_PER_S;
static const uint64_t head_bytes = 24;
static const int64_t min_pause_ns = TH_NS_PER_S;
static const int64_t max_pause_ns = 60 * TH_NS_PER_S;
enum { ACCEPTS = 16, READS = 4 }; /* of one descriptor, before the others have their turn */

void th_stream_peers_init(
    struct th_stream_peers *p, const struct th_stream_ops *ops, void *arg, unsigned limit)
{
    p->ops = ops;
    p->arg = arg;
    p->limit = TH_MIN(limit, TH_STREAMS_MAX);
    for (unsigned i = 0; i < TH_STREAMS_MAX; i++)
        p->conns[i].fd = -1;
}

void th_stream_peers_done(struct th_stream_peers *p)
{
    th_stream_peers_drop(p, 0);
    for (unsigned i = 0; i < p->listener_count; i++)
        th_closep(&p->listeners[i].fd);
    th_tls_rules_free(TH_TAKE(p->server));
    th_tls_rules_free(TH_TAKE(p->client));
}

/* ---- one connection ---- */

static void close_conn(struct th_stream_conn *c, int64_t now_ns)
{
    struct th_stream_target *t = c->target;
    if (t) {
        /* One that brought something for a while begins from the shortest pause again. */
        bool well = c->bytes > 0 && now_ns - c->since_ns > max_pause_ns;
        t->busy = false;
        t->pause_ns =
            well ? min_pause_ns : TH_MIN(TH_MAX(2 * t->pause_ns, min_pause_ns), max_pause_ns);
        t->try_at_ns = now_ns + t->pause_ns;
        t->away_since_ns = t->away_since_ns ? t->away_since_ns : now_ns;
    }
    th_tls_conn_free(c->tls);
    th_closep(&c->fd);
    *c = (struct th_stream_conn){.fd = -1};
}

static void end_conn(
    struct th_stream_peers *p, struct th_stream_conn *c, const char *why, int64_t now_ns)
{
    p->ops->end(p->arg, c, why);
    if (c->target)
        snprintf(c->target->problem, sizeof(c->target->problem), "%s",
            *why ? why : "it ended the connection");
    close_conn(c, now_ns);
}

static void fail_conn(
    struct th_stream_peers *p, struct th_stream_conn *c, const char *why, int64_t now_ns)
{
    p->counts.failed++;
    end_conn(p, c, why, now_ns);
}

/* NULL: no more than `keep` are left. */
static struct th_stream_conn *free_conn(struct th_stream_peers *p, unsigned keep)
{
    unsigned used = keep;
    struct th_stream_conn *found = NULL;
    for (unsigned i = 0; i < TH_STREAMS_MAX; i++) {
        used += p->conns[i].fd >= 0;
        if (!found && p->conns[i].fd < 0)
            found = &p->conns[i];
    }
    return used < p->limit ? found : NULL;
}

/* A peer that is gone without a word is found by the kernel, after two minutes. */
static void watch_peer(int fd)
{
    int on = 1, first_s = 60, each_s = 15, times = 4;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &first_s, sizeof(first_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &each_s, sizeof(each_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

static void begin_conn(struct th_stream_peers *p, struct th_stream_conn *c, int fd,
    struct th_stream_target *target, int64_t now_ns)
{
    *c = (struct th_stream_conn){.fd = fd,
        .connecting = target != NULL,
        .target = target,
        .id = ++p->last_id,
        .since_ns = now_ns};
    watch_peer(fd);
}

/* ---- those who come ---- */

static void name_peer(struct th_stream_conn *c, const struct sockaddr_storage *from)
{
    char text[TH_ADDR_TEXT_LEN];
    struct th_addr addr = {0};
    uint16_t port = 0;
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)from;
        addr = th_addr_v4((const uint8_t *)&in->sin_addr);
        port = ntohs(in->sin_port);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)from;
        addr = th_addr_v6((const uint8_t *)&in->sin6_addr);
        port = ntohs(in->sin6_port);
    }
    th_addr_format(&addr, text);
    snprintf(c->name, sizeof(c->name), th_addr_is_v4(&addr) ? "%s:%u" : "[%s]:%u", text, port);
}

/* One who came and brings nothing makes room for the next. */
static bool make_room(struct th_stream_peers *p, int64_t now_ns)
{
    struct th_stream_conn *oldest = NULL;
    for (unsigned i = 0; i < TH_STREAMS_MAX; i++) {
        struct th_stream_conn *c = &p->conns[i];
        if (c->fd >= 0 && !c->target && c->bytes < head_bytes && now_ns - c->since_ns > idle_ns &&
            (!oldest || c->since_ns < oldest->since_ns))
            oldest = c;
    }
    if (oldest)
        fail_conn(p, oldest, "it brought no head of a capture, and others wait", now_ns);
    return oldest != NULL;
}

/* What those need whom we go to, and who have no connection now. */
static unsigned kept(const struct th_stream_peers *p)
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->target_count; i++)
        n += !p->targets[i].busy;
    return n;
}

static void take_one(struct th_stream_peers *p, int fd, bool tls,
    const struct sockaddr_storage *from, int64_t now_ns)
{
    struct th_stream_conn *c = free_conn(p, kept(p));
    if (!c && make_room(p, now_ns))
        c = free_conn(p, kept(p));
    if (!c) {
        p->counts.refused++;
        p->refused_ns = now_ns;
        close(fd);
        return;
    }
    begin_conn(p, c, fd, NULL, now_ns);
    name_peer(c, from);
    if (tls)
        c->tls = th_tls_conn_new(p->server, fd, NULL);
}

/* Some came in this turn and may be through with what they have to say at the next. */
static bool is_to_be_read_first(struct th_stream_peers *p, int64_t now_ns)
{
    for (unsigned i = 0; i < TH_STREAMS_MAX; i++)
        if (p->conns[i].fd >= 0 && p->conns[i].since_ns == now_ns)
            return !free_conn(p, kept(p));
    return false;
}

static void take_all(struct th_stream_peers *p, unsigned listener, int64_t now_ns)
{
    for (unsigned i = 0; i < ACCEPTS && !is_to_be_read_first(p, now_ns); i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof(from);
        int fd = accept4(p->listeners[listener].fd, (struct sockaddr *)&from, &len,
            SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return; /* who gave up while waiting is no concern of ours */
        take_one(p, fd, p->listeners[listener].tls, &from, now_ns);
    }
}

/* ---- those to whom we go ---- */

static int start_connect(const struct th_stream_target *t, const struct th_addr *to)
{
    uint16_t port = htons(t->at.number);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = port};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = port};
    bool is_v4 = th_addr_is_v4(to);
    memcpy(&v4.sin_addr, to->b + 12, 4);
    memcpy(&v6.sin6_addr, to->b, 16);
    TH_AUTOCLOSE int fd =
        socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int r = is_v4 ? connect(fd, (const struct sockaddr *)&v4, sizeof(v4))
                  : connect(fd, (const struct sockaddr *)&v6, sizeof(v6));
    return r < 0 && errno != EINPROGRESS ? -errno : TH_TAKE_FD(fd);
}

static void try_target(struct th_stream_peers *p, struct th_stream_target *t, int64_t now_ns)
{
    struct th_stream_conn *c = free_conn(p, 0);
    TH_ASSERT(c); /* there is room for all of them, and strangers leave it */
    int fd = t->addr_count ? start_connect(t, &t->addrs[t->next++ % t->addr_count]) : -EHOSTUNREACH;
    t->busy = true;
    begin_conn(p, c, fd, t, now_ns);
    snprintf(c->name, sizeof(c->name), "%s", t->name);
    if (fd < 0)
        fail_conn(p, c, t->addr_count ? th_strerror(fd) : "its name has no address", now_ns);
}

static bool finish_connect(struct th_stream_peers *p, struct th_stream_conn *c, int64_t now_ns)
{
    int error = 0;
    socklen_t len = sizeof(error);
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        fail_conn(p, c, th_strerror(-error), now_ns);
        return false;
    }
    c->connecting = false;
    if (c->target->at.tls)
        c->tls = th_tls_conn_new(p->client, c->fd, c->target->at.host);
    return true;
}

/* ---- what comes ---- */

static bool is_greeting(const struct th_stream_conn *c)
{
    return c->connecting || (c->tls && !th_tls_conn_is_open(c->tls));
}

static void tell_begin(struct th_stream_peers *p, struct th_stream_conn *c)
{
    if (c->said)
        return;
    c->said = true;
    p->counts.begun++;
    p->ops->begin(p->arg, c);
}

static void note_reached(struct th_stream_target *t)
{
    t->problem[0] = '\0';
    t->away_since_ns = 0;
}

static ssize_t read_some(struct th_stream_peers *p, struct th_stream_conn *c)
{
    if (c->tls)
        return th_tls_conn_read(c->tls, p->buffer, sizeof(p->buffer));
    ssize_t n = read(c->fd, p->buffer, sizeof(p->buffer));
    return n < 0 ? -errno : n;
}

static void read_conn(struct th_stream_peers *p, struct th_stream_conn *c, int64_t now_ns)
{
    /* A greeting brings nothing, and is not to look late because capture is. */
    for (unsigned i = 0; i < READS && (is_greeting(c) || !p->ops->full(p->arg)); i++) {
        ssize_t n = read_some(p, c);
        if (c->target && n != 0 && !is_greeting(c))
            note_reached(c->target);
        if (n == -EAGAIN || n == -EINTR)
            return;
        if (n < 0) {
            fail_conn(p, c, c->tls ? th_tls_conn_reason(c->tls) : th_strerror((int)n), now_ns);
            return;
        }
        if (n == 0) {
            p->counts.ended += c->said;
            end_conn(p, c, "", now_ns);
            return;
        }
        tell_begin(p, c);
        c->bytes += (uint64_t)n;
        p->counts.bytes += (uint64_t)n;
        p->ops->bytes(p->arg, c, th_str_n(p->buffer, (size_t)n));
    }
}

static void turn_conn(
    struct th_stream_peers *p, struct th_stream_conn *c, short revents, int64_t now_ns)
{
    if (revents && c->connecting && !finish_connect(p, c, now_ns))
        return;
    if (revents)
        read_conn(p, c, now_ns);
    if (c->fd >= 0 && is_greeting(c) && now_ns - c->since_ns > greeting_ns)
        fail_conn(p, c, "it did not answer in time", now_ns);
}

/* ---- the loop ---- */

static short events_of(const struct th_stream_peers *p, const struct th_stream_conn *c)
{
    if (c->connecting)
        return POLLOUT;
    if (c->tls && is_greeting(c))
        return th_tls_conn_events(c->tls);
    return p->ops->full(p->arg) ? 0 : POLLIN;
}

size_t th_stream_peers_poll(const struct th_stream_peers *p, bool open, struct pollfd *ret)
{
    size_t n = 0;
    for (unsigned i = 0; i < p->listener_count; i++)
        ret[n++] = (struct pollfd){.fd = open ? p->listeners[i].fd : -1, .events = POLLIN};
    for (unsigned i = 0; i < TH_STREAMS_MAX; i++) {
        const struct th_stream_conn *c = &p->conns[i];
        short events = c->fd >= 0 ? events_of(p, c) : 0;
        /* One that is not to be read is left out: poll would tell of its end again and again. */
        ret[n++] = (struct pollfd){.fd = events ? c->fd : -1, .events = events};
    }
    return n;
}

void th_stream_peers_turn(
    struct th_stream_peers *p, bool open, const struct pollfd *fds, size_t count, int64_t now_ns)
{
    TH_ASSERT(count == p->listener_count + TH_STREAMS_MAX);
    for (unsigned i = 0; i < TH_STREAMS_MAX; i++)
        if (p->conns[i].fd >= 0)
            turn_conn(p, &p->conns[i], fds[p->listener_count + i].revents, now_ns);
    for (unsigned i = 0; open && i < p->listener_count; i++)
        if (fds[i].revents)
            take_all(p, i, now_ns);
    for (unsigned i = 0; open && i < p->target_count; i++)
        if (!p->targets[i].busy && now_ns >= p->targets[i].try_at_ns)
            try_target(p, &p->targets[i], now_ns);
}

bool th_stream_peers_stop(struct th_stream_peers *p, uint64_t id, const char *why, int64_t now_ns)
{
    p->counts.broken++;
    for (unsigned i = 0; i < TH_STREAMS_MAX; i++) {
        struct th_stream_conn *c = &p->conns[i];
        if (c->fd < 0 || c->id != id)
            continue;
        end_conn(p, c, why, now_ns);
        return true;
    }
    return false;
}

void th_stream_peers_drop(struct th_stream_peers *p, int64_t now_ns)
{
    for (unsigned i = 0; i < TH_STREAMS_MAX; i++)
        if (p->conns[i].fd >= 0)
            close_conn(&p->conns[i], now_ns);
}

unsigned th_stream_peers_open(const struct th_stream_peers *p)
{
    unsigned n = 0;
    for (unsigned i = 0; i < TH_STREAMS_MAX; i++)
        n += p->conns[i].fd >= 0 && p->conns[i].said;
    return n;
}
