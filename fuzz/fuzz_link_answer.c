/* SPDX-License-Identifier: Apache-2.0 */
/* A master's answer out of any bytes: the first says which request and status it is read for. */
#include "base/mem.h"
#include "link/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_command(void *arg, const struct th_link_command *c)
{
    unsigned *n = arg;
    TH_ASSERT(strlen(c->id) <= TH_LINK_MAX_WORD && strlen(c->type) <= TH_LINK_MAX_WORD);
    TH_ASSERT(++*n <= TH_LINK_MAX_COMMANDS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const long statuses[] = {200, 400, 401, 403, 409, 413, 426, 503};
    struct th_link_answer a;
    unsigned n = 0;
    if (size == 0)
        return 0;
    struct th_str body = th_str_n(data + 1, size - 1);
    if (data[0] % 3 == TH_LINK_COMMANDS) {
        int r = th_link_commands_read(body, on_command, &n);
        TH_ASSERT(r == 0 || n == 0);
        return 0;
    }
    if (th_link_answer_read(
            (enum th_link_request)(data[0] % 3), statuses[data[0] / 3 % 8], body, &a) == 0)
        TH_ASSERT(memchr(a.message, 0, sizeof(a.message)));
    int64_t wait = th_link_retry_after_ns(body);
    TH_ASSERT(wait > 0);
    return 0;
}
