/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of thymus-lab. */
#ifndef TH_LAB_OPTIONS_H
#define TH_LAB_OPTIONS_H

#include "inject.h"

#define LAB_MAX_INJECT 64

struct lab_command {
    struct lab_options sim;
    const char *spool, *parts, *zeek_json, *pcap, *truth;
    const char *inject[LAB_MAX_INJECT];
    unsigned inject_count;
    bool attack, quiet, progress, help;
    const char *attack_at, *life;
    int64_t from_ns; /* events and packets of before are not written */
    uint64_t payload_cap;
};

/* 0, or -EINVAL after the reason was printed to stderr. */
int lab_command_parse(int argc, char **argv, struct lab_command *ret);
void lab_command_help(void);

#endif
