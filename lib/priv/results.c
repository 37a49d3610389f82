/* SPDX-License-Identifier: Apache-2.0 */
#include "priv/results.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"

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
    struct stat st;
    bool exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode))
        return -EISDIR;
    bool special = exists && !S_ISREG(st.st_mode);
    /* A device or a pipe is written as it is: there is no place to take. */
    TH_AUTOFREE char *temporary = special ? NULL : th_xasprintf("%s.part", path);
    res->fd = open(special ? path : temporary,
        (special ? O_WRONLY : O_RDWR) | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (res->fd < 0)
        return -errno;
    res->path = special ? NULL : th_xstrdup(path);
    res->temporary = TH_TAKE(temporary);
    r->count++;
    return 0;
}

static bool is_empty(const struct th_result *res)
{
    struct stat st;
    return fstat(res->fd, &st) == 0 && st.st_size == 0;
}

static int keep_one(struct th_result *res)
{
    int err = 0;
    if (!res->temporary)
        return 0;
    if (res->drop_empty && is_empty(res)) {
        err = unlink(res->temporary);
        if (unlink(res->path) < 0 && errno != ENOENT)
            err = -1;
    } else {
        err = rename(res->temporary, res->path);
    }
    if (err < 0)
        return -errno;
    th_freep(&res->temporary);
    return 0;
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
        if (res->temporary)
            unlink(res->temporary);
        th_closep(&res->fd);
        th_freep(&res->path);
        th_freep(&res->temporary);
    }
    r->count = 0;
}
