/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_ROLE_KEEP_H
#define TH_VSENSOR_ROLE_KEEP_H

/* Started as `thymus-vsensor --role keep`. */
int role_keep(int argc, char **argv);

#endif
