/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 1 (MS-CIFS 2.2): shares, files opened, read, written, renamed and deleted, authentication,
 * pipes. */
#include "smb.h"

#define HEADER_BYTES 32u
#define MAX_CHAINED 8u
#define NO_MORE 0xffu /* as the next command of a chain */

enum command {
    CMD_CLOSE = 0x04,
    CMD_DELETE = 0x06,
    CMD_RENAME = 0x07,
    CMD_TRANS = 0x25,
    CMD_READ_ANDX = 0x2e,
    CMD_WRITE_ANDX = 0x2f,
    CMD_SESSION_SETUP = 0x73,
    CMD_TREE_CONNECT = 0x75,
    CMD_NT_CREATE = 0xa2
};

enum { FLAG_RESPONSE = 0x80, FLAG2_UNICODE = 0x8000 };

#define STATUS_MORE_PROCESSING 0xc0000016u

struct message {
    const uint8_t *p;
    size_t len;
    uint32_t status;
    uint16_t flags2, tree, mid;
    uint8_t command;
    int64_t time_ns;
    struct th_cur words, bytes;
};

/* A text up to its zero; UTF-16 begins on an even offset of the message. */
static struct th_str text(struct th_conn *c, const struct message *m, struct th_cur *b)
{
    if (!(m->flags2 & FLAG2_UNICODE)) {
        size_t left = th_cur_left(b);
        const uint8_t *zero = left ? memchr(b->p, 0, left) : NULL;
        struct th_str s = th_cur_bytes(b, zero ? (size_t)(zero - b->p) : left);
        if (zero)
            th_cur_skip(b, 1);
        return s;
    }
    if ((size_t)(b->p - m->p) & 1)
        th_cur_skip(b, 1);
    const uint8_t *start = b->p;
    size_t n = 0;
    while (th_cur_left(b) >= 2 && th_cur_le16(b))
        n += 2;
    return th_utf16le(&c->pr->scratch, th_str_n(start, n));
}

static void fid_key(uint16_t fid, uint8_t key[16])
{
    memset(key, 0, 16);
    key[0] = (uint8_t)fid;
    key[1] = (uint8_t)(fid >> 8);
}

/* Bytes of a pipe, or of a file from this place on. */
static void moved(struct th_smb *s, struct th_conn *c, const struct message *m, uint16_t fid,
    bool from_client, size_t offset, size_t len, uint64_t place)
{
    uint8_t key[16];
    fid_key(fid, key);
    struct th_smb_open *o = th_smb_open_find(s, key);
    if (!o || offset < HEADER_BYTES || offset > m->len)
        return;
    struct th_cur bytes = th_cur_init(m->p + offset, TH_MIN(len, m->len - offset));
    th_smb_pipe(c, o, from_client, m->time_ns, &bytes, len);
    if (m->command != CMD_TRANS)
        th_smb_bulk(s, c, o, from_client, m->time_ns, place, &bytes, len);
}

static void trans_request(
    struct th_smb *s, struct th_conn *c, struct message *m, struct th_smb_request *r)
{
    struct th_cur *w = &m->words;
    th_cur_skip(w, 22);
    size_t len = th_cur_le16(w), offset = th_cur_le16(w);
    unsigned setups = th_cur_u8(w);
    th_cur_skip(w, 3);
    uint16_t fid = th_cur_le16(w);
    if (w->failed || setups < 2)
        return;
    fid_key(fid, r->fid);
    moved(s, c, m, fid, true, offset, len, 0);
}

/* Names in the data of a request: each with a byte before it that says so. A rename has two; they
 * are kept with a zero between them. */
static void named_request(struct th_conn *c, struct message *m, struct th_smb_request *r)
{
    th_cur_skip(&m->bytes, 1);
    struct th_str from = text(c, m, &m->bytes);
    if (m->command == CMD_RENAME) {
        th_cur_skip(&m->bytes, 1);
        struct th_str to = text(c, m, &m->bytes);
        from = th_arena_printf(
            &c->pr->scratch, "%.*s%c%.*s", (int)from.len, from.p, 0, (int)to.len, to.p);
    }
    if (!m->bytes.failed)
        th_smb_set_text(&r->name, from);
}

static void request(struct th_smb *s, struct th_conn *c, struct message *m)
{
    struct th_cur *w = &m->words;
    struct th_smb_request *r = th_smb_request_add(s, m->mid, m->command);
    r->tree = m->tree;
    r->time_ns = m->time_ns;
    switch (m->command) {
    case CMD_SESSION_SETUP: th_ntlm_look(&s->ntlm, c, m->time_ns, m->p, m->len); return;
    case CMD_TREE_CONNECT: {
        th_cur_skip(w, 6);
        size_t password = th_cur_le16(w);
        th_cur_skip(&m->bytes, password);
        if (!w->failed && !m->bytes.failed)
            th_smb_set_text(&r->name, text(c, m, &m->bytes));
        return;
    }
    case CMD_NT_CREATE: th_smb_set_text(&r->name, text(c, m, &m->bytes)); return;
    case CMD_DELETE:
    case CMD_RENAME: named_request(c, m, r); return;
    case CMD_CLOSE: fid_key(th_cur_le16(w), r->fid); return;
    case CMD_READ_ANDX:
        th_cur_skip(w, 4);
        fid_key(th_cur_le16(w), r->fid);
        r->offset = th_cur_le32(w);
        th_cur_skip(w, 10);
        r->offset |= th_cur_left(w) ? (uint64_t)th_cur_le32(w) << 32 : 0;
        return;
    case CMD_WRITE_ANDX: {
        th_cur_skip(w, 4);
        uint16_t fid = th_cur_le16(w);
        uint64_t place = th_cur_le32(w);
        th_cur_skip(w, 8);
        size_t high = th_cur_le16(w), len = th_cur_le16(w) + (high << 16), offset = th_cur_le16(w);
        place |= th_cur_left(w) ? (uint64_t)th_cur_le32(w) << 32 : 0;
        if (!w->failed)
            moved(s, c, m, fid, true, offset, len, place);
        return;
    }
    case CMD_TRANS: trans_request(s, c, m, r); return;
    default: return;
    }
}

static void tree_response(
    struct th_smb *s, struct th_conn *c, struct message *m, const struct th_smb_request *r)
{
    struct th_smb_tree *t = th_smb_tree_add(s, m->tree);
    /* The service is always ASCII: A:, IPC, LPT1: */
    struct th_str service = th_str_n(m->bytes.p, TH_MIN(th_cur_left(&m->bytes), 5u));
    t->type = th_str_starts(service, "IPC") ? "PIPE"
        : th_str_starts(service, "LPT")     ? "PRINT"
        : th_str_starts(service, "A:")      ? "DISK"
                                            : NULL;
    th_smb_set_text(&t->path, th_smb_text(&r->name));
    th_smb_mapping(c, t, r->time_ns, m->time_ns);
}

static void create_response(
    struct th_smb *s, struct th_conn *c, struct message *m, const struct th_smb_request *r)
{
    uint8_t key[16];
    struct th_cur *w = &m->words;
    th_cur_skip(w, 5);
    fid_key(th_cur_le16(w), key);
    th_cur_skip(w, 4 + 32 + 4 + 8);
    uint64_t size = th_cur_le64(w);
    if (w->failed)
        return;
    struct th_smb_tree *t = th_smb_tree_find(s, r->tree);
    struct th_smb_open *o = th_smb_open_add(s, c, key);
    th_smb_set_text(&o->name, th_smb_text(&r->name));
    if (t)
        th_smb_set_text(&o->path, th_smb_text(&t->path));
    o->pipe = t && t->type && strcmp(t->type, "PIPE") == 0;
    o->size = size;
    o->first_ns = r->time_ns;
    th_smb_file(c, o->pipe ? "SMB::PIPE_OPEN" : "SMB::FILE_OPEN", o, th_smb_text(&o->name),
        th_str_c(""), r->time_ns, m->time_ns);
}

static void named_response(
    struct th_smb *s, struct th_conn *c, struct message *m, const struct th_smb_request *r)
{
    struct th_smb_tree *t = th_smb_tree_find(s, r->tree);
    struct th_smb_open o = {.pipe = true}; /* its size is not known */
    struct th_str to = th_smb_text(&r->name), from = th_str_split(&to, '\0');
    bool rename = m->command == CMD_RENAME;
    if (t)
        o.path = t->path;
    th_smb_file(c, rename ? "SMB::FILE_RENAME" : "SMB::FILE_DELETE", &o, rename ? to : from,
        rename ? from : th_str_c(""), r->time_ns, m->time_ns);
}

static void data_response(
    struct th_smb *s, struct th_conn *c, struct message *m, const struct th_smb_request *r)
{
    struct th_cur *w = &m->words;
    size_t len, offset;
    if (m->command == CMD_READ_ANDX) {
        th_cur_skip(w, 10);
        len = th_cur_le16(w);
        offset = th_cur_le16(w);
        len += (size_t)th_cur_le16(w) << 16;
    } else {
        th_cur_skip(w, 12);
        len = th_cur_le16(w);
        offset = th_cur_le16(w);
    }
    if (!w->failed)
        moved(s, c, m, (uint16_t)(r->fid[0] | r->fid[1] << 8), false, offset, len, r->offset);
}

static void response(struct th_smb *s, struct th_conn *c, struct message *m)
{
    struct th_smb_request r;
    if (m->command == CMD_SESSION_SETUP) {
        th_ntlm_look(&s->ntlm, c, m->time_ns, m->p, m->len);
        if (m->status != STATUS_MORE_PROCESSING)
            th_ntlm_outcome(s->ntlm, c, m->time_ns, m->status == 0);
    }
    if (!th_smb_request_take(s, m->mid, &r))
        return;
    bool ok = m->status == 0 && r.command == m->command;
    struct th_smb_open *o;
    if (ok && m->command == CMD_TREE_CONNECT)
        tree_response(s, c, m, &r);
    else if (ok && m->command == CMD_NT_CREATE)
        create_response(s, c, m, &r);
    else if (ok && (m->command == CMD_DELETE || m->command == CMD_RENAME))
        named_response(s, c, m, &r);
    else if (ok && (m->command == CMD_READ_ANDX || m->command == CMD_TRANS))
        data_response(s, c, m, &r);
    else if (ok && m->command == CMD_CLOSE && (o = th_smb_open_find(s, r.fid)))
        th_smb_open_close(s, c, o, true, m->time_ns);
    free(r.name.p);
}

/* MS-CIFS 2.2.3.4: the first words of these say where the next command of the chain stands. */
static bool is_andx(unsigned command)
{
    return command == 0x24 || command == 0x2d || command == CMD_READ_ANDX ||
        command == CMD_WRITE_ANDX ||
        (command >= CMD_SESSION_SETUP && command <= CMD_TREE_CONNECT) || command == CMD_NT_CREATE;
}

void th_smb1_message(struct th_smb *s, struct th_conn *c, bool from_client, int64_t time_ns,
    const uint8_t *p, size_t len, size_t wire_len)
{
    struct message m = {.p = p, .len = len, .time_ns = time_ns};
    struct th_cur h = th_cur_init(p, len);
    (void)from_client;
    (void)wire_len;
    th_cur_skip(&h, 4);
    m.command = th_cur_u8(&h);
    m.status = th_cur_le32(&h);
    unsigned flags = th_cur_u8(&h);
    m.flags2 = th_cur_le16(&h);
    th_cur_skip(&h, 12);
    m.tree = th_cur_le16(&h);
    th_cur_skip(&h, 4);
    m.mid = th_cur_le16(&h);
    for (unsigned i = 0; i < MAX_CHAINED; i++) {
        m.words = th_cur_sub(&h, 2 * (size_t)th_cur_u8(&h));
        size_t count = th_cur_le16(&h), at = (size_t)(h.p - p);
        if (h.failed)
            return;
        m.bytes = th_cur_sub(&h, TH_MIN(count, th_cur_left(&h)));
        struct th_cur head = m.words;
        unsigned next = is_andx(m.command) ? th_cur_u8(&head) : NO_MORE;
        th_cur_skip(&head, 1);
        size_t offset = th_cur_le16(&head);
        if (flags & FLAG_RESPONSE)
            response(s, c, &m);
        else
            request(s, c, &m);
        if (head.failed || next == NO_MORE || offset < at || offset >= len)
            return;
        m.command = (uint8_t)next;
        h = th_cur_init(p + offset, len - offset);
    }
}
