// The declarations that the parts of the test program share.
#ifndef CHECK_H
#define CHECK_H

#include <gesso.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int passed, failed;

// Counts a check, and prints the expectation if it fails.
#define EXPECT(condition, ...) \
  do { \
    if (condition) { \
      passed++; \
    } else { \
      failed++; \
      printf("error: %s:%d: ", __FILE__, __LINE__); \
      printf(__VA_ARGS__); \
      printf("\n"); \
    } \
  } while (0)

#define SIZED(type, ...) (type){.struct_size = sizeof(type), __VA_ARGS__}

// The path of a fixture. Its memory is used again by the eighth call after this one.
const char *fixture(const char *name);

static inline gesso_source path_source(const char *path) {
  return SIZED(gesso_source, .kind = GESSO_PATH, .path = path);
}

static inline gesso_error no_error(void) { return SIZED(gesso_error, .needed = 0); }

// A result of a call, in memory of its own.
typedef struct {
  int32_t status;
  void *bytes;
  size_t capacity;
  gesso_result result;
  gesso_error error;
} outcome;

typedef enum { FILE_BYTES, PIXELS, TENSOR } product;

// Makes a plan, and then calls the product's function with memory of exactly the planned size. The caller frees the bytes.
outcome run(product product, const gesso_request *request);

// Invalid calls, and options that are refused.
void check_misuse(void);
void check_options(void);
void check_limits(void);
// Sources, memory, cancellation and threads.
void check_sources(void);
void check_memory(const char *noise);
void check_canceling(void);
void check_threads(void);
// Writes a file for each case into the folder. Tests/CLibrary/results.py compares these files with those of the command.
void write_results(const char *folder);

#endif
