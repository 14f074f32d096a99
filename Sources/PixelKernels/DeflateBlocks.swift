/// Collects bits, the first one lowest, and writes them as bytes. It has room for 57 bits between flushes.
private struct BitWriter {
  var output: UnsafeMutablePointer<UInt8>
  var bits: UInt64
  var count: Int

  @inline(__always)
  mutating func put(_ value: UInt64, _ width: Int) {
    bits |= value &<< UInt64(truncatingIfNeeded: count)
    count &+= width
  }

  /// A code in the layout that `makeCode` writes.
  @inline(__always)
  mutating func put(code: UInt32) { put(UInt64(code & 0xFFFF), Int(code &>> 16)) }

  @inline(__always)
  mutating func flush() {
    UnsafeMutableRawPointer(output).storeBytes(of: bits.littleEndian, as: UInt64.self)
    output += count &>> 3
    bits = bits &>> UInt64(truncatingIfNeeded: count & ~7)
    count &= 7
  }
}

/// Writes a block with codes of its own.
///
/// - Parameters:
///   - input: The first byte of the block.
///   - tokens: The tokens that `findMatches` made of the block.
///   - lengths: From `makeCode`, by symbol; so are `codes`.
///   - items: From `collectPrecodeItems`.
///   - precodeLengths: From `makeCode` of the counts of the items' symbols; so are `precodeCodes`.
///   - isLast: True for the last block of a stream.
///   - output: Room for ``DeflateTables/headerBytes`` and 6 bytes a literal and match.
///   - bits: Bits that do not fill a byte yet; set to those that are left over.
///   - bitCount: The number of these bits, below 8.
/// - Returns: Bytes written.
public func writeBlock(
  _ input: UnsafePointer<UInt8>, tokens: UnsafePointer<UInt64>, tokenCount: Int, lengths: UnsafePointer<UInt8>,
  codes: UnsafePointer<UInt32>, items: UnsafePointer<UInt16>, itemCount: Int, precodeLengths: UnsafePointer<UInt8>,
  precodeCodes: UnsafePointer<UInt32>, isLast: Bool, output: UnsafeMutablePointer<UInt8>,
  bits: UnsafeMutablePointer<UInt64>, bitCount: UnsafeMutablePointer<Int>
) -> Int {
  var writer = BitWriter(output: output, bits: bits.pointee, count: bitCount.pointee)
  writer.put(isLast ? 1 : 0, 1)
  writer.put(2, 2)
  var sent = DeflateTables.precodeSymbols
  while sent > 4 && precodeLengths[precodeOrder(sent &- 1)] == 0 { sent &-= 1 }
  writer.put(UInt64(usedLitlens(lengths) &- DeflateTables.firstLength), 5)
  writer.put(UInt64(usedOffsets(lengths) &- 1), 5)
  writer.put(UInt64(sent &- 4), 4)
  writer.flush()
  for k in 0..<sent {
    writer.put(UInt64(precodeLengths[precodeOrder(k)]), 3)
    writer.flush()
  }
  for k in 0..<itemCount {
    let symbol = Int(items[k] & 0xFF)
    writer.put(code: precodeCodes[symbol])
    writer.put(UInt64(items[k] &>> 8), symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7)
    writer.flush()
  }

  var literal = input
  var token = tokens
  let end = tokens + tokenCount
  while token < end {
    let literals = Int(token.pointee &>> 32)
    let length = Int(token.pointee &>> 16 & 0xFFFF)
    let last = literal + literals
    while last - literal >= 3 {
      writer.put(code: codes[Int(literal[0])])
      writer.put(code: codes[Int(literal[1])])
      writer.put(code: codes[Int(literal[2])])
      writer.flush()
      literal += 3
    }
    while literal < last {
      writer.put(code: codes[Int(literal[0])])
      literal += 1
    }
    writer.flush()
    if length > 0 {
      let offset = Int(token.pointee & 0xFFFF)
      let symbol = lengthSymbol(length)
      writer.put(code: codes[DeflateTables.firstLength &+ symbol])
      let extra = lengthExtraBits(symbol)
      writer.put(UInt64(length &- 3) & (1 &<< UInt64(extra) &- 1), extra)
      let offsetAt = offsetSymbol(offset)
      writer.put(code: codes[DeflateTables.offsets &+ offsetAt])
      let extraOffsetBits = offsetExtraBits(offsetAt)
      writer.put(UInt64(offset &- 1) & (1 &<< UInt64(extraOffsetBits) &- 1), extraOffsetBits)
      writer.flush()
      literal += length
    }
    token += 1
  }
  writer.put(code: codes[DeflateTables.blockEnd])
  writer.flush()
  bits.pointee = writer.bits
  bitCount.pointee = writer.count
  return writer.output - output
}

/// The order in which lengths of the code length code are sent: 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, …
@inline(__always)
private func precodeOrder(_ k: Int) -> Int {
  if k < 3 { return 16 &+ k }
  if k == 3 { return 0 }
  let step = (k &- 3) / 2
  return k & 1 == 0 ? 8 &+ step : 8 &- step
}
