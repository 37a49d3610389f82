/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include "base/mem.h"
#include "base/seal.h"
#include "crypto/aead.h"

static const uint32_t magic = 0x4b4b5054; /* "TPKK" */
static const char name[] = "keys";
enum {
    VERSION = 1,
    WRAPPED_BYTES = TH_KEYCHAIN_KEY_BYTES + TH_AEAD_EXTRA_BYTES,
    MAX_BYTES = 64 + TH_KEYCHAIN_MAX_KEYS * (4 + WRAPPED_BYTES)
};

static int make_keys(const struct th_io *io, struct th_keychain *chain)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf wrapped = TH_BUF_INIT;
    int number = th_keychain_rotate(chain, &wrapped);
    if (number < 0)
        return number;
    size_t begin = th_seal_begin(&b, magic, VERSION);
    th_buf_le32(&b, (uint32_t)number);
    th_buf_str(&b, th_buf_view(&wrapped));
    th_seal_end(&b, begin);
    return th_io_replace(io, name, b.p, b.len);
}

static int take_keys(struct th_keychain *chain, const uint8_t *data, size_t len)
{
    struct th_cur c;
    int r = th_seal_open(data, len, magic, VERSION, &c);
    while (r == 0 && th_cur_left(&c) > 0) {
        uint32_t number = th_cur_le32(&c);
        struct th_str wrapped = th_cur_bytes(&c, WRAPPED_BYTES);
        r = c.failed ? TH_E_MALFORMED : th_keychain_take(chain, number, wrapped);
    }
    return r == 0 && th_keychain_newest(chain) == 0 ? TH_E_MALFORMED : r;
}

static int read_keys(const struct th_io *io, struct th_keychain *chain)
{
    uint8_t data[MAX_BYTES];
    int file = io->open(io->arg, name, TH_IO_READ);
    if (file < 0)
        return file;
    int64_t len = io->size(io->arg, file);
    int r = len < 0 ? (int)len : len > MAX_BYTES ? TH_E_MALFORMED : 0;
    if (r == 0)
        r = th_io_read_all(io, file, data, (size_t)len, 0);
    io->close(io->arg, file);
    return r < 0 ? r : take_keys(chain, data, (size_t)len);
}

int keep_keys_open(const struct th_io *io, const uint8_t key[TH_KEYCHAIN_KEY_BYTES], bool make,
    struct th_keychain **ret)
{
    TH_CLEANUP(th_keychain_freep) struct th_keychain *chain = th_keychain_new(key);
    int r = read_keys(io, chain);
    if (r == -ENOENT && make)
        r = make_keys(io, chain);
    if (r < 0)
        return r;
    *ret = TH_TAKE(chain);
    return 0;
}
