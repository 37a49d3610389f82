/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files, read from front to back out of a th_stream: pcap (micro- and
 * nanoseconds, either byte order, Kuznetzov's variant, the swapped lengths of version
 * 2.2) and pcapng (several sections and interfaces, time resolution and offset,
 * enhanced, simple and the obsolete packet blocks; other blocks are skipped).
 *
 * A file that is damaged is read up to the damage; then th_capture_next says a negative error
 * and th_capture_message tells a person what is wrong and where.
 *
 * Over a fed stream both th_capture_open and th_capture_next say -EAGAIN when they need more bytes
 * than have come: feed it, and call again. It is to be fed then only.
 */
#ifndef TH_PACKET_CAPTURE_H
#define TH_PACKET_CAPTURE_H

#include "base/stream.h"
#include "base/time.h"

/* More than any link carries in one frame, offloaded segments included; what claims more is
 * damaged. */
#define TH_CAPTURE_MAX_RECORD (256u << 10)
/* Interfaces of one pcapng section that are kept; packets of further ones are an error. */
#define TH_CAPTURE_MAX_INTERFACES 4096u

struct th_record {
    int64_t time_ns;
    uint32_t cap_len;    /* bytes at data */
    uint32_t wire_len;   /* bytes on the wire; never below cap_len */
    uint32_t linktype;   /* LINKTYPE_ number */
    bool wire_clamped;   /* the file claimed an impossible wire length: cap_len stands for it */
    const uint8_t *data; /* valid until the next call */
};

struct th_capture;

/* Reads the file's head. The stream stays the caller's and must outlive the capture.
 * TH_E_UNKNOWN_FORMAT when it is no capture (also when empty). */
int th_capture_open(struct th_stream *s, struct th_capture **ret) TH_WARN_UNUSED;
void th_capture_free(struct th_capture *c);
/* 1: a packet; 0: the end; negative: an error, after which there is nothing more to read. */
int th_capture_next(struct th_capture *c, struct th_record *ret) TH_WARN_UNUSED;
/* The next packet's record lies ready: reading it leaves the data of those before it valid. */
bool th_capture_ready(const struct th_capture *c);
/* What went wrong, one sentence without a line break, numbers readable; "" when nothing did. */
const char *th_capture_message(const struct th_capture *c);
/* "pcap", "nanosecond pcap" or "pcapng". */
const char *th_capture_format(const struct th_capture *c);
uint64_t th_capture_records(const struct th_capture *c); /* packets read so far */
uint64_t th_capture_clamped(const struct th_capture *c); /* of these with wire_clamped */

#endif
