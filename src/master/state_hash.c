/* SPDX-License-Identifier: Apache-2.0 */
#include "state_hash.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/cursor.h"
#include "base/log.h"
#include "crypto/random.h"
#include "priv/priv.h"

enum { ORDER = 1, RESULT = 2 };

static void put(struct th_buf *b, struct th_str s)
{
    th_buf_le32(b, s.len);
    th_buf_str(b, s);
}

static struct th_str take(struct th_cur *c)
{
    return th_cur_bytes(c, th_cur_le32(c));
}

int th_state_hash_send(struct th_ipc *helper, uint64_t job, const struct th_state_hash *h)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    put(&b, h->verify_hash);
    put(&b, h->verify_text);
    put(&b, h->hash_text);
    int r = th_ipc_send(helper, ORDER, job, th_buf_view(&b));
    th_wipe(b.p, b.len);
    return r;
}

int th_state_hash_receive(struct th_ipc *helper, uint64_t *ret_job, bool *ret_matches,
    char ret_hash[TH_PASSWORD_HASH_LEN])
{
    struct th_ipc_message m;
    int r = th_ipc_receive(helper, &m);
    if (r <= 0)
        return r;
    struct th_cur c = th_cur_init(m.body.p, m.body.len);
    bool matches = th_cur_u8(&c) != 0;
    struct th_str hash = take(&c);
    if (c.failed || m.type != RESULT || hash.len >= TH_PASSWORD_HASH_LEN)
        return TH_E_MALFORMED;
    memcpy(ret_hash, hash.p, hash.len);
    ret_hash[hash.len] = 0;
    *ret_matches = matches;
    *ret_job = m.id;
    return 1;
}

/* ---- in the helper ---- */

static int do_order(struct th_ipc *state, const struct th_ipc_message *m)
{
    struct th_cur c = th_cur_init(m->body.p, m->body.len);
    struct th_str verify_hash = take(&c);
    struct th_str verify_text = take(&c);
    struct th_str hash_text = take(&c);
    char hash[TH_PASSWORD_HASH_LEN] = "";
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    if (c.failed || verify_hash.len >= TH_PASSWORD_HASH_LEN)
        return TH_E_MALFORMED;
    bool matches = false;
    if (verify_hash.len > 0) {
        memcpy(hash, verify_hash.p, verify_hash.len);
        matches = th_password_matches(hash, verify_text);
        hash[0] = 0;
    }
    if (hash_text.len > 0 && th_password_hash(hash_text, th_password_cost_default(), hash) < 0)
        hash[0] = 0; /* no memory: state says so */
    th_buf_u8(&b, matches);
    put(&b, th_str_c(hash));
    return th_ipc_send(state, RESULT, m->id, th_buf_view(&b));
}

static int serve(struct th_ipc *state)
{
    for (;;) {
        struct th_ipc_message m;
        int r;
        while ((r = th_ipc_receive(state, &m)) > 0)
            if ((r = do_order(state, &m)) < 0)
                return r;
        if (r < 0)
            return r;
        struct pollfd p = {.fd = th_ipc_fd(state), .events = th_ipc_events(state)};
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return -errno;
        if ((r = th_ipc_flush(state)) < 0)
            return r;
    }
}

static void run_helper(int fd, const struct th_inherited *in, unsigned uid, unsigned gid)
{
    struct th_lock_options options = {.uid = uid, .gid = gid};
    for (size_t i = 0; i < in->count; i++)
        close(in->fds[i].fd);
    struct th_ipc *state = th_ipc_new(fd, 0);
    int r = th_role_lock_with(TH_ROLE_HASH, &options);
    if (r < 0)
        th_log(TH_LOG_ERROR, "password helper: %s", th_strerror(r));
    else
        r = serve(state);
    th_ipc_free(state);
    _exit(r == -EPIPE ? 0 : 1);
}

struct th_ipc *th_state_hash_start(const struct th_inherited *in, unsigned uid, unsigned gid)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return NULL;
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        run_helper(pair[1], in, uid, gid);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return NULL;
    }
    return th_ipc_new(pair[0], 0);
}
