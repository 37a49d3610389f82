/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users: whose name a login was under. DOMAIN\anna, anna@realm and anna/REALM are anna, where the
 * realm is one of ours; that is a realm in which a host of ours has let somebody in. Of another
 * realm, or of a single host, anna@there is somebody else.
 *
 * Whoever was let in once is known, and kept for 35 days after the last time. What was only tried
 * may be anything that somebody makes up: such names have a small table of their own, in which
 * those that several devices tried stay longest, and only these are told of.
 */
#include "identity_i.h"

#define MAX_KNOWN 65536u
#define MAX_TRIED 4096u
#define SWEEP 64u
#define FORGET_NS (35 * TH_NS_PER_DAY)
#define USER_SALT UINT64_C(0x75736572)
#define HOST_MAX 255u

/* A login as its event shows it. */
struct login {
    struct th_str user, realm;
    struct th_str target;
    enum th_net_login_outcome outcome;
    bool tells_realm; /* a realm in which it succeeds is ours */
};

/* ---- names ---- */

static bool is_nobody(struct th_str user)
{
    static const char *const names[] = {"anonymous", "anonymous logon", "defaultaccount", "ftp",
        "guest", "host", "krbtgt", "local service", "network service", "nobody", "none", "null",
        "system", "unknown", "-"};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        if (th_str_ieq(user, th_str_c(names[i])))
            return true;
    return user.len == 0 || user.p[user.len - 1] == '$';
}

/* What stands before and after the last c; false: there is none. */
static bool cut(struct th_str s, char c, struct th_str *ret_before, struct th_str *ret_after)
{
    for (uint32_t i = s.len; i-- > 0;) {
        if (s.p[i] != c)
            continue;
        *ret_before = th_str_n(s.p, i);
        *ret_after = th_str_n(s.p + i + 1, s.len - i - 1);
        return true;
    }
    return false;
}

static struct th_str first_label(struct th_str name)
{
    int64_t dot = th_str_index(name, '.');
    return dot < 0 ? name : th_str_n(name.p, (size_t)dot);
}

static void split_realm(struct login *l)
{
    struct th_str user;
    struct th_str realm;
    if (cut(l->user, '\\', &realm, &user) || cut(l->user, '@', &user, &realm)) {
        l->user = user;
        l->realm = realm;
    }
}

/* CORP, corp.example and CORP.EXAMPLE are one. */
static bool is_same_realm(struct th_str a, struct th_str b)
{
    char store_a[256];
    char store_b[256];
    if (th_str_ieq(a, b) || th_str_ieq(first_label(a), b) || th_str_ieq(a, first_label(b)))
        return true;
    struct th_str x = th_registered_domain(a, store_a);
    return x.len > 0 && th_str_ieq(x, th_registered_domain(b, store_b));
}

static bool is_our_realm(const struct th_identity *id, struct th_str realm)
{
    for (unsigned i = 0; i < id->users.realm_count; i++)
        if (is_same_realm(th_str_c(id->users.realm[i]), realm))
            return true;
    return false;
}

static bool is_no_realm(struct th_str realm)
{
    return realm.len == 0 || th_str_is(realm, ".") || th_str_ieq(realm, th_str_c("workgroup"));
}

static void learn_realm(struct th_identity *id, struct th_str realm)
{
    struct users *u = &id->users;
    if (is_no_realm(realm) || realm.len > HOST_MAX || u->realm_count == MAX_REALMS ||
        is_our_realm(id, realm))
        return;
    copy_printable(u->realm[u->realm_count++], sizeof(u->realm[0]), realm);
}

/* Lower case, with the realm where that is not ours; 0: nobody, or no name that fits. */
static size_t whole_name(
    const struct th_identity *id, const struct login *l, char out[TH_USER_NAME_LEN])
{
    bool ours = is_no_realm(l->realm) || is_our_realm(id, l->realm);
    size_t n = 0;
    size_t len = l->user.len + (ours ? 0 : 1 + (size_t)l->realm.len);
    if (is_nobody(l->user) || len >= TH_USER_NAME_LEN)
        return 0;
    for (uint32_t i = 0; i < l->user.len; i++)
        out[n++] = th_lower(l->user.p[i]);
    if (!ours)
        out[n++] = '@';
    for (uint32_t i = 0; !ours && i < l->realm.len; i++)
        out[n++] = th_lower(l->realm.p[i]);
    return n;
}

static uint64_t id_of(const struct th_identity *id, const char *name, size_t len)
{
    return TH_USER_BIT | th_hash_pair(th_siphash(&id->key, name, len), USER_SALT) >> 14;
}

/* ---- what events show ---- */

/* "cifs/files.corp.example" is files.corp.example; the ticket for tickets is of the KDC itself. */
static struct th_str host_of_service(struct th_str service)
{
    struct th_str rest = service;
    struct th_str class = th_str_split(&rest, '/');
    struct th_str host = th_str_split(&rest, '/');
    host = th_str_split(&host, '@');
    return th_str_ieq(class, th_str_c("krbtgt")) || host.len > HOST_MAX ? (struct th_str){0} : host;
}

static void read_kerberos(const struct th_ev_kerberos *ev, struct login *ret)
{
    bool tgs = th_str_is(ev->request_type, "TGS");
    struct th_str realm;
    ret->user = ev->client;
    ret->tells_realm = !tgs; /* tickets are also given to those of a realm that is trusted */
    if (cut(ev->client, '/', &ret->user, &realm))
        ret->realm = realm;
    /* A service, by its class and host; or a ticket that a service asked for in a user's name. */
    if (th_str_index(ret->user, '/') >= 0 || ev->for_user.len > 0)
        return;
    struct th_str written;
    if (cut(ret->user, '@', &ret->user, &written) && ret->realm.len == 0)
        ret->realm = written;
    if (!TH_HAS(ev, KERBEROS, success))
        ret->outcome = TH_NET_LOGIN_TRIED;
    else if (ev->success)
        ret->outcome = TH_NET_LOGIN_OK;
    else if (!tgs && ev->error_msg.len > 0 && !th_str_is(ev->error_msg, "KDC_ERR_PREAUTH_REQUIRED"))
        ret->outcome = TH_NET_LOGIN_FAILED;
    if (tgs)
        ret->target = host_of_service(ev->service);
}

static bool is_host(struct th_str realm, const struct th_entity *e)
{
    return e && th_str_ieq(realm, first_label(th_str_c(e->hostname)));
}

static void read_ntlm(const struct th_ev_ntlm *ev, const struct th_who *w, struct login *ret)
{
    ret->user = ev->username;
    ret->realm = ev->domainname;
    if (ret->realm.len == 0)
        split_realm(ret);
    /* An account of one host has that for its realm. */
    ret->tells_realm = !is_host(ret->realm, w->orig) && !is_host(ret->realm, w->resp) &&
        !th_str_ieq(ret->realm, ev->hostname) &&
        !th_str_ieq(ret->realm, ev->server_nb_computer_name);
    ret->outcome = !TH_HAS(ev, NTLM, success) ? TH_NET_LOGIN_TRIED
        : ev->success                         ? TH_NET_LOGIN_OK
                                              : TH_NET_LOGIN_FAILED;
}

static void read_login(const struct th_ev_login *ev, struct login *ret)
{
    if (th_str_is(ev->method, "COMMUNITY")) /* of SNMP: everybody's */
        return;
    ret->user = ev->user;
    split_realm(ret);
    if (TH_HAS(ev, LOGIN, success))
        ret->outcome = ev->success ? TH_NET_LOGIN_OK : TH_NET_LOGIN_FAILED;
    else
        ret->outcome = TH_NET_LOGIN_TRIED;
}

static void read_rdp(const struct th_ev_rdp *ev, struct login *ret)
{
    ret->user = ev->cookie;
    split_realm(ret);
    ret->outcome = TH_NET_LOGIN_TRIED;
}

/* ---- tables ---- */

static struct user_rec *find(const struct user_table *t, uint64_t id)
{
    uint32_t hash = index_hash(th_mix64(id));
    uint32_t at = hash;
    for (uint32_t r; (r = index_next(&t->by_id, hash, &at)) != NONE;)
        if (t->v[r].e.id == id)
            return &t->v[r];
    return NULL;
}

/* The last takes its place. */
static void take_out(struct user_table *t, struct user_rec *r)
{
    uint32_t at = (uint32_t)(r - t->v);
    uint32_t last = t->count - 1;
    index_remove(&t->by_id, index_hash(th_mix64(r->e.id)), at);
    if (at != last) {
        uint32_t hash = index_hash(th_mix64(t->v[last].e.id));
        index_remove(&t->by_id, hash, last);
        *r = t->v[last];
        index_put(&t->by_id, hash, at);
    }
    t->count--;
}

static bool is_less_worth(const struct user_rec *x, const struct user_rec *y)
{
    return x->several != y->several ? !x->several : x->e.last_ns < y->e.last_ns;
}

static void make_room(struct user_table *t, uint64_t *evicted)
{
    struct user_rec *least = NULL;
    if (t->count < t->max)
        return;
    for (uint32_t i = 0; i < SWEEP; i++) {
        t->hand = t->hand + 1 < t->count ? t->hand + 1 : 0;
        if (!least || is_less_worth(&t->v[t->hand], least))
            least = &t->v[t->hand];
    }
    take_out(t, least);
    ++*evicted;
}

struct user_rec *user_add(struct user_table *t, uint64_t id, uint64_t *evicted)
{
    make_room(t, evicted);
    if (t->count == t->cap) {
        t->cap = TH_MIN(t->cap ? t->cap * 2 : 64, t->max);
        t->v = th_xreallocarray(t->v, t->cap, sizeof(*t->v));
    }
    struct user_rec *r = &t->v[t->count];
    *r = (struct user_rec){.e = {.id = id}};
    index_put(&t->by_id, index_hash(th_mix64(id)), t->count++);
    return r;
}

void users_init(struct users *u)
{
    u->known.max = MAX_KNOWN;
    u->tried.max = MAX_TRIED;
}

static void table_done(struct user_table *t)
{
    free(t->v);
    index_done(&t->by_id);
}

void users_done(struct users *u)
{
    table_done(&u->known);
    table_done(&u->tried);
}

static bool is_forgotten(const struct th_identity *id, const struct user_rec *r)
{
    return th_time_sub(id->now_ns, r->e.last_ns) > FORGET_NS;
}

/* One at each login, so that nobody stays for ever. */
static void forget_next(struct th_identity *id)
{
    struct user_table *t = &id->users.known;
    if (t->count == 0)
        return;
    t->hand = t->hand + 1 < t->count ? t->hand + 1 : 0;
    if (is_forgotten(id, &t->v[t->hand]))
        take_out(t, &t->v[t->hand]);
}

static struct user_rec *add_known(struct th_identity *id, uint64_t user, struct th_str name)
{
    struct user_rec *tried = find(&id->users.tried, user);
    if (tried)
        take_out(&id->users.tried, tried);
    struct user_rec *r = user_add(&id->users.known, user, &id->stats.evicted_users);
    copy_printable(r->e.name, sizeof(r->e.name), name);
    r->e.known = true;
    r->e.first_ns = r->e.last_ns = id->now_ns;
    return r;
}

/* False while one device alone tries it. */
static bool note_tried(
    struct th_identity *id, uint64_t user, struct th_str name, const struct th_who *w)
{
    uint64_t source = w->orig ? w->orig->id : w->orig_peer.key;
    struct user_rec *r = find(&id->users.tried, user);
    if (!r) {
        r = user_add(&id->users.tried, user, &id->stats.evicted_names);
        copy_printable(r->e.name, sizeof(r->e.name), name);
        r->source = source;
        r->e.first_ns = id->now_ns;
    }
    r->several |= r->source != source;
    r->e.last_ns = id->now_ns;
    return r->several;
}

static void resolve(
    struct th_identity *id, const struct login *l, int64_t time_ns, struct th_who *ret)
{
    char name[TH_USER_NAME_LEN];
    bool late = is_late(id, time_ns);
    if (l->outcome == TH_NET_LOGIN_OK && l->tells_realm && !late && !is_nobody(l->user))
        learn_realm(id, l->realm);
    size_t n = whole_name(id, l, name);
    if (n == 0)
        return;
    uint64_t user = id_of(id, name, n);
    struct user_rec *r = find(&id->users.known, user);
    if (r && is_forgotten(id, r)) {
        take_out(&id->users.known, r);
        r = NULL;
    }
    if (!r && l->outcome == TH_NET_LOGIN_OK && !late)
        r = add_known(id, user, th_str_n(name, n));
    if (r)
        r->e.last_ns = TH_MAX(r->e.last_ns, time_ns);
    else if (late || l->outcome != TH_NET_LOGIN_FAILED ||
        !note_tried(id, user, th_str_n(name, n), ret))
        return;
    ret->login = (struct th_net_login){
        .user = user, .known = r != NULL, .outcome = l->outcome, .target = l->target};
}

void users_event(struct th_identity *id, const struct th_event *ev, struct th_who *ret)
{
    struct login l = {.outcome = TH_NET_LOGIN_NONE};
    switch (ev->kind) {
    case TH_KIND_KERBEROS: read_kerberos((const struct th_ev_kerberos *)ev, &l); break;
    case TH_KIND_NTLM: read_ntlm((const struct th_ev_ntlm *)ev, ret, &l); break;
    case TH_KIND_RDP: read_rdp((const struct th_ev_rdp *)ev, &l); break;
    case TH_KIND_LOGIN: read_login((const struct th_ev_login *)ev, &l); break;
    default: return;
    }
    forget_next(id);
    /* Who is known to a site outside is no user of ours. */
    if (l.outcome != TH_NET_LOGIN_NONE && ret->resp_peer.inside)
        resolve(id, &l, ev->time_ns, ret);
}

const struct th_net_user *th_identity_user(const struct th_identity *id, uint64_t entity_id)
{
    const struct user_rec *r = find(&id->users.known, entity_id);
    if (!r)
        r = find(&id->users.tried, entity_id);
    return r ? &r->e : NULL;
}

const struct th_net_user *th_identity_user_named(const struct th_identity *id, struct th_str name)
{
    char whole[TH_USER_NAME_LEN];
    struct login l = {.user = name};
    split_realm(&l);
    size_t n = whole_name(id, &l, whole);
    return n > 0 ? th_identity_user(id, id_of(id, whole, n)) : NULL;
}

uint32_t th_identity_users(const struct th_identity *id)
{
    return id->users.known.count;
}

/* Devices remember the last user by name alone. */
static void forget_at_devices(struct th_identity *id, uint64_t user)
{
    for (uint32_t i = 0; i < id->count; i++) {
        struct th_entity *e = &device_at(id, i)->e;
        struct login l = {.user = th_str_c(e->user)};
        char name[TH_USER_NAME_LEN];
        size_t n = whole_name(id, &l, name);
        if (n > 0 && id_of(id, name, n) == user)
            memset(e->user, 0, sizeof(e->user));
    }
}

bool user_forget(struct th_identity *id, uint64_t user)
{
    struct user_rec *known = find(&id->users.known, user);
    struct user_rec *tried = find(&id->users.tried, user);
    if (known)
        take_out(&id->users.known, known);
    if (tried)
        take_out(&id->users.tried, tried);
    forget_at_devices(id, user);
    return known || tried;
}
