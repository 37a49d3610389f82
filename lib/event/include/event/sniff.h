/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is, told by its first bytes (after decompression): roles share this, so that each
 * input is read by exactly one of them.
 */
#ifndef TH_EVENT_SNIFF_H
#define TH_EVENT_SNIFF_H

#include "base/str.h"

enum th_format {
    TH_FORMAT_UNKNOWN,
    TH_FORMAT_CAPTURE,  /* pcap (either order, us or ns, also Kuznetzov's) or pcapng */
    TH_FORMAT_ZEEK_TSV, /* begins with a Zeek header line */
    TH_FORMAT_JSON,     /* an object: JSON lines of Zeek, of Suricata, or of someone else */
    TH_FORMAT_BATCH     /* a Thymus spool */
};

/* Bytes that are enough to tell, if the file has as many. */
#define TH_FORMAT_SNIFF_BYTES 64u

enum th_format th_format_sniff(struct th_str head);
/* "capture", "zeek-tsv", "json", "batch", "unknown". */
const char *th_format_name(enum th_format f);

#endif
