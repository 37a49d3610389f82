/* SPDX-License-Identifier: Apache-2.0 */
#include "logs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"

struct log {
    char *path, *folder;
    const char *name; /* inside the folder */
    char tag[16];
    dev_t device; /* what the role has; both zero: nothing */
    ino_t inode;
    bool told; /* the role knows what stands here */
    bool shut; /* it is there and cannot be opened */
};

struct th_logs {
    struct log v[TH_LOGS_MAX];
    size_t count;
    char reason[320];
};

/* A rotated file beside the log. */
struct rotated {
    int fd;
    struct timespec modified;
};

struct th_logs *th_logs_new(const char *const *paths, size_t count)
{
    TH_ASSERT(count <= TH_LOGS_MAX);
    struct th_logs *l = th_xcalloc(1, sizeof(*l));
    l->count = count;
    for (size_t i = 0; i < count; i++) {
        struct log *g = &l->v[i];
        const char *slash = strrchr(paths[i], '/');
        g->path = th_xstrdup(paths[i]);
        g->folder =
            slash ? th_xasprintf("%.*s", (int)(slash - paths[i] + 1), paths[i]) : th_xstrdup(".");
        g->name = slash ? g->path + (slash - paths[i] + 1) : g->path;
        snprintf(g->tag, sizeof(g->tag), "log.%zu", i);
    }
    return l;
}

void th_logs_free(struct th_logs *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++) {
        free(l->v[i].path);
        free(l->v[i].folder);
    }
    free(l);
}

/* A regular file, or negative. A pipe or a device would not stand still. */
static int open_regular(int folder, const char *path, struct stat *ret)
{
    TH_AUTOCLOSE int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, ret) < 0)
        return -errno;
    return S_ISREG(ret->st_mode) ? TH_TAKE_FD(fd) : -EINVAL;
}

/* "eve.json.1" of "eve.json"; what is compressed cannot be read on from a position. */
static bool is_rotated_name(const struct log *g, const char *name)
{
    static const char *const packed[] = {".gz", ".xz", ".zst", ".bz2", ".lz4"};
    size_t len = strlen(g->name), whole = strlen(name);
    if (strncmp(name, g->name, len) != 0 || (name[len] != '.' && name[len] != '-'))
        return false;
    for (size_t i = 0; i < TH_ARRAY_LEN(packed); i++)
        if (whole > strlen(packed[i]) && strcmp(name + whole - strlen(packed[i]), packed[i]) == 0)
            return false;
    return true;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Into the list, oldest first; of too many the oldest goes. */
static void put_rotated(struct rotated v[TH_LOGS_MAX_ROTATED], size_t *count, struct rotated one)
{
    if (*count == TH_LOGS_MAX_ROTATED) {
        struct rotated *out = is_before(&one.modified, &v[0].modified) ? &one : &v[0];
        close(out->fd);
        if (out == &one)
            return;
        memmove(v, v + 1, --*count * sizeof(*v));
    }
    size_t at = *count;
    while (at > 0 && is_before(&one.modified, &v[at - 1].modified))
        at--;
    memmove(v + at + 1, v + at, (*count - at) * sizeof(*v));
    v[at] = one;
    ++*count;
}

static size_t find_rotated(
    const struct log *g, const struct stat *current, struct rotated v[TH_LOGS_MAX_ROTATED])
{
    size_t count = 0;
    DIR *d = opendir(g->folder);
    for (const struct dirent *e; d && (e = readdir(d));) {
        struct stat st = {0};
        int fd = is_rotated_name(g, e->d_name) ? open_regular(dirfd(d), e->d_name, &st) : -1;
        if (fd >= 0 && st.st_ino == current->st_ino && st.st_dev == current->st_dev)
            th_closep(&fd);
        if (fd >= 0)
            put_rotated(v, &count, (struct rotated){.fd = fd, .modified = st.st_mtim});
    }
    if (d)
        closedir(d);
    return count;
}

size_t th_logs_given(struct th_logs *l, struct th_role_fd ret[TH_LOGS_MAX_GIVEN])
{
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct log *g = &l->v[i];
        struct rotated rotated[TH_LOGS_MAX_ROTATED];
        struct stat st = {0};
        int fd = open_regular(AT_FDCWD, g->path, &st);
        if (fd < 0)
            st = (struct stat){0};
        size_t count = find_rotated(g, &st, rotated);
        for (size_t k = 0; k < count; k++)
            ret[n++] = (struct th_role_fd){.fd = rotated[k].fd, .tag = g->tag};
        g->device = st.st_dev;
        g->inode = st.st_ino;
        g->shut = false;
        g->told = fd >= 0; /* else the next look says why there is none */
        if (fd >= 0)
            ret[n++] = (struct th_role_fd){.fd = fd, .tag = g->tag};
    }
    return n;
}

static bool look_at(struct th_logs *l, struct log *g, struct th_log_news *ret)
{
    struct stat st;
    bool is = stat(g->path, &st) == 0;
    if (!is)
        st = (struct stat){0};
    bool same = g->told && st.st_ino == g->inode && st.st_dev == g->device;
    if (same && !g->shut)
        return false;
    int fd = open_regular(AT_FDCWD, g->path, &st);
    if (same && fd < 0)
        return false;
    if (fd < 0)
        snprintf(l->reason, sizeof(l->reason), "%s: %s", g->path,
            fd == -EINVAL ? "not a regular file" : th_strerror(fd));
    if (fd == -ENOENT)
        st = (struct stat){0};
    g->device = st.st_dev;
    g->inode = st.st_ino;
    g->told = true;
    g->shut = fd < 0 && st.st_ino != 0;
    *ret = (struct th_log_news){.tag = g->tag, .fd = TH_MAX(fd, -1), .reason = l->reason};
    return true;
}

bool th_logs_look(struct th_logs *l, struct th_log_news *ret)
{
    for (size_t i = 0; i < l->count; i++)
        if (look_at(l, &l->v[i], ret)) {
            ret->log = i;
            return true;
        }
    return false;
}

void th_logs_again(struct th_logs *l, size_t log)
{
    l->v[log].told = false;
}
