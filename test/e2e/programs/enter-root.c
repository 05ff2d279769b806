/*
 * enter-root ROOT SHARED WORK UID PROGRAM ARGUMENT...: becomes PROGRAM as user UID where ROOT is the root directory, with
 * this machine's /proc and /dev, and SHARED at its own path; WORK is the working directory. It pivots, for in a chroot the
 * kernel refuses user namespaces; it is static, for ROOT may be empty.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static void check(int result, const char *what) {
  if (result == 0) return;
  fprintf(stderr, "enter-root: %s: %s\n", what, strerror(errno));
  exit(125);
}

static void bind(const char *root, const char *path) {
  char *target = NULL;
  if (asprintf(&target, "%s%s", root, path) < 0) exit(125);
  check(mount(path, target, NULL, MS_BIND | MS_REC, NULL), target);
  free(target);
}

int main(int argc, char **argv) {
  if (argc < 6) return 125;
  const char *root = argv[1], *shared = argv[2], *work = argv[3];
  unsigned user = (unsigned)strtoul(argv[4], NULL, 10);
  check(unshare(CLONE_NEWNS), "unshare");
  check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
  check(mount(root, root, NULL, MS_BIND, NULL), root);
  bind(root, "/proc");
  bind(root, "/dev");
  bind(root, shared);
  check(chdir(root), root);
  check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", MNT_DETACH), "leave the old root");
  check(chdir(work), work);
  check(setgroups(0, NULL), "setgroups");
  check(setresgid(user, user, user), "setresgid");
  check(setresuid(user, user, user), "setresuid");
  execv(argv[5], argv + 5);
  check(-1, argv[5]);
}
