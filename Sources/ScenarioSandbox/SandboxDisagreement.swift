/// A possible difference between the service's replies and its documents (contract, section 14).
///
/// Unlike a ``SandboxFault`` it does not affect single requests: it holds as long as it is switched on.
package enum SandboxDisagreement: String, Sendable, Hashable, Codable, CaseIterable {
  // The form in which a job repeats its request.

  /// The prompt is the id of a text asset.
  case archivedPrompt = "archived-prompt"
  /// The source image is a signed URL.
  case sourceAsURL = "source-as-url"
  /// The source image is in `imageId`, in addition to a URL in `image`.
  case sourceAsImageID = "source-as-image-id"
  /// The source image is not repeated.
  case sourceLeftOut = "source-left-out"
  /// Numbers are rounded to 32 bits: 0.55 is 0.550000011920929.
  case roundedNumbers = "float32-numbers"

  // The fields of a job.

  /// The bill has no cost.
  case billingWithoutCost = "billing-without-cost"
  /// The reason of a failure is an object.
  case errorAsObject = "error-as-object"
  /// The job's id is `job.id`.
  case idOfJob = "job-id"
  /// The job's fields are at the top level of the reply.
  case idsAtTop = "top-level-ids"
  /// Beside each job, the list contains another job whose fields have other types, and an element that is not a job.
  case oddSibling = "odd-sibling"
  /// The first two reads of a job get 404.
  case unknownAtFirst = "unknown-at-first"

  // Prices.

  /// A dry run starts the job, and has the reply of a submit.
  case dryRunStartsJob = "dry-run-starts-job"
  /// A dry run starts the job, whose fields are at the top level of the reply.
  case dryRunStartsFlatJob = "dry-run-starts-flat-job"

  // The service's clock.

  /// Five minutes behind, in the `Date` field and in the times of jobs and assets.
  case clockBehind = "clock-behind"
  /// Five minutes ahead.
  case clockAhead = "clock-ahead"

  // Refusals.

  /// 403 for `POST /assets/get-bulk`.
  case bulkRefused = "bulk-refused"
  /// The gateway's 403 "Missing Authentication Token" for the legacy endpoints.
  case gatewayForbids = "gateway-403"
  /// 404 for the legacy endpoints, as for any path that does not exist.
  case legacyGone = "legacy-gone"
  /// 400 that names the model, from the legacy endpoints.
  case modelRefused = "model-refused"
  /// 402 for every generation.
  case paymentRequired = "payment-required"
  /// 400 in words of exhausted credit for every generation.
  case creditExhausted = "credit-exhausted"
  /// 429 with a `Retry-After` of an hour for every operation.
  case pauseOfAnHour = "retry-after-an-hour"

  /// The disagreements that are chosen at random for orders. A correct client loses nothing by them.
  package static let survivable: [SandboxDisagreement] = [
    .archivedPrompt, .sourceAsURL, .sourceAsImageID, .roundedNumbers, .billingWithoutCost, .oddSibling, .unknownAtFirst,
    .bulkRefused,
  ]

  /// The disagreements of one order: the same for the same seed and order, each with a chance of one half.
  package static func drawn(seed: UInt64, order: String) -> Set<SandboxDisagreement> {
    // FNV-1a (Fowler, Noll and Vo), and the last steps of SplitMix64, so that all bits differ.
    var hash = 0xCBF2_9CE4_8422_2325 ^ seed
    for byte in order.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
    return Set(zip(0..., survivable).filter { hash >> $0.0 & 1 == 1 }.map(\.1))
  }

  /// The clock of a service with that seed. It is chosen once, because all orders share one clock.
  package static func clock(seed: UInt64) -> SandboxDisagreement { seed % 2 == 0 ? .clockBehind : .clockAhead }
}
