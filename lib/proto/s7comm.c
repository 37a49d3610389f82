/* SPDX-License-Identifier: Apache-2.0 */
/*
 * S7 communication over ISO on TCP (RFC 1006, ISO 8073): jobs of a programming device or a
 * panel with the controller's answers, and the user data messages (block lists, system state,
 * clock). Its successor S7comm-plus is recognised and named, its body is not public.
 */
#include "analysers.h"

#include "framing.h"

#define LOOK_BYTES 512u
#define MAX_PENDING 8u
#define MAX_ITEMS 8u
#define TPKT_MAX_BYTES 65535u

enum { COTP_DATA = 0xf0, COTP_REQUEST = 0xe0, COTP_CONFIRM = 0xd0 };
enum { S7 = 0x32, S7_PLUS = 0x72 };
enum { JOB = 1, ACK = 2, ACK_DATA = 3, USERDATA = 7 };

struct job {
    bool used;
    uint8_t rosctr, function, group, subfunction, item_count;
    uint16_t reference;
    int64_t time_ns;
    struct th_text item[MAX_ITEMS], block;
};

struct state {
    struct th_frames frames;
    struct job *pending[MAX_PENDING];
    unsigned next;
    bool plus_told;
    struct th_repeat told;
};

static const struct th_named kinds[] = {
    {JOB, "Job"}, {ACK, "Ack"}, {ACK_DATA, "Ack Data"}, {USERDATA, "Userdata"}};

static const struct th_named functions[] = {{0x00, "CPU Services"}, {0x04, "Read Variable"},
    {0x05, "Write Variable"}, {0x1a, "Request Download"}, {0x1b, "Download Block"},
    {0x1c, "Download Ended"}, {0x1d, "Start Upload"}, {0x1e, "Upload"}, {0x1f, "End Upload"},
    {0x28, "PI Service"}, {0x29, "PLC Stop"}, {0xf0, "Setup Communication"}};

static const struct th_named groups[] = {{0, "Mode Transition"}, {1, "Programmer Commands"},
    {2, "Cyclic Data"}, {3, "Block Functions"}, {4, "CPU Functions"}, {5, "Security"},
    {6, "PBC BSEND/BRECV"}, {7, "Time Functions"}};

/* Group and number in it. */
static const struct th_named subfunctions[] = {{0x101, "Request Diag Data 1"}, {0x102, "VarTab"},
    {0x10c, "Erase"}, {0x10e, "Read Diag Data"}, {0x10f, "Remove Diag Data"}, {0x110, "Forces"},
    {0x113, "Request Diag Data 2"}, {0x201, "Memory"}, {0x204, "Unsubscribe"},
    {0x301, "List Blocks"}, {0x302, "List Blocks of Type"}, {0x303, "Get Block Info"},
    {0x401, "Read SZL"}, {0x402, "Message Service"}, {0x403, "Diagnostic Message"},
    {0x405, "ALARM Indication"}, {0x501, "PLC Password"}, {0x701, "Read Clock"},
    {0x702, "Set Clock"}, {0x703, "Read Clock"}, {0x704, "Set Clock"}};

static bool on_port(const struct th_probe_in *in)
{
    return in->src == 102 || in->dst == 102;
}

/* TPKT: version 3, a length; COTP: data with S7 inside, or on its port a connection request. */
static enum th_probe probe(const struct th_probe_in *in)
{
    size_t len = (size_t)th_probe_at(in, 2) << 8 | th_probe_at(in, 3);
    if (th_probe_at(in, 0) != 3 || th_probe_at(in, 1))
        return TH_PROBE_NO;
    if (in->len < 8)
        return on_port(in) ? TH_PROBE_MORE : TH_PROBE_NO;
    unsigned type = th_probe_at(in, 5), inner = th_probe_at(in, 7);
    if (type == COTP_DATA && len >= 8) {
        bool first = inner == S7 || (inner == S7_PLUS && on_port(in));
        bool server = in->src == 102 || (inner == S7 && th_probe_at(in, 8) == ACK_DATA);
        return !first ? TH_PROBE_NO : server ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
    }
    if (!on_port(in))
        return TH_PROBE_NO;
    return type == COTP_REQUEST ? TH_PROBE_CLIENT
        : type == COTP_CONFIRM  ? TH_PROBE_SERVER
                                : TH_PROBE_NO;
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    (void)state;
    (void)from_client;
    unsigned version = th_cur_be16(&c), len = th_cur_be16(&c);
    if (c.failed)
        return TH_FRAME_SHORT;
    return version != 0x0300 || len < 7 ? TH_FRAME_BAD : (int64_t)len;
}

/* answer: NULL for none; class and code. */
static void emit(
    struct th_conn *c, struct state *s, const struct job *j, const uint8_t *answer, int64_t time_ns)
{
    struct th_ev_s7comm ev = {0};
    struct th_arena *a = &c->pr->scratch;
    unsigned outcome = answer ? 1u + ((unsigned)answer[0] << 8 | answer[1]) : 0;
    uint64_t key = (uint64_t)j->rosctr << 24 | (uint64_t)j->function << 16 |
        (uint64_t)j->group << 8 | j->subfunction;
    key = th_hash_pair(key, outcome);
    key = th_repeat_key(key, th_text_get(&j->block));
    for (unsigned i = 0; i < j->item_count; i++)
        key = th_repeat_key(key, th_text_get(&j->item[i]));
    uint32_t due = th_repeat_due(c, &s->told, key, time_ns);
    if (!due)
        return;
    struct th_str *items = th_arena_alloc(a, MAX_ITEMS * sizeof(*items));
    for (unsigned i = 0; i < j->item_count; i++)
        items[i] = th_text_get(&j->item[i]);
    TH_CONN_ID(&ev, S7COMM, c, j->time_ns);
    TH_SET(&ev, S7COMM, rosctr_name, TH_NUMBER_NAME(a, kinds, j->rosctr));
    TH_SET(&ev, S7COMM, pdu_reference, j->reference);
    if (j->rosctr == USERDATA) {
        TH_SET(&ev, S7COMM, function_name, TH_NUMBER_NAME(a, groups, j->group));
        TH_SET(&ev, S7COMM, subfunction_name,
            TH_NUMBER_NAME(a, subfunctions, (uint32_t)j->group << 8 | j->subfunction));
    } else {
        TH_SET(&ev, S7COMM, function_name, TH_NUMBER_NAME(a, functions, j->function));
    }
    if (answer && j->rosctr != USERDATA) {
        TH_SET(&ev, S7COMM, error_class, answer[0]);
        TH_SET(&ev, S7COMM, error_code, answer[1]);
    }
    if (j->item_count)
        TH_SET(&ev, S7COMM, items, (struct th_strs){items, j->item_count});
    TH_SET_TEXT(&ev, S7COMM, block, th_text_get(&j->block));
    TH_SET_REPEATS(&ev, S7COMM, due);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, j->time_ns));
}

/* One variable: S7ANY addresses an area by bit, other syntaxes only by number. */
static void read_item(struct th_conn *c, struct th_cur *p, struct th_text *ret)
{
    static const struct th_named areas[] = {{0x1c, "C"}, {0x1d, "T"}, {0x80, "P"}, {0x81, "I"},
        {0x82, "Q"}, {0x83, "M"}, {0x84, "DB"}, {0x85, "DI"}, {0x86, "L"}, {0x87, "V"}};
    struct th_arena *a = &c->pr->scratch;
    th_cur_skip(p, 1);
    struct th_cur item = th_cur_sub(p, th_cur_u8(p));
    unsigned syntax = th_cur_u8(&item);
    if (syntax != 0x10) {
        th_text_set_field(ret, th_arena_printf(a, "syntax 0x%02x", syntax));
        return;
    }
    th_cur_skip(&item, 1);
    unsigned count = th_cur_be16(&item), db = th_cur_be16(&item), area = th_cur_u8(&item);
    uint32_t bit = th_cur_be24(&item);
    if (item.failed)
        return;
    struct th_str name = TH_NUMBER_NAME(a, areas, area);
    if (area == 0x84 || area == 0x85)
        name = th_arena_printf(a, "%.*s%u.", (int)name.len, name.p, db);
    unsigned low = bit & 7;
    struct th_str text = low
        ? th_arena_printf(a, "%.*s%u.%u x%u", (int)name.len, name.p, bit >> 3, low, count)
        : th_arena_printf(a, "%.*s%u x%u", (int)name.len, name.p, bit >> 3, count);
    th_text_set_field(ret, text);
}

/* Downloads and uploads name a block, services of the program instance a service. */
static void read_block(struct job *j, struct th_cur *p)
{
    switch (j->function) {
    case 0x1a:
    case 0x1b:
    case 0x1c:
    case 0x1d: th_cur_skip(p, 7); break;
    case 0x28:
        th_cur_skip(p, 7);
        th_cur_skip(p, th_cur_be16(p));
        break;
    case 0x29: th_cur_skip(p, 5); break;
    default: return;
    }
    struct th_str name = th_cur_bytes(p, th_cur_u8(p));
    if (!p->failed)
        th_text_set_field(&j->block, name);
}

static void on_job(struct th_conn *c, struct state *s, const struct job *head, struct th_cur *p)
{
    struct job **at = &s->pending[s->next++ % MAX_PENDING];
    if (!*at)
        *at = th_xcalloc(1, sizeof(**at));
    struct job *j = *at;
    if (j->used)
        emit(c, s, j, NULL, j->time_ns);
    memset(j, 0, sizeof(*j));
    *j = *head;
    j->used = true;
    j->function = th_cur_u8(p);
    if (j->function == 4 || j->function == 5) {
        unsigned n = th_cur_u8(p);
        for (; n && th_cur_left(p) && j->item_count < MAX_ITEMS; n--)
            read_item(c, p, &j->item[j->item_count++]);
        return;
    }
    read_block(j, p);
}

static void on_answer(struct th_conn *c, struct state *s, const struct job *head,
    const uint8_t error[2], struct th_cur *p)
{
    uint8_t function = th_cur_u8(p);
    for (unsigned i = 0; i < MAX_PENDING; i++) {
        struct job *j = s->pending[i];
        if (!j || !j->used || j->reference != head->reference)
            continue;
        j->used = false;
        emit(c, s, j, error, head->time_ns);
        return;
    }
    struct job alone = *head;
    alone.function = function;
    emit(c, s, &alone, error, head->time_ns);
}

/* Parameter head of a user data message; only its request is told. */
static void on_userdata(
    struct th_conn *c, struct state *s, const struct job *head, struct th_cur *p)
{
    struct job j = *head;
    th_cur_skip(p, 5);
    unsigned group = th_cur_u8(p);
    j.group = group & 15;
    j.subfunction = th_cur_u8(p);
    if (!p->failed && group >> 4 == 4)
        emit(c, s, &j, NULL, j.time_ns);
}

static void s7_message(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur *msg)
{
    struct job head = {.time_ns = time_ns, .rosctr = th_cur_u8(msg)};
    th_cur_skip(msg, 2);
    head.reference = th_cur_be16(msg);
    size_t param_len = th_cur_be16(msg);
    th_cur_skip(msg, 2);
    uint8_t error[2] = {0, 0};
    if (head.rosctr == ACK || head.rosctr == ACK_DATA) {
        error[0] = th_cur_u8(msg);
        error[1] = th_cur_u8(msg);
    }
    struct th_cur p = th_cur_sub(msg, TH_MIN(param_len, th_cur_left(msg)));
    if (msg->failed)
        return;
    th_conn_service(c, TH_SVC_S7COMM);
    if (head.rosctr == JOB)
        on_job(c, s, &head, &p);
    else if (head.rosctr == ACK || head.rosctr == ACK_DATA)
        on_answer(c, s, &head, error, &p);
    else if (head.rosctr == USERDATA)
        on_userdata(c, s, &head, &p);
}

static void plus(struct th_conn *c, struct state *s, int64_t time_ns)
{
    struct th_ev_s7comm ev = {0};
    th_conn_service(c, TH_SVC_S7COMM);
    if (s->plus_told)
        return;
    s->plus_told = true;
    TH_CONN_ID(&ev, S7COMM, c, time_ns);
    TH_SET(&ev, S7COMM, rosctr_name, th_str_c("S7comm-plus"));
    th_proto_emit(c->pr, &ev.h, time_ns);
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    th_cur_skip(&msg, 4);
    struct th_cur cotp = th_cur_sub(&msg, th_cur_u8(&msg));
    unsigned type = th_cur_u8(&cotp);
    if (type == COTP_REQUEST || type == COTP_CONFIRM)
        return TH_FRAME_GO_ON;
    if (type != COTP_DATA)
        return TH_FRAME_BAIL;
    if (!th_cur_left(&msg))
        return TH_FRAME_GO_ON;
    unsigned inner = th_cur_u8(&msg);
    if (inner == S7)
        s7_message(c, state, ch->time_ns, &msg);
    else if (inner == S7_PLUS)
        plus(c, state, ch->time_ns);
    else if (!c->service_count)
        return TH_FRAME_BAIL;
    return inner == S7_PLUS ? TH_FRAME_DONE : TH_FRAME_GO_ON;
}

static const struct th_framing framing = {
    .look_bytes = LOOK_BYTES, .length = length, .message = message};

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    for (unsigned i = 0; i < MAX_PENDING; i++) {
        struct job *j = s->pending[(s->next + i) % MAX_PENDING];
        if (j && j->used)
            emit(c, s, j, NULL, j->time_ns);
        free(j);
    }
}

static size_t held(const void *state)
{
    const struct state *s = state;
    size_t n = 0;
    for (unsigned i = 0; i < MAX_PENDING; i++)
        n += s->pending[i] ? sizeof(*s->pending[i]) : 0;
    return n;
}

const struct th_analyser th_s7comm_analyser = {
    .service = TH_SVC_S7COMM,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .gap = th_frames_gap,
    .end = end,
};
