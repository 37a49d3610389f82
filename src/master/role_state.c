/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role state: users, sessions, tokens, sensors, settings, asked-for packets and the audit log, in
 * the folder state/ (state.h says what it does; this is how it is reached). Descriptors: state, log
 * (folders), instance-key, control (a listening socket, the operator's), parent, and the edges
 * gateway and intake. A helper computes password hashes (state_hash.h).
 *
 * As a follower of the log it reads controls up to the position that intake has synced; what
 * they change is committed with the position. A stretch without controls is only remembered, and
 * written down every few seconds.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "account/account.h"
#include "base/cursor.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "clock.h"
#include "crypto/random.h"
#include "journal/journal.h"
#include "link/envelope.h"
#include "messages.h"
#include "priv/edge.h"
#include "priv/priv.h"
#include "role_args.h"
#include "roles.h"
#include "state_hash.h"
#include "state_request.h"
#include "store/log.h"
#include "zones.h"

enum { EDGE_GATEWAY, EDGE_INTAKE, EDGE_COUNT };
enum { MAX_CONSOLES = 16, RECORDS_A_TURN = 512, SAVE_EVERY_S = 5 };
static const char *const edge_names[EDGE_COUNT] = {"gateway", "intake"};

struct options {
    struct th_role_args args;
    const char *host_name;
    struct th_settings defaults;
};

struct console {
    struct th_ipc *ipc; /* NULL: free */
    unsigned generation;
};

struct seen {
    uint64_t sensor;
    int64_t time_ns; /* when intake had it */
};

struct role {
    struct options options;
    struct th_inherited in;
    struct th_edges *edges;
    struct th_ipc *helper;
    struct th_keychain *keys;
    struct th_accounts *accounts;
    struct th_state *state;
    struct th_buf zones;
    struct seen *seen; /* sensors whose batches were read since the last save */
    size_t seen_count;
    struct console consoles[MAX_CONSOLES];
    int control, log_folder, own_folder;
    struct th_io log_io, own_io;
    struct th_journal_reader *reader;
    bool reader_placed;
    uint64_t head, applied, saved; /* positions in the log */
    int follow_error;
    unsigned intake_generation;
    int64_t now_ns, tick_ns, saved_ns;
};

/* ---- options ---- */

static bool take_option(void *arg, const char *name, const char *value)
{
    struct options *o = arg;
    uint64_t bytes = 0;
    if (strcmp(name, "--host-name") == 0)
        o->host_name = value;
    else if (strcmp(name, "--data-bytes") == 0 && th_str_u64(th_str_c(value), &bytes))
        o->defaults.data_bytes = (int64_t)TH_MIN(bytes, (uint64_t)INT64_MAX);
    else if (strcmp(name, "--approve-sensors") == 0)
        o->defaults.approve_sensors = strcmp(value, "no") != 0;
    else
        return strcmp(name, "--time-zone") == 0 &&
            snprintf(o->defaults.time_zone, sizeof(o->defaults.time_zone), "%s", value) <
            (int)sizeof(o->defaults.time_zone);
    return true;
}

static int parse_options(int argc, char **argv, struct options *ret)
{
    *ret = (struct options){.host_name = ""};
    th_settings_default(&ret->defaults);
    return th_role_args_read(argc, argv, "thymus-master state", take_option, ret, &ret->args);
}

/* ---- opening ---- */

static int read_key(int fd, uint8_t ret[TH_KEYCHAIN_KEY_BYTES])
{
    ssize_t n = pread(fd, ret, TH_KEYCHAIN_KEY_BYTES, 0);
    if (n < 0)
        return -errno;
    return n == TH_KEYCHAIN_KEY_BYTES ? 0 : TH_E_TRUNCATED;
}

/* The database belongs to whom the role becomes, so that the next start may be anybody's. */
static int own_database(const struct role *role)
{
    TH_AUTOCLOSE int fd = open("state.db", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    if (geteuid() == 0 && role->options.args.uid > 0 &&
        fchown(fd, role->options.args.uid, role->options.args.gid) < 0)
        return -errno;
    return 0;
}

static int open_accounts(struct role *role)
{
    uint8_t key[TH_KEYCHAIN_KEY_BYTES];
    int folder = th_inherit_get(&role->in, "state", 0);
    int r = read_key(th_inherit_get(&role->in, "instance-key", 0), key);
    if (r == 0 && fchdir(folder) < 0)
        r = -errno;
    if (r == 0)
        r = own_database(role);
    if (r == 0) {
        role->keys = th_keychain_new(key);
        r = th_accounts_open("state.db", role->keys, role->now_ns, &role->accounts);
    }
    th_wipe(key, sizeof(key));
    if (r < 0)
        th_log(TH_LOG_ERROR, "state/state.db cannot be opened: %s", th_strerror(r));
    return r;
}

static int lock(const struct role *role)
{
    const struct th_role_folder folders[] = {
        {.fd = th_inherit_get(&role->in, "state", 0), .write = true},
        {.fd = role->log_folder, .write = false}};
    const struct th_lock_options options = {.uid = role->options.args.uid,
        .gid = role->options.args.gid,
        .folders = folders,
        .folder_count = TH_ARRAY_LEN(folders)};
    return th_role_lock_with(TH_ROLE_STATE, &options);
}

/* ---- answers ---- */

static void put_answer(struct th_buf *b, unsigned status, struct th_str cookies, struct th_str body)
{
    th_buf_le16(b, (uint16_t)status);
    th_buf_le16(b, (uint16_t)cookies.len);
    th_buf_str(b, cookies);
    th_buf_str(b, body);
}

static void on_answer(void *arg, const struct th_state_asker *asker, unsigned status,
    struct th_str cookies, struct th_str body)
{
    struct role *role = arg;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    put_answer(&b, status, cookies, body);
    int r = 0;
    if (asker->connection == 0) {
        if (asker->generation == th_edges_generation(role->edges, EDGE_GATEWAY))
            r = th_edges_send(role->edges, EDGE_GATEWAY, TH_MSG_ANSWER, asker->id, th_buf_view(&b));
    } else {
        struct console *o = &role->consoles[asker->connection - 1];
        if (o->ipc && o->generation == asker->generation)
            r = th_ipc_send(o->ipc, TH_MSG_ANSWER, asker->id, th_buf_view(&b));
    }
    if (r < 0)
        th_log(TH_LOG_WARN, "an answer is lost, who asked is gone: %s", th_strerror(r));
    th_wipe(b.p, b.len);
}

static int on_hash(void *arg, uint64_t job, const struct th_state_hash *h)
{
    struct role *role = arg;
    return th_state_hash_send(role->helper, job, h);
}

static int on_control(void *arg, uint64_t job, struct th_str json)
{
    struct role *role = arg;
    return th_edges_send(role->edges, EDGE_INTAKE, TH_MSG_CONTROL, job, json);
}

static int on_look(void *arg, uint64_t job, struct th_str json)
{
    struct role *role = arg;
    return th_edges_send(role->edges, EDGE_GATEWAY, TH_MSG_REQUEST, job, json);
}

/* ---- following the log ---- */

static void tell_position(struct role *role, enum th_msg type, uint64_t position)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_buf_le64(&b, position);
    int r = th_edges_send(role->edges, EDGE_INTAKE, (uint16_t)type, 0, th_buf_view(&b));
    (void)r; /* it is told anew when the edge is up again */
}

static int place_reader(struct role *role)
{
    uint64_t first;
    uint64_t next;
    uint64_t epoch;
    int r = th_journal_seek(role->reader, role->saved);
    if (r == -ENOENT && th_journal_extent(&role->log_io, &first, &next, &epoch) == 0 &&
        role->saved < first) {
        th_log(TH_LOG_WARN,
            "the log begins at %llu, past %llu where state stands: what lay between is "
            "not known here",
            (unsigned long long)first, (unsigned long long)role->saved);
        r = th_journal_seek(role->reader, first);
    }
    role->reader_placed = r == 0;
    return r;
}

static int save(struct role *role, uint64_t position, bool begun)
{
    if (!begun)
        th_state_follow_begin(role->state);
    for (size_t i = 0; i < role->seen_count; i++)
        th_state_follow_seen(role->state, role->seen[i].sensor, role->seen[i].time_ns);
    role->seen_count = 0;
    int r = th_state_follow_end(role->state, position);
    if (r == 0) {
        role->saved = position;
        role->saved_ns = role->now_ns;
        tell_position(role, TH_MSG_SAVED, position);
    } else {
        role->reader_placed = false; /* again from what was saved */
    }
    return r;
}

/* Whose batch it is, to be saved with the position: nothing else of a batch is state's business. */
static void note_batch(struct role *role, const struct th_journal_record *rec)
{
    struct th_record_batch b;
    uint64_t sensor;
    if (th_record_batch_get(rec->body, &b) < 0 || th_envelope_sensor(b.envelope, &sensor) < 0)
        return;
    for (size_t i = 0; i < role->seen_count; i++)
        if (role->seen[i].sensor == sensor) {
            role->seen[i].time_ns = rec->time_ns;
            return;
        }
    if (role->seen_count == TH_SUMMARY_MAX_SENSORS)
        return;
    role->seen = th_xreallocarray(role->seen, role->seen_count + 1, sizeof(*role->seen));
    role->seen[role->seen_count++] = (struct seen){.sensor = sensor, .time_ns = rec->time_ns};
}

/* Reads on, a bounded number of records. 0 or an error, after which the next second tries again. */
static int follow(struct role *role)
{
    bool begun = false;
    struct th_journal_record rec;
    int r = role->reader_placed ? 0 : place_reader(role);
    if (r < 0)
        return r;
    for (int i = 0; i < RECORDS_A_TURN; i++) {
        r = th_journal_read(role->reader, role->head, &rec);
        if (r <= 0)
            break;
        if (rec.type == TH_RECORD_BATCH)
            note_batch(role, &rec);
        if (rec.type != TH_RECORD_CONTROL)
            continue;
        if (!begun)
            th_state_follow_begin(role->state);
        begun = true;
        th_state_follow_control(role->state, rec.body);
    }
    uint64_t position = th_journal_reader_position(role->reader);
    if (begun) {
        int saved = save(role, position, true);
        r = r < 0 ? r : saved;
    }
    if (r < 0) {
        role->reader_placed = false;
        role->applied = role->saved;
        return r;
    }
    role->applied = position;
    tell_position(role, TH_MSG_APPLIED, position);
    return 0;
}

static bool is_behind(const struct role *role)
{
    return role->follow_error == 0 && role->applied < role->head;
}

static void follow_on(struct role *role)
{
    int r = is_behind(role) ? follow(role) : 0;
    if (r < 0 && r != role->follow_error)
        th_log(TH_LOG_ERROR, "the log cannot be followed at %llu: %s; trying again each second",
            (unsigned long long)role->applied, th_strerror(r));
    if (r < 0)
        role->follow_error = r;
}

/* ---- what comes in ---- */

static void take_look(struct role *role, const struct th_ipc_message *m)
{
    struct th_cur c = th_cur_init(m->body.p, m->body.len);
    unsigned status = th_cur_le16(&c);
    th_cur_skip(&c, th_cur_le16(&c)); /* cookies: none */
    struct th_str body = th_cur_bytes(&c, th_cur_left(&c));
    if (c.failed || status < 200 || status > 599)
        status = 502;
    th_state_looked(role->state, role->now_ns, m->id, status, body);
}

static void take_part(struct role *role, const struct th_state_asker *asker, struct th_str body)
{
    struct th_cur c = th_cur_init(body.p, body.len);
    struct th_str json = th_cur_bytes(&c, th_cur_le32(&c));
    struct th_str bytes = th_cur_bytes(&c, th_cur_left(&c));
    if (!c.failed)
        th_state_request(role->state, role->now_ns, asker, json, bytes);
}

static void hear_gateway(struct role *role)
{
    struct th_ipc_message m;
    struct th_state_asker asker = {0};
    while (th_edges_receive(role->edges, EDGE_GATEWAY, &m) > 0) {
        asker.id = m.id;
        asker.generation = th_edges_generation(role->edges, EDGE_GATEWAY);
        switch (m.type) {
        case TH_MSG_ANSWER: take_look(role, &m); break;
        case TH_MSG_REQUEST:
            th_state_request(role->state, role->now_ns, &asker, m.body, th_str_c(""));
            break;
        case TH_MSG_PART: take_part(role, &asker, m.body); break;
        default: break; /* CANCEL: what was begun is finished, and nobody reads the answer */
        }
    }
}

static void hear_intake(struct role *role)
{
    struct th_ipc_message m;
    unsigned generation = th_edges_generation(role->edges, EDGE_INTAKE);
    if (generation != role->intake_generation) {
        role->intake_generation = generation;
        th_state_controls_lost(role->state, role->now_ns);
        tell_position(role, TH_MSG_SAVED, role->saved);
        tell_position(role, TH_MSG_APPLIED, role->applied);
    }
    while (th_edges_receive(role->edges, EDGE_INTAKE, &m) > 0) {
        struct th_cur c = th_cur_init(m.body.p, m.body.len);
        uint64_t position = th_cur_le64(&c);
        if (m.type == TH_MSG_HEAD && !c.failed) {
            role->head = position;
        } else if (m.type == TH_MSG_DONE) {
            int err = (int32_t)th_cur_le32(&c);
            if (err == 0 && !c.failed && position >= role->head)
                role->head = position + 1;
            while (is_behind(role))
                follow_on(role); /* the answer is made of what the tables say */
            th_state_done(role->state, role->now_ns, m.id, c.failed ? TH_E_MALFORMED : err);
        }
    }
    follow_on(role);
}

static int hear_helper(struct role *role)
{
    uint64_t job;
    bool matches;
    char hash[TH_PASSWORD_HASH_LEN];
    int r;
    while ((r = th_state_hash_receive(role->helper, &job, &matches, hash)) > 0)
        th_state_hashed(role->state, role->now_ns, job, matches, hash[0] ? hash : NULL);
    th_wipe(hash, sizeof(hash));
    return r < 0 ? r : th_ipc_flush(role->helper);
}

static void take_console(struct role *role)
{
    int fd = role->control < 0 ? -1 : accept4(role->control, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (size_t i = 0; i < MAX_CONSOLES; i++)
        if (!role->consoles[i].ipc) {
            role->consoles[i].ipc = th_ipc_new(fd, 0);
            role->consoles[i].generation++;
            return;
        }
    close(fd);
}

static void hear_console(struct role *role, unsigned slot)
{
    struct console *o = &role->consoles[slot];
    struct th_ipc_message m;
    int r = th_ipc_flush(o->ipc);
    while (r >= 0 && (r = th_ipc_receive(o->ipc, &m)) > 0) {
        const struct th_state_asker asker = {
            .connection = slot + 1, .generation = o->generation, .id = m.id};
        if (m.type == TH_MSG_REQUEST)
            th_state_request(role->state, role->now_ns, &asker, m.body, th_str_c(""));
    }
    if (r < 0)
        th_ipc_free(TH_TAKE(o->ipc));
}

/* ---- the loop ---- */

static void each_second(struct role *role)
{
    TH_AUTOBUF struct th_buf status = TH_BUF_INIT;
    th_state_tick(role->state, role->now_ns);
    if (role->follow_error < 0) {
        role->follow_error = 0;
        follow_on(role);
    }
    if (role->applied > role->saved &&
        role->now_ns - role->saved_ns >= SAVE_EVERY_S * TH_NS_PER_S) {
        int r = save(role, role->applied, false);
        (void)r; /* stands in the status */
    }
    th_state_status(role->state, role->now_ns, &status);
    th_edges_status(role->edges, th_buf_view(&status));
}

static int turn(struct role *role)
{
    struct pollfd fds[2 + MAX_CONSOLES];
    fds[0] = (struct pollfd){.fd = th_ipc_fd(role->helper), .events = th_ipc_events(role->helper)};
    fds[1] = (struct pollfd){.fd = role->control, .events = POLLIN};
    for (size_t i = 0; i < MAX_CONSOLES; i++) {
        const struct th_ipc *c = role->consoles[i].ipc;
        fds[2 + i] = c ? (struct pollfd){.fd = th_ipc_fd(c), .events = th_ipc_events(c)}
                       : (struct pollfd){.fd = -1};
    }
    int timeout_ms = is_behind(role) ? 0 : 500;
    int r = th_edges_wait(role->edges, fds, TH_ARRAY_LEN(fds), timeout_ms);
    if (r < 0)
        return r;
    role->now_ns = th_clock_ns(CLOCK_REALTIME);
    hear_intake(role);
    hear_gateway(role);
    r = hear_helper(role);
    if (r < 0) {
        th_log(TH_LOG_ERROR, "the password helper ended: %s", th_strerror(r));
        return r;
    }
    if (fds[1].revents)
        take_console(role);
    for (unsigned i = 0; i < MAX_CONSOLES; i++)
        if (role->consoles[i].ipc)
            hear_console(role, i);
    if (role->now_ns - role->tick_ns >= TH_NS_PER_S || role->now_ns < role->tick_ns) {
        role->tick_ns = role->now_ns;
        each_second(role);
    }
    return 0;
}

static int prepare(struct role *role)
{
    uint32_t seed;
    signal(SIGPIPE, SIG_IGN);
    th_random_bytes(&seed, sizeof(seed));
    json_object_seed(seed | 1u);
    role->now_ns = th_clock_ns(CLOCK_REALTIME);
    role->helper = th_state_hash_start(&role->in, role->options.args.uid, role->options.args.gid);
    if (!role->helper)
        return -errno;
    role->control = th_inherit_get(&role->in, "control", 0);
    role->log_folder = th_inherit_get(&role->in, "log", 0);
    th_io_folder(&role->log_io, &role->log_folder);
    role->own_folder = th_inherit_get(&role->in, "state", 0);
    th_io_folder(&role->own_io, &role->own_folder);
    int r = open_accounts(role);
    if (r < 0)
        return r;
    th_zones_load(&role->zones);
    role->edges = th_edges_new(&role->in, edge_names, EDGE_COUNT);
    role->reader = th_journal_reader_new(&role->log_io);
    const struct th_state_config config = {.accounts = role->accounts,
        .keys = role->keys,
        .folder = &role->own_io,
        .instance = role->options.args.instance_name,
        .instance_id = role->options.args.instance_id,
        .host_name = role->options.host_name,
        .defaults = role->options.defaults,
        .zones = th_buf_view(&role->zones)};
    const struct th_state_ops ops = {
        .answer = on_answer, .hash = on_hash, .control = on_control, .look = on_look};
    role->state = th_state_new(&config, &ops, role);
    th_accounts_begin(role->accounts);
    role->saved = role->applied = role->head = th_accounts_position(role->accounts);
    r = th_accounts_commit(role->accounts);
    return r < 0 ? r : lock(role);
}

static void done(struct role *role)
{
    for (size_t i = 0; i < MAX_CONSOLES; i++)
        th_ipc_free(role->consoles[i].ipc);
    th_state_free(role->state);
    th_accounts_close(role->accounts);
    th_keychain_free(role->keys);
    th_journal_reader_free(role->reader);
    th_ipc_free(role->helper);
    th_buf_done(&role->zones);
    free(role->seen);
    th_edges_free(role->edges);
    free(role);
}

int role_state(int argc, char **argv)
{
    struct role *role = th_xcalloc(1, sizeof(*role));
    int r = th_inherit(&role->in);
    if (r == 0)
        r = parse_options(argc, argv, &role->options);
    if (r == 0)
        r = prepare(role);
    if (r < 0)
        th_log(TH_LOG_ERROR, "role state cannot begin: %s", th_strerror(r));
    while (r == 0 && !th_edges_stopping(role->edges))
        r = turn(role);
    if (r == 0 && role->applied > role->saved)
        r = save(role, role->applied, false);
    done(role);
    return r == 0 ? 0 : 1;
}
