/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of findings, or a permit, of any bytes into a database in memory, and all pages out of it:
 * each is JSON without a byte that could end a script or steer a terminal. */
#include <jansson.h>

#include "store/findings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int err, struct th_buf *out)
{
    TH_ASSERT(err == 0 || err == -ENOENT);
    for (size_t i = 0; i < out->len; i++)
        TH_ASSERT(out->p[i] >= 0x20 && out->p[i] != '<' && out->p[i] != '>');
    if (err == 0) {
        json_t *v = json_loadb((const char *)out->p, out->len, 0, NULL);
        TH_ASSERT(json_is_object(v));
        json_decref(v);
    }
    th_buf_clear(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct th_findings_page page = {
        .state = {"all", 3}, .from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = 200};
    struct th_catalogue *c = NULL;
    struct th_findings_news news;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    TH_ASSERT(th_catalogue_open(":memory:", &c) == 0);
    TH_ASSERT(th_findings_put(c, th_str_n(data, size), 1, &news) == 0);
    th_buf_done(&news.notices);
    json_t *control = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(control)) {
        th_findings_follow(c);
        th_findings_follow_permit(c, control, 1);
        th_findings_follow_permit_end(c, control, 2);
        TH_ASSERT(th_findings_follow_commit(c, 1, 1) == 0);
    }
    json_decref(control);
    check(th_findings_permits(c, &page, &out), &out);
    check(th_findings_incidents(c, &page, &out), &out);
    check(th_findings_breaches(c, &page, &out), &out);
    check(th_findings_devices(c, &page, &out), &out);
    check(th_findings_overview(c, 0, 0, &out), &out);
    static const char *const ids[] = {"b1", "i1", "d1"};
    check(th_findings_breach(c, th_str_c(ids[0]), &out), &out);
    check(th_findings_incident(c, th_str_c(ids[1]), &out), &out);
    check(th_findings_device(c, th_str_c(ids[2]), &out), &out);
    th_catalogue_close(c);
    return 0;
}
