/* SPDX-License-Identifier: Apache-2.0 */
/* Prints docs/roles.md, for `make docs`. */
#include "priv/priv.h"

int main(void)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    th_roles_doc(&out);
    return fwrite(out.p, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
}
