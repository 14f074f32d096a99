import Foundation
import Ground
import TestSupport
import Testing

@Suite("Durable files")
struct DurableFileTests {
  /// A folder of its own for each test.
  let folder: String

  init() throws {
    folder = TestFolder.url.appending(path: "gesso-durable-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func content(_ name: String) -> [UInt8]? {
    // FileManager's reader leaves a buffer behind for an empty file, which a memory sanitizer reports.
    try? wholeFile("\(folder)/\(name)")
  }

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

  @Test("a new file holds the bytes and nothing else is left", arguments: [true, false])
  func writes(replacing: Bool) throws {
    try DurableFile.write([1, 2, 3], to: "\(folder)/a", replacing: replacing)
    #expect(content("a") == [1, 2, 3])
    #expect(try names() == ["a"])
  }

  @Test("an existing file is replaced by a new inode, never rewritten in place")
  func replaces() throws {
    try DurableFile.write([1, 2, 3], to: "\(folder)/a", replacing: true)
    let reader = try #require(FileHandle(forReadingAtPath: "\(folder)/a"))
    try DurableFile.write([4], to: "\(folder)/a", replacing: true)
    #expect(content("a") == [4])
    #expect(try reader.readToEnd() == Data([1, 2, 3]), "who had the old file open still reads all of it")
    #expect(try names() == ["a"])
  }

  @Test("an existing file is kept when replacing is refused")
  func refuses() throws {
    try DurableFile.write([1], to: "\(folder)/a", replacing: true)
    expect(.exists) { () throws(FileFailure) in
      try DurableFile.write([2], to: "\(folder)/a", replacing: false)
    }
    #expect(content("a") == [1])
    #expect(try names() == ["a"])
  }

  @Test("one of many writers that may not replace succeeds, and its file is whole")
  func races() async throws {
    let path = "\(folder)/a"
    let winners = await withTaskGroup(of: UInt8?.self) { group in
      for number in UInt8(1)...16 {
        group.addTask {
          let written: Void? = try? DurableFile.write(
            Array(repeating: number, count: 5_000), to: path, replacing: false)
          return written == nil ? nil : number
        }
      }
      return await group.reduce(into: [UInt8]()) { if let winner = $1 { $0.append(winner) } }
    }
    #expect(winners.count == 1)
    #expect(content("a") == winners.first.map { Array(repeating: $0, count: 5_000) })
    #expect(try names() == ["a"])
  }

  /// Ways to reach the input `photo` in the folder.
  @Test(
    "the input is never replaced, by whatever name", arguments: ["photo", "./photo", "hard", "soft", "up/../photo"])
  func sparesInput(name: String) throws {
    try FileManager.default.createDirectory(atPath: "\(folder)/up", withIntermediateDirectories: true)
    try DurableFile.write([1], to: "\(folder)/photo", replacing: true)
    try FileManager.default.linkItem(atPath: "\(folder)/photo", toPath: "\(folder)/hard")
    try FileManager.default.createSymbolicLink(atPath: "\(folder)/soft", withDestinationPath: "photo")
    expect(.isInput) { () throws(FileFailure) in
      try DurableFile.write(
        [2], to: "\(folder)/\(name)", replacing: true, notOver: ["\(folder)/other", "\(folder)/photo"])
    }
    #expect(content("photo") == [1])
  }

  @Test("a symbolic link stays and its target is replaced")
  func followsLinks() throws {
    try DurableFile.write([1], to: "\(folder)/target", replacing: true)
    try FileManager.default.createSymbolicLink(atPath: "\(folder)/link", withDestinationPath: "target")
    try DurableFile.write([2], to: "\(folder)/link", replacing: true)
    #expect(content("target") == [2])
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/link") == "target")
  }

  @Test(
    "a link whose target is not there yet stays, and leads to the new file",
    arguments: ["target", "./up/../target", "link-2", "up/link-3"])
  func followsDanglingLinks(target: String) throws {
    try FileManager.default.createDirectory(atPath: "\(folder)/up", withIntermediateDirectories: true)
    for (link, target) in [("link", target), ("link-2", "target"), ("up/link-3", "\(folder)/target")] {
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/\(link)", withDestinationPath: target)
    }
    try DurableFile.write([2], to: "\(folder)/link", replacing: true)
    #expect(content("target") == [2])
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/link") == target)
    try DurableFile.write([3], to: "\(folder)/link", replacing: true)
    #expect(content("target") == [3])
    #expect(try names() == ["link", "link-2", "target", "up"])
  }

  @Test(
    "a link occupies its name like a file if nothing may be replaced",
    arguments: ["nothing", "target", "../outside", "link"])
  func keepsLinks(target: String) throws {
    try DurableFile.write([1], to: "\(folder)/target", replacing: true)
    try FileManager.default.createSymbolicLink(atPath: "\(folder)/link", withDestinationPath: target)
    expect(.exists) { () throws(FileFailure) in try DurableFile.check("\(folder)/link", replacing: false) }
    expect(.exists) { () throws(FileFailure) in
      try DurableFile.write([2], to: "\(folder)/link", replacing: false)
    }
    #expect(try names() == ["link", "target"] && content("target") == [1])
  }

  @Test(
    "a file that is open is found in a folder by the folder's path of now, not of before",
    arguments: [("nothing", true), ("moved", false), ("link to outside", false), ("link to inside", true)])
  func isInside(change: String, isAllowed: Bool) throws {
    let files = FileManager.default
    for name in ["allowed/out", "allowed/other", "outside"] {
      try files.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    let folders = try AllowedFolders(["\(folder)/allowed"])
    let out = "\(folder)/allowed/out"
    switch change {
    case "moved": try files.moveItem(atPath: out, toPath: "\(folder)/elsewhere")
    case "link to outside", "link to inside":
      try files.removeItem(atPath: out)
      let target = change == "link to inside" ? "allowed/other" : "outside"
      try files.createSymbolicLink(atPath: out, withDestinationPath: "\(folder)/\(target)")
    default: break
    }
    // In the case "moved", the folder was moved after the file was opened, so the file is no longer at its path.
    let path = change == "moved" ? "\(folder)/elsewhere/a" : "\(out)/a"
    try Data([1]).write(to: URL(filePath: path))
    let file = try #require(FileHandle(forUpdatingAtPath: path))
    if isAllowed {
      try DurableFile.check("\(out)/a", file.fileDescriptor, in: folders)
    } else {
      expect(.notWritten) { () throws(FileFailure) in
        try DurableFile.check("\(out)/a", file.fileDescriptor, in: folders)
      }
    }
  }

  @Test("a link that leads to itself is refused")
  func loops() throws {
    try FileManager.default.createSymbolicLink(atPath: "\(folder)/a", withDestinationPath: "a")
    expect(.notWritten) { () throws(FileFailure) in
      try DurableFile.write([2], to: "\(folder)/a", replacing: true)
    }
    #expect(try names() == ["a"])
  }

  @Test("a file that is replaced keeps its permissions", arguments: [0o600, 0o640, 0o664, 0o444, 0o755])
  func keepsPermissions(mode: Int) throws {
    func permissions(_ name: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")[.posixPermissions] as? Int
    }
    for name in ["written", "moved", "target"] {
      try DurableFile.write([1], to: "\(folder)/\(name)", replacing: true)
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: "\(folder)/\(name)")
    }
    try FileManager.default.createSymbolicLink(atPath: "\(folder)/link", withDestinationPath: "target")
    try DurableFile.write([2], to: "\(folder)/written", replacing: true)
    try DurableFile.write([2], to: "\(folder)/link", replacing: true)
    try DurableFile(beside: "\(folder)/moved").move(to: "\(folder)/moved", replacing: true)
    for name in ["written", "moved", "target"] { #expect(try permissions(name) == mode, "\(name)") }
    #expect(content("written") == [2] && content("target") == [2] && content("moved") == [])
  }

  @Test("an open descriptor is written to at its present position", arguments: [true, false])
  func descriptors(replacing: Bool) throws {
    try DurableFile.write([1, 2], to: "\(folder)/a", replacing: true)
    let handle = try #require(FileHandle(forUpdatingAtPath: "\(folder)/a"))
    try handle.seekToEnd()
    try DurableFile.write([3], to: "/dev/fd/\(handle.fileDescriptor)", replacing: replacing)
    try handle.write(contentsOf: Data([4]))
    #expect(content("a") == [1, 2, 3, 4])
    #expect(try names() == ["a"])
  }

  @Test(
    "a complete file gets a name that is free, or refuses one that is taken",
    arguments: [
      // The kind of file that has the name, and whether it may be replaced.
      ("nothing", false, true), ("nothing", true, true), ("file", false, false), ("file", true, true),
      ("link", false, false), ("link", true, true), ("folder", false, false),
    ])
  func moves(existing: String, replacing: Bool, isMoved: Bool) throws {
    try DurableFile.write([7], to: "\(folder)/target", replacing: true)
    switch existing {
    case "file": try DurableFile.write([1], to: "\(folder)/a", replacing: true)
    case "link": try FileManager.default.createSymbolicLink(atPath: "\(folder)/a", withDestinationPath: "target")
    case "folder": try FileManager.default.createDirectory(atPath: "\(folder)/a", withIntermediateDirectories: true)
    default: break
    }
    do {
      let file = try DurableFile(beside: "\(folder)/a")
      try writeAll([2], to: file.descriptor, name: "a")
      try file.sync()
      if isMoved {
        try file.move(to: "\(folder)/a", replacing: replacing)
        #expect(content("a") == [2])
      } else {
        expect(.exists) { () throws(FileFailure) in try file.move(to: "\(folder)/a", replacing: replacing) }
        try file.move(to: "\(folder)/b", replacing: false)
        #expect(content("b") == [2], "it may have another name")
      }
    }
    #expect(try names().allSatisfy { !$0.hasPrefix(".") }, "no temporary file is left")
    #expect(content("target") == [7], "a link is not followed")
  }

  @Test("a file without a name leaves nothing behind, and can be emptied")
  func isTemporary() throws {
    do {
      let file = try DurableFile(beside: "\(folder)/a")
      try writeAll([1, 2, 3], to: file.descriptor, name: "a")
      try file.empty()
      try writeAll([4], to: file.descriptor, name: "a")
      #expect(FileManager.default.contents(atPath: file.path) == Data([4]))
      #expect(try names().count == 1)
    }
    #expect(try names() == [])
  }

  @Test("files of killed processes are removed, and neither those of living ones nor any other")
  func abandoned() throws {
    // A killed process leaves the file, and the kernel ends its lock.
    for name in [".gesso-dead.part", ".gesso-dead.part.txt", "result.png", "photo.part", "a.png.unverified"] {
      try DurableFile.write([1], to: "\(folder)/\(name)", replacing: true)
    }
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder)/.gesso-link.part", withDestinationPath: "result.png")
    try FileManager.default.createDirectory(
      atPath: "\(folder)/.gesso-folder.part", withIntermediateDirectories: true)
    let living = try DurableFile(beside: "\(folder)/a")
    DurableFile.removeAbandoned(in: folder)
    #expect(
      try names()
        == [
          ".gesso-dead.part.txt", ".gesso-folder.part", ".gesso-link.part", "a.png.unverified", "photo.part",
          "result.png", String(living.path.split(separator: "/").last!),
        ].sorted())
    try living.move(to: "\(folder)/a", replacing: false)
    DurableFile.removeAbandoned(in: "\(folder)/nothing")
  }

  // The system fills a buffer with entries, and the last entry has less room than the longest name would need. If the code reads a whole
  // entry there, it reads beyond the buffer, which the address sanitizer finds or which ends the process.
  @Test("the names of a large folder are read, and nothing behind them")
  func largeFolder() throws {
    for number in 0..<3000 { try Data().write(to: URL(filePath: "\(folder)/\(number)")) }
    try Data().write(to: URL(filePath: "\(folder)/.gesso-dead.part"))
    DurableFile.removeAbandoned(in: folder)
    #expect(try names().count == 3000)
  }

  @Test("files are made while others remove what killed processes left")
  func cleaningRaces() async throws {
    let folder = folder
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        group.addTask {
          for round in 0..<50 {
            if number < 4 { DurableFile.removeAbandoned(in: folder) }
            try DurableFile.write([UInt8(number)], to: "\(folder)/\(number)-\(round)", replacing: false)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try names().count == 400)
  }

  @Test(
    "a folder is tried out with the longest name",
    arguments: [("", 0, true), ("fog", 255, true), ("fog", 256, false), ("ü", 255, true)])
  func triesOut(name: String, length: Int, isTaken: Bool) throws {
    if isTaken {
      try DurableFile.tryOut(folder, name: name, length: length)
    } else {
      expect(.notWritten) { () throws(FileFailure) in
        try DurableFile.tryOut(folder, name: name, length: length)
      }
    }
    #expect(try names() == [])
    expect(.notWritten) { () throws(FileFailure) in
      try DurableFile.tryOut("\(folder)/nothing", name: name, length: length)
    }
  }

  @Test("a device is written to, not replaced")
  func writesThrough() throws {
    try DurableFile.write([1], to: "/dev/null", replacing: true)
    let type = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType
    #expect(type == .typeCharacterSpecial)
  }

  @Test("a failed write throws and leaves nothing", arguments: ["missing/a", "folder", "photo/a"])
  func fails(name: String) throws {
    try FileManager.default.createDirectory(atPath: "\(folder)/folder", withIntermediateDirectories: true)
    try DurableFile.write([1], to: "\(folder)/photo", replacing: true)
    expect(.notWritten) { () throws(FileFailure) in
      try DurableFile.write([2], to: "\(folder)/\(name)", replacing: true)
    }
    #expect(try names() == ["folder", "photo"])
  }

  private func expect(
    _ kind: FileFailure.Kind, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws(FileFailure) -> Void
  ) {
    do throws(FileFailure) {
      try body()
      Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch {
      #expect(error.kind == kind, sourceLocation: sourceLocation)
      #expect(!error.message.isEmpty && !error.remedy.isEmpty, sourceLocation: sourceLocation)
    }
  }
}
