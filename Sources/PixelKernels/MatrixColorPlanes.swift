internal import CPixelIntrinsics

// The conversion of MatrixColor on Y, Cb and Cr (full-range BT.601, ITU-T T.871, section 7), so that a JPEG stays planes.
//
// A block of columns is converted to RGB, looked up pixel by pixel, and converted back. If chroma has half of luma's samples on both axes,
// each chroma sample is used for its four pixels, and the new chroma sample is the mean of the four converted pixels. For the linear part
// of the conversion this is exact.
//
// Words have 6 fraction bits: they are the upper words of products of 128 times a sample and a factor in 32 768ths.

/// Columns that are converted at a time.
let planeBlockColumns = 64
/// Words of memory that the conversion of planes uses: three channels of two rows, and four words for each pixel of a row.
public let planeScratchWords = 640

/// 1.402 − 1, 0.344136, 0.714136 and 1.772 − 1 in 32 768ths.
private let toRGB: (redOfRed: Int16, greenOfBlue: Int16, greenOfRed: Int16, blueOfBlue: Int16) = (
  13_173, 11_277, 23_401, 25_297
)
/// 0.299, 0.587, 0.114 in 32 768ths.
private let toLuma: (red: Int16, green: Int16, blue: Int16) = (9_798, 19_235, 3_735)
/// The parts of red and green that are subtracted from half of blue (0.168736 and 0.331264), and the parts of green and blue that are
/// subtracted from half of red (0.418688 and 0.081312), in 32 768ths.
private let toChroma: (redOfBlue: Int16, greenOfBlue: Int16, greenOfRed: Int16, blueOfRed: Int16) = (
  5_529, 10_855, 13_720, 2_664
)

/// The definition of a sample's RGB.
public func splitReference(_ y: UInt8, _ cb: UInt8, _ cr: UInt8) -> (red: UInt8, green: UInt8, blue: UInt8) {
  func part(_ chroma: Int32, _ factor: Int16) -> Int32 { (chroma << 8 * Int32(factor)) >> 17 }
  let (luma, blue, red) = (Int32(y) << 6 + 32, Int32(cb) - 128, Int32(cr) - 128)
  return (
    UInt8(clamping: (luma + red << 6 + part(red, toRGB.redOfRed)) >> 6),
    UInt8(clamping: (luma - part(blue, toRGB.greenOfBlue) - part(red, toRGB.greenOfRed)) >> 6),
    UInt8(clamping: (luma + blue << 6 + part(blue, toRGB.blueOfBlue)) >> 6)
  )
}

/// The definition of the luma of a color.
public func lumaReference(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
  func part(_ sample: UInt8, _ factor: Int16) -> Int32 { (Int32(sample) << 7 * Int32(factor)) >> 16 }
  return UInt8((part(red, toLuma.red) + part(green, toLuma.green) + part(blue, toLuma.blue) + 32) >> 6)
}

/// The definition of the chroma of four colors' sums, or of four times one color.
public func chromaReference(_ red: Int32, _ green: Int32, _ blue: Int32) -> (blue: UInt8, red: UInt8) {
  func part(_ sum: Int32, _ factor: Int16) -> Int32 { (sum << 5 * Int32(factor)) >> 16 }
  return (
    UInt8(clamping: (blue << 3 - part(red, toChroma.redOfBlue) - part(green, toChroma.greenOfBlue) + 8_224) >> 6),
    UInt8(clamping: (red << 3 - part(green, toChroma.greenOfRed) - part(blue, toChroma.blueOfRed) + 8_224) >> 6)
  )
}

/// Converts rows of planes in place.
///
/// - Parameters:
///   - luma: `rows` rows, whose memory extends to the next multiple of 64 samples.
///   - blue, red: Rows of Cb and Cr: as many as of luma, or half as many (rounded up) if `isHalved`. Their memory extends to the next
///     multiple of 32 samples.
///   - width: Samples of a row of luma.
///   - isHalved: True if chroma has half of the samples on both axes.
///   - toLight, fromLight: As for ``convertMatrixReference(_:_:_:toLight:fromLight:)``.
///   - scratch: ``planeScratchWords`` words.
public func convertMatrixPlanes(
  luma: UnsafeMutablePointer<UInt8>, lumaStride: Int, blue: UnsafeMutablePointer<UInt8>,
  red: UnsafeMutablePointer<UInt8>, chromaStride: Int, width: Int, rows: Int, isHalved: Bool,
  toLight: UnsafePointer<Int32>, fromLight: UnsafePointer<UInt8>, scratch: UnsafeMutablePointer<UInt16>
) {
  // If chroma is halved, the last column or row of an odd number is used twice, as its own neighbor.
  var y = 0
  while y < rows {
    let first = luma + y &* lumaStride
    if isHalved {
      let second = y &+ 1 < rows ? first + lumaStride : first
      if width & 1 != 0 {
        first[width] = first[width &- 1]
        second[width] = second[width &- 1]
      }
      let (cb, cr) = (blue + y / 2 &* chromaStride, red + y / 2 &* chromaStride)
      var x = 0
      while x < width {
        let (firstRow, secondRow) = (first + x, second + x)
        let (cbRow, crRow) = (cb + x / 2, cr + x / 2)
        splitHalved(firstRow, cbRow, crRow, scratch)
        splitHalved(secondRow, cbRow, crRow, scratch + 192)
        lookUp(scratch, toLight, fromLight, scratch + 384)
        lookUp(scratch + 192, toLight, fromLight, scratch + 384)
        joinLuma(scratch, firstRow)
        joinLuma(scratch + 192, secondRow)
        joinHalved(scratch, scratch + 192, cbRow, crRow)
        x &+= planeBlockColumns
      }
      y &+= 2
    } else {
      let (cb, cr) = (blue + y &* chromaStride, red + y &* chromaStride)
      var x = 0
      while x < width {
        split(first + x, cb + x, cr + x, scratch)
        lookUp(scratch, toLight, fromLight, scratch + 384)
        joinLuma(scratch, first + x)
        join(scratch, cb + x, cr + x)
        x &+= planeBlockColumns
      }
      y &+= 1
    }
  }
}

@inline(__always)
private func split(
  _ luma: UnsafePointer<UInt8>, _ blue: UnsafePointer<UInt8>, _ red: UnsafePointer<UInt8>,
  _ output: UnsafeMutablePointer<UInt16>
) {
  var x = 0
  while x < planeBlockColumns {
    split(cpi_load_widened_u8(luma + x), cpi_load_widened_u8(blue + x), cpi_load_widened_u8(red + x), output + x)
    x &+= cpi_i16.scalarCount
  }
}

@inline(__always)
private func splitHalved(
  _ luma: UnsafePointer<UInt8>, _ blue: UnsafePointer<UInt8>, _ red: UnsafePointer<UInt8>,
  _ output: UnsafeMutablePointer<UInt16>
) {
  var x = 0
  while x < planeBlockColumns {
    split(
      cpi_load_widened_u8(luma + x), cpi_load_doubled_u8(blue + x / 2), cpi_load_doubled_u8(red + x / 2), output + x)
    x &+= cpi_i16.scalarCount
  }
}

/// Four times red, green and blue, as words: the indices of their table entries.
@inline(__always)
private func split(_ y: cpi_i16, _ cb: cpi_i16, _ cr: cpi_i16, _ output: UnsafeMutablePointer<UInt16>) {
  let (one, six) = (cpi_i16(repeating: 1), cpi_i16(repeating: 6))
  let luma = (y &<< six) &+ cpi_i16(repeating: 32)
  let (blue, red) = (cb &- cpi_i16(repeating: 128), cr &- cpi_i16(repeating: 128))
  let (wideBlue, wideRed) = (blue &<< cpi_i16(repeating: 8), red &<< cpi_i16(repeating: 8))
  let r = luma &+ (red &<< six) &+ (cpi_multiply_high_i16(wideRed, toRGB.redOfRed) &>> one)
  let g =
    luma &- (cpi_multiply_high_i16(wideBlue, toRGB.greenOfBlue) &>> one)
    &- (cpi_multiply_high_i16(wideRed, toRGB.greenOfRed) &>> one)
  let b = luma &+ (blue &<< six) &+ (cpi_multiply_high_i16(wideBlue, toRGB.blueOfBlue) &>> one)
  storePlaces(r, output)
  storePlaces(g, output + planeBlockColumns)
  storePlaces(b, output + 2 &* planeBlockColumns)
}

@inline(__always)
private func storePlaces(_ samples: cpi_i16, _ output: UnsafeMutablePointer<UInt16>) {
  let places = cpi_clamp_to_byte(samples &>> cpi_i16(repeating: 6)) &<< cpi_i16(repeating: 2)
  cpi_store_i16(UnsafeMutableRawPointer(output).assumingMemoryBound(to: Int16.self), places)
}

/// Looks up a block of places. The encoded bytes overwrite the first half of each channel's words. Sums go through memory, four words a
/// pixel: loading a sum from memory as an index costs less than taking it out of a vector.
@inline(__always)
private func lookUp(
  _ places: UnsafeMutablePointer<UInt16>, _ toLight: UnsafePointer<Int32>, _ fromLight: UnsafePointer<UInt8>,
  _ sums: UnsafeMutablePointer<UInt16>
) {
  let (green, blue) = (toLight + 1_024, toLight + 2_048)
  let (greens, blues) = (places + planeBlockColumns, places + 2 &* planeBlockColumns)
  var x = 0
  while x < planeBlockColumns {
    cpi_store_sums_of_entries(
      sums + 4 &* x, toLight + Int(places[x]), green + Int(greens[x]), blue + Int(blues[x]),
      toLight + Int(places[x &+ 1]), green + Int(greens[x &+ 1]), blue + Int(blues[x &+ 1]))
    x &+= 2
  }
  let bytes = UnsafeMutableRawPointer(places).assumingMemoryBound(to: UInt8.self)
  let (greenBytes, blueBytes) = (bytes + 2 &* planeBlockColumns, bytes + 4 &* planeBlockColumns)
  x = 0
  while x < planeBlockColumns {
    let pixel = sums + 4 &* x
    bytes[x] = fromLight[Int(pixel[0])]
    greenBytes[x] = fromLight[Int(pixel[1])]
    blueBytes[x] = fromLight[Int(pixel[2])]
    bytes[x &+ 1] = fromLight[Int(pixel[4])]
    greenBytes[x &+ 1] = fromLight[Int(pixel[5])]
    blueBytes[x &+ 1] = fromLight[Int(pixel[6])]
    x &+= 2
  }
}

@inline(__always)
private func joinLuma(_ block: UnsafePointer<UInt16>, _ output: UnsafeMutablePointer<UInt8>) {
  let bytes = UnsafeRawPointer(block).assumingMemoryBound(to: UInt8.self)
  let seven = cpi_i16(repeating: 7)
  var x = 0
  while x < planeBlockColumns {
    let r = cpi_load_widened_u8(bytes + x) &<< seven
    let g = cpi_load_widened_u8(bytes + (2 &* planeBlockColumns &+ x)) &<< seven
    let b = cpi_load_widened_u8(bytes + (4 &* planeBlockColumns &+ x)) &<< seven
    let sum =
      cpi_multiply_high_i16(r, toLuma.red) &+ cpi_multiply_high_i16(g, toLuma.green)
      &+ cpi_multiply_high_i16(b, toLuma.blue) &+ cpi_i16(repeating: 32)
    cpi_store_clamped_u8(output + x, sum &>> cpi_i16(repeating: 6))
    x &+= cpi_i16.scalarCount
  }
}

@inline(__always)
private func join(
  _ block: UnsafePointer<UInt16>, _ blue: UnsafeMutablePointer<UInt8>, _ red: UnsafeMutablePointer<UInt8>
) {
  let bytes = UnsafeRawPointer(block).assumingMemoryBound(to: UInt8.self)
  let two = cpi_i16(repeating: 2)
  var x = 0
  while x < planeBlockColumns {
    let r = cpi_load_widened_u8(bytes + x) &<< two
    let g = cpi_load_widened_u8(bytes + (2 &* planeBlockColumns &+ x)) &<< two
    let b = cpi_load_widened_u8(bytes + (4 &* planeBlockColumns &+ x)) &<< two
    joinChroma(r, g, b, blue + x, red + x)
    x &+= cpi_i16.scalarCount
  }
}

@inline(__always)
private func joinHalved(
  _ first: UnsafePointer<UInt16>, _ second: UnsafePointer<UInt16>, _ blue: UnsafeMutablePointer<UInt8>,
  _ red: UnsafeMutablePointer<UInt8>
) {
  let one = UnsafeRawPointer(first).assumingMemoryBound(to: UInt8.self)
  let other = UnsafeRawPointer(second).assumingMemoryBound(to: UInt8.self)
  var x = 0
  while x < planeBlockColumns {
    let (g, b) = (2 &* planeBlockColumns &+ x, 4 &* planeBlockColumns &+ x)
    joinChroma(
      cpi_load_pair_sums_u8(one + x) &+ cpi_load_pair_sums_u8(other + x),
      cpi_load_pair_sums_u8(one + g) &+ cpi_load_pair_sums_u8(other + g),
      cpi_load_pair_sums_u8(one + b) &+ cpi_load_pair_sums_u8(other + b), blue + x / 2, red + x / 2)
    x &+= 2 &* cpi_i16.scalarCount
  }
}

/// Chroma of sums of four samples.
@inline(__always)
private func joinChroma(
  _ r: cpi_i16, _ g: cpi_i16, _ b: cpi_i16, _ blue: UnsafeMutablePointer<UInt8>, _ red: UnsafeMutablePointer<UInt8>
) {
  let (three, five, six) = (cpi_i16(repeating: 3), cpi_i16(repeating: 5), cpi_i16(repeating: 6))
  // 128 and one half for rounding, with 6 fraction bits.
  let middle = cpi_i16(repeating: 8_224)
  let (wideR, wideG, wideB) = (r &<< five, g &<< five, b &<< five)
  let cb =
    (b &<< three) &- cpi_multiply_high_i16(wideR, toChroma.redOfBlue)
    &- cpi_multiply_high_i16(wideG, toChroma.greenOfBlue) &+ middle
  let cr =
    (r &<< three) &- cpi_multiply_high_i16(wideG, toChroma.greenOfRed)
    &- cpi_multiply_high_i16(wideB, toChroma.blueOfRed) &+ middle
  cpi_store_clamped_u8(blue, cb &>> six)
  cpi_store_clamped_u8(red, cr &>> six)
}
