/*
 * A start that writes files must not be torn off in the middle, and as PID 1 it would not even notice a signal without
 * a handler. While signals are caught, TERM, INT, HUP and QUIT are remembered; the work looks, cleans up and the process
 * leaves with 128 + n. What the caller had set to ignore stays ignored (nohup), what it blocked stays blocked.
 *
 * XFSZ, which would kill us at a limit of file sizes, is ignored meanwhile: the write then fails, with a reason to tell.
 */
#ifndef SB_SIGNALS_H
#define SB_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

enum { SB_SIGNALS_COUNT = 4 };

struct sb_signals {
  struct sigaction before[SB_SIGNALS_COUNT];
  struct sigaction before_size_limit;
};

void sb_signals_catch(struct sb_signals *signals);

/* Puts back what was there. A signal that was caught meanwhile is still told by `sb_signals_caught`. */
void sb_signals_release(const struct sb_signals *signals);

/* Returns the signal that was caught, or 0. */
int sb_signals_caught(void);

/*
 * While true, a caught signal ends the process at once: for waits in which there is nothing to clean up. Without it a
 * signal that comes just before a blocking call would be noticed only after it.
 */
void sb_signals_end_at_once(bool at_once);

#endif
