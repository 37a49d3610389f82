/* SPDX-License-Identifier: Apache-2.0 */
#include "copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

enum { CHUNK_BYTES = 1 << 20, BACKUP_PAGES = 1024, BUSY_MS = 10000 };

static int copy_bytes(int from, int to)
{
    TH_AUTOFREE char *chunk = th_xmalloc(CHUNK_BYTES);
    for (;;) {
        ssize_t n = read(from, chunk, CHUNK_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        int r = th_fd_write(to, th_str_n(chunk, (size_t)n));
        if (r < 0)
            return r;
    }
}

int copy_file(int from_folder, int to_folder, const char *name, bool link)
{
    if (link && linkat(from_folder, name, to_folder, name, 0) == 0)
        return 0;
    if (link && errno == ENOENT)
        return -ENOENT;
    struct stat st;
    TH_AUTOCLOSE int from = openat(from_folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0 || fstat(from, &st) < 0)
        return -errno;
    TH_AUTOCLOSE int to = openat(
        to_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, st.st_mode & 0777);
    if (to < 0)
        return -errno;
    if (geteuid() == 0 && fchown(to, st.st_uid, st.st_gid) < 0)
        return -errno;
    int r = copy_bytes(from, to);
    return r < 0 ? r : fsync(to) < 0 ? -errno : 0;
}

static void close_database(sqlite3 **db)
{
    sqlite3_close(*db);
}

/* The copy gets the owner and mode of the original. */
static int same_owner(const char *from_path, const char *to_path)
{
    struct stat st;
    if (stat(from_path, &st) < 0 || chmod(to_path, st.st_mode & 0777) < 0 ||
        (geteuid() == 0 && chown(to_path, st.st_uid, st.st_gid) < 0))
        return -errno;
    TH_AUTOCLOSE int fd = open(to_path, O_RDONLY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int copy_database(const char *from_path, const char *to_path)
{
    TH_CLEANUP(close_database) sqlite3 *from = NULL;
    TH_CLEANUP(close_database) sqlite3 *to = NULL;
    if (access(from_path, R_OK) < 0)
        return -errno;
    if (sqlite3_open_v2(from_path, &from, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_open_v2(to_path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
            SQLITE_OK)
        return -EIO;
    sqlite3_busy_timeout(from, BUSY_MS);
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (!b)
        return -EIO;
    int r;
    do
        r = sqlite3_backup_step(b, BACKUP_PAGES);
    while (r == SQLITE_OK || r == SQLITE_BUSY || r == SQLITE_LOCKED);
    sqlite3_backup_finish(b);
    return r == SQLITE_DONE ? same_owner(from_path, to_path) : -EIO;
}

int check_database(const char *path)
{
    TH_CLEANUP(close_database) sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &q, NULL) != SQLITE_OK)
        return TH_E_MALFORMED;
    bool whole =
        sqlite3_step(q) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
    sqlite3_finalize(q);
    return whole ? 0 : TH_E_MALFORMED;
}

int each_file(int folder, int (*fn)(void *arg, const char *name), void *arg)
{
    struct dirent **entries = NULL;
    int n = scandirat(folder, ".", &entries, NULL, alphasort);
    int r = n < 0 ? -errno : 0;
    for (int i = 0; i < n; i++) {
        struct stat st;
        const char *name = entries[i]->d_name;
        if (r == 0 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            r = fn(arg, name);
        free(entries[i]);
    }
    free(entries);
    return r;
}
