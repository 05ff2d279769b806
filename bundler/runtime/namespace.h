/* A mount namespace of our own, in a user namespace of our own where the process may not mount. */
#ifndef SB_NAMESPACE_H
#define SB_NAMESPACE_H

#include <stdbool.h>

#include "failure.h"

/* What is to be done in the namespaces: SB_OK, or what it was refused with. */
typedef enum sb_reason sb_namespace_attempt(struct sb_failure *failure);

/*
 * Whether a child of ours can enter the namespaces and do what `attempt` does. For an unprivileged process there is no
 * way out of a user namespace; some systems allow that one and refuse the mounts in it (AppArmor), and some end whoever
 * tries, root too (systemd's filters of system calls): so it is tried in a child, before anything is staked on it.
 */
enum sb_reason sb_namespace_probe(bool privileged, sb_namespace_attempt *attempt, struct sb_failure *failure);

/*
 * Enters the user namespace, in which uid and gid are what they were; with `privileged` nothing is done, for none is
 * needed. Mounts are those of before.
 */
enum sb_reason sb_namespace_enter_user(bool privileged, struct sb_failure *failure);

/* Enters a mount namespace, from which no mount comes back to the host. */
enum sb_reason sb_namespace_enter_mounts(struct sb_failure *failure);

/* Enters both. */
enum sb_reason sb_namespace_enter(bool privileged, struct sb_failure *failure);

#endif
