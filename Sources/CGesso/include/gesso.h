// Gesso for C: decode, orient, resize, convert and encode images. The library is libgesso.so.0.
//
// - Structs begin with struct_size, which the caller sets to sizeof the struct; every other field may be 0, which is its default.
//   Fields that are added later follow the present ones, so that programs go on working with later libraries. A struct with fields
//   that the library does not know is refused, unless they are 0.
// - Options that are words are strings, NULL for the default. All text is UTF-8, and the library keeps no pointer after a call.
// - Results are written into memory of the caller, whose size gesso_plan() gives. Memory that is too small is refused, with the size
//   needed.
// - Every call returns one of gesso_status, and describes a failure in an error, which may be NULL.
// - Calls may run on several threads at once. Two calls share memory only if the caller passes the same memory to
//   both. A call works on its own thread and, for large images, on one more.
#ifndef GESSO_H
#define GESSO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The status that a call returns.
enum gesso_status {
  GESSO_OK = 0,
  // The image cannot be read or prepared as the request asks for.
  GESSO_FAILED = 1,
  // The handle in the request was raised.
  GESSO_CANCELED = 2,
  // Memory for a result is too small: gesso_error.needed has the size.
  GESSO_TOO_SMALL = 3,
  // An argument has no meaning, such as a NULL request or a wrong struct_size.
  GESSO_MISUSE = 4,
};

// A failure, for programs and for people. Texts that are too long are cut between two characters.
typedef struct gesso_error {
  size_t struct_size;
  // The size that is enough, in the unit of the call; set with GESSO_TOO_SMALL.
  int64_t needed;
  // A stable word, for example "not-found", "truncated", "too-many-pixels", "invalid-recipe" or "canceled".
  char code[32];
  // The step that failed: "configure", "open", "decode", "resize", "color", "encode" or "write".
  char stage[16];
  // One line, without a period: what is wrong, and what to do about it (empty if nothing can be done).
  char message[512];
  char remedy[512];
} gesso_error;

// Stops calls from another thread. A handle belongs to any number of calls, and stays raised.
typedef struct gesso_cancel gesso_cancel;

// The place of an image's encoded bytes.
enum gesso_source_kind {
  GESSO_PATH = 1,
  GESSO_MEMORY = 2,
  GESSO_DESCRIPTOR = 3,
};

typedef struct gesso_source {
  size_t struct_size;
  // One of gesso_source_kind.
  int32_t kind;
  // GESSO_DESCRIPTOR: an open file, which stays open and keeps its position, or a pipe, which can be read once.
  int32_t descriptor;
  // GESSO_PATH: a path in UTF-8, read through a window of 64 KiB.
  const char *path;
  // GESSO_MEMORY: the bytes, which have to stay as they are until the call returns. They are copied once.
  const void *bytes;
  size_t count;
} gesso_source;

// The position of a prepared image on its source, in upright pixels: the source was cropped to a rectangle, scaled to the content, and
// placed on the canvas. The layout of this struct never changes.
typedef struct gesso_geometry {
  int32_t source_width, source_height;
  double crop_x, crop_y, crop_width, crop_height;
  int32_t content_x, content_y, content_width, content_height;
  int32_t canvas_width, canvas_height;
  // The EXIF orientation that was applied, 1 to 8.
  int32_t orientation;
  int32_t reserved;
} gesso_geometry;

// The wishes for a prepared image. Fields that have no meaning together are refused, as in the JSON of recipes (RecipeJSON.md), which has the same names.
typedef struct gesso_recipe {
  size_t struct_size;

  // The size: the source's own (1), a longest side in pixels (default: 1536), or a box.
  int32_t original;
  int32_t longest_side;
  int32_t box_width, box_height;
  // "contain" (default), "cover", "pad" or "stretch".
  const char *box_fit;
  // 1: smaller sources are enlarged.
  int32_t enlarge;
  // Both sides are multiples of this, 1 to 4096.
  int32_t multiples_of;
  // How sides become multiples: "crop" (default), "pad" or "stretch".
  const char *snap;
  // The part that a crop keeps: "center" (default), "north", "northeast", "east", "southeast", "south", "southwest", "west",
  // "northwest", "attention", or "focus" with the shares of width and height.
  const char *gravity;
  double focus_x, focus_y;
  // The largest number of pixels of the result.
  int64_t max_pixels;
  // The sides that a model accepts. Set all four fields, or none; gesso_model() sets them.
  int32_t model_multiple_of, model_min_side, model_max_side;
  // 1: transparent borders are trimmed first.
  int32_t trim;
  int64_t model_max_pixels;
  // The geometry of an image of the same size that was prepared earlier. No other field of the size may be set.
  const gesso_geometry *matching;

  // 1: samples are data, such as a normal map; alone.
  int32_t data;
  // 1: resampled in linear light.
  int32_t linear;
  // An embedded color profile: "convert" (default), "keep" or "ignore".
  const char *profile;
  // "nearest", "box", "triangle", "catmull-rom", "mitchell", "lanczos2" or "lanczos3" (default).
  const char *resampling_filter;
  // "fast", "balanced" (default) or "best".
  const char *effort;
  // A color such as "#102030" or "white" for padding and for transparent pixels; NULL for none.
  const char *background;

  // The file: "auto" (default), "jpeg", "png" or "webp".
  const char *format;
  // "420" (default) or "444".
  const char *subsampling;
  // "fast", "balanced" (default) or "small".
  const char *compression;
  // 1 to 100 (default: 92).
  int32_t quality;
  // 8 or 16.
  int32_t bits;
  // The most bytes of the file. A smaller quality or a smaller image is searched for if it has more, down to a lowest quality (default: 60)
  // and a shortest side (default: 256).
  int64_t max_bytes;
  int32_t min_quality;
  int32_t min_side;
  // "none" (default), "keep" or "no-gps".
  const char *metadata;
  // The damage that is refused: "none", "truncated" (default), "error" or "warning".
  const char *fail_on;
} gesso_recipe;

// How samples become floats: (low + (high - low) * v / largest - mean) / std. The pipelines of diffusers take low -1 and high 1.
typedef struct gesso_tensor_format {
  size_t struct_size;
  // "nchw" (default): planes; "nhwc": pixels.
  const char *layout;
  // The values of black and white, in place of 0 and 1; both 0 for the default.
  double range_low, range_high;
  // The counts of the values below: 1 or 3. 0 for a mean of 0 and a deviation of 1.
  int32_t mean_count, std_count;
  double mean[3], std[3];
} gesso_tensor_format;

// The resources that one call may use. 0 is the default, which fits photographs on a machine of 2026.
typedef struct gesso_limits {
  size_t struct_size;
  // The most pixels of the source: 500 million.
  int64_t max_pixels;
  // Bytes of all buffers together: 1 GiB.
  int64_t max_memory;
  // The most threads: 2.
  int64_t threads;
  // The most scans of a progressive JPEG: 1,000.
  int64_t max_scans;
  // The most bytes of a color profile, of metadata and of a chunk: 16 MiB each.
  int64_t max_profile_bytes, max_metadata_bytes, max_chunk_bytes;
  // The most chunks of a PNG: 1,000.
  int64_t max_chunks;
  // The path of gesso-decode, the program that decodes HEIC and AVIF; NULL to refuse them.
  const char *decode_helper;
  // The most seconds that this program may run: 300.
  int64_t max_helper_seconds;
  // The longer side of the source: 1 million. The bytes of the source, and its pixels for each of these bytes: no limit.
  int64_t max_side, max_source_bytes, max_pixels_per_byte;
  // The most wall-clock seconds of one call: no limit.
  int64_t max_seconds;
  // The set of defaults: "artist" (default), or "service" for a program that reads many files of strangers.
  const char *preset;
} gesso_limits;

// The input of the calls below. Only the source is needed.
typedef struct gesso_request {
  size_t struct_size;
  const gesso_source *source;
  const gesso_recipe *recipe;
  const gesso_tensor_format *tensor;
  const gesso_limits *limits;
  gesso_cancel *cancel;
} gesso_request;

// The content of a file's headers.
typedef struct gesso_description {
  size_t struct_size;
  // Sides when upright, and sides as stored.
  int32_t width, height, stored_width, stored_height;
  // EXIF orientation, 1 to 8.
  int32_t orientation;
  // Bits of a sample as stored.
  int32_t bits;
  int32_t has_alpha, is_progressive, is_animated, has_exif, has_gps, has_place_name, has_xmp, has_text;
  int32_t restart_interval;
  int32_t reserved;
  // Bytes of the embedded color profile, 0 for none; and its name.
  int64_t profile_bytes;
  char profile_name[128];
  // "jpeg", "png", "webp", "tiff", "gif", "bmp", "tga", "psd", "heic" or "avif".
  char format[8];
  // "gray", "ycbcr", "rgb", "palette", "cmyk" or "ycck".
  char color_model[8];
  // "4:2:0" and so on; empty if there is none.
  char subsampling[8];
  // Remarks for people, one a line. Lines that do not fit are left out as a whole.
  char notes[1024];
} gesso_description;

// The plan of a request, made before a pixel is decoded.
typedef struct gesso_plan_result {
  size_t struct_size;
  // The prepared image.
  int32_t width, height;
  // The memory for gesso_prepare(): no encoder writes more, and most files are far smaller.
  int64_t file_bytes;
  // The memory for gesso_pixels(): for 3 channels, or for 4 if the result may be transparent.
  int64_t pixel_bytes;
  // The memory for gesso_tensor(), exactly: floats, not bytes.
  int64_t tensor_values;
  // The most bytes of the library's own buffers.
  int64_t buffer_bytes;
  // Threads that work on it: 1 or 2.
  int32_t threads;
  int32_t reserved;
  // The factor by which the decoder shrinks: 1, 0.5, 0.25 or 0.125.
  double decoder_scale;
  gesso_geometry geometry;
  char notes[1024];
} gesso_plan_result;

// The outcome of a call.
typedef struct gesso_result {
  size_t struct_size;
  int32_t width, height;
  // The channels of pixels: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA; alpha is straight. A tensor has 3 channels. It is 0 for a file.
  int32_t channels;
  // Of a file: 8 or 16.
  int32_t bits;
  // The number of bytes, or of a tensor's floats, that were written from the beginning of the memory.
  int64_t count;
  // Of a file: "jpeg", "png" or "webp"; its quality, 0 for a lossless one; and its subsampling.
  char format[8];
  char subsampling[8];
  int32_t quality;
  int32_t reserved;
  // Wall-clock milliseconds. Stages overlap on two threads.
  double decode_ms, resize_ms, color_ms, encode_ms, total_ms;
  // All 0 for a restored image.
  gesso_geometry geometry;
  char notes[1024];
} gesso_result;

// The version of the library, for example "0.2.0".
const char *gesso_version(void);

// Makes a handle that is not raised.
gesso_cancel *gesso_cancel_create(void);
// Stops the calls that have the handle, from any thread, within milliseconds; they return GESSO_CANCELED. NULL does nothing.
void gesso_cancel_raise(gesso_cancel *cancel);
// Frees a handle that no call uses any more. NULL does nothing.
void gesso_cancel_destroy(gesso_cancel *cancel);

// Sets the fields model_multiple_of, model_min_side, model_max_side and model_max_pixels of a recipe to the sizes of a family of models,
// by its name, such as "flux.1-dev" or "sdxl".
int32_t gesso_model(const char *name, gesso_recipe *recipe, gesso_error *error);

// Reads the headers of an image. Of the request only source, limits and cancel are used.
int32_t gesso_inspect(const gesso_request *request, gesso_description *description, gesso_error *error);

// Makes a plan from the headers. Pixels are read only for "trim" and for the gravity "attention".
int32_t gesso_plan(const gesso_request *request, gesso_plan_result *plan, gesso_error *error);

// Prepares an image and encodes it into `capacity` bytes of memory. With a tensor format in the request, a tensor is also made of the
// pixels before they are encoded, into `values` floats; without one, `tensor` is NULL.
//
// A file that is larger than `capacity` is refused only after it was made, with its own size. Use file_bytes of the plan to avoid that.
int32_t gesso_prepare(
  const gesso_request *request, void *file, size_t capacity, float *tensor, size_t values, gesso_result *result,
  gesso_error *error);

// Prepares an image as samples of 8 bits, rows from top to bottom without padding, into `capacity` bytes of memory. Less memory than
// pixel_bytes of the plan is refused before a pixel is decoded. The recipe's format decides only about transparency.
int32_t gesso_pixels(
  const gesso_request *request, uint8_t *pixels, size_t capacity, gesso_result *result, gesso_error *error);

// Prepares an image as a tensor of three channels, into memory for `values` floats. Less memory than tensor_values of the plan is refused
// before a pixel is decoded. Transparency is flattened on the background, or on white.
int32_t gesso_tensor(
  const gesso_request *request, float *tensor, size_t values, gesso_result *result, gesso_error *error);

// Puts an image that was made of a prepared image back on the canvas of the source. The result is RGBA in `capacity` bytes, 4 for each
// pixel of the source, and transparent where the source was cropped. Only the fields profile and resampling_filter of the request's recipe
// have a meaning, and other fields are refused. If `stretch` is 1, the image may have another shape than the prepared image.
int32_t gesso_restore(
  const gesso_request *request, const gesso_geometry *geometry, int32_t stretch, uint8_t *pixels, size_t capacity,
  gesso_result *result, gesso_error *error);

#ifdef __cplusplus
}
#endif

#endif
