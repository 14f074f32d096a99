import GessoCommand
import GessoPipeline
import Testing

@Suite("What a remedy is called on the command line")
struct RemedyWordsTests {
  static let remedies: [(remedy: Remedy, words: String)] = [
    ("get an intact copy", "get an intact copy"), ("", ""),
    (
      .either(.chooseAnotherName("a.png"), or: .allowReplacing), "choose another name, or leave out --no-clobber"
    ),
    (.raise(.sourcePixels, atLeast: 12), "raise --max-input-pixels if you trust the file"),
    (.raise(.sourceSide, atLeast: 40_000), "leave out --limits service if you trust the file"),
    (.raise(.sourceBytes), "leave out --limits service if you trust the file"),
    (.raise(.pixelsPerByte), "leave out --limits service if you trust the file"),
    (.raise(.seconds), "leave out --limits service if you trust the file"),
    (.either(.raise(.memory), or: "ask for a smaller result"), "raise --max-memory, or ask for a smaller result"),
    (.raise(.resultPixels), "raise --max-pixels"),
    (
      .either(.raise(.resultBytes), or: .lower([.longestSide, .quality])),
      "raise --max-bytes, or lower --max-side or --quality"
    ),
    (.either(.raise(.cost, atLeast: 9), or: "ask for less"), "raise --max-cost, or ask for less"),
    (.leaveOut(.trimming), "leave out --trim"), (.leaveOut(.attention), "leave out --gravity attention"),
    (.either(.writePNG, or: .leaveOut(.keptMetadata)), "use --format png, or leave out --metadata keep"),
    (.makeSmaller, "make it smaller with --max-side"),
    (.lower([.shortestSide]), "lower --min-side"),
    (.reduceUpload(toBytes: 9), "use a smaller --max-side, --format jpeg or a lower --quality"),
    (.cropToBox, "crop an extreme shape with --size WxH --fit cover"),
    (.change([.longestSide, .multiple]), "change --max-side or --multiple-of"), (.change([.box]), "change --size"),
    (.either(.allowEnlarging, or: .padToMultiple), "allow it with --enlarge, or pad it with --snap pad"),
    (.acceptDamage, "use what can be decoded with --fail-on none"),
    (.allowPrivateAddresses, "allow it with --allow-private if you trust the address"),
    (.decodeHere, "decode it with --no-isolate if you trust it"),
    (.acceptWarnings, "accept warnings with --fail-on error"),
    (.giveField("style"), "give it with --param style=VALUE"), (.checkCredentials, "check API key and secret"),
    (
      .both(.listJobs, and: .useCustomModel("m")), "see gesso jobs list; use --mode custom --model m for the next order"
    ),
    (.retry(after: nil), "try again later"), (.retry(after: .zero), "try again in a moment"),
    (.retry(after: .milliseconds(2001)), "try again in 3 seconds"),
    (.keepJobID(JobID(rawValue: "job_1")), "write the job's id down"), (.listJobs, "see gesso jobs list"),
    (
      .decide(run: 7),
      "look at the jobs in the service's own pages: gesso jobs resolve 7 --adopt JOB takes one, --drop gives the run up, and only if "
        + "none is there, --resubmit submits again"
    ), (.orderAgain, "--again starts a new job, which is paid for"),
    (.raise(.dailyCost, atLeast: 9), "raise --max-cost-per-day"),
    (.useLedger(.another), "set GESSO_LEDGER to another file"), (.useLedger(.new), "set GESSO_LEDGER to a new file"),
    (.useLedger(.newKeepingThis), "keep the file for its job ids, and set GESSO_LEDGER to a new one"),
  ]

  @Test("the command names its flags, and the library none", arguments: remedies)
  func words(remedy: Remedy, words: String) {
    #expect(remedy.commandWords == words)
    #expect(!remedy.description.contains("--") && !remedy.description.contains("GESSO"))
    #expect(remedy.isEmpty == remedy.description.isEmpty && !remedy.description.hasSuffix("."))
  }
}
