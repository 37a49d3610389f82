/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of a Windows network and what analysers log of them. */
#include "apps.h"
#include "base/hash.h"
#include "base/mem.h"

#define OR_EMPTY(p) th_str_c((p) ? (p) : "")

void lab_kerberos(struct lab_actor *a, int64_t ts, const struct lab_device *dc, const char *request,
    struct th_str client, struct th_str service, const char *error)
{
    struct lab_flow *f = lab_open_to(a, ts, LAB_TCP, dc, 88);
    int64_t rtt = TH_NS_PER_MS + lab_exp_ns(&a->rng, TH_NS_PER_MS);
    f->service = "krb_tcp";
    f->up = error ? 221 : lab_bytes(&a->rng, request[0] == 'A' ? 300 : 1601, 0.1, 200, 3000);
    f->down = error ? 182 : lab_bytes(&a->rng, 1573, 0.1, 900, 3000);
    f->dur_ns = 2 * rtt;
    f->state = LAB_RSTR;
    struct th_ev_kerberos *e = LAB_REC(a, f, KERBEROS, ts + rtt / 2, ts + rtt);
    TH_SET(e, KERBEROS, request_type, th_str_c(request));
    TH_SET(e, KERBEROS, client, LAB_TEXT(a, f, client));
    TH_SET(e, KERBEROS, service, LAB_TEXT(a, f, service));
    TH_SET(e, KERBEROS, success, error == NULL);
    if (error)
        TH_SET(e, KERBEROS, error_msg, th_str_c(error));
    else
        TH_SET(e, KERBEROS, till, th_time_floor(ts, TH_NS_PER_DAY) + 34 * TH_NS_PER_HOUR);
    TH_SET(e, KERBEROS, cipher, th_str_c("aes256-cts-hmac-sha1-96"));
    TH_SET(e, KERBEROS, forwardable, true);
    TH_SET(e, KERBEROS, renewable, true);
    lab_submit(a, f);
}

struct lab_flow *lab_smb(struct lab_actor *a, int64_t ts, const struct lab_device *to,
    const char *share, int64_t dur_ns, uint64_t up, uint64_t down)
{
    struct lab_flow *f = lab_open_to(a, ts, LAB_TCP, to, 445);
    f->service = "gssapi,smb,krb";
    f->up = 2600 + up;
    f->down = 2100 + down;
    f->dur_ns = 12 * TH_NS_PER_MS + dur_ns;
    f->state = lab_chance(&a->rng, 0.6) ? LAB_RSTO : LAB_SF;
    struct th_ev_smb_mapping *e =
        LAB_REC(a, f, SMB_MAPPING, ts + 6 * TH_NS_PER_MS, ts + 6 * TH_NS_PER_MS);
    bool pipe = strcmp(share, "IPC$") == 0;
    TH_SET(e, SMB_MAPPING, path, lab_printf(a, f, "\\\\%s\\%s", to->fqdn, share));
    TH_SET(e, SMB_MAPPING, share_type, th_str_c(pipe ? "PIPE" : "DISK"));
    if (!pipe)
        TH_SET(e, SMB_MAPPING, native_file_system, th_str_c("NTFS"));
    return f;
}

void lab_smb_file(struct lab_actor *a, struct lab_flow *f, int64_t ts, const char *action,
    struct th_str name, uint64_t size, struct th_str prev_name)
{
    struct th_ev_smb_files *e = LAB_REC(a, f, SMB_FILES, ts, ts);
    TH_SET(e, SMB_FILES, action, th_str_c(action));
    for (struct lab_rec *r = f->recs; r; r = r->next)
        if (r->ev->kind == TH_KIND_SMB_MAPPING)
            TH_SET(e, SMB_FILES, path, ((struct th_ev_smb_mapping *)r->ev)->path);
    TH_SET(e, SMB_FILES, name, LAB_TEXT(a, f, name));
    TH_SET(e, SMB_FILES, size, size);
    if (prev_name.len)
        TH_SET(e, SMB_FILES, prev_name, LAB_TEXT(a, f, prev_name));
}

void lab_ntlm(struct lab_actor *a, struct lab_flow *f, int64_t ts, const struct lab_device *to,
    const char *user, bool success)
{
    struct th_ev_ntlm *e = LAB_REC(a, f, NTLM, ts, ts + 2 * TH_NS_PER_MS);
    TH_SET(e, NTLM, username, lab_printf(a, f, "%s", user));
    TH_SET(e, NTLM, hostname, lab_printf(a, f, "%s", a->dev->name));
    TH_SET(e, NTLM, domainname, th_str_c(lab_own_netbios(a)));
    TH_SET(e, NTLM, server_nb_computer_name, th_str_c(to->name));
    TH_SET(e, NTLM, server_dns_computer_name, th_str_c(to->fqdn));
    TH_SET(e, NTLM, server_tree_name, th_str_c(lab_own_domain(a)));
    TH_SET(e, NTLM, success, success);
}

void lab_rpc(struct lab_actor *a, struct lab_flow *f, int64_t ts, const char *pipe,
    const char *endpoint, const char *operation)
{
    int64_t rtt = 400 * TH_NS_PER_US + lab_exp_ns(&a->rng, 500 * TH_NS_PER_US);
    struct th_ev_dce_rpc *e = LAB_REC(a, f, DCE_RPC, ts, ts + rtt);
    TH_SET(e, DCE_RPC, rtt, rtt);
    TH_SET(e, DCE_RPC, named_pipe, th_str_c(pipe));
    TH_SET(e, DCE_RPC, endpoint, th_str_c(endpoint));
    TH_SET(e, DCE_RPC, operation, th_str_c(operation));
}

void lab_ssh(struct lab_actor *a, int64_t ts, const struct lab_device *to, int64_t dur_ns,
    uint64_t up, uint64_t down, bool success)
{
    struct lab_flow *f = lab_open_to(a, ts, LAB_TCP, to, 22);
    f->service = "ssh";
    f->up = 2400 + up;
    f->down = 2900 + down;
    f->dur_ns = 400 * TH_NS_PER_MS + dur_ns;
    struct th_ev_ssh *e = LAB_REC(a, f, SSH, ts + 2 * TH_NS_PER_MS, ts + 300 * TH_NS_PER_MS);
    bool windows = a->dev->os == LAB_OS_WINDOWS;
    TH_SET(e, SSH, version, 2);
    TH_SET(e, SSH, auth_success, success);
    TH_SET(e, SSH, auth_attempts, success ? 1 : 3);
    TH_SET(e, SSH, client,
        th_str_c(windows ? "SSH-2.0-OpenSSH_for_Windows_9.5" : "SSH-2.0-OpenSSH_9.2p1 Debian-2"));
    TH_SET(e, SSH, server, th_str_c("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"));
    TH_SET(e, SSH, cipher_alg, th_str_c("chacha20-poly1305@openssh.com"));
    TH_SET(e, SSH, mac_alg, th_str_c("umac-64-etm@openssh.com"));
    TH_SET(e, SSH, kex_alg, th_str_c("curve25519-sha256"));
    TH_SET(e, SSH, host_key_alg, th_str_c("ssh-ed25519"));
    TH_SET(e, SSH, hassh,
        th_str_c(
            windows ? "ec7378c1a92f5a8dde7e8b7a1ddf33d1" : "78c05d999799066a2b4554ce7b1585a6"));
    lab_submit(a, f);
}

void lab_rdp(struct lab_actor *a, int64_t ts, const struct lab_device *to, int64_t dur_ns,
    const char *user, bool success)
{
    struct lab_flow *f = lab_open_to(a, ts, LAB_TCP, to, 3389);
    uint64_t seconds = (uint64_t)(dur_ns / TH_NS_PER_S);
    f->service = "rdp,ssl";
    f->up = 3200 + (success ? seconds * 900 : 0);
    f->down = 4100 + (success ? seconds * 14000 : 0);
    f->dur_ns = 300 * TH_NS_PER_MS + dur_ns;
    f->state = success ? LAB_RSTO : LAB_SF;
    struct th_ev_rdp *e = LAB_REC(a, f, RDP, ts + TH_NS_PER_MS, ts + 60 * TH_NS_PER_MS);
    TH_SET(e, RDP, cookie, lab_printf(a, f, "%.9s", user));
    TH_SET(e, RDP, result, th_str_c("encrypted"));
    TH_SET(e, RDP, security_protocol, th_str_c("HYBRID"));
    TH_SET(e, RDP, client_name, th_str_c(a->dev->name));
    lab_ntlm(a, f, ts + 80 * TH_NS_PER_MS, to, user, success);
    lab_submit(a, f);
}
