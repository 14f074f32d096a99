internal import Foundation
internal import GessoPipeline
internal import Ground
package import ImagePreparation
internal import ScenarioAPI

/// An argument that names an image: a path, `-` for standard input, or an `http(s)` or `file` URL.
package struct Input: Sendable, Hashable {
  /// The argument as given; the path that a `file` URL names.
  package let argument: String

  package init(_ argument: String) { self.argument = Self.path(ofFileURL: argument) ?? argument }

  /// The path that a URL of this machine names (RFC 8089); nil for everything else.
  private static func path(ofFileURL argument: String) -> String? {
    guard scheme(of: argument) == "file", let url = URL(string: argument),
      ["", "localhost"].contains(url.host() ?? ""),
      case let path = url.path(percentEncoded: false), path.hasPrefix("/")
    else { return nil }
    return path
  }

  /// The scheme of a URL, in lowercase. A letter alone is none, nor is a colon in the name of a file that exists.
  private static func scheme(of argument: String) -> String? {
    let name = argument.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    guard name.count > 1, name.first?.isLetter == true, argument.dropFirst(name.count).hasPrefix(":"),
      unsafe access(argument, F_OK) != 0
    else { return nil }
    return name.lowercased()
  }

  /// The scheme of an address that cannot be read; nil for everything else.
  private var unreadableScheme: String? {
    guard let scheme = Self.scheme(of: argument), !["http", "https"].contains(scheme) else { return nil }
    let isAddress = argument.dropFirst(scheme.count + 1).hasPrefix("//") || ["data", "blob", "file"].contains(scheme)
    return isAddress ? scheme : nil
  }

  /// Its name in lines, JSON and records: a URL without its query, which may contain a signature, and without user and password.
  package var name: String {
    // What follows may be megabytes.
    if let unreadableScheme { return "\(unreadableScheme):…" }
    return OutputNaming.isURL(argument)
      ? Secrets.withoutUser(String(argument.prefix { $0 != "?" && $0 != "#" })) : argument
  }

  /// The file that must not be written over; nil where there is none.
  package var file: String? { argument == "-" || OutputNaming.isURL(argument) ? nil : argument }

  /// The source of its bytes. A URL is fetched first, without credentials and up to `limit` bytes.
  package func source(limit: Int) async throws(CommandError) -> ImageSource {
    if argument == "-" { return .descriptor(0) }
    if let unreadableScheme {
      throw CommandError(
        "unreadable", stage: .open, "addresses of the kind \(unreadableScheme): cannot be read",
        remedy: "give a file, - for standard input, or an http(s) address", status: .badInput)
    }
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
    do throws(ScenarioError) {
      return try await AddressReader(over: transport).bytes(at: argument, limit: limit)
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
    case .unreachable, .tlsFailed, .connectionLost, .timedOut, .transportFailed, .serviceFailed:
      self.init(
        error.code.rawValue, stage: .open, error.message, remedy: error.remedy.commandWords, status: .unavailable)
    default:
      self.init("unreadable", stage: .open, error.message, remedy: error.remedy.commandWords, status: .badInput)
    }
  }
}
