/* SPDX-License-Identifier: Apache-2.0 */
#include "analysers.h"

#include "base/mem.h"

/* The sure ones first, then those that rest on little. */
const struct th_analyser *const th_analysers[] = {
    &th_tls_analyser,
    &th_http_analyser,
    &th_http2_analyser,
    &th_dns_analyser,
    &th_ssh_analyser,
    &th_smb_analyser,
    &th_dce_rpc_analyser,
    &th_krb_analyser,
    &th_dhcp_analyser,
    &th_smtp_analyser,
    &th_rdp_analyser,
    &th_ldap_analyser,
    &th_quic_analyser,
    &th_dtls_analyser,
    &th_ntp_analyser,
    &th_stun_analyser,
    &th_sip_analyser,
    &th_label_ssdp,
    &th_snmp_analyser,
    &th_label_mqtt,
    &th_label_rfb,
    &th_irc_analyser,
    &th_socks_analyser,
    &th_syslog_analyser,
    &th_radius_analyser,
    &th_label_tftp,
    &th_label_bittorrent,
    &th_label_netbios_dgm,
    &th_label_wireguard,
    &th_label_mysql,
    &th_label_postgresql,
    &th_label_tds,
    &th_label_redis,
    &th_label_mongodb,
    &th_imap_analyser,
    &th_pop3_analyser,
    &th_ftp_analyser,
    &th_label_netbios_ssn,
    &th_label_modbus,
    &th_label_dnp3,
    &th_label_telnet,
    &th_label_openvpn,
};

const unsigned th_analyser_count = TH_ARRAY_LEN(th_analysers);

_Static_assert(TH_ARRAY_LEN(th_analysers) <= 64, "ruled_out has a bit for each");
