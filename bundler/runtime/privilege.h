/* What the kernel lets this process do. */
#ifndef SB_PRIVILEGE_H
#define SB_PRIVILEGE_H

#include <stdbool.h>

/*
 * Whether a set-user-id bit, or one like it, gave this process rights that its caller has not (AT_SECURE, getauxval(3)):
 * then the caller must choose neither what runs nor where we write.
 */
bool sb_privilege_is_borrowed(void);

/* Whether CAP_SYS_ADMIN is effective: mounts are possible without a user namespace. */
bool sb_privilege_can_mount(void);

/* Whether capabilities are ambient: an execve keeps them, but a user namespace would take them away. */
bool sb_privilege_is_ambient(void);

#endif
