/* SPDX-License-Identifier: Apache-2.0 */
#include "lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include "base/mem.h"

enum { STEP_MS = 20, MOST_MS = 3000 }; /* a killed role may be in the middle of a sync */

int th_lock_take(int folder, const char *name)
{
    TH_AUTOCLOSE int fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
    for (int ms = 0; r == -EWOULDBLOCK && ms < MOST_MS; ms += STEP_MS) {
        poll(NULL, 0, STEP_MS);
        r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
    }
    if (r < 0)
        return r == -EWOULDBLOCK ? -EBUSY : r;
    return TH_TAKE_FD(fd);
}
