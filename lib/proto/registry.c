/* SPDX-License-Identifier: Apache-2.0 */
#include "analysers.h"

#include "base/mem.h"

/* The sure ones first, then those that rest on little. */
const struct th_analyser *const th_analysers[] = {
    &th_tls_analyser,
    &th_http_analyser,
    &th_dns_analyser,
    &th_ssh_analyser,
    &th_dhcp_analyser,
};

const unsigned th_analyser_count = TH_ARRAY_LEN(th_analysers);

_Static_assert(TH_ARRAY_LEN(th_analysers) <= 64, "ruled_out has a bit for each");
