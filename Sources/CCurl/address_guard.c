#define CURL_DISABLE_TYPECHECK
#include "ccurl.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <fcntl.h>
#endif

struct ccurl_guard {
  bool refuses;
  bool uses_proxies;
  // The address that was last found to be private; empty if none was found so far. A scope such as %eth0 may follow the address.
  char found[INET6_ADDRSTRLEN + 32];
  // The proxy that was set; empty to use the proxies of the environment.
  char proxy[];
};

// True for an address that IANA's registry of special-purpose IPv4 addresses (RFC 6890) does not list, or lists as globally reachable.
// Multicast addresses are not public.
static bool is_public_v4(uint32_t address) {
  static const struct {
    uint32_t network;
    unsigned bits;
  } others[] = {
      {0x00000000, 8},   // this network; its address 0.0.0.0 reaches this machine
      {0x0A000000, 8},   // private
      {0x64400000, 10},  // carrier-grade NAT
      {0x7F000000, 8},   // loopback
      {0xA9FE0000, 16},  // link-local: the metadata of clouds
      {0xAC100000, 12},  // private
      {0xC0000000, 24},  // IETF protocols
      {0xC0000200, 24},  // documentation
      {0xC0A80000, 16},  // private
      {0xC6120000, 15},  // benchmarks
      {0xC6336400, 24},  // documentation
      {0xCB007100, 24},  // documentation
      {0xE0000000, 3},   // multicast and reserved, to the end
  };
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if ((address ^ others[i].network) >> (32 - others[i].bits) == 0) return false;
  return true;
}

static bool is_public_v6(const uint8_t bytes[16]) {
  static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF}, nat64[12] = {0, 0x64, 0xFF, 0x9B};
  uint32_t words[4];
  for (int i = 0; i < 4; i++)
    words[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 | (uint32_t)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
  // These are IPv4 addresses in the form of IPv6. Networks without IPv4 reach public IPv4 servers through NAT64.
  if (memcmp(bytes, mapped, 12) == 0 || memcmp(bytes, nat64, 12) == 0) return is_public_v4(words[3]);
  if (bytes[0] >> 5 != 1) return false;         // outside 2000::/3: loopback, unique local, link-local, multicast, not assigned
  if (words[0] >> 9 == 0x20010000 >> 9) return false;  // 2001::/23: IETF protocols, Teredo among them
  if (words[0] == 0x20010DB8) return false;     // documentation
  if (words[0] >> 16 == 0x2002) return false;   // 6to4, which carries any IPv4 address
  return words[0] >> 12 != 0x3FFF0;             // documentation
}

static bool is_public(const struct sockaddr *address) {
  switch (address->sa_family) {
    case AF_INET: {
      struct sockaddr_in v4;
      memcpy(&v4, address, sizeof v4);
      return is_public_v4(ntohl(v4.sin_addr.s_addr));
    }
    case AF_INET6: {
      struct sockaddr_in6 v6;
      memcpy(&v6, address, sizeof v6);
      return is_public_v6(v6.sin6_addr.s6_addr);
    }
    default: return false;
  }
}

bool ccurl_is_private_text(const char *host) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found;
  if (getaddrinfo(host, NULL, &hints, &found) != 0) return false;
  bool is_private = !is_public(found->ai_addr);
  freeaddrinfo(found);
  return is_private;
}

// True for the address and the port of a proxy, written in one of the forms that libcurl takes.
static bool is_proxy(const struct curl_sockaddr *address, const char *proxy) {
  bool is_same = false;
  char *host = NULL, *port = NULL, *scheme = NULL;
  CURLU *url = curl_url();
  if (url && curl_url_set(url, CURLUPART_URL, proxy, CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) == CURLUE_OK &&
      curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK) {
    if (curl_url_get(url, CURLUPART_PORT, &port, 0) != CURLUE_OK) port = NULL;
    const char *usual = strcmp(scheme, "https") == 0 ? "443" : "1080";
    size_t length = strlen(host);
    bool has_brackets = length > 2 && host[0] == '[' && host[length - 1] == ']';
    if (has_brackets) host[length - 1] = 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(host + has_brackets, port ? port : usual, &hints, &found) == 0) {
      for (struct addrinfo *one = found; one && !is_same; one = one->ai_next)
        is_same = one->ai_addrlen == address->addrlen && memcmp(one->ai_addr, &address->addr, one->ai_addrlen) == 0;
      freeaddrinfo(found);
    }
  }
  curl_free(host);
  curl_free(port);
  curl_free(scheme);
  curl_url_cleanup(url);
  return is_same;
}

static bool is_of_proxy(const ccurl_guard *guard, const struct curl_sockaddr *address) {
  if (!guard->uses_proxies) return false;
  if (guard->proxy[0]) return is_proxy(address, guard->proxy);
  // These are the variables that libcurl reads. It does not read HTTP_PROXY, which a request can set in a CGI program.
  static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *proxy = getenv(names[i]);
    if (proxy && proxy[0] && is_proxy(address, proxy)) return true;
  }
  return false;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  ccurl_guard *guard = context;
  (void)purpose;
  if (!is_public(&address->addr) && !is_of_proxy(guard, address)) {
    getnameinfo(&address->addr, (socklen_t)address->addrlen, guard->found, sizeof guard->found, NULL, 0, NI_NUMERICHOST);
    if (!guard->found[0]) strcpy(guard->found, "?");
    if (guard->refuses) return CURL_SOCKET_BAD;
  }
#if defined(SOCK_CLOEXEC)
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
#else
  curl_socket_t opened = socket(address->family, address->socktype, address->protocol);
  if (opened != CURL_SOCKET_BAD) fcntl(opened, F_SETFD, FD_CLOEXEC);
  return opened;
#endif
}

ccurl_guard *ccurl_guard_make(bool refuses, bool uses_proxies, const char *proxy) {
  size_t length = strlen(proxy) + 1;
  ccurl_guard *guard = calloc(1, sizeof *guard + length);
  if (!guard) return NULL;
  guard->refuses = refuses;
  guard->uses_proxies = uses_proxies;
  memcpy(guard->proxy, proxy, length);
  return guard;
}

void ccurl_guard_free(ccurl_guard *guard) { free(guard); }

CURLcode ccurl_guard_set(CURL *handle, ccurl_guard *guard) {
  CURLcode status = curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  return status == CURLE_OK ? curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, guard) : status;
}

const char *ccurl_guard_found(const ccurl_guard *guard) { return guard->found[0] ? guard->found : NULL; }
