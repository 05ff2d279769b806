#include "fuse.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "message.h"
#include "store.h"

/* 34 years; the kernel turns it into ticks and takes care that they don't overflow. */
static const uint64_t forever_seconds = UINT64_C(1) << 30;

static const uint32_t wanted_flags = FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_DO_READDIRPLUS |
                                     FUSE_READDIRPLUS_AUTO | FUSE_CACHE_SYMLINKS;

/* The store directory is no row. */
static const struct sb_row root_row = {.mode = SB_STORE_MODE, .kind = SB_ROW_DIRECTORY};

/* A request: where its argument is, and where its answer goes. */
struct exchange {
  struct sb_fuse *fuse;
  const struct fuse_in_header *header;
  const void *argument;
  char *answer;
};

/* What a handler returns: the bytes of its answer, or -errno. */
typedef int outcome;

/* Not in the store; whatever else goes wrong is the bundle's fault or the machine's. */
static outcome failed(const struct exchange *exchange, struct sb_failure *failure) {
  bool is_missing = failure->reason == SB_PATH_MISSING;
  if (!is_missing) sb_message_debug(exchange->fuse->start, "read error", "/nix/store", failure);
  sb_failure_clear(failure);
  return is_missing ? -ENOENT : -EIO;
}

static uint32_t mode_of(const struct sb_row *row) {
  static const uint32_t types[] = {
      [SB_ROW_DIRECTORY] = S_IFDIR, [SB_ROW_FILE] = S_IFREG, [SB_ROW_SYMLINK] = S_IFLNK};
  return types[row->kind] | row->mode;
}

/* Owned by who started it, as what is extracted is. */
static struct fuse_attr attributes_of(const struct sb_node *node) {
  const struct sb_row *row = node->row == NULL ? &root_row : node->row;
  uint64_t size = row->kind == SB_ROW_SYMLINK ? row->target.length : row->size_bytes;
  return (struct fuse_attr){
      .ino = node->number,
      .size = size,
      .blocks = (size + 511) / 512,
      .atime = 1,
      .mtime = 1,
      .ctime = 1,
      .mode = mode_of(row),
      .nlink = 1,
      .uid = geteuid(),
      .gid = getegid(),
      .blksize = SB_PAGE_BYTES,
  };
}

/* A node of 0 is the answer that there is none, and the kernel may keep it. */
static struct fuse_entry_out entry_of(const struct sb_node *node) {
  struct fuse_entry_out entry = {.entry_valid = forever_seconds, .attr_valid = forever_seconds};
  if (node != NULL) {
    entry.nodeid = node->number;
    entry.attr = attributes_of(node);
  }
  return entry;
}

static outcome answer_with(const struct exchange *exchange, const void *data, size_t bytes) {
  memcpy(exchange->answer, data, bytes);
  return (outcome)bytes;
}

static outcome initialize(const struct exchange *exchange) {
  const struct fuse_init_in *in = exchange->argument;
  if (in->major < FUSE_KERNEL_VERSION) return -EPROTO;
  exchange->fuse->kernel_flags = in->flags;
  struct fuse_init_out out = {
      .major = FUSE_KERNEL_VERSION,
      .minor = FUSE_KERNEL_MINOR_VERSION,
      .max_readahead = in->max_readahead,
      .flags = in->flags & wanted_flags,
      .max_write = SB_PAGE_BYTES,
      .time_gran = 1,
  };
  return answer_with(exchange, &out, sizeof out);
}

static outcome look_up(const struct exchange *exchange) {
  struct sb_failure failure = {0};
  struct sb_node directory, node;
  struct sb_fuse *fuse = exchange->fuse;
  enum sb_reason reason = sb_node_get(&fuse->nodes, exchange->header->nodeid, &directory, &failure);
  if (reason == SB_OK) reason = sb_node_find(&fuse->nodes, &directory, exchange->argument, &node, &failure);
  if (reason != SB_OK && reason != SB_PATH_MISSING) return failed(exchange, &failure);
  struct fuse_entry_out out = entry_of(reason == SB_OK ? &node : NULL);
  return answer_with(exchange, &out, sizeof out);
}

static outcome get_attributes(const struct exchange *exchange, const struct sb_node *node) {
  struct fuse_attr_out out = {.attr_valid = forever_seconds, .attr = attributes_of(node)};
  return answer_with(exchange, &out, sizeof out);
}

static outcome read_link(const struct exchange *exchange, const struct sb_node *node) {
  if (node->row == NULL || node->row->kind != SB_ROW_SYMLINK) return -EINVAL;
  struct sb_string target = node->row->target;
  if (target.length > SB_FUSE_ANSWER_BYTES) return -ENAMETOOLONG;
  return answer_with(exchange, sb_slice_string(node->slice, target), target.length);
}

static outcome read_content(const struct exchange *exchange, const struct sb_node *node) {
  const struct fuse_read_in *in = exchange->argument;
  const struct sb_row *row = node->row;
  if (row == NULL || row->kind != SB_ROW_FILE) return -EINVAL;
  if (in->offset >= row->size_bytes) return 0;
  uint64_t left = row->size_bytes - in->offset;
  size_t bytes = in->size < left ? in->size : (size_t)left;
  /* Less than was asked for would be taken for the end of the file. */
  if (bytes > SB_FUSE_ANSWER_BYTES) return -EINVAL;
  if (sb_frame_cache_read(&exchange->fuse->cache, exchange->answer, bytes, row->data_offset + in->offset)) {
    return (outcome)bytes;
  }
  struct sb_failure failure = {0};
  sb_failure_set(&failure, SB_BUNDLE_DAMAGED, 0, node->slice->base, "a frame can't be read or decompressed");
  return failed(exchange, &failure);
}

/* Writes an entry of a directory, with its attributes where they are asked for; returns its bytes, 0 where it has no room. */
static size_t put_entry(char *at, size_t room, const struct sb_entry *entry, uint64_t position, bool with_attributes) {
  struct fuse_direntplus head = {
      .dirent = {.ino = entry->node.number,
                 .off = position,
                 .namelen = (uint32_t)entry->name_length,
                 .type = mode_of(entry->node.row) >> 12},
  };
  size_t skipped = with_attributes ? 0 : FUSE_NAME_OFFSET_DIRENTPLUS - FUSE_NAME_OFFSET;
  size_t head_bytes = FUSE_NAME_OFFSET_DIRENTPLUS - skipped;
  size_t bytes = FUSE_DIRENT_ALIGN(head_bytes + entry->name_length);
  if (bytes > room) return 0;
  if (with_attributes) head.entry_out = entry_of(&entry->node);
  memset(at + bytes - sizeof(uint64_t), 0, sizeof(uint64_t));
  memcpy(at, (const char *)&head + skipped, head_bytes);
  memcpy(at + head_bytes, entry->name, entry->name_length);
  return bytes;
}

/* Neither `.` nor `..`: the kernel knows them, and no reader of a directory may count on them. */
static outcome read_directory(const struct exchange *exchange, const struct sb_node *directory) {
  const struct fuse_read_in *in = exchange->argument;
  size_t room = in->size < SB_FUSE_ANSWER_BYTES ? in->size : SB_FUSE_ANSWER_BYTES, used = 0;
  uint64_t position = in->offset;
  struct sb_failure failure = {0};
  struct sb_entry entry;
  enum sb_reason reason;
  while ((reason = sb_node_next(&exchange->fuse->nodes, directory, &position, &entry, &failure)) == SB_OK) {
    bool with_attributes = exchange->header->opcode == FUSE_READDIRPLUS;
    size_t bytes = put_entry(exchange->answer + used, room - used, &entry, position, with_attributes);
    if (bytes == 0) return (outcome)used;
    used += bytes;
  }
  return reason == SB_PATH_MISSING || used > 0 ? (outcome)used : failed(exchange, &failure);
}

static outcome get_statistics(const struct exchange *exchange) {
  const struct sb_header *header = exchange->fuse->nodes.bundle->header;
  struct fuse_statfs_out out = {.st = {.blocks = header->content_bytes / SB_PAGE_BYTES,
                                       .files = header->row_count,
                                       .bsize = SB_PAGE_BYTES,
                                       .frsize = SB_PAGE_BYTES,
                                       .namelen = 255}};
  return answer_with(exchange, &out, sizeof out);
}

/* ENOSYS says that opening needs no request, to a kernel that knows of that. */
static outcome open_node(const struct exchange *exchange, uint32_t flag) {
  if ((exchange->fuse->kernel_flags & flag) != 0) return -ENOSYS;
  struct fuse_open_out out = {.open_flags = FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR};
  return answer_with(exchange, &out, sizeof out);
}

static outcome handle_node(const struct exchange *exchange) {
  struct sb_failure failure = {0};
  struct sb_node node;
  if (sb_node_get(&exchange->fuse->nodes, exchange->header->nodeid, &node, &failure) != SB_OK) {
    return failed(exchange, &failure);
  }
  switch (exchange->header->opcode) {
    case FUSE_GETATTR:
      return get_attributes(exchange, &node);
    case FUSE_READLINK:
      return read_link(exchange, &node);
    case FUSE_READ:
      return read_content(exchange, &node);
    default:
      return read_directory(exchange, &node);
  }
}

static outcome handle(const struct exchange *exchange) {
  switch (exchange->header->opcode) {
    case FUSE_INIT:
      return initialize(exchange);
    case FUSE_LOOKUP:
      return look_up(exchange);
    case FUSE_GETATTR:
    case FUSE_READLINK:
    case FUSE_READ:
    case FUSE_READDIR:
    case FUSE_READDIRPLUS:
      return handle_node(exchange);
    case FUSE_STATFS:
      return get_statistics(exchange);
    case FUSE_OPEN:
      return open_node(exchange, FUSE_NO_OPEN_SUPPORT);
    case FUSE_OPENDIR:
      return open_node(exchange, FUSE_NO_OPENDIR_SUPPORT);
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
      return 0;
    default:
      /* Of most the kernel remembers that, and answers for us from then on. */
      return -ENOSYS;
  }
}

/* Whether a request wants no answer: nodes need not be forgotten, and what is under way is not broken off. */
static bool is_notice(uint32_t opcode) {
  return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT;
}

void sb_fuse_answer(struct sb_fuse *fuse, struct sb_fuse_buffers *buffers, size_t bytes) {
  const struct fuse_in_header *header = (const void *)buffers->request;
  if (bytes < sizeof *header || is_notice(header->opcode)) return;
  struct exchange exchange = {.fuse = fuse, .header = header, .argument = header + 1, .answer = buffers->answer};
  outcome result = handle(&exchange);
  size_t answer_bytes = result > 0 ? (size_t)result : 0;
  struct fuse_out_header head = {
      .len = (uint32_t)(sizeof head + answer_bytes), .error = result < 0 ? result : 0, .unique = header->unique};
  const struct iovec parts[] = {{.iov_base = &head, .iov_len = sizeof head},
                                {.iov_base = buffers->answer, .iov_len = answer_bytes}};
  /* What fails of it is that nobody waits any more: the reader was killed, or the mount is gone, which read(2) tells. */
  if (writev(fuse->device, parts, 2) < 0) return;
}
