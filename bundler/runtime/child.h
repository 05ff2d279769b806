/* Children that the app never learns of: made without a signal for when they end, and waited for before it begins. */
#ifndef SB_CHILD_H
#define SB_CHILD_H

/*
 * Forks; returns as fork(2) does. No SIGCHLD comes of it, and the status is kept even where the caller ignores SIGCHLD,
 * which would otherwise make the kernel throw it away.
 */
long sb_child_make(void);

/* Waits until the child has ended, and returns its status as waitpid(2) gives it. */
int sb_child_wait(long child);

#endif
