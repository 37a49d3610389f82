/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/json.h"
#include "base/mem.h"
#include "priv/ipc.h"

static void ipc_done(struct th_ipc **c)
{
    th_ipc_free(*c);
}

/* By the folder's descriptor, so that no path is too long for a socket's name. */
static int connect_to(const char *instance_path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    TH_AUTOFREE char *run = th_xasprintf("%s/run", instance_path);
    TH_AUTOCLOSE int folder = open(run, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -errno;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/control", folder);
    TH_AUTOCLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
        return -errno;
    return TH_TAKE_FD(fd);
}

static int wait_for_answer(struct th_ipc *c, int timeout_ms, struct th_ipc_message *ret)
{
    for (;;) {
        int r = th_ipc_receive(c, ret);
        if (r != 0)
            return r < 0 ? r : 0;
        struct pollfd p = {.fd = th_ipc_fd(c), .events = POLLIN};
        r = poll(&p, 1, timeout_ms);
        if (r == 0)
            return -ETIMEDOUT;
        if (r < 0 && errno != EINTR)
            return -errno;
    }
}

/* Status u16, length of cookie text u16, the text (none here), the body. */
static int take_answer(struct th_str m, unsigned *ret_status, struct th_buf *ret_body)
{
    struct th_cur c = th_cur_init(m.p, m.len);
    unsigned status = th_cur_le16(&c);
    th_cur_skip(&c, th_cur_le16(&c));
    struct th_str body = th_cur_bytes(&c, th_cur_left(&c));
    if (c.failed)
        return TH_E_MALFORMED;
    *ret_status = status;
    th_buf_str(ret_body, body);
    return 0;
}

int th_control_ask(const char *instance_path, const char *route, struct th_str body_json,
    int timeout_ms, unsigned *ret_status, struct th_buf *ret_body)
{
    TH_AUTOBUF struct th_buf request = TH_BUF_INIT;
    struct th_ipc_message m;
    int fd = connect_to(instance_path);
    if (fd < 0)
        return fd;
    TH_CLEANUP(ipc_done) struct th_ipc *c = th_ipc_new(fd, 0);
    struct th_json j = th_json_init(&request);
    th_json_open(&j);
    th_json_key(&j, "route");
    th_json_str(&j, th_str_c(route));
    th_json_key(&j, "body");
    th_buf_str(&request, body_json);
    th_buf_puts(&request, "}");
    int r = th_ipc_send(c, TH_CONTROL_REQUEST, 1, th_buf_view(&request));
    if (r == 0)
        r = th_ipc_drain(c, timeout_ms);
    if (r == 0)
        r = wait_for_answer(c, timeout_ms, &m);
    if (r == 0)
        r = m.type == TH_CONTROL_ANSWER ? take_answer(m.body, ret_status, ret_body)
                                        : TH_E_MALFORMED;
    return r;
}
