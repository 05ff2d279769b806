/*
 * lazy: /nix/store is a FUSE mount of this process's own, which a process beside it serves from the bundle's file: nothing
 * is unpacked, and a start costs what the app reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cache.h"
#include "../cleanup.h"
#include "../join.h"
#include "../mount.h"
#include "../new-root.h"
#include "../privilege.h"
#include "../server.h"
#include "../strategy.h"

/* Where the mount stands in a new root until it is joined to what /nix/store held. */
static const char mount_point[] = "/.saddlebag-lazy";

/*
 * Unpacking is paid once, serving at each start and for all that the app reads: 60 MB that are read to the end take longer
 * lazily than unpacked, and unpacking them less than 0.2 s. From here on unpacking costs half a second and more, for an app
 * that may read a fraction of it (docs/decisions.md).
 */
static const uint64_t worthwhile_bytes = UINT64_C(256) << 20;

static int open_device(struct sb_failure *failure) {
  int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) sb_failure_set(failure, SB_DEVICE_REFUSED, errno, "/dev/fuse", NULL);
  return device;
}

static enum sb_reason mount_at(int device, const char *target, struct sb_failure *failure) {
  if (sb_mount_fuse(device, target)) return SB_OK;
  return sb_failure_set(failure, SB_MOUNT_FAILED, errno, "a FUSE file system", NULL);
}

/* All that may be refused, for a child to try. Nobody answers there, and nobody asks. */
static enum sb_reason attempt(struct sb_failure *failure) {
  SB_AUTO_CLOSE int device = open_device(failure);
  enum sb_reason reason = device < 0 ? failure->reason : sb_new_root_pivot(failure);
  return reason == SB_OK ? mount_at(device, "/", failure) : reason;
}

static enum sb_reason check(const struct sb_start *start, struct sb_failure *failure) {
  if (sb_server_would_be_ours(start->bundle)) return sb_failure_set(failure, SB_LAZY_REAPER, 0, "the closure", NULL);
  bool is_pinned = start->settings->strategy != NULL;
  if (!is_pinned && (start->bundle->header->content_bytes < worthwhile_bytes ||
                     sb_cache_count_missing(start) < worthwhile_bytes)) {
    return sb_failure_set(failure, SB_LAZY_NEEDLESS, 0, "the closure", NULL);
  }
  return sb_join_check(sb_privilege_can_mount(), attempt, failure);
}

/* The device of a server, and the gate that lets the server begin. */
struct service {
  int device;
  int gate;
};

static enum sb_reason mount_served(struct service *service, const char *target, struct sb_failure *failure) {
  enum sb_reason reason = mount_at(service->device, target, failure);
  if (reason == SB_OK && write(service->gate, "", 1) != 1) {
    reason = sb_failure_set(failure, SB_SERVER_FAILED, errno, "a server", NULL);
  }
  /* The server's is the last one then: should it die, the kernel fails what is asked of it, now and later. */
  close(service->device);
  service->device = -1;
  return reason;
}

/* Makes the root a new one, in which the mount is the only source of store paths, or one beside the old /nix/store. */
static enum sb_reason join_in_new_root(struct service *service, bool is_mounted, struct sb_failure *failure) {
  enum sb_reason reason = sb_new_root_pivot(failure);
  if (reason != SB_OK) return reason;
  if (mkdir(mount_point, 0755) != 0) return sb_failure_set(failure, SB_MOUNT_FAILED, errno, mount_point, NULL);
  if (!is_mounted) {
    reason = mount_served(service, mount_point, failure);
  } else if (mount(SB_OLD_ROOT SB_STORE_PATH, mount_point, NULL, MS_MOVE, NULL) != 0) {
    reason = sb_failure_set(failure, SB_MOUNT_FAILED, errno, mount_point, NULL);
  }
  if (reason != SB_OK) return reason;
  SB_AUTO_CLOSE int trees = open(mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (trees < 0) return sb_failure_set(failure, SB_MOUNT_FAILED, errno, mount_point, NULL);
  reason = sb_new_root_furnish(trees, failure);
  if (reason != SB_OK) return reason;
  /* Where it was bound to it stays. */
  if (umount2(mount_point, MNT_DETACH) != 0 || rmdir(mount_point) != 0) {
    return sb_failure_set(failure, SB_MOUNT_FAILED, errno, mount_point, NULL);
  }
  return sb_new_root_seal(failure);
}

static enum sb_reason join(struct service *service, const struct sb_bundle *bundle, struct sb_failure *failure) {
  SB_AUTO_CLOSE int theirs = open(SB_STORE_PATH, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (theirs < 0) return join_in_new_root(service, false, failure);
  bool is_alone = sb_is_empty(theirs);
  enum sb_reason reason = mount_served(service, SB_STORE_PATH, failure);
  if (reason != SB_OK || is_alone) return reason;
  SB_AUTO_CLOSE int trees = open(SB_STORE_PATH, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (trees >= 0 && sb_join_over(bundle, trees, theirs)) return SB_OK;
  return join_in_new_root(service, true, failure);
}

static enum sb_reason serve(const struct sb_start *start, bool privileged, struct sb_failure *failure) {
  enum sb_reason reason = sb_namespace_enter_user(privileged, failure);
  if (reason != SB_OK) return reason;
  /* The kernel mounts only what was opened in the same user namespace. */
  struct service service = {.device = open_device(failure), .gate = -1};
  if (service.device < 0) return failure->reason;
  reason = sb_server_start(start, service.device, &service.gate, failure);
  if (reason == SB_OK) reason = sb_namespace_enter_mounts(failure);
  if (reason == SB_OK) reason = join(&service, start->bundle, failure);
  if (service.device >= 0) close(service.device);
  if (service.gate >= 0) close(service.gate);
  return reason;
}

static enum sb_reason provide(const struct sb_start *start, struct sb_failure *failure) {
  struct sb_working_directory directory = sb_working_directory_get();
  enum sb_reason reason = serve(start, sb_privilege_can_mount(), failure);
  sb_working_directory_return(&directory, reason == SB_OK);
  return reason;
}

const struct sb_strategy sb_lazy = {.name = "lazy", .surroundings = SB_BY_MOUNTS, .check = check, .provide = provide};
