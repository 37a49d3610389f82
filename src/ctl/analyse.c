/* SPDX-License-Identifier: Apache-2.0 */
#include "analyse.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "event/batch.h"
#include "files.h"
#include "filter.h"
#include "options.h"
#include "past.h"
#include "priv/inputs.h"
#include "priv/readers.h"
#include "priv/results.h"
#include "role_files.h"

struct analysis {
    struct ctl_options options;
    struct th_inputs inputs;
    struct ctl_past past; /* instances among the inputs */
    int spool[3];         /* what the reading roles write: capture, import, recall */
    int state_lock;
    int filter; /* compiled; -1: none */
    struct th_role_files core_fds;
    struct th_results results;
    pid_t report; /* 0: none */
    int to_report;
};

static int complain(const char *what, int err)
{
    fprintf(stderr, "thymusctl: %s: %s\n", what, th_strerror(err));
    return err;
}

/* ---- inputs ---- */

static int collect(struct analysis *a)
{
    for (size_t i = 0; i < a->options.path_count; i++)
        if (!ctl_past_take(&a->past, &a->options, a->options.paths[i], &a->inputs))
            th_inputs_add(&a->inputs, a->options.paths[i]);
    for (size_t i = 0; i < a->inputs.count; i++)
        if (strcmp(a->inputs.paths[i], "-") == 0)
            return ctl_settle_stdin();
    return 0;
}

/* The names of all inputs in the order of their numbers: files, what cannot be read, instances. */
static int add_names(struct analysis *a)
{
    TH_AUTOBUF struct th_buf names = TH_BUF_INIT;
    for (size_t i = 0; i < a->inputs.count; i++)
        th_buf_put(&names, a->inputs.paths[i], strlen(a->inputs.paths[i]) + 1);
    for (size_t i = 0; i < a->inputs.problem_count; i++)
        th_buf_put(&names, a->inputs.problems[i].path, strlen(a->inputs.problems[i].path) + 1);
    for (size_t i = 0; i < a->past.count; i++)
        th_buf_put(&names, a->past.v[i].conf.path, strlen(a->past.v[i].conf.path) + 1);
    int fd = th_role_files_memory(th_buf_view(&names));
    if (fd < 0)
        return fd;
    th_role_files_add(&a->core_fds, "names", fd);
    return 0;
}

/* A last spool tells of the paths that led to no file: they are reported like all others. */
static int add_problems(struct analysis *a)
{
    TH_AUTOBUF struct th_buf frames = TH_BUF_INIT;
    for (size_t i = 0; i < a->inputs.problem_count; i++) {
        struct th_source_info info = {.input = (uint32_t)(a->inputs.count + i),
            .status = TH_SOURCE_UNREADABLE,
            .message = th_str_c(a->inputs.problems[i].message)};
        th_source_info_put(&info, &frames);
    }
    int fd = th_role_files_memory(th_buf_view(&frames));
    if (fd < 0)
        return fd;
    th_role_files_add(&a->core_fds, "spool", fd);
    return 0;
}

static int read_inputs(struct analysis *a)
{
    static const struct {
        const char *program, *role;
    } roles[] = {{"thymus-vsensor", "capture"}, {"thymus-master", "import"}};
    char program[4096] = "";
    struct th_readers *readers =
        th_readers_new((const char *const *)a->inputs.paths, a->inputs.count, a->options.show);
    int r = 0;
    for (size_t i = 0; r == 0 && i < TH_ARRAY_LEN(roles); i++) {
        struct th_role_fd fds[] = {
            {.fd = a->spool[i], .tag = "spool"}, {.fd = a->filter, .tag = "filter"}};
        r = th_sibling_program(roles[i].program, program, sizeof(program));
        if (r == 0)
            r = th_readers_start(readers, program, roles[i].role, fds,
                i == 0 && a->filter >= 0 ? 2 : 1, i == 0 ? a->options.capture_args : NULL);
        if (r < 0)
            complain(program, r);
    }
    if (r == 0)
        r = th_readers_run(readers);
    if (r == 0)
        r = ctl_past_read(&a->past, &a->options, a->inputs.count + a->inputs.problem_count,
            a->spool[TH_ARRAY_LEN(roles)]);
    if (r == TH_E_ROLE_FAILED)
        fputs(
            "thymusctl: the inputs could not be read to their end; nothing was analysed\n", stderr);
    th_readers_free(readers);
    return r;
}

/* ---- what core gets ---- */

static int add_result(struct analysis *a, const char *tag, const char *path)
{
    int r = th_results_add(&a->results, tag, path, false);
    if (r < 0) {
        fprintf(stderr, "thymusctl: %s: cannot be written: %s\n", path, th_strerror(r));
        return r;
    }
    int fd = fcntl(a->results.v[a->results.count - 1].fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return complain(path, -errno);
    th_role_files_add(&a->core_fds, tag, fd);
    return 0;
}

static int add_state(struct analysis *a)
{
    if (!a->options.state_dir)
        return 0;
    TH_AUTOFREE char *path = th_xasprintf("%s/state", a->options.state_dir);
    if (a->options.command != CTL_ANALYSE) /* begins with it and leaves it as it is */
        return th_role_files_open(&a->core_fds, "state-in", path, false);
    int r = ctl_lock_state(a->options.state_dir, &a->state_lock);
    if (r == 0)
        r = th_role_files_open(&a->core_fds, "state-in", path, true);
    return r < 0 ? r : add_result(a, "state-out", path);
}

static int add_knowledge(struct analysis *a)
{
    char models[4096];
    int r = th_find_models(a->options.models_dir, models, sizeof(models));
    if (r == 0)
        r = th_role_files_models(&a->core_fds, models);
    if (r < 0 || a->options.no_prior)
        return r;
    TH_AUTOFREE char *installed = th_xasprintf("%s/prior.bin", models);
    const char *prior = a->options.prior ? a->options.prior : installed;
    return th_role_files_open(&a->core_fds, "prior", prior, !a->options.prior);
}

static int core_of(const struct th_role_fd *fds, size_t count, const char *const *args, pid_t *ret)
{
    char program[4096] = "";
    int r = th_sibling_program("thymus-master", program, sizeof(program));
    if (r == 0)
        r = th_spawn(program, "core", fds, count, args, ret);
    return r < 0 ? complain(program, r) : 0;
}

/* The models on trial, if any: a mistake in them is told before the long work begins. */
static int add_trial(struct analysis *a)
{
    static const char *const args[] = {"--check", NULL};
    struct th_role_files fds = {.count = 0};
    int status = 0;
    pid_t pid = -1;
    if (!a->options.trial)
        return 0;
    int r = th_role_files_open(&fds, "model", a->options.trial, false);
    if (r == 0)
        r = th_role_files_memory(th_str_n(a->options.trial, strlen(a->options.trial) + 1));
    if (r >= 0) {
        th_role_files_add(&fds, "model-names", r);
        r = core_of(fds.v, fds.count, args, &pid);
    }
    th_role_files_done(&fds);
    if (r < 0)
        return r;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return TH_E_CONFIG; /* it said why */
    return th_role_files_open(&a->core_fds, "trial", a->options.trial, false);
}

/* All that can be missing is found before the long work begins. */
static int prepare(struct analysis *a)
{
    int r = add_trial(a);
    if (r == 0)
        r = add_knowledge(a);
    if (r == 0)
        r = add_state(a);
    if (r == 0 && a->options.prior_out)
        r = add_result(a, "prior-out", a->options.prior_out);
    for (size_t i = 0; r == 0 && i < TH_ARRAY_LEN(a->spool); i++) {
        a->spool[i] = ctl_scratch();
        r = a->spool[i] < 0 ? a->spool[i] : 0;
        if (r == 0)
            th_role_files_add(&a->core_fds, "spool", fcntl(a->spool[i], F_DUPFD_CLOEXEC, 0));
    }
    return r;
}

/* ---- the report ---- */

/* At most seven. */
static void report_args(const struct analysis *a, const char **args)
{
    const struct ctl_options *o = &a->options;
    if (o->command == CTL_WHY)
        *args = o->json ? "--why-json" : "--why";
    if (o->command != CTL_MODEL_TEST)
        return;
    *args++ = o->json ? "--trial-json" : "--trial";
    if (o->from) {
        *args++ = "--from";
        *args++ = o->from;
    }
    if (o->to) {
        *args++ = "--to";
        *args++ = o->to;
    }
}

static int start_report(struct analysis *a)
{
    struct th_role_files fds = {.count = 0};
    char program[4096] = "";
    int p[2];
    if (pipe2(p, O_CLOEXEC) < 0)
        return complain("report", -errno);
    a->to_report = p[1];
    th_role_files_add(&fds, "findings", p[0]);
    int r = 0;
    if (a->options.html) {
        r = th_results_add(&a->results, "html", a->options.html, false);
        if (r < 0)
            fprintf(
                stderr, "thymusctl: %s: cannot be written: %s\n", a->options.html, th_strerror(r));
        else
            th_role_files_add(
                &fds, "html", fcntl(a->results.v[a->results.count - 1].fd, F_DUPFD_CLOEXEC, 0));
    }
    if (r == 0)
        r = th_sibling_program("thymusctl", program, sizeof(program));
    const char *args[8] = {NULL};
    report_args(a, args);
    if (r == 0 && (r = th_spawn(program, "report", fds.v, fds.count, args, &a->report)) < 0)
        complain(program, r);
    th_role_files_done(&fds);
    return r;
}

/* Waits for a role: its exit status, 0 or `other`, or CTL_FAILED after saying how it ended. */
static int wait_for(pid_t pid, const char *role, int other)
{
    int status;
    char text[128];
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return CTL_FAILED;
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == other))
        return WEXITSTATUS(status);
    th_exit_text(status, text, sizeof(text));
    fprintf(stderr, "thymusctl: the %s role %s\n", role, text);
    return CTL_FAILED;
}

static int end_report(struct analysis *a)
{
    th_closep(&a->to_report);
    int status = a->report ? wait_for(a->report, "report", CTL_NO_ANSWER) : 0;
    a->report = 0;
    return status;
}

/* ---- the analysis ---- */

/* Else core's lines are what is printed. */
static bool is_reported(const struct analysis *a)
{
    return !a->options.json || a->options.command != CTL_ANALYSE;
}

static int run_core(struct analysis *a)
{
    pid_t pid = -1;
    int out = fcntl(is_reported(a) ? a->to_report : STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    int r = out < 0 ? complain("core", -errno) : 0;
    if (out >= 0)
        th_role_files_add(&a->core_fds, "out", out);
    if (r == 0)
        r = core_of(a->core_fds.v, a->core_fds.count, a->options.core_args, &pid);
    th_role_files_done(&a->core_fds); /* ours would keep the report waiting */
    return r < 0 ? CTL_FAILED : wait_for(pid, "core", CTL_PARTLY_READ);
}

static void show(const struct analysis *a, const char *text)
{
    if (a->options.show && (!a->options.json || !isatty(STDOUT_FILENO)))
        fprintf(stderr, "\r\033[K%s", text);
}

static int make_filter(struct analysis *a)
{
    char error[1024];
    if (!a->options.filter)
        return 0;
    a->filter = th_filter_make(a->options.filter, error, sizeof(error));
    if (a->filter < 0)
        fprintf(stderr, "thymusctl: --filter: %s\n", error);
    return TH_MIN(a->filter, 0);
}

static int analyse(struct analysis *a)
{
    if (make_filter(a) < 0)
        return CTL_USAGE;
    if (prepare(a) < 0 || collect(a) < 0 || add_names(a) < 0 || add_problems(a) < 0)
        return CTL_FAILED;
    if (is_reported(a) && start_report(a) < 0)
        return CTL_FAILED;
    if (read_inputs(a) < 0)
        return CTL_FAILED;
    show(a, "analysing");
    int status = run_core(a);
    show(a, "");
    int reported = end_report(a); /* that there is no answer, it has said itself */
    if (reported != 0)
        status = CTL_FAILED;
    if (status == CTL_FAILED)
        return CTL_FAILED;
    int r = th_results_keep(&a->results);
    if (r < 0) {
        complain("results cannot be put in place", r);
        return CTL_FAILED;
    }
    return status;
}

static int run_command(enum ctl_command command, int argc, char **argv)
{
    struct analysis a = {.spool = {-1, -1, -1}, .state_lock = -1, .filter = -1, .to_report = -1};
    int status = ctl_options_parse(&a.options, command, argc, argv);
    if (status < 0)
        status = analyse(&a);
    end_report(&a);
    th_results_done(&a.results);
    th_role_files_done(&a.core_fds);
    th_inputs_done(&a.inputs);
    ctl_past_done(&a.past);
    for (size_t i = 0; i < TH_ARRAY_LEN(a.spool); i++)
        th_closep(&a.spool[i]);
    th_closep(&a.state_lock);
    th_closep(&a.filter);
    return status;
}

int ctl_analyse(int argc, char **argv)
{
    return run_command(CTL_ANALYSE, argc, argv);
}

int ctl_model(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "test") != 0) {
        fputs("thymusctl: model: what? See thymusctl model test --help\n", stderr);
        return CTL_USAGE;
    }
    return run_command(CTL_MODEL_TEST, argc - 1, argv + 1);
}

int ctl_why(int argc, char **argv)
{
    return run_command(CTL_WHY, argc, argv);
}
