/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of each type of event: by the table of eve_map.def, and what follows here. */
#include <stdio.h>

#include "eve_priv.h"

static const struct {
    const char *type;
    uint16_t kind, field;
    const char *path;
} map[] = {
#define TH_EVE(type, KIND, field, path) {type, TH_KIND_##KIND, TH_F_##KIND##_##field, path},
#include "eve_map.def"
#undef TH_EVE
};

/* All fields of the line's type that the table has. Empty texts are none. */
static void take_mapped(struct th_eve *e)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(map); i++) {
        if (map[i].kind != e->ev.h.kind || strcmp(map[i].type, e->type) != 0)
            continue;
        const json_t *v = th_eve_at(e->object, map[i].path);
        unsigned type = th_kind_get(map[i].kind)->fields[map[i].field].type;
        if (json_is_array(v) && type != TH_TYPE_STRING && !th_value_is_list(type))
            v = json_array_get(v, 0);
        if (v && !(json_is_string(v) && json_string_length(v) == 0))
            th_value_json(&e->memory, &e->ev.h, map[i].field, v);
    }
}

static struct th_str transport(struct th_eve *e)
{
    return th_eve_lower(e, th_eve_text(e->object, "proto"));
}

static int put_one(struct th_eve *e)
{
    int r = th_eve_put(e, &e->ev.h);
    return r < 0 ? r : 1;
}

/* ---- web ---- */

/* "HTTP/1.1" is version 1.1. */
static int on_http(struct th_eve *e)
{
    struct th_ev_http *h = &e->ev.http;
    struct th_str version = th_eve_text(e->object, "http.protocol");
    if (th_str_starts(version, "HTTP/"))
        TH_SET(h, HTTP, version, th_str_n(version.p + 5, version.len - 5u));
    struct th_str forwarded = th_eve_text(e->object, "http.xff");
    if (forwarded.len) {
        struct th_str *v = th_arena_alloc(&e->memory, sizeof(*v));
        *v =
            th_arena_printf(&e->memory, "X-FORWARDED-FOR -> %.*s", (int)forwarded.len, forwarded.p);
        TH_SET(h, HTTP, proxied, (struct th_strs){v, 1});
    }
    return put_one(e);
}

static struct th_str tls_version(struct th_eve *e, struct th_str s)
{
    static const char *const names[][2] = {{"TLS 1.3", "TLSv13"}, {"TLS 1.2", "TLSv12"},
        {"TLS 1.1", "TLSv11"}, {"TLSv1", "TLSv10"}, {"TLS 1.0", "TLSv10"}, {"SSLv3", "SSLv3"},
        {"SSLv2", "SSLv2"}};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        if (th_str_ieq(s, th_str_c(names[i][0])))
            return th_str_c(names[i][1]);
    return th_arena_str(&e->memory, s);
}

/* The certificate: Suricata tells its SHA-1 as its fingerprint, with colons; here it is its id. */
static int put_certificate(struct th_eve *e, struct th_str id)
{
    struct th_ev_x509 *x = &e->ev.x509;
    int64_t ns;
    th_eve_begin(e, TH_KIND_X509);
    TH_SET(x, X509, id, id);
    TH_SET(x, X509, certificate_subject, th_eve_text(e->object, "tls.subject"));
    TH_SET(x, X509, certificate_issuer, th_eve_text(e->object, "tls.issuerdn"));
    TH_SET(x, X509, certificate_serial, th_eve_text(e->object, "tls.serial"));
    if (th_eve_time(th_eve_text(e->object, "tls.notbefore"), &ns))
        TH_SET(x, X509, certificate_not_valid_before, ns);
    if (th_eve_time(th_eve_text(e->object, "tls.notafter"), &ns))
        TH_SET(x, X509, certificate_not_valid_after, ns);
    const json_t *names = th_eve_at(e->object, "tls.subjectaltname");
    if (json_is_array(names))
        th_value_json(&e->memory, &x->h, TH_F_X509_san_dns, names);
    TH_SET(x, X509, host_cert, true);
    return th_eve_put(e, &x->h);
}

static int on_tls(struct th_eve *e)
{
    struct th_ev_ssl *s = &e->ev.ssl;
    struct th_str version = th_eve_text(e->object, "tls.version");
    struct th_str id = th_eve_text(e->object, "tls.fingerprint");
    int64_t ns;
    if (version.len && !th_str_is(version, "UNDETERMINED"))
        TH_SET(s, SSL, version, tls_version(e, version));
    TH_SET(s, SSL, established, version.len > 0 && !th_str_is(version, "UNDETERMINED"));
    if (th_eve_time(th_eve_text(e->object, "tls.notbefore"), &ns))
        TH_SET(s, SSL, not_valid_before, ns);
    if (th_eve_time(th_eve_text(e->object, "tls.notafter"), &ns))
        TH_SET(s, SSL, not_valid_after, ns);
    if (id.len == 0)
        return put_one(e);
    TH_SET(s, SSL, cert_chain_fuids, (struct th_strs){&id, 1});
    int r = th_eve_put(e, &s->h);
    if (r == 0)
        r = put_certificate(e, id);
    return r < 0 ? r : 1;
}

/* Old versions have it at the line's ends, newer ones below quic. */
static int on_quic(struct th_eve *e)
{
    struct th_str version = th_eve_text(e->object, "quic.version");
    if (version.len)
        TH_SET(&e->ev.quic, QUIC, version, th_str_is(version, "Q1") ? th_str_c("1") : version);
    return put_one(e);
}

/* ---- files ---- */

static int on_file(struct th_eve *e)
{
    struct th_ev_files *f = &e->ev.files;
    const struct th_addr *from = e->swapped ? &e->resp : &e->orig;
    const struct th_addr *to = e->swapped ? &e->orig : &e->resp;
    if (e->has_ends) {
        TH_SET(f, FILES, is_orig, !e->swapped);
        TH_SET(f, FILES, tx_hosts, (struct th_addrs){from, 1});
        TH_SET(f, FILES, rx_hosts, (struct th_addrs){to, 1});
    }
    if (json_is_true(th_eve_at(e->object, "fileinfo.gaps")))
        TH_SET(f, FILES, hash_skipped, th_str_c("gap"));
    return put_one(e);
}

static int put_ntlm(struct th_eve *e)
{
    struct th_ev_ntlm *n = &e->ev.ntlm;
    struct th_str status = th_eve_text(e->object, "smb.status");
    th_eve_begin(e, TH_KIND_NTLM);
    TH_SET(n, NTLM, username, th_eve_text(e->object, "smb.ntlmssp.user"));
    TH_SET(n, NTLM, hostname, th_eve_text(e->object, "smb.ntlmssp.host"));
    TH_SET(n, NTLM, domainname, th_eve_text(e->object, "smb.ntlmssp.domain"));
    if (status.len)
        TH_SET(n, NTLM, success, th_str_is(status, "STATUS_SUCCESS"));
    return put_one(e);
}

static const struct {
    const char *command, *action;
} smb_actions[] = {{"SMB2_COMMAND_CREATE", "SMB::FILE_OPEN"},
    {"SMB1_COMMAND_NT_CREATE_ANDX", "SMB::FILE_OPEN"}, {"SMB2_COMMAND_READ", "SMB::FILE_READ"},
    {"SMB2_COMMAND_WRITE", "SMB::FILE_WRITE"}, {"SMB2_COMMAND_CLOSE", "SMB::FILE_CLOSE"},
    {"SMB1_COMMAND_WRITE_ANDX", "SMB::FILE_WRITE"}, {"SMB1_COMMAND_READ_ANDX", "SMB::FILE_READ"}};

static const char *smb_action(const struct th_eve *e)
{
    struct th_str command = th_eve_text(e->object, "smb.command");
    if (th_eve_text(e->object, "smb.rename.to").len)
        return "SMB::FILE_RENAME";
    if (th_str_is(th_eve_text(e->object, "smb.disposition"), "FILE_DELETE") ||
        json_is_true(th_eve_at(e->object, "smb.delete_on_close")))
        return "SMB::FILE_DELETE";
    for (size_t i = 0; i < TH_ARRAY_LEN(smb_actions); i++)
        if (th_str_is(command, smb_actions[i].command))
            return smb_actions[i].action;
    return NULL;
}

static int on_smb(struct th_eve *e)
{
    struct th_str name = th_eve_text(e->object, "smb.filename");
    struct th_str share = th_eve_text(e->object, "smb.share");
    struct th_str to = th_eve_text(e->object, "smb.rename.to");
    const char *action = smb_action(e);
    if (th_eve_at(e->object, "smb.ntlmssp.user"))
        return put_ntlm(e);
    if ((name.len || to.len) && action) {
        struct th_ev_smb_files *f = &e->ev.smb_files;
        th_eve_begin(e, TH_KIND_SMB_FILES);
        TH_SET(f, SMB_FILES, action, th_str_c(action));
        TH_SET(f, SMB_FILES, name, to.len ? to : name);
        if (to.len)
            TH_SET(f, SMB_FILES, prev_name, th_eve_text(e->object, "smb.rename.from"));
        TH_SET(f, SMB_FILES, path, share);
        TH_SET(f, SMB_FILES, size, th_eve_number(e->object, "smb.size"));
        return put_one(e);
    }
    if (share.len && th_eve_at(e->object, "smb.share_type")) {
        struct th_ev_smb_mapping *m = &e->ev.smb_mapping;
        th_eve_begin(e, TH_KIND_SMB_MAPPING);
        TH_SET(m, SMB_MAPPING, path, share);
        TH_SET(m, SMB_MAPPING, share_type, th_eve_text(e->object, "smb.share_type"));
        return put_one(e);
    }
    return 0;
}

/* ---- logins and sessions ---- */

static int on_krb5(struct th_eve *e)
{
    struct th_ev_kerberos *k = &e->ev.kerberos;
    struct th_str type = th_eve_text(e->object, "krb5.msg_type");
    struct th_str failed = th_eve_text(e->object, "krb5.failed_request");
    struct th_str name = th_eve_text(e->object, "krb5.cname");
    struct th_str realm = th_eve_text(e->object, "krb5.realm");
    struct th_str error = th_eve_text(e->object, "krb5.error_code");
    struct th_str of = failed.len ? failed : type;
    TH_SET(k, KERBEROS, success, !th_str_is(type, "KRB_ERROR"));
    TH_SET(
        k, KERBEROS, request_type, th_str_starts(of, "KRB_TGS") ? th_str_c("TGS") : th_str_c("AS"));
    if (name.len && !th_str_is(name, "<empty>"))
        TH_SET(k, KERBEROS, client,
            th_arena_printf(
                &e->memory, "%.*s/%.*s", (int)name.len, name.p, (int)realm.len, realm.p));
    if (error.len)
        TH_SET(k, KERBEROS, error_msg, error);
    return put_one(e);
}

static int on_ssh(struct th_eve *e)
{
    struct th_str version = th_eve_text(e->object, "ssh.client.proto_version");
    if (version.len)
        TH_SET(&e->ev.ssh, SSH, version, version.p[0] == '1' ? 1u : 2u);
    return put_one(e);
}

/* An exchange is several lines; each becomes a record, as its message alone says. */
static int on_dhcp(struct th_eve *e)
{
    struct th_ev_dhcp *d = &e->ev.dhcp;
    struct th_str type = th_eve_text(e->object, "dhcp.dhcp_type");
    struct th_str assigned = th_eve_text(e->object, "dhcp.assigned_ip");
    bool reply = th_str_is(th_eve_text(e->object, "dhcp.type"), "reply");
    struct th_addr a;
    char upper[16];
    struct th_str word = th_str_n(upper, TH_MIN(type.len, sizeof(upper)));
    for (uint32_t i = 0; i < word.len; i++)
        upper[i] = type.p[i] >= 'a' && type.p[i] <= 'z' ? (char)(type.p[i] - 32) : type.p[i];
    if (type.len)
        TH_SET(d, DHCP, msg_types, (struct th_strs){&word, 1});
    if (reply && th_addr_parse(assigned, &a) && !th_addr_is_any(&a))
        TH_SET(d, DHCP, assigned_addr, a);
    if (th_addr_parse(th_eve_text(e->object, "dhcp.client_ip"), &a) && !th_addr_is_any(&a))
        TH_SET(d, DHCP, client_addr, a);
    if (reply && e->has_ends)
        TH_SET(d, DHCP, server_addr, e->orig_p == 67 ? e->orig : e->resp);
    return put_one(e);
}

static int on_snmp(struct th_eve *e)
{
    struct th_ev_snmp *s = &e->ev.snmp;
    static const char *const versions[] = {"", "1", "2c", "3"};
    struct th_str pdu = th_eve_text(e->object, "snmp.pdu_type");
    uint64_t version = th_eve_number(e->object, "snmp.version");
    const json_t *vars = th_eve_at(e->object, "snmp.vars");
    uint64_t count = json_is_array(vars) ? json_array_size(vars) : 1;
    if (version > 0 && version < TH_ARRAY_LEN(versions))
        TH_SET(s, SNMP, version, th_str_c(versions[version]));
    if (th_str_is(pdu, "get_request") || th_str_is(pdu, "get_next_request"))
        TH_SET(s, SNMP, get_requests, count);
    else if (th_str_is(pdu, "get_bulk_request"))
        TH_SET(s, SNMP, get_bulk_requests, count);
    else if (th_str_is(pdu, "set_request"))
        TH_SET(s, SNMP, set_requests, count);
    else if (th_str_is(pdu, "response"))
        TH_SET(s, SNMP, get_responses, count);
    else if (th_str_starts(pdu, "trap") || th_str_starts(pdu, "inform"))
        TH_SET(s, SNMP, traps, UINT64_C(1));
    return put_one(e);
}

/* ---- MQTT ---- */

static int put_connect(struct th_eve *e)
{
    struct th_ev_mqtt_connect *m = &e->ev.mqtt_connect;
    uint64_t version = th_eve_number(e->object, "mqtt.connect.protocol_version");
    th_eve_begin(e, TH_KIND_MQTT_CONNECT);
    TH_SET(m, MQTT_CONNECT, proto_name, th_eve_text(e->object, "mqtt.connect.protocol_string"));
    TH_SET(m, MQTT_CONNECT, proto_version,
        th_str_c(version == 5  ? "5.0"
                : version == 4 ? "3.1.1"
                               : "3.1"));
    TH_SET(m, MQTT_CONNECT, client_id, th_eve_text(e->object, "mqtt.connect.client_id"));
    struct th_str user = th_eve_text(e->object, "mqtt.connect.username");
    if (user.len)
        TH_SET(m, MQTT_CONNECT, user, user);
    return put_one(e);
}

static int put_publish(struct th_eve *e)
{
    static const char *const qualities[] = {"at most once", "at least once", "exactly once"};
    struct th_ev_mqtt_publish *m = &e->ev.mqtt_publish;
    uint64_t qos = th_eve_number(e->object, "mqtt.publish.qos");
    th_eve_begin(e, TH_KIND_MQTT_PUBLISH);
    TH_SET(m, MQTT_PUBLISH, topic, th_eve_text(e->object, "mqtt.publish.topic"));
    TH_SET(m, MQTT_PUBLISH, retain, json_is_true(th_eve_at(e->object, "mqtt.publish.retain")));
    TH_SET(m, MQTT_PUBLISH, payload_len, th_eve_text(e->object, "mqtt.publish.message").len);
    if (qos < TH_ARRAY_LEN(qualities))
        TH_SET(m, MQTT_PUBLISH, qos, th_str_c(qualities[qos]));
    return put_one(e);
}

static int put_subscribe(struct th_eve *e, const json_t *topics)
{
    struct th_ev_mqtt_subscribe *m = &e->ev.mqtt_subscribe;
    uint32_t count = (uint32_t)TH_MIN(json_array_size(topics), (size_t)TH_VALUE_MAX_ELEMENTS);
    struct th_str *v = th_arena_alloc(&e->memory, (count + 1) * sizeof(*v));
    for (uint32_t i = 0; i < count; i++)
        v[i] = th_eve_text(json_array_get(topics, i), "topic");
    th_eve_begin(e, TH_KIND_MQTT_SUBSCRIBE);
    TH_SET(m, MQTT_SUBSCRIBE, action, th_str_c("MQTT::SUBSCRIBE"));
    TH_SET(m, MQTT_SUBSCRIBE, topics, (struct th_strs){v, count});
    return put_one(e);
}

static int on_mqtt(struct th_eve *e)
{
    const json_t *topics = th_eve_at(e->object, "mqtt.subscribe.topics");
    if (th_eve_at(e->object, "mqtt.connect"))
        return put_connect(e);
    if (th_eve_at(e->object, "mqtt.publish"))
        return put_publish(e);
    return json_is_array(topics) ? put_subscribe(e, topics) : 0;
}

/* ---- what Suricata thinks of it ---- */

static int on_alert(struct th_eve *e)
{
    struct th_ev_ids *a = &e->ev.ids;
    TH_SET(a, IDS, proto, transport(e));
    if (e->has_ends)
        TH_SET(a, IDS, from_orig, !e->swapped);
    return put_one(e);
}

static int on_anomaly(struct th_eve *e)
{
    struct th_ev_weird *w = &e->ev.weird;
    TH_SET(w, WEIRD, peer, th_str_c("suricata"));
    if (!TH_HAS(w, WEIRD, name))
        TH_SET(w, WEIRD, name, th_str_c("anomaly"));
    return put_one(e);
}

static const struct {
    const char *type;
    enum th_kind kind; /* begun before the call, and filled from the table; 0: not */
    int (*put)(struct th_eve *e);
} types[] = {{"flow", 0, th_eve_flow}, {"netflow", 0, th_eve_netflow}, {"dns", 0, th_eve_dns},
    {"http", TH_KIND_HTTP, on_http}, {"tls", TH_KIND_SSL, on_tls}, {"quic", TH_KIND_QUIC, on_quic},
    {"fileinfo", TH_KIND_FILES, on_file}, {"smb", 0, on_smb}, {"krb5", TH_KIND_KERBEROS, on_krb5},
    {"ssh", TH_KIND_SSH, on_ssh}, {"rdp", TH_KIND_RDP, put_one}, {"dhcp", TH_KIND_DHCP, on_dhcp},
    {"smtp", TH_KIND_SMTP, put_one}, {"ftp", TH_KIND_FTP, put_one}, {"snmp", TH_KIND_SNMP, on_snmp},
    {"sip", TH_KIND_SIP, put_one}, {"mqtt", 0, on_mqtt}, {"alert", TH_KIND_IDS, on_alert},
    {"anomaly", TH_KIND_WEIRD, on_anomaly}};

int th_eve_event(struct th_eve *e)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(types); i++) {
        if (strcmp(e->type, types[i].type) != 0)
            continue;
        if (types[i].kind) {
            th_eve_begin(e, types[i].kind);
            take_mapped(e);
        }
        return types[i].put(e);
    }
    return 0;
}
