/* SPDX-License-Identifier: Apache-2.0 */
/* The history string, by the meaning that Zeek's documentation of conn.log gives its letters. */
#include "flow_priv.h"

void th_history_put(struct th_flow_priv *p, int dir, char letter)
{
    if (p->history_len >= TH_FLOW_HISTORY_MAX)
        return;
    if (dir == 0 && letter >= 'a')
        letter = (char)(letter - 'a' + 'A');
    p->history[p->history_len++] = letter;
}

void th_history_count(struct th_flow_priv *p, int dir, char letter, uint32_t *counter)
{
    uint32_t n = ++*counter;
    while (n >= 10 && n % 10 == 0)
        n /= 10;
    if (n == 1)
        th_history_put(p, dir, letter);
    if (*counter == UINT32_MAX)
        *counter = UINT32_MAX / 2;
}
