#include "bundle.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "file.h"
#include "sha256.h"
#include "string-area.h"

unsigned sb_bundle_own_machine(void) {
#if defined(__x86_64__)
  return EM_X86_64;
#elif defined(__aarch64__)
  return EM_AARCH64;
#else
#error "FORMAT.md knows two machines"
#endif
}

static uint64_t round_up_8(uint64_t value) { return (value + 7) & ~UINT64_C(7); }

/* The checks return what is wrong, or NULL. Sums can't overflow where each summand was held against the file before. */

static const char *check_trailer(const struct sb_trailer *trailer) {
  if (trailer->zero != 0) return "the trailer's reserved bytes are set";
  if (trailer->header_offset % 8 != 0) return "the header's offset is not a multiple of 8";
  if (trailer->header_offset > trailer->file_bytes || trailer->header_bytes > SB_HEADER_MAX_BYTES ||
      trailer->header_bytes < sizeof(struct sb_header) ||
      trailer->header_offset + trailer->header_bytes + sizeof *trailer != trailer->file_bytes) {
    return "the header leaves its area";
  }
  return NULL;
}

static const char *check_header(const struct sb_header *header, const struct sb_trailer *trailer) {
  uint64_t file_bytes = trailer->file_bytes;
  if ((header->flags & ~SB_FLAGS_KNOWN) != 0 || header->zero != 0) return "the header's reserved bits are set";
  if (header->frame_bytes == 0 || header->frame_bytes > SB_FRAME_MAX_BYTES) return "the frame size is out of range";
  if (header->tar_bytes > SB_NUMBER_MAX || header->content_bytes > SB_NUMBER_MAX) return "a size is out of range";
  if (header->data_offset % SB_PAGE_BYTES != 0 || header->data_offset > file_bytes ||
      header->data_bytes > file_bytes) {
    return "the data frames leave their area";
  }
  if (header->frame_count > file_bytes / sizeof(struct sb_frame) ||
      header->row_count > file_bytes / sizeof(struct sb_row) || header->row_strings_bytes > file_bytes ||
      header->metadata_bytes > file_bytes) {
    return "the index leaves its area";
  }
  uint64_t data_end = header->data_offset + header->data_bytes;
  if (header->index_offset != round_up_8(data_end + SB_SKIPPABLE_HEAD_BYTES)) {
    return "the index is not where the data frames end";
  }
  uint64_t index_end = header->index_offset + header->frame_count * sizeof(struct sb_frame) +
                       header->row_count * sizeof(struct sb_row) + header->row_strings_bytes +
                       header->metadata_bytes;
  if (trailer->header_offset != round_up_8(index_end + SB_SKIPPABLE_HEAD_BYTES)) {
    return "the header is not where the index ends";
  }
  uint64_t tables_bytes = sizeof *header + header->path_count * (uint64_t)sizeof(struct sb_path_record) +
                          header->entrypoint_count * (uint64_t)sizeof(struct sb_entrypoint) +
                          header->arg_count * (uint64_t)sizeof(struct sb_string) +
                          header->default_arg_count * (uint64_t)sizeof(struct sb_string) +
                          header->env_count * (uint64_t)sizeof(struct sb_env_record) +
                          header->bind_count * (uint64_t)sizeof(struct sb_bind_record);
  if (tables_bytes + header->strings_bytes != trailer->header_bytes) return "the header's tables leave their area";
  if (header->path_count == 0 || header->entrypoint_count == 0) return "the header names nothing to run";
  return NULL;
}

/*
 * Whether it is 32 digits of base 32, a dash and a name. Source: Nix manual, "Store path". None begins with a dot, as what a
 * store keeps for itself does.
 */
static bool is_base(const char *base) {
  static const char digits[] = "0123456789abcdfghijklmnpqrsvwxyz";
  static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-._?=";
  if (strspn(base, digits) != SB_HASH_BYTES || base[SB_HASH_BYTES] != '-') return false;
  const char *name = base + SB_HASH_BYTES + 1;
  size_t length = strspn(name, letters);
  return length > 0 && length <= SB_NAME_MAX_BYTES && name[length] == '\0';
}

static const char *check_paths(const struct sb_bundle *bundle) {
  const struct sb_header *header = bundle->header;
  uint64_t row = 0, strings = 0, tar = 0, content = 0;
  for (uint32_t i = 0; i < header->path_count; i++) {
    const struct sb_path_record *path = &bundle->paths[i];
    if (!sb_string_is_sound(bundle->strings, header->strings_bytes, path->base)) return "a string leaves its area";
    if (!is_base(sb_bundle_string(bundle, path->base))) return "a store path has an impossible name";
    if (path->first_row != row || path->row_strings_offset != strings || path->tar_offset != tar) {
      return "the path records leave a gap";
    }
    if (path->row_count == 0 || path->row_count > header->row_count - row || path->tar_bytes == 0 ||
        tar > header->tar_bytes || path->tar_bytes > header->tar_bytes - tar ||
        path->row_strings_bytes > header->row_strings_bytes - strings ||
        path->content_bytes > header->content_bytes - content) {
      return "a path record leaves its area";
    }
    row += path->row_count;
    strings += path->row_strings_bytes;
    tar += path->tar_bytes;
    content += path->content_bytes;
  }
  /* What ends the tar belongs to no store path. */
  if (row != header->row_count || strings != header->row_strings_bytes || content != header->content_bytes ||
      header->tar_bytes - tar != SB_TAR_END_BYTES) {
    return "the path records leave a rest";
  }
  return NULL;
}

bool sb_bundle_has(const struct sb_bundle *bundle, const char *file) {
  static const char store[] = "/nix/store/";
  if (strncmp(file, store, sizeof store - 1) != 0) return false;
  const char *inside = file + sizeof store - 1;
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    size_t length = bundle->paths[i].base.length;
    if (strncmp(inside, sb_bundle_base(bundle, i), length) == 0 && (inside[length] == '/' || inside[length] == '\0')) {
      return true;
    }
  }
  return false;
}

static bool is_store_path(const struct sb_bundle *bundle, const char *base) {
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    if (strcmp(base, sb_bundle_base(bundle, i)) == 0) return true;
  }
  return false;
}

/* Whether a path is absolute and says what it means: no empty component, no `.`, no `..`, not `/` itself. */
static bool is_plain_path(const char *path) {
  if (*path != '/') return false;
  while (*path == '/') {
    const char *component = ++path;
    path += strcspn(path, "/");
    size_t length = (size_t)(path - component);
    if (length == 0 || (length == 1 && component[0] == '.') || (length == 2 && strncmp(component, "..", 2) == 0)) {
      return false;
    }
  }
  return true;
}

/* Whether all of `count` strings are sound; `stride` is the distance from one to the next. */
static bool are_sound(const struct sb_bundle *bundle, const void *first, size_t count, size_t stride) {
  for (size_t i = 0; i < count; i++) {
    const struct sb_string *string = (const void *)((const char *)first + i * stride);
    if (!sb_string_is_sound(bundle->strings, bundle->header->strings_bytes, *string)) return false;
  }
  return true;
}

static bool strings_are_sound(const struct sb_bundle *bundle) {
  const struct sb_header *header = bundle->header;
  const size_t one = sizeof(struct sb_string);
  return are_sound(bundle, &header->name, 7, one) && are_sound(bundle, bundle->args, header->arg_count, one) &&
         are_sound(bundle, bundle->default_args, header->default_arg_count, one) &&
         are_sound(bundle, bundle->entrypoints, (size_t)header->entrypoint_count * 2, one) &&
         are_sound(bundle, &bundle->env->name, header->env_count, sizeof *bundle->env) &&
         are_sound(bundle, &bundle->env->value, header->env_count, sizeof *bundle->env) &&
         are_sound(bundle, &bundle->binds->source, header->bind_count, sizeof *bundle->binds) &&
         are_sound(bundle, &bundle->binds->target, header->bind_count, sizeof *bundle->binds);
}
static_assert(offsetof(struct sb_header, bind_count) - offsetof(struct sb_header, name) == 7 * sizeof(struct sb_string),
              "the header's seven strings stand in a row");

static const char *check_environment(const struct sb_bundle *bundle) {
  for (uint32_t i = 0; i < bundle->header->env_count; i++) {
    const struct sb_env_record *env = &bundle->env[i];
    if (env->name.length == 0 || strchr(sb_bundle_string(bundle, env->name), '=') != NULL) {
      return "an environment variable has an impossible name";
    }
    if (env->policy > SB_ENV_WHERE_UNSET_IF_PRESENT || env->zero != 0) return "an environment policy is unknown";
  }
  return NULL;
}

static const char *check_binds(const struct sb_bundle *bundle) {
  for (uint32_t i = 0; i < bundle->header->bind_count; i++) {
    const struct sb_bind_record *bind = &bundle->binds[i];
    if (!is_plain_path(sb_bundle_string(bundle, bind->source)) ||
        !is_plain_path(sb_bundle_string(bundle, bind->target))) {
      return "a bind has an impossible path";
    }
    if (bind->policy > SB_BIND_ALWAYS || bind->zero != 0) return "a bind's policy is unknown";
  }
  return NULL;
}

/* What is started and in which surroundings; the path records were checked before. */
static const char *check_launch(const struct sb_bundle *bundle) {
  const struct sb_header *header = bundle->header;
  if (!strings_are_sound(bundle)) return "a string leaves its area";
  for (uint32_t i = 0; i < header->entrypoint_count; i++) {
    if (!sb_bundle_has(bundle, sb_bundle_string(bundle, bundle->entrypoints[i].program))) {
      return "an entrypoint is not below a store path";
    }
  }
  const char *directory = sb_bundle_string(bundle, header->working_directory);
  if (*directory != '\0' && *directory != '/') return "the working directory is not absolute";
  const char *root = sb_bundle_string(bundle, header->root);
  if (*root != '\0' && !is_store_path(bundle, root)) return "the root is not one of the store paths";
  const char *wrong = check_environment(bundle);
  return wrong != NULL ? wrong : check_binds(bundle);
}

/* Points the tables into the header's bytes; `check_header` has found that they fit. */
static void lay_out(struct sb_bundle *bundle, char *memory) {
  const struct sb_header *header = (const struct sb_header *)(const void *)memory;
  bundle->memory = memory;
  bundle->header = header;
  bundle->paths = (const void *)(header + 1);
  bundle->entrypoints = (const void *)(bundle->paths + header->path_count);
  bundle->args = (const void *)(bundle->entrypoints + header->entrypoint_count);
  bundle->default_args = bundle->args + header->arg_count;
  bundle->env = (const void *)(bundle->default_args + header->default_arg_count);
  bundle->binds = (const void *)(bundle->env + header->env_count);
  char *strings = memory + ((const char *)(const void *)(bundle->binds + header->bind_count) - memory);
  sb_strings_unmask(strings, header->strings_bytes);
  bundle->strings = strings;
}

static enum sb_reason read_trailer(int file, const char *path, struct sb_trailer *trailer,
                                   struct sb_failure *failure) {
  struct stat status;
  if (fstat(file, &status) != 0) return sb_failure_set(failure, SB_BUNDLE_UNREADABLE, errno, path, NULL);
  uint64_t file_bytes = (uint64_t)status.st_size;
  if (file_bytes < sizeof *trailer) return sb_failure_set(failure, SB_BUNDLE_ABSENT, 0, path, NULL);
  if (!sb_file_read_at(file, trailer, sizeof *trailer, file_bytes - sizeof *trailer)) {
    return sb_failure_set(failure, SB_BUNDLE_UNREADABLE, errno, path, NULL);
  }
  if (memcmp(trailer->magic, SB_MAGIC, sizeof trailer->magic) != 0) {
    return sb_failure_set(failure, SB_BUNDLE_ABSENT, 0, path, NULL);
  }
  if (trailer->version != SB_FORMAT_VERSION) return sb_failure_set(failure, SB_BUNDLE_OTHER, 0, path, NULL);
  if (trailer->file_bytes != file_bytes) return sb_failure_set(failure, SB_BUNDLE_CUT, 0, path, NULL);
  const char *wrong = check_trailer(trailer);
  return wrong == NULL ? SB_OK : sb_failure_set(failure, SB_BUNDLE_DAMAGED, 0, path, wrong);
}

enum sb_reason sb_bundle_open(struct sb_bundle *bundle, int file, const char *path, unsigned machine,
                              struct sb_failure *failure) {
  struct sb_trailer trailer;
  enum sb_reason reason = read_trailer(file, path, &trailer, failure);
  if (reason != SB_OK) return reason;

  SB_AUTO_FREE char *memory = malloc(trailer.header_bytes);
  if (memory == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, path, NULL);
  if (!sb_file_read_at(file, memory, trailer.header_bytes, trailer.header_offset)) {
    return sb_failure_set(failure, SB_BUNDLE_UNREADABLE, errno, path, NULL);
  }
  uint8_t digest[SB_DIGEST_BYTES];
  sb_sha256_of(memory, trailer.header_bytes, digest);
  if (memcmp(digest, trailer.header_sha256, sizeof digest) != 0) {
    return sb_failure_set(failure, SB_BUNDLE_DAMAGED, 0, path, "the header's digest differs");
  }
  const struct sb_header *header = (const struct sb_header *)(const void *)memory;
  if (header->machine != machine) return sb_failure_set(failure, SB_BUNDLE_MACHINE, 0, path, NULL);
  const char *wrong = check_header(header, &trailer);
  if (wrong != NULL) return sb_failure_set(failure, SB_BUNDLE_DAMAGED, 0, path, wrong);

  *bundle = (struct sb_bundle){.file = file};
  lay_out(bundle, memory);
  wrong = check_paths(bundle);
  if (wrong == NULL) wrong = check_launch(bundle);
  if (wrong != NULL) return sb_failure_set(failure, SB_BUNDLE_DAMAGED, 0, path, wrong);
  memory = NULL;
  return SB_OK;
}

void sb_bundle_close(struct sb_bundle *bundle) {
  free(bundle->memory);
  *bundle = (struct sb_bundle){.file = -1};
}
