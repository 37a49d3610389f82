/* SPDX-License-Identifier: Apache-2.0 */
#include "gap.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/time.h"

static void put_text(struct th_gap *g, int64_t events, double s)
{
    if (events > 0)
        snprintf(g->addl, sizeof(g->addl),
            "%" PRId64 " events of %.1f s did not come from this sensor", events, s);
    else
        snprintf(g->addl, sizeof(g->addl),
            "for %.1f s this sensor saw nothing, or not all; nobody can tell how much", s);
}

bool th_gap_read(const struct th_control *c, struct th_gap *ret)
{
    uint64_t sensor;
    int64_t sequence;
    int64_t events;
    int64_t first_ns;
    int64_t last_ns;
    struct th_str name;
    if (c->type != TH_CONTROL_SOURCE_GAP || !th_json_hex64(c->object, "sensor", &sensor) ||
        !th_json_int64(c->object, "sequence", &sequence) ||
        !th_json_int64(c->object, "events", &events) ||
        !th_json_int64(c->object, "first_ns", &first_ns) ||
        !th_json_int64(c->object, "last_ns", &last_ns) || last_ns < first_ns)
        return false;
    if (last_ns <= 0) /* nobody knows of when it is: of when it was told */
        first_ns = last_ns = c->at_ns;
    *ret = (struct th_gap){.ev.h = {.kind = TH_KIND_WEIRD,
                               .time_ns = first_ns,
                               .source = sensor,
                               .seq = th_record_seq((uint64_t)sequence, 0)}};
    put_text(ret, events, (double)th_time_sub(last_ns, first_ns) / 1e9);
    TH_SET(&ret->ev, WEIRD, ts, first_ns);
    TH_SET(&ret->ev, WEIRD, name, th_str_c(TH_GAP_NAME));
    TH_SET(&ret->ev, WEIRD, addl, th_str_c(ret->addl));
    TH_SET(&ret->ev, WEIRD, until, last_ns);
    if (th_json_text(c->object, "name", &name))
        TH_SET(&ret->ev, WEIRD, peer, name);
    return true;
}
