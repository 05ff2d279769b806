#include "crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cleanup.h"
#include "signals.h"

/* musl gives threads 128 KB by default; zstd's decoder keeps its tables in the decoder, so that is ample. */

struct crew {
  const struct sb_crew_task *task;
  struct sb_failure *failure; /* written by the one thread that turns `stopped` */
  atomic_size_t next;
  atomic_bool stopped;
};

struct member {
  struct crew *crew;
  unsigned number;
  pthread_t thread;
};

static void stop_with(struct crew *crew, struct sb_failure *failure) {
  if (!atomic_exchange(&crew->stopped, true)) {
    sb_failure_clear(crew->failure);
    *crew->failure = *failure;
  } else {
    sb_failure_clear(failure);
  }
}

static void *work(void *argument) {
  struct member *member = argument;
  struct crew *crew = member->crew;
  const struct sb_crew_task *task = crew->task;
  while (!atomic_load(&crew->stopped)) {
    struct sb_failure failure = {0};
    size_t item = atomic_fetch_add(&crew->next, 1);
    if (item >= task->items) break;
    if (sb_signals_caught() != 0) {
      sb_failure_set(&failure, SB_INTERRUPTED, sb_signals_caught(), "the extraction", NULL);
    } else {
      task->step(task->context, member->number, item, &failure);
    }
    if (failure.reason != SB_OK) stop_with(crew, &failure);
  }
  return NULL;
}

enum sb_reason sb_crew_run(const struct sb_crew_task *task, struct sb_failure *failure) {
  unsigned workers = task->items < task->workers ? (unsigned)task->items : task->workers;
  if (workers == 0) return SB_OK;
  struct crew crew = {.task = task, .failure = failure};
  SB_AUTO_FREE struct member *members = calloc(workers, sizeof *members);
  if (members == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, "the extraction", NULL);
  sb_failure_clear(failure);
  unsigned started = 1;
  members[0] = (struct member){.crew = &crew};
  for (; started < workers; started++) {
    members[started] = (struct member){.crew = &crew, .number = started};
    /* A limit on processes makes it slower, not impossible. */
    if (pthread_create(&members[started].thread, NULL, work, &members[started]) != 0) break;
  }
  work(&members[0]);
  for (unsigned i = 1; i < started; i++) pthread_join(members[i].thread, NULL);
  return failure->reason;
}
