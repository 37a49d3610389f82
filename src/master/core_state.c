/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include "base/cursor.h"
#include "base/log.h"
#include "sections.h"

typedef int (*load_fn)(void *object, const uint8_t *data, size_t len_bytes);

static int load_identity(void *o, const uint8_t *data, size_t len)
{
    return th_identity_load(((struct th_core *)o)->shard.identity, data, len);
}

static int load_org(void *o, const uint8_t *data, size_t len)
{
    return th_learn_load_org(((struct th_core *)o)->shard.learn, data, len);
}

static int load_scorer(void *o, const uint8_t *data, size_t len)
{
    return th_scorer_load(((struct th_core *)o)->shard.scorer, data, len);
}

static int load_incidents(void *o, const uint8_t *data, size_t len)
{
    struct th_core *core = o;
    return core->incidents ? th_incidents_load(core->incidents, data, len) : 0;
}

static int load_groups(void *o, const uint8_t *data, size_t len)
{
    return th_groups_load(((struct th_core *)o)->shard.groups, data, len);
}

static int load_learn_prior(void *o, const uint8_t *data, size_t len)
{
    return th_learn_load_prior(((struct th_core *)o)->shard.learn, data, len);
}

static int load_scorer_prior(void *o, const uint8_t *data, size_t len)
{
    return th_scorer_load_prior(((struct th_core *)o)->shard.scorer, data, len);
}

static int load_partitions(void *o, const uint8_t *data, size_t len)
{
    struct th_core *core = o;
    struct th_cur c = th_cur_init(data, len);
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        struct th_str body = th_cur_bytes(&c, th_cur_le32(&c));
        if (c.failed)
            return TH_E_TRUNCATED;
        if (!(core->shard.partitions >> p & 1))
            continue;
        int r = th_learn_load_partition(core->shard.learn, p, (const uint8_t *)body.p, body.len);
        if (r < 0)
            return r;
    }
    return 0;
}

static int load_meta(void *o, const uint8_t *data, size_t len)
{
    struct th_core *core = o;
    struct th_cur c = th_cur_init(data, len);
    core->resumed_ns = (int64_t)th_cur_le64(&c);
    return c.failed ? TH_E_TRUNCATED : 0;
}

static const struct {
    enum th_section tag;
    const char *what;
    load_fn load;
} state_sections[] = {
    {TH_SECTION_META, "meta", load_meta},
    {TH_SECTION_IDENTITY, "identity", load_identity},
    {TH_SECTION_PARTITIONS, "partitions", load_partitions},
    {TH_SECTION_ORG, "organisation", load_org},
    {TH_SECTION_SCORER, "scorer", load_scorer},
    {TH_SECTION_INCIDENTS, "incidents", load_incidents},
    {TH_SECTION_GROUPS, "groups", load_groups},
};

static const struct {
    enum th_section tag;
    const char *what;
    load_fn load;
} prior_sections[] = {
    {TH_SECTION_LEARN_PRIOR, "learner prior", load_learn_prior},
    {TH_SECTION_SCORER_PRIOR, "scorer prior", load_scorer_prior},
};

static int load_section(struct th_core *core, const struct th_buf *whole, enum th_section tag,
    const char *what, load_fn load)
{
    struct th_str body;
    int r = th_sections_find(whole, tag, &body);
    if (r == -ENOENT && tag == TH_SECTION_GROUPS)
        return 0; /* learned from here on */
    if (r == 0)
        r = load(core, (const uint8_t *)body.p, body.len);
    if (r < 0)
        th_log(
            TH_LOG_ERROR, "saved state: section \"%s\" cannot be loaded: %s", what, th_strerror(r));
    return r;
}

int th_core_state_get(struct th_core *core, const struct th_buf *whole)
{
    int r = 0;
    for (size_t i = 0; i < TH_ARRAY_LEN(state_sections) && r == 0; i++)
        r = load_section(
            core, whole, state_sections[i].tag, state_sections[i].what, state_sections[i].load);
    core->state_loaded = r == 0;
    return r;
}

int th_core_load_prior(struct th_core *core)
{
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    int fd = th_inherit_get(&core->inherited, "prior", 0);
    if (fd < 0)
        return 0;
    int r = th_sections_read(fd, &whole);
    for (size_t i = 0; i < TH_ARRAY_LEN(prior_sections) && r == 0; i++)
        r = load_section(
            core, &whole, prior_sections[i].tag, prior_sections[i].what, prior_sections[i].load);
    core->prior_loaded = r == 0;
    return r;
}

int th_core_load(struct th_core *core)
{
    int fd = th_inherit_get(&core->inherited, "state-in", 0);
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    int r = fd >= 0 ? th_sections_read(fd, &whole) : 0;
    if (r < 0)
        return r;
    /* The prior is for a first run only: a state has grown out of it. */
    return whole.len > 0 ? th_core_state_get(core, &whole) : th_core_load_prior(core);
}

static void add(struct th_buf *whole, enum th_section tag, struct th_buf *body)
{
    th_sections_add(whole, tag, body);
    th_buf_clear(body);
}

/* All but the incidents. */
static int put_sections(struct th_core *core, struct th_buf *whole)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_sections_begin(whole);
    int r = th_crew_gather_state(&core->crew, &core->shard, &body);
    if (r < 0 || core->crew.number != 0)
        return r;
    add(whole, TH_SECTION_PARTITIONS, &body);
    th_buf_le64(&body, (uint64_t)(core->events ? core->last_ns : core->resumed_ns));
    add(whole, TH_SECTION_META, &body);
    th_identity_save(core->shard.identity, &body);
    add(whole, TH_SECTION_IDENTITY, &body);
    th_learn_save_org(core->shard.learn, &body);
    add(whole, TH_SECTION_ORG, &body);
    th_scorer_save(core->shard.scorer, &body);
    add(whole, TH_SECTION_SCORER, &body);
    th_groups_save(core->shard.groups, &body);
    add(whole, TH_SECTION_GROUPS, &body);
    return 0;
}

int th_core_state_put(struct th_core *core, struct th_buf *whole)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    int r = put_sections(core, whole);
    if (r < 0 || core->crew.number != 0)
        return r;
    th_incidents_save(core->incidents, &body);
    add(whole, TH_SECTION_INCIDENTS, &body);
    return 0;
}

int th_core_keep(struct th_core *core)
{
    if (th_inherit_get(&core->inherited, "state-out", 0) < 0)
        return 0;
    int r = put_sections(core, &core->kept);
    if (r == 0 && core->incidents)
        th_incidents_save(core->incidents, &core->kept_incidents);
    return r;
}

int th_core_save_kept(struct th_core *core)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    int fd = th_inherit_get(&core->inherited, "state-out", 0);
    if (fd < 0 || core->crew.number != 0)
        return 0;
    int r = th_incidents_save_told(
        core->incidents, core->models, core->kept_incidents.p, core->kept_incidents.len, &body);
    if (r < 0)
        return r;
    add(&core->kept, TH_SECTION_INCIDENTS, &body);
    return th_sections_write(fd, &core->kept);
}

int th_core_save_prior(struct th_core *core)
{
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    int fd = th_inherit_get(&core->inherited, "prior-out", 0);
    if (fd < 0 || core->crew.number != 0)
        return 0;
    th_sections_begin(&whole);
    th_learn_save_prior(core->shard.learn, &body);
    add(&whole, TH_SECTION_LEARN_PRIOR, &body);
    th_scorer_save_prior(core->shard.scorer, &body);
    add(&whole, TH_SECTION_SCORER_PRIOR, &body);
    return th_sections_write(fd, &whole);
}
