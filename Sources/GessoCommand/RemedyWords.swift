internal import GessoPipeline

/// Words every remedy with the flags and verbs of this command, which libraries do not know.
extension Remedy {
  /// One line without a period; empty if there is no remedy.
  package var commandWords: String {
    switch self {
    case .text(let sentence): sentence
    case .either(let first, let second): "\(first.commandWords), or \(second.commandWords)"
    case .both(let first, let second): "\(first.commandWords); \(second.commandWords)"
    case .chooseAnotherName: "choose another name"
    case .allowReplacing: "leave out --no-clobber"
    case .raise(let limit, _): limit.raising
    case .lower(let settings): "lower " + settings.map(\.flag).joined(separator: " or ")
    case .leaveOut(let setting): "leave out " + setting.flag
    case .makeSmaller: "make it smaller with --max-side"
    case .reduceUpload: "use a smaller --max-side, --format jpeg or a lower --quality"
    case .writePNG: "use --format png"
    case .cropToBox: "crop an extreme shape with --size WxH --fit cover"
    case .change(let settings): "change " + settings.map(\.flag).joined(separator: " or ")
    case .allowEnlarging: "allow it with --enlarge"
    case .padToMultiple: "pad it with --snap pad"
    case .acceptDamage: "use what can be decoded with --fail-on none"
    case .allowStretching: "stretch it with --stretch"
    case .acceptWarnings: "accept warnings with --fail-on error"
    case .giveField(let name): "give it with --param \(name)=VALUE"
    case .useCustomModel(let id): "use --mode custom --model \(id) for the next order"
    case .buildDecodeHelper: Self.decodeHelperInstallation
    case .decodeHere: "decode it with --no-isolate if you trust it"
    case .allowPrivateAddresses: "allow it with --allow-private if you trust the address"
    case .checkCredentials, .retry, .keepJobID: description
    case .listJobs: "see gesso jobs list"
    case .decide(let run):
      "look at the jobs in the service's own pages: gesso jobs resolve \(run) --adopt JOB takes one, --drop gives the run up, and only "
        + "if none is there, --resubmit submits again"
    case .orderAgain: "--again starts a new job, which is paid for"
    case .useLedger(.another): "set GESSO_LEDGER to another file"
    case .useLedger(.new): "set GESSO_LEDGER to a new file"
    case .useLedger(.onThisMachine): "set GESSO_LEDGER to a file on a disk of this machine"
    case .useLedger(.newKeepingThis): "keep the file for its job ids, and set GESSO_LEDGER to a new one"
    }
  }
}

extension Remedy {
  /// The ways to get `gesso-decode`.
  static let decodeHelperInstallation =
    "install the package gesso-decode, or build it: swift build -c release --traits HEIF --product gesso-decode"
}

extension Remedy.Limit {
  /// The advice to raise the limit, with its condition.
  fileprivate var raising: String {
    switch self {
    case .sourcePixels: "raise --max-input-pixels if you trust the file"
    // Only `--limits service` sets these limits.
    case .sourceSide, .sourceBytes, .pixelsPerByte, .seconds: "leave out --limits service if you trust the file"
    case .memory: "raise --max-memory"
    case .resultPixels: "raise --max-pixels"
    case .resultBytes: "raise --max-bytes"
    case .cost: "raise --max-cost"
    case .dailyCost: "raise --max-cost-per-day"
    }
  }
}

extension Remedy.Setting {
  /// The flag for this setting.
  fileprivate var flag: String {
    switch self {
    case .longestSide: "--max-side"
    case .quality: "--quality"
    case .shortestSide: "--min-side"
    case .trimming: "--trim"
    case .attention: "--gravity attention"
    case .multiple: "--multiple-of"
    case .box: "--size"
    case .keptMetadata: "--metadata keep"
    }
  }
}
