#include "marker.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "sha256.h"
#include "text.h"

void sb_boot_id_read(char boot_id[SB_BOOT_ID_BYTES]) {
  SB_AUTO_CLOSE int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  struct statfs status;
  bool is_kernels = file >= 0 && fstatfs(file, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
  ssize_t length = !is_kernels ? 0 : read(file, boot_id, SB_BOOT_ID_BYTES - 1);
  boot_id[length > 0 ? length : 0] = '\0';
  boot_id[strcspn(boot_id, "\n")] = '\0';
}

void sb_marker_write(char marker[SB_MARKER_BYTES], const uint8_t digest[SB_DIGEST_BYTES], const char *boot_id) {
  char hex[2 * SB_DIGEST_BYTES + 1];
  sb_hex_write(hex, digest, SB_DIGEST_BYTES);
  if (boot_id == NULL) {
    sb_text_write(marker, SB_MARKER_BYTES, "%s synced", hex);
  } else {
    sb_text_write(marker, SB_MARKER_BYTES, "%s boot %s", hex, *boot_id == '\0' ? "unknown" : boot_id);
  }
}

enum sb_marker_state sb_marker_judge(const char *marker, const uint8_t digest[SB_DIGEST_BYTES], const char *boot_id) {
  const char *space = strchr(marker, ' ');
  if (space == NULL || space - marker != 2 * SB_DIGEST_BYTES) return SB_MARKER_STALE;
  bool is_sound = strcmp(space, " synced") == 0 ||
                  (*boot_id != '\0' && strncmp(space, " boot ", 6) == 0 && strcmp(space + 6, boot_id) == 0);
  if (!is_sound) return SB_MARKER_STALE;
  char hex[2 * SB_DIGEST_BYTES + 1];
  sb_hex_write(hex, digest, SB_DIGEST_BYTES);
  return strncmp(marker, hex, 2 * SB_DIGEST_BYTES) == 0 ? SB_MARKER_TRUSTED : SB_MARKER_OTHER;
}
