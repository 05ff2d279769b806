/*
 * How anything here fails: a function returns an `enum sb_reason` (SB_OK is zero) and fills a `struct sb_failure` with
 * what it was about. The words for people are made in message.c, and only main.c ends the process.
 */
#ifndef SB_FAILURE_H
#define SB_FAILURE_H

#include <stdbool.h>

enum sb_reason {
  SB_OK = 0,

  /* The bundle itself; no other strategy or place would help. */
  SB_BUNDLE_UNREADABLE,
  SB_BUNDLE_ABSENT,
  SB_BUNDLE_CUT,
  SB_BUNDLE_OTHER,
  SB_BUNDLE_DAMAGED,
  SB_BUNDLE_MACHINE,
  SB_MEMORY_SHORT,
  SB_INTERRUPTED, /* `error` is the signal */
  SB_OPTION_UNKNOWN,
  SB_OPTION_MISUSED,
  SB_OUTPUT_FAILED,
  SB_REMOVAL_FAILED,
  SB_USAGE_UNKNOWN,
  SB_STORE_DAMAGED,
  SB_SETTING_WRONG,
  SB_STRATEGY_UNKNOWN,

  /* A place or a strategy that does not serve; the next is tried. */
  SB_FIRST_REFUSAL,
  SB_PATH_MISSING = SB_FIRST_REFUSAL,
  SB_PATH_UNTRUSTED,
  SB_ROOT_SHARED,
  SB_ROOT_PRIVILEGED,
  SB_NIX_TAKEN,
  SB_PLACE_RELATIVE,
  SB_PLACE_REFUSED,
  SB_PLACE_NOEXEC,
  SB_PLACE_SHARED,
  SB_PLACE_IN_MEMORY,
  SB_PLACE_CLOSED,
  SB_PLACE_NONE,
  SB_STORE_CONFLICT,
  SB_WRITE_FAILED,
  SB_LOCK_FAILED,
  SB_LAZY_NEEDLESS,
  SB_LAZY_REAPER,
  SB_DEVICE_REFUSED,
  SB_SERVER_FAILED,
  SB_NAMESPACE_AMBIENT,
  SB_NAMESPACE_ROOT,
  SB_NAMESPACE_FORBIDDEN,
  SB_NAMESPACE_UNMAPPED,
  SB_PROC_ABSENT,
  SB_MOUNT_FAILED,
  SB_PIVOT_FAILED,
  SB_CLOSURE_BOUND,
  SB_LINK_REFUSED,
  SB_MOUNT_NEEDED,

  /* After everything was in place. */
  SB_PROGRAM_ABSENT,
  SB_PROGRAM_REFUSED,
  SB_DIRECTORY_REFUSED,
  SB_CHILD_REFUSED,
  SB_PROGRAM_UNKNOWN,
};

/* Owned by the caller: zero it before use, `sb_failure_clear` it after. A later failure replaces an earlier one. */
struct sb_failure {
  enum sb_reason reason;
  int error;    /* errno, or 0 where the reason says all */
  char *object; /* a path or a thing; control characters are replaced */
  char *detail; /* more words, or NULL */
};

/* Fills `failure` and returns `reason`, so that it can be returned in one line. The strings are copied. */
enum sb_reason sb_failure_set(struct sb_failure *failure, enum sb_reason reason, int error, const char *object,
                              const char *detail);

void sb_failure_clear(struct sb_failure *failure);

/*
 * Returns a copy with `?` for each control character, to be freed; NULL for NULL or without memory. Names come from file
 * systems and callers: no terminal sequence of theirs reaches our stderr.
 */
char *sb_printable(const char *text);

/* Whether another strategy or place may still serve. */
static inline bool sb_reason_is_refusal(enum sb_reason reason) {
  return reason >= SB_FIRST_REFUSAL && reason < SB_PROGRAM_ABSENT;
}

#endif
