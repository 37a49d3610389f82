/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/mem.h"

static int complain(const char *what, const char *which, int err)
{
    fprintf(stderr, "thymusctl: %s%s%s: %s\n", what, *which ? " " : "", which, th_strerror(err));
    return err;
}

/* ---- scratch ---- */

static int unnamed_file(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd < 0 ? -errno : fd;
    TH_AUTOFREE char *path = th_xasprintf("%s/thymus-XXXXXX", folder);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    unlink(path);
    return fd;
}

int ctl_scratch(void)
{
    const char *chosen = getenv("TMPDIR");
    if (chosen && *chosen) {
        int fd = unnamed_file(chosen);
        return fd < 0 ? complain("no scratch file in TMPDIR", chosen, fd) : fd;
    }
    int fd = unnamed_file("/var/tmp");
    if (fd < 0)
        fd = unnamed_file("/tmp");
    return fd < 0 ? complain("no scratch file in /var/tmp and /tmp (set TMPDIR)", "", fd) : fd;
}

int ctl_settle_stdin(void)
{
    struct stat st;
    static char chunk[256 * 1024];
    if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode))
        return 0;
    TH_AUTOCLOSE int fd = ctl_scratch();
    if (fd < 0)
        return fd;
    for (;;) {
        ssize_t n = read(STDIN_FILENO, chunk, sizeof(chunk));
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return complain("standard input cannot be read", "", -errno);
        int r = th_fd_write(fd, th_str_n(chunk, (size_t)n));
        if (r < 0)
            return complain("standard input finds no room in the scratch folder", "", r);
    }
    return dup2(fd, STDIN_FILENO) < 0 ? complain("standard input", "", -errno) : 0;
}

/* ---- state ---- */

int ctl_lock_state(const char *folder, int *ret_lock)
{
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return complain("the folder of the state cannot be made:", folder, -errno);
    TH_AUTOCLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return complain("the folder of the state cannot be opened:", folder, -errno);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        fprintf(stderr, "thymusctl: %s: another analysis is using this state\n", folder);
        return -EBUSY;
    }
    *ret_lock = TH_TAKE_FD(fd);
    return 0;
}
