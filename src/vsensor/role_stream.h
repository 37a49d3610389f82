/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_ROLE_STREAM_H
#define TH_VSENSOR_ROLE_STREAM_H

/* Role stream, started by the daemon. Exit status for main. */
int role_stream(int argc, char **argv);

#endif
