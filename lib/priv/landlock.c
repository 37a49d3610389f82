/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock (Linux, Documentation/userspace-api/landlock.rst) by raw system calls:
 * Debian 12's headers know its first versions only. Each version adds rights that a
 * ruleset may handle; what is handled and not allowed is refused, and we allow nothing.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "priv/priv.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

#define CREATE_RULESET_VERSION 1u

/* struct landlock_ruleset_attr as of version 6; older kernels take its first fields. */
struct ruleset {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped;
};

int th_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

/* Everything that this version of Landlock can forbid; ret_size for the system call. */
static struct ruleset everything(int abi, size_t *ret_size)
{
    unsigned fs_bits = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
    struct ruleset all = {.handled_fs = (UINT64_C(1) << fs_bits) - 1};
    *ret_size = sizeof(all.handled_fs);
    if (abi >= 4) {
        all.handled_net = 3; /* bind and connect TCP */
        *ret_size = 2 * sizeof(uint64_t);
    }
    if (abi >= 6) {
        all.scoped = 3; /* abstract unix sockets and signals */
        *ret_size = sizeof(all);
    }
    return all;
}

int th_landlock_deny_all(void)
{
    int abi = th_landlock_abi();
    if (abi == 0)
        return -ENOSYS;
    size_t size;
    struct ruleset all = everything(abi, &size);
    TH_AUTOCLOSE int fd = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0u);
    if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0u) < 0)
        return -errno;
    return 0;
}
