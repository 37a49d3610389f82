/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modbus/TCP (Modbus Messaging on TCP/IP Implementation Guide 1.0b): requests with their
 * answers, by transaction id. A poll that repeats itself is told once a minute.
 */
#include "analysers.h"

#include "framing.h"

#define MAX_PENDING 16u
#define PDU_MAX_BYTES 254u /* unit and PDU */

struct request {
    bool used;
    uint16_t tid, address, quantity;
    uint8_t unit, func;
    bool has_address, has_quantity;
    int64_t time_ns;
};

struct state {
    struct th_frames frames;
    struct request pending[MAX_PENDING];
    unsigned next;
    struct th_repeat told;
};

static const struct th_named functions[] = {{1, "READ_COILS"}, {2, "READ_DISCRETE_INPUTS"},
    {3, "READ_HOLDING_REGISTERS"}, {4, "READ_INPUT_REGISTERS"}, {5, "WRITE_SINGLE_COIL"},
    {6, "WRITE_SINGLE_REGISTER"}, {7, "READ_EXCEPTION_STATUS"}, {8, "DIAGNOSTICS"},
    {11, "GET_COMM_EVENT_COUNTER"}, {12, "GET_COMM_EVENT_LOG"}, {15, "WRITE_MULTIPLE_COILS"},
    {16, "WRITE_MULTIPLE_REGISTERS"}, {17, "REPORT_SLAVE_ID"}, {20, "READ_FILE_RECORD"},
    {21, "WRITE_FILE_RECORD"}, {22, "MASK_WRITE_REGISTER"}, {23, "READ_WRITE_MULTIPLE_REGISTERS"},
    {24, "READ_FIFO_QUEUE"}, {43, "ENCAP_INTERFACE_TRANSPORT"}};

static const struct th_named exceptions[] = {{1, "ILLEGAL_FUNCTION"}, {2, "ILLEGAL_DATA_ADDRESS"},
    {3, "ILLEGAL_DATA_VALUE"}, {4, "SLAVE_DEVICE_FAILURE"}, {5, "ACKNOWLEDGE"},
    {6, "SLAVE_DEVICE_BUSY"}, {8, "MEMORY_PARITY_ERROR"}, {10, "GATEWAY_PATH_UNAVAILABLE"},
    {11, "GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND"}};

/* Elsewhere than on its port: a read request that is whole and asks for what may be asked. */
static bool is_read_request(const struct th_probe_in *in)
{
    unsigned func = th_probe_at(in, 7),
             quantity = (unsigned)th_probe_at(in, 10) << 8 | th_probe_at(in, 11);
    return in->len == 12 && th_probe_at(in, 5) == 6 && func >= 1 && func <= 4 && quantity &&
        quantity <= 2000;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    unsigned len = (unsigned)th_probe_at(in, 4) << 8 | th_probe_at(in, 5);
    bool port = in->dst == 502 || in->src == 502;
    if (in->len < 8)
        return port && !th_probe_at(in, 2) && !th_probe_at(in, 3) ? TH_PROBE_MORE : TH_PROBE_NO;
    if (th_probe_at(in, 2) || th_probe_at(in, 3) || len < 2 || len > PDU_MAX_BYTES)
        return TH_PROBE_NO;
    if (!port)
        return is_read_request(in) ? TH_PROBE_CLIENT : TH_PROBE_NO;
    return in->src == 502 ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    (void)state;
    (void)from_client;
    th_cur_skip(&c, 2);
    unsigned protocol = th_cur_be16(&c), len = th_cur_be16(&c);
    if (c.failed)
        return TH_FRAME_SHORT;
    return protocol || len < 2 || len > PDU_MAX_BYTES ? TH_FRAME_BAD : 6 + (int64_t)len;
}

static void emit(struct th_conn *c, struct state *s, const struct request *r, int exception,
    bool answered, int64_t time_ns)
{
    struct th_ev_modbus ev = {0};
    struct th_arena *a = &c->pr->scratch;
    uint64_t key = (uint64_t)r->unit << 48 | (uint64_t)r->func << 40 | (uint64_t)r->address << 24 |
        (uint64_t)r->quantity << 8 | (uint8_t)exception;
    uint32_t due = th_repeat_due(c, &s->told, th_hash_pair(key, answered), time_ns);
    if (!due)
        return;
    TH_CONN_ID(&ev, MODBUS, c, r->time_ns);
    TH_SET(&ev, MODBUS, tid, r->tid);
    TH_SET(&ev, MODBUS, unit, r->unit);
    TH_SET(&ev, MODBUS, func, TH_NUMBER_NAME(a, functions, r->func));
    TH_SET(&ev, MODBUS, pdu_type, th_str_c(answered ? "RESP" : "REQ"));
    if (exception)
        TH_SET(&ev, MODBUS, exception, TH_NUMBER_NAME(a, exceptions, (uint32_t)exception));
    if (r->has_address)
        TH_SET(&ev, MODBUS, address, r->address);
    if (r->has_quantity)
        TH_SET(&ev, MODBUS, quantity, r->quantity);
    TH_SET_REPEATS(&ev, MODBUS, due);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, r->time_ns));
}

static void read_range(struct request *r, struct th_cur *c)
{
    switch (r->func) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 15:
    case 16:
    case 23:
        r->address = th_cur_be16(c);
        r->quantity = th_cur_be16(c);
        r->has_address = r->has_quantity = !c->failed;
        return;
    case 5:
    case 6:
    case 22:
        r->address = th_cur_be16(c);
        r->quantity = 1;
        r->has_address = r->has_quantity = !c->failed;
        return;
    case 24:
        r->address = th_cur_be16(c);
        r->has_address = !c->failed;
        return;
    default: return;
    }
}

static void on_request(
    struct th_conn *c, struct state *s, const struct request *head, struct th_cur *body)
{
    struct request *r = &s->pending[s->next++ % MAX_PENDING];
    if (r->used)
        emit(c, s, r, 0, false, r->time_ns);
    *r = *head;
    read_range(r, body);
    r->used = true;
}

static void on_answer(
    struct th_conn *c, struct state *s, const struct request *head, struct th_cur *body)
{
    struct request r = *head;
    r.func &= 0x7f;
    int exception = head->func & 0x80 ? th_cur_u8(body) : 0;
    if (head->func & 0x80 && !exception)
        exception = 1; /* cut off: it is one still */
    for (unsigned i = 0; i < MAX_PENDING; i++) {
        struct request *p = &s->pending[i];
        if (!p->used || p->tid != head->tid || p->unit != head->unit || p->func != r.func)
            continue;
        p->used = false;
        r = *p;
        break;
    }
    emit(c, s, &r, exception, true, head->time_ns);
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct request head = {.time_ns = ch->time_ns, .tid = th_cur_be16(&msg)};
    th_cur_skip(&msg, 4);
    head.unit = th_cur_u8(&msg);
    head.func = th_cur_u8(&msg);
    if (msg.failed)
        return TH_FRAME_BAIL;
    th_conn_service(c, TH_SVC_MODBUS);
    if (ch->from_client)
        on_request(c, state, &head, &msg);
    else
        on_answer(c, state, &head, &msg);
    return TH_FRAME_GO_ON;
}

static const struct th_framing framing = {
    .look_bytes = 6 + PDU_MAX_BYTES, .length = length, .message = message};

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    for (unsigned i = 0; i < MAX_PENDING; i++) {
        struct request *r = &s->pending[(s->next + i) % MAX_PENDING];
        if (r->used)
            emit(c, s, r, 0, false, r->time_ns);
    }
}

const struct th_analyser th_modbus_analyser = {
    .service = TH_SVC_MODBUS,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .gap = th_frames_gap,
    .end = end,
};
