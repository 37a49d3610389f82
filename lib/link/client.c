/* SPDX-License-Identifier: Apache-2.0 */
#include "link/client.h"

#include <jansson.h>
#include <stdarg.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"
#include "crypto/base64.h"
#include "crypto/random.h"
#include "exchange.h"
#include "upload.h"

static const int64_t delay_min_ns = 500 * TH_NS_PER_MS;
static const int64_t delay_max_ns = 30 * TH_NS_PER_S;
static const int64_t pending_ns = 5 * TH_NS_PER_S;
static const int64_t refused_ns = 60 * TH_NS_PER_S;
static const int64_t commands_min_ns = TH_NS_PER_S;      /* between two long polls */
static const int64_t news_ns = 2 * TH_NS_PER_S;          /* between two that bring news */
static const int64_t part_patience_ns = 5 * TH_NS_PER_S; /* of packets with batches that wait */
static const unsigned final_refusals = 3;

/* When something that failed is tried again. */
struct backoff {
    int64_t at_ns, delay_ns;
};

struct socket {
    curl_socket_t fd;
    short events;
};

struct th_link {
    struct th_link_ops ops;
    const struct th_sign_key *key;
    char *token, *name, *version;
    uint64_t sensor, instance, epoch;
    struct curl_slist *resolve;
    CURLM *multi;
    struct socket sockets[TH_LINK_MAX_FDS];
    size_t socket_count;
    int64_t timer_ns; /* libcurl's; INT64_MAX: none */
    int64_t now_ns, wall_ns;
    /* Two for commands: the master ends the one that waits when another comes, which so can bring
     * news without a new connection. */
    struct th_exchange enrol, commands[2], batches[TH_LINK_IN_FLIGHT];
    struct th_upload upload;
    bool more;        /* batches may wait that no exchange was free for */
    int64_t asked_ns; /* for commands, last */
    unsigned window;  /* batches that may be in flight: 1 until one got through */
    uint64_t acknowledged, send_next;
    struct backoff work, listen; /* enrolment and batches; commands */
    uint64_t refused_sequence;
    unsigned refusals;
    struct th_link_status status;
    char problem[400];
};

static void problem(struct th_link *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void problem(struct th_link *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(l->problem, sizeof(l->problem), fmt, ap);
    va_end(ap);
    l->status.problem = l->problem;
}

/* ---- waiting ---- */

static void wait_ns(struct th_link *l, struct backoff *b, int64_t ns)
{
    b->at_ns = l->now_ns + ns;
}

/* Doubles, with a quarter of chance, so that sensors which lost their master at the same moment do
 * not all come back at the same moment. Returns seconds, rounded up, to tell. */
static int wait_longer(struct th_link *l, struct backoff *b)
{
    b->delay_ns = b->delay_ns ? TH_MIN(2 * b->delay_ns, delay_max_ns) : delay_min_ns;
    int64_t ns = b->delay_ns - b->delay_ns / 1000 * th_random_below(250);
    wait_ns(l, b, ns);
    return (int)((ns + TH_NS_PER_S - 1) / TH_NS_PER_S);
}

static void went_well(struct th_link *l)
{
    l->work = (struct backoff){0};
    l->window = TH_LINK_IN_FLIGHT;
    if (l->acknowledged >
        l->refused_sequence) /* what lies before it may have been sent once more */
        l->refusals = 0;
    l->status.problem = NULL;
}

/* ---- libcurl's wishes ---- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    struct th_link *l = arg;
    size_t i = 0;
    (void)easy, (void)unused;
    while (i < l->socket_count && l->sockets[i].fd != fd)
        i++;
    if (what == CURL_POLL_REMOVE) {
        if (i < l->socket_count)
            l->sockets[i] = l->sockets[--l->socket_count];
        return 0;
    }
    if (i == TH_LINK_MAX_FDS)
        return -1; /* the transfer fails and is tried again */
    l->sockets[i].fd = fd;
    l->sockets[i].events =
        (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
    l->socket_count = TH_MAX(l->socket_count, i + 1);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct th_link *l = arg;
    (void)multi;
    l->timer_ns = timeout_ms < 0 ? INT64_MAX : l->now_ns + timeout_ms * TH_NS_PER_MS;
    return 0;
}

/* ---- starting ---- */

static struct curl_slist *header(struct curl_slist *list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(list, line);
    TH_ASSERT(longer);
    return longer;
}

static void start_enrol(struct th_link *l)
{
    uint8_t public_key[TH_SIGN_PUBLIC_BYTES];
    char key_text[TH_BASE64URL_ROOM(TH_SIGN_PUBLIC_BYTES)];
    struct th_exchange *x = &l->enrol;
    th_sign_key_public(l->key, public_key);
    th_base64url(public_key, sizeof(public_key), key_text);
    th_buf_clear(&x->body);
    struct th_json j = th_json_init(&x->body);
    th_json_open(&j);
    th_json_key(&j, "token");
    th_json_str(&j, th_str_c(l->token));
    th_json_key(&j, "key");
    th_json_str(&j, th_str_c(key_text));
    th_json_key(&j, "name");
    th_json_str(&j, th_str_c(l->name));
    th_json_key(&j, "version");
    th_json_str(&j, th_str_c(l->version));
    th_json_key(&j, "protocol");
    th_json_u64(&j, 1);
    th_json_key(&j, "capabilities");
    th_json_open_list(&j);
    th_json_close_list(&j);
    th_json_close(&j);
    th_exchange_start(x, l->multi, header(NULL, "Content-Type: application/json"));
}

/* Fills the window. */
static void start_batches(struct th_link *l)
{
    l->more = false;
    for (unsigned i = 0; i < l->window; i++) {
        struct th_exchange *x = &l->batches[i];
        struct th_str envelope;
        uint64_t next;
        if (x->busy)
            continue;
        if (l->ops.batch(l->ops.arg, l->send_next, &envelope, &next) <= 0)
            return;
        TH_ASSERT(next > l->send_next);
        th_buf_clear(&x->body);
        th_buf_str(&x->body, envelope);
        x->sequence = l->send_next;
        x->next = next;
        l->send_next = next;
        l->status.batches++;
        l->status.bytes += envelope.len;
        struct curl_slist *h = header(NULL, "Content-Type: application/octet-stream");
        th_exchange_start(x, l->multi, header(h, "Expect:"));
    }
    l->more = true;
}

/* A part of packets goes when batches leave room for it, or has waited for long enough. */
static void start_part(struct th_link *l)
{
    struct th_upload *u = &l->upload;
    struct th_link_part part;
    if (!l->ops.part || u->exchange.busy)
        return;
    if (!u->has && l->ops.part(l->ops.arg, &part) > 0)
        th_upload_take(u, &part, l->now_ns);
    if (!u->has || l->now_ns < u->at_ns || (l->more && l->now_ns - u->at_ns < part_patience_ns))
        return;
    const struct th_upload_sender sender = {
        .key = l->key, .sensor = l->sensor, .wall_ns = l->wall_ns};
    th_upload_start(u, l->multi, &sender);
}

/* Empty when the owner says nothing, or what cannot stand in a header. */
static void own_status(struct th_link *l, struct th_buf *out)
{
    if (l->ops.status)
        l->ops.status(l->ops.arg, out);
    bool fits = out->len <= TH_LINK_MAX_STATUS && !out->overflow;
    for (size_t i = 0; fits && i < out->len; i++)
        fits = out->p[i] >= ' ' && out->p[i] < 0x7f;
    if (!fits)
        th_buf_clear(out);
}

/* "Thymus-Signature": over method, path, sensor, time, and status where there is one. */
static void start_commands(struct th_link *l, struct th_exchange *x)
{
    TH_AUTOBUF struct th_buf status = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf said = TH_BUF_INIT;
    uint8_t signature[TH_SIGNATURE_BYTES];
    char text[TH_LINK_MAX_STATUS + 32];
    char signature_text[TH_BASE64URL_ROOM(TH_SIGNATURE_BYTES)];
    own_status(l, &status);
    th_buf_printf(&said, "GET\n/link/v1/commands\n%016llx\n%lld", (unsigned long long)l->sensor,
        (long long)l->wall_ns);
    if (status.len > 0)
        th_buf_printf(&said, "\n%.*s", (int)status.len, (const char *)status.p);
    th_sign(l->key, said.p, said.len, signature);
    th_base64url(signature, sizeof(signature), signature_text);
    snprintf(text, sizeof(text), "Thymus-Sensor: %016llx", (unsigned long long)l->sensor);
    struct curl_slist *h = header(NULL, text);
    snprintf(text, sizeof(text), "Thymus-Time: %lld", (long long)l->wall_ns);
    h = header(h, text);
    if (status.len > 0) {
        snprintf(
            text, sizeof(text), "Thymus-Status: %.*s", (int)status.len, (const char *)status.p);
        h = header(h, text);
    }
    snprintf(text, sizeof(text), "Thymus-Signature: %s", signature_text);
    th_exchange_start(x, l->multi, header(h, text));
    l->asked_ns = l->now_ns;
    wait_ns(l, &l->listen, commands_min_ns);
}

/* Always one, and a second one when there is something to tell. */
static void ask_for_commands(struct th_link *l)
{
    bool waits = l->commands[0].busy || l->commands[1].busy;
    struct th_exchange *idle = l->commands[0].busy ? &l->commands[1] : &l->commands[0];
    if (l->now_ns < l->listen.at_ns || idle->busy)
        return;
    if (!waits ||
        (l->now_ns - l->asked_ns >= news_ns && l->ops.has_news && l->ops.has_news(l->ops.arg)))
        start_commands(l, idle);
}

static void start_what_may(struct th_link *l)
{
    bool due = l->now_ns >= l->work.at_ns;
    bool enrolled = l->sensor != 0 && l->status.standing != TH_LINK_UNKNOWN;
    if (!enrolled && due && !l->enrol.busy)
        start_enrol(l);
    if (enrolled && due)
        start_batches(l);
    if (l->status.standing == TH_LINK_AUTHORISED)
        ask_for_commands(l);
    if (l->status.standing == TH_LINK_AUTHORISED && due)
        start_part(l);
}

/* ---- answers ---- */

/* All that is on its way is given up; it will be sent again from `sequence`. */
static void rewind_to(struct th_link *l, uint64_t sequence)
{
    for (unsigned i = 0; i < TH_LINK_IN_FLIGHT; i++) {
        if (!l->batches[i].busy)
            continue;
        th_exchange_stop(&l->batches[i]);
        l->status.resent++;
    }
    l->send_next = sequence;
    l->window = 1;
}

static void later(struct th_link *l, int64_t ns)
{
    l->status.waits++;
    rewind_to(l, l->acknowledged);
    wait_ns(l, &l->work, ns);
    problem(
        l, "the master takes nothing at the moment; trying again in %d s", (int)(ns / TH_NS_PER_S));
}

static void failed(struct th_link *l, const char *why)
{
    l->status.failures++;
    rewind_to(l, l->acknowledged);
    int s = wait_longer(l, &l->work);
    problem(l, "the master cannot be reached: %s; trying again in %d s", why, s);
}

/* An answer that is no master's, or one that makes no sense. */
static void strange(struct th_link *l, long status)
{
    char why[60];
    snprintf(why, sizeof(why), "something else answers (HTTP status %ld)", status);
    failed(l, why);
}

static void on_enrol(struct th_link *l, long status, const struct th_link_answer *a)
{
    if (status == 200) {
        l->sensor = a->sensor;
        l->instance = a->instance;
        l->status.standing = a->standing;
        l->work = (struct backoff){0};
        l->status.problem = NULL;
        l->ops.enrolled(l->ops.arg, a->sensor, a->instance);
        return;
    }
    wait_ns(l, &l->work, refused_ns);
    if (status == 403 && a->standing == TH_LINK_REVOKED)
        problem(l, "the master has revoked this sensor: nothing is sent; asking again in 60 s");
    else if (status == 401 && a->ours)
        problem(l,
            "the master does not know the token, or it was revoked: make one with thymusctl "
            "token create and put it into the configuration; trying again in 60 s");
    else if (status == 426)
        problem(l,
            "the master does not speak this sensor's version of the link: %s; trying again "
            "in 60 s",
            a->message);
    else if (a->ours)
        problem(l, "the master does not take this sensor: %s; trying again in 60 s", a->message);
    else
        strange(l, status);
}

/* The master's word on where to go on. */
static void on_next(
    struct th_link *l, struct th_exchange *x, long status, const struct th_link_answer *a)
{
    bool forward = a->next > l->acknowledged;
    if (a->epoch < l->epoch) {
        strange(l, status);
        return;
    }
    if (a->epoch > l->epoch || (forward && l->ops.acknowledged(l->ops.arg, a->next) < 0)) {
        wait_longer(l, &l->work);
        problem(l,
            "the master has a later spool of this sensor: its folder was put back to an older "
            "state; beginning a new one");
        l->ops.overtaken(l->ops.arg, a->epoch);
        return;
    }
    l->status.standing = TH_LINK_AUTHORISED;
    if (forward)
        l->acknowledged = a->next;
    if (status == 200 && a->next > x->sequence) {
        l->send_next = TH_MAX(l->send_next, a->next);
        went_well(l);
        return;
    }
    /* Out of order: from where it says, also when that lies further back than it said before. */
    l->acknowledged = a->next;
    rewind_to(l, a->next);
    l->status.resent++;
    if (forward)
        l->work = (struct backoff){0};
    else
        wait_longer(l, &l->work);
}

static void on_standing(struct th_link *l, enum th_link_standing standing)
{
    l->status.standing = standing;
    rewind_to(l, l->acknowledged);
    if (standing == TH_LINK_REVOKED) {
        wait_ns(l, &l->work, refused_ns);
        problem(l, "the master has revoked this sensor: nothing is sent; asking again in 60 s");
    } else {
        wait_ns(l, &l->work, pending_ns);
        problem(l,
            "the master has this sensor as pending: somebody has to authorise it; asking "
            "again in 5 s");
    }
}

/* It will not take this batch. Once may be a proxy's mood; thrice by a master's own word is final.
 */
static void on_refusal(struct th_link *l, uint64_t sequence, const struct th_link_answer *a)
{
    l->refusals = l->refused_sequence == sequence ? l->refusals + 1 : 1;
    l->refused_sequence = sequence;
    rewind_to(l, l->acknowledged);
    int s = wait_longer(l, &l->work);
    problem(l, "the master refuses a batch: %s; trying again in %d s", a->message, s);
    if (!a->ours || l->refusals < final_refusals)
        return;
    l->ops.refused(l->ops.arg, sequence, a->message);
    l->refusals = 0;
}

static void on_batch(
    struct th_link *l, struct th_exchange *x, long status, const struct th_link_answer *a)
{
    switch (status) {
    case 200:
    case 409: on_next(l, x, status, a); return;
    case 400:
    case 413: on_refusal(l, x->sequence, a); return;
    case 401:
        if (!a->ours) {
            strange(l, status);
            return;
        }
        l->status.standing = TH_LINK_UNKNOWN;
        rewind_to(l, l->acknowledged);
        wait_ns(l, &l->work, pending_ns);
        problem(l, "the master does not know this sensor any more; enrolling again in 5 s");
        return;
    case 403: on_standing(l, a->standing); return;
    default: strange(l, status);
    }
}

static void on_commands(struct th_link *l, const struct th_exchange *x, long status)
{
    if (status == 200 &&
        th_link_commands_read(th_buf_view(&x->answer), l->ops.command, l->ops.arg) == 0) {
        l->listen.delay_ns = 0;
        return;
    }
    if (status == 204)
        l->listen.delay_ns = 0;
    else
        wait_longer(l, &l->listen);
}

static void on_answer(struct th_link *l, struct th_exchange *x)
{
    long status = 0;
    struct th_link_answer a;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    l->status.reached = true;
    l->status.answered_ns = l->wall_ns;
    if (x->request == TH_LINK_COMMANDS) {
        on_commands(l, x, status);
        return;
    }
    if (th_link_answer_read(x->request, status, th_buf_view(&x->answer), &a) < 0) {
        strange(l, status);
        return;
    }
    int64_t retry_ns = x->retry_after_ns ? x->retry_after_ns : a.retry_after_ns;
    if (status == 503 || status == 429)
        later(l, retry_ns ? retry_ns : th_link_retry_after_ns(th_str_c("")));
    else if (x->request == TH_LINK_ENROL)
        on_enrol(l, status, &a);
    else
        on_batch(l, x, status, &a);
}

static void on_part_end(struct th_link *l, CURLcode code)
{
    int r = th_upload_ended(&l->upload, code, l->now_ns);
    if (r != 0)
        l->ops.part_done(l->ops.arg, r < 0 ? r : 0);
}

static void on_end(struct th_link *l, struct th_exchange *x, CURLcode code)
{
    th_exchange_stop(x);
    if (x->request == TH_LINK_PACKETS) {
        on_part_end(l, code);
        return;
    }
    if (code == CURLE_OK) {
        on_answer(l, x);
    } else if (x->request == TH_LINK_COMMANDS) {
        wait_longer(l, &l->listen);
    } else {
        l->status.reached = false;
        failed(l, th_exchange_failure(x, code));
    }
}

static void take_ends(struct th_link *l)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(l->multi, &left));) {
        char *x = NULL;
        CURLcode code = m->data.result; /* the message goes with its handle */
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
        on_end(l, (struct th_exchange *)(void *)x, code);
    }
}

/* ---- from outside ---- */

void th_link_begin(struct th_link *l, uint64_t epoch, uint64_t first)
{
    l->epoch = epoch;
    l->acknowledged = first;
    rewind_to(l, first);
}

void th_link_drop_part(struct th_link *l)
{
    th_upload_drop(&l->upload);
}

size_t th_link_poll(struct th_link *l, struct pollfd *ret, int64_t now_ns, int *ret_timeout_ms)
{
    int64_t until = TH_MIN(l->timer_ns, now_ns + TH_NS_PER_S); /* new batches are looked for */
    if (l->work.at_ns > now_ns)
        until = TH_MIN(until, l->work.at_ns);
    if (l->upload.has && l->upload.at_ns > now_ns)
        until = TH_MIN(until, l->upload.at_ns);
    for (size_t i = 0; i < l->socket_count; i++)
        ret[i] = (struct pollfd){.fd = l->sockets[i].fd, .events = l->sockets[i].events};
    int64_t ms = (until - now_ns + TH_NS_PER_MS - 1) / TH_NS_PER_MS;
    *ret_timeout_ms = (int)TH_MAX(ms, 0);
    return l->socket_count;
}

void th_link_turn(
    struct th_link *l, const struct pollfd *fds, size_t count, int64_t now_ns, int64_t wall_ns)
{
    int running;
    l->now_ns = now_ns;
    l->wall_ns = wall_ns;
    for (size_t i = 0; i < count; i++) {
        short got = fds[i].revents;
        int what = (got & POLLIN ? CURL_CSELECT_IN : 0) | (got & POLLOUT ? CURL_CSELECT_OUT : 0) |
            (got & (POLLERR | POLLHUP | POLLNVAL) ? CURL_CSELECT_ERR : 0);
        if (what)
            curl_multi_socket_action(l->multi, fds[i].fd, what, &running);
    }
    take_ends(l);
    start_what_may(l);
    if (l->timer_ns <= now_ns) {
        l->timer_ns = INT64_MAX;
        curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        take_ends(l);
    }
}

void th_link_status(const struct th_link *l, int64_t now_ns, struct th_link_status *ret)
{
    *ret = l->status;
    ret->acknowledged = l->acknowledged;
    ret->wait_ns = TH_MAX(l->work.at_ns - now_ns, 0);
    ret->in_flight = 0;
    for (unsigned i = 0; i < TH_LINK_IN_FLIGHT; i++)
        ret->in_flight += l->batches[i].busy != NULL;
}

static int init_exchanges(struct th_link *l, const struct th_link_config *config)
{
    int r = th_exchange_init(&l->enrol, TH_LINK_ENROL, config, l->resolve);
    for (size_t i = 0; r == 0 && i < TH_ARRAY_LEN(l->commands); i++)
        r = th_exchange_init(&l->commands[i], TH_LINK_COMMANDS, config, l->resolve);
    for (unsigned i = 0; r == 0 && i < TH_LINK_IN_FLIGHT; i++)
        r = th_exchange_init(&l->batches[i], TH_LINK_BATCH, config, l->resolve);
    return r == 0 ? th_upload_init(&l->upload, config, l->resolve) : r;
}

int th_link_new(
    const struct th_link_config *config, const struct th_link_ops *ops, struct th_link **ret)
{
    TH_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    json_object_seed((size_t)th_random_u64() | 1); /* jansson would open a file for it, later */
    struct th_link *l = th_xcalloc(1, sizeof(*l));
    *l = (struct th_link){.ops = *ops,
        .key = config->key,
        .token = th_xstrdup(config->token),
        .name = th_xstrdup(config->name),
        .version = th_xstrdup(config->version),
        .sensor = config->sensor,
        .instance = config->instance,
        .epoch = config->epoch,
        .multi = curl_multi_init(),
        .timer_ns = INT64_MAX,
        .window = 1,
        .acknowledged = config->first,
        .send_next = config->first,
        .status.standing = config->sensor ? TH_LINK_PENDING : TH_LINK_UNKNOWN};
    TH_ASSERT(l->multi);
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
    for (const char *const *a = config->addresses; a && *a; a++)
        l->resolve = header(l->resolve, *a);
    int r = init_exchanges(l, config);
    if (r < 0) {
        th_link_free(l);
        return r;
    }
    *ret = l;
    return 0;
}

void th_link_free(struct th_link *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < TH_LINK_IN_FLIGHT; i++)
        th_exchange_done(&l->batches[i]);
    th_exchange_done(&l->enrol);
    th_upload_done(&l->upload);
    for (size_t i = 0; i < TH_ARRAY_LEN(l->commands); i++)
        th_exchange_done(&l->commands[i]);
    curl_multi_cleanup(l->multi);
    curl_slist_free_all(l->resolve);
    th_wipe(l->token, strlen(l->token));
    free(l->token);
    free(l->name);
    free(l->version);
    free(l);
}
