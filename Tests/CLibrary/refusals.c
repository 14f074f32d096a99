// Invalid calls, options that are refused, and limits that are exceeded.
#include "check.h"

#include <math.h>

static bool is_utf8(const char *text) {
  for (const unsigned char *byte = (const unsigned char *)text; *byte;) {
    int rest = *byte < 0x80 ? 0 : *byte >= 0xF0 ? 3 : *byte >= 0xE0 ? 2 : *byte >= 0xC2 ? 1 : -1;
    if (rest < 0) return false;
    for (byte++; rest > 0; rest--, byte++)
      if ((*byte & 0xC0) != 0x80) return false;
  }
  return true;
}

static void expect_misuse(int32_t status, const gesso_error *error, const char *what) {
  EXPECT(
    status == GESSO_MISUSE && !strcmp(error->code, "misuse") && error->message[0] && error->remedy[0],
    "%s: status %d, code %s, %s", what, status, error->code, error->message);
}

// Makes one of the calls that take a request. The calls write their results to different memory.
static int32_t call(int number, const gesso_request *request, gesso_error *error) {
  uint8_t bytes[4096];
  float values[16];
  gesso_result result = SIZED(gesso_result, .width = 0);
  gesso_description description = SIZED(gesso_description, .width = 0);
  gesso_plan_result plan = SIZED(gesso_plan_result, .width = 0);
  gesso_geometry geometry = {
    .source_width = 1, .source_height = 1, .crop_width = 1, .crop_height = 1, .content_width = 1, .content_height = 1,
    .canvas_width = 1, .canvas_height = 1, .orientation = 1};
  switch (number) {
    case 0: return gesso_inspect(request, &description, error);
    case 1: return gesso_plan(request, &plan, error);
    case 2: return gesso_prepare(request, bytes, sizeof bytes, NULL, 0, &result, error);
    case 3: return gesso_pixels(request, bytes, sizeof bytes, &result, error);
    case 4: return gesso_tensor(request, values, 16, &result, error);
    default: return gesso_restore(request, &geometry, 1, bytes, sizeof bytes, &result, error);
  }
}
enum { CALLS = 6 };

void check_misuse(void) {
  gesso_source source = path_source(fixture("png/1x1.png"));
  gesso_request request = SIZED(gesso_request, .source = &source);
  gesso_error error = no_error();

  for (int number = 0; number < CALLS; number++) {
    EXPECT(call(number, &request, NULL) == GESSO_OK, "call %d takes no error", number);
    EXPECT(call(number, &request, &error) == GESSO_OK && !error.code[0], "call %d: %s", number, error.message);
    expect_misuse(call(number, NULL, &error), &error, "no request");

    static const size_t sizes[] = {0, 7, 8, 32, 1 << 20, (size_t)-1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      gesso_request wrong = request;
      wrong.struct_size = sizes[i];
      expect_misuse(call(number, &wrong, &error), &error, "the size of the request");
      gesso_source wrong_source = source;
      wrong_source.struct_size = sizes[i];
      gesso_request with_source = SIZED(gesso_request, .source = &wrong_source);
      expect_misuse(call(number, &with_source, &error), &error, "the size of the source");
      gesso_error wrong_error = {.struct_size = sizes[i], .needed = -1};
      EXPECT(
        call(number, NULL, &wrong_error) == GESSO_MISUSE && wrong_error.needed == -1 && !wrong_error.code[0],
        "an error without a size stays as it is");
    }

    // A later version of the header may have more fields. This version accepts them only if they are 0.
    struct {
      gesso_request request;
      uint64_t later[4];
    } longer = {.request = request, .later = {0}};
    longer.request.struct_size = sizeof longer;
    EXPECT(call(number, &longer.request, &error) == GESSO_OK, "later fields that are 0: %s", error.message);
    longer.later[3] = 1ull << 56;
    expect_misuse(call(number, &longer.request, &error), &error, "a later field");

    gesso_request none = SIZED(gesso_request, .source = NULL);
    expect_misuse(call(number, &none, &error), &error, "no source");
    const gesso_source sources[] = {
      SIZED(gesso_source, .kind = 0),
      SIZED(gesso_source, .kind = 4),
      SIZED(gesso_source, .kind = -1),
      SIZED(gesso_source, .kind = GESSO_PATH),
      SIZED(gesso_source, .kind = GESSO_PATH, .path = "\xFF.png"),
      SIZED(gesso_source, .kind = GESSO_MEMORY, .count = 1),
      SIZED(gesso_source, .kind = GESSO_MEMORY, .bytes = "", .count = (size_t)-1),
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
      gesso_request wrong = SIZED(gesso_request, .source = &sources[i]);
      expect_misuse(call(number, &wrong, &error), &error, "the source");
    }
  }

  gesso_recipe recipe = SIZED(gesso_recipe, .quality = 0);
  gesso_tensor_format tensor = SIZED(gesso_tensor_format, .layout = NULL);
  gesso_limits limits = SIZED(gesso_limits, .threads = 0);
  gesso_request all = SIZED(gesso_request, .source = &source, .recipe = &recipe, .tensor = &tensor, .limits = &limits);
  EXPECT(call(1, &all, &error) == GESSO_OK, "all structs: %s", error.message);
  size_t *members[] = {&recipe.struct_size, &tensor.struct_size, &limits.struct_size};
  for (int i = 0; i < 3; i++) {
    size_t size = *members[i];
    *members[i] = 4;
    expect_misuse(call(1, &all, &error), &error, "the size of an inner struct");
    *members[i] = size;
  }

  gesso_result result = SIZED(gesso_result, .width = 0);
  gesso_geometry geometry = {.orientation = 1};
  uint8_t byte;
  expect_misuse(gesso_inspect(&request, NULL, &error), &error, "no description");
  expect_misuse(gesso_plan(&request, NULL, &error), &error, "no plan");
  expect_misuse(gesso_prepare(&request, &byte, 1, NULL, 0, NULL, &error), &error, "no result");
  expect_misuse(gesso_pixels(&request, &byte, 1, NULL, &error), &error, "no result");
  expect_misuse(gesso_tensor(&request, NULL, 0, NULL, &error), &error, "no result");
  expect_misuse(gesso_restore(&request, NULL, 0, &byte, 1, &result, &error), &error, "no geometry");
  expect_misuse(gesso_pixels(&request, NULL, 1, &result, &error), &error, "no memory");
  expect_misuse(gesso_prepare(&request, NULL, 1, NULL, 0, &result, &error), &error, "no memory");
  expect_misuse(gesso_pixels(&request, &byte, (size_t)-1, &result, &error), &error, "more than all memory");
  float value;
  expect_misuse(gesso_prepare(&request, &byte, 1, &value, 1, &result, &error), &error, "a tensor without a format");
  expect_misuse(gesso_model(NULL, &recipe, &error), &error, "no name");
  expect_misuse(gesso_model("sdxl", NULL, &error), &error, "no recipe");

  int32_t status = gesso_restore(&request, &geometry, 0, &byte, 1, &result, &error);
  EXPECT(status == GESSO_FAILED && !strcmp(error.code, "invalid-recipe"), "a geometry of nothing: %s", error.message);
  geometry.orientation = 9;
  status = gesso_restore(&request, &geometry, 0, &byte, 1, &result, &error);
  EXPECT(status == GESSO_FAILED && !strcmp(error.code, "invalid-recipe"), "an orientation of 9: %s", error.message);

  // A text that is too long is cut between two characters. The characters here have two, three and four bytes, and the cut falls at every
  // place within them.
  static const char *characters[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x8C\xB2"};
  for (int kind = 0; kind < 3; kind++) {
    for (int shift = 0; shift < 4; shift++) {
      char name[2048] = "aaa";
      name[shift] = 0;
      while (strlen(name) < 1500) strcat(name, characters[kind]);
      gesso_recipe long_recipe = SIZED(gesso_recipe, .effort = name);
      gesso_request long_request = SIZED(gesso_request, .source = &source, .recipe = &long_recipe);
      status = call(1, &long_request, &error);
      size_t length = strlen(error.message);
      EXPECT(
        status == GESSO_FAILED && is_utf8(error.message) && length < sizeof error.message
          && length + 4 >= sizeof error.message,
        "a message of %zu bytes", length);
    }
  }

  gesso_cancel_raise(NULL);
  gesso_cancel_destroy(NULL);
}

void check_options(void) {
  static const gesso_geometry matching = {.source_width = 1, .source_height = 1, .orientation = 1};
  const struct {
    gesso_recipe recipe;
    // A text that the message or the remedy must contain.
    const char *names;
  } refused[] = {
    {SIZED(gesso_recipe, .box_width = 8, .box_height = 8, .box_fit = "crop"), "cover"},
    {SIZED(gesso_recipe, .gravity = "up"), "northeast"},
    {SIZED(gesso_recipe, .box_width = 8, .box_height = 8, .multiples_of = 4, .snap = "x"), "stretch"},
    {SIZED(gesso_recipe, .profile = "x"), "ignore"},
    {SIZED(gesso_recipe, .resampling_filter = "bicubic"), "catmull-rom"},
    {SIZED(gesso_recipe, .effort = "x"), "balanced"},
    {SIZED(gesso_recipe, .background = "x"), "background"},
    {SIZED(gesso_recipe, .format = "gif"), "webp"},
    {SIZED(gesso_recipe, .subsampling = "422"), "444"},
    {SIZED(gesso_recipe, .compression = "x"), "small"},
    {SIZED(gesso_recipe, .metadata = "x"), "no-gps"},
    {SIZED(gesso_recipe, .fail_on = "x"), "warning"},
    {SIZED(gesso_recipe, .fail_on = "\xFF"), "UTF-8"},
    {SIZED(gesso_recipe, .bits = 12), "16"},
    {SIZED(gesso_recipe, .quality = 101), "quality"},
    {SIZED(gesso_recipe, .quality = -1), "quality"},
    {SIZED(gesso_recipe, .longest_side = -1), "longest side"},
    {SIZED(gesso_recipe, .longest_side = 70000), "65500"},
    {SIZED(gesso_recipe, .box_width = 8), "box"},
    {SIZED(gesso_recipe, .multiples_of = 5000), "4096"},
    {SIZED(gesso_recipe, .max_pixels = -1), "pixels"},
    {SIZED(gesso_recipe, .max_bytes = -1), "bytes"},
    {SIZED(gesso_recipe, .max_bytes = 9, .min_quality = 101), "lowest quality"},
    {SIZED(gesso_recipe, .max_bytes = 9, .min_side = -1), "shortest side"},
    {SIZED(gesso_recipe, .gravity = "focus", .focus_x = 2), "focus"},
    // Fields that contradict each other.
    {SIZED(gesso_recipe, .original = 1, .longest_side = 8), "longest_side"},
    {SIZED(gesso_recipe, .original = 1, .enlarge = 1), "enlarge"},
    {SIZED(gesso_recipe, .original = 1, .box_width = 8), "box_width"},
    {SIZED(gesso_recipe, .longest_side = 8, .box_width = 8, .box_height = 8), "longest_side"},
    {SIZED(gesso_recipe, .box_fit = "cover"), "box_fit"},
    {SIZED(gesso_recipe, .snap = "pad"), "snap"},
    {SIZED(gesso_recipe, .focus_x = 0.5), "focus_x"},
    {SIZED(gesso_recipe, .gravity = "north", .focus_y = 0.5), "focus_y"},
    {SIZED(gesso_recipe, .model_multiple_of = 8), "gesso_model()"},
    {SIZED(
       gesso_recipe, .model_multiple_of = 8, .model_min_side = 9, .model_max_side = 8, .model_max_pixels = 100),
     "contradict"},
    {SIZED(gesso_recipe, .matching = &matching, .trim = 1), "trim"},
    {SIZED(gesso_recipe, .matching = &matching, .model_multiple_of = 1), "model_multiple_of"},
    {SIZED(gesso_recipe, .matching = &matching), "contradicts"},
    {SIZED(gesso_recipe, .data = 1, .profile = "keep"), "profile"},
    {SIZED(gesso_recipe, .data = 1, .linear = 1), "linear"},
    {SIZED(gesso_recipe, .min_quality = 5), "min_quality"},
    {SIZED(gesso_recipe, .min_side = 5), "min_side"},
    {SIZED(gesso_recipe, .format = "png", .quality = 92), "quality"},
    {SIZED(gesso_recipe, .format = "png", .max_bytes = 9, .min_quality = 5), "min_quality"},
    {SIZED(gesso_recipe, .format = "png", .subsampling = "420"), "subsampling"},
    {SIZED(gesso_recipe, .format = "jpeg", .compression = "small"), "compression"},
    {SIZED(gesso_recipe, .format = "jpeg", .bits = 8), "bits"},
    {SIZED(gesso_recipe, .format = "webp", .bits = 8), "bits"},
    {SIZED(gesso_recipe, .format = "webp", .subsampling = "444"), "subsampling"},
    // Recipes that the plan refuses.
    {SIZED(gesso_recipe, .original = 1, .max_pixels = 1, .multiples_of = 8), "multiples_of"},
  };
  gesso_source source = path_source(fixture("jpeg/small-420.jpg"));
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    gesso_request request = SIZED(gesso_request, .source = &source, .recipe = &refused[i].recipe);
    gesso_plan_result plan = SIZED(gesso_plan_result, .width = -7);
    gesso_error error = no_error();
    int32_t status = gesso_plan(&request, &plan, &error);
    EXPECT(
      status != GESSO_OK && (strstr(error.message, refused[i].names) || strstr(error.remedy, refused[i].names)),
      "recipe %zu: %d, %s: %s, without the word %s", i, status, error.message, error.remedy, refused[i].names);
    EXPECT(plan.width == -7 && plan.struct_size == sizeof plan, "a failed call leaves the plan as it is");
  }

  const gesso_tensor_format formats[] = {
    SIZED(gesso_tensor_format, .layout = "chw"),
    SIZED(gesso_tensor_format, .range_low = 1, .range_high = -1),
    SIZED(gesso_tensor_format, .mean_count = 2),
    SIZED(gesso_tensor_format, .std_count = -1),
    SIZED(gesso_tensor_format, .std_count = 1, .std = {0}),
    SIZED(gesso_tensor_format, .mean_count = 3, .mean = {0, 0, INFINITY}),
    SIZED(gesso_tensor_format, .range_high = INFINITY),
    SIZED(gesso_tensor_format, .range_low = NAN, .range_high = 1),
  };
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    gesso_request request = SIZED(gesso_request, .source = &source, .tensor = &formats[i]);
    gesso_result result = SIZED(gesso_result, .width = 0);
    gesso_error error = no_error();
    float value;
    int32_t status = gesso_tensor(&request, &value, 1, &result, &error);
    EXPECT(
      status == GESSO_FAILED && !strcmp(error.code, "invalid-recipe"), "format %zu: %d, %s", i, status, error.message);
  }

  gesso_recipe recipe = SIZED(gesso_recipe, .quality = 0);
  gesso_error error = no_error();
  EXPECT(
    gesso_model("sd15", &recipe, &error) == GESSO_OK && recipe.model_multiple_of == 8 && recipe.model_min_side == 64
      && recipe.model_max_side == 1024 && recipe.model_max_pixels == 393216,
    "the sizes of a model: %s", error.message);
  EXPECT(
    gesso_model("dalle", &recipe, &error) == GESSO_FAILED && strstr(error.remedy, "sdxl"), "an unknown model: %s",
    error.remedy);
}

void check_limits(void) {
  // This helper never replies.
  char helper[4096];
  snprintf(helper, sizeof helper, "%s", fixture("../Tests/CLibrary/sleeping-helper"));
  const struct {
    const char *source;
    gesso_limits limits;
    const char *code;
    const char *remedy;
  } exceeded[] = {
    {"jpeg/small-420.jpg", SIZED(gesso_limits, .max_pixels = 10), "too-many-pixels", "max_pixels of gesso_limits"},
    {"jpeg/small-420.jpg", SIZED(gesso_limits, .max_memory = 10), "too-much-memory", "max_memory of gesso_limits"},
    {"jpeg/small-progressive.jpg", SIZED(gesso_limits, .max_scans = 1), "limit-exceeded", ""},
    {"jpeg/icc-srgb.jpg", SIZED(gesso_limits, .max_profile_bytes = 10), "limit-exceeded", ""},
    {"jpeg/small-420.jpg", SIZED(gesso_limits, .max_side = 10), "limit-exceeded", "max_side of gesso_limits"},
    {"jpeg/small-420.jpg", SIZED(gesso_limits, .max_source_bytes = 10), "limit-exceeded", "max_source_bytes of gesso_limits"},
    {"png/flat-rgb8.png", SIZED(gesso_limits, .max_pixels_per_byte = 1), "limit-exceeded", "max_pixels_per_byte of gesso_limits"},
    {"png/flat-rgb8.png", SIZED(gesso_limits, .preset = "service", .max_side = 10), "limit-exceeded", "max_side of gesso_limits"},
    {"kinds/heic/grid-irot1.heic", SIZED(gesso_limits, .threads = 1), "unsupported-format", "decode_helper"},
    {"kinds/heic/grid-irot1.heic", SIZED(gesso_limits, .decode_helper = "/no/such/helper"), "", ""},
    {"kinds/heic/grid-irot1.heic", SIZED(gesso_limits, .decode_helper = helper, .max_helper_seconds = 1), "helper-failed", ""},
  };
  for (size_t i = 0; i < sizeof exceeded / sizeof *exceeded; i++) {
    gesso_source source = path_source(fixture(exceeded[i].source));
    gesso_request request = SIZED(gesso_request, .source = &source, .limits = &exceeded[i].limits);
    outcome made = run(PIXELS, &request);
    EXPECT(
      made.status == GESSO_FAILED && (!exceeded[i].code[0] || !strcmp(made.error.code, exceeded[i].code))
        && strstr(made.error.remedy, exceeded[i].remedy),
      "limit %zu: %d %s: %s: %s", i, made.status, made.error.code, made.error.message, made.error.remedy);
    if (exceeded[i].limits.max_helper_seconds)
      EXPECT(strstr(made.error.message, "within 1 s"), "the seconds of the helper: %s", made.error.message);
    free(made.bytes);
  }

  // Content above these limits is left out, and a note names it.
  const struct {
    const char *source;
    gesso_limits limits;
  } left_out[] = {
    {"kinds/tiff/metadata-exiftool.tif", SIZED(gesso_limits, .max_metadata_bytes = 4)},
    {"png/metadata.png", SIZED(gesso_limits, .max_chunk_bytes = 50)},
    {"png/pngsuite/ct1n0g04.png", SIZED(gesso_limits, .max_chunks = 1)},
  };
  for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++) {
    gesso_source source = path_source(fixture(left_out[i].source));
    for (int limited = 0; limited < 2; limited++) {
      gesso_request request = SIZED(gesso_request, .source = &source, .limits = limited ? &left_out[i].limits : NULL);
      gesso_description description = SIZED(gesso_description, .width = 0);
      int32_t status = gesso_inspect(&request, &description, NULL);
      EXPECT(
        status == GESSO_OK && !strstr(description.notes, "too large") == !limited, "left out %zu, %d: %d, %s", i, limited,
        status, description.notes);
    }
  }

  // Every limit is read, and none is mistaken for another: for each field, a negative value is refused, and the error names the field.
  for (size_t field = 1; field < sizeof(gesso_limits) / 8; field++) {
    static const char *names[] = {
      "", "max_pixels", "max_memory", "threads", "max_scans", "max_profile_bytes", "max_metadata_bytes",
      "max_chunk_bytes", "max_chunks", "", "max_helper_seconds", "max_side", "max_source_bytes", "max_pixels_per_byte",
      "max_seconds", ""};
    if (!names[field][0]) continue;
    union {
      gesso_limits limits;
      int64_t fields[sizeof(gesso_limits) / 8];
    } negative = {.limits = SIZED(gesso_limits, .max_pixels = 0)};
    negative.fields[field] = -5;
    gesso_source source = path_source(fixture("png/1x1.png"));
    gesso_request request = SIZED(gesso_request, .source = &source, .limits = &negative.limits);
    gesso_error error = no_error();
    int32_t status = call(1, &request, &error);
    EXPECT(
      status == GESSO_MISUSE && !strncmp(error.message, names[field], strlen(names[field])) && strstr(error.message, "-5"),
      "%s: %d, %s", names[field], status, error.message);
  }
  // A large image is planned for two threads, unless the limit is one thread.
  for (int64_t threads = 0; threads <= 2; threads++) {
    gesso_limits limits = SIZED(gesso_limits, .threads = threads);
    gesso_source source = path_source(fixture("jpeg/forest.jpg"));
    gesso_request request = SIZED(gesso_request, .source = &source, .limits = &limits);
    gesso_plan_result plan = SIZED(gesso_plan_result, .width = 0);
    EXPECT(
      gesso_plan(&request, &plan, NULL) == GESSO_OK && plan.threads == (threads == 1 ? 1 : 2), "%d threads", plan.threads);
  }
}
