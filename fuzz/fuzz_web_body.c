/* SPDX-License-Identifier: Apache-2.0 */
/* A request body against every shape that a route takes. */
#include "base/mem.h"
#include "web/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[200];
    json_t *j = th_web_body_parse(th_str_n(data, size));
    if (!j)
        return 0;
    for (unsigned i = 0; i < TH_ROUTE_COUNT; i++) {
        const char *shape = th_web_route((enum th_web_route_id)i)->request;
        if (!*shape)
            continue;
        int r = th_web_body_check(th_web_shape_find(shape), j, why, sizeof(why));
        TH_ASSERT(r == 0 || r == TH_E_MALFORMED);
    }
    json_decref(j);
    return 0;
}
