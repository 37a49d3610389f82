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
    TH_SENSOR_PROGRESS = 16
};

#endif
