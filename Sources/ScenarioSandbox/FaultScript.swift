/// The faults that are still to be made.
struct FaultScript: Sendable {
  private var queue: [SandboxFault]
  private let plan: SandboxFaultPlan?
  private var state: UInt64

  init(_ faults: [SandboxFault], plan: SandboxFaultPlan?) {
    queue = faults
    self.plan = plan
    state = plan?.seed ?? 0
  }

  /// Adds faults.
  mutating func append(_ faults: [SandboxFault]) { queue += faults }

  /// The fault of this request; nil for none.
  mutating func draw(_ operation: String) -> SandboxFault.Kind? {
    for index in queue.indices {
      let fault = queue[index]
      guard fault.count > 0, fault.operation ?? operation == operation, fault.kind.fits(operation) else { continue }
      guard fault.skip == 0 else {
        queue[index].skip -= 1
        continue
      }
      queue[index].count -= 1
      return fault.kind
    }
    guard let plan else { return nil }
    let (chance, choice) = (random(), random())
    guard Double(chance >> 11) * 0x1p-53 < plan.rate else { return nil }
    let kinds = plan.kinds.filter { $0.fits(operation) }
    return kinds.isEmpty ? nil : kinds[Int(choice % UInt64(kinds.count))]
  }

  /// SplitMix64 (Steele, Lea and Flood 2014).
  private mutating func random() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
