// SPDX-License-Identifier: BSD-2-Clause
#include "xenstub/common.h"

#include <xentoolcore.h>

int xentoolcore_restrict_all(domid_t domain)
{
    struct xenstub *control = stub_control();

    if (control == NULL || control->domain != domain) {
        return stub_fail(EINVAL);
    }
    control->restricted = 1;
    stub_control_close(control);
    return 0;
}
