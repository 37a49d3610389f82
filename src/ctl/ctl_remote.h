/* SPDX-License-Identifier: Apache-2.0 */
/* `thymusctl token|user|sensor|audit ...`: what the operator asks a running master. */
#ifndef TH_CTL_REMOTE_H
#define TH_CTL_REMOTE_H

int ctl_remote(int argc, char **argv); /* argv[0] is the first word */

#endif
