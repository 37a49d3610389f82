/* SPDX-License-Identifier: Apache-2.0 */
/* Names of Kerberos' numbers: ciphers, errors, pre-authentication, options of a request. Unknown
 * ones are written as "unknown-NUMBER" into the arena. */
#ifndef TH_PROTO_KRB_H
#define TH_PROTO_KRB_H

#include "base/arena.h"
#include "event/event.h"

struct th_str th_krb_cipher(struct th_arena *a, int64_t etype);
struct th_str th_krb_error(struct th_arena *a, int64_t code);
struct th_str th_krb_preauth(struct th_arena *a, int64_t type);
/* Those that are set, without forwardable and renewable, which have fields of their own. */
struct th_strs th_krb_options(struct th_arena *a, uint32_t options);

#endif
