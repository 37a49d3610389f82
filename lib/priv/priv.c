/* SPDX-License-Identifier: Apache-2.0 */
#include "priv/priv.h"

#include <asm/termbits.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_packet.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "priv_sanitizer.h"

#define NOBODY_ID 65534u /* the overflow id, which owns nothing */

#define TH_R(NAME) (1u << TH_RIGHT_##NAME)

/* O_TMPFILE without the O_DIRECTORY that it contains, which reading a folder needs. */
#define O_TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)

/* What a socket's type may have besides. */
#define SOCK_TYPE_BITS (0xffffffffu & ~(unsigned)(SOCK_CLOEXEC | SOCK_NONBLOCK))

static const struct th_role_info roles[TH_ROLE_COUNT] = {
#define TH_ROLE(NAME, role_name, role_program, role_rights, what, hostile)                         \
    [TH_ROLE_##NAME] = {.name = (role_name),                                                       \
        .program = (role_program),                                                                 \
        .rights = (role_rights),                                                                   \
        .does = (what),                                                                            \
        .reads = (hostile)},
#include "priv/roles.def"
};

const struct th_role_info *th_role_info(enum th_role role)
{
    TH_ASSERT((unsigned)role < TH_ROLE_COUNT);
    return &roles[role];
}

int th_drop_ids(unsigned uid, unsigned gid)
{
    if (geteuid() != 0)
        return 0;
    if (uid == 0 || gid == 0)
        return -EINVAL;
    if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        return -errno;
    /* A way back would be a bug in the kernel or here; either is worth ending for. */
    TH_ASSERT(setresuid(0, 0, 0) < 0 && geteuid() == uid && getegid() == gid);
    return 0;
}

/* Adds every call of the role's rights. `self` is compared with by the table. */
static int add_rules(scmp_filter_ctx ctx, unsigned rights, scmp_datum_t self)
{
    int r = 0;
#define TH_CALL(RIGHT, call)                                                                       \
    if (r == 0 && (rights & TH_R(RIGHT)))                                                          \
        r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 0, NULL);
#define TH_CALL_IF(RIGHT, call, help, ...)                                                         \
    if (r == 0 && (rights & TH_R(RIGHT))) {                                                        \
        const struct scmp_arg_cmp cmp[] = {__VA_ARGS__};                                           \
        r = seccomp_rule_add_array(                                                                \
            ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), (unsigned)TH_ARRAY_LEN(cmp), cmp);                \
    }
#include "priv/roles.def"
    return r;
}

static int load_filter(enum th_role role)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!ctx)
        return -ENOMEM;
    int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r == 0)
        r = add_rules(ctx, th_role_info(role)->rights, (scmp_datum_t)getpid());
    if (r == 0)
        r = th_sanitizer_rules(ctx, role);
    if (r == 0)
        r = seccomp_load(ctx); /* also sets no_new_privs */
    seccomp_release(ctx);
    return r;
}

static int by_byte(const void *a, const void *b)
{
    return *(const uint8_t *)a - *(const uint8_t *)b;
}

/* The C library's qsort asks once how much memory there is (sysinfo), when first given more than
 * it sorts on the stack; roles sort, and the call is none of theirs. */
static void let_qsort_ask(void)
{
    uint8_t some[4096];
    memset(some, 1, sizeof(some));
    qsort(some, sizeof(some), 1, by_byte);
}

int th_role_lock(enum th_role role, bool landlock)
{
    struct th_lock_options options = {.no_landlock = !landlock};
    return th_role_lock_with(role, &options);
}

int th_role_lock_with(enum th_role role, const struct th_lock_options *options)
{
    let_qsort_ask();
    int r = th_drop_ids(
        options->uid ? options->uid : NOBODY_ID, options->gid ? options->gid : NOBODY_ID);
    /* In a user namespace of one user there is nobody to become: that root is no root. */
    if (r < 0 && r != -EINVAL && r != -EPERM)
        return r;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return -errno;
    if (!options->no_landlock) {
        r = th_landlock_allow_only(options->folders, options->folder_count,
            (th_role_info(role)->rights & TH_R(CONNECT)) != 0);
        if (r < 0 && r != -ENOSYS)
            return r;
    }
    th_sanitizer_before_lock();
    return load_filter(role) < 0 ? TH_E_SANDBOX : 0;
}

enum th_call_rule th_role_call_rule(enum th_role role, int number)
{
    unsigned rights = th_role_info(role)->rights;
    enum th_call_rule rule = TH_CALL_FORBIDDEN;
#define TH_CALL(RIGHT, call)                                                                       \
    if ((rights & TH_R(RIGHT)) && number == SCMP_SYS(call))                                        \
        rule = TH_CALL_ALLOWED;
#define TH_CALL_IF(RIGHT, call, ...)                                                               \
    if ((rights & TH_R(RIGHT)) && number == SCMP_SYS(call))                                        \
        rule = TH_CALL_CONDITIONAL;
#include "priv/roles.def"
    return rule;
}
