/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read and written of a file over SMB. Bytes that follow each other from the file's begin
 * on become a `files` event with type, hash and entropy; who jumps about gets his bytes counted. Of
 * a message only its head is held (smb.c); the rest of a read or write is told here as it passes.
 */
#include "smb.h"

#include "base/mem.h"

static struct th_smb_way *way_of(struct th_smb_open *o, bool from_client)
{
    return &o->way[from_client ? 1 : 0];
}

static struct th_file *begin(
    struct th_conn *c, struct th_smb_open *o, bool from_client, int64_t time_ns)
{
    int dir = from_client ? c->client : !c->client;
    struct th_file *f = th_file_new(c, TH_SVC_SMB, dir, time_ns, 0);
    if (!from_client && o->size && !o->way[1].bytes)
        th_file_expect(f, o->size);
    th_file_set_name(f, th_smb_text(&o->name));
    return f;
}

/* Bytes at the place that was reached; a jump makes the file one with a hole. */
static void put(struct th_smb_way *w, int64_t time_ns, const uint8_t *p, size_t len)
{
    w->bytes += len;
    w->next += len;
    if (w->file)
        th_file_data(w->file, time_ns, p, len);
}

void th_smb_bulk(struct th_smb *s, struct th_conn *c, struct th_smb_open *o, bool from_client,
    int64_t time_ns, uint64_t offset, struct th_cur *bytes, uint64_t wire_len)
{
    struct th_smb_way *w = way_of(o, from_client);
    size_t len = th_cur_left(bytes);
    if (o->pipe || !wire_len)
        return;
    if (!w->file && !w->bytes)
        w->file = begin(c, o, from_client, time_ns);
    if (w->file && offset != w->next)
        th_file_gap(w->file, offset > w->next ? offset - w->next : 1);
    w->next = offset;
    put(w, time_ns, bytes->p, len);
    struct th_smb_rest *rest = &s->rest[from_client ? 1 : 0];
    memcpy(rest->fid, o->fid, sizeof(rest->fid));
    rest->left = wire_len > len ? wire_len - len : 0;
}

void th_smb_more(
    struct th_smb *s, bool from_client, int64_t time_ns, const uint8_t *p, uint64_t len)
{
    struct th_smb_rest *rest = &s->rest[from_client ? 1 : 0];
    uint64_t n = TH_MIN(len, rest->left);
    struct th_smb_open *o = n ? th_smb_open_find(s, rest->fid) : NULL;
    rest->left -= n;
    if (!o)
        return;
    struct th_smb_way *w = way_of(o, from_client);
    if (p) {
        put(w, time_ns, p, (size_t)n);
        return;
    }
    w->bytes += n;
    w->next += n;
    if (w->file)
        th_file_gap(w->file, n);
}

/* Ends a way's file and says what was done to it. */
static void end_way(
    struct th_conn *c, struct th_smb_open *o, bool written, bool closed, int64_t time_ns)
{
    struct th_smb_way *w = &o->way[written ? 1 : 0];
    struct th_ev_smb_files ev = {0};
    char fuid[TH_FUID_LEN];
    if (!w->bytes && !w->file)
        return;
    TH_CONN_ID(&ev, SMB_FILES, c, time_ns);
    TH_SET(&ev, SMB_FILES, action, th_str_c(written ? "SMB::FILE_WRITE" : "SMB::FILE_READ"));
    TH_SET_TEXT(&ev, SMB_FILES, path, th_smb_text(&o->path));
    TH_SET_TEXT(&ev, SMB_FILES, name, th_smb_text(&o->name));
    TH_SET(&ev, SMB_FILES, size, written ? w->bytes : o->size);
    TH_SET(&ev, SMB_FILES, bytes, w->bytes);
    if (w->file) {
        memcpy(fuid, th_file_uid(w->file), sizeof(fuid));
        TH_SET(&ev, SMB_FILES, fuid, th_str_n(fuid, sizeof(fuid) - 1));
        th_file_end(w->file, closed);
    }
    th_proto_emit(c->pr, &ev.h, time_ns);
    *w = (struct th_smb_way){0};
}

void th_smb_bulk_end(struct th_conn *c, struct th_smb_open *o, bool closed, int64_t time_ns)
{
    end_way(c, o, false, closed, time_ns);
    end_way(c, o, true, closed, time_ns);
}
