// SPDX-License-Identifier: BSD-2-Clause
#include "tools/privileges.h"

#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

static bool change_root(const struct privileges *privileges, struct err *err)
{
    return privileges->chroot == NULL || (chroot(privileges->chroot) == 0 && chdir("/") == 0) ||
           err_errno(err, "can't change the root to %s", privileges->chroot);
}

/* Where it is not allowed (in a container, say) the rest still is worth having. */
static void leave_namespaces(const struct privileges *privileges)
{
    const int all = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS;

    if (privileges->namespaces && unshare(all) != 0) {
        log_error("can't leave the namespaces, going on: %s", strerror(errno));
    }
}

static bool drop_group(const struct privileges *privileges, struct err *err)
{
    return !privileges->has_gid || (setgid(privileges->gid) == 0 && setgroups(0, NULL) == 0) ||
           err_errno(err, "can't become group %u", privileges->gid);
}

static bool drop_user(const struct privileges *privileges, struct err *err)
{
    if (!privileges->has_uid) {
        return true;
    }
    if (setuid(privileges->uid) != 0) {
        return err_errno(err, "can't become user %u", privileges->uid);
    }
    if (privileges->uid != 0 && setuid(0) == 0) {
        return err_set(err, "root can be regained: giving up");
    }
    return true;
}

bool privileges_drop(const struct privileges *privileges, struct err *err)
{
    if (!change_root(privileges, err)) {
        return false;
    }
    leave_namespaces(privileges);
    return drop_group(privileges, err) && drop_user(privileges, err);
}
