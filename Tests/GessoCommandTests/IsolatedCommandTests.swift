import Foundation
import TestSupport
import Testing

#if os(Linux)
@Suite("--isolate")
struct IsolatedCommandTests {
  let gesso: GessoExecutable

  init() throws { gesso = try GessoExecutable() }

  /// Files of every kind that is decoded without a helper, with every special content: several scans, restart markers, inks, profiles,
  /// metadata, alpha, 16 bits, palettes, animations, damage.
  static let files: [String] = {
    let jpegs: [String] = [
      "small-420", "small-444", "small-progressive", "small-restart", "small-gray", "small-cmyk-icc", "small-ycck",
      "small-arithmetic", "icc-display-p3", "icc-gray", "gps-xmp", "exif-thumbnail", "orientation-6-byte", "ultra-hdr",
      "odd-exif-loop", "odd-icc-garbage", "odd-marker-length-zero", "phone",
    ]
    var files: [String] = jpegs.map { "jpeg/\($0).jpg" }
    for folder in ["bmp", "gif", "psd", "tga", "tiff", "webp"] {
      // The PNGs in these folders were written by other decoders.
      let names = Fixtures.names(in: "kinds/\(folder)").filter { !$0.hasSuffix(".png") && $0.contains(".") }
      files += stride(from: 0, to: names.count, by: 3).map { names[$0] }
    }
    return files + Fixtures.names(in: "png").filter { $0.hasSuffix(".png") }
  }()

  static let recipes: [[String]] = [
    ["--max-side", "64"], ["--size", "48x48", "--fit", "cover", "--gravity", "attention", "--format", "webp"],
    ["--metadata", "keep", "--icc", "keep", "--fail-on", "none", "--max-bytes", "4kB", "--min-side", "16"],
    ["--linear", "--format", "png", "--size", "40x40", "--fit", "pad", "--background", "red"],
    ["--data", "--trim", "--format", "png", "--bits", "auto"],
  ]

  /// The output of a run of several inputs, without the parts that differ between any two runs.
  private func lines(_ arguments: [String]) async throws -> [String] {
    let outcome = try await gesso.run(arguments + Self.files.map(Fixtures.path))
    let objects = try outcome.objects().map { object in
      var object = object
      for key in ["milliseconds", "peakMemoryBytes", "output"] { object[key] = nil }
      return String(decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
    }
    #expect(objects.count == Self.files.count && outcome.status <= 1, "\(outcome.errors)")
    return objects
  }

  @Test("results and records are those of this process, for every kind of file", arguments: recipes)
  func sameResults(recipe: [String]) async throws {
    let flags = recipe + ["--json", "--threads", "2"]
    let here = try await lines(["prepare", "-o", "here/", "--no-isolate"] + flags)
    let isolated = try await lines(["prepare", "-o", "isolated/", "--isolate"] + flags)
    for (a, b) in zip(here, isolated) { #expect(a == b) }
    let names = try gesso.names(in: "here")
    #expect(try names == gesso.names(in: "isolated") && names.count > Self.files.count / 2)
    for name in names {
      let files = try ["here", "isolated"].map { try Data(contentsOf: gesso.folder.appending(path: "\($0)/\(name)")) }
      #expect(files[0] == files[1], "\(name)")
    }
  }

  @Test(
    "inspecting, explaining and stripping say the same",
    arguments: [["inspect", "--json"], ["prepare", "--explain", "--json"]])
  func sameWords(verb: [String]) async throws {
    let (here, isolated) = (try await lines(verb + ["--no-isolate"]), try await lines(verb + ["--isolate"]))
    for (a, b) in zip(here, isolated) { #expect(a == b) }
  }

  @Test("a pipe, a stripped file, a tensor and a restored image are the same")
  func sameOthers() async throws {
    let photo = Fixtures.path("jpeg/gps-xmp.jpg")
    for (flag, name) in [("--no-isolate", "here"), ("--isolate", "isolated")] {
      let piped = try await gesso.run(
        ["prepare", "-", "-o", "\(name).jpg", "--max-side", "64", "--json", "--tensor", "\(name).npy", flag],
        input: URL(filePath: photo))
      #expect(piped.status == 0, "\(piped.errors)")
      try gesso.write(piped.text, to: "\(name).json")
      #expect(try await gesso.run(["strip", photo, "-o", "\(name)-stripped.jpg", flag]).status == 0)
      let restored = try await gesso.run(
        ["restore", "\(name).jpg", "--record", "\(name).json", "--onto", photo, "-o", "\(name).png", flag])
      #expect(restored.status == 0, "\(restored.errors)")
    }
    for end in [".jpg", ".npy", "-stripped.jpg", ".png"] {
      let files = try ["here", "isolated"].map { try Data(contentsOf: gesso.folder.appending(path: $0 + end)) }
      #expect(files[0] == files[1] && !files[0].isEmpty, "\(end)")
    }
  }

  @Test("errors are those of this process", arguments: ["none.jpg", "empty.jpg", "text.jpg"])
  func sameErrors(name: String) async throws {
    if name != "none.jpg" { try gesso.write(name == "text.jpg" ? "Hello" : "", to: name) }
    let here = try await gesso.run(["prepare", name, "-o", "a.jpg", "--no-isolate"])
    let isolated = try await gesso.run(["prepare", name, "-o", "a.jpg", "--isolate"])
    #expect(here.errors == isolated.errors && here.status == isolated.status && here.status != 0)
  }

  @Test("the argument of the isolated processes is no verb for people, and both flags together are refused")
  func usage() async throws {
    let verb = try await gesso.run(["decode-in-isolation"])
    #expect(verb.status == 2 && verb.errors.contains("no verb decode-in-isolation"))
    let both = try await gesso.run(["inspect", "a.jpg", "--isolate", "--no-isolate"])
    #expect(both.status == 2 && both.errors.contains("exclude each other"))
  }

  @Test("doctor starts an isolated process and names its protections")
  func doctor() async throws {
    #expect(try await gesso.run(["doctor"]).text.contains("isolation: works (seccomp, "))
  }
}
#endif
