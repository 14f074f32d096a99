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

  /// The scheme of a URL, in lowercase. A single letter is not a scheme, and neither is the beginning of an existing
  /// file's name.
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

  /// The input's name in messages, JSON and records. The query of a URL is left out, because it may contain a signature, and so are the
  /// user and the password.
  package var name: String {
    // The rest of the address may be megabytes long.
    if let unreadableScheme { return "\(unreadableScheme):…" }
    return OutputNaming.isURL(argument)
      ? Secrets.withoutUser(String(argument.prefix { $0 != "?" && $0 != "#" })) : argument
  }

  /// The file that no output may replace; nil if the input is not a file.
  package var file: String? {
    if argument == "-" { return "/dev/stdin" }
    return OutputNaming.isURL(argument) ? nil : argument
  }

  /// The source of its bytes. A URL is fetched first, without credentials and up to `limit` bytes.
  ///
  /// - Parameters:
  ///   - limit: The largest number of bytes of a URL. It also limits an input that can be read only once, such as a pipe, if `isReadAgain`.
  ///   - allowsPrivate: True for a URL that may lead to this machine or to a private network.
  ///   - isReadAgain: True to keep the bytes of an input that can be read only once.
  /// - Returns: The source, which can be read more than once if `isReadAgain`.
  /// - Throws: Status 3 for an input that cannot be opened, and for a URL that leads to a private network; 4 above the limit; 7 when a
  ///   server does not reply.
  package func source(
    limit: Int, allowsPrivate: Bool, isReadAgain: Bool
  ) async throws(CommandError) -> ImageSource {
    if let unreadableScheme {
      throw CommandError(
        "unreadable", stage: .open, "addresses of the kind \(unreadableScheme): cannot be read",
        remedy: "give a file, - for standard input, or an http(s) address", status: .badInput)
    }
    if OutputNaming.isURL(argument) {
      let transport = allowsPrivate ? Self.anywhere : Self.publicly
      return .memory(try await fetched(over: transport, limit: limit))
    }
    if let folderFailure { throw folderFailure }
    guard let pipe = try PipedInput(argument) else {
      return argument == "-" ? .descriptor(STDIN_FILENO) : .file(argument)
    }
    return isReadAgain ? try await pipe.spooled(limit: limit) : pipe.source
  }

  // Each transport is made when the first URL needs it, because files need none.
  private static let publicly = CurlTransport()
  private static let anywhere = CurlTransport(options: ConnectionOptions(allowsPrivateAddresses: true))

  func fetched(over transport: any HTTPTransport, limit: Int) async throws(CommandError) -> [UInt8] {
    do throws(ScenarioError) {
      return try await AddressReader(over: transport).bytes(at: argument, limit: limit)
    } catch {
      throw CommandError(fetching: error, limit: limit)
    }
  }

  /// The inputs that a list of arguments names. A folder is replaced by its images. A list that cannot be processed is an error.
  ///
  /// - Parameters:
  ///   - arguments: Paths, folders, `-` and addresses.
  ///   - isRecursive: True to take the images of folders within folders as well.
  /// - Returns: The inputs. Those of a folder are in the order of their names, and after them come the folders within it that cannot be
  ///   read, as inputs that cannot be read.
  /// - Throws: Status 2, and status 3 for a folder without images, one that cannot be read, and names that are not UTF-8.
  package static func list(_ arguments: [String], isRecursive: Bool = false) throws(CommandError) -> [Input] {
    try PipedInput.checkNamedOnce(arguments)
    guard !arguments.contains("") else {
      throw .usage("an input's name is empty", remedy: "check how the command line was put together")
    }
    var inputs: [Input] = []
    for argument in arguments {
      guard argument != "-", !OutputNaming.isURL(argument), isFolder(argument) else {
        inputs.append(Input(argument))
        continue
      }
      let images = try images(in: argument, isRecursive: isRecursive)
      guard !images.isEmpty else {
        throw CommandError(
          "not-found", stage: .open, "the folder \(argument) holds no images",
          remedy: isRecursive ? "check the path" : "check the path, or look in the folders within it with --recursive",
          status: .badInput)
      }
      inputs += images.map(Input.init)
    }
    return inputs
  }

  static func isFolder(_ path: String) -> Bool { FileIdentity(path)?.isFolder == true }

  /// The images in a folder, in the order of their names. Hidden files are left out.
  private static func images(in folder: String, isRecursive: Bool) throws(CommandError) -> [String] {
    var walk = FolderWalk(folder, isRecursive: isRecursive)
    var paths: [String] = []
    do throws(FileFailure) {
      while let path = try walk.next() { paths.append(folder.hasSuffix("/") ? folder + path : "\(folder)/\(path)") }
    } catch {
      throw CommandError(error)
    }
    return paths + walk.unreadable.map(\.path)
  }

  /// If this input is a folder that cannot be read, within a folder whose images were listed: the reason. Nil for everything else.
  var folderFailure: CommandError? {
    guard argument != "-", !OutputNaming.isURL(argument), Self.isFolder(argument) else { return nil }
    do throws(FileFailure) {
      _ = try Folder.entries(of: argument)
      return nil
    } catch {
      return CommandError(error)
    }
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
    case .privateAddress:
      self.init(
        error.code.rawValue, stage: .open, error.message, remedy: error.remedy.commandWords, status: .badInput)
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
