/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of the log's records: the first byte says which; what is taken is written again, and must
 * be the same. A summary's body is also tried behind a good seal. */
#include "base/seal.h"
#include "store/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_batch(struct th_str body)
{
    struct th_record_batch b;
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    if (th_record_batch_get(body, &b) < 0)
        return;
    th_record_batch_put(&out, &b);
    TH_ASSERT(th_str_eq(th_buf_view(&out), body));
}

static void try_control(struct th_str body)
{
    struct th_control c;
    struct th_control again;
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    uint64_t id;
    if (th_control_get(body, &c) < 0)
        return;
    (void)th_json_hex64(c.object, "id", &id);
    if (th_control_put(&out, c.object) == 0) {
        int err = th_control_get(th_buf_view(&out), &again);
        TH_ASSERT(err == 0 && again.type == c.type && again.at_ns == c.at_ns);
        th_control_done(&again);
    }
    th_control_done(&c);
}

static void try_summary(struct th_str body)
{
    struct th_log_summary s;
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    if (th_log_summary_get(body, &s) < 0)
        return;
    th_log_summary_put(&out, &s);
    TH_ASSERT(th_str_eq(th_buf_view(&out), body));
    th_log_summary_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct th_str body = th_str_n(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0: try_batch(body); break;
    case 1: try_control(body); break;
    case 2: try_summary(body); break;
    default: {
        struct th_buf sealed TH_AUTOBUF = TH_BUF_INIT;
        size_t begin = th_seal_begin(&sealed, 0x4d555354u, 1);
        th_buf_str(&sealed, body);
        th_seal_end(&sealed, begin);
        try_summary(th_buf_view(&sealed));
    }
    }
    return 0;
}
