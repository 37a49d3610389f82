/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <math.h>

#include "crypto/hash.h"

#define HEAD_BYTES 512u        /* the type is read off these */
#define ENTROPY_BYTES 4096u    /* and the entropy off these */
#define ENTROPY_MIN_BYTES 256u /* of fewer it says nothing */
#define NAME_MAX_BYTES 255u

struct th_file {
    struct th_conn *conn;
    int64_t first_ns, last_ns;
    uint64_t depth, seen, missing, total;
    struct th_digest sha256;
    const char *mime;
    enum th_service source;
    uint16_t head_len, counted;
    uint16_t counts[256];
    uint8_t name_len;
    bool has_total, too_large, encoded, private, mime_known;
    int dir;
    char fuid[TH_FUID_LEN];
    char name[NAME_MAX_BYTES];
    uint8_t head[HEAD_BYTES];
};
_Static_assert(sizeof(struct th_file) <= TH_FILE_BYTES, "what the memory cap counts");

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

void th_file_private(struct th_file *f)
{
    f->private = true;
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

static void count(struct th_file *f, const uint8_t *p, size_t len)
{
    size_t n = TH_MIN(len, (size_t)(ENTROPY_BYTES - f->counted));
    size_t i = 0;
    for (; n - i >= 8; i += 8) { /* one read of memory for eight bytes */
        uint64_t v;
        memcpy(&v, p + i, sizeof(v));
        for (unsigned k = 0; k < 64; k += 8)
            f->counts[v >> k & 0xff]++;
    }
    for (; i < n; i++)
        f->counts[p[i]]++;
    f->counted = (uint16_t)(f->counted + n);
}

/* Shannon's, in bits a byte: 8 for what is encrypted, 4 to 5 for text; in thousandths, which are
 * the same with every mathematical library. */
static double entropy(const struct th_file *f)
{
    uint16_t alike[64] = {0}; /* bytes that are as frequent share a logarithm; most are rare */
    double sum = 0;
    for (unsigned i = 0; i < TH_ARRAY_LEN(f->counts); i++) {
        uint16_t n = f->counts[i];
        if (n < TH_ARRAY_LEN(alike))
            alike[n]++;
        else
            sum += n * log2(n);
    }
    for (unsigned n = 2; n < TH_ARRAY_LEN(alike); n++)
        sum += alike[n] ? alike[n] * (n * log2(n)) : 0;
    return round((log2(f->counted) - sum / f->counted) * 1000) / 1000;
}

void th_file_data(struct th_file *f, int64_t time_ns, const uint8_t *p, size_t len)
{
    if (!f->mime_known && !f->encoded && !f->missing)
        look(f, p, len);
    if (!f->encoded && f->counted < ENTROPY_BYTES)
        count(f, p, len);
    f->seen += len;
    f->last_ns = TH_MAX(f->last_ns, time_ns);
    f->too_large = f->too_large || f->seen > f->conn->pr->max_hash_bytes;
    if (!f->too_large && !f->encoded && !f->private && !f->missing)
        th_digest_update(&f->sha256, p, len);
}

void th_file_gap(struct th_file *f, uint64_t len)
{
    f->missing += len;
}

static void set_hash(struct th_file *f, struct th_ev_files *ev, bool complete, char hex[])
{
    const char *skipped = f->private ? "private"
        : f->missing                 ? "gap"
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

static const char *source_name(enum th_service source)
{
    switch (source) {
    case TH_SVC_HTTP: return "HTTP";
    case TH_SVC_SMTP: return "SMTP";
    case TH_SVC_POP3: return "POP3";
    case TH_SVC_IMAP: return "IMAP";
    case TH_SVC_TFTP: return "TFTP";
    case TH_SVC_FTP_DATA: return "FTP_DATA";
    default: return "SMB";
    }
}

void th_file_end(struct th_file *f, bool complete)
{
    struct th_ev_files ev = {0};
    struct th_conn *c = f->conn;
    char hex[2 * TH_SHA256_LEN + 1];
    const char *mime = th_file_mime(f);
    complete = f->has_total ? f->seen + f->missing == f->total : complete;
    TH_CONN_ID(&ev, FILES, c, f->first_ns);
    TH_SET(&ev, FILES, fuid, th_str_n(f->fuid, TH_FUID_LEN - 1));
    TH_SET(&ev, FILES, tx_hosts, (struct th_addrs){&c->flow->addr[f->dir], 1});
    TH_SET(&ev, FILES, rx_hosts, (struct th_addrs){&c->flow->addr[!f->dir], 1});
    TH_SET(&ev, FILES, source, th_str_c(source_name(f->source)));
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
    if (f->counted >= ENTROPY_MIN_BYTES)
        TH_SET(&ev, FILES, entropy, entropy(f));
    set_hash(f, &ev, complete, hex);
    th_proto_emit(c->pr, &ev.h, f->last_ns);
    free(f);
}
