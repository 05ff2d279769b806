/*
 * relocate: where nothing can be made to appear at /nix/store, the closure is extracted with every `/nix/store/<hash>` of
 * its own rewritten to a path of the same length: a symbolic link of ours that leads to the tree in the cache. No
 * namespace, no mount, no /proc; afterwards the app runs at native speed.
 *
 * In a place of the cache:
 *
 *   relocated-<closure digest>   of this closure alone: which hashes are rewritten depends on all of it
 *     link                       a symbolic link whose target is the path of the link: /tmp/x7Kq2
 *     lock                       held by who chooses another
 *     tmp-x7Kq2                  a store (store.h) whose contents name that path
 *
 * The link is trusted when it is ours and leads to the very directory of that store, which is looked up at each start.
 * One that a cleaner took is made again. Where its name is another's by now, or it leads elsewhere because the cache was
 * moved, a new one is chosen and the closure extracted for it: what runs from the old tree goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cache.h"
#include "../cleanup.h"
#include "../fill.h"
#include "../message.h"
#include "../sha256.h"
#include "../strategy.h"
#include "../text.h"
#include "../tree.h"

/* Where the link may be; its name takes the rest of the ten characters. */
static const char *const parents[] = {
    "/run/",     /* only root may: nobody else could take the name of a link that went away */
    "/tmp/",     /* where everybody may */
    "/local/",   /* of a Nomad task whose image has no /tmp */
    "/var/tmp/", /* leaves one character */
    "/",         /* a root of our own in which somebody else's /nix keeps us from making one */
};

/* What this one was refused with is told: it is the one that can be mended. */
static const size_t told_parent = 1;

enum { NAMES_MAX = 64, LINKS_MAX = 3 };

/*
 * A cleaner of old files would take the link away from under an app that runs for weeks, so it is dated ahead. The time
 * of access is the later one: the kernel would set it anew at the first use otherwise (relatime, mount(8)).
 */
static const struct timespec far_ahead[2] = {{.tv_sec = INT_MAX}, {.tv_sec = INT_MAX - 1}};

/* The directory `relocated-<closure digest>`. */
struct shelf {
  int control;
  const char *path;
};

/* Nomad gives it the mode 0777, but only the task gets there. */
static bool is_of_task(const char *directory) {
  const char *task = sb_settings_variable("NOMAD_TASK_DIR");
  return task != NULL && strcmp(task, "/local") == 0 && strcmp(directory, "/local/") == 0;
}

/*
 * Whether other users could put something else in the place of our link: where all may write and no sticky bit keeps what
 * is ours, and where the directory itself is one of theirs. In a user namespace root may be nobody.
 */
static bool is_open_to_others(const struct stat *parent) {
  static const uid_t unmapped = 65534;
  bool is_shared = (parent->st_mode & (S_IWGRP | S_IWOTH)) != 0 && (parent->st_mode & S_ISVTX) == 0;
  return is_shared || (parent->st_uid != 0 && parent->st_uid != geteuid() && parent->st_uid != unmapped);
}

/* Whether it is our link, where nobody else could put another, and it leads to `directory`. */
static bool leads_to(const char *link, int directory) {
  char parent[SB_LINK_BYTES + 1];
  memcpy(parent, link, sizeof parent);
  strrchr(parent, '/')[1] = '\0';
  struct stat status, known;
  if (stat(parent, &status) != 0) return false;
  if (is_open_to_others(&status) && !is_of_task(parent)) return false;
  return lstat(link, &status) == 0 && status.st_uid == geteuid() && stat(link, &status) == 0 &&
         fstat(directory, &known) == 0 && status.st_dev == known.st_dev && status.st_ino == known.st_ino;
}

/* Writes a random name behind its parent, to the length of /nix/store. */
static void draw_name(char link[SB_LINK_BYTES + 1], const char *parent) {
  static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  unsigned char random[SB_LINK_BYTES] = {0};
  /* Without any, names can be guessed; a taken one is passed over all the same. */
  if (getrandom(random, sizeof random, GRND_NONBLOCK) < 0) random[SB_LINK_BYTES - 1] = (unsigned char)getpid();
  for (size_t i = 0; i < SB_LINK_BYTES; i++) link[i] = digits[random[i] % (sizeof digits - 1)];
  memcpy(link, parent, strlen(parent));
  link[SB_LINK_BYTES] = '\0';
}

/* Whether a link can be where `link` says: by making one, which is taken away again. Else errno says why not. */
static bool may_be(const char *link, const struct shelf *shelf) {
  if (symlink(shelf->path, link) != 0) return false;
  bool leads = leads_to(link, shelf->control);
  unlink(link);
  errno = ELOOP; /* mounted nosymfollow, or where others may put another in its place */
  return leads;
}

/* Draws a link that may be, in the first of the parents that serves. */
static enum sb_reason draw_link(char link[SB_LINK_BYTES + 1], const struct shelf *shelf, struct sb_failure *failure) {
  enum sb_reason reason = SB_OK;
  for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
    for (unsigned names = 0; names < NAMES_MAX; names++) {
      draw_name(link, parents[i]);
      if (may_be(link, shelf)) return SB_OK;
      if (errno != EEXIST) break;
    }
    if (i <= told_parent) reason = sb_failure_set(failure, SB_LINK_REFUSED, errno, "a link /tmp/XXXXX", NULL);
  }
  return reason;
}

/* Reads which link was chosen before; false where none was, or it was `refused`. */
static bool read_choice(char link[SB_LINK_BYTES + 1], const struct shelf *shelf, const char *refused) {
  memset(link, 0, SB_LINK_BYTES + 1);
  return readlinkat(shelf->control, "link", link, SB_LINK_BYTES + 1) == SB_LINK_BYTES && *link == '/' &&
         strcmp(link, refused) != 0;
}

/* Chooses a link and writes it down; of several processes one does, and the others take its choice. */
static enum sb_reason choose(char link[SB_LINK_BYTES + 1], const struct shelf *shelf, const char *refused,
                             struct sb_failure *failure) {
  if (read_choice(link, shelf, refused)) return SB_OK;
  SB_AUTO_CLOSE int lock = sb_store_lock(shelf->control, NULL);
  if (lock < 0) return sb_failure_set(failure, SB_LOCK_FAILED, errno, shelf->path, NULL);
  if (read_choice(link, shelf, refused)) return SB_OK;
  enum sb_reason reason = draw_link(link, shelf, failure);
  if (reason != SB_OK) return reason;
  unlinkat(shelf->control, "link", 0);
  if (symlinkat(link, shelf->control, "link") == 0) return SB_OK;
  return sb_failure_set(failure, SB_WRITE_FAILED, errno, shelf->path, NULL);
}

/* Opens the store whose contents name `link`, a directory named after it, and makes it hold the closure. */
static enum sb_reason fill_store(struct sb_store *store, const struct sb_start *start, const struct shelf *shelf,
                                 const char *link, struct sb_failure *failure) {
  char name[SB_LINK_BYTES];
  memcpy(name, link + 1, sizeof name);
  for (char *slash; (slash = strchr(name, '/')) != NULL;) *slash = '-';
  SB_AUTO_FREE char *path = sb_text_format("%s/%s", shelf->path, name);
  if (path == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, shelf->path, NULL);
  enum sb_reason reason = sb_cache_open_store(store, sb_directory_make(shelf->control, name, 0755), path, failure);
  if (reason != SB_OK) return reason;
  if (!sb_relocation_init(&store->relocation, start->bundle)) {
    sb_store_close(store);
    return sb_failure_set(failure, SB_MEMORY_SHORT, 0, shelf->path, NULL);
  }
  memcpy(store->relocation.link, link, sizeof store->relocation.link);
  return sb_cache_settle(store, start, failure);
}

/* Whether the link is in place, made here or by a start beside this one. */
static bool is_linked(const char *link, const struct sb_store *store) {
  if (leads_to(link, store->trees)) return true;
  if (symlink(store->path, link) == 0) utimensat(AT_FDCWD, link, far_ahead, AT_SYMLINK_NOFOLLOW);
  return leads_to(link, store->trees);
}

/* Opens a store of the shelf that holds the closure and has its link. */
static enum sb_reason fill_shelf(struct sb_store *store, const struct sb_start *start, const struct shelf *shelf,
                                 struct sb_failure *failure) {
  char link[SB_LINK_BYTES + 1], refused[SB_LINK_BYTES + 1] = "";
  for (unsigned links = 0; links < LINKS_MAX; links++) {
    enum sb_reason reason = choose(link, shelf, refused, failure);
    if (reason == SB_OK) reason = fill_store(store, start, shelf, link, failure);
    if (reason != SB_OK) return reason;
    if (is_linked(link, store)) {
      sb_message_debug(start, "stands for /nix/store", link, NULL);
      return SB_OK;
    }
    sb_store_close(store);
    memcpy(refused, link, sizeof refused);
  }
  return sb_failure_set(failure, SB_LINK_REFUSED, EEXIST, refused, NULL);
}

/*
 * Lets other users pass through a place of root's: one of them is who the app may become. There is no mount that would
 * take them past directories that are closed. False with errno set, or 0 where it is another directory that is closed.
 */
static bool let_pass(int directory, const char *path) {
  struct stat status;
  if (fstat(directory, &status) != 0) return false;
  bool is_open = (status.st_mode & S_IXOTH) != 0;
  if (!is_open && fchmod(directory, (status.st_mode & 07777) | S_IXGRP | S_IXOTH) != 0) return false;
  SB_AUTO_FREE char *parent = strdup(path);
  errno = 0;
  for (char *slash; parent != NULL && (slash = strrchr(parent, '/')) != NULL; *slash = '\0') {
    slash[1] = '\0';
    if (stat(parent, &status) != 0 || (status.st_mode & S_IXOTH) == 0) return false;
  }
  return parent != NULL;
}

static enum sb_reason use_place(struct sb_store *store, const struct sb_start *start, int directory, const char *path,
                                struct sb_failure *failure) {
  char name[10 + 2 * SB_DIGEST_BYTES + 1] = "relocated-";
  sb_hex_write(name + 10, start->bundle->header->closure_sha256, SB_DIGEST_BYTES);
  SB_AUTO_FREE char *own = sb_text_format("%s/%s", path, name);
  if (own == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, path, NULL);
  if (geteuid() == 0 && !let_pass(directory, path)) {
    return sb_failure_set(failure, SB_PLACE_CLOSED, errno, path, NULL);
  }
  SB_AUTO_CLOSE int control = sb_directory_make(directory, name, 0755);
  if (control < 0) return sb_failure_set(failure, SB_PLACE_REFUSED, errno, own, NULL);
  struct shelf shelf = {.control = control, .path = own};
  return fill_shelf(store, start, &shelf, failure);
}

static enum sb_reason check(const struct sb_start *start, struct sb_failure *failure) {
  const struct sb_bundle *bundle = start->bundle;
  const char *refusal = sb_bundle_string(bundle, bundle->header->relocate_refusal);
  if (*refusal == '\0') return SB_OK;
  return sb_failure_set(failure, SB_CLOSURE_BOUND, 0, "the closure", refusal);
}

static enum sb_reason provide(const struct sb_start *start, struct sb_failure *failure) {
  const struct sb_bundle *bundle = start->bundle;
  struct sb_store store;
  enum sb_reason reason = sb_cache_provide(&store, start, use_place, failure);
  if (reason != SB_OK) return reason;
  /* Program, arguments, variables, working directory: what is to be started is said there alone. */
  sb_relocation_rewrite(&store.relocation, bundle->strings, bundle->header->strings_bytes);
  sb_store_close(&store);
  return SB_OK;
}

const struct sb_strategy sb_relocate = {.name = "relocate", .has_cache = true, .check = check, .provide = provide};
