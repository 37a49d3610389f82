/* SPDX-License-Identifier: Apache-2.0 */
/* What keep reads: records out of the memory that it shares with capture, that memory itself, and
 * what lies in its folder. The first byte says which of them the rest is. */
#include <sys/mman.h>

#include "base/mem.h"
#include "file.h"
#include "io_record.h"
#include "keep/lane.h"
#include "keep/rules.h"
#include "keep/search.h"
#include "match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEYS_BYTES = 96 };
static const uint8_t key[TH_KEEP_KEY_BYTES] = "the key of the sensor, 32 bytes";
static const uint8_t host[4] = {10, 0, 0, 7};

static struct th_packets_request wish(void)
{
    return (struct th_packets_request){.host = th_addr_v4(host),
        .from_ns = INT64_MIN,
        .to_ns = INT64_MAX,
        .limit_bytes = TH_PACKETS_DEFAULT_BYTES};
}

/* Searches, and counts the packets of the pcap file that comes out. */
static uint64_t search(const struct th_io *io)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    const struct th_packets_request w = wish();
    struct th_keep_search *s = NULL;
    struct th_keep_found found;
    uint64_t packets = 0;
    if (th_keep_search_new(io, key, &w, &s) < 0)
        return 0;
    int r;
    while ((r = th_keep_search_step(s, &out)) > 0)
        ;
    th_keep_search_found(s, &found);
    th_keep_search_free(s);
    struct th_cur c = th_cur_init(out.p, out.len);
    for (th_cur_skip(&c, 24); r == 0 && th_cur_left(&c) > 0; packets++) {
        th_cur_skip(&c, 8);
        uint32_t len = th_cur_le32(&c);
        th_cur_skip(&c, 4 + (size_t)len);
    }
    TH_ASSERT(!c.failed && (r < 0 || (packets == found.packets && out.len == found.bytes)));
    return packets;
}

/* Written and found again: as many as fit, but for the same one twice. */
static void try_records(const uint8_t *data, size_t size)
{
    const struct th_keep_config config = {.bytes = 1u << 30};
    struct io_record *disk = io_record_new();
    struct th_keep *k = NULL;
    struct keep_matches m;
    struct th_io io;
    const struct th_packets_request w = wish();
    struct th_str records = th_str_n(data, TH_MIN(size, TH_KEEP_MAX_BLOCK));
    io_record_io(disk, &io);
    keep_match(&w, records, &m);
    TH_ASSERT(th_keep_open(&io, key, &config, 0, &k) == 0);
    TH_ASSERT(th_keep_put(k, records, 0) == 0);
    TH_ASSERT(search(&io) <= m.count);
    th_keep_close(k);
    TH_ASSERT(search(&io) <= m.count);
    keep_matches_done(&m);
    io_record_free(disk);
}

static void try_folder(const uint8_t *data, size_t size)
{
    const struct th_keep_config config = {.bytes = 1u << 30};
    struct io_record *disk = io_record_new();
    struct th_keep *k = NULL;
    struct th_io io;
    size_t keys = TH_MIN(size, KEYS_BYTES);
    io_record_io(disk, &io);
    int r = th_io_replace(&io, "keys", data, keys);
    if (r == 0)
        r = th_io_replace(&io, "0000000000000001.keep", data + keys, size - keys);
    TH_ASSERT(r == 0);
    search(&io);
    if (th_keep_open(&io, key, &config, 0, &k) == 0) {
        static const uint8_t frame[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 20, 0,
            1, 0, 0, 64, 50, 0, 0, 10, 0, 0, 7, 10, 0, 0, 8};
        uint8_t record[TH_KEEP_RECORD_BYTES + sizeof(frame)];
        th_keep_record_put(record,
            &(struct th_keep_record){.time_ns = 5,
                .len = sizeof(frame),
                .wire_len = sizeof(frame),
                .linktype = 1,
                .frame = frame});
        TH_ASSERT(th_keep_put(k, th_str_n(record, sizeof(record)), 0) == 0);
        TH_ASSERT(search(&io) >= 1); /* whatever else lies there */
        th_keep_close(k);
    }
    io_record_free(disk);
}

/* Blocks whose heads are whole, of lengths out of the data, with nothing good in them. */
static void try_heads(const uint8_t *data, size_t size)
{
    static const uint8_t file_key[TH_AEAD_KEY_BYTES];
    struct io_record *disk = io_record_new();
    TH_AUTOBUF struct th_buf file = TH_BUF_INIT;
    struct keep_walk *w = th_xcalloc(1, sizeof(*w));
    static struct keep_index index;
    static uint8_t sealed[KEEP_MAX_BYTES];
    struct keep_block block;
    struct th_io io;
    uint64_t at;
    io_record_io(disk, &io);
    th_buf_put(&file, sealed, KEEP_PAGE);
    for (size_t i = 0; i + 3 <= size && i < 60; i += 3) {
        struct keep_block b = {.file = 1, .kind = data[i] % 3, .number = data[i + 1]};
        keep_index_init(&index);
        index.host_bytes = data[i] & 4 ? 0 : 64;
        size_t len = keep_block_seal(
            file_key, &b, &index, th_str_n(data, TH_MIN(size, data[i + 2])), sealed);
        sealed[data[i + 2] % len] ^= data[i] & 0x30;
        th_buf_put(&file, sealed, data[i] & 0x40 ? len / 2 : len);
    }
    TH_ASSERT(th_io_replace(&io, "f", file.p, file.len) == 0);
    int f = io.open(io.arg, "f", TH_IO_READ);
    TH_ASSERT(f >= 0 && keep_walk_init(w, &io, f, 1, file_key) == 0);
    keep_walk_end(w, &index);
    while (keep_walk_next(w, &block, &at, &index) > 0)
        TH_ASSERT(block.kind == KEEP_BLOCK && at + keep_block_bytes(&block) <= file.len);
    io.close(io.arg, f);
    free(w);
    io_record_free(disk);
}

static void try_lane(const uint8_t *data, size_t size)
{
    struct th_lane_reader *r = NULL;
    struct th_str records;
    struct th_keep_record rec;
    TH_AUTOCLOSE int fd = th_lane_make();
    TH_ASSERT(fd >= 0 && th_lane_reader_new(fd, &r) == 0);
    uint8_t *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    TH_ASSERT(memory != MAP_FAILED);
    memcpy(memory, data, TH_MIN(size, 8)); /* capture's numbers */
    if (size > 8)
        memcpy(memory + 4096, data + 8, TH_MIN(size - 8, 4096)); /* its first block */
    for (unsigned n = 0; n < 2 * TH_LANE_BLOCKS && th_lane_take(r, &records) == 1; n++) {
        struct th_cur c = th_cur_init(records.p, records.len);
        while (th_keep_record_next(&c, &rec))
            ;
        th_lane_give_back(r);
    }
    munmap(memory, 8192);
    th_lane_reader_free(r);
}

static void try_rule(const uint8_t *data, size_t size)
{
    struct th_keep_rule rule;
    if (th_keep_rule_parse(th_str_n(data, size), &rule))
        TH_ASSERT(
            rule.payload >= TH_KEEP_NONE && (rule.has_net || rule.proto != TH_KEEP_ANY_PROTO));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(const uint8_t *, size_t) = {
        try_records, try_folder, try_heads, try_lane, try_rule};
    if (size > 0)
        tries[data[0] % TH_ARRAY_LEN(tries)](data + 1, size - 1);
    return 0;
}
