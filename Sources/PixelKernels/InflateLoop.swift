public import CPixelIntrinsics

// Bounds of the loop of `inflateSymbols`. One iteration makes at most two lookups that give only literals, and a third lookup that may give
// a match.
extension InflateTables {
  /// Bits that a refill makes available at least.
  private static let refillBits = 56
  private static let longestMatch = 258
  private static let longestCopy = MemoryLayout<SIMD32<UInt8>>.size
  /// Extra bits of a match length, at most.
  private static let lengthExtraBits = 5

  /// ``inflateSymbols(input:inputEnd:output:outputEnd:tables:state:)`` stops this number of bytes before the end of the input, because an
  /// iteration loads two words.
  public static let readAhead = 2 * MemoryLayout<UInt64>.size
  /// Bytes that ``inflateSymbols(input:inputEnd:output:outputEnd:tables:state:)`` may write after the end of the output: literals, a match,
  /// and the rest of the last vector that is copied.
  public static let writeAhead = 2 * 3 + 2 + longestMatch + longestCopy - 1

  /// True if the bits of a refill are enough for four lookups that all give literals, and for two lookups, a match length with its extra
  /// bits, and the lookup of an offset.
  static let refillSuffices =
    4 * litlenBits <= refillBits
    && 2 * litlenBits + CanonicalCode.longest + lengthExtraBits + offsetBits <= refillBits
}

/// The bits of the input, in the form in which libdeflate's decoder keeps them.
private struct BitReader {
  let input: UnsafePointer<UInt8>
  let tables: UnsafePointer<UInt32>
  /// The next bits, the first one lowest. Above `bitsLeft` there may be bits of bytes that will be loaded again.
  var bitbuf: UInt64
  /// The number of bits, in the lowest six bits.
  var bitsLeft: UInt64
  /// The next byte to load.
  var position: Int

  /// Makes at least 56 bits available.
  @inline(__always)
  mutating func refill() {
    let word = UInt64(littleEndian: UnsafeRawPointer(input + position).loadUnaligned(as: UInt64.self))
    bitbuf |= word &<< bitsLeft
    position &+= Int(truncatingIfNeeded: 7 &- (bitsLeft &>> 3) & 7)
    bitsLeft |= 56
  }

  /// Consumes the bits of an entry, which are its lowest six bits.
  @inline(__always)
  mutating func consume(_ entry: UInt32) {
    bitbuf &>>= UInt64(truncatingIfNeeded: entry)
    bitsLeft &-= UInt64(truncatingIfNeeded: entry)
  }

  @inline(__always)
  func lowest(_ count: UInt64) -> UInt64 { bitbuf & (1 &<< count &- 1) }

  @inline(__always)
  var litlenEntry: UInt32 { tables[Int(truncatingIfNeeded: lowest(UInt64(InflateTables.litlenBits)))] }

  @inline(__always)
  var offsetEntry: UInt32 {
    tables[InflateTables.offsets &+ Int(truncatingIfNeeded: lowest(UInt64(InflateTables.offsetBits)))]
  }

  /// The entry in a subtable. The bits of `entry`, which points to it, are consumed.
  @inline(__always)
  func subtableEntry(_ entry: UInt32) -> UInt32 {
    tables[Int(truncatingIfNeeded: entry &>> 16) &+ Int(truncatingIfNeeded: lowest(UInt64(entry) &>> 12 & 15))]
  }
}

@inline(__always)
private func store(_ literals: UInt32, _ output: UnsafeMutablePointer<UInt8>) {
  UnsafeMutableRawPointer(output).storeBytes(of: literals.littleEndian, as: UInt32.self)
}

@inline(__always)
private func copy<Bytes: BitwiseCopyable>(
  _ type: Bytes.Type, _ source: UnsafeMutablePointer<UInt8>, _ output: UnsafeMutablePointer<UInt8>
) {
  let bytes = UnsafeRawPointer(source).loadUnaligned(as: type)
  UnsafeMutableRawPointer(output).storeBytes(of: bytes, as: type)
}

/// Repeats `length` bytes from `offset` before `output`, and writes up to 31 more.
@inline(__always)
private func copyMatch(_ output: UnsafeMutablePointer<UInt8>, _ offset: Int, _ length: Int) {
  let source = output - offset
  var k = 0
  if offset >= 32 {
    repeat {
      copy(SIMD32<UInt8>.self, source + k, output + k)
      k &+= 32
    } while k < length
  } else if offset == 1 {
    let bytes = SIMD16<UInt8>(repeating: source[0])
    repeat {
      UnsafeMutableRawPointer(output + k).storeBytes(of: bytes, as: SIMD16<UInt8>.self)
      k &+= 16
    } while k < length
  } else {
    // If `offset` is below eight, only the first `offset` of the eight bytes are right.
    let step = offset < 8 ? offset : 8
    repeat {
      copy(UInt64.self, source + k, output + k)
      k &+= step
    } while k < length
  }
}

/// Inflates the symbols of a block.
///
/// An iteration decodes up to three entries with literals, or up to two and one with a match length. Near the end of a stream, the loop
/// would decode the zeros after the stream as symbols. To inflate symbol by symbol there, a caller sets `outputEnd` one byte after the
/// inflated bytes and checks the bits after each iteration.
///
/// - Parameters:
///   - input: Compressed bytes; none is read from `inputEnd` on.
///   - inputEnd: Symbols are decoded while ``InflateTables/readAhead`` bytes are left before it.
///   - output: The bytes that were inflated before, at least the last 32,768, and room for ``InflateTables/writeAhead`` bytes after
///     `outputEnd`.
///   - outputEnd: No iteration begins there or after it.
///   - tables: The tables of the block.
///   - state: The bit buffer and both places.
/// - Returns: The reason why it stopped. The bits of the symbol that is the reason are consumed.
public func inflateSymbols(
  input: UnsafePointer<UInt8>, inputEnd: Int, output: UnsafeMutablePointer<UInt8>, outputEnd: Int,
  tables: UnsafePointer<UInt32>, state: UnsafeMutablePointer<cpi_inflate_state>
) -> cpi_inflate_stop {
  assert(InflateTables.refillSuffices)
  var reader = BitReader(
    input: input, tables: tables, bitbuf: state.pointee.bitbuf, bitsLeft: state.pointee.bits_left,
    position: state.pointee.position)
  var written = state.pointee.written
  let limit = inputEnd &- InflateTables.readAhead
  var stop = cpi_inflate_stop.CPI_INFLATE_NEEDS_INPUT
  if reader.position <= limit {
    reader.refill()
    var entry = reader.litlenEntry
    while reader.position <= limit {
      if written >= outputEnd {
        stop = .CPI_INFLATE_OUTPUT_FULL
        break
      }
      if entry & InflateTables.literalCountMask != 0 {
        store(entry &>> 8, output + written)
        written &+= Int(truncatingIfNeeded: entry &>> 6 & 3)
        reader.consume(entry)
        entry = reader.litlenEntry
        if entry & InflateTables.literalCountMask != 0 {
          store(entry &>> 8, output + written)
          written &+= Int(truncatingIfNeeded: entry &>> 6 & 3)
          reader.consume(entry)
          entry = reader.litlenEntry
          if entry & InflateTables.literalCountMask != 0 {
            store(entry &>> 8, output + written)
            written &+= Int(truncatingIfNeeded: entry &>> 6 & 3)
            reader.consume(entry)
            entry = reader.litlenEntry
            reader.refill()
            continue
          }
        }
      }
      var lengthBits = reader.bitbuf
      if entry & InflateTables.exceptionalFlag != 0 {
        reader.consume(entry)
        if entry & InflateTables.subtableFlag != 0 {
          entry = reader.subtableEntry(entry)
          lengthBits = reader.bitbuf
          reader.consume(entry)
          if entry & InflateTables.literalCountMask != 0 {
            output[written] = UInt8(truncatingIfNeeded: entry &>> 8)
            written &+= 1
            entry = reader.litlenEntry
            reader.refill()
            continue
          }
        }
        if entry & InflateTables.exceptionalFlag != 0 {
          stop =
            entry & InflateTables.invalidFlag != 0 ? .CPI_INFLATE_INVALID_LITLEN : .CPI_INFLATE_END_OF_BLOCK
          break
        }
      } else {
        reader.consume(entry)
      }
      store(entry &>> 16, output + written)
      written &+= Int(truncatingIfNeeded: entry &>> 9 & 3)
      // The entry is loaded before the bit buffer is refilled, so that both loads run at the same time.
      var offsetEntry = reader.offsetEntry
      reader.refill()
      let (base, extraBits) = matchLength(Int(truncatingIfNeeded: entry &>> 11 & 31))
      let consumed = UInt64(truncatingIfNeeded: entry & 63)
      let extra = (lengthBits & (1 &<< consumed &- 1)) &>> (consumed &- UInt64(truncatingIfNeeded: extraBits))
      let length = base &+ Int(truncatingIfNeeded: extra)
      if offsetEntry & (InflateTables.subtableFlag | InflateTables.invalidFlag) != 0 {
        if offsetEntry & InflateTables.subtableFlag != 0 {
          reader.consume(offsetEntry)
          offsetEntry = reader.subtableEntry(offsetEntry)
        }
        if offsetEntry & InflateTables.invalidFlag != 0 {
          reader.consume(offsetEntry)
          stop = .CPI_INFLATE_INVALID_OFFSET
          break
        }
      }
      let offset =
        Int(truncatingIfNeeded: offsetEntry &>> 16)
        &+ Int(truncatingIfNeeded: reader.lowest(UInt64(offsetEntry & 63)) &>> UInt64(offsetEntry &>> 12 & 15))
      reader.consume(offsetEntry)
      entry = reader.litlenEntry
      reader.refill()
      if offset > written {
        stop = .CPI_INFLATE_OFFSET_TOO_FAR
        break
      }
      copyMatch(output + written, offset, length)
      written &+= length
    }
  }
  state.pointee = cpi_inflate_state(
    bitbuf: reader.lowest(reader.bitsLeft & 63), bits_left: reader.bitsLeft & 63, position: reader.position,
    written: written)
  return stop
}
