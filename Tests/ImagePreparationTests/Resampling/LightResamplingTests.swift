import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// The resize in linear light against float64, in shapes that divide slabs, blocks and groups in every way.
@Suite("Resampling in light")
struct LightResamplingTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    let from: ImageSize
    let to: ImageSize
    let channels: Int
    var testDescription: String { "\(from) to \(to), \(channels) channels" }

    init(_ width: Int, _ height: Int, _ outputWidth: Int, _ outputHeight: Int, _ channels: Int) {
      from = ImageSize(width: width, height: height)
      to = ImageSize(width: outputWidth, height: outputHeight)
      self.channels = channels
    }
  }

  // Large enough for the 16-bit kernels; smaller by half and by much, odd and even.
  static let shapes = [
    Shape(2_021, 607, 260, 155, 1), Shape(1_201, 801, 301, 203, 3), Shape(2_000, 1_333, 171, 999, 3),
    Shape(1_513, 1_999, 700, 400, 1), Shape(3_001, 1_479, 40, 31, 3), Shape(171, 30_001, 50, 3_000, 1),
    Shape(2_049, 2_049, 1, 1, 3), Shape(1_300, 900, 650, 450, 3),
  ]

  /// Rows arrive one by one, or in strips.
  static func resized(
    _ image: PixelImage<UInt8>, to size: ImageSize, filter: ResamplingFilter, instructionSet: InstructionSet,
    rowsAtATime: Int
  ) -> [UInt8] {
    let raster = Raster(image)
    let layout = RowLayout(channels: raster.channels, bitDepth: 8, width: image.size.width)
    let scale = SampleScale(layout: layout, linear: true)
    let plan = ResamplingPlan(
      input: image.size,
      horizontal: AxisGeometry(origin: 0, length: Double(image.size.width), count: size.width, isMirrored: false),
      vertical: AxisGeometry(origin: 0, length: Double(image.size.height), count: size.height, isMirrored: false),
      channels: image.channels, filter: filter, scale: scale.kind)
    #expect(plan.precision != .wide)
    let resampler = PlaneResampler(
      plan: plan, layout: layout, scale: scale, kernels: KernelTable(instructionSet), stripRows: 16,
      rowBytes: layout.rowBytes, ahead: 1)
    unsafe image.samples.withUnsafeBytes { samples in
      for y in 0..<image.size.height {
        unsafe resampler.ring.row(y).copyMemory(
          from: samples.baseAddress! + y * layout.rowBytes, byteCount: layout.rowBytes)
        if (y + 1) % rowsAtATime == 0 || y + 1 == image.size.height { resampler.advance(rowsArrived: y + 1) }
      }
    }
    #expect(resampler.rowsDone == size.height)
    return resampler.result.bytes
  }

  @Test(
    "as in float64, the same bits on every instruction set", arguments: shapes, [ResamplingFilter.lanczos3, .mitchell])
  func light(_ shape: Shape, _ filter: ResamplingFilter) {
    for pattern in [TestPattern.noise, .twoValued, .ramps] {
      let source = pattern.image(shape.from, channels: shape.channels)
      let light = source.samples.map { sample -> Int in
        let v = Double(sample) / 255
        return Int((v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4)) * 0x1p30)
      }
      let reference = Float64Resize.resize(
        light, size: shape.from, channels: shape.channels, to: shape.to, filter: filter
      ).map { sum -> Double in
        let v = max(0, min(sum * 0x1p-30, 1))
        return (v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055) * 255
      }
      let first = Self.resized(source, to: shape.to, filter: filter, instructionSet: .baseline, rowsAtATime: 16)
      let comparison = SampleComparison(first, reference: reference)
      #expect(comparison.largest <= 1 && comparison.share <= 0.02, "\(pattern): \(comparison)")
      for instructionSet in InstructionSet.available {
        for rows in [1, 7] {
          let other = Self.resized(
            source, to: shape.to, filter: filter, instructionSet: instructionSet, rowsAtATime: rows)
          #expect(other == first, "\(pattern): \(instructionSet), \(rows) rows at a time give other bits")
        }
      }
    }
  }
}
