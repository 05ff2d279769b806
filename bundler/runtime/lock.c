#include "lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Source: U. Drepper, "Futexes Are Tricky", the second mutex. */
enum { FREE, HELD, AWAITED };

void sb_lock_take(struct sb_lock *lock) {
  int state = FREE;
  if (atomic_compare_exchange_strong(&lock->state, &state, HELD)) return;
  while (atomic_exchange(&lock->state, AWAITED) != FREE) {
    syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, AWAITED, NULL, NULL, 0);
  }
}

void sb_lock_give(struct sb_lock *lock) {
  if (atomic_exchange(&lock->state, FREE) == AWAITED) {
    syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  }
}
