import Foundation
import ImagePreparation
import TestSupport
import Testing

/// The statements of the documents about the repository's files.
@Suite struct DocumentTests {
  private static let root = Fixtures.folder.deletingLastPathComponent()

  @Test("every section of the contract that a comment cites exists")
  func citedSectionsExist() throws {
    let contract = try Self.text("Documentation/Contract.md")
    let sections = Set(contract.matches(of: #/(?m)^#+ (\d+(?:\.\d+)?)\.? /#).map { String($0.1) })
    #expect(sections.count > 10)
    var citations = 0
    for path in try Self.files(below: ["Sources", "Tests"]) where path.hasSuffix(".swift") || path.hasSuffix(".yaml") {
      for citation in try Self.text(path).matches(of: #/[Cc]ontract,?[\s\/]+sections? (\d+(?:\.\d+)?)/#) {
        citations += 1
        #expect(sections.contains(String(citation.1)), "\(path) cites section \(citation.1)")
      }
    }
    #expect(citations > 10)
  }

  @Test("every script and every test suite that a document names is there")
  func namedScriptsAndSuitesExist() throws {
    let documents = try Self.files(below: ["Documentation", "Sources", "Fixtures"]).filter { $0.hasSuffix(".md") }
    let tests = try Self.files(below: ["Tests"])
    let suites = Set(
      try tests.filter { $0.hasSuffix(".swift") }.flatMap { path in
        try Self.text(path).matches(of: #/\b(?:struct|class|enum) (\w+Tests)\b/#).map { String($0.1) }
      } + tests.compactMap { $0.wholeMatch(of: #/Tests\/(\w+Tests)/#).map { String($0.1) } })
    let support = tests.filter { $0.hasPrefix("Tests/TestSupport/") && $0.hasSuffix(".swift") }
    var (scriptCount, suiteCount) = (0, 0)
    for path in documents + support + ["README.md", "CONTRIBUTING.md"] {
      let text = try Self.text(path)
      for script in text.matches(of: #/\bScripts\/[\w\-]+/#).map({ String($0.0) }) {
        scriptCount += 1
        #expect(FileManager.default.fileExists(atPath: Self.root.appending(path: script).path), "\(path): \(script)")
      }
      for suite in text.matches(of: #/\b[A-Z]\w*Tests\b/#).map({ String($0.0) }) {
        suiteCount += 1
        #expect(suites.contains(suite), "\(path): \(suite)")
      }
    }
    #expect(scriptCount > 5 && suiteCount > 5)
  }

  @Test("every promise about security names tests and stages, and all of them exist")
  func promisesHaveTests() throws {
    let page = try Self.text("Documentation/Security.md")
    let start = try #require(page.firstRange(of: "## Promises")?.upperBound)
    let end = try #require(page[start...].firstRange(of: "\n## ")?.lowerBound)
    let rows = page[start..<end].split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst()
    #expect(rows.count > 10)
    var functions: [String: String] = [:]
    for path in try Self.files(below: ["Tests"]) where path.hasSuffix("Tests.swift") {
      let text = try Self.text(path)
      // A file may have several suites. A function in the file then counts for each of them.
      for suite in text.matches(of: #/\b(?:struct|class|enum) (\w+Tests)\b/#) {
        functions[String(suite.1), default: ""] += text
      }
    }
    let runner = try Self.text("Scripts/test")
    for row in rows {
      let cell = try #require(row.split(separator: "|").last)
      let names = cell.matches(of: #/`([^`]+)`/#).map { String($0.1) }
      #expect(!names.isEmpty, "no test: \(row)")
      for name in names {
        let parts = name.split(separator: "/")
        if parts.count == 2 {
          #expect(functions[String(parts[0])]?.contains("func \(parts[1])(") == true, "\(name)")
        } else {
          #expect(functions[name] != nil || runner.contains("[\(name)]="), "\(name)")
        }
      }
    }
  }

  @Test(
    "every resampling filter is in the glossary, and in the article on recipes", arguments: ResamplingFilter.allCases)
  func filterIsDocumented(_ filter: ResamplingFilter) throws {
    for (path, term) in [
      ("Documentation/Glossary.md", "resampling filter"),
      ("Sources/ImagePreparation/ImagePreparation.docc/RecipeJSON.md", "`resamplingFilter`"),
    ] {
      let row = try #require(try Self.text(path).split(separator: "\n").first { $0.hasPrefix("| \(term) |") })
      #expect(row.contains("`\(filter.rawValue)`"), "\(path)")
    }
  }

  @Test("the glossary defines at most sixty terms, each once")
  func glossaryStaysShort() throws {
    let glossary = try Self.text("Documentation/Glossary.md")
    let end = try #require(glossary.firstRange(of: "## Words we replaced")).lowerBound
    let terms = glossary[..<end].matches(of: #/(?m)^\| ([^|]+) \|/#).map { String($0.1) }.filter { $0 != "Term" }
    #expect((20...60).contains(terms.count))
    #expect(Set(terms).count == terms.count)
  }

  @Test("the architecture page names every folder of Sources, and no other")
  func architectureIsTrueOfTheTree() throws {
    let page = try Self.text("Documentation/Architecture.md")
    let named = Set(page.matches(of: #/`(Sources\/[A-Za-z0-9\/]+)`/#).map { String($0.1) })
    let present = Set(try Self.folders(below: "Sources"))
    #expect(named.subtracting(present) == [], "named, and not there")
    #expect(present.subtracting(named) == [], "there, and not named")
    let files = page.matches(of: #/`(Sources\/[\w+\/]+\.(?:swift|h|c))`/#).map { String($0.1) }
    #expect(files.count > 5)
    for file in files {
      #expect(FileManager.default.fileExists(atPath: Self.root.appending(path: file).path), "\(file)")
    }
  }

  @Test("only Ground imports a system's C library, or asks which one there is")
  func cLibraryIsImportedOnce() throws {
    let files = try Self.files(below: ["Sources", "Tests", "Benchmarks"]).filter { $0.hasSuffix(".swift") }
    let importing = try files.filter {
      try Self.text($0).contains(#/(?m)^ *(#(else)?if canImport\(|.*import )(Darwin|Glibc|Musl)\b/#)
    }
    #expect(Set(importing.map { $0.split(separator: "/").dropLast().joined(separator: "/") }) == ["Sources/Ground"])
  }

  @Test("no library names a flag, a verb or a setting of the command: remedies are values that the command words")
  func librariesNameNoFlags() throws {
    let modules = ["Ground", "ImagePreparation", "GessoABI", "ScenarioAPI", "GessoPipeline"].map { "Sources/\($0)" }
    let list = try #require(
      try Self.text("Sources/GessoCommand/Gesso.swift").firstMatch(of: #/subcommands: \[([^\]]+)\]/#))
    let verbs = list.1.matches(of: #/(\w+)\.self/#).map { $0.1.lowercased() }
    #expect(verbs.count > 10)
    let words = try Regex(#""[^"]*(--[a-z]|GESSO_LEDGER|gesso (\#(verbs.joined(separator: "|")))\b)"#)
    // Converters of foreign formats have flags of their own.
    for path in try Self.files(below: modules) where path.hasSuffix(".swift") && !path.hasSuffix("/ForeignFormat.swift")
    {
      for (number, line) in try Self.text(path).split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      // The expression is slow, and most lines have no text.
      where line.utf8.contains(UInt8(ascii: "\"")) && !line.contains("///")
        && line.contains(words)
      {
        Issue.record("\(path):\(number + 1): \(line)")
      }
    }
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  private static func files(below folders: [String]) throws -> [String] {
    try folders.flatMap { folder in
      // The builds of nested packages are left out: they are not part of the project.
      try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path)
        .filter { !$0.contains(".build/") }.map { "\(folder)/\($0)" }
    }
  }

  /// Folders that contain sources. Documentation catalogs and `include` folders are left out.
  private static func folders(below folder: String) throws -> [String] {
    try files(below: [folder]).filter { path in
      var isFolder: ObjCBool = false
      let exists = unsafe FileManager.default.fileExists(
        atPath: root.appending(path: path).path, isDirectory: &isFolder)
      return exists && isFolder.boolValue && !path.contains(".docc") && !path.hasSuffix("/include")
    }
  }
}
