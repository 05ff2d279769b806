#include "usage.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "text.h"

/* Returns where a name stands or would stand. */
static size_t search(const struct sb_units *units, const char *name, size_t length, bool *is_there) {
  size_t low = 0, high = units->count;
  *is_there = false;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const char *known = units->list[middle].name;
    int order = strncmp(known, name, length);
    if (order == 0) order = known[length] != '\0';
    if (order == 0) {
      *is_there = true;
      return middle;
    }
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

struct sb_unit *sb_units_find(const struct sb_units *units, const char *name, size_t length) {
  bool is_there;
  size_t at = search(units, name, length, &is_there);
  return is_there ? &units->list[at] : NULL;
}

struct sb_unit *sb_units_add(struct sb_units *units, const char *name) {
  char *copy = strdup(name);
  struct sb_unit *larger = realloc(units->list, (units->count + 1) * sizeof *larger);
  if (larger != NULL) units->list = larger;
  if (copy == NULL || larger == NULL) {
    free(copy);
    return NULL;
  }
  bool is_there;
  size_t at = search(units, name, strlen(name), &is_there);
  memmove(&larger[at + 1], &larger[at], (units->count - at) * sizeof *larger);
  larger[at] = (struct sb_unit){.name = copy};
  units->count++;
  return &larger[at];
}

void sb_units_free(struct sb_units *units) {
  for (size_t i = 0; i < units->count; i++) free(units->list[i].name);
  free(units->list);
  *units = (struct sb_units){0};
}

static void keep_named(struct sb_units *units, const char *text) {
  while (*text != '\0') {
    size_t length = strcspn(text, "/ \n");
    struct sb_unit *unit = length == 0 ? NULL : sb_units_find(units, text, length);
    if (unit != NULL) unit->is_kept = true;
    text += length + (text[length] != '\0');
  }
}

static void keep_of_process(struct sb_units *units, const char *process) {
  static const char *const files[] = {"mountinfo", "maps"};
  static const char *const links[] = {"exe", "cwd"};
  for (size_t i = 0; i < 2; i++) {
    SB_AUTO_FREE char *file = sb_text_format("/proc/%s/%s", process, files[i]);
    SB_AUTO_FREE char *text = file == NULL ? NULL : sb_file_read_text(file);
    if (text != NULL) keep_named(units, text);
    SB_AUTO_FREE char *link = sb_text_format("/proc/%s/%s", process, links[i]);
    char target[PATH_MAX];
    ssize_t length = link == NULL ? -1 : readlink(link, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = '\0';
    keep_named(units, target);
  }
}

bool sb_usage_keep(struct sb_units *units) {
  if (access("/proc/self/exe", F_OK) != 0) return false;
  DIR *processes = opendir("/proc");
  if (processes == NULL) return false;
  for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
    if (*entry->d_name >= '0' && *entry->d_name <= '9') keep_of_process(units, entry->d_name);
  }
  closedir(processes);
  return true;
}
