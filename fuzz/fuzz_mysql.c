/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

TH_FUZZ_STREAM(th_mysql_analyser, FEED_TCP, 3306)
