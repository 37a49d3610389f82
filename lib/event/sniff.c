/* SPDX-License-Identifier: Apache-2.0 */
#include "event/sniff.h"

#include "base/mem.h"

/* The file formats draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng, and libpcap's variants. */
static bool is_capture(struct th_str s)
{
    static const uint8_t magics[][4] = {{0xa1, 0xb2, 0xc3, 0xd4}, {0xd4, 0xc3, 0xb2, 0xa1},
        {0xa1, 0xb2, 0x3c, 0x4d}, {0x4d, 0x3c, 0xb2, 0xa1}, {0xa1, 0xb2, 0xcd, 0x34},
        {0x34, 0xcd, 0xb2, 0xa1}, {0x0a, 0x0d, 0x0d, 0x0a}};
    for (size_t i = 0; s.len >= 4 && i < TH_ARRAY_LEN(magics); i++)
        if (memcmp(s.p, magics[i], 4) == 0)
            return true;
    return false;
}

static bool is_zeek_header(struct th_str s)
{
    static const char *const words[] = {"#separator", "#set_separator", "#empty_field",
        "#unset_field", "#path", "#open", "#close", "#fields", "#types"};
    for (size_t i = 0; i < TH_ARRAY_LEN(words); i++)
        if (th_str_starts(s, words[i]))
            return true;
    return false;
}

enum th_format th_format_sniff(struct th_str head)
{
    if (is_capture(head))
        return TH_FORMAT_CAPTURE;
    if (th_str_starts(head, "TEVF"))
        return TH_FORMAT_BATCH;
    if (th_str_starts(head, "\xef\xbb\xbf"))
        head = th_str_n(head.p + 3, head.len - 3);
    head = th_str_trim(head);
    if (th_str_starts(head, "{"))
        return TH_FORMAT_JSON;
    return is_zeek_header(head) ? TH_FORMAT_ZEEK_TSV : TH_FORMAT_UNKNOWN;
}

const char *th_format_name(enum th_format f)
{
    switch (f) {
    case TH_FORMAT_UNKNOWN: return "unknown";
    case TH_FORMAT_CAPTURE: return "capture";
    case TH_FORMAT_ZEEK_TSV: return "zeek-tsv";
    case TH_FORMAT_JSON: return "json";
    case TH_FORMAT_BATCH: return "batch";
    }
    return "unknown";
}
