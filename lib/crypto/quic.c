/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/quic.h"

#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "base/mem.h"

#define SALT_LEN 20u
#define TAG_LEN 16u
#define SAMPLE_LEN 16u
#define NUMBER_MAX_LEN 4u

/* RFC 9001 5.2, RFC 9369 3.3.1, and the drafts' of the former. */
static const uint8_t salt_v1[SALT_LEN] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d,
    0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
static const uint8_t salt_v2[SALT_LEN] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81,
    0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
static const uint8_t salt_29[SALT_LEN] = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e,
    0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};
static const uint8_t salt_23[SALT_LEN] = {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11,
    0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02};

static const uint8_t *salt_of(uint32_t version)
{
    if (version == TH_QUIC_V1)
        return salt_v1;
    if (version == TH_QUIC_V2)
        return salt_v2;
    if (version >> 8 != 0xff0000)
        return NULL;
    unsigned draft = version & 0xff;
    return draft < 23 || draft > 34 ? NULL : draft < 29 ? salt_23 : draft < 33 ? salt_29 : salt_v1;
}

/* RFC 8446 7.1, HKDF-Expand-Label without context. */
static void expand(
    const uint8_t secret[SHA256_DIGEST_SIZE], const char *label, uint8_t *ret, size_t len)
{
    uint8_t info[40];
    size_t n = strlen(label);
    TH_ASSERT(n + 10 <= sizeof(info));
    info[0] = 0;
    info[1] = (uint8_t)len;
    info[2] = (uint8_t)(6 + n);
    memcpy(info + 3, "tls13 ", 6);
    memcpy(info + 9, label, n);
    info[9 + n] = 0;
    struct hmac_sha256_ctx ctx;
    hmac_sha256_set_key(&ctx, SHA256_DIGEST_SIZE, secret);
    hkdf_expand(&ctx, (nettle_hash_update_func *)hmac_sha256_update,
        (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, 10 + n, info, len, ret);
}

static void side_keys(
    const uint8_t initial[SHA256_DIGEST_SIZE], const char *side, bool v2, struct th_quic_keys *ret)
{
    uint8_t secret[SHA256_DIGEST_SIZE];
    expand(initial, side, secret, sizeof(secret));
    expand(secret, v2 ? "quicv2 key" : "quic key", ret->key, sizeof(ret->key));
    expand(secret, v2 ? "quicv2 iv" : "quic iv", ret->iv, sizeof(ret->iv));
    expand(secret, v2 ? "quicv2 hp" : "quic hp", ret->hp, sizeof(ret->hp));
}

bool th_quic_initial_keys(uint32_t version, struct th_str dcid, struct th_quic_keys *ret_client,
    struct th_quic_keys *ret_server)
{
    const uint8_t *salt = salt_of(version);
    if (!salt)
        return false;
    uint8_t initial[SHA256_DIGEST_SIZE];
    struct hmac_sha256_ctx ctx;
    hmac_sha256_set_key(&ctx, SALT_LEN, salt);
    hmac_sha256_update(&ctx, dcid.len, (const uint8_t *)dcid.p);
    hmac_sha256_digest(&ctx, sizeof(initial), initial);
    side_keys(initial, "client in", version == TH_QUIC_V2, ret_client);
    side_keys(initial, "server in", version == TH_QUIC_V2, ret_server);
    return true;
}

/* RFC 9001 5.4: the mask comes from what follows a number of the greatest length. */
static size_t unmask(const struct th_quic_keys *k, uint8_t *packet, size_t pn_at)
{
    struct aes128_ctx aes;
    uint8_t mask[AES_BLOCK_SIZE];
    aes128_set_encrypt_key(&aes, k->hp);
    aes128_encrypt(&aes, SAMPLE_LEN, mask, packet + pn_at + NUMBER_MAX_LEN);
    packet[0] ^= mask[0] & 0x0f;
    size_t n = (packet[0] & 3u) + 1u;
    for (size_t i = 0; i < n; i++)
        packet[pn_at + i] ^= mask[1 + i];
    return n;
}

bool th_quic_open(const struct th_quic_keys *k, uint8_t *packet, size_t len, size_t pn_at,
    struct th_str *ret_content)
{
    if (len < NUMBER_MAX_LEN + SAMPLE_LEN || pn_at > len - NUMBER_MAX_LEN - SAMPLE_LEN)
        return false;
    size_t number_len = unmask(k, packet, pn_at), head_len = pn_at + number_len;
    size_t content_len = len - head_len - TAG_LEN;
    uint8_t nonce[sizeof(k->iv)], tag[TAG_LEN];
    memcpy(nonce, k->iv, sizeof(nonce));
    /* The number is sent whole in the first packets, the only ones that are opened. */
    for (size_t i = 0; i < number_len; i++)
        nonce[sizeof(nonce) - number_len + i] ^= packet[pn_at + i];
    struct gcm_aes128_ctx gcm;
    gcm_aes128_set_key(&gcm, k->key);
    gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
    gcm_aes128_update(&gcm, head_len, packet);
    gcm_aes128_decrypt(&gcm, content_len, packet + head_len, packet + head_len);
    gcm_aes128_digest(&gcm, sizeof(tag), tag);
    if (!memeql_sec(tag, packet + head_len + content_len, TAG_LEN))
        return false;
    *ret_content = th_str_n(packet + head_len, content_len);
    return true;
}
