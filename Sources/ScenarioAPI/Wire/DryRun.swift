public import Foundation

/// The reply to a request for the price of a job.
public enum DryRun: Sendable, Equatable {
  /// The price; nothing was started.
  case price(Price)
  /// The service ignored `dryRun` and started this job, which is the requested one and is paid for. `cost` is its price
  /// in creative units, if the reply contains a number.
  case startedJob(JobID, cost: Decimal?)

  /// The price of a job.
  public struct Price: Sendable, Equatable {
    /// The price in creative units, which may have a fraction. A discount is already subtracted (contract, section 7).
    public let creativeUnits: Decimal
    /// The discount in creative units, if the service names one.
    public let discount: Decimal?
  }
}

extension DryRun: Decodable {
  private enum Key: String, CodingKey { case creativeUnitsCost, creativeUnitsDiscount, estimatedCost }

  /// Decodes a reply of status 269, with a price.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    let cost: Decimal? = fields.lenient(forKey: .creativeUnitsCost) ?? fields.lenient(forKey: .estimatedCost)
    // A reply with a job means that it is paid for, whether or not it also has a price.
    if let job = try? JobReply(from: decoder).job {
      self = .startedJob(job.id, cost: cost ?? job.billing?.cuCost)
      return
    }
    self = .price(
      Price(
        creativeUnits: try cost ?? fields.decode(Decimal.self, forKey: .creativeUnitsCost),
        discount: fields.lenient(forKey: .creativeUnitsDiscount)))
  }

  /// True for a price in a refusal: one page of documentation shows it as 402 (contract, section 12).
  static func isRefusal(_ response: HTTPResponse) -> Bool {
    response.status == 402 && (try? ReplyJSON.value(DryRun.self, of: response.body)) != nil
  }
}
