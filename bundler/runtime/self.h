/*
 * Finds the file that runs: the bundle is its own data. /proc/self/exe is the inode that the kernel started, whatever
 * became of its name; where /proc is not mounted, the name that was given to execve (AT_EXECFN) has to do.
 */
#ifndef SB_SELF_H
#define SB_SELF_H

#include "failure.h"

struct sb_self {
  int file;   /* read only, close on exec; owned */
  char *path; /* for messages; owned */
};

enum sb_reason sb_self_open(struct sb_self *self, struct sb_failure *failure);

void sb_self_close(struct sb_self *self);

#endif
