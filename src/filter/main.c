/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thymus-filter EXPRESSION: an expression in libpcap's language as programs for all link types that
 * are read (packet/filter.h), on standard output. A program of its own, so that libpcap and what it
 * brings along is in no process that sees a packet. Exit status 0; 2: one sentence on standard
 * error says what is wrong, and up to where the expression was understood.
 */
#include <ctype.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/mem.h"
#include "packet/decode.h"
#include "packet/filter.h"

enum {
    SNAP_LEN = 262144,
    LINKTYPES = 512,
    LINKTYPE_ETHERNET = 1,
    LINKTYPE_RAW = 101,
    LINKTYPE_RAW_OPENBSD = 14,
    MAX_EXPRESSION = 4096,
    EXIT_WRONG = 2
};

/* The numbers in files are libpcap's own but for raw IP. */
static int own_number(uint32_t linktype)
{
    return linktype == LINKTYPE_RAW || linktype == LINKTYPE_RAW_OPENBSD ? DLT_RAW : (int)linktype;
}

/* 0 and a program, which the caller frees; negative and a sentence. */
static int compile(const char *expression, uint32_t linktype, struct bpf_program *ret,
    char error[PCAP_ERRBUF_SIZE])
{
    pcap_t *p = pcap_open_dead(own_number(linktype), SNAP_LEN);
    if (!p)
        return -ENOMEM;
    int r = pcap_compile(p, ret, expression, 1, PCAP_NETMASK_UNKNOWN);
    if (r < 0)
        snprintf(error, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(p));
    pcap_close(p);
    return r < 0 ? TH_E_CONFIG : 0;
}

/* 1: its program is in out; 0: the expression says nothing that this link type has. */
static int add(struct th_buf *out, const char *expression, uint32_t linktype, char *error)
{
    struct bpf_program b = {0};
    struct th_filter_step steps[TH_FILTER_MAX_STEPS];
    int r = compile(expression, linktype, &b, error);
    if (r < 0)
        return r == -ENOMEM ? r : 0;
    for (unsigned i = 0; i < b.bf_len && i < TH_FILTER_MAX_STEPS; i++)
        steps[i] = (struct th_filter_step){.code = b.bf_insns[i].code,
            .yes = b.bf_insns[i].jt,
            .no = b.bf_insns[i].jf,
            .k = b.bf_insns[i].k};
    if (b.bf_len <= TH_FILTER_MAX_STEPS)
        th_filter_put(out, linktype, steps, b.bf_len);
    else
        snprintf(error, PCAP_ERRBUF_SIZE, "it makes a program of %u steps, more than %u", b.bf_len,
            TH_FILTER_MAX_STEPS);
    pcap_freecode(&b);
    return b.bf_len <= TH_FILTER_MAX_STEPS;
}

/* The beginning of the expression, with what it opened closed again. */
static bool is_understood(const char *expression, size_t len)
{
    char text[2 * MAX_EXPRESSION + 1], ignored[PCAP_ERRBUF_SIZE];
    struct bpf_program b = {0};
    size_t open = 0;
    memcpy(text, expression, len);
    for (size_t i = 0; i < len; i++)
        open += expression[i] == '(' ? 1 : expression[i] == ')' && open > 0 ? (size_t)-1 : 0;
    memset(text + len, ')', open);
    text[len + open] = '\0';
    if (compile(text, LINKTYPE_ETHERNET, &b, ignored) < 0)
        return false;
    pcap_freecode(&b);
    return true;
}

/* libpcap says what is wrong, not where. */
static size_t understood(const char *expression)
{
    for (size_t len = strlen(expression); len > 0; len--)
        if (!isspace((unsigned char)expression[len - 1]) &&
            (isspace((unsigned char)expression[len]) || strchr("()", expression[len])) &&
            is_understood(expression, len))
            return len;
    return 0;
}

static int say_wrong(const char *expression, const char *error)
{
    size_t len = understood(expression);
    size_t next = len + strspn(expression + len, " \t\n");
    if (len == 0 || !expression[next])
        fprintf(stderr, "%s\n", error);
    else
        fprintf(stderr, "%s: at character %zu, behind \"%.*s\"\n", error, next + 1, (int)len,
            expression);
    return EXIT_WRONG;
}

int main(int argc, char **argv)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    char error[PCAP_ERRBUF_SIZE] = "", first[PCAP_ERRBUF_SIZE] = "";
    unsigned made = 0;
    if (argc != 2 || strlen(argv[1]) > MAX_EXPRESSION) {
        fputs("usage: thymus-filter EXPRESSION (of at most 4096 characters)\n", stderr);
        return EXIT_WRONG;
    }
    for (uint32_t linktype = 0; linktype < LINKTYPES; linktype++) {
        if (!th_linktype_supported(linktype))
            continue;
        int r = add(&out, argv[1], linktype, error);
        made += r > 0;
        if (linktype == LINKTYPE_ETHERNET)
            memcpy(first, error, sizeof(first)); /* what most people mean */
    }
    if (made == 0)
        return say_wrong(argv[1], first);
    return th_fd_write(1, th_buf_view(&out)) < 0 ? 1 : 0;
}
