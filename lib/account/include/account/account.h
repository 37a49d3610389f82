/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an instance knows of the people and sensors that may talk to it, in one SQLite database:
 * users with password and second factor, their sessions, lock-outs, push tokens, sensors, settings,
 * the audit log, and the wrapped data keys that seal its secrets.
 *
 * Everything happens in a transaction: th_accounts_begin, calls of this library,
 * th_accounts_commit. Calls in between tell what is wrong with what was asked (-ENOENT, -EEXIST,
 * ...); that the disk failed is told once, by the commit, and then nothing happened. No answer
 * leaves before it.
 *
 * Nobody's password, session id, token or recovery code is in the database: only hashes
 * are. The secrets of second factors are sealed by the key chain. No clock is read: now_ns is
 * given.
 */
#ifndef TH_ACCOUNT_ACCOUNT_H
#define TH_ACCOUNT_ACCOUNT_H

#include "base/mem.h"
#include "crypto/keychain.h"

#define TH_ACCOUNT_MAX_ADDRESS 64u /* text of an address, with its zero */

struct th_accounts;
/* Opens or makes the database at path, brings its tables up to this version, takes its data keys
 * into the key chain (makes the first). The key chain must outlive it. TH_E_VERSION: a later
 * program's; TH_E_SIGNATURE: another instance's key. */
int th_accounts_open(const char *path, struct th_keychain *keys, int64_t now_ns,
    struct th_accounts **ret) TH_WARN_UNUSED;
void th_accounts_close(struct th_accounts *a);
TH_DEFINE_CLEANUP(struct th_accounts, th_accounts_close)

void th_accounts_begin(struct th_accounts *a);
int th_accounts_commit(struct th_accounts *a) TH_WARN_UNUSED;
/* Undoes what was done since begin. */
void th_accounts_rollback(struct th_accounts *a);

/* Position in the log below which all controls are in these tables. */
uint64_t th_accounts_position(struct th_accounts *a);
void th_accounts_set_position(struct th_accounts *a, uint64_t position);

/* Makes a new data key and seals the secrets of second factors anew with it. Should the commit fail
 * after it, the process must end: the key chain then has a key that nobody kept. */
int th_accounts_rotate(struct th_accounts *a, int64_t now_ns, const char *by) TH_WARN_UNUSED;
/* Removes what has expired: sessions, lock-outs. To be called every few minutes. */
void th_accounts_sweep(struct th_accounts *a, int64_t now_ns);

#endif
