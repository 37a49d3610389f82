/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's target, query string and Cookie header, one a line: whatever is taken must be text,
 * a path must stay below its root, and a route's id must be one component.
 */
#include "base/mem.h"
#include "web/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void route(struct th_str path)
{
    TH_AUTOBUF struct th_buf id = TH_BUF_INIT;
    for (unsigned m = 0; m < TH_METHOD_COUNT; m++) {
        enum th_web_route_id found;
        unsigned methods = 0;
        int r = th_web_match(path, (enum th_web_method)m, &found, &id, &methods);
        if (r == 0) {
            TH_ASSERT(th_web_route(found)->method == m);
            TH_ASSERT(id.len == 0 || strstr(th_web_route(found)->path, "{id}"));
            TH_ASSERT(th_str_index(th_buf_view(&id), '/') < 0);
            TH_ASSERT(th_web_is_text(th_buf_view(&id)));
        }
    }
}

static void query(struct th_str text)
{
    struct th_web_query q;
    char why[200];
    if (th_web_query_parse(text, &q) == 0)
        for (size_t i = 0; i < q.count; i++)
            TH_ASSERT(th_web_is_text(q.v[i].name) && th_web_is_text(q.v[i].value));
    for (unsigned i = 0; i < TH_ROUTE_COUNT; i++) {
        int r = th_web_query_check((enum th_web_route_id)i, &q, why, sizeof(why));
        TH_ASSERT(r == 0 || r == TH_E_MALFORMED);
    }
    th_web_query_done(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_str rest = th_str_n(data, size);
    struct th_str target = th_str_split(&rest, '\n');
    struct th_str path;
    struct th_str text;
    struct th_str cookie;
    if (th_web_target(target, &path, &text) == 0) {
        TH_ASSERT(path.len && path.p[0] == '/');
        route(path);
        query(text);
    }
    if (th_web_cookie(rest, "__Host-thymus", &cookie))
        TH_ASSERT(th_web_is_text(cookie) && th_str_index(cookie, ';') < 0);
    return 0;
}
