/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "inject.h"
#include "out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_INJECTIONS 256u

/* The spool of one day, open. */
struct part {
    struct lab_spool *spool;
    int64_t day;
};

struct lab_parts {
    char dir[512];
    uint64_t source;
    int64_t start_ns;
    struct part office, inject[MAX_INJECTIONS];
};

int lab_parts_open(const char *dir, uint64_t source, int64_t start_ns, struct lab_parts **ret)
{
    if (strlen(dir) >= sizeof((struct lab_parts *)0)->dir)
        return -ENAMETOOLONG;
    if (mkdir(dir, 0777) < 0 && errno != EEXIST)
        return -errno;
    struct lab_parts *p = th_xcalloc(1, sizeof *p);
    snprintf(p->dir, sizeof p->dir, "%s", dir);
    p->source = source;
    p->start_ns = start_ns;
    *ret = p;
    return 0;
}

static int close_one(struct part *s)
{
    int err = s->spool ? lab_spool_close(s->spool) : 0;
    s->spool = NULL;
    return err;
}

/* no: of the injection; -1: of the office. What comes late stays with the day it comes in. */
static int put(struct lab_parts *p, struct part *s, int no, const struct th_event *ev)
{
    int64_t day = (ev->time_ns - p->start_ns) / TH_NS_PER_DAY;
    if (s->spool && day <= s->day)
        return lab_spool_put(s->spool, ev);
    char path[600];
    if (no < 0)
        snprintf(path, sizeof path, "%s/day-%lld.spool", p->dir, (long long)day);
    else
        snprintf(path, sizeof path, "%s/inject-%d-%lld.spool", p->dir, no, (long long)day);
    int err = close_one(s);
    if (err == 0)
        err = lab_spool_open(
            path, lab_chance_hash(p->source, (uint64_t)(no + 1), (uint64_t)day), &s->spool);
    s->day = day;
    return err < 0 ? err : lab_spool_put(s->spool, ev);
}

int lab_parts_put(struct lab_parts *p, uint64_t flow_id, const struct th_event *ev)
{
    uint64_t stream = flow_id >> 32;
    if (stream < LAB_INJECT_STREAM)
        return put(p, &p->office, -1, ev);
    uint64_t n = stream - LAB_INJECT_STREAM;
    return n < MAX_INJECTIONS ? put(p, &p->inject[n], (int)n, ev) : -ERANGE;
}

int lab_parts_close(struct lab_parts *p)
{
    int err = close_one(&p->office);
    for (unsigned i = 0; i < MAX_INJECTIONS; i++) {
        int e = close_one(&p->inject[i]);
        err = err < 0 ? err : e;
    }
    free(p);
    return err;
}
