#include "relocation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

static const char prefix[] = "/nix/store/";
enum { PREFIX_BYTES = sizeof prefix - 1 };

static uint32_t first_slot(const struct sb_relocation *relocation, const char *hash) {
  uint64_t word;
  memcpy(&word, hash, sizeof word);
  return (uint32_t)(word * UINT64_C(0x9e3779b97f4a7c15) >> 32) & relocation->slot_mask;
}

bool sb_relocation_init(struct sb_relocation *relocation, const struct sb_bundle *bundle) {
  uint32_t count = bundle->header->path_count, slots = 2;
  while (slots / 2 < count) slots *= 2;
  *relocation = (struct sb_relocation){.bundle = bundle, .slot_mask = slots - 1};
  relocation->slots = calloc(slots, sizeof *relocation->slots);
  if (relocation->slots == NULL) return false;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t slot = first_slot(relocation, sb_bundle_base(bundle, i));
    while (relocation->slots[slot] != 0) slot = (slot + 1) & relocation->slot_mask;
    relocation->slots[slot] = i + 1;
  }
  /* Horspool's search: most bytes end no part of the prefix, and then all of its length is skipped. */
  memset(relocation->shifts, PREFIX_BYTES, sizeof relocation->shifts);
  for (unsigned i = 0; i + 1 < PREFIX_BYTES; i++) {
    relocation->shifts[(unsigned char)prefix[i]] = (uint8_t)(PREFIX_BYTES - 1 - i);
  }
  return true;
}

void sb_relocation_free(struct sb_relocation *relocation) {
  free(relocation->slots);
  relocation->slots = NULL;
}

static bool is_own(const struct sb_relocation *relocation, const char *hash) {
  uint32_t slot = first_slot(relocation, hash);
  for (uint32_t number; (number = relocation->slots[slot]) != 0; slot = (slot + 1) & relocation->slot_mask) {
    if (memcmp(sb_bundle_base(relocation->bundle, number - 1), hash, SB_HASH_BYTES) == 0) return true;
  }
  return false;
}

bool sb_relocation_rewrite(const struct sb_relocation *relocation, void *content, size_t bytes) {
  char *at = content, *end = at + bytes;
  bool changed = false;
  while (end - at >= SB_MATCH_BYTES) {
    unsigned char last = (unsigned char)at[PREFIX_BYTES - 1];
    if (last == '/' && memcmp(at, prefix, PREFIX_BYTES) == 0 && is_own(relocation, at + PREFIX_BYTES)) {
      memcpy(at, relocation->link, SB_LINK_BYTES);
      changed = true;
    }
    at += relocation->shifts[last];
  }
  return changed;
}

bool sb_relocation_mend(const struct sb_relocation *relocation, int file, uint64_t border) {
  char window[2 * (SB_MATCH_BYTES - 1)];
  uint64_t before = border < SB_MATCH_BYTES - 1 ? border : SB_MATCH_BYTES - 1;
  ssize_t count;
  do {
    count = pread(file, window, before + SB_MATCH_BYTES - 1, (off_t)(border - before));
  } while (count < 0 && errno == EINTR);
  if (count < 0) return false;
  return !sb_relocation_rewrite(relocation, window, (size_t)count) ||
         sb_file_write_at(file, window, (size_t)count, border - before);
}
