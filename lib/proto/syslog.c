/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Syslog on the wire (RFC 3164, RFC 5424): a `syslog` event for each of the first messages of a
 * flow, with the message's begin. All of a host's log would be more than all other records.
 */
#include "analysers.h"

#define MESSAGES_MAX 32u /* of a flow */
#define TEXT_MAX 255u

struct state {
    uint32_t messages;
};

/* "<" up to three digits ">"; the number, or -1. */
static int priority(struct th_str s)
{
    uint64_t v;
    if (!s.len || s.p[0] != '<')
        return -1;
    struct th_str rest = th_str_n(s.p + 1, TH_MIN(s.len - 1, 4u));
    int64_t end = th_str_index(rest, '>');
    return end > 0 && th_str_u64(th_str_n(rest.p, (size_t)end), &v) && v < 192 ? (int)v : -1;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    return th_probe_by_port(in, priority(th_str_n(in->p, in->len)) >= 0, 514);
}

/* Zeek's names, which are syslog.h's. */
static const char *const facilities[] = {"KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR",
    "NEWS", "UUCP", "CRON", "AUTHPRIV", "FTP", "NTP", "AUDIT", "ALERT", "CLOCK", "LOCAL0", "LOCAL1",
    "LOCAL2", "LOCAL3", "LOCAL4", "LOCAL5", "LOCAL6", "LOCAL7"};
static const char *const severities[] = {
    "EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"};

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    struct th_str text = th_str_n(ch->p, ch->len);
    int v = priority(text);
    if (v < 0)
        return TH_GO_ON;
    struct th_ev_syslog ev = {0};
    th_conn_service(c, TH_SVC_SYSLOG);
    th_str_split(&text, '>');
    TH_CONN_ID(&ev, SYSLOG, c, ch->time_ns);
    TH_SET(&ev, SYSLOG, proto, th_str_c("udp"));
    TH_SET(&ev, SYSLOG, facility, th_str_c(facilities[v / 8]));
    TH_SET(&ev, SYSLOG, severity, th_str_c(severities[v % 8]));
    TH_SET_TEXT(&ev, SYSLOG, message, th_str_n(text.p, TH_MIN(text.len, TEXT_MAX)));
    th_proto_emit(c->pr, &ev.h, ch->time_ns);
    return ++s->messages == MESSAGES_MAX ? TH_DONE : TH_GO_ON;
}

const struct th_analyser th_syslog_analyser = {
    .service = TH_SVC_SYSLOG,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .data = data,
};
