/* SPDX-License-Identifier: Apache-2.0 */
/* Files read and written over SMB, chains of SMB 1, what SMB 3 hides. */
#include "unit.h"

#include "crypto/hash.h"
#include "feed.h"

#define BULK_BYTES 40000u

enum { CLIENT, SERVER };
enum { CREATE = 5, CLOSE = 6, READ = 8, WRITE = 9 };

static uint8_t bulk[BULK_BYTES];

/* An SMB 2 message with this body. */
static void say(struct feed *f, int dir, uint8_t command, const void *body, size_t len)
{
    size_t whole = 64 + len;
    uint8_t *m TH_AUTOFREE = th_xmalloc(4 + whole);
    memset(m, 0, 4 + 64);
    for (unsigned i = 0; i < 3; i++)
        m[1 + i] = (uint8_t)(whole >> 8 * (2 - i));
    memcpy(m + 4, "\xfeSMB", 4);
    m[4 + 12] = command;
    m[4 + 16] = dir == SERVER;
    m[4 + 24] = 7;
    memcpy(m + 4 + 64, body, len);
    feed_pieces(f, dir, m, 4 + whole, 1400);
}

static void open_file(struct feed *f, uint64_t size)
{
    uint8_t asked[58] = {57}, opened[88] = {89};
    memcpy(asked + 44, "\x78\0\2\0", 4);
    asked[56] = 'x';
    for (unsigned i = 0; i < 4; i++)
        opened[48 + i] = (uint8_t)(size >> 8 * i);
    opened[64] = 1;
    say(f, CLIENT, CREATE, asked, sizeof(asked));
    say(f, SERVER, CREATE, opened, sizeof(opened));
}

static void close_file(struct feed *f)
{
    uint8_t asked[24] = {24}, closed[60] = {60};
    asked[8] = 1;
    say(f, CLIENT, CLOSE, asked, sizeof(asked));
    say(f, SERVER, CLOSE, closed, sizeof(closed));
}

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void write_file(struct feed *f, uint32_t place, uint32_t len)
{
    uint8_t m[48 + BULK_BYTES] = {49, 0, 112};
    put32(m + 4, len);
    put32(m + 8, place);
    m[16] = 1;
    memcpy(m + 48, bulk + place, len);
    say(f, CLIENT, WRITE, m, 48 + len);
}

static void read_file(struct feed *f, uint32_t place, uint32_t len)
{
    uint8_t asked[49] = {49}, m[16 + BULK_BYTES] = {17, 0, 80};
    put32(asked + 8, place);
    asked[16] = 1;
    say(f, CLIENT, READ, asked, sizeof(asked));
    put32(m + 4, len);
    memcpy(m + 16, bulk + place, len);
    say(f, SERVER, READ, m, 16 + len);
}

static void begin(struct feed *f)
{
    for (size_t i = 0; i < BULK_BYTES; i++)
        bulk[i] = (uint8_t)(i * i >> 3);
    feed_init(f, FEED_TCP, 40000, 445);
}

static const char *sha256_member(char out[96], size_t len)
{
    uint8_t digest[TH_DIGEST_MAX_LEN];
    char hex[2 * TH_SHA256_LEN + 1];
    struct th_digest d;
    th_digest_init(&d, TH_DIGEST_SHA256);
    th_digest_update(&d, bulk, len);
    th_digest_final(&d, digest);
    th_hex(digest, TH_SHA256_LEN, hex);
    snprintf(out, 96, "\"sha256\":\"%s\"", hex);
    return out;
}

static void test_written_in_pieces(void **state)
{
    (void)state;
    struct feed f;
    char sha[96];
    begin(&f);
    open_file(&f, 0);
    write_file(&f, 0, 30000); /* the head is held, the rest passes */
    write_file(&f, 30000, 10000);
    close_file(&f);
    assert_true(feed_has(&f, "files", 0, "\"source\":\"SMB\""));
    assert_true(feed_has(&f, "files", 0, sha256_member(sha, BULK_BYTES)));
    assert_true(feed_has(&f, "smb_files", 1, "\"action\":\"SMB::FILE_WRITE\""));
    assert_true(feed_has(&f, "smb_files", 1, "\"bytes\":40000"));
    feed_end(&f);
    assert_int_equal(f.events, 3);
    feed_done(&f);
}

static void test_read_whole_and_in_part(void **state)
{
    (void)state;
    struct feed f;
    char sha[96];
    begin(&f);
    open_file(&f, 35000);
    read_file(&f, 0, 20000);
    read_file(&f, 20000, 15000);
    close_file(&f);
    assert_true(feed_has(&f, "files", 0, sha256_member(sha, 35000)));
    assert_true(feed_has(&f, "smb_files", 1, "\"action\":\"SMB::FILE_READ\""));
    open_file(&f, 35000);
    read_file(&f, 0, 100);
    close_file(&f);
    assert_true(feed_has(&f, "files", 1, "\"hash_skipped\":\"cut\""));
    open_file(&f, 35000);
    read_file(&f, 512, 100); /* somewhere in it */
    close_file(&f);
    assert_true(feed_has(&f, "files", 2, "\"hash_skipped\":\"gap\""));
    feed_end(&f);
    feed_done(&f);
}

/* Bytes lost from a write's middle; a file that nobody closes. */
static void test_holes(void **state)
{
    (void)state;
    struct feed f;
    uint8_t m[4 + 64 + 48 + 17000] = {0, 0, 0, 0, 0xfe, 'S', 'M', 'B'};
    begin(&f);
    open_file(&f, 0);
    uint32_t whole = 64 + 48 + 30000;
    m[1] = (uint8_t)(whole >> 16);
    m[2] = (uint8_t)(whole >> 8);
    m[3] = (uint8_t)whole;
    m[4 + 12] = WRITE;
    memcpy(m + 4 + 64, "\x31\0\x70\0", 4);
    put32(m + 4 + 64 + 4, 30000);
    m[4 + 64 + 16] = 1;
    feed_data(&f, CLIENT, m, sizeof(m));
    feed_gap(&f, CLIENT, 3000);
    memset(m, 0, sizeof(m));
    feed_data(&f, CLIENT, m, 10000);
    close_file(&f);
    assert_true(feed_has(&f, "files", 0, "\"seen_bytes\":27000"));
    assert_true(feed_has(&f, "files", 0, "\"missing_bytes\":3000"));
    assert_true(feed_has(&f, "files", 0, "\"hash_skipped\":\"gap\""));
    assert_true(feed_has(&f, "smb_files", 1, "\"bytes\":30000"));
    open_file(&f, 0);
    write_file(&f, 0, 100);
    feed_end(&f);
    assert_true(feed_has(&f, "files", 1, "\"hash_skipped\":\"cut\""));
    feed_done(&f);
}

/* A length that is not there adds nothing. */
static void test_length_that_lies(void **state)
{
    (void)state;
    struct feed f;
    uint8_t m[48 + 10] = {49, 0, 112, 0, 0xff, 0xff, 0xff, 0xff};
    begin(&f);
    open_file(&f, 0);
    m[16] = 1;
    for (unsigned i = 0; i < 3; i++)
        say(&f, CLIENT, WRITE, m, sizeof(m));
    close_file(&f);
    assert_true(feed_has(&f, "smb_files", 1, "\"bytes\":30"));
    feed_end(&f);
    feed_done(&f);
}

/* Session setup with a tree connect behind it, as all of SMB 1 do. */
static void test_smb1_chain(void **state)
{
    (void)state;
    static const uint8_t asked[] = {0, 0, 0, 74, 0xff, 'S', 'M', 'B', 0x73, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0,
        /* at 32: two words, the next command at 39 */ 2, 0x75, 0, 39, 0, 0, 0,
        /* four words, one byte of password, a path */ 4, 0xff, 0, 0, 0, 0, 0, 1, 0, 24, 0, 0, '\\',
        '\\', 'F', 'I', 'L', 'E', '\\', 'D', 'A', 'T', 'A', 0, 'A', ':', 0, 0, 0, 0, 0, 0, 0, 0, 0};
    uint8_t done[4 + 32 + 7 + 9] = {0, 0, 0, 48, 0xff, 'S', 'M', 'B', 0x73, 0, 0, 0, 0, 0x80};
    struct feed f;
    done[4 + 30] = 1;
    memcpy(done + 4 + 32, "\2\x75\0\x27\0\0\0\2\xff\0\0\0\2\0A:", 16);
    begin(&f);
    feed_data(&f, CLIENT, asked, sizeof(asked));
    feed_data(&f, SERVER, done, sizeof(done));
    assert_true(feed_has(&f, "smb_mapping", 0, "\"path\":\"\\\\\\\\FILE\\\\DATA\""));
    assert_true(feed_has(&f, "smb_mapping", 0, "\"share_type\":\"DISK\""));
    /* A chain that turns back on itself ends. */
    uint8_t loop[sizeof(asked)];
    memcpy(loop, asked, sizeof(asked));
    loop[4 + 32 + 3] = 32;
    feed_data(&f, CLIENT, loop, sizeof(loop));
    feed_end(&f);
    feed_done(&f);
}

static void test_encrypted_and_compressed(void **state)
{
    (void)state;
    struct feed f;
    uint8_t m[4 + 52] = {0, 0, 0, 52, 0xfe, 'S', 'M', 'B'};
    begin(&f);
    feed_data(&f, CLIENT, m, 4);
    m[4] = 0xfe;
    feed_data(&f, CLIENT, m + 4, 52);
    m[4] = 0xfc;
    put32(m + 8, 100);
    feed_data(&f, CLIENT, m, sizeof(m));
    assert_int_equal(f.weirds, 0);
    put32(m + 16, 0xffffffffu); /* an offset that overflows */
    feed_data(&f, CLIENT, m, sizeof(m));
    assert_string_equal(f.weird, "smb_compression_overflow");
    m[4] = 0xfd;
    feed_data(&f, CLIENT, m, sizeof(m));
    feed_end(&f);
    assert_string_equal(f.services, "smb,smb_encrypted");
    feed_done(&f);
}

/* Room for many requests stays until the connection ends, and is counted as long: or a client that
 * asks and is answered would have memory that no cap knows of. */
static void test_room_is_counted(void **state)
{
    (void)state;
    enum { REQUESTS = 64, LEAST_BYTES = 64 }; /* an entry has an id of 16 bytes, times, a name... */
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 445);
    uint8_t asked[58] = {57}, refused[9] = {9};
    memcpy(asked + 44, "\x78\0\2\0", 4);
    asked[56] = 'x';
    for (int dir = CLIENT; dir <= SERVER; dir++) {
        for (unsigned i = 0; i < REQUESTS; i++) {
            uint8_t m[4 + 64 + sizeof(asked)] = {0};
            size_t body = dir == CLIENT ? sizeof(asked) : sizeof(refused);
            m[3] = (uint8_t)(64 + body);
            memcpy(m + 4, "\xfeSMB", 4);
            if (dir == SERVER)
                memcpy(m + 4 + 8, "\x22\0\0\xc0", 4); /* STATUS_ACCESS_DENIED */
            m[4 + 12] = CREATE;
            m[4 + 16] = dir == SERVER;
            m[4 + 24] = (uint8_t)(i + 1);
            memcpy(m + 4 + 64, dir == CLIENT ? asked : refused, body);
            feed_pieces(&f, dir, m, 4 + 64 + body, 1400);
        }
        assert_true(f.pr.held_bytes > REQUESTS * LEAST_BYTES);
    }
    feed_end(&f);
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_in_pieces),
        cmocka_unit_test(test_read_whole_and_in_part),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_length_that_lies),
        cmocka_unit_test(test_smb1_chain),
        cmocka_unit_test(test_encrypted_and_compressed),
        cmocka_unit_test(test_room_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
