/* SPDX-License-Identifier: Apache-2.0 */
#include "priv/progress.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/cursor.h"

#define HEAD_BYTES 22u /* input, done, status, bytes, events */

_Static_assert(HEAD_BYTES + TH_PROGRESS_TEXT_LEN <= TH_PROGRESS_BYTES, "a record holds its text");

void th_progress_put(int fd, const struct th_progress *p)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_buf_le32(&b, p->input);
    th_buf_u8(&b, p->done);
    th_buf_u8(&b, p->status);
    th_buf_le64(&b, p->bytes);
    th_buf_le64(&b, p->events);
    char text[TH_PROGRESS_BYTES - HEAD_BYTES] = "";
    memcpy(text, p->text, strnlen(p->text, TH_PROGRESS_TEXT_LEN - 1));
    th_buf_put(&b, text, sizeof(text));
    ssize_t n = write(fd, b.p, b.len);
    (void)n; /* information only */
}

int th_progress_get(int fd, struct th_progress *ret)
{
    uint8_t raw[TH_PROGRESS_BYTES];
    ssize_t n = read(fd, raw, sizeof(raw));
    if (n < 0)
        return -errno;
    if (n == 0)
        return 0;
    if (n != sizeof(raw))
        return TH_E_TRUNCATED;
    struct th_cur c = th_cur_init(raw, sizeof(raw));
    struct th_progress p = {0};
    p.input = th_cur_le32(&c);
    p.done = th_cur_u8(&c) != 0;
    p.status = th_cur_u8(&c);
    p.bytes = th_cur_le64(&c);
    p.events = th_cur_le64(&c);
    struct th_str text = th_cur_bytes(&c, TH_PROGRESS_TEXT_LEN - 1);
    for (uint32_t i = 0; i < text.len && text.p[i]; i++)
        p.text[i] = text.p[i] < 0x20 || text.p[i] == 0x7f ? '?' : text.p[i];
    *ret = p;
    return 1;
}
