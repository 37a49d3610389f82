/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few arguments that are read: what the endpoint mapper is asked for and answers (C706 appendix
 * L, towers), and the challenge of a Netlogon client (MS-NRPC 3.5.4.4.1). All begin within the
 * bytes that dce_rpc.c keeps of a call.
 */
#include "dce_rpc.h"

#define TOWER_LEAD_BYTES 8u /* its size twice: as an array, as a structure */
#define CHALLENGE_BYTES 8u

enum { FLOOR_UUID = 0x0d, FLOOR_TCP = 0x07, FLOOR_PIPE = 0x0f };

/* A floor: what it is with its data, and the address in it. */
static bool floor_next(struct th_cur *c, struct th_str *ret_left, struct th_str *ret_right)
{
    *ret_left = th_cur_bytes(c, th_cur_le16(c));
    *ret_right = th_cur_bytes(c, th_cur_le16(c));
    return !c->failed && ret_left->len;
}

/* Goes to a tower's first floor: behind its sizes, which are the same and fit what there is. */
static bool find_tower(struct th_cur *c)
{
    while (th_cur_left(c) >= TOWER_LEAD_BYTES + 2 + 2 + 19) {
        struct th_cur t = *c;
        uint32_t array = th_cur_le32(&t), structure = th_cur_le32(&t);
        unsigned floors = th_cur_le16(&t);
        struct th_cur first = t;
        unsigned left = th_cur_le16(&first), kind = th_cur_u8(&first);
        if (array == structure && floors >= 3 && floors <= 8 && left == 19 && kind == FLOOR_UUID) {
            *c = t;
            return true;
        }
        th_cur_skip(c, 4);
    }
    return false;
}

struct th_str th_dce_rpc_mapped(struct th_arena *a, const uint8_t *stub, size_t len)
{
    struct th_cur c = th_cur_init(stub, len);
    struct th_str left, right, where = th_str_c("");
    if (!find_tower(&c) || !floor_next(&c, &left, &right) || left.len < 17)
        return where;
    struct th_str name = th_dce_rpc_interface_text(a, (const uint8_t *)left.p + 1);
    while (floor_next(&c, &left, &right)) {
        if ((uint8_t)left.p[0] == FLOOR_TCP && right.len == 2)
            where = th_arena_printf(a, " %u", (uint8_t)right.p[0] << 8 | (uint8_t)right.p[1]);
        else if ((uint8_t)left.p[0] == FLOOR_PIPE && right.len > 1)
            where = th_arena_printf(a, " %.*s", (int)right.len - 1, right.p);
    }
    return where.len && !th_str_is(where, " 0")
        ? th_arena_printf(a, "%.*s%.*s", (int)name.len, name.p, (int)where.len, where.p)
        : name;
}

/* A random challenge repeats one byte eight times once in 2^56 times; who tries to pass with a key
 * stream of zeros does it each time (CVE-2020-1472). */
bool th_dce_rpc_weak_challenge(const uint8_t *stub, size_t len)
{
    if (len < CHALLENGE_BYTES)
        return false;
    const uint8_t *p = stub + len - CHALLENGE_BYTES;
    for (unsigned i = 1; i < CHALLENGE_BYTES; i++)
        if (p[i] != p[0])
            return false;
    return true;
}

struct th_str th_dce_rpc_fault(struct th_arena *a, uint32_t status)
{
    static const struct {
        uint32_t status;
        const char *name;
    } names[] = {{5, "access_denied"}, {0x6f7, "bad_stub_data"}, {0x721, "sec_pkg_error"},
        {0x1c00001a, "context_mismatch"}, {0x1c010002, "op_range_error"},
        {0x1c010003, "unknown_interface"}, {0x1c01000b, "protocol_error"},
        {0x1c010014, "server_too_busy"}, {0x1c00001b, "remote_no_memory"}};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        if (names[i].status == status)
            return th_str_c(names[i].name);
    return th_arena_printf(a, "0x%08x", status);
}
