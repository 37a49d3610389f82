/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every analyser there is, by name. The order in which they are asked stands in
 * registry.c.
 */
#ifndef TH_PROTO_ANALYSERS_H
#define TH_PROTO_ANALYSERS_H

#include "analyser.h"

extern const struct th_analyser th_dns_analyser;
extern const struct th_analyser th_http_analyser;
extern const struct th_analyser th_http2_analyser;
extern const struct th_analyser th_tls_analyser;
extern const struct th_analyser th_ssh_analyser;
extern const struct th_analyser th_dhcp_analyser;
extern const struct th_analyser th_smb_analyser;
extern const struct th_analyser th_dce_rpc_analyser;
extern const struct th_analyser th_krb_analyser;
extern const struct th_analyser th_rdp_analyser;
extern const struct th_analyser th_ldap_analyser;
extern const struct th_analyser th_smtp_analyser;
extern const struct th_analyser th_quic_analyser;
extern const struct th_analyser th_dtls_analyser;
extern const struct th_analyser th_stun_analyser;
extern const struct th_analyser th_ftp_analyser;
extern const struct th_analyser th_imap_analyser;
extern const struct th_analyser th_pop3_analyser;
extern const struct th_analyser th_ntp_analyser;
extern const struct th_analyser th_snmp_analyser;
extern const struct th_analyser th_sip_analyser;
extern const struct th_analyser th_radius_analyser;
extern const struct th_analyser th_syslog_analyser;
extern const struct th_analyser th_irc_analyser;
extern const struct th_analyser th_socks_analyser;

extern const struct th_analyser th_modbus_analyser;
extern const struct th_analyser th_dnp3_analyser;
extern const struct th_analyser th_s7comm_analyser;
extern const struct th_analyser th_enip_analyser;
extern const struct th_analyser th_bacnet_analyser;
extern const struct th_analyser th_mysql_analyser;
extern const struct th_analyser th_postgresql_analyser;
extern const struct th_analyser th_tds_analyser;
extern const struct th_analyser th_redis_analyser;
extern const struct th_analyser th_mongodb_analyser;
extern const struct th_analyser th_mqtt_analyser;
extern const struct th_analyser th_rfb_analyser;
extern const struct th_analyser th_wireguard_analyser;
extern const struct th_analyser th_openvpn_analyser;
extern const struct th_analyser th_ike_analyser;
extern const struct th_analyser th_bittorrent_analyser;
extern const struct th_analyser th_dhcp6_analyser;

extern const struct th_analyser th_tftp_analyser;
/* Never asked: begun for flows that were announced. */
extern const struct th_analyser th_tftp_data_analyser;
extern const struct th_analyser th_ftp_data_analyser;

/* label.c */
extern const struct th_analyser th_label_rdpeudp;
extern const struct th_analyser th_label_utp;
extern const struct th_analyser th_label_netbios_dgm;
extern const struct th_analyser th_label_ssdp;
extern const struct th_analyser th_label_bt_search;
extern const struct th_analyser th_label_tls_record;
extern const struct th_analyser th_label_dtls_record;
extern const struct th_analyser th_label_telnet;
extern const struct th_analyser th_label_netbios_ssn;

#endif
