/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts and remote administration: logins, shares, remote procedure calls. */
#include <math.h>

#include "base/hash.h"
#include "learn_i.h"

#define BIT(f) (UINT64_C(1) << (f))

void th_learn_login(struct th_act *orig, struct th_act *resp, const struct th_who *w, uint16_t port,
    double failed, double tried)
{
    struct th_act *acts[2] = {orig, resp};
    for (unsigned i = 0; i < 2; i++) {
        struct th_act *a = acts[i];
        if (!a)
            continue;
        struct th_peer peer = i == 0 ? w->resp_peer : w->orig_peer;
        unsigned feature = i == 0 ? TH_FEAT_BRUTE_FORCE : TH_FEAT_BRUTE_FORCE_IN;
        peer.port = port;
        if (i == 0)
            a->win->v[TH_FEAT_LOGIN_FAILED] += (uint64_t)failed;
        a->win->tried |= BIT(feature);
        /* Tried against this device: one note a service, whoever they are. */
        uint64_t key = th_hash_pair(i == 0 ? peer.key : 0, TH_SALT_BRUTE + port);
        struct th_note *n = th_note_get(a, feature, key, 4, failed + tried);
        if (!n)
            continue;
        bool before = n->flags != 0;
        if (!before || i == 0)
            th_note_peer(n, &peer);
        n->a += failed + 2 * tried;
        n->b += failed + tried;
        n->worth = (float)n->b;
        char addr[TH_ADDR_TEXT_LEN];
        th_addr_format(&peer.addr, addr);
        if (!before)
            th_note_example(n, i == 0 ? "at " : "from ", th_str_c(addr));
    }
}

static void note_user(struct th_act *a, struct th_str user, const struct th_peer *peer)
{
    char lower[64];
    if (user.len == 0 || user.p[user.len - 1] == '$')
        return;
    uint32_t n = TH_MIN(user.len, (uint32_t)sizeof(lower));
    for (uint32_t i = 0; i < n; i++)
        lower[i] = th_lower(user.p[i]);
    uint64_t key = th_siphash(&a->l->cfg.key, lower, n) ^ TH_SALT_USER;
    a->win->tried |= BIT(TH_FEAT_NEW_CREDENTIAL);
    if (!th_novelty_try(a, TH_NOVEL_USER, key))
        return;
    struct th_note *note =
        th_note_get(a, TH_FEAT_NEW_CREDENTIAL, key, 3, th_org_rarity(a->l->org, key, false));
    if (!note)
        return;
    th_note_peer(note, peer);
    note->popularity_key = key;
    note->novel = TH_NOVEL_USER + 1;
    note->a += 1;
    th_note_example(note, "user ", user);
}

void th_learn_kerberos(
    struct th_act *a, struct th_act *resp, const struct th_ev_kerberos *ev, const struct th_who *w)
{
    bool failed = TH_HAS(ev, KERBEROS, success) && !ev->success;
    /* Asking for pre-authentication is how every login begins. */
    if (failed && !th_str_is(ev->error_msg, "KDC_ERR_PREAUTH_REQUIRED") && ev->error_msg.len > 0)
        th_learn_login(a, resp, w, ev->id_resp_p, 1, 0);
    if (!a || failed)
        return;
    struct th_str rest = ev->client;
    struct th_str user = th_str_split(&rest, '/');
    rest = user;
    user = th_str_split(&rest, '@');
    note_user(a, user, &w->resp_peer);
}

void th_learn_ntlm(
    struct th_act *a, struct th_act *resp, const struct th_ev_ntlm *ev, const struct th_who *w)
{
    if (TH_HAS(ev, NTLM, success) && !ev->success)
        th_learn_login(a, resp, w, ev->id_resp_p, 1, 0);
    else if (a)
        note_user(a, ev->username, &w->resp_peer);
}

void th_learn_rdp(
    struct th_act *a, struct th_act *resp, const struct th_ev_rdp *ev, const struct th_who *w)
{
    th_learn_login(a, resp, w, ev->id_resp_p, 0, 0.5);
    if (a)
        note_user(a, ev->cookie, &w->resp_peer);
}

/* A password that whoever listens can read; a community of SNMP is everybody's and none. */
void th_learn_clear_login(struct th_act *a, const struct th_ev_login *ev, const struct th_who *w)
{
    const struct th_peer *peer = &w->resp_peer;
    uint64_t key = th_hash_pair(peer->key, (uint64_t)TH_SALT_CLEAR << 16 | ev->id_resp_p);
    a->win->tried |= BIT(TH_FEAT_CLEAR_LOGIN);
    if (!ev->cleartext || th_str_is(ev->method, "COMMUNITY") ||
        !th_novelty_try(a, TH_NOVEL_USER, key))
        return;
    struct th_note *n =
        th_note_get(a, TH_FEAT_CLEAR_LOGIN, key, 3, th_org_rarity(a->l->org, key, false));
    if (!n)
        return;
    th_note_peer(n, peer);
    n->port = ev->id_resp_p;
    n->popularity_key = key;
    n->novel = TH_NOVEL_USER + 1;
    n->a += 1;
    th_note_example(n, "user ", ev->user);
    th_note_example(n, "", ev->service);
}

/* How seldom an ordinary device does this, in decades, before the organisation is known. */
struct op {
    const char *endpoint;  /* "" any */
    const char *operation; /* prefix */
    double base;
    const char *words;
};

static const struct op ops[] = {
    {"svcctl", "CreateService", 2, "created a service"},
    {"svcctl", "StartService", 1.5, "started a service"},
    {"svcctl", "DeleteService", 1.5, "deleted a service"},
    {"svcctl", "ChangeServiceConfig", 1.5, "changed a service"},
    {"svcctl", "OpenSCManager", 1, "opened the service manager"},
    {"atsvc", "NetrJobAdd", 2, "scheduled a task"},
    {"atsvc", "JobAdd", 2, "scheduled a task"},
    {"ITaskSchedulerService", "SchRpcRegisterTask", 2, "registered a task"},
    {"ITaskSchedulerService", "SchRpcRun", 2, "ran a task"},
    {"ITaskSchedulerService", "", 1.5, "used the task scheduler"},
    {"drsuapi", "DRSGetNCChanges", 2.5, "asked for the directory's secrets (replication)"},
    {"drsuapi", "DRSReplicaAdd", 2, "added a replica"},
    {"winreg", "BaseRegS", 1.5, "changed the registry"},
    {"winreg", "BaseRegCreate", 1.5, "changed the registry"},
    {"winreg", "", 1, "read the registry"},
    {"samr", "SamrEnum", 0.5, "listed accounts"},
    {"samr", "SamrSetInformationUser", 1.5, "changed an account"},
    {"samr", "SamrCreateUser", 2, "created an account"},
    {"srvsvc", "NetrSessionEnum", 1, "listed sessions"},
    {"srvsvc", "NetrShareEnum", 0.5, "listed shares"},
    {"wkssvc", "NetrWkstaUserEnum", 1, "listed users logged on"},
    {"eventlog", "ElfrClearELF", 2.5, "cleared an event log"},
    {"IWbemLevel1Login", "", 1.5, "logged in to WMI"},
    {"IWbemServices", "ExecMethod", 2, "called a WMI method"},
    {"IWbemServices", "", 1.5, "used WMI"},
    {"ISystemActivator", "RemoteCreateInstance", 1, "activated a DCOM object"},
    {"IRemoteSCMActivator", "RemoteCreateInstance", 1, "activated a DCOM object"},
    {"IRemoteActivation", "", 1, "activated a DCOM object"},
    {"IDispatch", "Invoke", 1.5, "called a DCOM object"},
    {"efsrpc", "", 2, "used the file encryption interface"},
    {"lsarpc", "EfsRpc", 2, "used the file encryption interface"},
    {"spoolss", "RpcAddPrinterDriver", 2, "added a printer driver"},
    {"spoolss", "RpcRemoteFindFirstPrinterChange", 2, "made a print server call back"},
};

void th_learn_remote(
    struct th_act *a, const struct th_who *w, double base, const char *words, struct th_str what)
{
    const struct th_peer *peer = &w->resp_peer;
    uint64_t op = th_siphash(&a->l->cfg.key, words, strlen(words)) ^ TH_SALT_OP;
    a->win->tried |= BIT(TH_FEAT_REMOTE_EXEC);
    th_novelty_touch(a, op);
    if (!th_novelty_try(a, TH_NOVEL_REMOTE, th_hash_pair(op, peer->key ^ TH_SALT_OP_PEER)) &&
        !a->win->notes_remote)
        return;
    a->win->notes_remote = 1;
    struct th_note *n = th_note_get(a, TH_FEAT_REMOTE_EXEC, th_hash_pair(op, peer->key), 5, base);
    if (!n)
        return;
    bool before = n->flags != 0;
    th_note_peer(n, peer);
    n->popularity_key = op;
    n->novel = TH_NOVEL_REMOTE + 1;
    n->a += 1;
    n->b = fmax(n->b, base);
    if (!before)
        th_note_example(n, "", th_str_c(words));
    if (!before && what.len > 0)
        th_note_example(n, "", what);
}

void th_learn_rpc(struct th_act *a, const struct th_ev_dce_rpc *ev, const struct th_who *w)
{
    a->win->v[TH_FEAT_RPC_CALLS]++;
    a->win->tried |= BIT(TH_FEAT_REMOTE_EXEC);
    a->win->novel_tried |= 1u << TH_NOVEL_REMOTE;
    for (size_t i = 0; i < TH_ARRAY_LEN(ops); i++) {
        if (th_str_ieq(ev->endpoint, th_str_c(ops[i].endpoint)) &&
            th_str_starts(ev->operation, ops[i].operation)) {
            th_learn_remote(a, w, ops[i].base, ops[i].words, ev->operation);
            return;
        }
    }
}

static bool ends_with(struct th_str s, const char *end)
{
    uint32_t n = (uint32_t)strlen(end);
    return s.len >= n && th_str_ieq(th_str_n(s.p + s.len - n, n), th_str_c(end));
}

static bool is_admin_share(struct th_str path)
{
    return ends_with(path, "\\ADMIN$") || ends_with(path, "\\C$") || ends_with(path, "\\D$");
}

void th_learn_smb_mapping(
    struct th_act *a, const struct th_ev_smb_mapping *ev, const struct th_who *w)
{
    a->win->tried |= BIT(TH_FEAT_REMOTE_EXEC);
    a->win->novel_tried |= 1u << TH_NOVEL_REMOTE;
    if (is_admin_share(ev->path))
        th_learn_remote(a, w, 1, "connected to an administration share", ev->path);
}

static bool has_word(struct th_str s, const char *word)
{
    return s.len > 0 && memmem(s.p, s.len, word, strlen(word)) != NULL;
}

void th_learn_smb_files(struct th_act *a, const struct th_ev_smb_files *ev, const struct th_who *w)
{
    struct th_win *win = a->win;
    bool write = has_word(ev->action, "WRITE");
    win->v[TH_FEAT_SMB_WRITES] += write;
    win->v[TH_FEAT_SMB_RENAMES] += has_word(ev->action, "RENAME");
    win->v[TH_FEAT_SMB_DELETES] += has_word(ev->action, "DELETE");
    win->tried |= BIT(TH_FEAT_REMOTE_EXEC);
    win->novel_tried |= 1u << TH_NOVEL_REMOTE;
    bool program = ends_with(ev->name, ".exe") || ends_with(ev->name, ".dll") ||
        ends_with(ev->name, ".sys") || ends_with(ev->name, ".ps1") || ends_with(ev->name, ".bat");
    if (program && is_admin_share(ev->path))
        th_learn_remote(a, w, 2, "put a program on an administration share", ev->name);
    else if (program && write)
        th_learn_remote(a, w, 1, "wrote a program to a share", ev->name);
    else if (has_word(ev->name, "svcctl") || has_word(ev->name, "atsvc"))
        th_learn_remote(a, w, 1, "opened an administration pipe", ev->name);
}
