/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of a host. Answers of name servers are read by a process of its own, which is nobody
 * and ends with its answer: the caller reads a bounded list of addresses.
 */
#ifndef TH_VSENSOR_LOOKUP_H
#define TH_VSENSOR_LOOKUP_H

#include "base/addr.h"
#include "base/err.h"

#define TH_LOOKUP_MAX 8u

/* How many there are, at least 1; -EHOSTUNREACH: none found in time. An address in text is its
 * own answer, without a process. */
int th_lookup(const char *host, int timeout_ms, struct th_addr ret[TH_LOOKUP_MAX]) TH_WARN_UNUSED;

#endif
