/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/keychain.h"

#include <sodium.h>

#include "base/cursor.h"
#include "crypto/aead.h"
#include "crypto/random.h"

#define VERSION 1u

struct data_key {
    uint32_t number;
    uint8_t seal[TH_KEYCHAIN_KEY_BYTES];
};

struct th_keychain {
    uint8_t instance[TH_KEYCHAIN_KEY_BYTES];
    struct data_key keys[TH_KEYCHAIN_MAX_KEYS];
    unsigned count;
};

struct th_keychain *th_keychain_new(const uint8_t instance_key[TH_KEYCHAIN_KEY_BYTES])
{
    struct th_keychain *k = th_xcalloc(1, sizeof(*k));
    memcpy(k->instance, instance_key, sizeof(k->instance));
    return k;
}

void th_keychain_free(struct th_keychain *k)
{
    if (k)
        th_wipe(k, sizeof(*k));
    free(k);
}

/* What a wrapped key is bound to: its number, so that two cannot change places. */
static struct th_str key_place(uint32_t number, char room[32])
{
    int n = snprintf(room, 32, "data key %u", number);
    return th_str_n(room, (size_t)n);
}

static void wrap(
    const uint8_t instance[TH_KEYCHAIN_KEY_BYTES], const struct data_key *key, struct th_buf *out)
{
    char room[32];
    th_aead_seal(
        instance, key_place(key->number, room), th_str_n(key->seal, sizeof(key->seal)), out);
}

int th_keychain_take(struct th_keychain *k, uint32_t number, struct th_str wrapped)
{
    char room[32];
    if (k->count == TH_KEYCHAIN_MAX_KEYS)
        return TH_E_LIMIT;
    if (number <= th_keychain_newest(k) ||
        wrapped.len != TH_KEYCHAIN_KEY_BYTES + TH_AEAD_EXTRA_BYTES)
        return TH_E_MALFORMED;
    struct data_key *key = &k->keys[k->count];
    int64_t r = th_aead_open(k->instance, key_place(number, room), wrapped, key->seal);
    if (r < 0)
        return (int)r;
    key->number = number;
    k->count++;
    return 0;
}

int th_keychain_rotate(struct th_keychain *k, struct th_buf *ret_wrapped)
{
    if (k->count == TH_KEYCHAIN_MAX_KEYS || th_keychain_newest(k) >= INT32_MAX)
        return TH_E_LIMIT;
    uint32_t number = th_keychain_newest(k) + 1;
    struct data_key *key = &k->keys[k->count++];
    key->number = number;
    th_random_bytes(key->seal, sizeof(key->seal));
    wrap(k->instance, key, ret_wrapped);
    return (int)number;
}

int th_keychain_rewrap(struct th_keychain *k, const uint8_t instance_key[TH_KEYCHAIN_KEY_BYTES],
    int (*fn)(void *arg, uint32_t number, struct th_str wrapped), void *arg)
{
    for (unsigned i = 0; i < k->count; i++) {
        TH_AUTOBUF struct th_buf wrapped = TH_BUF_INIT;
        wrap(instance_key, &k->keys[i], &wrapped);
        int r = fn(arg, k->keys[i].number, th_buf_view(&wrapped));
        if (r < 0)
            return r;
    }
    memcpy(k->instance, instance_key, sizeof(k->instance));
    return 0;
}

uint32_t th_keychain_newest(const struct th_keychain *k)
{
    return k->count ? k->keys[k->count - 1].number : 0;
}

static const struct data_key *find_key(const struct th_keychain *k, uint32_t number)
{
    for (unsigned i = 0; i < k->count; i++)
        if (k->keys[i].number == number)
            return &k->keys[i];
    return NULL;
}

int th_keychain_seal(
    struct th_keychain *k, const char *context, struct th_str secret, struct th_buf *out)
{
    if (k->count == 0)
        return -ENOKEY;
    if (secret.len > TH_KEYCHAIN_MAX_SECRET)
        return TH_E_LIMIT;
    const struct data_key *key = &k->keys[k->count - 1];
    th_buf_u8(out, VERSION);
    th_buf_le32(out, key->number);
    th_aead_seal(key->seal, th_str_c(context), secret, out);
    return out->overflow ? TH_E_LIMIT : 0;
}

int th_keychain_open(
    struct th_keychain *k, const char *context, struct th_str sealed, struct th_buf *out)
{
    struct th_cur c = th_cur_init(sealed.p, sealed.len);
    uint8_t version = th_cur_u8(&c);
    uint32_t number = th_cur_le32(&c);
    struct th_str rest = th_cur_bytes(&c, th_cur_left(&c));
    if (c.failed || sealed.len > TH_KEYCHAIN_MAX_SECRET + 5 + TH_AEAD_EXTRA_BYTES)
        return TH_E_TRUNCATED;
    if (version != VERSION)
        return TH_E_VERSION;
    const struct data_key *key = find_key(k, number);
    if (!key)
        return -ENOKEY;
    if (rest.len < TH_AEAD_EXTRA_BYTES)
        return TH_E_TRUNCATED;
    uint8_t *to = th_buf_reserve(out, rest.len);
    if (!to)
        return TH_E_LIMIT;
    int64_t len = th_aead_open(key->seal, th_str_c(context), rest, to);
    if (len < 0)
        return (int)len;
    th_buf_commit(out, (size_t)len);
    return 0;
}

bool th_keychain_is_dated(const struct th_keychain *k, struct th_str sealed)
{
    struct th_cur c = th_cur_init(sealed.p, sealed.len);
    th_cur_u8(&c);
    return th_cur_le32(&c) != th_keychain_newest(k);
}

int th_keychain_mac(struct th_keychain *k, uint32_t number, const char *context,
    struct th_str secret, uint8_t ret[TH_KEYCHAIN_MAC_BYTES])
{
    static const char purpose[] = "thymus mac";
    const struct data_key *key = find_key(k, number);
    uint8_t mac_key[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    if (!key)
        return -ENOKEY;
    /* A key of its own, so that the sealing key does one thing only. */
    crypto_auth_hmacsha256(mac_key, (const uint8_t *)purpose, sizeof(purpose), key->seal);
    crypto_auth_hmacsha256_init(&state, mac_key, sizeof(mac_key));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)context, strlen(context) + 1);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)secret.p, secret.len);
    crypto_auth_hmacsha256_final(&state, ret);
    th_wipe(mac_key, sizeof(mac_key));
    th_wipe(&state, sizeof(state));
    return 0;
}
