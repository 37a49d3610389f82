/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What role import does with one open input: tells its format, reads it to the end
 * as far as it goes, and says what became of it. role_import.c opens the inputs and
 * knows which contents it has had before.
 */
#ifndef TH_MASTER_IMPORT_H
#define TH_MASTER_IMPORT_H

#include "base/stream.h"
#include "event/batch.h"

struct th_import_outcome {
    enum th_source_status status;
    struct th_buf format, message;
};

/* Called now and then with the bytes read so far. */
struct th_import_watch {
    void (*tell)(void *arg, uint64_t bytes);
    void *arg;
};

/* Reads the input; events go to the sink. Negative only when the sink failed: everything that is
 * wrong with the input itself is in the outcome, whose buffers are overwritten. */
int th_import(struct th_stream *in, struct th_str name, const struct th_sink *sink,
    const struct th_import_watch *watch, struct th_import_outcome *ret) TH_WARN_UNUSED;

#endif
