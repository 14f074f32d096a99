// Writes files, pixels and tensors that Tests/CLibrary/results.py compares with those of the command. The names are the cases of that
// script.
#include "check.h"

static void write_bytes(const char *folder, const char *name, const void *bytes, size_t count) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytes, 1, count, file) != count || fclose(file)) abort();
}

void write_results(const char *folder) {
  const gesso_tensor_format diffusers = SIZED(gesso_tensor_format, .range_low = -1, .range_high = 1);
  const gesso_tensor_format imagenet = SIZED(
    gesso_tensor_format, .layout = "nhwc", .mean_count = 3, .mean = {0.485, 0.456, 0.406}, .std_count = 3,
    .std = {0.229, 0.224, 0.225});
  const gesso_tensor_format halves = SIZED(gesso_tensor_format, .mean_count = 1, .mean = {0.5}, .std_count = 1, .std = {0.25});
  const struct {
    const char *name, *source;
    product product;
    gesso_recipe recipe;
    const char *model;
    const gesso_tensor_format *tensor;
  } cases[] = {
    {"auto", "jpeg/forest.jpg", FILE_BYTES, SIZED(gesso_recipe, .original = 0), NULL, NULL},
    {"attention", "jpeg/phone.jpg", FILE_BYTES,
     SIZED(
       gesso_recipe, .box_width = 160, .box_height = 90, .box_fit = "cover", .gravity = "attention", .format = "png",
       .compression = "small"),
     NULL, NULL},
    {"focus", "jpeg/brushes.jpg", FILE_BYTES,
     SIZED(
       gesso_recipe, .box_width = 150, .box_height = 150, .box_fit = "cover", .gravity = "focus", .focus_x = 0.8,
       .focus_y = 0.2, .format = "webp"),
     NULL, NULL},
    {"padded", "png/soft-alpha-rgba8.png", FILE_BYTES,
     SIZED(
       gesso_recipe, .box_width = 200, .box_height = 300, .box_fit = "pad", .gravity = "southeast", .enlarge = 1, .trim = 1,
       .background = "#204060"),
     NULL, NULL},
    {"settings", "jpeg/icc-display-p3.jpg", FILE_BYTES,
     SIZED(
       gesso_recipe, .longest_side = 100, .multiples_of = 8, .snap = "stretch", .linear = 1, .profile = "keep",
       .resampling_filter = "mitchell", .effort = "best", .format = "jpeg", .quality = 70, .subsampling = "444"),
     NULL, NULL},
    {"budget", "jpeg/forest.jpg", FILE_BYTES,
     SIZED(
       gesso_recipe, .longest_side = 800, .max_pixels = 300000, .format = "jpeg", .max_bytes = 20000, .min_quality = 40,
       .min_side = 100),
     NULL, NULL},
    {"metadata", "jpeg/gps-xmp.jpg", FILE_BYTES, SIZED(gesso_recipe, .original = 1, .metadata = "keep"), NULL, NULL},
    {"no-gps", "jpeg/gps-xmp.jpg", FILE_BYTES, SIZED(gesso_recipe, .original = 1, .metadata = "no-gps"), NULL, NULL},
    {"data", "color/gray16-levels.png", FILE_BYTES,
     SIZED(gesso_recipe, .longest_side = 30, .data = 1, .format = "png", .bits = 16, .fail_on = "warning"), NULL, NULL},
    {"model", "jpeg/brushes.jpg", FILE_BYTES, SIZED(gesso_recipe, .original = 0), "sd15", NULL},
    {"pixels", "jpeg/phone.jpg", PIXELS, SIZED(gesso_recipe, .longest_side = 200, .format = "png"), NULL, NULL},
    {"gray", "jpeg/small-gray.jpg", PIXELS, SIZED(gesso_recipe, .original = 1, .format = "png"), NULL, NULL},
    {"alpha", "png/soft-alpha-rgba8.png", PIXELS, SIZED(gesso_recipe, .longest_side = 99, .format = "png"), NULL, NULL},
    {"cmyk", "jpeg/small-cmyk.jpg", PIXELS, SIZED(gesso_recipe, .original = 1, .format = "png"), NULL, NULL},
    {"diffusers", "jpeg/forest.jpg", TENSOR, SIZED(gesso_recipe, .longest_side = 256), NULL, &diffusers},
    {"imagenet", "png/soft-alpha-rgba8.png", TENSOR,
     SIZED(gesso_recipe, .box_width = 64, .box_height = 64, .box_fit = "stretch", .background = "red"), NULL, &imagenet},
    {"halves", "color/gray16-levels.png", TENSOR, SIZED(gesso_recipe, .longest_side = 31), NULL, &halves},
    {"default-tensor", "jpeg/small-420.jpg", TENSOR, SIZED(gesso_recipe, .original = 1), NULL, NULL},
  };
  char path[1024];
  snprintf(path, sizeof path, "%s/results.tsv", folder);
  FILE *list = fopen(path, "w");
  if (!list) abort();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    gesso_source source = path_source(fixture(cases[i].source));
    gesso_recipe recipe = cases[i].recipe;
    if (cases[i].model) EXPECT(gesso_model(cases[i].model, &recipe, NULL) == GESSO_OK, "a model");
    gesso_request request = SIZED(gesso_request, .source = &source, .recipe = &recipe, .tensor = cases[i].tensor);
    outcome made = run(cases[i].product, &request);
    EXPECT(made.status == GESSO_OK, "%s: %s: %s", cases[i].name, made.error.message, made.error.remedy);
    size_t size = cases[i].product == TENSOR ? sizeof(float) : 1;
    write_bytes(folder, cases[i].name, made.bytes, (size_t)made.result.count * size);
    fprintf(
      list, "%s\t%s\t%d\t%d\t%d\n", cases[i].name, cases[i].source, made.result.width, made.result.height,
      made.result.channels);
    free(made.bytes);
  }

  // A part of a photograph is restored to its canvas, and another image is prepared with the geometry of that part.
  gesso_source photograph = path_source(fixture("jpeg/brushes.jpg"));
  gesso_recipe cover = SIZED(gesso_recipe, .box_width = 120, .box_height = 120, .box_fit = "cover", .format = "png");
  gesso_request request = SIZED(gesso_request, .source = &photograph, .recipe = &cover);
  outcome part = run(FILE_BYTES, &request);
  EXPECT(part.status == GESSO_OK, "a part: %s", part.error.message);
  gesso_geometry geometry = part.result.geometry;
  size_t capacity = (size_t)geometry.source_width * (size_t)geometry.source_height * 4;
  uint8_t *canvas = malloc(capacity);
  gesso_source bytes = SIZED(gesso_source, .kind = GESSO_MEMORY, .bytes = part.bytes, .count = (size_t)part.result.count);
  gesso_recipe filter = SIZED(gesso_recipe, .resampling_filter = "lanczos3");
  gesso_request restoring = SIZED(gesso_request, .source = &bytes, .recipe = &filter);
  gesso_result result = SIZED(gesso_result, .width = 0);
  gesso_error error = no_error();
  int32_t status = gesso_restore(&restoring, &geometry, 0, canvas, capacity - 1, &result, &error);
  EXPECT(status == GESSO_TOO_SMALL && (size_t)error.needed == capacity, "a canvas one too small: %d", status);
  status = gesso_restore(&restoring, &geometry, 0, canvas, capacity, &result, &error);
  EXPECT(
    status == GESSO_OK && result.channels == 4 && (size_t)result.count == capacity && result.width == geometry.source_width,
    "restored: %s", error.message);
  write_bytes(folder, "restored", canvas, capacity);
  fprintf(list, "restored\tjpeg/brushes.jpg\t%d\t%d\t4\n", result.width, result.height);

  // An image of another shape is refused unless `stretch` is set. A field of the recipe that restoring does not use is refused.
  gesso_source other = path_source(fixture("jpeg/phone.jpg"));
  restoring.source = &other;
  status = gesso_restore(&restoring, &geometry, 0, canvas, capacity, &result, &error);
  EXPECT(status == GESSO_FAILED && strstr(error.remedy, "stretch"), "another shape: %d, %s", status, error.remedy);
  status = gesso_restore(&restoring, &geometry, 1, canvas, capacity, &result, &error);
  EXPECT(status == GESSO_OK, "stretched: %s", error.message);
  filter.quality = 50;
  status = gesso_restore(&restoring, &geometry, 1, canvas, capacity, &result, &error);
  EXPECT(status == GESSO_FAILED && !strcmp(error.code, "invalid-recipe"), "a quality: %d", status);
  free(canvas);

  gesso_recipe matching = SIZED(gesso_recipe, .matching = &geometry, .format = "png");
  request.recipe = &matching;
  outcome again = run(FILE_BYTES, &request);
  EXPECT(
    again.status == GESSO_OK && again.result.count == part.result.count
      && !memcmp(again.bytes, part.bytes, (size_t)part.result.count),
    "the same geometry gives the same pixels: %s", again.error.message);
  free(again.bytes);
  free(part.bytes);
  fclose(list);
}
