/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of `thymusctl analyse`.
 */
#ifndef TH_CTL_OPTIONS_H
#define TH_CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { CTL_ALL_READ = 0, CTL_FAILED = 1, CTL_USAGE = 2, CTL_PARTLY_READ = 3 };
enum { CTL_MAX_ROLE_ARGS = 120 };

struct ctl_options {
    bool json, show, no_prior;
    const char *state_dir, *html, *models_dir, *prior, *prior_out, *filter;
    /* What goes on to roles, as they take it. */
    const char *core_args[CTL_MAX_ROLE_ARGS + 1];
    const char *capture_args[CTL_MAX_ROLE_ARGS + 1];
    size_t core_arg_count, capture_arg_count;
    char **paths;
    size_t path_count;
};

/* -1, or the exit status when it is decided already (help, version, a mistake). */
int ctl_options_parse(struct ctl_options *o, int argc, char **argv);

#endif
