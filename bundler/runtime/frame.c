#include "frame.h"

#include "format.h"

/*
 * zstd's decoder as part of this file, so that what is not used falls away: no legacy formats, no tracing, no assembler.
 * Neither BMI2 variants chosen at run time nor the Huffman decoder of two symbols at once are worth their 40 KB: a
 * closure of 60 MB takes 51 ms on one processor without them, 54 with. The sequence decoder that prefetches (8 KB)
 * would be used past the first 16 MiB of a frame only, and frames are longer at the highest level alone.
 * The loop that decodes four streams of literals at once is 2 KB for 3 % (60 MB of programs, level 12, one processor).
 */
#define DEBUGLEVEL 0
#define DYNAMIC_BMI2 0
#define HUF_DISABLE_FAST_DECODE
#define HUF_FORCE_DECOMPRESS_X1
#define XXH_INLINE_ALL
#define ZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT
#define ZSTD_DISABLE_ASM 1
#define ZSTD_LEGACY_SUPPORT 0
#define ZSTD_STRIP_ERROR_STRINGS
#define ZSTD_TRACE 0
#include "common/entropy_common.c"
#include "common/error_private.c"
#include "common/fse_decompress.c"
#include "common/zstd_common.c"
#include "decompress/huf_decompress.c"
#include "decompress/zstd_ddict.c"
#include "decompress/zstd_decompress.c"
#include "decompress/zstd_decompress_block.c"

struct sb_decoder *sb_decoder_new(void) { return (struct sb_decoder *)ZSTD_createDCtx(); }

void sb_decoder_free(struct sb_decoder *decoder) { ZSTD_freeDCtx((ZSTD_DCtx *)decoder); }

/* Without a checksum, what a disk or a wire changed would pass; without the size, a frame that ends too early. */
static bool has_checks(const ZSTD_frameHeader *header, size_t content_bytes) {
  return header->frameType == ZSTD_frame && header->frameContentSize == content_bytes && header->checksumFlag != 0 &&
         header->windowSize <= SB_WINDOW_MAX_BYTES && header->dictID == 0;
}

bool sb_frame_decode(struct sb_decoder *decoder, void *content, size_t content_bytes, const void *frame,
                     size_t frame_bytes) {
  ZSTD_DCtx *context = (ZSTD_DCtx *)decoder;
  size_t left = frame_bytes;
  if (ZSTD_isError(ZSTD_decompressBegin(context))) return false;
  ZSTD_checkContinuity(context, content, content_bytes);
  /* What ZSTD_decompressDCtx calls for each of several frames; the table says that this is one. */
  return ZSTD_decompressFrame(context, content, content_bytes, &frame, &left) == content_bytes && left == 0 &&
         has_checks(&context->fParams, content_bytes);
}
