/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that libpcap makes say the same here as there, on whole, cut and damaged frames; what
 * could run astray is not taken. */
#include "packet/filter.h"

#include <pcap/pcap.h>

#include "unit.h"

static const char *const expressions[] = {"not port 22", "host 10.0.0.5 and tcp", "vlan 7 or arp",
    "net 192.168.0.0/16 and not (udp port 53 or icmp)", "tcp[tcpflags] & tcp-syn != 0",
    "len > 100 and ip[8] < 64", "tcp portrange 1000-2000", "ether[12:2] % 3 == 1", "ip proto 47",
    "ip[0] & 0xf != 5", "(ip[2:2] - ((ip[0] & 0xf) << 2)) / 7 > 3", "greater 60 and less 1000"};

static struct th_filter *made_of(const char *expression, struct bpf_program *ret)
{
    struct th_filter_step steps[TH_FILTER_MAX_STEPS];
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_filter *f = NULL;
    pcap_t *p = pcap_open_dead(DLT_EN10MB, 262144);
    assert_int_equal(pcap_compile(p, ret, expression, 1, PCAP_NETMASK_UNKNOWN), 0);
    pcap_close(p);
    for (unsigned i = 0; i < ret->bf_len; i++)
        steps[i] = (struct th_filter_step){.code = ret->bf_insns[i].code,
            .yes = ret->bf_insns[i].jt,
            .no = ret->bf_insns[i].jf,
            .k = ret->bf_insns[i].k};
    th_filter_put(&b, 1, steps, ret->bf_len);
    assert_int_equal(th_filter_read(th_buf_view(&b), &f), 0);
    return f;
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Frames that look like something, with bytes of chance in them. */
static uint32_t frame(uint8_t *to, uint32_t *seed)
{
    static const uint8_t types[][2] = {{8, 0}, {0x86, 0xdd}, {8, 6}, {0x81, 0}};
    static const uint8_t protocols[] = {6, 17, 1, 47};
    uint32_t len = 14 + next(seed) % 120;
    for (uint32_t i = 0; i < len; i++)
        to[i] = (uint8_t)next(seed);
    memcpy(to + 12, types[next(seed) % 4], 2);
    if (len > 40) {
        to[14] = to[12] == 8 ? 0x45 : 0x60;
        to[18] = 0;
        to[20] = to[21] = 0;
        to[23] = protocols[next(seed) % 4];
        if (next(seed) % 2)
            memcpy(to + 26, (const uint8_t[]){10, 0, 0, 5, 192, 168, 1, 1}, 8);
        to[34] = 0;
        to[35] = (uint8_t)(next(seed) % 2 ? 22 : 53);
    }
    return len;
}

static void says_what_libpcap_says(void **state)
{
    (void)state;
    unsigned passed = 0, all = 0;
    for (size_t i = 0; i < TH_ARRAY_LEN(expressions); i++) {
        struct bpf_program theirs = {0};
        struct th_filter *f = made_of(expressions[i], &theirs);
        uint32_t seed = 1;
        for (int n = 0; n < 4000; n++) {
            uint8_t b[256];
            uint32_t len = frame(b, &seed), cut = n % 3 ? len : next(&seed) % (len + 1);
            bool want = bpf_filter(theirs.bf_insns, b, len, cut) != 0;
            assert_int_equal(th_filter_passes(f, 1, b, cut, len), want);
            passed += want;
            all++;
        }
        pcap_freecode(&theirs);
        th_filter_free(f);
    }
    assert_true(passed > all / 20 && passed < all - all / 20);
}

static void another_link_type_passes(void **state)
{
    (void)state;
    struct bpf_program theirs = {0};
    struct th_filter *f = made_of("arp", &theirs);
    uint32_t count;
    assert_true(th_filter_passes(f, 113, (const uint8_t *)"", 0, 0));
    assert_false(th_filter_passes(f, 1, (const uint8_t *)"", 0, 0));
    assert_null(th_filter_steps(f, 113, &count));
    assert_non_null(th_filter_steps(f, 1, &count));
    assert_int_equal(count, theirs.bf_len);
    pcap_freecode(&theirs);
    th_filter_free(f);
}

static const struct {
    struct th_filter_step steps[3];
    uint32_t count;
} bad[] = {
    {.count = 0},
    {{{0x00, 0, 0, 1}}, 1},                  /* does not end */
    {{{0x05, 0, 0, 1}, {0x06, 0, 0, 1}}, 2}, /* jumps past the end */
    {{{0x05, 0, 0, 0xffffffff}, {0x06, 0, 0, 1}}, 2},
    {{{0x15, 0, 1, 1}, {0x06, 0, 0, 1}}, 2},  /* on false as well */
    {{{0x60, 0, 0, 16}, {0x06, 0, 0, 1}}, 2}, /* a cell that there is not */
    {{{0x02, 0, 0, 16}, {0x06, 0, 0, 1}}, 2},
    {{{0x34, 0, 0, 0}, {0x06, 0, 0, 1}}, 2}, /* by zero */
    {{{0x94, 0, 0, 0}, {0x06, 0, 0, 1}}, 2},
    {{{0xff, 0, 0, 0}, {0x06, 0, 0, 1}}, 2}, /* no such code */
    {{{0x106, 0, 0, 0}}, 1},
};

static void what_could_go_astray_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++) {
        TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
        struct th_filter *f = NULL;
        th_filter_put(&b, 1, bad[i].steps, bad[i].count);
        assert_int_equal(th_filter_read(th_buf_view(&b), &f), TH_E_MALFORMED);
    }
    TH_AUTOBUF struct th_buf cut = TH_BUF_INIT;
    static const struct th_filter_step end = {0x06, 0, 0, 1};
    struct th_filter *f = NULL;
    th_filter_put(&cut, 1, &end, 1);
    for (size_t len = 1; len < cut.len; len++)
        assert_int_equal(th_filter_read(th_str_n(cut.p, len), &f), TH_E_MALFORMED);
    cut.p[4] = 0xff; /* 4 billion steps */
    cut.p[7] = 0xff;
    assert_int_equal(th_filter_read(th_buf_view(&cut), &f), TH_E_LIMIT);
    TH_AUTOBUF struct th_buf many = TH_BUF_INIT;
    for (uint32_t i = 0; i <= TH_FILTER_MAX_PROGRAMS; i++)
        th_filter_put(&many, i, &end, 1);
    assert_int_equal(th_filter_read(th_buf_view(&many), &f), TH_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_libpcap_says),
        cmocka_unit_test(another_link_type_passes),
        cmocka_unit_test(what_could_go_astray_is_refused)};
    return cmocka_run_group_tests_name("packet/filter", tests, NULL, NULL);
}
