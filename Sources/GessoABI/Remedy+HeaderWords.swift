import Ground

/// The texts of remedies, which name the fields of the header.
extension Remedy {
  /// One line without a period; empty if nothing can be done.
  var headerWords: String {
    switch self {
    case .text(let sentence): sentence
    case .either(let first, let second): "\(first.headerWords), or \(second.headerWords)"
    case .both(let first, let second): "\(first.headerWords); \(second.headerWords)"
    case .raise(let limit, let enough?): "raise \(limit.field) to at least \(enough)"
    case .raise(let limit, nil): "raise \(limit.field)"
    case .lower(let settings): "lower " + settings.map(\.field).joined(separator: " or ")
    case .leaveOut(let setting): "leave out \(setting.field)"
    case .makeSmaller: "use a smaller longest_side"
    case .writePNG: "set format to \"png\""
    case .cropToBox: "crop an extreme shape: set box_width, box_height and a box_fit of \"cover\""
    case .change(let settings): "change " + settings.map(\.field).joined(separator: " or ")
    case .allowEnlarging: "set enlarge to 1"
    case .padToMultiple: "set snap to \"pad\""
    case .acceptDamage: "use what can be decoded: set fail_on to \"none\""
    case .allowStretching: "set stretch to 1"
    case .acceptWarnings: "accept warnings: set fail_on to \"error\""
    case .buildDecodeHelper: "build gesso-decode with the trait HEIF, and set decode_helper of gesso_limits to its path"
    // Only the client and the command give these remedies.
    case .chooseAnotherName, .decodeHere, .allowReplacing, .reduceUpload, .giveField, .useCustomModel,
      .checkCredentials, .retry,
      .keepJobID, .listJobs, .decide, .orderAgain, .useLedger, .allowPrivateAddresses:
      description
    }
  }
}

extension Remedy.Limit {
  /// The header's field that sets this limit.
  fileprivate var field: String {
    switch self {
    case .sourcePixels: "max_pixels of gesso_limits"
    case .sourceSide: "max_side of gesso_limits"
    case .sourceBytes: "max_source_bytes of gesso_limits"
    case .pixelsPerByte: "max_pixels_per_byte of gesso_limits"
    case .seconds: "max_seconds of gesso_limits"
    case .memory: "max_memory of gesso_limits"
    case .resultPixels: "max_pixels of gesso_recipe"
    case .resultBytes: "max_bytes"
    case .cost, .dailyCost: description
    }
  }
}

extension Remedy.Setting {
  /// The header's field for this setting.
  fileprivate var field: String {
    switch self {
    case .longestSide: "longest_side"
    case .quality: "quality"
    case .shortestSide: "min_side"
    case .trimming: "trim"
    case .attention: "the gravity \"attention\""
    case .multiple: "multiples_of"
    case .box: "box_width and box_height"
    case .keptMetadata: "the metadata \"keep\""
    }
  }
}
