/* SPDX-License-Identifier: Apache-2.0 */
#include "priv/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mem.h"

#define MANIFEST_FD 3
#define FIRST_FD 4 /* the descriptors follow in the manifest's order */
#define MANIFEST_MAGIC "thymus-manifest-1"
#define MANIFEST_MAX_BYTES 32768u
#define EXEC_FAILED 127
/* malloc(3) asks for huge pages for all it takes from the kernel (glibc 2.35 and later; others
 * don't know the name and do nothing). */
#define HUGE_HEAP "glibc.malloc.hugetlb=1"
#define TUNABLES "GLIBC_TUNABLES"

int th_sibling_program(const char *name, char *ret, size_t bytes)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n < 0)
        return -errno;
    self[n] = 0;
    char *slash = strrchr(self, '/');
    if (!slash)
        return -ENOENT;
    slash[1] = 0;
    int len = snprintf(ret, bytes, "%s%s", self, name);
    return len < 0 || (size_t)len >= bytes ? -ENAMETOOLONG : 0;
}

/* A memory file with the magic and the tags, each ended by a zero. */
static int make_manifest(const struct th_role_fd *fds, size_t count)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_buf_put(&b, MANIFEST_MAGIC, sizeof(MANIFEST_MAGIC));
    for (size_t i = 0; i < count; i++)
        th_buf_put(&b, fds[i].tag, strlen(fds[i].tag) + 1);
    if (b.len > MANIFEST_MAX_BYTES)
        return -E2BIG;
    TH_AUTOCLOSE int fd = memfd_create("manifest", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (pwrite(fd, b.p, b.len, 0) != (ssize_t)b.len)
        return -EIO;
    return TH_TAKE_FD(fd);
}

/* In the child: puts the manifest at 3 and the descriptors behind it, closes all others. First all
 * move above the target range, so that none is overwritten before its turn. */
static int arrange(int manifest, const struct th_role_fd *fds, size_t count)
{
    int above = FIRST_FD + (int)count;
    int moved[TH_ROLE_MAX_FDS];
    int high = fcntl(manifest, F_DUPFD, above);
    for (size_t i = 0; i < count; i++) {
        moved[i] = fcntl(fds[i].fd, F_DUPFD, above);
        if (moved[i] < 0)
            return -errno;
    }
    if (high < 0 || dup2(high, MANIFEST_FD) < 0)
        return -errno;
    for (size_t i = 0; i < count; i++)
        if (dup2(moved[i], FIRST_FD + (int)i) < 0)
            return -errno;
    if (syscall(SYS_close_range, (unsigned)above, ~0u, 0u) < 0)
        for (int fd = above; fd < (int)sysconf(_SC_OPEN_MAX); fd++)
            close(fd);
    return 0;
}

/* Our environment. Capture fills its heap with connections, and an eighth of its CPU would go into
 * the faults of small pages; who has tunables of his own keeps them. The list is the caller's to
 * free, the texts are not. */
static char **environment_of(const char *role)
{
    size_t n = 0;
    while (environ && environ[n])
        n++;
    char **env = th_xcalloc(n + 2, sizeof(*env));
    for (size_t i = 0; i < n; i++)
        env[i] = environ[i];
    if (strcmp(role, "capture") == 0 && !getenv(TUNABLES))
        env[n] = (char *)TUNABLES "=" HUGE_HEAP;
    return env;
}

/* In the child; only calls that are safe after fork. */
static void __attribute__((noreturn)) become(const char *program, char *const argv[],
    char *const env[], int manifest, const struct th_role_fd *fds, size_t count)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (arrange(manifest, fds, count) == 0)
        execve(program, argv, env);
    _exit(EXEC_FAILED);
}

int th_spawn(const char *program, const char *role, const struct th_role_fd *fds, size_t count,
    const char *const args[], pid_t *ret_pid)
{
    char *argv[TH_SPAWN_MAX_ARGS + 4];
    size_t n = 0;
    argv[n++] = (char *)program; /* execve's type is older than const; it changes nothing */
    argv[n++] = (char *)"--role";
    argv[n++] = (char *)role;
    for (size_t i = 0; args && args[i]; i++) {
        if (i == TH_SPAWN_MAX_ARGS)
            return -E2BIG;
        argv[n++] = (char *)args[i];
    }
    argv[n] = NULL;
    if (count > TH_ROLE_MAX_FDS)
        return -E2BIG;
    if (access(program, X_OK) < 0)
        return -errno; /* said here, where it can be said well */
    TH_AUTOCLOSE int manifest = make_manifest(fds, count);
    if (manifest < 0)
        return manifest;
    TH_AUTOFREE char **env = environment_of(role);
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        become(program, argv, env, manifest, fds, count);
    *ret_pid = pid;
    return 0;
}

int th_inherit(struct th_inherited *ret)
{
    static char text[MANIFEST_MAX_BYTES + 1]; /* tags stay valid as long as the process */
    ssize_t n = pread(MANIFEST_FD, text, MANIFEST_MAX_BYTES, 0);
    if (n < 0)
        return -errno;
    if ((size_t)n < sizeof(MANIFEST_MAGIC) || text[n - 1] != 0 ||
        memcmp(text, MANIFEST_MAGIC, sizeof(MANIFEST_MAGIC)) != 0)
        return TH_E_MALFORMED;
    struct th_inherited in = {0};
    for (const char *p = text + sizeof(MANIFEST_MAGIC); p < text + n; p += strlen(p) + 1) {
        int fd = FIRST_FD + (int)in.count;
        if (in.count == TH_ROLE_MAX_FDS || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
            return TH_E_MALFORMED;
        in.fds[in.count++] = (struct th_role_fd){.fd = fd, .tag = p};
    }
    close(MANIFEST_FD);
    *ret = in;
    return 0;
}

int th_inherit_get(const struct th_inherited *in, const char *tag, size_t n)
{
    for (size_t i = 0; i < in->count; i++)
        if (strcmp(in->fds[i].tag, tag) == 0 && n-- == 0)
            return in->fds[i].fd;
    return -1;
}
