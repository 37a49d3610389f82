/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role report: findings in, a report for people out. The findings hold names that
 * strangers chose; this process can do nothing but read them and write the report, what a
 * test of models came to, or why an hour was not flagged.
 *
 * Descriptors: findings; html (optional); standard output.
 */
#include "role_report.h"

#include <getopt.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/log.h"
#include "options.h"
#include "priv/priv.h"
#include "priv/spawn.h"
#include "report.h"
#include "trial.h"
#include "why.h"

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

struct wish {
    bool trial, why, json;
    struct trial_span span;
};

static int parse_wish(struct wish *w, int argc, char **argv)
{
    static const struct option longs[] = {
        {"role", required_argument, NULL, 'r'},
        {"trial", no_argument, NULL, 't'},
        {"trial-json", no_argument, NULL, 'j'},
        {"why", no_argument, NULL, 'w'},
        {"why-json", no_argument, NULL, 'y'},
        {"from", required_argument, NULL, 'f'},
        {"to", required_argument, NULL, 'u'},
        {0},
    };
    *w = (struct wish){.span = {.from_ns = TH_TIME_UNSET, .to_ns = TH_TIME_UNSET}};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        bool ok = strchr("rtjwy", c) != NULL;
        w->trial |= c == 't' || c == 'j';
        w->why |= c == 'w' || c == 'y';
        w->json |= c == 'j' || c == 'y';
        if (c == 'f' || c == 'u')
            ok = th_time_parse_rfc3339(
                th_str_c(optarg), c == 'f' ? &w->span.from_ns : &w->span.to_ns);
        if (!ok)
            return -EINVAL;
    }
    return 0;
}

static int write_trial(const struct findings *f, const struct wish *w, bool colour)
{
    TH_AUTOBUF struct th_buf out = {.limit = max_report_bytes};
    struct trial *t = trial_new(f, &w->span);
    if (w->json)
        trial_json(t, &out);
    else
        trial_text(t, colour, &out);
    trial_free(t);
    return th_fd_write(STDOUT_FILENO, th_buf_view(&out));
}

static int write_why(const struct findings *f, const struct wish *w, bool colour)
{
    TH_AUTOBUF struct th_buf out = {.limit = max_report_bytes};
    if (!f->why.len)
        return TH_E_MALFORMED; /* core answers always */
    bool answered = w->json ? why_json(f, &out) : why_text(f, colour, &out);
    int r = th_fd_write(STDOUT_FILENO, th_buf_view(&out));
    return r < 0 ? r : answered ? 0 : CTL_NO_ANSWER;
}

static int write_wish(const struct findings *f, const struct wish *w, bool colour, int html_fd)
{
    if (w->why)
        return write_why(f, w, colour);
    return w->trial ? write_trial(f, w, colour) : write_reports(f, colour, html_fd);
}

int role_report(int argc, char **argv)
{
    struct th_inherited in;
    struct wish wish;
    struct findings f = {0};
    int fd = -1;
    int html_fd = -1;
    th_log_set(TH_LOG_INFO, "thymusctl report");
    const char *no_colour = getenv("NO_COLOR"); /* no-color.org: set and not empty */
    const char *term = getenv("TERM");
    bool colour =
        isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
    findings_library_init();
    int r = parse_wish(&wish, argc, argv);
    if (r == 0)
        r = th_inherit(&in);
    if (r == 0) {
        fd = th_inherit_get(&in, "findings", 0);
        html_fd = th_inherit_get(&in, "html", 0);
        r = fd < 0 ? -EBADF : th_role_lock(TH_ROLE_REPORT, true);
    }
    if (r == 0)
        r = findings_read(&f, fd);
    if (r == 0 && f.summary.there) /* without it core failed, which its parent says */
        r = write_wish(&f, &wish, colour, html_fd);
    if (r < 0)
        th_log(TH_LOG_ERROR, "the report could not be written: %s", th_strerror(r));
    findings_done(&f);
    return r < 0 ? CTL_FAILED : r;
}
