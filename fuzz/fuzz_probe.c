/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of first bytes hides no analyser: whatever the bytes, on whatever ports, a probe that
 * it leaves out says no. The input is a flow's first bytes.
 */
#include "analysers.h"
#include "base/mem.h"

/* What probes ask for, and two of no meaning. */
static const uint16_t ports[] = {21, 22, 23, 25, 53, 67, 68, 69, 80, 88, 102, 110, 123, 137, 138,
    139, 143, 161, 162, 389, 443, 445, 500, 502, 514, 546, 547, 587, 1080, 1194, 1433, 1645, 1646,
    1812, 1813, 1900, 2123, 2152, 2222, 2525, 3268, 3306, 3389, 3478, 3799, 4500, 5353, 5355, 5432,
    6379, 6881, 20000, 27017, 40000, 44818, 47808, 51820, 60000};
static const size_t max_bytes = 2048;

static void ask(unsigned i, const struct th_probe_in *in)
{
    const struct th_analyser *an = th_analyser_at(i);
    if (!th_analyser_may(i, in->ip_proto == 6, in->p[0]))
        TH_ASSERT(an->probe(in) == TH_PROBE_NO);
}

/* Each port as the one, the other and both ends'. A flow of neither protocol has no probes. */
static void ask_on_ports(unsigned i, struct th_probe_in in)
{
    const struct th_analyser *an = th_analyser_at(i);
    if (!(in.ip_proto == 6 ? an->tcp : an->udp))
        return;
    for (size_t k = 0; k < 3 * TH_ARRAY_LEN(ports); k++) {
        in.src = k % 3 == 0 ? 40001 : ports[k / 3];
        in.dst = k % 3 == 1 ? 40001 : ports[k / 3];
        ask(i, &in);
    }
    in.src = 546; /* the only pair of two */
    in.dst = 547;
    ask(i, &in);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    len = TH_MIN(len, max_bytes);
    for (unsigned i = 0; i < th_analyser_count; i++) {
        ask_on_ports(
            i, (struct th_probe_in){.p = bytes, .len = len, .wire_len = len, .ip_proto = 6});
        ask_on_ports(
            i, (struct th_probe_in){.p = bytes, .len = len, .wire_len = len, .ip_proto = 17});
    }
    return 0;
}
