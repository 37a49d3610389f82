/* SPDX-License-Identifier: Apache-2.0 */
/* State with a database of its own, a helper and an intake that are played here, in virtual time.
 */
#ifndef TH_TESTS_MASTER_STATE_BENCH_H
#define TH_TESTS_MASTER_STATE_BENCH_H

#include <jansson.h>

#include "account/session.h"
#include "state.h"

#define ST_START_NS (INT64_C(1700000000) * TH_NS_PER_S)
#define ST_MAX_WAITING 200u

struct waiting {
    uint64_t job;
    char verify_hash[TH_PASSWORD_HASH_LEN];
    char *verify_text, *hash_text, *control;
};

struct state_bench {
    char folder[64], path[80];
    struct th_keychain *keys;
    struct th_accounts *a;
    struct th_state *s;
    struct th_state_ops ops;
    int64_t now_ns;
    uint64_t next_id, position;
    struct waiting hashes[ST_MAX_WAITING], controls[ST_MAX_WAITING], looks[ST_MAX_WAITING];
    size_t hash_count, control_count, look_count;
    bool refuse_controls;
    int folder_fd;
    struct th_io io;
    struct th_str bytes; /* that go with the next requests */
    /* the last answer */
    uint64_t answered;
    unsigned status, answers;
    char cookies[512];
    json_t *body;
    struct th_buf raw; /* the same as it came */
    bool is_raw;       /* it need not be JSON */
};

int sb_open(void **state);
int sb_close(void **state);
/* Sends a request; its id. `from` 0: gateway, 1: operator. */
uint64_t sb_send(struct state_bench *b, unsigned from, const char *text);
/* Plays helper and intake until nothing waits for them. */
void sb_run(struct state_bench *b);
void sb_run_hashes(struct state_bench *b);
/* Sends and runs; the status. Text is printf's, with ' for ". */
unsigned sb_ask(struct state_bench *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
unsigned sb_operator(struct state_bench *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
const char *sb_text(struct state_bench *b, const char *member); /* of the last answer */
const char *sb_code(struct state_bench *b);                     /* error.code of the last answer */
/* A new user of this role and the key of a session of theirs. */
int64_t sb_user(struct state_bench *b, const char *name, const char *role);
void sb_session(struct state_bench *b, const char *name, char ret_cookie[TH_COOKIE_LEN],
    struct th_session *ret);

#endif
