/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include "crypto/hash.h"

#define HEAD_BYTES 512u /* the type is read off these */
#define NAME_MAX_BYTES 255u

struct th_file {
    struct th_conn *conn;
    int64_t first_ns, last_ns;
    uint64_t depth, seen, missing, total;
    struct th_digest sha256;
    const char *mime;
    enum th_service source;
    uint16_t head_len;
    uint8_t name_len;
    bool has_total, too_large, encoded, mime_known;
    int dir;
    char fuid[TH_FUID_LEN];
    char name[NAME_MAX_BYTES];
    uint8_t head[HEAD_BYTES];
};

void th_fuid(struct th_conn *c, char out[TH_FUID_LEN])
{
    uint8_t seed[TH_UID_LEN + 4];
    memcpy(seed, c->flow->uid, TH_UID_LEN);
    for (int i = 0; i < 4; i++)
        seed[TH_UID_LEN + i] = (uint8_t)(c->files >> 8 * i);
    c->files++;
    th_id_text('F', th_siphash(&c->pr->key, seed, sizeof(seed)), out);
}

struct th_file *th_file_new(
    struct th_conn *c, enum th_service source, int dir, int64_t time_ns, uint64_t depth)
{
    struct th_file *f = th_xmalloc(sizeof(*f));
    memset(f, 0, offsetof(struct th_file, name));
    f->conn = c;
    f->source = source;
    f->dir = dir;
    f->first_ns = f->last_ns = time_ns;
    f->depth = depth;
    th_digest_init(&f->sha256, TH_DIGEST_SHA256);
    th_fuid(c, f->fuid);
    return f;
}

void th_file_expect(struct th_file *f, uint64_t total_bytes)
{
    f->has_total = true;
    f->total = total_bytes;
    f->too_large = f->too_large || total_bytes > f->conn->pr->max_hash_bytes;
}

void th_file_set_name(struct th_file *f, struct th_str name)
{
    f->name_len = (uint8_t)TH_MIN(name.len, NAME_MAX_BYTES);
    if (f->name_len)
        memcpy(f->name, name.p, f->name_len);
}

void th_file_encoded(struct th_file *f)
{
    f->encoded = true;
}

const char *th_file_uid(const struct th_file *f)
{
    return f->fuid;
}

const char *th_file_mime(struct th_file *f)
{
    if (!f->mime_known && f->head_len && !f->encoded)
        f->mime = th_mime_guess(f->head, f->head_len);
    return f->mime;
}

static void look(struct th_file *f, const uint8_t *p, size_t len)
{
    if (!f->head_len && len >= HEAD_BYTES) {
        f->mime = th_mime_guess(p, len);
        f->mime_known = true;
        return;
    }
    size_t n = TH_MIN(len, HEAD_BYTES - f->head_len);
    memcpy(f->head + f->head_len, p, n);
    f->head_len = (uint16_t)(f->head_len + n);
    if (f->head_len == HEAD_BYTES) {
        f->mime = th_mime_guess(f->head, HEAD_BYTES);
        f->mime_known = true;
    }
}

void th_file_data(struct th_file *f, int64_t time_ns, const uint8_t *p, size_t len)
{
    if (!f->mime_known && !f->encoded && !f->missing)
        look(f, p, len);
    f->seen += len;
    f->last_ns = TH_MAX(f->last_ns, time_ns);
    f->too_large = f->too_large || f->seen > f->conn->pr->max_hash_bytes;
    if (!f->too_large && !f->encoded && !f->missing)
        th_digest_update(&f->sha256, p, len);
}

void th_file_gap(struct th_file *f, uint64_t len)
{
    f->missing += len;
}

static void set_hash(struct th_file *f, struct th_ev_files *ev, bool complete, char hex[])
{
    const char *skipped = f->missing ? "gap"
        : f->too_large               ? "size"
        : f->encoded                 ? "encoded"
        : !complete                  ? "cut"
                                     : NULL;
    if (skipped) {
        TH_SET(ev, FILES, hash_skipped, th_str_c(skipped));
        return;
    }
    uint8_t digest[TH_DIGEST_MAX_LEN];
    th_digest_final(&f->sha256, digest);
    th_hex(digest, TH_SHA256_LEN, hex);
    TH_SET(ev, FILES, sha256, th_str_n(hex, 2 * TH_SHA256_LEN));
}

void th_file_end(struct th_file *f, bool complete)
{
    struct th_ev_files ev = {0};
    struct th_conn *c = f->conn;
    char hex[2 * TH_SHA256_LEN + 1];
    const char *mime = th_file_mime(f);
    TH_CONN_ID(&ev, FILES, c, f->first_ns);
    TH_SET(&ev, FILES, fuid, th_str_n(f->fuid, TH_FUID_LEN - 1));
    TH_SET(&ev, FILES, tx_hosts, (struct th_addrs){&c->flow->addr[f->dir], 1});
    TH_SET(&ev, FILES, rx_hosts, (struct th_addrs){&c->flow->addr[!f->dir], 1});
    TH_SET(&ev, FILES, source, th_str_c(f->source == TH_SVC_HTTP ? "HTTP" : "SMB"));
    TH_SET(&ev, FILES, depth, f->depth);
    if (mime)
        TH_SET(&ev, FILES, mime_type, th_str_c(mime));
    TH_SET_TEXT(&ev, FILES, filename, th_str_n(f->name, f->name_len));
    TH_SET(&ev, FILES, duration, f->last_ns - f->first_ns);
    TH_SET(&ev, FILES, local_orig, c->pr->is_local(c->pr->arg, &c->flow->addr[f->dir]));
    TH_SET(&ev, FILES, is_orig, f->dir == 0);
    TH_SET(&ev, FILES, seen_bytes, f->seen);
    if (f->has_total)
        TH_SET(&ev, FILES, total_bytes, f->total);
    TH_SET(&ev, FILES, missing_bytes, f->missing);
    TH_SET(&ev, FILES, timedout, !complete);
    set_hash(f, &ev, complete && (!f->has_total || f->seen == f->total), hex);
    th_proto_emit(c->pr, &ev.h, f->last_ns);
    free(f);
}
