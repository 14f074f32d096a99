import Digests
import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import TestSupport
import Testing

@Suite("gesso prepare and inspect")
struct PrepareTests {
  let gesso: GessoExecutable
  static let small = Fixtures.path("jpeg/small-420.jpg")

  init() throws { gesso = try GessoExecutable() }

  private func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: gesso.folder.appending(path: name)))
  }

  private func size(_ bytes: [UInt8]) throws -> ImageSize { try ImagePreparer().inspectBlocking(.memory(bytes)).size }

  @Test("a file, standard input and standard output give the same bytes")
  func sameBytes() async throws {
    let flags = ["--max-side", "64", "-q"]
    #expect(try await gesso.run(["prepare", Self.small, "-o", "a.jpg"] + flags).text == "a.jpg\n")
    let piped = try await gesso.run(["prepare", "-", "-o", "-"] + flags, input: URL(filePath: Self.small))
    #expect(piped.status == 0 && piped.errors.isEmpty)
    #expect(try piped.output == bytes("a.jpg"))
    #expect(try size(piped.output) == ImageSize(width: 64, height: 42))
    #expect(try gesso.names() == ["a.jpg"], "neither a ledger nor anything else is made")
  }

  @Test("the plan is explained as JSON, nothing is written, and errors are those of preparing")
  func explain() async throws {
    try gesso.copy(Self.small, as: "photo.jpg")
    let plain = try await gesso.run(["prepare", "photo.jpg", "--explain", "--max-side", "64", "-o", "a.png"])
    let object = try #require(try JSONSerialization.jsonObject(with: Data(plain.output)) as? [String: Any])
    #expect(plain.status == 0 && plain.errors.isEmpty && plain.text.contains("\n  "))
    #expect(object["input"] as? String == "photo.jpg")
    let plan = try #require(object["plan"] as? [String: Any])
    let output = try #require(plan["output"] as? [String: Any])
    #expect(output["format"] as? String == "png")
    #expect(output["size"] as? [String: Int] == ["width": 64, "height": 42])
    let several = try await gesso.run(["prepare", "photo.jpg", "none.jpg", "--explain", "--json"])
    #expect(several.status == 1)
    let objects = try several.objects()
    #expect(objects.count == 2 && objects[0]["plan"] != nil)
    #expect((objects[1]["error"] as? [String: Any])?["code"] as? String == "not-found")
    #expect(try gesso.names() == ["photo.jpg"])
  }

  @Test(
    "the output's extension decides the format", arguments: [("a.png", EncodedFormat.png), ("a.jpeg", .jpeg)])
  func format(name: String, format: EncodedFormat) async throws {
    #expect(try await gesso.run(["prepare", Self.small, "-o", name]).status == 0)
    #expect(try ImagePreparer().inspectBlocking(.memory(bytes(name))).format.rawValue == format.rawValue)
  }

  @Test("several inputs go to a folder, each under a name of its own, reported in order")
  func folder() async throws {
    for name in ["x", "y"] {
      try FileManager.default.createDirectory(at: gesso.folder.appending(path: name), withIntermediateDirectories: true)
      try gesso.copy(Self.small, as: "\(name)/photo.jpg")
    }
    try gesso.copy(Fixtures.path("png/soft-alpha-rgba8.png"), as: "photo.png")
    let outcome = try await gesso.run([
      "prepare", "x/photo.jpg", "y/photo.jpg", "photo.png", "--out-dir", "new/out", "-q",
    ])
    #expect(outcome.status == 0)
    #expect(
      outcome.text == "new/out/photo.prepared.jpg\nnew/out/photo-2.prepared.jpg\nnew/out/photo-3.prepared.png\n")
    #expect(try gesso.names(in: "new/out") == ["photo-2.prepared.jpg", "photo-3.prepared.png", "photo.prepared.jpg"])
  }

  @Test("an existing output is replaced, unless that is refused")
  func clobber() async throws {
    try gesso.write("old", to: "a.jpg")
    let refused = try await gesso.run(["prepare", Self.small, "-o", "a.jpg", "--no-clobber"])
    #expect(refused.status == 2 && refused.errors.contains("a.jpg exists"))
    #expect(try bytes("a.jpg") == [UInt8]("old".utf8))
    #expect(try await gesso.run(["prepare", Self.small, "-o", "a.jpg"]).status == 0)
    #expect(try size(bytes("a.jpg")) == ImageSize(width: 227, height: 149))
  }

  @Test("a crop by attention is noted with the option that corrects it, which takes shares and percentages")
  func attention() async throws {
    let flags = ["prepare", Self.small, "--size", "64x64", "--fit", "cover"]
    let cropped = try await gesso.run(flags + ["-o", "a.jpg", "--gravity", "attention"])
    #expect(
      cropped.status == 0
        && cropped.errors.contains(/attention kept columns \d+ to \d+ of 227: --focus X,Y corrects it\n/),
      "\(cropped.errors)")
    for (name, focus) in [("b.jpg", "0.85,0.4"), ("c.jpg", "85%,40%")] {
      let corrected = try await gesso.run(flags + ["-o", name, "--focus", focus])
      #expect(corrected.status == 0 && !corrected.errors.contains("attention"), "\(corrected.errors)")
    }
    #expect(try bytes("b.jpg") == bytes("c.jpg"))
    #expect(try bytes("b.jpg") != bytes("a.jpg"))
  }

  @Test("no input is ever replaced, not even by the output of another")
  func inputs() async throws {
    try gesso.copy(Self.small, as: "photo.jpg")
    try gesso.copy(Self.small, as: "photo.prepared.jpg")
    let original = try bytes("photo.jpg")
    #expect(try await gesso.run(["prepare", "photo.jpg", "-o", "photo.jpg"]).status == 2)
    let photo = gesso.folder.appending(path: "photo.jpg")
    #expect(try await gesso.run(["prepare", "-", "-o", "photo.jpg"], input: photo).status == 2)
    let both = try await gesso.run(["prepare", "photo.jpg", "photo.prepared.jpg", "--out-dir", "."])
    #expect(both.status == 1 && both.errors.contains("the output is the input photo.prepared.jpg"))
    #expect(try bytes("photo.jpg") == original && bytes("photo.prepared.jpg") == original)
  }

  /// The keys of command-line.md, section "JSON of `prepare`", in their order; a dot stands for an object within.
  static let contractKeys = [
    "input", "output", "bytes", "sha256", "source", "prepared", "decoderScale", "path", "instructionSet",
    "milliseconds",
    "peakMemoryBytes", "notes", "source.format", "source.width", "source.height", "source.orientation", "source.bits",
    "source.model", "source.subsampling", "source.icc", "source.alpha", "prepared.format", "prepared.width",
    "prepared.height", "prepared.quality", "prepared.subsampling", "prepared.bits", "milliseconds.decode",
    "milliseconds.resize",
    "milliseconds.color", "milliseconds.encode", "milliseconds.total",
  ]

  @Test("JSON has every documented key, with true values")
  func json() async throws {
    let outcome = try await gesso.run(["prepare", Self.small, "-o", "a.jpg", "--json", "--max-side", "64"])
    let object = try #require(try outcome.objects().first)
    for path in Self.contractKeys {
      let value = path.split(separator: ".").reduce(object as Any?) { ($0 as? [String: Any])?[String($1)] }
      #expect(value != nil, "\(path)")
    }
    let written = try bytes("a.jpg")
    #expect(object["input"] as? String == Self.small && object["output"] as? String == "a.jpg")
    #expect(object["bytes"] as? Int == written.count)
    #expect(object["sha256"] as? String == ContentDigest.sha256(of: written))
    let source = try #require(object["source"] as? [String: Any])
    #expect(source["width"] as? Int == 227 && source["subsampling"] as? String == "4:2:0" && source["icc"] is NSNull)
    let prepared = try #require(object["prepared"] as? [String: Any])
    #expect(prepared["width"] as? Int == 64 && prepared["quality"] as? Int == 92)
    #expect(prepared["bits"] as? Int == 8)
    #expect((object["peakMemoryBytes"] as? Int).map { $0 > 1 << 20 && $0 < 1 << 30 } == true)
  }

  @Test("--tensor writes what numpy would beside the image")
  func tensor() async throws {
    let outcome = try await gesso.run([
      "prepare", Fixtures.path("tensor/color.png"), "-o", "a.png", "--tensor", "a.npy", "--range", "diffusers",
      "--layout", "nchw", "--json",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try bytes("a.npy") == Fixtures.bytes("tensor/color-signed.npy"))
    let tensor = try #require(try outcome.objects().first?["tensor"] as? [String: Any])
    #expect(tensor["output"] as? String == "a.npy" && tensor["shape"] as? [Int] == [1, 3, 9, 13])
  }

  @Test(
    "every verb that reads images takes the limits for files of strangers",
    arguments: [
      ["inspect", "long.png"], ["strip", "long.png", "-o", "out.png"], ["prepare", "long.png", "-o", "out.png"],
      ["restore", "long.png", "--record", "record.json", "-o", "out.png"],
    ])
  func limits(arguments: [String]) async throws {
    let size = ImageSize(width: 30_001, height: 1)
    let image = PixelImage(size: size, channels: 3, samples: [UInt8](repeating: 9, count: 30_001 * 3))
    try Data(ImagePreparer().encodePNGBlocking(image)).write(to: gesso.folder.appending(path: "long.png"))
    let side = #"{"width":30001,"height":1}"#
    let place = #"{"x":0,"y":0,"width":30001,"height":1}"#
    try gesso.write(
      #"{"source":\#(side),"orientation":1,"crop":\#(place),"content":\#(place),"canvas":\#(side)}"#, to: "record.json")
    let taken = try await gesso.run(arguments)
    #expect(taken.status == 0, "\(taken.errors)")
    let refused = try await gesso.run(arguments + ["--limits", "service"])
    #expect(
      refused.status == 4 && refused.errors.contains("a side above the limit of 30000 pixels"), "\(refused.errors)")
    #expect(refused.errors.contains("leave out --limits service"), "\(refused.errors)")
  }

  @Test("restore puts a result back at the place in the record of prepare")
  func restore() async throws {
    let phone = Fixtures.path("jpeg/phone.jpg")
    let flags = ["--size", "64x64", "--fit", "cover", "--gravity", "north"]
    let prepared = try await gesso.run(["prepare", phone, "-o", "a.png", "--json", "-q"] + flags)
    try gesso.write(prepared.text, to: "a.json")
    let outcome = try await gesso.run(["restore", "a.png", "--record", "a.json", "-o", "back.png"])
    #expect(outcome.status == 0 && outcome.text == "back.png\n", "\(outcome.errors)")
    #expect(outcome.errors.contains("a.png: covers the "), "\(outcome.errors)")
    // Without `--record`, the record beside the result is used.
    let lost = try await gesso.run(["restore", "a.png", "-o", "c.png"])
    #expect(
      lost.status == 2 && lost.errors.contains("there is no record a.png.json beside the result"), "\(lost.errors)")
    let deep = #"{"geometry":"# + String(repeating: "[", count: 60_000)
    try gesso.write(deep, to: "deep.json")
    let tooDeep = try await gesso.run(["restore", "a.png", "--record", "deep.json", "-o", "c.png"])
    #expect(tooDeep.status == 2 && tooDeep.errors.contains("deep.json holds no geometry"), "\(tooDeep.errors)")
    try gesso.write(prepared.text, to: "a.png.json")
    let beside = try await gesso.run(["restore", "a.png", "-o", "c.png", "-q"])
    #expect(beside.status == 0 && beside.errors.isEmpty, "\(beside.errors)")
    #expect(try bytes("c.png") == bytes("back.png"))
    let onto = try await gesso.run(["restore", "a.png", "--onto", phone, "--feather", "4", "-o", "d.jpg"])
    #expect(onto.status == 0 && onto.errors.contains("phone.jpg, its edges faded over 4 pixels"), "\(onto.errors)")
    #expect(try ImagePreparer().inspectBlocking(.memory(bytes("d.jpg"))).format == .jpeg)
    let whole = try await gesso.run(["prepare", phone, "-o", "whole.png", "--json", "-q", "--max-side", "64"])
    try gesso.write(whole.text, to: "whole.png.json")
    let covered = try await gesso.run(["restore", "whole.png", "--onto", phone, "--feather", "4", "-o", "f.png"])
    #expect(covered.status == 0 && covered.errors.contains("so that no edge fades"), "\(covered.errors)")
    let other = try await gesso.run(["restore", "a.png", "--onto", Self.small, "-o", "e.png"])
    #expect(
      other.status == 2 && other.errors.contains("give the source that the result was made from"), "\(other.errors)")
    let feather = try await gesso.run(["restore", "a.png", "--feather", "4", "-o", "e.png"])
    #expect(feather.status == 2 && feather.errors.contains("add --onto SOURCE"), "\(feather.errors)")
    let back = try ImagePreparer().inspectBlocking(.memory(bytes("back.png")))
    let source = try ImagePreparer().inspectBlocking(.file(phone))
    #expect(back.size == source.size && back.hasAlpha)
    try gesso.write("{}", to: "empty.json")
    let refused = try await gesso.run(["restore", "a.png", "--record", "empty.json", "-o", "b.png"])
    #expect(refused.status == 2 && refused.errors.contains("holds no geometry"))
    let jpeg = try await gesso.run(["restore", "a.png", "--record", "a.json", "-o", "b.jpg"])
    #expect(jpeg.status == 2 && jpeg.errors.contains("name it .png"))
  }

  @Test("with --json failures are objects on standard output")
  func jsonErrors() async throws {
    let outcome = try await gesso.run(["prepare", "no.jpg", Self.small, "--out-dir", "out", "--json", "-q"])
    let objects = try outcome.objects()
    #expect(outcome.status == 1 && objects.count == 2 && outcome.errors.isEmpty)
    let error = try #require(objects[0]["error"] as? [String: Any])
    #expect(objects[0]["input"] as? String == "no.jpg")
    #expect(
      error["code"] as? String == "not-found" && error["stage"] as? String == "open" && error["message"] is String)
    #expect(objects[1]["error"] == nil)
  }

  @Test("inspect describes a file, for people and as JSON")
  func inspect() async throws {
    let phone = Fixtures.path("jpeg/phone.jpg")
    let object = try #require(try await gesso.run(["inspect", phone, "--json"]).objects().first)
    #expect(
      object["orientation"] as? Int == 6 && object["gps"] as? Bool == true && object["format"] as? String == "jpeg")
    let described = try ImagePreparer().inspectBlocking(.file(phone))
    #expect(object["width"] as? Int == described.size.width && object["height"] as? Int == described.size.height)
    let lines = try await gesso.run(["inspect", phone, Fixtures.path("png/icc-display-p3.png")]).text
    #expect(lines.contains("orientation 6") && lines.contains("color profile:") && lines.contains("PNG"))
    #expect(lines.contains("when prepared: converted from sP3 to sRGB"))
    #expect(object["colorNotes"] as? [String] == [])
    #expect(try gesso.names().isEmpty)
  }

  @Test("a URL is fetched without credentials, up to a limit, and its query is shown nowhere")
  func url() async throws {
    let pair = SandboxCredential(key: "k", secret: "s")
    let sandbox = ScenarioSandbox(configuration: SandboxConfiguration(credentials: [pair]))
    let address = try await sandbox.start().absoluteString
    let client = ScenarioClient(
      configuration: try ScenarioConfiguration(
        baseURL: address, credential: ScenarioCredential(key: pair.key, secret: pair.secret)))
    let asset = try await client.uploadAsset(
      name: "small.jpg", bytes: try Fixtures.bytes("jpeg/small-420.jpg"), mimeType: "image/jpeg")
    // The URL of the original file is signed. The sandbox refuses a request for it that has an Authorization header.
    let url = try #require(await client.asset(asset.id).url).rawValue
    let environment = ["SCENARIO_API_KEY": "k", "SCENARIO_API_SECRET": "s", "SCENARIO_BASE_URL": address]

    let outcome = try await gesso.run(
      ["prepare", url, "--out-dir", "out", "--max-side", "64", "--json", "--allow-private"], environment: environment)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try gesso.names(in: "out").count == 1)
    #expect(!(outcome.text + outcome.errors).contains("Signature"))

    for (words, cause) in [
      ([url + "x", "--allow-private"], "the server answered 4"), ([url], "allow it with --allow-private"),
    ] {
      let refused = try await gesso.run(["prepare", "-o", "a.jpg"] + words)
      #expect(refused.status == 3 && refused.errors.contains(cause), "\(refused.errors)")
      #expect(!refused.errors.contains("Signature"))
    }
    await sandbox.stop()
  }

  @Test("a file URL names its file, escapes included", arguments: ["file://", "file://localhost", "FILE:"])
  func fileURL(prefix: String) async throws {
    let copy = gesso.folder.appending(path: "my photo.jpg")
    try Data(Fixtures.bytes("jpeg/small-420.jpg")).write(to: copy)
    let url = prefix + copy.path.replacing(" ", with: "%20")
    let outcome = try await gesso.run(["prepare", url, "--out-dir", "out", "-q"])
    #expect(outcome.status == 0 && outcome.text == "out/my photo.prepared.jpg\n", "\(outcome.errors)")
  }

  @Test("notes and progress go to standard error, and nowhere when quiet")
  func quiet() async throws {
    let loud = try await gesso.run(["prepare", Fixtures.path("jpeg/phone.jpg"), "-o", "a.jpg", "--max-side", "64"])
    #expect(loud.errors.contains("→") && loud.text == "a.jpg\n")
    #expect(!loud.errors.contains("\u{1B}"), "no terminal, no escapes")
    let quiet = try await gesso.run([
      "prepare", Fixtures.path("jpeg/phone.jpg"), "-o", "a.jpg", "--max-side", "64", "-q",
    ])
    #expect(quiet.errors.isEmpty && quiet.text == "a.jpg\n")
  }

  @Test("a folder stands for its images, outputs keep their names, and the last line counts")
  func folderOfImages() async throws {
    let files = FileManager.default
    try files.createDirectory(at: gesso.folder.appending(path: "photos/more"), withIntermediateDirectories: true)
    for name in ["photos/b.jpg", "photos/a.JPG", "photos/more/c.jpg", "photos/.hidden.jpg"] {
      try files.copyItem(atPath: Self.small, toPath: gesso.folder.appending(path: name).path)
    }
    try gesso.write("no image", to: "photos/notes.txt")
    let flat = try await gesso.run(["prepare", "photos", "-o", "small/", "--name", "{stem}"])
    #expect(flat.status == 0 && flat.text == "small/a.jpg\nsmall/b.jpg\n", "\(flat.errors)")
    #expect(flat.errorLines.last == "gesso: 2 of 2 done")
    let deep = try await gesso.run(["prepare", "photos", "--recursive", "-o", "small"])
    #expect(
      deep.text == "small/a.prepared.jpg\nsmall/b.prepared.jpg\nsmall/c.prepared.jpg\n",
      "an existing folder: \(deep.errors)")
    let again = try await gesso.run(["prepare", "small/a.prepared.jpg", "--out-dir", "twice"])
    #expect(again.text == "twice/a.prepared.jpg\n", "\(again.errors)")
    // The second input has the name of the first one's output. Neither output replaces the other.
    try FileManager.default.copyItem(
      atPath: Self.small, toPath: gesso.folder.appending(path: "photos/b.prepared.jpg").path)
    let both = try await gesso.run(["prepare", "photos/b.jpg", "photos/b.prepared.jpg", "-o", "both/"])
    #expect(both.text == "both/b.prepared.jpg\nboth/b-2.prepared.jpg\n", "\(both.errors)")
    try FileManager.default.removeItem(at: gesso.folder.appending(path: "photos/b.prepared.jpg"))
    try gesso.write("broken", to: "photos/x.jpg")
    let broken = try await gesso.run(["strip", "photos", "-o", "new/clean/"])
    #expect(
      broken.status == 1 && broken.errorLines.last == "gesso: 2 of 3 done, 1 failed: photos/x.jpg", "\(broken.errors)")
    let descriptor = try await gesso.run(
      ["-c", "\(GessoExecutable.url.path) prepare photos/b.jpg -o /dev/fd/3 --format png -q 3>three.png"],
      executable: URL(filePath: "/bin/sh"))
    #expect(descriptor.status == 0, "\(descriptor.errors)")
    #expect(try ImagePreparer().inspectBlocking(.memory(bytes("three.png"))).format == .png)
    let made = try await gesso.run(["prepare", "photos/b.jpg", "-o", "deeper/still/b.jpg"])
    #expect(made.status == 0, "\(made.errors)")
    for (line, message) in [
      (["prepare", "photos", "-o", "one.jpg"], "-o takes one input, and these are 3"),
      (["prepare", "photos", "-o", "small/", "--name", "same"], "put {stem} into --name"),
      (["prepare", "photos", "-o", "small/", "--name", "{seed}"], "the unknown field {seed}: use {stem}"),
      (["prepare", "photos/b.jpg", "-o", "b.jpg", "--name", "{stem}"], "leave one of the two out"),
      (["prepare", "photos/.", "--out-dir", "small", "-o", "new/"], "keep one"),
    ] {
      let outcome = try await gesso.run(line)
      #expect(outcome.status == 2 && outcome.errors.contains(message), "\(outcome.errors)")
    }
    let empty = try await gesso.run(["inspect", "new"])
    #expect(
      empty.status == 3 && empty.errors.contains("look in the folders within it with --recursive"), "\(empty.errors)")
  }

  @Test("a folder may hold files of every kind, under every extension of it")
  func folderOfKinds() async throws {
    let folder = gesso.folder.appending(path: "kinds")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let files = [
      "a.jpg": "jpeg/small-420.jpg", "a.jpeg": "jpeg/small-420.jpg", "a.png": "png/small-rgb8.png",
      "a.bmp": "kinds/bmp/bits1.bmp", "a.tga": "kinds/tga/top-left.tga", "a.gif": "kinds/gif/palette-pillow.gif",
      "a.psd": "kinds/psd/rgb8-packed.psd", "a.psb": "kinds/psd/rgb8-large.psb",
      "a.webp": "kinds/webp/lossless-pillow.webp", "a.tif": "kinds/tiff/rgb8-pillow.tif",
      "a.TIFF": "kinds/tiff/rgb8-pillow.tif",
    ]
    let extensions = Set(files.keys.map { String($0.dropFirst(2)).lowercased() })
    // The other kinds need the helper process, which is not beside the command here.
    #expect(extensions == Set(ImageDescription.Format.allCases.filter { !$0.needsHelper }.flatMap(\.fileExtensions)))
    for (name, file) in files {
      try FileManager.default.copyItem(atPath: Fixtures.path(file), toPath: folder.appending(path: name).path)
    }
    let prepared = try await gesso.run(["prepare", "kinds", "-o", "out/"])
    #expect(
      prepared.status == 0 && prepared.errorLines.last == "gesso: 11 of 11 done", "\(prepared.errors)")
    let inspected = try await gesso.run(["inspect", "kinds", "--json"])
    #expect(inspected.status == 0 && inspected.text.split(separator: "\n").count == 11, "\(inspected.errors)")
  }
}
