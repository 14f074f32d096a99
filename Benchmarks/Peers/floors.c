// The time that the formats themselves take when everything else is free, and the time of libpng's own encoder. Each line on standard input
// is one run, and a line of JSON answers it, as in Benchmarks/Measure.
//
//   floors eighth FILE.jpg                          libjpeg-turbo at 1/8 scale to planes: entropy decoding and little else
//   floors inflate FILE.png                         ISA-L inflating the image data, 64 KiB at a time
//   floors libpng PIXELS WIDTH HEIGHT CHANNELS LEVEL DESTINATION   libpng, all filters
#include <isa-l/igzip_lib.h>
#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <jpeglib.h>

static uint8_t *file;
static size_t file_size;

static double milliseconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void fail(const char *what) {
  fprintf(stderr, "floors: %s\n", what);
  exit(1);
}

static void slurp(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) fail(path);
  fseek(f, 0, SEEK_END);
  file_size = (size_t)ftell(f);
  rewind(f);
  file = malloc(file_size);
  if (!file || fread(file, 1, file_size, f) != file_size) fail(path);
  fclose(f);
}

static size_t eighth(char **arguments) {
  (void)arguments;
  static uint8_t rows[MAX_COMPONENTS][32][8192];
  static JSAMPROW pointers[MAX_COMPONENTS][32];
  JSAMPARRAY planes[MAX_COMPONENTS];
  struct jpeg_decompress_struct decoder;
  struct jpeg_error_mgr errors;
  decoder.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, file, file_size);
  jpeg_read_header(&decoder, TRUE);
  decoder.scale_num = 1;
  decoder.scale_denom = 8;
  decoder.raw_data_out = TRUE;
  decoder.out_color_space = decoder.jpeg_color_space;
  jpeg_start_decompress(&decoder);
  for (int c = 0; c < decoder.num_components; c++) {
    for (int y = 0; y < 32; y++) pointers[c][y] = rows[c][y];
    planes[c] = pointers[c];
    if (decoder.comp_info[c].downsampled_width > 8192 - 64) fail("wider than the floor's buffers");
  }
  size_t total = (size_t)decoder.output_width * decoder.output_height;
  while (decoder.output_scanline < decoder.output_height)
    jpeg_read_raw_data(&decoder, planes, (JDIMENSION)(decoder.max_v_samp_factor * decoder.min_DCT_scaled_size));
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  return total;
}

static uint8_t *image_data;
static size_t image_data_size;

static void gather_image_data(void) {
  image_data = malloc(file_size);
  for (size_t at = 8; at + 12 <= file_size;) {
    size_t size = (size_t)file[at] << 24 | (size_t)file[at + 1] << 16 | (size_t)file[at + 2] << 8 | file[at + 3];
    if (size > file_size - at - 12) fail("broken chunk");
    if (!memcmp(file + at + 4, "IDAT", 4)) {
      memcpy(image_data + image_data_size, file + at + 8, size);
      image_data_size += size;
    }
    at += 12 + size;
  }
}

static size_t inflate_all(char **arguments) {
  (void)arguments;
  static uint8_t out[65536];
  struct inflate_state state;
  isal_inflate_init(&state);
  state.crc_flag = ISAL_ZLIB;
  state.next_in = image_data;
  state.avail_in = (uint32_t)image_data_size;
  do {
    state.next_out = out;
    state.avail_out = sizeof out;
    if (isal_inflate(&state)) fail("inflate");
  } while (state.block_state != ISAL_BLOCK_FINISH);
  return state.total_out;
}

static size_t encode(char **arguments) {
  unsigned width = (unsigned)atoi(arguments[0]), height = (unsigned)atoi(arguments[1]);
  int channels = atoi(arguments[2]), level = atoi(arguments[3]);
  static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA};
  if (channels < 1 || channels > 4 || file_size != (size_t)width * height * (size_t)channels) fail("size of the pixels");
  FILE *f = fopen(arguments[4], "wb");
  if (!f) fail(arguments[4]);
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, f);
  png_set_IHDR(png, info, width, height, 8, types[channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_filter(png, 0, PNG_ALL_FILTERS);
  png_set_compression_level(png, level);
  png_write_info(png, info);
  for (unsigned y = 0; y < height; y++) png_write_row(png, file + (size_t)y * width * (size_t)channels);
  png_write_end(png, NULL);
  png_destroy_write_struct(&png, &info);
  size_t size = (size_t)ftell(f);
  fclose(f);
  return size;
}

int main(int count, char **arguments) {
  if (count < 3) fail("usage: floors eighth|inflate FILE, floors libpng PIXELS WIDTH HEIGHT CHANNELS LEVEL DESTINATION");
  size_t (*work)(char **) = NULL;
  slurp(arguments[2]);
  if (!strcmp(arguments[1], "eighth")) work = eighth;
  if (!strcmp(arguments[1], "inflate")) work = inflate_all, gather_image_data();
  if (!strcmp(arguments[1], "libpng") && count == 8) work = encode;
  if (!work) fail("the floors are eighth, inflate and libpng");
  setvbuf(stdout, NULL, _IOLBF, 0);
  work(arguments + 3);
  puts("{\"ready\":true}");
  for (char line[64]; fgets(line, sizeof line, stdin);) {
    double wall = milliseconds(CLOCK_MONOTONIC), cpu = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    size_t size = work(arguments + 3);
    printf("{\"ms\":%.4f,\"cpuMs\":%.4f,\"outputBytes\":%zu}\n", milliseconds(CLOCK_MONOTONIC) - wall,
           milliseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, size);
  }
}
