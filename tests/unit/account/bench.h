/* SPDX-License-Identifier: Apache-2.0 */
/* A database in a folder of its own, a key chain, users with cheap hashes, and virtual time. */
#ifndef TH_TESTS_ACCOUNT_BENCH_H
#define TH_TESTS_ACCOUNT_BENCH_H

#include "account/audit.h"
#include "account/login.h"

#define BENCH_START_NS (INT64_C(1700000000) * TH_NS_PER_S)
#define BENCH_ADDRESS th_str_c("192.0.2.7")
#define BENCH_AGENT th_str_c("Browser/1.0")

struct bench {
    char folder[64];
    char path[80];
    struct th_keychain *keys;
    struct th_accounts *a;
    int64_t now_ns;
    /* what the last login_password gave */
    char cookie[TH_COOKIE_LEN];
    char hash[TH_PASSWORD_HASH_LEN];
};

int bench_open(void **state);
int bench_close(void **state);
void bench_reopen(struct bench *b); /* as a restart does */
/* A hash of the password at the lowest cost; in b->hash. */
const char *bench_hash(struct bench *b, const char *password);
int64_t bench_user(struct bench *b, const char *name, const char *role, const char *password);
/* One step each, in a transaction of its own. */
int bench_login(struct bench *b, const char *name, const char *password, const char *address,
    unsigned *ret_retry_s, const char **ret_stage);
int bench_half(struct bench *b, struct th_session *ret);
int bench_whole(struct bench *b, const char *cookie, struct th_session *ret);
/* The secret of an enrolment, out of its Base32 text. */
void bench_unbase32(struct th_str text, uint8_t *ret, size_t len_bytes);
/* A user with password and second factor; the secret, codes and the cookie of the session. */
struct bench_person {
    int64_t id;
    uint8_t secret[20];
    struct th_login_end end;
};
void bench_enrolled(struct bench *b, const char *name, const char *role, struct bench_person *ret);
/* Runs SQL that nobody would run. */
void bench_tamper(struct bench *b, const char *sql);

#endif
