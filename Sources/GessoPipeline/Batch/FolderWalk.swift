package import Ground
internal import ImagePreparation

/// The images in a folder, in the order of their names; hidden files and folders are left out.
package struct FolderWalk {
  private let folder: String
  private let isRecursive: Bool
  private let include: [String]
  private let exclude: [String]
  private let other: FileIdentity?
  /// The folders from the first one to the one that is being read.
  private var levels: [Level] = []
  /// The subfolders that could not be read, with the reason, in the order of the walk. The walk continues after them.
  package private(set) var unreadable: [(path: String, failure: FileFailure)] = []
  private var isBegun = false

  private struct Level {
    /// The path from the first folder to this one: empty, or with a slash at its end.
    let place: String
    let identity: FileIdentity
    /// The entries that are still to be examined; the next one is the last.
    var entries: [Folder.Entry]
  }

  private static let extensions = Set(ImageDescription.Format.allCases.flatMap(\.fileExtensions))

  /// - Parameters:
  ///   - folder: The folder.
  ///   - isRecursive: True to walk through the subfolders too. A link to a folder counts as a subfolder.
  ///   - include: Shell patterns (`fnmatch`). A pattern without a slash is compared with the name; a pattern with a slash is compared with
  ///     the path within the folder. If there are no patterns, every file with the extension of an image is taken.
  ///   - exclude: Patterns of files and folders to leave out.
  ///   - other: A folder to leave out, such as that of the results.
  package init(
    _ folder: String, isRecursive: Bool, include: [String] = [], exclude: [String] = [],
    leavingOut other: FileIdentity? = nil
  ) {
    var folder = folder
    while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
    (self.folder, self.isRecursive, self.include, self.exclude, self.other) =
      (folder, isRecursive, include, exclude, other)
  }

  /// The path of the next image within the folder; nil at the end.
  ///
  /// - Throws: A failure of the kind `notFound` or `unreadable` if the first folder cannot be read. There is also a failure if the name of
  ///   an image, or of a folder to walk through, is not UTF-8, because a text cannot name such a file. If a subfolder cannot be read,
  ///   nothing is thrown, and the subfolder is added to ``unreadable``.
  package mutating func next() throws(FileFailure) -> String? {
    if !isBegun {
      isBegun = true
      try enter("")
    }
    while let place = levels.last?.place {
      guard let entry = levels[levels.count - 1].entries.popLast() else {
        levels.removeLast()
        continue
      }
      let path = place + entry.name
      guard takes(entry, path) else { continue }
      guard entry.isUTF8 else { throw .notUTF8([UInt8]("\(folder)/\(place)".utf8), entry.bytes) }
      guard entry.isFolder else { return path }
      do throws(FileFailure) {
        try enter(path + "/")
      } catch {
        unreadable.append(("\(folder)/\(path)", error))
      }
    }
    return nil
  }

  private mutating func enter(_ place: String) throws(FileFailure) {
    let path = place.isEmpty ? folder : "\(folder)/\(place)"
    guard let identity = FileIdentity(path) else { throw .listing(path) }
    // A link to one of its own parent folders would make the walk endless.
    guard identity != other, !levels.contains(where: { $0.identity == identity }) else { return }
    let entries = try Folder.entries(of: path).sorted { $1.bytes.lexicographicallyPrecedes($0.bytes) }
    levels.append(Level(place: place, identity: identity, entries: entries))
  }

  private func takes(_ entry: Folder.Entry, _ path: String) -> Bool {
    let name = entry.name
    guard !name.hasPrefix("."), !Self.isNamed(name, path, by: exclude) else { return false }
    if entry.isFolder { return isRecursive }
    guard include.isEmpty else { return Self.isNamed(name, path, by: include) }
    return Self.extensions.contains(name.lastIndex(of: ".").map { name[$0...].dropFirst().lowercased() } ?? "")
  }

  private static func isNamed(_ name: String, _ path: String, by patterns: [String]) -> Bool {
    patterns.contains { unsafe fnmatch($0, $0.contains("/") ? path : name, 0) == 0 }
  }
}
