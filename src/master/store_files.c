/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "base/cursor.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "event/event.h"
#include "messages.h"
#include "store.h"
#include "store/findings.h"

/* A chunk this young is new enough for the next query. */
#define CHUNK_FRESH_NS (TH_NS_PER_S / 2)
#define CHUNK_WAIT_NS (2 * TH_NS_PER_S)
/* No query runs this long; what is held longer was forgotten. */
#define HOLD_MAX_NS (2 * TH_NS_PER_MIN)
#define EXPIRE_EVERY_NS TH_NS_PER_MIN
#define REMOVE_AT_ONCE 16u
#define DEFAULT_DAYS 30u
#define METRIC_DAYS 400u
/* At this part of its room retention shortens; so much of the disk stays free, too. */
#define FULL_TENTHS 9u
#define RESERVE_BYTES ((int64_t)256 << 20)

static void add_gone(struct store_files *f, const char *name, bool hot)
{
    if (f->gone_count == f->gone_room) {
        f->gone_room = f->gone_room ? 2 * f->gone_room : 64;
        f->gone = th_xreallocarray(f->gone, f->gone_room, sizeof(*f->gone));
    }
    struct store_gone *g = &f->gone[f->gone_count++];
    *g = (struct store_gone){.version = f->version, .hot = hot};
    snprintf(g->name, sizeof(g->name), "%s", name);
}

/* What the catalogue retired and what is not on the list yet. */
static int take_retired(struct store_files *f)
{
    TH_AUTOFREE struct th_catalogue_file *files = NULL;
    size_t count = 0;
    int err = th_catalogue_retired(f->catalogue, &files, &count);
    for (size_t i = 0; err == 0 && i < count; i++) {
        bool known = false;
        for (size_t k = 0; k < f->gone_count && !known; k++)
            known = strcmp(f->gone[k].name, files[i].name) == 0;
        if (!known)
            add_gone(f, files[i].name, false);
    }
    return err;
}

static int remove_hot_name(void *arg, const char *name)
{
    const struct store_files *f = arg;
    if (strncmp(name, "hot-", 4) == 0)
        (void)f->io->remove(f->io->arg, name);
    return 0;
}

int store_files_init(struct store_files *f)
{
    for (unsigned k = 0; k < TH_ARRAY_LEN(f->days); k++)
        f->days[k] = k == TH_KIND_METRIC ? METRIC_DAYS : DEFAULT_DAYS;
    f->seal_generation = UINT32_MAX;
    TH_AUTOBUF struct th_buf settings = TH_BUF_INIT;
    th_findings_settings(f->catalogue, &settings);
    if (settings.len > 0)
        store_files_settings(f, th_buf_view(&settings));
    int err = f->io->list(f->io->arg, remove_hot_name, f);
    return err < 0 ? err : take_retired(f);
}

void store_files_done(struct store_files *f)
{
    free(f->hot);
    free(f->gone);
}

void store_files_settings(struct store_files *f, struct th_str json)
{
    json_t *object = json_loadb(json.p, json.len, 0, NULL);
    const json_t *bytes = json_object_get(object, "data_bytes");
    if (json_is_integer(bytes) && json_integer_value(bytes) > 0)
        f->data_bytes = (uint64_t)json_integer_value(bytes);
    const char *key;
    json_t *days;
    json_object_foreach(json_object_get(object, "retention_days"), key, days)
    {
        int kind = th_kind_find(th_str_c(key));
        if (kind > 0 && json_is_integer(days) && json_integer_value(days) >= 0 &&
            json_integer_value(days) <= 36500)
            f->days[kind] = (uint32_t)json_integer_value(days);
    }
    json_decref(object);
}

/* ---- hot chunks ---- */

/* Those whose rows lie below the position are in segments now. */
static void drop_hot(struct store_files *f, uint64_t position)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->hot_count; i++)
        if (f->hot[i].position >= position)
            f->hot[kept++] = f->hot[i];
        else
            add_gone(f, f->hot[i].file.name, true);
    f->hot_count = kept;
}

static void take_chunk(struct store_files *f, struct th_str body)
{
    struct th_cur c = th_cur_init(body.p, body.len);
    uint64_t position = th_cur_le64(&c);
    size_t left = th_cur_left(&c);
    struct th_str json = th_cur_bytes(&c, left);
    TH_AUTOFREE struct th_catalogue_file *files = NULL;
    size_t count = 0;
    if (c.failed || th_catalogue_files_get(json, &files, &count) < 0)
        return;
    f->hot = th_xreallocarray(f->hot, f->hot_count + count + 1, sizeof(*f->hot));
    for (size_t i = 0; i < count; i++)
        f->hot[f->hot_count++] = (struct store_hot){.file = files[i], .position = position};
}

/* ---- answers to queries ---- */

static bool is_wanted(const struct store_waiting *w, const struct th_catalogue_file *f)
{
    return w->kinds >> f->kind & 1 && f->last_ns >= w->from_ns && f->first_ns < w->to_ns;
}

static struct store_hold *new_hold(
    struct store_files *f, const struct store_waiting *w, int64_t now_ns)
{
    if (f->hold_count == STORE_MAX_HOLDS)
        return NULL;
    struct store_hold *h = &f->holds[f->hold_count++];
    *h = (struct store_hold){.id = ++f->last_hold,
        .version = f->version,
        .edge = w->edge,
        .generation = th_edges_generation(f->edges, w->edge),
        .since_ns = now_ns};
    return h;
}

static void answer_hold(
    struct store_files *f, const struct store_waiting *w, bool hot, int64_t now_ns)
{
    TH_AUTOFREE struct th_catalogue_file *files = NULL;
    size_t count = 0;
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    const struct store_hold *h = new_hold(f, w, now_ns);
    int err = h ? th_catalogue_list(f->catalogue, w->kinds, w->from_ns, w->to_ns, &files, &count)
                : TH_E_LIMIT;
    if (err < 0)
        th_log(TH_LOG_WARN, "a query gets no segments: %s", th_strerror(err));
    files = th_xreallocarray(files, count + f->hot_count + 1, sizeof(*files));
    for (size_t i = 0; i < f->hot_count; i++)
        if (is_wanted(w, &f->hot[i].file))
            files[count++] = f->hot[i].file;
    th_buf_printf(&body, "{\"hold\":%llu,\"hot\":%s,\"files\":", h ? (unsigned long long)h->id : 0,
        hot && err == 0 ? "true" : "false");
    th_catalogue_files_put(&body, files, err < 0 ? 0 : count);
    th_buf_u8(&body, '}');
    (void)th_edges_send(f->edges, w->edge, TH_MSG_CATALOGUE, w->message, th_buf_view(&body));
}

static void answer_waiting(struct store_files *f, bool hot, int64_t now_ns)
{
    for (size_t i = 0; i < f->waiting_count; i++)
        answer_hold(f, &f->waiting[i], hot, now_ns);
    f->waiting_count = 0;
}

static bool get_int(const json_t *object, const char *key, int64_t *ret)
{
    const json_t *v = json_object_get(object, key);
    if (json_is_integer(v))
        *ret = json_integer_value(v);
    return !v || json_is_integer(v);
}

static void take_hold(
    struct store_files *f, unsigned edge, const struct th_ipc_message *m, int64_t now_ns)
{
    struct store_waiting w = {.message = m->id,
        .edge = edge,
        .from_ns = INT64_MIN,
        .to_ns = INT64_MAX,
        .deadline_ns = now_ns + CHUNK_WAIT_NS};
    json_t *object = json_loadb(m->body.p, m->body.len, 0, NULL);
    const json_t *kinds = json_object_get(object, "kinds");
    size_t i;
    json_t *kind;
    if (!kinds)
        w.kinds = UINT64_MAX;
    json_array_foreach(kinds, i, kind)
    {
        int number = json_is_string(kind) ? th_kind_find(th_str_c(json_string_value(kind))) : -1;
        if (number > 0)
            w.kinds |= UINT64_C(1) << number;
    }
    bool ok = get_int(object, "from_ns", &w.from_ns) && get_int(object, "to_ns", &w.to_ns);
    json_decref(object);
    if (!ok)
        w.kinds = 0;
    bool fresh = now_ns - f->chunk_ns < CHUNK_FRESH_NS && !f->chunk_asked && f->chunk_ns > 0;
    bool asks = !fresh && f->waiting_count < STORE_MAX_WAITING;
    bool asked = asks &&
        (f->chunk_asked ||
            (th_edges_up(f->edges, STORE_SEAL) &&
                th_edges_send(f->edges, STORE_SEAL, TH_MSG_CHUNK, ++f->chunk_id, th_str_c("")) ==
                    0));
    if (!asked) {
        answer_hold(f, &w, fresh, now_ns);
        return;
    }
    f->chunk_asked = true;
    f->waiting[f->waiting_count++] = w;
}

static void drop_hold(struct store_files *f, size_t at)
{
    f->holds[at] = f->holds[--f->hold_count];
}

void store_files_from_query(
    struct store_files *f, unsigned edge, const struct th_ipc_message *m, int64_t now_ns)
{
    if (m->type == TH_MSG_HOLD) {
        take_hold(f, edge, m, now_ns);
        return;
    }
    struct th_cur c = th_cur_init(m->body.p, m->body.len);
    uint64_t id = th_cur_le64(&c);
    for (size_t i = 0; m->type == TH_MSG_RELEASE && !c.failed && i < f->hold_count; i++)
        if (f->holds[i].id == id && f->holds[i].edge == edge) {
            drop_hold(f, i);
            break;
        }
}

/* ---- what seal says ---- */

static void done(struct store_files *f, uint64_t id, uint64_t position, int err)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, position);
    th_buf_le32(&body, (uint32_t)err);
    (void)th_edges_send(f->edges, STORE_SEAL, TH_MSG_DONE, id, th_buf_view(&body));
}

static void commit(struct store_files *f, const struct th_ipc_message *m, int64_t wall_ns)
{
    struct th_catalogue_change change;
    int err = th_catalogue_change_get(m->body, &change);
    if (err < 0) {
        th_log(TH_LOG_ERROR, "a change of the catalogue is malformed: %s; it is refused",
            th_strerror(err));
        done(f, m->id, 0, 0); /* the same again would be no better */
        return;
    }
    err = th_catalogue_commit(f->catalogue, &change, wall_ns);
    if (err < 0 && f->commit_err == 0)
        th_log(TH_LOG_ERROR, "the catalogue cannot be written: %s; seal tries again",
            th_strerror(err));
    f->commit_err = err;
    if (err == 0) {
        f->version++;
        f->commits++;
        if (change.has_position)
            drop_hot(f, change.position);
        (void)take_retired(f); /* what fails now is taken with the next */
    }
    done(f, m->id, change.position, err);
    th_catalogue_change_done(&change);
}

static void tell_catalogue(struct store_files *f, uint64_t id)
{
    TH_AUTOFREE struct th_catalogue_file *files = NULL;
    size_t count = 0;
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    int err = th_catalogue_list(f->catalogue, UINT64_MAX, INT64_MIN, INT64_MAX, &files, &count);
    if (err < 0) {
        th_log(TH_LOG_ERROR, "the catalogue cannot be read: %s", th_strerror(err));
        return;
    }
    th_buf_le64(&body, th_catalogue_position(f->catalogue, "seal"));
    th_catalogue_files_put(&body, files, count);
    (void)th_edges_send(f->edges, STORE_SEAL, TH_MSG_CATALOGUE, id, th_buf_view(&body));
}

void store_files_from_seal(
    struct store_files *f, const struct th_ipc_message *m, int64_t now_ns, int64_t wall_ns)
{
    if (m->type == TH_MSG_COMMIT) {
        commit(f, m, wall_ns);
    } else if (m->type == TH_MSG_CATALOGUE) {
        tell_catalogue(f, m->id);
    } else if (m->type == TH_MSG_CHUNK) {
        take_chunk(f, m->body);
        if (m->id != f->chunk_id)
            return; /* it comes late, and is too old for those that wait now */
        f->chunk_asked = false;
        f->chunk_ns = now_ns;
        answer_waiting(f, true, now_ns);
    }
}

/* ---- what is due ---- */

/* A seal that was started anew knows nothing of the chunks of the one before. */
static void look_at_seal(struct store_files *f)
{
    unsigned generation = th_edges_generation(f->edges, STORE_SEAL);
    if (generation == f->seal_generation && th_edges_up(f->edges, STORE_SEAL))
        return;
    if (th_edges_up(f->edges, STORE_SEAL))
        f->seal_generation = generation;
    f->version++;
    drop_hot(f, UINT64_MAX);
    f->chunk_asked = false;
    f->chunk_ns = 0;
}

static void end_holds(struct store_files *f, int64_t now_ns)
{
    for (size_t i = 0; i < f->hold_count;) {
        const struct store_hold *h = &f->holds[i];
        bool gone = !th_edges_up(f->edges, h->edge) ||
            th_edges_generation(f->edges, h->edge) != h->generation ||
            now_ns - h->since_ns > HOLD_MAX_NS;
        if (gone)
            drop_hold(f, i);
        else
            i++;
    }
}

static bool is_held(const struct store_files *f, uint64_t version)
{
    for (size_t i = 0; i < f->hold_count; i++)
        if (f->holds[i].version < version)
            return true;
    return false;
}

static bool remove_one(struct store_files *f, const struct store_gone *g)
{
    int err = f->io->remove(f->io->arg, g->name);
    if (err == -ENOENT)
        err = 0;
    if (err == 0 && !g->hot)
        err = th_catalogue_forget(f->catalogue, g->name);
    if (err == 0)
        f->removed++;
    f->remove_err = err;
    return err == 0;
}

static void remove_some(struct store_files *f)
{
    size_t kept = 0;
    unsigned removed = 0;
    for (size_t i = 0; i < f->gone_count; i++) {
        bool may = removed < REMOVE_AT_ONCE && !is_held(f, f->gone[i].version);
        if (may && remove_one(f, &f->gone[i]))
            removed++;
        else
            f->gone[kept++] = f->gone[i];
    }
    f->gone_count = kept;
}

/* Bytes that events may take: less when the disk becomes narrow. Whoever fills the disk then takes
 * old events' room, but the last day's stay: new ones wait in the log until somebody makes room. */
static uint64_t room(struct store_files *f, int64_t reached_ns)
{
    struct th_catalogue_totals t;
    th_catalogue_totals_get(f->catalogue, &t);
    uint64_t max = f->data_bytes / 10 * FULL_TENTHS;
    int64_t left = f->io->free_bytes(f->io->arg);
    f->narrow = left >= 0 && left < RESERVE_BYTES;
    if (f->narrow && t.retired_files == 0) {
        uint64_t less = (uint64_t)(RESERVE_BYTES - left);
        uint64_t fits = t.bytes > less ? t.bytes - less : 1;
        int64_t day_ns = th_time_sub(reached_ns, TH_NS_PER_DAY);
        fits = TH_MAX(fits, th_catalogue_bytes_since(f->catalogue, day_ns));
        fits = TH_MAX(fits, UINT64_C(1)); /* 0 would be no limit */
        max = max == 0 ? fits : TH_MIN(max, fits);
    }
    return max;
}

static void expire(struct store_files *f)
{
    int64_t reached_ns = th_findings_reached_ns(f->catalogue);
    if (reached_ns == 0)
        return;
    int n = th_catalogue_expire(
        f->catalogue, f->days, TH_ARRAY_LEN(f->days), room(f, reached_ns), reached_ns);
    if (n < 0) {
        th_log(TH_LOG_ERROR, "old events cannot be retired: %s", th_strerror(n));
    } else if (n > 0) {
        f->expired += (uint64_t)n;
        f->version++;
        (void)take_retired(f);
        th_log(TH_LOG_INFO, "%d segments are past their time or their room and go", n);
    }
}

void store_files_turn(struct store_files *f, int64_t now_ns, int64_t wall_ns)
{
    (void)wall_ns;
    look_at_seal(f);
    end_holds(f, now_ns);
    if (f->waiting_count > 0 && (now_ns >= f->waiting[0].deadline_ns || !f->chunk_asked)) {
        answer_waiting(f, false, now_ns);
        f->chunk_asked = false; /* should the answer never come, the next query asks again */
    }
    if (f->gone_count > 0)
        remove_some(f);
    if (now_ns >= f->expire_ns) {
        f->expire_ns = now_ns + EXPIRE_EVERY_NS;
        expire(f);
    }
}
