/* SPDX-License-Identifier: Apache-2.0 */
#include "inject.h"

#include "base/json.h"
#include "base/mem.h"
#include "when.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static const struct lab_inject_kind *const all[] = {&lab_kind_beacon, &lab_kind_exfiltration,
    &lab_kind_scan, &lab_kind_tunnel, &lab_kind_dga, &lab_kind_lateral, &lab_kind_brute,
    &lab_kind_spray, &lab_kind_download, &lab_kind_mining, &lab_kind_ransomware, &lab_kind_takeover,
    &lab_kind_poisoning};

const struct lab_inject_kind *lab_inject_kind_at(unsigned n)
{
    return n < TH_ARRAY_LEN(all) ? all[n] : NULL;
}

const char *lab_param(const struct lab_inject *i, const char *key, char out[64])
{
    struct th_str rest = th_str_c(i->params);
    while (rest.len) {
        struct th_str part = th_str_split(&rest, ',');
        struct th_str name = th_str_split(&part, '=');
        if (th_str_is(name, key)) {
            snprintf(out, 64, "%.*s", (int)TH_MIN(part.len, 63u), part.p);
            return out;
        }
    }
    return NULL;
}

bool lab_param_is(const struct lab_inject *i, const char *key, const char *value)
{
    char text[64];
    const char *p = lab_param(i, key, text);
    return p && strcmp(p, value) == 0;
}

double lab_param_num(const struct lab_inject *i, const char *key, double fallback)
{
    char text[64];
    double v;
    const char *p = lab_param(i, key, text);
    return p && th_str_double(th_str_c(p), &v) ? v : fallback;
}

int64_t lab_param_span(const struct lab_inject *i, const char *key, const char *fallback)
{
    char text[64];
    const char *p = lab_param(i, key, text);
    int64_t v = p ? lab_span_parse(p) : -1;
    return v >= 0 ? v : lab_span_parse(fallback);
}

static uint64_t parse_bytes(const char *s)
{
    char *end;
    double v = strtod(s, &end);
    const char *unit = strchr("kMGT", *end);
    for (int n = unit && *end ? (int)(unit - "kMGT") + 1 : 0; n > 0; n--)
        v *= 1000;
    return v > 0 && v < 1e15 ? (uint64_t)v : 0;
}

uint64_t lab_param_bytes(const struct lab_inject *i, const char *key, const char *fallback)
{
    char text[64];
    const char *p = lab_param(i, key, text);
    return parse_bytes(p ? p : fallback);
}

struct lab_host *lab_inject_host(struct lab_inject *i, const char *prefix)
{
    char text[64], domain[LAB_NAME_LEN], name[2 * LAB_NAME_LEN];
    const char *given = lab_param(i, "host", text);
    struct lab_sim *s = i->actor.sim;
    for (uint32_t k = 0; given && k < s->inject_count; k++)
        if (s->inject[k]->host && th_str_is(s->inject[k]->host->name, given))
            return s->inject[k]->host;
    if (given)
        return lab_world_host(s->world, &i->actor.rng, given);
    lab_name_domain(&i->actor.rng, domain);
    snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", domain);
    return lab_world_host(s->world, &i->actor.rng, name);
}

const char *lab_inject_admin(const struct lab_inject *i)
{
    const struct lab_sim *s = i->actor.sim;
    return s->person[i->actor.dev->person == 0 && s->person_count > 1 ? 1 : 0].user;
}

void lab_inject_did(struct lab_inject *i, int64_t ts)
{
    if (i->first_ns == INT64_MAX) {
        i->first_ns = ts;
        th_addr_format(&i->actor.dev->addr, i->victim_ip);
    }
    i->last_ns = TH_MAX(i->last_ns, ts);
    i->actions++;
}

static int complain(char *message, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int complain(char *message, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, size, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static bool on_at(const struct lab_sim *s, const struct lab_device *d, int64_t t)
{
    struct lab_device probe = *d;
    return lab_rhythm_on(s, &probe, t) && (d->person < 0 || lab_rhythm_busy(s, &probe, t) > 0);
}

static bool is_victim(const struct lab_sim *s, const struct lab_device *d)
{
    for (uint32_t k = 0; k < s->inject_count; k++)
        if (s->inject[k]->actor.dev == d)
            return true;
    return false;
}

/* Somebody's workstation, at work at the time, and nobody else's victim while there are others. */
static struct lab_device *pick_victim(struct lab_inject *i)
{
    struct lab_sim *s = i->actor.sim;
    char text[64];
    const char *name = lab_param(i, "device", text);
    if (name)
        return lab_office_find(s, th_str_c(name));
    for (unsigned tries = 0; tries < 400; tries++) {
        struct lab_device *d =
            lab_nth(s, LAB_WORKSTATION, lab_below(&i->actor.rng, s->kind_count[LAB_WORKSTATION]));
        if (tries > 300 || (on_at(s, d, i->start_ns) && (tries > 200 || !is_victim(s, d))))
            return d;
    }
    return s->by_kind[LAB_WORKSTATION];
}

/* Without a time: a working hour in the last third of the run. */
static int64_t default_start(struct lab_inject *i)
{
    const struct lab_options *o = &i->actor.sim->opt;
    int64_t from = o->start_ns + (o->end_ns - o->start_ns) * 2 / 3;
    int64_t day = th_time_floor(from, TH_NS_PER_DAY);
    int64_t weekday = (day / TH_NS_PER_DAY + 3) % 7;
    if (weekday >= 5 && day + (8 - weekday) * TH_NS_PER_DAY < o->end_ns)
        day += (7 - weekday) * TH_NS_PER_DAY;
    int64_t at = day + lab_range(&i->actor.rng, 9 * 60, 15 * 60) * TH_NS_PER_MIN;
    return at >= o->start_ns && at < o->end_ns ? at : from;
}

static int parse_time(struct lab_inject *i, const char *text)
{
    if (!text) {
        i->start_ns = default_start(i);
        return 0;
    }
    return lab_time_parse(text, i->actor.sim->opt.start_ns, &i->start_ns) ? 0 : -EINVAL;
}

/* Cuts "kind@time:params" into its parts. */
static void cut(char *spec, char **time, char **params)
{
    *time = *params = NULL;
    char *at = strchr(spec, '@');
    char *colon = strchr(at ? at : spec, ':');
    /* The colons of an RFC 3339 time are followed by digits, those of parameters by a key. */
    while (at && colon && colon > at && colon[1] >= '0' && colon[1] <= '9')
        colon = strchr(colon + 1, ':');
    if (at) {
        *at = '\0';
        *time = at + 1;
    }
    if (colon) {
        *colon = '\0';
        *params = colon + 1;
    }
}

static struct lab_inject *make(
    struct lab_sim *s, const struct lab_inject_kind *kind, const char *params)
{
    struct lab_inject *i = th_xcalloc(1, sizeof *i);
    i->kind = kind;
    snprintf(i->params, sizeof i->params, "%s", params ? params : "");
    i->first_ns = INT64_MAX;
    i->last_ns = INT64_MIN;
    i->actor.sim = s;
    i->actor.stream = LAB_INJECT_STREAM + s->inject_count;
    /* Its chance depends on what it is, not on how many others there are. */
    uint64_t h = lab_chance_hash(s->opt.seed, 0x696e6a, (uint64_t)lab_text_hash(kind->name));
    lab_rng_init(&i->actor.rng, h, lab_text_hash(i->params));
    i->actor.port = (uint16_t)(49152 + lab_below(&i->actor.rng, 16000));
    return i;
}

int lab_inject_add(struct lab_sim *s, const char *spec, char *message, size_t size)
{
    char text[LAB_SPEC_LEN], *time, *params;
    if (snprintf(text, sizeof text, "%s", spec) >= (int)sizeof text)
        return complain(message, size, "longer than %zu characters", sizeof text - 1);
    cut(text, &time, &params);
    const struct lab_inject_kind *kind = NULL;
    for (size_t k = 0; k < TH_ARRAY_LEN(all); k++)
        if (strcmp(all[k]->name, text) == 0)
            kind = all[k];
    if (!kind)
        return complain(message, size, "no kind of attack is called \"%s\"", text);
    struct lab_inject *i = make(s, kind, params);
    if (parse_time(i, time) < 0) {
        lab_inject_free(i);
        return complain(message, size, "\"%s\" is no time: +1d9h30m or 2026-03-03T10:00:00Z", time);
    }
    i->actor.dev = pick_victim(i);
    if (!i->actor.dev) {
        lab_inject_free(i);
        return complain(message, size, "the office has no such device");
    }
    i->end_ns = i->start_ns + lab_param_span(i, "hours", kind->hours);
    i->next_ns = i->start_ns;
    kind->begin(i);
    s->inject = th_xreallocarray(s->inject, s->inject_count + 1, sizeof *s->inject);
    s->inject[s->inject_count++] = i;
    return 0;
}

int lab_inject_story(struct lab_sim *s, const char *at, char *message, size_t size)
{
    static const struct {
        const char *kind, *params;
        int64_t after_ns;
    } parts[] = {{"download", "", 0},
        {"beacon", ",period=60,jitter=0.2,hours=6h", 2 * TH_NS_PER_MIN},
        {"scan", ",rate=60,port=445,hours=12m", 40 * TH_NS_PER_MIN},
        {"lateral", ",hops=2,hours=30m", 75 * TH_NS_PER_MIN},
        {"exfiltration", ",bytes=1.5G,hours=90m", 3 * TH_NS_PER_HOUR}};
    struct lab_inject *probe = make(s, all[0], "story");
    int err = parse_time(probe, at);
    int64_t start = probe->start_ns;
    probe->actor.dev = err < 0 ? NULL : pick_victim(probe);
    char host[LAB_NAME_LEN], victim[32] = "";
    lab_name_domain(&probe->actor.rng, host);
    if (probe->actor.dev)
        snprintf(victim, sizeof victim, "%s", probe->actor.dev->name);
    lab_inject_free(probe);
    if (err < 0)
        return complain(message, size, "\"%s\" is no time", at);
    for (size_t k = 0; err == 0 && k < TH_ARRAY_LEN(parts); k++) {
        char spec[LAB_SPEC_LEN], when[TH_TIME_TEXT_LEN];
        th_time_rfc3339(start + parts[k].after_ns, when);
        snprintf(spec, sizeof spec, "%s@%s:device=%s,host=cdn.%.60s%s", parts[k].kind, when, victim,
            host, parts[k].params);
        err = lab_inject_add(s, spec, message, size);
    }
    return err;
}

void lab_inject_run(struct lab_inject *i, int64_t until_ns)
{
    struct lab_sim *s = i->actor.sim;
    while (i->next_ns < until_ns && i->next_ns < i->end_ns) {
        if (!lab_rhythm_on(s, i->actor.dev, i->next_ns)) {
            int64_t on = lab_rhythm_next_on(s, i->actor.dev, i->next_ns);
            i->next_ns = on == INT64_MAX ? i->end_ns : on + 3 * TH_NS_PER_MIN;
            continue;
        }
        int64_t was = i->next_ns;
        i->kind->act(i);
        TH_ASSERT(i->next_ns > was);
    }
}

void lab_inject_free(struct lab_inject *i)
{
    free(i);
}

static void truth_peer(const struct lab_inject *i, struct th_json *j)
{
    th_json_key(j, "peer");
    th_json_open(j);
    th_json_key(j, "ip");
    if (i->host)
        th_json_addr(j, &i->host->v4[0]);
    else if (i->peer)
        th_json_addr(j, &i->peer->addr);
    else
        th_json_null(j);
    th_json_key(j, "host");
    if (i->host)
        th_json_str(j, i->host->name);
    else if (i->peer)
        th_json_str(j, th_str_c(i->peer->name));
    else
        th_json_null(j);
    th_json_key(j, "port");
    th_json_u64(j, i->port);
    th_json_close(j);
}

void lab_inject_truth(const struct lab_inject *i, struct th_buf *out)
{
    struct th_json j = th_json_init(out);
    const struct lab_device *d = i->actor.dev;
    char mac[TH_MAC_TEXT_LEN];
    th_mac_format(&d->mac, mac);
    th_json_open(&j);
    th_json_key(&j, "kind");
    th_json_str(&j, th_str_c(i->kind->name));
    th_json_key(&j, "technique");
    th_json_str(&j, th_str_c(i->kind->technique));
    th_json_key(&j, "device");
    th_json_open(&j);
    th_json_key(&j, "ip"); /* as it was at the attack */
    if (*i->victim_ip)
        th_json_str(&j, th_str_c(i->victim_ip));
    else
        th_json_addr(&j, &d->addr);
    th_json_key(&j, "mac");
    th_json_str(&j, th_str_c(mac));
    th_json_key(&j, "hostname");
    th_json_str(&j, th_str_c(d->name));
    th_json_key(&j, "type");
    th_json_str(&j, th_str_c(lab_kind_name((enum lab_kind)d->kind)));
    th_json_close(&j);
    truth_peer(i, &j);
    th_json_key(&j, "start");
    th_json_time(&j, i->actions ? i->first_ns : i->start_ns);
    th_json_key(&j, "end");
    th_json_time(&j, i->actions ? i->last_ns : i->start_ns);
    th_json_key(&j, "actions");
    th_json_u64(&j, i->actions);
    th_json_key(&j, "strength");
    th_json_str(&j, th_str_c(i->params));
    if (*i->path) {
        th_json_key(&j, "path");
        th_json_str(&j, th_str_c(i->path));
    }
    th_json_key(&j, "note");
    th_json_str(&j, th_str_c(i->note));
    th_json_close(&j);
    th_buf_puts(out, "\n");
}
