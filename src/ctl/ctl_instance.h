/* SPDX-License-Identifier: Apache-2.0 */
/* `thymusctl instance ...`: makes an instance, tells its pin. */
#ifndef TH_CTL_INSTANCE_H
#define TH_CTL_INSTANCE_H

int ctl_instance(int argc, char **argv); /* argv[0] is "instance" */

#endif
