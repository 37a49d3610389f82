/* SPDX-License-Identifier: Apache-2.0 */
/* Remote administration: shares, remote procedure calls. */
#include <math.h>

#include "base/hash.h"
#include "learn_i.h"

#define BIT(f) (UINT64_C(1) << (f))

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
    th_note_fresh(n, TH_NOVEL_REMOTE, op, peer);
    n->b = fmax(n->b, base);
    if (!before)
        th_note_example(a->part, n, "", th_str_c(words));
    if (!before && what.len > 0)
        th_note_example(a->part, n, "", what);
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

void th_learn_smb_files(struct th_act *a, const struct th_ev_smb_files *ev, const struct th_who *w)
{
    struct th_win *win = a->win;
    bool write = th_str_has(ev->action, "WRITE");
    win->v[TH_FEAT_SMB_WRITES] += write;
    win->v[TH_FEAT_SMB_RENAMES] += th_str_has(ev->action, "RENAME");
    win->v[TH_FEAT_SMB_DELETES] += th_str_has(ev->action, "DELETE");
    win->tried |= BIT(TH_FEAT_REMOTE_EXEC);
    win->novel_tried |= 1u << TH_NOVEL_REMOTE;
    bool program = ends_with(ev->name, ".exe") || ends_with(ev->name, ".dll") ||
        ends_with(ev->name, ".sys") || ends_with(ev->name, ".ps1") || ends_with(ev->name, ".bat");
    if (program && is_admin_share(ev->path))
        th_learn_remote(a, w, 2, "put a program on an administration share", ev->name);
    else if (program && write)
        th_learn_remote(a, w, 1, "wrote a program to a share", ev->name);
    else if (th_str_has(ev->name, "svcctl") || th_str_has(ev->name, "atsvc"))
        th_learn_remote(a, w, 1, "opened an administration pipe", ev->name);
}
