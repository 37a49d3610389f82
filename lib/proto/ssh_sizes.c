/* SPDX-License-Identifier: Apache-2.0 */
#include "ssh_sizes.h"

/* Messages by their bytes: RFC 4253 10, RFC 4252 5.1, RFC 4254 5.2 with one to four of text. */
#define ACCEPT_BYTES 17u
#define SUCCESS_BYTES 1u
#define KEY_BYTES 10u
#define KEY_MAX_BYTES 13u
#define PADDING_MIN 4u
/* Without known sizes: an acceptance is this much longer than a success, whatever the block. */
#define ACCEPT_OVER_SUCCESS 16u

#define PACKETS_MAX 600u /* that are looked at; who has not typed by then sends files */
#define KEYS_MIN 8u
/* No server lets somebody try more often; what looks like it is a session whose begin was missed.
 */
#define REFUSED_MAX 20u

enum { CLIENT, SERVER };

struct algorithm {
    const char *name; /* or its begin */
    uint8_t bytes;
};

static unsigned look_up(const struct algorithm *table, size_t count, struct th_str name)
{
    for (size_t i = 0; i < count; i++)
        if (th_str_starts(name, table[i].name))
            return table[i].bytes;
    return 0;
}

void th_ssh_sealed_set(struct th_ssh_sealed *d, struct th_str cipher, struct th_str mac)
{
    static const struct algorithm blocks[] = {{"chacha20", 8}, {"aes", 16}, {"AEAD_AES", 16},
        {"rijndael", 16}, {"twofish", 16}, {"serpent", 16}, {"camellia", 16}, {"seed", 16},
        {"3des", 8}, {"blowfish", 8}, {"cast128", 8}, {"arcfour", 8}};
    static const struct algorithm macs[] = {{"hmac-sha2-256", 32}, {"hmac-sha2-512", 64},
        {"hmac-sha1-96", 12}, {"hmac-sha1", 20}, {"hmac-md5-96", 12}, {"hmac-md5", 16},
        {"umac-64", 8}, {"umac-128", 16}, {"hmac-ripemd160", 20}};
    *d = (struct th_ssh_sealed){0};
    unsigned block = look_up(blocks, TH_ARRAY_LEN(blocks), cipher);
    bool gcm = th_str_ends(cipher, "-gcm@openssh.com") || th_str_starts(cipher, "AEAD_AES");
    bool aead = gcm || th_str_starts(cipher, "chacha20");
    bool etm = !aead && th_str_ends(mac, "-etm@openssh.com");
    unsigned tag = aead ? 16 : look_up(macs, TH_ARRAY_LEN(macs), mac);
    if (!block || !tag)
        return;
    d->block = (uint8_t)block;
    d->mac = (uint8_t)tag;
    d->length_apart = aead || etm;
    d->length_clear = gcm || etm;
}

uint32_t th_ssh_sealed_size(const struct th_ssh_sealed *d, uint32_t message_bytes)
{
    if (!d->block)
        return 0;
    uint32_t apart = d->length_apart ? 4 : 0;
    uint32_t inside = 4 - apart + 1 + message_bytes + PADDING_MIN;
    return apart + (inside + d->block - 1) / d->block * d->block + d->mac;
}

/* Dropbear keeps to the least packet of 16 bytes (RFC 4253 6) where OpenSSH's has 12. */
static uint32_t success_max(const struct th_ssh_sizes *s)
{
    const struct th_ssh_sealed *d = &s->sealed[SERVER];
    if (!d->block)
        return s->accept > ACCEPT_OVER_SUCCESS ? s->accept - ACCEPT_OVER_SUCCESS : 0;
    uint32_t more = d->length_apart && d->block < 16 ? d->block : 0;
    return th_ssh_sealed_size(d, SUCCESS_BYTES) + more;
}

/* What the server says before somebody is in. */
static void answer(struct th_ssh_sizes *s, uint32_t size)
{
    const struct th_ssh_sealed *d = &s->sealed[SERVER];
    if (!s->asked)
        return; /* extensions (RFC 8308) */
    if (!s->accepted) {
        s->accepted = !d->block || size == th_ssh_sealed_size(d, ACCEPT_BYTES);
        s->accept = size;
        return;
    }
    if (size <= success_max(s)) {
        s->success = true;
    } else if (!s->refusal) {
        s->refusal = size; /* to the question which methods there are */
    } else if (size == s->refusal) {
        s->refused++;
    } else if (size == s->last_answer && !s->refused) {
        s->refusal = size; /* a banner came with the first one */
        s->refused = 2;
    }
    s->last_answer = size;
}

static bool within(uint32_t size, const struct th_ssh_sealed *d, uint32_t more)
{
    return size >= th_ssh_sealed_size(d, KEY_BYTES) &&
        size <= th_ssh_sealed_size(d, KEY_MAX_BYTES) + more;
}

/* A key, and what is drawn for it. */
static void typed(struct th_ssh_sizes *s, bool from_client, uint32_t size)
{
    const struct th_ssh_sealed *d = &s->sealed[from_client ? CLIENT : SERVER];
    if (!d->block)
        return;
    if (!from_client)
        s->keys += s->key_waits && within(size, d, 2u * d->block);
    s->key_waits = from_client && within(size, d, 0);
}

static void packet(struct th_ssh_sizes *s, bool from_client, uint32_t size)
{
    s->packets++;
    if (s->success)
        typed(s, from_client, size);
    else if (from_client)
        s->asked = true;
    else
        answer(s, size);
}

static void clear_lengths(struct th_ssh_sizes *s, bool from_client, const uint8_t *p, size_t len)
{
    struct th_ssh_sealed *d = &s->sealed[from_client ? CLIENT : SERVER];
    struct th_cur c = th_cur_init(p, len);
    while (th_cur_left(&c)) {
        if (d->left) {
            size_t n = TH_MIN((size_t)d->left, th_cur_left(&c));
            th_cur_skip(&c, n);
            d->left -= (uint32_t)n;
            continue;
        }
        d->head[d->head_len++] = th_cur_u8(&c);
        if (d->head_len < sizeof(d->head))
            continue;
        struct th_cur head = th_cur_init(d->head, sizeof(d->head));
        uint32_t inside = th_cur_be32(&head);
        d->head_len = 0;
        if (inside > (1u << 20)) { /* out of step: segments from here on */
            d->length_clear = false;
            return;
        }
        d->left = inside + d->mac;
        packet(s, from_client, 4 + inside + d->mac);
    }
}

bool th_ssh_sizes_data(struct th_ssh_sizes *s, bool from_client, const uint8_t *p, size_t len)
{
    if (s->sealed[from_client ? CLIENT : SERVER].length_clear)
        clear_lengths(s, from_client, p, len);
    else if (len)
        packet(s, from_client, (uint32_t)TH_MIN(len, (size_t)UINT32_MAX));
    return s->packets < PACKETS_MAX && !th_ssh_sizes_typed(s);
}

enum th_login_result th_ssh_sizes_result(const struct th_ssh_sizes *s)
{
    if (s->refused > REFUSED_MAX)
        return TH_LOGIN_UNKNOWN;
    return s->success ? TH_LOGIN_OK : s->refused ? TH_LOGIN_FAILED : TH_LOGIN_UNKNOWN;
}

uint32_t th_ssh_sizes_attempts(const struct th_ssh_sizes *s)
{
    return s->refused + s->success;
}

bool th_ssh_sizes_typed(const struct th_ssh_sizes *s)
{
    return s->keys >= KEYS_MIN;
}
