/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

/* NetBIOS names, mDNS and LLMNR have rules of their own. */
static const uint16_t ports[] = {53, 137, 5353, 5355};

TH_FUZZ_STREAM(th_dns_analyser, FEED_UDP, ports[in[0] >> 3 & 3])
