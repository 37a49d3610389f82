/* SPDX-License-Identifier: Apache-2.0 */
/* Ways through tunnels get numbers, and texts for a record; an outsider cannot use them up. */
#include "packet/tunnels.h"

#include "unit.h"

static const struct th_hash_key key = {1, 2};

static struct th_tunnel tunnel_from(uint8_t last, enum th_tunnel_kind kind, uint32_t id)
{
    const uint8_t addr[4] = {10, 0, 0, last};
    return (struct th_tunnel){.src = th_addr_v4(addr), .kind = (uint8_t)kind, .id = id};
}

static void numbers_and_texts(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_tunnels *t = th_tunnels_new(&key);
    const struct th_tunnel chain[2] = {
        tunnel_from(1, TH_TUNNEL_GENEVE, 0), tunnel_from(2, TH_TUNNEL_VXLAN, 42)};
    uint16_t both = th_tunnels_way(t, chain, 2);
    uint16_t outer = th_tunnels_way(t, chain, 1);
    assert_int_not_equal(both, 0);
    assert_int_not_equal(outer, both);
    assert_int_equal(th_tunnels_way(t, chain, 2), both);
    assert_int_equal(th_tunnels_depth(t, both), 2);
    th_tunnels_text(t, both, 0, &b);
    th_buf_puts(&b, " ");
    th_tunnels_text(t, both, 1, &b);
    assert_view_is(th_buf_view(&b), "geneve/10.0.0.1 vxlan/10.0.0.2/42");
    /* A load balancer's endpoints are told apart, though all have the same VNI. */
    struct th_tunnel balancer = chain[0];
    balancer.endpoint = 0x0123456789abcdef;
    uint16_t first = th_tunnels_way(t, &balancer, 1);
    th_buf_clear(&b);
    th_tunnels_text(t, first, 0, &b);
    assert_view_is(th_buf_view(&b), "geneve/10.0.0.1/0/0123456789abcdef");
    balancer.endpoint++;
    assert_int_not_equal(first, outer);
    assert_int_not_equal(th_tunnels_way(t, &balancer, 1), first);
    th_tunnels_free(t);
}

static void past_the_limit(void **state)
{
    (void)state;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_tunnels *t = th_tunnels_new(&key);
    struct th_tunnel x = tunnel_from(1, TH_TUNNEL_GRE, 0);
    uint16_t first = th_tunnels_way(t, &x, 1);
    for (x.id = 1; x.id < TH_TUNNELS_MAX_WAYS; x.id++)
        assert_int_equal(th_tunnels_way(t, &x, 1), first + x.id);
    uint16_t other = th_tunnels_way(t, &x, 1);
    x.id++;
    assert_int_equal(th_tunnels_way(t, &x, 1), other);
    assert_int_equal(th_tunnels_depth(t, other), 1);
    th_tunnels_text(t, other, 0, &b);
    assert_view_is(th_buf_view(&b), "other");
    x.id = 0;
    assert_int_equal(th_tunnels_way(t, &x, 1), first);
    th_tunnels_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_texts), cmocka_unit_test(past_the_limit)};
    return cmocka_run_group_tests_name("packet/tunnels", tests, NULL, NULL);
}
