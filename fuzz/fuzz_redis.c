/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

TH_FUZZ_STREAM(th_redis_analyser, FEED_TCP, 6379)
