/*
 * A lock of one word for threads of this process: futex(2) and nothing more. libc's mutex, with all that it can do,
 * would be 2 KB of the runtime.
 */
#ifndef SB_LOCK_H
#define SB_LOCK_H

#include <stdatomic.h>

/* 0 is free: zeroed memory is a free lock. */
struct sb_lock {
  atomic_int state;
};

void sb_lock_take(struct sb_lock *lock);

void sb_lock_give(struct sb_lock *lock);

#endif
