/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

TH_FUZZ_STREAM(th_rfb_analyser, FEED_TCP, 5900)
