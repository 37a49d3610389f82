/* SPDX-License-Identifier: Apache-2.0 */
#include "priv/priv.h"

#define TH_R(NAME) (1u << TH_RIGHT_##NAME)

static void put_call(struct th_buf *out, bool *first, const char *call, const char *help)
{
    th_buf_printf(out, "%s`%s`", *first ? "" : ", ", call);
    if (help)
        th_buf_printf(out, " (%s)", help);
    *first = false;
}

static void put_calls(struct th_buf *out, enum th_right right)
{
    bool first = true;
#define TH_CALL(RIGHT, call)                                                                       \
    if (right == TH_RIGHT_##RIGHT)                                                                 \
        put_call(out, &first, #call, NULL);
#define TH_CALL_IF(RIGHT, call, help, ...)                                                         \
    if (right == TH_RIGHT_##RIGHT)                                                                 \
        put_call(out, &first, #call, help);
#include "priv/roles.def"
    th_buf_puts(out, "\n");
}

static void put_roles(struct th_buf *out)
{
    static const char *const right_names[] = {
#define TH_RIGHT(NAME, help) #NAME,
#include "priv/roles.def"
    };
    th_buf_puts(out, "| role | program | does | rights | hostile bytes |\n|---|---|---|---|---|\n");
    for (unsigned i = 0; i < TH_ROLE_COUNT; i++) {
        const struct th_role_info *r = th_role_info((enum th_role)i);
        th_buf_printf(out, "| %s | %s | %s |", r->name, r->program, r->does);
        for (unsigned k = 0; k < TH_RIGHT_COUNT; k++)
            if (r->rights & (1u << k))
                th_buf_printf(out, " %s", right_names[k]);
        th_buf_printf(out, " | %s |\n", r->reads);
    }
}

void th_roles_doc(struct th_buf *out)
{
    th_buf_puts(out,
        "# What each role may do\n\n"
        "Made from `lib/priv/include/priv/roles.def` by `make docs`; do not edit.\n\n"
        "A daemon's parent opens what is needed and parses nothing. A role is started with\n"
        "descriptors only, becomes nobody when it was root, and locks itself before it reads the\n"
        "first byte from outside: no new privileges, not dumpable, Landlock with every right\n"
        "handled and none allowed (where the kernel has Landlock), and a seccomp filter that ends\n"
        "the process at any system call that its rights do not name.\n\n");
    put_roles(out);
    th_buf_puts(out, "\n## Rights\n");
#define TH_RIGHT(NAME, help)                                                                       \
    th_buf_puts(out, "\n**" #NAME "**: " help ".\n");                                              \
    put_calls(out, TH_RIGHT_##NAME);
#include "priv/roles.def"
    th_buf_puts(out,
        "\n## Forbidden everywhere\n\n"
        "The test `priv/roles` tries these with arguments that would work, and every other system\n"
        "call number that a role's rights do not name, inside each role's real filter, with\n"
        "Landlock and without.\n\n");
    bool first = true;
#define TH_DENY(call) put_call(out, &first, #call, NULL);
#include "priv/roles.def"
    th_buf_puts(out, "\n");
}
