#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"

enum { EXIT_SIGNAL = 128 };

bool sb_init_is_wanted(const struct sb_bundle *bundle) {
  return (bundle->header->flags & SB_FLAG_INIT) != 0 && getpid() == 1;
}

/* Makes a process group of our own, which gets the terminal where our caller's had it. */
static void lead_group(void) {
  int terminal = open("/dev/tty", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  bool has_terminal = terminal >= 0 && tcgetpgrp(terminal) == getpgrp();
  if (setpgid(0, 0) == 0 && has_terminal) tcsetpgrp(terminal, getpgrp());
  if (terminal >= 0) close(terminal);
}

int sb_init_split(void) {
  sigset_t all, before;
  struct sigaction children = {.sa_handler = SIG_DFL}, children_before;
  /* Blocked signals wait for us, even those that PID 1 would never get; a fault of our own still ends us. */
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  /* Ignored, as some callers leave it, the kernel would reap for us and tell us nothing. */
  sigaction(SIGCHLD, &children, &children_before);
  /* Of one thread, we have nothing for fork(3) to take care of. */
  int child = _Fork();
  if (child > 0) return child;
  /* While TTOU is blocked: it would stop who takes the terminal. */
  if (child == 0) lead_group();
  sigaction(SIGCHLD, &children_before, NULL);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return child;
}

/* Reaps all that has ended; ends the process once the child is among it. */
static void reap(int child) {
  int status, ended;
  while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
    if (ended == child) _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNAL + WTERMSIG(status));
  }
}

_Noreturn void sb_init_serve(int child) {
  /* A reader of the app's output waits for the last who could write to it. */
  sb_file_close_from(0);
  prctl(PR_SET_NAME, "saddlebag-init");
  sigset_t all;
  sigfillset(&all);
  for (;;) {
    int number = sigwaitinfo(&all, NULL);
    if (number == SIGCHLD) {
      reap(child);
    } else if (number > 0 && number != SIGTTIN && number != SIGTTOU) { /* those are about our own place at the terminal */
      kill(child, number);
    }
  }
}
