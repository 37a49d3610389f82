/* SPDX-License-Identifier: Apache-2.0 */
/* The Zeek reader over the lines of any text; what comes out must fit into a batch and into JSON.
 */
#include "event/batch.h"
#include "event/json.h"
#include "event/zeek.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outputs {
    struct th_batch_writer *batch;
    struct th_buf text;
};

static int put(void *arg, const struct th_event *ev)
{
    struct outputs *o = arg;
    th_buf_clear(&o->text);
    th_event_json(ev, TH_EVENT_JSON_PATH, &o->text);
    int err = th_batch_add(o->batch, ev);
    return err == -EMSGSIZE ? 0 : err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outputs o = {.batch = th_batch_writer_new()};
    struct th_sink sink = {.put = put, .arg = &o};
    struct th_zeek *z = th_zeek_new(th_str_c("conn.log"), &sink);
    struct th_str rest = th_str_n(data, size);
    struct th_batch_head head = {0};
    struct th_zeek_result r;
    TH_AUTOBUF struct th_buf frame = TH_BUF_INIT;
    int err = 0;
    while (rest.len && err == 0)
        err = th_zeek_line(z, th_str_split(&rest, '\n'));
    th_zeek_result(z, &r);
    TH_ASSERT(r.events + r.bad_lines + r.unused <= r.lines);
    TH_ASSERT(th_batch_finish(o.batch, &head, &frame) == 0);
    th_batch_writer_free(o.batch);
    th_buf_done(&o.text);
    th_zeek_free(z);
    return 0;
}
