/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of Kerberos in words. */
#include "krb.h"

struct th_str th_krb_cipher(struct th_arena *a, int64_t etype)
{
    switch (etype) {
    case 1: return th_str_c("des-cbc-crc");
    case 3: return th_str_c("des-cbc-md5");
    case 16: return th_str_c("des3-cbc-sha1");
    case 17: return th_str_c("aes128-cts-hmac-sha1-96");
    case 18: return th_str_c("aes256-cts-hmac-sha1-96");
    case 19: return th_str_c("aes128-cts-hmac-sha256-128");
    case 20: return th_str_c("aes256-cts-hmac-sha384-192");
    case 23: return th_str_c("rc4-hmac");
    case 24: return th_str_c("rc4-hmac-exp");
    case -128: return th_str_c("rc4-md4"); /* Windows' own */
    case -133: return th_str_c("rc4-hmac-old");
    case -135: return th_str_c("rc4-hmac-old-exp");
    default: return th_arena_printf(a, "unknown-%lld", (long long)etype);
    }
}

/* RFC 4120 7.5.9, RFC 4556 3.1.3, RFC 6113 5.3 */
struct th_str th_krb_error(struct th_arena *a, int64_t code)
{
    static const char *const names[] = {"KDC_ERR_NONE", "KDC_ERR_NAME_EXP", "KDC_ERR_SERVICE_EXP",
        "KDC_ERR_BAD_PVNO", "KDC_ERR_C_OLD_MAST_KVNO", "KDC_ERR_S_OLD_MAST_KVNO",
        "KDC_ERR_C_PRINCIPAL_UNKNOWN", "KDC_ERR_S_PRINCIPAL_UNKNOWN",
        "KDC_ERR_PRINCIPAL_NOT_UNIQUE", "KDC_ERR_NULL_KEY", "KDC_ERR_CANNOT_POSTDATE",
        "KDC_ERR_NEVER_VALID", "KDC_ERR_POLICY", "KDC_ERR_BADOPTION", "KDC_ERR_ETYPE_NOSUPP",
        "KDC_ERR_SUMTYPE_NOSUPP", "KDC_ERR_PADATA_TYPE_NOSUPP", "KDC_ERR_TRTYPE_NOSUPP",
        "KDC_ERR_CLIENT_REVOKED", "KDC_ERR_SERVICE_REVOKED", "KDC_ERR_TGT_REVOKED",
        "KDC_ERR_CLIENT_NOTYET", "KDC_ERR_SERVICE_NOTYET", "KDC_ERR_KEY_EXPIRED",
        "KDC_ERR_PREAUTH_FAILED", "KDC_ERR_PREAUTH_REQUIRED", "KDC_ERR_SERVER_NOMATCH",
        "KDC_ERR_MUST_USE_USER2USER", "KDC_ERR_PATH_NOT_ACCEPTED",
        "KDC_ERR_SVC_UNAVAILABLE", [31] = "KRB_AP_ERR_BAD_INTEGRITY", "KRB_AP_ERR_TKT_EXPIRED",
        "KRB_AP_ERR_TKT_NYV", "KRB_AP_ERR_REPEAT", "KRB_AP_ERR_NOT_US", "KRB_AP_ERR_BADMATCH",
        "KRB_AP_ERR_SKEW", "KRB_AP_ERR_BADADDR", "KRB_AP_ERR_BADVERSION", "KRB_AP_ERR_MSG_TYPE",
        "KRB_AP_ERR_MODIFIED", "KRB_AP_ERR_BADORDER", [44] = "KRB_AP_ERR_BADKEYVER",
        "KRB_AP_ERR_NOKEY", "KRB_AP_ERR_MUT_FAIL", "KRB_AP_ERR_BADDIRECTION", "KRB_AP_ERR_METHOD",
        "KRB_AP_ERR_BADSEQ", "KRB_AP_ERR_INAPP_CKSUM", "KRB_AP_PATH_NOT_ACCEPTED",
        "KRB_ERR_RESPONSE_TOO_BIG", [60] = "KRB_ERR_GENERIC", "KRB_ERR_FIELD_TOOLONG",
        "KDC_ERR_CLIENT_NOT_TRUSTED", "KDC_ERR_KDC_NOT_TRUSTED", "KDC_ERR_INVALID_SIG",
        "KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED", "KDC_ERR_CERTIFICATE_MISMATCH",
        "KRB_AP_ERR_NO_TGT", "KDC_ERR_WRONG_REALM", "KRB_AP_ERR_USER_TO_USER_REQUIRED",
        "KDC_ERR_CANT_VERIFY_CERTIFICATE", "KDC_ERR_INVALID_CERTIFICATE",
        "KDC_ERR_REVOKED_CERTIFICATE", "KDC_ERR_REVOCATION_STATUS_UNKNOWN",
        "KDC_ERR_REVOCATION_STATUS_UNAVAILABLE", "KDC_ERR_CLIENT_NAME_MISMATCH",
        "KDC_ERR_INCONSISTENT_KEY_PURPOSE", [90] = "KDC_ERR_PREAUTH_EXPIRED",
        "KDC_ERR_MORE_PREAUTH_DATA_REQUIRED", [93] = "KDC_ERR_UNKNOWN_CRITICAL_FAST_OPTION"};
    if (code >= 0 && code < (int64_t)TH_ARRAY_LEN(names) && names[code])
        return th_str_c(names[code]);
    return th_arena_printf(a, "unknown-%lld", (long long)code);
}

struct th_str th_krb_preauth(struct th_arena *a, int64_t type)
{
    static const char *const names[] = {[1] = "TGS-REQ",
        "ENC-TIMESTAMP",
        [16] = "PK-AS-REQ",
        "PK-AS-REP",
        [128] = "PAC-REQUEST",
        "FOR-USER",
        "FOR-X509-USER",
        [133] = "FX-COOKIE",
        [136] = "FX-FAST",
        [138] = "ENCRYPTED-CHALLENGE",
        [149] = "REQ-ENC-PA-REP",
        [150] = "AS-FRESHNESS",
        [151] = "SPAKE",
        [165] = "SUPPORTED-ETYPES",
        [167] = "PAC-OPTIONS"};
    if (type >= 0 && type < (int64_t)TH_ARRAY_LEN(names) && names[type])
        return th_str_c(names[type]);
    return th_arena_printf(a, "unknown-%lld", (long long)type);
}

/* RFC 4120 5.4.1, MS-SFU 2.2.3; bit 0 is the highest. */
struct th_strs th_krb_options(struct th_arena *a, uint32_t options)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } names[] = {{2, "forwarded"}, {3, "proxiable"}, {4, "proxy"}, {5, "allow-postdate"},
        {6, "postdated"}, {14, "cname-in-addl-tkt"}, {15, "canonicalize"},
        {16, "request-anonymous"}, {28, "enc-tkt-in-skey"}, {30, "renew"}, {31, "validate"}};
    struct th_strs s = {.v = th_arena_alloc(a, sizeof(*s.v) * TH_ARRAY_LEN(names))};
    struct th_str *v = (struct th_str *)s.v;
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        if (options >> (31 - names[i].bit) & 1)
            v[s.n++] = th_str_c(names[i].name);
    return s;
}
