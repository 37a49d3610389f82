/* SPDX-License-Identifier: Apache-2.0 */
/* A producer's way to link: what waits is bounded, what is lost is told in its place, and a new
 * connection gets anew what was not saved. The other end of the edge is the test. */
#include "unit.h"

#include <sys/socket.h>

#include "base/cursor.h"
#include "event/batch.h"
#include "outlet.h"
#include "sample_events.h"

enum { RUN = 7, EVENTS = 4000 };

struct world {
    int parent; /* the test's end of the role's parent socket */
    struct th_edges *edges;
    struct th_ipc *link; /* the test is link */
    struct th_outlet *outlet;
    struct th_arena memory;
    struct sample_office office;
};

static const char *const names[] = {"link"};

static void setup_world(struct world *w, size_t max_bytes, bool may_lose)
{
    int parent[2], edge[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parent), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, edge), 0);
    struct th_inherited in = {.fds = {{parent[1], "parent"}, {edge[1], "link"}}, .count = 2};
    *w = (struct world){.parent = parent[0],
        .edges = th_edges_new(&in, names, 1),
        .link = th_ipc_new(edge[0], 0),
        .office = {.state = 3, .now_ns = 1600 * TH_NS_PER_S}};
    struct th_outlet_config config = {.edges = w->edges,
        .type = TH_SENSOR_FRAME,
        .run = RUN,
        .max_bytes = max_bytes,
        .may_lose = may_lose};
    w->outlet = th_outlet_new(&config);
}

static void teardown_world(struct world *w)
{
    th_outlet_free(w->outlet);
    th_edges_free(w->edges);
    th_ipc_free(w->link);
    close(w->parent);
    th_arena_done(&w->memory);
}

static void put_frame(struct world *w)
{
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(th_outlet_put(w->outlet, sample_office_next(&w->memory, &w->office)), 0);
    assert_int_equal(th_outlet_flush(w->outlet, w->office.now_ns - TH_NS_PER_S, false), 0);
    th_arena_reset(&w->memory);
}

/* The next message that link gets; its body is valid until the one after. */
static struct th_ipc_message received(struct world *w)
{
    struct th_ipc_message m = {0};
    for (int i = 0; i < 100; i++) {
        th_outlet_turn(w->outlet);
        assert_int_equal(th_edges_wait(w->edges, NULL, 0, 5), 0);
        if (th_ipc_receive(w->link, &m) == 1)
            return m;
    }
    fail_msg("no message came");
    return m;
}

static void assert_frame(const struct th_ipc_message *m, uint64_t number)
{
    struct th_batch_head head;
    uint32_t raw_len;
    assert_int_equal(m->type, TH_SENSOR_FRAME);
    assert_int_equal(m->id, number);
    assert_int_equal(th_batch_check((const uint8_t *)m->body.p, m->body.len, &head, &raw_len), 0);
    assert_int_equal(head.input, RUN);
    assert_int_equal(head.run, number);
    assert_int_equal(head.count, EVENTS);
}

static void frames_are_kept_until_they_are_saved(void **state)
{
    (void)state;
    struct world w;
    struct th_outlet_counts c;
    setup_world(&w, 64u << 20, true);
    for (uint64_t n = 1; n <= 3; n++) {
        put_frame(&w);
        struct th_ipc_message m = received(&w);
        assert_frame(&m, n);
    }
    th_outlet_saved(w.outlet, 2);
    th_outlet_counts(w.outlet, &c);
    assert_int_equal(c.saved, 2);
    assert_true(c.waiting_bytes > 0);
    th_outlet_saved(w.outlet, 3);
    th_outlet_counts(w.outlet, &c);
    assert_int_equal(c.waiting_bytes, 0);
    teardown_world(&w);
}

static void a_new_connection_gets_what_was_not_saved(void **state)
{
    (void)state;
    struct world w;
    int edge[2];
    struct th_str none = {.p = "", .len = 0};
    setup_world(&w, 64u << 20, true);
    for (uint64_t n = 1; n <= 3; n++) {
        put_frame(&w);
        received(&w);
    }
    th_outlet_saved(w.outlet, 1);
    th_ipc_free(w.link); /* link dies, and another one is there */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, edge), 0);
    w.link = th_ipc_new(edge[0], 0);
    assert_int_equal(th_parent_send(w.parent, TH_PARENT_EDGE, "link", none, edge[1]), 0);
    close(edge[1]);
    struct th_ipc_message m = received(&w);
    assert_frame(&m, 2);
    m = received(&w);
    assert_frame(&m, 3);
    teardown_world(&w);
}

static void what_found_no_room_is_told_in_its_place(void **state)
{
    (void)state;
    struct world w;
    struct th_outlet_counts before, c;
    setup_world(&w, TH_BATCH_TARGET_RAW_BYTES + (256u << 10), true);
    while (!th_outlet_full(w.outlet))
        put_frame(&w);
    th_outlet_counts(w.outlet, &before);
    put_frame(&w);
    put_frame(&w);
    th_outlet_counts(w.outlet, &c);
    assert_int_equal(c.lost_events, 2 * EVENTS);
    assert_int_equal(c.last, before.last);
    for (uint64_t n = 1; n <= before.last; n++) {
        struct th_ipc_message m = received(&w);
        assert_frame(&m, n);
    }
    th_outlet_saved(w.outlet, before.last);
    put_frame(&w);
    struct th_ipc_message m = received(&w);
    assert_int_equal(m.type, TH_SENSOR_LOST);
    assert_int_equal(m.id, before.last + 1);
    struct th_cur body = th_cur_init(m.body.p, m.body.len);
    assert_int_equal(th_cur_le32(&body), RUN);
    th_cur_skip(&body, 4);
    assert_int_equal(th_cur_le64(&body), 2 * EVENTS);
    m = received(&w);
    assert_frame(&m, before.last + 2);
    teardown_world(&w);
}

static void who_can_wait_loses_nothing(void **state)
{
    (void)state;
    struct world w;
    struct th_outlet_counts c;
    setup_world(&w, TH_BATCH_TARGET_RAW_BYTES, false);
    for (int i = 0; i < 5; i++)
        put_frame(&w);
    th_outlet_counts(w.outlet, &c);
    assert_true(th_outlet_full(w.outlet));
    assert_int_equal(c.lost_events, 0);
    assert_int_equal(c.last, 5);
    teardown_world(&w);
}

static void a_silent_source_tells_its_time(void **state)
{
    (void)state;
    struct world w;
    struct th_batch_head head;
    uint32_t raw_len;
    setup_world(&w, 64u << 20, true);
    assert_int_equal(th_outlet_flush(w.outlet, 5, false), 0);
    assert_int_equal(th_outlet_flush(w.outlet, 9, true), 0);
    assert_int_equal(th_outlet_flush(w.outlet, 4, true), 0); /* never back */
    for (int i = 0; i < 2; i++) {
        struct th_ipc_message m = received(&w);
        assert_int_equal(th_batch_check((const uint8_t *)m.body.p, m.body.len, &head, &raw_len), 0);
        assert_int_equal(head.count, 0);
        assert_int_equal(head.complete_until_ns, 9);
    }
    teardown_world(&w);
}

/* A run that goes on after a start: frames have the numbers that they had, also where one is left
 * out, and what was saved before is saved. */
static void numbers_go_on(void **state)
{
    (void)state;
    struct world w;
    struct th_outlet_counts c;
    struct th_batch_head head;
    uint32_t raw_len;
    setup_world(&w, 64u << 20, false);
    th_outlet_free(w.outlet);
    const struct th_outlet_config config = {.edges = w.edges,
        .type = TH_SENSOR_FRAME,
        .run = RUN,
        .number = 40,
        .max_bytes = 64u << 20};
    w.outlet = th_outlet_new(&config);
    assert_int_equal(th_outlet_flush(w.outlet, 5, true), 0);
    th_outlet_skip(w.outlet, 41); /* it has that already */
    th_outlet_skip(w.outlet, 43);
    assert_int_equal(th_outlet_flush(w.outlet, 6, true), 0);
    for (uint32_t want = 41; want <= 44; want += 3) {
        struct th_ipc_message m = received(&w);
        assert_int_equal(m.id, want);
        assert_int_equal(th_batch_check((const uint8_t *)m.body.p, m.body.len, &head, &raw_len), 0);
        assert_int_equal(head.run, want);
    }
    th_outlet_counts(w.outlet, &c);
    assert_int_equal(c.saved, 40);
    assert_int_equal(c.last, 44);
    teardown_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_kept_until_they_are_saved),
        cmocka_unit_test(a_new_connection_gets_what_was_not_saved),
        cmocka_unit_test(what_found_no_room_is_told_in_its_place),
        cmocka_unit_test(who_can_wait_loses_nothing),
        cmocka_unit_test(a_silent_source_tells_its_time),
        cmocka_unit_test(numbers_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
