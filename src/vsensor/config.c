/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/addr.h"
#include "base/mem.h"
#include "endpoint.h"
#include "flow_socket.h"
#include "keep/ring.h"
#include "logs.h"
#include "options.h"

static const uint64_t default_spool_bytes = UINT64_C(1) << 30;
static const uint64_t min_spool_bytes = UINT64_C(16) << 20;
static const uint64_t default_ring_bytes = UINT64_C(64) << 20;
static const uint64_t default_memory_bytes = UINT64_C(1) << 30;
static const uint64_t min_memory_bytes = UINT64_C(64) << 20; /* of a worker, as engine.h says */
static const uint64_t min_ring_bytes = UINT64_C(4) << 20;
static const uint64_t max_ring_bytes = UINT64_C(2) << 30;
static const uint64_t default_keep_bytes = UINT64_C(1) << 30;
static const uint64_t default_keep_hours = UINT64_C(7) * 24;
static const uint64_t max_keep_hours = UINT64_C(10) * 366 * 24;
static const uint64_t default_streams = 16;

bool th_vsensor_config_peer(const struct th_vsensor_config *c, char host[256], char port[6])
{
    return c->proxy ? th_url_split(c->proxy, "http://", "3128", host, port)
                    : th_url_split(c->master, "https://", "443", host, port);
}

static const char *check_master(const struct th_vsensor_config *c)
{
    char host[256], port[6];
    if (!c->name || strlen(c->name) == 0 || strlen(c->name) > 64)
        return "name: a name of 1 to 64 characters is needed";
    if (!c->master || !th_url_split(c->master, "https://", "443", host, port))
        return "master: \"https://host:port\" is needed";
    if (strchr(c->master, '@') || strchr(c->master, '?') || strchr(c->master, '#'))
        return "master: only \"https://host:port\" and perhaps a path";
    if (c->proxy && !th_url_split(c->proxy, "http://", "3128", host, port))
        return "proxy: \"http://[user:password@]host:port\" is needed";
    if (!!c->token + !!c->token_file != 1)
        return "token or token_file: one of them is needed (thymusctl token create makes a token)";
    if (c->master_pin && c->master_ca)
        return "master_pin and master_ca: only one of them";
    if (c->master_pin && strncmp(c->master_pin, "sha256//", 8) != 0)
        return "master_pin: \"sha256//...\" is needed, as thymusctl instance pin prints it";
    return NULL;
}

static bool any_twice(const struct th_conf_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(list->v[i], list->v[k]) == 0)
                return true;
    return false;
}

static const char *check_flow(const struct th_vsensor_config *c)
{
    struct sockaddr_storage address;
    socklen_t len;
    struct th_subnet net;
    if (c->flow_listen.count > TH_VSENSOR_MAX_FLOW_LISTEN || any_twice(&c->flow_listen))
        return "flow_listen: at most 8, each once";
    for (size_t i = 0; i < c->flow_listen.count; i++)
        if (!th_flow_address_parse(c->flow_listen.v[i], &address, &len))
            return "flow_listen: an address and a port like 192.0.2.1:2055 or [::]:2055 is needed";
    if (c->flow_from.count > TH_VSENSOR_MAX_FLOW_FROM)
        return "flow_from: at most 16 networks";
    for (size_t i = 0; i < c->flow_from.count; i++)
        if (!th_subnet_parse(th_str_c(c->flow_from.v[i]), &net))
            return "flow_from: networks like 10.0.0.0/8 are needed";
    if ((c->flow_listen.count == 0) != (c->flow_from.count == 0))
        return "flow_listen and flow_from: both or neither; who may send has to be said";
    if (c->flow_listen.count && c->workers > TH_SENSOR_COLLECTOR)
        return "workers: 1 to 7 beside flow_listen";
    return NULL;
}

static const char *check_follow(const struct th_vsensor_config *c)
{
    if (c->eve_follow.count > TH_LOGS_MAX || any_twice(&c->eve_follow))
        return "eve_follow: at most 8, each once";
    for (size_t i = 0; i < c->eve_follow.count; i++)
        if (c->eve_follow.v[i][0] != '/')
            return "eve_follow: paths like /var/log/suricata/eve.json are needed";
    if (c->eve_follow.count && c->workers > TH_SENSOR_FOLLOWER)
        return "workers: 1 to 6 beside eve_follow";
    return NULL;
}

static const char *check_own(const struct th_vsensor_config *c)
{
    struct th_subnet net;
    if (!c->spool || !c->state)
        return "spool and state: the folders of the sensor are needed";
    if (c->spool_bytes < min_spool_bytes)
        return "spool_bytes: at least 16M";
    if (c->ring_bytes < min_ring_bytes || c->ring_bytes > max_ring_bytes)
        return "ring_bytes: 4M to 2G";
    if (c->interfaces.count > TH_VSENSOR_MAX_INTERFACES)
        return "interfaces: at most 16";
    if (any_twice(&c->interfaces))
        return "interfaces: one stands there twice";
    if (c->workers < 1 || c->workers > TH_VSENSOR_MAX_WORKERS)
        return "workers: 1 to 8";
    if (c->memory_bytes < c->workers * min_memory_bytes)
        return "memory_bytes: at least 64M a worker";
    for (size_t i = 0; i < c->local_networks.count; i++)
        if (!th_subnet_parse(th_str_c(c->local_networks.v[i]), &net))
            return "local_networks: networks like 10.0.0.0/8 are needed";
    for (size_t i = 0; i < c->exclude_networks.count; i++)
        if (!th_subnet_parse(th_str_c(c->exclude_networks.v[i]), &net))
            return "exclude_networks: networks like 10.0.0.0/8 are needed";
    if (c->exclude_networks.count > TH_VSENSOR_MAX_NETS)
        return "exclude_networks: at most 64";
    const char *wrong = check_flow(c);
    return wrong ? wrong : check_follow(c);
}

static const char *check_keep(struct th_vsensor_config *c)
{
    struct th_keep_rules *rules = &c->keep_read;
    rules->payload = TH_KEEP_HEADERS;
    if (!c->keep)
        return c->keep_payload || c->keep_rules.count
            ? "keep: a folder is needed to keep packets in"
            : NULL;
    if (c->keep_bytes < TH_KEEP_MIN_BYTES)
        return "keep_bytes: at least 64M";
    if (c->keep_hours > max_keep_hours)
        return "keep_hours: at most 87840, or 0 for as long as there is room";
    if (c->keep_payload && !th_keep_amount_parse(th_str_c(c->keep_payload), &rules->payload))
        return "keep_payload: none, headers, all or a number of bytes";
    if (c->keep_rules.count > TH_KEEP_MAX_RULES)
        return "keep_rules: at most 64";
    for (size_t i = 0; i < c->keep_rules.count; i++)
        if (!th_keep_rule_parse(th_str_c(c->keep_rules.v[i]), &rules->v[rules->count++]))
            return "keep_rules: rules like \"10.1.0.0/16 none\" or \"tcp/443 headers\" are needed";
    return NULL;
}

bool th_vsensor_config_any_tls(const struct th_conf_list *endpoints)
{
    struct th_endpoint at;
    for (size_t i = 0; i < endpoints->count; i++)
        if (th_endpoint_parse(endpoints->v[i], &at) && at.tls)
            return true;
    return false;
}

static bool are_endpoints(const struct th_conf_list *list)
{
    struct th_endpoint at;
    for (size_t i = 0; i < list->count; i++)
        if (!th_endpoint_parse(list->v[i], &at))
            return false;
    return true;
}

static const char *check_streams(const struct th_vsensor_config *c)
{
    bool tls = th_vsensor_config_any_tls(&c->pcap_listen);
    if (!are_endpoints(&c->pcap_listen) || !are_endpoints(&c->pcap_connect))
        return are_endpoints(&c->pcap_listen)
            ? "pcap_connect: \"host:port\" or \"tls://host:port\" is needed"
            : "pcap_listen: \"address:port\" or \"tls://address:port\" is needed";
    if (c->pcap_listen.count > TH_STREAM_LISTENERS_MAX)
        return "pcap_listen: at most 8";
    if (c->pcap_connect.count > TH_STREAM_TARGETS_MAX)
        return "pcap_connect: at most 16";
    if (c->pcap_streams < 1 || c->pcap_streams > TH_STREAMS_MAX)
        return "pcap_streams: 1 to 32";
    if (c->pcap_connect.count > c->pcap_streams ||
        (c->pcap_listen.count && c->pcap_connect.count == c->pcap_streams))
        return "pcap_streams: fewer than pcap_connect and pcap_listen need";
    if (tls && (!c->pcap_cert || !c->pcap_key))
        return "pcap_listen: \"tls://\" needs pcap_cert and pcap_key";
    if (!tls && (c->pcap_cert || c->pcap_key || c->pcap_client_ca))
        return "pcap_listen: pcap_cert, pcap_key and pcap_client_ca are for \"tls://\"";
    if (c->pcap_ca && c->pcap_pin)
        return "pcap_ca and pcap_pin: only one of them";
    if (c->pcap_pin && strncmp(c->pcap_pin, "sha256//", 8) != 0)
        return "pcap_pin: \"sha256//...\" is needed";
    if ((c->pcap_ca || c->pcap_pin) && !th_vsensor_config_any_tls(&c->pcap_connect))
        return "pcap_connect: pcap_ca and pcap_pin are for \"tls://\"";
    return NULL;
}

bool th_vsensor_config_captures(const struct th_vsensor_config *c)
{
    return c->interfaces.count + c->pcap_listen.count + c->pcap_connect.count > 0;
}

/* Of the key that the sentence is about: "key: ...", or the last of "key and key: ..." that was
 * given. 0: none was. */
static size_t line_of(const struct th_conf_key *keys, size_t count, const char *sentence)
{
    struct th_str rest = th_str_c(sentence);
    struct th_str about = th_str_split(&rest, ':');
    size_t line = 0;
    while (about.len) {
        struct th_str word = th_str_split(&about, ' ');
        for (size_t i = 0; i < count; i++)
            if (th_str_is(word, keys[i].name))
                line = TH_MAX(line, keys[i].line);
    }
    return line;
}

int th_vsensor_config_read(
    int fd, const char *file, struct th_vsensor_config *ret, char *error, size_t error_bytes)
{
    *ret = (struct th_vsensor_config){.spool_bytes = default_spool_bytes,
        .ring_bytes = default_ring_bytes,
        .memory_bytes = default_memory_bytes,
        .workers = 1,
        .pcap_streams = default_streams,
        .keep_bytes = default_keep_bytes,
        .keep_hours = default_keep_hours};
    struct th_conf_key keys[] = {
        {.name = "name", .type = TH_CONF_TEXT, .value = &ret->name},
        {.name = "master", .type = TH_CONF_TEXT, .value = &ret->master},
        {.name = "token", .type = TH_CONF_TEXT, .value = &ret->token},
        {.name = "token_file", .type = TH_CONF_TEXT, .value = &ret->token_file},
        {.name = "master_pin", .type = TH_CONF_TEXT, .value = &ret->master_pin},
        {.name = "master_ca", .type = TH_CONF_TEXT, .value = &ret->master_ca},
        {.name = "proxy", .type = TH_CONF_TEXT, .value = &ret->proxy},
        {.name = "spool", .type = TH_CONF_TEXT, .value = &ret->spool},
        {.name = "spool_bytes", .type = TH_CONF_BYTES, .value = &ret->spool_bytes},
        {.name = "state", .type = TH_CONF_TEXT, .value = &ret->state},
        {.name = "user", .type = TH_CONF_TEXT, .value = &ret->user},
        {.name = "interfaces", .type = TH_CONF_LIST, .value = &ret->interfaces},
        {.name = "ring_bytes", .type = TH_CONF_BYTES, .value = &ret->ring_bytes},
        {.name = "memory_bytes", .type = TH_CONF_BYTES, .value = &ret->memory_bytes},
        {.name = "workers", .type = TH_CONF_COUNT, .value = &ret->workers},
        {.name = "local_networks", .type = TH_CONF_LIST, .value = &ret->local_networks},
        {.name = "flow_listen", .type = TH_CONF_LIST, .value = &ret->flow_listen},
        {.name = "flow_from", .type = TH_CONF_LIST, .value = &ret->flow_from},
        {.name = "eve_follow", .type = TH_CONF_LIST, .value = &ret->eve_follow},
        {.name = "keep", .type = TH_CONF_TEXT, .value = &ret->keep},
        {.name = "keep_bytes", .type = TH_CONF_BYTES, .value = &ret->keep_bytes},
        {.name = "keep_hours", .type = TH_CONF_COUNT, .value = &ret->keep_hours},
        {.name = "keep_payload", .type = TH_CONF_TEXT, .value = &ret->keep_payload},
        {.name = "keep_rules", .type = TH_CONF_LIST, .value = &ret->keep_rules},
        {.name = "filter", .type = TH_CONF_TEXT, .value = &ret->filter},
        {.name = "exclude_networks", .type = TH_CONF_LIST, .value = &ret->exclude_networks},
        {.name = "pcap_listen", .type = TH_CONF_LIST, .value = &ret->pcap_listen},
        {.name = "pcap_connect", .type = TH_CONF_LIST, .value = &ret->pcap_connect},
        {.name = "pcap_streams", .type = TH_CONF_COUNT, .value = &ret->pcap_streams},
        {.name = "pcap_cert", .type = TH_CONF_TEXT, .value = &ret->pcap_cert},
        {.name = "pcap_key", .type = TH_CONF_TEXT, .value = &ret->pcap_key},
        {.name = "pcap_client_ca", .type = TH_CONF_TEXT, .value = &ret->pcap_client_ca},
        {.name = "pcap_ca", .type = TH_CONF_TEXT, .value = &ret->pcap_ca},
        {.name = "pcap_pin", .type = TH_CONF_TEXT, .value = &ret->pcap_pin},
    };
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    int r = th_conf_read(fd, file, keys, TH_ARRAY_LEN(keys), error, error_bytes);
    if (r < 0)
        return r;
    const char *wrong = check_master(ret);
    if (!wrong)
        wrong = check_own(ret);
    if (!wrong)
        wrong = check_keep(ret);
    if (!wrong)
        wrong = check_streams(ret);
    ret->filter_line = line_of(keys, TH_ARRAY_LEN(keys), "filter:");
    if (ret->interfaces.count == 0)
        ret->workers = 1; /* who share nothing else */
    if (!wrong)
        return 0;
    size_t line = line_of(keys, TH_ARRAY_LEN(keys), wrong);
    if (line)
        snprintf(error, error_bytes, "%s, line %zu: %s", file, line, wrong);
    else
        snprintf(error, error_bytes, "%s: %s", file, wrong);
    return TH_E_CONFIG;
}

void th_vsensor_config_done(struct th_vsensor_config *c)
{
    char **texts[] = {&c->name, &c->master, &c->token, &c->token_file, &c->master_pin,
        &c->master_ca, &c->proxy, &c->spool, &c->state, &c->user, &c->keep, &c->keep_payload,
        &c->filter, &c->pcap_cert, &c->pcap_key, &c->pcap_client_ca, &c->pcap_ca, &c->pcap_pin};
    for (size_t i = 0; i < TH_ARRAY_LEN(texts); i++)
        free(*texts[i]);
    th_conf_list_done(&c->interfaces);
    th_conf_list_done(&c->local_networks);
    th_conf_list_done(&c->flow_listen);
    th_conf_list_done(&c->flow_from);
    th_conf_list_done(&c->eve_follow);
    th_conf_list_done(&c->keep_rules);
    th_conf_list_done(&c->exclude_networks);
    th_conf_list_done(&c->pcap_listen);
    th_conf_list_done(&c->pcap_connect);
    *c = (struct th_vsensor_config){0};
}
