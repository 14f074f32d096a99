import Foundation
import GessoCommand
import ImagePreparation
import TestSupport
import Testing

@Suite("What is sent is what was meant")
struct MeantTests {
  let gesso: GessoExecutable
  static let small = Fixtures.path("jpeg/small-420.jpg")

  init() throws { gesso = try GessoExecutable() }

  private func record(_ name: String) throws -> [String: Any] {
    let data = try Data(contentsOf: gesso.folder.appending(path: name))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private func order(_ arguments: [String]) async throws -> GessoExecutable.Outcome {
    try await gesso.run(["img2img", Self.small, "--seed", "7", "--sandbox"] + arguments)
  }

  /// Bytes of a prompt file, and its prompt; nil if the file is refused.
  static let files: [(bytes: [UInt8], prompt: String?)] = [
    ([UInt8]("a cat".utf8), "a cat"),
    ([UInt8]("  a cat, \u{F6}ffnet die T\u{FC}r\r\n\n".utf8), "a cat, \u{F6}ffnet die T\u{FC}r"),
    ([0xEF, 0xBB, 0xBF] + [UInt8]("a cat".utf8), "a cat"),
    ([0xFF, 0xFE, 0x61, 0x00, 0x3D, 0xD8, 0x3A, 0xDE, 0x0A, 0x00], "a\u{1F63A}"),
    ([0xFE, 0xFF, 0x00, 0x61, 0xD8, 0x3D, 0xDE, 0x3A], "a\u{1F63A}"),
    // In this order: UTF-16 without a byte order mark, with an odd number of bytes, with half of a surrogate pair; Latin-1; UTF-8 that is
    // cut off; NUL; a replacement character; an empty file.
    ([0x61, 0x00, 0x62, 0x00], nil), ([0xFF, 0xFE, 0x61], nil), ([0xFF, 0xFE, 0x3D, 0xD8], nil),
    ([0x61, 0xFC], nil), ([0x61, 0xC3], nil), ([0x61, 0x00], nil), ([UInt8]("a\u{FFFD}".utf8), nil),
    ([], nil), ([0xEF, 0xBB, 0xBF, 0x20, 0x0A], nil),
  ]

  @Test("a prompt file is decoded by its mark, and bytes that are not text are refused before paying", arguments: files)
  func promptFile(bytes: [UInt8], prompt: String?) async throws {
    try Data(bytes).write(to: gesso.folder.appending(path: "prompt.txt"))
    let outcome = try await order(["--prompt-file", "prompt.txt"])
    guard let prompt else {
      #expect(outcome.status == 2, "\(outcome.errors)")
      #expect(try gesso.names().allSatisfy { !$0.hasPrefix("small-420") })
      return
    }
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try record("small-420-7-1.png.json")["prompt"] as? String == prompt)
  }

  /// A shell runs the commands, because Foundation passes arguments on as UTF-8. The names are in Latin-1 and in Shift-JIS.
  @Test(
    "a name that is not UTF-8 is refused before anything is done, with a command that renames it",
    arguments: [
      ("prepare small.jpg $'b\\374cher.jpg' --out-dir out", #"$'b\374cher.jpg'"#),
      ("prepare small.jpg --out-dir $'\\203e\\203X\\203g'", #"$'\203e\203X\203g'"#),
      ("prepare small.jpg -o $'it\\'s b\\374.jpg'", #"$'it\'s b\374.jpg'"#),
      ("inspect small.jpg $'b\\374cher.jpg'", #"$'b\374cher.jpg'"#),
      ("img2img $'b\\374cher.jpg' --prompt p --sandbox", #"$'b\374cher.jpg'"#),
      ("img2img small.jpg --prompt p --sandbox -o $'\\374\\n'", #"$'\374\012'"#),
    ])
  func foreignName(line: String, name: String) async throws {
    try gesso.copy(Fixtures.path("jpeg/small-420.jpg"), as: "small.jpg")
    let outcome = try await gesso.run(
      ["-c", "'\(GessoExecutable.url.path)' \(line)"], executable: URL(filePath: "/bin/bash"))
    #expect(outcome.status == 2 && outcome.text.isEmpty)
    #expect(
      outcome.errorLines == [
        "gesso: the argument \(name) is not UTF-8, and nothing was done: rename a file first, for example: mv \(name) NEW-NAME "
          + "(many of them: convmv); give text in UTF-8"
      ])
    #expect(try gesso.names() == ["small.jpg"])
    // A shell must find the file by the name in the form in which the command printed it.
    let renamed = try await gesso.run(
      ["-c", "touch \(name) && mv \(name) new.jpg && ls"], executable: URL(filePath: "/bin/bash"))
    #expect(renamed.text == "new.jpg\nsmall.jpg\n", "\(renamed.errors)")
  }

  @Test(
    "an image in a folder whose name is not UTF-8 is refused before anything is done, with a command that renames it",
    arguments: [
      ("prepare n -o out/", #"n/b\374cher.jpg"#),
      ("prepare n/ --recursive -o out/", #"n/b\374cher.jpg"#),
      ("inspect small.jpg n", #"n/b\374cher.jpg"#),
      ("strip n -o out/", #"n/b\374cher.jpg"#),
      ("img2img n --prompt p --sandbox -o out/", #"n/b\374cher.jpg"#),
      ("batch n --prompt p --sandbox -o out/", #"n/b\374cher.jpg"#),
      ("batch n --prompt p --sandbox -o out/ --exclude '*.jpg'", #"n/\203e\203X"#),
      ("prepare m --recursive -o out/", #"m/\203e\203X"#),
    ])
  func foreignNameInFolder(line: String, name: String) async throws {
    try gesso.copy(Fixtures.path("jpeg/small-420.jpg"), as: "small.jpg")
    let made = try await gesso.run(
      [
        "-c",
        """
        mkdir -p n/$'\\203e\\203X' m/$'\\203e\\203X' && cp small.jpg n/$'b\\374cher.jpg' && cp small.jpg n/a.jpg \
        && touch n/$'b\\374cher.txt' n/$'.b\\374cher.jpg' && cp small.jpg m/a.jpg
        """,
      ], executable: URL(filePath: "/bin/bash"))
    #expect(made.status == 0, "\(made.errors)")
    let outcome = try await gesso.run(
      ["-c", "'\(GessoExecutable.url.path)' \(line)"], executable: URL(filePath: "/bin/bash"))
    #expect(outcome.status == (line.hasPrefix("batch") ? 2 : 3) && outcome.text.isEmpty)
    let new = name.prefix(2) + "NEW-NAME"
    #expect(
      outcome.errorLines == [
        "gesso: the name of $'\(name)' is not UTF-8, and nothing was done: rename it, for example: mv $'\(name)' \(new) "
          + "(many of them: convmv)"
      ])
    #expect(try Set(gesso.names()) == ["small.jpg", "n", "m"])
    // A shell must be able to run the line in the form in which the command printed it.
    let renamed = try await gesso.run(
      ["-c", "mv $'\(name)' \(new) && ls -d \(new)"], executable: URL(filePath: "/bin/bash"))
    #expect(renamed.text == "\(new)\n", "\(renamed.errors)")
  }

  @Test(
    "only images in a folder need names in UTF-8", arguments: ["prepare n -o out/", "prepare n --recursive -o out/"])
  func foreignNamesOfOthers(line: String) async throws {
    try gesso.copy(Fixtures.path("jpeg/small-420.jpg"), as: "small.jpg")
    let outcome = try await gesso.run(
      [
        "-c",
        """
        mkdir n && cp small.jpg n/a.jpg && touch n/$'b\\374cher.txt' n/$'.b\\374cher.jpg' \
        && '\(GessoExecutable.url.path)' \(line) && ls out
        """,
      ], executable: URL(filePath: "/bin/bash"))
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.text.hasSuffix("\na.prepared.jpg\n"), "\(outcome.text)")
  }

  @Test("free text may begin with a dash, and large whole numbers stay as they are")
  func dashes() async throws {
    let outcome = try await order([
      "--prompt", "-moody light", "--negative-prompt", "-fog", "--name", "-hero", "--param", "large=9007199254740993",
      "--param", "one=1", "--param", "list=[1,2.5]",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.text == "./-hero.png\n")
    let text = try String(contentsOf: gesso.folder.appending(path: "-hero.png.json"), encoding: .utf8)
    for part in [#""prompt" : "-moody light""#, #""negativePrompt" : "-fog""#, #""large" : 9007199254740993"#] {
      #expect(text.contains(part), "\(part)")
    }
    #expect(text.contains(#""one" : 1\#n"#) || text.contains(#""one" : 1}"#), "\(text)")
  }

  @Test(
    "a mask that paints nothing is refused, and one of another meaning is remarked on",
    arguments: [
      ("black", 2, "the mask selects nothing: no part of it is white: make the areas to repaint white"),
      (
        "hole", 2,
        "no part of it is white: make the areas to repaint white; transparent parts are kept"
      ),
      ("white", 0, "gesso: the mask is white everywhere: the whole image is repainted"),
      ("strokes", 0, "gesso: transparent parts of the mask are kept like black ones: only white is repainted"),
    ])
  func masks(kind: String, status: Int32, line: String) async throws {
    let size = ImageSize(width: 227, height: 149)
    let samples = (0..<size.pixelCount).flatMap { pixel -> [UInt8] in
      let isInside = (60..<140).contains(pixel % size.width)
      return switch kind {
      case "black": [0, 0, 0, 255]
      case "hole": [0, 0, 0, isInside ? 0 : 255]
      case "white": [255, 255, 255, 255]
      default: isInside ? [255, 255, 255, 255] : [0, 0, 0, 0]
      }
    }
    try Data(try ImagePreparer().encodePNGBlocking(PixelImage(size: size, channels: 4, samples: samples)))
      .write(to: gesso.folder.appending(path: "mask.png"))
    let outcome = try await order(["--prompt", "a door", "--mask", "mask.png"])
    #expect(outcome.status == status && outcome.errors.contains(line), "\(outcome.errors)")
  }

  @Test("results of another shape are remarked on, and restored only when stretching is asked for")
  func shape() async throws {
    let outcome = try await order(["--prompt", "p", "--width", "128", "--height", "128", "-o", "out"])
    #expect(outcome.status == 0)
    #expect(
      outcome.errors.contains(
        "gesso: the results are 128x128 and the prepared image is 224x144, which the service may stretch: "
          + "--size 128x128 --fit cover prepares their shape"), "\(outcome.errors)")
    let json = try await order(["--prompt", "p", "--width", "128", "--height", "128", "-o", "json", "--json", "-q"])
    let notes = try #require(try json.objects().first?["notes"] as? [String])
    #expect(notes.count == 1 && notes[0].hasPrefix("the results are 128x128"))
    let restore = ["restore", "out/small-420-7-1.png", "--record", "out/small-420-7-1.png.json", "-o", "back.png"]
    let refused = try await gesso.run(restore)
    #expect(refused.status == 2)
    #expect(
      refused.errorLines.last
        == "gesso: out/small-420-7-1.png: the image is 128x128, which is another shape than that of the prepared image, "
        + "224x144: stretch it with --stretch")
    #expect(try gesso.names().contains("back.png") == false)
    let stretched = try await gesso.run(restore + ["--stretch"])
    #expect(stretched.status == 0, "\(stretched.errors)")
  }

  @Test("one side gives the other one")
  func side() async throws {
    let outcome = try await order(["--prompt", "p", "--width", "448"])
    #expect(outcome.status == 0 && !outcome.errors.contains("stretch"), "\(outcome.errors)")
    let record = try record("small-420-7-1.png.json")
    #expect(record["width"] as? Int == 448 && record["height"] as? Int == 288)
  }

  @Test("an image for a field is uploaded and named in the request")
  func reference() async throws {
    let outcome = try await order(["--prompt", "p", "--param", "style=@\(Fixtures.path("png/small-rgb8.png"))"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let parameters = try record("small-420-7-1.png.json")["parameters"] as? [String: Any]
    let style = (parameters?["param"] as? [String: Any])?["style"] as? String
    #expect(style?.hasPrefix("asset_") == true, "\(String(describing: parameters))")
  }
}
