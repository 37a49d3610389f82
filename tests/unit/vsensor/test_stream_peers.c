/* SPDX-License-Identifier: Apache-2.0 */
/* Connections over real sockets; the time is the test's. */
#include "unit.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/time.h"
#include "stream_peers.h"

#define S TH_NS_PER_S
enum { HEAD = 24, HALF_HEAD = 11, LIMIT = 2 };

struct world {
    struct th_stream_peers peers;
    struct sockaddr_in at;
    int64_t now_ns;
    unsigned began;
    char why[80]; /* the last one ended */
};

static void on_begin(void *arg, const struct th_stream_conn *c)
{
    struct world *w = arg;
    (void)c;
    w->began++;
}

static void on_bytes(void *arg, const struct th_stream_conn *c, struct th_str bytes)
{
    (void)arg, (void)c, (void)bytes;
}

static void on_end(void *arg, const struct th_stream_conn *c, const char *why)
{
    struct world *w = arg;
    (void)c;
    snprintf(w->why, sizeof(w->why), "%s", why);
}

static bool on_full(void *arg)
{
    (void)arg;
    return false;
}

static struct world *begin(void)
{
    static const struct th_stream_ops ops = {
        .begin = on_begin, .bytes = on_bytes, .end = on_end, .full = on_full};
    struct world *w = th_xcalloc(1, sizeof(*w));
    socklen_t len = sizeof(w->at);
    w->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    w->now_ns = 100 * S;
    th_stream_peers_init(&w->peers, &ops, w, LIMIT);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&w->at, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&w->at, &len), 0);
    w->peers.listeners[w->peers.listener_count++].fd = fd;
    return w;
}

static void end(struct world *w)
{
    th_stream_peers_done(&w->peers);
    free(w);
}

/* All that is there is taken and read. */
static void turn(struct world *w)
{
    struct pollfd fds[TH_STREAM_LISTENERS_MAX + TH_STREAMS_MAX];
    for (size_t n; n = th_stream_peers_poll(&w->peers, true, fds), poll(fds, n, 0) > 0;) {
        th_stream_peers_turn(&w->peers, true, fds, n, w->now_ns);
        w->now_ns += TH_NS_PER_MS;
    }
}

static int come(struct world *w, size_t bytes)
{
    static const uint8_t some[HEAD];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&w->at, sizeof(w->at)), 0);
    assert_int_equal(send(fd, some, bytes, 0), (ssize_t)bytes);
    turn(w);
    return fd;
}

static bool is_open(int fd)
{
    char c;
    return recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void half_a_head_keeps_no_place(void **state)
{
    (void)state;
    struct world *w = begin();
    int half = come(w, HALF_HEAD), whole = come(w, HEAD);
    int early = come(w, HEAD); /* too early for anybody to make room */
    assert_false(is_open(early));
    assert_true(is_open(half) && is_open(whole));
    assert_int_equal(w->peers.counts.refused, 1);
    w->now_ns += 31 * S;
    int late = come(w, HEAD);
    assert_false(is_open(half));
    assert_string_equal(w->why, "it brought no head of a capture, and others wait");
    assert_true(is_open(whole) && is_open(late));
    /* Who brought a head stays, however long it is quiet. */
    w->now_ns += 3600 * S;
    int last = come(w, HEAD);
    assert_false(is_open(last));
    assert_true(is_open(whole) && is_open(late));
    const int fds[] = {half, whole, early, late, last};
    for (size_t i = 0; i < TH_ARRAY_LEN(fds); i++)
        close(fds[i]);
    turn(w);
    assert_int_equal(th_stream_peers_open(&w->peers), 0);
    assert_int_equal(w->began, 3);
    assert_int_equal(w->peers.counts.ended, 2);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(half_a_head_keeps_no_place)};
    return cmocka_run_group_tests_name("vsensor/stream_peers", tests, NULL, NULL);
}
