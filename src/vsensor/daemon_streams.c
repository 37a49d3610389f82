/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_streams.h"

#include <fcntl.h>

#include "base/log.h"
#include "endpoint.h"
#include "listen.h"

static const char system_ca[] = "/etc/ssl/certs/ca-certificates.crt";

bool th_daemon_streams_any(const struct th_vsensor_config *c)
{
    return c->pcap_listen.count + c->pcap_connect.count > 0;
}

static bool is_open_to_all(const struct th_endpoint *at)
{
    struct th_addr addr;
    return !th_addr_parse(th_str_c(at->host), &addr) || !th_addr_is_loopback(&addr);
}

static int add_listeners(
    struct th_parent *p, const struct th_vsensor_config *c, struct th_member *m)
{
    bool open = false;
    for (size_t i = 0; i < c->pcap_listen.count; i++) {
        struct th_endpoint at;
        const char *text = c->pcap_listen.v[i];
        TH_ASSERT(th_endpoint_parse(text, &at)); /* the configuration was checked */
        open |= is_open_to_all(&at) && (!at.tls || !c->pcap_client_ca);
        int fd = th_listen_open(at.address);
        if (fd < 0)
            return th_parent_complain(p, "cannot listen on", text, fd);
        th_role_files_add(&m->files, "listen", fd);
        th_member_arg(m, "--listen", at.tls ? "tls" : "tcp");
    }
    if (open)
        th_log(TH_LOG_WARN,
            "pcap_listen: whoever reaches its address may send packets; tls:// and pcap_client_ca "
            "say who may");
    return 0;
}

static int add_certificates(const struct th_vsensor_config *c, struct th_member *m)
{
    const char *const names[] = {c->pcap_key, c->pcap_cert};
    int r = 0;
    if (th_vsensor_config_any_tls(&c->pcap_listen))
        r = th_renewal_new("tls", AT_FDCWD, names, TH_ARRAY_LEN(names), &m->spec.renewal);
    if (r == 0 && c->pcap_client_ca)
        r = th_role_files_open(&m->files, "client-ca", c->pcap_client_ca, false);
    if (r == 0 && th_vsensor_config_any_tls(&c->pcap_connect) && !c->pcap_pin)
        r = th_role_files_open(&m->files, "ca", c->pcap_ca ? c->pcap_ca : system_ca, false);
    if (c->pcap_pin)
        th_member_arg(m, "--pin", c->pcap_pin);
    return r;
}

int th_daemon_streams_add(
    struct th_parent *p, const struct th_vsensor_config *c, struct th_member *capture)
{
    if (!th_daemon_streams_any(c))
        return 0;
    struct th_member *m = th_parent_add(p, "stream");
    th_parent_edge(p, "stream", "capture");
    th_member_arg(capture, "--streams", NULL);
    th_member_number(m, "--streams", c->pcap_streams);
    for (size_t i = 0; i < c->pcap_connect.count; i++)
        th_member_arg(m, "--connect", c->pcap_connect.v[i]);
    int r = add_listeners(p, c, m);
    return r < 0 ? r : add_certificates(c, m);
}

size_t th_daemon_streams_own(
    const struct th_vsensor_config *c, struct th_ring_own *ret, size_t room)
{
    const struct th_conf_list *const lists[] = {&c->pcap_listen, &c->pcap_connect};
    size_t n = 0;
    for (size_t l = 0; l < TH_ARRAY_LEN(lists); l++) {
        for (size_t i = 0; i < lists[l]->count && n < room; i++) {
            struct th_endpoint at;
            if (!th_endpoint_parse(lists[l]->v[i], &at) ||
                !th_addr_parse(th_str_c(at.host), &ret[n].addr) || th_addr_is_any(&ret[n].addr))
                continue;
            ret[n++].port = at.number;
        }
    }
    return n;
}
