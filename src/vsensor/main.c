/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "read.h"
#include "role_capture.h"

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--role") == 0 && strcmp(argv[2], "capture") == 0)
        return role_capture(argc, argv);
    return vsensor_read(argc, argv);
}
