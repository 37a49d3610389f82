/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role report: findings in, a report for people out. The findings hold names that
 * strangers chose; this process can do nothing but read them and write the report.
 *
 * Descriptors: findings; html (optional); standard output.
 */
#include "role_report.h"

#include <stdlib.h>

#include "base/fd.h"
#include "base/log.h"
#include "priv/priv.h"
#include "priv/spawn.h"
#include "report.h"

static const size_t max_report_bytes = 256u << 20;

static int write_reports(const struct findings *f, bool colour, int html_fd)
{
    TH_AUTOBUF struct th_buf out = {.limit = max_report_bytes};
    report_text(f, colour, &out);
    int r = th_fd_write(STDOUT_FILENO, th_buf_view(&out));
    if (r < 0 || html_fd < 0)
        return r;
    th_buf_clear(&out);
    report_html(f, &out);
    return th_fd_write(html_fd, th_buf_view(&out));
}

int role_report(int argc, char **argv)
{
    struct th_inherited in;
    struct findings f = {0};
    int fd = -1;
    int html_fd = -1;
    (void)argc;
    (void)argv;
    th_log_set(TH_LOG_INFO, "thymusctl report");
    const char *no_colour = getenv("NO_COLOR"); /* no-color.org: set and not empty */
    const char *term = getenv("TERM");
    bool colour =
        isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
    findings_library_init();
    int r = th_inherit(&in);
    if (r == 0) {
        fd = th_inherit_get(&in, "findings", 0);
        html_fd = th_inherit_get(&in, "html", 0);
        r = fd < 0 ? -EBADF : th_role_lock(TH_ROLE_REPORT, true);
    }
    if (r == 0)
        r = findings_read(&f, fd);
    if (r == 0 && f.summary.there) /* without it core failed, which its parent says */
        r = write_reports(&f, colour, html_fd);
    if (r < 0)
        th_log(TH_LOG_ERROR, "the report could not be written: %s", th_strerror(r));
    findings_done(&f);
    return r < 0 ? 1 : 0;
}
