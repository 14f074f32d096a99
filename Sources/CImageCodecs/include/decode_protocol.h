#ifndef DECODE_PROTOCOL_H
#define DECODE_PROTOCOL_H

#include <stdint.h>

// The messages between the package and its helper process `gesso-decode`, over a socket. Both run on one machine, so numbers have
// its byte order. Each side checks every length that it receives.
//
// A request is a gd_request; a reply is a gd_reply and the bytes that it counts, in the order of its fields. `describe` comes first, then
// `decode` on the same connection. When the reply to `decode` arrives, the rows are in the shared memory GD_PIXELS: from top to bottom,
// without gaps, as RGB or RGBA of 8 or 16 bits with straight alpha.

enum { GD_MAGIC = 0x44534547, GD_VERSION = 1 };

// The descriptors of the helper: the socket, the bytes of the file, memory for pixels, and a pipe that nobody writes to. The end
// of the pipe shows that the other side has ended.
enum { GD_SOCKET = 0, GD_FILE = 3, GD_PIXELS = 4, GD_LIFELINE = 5 };

enum { GD_CHECK = 1, GD_DESCRIBE = 2, GD_DECODE = 3 };

typedef struct gd_request {
  uint32_t magic, version;
  uint32_t task;
  // The processor time that the helper may use, from its start to its end.
  uint32_t seconds;
  uint64_t file_bytes;
  // The memory that the helper may use in addition to what it has after its start, and the part of that memory that is for pixels.
  uint64_t memory_bytes;
  uint64_t pixel_bytes;
  // Limits for the ICC profile, and for EXIF and XMP together. EXIF and XMP above their limit are left out.
  uint64_t max_profile_bytes, max_metadata_bytes;
} gd_request;

enum {
  GD_OK = 0,
  GD_TRUNCATED = 1,
  GD_CORRUPT = 2,
  GD_UNSUPPORTED = 3,
  GD_NO_DECODER = 4,
  GD_OUT_OF_MEMORY = 5,
  GD_PROFILE_LIMIT = 6,
  // A protection cannot be installed; nothing was read.
  GD_UNPROTECTED = 7,
  // The program was built without the trait HEIF.
  GD_NOT_BUILT = 8,
};

// Flags of a reply.
enum {
  GD_HAS_ALPHA = 1,
  GD_HAS_CODE_POINTS = 2,
  GD_HAS_GAIN_MAP = 4,
  GD_HAS_OTHER_IMAGES = 8,
  GD_METADATA_LEFT_OUT = 16,
  // All chroma samples are there: the file is RGB.
  GD_IS_RGB = 32,
};

typedef struct gd_reply {
  uint32_t magic, version;
  uint32_t status;
  uint32_t flags;
  // The sides when upright.
  uint32_t width, height;
  // Bits of a sample as stored, 8 to 16.
  uint32_t bits;
  // Code points (ITU-T H.273) of a color space without a profile.
  uint32_t primaries, transfer;
  // The bytes that follow. The text is a message, or the answer to GD_CHECK.
  uint32_t profile_bytes, exif_bytes, xmp_bytes, text_bytes;
} gd_reply;

enum { GD_MAX_TEXT = 512 };

#endif
