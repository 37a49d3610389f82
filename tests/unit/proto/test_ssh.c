/* SPDX-License-Identifier: Apache-2.0 */
/* What sizes of SSH packets tell. Real servers are in tests/functional/test_ssh.py. */
#include "unit.h"

#include "feed.h"
#include "ssh_sizes.h"

static struct th_ssh_sizes sizes(const char *cipher, const char *mac)
{
    struct th_ssh_sizes s = {0};
    for (int i = 0; i < 2; i++)
        th_ssh_sealed_set(&s.sealed[i], th_str_c(cipher), th_str_c(mac));
    return s;
}

/* A packet of so many bytes, its length in front. */
static bool say(struct th_ssh_sizes *s, bool from_client, uint32_t size)
{
    const struct th_ssh_sealed *d = &s->sealed[from_client ? 0 : 1];
    uint8_t p[2048] = {0};
    uint32_t inside = size - 4 - d->mac;
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(inside >> 8 * (3 - i));
    return th_ssh_sizes_data(s, from_client, p, size);
}

/* On the wire with OpenSSH 9.2 and Dropbear 2022.83. */
static void test_sizes_of_messages(void **state)
{
    (void)state;
    static const struct {
        const char *cipher, *mac;
        uint32_t success, accept;
    } cases[] = {
        {"chacha20-poly1305@openssh.com", "", 28, 44},
        {"aes256-gcm@openssh.com", "hmac-sha1", 36, 52},
        {"aes128-ctr", "hmac-sha2-256", 48, 64},
        {"aes128-ctr", "hmac-sha2-256-etm@openssh.com", 52, 68},
        {"aes128-cbc", "hmac-md5", 32, 48},
        {"3des-cbc", "hmac-sha1", 36, 52},
        {"aes192-ctr", "hmac-sha1-96", 28, 44},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct th_ssh_sizes s = sizes(cases[i].cipher, cases[i].mac);
        assert_int_equal(th_ssh_sealed_size(&s.sealed[1], 1), cases[i].success);
        assert_int_equal(th_ssh_sealed_size(&s.sealed[1], 17), cases[i].accept);
    }
    struct th_ssh_sizes s = sizes("rot13", "hmac-md5");
    assert_int_equal(th_ssh_sealed_size(&s.sealed[1], 1), 0);
}

static void login(struct th_ssh_sizes *s, uint32_t accept, uint32_t refusal, unsigned refused)
{
    say(s, false, 260); /* extensions */
    say(s, true, accept);
    say(s, false, accept);
    for (unsigned i = 0; i <= refused; i++) {
        say(s, true, 100);
        say(s, false, refusal);
    }
}

static void test_refused_then_let_in(void **state)
{
    (void)state;
    struct th_ssh_sizes s = sizes("aes256-gcm@openssh.com", "");
    login(&s, 52, 84, 2);
    assert_int_equal(th_ssh_sizes_result(&s), TH_LOGIN_FAILED);
    assert_int_equal(th_ssh_sizes_attempts(&s), 2);
    say(&s, true, 148);
    say(&s, false, 36);
    assert_int_equal(th_ssh_sizes_result(&s), TH_LOGIN_OK);
    assert_int_equal(th_ssh_sizes_attempts(&s), 3);
}

/* A scanner that asks for the methods and goes. */
static void test_only_asked(void **state)
{
    (void)state;
    struct th_ssh_sizes s = sizes("aes256-gcm@openssh.com", "");
    login(&s, 52, 84, 0);
    assert_int_equal(th_ssh_sizes_result(&s), TH_LOGIN_UNKNOWN);
    assert_int_equal(th_ssh_sizes_attempts(&s), 0);
}

/* Without known algorithms an acceptance's size says what a success would have. */
static void test_unknown_algorithm(void **state)
{
    (void)state;
    struct th_ssh_sizes s = sizes("rot13", "hmac-md5");
    login(&s, 52, 84, 1);
    assert_int_equal(th_ssh_sizes_result(&s), TH_LOGIN_FAILED);
    say(&s, false, 36);
    assert_int_equal(th_ssh_sizes_result(&s), TH_LOGIN_OK);
}

static void test_banner_before_the_first_refusal(void **state)
{
    (void)state;
    struct th_ssh_sizes s = sizes("chacha20-poly1305@openssh.com", "");
    login(&s, 44, 900, 0);
    for (unsigned i = 0; i < 3; i++) {
        say(&s, true, 148);
        say(&s, false, 60);
    }
    assert_int_equal(th_ssh_sizes_result(&s), TH_LOGIN_FAILED);
    assert_int_equal(th_ssh_sizes_attempts(&s), 3);
}

/* A session that came without its success is no login refused a hundred times. */
static void test_session_without_begin(void **state)
{
    (void)state;
    struct th_ssh_sizes s = sizes("chacha20-poly1305@openssh.com", "");
    login(&s, 44, 60, 100);
    assert_int_equal(th_ssh_sizes_result(&s), TH_LOGIN_UNKNOWN);
}

static void test_typed(void **state)
{
    (void)state;
    struct th_ssh_sizes s = sizes("chacha20-poly1305@openssh.com", ""), sends;
    login(&s, 44, 60, 1);
    say(&s, false, 28);
    sends = s;
    for (unsigned i = 0; i < 200; i++)
        assert_true(say(&sends, true, 1000) && say(&sends, false, 36));
    assert_false(th_ssh_sizes_typed(&sends));
    for (unsigned i = 0; i < 8; i++) {
        assert_false(th_ssh_sizes_typed(&s));
        say(&s, true, 36);
        say(&s, false, 36);
    }
    assert_true(th_ssh_sizes_typed(&s));
    assert_false(say(&s, true, 36)); /* enough */
}

/* With lengths in the clear packets are told apart however they come. */
static void test_lengths_in_the_clear(void **state)
{
    (void)state;
    struct th_ssh_sizes s = sizes("aes256-gcm@openssh.com", "");
    uint8_t both[52 + 84] = {[3] = 32, [52 + 3] = 64};
    say(&s, true, 52);
    for (unsigned i = 0; i < sizeof(both); i++)
        th_ssh_sizes_data(&s, false, &both[i], 1);
    assert_true(s.accepted);
    say(&s, false, 36);
    assert_int_equal(th_ssh_sizes_result(&s), TH_LOGIN_OK);
    static const uint8_t lie[] = {0xff, 0xff, 0xff, 0xff, 1, 2, 3};
    assert_true(th_ssh_sizes_data(&s, false, lie, sizeof(lie)));
    assert_true(th_ssh_sizes_data(&s, false, lie, sizeof(lie)));
}

static void test_lines_before_the_banner(void **state)
{
    (void)state;
    struct feed f;
    feed_init(&f, FEED_TCP, 40000, 22);
    feed_data(&f, 0, "SSH-2.0-c\r\n", 11);
    feed_pieces(&f, 1, "Hello\r\nGo away\r\nSSH-2.0-s\r\n", 27, 4);
    feed_end(&f);
    assert_true(feed_has(&f, "ssh", 0, "\"server\":\"SSH-2.0-s\""));
    feed_done(&f);
    feed_init(&f, FEED_TCP, 40000, 22);
    feed_data(&f, 0, "SSH-2.0-c\r\n", 11);
    for (unsigned i = 0; i < 20000 && !f.flow.skip_data[1]; i++)
        feed_data(&f, 1, "tarpit\r\n", 8);
    assert_true(f.flow.skip_data[1]);
    feed_end(&f);
    feed_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_of_messages),
        cmocka_unit_test(test_refused_then_let_in),
        cmocka_unit_test(test_only_asked),
        cmocka_unit_test(test_unknown_algorithm),
        cmocka_unit_test(test_banner_before_the_first_refusal),
        cmocka_unit_test(test_session_without_begin),
        cmocka_unit_test(test_typed),
        cmocka_unit_test(test_lengths_in_the_clear),
        cmocka_unit_test(test_lines_before_the_banner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
