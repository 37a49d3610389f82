/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role store of a daemon: the catalogue's only user. It commits what seal wrote, tells queries
 * which files to read, keeps core's findings and answers for them, and follows the log for what
 * people decided, for sensors and for the events of each hour.
 *
 * Descriptors: parent, gateway, intake, core, seal, query.0 to query.N, and the folders segments
 * (with catalogue.db) and log.
 */

#include "base/cursor.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "clock.h"
#include "follow.h"
#include "journal/journal.h"
#include "messages.h"
#include "permits.h"
#include "priv/priv.h"
#include "role_args.h"
#include "roles.h"
#include "status.h"
#include "store.h"
#include "store/findings.h"
#include "store/log.h"

#define SLICE_RECORDS 64u
#define COMMIT_EVERY_NS TH_NS_PER_S
enum { MAX_HOURS = 64, RATE_SECONDS = 10 };

static const char *const edge_names[STORE_EDGES] = {"gateway", "intake", "core", "seal", "query.0",
    "query.1", "query.2", "query.3", "query.4", "query.5", "query.6", "query.7"};

struct store_role {
    struct th_inherited inherited;
    struct th_role_args args;
    int segments_fd, log_fd;
    char path[4200];
    struct th_io segments, log;
    struct th_catalogue *catalogue;
    struct th_edges *edges;
    struct store_files files;
    int64_t now_ns, wall_ns, status_ns;

    struct th_follow *follow;
    bool begun, dirty, in_transaction;
    unsigned intake_generation;
    uint64_t head, applied, committed;
    int64_t reached_ns, commit_ns;
    struct {
        int64_t hour_ns;
        uint64_t events;
    } hours[MAX_HOURS];
    size_t hour_count;
    uint64_t per_second[RATE_SECONDS]; /* events followed, by second */
    int64_t second;

    uint64_t events, findings, refused, requests;
    int findings_err, follow_err;
};

/* ---- the log ---- */

static void note_rate(struct store_role *r, uint64_t events)
{
    int64_t second = r->now_ns / TH_NS_PER_S;
    for (int64_t s = TH_MAX(r->second + 1, second - RATE_SECONDS + 1); s <= second; s++)
        r->per_second[s % RATE_SECONDS] = 0;
    r->second = second;
    r->per_second[second % RATE_SECONDS] += events;
}

/* Of the last whole seconds. */
static double rate(struct store_role *r)
{
    uint64_t sum = 0;
    note_rate(r, 0);
    for (int64_t s = r->second - RATE_SECONDS + 1; s < r->second; s++)
        if (s >= 0)
            sum += r->per_second[s % RATE_SECONDS];
    return (double)sum / (RATE_SECONDS - 1);
}

static void flush_hours(struct store_role *r)
{
    for (size_t i = 0; i < r->hour_count; i++)
        th_findings_follow_events(r->catalogue, r->hours[i].hour_ns, r->hours[i].events);
    r->hour_count = 0;
}

static void begin_transaction(struct store_role *r)
{
    if (!r->in_transaction)
        th_findings_follow(r->catalogue);
    r->in_transaction = true;
}

static void note_hour(struct store_role *r, int64_t time_ns, uint64_t events)
{
    int64_t hour_ns = th_time_floor(time_ns, TH_NS_PER_HOUR);
    for (size_t i = r->hour_count; i-- > 0;) /* mostly the one used last */
        if (r->hours[i].hour_ns == hour_ns) {
            r->hours[i].events += events;
            return;
        }
    if (r->hour_count == MAX_HOURS) {
        begin_transaction(r);
        flush_hours(r);
    }
    r->hours[r->hour_count].hour_ns = hour_ns;
    r->hours[r->hour_count++].events = events;
}

/* The events of a batch are mostly of one hour, but a replay's can be of many. */
static void note_batch(struct store_role *r, const struct th_follow_record *record)
{
    const struct th_event *ev;
    r->reached_ns = TH_MAX(r->reached_ns, TH_MIN(record->complete_until_ns, record->time_ns));
    r->events += record->events;
    note_rate(r, record->events);
    if (record->events == 0)
        return;
    if (th_time_floor(record->first_ns, TH_NS_PER_HOUR) ==
        th_time_floor(record->last_ns, TH_NS_PER_HOUR)) {
        note_hour(r, TH_MIN(record->first_ns, record->time_ns), record->events);
        return;
    }
    /* Where a batch is damaged it ends: core and seal say so. */
    while (th_follow_event(r->follow, &ev) > 0)
        note_hour(r, TH_MIN(ev->time_ns, record->time_ns), 1);
}

static void note_ack(struct store_role *r, const struct th_control *c)
{
    struct th_str incident = th_str_c("");
    struct th_str state = incident;
    struct th_str by = incident;
    struct th_str comment = incident;
    th_json_text(c->object, "incident", &incident);
    th_json_text(c->object, "state", &state);
    th_json_text(json_object_get(c->object, "by"), "name", &by);
    th_json_text(c->object, "comment", &comment);
    begin_transaction(r);
    th_findings_follow_state(r->catalogue, incident, state, by, c->at_ns, comment);
}

static void note_permit(struct store_role *r, const struct th_control *c)
{
    struct th_permit p;
    if (c->type == TH_CONTROL_PERMIT && !th_permit_read(c->object, &p))
        return; /* core and state pass it over, too */
    begin_transaction(r);
    if (c->type == TH_CONTROL_PERMIT)
        th_findings_follow_permit(r->catalogue, c->object, c->at_ns);
    else
        th_findings_follow_permit_end(r->catalogue, c->object, c->at_ns);
}

static void note_sensor(struct store_role *r, const struct th_control *c, const char *key)
{
    struct th_str id;
    struct th_str status;
    if (!th_json_text(c->object, key, &id))
        return;
    begin_transaction(r);
    if (c->type != TH_CONTROL_SENSOR)
        th_findings_follow_silent(r->catalogue, id, c->type == TH_CONTROL_SOURCE_DOWN);
    else if (th_json_text(c->object, "status", &status))
        th_findings_follow_sensor(r->catalogue, id, status);
}

/* True: somebody waits until this one is applied. */
static bool note_control(struct store_role *r, struct th_str body)
{
    struct th_control c;
    bool waits = true;
    if (th_control_get(body, &c) < 0)
        return false;
    switch (c.type) {
    case TH_CONTROL_ACK: note_ack(r, &c); break;
    case TH_CONTROL_PERMIT:
    case TH_CONTROL_PERMIT_END: note_permit(r, &c); break;
    case TH_CONTROL_SENSOR: note_sensor(r, &c, "id"); break;
    case TH_CONTROL_SOURCE_DOWN:
    case TH_CONTROL_SOURCE_UP: note_sensor(r, &c, "sensor"); break;
    case TH_CONTROL_SETTINGS:
        begin_transaction(r);
        th_findings_follow_settings(r->catalogue, body);
        store_files_settings(&r->files, body);
        break;
    default: waits = false;
    }
    th_control_done(&c);
    return waits;
}

static void tell_intake(struct store_role *r, enum th_msg type, uint64_t position)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, position);
    (void)th_edges_send(r->edges, STORE_INTAKE, (uint16_t)type, 0, th_buf_view(&body));
}

static int start_following(struct store_role *r)
{
    uint64_t first;
    uint64_t next;
    uint64_t epoch;
    int err = th_journal_extent(&r->log, &first, &next, &epoch);
    if (err < 0)
        return err;
    uint64_t position = TH_MIN(TH_MAX(th_catalogue_position(r->catalogue, "store"), first), next);
    r->follow = th_follow_new(&r->log);
    err = th_follow_seek(r->follow, position);
    if (err == 0)
        err = th_follow_scan(r->follow, r->head);
    r->applied = r->committed = position;
    r->reached_ns = th_findings_reached_ns(r->catalogue);
    r->begun = err == 0;
    return err;
}

/* The database refused: what was read since the last commit is read again. */
static int start_again(struct store_role *r, int err)
{
    if (r->follow_err == 0)
        th_log(TH_LOG_ERROR, "what the log says cannot be written: %s; it is tried again",
            th_strerror(err));
    r->follow_err = err;
    th_follow_free(TH_TAKE(r->follow));
    r->hour_count = 0;
    r->begun = r->dirty = false;
    r->commit_ns = r->now_ns + COMMIT_EVERY_NS;
    return 0;
}

static int commit(struct store_role *r)
{
    begin_transaction(r);
    flush_hours(r);
    r->in_transaction = false;
    int err = th_findings_follow_commit(r->catalogue, r->applied, r->reached_ns);
    if (err < 0)
        return start_again(r, err);
    r->follow_err = 0;
    r->dirty = false;
    r->committed = r->applied;
    r->commit_ns = r->now_ns + COMMIT_EVERY_NS;
    tell_intake(r, TH_MSG_APPLIED, r->applied);
    tell_intake(r, TH_MSG_SAVED, r->applied);
    return 0;
}

/* A slice of the log, in one go with its transaction: nobody else's comes between. */
static int follow(struct store_role *r)
{
    bool urgent = false;
    for (unsigned i = 0; i < SLICE_RECORDS && r->applied < r->head; i++) {
        struct th_follow_record record;
        int n = th_follow_next(r->follow, r->head, &record);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        if (record.what == TH_FOLLOW_BATCH)
            note_batch(r, &record);
        else if (record.what == TH_FOLLOW_CONTROL)
            urgent |= note_control(r, record.control);
        r->applied = record.position + 1;
        r->dirty = true;
    }
    return urgent || r->in_transaction || (r->dirty && r->now_ns >= r->commit_ns) ? commit(r) : 0;
}

/* ---- findings ---- */

static void tell_notices(struct store_role *r, const struct th_buf *notices)
{
    struct th_cur c = th_cur_init(notices->p, notices->len);
    while (th_cur_left(&c) > 0) {
        TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
        uint8_t name_len = th_cur_u8(&c);
        struct th_str name = th_cur_bytes(&c, name_len);
        uint32_t len = th_cur_le32(&c);
        struct th_str json = th_cur_bytes(&c, len);
        if (c.failed)
            return;
        th_buf_u8(&body, name_len);
        th_buf_str(&body, name);
        th_buf_str(&body, json);
        (void)th_edges_send(r->edges, STORE_GATEWAY, TH_MSG_NOTICE, 0, th_buf_view(&body));
    }
}

static void take_findings(struct store_role *r, const struct th_ipc_message *m)
{
    struct th_findings_news news;
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    int err = th_findings_put(r->catalogue, m->body, r->wall_ns, &news);
    if (err < 0 && r->findings_err == 0)
        th_log(
            TH_LOG_ERROR, "findings cannot be stored: %s; core sends them again", th_strerror(err));
    r->findings_err = err;
    if (err == 0) {
        r->findings += news.stored;
        r->refused += news.refused;
        tell_notices(r, &news.notices);
        th_buf_done(&news.notices);
    }
    th_buf_le64(&body, 0);
    th_buf_le32(&body, (uint32_t)err);
    (void)th_edges_send(r->edges, STORE_CORE, TH_MSG_DONE, m->id, th_buf_view(&body));
}

/* ---- messages ---- */

static void hear_gateway(struct store_role *r)
{
    struct th_ipc_message m;
    while (th_edges_receive(r->edges, STORE_GATEWAY, &m) > 0) {
        if (m.type != TH_MSG_REQUEST)
            continue;
        TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
        store_route(r->catalogue, m.body, rate(r), &out);
        r->requests++;
        (void)th_edges_send(r->edges, STORE_GATEWAY, TH_MSG_ANSWER, m.id, th_buf_view(&out));
    }
}

static void hear_intake(struct store_role *r)
{
    struct th_ipc_message m;
    while (th_edges_receive(r->edges, STORE_INTAKE, &m) > 0) {
        struct th_cur c = th_cur_init(m.body.p, m.body.len);
        uint64_t head = th_cur_le64(&c);
        if (m.type == TH_MSG_HEAD && !c.failed)
            r->head = TH_MAX(r->head, head);
    }
    unsigned generation = th_edges_generation(r->edges, STORE_INTAKE);
    if (r->begun && generation != r->intake_generation) {
        r->intake_generation = generation;
        tell_intake(r, TH_MSG_SAVED, r->committed);
        tell_intake(r, TH_MSG_APPLIED, r->committed);
    }
}

static void hear(struct store_role *r)
{
    struct th_ipc_message m;
    hear_intake(r);
    while (th_edges_receive(r->edges, STORE_SEAL, &m) > 0)
        store_files_from_seal(&r->files, &m, r->now_ns, r->wall_ns);
    while (th_edges_receive(r->edges, STORE_CORE, &m) > 0)
        if (m.type == TH_MSG_FINDINGS)
            take_findings(r, &m);
    for (unsigned edge = STORE_QUERY; edge < STORE_EDGES; edge++)
        while (th_edges_receive(r->edges, edge, &m) > 0)
            store_files_from_query(&r->files, edge, &m, r->now_ns);
    hear_gateway(r);
}

/* ---- status ---- */

static void put_storage(
    struct th_json *j, const struct store_role *r, const struct th_catalogue_totals *t)
{
    th_json_key(j, "storage");
    th_json_open(j);
    th_status_count(j, "data_bytes", t->bytes);
    th_status_count(j, "data_limit", r->files.data_bytes);
    th_status_count(j, "segments", t->files);
    th_status_count(j, "rows", t->rows);
    th_json_key(j, "oldest");
    if (t->oldest_ns != 0)
        th_json_time(j, t->oldest_ns);
    else
        th_json_null(j);
    th_json_close(j);
}

static void tell_status(struct store_role *r)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    struct th_json j = th_json_init(&text);
    struct th_catalogue_totals t;
    th_catalogue_totals_get(r->catalogue, &t);
    th_json_open(&j);
    th_json_key(&j, "counters");
    th_json_open(&j);
    th_status_count(&j, "events", r->events);
    th_status_count(&j, "findings", r->findings);
    th_status_count(&j, "findings_refused", r->refused);
    th_status_count(&j, "requests", r->requests);
    th_status_count(&j, "commits", r->files.commits);
    th_status_count(&j, "expired", r->files.expired);
    th_status_count(&j, "removed", r->files.removed);
    th_json_close(&j);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    th_status_count(&j, "position", r->committed);
    th_status_count(&j, "lag_records", r->head - TH_MIN(r->applied, r->head));
    th_status_count(&j, "holds", r->files.hold_count);
    th_json_key(&j, "events_per_s");
    th_json_double(&j, rate(r));
    th_json_close(&j);
    put_storage(&j, r, &t);
    th_json_key(&j, "problems");
    th_json_open_list(&j);
    th_status_failure(
        &j, "findings", "Findings cannot be stored: %s. They are sent again.", r->findings_err);
    th_status_failure(&j, "catalogue",
        "The catalogue of segments cannot be written: %s. Make room in segments/; nothing is lost "
        "as "
        "long as the log is kept.",
        r->files.commit_err);
    th_status_failure(
        &j, "follow", "What the log says cannot be written: %s. It is tried again.", r->follow_err);
    if (r->files.narrow)
        th_status_failure(&j, "disk_full",
            "The disk of segments/ has next to no room: old events go before their days are over. "
            "Make room there: %s.",
            -ENOSPC);
    th_status_failure(&j, "remove", "An old segment cannot be removed: %s.", r->files.remove_err);
    th_json_close_list(&j);
    th_json_close(&j);
    th_edges_status(r->edges, th_buf_view(&text));
}

/* ---- the role ---- */

static int turn(struct store_role *r)
{
    int err = 0;
    hear(r);
    if (!r->begun && r->head > 0 && r->now_ns >= r->commit_ns)
        err = start_following(r);
    if (err == 0 && r->begun && (r->applied < r->head || r->dirty))
        err = follow(r);
    store_files_turn(&r->files, r->now_ns, r->wall_ns);
    if (r->now_ns - r->status_ns >= TH_NS_PER_S) {
        r->status_ns = r->now_ns;
        tell_status(r);
    }
    return err;
}

static int run(struct store_role *r)
{
    int err = 0;
    r->edges = th_edges_new(&r->inherited, edge_names, STORE_EDGES);
    r->files.edges = r->edges;
    r->files.catalogue = r->catalogue;
    r->files.io = &r->segments;
    r->now_ns = th_clock_ns(CLOCK_MONOTONIC);
    err = store_files_init(&r->files);
    while (err == 0 && !th_edges_stopping(r->edges)) {
        bool idle = !r->begun || r->applied >= r->head;
        err = th_edges_wait(r->edges, NULL, 0, idle ? 250 : 0);
        r->now_ns = th_clock_ns(CLOCK_MONOTONIC);
        r->wall_ns = th_clock_ns(CLOCK_REALTIME);
        if (err == 0)
            err = turn(r);
    }
    if (err == 0 && r->begun && r->dirty)
        err = commit(r);
    return err;
}

static int open_all(struct store_role *r)
{
    char link[64];
    r->segments_fd = th_inherit_get(&r->inherited, "segments", 0);
    r->log_fd = th_inherit_get(&r->inherited, "log", 0);
    if (r->segments_fd < 0 || r->log_fd < 0)
        return -EBADF;
    th_io_folder(&r->segments, &r->segments_fd);
    th_io_folder(&r->log, &r->log_fd);
    /* SQLite goes by paths. */
    snprintf(link, sizeof(link), "/proc/self/fd/%d", r->segments_fd);
    ssize_t n = readlink(link, r->path, sizeof(r->path) - 32);
    if (n < 0)
        return -errno;
    memcpy(r->path + n, "/catalogue.db", sizeof("/catalogue.db"));
    return 0;
}

static int lock(const struct store_role *r)
{
    const struct th_role_folder folders[] = {{r->segments_fd, true}, {r->log_fd, false}};
    struct th_lock_options options = {.uid = r->args.uid,
        .gid = r->args.gid,
        .folders = folders,
        .folder_count = TH_ARRAY_LEN(folders)};
    return th_role_lock_with(TH_ROLE_STORE, &options);
}

static bool take_option(void *arg, const char *name, const char *value)
{
    struct store_role *r = arg;
    return strcmp(name, "--data-bytes") == 0 && th_str_u64(th_str_c(value), &r->files.data_bytes);
}

int role_store(int argc, char **argv)
{
    struct store_role *r = th_xcalloc(1, sizeof(*r));
    r->intake_generation = UINT32_MAX;
    int err = th_role_args_read(argc, argv, "thymus-master store", take_option, r, &r->args);
    if (err == 0)
        err = th_inherit(&r->inherited);
    if (err == 0)
        err = open_all(r);
    if (err == 0)
        err = lock(r);
    if (err == 0)
        err = th_catalogue_open(r->path, &r->catalogue);
    if (err == 0)
        err = run(r);
    if (err < 0)
        th_log(TH_LOG_ERROR, "store stopped: %s", th_strerror(err));
    store_files_done(&r->files);
    th_follow_free(r->follow);
    th_edges_free(r->edges);
    th_catalogue_close(r->catalogue);
    free(r);
    return err < 0 ? 1 : 0;
}
