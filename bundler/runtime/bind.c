#include "bind.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cleanup.h"
#include "join.h"
#include "mount.h"
#include "new-root.h"
#include "text.h"

static bool is_absent(const char *path) {
  struct stat status;
  /* A link to nowhere is no more use than nothing. */
  return stat(path, &status) != 0 && errno == ENOENT;
}

static bool is_same_file(const struct stat *source, const char *target) {
  struct stat status;
  return stat(target, &status) == 0 && status.st_dev == source->st_dev && status.st_ino == source->st_ino;
}

bool sb_bind_holds(const struct sb_bundle *bundle, const struct sb_bind_record *record) {
  const char *source = sb_bundle_string(bundle, record->source), *target = sb_bundle_string(bundle, record->target);
  struct stat status;
  if (stat(source, &status) != 0) {
    /* The closure's own comes with it. */
    return !sb_bundle_has(bundle, source) || (record->policy == SB_BIND_WHERE_ABSENT && !is_absent(target));
  }
  return record->policy == SB_BIND_WHERE_ABSENT ? !is_absent(target) : is_same_file(&status, target);
}

bool sb_binds_add(struct sb_binds *binds, const char *source, const struct sb_bind *bind) {
  SB_AUTO_CLOSE int file = open(source == NULL ? bind->target : source, O_PATH | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) return true;
  struct sb_bind *larger = realloc(binds->list, (binds->count + 1) * sizeof *larger);
  if (larger == NULL) return false;
  binds->list = larger;
  struct sb_bind *added = &larger[binds->count++];
  *added = *bind;
  added->type = status.st_mode & S_IFMT;
  added->source = file;
  file = -1;
  return true;
}

bool sb_binds_add_bundle(struct sb_binds *binds, const struct sb_bundle *bundle) {
  for (uint32_t i = 0; i < bundle->header->bind_count; i++) {
    const struct sb_bind_record *record = &bundle->binds[i];
    const char *source = sb_bundle_string(bundle, record->source);
    struct sb_bind bind = {
        .target = sb_bundle_string(bundle, record->target),
        .always = record->policy == SB_BIND_ALWAYS,
        .is_read_only = sb_bundle_has(bundle, source),
    };
    if (!sb_binds_add(binds, source, &bind)) return false;
  }
  return true;
}

void sb_binds_close(struct sb_binds *binds) {
  for (size_t i = 0; i < binds->count; i++) {
    close(binds->list[i].source);
    free(binds->list[i].point);
  }
  free(binds->list);
  *binds = (struct sb_binds){0};
}

/*
 * Opens the longest part of `path`, less its last component, that is a directory; `length` becomes how long that is.
 * Writes to `path` and puts it back.
 */
static int open_ground(char *path, size_t *length) {
  char *end = path + strlen(path);
  for (;;) {
    end = memrchr(path, '/', (size_t)(end - path));
    *length = (size_t)(end - path);
    if (end == path) return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    *end = '\0';
    int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *end = '/';
    if (directory >= 0) return directory;
  }
}

static bool is_empty_directory(const char *path) {
  SB_AUTO_CLOSE int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return directory >= 0 && sb_is_empty(directory);
}

static bool is_wanted(const struct sb_bind *bind) {
  struct stat source;
  if (is_absent(bind->target)) return true;
  if (fstat(bind->source, &source) != 0 || is_same_file(&source, bind->target)) return false;
  return bind->always || (bind->fills_empty && is_empty_directory(bind->target));
}

/* Finds out what is there of a target, and what has to be made. False where memory is short. */
static bool plan(struct sb_bind *bind) {
  if (!is_wanted(bind)) return true;
  SB_AUTO_FREE char *target = strdup(bind->target);
  size_t length;
  SB_AUTO_CLOSE int ground = target == NULL ? -1 : open_ground(target, &length);
  SB_AUTO_FREE char *link = ground < 0 ? NULL : sb_mount_descriptor_path(ground);
  char canonical[PATH_MAX];
  ssize_t known = link == NULL ? -1 : readlink(link, canonical, sizeof canonical - 1);
  if (known <= 0 || known >= (ssize_t)sizeof canonical - 1) return false;
  bind->ground = known == 1 ? 0 : (size_t)known;
  canonical[bind->ground] = '\0';
  bind->point = sb_text_format("%s%s", canonical, target + length);
  if (bind->point == NULL) return false;
  struct stat status;
  bool is_there = lstat(bind->point, &status) == 0;
  /* The kernel would follow a link, and cover what it leads to. */
  bind->is_new = !is_there || S_ISLNK(status.st_mode) || S_ISDIR(status.st_mode) != S_ISDIR(bind->type);
  return true;
}

/* Which directories of the root have to be made anew; the context is the list of binds. */
static enum sb_join decide(const void *context, const char *to) {
  const struct sb_binds *binds = context;
  size_t length = strlen(to);
  for (size_t i = 0; i < binds->count; i++) {
    const struct sb_bind *bind = &binds->list[i];
    if (bind->point == NULL || !bind->is_new || strncmp(bind->point, to, length) != 0) continue;
    if (bind->point[length] == '\0') return SB_JOIN_OMIT;
    if (bind->point[length] == '/' && length <= bind->ground) return SB_JOIN_ENTER;
  }
  return SB_JOIN_BIND;
}

static enum sb_reason renew_root(struct sb_binds *binds, struct sb_failure *failure) {
  enum sb_reason reason = sb_new_root_pivot(failure);
  if (reason != SB_OK) return reason;
  binds->is_root_new = true;
  if (sb_new_root_join(SB_OLD_ROOT, "", &(struct sb_join_plan){.decide = decide, .context = binds})) return SB_OK;
  return sb_failure_set(failure, SB_MOUNT_FAILED, errno, "the old root's entries", NULL);
}

/* Makes what a bind is to be mounted on, and the directories that lead there. */
static bool make_point(const struct sb_bind *bind, bool is_ours) {
  for (char *slash = bind->point + bind->ground; (slash = strchr(slash + 1, '/')) != NULL;) {
    *slash = '\0';
    int result = mkdir(bind->point, 0755);
    *slash = '/';
    if (result != 0 && errno != EEXIST) return false;
  }
  /* Where the root was made anew, what is in the way was left out. */
  if (is_ours && unlink(bind->point) != 0 && errno == EISDIR && rmdir(bind->point) != 0) return false;
  if (S_ISDIR(bind->type)) return mkdir(bind->point, 0755) == 0;
  SB_AUTO_CLOSE int file = open(bind->point, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  return file >= 0;
}

static bool make(const struct sb_bind *bind) {
  SB_AUTO_FREE char *source = sb_mount_descriptor_path(bind->source);
  if (source == NULL) return false;
  return bind->is_read_only ? sb_mount_bind(source, bind->point)
                            : mount(source, bind->point, NULL, MS_BIND | MS_REC, NULL) == 0;
}

static enum sb_reason make_all(const struct sb_binds *binds, bool is_ours, struct sb_failure *failure) {
  /* All points before the first mount: what is made below one would be made in its source. */
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < binds->count; i++) {
      const struct sb_bind *bind = &binds->list[i];
      if (bind->point == NULL || (round == 0 && !bind->is_new)) continue;
      bool done = round == 0 ? make_point(bind, is_ours) : make(bind);
      if (!done && !bind->is_optional) return sb_failure_set(failure, SB_MOUNT_FAILED, errno, bind->target, NULL);
    }
  }
  return SB_OK;
}

enum sb_reason sb_binds_make(struct sb_binds *binds, bool is_ours, struct sb_failure *failure) {
  bool needs_root = false;
  for (size_t i = 0; i < binds->count; i++) {
    struct sb_bind *bind = &binds->list[i];
    if (!plan(bind)) return sb_failure_set(failure, SB_MOUNT_FAILED, errno, bind->target, NULL);
    if (bind->point != NULL && bind->is_new && !is_ours) needs_root = true;
  }
  enum sb_reason reason = needs_root ? renew_root(binds, failure) : SB_OK;
  return reason == SB_OK ? make_all(binds, is_ours, failure) : reason;
}

enum sb_reason sb_binds_check_links(const struct sb_bundle *bundle, struct sb_failure *failure) {
  for (uint32_t i = 0; i < bundle->header->bind_count; i++) {
    if (sb_bind_holds(bundle, &bundle->binds[i])) continue;
    const char *target = sb_bundle_string(bundle, bundle->binds[i].target);
    struct stat status;
    SB_AUTO_FREE char *path = strdup(target);
    size_t length;
    SB_AUTO_CLOSE int ground = path == NULL ? -1 : open_ground(path, &length);
    if (ground < 0 || lstat(target, &status) == 0 || faccessat(ground, ".", W_OK, 0) != 0) {
      return sb_failure_set(failure, SB_MOUNT_NEEDED, 0, target, NULL);
    }
  }
  return SB_OK;
}

enum sb_reason sb_binds_link(const struct sb_bundle *bundle, struct sb_failure *failure) {
  for (uint32_t i = 0; i < bundle->header->bind_count; i++) {
    if (sb_bind_holds(bundle, &bundle->binds[i])) continue;
    const char *target = sb_bundle_string(bundle, bundle->binds[i].target);
    SB_AUTO_FREE char *path = strdup(target);
    bool made = path != NULL;
    for (char *slash = path; made && (slash = strchr(slash + 1, '/')) != NULL;) {
      *slash = '\0';
      made = mkdir(path, 0755) == 0 || errno == EEXIST;
      *slash = '/';
    }
    /* Another start may have been quicker. */
    if (made) made = symlink(sb_bundle_string(bundle, bundle->binds[i].source), target) == 0 || errno == EEXIST;
    if (!made) return sb_failure_set(failure, SB_WRITE_FAILED, errno, target, NULL);
  }
  return SB_OK;
}
