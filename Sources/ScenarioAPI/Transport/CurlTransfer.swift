internal import CCurl
internal import Foundation
internal import Ground

/// One request in progress, with the state of its callbacks. Only the loop's thread uses it.
@safe
final class CurlTransfer {
  let id: UInt64
  let easy: CurlEasyHandle
  let continuation: CurlLoop.Continuation
  private let request: HTTPRequest
  private var header = CurlList()
  private var resolved = CurlList()
  /// Permits or refuses the addresses that a connection is made to.
  private let addressGuard: CurlAddressGuard
  private let refusesPrivate: Bool
  private let errorText = AlignedBuffer<CChar>(count: Int(CURL_ERROR_SIZE), zeroed: true)

  /// The file that contains the request's body; -1 if there is none.
  private var bodyFile: Int32 = -1
  private var sent = 0 {
    didSet { request.onSent?(sent) }
  }
  private var fields: [HTTPField] = []
  private var headIsComplete = false
  private var headCount = 0
  private var body: [UInt8] = []
  private var bodyCount = 0
  /// The error that a callback found; libcurl itself only reports that the transfer was aborted.
  private var failure: ScenarioError?

  /// The most bytes that are kept of an error reply whose body was meant for a file.
  private static let keptErrorBytes = 64 << 10
  /// The most bytes of all header sections of a reply together, redirects included.
  private static let headLimit = 256 << 10

  init(
    _ id: UInt64, _ request: HTTPRequest, _ options: ConnectionOptions, _ continuation: CurlLoop.Continuation
  ) throws(ScenarioError) {
    guard let origin = ServiceURL.origin(of: request.url) else {
      throw Self.notSent(
        .invalidRequest, request, "\(request) is not an http(s) URL", "give one such as https://example.com")
    }
    let refusesPrivate = request.refusesPrivateAddresses && !options.allowsPrivateAddresses
    guard let easy = CurlEasyHandle(),
      let addressGuard = CurlAddressGuard(
        refuses: refusesPrivate, usesProxies: !origin.isLoopback, proxy: options.proxy)
    else {
      throw Self.notSent(.transportFailed, request, "libcurl has no memory left", "free some memory")
    }
    self.id = id
    self.easy = easy
    self.addressGuard = addressGuard
    self.refusesPrivate = refusesPrivate
    self.continuation = continuation
    self.request = request
    if refusesPrivate, CurlAddressGuard.isPrivate(origin.host) {
      throw Self.privateAddress(request, .notSent, "\(origin.host) is an address")
    }
    try openBody()
    guard configure(options, origin) else {
      throw Self.notSent(
        .transportFailed, request, "libcurl did not take the request's options", "use libcurl 7.68 or newer")
    }
  }

  deinit {
    if bodyFile >= 0 { close(bodyFile) }
  }

  // MARK: Setting up

  /// Sets every option; false when libcurl refuses one.
  private func configure(_ options: ConnectionOptions, _ origin: ServiceURL.Origin) -> Bool {
    let handle = unsafe easy.pointer
    var isAccepted = true
    func set(_ option: CURLoption, _ value: Int) {
      if unsafe ccurl_set_long(handle, option, value) != CURLE_OK { isAccepted = false }
    }
    func set(_ option: CURLoption, _ value: String) {
      if unsafe ccurl_set_string(handle, option, value) != CURLE_OK { isAccepted = false }
    }
    func check(_ status: CURLcode) { if status != CURLE_OK { isAccepted = false } }

    set(CURLOPT_URL, request.url)
    set(CURLOPT_PATH_AS_IS, 1)
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_USERAGENT, "gesso/\(Version.current)")
    check(unsafe ccurl_set_protocols(handle, !origin.isSecure))
    check(unsafe ccurl_set_quick_exit(handle))
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
    set(CURLOPT_PIPEWAIT, 1)
    set(CURLOPT_TCP_KEEPALIVE, 1)
    set(CURLOPT_SSL_VERIFYPEER, 1)
    set(CURLOPT_SSL_VERIFYHOST, 2)
    if let bundle = options.caBundle { set(CURLOPT_CAINFO, bundle) }
    if let proxy = options.proxy { set(CURLOPT_PROXY, proxy) }
    // Requests to this machine, which may carry credentials over plain http, never go to a proxy.
    if origin.isLoopback { set(CURLOPT_NOPROXY, "*") } else if let none = options.noProxy { set(CURLOPT_NOPROXY, none) }
    check(unsafe ccurl_guard_set(handle, addressGuard.pointer))
    for entry in options.resolving where !resolved.append(entry) { isAccepted = false }
    if !options.resolving.isEmpty { check(unsafe ccurl_set_list(handle, CURLOPT_RESOLVE, resolved.pointer)) }

    set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(options.connectTimeout))
    set(CURLOPT_LOW_SPEED_LIMIT, 1)
    set(CURLOPT_LOW_SPEED_TIME, max(Self.milliseconds(options.stallTimeout) / 1000, 1))
    if let timeout = request.timeout { set(CURLOPT_TIMEOUT_MS, Self.milliseconds(timeout)) }
    if request.followsRedirects, request.method == .get {
      set(CURLOPT_FOLLOWLOCATION, 1)
      set(CURLOPT_MAXREDIRS, 5)
    }
    // The length of a file can be checked only if the transfer is not compressed.
    if request.destination == .memory { set(CURLOPT_ACCEPT_ENCODING, "") }
    check(unsafe ccurl_set_offset(handle, CURLOPT_MAXFILESIZE_LARGE, curl_off_t(request.responseLimit)))

    switch request.method {
    case .get: set(CURLOPT_HTTPGET, 1)
    case .post:
      set(CURLOPT_POST, 1)
      check(unsafe ccurl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)))
    case .put:
      set(CURLOPT_UPLOAD, 1)
      check(unsafe ccurl_set_offset(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(request.body.count)))
    }
    set(CURLOPT_UPLOAD_BUFFERSIZE, 256 << 10)
    if !request.isRepeatable {
      // libcurl repeats a request by itself when a kept connection turns out to be dead, unless the body cannot be rewound. A request that
      // must not be repeated therefore has no seek callback. If it has no body, it gets a new connection instead.
      set(CURLOPT_MAXAGE_CONN, options.unrepeatableIdleSeconds)
      if request.body.count == 0 { set(CURLOPT_FRESH_CONNECT, 1) }
    }

    // `Expect:` and `Content-Type:` without a value keep libcurl from adding its own.
    var lines = ["Expect:"]
    if !request.fields.contains(where: { $0.name.lowercased() == "content-type" }) { lines.append("Content-Type:") }
    lines += request.fields.map { "\($0.name): \($0.value)" }
    guard lines.allSatisfy({ !$0.utf8.contains { $0 < 0x20 || $0 == 0x7F } }) else { return false }
    for line in lines where !header.append(line) { isAccepted = false }
    let hasAuthorization = request.authorization?.withAuthorization { header.append("Authorization: \($0)") }
    if hasAuthorization == false { isAccepted = false }
    check(unsafe ccurl_set_list(handle, CURLOPT_HTTPHEADER, header.pointer))

    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    for option in [CURLOPT_PRIVATE, CURLOPT_READDATA, CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_SEEKDATA] {
      check(unsafe ccurl_set_pointer(handle, option, context))
    }
    check(unsafe ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText.base))
    check(
      unsafe ccurl_set_transfer_callback(handle, CURLOPT_READFUNCTION) { buffer, size, count, context in
        unsafe CurlTransfer.from(context).readBody(
          into: UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
      })
    check(
      unsafe ccurl_set_transfer_callback(handle, CURLOPT_WRITEFUNCTION) { buffer, size, count, context in
        unsafe CurlTransfer.from(context).receive(UnsafeRawBufferPointer(start: buffer, count: size * count))
      })
    check(
      unsafe ccurl_set_transfer_callback(handle, CURLOPT_HEADERFUNCTION) { buffer, size, count, context in
        unsafe CurlTransfer.from(context).receiveHeader(UnsafeRawBufferPointer(start: buffer, count: size * count))
      })
    if request.isRepeatable {
      check(
        unsafe ccurl_set_seek_callback(handle) { context, offset, origin in
          unsafe CurlTransfer.from(context).seekBody(to: Int(offset), from: origin)
        })
    }
    return isAccepted
  }

  private func openBody() throws(ScenarioError) {
    guard case .file(let path, _, _) = request.body else { return }
    bodyFile = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard bodyFile < 0 else { return }
    throw Self.notSent(
      .invalidRequest, request, "cannot read \(path): \(Self.systemMessage())", "check the path and its permissions")
  }

  // MARK: Callbacks

  private static func from(_ context: UnsafeMutableRawPointer?) -> CurlTransfer {
    unsafe Unmanaged<CurlTransfer>.fromOpaque(context!).takeUnretainedValue()
  }

  private func readBody(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, request.body.count - sent)
    switch request.body {
    case .none: return 0
    case .bytes(let bytes):
      unsafe bytes.withUnsafeBytes { unsafe buffer.copyMemory(from: .init(rebasing: $0[sent..<sent + count])) }
      sent += count
      return count
    case .file(let path, let offset, _):
      guard count > 0 else { return 0 }
      let got = unsafe pread(bodyFile, buffer.baseAddress, count, off_t(offset + sent))
      guard got > 0 else {
        let cause = got < 0 ? Self.systemMessage() : "it has become shorter"
        failure = ScenarioError(
          .invalidRequest, .unknownOutcome, stage: request.stage, "cannot read \(path): \(cause)",
          remedy: "check the file")
        return Int(CURL_READFUNC_ABORT)
      }
      sent += got
      return got
    }
  }

  private func seekBody(to offset: Int, from origin: Int32) -> Int32 {
    guard origin == SEEK_SET, (0...request.body.count).contains(offset) else { return CURL_SEEKFUNC_CANTSEEK }
    sent = offset
    return CURL_SEEKFUNC_OK
  }

  private func receiveHeader(_ line: UnsafeRawBufferPointer) -> Int {
    headCount += line.count
    guard headCount <= Self.headLimit else {
      failure = tooLarge(Self.headLimit)
      return 0
    }
    let text = unsafe String(decoding: line, as: UTF8.self)
    if text.hasPrefix("HTTP/") {
      // This is the status line of a new reply. The headers so far belonged to a redirect or an informational reply.
      fields = []
      headIsComplete = false
    } else if text == "\r\n" || text == "\n" {
      headIsComplete = true
      guard !refusesPrivate || isPublicRedirect() else { return 0 }
    } else if let colon = text.firstIndex(of: ":") {
      let value = text[text.index(after: colon)...].trimmingCharacters(in: .whitespacesAndNewlines)
      fields.append(HTTPField(String(text[..<colon]), value))
    }
    return line.count
  }

  /// False for a redirect to a numeric address of a private network. Behind a proxy, the check of connections would not
  /// see that address.
  private func isPublicRedirect() -> Bool {
    guard request.followsRedirects, (300..<400).contains(info(CURLINFO_RESPONSE_CODE)),
      let location = fields.last(where: { $0.name.lowercased() == "location" })?.value,
      let host = ServiceURL.origin(of: location.hasPrefix("//") ? "http:" + location : location, allowsUser: true)?
        .host,
      CurlAddressGuard.isPrivate(host)
    else { return true }
    failure = Self.privateAddress(request, .unusable, "a redirect leads to \(host), an address")
    return false
  }

  private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
    bodyCount += bytes.count
    guard bodyCount <= request.responseLimit else {
      failure = tooLarge(request.responseLimit)
      return 0
    }
    guard case .descriptor(let descriptor) = request.destination else {
      unsafe body.append(contentsOf: bytes)
      return bytes.count
    }
    guard (200..<300).contains(info(CURLINFO_RESPONSE_CODE)) else {
      unsafe body.append(contentsOf: bytes.prefix(max(Self.keptErrorBytes - body.count, 0)))
      return bytes.count
    }
    var written = 0
    while written < bytes.count {
      let count = unsafe write(descriptor, bytes.baseAddress! + written, bytes.count - written)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        failure = ScenarioError(
          .writeFailed, .unusable, stage: request.stage, "cannot write what arrived: \(Self.systemMessage())",
          remedy: "check the folder, its permissions and the space left")
        return 0
      }
      written += count
    }
    return bytes.count
  }

  // MARK: The end

  /// The outcome of the transfer. To be called while the handle is still in the loop.
  func result(_ status: CURLcode) -> Result<HTTPResponse, ScenarioError> {
    guard status == CURLE_OK else { return .failure(error(status)) }
    // libcurl reports success for a connection that ends within the headers of a reply.
    guard headIsComplete else { return .failure(error(CURLE_RECV_ERROR)) }
    let version: String? =
      switch info(CURLINFO_HTTP_VERSION) {
      case Int(CURL_HTTP_VERSION_1_0): "1.0"
      case Int(CURL_HTTP_VERSION_1_1): "1.1"
      case Int(CURL_HTTP_VERSION_2_0): "2"
      case 30: "3"
      default: nil
      }
    return .success(
      HTTPResponse(
        status: info(CURLINFO_RESPONSE_CODE), fields: fields, body: body, bodyCount: bodyCount, httpVersion: version,
        reusedConnection: info(CURLINFO_NUM_CONNECTS) == 0,
        connectedPrivately: addressGuard.found != nil))
  }

  /// The error for a status of libcurl. The outcome is `notSent` only if libcurl counts no sent byte of a request. libcurl does not count a
  /// TLS handshake. It does count a CONNECT to a proxy, which errs on the safe side.
  private func error(_ status: CURLcode) -> ScenarioError {
    let outcome: ScenarioError.Outcome = info(CURLINFO_REQUEST_SIZE) == 0 ? .notSent : .unknownOutcome
    let text = unsafe String(cString: errorText.base)
    let words = printable(unsafe text.isEmpty ? String(cString: curl_easy_strerror(status)) : text)
    let host = ServiceURL.origin(of: request.url)?.host ?? "the service"
    func make(_ code: ScenarioError.Code, _ message: String, _ remedy: Remedy, isRetryable: Bool = true)
      -> ScenarioError
    {
      var error = ScenarioError(code, outcome, stage: request.stage, message, remedy: remedy)
      error.isRetryable = isRetryable
      return error
    }
    let network: Remedy = "check the network, the base URL and the proxy settings"
    var error =
      switch status {
      case _ where failure != nil: failure!
      case CURLE_ABORTED_BY_CALLBACK:
        make(.canceled, "canceled", "", isRetryable: false)
      case CURLE_COULDNT_CONNECT where refusesPrivate && addressGuard.found != nil:
        Self.privateAddress(request, outcome, "\(host) leads to \(addressGuard.found ?? ""), an address")
      case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT:
        make(.unreachable, "cannot reach \(host): \(words)", network)
      case CURLE_OPERATION_TIMEDOUT where outcome == .notSent:
        make(.unreachable, "cannot reach \(host): \(words)", network)
      case CURLE_OPERATION_TIMEDOUT: make(.timedOut, "\(host) took too long: \(words)", "try again")
      case CURLE_SSL_CONNECT_ERROR: make(.tlsFailed, "no secure connection to \(host): \(words)", network)
      case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR:
        make(
          .tlsFailed, "the certificate of \(host) cannot be verified: \(words)",
          "check the base URL, the clock and the CA bundle (CURL_CA_BUNDLE)", isRetryable: false)
      case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_HTTP2, CURLE_HTTP2_STREAM,
        CURLE_SEND_FAIL_REWIND:
        make(.connectionLost, "the connection to \(host) was lost: \(words)", "try again")
      case CURLE_FILESIZE_EXCEEDED: tooLarge(request.responseLimit)
      case CURLE_TOO_MANY_REDIRECTS:
        make(.redirected, "\(host) redirects more than 5 times", "check the base URL", isRetryable: false)
      case CURLE_UNSUPPORTED_PROTOCOL:
        make(.redirected, "\(host) redirects to another protocol", "check the base URL", isRetryable: false)
      default: make(.transportFailed, "the transfer to \(host) failed: \(words)", "try again", isRetryable: false)
      }
    error.curlCode = Int(status.rawValue)
    return error
  }

  private func tooLarge(_ limit: Int) -> ScenarioError {
    ScenarioError(
      .responseTooLarge, .unusable, stage: request.stage,
      "the answer is larger than the limit of \(limit) bytes",
      remedy: "check the base URL, or raise the limit")
  }

  private func info(_ info: CURLINFO) -> Int {
    var value = 0
    unsafe ccurl_get_long(easy.pointer, info, &value)
    return value
  }

  private static func notSent(
    _ code: ScenarioError.Code, _ request: HTTPRequest, _ message: String, _ remedy: Remedy
  ) -> ScenarioError {
    ScenarioError(code, .notSent, stage: request.stage, message, remedy: remedy)
  }

  /// The refusal of an address; `subject` begins the sentence.
  private static func privateAddress(
    _ request: HTTPRequest, _ outcome: ScenarioError.Outcome, _ subject: String
  ) -> ScenarioError {
    ScenarioError(
      .privateAddress, outcome, stage: request.stage, "\(subject) of this machine or of a private network",
      remedy: .allowPrivateAddresses)
  }

  private static func milliseconds(_ duration: Duration) -> Int {
    // 0 means no timeout to libcurl, and the largest value has to fit into 32 bits.
    Int(min(max(duration / .milliseconds(1), 1), 2_000_000_000))
  }

  private static func systemMessage() -> String { unsafe String(cString: strerror(errno)) }
}
