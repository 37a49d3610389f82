/* SPDX-License-Identifier: Apache-2.0 */
#include "upload.h"

#include "base/mem.h"
#include "base/time.h"
#include "crypto/base64.h"
#include "crypto/hash.h"

static const int64_t patience_ns = TH_NS_PER_MIN; /* with a master that does not take a part */
static const int64_t delay_min_ns = TH_NS_PER_S;
static const int64_t delay_max_ns = 10 * TH_NS_PER_S;

int th_upload_init(
    struct th_upload *u, const struct th_link_config *config, struct curl_slist *resolve)
{
    return th_exchange_init(&u->exchange, TH_LINK_PACKETS, config, resolve);
}

void th_upload_done(struct th_upload *u)
{
    th_exchange_done(&u->exchange);
}

void th_upload_take(struct th_upload *u, const struct th_link_part *part, int64_t now_ns)
{
    TH_ASSERT(!u->has && !u->exchange.busy);
    u->has = true;
    u->number = part->number;
    u->last = part->last;
    snprintf(u->id, sizeof(u->id), "%s", part->id);
    th_buf_clear(&u->exchange.body);
    th_buf_str(&u->exchange.body, part->body);
    u->since_ns = now_ns;
    u->at_ns = now_ns;
    u->delay_ns = 0;
}

static struct curl_slist *header(struct curl_slist *list, const char *name, const char *value)
{
    TH_AUTOFREE char *line = th_xasprintf("%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(list, line);
    TH_ASSERT(longer);
    return longer;
}

/* Over method, path, sensor, time, number and the digest of the body, a line each. */
static void put_signature(const struct th_upload *u, const struct th_upload_sender *s,
    const char *path, const char *number, char ret[TH_BASE64URL_ROOM(TH_SIGNATURE_BYTES)])
{
    uint8_t digest[TH_SHA256_LEN], signature[TH_SIGNATURE_BYTES];
    char digest_text[2 * TH_SHA256_LEN + 1];
    TH_AUTOBUF struct th_buf said = TH_BUF_INIT;
    th_sha256(u->exchange.body.p, u->exchange.body.len, digest);
    th_hex(digest, sizeof(digest), digest_text);
    th_buf_printf(&said, "POST\n%s\n%016llx\n%lld\n%s\n%s", path, (unsigned long long)s->sensor,
        (long long)s->wall_ns, number, digest_text);
    th_sign(s->key, said.p, said.len, signature);
    th_base64url(signature, sizeof(signature), ret);
}

void th_upload_start(struct th_upload *u, CURLM *multi, const struct th_upload_sender *s)
{
    char path[TH_LINK_MAX_WORD + 32], number[24], text[32];
    char signature[TH_BASE64URL_ROOM(TH_SIGNATURE_BYTES)];
    snprintf(path, sizeof(path), "/link/v1/packets/%s", u->id);
    snprintf(number, sizeof(number), "%u%s", (unsigned)u->number, u->last ? " end" : "");
    put_signature(u, s, path, number, signature);
    struct curl_slist *h = header(NULL, "Content-Type", "application/octet-stream");
    snprintf(text, sizeof(text), "%016llx", (unsigned long long)s->sensor);
    h = header(h, "Thymus-Sensor", text);
    snprintf(text, sizeof(text), "%lld", (long long)s->wall_ns);
    h = header(h, "Thymus-Time", text);
    h = header(h, "Thymus-Part", number);
    h = header(h, "Thymus-Signature", signature);
    struct curl_slist *longer = curl_slist_append(h, "Expect:");
    TH_ASSERT(longer);
    th_exchange_to(&u->exchange, path);
    th_exchange_start(&u->exchange, multi, longer);
}

void th_upload_drop(struct th_upload *u)
{
    if (u->exchange.busy)
        th_exchange_stop(&u->exchange);
    u->has = false;
}

static int again(struct th_upload *u, int64_t wait_ns, int64_t now_ns)
{
    if (now_ns - u->since_ns > patience_ns)
        return -ETIMEDOUT;
    u->delay_ns = u->delay_ns ? TH_MIN(2 * u->delay_ns, delay_max_ns) : delay_min_ns;
    u->at_ns = now_ns + TH_MAX(u->delay_ns, wait_ns);
    return 0;
}

static int decide(struct th_upload *u, CURLcode code, int64_t now_ns)
{
    long status = 0;
    struct th_link_answer a;
    if (code != CURLE_OK)
        return again(u, 0, now_ns);
    curl_easy_getinfo(u->exchange.easy, CURLINFO_RESPONSE_CODE, &status);
    if (th_link_answer_read(TH_LINK_PACKETS, status, th_buf_view(&u->exchange.answer), &a) < 0)
        return again(u, 0, now_ns);
    if (status == 200)
        return 1;
    if (status == 429 || status >= 500)
        return again(u, u->exchange.retry_after_ns, now_ns);
    /* Not wanted, not ours, too large; by something that is no master it may pass. */
    return a.ours ? -ECANCELED : again(u, 0, now_ns);
}

int th_upload_ended(struct th_upload *u, CURLcode code, int64_t now_ns)
{
    int r = decide(u, code, now_ns);
    u->has = r == 0;
    return r;
}
