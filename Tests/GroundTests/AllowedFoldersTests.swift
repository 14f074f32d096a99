import Foundation
import Ground
import TestSupport
import Testing

@Suite("Folders that a program keeps to")
struct AllowedFoldersTests {
  /// The file that a path leads to, or the reason why it is refused, without the text of a system's error.
  enum Outcome: Sendable, Equatable {
    case leads(String)
    case refused(AllowedFolders.Refusal)
    case unreachable
  }

  /// `allowed` is allowed, `outside` and `allowed-too` are not.
  let root: String

  init() throws {
    let folder = TestFolder.url.appending(path: "gesso-allowed-\(UUID().uuidString)").path
    let files = FileManager.default
    for name in ["allowed/in/deep", "outside/in", "allowed-too", "allowed/e\u{301}"] {
      try files.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    for name in ["allowed/a.jpg", "allowed/in/b.jpg", "outside/secret.jpg", "allowed-too/c.jpg"] {
      try Data([1]).write(to: URL(filePath: "\(folder)/\(name)"))
    }
    // The path of a temporary folder may have links itself.
    guard let real = unsafe realpath(folder, nil) else { throw POSIXError(.ENOENT) }
    defer { unsafe free(real) }
    root = unsafe String(cString: real)
    for (link, target) in [
      ("allowed/up", "../outside"), ("allowed/secret.jpg", "../outside/secret.jpg"), ("allowed/self", "self"),
      ("allowed/dangling.jpg", "nothing.jpg"), ("allowed/gone", "../outside/nothing"), ("allowed/good", "in"),
      ("allowed/good.jpg", "a.jpg"), ("allowed/whole", "\(root)/allowed/in"), ("outside/back", "../allowed"),
      ("allowed/twice", "up/back"),
    ] {
      try files.createSymbolicLink(atPath: "\(root)/\(link)", withDestinationPath: target)
    }
  }

  private func outcome(_ body: () throws(AllowedFolders.Refusal) -> String) -> Outcome {
    do {
      let real = try body()
      return .leads(String(real.dropFirst(root.utf8.count)))
    } catch {
      if case .unreachable = error { return .unreachable }
      return .refused(error)
    }
  }

  @Test(
    "a path of something that is read is followed, and must be there",
    arguments: [
      ("/allowed/a.jpg", .leads("/allowed/a.jpg")), ("/allowed//in/./b.jpg", .leads("/allowed/in/b.jpg")),
      ("/allowed/in/../a.jpg", .leads("/allowed/a.jpg")), ("/allowed/good/b.jpg", .leads("/allowed/in/b.jpg")),
      ("/allowed/good.jpg", .leads("/allowed/a.jpg")), ("/allowed/whole/b.jpg", .leads("/allowed/in/b.jpg")),
      ("/allowed/twice/a.jpg", .leads("/allowed/a.jpg")), ("/outside/back/a.jpg", .leads("/allowed/a.jpg")),
      ("/allowed", .leads("/allowed")), ("/allowed/", .leads("/allowed")),
      ("/outside/secret.jpg", .refused(.outside)), ("/allowed/../outside/secret.jpg", .refused(.outside)),
      ("/allowed/up/secret.jpg", .refused(.outside)), ("/allowed/secret.jpg", .refused(.outside)),
      ("/allowed-too/c.jpg", .refused(.outside)), ("/outside/nothing.jpg", .refused(.outside)),
      ("/allowed/up/nothing.jpg", .refused(.outside)), ("", .refused(.outside)),
      ("/allowed/nothing.jpg", .refused(.absent)), ("/allowed/nothing/../../outside/secret.jpg", .refused(.outside)),
      ("/allowed/dangling.jpg", .refused(.danglingLink)), ("/allowed/gone/x.jpg", .refused(.danglingLink)),
      ("/allowed/self", .unreachable), ("/allowed/a.jpg/x.jpg", .unreachable),
      ("/allowed/a\0.jpg", .refused(.notAbsolute)),
    ] as [(String, Outcome)])
  func existing(path: String, expected: Outcome) throws {
    let folders = try AllowedFolders(["\(root)/allowed"])
    #expect(outcome { () throws(AllowedFolders.Refusal) in try folders.existing(root + path) } == expected)
  }

  @Test(
    "a path of something that is made is followed as far as it is there",
    arguments: [
      ("/allowed/new.jpg", .leads("/allowed/new.jpg")),
      ("/allowed/new/deeper/x.jpg", .leads("/allowed/new/deeper/x.jpg")),
      ("/allowed/good/new.jpg", .leads("/allowed/in/new.jpg")), ("/allowed/new/./x.jpg", .leads("/allowed/new/x.jpg")),
      ("/allowed/a.jpg", .leads("/allowed/a.jpg")), ("/allowed/new//x", .leads("/allowed/new/x")),
      ("/allowed/new/", .leads("/allowed/new")), ("/allowed/twice/new.jpg", .leads("/allowed/new.jpg")),
      ("/allowed/up/new.jpg", .refused(.outside)), ("/outside/new.jpg", .refused(.outside)),
      ("/allowed/../new.jpg", .refused(.outside)), ("/allowed/new/../x.jpg", .refused(.outside)),
      ("/allowed/new/../../outside/x.jpg", .refused(.outside)), ("/allowed/gone/x.jpg", .refused(.danglingLink)),
      ("/allowed/dangling.jpg", .refused(.danglingLink)), ("/allowed/dangling.jpg/", .refused(.danglingLink)),
      ("/allowed-new/x.jpg", .refused(.outside)), ("/allowed/self/x.jpg", .unreachable),
      // A slash with an accent is another character in Swift, but the system still reads the slash.
      ("/allowed/\u{301}new/x.jpg", .leads("/allowed/\u{301}new/x.jpg")),
    ] as [(String, Outcome)])
  func new(path: String, expected: Outcome) throws {
    let folders = try AllowedFolders(["\(root)/allowed"])
    #expect(outcome { () throws(AllowedFolders.Refusal) in try folders.new(root + path) } == expected)
  }

  @Test("relative paths are refused, and without a folder every other one", arguments: ["a.jpg", "", "~/a.jpg", "-"])
  func relative(path: String) throws {
    let folders = try AllowedFolders(["\(root)/allowed"])
    #expect(outcome { () throws(AllowedFolders.Refusal) in try folders.new(path) } == .refused(.notAbsolute))
    let none = try AllowedFolders([])
    #expect(outcome { () throws(AllowedFolders.Refusal) in try none.new("/") } == .refused(.outside))
  }

  @Test("names that look alike are two names")
  func bytes() throws {
    let folders = try AllowedFolders(["\(root)/allowed/e\u{301}"])
    let composed = "\(root)/allowed/\u{E9}/x.jpg"
    #expect(outcome { () throws(AllowedFolders.Refusal) in try folders.new(composed) } == .refused(.outside))
    #expect(!folders.contain("\(root)/allowed/\u{E9}"))
    #expect(folders.contain("\(root)/allowed/e\u{301}"))
  }

  @Test("all of the disk may be allowed; a path that is not a folder may not")
  func folders() throws {
    #expect(try AllowedFolders(["/"]).contain("\(root)/outside"))
    #expect(try AllowedFolders(["\(root)/allowed/good"]).paths == ["\(root)/allowed/in"])
    for path in ["allowed/a.jpg", "nothing", "allowed/gone"] {
      #expect(throws: FileFailure.self) { try AllowedFolders(["\(root)/\(path)"]) }
    }
  }
}
