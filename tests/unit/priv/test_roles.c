/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every role, locked for real in a child: what the table does not allow must end it,
 * with Landlock and without; what it needs must work.
 */
#include "unit.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "priv/priv.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define HIGHEST_CALL 511
#define CHILD_REFUSED 40 /* the call came back with EPERM or EACCES */
#define CHILD_ALLOWED 41 /* the call came back with anything else */
#define CHILD_NOT_LOCKED 42

static const bool landlock_modes[] = {true, false};

/* Runs fn in a locked child; the wait status. */
static int in_role(enum th_role role, bool landlock, void (*fn)(const void *arg), const void *arg)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL); /* the test program's handler would tell of a failed test */
        if (th_role_lock(role, landlock) != 0)
            _exit(CHILD_NOT_LOCKED);
        fn(arg);
        _exit(CHILD_ALLOWED);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static bool stopped(int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return true;
    /* Refused instead of killed only where sanitizers ask for it. */
    return SANITIZED && WIFEXITED(status) && WEXITSTATUS(status) == CHILD_REFUSED;
}

struct probe {
    const char *name;
    long number;
    long args[6];
};

static void call(const void *arg)
{
    const struct probe *p = arg;
    long r =
        syscall(p->number, p->args[0], p->args[1], p->args[2], p->args[3], p->args[4], p->args[5]);
    if (r < 0 && (errno == EPERM || errno == EACCES))
        _exit(CHILD_REFUSED);
}

static void assert_stopped(enum th_role role, bool landlock, const struct probe *p)
{
    int status = in_role(role, landlock, call, p);
    if (!stopped(status))
        fail_msg("role %s, Landlock %s: %s (%ld) was not stopped: status %#x",
            th_role_info(role)->name, landlock ? "on" : "off", p->name, p->number, status);
}

/* ---- every number that the table does not name ---- */

static bool sanitizer_needs(int number)
{
    return SANITIZED &&
        (number == SYS_rt_sigaction || number == SYS_sigaltstack || number == SYS_sched_yield ||
            number == SYS_nanosleep || number == SYS_clock_nanosleep);
}

/* uretprobe and uprobe (Linux 6.11, 6.18): the kernel lets them past any filter; outside of a probe
 * that root has set they do nothing. */
static bool kernel_passes(int number)
{
    return number == 335 || number == 336;
}

/* A process each: with Landlock or without by turns, which is nothing to the filter of calls (those
 * with arguments that would work, below, have both). Sanitizers see the same code each time: every
 * eighth will do, of each role others. */
static void test_every_unnamed_call_ends_the_role(void **state)
{
    (void)state;
    const unsigned each = SANITIZED ? 8 : 1;
    unsigned tried = 0;
    for (unsigned role = 0; role < TH_ROLE_COUNT; role++)
        for (unsigned n = role % each; n <= HIGHEST_CALL; n += each) {
            if (th_role_call_rule((enum th_role)role, (int)n) != TH_CALL_FORBIDDEN ||
                sanitizer_needs((int)n) || kernel_passes((int)n))
                continue;
            const struct probe p = {.name = "call by number", .number = n};
            assert_stopped((enum th_role)role, landlock_modes[(n / each + role) % 2], &p);
            tried++;
        }
    assert_true(tried > TH_ROLE_COUNT * (440u / each - 5));
}

/* ---- the forbidden list of the table, with arguments that would work ---- */

static const struct sockaddr_in loopback = {.sin_family = AF_INET};
static const char *const true_argv[] = {"true", NULL};
static const struct timespec now = {.tv_sec = 1};
static char scratch[4096];

#define AT (long)AT_FDCWD
#define STR(s) (long)(s)

/* Arguments by name for those calls that take some. */
static const struct probe with_args[] = {
    {"open", 0, {STR("/etc/passwd"), O_RDONLY}},
    {"openat", 0, {AT, STR("/etc/passwd"), O_RDONLY}},
    {"creat", 0, {STR("/tmp/thymus-must-not-be"), 0600}},
    {"unlink", 0, {STR("/tmp/thymus-must-not-be")}},
    {"unlinkat", 0, {AT, STR("/tmp/thymus-must-not-be")}},
    {"rename", 0, {STR("/tmp/thymus-a"), STR("/tmp/thymus-b")}},
    {"renameat2", 0, {AT, STR("/tmp/thymus-a"), AT, STR("/tmp/thymus-b")}},
    {"link", 0, {STR("/etc/passwd"), STR("/tmp/thymus-must-not-be")}},
    {"symlink", 0, {STR("/etc/passwd"), STR("/tmp/thymus-must-not-be")}},
    {"mkdir", 0, {STR("/tmp/thymus-must-not-be"), 0700}},
    {"rmdir", 0, {STR("/tmp/thymus-must-not-be")}},
    {"mknod", 0, {STR("/tmp/thymus-must-not-be"), S_IFIFO | 0600}},
    {"truncate", 0, {STR("/tmp/thymus-must-not-be"), 0}},
    {"chmod", 0, {STR("/tmp"), 01777}},
    {"chown", 0, {STR("/tmp"), 0, 0}},
    {"stat", 0, {STR("/etc/passwd"), STR(scratch)}},
    {"readlink", 0, {STR("/proc/self/exe"), STR(scratch), sizeof(scratch)}},
    {"chdir", 0, {STR("/")}},
    {"chroot", 0, {STR("/")}},
    {"mount", 0, {STR("none"), STR("/mnt"), STR("tmpfs"), 0, 0}},
    {"socket", 0, {AF_INET, SOCK_STREAM}},
    {"socketpair", 0, {AF_UNIX, SOCK_STREAM, 0, STR(scratch)}},
    {"connect", 0, {0, STR(&loopback), sizeof(loopback)}},
    {"bind", 0, {0, STR(&loopback), sizeof(loopback)}},
    {"execve", 0, {STR("/bin/true"), STR(true_argv), 0}},
    {"execveat", 0, {AT, STR("/bin/true"), STR(true_argv), 0, 0}},
    {"clone", 0, {SIGCHLD}},
    {"unshare", 0, {CLONE_NEWUSER}},
    {"kill", 0, {1, 0}},
    {"tkill", 0, {1, 0}},
    {"ptrace", 0, {PTRACE_TRACEME}},
    {"bpf", 0, {BPF_MAP_CREATE, STR(scratch), 64}},
    {"memfd_create", 0, {STR("x"), 0}},
    {"pkey_mprotect", 0, {STR(scratch), 4096, PROT_READ | PROT_EXEC, -1}},
    {"keyctl", 0, {KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1}},
    {"settimeofday", 0, {STR(&now), 0}},
    {"dup2", 0, {0, 100}},
    {"pipe2", 0, {STR(scratch), 0}},
};

static const struct {
    const char *name;
    long number;
} forbidden[] = {
#define TH_DENY(call) {#call, SYS_##call},
#include "priv/roles.def"
};

static void test_forbidden_calls_with_real_arguments(void **state)
{
    (void)state;
    unsigned found = 0;
    for (unsigned i = 0; i < TH_ARRAY_LEN(forbidden); i++) {
        struct probe p = {.name = forbidden[i].name, .number = forbidden[i].number};
        for (unsigned k = 0; k < TH_ARRAY_LEN(with_args); k++)
            if (strcmp(with_args[k].name, p.name) == 0) {
                memcpy(p.args, with_args[k].args, sizeof(p.args));
                found++;
            }
        for (unsigned role = 0; role < TH_ROLE_COUNT; role++) {
            if (th_role_call_rule((enum th_role)role, (int)p.number) != TH_CALL_FORBIDDEN)
                continue; /* a right of this role names it */
            for (unsigned mode = 0; mode < TH_ARRAY_LEN(landlock_modes); mode++)
                assert_stopped((enum th_role)role, landlock_modes[mode], &p);
        }
    }
    assert_int_equal(found, TH_ARRAY_LEN(with_args)); /* none is misspelt */
    assert_int_equal(access("/tmp/thymus-must-not-be", F_OK), -1);
}

/* ---- calls that are allowed with other arguments ---- */

static void test_conditional_calls_refuse_other_arguments(void **state)
{
    (void)state;
    const struct probe probes[] = {
        {"mmap, executable", SYS_mmap,
            {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {"mmap, all", SYS_mmap,
            {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {"mprotect, executable", SYS_mprotect, {STR(scratch) & ~4095L, 4096, PROT_EXEC}},
        {"newfstatat of a path", SYS_newfstatat, {AT, STR("/etc/passwd"), STR(scratch), 0}},
        {"fcntl F_DUPFD", SYS_fcntl, {0, F_DUPFD, 100}},
        {"fcntl F_SETOWN", SYS_fcntl, {0, F_SETOWN, 1}},
        {"ioctl TIOCSTI", SYS_ioctl, {0, TIOCSTI, STR("x")}},
        {"abort of the parent", SYS_tgkill, {getpid(), getpid(), SIGABRT}},
        {"own death by SIGKILL", SYS_tgkill, {0, 0, SIGKILL}},
    };
    for (unsigned i = 0; i < TH_ARRAY_LEN(probes); i++)
        for (unsigned role = 0; role < TH_ROLE_COUNT; role++) {
            if (th_role_call_rule((enum th_role)role, (int)probes[i].number) == TH_CALL_ALLOWED)
                continue; /* with any arguments: see the test of folders */
            for (unsigned mode = 0; mode < TH_ARRAY_LEN(landlock_modes); mode++)
                assert_stopped((enum th_role)role, landlock_modes[mode], &probes[i]);
        }
}

/* ---- files: only in the folders that the role was given ---- */

static void work_in_folder(const void *arg)
{
    const int *folder = arg;
    int fd = openat(*folder, "own", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || renameat(*folder, "own", *folder, "renamed") != 0)
        _exit(1);
    if (unlinkat(*folder, "renamed", 0) != 0)
        _exit(2);
    if (openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
        _exit(3);
    if (openat(*folder, "../thymus-must-not-be", O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0)
        _exit(4);
    _exit(0);
}

static int in_folder(enum th_role role, int fd)
{
    const struct th_role_folder folder = {.fd = fd, .write = true};
    const struct th_lock_options options = {
        .uid = getuid(), .gid = getgid(), .folders = &folder, .folder_count = 1};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (th_role_lock_with(role, &options) != 0)
            _exit(CHILD_NOT_LOCKED);
        work_in_folder(&fd);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_files_end_at_the_folders(void **state)
{
    (void)state;
    char dir[] = "/tmp/thymus-folder-XXXXXX";
    unsigned tried = 0;
    if (th_landlock_abi() <= 0) {
        print_message("# no Landlock in this kernel: nothing to test\n");
        return;
    }
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0777), 0); /* root becomes nobody in the role */
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned role = 0; role < TH_ROLE_COUNT; role++) {
        if (!(th_role_info((enum th_role)role)->rights & 1u << TH_RIGHT_WRITE_FILES))
            continue;
        assert_int_equal(in_folder((enum th_role)role, fd), 0);
        tried++;
    }
    close(fd);
    assert_int_equal(rmdir(dir), 0);
    assert_true(tried > 0);
    assert_int_equal(access("/tmp/thymus-must-not-be", F_OK), -1);
}

/* ---- what single rights leave open, and no more ---- */

static void test_a_ring_is_read_and_nothing_set(void **state)
{
    (void)state;
    const struct probe probes[] = {
        {"getsockopt of a socket's filter", SYS_getsockopt, {0, SOL_SOCKET, SO_ATTACH_FILTER}},
        {"getsockopt of the ring's version", SYS_getsockopt, {0, SOL_PACKET, 10}},
        {"setsockopt", SYS_setsockopt, {0, SOL_PACKET, 6, 0, 0}},
        {"ioctl that takes an interface down", SYS_ioctl, {0, SIOCSIFFLAGS}},
    };
    for (unsigned i = 0; i < TH_ARRAY_LEN(probes); i++)
        for (unsigned mode = 0; mode < TH_ARRAY_LEN(landlock_modes); mode++)
            assert_stopped(TH_ROLE_CAPTURE_LIVE, landlock_modes[mode], &probes[i]);
}

static void connects(const void *arg)
{
    const struct sockaddr_in *to = arg;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    _exit(fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 ? 0 : 1);
}

static void test_link_goes_out_over_tcp_only(void **state)
{
    (void)state;
    const struct probe probes[] = {
        {"socket, UDP", SYS_socket, {AF_INET, SOCK_DGRAM, 0}},
        {"socket, raw", SYS_socket, {AF_INET6, SOCK_RAW, 58}},
        {"socket, unix", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
        {"socket, netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}},
        {"socket, packets", SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
    };
    for (unsigned i = 0; i < TH_ARRAY_LEN(probes); i++)
        for (unsigned mode = 0; mode < TH_ARRAY_LEN(landlock_modes); mode++)
            assert_stopped(TH_ROLE_LINK, landlock_modes[mode], &probes[i]);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(listen(fd, 4), 0);
    for (unsigned mode = 0; mode < TH_ARRAY_LEN(landlock_modes); mode++)
        assert_int_equal(in_role(TH_ROLE_LINK, landlock_modes[mode], connects, &at), 0);
    close(fd);
}

#ifdef __x86_64__
static void call_32bit(const void *arg)
{
    (void)arg;
    long r = 20; /* getpid in the i386 table, writev in ours */
    __asm__ volatile("int $0x80" : "+a"(r) : : "memory");
}

static void test_other_call_tables_end_the_role(void **state)
{
    (void)state;
    const struct probe x32 = {.name = "x32 read", .number = 0x40000000};
    for (unsigned role = 0; role < TH_ROLE_COUNT; role++) {
        assert_stopped((enum th_role)role, false, &x32);
        int status = in_role((enum th_role)role, false, call_32bit, NULL);
        /* A kernel without the i386 table raises SIGSEGV of its own. */
        assert_true(WIFSIGNALED(status));
        assert_true(WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV);
    }
}
#endif

/* ---- what a role needs ---- */

static void need(bool ok, int line)
{
    if (!ok)
        _exit(line % 100 + 100);
}

static void ordinary_work(const void *arg)
{
    const int *fd = arg; /* a file with "hello" */
    char b[8] = {0};
    struct stat st;
    struct timespec ts;
    need(pread(*fd, b, 5, 0) == 5 && memcmp(b, "hello", 5) == 0, __LINE__);
    need(lseek(*fd, 0, SEEK_SET) == 0 && read(*fd, b, 5) == 5, __LINE__);
    need(fstat(*fd, &st) == 0 && st.st_size == 5, __LINE__);
    struct pollfd p = {.fd = *fd, .events = POLLIN};
    need(poll(&p, 1, 0) == 1, __LINE__);
    char *big = malloc(64u << 20); /* past the threshold of mmap */
    need(big != NULL, __LINE__);
    memset(big, 1, 64u << 20);
    big = realloc(big, 128u << 20);
    need(big != NULL && big[(64u << 20) - 1] == 1, __LINE__);
    free(big);
    for (int i = 0; i < 1000; i++)
        free(malloc((size_t)i * 100));
    need(clock_gettime(CLOCK_MONOTONIC, &ts) == 0, __LINE__);
    need(printf("# a role prints\n") > 0 && fflush(stdout) == 0, __LINE__);
    need(close(*fd) == 0, __LINE__);
    _exit(0);
}

static void durable_work(const void *arg)
{
    const int *fd = arg;
    need(write(*fd, "state", 5) == 5 && fsync(*fd) == 0 && ftruncate(*fd, 3) == 0, __LINE__);
    _exit(0);
}

static void own_abort(const void *arg)
{
    (void)arg;
    abort();
}

static int hello_file(void)
{
    int fd = memfd_create("hello", 0);
    assert_int_equal(write(fd, "hello", 5), 5);
    return fd;
}

static void test_allowed_calls_work(void **state)
{
    (void)state;
    for (unsigned role = 0; role < TH_ROLE_COUNT; role++) {
        for (unsigned mode = 0; mode < TH_ARRAY_LEN(landlock_modes); mode++) {
            int fd = hello_file();
            int status = in_role((enum th_role)role, landlock_modes[mode], ordinary_work, &fd);
            assert_int_equal(status, 0);
            status = in_role((enum th_role)role, landlock_modes[mode], durable_work, &fd);
            bool durable = th_role_info((enum th_role)role)->rights & 1u << TH_RIGHT_DURABLE;
            assert_int_equal(status == 0, durable);
            close(fd);
        }
        int status = in_role((enum th_role)role, true, own_abort, NULL);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT); /* a bug ends as a bug, not as SIGSYS */
    }
}

/* ---- the state a role is in ---- */

static void wait_for_reader(const void *arg)
{
    const int *fd = arg;
    char c;
    need(write(fd[1], "r", 1) == 1, __LINE__);
    need(read(fd[2], &c, 1) == 1, __LINE__);
    _exit(0);
}

static void test_status_shows_the_lock(void **state)
{
    (void)state;
    int ready[2], go[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    const int fds[] = {-1, ready[1], go[0]};
    pid_t pid = fork();
    if (pid == 0) {
        if (th_role_lock(TH_ROLE_CAPTURE, true) != 0)
            _exit(CHILD_NOT_LOCKED);
        wait_for_reader(fds);
    }
    char c, path[64], text[4096] = "";
    assert_int_equal(read(ready[0], &c, 1), 1);
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    assert_true(n > 0);
    assert_non_null(strstr(text, "NoNewPrivs:\t1"));
    assert_non_null(strstr(text, "Seccomp:\t2"));
    assert_non_null(strstr(text, "CapEff:\t0000000000000000"));
    assert_null(strstr(text, "Uid:\t0\t"));
    assert_int_equal(write(go[1], "g", 1), 1);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
}

/* ---- Landlock by itself ---- */

static void test_landlock_alone_refuses_files(void **state)
{
    (void)state;
    if (th_landlock_abi() == 0) {
        print_message("# this kernel has no Landlock: nothing to test\n");
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        need(syscall(SYS_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0) == 0, __LINE__);
        need(th_landlock_deny_all() == 0, __LINE__);
        need(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES, __LINE__);
        need(open("/tmp", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES, __LINE__);
        need(mkdir("/tmp/thymus-must-not-be", 0700) < 0 && errno == EACCES, __LINE__);
        need(execv("/bin/true", (char *const *)true_argv) < 0 && errno == EACCES, __LINE__);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static void test_page_is_current(void **state)
{
    (void)state;
    const char *page = getenv("ROLES_PAGE");
    assert_non_null(page);
    TH_AUTOBUF struct th_buf want = TH_BUF_INIT;
    th_roles_doc(&want);
    TH_AUTOFCLOSE FILE *f = fopen(page, "r");
    if (!f)
        fail_msg("%s is missing: run make docs", page);
    TH_AUTOFREE char *have = th_xcalloc(1, want.len + 2);
    size_t n = fread(have, 1, want.len + 1, f);
    if (n != want.len || memcmp(have, want.p, n) != 0)
        fail_msg("%s differs from roles.def: run make docs", page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_unnamed_call_ends_the_role),
        cmocka_unit_test(test_forbidden_calls_with_real_arguments),
        cmocka_unit_test(test_a_ring_is_read_and_nothing_set),
        cmocka_unit_test(test_link_goes_out_over_tcp_only),
        cmocka_unit_test(test_conditional_calls_refuse_other_arguments),
        cmocka_unit_test(test_files_end_at_the_folders),
#ifdef __x86_64__
        cmocka_unit_test(test_other_call_tables_end_the_role),
#endif
        cmocka_unit_test(test_allowed_calls_work),
        cmocka_unit_test(test_status_shows_the_lock),
        cmocka_unit_test(test_landlock_alone_refuses_files),
        cmocka_unit_test(test_page_is_current),
    };
    return cmocka_run_group_tests_name("priv/roles", tests, NULL, NULL);
}
