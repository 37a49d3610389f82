/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the roles of a sensor say to each other (priv/ipc.h). A producer (capture, feed) numbers
 * what it sends from 1 and keeps it until the link role has it on the disk; after a new connection
 * it sends anew what was not told to be saved. A frame carries its producer's run and its number
 * (struct th_batch_head: input and run), so that link knows what it has already, also after
 * a restart: the last frames of its spool say so.
 */
#ifndef TH_VSENSOR_MESSAGES_H
#define TH_VSENSOR_MESSAGES_H

/* The run of a worker of live capture is random but for its remainder, which is the worker's index:
 * another run of one worker means that this one was away, and not that another came. */
#define TH_SENSOR_RUN_WORKERS 8u
/* The collect role has the last of these indices: beside it are 7 workers. */
#define TH_SENSOR_COLLECTOR (TH_SENSOR_RUN_WORKERS - 1)
/* The follow role has the one before, and its run stays the same when it is started again. */
#define TH_SENSOR_FOLLOWER (TH_SENSOR_RUN_WORKERS - 2)

/* A packet is in its ring for at most this long before capture can read it (ring.h): so far behind
 * its arrival is what a frame knows. */
#define TH_SENSOR_BEHIND_MS 200

enum th_sensor_msg {
    /* producer -> link; id: the number */
    TH_SENSOR_FRAME = 10,  /* an event frame of now */
    TH_SENSOR_REPLAY = 11, /* an event frame of recorded input */
    TH_SENSOR_LOST = 12,   /* in place of frames for which there was no room: run u32, zero u32,
                              events u64, first_ns i64, last_ns i64 */
    /* feed -> link: wants to know when the master has all; id is given back */
    TH_SENSOR_DRAIN = 13,
    /* link -> producer; id: all up to this number is on the disk */
    TH_SENSOR_SAVED = 14,
    /* link -> feed: the master has all that was there when DRAIN came */
    TH_SENSOR_DRAINED = 15,
    /* link -> feed, once a second: batches in the spool u64, of these not acknowledged u64, then
     * a sentence about what is wrong (may be empty) */
    TH_SENSOR_PROGRESS = 16,
    /* link -> keep; id: the wish's, chosen by link: a JSON object (link/packets.h) */
    TH_SENSOR_PACKETS = 17,
    /* link -> keep: of the wish of this id nothing more is wanted */
    TH_SENSOR_PACKETS_STOP = 18,
    /* keep -> link: the next part of a pcap file, at most TH_PACKETS_PART_BYTES; link says
     * PACKETS_MORE for each that it has passed on, two are under way at most */
    TH_SENSOR_PACKETS_PART = 19,
    TH_SENSOR_PACKETS_MORE = 20,
    /* keep -> link: that was all: JSON {"packets": n, "bytes": n, "cut": bool, "oldest": time,
     * "problem": text}; cut: there were more than limit_bytes; oldest: of all that is kept;
     * problem: "" or a sentence */
    TH_SENSOR_PACKETS_END = 21,
    /* stream -> capture: a capture that comes over the network (streams.h) begins; id: its own,
     * which is never used again over this connection; who sends it, in words */
    TH_SENSOR_STREAM_BEGIN = 30,
    TH_SENSOR_STREAM_BYTES = 31, /* stream -> capture: its next bytes */
    TH_SENSOR_STREAM_END = 32,   /* stream -> capture: there are no more */
    TH_SENSOR_STREAM_STOP = 33   /* capture -> stream: no more of it is wanted: who sends it, a line
                                    break, and why */
};

#endif
