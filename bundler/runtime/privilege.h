/* What the kernel lets this process do. */
#ifndef SB_PRIVILEGE_H
#define SB_PRIVILEGE_H

#include <stdbool.h>

/* Whether CAP_SYS_ADMIN is effective: mounts are possible without a user namespace. */
bool sb_privilege_can_mount(void);

/* Whether capabilities are ambient: an execve keeps them, but a user namespace would take them away. */
bool sb_privilege_is_ambient(void);

#endif
