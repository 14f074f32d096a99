// Typed calls over libcurl's variadic setopt and getinfo, which Swift cannot call: one function an argument type.
//
// The option and the type have to agree, as libcurl's manual says of each option; libcurl copies strings.
//
// On Linux the library is opened when the first of its functions is called (libcurl.c): it brings 32 libraries, which take longer to
// load than small images take to prepare, and most commands need none of them. On macOS it is linked.
#ifndef CCURL_H
#define CCURL_H

#include <curl/curl.h>
#include <stdbool.h>

// The shape of libcurl's read, write and header callbacks alike.
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

// Allows http and https for the request; for redirects https, and http only if http_redirects is true.
CURLcode ccurl_set_protocols(CURL *handle, bool http_redirects);

// Lets a handle be removed while its name is still being resolved without waiting for the resolver (libcurl 7.87 on).
CURLcode ccurl_set_quick_exit(CURL *handle);

// Finds connections to this machine and to private networks: each address is judged when it is about to be connected to, after its
// name was resolved, so that neither a redirect nor a name that changes its address gets around it. Nothing is called in Swift.
typedef struct ccurl_guard ccurl_guard;

// Makes a guard, which must outlive the handle that it is set for; NULL without memory. If `refuses`, it prevents connections to
// such addresses, otherwise it only notes them. If `uses_proxies`, the addresses of proxies do not count: those of the given proxy,
// or of the environment's if `proxy` is empty. A proxy resolves names itself.
ccurl_guard *ccurl_guard_make(bool refuses, bool uses_proxies, const char *proxy);
void ccurl_guard_free(ccurl_guard *guard);
CURLcode ccurl_guard_set(CURL *handle, ccurl_guard *guard);
// The address of this machine or of a private network that was found last; NULL before one.
const char *ccurl_guard_found(const ccurl_guard *guard);

// True for an address in numbers, in any form that the C library reads (127.1, 0x7f000001), that is not a public one. False for names.
bool ccurl_is_private_text(const char *host);

CURLMcode ccurl_multi_set_long(CURLM *handle, CURLMoption option, long value);

CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value);
CURLcode ccurl_get_pointer(CURL *handle, CURLINFO info, void **value);

#endif
