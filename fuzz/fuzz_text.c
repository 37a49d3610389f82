/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers of text in lib/base, and the JSON writer: whatever a reader takes must
 * come back the same from its writer, and no string may leave the writer
 * with a byte that JSON or a terminal could trip over.
 */
#include "base/addr.h"
#include "base/json.h"
#include "base/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip_addr(struct th_str s)
{
    struct th_addr a;
    struct th_addr back;
    char out[TH_ADDR_TEXT_LEN];
    if (!th_addr_parse(s, &a))
        return;
    size_t n = th_addr_format(&a, out);
    TH_ASSERT(th_addr_parse(th_str_n(out, n), &back) && th_addr_eq(&a, &back));
}

static void round_trip_time(struct th_str s)
{
    int64_t t;
    int64_t back;
    char out[TH_TIME_TEXT_LEN];
    if (!th_time_parse_rfc3339(s, &t) && !th_time_parse_epoch(s, &t))
        return;
    size_t n = th_time_epoch(t, out);
    TH_ASSERT(th_time_parse_epoch(th_str_n(out, n), &back) && back / 1000 == t / 1000);
    th_time_rfc3339(t, out);
}

static void write_json(struct th_str s)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_json j = th_json_init(&out);
    th_json_str(&j, s);
    TH_ASSERT(out.len >= 2 && out.p[0] == '"' && out.p[out.len - 1] == '"');
    for (size_t i = 1; i + 1 < out.len; i++)
        TH_ASSERT(out.p[i] >= 0x20 && out.p[i] != 0x7f && out.p[i] != '<' && out.p[i] != '>');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_str s = th_str_n(data, size);
    struct th_mac mac;
    struct th_subnet net;
    double d;
    int64_t i;
    round_trip_addr(s);
    round_trip_time(s);
    write_json(s);
    th_mac_parse(s, &mac);
    th_subnet_parse(s, &net);
    th_str_double(s, &d);
    th_str_i64(s, &i);
    return 0;
}
