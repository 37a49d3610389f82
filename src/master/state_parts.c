/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of packets that a sensor brings: held against its signature and their order, sealed, and
 * appended to the ask's file; nobody here looks into them. A part that comes twice is taken once.
 */
#include "base/cursor.h"
#include "base/log.h"
#include "crypto/base64.h"
#include "crypto/hash.h"
#include "link/packets.h"
#include "state_packets.h"

#define RECORD_BYTES (64u << 10)
#define MAX_SEALED (RECORD_BYTES + 256u)
#define NAME_ROOM (TH_ASK_ID_LEN + 8u)
/* A keep may count the file's own head, or not. */
#define LIMIT_SLACK ((int64_t)TH_PACKETS_PART_BYTES)

static void name_of(const char *id, char ret[NAME_ROOM])
{
    snprintf(ret, NAME_ROOM, "%s.packets", id);
}

static void context_of(const char *id, uint64_t at, char ret[64])
{
    snprintf(ret, 64, "packets %s %llu", id, (unsigned long long)at);
}

/* ---- files ---- */

static int append_record(
    struct th_state *s, int file, struct st_arrival *to, const char *id, struct th_str plain)
{
    const struct th_io *io = s->config.folder;
    TH_AUTOBUF struct th_buf record = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf sealed = TH_BUF_INIT;
    char context[64];
    context_of(id, (uint64_t)to->stored, context);
    int r = th_keychain_seal(s->config.keys, context, plain, &sealed);
    if (r < 0)
        return r;
    th_buf_le32(&record, (uint32_t)sealed.len);
    th_buf_str(&record, th_buf_view(&sealed));
    r = th_io_write_all(io, file, record.p, record.len, (uint64_t)to->stored);
    if (r < 0)
        return r;
    to->stored += (int64_t)record.len;
    to->bytes += plain.len;
    return 0;
}

static int open_file(struct th_state *s, const char *id, bool fresh)
{
    const struct th_io *io = s->config.folder;
    char name[NAME_ROOM];
    name_of(id, name);
    if (fresh)
        st_packets_drop(s, id);
    return io->open(io->arg, name, fresh ? TH_IO_CREATE : TH_IO_WRITE);
}

/* All of the part, or nothing that counts: what a failure leaves lies past `stored`. */
static int append(struct th_state *s, struct st_arrival *to, const char *id, struct th_str bytes)
{
    const struct th_io *io = s->config.folder;
    struct st_arrival grown = *to;
    int file = open_file(s, id, to->next == 0);
    int r = file < 0 ? file : 0;
    for (uint32_t at = 0; r == 0 && at < bytes.len; at += RECORD_BYTES)
        r = append_record(
            s, file, &grown, id, th_str_n(bytes.p + at, TH_MIN(bytes.len - at, RECORD_BYTES)));
    if (file >= 0)
        io->close(io->arg, file);
    if (r == 0)
        *to = grown;
    return r;
}

static int make_last(struct th_state *s, const char *id)
{
    const struct th_io *io = s->config.folder;
    int file = open_file(s, id, false);
    int r = file < 0 ? file : io->sync(io->arg, file);
    if (file >= 0)
        io->close(io->arg, file);
    return r < 0 ? r : io->sync_folder(io->arg);
}

int st_packets_read(
    struct th_state *s, const char *id, uint64_t at, struct th_buf *out, uint64_t *ret_next)
{
    const struct th_io *io = s->config.folder;
    TH_AUTOBUF struct th_buf sealed = TH_BUF_INIT;
    uint8_t head[4];
    char context[64];
    int file = open_file(s, id, false);
    int r = file < 0 ? file : th_io_read_all(io, file, head, sizeof(head), at);
    struct th_cur c = th_cur_init(head, sizeof(head));
    uint32_t n = r == 0 ? th_cur_le32(&c) : 0;
    if (r == 0 && n > MAX_SEALED)
        r = TH_E_MALFORMED;
    if (r == 0)
        r = th_io_read_all(io, file, th_buf_reserve(&sealed, n), n, at + sizeof(head));
    if (file >= 0)
        io->close(io->arg, file);
    if (r < 0)
        return r;
    th_buf_commit(&sealed, n);
    context_of(id, at, context);
    r = th_keychain_open(s->config.keys, context, th_buf_view(&sealed), out);
    if (r == 0)
        *ret_next = at + sizeof(head) + n;
    return r;
}

bool st_packets_whole(struct th_state *s, const struct th_ask *k)
{
    const struct th_io *io = s->config.folder;
    int file = open_file(s, k->id, false);
    bool whole = file >= 0 && io->size(io->arg, file) >= k->stored;
    if (file >= 0)
        io->close(io->arg, file);
    return whole;
}

void st_packets_drop(struct th_state *s, const char *id)
{
    const struct th_io *io = s->config.folder;
    char name[NAME_ROOM];
    name_of(id, name);
    int r = io->remove(io->arg, name);
    if (r < 0 && r != -ENOENT)
        th_log(TH_LOG_ERROR, "state/%s cannot be removed: %s; the next start tries again", name,
            th_strerror(r));
}

/* A name at a time, since removing changes the list. */
struct orphan {
    struct th_state *s;
    char id[TH_ASK_ID_LEN];
};

static int find_orphan(void *arg, const char *name)
{
    struct orphan *o = arg;
    struct th_ask k;
    const char *dot = strchr(name, '.');
    if (!dot || strcmp(dot, ".packets") != 0 || (size_t)(dot - name) != TH_ASK_ID_LEN - 1)
        return 0;
    snprintf(o->id, sizeof(o->id), "%s", name);
    bool wanted = th_ask_get(o->s->a, th_str_c(o->id), &k) == 0 && st_ask_is(&k, "done");
    return wanted ? 0 : 1;
}

void st_packets_sweep(struct th_state *s)
{
    const struct th_io *io = s->config.folder;
    struct orphan o = {.s = s};
    for (unsigned i = 0; i < 1000 && io->list(io->arg, find_orphan, &o) == 1; i++)
        st_packets_drop(s, o.id);
}

/* ---- what is on its way ---- */

struct st_arrival *st_arrival_of(struct th_state *s, const char *command)
{
    for (size_t i = 0; *command && i < TH_ARRAY_LEN(s->arrivals); i++)
        if (strcmp(s->arrivals[i].command, command) == 0)
            return &s->arrivals[i];
    return NULL;
}

void st_arrival_end(struct th_state *s, const struct th_ask *k)
{
    struct st_arrival *a = st_arrival_of(s, k->command);
    if (a)
        *a = (struct st_arrival){.command = ""};
}

static struct st_arrival *arrival_new(struct th_state *s, const struct th_ask *k)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(s->arrivals); i++)
        if (!s->arrivals[i].command[0]) {
            struct st_arrival *a = &s->arrivals[i];
            *a = (struct st_arrival){.bytes = 0};
            memcpy(a->command, k->command, sizeof(a->command));
            return a;
        }
    return NULL; /* more asks are never open */
}

/* ---- the end ---- */

static int64_t number_of(const json_t *end, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(end, key));
    return v > 0 ? v : 0;
}

static void done(struct st_turn *t, struct th_ask *k, const struct st_arrival *a)
{
    char detail[96];
    int r = a && a->bytes > 0 ? make_last(t->s, k->id) : 0;
    if (r < 0) {
        st_ask_fail(t->s, t->now_ns, k, "The master's disk could not keep the packets.");
        return;
    }
    k->bytes = a ? a->bytes : 0;
    k->stored = a ? a->stored : 0;
    k->finished_ns = t->now_ns;
    st_ask_enter(k, "done");
    st_arrival_end(t->s, k);
    th_ask_update(t->a, k); /* the command stays: its end may be told twice */
    snprintf(detail, sizeof(detail), "%lld packets, %lld bytes, of sensor %s",
        (long long)k->packets, (long long)k->bytes, k->sensor);
    th_audit(t->a, t->now_ns, "system", "packets.arrive", k->id, detail);
}

/* JSON of link/packets.h and messages.h; every member may be missing or wrong. */
static void take_end(struct st_turn *t, struct th_ask *k, const struct st_arrival *a)
{
    struct th_str problem = th_str_c("");
    struct th_str oldest;
    char why[TH_ASK_MAX_PROBLEM + 64]; /* cut to the first */
    json_t *end = json_loadb(t->bytes.p, t->bytes.len, JSON_REJECT_DUPLICATES, NULL);
    int64_t bytes = number_of(end, "bytes");
    bool again = json_is_true(json_object_get(end, "again"));
    k->packets = number_of(end, "packets");
    k->cut = json_is_true(json_object_get(end, "cut"));
    if (th_state_text(end, "oldest", 40, &oldest))
        th_time_parse_rfc3339(oldest, &k->oldest_ns);
    th_state_text(end, "problem", sizeof(k->problem) - 1, &problem);
    st_copy(problem, k->problem, sizeof(k->problem));
    snprintf(
        why, sizeof(why), "%s%s", k->any ? "No sensor that is there has them. " : "", k->problem);
    bool short_of = bytes > (a ? a->bytes : 0) + LIMIT_SLACK;
    json_decref(end);
    if (again && st_ask_again(t->s, t->now_ns, k))
        return;
    if (k->packets == 0 && st_ask_elsewhere(t->s, t->now_ns, k))
        return;
    if (k->packets == 0 && k->problem[0])
        st_ask_fail(t->s, t->now_ns, k, why);
    else if (short_of)
        st_ask_fail(t->s, t->now_ns, k, "Not all of the packets came from the sensor. Ask again.");
    else
        done(t, k, a);
}

/* ---- a part ---- */

static bool is_signed(struct st_turn *t, const struct th_sensor *sensor, struct th_str command,
    struct th_str time, struct th_str part)
{
    struct th_str text;
    uint8_t signature[TH_SIGNATURE_BYTES], digest[TH_SHA256_LEN];
    char digest_text[2 * TH_SHA256_LEN + 1];
    TH_AUTOBUF struct th_buf said = TH_BUF_INIT;
    th_sha256(t->bytes.p, t->bytes.len, digest);
    th_hex(digest, sizeof(digest), digest_text);
    th_buf_printf(&said, "POST\n/link/v1/packets/%.*s\n%s\n%.*s\n%.*s\n%s", (int)command.len,
        command.p, sensor->id, (int)time.len, time.p, (int)part.len, part.p, digest_text);
    return st_member(t, "signature", 128, &text) &&
        th_base64url_get(text, signature, sizeof(signature)) == 0 &&
        th_verify(sensor->key, said.p, said.len, signature) == 0;
}

static bool read_part(struct th_str part, uint32_t *ret_number, bool *ret_last)
{
    uint64_t number;
    struct th_str first = th_str_split(&part, ' ');
    *ret_last = th_str_is(part, "end");
    if ((part.len > 0 && !*ret_last) || !th_str_u64(first, &number) || number > UINT32_MAX)
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

static void answer_next(struct st_turn *t, unsigned status, uint32_t next)
{
    t->status = status;
    th_json_open(&t->json);
    th_json_key(&t->json, "next");
    th_json_u64(&t->json, next);
    th_json_close(&t->json);
}

static void take(struct st_turn *t, struct th_ask *k, uint32_t number, bool last)
{
    struct st_arrival *a = st_arrival_of(t->s, k->command);
    uint32_t next = a ? a->next : 0;
    if (number < next) {
        answer_next(t, 200, next);
        return;
    }
    if (number > next) {
        st_error(t, 409, "order", "Parts before this one are not here: it is asked for anew.");
        return;
    }
    if (last) {
        answer_next(t, 200, next + 1);
        take_end(t, k, a);
        return;
    }
    if (!a) {
        a = arrival_new(t->s, k);
        TH_ASSERT(a);
        st_ask_enter(k, "arriving");
        th_ask_update(t->a, k);
    }
    if (a->bytes + (int64_t)t->bytes.len > k->limit_bytes + LIMIT_SLACK) {
        st_ask_fail(t->s, t->now_ns, k, "The sensor sent more bytes than were asked for.");
        st_error(t, 413, "limit", "That is more than was asked for.");
        return;
    }
    int r = append(t->s, a, k->id, t->bytes);
    if (r < 0) {
        th_log(TH_LOG_ERROR, "state/%s.packets cannot be written: %s; the ask is given up", k->id,
            th_strerror(r));
        st_ask_fail(t->s, t->now_ns, k, "The master's disk could not keep the packets.");
        st_error(t, 410, "disk", "The master's disk could not keep the packets.");
        return;
    }
    a->next++;
    a->moved_ns = t->now_ns;
    answer_next(t, 200, a->next);
}

void st_part(struct st_turn *t)
{
    struct th_sensor sensor;
    struct th_ask k;
    struct th_str id, time, command, part;
    uint32_t number;
    bool last;
    if (!st_member(t, "sensor", TH_SENSOR_ID_LEN - 1, &id) ||
        th_sensor_get(t->a, id, &sensor) < 0 ||
        !st_member(t, "command", TH_ASK_ID_LEN - 1, &command) || !st_member(t, "time", 20, &time) ||
        !st_member(t, "part", 20, &part) || !is_signed(t, &sensor, command, time, part))
        st_error(t, 401, "signature", "The part is not by a sensor that is known here.");
    else if (strcmp(sensor.status, "authorised") != 0)
        st_error(t, 403, "standing", "This sensor is not authorised.");
    else if (th_ask_by_command(t->a, command, &k) < 0 || strcmp(k.sensor, sensor.id) != 0)
        st_error(t, 404, "packets", "Nobody waits for these packets any more.");
    else if (st_ask_is(&k, "done"))
        answer_next(t, 200, 0);
    else if (!read_part(part, &number, &last))
        st_error(t, 400, "part", "Thymus-Part is a number, and end behind the last.");
    else
        take(t, &k, number, last);
}
