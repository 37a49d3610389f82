/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "priv/inputs.h"

static int complain(const char *what, const char *which, int err)
{
    fprintf(stderr, "thymusctl: %s%s%s: %s\n", what, *which ? " " : "", which, th_strerror(err));
    return err;
}

void ctl_fds_add(struct ctl_fds *f, const char *tag, int fd)
{
    TH_ASSERT(f->count < TH_ROLE_MAX_FDS);
    f->v[f->count++] = (struct th_role_fd){.fd = fd, .tag = tag};
}

void ctl_fds_done(struct ctl_fds *f)
{
    for (size_t i = 0; i < f->count; i++)
        th_closep(&f->v[i].fd);
    f->count = 0;
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

static int write_all(int fd, const char *p, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, p + at, len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += (size_t)n;
    }
    return 0;
}

int ctl_memory(struct th_str bytes)
{
    TH_AUTOCLOSE int fd = memfd_create("thymus", MFD_CLOEXEC);
    int r = fd < 0 ? -errno : write_all(fd, bytes.p, bytes.len);
    if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return complain("no memory file", "", r < 0 ? r : -errno);
    return TH_TAKE_FD(fd);
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
        int r = write_all(fd, chunk, (size_t)n);
        if (r < 0)
            return complain("standard input finds no room in the scratch folder", "", r);
    }
    return dup2(fd, STDIN_FILENO) < 0 ? complain("standard input", "", -errno) : 0;
}

/* ---- models ---- */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int ctl_find_models(const char *given, char *ret, size_t bytes)
{
    /* Beside an installed program, and beside a build folder in the source tree. */
    static const char *const places[] = {"../share/thymus/models", "../../models"};
    if (given) {
        if (!is_folder(given))
            return complain("no folder of models:", given, -ENOENT);
        return snprintf(ret, bytes, "%s", given) < (int)bytes ? 0 : -ENAMETOOLONG;
    }
    for (size_t i = 0; i < TH_ARRAY_LEN(places); i++)
        if (th_sibling_program(places[i], ret, bytes) == 0 && is_folder(ret))
            return 0;
    return complain("no models are installed beside this program (give --models DIR)", "", -ENOENT);
}

static int is_model(const struct dirent *d)
{
    return d->d_name[0] != '.' && th_str_ends(th_str_c(d->d_name), ".yaml");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int ctl_add_models(struct ctl_fds *f, const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_model, by_name);
    int r = n < 0 ? complain("models cannot be read:", folder, -errno) : 0;
    if (n == 0)
        r = complain("no *.yaml in the folder of models", folder, -ENOENT);
    if (n > CTL_MAX_MODELS)
        r = complain("too many files in the folder of models", folder, -E2BIG);
    TH_AUTOBUF struct th_buf names = TH_BUF_INIT;
    for (int i = 0; i < n; i++) {
        TH_AUTOFREE char *path = th_xasprintf("%s/%s", folder, entries[i]->d_name);
        if (r == 0)
            r = ctl_add_file(f, "model", path, false);
        th_buf_put(&names, path, strlen(path) + 1);
        free(entries[i]);
    }
    free(entries);
    int fd = r == 0 ? ctl_memory(th_buf_view(&names)) : r;
    if (fd < 0)
        return fd;
    ctl_fds_add(f, "model-names", fd);
    return 0;
}

int ctl_add_file(struct ctl_fds *f, const char *tag, const char *path, bool optional)
{
    int fd = th_input_open(path);
    if (fd == -ENOENT && optional)
        return 0;
    if (fd < 0)
        return complain("cannot be read:", path, fd);
    ctl_fds_add(f, tag, fd);
    return 0;
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
