/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMB over TCP 445 and NetBIOS sessions on 139 (MS-SMB2, MS-CIFS): shares connected,
 * files opened, read, written, renamed, deleted, and the DCE/RPC inside named pipes. Of each
 * message its first bytes are looked at; bulk data is told as it passes (smb_bulk.c).
 */
#include "smb.h"

#include "analysers.h"

#define LOOK_BYTES 16384u /* kept of one message */

struct side {
    struct th_hold hold;
    uint32_t skip;
};

struct state {
    struct side side[2];
    struct th_smb smb;
};

void th_smb_set_text(struct th_smb_text *t, struct th_str s)
{
    free(t->p);
    t->len = TH_MIN(s.len, TH_SMB_NAME_MAX);
    t->p = t->len ? th_xmalloc(t->len) : NULL;
    if (t->len)
        memcpy(t->p, s.p, t->len);
}

struct th_str th_smb_text(const struct th_smb_text *t)
{
    return t->len ? th_str_n(t->p, t->len) : th_str_c("");
}

/* The table with room for one more behind count; what points into it is no longer valid. Room is
 * never given back before the connection ends, and counts as held. */
static void *with_room(void *table, unsigned count, uint8_t *room, size_t entry_bytes)
{
    if (count < *room)
        return table;
    *room = (uint8_t)(*room ? 2 * *room : 4);
    return th_xreallocarray(table, *room, entry_bytes);
}

static void remove_request(struct th_smb *s, unsigned i)
{
    s->request_count--;
    memmove(&s->requests[i], &s->requests[i + 1], (s->request_count - i) * sizeof(s->requests[0]));
}

struct th_smb_request *th_smb_request_add(struct th_smb *s, uint64_t id, uint16_t command)
{
    if (s->request_count == TH_SMB_MAX_REQUESTS) {
        free(s->requests[0].name.p);
        remove_request(s, 0);
    }
    s->requests =
        with_room(s->requests, s->request_count, &s->request_room, sizeof(s->requests[0]));
    struct th_smb_request *r = &s->requests[s->request_count++];
    *r = (struct th_smb_request){.id = id, .command = command};
    return r;
}

bool th_smb_request_take(struct th_smb *s, uint64_t id, struct th_smb_request *ret)
{
    for (unsigned i = 0; i < s->request_count; i++) {
        if (s->requests[i].id != id)
            continue;
        *ret = s->requests[i];
        remove_request(s, i);
        return true;
    }
    return false;
}

struct th_smb_tree *th_smb_tree_find(struct th_smb *s, uint32_t id)
{
    for (unsigned i = s->tree_count; i > 0; i--)
        if (s->trees[i - 1].id == id)
            return &s->trees[i - 1];
    return NULL;
}

struct th_smb_tree *th_smb_tree_add(struct th_smb *s, uint32_t id)
{
    struct th_smb_tree *t = th_smb_tree_find(s, id);
    if (t)
        return t;
    if (s->tree_count == TH_SMB_MAX_TREES) {
        free(s->trees[0].path.p);
        memmove(&s->trees[0], &s->trees[1], (TH_SMB_MAX_TREES - 1) * sizeof(s->trees[0]));
        s->tree_count--;
    }
    s->trees = with_room(s->trees, s->tree_count, &s->tree_room, sizeof(s->trees[0]));
    t = &s->trees[s->tree_count++];
    *t = (struct th_smb_tree){.id = id};
    return t;
}

struct th_smb_open *th_smb_open_find(struct th_smb *s, const uint8_t fid[16])
{
    for (unsigned i = s->open_count; i > 0; i--)
        if (memcmp(s->opens[i - 1].fid, fid, 16) == 0)
            return &s->opens[i - 1];
    return NULL;
}

void th_smb_open_close(
    struct th_smb *s, struct th_conn *c, struct th_smb_open *o, bool closed, int64_t time_ns)
{
    struct th_str none = th_str_c("");
    th_smb_bulk_end(c, o, closed, time_ns);
    if (o->delete_on_close)
        th_smb_file(c, "SMB::FILE_DELETE", o, th_smb_text(&o->name), none, time_ns, time_ns);
    th_dce_rpc_end(o->rpc, c, th_smb_text(&o->name));
    free(o->name.p);
    free(o->path.p);
    s->open_count--;
    unsigned i = (unsigned)(o - s->opens);
    memmove(o, o + 1, (s->open_count - i) * sizeof(*o));
}

struct th_smb_open *th_smb_open_add(struct th_smb *s, struct th_conn *c, const uint8_t fid[16])
{
    struct th_smb_open *o = th_smb_open_find(s, fid);
    if (o)
        th_smb_open_close(s, c, o, false, c->pr->now_ns);
    else if (s->open_count == TH_SMB_MAX_OPENS)
        th_smb_open_close(s, c, &s->opens[0], false, c->pr->now_ns);
    s->opens = with_room(s->opens, s->open_count, &s->open_room, sizeof(s->opens[0]));
    o = &s->opens[s->open_count++];
    *o = (struct th_smb_open){0};
    memcpy(o->fid, fid, 16);
    return o;
}

void th_smb_mapping(struct th_conn *c, const struct th_smb_tree *t, int64_t ts, int64_t time_ns)
{
    struct th_ev_smb_mapping ev = {0};
    TH_CONN_ID(&ev, SMB_MAPPING, c, ts);
    TH_SET_TEXT(&ev, SMB_MAPPING, path, th_smb_text(&t->path));
    if (t->type)
        TH_SET(&ev, SMB_MAPPING, share_type, th_str_c(t->type));
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, ts));
}

void th_smb_file(struct th_conn *c, const char *action, const struct th_smb_open *o,
    struct th_str name, struct th_str prev, int64_t ts, int64_t time_ns)
{
    struct th_ev_smb_files ev = {0};
    TH_CONN_ID(&ev, SMB_FILES, c, ts);
    TH_SET(&ev, SMB_FILES, action, th_str_c(action));
    TH_SET_TEXT(&ev, SMB_FILES, path, th_smb_text(&o->path));
    TH_SET_TEXT(&ev, SMB_FILES, name, name);
    if (!o->pipe)
        TH_SET(&ev, SMB_FILES, size, o->size);
    TH_SET_TEXT(&ev, SMB_FILES, prev_name, prev);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, ts));
}

void th_smb_pipe(struct th_conn *c, struct th_smb_open *o, bool from_client, int64_t time_ns,
    struct th_cur *bytes, size_t wire_len)
{
    size_t len = th_cur_left(bytes);
    if (!o->pipe || (!len && !wire_len))
        return;
    if (!o->rpc)
        o->rpc = th_dce_rpc_new();
    th_dce_rpc_data(o->rpc, c, th_smb_text(&o->name), from_client, time_ns, bytes->p, len,
        TH_MAX(wire_len, len));
}

static bool is_smb(const uint8_t *p)
{
    return (p[0] == 0xff || p[0] == 0xfe || p[0] == 0xfd || p[0] == 0xfc) &&
        memcmp(p + 1, "SMB", 3) == 0;
}

/* NetBIOS session service (RFC 1002 4.3.1) or the direct transport, which looks like its
 * messages of type 0. */
static enum th_probe probe(const struct th_probe_in *in)
{
    if (th_probe_at(in, 0) == 0x81 && in->len >= 4 && th_probe_at(in, 1) == 0 &&
        in->len == 4u + ((size_t)th_probe_at(in, 2) << 8 | th_probe_at(in, 3)) && in->len >= 68)
        return TH_PROBE_CLIENT;
    if (th_probe_at(in, 0) == 0x82 && in->len == 4 && in->src == 139)
        return TH_PROBE_SERVER;
    if (th_probe_at(in, 0) != 0 || in->len < 4 + 16)
        return th_probe_at(in, 0) == 0 && in->len < 8 && (in->dst == 445 || in->src == 445)
            ? TH_PROBE_MORE
            : TH_PROBE_NO;
    if (!is_smb(in->p + 4))
        return TH_PROBE_NO;
    bool response = th_probe_at(in, 4) == 0xff ? (th_probe_at(in, 4 + 9) & 0x80) != 0
                                               : (th_probe_at(in, 4 + 16) & 1) != 0;
    if (th_probe_at(in, 4) == 0xfd || th_probe_at(in, 4) == 0xfc)
        response = in->src == 445;
    return response ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

/* MS-SMB2 2.2.42. Who adds size and offset in 32 bits allocates too little (CVE-2020-0796). */
static void compressed(struct th_conn *c, int64_t time_ns, const uint8_t *p, size_t len)
{
    struct th_cur h = th_cur_init(p, len);
    th_cur_skip(&h, 4);
    uint64_t size = th_cur_le32(&h);
    th_cur_skip(&h, 4);
    uint64_t offset = th_cur_le32(&h);
    if (!h.failed && size + offset > UINT32_MAX)
        th_conn_weird(c, time_ns, "smb_compression_overflow");
}

static void message(struct th_conn *c, struct state *s, bool from_client, int64_t time_ns,
    const uint8_t *p, size_t len, size_t wire_len)
{
    if (len < 4 || !is_smb(p))
        return;
    th_conn_service(c, TH_SVC_SMB);
    s->smb.rest[from_client ? 1 : 0].left = 0;
    if (p[0] == 0xfe)
        th_smb2_message(&s->smb, c, from_client, time_ns, p, len, wire_len);
    else if (p[0] == 0xff)
        th_smb1_message(&s->smb, c, from_client, time_ns, p, len, wire_len);
    else if (p[0] == 0xfd)
        th_conn_service(c, TH_SVC_SMB_ENCRYPTED);
    else
        compressed(c, time_ns, p, len);
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    struct side *sd = &s->side[ch->dir];
    bool ok;
    struct th_cur cur = th_hold_join(&sd->hold, ch->p, ch->len, LOOK_BYTES + ch->len, &ok);
    for (;;) {
        size_t skip = TH_MIN((size_t)sd->skip, th_cur_left(&cur));
        struct th_str passed = th_cur_bytes(&cur, skip);
        sd->skip -= (uint32_t)skip;
        th_smb_more(&s->smb, ch->from_client, ch->time_ns, (const uint8_t *)passed.p, passed.len);
        if (th_cur_left(&cur) < 4)
            break;
        struct th_cur at = cur;
        unsigned type = th_cur_u8(&at);
        uint32_t len = th_cur_be24(&at);
        if (type != 0 && (type < 0x81 || type > 0x85))
            return c->service_count ? TH_DONE_DIR : TH_BAIL;
        if (type)
            len &= 0x1ffff;
        uint32_t want = TH_MIN(len, LOOK_BYTES - 4);
        if (th_cur_left(&at) < want)
            break;
        struct th_str bytes = th_cur_bytes(&at, want);
        cur = at;
        sd->skip = len - want;
        if (type == 0)
            message(c, s, ch->from_client, ch->time_ns, (const uint8_t *)bytes.p, want, len);
    }
    return th_hold_keep(&sd->hold, &cur, LOOK_BYTES) ? TH_GO_ON : TH_DONE_DIR;
}

static enum th_verdict gap(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    struct state *s = state;
    struct side *sd = &s->side[dir];
    if (sd->hold.len || len > sd->skip)
        return TH_DONE_DIR;
    sd->skip -= (uint32_t)len;
    th_smb_more(&s->smb, dir == c->client, time_ns, NULL, len);
    return TH_GO_ON;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    struct th_smb *smb = &s->smb;
    while (smb->open_count)
        th_smb_open_close(smb, c, &smb->opens[0], false, time_ns);
    for (unsigned i = 0; i < smb->request_count; i++)
        free(smb->requests[i].name.p);
    for (unsigned i = 0; i < smb->tree_count; i++)
        free(smb->trees[i].path.p);
    free(smb->requests);
    free(smb->trees);
    free(smb->opens);
    th_ntlm_end(smb->ntlm, c);
    th_hold_done(&s->side[0].hold);
    th_hold_done(&s->side[1].hold);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    const struct th_smb *smb = &s->smb;
    size_t n = s->side[0].hold.cap + s->side[1].hold.cap + th_ntlm_held(smb->ntlm) +
        TH_SMB_NAME_MAX * (smb->request_count + smb->tree_count + 2u * smb->open_count) +
        smb->request_room * sizeof(smb->requests[0]) + smb->tree_room * sizeof(smb->trees[0]) +
        smb->open_room * sizeof(smb->opens[0]);
    for (unsigned i = 0; i < smb->open_count; i++)
        n += th_dce_rpc_held(smb->opens[i].rpc);
    return n;
}

const struct th_analyser th_smb_analyser = {
    .service = TH_SVC_SMB,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .gap = gap,
    .end = end,
};
