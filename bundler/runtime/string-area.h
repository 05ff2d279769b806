/* The strings of a bundle: areas in which references find them, FORMAT.md's first paragraph. */
#ifndef SB_STRING_AREA_H
#define SB_STRING_AREA_H

#include <stdbool.h>

#include "format.h"

/* Whether `string` lies in an area of `area_bytes` at `area`, is UTF-8, ends with a NUL and holds no other. */
bool sb_string_is_sound(const char *area, uint64_t area_bytes, struct sb_string string);

/* Flips the top bit of each byte, which turns a stored string area into a readable one. */
void sb_strings_unmask(char *area, uint64_t area_bytes);

#endif
