internal import CPixelIntrinsics

// Converts colors of a space that is described by a table of L*a*b* with curves before and after it (ICC.1:2022, 10.10 to 10.13) to sRGB.
//
// A sample gives a place between two nodes of its axis. Between the nodes the table is interpolated as in lcms2: in the last three axes by
// the tetrahedron that the place lies in, in the first of four axes linearly. The weights of the nodes have 14 fraction bits and add up to
// one, so that words times weights lie within ±2^29. The upper 12 bits of L*, a* and b* are looked up in tables that hold the curves after
// the table, as the amounts that they add to the cube roots of X, Y and Z. A matrix converts these to the light of sRGB, in units of
// 1/65535, and a table converts light to bytes. Floats are multiplied and added one by one, so that all instruction sets give the same
// results.

/// Fraction bits of weights.
public let tableFraction = 14
/// Entries of a table of a curve after the nodes.
public let tableCurveLevels = 4_096

/// The definition of the conversion of one pixel.
///
/// A place lies in a cube of nodes. The weight of a node follows from the weights of the axes. It is the least weight of those axes on
/// which the node is the upper one, minus the largest weight of the other axes, or 0 if that is negative.
/// - Parameters: As for ``convertTableBytes(_:inputChannels:inks:pixels:places:strides:nodes:curves:matrix:fromLight:output:)``, with
///   3 or 4 samples, and 3 bytes of output.
public func convertTableReference(
  _ samples: UnsafePointer<UInt8>, inks: Bool, places: UnsafePointer<Int32>, strides: UnsafePointer<Int>,
  nodes: UnsafePointer<Int16>, curves: UnsafePointer<Float>, matrix: UnsafePointer<Float>,
  fromLight: UnsafePointer<UInt8>, output: UnsafeMutablePointer<UInt8>
) {
  let one = Int32(1) << Int32(tableFraction)
  let (axes, first) = (inks ? 4 : 3, inks ? 1 : 0)
  func place(_ axis: Int) -> UnsafePointer<Int32> { places + (axis * 256 + Int(samples[axis])) * 2 }
  func value(_ c: Int) -> Int {
    var sum: Int32 = 0
    for corner in 0..<8 {
      var (least, largest, node) = (one, Int32(0), inks ? Int(place(0)[0]) : 0)
      for axis in first..<axes {
        let weight = place(axis)[1]
        node += Int(place(axis)[0])
        if corner >> (axis - first) & 1 == 1 {
          least = min(least, weight)
          node += strides[axis]
        } else {
          largest = max(largest, weight)
        }
      }
      guard least > largest else { continue }
      let weight = least - largest
      let upper = inks ? (weight * place(0)[1] + one / 2) >> Int32(tableFraction) : 0
      sum += Int32(nodes[node + c]) * (weight - upper)
      if upper > 0 { sum += Int32(nodes[node + strides[0] + c]) * upper }
    }
    return Int((sum + 32_768 << Int32(tableFraction)) >> Int32(tableFraction + 4))
  }
  func xyz(_ root: Float) -> Float {
    let above = max(root, 6.0 / 29)
    return above * above * above + (root - above) * (108.0 / 841)
  }
  let (l, a, b) = (curves[value(0)], curves[4_096 + value(1)], curves[8_192 + value(2)])
  let (x, y, z) = (xyz(l + a), xyz(l), xyz(l + b))
  for c in 0..<3 {
    let light = x * matrix[c] + y * matrix[4 + c] + (z * matrix[8 + c] + matrix[12 + c])
    output[c] = fromLight[Int(min(max(light, 0), 65_535)) ^ 32_768]
  }
}

/// Converts pixels of 8 bits.
///
/// - Parameters:
///   - input: `pixels` pixels of `inputChannels` samples.
///   - inputChannels: 3 or 4.
///   - inks: True for four axes; false for three, so that a fourth sample is alpha.
///   - places: For each axis and sample: the place of the lower node, in words, and the weight of the upper one.
///   - strides: For each axis, words from a node to the next one.
///   - nodes: Four words a node: L*, a* and b* minus 32 768, and 0.
///   - curves: 3 × 4096 values: what L*, a* and b* add to the cube roots: L* to all three, a* to the root of X, b* to the root of Z.
///   - matrix: 4 columns of 4 values: light of X, of Y, of Z, and the light of black plus a half.
///   - fromLight: As for ``convertMatrixReference(_:_:_:toLight:fromLight:)``.
///   - output: `pixels` pixels of RGB, or of RGBA if there is alpha; may be `input`.
public func convertTableBytes(
  _ input: UnsafePointer<UInt8>, inputChannels: Int, inks: Bool, pixels: Int, places: UnsafePointer<Int32>,
  strides: UnsafePointer<Int>, nodes: UnsafePointer<Int16>, curves: UnsafePointer<Float>,
  matrix: UnsafePointer<Float>, fromLight: UnsafePointer<UInt8>, output: UnsafeMutablePointer<UInt8>
) {
  let last = places + (inks ? 512 : 0)
  let lastStrides = strides + (inks ? 1 : 0)
  let (stepA, stepB, stepC) = (lastStrides[0], lastStrides[1], lastStrides[2])
  let outputChannels = inks ? 3 : inputChannels
  for x in 0..<pixels {
    let pixel = input + x &* inputChannels
    let samples = inks ? pixel + 1 : pixel
    let a = last + Int(samples[0]) &* 2
    let b = last + (512 &+ Int(samples[1]) &* 2)
    let c = last + (1_024 &+ Int(samples[2]) &* 2)
    var node = nodes + (Int(a[0]) &+ Int(b[0]) &+ Int(c[0]))
    // In each word, the upper bits are an axis's weight and the lower bits its step. Sorting the words gives the order of the axes in the
    // tetrahedron.
    let (first, second, third) = sorted(
      Int(a[1]) &<< 32 | stepA, Int(b[1]) &<< 32 | stepB, Int(c[1]) &<< 32 | stepC)
    let (one, two, three) = (first &>> 32, second &>> 32, third &>> 32)
    let weights = (16_384 &- one, one &- two, two &- three, three)
    let step = first & 0xFFFF_FFFF
    let further = step &+ second & 0xFFFF_FFFF
    let furthest = further &+ third & 0xFFFF_FFFF
    var sum: cpi_i32x4
    if inks {
      let place = places + Int(pixel[0]) &* 2
      node += Int(place[0])
      let upper = Int(place[1])
      let next = node + (upper > 0 ? strides[0] : 0)
      let (w0, w1) = (share(weights.0, upper), share(weights.1, upper))
      let (w2, w3) = (share(weights.2, upper), share(weights.3, upper))
      sum = cpi_weigh_entries(node, node + step, packed(weights.0 &- w0, weights.1 &- w1))
      sum &+= cpi_weigh_entries(node + further, node + furthest, packed(weights.2 &- w2, weights.3 &- w3))
      sum &+= cpi_weigh_entries(next, next + step, packed(w0, w1))
      sum &+= cpi_weigh_entries(next + further, next + furthest, packed(w2, w3))
    } else {
      sum = cpi_weigh_entries(node, node + step, packed(weights.0, weights.1))
      sum &+= cpi_weigh_entries(node + further, node + furthest, packed(weights.2, weights.3))
    }
    let indices = cpi_shift_right_by_18(sum &+ cpi_i32x4(repeating: 32_768 &<< 14))
    let color = light(
      curves[Int(indices[0])], curves[4_096 &+ Int(indices[1])], curves[8_192 &+ Int(indices[2])], matrix)
    let target = output + x &* outputChannels
    if outputChannels == 4 { target[3] = pixel[3] }
    target[0] = fromLight[Int(color[0] ^ 32_768)]
    target[1] = fromLight[Int(color[1] ^ 32_768)]
    target[2] = fromLight[Int(color[2] ^ 32_768)]
  }
}

/// Light, 0 to 65 535, of cube roots: below the limit of L*a*b*, the tangent at the limit replaces the cube (ICC.1:2022, 6.3.4).
@inline(__always)
private func light(_ l: Float, _ a: Float, _ b: Float, _ matrix: UnsafePointer<Float>) -> cpi_i32x4 {
  let roots = cpi_f32x4(repeating: l) + cpi_f32x4(a, 0, b, 0)
  let above = cpi_larger_f32x4(roots, cpi_f32x4(repeating: 6.0 / 29))
  let xyz = above * above * above + (roots - above) * cpi_f32x4(repeating: 108.0 / 841)
  let sum =
    cpi_f32x4(repeating: xyz[0]) * cpi_load_f32x4(matrix) + cpi_f32x4(repeating: xyz[1]) * cpi_load_f32x4(matrix + 4)
    + (cpi_f32x4(repeating: xyz[2]) * cpi_load_f32x4(matrix + 8) + cpi_load_f32x4(matrix + 12))
  let clamped = cpi_smaller_f32x4(cpi_larger_f32x4(sum, cpi_f32x4(repeating: 0)), cpi_f32x4(repeating: 65_535))
  return cpi_truncate_f32x4(clamped)
}

@inline(__always)
private func sorted(_ a: Int, _ b: Int, _ c: Int) -> (Int, Int, Int) {
  let (high, low) = (max(a, b), min(a, b))
  let (middle, lowest) = (max(low, c), min(low, c))
  return (max(high, middle), min(high, middle), lowest)
}

@inline(__always)
private func share(_ weight: Int, _ upper: Int) -> Int { (weight &* upper &+ 8_192) &>> 14 }

@inline(__always)
private func packed(_ a: Int, _ b: Int) -> UInt32 { UInt32(truncatingIfNeeded: a | b &<< 16) }
