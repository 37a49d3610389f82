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
extern const struct th_analyser th_tls_analyser;
extern const struct th_analyser th_ssh_analyser;
extern const struct th_analyser th_dhcp_analyser;
extern const struct th_analyser th_smb_analyser;
extern const struct th_analyser th_dce_rpc_analyser;
extern const struct th_analyser th_krb_analyser;
extern const struct th_analyser th_rdp_analyser;
extern const struct th_analyser th_ldap_analyser;
extern const struct th_analyser th_smtp_analyser;
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

/* label.c */
extern const struct th_analyser th_label_quic;
extern const struct th_analyser th_label_dtls;
extern const struct th_analyser th_label_ntp;
extern const struct th_analyser th_label_snmp;
extern const struct th_analyser th_label_sip;
extern const struct th_analyser th_label_stun;
extern const struct th_analyser th_label_irc;
extern const struct th_analyser th_label_socks;
extern const struct th_analyser th_label_syslog;
extern const struct th_analyser th_label_radius;
extern const struct th_analyser th_label_tftp;
extern const struct th_analyser th_label_netbios_dgm;
extern const struct th_analyser th_label_ssdp;
extern const struct th_analyser th_label_telnet;
extern const struct th_analyser th_label_imap;
extern const struct th_analyser th_label_pop3;
extern const struct th_analyser th_label_ftp;
extern const struct th_analyser th_label_netbios_ssn;

#endif
