/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BACnet/IP (ASHRAE 135, annex J): the services of its messages, with the object and the
 * property that a request names. Answers that went well only count for their request.
 */
#include "analysers.h"

#include "framing.h"

struct state {
    struct th_repeat told;
};

struct pdu {
    unsigned type, service, invoke;
    int result; /* -1: none */
    bool has_object, has_property;
    uint32_t object, property;
};

enum { CONFIRMED, UNCONFIRMED, SIMPLE_ACK, COMPLEX_ACK, SEGMENT_ACK, ERROR, REJECT, ABORT };
enum { FORWARDED_NPDU = 4, ORIGINAL_BROADCAST = 11 };

static const struct th_named functions[] = {{0, "BVLC-Result"},
    {1, "Write-Broadcast-Distribution-Table"}, {2, "Read-Broadcast-Distribution-Table"},
    {3, "Read-Broadcast-Distribution-Table-Ack"}, {4, "Forwarded-NPDU"},
    {5, "Register-Foreign-Device"}, {6, "Read-Foreign-Device-Table"},
    {7, "Read-Foreign-Device-Table-Ack"}, {8, "Delete-Foreign-Device-Table-Entry"},
    {9, "Distribute-Broadcast-To-Network"}, {10, "Original-Unicast-NPDU"},
    {11, "Original-Broadcast-NPDU"}, {12, "Secure-BVLL"}};

static const struct th_named types[] = {{CONFIRMED, "Confirmed Request"},
    {UNCONFIRMED, "Unconfirmed Request"}, {SIMPLE_ACK, "Simple ACK"}, {COMPLEX_ACK, "Complex ACK"},
    {SEGMENT_ACK, "Segment ACK"}, {ERROR, "Error"}, {REJECT, "Reject"}, {ABORT, "Abort"}};

static const struct th_named confirmed[] = {{0, "acknowledge_alarm"},
    {1, "confirmed_cov_notification"}, {2, "confirmed_event_notification"},
    {3, "get_alarm_summary"}, {4, "get_enrollment_summary"}, {5, "subscribe_cov"},
    {6, "atomic_read_file"}, {7, "atomic_write_file"}, {8, "add_list_element"},
    {9, "remove_list_element"}, {10, "create_object"}, {11, "delete_object"}, {12, "read_property"},
    {14, "read_property_multiple"}, {15, "write_property"}, {16, "write_property_multiple"},
    {17, "device_communication_control"}, {18, "confirmed_private_transfer"},
    {19, "confirmed_text_message"}, {20, "reinitialize_device"}, {21, "vt_open"}, {22, "vt_close"},
    {23, "vt_data"}, {26, "read_range"}, {27, "life_safety_operation"},
    {28, "subscribe_cov_property"}, {29, "get_event_information"}};

static const struct th_named unconfirmed[] = {{0, "i_am"}, {1, "i_have"},
    {2, "unconfirmed_cov_notification"}, {3, "unconfirmed_event_notification"},
    {4, "unconfirmed_private_transfer"}, {5, "unconfirmed_text_message"},
    {6, "time_synchronization"}, {7, "who_has"}, {8, "who_is"}, {9, "utc_time_synchronization"},
    {10, "write_group"}};

static const struct th_named objects[] = {{0, "analog-input"}, {1, "analog-output"},
    {2, "analog-value"}, {3, "binary-input"}, {4, "binary-output"}, {5, "binary-value"},
    {6, "calendar"}, {7, "command"}, {8, "device"}, {9, "event-enrollment"}, {10, "file"},
    {11, "group"}, {12, "loop"}, {13, "multi-state-input"}, {14, "multi-state-output"},
    {15, "notification-class"}, {16, "program"}, {17, "schedule"}, {19, "multi-state-value"},
    {20, "trend-log"}, {30, "access-door"}};

static const struct th_named properties[] = {{8, "all"}, {12, "application-software-version"},
    {28, "description"}, {44, "firmware-revision"}, {70, "model-name"}, {75, "object-identifier"},
    {76, "object-list"}, {77, "object-name"}, {79, "object-type"}, {81, "out-of-service"},
    {85, "present-value"}, {87, "priority-array"}, {103, "reliability"}, {111, "status-flags"},
    {112, "system-status"}, {117, "units"}, {120, "vendor-identifier"}, {121, "vendor-name"}};

static enum th_probe probe(const struct th_probe_in *in)
{
    unsigned function = th_probe_at(in, 1);
    size_t len = (size_t)th_probe_at(in, 2) << 8 | th_probe_at(in, 3);
    if (in->len < 4 || th_probe_at(in, 0) != 0x81 || function > 12 || len != in->wire_len)
        return TH_PROBE_NO;
    /* The network layer's version where there is one; where there is none the port decides. */
    size_t npdu = function == FORWARDED_NPDU ? 10 : 4;
    bool carries = function == FORWARDED_NPDU || (function >= 9 && function <= 11);
    bool port = in->dst == 47808 || in->src == 47808;
    if (carries ? th_probe_at(in, npdu) != 1 : !port)
        return TH_PROBE_NO;
    return in->src == 47808 && in->dst != 47808 ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

/* The network layer (clause 6.2); false when it carries a message of its own. */
static bool skip_npdu(struct th_cur *c)
{
    unsigned version = th_cur_u8(c), control = th_cur_u8(c);
    for (unsigned bit = 0x20; bit; bit = bit == 0x20 ? 0x08 : 0) {
        if (!(control & bit))
            continue;
        th_cur_skip(c, 2);
        th_cur_skip(c, th_cur_u8(c));
    }
    if (control & 0x20)
        th_cur_skip(c, 1); /* hops left */
    return !c->failed && version == 1 && !(control & 0x80);
}

/* A number of n bytes, as tags carry them. */
static uint32_t number(struct th_cur *c, unsigned n)
{
    uint32_t v = 0;
    for (; n; n--)
        v = v << 8 | th_cur_u8(c);
    return v;
}

/* An object's identifier comes first (context 0, or application 12), a property behind it. */
static void read_object(struct th_cur *c, struct pdu *m)
{
    unsigned tag = th_cur_peek(c, 0);
    if (tag != 0x0c && tag != 0xc4)
        return;
    th_cur_skip(c, 1);
    m->object = th_cur_be32(c);
    m->has_object = !c->failed;
    tag = th_cur_u8(c);
    if (tag == 0x1e) /* a list of properties opens */
        tag = th_cur_u8(c) + 0x10u;
    if ((tag & 0xf8) != 0x18 || !(tag & 7) || (tag & 7) > 4)
        return;
    m->property = number(c, tag & 7);
    m->has_property = !c->failed;
}

/* Class and code of an error: the code is what is told. */
static int error_code(struct th_cur *c)
{
    unsigned tag = th_cur_u8(c);
    if (tag >> 4 != 9 || (tag & 7) > 4)
        return -1;
    th_cur_skip(c, tag & 7);
    tag = th_cur_u8(c);
    uint32_t code = (tag & 7) <= 2 ? number(c, tag & 7) : 0;
    return c->failed || tag >> 4 != 9 ? -1 : (int)code;
}

static bool read_apdu(struct th_cur *c, struct pdu *m)
{
    unsigned first = th_cur_u8(c);
    m->type = first >> 4;
    m->result = -1;
    if (m->type == UNCONFIRMED) {
        m->service = th_cur_u8(c);
        if (m->service != 7 && m->service != 8) /* who_has, who_is: limits come first */
            read_object(c, m);
        return !c->failed || m->has_object;
    }
    if (m->type == CONFIRMED)
        th_cur_skip(c, 1);
    m->invoke = th_cur_u8(c);
    if (m->type == CONFIRMED && first & 8)
        th_cur_skip(c, 2); /* segment and window */
    m->service = th_cur_u8(c);
    if (c->failed || m->type > ABORT)
        return false;
    if (m->type == CONFIRMED)
        read_object(c, m);
    else if (m->type == ERROR)
        m->result = error_code(c);
    else if (m->type == REJECT || m->type == ABORT)
        m->result = (int)m->service;
    return true;
}

static void set_pdu(struct th_ev_bacnet *ev, struct th_arena *a, const struct pdu *m)
{
    TH_SET(ev, BACNET, pdu_type, TH_NUMBER_NAME(a, types, m->type));
    if (m->type == UNCONFIRMED)
        TH_SET(ev, BACNET, pdu_service, TH_NUMBER_NAME(a, unconfirmed, m->service));
    else if (m->type == CONFIRMED || m->type == ERROR)
        TH_SET(ev, BACNET, pdu_service, TH_NUMBER_NAME(a, confirmed, m->service));
    if (m->type != UNCONFIRMED)
        TH_SET(ev, BACNET, invoke_id, m->invoke);
    if (m->result >= 0)
        TH_SET(ev, BACNET, result_code, th_arena_printf(a, "%d", m->result));
    if (m->has_object) {
        TH_SET(ev, BACNET, object_type, TH_NUMBER_NAME(a, objects, m->object >> 22));
        TH_SET(ev, BACNET, instance_number, m->object & 0x3fffff);
    }
    if (m->has_property)
        TH_SET(ev, BACNET, property, TH_NUMBER_NAME(a, properties, m->property));
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    struct th_ev_bacnet ev = {0};
    struct pdu m = {.result = -1};
    struct th_cur cur = th_cur_init(ch->p, ch->len);
    unsigned magic = th_cur_u8(&cur), function = th_cur_u8(&cur), len = th_cur_be16(&cur);
    if (cur.failed || magic != 0x81 || len != ch->wire_len)
        return c->service_count ? TH_GO_ON : TH_BAIL;
    th_conn_service(c, TH_SVC_BACNET);
    if (function == FORWARDED_NPDU)
        th_cur_skip(&cur, 6);
    bool carries = function == FORWARDED_NPDU || (function >= 9 && function <= ORIGINAL_BROADCAST);
    bool has = carries && skip_npdu(&cur) && read_apdu(&cur, &m);
    if (carries && (!has || (m.type >= SIMPLE_ACK && m.type <= SEGMENT_ACK)))
        return TH_GO_ON;
    uint64_t key = (uint64_t)function << 40 | (uint64_t)m.type << 32 | (uint64_t)m.service << 16 |
        (uint16_t)(m.result + 1);
    key = th_hash_pair(key, (uint64_t)m.object << 32 | m.property);
    uint32_t due = th_repeat_due(c, &s->told, key, ch->time_ns);
    if (!due)
        return TH_GO_ON;
    TH_CONN_ID(&ev, BACNET, c, ch->time_ns);
    TH_SET(&ev, BACNET, bvlc_function, TH_NUMBER_NAME(&c->pr->scratch, functions, function));
    if (has)
        set_pdu(&ev, &c->pr->scratch, &m);
    TH_SET_REPEATS(&ev, BACNET, due);
    th_proto_emit(c->pr, &ev.h, ch->time_ns);
    return TH_GO_ON;
}

const struct th_analyser th_bacnet_analyser = {
    .service = TH_SVC_BACNET,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .data = data,
};
