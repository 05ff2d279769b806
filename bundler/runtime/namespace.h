/* A mount namespace of our own, in a user namespace of our own where the process may not mount. */
#ifndef SB_NAMESPACE_H
#define SB_NAMESPACE_H

#include <stdbool.h>

#include "failure.h"

/*
 * Whether a child of ours can do what `sb_namespace_enter` and a new root take. For an unprivileged process there is no
 * way out of a user namespace; some systems allow that one and refuse the mounts in it (AppArmor), and some end whoever
 * tries, root too (systemd's filters of system calls): so it is tried in a child, before anything is staked on it. The child is reaped, and tells its parent's signal handlers nothing.
 */
enum sb_reason sb_namespace_probe(bool privileged, struct sb_failure *failure);

/*
 * Enters the namespaces. With `privileged` only a mount namespace, from which no mount comes back to the host; else a
 * user namespace around it in which uid and gid are what they were.
 */
enum sb_reason sb_namespace_enter(bool privileged, struct sb_failure *failure);

#endif
