/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <sqlite3.h>

#include "bench.h"
#include "crypto/totp.h"

static const uint8_t instance_key[TH_KEYCHAIN_KEY_BYTES] = {7, 7, 7};

static void open_all(struct bench *b)
{
    b->keys = th_keychain_new(instance_key);
    assert_int_equal(th_accounts_open(b->path, b->keys, b->now_ns, &b->a), 0);
}

int bench_open(void **state)
{
    struct bench *b = th_xcalloc(1, sizeof(*b));
    snprintf(b->folder, sizeof(b->folder), "/tmp/th-account-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->path, sizeof(b->path), "%s/state.db", b->folder);
    b->now_ns = BENCH_START_NS;
    open_all(b);
    *state = b;
    return 0;
}

static void close_all(struct bench *b)
{
    th_accounts_close(b->a);
    th_keychain_free(b->keys);
    b->a = NULL;
    b->keys = NULL;
}

int bench_close(void **state)
{
    struct bench *b = *state;
    static const char *const ends[] = {"", "-wal", "-shm"};
    close_all(b);
    for (size_t i = 0; i < TH_ARRAY_LEN(ends); i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s%s", b->path, ends[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(b->folder), 0);
    free(b);
    return 0;
}

void bench_reopen(struct bench *b)
{
    close_all(b);
    open_all(b);
}

const char *bench_hash(struct bench *b, const char *password)
{
    const struct th_password_cost cheap = {.passes = 1, .memory_bytes = 8u << 10};
    assert_int_equal(th_password_hash(th_str_c(password), cheap, b->hash), 0);
    return b->hash;
}

int64_t bench_user(struct bench *b, const char *name, const char *role, const char *password)
{
    int64_t id;
    th_accounts_begin(b->a);
    assert_int_equal(th_user_add(b->a, b->now_ns, "system", th_str_c(name), th_str_c(role),
                         bench_hash(b, password), &id),
        0);
    assert_int_equal(th_accounts_commit(b->a), 0);
    return id;
}

int bench_login(struct bench *b, const char *name, const char *password, const char *address,
    unsigned *ret_retry_s, const char **ret_stage)
{
    struct th_login login = {0};
    th_accounts_begin(b->a);
    int r = th_login_begin(b->a, b->now_ns, th_str_c(name), th_str_c(address), &login);
    assert_int_equal(th_accounts_commit(b->a), 0);
    *ret_retry_s = login.retry_s;
    if (r < 0)
        return r;
    bool matches = login.user && th_password_matches(login.hash, th_str_c(password));
    th_accounts_begin(b->a);
    r = th_login_password(
        b->a, b->now_ns, &login, matches, th_str_c(address), BENCH_AGENT, b->cookie, ret_stage);
    assert_int_equal(th_accounts_commit(b->a), 0);
    return r;
}

int bench_half(struct bench *b, struct th_session *ret)
{
    return th_session_find(b->a, b->now_ns, th_str_c(b->cookie), true, BENCH_ADDRESS, ret);
}

int bench_whole(struct bench *b, const char *cookie, struct th_session *ret)
{
    return th_session_find(b->a, b->now_ns, th_str_c(cookie), false, BENCH_ADDRESS, ret);
}

void bench_unbase32(struct th_str text, uint8_t *ret, size_t len_bytes)
{
    uint64_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (uint32_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        unsigned v = c >= 'A' ? (unsigned)(c - 'A') : (unsigned)(c - '2') + 26u;
        assert_true(v < 32);
        bits = bits << 5 | v;
        have += 5;
        if (have >= 8) {
            have -= 8;
            assert_true(n < len_bytes);
            ret[n++] = (uint8_t)(bits >> have);
        }
    }
    assert_int_equal(n, len_bytes);
}

void bench_enrolled(struct bench *b, const char *name, const char *role, struct bench_person *ret)
{
    unsigned retry_s;
    const char *stage = "";
    struct th_session half;
    struct th_enrolment e = {0};
    char code[TH_TOTP_DIGITS + 1];
    *ret = (struct bench_person){0};
    ret->id = bench_user(b, name, role, "one-time");
    assert_int_equal(bench_login(b, name, "one-time", "192.0.2.7", &retry_s, &stage), 0);
    assert_string_equal(stage, "password");
    th_accounts_begin(b->a);
    assert_int_equal(bench_half(b, &half), 0);
    assert_int_equal(
        th_login_own_password(b->a, b->now_ns, &half, bench_hash(b, "a password of my own")), 0);
    assert_int_equal(bench_half(b, &half), 0);
    assert_string_equal(half.stage, "enrol");
    assert_int_equal(th_login_offer(b->a, &half, "Thymus", &e), 0);
    bench_unbase32(th_buf_view(&e.secret), ret->secret, sizeof(ret->secret));
    th_totp_code(ret->secret, b->now_ns, code);
    assert_int_equal(th_login_enrol(b->a, b->now_ns, &half, th_str_c(code), BENCH_ADDRESS,
                         BENCH_AGENT, &ret->end),
        0);
    assert_int_equal(th_accounts_commit(b->a), 0);
    th_enrolment_done(&e);
}

void bench_tamper(struct bench *b, const char *sql)
{
    sqlite3 *db;
    close_all(b);
    assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    open_all(b);
}
