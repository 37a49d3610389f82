/* SPDX-License-Identifier: Apache-2.0 */
#include "permits.h"

#include "identity/identity.h"
#include "store/log.h"

/* A text that may be missing: then "". False: it is none, or too long for what it is. */
static bool text_of(const json_t *o, const char *key, size_t room, struct th_str *ret)
{
    const json_t *v = json_object_get(o, key);
    *ret = th_str_c("");
    if (!v || json_is_null(v))
        return true;
    return th_json_text(o, key, ret) && ret->len < room && !memchr(ret->p, 0, ret->len);
}

static bool copy_of(const json_t *o, const char *key, char *ret, size_t room)
{
    struct th_str s;
    if (!text_of(o, key, room, &s))
        return false;
    memcpy(ret, s.p, s.len);
    ret[s.len] = 0;
    return true;
}

static bool read_peer(const json_t *o, struct th_permit *p)
{
    struct th_str address;
    struct th_str host;
    struct th_str domain;
    if (!text_of(o, "address", TH_ADDR_TEXT_LEN, &address) ||
        !text_of(o, "host", sizeof(p->name), &host) ||
        !text_of(o, "domain", sizeof(p->name), &domain) ||
        (address.len > 0) + (host.len > 0) + (domain.len > 0) > 1)
        return false;
    p->peer = address.len ? TH_PERMIT_ADDRESS
        : host.len        ? TH_PERMIT_HOST
        : domain.len      ? TH_PERMIT_DOMAIN
                          : TH_PERMIT_ANY_PEER;
    struct th_str name = host.len ? host : domain;
    memcpy(p->name, name.p, name.len);
    p->name[name.len] = 0;
    return address.len == 0 || th_addr_parse(address, &p->addr);
}

static bool read_port(const json_t *o, uint16_t *ret)
{
    int64_t port = 0;
    const json_t *v = json_object_get(o, "port");
    *ret = 0;
    if (!v || json_is_null(v))
        return true;
    if (!th_json_int64(o, "port", &port) || port < 1 || port > UINT16_MAX)
        return false;
    *ret = (uint16_t)port;
    return true;
}

bool th_permit_scope(const json_t *object, struct th_permit *ret)
{
    struct th_str device;
    struct th_permit p = {.until_ns = INT64_MAX, .held_ns = TH_TIME_UNSET};
    if (!text_of(object, "device", TH_ENTITY_TEXT_LEN, &device) ||
        (device.len > 0 && !th_entity_parse(device, &p.device)) ||
        !copy_of(object, "model", p.model, sizeof(p.model)) ||
        !copy_of(object, "tactic", p.tactic, sizeof(p.tactic)) || (*p.model && *p.tactic) ||
        !read_peer(object, &p) || !read_port(object, &p.port))
        return false;
    struct th_permit judged = p;
    judged.id = 1;
    *ret = p;
    return th_permit_ok(&judged);
}

bool th_permit_read(const json_t *object, struct th_permit *ret)
{
    struct th_permit p;
    const json_t *until = json_object_get(object, "until_ns");
    if (!th_permit_scope(object, &p) || !th_json_hex64(object, "id", &p.id) || p.id == 0)
        return false;
    if (until && !json_is_null(until) && !th_json_int64(object, "until_ns", &p.until_ns))
        return false;
    *ret = p;
    return true;
}

static void put(struct th_buf *out, const char *what, const char *value)
{
    th_buf_printf(out, "%s%s %s", out->len ? ", " : "", what, value);
}

void th_permit_words(const struct th_permit *p, struct th_buf *out)
{
    char device[TH_ENTITY_TEXT_LEN] = "any";
    char address[TH_ADDR_TEXT_LEN + 1] = "";
    if (p->device)
        th_entity_text(p->device, device);
    put(out, "device", device);
    if (*p->tactic)
        put(out, "tactic", p->tactic);
    else
        put(out, "model", *p->model ? p->model : "any");
    if (p->peer == TH_PERMIT_ADDRESS)
        address[th_addr_format(&p->addr, address)] = 0;
    switch (p->peer) {
    case TH_PERMIT_ADDRESS: put(out, "address", address); break;
    case TH_PERMIT_HOST: put(out, "host", p->name); break;
    case TH_PERMIT_DOMAIN: put(out, "domain", p->name); break;
    case TH_PERMIT_ANY_PEER:
    case TH_PERMIT_PEERS: put(out, "peer", "any"); break;
    }
    if (p->port)
        th_buf_printf(out, ", port %u", p->port);
}
