/* SPDX-License-Identifier: Apache-2.0 */
/* Asked-for packets between a keep and a master that are both played here, in virtual time: who is
 * silent, away, or says what it may not. */
#include "unit.h"

#include <sys/socket.h>

#include "base/time.h"
#include "link_packets.h"
#include "messages.h"

#define ID "00000000000000a7"
#define NUMBER UINT64_C(0xa7)
#define WISH                                                                                       \
    "\"wish\":{\"host\":\"10.0.0.1\",\"from\":\"2026-01-05T00:00:00Z\",\"to\":"                    \
    "\"2026-01-05T01:00:00Z\"}"

enum { KEEP };
static const char *const names[] = {"keep"};

struct bench {
    struct th_edges *edges;
    struct th_ipc *keep;
    int parent;
    struct th_relay relay;
    int64_t now_ns;
};

static void bench_open(struct bench *b, bool with_keep)
{
    int parent[2], keep[2];
    struct th_inherited in = {.count = with_keep ? 2 : 1};
    *b = (struct bench){.now_ns = TH_NS_PER_HOUR};
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, parent), 0);
    in.fds[0] = (struct th_role_fd){.fd = parent[1], .tag = "parent"};
    if (with_keep) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, keep), 0);
        in.fds[1] = (struct th_role_fd){.fd = keep[1], .tag = "keep"};
        b->keep = th_ipc_new(keep[0], 0);
    }
    b->parent = parent[0];
    b->edges = th_edges_new(&in, names, TH_ARRAY_LEN(names));
    th_relay_init(&b->relay, b->edges, KEEP);
}

static void bench_close(struct bench *b)
{
    th_relay_done(&b->relay);
    th_edges_free(b->edges);
    th_ipc_free(b->keep);
    close(b->parent);
}

static bool turn(struct bench *b, int64_t after_ns)
{
    b->now_ns += after_ns;
    assert_int_equal(th_edges_wait(b->edges, NULL, 0, 0), 0);
    return th_relay_turn(&b->relay, b->now_ns);
}

static bool command(struct bench *b, const char *id, const char *json)
{
    const struct th_link_command c = {.id = id, .type = "packets", .json = th_str_c(json)};
    return th_relay_command(&b->relay, &c, b->now_ns);
}

static void say(struct bench *b, uint16_t type, uint64_t id, struct th_str body)
{
    assert_int_equal(th_ipc_send(b->keep, type, id, body), 0);
    assert_int_equal(th_ipc_drain(b->keep, 1000), 0);
}

/* The keep hears this next. */
static void hears(struct bench *b, uint16_t type)
{
    struct th_ipc_message m;
    assert_int_equal(th_edges_wait(b->edges, NULL, 0, 0), 0);
    assert_int_equal(th_ipc_receive(b->keep, &m), 1);
    assert_int_equal(m.type, type);
    assert_int_equal(m.id, NUMBER);
}

static void hears_nothing(struct bench *b)
{
    struct th_ipc_message m;
    assert_int_equal(th_ipc_receive(b->keep, &m), 0);
}

static void ends_with(struct bench *b, const char *problem)
{
    struct th_link_part part;
    assert_int_equal(th_relay_part(&b->relay, &part), 1);
    assert_true(part.last);
    TH_AUTOFREE char *text = th_xasprintf("%.*s", (int)part.body.len, part.body.p);
    assert_non_null(strstr(text, problem));
}

static void part_is(struct bench *b, uint32_t number, const char *text)
{
    struct th_link_part part;
    assert_int_equal(th_relay_part(&b->relay, &part), 1);
    assert_string_equal(part.id, ID);
    assert_int_equal(part.number, number);
    assert_true(th_str_is(part.body, text));
}

static void ask(struct bench *b)
{
    assert_true(command(b, ID, "{" WISH "}"));
    assert_true(turn(b, 0));
    hears(b, TH_SENSOR_PACKETS);
}

static void test_part_by_part(void **state)
{
    (void)state;
    struct bench b;
    struct th_link_part part;
    bench_open(&b, true);
    ask(&b);
    assert_true(command(&b, ID, "{" WISH "}")); /* told twice */
    say(&b, TH_SENSOR_PACKETS_PART, NUMBER, th_str_c("one"));
    say(&b, TH_SENSOR_PACKETS_PART, NUMBER, th_str_c("two"));
    say(&b, TH_SENSOR_PACKETS_PART, NUMBER + 1, th_str_c("of another wish"));
    assert_true(turn(&b, 0));
    part_is(&b, 0, "one");
    part_is(&b, 0, "one"); /* until it is done */
    hears_nothing(&b);
    th_relay_part_done(&b.relay, 0, b.now_ns);
    hears(&b, TH_SENSOR_PACKETS_MORE);
    say(&b, TH_SENSOR_PACKETS_END, NUMBER, th_str_c("{\"packets\":2}"));
    assert_true(turn(&b, 0));
    part_is(&b, 1, "two");
    th_relay_part_done(&b.relay, 0, b.now_ns);
    hears_nothing(&b); /* it has said that this was all */
    part_is(&b, 2, "{\"packets\":2}");
    th_relay_part_done(&b.relay, 0, b.now_ns);
    assert_int_equal(th_relay_part(&b.relay, &part), 0);
    assert_int_equal(b.relay.sent, 1);
    bench_close(&b);
}

static void test_a_master_that_is_away(void **state)
{
    (void)state;
    struct bench b;
    struct th_link_part part;
    bench_open(&b, true);
    ask(&b);
    say(&b, TH_SENSOR_PACKETS_PART, NUMBER, th_str_c("one"));
    assert_true(turn(&b, TH_NS_PER_S));
    assert_true(turn(&b, 89 * TH_NS_PER_S));
    hears_nothing(&b);
    assert_false(turn(&b, 2 * TH_NS_PER_S)); /* what is under way is dropped */
    hears(&b, TH_SENSOR_PACKETS_STOP);
    assert_int_equal(th_relay_part(&b.relay, &part), 0);
    say(&b, TH_SENSOR_PACKETS_PART, NUMBER, th_str_c("late"));
    assert_true(turn(&b, 0));
    assert_int_equal(th_relay_part(&b.relay, &part), 0);
    ask(&b); /* the next one is taken as any */
    say(&b, TH_SENSOR_PACKETS_PART, NUMBER, th_str_c("one"));
    assert_true(turn(&b, 0));
    th_relay_part_done(&b.relay, -ECANCELED, b.now_ns);
    hears(&b, TH_SENSOR_PACKETS_STOP);
    assert_int_equal(b.relay.given_up, 2);
    bench_close(&b);
}

static void test_a_keep_that_is_silent(void **state)
{
    (void)state;
    struct bench b;
    struct th_link_part part;
    bench_open(&b, true);
    ask(&b);
    assert_true(turn(&b, 119 * TH_NS_PER_S));
    assert_int_equal(th_relay_part(&b.relay, &part), 0);
    assert_true(turn(&b, 2 * TH_NS_PER_S));
    ends_with(&b, "did not answer");
    hears(&b, TH_SENSOR_PACKETS_STOP);
    bench_close(&b);
}

static void test_a_keep_that_ends(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, true);
    ask(&b);
    say(&b, TH_SENSOR_PACKETS_PART, NUMBER, th_str_c("one"));
    assert_true(turn(&b, 0));
    th_ipc_free(TH_TAKE(b.keep));
    assert_true(turn(&b, 0));
    assert_true(turn(&b, 0));
    part_is(&b, 0, "one"); /* what came goes on */
    th_relay_part_done(&b.relay, 0, b.now_ns);
    ends_with(&b, "ended in the middle");
    bench_close(&b);
}

static void test_no_keep(void **state)
{
    (void)state;
    struct bench b;
    struct th_link_part part;
    bench_open(&b, false);
    assert_true(command(&b, ID, "{" WISH "}"));
    assert_true(turn(&b, 9 * TH_NS_PER_S)); /* it may be on its way up */
    assert_int_equal(th_relay_part(&b.relay, &part), 0);
    assert_true(turn(&b, 2 * TH_NS_PER_S));
    ends_with(&b, "keeps no packets");
    bench_close(&b);
}

static void test_what_a_keep_may_not(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf large = TH_BUF_INIT;
    while (large.len <= TH_PACKETS_PART_BYTES)
        th_buf_puts(&large, "packets ");
    for (unsigned i = 0; i < 4; i++) {
        struct bench b;
        bench_open(&b, true);
        ask(&b);
        if (i == 0) {
            assert_int_equal(
                th_ipc_send(b.keep, TH_SENSOR_PACKETS_PART, NUMBER, th_buf_view(&large)), 0);
            while (th_ipc_queued(b.keep) > 0) { /* more than a socket holds */
                assert_true(turn(&b, 0));
                assert_int_equal(th_ipc_flush(b.keep), 0);
            }
        }
        if (i == 1)
            say(&b, TH_SENSOR_PACKETS_PART, NUMBER, th_str_c(""));
        for (unsigned k = 0; i == 2 && k < 3; k++) /* a third before it was asked for */
            say(&b, TH_SENSOR_PACKETS_PART, NUMBER, th_str_c("part"));
        if (i == 3)
            say(&b, TH_SENSOR_PACKETS_END, NUMBER, th_str_c("no JSON"));
        assert_true(turn(&b, 0));
        for (unsigned k = 0; i == 2 && k < 2; k++)
            th_relay_part_done(&b.relay, 0, b.now_ns);
        ends_with(&b, i == 3 ? "did not say how" : "may not");
        hears(&b, TH_SENSOR_PACKETS_STOP);
        bench_close(&b);
    }
}

static void test_commands_that_are_none(void **state)
{
    (void)state;
    struct bench b;
    struct th_link_part part;
    static const char *const ids[] = {"", "7", "0000000000000000", "not-hexadecimal!"};
    static const char *const texts[] = {
        "", "[", "{}", "{\"wish\":7}", "{\"wish\":{\"host\":\"x\"}}"};
    bench_open(&b, true);
    for (size_t i = 0; i < TH_ARRAY_LEN(ids); i++)
        assert_true(command(&b, ids[i], "{" WISH "}"));
    assert_true(turn(&b, 0));
    assert_int_equal(th_relay_part(&b.relay, &part), 0);
    for (size_t i = 0; i < TH_ARRAY_LEN(texts); i++) {
        char id[20];
        snprintf(id, sizeof(id), "%016zx", i + 1);
        assert_int_equal(command(&b, id, texts[i]), i == 0); /* each in place of the one before */
        assert_true(turn(&b, 0));
        ends_with(&b, "cannot read the wish");
        hears_nothing(&b);
    }
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_part_by_part),
        cmocka_unit_test(test_a_master_that_is_away),
        cmocka_unit_test(test_a_keep_that_is_silent),
        cmocka_unit_test(test_a_keep_that_ends),
        cmocka_unit_test(test_no_keep),
        cmocka_unit_test(test_what_a_keep_may_not),
        cmocka_unit_test(test_commands_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
