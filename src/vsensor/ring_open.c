/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side of ring.h. */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "ring.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { MAX_FILTER = 400, LINKTYPE_ETHERNET = 1, LINKTYPE_RAW = 101, LINKTYPE_RADIOTAP = 127 };

/* ---- the filter (classic BPF; Linux, Documentation/networking/filter.rst) ---- */

struct filter {
    struct sock_filter v[MAX_FILTER];
    unsigned short count;
};

static void add(struct filter *f, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    TH_ASSERT(f->count < MAX_FILTER);
    f->v[f->count++] = (struct sock_filter){.code = code, .k = k, .jt = yes, .jf = no};
}

/* Offset from the network header, whatever the link layer is. */
static uint32_t net(uint32_t offset)
{
    return (uint32_t)SKF_NET_OFF + offset;
}

/* Loads a word and goes on when it is the value; else `skip` instructions further. */
static void want(struct filter *f, uint16_t size, uint32_t at, uint32_t value, uint8_t skip)
{
    add(f, (uint16_t)(BPF_LD | BPF_ABS | size), at, 0, 0);
    add(f, BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

static uint32_t word_of(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Drops TCP with this address and port at one end. Our own kernel sends no IP options, so the
 * ports stand at a fixed place. */
static void drop_end(struct filter *f, const struct th_ring_own *own, bool source)
{
    bool v4 = th_addr_is_v4(&own->addr);
    unsigned words = v4 ? 1 : 4;
    uint32_t addr_at = v4 ? (source ? 12u : 16u) : (source ? 8u : 24u);
    uint32_t port_at = (v4 ? 20u : 40u) + (source ? 0u : 2u);
    unsigned left = 2 * (3 + words) + 1; /* instructions of this end, for the way out */
    want(f, BPF_W, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL), v4 ? ETH_P_IP : ETH_P_IPV6,
        (uint8_t)(left -= 2));
    want(f, BPF_B, net(v4 ? 9 : 6), IPPROTO_TCP, (uint8_t)(left -= 2));
    for (unsigned i = 0; i < words; i++)
        want(f, BPF_W, net(addr_at + 4 * i), word_of(own->addr.b + (v4 ? 12 : 0) + 4 * i),
            (uint8_t)(left -= 2));
    want(f, BPF_H, net(port_at), own->port, (uint8_t)(left - 2));
    add(f, BPF_RET | BPF_K, 0, 0, 0);
}

static int set_filter(int fd, const struct th_ring_own *own, size_t count)
{
    struct filter f = {.count = 0};
    for (size_t i = 0; i < count && f.count < MAX_FILTER - 40; i++) {
        drop_end(&f, &own[i], true);
        drop_end(&f, &own[i], false);
    }
    add(&f, BPF_RET | BPF_K, UINT32_MAX, 0, 0);
    struct sock_fprog program = {.len = f.count, .filter = f.v};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

/* ---- the ring ---- */

static int set_ring(int fd, uint64_t bytes)
{
    int version = TPACKET_V3;
    struct tpacket_req3 req = {.tp_block_size = TH_RING_BLOCK_BYTES,
        .tp_block_nr = (unsigned)(bytes / TH_RING_BLOCK_BYTES),
        .tp_frame_size = 2048,
        .tp_retire_blk_tov = TH_RING_RETIRE_MS};
    req.tp_frame_nr = req.tp_block_nr * (req.tp_block_size / req.tp_frame_size);
    if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) < 0)
        return -errno;
    return 0;
}

static int link_of(int fd, const char *interface, int *ret_index, unsigned *ret_type)
{
    struct ifreq req = {0};
    if (strlen(interface) >= sizeof(req.ifr_name))
        return -ENODEV;
    memcpy(req.ifr_name, interface, strlen(interface));
    if (ioctl(fd, SIOCGIFINDEX, &req) < 0)
        return -errno;
    *ret_index = req.ifr_ifindex;
    if (ioctl(fd, SIOCGIFHWADDR, &req) < 0)
        return -errno;
    *ret_type = req.ifr_hwaddr.sa_family;
    return 0;
}

static int set_interface(int fd, int index, unsigned type)
{
    struct packet_mreq all = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
    struct sockaddr_ll addr = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};
    int on = 1;
    /* What goes out over the loopback comes in again: once is enough. */
    if (type == ARPHRD_LOOPBACK &&
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0)
        return -errno;
    return 0;
}

int th_ring_open(const char *interface, uint64_t bytes, const struct th_ring_own *own,
    size_t own_count, uint32_t *ret_linktype)
{
    int index = 0;
    unsigned type = 0;
    /* With protocol 0 it takes nothing until it is bound, filter and ring in place. */
    TH_AUTOCLOSE int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int r = link_of(fd, interface, &index, &type);
    if (r == 0)
        r = set_filter(fd, own, own_count);
    if (r == 0)
        r = set_ring(fd, bytes);
    if (r == 0)
        r = set_interface(fd, index, type);
    if (r < 0)
        return r;
    *ret_linktype = type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK ? LINKTYPE_ETHERNET
        : type == ARPHRD_IEEE80211_RADIOTAP                         ? LINKTYPE_RADIOTAP
                                                                    : LINKTYPE_RAW;
    return TH_TAKE_FD(fd);
}
