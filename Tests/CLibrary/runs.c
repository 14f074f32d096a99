// Sources, memory, cancellation and threads.
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static void *file_bytes(const char *path, size_t *count) {
  FILE *file = fopen(path, "rb");
  if (!file) abort();
  fseek(file, 0, SEEK_END);
  *count = (size_t)ftell(file);
  rewind(file);
  void *bytes = malloc(*count + 1);
  if (fread(bytes, 1, *count, file) != *count) abort();
  fclose(file);
  return bytes;
}

static void expect_same(const outcome *made, const outcome *expected, const char *what) {
  EXPECT(
    made->status == GESSO_OK && made->result.count == expected->result.count
      && !memcmp(made->bytes, expected->bytes, (size_t)made->result.count),
    "%s: status %d, %s", what, made->status, made->error.message);
}

typedef struct {
  int descriptor;
  const void *bytes;
  size_t count;
} pipe_content;

static void *fill_pipe(void *argument) {
  pipe_content *content = argument;
  for (size_t sent = 0; sent < content->count;) {
    ssize_t count = write(content->descriptor, (const char *)content->bytes + sent, content->count - sent);
    if (count <= 0) abort();
    sent += (size_t)count;
  }
  close(content->descriptor);
  return NULL;
}

void check_sources(void) {
  const char *path = fixture("jpeg/phone.jpg");
  gesso_recipe recipe = SIZED(gesso_recipe, .longest_side = 200);
  gesso_source source = path_source(path);
  gesso_request request = SIZED(gesso_request, .source = &source, .recipe = &recipe);
  outcome expected = run(FILE_BYTES, &request);
  EXPECT(
    expected.status == GESSO_OK && !strcmp(expected.result.format, "jpeg") && expected.result.quality == 92
      && !strcmp(expected.result.subsampling, "4:2:0") && expected.result.bits == 8 && expected.result.total_ms > 0,
    "a path: %s", expected.error.message);

  size_t count;
  void *bytes = file_bytes(path, &count);
  source = SIZED(gesso_source, .kind = GESSO_MEMORY, .bytes = bytes, .count = count);
  outcome made = run(FILE_BYTES, &request);
  expect_same(&made, &expected, "memory");
  free(made.bytes);

  int descriptor = open(path, O_RDONLY);
  source = SIZED(gesso_source, .kind = GESSO_DESCRIPTOR, .descriptor = descriptor);
  made = run(FILE_BYTES, &request);
  expect_same(&made, &expected, "a descriptor");
  EXPECT(lseek(descriptor, 0, SEEK_CUR) == 0 && close(descriptor) == 0, "the descriptor is open, at its position");
  free(made.bytes);

  int ends[2];
  if (pipe(ends)) abort();
  pipe_content content = {ends[1], bytes, count};
  pthread_t writer;
  pthread_create(&writer, NULL, fill_pipe, &content);
  source.descriptor = ends[0];
  made = (outcome){.bytes = malloc(expected.capacity), .result = SIZED(gesso_result, .width = 0), .error = no_error()};
  made.status = gesso_prepare(&request, made.bytes, expected.capacity, NULL, 0, &made.result, &made.error);
  expect_same(&made, &expected, "a pipe");
  pthread_join(writer, NULL);
  close(ends[0]);
  free(made.bytes);

  gesso_description description = SIZED(gesso_description, .width = 0);
  gesso_error error = no_error();
  source = SIZED(gesso_source, .kind = GESSO_MEMORY, .bytes = bytes, .count = count);
  EXPECT(
    gesso_inspect(&request, &description, &error) == GESSO_OK && !strcmp(description.format, "jpeg")
      && !strcmp(description.color_model, "ycbcr") && description.width > 0 && description.height > 0
      && description.bits == 8,
    "inspect: %s", error.message);

  const struct {
    gesso_source source;
    const char *code, *stage;
  } failures[] = {
    {path_source("/no/such/file.jpg"), "not-found", "open"},
    {path_source("/"), "unreadable", "open"},
    {SIZED(gesso_source, .kind = GESSO_DESCRIPTOR, .descriptor = -1), "unreadable", "open"},
    {SIZED(gesso_source, .kind = GESSO_MEMORY), "empty", "open"},
    {SIZED(gesso_source, .kind = GESSO_MEMORY, .bytes = "text", .count = 4), "not-an-image", "open"},
    {SIZED(gesso_source, .kind = GESSO_MEMORY, .bytes = bytes, .count = count / 2), "truncated", "decode"},
  };
  for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
    source = failures[i].source;
    made = run(FILE_BYTES, &request);
    EXPECT(
      made.status == GESSO_FAILED && !strcmp(made.error.code, failures[i].code)
        && !strcmp(made.error.stage, failures[i].stage) && made.error.message[0] && made.error.needed == 0,
      "source %zu: %d, %s, %s, %s", i, made.status, made.error.code, made.error.stage, made.error.message);
    free(made.bytes);
  }
  // The remedy names the field of the header, and the call succeeds once the remedy is followed.
  EXPECT(strstr(made.error.remedy, "fail_on to \"none\""), "the remedy: %s", made.error.remedy);
  recipe.fail_on = "none";
  made = run(FILE_BYTES, &request);
  EXPECT(made.status == GESSO_OK && strstr(made.result.notes, "damaged"), "the remedy helps: %s", made.result.notes);
  free(made.bytes);
  free(bytes);
  free(expected.bytes);
}

// Makes the call with memory that is too small by one, and then with memory of the size that the error names.
static void expect_exact(product product, const gesso_request *request, const char *what) {
  outcome whole = run(product, request);
  EXPECT(whole.status == GESSO_OK, "%s: %s", what, whole.error.message);
  size_t size = product == TENSOR ? sizeof(float) : 1;
  size_t enough = product == FILE_BYTES ? (size_t)whole.result.count : whole.capacity;
  for (size_t less = 2; less-- > 0;) {
    size_t given = enough - less;
    unsigned char *memory = malloc(given * size + 8);
    memset(memory, 0xA5, given * size + 8);
    gesso_result result = SIZED(gesso_result, .width = -7);
    gesso_error error = no_error();
    int32_t status = product == FILE_BYTES ? gesso_prepare(request, memory, given, NULL, 0, &result, &error)
      : product == PIXELS                  ? gesso_pixels(request, memory, given, &result, &error)
                                           : gesso_tensor(request, (float *)memory, given, &result, &error);
    if (less)
      EXPECT(
        status == GESSO_TOO_SMALL && !strcmp(error.code, "too-small") && (size_t)error.needed == enough
          && result.width == -7 && memory[0] == 0xA5,
        "%s, one too small: %d, needed %lld of %zu", what, status, (long long)error.needed, enough);
    else
      EXPECT(
        status == GESSO_OK && !memcmp(memory, whole.bytes, (size_t)whole.result.count * size), "%s, exactly: %d, %s",
        what, status, error.message);
    EXPECT(!memcmp(memory + given * size, "\xA5\xA5\xA5\xA5\xA5\xA5\xA5\xA5", 8), "%s: written behind the memory", what);
    free(memory);
  }
  free(whole.bytes);
}

void check_memory(const char *noise) {
  gesso_source source = path_source(fixture("png/soft-alpha-rgba8.png"));
  gesso_recipe recipe = SIZED(gesso_recipe, .longest_side = 120);
  gesso_request request = SIZED(gesso_request, .source = &source, .recipe = &recipe);
  expect_exact(FILE_BYTES, &request, "a file");
  expect_exact(PIXELS, &request, "pixels with alpha");
  expect_exact(TENSOR, &request, "a tensor");
  source = path_source(fixture("jpeg/small-420.jpg"));
  expect_exact(PIXELS, &request, "pixels");

  // A file and its tensor in one call.
  gesso_tensor_format format = SIZED(gesso_tensor_format, .layout = "nhwc");
  request.tensor = &format;
  outcome tensor = run(TENSOR, &request), file = run(FILE_BYTES, &request);
  EXPECT(file.status == GESSO_TOO_SMALL && (size_t)file.error.needed == tensor.capacity, "no memory for the tensor");
  float *values = malloc(tensor.capacity * sizeof(float));
  file.status = gesso_prepare(
    &request, file.bytes, file.capacity, values, tensor.capacity, &file.result, &file.error);
  EXPECT(
    file.status == GESSO_OK && tensor.status == GESSO_OK && !memcmp(values, tensor.bytes, tensor.capacity * sizeof(float)),
    "a file and a tensor: %s", file.error.message);
  free(values);
  free(tensor.bytes);
  free(file.bytes);
  request.tensor = NULL;

  // Noise makes the largest files. Even these fit in the memory that the plan names.
  const gesso_recipe recipes[] = {
    SIZED(gesso_recipe, .original = 1),
    SIZED(gesso_recipe, .original = 1, .format = "jpeg", .quality = 100),
    SIZED(gesso_recipe, .original = 1, .format = "jpeg", .quality = 100, .subsampling = "444"),
    SIZED(gesso_recipe, .original = 1, .format = "png", .compression = "fast"),
    SIZED(gesso_recipe, .original = 1, .format = "png"),
    SIZED(gesso_recipe, .original = 1, .format = "png", .compression = "small"),
    SIZED(gesso_recipe, .original = 1, .format = "png", .bits = 16),
    SIZED(gesso_recipe, .original = 1, .format = "webp", .quality = 100),
    SIZED(gesso_recipe, .original = 1, .format = "webp", .compression = "small"),
    SIZED(gesso_recipe, .original = 1, .format = "jpeg", .max_bytes = 50000, .min_quality = 1, .min_side = 1),
  };
  source = path_source(noise);
  for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
    request.recipe = &recipes[i];
    outcome made = run(FILE_BYTES, &request);
    EXPECT(made.status == GESSO_OK, "noise, recipe %zu: %d, %s", i, made.status, made.error.message);
    printf("noise, recipe %zu: %lld of %zu bytes\n", i, (long long)made.result.count, made.capacity);
    if (recipes[i].max_bytes) EXPECT(made.capacity == 50000, "a budget is the size of the memory");
    free(made.bytes);
  }

  // Calls leave no memory behind: the sanitizer would report it.
  source = path_source(fixture("png/1x1.png"));
  request.recipe = NULL;
  for (int i = 0; i < 1000; i++) {
    outcome made = run(i % 2 ? PIXELS : FILE_BYTES, &request);
    if (made.status != GESSO_OK) EXPECT(false, "call %d: %s", i, made.error.message);
    free(made.bytes);
  }
}

static void *raise_handle(void *cancel) {
  gesso_cancel_raise(cancel);
  return NULL;
}

void check_canceling(void) {
  // The call waits for a pipe that never gets any bytes, until the other thread raises the flag. The flag may also be raised before the
  // call begins.
  int ends[2];
  if (pipe(ends)) abort();
  gesso_source source = SIZED(gesso_source, .kind = GESSO_DESCRIPTOR, .descriptor = ends[0]);
  gesso_cancel *cancel = gesso_cancel_create();
  gesso_request request = SIZED(gesso_request, .source = &source, .cancel = cancel);
  gesso_plan_result plan = SIZED(gesso_plan_result, .width = -7);
  gesso_error error = no_error();
  pthread_t other;
  pthread_create(&other, NULL, raise_handle, cancel);
  int32_t status = gesso_plan(&request, &plan, &error);
  EXPECT(
    status == GESSO_CANCELED && !strcmp(error.code, "canceled") && plan.width == -7, "waiting: %d, %s", status, error.code);
  pthread_join(other, NULL);
  close(ends[0]);
  close(ends[1]);

  // The handle stays raised, so other calls with it are canceled too.
  source = path_source(fixture("jpeg/forest.jpg"));
  static uint8_t memory[1536 * 1536 * 4];
  gesso_result result = SIZED(gesso_result, .width = -7);
  const int32_t statuses[] = {
    gesso_prepare(&request, memory, sizeof memory, NULL, 0, &result, NULL),
    gesso_pixels(&request, memory, sizeof memory, &result, NULL),
    gesso_tensor(&request, (float *)(void *)memory, sizeof memory / sizeof(float), &result, NULL),
  };
  for (int i = 0; i < 3; i++)
    EXPECT(statuses[i] == GESSO_CANCELED && result.width == -7, "a raised handle: %d", statuses[i]);
  gesso_description description = SIZED(gesso_description, .width = 0);
  EXPECT(gesso_inspect(&request, &description, NULL) == GESSO_CANCELED, "inspect");
  gesso_cancel_destroy(cancel);

  cancel = gesso_cancel_create();
  request.cancel = cancel;
  outcome made = run(PIXELS, &request);
  EXPECT(made.status == GESSO_OK, "a handle that is not raised: %s", made.error.message);
  free(made.bytes);
  gesso_cancel_destroy(cancel);
}

typedef struct {
  const outcome *expected;
  const gesso_request *request;
  bool same;
} worker;

static void *work(void *argument) {
  worker *worker = argument;
  worker->same = true;
  for (int i = 0; i < 4; i++) {
    gesso_result result = SIZED(gesso_result, .width = 0);
    void *bytes = malloc(worker->expected->capacity);
    int32_t status = gesso_prepare(worker->request, bytes, worker->expected->capacity, NULL, 0, &result, NULL);
    worker->same = worker->same && status == GESSO_OK && result.count == worker->expected->result.count
      && !memcmp(bytes, worker->expected->bytes, (size_t)result.count);
    free(bytes);
  }
  return NULL;
}

void check_threads(void) {
  gesso_source source = path_source(fixture("jpeg/forest.jpg"));
  gesso_request request = SIZED(gesso_request, .source = &source);
  outcome expected = run(FILE_BYTES, &request);
  pthread_t threads[4];
  worker workers[4];
  for (int i = 0; i < 4; i++) {
    workers[i] = (worker){&expected, &request, false};
    pthread_create(&threads[i], NULL, work, &workers[i]);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    EXPECT(workers[i].same, "thread %d has the same bytes", i);
  }
  free(expected.bytes);
}
