#include "collection.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "fill.h"
#include "format.h"
#include "signals.h"
#include "text.h"
#include "tree.h"

static int open_directory(int parent, const char *name) {
  return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Calls `visit` for each entry of a directory but those with a leading dot. */
static void each_entry(int parent, const char *name, struct sb_collection *collection,
                       void (*visit)(struct sb_collection *collection, int directory, const char *name)) {
  SB_AUTO_CLOSE int file = open_directory(parent, name);
  DIR *entries = file < 0 ? NULL : fdopendir(file);
  if (entries == NULL) return;
  file = -1;
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    if (*entry->d_name != '.') visit(collection, dirfd(entries), entry->d_name);
  }
  closedir(entries);
}

/* Counts what a tree takes on disk; the walk takes one descriptor a level. */
static void measure(struct sb_collection *collection, int directory, const char *name) {
  struct stat status;
  if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  /* Of a file with several names each holds its part. */
  collection->measured += (uint64_t)status.st_blocks * 512 / (S_ISDIR(status.st_mode) ? 1 : status.st_nlink);
  if (S_ISDIR(status.st_mode)) each_entry(directory, name, collection, measure);
}

static void add_unit(struct sb_collection *collection, int directory, const char *name, int64_t used_at) {
  struct sb_unit *unit = sb_units_add(&collection->units, name);
  if (unit == NULL) return;
  unit->used_at = used_at > collection->now ? collection->now : used_at;
  collection->measured = 0;
  measure(collection, directory, name);
  unit->bytes = collection->measured;
}

static void read_use(struct sb_collection *collection, int directory, const char *name) {
  struct stat status;
  bool is_there = fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (is_there && status.st_mtim.tv_sec > collection->last_use) collection->last_use = status.st_mtim.tv_sec;
}

/* Reads the last use of a store by its markers, and by itself: one that is being filled has none. */
static void read_store_use(struct sb_collection *collection, int directory, const char *name) {
  SB_AUTO_CLOSE int store = open_directory(directory, name);
  if (store < 0) return;
  read_use(collection, directory, name);
  each_entry(store, "meta", collection, read_use);
}

/* Whether it is a name that we give, to the last digit: a place may be a home, with directories that begin like ours. */
static bool is_shelf(const char *name) {
  static const char *const prefixes[] = {"own-", "relocated-"};
  for (size_t i = 0; i < 2; i++) {
    size_t length = strlen(prefixes[i]);
    const char *digest = name + length;
    if (strncmp(name, prefixes[i], length) == 0 && strlen(digest) == 2 * SB_DIGEST_BYTES &&
        strspn(digest, "0123456789abcdef") == 2 * SB_DIGEST_BYTES) {
      return true;
    }
  }
  return false;
}

static int64_t shelf_use(struct sb_collection *collection, const char *name) {
  collection->last_use = 0;
  read_store_use(collection, collection->directory, name);
  each_entry(collection->directory, name, collection, read_store_use);
  return collection->last_use;
}

static void add_shelf(struct sb_collection *collection, int directory, const char *name) {
  if (is_shelf(name)) add_unit(collection, directory, name, shelf_use(collection, name));
}

/* Whether it is named like a store path: 32 characters and a dash. What is not we did not put there. */
static bool is_store_name(const char *name) { return strcspn(name, "-") == 32 && name[32] == '-'; }

static void add_tree(struct sb_collection *collection, int directory, const char *name) {
  struct stat status;
  if (!is_store_name(name)) return;
  bool is_marked = fstatat(collection->meta, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
  add_unit(collection, directory, name, is_marked ? status.st_mtim.tv_sec : 0);
}

/* Keeps the whole closure of a unit that is kept; its record has the unit's name behind a dot. */
static void keep_closure(struct sb_collection *collection, const char *name) {
  SB_AUTO_FREE char *path = sb_text_format("%s/meta/.%s", collection->place, name);
  SB_AUTO_FREE char *record = path == NULL ? NULL : sb_file_read_text(path);
  for (char *at = record; at != NULL && *at != '\0';) {
    size_t length = strcspn(at, "\n");
    struct sb_unit *unit = sb_units_find(&collection->units, at, length);
    /* Not by the flag that this pass reads: what runs from a dependency need not be what depends on it. */
    if (unit != NULL) unit->used_at = INT64_MAX;
    at += length + (at[length] != '\0');
  }
}

static void keep_running(struct sb_collection *collection) {
  for (size_t i = 0; i < collection->units.count; i++) {
    if (collection->units.list[i].is_kept) keep_closure(collection, collection->units.list[i].name);
  }
}

/*
 * Removes the link that stands for /nix/store in what a shelf holds (strategy/relocate.c), if it is still that. No cleaner
 * would: it is dated ahead.
 */
static void remove_link(const struct sb_collection *collection, const char *shelf) {
  SB_AUTO_FREE char *choice = sb_text_format("%s/link", shelf);
  SB_AUTO_FREE char *target = sb_text_format("%s/%s/", collection->place, shelf);
  char link[PATH_MAX] = "", found[PATH_MAX] = "";
  if (choice == NULL || target == NULL) return;
  if (readlinkat(collection->directory, choice, link, sizeof link - 1) <= 0) return;
  if (readlink(link, found, sizeof found - 1) > 0 && strncmp(found, target, strlen(target)) == 0) unlink(link);
}

/* Moves a unit to `tmp`, unless it came into use since; false with errno set, 0 where it did. */
static bool move_away(struct sb_collection *collection, const struct sb_unit *unit, int trees, int tmp) {
  struct stat status;
  if (is_shelf(unit->name)) {
    bool is_used = shelf_use(collection, unit->name) > unit->used_at;
    errno = 0;
    if (is_used) return false;
    remove_link(collection, unit->name);
    return renameat(collection->directory, unit->name, tmp, unit->name) == 0;
  }
  if (renameat(collection->meta, unit->name, tmp, ".marker") == 0) {
    if (fstatat(tmp, ".marker", &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (status.st_mtim.tv_sec > unit->used_at) {
      renameat(tmp, ".marker", collection->meta, unit->name);
      errno = 0;
      return false;
    }
  } else if (errno != ENOENT) {
    return false;
  }
  bool is_directory = fstatat(trees, unit->name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
  if (is_directory && fchmodat(trees, unit->name, 0700, 0) != 0) return false;
  if (renameat(trees, unit->name, tmp, unit->name) != 0) return false;
  SB_AUTO_FREE char *record = sb_text_format(".%s", unit->name);
  if (record != NULL) unlinkat(collection->meta, record, 0);
  return true;
}

static void remove_unit(struct sb_collection *collection, struct sb_unit *unit, int trees) {
  if (!collection->is_dry) {
    SB_AUTO_CLOSE int tmp = sb_store_open_temporary(collection->directory);
    bool is_moved = tmp >= 0 && move_away(collection, unit, trees, tmp);
    if (!is_moved && tmp >= 0 && errno == 0) return;
    if (!is_moved || !sb_tree_empty(tmp)) {
      collection->reason = sb_failure_set(collection->failure, SB_REMOVAL_FAILED, errno, collection->place, unit->name);
      return;
    }
  }
  collection->freed += unit->bytes;
  long long days = unit->used_at == 0 ? -1 : (collection->now - unit->used_at) / SB_DAY;
  SB_AUTO_FREE char *unused = days < 0 ? NULL : sb_text_format(", not used for %d days", (int)days);
  sb_text_add(&collection->report, "%s%s/%s%s: %llu bytes%s\n", collection->is_dry ? "would remove " : "removed ",
              collection->place, is_shelf(unit->name) ? "" : "store/", unit->name, (unsigned long long)unit->bytes,
              days < 0 ? ", left by a start that was killed" : unused);
}

/* Returns the unit that was not used for longest among those that may go; NULL where none is left. */
static struct sb_unit *oldest(const struct sb_collection *collection, int64_t age) {
  struct sb_unit *found = NULL;
  for (size_t i = 0; i < collection->units.count; i++) {
    struct sb_unit *unit = &collection->units.list[i];
    if (unit->is_kept || unit->used_at == INT64_MAX || collection->now - unit->used_at < age) continue;
    if (found == NULL || unit->used_at < found->used_at) found = unit;
  }
  return found;
}

static void remove_old(struct sb_collection *collection) {
  SB_AUTO_CLOSE int trees = open_directory(collection->directory, "store");
  uint64_t total = 0;
  for (size_t i = 0; i < collection->units.count; i++) total += collection->units.list[i].bytes;
  while (collection->reason == SB_OK && sb_signals_caught() == 0) {
    bool is_full = total > collection->quota;
    struct sb_unit *unit = oldest(collection, is_full ? collection->quota_age : collection->age);
    if (unit == NULL) return;
    unit->is_kept = true; /* it had its turn */
    uint64_t before = collection->freed;
    remove_unit(collection, unit, trees);
    total -= collection->freed - before;
  }
}

static void list_units(struct sb_collection *collection) {
  sb_units_free(&collection->units);
  /* Trees without markers beside them were never ours. */
  if (collection->meta >= 0) each_entry(collection->directory, "store", collection, add_tree);
  each_entry(collection->directory, ".", collection, add_shelf);
}

static void collect_locked(struct sb_collection *collection) {
  SB_AUTO_CLOSE int lock = sb_store_lock(collection->directory, NULL);
  if (lock < 0) {
    collection->reason = sb_failure_set(collection->failure, SB_LOCK_FAILED, errno, collection->place, NULL);
    return;
  }
  list_units(collection);
  if (!sb_usage_keep(&collection->units)) {
    collection->reason = sb_failure_set(collection->failure, SB_USAGE_UNKNOWN, 0, collection->place, NULL);
    return;
  }
  keep_running(collection);
  remove_old(collection);
}

bool sb_collect(void *context, int directory, const char *path) {
  struct sb_collection *collection = context;
  collection->place = path;
  collection->directory = directory;
  SB_AUTO_CLOSE int meta = open_directory(directory, "meta");
  collection->meta = meta;
  struct sb_signals signals;
  sb_signals_catch(&signals);
  /* Not even a lock is made where there is nothing. */
  list_units(collection);
  if (collection->units.count > 0) collect_locked(collection);
  sb_signals_release(&signals);
  sb_units_free(&collection->units);
  if (sb_signals_caught() != 0) {
    collection->reason = sb_failure_set(collection->failure, SB_INTERRUPTED, sb_signals_caught(), path, NULL);
  }
  return collection->reason != SB_OK;
}
