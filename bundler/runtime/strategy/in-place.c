/*
 * in-place: where the root is this task's own, /nix is simply made there; no namespace, no mount. /nix comes whole, by
 * a rename, with our control directory inside, which is how a later start knows it for ours.
 *
 * Nothing that exists is ever opened for writing: the files of a Nomad task's /etc, /usr, /bin and /lib are hard links
 * to the host's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../cleanup.h"
#include "../fill.h"
#include "../message.h"
#include "../privilege.h"
#include "../root.h"
#include "../strategy.h"
#include "../tree.h"

static const char control_path[] = SB_ROOT_CONTROL;

static enum sb_reason check(const struct sb_start *start, struct sb_failure *failure) {
  (void)start;
  if (sb_privilege_can_mount() && !sb_root_is_directory()) return sb_failure_set(failure, SB_ROOT_PRIVILEGED, 0, "/", NULL);
  if (access("/nix/var/nix", F_OK) == 0) return sb_failure_set(failure, SB_NIX_TAKEN, 0, "/nix", NULL);
  if (access("/nix", F_OK) == 0 && access(control_path, F_OK) != 0) {
    return sb_failure_set(failure, SB_NIX_TAKEN, 0, "/nix", NULL);
  }
  if (!sb_root_is_private()) return sb_failure_set(failure, SB_ROOT_SHARED, 0, "/", NULL);
  struct statvfs mount;
  if (statvfs("/", &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0) {
    return sb_failure_set(failure, SB_PLACE_NOEXEC, 0, "/", NULL);
  }
  if (access("/nix", F_OK) != 0 && access("/", W_OK) != 0) {
    return sb_failure_set(failure, SB_WRITE_FAILED, errno, "/nix", NULL);
  }
  return SB_OK;
}

/* Makes /nix with store and control directory in it, all at once; that it is there already is fine too. */
static bool make_nix(void) {
  /* Not by our PID: in a task it is 1 at each start, and a start before may have been killed right here. */
  char temporary[] = "/.nix-XXXXXX";
  if (mkdtemp(temporary) == NULL) return false;
  SB_AUTO_CLOSE int directory = open(temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  bool made = directory >= 0 && mkdirat(directory, "store", 0755) == 0 &&
              mkdirat(directory, ".saddlebag", 0755) == 0 && fchmod(directory, 0755) == 0 &&
              sb_rename_new(AT_FDCWD, temporary, AT_FDCWD, "/nix");
  if (made) return true;
  int error = errno;
  if (directory >= 0) {
    unlinkat(directory, "store", AT_REMOVEDIR);
    unlinkat(directory, ".saddlebag", AT_REMOVEDIR);
  }
  rmdir(temporary);
  errno = error;
  return error == EEXIST;
}

/* Whether a directory of ours (or of root, who could do as it likes anyway) that nobody else may write to. */
static bool is_trusted(int directory) {
  struct stat status;
  return fstat(directory, &status) == 0 && (status.st_uid == geteuid() || status.st_uid == 0) &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static enum sb_reason open_store(struct sb_store *store, struct sb_failure *failure) {
  if (access("/nix", F_OK) != 0 && !make_nix()) return sb_failure_set(failure, SB_WRITE_FAILED, errno, "/nix", NULL);
  SB_AUTO_CLOSE int control = open(control_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  SB_AUTO_CLOSE int trees = open("/nix/store", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (control < 0 || trees < 0) return sb_failure_set(failure, SB_PLACE_REFUSED, errno, control_path, NULL);
  if (!is_trusted(control) || !is_trusted(trees)) {
    return sb_failure_set(failure, SB_PLACE_SHARED, 0, "/nix", NULL);
  }
  int given_control = control, given_trees = trees;
  control = trees = -1;
  return sb_store_open(store, given_control, given_trees, "/nix/store", failure);
}

static enum sb_reason provide(const struct sb_start *start, struct sb_failure *failure) {
  struct sb_store store;
  enum sb_reason reason = open_store(&store, failure);
  if (reason != SB_OK) return reason;
  reason = sb_store_check(&store, start->bundle, failure);
  size_t extracted = 0;
  if (reason == SB_PATH_MISSING) reason = sb_store_fill(&store, start, &extracted, failure);
  if (extracted > 0) sb_message_debug(start, "extracted", store.path, NULL);
  sb_store_close(&store);
  return reason;
}

const struct sb_strategy sb_in_place = {.name = "in-place", .surroundings = SB_BY_LINKS, .check = check, .provide = provide};
