// A library that is preloaded into the command (Scripts/test-libraries). The command then finds neither libcurl nor libwebp nor libtiff, as
// on a machine without them.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

void *dlopen(const char *name, int flags) {
  if (name && (strncmp(name, "libcurl", 7) == 0 || strncmp(name, "libwebp", 7) == 0 || strncmp(name, "libtiff", 7) == 0)) return NULL;
  void *(*next)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
  return next(name, flags);
}
