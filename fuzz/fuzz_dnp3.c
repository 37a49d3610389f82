/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

TH_FUZZ_STREAM(th_dnp3_analyser, FEED_TCP, 20000)
