#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"
#include "tiff_library.h"

enum {
  TAG_WIDTH = 256,
  TAG_HEIGHT = 257,
  TAG_BITS = 258,
  TAG_COMPRESSION = 259,
  TAG_PHOTOMETRIC = 262,
  TAG_STRIP_BYTES = 279,
  TAG_SAMPLES = 277,
  TAG_STRIP_ROWS = 278,
  TAG_PLANAR = 284,
  TAG_TILE_WIDTH = 322,
  TAG_TILE_HEIGHT = 323,
  TAG_TILE_BYTES = 325,
  TAG_INKS = 332,
  TAG_EXTRA_SAMPLES = 338,
  TAG_SAMPLE_FORMAT = 339,
  TAG_JPEG_COLOR_MODE = 65538,  // no tag of a file
};
enum { JPEG_COLOR_MODE_RGB = 1, PHOTOMETRIC_YCBCR = 6, PLANAR_SEPARATE = 2, ALPHA_ASSOCIATED = 1, ALPHA_UNASSOCIATED = 2 };
enum { NONE = 1, LZW = 5, JPEG = 7, DEFLATE = 8, PACKBITS = 32773, OLD_DEFLATE = 32946 };

static cic_libtiff library;

// MARK: Decoder

// libtiff's view of the source. Rows of separate planes are read in turns, so each plane has a file of its own.
typedef struct {
  cic_tiff_decoder *decoder;
  TIFF *tiff;
  uint64_t at;
} tiff_file;

enum { MOST_PLANES = 5 };

struct cic_tiff_decoder {
  cic_source *source;
  uint64_t size;
  size_t max_memory;
  bool keeps_damaged;
  tiff_file files[MOST_PLANES];
  cic_tiff_header header;
  uint8_t *tiles;  // one row of tiles of each plane

  // The fields below belong to the current call.
  bool met_end;
  bool data_end;  // true if the data of a JPEG end before its picture does
  bool pads;
  int32_t read_error;
  bool is_canceled;
  char message[200];
  // The fields below belong to all calls.
  char warning[200];
  bool is_damaged;
};

// The decoder whose call runs on this thread, for handlers of the whole process.
static _Thread_local cic_tiff_decoder *running;

static void write_message(char *text, size_t capacity, const char *format, va_list values) {
  if (*text) return;
  vsnprintf(text, capacity, format, values);
}

static void keep_warning(cic_tiff_decoder *decoder, const char *module, const char *format, va_list values) {
  // These are tags of other programs, and texts without their last zero: no pixel depends on them.
  if (strstr(format, "Unknown field") || strstr(format, "ASCII value")) return;
  bool is_first = !*decoder->warning;
  write_message(decoder->warning, sizeof decoder->warning, format, values);
  // Only warnings of libjpeg's decoder mean damage; libtiff has one such decoder for each strip or tile.
  if (!module || strcmp(module, "JPEGLib") != 0) return;
  decoder->is_damaged = true;
  if (is_first && strstr(decoder->warning, "remature end")) decoder->data_end = true;
}

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list values) {
  cic_tiff_decoder *decoder = user;
  write_message(decoder->message, sizeof decoder->message, format, values);
  return 1;
}

static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list values) {
  keep_warning(user, module, format, values);
  return 1;
}

static void on_error_anywhere(void *handle, const char *module, const char *format, va_list values) {
  if (running) write_message(running->message, sizeof running->message, format, values);
}

static void on_warning_anywhere(void *handle, const char *module, const char *format, va_list values) {
  if (running) keep_warning(running, module, format, values);
}

// MARK: Opening the library

static bool is_open;

static void open_library(void) { is_open = cic_open_libtiff(&library, on_error_anywhere, on_warning_anywhere); }

static bool is_installed(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_library);
  return is_open;
}

int32_t cic_tiff_version(void) {
  int major, minor, patch;
  if (!is_installed() || sscanf(library.version(), "LIBTIFF, Version %d.%d.%d", &major, &minor, &patch) != 3) return 0;
  return major << 16 | minor << 8 | patch;
}

// MARK: Reading the source

static ptrdiff_t read_source(void *handle, void *bytes, ptrdiff_t count) {
  tiff_file *file = handle;
  cic_tiff_decoder *decoder = file->decoder;
  if (cic_is_canceled(decoder->source->cancel)) {
    decoder->is_canceled = true;
    return 0;
  }
  if (count <= 0) return 0;
  const uint8_t *found = bytes;
  size_t got = 0;
  if (file->at < decoder->size) {
    if (!cic_source_view(decoder->source, file->at, bytes, (size_t)count, &found, &got)) {
      decoder->read_error = errno;
      return 0;
    }
    if (found != bytes) memcpy(bytes, found, got);
  }
  if (got < (size_t)count) {
    decoder->met_end = true;
    if (decoder->pads && got > 0) {
      // The missing bytes are set to a value that is no code. The rows before the end are then decoded, and the next row fails. In
      // PackBits, 0x80 is the code that does nothing; in the other compressions, a sequence of ones is no code.
      memset((uint8_t *)bytes + got, decoder->header.compression == PACKBITS ? 0x80 : 0xFF, (size_t)count - got);
      got = (size_t)count;
    }
  }
  file->at += got;
  return (ptrdiff_t)got;
}

static ptrdiff_t write_nothing(void *handle, void *bytes, ptrdiff_t count) { return 0; }

static uint64_t seek_source(void *handle, uint64_t offset, int whence) {
  tiff_file *file = handle;
  switch (whence) {
    case SEEK_SET: file->at = offset; break;
    case SEEK_CUR: file->at += offset; break;
    case SEEK_END: file->at = file->decoder->size + offset; break;
  }
  return file->at;
}

static int close_nothing(void *handle) { return 0; }
static uint64_t size_of_source(void *handle) { return ((tiff_file *)handle)->decoder->size; }
static int map_nothing(void *handle, void **base, uint64_t *size) { return 0; }
static void unmap_nothing(void *handle, void *base, uint64_t size) {}

// MARK: Calls

static void begin(cic_tiff_decoder *decoder) {
  running = decoder;
  decoder->met_end = false;
  decoder->data_end = false;
  decoder->read_error = 0;
  decoder->is_canceled = false;
  decoder->message[0] = 0;
}

// Ends a call of libtiff, with its status.
static cic_status end(cic_tiff_decoder *decoder, bool succeeded) {
  running = NULL;
  if (decoder->is_canceled) return CIC_CANCELED;
  if (decoder->data_end && !decoder->keeps_damaged) return CIC_TRUNCATED;
  if (succeeded) return CIC_OK;
  if (decoder->read_error) return CIC_READ_FAILED;
  if (strstr(decoder->message, "byte limit")) return CIC_MEMORY_LIMIT;
  if (decoder->met_end) return CIC_TRUNCATED;
  if (strstr(decoder->message, "not configured")) return CIC_UNSUPPORTED;
  return CIC_CORRUPT;
}

static bool open_file(cic_tiff_decoder *decoder, tiff_file *file) {
  file->decoder = decoder;
  file->at = 0;
  // "m" turns off mapping into memory.
  if (!library.open_with) {
    file->tiff = library.open(
        "", "rm", file, read_source, write_nothing, seek_source, close_nothing, size_of_source, map_nothing, unmap_nothing);
  } else {
    TIFFOpenOptions *options = library.options();
    if (!options) return false;
    library.limit_memory(options, decoder->max_memory < PTRDIFF_MAX ? (ptrdiff_t)decoder->max_memory : PTRDIFF_MAX);
    library.catch_errors(options, on_error, decoder);
    library.catch_warnings(options, on_warning, decoder);
    file->tiff = library.open_with(
        "", "rm", file, read_source, write_nothing, seek_source, close_nothing, size_of_source, map_nothing, unmap_nothing,
        options);
    library.free_options(options);
  }
  if (!file->tiff) return false;
  uint16_t compression = 0, photometric = 0;
  library.get_defaulted(file->tiff, TAG_COMPRESSION, &compression);
  library.get(file->tiff, TAG_PHOTOMETRIC, &photometric);
  // libtiff converts the colors of JPEG.
  return compression != JPEG || photometric != PHOTOMETRIC_YCBCR
         || library.set(file->tiff, TAG_JPEG_COLOR_MODE, JPEG_COLOR_MODE_RGB);
}

cic_tiff_decoder *cic_tiff_decoder_create(cic_source *source, size_t max_memory, bool keeps_damaged) {
  if (!is_installed() || !cic_source_can_be_viewed(source)) return NULL;
  cic_tiff_decoder *decoder = calloc(1, sizeof *decoder);
  if (!decoder) return NULL;
  decoder->source = source;
  decoder->size = cic_source_unread(source);
  decoder->max_memory = max_memory;
  decoder->keeps_damaged = keeps_damaged;
  return decoder;
}

void cic_tiff_decoder_destroy(cic_tiff_decoder *decoder) {
  running = decoder;
  for (int i = 0; i < MOST_PLANES; i++) {
    if (decoder->files[i].tiff) library.close(decoder->files[i].tiff);
  }
  running = NULL;
  free(decoder->tiles);
  free(decoder);
}

const char *cic_tiff_message(const cic_tiff_decoder *decoder) { return decoder->message; }
const char *cic_tiff_warning(const cic_tiff_decoder *decoder) { return decoder->warning; }
bool cic_tiff_is_damaged(const cic_tiff_decoder *decoder) { return decoder->is_damaged; }
int32_t cic_tiff_system_error(const cic_tiff_decoder *decoder) { return decoder->read_error; }

// The number of coded bytes of the largest strip or tile. Bytes after the end of the source do not count.
static bool find_coded_bytes(const cic_tiff_decoder *decoder, TIFF *tiff, bool is_tiled, uint64_t *most) {
  const uint64_t *counts = NULL;
  uint32_t count = is_tiled ? library.tile_count(tiff) : library.strip_count(tiff);
  if (!library.get(tiff, is_tiled ? TAG_TILE_BYTES : TAG_STRIP_BYTES, &counts) || !counts) return false;
  *most = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t bytes = counts[i] < decoder->size ? counts[i] : decoder->size;
    if (bytes > *most) *most = bytes;
  }
  return true;
}

static bool read_fields(cic_tiff_decoder *decoder) {
  TIFF *tiff = decoder->files[0].tiff;
  cic_tiff_header *header = &decoder->header;
  if (!library.get(tiff, TAG_WIDTH, &header->width) || !library.get(tiff, TAG_HEIGHT, &header->height)
      || !library.get(tiff, TAG_PHOTOMETRIC, &header->photometric)) {
    return false;
  }
  uint16_t planar = 1, extra_count = 0;
  const uint16_t *extra = NULL;
  library.get_defaulted(tiff, TAG_BITS, &header->bits);
  library.get_defaulted(tiff, TAG_SAMPLES, &header->samples);
  library.get_defaulted(tiff, TAG_COMPRESSION, &header->compression);
  library.get_defaulted(tiff, TAG_SAMPLE_FORMAT, &header->sample_format);
  library.get_defaulted(tiff, TAG_INKS, &header->ink_set);
  library.get_defaulted(tiff, TAG_PLANAR, &planar);
  library.get_defaulted(tiff, TAG_EXTRA_SAMPLES, &extra_count, &extra);
  header->has_planes = planar == PLANAR_SEPARATE && header->samples > 1;
  header->extra_count = extra_count;
  header->alpha = -1;
  for (int i = 0; extra && i < extra_count && i < header->samples && header->alpha < 0; i++) {
    if (extra[i] != ALPHA_ASSOCIATED && extra[i] != ALPHA_UNASSOCIATED) continue;
    header->alpha = header->samples - extra_count + i;
    header->is_premultiplied = extra[i] == ALPHA_ASSOCIATED;
  }
  uint32_t strip_rows = 0;
  library.get_defaulted(tiff, TAG_STRIP_ROWS, &strip_rows);
  header->block_pixels = (uint64_t)header->width * (strip_rows < header->height ? strip_rows : header->height);
  bool is_tiled = library.is_tiled(tiff) != 0;
  header->row_bytes = library.scanline_size(tiff);
  if (is_tiled) {
    if (!library.get(tiff, TAG_TILE_WIDTH, &header->tile_width) || !library.get(tiff, TAG_TILE_HEIGHT, &header->tile_height)
        || header->tile_width == 0 || header->tile_height == 0) {
      return false;
    }
    header->tile_row_bytes = library.tile_row_size(tiff);
    header->tile_bytes = library.tile_size(tiff);
    header->block_pixels = (uint64_t)header->tile_width * header->tile_height;
    header->tiles_across = header->width / header->tile_width + (header->width % header->tile_width != 0);
    if (header->tile_bytes == 0 || header->tile_row_bytes > header->tile_bytes / header->tile_height) return false;
  }
  return header->row_bytes > 0 && find_coded_bytes(decoder, tiff, is_tiled, &header->coded_bytes);
}

cic_status cic_tiff_read_header(cic_tiff_decoder *decoder, cic_tiff_header *header) {
  begin(decoder);
  bool succeeded = open_file(decoder, &decoder->files[0]) && read_fields(decoder);
  cic_status status = end(decoder, succeeded);
  *header = decoder->header;
  if (status) return status;
  // libtiff ignores fields whose values are after the end, and warns.
  if (decoder->met_end && *decoder->warning && !decoder->keeps_damaged) return CIC_TRUNCATED;
  switch (header->compression) {
    case NONE: case LZW: case JPEG: case DEFLATE: case PACKBITS: case OLD_DEFLATE: return CIC_OK;
    // The directory that libtiff has read names another compression than the caller checked.
    default: return CIC_CORRUPT;
  }
}

cic_status cic_tiff_start(cic_tiff_decoder *decoder, uint32_t planes) {
  cic_tiff_header *header = &decoder->header;
  if (planes == 0 || planes > MOST_PLANES || !decoder->files[0].tiff) return CIC_UNSUPPORTED;
  if (header->tile_bytes) {
    uint64_t most = decoder->max_memory / planes / header->tiles_across;
    if (header->tile_bytes > most) return CIC_MEMORY_LIMIT;
    decoder->tiles = malloc((size_t)header->tile_bytes * header->tiles_across * planes);
    if (!decoder->tiles) return CIC_OUT_OF_MEMORY;
  }
  begin(decoder);
  bool succeeded = true;
  // Tiles are read one by one, so that one file is enough.
  for (uint32_t i = 1; i < planes && !header->tile_bytes && succeeded; i++) {
    // The file may have changed since the header was read, and have other rows.
    TIFF **tiff = &decoder->files[i].tiff;
    succeeded = open_file(decoder, &decoder->files[i]) && library.scanline_size(*tiff) == header->row_bytes
                && !library.is_tiled(*tiff);
  }
  cic_status status = end(decoder, succeeded);
  decoder->pads = decoder->keeps_damaged && header->compression != NONE;
  return status;
}

static bool read_tiles(cic_tiff_decoder *decoder, uint32_t y, uint16_t plane, uint8_t *tiles) {
  const cic_tiff_header *header = &decoder->header;
  for (uint32_t i = 0; i < header->tiles_across; i++) {
    if (cic_is_canceled(decoder->source->cancel)) {
      decoder->is_canceled = true;
      return false;
    }
    uint8_t *tile = tiles + i * header->tile_bytes;
    if (library.read_tile(decoder->files[0].tiff, tile, i * header->tile_width, y, 0, plane) < 0) return false;
  }
  return true;
}

cic_status cic_tiff_read_row(cic_tiff_decoder *decoder, uint32_t y, uint32_t plane, uint8_t *row) {
  const cic_tiff_header *header = &decoder->header;
  if (plane >= MOST_PLANES || y >= header->height) return CIC_UNSUPPORTED;
  if (!header->tile_bytes) {
    if (!decoder->files[plane].tiff) return CIC_UNSUPPORTED;
    begin(decoder);
    return end(decoder, library.read_scanline(decoder->files[plane].tiff, row, y, (uint16_t)plane) > 0);
  }
  if (!decoder->tiles) return CIC_UNSUPPORTED;
  uint8_t *tiles = decoder->tiles + plane * header->tiles_across * header->tile_bytes;
  uint32_t line = y % header->tile_height;
  if (line == 0) {
    begin(decoder);
    cic_status status = end(decoder, read_tiles(decoder, y, (uint16_t)plane, tiles));
    if (status) return status;
  }
  for (uint64_t i = 0, done = 0; i < header->tiles_across && done < header->row_bytes; i++) {
    uint64_t left = header->row_bytes - done;
    uint64_t part = left < header->tile_row_bytes ? left : header->tile_row_bytes;
    memcpy(row + done, tiles + i * header->tile_bytes + line * header->tile_row_bytes, (size_t)part);
    done += part;
  }
  return CIC_OK;
}
