#include "namespace.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "text.h"

/* Two seconds in all. */
enum { EXIT_WAITS_MAX = 2000 };
static const struct timespec exit_wait = {.tv_nsec = 1000000};

static bool map_ids(uid_t user, gid_t group) {
  char map[40];
  sb_text_write(map, sizeof map, "%u %u 1", (unsigned)user, (unsigned)user);
  if (!sb_file_write_text("/proc/self/uid_map", map)) return false;
  /* Without this an unprivileged process may not map its group (user_namespaces(7)); kernels before 3.19 lack it. */
  if (!sb_file_write_text("/proc/self/setgroups", "deny") && errno != ENOENT) return false;
  sb_text_write(map, sizeof map, "%u %u 1", (unsigned)group, (unsigned)group);
  return sb_file_write_text("/proc/self/gid_map", map);
}

/*
 * The kernel makes a user namespace for a process of one thread only, and a thread that was joined may still be on its
 * way out: musl's pthread_join returns when the thread's id is cleared, which the kernel does before it counts it out.
 * On a busy machine that moment can be long, so EINVAL is waited out while threads are counted.
 */
static bool unshare_user(void) {
  struct stat threads;
  for (int waits = 0; unshare(CLONE_NEWUSER) != 0; waits++) {
    int error = errno;
    /* Two links of the directory itself, one for each thread (proc(5)). */
    bool is_waiting = error == EINVAL && waits < EXIT_WAITS_MAX && stat("/proc/self/task", &threads) == 0;
    errno = error;
    if (!is_waiting || (threads.st_nlink <= 3 && waits > 0)) return false;
    nanosleep(&exit_wait, NULL);
  }
  return true;
}

enum sb_reason sb_namespace_enter_user(bool privileged, struct sb_failure *failure) {
  if (privileged) return SB_OK;
  uid_t user = geteuid();
  gid_t group = getegid();
  if (!unshare_user()) {
    return sb_failure_set(failure, SB_NAMESPACE_FORBIDDEN, errno, "a user namespace", NULL);
  }
  if (!map_ids(user, group)) {
    return sb_failure_set(failure, SB_NAMESPACE_UNMAPPED, errno, "a user namespace", NULL);
  }
  return SB_OK;
}

enum sb_reason sb_namespace_enter_mounts(struct sb_failure *failure) {
  if (unshare(CLONE_NEWNS) != 0) {
    return sb_failure_set(failure, SB_NAMESPACE_FORBIDDEN, errno, "a mount namespace", NULL);
  }
  /* Slave: the host's later mounts still arrive, ours never go back. */
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) {
    return sb_failure_set(failure, SB_MOUNT_FAILED, errno, "/ as a slave of the host's mounts", NULL);
  }
  return SB_OK;
}

enum sb_reason sb_namespace_enter(bool privileged, struct sb_failure *failure) {
  enum sb_reason reason = sb_namespace_enter_user(privileged, failure);
  return reason == SB_OK ? sb_namespace_enter_mounts(failure) : reason;
}

/* What the child tells; it lies in memory that both see. */
struct report {
  enum sb_reason reason;
  int error;
  char object[64];
};

static void probe_in_child(bool privileged, sb_namespace_attempt *attempt, struct report *report) {
  struct sb_failure failure = {0};
  enum sb_reason reason = sb_namespace_enter(privileged, &failure);
  if (reason == SB_OK) reason = attempt(&failure);
  report->error = failure.error;
  sb_text_write(report->object, sizeof report->object, "%s", failure.object);
  report->reason = reason;
}

enum sb_reason sb_namespace_probe(bool privileged, sb_namespace_attempt *attempt, struct sb_failure *failure) {
  struct report *report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (report == MAP_FAILED) return sb_failure_set(failure, SB_MEMORY_SHORT, errno, "a probe", NULL);
  /* What stands when a filter of system calls kills the child. */
  *report = (struct report){.reason = SB_NAMESPACE_FORBIDDEN, .error = EPERM, .object = "a user namespace"};
  long child = sb_child_make();
  if (child == 0) {
    probe_in_child(privileged, attempt, report);
    _exit(0);
  }
  enum sb_reason reason;
  if (child < 0) {
    reason = sb_failure_set(failure, SB_NAMESPACE_FORBIDDEN, errno, "a probe", NULL);
  } else {
    sb_child_wait(child);
    reason = report->reason;
    if (reason != SB_OK) sb_failure_set(failure, reason, report->error, report->object, NULL);
  }
  munmap(report, sizeof *report);
  return reason;
}
