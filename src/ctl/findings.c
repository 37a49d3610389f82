/* SPDX-License-Identifier: Apache-2.0 */
#include "findings.h"

#include <jansson.h>
#include <math.h>

void findings_library_init(void)
{
    json_object_seed(0);
}

/* ---- values ---- */

static struct th_str str_of(struct findings *f, const json_t *v)
{
    if (!json_is_string(v))
        return th_str_c("");
    return th_arena_str(&f->arena, th_str_n(json_string_value(v), json_string_length(v)));
}

static struct th_str get_str(struct findings *f, const json_t *o, const char *key)
{
    return str_of(f, json_object_get(o, key));
}

static double get_num(const json_t *o, const char *key)
{
    double v = json_number_value(json_object_get(o, key));
    return isfinite(v) ? v : 0;
}

static int64_t time_of(const json_t *v)
{
    int64_t t;
    if (json_is_string(v) &&
        th_time_parse_rfc3339(th_str_n(json_string_value(v), json_string_length(v)), &t))
        return t;
    return TH_TIME_UNSET;
}

static int64_t get_time(const json_t *o, const char *key)
{
    return time_of(json_object_get(o, key));
}

static size_t list_len(const json_t *list)
{
    return TH_MIN(json_array_size(list), (size_t)FIND_MAX_LIST);
}

static struct find_device device_of(struct findings *f, const json_t *o)
{
    return (struct find_device){.id = json_is_string(o) ? str_of(f, o) : get_str(f, o, "id"),
        .ip = get_str(f, o, "ip"),
        .mac = get_str(f, o, "mac"),
        .hostname = get_str(f, o, "hostname"),
        .user = get_str(f, o, "user")};
}

/* A user stands where a device stands. */
static struct find_device user_of(struct findings *f, const json_t *o)
{
    char text[128];
    struct th_str name = get_str(f, o, "name");
    int n = snprintf(text, sizeof(text), "user %.*s", (int)TH_MIN(name.len, 100u), name.p);
    return (struct find_device){.id = get_str(f, o, "id"),
        .hostname = name.len ? th_arena_str(&f->arena, th_str_n(text, (size_t)n)) : name};
}

struct th_str find_device_label(const struct find_device *d)
{
    return d->hostname.len ? d->hostname : d->ip.len ? d->ip : d->id;
}

/* ---- breaches ---- */

static int stronger_first(const void *a, const void *b)
{
    double x = ((const struct find_breach *)a)->score;
    double y = ((const struct find_breach *)b)->score;
    return (x < y) - (x > y);
}

/* Drops the weaker half. */
static void prune_breaches(struct findings *f)
{
    qsort(f->breaches, f->breach_count, sizeof(*f->breaches), stronger_first);
    f->breaches_left_out += f->breach_count / 2;
    f->breach_count -= f->breach_count / 2;
    f->weakest = f->breaches[f->breach_count - 1].score;
}

static struct find_evidence evidence_of(struct findings *f, const json_t *o)
{
    return (struct find_evidence){.feature = get_str(f, o, "feature"),
        .unit = get_str(f, o, "unit"),
        .sentence = get_str(f, o, "sentence"),
        .observed = get_num(o, "observed"),
        .expected = get_num(o, "expected"),
        .low = get_num(o, "low"),
        .high = get_num(o, "high"),
        .p = get_num(o, "p")};
}

static void add_breach(struct findings *f, const json_t *o)
{
    double score = get_num(o, "score");
    if (f->breach_count == FIND_MAX_BREACHES)
        prune_breaches(f);
    if (score < f->weakest) {
        f->breaches_left_out++;
        return;
    }
    if (f->breach_count == f->breach_cap) {
        f->breach_cap = f->breach_cap ? f->breach_cap * 2 : 64;
        f->breaches = th_xreallocarray(f->breaches, f->breach_cap, sizeof(*f->breaches));
    }
    struct find_breach *b = &f->breaches[f->breach_count++];
    const json_t *peer = json_object_get(o, "peer");
    const json_t *user = json_object_get(o, "user");
    *b = (struct find_breach){.id = get_str(f, o, "id"),
        .time_ns = get_time(o, "time"),
        .start_ns = get_time(o, "start"),
        .end_ns = get_time(o, "end"),
        .device = user ? user_of(f, user) : device_of(f, json_object_get(o, "device")),
        .peer = get_str(f, peer, "host"),
        .model = get_str(f, o, "model"),
        .name = get_str(f, o, "name"),
        .technique = get_str(f, o, "technique"),
        .tactic = get_str(f, o, "tactic"),
        .score = score};
    if (b->peer.len == 0)
        b->peer = get_str(f, peer, "ip");
    if (b->name.len == 0)
        b->name = b->model;
    const json_t *list = json_object_get(o, "evidence");
    b->evidence_count = (uint32_t)TH_MIN(json_array_size(list), (size_t)FIND_MAX_EVIDENCE);
    for (uint32_t i = 0; i < b->evidence_count; i++)
        b->evidence[i] = evidence_of(f, json_array_get(list, i));
}

/* ---- the other kinds ---- */

static void add_incident(struct findings *f, const json_t *o)
{
    if (f->incident_count == FIND_MAX_INCIDENTS)
        return;
    f->incidents = th_xreallocarray(f->incidents, f->incident_count + 1, sizeof(*f->incidents));
    const json_t *devices = json_object_get(o, "devices");
    const json_t *ids = json_object_get(o, "breaches");
    const json_t *users = json_object_get(o, "users");
    size_t devices_n = list_len(devices);
    size_t n = devices_n + list_len(users);
    struct find_device *d = th_arena_alloc(&f->arena, (n + 1) * sizeof(*d));
    for (size_t i = 0; i < n; i++)
        d[i] = i < devices_n ? device_of(f, json_array_get(devices, i))
                             : user_of(f, json_array_get(users, i - devices_n));
    size_t m = list_len(ids);
    struct th_str *names = th_arena_alloc(&f->arena, (m + 1) * sizeof(*names));
    for (size_t i = 0; i < m; i++)
        names[i] = str_of(f, json_array_get(ids, i));
    f->incidents[f->incident_count++] = (struct find_incident){.id = get_str(f, o, "id"),
        .title = get_str(f, o, "title"),
        .summary = get_str(f, o, "summary"),
        .start_ns = get_time(o, "start"),
        .end_ns = get_time(o, "end"),
        .score = get_num(o, "score"),
        .alert = json_is_true(json_object_get(o, "alert")),
        .devices = d,
        .device_count = (uint32_t)n,
        .breach_ids = names,
        .breach_id_count = (uint32_t)m};
}

static void add_group(struct findings *f, const json_t *o)
{
    if (f->group_count == FIND_MAX_GROUPS)
        return;
    f->groups = th_xreallocarray(f->groups, f->group_count + 1, sizeof(*f->groups));
    f->groups[f->group_count++] = (struct find_group){.id = get_str(f, o, "id"),
        .sentence = get_str(f, o, "sentence"),
        .start_ns = get_time(o, "start"),
        .end_ns = get_time(o, "end"),
        .score = get_num(o, "score"),
        .alert = json_is_true(json_object_get(o, "alert")),
        .breach_count = (uint32_t)list_len(json_object_get(o, "breaches"))};
}

static void add_error(struct findings *f, const json_t *o)
{
    if (f->error_count == FIND_MAX_ERRORS)
        return;
    f->errors = th_xreallocarray(f->errors, f->error_count + 1, sizeof(*f->errors));
    f->errors[f->error_count++] = (struct find_error){.input = get_str(f, o, "input"),
        .status = get_str(f, o, "status"),
        .message = get_str(f, o, "message")};
}

static void add_trial(struct findings *f, const json_t *o)
{
    if (f->trial_count == FIND_MAX_TRIALS)
        return;
    f->trials = th_xreallocarray(f->trials, f->trial_count + 1, sizeof(*f->trials));
    f->trials[f->trial_count++] =
        (struct find_trial){.model = get_str(f, o, "model"), .name = get_str(f, o, "name")};
}

static void take_kinds(struct findings *f, const json_t *kinds)
{
    struct find_summary *s = &f->summary;
    const char *key;
    json_t *v;
    s->kinds = th_arena_alloc(&f->arena,
        (TH_MIN(json_object_size(kinds), (size_t)FIND_MAX_LIST) + 1) * sizeof(*s->kinds));
    json_object_foreach((json_t *)kinds, key, v)
    {
        if (s->kind_count == FIND_MAX_LIST)
            break;
        s->kinds[s->kind_count++] = (struct find_count){
            .name = th_arena_str(&f->arena, th_str_c(key)), .count = json_number_value(v)};
    }
}

static void take_hours(struct findings *f, const json_t *hours)
{
    struct find_summary *s = &f->summary;
    size_t n = list_len(hours);
    s->hours_list = th_arena_alloc(&f->arena, (n + 1) * sizeof(*s->hours_list));
    for (size_t i = 0; i < n; i++) {
        const json_t *h = json_array_get(hours, i);
        int64_t t = get_time(h, "time");
        if (t != TH_TIME_UNSET)
            s->hours_list[s->hour_count++] =
                (struct find_count){.time_ns = t, .count = get_num(h, "events")};
    }
}

static void take_summary(struct findings *f, const json_t *o)
{
    struct find_summary *s = &f->summary;
    *s = (struct find_summary){.there = true,
        .version = get_str(f, o, "version"),
        .calibration = get_str(f, o, "calibration"),
        .start_ns = get_time(o, "start"),
        .end_ns = get_time(o, "end"),
        .hours = get_num(o, "hours"),
        .events = get_num(o, "events"),
        .packets = get_num(o, "packets"),
        .devices = get_num(o, "devices"),
        .device_hours = get_num(o, "device_hours"),
        .breaches = get_num(o, "breaches"),
        .incidents = get_num(o, "incidents"),
        .alerts = get_num(o, "alerts"),
        .budget_per_day = get_num(o, "budget_per_day"),
        .achieved_per_day = get_num(o, "achieved_per_day"),
        .threshold = get_num(o, "threshold"),
        .pooled_device_hours = get_num(o, "pooled_device_hours"),
        .inputs = get_num(o, "inputs"),
        .unread = get_num(o, "unread"),
        .late_events = get_num(o, "late_events"),
        .models = get_num(o, "models")};
    const json_t *nets = json_object_get(o, "local_networks");
    size_t n = list_len(nets);
    struct th_str *list = th_arena_alloc(&f->arena, (n + 1) * sizeof(*list));
    for (size_t i = 0; i < n; i++)
        list[i] = str_of(f, json_array_get(nets, i));
    s->networks = list;
    s->network_count = (uint32_t)n;
    take_kinds(f, json_object_get(o, "events_by_kind"));
    take_hours(f, json_object_get(o, "events_per_hour"));
}

static void take_line(struct findings *f, const char *line, size_t len)
{
    json_error_t err;
    json_t *o = json_loadb(line, len, JSON_ALLOW_NUL, &err);
    const char *kind = json_string_value(json_object_get(o, "kind"));
    if (!kind)
        f->bad_lines++;
    else if (strcmp(kind, "breach") == 0)
        add_breach(f, o);
    else if (strcmp(kind, "incident") == 0)
        add_incident(f, o);
    else if (strcmp(kind, "group-event") == 0)
        add_group(f, o);
    else if (strcmp(kind, "error") == 0)
        add_error(f, o);
    else if (strcmp(kind, "trial") == 0)
        add_trial(f, o);
    else if (strcmp(kind, "why") == 0)
        f->why = th_arena_str(&f->arena, th_str_n(line, len));
    else if (strcmp(kind, "summary") == 0)
        take_summary(f, o);
    json_decref(o);
}

/* ---- reading ---- */

/* Takes the whole lines out of the front of the buffer. */
static void take_lines(struct findings *f, struct th_buf *b)
{
    size_t at = 0;
    for (;;) {
        const uint8_t *nl = memchr(b->p + at, '\n', b->len - at);
        if (!nl)
            break;
        size_t len = (size_t)(nl - (b->p + at));
        if (len > 0)
            take_line(f, (const char *)b->p + at, len);
        at += len + 1;
    }
    memmove(b->p, b->p + at, b->len - at);
    b->len -= at;
}

static int by_time(const void *a, const void *b)
{
    const struct find_breach *x = a;
    const struct find_breach *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return th_str_cmp(x->id, y->id);
}

static int by_id(const void *a, const void *b)
{
    return th_str_cmp((*(struct find_breach *const *)a)->id, (*(struct find_breach *const *)b)->id);
}

static int best_first(const void *a, const void *b)
{
    const struct find_incident *x = a;
    const struct find_incident *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return th_str_cmp(x->id, y->id);
}

static int best_group_first(const void *a, const void *b)
{
    const struct find_group *x = a;
    const struct find_group *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return th_str_cmp(x->id, y->id);
}

static int earlier(const void *a, const void *b)
{
    return by_time(*(struct find_breach *const *)a, *(struct find_breach *const *)b);
}

/* Finds the breaches of an incident among all, which `index` has by id. */
static void link_incident(struct findings *f, struct find_incident *in, struct find_breach **index)
{
    in->breaches =
        th_arena_alloc(&f->arena, (in->breach_id_count + 1) * sizeof(struct find_breach *));
    for (uint32_t i = 0; i < in->breach_id_count; i++) {
        struct find_breach key = {.id = in->breach_ids[i]};
        struct find_breach *want = &key;
        struct find_breach **found = f->breach_count
            ? bsearch(&want, index, f->breach_count, sizeof(struct find_breach *), by_id)
            : NULL;
        if (!found)
            continue;
        (*found)->in_incident = true;
        in->breaches[in->breach_count++] = *found;
    }
    qsort(in->breaches, in->breach_count, sizeof(struct find_breach *), earlier);
}

static void settle(struct findings *f)
{
    if (f->breach_count)
        qsort(f->breaches, f->breach_count, sizeof(*f->breaches), by_time);
    if (f->incident_count)
        qsort(f->incidents, f->incident_count, sizeof(*f->incidents), best_first);
    if (f->group_count)
        qsort(f->groups, f->group_count, sizeof(*f->groups), best_group_first);
    TH_AUTOFREE struct find_breach **index =
        th_xcalloc(f->breach_count + 1, sizeof(struct find_breach *));
    for (size_t i = 0; i < f->breach_count; i++)
        index[i] = &f->breaches[i];
    qsort(index, f->breach_count, sizeof(struct find_breach *), by_id);
    for (size_t i = 0; i < f->incident_count; i++)
        link_incident(f, &f->incidents[i], index);
}

int findings_read(struct findings *f, int fd)
{
    TH_AUTOBUF struct th_buf b = {.limit = FIND_MAX_LINE_BYTES};
    for (;;) {
        uint8_t *p = th_buf_reserve(&b, 64 * 1024);
        if (!p)
            return TH_E_LIMIT; /* a line longer than any of core's */
        ssize_t n = read(fd, p, 64 * 1024);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        th_buf_commit(&b, (size_t)n);
        take_lines(f, &b);
    }
    f->bad_lines += b.len > 0; /* a line without its end: core was stopped */
    settle(f);
    return 0;
}

void findings_done(struct findings *f)
{
    free(f->breaches);
    free(f->incidents);
    free(f->groups);
    free(f->errors);
    free(f->trials);
    th_arena_done(&f->arena);
}
