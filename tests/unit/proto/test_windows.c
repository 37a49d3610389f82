/* SPDX-License-Identifier: Apache-2.0 */
/* NTLM, DCE/RPC and their limits; whole exchanges are in tests/golden/windows.pcap. */
#include "unit.h"

#include "dce_rpc.h"
#include "feed.h"
#include "ntlm.h"

static const uint8_t svcctl[16] = {
    0x81, 0xbb, 0x7a, 0x36, 0x44, 0x98, 0xf1, 0x35, 0xad, 0x32, 0x98, 0xf0, 0x38, 0, 0x10, 3};
static const uint8_t drsuapi[16] = {
    0x35, 0x42, 0x51, 0xe3, 0x06, 0x4b, 0xd1, 0x11, 0xab, 4, 0, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2};

static void test_operations_by_number(void **state)
{
    (void)state;
    assert_string_equal(th_dce_rpc_interface(svcctl), "svcctl");
    assert_view_is(th_dce_rpc_operation(svcctl, 0), "CloseServiceHandle");
    assert_view_is(th_dce_rpc_operation(svcctl, 12), "CreateServiceW");
    assert_view_is(th_dce_rpc_operation(svcctl, 19), "StartServiceW");
    assert_view_is(th_dce_rpc_operation(svcctl, 64), "OpenSCManager2");
    assert_view_is(th_dce_rpc_operation(svcctl, 65), "");
    assert_view_is(th_dce_rpc_operation(drsuapi, 3), "DRSGetNCChanges");
    assert_null(th_dce_rpc_interface((const uint8_t *)"0123456789abcdef"));
}

static void test_utf16(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    assert_view_is(th_utf16le(&a, th_str_n("A\0\xe4\0\xac\x20", 6)), "A\xc3\xa4\xe2\x82\xac");
    assert_view_is(th_utf16le(&a, th_str_n("\x3d\xd8\x00\xde", 4)), "\xf0\x9f\x98\x80");
    assert_view_is(th_utf16le(&a,
                       th_str_n("\x3d\xd8"
                                "A",
                           3)),
        "?");
    assert_view_is(th_utf16le(&a, th_str_n("A", 1)), "");
}

/* An answer whose offsets lie outside of it gives a user without a name, and no harm. */
static void test_ntlm_offsets_that_lie(void **state)
{
    (void)state;
    uint8_t token[64] = "NTLMSSP\0\3";
    struct feed f;
    struct th_ntlm *n = NULL;
    memset(token + 12, 0xff, 48);
    feed_init(&f, FEED_TCP, 1, 445);
    th_conn_begin(&f.pr, &f.flow, &th_smb_analyser, 0);
    th_ntlm_look(&n, f.flow.app, FEED_EPOCH_NS, token, sizeof(token));
    assert_true(th_ntlm_pending(n));
    th_ntlm_outcome(n, f.flow.app, FEED_EPOCH_NS, false);
    assert_true(feed_has(&f, "ntlm", 0, "\"success\":false"));
    assert_false(th_ntlm_pending(n));
    th_ntlm_end(n, f.flow.app);
    feed_end(&f);
    feed_done(&f);
}

/* A pipe's read of which only the head was kept. */
static void test_rpc_with_bytes_left_out(void **state)
{
    (void)state;
    static const uint8_t response[24] = {5, 0, 2, 3, 0x10, 0, 0, 0, 0x40, 0x1f, 0, 0, 7, 0, 0, 0};
    static const uint8_t request[24] = {
        5, 0, 0, 3, 0x10, 0, 0, 0, 24, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 0};
    uint8_t bind[72] = {5, 0, 11, 3, 0x10, 0, 0, 0, 72, 0, 0, 0, 1};
    bind[24] = 1; /* one context, one transfer syntax */
    bind[30] = 1;
    memcpy(bind + 32, svcctl, 16);
    struct feed f;
    feed_init(&f, FEED_TCP, 1, 135);
    th_conn_begin(&f.pr, &f.flow, &th_smb_analyser, 0);
    struct th_dce_rpc *d = th_dce_rpc_new();
    struct th_str pipe = th_str_c("svcctl");
    assert_true(th_dce_rpc_data(d, f.flow.app, pipe, true, 1, bind, 72, 72));
    assert_true(th_dce_rpc_data(d, f.flow.app, pipe, true, 2, request, 24, 24));
    /* 8,000 bytes long, 24 of them at hand, twice: the second begins right. */
    assert_true(th_dce_rpc_data(d, f.flow.app, pipe, false, 3, response, 24, 8000));
    assert_true(feed_has(&f, "dce_rpc", 0, "\"operation\":\"CreateServiceW\""));
    assert_true(th_dce_rpc_data(d, f.flow.app, pipe, true, 4, request, 24, 24));
    assert_true(th_dce_rpc_data(d, f.flow.app, pipe, false, 5, response, 24, 8000));
    assert_true(feed_has(&f, "dce_rpc", 1, "\"operation\":\"CreateServiceW\""));
    assert_false(
        th_dce_rpc_data(d, f.flow.app, pipe, true, 6, (const uint8_t *)"not a pdu at all", 16, 16));
    th_dce_rpc_end(d, f.flow.app, pipe);
    feed_end(&f);
    feed_done(&f);
}

/* More handles, trees and requests than the tables hold. */
static void test_smb_tables_are_bounded(void **state)
{
    (void)state;
    uint8_t message[4 + 64 + 100] = {0, 0, 0, 164, 0xfe, 'S', 'M', 'B', 64};
    struct feed f;
    feed_init(&f, FEED_TCP, 1, 445);
    for (unsigned i = 0; i < 300; i++) {
        message[4 + 12] = 5; /* create */
        message[4 + 24] = (uint8_t)i;
        message[4 + 25] = (uint8_t)(i >> 8);
        message[4 + 16] = 0;
        message[4 + 64 + 44] = 100;
        message[4 + 64 + 46] = 4;
        feed_data(&f, 0, message, sizeof(message));
        if (i % 2)
            continue;
        message[4 + 16] = 1;
        message[4 + 64 + 64] = (uint8_t)i;
        message[4 + 64 + 65] = (uint8_t)(i >> 8);
        feed_data(&f, 1, message, sizeof(message));
    }
    feed_end(&f);
    assert_string_equal(f.services, "smb");
    assert_int_equal(f.events, 150);
    feed_done(&f);
}

/* An SMB 1 message: its header, no words, these bytes. */
static void smb1(
    struct feed *f, int dir, uint8_t command, uint8_t mid, const char *bytes, size_t len)
{
    uint8_t m[256] = {0, 0, 0, (uint8_t)(35 + len), 0xff, 'S', 'M', 'B', command};
    m[4 + 9] = dir ? 0x80 : 0;
    m[4 + 30] = mid;
    m[4 + 33] = (uint8_t)len;
    memcpy(m + 4 + 35, bytes, len);
    feed_data(f, dir, m, 4 + 35 + len);
}

static void test_smb1_rename_and_delete(void **state)
{
    (void)state;
    static const char rename[] = "\4report.doc\0\4report.doc.locked";
    struct feed f;
    feed_init(&f, FEED_TCP, 1, 445);
    th_conn_begin(&f.pr, &f.flow, &th_smb_analyser, 0);
    smb1(&f, 0, 7, 1, rename, sizeof(rename));
    smb1(&f, 1, 7, 1, "", 0);
    smb1(&f, 0, 6, 2, "\4old.txt", 9);
    smb1(&f, 1, 6, 2, "", 0);
    smb1(&f, 0, 7, 3, "\4cut", 4);
    smb1(&f, 1, 7, 3, "", 0);
    feed_end(&f);
    assert_true(feed_has(&f, "smb_files", 0,
        "\"action\":\"SMB::FILE_RENAME\",\"name\":\"report.doc.locked\",\"prev_name\":\"report."
        "doc\""));
    assert_true(
        feed_has(&f, "smb_files", 1, "\"action\":\"SMB::FILE_DELETE\",\"name\":\"old.txt\""));
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations_by_number),
        cmocka_unit_test(test_utf16),
        cmocka_unit_test(test_ntlm_offsets_that_lie),
        cmocka_unit_test(test_rpc_with_bytes_left_out),
        cmocka_unit_test(test_smb1_rename_and_delete),
        cmocka_unit_test(test_smb_tables_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
