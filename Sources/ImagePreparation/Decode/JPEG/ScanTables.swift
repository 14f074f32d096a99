internal import Ground
internal import PixelKernels

/// The tables with which kernels decode a scan, and the blocks of its MCUs.
@safe
final class ScanTables: @unchecked Sendable {
  // Unchecked: nothing changes after the initializer.

  /// The kernel for a scan.
  enum Kind { case sequential, dc, dcRefinement, acBand, acRefinement }

  let kind: Kind
  /// An upper bound on the encoded size of an MCU in bytes, with those that are read ahead.
  let mostBytesPerMCU: Int
  /// The number of MCUs in a row.
  let mcusPerRow: Int
  /// The index of the first coefficient of each row of MCUs in a strip. An interleaved scan has one such row; a scan of one component has
  /// one for each block row.
  let rowStarts: [Int]
  /// The number of rows of MCUs in all strips; the largest integer if each strip has one row.
  let rowCount: Int
  /// The decoding tables, laid out as ``HuffmanTable``.
  let tables: AlignedBuffer<UInt64>
  /// The blocks of an MCU, laid out as ``EntropyBlock``.
  let blocks: AlignedBuffer<Int>
  let blockCount: Int
  let naturalOrder = ScanTables.naturalOrder()

  /// Makes the tables; nil if libjpeg-turbo has to decode the scan. `layout` is that of the coefficients.
  init?(_ scan: JPEGScan, frame: JPEGFrame, layout: CoefficientLayout) {
    let isDC = scan.band.lowerBound == 0
    kind =
      !frame.isProgressive
      ? .sequential
      : isDC
        ? scan.highBit == 0 ? .dc : .dcRefinement : scan.highBit == 0 ? .acBand : .acRefinement
    // A code and its value have at most 31 bits, and an MCU has at most 10 blocks of 64 codes (T.81 F.1.2, F.2.2.3). In a progressive scan,
    // an MCU has at most 10 codes, or is one block of 64 codes.
    mostBytesPerMCU = kind == .sequential ? 4096 : 512

    // The blocks of an MCU.
    var descriptions: [[Int]] = []
    if scan.components.count == 1 {
      // In a scan of one component, an MCU is one block, whatever the sampling factors are, and all blocks belong to the image (T.81
      // A.2.2).
      let (component, place) = (frame.components[scan.components[0].index], layout.components[scan.components[0].index])
      descriptions = [[0, 0, 64]]
      mcusPerRow = component.blocksPerRow
      rowCount = component.blockRows
      rowStarts = (0..<place.blockRows).map { place.start + $0 * place.rowStep }
    } else {
      for (number, listed) in scan.components.enumerated() {
        let (component, place) = (frame.components[listed.index], layout.components[listed.index])
        for y in 0..<component.verticalSampling {
          for x in 0..<component.horizontalSampling {
            descriptions.append([number, place.start + y * place.rowStep + x * 64, component.horizontalSampling * 64])
          }
        }
      }
      guard descriptions.count <= 10 else { return nil }
      mcusPerRow = frame.mcusPerRow
      rowCount = .max
      rowStarts = [0]
    }

    // Components with equal tables, usually Cb and Cr, share one copy of them, so that all tables together stay in the cache.
    var contents: [(code: HuffmanCode, kind: HuffmanCode.Symbols, steps: [UInt16])] = []
    func number(_ key: UInt8, _ kind: HuffmanCode.Symbols, _ steps: [UInt16]) -> Int? {
      guard let code = scan.codes[key], kind != .dc || code.isDC else { return nil }
      if let same = contents.firstIndex(where: { $0.code == code && $0.kind == kind && $0.steps == steps }) {
        return same
      }
      contents.append((code, kind, steps))
      return contents.count - 1
    }
    var numbers: [(dc: Int, ac: Int)] = []
    for listed in scan.components {
      let steps = frame.components[listed.index].steps
      var (dc, ac): (Int?, Int?) = (0, 0)
      switch kind {
      case .sequential:
        dc = number(listed.dcTable, .dc, steps)
        ac = number(listed.acTable, .ac, steps)
      case .dc: dc = number(listed.dcTable, .dc, steps)
      case .acBand: ac = number(listed.acTable, .acBand, steps)
      case .acRefinement:
        ac = number(listed.acTable, .acRefinement, steps)
        // The kernel does not check new coefficients against the bounds. Their magnitude is 1, so every bound has to be at least 1.
        guard steps.allSatisfy({ HuffmanCode.bound(step: $0, lowBit: scan.lowBit) >= 1 }) else { return nil }
      case .dcRefinement: break
      }
      guard let dc, let ac else { return nil }
      numbers.append((dc, ac))
    }
    tables = AlignedBuffer(count: max(contents.count, 1) * HuffmanTable.entries, zeroed: true)
    for (index, content) in contents.enumerated() {
      unsafe content.code.fill(
        tables.base + index * HuffmanTable.entries, kind: content.kind, lowBit: scan.lowBit, steps: content.steps)
    }
    blocks = AlignedBuffer(count: descriptions.count * EntropyBlock.words, zeroed: false)
    for (index, description) in descriptions.enumerated() {
      let words = unsafe blocks.base + index * EntropyBlock.words
      unsafe words[EntropyBlock.component] = description[0]
      unsafe words[EntropyBlock.start] = description[1]
      unsafe words[EntropyBlock.step] = description[2]
      unsafe words[EntropyBlock.dcTable] = numbers[description[0]].dc
      unsafe words[EntropyBlock.acTable] = numbers[description[0]].ac
    }
    blockCount = descriptions.count
  }

  /// The natural index of each zigzag position (T.81 figure 5).
  private static func naturalOrder() -> AlignedBuffer<UInt8> {
    let order = AlignedBuffer<UInt8>(count: 64, zeroed: true)
    var position = 0
    for diagonal in 0..<15 {
      let rows = max(0, diagonal - 7)...min(diagonal, 7)
      for y in diagonal % 2 == 0 ? Array(rows.reversed()) : Array(rows) {
        unsafe order.base[position] = UInt8(y * 8 + diagonal - y)
        position += 1
      }
    }
    return order
  }
}
