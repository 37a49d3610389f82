/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/filter.h"

#include "base/cursor.h"
#include "base/mem.h"

/* The parts of a code, as Linux has them (Documentation/networking/filter.rst). */
enum {
    CLASS_MASK = 0x07,
    LD = 0x00,
    LDX = 0x01,
    ST = 0x02,
    STX = 0x03,
    ALU = 0x04,
    JMP = 0x05,
    RET = 0x06,
    MISC = 0x07,
    SIZE_MASK = 0x18,
    SIZE_W = 0x00,
    SIZE_H = 0x08,
    SIZE_B = 0x10,
    MODE_MASK = 0xe0,
    IMM = 0x00,
    ABS = 0x20,
    IND = 0x40,
    MEM = 0x60,
    LEN = 0x80,
    MSH = 0xa0,
    OP_MASK = 0xf0,
    SRC_X = 0x08,
    ADD = 0x00,
    SUB = 0x10,
    MUL = 0x20,
    DIV = 0x30,
    OR = 0x40,
    AND = 0x50,
    LSH = 0x60,
    RSH = 0x70,
    NEG = 0x80,
    MOD = 0x90,
    XOR = 0xa0,
    JA = 0x00,
    JEQ = 0x10,
    JGT = 0x20,
    JGE = 0x30,
    JSET = 0x40,
    RET_A = 0x10,
    TXA = 0x80,
    CELLS = 16,
    STEP_BYTES = 8
};

struct program {
    uint32_t linktype, count;
    struct th_filter_step *steps;
};

struct th_filter {
    struct program v[TH_FILTER_MAX_PROGRAMS];
    size_t count;
};

void th_filter_put(
    struct th_buf *out, uint32_t linktype, const struct th_filter_step *steps, uint32_t count)
{
    th_buf_le32(out, linktype);
    th_buf_le32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        th_buf_le16(out, steps[i].code);
        th_buf_u8(out, steps[i].yes);
        th_buf_u8(out, steps[i].no);
        th_buf_le32(out, steps[i].k);
    }
}

/* ---- what may be run ---- */

static bool is_load(uint16_t code, uint32_t k)
{
    unsigned mode = code & MODE_MASK, size = code & SIZE_MASK;
    bool x = (code & CLASS_MASK) == LDX;
    switch (mode) {
    case IMM:
    case LEN: return size == SIZE_W;
    case MEM: return size == SIZE_W && k < CELLS;
    case ABS:
    case IND: return !x && (size == SIZE_W || size == SIZE_H || size == SIZE_B);
    case MSH: return x && size == SIZE_B;
    default: return false;
    }
}

static bool is_alu(uint16_t code, uint32_t k)
{
    unsigned op = code & OP_MASK;
    bool by_k = !(code & SRC_X);
    if ((op == DIV || op == MOD) && by_k && k == 0)
        return false;
    return op <= XOR && !((op == LSH || op == RSH) && by_k && k > 31);
}

/* Jumps lead forward and to a step that is there, so that every program ends. */
static bool is_step(const struct th_filter_step *s, uint32_t left)
{
    if (s->code > UINT8_MAX)
        return false;
    switch (s->code & CLASS_MASK) {
    case LD:
    case LDX: return is_load(s->code, s->k);
    case ST:
    case STX: return s->code <= STX && s->k < CELLS;
    case ALU: return is_alu(s->code, s->k);
    case JMP:
        if (s->code == (JMP | JA))
            return s->k < left;
        return (s->code & OP_MASK) >= JEQ && (s->code & OP_MASK) <= JSET && s->yes < left &&
            s->no < left;
    case RET: return s->code == RET || s->code == (RET | RET_A);
    default: return s->code == MISC || s->code == (MISC | TXA);
    }
}

static bool is_program(const struct program *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (!is_step(&p->steps[i], p->count - i - 1))
            return false;
    return p->count > 0 && (p->steps[p->count - 1].code & CLASS_MASK) == RET;
}

static int read_program(struct th_cur *c, struct program *p)
{
    p->linktype = th_cur_le32(c);
    p->count = th_cur_le32(c);
    if (c->failed)
        return TH_E_MALFORMED;
    if (p->count > TH_FILTER_MAX_STEPS)
        return TH_E_LIMIT;
    if (th_cur_left(c) < (size_t)p->count * STEP_BYTES)
        return TH_E_MALFORMED;
    p->steps = th_xreallocarray(NULL, p->count + 1u, sizeof(*p->steps));
    for (uint32_t i = 0; i < p->count; i++) {
        struct th_filter_step *s = &p->steps[i];
        s->code = th_cur_le16(c);
        s->yes = th_cur_u8(c);
        s->no = th_cur_u8(c);
        s->k = th_cur_le32(c);
    }
    return is_program(p) ? 0 : TH_E_MALFORMED;
}

int th_filter_read(struct th_str bytes, struct th_filter **ret)
{
    struct th_cur c = th_cur_init(bytes.p, bytes.len);
    struct th_filter *f = th_xcalloc(1, sizeof(*f));
    int r = 0;
    while (r == 0 && th_cur_left(&c) > 0)
        r = f->count < TH_FILTER_MAX_PROGRAMS ? read_program(&c, &f->v[f->count++]) : TH_E_LIMIT;
    if (r < 0) {
        th_filter_free(f);
        return r;
    }
    *ret = f;
    return 0;
}

void th_filter_free(struct th_filter *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++)
        free(f->v[i].steps);
    free(f);
}

const struct th_filter_step *th_filter_steps(
    const struct th_filter *f, uint32_t linktype, uint32_t *ret_count)
{
    *ret_count = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (f->v[i].linktype != linktype)
            continue;
        *ret_count = f->v[i].count;
        return f->v[i].steps;
    }
    return NULL;
}

/* ---- running it ---- */

struct machine {
    uint32_t a, x, cells[CELLS];
    const uint8_t *frame;
    uint32_t cap_len, wire_len;
    bool failed; /* a load from behind what was captured: the packet does not pass */
};

static uint32_t load_frame(struct machine *m, unsigned size, uint64_t at)
{
    if (at > m->cap_len) {
        m->failed = true;
        return 0;
    }
    struct th_cur c = th_cur_init(m->frame + at, m->cap_len - (size_t)at);
    uint32_t v = size == SIZE_W ? th_cur_be32(&c)
        : size == SIZE_H        ? th_cur_be16(&c)
                                : th_cur_u8(&c);
    m->failed |= c.failed;
    return v;
}

static uint32_t load(struct machine *m, const struct th_filter_step *s)
{
    unsigned size = s->code & SIZE_MASK;
    switch (s->code & MODE_MASK) {
    case ABS: return load_frame(m, size, s->k);
    case IND: return load_frame(m, size, (uint64_t)m->x + s->k);
    case MEM: return m->cells[s->k];
    case LEN: return m->wire_len;
    case MSH: return (load_frame(m, SIZE_B, s->k) & 15u) * 4u; /* of an IPv4 header */
    default: return s->k;
    }
}

static uint32_t alu(struct machine *m, unsigned op, uint32_t by)
{
    switch (op) {
    case ADD: return m->a + by;
    case SUB: return m->a - by;
    case MUL: return m->a * by;
    case DIV:
    case MOD:
        if (by == 0) {
            m->failed = true;
            return 0;
        }
        return op == DIV ? m->a / by : m->a % by;
    case OR: return m->a | by;
    case AND: return m->a & by;
    case LSH: return by < 32 ? m->a << by : 0;
    case RSH: return by < 32 ? m->a >> by : 0;
    case NEG: return 0u - m->a;
    default: return m->a ^ by;
    }
}

static bool holds(const struct machine *m, unsigned op, uint32_t by)
{
    switch (op) {
    case JEQ: return m->a == by;
    case JGT: return m->a > by;
    case JGE: return m->a >= by;
    default: return (m->a & by) != 0;
    }
}

static bool run(const struct program *p, struct machine *m)
{
    for (uint32_t at = 0; !m->failed; at++) {
        const struct th_filter_step *s = &p->steps[at];
        uint32_t by = s->code & SRC_X ? m->x : s->k;
        TH_ASSERT(at < p->count);
        switch (s->code & CLASS_MASK) {
        case LD: m->a = load(m, s); break;
        case LDX: m->x = load(m, s); break;
        case ST: m->cells[s->k] = m->a; break;
        case STX: m->cells[s->k] = m->x; break;
        case ALU: m->a = alu(m, s->code & OP_MASK, by); break;
        case JMP:
            at += s->code == (JMP | JA) ? s->k : holds(m, s->code & OP_MASK, by) ? s->yes : s->no;
            break;
        case RET: return (s->code == RET ? s->k : m->a) != 0;
        default: *(s->code == MISC ? &m->x : &m->a) = s->code == MISC ? m->a : m->x; break;
        }
    }
    return false;
}

bool th_filter_passes(const struct th_filter *f, uint32_t linktype, const uint8_t *frame,
    uint32_t cap_len, uint32_t wire_len)
{
    struct machine m = {.frame = frame, .cap_len = cap_len, .wire_len = wire_len};
    for (size_t i = 0; i < f->count; i++)
        if (f->v[i].linktype == linktype)
            return run(&f->v[i], &m);
    return true;
}
