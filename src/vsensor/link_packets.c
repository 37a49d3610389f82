/* SPDX-License-Identifier: Apache-2.0 */
#include "link_packets.h"

#include <jansson.h>

#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "messages.h"

static const int64_t keep_away_ns = 10 * TH_NS_PER_S;    /* it may be on its way up */
static const int64_t keep_silent_ns = 120 * TH_NS_PER_S; /* it may have much to look through */
static const int64_t master_away_ns = 90 * TH_NS_PER_S;

void th_relay_init(struct th_relay *r, struct th_edges *edges, unsigned edge)
{
    *r = (struct th_relay){.edges = edges, .edge = edge};
}

void th_relay_done(struct th_relay *r)
{
    th_buf_done(&r->wish);
    th_buf_done(&r->end);
    for (unsigned i = 0; i < TH_RELAY_PARTS; i++)
        th_buf_done(&r->parts[i]);
}

static void tell_keep(struct th_relay *r, uint16_t type, struct th_str body)
{
    if (r->generation == 0 || r->generation != th_edges_generation(r->edges, r->edge))
        return; /* this keep does not know of the wish */
    int err = th_edges_send(r->edges, r->edge, type, r->number, body);
    (void)err; /* it is down, and with it the wish */
}

/* Nothing of the wish is left. Memory stays for the next. */
static void forget(struct th_relay *r)
{
    r->id[0] = '\0';
    r->generation = 0;
    r->first = r->count = 0;
    r->next = 0;
    th_buf_clear(&r->end);
}

static void give_up(struct th_relay *r, const char *why)
{
    th_log(TH_LOG_WARN, "packets that the master asked for (%s) are given up: %s", r->id, why);
    if (r->end.len == 0)
        tell_keep(r, TH_SENSOR_PACKETS_STOP, th_str_c(""));
    r->given_up++;
    forget(r);
}

/* The wish ends here, and the master is told why. What has come of it already stands. */
static void end_so(struct th_relay *r, const char *problem, bool again, int64_t now_ns)
{
    TH_ASSERT(r->end.len == 0);
    tell_keep(r, TH_SENSOR_PACKETS_STOP, th_str_c(""));
    struct th_json j = th_json_init(&r->end);
    th_json_open(&j);
    th_json_key(&j, "problem");
    th_json_str(&j, th_str_c(problem));
    th_json_key(&j, "again");
    th_json_bool(&j, again);
    th_json_close(&j);
    if (r->count == 0)
        r->moved_ns = now_ns;
}

static void end_with(struct th_relay *r, const char *problem, int64_t now_ns)
{
    end_so(r, problem, false, now_ns);
}

static bool read_wish(struct th_relay *r, struct th_str command)
{
    struct th_packets_request wish;
    const char *why;
    json_t *root = json_loadb(command.p, command.len, JSON_REJECT_DUPLICATES, NULL);
    char *text = json_dumps(json_object_get(root, "wish"), JSON_COMPACT);
    bool fits = text && th_packets_request_read(th_str_c(text), &wish, &why) == 0;
    free(text);
    json_decref(root);
    th_buf_clear(&r->wish);
    if (fits)
        th_packets_request_put(&r->wish, &wish);
    return fits;
}

bool th_relay_command(struct th_relay *r, const struct th_link_command *c, int64_t now_ns)
{
    uint64_t number;
    if (!th_link_id_read(th_str_c(c->id), &number) || strcmp(r->id, c->id) == 0)
        return true; /* the second time it is told what we do already */
    bool none = r->id[0] == '\0';
    if (!none)
        give_up(r, "the master asks for others");
    snprintf(r->id, sizeof(r->id), "%s", c->id);
    r->number = number;
    r->heard_ns = r->moved_ns = now_ns;
    r->wishes++;
    if (!read_wish(r, c->json))
        end_with(r, "The sensor cannot read the wish: it is of another version of Thymus.", now_ns);
    return none;
}

/* ---- the keep ---- */

static void take_part(struct th_relay *r, struct th_str body, int64_t now_ns)
{
    if (r->count == TH_RELAY_PARTS || body.len == 0 || body.len > TH_PACKETS_PART_BYTES) {
        end_with(r, "The packet keep of the sensor sent something that it may not.", now_ns);
        return;
    }
    struct th_buf *part = &r->parts[(r->first + r->count) % TH_RELAY_PARTS];
    th_buf_clear(part);
    th_buf_str(part, body);
    if (r->count++ == 0)
        r->moved_ns = now_ns;
}

static void take_end(struct th_relay *r, struct th_str body, int64_t now_ns)
{
    json_t *end = body.len <= TH_PACKETS_MAX_REQUEST
        ? json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL)
        : NULL;
    if (json_is_object(end))
        th_buf_str(&r->end, body);
    else
        end_with(r, "The packet keep of the sensor did not say how it ended.", now_ns);
    json_decref(end);
    if (r->count == 0)
        r->moved_ns = now_ns;
}

static void hear(struct th_relay *r, int64_t now_ns)
{
    struct th_ipc_message m;
    while (th_edges_receive(r->edges, r->edge, &m) > 0) {
        if (!r->id[0] || m.id != r->number || r->end.len > 0)
            continue; /* of a wish that is no more */
        r->heard_ns = now_ns;
        if (m.type == TH_SENSOR_PACKETS_PART)
            take_part(r, m.body, now_ns);
        else if (m.type == TH_SENSOR_PACKETS_END)
            take_end(r, m.body, now_ns);
    }
}

/* The wish goes to the keep once; a keep that ended in the middle of it has forgotten it. */
static void ask_keep(struct th_relay *r, int64_t now_ns)
{
    unsigned generation = th_edges_generation(r->edges, r->edge);
    bool up = th_edges_up(r->edges, r->edge);
    bool late = now_ns - r->heard_ns > keep_away_ns;
    if (r->generation != 0) {
        if (!up || generation != r->generation)
            end_so(r, "The packet keep of the sensor ended in the middle.", true, now_ns);
        else if (now_ns - r->heard_ns > keep_silent_ns && r->count == 0)
            end_with(r, "The packet keep of the sensor did not answer within two minutes.", now_ns);
    } else if (up &&
        th_edges_send(r->edges, r->edge, TH_SENSOR_PACKETS, r->number, th_buf_view(&r->wish)) ==
            0) {
        r->generation = generation;
    } else if (late) {
        end_with(r,
            generation == 0 ? "This sensor keeps no packets (keep in its configuration)."
                            : "The packet keep of the sensor does not run.",
            now_ns);
    }
}

bool th_relay_turn(struct th_relay *r, int64_t now_ns)
{
    bool waits;
    hear(r, now_ns);
    if (r->id[0] && r->end.len == 0)
        ask_keep(r, now_ns);
    waits = r->id[0] && (r->count > 0 || r->end.len > 0);
    if (!waits || now_ns - r->moved_ns <= master_away_ns)
        return true;
    give_up(r, "the master did not take a part within 90 s");
    return false;
}

/* ---- the master ---- */

int th_relay_part(struct th_relay *r, struct th_link_part *ret)
{
    if (!r->id[0] || (r->count == 0 && r->end.len == 0))
        return 0;
    bool last = r->count == 0;
    *ret = (struct th_link_part){.id = r->id,
        .number = r->next,
        .last = last,
        .body = th_buf_view(last ? &r->end : &r->parts[r->first])};
    return 1;
}

void th_relay_part_done(struct th_relay *r, int err, int64_t now_ns)
{
    if (!r->id[0])
        return;
    if (err < 0) {
        give_up(r,
            err == -ECANCELED ? "the master does not want them any more"
                              : "the master did not take a part within a minute");
        return;
    }
    if (r->count == 0) {
        r->sent++;
        forget(r);
        return;
    }
    r->first = (r->first + 1) % TH_RELAY_PARTS;
    r->count--;
    r->next++;
    r->moved_ns = now_ns;
    if (r->end.len == 0) {
        r->heard_ns = now_ns; /* it had to wait for this */
        tell_keep(r, TH_SENSOR_PACKETS_MORE, th_str_c(""));
    }
}
