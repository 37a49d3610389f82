/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_conn.h"

#include <gnutls/gnutls.h>
#include <poll.h>
#include <string.h>

#include "base/addr.h"
#include "base/mem.h"
#include "crypto/certificate.h"

struct th_tls_rules {
    bool server;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priorities;
    struct th_tls_identity *identity; /* a server's */
    bool ask_client;
    char pin[TH_PIN_LEN]; /* "": none */
};

struct th_tls_conn {
    struct th_tls_rules *rules;
    struct th_tls_identity *identity; /* the one that it showed */
    gnutls_session_t session;
    bool open;
    char reason[160];
};

/* ---- rules ---- */

static int show(gnutls_session_t session, const gnutls_datum_t *names, int name_count,
    const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
    gnutls_pcert_st **ret_certificates, unsigned *ret_count, gnutls_privkey_t *ret_key)
{
    struct th_tls_conn *c = gnutls_session_get_ptr(session);
    (void)names, (void)name_count, (void)algorithms, (void)algorithm_count;
    if (!c->rules->identity)
        return -1;
    if (!c->identity)
        c->identity = th_tls_identity_ref(c->rules->identity);
    th_tls_identity_show(c->identity, ret_certificates, ret_count, ret_key);
    return 0;
}

static int check_pin(gnutls_session_t session)
{
    struct th_tls_conn *c = gnutls_session_get_ptr(session);
    unsigned count = 0;
    const gnutls_datum_t *der = gnutls_certificate_get_peers(session, &count);
    gnutls_datum_t pem = {0};
    char pin[TH_PIN_LEN];
    if (!der || count == 0 || gnutls_pem_base64_encode2("CERTIFICATE", der, &pem) < 0)
        return GNUTLS_E_CERTIFICATE_ERROR;
    int r = th_certificate_pin(th_str_n(pem.data, pem.size), pin);
    gnutls_free(pem.data);
    if (r == 0 && strcmp(pin, c->rules->pin) == 0)
        return 0;
    snprintf(c->reason, sizeof(c->reason), "its key has not the pin that was given");
    return GNUTLS_E_CERTIFICATE_ERROR;
}

static int make(bool server, struct th_str ca, struct th_tls_rules **ret)
{
    TH_CLEANUP(th_tls_rules_freep) struct th_tls_rules *r = th_xcalloc(1, sizeof(*r));
    gnutls_datum_t in = {.data = (unsigned char *)(uintptr_t)ca.p, .size = ca.len};
    r->server = server;
    if (gnutls_certificate_allocate_credentials(&r->credentials) < 0 ||
        gnutls_priority_init(&r->priorities, th_tls_priorities, NULL) < 0)
        return -ENOMEM;
    if (ca.len &&
        gnutls_certificate_set_x509_trust_mem(r->credentials, &in, GNUTLS_X509_FMT_PEM) <= 0)
        return TH_E_MALFORMED;
    *ret = TH_TAKE(r);
    return 0;
}

int th_tls_rules_server(struct th_str client_ca, struct th_tls_rules **ret)
{
    int r = make(true, client_ca, ret);
    if (r < 0)
        return r;
    (*ret)->ask_client = client_ca.len > 0;
    gnutls_certificate_set_retrieve_function2((*ret)->credentials, show);
    return 0;
}

int th_tls_rules_client(struct th_str ca, const char *pin, struct th_tls_rules **ret)
{
    int r = make(false, ca, ret);
    if (r < 0 || !pin)
        return r;
    snprintf((*ret)->pin, sizeof((*ret)->pin), "%s", pin);
    gnutls_certificate_set_verify_function((*ret)->credentials, check_pin);
    return 0;
}

void th_tls_rules_show(struct th_tls_rules *r, struct th_tls_identity *identity)
{
    th_tls_identity_unref(r->identity);
    r->identity = th_tls_identity_ref(identity);
}

void th_tls_rules_free(struct th_tls_rules *r)
{
    if (!r)
        return;
    if (r->credentials)
        gnutls_certificate_free_credentials(r->credentials);
    if (r->priorities)
        gnutls_priority_deinit(r->priorities);
    th_tls_identity_unref(r->identity);
    free(r);
}

/* ---- connections ---- */

struct th_tls_conn *th_tls_conn_new(struct th_tls_rules *r, int fd, const char *host)
{
    struct th_tls_conn *c = th_xcalloc(1, sizeof(*c));
    unsigned side = r->server ? GNUTLS_SERVER : GNUTLS_CLIENT;
    struct th_addr number;
    c->rules = r;
    bool made = gnutls_init(&c->session, side | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) >= 0 &&
        gnutls_priority_set(c->session, r->priorities) >= 0 &&
        gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, r->credentials) >= 0;
    TH_ASSERT(made); /* but for memory nothing of it can fail */
    gnutls_session_set_ptr(c->session, c);
    gnutls_transport_set_int(c->session, fd);
    if (r->ask_client)
        gnutls_certificate_server_set_request(c->session, GNUTLS_CERT_REQUIRE);
    if (host && !th_addr_parse(th_str_c(host), &number)) /* RFC 6066, 3: names alone */
        gnutls_server_name_set(c->session, GNUTLS_NAME_DNS, host, strlen(host));
    if (r->ask_client || (!r->server && !r->pin[0]))
        gnutls_session_set_verify_cert(c->session, host, 0);
    return c;
}

void th_tls_conn_free(struct th_tls_conn *c)
{
    if (!c)
        return;
    gnutls_deinit(c->session);
    th_tls_identity_unref(c->identity);
    free(c);
}

/* The most telling of what GnuTLS knows. */
static int fail(struct th_tls_conn *c, int err)
{
    unsigned status = gnutls_session_get_verify_cert_status(c->session);
    gnutls_datum_t text = {0};
    if (c->reason[0])
        return -ECONNABORTED;
    if (err == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR &&
        gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) >= 0) {
        struct th_str said = th_str_trim(th_str_n(text.data, text.size));
        snprintf(c->reason, sizeof(c->reason), "%.*s", (int)said.len, said.p);
        gnutls_free(text.data);
    } else {
        snprintf(c->reason, sizeof(c->reason), "%s", gnutls_strerror(err));
    }
    return -ECONNABORTED;
}

static int shake_hands(struct th_tls_conn *c)
{
    int r = gnutls_handshake(c->session);
    if (r < 0)
        return gnutls_error_is_fatal(r) ? fail(c, r) : -EAGAIN;
    if (!th_tls_is_strong(c->session))
        return fail(c, GNUTLS_E_INSUFFICIENT_SECURITY);
    c->open = true;
    return 0;
}

ssize_t th_tls_conn_read(struct th_tls_conn *c, uint8_t *to, size_t room)
{
    int err = c->open ? 0 : shake_hands(c);
    if (err < 0)
        return err;
    ssize_t n = gnutls_record_recv(c->session, to, room);
    if (n >= 0)
        return n;
    if (n == GNUTLS_E_PREMATURE_TERMINATION)
        return 0; /* it went without a word: an end like that of a process */
    /* To agree anew is no more than a client of TLS 1.2 may want, and it need not. */
    return gnutls_error_is_fatal((int)n) || n == GNUTLS_E_REHANDSHAKE ? fail(c, (int)n) : -EAGAIN;
}

bool th_tls_conn_is_open(const struct th_tls_conn *c)
{
    return c->open;
}

short th_tls_conn_events(const struct th_tls_conn *c)
{
    return !c->open && gnutls_record_get_direction(c->session) ? POLLOUT : POLLIN;
}

const char *th_tls_conn_reason(const struct th_tls_conn *c)
{
    return c->reason;
}
