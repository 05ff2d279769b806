/*
 * A crew of threads that takes items one by one until all are done, one fails or a signal asks us to end. It is gone
 * when the call returns: execve needs a process of one thread.
 */
#ifndef SB_CREW_H
#define SB_CREW_H

#include <stddef.h>

#include "failure.h"

struct sb_crew_task {
  /* Does one item. `worker` counts from 0 to below `workers`: state that only one thread uses can be kept by it. */
  enum sb_reason (*step)(void *context, unsigned worker, size_t item, struct sb_failure *failure);
  void *context;
  size_t items;
  unsigned workers;
};

/* Returns the first failure of a step, or SB_INTERRUPTED. The calling thread works too. */
enum sb_reason sb_crew_run(const struct sb_crew_task *task, struct sb_failure *failure);

#endif
