/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asked-for packets, as people see them: asked, listed, downloaded, deleted, each look in the audit
 * log. How parts come in is state_parts.c, what happens by itself state_packets_tick.c.
 */
#include "state_packets.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "link/packets.h"

#define MAX_OPEN_A_SENSOR 4
#define MAX_KEPT 64
#define MAX_KEPT_BYTES (INT64_C(4) << 30)
#define SPARE_BYTES (INT64_C(256) << 20) /* that stay free on the disk */
#define HEARD_NS (40 * TH_NS_PER_S)      /* a sensor that is there has said something since */
#define READ_RECORDS 4u                  /* in one answer */

static void random_id(char ret[TH_ASK_ID_LEN])
{
    uint8_t bytes[(TH_ASK_ID_LEN - 1) / 2];
    do
        th_random_bytes(bytes, sizeof(bytes));
    while (bytes[0] == 0); /* never all zero, which is no id */
    th_hex(bytes, sizeof(bytes), ret);
}

void st_ask_fail(struct th_state *s, int64_t now_ns, struct th_ask *k, const char *problem)
{
    st_arrival_end(s, k);
    st_packets_drop(s, k->id);
    st_ask_enter(k, "failed");
    k->command[0] = '\0';
    k->finished_ns = now_ns;
    k->bytes = k->stored = 0;
    snprintf(k->problem, sizeof(k->problem), "%s", problem);
    th_ask_update(s->a, k);
    th_audit(s->a, now_ns, "system", "packets.fail", k->id, problem);
}

/* ---- which sensor ---- */

static bool waits_for_commands(const struct th_state *s, const char *sensor)
{
    for (const struct st_job *j = s->jobs; j; j = j->next)
        if (j->kind == ST_COMMANDS && strcmp(j->sensor, sensor) == 0)
            return true;
    return false;
}

static bool may_be_asked(struct th_state *s, const struct th_ask *k, const char *id)
{
    struct th_sensor sensor;
    return !strstr(k->tried, id) && th_sensor_get(s->a, th_str_c(id), &sensor) == 0 &&
        strcmp(sensor.status, "authorised") == 0;
}

/* The more, the sooner it is asked. One that says that it keeps packets is better than another,
 * which may have begun to since; and one that waits for something to do at this moment than one
 * that was heard, and may have gone. 0: it is not there. */
static unsigned rank(const struct th_state *s, int64_t now_ns, const struct st_heard *h)
{
    bool waits = waits_for_commands(s, h->sensor);
    if (!waits && now_ns - h->status_ns > HEARD_NS)
        return 0;
    return 1u + (waits ? 1 : 0) + (h->counts[ST_KEEP_LIMIT_BYTES] > 0 ? 2 : 0);
}

/* Those that were tried are left out. */
static bool next_sensor(struct th_state *s, int64_t now_ns, struct th_ask *k)
{
    const struct st_heard *found = NULL;
    unsigned best = 0;
    for (size_t i = 0; i < s->heard_count; i++) {
        const struct st_heard *h = &s->heard[i];
        unsigned is = rank(s, now_ns, h);
        if (is <= best || !may_be_asked(s, k, h->sensor))
            continue;
        found = h;
        best = is;
    }
    if (found)
        snprintf(k->sensor, sizeof(k->sensor), "%s", found->sensor);
    return found != NULL;
}

bool st_ask_elsewhere(struct th_state *s, int64_t now_ns, struct th_ask *k)
{
    size_t n = strlen(k->tried);
    if (!k->any || n + TH_SENSOR_ID_LEN >= sizeof(k->tried))
        return false;
    if (!strstr(k->tried, k->sensor))
        snprintf(k->tried + n, sizeof(k->tried) - n, "%s ", k->sensor);
    if (!next_sensor(s, now_ns, k))
        return false;
    st_arrival_end(s, k);
    st_packets_drop(s, k->id);
    st_ask_enter(k, "waiting");
    k->command[0] = '\0';
    k->attempts = 0;
    k->told_ns = now_ns;
    th_ask_update(s->a, k);
    st_release_commands(s, k->sensor);
    return true;
}

static bool choose_sensor(struct st_turn *t, struct th_ask *k)
{
    struct th_sensor sensor;
    struct th_str id;
    if (!json_object_get(t->req->body, "sensor")) {
        k->any = true;
        if (next_sensor(t->s, t->now_ns, k))
            return true;
        st_error(t, 409, "sensor", "No sensor is connected at the moment. Try again when one is.");
        return false;
    }
    if (!st_member(t, "sensor", TH_SENSOR_ID_LEN - 1, &id) ||
        th_sensor_get(t->a, id, &sensor) < 0) {
        st_error(t, 404, "sensor", "There is no such sensor.");
        return false;
    }
    if (strcmp(sensor.status, "authorised") != 0) {
        st_error(t, 409, "sensor", "This sensor is not authorised: it is asked for nothing.");
        return false;
    }
    snprintf(k->sensor, sizeof(k->sensor), "%s", sensor.id);
    return true;
}

/* ---- asking ---- */

static bool read_wish(struct st_turn *t, struct th_ask *k)
{
    struct th_packets_request wish;
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    const char *why = "A wish is needed.";
    char *said = json_dumps(json_object_get(t->req->body, "wish"), JSON_COMPACT);
    bool fits = said && th_packets_request_read(th_str_c(said), &wish, &why) == 0;
    free(said);
    if (!fits) {
        st_error(t, 400, "wish", why);
        return false;
    }
    th_packets_request_put(&text, &wish);
    TH_ASSERT(text.len < sizeof(k->wish));
    st_copy(th_buf_view(&text), k->wish, sizeof(k->wish));
    k->limit_bytes = (int64_t)wish.limit_bytes;
    return true;
}

static bool has_room(struct st_turn *t, const struct th_ask *k)
{
    const struct th_io *io = t->s->config.folder;
    int64_t left = io->free_bytes(io->arg);
    if (th_asks_open(t->a, NULL) >= (int64_t)ST_MAX_ARRIVALS ||
        th_asks_open(t->a, k->sensor) >= MAX_OPEN_A_SENSOR)
        st_error(t, 409, "asks",
            "As many packets are asked for as may be at a time. Wait until some have come.");
    else if (th_asks_count(t->a) >= MAX_KEPT ||
        th_asks_bytes(t->a) + k->limit_bytes > MAX_KEPT_BYTES)
        st_error(t, 409, "room",
            "As many packets are kept here as may be (64 answers, 4 GiB). Delete some, ask for "
            "fewer bytes, or wait: each goes after a day.");
    else if (left >= 0 && left < k->limit_bytes + SPARE_BYTES)
        st_error(t, 409, "disk", "The master's disk has no room for so many bytes. Ask for fewer.");
    else
        return true;
    return false;
}

void st_packets_ask(struct st_turn *t)
{
    struct th_ask k = {.asked_ns = t->now_ns, .told_ns = t->now_ns};
    TH_AUTOBUF struct th_buf detail = TH_BUF_INIT;
    if (!read_wish(t, &k) || !choose_sensor(t, &k) || !has_room(t, &k))
        return;
    random_id(k.id);
    st_ask_enter(&k, "waiting");
    snprintf(k.by, sizeof(k.by), "%s", t->by);
    th_ask_add(t->a, &k);
    th_buf_printf(&detail, "%s %s%c", k.any ? "any sensor" : k.sensor, k.wish, 0);
    th_audit(t->a, t->now_ns, t->by, "packets.ask", k.id, (const char *)detail.p);
    st_release_commands(t->s, k.sensor);
    th_ask_put(t->a, &k, &t->json);
}

/* What the sensor, which asks for commands, is to do; false: nothing. */
bool st_packets_deliver(struct st_turn *t, const char *sensor)
{
    struct th_ask k;
    if (th_ask_next(t->a, sensor, &k) < 0)
        return false;
    random_id(k.command);
    st_ask_enter(&k, "sent");
    k.attempts++;
    k.told_ns = t->now_ns;
    th_ask_update(t->a, &k);
    th_json_open(&t->json);
    th_json_key(&t->json, "commands");
    th_json_open_list(&t->json);
    th_json_open(&t->json);
    st_put_text(&t->json, "id", k.command);
    st_put_text(&t->json, "type", "packets");
    th_json_key(&t->json, "wish");
    th_buf_puts(&t->body, k.wish);
    th_json_close(&t->json);
    th_json_close_list(&t->json);
    th_json_close(&t->json);
    return true;
}

/* ---- looking ---- */

static void put_one(void *arg, struct th_ask *k)
{
    struct st_turn *t = arg;
    const struct st_arrival *here = st_arrival_of(t->s, k->command);
    if (here)
        k->bytes = here->bytes;
    th_ask_put(t->a, k, &t->json);
}

void st_packets_list(struct st_turn *t)
{
    th_json_open(&t->json);
    th_json_key(&t->json, "asks");
    th_json_open_list(&t->json);
    th_asks_each(t->a, put_one, t);
    th_json_close_list(&t->json);
    th_json_close(&t->json);
}

/* ID, or ID.pcap. */
static bool find(struct st_turn *t, struct th_ask *ret)
{
    static const char end[] = ".pcap";
    struct th_str id = t->req->id;
    uint32_t n = (uint32_t)sizeof(end) - 1;
    if (id.len > n && memcmp(id.p + id.len - n, end, n) == 0)
        id.len -= n;
    if (th_ask_get(t->a, id, ret) == 0)
        return true;
    st_error(t, 404, "packets", "There are no such packets; they go a day after they came.");
    return false;
}

/* Whoever reads on is not written down for every piece, but whoever begins is. */
static void note_look(struct st_turn *t, const struct th_ask *k, int64_t at)
{
    struct th_state *s = t->s;
    char look[sizeof(s->looks[0])];
    snprintf(look, sizeof(look), "%s %s", k->id, t->by);
    if (at > 0)
        for (size_t i = 0; i < TH_ARRAY_LEN(s->looks); i++)
            if (strcmp(s->looks[i], look) == 0)
                return;
    memcpy(s->looks[s->next_look++ % TH_ARRAY_LEN(s->looks)], look, sizeof(look));
    th_audit(t->a, t->now_ns, t->by, "packets.download", k->id, k->wish);
}

/* Where to read on, in the query string or the body. */
static int64_t place_of(const struct st_turn *t)
{
    struct th_str text;
    int64_t at;
    if (!th_state_text(t->req->params, "at", 20, &text) &&
        !th_state_text(t->req->body, "at", 20, &text))
        return 0;
    return th_str_i64(text, &at) && at >= 0 ? at : -1;
}

/* Bytes in all u64, where to read on u64 (0: nowhere), the next piece. */
void st_packets_file(struct st_turn *t)
{
    struct th_ask k;
    TH_AUTOBUF struct th_buf piece = TH_BUF_INIT;
    int64_t at = place_of(t);
    if (!find(t, &k))
        return;
    if (!st_ask_is(&k, "done")) {
        st_error(t, 409, "packets", "These packets are not here (yet).");
        return;
    }
    if (at < 0 || (at >= k.stored && at > 0)) {
        st_error(t, 400, "at", "There is no such place in these packets.");
        return;
    }
    note_look(t, &k, at);
    uint64_t next = (uint64_t)at;
    int r = 0;
    for (unsigned i = 0; r == 0 && i < READ_RECORDS && next < (uint64_t)k.stored; i++)
        r = st_packets_read(t->s, k.id, next, &piece, &next);
    if (r < 0) {
        th_log(TH_LOG_ERROR, "state/%s.packets cannot be read: %s", k.id, th_strerror(r));
        st_error(t, 500, "packets", "The file of these packets is damaged. Ask for them again.");
        return;
    }
    th_buf_le64(&t->body, (uint64_t)k.bytes);
    th_buf_le64(&t->body, next < (uint64_t)k.stored ? next : 0);
    th_buf_str(&t->body, th_buf_view(&piece));
}

void st_packets_remove(struct st_turn *t)
{
    struct th_ask k;
    if (!find(t, &k))
        return;
    st_arrival_end(t->s, &k);
    st_packets_drop(t->s, k.id);
    th_ask_remove(t->a, k.id);
    th_audit(t->a, t->now_ns, t->by, "packets.delete", k.id, k.wish);
    st_ok(t);
}
