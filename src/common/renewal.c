/* SPDX-License-Identifier: Apache-2.0 */
#include "renewal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/time.h"
#include "role_files.h"

enum { MAX_FILES = 4 };
static const int64_t look_ns = 5 * TH_NS_PER_S;
static const size_t max_bytes = 512u << 10; /* of all files */

/* What tells one state of a file from another; all zero when it is not there. */
struct stamp {
    ino_t inode;
    off_t bytes;
    struct timespec modified, changed;
};

struct th_renewal {
    const char *tag;
    int folder;
    const char *names[MAX_FILES];
    size_t count;
    struct stamp seen[MAX_FILES], taken[MAX_FILES]; /* at the last look; when they were read */
    int64_t look_at_ns;
    int good;
    bool has_newer;
    int newer; /* -1: could not be read */
    uint64_t number;
    char reason[160];
};

static void take_stamps(const struct th_renewal *r, struct stamp to[MAX_FILES])
{
    memset(to, 0, MAX_FILES * sizeof(*to));
    for (size_t i = 0; i < r->count; i++) {
        struct stat st;
        if (fstatat(r->folder, r->names[i], &st, 0) < 0)
            continue;
        to[i].inode = st.st_ino;
        to[i].bytes = st.st_size;
        to[i].modified = st.st_mtim;
        to[i].changed = st.st_ctim;
    }
}

static bool same(const struct stamp a[MAX_FILES], const struct stamp b[MAX_FILES])
{
    for (size_t i = 0; i < MAX_FILES; i++)
        if (a[i].inode != b[i].inode || a[i].bytes != b[i].bytes ||
            a[i].modified.tv_sec != b[i].modified.tv_sec ||
            a[i].modified.tv_nsec != b[i].modified.tv_nsec ||
            a[i].changed.tv_sec != b[i].changed.tv_sec ||
            a[i].changed.tv_nsec != b[i].changed.tv_nsec)
            return false;
    return true;
}

static int read_one(struct th_renewal *r, const char *name, struct th_buf *to)
{
    TH_AUTOCLOSE int fd = openat(r->folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int err = fd < 0 ? -errno : th_fd_read_to_end(fd, max_bytes, to);
    if (err < 0)
        snprintf(r->reason, sizeof(r->reason), "%s: %s", name, th_strerror(err));
    th_buf_u8(to, '\n'); /* a last line without its end stays one */
    return err;
}

/* The descriptor, or an error with its reason. */
static int read_all(struct th_renewal *r)
{
    struct th_buf bytes = TH_BUF_INIT;
    int err = 0;
    for (size_t i = 0; err == 0 && i < r->count; i++)
        err = read_one(r, r->names[i], &bytes);
    if (err == 0)
        err = th_role_files_memory(th_buf_view(&bytes));
    if (bytes.p)
        explicit_bzero(bytes.p, bytes.len); /* there may be a key in them */
    th_buf_done(&bytes);
    return err;
}

int th_renewal_new(
    const char *tag, int folder, const char *const *names, size_t count, struct th_renewal **ret)
{
    TH_ASSERT(count <= MAX_FILES);
    TH_CLEANUP(th_renewal_freep) struct th_renewal *r = th_xcalloc(1, sizeof(*r));
    *r = (struct th_renewal){.tag = tag, .folder = folder, .count = count, .newer = -1};
    memcpy(r->names, names, count * sizeof(*names));
    take_stamps(r, r->taken);
    memcpy(r->seen, r->taken, sizeof(r->seen));
    r->good = read_all(r);
    if (r->good < 0) {
        fprintf(
            stderr, "%s: a file cannot be read: %s\n", program_invocation_short_name, r->reason);
        return r->good;
    }
    *ret = TH_TAKE(r);
    return 0;
}

void th_renewal_free(struct th_renewal *r)
{
    if (!r)
        return;
    th_closep(&r->good);
    th_closep(&r->newer);
    free(r);
}

const char *th_renewal_tag(const struct th_renewal *r)
{
    return r->tag;
}

bool th_renewal_look(struct th_renewal *r, int64_t now_ns, bool at_once)
{
    struct stamp now[MAX_FILES];
    if (!at_once && now_ns < r->look_at_ns)
        return false;
    r->look_at_ns = now_ns + look_ns;
    take_stamps(r, now);
    bool settled = same(now, r->seen);
    memcpy(r->seen, now, sizeof(now));
    if (!at_once && (!settled || same(now, r->taken)))
        return false;
    memcpy(r->taken, now, sizeof(now));
    th_closep(&r->newer);
    r->newer = read_all(r);
    r->has_newer = true;
    r->number++;
    return true;
}

size_t th_renewal_given(const struct th_renewal *r, int ret[2])
{
    size_t n = 0;
    if (r->newer >= 0)
        ret[n++] = r->newer;
    ret[n++] = r->good;
    return n;
}

bool th_renewal_news(const struct th_renewal *r, struct th_renewal_news *ret)
{
    if (r->has_newer)
        *ret = (struct th_renewal_news){
            .number = r->number, .fd = r->newer < 0 ? -1 : r->newer, .reason = r->reason};
    return r->has_newer;
}

void th_renewal_good(struct th_renewal *r, uint64_t number)
{
    if (!r->has_newer || number != r->number || r->newer < 0)
        return;
    th_closep(&r->good);
    r->good = r->newer;
    r->newer = -1;
    r->has_newer = false;
}
