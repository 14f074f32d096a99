#define CURL_DISABLE_TYPECHECK
#include "ccurl.h"

#if defined(__linux__)
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>

// Macros of these names only check the number of arguments.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

// All functions of libcurl that the program calls: those that our code calls, and those that FoundationNetworking calls, which the
// sandbox's HTTP server brings into a statically linked program. If one were missing here, the program would be linked to libcurl again
// (Scripts/test-libraries).
#define FUNCTIONS(X)                                                                                                            \
  X(curl_easy_cleanup) X(curl_easy_getinfo) X(curl_easy_init) X(curl_easy_pause) X(curl_easy_setopt) X(curl_easy_strerror)      \
  X(curl_free) X(curl_global_init) X(curl_multi_add_handle) X(curl_multi_assign) X(curl_multi_cleanup) X(curl_multi_info_read)  \
  X(curl_multi_init) X(curl_multi_perform) X(curl_multi_poll) X(curl_multi_remove_handle) X(curl_multi_setopt)                  \
  X(curl_multi_socket_action) X(curl_multi_wakeup) X(curl_slist_append) X(curl_slist_free_all) X(curl_url) X(curl_url_cleanup)  \
  X(curl_url_get) X(curl_url_set) X(curl_version) X(curl_version_info)

static struct {
#define FIELD(name) __typeof__(&name) name;
  FUNCTIONS(FIELD)
  bool is_open;
} library;

static void open_library(void) {
  // Debian builds libcurl twice, with one interface; programs are linked to the first.
  void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!handle) handle = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
#define LOAD(name)                                        \
  library.name = (__typeof__(&name))dlsym(handle, #name); \
  if (!library.name) return;
  FUNCTIONS(LOAD)
  library.is_open = true;
}

bool ccurl_open(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_library);
  return library.is_open;
}

// Calls libcurl's own function. If there is no libcurl, returns what that function returns on failure. The symbols are hidden, so that
// other libraries of the process which are linked to libcurl keep libcurl's own functions.
#define FORWARD(type, name, parameters, arguments, otherwise)   \
  __attribute__((visibility("hidden"))) type name parameters {  \
    return ccurl_open() ? library.name arguments : (otherwise); \
  }
#define NOTHING (void)0

FORWARD(CURLcode, curl_global_init, (long flags), (flags), CURLE_FAILED_INIT)
FORWARD(char *, curl_version, (void), (), NULL)
FORWARD(curl_version_info_data *, curl_version_info, (CURLversion age), (age), NULL)
FORWARD(void, curl_free, (void *pointer), (pointer), NOTHING)

FORWARD(CURL *, curl_easy_init, (void), (), NULL)
FORWARD(void, curl_easy_cleanup, (CURL *easy), (easy), NOTHING)
FORWARD(CURLcode, curl_easy_pause, (CURL *easy, int mask), (easy, mask), CURLE_FAILED_INIT)
FORWARD(const char *, curl_easy_strerror, (CURLcode status), (status), "no libcurl")

FORWARD(CURLM *, curl_multi_init, (void), (), NULL)
FORWARD(CURLMcode, curl_multi_cleanup, (CURLM *multi), (multi), CURLM_BAD_HANDLE)
FORWARD(CURLMcode, curl_multi_add_handle, (CURLM *multi, CURL *easy), (multi, easy), CURLM_BAD_HANDLE)
FORWARD(CURLMcode, curl_multi_remove_handle, (CURLM *multi, CURL *easy), (multi, easy), CURLM_BAD_HANDLE)
FORWARD(CURLMcode, curl_multi_perform, (CURLM *multi, int *running), (multi, running), CURLM_BAD_HANDLE)
FORWARD(CURLMcode, curl_multi_poll, (CURLM *multi, struct curl_waitfd *extra, unsigned int count, int timeout, int *ready),
        (multi, extra, count, timeout, ready), CURLM_BAD_HANDLE)
FORWARD(CURLMcode, curl_multi_wakeup, (CURLM *multi), (multi), CURLM_BAD_HANDLE)
FORWARD(CURLMsg *, curl_multi_info_read, (CURLM *multi, int *rest), (multi, rest), NULL)
FORWARD(CURLMcode, curl_multi_assign, (CURLM *multi, curl_socket_t socket, void *pointer), (multi, socket, pointer),
        CURLM_BAD_HANDLE)
FORWARD(CURLMcode, curl_multi_socket_action, (CURLM *multi, curl_socket_t socket, int events, int *running),
        (multi, socket, events, running), CURLM_BAD_HANDLE)

FORWARD(struct curl_slist *, curl_slist_append, (struct curl_slist *list, const char *text), (list, text), NULL)
FORWARD(void, curl_slist_free_all, (struct curl_slist *list), (list), NOTHING)

FORWARD(CURLU *, curl_url, (void), (), NULL)
FORWARD(void, curl_url_cleanup, (CURLU *url), (url), NOTHING)
#if LIBCURL_VERSION_NUM >= 0x080000
typedef const CURLU *readable_url;
#else
typedef CURLU *readable_url;
#endif
FORWARD(CURLUcode, curl_url_get, (readable_url url, CURLUPart part, char **text, unsigned int flags), (url, part, text, flags),
        CURLUE_OUT_OF_MEMORY)
FORWARD(CURLUcode, curl_url_set, (CURLU *url, CURLUPart part, const char *text, unsigned int flags), (url, part, text, flags),
        CURLUE_OUT_OF_MEMORY)

// Each of these functions takes one value of the type that the option names: a long, a curl_off_t or a pointer. All three types have 64
// bits and are passed in the same way.
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *), "values of options differ in size");
#define FORWARD_VALUE(type, name, handle_type, option_type, otherwise)                             \
  __attribute__((visibility("hidden"))) type name(handle_type *handle, option_type option, ...) { \
    va_list values;                                                                                \
    va_start(values, option);                                                                      \
    void *value = va_arg(values, void *);                                                          \
    va_end(values);                                                                                \
    return ccurl_open() ? library.name(handle, option, value) : (otherwise);                       \
  }

FORWARD_VALUE(CURLcode, curl_easy_setopt, CURL, CURLoption, CURLE_FAILED_INIT)
FORWARD_VALUE(CURLcode, curl_easy_getinfo, CURL, CURLINFO, CURLE_FAILED_INIT)
FORWARD_VALUE(CURLMcode, curl_multi_setopt, CURLM, CURLMoption, CURLM_BAD_HANDLE)
#else
bool ccurl_open(void) { return true; }
#endif
