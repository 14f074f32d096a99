internal import ArgumentParser

/// The rules for outputs that are files of their own.
enum OutputOptions {
  /// True for a path that can only be a folder: one with `/` at its end, or a folder that is there.
  static func isFolder(_ path: String) -> Bool { path.hasSuffix("/") || Input.isFolder(path) }

  /// The path of a folder without `/` at its end.
  static func folder(_ path: String) -> String {
    var folder = path[...]
    while folder.count > 1, folder.hasSuffix("/") { folder = folder.dropLast() }
    return String(folder)
  }

  /// Refuses a template that makes no names of files, or has no effect because `output` names the file.
  static func check(name template: String?, output: String?) throws {
    guard let template else { return }
    if let output, !isFolder(output) {
      throw ValidationError("--name is for a folder, and -o names a file: leave one of the two out")
    }
    let rest = template.replacing("{stem}", with: "")
    if let field = rest.firstMatch(of: /\{[^}]*\}/) {
      throw ValidationError("--name has the unknown field \(field.0): use {stem}")
    }
    guard !template.isEmpty, !template.contains("/"), !template.hasPrefix(".") else {
      throw ValidationError("--name \(template) makes no file name: use one such as {stem}-small")
    }
  }

  /// Refuses one name for several outputs, once folders have become their images.
  static func check(name template: String?, output: String?, for inputs: [Input]) throws(CommandError) {
    guard inputs.count > 1 else { return }
    if output != nil {
      throw .usage("-o takes one input, and these are \(inputs.count)", remedy: "name a folder with -o DIR/")
    }
    if let template, !template.contains("{stem}") {
      throw .usage("\(inputs.count) outputs would have one name", remedy: "put {stem} into --name")
    }
  }
}
