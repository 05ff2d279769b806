#include "text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Digits of the longest number, 2^64 - 1. */
enum { DIGITS_MAX = 20 };

/* Where text goes: what does not fit is counted and left out. */
struct sink {
  char *to;
  size_t room; /* NUL left out */
  size_t bytes;
};

static void put(struct sink *sink, const char *text, size_t bytes) {
  if (sink->bytes < sink->room) {
    size_t left = sink->room - sink->bytes;
    memcpy(sink->to + sink->bytes, text, bytes < left ? bytes : left);
  }
  sink->bytes += bytes;
}

static void put_number(struct sink *sink, uint64_t number) {
  char digits[DIGITS_MAX];
  size_t at = DIGITS_MAX;
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  put(sink, digits + at, DIGITS_MAX - at);
}

/* Puts one conversion, `format` pointing behind its %, and returns what follows it. */
static const char *put_conversion(struct sink *sink, const char *format, va_list *arguments) {
  if (*format == 's') {
    const char *text = va_arg(*arguments, const char *);
    if (text != NULL) put(sink, text, strlen(text));
  } else if (*format == 'u') {
    put_number(sink, va_arg(*arguments, unsigned));
  } else if (*format == 'd') {
    int number = va_arg(*arguments, int);
    if (number < 0) put(sink, "-", 1);
    put_number(sink, number < 0 ? -(uint64_t)number : (uint64_t)number);
  } else if (*format == 'c') {
    char character = (char)va_arg(*arguments, int);
    put(sink, &character, 1);
  } else if (*format == 'l') {
    put_number(sink, va_arg(*arguments, unsigned long long));
    format += 2;
  } else {
    put(sink, "%", 1);
  }
  return format + 1;
}

/* Returns the length of the whole text; at most `room` - 1 bytes of it and a NUL are written. */
static size_t write_list(char *to, size_t room, const char *format, va_list given) {
  struct sink sink = {.to = to, .room = room == 0 ? 0 : room - 1};
  va_list arguments;
  va_copy(arguments, given);
  while (*format != '\0') {
    size_t plain = strcspn(format, "%");
    put(&sink, format, plain);
    format += plain;
    if (*format == '%') format = put_conversion(&sink, format + 1, &arguments);
  }
  va_end(arguments);
  if (room > 0) to[sink.bytes < sink.room ? sink.bytes : sink.room] = '\0';
  return sink.bytes;
}

void sb_text_write(char *to, size_t room, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_list(to, room, format, arguments);
  va_end(arguments);
}

bool sb_text_add_list(struct sb_text *text, const char *format, va_list arguments) {
  size_t bytes = write_list(NULL, 0, format, arguments);
  if (text->room - text->bytes <= bytes) {
    size_t room = text->room * 2 + bytes + 1;
    char *larger = realloc(text->data, room);
    if (larger == NULL) return false;
    text->data = larger;
    text->room = room;
  }
  text->bytes += write_list(text->data + text->bytes, bytes + 1, format, arguments);
  return true;
}

bool sb_text_add(struct sb_text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  bool added = sb_text_add_list(text, format, arguments);
  va_end(arguments);
  return added;
}

char *sb_text_format(const char *format, ...) {
  struct sb_text text = {0};
  va_list arguments;
  va_start(arguments, format);
  sb_text_add_list(&text, format, arguments);
  va_end(arguments);
  return text.data;
}

const char *sb_text_number(const char *text, uint64_t *number) {
  const char *at = text;
  *number = 0;
  for (; *at >= '0' && *at <= '9'; at++) {
    if (__builtin_mul_overflow(*number, UINT64_C(10), number)) return NULL;
    if (__builtin_add_overflow(*number, (uint64_t)(*at - '0'), number)) return NULL;
  }
  return at == text ? NULL : at;
}
