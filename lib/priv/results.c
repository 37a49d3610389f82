/* SPDX-License-Identifier: Apache-2.0 */
#include "priv/results.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"

/* A file without a name in the folder of path: a run that is killed leaves nothing behind. */
static int open_unnamed(const char *path)
{
    TH_AUTOFREE char *folder = th_xstrdup(path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    return open(slash ? folder : ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
}

static int open_result(struct th_result *res, const char *path)
{
    struct stat st;
    bool exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode))
        return -EISDIR;
    if (exists && !S_ISREG(st.st_mode)) { /* a device or a pipe: there is no place to take */
        res->fd = open(path, O_WRONLY | O_CLOEXEC);
        return res->fd < 0 ? -errno : 0;
    }
    TH_AUTOFREE char *temporary = th_xasprintf("%s.part", path);
    res->fd = open_unnamed(path);
    res->unnamed = res->fd >= 0;
    if (!res->unnamed) /* not every file system has them */
        res->fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (res->fd < 0)
        return -errno;
    res->path = th_xstrdup(path);
    res->temporary = TH_TAKE(temporary);
    return 0;
}

int th_results_add(struct th_results *r, const char *tag, const char *path, bool drop_empty)
{
    if (r->count == TH_RESULTS_MAX)
        return -E2BIG;
    struct th_result *res = &r->v[r->count];
    *res = (struct th_result){.fd = -1, .drop_empty = drop_empty};
    snprintf(res->tag, sizeof(res->tag), "%s", tag);
    if (strcmp(path, "-") == 0) {
        res->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
        r->count += res->fd >= 0;
        return res->fd < 0 ? -errno : 0;
    }
    int err = open_result(res, path);
    if (err < 0)
        return err;
    r->count++;
    return 0;
}

static bool is_empty(const struct th_result *res)
{
    struct stat st;
    return fstat(res->fd, &st) == 0 && st.st_size == 0;
}

static int gone(const char *path)
{
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* Gives an unnamed file its temporary name; a link cannot replace another file, a rename can. */
static int name_it(struct th_result *res)
{
    char self[64];
    if (!res->unnamed)
        return 0;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", res->fd);
    int err = gone(res->temporary);
    if (err == 0 && linkat(AT_FDCWD, self, AT_FDCWD, res->temporary, AT_SYMLINK_FOLLOW) < 0)
        err = -errno;
    return err;
}

static int keep_one(struct th_result *res)
{
    int err = 0;
    if (!res->temporary)
        return 0;
    if (res->drop_empty && is_empty(res)) {
        err = res->unnamed ? 0 : gone(res->temporary);
        if (err == 0)
            err = gone(res->path);
    } else {
        err = name_it(res);
        if (err == 0 && rename(res->temporary, res->path) < 0)
            err = -errno;
        res->unnamed =
            false; /* it has a name, which th_results_done removes if the rename failed */
    }
    if (err == 0)
        th_freep(&res->temporary);
    return err;
}

int th_results_keep(struct th_results *r)
{
    for (size_t i = 0; i < r->count; i++) {
        int err = keep_one(&r->v[i]);
        if (err < 0)
            return err;
    }
    return 0;
}

void th_results_done(struct th_results *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct th_result *res = &r->v[i];
        if (res->temporary && !res->unnamed)
            unlink(res->temporary);
        th_closep(&res->fd);
        th_freep(&res->path);
        th_freep(&res->temporary);
    }
    r->count = 0;
}
