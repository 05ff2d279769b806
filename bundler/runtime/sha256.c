#include "sha256.h"

#include <string.h>

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t value, unsigned count) { return value >> count | value << (32 - count); }

static uint32_t load_big_endian(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store_big_endian(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void digest_block(uint32_t state[8], const uint8_t *block) {
  uint32_t schedule[64];
  for (int i = 0; i < 16; i++) schedule[i] = load_big_endian(block + 4 * i);
  for (int i = 16; i < 64; i++) {
    uint32_t early = schedule[i - 15], late = schedule[i - 2];
    schedule[i] = schedule[i - 16] + schedule[i - 7] + (rotate(early, 7) ^ rotate(early, 18) ^ early >> 3) +
                  (rotate(late, 17) ^ rotate(late, 19) ^ late >> 10);
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  for (int i = 0; i < 64; i++) {
    uint32_t first = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) +
                     round_constants[i] + schedule[i];
    uint32_t second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + first;
    d = c, c = b, b = a, a = first + second;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void sb_sha256_begin(struct sb_sha256 *hash) {
  *hash = (struct sb_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                                       0x1f83d9ab, 0x5be0cd19}};
}

void sb_sha256_add(struct sb_sha256 *hash, const void *data, size_t bytes) {
  if (bytes == 0) return;
  const uint8_t *at = data;
  size_t held = hash->total_bytes % 64;
  hash->total_bytes += bytes;
  if (held > 0) {
    size_t taken = bytes < 64 - held ? bytes : 64 - held;
    memcpy(hash->block + held, at, taken);
    if (held + taken < 64) return;
    digest_block(hash->state, hash->block);
    at += taken;
    bytes -= taken;
  }
  for (; bytes >= 64; at += 64, bytes -= 64) digest_block(hash->state, at);
  memcpy(hash->block, at, bytes);
}

void sb_sha256_end(struct sb_sha256 *hash, uint8_t digest[32]) {
  uint64_t total_bits = hash->total_bytes * 8;
  size_t held = hash->total_bytes % 64;
  uint8_t padding[72] = {0x80};
  size_t padding_bytes = (held < 56 ? 56 : 120) - held;
  store_big_endian(padding + padding_bytes, (uint32_t)(total_bits >> 32));
  store_big_endian(padding + padding_bytes + 4, (uint32_t)total_bits);
  sb_sha256_add(hash, padding, padding_bytes + 8);
  for (int i = 0; i < 8; i++) store_big_endian(digest + 4 * i, hash->state[i]);
}

void sb_sha256_of(const void *data, size_t bytes, uint8_t digest[32]) {
  struct sb_sha256 hash;
  sb_sha256_begin(&hash);
  sb_sha256_add(&hash, data, bytes);
  sb_sha256_end(&hash, digest);
}

void sb_hex_write(char *text, const uint8_t *data, size_t bytes) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < bytes; i++) {
    text[2 * i] = digits[data[i] >> 4];
    text[2 * i + 1] = digits[data[i] & 15];
  }
  text[2 * bytes] = '\0';
}
