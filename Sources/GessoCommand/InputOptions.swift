internal import ArgumentParser

/// The arguments of verbs that take several inputs.
struct InputOptions: ParsableArguments {
  @Argument(help: "Paths, folders, - for standard input, or http(s) URLs.")
  var inputs: [String]

  @Flag(help: "Take the images of folders within folders as well.")
  var recursive = false

  /// The inputs. A folder is replaced by its images.
  ///
  /// - Returns: The inputs in the order in which they were named.
  /// - Throws: Status 2, and status 3 for a folder without images.
  func list() throws(CommandError) -> [Input] { try Input.list(inputs, isRecursive: recursive) }
}
