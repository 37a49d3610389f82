/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EtherNet/IP (ODVA CIP networks library, volume 2) over TCP and UDP, with the CIP service
 * (volume 1) that a message carries and the identity that a device gives of itself.
 */
#include "analysers.h"

#include "framing.h"

#define HEADER_BYTES 24u
#define LOOK_BYTES 600u
#define MAX_ITEMS 8u
#define PORT_EXPLICIT 44818
#define PORT_IO 2222

struct state {
    struct th_frames frames;
    struct th_repeat told;
};

struct cip {
    bool has, answer;
    uint8_t service, status;
    bool has_class, has_instance, has_attribute;
    uint32_t class, instance, attribute;
};

struct header {
    uint16_t command, len;
    uint32_t session, status;
};

static const struct th_named commands[] = {{0x00, "NOP"}, {0x04, "List Services"},
    {0x63, "List Identity"}, {0x64, "List Interfaces"}, {0x65, "Register Session"},
    {0x66, "Unregister Session"}, {0x6f, "Send RR Data"}, {0x70, "Send Unit Data"},
    {0x72, "Indicate Status"}, {0x73, "Cancel"}};

static const struct th_named services[] = {{0x01, "Get Attributes All"},
    {0x02, "Set Attributes All"}, {0x03, "Get Attribute List"}, {0x04, "Set Attribute List"},
    {0x05, "Reset"}, {0x06, "Start"}, {0x07, "Stop"}, {0x08, "Create"}, {0x09, "Delete"},
    {0x0a, "Multiple Service Packet"}, {0x0d, "Apply Attributes"}, {0x0e, "Get Attribute Single"},
    {0x10, "Set Attribute Single"}, {0x11, "Find Next Object Instance"}, {0x15, "Restore"},
    {0x16, "Save"}, {0x17, "No Operation"}, {0x18, "Get Member"}, {0x19, "Set Member"},
    {0x1a, "Insert Member"}, {0x1b, "Remove Member"}, {0x4b, "Execute PCCC"}, {0x4c, "Read Tag"},
    {0x4d, "Write Tag"}, {0x4e, "Forward Close"}, {0x4f, "Read Modify Write Tag"},
    {0x52, "Unconnected Send"}, {0x53, "Write Tag Fragmented"}, {0x54, "Forward Open"},
    {0x55, "Get Instance Attribute List"}, {0x5b, "Large Forward Open"}};

static const struct th_named classes[] = {{0x01, "Identity"}, {0x02, "Message Router"},
    {0x04, "Assembly"}, {0x05, "Connection"}, {0x06, "Connection Manager"}, {0x0f, "Parameter"},
    {0x37, "File"}, {0x43, "Time Sync"}, {0x67, "PCCC"}, {0x68, "Program"}, {0x69, "Task"},
    {0x6b, "Symbol"}, {0x6c, "Template"}, {0x8b, "Wall Clock Time"}, {0xac, "Controller"},
    {0xf5, "TCP/IP Interface"}, {0xf6, "Ethernet Link"}, {0x8e, "Controller Mode"}};

static bool command_known(unsigned command)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(commands); i++)
        if (commands[i].number == command)
            return true;
    return false;
}

static unsigned le16_at(const struct th_probe_in *in, size_t i)
{
    return th_probe_at(in, i) | (unsigned)th_probe_at(in, i + 1) << 8;
}

/* Input and output of a running connection: two items, a sequenced address and its data. */
static bool is_io(const struct th_probe_in *in)
{
    return in->ip_proto == 17 && (in->src == PORT_IO || in->dst == PORT_IO) && in->len >= 18 &&
        le16_at(in, 0) == 2 && le16_at(in, 2) == 0x8002 && le16_at(in, 4) == 8 &&
        le16_at(in, 14) == 0xb1;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    if (is_io(in))
        return in->src == PORT_IO && in->dst != PORT_IO ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
    unsigned command = le16_at(in, 0), len = le16_at(in, 2);
    bool hint = in->src == PORT_EXPLICIT || in->dst == PORT_EXPLICIT;
    if (!command_known(command))
        return TH_PROBE_NO;
    if (in->len < HEADER_BYTES)
        return hint && in->ip_proto == 6 ? TH_PROBE_MORE : TH_PROBE_NO;
    /* Elsewhere only a session that is being registered says enough. */
    bool registers = command == 0x65 && len == 4 && in->len == HEADER_BYTES + 4 &&
        le16_at(in, 24) == 1 && le16_at(in, 26) == 0 && le16_at(in, 8) == 0 && le16_at(in, 10) == 0;
    if (!registers && (!hint || HEADER_BYTES + len > in->wire_len + LOOK_BYTES))
        return TH_PROBE_NO;
    return in->src == PORT_EXPLICIT && in->dst != PORT_EXPLICIT ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    (void)state;
    (void)from_client;
    unsigned command = th_cur_le16(&c), len = th_cur_le16(&c);
    if (c.failed)
        return TH_FRAME_SHORT;
    return command_known(command) ? (int64_t)HEADER_BYTES + len : TH_FRAME_BAD;
}

/* One segment of a path: a logical one of 8, 16 or 32 bits (volume 1, C-1.4.2). */
static bool segment(struct th_cur *path, struct cip *m)
{
    unsigned type = th_cur_u8(path), size = type & 3;
    if ((type & 0xe0) != 0x20 || size == 3)
        return false;
    if (size)
        th_cur_skip(path, 1);
    uint32_t v = size == 0 ? th_cur_u8(path) : size == 1 ? th_cur_le16(path) : th_cur_le32(path);
    if (path->failed)
        return false;
    switch (type >> 2 & 7) {
    case 0:
        m->class = v;
        m->has_class = true;
        return true;
    case 1:
        m->instance = v;
        m->has_instance = true;
        return true;
    case 4:
        m->attribute = v;
        m->has_attribute = true;
        return true;
    default: return true;
    }
}

static void read_request(struct th_cur *c, struct cip *m)
{
    m->service = th_cur_u8(c);
    struct th_cur path = th_cur_sub(c, 2 * (size_t)th_cur_u8(c));
    m->has = !c->failed;
    while (th_cur_left(&path) && segment(&path, m))
        ;
}

static void read_cip(struct th_cur *c, struct cip *m)
{
    if (th_cur_peek(c, 0) & 0x80) {
        m->answer = true;
        m->service = th_cur_u8(c) & 0x7f;
        th_cur_skip(c, 1);
        m->status = th_cur_u8(c);
        m->has = !c->failed;
        return;
    }
    read_request(c, m);
    /* The connection manager passes a message on: that is the one to tell. */
    if (m->has && m->service == 0x52 && m->class == 6) {
        th_cur_skip(c, 2);
        struct th_cur inner = th_cur_sub(c, th_cur_le16(c));
        struct cip carried = {0};
        read_request(&inner, &carried);
        if (carried.has)
            *m = carried;
    }
}

static void set_identity(struct th_ev_enip *ev, struct th_arena *a, struct th_cur *c)
{
    th_cur_skip(c, 2 + 16); /* version, socket address */
    unsigned vendor = th_cur_le16(c), type = th_cur_le16(c), product = th_cur_le16(c);
    unsigned major = th_cur_u8(c), minor = th_cur_u8(c);
    th_cur_skip(c, 2);
    uint32_t serial = th_cur_le32(c);
    struct th_str name = th_cur_bytes(c, th_cur_u8(c));
    if (c->failed)
        return;
    TH_SET(ev, ENIP, vendor_id, vendor);
    TH_SET(ev, ENIP, device_type, type);
    TH_SET(ev, ENIP, product_code, product);
    TH_SET(ev, ENIP, revision, th_arena_printf(a, "%u.%u", major, minor));
    TH_SET(ev, ENIP, serial_number, th_arena_printf(a, "%08x", serial));
    TH_SET_TEXT(ev, ENIP, product_name, name);
}

static void set_cip(struct th_ev_enip *ev, struct th_arena *a, const struct cip *m)
{
    if (!m->has)
        return;
    TH_SET(ev, ENIP, cip_service, TH_NUMBER_NAME(a, services, m->service));
    if (m->answer)
        TH_SET(ev, ENIP, cip_status, m->status);
    if (m->has_class)
        TH_SET(ev, ENIP, class_name, TH_NUMBER_NAME(a, classes, m->class));
    if (m->has_instance)
        TH_SET(ev, ENIP, instance_id, m->instance);
    if (m->has_attribute)
        TH_SET(ev, ENIP, attribute_id, m->attribute);
}

/* The items of the common packet format; identity gets the one that holds it. */
static void read_items(struct th_cur *c, struct cip *m, struct th_cur *identity)
{
    unsigned n = th_cur_le16(c);
    for (unsigned i = 0; i < n && i < MAX_ITEMS && th_cur_left(c); i++) {
        unsigned type = th_cur_le16(c);
        size_t len = th_cur_le16(c);
        struct th_cur item = th_cur_sub(c, TH_MIN(len, th_cur_left(c)));
        if (type == 0xb1)
            th_cur_skip(&item, 2); /* sequence number */
        if (type == 0xb1 || type == 0xb2)
            read_cip(&item, m);
        else if (type == 0x0c)
            *identity = item;
    }
}

static void tell(struct th_conn *c, struct state *s, const struct th_chunk *ch,
    const struct header *h, struct th_cur body)
{
    struct th_ev_enip ev = {0};
    struct th_arena *a = &c->pr->scratch;
    struct cip m = {0};
    struct th_cur identity = th_cur_init(NULL, 0);
    if (h->command == 0x6f || h->command == 0x70)
        th_cur_skip(&body, 6); /* interface, timeout */
    if (h->command == 0x6f || h->command == 0x70 || h->command == 0x63)
        read_items(&body, &m, &identity);
    /* What went well is told with the request, or not at all: as input and output are. */
    bool good = !h->status && !m.status;
    if (!ch->from_client && good && !th_cur_left(&identity))
        return;
    uint64_t key = (uint64_t)h->command << 40 | (uint64_t)ch->from_client << 32 |
        (uint64_t)m.service << 16 | m.status;
    key = th_hash_pair(key, (uint64_t)m.class << 32 | m.instance);
    key = th_hash_pair(key, (uint64_t)m.attribute << 32 | h->status);
    uint32_t due = th_repeat_due(c, &s->told, key, ch->time_ns);
    if (!due)
        return;
    TH_CONN_ID(&ev, ENIP, c, ch->time_ns);
    TH_SET(&ev, ENIP, enip_command, TH_NUMBER_NAME(a, commands, h->command));
    TH_SET(&ev, ENIP, enip_status, h->status);
    if (h->session)
        TH_SET(&ev, ENIP, session_handle, h->session);
    TH_SET(&ev, ENIP, is_orig, ch->from_client);
    set_cip(&ev, a, &m);
    if (th_cur_left(&identity))
        set_identity(&ev, a, &identity);
    TH_SET_REPEATS(&ev, ENIP, due);
    th_proto_emit(c->pr, &ev.h, ch->time_ns);
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct header h = {.command = th_cur_le16(&msg), .len = th_cur_le16(&msg)};
    h.session = th_cur_le32(&msg);
    h.status = th_cur_le32(&msg);
    th_cur_skip(&msg, 12); /* context, options */
    if (msg.failed)
        return TH_FRAME_BAIL;
    th_conn_service(c, TH_SVC_ENIP);
    tell(c, state, ch, &h, msg);
    return TH_FRAME_GO_ON;
}

static const struct th_framing framing = {
    .look_bytes = LOOK_BYTES, .length = length, .message = message};

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    if (c->flow->proto != 6 && (c->flow->port[0] == PORT_IO || c->flow->port[1] == PORT_IO)) {
        th_conn_service(c, TH_SVC_ENIP);
        return TH_DONE;
    }
    return th_frames_data(c, state, ch);
}

const struct th_analyser th_enip_analyser = {
    .service = TH_SVC_ENIP,
    .tcp = true,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = data,
    .gap = th_frames_gap,
};
