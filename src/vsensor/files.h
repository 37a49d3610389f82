/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capture role's inputs: what each of them is, in which order they are read, and
 * which go on where the one before ended. Order does not depend on the order in which
 * they were given: by the time of the first packet, then by content.
 */
#ifndef TH_VSENSOR_FILES_H
#define TH_VSENSOR_FILES_H

#include "event/batch.h"
#include "packet/capture.h"
#include "priv/spawn.h"

/* An open capture, its first packet already read. */
struct th_open_capture {
    struct th_stream *stream;
    struct th_capture *capture;
    struct th_record record; /* the packet to be used next */
    int next;                /* what th_capture_next said about it: 1, 0 or negative */
};

#define TH_FILE_MESSAGE_LEN 200

struct th_file {
    uint32_t input;
    uint32_t status; /* enum th_source_status: READ while it is to be read */
    int64_t first_ns;
    uint64_t hash;               /* of the content; 0: not known yet */
    struct th_open_capture open; /* of a stream that cannot be opened twice */
    char format[24];
    char message[TH_FILE_MESSAGE_LEN];
    uint64_t packets, bytes;
    int64_t last_ns;
};

struct th_files {
    struct th_file *v; /* those to be read first, in order; then the others */
    size_t count;
    size_t readable;
};

/* Looks into every input. */
void th_files_find(struct th_files *f, struct th_handoff *h);
void th_files_done(struct th_files *f);
/* Opens a file found readable; negative with file->message set. */
int th_file_open(struct th_file *file, struct th_handoff *h, struct th_open_capture *ret);
void th_file_close(struct th_open_capture *c);

#endif
