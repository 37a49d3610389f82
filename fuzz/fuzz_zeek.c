/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zeek logs: any lines, as import cuts them. Each event is of a known kind and can be said as JSON;
 * what was counted adds up, and a complaint is there when something was bad.
 */
#include "event/json.h"
#include "event/sniff.h"
#include "event/zeek.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int put(void *arg, const struct th_event *ev)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    TH_ASSERT(th_kind_get(ev->kind));
    th_event_json(ev, 0, &b);
    TH_ASSERT(b.len > 2);
    ++*(uint64_t *)arg;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t events = 0;
    const struct th_sink sink = {.put = put, .arg = &events};
    struct th_str rest = th_str_n(data, size);
    struct th_zeek_result result;
    TH_ASSERT(th_format_name(th_format_sniff(rest)));
    struct th_str name = th_str_split(&rest, '\n');
    struct th_zeek *z = th_zeek_new(name, &sink);
    int err = 0;
    while (rest.len && err == 0)
        err = th_zeek_line(z, th_str_split(&rest, '\n'));
    TH_ASSERT(err == 0 || err == TH_E_MALFORMED);
    th_zeek_result(z, &result);
    TH_ASSERT(result.events == events && result.bad_lines <= result.lines);
    TH_ASSERT(!result.bad_lines || result.message.len);
    th_zeek_free(z);
    return 0;
}
