/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <stdio.h>

#include "base/str.h"

bool th_url_split(const char *url, const char *scheme, const char *default_port,
    char host[TH_HOST_LEN], char port[TH_PORT_LEN])
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
    if (end && end + 1 != colon && end + 1 != authority.p + authority.len)
        return false;
    if (end)
        name = th_str_n(name.p + 1, (size_t)(end - name.p - 1));
    if (name.len == 0 || name.len >= TH_HOST_LEN || !th_str_u64(digits, &number) || number == 0 ||
        number > 65535)
        return false;
    snprintf(host, TH_HOST_LEN, "%.*s", (int)name.len, name.p);
    snprintf(port, TH_PORT_LEN, "%u", (unsigned)number);
    return true;
}

bool th_endpoint_parse(const char *text, struct th_endpoint *ret)
{
    const char *scheme = "";
    uint64_t number = 0;
    ret->tls = th_str_starts(th_str_c(text), "tls://");
    if (ret->tls || th_str_starts(th_str_c(text), "tcp://"))
        scheme = ret->tls ? "tls://" : "tcp://";
    ret->address = text + strlen(scheme);
    if (strpbrk(ret->address, "/@?# ") || !th_url_split(text, scheme, "", ret->host, ret->port) ||
        (strchr(ret->host, ':') && ret->address[0] != '[') ||
        !th_str_u64(th_str_c(ret->port), &number))
        return false;
    ret->number = (uint16_t)number;
    return true;
}
