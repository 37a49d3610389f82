/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_hello.h"

#include "base/mem.h"

static const struct {
    uint16_t id;
    const char *name;
} ciphers[] = {
#define TH_CIPHER(id, name) {id, name},
#include "tls_ciphers.def"
#undef TH_CIPHER
};

struct th_str th_tls_cipher_name(struct th_arena *a, uint16_t cipher)
{
    size_t low = 0, high = TH_ARRAY_LEN(ciphers);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (ciphers[mid].id < cipher)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < TH_ARRAY_LEN(ciphers) && ciphers[low].id == cipher)
        return th_str_c(ciphers[low].name);
    return th_arena_printf(a, "unknown-%u", cipher);
}

struct th_str th_tls_version_name(struct th_arena *a, uint16_t version)
{
    switch (version) {
    case 0x0002: return th_str_c("SSLv2");
    case 0x0300: return th_str_c("SSLv3");
    case 0x0301: return th_str_c("TLSv10");
    case 0x0302: return th_str_c("TLSv11");
    case 0x0303: return th_str_c("TLSv12");
    case 0x0304: return th_str_c("TLSv13");
    case 0xfeff: return th_str_c("DTLSv10");
    case 0xfefd: return th_str_c("DTLSv12");
    case 0xfefc: return th_str_c("DTLSv13");
    default: break;
    }
    if (version >> 8 == 0x7f)
        return th_arena_printf(a, "TLSv13-draft%u", version & 0xff);
    return th_arena_printf(a, "unknown-%u", version);
}

/* IANA's TLS Supported Groups. */
struct th_str th_tls_group_name(struct th_arena *a, uint16_t group)
{
    static const char *const low[] = {[1] = "sect163k1",
        "sect163r1",
        "sect163r2",
        "sect193r1",
        "sect193r2",
        "sect233k1",
        "sect233r1",
        "sect239k1",
        "sect283k1",
        "sect283r1",
        "sect409k1",
        "sect409r1",
        "sect571k1",
        "sect571r1",
        "secp160k1",
        "secp160r1",
        "secp160r2",
        "secp192k1",
        "secp192r1",
        "secp224k1",
        "secp224r1",
        "secp256k1",
        "secp256r1",
        "secp384r1",
        "secp521r1",
        "brainpoolP256r1",
        "brainpoolP384r1",
        "brainpoolP512r1",
        "x25519",
        "x448"};
    static const char *const ffdhe[] = {
        "ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"};
    if (group && group < TH_ARRAY_LEN(low))
        return th_str_c(low[group]);
    if (group >= 0x100 && group < 0x100 + TH_ARRAY_LEN(ffdhe))
        return th_str_c(ffdhe[group - 0x100]);
    switch (group) {
    case 0x0029: return th_str_c("curveSM2");
    case 0x11eb: return th_str_c("SecP256r1MLKEM768");
    case 0x11ec: return th_str_c("X25519MLKEM768");
    case 0x11ed: return th_str_c("SecP384r1MLKEM1024");
    case 0x6399: return th_str_c("X25519Kyber768Draft00");
    default: return th_arena_printf(a, "unknown-%u", group);
    }
}

/* RFC 8446 6 and what older versions had. */
struct th_str th_tls_alert_name(struct th_arena *a, uint8_t alert)
{
    static const struct {
        uint8_t id;
        const char *name;
    } alerts[] = {{0, "close_notify"}, {10, "unexpected_message"}, {20, "bad_record_mac"},
        {21, "decryption_failed"}, {22, "record_overflow"}, {30, "decompression_failure"},
        {40, "handshake_failure"}, {41, "no_certificate"}, {42, "bad_certificate"},
        {43, "unsupported_certificate"}, {44, "certificate_revoked"}, {45, "certificate_expired"},
        {46, "certificate_unknown"}, {47, "illegal_parameter"}, {48, "unknown_ca"},
        {49, "access_denied"}, {50, "decode_error"}, {51, "decrypt_error"},
        {60, "export_restriction"}, {70, "protocol_version"}, {71, "insufficient_security"},
        {80, "internal_error"}, {86, "inappropriate_fallback"}, {90, "user_canceled"},
        {100, "no_renegotiation"}, {109, "missing_extension"}, {110, "unsupported_extension"},
        {111, "certificate_unobtainable"}, {112, "unrecognized_name"},
        {113, "bad_certificate_status_response"}, {114, "bad_certificate_hash_value"},
        {115, "unknown_psk_identity"}, {116, "certificate_required"},
        {120, "no_application_protocol"}};
    for (size_t i = 0; i < TH_ARRAY_LEN(alerts); i++)
        if (alerts[i].id == alert)
            return th_str_c(alerts[i].name);
    return th_arena_printf(a, "unknown-%u", alert);
}
