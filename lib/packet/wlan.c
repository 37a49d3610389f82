/* SPDX-License-Identifier: Apache-2.0 */
/* IEEE 802.11 data frames, bare or behind a radio header (radiotap.org, Prism, AVS). */
#include "decode_priv.h"

enum {
    FC_TYPE_DATA = 2,
    FC_SUBTYPE_QOS = 8,
    FC_SUBTYPE_NO_DATA = 4,
    FC_TO_DS = 0x01,
    FC_FROM_DS = 0x02,
    FC_PROTECTED = 0x40,
    FC_ORDER = 0x80,
    QOS_AMSDU = 0x80,
    PRISM_LEN = 144,
    AVS_MAGIC = 0x80211000u
};

/* 9.3.2: which of the addresses are source and destination depends on the DS bits. */
static void set_macs(struct th_decode *d, uint8_t flags, const struct th_str a[4])
{
    unsigned src = flags & FC_FROM_DS ? (flags & FC_TO_DS ? 3 : 2) : 1;
    unsigned dst = flags & FC_TO_DS ? 2 : 0;
    TH_ASSERT(a[src].p && a[dst].p);
    memcpy(d->p->src_mac.b, a[src].p, 6);
    memcpy(d->p->dst_mac.b, a[dst].p, 6);
    d->p->has_mac = true;
}

void th_decode_80211(struct th_decode *d)
{
    if (!th_decode_enter(d))
        return;
    uint8_t type = th_cur_u8(&d->c);
    uint8_t flags = th_cur_u8(&d->c);
    if ((type >> 2 & 3) != FC_TYPE_DATA)
        return;
    uint8_t subtype = type >> 4;
    struct th_str a[4] = {0};
    th_cur_skip(&d->c, 2);
    for (unsigned i = 0; i < 3; i++)
        a[i] = th_cur_bytes(&d->c, 6);
    th_cur_skip(&d->c, 2);
    if ((flags & (FC_TO_DS | FC_FROM_DS)) == (FC_TO_DS | FC_FROM_DS))
        a[3] = th_cur_bytes(&d->c, 6);
    uint8_t qos = 0;
    if (subtype & FC_SUBTYPE_QOS) {
        qos = th_cur_u8(&d->c);
        th_cur_skip(&d->c, flags & FC_ORDER ? 5 : 1); /* HT control */
    }
    if (d->c.failed) {
        th_decode_bad(d, "truncated_link_header");
        return;
    }
    set_macs(d, flags, a);
    /* Encrypted, empty and aggregated frames show no packet. */
    if (!(flags & FC_PROTECTED) && !(subtype & FC_SUBTYPE_NO_DATA) && !(qos & QOS_AMSDU))
        th_decode_llc(d);
}

void th_decode_radiotap(struct th_decode *d)
{
    struct th_cur head = d->c;
    th_cur_skip(&head, 2);
    uint16_t len = th_cur_le16(&head);
    th_cur_skip(&d->c, len);
    if (head.failed || d->c.failed || len < 8)
        th_decode_bad(d, "truncated_link_header");
    else
        th_decode_80211(d);
}

/* A Prism header of fixed length, or AVS, which states its own. */
void th_decode_prism(struct th_decode *d)
{
    struct th_cur head = d->c;
    uint32_t magic = th_cur_be32(&head);
    uint32_t len = th_cur_be32(&head);
    if ((magic & 0xfffff000u) != AVS_MAGIC)
        len = PRISM_LEN;
    th_cur_skip(&d->c, len);
    if (d->c.failed || len < 8)
        th_decode_bad(d, "truncated_link_header");
    else
        th_decode_80211(d);
}
