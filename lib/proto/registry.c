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
    &th_dhcp6_analyser,
    &th_smtp_analyser,
    &th_rdp_analyser,
    &th_ldap_analyser,
    &th_quic_analyser,
    &th_dtls_analyser,
    &th_dnp3_analyser,
    &th_s7comm_analyser,
    &th_bacnet_analyser,
    &th_enip_analyser,
    &th_ntp_analyser,
    &th_stun_analyser,
    &th_sip_analyser,
    &th_label_ssdp,
    &th_snmp_analyser,
    &th_mqtt_analyser,
    &th_rfb_analyser,
    &th_irc_analyser,
    &th_socks_analyser,
    &th_syslog_analyser,
    &th_radius_analyser,
    &th_label_tftp,
    &th_bittorrent_analyser,
    &th_label_netbios_dgm,
    &th_wireguard_analyser,
    &th_ike_analyser,
    &th_mysql_analyser,
    &th_postgresql_analyser,
    &th_tds_analyser,
    &th_redis_analyser,
    &th_mongodb_analyser,
    &th_imap_analyser,
    &th_pop3_analyser,
    &th_ftp_analyser,
    &th_label_netbios_ssn,
    &th_modbus_analyser,
    &th_label_telnet,
    &th_openvpn_analyser,
};

const unsigned th_analyser_count = TH_ARRAY_LEN(th_analysers);

_Static_assert(TH_ARRAY_LEN(th_analysers) <= 64, "ruled_out has a bit for each");
