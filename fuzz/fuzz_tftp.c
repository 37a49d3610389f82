/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

TH_FUZZ_STREAM(*(in[0] & 4 ? &th_tftp_analyser : &th_tftp_data_analyser), FEED_UDP, 69)
