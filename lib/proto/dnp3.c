/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNP3 (IEEE 1815) over TCP and UDP: link frames with their checksums, the first fragment of
 * each application message, function codes and the objects that a request names.
 */
#include "analysers.h"

#include "framing.h"

#define FRAME_MAX_BYTES 292u /* 255 - 5 bytes of data in blocks of 16 with a checksum each */
#define DATA_MAX_BYTES 250u
#define MAX_OBJECTS 8u
#define LINK_HEADER_BYTES 10u

struct object {
    uint8_t group, variation;
};

struct request {
    bool used;
    uint8_t func, seq, object_count;
    uint16_t source, destination;
    int64_t time_ns;
    struct object object[MAX_OBJECTS];
};

struct state {
    struct th_frames frames;
    struct request asked;
    struct th_repeat told;
};

enum { CONFIRM = 0, RESPONSE = 129, UNSOLICITED = 130, AUTH_RESPONSE = 131 };

static const struct th_named functions[] = {{0, "CONFIRM"}, {1, "READ"}, {2, "WRITE"},
    {3, "SELECT"}, {4, "OPERATE"}, {5, "DIRECT_OPERATE"}, {6, "DIRECT_OPERATE_NR"},
    {7, "IMMED_FREEZE"}, {8, "IMMED_FREEZE_NR"}, {9, "FREEZE_CLEAR"}, {10, "FREEZE_CLEAR_NR"},
    {11, "FREEZE_AT_TIME"}, {12, "FREEZE_AT_TIME_NR"}, {13, "COLD_RESTART"}, {14, "WARM_RESTART"},
    {15, "INITIALIZE_DATA"}, {16, "INITIALIZE_APPL"}, {17, "START_APPL"}, {18, "STOP_APPL"},
    {19, "SAVE_CONFIG"}, {20, "ENABLE_UNSOLICITED"}, {21, "DISABLE_UNSOLICITED"},
    {22, "ASSIGN_CLASS"}, {23, "DELAY_MEASURE"}, {24, "RECORD_CURRENT_TIME"}, {25, "OPEN_FILE"},
    {26, "CLOSE_FILE"}, {27, "DELETE_FILE"}, {28, "GET_FILE_INFO"}, {29, "AUTHENTICATE_FILE"},
    {30, "ABORT_FILE"}, {31, "ACTIVATE_CONFIG"}, {32, "AUTHENTICATE_REQ"}, {33, "AUTHENTICATE_ERR"},
    {129, "RESPONSE"}, {130, "UNSOLICITED_RESPONSE"}, {131, "AUTHENTICATE_RESP"}};

/* IEEE 1815 9.2.8.1: polynomial 0x3d65, reflected, inverted. */
static uint16_t crc(const uint8_t *p, size_t n)
{
    uint16_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            v = (uint16_t)(v & 1 ? v >> 1 ^ 0xa6bc : v >> 1);
    }
    return (uint16_t)~v;
}

static bool header_right(const uint8_t p[LINK_HEADER_BYTES])
{
    return p[0] == 5 && p[1] == 0x64 && p[2] >= 5 && crc(p, 8) == (p[8] | p[9] << 8);
}

static enum th_probe probe(const struct th_probe_in *in)
{
    if (in->len < LINK_HEADER_BYTES)
        return th_probe_at(in, 0) == 5 && th_probe_at(in, 1) == 0x64 ? TH_PROBE_MORE : TH_PROBE_NO;
    if (!header_right(in->p))
        return TH_PROBE_NO;
    return in->p[3] & 0x80 ? TH_PROBE_CLIENT : TH_PROBE_SERVER; /* DIR: from a master */
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    (void)state;
    (void)from_client;
    struct th_str head = th_cur_bytes(&c, LINK_HEADER_BYTES);
    if (c.failed)
        return TH_FRAME_SHORT;
    const uint8_t *p = (const uint8_t *)head.p;
    if (!header_right(p))
        return TH_FRAME_BAD;
    unsigned n = p[2] - 5u;
    return (int64_t)LINK_HEADER_BYTES + n + 2 * ((n + 15) / 16);
}

/* The user data of a frame without the checksums; false when one is wrong or it ends early. */
static bool unblock(struct th_cur *c, size_t n, uint8_t out[DATA_MAX_BYTES])
{
    for (size_t at = 0; at < n;) {
        size_t part = TH_MIN(n - at, 16u);
        struct th_str block = th_cur_bytes(c, part);
        unsigned sum = th_cur_le16(c);
        if (c->failed || crc((const uint8_t *)block.p, part) != sum)
            return false;
        memcpy(out + at, block.p, part);
        at += part;
    }
    return true;
}

/* Only requests without data behind their headers can be walked; else the first one counts. */
static void read_objects(struct request *r, struct th_cur *c)
{
    static const uint8_t range_bytes[16] = {2, 4, 8, 0, 0, 0, 0, 1, 2, 4};
    bool bare = r->func == 1 || (r->func >= 7 && r->func <= 10) || (r->func >= 20 && r->func <= 22);
    while (th_cur_left(c) >= 3 && r->object_count < MAX_OBJECTS) {
        struct object o = {.group = th_cur_u8(c), .variation = th_cur_u8(c)};
        r->object[r->object_count++] = o;
        unsigned qualifier = th_cur_u8(c);
        if (!bare || qualifier & 0x70)
            return;
        th_cur_skip(c, range_bytes[qualifier & 15]);
    }
}

static struct th_strs object_names(struct th_arena *a, const struct request *r)
{
    struct th_str *v = th_arena_alloc(a, MAX_OBJECTS * sizeof(*v));
    for (unsigned i = 0; i < r->object_count; i++)
        v[i] = th_arena_printf(a, "g%uv%u", r->object[i].group, r->object[i].variation);
    return (struct th_strs){v, r->object_count};
}

/* reply, iin: -1 for none. */
static void emit(struct th_conn *c, struct state *s, const struct request *r, int reply, int iin,
    int64_t time_ns)
{
    struct th_ev_dnp3 ev = {0};
    struct th_arena *a = &c->pr->scratch;
    uint64_t key = r->used ? r->func : 256u;
    key = th_hash_pair(key << 32 | (uint32_t)(reply + 1) << 16 | (uint16_t)(iin + 1),
        (uint64_t)r->source << 16 | r->destination);
    for (unsigned i = 0; i < r->object_count; i++)
        key = th_hash_pair(key, (uint64_t)r->object[i].group << 8 | r->object[i].variation);
    uint32_t due = th_repeat_due(c, &s->told, key, time_ns);
    if (!due)
        return;
    TH_CONN_ID(&ev, DNP3, c, r->time_ns);
    if (r->used)
        TH_SET(&ev, DNP3, fc_request, TH_NUMBER_NAME(a, functions, r->func));
    if (reply >= 0)
        TH_SET(&ev, DNP3, fc_reply, TH_NUMBER_NAME(a, functions, (uint32_t)reply));
    if (iin >= 0)
        TH_SET(&ev, DNP3, iin, (uint64_t)iin);
    TH_SET(&ev, DNP3, source, r->source);
    TH_SET(&ev, DNP3, destination, r->destination);
    if (r->object_count)
        TH_SET(&ev, DNP3, objects, object_names(a, r));
    TH_SET_REPEATS(&ev, DNP3, due);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, r->time_ns));
}

static void flush(struct th_conn *c, struct state *s)
{
    if (s->asked.used)
        emit(c, s, &s->asked, -1, -1, s->asked.time_ns);
    s->asked.used = false;
}

/* from, to: link addresses of who sent it and who got it. */
static void application(struct th_conn *c, struct state *s, int64_t time_ns, uint16_t from,
    uint16_t to, struct th_cur *m)
{
    unsigned seq = th_cur_u8(m) & 15u;
    uint8_t func = th_cur_u8(m);
    if (m->failed || func == CONFIRM)
        return;
    if (func < RESPONSE) {
        flush(c, s);
        s->asked = (struct request){.used = true,
            .func = func,
            .seq = (uint8_t)seq,
            .source = from,
            .destination = to,
            .time_ns = time_ns};
        read_objects(&s->asked, m);
        return;
    }
    int iin = th_cur_be16(m);
    if (m->failed)
        iin = -1;
    if (func != UNSOLICITED && s->asked.used && s->asked.seq == seq) {
        emit(c, s, &s->asked, func, iin, time_ns);
        s->asked.used = false;
        return;
    }
    const struct request none = {.source = to, .destination = from, .time_ns = time_ns};
    emit(c, s, &none, func, iin, time_ns);
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    uint8_t text[DATA_MAX_BYTES];
    th_cur_skip(&msg, 2);
    size_t n = th_cur_u8(&msg);
    th_cur_skip(&msg, 1);
    uint16_t to = th_cur_le16(&msg), from = th_cur_le16(&msg);
    th_cur_skip(&msg, 2);
    if (msg.failed || n < 5)
        return TH_FRAME_BAIL;
    th_conn_service(c, TH_SVC_DNP3);
    n -= 5;
    if (!n || !unblock(&msg, n, text))
        return TH_FRAME_GO_ON;
    struct th_cur m = th_cur_init(text, n);
    bool first = th_cur_u8(&m) & 0x40; /* of the fragments of the transport layer */
    if (first)
        application(c, state, ch->time_ns, from, to, &m);
    return TH_FRAME_GO_ON;
}

static const struct th_framing framing = {
    .look_bytes = FRAME_MAX_BYTES, .length = length, .message = message};

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    flush(c, s);
}

const struct th_analyser th_dnp3_analyser = {
    .service = TH_SVC_DNP3,
    .tcp = true,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .gap = th_frames_gap,
    .end = end,
};
