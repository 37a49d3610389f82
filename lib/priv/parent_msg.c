/* SPDX-License-Identifier: Apache-2.0 */
/* The packets between a parent and its roles, which may carry a descriptor (edge.h). */
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/cursor.h"
#include "base/mem.h"
#include "priv/edge.h"

/* Room for one descriptor, aligned as the kernel wants it. */
union control {
    struct cmsghdr head;
    uint8_t room[CMSG_SPACE(sizeof(int))];
};

int th_parent_send(
    int fd, enum th_parent_msg type, const char *name, struct th_str bytes, int passed_fd)
{
    uint8_t head[2 + 64];
    size_t len = strlen(name);
    TH_ASSERT(len < 64);
    head[0] = (uint8_t)type;
    head[1] = (uint8_t)len;
    memcpy(head + 2, name, len);
    union control control = {0};
    struct iovec iov[2] = {{.iov_base = head, .iov_len = 2 + len},
        {.iov_base = (void *)bytes.p, .iov_len = bytes.len}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = bytes.len ? 2 : 1};
    if (passed_fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof(control.room);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &passed_fd, sizeof(int));
    }
    for (;;) {
        if (sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
}

static int take_descriptor(struct msghdr *m)
{
    int fd = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
            c->cmsg_len == CMSG_LEN(sizeof(int)))
            memcpy(&fd, CMSG_DATA(c), sizeof(int));
    return fd;
}

int th_parent_receive(int fd, uint8_t *storage, enum th_parent_msg *ret_type, char ret_name[64],
    struct th_str *ret_bytes, int *ret_fd)
{
    union control control;
    struct iovec iov = {.iov_base = storage, .iov_len = TH_PARENT_MAX_BYTES};
    struct msghdr m = {.msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.room)};
    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;
    if (n == 0)
        return -EPIPE;
    TH_AUTOCLOSE int passed = take_descriptor(&m);
    struct th_cur c = th_cur_init(storage, (size_t)n);
    uint8_t type = th_cur_u8(&c);
    struct th_str name = th_cur_bytes(&c, th_cur_u8(&c));
    if (c.failed || name.len >= 64 || (m.msg_flags & MSG_TRUNC) || type < TH_PARENT_EDGE ||
        type > TH_PARENT_TAKEN)
        return TH_E_MALFORMED;
    memcpy(ret_name, name.p, name.len);
    ret_name[name.len] = 0;
    *ret_type = (enum th_parent_msg)type;
    *ret_bytes = th_cur_bytes(&c, th_cur_left(&c));
    *ret_fd = TH_TAKE_FD(passed);
    return 1;
}
