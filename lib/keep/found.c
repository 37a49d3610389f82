/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "keep/search.h"

void th_keep_found_problem(const struct th_keep_found *f, struct th_buf *out)
{
    const struct {
        uint64_t count;
        const char *what;
    } notes[] = {
        {f->other_links,
            "packets were left out: their interface has another link type than the "
            "first packet's, and a pcap file has one"},
        {f->damaged, "blocks or files could not be read: they were altered, or are of another key"},
        {f->gone, "files were removed while they were searched: they were the oldest"},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(notes); i++)
        if (notes[i].count > 0)
            th_buf_printf(out, "%s%llu %s", out->len ? "; " : "",
                (unsigned long long)notes[i].count, notes[i].what);
}

void th_keep_found_put(struct th_buf *out, const struct th_keep_found *f, const char *problem)
{
    TH_AUTOBUF struct th_buf notes = TH_BUF_INIT;
    struct th_json j = th_json_init(out);
    th_buf_puts(&notes, problem);
    th_keep_found_problem(f, &notes);
    th_json_open(&j);
    th_json_key(&j, "packets");
    th_json_u64(&j, f->packets);
    th_json_key(&j, "bytes");
    th_json_u64(&j, f->bytes);
    th_json_key(&j, "cut");
    th_json_bool(&j, f->cut);
    th_json_key(&j, "oldest");
    if (f->oldest_ns == INT64_MAX)
        th_json_null(&j);
    else
        th_json_time(&j, f->oldest_ns);
    th_json_key(&j, "problem");
    th_json_str(&j, th_buf_view(&notes));
    th_json_close(&j);
}
