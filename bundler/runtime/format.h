/*
 * The bundle's records as they lie in the file: FORMAT.md in C. Numbers are little-endian and aligned, so on the two
 * machines that we build for a record can be used where it was read. Nothing here is checked; bundle.h and index.h do
 * that, once, where the bytes come in.
 */
#ifndef SB_FORMAT_H
#define SB_FORMAT_H

#include <assert.h>
#include <stdint.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are used as they lie in the file");

enum {
  SB_FORMAT_VERSION = 2,
  SB_DIGEST_BYTES = 32,
  SB_SKIPPABLE_HEAD_BYTES = 8,
  SB_PAGE_BYTES = 4096,
  /* Of a store path: its hash, and its name at most. */
  SB_HASH_BYTES = 32,
  SB_NAME_MAX_BYTES = 211,
  /* Every string area is stored with this bit flipped, lest Nix find store hashes in it. */
  SB_STRING_MASK = 0x80,
  SB_FLAG_OWN_LOADER = 1,
  SB_FLAG_INIT = 2,
  SB_FLAG_NO_OPTIONS = 4,
  SB_FLAG_OWN_NAME = 8,
  SB_FLAGS_KNOWN = 15,
};

#define SB_MAGIC "SADLEBAG"
#define SB_HEADER_MAX_BYTES (UINT64_C(16) << 20)
#define SB_FRAME_MAX_BYTES (UINT32_C(64) << 20)
#define SB_WINDOW_MAX_BYTES (UINT64_C(128) << 20)
#define SB_NUMBER_MAX ((UINT64_C(1) << 53) - 1) /* what a double can count to */
#define SB_TAR_END_BYTES 1024 /* two blocks of zeros */

struct sb_string {
  uint32_t offset;
  uint32_t length;
};

struct sb_trailer {
  uint64_t header_offset;
  uint64_t header_bytes;
  uint64_t file_bytes;
  uint32_t version;
  uint32_t zero;
  uint8_t header_sha256[SB_DIGEST_BYTES];
  char magic[8];
};
static_assert(sizeof(struct sb_trailer) == 72, "FORMAT.md, Trailer");

struct sb_header {
  uint16_t machine;
  uint16_t flags;
  uint32_t frame_bytes;
  uint64_t data_offset;
  uint64_t data_bytes;
  uint64_t tar_bytes;
  uint64_t content_bytes;
  uint64_t index_offset;
  uint64_t frame_count;
  uint64_t row_count;
  uint64_t row_strings_bytes;
  uint64_t metadata_bytes;
  uint8_t frames_sha256[SB_DIGEST_BYTES];
  uint8_t closure_sha256[SB_DIGEST_BYTES];
  uint32_t path_count;
  uint32_t entrypoint_count;
  uint32_t arg_count;
  uint32_t env_count;
  uint32_t strings_bytes;
  uint32_t default_arg_count;
  struct sb_string name;
  struct sb_string version;
  struct sb_string encoder;
  struct sb_string tool_version;
  struct sb_string working_directory;
  struct sb_string root;
  struct sb_string relocate_refusal;
  uint32_t bind_count;
  uint32_t zero;
};
static_assert(sizeof(struct sb_header) == 232, "FORMAT.md, Header");

struct sb_path_record {
  struct sb_string base;
  uint64_t first_row;
  uint64_t row_count;
  uint64_t row_strings_offset;
  uint64_t row_strings_bytes;
  uint64_t content_bytes;
  uint8_t content_sha256[SB_DIGEST_BYTES];
  uint8_t slice_sha256[SB_DIGEST_BYTES];
  uint64_t tar_offset;
  uint64_t tar_bytes;
};
static_assert(sizeof(struct sb_path_record) == 128, "FORMAT.md, Path record");

struct sb_entrypoint {
  struct sb_string name;
  struct sb_string program;
};
static_assert(sizeof(struct sb_entrypoint) == 16, "FORMAT.md, Header");

enum sb_env_policy {
  SB_ENV_WHERE_UNSET = 0,
  SB_ENV_ALWAYS = 1,
  SB_ENV_PREPEND = 2,
  SB_ENV_APPEND = 3,
  SB_ENV_UNSET = 4,
  SB_ENV_WHERE_UNSET_IF_PRESENT = 5,
};

struct sb_env_record {
  struct sb_string name;
  struct sb_string value;
  uint32_t policy;
  uint32_t zero;
};
static_assert(sizeof(struct sb_env_record) == 24, "FORMAT.md, Header");

enum sb_bind_policy { SB_BIND_WHERE_ABSENT = 0, SB_BIND_ALWAYS = 1 };

struct sb_bind_record {
  struct sb_string source;
  struct sb_string target;
  uint32_t policy;
  uint32_t zero;
};
static_assert(sizeof(struct sb_bind_record) == 24, "FORMAT.md, Header");

struct sb_frame {
  uint64_t offset;
  uint64_t tar_offset;
  uint32_t bytes;
  uint32_t tar_bytes;
  uint64_t first_row;
};
static_assert(sizeof(struct sb_frame) == 32, "FORMAT.md, Frame record");

enum sb_row_kind { SB_ROW_DIRECTORY = 1, SB_ROW_FILE = 2, SB_ROW_SYMLINK = 3, SB_ROW_LINK = 4 };

struct sb_row {
  struct sb_string path;
  struct sb_string target;
  uint64_t size_bytes;
  uint64_t data_offset;
  uint64_t link_row;
  uint16_t mode;
  uint8_t kind;
  uint8_t zero[5];
};
static_assert(sizeof(struct sb_row) == 48, "FORMAT.md, Row");

#endif
