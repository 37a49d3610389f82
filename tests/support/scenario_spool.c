/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario's events (tests/scenario) as a spool, for programs that read one.
 *   scenario_spool FILE > SPOOL
 */
#include "../scenario/script.h"

#include <stdio.h>

#include "event/run.h"

static int to_stdout(void *arg, struct th_str bytes)
{
    (void)arg;
    return fwrite(bytes.p, 1, bytes.len, stdout) == bytes.len ? 0 : -EIO;
}

static int write_all(const struct script *s)
{
    const struct th_byte_sink out = {.write = to_stdout};
    struct th_run_writer *runs = th_run_writer_new(&out);
    int r = th_run_writer_input(runs, 0);
    for (size_t i = 0; i < s->event_count && r == 0; i++)
        r = th_run_writer_put(runs, &s->events[i]->h);
    if (r == 0)
        r = th_run_writer_flush(runs);
    th_run_writer_free(runs);
    return fflush(stdout) == 0 ? r : -EIO;
}

int main(int argc, char **argv)
{
    struct script s;
    if (argc != 2 || script_load(argv[1], &s) < 0)
        return 2;
    int r = write_all(&s);
    script_done(&s);
    return r < 0;
}
