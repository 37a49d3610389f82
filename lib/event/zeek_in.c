/* SPDX-License-Identifier: Apache-2.0 */
#include "zeek_in.h"

static const unsigned max_complaints = 3;
static const size_t max_detail_bytes = 60;
static const size_t max_unused_names_bytes = 400;

/* Names of other Zeek versions and writers, per kind. */
static const struct {
    uint16_t kind;
    uint16_t field;
    const char *name;
} aliases[] = {
    {TH_KIND_DHCP, TH_F_DHCP_uids, "uid"},
    {TH_KIND_DHCP, TH_F_DHCP_client_addr, "id.orig_h"},
    {TH_KIND_DHCP, TH_F_DHCP_client_port, "id.orig_p"},
    {TH_KIND_DHCP, TH_F_DHCP_server_addr, "id.resp_h"},
    {TH_KIND_DHCP, TH_F_DHCP_server_port, "id.resp_p"},
    {TH_KIND_DHCP, TH_F_DHCP_client_addr, "id_orig_h"},
    {TH_KIND_DHCP, TH_F_DHCP_client_port, "id_orig_p"},
    {TH_KIND_DHCP, TH_F_DHCP_server_addr, "id_resp_h"},
    {TH_KIND_DHCP, TH_F_DHCP_server_port, "id_resp_p"},
    {TH_KIND_DHCP, TH_F_DHCP_assigned_addr, "assigned_ip"},
    {TH_KIND_DHCP, TH_F_DHCP_requested_addr, "requested_ip"},
    {TH_KIND_SSL, TH_F_SSL_cert_chain_fuids, "cert_chain_fps"},
    {TH_KIND_SSL, TH_F_SSL_client_cert_chain_fuids, "client_cert_chain_fps"},
    {TH_KIND_CONN, TH_F_CONN_detailedlabel, "detailed-label"},
};

/* Logs of Zeek and its common packages that no model reads. */
static const char *const unused_paths[] = {"analyzer", "barnyard2", "broker", "capture_loss",
    "cluster", "config", "conn-summary", "console", "dnp3", "dnp3_control", "dnp3_objects", "dpd",
    "ftp", "intel", "irc", "kerberos_tickets", "known_certs", "known_devices", "known_domains",
    "known_hosts", "known_modbus", "known_services", "ldap", "ldap_search", "loaded_scripts",
    "modbus", "modbus_register_change", "mqtt_connect", "mqtt_publish", "mqtt_subscribe", "mysql",
    "netcontrol", "netcontrol_catch_release", "netcontrol_drop", "netcontrol_shunt", "notice",
    "notice_alarm", "ntp", "ocsp", "openflow", "packet_filter", "pe", "postgresql", "print", "prof",
    "quic", "radius", "reporter", "rfb", "sensor_location", "signatures", "sip", "smb_cmd", "snmp",
    "socks", "software", "spicy", "stats", "stderr", "stdout", "syslog", "telemetry", "traceroute",
    "tunnel", "unknown_protocols", "weird_stats", "websocket", "wireguard"};

void th_zeek_name_set(struct th_zeek_name *n, struct th_str s)
{
    n->len = TH_MIN(s.len, (uint32_t)sizeof(n->text));
    if (n->len)
        memcpy(n->text, s.p, n->len);
}

bool th_zeek_is_unused(struct th_str path)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(unused_paths); i++)
        if (th_str_is(path, unused_paths[i]))
            return true;
    return false;
}

static bool is_known(struct th_str path)
{
    return th_kind_find(path) >= 0 || th_zeek_is_unused(path);
}

/* "/a/conn.150000-160000.log.gz" says conn; so does "labeled-conn.log". */
static struct th_str path_of_file(struct th_str name)
{
    struct th_str rest = name;
    while (th_str_index(rest, '/') >= 0)
        th_str_split(&rest, '/');
    struct th_str base = th_str_split(&rest, '.');
    if (is_known(base))
        return base;
    for (struct th_str parts = base; parts.len;) {
        struct th_str part = th_str_split(&parts, '-');
        if (is_known(part))
            return part;
    }
    return (struct th_str){"", 0};
}

bool th_zeek_is_log_name(struct th_str file_name)
{
    return path_of_file(file_name).len && memmem(file_name.p, file_name.len, ".log", 4);
}

struct th_zeek *th_zeek_new(struct th_str file_name, const struct th_sink *sink)
{
    struct th_zeek *z = th_xcalloc(1, sizeof(*z));
    z->sink = sink;
    th_zeek_name_set(&z->file_path, path_of_file(file_name));
    th_zeek_tsv_reset(&z->header);
    return z;
}

void th_zeek_free(struct th_zeek *z)
{
    if (!z)
        return;
    th_buf_done(&z->unused_names);
    th_buf_done(&z->complaints);
    th_buf_done(&z->format);
    th_buf_done(&z->message);
    th_buf_done(&z->header.fields);
    th_arena_done(&z->memory);
    free(z);
}

void th_zeek_complain(struct th_zeek *z, const char *what, struct th_str detail)
{
    if (z->complaint_count++ >= max_complaints)
        return;
    detail.len = TH_MIN(detail.len, (uint32_t)max_detail_bytes);
    th_buf_printf(&z->complaints, "%sline %llu: %s", z->complaint_count > 1 ? "; " : "",
        (unsigned long long)z->counts.lines, what);
    if (detail.len)
        th_buf_printf(&z->complaints, " \"%.*s\"", (int)detail.len, detail.p);
}

int th_zeek_field(const struct th_kind_info *kind, struct th_str name)
{
    int field = th_field_find(kind, name);
    for (size_t i = 0; field < 0 && i < TH_ARRAY_LEN(aliases); i++)
        if (th_kind_get(aliases[i].kind) == kind && th_str_is(name, aliases[i].name))
            field = aliases[i].field;
    return field;
}

/* Each name once. */
static void note_unused(struct th_zeek *z, struct th_str path)
{
    struct th_str rest = th_buf_view(&z->unused_names);
    while (rest.len)
        if (th_str_eq(th_str_split(&rest, ' '), path))
            return;
    if (z->unused_names.len + path.len > max_unused_names_bytes)
        return;
    if (z->unused_names.len)
        th_buf_u8(&z->unused_names, ' ');
    th_buf_str(&z->unused_names, path);
}

const struct th_kind_info *th_zeek_begin(struct th_zeek *z, struct th_str path)
{
    int number = th_kind_find(path);
    z->counts.is_zeek = true;
    if (number < 0) {
        z->counts.unused++;
        note_unused(z, path);
        return NULL;
    }
    const struct th_kind_info *kind = th_kind_get((unsigned)number);
    memset(&z->ev, 0, kind->size_bytes);
    z->ev.h.kind = (uint16_t)number;
    z->kinds_seen |= UINT64_C(1) << number;
    return kind;
}

_Static_assert(TH_KIND_COUNT <= 64, "kinds seen are kept in a bit each");

/* Before version 5.1 Zeek wrote sender, receiver and connections of a file as sets. */
static void complete_files(struct th_ev_files *f)
{
    bool from_orig = TH_HAS(f, FILES, is_orig) && f->is_orig;
    const struct th_addrs *orig = from_orig ? &f->tx_hosts : &f->rx_hosts;
    const struct th_addrs *resp = from_orig ? &f->rx_hosts : &f->tx_hosts;
    if (!TH_HAS(f, FILES, id_orig_h) && orig->n)
        TH_SET(f, FILES, id_orig_h, orig->v[0]);
    if (!TH_HAS(f, FILES, id_resp_h) && resp->n)
        TH_SET(f, FILES, id_resp_h, resp->v[0]);
    if (!TH_HAS(f, FILES, uid) && f->conn_uids.n)
        TH_SET(f, FILES, uid, f->conn_uids.v[0]);
}

static int64_t end_time(const union th_any_event *ev, int64_t ts)
{
    int64_t span = ev->h.kind == TH_KIND_CONN ? ev->conn.duration
        : ev->h.kind == TH_KIND_DNS           ? ev->dns.rtt
                                              : 0;
    return span > 0 ? th_time_add(ts, span) : ts;
}

int th_zeek_end(struct th_zeek *z, const struct th_kind_info *kind)
{
    union th_any_event *ev = &z->ev;
    if (!(ev->h.set & 1)) { /* ts is field 0 of every kind */
        z->counts.bad_lines++;
        th_zeek_complain(z, "no ts", (struct th_str){"", 0});
        return 0;
    }
    if (ev->h.kind == TH_KIND_FILES)
        complete_files(&ev->files);
    ev->h.time_ns = end_time(ev, *(const int64_t *)th_event_field(&ev->h, &kind->fields[0]));
    ev->h.seq = z->counts.events++;
    return th_sink_put(z->sink, &ev->h);
}

int th_zeek_line(struct th_zeek *z, struct th_str line)
{
    z->counts.lines++;
    if (line.len && line.p[line.len - 1] == '\r')
        line.len--;
    if (z->counts.lines == 1 && th_str_starts(line, "\xef\xbb\xbf"))
        line = th_str_n(line.p + 3, line.len - 3);
    if (line.len == 0)
        return 0;
    if (line.len > TH_ZEEK_MAX_LINE_BYTES) {
        z->counts.lines--;
        th_zeek_long_line(z);
        return 0;
    }
    th_arena_reset(&z->memory);
    if (line.p[0] == '#')
        return th_zeek_tsv_header(z, line);
    /* A row may begin with a brace as well, but not in a log that has said it is separated. */
    if (z->header.columns == 0 && th_str_starts(th_str_trim(line), "{"))
        return th_zeek_json_row(z, line);
    if (z->forms == TH_ZEEK_JSON) {
        z->counts.bad_lines++;
        th_zeek_complain(z, "not JSON", line);
        return 0;
    }
    return th_zeek_tsv_row(z, line);
}

void th_zeek_long_line(struct th_zeek *z)
{
    z->counts.lines++;
    z->counts.bad_lines++;
    th_zeek_complain(z, "longer than 1 MiB", (struct th_str){"", 0});
}

static void write_format(struct th_zeek *z)
{
    static const char *const forms[] = {"zeek", "zeek-tsv", "zeek-json", "zeek-tsv+json"};
    th_buf_clear(&z->format);
    th_buf_puts(&z->format, forms[z->forms & 3]);
    for (unsigned k = 0; k < TH_KIND_COUNT; k++)
        if (z->kinds_seen >> k & 1)
            th_buf_printf(&z->format, " %s", th_kind_get(k)->name);
    if (z->kinds_seen == 0 && z->unused_names.len) {
        th_buf_u8(&z->format, ' ');
        th_buf_str(&z->format, th_buf_view(&z->unused_names));
    }
}

static void write_message(struct th_zeek *z)
{
    struct th_buf *m = &z->message;
    th_buf_clear(m);
    if (z->counts.bad_lines)
        th_buf_printf(m, "%llu of %llu lines did not parse",
            (unsigned long long)z->counts.bad_lines, (unsigned long long)z->counts.lines);
    if (z->counts.bad_values)
        th_buf_printf(m, "%s%llu values did not parse", m->len ? ", " : "",
            (unsigned long long)z->counts.bad_values);
    if (z->complaints.len) {
        th_buf_puts(m, m->len ? ": " : "");
        th_buf_str(m, th_buf_view(&z->complaints));
    }
    if (z->unused_names.len) {
        struct th_str names = th_buf_view(&z->unused_names);
        bool known = th_str_index(names, ' ') < 0 && th_zeek_is_unused(names);
        th_buf_printf(m, "%s%s without a use here: %.*s", m->len ? "; " : "",
            known ? "known Zeek log" : "Zeek logs", (int)names.len, names.p);
    }
}

void th_zeek_result(struct th_zeek *z, struct th_zeek_result *ret)
{
    /* A log that ended before its first row is still one of its kind. */
    int kind = z->header.path.len ? th_kind_find(th_zeek_text(&z->header.path)) : -1;
    if (kind >= 0)
        z->kinds_seen |= UINT64_C(1) << kind;
    else if (z->header.path.len)
        note_unused(z, th_zeek_text(&z->header.path));
    write_format(z);
    write_message(z);
    *ret = z->counts;
    ret->format = th_buf_view(&z->format);
    ret->message = th_buf_view(&z->message);
}
