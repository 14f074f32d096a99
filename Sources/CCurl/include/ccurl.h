// Swift cannot call libcurl's variadic setopt and getinfo. These calls have one function for each type of argument.
//
// The type has to be the one that libcurl's manual names for the option. libcurl copies strings.
//
// On Linux, libcurl is opened when the first of its functions is called (libcurl.c). libcurl needs 32 other libraries. Loading these takes
// longer than preparing a small image, and most commands do not use libcurl. On macOS, libcurl is linked.
#ifndef CCURL_H
#define CCURL_H

#include <curl/curl.h>
#include <stdbool.h>

// The type of libcurl's read, write and header callbacks.
typedef size_t (*ccurl_transfer_callback)(char *buffer, size_t size, size_t count, void *context);

// Opens libcurl, once for the whole process and from any thread. False if this machine has no libcurl with all functions that we
// call. Every other function then fails in the way in which libcurl's functions fail.
bool ccurl_open(void);

// curl_global_init with all its parts. Call it once, before anything else.
CURLcode ccurl_global_init(void);

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value);
CURLcode ccurl_set_offset(CURL *handle, CURLoption option, curl_off_t value);
CURLcode ccurl_set_string(CURL *handle, CURLoption option, const char *value);
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, void *value);
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
CURLcode ccurl_set_transfer_callback(CURL *handle, CURLoption option, ccurl_transfer_callback value);
CURLcode ccurl_set_seek_callback(CURL *handle, curl_seek_callback value);

// Allows http and https for the request. Redirects may use https, and http only if http_redirects is true.
CURLcode ccurl_set_protocols(CURL *handle, bool http_redirects);

// If a handle is removed while its host name is still being resolved, the call then does not wait for the resolver (since libcurl 7.87).
CURLcode ccurl_set_quick_exit(CURL *handle);

// Finds connections to this machine and to private networks. Each address is checked after its name was resolved and just before libcurl
// connects to it, so that neither a redirect nor a name whose address changes avoids the check. The check calls no Swift code.
typedef struct ccurl_guard ccurl_guard;

// Makes a guard, which must outlive the handle that it is set for; NULL if there is no memory. If `refuses` is true, the guard prevents
// connections to such addresses; otherwise it only notes them. If `uses_proxies` is true, the addresses of `proxy` are allowed, or those of
// the environment's proxies if `proxy` is empty. A proxy resolves names itself.
ccurl_guard *ccurl_guard_make(bool refuses, bool uses_proxies, const char *proxy);
void ccurl_guard_free(ccurl_guard *guard);
CURLcode ccurl_guard_set(CURL *handle, ccurl_guard *guard);
// The address of this machine or of a private network that was found last; NULL if none was found so far.
const char *ccurl_guard_found(const ccurl_guard *guard);

// True for a numeric address that is not public, in any form that the C library reads (127.1, 0x7f000001). False for names.
bool ccurl_is_private_text(const char *host);

CURLMcode ccurl_multi_set_long(CURLM *handle, CURLMoption option, long value);

CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value);
CURLcode ccurl_get_pointer(CURL *handle, CURLINFO info, void **value);

#endif
