#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "file.h"
#include "text.h"

static uint64_t read_limit(const char *root, const char *group, const char *name) {
  SB_AUTO_FREE char *path = sb_text_format("%s%s/%s", root, group, name);
  SB_AUTO_FREE char *text = path == NULL ? NULL : sb_file_read_text(path);
  uint64_t limit;
  /* `max` is no number and means none. */
  return text == NULL || sb_text_number(text, &limit) == NULL ? UINT64_MAX : limit;
}

/* The lowest limit from a group up to the root that we see. Writes to `group`. */
static uint64_t lowest_limit(const char *root, char *group, const char *name) {
  uint64_t lowest = UINT64_MAX;
  for (;;) {
    if (strcmp(group, "/") == 0) *group = '\0';
    uint64_t limit = read_limit(root, group, name);
    if (limit < lowest) lowest = limit;
    char *slash = strrchr(group, '/');
    if (slash == NULL) return lowest;
    *slash = '\0';
  }
}

/* Lines of /proc/self/cgroup: `0::/group` for version 2, `9:memory:/group` for version 1 (cgroups(7)). */
uint64_t sb_memory_limit(void) {
  SB_AUTO_FREE char *text = sb_file_read_text("/proc/self/cgroup");
  uint64_t lowest = UINT64_MAX;
  char *rest = text;
  for (char *line; text != NULL && (line = strsep(&rest, "\n")) != NULL;) {
    char *controllers = strchr(line, ':');
    char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL) continue;
    *group++ = '\0';
    uint64_t limit = UINT64_MAX;
    if (controllers[1] == '\0') limit = lowest_limit("/sys/fs/cgroup", group, "memory.max");
    if (strcmp(controllers + 1, "memory") == 0) {
      limit = lowest_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
    }
    if (limit < lowest) lowest = limit;
  }
  return lowest;
}
