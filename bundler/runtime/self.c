#include "self.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "privilege.h"

enum sb_reason sb_self_open(struct sb_self *self, struct sb_failure *failure) {
  const char *started_as = (const char *)getauxval(AT_EXECFN);
  if (started_as == NULL) started_as = "/proc/self/exe";
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  path[length > 0 ? length : 0] = '\0';
  *self = (struct sb_self){.file = -1, .path = strdup(length > 0 ? path : started_as)};
  if (self->path == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, started_as, NULL);

  self->file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  /*
   * A refusal there is one of the file itself; only a /proc that is not there leaves something to try. Where rights are
   * borrowed not even that: the name may lead to another file by now, a bundle of whoever wants them.
   */
  if (self->file < 0 && errno == ENOENT) {
    if (sb_privilege_is_borrowed()) return sb_failure_set(failure, SB_PROC_ABSENT, errno, "/proc/self/exe", NULL);
    self->file = open(started_as, O_RDONLY | O_CLOEXEC);
  }
  if (self->file < 0) return sb_failure_set(failure, SB_BUNDLE_UNREADABLE, errno, self->path, NULL);
  return SB_OK;
}

void sb_self_close(struct sb_self *self) {
  if (self->file >= 0) close(self->file);
  free(self->path);
  *self = (struct sb_self){.file = -1};
}
