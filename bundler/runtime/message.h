/*
 * Words for people, all of them on stderr: `<program>: cannot <verb> <object>: <reason>` and a line with what to do.
 * The only place that knows how a reason reads.
 */
#ifndef SB_MESSAGE_H
#define SB_MESSAGE_H

#include "strategy.h"

/* Returns `<object>: <reason>` in words, for a failure that is part of another message; the caller frees it. */
char *sb_message_describe(const struct sb_failure *failure);

/* Prints one failure with its hint. */
void sb_message_failure(const char *program, const struct sb_failure *failure);

/* Prints that no strategy served: each with what refused it and the setting that would allow it. */
void sb_message_attempts(const struct sb_start *start, const struct sb_attempts *attempts);

/* Prints one line where SADDLEBAG_DEBUG is set, else nothing; `failure` may be NULL. */
void sb_message_debug(const struct sb_start *start, const char *what, const char *object,
                      const struct sb_failure *failure);

#endif
