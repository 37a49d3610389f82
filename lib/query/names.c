/* SPDX-License-Identifier: Apache-2.0 */
#include "query_i.h"

const struct th_query_name_info th_query_names[9] = {
    {"entity", "id of the device or user that acted", TH_QUERY_ENTITY},
    {"device", "id, address or MAC of a device on either side", TH_QUERY_DEVICE},
    {"host", "any name of a host: asked for, spoken to, or its own", TH_QUERY_HOST},
    {"ip", "any address", TH_QUERY_IP},
    {"port", "any port", TH_QUERY_PORT},
    {"mac", "any hardware address", TH_QUERY_MAC},
    {"user", "any name of a user", TH_QUERY_USER},
    {"kind", "kind of event", TH_QUERY_KIND},
    {"time", "time of the event", TH_QUERY_TIME},
};

struct member {
    uint8_t kind, field;
};

#define MEMBER(KIND, field)                                                                        \
    {                                                                                              \
        TH_KIND_##KIND, TH_F_##KIND##_##field                                                      \
    }
static const struct member hosts[] = {MEMBER(DNS, query), MEMBER(HTTP, host),
    MEMBER(SSL, server_name), MEMBER(X509, san_dns), MEMBER(DHCP, host_name),
    MEMBER(DHCP, client_fqdn), MEMBER(NTLM, hostname), MEMBER(NTLM, server_nb_computer_name),
    MEMBER(NTLM, server_dns_computer_name), MEMBER(RDP, client_name), MEMBER(SMTP, helo),
    MEMBER(DB, client_host), MEMBER(LOG, host), MEMBER(QUIC, server_name),
    MEMBER(SOCKS, request_name)};
static const struct member users[] = {MEMBER(HTTP, username), MEMBER(KERBEROS, client),
    MEMBER(NTLM, username), MEMBER(RDP, cookie), MEMBER(SMTP, mailfrom), MEMBER(AUDIT, user),
    MEMBER(MYSQL, user), MEMBER(POSTGRESQL, user), MEMBER(REDIS, user), MEMBER(DB, user),
    MEMBER(MQTT_CONNECT, user), MEMBER(LOG, user), MEMBER(MAIL, sender), MEMBER(FTP, user),
    MEMBER(LOGIN, user), MEMBER(SNMP, user), MEMBER(RADIUS, username), MEMBER(IRC, nick),
    MEMBER(IRC, user), MEMBER(SOCKS, user)};

static bool is_member(const struct member *m, size_t count, unsigned kind, unsigned index)
{
    for (size_t i = 0; i < count; i++)
        if (m[i].kind == kind && m[i].field == index)
            return true;
    return false;
}

unsigned th_query_type_of(enum th_type type)
{
    switch (type) {
    case TH_TYPE_TIME: return TH_QUERY_INSTANT;
    case TH_TYPE_INTERVAL:
    case TH_TYPE_INTERVALS: return TH_QUERY_SPAN;
    case TH_TYPE_COUNT:
    case TH_TYPE_INT:
    case TH_TYPE_PORT: return TH_QUERY_NUMBER;
    case TH_TYPE_DOUBLE: return TH_QUERY_REAL;
    case TH_TYPE_BOOL: return TH_QUERY_FLAG;
    case TH_TYPE_ADDR:
    case TH_TYPE_ADDRS: return TH_QUERY_NET;
    case TH_TYPE_MAC: return TH_QUERY_HARDWARE;
    case TH_TYPE_STRING:
    case TH_TYPE_STRINGS: return TH_QUERY_TEXT;
    }
    return 0;
}

bool th_query_has_case(const struct th_field_info *f)
{
    static const char *const ids[] = {"uid", "uids", "fuid", "conn_uids", "orig_fuids",
        "resp_fuids", "cert_chain_fuids", "client_cert_chain_fuids", "tunnel_parents",
        "community_id", "id", "entity"};
    for (size_t i = 0; i < TH_ARRAY_LEN(ids); i++)
        if (strcmp(f->zeek, ids[i]) == 0)
            return true;
    return false;
}

/* Zeek's name, in any case, with '_' for '.' where the writer likes. */
bool query_name_is(const char *zeek, struct th_str name)
{
    uint32_t i = 0;
    for (; zeek[i] && i < name.len; i++)
        if (th_lower(zeek[i]) != th_lower(name.p[i]) && !(zeek[i] == '.' && name.p[i] == '_'))
            return false;
    return zeek[i] == '\0' && i == name.len;
}

static const char *find_field(unsigned kind, struct th_str name)
{
    const struct th_kind_info *k = th_kind_get(kind);
    for (unsigned i = 0; k && i < k->field_count; i++)
        if (query_name_is(k->fields[i].zeek, name))
            return k->fields[i].zeek;
    return NULL;
}

/* "dns.query": a kind, and a field of it. */
static bool resolve_of_kind(struct th_str name, struct th_query_term *ret)
{
    struct th_str rest = name;
    struct th_str head = th_str_split(&rest, '.');
    int kind = head.len < name.len ? th_kind_find(head) : -1;
    const char *zeek = kind > 0 ? find_field((unsigned)kind, rest) : NULL;
    if (!zeek)
        return false;
    ret->kind = (uint8_t)kind;
    ret->field = th_str_c(zeek);
    return true;
}

bool th_query_resolve(struct th_str name, struct th_query_term *ret)
{
    ret->name = TH_QUERY_FIELD;
    ret->field = (struct th_str){0};
    ret->kind = 0;
    for (size_t i = 0; i < TH_ARRAY_LEN(th_query_names); i++) {
        if (th_str_ieq(name, th_str_c(th_query_names[i].name))) {
            ret->name = th_query_names[i].id;
            return true;
        }
    }
    TH_EACH_KIND (kind) {
        const char *zeek = find_field(kind, name);
        if (zeek) {
            ret->field = th_str_c(zeek);
            return true;
        }
    }
    return resolve_of_kind(name, ret);
}

static bool names_field(const struct th_query_term *t, unsigned kind, unsigned index)
{
    const struct th_field_info *f = &th_kind_get(kind)->fields[index];
    switch (t->name) {
    case TH_QUERY_FIELD: return (!t->kind || t->kind == kind) && query_name_is(f->zeek, t->field);
    case TH_QUERY_HOST: return is_member(hosts, TH_ARRAY_LEN(hosts), kind, index);
    case TH_QUERY_USER: return is_member(users, TH_ARRAY_LEN(users), kind, index);
    case TH_QUERY_IP: return f->type == TH_TYPE_ADDR || f->type == TH_TYPE_ADDRS;
    case TH_QUERY_PORT: return f->type == TH_TYPE_PORT;
    case TH_QUERY_MAC: return f->type == TH_TYPE_MAC;
    case TH_QUERY_DEVICE:
        return f->type == TH_TYPE_ADDR || f->type == TH_TYPE_ADDRS || f->type == TH_TYPE_MAC;
    case TH_QUERY_ENTITY:
    case TH_QUERY_KIND:
    case TH_QUERY_TIME: return false;
    }
    return false;
}

unsigned query_term_types(const struct th_query_term *t)
{
    unsigned types = 0;
    switch (t->name) {
    case TH_QUERY_ENTITY:
    case TH_QUERY_KIND: return TH_QUERY_TEXT;
    case TH_QUERY_TIME: return TH_QUERY_INSTANT;
    case TH_QUERY_DEVICE: return TH_QUERY_TEXT | TH_QUERY_NET | TH_QUERY_HARDWARE;
    default: break;
    }
    TH_EACH_KIND (kind)
        for (unsigned i = 0; i < th_kind_get(kind)->field_count; i++)
            if (names_field(t, kind, i))
                types |= th_query_type_of((enum th_type)th_kind_get(kind)->fields[i].type);
    return types;
}

bool th_query_means(const struct th_query_term *t, unsigned kind, unsigned index)
{
    unsigned type = th_query_type_of((enum th_type)th_kind_get(kind)->fields[index].type);
    if (!names_field(t, kind, index))
        return false;
    return t->op == TH_QUERY_SET ? t->name != TH_QUERY_DEVICE : (t->a.types & type) != 0;
}
