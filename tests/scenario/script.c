/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include <libgen.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

#define MAX_EVENTS 2000000u
#define MAX_DEPTH 8u
#define MAX_WORDS 64u

struct reader {
    struct script *s;
    const char *path;
    struct th_str text;
    int line;
    int64_t now_ns;
    uint64_t turn[MAX_DEPTH + 1]; /* counts of the repeats around, innermost last */
    unsigned depth;
    uint64_t seed;
};

static int fail(const struct reader *r, const char *what, struct th_str word)
{
    fprintf(
        stderr, "%s:%d: %s: %.*s\n", r->path, r->line, what, (int)word.len, word.p ? word.p : "");
    return TH_E_CONFIG;
}

static uint64_t draw(struct reader *r)
{
    uint64_t h = th_mix64(++r->seed);
    for (unsigned i = 0; i <= r->depth; i++)
        h = th_hash_pair(h, r->turn[i]);
    return h;
}

static double draw_unit(struct reader *r)
{
    return (double)(draw(r) >> 11) / (double)(UINT64_C(1) << 53);
}

/* ---- words ---- */

/* Cuts the next word off; one in quotes, or with a part in quotes, keeps its blanks. */
static struct th_str next_word(struct th_str *line)
{
    *line = th_str_trim(*line);
    uint32_t n = 0;
    bool quoted = false;
    while (n < line->len && (quoted || line->p[n] != ' ')) {
        if (line->p[n] == '"')
            quoted = !quoted;
        n++;
    }
    struct th_str w = th_str_n(line->p, n);
    *line = th_str_n(line->p + n, line->len - n);
    return w;
}

static void put_letters(struct th_buf *out, uint64_t h)
{
    for (unsigned i = 0; i < 12; i++, h /= 26)
        th_buf_u8(out, (uint8_t)('a' + h % 26));
}

/* Replaces $i, $j, $w, $n and takes quotes away. */
static struct th_str expand(struct reader *r, struct th_str w)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    for (uint32_t i = 0; i < w.len; i++) {
        if (w.p[i] == '"')
            continue;
        if (w.p[i] != '$' || i + 1 == w.len) {
            th_buf_u8(&out, (uint8_t)w.p[i]);
            continue;
        }
        char c = w.p[++i];
        if (c == 'i' || c == 'j')
            th_buf_printf(&out, "%llu",
                (unsigned long long)r->turn[c == 'i' || !r->depth ? r->depth : r->depth - 1]);
        else if (c == 'h')
            th_buf_printf(&out, "%02x", (unsigned)(r->turn[r->depth] & 0xff));
        else if (c == '$')
            th_buf_u8(&out, '$');
        else if (c == 'n')
            th_buf_printf(&out, "%llu", (unsigned long long)(draw(r) % 100000));
        else
            put_letters(&out, draw(r));
    }
    return th_arena_str(&r->s->arena, th_buf_view(&out));
}

/* "90", "min" */
static bool span(struct th_str number, struct th_str unit, int64_t *ret)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {{"ms", TH_NS_PER_MS}, {"s", TH_NS_PER_S}, {"min", TH_NS_PER_MIN},
        {"h", TH_NS_PER_HOUR}, {"d", TH_NS_PER_DAY}};
    double v;
    for (size_t i = 0; i < TH_ARRAY_LEN(units); i++)
        if (th_str_is(unit, units[i].unit) && th_str_double(number, &v) && v >= 0 && v < 1e6) {
            *ret = (int64_t)(v * (double)units[i].ns);
            return true;
        }
    return false;
}

/* ---- events ---- */

static uint32_t count_parts(struct th_str v)
{
    uint32_t n = 1;
    for (uint32_t i = 0; i < v.len; i++)
        n += v.p[i] == ',';
    return n;
}

static bool set_list(struct reader *r, const struct th_field_info *f, void *at, struct th_str v)
{
    uint32_t n = count_parts(v);
    struct th_arena *a = &r->s->arena;
    struct th_str *s = th_arena_alloc(a, n * sizeof(*s));
    struct th_addr *addrs = th_arena_alloc(a, n * sizeof(*addrs));
    for (uint32_t i = 0; i < n; i++) {
        s[i] = th_str_split(&v, ',');
        if (f->type == TH_TYPE_ADDRS && !th_addr_parse(s[i], &addrs[i]))
            return false;
    }
    if (f->type == TH_TYPE_ADDRS)
        *(struct th_addrs *)at = (struct th_addrs){addrs, n};
    else
        *(struct th_strs *)at = (struct th_strs){s, n};
    return true;
}

static bool set_number(const struct th_field_info *f, void *at, struct th_str v)
{
    double d;
    if (f->type == TH_TYPE_BOOL) {
        *(bool *)at = th_str_is(v, "T");
        return th_str_is(v, "T") || th_str_is(v, "F");
    }
    if (!th_str_double(v, &d))
        return false;
    switch (f->type) {
    case TH_TYPE_COUNT: *(uint64_t *)at = (uint64_t)d; return d >= 0;
    case TH_TYPE_INT: *(int64_t *)at = (int64_t)d; return true;
    case TH_TYPE_PORT: *(uint16_t *)at = (uint16_t)d; return d >= 0 && d < 65536;
    case TH_TYPE_DOUBLE: *(double *)at = d; return true;
    case TH_TYPE_INTERVAL: *(int64_t *)at = (int64_t)(d * (double)TH_NS_PER_S); return true;
    default: return false;
    }
}

static bool set_field(struct reader *r, union th_any_event *ev, const char *zeek, struct th_str v)
{
    const struct th_kind_info *k = th_kind_get(ev->h.kind);
    int i = th_field_find(k, th_str_c(zeek));
    if (i < 0)
        return false;
    const struct th_field_info *f = &k->fields[i];
    void *at = (uint8_t *)ev + f->offset;
    bool ok;
    switch (f->type) {
    case TH_TYPE_STRING:
        *(struct th_str *)at = v;
        ok = true;
        break;
    case TH_TYPE_ADDR: ok = th_addr_parse(v, at); break;
    case TH_TYPE_MAC: ok = th_mac_parse(v, at); break;
    case TH_TYPE_STRINGS:
    case TH_TYPE_ADDRS: ok = set_list(r, f, at, v); break;
    case TH_TYPE_TIME:
        *(int64_t *)at = ev->h.time_ns;
        ok = true;
        break;
    default: ok = set_number(f, at, v); break;
    }
    ev->h.set |= UINT64_C(1) << i;
    return ok;
}

/* "10.0.0.5:443", "[2001:db8::1]:443", "10.0.0.5" */
static bool set_end(struct reader *r, union th_any_event *ev, bool orig, struct th_str w)
{
    struct th_str port = {0};
    struct th_str host = w;
    if (w.len && w.p[0] == '[') {
        int64_t end = th_str_index(w, ']');
        if (end < 0)
            return false;
        host = th_str_n(w.p + 1, (size_t)end - 1);
        if (w.len > end + 2)
            port = th_str_n(w.p + end + 2, w.len - (size_t)end - 2);
    } else if (th_str_index(w, ':') >= 0) {
        port = w;
        host = th_str_split(&port, ':');
    }
    if (!set_field(r, ev, orig ? "id.orig_h" : "id.resp_h", host))
        return false;
    return !port.len || set_field(r, ev, orig ? "id.orig_p" : "id.resp_p", port);
}

static int add_event(struct reader *r, int kind, struct th_str rest)
{
    struct script *s = r->s;
    union th_any_event *ev = th_arena_alloc(&s->arena, sizeof(*ev));
    struct th_str word = expand(r, next_word(&rest));
    if (s->event_count == MAX_EVENTS)
        return fail(r, "too many events", word);
    memset(ev, 0, sizeof(*ev));
    ev->h.kind = (uint16_t)kind;
    ev->h.time_ns = r->now_ns;
    ev->h.seq = s->event_count;
    set_field(r, ev, "ts", word);
    if (th_str_index(word, '=') < 0) {
        struct th_str arrow = next_word(&rest);
        struct th_str resp = expand(r, next_word(&rest));
        if (!th_str_is(arrow, ">") || !set_end(r, ev, true, word) || !set_end(r, ev, false, resp))
            return fail(r, "not an event's two ends", word);
        word = expand(r, next_word(&rest));
    }
    for (; word.len; word = expand(r, next_word(&rest))) {
        char name[40];
        struct th_str value = word;
        struct th_str field = th_str_split(&value, '=');
        snprintf(name, sizeof(name), "%.*s", (int)field.len, field.p);
        if (field.len == word.len || !set_field(r, ev, name, value))
            return fail(r, "not a field of this kind with its value", word);
    }
    if (s->event_count == s->event_cap) {
        s->event_cap = s->event_cap ? s->event_cap * 2 : 1024;
        s->events = th_xreallocarray(s->events, s->event_cap, sizeof(union th_any_event *));
    }
    s->events[s->event_count++] = ev;
    return 0;
}

/* ---- expectations ---- */

static void keep_expectation(struct script *s, const struct expectation *e)
{
    if (s->expect_count == s->expect_cap) {
        s->expect_cap = s->expect_cap ? s->expect_cap * 2 : 16;
        s->expect = th_xreallocarray(s->expect, s->expect_cap, sizeof(*s->expect));
    }
    s->expect[s->expect_count++] = *e;
}

static int add_group_expectation(struct reader *r, struct expectation *e, struct th_str rest)
{
    struct script *s = r->s;
    if (e->kind == EXPECT_GROUP)
        e->model = th_arena_str(&s->arena, next_word(&rest));
    struct th_str count = next_word(&rest);
    if (!th_str_u64(count, &e->count))
        return fail(r, "not a number", count);
    e->peer = th_arena_str(&s->arena, next_word(&rest));
    keep_expectation(s, e);
    return 0;
}

static int add_expectation(struct reader *r, struct th_str line, struct th_str rest)
{
    static const char *const words[] = {[EXPECT_BREACH] = "breach",
        [EXPECT_NONE] = "none",
        [EXPECT_TOLD] = "told",
        [EXPECT_PART] = "part",
        [EXPECT_TOP] = "top",
        [EXPECT_INCIDENTS] = "incidents",
        [EXPECT_GROUP] = "group",
        [EXPECT_GROUPS] = "groups"};
    struct script *s = r->s;
    struct expectation e = {.line = r->line, .text = th_arena_str(&s->arena, line)};
    struct th_str what = next_word(&rest);
    unsigned kind = 0;
    while (kind < TH_ARRAY_LEN(words) && !th_str_is(what, words[kind]))
        kind++;
    if (kind == TH_ARRAY_LEN(words))
        return fail(r, "unknown expectation", what);
    e.kind = (enum expect_kind)kind;
    if (e.kind >= EXPECT_GROUP)
        return add_group_expectation(r, &e, rest);
    if (e.kind <= EXPECT_PART)
        e.model = th_arena_str(&s->arena, next_word(&rest));
    struct th_str device = next_word(&rest);
    if (th_str_starts(device, "user:"))
        e.user = th_arena_str(&s->arena, th_str_n(device.p + 5, device.len - 5));
    else if (device.len && !th_addr_parse(device, &e.device))
        return fail(r, "not a device's address", device);
    e.has_device = device.len != 0;
    struct th_str last = next_word(&rest);
    if (e.kind == EXPECT_INCIDENTS && !th_str_u64(last, &e.count))
        return fail(r, "not a number", last);
    e.peer = th_arena_str(&s->arena, last);
    if (!e.has_device && e.kind != EXPECT_NONE)
        return fail(r, "of which device?", line);
    keep_expectation(s, &e);
    return 0;
}

/* ---- blocks ---- */

static int run_block(struct reader *r, struct th_str text, int first_line);

/* The text up to the brace that closes this block; *rest is moved behind it. */
static bool take_block(struct th_str *rest, int *lines, struct th_str *ret)
{
    const char *begin = rest->p;
    unsigned open = 1;
    while (rest->len) {
        const char *at = rest->p;
        struct th_str line = th_str_trim(th_str_split(rest, '\n'));
        ++*lines;
        if (line.len && line.p[0] == '#')
            continue;
        if (line.len && line.p[line.len - 1] == '{')
            open++;
        if (th_str_is(line, "}") && --open == 0) {
            *ret = th_str_n(begin, (size_t)(at - begin));
            return true;
        }
    }
    return false;
}

/* "repeat 60 every 60 s jitter 0.1 {" */
static int run_repeat(struct reader *r, struct th_str head, struct th_str *rest, int *line)
{
    uint64_t count;
    int64_t every;
    double jitter = 0;
    struct th_str body;
    struct th_str w = next_word(&head);
    int first = *line;
    if (!th_str_u64(w, &count))
        return fail(r, "not a number of turns", w);
    struct th_str number = (w = next_word(&head), next_word(&head));
    if (!th_str_is(w, "every") || !span(number, next_word(&head), &every))
        return fail(r, "\"every\" and a time are wanted", w);
    w = next_word(&head);
    if (th_str_is(w, "jitter")) {
        if (!th_str_double(next_word(&head), &jitter))
            return fail(r, "not a jitter", w);
        w = next_word(&head);
    }
    if (!th_str_is(w, "{") || !take_block(rest, line, &body))
        return fail(r, "the block is not closed", w);
    if (r->depth == MAX_DEPTH)
        return fail(r, "nested too deep", w);
    int64_t start = r->now_ns;
    int result = 0;
    r->depth++;
    for (uint64_t i = 0; i < count && result == 0; i++) {
        r->turn[r->depth] = i + 1;
        double shift = jitter * (2 * draw_unit(r) - 1);
        r->now_ns = start + (int64_t)(((double)i + shift) * (double)every);
        r->now_ns = TH_MAX(r->now_ns, start);
        result = run_block(r, body, first);
    }
    r->depth--;
    r->now_ns = start;
    return result;
}

static int run_file(struct reader *r, const char *path);

static int run_include(struct reader *r, struct th_str name)
{
    TH_AUTOFREE char *here = th_xstrdup(r->path);
    TH_AUTOFREE char *path = th_xasprintf("%s/%.*s", dirname(here), (int)name.len, name.p);
    struct reader inner = *r;
    inner.turn[0]++;
    int result = r->depth < MAX_DEPTH ? run_file(&inner, path) : fail(r, "nested too deep", name);
    r->now_ns = inner.now_ns;
    return result;
}

static int run_line(struct reader *r, struct th_str line, struct th_str *rest, int *number)
{
    struct th_str words = line;
    struct th_str first = next_word(&words);
    int64_t t;
    if (th_str_is(first, "at")) {
        if (!th_time_parse_rfc3339(next_word(&words), &r->now_ns))
            return fail(r, "not a time", line);
        return 0;
    }
    if (th_str_is(first, "wait")) {
        struct th_str n = next_word(&words);
        if (!span(n, next_word(&words), &t))
            return fail(r, "not a span of time", line);
        r->now_ns += t;
        return 0;
    }
    if (th_str_is(first, "mark")) {
        r->s->mark_ns = r->now_ns;
        return 0;
    }
    if (th_str_is(first, "include"))
        return run_include(r, next_word(&words));
    if (th_str_is(first, "repeat"))
        return run_repeat(r, words, rest, number);
    if (th_str_is(first, "expect"))
        return add_expectation(r, line, words);
    int kind = th_kind_find(first);
    return kind < 0 ? fail(r, "unknown word", first) : add_event(r, kind, words);
}

static int run_block(struct reader *r, struct th_str text, int first_line)
{
    int number = first_line;
    while (text.len) {
        struct th_str line = th_str_trim(th_str_split(&text, '\n'));
        r->line = ++number;
        if (!line.len || line.p[0] == '#')
            continue;
        int result = run_line(r, line, &text, &number);
        if (result < 0)
            return result;
    }
    return 0;
}

static int run_file(struct reader *r, const char *path)
{
    TH_AUTOFCLOSE FILE *f = fopen(path, "re");
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    char piece[4096];
    size_t n;
    r->path = path;
    if (!f)
        return fail(r, "cannot be read", th_str_c(path));
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        th_buf_put(&text, piece, n);
    return run_block(r, th_buf_view(&text), 0);
}

static int by_time(const void *a, const void *b)
{
    return th_event_cmp(*(struct th_event *const *)a, *(struct th_event *const *)b);
}

int script_load(const char *path, struct script *ret)
{
    struct reader r = {.s = ret, .path = path};
    *ret = (struct script){0};
    int result = run_file(&r, path);
    if (result == 0 && ret->event_count)
        qsort(ret->events, ret->event_count, sizeof(union th_any_event *), by_time);
    return result;
}

void script_done(struct script *s)
{
    th_arena_done(&s->arena);
    free(s->events);
    free(s->expect);
    *s = (struct script){0};
}
