/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/base64.h"

#include <sodium.h>

#include "base/mem.h"

static int variant_of(enum th_base64 form)
{
    return form == TH_BASE64_URL ? sodium_base64_VARIANT_URLSAFE_NO_PADDING
                                 : sodium_base64_VARIANT_ORIGINAL;
}

void th_base64_put(enum th_base64 form, const void *data, size_t len_bytes, struct th_buf *out)
{
    size_t room = sodium_base64_encoded_len(len_bytes, variant_of(form));
    char *to = (char *)th_buf_reserve(out, room);
    if (!to)
        return; /* the buffer remembers */
    sodium_bin2base64(to, room, data, len_bytes, variant_of(form));
    th_buf_commit(out, room - 1);
}

void th_base64url(const void *data, size_t len_bytes, char *out)
{
    sodium_bin2base64(
        out, TH_BASE64URL_ROOM(len_bytes), data, len_bytes, variant_of(TH_BASE64_URL));
}

/* libsodium 1.0.18 takes bytes past ASCII for characters of the alphabet. */
static bool is_ascii(struct th_str text)
{
    uint8_t all = 0;
    for (uint32_t i = 0; i < text.len; i++)
        all |= (uint8_t)text.p[i];
    return all < 0x80;
}

int64_t th_base64_get(enum th_base64 form, struct th_str text, uint8_t *ret, size_t room)
{
    size_t len;
    const char *end;
    size_t padding =
        form == TH_BASE64_CLASSIC ? th_str_ends(text, "==") ? 2 : th_str_ends(text, "=") : 0;
    if ((text.len - padding) / 4 * 3 + (text.len - padding) % 4 * 3 / 4 > room)
        return TH_E_LIMIT;
    if (!is_ascii(text))
        return TH_E_MALFORMED;
    int r = sodium_base642bin(ret, room, text.p, text.len, NULL, &len, &end, variant_of(form));
    return r == 0 && end == text.p + text.len ? (int64_t)len : TH_E_MALFORMED;
}

int th_base64url_get(struct th_str text, uint8_t *ret, size_t len_bytes)
{
    if (text.len != TH_BASE64URL_LEN(len_bytes))
        return TH_E_MALFORMED;
    int64_t n = th_base64_get(TH_BASE64_URL, text, ret, len_bytes);
    return n == (int64_t)len_bytes ? 0 : TH_E_MALFORMED;
}
