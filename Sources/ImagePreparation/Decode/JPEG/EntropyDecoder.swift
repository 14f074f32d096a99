internal import CImageCodecs
internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Decodes the entropy-coded bytes of a baseline JPEG's only scan into coefficients, without libjpeg-turbo.
///
/// It decodes only flawless files. At anything else it stops, and libjpeg-turbo reads the file from the scan's first byte on, so
/// that there is only one way in which damage is found, reported and concealed.
@safe
struct EntropyDecoder: ~Copyable, @unchecked Sendable {
  // Unchecked: no other value uses its buffers.

  /// The parameters of the scan.
  let scan: cic_jpeg_scan

  private let handle: OpaquePointer
  private let kernels: KernelTable
  private let tables: AlignedBuffer<UInt64>
  private let blocks: AlignedBuffer<Int>
  private let naturalOrder = Self.naturalOrder()
  private let state = AlignedBuffer<UInt64>(count: EntropyState.words, zeroed: true)
  private let bytes = AlignedBuffer<UInt8>(count: Self.capacity + Self.mostBytesPerMCU, zeroed: true)
  /// The number of bytes in ``bytes``.
  private var byteCount = 0
  /// True when a marker or the source's end follows these bytes.
  private var isSegmentComplete = false
  private var restarts = 0
  private var mcusToRestart: Int

  /// The largest magnitude of a coefficient times its quantization step, eight times that of any encoder. libjpeg-turbo's SIMD
  /// transform computes four times this product in 16 bits, so that larger products would give other samples than its C code.
  private static let mostOfCoefficient = 8191
  /// The number of bytes that are read at a time, without their stuffing.
  private static let capacity = 32 * 1024
  /// An upper bound on the encoded size of one MCU in bytes: 10 blocks of 64 coefficients of at most 31 bits (T.81 F.1.2, F.2.2.3).
  private static let mostBytesPerMCU = 4096

  /// Takes the scan over from `handle`, a decoder that was started for planes and must outlive this value; nil if libjpeg-turbo has to
  /// decode the scan.
  init?(_ handle: OpaquePointer, kernels: KernelTable) {
    var scan = cic_jpeg_scan()
    guard unsafe cic_jpeg_take_scan(handle, &scan) else { return nil }
    let tables = AlignedBuffer<UInt64>(count: scan.componentCount * 2 * HuffmanTable.entries, zeroed: true)
    // Components with equal tables, usually Cb and Cr, share them, so that all tables together stay in the cache.
    var pairs: [Int] = []
    for index in 0..<scan.componentCount {
      let component = unsafe scan.component(index)
      if let like = (0..<index).first(where: { unsafe component.isCoded(like: scan.component($0)) }) {
        pairs.append(pairs[like])
        continue
      }
      pairs.append(index)
      let direct = unsafe tables.base + index * 2 * HuffmanTable.entries
      guard
        unsafe Self.fill(
          direct, counts: component.dc_counts, values: component.dc_values, steps: component.quantization,
          isDirect: true),
        unsafe Self.fill(
          direct + HuffmanTable.entries, counts: component.ac_counts, values: component.ac_values,
          steps: component.quantization, isDirect: false)
      else { return nil }
    }
    let layout = CoefficientLayout(scan)
    blocks = AlignedBuffer(count: layout.blocks.count * EntropyBlock.words, zeroed: false)
    for (index, block) in layout.blocks.enumerated() {
      let words = unsafe blocks.base + index * EntropyBlock.words
      unsafe words[EntropyBlock.component] = block.component
      unsafe words[EntropyBlock.start] = block.start
      unsafe words[EntropyBlock.step] = block.step
      unsafe words[EntropyBlock.directTable] = pairs[block.component] * 2
      unsafe words[EntropyBlock.alternatingTable] = pairs[block.component] * 2 + 1
    }
    self.scan = scan
    unsafe self.handle = handle
    self.kernels = kernels
    self.tables = tables
    mcusToRestart = scan.restart_interval == 0 ? .max : Int(scan.restart_interval)
  }

  /// Decodes the next strip.
  ///
  /// - Parameter coefficients: The strip's coefficients, in the layout of ``CoefficientLayout``.
  /// - Returns: False if the file is damaged or cannot be read; the decoder cannot be used after that.
  mutating func decodeStrip(_ coefficients: UnsafeMutablePointer<Int16>) -> Bool {
    let count = Int(scan.mcus_per_row)
    var done = 0
    while done < count {
      if mcusToRestart == 0 {
        guard restart() else { return false }
      }
      guard let limit = fillBytes() else { return false }
      let decoded = unsafe kernels.decoding.decode_mcus(
        bytes.base, byteCount, limit, state.base, blocks.base, Int(scan.blocks_per_mcu), tables.base,
        naturalOrder.base, done, min(count - done, mcusToRestart), coefficients)
      guard decoded >= 0 else { return false }
      done += decoded
      if mcusToRestart != .max { mcusToRestart -= decoded }
    }
    return true
  }

  /// True when the scan is complete and the end marker follows.
  mutating func isComplete() -> Bool { hasEnded() && marker() == 0xD9 }

  /// Begins the next restart interval (T.81 E.1.4).
  private mutating func restart() -> Bool {
    guard hasEnded(), let marker = marker(), marker == 0xD0 + UInt8(restarts & 7) else { return false }
    unsafe state.base.update(repeating: 0, count: EntropyState.words)
    byteCount = 0
    isSegmentComplete = false
    restarts += 1
    mcusToRestart = Int(scan.restart_interval)
    return true
  }

  /// True when less than a byte is left before a marker.
  private mutating func hasEnded() -> Bool {
    guard fillBytes() != nil, isSegmentComplete else { return false }
    let left = unsafe (byteCount - position) * 8 + Int(state.base[EntropyState.bitCount])
    return 0..<8 ~= left
  }

  private var position: Int { unsafe Int(state.base[EntropyState.position]) }

  /// Reads the next marker with any fill bytes before it; nil if there is none.
  private func marker() -> UInt8? {
    var isMarker = false
    while true {
      var next: UnsafePointer<UInt8>?
      var available = 0
      guard unsafe cic_jpeg_peek_scan(handle, 1, &next, &available), available > 0, let byte = unsafe next?.pointee
      else { return nil }
      unsafe cic_jpeg_skip_scan(handle, 1)
      if byte != 0xFF { return isMarker ? byte : nil }
      isMarker = true
    }
  }

  /// Buffers at least one MCU, or the rest of the segment.
  ///
  /// - Returns: The last byte at which an MCU may begin; nil if the source cannot be read.
  private mutating func fillBytes() -> Int? {
    let position = position
    guard !isSegmentComplete else { return .max }
    guard position > byteCount - Self.mostBytesPerMCU else { return byteCount - Self.mostBytesPerMCU }
    let base = unsafe bytes.base
    byteCount -= position
    unsafe base.update(from: base + position, count: byteCount)
    unsafe state.base[EntropyState.position] = 0
    while byteCount < Self.capacity - 16 {
      var next: UnsafePointer<UInt8>?
      var available = 0
      guard unsafe cic_jpeg_peek_scan(handle, 2, &next, &available) else { return nil }
      var written = 0
      var atMarker = false
      var read = 0
      if let next = unsafe next, available > 0 {
        read = unsafe kernels.decoding.remove_stuffing(
          next, min(available, Self.capacity - 8 - byteCount), base + byteCount, &written, &atMarker)
        unsafe cic_jpeg_skip_scan(handle, read)
        byteCount += written
      }
      // No byte was read at the end of the source, or only 0xFF is left, which may begin a marker.
      guard !atMarker, read > 0 else {
        isSegmentComplete = true
        unsafe (base + byteCount).update(repeating: 0, count: Self.mostBytesPerMCU)
        return .max
      }
    }
    return byteCount - Self.mostBytesPerMCU
  }

  /// Makes a decode table from the number of codes of each length, from index 1, the symbols (T.81 C.2, F.2.2.3), and the
  /// quantization steps.
  ///
  /// - Returns: False if the lengths make no prefix code.
  private static func fill(
    _ table: UnsafeMutablePointer<UInt64>, counts: UnsafePointer<UInt8>, values: UnsafePointer<UInt8>,
    steps: UnsafePointer<UInt16>, isDirect: Bool
  ) -> Bool {
    let indexBits = HuffmanTable.indexBits
    var least = Int(Int16.max)
    for k in 0..<64 {
      let bound = unsafe mostOfCoefficient / max(Int(steps[k]), 1)
      unsafe table[HuffmanTable.bounds + k] = UInt64(bound)
      least = min(least, bound)
    }
    unsafe table.update(repeating: HuffmanTable.isSlow, count: 1 << indexBits)
    var code = 0
    var symbolIndex = 0
    for length in 1...16 {
      let (firstCode, firstIndex) = (code, symbolIndex)
      for _ in 0..<(unsafe Int(counts[length])) {
        guard symbolIndex < 256, code < 1 << length else { return false }
        let symbol = unsafe values[symbolIndex]
        unsafe table[HuffmanTable.symbols + symbolIndex] = UInt64(symbol)
        if length <= indexBits {
          for tail in 0..<(1 << (indexBits - length)) {
            unsafe table[code << (indexBits - length) | tail] = entry(
              symbol: symbol, length: length, tail: tail, tailBits: indexBits - length, isDirect: isDirect,
              bound: least)
          }
        }
        symbolIndex += 1
        code += 1
      }
      if length > indexBits {
        unsafe table[HuffmanTable.limits + length - indexBits - 1] = UInt64(code << (16 - length))
        unsafe table[HuffmanTable.offsets + length - indexBits - 1] = UInt64(
          bitPattern: Int64(firstIndex - firstCode))
      }
      code <<= 1
    }
    if !isDirect { unsafe addSecondSymbols(table) }
    return true
  }

  /// The entry of a code that is followed by the `tailBits` bits of `tail`.
  private static func entry(
    symbol: UInt8, length: Int, tail: Int, tailBits: Int, isDirect: Bool, bound: Int
  ) -> UInt64 {
    let size = isDirect ? Int(symbol) : Int(symbol & 15)
    if !isDirect && size == 0 {
      return UInt64(length | (symbol == 0xF0 ? 16 : HuffmanTable.blockEnd) << 8)
    }
    let slow = HuffmanTable.isSlow | UInt64(length | Int(symbol) << 8)
    guard size <= tailBits else { return slow }
    let raw = tail >> (tailBits - size)
    let value = size == 0 ? 0 : raw < 1 << (size - 1) ? raw - (1 << size) + 1 : raw
    // The kernel itself checks the sum of DC differences.
    guard isDirect || abs(value) <= bound else { return slow }
    let advance = isDirect ? 0 : Int(symbol >> 4) + 1
    let bits = UInt64(UInt16(bitPattern: Int16(value)))
    return UInt64(length + size | advance << 8) | bits << 16 | bits << 48
  }

  /// Adds to each entry the following symbol, if its whole code is in the index.
  private static func addSecondSymbols(_ table: UnsafeMutablePointer<UInt64>) {
    let indexBits = UInt64(HuffmanTable.indexBits)
    let alone = unsafe Array(UnsafeBufferPointer(start: table, count: 1 << HuffmanTable.indexBits))
    for (index, first) in alone.enumerated()
    where first & HuffmanTable.isSlow == 0 && first >> 8 & 0xFF != HuffmanTable.blockEnd {
      let length = first & 0x3F
      let second = alone[index << Int(length) & (alone.count - 1)]
      let secondLength = second & 0x3F
      guard second & HuffmanTable.isSlow == 0, length + secondLength <= indexBits else { continue }
      unsafe table[index] =
        first & 0xFFFF_FF00 | (length + secondLength) | (second >> 8 & 0xFF) << 32 | secondLength << 40
        | (second >> 16 & 0xFFFF) << 48
    }
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

/// The layout of the coefficients of a strip, one row of MCUs: component by component, block row by block row.
struct CoefficientLayout: Sendable {
  /// One block of an MCU, in the order of coding.
  struct Block: Sendable {
    var component: Int
    /// The index of the block's first coefficient in the first MCU.
    var start: Int
    /// The distance in coefficients between two MCUs.
    var step: Int
  }

  /// One component.
  struct Component: Sendable {
    /// The index of the component's first coefficient.
    var start: Int
    /// The number of block rows.
    var blockRows: Int
    /// The distance in coefficients between two block rows.
    var rowStep: Int
  }

  let blocks: [Block]
  let components: [Component]
  /// The number of coefficients of a strip, with one more block that vectors may read.
  let coefficientCount: Int

  init(_ scan: cic_jpeg_scan) {
    var blocks: [Block] = []
    var components: [Component] = []
    var start = 0
    for index in 0..<scan.componentCount {
      let (h, v) = unsafe (Int(scan.component(index).h_sampling), Int(scan.component(index).v_sampling))
      let rowStep = Int(scan.mcus_per_row) * h * 64
      components.append(Component(start: start, blockRows: v, rowStep: rowStep))
      for y in 0..<v {
        for x in 0..<h { blocks.append(Block(component: index, start: start + y * rowStep + x * 64, step: h * 64)) }
      }
      start += v * rowStep
    }
    self.blocks = blocks
    self.components = components
    coefficientCount = start + 64
  }
}

extension cic_jpeg_scan {
  var componentCount: Int { Int(component_count) }

  func component(_ index: Int) -> cic_jpeg_scan_component {
    let all = unsafe components
    return switch index {
    case 0: unsafe all.0
    case 1: unsafe all.1
    case 2: unsafe all.2
    default: unsafe all.3
    }
  }
}

extension cic_jpeg_scan_component {
  /// True when Huffman tables and quantization steps are equal.
  fileprivate func isCoded(like other: cic_jpeg_scan_component) -> Bool {
    unsafe dc_counts == other.dc_counts && ac_counts == other.ac_counts
      && (0..<64).allSatisfy { unsafe quantization[$0] == other.quantization[$0] }
  }
}
