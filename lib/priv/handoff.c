/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pair of sequenced-packet sockets. The parent's first message carries a memory
 * file with the names; after it the role writes a 4-byte index and gets a 4-byte
 * answer: 0 with a descriptor, or a negative errno.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "priv/inputs.h"
#include "priv/spawn.h"

#define NAMES_MAX_BYTES (256u << 20)

struct th_handoff_server {
    int fd;
    char **paths;
    size_t count;
    bool stdin_taken;
};

struct th_handoff {
    int fd;
    char *text;   /* all names */
    char **names; /* into text */
    size_t count;
};

/* One message: a number and perhaps a descriptor (fd >= 0). */
static int send_answer(int sock, int32_t value, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {.iov_base = &value, .iov_len = sizeof(value)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    }
    return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The counterpart; the descriptor, or the negative number that came without one. */
static int recv_answer(int sock)
{
    int32_t value = 0;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = &value, .iov_len = sizeof(value)};
    struct msghdr msg = {.msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes)};
    ssize_t n;
    do
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (n != sizeof(value))
        return -EPIPE;
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int))) {
        int fd;
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        return fd;
    }
    return value < 0 ? value : -EPROTO;
}

static int names_file(const char *const *paths, size_t count)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    for (size_t i = 0; i < count; i++)
        th_buf_put(&b, paths[i], strlen(paths[i]) + 1);
    if (b.overflow || b.len > NAMES_MAX_BYTES)
        return -E2BIG;
    TH_AUTOCLOSE int fd = memfd_create("names", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (size_t at = 0; at < b.len;) {
        ssize_t n = write(fd, b.p + at, b.len - at);
        if (n < 0)
            return -errno;
        at += (size_t)n;
    }
    return TH_TAKE_FD(fd);
}

int th_handoff_new(
    const char *const *paths, size_t count, struct th_handoff_server **ret_server, int *ret_role_fd)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    TH_AUTOCLOSE int ours = pair[0];
    TH_AUTOCLOSE int theirs = pair[1];
    TH_AUTOCLOSE int names = names_file(paths, count);
    if (names < 0)
        return names;
    int r = send_answer(ours, 0, names);
    if (r < 0)
        return r;
    struct th_handoff_server *s = th_xcalloc(1, sizeof(*s));
    s->paths = th_xcalloc(count + 1, sizeof(*s->paths));
    s->count = count;
    for (size_t i = 0; i < count; i++)
        s->paths[i] = th_xstrdup(paths[i]);
    s->fd = TH_TAKE_FD(ours);
    *ret_role_fd = TH_TAKE_FD(theirs);
    *ret_server = s;
    return 0;
}

int th_handoff_server_fd(const struct th_handoff_server *s)
{
    return s->fd;
}

static int open_for_role(struct th_handoff_server *s, uint32_t index)
{
    if (index >= s->count)
        return -EINVAL;
    if (strcmp(s->paths[index], "-") != 0)
        return th_input_open(s->paths[index]);
    /* A file as standard input is opened afresh: with an offset of its own, as often as wanted. */
    int again = th_input_open("/proc/self/fd/0");
    if (again >= 0)
        return again;
    if (s->stdin_taken)
        return -EBUSY;
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    s->stdin_taken = true;
    return fd;
}

int th_handoff_serve(struct th_handoff_server *s)
{
    for (;;) {
        uint32_t index;
        ssize_t n = recv(s->fd, &index, sizeof(index), MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -EPIPE;
        if (n == 0)
            return -EPIPE;
        TH_AUTOCLOSE int fd = n == sizeof(index) ? open_for_role(s, index) : -EPROTO;
        if (send_answer(s->fd, fd < 0 ? fd : 0, fd) < 0)
            return -EPIPE;
    }
}

void th_handoff_free(struct th_handoff_server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        free(s->paths[i]);
    free(s->paths);
    th_closep(&s->fd);
    free(s);
}

/* Reads all of a memory file; returns its length. */
static ssize_t read_all(int fd, char **ret)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size < 0 || st.st_size > (off_t)NAMES_MAX_BYTES)
        return TH_E_LIMIT;
    TH_AUTOFREE char *text = th_xmalloc((size_t)st.st_size + 1);
    size_t len = 0;
    while (len < (size_t)st.st_size) {
        ssize_t n = pread(fd, text + len, (size_t)st.st_size - len, (off_t)len);
        if (n <= 0)
            return n < 0 ? -errno : TH_E_TRUNCATED;
        len += (size_t)n;
    }
    text[len] = 0;
    *ret = TH_TAKE(text);
    return (ssize_t)len;
}

int th_handoff_attach(int fd, struct th_handoff **ret)
{
    TH_AUTOCLOSE int names = recv_answer(fd);
    if (names < 0)
        return names;
    char *text = NULL;
    ssize_t len = read_all(names, &text);
    if (len < 0)
        return (int)len;
    TH_ASSERT(text);
    struct th_handoff *h = th_xcalloc(1, sizeof(*h));
    h->fd = fd;
    h->text = text;
    for (ssize_t i = 0; i < len; i++)
        h->count += text[i] == 0;
    h->names = th_xcalloc(h->count + 1, sizeof(*h->names));
    char *p = text;
    for (size_t i = 0; i < h->count; i++, p += strlen(p) + 1)
        h->names[i] = p;
    *ret = h;
    return 0;
}

void th_handoff_detach(struct th_handoff *h)
{
    if (!h)
        return;
    th_closep(&h->fd);
    free(h->names);
    free(h->text);
    free(h);
}

size_t th_handoff_count(const struct th_handoff *h)
{
    return h->count;
}

const char *th_handoff_name(const struct th_handoff *h, size_t index)
{
    return index < h->count ? h->names[index] : NULL;
}

int th_handoff_open(struct th_handoff *h, size_t index)
{
    if (index >= h->count)
        return -EINVAL;
    uint32_t request = (uint32_t)index;
    ssize_t n;
    do
        n = write(h->fd, &request, sizeof(request));
    while (n < 0 && errno == EINTR);
    if (n != sizeof(request))
        return n < 0 ? -errno : -EPIPE;
    return recv_answer(h->fd);
}
