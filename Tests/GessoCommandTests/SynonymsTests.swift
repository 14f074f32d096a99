import GessoCommand
import Testing

@Suite("Words of other programs")
struct SynonymsTests {
  @Test(
    "have one meaning each, with a note",
    arguments: [
      ("prepare a --fit crop", "prepare a --fit cover", "--fit crop is --fit cover"),
      ("prepare a --fit=fill", "prepare a --fit stretch", "--fit fill is --fit stretch"),
      ("upload a --fit Inside", "upload a --fit contain", "--fit Inside is --fit contain"),
      ("prepare a --gravity top", "prepare a --gravity north", "--gravity top is --gravity north"),
      ("img2img a --filter bicubic", "img2img a --filter catmull-rom", "--filter bicubic is --filter catmull-rom"),
      ("prepare a --for flux", "prepare a --for flux.1-dev", "--for flux is --for flux.1-dev"),
      ("prepare a --format jpg", "prepare a --format jpeg", "--format jpg is --format jpeg"),
      ("prepare a --png -q", "prepare a --format png -q", "--png is --format png"),
      ("prepare a --webp", "prepare a --format webp", "--webp is --format webp"),
      ("prepare a --output b", "prepare a -o b", "--output is -o"),
      ("prepare a --output=b", "prepare a -o b", "--output is -o"),
      (
        "prepare --height 30 --width 40 a -o b", "prepare --size 40x30 a -o b", "--width 40 --height 30 is --size 40x30"
      ),
      ("prepare a --width 800 -q", "prepare a --size 800x -q", "--width 800 is --size 800x"),
      ("prepare --height=600 a", "prepare --size x600 a", "--height 600 is --size x600"),
      (
        "upload --height 600 a --width 800", "upload --size 800x600 a",
        "--width 800 --height 600 is --size 800x600"
      ),
    ])
  func meaning(typed: String, parsed: String, note: String) throws {
    let (arguments, notes) = try Synonyms.resolved(typed.split(separator: " ").map(String.init))
    #expect(arguments.joined(separator: " ") == parsed && notes == [note])
  }

  @Test(
    "are left alone where they mean something else",
    arguments: [
      "img2img a --width 800 --height 600", "prepare a -o b -- --fit crop", "inspect --output", "prepare a --fit cover",
      "",
      "jobs list --format jpg",
    ])
  func untouched(typed: String) throws {
    let words = typed.split(separator: " ").map(String.init)
    let (arguments, notes) = try Synonyms.resolved(words)
    #expect(arguments == words && notes.isEmpty)
  }

  @Test(
    "sides that make no box are refused",
    arguments: ["prepare a --width wide", "prepare a --width -40", "prepare a --width 3 --size 4x4"])
  func refused(typed: String) {
    let error = #expect(throws: CommandError.self) {
      try Synonyms.resolved(typed.split(separator: " ").map(String.init))
    }
    #expect(error?.status == .usage)
  }
}

@Suite("Options given twice")
struct RepeatedOptionsTests {
  @Test(
    "are refused, because one of them would be dropped",
    arguments: ["img2img a --prompt x --prompt y", "prepare a --size=3x3 --size 4x4", "prepare a -o b -o c"])
  func refused(typed: String) {
    let error = #expect(throws: CommandError.self) {
      try RepeatedOptions.check(typed.split(separator: " ").map(String.init))
    }
    #expect(error?.status == .usage)
  }

  @Test(
    "are refused if two different words stand for one option",
    arguments: ["prepare a --png --jpeg", "prepare a --png --format jpeg", "upload a --output b -o c"])
  func refusedAfterReplacement(typed: String) throws {
    let words = typed.split(separator: " ").map(String.init)
    try RepeatedOptions.check(words)
    let error = #expect(throws: CommandError.self) { try RepeatedOptions.check(Synonyms.resolved(words).arguments) }
    #expect(error?.status == .usage)
  }

  @Test(
    "are taken where they add up, and behind the terminator",
    arguments: ["img2img a --param x=1 --param y=2", "prepare a -- --fit --fit", "prepare a --size 3x3 --fit cover"])
  func taken(typed: String) {
    #expect(throws: Never.self) { try RepeatedOptions.check(typed.split(separator: " ").map(String.init)) }
  }
}
