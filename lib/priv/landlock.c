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
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

/* Rights to files of the interface's first version; what a later one adds (refer, truncate) is
 * given with writing. */
#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_MAKE_CHAR (UINT64_C(1) << 6)
#define FS_MAKE_SOCK (UINT64_C(1) << 9)
#define FS_MAKE_FIFO (UINT64_C(1) << 10)
#define FS_MAKE_BLOCK (UINT64_C(1) << 11)
#define FS_MAKE_SYM (UINT64_C(1) << 12)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define NET_BIND_TCP (UINT64_C(1) << 0)
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define FS_NEVER                                                                                   \
    (FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_BLOCK | FS_MAKE_SYM |       \
        FS_IOCTL_DEV)

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
        all.handled_net = NET_BIND_TCP | NET_CONNECT_TCP;
        *ret_size = 2 * sizeof(uint64_t);
    }
    if (abi >= 6) {
        all.scoped = 3; /* abstract unix sockets and signals */
        *ret_size = sizeof(all);
    }
    return all;
}

/* struct landlock_path_beneath_attr is packed. */
struct __attribute__((packed)) path_rule {
    uint64_t allowed;
    int32_t fd;
};

int th_landlock_deny_all(void)
{
    return th_landlock_allow_only(NULL, 0, false);
}

int th_landlock_allow_only(const struct th_role_folder *folders, size_t count, bool connect)
{
    int abi = th_landlock_abi();
    if (abi == 0)
        return -ENOSYS;
    size_t size;
    struct ruleset all = everything(abi, &size);
    if (connect)
        all.handled_net &= ~NET_CONNECT_TCP;
    TH_AUTOCLOSE int fd = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0u);
    if (fd < 0)
        return -errno;
    for (size_t i = 0; i < count; i++) {
        struct path_rule rule = {.fd = folders[i].fd,
            .allowed = folders[i].write ? all.handled_fs & ~FS_NEVER : FS_READ_FILE | FS_READ_DIR};
        if (syscall(SYS_landlock_add_rule, fd, RULE_PATH_BENEATH, &rule, 0u) < 0)
            return -errno;
    }
    if (syscall(SYS_landlock_restrict_self, fd, 0u) < 0)
        return -errno;
    return 0;
}
