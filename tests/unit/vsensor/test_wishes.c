/* SPDX-License-Identifier: Apache-2.0 */
/* Wishes that link passes on: parts come as fast as they are passed on, then an end that says what
 * there was; who asks is written down first. The other end of the edge is the test. */
#include "unit.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "../keep/kept.h"
#include "messages.h"
#include "wishes.h"

enum { PACKETS = 6000, BIG = 1400, PCAP_BYTES = 24 + PACKETS * (16 + 42 + BIG) };

struct world {
    int parent, log;
    struct io_record *disk;
    struct th_io io;
    struct th_edges *edges;
    struct th_ipc *link; /* the test is link */
    struct th_wishes *wishes;
};

static const char *const names[] = {"link"};

static void setup_world(struct world *w, int log_flags)
{
    int parent[2], edge[2];
    char path[64];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parent), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, edge), 0);
    struct th_inherited in = {.fds = {{parent[1], "parent"}, {edge[1], "link"}}, .count = 2};
    TH_AUTOCLOSE int memory = memfd_create("log", 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
    *w = (struct world){.parent = parent[0],
        .disk = io_record_new(),
        .log = open(path, log_flags | O_APPEND),
        .edges = th_edges_new(&in, names, 1),
        .link = th_ipc_new(edge[0], 0)};
    io_record_io(w->disk, &w->io);
    struct th_keep *k = open_keep(&w->io, ROOM_BYTES, START_NS);
    for (unsigned i = 0; i < PACKETS / 600; i++)
        keep_some(k, START_NS + i * TH_NS_PER_S, 7, 600, BIG);
    th_keep_close(k);
    const struct th_wishes_config config = {
        .edges = w->edges, .folder = &w->io, .key = the_key, .log = w->log};
    w->wishes = th_wishes_new(&config);
}

static void teardown_world(struct world *w)
{
    th_wishes_free(w->wishes);
    th_edges_free(w->edges);
    th_ipc_free(w->link);
    io_record_free(w->disk);
    close(w->parent);
    close(w->log);
}

static void ask(struct world *w, uint64_t id, const char *json)
{
    assert_int_equal(th_ipc_send(w->link, TH_SENSOR_PACKETS, id, th_str_c(json)), 0);
}

#define WISH                                                                                       \
    "{\"host\":\"10.0.0.7\",\"from\":\"2023-11-14T00:00:00Z\",\"to\":\"2023-11-15T00:00:00Z\"}"
#define WISH_OF(bytes)                                                                             \
    "{\"host\":\"10.0.0.7\",\"from\":\"2023-11-14T00:00:00Z\",\"to\":\"2023-11-15T00:00:00Z\","    \
    "\"limit_bytes\":" bytes "}"

static void say(struct world *w, uint16_t type, uint64_t id)
{
    assert_int_equal(th_ipc_send(w->link, type, id, th_str_c("")), 0);
}

/* Lets keep work; false: it waits. */
static bool work(struct world *w)
{
    assert_int_equal(th_edges_wait(w->edges, NULL, 0, 0), 0);
    th_wishes_hear(w->wishes, START_NS);
    return th_wishes_turn(w->wishes, START_NS);
}

/* The next message from keep; false: none comes until link says more. */
static bool received(struct world *w, struct th_ipc_message *ret)
{
    for (int i = 0; i < 10000; i++) {
        if (th_ipc_receive(w->link, ret) == 1)
            return true;
        if (!work(w) && th_ipc_receive(w->link, ret) == 1)
            return true;
        else if (!work(w))
            break;
    }
    return th_ipc_receive(w->link, ret) == 1;
}

struct end {
    json_int_t packets, bytes;
    bool cut;
    char oldest[64], problem[256];
};
static struct end read_end(struct th_str body)
{
    struct end e = {0};
    json_t *j = json_loadb(body.p, body.len, 0, NULL);
    assert_int_equal(json_object_size(j), 5);
    e.packets = json_integer_value(json_object_get(j, "packets"));
    e.bytes = json_integer_value(json_object_get(j, "bytes"));
    e.cut = json_is_true(json_object_get(j, "cut"));
    const char *oldest = json_string_value(json_object_get(j, "oldest"));
    snprintf(e.oldest, sizeof(e.oldest), "%s", oldest ? oldest : "none");
    snprintf(e.problem, sizeof(e.problem), "%s", json_string_value(json_object_get(j, "problem")));
    json_decref(j);
    return e;
}

static void test_parts(void **state)
{
    (void)state;
    struct world w;
    struct th_ipc_message m;
    size_t bytes = 0;
    setup_world(&w, O_RDWR);
    ask(&w, 77, WISH);
    for (;;) {
        assert_true(received(&w, &m));
        assert_int_equal(m.id, 77);
        if (m.type == TH_SENSOR_PACKETS_END)
            break;
        assert_int_equal(m.type, TH_SENSOR_PACKETS_PART);
        assert_true(m.body.len > 0 && m.body.len <= TH_PACKETS_PART_BYTES);
        bytes += m.body.len;
        say(&w, TH_SENSOR_PACKETS_MORE, 77);
    }
    struct end e = read_end(m.body);
    assert_int_equal(bytes, PCAP_BYTES);
    assert_int_equal(e.bytes, PCAP_BYTES);
    assert_int_equal(e.packets, PACKETS);
    assert_false(e.cut);
    assert_string_equal(e.oldest, "2023-11-14T22:13:20.000000Z");
    assert_string_equal(e.problem, "");
    teardown_world(&w);
}

/* Two parts are under way at most; who is not heard of any more holds nobody up. */
static void test_window(void **state)
{
    (void)state;
    struct world w;
    struct th_ipc_message m;
    setup_world(&w, O_RDWR);
    ask(&w, 1, WISH);
    assert_true(received(&w, &m));
    assert_true(received(&w, &m));
    assert_false(received(&w, &m));
    ask(&w, 2, WISH_OF("3000"));
    assert_true(received(&w, &m));
    assert_int_equal(m.id, 2);
    assert_int_equal(m.body.len, 24 + 2 * (16 + 42 + BIG));
    assert_true(received(&w, &m));
    assert_int_equal(m.type, TH_SENSOR_PACKETS_END);
    assert_true(read_end(m.body).cut);
    say(&w, TH_SENSOR_PACKETS_MORE, 1);
    assert_true(received(&w, &m));
    assert_int_equal(m.id, 1);
    say(&w, TH_SENSOR_PACKETS_STOP, 1);
    assert_false(received(&w, &m));
    teardown_world(&w);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "{}", "[]", "{\"host\":\"10.0.0.7\"}", "\xff\xfe",
        "{\"host\":\"everybody\",\"from\":\"x\",\"to\":\"y\"}"};
    struct world w;
    struct th_ipc_message m;
    struct th_wishes_counts c;
    setup_world(&w, O_RDWR);
    for (unsigned i = 0; i < TH_ARRAY_LEN(bad); i++) {
        ask(&w, i, bad[i]);
        assert_true(received(&w, &m));
        assert_int_equal(m.type, TH_SENSOR_PACKETS_END);
        assert_int_equal(m.id, i);
        assert_true(read_end(m.body).problem[0] != 0);
    }
    for (unsigned i = 0; i < TH_WISHES_MAX; i++)
        ask(&w, i, WISH);
    for (unsigned i = 0; i < 2 * TH_WISHES_MAX; i++)
        assert_true(received(&w, &m) && m.type == TH_SENSOR_PACKETS_PART);
    ask(&w, 3, WISH); /* a number that is there already */
    assert_true(received(&w, &m) && m.type == TH_SENSOR_PACKETS_END);
    ask(&w, 99, WISH); /* one too many */
    assert_true(received(&w, &m) && m.type == TH_SENSOR_PACKETS_END && m.id == 99);
    assert_string_equal(
        read_end(m.body).problem, "the sensor gives packets to others already: ask again later");
    say(&w, TH_SENSOR_PACKETS_MORE, 5000); /* of none */
    say(&w, TH_SENSOR_PACKETS_STOP, 5000);
    assert_false(received(&w, &m));
    th_wishes_counts(w.wishes, &c);
    assert_int_equal(c.refused, TH_ARRAY_LEN(bad) + 2);
    teardown_world(&w);
}

/* Another link has no use for what the one before asked for. */
static void test_link_is_gone(void **state)
{
    (void)state;
    struct world w;
    struct th_ipc_message m;
    struct th_wishes_counts c;
    char text[4096] = {0};
    setup_world(&w, O_RDWR);
    ask(&w, 1, WISH);
    assert_true(received(&w, &m));
    th_ipc_free(TH_TAKE(w.link));
    for (int i = 0; i < 100; i++)
        work(&w);
    assert_false(work(&w));
    th_wishes_counts(w.wishes, &c);
    assert_int_equal(c.asked, 1);
    assert_int_equal(c.given, 0);
    assert_true(pread(w.log, text, sizeof(text) - 1, 0) > 0);
    assert_non_null(
        strstr(text, "\"packets\":\"asked\",\"by\":\"master\",\"wish\":{\"host\":\"10.0.0.7\""));
    assert_non_null(strstr(text, "\"packets\":\"stopped\""));
    teardown_world(&w);
}

/* No look without a line. */
static void test_log_cannot_be_written(void **state)
{
    (void)state;
    struct world w;
    struct th_ipc_message m;
    setup_world(&w, O_RDONLY);
    ask(&w, 1, WISH);
    assert_true(received(&w, &m));
    assert_int_equal(m.type, TH_SENSOR_PACKETS_END);
    assert_string_equal(
        read_end(m.body).problem, "the sensor cannot write down who asks (packets.log)");
    teardown_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_link_is_gone),
        cmocka_unit_test(test_log_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
