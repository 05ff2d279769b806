/*
 * Text made from pieces, in place of stdio: musl's printf brings floating point and locales along, 11 KB in all.
 *
 * Formats know %s (NULL reads as nothing), %c, %d, %u, %llu and %%; the compiler checks them as it checks printf's.
 */
#ifndef SB_TEXT_H
#define SB_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h> /* before its functions are poisoned */

/* One call is enough to bring all of it back. */
#pragma GCC poison asprintf dprintf fprintf snprintf vasprintf vsnprintf

#define SB_TEXT_FORMAT(at, first) __attribute__((format(printf, at, first)))

/* Returns the text in heap memory; NULL with errno set where memory is short. */
SB_TEXT_FORMAT(1, 2) char *sb_text_format(const char *format, ...);

/* Writes the text and a NUL to `to`, which has room for `room` bytes; what is too long is cut off. */
SB_TEXT_FORMAT(3, 4) void sb_text_write(char *to, size_t room, const char *format, ...);

/*
 * A text that grows. Zero it before use. `data` ends with a NUL once something was added and is the caller's to free,
 * which SB_AUTO_FREE on the whole does, as it comes first.
 */
struct sb_text {
  char *data;
  size_t bytes;
  size_t room;
};

/* Adds to a text; false where memory is short, and the text is then what it was. */
SB_TEXT_FORMAT(2, 3) bool sb_text_add(struct sb_text *text, const char *format, ...);

bool sb_text_add_list(struct sb_text *text, const char *format, va_list arguments);

/* Reads the decimal number that a text begins with, and returns what is behind it; NULL where there is none or too large. */
const char *sb_text_number(const char *text, uint64_t *number);

#endif
