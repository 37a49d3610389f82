/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hash.h"

#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>

#include "base/mem.h"

union state {
    struct md5_ctx md5;
    struct sha1_ctx sha1;
    struct sha256_ctx sha256;
};

_Static_assert(sizeof(union state) <= sizeof(((struct th_digest *)0)->state),
    "struct th_digest has room for nettle's contexts");
_Static_assert(_Alignof(union state) <= _Alignof(struct th_digest), "and its alignment");

static union state *state_of(struct th_digest *d)
{
    return (union state *)(void *)d->state;
}

void th_digest_init(struct th_digest *d, enum th_digest_alg alg)
{
    d->alg = alg;
    switch (alg) {
    case TH_DIGEST_MD5: md5_init(&state_of(d)->md5); return;
    case TH_DIGEST_SHA1: sha1_init(&state_of(d)->sha1); return;
    case TH_DIGEST_SHA256: sha256_init(&state_of(d)->sha256); return;
    }
    TH_ASSERT(false && "a known digest");
}

void th_digest_update(struct th_digest *d, const void *data, size_t len_bytes)
{
    switch (d->alg) {
    case TH_DIGEST_MD5: md5_update(&state_of(d)->md5, len_bytes, data); return;
    case TH_DIGEST_SHA1: sha1_update(&state_of(d)->sha1, len_bytes, data); return;
    default: sha256_update(&state_of(d)->sha256, len_bytes, data); return;
    }
}

size_t th_digest_final(struct th_digest *d, uint8_t out[TH_DIGEST_MAX_LEN])
{
    switch (d->alg) {
    case TH_DIGEST_MD5: md5_digest(&state_of(d)->md5, TH_MD5_LEN, out); return TH_MD5_LEN;
    case TH_DIGEST_SHA1: sha1_digest(&state_of(d)->sha1, TH_SHA1_LEN, out); return TH_SHA1_LEN;
    default: sha256_digest(&state_of(d)->sha256, TH_SHA256_LEN, out); return TH_SHA256_LEN;
    }
}

void th_md5(const void *data, size_t len_bytes, uint8_t out[TH_MD5_LEN])
{
    struct md5_ctx ctx;
    md5_init(&ctx);
    md5_update(&ctx, len_bytes, data);
    md5_digest(&ctx, TH_MD5_LEN, out);
}

void th_sha1(const void *data, size_t len_bytes, uint8_t out[TH_SHA1_LEN])
{
    struct sha1_ctx ctx;
    sha1_init(&ctx);
    sha1_update(&ctx, len_bytes, data);
    sha1_digest(&ctx, TH_SHA1_LEN, out);
}

void th_sha256(const void *data, size_t len_bytes, uint8_t out[TH_SHA256_LEN])
{
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, len_bytes, data);
    sha256_digest(&ctx, TH_SHA256_LEN, out);
}

void th_hex(const uint8_t *data, size_t len_bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len_bytes; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len_bytes] = '\0';
}
