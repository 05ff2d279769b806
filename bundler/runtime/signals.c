#include "signals.h"

#include <stddef.h>
#include <unistd.h>

static const int caught_signals[SB_SIGNALS_COUNT] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

static volatile sig_atomic_t caught;
static volatile sig_atomic_t ends_at_once;

static void remember(int number) {
  if (ends_at_once) _exit(128 + number);
  if (caught == 0) caught = number;
}

void sb_signals_catch(struct sb_signals *signals) {
  caught = 0;
  ends_at_once = 0;
  for (size_t i = 0; i < SB_SIGNALS_COUNT; i++) {
    sigaction(caught_signals[i], NULL, &signals->before[i]);
    if (signals->before[i].sa_handler == SIG_IGN) continue;
    /* No SA_RESTART: a wait for the lock is to end. */
    struct sigaction action = {.sa_handler = remember};
    sigemptyset(&action.sa_mask);
    sigaction(caught_signals[i], &action, NULL);
  }
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGXFSZ, &ignore, &signals->before_size_limit);
}

void sb_signals_release(const struct sb_signals *signals) {
  for (size_t i = 0; i < SB_SIGNALS_COUNT; i++) sigaction(caught_signals[i], &signals->before[i], NULL);
  sigaction(SIGXFSZ, &signals->before_size_limit, NULL);
}

int sb_signals_caught(void) { return caught; }

void sb_signals_end_at_once(bool at_once) {
  ends_at_once = at_once;
  if (at_once && caught != 0) _exit(128 + caught);
}
