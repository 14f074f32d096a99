/// The next step after a failure: a value, so that a program that shows it can name its own settings.
///
/// The description of a remedy is worded for programmers who call this package; the command `gesso` names its flags instead. Cases may be
/// added.
public enum Remedy: Sendable, Hashable {
  /// A sentence that names no setting, without a period; empty if there is no remedy.
  case text(String)
  /// One of two remedies.
  indirect case either(Remedy, or: Remedy)
  /// Both remedies, in this order.
  indirect case both(Remedy, and: Remedy)

  /// Give the output another name than this path, which is taken.
  case chooseAnotherName(String)
  /// Allow existing files to be replaced.
  case allowReplacing

  /// Raise a limit; `atLeast` is a sufficient value in the limit's unit, if it is known.
  case raise(Limit, atLeast: Int? = nil)
  /// Use lower values of these settings.
  case lower([Setting])
  /// Leave a setting out.
  case leaveOut(Setting)
  /// Ask for a result with a shorter longest side.
  case makeSmaller
  /// Ask for an upload of at most so many bytes.
  case reduceUpload(toBytes: Int)
  /// Ask for PNG instead of JPEG.
  case writePNG
  /// Crop to a box of the recipe's shape.
  case cropToBox
  /// Change one of these settings, which contradict each other.
  case change([Setting])
  /// Allow the image to be enlarged.
  case allowEnlarging
  /// Pad up to a multiple instead of cropping to one.
  case padToMultiple
  /// Take a damaged source as far as it can be decoded.
  case acceptDamage
  /// Stretch a result that has another shape than the image it was made of.
  case allowStretching
  /// Take a source that the codec warns of.
  case acceptWarnings
  /// Give a value for a field that only the model's description names.
  case giveField(String)
  /// Use the current endpoint with this model for the next order: the legacy endpoint does not serve it.
  case useCustomModel(String)

  /// Build the program that decodes HEIC and AVIF, with the trait HEIF.
  case buildDecodeHelper

  /// Decode the image in this process, which is not isolated.
  case decodeHere

  /// Allow connections to this machine and to private networks.
  case allowPrivateAddresses
  /// Check key and secret.
  case checkCredentials
  /// Try again after a pause: zero for a moment, nil for a time that is not known.
  case retry(after: Duration?)
  /// Keep the id of this job: the job is paid for, and is not in the ledger.
  case keepJobID(JobID)
  /// Look at the jobs in the ledger.
  case listJobs
  /// Decide about the submit of a run: adopt a job, give the run up, or submit again if there is certainly no job.
  case decide(run: Int64)
  /// Make a new attempt of a finished order, which is paid for again.
  case orderAgain
  /// Keep the ledger somewhere else.
  case useLedger(LedgerChoice)

  /// A limit that can be raised.
  public enum Limit: Sendable, Hashable, CaseIterable {
    /// Pixels of a source.
    case sourcePixels
    /// The longer side of a source.
    case sourceSide
    /// Encoded bytes of a source.
    case sourceBytes
    /// Pixels of a source for each of its encoded bytes.
    case pixelsPerByte
    /// Seconds for one image.
    case seconds
    /// Bytes of memory.
    case memory
    /// Pixels of a result.
    case resultPixels
    /// Bytes of a result.
    case resultBytes
    /// Creative units of a job; whole ones, rounded up.
    case cost
    /// Creative units of all jobs of a day; whole ones, rounded up.
    case dailyCost
  }

  /// A setting that can be lowered or left out.
  public enum Setting: Sendable, Hashable, CaseIterable {
    /// The longest side of a result.
    case longestSide
    /// The quality of a JPEG.
    case quality
    /// The shortest side that a budget of bytes may shrink a result to.
    case shortestSide
    /// Cropping away transparent margins.
    case trimming
    /// A crop around the region of most attention.
    case attention
    /// The number that both sides are multiples of.
    case multiple
    /// The box that the image is fitted into.
    case box
    /// Keeping the source's metadata.
    case keptMetadata
  }

  /// Another file for a ledger.
  public enum LedgerChoice: Sendable, Hashable, CaseIterable {
    /// Another file.
    case another
    /// A file that does not exist yet.
    case new
    /// A file on a disk of this machine.
    case onThisMachine
    /// A file that does not exist yet, while the present one is kept for the ids of its jobs.
    case newKeepingThis
  }

  /// True if there is no remedy.
  public var isEmpty: Bool { self == .text("") }
}

extension Remedy: ExpressibleByStringInterpolation {
  /// A plain sentence.
  public init(stringLiteral value: String) { self = .text(value) }
}

extension Remedy: CustomStringConvertible {
  /// One line without a period, worded for programmers.
  public var description: String {
    switch self {
    case .text(let sentence): sentence
    case .either(let first, let second): "\(first), or \(second)"
    case .both(let first, let second): "\(first); \(second)"
    case .chooseAnotherName(let path): "choose another name than \(path)"
    case .allowReplacing: "allow existing files to be replaced"
    case .raise(let limit, let enough?): "raise \(limit) to at least \(enough)"
    case .raise(let limit, nil): "raise \(limit)"
    case .lower(let settings): "lower " + settings.map(\.description).joined(separator: " or ")
    case .leaveOut(let setting): "leave out \(setting)"
    case .makeSmaller: "ask for a shorter longest side"
    case .reduceUpload(let bytes): "make it smaller: give the recipe a budget of \(bytes) bytes"
    case .writePNG: "ask for PNG"
    case .cropToBox: "crop an extreme shape to a box with the fit cover"
    case .change(let settings): "change " + settings.map(\.description).joined(separator: " or ")
    case .allowEnlarging: "allow it to be enlarged"
    case .padToMultiple: "pad it up to the multiple"
    case .acceptDamage: "use what can be decoded: set failOn to none"
    case .allowStretching: "allow it to be stretched"
    case .acceptWarnings: "accept warnings: set failOn to error"
    case .giveField(let name): "give a value for \(name) in the parameters"
    case .useCustomModel(let id): "use the endpoint custom with the model \(id) for the next order"
    case .buildDecodeHelper: "build gesso-decode with the trait HEIF, and set Limits.decodeHelper to its path"
    case .decodeHere: "decode it without isolation if you trust it"
    case .allowPrivateAddresses: "set ConnectionOptions.allowsPrivateAddresses if you trust the address"
    case .checkCredentials: "check API key and secret"
    case .retry(nil): "try again later"
    case .retry(let pause?): Self.text(pause)
    case .keepJobID: "write the job's id down"
    case .listJobs: "look at the ledger's entries first"
    case .decide(let run):
      "resolve run \(run): adopt its job, drop the run, or submit again if there is certainly no job"
    case .orderAgain: "set again to true for a new job, which is paid for"
    case .useLedger(.another): "open the ledger at another path"
    case .useLedger(.new): "open the ledger at a new path"
    case .useLedger(.onThisMachine): "open the ledger on a disk of this machine"
    case .useLedger(.newKeepingThis): "keep the file for its job ids, and open the ledger at a new path"
    }
  }

  /// The sentence about a pause, rounded up to whole seconds.
  package static func text(_ pause: Duration) -> String {
    guard pause > .zero else { return "try again in a moment" }
    return "try again in \(Int((pause / .seconds(1)).rounded(.up))) seconds"
  }
}

extension Remedy.Limit: CustomStringConvertible {
  /// The name of the property that sets this limit.
  public var description: String {
    switch self {
    case .sourcePixels: "Limits.maxPixels"
    case .sourceSide: "Limits.maxSide"
    case .sourceBytes: "Limits.maxSourceBytes"
    case .pixelsPerByte: "Limits.maxPixelsPerByte"
    case .seconds: "Limits.maxSeconds"
    case .memory: "Limits.maxMemory"
    case .resultPixels: "Recipe.Fitting.maxPixels"
    case .resultBytes: "Recipe.Budget.bytes"
    case .cost: "Img2ImgOrder.maxCost"
    case .dailyCost: "Img2ImgOrder.maxCostPerDay"
    }
  }
}

extension Remedy.Setting: CustomStringConvertible {
  /// The name of the setting in a recipe.
  public var description: String {
    switch self {
    case .longestSide: "the longest side"
    case .quality: "the quality"
    case .shortestSide: "Recipe.Budget.minSide"
    case .trimming: "trim"
    case .attention: "the gravity attention"
    case .multiple: "the multiple"
    case .box: "the box"
    case .keptMetadata: "keeping metadata"
    }
  }
}
