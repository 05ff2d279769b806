#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "fill.h"
#include "index.h"
#include "memory.h"
#include "message.h"
#include "sha256.h"
#include "text.h"
#include "tree.h"

/* A place: a directory, and a directory in it that is ours to make. */
struct place {
  const char *variable; /* holds the first directory; NULL: `directory` is it */
  const char *directory;
  const char *between; /* made where it is missing, may be NULL */
  const char *name;    /* NULL: the first directory itself */
  bool listed;         /* whether the variable may hold several, with colons between; the first is taken */
  bool owned;          /* whether the first directory has to be ours: under sudo, HOME is another user's */
  bool by_user;        /* whether the name gets our uid */
};

static const struct place places[] = {
    {.variable = "SADDLEBAG_CACHE_DIR"},
    {.variable = "CACHE_DIRECTORY", .name = "saddlebag", .listed = true},
    {.variable = "NOMAD_TASK_DIR", .name = ".saddlebag"},
    {.variable = "NOMAD_ALLOC_DIR", .name = ".saddlebag"},
    {.variable = "XDG_CACHE_HOME", .name = "saddlebag", .owned = true},
    {.variable = "HOME", .between = ".cache", .name = "saddlebag", .owned = true},
    {.directory = "/var/tmp", .name = "saddlebag", .by_user = true},
    {.directory = "/tmp", .name = "saddlebag", .by_user = true},
};

/* Returns the path of a place in heap memory; NULL where its variable is not set. */
static char *place_path(const struct place *place) {
  const char *first = place->directory != NULL ? place->directory : sb_settings_variable(place->variable);
  if (first == NULL) return NULL;
  if (place->by_user) return sb_text_format("%s/%s-%u", first, place->name, (unsigned)geteuid());
  SB_AUTO_FREE char *top = strndup(first, place->listed ? strcspn(first, ":") : strlen(first));
  if (top == NULL) return NULL;
  const char *first_slash = place->between == NULL ? "" : "/", *second_slash = place->name == NULL ? "" : "/";
  return sb_text_format("%s%s%s%s%s", top, first_slash, place->between, second_slash, place->name);
}

/* Makes what of a place is ours to make, and opens it; -1 with errno set. */
static int make_place(const struct place *place, char *path) {
  if (place->owned) {
    char *first = strrchr(path, '/');
    if (place->between != NULL) first = memrchr(path, '/', (size_t)(first - path));
    *first = '\0';
    struct stat status;
    int result = stat(path, &status);
    *first = '/';
    if (result != 0) return -1;
    if (status.st_uid != geteuid()) {
      errno = EPERM;
      return -1;
    }
  }
  if (place->between != NULL) {
    char *last = strrchr(path, '/');
    *last = '\0';
    int result = mkdir(path, 0700);
    *last = '/';
    if (result != 0 && errno != EEXIST) return -1;
  }
  return sb_directory_make(AT_FDCWD, path, 0700);
}

static enum sb_reason check_place(int directory, const char *path, struct sb_failure *failure) {
  struct stat status;
  struct statvfs mount;
  if (fstat(directory, &status) != 0 || fstatvfs(directory, &mount) != 0) {
    return sb_failure_set(failure, SB_PLACE_REFUSED, errno, path, NULL);
  }
  if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return sb_failure_set(failure, SB_PLACE_SHARED, 0, path, NULL);
  }
  if ((mount.f_flag & ST_NOEXEC) != 0) return sb_failure_set(failure, SB_PLACE_NOEXEC, 0, path, NULL);
  return SB_OK;
}

static enum sb_reason check_memory(int directory, const char *path, uint64_t content_bytes,
                                   struct sb_failure *failure) {
  struct statfs status;
  bool is_in_memory = fstatfs(directory, &status) == 0 &&
                      ((uint32_t)status.f_type == TMPFS_MAGIC || (uint32_t)status.f_type == RAMFS_MAGIC);
  if (!is_in_memory || sb_memory_limit() >= content_bytes) return SB_OK;
  return sb_failure_set(failure, SB_PLACE_IN_MEMORY, 0, path, NULL);
}

/*
 * Whether a place has a directory `store` that no bundle made, as the place /nix would: what is in it would be replaced,
 * and collected. Ours comes after its `meta`, so the order of these looks matters; where a cleaner of old files took that,
 * the mode tells, but not on every file system.
 */
static bool has_foreign_store(int control) {
  struct stat store, meta;
  return fstatat(control, "store", &store, AT_SYMLINK_NOFOLLOW) == 0 && (store.st_mode & 07777) != SB_STORE_MODE &&
         fstatat(control, "meta", &meta, AT_SYMLINK_NOFOLLOW) != 0;
}

enum sb_reason sb_cache_open_store(struct sb_store *store, int control, const char *place,
                                   struct sb_failure *failure) {
  if (control < 0) return sb_failure_set(failure, SB_PLACE_REFUSED, errno, place, NULL);
  SB_AUTO_FREE char *trees = sb_text_format("%s/store", place);
  if (trees == NULL) {
    close(control);
    return sb_failure_set(failure, SB_MEMORY_SHORT, 0, place, NULL);
  }
  if (has_foreign_store(control)) {
    close(control);
    return sb_failure_set(failure, SB_NIX_TAKEN, 0, trees, NULL);
  }
  /* Whether it is there now sb_store_open finds out. */
  mkdirat(control, "meta", 0755);
  /* Whoever the app becomes later has to get in, through the mount; the place itself stays closed to others. */
  return sb_store_open(store, control, sb_directory_make(control, "store", SB_STORE_MODE), trees, failure);
}

/* The store inside a place that only this closure uses, for one with other bytes under a name that is taken. */
static enum sb_reason open_own_store(struct sb_store *store, const struct sb_bundle *bundle, int directory,
                                     const char *path, struct sb_failure *failure) {
  char name[4 + 2 * SB_DIGEST_BYTES + 1] = "own-";
  sb_hex_write(name + 4, bundle->header->closure_sha256, SB_DIGEST_BYTES);
  SB_AUTO_FREE char *own = sb_text_format("%s/%s", path, name);
  if (own == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, path, NULL);
  return sb_cache_open_store(store, sb_directory_make(directory, name, 0700), own, failure);
}

enum sb_reason sb_cache_settle(struct sb_store *store, const struct sb_start *start, struct sb_failure *failure) {
  enum sb_reason reason = sb_store_check(store, start->bundle, failure);
  if (reason == SB_OK && sb_store_note_use(store, start->bundle)) {
    sb_message_debug(start, "complete", store->path, NULL);
    return SB_OK;
  }
  /* Also what was collected since. */
  if (reason == SB_OK || reason == SB_PATH_MISSING) {
    reason = check_memory(store->trees, store->path, sb_frames_disk_bytes(start->bundle), failure);
    size_t extracted = 0;
    if (reason == SB_OK) reason = sb_store_fill(store, start, &extracted, failure);
    if (reason == SB_OK) sb_message_debug(start, extracted > 0 ? "extracted" : "waited for", store->path, NULL);
  }
  if (reason != SB_OK) sb_store_close(store);
  return reason;
}

enum sb_reason sb_cache_share(struct sb_store *store, const struct sb_start *start, int directory, const char *path,
                              struct sb_failure *failure) {
  enum sb_reason reason = sb_cache_open_store(store, fcntl(directory, F_DUPFD_CLOEXEC, 3), path, failure);
  if (reason == SB_OK) reason = sb_cache_settle(store, start, failure);
  if (reason != SB_STORE_CONFLICT) return reason;
  reason = open_own_store(store, start->bundle, directory, path, failure);
  return reason == SB_OK ? sb_cache_settle(store, start, failure) : reason;
}

static enum sb_reason provide_at(struct sb_store *store, const struct place *place, char *path,
                                 const struct sb_start *start, sb_cache_use *use, struct sb_failure *failure) {
  if (*path != '/') return sb_failure_set(failure, SB_PLACE_RELATIVE, 0, path, place->variable);
  SB_AUTO_CLOSE int directory = make_place(place, path);
  if (directory < 0) {
    bool is_of_others = place->owned && errno == EPERM;
    return sb_failure_set(failure, is_of_others ? SB_PLACE_SHARED : SB_PLACE_REFUSED, is_of_others ? 0 : errno, path, NULL);
  }
  enum sb_reason reason = check_place(directory, path, failure);
  return reason == SB_OK ? use(store, start, directory, path, failure) : reason;
}

static void add_refusal(struct sb_text *refused, const struct sb_failure *failure) {
  SB_AUTO_FREE char *words = sb_message_describe(failure);
  sb_text_add(refused, "%s%s", refused->bytes == 0 ? "" : "; ", words);
}

enum sb_reason sb_cache_provide(struct sb_store *store, const struct sb_start *start, sb_cache_use *use,
                                struct sb_failure *failure) {
  SB_AUTO_FREE struct sb_text refused = {0};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    SB_AUTO_FREE char *path = place_path(&places[i]);
    if (path == NULL) continue;
    enum sb_reason reason = provide_at(store, &places[i], path, start, use, failure);
    if (!sb_reason_is_refusal(reason)) return reason;
    sb_message_debug(start, "refused", path, failure);
    add_refusal(&refused, failure);
  }
  return sb_failure_set(failure, SB_PLACE_NONE, 0, "a cache", refused.data);
}

/* Opens a place, or the directory in which it would be made; -1 with errno set. */
static int open_nearest(const struct place *place, char *path, bool *is_there) {
  *is_there = true;
  int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  for (int makes = place->between == NULL ? 1 : 2; directory < 0 && errno == ENOENT && makes > 0; makes--) {
    *is_there = false;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    directory = open(slash == path ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  return directory;
}

static enum sb_reason check_nearest(const struct place *place, const char *path, struct sb_failure *failure) {
  if (*path != '/') return sb_failure_set(failure, SB_PLACE_RELATIVE, 0, path, place->variable);
  SB_AUTO_FREE char *nearest = strdup(path);
  bool is_there;
  SB_AUTO_CLOSE int directory = nearest == NULL ? -1 : open_nearest(place, nearest, &is_there);
  if (directory < 0 || faccessat(directory, ".", W_OK, 0) != 0) {
    return sb_failure_set(failure, SB_PLACE_REFUSED, errno, path, NULL);
  }
  struct statvfs mount;
  if (is_there) return check_place(directory, path, failure);
  bool runs = fstatvfs(directory, &mount) != 0 || (mount.f_flag & ST_NOEXEC) == 0;
  return runs ? SB_OK : sb_failure_set(failure, SB_PLACE_NOEXEC, 0, path, NULL);
}

enum sb_reason sb_cache_check(char **chosen, struct sb_failure *failure) {
  SB_AUTO_FREE struct sb_text refused = {0};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    SB_AUTO_FREE char *path = place_path(&places[i]);
    if (path == NULL) continue;
    if (check_nearest(&places[i], path, failure) == SB_OK) {
      if (chosen != NULL) *chosen = strdup(path);
      return SB_OK;
    }
    add_refusal(&refused, failure);
  }
  return sb_failure_set(failure, SB_PLACE_NONE, 0, "a cache", refused.data);
}

/* What the store below an open place lacks; without one that is everything. */
static uint64_t count_missing(int directory, const char *path, const struct sb_bundle *bundle) {
  SB_AUTO_CLOSE int trees = openat(directory, "store", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  SB_AUTO_CLOSE int markers = openat(directory, "meta", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct sb_store known = {.control = directory, .trees = trees, .meta = markers, .path = (char *)path};
  sb_boot_id_read(known.boot_id);
  uint64_t missing = 0;
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    if (sb_store_check_path(&known, bundle, i) != SB_OK) missing += bundle->paths[i].content_bytes;
  }
  return missing;
}

bool sb_cache_visit(sb_cache_visitor *visit, void *context) {
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    SB_AUTO_FREE char *path = place_path(&places[i]);
    if (path == NULL || *path != '/') continue;
    SB_AUTO_CLOSE int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct sb_failure failure = {0};
    bool serves = directory >= 0 && check_place(directory, path, &failure) == SB_OK;
    sb_failure_clear(&failure);
    if (serves && visit(context, directory, path)) return true;
  }
  return false;
}

/* The bundle, and what of it is missing. */
struct question {
  const struct sb_bundle *bundle;
  uint64_t missing;
};

static bool ask(void *context, int directory, const char *path) {
  struct question *question = context;
  question->missing = count_missing(directory, path, question->bundle);
  return true;
}

uint64_t sb_cache_count_missing(const struct sb_start *start) {
  struct question question = {.bundle = start->bundle, .missing = start->bundle->header->content_bytes};
  sb_cache_visit(ask, &question);
  return question.missing;
}
