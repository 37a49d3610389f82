/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "make_window.h"

static void tells(const struct th_signal *s, const char *want)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    th_signal_sentence(s, &out);
    th_buf_u8(&out, 0);
    assert_string_equal((const char *)out.p, want);
}

static struct th_signal at_home(struct th_signal *s)
{
    s->peer.host = th_str_c(s->peer_host);
    s->peer.domain = th_str_c(s->peer_domain);
    return *s;
}

static void sentences(void **state)
{
    (void)state;
    struct th_signal s = with_peer(signal_make("upload", 2123456789, 4), 5, "files.example.com", 1);
    at_home(&s);
    s.expected = 0;
    s.high = 14e6;
    tells(&s,
        "sent 2.1 GB to files.example.com in an hour; usually about 0 B, at most 14 MB; no "
        "other device uses it");
    s = with_peer(signal_make("beacon", 60, 4), 5, "c2.example.org", 2);
    at_home(&s);
    snprintf(s.detail, sizeof(s.detail), "every 60 s");
    tells(&s,
        "called c2.example.org at regular intervals, 60 connections (every 60 s); 2 of 100 "
        "devices use it");
    s = signal_make("internal-peers", 12345, 4);
    s.expected = 1;
    s.high = 2.5;
    tells(
        &s, "connected to 12,345 hosts inside in an hour; usually about 1 host, at most 2.5 hosts");
    s = with_peer(signal_make("new-destination", 1, 4), 5, "", 0);
    at_home(&s);
    s.org_devices = 0;
    s.peer.has_addr = true;
    s.peer.addr = th_addr_v4((const uint8_t[]){198, 51, 100, 7});
    tells(&s, "connected to 198.51.100.7, for the first time");
    s = with_peer(signal_make("long-connection", 11520, 4), 5, "x.example", 1);
    at_home(&s);
    s.expected = 60;
    s.high = 3600;
    tells(&s,
        "kept a connection to x.example open for 3.2 hours; usually about 1 minute, at most 1 "
        "hour; no other device uses it");
}

static void hostile_names_stay_harmless(void **state)
{
    (void)state;
    struct th_signal s = with_peer(signal_make("upload", 5, 4), 5, "a\x1b[31m\n.example", 9);
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    at_home(&s);
    snprintf(s.detail, sizeof(s.detail), "x\ny\xff");
    th_signal_sentence(&s, &out);
    for (size_t i = 0; i < out.len; i++)
        assert_in_range(out.p[i], ' ', '~');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences),
        cmocka_unit_test(hostile_names_stay_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
