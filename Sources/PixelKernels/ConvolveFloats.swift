public import CPixelIntrinsics

// Both passes of a separable resize for samples of 16 bits, premultiplied or not, in binary32 (IEEE 754).
//
// Samples are centered, value − 32 768, and so are results. Products are rounded and then added one after the other, in the same order
// on every instruction set, without fused multiply-add. The error of a sum of n products is at most n · 2⁻²⁴ times the sum of their
// magnitudes. To limit it in long windows, blocks of `floatBlock` products are summed first. The plan bounds the effect of all this on
// a picture.

/// The number of products in a block. The sum of a block is added to the sum of the window.
public let floatBlock = 32

/// Vertical pass: `output[x] = Σₖ weights[k] · rows[k][x]`.
public func convolveFloatColumns(_ pass: cpi_float_column_convolution) {
  let (rows, weights, output) = (pass.rows, pass.weights, pass.output)
  let (taps, count) = (pass.taps, pass.count)
  let step = cpi_f32.scalarCount
  var x = 0
  while x &+ 4 &* step <= count {
    let sums = sumWindow(FourFloats(), taps: taps, step: 1) { block, k in
      block.add(rows[k] + x, cpi_f32(repeating: weights[k]))
    }
    cpi_store_f32(output + x, sums.a)
    cpi_store_f32(output + x + step, sums.b)
    cpi_store_f32(output + x + 2 &* step, sums.c)
    cpi_store_f32(output + x + 3 &* step, sums.d)
    x &+= 4 &* step
  }
  convolveFloatColumnsReference(pass, from: x)
}

/// The definition of ``convolveFloatColumns(_:)``, from sample `from` on.
public func convolveFloatColumnsReference(_ pass: cpi_float_column_convolution, from: Int) {
  var x = from
  while x < pass.count {
    var sum: Float = 0
    var block: Float = 0
    for k in 0..<pass.taps {
      block = (k % floatBlock == 0 ? 0 : block) + pass.weights[k] * pass.rows[k][x]
      if k % floatBlock == floatBlock - 1 || k == pass.taps - 1 { sum = k < floatBlock ? block : sum + block }
    }
    pass.output[x] = sum
    x &+= 1
  }
}

/// Sums of products in progress.
private protocol WindowSums {
  mutating func add(_ other: Self)
}

/// The sums of a window's products, in blocks of `floatBlock` taps.
///
/// - Parameters:
///   - zero: The sums of no products.
///   - step: The taps that `addProducts` takes at a time; a divisor of `taps` and of `floatBlock`.
///   - addProducts: Adds the products of `step` taps from `k` on to a block's sums.
@inline(__always)
private func sumWindow<Sums: WindowSums>(
  _ zero: Sums, taps: Int, step: Int, _ addProducts: (_ block: inout Sums, _ k: Int) -> Void
) -> Sums {
  var sums = zero
  var first = 0
  while first < taps {
    let end = min(first &+ floatBlock, taps)
    var block = zero
    var k = first
    while k < end {
      addProducts(&block, k)
      k &+= step
    }
    if first == 0 { sums = block } else { sums.add(block) }
    first = end
  }
  return sums
}

/// As many sums as four vectors have floats.
private struct FourFloats: WindowSums {
  var a = cpi_f32(repeating: 0)
  var b = cpi_f32(repeating: 0)
  var c = cpi_f32(repeating: 0)
  var d = cpi_f32(repeating: 0)

  @inline(__always)
  mutating func add(_ samples: UnsafePointer<Float>, _ weight: cpi_f32) {
    let step = cpi_f32.scalarCount
    a = a + weight * cpi_load_f32(samples)
    b = b + weight * cpi_load_f32(samples + step)
    c = c + weight * cpi_load_f32(samples + 2 &* step)
    d = d + weight * cpi_load_f32(samples + 3 &* step)
  }

  @inline(__always)
  mutating func add(_ other: FourFloats) {
    a = a + other.a
    b = b + other.b
    c = c + other.c
    d = d + other.d
  }
}

/// The number of rows that the horizontal pass takes at a time.
public let floatRows = 4

/// Horizontal pass over four rows: `output[i] = Σₖ weights[i][k] · row[starts[i] + k]` for each channel.
///
/// With one channel there are four sums, each of every fourth product. They are added last: the first two, the last two, then both results.
public func convolveFloatRows(_ pass: cpi_float_row_convolution) {
  pass.channels == 1 ? convolveGray(pass) : convolvePixels(pass)
}

/// Computes four sums from each pixel on; the sums that belong to samples of the next pixel are not used.
@inline(__always)
private func convolvePixels(_ pass: cpi_float_row_convolution) {
  let (channels, taps, count) = (pass.channels, pass.taps, pass.output_count)
  var weights = pass.weights
  var output = pass.output
  var i = 0
  while i < count {
    let source = pass.rows + Int(pass.starts[i]) &* channels
    let sums = sumWindow(FourPixels(), taps: taps, step: 1) { block, k in
      block.add(source + k &* channels, pass.stride, cpi_f32x4(repeating: weights[k]))
    }
    weights += taps
    cpi_store_f32x4(output, sums.a)
    cpi_store_f32x4(output + pass.output_stride, sums.b)
    cpi_store_f32x4(output + 2 &* pass.output_stride, sums.c)
    cpi_store_f32x4(output + 3 &* pass.output_stride, sums.d)
    output += channels
    i &+= 1
  }
}

/// Four taps at a time.
@inline(__always)
private func convolveGray(_ pass: cpi_float_row_convolution) {
  let (taps, count) = (pass.taps, pass.output_count)
  var weights = pass.weights
  var output = pass.output
  var i = 0
  while i < count {
    let source = pass.rows + Int(pass.starts[i])
    let sums = sumWindow(FourPixels(), taps: taps, step: 4) { block, k in
      block.add(source + k, pass.stride, cpi_load_f32x4(weights + k))
    }
    weights += taps
    let row = cpi_sums_of_f32x4(sums.a, sums.b, sums.c, sums.d)
    output[0] = row[0]
    output[pass.output_stride] = row[1]
    output[2 &* pass.output_stride] = row[2]
    output[3 &* pass.output_stride] = row[3]
    output += 1
    i &+= 1
  }
}

/// Sums of four rows.
private struct FourPixels: WindowSums {
  var a = cpi_f32x4(repeating: 0)
  var b = cpi_f32x4(repeating: 0)
  var c = cpi_f32x4(repeating: 0)
  var d = cpi_f32x4(repeating: 0)

  @inline(__always)
  mutating func add(_ rows: UnsafePointer<Float>, _ stride: Int, _ weight: cpi_f32x4) {
    a = a + weight * cpi_load_f32x4(rows)
    b = b + weight * cpi_load_f32x4(rows + stride)
    c = c + weight * cpi_load_f32x4(rows + 2 &* stride)
    d = d + weight * cpi_load_f32x4(rows + 3 &* stride)
  }

  @inline(__always)
  mutating func add(_ other: FourPixels) {
    a = a + other.a
    b = b + other.b
    c = c + other.c
    d = d + other.d
  }
}

/// The definition of ``convolveFloatRows(_:)``.
public func convolveFloatRowsReference(_ pass: cpi_float_row_convolution) {
  for row in 0..<floatRows {
    for i in 0..<pass.output_count {
      for c in 0..<pass.channels {
        let parts = pass.channels == 1 ? 4 : 1
        var sums: (Float, Float, Float, Float) = (0, 0, 0, 0)
        for part in 0..<parts {
          var sum: Float = 0
          var block: Float = 0
          for k in stride(from: part, to: pass.taps, by: parts) {
            let sample = pass.rows[row * pass.stride + (Int(pass.starts[i]) + k) * pass.channels + c]
            block = (k % floatBlock == part ? 0 : block) + pass.weights[i * pass.taps + k] * sample
            if k % floatBlock == floatBlock - parts + part || k + parts >= pass.taps {
              sum = k < floatBlock ? block : sum + block
            }
          }
          switch part {
          case 0: sums.0 = sum
          case 1: sums.1 = sum
          case 2: sums.2 = sum
          default: sums.3 = sum
          }
        }
        pass.output[row * pass.output_stride + i * pass.channels + c] =
          parts == 1 ? sums.0 : (sums.0 + sums.1) + (sums.2 + sums.3)
      }
    }
  }
}

// The conversions to and from centered floats.

/// Words to centered floats.
public func centerWords(_ input: UnsafePointer<UInt16>, count: Int, output: UnsafeMutablePointer<Float>) {
  for i in 0..<count { output[i] = Float(Int32(input[i]) &- 32_768) }
}

/// Straight words to premultiplied centered floats: color · alpha / 65 535 − 32 768.
public func premultiplyToFloats(
  _ input: UnsafePointer<UInt16>, channels: Int, pixels: Int, output: UnsafeMutablePointer<Float>
) {
  for x in 0..<pixels {
    let pixel = x &* channels
    let alpha = Float(Int32(input[pixel &+ channels &- 1]))
    for c in 0..<channels &- 1 {
      output[pixel &+ c] = Float(Int32(input[pixel &+ c])) * alpha * (1 / 65_535) - 32_768
    }
    output[pixel &+ channels &- 1] = alpha - 32_768
  }
}

/// Converts centered floats to words, clamped and rounded.
public func roundFloats(_ input: UnsafePointer<Float>, count: Int, output: UnsafeMutablePointer<UInt16>) {
  for i in 0..<count { output[i] = roundedWord(input[i] + 32_768) }
}

/// Converts premultiplied centered floats to straight words; a pixel whose alpha rounds to 0 becomes all zeros. Alpha is clamped to 65 535
/// only after the colors were divided by it, because dividing by the clamped alpha would change the colors.
public func unpremultiplyFloats(
  _ input: UnsafePointer<Float>, channels: Int, pixels: Int, output: UnsafeMutablePointer<UInt16>
) {
  for x in 0..<pixels {
    let pixel = x &* channels
    let alpha = input[pixel &+ channels &- 1] + 32_768
    let word = roundedWord(alpha)
    output[pixel &+ channels &- 1] = word
    let scale = word == 0 ? 0 : 65_535 / alpha
    for c in 0..<channels &- 1 { output[pixel &+ c] = roundedWord((input[pixel &+ c] + 32_768) * scale) }
  }
}

/// The nearest word. Adding 2^23 rounds to an integer and leaves it in the lowest bits (IEEE 754 binary32).
@inline(__always)
private func roundedWord(_ value: Float) -> UInt16 {
  UInt16(truncatingIfNeeded: (max(0, min(value, 65_535)) + 8_388_608).bitPattern)
}
