/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate that the gateway shows. The parent gives it, with its key, as one memory file,
 * and again when the operator has put new files in their place: connections that come from then on
 * see the new one, those that are there keep theirs. What is of no use changes nothing and stands
 * on System Status.
 */
#include <sys/stat.h>

#include "base/log.h"
#include "gateway.h"

#define MAX_PEM (1u << 20)
#define SOON_NS (14 * TH_NS_PER_DAY)

static void wipe(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

/* The file stays open: it may be given to the next of this role. */
static int read_identity(int fd, struct th_tls_identity **ret)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size <= 0 || st.st_size > MAX_PEM)
        return TH_E_LIMIT;
    TH_CLEANUP(wipe) char *text = th_xcalloc(1, (size_t)st.st_size + 1);
    if (pread(fd, text, (size_t)st.st_size, 0) != st.st_size)
        return -EIO;
    return th_tls_identity_new(th_str_n(text, (size_t)st.st_size), ret);
}

static const char *reason_of(int err)
{
    return err == TH_E_CONFIG   ? "the key is not the certificate's"
        : err == TH_E_MALFORMED ? "a private key and a certificate, in PEM, are not in them"
                                : th_strerror(err);
}

static void refused(struct gateway *g, const char *reason)
{
    snprintf(g->tls_problem, sizeof(g->tls_problem),
        "keys/tls.key and keys/tls.crt cannot be used (%s): the certificate from before is still "
        "shown. Put good files there.",
        reason);
    g->tls_problem_ns = g->now_ns;
    th_log(TH_LOG_ERROR, "gateway: new certificate or key: %s; the ones from before stay", reason);
}

static void use(struct gateway *g, struct th_tls_identity *identity)
{
    th_tls_identity_unref(g->identity);
    g->identity = identity;
    g->tls_problem[0] = 0;
}

int gw_tls_start(struct gateway *g, const struct th_inherited *in)
{
    int first = 0;
    for (size_t i = 0; !g->identity; i++) {
        struct th_tls_identity *identity = NULL;
        int fd = th_inherit_get(in, "tls", i);
        if (fd < 0)
            break;
        int err = read_identity(fd, &identity);
        if (err == 0)
            use(g, identity);
        else if (first == 0)
            first = err;
    }
    if (first < 0 && g->identity)
        refused(g, reason_of(first));
    else if (!g->identity)
        th_log(TH_LOG_ERROR, "gateway: certificate or key cannot be used: %s",
            first < 0 ? reason_of(first) : "none was given");
    return g->identity ? 0 : TH_E_CONFIG;
}

void gw_tls_turn(struct gateway *g)
{
    struct th_edges_file f;
    struct th_tls_identity *identity = NULL;
    if (!th_edges_file(g->edges, &f))
        return;
    int err = f.fd < 0 ? 0 : read_identity(f.fd, &identity);
    th_closep(&f.fd);
    if (!identity) {
        refused(g, err < 0 ? reason_of(err) : f.reason);
        return;
    }
    use(g, identity);
    th_edges_file_taken(g->edges, &f);
    th_log(TH_LOG_INFO, "gateway: a new certificate is shown to those who come from now on");
}

void gw_tls_end(struct gateway *g)
{
    th_tls_identity_unref(TH_TAKE(g->identity));
}

int gw_tls_show(gnutls_session_t session, const gnutls_datum_t *unused_names, int unused_count,
    const gnutls_pk_algorithm_t *unused_algorithms, int unused_algorithm_count,
    gnutls_pcert_st **ret_certificates, unsigned *ret_count, gnutls_privkey_t *ret_key)
{
    struct gw_conn *c = gnutls_session_get_ptr(session);
    (void)unused_names, (void)unused_count, (void)unused_algorithms, (void)unused_algorithm_count;
    if (!c)
        return -1;
    if (!c->identity)
        c->identity = th_tls_identity_ref(c->g->identity);
    th_tls_identity_show(c->identity, ret_certificates, ret_count, ret_key);
    return 0;
}

const char *gw_tls_warning(const struct gateway *g)
{
    int64_t until_ns = th_tls_identity_until_ns(g->identity);
    if (until_ns <= g->now_ns)
        return "The certificate in keys/tls.crt has expired: browsers warn of it, and sensors that "
               "trust its issuer do not send. Put a new one there.";
    if (until_ns - SOON_NS <= g->now_ns)
        return "The certificate in keys/tls.crt expires in less than 14 days. Put a new one there; "
               "the master takes it while it runs.";
    return NULL;
}
