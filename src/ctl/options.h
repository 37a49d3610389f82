/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of `thymusctl analyse`, and of `thymusctl model test` and `thymusctl why`, which
 * are analyses too.
 */
#ifndef TH_CTL_OPTIONS_H
#define TH_CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CTL_ALL_READ = 0, CTL_FAILED = 1, CTL_USAGE = 2, CTL_PARTLY_READ = 3 };
/* Of the report role alone: it has said that what was asked for is not there. */
enum { CTL_NO_ANSWER = 4 };
enum { CTL_MAX_ROLE_ARGS = 120 };

enum ctl_command { CTL_ANALYSE, CTL_MODEL_TEST, CTL_WHY };

struct ctl_options {
    enum ctl_command command;
    bool json, show, no_prior;
    bool local_named;              /* networks of the inside */
    const char *trial;             /* the models to be tested */
    const char *from, *to;         /* in RFC 3339, or NULL: what of the past counts */
    char from_day[32], to_day[32]; /* room for them, where a day was given */
    char why[320];                 /* DEVICE@TIME, as core takes it */
    const char *state_dir, *html, *models_dir, *prior, *prior_out, *filter;
    /* What goes on to roles, as they take it. */
    const char *core_args[CTL_MAX_ROLE_ARGS + 1];
    const char *capture_args[CTL_MAX_ROLE_ARGS + 1];
    size_t core_arg_count, capture_arg_count;
    char **paths;
    size_t path_count;
};

/* -1, or the exit status when it is decided already (help, version, a mistake). */
int ctl_options_parse(struct ctl_options *o, enum ctl_command command, int argc, char **argv);

/* Adds a network of the inside; the text must outlive the options. */
void ctl_options_local_net(struct ctl_options *o, const char *cidr);

#endif
