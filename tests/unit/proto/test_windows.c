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
static const uint8_t spoolss[16] = {
    0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0, 1, 0x23, 0x45, 0x67, 0x89, 0xab};
static const uint8_t netdfs[16] = {
    0xe0, 0x42, 0xc7, 0x4f, 0x10, 0x4a, 0xcf, 0x11, 0x82, 0x73, 0, 0xaa, 0, 0x4a, 0xe6, 0x73};
static const uint8_t netlogon[16] = {
    0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0, 1, 0x23, 0x45, 0x67, 0xcf, 0xfb};
static const uint8_t epmapper[16] = {
    8, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 8, 0, 0x2b, 0x14, 0xa0, 0xfa};

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
    assert_view_is(
        th_dce_rpc_operation(spoolss, 65), "RpcRemoteFindFirstPrinterChangeNotificationEx");
    assert_view_is(th_dce_rpc_operation(spoolss, 89), "RpcAddPrinterDriverEx");
    assert_view_is(th_dce_rpc_operation(netdfs, 13), "NetrDfsRemoveStdRoot");
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

/* A PDU of one fragment with this stub, or status, behind its head. */
static size_t pdu(uint8_t *p, uint8_t type, uint8_t opnum, const uint8_t *rest, size_t len)
{
    memset(p, 0, 24);
    memcpy(p, (const uint8_t[]){5, 0, type, 3, 0x10}, 5);
    p[8] = (uint8_t)(24 + len);
    p[9] = (uint8_t)((24 + len) >> 8);
    p[12] = 7;
    p[22] = opnum;
    if (len)
        memcpy(p + 24, rest, len);
    return 24 + len;
}

/* A bind, then these. */
struct rpc {
    struct feed f;
    struct th_dce_rpc *d;
};

static void rpc_begin(struct rpc *r, const uint8_t interface[16])
{
    uint8_t bind[72] = {5, 0, 11, 3, 0x10, 0, 0, 0, 72, 0, 0, 0, 1};
    bind[24] = bind[30] = 1;
    memcpy(bind + 32, interface, 16);
    feed_init(&r->f, FEED_TCP, 1, 135);
    th_conn_begin(&r->f.pr, &r->f.flow, &th_smb_analyser, 0);
    r->d = th_dce_rpc_new();
    assert_true(
        th_dce_rpc_data(r->d, r->f.flow.app, th_str_c("135"), true, FEED_EPOCH_NS, bind, 72, 72));
}

static bool rpc_say(struct rpc *r, bool client, const uint8_t *p, size_t len)
{
    return th_dce_rpc_data(
        r->d, r->f.flow.app, th_str_c("135"), client, FEED_EPOCH_NS, p, len, len);
}

static void rpc_end(struct rpc *r)
{
    th_dce_rpc_end(r->d, r->f.flow.app, th_str_c("135"));
    feed_end(&r->f);
    feed_done(&r->f);
}

/* A tower of five floors: an interface, NDR, connections, TCP port, address. */
static size_t tower(uint8_t *p, const uint8_t interface[16], uint16_t port)
{
    static const uint8_t ndr[] = {19, 0, 13, 4, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f,
        0xe8, 8, 0, 0x2b, 0x10, 0x48, 0x60, 2, 0, 2, 0, 0, 0, 1, 0, 11, 2, 0, 0, 0};
    size_t n = 8;
    memcpy(p, (const uint8_t[]){75, 0, 0, 0, 75, 0, 0, 0, 5, 0, 19, 0, 13}, 13);
    n += 5;
    memcpy(p + n, interface, 16);
    n += 16;
    memcpy(p + n, (const uint8_t[]){1, 0, 2, 0, 0, 0}, 6);
    n += 6;
    memcpy(p + n, ndr, sizeof(ndr));
    n += sizeof(ndr);
    const uint8_t tcp[] = {
        1, 0, 7, 2, 0, (uint8_t)(port >> 8), (uint8_t)port, 1, 0, 9, 4, 0, 10, 0, 0, 9};
    memcpy(p + n, tcp, sizeof(tcp));
    return n + sizeof(tcp);
}

static void test_endpoint_mapper(void **state)
{
    (void)state;
    uint8_t stub[160] = {0}, p[256];
    struct rpc r;
    rpc_begin(&r, epmapper);
    stub[0] = stub[20] = 1; /* a pointer to no object, one to the tower */
    size_t n = 24 + tower(stub + 24, drsuapi, 0);
    rpc_say(&r, true, p, pdu(p, 0, 3, stub, n + 20));
    memset(stub, 0, sizeof(stub));
    stub[20] = 1; /* behind the handle: one tower, its array, its pointer */
    n = 40 + tower(stub + 40, drsuapi, 49664);
    rpc_say(&r, false, p, pdu(p, 2, 0, stub, n));
    assert_true(feed_has(&r.f, "dce_rpc", 0, "\"operation\":\"ept_map\""));
    assert_true(feed_has(&r.f, "dce_rpc", 0, "\"mapped\":\"drsuapi 49664\""));
    /* Not answered: what was asked for is told. */
    memset(stub, 0, sizeof(stub));
    n = 24 + tower(stub + 24, svcctl, 0);
    size_t len = pdu(p, 0, 3, stub, n);
    rpc_say(&r, true, p, len);
    th_dce_rpc_end(r.d, r.f.flow.app, th_str_c("135"));
    assert_true(feed_has(&r.f, "dce_rpc", 1, "\"mapped\":\"svcctl\""));
    feed_end(&r.f);
    feed_done(&r.f);
    /* Cut anywhere: nothing is read behind the end. */
    for (size_t cut = 0; cut < n; cut++) {
        TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
        uint8_t *copy TH_AUTOFREE = th_xmalloc(cut + 1);
        memcpy(copy, stub, cut);
        assert_in_range(th_dce_rpc_mapped(&a, copy, cut).len, 0, 16);
    }
}

static void test_rpc_fault(void **state)
{
    (void)state;
    uint8_t p[64];
    static const uint8_t denied[8] = {5}, odd[8] = {0xef, 0xbe};
    struct rpc r;
    rpc_begin(&r, svcctl);
    rpc_say(&r, true, p, pdu(p, 0, 15, NULL, 0));
    rpc_say(&r, false, p, pdu(p, 3, 0, denied, 8));
    assert_true(feed_has(&r.f, "dce_rpc", 0, "\"fault\":\"access_denied\""));
    rpc_say(&r, true, p, pdu(p, 0, 12, NULL, 0));
    rpc_say(&r, false, p, pdu(p, 3, 0, odd, 8));
    assert_true(feed_has(&r.f, "dce_rpc", 1, "\"fault\":\"0x0000beef\""));
    rpc_say(&r, true, p, pdu(p, 0, 12, NULL, 0));
    rpc_say(&r, false, p, pdu(p, 3, 0, NULL, 0)); /* without a status */
    assert_true(feed_has(&r.f, "dce_rpc", 2, "\"fault\":\"unknown\""));
    rpc_end(&r);
}

/* CVE-2020-1472: the client's challenge is zeros. */
static void test_zero_challenge(void **state)
{
    (void)state;
    uint8_t p[128], stub[64] = {1};
    struct rpc r;
    rpc_begin(&r, netlogon);
    memset(stub + 56, 0x5a, 8);
    stub[60] = 0x33;
    rpc_say(&r, true, p, pdu(p, 0, 4, stub, 64));
    assert_int_equal(r.f.weirds, 0);
    memset(stub + 56, 0, 8);
    rpc_say(&r, true, p, pdu(p, 0, 26, stub, 64)); /* another call */
    assert_int_equal(r.f.weirds, 0);
    rpc_say(&r, true, p, pdu(p, 0, 4, stub, 64));
    assert_int_equal(r.f.weirds, 1);
    assert_string_equal(r.f.weird, "netlogon_weak_challenge");
    rpc_say(&r, true, p, pdu(p, 0, 4, NULL, 0));
    assert_int_equal(r.f.weirds, 1);
    rpc_end(&r);
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
        cmocka_unit_test(test_endpoint_mapper),
        cmocka_unit_test(test_rpc_fault),
        cmocka_unit_test(test_zero_challenge),
        cmocka_unit_test(test_smb1_rename_and_delete),
        cmocka_unit_test(test_smb_tables_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
