/* SPDX-License-Identifier: Apache-2.0 */
#include "flowlog/vpc.h"

#include "base/mem.h"

enum { MAX_COLUMNS = 64 };
/* Files hold the records of an interval of up to 10 minutes in no order. */
static const int64_t hold_ns = 15 * TH_NS_PER_MIN;
#define MAX_TIME_S UINT64_C(9000000000) /* nanoseconds of later times have no room */

enum column {
    COL_VERSION,
    COL_ACCOUNT_ID,
    COL_INTERFACE_ID,
    COL_SRCADDR,
    COL_DSTADDR,
    COL_SRCPORT,
    COL_DSTPORT,
    COL_PROTOCOL,
    COL_PACKETS,
    COL_BYTES,
    COL_START,
    COL_END,
    COL_ACTION,
    COL_LOG_STATUS,
    COLS_DEFAULT, /* of version 2, in this order */
    COL_TCP_FLAGS = COLS_DEFAULT,
    COL_PKT_SRCADDR,
    COL_PKT_DSTADDR,
    COLS_USED
};

static const char *const used[COLS_USED] = {[COL_VERSION] = "version",
    [COL_ACCOUNT_ID] = "account-id",
    [COL_INTERFACE_ID] = "interface-id",
    [COL_SRCADDR] = "srcaddr",
    [COL_DSTADDR] = "dstaddr",
    [COL_SRCPORT] = "srcport",
    [COL_DSTPORT] = "dstport",
    [COL_PROTOCOL] = "protocol",
    [COL_PACKETS] = "packets",
    [COL_BYTES] = "bytes",
    [COL_START] = "start",
    [COL_END] = "end",
    [COL_ACTION] = "action",
    [COL_LOG_STATUS] = "log-status",
    [COL_TCP_FLAGS] = "tcp-flags",
    [COL_PKT_SRCADDR] = "pkt-srcaddr",
    [COL_PKT_DSTADDR] = "pkt-dstaddr"};

/* Of later versions, without a use here; they tell a header line as well. */
static const char *const unused[] = {"vpc-id", "subnet-id", "instance-id", "type", "region",
    "az-id", "sublocation-type", "sublocation-id", "pkt-src-aws-service", "pkt-dst-aws-service",
    "flow-direction", "traffic-path", "ecs-cluster-arn", "ecs-cluster-name",
    "ecs-container-instance-arn", "ecs-container-instance-id", "ecs-container-id",
    "ecs-second-container-id", "ecs-service-name", "ecs-task-definition-arn", "ecs-task-arn",
    "ecs-task-id", "reject-reason", "resource-id", "encryption-status"};

struct th_vpc {
    struct th_pairs *pairs;
    struct th_flowlog_lines lines;
    int8_t columns[MAX_COLUMNS]; /* enum column, or -1 */
    unsigned column_count;
    struct th_hash_key key;
};

static int used_column(struct th_str name)
{
    for (int i = 0; i < COLS_USED; i++)
        if (th_str_is(name, used[i]))
            return i;
    return -1;
}

static bool is_name(struct th_str s)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(unused); i++)
        if (th_str_is(s, unused[i]))
            return true;
    return used_column(s) >= 0;
}

static struct th_str next_word(struct th_str *rest)
{
    struct th_str word = th_str_split(rest, ' ');
    while (word.len == 0 && rest->len)
        word = th_str_split(rest, ' ');
    return word;
}

/* CloudWatch's export has the time of arrival before each line. */
static struct th_str without_time(struct th_str line)
{
    struct th_str rest = line;
    int64_t ns;
    return th_time_parse_rfc3339(next_word(&rest), &ns) ? rest : line;
}

static bool is_header(struct th_str line)
{
    struct th_str first = next_word(&line);
    return is_name(first) && is_name(next_word(&line));
}

static bool is_default_line(struct th_str line)
{
    uint64_t account;
    if (!th_str_is(next_word(&line), "2"))
        return false;
    struct th_str id = next_word(&line), interface = next_word(&line);
    return ((id.len == 12 && th_str_u64(id, &account)) || th_str_is(id, "unknown")) &&
        (th_str_starts(interface, "eni-") || th_str_is(interface, "-"));
}

bool th_vpc_is(struct th_str head)
{
    struct th_str line = without_time(th_str_split(&head, '\n'));
    return is_header(line) || is_default_line(line);
}

/* ---- lines ---- */

static void take_header(struct th_vpc *v, struct th_str line)
{
    v->column_count = 0;
    while (line.len && v->column_count < MAX_COLUMNS)
        v->columns[v->column_count++] = (int8_t)used_column(next_word(&line));
}

static bool address(
    const struct th_str *cells, enum column packet, enum column own, struct th_addr *ret)
{
    return th_addr_parse(cells[packet], ret) || th_addr_parse(cells[own], ret);
}

/* Of each column that is a number; what is not there is 0. False: it is no such number. */
static bool read_numbers(const struct th_str *cells, uint64_t ret[COLS_USED])
{
    static const struct {
        enum column column;
        uint64_t max;
    } numbers[] = {{COL_SRCPORT, UINT16_MAX}, {COL_DSTPORT, UINT16_MAX}, {COL_PROTOCOL, UINT8_MAX},
        {COL_PACKETS, UINT64_MAX}, {COL_BYTES, UINT64_MAX}, {COL_START, MAX_TIME_S},
        {COL_END, MAX_TIME_S}, {COL_TCP_FLAGS, UINT8_MAX}};
    for (size_t i = 0; i < TH_ARRAY_LEN(numbers); i++) {
        enum column c = numbers[i].column;
        ret[c] = 0;
        if (cells[c].len && (!th_str_u64(cells[c], &ret[c]) || ret[c] > numbers[i].max))
            return false;
    }
    return true;
}

static int take_record(struct th_vpc *v, const struct th_str *cells)
{
    struct th_flow_record r = {0};
    char told_by[64];
    uint64_t n[COLS_USED];
    if (!address(cells, COL_PKT_SRCADDR, COL_SRCADDR, &r.src) ||
        !address(cells, COL_PKT_DSTADDR, COL_DSTADDR, &r.dst) || cells[COL_PROTOCOL].len == 0 ||
        cells[COL_START].len == 0 || cells[COL_END].len == 0) {
        th_flowlog_bad(&v->lines, "addresses, protocol or times are missing", cells[COL_SRCADDR]);
        return 0;
    }
    if (!read_numbers(cells, n)) {
        th_flowlog_bad(&v->lines, "a number is none, or too large", cells[COL_SRCADDR]);
        return 0;
    }
    r.src_port = (uint16_t)n[COL_SRCPORT];
    r.dst_port = (uint16_t)n[COL_DSTPORT];
    r.proto = (uint8_t)n[COL_PROTOCOL];
    if (r.proto == TH_IP_ICMP || r.proto == TH_IP_ICMP6) /* types are not told: taken for a ping */
        r.src_port = r.proto == TH_IP_ICMP ? 8 : 128;
    r.pkts[0] = n[COL_PACKETS];
    r.bytes[0] = n[COL_BYTES];
    r.first_ns = (int64_t)n[COL_START] * TH_NS_PER_S;
    r.last_ns = TH_MAX((int64_t)n[COL_END] * TH_NS_PER_S, r.first_ns);
    r.rejected = th_str_is(cells[COL_ACTION], "REJECT");
    r.has_flags = cells[COL_TCP_FLAGS].len > 0;
    r.flags[0] = (uint8_t)n[COL_TCP_FLAGS];
    r.point = th_siphash(&v->key, cells[COL_INTERFACE_ID].p, cells[COL_INTERFACE_ID].len);
    snprintf(told_by, sizeof(told_by), "vpc %.*s", (int)TH_MIN(cells[COL_INTERFACE_ID].len, 40u),
        cells[COL_INTERFACE_ID].p);
    r.told_by = th_str_c(told_by);
    int err = th_pairs_advance(v->pairs, r.last_ns);
    return err < 0 ? err : th_pairs_put(v->pairs, &r);
}

int th_vpc_line(struct th_vpc *v, struct th_str line)
{
    struct th_str cells[COLS_USED];
    line = th_str_trim(line);
    if (line.len == 0)
        return 0;
    v->lines.lines++;
    line = without_time(line);
    if (is_header(line)) {
        take_header(v, line);
        return 0;
    }
    for (int i = 0; i < COLS_USED; i++)
        cells[i] = th_str_c("");
    unsigned given = 0;
    for (; given < v->column_count && line.len; given++) {
        struct th_str word = next_word(&line);
        if (v->columns[given] >= 0 && !th_str_is(word, "-"))
            cells[v->columns[given]] = word;
    }
    if (given < v->column_count || line.len) {
        th_flowlog_bad(&v->lines, "not as many columns as the format has", cells[COL_VERSION]);
        return 0;
    }
    bool skipped = th_str_is(cells[COL_LOG_STATUS], "SKIPDATA");
    if (skipped || th_str_is(cells[COL_LOG_STATUS], "NODATA")) {
        v->lines.told_lost += skipped;
        v->lines.skipped++;
        return 0;
    }
    return take_record(v, cells);
}

int th_vpc_end(struct th_vpc *v)
{
    return th_pairs_flush(v->pairs);
}

struct th_flowlog_lines *th_vpc_lines(struct th_vpc *v)
{
    return &v->lines;
}

struct th_vpc *th_vpc_new(const struct th_sink *sink)
{
    const struct th_pairs_config config = {.hold_ns = hold_ns};
    struct th_vpc *v = th_xcalloc(1, sizeof(*v));
    v->pairs = th_pairs_new(&config, sink);
    for (int i = 0; i < COLS_DEFAULT; i++)
        v->columns[v->column_count++] = (int8_t)i;
    return v;
}

void th_vpc_free(struct th_vpc *v)
{
    if (!v)
        return;
    th_pairs_free(v->pairs);
    th_flowlog_lines_done(&v->lines);
    free(v);
}
