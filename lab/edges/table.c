/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "base/hash.h"

#define MAX_LINE 4096u

/* Numbers for keys, dense, in the order of their coming. */
struct numbers {
    uint64_t *key;
    uint32_t *number; /* + 1; 0: free */
    uint32_t cap, used;
};

static void numbers_done(struct numbers *n)
{
    free(n->key);
    free(n->number);
}

static uint32_t place(const struct numbers *n, uint64_t key)
{
    uint32_t i = (uint32_t)th_mix64(key) & (n->cap - 1);
    while (n->number[i] != 0 && n->key[i] != key)
        i = (i + 1) & (n->cap - 1);
    return i;
}

static void grow(struct numbers *n)
{
    struct numbers old = *n;
    n->cap = old.cap ? old.cap * 2 : 1024;
    n->key = th_xcalloc(n->cap, sizeof *n->key);
    n->number = th_xcalloc(n->cap, sizeof *n->number);
    for (uint32_t i = 0; i < old.cap; i++) {
        if (old.number[i] == 0)
            continue;
        uint32_t at = place(n, old.key[i]);
        n->key[at] = old.key[i];
        n->number[at] = old.number[i];
    }
    numbers_done(&old);
}

static uint32_t number_of(struct numbers *n, uint64_t key)
{
    if (n->used >= n->cap / 2)
        grow(n);
    uint32_t at = place(n, key);
    if (n->number[at] == 0) {
        n->key[at] = key;
        n->number[at] = ++n->used;
    }
    return n->number[at] - 1;
}

struct reader {
    struct edges_table *t;
    struct numbers nodes, edges;
    int32_t last;
};

static bool digits(struct th_str s, unsigned at, unsigned n, int32_t *ret)
{
    int32_t v = 0;
    for (unsigned i = at; i < at + n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (s.p[i] - '0');
    }
    *ret = v;
    return true;
}

/* Days since 1970 of the Gregorian calendar, counted in years that begin in March. */
static int32_t days_of(int32_t year, int32_t month, int32_t day)
{
    int32_t y = month > 2 ? year : year - 1;
    int32_t m = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
}

bool edges_minute_parse(struct th_str s, int32_t *ret)
{
    int64_t number;
    if (th_str_i64(s, &number)) {
        if (number < 0 || number > INT32_MAX)
            return false;
        *ret = (int32_t)number;
        return true;
    }
    int32_t month;
    int32_t day;
    int32_t year;
    int32_t hour;
    int32_t minute;
    if (s.len != 16 || s.p[2] != '/' || s.p[5] != '/' || s.p[10] != '-' || s.p[13] != ':' ||
        !digits(s, 0, 2, &month) || !digits(s, 3, 2, &day) || !digits(s, 6, 4, &year) ||
        !digits(s, 11, 2, &hour) || !digits(s, 14, 2, &minute))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31 || year < 1970 || year > 3000 || hour > 23 ||
        minute > 59)
        return false;
    *ret = (days_of(year, month, day) * 24 + hour) * 60 + minute;
    return true;
}

static uint64_t text_key(struct th_str s)
{
    static const struct th_hash_key key = {0x6564676573, 0x7461626c65};
    return th_siphash(&key, s.p, s.len);
}

static int label_of(struct edges_table *t, struct th_str text, uint32_t *ret)
{
    for (uint32_t i = 0; i < t->labels; i++) {
        if (th_str_is(text, t->label[i])) {
            *ret = i;
            return 0;
        }
    }
    if (t->labels == EDGES_MAX_LABELS)
        return TH_E_LIMIT;
    t->label[t->labels] = th_xasprintf("%.*s", (int)text.len, text.p);
    *ret = t->labels++;
    return 0;
}

static int take_line(struct reader *r, struct th_str line)
{
    struct edges_table *t = r->t;
    struct th_str rest = line;
    struct th_str src = th_str_split(&rest, ',');
    struct th_str dst = th_str_split(&rest, ',');
    struct th_str minute = th_str_split(&rest, ',');
    struct th_str label = th_str_trim(rest);
    struct edges_row row = {0};
    if (src.len == 0 || dst.len == 0 || label.len == 0 || !edges_minute_parse(minute, &row.minute))
        return TH_E_MALFORMED;
    if (t->rows > 0 && row.minute < r->last)
        return TH_E_MALFORMED;
    if (t->rows == EDGES_MAX_ROWS)
        return TH_E_LIMIT;
    int err = label_of(t, label, &row.label);
    if (err < 0)
        return err;
    t->ticks += t->rows == 0 || row.minute != r->last;
    r->last = row.minute;
    row.tick = t->ticks;
    row.src = number_of(&r->nodes, text_key(src));
    row.dst = number_of(&r->nodes, text_key(dst));
    row.edge = number_of(&r->edges, (uint64_t)row.src << 32 | row.dst);
    if (t->rows == t->room) {
        t->room = t->room ? t->room * 2 : 4096;
        t->row = th_xreallocarray(t->row, t->room, sizeof *t->row);
    }
    t->row[t->rows++] = row;
    return 0;
}

static int read_all(struct reader *r, struct th_stream *in, uint64_t *ret_line)
{
    struct th_str line;
    int got;
    uint64_t number = 0;
    while ((got = th_stream_line(in, MAX_LINE, &line)) > 0) {
        number++;
        line = th_str_trim(line);
        if (line.len == 0 || (number == 1 && th_str_starts(line, "src,")))
            continue;
        int err = take_line(r, line);
        if (err < 0) {
            *ret_line = number;
            return err;
        }
    }
    *ret_line = got == TH_E_LIMIT ? number + 1 : 0;
    return got;
}

int edges_table_read(struct th_stream *in, struct edges_table **ret, uint64_t *ret_line)
{
    struct reader r = {.t = th_xcalloc(1, sizeof(struct edges_table))};
    r.t->label[0] = th_xstrdup("-");
    r.t->labels = 1;
    int err = read_all(&r, in, ret_line);
    r.t->nodes = r.nodes.used;
    r.t->edges = r.edges.used;
    numbers_done(&r.nodes);
    numbers_done(&r.edges);
    if (err < 0) {
        edges_table_free(r.t);
        return err;
    }
    *ret = r.t;
    return 0;
}

void edges_table_free(struct edges_table *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->labels; i++)
        free(t->label[i]);
    free(t->row);
    free(t);
}
