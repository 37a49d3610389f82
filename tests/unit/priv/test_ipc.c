/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/mem.h"
#include "priv/ipc.h"

struct pair {
    int fds[2]; /* raw ends where a test wants one */
    struct th_ipc *a, *b;
};

static int setup(void **state)
{
    struct pair *p = th_xcalloc(1, sizeof(*p));
    *state = p;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->fds) < 0)
        return -1;
    p->b = th_ipc_new(p->fds[1], 0);
    return 0;
}

static int setup_both(void **state)
{
    int r = setup(state);
    struct pair *p = *state;
    if (r == 0)
        p->a = th_ipc_new(p->fds[0], 1u << 20);
    return r;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    if (p->a)
        th_ipc_free(p->a);
    else if (p->fds[0] >= 0)
        close(p->fds[0]);
    th_ipc_free(p->b);
    free(p);
    return 0;
}

static void raw(struct pair *p, const void *bytes, size_t len)
{
    assert_int_equal(write(p->fds[0], bytes, len), (ssize_t)len);
}

static void test_messages_come_whole_and_in_order(void **state)
{
    struct pair *p = *state;
    struct th_ipc_message m;
    assert_int_equal(th_ipc_receive(p->b, &m), 0);
    assert_int_equal(th_ipc_send(p->a, 7, 1, th_str_c("one")), 0);
    assert_int_equal(th_ipc_send(p->a, 8, UINT64_MAX, th_str_c("")), 0);
    assert_int_equal(th_ipc_send(p->a, UINT16_MAX, 3, th_str_c("three")), 0);
    assert_int_equal(th_ipc_queued(p->a), 0);
    assert_int_equal(th_ipc_receive(p->b, &m), 1);
    assert_int_equal(m.type, 7);
    assert_int_equal(m.id, 1);
    assert_view_is(m.body, "one");
    assert_int_equal(th_ipc_receive(p->b, &m), 1);
    assert_int_equal(m.type, 8);
    assert_true(m.id == UINT64_MAX);
    assert_int_equal(m.body.len, 0);
    assert_int_equal(th_ipc_receive(p->b, &m), 1);
    assert_int_equal(m.type, UINT16_MAX);
    assert_view_is(m.body, "three");
    assert_int_equal(th_ipc_receive(p->b, &m), 0);
}

static void test_a_message_in_single_bytes(void **state)
{
    struct pair *p = *state;
    static const uint8_t bytes[] = {2, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 'h', 'i'};
    struct th_ipc_message m;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        assert_int_equal(th_ipc_receive(p->b, &m), 0);
        raw(p, bytes + i, 1);
    }
    assert_int_equal(th_ipc_receive(p->b, &m), 1);
    assert_int_equal(m.type, 9);
    assert_int_equal(m.id, 5);
    assert_view_is(m.body, "hi");
}

static uint8_t byte_of(unsigned message, size_t i)
{
    return (uint8_t)(message * 131 + i * 7 + (i >> 9));
}

/* Sizes around all limits of the buffers, both ends never waiting for each other. */
static void test_many_messages_of_all_sizes(void **state)
{
    struct pair *p = *state;
    enum { COUNT = 300 };
    TH_AUTOFREE uint8_t *body = th_xmalloc(200000);
    struct th_ipc_message m;
    unsigned sent = 0;
    unsigned got = 0;
    while (got < COUNT) {
        while (sent < COUNT) {
            size_t len = th_mix64(sent) % (sent % 7 == 0 ? 200000 : 300);
            for (size_t i = 0; i < len; i++)
                body[i] = byte_of(sent, i);
            int r = th_ipc_send(p->a, (uint16_t)sent, sent * 3, th_str_n(body, len));
            if (r == TH_E_LIMIT)
                break;
            assert_int_equal(r, 0);
            sent++;
        }
        while (th_ipc_receive(p->b, &m) == 1) {
            assert_int_equal(m.type, got);
            assert_int_equal(m.id, got * 3);
            assert_int_equal(m.body.len, th_mix64(got) % (got % 7 == 0 ? 200000 : 300));
            for (size_t i = 0; i < m.body.len; i++)
                assert_int_equal((uint8_t)m.body.p[i], byte_of(got, i));
            got++;
        }
        assert_int_equal(th_ipc_flush(p->a), 0);
    }
    assert_int_equal(th_ipc_queued(p->a), 0);
}

static void test_a_full_queue_says_so(void **state)
{
    struct pair *p = *state;
    TH_AUTOFREE uint8_t *body = th_xcalloc(1, 300000);
    struct th_ipc_message m;
    unsigned sent = 0;
    int r;
    while ((r = th_ipc_send(p->a, 1, sent, th_str_n(body, 300000))) == 0)
        sent++;
    assert_int_equal(r, TH_E_LIMIT);
    assert_in_range(sent, 3, 8);
    assert_true(th_ipc_queued(p->a) > 0 && th_ipc_queued(p->a) <= 1u << 20);
    assert_int_equal(th_ipc_events(p->a), POLLIN | POLLOUT);
    assert_int_equal(th_ipc_drain(p->a, 1), -ETIMEDOUT);
    unsigned got = 0;
    while (got < sent) {
        while (th_ipc_receive(p->b, &m) == 1)
            assert_int_equal(m.id, got++); /* what was refused is not in between */
        assert_int_equal(th_ipc_flush(p->a), 0);
    }
    assert_int_equal(th_ipc_events(p->a), POLLIN);
    assert_int_equal(th_ipc_drain(p->a, 1), 0);
    assert_int_equal(th_ipc_send(p->a, 1, sent, th_str_n(body, 300000)), 0);
}

static void test_an_empty_queue_takes_any_one_message(void **state)
{
    struct pair *p = *state;
    TH_AUTOFREE uint8_t *body = th_xcalloc(1, TH_IPC_MAX_BODY);
    struct th_ipc_message m;
    int r = 0;
    assert_int_equal(th_ipc_send(p->a, 1, 5, th_str_n(body, TH_IPC_MAX_BODY)), 0);
    assert_int_equal(th_ipc_send(p->a, 1, 6, th_str_c("x")), TH_E_LIMIT);
    while (r == 0) {
        assert_int_equal(th_ipc_flush(p->a), 0);
        r = th_ipc_receive(p->b, &m);
    }
    assert_int_equal(r, 1);
    assert_int_equal(m.body.len, TH_IPC_MAX_BODY);
}

/* What it sent before it went is still received. */
static void test_the_other_side_goes(void **state)
{
    struct pair *p = *state;
    struct th_ipc_message m;
    assert_int_equal(th_ipc_send(p->a, 1, 1, th_str_c("last words")), 0);
    th_ipc_free(TH_TAKE(p->a));
    p->fds[0] = -1;
    assert_int_equal(th_ipc_receive(p->b, &m), 1);
    assert_view_is(m.body, "last words");
    assert_int_equal(th_ipc_receive(p->b, &m), -EPIPE);
    assert_int_equal(th_ipc_receive(p->b, &m), -EPIPE);
    assert_int_equal(th_ipc_send(p->b, 1, 1, th_str_c("anyone?")), -EPIPE);
}

static void test_half_a_message_is_none(void **state)
{
    struct pair *p = *state;
    struct th_ipc_message m;
    raw(p, "\x05\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0abc", 19);
    close(p->fds[0]);
    p->fds[0] = -1;
    assert_int_equal(th_ipc_receive(p->b, &m), -EPIPE);
}

static void assert_broken(struct pair *p)
{
    struct th_ipc_message m;
    assert_int_equal(th_ipc_receive(p->b, &m), TH_E_MALFORMED);
    raw(p, "\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0", 16); /* good, and too late */
    assert_int_equal(th_ipc_receive(p->b, &m), TH_E_MALFORMED);
}

static void test_a_length_that_cannot_be(void **state)
{
    raw(*state, "\x01\0\0\x01\x01\0\0\0\x01\0\0\0\0\0\0\0", 16); /* 16 MiB and a byte */
    assert_broken(*state);
}

static void test_zeros_that_are_not(void **state)
{
    raw(*state, "\0\0\0\0\x01\0\0\x01\x01\0\0\0\0\0\0\0", 16);
    assert_broken(*state);
}

static void test_nobody_ever_blocks(void **state)
{
    struct pair *p = *state;
    assert_true(fcntl(th_ipc_fd(p->a), F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(th_ipc_fd(p->b), F_GETFL) & O_NONBLOCK);
}

int main(void)
{
#define BOTH(f) cmocka_unit_test_setup_teardown(f, setup_both, teardown)
#define RAW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        BOTH(test_messages_come_whole_and_in_order),
        RAW(test_a_message_in_single_bytes),
        BOTH(test_many_messages_of_all_sizes),
        BOTH(test_a_full_queue_says_so),
        BOTH(test_an_empty_queue_takes_any_one_message),
        BOTH(test_the_other_side_goes),
        RAW(test_half_a_message_is_none),
        RAW(test_a_length_that_cannot_be),
        RAW(test_zeros_that_are_not),
        BOTH(test_nobody_ever_blocks),
    };
    return cmocka_run_group_tests_name("priv/ipc", tests, NULL, NULL);
}
