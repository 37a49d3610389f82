/* SPDX-License-Identifier: Apache-2.0 */
/* Mails out of a box, in segments of every size, with holes, cut off; whole sessions are in
 * tests/golden/proto/fetched.pcap. */
#include "unit.h"

#include "feed.h"

#define ATTACHED "Subject: one\r\nContent-Disposition: attachment; filename=a.bin\r\n\r\nhello\r\n"
#define POP "+OK\r\n" ATTACHED ".\r\n+OK\r\nSubject: two\r\n\r\n..x\r\n.\r\n"
#define IMAP                                                                                       \
    "* 1 FETCH (BODY[] {72}\r\n" ATTACHED                                                          \
    ")\r\n* 2 FETCH (RFC822 {18}\r\nSubject: two\r\n\r\nx\n)"                                      \
    "\r\na OK\r\n"
_Static_assert(sizeof(ATTACHED) - 1 == 72, "as the literal says");

static void say(struct feed *f, int dir, const char *text)
{
    feed_data(f, dir, text, strlen(text));
}

static void begin_pop(struct feed *f)
{
    feed_init(f, FEED_TCP, 40000, 110);
    say(f, 1, "+OK x\r\n");
    say(f, 0, "USER a\r\nPASS b\r\n");
    say(f, 1, "+OK\r\n+OK in\r\n");
    say(f, 0, "RETR 1\r\nRETR 2\r\n");
}

static void begin_imap(struct feed *f)
{
    feed_init(f, FEED_TCP, 40000, 143);
    say(f, 1, "* PREAUTH x\r\n");
    say(f, 0, "a FETCH 1:2 BODY[]\r\n");
}

static void check_both(struct feed *f, const char *by)
{
    char member[48];
    snprintf(member, sizeof(member), "\"fetched_by\":\"%s\"", by);
    feed_end(f);
    assert_true(feed_has(f, "smtp", 0, "\"subject\":\"one\""));
    assert_true(feed_has(f, "smtp", 0, member));
    assert_true(feed_has(f, "smtp", 1, "\"subject\":\"two\""));
    assert_true(feed_has(f, "smtp", 1, member));
    assert_false(feed_has(f, "smtp", 2, "\"ts\""));
    assert_true(feed_has(f, "files", 0, "\"filename\":\"a.bin\""));
    assert_true(feed_has(f, "files", 0, "\"seen_bytes\":5"));
    assert_true(feed_has(f, "files", 0, "\"sha256\""));
    feed_done(f);
}

static void segments_of_every_size(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 130; piece++) {
        struct feed f;
        begin_pop(&f);
        feed_pieces(&f, 1, POP, sizeof(POP) - 1, piece);
        check_both(&f, "pop3");
        begin_imap(&f);
        feed_pieces(&f, 1, IMAP, sizeof(IMAP) - 1, piece);
        check_both(&f, "imap");
    }
}

/* No hash of what is not all there; what comes behind a hole inside of a mail is read. */
static void a_hole(void **state)
{
    (void)state;
    struct feed f;
    begin_imap(&f);
    feed_data(&f, 1, IMAP, 24 + 68);
    feed_gap(&f, 1, 4);
    say(&f, 1, &IMAP[24 + 72]);
    feed_end(&f);
    assert_true(feed_has(&f, "smtp", 1, "\"subject\":\"two\""));
    assert_true(feed_has(&f, "files", 0, "\"filename\":\"a.bin\""));
    assert_false(feed_has(&f, "files", 0, "\"sha256\""));
    feed_done(&f);
    begin_pop(&f);
    feed_data(&f, 1, POP, 5 + 65);
    feed_gap(&f, 1, 4);
    say(&f, 1, &POP[5 + 69]);
    feed_end(&f);
    assert_true(feed_has(&f, "smtp", 1, "\"subject\":\"two\""));
    assert_false(feed_has(&f, "files", 0, "\"sha256\""));
    feed_done(&f);
}

static void one_that_breaks_off_is_told(void **state)
{
    (void)state;
    struct feed f;
    begin_pop(&f);
    feed_data(&f, 1, POP, 5 + 69);
    feed_end(&f);
    assert_true(feed_has(&f, "smtp", 0, "\"subject\":\"one\""));
    assert_false(feed_has(&f, "files", 0, "\"sha256\""));
    feed_done(&f);
    begin_imap(&f);
    feed_data(&f, 1, IMAP, 24 + 69);
    feed_end(&f);
    assert_true(feed_has(&f, "smtp", 0, "\"subject\":\"one\""));
    assert_false(feed_has(&f, "files", 0, "\"sha256\""));
    feed_done(&f);
}

/* Literals that lie, lines without end, more commands than anybody can keep account of. */
static void nonsense(void **state)
{
    (void)state;
    static const char *const said[] = {"* 1 FETCH (BODY[] {0}\r\n)\r\n",
        "* 1 FETCH (BODY[] {99999999999999999999}\r\n)\r\n", "* 1 FETCH (BODY[] {}\r\n)\r\n",
        "}\r\n", "{5}\r\n", "* 1 FETCH (BODY[]<> {5}\r\nabcde\r\n",
        "* 1 FETCH (BODY[]<9> {5}\r\nabcde\r\n", "* 1 FETCH (BODY[TEXT] {5}\r\nabcde\r\n",
        "* 1 FETCH (BODY[1] {5}\r\nabcde\r\n"};
    for (size_t i = 0; i < TH_ARRAY_LEN(said); i++) {
        struct feed f;
        begin_imap(&f);
        say(&f, 1, said[i]);
        feed_end(&f);
        assert_false(feed_has(&f, "smtp", 0, "\"ts\""));
        feed_done(&f);
    }
    struct feed f;
    begin_pop(&f);
    for (int i = 0; i < 200; i++)
        say(&f, 0, "NOOP\r\n");
    say(&f, 1, POP);
    feed_end(&f);
    assert_false(feed_has(&f, "smtp", 0, "\"ts\""));
    feed_done(&f);
    begin_pop(&f);
    say(&f, 1, "+OK\r\n");
    for (int i = 0; i < 20; i++)
        feed_pieces(
            &f, 1, "Subject: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\v", 64, 64);
    for (int i = 0; i < 400; i++)
        say(&f, 1, "no end of it, no end of it, no end of it, no end of it");
    say(&f, 1, "\r\n.\r\n");
    feed_end(&f);
    assert_true(feed_has(&f, "smtp", 0, "\"fetched_by\":\"pop3\""));
    feed_done(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_of_every_size),
        cmocka_unit_test(a_hole),
        cmocka_unit_test(one_that_breaks_off_is_told),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests_name("proto/fetched", tests, NULL, NULL);
}
