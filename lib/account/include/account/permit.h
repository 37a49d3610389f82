/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The permits that are in force, by id and end alone: how many there are, and which can be ended.
 * What they cover and why is in the catalogue (store/findings.h), what core goes by in core.
 */
#ifndef TH_ACCOUNT_PERMIT_H
#define TH_ACCOUNT_PERMIT_H

#include "account/account.h"

#define TH_ACCOUNT_PERMIT_ID_LEN 17 /* 16 hexadecimal digits and a zero */

/* until_ns: INT64_MAX without an end. False: it is there. */
bool th_account_permit_add(struct th_accounts *a, struct th_str id, int64_t until_ns);
/* False: there is none in force. */
bool th_account_permit_end(struct th_accounts *a, struct th_str id);
bool th_account_permit_is(struct th_accounts *a, struct th_str id);
unsigned th_account_permits(struct th_accounts *a);
/* Takes one out whose end has come: true, with its id; false when there is none. */
bool th_account_permit_expire(
    struct th_accounts *a, int64_t now_ns, char ret_id[TH_ACCOUNT_PERMIT_ID_LEN]);

#endif
