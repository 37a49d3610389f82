/* SPDX-License-Identifier: Apache-2.0 */
/* Names on the input, one a line; their registered domains on the output, with "own" or "hosted".
 */
#include <stdio.h>
#include <string.h>

#include "identity/identity.h"

int main(void)
{
    char line[512];
    while (fgets(line, sizeof(line), stdin)) {
        char storage[256];
        struct th_str domain = th_registered_domain(th_str_n(line, strcspn(line, "\r\n")), storage);
        if (domain.len > 0)
            printf("%.*s %s\n", (int)domain.len, domain.p,
                th_domain_is_hosted(domain) ? "hosted" : "own");
    }
    return 0;
}
