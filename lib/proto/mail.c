/* SPDX-License-Identifier: Apache-2.0 */
#include "mail.h"

#include "base/buf.h"
#include "login.h"

#define HEADER_MAX_BYTES 2048u /* one, with its further lines */
#define BOUNDARY_MAX_BYTES 70u /* RFC 2046 5.1.1 */
#define DEPTH_MAX 5u

enum coding { PLAIN, BASE64, QUOTED };
enum where { IN_HEAD, IN_BODY, BETWEEN };

struct boundary {
    uint8_t len;
    char p[BOUNDARY_MAX_BYTES];
};

struct th_mail {
    struct th_conn *conn;
    enum th_service source;
    int dir;
    enum where where;
    bool top; /* the head is that of the mail itself */
    struct th_mail_head head;
    uint32_t header_len;
    char header[HEADER_MAX_BYTES];
    struct boundary boundary[DEPTH_MAX];
    unsigned depth;
    /* Of the part: */
    enum coding coding;
    bool text, mail, multipart, attached;
    struct th_text name;
    struct th_file *file;
    bool line_end; /* owed before the next line; the last one is the boundary's */
    uint32_t bits, bit_count;
};

struct th_mail *th_mail_new(struct th_conn *c, enum th_service source, int dir)
{
    struct th_mail *m = th_xcalloc(1, sizeof(*m));
    m->conn = c;
    m->source = source;
    m->dir = dir;
    m->top = true;
    m->text = true;
    return m;
}

const struct th_mail_head *th_mail_head(const struct th_mail *m)
{
    return &m->head;
}

static void begin_head(struct th_mail *m)
{
    m->where = IN_HEAD;
    m->header_len = 0;
    m->coding = PLAIN;
    m->text = true;
    m->mail = m->multipart = m->attached = false;
    m->name.len = 0;
}

/* ---- headers ---- */

/* RFC 2231 4: "utf-8''two%20words" */
static void extended_name(struct th_text *t, struct th_str s)
{
    th_str_split(&s, '\'');
    th_str_split(&s, '\'');
    t->len = 0;
    for (uint32_t i = 0; i < s.len && t->len < TH_TEXT_MAX; i++) {
        char hex[3] = {0};
        char ch = s.p[i];
        if (ch == '%' && i + 2 < s.len) {
            memcpy(hex, s.p + i + 1, 2);
            ch = (char)strtoul(hex, NULL, 16);
            i += 2;
        }
        t->p[t->len++] = ch;
    }
}

static void part_name(
    struct th_mail *m, struct th_str value, const char *plain, const char *extended)
{
    struct th_str name = th_line_parameter(value, plain);
    struct th_str other = th_line_parameter(value, extended);
    if (name.len)
        th_text_set(&m->name, name);
    else if (other.len)
        extended_name(&m->name, other);
}

static void content_type(struct th_mail *m, struct th_str value)
{
    struct th_str v, boundary = th_line_parameter(value, "boundary");
    m->text = th_line_after(value, "text/", &v);
    m->mail = th_line_after(value, "message/rfc822", &v);
    m->multipart = th_line_after(value, "multipart/", &v);
    if (!m->name.len)
        part_name(m, value, "name", "name*");
    if (!m->multipart || !boundary.len || boundary.len > BOUNDARY_MAX_BYTES ||
        m->depth == DEPTH_MAX)
        return;
    struct boundary *b = &m->boundary[m->depth++];
    b->len = (uint8_t)boundary.len;
    memcpy(b->p, boundary.p, boundary.len);
}

/* Addresses in brackets, as servers write whom they got it from. */
static void received(struct th_mail *m, struct th_str value)
{
    struct th_mail_head *h = &m->head;
    for (unsigned i = 0; i < 2; i++)
        if (!h->received[i].len) {
            th_text_set(&h->received[i], value);
            break;
        }
    while (value.len && h->path_count < TH_MAIL_PATH_MAX) {
        th_str_split(&value, '[');
        struct th_str inside = th_str_split(&value, ']'), v;
        if (th_line_after(inside, "ipv6:", &v))
            inside = v;
        h->path_count += th_addr_parse(inside, &h->path[h->path_count]);
    }
}

static void part_header(struct th_mail *m, struct th_str line)
{
    struct th_str v, word;
    if (th_line_after(line, "content-type:", &v)) {
        content_type(m, v);
    } else if (th_line_after(line, "content-disposition:", &v)) {
        m->attached = th_line_after(v, "attachment", &word);
        part_name(m, v, "filename", "filename*");
    } else if (th_line_after(line, "content-transfer-encoding:", &v)) {
        m->coding = th_str_ieq(v, th_str_c("base64"))     ? BASE64
            : th_str_ieq(v, th_str_c("quoted-printable")) ? QUOTED
                                                          : PLAIN;
    }
}

static void mail_header(struct th_mail *m, struct th_str line)
{
    struct th_mail_head *h = &m->head;
    const struct {
        const char *name;
        struct th_text *text;
    } texts[] = {{"from:", &h->from}, {"to:", &h->to}, {"cc:", &h->cc}, {"subject:", &h->subject},
        {"message-id:", &h->message_id}, {"reply-to:", &h->reply_to}, {"x-mailer:", &h->agent},
        {"user-agent:", &h->agent}, {"x-originating-ip:", &h->originating_ip}};
    struct th_str v;
    for (size_t i = 0; i < TH_ARRAY_LEN(texts); i++)
        if (th_line_after(line, texts[i].name, &v))
            th_text_set(texts[i].text, v);
    if (th_line_after(line, "received:", &v))
        received(m, v);
}

static void header_done(struct th_mail *m)
{
    struct th_str line = th_str_n(m->header, m->header_len);
    m->header_len = 0;
    if (!line.len)
        return;
    part_header(m, line);
    if (m->top)
        mail_header(m, line);
}

/* ---- bodies ---- */

static void end_part(struct th_mail *m, bool complete)
{
    if (m->file)
        th_file_end(m->file, complete);
    m->file = NULL;
}

static void begin_body(struct th_mail *m, int64_t time_ns)
{
    header_done(m);
    m->top = false;
    m->where = IN_BODY;
    m->line_end = false;
    m->bits = m->bit_count = 0;
    if (m->mail && !m->attached && m->coding == PLAIN) {
        begin_head(m); /* one mail inside of another */
        return;
    }
    bool worth = m->attached || m->name.len || !m->text;
    if (m->multipart || !worth || m->head.files == TH_MAIL_FILES_MAX)
        return;
    m->file = th_file_new(m->conn, m->source, m->dir, time_ns, m->depth);
    th_file_set_name(m->file, th_text_get(&m->name));
    memcpy(m->head.fuid[m->head.files++], th_file_uid(m->file), TH_FUID_LEN);
}

static void put(struct th_mail *m, int64_t time_ns, const char *p, size_t len)
{
    if (len)
        th_file_data(m->file, time_ns, (const uint8_t *)p, len);
}

static void put_base64(struct th_mail *m, int64_t time_ns, struct th_str line)
{
    char out[256]; /* a line has 76 characters, and what is here is cleared each time */
    size_t n = 0;
    uint32_t bits = m->bits, count = m->bit_count; /* not through m for each character */
    for (uint32_t i = 0; i < line.len; i++) {
        int v = th_base64_value(line.p[i]);
        if (v < 0)
            continue; /* padding, or what a reader skips (RFC 2045 6.8) */
        bits = bits << 6 | (uint32_t)v;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        out[n++] = (char)(bits >> count & 0xff);
        if (n == sizeof(out)) {
            put(m, time_ns, out, n);
            n = 0;
        }
    }
    m->bits = bits & 0xff;
    m->bit_count = count;
    put(m, time_ns, out, n);
}

static int hex_value(char ch)
{
    ch = th_lower(ch);
    return ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* RFC 2045 6.7. True: the line goes on. */
static bool put_quoted(struct th_mail *m, int64_t time_ns, struct th_str line)
{
    while (line.len && (line.p[line.len - 1] == ' ' || line.p[line.len - 1] == '\t'))
        line.len--;
    while (line.len) {
        const char *sign = memchr(line.p, '=', line.len);
        uint32_t plain = sign ? (uint32_t)(sign - line.p) : line.len;
        put(m, time_ns, line.p, plain);
        line = th_str_n(line.p + plain, line.len - plain);
        if (line.len == 1)
            return true;
        int high = line.len > 2 ? hex_value(line.p[1]) : -1;
        int low = line.len > 2 ? hex_value(line.p[2]) : -1;
        bool coded = high >= 0 && low >= 0;
        char byte = coded ? (char)(high << 4 | low) : '=';
        uint32_t taken = coded ? 3 : TH_MIN(line.len, 1u);
        put(m, time_ns, &byte, taken > 0);
        line = th_str_n(line.p + taken, line.len - taken);
    }
    return false;
}

static void body_line(struct th_mail *m, int64_t time_ns, struct th_str line)
{
    if (!m->file)
        return;
    if (m->coding == BASE64) {
        put_base64(m, time_ns, line);
        return;
    }
    if (m->line_end)
        put(m, time_ns, "\r\n", 2);
    m->line_end = true;
    if (m->coding == QUOTED)
        m->line_end = !put_quoted(m, time_ns, line);
    else
        put(m, time_ns, line.p, line.len);
}

/* A line that ends a part; inner ones that were left open end with it. */
static bool at_boundary(struct th_mail *m, struct th_str line)
{
    if (line.len < 3 || memcmp(line.p, "--", 2) != 0)
        return false;
    for (unsigned i = m->depth; i > 0; i--) {
        const struct boundary *b = &m->boundary[i - 1];
        if (line.len < 2u + b->len || memcmp(line.p + 2, b->p, b->len) != 0)
            continue;
        struct th_str rest = th_str_n(line.p + 2 + b->len, line.len - 2 - b->len);
        bool last = th_str_starts(rest, "--");
        if (!last && th_str_trim(rest).len)
            continue;
        end_part(m, true);
        m->depth = last ? i - 1 : i;
        begin_head(m);
        if (last)
            m->where = BETWEEN;
        return true;
    }
    return false;
}

void th_mail_line(struct th_mail *m, int64_t time_ns, struct th_str line)
{
    if (m->where == IN_HEAD) {
        if (!line.len) {
            begin_body(m, time_ns);
            return;
        }
        if (line.p[0] != ' ' && line.p[0] != '\t') {
            header_done(m);
        } else { /* goes on: with one space, whatever was there */
            line = th_str_trim(line);
            if (m->header_len && m->header_len < HEADER_MAX_BYTES)
                m->header[m->header_len++] = ' ';
        }
        uint32_t n = TH_MIN(line.len, HEADER_MAX_BYTES - m->header_len);
        memcpy(m->header + m->header_len, line.p, n);
        m->header_len += n;
        return;
    }
    if (!at_boundary(m, line) && m->where == IN_BODY)
        body_line(m, time_ns, line);
}

void th_mail_gap(struct th_mail *m, uint64_t len)
{
    if (m->file)
        th_file_gap(m->file, len);
}

void th_mail_end(struct th_mail *m, bool complete)
{
    if (m->where == IN_HEAD)
        header_done(m);
    end_part(m, complete);
    m->where = BETWEEN;
}

size_t th_mail_held(const struct th_mail *m)
{
    return m ? sizeof(*m) + (m->file ? TH_FILE_BYTES : 0) : 0;
}

void th_mail_free(struct th_mail *m)
{
    if (!m)
        return;
    end_part(m, false);
    free(m);
}
