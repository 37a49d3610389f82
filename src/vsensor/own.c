/* SPDX-License-Identifier: Apache-2.0 */
#include "own.h"

#include "base/seal.h"
#include "crypto/random.h"

static const uint32_t key_magic = 0x594b5354;       /* "TSKY" */
static const uint32_t enrolment_magic = 0x4e455354; /* "TSEN" */
static const char key_name[] = "key";
static const char enrolment_name[] = "enrolment";
enum { VERSION = 1, MAX_BYTES = 256 };

/* The whole file; its length, or negative. */
static int64_t read_file(const struct th_io *io, const char *name, uint8_t ret[MAX_BYTES])
{
    int file = io->open(io->arg, name, TH_IO_READ);
    if (file < 0)
        return file;
    int64_t len = io->size(io->arg, file);
    int r = len > MAX_BYTES ? TH_E_MALFORMED : 0;
    if (r == 0 && len > 0)
        r = th_io_read_all(io, file, ret, (size_t)len, 0);
    io->close(io->arg, file);
    return len < 0 || r == 0 ? len : r;
}

static int make_key(const struct th_io *io, struct th_own *own)
{
    uint8_t seed[TH_SIGN_SEED_BYTES];
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_random_bytes(seed, sizeof(seed));
    size_t begin = th_seal_begin(&b, key_magic, VERSION);
    th_buf_put(&b, seed, sizeof(seed));
    th_seal_end(&b, begin);
    int r = th_io_replace(io, key_name, b.p, b.len);
    th_sign_key_init(&own->key, seed);
    th_wipe(seed, sizeof(seed));
    th_wipe(b.p, b.len);
    return r;
}

static int read_key(const struct th_io *io, struct th_own *own)
{
    uint8_t data[MAX_BYTES];
    struct th_cur c;
    int64_t len = read_file(io, key_name, data);
    if (len == -ENOENT)
        return make_key(io, own);
    if (len < 0)
        return (int)len;
    int r = th_seal_open(data, (size_t)len, key_magic, VERSION, &c);
    struct th_str seed = th_cur_bytes(&c, TH_SIGN_SEED_BYTES);
    if (r == 0 && (c.failed || th_cur_left(&c)))
        r = TH_E_MALFORMED;
    if (r == 0)
        th_sign_key_init(&own->key, (const uint8_t *)seed.p);
    th_wipe(data, sizeof(data));
    return r;
}

static int read_enrolment(const struct th_io *io, struct th_own *own)
{
    uint8_t data[MAX_BYTES];
    struct th_cur c;
    int64_t len = read_file(io, enrolment_name, data);
    if (len == -ENOENT)
        return 0;
    if (len < 0)
        return (int)len;
    int r = th_seal_open(data, (size_t)len, enrolment_magic, VERSION, &c);
    if (r < 0)
        return r;
    own->sensor = th_cur_le64(&c);
    own->instance = th_cur_le64(&c);
    return c.failed || th_cur_left(&c) ? TH_E_MALFORMED : 0;
}

int th_own_open(const struct th_io *io, struct th_own *ret)
{
    *ret = (struct th_own){0};
    int r = read_key(io, ret);
    return r < 0 ? r : read_enrolment(io, ret);
}

int th_own_enrolled(const struct th_io *io, struct th_own *own, uint64_t sensor, uint64_t instance)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    if (own->sensor == sensor && own->instance == instance)
        return 0;
    size_t begin = th_seal_begin(&b, enrolment_magic, VERSION);
    th_buf_le64(&b, sensor);
    th_buf_le64(&b, instance);
    th_seal_end(&b, begin);
    int r = th_io_replace(io, enrolment_name, b.p, b.len);
    if (r < 0)
        return r;
    own->sensor = sensor;
    own->instance = instance;
    return 0;
}
