/* SPDX-License-Identifier: Apache-2.0 */
#include "crew.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cursor.h"
#include "base/fd.h"

static int send_all(int fd, const void *data, size_t len)
{
    return th_fd_write(fd, th_str_n(data, len));
}

/* An end before the message's is a shard that died. */
static int recv_all(int fd, void *data, size_t len)
{
    int r = th_fd_read(fd, data, len);
    return r == TH_E_TRUNCATED ? TH_E_ROLE_FAILED : r;
}

static int send_message(int fd, const struct th_buf *m)
{
    uint64_t len = m->len;
    int r = m->overflow ? TH_E_LIMIT : send_all(fd, &len, sizeof(len));
    return r < 0 ? r : send_all(fd, m->p, m->len);
}

static int recv_message(int fd, struct th_buf *ret)
{
    uint64_t len;
    th_buf_clear(ret);
    int r = recv_all(fd, &len, sizeof(len));
    uint8_t *p = r < 0 || len == 0 ? NULL : th_buf_reserve(ret, len);
    if (r < 0 || len == 0)
        return r;
    if (!p)
        return TH_E_LIMIT;
    r = recv_all(fd, p, len);
    if (r == 0)
        th_buf_commit(ret, len);
    return r;
}

uint64_t th_crew_partitions(unsigned number, unsigned size)
{
    uint64_t mask = 0;
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        if (p % size == number)
            mask |= UINT64_C(1) << p;
    return mask;
}

int th_crew_start(struct th_crew *crew, unsigned size)
{
    *crew = (struct th_crew){.size = size};
    if (size < 1 || size > TH_CREW_MAX)
        return -EINVAL;
    for (unsigned i = 1; i < size; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
            return -errno;
        pid_t pid = fork();
        if (pid < 0)
            return -errno;
        if (pid == 0) {
            for (unsigned k = 1; k < i; k++)
                close(crew->fds[k]);
            close(pair[0]);
            *crew = (struct th_crew){.size = size, .number = i, .fds = {pair[1]}};
            return 0;
        }
        close(pair[1]);
        crew->fds[i] = pair[0];
        crew->pids[i] = pid;
    }
    return 0;
}

static void contribute_all(struct th_shard *shard, struct th_buf *blocks[TH_PARTITIONS])
{
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        if (shard->partitions >> p & 1)
            th_shard_contribute(shard, p, blocks[p]);
}

static void put_breaches(const struct th_shard *shard, struct th_buf *m)
{
    uint64_t count = shard->breach_count;
    th_buf_put(m, &count, sizeof(count));
    th_buf_put(m, shard->breaches, count * sizeof(*shard->breaches));
}

static int take_breaches(struct th_shard *shard, struct th_cur *c)
{
    uint64_t count = 0;
    struct th_str head = th_cur_bytes(c, sizeof(count));
    if (c->failed)
        return TH_E_TRUNCATED;
    memcpy(&count, head.p, sizeof(count));
    if (count > th_cur_left(c) / sizeof(struct th_breach))
        return TH_E_MALFORMED;
    struct th_str raw = th_cur_bytes(c, count * sizeof(struct th_breach));
    size_t total = shard->breach_count + count;
    if (count == 0)
        return 0;
    if (total > shard->breach_cap) {
        shard->breach_cap = total;
        shard->breaches = th_xreallocarray(shard->breaches, total, sizeof(*shard->breaches));
    }
    memcpy(shard->breaches + shard->breach_count, raw.p, raw.len);
    shard->breach_count = total;
    return 0;
}

static void order_breaches(struct th_shard *shard)
{
    if (shard->breach_count > 1)
        qsort(shard->breaches, shard->breach_count, sizeof(*shard->breaches), th_breach_cmp);
    for (size_t i = 0; i < shard->breach_count; i++)
        th_breach_rebase(&shard->breaches[i]);
}

static void put_sized(struct th_buf *m, const struct th_buf *b)
{
    th_buf_le32(m, (uint32_t)b->len);
    th_buf_put(m, b->p, b->len);
}

/* What is no more than part of what a whole group did. */
static void claim_breaches(struct th_shard *shard)
{
    th_groups_judge(shard->groups);
    for (size_t i = 0; i < shard->breach_count; i++)
        th_groups_claim(shard->groups, &shard->breaches[i]);
}

/* What all shards take over: which breaches are discounted, then the blocks. */
static int take_over(struct th_shard *shard, const struct th_buf *m, int64_t epoch_ns)
{
    struct th_cur c = th_cur_init(m->p, m->len);
    struct th_str discounts = th_cur_bytes(&c, th_cur_le32(&c));
    struct th_str blocks = th_cur_bytes(&c, th_cur_left(&c));
    if (c.failed)
        return TH_E_TRUNCATED;
    int r = th_shard_take_over(shard, (const uint8_t *)blocks.p, blocks.len, epoch_ns);
    return r < 0 ? r : th_shard_discount(shard, discounts);
}

/* A helper's message: breaches, what it noted of groups, measures, then for each of its partitions
 * its blocks. */
static int helper_epoch(struct th_crew *crew, struct th_shard *shard, int64_t epoch_ns)
{
    TH_AUTOBUF struct th_buf m = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf notes = TH_BUF_INIT;
    put_breaches(shard, &m);
    th_groups_out(shard->groups, &notes);
    put_sized(&m, &notes);
    put_sized(&m, &shard->measures.frames);
    put_sized(&m, &shard->measures.known);
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        if (!(shard->partitions >> p & 1))
            continue;
        TH_AUTOBUF struct th_buf block = TH_BUF_INIT;
        th_shard_contribute(shard, p, &block);
        th_buf_le32(&m, (uint32_t)block.len);
        th_buf_put(&m, block.p, block.len);
    }
    int r = send_message(crew->fds[0], &m);
    if (r == 0)
        r = recv_message(crew->fds[0], &m);
    return r < 0 ? r : take_over(shard, &m, epoch_ns);
}

static int lead_take_message(
    struct th_shard *shard, const struct th_buf *m, uint64_t mask, struct th_buf *blocks[])
{
    struct th_cur c = th_cur_init(m->p, m->len);
    int r = take_breaches(shard, &c);
    if (r == 0)
        r = th_groups_in(shard->groups, th_cur_bytes(&c, th_cur_le32(&c)));
    if (r < 0)
        return r;
    th_buf_str(&shard->measures.frames, th_cur_bytes(&c, th_cur_le32(&c)));
    th_buf_str(&shard->measures.known, th_cur_bytes(&c, th_cur_le32(&c)));
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        if (mask >> p & 1)
            th_buf_str(blocks[p], th_cur_bytes(&c, th_cur_le32(&c)));
    }
    return c.failed ? TH_E_TRUNCATED : 0;
}

static int lead_epoch(struct th_crew *crew, struct th_shard *shard, int64_t epoch_ns)
{
    struct th_buf store[TH_PARTITIONS] = {0};
    struct th_buf *blocks[TH_PARTITIONS];
    TH_AUTOBUF struct th_buf m = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf discounts = TH_BUF_INIT;
    int r = 0;
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        blocks[p] = &store[p];
    contribute_all(shard, blocks);
    for (unsigned i = 1; i < crew->size && r == 0; i++) {
        r = recv_message(crew->fds[i], &m);
        if (r == 0)
            r = lead_take_message(shard, &m, th_crew_partitions(i, crew->size), blocks);
    }
    order_breaches(shard);
    claim_breaches(shard);
    th_shard_discounts(shard, &discounts);
    th_buf_clear(&m);
    put_sized(&m, &discounts);
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        th_buf_put(&m, store[p].p, store[p].len);
        th_buf_done(&store[p]);
    }
    for (unsigned i = 1; i < crew->size && r == 0; i++)
        r = send_message(crew->fds[i], &m);
    return r < 0 ? r : take_over(shard, &m, epoch_ns);
}

int th_crew_epoch(struct th_crew *crew, struct th_shard *shard, int64_t epoch_ns)
{
    th_shard_close(shard, epoch_ns);
    return crew->number != 0 ? helper_epoch(crew, shard, epoch_ns)
                             : lead_epoch(crew, shard, epoch_ns);
}

static int helper_look(struct th_crew *crew, struct th_shard *shard, uint64_t *windows)
{
    TH_AUTOBUF struct th_buf m = TH_BUF_INIT;
    th_buf_le64(&m, *windows);
    put_breaches(shard, &m);
    int r = send_message(crew->fds[0], &m);
    return r < 0 ? r : recv_all(crew->fds[0], windows, sizeof(*windows));
}

static int lead_look(struct th_crew *crew, struct th_shard *shard, uint64_t *windows)
{
    TH_AUTOBUF struct th_buf m = TH_BUF_INIT;
    int r = 0;
    for (unsigned i = 1; i < crew->size && r == 0; i++) {
        r = recv_message(crew->fds[i], &m);
        if (r < 0)
            break;
        struct th_cur c = th_cur_init(m.p, m.len);
        *windows += th_cur_le64(&c);
        r = take_breaches(shard, &c);
    }
    for (unsigned i = 1; i < crew->size && r == 0; i++)
        r = send_all(crew->fds[i], windows, sizeof(*windows));
    order_breaches(shard);
    return r;
}

int th_crew_look(struct th_crew *crew, struct th_shard *shard, uint64_t *ret_windows)
{
    uint64_t windows = th_shard_look(shard);
    int r =
        crew->number != 0 ? helper_look(crew, shard, &windows) : lead_look(crew, shard, &windows);
    *ret_windows = windows;
    return r;
}

int th_crew_order(struct th_crew *crew, enum th_crew_order order, uint64_t arg)
{
    uint64_t m[2] = {order, arg};
    int r = 0;
    for (unsigned i = 1; i < crew->size && r == 0; i++)
        r = send_all(crew->fds[i], m, sizeof(m));
    return r;
}

int th_crew_await(struct th_crew *crew, enum th_crew_order *ret_order, uint64_t *ret_arg)
{
    uint64_t m[2];
    int r = recv_all(crew->fds[0], m, sizeof(m));
    if (r < 0)
        return r;
    *ret_order = (enum th_crew_order)m[0];
    *ret_arg = m[1];
    return 0;
}

int th_crew_gather_state(struct th_crew *crew, struct th_shard *shard, struct th_buf *ret)
{
    struct th_buf parts[TH_PARTITIONS] = {0};
    int r = 0;
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        if (shard->partitions >> p & 1)
            th_learn_save_partition(shard->learn, p, &parts[p]);
    for (unsigned p = 0; p < TH_PARTITIONS && r == 0; p++) {
        unsigned owner = p % crew->size;
        if (crew->number == 0 && owner != 0)
            r = recv_message(crew->fds[owner], &parts[p]);
        else if (crew->number != 0 && owner == crew->number)
            r = send_message(crew->fds[0], &parts[p]);
        th_buf_le32(ret, (uint32_t)parts[p].len);
        th_buf_put(ret, parts[p].p, parts[p].len);
        th_buf_done(&parts[p]);
    }
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        th_buf_done(&parts[p]);
    return r;
}

int th_crew_gather_stats(struct th_crew *crew, struct th_shard *shard, struct th_learn_stats *ret)
{
    th_learn_stats_get(shard->learn, ret);
    if (crew->number != 0)
        return send_all(crew->fds[0], ret, sizeof(*ret));
    for (unsigned i = 1; i < crew->size; i++) {
        struct th_learn_stats s;
        int r = recv_all(crew->fds[i], &s, sizeof(s));
        if (r < 0)
            return r;
        ret->late_events += s.late_events;
        ret->windows += s.windows;
        ret->gated_updates += s.gated_updates;
        ret->evicted_pairs += s.evicted_pairs;
        ret->devices += s.devices;
        ret->users += s.users;
        ret->evicted_users += s.evicted_users;
        ret->refused_users += s.refused_users;
        ret->memory_bytes += s.memory_bytes;
    }
    return 0;
}

int th_crew_gather_text(struct th_crew *crew, unsigned owner, struct th_buf *text)
{
    if (owner == 0)
        return 0;
    if (crew->number == 0)
        return recv_message(crew->fds[owner], text);
    return crew->number == owner ? send_message(crew->fds[0], text) : 0;
}

int th_crew_join(struct th_crew *crew)
{
    int r = 0;
    for (unsigned i = 1; crew->number == 0 && i < crew->size; i++) {
        int status;
        close(crew->fds[i]);
        if (waitpid(crew->pids[i], &status, 0) < 0 || !WIFEXITED(status) ||
            WEXITSTATUS(status) != 0)
            r = TH_E_ROLE_FAILED;
    }
    return r;
}
