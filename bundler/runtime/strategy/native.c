/*
 * native: every store path is at /nix/store already, as Nix leaves it: owned by root, mode 0555 (0444 for a file that
 * is none to execute), last changed at second 1. Nobody but root could have made it so.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cleanup.h"
#include "../root.h"
#include "../store.h"
#include "../strategy.h"

static bool is_as_nix_leaves_it(const struct stat *status) {
  if (status->st_uid != 0 || status->st_mtim.tv_sec != 1) return false;
  mode_t mode = status->st_mode & 07777;
  return S_ISLNK(status->st_mode) || mode == 0555 || (S_ISREG(status->st_mode) && mode == 0444);
}

static enum sb_reason check(const struct sb_start *start, struct sb_failure *failure) {
  /*
   * A bundle that root started leaves or mounts just such trees, and one that it starts in turn may have others under
   * the same names. Of those only the markers say which they are and whether they can be trusted.
   */
  if (access(SB_ROOT_CONTROL, F_OK) == 0) {
    return sb_failure_set(failure, SB_PATH_UNTRUSTED, 0, "/nix/store", "made by a bundle");
  }
  SB_AUTO_CLOSE int directory = open("/nix/store", O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct stat store;
  if (directory < 0 || fstat(directory, &store) != 0) {
    return sb_failure_set(failure, SB_PATH_MISSING, errno, "/nix/store", NULL);
  }
  if ((store.st_mode & 07777) == SB_STORE_MODE) {
    return sb_failure_set(failure, SB_PATH_UNTRUSTED, 0, "/nix/store", "made by a bundle");
  }
  for (uint32_t i = 0; i < start->bundle->header->path_count; i++) {
    const char *base = sb_bundle_base(start->bundle, i);
    struct stat status;
    if (fstatat(directory, base, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return sb_failure_set(failure, SB_PATH_MISSING, errno, base, NULL);
    }
    if (!is_as_nix_leaves_it(&status)) return sb_failure_set(failure, SB_PATH_UNTRUSTED, 0, base, NULL);
  }
  return SB_OK;
}

static enum sb_reason provide(const struct sb_start *start, struct sb_failure *failure) {
  (void)start, (void)failure;
  return SB_OK;
}

const struct sb_strategy sb_native = {.name = "native", .check = check, .provide = provide};
