import Foundation
import TestSupport
import Testing

@Suite("The command as a process")
struct InvocationTests {
  /// One command line and its expected outcome.
  struct Case: CustomTestStringConvertible, Sendable {
    /// Words separated by single spaces; `FIXTURES` stands for the folder of fixtures.
    let line: String
    let status: Int32
    /// The end of the last line of standard error; nil for no line.
    var error: String?
    /// The content of standard output.
    var output = ""
    var environment: [String: String] = [:]
    var testDescription: String { line + (environment.isEmpty ? "" : " with \(environment)") }

    init(
      _ line: String, _ status: Int32, error: String? = nil, output: String = "", environment: [String: String] = [:]
    ) {
      self.line = line
      self.status = status
      self.error = error
      self.output = output
      self.environment = environment
    }
  }

  static let small = "FIXTURES/jpeg/small-420.jpg"

  static func unreadable(_ scheme: String) -> String {
    "addresses of the kind \(scheme): cannot be read: give a file, - for standard input, or an http(s) address"
  }
  static let credentials = ["SCENARIO_API_KEY": "k", "SCENARIO_API_SECRET": "s"]

  static let usage: [Case] = [
    Case("prepare", 2, error: "see gesso prepare --help"),
    Case("prepare \(small) --png --format jpeg", 2, error: "--format is given twice, and only one can count: keep one"),
    Case("help price", 2, error: "gesso has no verb price: see gesso --help"),
    Case("prepar \(small)", 2, error: "gesso has no verb prepar: did you mean prepare?"),
    Case("jobs resume job_1", 2, error: "gesso jobs has no verb resume: see gesso jobs --help"),
    Case("restore \(small)", 2, error: "say where it goes: -o OUT: see gesso restore --help"),
    Case(
      "restore \(small) -o a.png --quality 80", 2,
      error: "--quality has no effect with PNG: leave it out: see gesso restore --help"),
    Case(
      "prepare \(small) -o a.png --size 64x64 --focus 0.5,0.5", 2, error: "add --fit cover, or leave it out"),
    Case("prepare \(small)", 2, error: "say where it goes: -o FILE or --out-dir DIR: see gesso prepare --help"),
    Case("prepare \(small) -o a.jpg --out-dir out", 2, error: "see gesso prepare --help"),
    Case(
      "img2img \(small) \(small) --prompt x --mask \(small) --sandbox", 2,
      error: "--mask belongs to one INPUT, and these are 2: give one INPUT"),
    Case("img2img FIXTURES --prompt x --sandbox", 3, error: "or look in the folders within it with --recursive"),
    Case(
      "img2img --prompt x --sandbox", 2,
      error: "give images to start from: INPUT, or --image-url URL: see gesso img2img --help"),
    Case("img2img \(small) --prompt x --prompt y", 2, error: "give one; another prompt is another command"),
    Case("prepare \(small) \(small) -o a.jpg", 2, error: "use --out-dir DIR for several: see gesso prepare --help"),
    Case("prepare \(small) -o - --json", 2, error: "keep one: see gesso prepare --help"),
    Case(
      "prepare - - --out-dir out", 2, error: "standard input is named twice, and it can be read only once: name it once"
    ),
    Case("inspect - /dev/stdin", 2, error: "/dev/stdin is named twice, and it can be read only once: name it once"),
    Case(
      "restore - --record - -o a.png", 2,
      error: "standard input is named twice, and it can be read only once: name it once"),
    Case("prepare \(small) -o /dev/stdout --json", 2, error: "keep one: see gesso prepare --help"),
    Case("prepare \(small) -o a.jpg --tensor /dev/fd/1", 2, error: "name one: see gesso prepare --help"),
    Case("prepare \(small) -o a.jpg --unlike", 2, error: "unknown option --unlike: see gesso prepare --help"),
    Case(
      "prepare \(small) \(small) -o a.jpg --formt png", 2,
      error: "unknown option --formt: did you mean --format? see gesso prepare --help"),
    Case(
      "img2img \(small) --prompt x --stength=0.5", 2,
      error: "unknown option --stength: did you mean --strength? see gesso img2img --help"),
    Case(
      "prepare \(small) -o a.jpg --size 640", 2,
      error:
        "--size takes the sides of a box in pixels, not 640: for example --size 1024x768, or 1024x for its width alone"
        + " (see gesso prepare --help)"),
    Case(
      "prepare \(small) -o a.jpg --size 64x64 --fit covr", 2,
      error: "--fit takes contain, cover, pad or stretch, not covr: for example --fit cover (see gesso prepare --help)"),
    Case(
      "prepare \(small) -o a.jpg --max-pixels 1000000", 2,
      error: "--max-pixels takes megapixels, up to 4290, not 1000000: for example --max-pixels 1 or 1.5MP "
        + "(see gesso prepare --help)"),
    Case(
      "prepare \(small) -o a.jpg --width 30 --fit cover", 2,
      error: "--fit cover needs both sides of --size: give the other one: see gesso prepare --help"),
    Case(
      "prepare \(small) -o a.jpg --quality 101", 2,
      error: "--quality goes from 1 to 100, not 101: see gesso prepare --help"),
    Case("prepare \(small) -o a.jpg --mean 1", 2, error: "add --tensor FILE.npy: see gesso prepare --help"),
    Case("prepare \(small) -o a.jpg --tensor -", 2, error: "name one: see gesso prepare --help"),
    Case("prepare \(small) -o a.jpg --tensor a.jpg", 2, error: "give each its own: see gesso prepare --help"),
    Case("prepare \(small) -o a.jpg --tensor a.npy --std 0", 2, error: "give a deviation other than 0"),
    Case("prepare \(small) -o a.jpg --for dall-e", 2, error: "for example --for flux.1-dev (see gesso prepare --help)"),
    Case(
      "prepare \(small) -o a.jpg --for sdxl --size 600x100 --fit stretch --enlarge", 2,
      error: ": crop an extreme shape with --size WxH --fit cover"),
    Case("prepare \(small) -o a.jpg --max-bytes 300", 4, error: "raise --max-bytes, or lower --min-side"),
    Case("prepare \(small) -o a.gif", 2, error: "name it .jpg, .png or .webp, or add --format"),
    Case("prepare \(small) -o a.jpg --format png", 2, error: "change one of the two"),
    Case("prepare \(small) -o a.jpg -q -v", 2, error: "keep one: see gesso prepare --help"),
    Case("frobnicate", 2, error: "see gesso --help"),
    Case(
      "prepare \(small) -o a.jpg", 2, error: "use one of: baseline, x86-64-v3", environment: ["GESSO_ISA": "avx512"]),
    Case("img2img \(small)", 2, error: "--prompt TEXT or --prompt-file FILE: see gesso img2img --help"),
    Case(
      "img2img \(small) --prompt p --sandbox --mode custom", 2,
      error: "model flux.1-dev is not a custom model: use --mode legacy or --mode auto"),
    Case("img2img \(small) --prompt p --max-cost", 2, error: "see gesso img2img --help"),
    Case("img2img \(small) --prompt p --param seven", 2, error: "not seven: see gesso img2img --help"),
    Case("img2img \(small) --prompt p --sandbox --no-wait", 2, error: "its jobs end with it: see gesso img2img --help"),
    Case("img2img \(small) --prompt p --sandbox --scheduler x", 2, error: "TCDScheduler, UniPCMultistepScheduler"),
    Case("img2img \(small) --prompt p --sandbox --max-cost 0.1", 4, error: "raise --max-cost, or ask for less"),
    Case("report photos-1a2b3c", 2, error: "say where it goes: -o report.html: see gesso report --help"),
    Case(
      "report photos-1a2b3c -o photo.jpg", 2,
      error: "the output's name photo.jpg does not end in .html: name it .html: see gesso report --help"),
    Case(
      "report photos-1a2b3c --ledger none.sqlite -o report.html", 2,
      error: "there is no ledger none.sqlite: name the ledger of the batch with --ledger FILE"),
    Case("jobs resolve 1", 2, error: "decide: --adopt JOB, --resubmit or --drop: see gesso jobs resolve --help"),
    Case(
      "img2img \(small) --prompt p --sandbox --base-url http://localhost/v1", 2,
      error: "keep one: see gesso img2img --help"),
    Case("img2img \(small) --prompt p --sandbox --strength 2", 2, error: "strength is 2.0: give 0.01 to 1"),
    Case("img2img \(small) --prompt p --sandbox --width 100", 2, error: "give 64 to 2048 in steps of 8"),
    Case(
      "img2img \(small) --prompt p --sandbox --samples 2 --name {stem}", 2, error: "put {index} into the name template"),
    Case(
      "img2img \(small) --prompt p --sandbox --control c.png", 2,
      error: "--control needs --modality NAME: see gesso img2img --help"),
    Case(
      "img2img \(small) --prompt p --sandbox --mask m.png --modality canny", 2,
      error: "keep one: see gesso img2img --help"),
    Case(
      "img2img --image-url http://localhost/a --prompt p --sandbox --mask m.png", 2,
      error: "not --image-url: see gesso img2img --help"),
    Case(
      "img2img \(small) --prompt p --sandbox --mask m.png --mode custom", 2,
      error: "name images with --param: see gesso img2img --help"),
    Case(
      "img2img \(small) --prompt p --sandbox --modality fog", 2,
      error: "give one of canny, tile, depth, blur, pose, gray, low-quality"),
    Case("img2img \(small) --prompt-file nothing --sandbox", 2, error: "check --prompt-file"),
    Case(
      "img2img \(small) --prompt --sandbox", 2,
      error: "--prompt has no text before --sandbox: give one, or begin it otherwise: see gesso img2img --help"),
    Case(
      "img2img \(small) --prompt p --sandbox --param seed=12345678901234567890", 2,
      error: #"send it as text with --param 'seed="12345678901234567890"'"#),
    Case(
      "img2img \(small) --prompt p --sandbox --param x=@nothing.png", 3,
      error: "there is no such file: check the path: nothing.png"),
    Case(
      "img2img \(small) --prompt p --sandbox --name {stem}/{date}", 2, error: "use one such as {stem}-{seed}-{index}"),
    Case("doctor --dry-runs", 2, error: "--dry-runs has no effect without --online: add it: see gesso doctor --help"),
    Case("sandbox --port 70000", 2, error: "see gesso sandbox --help"),
    Case("jobs watch 7", 2, error: "the ledger knows no run 7: see gesso jobs list"),
    Case("jobs list --account 0x", 2, error: "--account does not take 0x: see gesso jobs list --help"),
    Case("jobs --account 0x", 2, error: "--account does not take 0x: see gesso jobs --help"),
    Case(
      "jobs list --project p", 2,
      error: "--project has no effect without --account: leave it out: see gesso jobs list --help"),
    Case("jobs show job_1", 2, error: "the ledger knows no job job_1: see gesso jobs list"),
  ]

  /// Flags that would have no effect.
  static let idle: [Case] =
    [
      ("prepare \(small) -o a.png --quality 80", "--quality has no effect with PNG"),
      ("prepare \(small) --format png --subsampling 444 --out-dir out", "--subsampling has no effect with PNG"),
      ("prepare \(small) -o a.jpg --compression small", "--compression has no effect with JPEG"),
      ("prepare \(small) -o a.jpg --min-quality 50", "--min-quality has no effect without --max-bytes"),
      ("prepare \(small) -o a.jpg --data --icc keep", "--icc has no effect with --data"),
      ("img2img \(small) --prompt p --format png --quality 80", "--quality has no effect with PNG"),
    ].map { Case($0.0, 2, error: "\($0.1): leave it out", environment: credentials) } + [
      Case(
        "upload \(small) --as-is --max-side 64", 2,
        error: "so flags of the preparation have no effect: leave one of the two out"),
      Case(
        "img2img --image-url https://example.com/a --prompt p --sandbox --max-side 64", 2,
        error:
          "nothing is prepared with --image-url, so flags of the preparation have no effect: leave one of the two out"),
    ]
    + [
      ("--no-wait --timeout 5", "--timeout has no effect with --no-wait"),
      ("--no-wait --overwrite", "--overwrite has no effect with --no-wait"),
      ("--negative-prompt-strength 1", "--negative-prompt-strength has no effect without --negative-prompt"),
      ("--modality canny --strength 0.75", "--strength has no effect with --modality and no --control"),
    ].map { Case("img2img \(small) --prompt p \($0.0)", 2, error: "\($0.1): leave it out: see gesso img2img --help") }

  /// Values that are not a plain decimal number from end to end.
  static let limits: [Case] =
    [
      "=much", "=0,5", "=12abc", "=1e400", "=1e2", "=-1", " -1", "=nan", "=inf", "=0x10", "=1_000", "=1.", "=.5",
      "=1.5.2", "=+5",
      "=\u{663}", "=" + String(repeating: "9", count: 40),
    ].map {
      Case(
        "img2img \(small) --prompt p --sandbox --max-cost\($0)", 2,
        error: "--max-cost takes a number of creative units in digits, such as 12 or 7.5, not \($0.dropFirst()): "
          + "see gesso img2img --help")
    } + [
      Case(
        "img2img \(small) --prompt p --sandbox --max-cost ", 2, error: "not an empty text: see gesso img2img --help"),
      Case(
        "img2img \(small) --prompt p --sandbox --max-cost-per-day=0,5", 2,
        error: "such as 12 or 7.5, not 0,5: see gesso img2img --help"),
      Case(
        "img2img \(small) --prompt p --sandbox --max-cost-per-day 0.1", 4,
        error: "raise --max-cost-per-day, or order it on another day"),
      Case(
        "img2img \(small) --prompt p --sandbox", 2, error: "not 12abc: correct it, or unset it",
        environment: ["GESSO_MAX_COST_PER_DAY": "12abc"]),
    ]

  static let inputs: [Case] = [
    Case("prepare nothing.jpg -o a.jpg", 3, error: "gesso: nothing.jpg: there is no such file: check the path"),
    Case("prepare . -o a.jpg", 3, error: ""),
    Case("prepare FIXTURES/foreign/text.jpg -o a.jpg", 3, error: ""),
    Case(
      "prepare FIXTURES/foreign/header.avif -o a.jpg", 3,
      error: "convert it first, for example: avifdec FILE out.png, or install the package gesso-decode, or build it: "
        + "swift build -c release --traits HEIF --product gesso-decode"),
    Case("prepare FIXTURES/foreign/header.heic -o a.jpg", 3, error: ""),
    Case("prepare FIXTURES/foreign/empty.jpg -o a.jpg", 3, error: ""),
    Case("prepare FIXTURES/corrupt/jpeg-truncated-half-scan.jpg -o a.jpg", 3, error: ""),
    Case("prepare FIXTURES/corrupt/png-truncated-half-data.png -o a.jpg", 3, error: ""),
    Case("prepare FIXTURES/corrupt/png-data-checksum.png -o a.jpg", 3, error: ""),
    Case("prepare FIXTURES/corrupt/jpeg-absurd-size.jpg -o a.jpg", 4, error: ""),
    Case("prepare FIXTURES/corrupt/png-absurd-size.png -o a.jpg", 4, error: ""),
    Case("prepare \(small) -o a.jpg --max-input-pixels 0.01", 4, error: ""),
    Case("prepare nothing.jpg FIXTURES/foreign/header.avif --out-dir out", 3, error: ""),
    Case("prepare nothing.jpg FIXTURES/corrupt/jpeg-absurd-size.jpg --out-dir out", 1, error: ""),
    Case("prepare \(small) nothing.jpg --out-dir out", 1, error: "", output: "out/small-420.prepared.jpg\n"),
    Case("prepare http://127.0.0.1:1/a.jpg -o a.jpg --allow-private", 7, error: ""),
    Case(
      "prepare http://2130706433:1/a.jpg -o a.jpg", 3,
      error: "gesso: http://2130706433:1/a.jpg: 127.0.0.1 is an address of this machine or of a private network: "
        + "allow it with --allow-private if you trust the address"),
    Case("inspect http://localhost:1/a.jpg", 3, error: allowing),
    Case("strip http://[::1]:1/a.jpg -o a.jpg", 3, error: allowing),
    Case("img2img http://169.254.169.254/a.jpg --prompt p --sandbox -o out", 3, error: allowing),
    Case(
      "prepare data:image/png;base64,iVBORw0KGgo= -o a.jpg", 3,
      error: "gesso: data:…: \(unreadable("data"))"),
    Case("inspect ftp://example.test/a.jpg", 3, error: "gesso: ftp:…: \(unreadable("ftp"))"),
    Case("prepare file://example.test/a.jpg -o a.jpg", 3, error: unreadable("file")),
    Case("inspect nothing.jpg", 3, error: "gesso: nothing.jpg: there is no such file: check the path"),
    Case("inspect FIXTURES/foreign/text.jpg", 3, error: ""),
    Case("img2img nothing.jpg --prompt p --sandbox", 3, error: ""),
    Case("img2img FIXTURES/foreign/text.jpg --prompt p --sandbox -o out", 3, error: ""),
  ]

  private static let allowing = "allow it with --allow-private if you trust the address"

  static let service: [Case] = [
    Case(
      "img2img \(small) --prompt p", 5,
      error:
        "no credentials: set SCENARIO_API_KEY and SCENARIO_API_SECRET, or try it without the service: gesso "
        + "sandbox stands in for it, and img2img --sandbox for one command"),
    Case(
      "img2img \(small) --prompt p", 5, error: "set SCENARIO_API_SECRET beside the other half",
      environment: ["SCENARIO_API_KEY": "k"]),
    Case(
      "img2img http://user:pass@127.0.0.1:1/a.jpg --prompt p -o out", 3,
      error: "gesso: http://…@127.0.0.1:1/a.jpg: GET http://…@127.0.0.1:1/a.jpg is not an http(s) URL: "
        + "give one such as https://example.com", environment: credentials),
    Case(
      "img2img \(small) --prompt p --base-url https://user:pass@example.com/v1", 5,
      error: "the base URL is not a plain http(s) URL: give one such as https://api.cloud.scenario.com/v1",
      environment: credentials),
    Case(
      "jobs list", 2, error: "which is not an absolute path: begin it with / or ~/",
      environment: ["GESSO_LEDGER": "l.sqlite"]),
    Case(
      "jobs list", 10,
      error: "cannot make the folder /proc/none: No such file or directory): check the file and its folder, "
        + "or set GESSO_LEDGER to another file", environment: ["GESSO_LEDGER": "/proc/none/l.sqlite"]),
    Case("img2img \(small) --prompt p --base-url http://example.com/v1", 5, error: "", environment: credentials),
    Case("img2img \(small) --prompt p --base-url http://127.0.0.1:1/v1 -o out", 7, error: "", environment: credentials),
    Case("jobs watch job_1", 5, error: ""),
    Case("img2img \(small) --prompt p --sandbox", 10, error: "", environment: ["GESSO_LEDGER": "/dev/null/ledger"]),
  ]

  @Test(
    "a refusal is one line with a remedy, and leaves no file behind",
    arguments: usage + limits + idle + inputs + service)
  func refused(_ test: Case) async throws {
    let gesso = try GessoExecutable()
    let outcome = try await run(test, gesso)
    #expect(outcome.status == test.status, "\(outcome.errors)")
    #expect(outcome.text == test.output)
    let last = try #require(outcome.errorLines.last)
    #expect(last.hasPrefix("gesso: ") && last.hasSuffix(test.error ?? ""), "\(last)")
    let ledger = ["", "-locks", "-wal", "-shm"].map { "ledger.sqlite" + $0 }
    // The image that img2img has prepared is complete, and the next attempt uses it.
    #expect(
      try gesso.names().allSatisfy { name in
        name == "out" || ledger.contains(name) || (test.status == 4 && name == "small-420.prepared.jpg")
      })
    // If img2img could not get results, it still leaves the prepared image, which is complete.
    if !test.line.hasPrefix("img2img"), FileManager.default.fileExists(atPath: gesso.folder.appending(path: "out").path)
    {
      let expected = test.output.isEmpty ? [] : [String(test.output.dropFirst(4).dropLast())]
      #expect(try gesso.names(in: "out") == expected)
    }
  }

  static let asked: [Case] = [
    Case("--version", 0, output: "gesso 0.2.0\nbuilt with Swift 6."),
    Case("--version", 0, output: "\nlinked to libpng 1."),
    Case("--help", 0, output: "SUBCOMMANDS"),
    Case("", 0, output: "SUBCOMMANDS"),
    Case("prepare --help", 0, output: "--max-side"),
    Case("--generate-completion-script bash", 0, output: "_gesso_prepare"),
    Case("--generate-completion-script zsh", 0, output: "#compdef gesso"),
    Case("--generate-completion-script fish", 0, output: "complete -c 'gesso'"),
    Case("jobs", 0, error: "gesso: this machine has no jobs yet"),
    Case("inspect \(small)", 0, output: "JPEG, 227x149"),
    Case("inspect FIXTURES/jpeg/phone.jpg", 0, output: "metadata: EXIF, GPS position\n"),
    Case("inspect FIXTURES/jpeg/gps-xmp.jpg", 0, output: "metadata: GPS position, XMP\n"),
    Case("inspect FIXTURES/png/gps-xmp.png", 0, output: "metadata: GPS position, XMP\n"),
    Case("inspect --json FIXTURES/png/gps-xmp.png", 0, output: #""exif":false,"format":"png","gps":true,"#),
    Case("doctor", 0, output: "libpng: 1."),
  ]

  @Test("help, version and completion scripts go to standard output", arguments: asked)
  func answered(_ test: Case) async throws {
    let outcome = try await run(test, try GessoExecutable())
    #expect(outcome.status == 0)
    #expect(test.output.isEmpty ? outcome.text.isEmpty : outcome.text.contains(test.output))
    #expect(outcome.errors == (test.error.map { $0 + "\n" } ?? ""))
  }

  @Test("a position after the pixels is found through a pipe, too")
  func pipe() async throws {
    let gesso = try GessoExecutable()
    let line = "cat '\(Fixtures.path("png/gps-xmp.png"))' | '\(GessoExecutable.url.path)' inspect -"
    let outcome = try await gesso.run(["-c", line], executable: URL(filePath: "/bin/bash"))
    #expect(outcome.status == 0 && outcome.text.contains("GPS position"), "\(outcome.text)\(outcome.errors)")
  }

  /// Completions are code for shells. The test lets the shells read them.
  @Test("bash accepts its completion script")
  func completions() async throws {
    let gesso = try GessoExecutable()
    let script = try await gesso.run(["--generate-completion-script", "bash"])
    try gesso.write(script.text, to: "gesso.bash")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-n", gesso.folder.appending(path: "gesso.bash").path]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  private func run(_ test: Case, _ gesso: GessoExecutable) async throws -> GessoExecutable.Outcome {
    let words =
      test.line.isEmpty
      ? []
      : test.line.split(separator: " ", omittingEmptySubsequences: false).map {
        $0.replacingOccurrences(of: "FIXTURES", with: Fixtures.folder.path)
      }
    return try await gesso.run(words, environment: test.environment)
  }
}
