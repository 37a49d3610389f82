/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: how events travel and rest between processes. A frame holds up to
 * TH_BATCH_MAX_EVENTS events of one source, in th_event_cmp order, column by
 * column, each column with its wire id and length, the whole compressed with zstd
 * level 1. A spool is a sequence of frames; frames of one *run* follow each other in
 * time order, so a reader merges runs without an index. A second kind of frame tells
 * about a source once it was read to its end.
 *
 * Frame: magic "TEVF", version u8, type u8, u16 zero, payload_len u32, raw_len u32,
 * crc32c u32 of the payload as stored; little-endian; then the payload.
 * Limits: payload 4 MiB, raw 8 MiB; a reader refuses more before it allocates.
 */
#ifndef TH_EVENT_BATCH_H
#define TH_EVENT_BATCH_H

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

#define TH_BATCH_MAX_EVENTS 4096u
#define TH_BATCH_TARGET_RAW_BYTES (1u << 20)
#define TH_FRAME_HEAD_BYTES 20u
#define TH_FRAME_MAX_BYTES (4u << 20)

enum th_frame_type { TH_FRAME_EVENTS = 1, TH_FRAME_SOURCE = 2 };

/* Stands at the front of an event frame's payload, uncompressed: a merger reads it alone. */
struct th_batch_head {
    uint32_t input;            /* index of the input file this came from */
    uint32_t run;              /* number of the sorted run inside the spool */
    uint32_t count;            /* events */
    int64_t first_ns, last_ns; /* event time of the first and last event */
    int64_t complete_until_ns; /* the source brings nothing older than this any more */
};

enum th_source_status {
    TH_SOURCE_READ = 0,       /* to its end */
    TH_SOURCE_PARTIAL = 1,    /* readable up to a fault, see `message` */
    TH_SOURCE_NOT_MINE = 2,   /* of a format that this role does not read */
    TH_SOURCE_UNREADABLE = 3, /* could not be opened or read at all */
    TH_SOURCE_DUPLICATE = 4   /* same content as another input, read once */
};

/* Format and message of a source are cut to this. */
#define TH_SOURCE_MAX_TEXT_BYTES 4096u

/* What a role found out about one input. Its frame comes after all event frames of the input. A
 * content hash is known only then: when two sources of one kind of input have the same `source`,
 * whoever merges the spool drops the events of the later one (status DUPLICATE). */
struct th_source_info {
    uint32_t input;
    uint32_t status; /* enum th_source_status */
    uint64_t source; /* hash of the content, the events' source id; files read as one
                        stream (a capture cut into pieces) share it */
    uint64_t events;
    uint64_t packets; /* captures only */
    uint64_t bytes;   /* read, after decompression */
    int64_t first_ns, last_ns;
    struct th_str format;  /* "pcap", "pcapng", "zeek-tsv conn", ... */
    struct th_str message; /* for a person: what is wrong, empty when nothing is */
};

struct th_batch_writer;
struct th_batch_writer *th_batch_writer_new(void);
void th_batch_writer_free(struct th_batch_writer *w);
/* Strings and lists of one event, bytes; th_batch_add refuses more. */
#define TH_EVENT_MAX_BYTES (1u << 20)
/* Copies the event in; order is the caller's duty. TH_E_LIMIT: full, finish it first. -EMSGSIZE:
 * the event alone is past TH_EVENT_MAX_BYTES. -EINVAL: no such kind. */
int th_batch_add(struct th_batch_writer *w, const struct th_event *ev) TH_WARN_UNUSED;
uint32_t th_batch_count(const struct th_batch_writer *w);
/* True when it holds TH_BATCH_MAX_EVENTS or about TH_BATCH_TARGET_RAW_BYTES. */
bool th_batch_full(const struct th_batch_writer *w);
/* Appends a whole frame to out and empties the writer. head->count, first_ns, last_ns are filled
 * in from the events. */
int th_batch_finish(
    struct th_batch_writer *w, struct th_batch_head *head, struct th_buf *out) TH_WARN_UNUSED;
/* Appends a source frame to out. */
void th_source_info_put(const struct th_source_info *info, struct th_buf *out);

/* Frame header: checks magic, version and limits; ret_len is the length of the payload after
 * TH_FRAME_HEAD_BYTES. */
int th_frame_head(const uint8_t head[TH_FRAME_HEAD_BYTES], enum th_frame_type *ret_type,
    uint32_t *ret_payload_len) TH_WARN_UNUSED;
/* Head of an event frame out of the first bytes of its payload (TH_BATCH_HEAD_BYTES of them). */
#define TH_BATCH_HEAD_BYTES 36u
int th_batch_peek(
    const uint8_t *payload, size_t len_bytes, struct th_batch_head *ret) TH_WARN_UNUSED;
/* A source frame's payload; the strings of ret point into it. */
int th_source_info_get(
    const uint8_t *payload, size_t len_bytes, struct th_source_info *ret) TH_WARN_UNUSED;

/* A whole event frame as th_batch_open takes it, looked at from outside: header, checksum, head,
 * and the length that zstd says it unpacks to. Nothing is unpacked. */
int th_batch_check(const uint8_t *frame, size_t len_bytes, struct th_batch_head *ret_head,
    uint32_t *ret_raw_len) TH_WARN_UNUSED;

struct th_batch_reader;
struct th_batch_reader *th_batch_reader_new(void);
void th_batch_reader_free(struct th_batch_reader *r);
/* Takes a whole frame (header and payload) of type EVENTS; copies what it needs, checks the
 * checksum and every bound. Fields and kinds it does not know are skipped. */
int th_batch_open(struct th_batch_reader *r, const uint8_t *frame, size_t len_bytes,
    struct th_batch_head *ret_head) TH_WARN_UNUSED;
/* 1 and the next event, valid until the next call; 0 at the end; negative when damaged. Its source
 * is 0: whoever reads the source frame sets it. Fields that are not set must be left alone. */
int th_batch_next(struct th_batch_reader *r, struct th_event **ret_ev) TH_WARN_UNUSED;

#endif
