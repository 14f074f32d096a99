// The inputs of the kernels' tests, and the comparison with the kernels' definitions. This module uses neither Swift Testing nor
// Foundation: the suite in PixelKernelsTests runs these cases, and so does a program in Embedded Swift, for which neither exists
// (Scripts/test-neon). For the kernels of x86-64-v3 the same files are compiled again through symbolic links.

/// One kernel with one set of inputs.
public struct KernelCase: Sendable {
  /// The kernel and its inputs, in one line.
  public let name: String
  private let body: @Sendable (inout KernelCheck) -> Void

  init(_ name: String, _ body: @escaping @Sendable (inout KernelCheck) -> Void) {
    self.name = name
    self.body = body
  }

  /// Runs the kernel.
  ///
  /// - Returns: A digest of all outputs, and a line for each difference from the definition.
  public func run() -> (digest: UInt64, faults: [String]) {
    var check = KernelCheck()
    body(&check)
    if check.outputs == 0 { check.faults.append("no output was compared") }
    return (check.digest, check.faults)
  }
}

/// All cases, in an order that is the same for every instruction set.
public func kernelCases() -> [KernelCase] {
  convolutionCases() + wideConvolutionCases() + floatConvolutionCases() + laneCases() + linearLightCases()
    + inverseDCTCases() + rowFilterCases()
    + unfilterCases() + deflateCases() + entropyDecodingCases() + progressiveDecodingCases()
    + alphaCases() + colorCases() + matrixColorCases()
    + tableColorCases() + expansionCases() + reductionCases()
}

/// The outputs that a case compares.
struct KernelCheck {
  /// FNV-1a over words of eight bytes instead of bytes.
  fileprivate(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
  fileprivate(set) var faults: [String] = []
  fileprivate(set) var outputs = 0

  /// Compares an output with its definition, element for element.
  mutating func expect<Element: FixedWidthInteger>(
    _ actual: [Element], is expected: [Element], _ inputs: @autoclosure () -> String
  ) {
    record(actual)
    if actual.count != expected.count {
      faults.append("\(inputs()): \(actual.count) elements, not \(expected.count)")
      return
    }
    if areEqual(actual, expected) { return }
    for i in 0..<actual.count where actual[i] != expected[i] {
      let (wrong, right) = (Int64(truncatingIfNeeded: actual[i]), Int64(truncatingIfNeeded: expected[i]))
      faults.append("\(inputs()): element \(i) is \(wrong), not \(right)")
      return
    }
  }

  /// Compares an output with a definition in real numbers, clamped to 0…`largest`.
  mutating func expect<Element: FixedWidthInteger>(
    _ actual: [Element], within tolerance: Double, of exact: [Double], largest: Double,
    _ inputs: @autoclosure () -> String
  ) {
    record(actual)
    expect(actual.count == exact.count, "\(inputs()): as many elements as its definition")
    for i in 0..<min(actual.count, exact.count) {
      let error = Double(Int64(truncatingIfNeeded: actual[i])) - max(0, min(largest, exact[i]))
      if error > tolerance || error < -tolerance {
        faults.append(
          "\(inputs()): element \(i) is \(Int64(truncatingIfNeeded: actual[i])), too far from its definition")
        return
      }
    }
  }

  /// Checks a condition on an output. Another call adds that output to the digest.
  mutating func expect(_ condition: Bool, _ meaning: @autoclosure () -> String) {
    if !condition { faults.append("not true: \(meaning())") }
  }

  /// Adds an output to the digest without a comparison.
  mutating func record<Element: FixedWidthInteger>(_ output: [Element]) {
    outputs += 1
    digest = output.withUnsafeBytes { digested($0, from: digest) }
  }
}

// These functions are not generic. The cases are compiled without optimization, and generic loops would take most of their time.

private func digested(_ bytes: UnsafeRawBufferPointer, from digest: UInt64) -> UInt64 {
  var digest = digest
  var i = 0
  while i + 8 <= bytes.count {
    digest = (digest ^ bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self)) &* 0x100_0000_01B3
    i += 8
  }
  while i < bytes.count {
    digest = (digest ^ UInt64(bytes[i])) &* 0x100_0000_01B3
    i += 1
  }
  return digest
}

/// Compares outputs of the same size.
private func areEqual<Element>(_ a: [Element], _ b: [Element]) -> Bool {
  a.withUnsafeBytes { a in b.withUnsafeBytes { areEqual(a, $0) } }
}

private func areEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
  var i = 0
  while i + 8 <= a.count {
    if a.loadUnaligned(fromByteOffset: i, as: UInt64.self) != b.loadUnaligned(fromByteOffset: i, as: UInt64.self) {
      return false
    }
    i += 8
  }
  while i < a.count {
    if a[i] != b[i] { return false }
    i += 1
  }
  return true
}

/// Calls `body` with the rows, each in an allocation of its own.
func withRows<Sample>(_ rows: [[Sample]], _ body: (UnsafePointer<UnsafePointer<Sample>>) -> Void) {
  let copies = rows.map { row in
    let copy = UnsafeMutablePointer<Sample>.allocate(capacity: row.count)
    for i in 0..<row.count { (copy + i).initialize(to: row[i]) }
    return UnsafePointer(copy)
  }
  body(copies)
  for copy in copies { copy.deallocate() }
}
