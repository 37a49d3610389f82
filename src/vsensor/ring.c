/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/time.h"

#define VLAN_TAG_BYTES 4u
#define MACS_BYTES 12u /* a tag stands behind both addresses */
#define MAX_TAGGED_BYTES (64u << 10)

struct th_ring {
    int fd;
    uint8_t *map;
    size_t blocks;
    size_t block;                     /* the one that is read, or will be */
    bool in_order;                    /* false: which block comes next has to be found */
    bool open;                        /* the block is ours */
    uint32_t left;                    /* frames of it */
    uint32_t at;                      /* the next one's offset in it */
    bool is_tagged;                   /* the last frame lies in `tagged` */
    uint8_t tagged[MAX_TAGGED_BYTES]; /* a frame with its tag put back */
};

static struct tpacket_block_desc *block_of(const struct th_ring *r, size_t i)
{
    return (struct tpacket_block_desc *)(void *)(r->map + i * TH_RING_BLOCK_BYTES);
}

static bool is_ours(const struct th_ring *r, size_t i)
{
    return __atomic_load_n(&block_of(r, i)->hdr.bh1.block_status, __ATOMIC_ACQUIRE) &
        TP_STATUS_USER;
}

static void give_back(struct th_ring *r)
{
    struct tpacket_block_desc *b = block_of(r, r->block);
    __atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    r->block = (r->block + 1) % r->blocks;
    r->open = false;
}

int th_ring_map(int fd, uint64_t bytes, struct th_ring **ret)
{
    size_t blocks = bytes / TH_RING_BLOCK_BYTES;
    void *map = mmap(NULL, blocks * TH_RING_BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return -errno;
    struct th_ring *r = th_xcalloc(1, sizeof(*r));
    r->fd = fd;
    r->map = map;
    r->blocks = blocks;
    *ret = r;
    return 0;
}

void th_ring_free(struct th_ring *r)
{
    if (!r)
        return;
    munmap(r->map, r->blocks * TH_RING_BLOCK_BYTES);
    free(r);
}

/* After a start: of the blocks that wait, the oldest. */
static bool find_oldest(struct th_ring *r)
{
    uint64_t oldest = UINT64_MAX;
    for (size_t i = 0; i < r->blocks; i++) {
        uint64_t number = block_of(r, i)->hdr.bh1.seq_num;
        if (is_ours(r, i) && number < oldest) {
            oldest = number;
            r->block = i;
        }
    }
    return oldest != UINT64_MAX;
}

static bool open_block(struct th_ring *r)
{
    if (!r->in_order && !find_oldest(r))
        return false;
    r->in_order = true;
    if (!is_ours(r, r->block))
        return false;
    const struct tpacket_hdr_v1 *h = &block_of(r, r->block)->hdr.bh1;
    r->left = h->num_pkts;
    r->at = h->offset_to_first_pkt;
    r->open = true;
    return true;
}

/* The kernel takes a frame's VLAN tag off and says it beside; analysers want it where it was. */
static void put_tag_back(struct th_ring *r, const struct tpacket3_hdr *h, struct th_ring_frame *f)
{
    uint32_t len = TH_MIN(f->cap_len, MAX_TAGGED_BYTES - VLAN_TAG_BYTES);
    uint16_t tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : 0x8100;
    if (len < MACS_BYTES)
        return;
    memcpy(r->tagged, f->data, MACS_BYTES);
    r->tagged[MACS_BYTES] = (uint8_t)(tpid >> 8);
    r->tagged[MACS_BYTES + 1] = (uint8_t)tpid;
    r->tagged[MACS_BYTES + 2] = (uint8_t)(h->hv1.tp_vlan_tci >> 8);
    r->tagged[MACS_BYTES + 3] = (uint8_t)h->hv1.tp_vlan_tci;
    memcpy(r->tagged + MACS_BYTES + VLAN_TAG_BYTES, f->data + MACS_BYTES, len - MACS_BYTES);
    f->data = r->tagged;
    f->cap_len = len + VLAN_TAG_BYTES;
    f->wire_len += VLAN_TAG_BYTES;
}

/* The frame at r->at; false when it is not inside the block. */
static bool take_frame(struct th_ring *r, struct th_ring_frame *ret)
{
    const uint8_t *block = r->map + r->block * TH_RING_BLOCK_BYTES;
    struct tpacket3_hdr h;
    if (r->at > TH_RING_BLOCK_BYTES - sizeof(h))
        return false;
    memcpy(&h, block + r->at, sizeof(h));
    uint64_t end = (uint64_t)r->at + h.tp_mac + h.tp_snaplen;
    if (h.tp_mac < sizeof(h) || end > TH_RING_BLOCK_BYTES)
        return false;
    *ret = (struct th_ring_frame){.time_ns = (int64_t)h.tp_sec * TH_NS_PER_S + (int64_t)h.tp_nsec,
        .data = block + r->at + h.tp_mac,
        .cap_len = h.tp_snaplen,
        .wire_len = h.tp_len};
    r->is_tagged = h.tp_status & TP_STATUS_VLAN_VALID;
    if (r->is_tagged)
        put_tag_back(r, &h, ret);
    r->at += h.tp_next_offset;
    r->left--;
    return true;
}

int th_ring_next(struct th_ring *r, struct th_ring_frame *ret)
{
    for (;;) {
        if (!r->open && !open_block(r))
            return 0;
        if (r->left > 0 && take_frame(r, ret))
            return 1;
        give_back(r);
    }
}

bool th_ring_ready(const struct th_ring *r)
{
    return r->open && r->left > 0 && !r->is_tagged;
}

bool th_ring_settled(struct th_ring *r)
{
    if (r->open && r->left == 0)
        give_back(r);
    return !r->open;
}

int th_ring_count(const struct th_ring *r, struct th_ring_counts *sum)
{
    struct tpacket_stats_v3 s;
    socklen_t len = sizeof(s);
    if (getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) < 0)
        return -errno;
    sum->packets += s.tp_packets - s.tp_drops; /* the kernel counts these among them */
    sum->drops += s.tp_drops;
    sum->freezes += s.tp_freeze_q_cnt;
    return 0;
}

int th_ring_seen(int seen_fd, uint64_t *sum)
{
    struct tpacket_stats s = {0};
    socklen_t len = sizeof(s);
    if (getsockopt(seen_fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) < 0)
        return -errno;
    *sum += s.tp_packets; /* also those without room, which are nearly all */
    return 0;
}

int th_ring_is_up(int fd, const char *interface)
{
    struct ifreq req = {0};
    size_t len = strlen(interface);
    if (len >= sizeof(req.ifr_name))
        return -ENODEV;
    memcpy(req.ifr_name, interface, len);
    if (ioctl(fd, SIOCGIFFLAGS, &req) < 0)
        return -errno;
    return (req.ifr_flags & IFF_UP) != 0;
}
