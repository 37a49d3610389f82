/* SPDX-License-Identifier: Apache-2.0 */
#include "analysers.h"

#include "base/mem.h"

struct registered {
    const struct th_analyser *an;
    unsigned ranges; /* 0: any first byte */
    uint8_t first[5][2];
};

/* The sure ones first, then those that rest on little. With each the first bytes, from and to, to
 * which its probe may say anything but no: so that a flow's first bytes are shown to few. */
static const struct registered registered[] = {
    {&th_tls_analyser, 2, {{0x16, 0x16}, {0x80, 0xff}}},
    {&th_http_analyser, 1, {{'A', 'Z'}}},
    {&th_http2_analyser, 2, {{'P', 'P'}, {0, 0}}},
    {&th_dns_analyser, 0, {{0}}},
    {&th_ssh_analyser, 1, {{'S', 'S'}}},
    {&th_smb_analyser, 2, {{0, 0}, {0x81, 0x82}}},
    {&th_dce_rpc_analyser, 1, {{5, 5}}},
    {&th_krb_analyser, 3, {{0, 0}, {0x6a, 0x6d}, {0x7e, 0x7e}}},
    {&th_dhcp_analyser, 1, {{1, 2}}},
    {&th_dhcp6_analyser, 1, {{1, 15}}},
    {&th_smtp_analyser, 5, {{'2', '2'}, {'E', 'E'}, {'H', 'H'}, {'e', 'e'}, {'h', 'h'}}},
    {&th_rdp_analyser, 1, {{3, 3}}},
    {&th_ldap_analyser, 1, {{0x30, 0x30}}},
    {&th_quic_analyser, 2, {{0x09, 0x7f}, {0xc0, 0xff}}},
    {&th_dtls_analyser, 1, {{0x16, 0x16}}},
    {&th_dnp3_analyser, 1, {{5, 5}}},
    {&th_s7comm_analyser, 1, {{3, 3}}},
    {&th_bacnet_analyser, 1, {{0x81, 0x81}}},
    {&th_enip_analyser, 0, {{0}}},
    {&th_ntp_analyser, 0, {{0}}},
    {&th_stun_analyser, 1, {{0, 0x3f}}},
    {&th_sip_analyser, 1, {{'A', 'U'}}},
    {&th_label_ssdp, 2, {{'H', 'H'}, {'M', 'N'}}},
    {&th_snmp_analyser, 1, {{0x30, 0x30}}},
    {&th_mqtt_analyser, 1, {{0x10, 0x10}}},
    {&th_rfb_analyser, 1, {{'R', 'R'}}},
    {&th_irc_analyser, 5, {{':', ':'}, {'C', 'C'}, {'N', 'N'}, {'P', 'P'}, {'U', 'U'}}},
    {&th_socks_analyser, 1, {{4, 5}}},
    {&th_syslog_analyser, 1, {{'<', '<'}}},
    {&th_radius_analyser, 1, {{1, 45}}},
    {&th_tftp_analyser, 1, {{0, 0}}},
    {&th_bittorrent_analyser, 2, {{0x13, 0x13}, {'d', 'd'}}},
    {&th_label_netbios_dgm, 1, {{0x10, 0x16}}},
    {&th_wireguard_analyser, 2, {{1, 2}, {4, 4}}},
    {&th_ike_analyser, 0, {{0}}},
    {&th_label_utp, 1, {{0x41, 0x41}}},
    {&th_label_rdpeudp, 1, {{0xff, 0xff}}},
    {&th_mysql_analyser, 0, {{0}}},
    {&th_postgresql_analyser, 1, {{0, 0}}},
    {&th_tds_analyser, 1, {{0, 0x12}}},
    {&th_redis_analyser, 0, {{0}}},
    {&th_mongodb_analyser, 0, {{0}}},
    {&th_imap_analyser, 1, {{'*', '*'}}},
    {&th_pop3_analyser, 1, {{'+', '+'}}},
    {&th_ftp_analyser, 3, {{'2', '2'}, {'A', 'A'}, {'U', 'U'}}},
    {&th_label_netbios_ssn, 1, {{0x81, 0x85}}},
    {&th_modbus_analyser, 0, {{0}}},
    {&th_label_telnet, 1, {{0xff, 0xff}}},
    {&th_openvpn_analyser, 0, {{0}}},
    {&th_label_bt_search, 1, {{'B', 'B'}}},
    {&th_label_tls_record, 1, {{20, 23}}},
    {&th_label_dtls_record, 1, {{21, 23}}},
};

const unsigned th_analyser_count = TH_ARRAY_LEN(registered);

_Static_assert(TH_ARRAY_LEN(registered) <= 64, "candidates are a bit each");

const struct th_analyser *th_analyser_at(unsigned i)
{
    return registered[i].an;
}

bool th_analyser_may(unsigned i, bool tcp, uint8_t first)
{
    const struct registered *r = &registered[i];
    bool may = r->ranges == 0;
    for (unsigned k = 0; k < r->ranges; k++)
        may |= first >= r->first[k][0] && first <= r->first[k][1];
    return may && (tcp ? r->an->tcp : r->an->udp);
}
