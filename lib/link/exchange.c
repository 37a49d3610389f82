/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include "base/mem.h"
#include "crypto/tls.h"

static const long connect_s = 10;
static const long batch_s = 90;    /* 1 MiB over the slowest line that is worth it */
static const long commands_s = 40; /* a long poll of 25 s */

static const char *const paths[] = {
    [TH_LINK_ENROL] = "/link/v1/enrol",
    [TH_LINK_BATCH] = "/link/v1/batches",
    [TH_LINK_COMMANDS] = "/link/v1/commands",
    [TH_LINK_PACKETS] = "/link/v1/packets",
};

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
    struct th_exchange *x = arg;
    if (x->answer.len + size * count > TH_LINK_MAX_ANSWER)
        return 0; /* ends the exchange */
    th_buf_put(&x->answer, data, size * count);
    return size * count;
}

static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
    static const char name[] = "retry-after:";
    struct th_exchange *x = arg;
    struct th_str line = th_str_n(data, size * count);
    struct th_str front = th_str_n(data, TH_MIN((size_t)line.len, sizeof(name) - 1));
    if (th_str_ieq(front, th_str_c(name)))
        x->retry_after_ns =
            th_link_retry_after_ns(th_str_n(data + front.len, (size_t)(line.len - front.len)));
    return size * count;
}

/* After the handshake, before the request. libcurl cannot tell GnuTLS which ciphers to offer. */
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's prototype */
static int look_at_tls(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct th_exchange *x = arg;
    struct curl_tlssessioninfo *tls = NULL;
    (void)to, (void)from, (void)to_port, (void)from_port;
    bool strong = curl_easy_getinfo(x->easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls &&
        tls->backend == CURLSSLBACKEND_GNUTLS && tls->internals && th_tls_is_strong(tls->internals);
    x->weak = !strong;
    return strong ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

#define SET(option, value) (ok = ok && curl_easy_setopt(x->easy, (option), (value)) == CURLE_OK)

static bool set_transport(struct th_exchange *x, const struct th_link_config *c)
{
    bool ok = true;
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_PREREQFUNCTION, look_at_tls);
    SET(CURLOPT_PREREQDATA, x);
    if (c->pin) {
        /* The key itself is known: no certificate authority has to vouch for it. */
        SET(CURLOPT_PINNEDPUBLICKEY, c->pin);
        SET(CURLOPT_SSL_VERIFYPEER, 0L);
        SET(CURLOPT_SSL_VERIFYHOST, 0L);
    } else {
        SET(CURLOPT_CAINFO, c->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    SET(CURLOPT_PROXY, c->proxy ? c->proxy : "");
    if (c->proxy) {
        SET(CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
        SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    }
    return ok;
}

static bool set_request(struct th_exchange *x, const struct th_link_config *c)
{
    bool ok = true;
    TH_AUTOFREE char *url = th_xasprintf("%s%s", c->master, paths[x->request]);
    TH_AUTOFREE char *agent = th_xasprintf("thymus-vsensor/%s", c->version);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_USERAGENT, agent);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, connect_s);
    SET(CURLOPT_TIMEOUT, x->request == TH_LINK_COMMANDS ? commands_s : batch_s);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_ERRORBUFFER, x->error);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, x);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, x);
    SET(CURLOPT_PRIVATE, x);
    if (x->request == TH_LINK_COMMANDS)
        SET(CURLOPT_HTTPGET, 1L);
    else
        SET(CURLOPT_POST, 1L);
    return ok;
}

int th_exchange_init(struct th_exchange *x, enum th_link_request request,
    const struct th_link_config *config, struct curl_slist *resolve)
{
    *x = (struct th_exchange){
        .request = request, .easy = curl_easy_init(), .master = th_xstrdup(config->master)};
    TH_ASSERT(x->easy);
    bool ok = set_transport(x, config) && set_request(x, config);
    if (resolve)
        SET(CURLOPT_RESOLVE, resolve);
    return ok ? 0 : TH_E_CONFIG;
}

void th_exchange_done(struct th_exchange *x)
{
    if (x->busy)
        th_exchange_stop(x);
    if (x->easy)
        curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->headers);
    free(x->master);
    th_buf_done(&x->body);
    th_buf_done(&x->answer);
    *x = (struct th_exchange){0};
}

void th_exchange_to(struct th_exchange *x, const char *path)
{
    bool ok = true;
    TH_AUTOFREE char *url = th_xasprintf("%s%s", x->master, path);
    SET(CURLOPT_URL, url);
    TH_ASSERT(ok);
}

void th_exchange_start(struct th_exchange *x, CURLM *multi, struct curl_slist *headers)
{
    bool ok = true;
    TH_ASSERT(!x->busy);
    curl_slist_free_all(x->headers);
    x->headers = headers;
    x->retry_after_ns = 0;
    x->weak = false;
    x->error[0] = '\0';
    th_buf_clear(&x->answer);
    SET(CURLOPT_HTTPHEADER, headers);
    if (x->request != TH_LINK_COMMANDS) {
        SET(CURLOPT_POSTFIELDS, (char *)x->body.p);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.len);
    }
    TH_ASSERT(ok && curl_multi_add_handle(multi, x->easy) == CURLM_OK);
    x->busy = multi;
}

#undef SET

void th_exchange_stop(struct th_exchange *x)
{
    TH_ASSERT(x->busy && curl_multi_remove_handle(x->busy, x->easy) == CURLM_OK);
    x->busy = NULL;
}

const char *th_exchange_failure(struct th_exchange *x, CURLcode code)
{
    if (x->weak)
        return "its TLS is too weak: at least 1.2, with AES-256-GCM or ChaCha20-Poly1305, is "
               "wanted";
    if (code == CURLE_WRITE_ERROR)
        return "its answer is longer than any of a master";
    if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
        return "its public key is not the one of master_pin";
    if (!x->error[0])
        return curl_easy_strerror(code);
    for (char *p = x->error; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return x->error;
}
