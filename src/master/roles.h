/* SPDX-License-Identifier: Apache-2.0 */
/* The roles of thymus-master; each lies in role_NAME.c and returns an exit status. */
#ifndef TH_MASTER_ROLES_H
#define TH_MASTER_ROLES_H

int role_import(int argc, char **argv);
int role_core(int argc, char **argv);
int role_intake(int argc, char **argv);
int role_gateway(int argc, char **argv);
int role_state(int argc, char **argv);
int role_seal(int argc, char **argv);
int role_store(int argc, char **argv);
int role_query(int argc, char **argv);
int role_recall(int argc, char **argv);

#endif
