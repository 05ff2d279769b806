#include "string-area.h"

#include <string.h>

/* Source: RFC 3629; the shortest form alone, and neither surrogates nor what is beyond U+10FFFF. */
static bool is_utf8(const char *text) {
  static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
  const unsigned char *at = (const unsigned char *)text;
  while (*at != '\0') {
    uint32_t first = *at++, more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (more == 0) continue;
    uint32_t point = first & (0x3fU >> more);
    for (uint32_t i = 0; i < more; i++) {
      if ((*at & 0xc0) != 0x80) return false;
      point = point << 6 | (*at++ & 0x3fU);
    }
    if (first < 0xc0 || first > 0xf4 || point < smallest[more] || point > 0x10ffff || point >> 11 == 0xd800 >> 11) {
      return false;
    }
  }
  return true;
}

bool sb_string_is_sound(const char *area, uint64_t area_bytes, struct sb_string string) {
  return string.offset < area_bytes && string.length < area_bytes - string.offset &&
         strnlen(area + string.offset, (size_t)string.length + 1) == string.length && is_utf8(area + string.offset);
}

void sb_strings_unmask(char *area, uint64_t area_bytes) {
  for (uint64_t i = 0; i < area_bytes; i++) area[i] = (char)(area[i] ^ SB_STRING_MASK);
}
