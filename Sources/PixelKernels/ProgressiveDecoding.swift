public import CPixelIntrinsics

// Huffman decoding of the scans of a progressive JPEG (ITU-T T.81, G.1.2 and G.2), a row of blocks at a time.
//
// The zigzag positions of a block's nonzero coefficients are the bits of a word. A refinement finds the place of a new coefficient,
// and the coefficients before it that get a correction bit, in this word, without reading the block.

/// The value of a DC coefficient's difference; nil if the bits are not a code.
@inline(__always)
private func decodeDifference(_ reader: inout EntropyReader, _ table: UnsafePointer<UInt64>) -> Int? {
  let entry = reader.entry(table)
  if entry & HuffmanTable.isSlow == 0 {
    reader.skip(entry & 0x3F)
    return Int(Int16(truncatingIfNeeded: entry &>> 16))
  }
  let size = reader.slowSymbol(entry, table)
  if size < 0 || size > 15 { return nil }
  return reader.number(size)
}

/// Decodes the first scan of DC coefficients.
///
/// The sum of the differences has to be within the table's first bound. The coefficient is this sum, followed by `low_bit` zeros.
///
/// - Returns: The number of decoded MCUs; negative if the bits are no MCU, end within one, or contain a coefficient out of bounds.
public func decodeDC(_ scan: cpi_progressive_decoding) -> Int {
  var reader = EntropyReader(scan.bytes, scan.state)
  let predictions = scan.state + EntropyState.predictions
  let shift = scan.low_bit
  var done = 0
  while done < scan.count && reader.position <= scan.limit {
    var k = 0
    while k < scan.block_count {
      let description = scan.blocks + k &* EntropyBlock.words
      reader.refill()
      let table = scan.tables + description[EntropyBlock.dcTable] &* HuffmanTable.entries
      guard let difference = decodeDifference(&reader, table) else { return -1 }
      let component = description[EntropyBlock.component]
      let value = Int(truncatingIfNeeded: predictions[component]) &+ difference
      if !isWithinBounds(value, table, 0) { return -1 }
      predictions[component] = UInt64(truncatingIfNeeded: value)
      let start = description[EntropyBlock.start] &+ (scan.first &+ done) &* description[EntropyBlock.step]
      scan.coefficients[start] = Int16(truncatingIfNeeded: value &<< shift)
      k &+= 1
    }
    if reader.isBeyond(scan.end) { return -1 }
    done &+= 1
  }
  reader.store(scan.state)
  return done
}

/// Decodes a further bit of DC coefficients. The result is as for ``decodeDC(_:)``.
public func refineDC(_ scan: cpi_progressive_decoding) -> Int {
  var reader = EntropyReader(scan.bytes, scan.state)
  let shift = scan.low_bit
  var done = 0
  while done < scan.count && reader.position <= scan.limit {
    reader.refill()
    var k = 0
    while k < scan.block_count {
      let description = scan.blocks + k &* EntropyBlock.words
      let start = description[EntropyBlock.start] &+ (scan.first &+ done) &* description[EntropyBlock.step]
      scan.coefficients[start] |= Int16(truncatingIfNeeded: reader.take(1) &<< shift)
      k &+= 1
    }
    if reader.isBeyond(scan.end) { return -1 }
    done &+= 1
  }
  reader.store(scan.state)
  return done
}

/// The number of blocks, this one included, whose bands end here by a symbol of size 0.
@inline(__always)
private func endedBands(_ reader: inout EntropyReader, _ run: Int) -> Int {
  run == 0 ? 1 : (1 &<< run) &+ reader.take(run)
}

/// The AC coefficients of a block's band.
///
/// - Returns: The number of blocks whose bands end with this block; 0 if the last coefficient ended the band, negative if the
///   bits are not a band.
@inline(__always)
private func decodeBlock(
  _ reader: inout EntropyReader, _ table: UnsafePointer<UInt64>, _ naturalOrder: UnsafePointer<UInt8>, before: Int,
  last: Int, shift: Int, _ block: UnsafeMutablePointer<Int16>, _ nonzero: inout UInt64
) -> Int {
  var k = before
  while true {
    reader.refill()
    var left = HuffmanTable.lookups
    var entry = reader.entry(table)
    while entry & HuffmanTable.isSlow == 0 {
      let first = k &+ Int(truncatingIfNeeded: entry &>> 8 & 0xFF)
      let second = first &+ Int(truncatingIfNeeded: entry &>> 32 & 0xFF)
      let value = Int16(truncatingIfNeeded: entry &>> 16)
      let secondValue = Int16(truncatingIfNeeded: entry &>> 48)
      if second >= last {
        if first >= last {
          // Bits after the band's last coefficient belong to the next block.
          reader.skip(entry & 0x3F &- entry &>> 40 & 0xFF)
          if first > last { return entry &>> 8 & 0xFF == UInt64(HuffmanTable.blockEnd) ? 1 : -1 }
          block[Int(naturalOrder[first])] = value
          nonzero |= (value == 0 ? 0 : 1) &<< UInt64(truncatingIfNeeded: first)
          return 0
        }
        reader.skip(entry & 0x3F)
        block[Int(naturalOrder[first])] = value
        nonzero |= (value == 0 ? 0 : 1) &<< UInt64(truncatingIfNeeded: first)
        if second > last { return entry &>> 32 & 0xFF == UInt64(HuffmanTable.blockEnd) ? 1 : -1 }
        block[Int(naturalOrder[second])] = secondValue
        nonzero |= (secondValue == 0 ? 0 : 1) &<< UInt64(truncatingIfNeeded: second)
        return 0
      }
      reader.skip(entry & 0x3F)
      block[Int(naturalOrder[first])] = value
      block[Int(naturalOrder[second])] = secondValue
      nonzero |= (value == 0 ? 0 : 1) &<< UInt64(truncatingIfNeeded: first)
      nonzero |= (secondValue == 0 ? 0 : 1) &<< UInt64(truncatingIfNeeded: second)
      k = second
      left &-= 1
      if left == 0 { break }
      entry = reader.entry(table)
    }
    if left == 0 { continue }
    reader.refill()
    let symbol = reader.slowSymbol(entry, table)
    if symbol < 0 { return -1 }
    let size = symbol & 15
    if size == 0 {
      if symbol != 0xF0 { return endedBands(&reader, symbol &>> 4) }
      k &+= 16
      if k >= last { return k == last ? 0 : -1 }
      continue
    }
    k &+= symbol &>> 4 &+ 1
    if k > last { return -1 }
    let index = Int(naturalOrder[k])
    let value = reader.number(size)
    if !isWithinBounds(value, table, index) { return -1 }
    block[index] = Int16(truncatingIfNeeded: value &<< shift)
    nonzero |= 1 &<< UInt64(truncatingIfNeeded: k)
    if k == last { return 0 }
  }
}

/// Decodes the first scan of a band of AC coefficients, block by block.
///
/// Coefficients have to be within their bounds in the table, and get `low_bit` zeros after them. The values in the entries of the table
/// have these zeros already. `scan.blocks` is not read: blocks follow each other.
///
/// - Returns: Blocks decoded; negative if the bits are not a band, end within one, or hold a coefficient out of bounds.
public func decodeAC(_ scan: cpi_progressive_decoding) -> Int {
  var reader = EntropyReader(scan.bytes, scan.state)
  var ended = Int(truncatingIfNeeded: scan.state[EntropyState.endedBands])
  var done = 0
  while done < scan.count {
    if ended > 0 {
      let skipped = min(ended, scan.count &- done)
      ended &-= skipped
      done &+= skipped
      continue
    }
    if reader.position > scan.limit { break }
    let number = scan.first &+ done
    var nonzero = scan.nonzero[number]
    ended = decodeBlock(
      &reader, scan.tables, scan.natural_order, before: scan.first_position &- 1, last: scan.last_position,
      shift: scan.low_bit, scan.coefficients + number &* 64, &nonzero)
    if ended < 0 || reader.isBeyond(scan.end) { return -1 }
    scan.nonzero[number] = nonzero
    if ended > 0 { ended &-= 1 }
    done &+= 1
  }
  reader.store(scan.state)
  scan.state[EntropyState.endedBands] = UInt64(truncatingIfNeeded: ended)
  return done
}

/// Clears the lowest `count` set bits of a word, 0 to 15 of them.
///
/// `word` is known earlier than `count`, so the results for all counts up to 3 are computed beforehand. Larger counts are rare.
@inline(__always)
private func clearLowest(_ count: UInt64, of word: UInt64) -> UInt64 {
  let one = word & (word &- 1)
  let two = one & (one &- 1)
  let three = two & (two &- 1)
  let isOdd = count & 1 != 0
  let (low, high) = (isOdd ? one : word, isOdd ? three : two)
  var rest = count & 2 != 0 ? high : low
  var fours = count &>> 2
  while fours > 0 {
    rest &= rest &- 1
    rest &= rest &- 1
    rest &= rest &- 1
    rest &= rest &- 1
    fours &-= 1
  }
  return rest
}

/// A block's correction bits (T.81 G.1.2.3), which are collected first and applied at once.
private struct Corrections {
  /// The bits so far, the last one lowest.
  var bits: UInt64 = 0

  /// Takes the bits of `count` coefficients, 0 to 63 of them. At least 32 bits have to be available.
  @inline(__always)
  mutating func take(_ count: Int, from reader: inout EntropyReader) {
    var count = UInt64(truncatingIfNeeded: count)
    if count > 32 {
      bits = bits &<< 32 | reader.bits &>> 32
      reader.skip(32)
      reader.refill()
      count &-= 32
    }
    bits = bits &<< count | (reader.bits &>> 1) &>> (63 &- count)
    reader.skip(count)
  }

  /// Adds the bits to the coefficients at the zigzag `positions`, away from zero.
  @inline(__always)
  func apply(
    to block: UnsafeMutablePointer<Int16>, _ positions: UInt64, step: Int16, _ naturalOrder: UnsafePointer<UInt8>
  ) {
    guard bits != 0 else { return }
    var left = positions
    var next = Int64(bitPattern: bits &<< UInt64(truncatingIfNeeded: 64 &- positions.nonzeroBitCount))
    repeat {
      // Four coefficients are handled at a time, so that the number of rounds is easier to predict. A surplus one is the DC coefficient, to
      // which 0 is added.
      for _ in 0..<4 {
        let index = Int(naturalOrder[left.trailingZeroBitCount & 63])
        left &= left &- 1
        let coefficient = block[index]
        let sign = coefficient &>> 15
        block[index] = coefficient &+ ((step ^ sign) &- sign) & Int16(truncatingIfNeeded: next &>> 63)
        next &<<= 1
      }
    } while left != 0
  }
}

/// Decodes a further bit of a band of AC coefficients. The result is as for ``decodeAC(_:)``.
///
/// New coefficients are one step large, so that no bound is read. No entry of the table has a second symbol.
public func refineAC(_ scan: cpi_progressive_decoding) -> Int {
  var reader = EntropyReader(scan.bytes, scan.state)
  let table = scan.tables
  let naturalOrder = scan.natural_order
  let step = Int16(1) &<< Int16(truncatingIfNeeded: scan.low_bit)
  let band =
    UInt64.max &>> UInt64(truncatingIfNeeded: 63 &- scan.last_position)
    & UInt64.max &<< UInt64(truncatingIfNeeded: scan.first_position)
  var ended = Int(truncatingIfNeeded: scan.state[EntropyState.endedBands])
  var done = 0
  while done < scan.count && reader.position <= scan.limit {
    let number = scan.first &+ done
    let block = scan.coefficients + number &* 64
    let before = scan.nonzero[number]
    var added: UInt64 = 0
    // The positions that are left: those of coefficients that were nonzero before this scan, and the others.
    var old = before & band
    var free = ~before & band
    var corrections = Corrections()
    if ended == 0 {
      while old | free != 0 {
        reader.refill()
        let entry = reader.refinementEntry(table)
        let zeros: UInt64
        let value: Int16
        if entry & HuffmanTable.isSlow == 0 {
          reader.skip(entry & 0x3F)
          let advance = entry &>> 8 & 0xFF
          if advance == UInt64(HuffmanTable.blockEnd) {
            ended = 1
            break
          }
          zeros = advance &- 1
          value = Int16(truncatingIfNeeded: entry &>> 16)
        } else {
          let symbol = reader.slowSymbol(entry, table)
          if symbol < 0 || symbol & 15 > 1 { return -1 }
          zeros = UInt64(truncatingIfNeeded: symbol &>> 4)
          if symbol & 15 == 1 {
            value = reader.take(1) == 1 ? step : 0 &- step
          } else if zeros < 15 {
            ended = endedBands(&reader, symbol &>> 4)
            break
          } else {
            value = 0
          }
        }
        free = clearLowest(zeros, of: free)
        if free == 0 { return -1 }
        let place = free & (0 &- free)
        corrections.take((old & (place &- 1)).nonzeroBitCount, from: &reader)
        old &= 0 &- place
        free ^= place
        // For a run of 16 zeros this writes 0, which is the value of its last coefficient already.
        block[Int(naturalOrder[place.trailingZeroBitCount])] = value
        added |= value != 0 ? place : 0
      }
    }
    if ended > 0 {
      reader.refill()
      corrections.take(old.nonzeroBitCount, from: &reader)
      ended &-= 1
    }
    if reader.isBeyond(scan.end) { return -1 }
    corrections.apply(to: block, before & band, step: step, naturalOrder)
    scan.nonzero[number] = before | added
    done &+= 1
  }
  reader.store(scan.state)
  scan.state[EntropyState.endedBands] = UInt64(truncatingIfNeeded: ended)
  return done
}
