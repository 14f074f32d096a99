/// What carries requests to the service: ``CurlTransport``, or a script in tests.
public protocol HTTPTransport: Sendable {
  /// Sends one request and returns the answer, whatever its status.
  ///
  /// An answer of any status is a normal result, not a thrown error. Nothing is repeated when
  /// ``HTTPRequest/isRepeatable`` is false, not even on a connection that turns out to be dead.
  ///
  /// - Throws: A ``ScenarioError`` when no complete answer came: `notSent` when not one byte left, else `unknownOutcome`
  ///   (`unusable` when the answer came but could not be kept). Cancelling the task aborts the transfer and throws the
  ///   code `canceled`.
  func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse
}

/// One header field of a request or an answer.
public struct HTTPField: Sendable, Equatable {
  /// The name, compared without regard to case.
  public let name: String
  /// The value, without white space around it.
  public let value: String

  /// Makes a field.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// One HTTP request.
///
/// It prints as its method and URL without the query.
public struct HTTPRequest: Sendable, CustomStringConvertible, CustomReflectable {
  /// What is asked for.
  public enum Method: String, Sendable {
    /// Read.
    case get = "GET"
    /// Act.
    case post = "POST"
    /// Store.
    case put = "PUT"
  }

  /// What is sent.
  public enum Body: Sendable {
    /// Nothing.
    case none
    /// Bytes in memory; the transport reads them where they are, without a copy of its own.
    case bytes([UInt8])
    /// `count` bytes of a file from `offset` on, read while they are sent.
    case file(path: String, offset: Int, count: Int)

    /// How many bytes are sent.
    public var count: Int {
      switch self {
      case .none: 0
      case .bytes(let bytes): bytes.count
      case .file(_, _, let count): count
      }
    }
  }

  /// Where the answer's body goes.
  public enum Destination: Sendable, Equatable {
    /// Into memory.
    case memory
    /// Into an open file from where it stands, when the status is 2xx; into memory otherwise. The descriptor stays open.
    case descriptor(Int32)
  }

  /// What is asked for.
  public var method: Method
  /// Where, http or https.
  public var url: String
  /// Additional fields. The credential does not belong here, but in ``authorization``.
  public var fields: [HTTPField] = []
  /// What is sent.
  public var body = Body.none
  /// Who asks; a transport never sends it to another origin than the URL's, not even when redirected.
  public var authorization: ScenarioCredential?
  /// Where the answer goes.
  public var destination = Destination.memory
  /// The largest body of an answer, in bytes; above it the transfer is aborted.
  public var responseLimit = 16 << 20
  /// True when redirects are followed (at most 5). A `POST` is never redirected.
  public var followsRedirects = false
  /// True when the request may be sent twice without harm.
  public var isRepeatable: Bool
  /// How long the whole may take; nil for as long as bytes move.
  public var timeout: Duration?
  /// Told how many bytes of ``body`` were sent so far, on any thread; less than before when they are sent again.
  public var onSent: (@Sendable (Int) -> Void)?
  /// The step of the pipeline this belongs to, for errors.
  public var stage: ScenarioError.Stage

  /// Makes a request without body and credential.
  ///
  /// `isRepeatable` tells whether it may be sent twice; nil for what HTTP says of the method (RFC 9110, 9.2.2).
  public init(_ method: Method, _ url: String, stage: ScenarioError.Stage, isRepeatable: Bool? = nil) {
    self.method = method
    self.url = url
    self.stage = stage
    self.isRepeatable = isRepeatable ?? (method != .post)
  }

  /// Method and URL without the query.
  public var description: String { "\(method.rawValue) \(SignedURL(rawValue: url))" }
  /// A mirror without children.
  public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// The answer to a request.
public struct HTTPResponse: Sendable {
  /// The status code, 100 to 599.
  public var status: Int
  /// The header fields of the last answer, in order.
  public var fields: [HTTPField]
  /// The body, unless it went to a file.
  public var body: [UInt8]
  /// Bytes of the body, wherever it went, as they arrived after decompression.
  public var bodyCount: Int
  /// The protocol spoken: `1.0`, `1.1`, `2` or `3`; nil if unknown.
  public var httpVersion: String?
  /// True when no connection had to be made for it.
  public var reusedConnection: Bool

  /// Makes an answer.
  public init(
    status: Int, fields: [HTTPField] = [], body: [UInt8] = [], bodyCount: Int? = nil, httpVersion: String? = nil,
    reusedConnection: Bool = false
  ) {
    self.status = status
    self.fields = fields
    self.body = body
    self.bodyCount = bodyCount ?? body.count
    self.httpVersion = httpVersion
    self.reusedConnection = reusedConnection
  }

  /// The value of the first field of that name, in any case.
  public func value(of name: String) -> String? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}
