/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

static int folder_of(void *arg)
{
    return *(const int *)arg;
}

static int io_open(void *arg, const char *name, enum th_io_open how)
{
    int flags = how == TH_IO_READ ? O_RDONLY
        : how == TH_IO_WRITE      ? O_RDWR
                                  : O_RDWR | O_CREAT | O_EXCL;
    int fd = openat(folder_of(arg), name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    /* Refused by a file system in memory, which has no other way. */
    if (how == TH_IO_CREATE_DIRECT)
        (void)fcntl(fd, F_SETFL, O_DIRECT);
    return fd;
}

static int io_close(void *arg, int file)
{
    (void)arg;
    return close(file) < 0 ? -errno : 0;
}

static int64_t io_pread(void *arg, int file, void *to, size_t len, uint64_t at)
{
    (void)arg;
    ssize_t n = pread(file, to, len, (off_t)at);
    return n < 0 ? -errno : n;
}

static int64_t io_pwrite(void *arg, int file, const void *from, size_t len, uint64_t at)
{
    (void)arg;
    ssize_t n = pwrite(file, from, len, (off_t)at);
    return n < 0 ? -errno : n;
}

static int64_t io_size(void *arg, int file)
{
    struct stat st;
    (void)arg;
    return fstat(file, &st) < 0 ? -errno : st.st_size;
}

static int io_truncate(void *arg, int file, uint64_t len)
{
    (void)arg;
    return ftruncate(file, (off_t)len) < 0 ? -errno : 0;
}

static int io_sync(void *arg, int file)
{
    (void)arg;
    return fdatasync(file) < 0 ? -errno : 0;
}

static int io_sync_folder(void *arg)
{
    return fsync(folder_of(arg)) < 0 ? -errno : 0;
}

static int io_rename(void *arg, const char *from, const char *to)
{
    return renameat(folder_of(arg), from, folder_of(arg), to) < 0 ? -errno : 0;
}

static int io_remove(void *arg, const char *name)
{
    return unlinkat(folder_of(arg), name, 0) < 0 ? -errno : 0;
}

static int io_list(void *arg, int (*fn)(void *fn_arg, const char *name), void *fn_arg)
{
    /* A descriptor of its own: reading a folder moves its offset. */
    int fd = openat(folder_of(arg), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int err = -errno;
        if (fd >= 0)
            close(fd);
        return err;
    }
    int r = 0;
    for (struct dirent *e; r == 0 && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            r = fn(fn_arg, e->d_name);
    closedir(dir);
    return r;
}

static int64_t io_free_bytes(void *arg)
{
    struct statvfs st;
    if (fstatvfs(folder_of(arg), &st) < 0)
        return -errno;
    return (int64_t)(st.f_bavail * st.f_frsize);
}

void th_io_folder(struct th_io *ret, const int *folder_fd)
{
    *ret = (struct th_io){.open = io_open,
        .close = io_close,
        .pread = io_pread,
        .pwrite = io_pwrite,
        .size = io_size,
        .truncate = io_truncate,
        .sync = io_sync,
        .sync_folder = io_sync_folder,
        .rename = io_rename,
        .remove = io_remove,
        .list = io_list,
        .free_bytes = io_free_bytes,
        .arg = (void *)folder_fd};
}

int th_io_read_all(const struct th_io *io, int file, void *to, size_t len, uint64_t at)
{
    uint8_t *p = to;
    while (len > 0) {
        int64_t n = io->pread(io->arg, file, p, len, at);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return (int)n;
        if (n == 0)
            return TH_E_TRUNCATED;
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int th_io_write_all(const struct th_io *io, int file, const void *from, size_t len, uint64_t at)
{
    const uint8_t *p = from;
    while (len > 0) {
        int64_t n = io->pwrite(io->arg, file, p, len, at);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return (int)n;
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_aside(const struct th_io *io, const char *aside, const void *data, size_t len)
{
    int file = io->open(io->arg, aside, TH_IO_CREATE);
    if (file < 0)
        return file;
    int r = th_io_write_all(io, file, data, len, 0);
    if (r == 0)
        r = io->sync(io->arg, file);
    int closed = io->close(io->arg, file);
    return r < 0 ? r : closed;
}

int th_io_replace(const struct th_io *io, const char *name, const void *data, size_t len)
{
    TH_AUTOFREE char *aside = th_xasprintf("%s.new", name);
    int r = io->remove(io->arg, aside); /* what a run before left behind */
    if (r < 0 && r != -ENOENT)
        return r;
    r = write_aside(io, aside, data, len);
    if (r == 0)
        r = io->rename(io->arg, aside, name);
    if (r == 0)
        return io->sync_folder(io->arg);
    io->remove(io->arg, aside);
    return r;
}
