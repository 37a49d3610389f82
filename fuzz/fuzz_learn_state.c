/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saved learner state from anywhere. The first byte chooses what the rest is given
 * as: a partition's body, the organisation's, a prior's (their frame is made here, so
 * that the checksum hides nothing), the bytes as they are, or an epoch's contribution.
 * What is accepted must be usable: a window is closed with it and it is saved again.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "learn/learn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How each kind of file begins in this version, and a learner's own, which must load again: or the
 * version of a frame could be past and nothing behind it be tried. */
static struct th_buf sample[3];

static void make_samples(const struct th_learn_config *config)
{
    struct th_learn *l = th_learn_new(config);
    th_learn_epoch_done(l, INT64_C(1767571200000000000));
    th_learn_save_partition(l, 0, &sample[0]);
    th_learn_save_org(l, &sample[1]);
    th_learn_save_prior(l, &sample[2]);
    TH_ASSERT(th_learn_load_partition(l, 0, sample[0].p, sample[0].len) == 0);
    TH_ASSERT(th_learn_load_org(l, sample[1].p, sample[1].len) == 0);
    TH_ASSERT(th_learn_load_prior(l, sample[2].p, sample[2].len) == 0);
    th_learn_free(l);
}

static void framed(unsigned what, const uint8_t *body, size_t len, struct th_buf *out)
{
    th_buf_put(out, sample[what].p, 8); /* magic and version */
    th_buf_le64(out, len);
    th_buf_le32(out, th_crc32c(0, body, len));
    th_buf_put(out, body, len);
}

static int load(struct th_learn *l, unsigned what, const uint8_t *p, size_t len)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    int r = -1;
    switch (what) {
    case 0:
        framed(what, p, len, &b);
        for (unsigned part = 0; part < TH_PARTITIONS && r < 0; part++)
            r = th_learn_load_partition(l, part, b.p, b.len);
        return r;
    case 1: framed(what, p, len, &b); return th_learn_load_org(l, b.p, b.len);
    case 2: framed(what, p, len, &b); return th_learn_load_prior(l, b.p, b.len);
    case 3: return th_learn_load_partition(l, 0, p, len);
    default: return th_learn_epoch_in(l, 0, p, len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    /* A learner is dear to make; a partition that is loaded replaces all that was there. */
    static struct th_learn *kept;
    struct th_learn_config config = {.key = {1, 2}, .partitions = UINT64_MAX};
    if (!sample[0].p)
        make_samples(&config);
    bool partition = data[0] % 5 == 0 || data[0] % 5 == 3;
    if (partition && !kept)
        kept = th_learn_new(&config);
    struct th_learn *l = partition ? kept : th_learn_new(&config);
    if (load(l, data[0] % 5, data + 1, size - 1) == 0) {
        TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
        th_learn_close(l, INT64_MAX, NULL, NULL);
        if (!partition)
            th_learn_epoch_done(l, INT64_C(1767571200000000000));
        for (unsigned p = 0; p < TH_PARTITIONS; p++)
            th_learn_save_partition(l, p, &out);
        th_learn_save_org(l, &out);
    }
    if (!partition)
        th_learn_free(l);
    return 0;
}
