#include "privilege.h"

#include <linux/capability.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

bool sb_privilege_is_borrowed(void) { return getauxval(AT_SECURE) != 0; }

/* Reads both sets; empty where a filter of system calls forbids to ask, which leaves the careful strategies. */
static void read_capabilities(uint64_t *effective, uint64_t *permitted) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
  syscall(SYS_capget, &header, data);
  *effective = (uint64_t)data[1].effective << 32 | data[0].effective;
  *permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

bool sb_privilege_can_mount(void) {
  uint64_t effective, permitted;
  read_capabilities(&effective, &permitted);
  return (effective >> CAP_SYS_ADMIN & 1) != 0;
}

bool sb_privilege_is_ambient(void) {
  uint64_t effective, permitted;
  read_capabilities(&effective, &permitted);
  /* What is ambient is permitted too, so the common case asks nothing more. */
  if (permitted == 0) return false;
  for (unsigned long capability = 0; capability <= CAP_LAST_CAP; capability++) {
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0L, 0L) == 1) return true;
  }
  return false;
}
