#include "fill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat */
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "extract.h"
#include "file.h"
#include "index.h"
#include "message.h"
#include "row.h"
#include "signals.h"
#include "text.h"
#include "tree.h"

/*
 * It is emptied without a question, and SADDLEBAG_CACHE_DIR may name a directory that holds other things too, a home or
 * /: so it has a name that nobody else would give.
 */
static const char temporary_name[] = ".saddlebag-tmp";

int sb_store_open_temporary(int control) { return sb_directory_make(control, temporary_name, 0700); }

/* The store paths that a store lacks, and where they are made. */
struct filling {
  const struct sb_store *store;
  const struct sb_bundle *bundle;
  const uint32_t *missing;
  size_t missing_count;
  int tmp;
};

int sb_store_lock(int control, const struct sb_start *start) {
  int file = openat(control, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return -1;
  sb_signals_end_at_once(true);
  int result = flock(file, LOCK_EX | LOCK_NB);
  if (result != 0 && errno == EWOULDBLOCK) {
    if (start != NULL) sb_message_debug(start, "held by another start, waited for", "the lock", NULL);
    do {
      result = flock(file, LOCK_EX);
    } while (result != 0 && errno == EINTR);
  }
  sb_signals_end_at_once(false);
  if (result == 0) return file;
  int error = errno;
  close(file);
  errno = error;
  return -1;
}

static enum sb_reason write_failed(const struct filling *filling, uint32_t path, struct sb_failure *failure) {
  return sb_failure_set(failure, SB_WRITE_FAILED, errno, filling->store->path,
                        sb_bundle_base(filling->bundle, path));
}

/* On a network file system another host's boot says nothing about ours, so only what was written out counts. */
static bool is_on_network(int directory) {
  static const uint32_t network_magics[] = {
      0x6969 /* nfs */,  0x517b /* smb */,      0xff534d42 /* cifs */,   0xfe534d42 /* smb2 */, 0x01021997 /* 9p */,
      0x00c36400 /* ceph */, 0x5346414f /* afs */, 0x0bd00bd0 /* lustre */, 0x65735546 /* fuse */,
  };
  struct statfs status;
  if (fstatfs(directory, &status) != 0) return true;
  for (size_t i = 0; i < sizeof network_magics / sizeof *network_magics; i++) {
    if ((uint32_t)status.f_type == network_magics[i]) return true;
  }
  return false;
}

/* Says no, and how much it takes, before a gigabyte is written in vain; the writes themselves are checked all the same. */
static enum sb_reason check_room(const struct filling *filling, struct sb_failure *failure) {
  uint64_t needed = 0;
  for (size_t i = 0; i < filling->missing_count; i++) {
    needed += filling->bundle->paths[filling->missing[i]].content_bytes;
  }
  uint64_t most = sb_frames_disk_bytes(filling->bundle);
  if (needed > most) needed = most;
  struct statvfs status;
  if (fstatvfs(filling->tmp, &status) != 0 || status.f_blocks == 0 || status.f_frsize == 0) return SB_OK;
  if (needed / status.f_frsize < status.f_bavail) return SB_OK;
  SB_AUTO_FREE char *detail = sb_text_format("%llu MB to unpack", (unsigned long long)(needed / 1000000 + 1));
  return sb_failure_set(failure, SB_WRITE_FAILED, ENOSPC, filling->store->path, detail);
}

/*
 * Moves one extracted tree to its place. What stands there has no marker that counts: a kill came between rename and
 * marker, or another boot wrote it. Nothing runs from it, and it goes the way of leftovers.
 */
static bool place_tree(const struct filling *filling, uint32_t path) {
  const struct sb_store *store = filling->store;
  const char *base = sb_bundle_base(filling->bundle, path);
  struct stat status;
  if (fstatat(store->trees, base, &status, AT_SYMLINK_NOFOLLOW) == 0) {
    char stale[24];
    sb_text_write(stale, sizeof stale, ".stale-%u", path);
    if (unlinkat(store->meta, base, 0) != 0 && errno != ENOENT) return false;
    if (S_ISDIR(status.st_mode) && fchmodat(store->trees, base, 0700, 0) != 0) return false;
    if (renameat(store->trees, base, filling->tmp, stale) != 0) return false;
  }
  return sb_rename_new(filling->tmp, base, store->trees, base) && sb_row_seal_top(store->trees, base);
}

static bool write_marker(const struct filling *filling, uint32_t path, const char *boot_id) {
  const struct sb_store *store = filling->store;
  const char *base = sb_bundle_base(filling->bundle, path);
  char marker[SB_MARKER_BYTES];
  sb_marker_write(marker, filling->bundle->paths[path].content_sha256, boot_id);
  /* A stale marker can be there without its tree. */
  if (symlinkat(marker, store->meta, base) == 0) return true;
  return errno == EEXIST && symlinkat(marker, filling->tmp, ".marker") == 0 &&
         renameat(filling->tmp, ".marker", store->meta, base) == 0;
}

/* Writes down what belongs to the closure, under the name of its own path: what runs from that runs from all of it. */
static bool write_record(const struct filling *filling) {
  const struct sb_bundle *bundle = filling->bundle;
  uint32_t count = bundle->header->path_count;
  SB_AUTO_FREE struct sb_text record = {0};
  for (uint32_t i = 0; i < count; i++) {
    if (!sb_text_add(&record, "%s\n", sb_bundle_base(bundle, i))) return false;
  }
  SB_AUTO_FREE char *name = sb_text_format(".%s", sb_bundle_base(bundle, count - 1));
  SB_AUTO_CLOSE int file = openat(filling->tmp, ".record", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  return name != NULL && file >= 0 && sb_file_write_at(file, record.data, record.bytes, 0) &&
         renameat(filling->tmp, ".record", filling->store->meta, name) == 0;
}

static enum sb_reason place_all(const struct filling *filling, bool sync, struct sb_failure *failure) {
  if (!write_record(filling)) return write_failed(filling, filling->missing[0], failure);
  for (size_t i = 0; i < filling->missing_count; i++) {
    if (!place_tree(filling, filling->missing[i])) return write_failed(filling, filling->missing[i], failure);
  }
  /*
   * Without a boot id (/proc mounted with subset=pid) no marker of this boot could be told from an older one, and each
   * start would take the tree away from under those before it.
   */
  bool is_durable = sync || *filling->store->boot_id == '\0' || is_on_network(filling->store->trees);
  if (is_durable && syncfs(filling->store->trees) != 0) return write_failed(filling, filling->missing[0], failure);
  for (size_t i = 0; i < filling->missing_count; i++) {
    if (!write_marker(filling, filling->missing[i], is_durable ? NULL : filling->store->boot_id)) {
      return write_failed(filling, filling->missing[i], failure);
    }
  }
  return SB_OK;
}

static enum sb_reason fill_missing(const struct filling *filling, const struct sb_settings *settings,
                                   struct sb_failure *failure) {
  /* First what a killed process left: it may be what fills the disk. */
  if (!sb_tree_empty(filling->tmp)) return write_failed(filling, filling->missing[0], failure);
  enum sb_reason reason = check_room(filling, failure);
  if (reason != SB_OK) return reason;
  struct sb_extraction extraction = {
      .bundle = filling->bundle,
      .paths = filling->missing,
      .path_count = filling->missing_count,
      .directory = filling->tmp,
      .relocation = filling->store->relocation.slots == NULL ? NULL : &filling->store->relocation,
      .jobs = settings->jobs,
  };
  reason = sb_extract(&extraction, failure);
  if (reason == SB_OK) reason = place_all(filling, settings->sync, failure);
  sb_tree_empty(filling->tmp);
  return reason;
}

static enum sb_reason fill_locked(const struct sb_store *store, const struct sb_start *start, size_t *extracted,
                                  struct sb_failure *failure) {
  const struct sb_bundle *bundle = start->bundle;
  SB_AUTO_CLOSE int lock = sb_store_lock(store->control, start);
  if (lock < 0) return sb_failure_set(failure, SB_LOCK_FAILED, errno, store->path, NULL);
  SB_AUTO_FREE uint32_t *missing = calloc(bundle->header->path_count, sizeof *missing);
  if (missing == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, store->path, NULL);
  struct filling filling = {.store = store, .bundle = bundle, .missing = missing};
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    enum sb_reason reason = sb_store_check_path(store, bundle, i);
    if (reason == SB_STORE_CONFLICT) return sb_failure_set(failure, reason, 0, store->path, sb_bundle_base(bundle, i));
    if (reason != SB_OK) missing[filling.missing_count++] = i;
  }
  if (filling.missing_count == 0) {
    sb_store_touch(store, bundle);
    return SB_OK;
  }
  SB_AUTO_CLOSE int tmp = sb_store_open_temporary(store->control);
  if (tmp < 0) return sb_failure_set(failure, SB_WRITE_FAILED, errno, store->path, NULL);
  filling.tmp = tmp;
  *extracted = filling.missing_count;
  enum sb_reason reason = fill_missing(&filling, start->settings, failure);
  /* The others of the closure too: of them only the app's own path is asked when it was used. */
  if (reason == SB_OK) sb_store_touch(store, bundle);
  return reason;
}

enum sb_reason sb_store_fill(const struct sb_store *store, const struct sb_start *start, size_t *extracted,
                             struct sb_failure *failure) {
  struct sb_signals signals;
  *extracted = 0;
  sb_signals_catch(&signals);
  enum sb_reason reason = fill_locked(store, start, extracted, failure);
  sb_signals_release(&signals);
  /* Also where something failed: the next place would go on as if nobody had asked us to end. */
  if (sb_signals_caught() != 0) {
    return sb_failure_set(failure, SB_INTERRUPTED, sb_signals_caught(), store->path, NULL);
  }
  return reason;
}
