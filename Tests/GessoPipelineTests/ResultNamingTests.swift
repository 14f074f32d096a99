import Digests
import Foundation
import GRDB
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import TestSupport
import Testing

@Suite("Names of results")
struct ResultNamingTests {
  let folder = TestFolder.url.appending(path: "gesso-naming-\(UUID().uuidString)").path

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

  private static let photograph = Fixtures.path("jpeg/small-420.jpg")

  /// A picture that differs from others by its shade.
  private static func picture(_ shade: UInt8) throws -> [UInt8] {
    try ImagePreparer().encodePNGBlocking(
      PixelImage(
        size: ImageSize(width: 64, height: 64), channels: 3, samples: [UInt8](repeating: shade, count: 64 * 64 * 3)))
  }

  private func order(_ prompt: String, source: String = photograph, _ change: (inout Img2ImgOrder) -> Void = { _ in })
    -> Img2ImgOrder
  {
    var order = Img2ImgOrder(path: source, prompt: prompt, folder: folder)
    order.generation.seed = "7"
    change(&order)
    return order
  }

  private func service(_ number: Int, _ hook: @escaping ScriptedService.Hook = { _, _ throws(ScenarioError) in nil })
    throws -> ScriptedService
  {
    ScriptedService(number: number, results: [try Self.picture(255 - UInt8(number))], hook: hook)
  }

  private func pipeline(_ service: ScriptedService) throws -> Img2ImgPipeline {
    Img2ImgPipeline(client: try service.client(), ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
  }

  /// Runs the order with a service whose only job has this number, and returns the name of the only result. Each number gives a result of
  /// another bright shade.
  private func result(_ number: Int, _ order: Img2ImgOrder) async throws -> String {
    let files = try await pipeline(service(number)).start(order).result.files
    try #require(files.count == 1)
    let path = files[0].path
    #expect(files[0].recordPath == path + ".json")
    #expect(bytes(of: path) == (try Self.picture(255 - UInt8(number))), "\(path) holds this order's result")
    let record = try record(path + ".json")
    #expect(record["result"] as? String == lastPart(path) && record["job"] as? String == "job_\(number)", "\(record)")
    return lastPart(path)
  }

  private func lastPart(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }
  private func bytes(of path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map([UInt8].init) }
  private func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
  }
  private func record(_ path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(filePath: path))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  /// The content of the folder by name: the digest of a file, the target of a link, or `folder`.
  private func everything() throws -> [String: String] {
    var content: [String: String] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
      let path = "\(folder)/\(name)"
      content[name] =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: path))
        ?? bytes(of: path).map { ContentDigest.sha256(of: $0) } ?? "folder"
    }
    return content
  }

  // MARK: Names that are taken

  struct Taken: CustomTestStringConvertible, Sendable {
    var template = Img2ImgOrder.defaultNameTemplate
    /// Names in the folder. A name that ends with `/` is a folder, and one that ends with `@` is a link to a file that does not exist.
    var existing: [String] = []
    var name: String
    var testDescription: String { "\(template) beside \(existing): \(name)" }
  }

  static let takenNames: [Taken] = [
    Taken(name: "small-420-7-1.png"),
    Taken(existing: ["small-420-7-1.png"], name: "small-420-7-1-2.png"),
    Taken(existing: ["small-420-7-1.png.json"], name: "small-420-7-1-2.png"),
    Taken(existing: ["small-420-7-1.png", "small-420-7-1-2.png.json"], name: "small-420-7-1-3.png"),
    Taken(
      existing: ["small-420-7-1.png", "small-420-7-1-2.png", "small-420-7-1-4.png"], name: "small-420-7-1-3.png"),
    Taken(existing: ["small-420-7-1.png/"], name: "small-420-7-1-2.png"),
    Taken(existing: ["small-420-7-1.png.json/"], name: "small-420-7-1-2.png"),
    Taken(existing: ["small-420-7-1.png@"], name: "small-420-7-1-2.png"),
    Taken(existing: ["small-420-7-1.png.json@"], name: "small-420-7-1-2.png"),
    Taken(existing: ["small-420-7-1.jpg", "small-420-7-1-2.png"], name: "small-420-7-1.png"),
    Taken(template: "{stem}", existing: ["small-420.png"], name: "small-420-2.png"),
    Taken(template: "{index} of {stem}, {seed}", name: "1 of small-420, 7.png"),
    Taken(template: "fog", existing: ["fog.png"], name: "fog-2.png"),
    Taken(template: "fog-2", existing: ["fog.png", "fog-2.png"], name: "fog-2-2.png"),
    // The prepared image has this name too, with the extension `jpg`.
    Taken(template: "{stem}.prepared", existing: ["small-420.prepared.png"], name: "small-420.prepared-2.png"),
  ]

  @Test("a result gains a number when its name is taken, and the file with that name is kept", arguments: takenNames)
  func taken(row: Taken) async throws {
    for name in row.existing {
      let path = "\(folder)/\(name.prefix { $0 != "/" && $0 != "@" })"
      switch name.last {
      case "/": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      case "@": try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "nothing")
      default: try Data("mine".utf8).write(to: URL(filePath: path))
      }
    }
    let before = try everything()
    #expect(try await result(1, order("a forest") { $0.nameTemplate = row.template }) == row.name)
    let after = try everything()
    for (name, content) in before { #expect(after[name] == content, "\(name)") }
    #expect(Set(after.keys).subtracting(before.keys) == [row.name, row.name + ".json", "small-420.prepared.jpg"])
  }

  @Test("ten prompts on one stem and seed leave ten results")
  func prompts() async throws {
    for number in 1...10 {
      let name = number == 1 ? "small-420-7-1.png" : "small-420-7-1-\(number).png"
      #expect(try await result(number, order("prompt \(number)")) == name)
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(names.count { $0.hasSuffix(".png") } == 10 && names.count { $0.hasSuffix(".png.json") } == 10)
  }

  @Test("orders that end at the same time under one name leave one result each")
  func race() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    // Two ledgers on one file, as two processes have them.
    let pipelines = try (0..<2).map { _ in
      Img2ImgPipeline(client: client, ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
    }
    let files = try await withThrowingTaskGroup(of: Img2ImgResult.File.self) { group in
      for index in 0..<8 {
        group.addTask {
          try await pipelines[index % 2].start(order("prompt \(index)") { $0.nameTemplate = "one name" }).result.files[
            0]
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    await sandbox.stop()
    #expect(
      Set(files.map { lastPart($0.path) }) == Set(["one name.png"] + (2...8).map { "one name-\($0).png" }))
    for file in files {
      #expect(ContentDigest.sha256(of: bytes(of: file.path) ?? []) == file.sha256, "\(file.path)")
      #expect(try record(file.recordPath)["assetId"] as? String == file.assetID.rawValue, "\(file.path)")
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(names.count == 17, "8 results, 8 records, 1 prepared image: \(names)")
  }

  @Test("two sources of one stem and seed leave two results")
  func stems() async throws {
    for (number, shade) in [(1, UInt8(100)), (2, 200)] {
      let path = "\(folder)/\(number)/hero.png"
      try FileManager.default.createDirectory(atPath: "\(folder)/\(number)", withIntermediateDirectories: true)
      try Data(Self.picture(shade)).write(to: URL(filePath: path))
      let name = try await result(number, order("a forest", source: path))
      #expect(name == ["hero-7-1.png", "hero-7-1-2.png"][number - 1])
    }
  }

  @Test("a source is never replaced by its result", arguments: ["hero.png", "link.png", "hard.png", "up/../hero.png"])
  func source(spelling: String) async throws {
    let bytes = try Self.picture(100)
    try FileManager.default.createDirectory(atPath: "\(folder)/up", withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(filePath: "\(folder)/hero.png"))
    try FileManager.default.createSymbolicLink(atPath: "\(folder)/link.png", withDestinationPath: "hero.png")
    try FileManager.default.linkItem(atPath: "\(folder)/hero.png", toPath: "\(folder)/hard.png")
    for template in ["hero", "link", "hard"] {
      let order = order("a forest", source: "\(folder)/\(spelling)") { $0.nameTemplate = template }
      #expect(try await result(1, order) == template + "-2.png")
    }
    #expect(self.bytes(of: "\(folder)/hero.png") == bytes)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/link.png") == "hero.png")
  }

  // MARK: The same order again

  @Test("an edited result is kept, and the service's result is downloaded beside it")
  func edited() async throws {
    _ = try await result(1, order("a forest"))
    try write("touched up", to: "small-420-7-1.png")
    for _ in 0..<2 { #expect(try await result(1, order("a forest")) == "small-420-7-1-2.png") }
    #expect(bytes(of: folder + "/small-420-7-1.png") == [UInt8]("touched up".utf8))
  }

  @Test("an edited record is kept")
  func editedRecord() async throws {
    _ = try await result(1, order("a forest"))
    let path = folder + "/small-420-7-1.png.json"
    let text = try String(contentsOfFile: path, encoding: .utf8).replacing("a forest", with: "five stars")
    try write(text, to: "small-420-7-1.png.json")
    #expect(try await result(1, order("a forest")) == "small-420-7-1.png")
    // A record whose result is missing still takes the name of both files.
    try FileManager.default.removeItem(atPath: folder + "/small-420-7-1.png")
    _ = try await result(1, order("a forest"))
    #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
  }

  @Test("a missing record is written again, without a request")
  func lostRecord() async throws {
    _ = try await result(1, order("a forest"))
    try FileManager.default.removeItem(atPath: folder + "/small-420-7-1.png.json")
    let service = try service(1)
    let files = try await pipeline(service).start(order("a forest")).result.files
    #expect(service.requests.isEmpty && files.map { lastPart($0.path) } == ["small-420-7-1.png"])
    #expect(try record(folder + "/small-420-7-1.png.json")["job"] as? String == "job_1")
  }

  @Test("the name and the folder of this command win over those of a refused attempt and of a finished one")
  func destination() async throws {
    // The service refuses only the first attempt.
    let refusing = try service(1) { name, _ throws(ScenarioError) in
      name == "POST /generate/img2img"
        ? HTTPResponse(status: 400, body: [UInt8](#"{"reason":"no"}"#.utf8)) : nil
    }
    await #expect(throws: ScenarioError.self) {
      try await pipeline(refusing).start(order("a forest") { $0.nameTemplate = "first" }).result
    }
    #expect(try await result(1, order("a forest") { $0.nameTemplate = "fog" }) == "fog.png")
    #expect(try await result(1, order("a forest") { $0.nameTemplate = "mist-2" }) == "mist-2.png")
    // The number that was added to a taken name is not a part of the requested name.
    #expect(try await result(1, order("a forest") { $0.nameTemplate = "mist" }) == "mist.png")
    #expect(try await result(1, order("a forest") { $0.nameTemplate = "mist-2" }) == "mist-2.png", "as before")
    #expect(try await result(1, order("a forest") { $0.stem = "other" }) == "other-7-1.png")
    #expect(try await result(1, order("a forest") { $0.folder = folder + "/deeper" }) == "small-420-7-1.png")
    #expect(bytes(of: folder + "/deeper/small-420-7-1.png") != nil)
    let entry = try Ledger(path: folder + "-ledger/ledger.sqlite").entry(job: JobID(rawValue: "job_1"))
    #expect(entry.intent.folder == folder + "/deeper", "going on by the job's id goes there too")
  }

  @Test("the name and the folder of this command win over those of a dry run")
  func afterPrice() async throws {
    let service = try service(1) { _, request throws(ScenarioError) in
      request.url.contains("dryRun=true")
        ? HTTPResponse(status: 269, body: [UInt8](#"{"creativeUnitsCost":1}"#.utf8)) : nil
    }
    _ = try await pipeline(service).price(order("a forest") { $0.nameTemplate = "first" }).result
    #expect(try await result(1, order("a forest") { $0.nameTemplate = "fog" }) == "fog.png")
  }

  @Test("the name of this command wins over that of an attempt which was interrupted while its job ran")
  func afterInterruption() async throws {
    _ = try await pipeline(service(1)).start(
      order("a forest") { order in
        (order.nameTemplate, order.waits) = ("first", false)
      }
    ).result
    #expect(try await result(1, order("a forest") { $0.nameTemplate = "fog" }) == "fog.png")
  }

  @Test("the caller that continues a job names the place of its results, and the ledger keeps it")
  func resumed() async throws {
    _ = try await pipeline(service(1)).start(order("a forest") { $0.waits = false }).result
    let job = JobID(rawValue: "job_1")
    func names(_ folder: String?, _ template: String?) async throws -> [String] {
      try await pipeline(service(1)).resume(job, folder: folder, nameTemplate: template).result.files.map(\.path)
    }
    let deeper = folder + "/deeper"
    #expect(try await names(deeper, "fog") == [deeper + "/fog.png"])
    #expect(try await names(nil, nil) == [deeper + "/fog.png"])
    try write("mine", to: "fog.png")
    #expect(try await names(folder, nil) == [folder + "/fog-2.png"])
    await #expect { try await names(nil, "{date}") } throws: { ($0 as? PipelineError)?.code == .invalidOrder }
  }

  @Test(
    "an interruption before a result was on record leaves no file that takes the result's name",
    arguments: [true, false])
  func interruptedPlacing(hasResult: Bool) async throws {
    _ = try await result(1, order("a forest"))
    try await DatabaseQueue(path: folder + "-ledger/ledger.sqlite").write {
      try $0.execute(sql: "DELETE FROM result; UPDATE run SET state = 'succeeded'")
    }
    if !hasResult { try FileManager.default.removeItem(atPath: folder + "/small-420-7-1.png") }
    let service = try service(1)
    #expect(
      try await pipeline(service).start(order("a forest")).result.files.map { lastPart($0.path) } == [
        "small-420-7-1.png"
      ])
    #expect(service.requests.contains { $0.hasPrefix("GET /files/") } != hasResult)
  }

  @Test("results of one job do not replace each other", arguments: [false, true])
  func siblings(replaces: Bool) async throws {
    let service = ScriptedService(results: [try Self.picture(1), try Self.picture(2)])
    _ = try await pipeline(service).start(
      order("a forest") { order in
        (order.generation.numSamples, order.waits) = (2, false)
      }
    ).result
    for _ in 0..<2 {
      let files = try await pipeline(service).resume(
        JobID(rawValue: "job_1"), nameTemplate: "fog", replacesResults: replaces
      ).result.files
      #expect(files.map { lastPart($0.path) } == ["fog.png", "fog-2.png"])
      #expect(files.map { bytes(of: $0.path) } == [try Self.picture(1), try Self.picture(2)])
    }
  }

  // MARK: Replacing when asked to

  /// An event between the orders "autumn" and "winter", whose results ask for the same name.
  enum Between: CaseIterable, Sendable {
    case nothing, resultIsEdited, recordIsEdited, recordIsGone, resultIsGone, resultIsLinked, ledgerIsOther
    case ledgerIsOtherAndRecordIsGone, isSource, isPipedSource, isMask, isReference, isSourceOfAnother
    case isMaskOfAnother, isReferenceOfAnother, isPipedReferenceOfAnother
  }

  @Test(
    "a result replaces only unchanged files that an order wrote and no order starts from",
    arguments: Between.allCases, [false, true])
  func overwrites(between: Between, replaces: Bool) async throws {
    let source = folder + "/source.png"
    try Data(Self.picture(200)).write(to: URL(filePath: source))
    func order(_ prompt: String, _ change: (inout Img2ImgOrder) -> Void = { _ in }) -> Img2ImgOrder {
      self.order(prompt, source: source) { order in
        (order.nameTemplate, order.stem) = ("hero", "source")
        change(&order)
      }
    }
    #expect(try await result(1, order("autumn")) == "hero.png")
    let (hero, record) = (folder + "/hero.png", folder + "/hero.png.json")
    var winter = order("winter") { $0.replacesResults = replaces }
    let files = FileManager.default
    switch between {
    case .nothing: break
    case .resultIsEdited: try Data(Self.picture(201)).write(to: URL(filePath: hero))
    case .recordIsEdited:
      try write(String(contentsOfFile: record, encoding: .utf8).replacing("autumn", with: "rated"), to: "hero.png.json")
    case .recordIsGone: try files.removeItem(atPath: record)
    case .resultIsGone: try files.removeItem(atPath: hero)
    case .resultIsLinked:
      try files.moveItem(atPath: hero, toPath: folder + "/archive.png")
      try files.createSymbolicLink(atPath: hero, withDestinationPath: "archive.png")
    case .ledgerIsOther, .ledgerIsOtherAndRecordIsGone:
      try files.removeItem(atPath: folder + "-ledger")
      if between == .ledgerIsOtherAndRecordIsGone { try files.removeItem(atPath: record) }
    case .isSource: winter.source = .image(.file(folder + "/./hero.png"))
    case .isPipedSource: winter.source = .image(.memory(bytes(of: hero) ?? []))
    case .isMask: winter.second = .mask(.file(hero))
    case .isReference: winter.references["style"] = ReferenceImages(images: [.file(hero)], isList: false)
    case .isSourceOfAnother: _ = try await result(3, self.order("spring", source: hero))
    case .isMaskOfAnother:
      _ = try await result(3, order("spring") { ($0.nameTemplate, $0.second) = ("spring", .mask(.file(hero))) })
    case .isReferenceOfAnother, .isPipedReferenceOfAnother:
      let image: ImageSource = between == .isReferenceOfAnother ? .file(hero) : .memory(bytes(of: hero) ?? [])
      _ = try await result(
        3,
        order("spring") { order in
          order.nameTemplate = "spring"
          order.references["style"] = ReferenceImages(images: [.file(source), image], isList: true)
        })
    }
    let before = try everything()
    let isReplaced: Set<Between> = [.nothing, .recordIsGone, .resultIsGone, .ledgerIsOther]
    let name = replaces && isReplaced.contains(between) ? "hero.png" : "hero-2.png"
    #expect(try await result(2, winter) == name)
    let after = try everything()
    for (file, content) in before where !file.hasPrefix("source.prepared") {
      let mayChange = name == "hero.png" && file.hasPrefix("hero.png")
      #expect(mayChange || after[file] == content, "\(file)")
    }
    // If the result of an order was replaced, the same order downloads its result again, under the next free name.
    let own = name == "hero.png" && between != .ledgerIsOther ? "hero-2.png" : "hero.png"
    if between == .nothing { #expect(try await result(1, order("autumn")) == own) }
  }

  // MARK: Templates

  @Test(
    "a template that makes no names is refused before anything is done",
    arguments: [
      ("{date}", "use {stem}, {seed} and {index}"), ("{stem}-{Seed}", "use {stem}, {seed} and {index}"),
      ("{}", "use {stem}, {seed} and {index}"), ("{stem}-{index}-{prompt}", "use {stem}, {seed} and {index}"),
      ("../{stem}", "use one such as {stem}-{seed}-{index}"), (".{stem}", "use one such as {stem}-{seed}-{index}"),
      (String(repeating: "n", count: 240), "use one such as {stem}-{seed}-{index}"),
    ])
  func badTemplate(template: String, remedy: String) async throws {
    let service = try service(1)
    await #expect {
      try await pipeline(service).start(order("a forest") { $0.nameTemplate = template }).result
    } throws: {
      ($0 as? PipelineError)?.code == .invalidOrder && ($0 as? PipelineError)?.remedy == .text(remedy)
    }
    #expect(service.requests.isEmpty)
  }

  @Test("a stem that leaves no room in a name is cut, and stays unique")
  func longStems() async throws {
    // The stem has 240 bytes. With the seed, the numbers and the extensions, the name would have more than the 255 bytes that are allowed.
    let stems = ["a", "b"].map { String(repeating: "ü", count: 119) + $0 + "." }
    var names: Set<String> = []
    for (number, stem) in zip(1..., stems) {
      names.insert(try await result(number, order("prompt \(number)") { $0.stem = stem }))
    }
    #expect(names.count == 2)
    for name in names { #expect(name.hasPrefix("üüü") && name.hasSuffix("-7-1.png"), "\(name)") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count { $0.hasSuffix(".prepared.jpg") } == 2)
  }

  // MARK: Prepared images

  enum Needed: CaseIterable, Sendable {
    case mask, maskByItsOwnName, result, editedResult, sourceOfAnother
  }

  @Test("a prepared image replaces no source, mask or result", arguments: Needed.allCases)
  func prepared(needed: Needed) async throws {
    let name = needed == .maskByItsOwnName ? "source.mask.png" : "source.prepared.jpg"
    let (source, path) = (folder + "/source.png", "\(folder)/\(name)")
    try Data(Self.picture(200)).write(to: URL(filePath: source))
    var order = order("a forest", source: source)
    order.recipe.output = .jpeg()
    switch needed {
    case .mask, .maskByItsOwnName:
      // The mask is gray, and is sent as white.
      try Data(Self.picture(150)).write(to: URL(filePath: path))
      order.second = .mask(.file(path))
    case .result, .editedResult:
      let jpeg = ScriptedService(number: 2, results: [try Fixtures.bytes("jpeg/small-420.jpg")], mimeType: "image/jpeg")
      var other = self.order("a lake")
      (other.source, other.stem, other.nameTemplate) = (
        .remote(url: "https://example.com/lake.jpg"), "source", "{stem}.prepared"
      )
      #expect(try await pipeline(jpeg).start(other).result.files.map(\.path) == [path])
      if needed == .editedResult { try write("touched up", to: name) }
    case .sourceOfAnother:
      try FileManager.default.copyItem(atPath: Self.photograph, toPath: path)
      _ = try await result(2, self.order("a lake", source: path))
    }
    let content = bytes(of: path)
    _ = try await pipeline(service(1)).start(order).result
    #expect(content != nil && bytes(of: path) == content)
    let numbered = needed == .maskByItsOwnName ? "source.mask-2.png" : "source.prepared-2.jpg"
    #expect(bytes(of: "\(folder)/\(numbered)") != nil)
  }

  @Test("a prepared image replaces an earlier one unless that is refused, and equal bytes are never refused")
  func preparedAgain() async throws {
    _ = try await result(1, order("a forest"))
    let service = try service(2)
    func refusing(_ quality: Int) -> Img2ImgOrder {
      order("a lake") { order in
        (order.recipe.output, order.replacesPreparedImages) = (.auto(quality: quality), false)
      }
    }
    await #expect { try await pipeline(service).start(refusing(50)).result } throws: {
      ($0 as? PreparationError)?.code == .outputExists
    }
    #expect(service.requests.isEmpty, "nothing is sent")
    #expect(try await result(2, refusing(92)) == "small-420-7-1-2.png")
    #expect(try await result(3, order("a dune") { $0.recipe.output = .auto(quality: 50) }) == "small-420-7-1-3.png")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count { $0.contains(".prepared") } == 1)
  }
}
