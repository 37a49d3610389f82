/* SPDX-License-Identifier: Apache-2.0 */
#include "dce_rpc.h"

#include "analysers.h"
#include "ntlm.h"

#define MAX_CONTEXTS 16u
#define MAX_CALLS 32u /* that wait for their answer */
#define HEAD_BYTES 16u
#define CALL_HEAD_BYTES 24u  /* up to the operation's number */
#define CALL_LOOK_BYTES 512u /* of a call and its answer, for arguments */
#define MAPPED_MAX 64u
/* Of a bind or an authentication, which may be as long as a token, no more than this is kept. */
#define BIND_MAX_BYTES 16384u

enum ptype {
    PT_REQUEST = 0,
    PT_RESPONSE = 2,
    PT_FAULT = 3,
    PT_BIND = 11,
    PT_BIND_ACK = 12,
    PT_BIND_NAK = 13,
    PT_ALTER = 14,
    PT_ALTER_ACK = 15,
    PT_AUTH3 = 16
};

enum { CLIENT, SERVER };
enum { EPT_MAP = 3, SERVER_REQ_CHALLENGE = 4 };

struct context {
    uint16_t id;
    uint8_t uuid[16];
};

struct call {
    uint32_t id;
    uint16_t opnum, context;
    int64_t time_ns;
    uint8_t mapped_len;
    char mapped[MAPPED_MAX]; /* what the endpoint mapper was asked for */
};

/* How a call ended; NULL for one that was not answered. */
struct outcome {
    int64_t time_ns;
    struct th_str fault, mapped;
};

struct side {
    struct th_hold hold;
    uint64_t skip; /* bytes of the PDU that are not looked at */
};

struct th_dce_rpc {
    struct side side[2];
    struct context contexts[MAX_CONTEXTS];
    uint8_t context_count;
    uint8_t call_count;
    bool bound;
    struct call calls[MAX_CALLS];
    struct th_ntlm *ntlm;
};

/* Reads numbers in the sender's order. */
struct reader {
    struct th_cur c;
    bool little;
};

static uint16_t u16(struct reader *r)
{
    return r->little ? th_cur_le16(&r->c) : th_cur_be16(&r->c);
}

static uint32_t u32(struct reader *r)
{
    return r->little ? th_cur_le32(&r->c) : th_cur_be32(&r->c);
}

size_t th_dce_rpc_held(const struct th_dce_rpc *d)
{
    return d ? sizeof(*d) + d->side[0].hold.cap + d->side[1].hold.cap + th_ntlm_held(d->ntlm) : 0;
}

struct th_dce_rpc *th_dce_rpc_new(void)
{
    return th_xcalloc(1, sizeof(struct th_dce_rpc));
}

static const struct context *find_context(const struct th_dce_rpc *d, uint16_t id)
{
    for (unsigned i = 0; i < d->context_count; i++)
        if (d->contexts[i].id == id)
            return &d->contexts[i];
    return NULL;
}

struct th_str th_dce_rpc_interface_text(struct th_arena *a, const uint8_t uuid[16])
{
    const char *name = th_dce_rpc_interface(uuid);
    const uint8_t *u = uuid;
    if (name)
        return th_str_c(name);
    return th_arena_printf(a,
        "unknown-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[3], u[2],
        u[1], u[0], u[5], u[4], u[7], u[6], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

static bool is_call(
    const struct th_dce_rpc *d, const struct call *call, const char *interface, unsigned opnum)
{
    const struct context *ctx = find_context(d, call->context);
    const char *name = ctx && call->opnum == opnum ? th_dce_rpc_interface(ctx->uuid) : NULL;
    return name && strcmp(name, interface) == 0;
}

static void emit(struct th_dce_rpc *d, struct th_conn *c, struct th_str name,
    const struct call *call, const struct outcome *end)
{
    struct th_ev_dce_rpc ev = {0};
    const struct context *ctx = find_context(d, call->context);
    struct th_arena *a = &c->pr->scratch;
    if (!ctx)
        return;
    struct th_str operation = th_dce_rpc_operation(ctx->uuid, call->opnum);
    TH_CONN_ID(&ev, DCE_RPC, c, call->time_ns);
    if (end && end->time_ns >= call->time_ns)
        TH_SET(&ev, DCE_RPC, rtt, end->time_ns - call->time_ns);
    TH_SET_TEXT(&ev, DCE_RPC, named_pipe, name);
    TH_SET(&ev, DCE_RPC, endpoint, th_dce_rpc_interface_text(a, ctx->uuid));
    TH_SET(&ev, DCE_RPC, operation,
        operation.len ? operation : th_arena_printf(a, "unknown-%u", call->opnum));
    TH_SET_TEXT(&ev, DCE_RPC, mapped,
        end && end->mapped.len ? end->mapped : th_str_n(call->mapped, call->mapped_len));
    if (end)
        TH_SET_TEXT(&ev, DCE_RPC, fault, end->fault);
    th_proto_emit(c->pr, &ev.h, end ? TH_MAX(end->time_ns, call->time_ns) : call->time_ns);
}

/* C706 12.6.4.3: the interfaces that the client wants to talk to. */
static void bind(struct th_dce_rpc *d, struct reader *r)
{
    th_cur_skip(&r->c, 8);
    unsigned n = th_cur_u8(&r->c);
    th_cur_skip(&r->c, 3);
    for (unsigned i = 0; i < n && !r->c.failed; i++) {
        uint16_t id = u16(r);
        unsigned transfers = th_cur_u8(&r->c);
        th_cur_skip(&r->c, 1);
        struct th_str uuid = th_cur_bytes(&r->c, 16);
        th_cur_skip(&r->c, 4 + 20 * (size_t)transfers);
        if (r->c.failed || (find_context(d, id) && d->context_count == MAX_CONTEXTS))
            return;
        struct context *ctx = (struct context *)find_context(d, id);
        if (!ctx && d->context_count < MAX_CONTEXTS)
            ctx = &d->contexts[d->context_count++];
        if (!ctx)
            return;
        ctx->id = id;
        memcpy(ctx->uuid, uuid.p, 16);
        if (!r->little) { /* ours are in little-endian order */
            const uint8_t *u = (const uint8_t *)uuid.p;
            const uint8_t swapped[8] = {u[3], u[2], u[1], u[0], u[5], u[4], u[7], u[6]};
            memcpy(ctx->uuid, swapped, 8);
        }
    }
    d->bound = true;
}

static void remove_call(struct th_dce_rpc *d, unsigned i)
{
    d->call_count--;
    memmove(&d->calls[i], &d->calls[i + 1], (d->call_count - i) * sizeof(d->calls[0]));
}

/* The arguments begin behind the head, and behind an object's id when there is one. What stands
 * behind them to seal or sign is not theirs. */
static struct th_str stub(const struct th_cur *rest, const uint8_t *head)
{
    size_t left = th_cur_left(rest), object = head[3] & 0x80 ? 16 : 0;
    size_t auth = head[4] & 0x10 ? head[10] | (size_t)head[11] << 8 : 0;
    size_t skip = object + (auth ? auth + 8 : 0);
    return left < skip ? th_str_c("") : th_str_n(rest->p + object, left - skip);
}

static void request(struct th_dce_rpc *d, struct th_conn *c, struct th_str name, struct reader *r,
    uint32_t id, int64_t time_ns, const uint8_t *head, bool whole)
{
    u32(r);
    struct call call = {.id = id, .time_ns = time_ns};
    call.context = u16(r);
    call.opnum = u16(r);
    if (r->c.failed)
        return;
    struct th_str args = stub(&r->c, head);
    if (is_call(d, &call, "epmapper", EPT_MAP)) {
        struct th_str what = th_dce_rpc_mapped(&c->pr->scratch, (const uint8_t *)args.p, args.len);
        call.mapped_len = (uint8_t)TH_MIN(what.len, MAPPED_MAX);
        if (call.mapped_len)
            memcpy(call.mapped, what.p, call.mapped_len);
    }
    if (whole && is_call(d, &call, "netlogon", SERVER_REQ_CHALLENGE) &&
        th_dce_rpc_weak_challenge((const uint8_t *)args.p, args.len))
        th_conn_weird(c, time_ns, "netlogon_weak_challenge");
    if (d->call_count == MAX_CALLS) {
        emit(d, c, name, &d->calls[0], NULL);
        remove_call(d, 0);
    }
    d->calls[d->call_count++] = call;
}

static void answer(struct th_dce_rpc *d, struct th_conn *c, struct th_str name, struct reader *r,
    uint32_t id, int64_t time_ns, const uint8_t *head)
{
    struct outcome end = {.time_ns = time_ns};
    for (unsigned i = 0; i < d->call_count; i++) {
        if (d->calls[i].id != id)
            continue;
        th_cur_skip(&r->c, 8); /* hint, context, cancels */
        if (head[2] == PT_FAULT) {
            uint32_t status = u32(r);
            end.fault =
                r->c.failed ? th_str_c("unknown") : th_dce_rpc_fault(&c->pr->scratch, status);
        } else if (is_call(d, &d->calls[i], "epmapper", EPT_MAP)) {
            struct th_str out = stub(&r->c, head);
            end.mapped = th_dce_rpc_mapped(&c->pr->scratch, (const uint8_t *)out.p, out.len);
        }
        emit(d, c, name, &d->calls[i], &end);
        remove_call(d, i);
        return;
    }
}

static void pdu(struct th_dce_rpc *d, struct th_conn *c, struct th_str name, int64_t time_ns,
    const uint8_t *p, size_t len, bool whole)
{
    struct reader r = {.c = th_cur_init(p, len), .little = (p[4] & 0x10) != 0};
    unsigned type = p[2];
    bool first = (p[3] & 1) != 0;
    th_cur_skip(&r.c, 12);
    uint32_t id = u32(&r);
    th_conn_service(c, TH_SVC_DCE_RPC);
    switch (type) {
    case PT_BIND:
    case PT_ALTER:
        bind(d, &r);
        th_ntlm_look(&d->ntlm, c, time_ns, p, len);
        return;
    case PT_BIND_ACK:
    case PT_ALTER_ACK:
    case PT_AUTH3: th_ntlm_look(&d->ntlm, c, time_ns, p, len); return;
    case PT_REQUEST:
        if (first)
            request(d, c, name, &r, id, time_ns, p, whole);
        return;
    case PT_RESPONSE:
    case PT_FAULT:
        th_ntlm_outcome(d->ntlm, c, time_ns, type == PT_RESPONSE);
        if (first)
            answer(d, c, name, &r, id, time_ns, p);
        return;
    default: return;
    }
}

static bool plausible(const uint8_t *p)
{
    return p[0] == 5 && p[1] <= 1 && p[2] <= 20 && (p[4] == 0x10 || p[4] == 0);
}

static uint32_t fragment_len(const uint8_t *p)
{
    return p[4] & 0x10 ? (uint32_t)p[9] << 8 | p[8] : (uint32_t)p[8] << 8 | p[9];
}

/* What of a PDU of this type is worth waiting for. */
static uint32_t needed(const uint8_t *p, uint32_t whole)
{
    bool names = p[2] >= PT_BIND && p[2] <= PT_AUTH3;
    return TH_MIN(whole, names ? BIND_MAX_BYTES : CALL_LOOK_BYTES);
}

bool th_dce_rpc_data(struct th_dce_rpc *d, struct th_conn *c, struct th_str name, bool from_client,
    int64_t time_ns, const uint8_t *p, size_t len, size_t wire_len)
{
    struct side *sd = &d->side[from_client ? CLIENT : SERVER];
    bool ok;
    uint64_t lost = wire_len > len ? wire_len - len : 0;
    struct th_cur cur = th_hold_join(&sd->hold, p, len, BIND_MAX_BYTES + len, &ok);
    for (;;) {
        size_t skip = (size_t)TH_MIN(sd->skip, (uint64_t)th_cur_left(&cur));
        th_cur_skip(&cur, skip);
        sd->skip -= skip;
        if (th_cur_left(&cur) < HEAD_BYTES)
            break;
        const uint8_t *at = cur.p;
        uint32_t whole = fragment_len(at);
        if (!plausible(at) || whole < HEAD_BYTES)
            return false;
        uint32_t need = needed(at, whole);
        if (lost && need <= CALL_LOOK_BYTES && th_cur_left(&cur) >= TH_MIN(need, CALL_HEAD_BYTES))
            need = TH_MIN(need, (uint32_t)th_cur_left(&cur)); /* the rest will not come */
        if (th_cur_left(&cur) < need)
            break;
        th_cur_skip(&cur, need);
        sd->skip = whole - need;
        pdu(d, c, name, time_ns, at, need, need == whole);
    }
    if (lost) {
        /* Bytes that were not kept end the PDU they belong to. */
        th_hold_done(&sd->hold);
        sd->skip = sd->skip > lost ? sd->skip - lost : 0;
        return true;
    }
    return th_hold_keep(&sd->hold, &cur, BIND_MAX_BYTES);
}

void th_dce_rpc_end(struct th_dce_rpc *d, struct th_conn *c, struct th_str name)
{
    if (!d)
        return;
    for (unsigned i = 0; i < d->call_count; i++)
        emit(d, c, name, &d->calls[i], NULL);
    th_ntlm_end(d->ntlm, c);
    th_hold_done(&d->side[CLIENT].hold);
    th_hold_done(&d->side[SERVER].hold);
    free(d);
}

struct state {
    struct th_dce_rpc *rpc;
    char port[8];
};

static enum th_probe probe(const struct th_probe_in *in)
{
    if (th_probe_at(in, 0) != 5 || in->len < HEAD_BYTES)
        return TH_PROBE_NO;
    uint32_t whole = fragment_len(in->p);
    if (!plausible(in->p) || whole < HEAD_BYTES || th_probe_at(in, 5) || th_probe_at(in, 6) ||
        th_probe_at(in, 7))
        return TH_PROBE_NO;
    switch (th_probe_at(in, 2)) {
    case PT_BIND:
    case PT_REQUEST:
    case PT_ALTER:
    case PT_AUTH3: return TH_PROBE_CLIENT;
    case PT_BIND_ACK:
    case PT_BIND_NAK:
    case PT_RESPONSE:
    case PT_FAULT: return TH_PROBE_SERVER;
    default: return TH_PROBE_NO;
    }
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    if (!s->rpc) {
        s->rpc = th_dce_rpc_new();
        snprintf(s->port, sizeof(s->port), "%u", c->flow->port[!c->client]);
    }
    bool ok = th_dce_rpc_data(
        s->rpc, c, th_str_c(s->port), ch->from_client, ch->time_ns, ch->p, ch->len, ch->wire_len);
    return ok ? TH_GO_ON : c->service_count ? TH_DONE_DIR : TH_BAIL;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    th_dce_rpc_end(s->rpc, c, th_str_c(s->port));
}

static size_t held(const void *state)
{
    return th_dce_rpc_held(((const struct state *)state)->rpc);
}

const struct th_analyser th_dce_rpc_analyser = {
    .service = TH_SVC_DCE_RPC,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .end = end,
};
