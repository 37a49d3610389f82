/* SPDX-License-Identifier: Apache-2.0 */
#include "identity_i.h"

struct th_identity *th_identity_new(const struct th_identity_config *config)
{
    struct th_identity *id = th_xcalloc(1, sizeof(*id));
    id->key = config->key;
    id->max_entities = config->max_entities ? config->max_entities : DEFAULT_MAX_ENTITIES;
    id->max_entities = TH_MIN(id->max_entities, MAX_ENTITIES_LIMIT);
    id->max_names = config->max_names ? config->max_names : DEFAULT_MAX_NAMES;
    id->max_names = TH_MIN(id->max_names, MAX_NAMES_LIMIT);
    id->max_addrs = TH_MAX(id->max_entities, 256u) * 4;
    id->max_macs = id->max_entities * 2;
    id->local_count = TH_MIN(config->local_count, (size_t)MAX_LOCAL);
    id->local = th_xcalloc(id->local_count + 1, sizeof(*id->local));
    if (id->local_count)
        memcpy(id->local, config->local, id->local_count * sizeof(*id->local));
    id->chunk = th_xcalloc(id->max_entities / DEVICES_PER_CHUNK + 1, sizeof(struct device *));
    names_init(&id->names, id->max_names);
    names_init(&id->uids, id->max_names / 4);
    users_init(&id->users);
    id->domains = th_domains_new(&id->key);
    id->oui = config->oui;
    id->now_ns = INT64_MIN;
    return id;
}

void th_identity_free(struct th_identity *id)
{
    if (!id)
        return;
    for (uint32_t i = 0; i <= id->max_entities / DEVICES_PER_CHUNK; i++)
        free(id->chunk[i]);
    free(id->chunk);
    free(id->local);
    free(id->addr);
    free(id->mac);
    index_done(&id->by_id);
    index_done(&id->by_addr);
    index_done(&id->by_mac);
    users_done(&id->users);
    names_done(&id->names);
    names_done(&id->uids);
    th_domains_free(id->domains);
    free(id);
}

bool th_identity_is_inside(const struct th_identity *id, const struct th_addr *a)
{
    enum addr_class class = addr_class(a);
    if (class != ADDR_PUBLIC)
        return class == ADDR_PRIVATE;
    for (size_t i = 0; i < id->local_count; i++)
        if (th_subnet_has(&id->local[i], a))
            return true;
    return false;
}

uint32_t th_identity_count(const struct th_identity *id)
{
    return id->count;
}

struct th_entity *th_identity_slot(const struct th_identity *id, uint32_t slot)
{
    struct th_entity *e = slot < id->count ? &device_at(id, slot)->e : NULL;
    return e && e->kind != TH_ENTITY_FORGOTTEN ? e : NULL;
}

struct th_entity *th_identity_find(const struct th_identity *id, uint64_t entity_id)
{
    uint32_t hash = index_hash(th_mix64(entity_id));
    uint32_t at = hash;
    for (uint32_t r; (r = index_next(&id->by_id, hash, &at)) != NONE;)
        if (device_at(id, r)->e.id == entity_id)
            return th_identity_slot(id, r);
    return NULL;
}

void th_identity_stats_get(const struct th_identity *id, struct th_identity_stats *ret)
{
    *ret = id->stats;
}

size_t th_identity_history(
    const struct th_identity *id, uint32_t slot, struct th_binding *ret, size_t max)
{
    if (slot >= id->count)
        return 0;
    const struct device *d = device_at(id, slot);
    size_t n = TH_MIN((size_t)d->history_count, max);
    memcpy(ret, d->history, n * sizeof(*ret));
    return n;
}

void th_entity_text(uint64_t entity_id, char out[TH_ENTITY_TEXT_LEN])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    out[0] = th_entity_is_user(entity_id) ? 'u' : 'd';
    for (unsigned i = 0; i < 10; i++)
        out[1 + i] = digits[entity_id >> (45 - 5 * i) & 31];
    out[11] = '\0';
}

bool th_entity_parse(struct th_str text, uint64_t *ret_entity_id)
{
    uint64_t v = 0;
    if (text.len != TH_ENTITY_TEXT_LEN - 1 || (text.p[0] != 'd' && text.p[0] != 'u'))
        return false;
    for (unsigned i = 1; i < TH_ENTITY_TEXT_LEN - 1; i++) {
        char c = text.p[i];
        if (c >= 'a' && c <= 'z')
            v = v << 5 | (uint64_t)(c - 'a');
        else if (c >= '2' && c <= '7')
            v = v << 5 | (uint64_t)(c - '2' + 26);
        else
            return false;
    }
    *ret_entity_id = v | (text.p[0] == 'u' ? TH_USER_BIT : 0);
    return v != 0;
}

/* The addresses of an event, whatever its kind. */
struct ends {
    const struct th_addr *orig, *resp;
    const struct th_mac *orig_mac, *resp_mac;
    struct th_str uid;
    uint16_t orig_port, resp_port;
    uint64_t orig_tag, resp_tag, uid_tag; /* what they are filed under; 0: nothing is */
    bool answered;                        /* the responder has been heard */
};

/* Kinds whose first fields are TH_ID_FIELDS have them at the same place. */
#define SAME_PLACE(kind)                                                                           \
    _Static_assert(offsetof(struct th_ev_##kind, uid) == offsetof(struct th_ev_conn, uid) &&       \
            offsetof(struct th_ev_##kind, id_orig_h) == offsetof(struct th_ev_conn, id_orig_h) &&  \
            offsetof(struct th_ev_##kind, id_resp_h) == offsetof(struct th_ev_conn, id_resp_h) &&  \
            offsetof(struct th_ev_##kind, id_orig_p) == offsetof(struct th_ev_conn, id_orig_p) &&  \
            offsetof(struct th_ev_##kind, id_resp_p) == offsetof(struct th_ev_conn, id_resp_p),    \
        "id fields of " #kind)
SAME_PLACE(dns);
SAME_PLACE(http);
SAME_PLACE(ssl);
SAME_PLACE(weird);
SAME_PLACE(ssh);
SAME_PLACE(smb_files);
SAME_PLACE(smb_mapping);
SAME_PLACE(kerberos);
SAME_PLACE(dce_rpc);
SAME_PLACE(ntlm);
SAME_PLACE(rdp);
SAME_PLACE(smtp);
SAME_PLACE(modbus);
SAME_PLACE(dnp3);
SAME_PLACE(s7comm);
SAME_PLACE(enip);
SAME_PLACE(bacnet);
SAME_PLACE(ldap);
SAME_PLACE(ldap_search);
SAME_PLACE(mysql);
SAME_PLACE(postgresql);
SAME_PLACE(redis);
SAME_PLACE(db);
SAME_PLACE(mqtt_connect);
SAME_PLACE(mqtt_publish);
SAME_PLACE(mqtt_subscribe);
SAME_PLACE(rfb);
SAME_PLACE(overlay);

static void ends_common(const struct th_event *h, struct ends *e)
{
    const struct th_ev_conn *ev = (const struct th_ev_conn *)h;
    if (TH_HAS(ev, CONN, id_orig_h))
        e->orig = &ev->id_orig_h;
    if (TH_HAS(ev, CONN, id_resp_h))
        e->resp = &ev->id_resp_h;
    e->uid = ev->uid;
    e->orig_port = ev->id_orig_p;
    e->resp_port = ev->id_resp_p;
}

static bool conn_answered(const struct th_ev_conn *ev)
{
    /* A reset may come from a firewall: a refused connection proves no host. */
    if (th_str_is(ev->conn_state, "S0") || th_str_is(ev->conn_state, "REJ") ||
        th_str_is(ev->conn_state, "SH") || th_str_is(ev->conn_state, "RSTOS0"))
        return false;
    if (TH_HAS(ev, CONN, resp_pkts))
        return ev->resp_pkts > 0;
    return ev->resp_bytes > 0 || th_str_is(ev->conn_state, "SF") || th_str_is(ev->conn_state, "S1");
}

static void ends_files(const struct th_ev_files *ev, struct ends *e)
{
    if (TH_HAS(ev, FILES, id_orig_h))
        e->orig = &ev->id_orig_h;
    if (TH_HAS(ev, FILES, id_resp_h))
        e->resp = &ev->id_resp_h;
    /* Older Zeek tells sender and receiver only; the receiver is most often who asked. */
    if (!e->orig && !e->resp && ev->tx_hosts.n && ev->rx_hosts.n) {
        e->orig = ev->is_orig ? &ev->tx_hosts.v[0] : &ev->rx_hosts.v[0];
        e->resp = ev->is_orig ? &ev->rx_hosts.v[0] : &ev->tx_hosts.v[0];
    }
    e->uid = ev->uid.len || !ev->conn_uids.n ? ev->uid : ev->conn_uids.v[0];
    e->orig_port = ev->id_orig_p;
    e->resp_port = ev->id_resp_p;
    e->answered = true;
}

static void ends_of(const struct th_event *h, struct ends *e)
{
    const union th_any_event *any = (const union th_any_event *)h;
    switch (h->kind) {
    case TH_KIND_CONN:
        ends_common(h, e);
        if (TH_HAS(&any->conn, CONN, orig_l2_addr))
            e->orig_mac = &any->conn.orig_l2_addr;
        if (TH_HAS(&any->conn, CONN, resp_l2_addr))
            e->resp_mac = &any->conn.resp_l2_addr;
        e->answered = conn_answered(&any->conn);
        break;
    case TH_KIND_DNS:
        ends_common(h, e);
        e->answered = TH_HAS(&any->dns, DNS, rcode) || any->dns.answers.n > 0;
        break;
    case TH_KIND_HTTP:
        ends_common(h, e);
        e->answered = TH_HAS(&any->http, HTTP, status_code);
        break;
    case TH_KIND_OVERLAY:
        ends_common(h, e);
        e->answered = any->overlay.answered;
        break;
    case TH_KIND_DNP3:
    case TH_KIND_ENIP:
    case TH_KIND_LDAP_SEARCH:
    case TH_KIND_BACNET: /* over UDP, nobody may be there */
    case TH_KIND_IDS:
    case TH_KIND_WEIRD: ends_common(h, e); break;
    case TH_KIND_SSL:
    case TH_KIND_SSH:
    case TH_KIND_SMB_FILES:
    case TH_KIND_SMB_MAPPING:
    case TH_KIND_KERBEROS:
    case TH_KIND_DCE_RPC:
    case TH_KIND_NTLM:
    case TH_KIND_RDP:
    case TH_KIND_SMTP:
    case TH_KIND_QUIC:
    case TH_KIND_FTP:
    case TH_KIND_LOGIN:
    case TH_KIND_NTP:
    case TH_KIND_SNMP:
    case TH_KIND_SIP:
    case TH_KIND_RADIUS:
    case TH_KIND_SYSLOG:
    case TH_KIND_IRC:
    case TH_KIND_SOCKS:
    case TH_KIND_MODBUS:
    case TH_KIND_S7COMM:
    case TH_KIND_MYSQL:
    case TH_KIND_POSTGRESQL:
    case TH_KIND_REDIS:
    case TH_KIND_DB:
    case TH_KIND_MQTT_CONNECT:
    case TH_KIND_MQTT_PUBLISH:
    case TH_KIND_MQTT_SUBSCRIBE:
    case TH_KIND_RFB:
    case TH_KIND_LDAP:
        ends_common(h, e);
        e->answered = true;
        break;
    case TH_KIND_FILES: ends_files(&any->files, e); break;
    case TH_KIND_ARP:
        if (TH_HAS(&any->arp, ARP, orig_h))
            e->orig = &any->arp.orig_h;
        if (TH_HAS(&any->arp, ARP, resp_h))
            e->resp = &any->arp.resp_h;
        break;
    case TH_KIND_AUDIT:
        if (TH_HAS(&any->audit, AUDIT, src))
            e->orig = &any->audit.src;
        break;
    case TH_KIND_LOG:
        if (TH_HAS(&any->log, LOG, src))
            e->orig = &any->log.src;
        break;
    case TH_KIND_MAIL:
        if (TH_HAS(&any->mail, MAIL, src))
            e->orig = &any->mail.src;
        break;
    default: break;
    }
}

/* DHCP binds before anything is looked up; afterwards the client is the originator. */
static void dhcp_event(struct th_identity *id, const struct th_ev_dhcp *ev, struct ends *e)
{
    bool acked = ev->msg_types.n == 0;
    for (uint32_t i = 0; i < ev->msg_types.n; i++)
        acked = acked || th_str_is(ev->msg_types.v[i], "ACK") ||
            th_str_is(ev->msg_types.v[i], "REPLY"); /* DHCPv6 */
    const struct th_addr *a = NULL;
    if (acked && TH_HAS(ev, DHCP, assigned_addr) && addr_is_host(&ev->assigned_addr))
        a = &ev->assigned_addr;
    else if (acked && TH_HAS(ev, DHCP, client_addr) && addr_is_host(&ev->client_addr))
        a = &ev->client_addr;
    if (!a || !TH_HAS(ev, DHCP, mac) || !th_identity_is_inside(id, a))
        return;
    uint32_t slot = device_bind(id, a, &ev->mac, VIA_DHCP, ev->h.time_ns);
    if (slot != NONE)
        device_name(
            device_at(id, slot), ev->client_fqdn.len ? ev->client_fqdn : ev->host_name, HOST_DHCP);
    e->orig = a;
    e->orig_port = ev->client_port ? ev->client_port : 68;
    if (TH_HAS(ev, DHCP, server_addr))
        e->resp = &ev->server_addr;
    e->resp_port = ev->server_port ? ev->server_port : 67;
    e->answered = true;
}

static void arp_event(struct th_identity *id, const struct th_ev_arp *ev)
{
    const struct th_mac *mac = TH_HAS(ev, ARP, orig_hw) ? &ev->orig_hw : &ev->src_mac;
    if (TH_HAS(ev, ARP, orig_h) && th_identity_is_inside(id, &ev->orig_h))
        device_bind(id, &ev->orig_h, mac, VIA_ARP, ev->h.time_ns);
}

static struct device *end_device(struct th_identity *id, const struct th_addr *a,
    const struct th_mac *mac, int64_t time_ns, bool heard)
{
    if (!a || !addr_is_host(a))
        return NULL;
    if (!th_identity_is_inside(id, a)) {
        if (mac)
            device_mac_outside(id, mac);
        return NULL;
    }
    uint32_t slot = device_by_addr(id, a, heard ? mac : NULL, time_ns, heard);
    if (slot == NONE)
        return NULL;
    if (heard)
        device_touch(id, slot, a, time_ns);
    return device_at(id, slot);
}

static void peer_named(const struct name_entry *e, struct th_peer *ret)
{
    if (!e || !e->name_len)
        return;
    ret->host = th_str_n(e->name, e->name_len);
    if (e->dom_len)
        ret->domain = th_str_n(e->name + e->name_len - e->dom_len, e->dom_len);
    if (e->key)
        ret->key = e->key;
}

/* Works out what names are filed under and lets that come from memory: devices are found
 * meanwhile. */
static void fetch_names(const struct th_identity *id, struct ends *e)
{
    if (e->orig && !th_identity_is_inside(id, e->orig))
        names_fetch(&id->names, e->orig_tag = addr_tag(id, e->orig));
    if (e->resp && !th_identity_is_inside(id, e->resp))
        names_fetch(&id->names, e->resp_tag = addr_tag(id, e->resp));
    if (e->uid.len)
        names_fetch(&id->uids, e->uid_tag = uid_tag(id, e->uid));
}

/* tag is the address's, 0 when it was not worked out. */
static void peer_fill(struct th_identity *id, const struct th_addr *a, uint64_t tag, uint16_t port,
    const struct device *d, const struct name_entry *by_uid, struct th_peer *ret)
{
    ret->slot = NONE;
    ret->port = port;
    if (!a)
        return;
    ret->addr = *a;
    ret->has_addr = true;
    ret->inside = d || th_identity_is_inside(id, a);
    if (d) {
        ret->slot = d->e.slot;
        ret->key = th_mix64(d->e.id ^ id->key.k0);
        ret->host = th_str_c(d->e.hostname);
        if (by_uid && by_uid->name_len)
            ret->host = th_str_n(by_uid->name, by_uid->name_len);
        return;
    }
    ret->key = tag = tag ? tag : addr_tag(id, a);
    if (ret->inside)
        return;
    if (!addr_is_host(a))
        return;
    const struct name_entry *by_addr = names_find(&id->names, tag);
    peer_named(by_uid && by_uid->name_len ? by_uid : by_addr, ret);
    ret->vouched =
        ret->domain.len && by_addr && by_addr->rank == NAME_DNS && by_addr->key == ret->key;
}

/* The destination behind a proxy (NULL: none of ours): a name, or an address written out. */
static void peer_proxied(struct th_identity *id, const struct name_entry *e,
    const struct device *proxy, int64_t time_ns, struct th_peer *ret)
{
    struct th_addr a;
    if (th_addr_parse(th_str_n(e->name, e->name_len), &a)) {
        struct device *d = end_device(id, &a, NULL, time_ns, false);
        peer_fill(id, &a, 0, e->port, d, NULL, ret);
        return;
    }
    *ret = (struct th_peer){.slot = NONE, .port = e->port};
    ret->key = th_siphash(&id->key, e->name, e->name_len) | 1;
    peer_named(e, ret);
    ret->vouched = proxy && ret->domain.len;
}

void th_identity_event(struct th_identity *id, const struct th_event *ev, struct th_who *ret)
{
    struct ends e = {0};
    const struct name_entry *by_uid = NULL;
    *ret = (struct th_who){0};
    id->now_ns = TH_MAX(id->now_ns, ev->time_ns);
    if (ev->kind != TH_KIND_DHCP)
        ends_of(ev, &e);
    fetch_names(id, &e);
    switch (ev->kind) {
    case TH_KIND_DHCP: dhcp_event(id, (const struct th_ev_dhcp *)ev, &e); break;
    case TH_KIND_ARP: arp_event(id, (const struct th_ev_arp *)ev); break;
    case TH_KIND_HTTP: tell_http(id, ev); break;
    case TH_KIND_SSL: tell_ssl(id, ev); break;
    default: break;
    }
    struct device *orig = end_device(id, e.orig, e.orig_mac, ev->time_ns, true);
    struct device *resp = end_device(id, e.resp, e.resp_mac, ev->time_ns, e.answered);
    tell_accounts(id, ev, orig, resp);
    traits_event(id, ev, orig, e.answered ? resp : NULL);
    if (ev->kind == TH_KIND_DNS)
        tell_dns(id, ev);
    if (e.uid_tag)
        by_uid = names_find(&id->uids, e.uid_tag);
    else if (ev->kind == TH_KIND_HTTP || ev->kind == TH_KIND_SSL)
        by_uid = &id->scratch;
    ret->orig = orig ? &orig->e : NULL;
    ret->resp = resp ? &resp->e : NULL;
    peer_fill(id, e.orig, e.orig_tag, e.orig_port, orig, NULL, &ret->orig_peer);
    if (by_uid && by_uid->proxied)
        peer_proxied(id, by_uid, resp, ev->time_ns, &ret->resp_peer);
    else
        peer_fill(id, e.resp, e.resp_tag, e.resp_port, resp, by_uid, &ret->resp_peer);
    users_event(id, ev, ret);
}
