/* SPDX-License-Identifier: Apache-2.0 */
#include "live_run.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>

#include "checkpoint.h"
#include "sections.h"

#define INSTANCE 1u

/* ---- what was told ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct live_finding *)a)->key, ((const struct live_finding *)b)->key);
}

const struct live_finding *live_result_find(const struct live_result *r, const char *key)
{
    struct live_finding wanted = {0};
    snprintf(wanted.key, sizeof(wanted.key), "%s", key);
    return r->n ? bsearch(&wanted, r->v, r->n, sizeof(*r->v), by_key) : NULL;
}

static void name_line(struct th_str line, char ret_key[64])
{
    static const char *const names[] = {"id", "incident", "time"};
    json_t *root = json_loadb(line.p, line.len, 0, NULL);
    const char *name = NULL;
    TH_ASSERT(root);
    for (size_t i = 0; !name && i < TH_ARRAY_LEN(names); i++)
        name = json_string_value(json_object_get(root, names[i]));
    snprintf(ret_key, 64, "%s %s", json_string_value(json_object_get(root, "kind")), name);
    json_decref(root);
}

static void remove_finding(struct live_result *r, const char *key)
{
    const struct live_finding *f = live_result_find(r, key);
    if (!f)
        return;
    size_t at = (size_t)(f - r->v);
    free(r->v[at].line);
    memmove(r->v + at, r->v + at + 1, (r->n - at - 1) * sizeof(*r->v));
    r->n--;
}

/* An incident that became part of another is gone, and what is told of it again changes nothing;
 * one that was withdrawn is gone until it is told again. */
static bool is_past(struct live_result *r, const char *key)
{
    char other[80];
    if (strncmp(key, "withdrawn ", 10) == 0) {
        snprintf(other, sizeof(other), "incident %s", key + 10);
        remove_finding(r, other);
    }
    if (strncmp(key, "joined ", 7) == 0) {
        snprintf(other, sizeof(other), "incident %s", key + 7);
        remove_finding(r, other);
    }
    snprintf(other, sizeof(other), "joined %s", key + TH_MIN(strlen(key), strlen("incident ")));
    return strncmp(key, "incident ", 9) == 0 && live_result_find(r, other);
}

static void keep_line(struct live_result *r, uint64_t position, struct th_str line)
{
    struct live_finding *f;
    char key[64];
    name_line(line, key);
    if (is_past(r, key))
        return;
    f = (struct live_finding *)live_result_find(r, key);
    if (!f) {
        if (r->n == r->cap) {
            r->cap = r->cap ? 2 * r->cap : 256;
            r->v = th_xreallocarray(r->v, r->cap, sizeof(*r->v));
        }
        size_t at = 0;
        while (at < r->n && strcmp(r->v[at].key, key) < 0)
            at++;
        memmove(r->v + at + 1, r->v + at, (r->n - at) * sizeof(*r->v));
        r->n++;
        f = &r->v[at];
        *f = (struct live_finding){.first_told = position};
        snprintf(f->key, sizeof(f->key), "%s", key);
    }
    free(f->line);
    f->line = th_xasprintf("%.*s", (int)line.len, line.p);
    f->told++;
}

void live_result_take_lines(struct live_result *r, uint64_t position, struct th_str lines)
{
    while (lines.len)
        keep_line(r, position, th_str_split(&lines, '\n'));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *row_text(const struct th_ev_metric *m)
{
    return th_xasprintf("%lld %.*s %.*s %.17g %.17g %.17g %.17g %.17g\n", (long long)m->ts,
        (int)m->entity.len, m->entity.p, (int)m->feature.len, m->feature.p, m->observed,
        m->expected, m->low, m->high, m->p);
}

static void sort_rows(struct th_str frames, struct th_buf *out)
{
    struct th_batch_reader *reader = th_batch_reader_new();
    char **v = NULL;
    size_t n = 0;
    while (frames.len) {
        struct th_batch_head head;
        enum th_frame_type type;
        uint32_t len;
        struct th_event *ev;
        TH_ASSERT(th_frame_head((const uint8_t *)frames.p, &type, &len) == 0);
        len += TH_FRAME_HEAD_BYTES;
        TH_ASSERT(th_batch_open(reader, (const uint8_t *)frames.p, len, &head) == 0);
        frames = th_str_n(frames.p + len, frames.len - len);
        while (th_batch_next(reader, &ev) > 0) {
            v = th_xreallocarray(v, n + 1, sizeof(*v));
            v[n++] = row_text((const struct th_ev_metric *)ev);
        }
    }
    if (n)
        qsort(v, n, sizeof(*v), by_text);
    for (size_t i = 0; i < n; i++) {
        th_buf_puts(out, v[i]);
        free(v[i]);
    }
    free(v);
    th_batch_reader_free(reader);
}

void live_result_take_rows(struct live_result *r, int64_t epoch_ns, struct th_str frames)
{
    struct live_rows *e = NULL;
    for (size_t i = 0; i < r->epoch_count; i++)
        if (r->epochs[i].epoch_ns == epoch_ns)
            e = &r->epochs[i];
    if (!e) {
        r->epochs = th_xreallocarray(r->epochs, r->epoch_count + 1, sizeof(*r->epochs));
        e = &r->epochs[r->epoch_count++];
        *e = (struct live_rows){.epoch_ns = epoch_ns};
    }
    th_buf_clear(&e->text);
    sort_rows(frames, &e->text);
}

struct collecting {
    struct live_result *result;
    struct th_live *live;
};

static void take_findings(void *arg, struct th_str lines)
{
    struct collecting *c = arg;
    live_result_take_lines(c->result, th_follow_position(c->live->follow), lines);
}

static void take_metrics(void *arg, int64_t epoch_ns, struct th_str frames)
{
    live_result_take_rows(((struct collecting *)arg)->result, epoch_ns, frames);
}

void live_result_done(struct live_result *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->v[i].line);
    for (size_t i = 0; i < r->epoch_count; i++)
        th_buf_done(&r->epochs[i].text);
    free(r->v);
    free(r->epochs);
    *r = (struct live_result){0};
}

char *live_result_differ(const struct live_result *a, const struct live_result *b)
{
    for (size_t i = 0; i < TH_MIN(a->n, b->n); i++) {
        if (strcmp(a->v[i].key, b->v[i].key) != 0)
            return th_xasprintf("%s, %s", a->v[i].key, b->v[i].key);
        if (strcmp(a->v[i].line, b->v[i].line) != 0)
            return th_xasprintf("%s\n# %s", a->v[i].line, b->v[i].line);
    }
    if (a->n != b->n || a->epoch_count != b->epoch_count)
        return th_xasprintf(
            "%zu and %zu findings, %zu and %zu epochs", a->n, b->n, a->epoch_count, b->epoch_count);
    for (size_t i = 0; i < a->epoch_count; i++)
        if (a->epochs[i].epoch_ns != b->epochs[i].epoch_ns ||
            !th_str_eq(th_buf_view(&a->epochs[i].text), th_buf_view(&b->epochs[i].text)))
            return th_xasprintf("the rows of epoch %zu", i);
    return NULL;
}

/* ---- running ---- */

static int model_name(const struct dirent *e)
{
    size_t len = strlen(e->d_name);
    return len > 5 && strcmp(e->d_name + len - 5, ".yaml") == 0;
}

struct th_core *live_core_new(void)
{
    struct th_core *core = th_xcalloc(1, sizeof(*core));
    struct dirent **names;
    int n = scandir(MODELS, &names, model_name, alphasort);
    TH_ASSERT(n > 0);
    core->models = th_models_new();
    for (int i = 0; i < n; i++) {
        struct th_model_error err;
        TH_AUTOBUF struct th_buf yaml = TH_BUF_INIT;
        TH_AUTOFREE char *path = th_xasprintf("%s/%s", MODELS, names[i]->d_name);
        TH_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        TH_ASSERT(fd >= 0 && th_sections_read(fd, &yaml) == 0);
        TH_ASSERT(th_models_add(core->models, (const char *)yaml.p, yaml.len, &err) == 0);
        free(names[i]);
    }
    free(names);
    core->options.alerts_per_day = 5;
    core->inherited.fds[0] =
        (struct th_role_fd){.fd = open(MODELS "/prior.bin", O_RDONLY | O_CLOEXEC), .tag = "prior"};
    TH_ASSERT(core->inherited.fds[0].fd >= 0);
    core->inherited.count = 1;
    return core;
}

void live_core_free(struct th_core *core)
{
    close(core->inherited.fds[0].fd);
    th_models_free(core->models);
    free(core);
}

static void begin(struct th_live *l, struct th_core *core, struct live_log *log,
    const struct live_run_options *o, const struct th_live_out *out)
{
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    uint64_t epoch;
    uint64_t position = 0;
    unsigned skip = 0;
    th_live_init(l, core, th_follow_new(&log->io), out, INSTANCE);
    int r = o->checkpoints ? th_checkpoint_load(o->checkpoints, "core", &skip, &whole) : -ENOENT;
    if (r == 0)
        TH_ASSERT(th_live_load(l, &whole, &epoch, &position) == 0 && epoch == 77);
    else
        TH_ASSERT(r == -ENOENT && th_core_load_prior(core) == 0);
    TH_ASSERT(th_follow_seek(l->follow, position) == 0);
    TH_ASSERT(th_follow_scan(l->follow, log->next) == 0);
}

static void end(struct th_live *l)
{
    struct th_follow *follow = l->follow;
    th_live_done(l);
    th_follow_free(follow);
}

/* A helper process; never returns. */
static void help(struct th_core *core, struct live_log *log, const struct live_run_options *o)
{
    struct th_live l;
    struct th_live_out none = {0};
    enum th_crew_order order;
    uint64_t arg;
    begin(&l, core, log, o, &none);
    while (th_crew_await(&core->crew, &order, &arg) == 0 && order != TH_CREW_END) {
        TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
        int r = order == TH_CREW_ADVANCE ? th_live_run(&l, arg) : th_live_save(&l, 77, &whole);
        if (r < 0)
            _exit(1);
    }
    _exit(0);
}

static void save(struct th_live *l, const struct live_run_options *o)
{
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    TH_ASSERT(th_crew_order(&l->core->crew, TH_CREW_SAVE, 0) == 0);
    TH_ASSERT(th_live_save(l, 77, &whole) == 0);
    TH_ASSERT(th_checkpoint_save(o->checkpoints, "core", &whole) == 0);
}

/* From the checkpoint to the next kill, or to the end; returns the position. */
static uint64_t live_once(
    struct live_log *log, const struct live_run_options *o, uint64_t until, struct live_result *ret)
{
    struct th_core *core = live_core_new();
    struct th_live l;
    struct collecting c = {.result = ret, .live = &l};
    struct th_live_out out = {.findings = take_findings, .metrics = take_metrics, .arg = &c};
    uint64_t step = o->step ? o->step : 16;
    if (o->alerts_per_day > 0)
        core->options.alerts_per_day = o->alerts_per_day;
    TH_ASSERT(th_crew_start(&core->crew, o->shards ? o->shards : 1) == 0);
    if (core->crew.number != 0)
        help(core, log, o);
    begin(&l, core, log, o, &out);
    uint64_t at = th_follow_position(l.follow);
    uint64_t saved = at;
    while (at < until) {
        uint64_t next = TH_MIN(at + step, until);
        TH_ASSERT(th_crew_order(&core->crew, TH_CREW_ADVANCE, next) == 0);
        TH_ASSERT(th_live_run(&l, next) == 0);
        at = next;
        if (o->save_every && at - saved >= o->save_every) {
            save(&l, o);
            saved = at;
        }
    }
    ret->early += l.early;
    ret->looks += l.looks;
    ret->windows_looked += l.windows_looked;
    ret->events += core->events;
    TH_ASSERT(th_crew_order(&core->crew, TH_CREW_END, 0) == 0);
    TH_ASSERT(th_crew_join(&core->crew) == 0);
    end(&l);
    live_core_free(core);
    return at;
}

void live_run(struct live_log *log, const struct live_run_options *options, struct live_result *ret)
{
    uint64_t until = options->kill_every ? options->kill_every : log->next;
    *ret = (struct live_result){0};
    while (live_once(log, options, TH_MIN(until, log->next), ret) < log->next)
        until += options->kill_every;
}
