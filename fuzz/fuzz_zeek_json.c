/* SPDX-License-Identifier: Apache-2.0 */
/* The Zeek reader over one JSON line, in a log of every kind (the first byte says which). */
#include "event/json.h"
#include "event/zeek.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int put(void *arg, const struct th_event *ev)
{
    th_buf_clear(arg);
    th_event_json(ev, 0, arg);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    char name[64] = "";
    struct th_sink sink = {.put = put, .arg = &text};
    const struct th_kind_info *kind = size ? th_kind_get(data[0] & 31) : NULL;
    if (kind)
        snprintf(name, sizeof(name), "%s.log", kind->name);
    struct th_zeek *z = th_zeek_new(th_str_c(name), &sink);
    struct th_zeek_result r;
    if (size > 1 && th_zeek_line(z, th_str_n(data + 1, size - 1)) == 0) {
        th_zeek_result(z, &r);
        TH_ASSERT(r.events + r.bad_lines + r.unused <= 1);
    }
    th_zeek_free(z);
    return 0;
}
