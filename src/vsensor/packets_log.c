/* SPDX-License-Identifier: Apache-2.0 */
#include "packets_log.h"

#include "base/fd.h"
#include "base/json.h"

static void begin(struct th_buf *b, struct th_json *j, int64_t now_ns, const char *by,
    const struct th_packets_request *wish, const char *what)
{
    *j = th_json_init(b);
    th_json_open(j);
    th_json_key(j, "time");
    th_json_time(j, now_ns);
    th_json_key(j, "packets");
    th_json_str(j, th_str_c(what));
    th_json_key(j, "by");
    th_json_str(j, th_str_c(by));
    th_json_key(j, "wish");
    th_packets_request_put(b, wish);
    j->comma = true;
}

/* In one write, so that lines of two processes do not mix. */
static int end(struct th_buf *b, struct th_json *j, int fd)
{
    th_json_close(j);
    th_buf_u8(b, '\n');
    return th_fd_write(fd, th_buf_view(b));
}

int th_packets_log_asked(
    int fd, int64_t now_ns, const char *by, const struct th_packets_request *wish)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_json j;
    begin(&b, &j, now_ns, by, wish, "asked");
    return end(&b, &j, fd);
}

int th_packets_log_ended(int fd, int64_t now_ns, const char *by,
    const struct th_packets_request *wish, const char *how, const struct th_keep_found *found)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_json j;
    begin(&b, &j, now_ns, by, wish, how);
    th_json_key(&j, "count");
    th_json_u64(&j, found->packets);
    th_json_key(&j, "bytes");
    th_json_u64(&j, found->bytes);
    th_json_key(&j, "cut");
    th_json_bool(&j, found->cut);
    return end(&b, &j, fd);
}
