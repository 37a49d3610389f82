/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side of ring.h. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "ring_fan.h"
#include "ring_filter.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif
#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

enum { LINKTYPE_ETHERNET = 1, LINKTYPE_RAW = 101, LINKTYPE_RADIOTAP = 127 };

static int set_filter(int fd, struct th_ring_program *p)
{
    struct sock_fprog program = {.len = p->count, .filter = p->v};
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

static int bind_to(int fd, int index, unsigned type)
{
    struct sockaddr_ll addr = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};
    int on = 1;
    /* What goes out over the loopback comes in again: once is enough. */
    if (type == ARPHRD_LOOPBACK &&
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0)
        return -errno;
    return bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
}

static int set_interface(int fd, int index, unsigned type)
{
    struct packet_mreq all = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
    int r = bind_to(fd, index, type);
    if (r == 0 && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0)
        r = -errno;
    return r;
}

/* Takes nothing yet. */
static int open_one(const char *interface, uint64_t bytes, unsigned *ret_type)
{
    int index = 0;
    struct th_ring_program none;
    /* With protocol 0 it takes nothing until it is bound, filter and ring in place. */
    TH_AUTOCLOSE int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    th_ring_filter_none(&none);
    int r = link_of(fd, interface, &index, ret_type);
    if (r == 0)
        r = set_filter(fd, &none);
    if (r == 0)
        r = set_ring(fd, bytes);
    if (r == 0)
        r = set_interface(fd, index, *ret_type);
    return r < 0 ? r : TH_TAKE_FD(fd);
}

/* The kernel does not count what a filter leaves out. A second socket sees all that the filter is
 * asked about, but for the sensor's own traffic; nobody reads it, so that its room is full after a
 * packet or two, and each further one costs the kernel a count. */
static int open_seen(const char *interface, const struct th_ring_config *config)
{
    int index = 0, room = 1; /* the least there is */
    unsigned type = 0;
    struct th_ring_program own;
    TH_AUTOCLOSE int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    th_ring_filter_own(&own, config->own, config->own_count, NULL, 0);
    int r = link_of(fd, interface, &index, &type);
    if (r == 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) < 0)
        r = -errno;
    if (r == 0)
        r = set_filter(fd, &own);
    if (r == 0)
        r = bind_to(fd, index, type);
    return r < 0 ? r : TH_TAKE_FD(fd);
}

/* Those of one group share the frames. *group is 0 for the first, who makes it. */
static int join(int fd, unsigned type, unsigned *group)
{
    struct th_ring_program fan;
    unsigned flags = PACKET_FANOUT_CBPF << 16;
    socklen_t len = sizeof(*group);
    if (type == ARPHRD_LOOPBACK)
        flags |= PACKET_FANOUT_FLAG_IGNORE_OUTGOING << 16;
    unsigned value = *group ? *group | flags : flags | PACKET_FANOUT_FLAG_UNIQUEID << 16;
    if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, sizeof(value)) < 0)
        return -errno;
    if (*group)
        return 0;
    th_ring_fan(&fan, type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK ? ETH_HLEN : 0);
    struct sock_fprog program = {.len = fan.count, .filter = fan.v};
    if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof(program)) < 0 ||
        getsockopt(fd, SOL_PACKET, PACKET_FANOUT, group, &len) < 0)
        return -errno;
    *group &= UINT16_MAX;
    return 0;
}

static uint32_t linktype_of(unsigned type)
{
    switch (type) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK: return LINKTYPE_ETHERNET;
    case ARPHRD_IEEE80211_RADIOTAP: return LINKTYPE_RADIOTAP;
    default: return LINKTYPE_RAW;
    }
}

int th_ring_open(const char *interface, const struct th_ring_config *config, int *fds,
    int *ret_seen, uint32_t *ret_linktype)
{
    unsigned type = 0, group = 0;
    struct th_ring_program own;
    const struct th_filter_step *steps = NULL;
    uint32_t step_count = 0;
    int r = 0;
    *ret_seen = -1;
    for (unsigned i = 0; i < config->workers; i++)
        fds[i] = -1;
    for (unsigned i = 0; r == 0 && i < config->workers; i++) {
        fds[i] = open_one(interface, config->bytes, &type);
        r = TH_MIN(fds[i], 0);
        if (r == 0 && config->workers > 1)
            r = join(fds[i], type, &group);
        /* Linux before 6.13 lets none of a group wait for it to come up. */
        if (r == -EINVAL && th_ring_is_up(fds[i], interface) == 0)
            r = -ENETDOWN;
    }
    *ret_linktype = linktype_of(type);
    if (r == 0 && config->filter) {
        steps = th_filter_steps(config->filter, *ret_linktype, &step_count);
        r = steps ? 0 : TH_E_CONFIG;
    }
    th_ring_filter_own(&own, config->own, config->own_count, steps, step_count);
    if (r == 0 && config->filter) { /* before the rings: what comes between counts as left out */
        *ret_seen = open_seen(interface, config);
        r = TH_MIN(*ret_seen, 0);
    }
    for (unsigned i = 0; r == 0 && i < config->workers; i++)
        r = set_filter(fds[i], &own);
    for (unsigned i = 0; r < 0 && i < config->workers; i++)
        th_closep(&fds[i]);
    if (r < 0)
        th_closep(ret_seen);
    return r;
}
