/// The OpenAPI file that the sandbox follows. Only the list of operations is read from it.
///
/// A full YAML parser is not needed: the file is ours, and its paths, methods and operation ids are at fixed
/// indentations.
enum ServiceDocument {
  /// One method of one path.
  struct Operation: Hashable, Sendable {
    let method: String
    /// Segments after `/v1`, parameters in braces.
    let path: String
    let id: String
  }

  /// Every operation of the file, in its order.
  static let operations: [Operation] = {
    let text = String(decoding: PackageResources.scenario_openapi_yaml, as: UTF8.self)
    var operations: [Operation] = []
    var (path, method) = ("", "")
    var isInPaths = false
    for line in text.split(separator: "\n") {
      if line.first != " " {
        isInPaths = line == "paths:"
      } else if isInPaths, line.hasPrefix("  /"), line.hasSuffix(":") {
        path = String(line.dropFirst(2).dropLast())
      } else if isInPaths, line.hasPrefix("      operationId: ") {
        operations.append(Operation(method: method, path: path, id: String(line.dropFirst(19))))
      } else if isInPaths, line.hasPrefix("    "), !line.hasPrefix("     "), line.hasSuffix(":") {
        method = line.dropFirst(4).dropLast().uppercased()
      }
    }
    return operations
  }()
}
