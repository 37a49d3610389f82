/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 2 and 3 (MS-SMB2 2.2), messages in the clear. */
#include "smb.h"

#define HEADER_BYTES 64u
#define MAX_CHAINED 32u

enum command {
    CMD_SESSION_SETUP = 1,
    CMD_TREE_CONNECT = 3,
    CMD_TREE_DISCONNECT = 4,
    CMD_CREATE = 5,
    CMD_CLOSE = 6,
    CMD_READ = 8,
    CMD_WRITE = 9,
    CMD_IOCTL = 11,
    CMD_SET_INFO = 17
};

enum {
    FLAG_RESPONSE = 1,
    OPTION_DELETE_ON_CLOSE = 0x1000,
    CTL_PIPE_TRANSCEIVE = 0x0011c017,
    INFO_RENAME = 10,
    INFO_DISPOSITION = 13,
    INFO_DISPOSITION_EX = 64, /* as Windows 10 and later ask (MS-FSCC 2.4) */
    INFO_RENAME_EX = 65,
    STATUS_OK = 0,
    STATUS_MORE_PROCESSING = (int)0xc0000016,
    STATUS_BUFFER_OVERFLOW = (int)0x80000005,
    STATUS_PENDING = 0x103
};

struct message {
    const uint8_t *p; /* from the header on; offsets count from here */
    size_t len, wire_len;
    uint32_t status, tree;
    uint64_t id;
    uint16_t command;
    int64_t time_ns;
    struct th_cur body;
};

/* Bytes at an offset from the header, as many as we have of them. */
static struct th_cur at_offset(const struct message *m, size_t offset, size_t len)
{
    if (offset < HEADER_BYTES || offset > m->len)
        return th_cur_init(m->p, 0);
    return th_cur_init(m->p + offset, TH_MIN(len, m->len - offset));
}

static struct th_str text_at(struct th_conn *c, const struct message *m, size_t offset, size_t len)
{
    struct th_cur cur = at_offset(m, offset, len);
    return th_utf16le(&c->pr->scratch, th_cur_bytes(&cur, th_cur_left(&cur)));
}

static void read_fid(struct th_cur *c, uint8_t fid[16])
{
    struct th_str s = th_cur_bytes(c, 16);
    if (!c->failed)
        memcpy(fid, s.p, 16);
}

static void look_for_token(struct th_smb *s, struct th_conn *c, const struct message *m)
{
    th_ntlm_look(&s->ntlm, c, m->time_ns, m->p, m->len);
    /* SPNEGO (RFC 4178) by its OID: somebody negotiates a mechanism. */
    if (memmem(m->p, TH_MIN(m->len, 256u), "\x2b\x06\x01\x05\x05\x02", 6))
        th_conn_service(c, TH_SVC_GSSAPI);
}

static void create_request(struct th_conn *c, struct message *m, struct th_smb_request *r)
{
    struct th_cur *b = &m->body;
    th_cur_skip(b, 40);
    uint32_t options = th_cur_le32(b);
    size_t offset = th_cur_le16(b), len = th_cur_le16(b);
    r->delete_on_close = (options & OPTION_DELETE_ON_CLOSE) != 0;
    if (!b->failed)
        th_smb_set_text(&r->name, text_at(c, m, offset, len));
}

static void set_info_request(struct th_conn *c, struct message *m, struct th_smb_request *r)
{
    struct th_cur *b = &m->body;
    th_cur_skip(b, 2);
    bool file_info = th_cur_u8(b) == 1;
    r->info_class = th_cur_u8(b);
    size_t len = th_cur_le32(b), offset = th_cur_le16(b);
    th_cur_skip(b, 6);
    read_fid(b, r->fid);
    struct th_cur info = at_offset(m, offset, len);
    r->info_class = r->info_class == INFO_RENAME_EX ? INFO_RENAME
        : r->info_class == INFO_DISPOSITION_EX      ? INFO_DISPOSITION
                                                    : r->info_class;
    if (b->failed || !file_info) {
        r->info_class = 0;
    } else if (r->info_class == INFO_RENAME) {
        th_cur_skip(&info, 16);
        struct th_str name = th_cur_bytes(&info, th_cur_le32(&info));
        th_smb_set_text(&r->name, th_utf16le(&c->pr->scratch, name));
    } else if (r->info_class == INFO_DISPOSITION) {
        r->delete_on_close = th_cur_u8(&info) & 1;
    }
}

static void write_request(struct th_smb *s, struct th_conn *c, struct message *m)
{
    uint8_t fid[16] = {0};
    struct th_cur *b = &m->body;
    th_cur_skip(b, 2);
    size_t offset = th_cur_le16(b), len = th_cur_le32(b);
    uint64_t place = th_cur_le64(b);
    read_fid(b, fid);
    struct th_smb_open *o = b->failed ? NULL : th_smb_open_find(s, fid);
    if (!o)
        return;
    struct th_cur bytes = at_offset(m, offset, len);
    th_smb_pipe(c, o, true, m->time_ns, &bytes, len);
    th_smb_bulk(s, c, o, true, m->time_ns, place, &bytes, len);
}

static void ioctl_request(
    struct th_smb *s, struct th_conn *c, struct message *m, struct th_smb_request *r)
{
    struct th_cur *b = &m->body;
    th_cur_skip(b, 4);
    uint32_t code = th_cur_le32(b);
    read_fid(b, r->fid);
    size_t offset = th_cur_le32(b), len = th_cur_le32(b);
    struct th_smb_open *o =
        !b->failed && code == CTL_PIPE_TRANSCEIVE ? th_smb_open_find(s, r->fid) : NULL;
    if (!o)
        return;
    struct th_cur bytes = at_offset(m, offset, len);
    th_smb_pipe(c, o, true, m->time_ns, &bytes, len);
}

static void request(struct th_smb *s, struct th_conn *c, struct message *m)
{
    if (m->command == CMD_SESSION_SETUP)
        look_for_token(s, c, m);
    if (m->command == CMD_WRITE) {
        write_request(s, c, m);
        return;
    }
    if (m->command == 0 || m->command > CMD_SET_INFO)
        return;
    struct th_smb_request *r = th_smb_request_add(s, m->id, m->command);
    struct th_cur *b = &m->body;
    r->tree = m->tree;
    r->time_ns = m->time_ns;
    switch (m->command) {
    case CMD_TREE_CONNECT: {
        th_cur_skip(b, 4);
        size_t offset = th_cur_le16(b), len = th_cur_le16(b);
        if (!b->failed)
            th_smb_set_text(&r->name, text_at(c, m, offset, len));
        return;
    }
    case CMD_CREATE: create_request(c, m, r); return;
    case CMD_CLOSE:
        th_cur_skip(b, 8);
        read_fid(b, r->fid);
        return;
    case CMD_READ:
        th_cur_skip(b, 8);
        r->offset = th_cur_le64(b);
        read_fid(b, r->fid);
        return;
    case CMD_IOCTL: ioctl_request(s, c, m, r); return;
    case CMD_SET_INFO: set_info_request(c, m, r); return;
    default: return;
    }
}

static void tree_response(
    struct th_smb *s, struct th_conn *c, struct message *m, const struct th_smb_request *r)
{
    static const char *const types[] = {[1] = "DISK", "PIPE", "PRINT"};
    th_cur_skip(&m->body, 2);
    unsigned type = th_cur_u8(&m->body);
    struct th_smb_tree *t = th_smb_tree_add(s, m->tree);
    t->type = type < TH_ARRAY_LEN(types) ? types[type] : NULL;
    th_smb_set_text(&t->path, th_smb_text(&r->name));
    th_smb_mapping(c, t, r->time_ns, m->time_ns);
}

static void create_response(
    struct th_smb *s, struct th_conn *c, struct message *m, const struct th_smb_request *r)
{
    uint8_t fid[16] = {0};
    struct th_cur *b = &m->body;
    th_cur_skip(b, 48);
    uint64_t size = th_cur_le64(b);
    th_cur_skip(b, 8);
    read_fid(b, fid);
    if (b->failed)
        return;
    struct th_smb_tree *t = th_smb_tree_find(s, r->tree);
    struct th_smb_open *o = th_smb_open_add(s, c, fid);
    th_smb_set_text(&o->name, th_smb_text(&r->name));
    if (t)
        th_smb_set_text(&o->path, th_smb_text(&t->path));
    o->pipe = (t && t->type && strcmp(t->type, "PIPE") == 0) ||
        (t && th_str_ends(th_smb_text(&t->path), "IPC$"));
    o->size = size;
    o->first_ns = r->time_ns;
    o->delete_on_close = r->delete_on_close;
    th_smb_file(c, o->pipe ? "SMB::PIPE_OPEN" : "SMB::FILE_OPEN", o, th_smb_text(&o->name),
        th_str_c(""), r->time_ns, m->time_ns);
}

static void set_info_response(
    struct th_smb *s, struct th_conn *c, struct message *m, const struct th_smb_request *r)
{
    struct th_smb_open *o = th_smb_open_find(s, r->fid);
    if (!o)
        return;
    if (r->info_class == INFO_DISPOSITION)
        o->delete_on_close = r->delete_on_close;
    if (r->info_class != INFO_RENAME)
        return;
    th_smb_file(c, "SMB::FILE_RENAME", o, th_smb_text(&r->name), th_smb_text(&o->name), r->time_ns,
        m->time_ns);
    th_smb_set_text(&o->name, th_smb_text(&r->name));
}

static void data_response(
    struct th_smb *s, struct th_conn *c, struct message *m, const struct th_smb_request *r)
{
    struct th_smb_open *o = th_smb_open_find(s, r->fid);
    struct th_cur *b = &m->body;
    size_t offset, len;
    if (m->command == CMD_READ) {
        th_cur_skip(b, 2);
        offset = th_cur_u8(b);
        th_cur_skip(b, 1);
        len = th_cur_le32(b);
    } else {
        th_cur_skip(b, 32);
        offset = th_cur_le32(b);
        len = th_cur_le32(b);
    }
    if (!o || b->failed)
        return;
    struct th_cur bytes = at_offset(m, offset, len);
    th_smb_pipe(c, o, false, m->time_ns, &bytes, len);
    if (m->command == CMD_READ)
        th_smb_bulk(s, c, o, false, m->time_ns, r->offset, &bytes, len);
}

static void session_response(struct th_smb *s, struct th_conn *c, struct message *m)
{
    look_for_token(s, c, m);
    if (m->status != (uint32_t)STATUS_MORE_PROCESSING)
        th_ntlm_outcome(s->ntlm, c, m->time_ns, m->status == STATUS_OK);
}

static void response(struct th_smb *s, struct th_conn *c, struct message *m)
{
    struct th_smb_request r;
    if (m->status == STATUS_PENDING)
        return;
    if (m->command == CMD_SESSION_SETUP)
        session_response(s, c, m);
    if (!th_smb_request_take(s, m->id, &r))
        return;
    bool ok = m->status == STATUS_OK && r.command == m->command;
    bool some = ok || (m->status == (uint32_t)STATUS_BUFFER_OVERFLOW && r.command == m->command);
    switch (m->command) {
    case CMD_TREE_CONNECT:
        if (ok)
            tree_response(s, c, m, &r);
        break;
    case CMD_CREATE:
        if (ok)
            create_response(s, c, m, &r);
        break;
    case CMD_CLOSE: {
        struct th_smb_open *o = ok ? th_smb_open_find(s, r.fid) : NULL;
        if (o)
            th_smb_open_close(s, c, o, true, m->time_ns);
        break;
    }
    case CMD_READ:
    case CMD_IOCTL:
        if (some)
            data_response(s, c, m, &r);
        break;
    case CMD_SET_INFO:
        if (ok)
            set_info_response(s, c, m, &r);
        break;
    default: break;
    }
    free(r.name.p);
}

/* Messages may be chained (MS-SMB2 3.2.4.1.4); each has its own header. */
void th_smb2_message(struct th_smb *s, struct th_conn *c, bool from_client, int64_t time_ns,
    const uint8_t *p, size_t len, size_t wire_len)
{
    (void)from_client;
    for (unsigned i = 0; i < MAX_CHAINED && len >= HEADER_BYTES; i++) {
        struct message m = {.p = p, .len = len, .wire_len = wire_len, .time_ns = time_ns};
        m.body = th_cur_init(p, len);
        struct th_cur *h = &m.body;
        th_cur_skip(h, 8);
        m.status = th_cur_le32(h);
        m.command = th_cur_le16(h);
        th_cur_skip(h, 2);
        uint32_t flags = th_cur_le32(h);
        uint32_t next = th_cur_le32(h);
        m.id = th_cur_le64(h);
        th_cur_skip(h, 4);
        m.tree = th_cur_le32(h);
        th_cur_skip(h, 24);
        if (memcmp(p + 1, "SMB", 3) != 0)
            return;
        if (next >= HEADER_BYTES && next <= len) {
            m.len = m.wire_len = next;
            m.body.end = p + next;
        }
        if (flags & FLAG_RESPONSE)
            response(s, c, &m);
        else
            request(s, c, &m);
        if (next < HEADER_BYTES || next >= len)
            return;
        p += next;
        len -= next;
        wire_len -= next;
    }
}
