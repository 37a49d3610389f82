/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of AWS VPC flow logs in, connections out: the default format with and without its header
 * line, and any other format by its header line (Amazon VPC User Guide, "Flow log records"). What
 * CloudWatch puts before a line, its time, is read over. The addresses of the packet count where
 * the log has them, those of the interface else. The caller cuts the lines.
 */
#ifndef TH_FLOWLOG_VPC_H
#define TH_FLOWLOG_VPC_H

#include "base/err.h"
#include "event/event.h"
#include "flowlog/lines.h"
#include "flowlog/pair.h"

struct th_vpc;
/* The sink is borrowed. */
struct th_vpc *th_vpc_new(const struct th_sink *sink);
void th_vpc_free(struct th_vpc *v);
/* One line without its end. 0, or what the sink said. */
int th_vpc_line(struct th_vpc *v, struct th_str line) TH_WARN_UNUSED;
/* After the last one: what waited for another direction is given. */
int th_vpc_end(struct th_vpc *v) TH_WARN_UNUSED;
struct th_flowlog_lines *th_vpc_lines(struct th_vpc *v);
/* Whether a file that begins so is one. */
bool th_vpc_is(struct th_str head);

TH_DEFINE_CLEANUP(struct th_vpc, th_vpc_free)

#endif
