/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

TH_FUZZ_STREAM(th_bacnet_analyser, FEED_UDP, 47808)
