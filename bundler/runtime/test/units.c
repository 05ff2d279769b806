/*
 * Small checks of what no start shows: digests against known answers, markers, texts, tables of mounts, paths beyond
 * PATH_MAX.
 * Prints each check that fails, and their number.
 *
 *   units <empty directory>
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../file.h"
#include "../marker.h"
#include "../root.h"
#include "../sha256.h"
#include "../text.h"
#include "../tree.h"

static int failures;

#define CHECK(condition) check((condition), #condition, __LINE__)

static void check(bool holds, const char *what, int line) {
  if (holds) return;
  failures++;
  printf("line %d: %s\n", line, what);
}

static bool digests_to(const char *text, size_t times, const char *expected) {
  struct sb_sha256 hash;
  uint8_t digest[SB_DIGEST_BYTES];
  char hex[2 * SB_DIGEST_BYTES + 1];
  sb_sha256_begin(&hash);
  for (size_t i = 0; i < times; i++) sb_sha256_add(&hash, text, strlen(text));
  sb_sha256_end(&hash, digest);
  sb_hex_write(hex, digest, sizeof digest);
  return strcmp(hex, expected) == 0;
}

/* Source: NIST's example values for SHA-256. */
static void check_sha256(void) {
  CHECK(digests_to("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  CHECK(digests_to("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  CHECK(digests_to("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                   "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
  CHECK(digests_to("aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}

static void check_texts(void) {
  const char *volatile nothing = NULL; /* the compiler, which knows printf's %s, is not to see it */
  char *text = sb_text_format("%s:%s:%c:%d:%u:%llu:%%", "a", nothing, 'b', INT_MIN, UINT_MAX, ULLONG_MAX);
  CHECK(strcmp(text, "a::b:-2147483648:4294967295:18446744073709551615:%") == 0);
  free(text);
  char cut[] = "----";
  sb_text_write(cut, 3, "%s%u", "one", 0U);
  CHECK(strcmp(cut, "on") == 0 && cut[3] == '-');
  struct sb_text long_text = {0};
  for (unsigned i = 0; i < 1000; i++) CHECK(sb_text_add(&long_text, "%u,", i % 10));
  CHECK(long_text.bytes == 2000 && strlen(long_text.data) == 2000 && strcmp(long_text.data + 1996, "8,9,") == 0);
  free(long_text.data);
}

static void check_markers(void) {
  const uint8_t digest[SB_DIGEST_BYTES] = {1, 2, 3}, other[SB_DIGEST_BYTES] = {9};
  char marker[SB_MARKER_BYTES];
  sb_marker_write(marker, digest, "this-boot");
  CHECK(sb_marker_judge(marker, digest, "this-boot") == SB_MARKER_TRUSTED);
  CHECK(sb_marker_judge(marker, digest, "next-boot") == SB_MARKER_STALE);
  CHECK(sb_marker_judge(marker, digest, "this-boot-not") == SB_MARKER_STALE);
  CHECK(sb_marker_judge(marker, other, "this-boot") == SB_MARKER_OTHER);
  sb_marker_write(marker, digest, NULL);
  CHECK(sb_marker_judge(marker, digest, "next-boot") == SB_MARKER_TRUSTED);
  sb_marker_write(marker, digest, "");
  CHECK(sb_marker_judge(marker, digest, "") == SB_MARKER_STALE);
  CHECK(sb_marker_judge("", digest, "this-boot") == SB_MARKER_STALE);
}

static bool is_private(const char *mountinfo, uint64_t root_inode) {
  char *text = strdup(mountinfo);
  bool result = sb_mountinfo_root_is_private(text, root_inode);
  free(text);
  return result;
}

static void check_roots(void) {
  CHECK(!is_private("", 2));
  CHECK(!is_private("21 1 254:0 / / rw - ext4 /dev/vda rw\n", 2));
  CHECK(is_private("21 1 254:0 /alloc/1234/web / rw - ext4 /dev/vda rw\n", 99));
  CHECK(is_private("600 500 0:50 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a\n", 2));
  CHECK(!is_private("600 500 0:50 / /mnt rw - overlay overlay rw\n21 1 254:0 / / rw - xfs /dev/vda rw\n", 128));
  CHECK(!is_private("21 1 0:30 /@ / rw - btrfs /dev/vda rw,subvol=/@\n", 256));
  CHECK(is_private("21 1 0:30 /@/alloc/web / rw - btrfs /dev/vda rw,subvol=/@\n", 777));
  CHECK(is_private("21 1 254:0 / / rw - ext4 /dev/vda rw\n22 21 0:50 / / rw - overlay overlay rw\n", 2));
  CHECK(!is_private("21 1 254:0 /x\n garbage / - \n\n", 2));
}

/* Makes a tree of 40 levels with names of 200 bytes: twice PATH_MAX. */
static void check_long_paths(int top) {
  char *path = calloc(1, 40 * 201 + 1);
  bool made = path != NULL;
  for (int level = 0; made && level < 40; level++) {
    if (level > 0) strcat(path, "/");
    memset(path + strlen(path), 'a' + level % 26, 200);
    struct sb_spot spot;
    made = sb_spot_find(&spot, top, path) && mkdirat(spot.directory, spot.name, 0500 | 0200) == 0;
    sb_spot_close(&spot);
  }
  CHECK(made);
  CHECK(path != NULL && strlen(path) > PATH_MAX);
  struct sb_spot spot;
  CHECK(sb_spot_find(&spot, top, path) && faccessat(spot.directory, spot.name, F_OK, 0) == 0);
  sb_spot_close(&spot);
  free(path);
  CHECK(sb_tree_empty(top));
}

static void check_removal(int top) {
  CHECK(mkdirat(top, "closed", 0755) == 0 && mkdirat(top, "closed/inner", 0755) == 0);
  int file = openat(top, "closed/inner/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
  CHECK(file >= 0 && close(file) == 0);
  CHECK(symlinkat("/", top, "closed/link") == 0 && symlinkat(".", top, ".gone-0") == 0);
  CHECK(fchmodat(top, "closed/inner", 0500, 0) == 0 && fchmodat(top, "closed", 0, 0) == 0);
  CHECK(sb_tree_empty(top));
  CHECK(faccessat(top, "closed", F_OK, 0) != 0 && faccessat(top, ".gone-0", F_OK, AT_SYMLINK_NOFOLLOW) != 0);
  CHECK(mkdirat(top, "one", 0755) == 0 && mkdirat(top, "two", 0755) == 0);
  CHECK(!sb_rename_new(top, "one", top, "two") && errno == EEXIST);
  CHECK(sb_rename_new(top, "one", top, "three"));
}

static void check_streams(void) {
  int kept = dup(STDERR_FILENO);
  close(STDERR_FILENO);
  sb_file_hold_streams();
  int file = open("/", O_PATH | O_CLOEXEC);
  CHECK(file > STDERR_FILENO && (fcntl(STDERR_FILENO, F_GETFD) & FD_CLOEXEC) != 0);
  close(file);
  dup2(kept, STDERR_FILENO);
  close(kept);
}

int main(int argc, char **argv) {
  int top = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (top < 0) return 2;
  check_sha256();
  check_markers();
  check_texts();
  check_roots();
  check_long_paths(top);
  check_removal(top);
  check_streams();
  close(top);
  printf("%d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
