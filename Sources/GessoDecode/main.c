// gesso-decode: decodes one HEIC or AVIF file for a process of Gesso, locked down (lockdown.c). That process gives it all descriptors
// (decode_protocol.h). gesso-decode reads no arguments.

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decode_protocol.h"
#include "lockdown.h"
#include "picture.h"

static bool receive(gd_request *request) {
  size_t done = 0;
  while (done < sizeof *request) {
    ssize_t count = read(GD_SOCKET, (char *)request + done, sizeof *request - done);
    if (count <= 0) return false;
    done += (size_t)count;
  }
  return request->magic == GD_MAGIC && request->version == GD_VERSION;
}

static void send_bytes(const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    ssize_t sent = write(GD_SOCKET, next, count);
    if (sent <= 0) _exit(1);
    next += sent;
    count -= (size_t)sent;
  }
}

static void send_reply(gd_reply *reply, const picture_parts *parts, const char *text) {
  reply->magic = GD_MAGIC;
  reply->version = GD_VERSION;
  reply->text_bytes = (uint32_t)strlen(text);
  send_bytes(reply, sizeof *reply);
  if (parts) {
    send_bytes(parts->profile, reply->profile_bytes);
    send_bytes(parts->exif, reply->exif_bytes);
    send_bytes(parts->xmp, reply->xmp_bytes);
  }
  send_bytes(text, reply->text_bytes);
}

// Ends with a reply that has only a status and a text.
static _Noreturn void end(uint32_t status, const char *text) {
  gd_reply reply = {.status = status};
  send_reply(&reply, NULL, text);
  _exit(0);
}

static uint8_t *map(int descriptor, uint64_t count, int protection, int sharing) {
  void *bytes = mmap(NULL, count, protection, sharing, descriptor, 0);
  return bytes == MAP_FAILED ? NULL : bytes;
}

int main(void) {
  struct stat status;
  if (fstat(GD_SOCKET, &status) != 0 || !S_ISSOCK(status.st_mode)) {
    fputs("gesso-decode is started by gesso, which decodes HEIC and AVIF with it. It does nothing by itself.\n", stderr);
    return 2;
  }
  gd_request request;
  if (!receive(&request)) return 1;
#if !defined(GESSO_HEIF)
  end(GD_NOT_BUILT, "");
#else
  picture_load_codecs();
  bool is_check = request.task == GD_CHECK;
  const uint8_t *bytes = is_check ? NULL : map(GD_FILE, request.file_bytes, PROT_READ, MAP_PRIVATE);
  if (!is_check && (!bytes || request.task != GD_DESCRIBE)) return 1;
  const char *failed = lock_down(request.seconds, request.memory_bytes, GD_LIFELINE, GD_LIFELINE);
  if (failed) end(GD_UNPROTECTED, failed);

  gd_reply reply = {.status = GD_OK};
  char text[GD_MAX_TEXT] = "";
  if (is_check) {
    picture_report(text, sizeof text);
    end(GD_OK, text);
  }
  picture_parts parts = {NULL, NULL, NULL};
  picture *picture = picture_open(&request, bytes, &reply, &parts, text);
  send_reply(&reply, &parts, text);
  if (!picture) _exit(0);

  if (!receive(&request) || request.task != GD_DECODE) _exit(0);
  if ((failed = bound_memory(request.memory_bytes))) end(GD_UNPROTECTED, failed);
  uint8_t *pixels = map(GD_PIXELS, request.pixel_bytes, PROT_READ | PROT_WRITE, MAP_SHARED);
  if (!pixels) end(GD_OUT_OF_MEMORY, "");
  reply = (gd_reply){.status = GD_OK};
  text[0] = 0;
  picture_decode(picture, pixels, request.pixel_bytes, &reply, text);
  send_reply(&reply, NULL, text);
  _exit(0);
#endif
}
