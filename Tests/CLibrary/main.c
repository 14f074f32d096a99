// Calls every function of the C interface: main FIXTURES OUT NOISE.png
#include "check.h"

int passed, failed;
static const char *fixtures;

const char *fixture(const char *name) {
  static char paths[8][1024];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", fixtures, name);
  return path;
}

outcome run(product product, const gesso_request *request) {
  outcome made = {.result = SIZED(gesso_result, .width = 0), .error = no_error()};
  gesso_plan_result plan = SIZED(gesso_plan_result, .width = 0);
  made.status = gesso_plan(request, &plan, &made.error);
  if (made.status != GESSO_OK) return made;
  made.capacity = product == FILE_BYTES ? (size_t)plan.file_bytes
    : product == PIXELS                 ? (size_t)plan.pixel_bytes
                                        : (size_t)plan.tensor_values;
  made.bytes = malloc(made.capacity * (product == TENSOR ? sizeof(float) : 1));
  switch (product) {
    case FILE_BYTES:
      made.status = gesso_prepare(request, made.bytes, made.capacity, NULL, 0, &made.result, &made.error);
      break;
    case PIXELS: made.status = gesso_pixels(request, made.bytes, made.capacity, &made.result, &made.error); break;
    case TENSOR: made.status = gesso_tensor(request, made.bytes, made.capacity, &made.result, &made.error); break;
  }
  // With a byte budget, an image may be smaller than planned.
  if (made.status == GESSO_OK && !(request->recipe && request->recipe->max_bytes))
    EXPECT(
      made.result.width == plan.width && made.result.height == plan.height && made.result.count > 0
        && (size_t)made.result.count <= made.capacity && !memcmp(&made.result.geometry, &plan.geometry, sizeof plan.geometry),
      "the result is as planned");
  return made;
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  fixtures = arguments[1];
  check_misuse();
  check_options();
  check_limits();
  check_sources();
  check_memory(arguments[3]);
  check_canceling();
  check_threads();
  write_results(arguments[2]);
  printf("version %s\n%d passed, %d failed\n", gesso_version(), passed, failed);
  return failed > 0;
}
