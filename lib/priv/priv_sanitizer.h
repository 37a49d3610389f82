/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a build with sanitizers needs on top of a role's table, so that its reports
 * come out and leaks are not searched by a traced thread, which no role may have.
 * Nothing in a build without them.
 */
#ifndef TH_PRIV_SANITIZER_H
#define TH_PRIV_SANITIZER_H

#include <seccomp.h>

#include "priv/priv.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TH_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define TH_SANITIZED 1
#endif
#endif

#ifdef TH_SANITIZED
int th_sanitizer_rules(scmp_filter_ctx ctx, enum th_role role);
void th_sanitizer_before_lock(void);
#else
static inline int th_sanitizer_rules(scmp_filter_ctx ctx, enum th_role role)
{
    (void)ctx, (void)role;
    return 0;
}
static inline void th_sanitizer_before_lock(void)
{
}
#endif

#endif
