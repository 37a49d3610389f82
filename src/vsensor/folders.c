/* SPDX-License-Identifier: Apache-2.0 */
#include "folders.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "keep/ring.h"

enum { NOBODY_ID = 65534 };
static const off_t max_log_bytes = 16 << 20; /* then another is begun, and the one before goes */

static int complain(const char *what, const char *which, int err)
{
    fprintf(stderr, "thymus-vsensor: %s %s: %s\n", what, which, th_strerror(err));
    return err;
}

int th_folders_owner(const struct th_vsensor_config *config, struct th_folders_owner *ret)
{
    *ret = (struct th_folders_owner){.uid = NOBODY_ID, .gid = NOBODY_ID};
    if (geteuid() == 0 && config->user) {
        const struct passwd *p = getpwnam(config->user);
        if (!p || p->pw_uid == 0 || p->pw_gid == 0)
            return complain("no such user, or root:", config->user, -EINVAL);
        *ret = (struct th_folders_owner){.uid = p->pw_uid, .gid = p->pw_gid};
    }
    return 0;
}

int th_folders_open(const char *path, const struct th_folders_owner *owner)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return complain("folder cannot be made:", path, -errno);
    TH_AUTOCLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return complain("folder cannot be opened:", path, -errno);
    if (geteuid() == 0 && fchown(fd, owner->uid, owner->gid) < 0)
        return complain("folder cannot be given to its user:", path, -errno);
    return TH_TAKE_FD(fd);
}

static int make_key(int state, const char *name)
{
    uint8_t key[TH_KEEP_KEY_BYTES];
    struct th_io io;
    th_io_folder(&io, &state);
    th_random_bytes(key, sizeof(key));
    int r = th_io_replace(&io, name, key, sizeof(key));
    th_wipe(key, sizeof(key));
    return r;
}

int th_folders_keep_key(int state, bool make)
{
    static const char name[] = "keep.key";
    int fd = openat(state, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int r = fd < 0 ? -errno : 0;
    if (r == -ENOENT && make)
        r = make_key(state, name);
    if (r == 0 && fd < 0) {
        fd = openat(state, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        r = fd < 0 ? -errno : 0;
    }
    return r < 0 ? complain("state folder: the key of kept packets cannot be had:", name, r) : fd;
}

int th_folders_follow_book(int state)
{
    static const char name[] = "follow.book";
    int fd = openat(state, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? complain("state folder: cannot be written:", name, -errno) : fd;
}

int th_folders_packets_log(int state)
{
    static const char name[] = "packets.log";
    struct stat st;
    if (fstatat(state, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > max_log_bytes &&
        renameat(state, name, state, "packets.log.1") < 0)
        return complain("state folder: cannot be renamed:", name, -errno);
    int fd = openat(state, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? complain("state folder: cannot be written:", name, -errno) : fd;
}
