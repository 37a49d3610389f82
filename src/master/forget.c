/* SPDX-License-Identifier: Apache-2.0 */
#include "forget.h"

void th_forget_read(
    const struct th_control *c, struct th_identity *id, uint64_t *ret_entity, uint64_t *ret_sensor)
{
    struct th_str text;
    struct th_addr address;
    *ret_entity = *ret_sensor = 0;
    if (th_json_text(c->object, "entity", &text)) {
        if (!th_entity_parse(text, ret_entity))
            *ret_entity = 0;
    } else if (th_json_text(c->object, "address", &text) && th_addr_parse(text, &address)) {
        *ret_entity = th_identity_holder(id, &address);
    }
    if (!th_json_hex64(c->object, "sensor", ret_sensor))
        *ret_sensor = 0;
}
