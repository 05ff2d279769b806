#include "surroundings.h"

#include <unistd.h>

#include "bind.h"
#include "cleanup.h"
#include "image-root.h"
#include "message.h"
#include "new-root.h"

static bool has_root(const struct sb_bundle *bundle) { return bundle->header->root.length > 0; }

bool sb_surroundings_hold(const struct sb_bundle *bundle) {
  if (has_root(bundle)) return false;
  for (uint32_t i = 0; i < bundle->header->bind_count; i++) {
    if (!sb_bind_holds(bundle, &bundle->binds[i])) return false;
  }
  return true;
}

enum sb_reason sb_surroundings_check(const struct sb_start *start, const struct sb_strategy *strategy,
                                     struct sb_failure *failure) {
  const struct sb_bundle *bundle = start->bundle;
  if (strategy->surroundings == SB_BY_MOUNTS) return SB_OK;
  if (has_root(bundle)) return sb_failure_set(failure, SB_MOUNT_NEEDED, 0, "the image's root", NULL);
  if (strategy->surroundings == SB_BY_LINKS) return sb_binds_check_links(bundle, failure);
  for (uint32_t i = 0; i < bundle->header->bind_count; i++) {
    if (sb_bind_holds(bundle, &bundle->binds[i])) continue;
    return sb_failure_set(failure, SB_MOUNT_NEEDED, 0, sb_bundle_string(bundle, bundle->binds[i].target), NULL);
  }
  return SB_OK;
}

static enum sb_reason mount_all(const struct sb_start *start, struct sb_binds *binds, const char *directory,
                                struct sb_failure *failure) {
  const struct sb_bundle *bundle = start->bundle;
  bool added = (!has_root(bundle) || sb_image_root_add_host(binds, directory)) && sb_binds_add_bundle(binds, bundle);
  if (!added) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, "the binds", NULL);
  bool is_ours = false;
  if (has_root(bundle)) {
    const char *base = sb_bundle_string(bundle, bundle->header->root);
    enum sb_reason reason = sb_image_root_enter(base, &is_ours, failure);
    if (reason != SB_OK) return reason;
    binds->is_root_new = true;
    if (!is_ours) sb_message_debug(start, "read-only, for the kernel has no overlay for us", base, NULL);
  }
  enum sb_reason reason = sb_binds_make(binds, is_ours, failure);
  if (reason != SB_OK || !binds->is_root_new) return reason;
  return is_ours ? sb_new_root_release(failure) : sb_new_root_seal(failure);
}

enum sb_reason sb_surroundings_provide(const struct sb_start *start, const struct sb_strategy *strategy,
                                       struct sb_failure *failure) {
  const struct sb_bundle *bundle = start->bundle;
  if (strategy->surroundings == SB_BY_LINKS) return sb_binds_link(bundle, failure);
  if (strategy->surroundings != SB_BY_MOUNTS || sb_surroundings_hold(bundle)) return SB_OK;
  SB_AUTO_FREE char *directory = getcwd(NULL, 0);
  struct sb_binds binds = {0};
  enum sb_reason reason = mount_all(start, &binds, directory, failure);
  sb_binds_close(&binds);
  if (reason != SB_OK) return reason;
  bool is_back = directory != NULL && chdir(directory) == 0;
  /* One that leads out of an image's root would be a way out of it. */
  if (!is_back && has_root(bundle) && chdir("/") != 0) return SB_OK;
  return SB_OK;
}
