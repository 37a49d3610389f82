/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/addr.h"
#include "base/mem.h"

static const uint64_t default_spool_bytes = UINT64_C(1) << 30;
static const uint64_t min_spool_bytes = UINT64_C(16) << 20;
static const uint64_t default_ring_bytes = UINT64_C(64) << 20;
static const uint64_t min_ring_bytes = UINT64_C(4) << 20;
static const uint64_t max_ring_bytes = UINT64_C(2) << 30;

/* "scheme://[user:password@]host[:port][/...]" into host and port; brackets of an IPv6 address go.
 */
static bool split_url(
    const char *url, const char *scheme, const char *default_port, char host[256], char port[6])
{
    struct th_str rest = th_str_c(url);
    uint64_t number;
    if (!th_str_starts(rest, scheme))
        return false;
    rest.p += strlen(scheme);
    rest.len -= (uint32_t)strlen(scheme);
    struct th_str authority = th_str_split(&rest, '/');
    const char *at = memrchr(authority.p, '@', authority.len);
    if (at)
        authority = th_str_n(at + 1, (size_t)(authority.p + authority.len - at - 1));
    struct th_str name = authority, digits = th_str_c(default_port);
    const char *end =
        authority.len && authority.p[0] == '[' ? memchr(authority.p, ']', authority.len) : NULL;
    const char *colon = memrchr(authority.p, ':', authority.len);
    if (colon && colon > end) {
        name.len = (uint32_t)(colon - name.p);
        digits = th_str_n(colon + 1, (size_t)(authority.p + authority.len - colon - 1));
    }
    if (end)
        name = th_str_n(name.p + 1, (size_t)(end - name.p - 1));
    if (name.len == 0 || name.len > 255 || !th_str_u64(digits, &number) || number == 0 ||
        number > 65535)
        return false;
    snprintf(host, 256, "%.*s", (int)name.len, name.p);
    snprintf(port, 6, "%u", (unsigned)number);
    return true;
}

bool th_vsensor_config_peer(const struct th_vsensor_config *c, char host[256], char port[6])
{
    return c->proxy ? split_url(c->proxy, "http://", "3128", host, port)
                    : split_url(c->master, "https://", "443", host, port);
}

static const char *check_master(const struct th_vsensor_config *c)
{
    char host[256], port[6];
    if (!c->name || strlen(c->name) == 0 || strlen(c->name) > 64)
        return "name: a name of 1 to 64 characters is needed";
    if (!c->master || !split_url(c->master, "https://", "443", host, port))
        return "master: \"https://host:port\" is needed";
    if (strchr(c->master, '@') || strchr(c->master, '?') || strchr(c->master, '#'))
        return "master: only \"https://host:port\" and perhaps a path";
    if (c->proxy && !split_url(c->proxy, "http://", "3128", host, port))
        return "proxy: \"http://[user:password@]host:port\" is needed";
    if (!!c->token + !!c->token_file != 1)
        return "token or token_file: one of them is needed (thymusctl token create makes a token)";
    if (c->master_pin && c->master_ca)
        return "master_pin and master_ca: only one of them";
    if (c->master_pin && strncmp(c->master_pin, "sha256//", 8) != 0)
        return "master_pin: \"sha256//...\" is needed, as thymusctl instance pin prints it";
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
    if (c->workers < 1 || c->workers > TH_VSENSOR_MAX_WORKERS)
        return "workers: 1 to 8";
    for (size_t i = 0; i < c->local_networks.count; i++)
        if (!th_subnet_parse(th_str_c(c->local_networks.v[i]), &net))
            return "local_networks: networks like 10.0.0.0/8 are needed";
    return NULL;
}

int th_vsensor_config_read(
    int fd, const char *file, struct th_vsensor_config *ret, char *error, size_t error_bytes)
{
    *ret = (struct th_vsensor_config){
        .spool_bytes = default_spool_bytes, .ring_bytes = default_ring_bytes, .workers = 1};
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
        {.name = "workers", .type = TH_CONF_COUNT, .value = &ret->workers},
        {.name = "local_networks", .type = TH_CONF_LIST, .value = &ret->local_networks},
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
        return 0;
    snprintf(error, error_bytes, "%s: %s", file, wrong);
    return TH_E_CONFIG;
}

void th_vsensor_config_done(struct th_vsensor_config *c)
{
    char **texts[] = {&c->name, &c->master, &c->token, &c->token_file, &c->master_pin,
        &c->master_ca, &c->proxy, &c->spool, &c->state, &c->user};
    for (size_t i = 0; i < TH_ARRAY_LEN(texts); i++)
        free(*texts[i]);
    th_conf_list_done(&c->interfaces);
    th_conf_list_done(&c->local_networks);
    *c = (struct th_vsensor_config){0};
}
