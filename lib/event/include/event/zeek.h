/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zeek logs in, events out: lines of tab-separated logs (with their # headers, also
 * several files one after the other) and of JSON logs, in any mix, go to a sink as
 * events in the order of the lines. The caller cuts the lines; nothing is read
 * from anywhere here.
 *
 * The kind of a line follows from #path, else `_path` or `@stream`, else the file's
 * name ("conn.log", "conn.150000-160000.log.gz", "labeled-conn.log"). Names of fields
 * may have '.' or '_'. What older Zeek versions called otherwise is taken for what it is.
 * A line that does not parse is counted and left out, likewise a single value; the first
 * few of them are told with their line number. Event time is the end of a connection,
 * the answer of a lookup, else `ts`.
 */
#ifndef TH_EVENT_ZEEK_H
#define TH_EVENT_ZEEK_H

#include "base/err.h"
#include "base/mem.h"
#include "event/event.h"

/* Longer lines are counted as bad; the caller cuts them where it likes. */
#define TH_ZEEK_MAX_LINE_BYTES (1u << 20)
#define TH_ZEEK_MAX_COLUMNS 512u

struct th_zeek;

struct th_zeek_result {
    uint64_t lines;        /* with content, headers included */
    uint64_t events;       /* given to the sink */
    uint64_t bad_lines;    /* did not parse */
    uint64_t bad_values;   /* left out of events */
    uint64_t unused;       /* lines of logs that have no use here (notice, stats, ...) */
    bool is_zeek;          /* at least one line was known for a Zeek log's */
    struct th_str format;  /* "zeek-tsv conn", "zeek-json conn dns", ... */
    struct th_str message; /* for a person; empty when all lines were read */
};

/* file_name decides where the lines don't say; may be empty. The sink is borrowed. */
struct th_zeek *th_zeek_new(struct th_str file_name, const struct th_sink *sink);
void th_zeek_free(struct th_zeek *z);
/* One line, without its end of line (a CR before it is dropped). Negative: what the sink said, or
 * TH_E_MALFORMED when the log cannot be read any further (rows before any #fields). */
int th_zeek_line(struct th_zeek *z, struct th_str line) TH_WARN_UNUSED;
/* Counts a line that was longer than TH_ZEEK_MAX_LINE_BYTES. */
void th_zeek_long_line(struct th_zeek *z);
/* What was found so far. Views are the reader's, until the next call on it. */
void th_zeek_result(struct th_zeek *z, struct th_zeek_result *ret);
/* True for the name of a log that Zeek writes and that has no use here. */
bool th_zeek_is_unused(struct th_str path);
/* True for a file name that says which Zeek log it is: "conn.log", "conn.2024-01-01.log.gz". */
bool th_zeek_is_log_name(struct th_str file_name);

TH_DEFINE_CLEANUP(struct th_zeek, th_zeek_free)

#endif
