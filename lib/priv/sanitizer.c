/* SPDX-License-Identifier: Apache-2.0 */
#include "priv_sanitizer.h"

#ifdef TH_SANITIZED

#include <errno.h>
#include <stdbool.h>

#include "base/mem.h"

static bool locked;

/* Called by LeakSanitizer at exit. It would clone a thread that traces this one: a locked role
 * goes without. Unit tests look for leaks in the same code, unlocked. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return locked;
}

void th_sanitizer_before_lock(void)
{
    locked = true;
}

int th_sanitizer_rules(scmp_filter_ctx ctx, enum th_role role)
{
    static const int allowed[] = {SCMP_SYS(rt_sigaction), SCMP_SYS(sigaltstack),
        SCMP_SYS(sched_yield), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep)};
    /* The report of a fault tries these to print names; refused, it prints addresses. A role that
     * has one of them by a right keeps it. */
    static const int refused[] = {SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(readlink),
        SCMP_SYS(readlinkat), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(fork), SCMP_SYS(clone),
        SCMP_SYS(socketpair), SCMP_SYS(prctl), SCMP_SYS(access), SCMP_SYS(stat),
        SCMP_SYS(prlimit64), SCMP_SYS(getrlimit), SCMP_SYS(getdents64)};
    int r = 0;
    for (size_t i = 0; r == 0 && i < TH_ARRAY_LEN(allowed); i++)
        r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; r == 0 && i < TH_ARRAY_LEN(refused); i++)
        if (th_role_call_rule(role, refused[i]) == TH_CALL_FORBIDDEN)
            r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    return r;
}

#else
typedef int th_sanitizer_unused; /* a translation unit holds something */
#endif
