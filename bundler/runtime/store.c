#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tree.h"

enum sb_reason sb_store_open(struct sb_store *store, int control, int trees, const char *path,
                             struct sb_failure *failure) {
  *store = (struct sb_store){.control = control, .trees = trees, .meta = -1, .path = strdup(path)};
  if (trees >= 0) store->meta = sb_directory_make(control, "meta", 0755);
  enum sb_reason reason = SB_OK;
  if (trees < 0 || store->meta < 0) reason = sb_failure_set(failure, SB_PLACE_REFUSED, errno, path, NULL);
  if (store->path == NULL) reason = sb_failure_set(failure, SB_MEMORY_SHORT, 0, path, NULL);
  if (reason != SB_OK) {
    sb_store_close(store);
    return reason;
  }
  sb_boot_id_read(store->boot_id);
  return SB_OK;
}

void sb_store_close(struct sb_store *store) {
  if (store->control >= 0) close(store->control);
  if (store->trees >= 0) close(store->trees);
  if (store->meta >= 0) close(store->meta);
  free(store->path);
  sb_relocation_free(&store->relocation);
  *store = (struct sb_store){.control = -1, .trees = -1, .meta = -1};
}

enum sb_reason sb_store_check_path(const struct sb_store *store, const struct sb_bundle *bundle, uint32_t path) {
  const char *base = sb_bundle_base(bundle, path);
  char marker[SB_MARKER_BYTES];
  ssize_t length = readlinkat(store->meta, base, marker, sizeof marker - 1);
  if (length < 0) return SB_PATH_MISSING;
  marker[length] = '\0';
  enum sb_marker_state state = sb_marker_judge(marker, bundle->paths[path].content_sha256, store->boot_id);
  if (state == SB_MARKER_STALE) return SB_PATH_MISSING;
  /* A cleaner of old files may have taken the tree and left the marker. */
  struct stat status;
  if (fstatat(store->trees, base, &status, AT_SYMLINK_NOFOLLOW) != 0) return SB_PATH_MISSING;
  return state == SB_MARKER_TRUSTED ? SB_OK : SB_STORE_CONFLICT;
}

enum sb_reason sb_store_check(const struct sb_store *store, const struct sb_bundle *bundle,
                              struct sb_failure *failure) {
  const char *missing = NULL;
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    enum sb_reason reason = sb_store_check_path(store, bundle, i);
    if (reason == SB_STORE_CONFLICT) return sb_failure_set(failure, reason, 0, store->path, sb_bundle_base(bundle, i));
    if (reason != SB_OK && missing == NULL) missing = sb_bundle_base(bundle, i);
  }
  return missing == NULL ? SB_OK : sb_failure_set(failure, SB_PATH_MISSING, 0, missing, NULL);
}

bool sb_store_touch(const struct sb_store *store, const struct sb_bundle *bundle) {
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    int result = utimensat(store->meta, sb_bundle_base(bundle, i), NULL, AT_SYMLINK_NOFOLLOW);
    if (result != 0 && errno == ENOENT) return false;
  }
  return true;
}

bool sb_store_note_use(const struct sb_store *store, const struct sb_bundle *bundle) {
  static const time_t day = 24 * 60 * 60;
  struct stat status;
  /* The app's own path stands for all: they were touched together, or later. */
  const char *own = sb_bundle_base(bundle, bundle->header->path_count - 1);
  if (fstatat(store->meta, own, &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  time_t now = time(NULL);
  bool is_noted = status.st_mtim.tv_sec <= now && now - status.st_mtim.tv_sec < day;
  return is_noted || sb_store_touch(store, bundle);
}
