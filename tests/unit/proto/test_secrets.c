/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One password, said in every protocol that carries one, in each way it has: nothing of it may come
 * out, be it as it is, in another coding, or as a hash from which it could be guessed.
 */
#include "unit.h"

#include "crypto/hash.h"
#include "feed.h"
#include "login.h"
#include "mask.h"

#define SECRET "hunter22"
#define DATA(text) (text), sizeof(text) - 1
#define SAID_MAX 20

struct said {
    int dir;
    const char *p;
    size_t len;
};

static const struct {
    uint8_t proto;
    uint16_t port;
    const char *services;
    struct said said[SAID_MAX];
} cases[] = {
    {FEED_TCP, 21, "ftp",
        {
            {1, DATA("220 FTP\r\n")},
            {0, DATA("USER bob\r\n")},
            {1, DATA("331 go\r\n")},
            {0, DATA("PASS " SECRET "\r\n")},
            {1, DATA("332 more\r\n")},
            {0, DATA("ACCT " SECRET "\r\nSITE PSWD " SECRET "\r\n")},
            {1, DATA("230 in\r\n")},
        }},
    {FEED_TCP, 143, "imap",
        {
            {1, DATA("* OK x\r\n")},
            {0, DATA("a LOGIN bob " SECRET "\r\n")},
            {1, DATA("a NO x\r\n")},
            {0, DATA("b LOGIN \"bob\" \"" SECRET "\"\r\n")},
            {1, DATA("b NO x\r\n")},
            {0, DATA("c LOGIN {3}\r\n")},
            {1, DATA("+ go\r\n")},
            {0, DATA("bob {8}\r\n")},
            {1, DATA("+ go\r\n")},
            {0, DATA(SECRET "\r\n")},
            {1, DATA("c NO x\r\n")},
            {0, DATA("d AUTHENTICATE XOAUTH2 dXNlcj1ib2IBYXV0aD1CZWFyZXIgaHVudGVyMjIBAQ==\r\n")},
            {1, DATA("d OK in\r\n")},
            {0,
                DATA("e FETCH 1 BODY[]\r\nf SETMETADATA x " SECRET "\r\ng APPEND x {10}\r\n" SECRET
                     "\r\n\r\n")},
            {1,
                DATA("* 1 FETCH (BODY[] {81}\r\nFrom: a\r\nX-Password: " SECRET
                     "\r\nContent-Type: text/plain\r\n\r\nIt is " SECRET ".\r\n)\r\ne OK\r\n")},
        }},
    {FEED_TCP, 110, "pop3",
        {
            {1, DATA("+OK x\r\n")},
            {0, DATA("USER bob\r\n")},
            {1, DATA("+OK\r\n")},
            {0, DATA("PASS " SECRET "\r\n")},
            {1, DATA("-ERR\r\n")},
            {0, DATA("APOP bob " SECRET "\r\n")},
            {1, DATA("-ERR\r\n")},
            {0, DATA("AUTH PLAIN\r\n")},
            {1, DATA("+ \r\n")},
            {0, DATA("AGJvYgBodW50ZXIyMg==\r\n")},
            {1, DATA("+OK in\r\n")},
            {0, DATA("RETR 1\r\nPASS " SECRET "\r\n")},
            {1,
                DATA("+OK\r\nFrom: a\r\nX-Password: " SECRET
                     "\r\nContent-Type: text/plain\r\n\r\nIt is " SECRET ".\r\n.\r\n-ERR\r\n")},
        }},
    {FEED_TCP, 25, "smtp",
        {
            {1, DATA("220 SMTP\r\n")},
            {0, DATA("EHLO me\r\n")},
            {1, DATA("250 mx\r\n")},
            {0, DATA("AUTH LOGIN Ym9i\r\n")},
            {1, DATA("334 UGFzc3dvcmQ6\r\n")},
            {0, DATA("aHVudGVyMjI=\r\n")},
            {1, DATA("535 no\r\n")},
            {0, DATA("AUTH PLAIN AGJvYgBodW50ZXIyMg==\r\n")},
            {1, DATA("235 in\r\n")},
            {0, DATA("MAIL FROM:<a@x> AUTH=" SECRET "\r\nRCPT TO:<b@x>\r\nDATA\r\n")},
            {1, DATA("250 ok\r\n250 ok\r\n354 go\r\n")},
            {0,
                DATA("From: a\r\nX-Password: " SECRET "\r\nAuthorization: " SECRET
                     "\r\nContent-Type: text/plain\r\n\r\nIt is " SECRET ".\r\n.\r\n")},
            {1, DATA("250 queued\r\n")},
        }},
    {FEED_TCP, 6667, "irc",
        {
            {0, DATA("PASS " SECRET "\r\nNICK bob\r\nUSER bob 0 * :Bob\r\n")},
            {1, DATA(":irc 464 bob :no\r\n")},
            {0, DATA("AUTHENTICATE PLAIN\r\n")},
            {1, DATA("AUTHENTICATE +\r\n")},
            {0, DATA("AUTHENTICATE AGJvYgBodW50ZXIyMg==\r\n")},
            {1, DATA(":irc 903 bob :in\r\n")},
            {0,
                DATA("PRIVMSG NickServ :IDENTIFY " SECRET
                     "\r\nPRIVMSG nickserv :identify bob " SECRET "\r\nNICKSERV IDENTIFY " SECRET
                     "\r\nOPER bob " SECRET "\r\nJOIN #a " SECRET "\r\nPRIVMSG #a :it is " SECRET
                     "\r\n")},
        }},
    {FEED_TCP, 80, "http",
        {
            {0, DATA("GET / HTTP/1.1\r\nHost: a\r\n\r\n")},
            {1, DATA("HTTP/1.1 200 OK\r\nSet-Cookie: sid=" SECRET "\r\nContent-Length: 0\r\n\r\n")},
            {0,
                DATA("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic "
                     "Ym9iOmh1bnRlcjIy\r\nProxy-Authorization: Basic Ym9iOmh1bnRlcjIy\r\nCookie: "
                     "sid=" SECRET "\r\nX-Api-Key: " SECRET "\r\n\r\n")},
            {1, DATA("HTTP/1.1 200 OK\r\nSet-Cookie: sid=" SECRET "\r\nContent-Length: 0\r\n\r\n")},
            {0,
                DATA("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " SECRET
                     "\r\nProxy-Authorization: Bearer " SECRET "\r\nCookie: sid=" SECRET
                     "\r\nX-Api-Key: " SECRET "\r\n\r\n")},
            {1, DATA("HTTP/1.1 200 OK\r\nSet-Cookie: sid=" SECRET "\r\nContent-Length: 0\r\n\r\n")},
            {0,
                DATA("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Digest username=\"bob\", "
                     "response=\"" SECRET
                     "\"\r\nProxy-Authorization: Digest username=\"bob\", response=\"" SECRET
                     "\"\r\nCookie: sid=" SECRET "\r\nX-Api-Key: " SECRET "\r\n\r\n")},
            {1, DATA("HTTP/1.1 200 OK\r\nSet-Cookie: sid=" SECRET "\r\nContent-Length: 0\r\n\r\n")},
            {0,
                DATA("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Token " SECRET
                     "\r\nProxy-Authorization: Token " SECRET "\r\nCookie: sid=" SECRET
                     "\r\nX-Api-Key: " SECRET "\r\n\r\n")},
            {1, DATA("HTTP/1.1 200 OK\r\nSet-Cookie: sid=" SECRET "\r\nContent-Length: 0\r\n\r\n")},
            {0,
                DATA("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Negotiate "
                     "aHVudGVyMjI=\r\nProxy-Authorization: Negotiate aHVudGVyMjI=\r\nCookie: "
                     "sid=" SECRET "\r\nX-Api-Key: " SECRET "\r\n\r\n")},
            {1, DATA("HTTP/1.1 200 OK\r\nSet-Cookie: sid=" SECRET "\r\nContent-Length: 0\r\n\r\n")},
        }},
    {FEED_TCP, 80, "http",
        {
            {0,
                DATA("GET /in?user=bob&password=" SECRET "&access_token=" SECRET
                     ";jsessionid=" SECRET "#id_token=" SECRET
                     " HTTP/1.1\r\nHost: a\r\nReferer: http://bob:" SECRET "@a/?sig=" SECRET
                     "\r\n\r\n")},
            {1, DATA("HTTP/1.1 200 OK\r\nSet-Cookie: sid=" SECRET "\r\nContent-Length: 0\r\n\r\n")},
            {0, DATA("GET http://bob:" SECRET "@a/ HTTP/1.1\r\nHost: a\r\n\r\n")},
            {1, DATA("HTTP/1.1 200 OK\r\nSet-Cookie: sid=" SECRET "\r\nContent-Length: 0\r\n\r\n")},
        }},
    {FEED_TCP, 80, "http",
        {
            {0,
                DATA("POST /in HTTP/1.1\r\nHost: a\r\nContent-Type: "
                     "application/x-www-form-urlencoded\r\nContent-Length: "
                     "22\r\n\r\nuser=bob&pass=" SECRET)},
            {1, DATA("HTTP/1.1 200 OK\r\nSet-Cookie: sid=" SECRET "\r\nContent-Length: 0\r\n\r\n")},
            {0,
                DATA("POST /in HTTP/1.1\r\nHost: a\r\nContent-Type: application/json; "
                     "charset=utf-8\r\nContent-Length: "
                     "32\r\n\r\n{\"user\":\"bob\",\"pass\":\"" SECRET "\"}")},
            {1, DATA("HTTP/1.1 200 OK\r\nSet-Cookie: sid=" SECRET "\r\nContent-Length: 0\r\n\r\n")},
        }},
    {FEED_TCP, 80, "http",
        {
            {0,
                DATA("PRI * "
                     "HTTP/"
                     "2."
                     "0\r\n\r\nSM\r\n\r\n\000\000\000\004\000\000\000\000\000\000\000\211\001\004"
                     "\000\000\000\001\000\007:method\004POST\000\005:path\021/x?token=" SECRET
                     "\000\rauthorization\017Bearer " SECRET "\000\006cookie\na=" SECRET
                     "\000\014content-type!application/"
                     "x-www-form-urlencoded\000\000\026\000\001\000\000\000\001user=bob&"
                     "pass=" SECRET)},
            {1,
                DATA("\000\000\000\004\000\000\000\000\000\000\000\030\001\005\000\000\000\001\210"
                     "\000\nset-cookie\na=" SECRET)},
        }},
    {FEED_TCP, 389, "ldap_tcp",
        {
            {0, DATA("0\032\002\001\001`\025\002\001\003\004\006cn=bob\200\010" SECRET)},
            {1, DATA("0\031\002\001\001a\024\n\0011\004\000\004\rno '" SECRET "'")},
            {0,
                DATA("0\"\002\001\002`"
                     "\035\002\001\003\004\000\243\026\004\005PLAIN\004\r\000bob\000" SECRET)},
            {1, DATA("0\014\002\001\002a\007\n\001\000\004\000\004\000")},
            {0,
                DATA("0:\002\001\003c5\004\004dc="
                     "a\n\001\002\n\001\000\002\001\000\002\001\000\001\001\000\243\030\004\014user"
                     "Password\004\010" SECRET "0\004\004\002cn")},
            {0,
                DATA("0+\002\001\004h&\004\006cn="
                     "eve0\0340\032\004\014userPassword1\n\004\010" SECRET)},
            {0,
                DATA("0.\002\001\005f)\004\006cn="
                     "eve0\0370\035\n\001\0020\030\004\nunicodePwd1\n\004\010" SECRET)},
            {0, DATA("0'\002\001\006n\"\004\006cn=eve0\030\004\014userPassword\004\010" SECRET)},
            {0,
                DATA("04\002\001\007w/"
                     "\200\0271.3.6.1.4.1.4203.1.11.1\201\0240\022\200\006cn=eve\202\010" SECRET)},
        }},
    {FEED_TCP, 1080, "socks",
        {
            {0, DATA("\005\001\002")},
            {1, DATA("\005\002")},
            {0, DATA("\001\003bob\010" SECRET)},
            {1, DATA("\001\000")},
            {0, DATA("\005\001\000\003\001h\000P")},
            {1, DATA("\005\000\000\001\000\000\000\000\000\000")},
        }},
    {FEED_UDP, 161, "snmp",
        {
            {0,
                DATA("0\032\002\001\001\004\010" SECRET
                     "\240\013\002\001\001\002\001\000\002\001\0000\000")},
        }},
    {FEED_UDP, 1812, "radius",
        {
            {0,
                DATA(
                    "\001\007\000.................\001\005bob\002\n" SECRET "\003\013\001" SECRET)},
            {1, DATA("\002\007\000\024................")},
        }},
    {FEED_UDP, 5060, "sip",
        {
            {0,
                DATA("REGISTER sip:bob:" SECRET "@x SIP/2.0\r\nFrom: Bob <sip:bob:" SECRET
                     "@x>;tag=1\r\nTo: <sip:bob:" SECRET
                     "@x>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nAuthorization: Digest "
                     "username=\"bob\", response=\"" SECRET "\"\r\n\r\n")},
            {1, DATA("SIP/2.0 200 OK\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n\r\n")},
        }},
    {FEED_TCP, 6379, "redis",
        {
            {0, DATA("AUTH " SECRET "\r\n")},
            {1, DATA("+OK\r\n")},
            {0, DATA("AUTH bob " SECRET "\r\n")},
            {1, DATA("+OK\r\n")},
            {0, DATA("HELLO 3 AUTH bob " SECRET "\r\n")},
            {1, DATA("+OK\r\n")},
            {0, DATA("CONFIG SET requirepass " SECRET "\r\n")},
            {1, DATA("+OK\r\n")},
            {0, DATA("ACL SETUSER bob >" SECRET "\r\n")},
            {1, DATA("+OK\r\n")},
            {0, DATA("MIGRATE h 6379 k 0 9 AUTH " SECRET "\r\n")},
            {1, DATA("+OK\r\n")},
            {0, DATA("SET k " SECRET "\r\n")},
            {1, DATA("+OK\r\n")},
            {0, DATA("EVAL " SECRET "\r\n")},
            {1, DATA("+OK\r\n")},
            {0, DATA("*2\r\n$4\r\nAUTH\r\n$8\r\n" SECRET "\r\n")},
            {1, DATA("+OK\r\n")},
        }},
    {FEED_TCP, 3306, "mysql",
        {
            {1,
                DATA("&\000\000\000\n8.0\000....12345678\000\377\377!"
                     "\002\000\377\377\000\000\000\000\000\000\000\000\000\000\000\000\000")},
            {0,
                DATA("C\000\000\001\000\202\010\000\000\000\000\001!"
                     "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
                     "\000\000\000\000bob\000\010" SECRET "mysql_native_password\000")},
            {1, DATA("\026\000\000\002\376mysql_clear_password\000")},
            {0, DATA("\011\000\000\003" SECRET "\000")},
            {1, DATA("\007\000\000\004\000\000\000\002\000\000\000")},
            {0, DATA("\032\000\000\000\003SET PASSWORD = '" SECRET "'")},
            {1, DATA("\030\000\000\001\377(\004#42000near '" SECRET "'")},
        }},
    {FEED_TCP, 5432, "postgresql",
        {
            {0, DATA("\000\000\000\022\000\003\000\000user\000bob\000\000")},
            {1, DATA("R\000\000\000\010\000\000\000\003")},
            {0, DATA("p\000\000\000\r" SECRET "\000")},
            {1, DATA("R\000\000\000\010\000\000\000\000Z\000\000\000\005I")},
            {0, DATA("Q\000\000\000'ALTER ROLE bob PASSWORD '" SECRET "'\000")},
            {1, DATA("C\000\000\000\017ALTER ROLE\000Z\000\000\000\005I")},
        }},
    {FEED_TCP, 1433, "tds",
        {
            {0,
                DATA(
                    "\020\001\000\246\000\000\001\000\236\000\000\000\004\000\000t\000\020\000\000"
                    "\007\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
                    "\000\000\000\000\000^"
                    "\000\003\000d\000\003\000j\000\010\000z\000\010\000\212\000\003\000\220\000"
                    "\000\000\220\000\003\000\226\000\000\000\226\000\004\000\000\000\000\000\000"
                    "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000P\000C\000"
                    "7\000b\000o\000b\000h\000u\000n\000t\000e\000r\0002\0002\000s\000h\000o\000p"
                    "\000.\000e\000x\000e\000s\000r\000v\000l\000i\000b\000s\000h\000o\000p\000")},
            {1,
                DATA("\004\001\000\031\000\000\001\000\255\001\000\001\375\000\000\000\000\000\000"
                     "\000\000\000\000\000\000")},
            {0,
                DATA("\001\001\000X\000\000\001\000A\000L\000T\000E\000R\000 "
                     "\000L\000O\000G\000I\000N\000 \000b\000o\000b\000 \000W\000I\000T\000H\000 "
                     "\000P\000A\000S\000S\000W\000O\000R\000D\000=\000'"
                     "\000h\000u\000n\000t\000e\000r\0002\0002\000'\000")},
        }},
    {FEED_TCP, 27017, "mongodb",
        {
            {0,
                DATA(
                    "Y\000\000\000\001\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000"
                    "\000D\000\000\000\020saslStart\000\001\000\000\000\002mechanism\000\006\000"
                    "\000\000PLAIN\000\005payload\000\r\000\000\000\000\000bob\000" SECRET "\000")},
            {1,
                DATA("-\000\000\000\011\000\000\000\001\000\000\000\335\007\000\000\000\000\000\000"
                     "\000\030\000\000\000\001ok\000\000\000\000\000\000\000\360?"
                     "\010done\000\001\000")},
            {0,
                DATA("@\000\000\000\002\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000"
                     "\000+"
                     "\000\000\000\002createUser\000\004\000\000\000eve\000\002pwd\000\011\000\000"
                     "\000" SECRET "\000\000")},
            {0,
                DATA(">\000\000\000\003\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000"
                     "\000)\000\000\000\002eval\000\032\000\000\000db.auth('bob','" SECRET
                     "')\000\000")},
            {0,
                DATA("?\000\000\000\004\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000"
                     "\000*\000\000\000\002$eval\000\032\000\000\000db.auth('bob','" SECRET
                     "')\000\000")},
        }},
    {FEED_TCP, 1883, "mqtt",
        {
            {0,
                DATA("\020,\000\004MQTT\004\306\000<\000\001c\000\004will\000\010" SECRET
                     "\000\003bob\000\010" SECRET)},
            {1, DATA(" \002\000\000")},
        }},
    {FEED_TCP, 5900, "rfb",
        {
            {1, DATA("RFB 003.008\n")},
            {0, DATA("RFB 003.008\n")},
            {1, DATA("\001\002")},
            {0, DATA("\002")},
            {1, DATA(SECRET SECRET)},
            {0, DATA(SECRET SECRET)},
            {1, DATA("\000\000\000\000")},
        }},
};

/* In the clear and for other readers: two bytes a character as JSON has them, base64 by where it
 * begins in it, hexadecimal. */
static const char *const forms[] = {SECRET, "h\\u0000u\\u0000n", "aHVudGVyMjI", "h1bnRlcjIy",
    "odW50ZXIyM", "68756e7465723232", "68756E7465723232"};

static void assert_without(const struct feed *f, size_t nth, const char *text, size_t len)
{
    const char *at = f->lines.len ? memmem(f->lines.p, f->lines.len, text, len) : NULL;
    if (at)
        fail_msg("%s (%zu) tells %s: %.60s", cases[nth].services, nth, text,
            TH_MAX(at - 40, (const char *)f->lines.p));
}

static void assert_without_hash(const struct feed *f, size_t nth, struct th_str of)
{
    uint8_t sum[TH_DIGEST_MAX_LEN];
    char hex[2 * TH_DIGEST_MAX_LEN + 1];
    th_sha256(of.p, of.len, sum);
    th_hex(sum, TH_SHA256_LEN, hex);
    assert_without(f, nth, hex, 2 * TH_SHA256_LEN);
    th_md5(of.p, of.len, sum);
    th_hex(sum, TH_MD5_LEN, hex);
    assert_without(f, nth, hex, 2 * TH_MD5_LEN);
}

/* What stands behind a head, or all. */
static struct th_str body_of(const struct said *said)
{
    const char *at = memmem(said->p, said->len, "\r\n\r\n", 4);
    return at ? th_str_n(at + 4, said->len - (size_t)(at + 4 - said->p))
              : th_str_n(said->p, said->len);
}

static void check(const struct feed *f, size_t nth)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(forms); i++)
        assert_without(f, nth, forms[i], strlen(forms[i]));
    assert_without_hash(f, nth, th_str_c(SECRET));
    for (const struct said *said = cases[nth].said; said->len; said++)
        if (memmem(said->p, said->len, SECRET, sizeof(SECRET) - 1))
            assert_without_hash(f, nth, body_of(said));
}

/* Whole, and in pieces that cut the secret. */
static void test_no_secret_comes_out(void **state)
{
    static const size_t pieces[] = {4096, 7, 1};
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++)
        for (size_t k = 0; k < (cases[i].proto == FEED_TCP ? TH_ARRAY_LEN(pieces) : 1); k++) {
            struct feed f;
            feed_init(&f, cases[i].proto, 40000, cases[i].port);
            for (const struct said *said = cases[i].said; said->len; said++)
                feed_pieces(&f, said->dir, said->p, said->len, pieces[k]);
            feed_end(&f);
            if (k == 0) { /* else it proves nothing */
                assert_string_equal(f.services, cases[i].services);
                assert_true(f.events > 0);
            }
            check(&f, i);
            feed_done(&f);
        }
}

/* The same as seen by who sees one direction only, or comes too late. */
static void test_none_of_a_half(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++)
        for (size_t from = 0; from < SAID_MAX && cases[i].said[from].len; from++)
            for (int dirs = 1; dirs < 4; dirs++) {
                struct feed f;
                feed_init(&f, cases[i].proto, 40000, cases[i].port);
                for (const struct said *said = cases[i].said + from; said->len; said++)
                    if (dirs & 1 << said->dir)
                        feed_data(&f, said->dir, said->p, said->len);
                feed_end(&f);
                check(&f, i);
                feed_done(&f);
            }
}

static void test_uris(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } uris[] = {
        {"", ""},
        {"/a?b=c&d", "/a?b=c&d"},
        {"/a?password=x&b=c", "/a?password=?&b=c"},
        {"/a?b=c;JSESSIONID=x#y", "/a?b=c;JSESSIONID=?#y"},
        {"/a#id_token=x=y&z", "/a#id_token=?&z"},
        {"/a?password=x?y;z/v&b", "/a?password=?&b"},
        {"/a;sid=x/b;sid=y?c;sid=z", "/a;sid=?/b;sid=??c;sid=?"},
        {"/a?pwd=&pass==", "/a?pwd=&pass=?"},
        {"/a?compass=n&keys=1&key=2", "/a?compass=n&keys=1&key=?"},
        {"/password=x", "/password=?"},
        {"http://u:p@h:80/a@b", "http://u:?@h:80/a@b"},
        {"http://u:p@q@h", "http://u:?@h"},
        {"http://u@h:80/", "http://u@h:80/"},
        {"http://h:80/a:b@c", "http://h:80/a:b@c"},
        {"http://u:@h", "http://u:@h"},
        {"\"B\" <sips:b:p@x>;tag=1", "\"B\" <sips:b:?@x>;tag=1"},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(uris); i++) {
        char text[64];
        uint32_t n = (uint32_t)strlen(uris[i].in);
        memcpy(text, uris[i].in, n);
        assert_view_is(th_str_n(text, th_mask_uri(text, n)), uris[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_secret_comes_out),
        cmocka_unit_test(test_none_of_a_half),
        cmocka_unit_test(test_uris),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
