/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a spool as JSON lines: events with their _path, input and time_ns, and what became of
 * each input. For functional tests and for looking at spools by hand. */
#include <fcntl.h>

#include "base/json.h"
#include "base/stream.h"
#include "event/batch.h"
#include "event/json.h"

static void dump_source(const uint8_t *payload, size_t len, struct th_buf *out)
{
    struct th_source_info i;
    struct th_json j = th_json_init(out);
    TH_ASSERT(th_source_info_get(payload, len, &i) == 0);
    th_json_open(&j);
    th_json_key(&j, "input");
    th_json_u64(&j, i.input);
    th_json_key(&j, "status");
    th_json_u64(&j, i.status);
    th_json_key(&j, "source");
    th_json_u64(&j, i.source);
    th_json_key(&j, "events");
    th_json_u64(&j, i.events);
    th_json_key(&j, "bytes");
    th_json_u64(&j, i.bytes);
    th_json_key(&j, "format");
    th_json_str(&j, i.format);
    th_json_key(&j, "message");
    th_json_str(&j, i.message);
    th_json_close(&j);
    th_buf_u8(out, '\n');
}

static void dump_events(struct th_batch_reader *r, struct th_str frame, struct th_buf *out)
{
    struct th_batch_head head;
    struct th_event *ev;
    TH_ASSERT(th_batch_open(r, (const uint8_t *)frame.p, frame.len, &head) == 0);
    int err;
    while ((err = th_batch_next(r, &ev)) > 0) {
        th_buf_printf(out,
            "{\"input\":%u,\"run\":%u,\"time_ns\":%lld,\"seq\":%llu,\"event\":", head.input,
            head.run, (long long)ev->time_ns, (unsigned long long)ev->seq);
        th_event_json(ev, TH_EVENT_JSON_PATH, out);
        th_buf_puts(out, "}\n");
    }
    TH_ASSERT(err == 0);
}

int main(int argc, char **argv)
{
    struct th_stream *s TH_AUTOSTREAM = NULL;
    struct th_batch_reader *r = th_batch_reader_new();
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    struct th_str v;
    if (argc != 2 || th_stream_open(open(argv[1], O_RDONLY | O_CLOEXEC), &s) < 0)
        return 2;
    while (th_stream_view(s, TH_FRAME_HEAD_BYTES, &v) == 0 && v.len >= TH_FRAME_HEAD_BYTES) {
        enum th_frame_type type;
        uint32_t len;
        TH_ASSERT(th_frame_head((const uint8_t *)v.p, &type, &len) == 0);
        TH_ASSERT(th_stream_view(s, TH_FRAME_HEAD_BYTES + len, &v) == 0);
        v.len = TH_FRAME_HEAD_BYTES + len;
        if (type == TH_FRAME_SOURCE)
            dump_source((const uint8_t *)v.p + TH_FRAME_HEAD_BYTES, len, &out);
        else
            dump_events(r, v, &out);
        th_stream_consume(s, v.len);
        fwrite(out.p, 1, out.len, stdout);
        th_buf_clear(&out);
    }
    th_batch_reader_free(r);
    return 0;
}
