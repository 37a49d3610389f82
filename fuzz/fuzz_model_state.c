/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scorer, the permits, the incidents and the groups read back: state, prior, an epoch's
 * block, permits, incidents, what is usual. The first byte chooses; file headers are put right, so
 * that the checksum hides nothing.
 */
#include "base/mem.h"
#include "model/group.h"
#include "model/model.h"

#define HEAD 20u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char yaml[] =
    "id: a\nname: A\ndescription: D\ntechnique: T1071\ntactic: impact\n"
    "components: [{feature: upload}]\n---\n"
    "id: b\nname: B\ndescription: D\ntechnique: T1071\ntactic: impact\n"
    "combine: sequence\ncomponents: [{feature: beacon}, {feature: upload}]\n";

enum { SCORER, PERMITS, INCIDENTS, GROUPS, FILES };
/* How each file begins in this version: a frame of another would hide what is behind it. */
static struct th_buf sample[FILES];

static void make_samples(const struct th_models *m)
{
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    struct th_identity *id = th_identity_new(&(struct th_identity_config){.max_entities = 8});
    struct th_incidents *in = th_incidents_new(m, id);
    th_scorer_save(s, &sample[SCORER]);
    th_permits_save(th_scorer_permits(s), &sample[PERMITS]);
    th_incidents_save(in, &sample[INCIDENTS]);
    struct th_groups *g = th_groups_new(m);
    th_groups_save(g, &sample[GROUPS]);
    TH_ASSERT(th_groups_load(g, sample[GROUPS].p, sample[GROUPS].len) == 0);
    th_groups_free(g);
    TH_ASSERT(th_scorer_load(s, sample[SCORER].p, sample[SCORER].len) == 0);
    TH_ASSERT(th_permits_load(th_scorer_permits(s), sample[PERMITS].p, sample[PERMITS].len) == 0);
    TH_ASSERT(th_incidents_load(in, sample[INCIDENTS].p, sample[INCIDENTS].len) == 0);
    th_incidents_free(in);
    th_identity_free(id);
    th_scorer_free(s);
}

static void le(uint8_t *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void head(uint8_t *p, size_t size, unsigned file)
{
    if (size < HEAD)
        return;
    memcpy(p, sample[file].p, 8); /* magic and version */
    le(p + 8, size - HEAD, 8);
    le(p + 16, th_crc32c(0, p + HEAD, size - HEAD), 4);
}

static void ignore_breach(void *arg, const struct th_breach *b)
{
    (void)arg;
    TH_ASSERT(b->evidence_count > 0);
}

static void ignore_permit(void *arg, const struct th_permit *p)
{
    (void)arg;
    TH_ASSERT(p->held > 0);
}

static void ignore_incident(void *arg, const struct th_incident *i)
{
    (void)arg;
    TH_ASSERT(i->title[0] && i->summary[0]);
}

static void use_scorer(struct th_scorer *s)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_signal v = {.feature = (uint16_t)th_feature_find(th_str_c("upload")), .lgp = 3};
    struct th_window w = {.entity = 1, .end_ns = TH_NS_PER_HOUR, .signals = &v, .count = 1};
    th_scorer_window(s, &w, ignore_breach, NULL);
    th_permits_report(th_scorer_permits(s), ignore_permit, NULL);
    th_permits_save(th_scorer_permits(s), &out);
    th_buf_clear(&out);
    th_scorer_epoch_done(s, TH_NS_PER_DAY);
    th_scorer_save(s, &out);
    TH_ASSERT(out.len > HEAD);
}

static void use_groups(const struct th_models *m, const uint8_t *data, size_t len)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_groups *g = th_groups_new(m);
    if (th_groups_load(g, data, len) == 0) {
        th_groups_begin(g, TH_NS_PER_HOUR);
        th_groups_judge(g);
        th_groups_save(g, &out);
        TH_ASSERT(out.len > HEAD);
    }
    th_groups_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_model_error err;
    if (size < 1)
        return 0;
    struct th_models *m = th_models_new();
    TH_ASSERT(th_models_add(m, yaml, sizeof(yaml) - 1, &err) == 0);
    if (!sample[SCORER].p)
        make_samples(m);
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    uint8_t which = data[0] == 4 || data[0] == 5 ? data[0] : data[0] & 3;
    size_t len = size - 1;
    TH_AUTOFREE uint8_t *copy = th_xmalloc(len + 1);
    memcpy(copy, data + 1, len);
    if (which < 2) {
        head(copy, len, SCORER);
        int r = which ? th_scorer_load(s, copy, len) : th_scorer_load_prior(s, copy, len);
        if (r == 0)
            use_scorer(s);
    } else if (which == 2) {
        if (th_scorer_epoch_in(s, 0, copy, len) == 0)
            use_scorer(s);
    } else if (which == 4) {
        head(copy, len, PERMITS);
        if (th_permits_load(th_scorer_permits(s), copy, len) == 0)
            use_scorer(s);
    } else if (which == 5) {
        head(copy, len, GROUPS);
        use_groups(m, copy, len);
    } else {
        struct th_identity *id =
            th_identity_new(&(struct th_identity_config){.max_entities = 8, .max_names = 8});
        struct th_incidents *in = th_incidents_new(m, id);
        head(copy, len, INCIDENTS);
        if (th_incidents_load(in, copy, len) == 0)
            th_incidents_report(in, ignore_incident, NULL);
        th_incidents_free(in);
        th_identity_free(id);
    }
    th_scorer_free(s);
    th_models_free(m);
    return 0;
}
