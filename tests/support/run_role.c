/* SPDX-License-Identifier: Apache-2.0 */
/* run_role PROGRAM ROLE SPOOL INPUT...: runs a reading role over inputs as thymusctl would. */
#include <fcntl.h>

#include "base/mem.h"
#include "priv/inputs.h"
#include "priv/readers.h"

int main(int argc, char **argv)
{
    struct th_inputs in = TH_INPUTS_INIT;
    if (argc < 4)
        return 2;
    for (int i = 4; i < argc; i++)
        th_inputs_add(&in, argv[i]);
    int spool = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct th_role_fd fds[] = {{.fd = spool, .tag = "spool"}};
    struct th_readers *r = th_readers_new((const char *const *)in.paths, in.count, false);
    int err = th_readers_start(r, argv[1], argv[2], fds, 1, NULL);
    if (err == 0)
        err = th_readers_run(r);
    for (size_t i = 0; err == 0 && i < in.count; i++) {
        const struct th_progress *p = th_readers_result(r, i);
        printf("%s\t%d\t%s\n", in.paths[i], p ? p->status : -1, p ? p->text : "");
    }
    th_readers_free(r);
    th_inputs_done(&in);
    if (err < 0)
        fprintf(stderr, "%s\n", th_strerror(err));
    return err < 0;
}
