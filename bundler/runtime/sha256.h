/* SHA-256 (FIPS 180-4), for the digests of header, frame table and index slices. */
#ifndef SB_SHA256_H
#define SB_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sb_sha256 {
  uint32_t state[8];
  uint64_t total_bytes;
  uint8_t block[64];
};

void sb_sha256_begin(struct sb_sha256 *hash);
void sb_sha256_add(struct sb_sha256 *hash, const void *data, size_t bytes);
void sb_sha256_end(struct sb_sha256 *hash, uint8_t digest[32]);

/* Digests one piece of memory. */
void sb_sha256_of(const void *data, size_t bytes, uint8_t digest[32]);

/* Writes `bytes` bytes as lower-case hex and a NUL: `text` holds 2 × bytes + 1. */
void sb_hex_write(char *text, const uint8_t *data, size_t bytes);

#endif
