/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_ACCOUNT_ACCOUNTS_H
#define TH_ACCOUNT_ACCOUNTS_H

#include "account/account.h"
#include "crypto/hash.h"
#include "sql/sql.h"

struct th_accounts {
    struct th_sql sql;
    struct th_keychain *keys;
    /* how far the audit log's chain was checked, and with what result */
    int64_t checked_n;
    uint8_t checked_hash[TH_SHA256_LEN];
    bool broken;
};

#endif
