/*
 * Cleanup attributes: a variable so marked gives its resource back wherever its scope is left, which makes early
 * returns safe. errno passes through unchanged, for the caller still wants to name the reason.
 */
#ifndef SB_CLEANUP_H
#define SB_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void sb_cleanup_free(void *variable) {
  int error = errno;
  free(*(void **)variable);
  errno = error;
}

static inline void sb_cleanup_close(const int *file) {
  int error = errno;
  if (*file >= 0) close(*file);
  errno = error;
}

/* For heap memory; NULL is fine. */
#define SB_AUTO_FREE __attribute__((cleanup(sb_cleanup_free)))
/* For a descriptor; set it to -1 until it is open, and again when it is handed on. */
#define SB_AUTO_CLOSE __attribute__((cleanup(sb_cleanup_close)))

#endif
