/// Carries requests to the service: ``CurlTransport``, or a script in tests.
///
/// These types are not public: their names would clash with those of other packages (Decisions/Dependencies).
package protocol HTTPTransport: Sendable {
  /// Sends one request and returns the reply, whatever its status.
  ///
  /// A reply with an error status is returned, not thrown. Nothing is repeated when ``HTTPRequest/isRepeatable`` is false, not
  /// even on a connection that turns out to be dead.
  ///
  /// - Throws: A ``ScenarioError`` when no complete reply came: `notSent` when no byte was sent, otherwise `unknownOutcome`
  ///   (`unusable` when the reply came but could not be stored). Canceling the task aborts the transfer and throws the code
  ///   `canceled`.
  func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse
}

/// One header field of a request or a reply.
package struct HTTPField: Sendable, Equatable {
  /// The name, which is compared without regard to case.
  package let name: String
  /// The value, without white space around it.
  package let value: String

  /// Makes a field.
  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// One HTTP request.
///
/// It prints as its method and URL without the query.
package struct HTTPRequest: Sendable, CustomStringConvertible, CustomReflectable {
  /// The request's method.
  package enum Method: String, Sendable {
    /// A request that reads.
    case get = "GET"
    /// A request that changes something, such as canceling a job.
    case post = "POST"
    /// A request that stores bytes.
    case put = "PUT"
  }

  /// The request's body.
  package enum Body: Sendable {
    /// No body.
    case none
    /// Bytes in memory, which the transport does not copy.
    case bytes([UInt8])
    /// `count` bytes of a file from `offset` on, read while they are sent.
    case file(path: String, offset: Int, count: Int)

    /// The number of bytes.
    package var count: Int {
      switch self {
      case .none: 0
      case .bytes(let bytes): bytes.count
      case .file(_, _, let count): count
      }
    }
  }

  /// The destination of the reply's body.
  package enum Destination: Sendable, Equatable {
    /// Into memory.
    case memory
    /// Into an open file at its present position when the status is 2xx; otherwise into memory. The descriptor stays open.
    case descriptor(Int32)
  }

  /// The request's method.
  package var method: Method
  /// The URL, http or https.
  package var url: String
  /// Additional fields. The credential does not belong here, but in ``authorization``.
  package var fields: [HTTPField] = []
  /// The request's body.
  package var body = Body.none
  /// The credential. A transport sends it only to the URL's origin, not to another one after a redirect.
  package var authorization: ScenarioCredential?
  /// The destination of the reply's body.
  package var destination = Destination.memory
  /// The largest body of a reply, in bytes; above this limit the transfer is aborted.
  package var responseLimit = 16 << 20
  /// True when redirects are followed (at most 5). A `POST` is never redirected.
  package var followsRedirects = false
  /// True if the user did not give the URL. Then neither the URL nor a redirect may lead to this machine or a private network, unless the
  /// connection's options allow that.
  package var refusesPrivateAddresses = false
  /// True when the request may be sent twice.
  package var isRepeatable: Bool
  /// The longest time for the whole exchange; nil for no limit while bytes are transferred.
  package var timeout: Duration?
  /// Called on any thread with the number of bytes of ``body`` that were sent so far. The number falls when they are sent again.
  package var onSent: (@Sendable (Int) -> Void)?
  /// The stage that errors report.
  package var stage: Stage
  /// The model and its endpoint; nil for a request that starts no job.
  package var generation: Generation?

  /// The endpoint and the model of a generation.
  package struct Generation: Sendable, Equatable {
    /// The service's name of the model.
    package var modelID: String
    /// True for the legacy family of endpoints.
    package var isLegacy: Bool
  }

  /// Makes a request without body and credential.
  ///
  /// `isRepeatable` is true when the request may be sent twice. If it is nil, the method decides (RFC 9110, 9.2.2).
  package init(_ method: Method, _ url: String, stage: Stage, isRepeatable: Bool? = nil) {
    self.method = method
    self.url = url
    self.stage = stage
    self.isRepeatable = isRepeatable ?? (method != .post)
  }

  /// Method and URL without the query.
  package var description: String { "\(method.rawValue) \(SignedURL(rawValue: url))" }
  /// A mirror without children.
  package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// The reply to a request.
package struct HTTPResponse: Sendable {
  /// The status code, 100 to 599.
  package var status: Int
  /// The header fields of the last reply, in order.
  package var fields: [HTTPField]
  /// The body; empty if it went to a file.
  package var body: [UInt8]
  /// The number of bytes of the body after decompression, wherever it went.
  package var bodyCount: Int
  /// The version of HTTP: `1.0`, `1.1`, `2` or `3`; nil if unknown.
  package var httpVersion: String?
  /// True when the request used a kept connection.
  package var reusedConnection: Bool
  /// True when a connection to this machine or to a private network was opened for the request. A connection to a proxy does not count.
  package var connectedPrivately: Bool

  /// Makes a reply.
  package init(
    status: Int, fields: [HTTPField] = [], body: [UInt8] = [], bodyCount: Int? = nil, httpVersion: String? = nil,
    reusedConnection: Bool = false, connectedPrivately: Bool = false
  ) {
    self.status = status
    self.fields = fields
    self.body = body
    self.bodyCount = bodyCount ?? body.count
    self.httpVersion = httpVersion
    self.reusedConnection = reusedConnection
    self.connectedPrivately = connectedPrivately
  }

  /// The value of the first field with this name, compared without regard to case.
  package func value(of name: String) -> String? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}
