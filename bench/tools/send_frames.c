/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send_frames INTERFACE CAPTURE [TIMES [RATE]]: sends the frames of a capture out of an interface,
 * 64 a call and past the queueing discipline, as fast as it goes or RATE frames a second, the whole
 * capture TIMES times. Prints how many went out and the seconds they took.
 */
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "packet/capture.h"

enum { CALL_FRAMES = 64, MAX_FRAME = 1514 };

TH_DEFINE_CLEANUP(struct th_capture, th_capture_free)

struct frames {
    struct iovec *v;
    size_t count, room;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * TH_NS_PER_S + t.tv_nsec;
}

/* Those that the interface can carry. */
static int load(const char *path, struct frames *f)
{
    struct th_stream *stream TH_CLEANUP(th_stream_freep) = NULL;
    struct th_capture *capture TH_CLEANUP(th_capture_freep) = NULL;
    struct th_record rec;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : th_stream_open(fd, &stream);
    if (r == 0)
        r = th_capture_open(stream, &capture);
    while (r >= 0 && (r = th_capture_next(capture, &rec)) == 1) {
        if (rec.cap_len > MAX_FRAME || rec.cap_len < 14)
            continue;
        if (f->count == f->room) {
            f->room = f->room ? f->room * 2 : 1024;
            f->v = th_xreallocarray(f->v, f->room, sizeof(*f->v));
        }
        void *copy = th_xmalloc(rec.cap_len);
        memcpy(copy, rec.data, rec.cap_len);
        f->v[f->count++] = (struct iovec){.iov_base = copy, .iov_len = rec.cap_len};
    }
    return r;
}

static int open_socket(const char *interface)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
    int past = 1;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0 || !to.sll_ifindex || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &past, sizeof(past)) < 0)
        return -errno;
    return fd;
}

/* Waits until so many frames are due. */
static void pace(int64_t begin_ns, uint64_t sent, uint64_t rate)
{
    int64_t due_ns = begin_ns + (int64_t)((double)sent / (double)rate * 1e9);
    struct timespec t = {.tv_sec = due_ns / TH_NS_PER_S, .tv_nsec = due_ns % TH_NS_PER_S};
    if (due_ns > now_ns())
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int send_all(int fd, const struct frames *f, uint64_t *sent, int64_t begin_ns, uint64_t rate)
{
    struct mmsghdr m[CALL_FRAMES];
    for (size_t at = 0; at < f->count;) {
        unsigned n = (unsigned)TH_MIN(f->count - at, (size_t)CALL_FRAMES);
        memset(m, 0, sizeof(m));
        for (unsigned i = 0; i < n; i++)
            m[i].msg_hdr = (struct msghdr){.msg_iov = &f->v[at + i], .msg_iovlen = 1};
        int went = sendmmsg(fd, m, n, 0);
        if (went < 0 && errno != ENOBUFS && errno != EINTR && errno != EAGAIN)
            return -errno;
        went = TH_MAX(went, 0);
        at += (size_t)went;
        *sent += (uint64_t)went;
        if (rate)
            pace(begin_ns, *sent, rate);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct frames f = {0};
    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: send_frames INTERFACE CAPTURE [TIMES [RATE]]\n");
        return 2;
    }
    unsigned long times = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    uint64_t rate = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    int fd = open_socket(argv[1]);
    int r = fd < 0 ? fd : load(argv[2], &f);
    uint64_t sent = 0;
    int64_t begin_ns = now_ns();
    for (unsigned long i = 0; r == 0 && i < times; i++)
        r = send_all(fd, &f, &sent, begin_ns, rate);
    if (r < 0) {
        fprintf(stderr, "send_frames: %s\n", th_strerror(r));
        return 1;
    }
    printf("%llu %.3f\n", (unsigned long long)sent, (double)(now_ns() - begin_ns) / 1e9);
    return 0;
}
