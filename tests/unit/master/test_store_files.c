/* SPDX-License-Identifier: Apache-2.0 */
/* The store between a query that wants the newest rows and a seal that tells them late, or never.
 */
#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "base/time.h"
#include "messages.h"
#include "priv/ipc.h"
#include "store.h"

static const char *const names[STORE_QUERY + 1] = {"gateway", "intake", "core", "seal", "query"};

struct scene {
    struct store_files files;
    struct th_ipc *seal, *query;
    int parent;
};

static struct th_ipc *pair(struct th_inherited *in, const char *tag)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    struct th_role_fd *f = &in->fds[in->count++];
    f->fd = fds[1];
    f->tag = tag;
    return th_ipc_new(fds[0], 0);
}

static void turn(struct scene *s, int64_t now_ns)
{
    struct th_ipc_message m;
    assert_int_equal(th_edges_wait(s->files.edges, NULL, 0, 0), 0);
    while (th_edges_receive(s->files.edges, STORE_SEAL, &m) > 0)
        store_files_from_seal(&s->files, &m, now_ns, now_ns);
    while (th_edges_receive(s->files.edges, STORE_QUERY, &m) > 0)
        store_files_from_query(&s->files, STORE_QUERY, &m, now_ns);
    s->files.expire_ns = INT64_MAX; /* nothing here is old */
    store_files_turn(&s->files, now_ns, now_ns);
    assert_int_equal(th_edges_wait(s->files.edges, NULL, 0, 0), 0); /* what waits is sent */
}

static int set_up(void **state)
{
    struct scene *s = th_xcalloc(1, sizeof(*s));
    struct th_inherited in = {0};
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    in.fds[in.count].fd = fds[1];
    in.fds[in.count++].tag = "parent";
    s->parent = fds[0];
    s->seal = pair(&in, "seal");
    s->query = pair(&in, "query");
    s->files.edges = th_edges_new(&in, names, STORE_QUERY + 1);
    assert_int_equal(th_catalogue_open(":memory:", &s->files.catalogue), 0);
    turn(s, 0); /* it has met seal */
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    store_files_done(&s->files);
    th_catalogue_close(s->files.catalogue);
    th_edges_free(s->files.edges);
    th_ipc_free(s->seal);
    th_ipc_free(s->query);
    close(s->parent);
    free(s);
    return 0;
}

static void query_asks(struct scene *s, uint64_t id)
{
    assert_int_equal(th_ipc_send(s->query, TH_MSG_HOLD, id, th_str_c("{}")), 0);
    assert_int_equal(th_ipc_flush(s->query), 0);
}

/* The id under which seal was asked for its newest rows, 0: it was not. */
static uint64_t seal_is_asked(struct scene *s)
{
    struct th_ipc_message m;
    return th_ipc_receive(s->seal, &m) > 0 && m.type == TH_MSG_CHUNK ? m.id : 0;
}

static void seal_tells(struct scene *s, uint64_t id)
{
    static const char nothing[] = "\0\0\0\0\0\0\0\0[]";
    assert_int_equal(
        th_ipc_send(s->seal, TH_MSG_CHUNK, id, th_str_n(nothing, sizeof(nothing) - 1)), 0);
    assert_int_equal(th_ipc_flush(s->seal), 0);
}

/* Has the query its answer, and with the newest rows? */
static void query_has(struct scene *s, uint64_t id, bool newest)
{
    struct th_ipc_message m;
    assert_int_equal(th_ipc_receive(s->query, &m), 1);
    assert_int_equal(m.type, TH_MSG_CATALOGUE);
    assert_true(m.id == id);
    bool hot = memmem(m.body.p, m.body.len, "\"hot\":true", 10) != NULL;
    assert_int_equal(hot, newest);
}

static void told_at_once(void **state)
{
    struct scene *s = *state;
    query_asks(s, 7);
    turn(s, TH_NS_PER_S);
    uint64_t id = seal_is_asked(s);
    assert_true(id != 0);
    seal_tells(s, id);
    turn(s, TH_NS_PER_S + TH_NS_PER_MS);
    query_has(s, 7, true);
}

static void never_told_is_asked_again(void **state)
{
    struct scene *s = *state;
    query_asks(s, 7);
    turn(s, TH_NS_PER_S);
    assert_true(seal_is_asked(s) != 0);
    turn(s, 4 * TH_NS_PER_S);
    query_has(s, 7, false);
    query_asks(s, 8);
    turn(s, 5 * TH_NS_PER_S);
    uint64_t id = seal_is_asked(s);
    assert_true(id != 0);
    seal_tells(s, id);
    turn(s, 5 * TH_NS_PER_S + TH_NS_PER_MS);
    query_has(s, 8, true);
}

static void told_late_is_too_old(void **state)
{
    struct scene *s = *state;
    query_asks(s, 7);
    turn(s, TH_NS_PER_S);
    uint64_t first = seal_is_asked(s);
    turn(s, 4 * TH_NS_PER_S);
    query_has(s, 7, false);
    query_asks(s, 8);
    turn(s, 5 * TH_NS_PER_S);
    uint64_t second = seal_is_asked(s);
    assert_true(second != 0 && second != first);
    struct th_ipc_message m;
    seal_tells(s, first);
    turn(s, 5 * TH_NS_PER_S + TH_NS_PER_MS);
    assert_int_equal(th_ipc_receive(s->query, &m), 0);
    seal_tells(s, second);
    turn(s, 5 * TH_NS_PER_S + 2 * TH_NS_PER_MS);
    query_has(s, 8, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(told_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_told_is_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(told_late_is_too_old, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
