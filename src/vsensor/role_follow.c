/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role follow: logs of Suricata, while it writes them, to events, which it gives to the link role
 * as capture does. Its parent opens the logs, and each file that takes a log's place (logs.h); this
 * role opens nothing, and writes nothing but the book of how far it came.
 *
 * It works in turns (follow_book.h): what is new of one log is read, becomes frames, is written
 * down, and then the frames leave. When it starts it does anew the turns whose frames link may not
 * have, with the same frames, and before them, quietly, those of the last minute, so that what was
 * held back (a question without its answer) is held again.
 *
 * Descriptors: parent, link, "book", "log.N" (of each log several, the oldest first, or none).
 */
#include "role_follow.h"

#include <jansson.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "clock.h"
#include "config.h"
#include "crypto/random.h"
#include "flowlog/eve.h"
#include "follow_book.h"
#include "follow_lag.h"
#include "follow_log.h"
#include "logs.h"
#include "messages.h"
#include "options.h"
#include "outlet.h"
#include "priv/priv.h"
#include "role_args.h"
#include "status.h"

static const int64_t look_ns = 500 * TH_NS_PER_MS;
static const int64_t heartbeat_ns = 5 * TH_NS_PER_S;
static const int64_t status_ns = TH_NS_PER_S;
static const int64_t retry_ns = TH_NS_PER_S;             /* a book that cannot be written */
static const int64_t missing_after_ns = 5 * TH_NS_PER_S; /* a rotation has a moment without one */
static const int64_t farewell_ns = 3 * TH_NS_PER_S;
static const int64_t margin_ns = 2 * TH_NS_PER_S;  /* events are complete so much later than seen */
static const int64_t rewind_ns = 75 * TH_NS_PER_S; /* nothing is held for so long (eve.c) */
static const int64_t ahead_ns = TH_NS_PER_MIN;     /* a clock that is off by more tells nothing */
static const int64_t oldest_ns = TH_NS_PER_DAY;
static const size_t max_waiting_bytes = 32u << 20;
static const size_t max_unsaved = 768; /* turns; the rest of the book is for the minute before */
static const uint64_t stale = 256;     /* turns after which a log that stands still is told again */

enum { LINK };
static const char *const edge_names[] = {"link"};
static const struct th_hash_key no_key = {0};

struct follow;

struct log {
    struct follow *of;
    const char *path;
    uint64_t id;
    struct th_follow_log *files;
    struct th_eve *eve;
    struct th_sink sink;
    bool at_end;           /* at the last look there was no more */
    uint64_t serial;       /* of its latest turn */
    int64_t there_ns;      /* monotonic: when there was a file last */
    uint64_t told_emptied; /* how often it was, as far as that was told */
};

struct follow {
    struct th_subnet exclude[TH_VSENSOR_MAX_NETS];
    size_t exclude_count;
    struct log logs[TH_LOGS_MAX];
    size_t count;
    struct th_edges *edges;
    struct th_outlet *outlet;
    struct th_book *book;
    struct th_follow_lag lag;
    struct th_follow_turn turn; /* that is done now */
    bool quiet;                 /* its events were told before */
    bool unwritten;             /* it is done, and not in the book: its frames wait */
    int book_error;
    uint64_t seq, events, excluded, strange, cuts, repeated;
    int64_t until_ns;
    int64_t wall_ns; /* of this turn; does not go back */
    int64_t missed_from_ns, missed_to_ns;
    int64_t look_at_ns, beat_at_ns, status_at_ns, retry_at_ns; /* monotonic */
    uint64_t told_bad, told_cuts;
    struct th_status_told missing_told, bad_told, cut_told, book_told;
};

/* ---- events ---- */

static bool is_excluded(const struct follow *c, const struct th_event *ev)
{
    static const char *const names[] = {"id.orig_h", "id.resp_h"};
    const struct th_kind_info *kind = th_kind_get(ev->kind);
    for (size_t i = 0; c->exclude_count && i < TH_ARRAY_LEN(names); i++) {
        int f = th_field_find(kind, th_str_c(names[i]));
        if (f < 0 || !(ev->set >> f & 1))
            continue;
        for (size_t k = 0; k < c->exclude_count; k++)
            if (th_subnet_has(&c->exclude[k], th_event_field(ev, &kind->fields[f])))
                return true;
    }
    return false;
}

/* The time in the log: the clock's while it is followed, that of its lines while it is behind. */
static int64_t time_of(const struct log *g, int64_t clock_ns, bool live)
{
    return live ? clock_ns : TH_MIN(clock_ns, th_eve_line_ns(g->eve));
}

/* The reader's sink. */
static int take_event(void *arg, const struct th_event *ev)
{
    struct log *g = arg;
    struct follow *c = g->of;
    union th_any_event copy;
    if (c->quiet)
        return 0;
    int64_t now_ns = time_of(g, c->turn.clock_ns, c->turn.live);
    if (th_time_sub(ev->time_ns, c->turn.clock_ns) > ahead_ns ||
        th_time_sub(now_ns, ev->time_ns) > oldest_ns) {
        c->strange++;
        return 0;
    }
    if (is_excluded(c, ev)) {
        c->excluded++;
        return 0;
    }
    th_follow_lag_note(&c->lag, c->turn.clock_ns, th_time_sub(now_ns, ev->time_ns));
    memcpy(&copy, ev, th_kind_get(ev->kind)->size_bytes);
    copy.h.seq = c->seq++;
    c->events++;
    return th_outlet_put(c->outlet, &copy.h);
}

/* The log's reader of lines. */
static int take_line(void *arg, struct th_str line, bool too_long)
{
    struct log *g = arg;
    struct th_flowlog_lines *lines = th_eve_lines(g->eve);
    if (!too_long)
        return th_eve_line(g->eve, line);
    lines->lines++;
    th_flowlog_bad(lines, "longer than 1 MiB", th_str_c(""));
    return 0;
}

static uint64_t bit_of(const struct follow *c, const struct log *g)
{
    return UINT64_C(1) << (g - c->logs);
}

static int advance(struct follow *c, uint64_t logs, int64_t to_ns)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->count; i++)
        if (logs >> i & 1)
            r = th_eve_advance(c->logs[i].eve, to_ns);
    return r;
}

/* ---- turns ---- */

static int64_t complete_until(const struct follow *c)
{
    int64_t least_ns = c->turn.clock_ns;
    for (size_t i = 0; i < c->count; i++)
        least_ns = TH_MIN(least_ns, time_of(&c->logs[i], least_ns, c->logs[i].at_end));
    least_ns = th_time_sub(least_ns, margin_ns + th_follow_lag_ns(&c->lag));
    return TH_MAX(c->until_ns, least_ns);
}

/* Into the book: only then may the frames leave. */
static void write_down(struct follow *c, int64_t now_ns)
{
    c->book_error = th_book_add(c->book, &c->turn);
    c->unwritten = c->book_error < 0;
    c->retry_at_ns = now_ns + retry_ns;
    for (size_t i = 0; i < c->count; i++)
        if (!c->unwritten && c->logs[i].id == c->turn.log)
            c->logs[i].serial = th_book_turn(c->book, th_book_count(c->book) - 1)->serial;
}

/* What was read and let pass becomes frames. */
static int finish_turn(struct follow *c, bool beat, int64_t now_ns)
{
    struct th_outlet_counts counts;
    bool missed = c->missed_to_ns != 0;
    if (missed)
        th_outlet_missed(c->outlet, c->missed_from_ns, c->missed_to_ns);
    c->turn.missed_from_ns = c->missed_from_ns;
    c->turn.missed_to_ns = c->missed_to_ns;
    c->missed_from_ns = c->missed_to_ns = 0;
    c->turn.until_ns = c->until_ns = complete_until(c);
    int r = th_outlet_flush(c->outlet, c->until_ns, beat || missed);
    th_outlet_counts(c->outlet, &counts);
    c->turn.number = (uint32_t)counts.last;
    c->turn.saved = (uint32_t)counts.saved;
    c->turn.seq = c->seq;
    c->beat_at_ns = now_ns + heartbeat_ns;
    write_down(c, now_ns);
    return r;
}

static void note_gap(struct follow *c, int64_t from_ns, int64_t to_ns)
{
    bool any = c->missed_to_ns != 0;
    c->missed_from_ns = any ? TH_MIN(c->missed_from_ns, from_ns) : TH_MIN(from_ns, to_ns);
    c->missed_to_ns = TH_MAX(c->missed_to_ns, to_ns);
}

/* A file that was emptied may have had lines that nobody read. */
static void note_emptied(struct follow *c, struct log *g)
{
    struct th_follow_counts counts;
    th_follow_log_counts(g->files, &counts);
    if (counts.emptied == g->told_emptied)
        return;
    c->cuts += counts.emptied - g->told_emptied;
    g->told_emptied = counts.emptied;
    note_gap(c, th_time_sub(c->wall_ns, look_ns), c->wall_ns);
}

/* What is new of one log. With `always` it is a turn also without anything. */
static int read_log(struct follow *c, struct log *g, bool always, int64_t now_ns)
{
    const struct th_follow_reader to = {.line = take_line, .arg = g};
    c->turn = (struct th_follow_turn){
        .log = g->id, .clock_ns = c->wall_ns, .live = g->at_end, .flows = th_eve_has_flows(g->eve)};
    int r = th_follow_log_read(g->files, &to, now_ns, &c->turn.span);
    note_emptied(c, g);
    g->at_end = th_follow_log_at_end(g->files);
    if (r < 0 || (r == 0 && !always))
        return r;
    c->turn.advanced = bit_of(c, g);
    c->turn.advanced_ns = time_of(g, c->wall_ns, g->at_end);
    r = advance(c, c->turn.advanced, c->turn.advanced_ns);
    return r < 0 ? r : finish_turn(c, false, now_ns);
}

/* Nothing was read: time passes. */
static int beat(struct follow *c, int64_t now_ns)
{
    c->turn =
        (struct th_follow_turn){.clock_ns = c->wall_ns, .advanced_ns = c->wall_ns, .live = true};
    for (size_t i = 0; i < c->count; i++)
        if (c->logs[i].at_end)
            c->turn.advanced |= bit_of(c, &c->logs[i]);
    int r = advance(c, c->turn.advanced, c->turn.advanced_ns);
    return r < 0 ? r : finish_turn(c, true, now_ns);
}

/* Link has to have the older turns before there are more. */
static bool must_wait(const struct follow *c)
{
    struct th_outlet_counts counts;
    size_t n = th_book_count(c->book);
    th_outlet_counts(c->outlet, &counts);
    return c->unwritten || th_outlet_full(c->outlet) ||
        (n > max_unsaved && th_book_turn(c->book, n - max_unsaved)->number > counts.saved);
}

static uint64_t last_serial(const struct follow *c)
{
    size_t n = th_book_count(c->book);
    return n ? th_book_turn(c->book, n - 1)->serial : 0;
}

static int look(struct follow *c, int64_t now_ns)
{
    int r = 0;
    bool behind = false;
    c->wall_ns = TH_MAX(c->wall_ns, th_clock_ns(CLOCK_REALTIME));
    for (size_t i = 0; r == 0 && i < c->count && !must_wait(c); i++) {
        struct log *g = &c->logs[i];
        r = read_log(c, g, g->serial + stale < last_serial(c), now_ns);
        behind |= !g->at_end;
    }
    if (r == 0 && now_ns >= c->beat_at_ns && !must_wait(c))
        r = beat(c, now_ns);
    c->look_at_ns = now_ns + (behind && !must_wait(c) ? TH_NS_PER_MS : look_ns);
    return r;
}

/* ---- status ---- */

static uint64_t bad_lines(const struct follow *c)
{
    uint64_t sum = 0;
    struct th_follow_counts counts;
    for (size_t i = 0; i < c->count; i++) {
        th_follow_log_counts(c->logs[i].files, &counts);
        sum += th_eve_lines(c->logs[i].eve)->bad_lines + counts.torn;
    }
    return sum;
}

/* The first log that has no file for some time, or NULL. */
static const struct log *missing(struct follow *c, int64_t now_ns, uint64_t *ret_count)
{
    const struct log *first = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct log *g = &c->logs[i];
        if (th_follow_log_is_there(g->files))
            g->there_ns = now_ns;
        if (now_ns - g->there_ns < missing_after_ns)
            continue;
        ++*ret_count;
        first = first ? first : g;
    }
    return first;
}

static void put_problems(struct follow *c, struct th_json *j, int64_t now_ns)
{
    char text[512];
    uint64_t bad = bad_lines(c), gone;
    const struct log *first = missing(c, now_ns, &gone);
    th_json_key(j, "problems");
    th_json_open_list(j);
    snprintf(text, sizeof(text),
        "%s is not there or cannot be opened (%llu of eve_follow): it is waited for",
        first ? first->path : "", (unsigned long long)gone);
    th_status_while(j, &c->missing_told, first != NULL, now_ns, "error", "log_missing", text);
    snprintf(text, sizeof(text), "%llu lines of eve_follow could not be read in the last second",
        (unsigned long long)(bad - TH_MIN(c->told_bad, bad)));
    th_status_while(j, &c->bad_told, bad > c->told_bad, now_ns, "warn", "log_unreadable", text);
    th_status_while(j, &c->cut_told, c->cuts > c->told_cuts, now_ns, "warn", "log_cut",
        "a log of eve_follow was emptied or removed: what nobody had read of it is lost");
    snprintf(text, sizeof(text),
        "state folder: it cannot be written down how far logs were read: %s; they wait",
        c->book_error < 0 ? th_strerror(c->book_error) : "");
    th_status_while(
        j, &c->book_told, c->book_error < 0, now_ns, "error", "follow_unwritable", text);
    th_json_close_list(j);
    c->told_bad = bad;
    c->told_cuts = c->cuts;
}

static void put_counters(struct follow *c, struct th_json *j)
{
    struct th_follow_counts sum = {0}, one;
    uint64_t skipped = 0;
    for (size_t i = 0; i < c->count; i++) {
        th_follow_log_counts(c->logs[i].files, &one);
        sum.lines += one.lines;
        sum.long_lines += one.long_lines;
        sum.torn += one.torn;
        sum.files += one.files;
        sum.bytes += one.bytes;
        skipped += th_eve_lines(c->logs[i].eve)->skipped;
    }
    th_json_key(j, "counters");
    th_json_open(j);
    th_status_count(j, "lines", sum.lines);
    th_status_count(j, "lines_unreadable", bad_lines(c));
    th_status_count(j, "lines_too_long", sum.long_lines);
    th_status_count(j, "lines_torn", sum.torn);
    th_status_count(j, "lines_without_use", skipped);
    th_status_count(j, "lines_bytes", sum.bytes);
    th_status_count(j, "logs_rotated", sum.files);
    th_status_count(j, "logs_cut", c->cuts);
    th_status_count(j, "records_excluded", c->excluded);
    th_status_count(j, "records_strange", c->strange);
    th_status_count(j, "turns_repeated", c->repeated);
    th_status_count(j, "events", c->events);
    th_json_close(j);
}

static void tell_status(struct follow *c, int64_t now_ns)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_json j = th_json_init(&b);
    struct th_outlet_counts o;
    uint64_t gone;
    th_outlet_counts(c->outlet, &o);
    (void)missing(c, now_ns, &gone);
    th_json_open(&j);
    put_counters(c, &j);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    th_status_count(&j, "logs", c->count);
    th_status_count(&j, "logs_missing", gone);
    th_status_count(&j, "lag_s", (uint64_t)(th_follow_lag_ns(&c->lag) / TH_NS_PER_S));
    th_status_count(&j, "waiting_bytes", o.waiting_bytes);
    th_json_close(&j);
    put_problems(c, &j, now_ns);
    th_json_close(&j);
    th_edges_status(c->edges, th_buf_view(&b));
}

/* ---- the loop ---- */

static void hear_link(struct follow *c)
{
    struct th_ipc_message m;
    while (th_edges_receive(c->edges, LINK, &m) > 0)
        if (m.type == TH_SENSOR_SAVED)
            th_outlet_saved(c->outlet, m.id);
}

/* Files that took a log's place. */
static void take_files(struct follow *c, int64_t now_ns)
{
    struct th_edges_file f;
    while (th_edges_file(c->edges, &f)) {
        uint64_t i = 0;
        if (th_str_starts(th_str_c(f.tag), "log.") && th_str_u64(th_str_c(f.tag + 4), &i) &&
            i < c->count)
            th_follow_log_add(c->logs[i].files, TH_TAKE_FD(f.fd), now_ns);
        th_closep(&f.fd);
    }
}

static int turn(struct follow *c)
{
    int64_t now_ns = th_clock_ns(CLOCK_MONOTONIC);
    int64_t left_ms = (TH_MIN(c->look_at_ns, c->status_at_ns) - now_ns) / TH_NS_PER_MS + 1;
    int r = th_edges_wait(c->edges, NULL, 0, (int)TH_MAX(left_ms, 0));
    if (r < 0)
        return r;
    now_ns = th_clock_ns(CLOCK_MONOTONIC);
    take_files(c, now_ns);
    hear_link(c);
    if (c->unwritten && now_ns >= c->retry_at_ns)
        write_down(c, now_ns);
    if (now_ns >= c->look_at_ns)
        r = look(c, now_ns);
    if (now_ns >= c->status_at_ns) {
        tell_status(c, now_ns);
        c->status_at_ns = now_ns + status_ns;
    }
    if (!c->unwritten)
        th_outlet_turn(c->outlet);
    return r;
}

/* Told to end: link may take what it was given. What it does not take is done anew. */
static int say_farewell(struct follow *c)
{
    struct th_outlet_counts counts;
    int64_t until_ns = th_clock_ns(CLOCK_MONOTONIC) + farewell_ns;
    int r = 0;
    th_outlet_counts(c->outlet, &counts);
    while (r == 0 && !c->unwritten && counts.saved < counts.last &&
        th_clock_ns(CLOCK_MONOTONIC) < until_ns) {
        th_outlet_turn(c->outlet);
        r = th_edges_wait(c->edges, NULL, 0, 50);
        hear_link(c);
        th_outlet_counts(c->outlet, &counts);
    }
    return r;
}

static int run(struct follow *c)
{
    int r = 0;
    while (r == 0 && !th_edges_stopping(c->edges))
        r = turn(c);
    if (r == 0)
        r = look(c, th_clock_ns(CLOCK_MONOTONIC)); /* what came before the word to end */
    return r == 0 ? say_farewell(c) : r;
}

/* ---- going on ---- */

static struct log *log_of(struct follow *c, uint64_t id)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->logs[i].id == id)
            return &c->logs[i];
    return NULL;
}

/* A turn of the book once more. */
static int repeat(
    struct follow *c, const struct th_follow_turn *t, const struct th_follow_turn *before)
{
    struct log *g = t->log ? log_of(c, t->log) : NULL;
    const struct th_follow_reader to = {.line = take_line, .arg = g};
    int r = 0;
    c->turn = *t;
    c->seq = before ? before->seq : 0;
    if (!c->quiet && t->missed_to_ns)
        th_outlet_missed(c->outlet, t->missed_from_ns, t->missed_to_ns);
    if (g && t->flows)
        th_eve_expect_flows(g->eve);
    if (g)
        r = th_follow_log_again(g->files, &t->span, &to);
    if (r == -ENOENT && !c->quiet) { /* what link does not have of it is lost */
        note_gap(c, before ? before->clock_ns : t->clock_ns, t->clock_ns);
        c->cuts++;
    }
    r = r == -ENOENT ? 0 : r;
    if (r == 0)
        r = advance(c, t->advanced, t->advanced_ns);
    if (r == 0 && !c->quiet) {
        r = th_outlet_flush(c->outlet, t->until_ns, t->number != (before ? before->number : 0));
        th_outlet_skip(c->outlet, t->number);
        c->repeated++;
    }
    return r;
}

/* The first turn whose frames link may not have; all of them, when it has all. */
static size_t first_unsaved(const struct th_book *b)
{
    size_t n = th_book_count(b), i = n;
    uint32_t saved = n ? th_book_turn(b, n - 1)->saved : 0;
    while (i > 0 && th_book_turn(b, i - 1)->number > saved)
        i--;
    return i;
}

static int repeat_all(struct follow *c)
{
    size_t n = th_book_count(c->book), unsaved = first_unsaved(c->book), i = unsaved;
    int64_t since_ns = th_book_turn(c->book, TH_MIN(unsaved, n - 1))->clock_ns - rewind_ns;
    int r = 0;
    while (i > 0 && th_book_turn(c->book, i - 1)->clock_ns >= since_ns)
        i--;
    for (; r == 0 && i < n; i++) {
        c->quiet = i < unsaved;
        r = repeat(c, th_book_turn(c->book, i), i ? th_book_turn(c->book, i - 1) : NULL);
    }
    c->quiet = false;
    return r;
}

/* Where a log goes on. */
static void resume(struct follow *c, struct log *g)
{
    const struct th_follow_turn *last = th_book_last(c->book, g->id);
    if (!last) {
        th_follow_log_to_end(g->files);
        return;
    }
    g->serial = last->serial;
    if (last->flows)
        th_eve_expect_flows(g->eve);
    int64_t since_ns = last->live ? last->clock_ns : last->advanced_ns;
    if (!th_follow_log_resume(g->files, &last->span, since_ns) && last->span.inode != 0) {
        note_gap(c, last->clock_ns, c->wall_ns);
        c->cuts++;
    }
}

static int go_on(struct follow *c)
{
    size_t n = th_book_count(c->book);
    int r = 0;
    c->until_ns = INT64_MIN;
    c->wall_ns = th_clock_ns(CLOCK_REALTIME);
    if (n > 0) {
        const struct th_follow_turn *last = th_book_turn(c->book, n - 1);
        c->wall_ns = TH_MAX(c->wall_ns, last->clock_ns);
        c->until_ns = last->until_ns;
        r = repeat_all(c);
        c->seq = last->seq;
    }
    for (size_t i = 0; r == 0 && i < c->count; i++)
        resume(c, &c->logs[i]);
    return r;
}

/* Where logs that are new begin stands in the book before anything is read of them. */
static int note_new(struct follow *c)
{
    int64_t now_ns = th_clock_ns(CLOCK_MONOTONIC);
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->count && !c->unwritten; i++)
        if (!th_book_last(c->book, c->logs[i].id))
            r = read_log(c, &c->logs[i], true, now_ns);
    return r;
}

/* ---- the role ---- */

static bool take_option(void *arg, const char *name, const char *value)
{
    struct follow *c = arg;
    if (strcmp(name, "--exclude-net") == 0)
        return c->exclude_count < TH_VSENSOR_MAX_NETS &&
            th_subnet_parse(th_str_c(value), &c->exclude[c->exclude_count++]);
    if (strcmp(name, "--eve") != 0 || c->count == TH_LOGS_MAX)
        return false;
    c->logs[c->count++] =
        (struct log){.path = value, .id = th_siphash(&no_key, value, strlen(value)) | 1};
    return true;
}

static void open_log(struct follow *c, struct log *g, const struct th_inherited *in)
{
    char tag[16];
    int64_t now_ns = th_clock_ns(CLOCK_MONOTONIC);
    snprintf(tag, sizeof(tag), "log.%zu", (size_t)(g - c->logs));
    g->of = c;
    g->there_ns = now_ns;
    g->sink = (struct th_sink){.put = take_event, .arg = g};
    g->files = th_follow_log_new();
    g->eve = th_eve_new(&g->sink);
    int fd;
    for (size_t n = 0; (fd = th_inherit_get(in, tag, n)) >= 0; n++)
        th_follow_log_add(g->files, fd, now_ns);
}

static int open_all(struct follow *c)
{
    struct th_inherited in;
    int r = th_inherit(&in);
    if (r < 0)
        return r;
    uint32_t run = th_random_below(UINT32_MAX / TH_SENSOR_RUN_WORKERS) * TH_SENSOR_RUN_WORKERS +
        TH_SENSOR_FOLLOWER;
    r = th_book_open(th_inherit_get(&in, "book", 0), run, &c->book);
    if (r < 0)
        return r;
    size_t unsaved = first_unsaved(c->book);
    c->edges = th_edges_new(&in, edge_names, TH_ARRAY_LEN(edge_names));
    const struct th_outlet_config out = {.edges = c->edges,
        .edge = LINK,
        .type = TH_SENSOR_FRAME,
        .run = th_book_run(c->book),
        .number = unsaved ? th_book_turn(c->book, unsaved - 1)->number : 0,
        .max_bytes = max_waiting_bytes};
    c->outlet = th_outlet_new(&out);
    for (size_t i = 0; i < c->count; i++)
        open_log(c, &c->logs[i], &in);
    json_object_seed(0); /* it reads a file for that, which the lock forbids */
    return 0;
}

static void done(struct follow *c)
{
    for (size_t i = 0; i < c->count; i++) {
        th_eve_free(c->logs[i].eve);
        th_follow_log_free(c->logs[i].files);
    }
    th_outlet_free(c->outlet);
    th_edges_free(c->edges);
    th_book_free(c->book);
    free(c);
}

int role_follow(int argc, char **argv)
{
    struct follow *c = th_xcalloc(1, sizeof(*c));
    struct th_role_args args; /* whom the sensor's roles become; this one becomes nobody */
    int r = th_role_args_read(argc, argv, "thymus-vsensor follow", take_option, c, &args);
    if (r == 0)
        r = open_all(c);
    if (r == 0)
        r = th_role_lock(TH_ROLE_FOLLOW, true);
    if (r == 0)
        r = go_on(c);
    c->told_bad = bad_lines(c); /* of what was read again */
    if (r == 0)
        r = note_new(c);
    if (r == 0)
        r = run(c);
    if (r < 0 && r != -EPIPE)
        th_log(TH_LOG_ERROR, "follow stopped: %s", th_strerror(r));
    done(c);
    return r < 0 ? 1 : 0;
}
