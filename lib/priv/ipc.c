/* SPDX-License-Identifier: Apache-2.0 */
#include "priv/ipc.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/cursor.h"
#include "base/mem.h"

#define HEAD_BYTES 16u
#define READ_BYTES (64u << 10)

struct th_ipc {
    int fd;
    size_t max_queued;
    struct th_buf out;
    size_t sent; /* of out */
    struct th_buf in;
    size_t taken; /* of in: given out before */
    bool ended, broken;
};

struct th_ipc *th_ipc_new(int fd, size_t max_queued)
{
    struct th_ipc *c = th_xcalloc(1, sizeof(*c));
    c->fd = fd;
    c->max_queued = max_queued ? max_queued : 64u << 20;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    return c;
}

void th_ipc_free(struct th_ipc *c)
{
    if (!c)
        return;
    close(c->fd);
    th_buf_done(&c->out);
    th_buf_done(&c->in);
    free(c);
}

int th_ipc_fd(const struct th_ipc *c)
{
    return c->fd;
}

size_t th_ipc_queued(const struct th_ipc *c)
{
    return c->out.len - c->sent;
}

short th_ipc_events(const struct th_ipc *c)
{
    return th_ipc_queued(c) ? POLLIN | POLLOUT : POLLIN;
}

/* Like write, but one who is gone is an error here and no signal to the process. */
static ssize_t write_quietly(int fd, const uint8_t *data, size_t len)
{
    struct iovec part = {.iov_base = (void *)data, .iov_len = len};
    const struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    return sendmsg(fd, &m, MSG_NOSIGNAL);
}

int th_ipc_flush(struct th_ipc *c)
{
    while (c->sent < c->out.len) {
        ssize_t n = write_quietly(c->fd, c->out.p + c->sent, c->out.len - c->sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (n < 0)
            return -EPIPE;
        c->sent += (size_t)n;
    }
    th_buf_clear(&c->out);
    c->sent = 0;
    return 0;
}

/* Moves what still waits to the front, when what was sent is the larger part. */
static void make_room(struct th_ipc *c)
{
    if (c->sent == 0 || c->sent < c->out.len / 2)
        return;
    memmove(c->out.p, c->out.p + c->sent, c->out.len - c->sent);
    c->out.len -= c->sent;
    c->sent = 0;
}

int th_ipc_send(struct th_ipc *c, uint16_t type, uint64_t id, struct th_str body)
{
    TH_ASSERT(body.len <= TH_IPC_MAX_BODY);
    /* An empty queue takes any one message. */
    if (th_ipc_queued(c) && th_ipc_queued(c) + HEAD_BYTES + body.len > c->max_queued) {
        int r = th_ipc_flush(c);
        if (r < 0)
            return r;
        if (th_ipc_queued(c) && th_ipc_queued(c) + HEAD_BYTES + body.len > c->max_queued)
            return TH_E_LIMIT;
    }
    make_room(c);
    th_buf_le32(&c->out, (uint32_t)body.len);
    th_buf_le16(&c->out, type);
    th_buf_le16(&c->out, 0);
    th_buf_le64(&c->out, id);
    th_buf_str(&c->out, body);
    return th_ipc_flush(c);
}

/* 1: something came; 0: nothing there; -EPIPE: the end. */
static int fill(struct th_ipc *c)
{
    uint8_t *p = th_buf_reserve(&c->in, READ_BYTES);
    TH_ASSERT(p);
    for (;;) {
        ssize_t n = read(c->fd, p, READ_BYTES);
        if (n > 0) {
            th_buf_commit(&c->in, (size_t)n);
            return 1;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        c->ended = true;
        return -EPIPE;
    }
}

/* 1 when a whole message stands at the front. */
static int parse(struct th_ipc *c, struct th_ipc_message *ret)
{
    struct th_cur cur = th_cur_init(c->in.p + c->taken, c->in.len - c->taken);
    uint32_t len = th_cur_le32(&cur);
    uint16_t type = th_cur_le16(&cur);
    uint16_t zero = th_cur_le16(&cur);
    uint64_t id = th_cur_le64(&cur);
    if (cur.failed)
        return 0;
    if (len > TH_IPC_MAX_BODY || zero != 0) {
        c->broken = true;
        return TH_E_MALFORMED;
    }
    struct th_str body = th_cur_bytes(&cur, len);
    if (cur.failed)
        return 0;
    c->taken += HEAD_BYTES + len;
    *ret = (struct th_ipc_message){.type = type, .id = id, .body = body};
    return 1;
}

int th_ipc_receive(struct th_ipc *c, struct th_ipc_message *ret)
{
    if (c->broken)
        return TH_E_MALFORMED;
    for (;;) {
        int r = c->in.len > c->taken ? parse(c, ret) : 0;
        if (r != 0)
            return r;
        if (c->taken) {
            memmove(c->in.p, c->in.p + c->taken, c->in.len - c->taken);
            c->in.len -= c->taken;
            c->taken = 0;
        }
        r = c->ended ? -EPIPE : fill(c);
        if (r <= 0)
            return r;
    }
}

int th_ipc_drain(struct th_ipc *c, int timeout_ms)
{
    for (;;) {
        int r = th_ipc_flush(c);
        if (r < 0 || th_ipc_queued(c) == 0)
            return r;
        struct pollfd p = {.fd = c->fd, .events = POLLOUT};
        r = poll(&p, 1, timeout_ms);
        if (r == 0)
            return -ETIMEDOUT;
        if (r < 0 && errno != EINTR)
            return -errno;
    }
}
