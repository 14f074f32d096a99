internal import GessoPipeline
package import ImagePreparation
internal import ScenarioAPI

/// An argument that names an image: a path, `-` for standard input, or an `http(s)` URL.
package struct Input: Sendable, Hashable {
  /// The argument as given.
  package let argument: String

  package init(_ argument: String) { self.argument = argument }

  /// Its name in lines, JSON and records: a URL without its query, which may contain a signature, and without user and password.
  package var name: String {
    OutputNaming.isURL(argument) ? Secrets.withoutUser(String(argument.prefix { $0 != "?" && $0 != "#" })) : argument
  }

  /// The file that must not be written over; nil where there is none.
  package var file: String? { argument == "-" || OutputNaming.isURL(argument) ? nil : argument }

  /// The source of its bytes. A URL is fetched first, without credentials and up to `limit` bytes.
  package func source(limit: Int) async throws(CommandError) -> ImageSource {
    if argument == "-" { return .descriptor(0) }
    guard OutputNaming.isURL(argument) else { return .file(argument) }
    return .memory(try await fetched(over: Self.transport, limit: limit))
  }

  /// The source in a form that can be read twice: standard input is read into memory, up to `limit` bytes.
  func repeatableSource(limit: Int) async throws(CommandError) -> ImageSource {
    guard argument == "-" else { return try await source(limit: limit) }
    return .memory(try await StandardInput.read(limit: limit))
  }

  /// Made when the first URL is fetched; files need no transport.
  private static let transport = CurlTransport()

  func fetched(over transport: any HTTPTransport, limit: Int) async throws(CommandError) -> [UInt8] {
    var request = HTTPRequest(.get, argument, stage: .download)
    request.responseLimit = limit
    request.followsRedirects = true
    do throws(ScenarioError) {
      let response = try await transport.send(request)
      guard (200..<300).contains(response.status) else {
        throw ScenarioError(
          .rejected, .refused, stage: .download, "the server answered \(response.status)",
          remedy: "check the address in a browser")
      }
      return response.body
    } catch {
      throw CommandError(fetching: error, limit: limit)
    }
  }

  /// The inputs that a list of arguments names; throws for lists that cannot be processed.
  package static func list(_ arguments: [String]) throws(CommandError) -> [Input] {
    guard arguments.filter({ $0 == "-" }).count <= 1 else {
      throw .usage("standard input is named twice", remedy: "name - once")
    }
    guard !arguments.contains("") else {
      throw .usage("an input's name is empty", remedy: "check how the command line was put together")
    }
    return arguments.map(Input.init)
  }
}

extension CommandError {
  /// A failure to fetch an input.
  fileprivate init(fetching error: ScenarioError, limit: Int) {
    switch error.code {
    case .responseTooLarge:
      self.init(
        "too-many-bytes", stage: .open, "there are more than \(limit >> 20) MB at this address",
        remedy: "raise --max-download", status: .limit)
    case .canceled:
      self = .interrupted
    case .unreachable, .tlsFailed, .connectionLost, .timedOut, .transportFailed:
      self.init(
        error.code.rawValue, stage: .open, error.message, remedy: error.remedy.commandWords, status: .unavailable)
    default:
      self.init("unreadable", stage: .open, error.message, remedy: error.remedy.commandWords, status: .badInput)
    }
  }
}
