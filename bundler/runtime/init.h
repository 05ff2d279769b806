/*
 * A small init (`bundle --init`): as PID 1 of a PID namespace the kernel drops each signal that an app has no handler
 * for, and an app that does not expect to have orphans never reaps them. So PID 1 stays here, and the app is its child.
 */
#ifndef SB_INIT_H
#define SB_INIT_H

#include "bundle.h"

/* Whether the bundle asks for one and this is PID 1: anywhere else the kernel and the init that is there do it better. */
bool sb_init_is_wanted(const struct sb_bundle *bundle);

/*
 * Splits PID 1 in two: 0 in the child, which is to become the app, in a process group of its own that has the terminal
 * where the caller's had it. Else the child's id, or -1 with errno set.
 */
int sb_init_split(void);

/*
 * Forwards signals to the child, reaps whatever ends, and ends when the child does, with its exit code or 128 and the
 * number of the signal that killed it: PID 1 can't kill itself. Holds no descriptor.
 */
_Noreturn void sb_init_serve(int child);

#endif
