#include "failure.h"

#include <stdlib.h>
#include <string.h>

char *sb_printable(const char *text) {
  char *copy = text == NULL ? NULL : strdup(text);
  for (char *at = copy; at != NULL && *at != '\0'; at++) {
    if ((unsigned char)*at < 0x20 || *at == 0x7f) *at = '?';
  }
  return copy;
}

enum sb_reason sb_failure_set(struct sb_failure *failure, enum sb_reason reason, int error, const char *object,
                              const char *detail) {
  /* Copied before the old ones go: they may be these. */
  char *new_object = sb_printable(object);
  char *new_detail = sb_printable(detail);
  sb_failure_clear(failure);
  *failure = (struct sb_failure){.reason = reason, .error = error, .object = new_object, .detail = new_detail};
  return reason;
}

void sb_failure_clear(struct sb_failure *failure) {
  free(failure->object);
  free(failure->detail);
  *failure = (struct sb_failure){0};
}
