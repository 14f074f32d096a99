import Driver
import Foundation
@testable import ImagePreparation

/// Plans a recipe, which is JSON, for an image of some size. Traps if the plan breaks its own rules: sizes that the recipe does not allow,
/// a part outside of the source, or a record that does not map points back.
///
/// The first four bytes are the image's width and height. The fifth gives its orientation, and whether the width is multiplied to make a
/// panorama.
func plan(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 5 else { return 0 }
  let long = start[4] & 8 == 0 ? 1 : 15
  let source = ImageSize(
    width: (Int(start[0]) << 8 | Int(start[1])) * long + 1, height: Int(start[2]) << 8 | Int(start[3]) + 1)
  let orientation = Orientation(rawValue: Int(start[4] & 7) + 1)!
  let data = Data(bytes: start + 5, count: count - 5)
  guard let recipe = try? JSONDecoder().decode(Recipe.self, from: data) else {
    if let record = try? JSONDecoder().decode(GeometryRecord.self, from: data) { check(record) }
    return 0
  }
  guard let written = try? JSONEncoder().encode(recipe) else { fatalError("cannot be written: \(recipe)") }
  guard let again = try? JSONDecoder().decode(Recipe.self, from: written) else {
    fatalError("cannot be read again: \(String(decoding: written, as: UTF8.self))")
  }
  precondition(again == recipe, "\(again) is not \(recipe)")

  let upright = orientation.swapsSides ? source.transposed : source
  guard
    let (record, _) = try? GeometryRecord.resolve(source: upright, orientation: orientation, recipe: recipe)
  else { return 0 }
  check(record)
  precondition(record.source == upright && record.orientation == orientation)
  if case .fitted(let fitting) = recipe.size { check(record.canvas, fitting) }

  // Makes the whole plan from the header of a PNG of this size.
  guard case .fitted(let fitting) = recipe.size, !fitting.trim, fitting.gravity != .attention else { return 0 }
  let limits = Limits(threads: 2)
  guard
    let plan = try? ImagePreparer(limits: limits).planBlocking(of: .memory(header(of: source)), as: recipe).plan
  else { return 0 }
  precondition(plan.bufferBytes <= limits.maxMemory && plan.bufferBytes > 0, "\(plan.bufferBytes) bytes")
  precondition(plan.largestFileBytes > 0 && plan.largestPixelBytes > 0)
  if recipe.output.budget == nil {
    let expected = try? GeometryRecord.resolve(source: source, orientation: .upright, recipe: recipe).record.canvas
    precondition(plan.outputSize == expected, "\(plan.outputSize), not \(expected!)")
  }
  return 0
}

/// The sizes that a fitting allows.
func check(_ canvas: ImageSize, _ fitting: Recipe.Fitting) {
  if let maxPixels = fitting.maxPixels { precondition(canvas.pixelCount <= maxPixels, "\(canvas) is too large") }
  switch fitting.sides {
  case .any: break
  case .multiples(let unit, _):
    precondition(canvas.width % unit == 0 && canvas.height % unit == 0, "\(canvas) is no multiple of \(unit)")
  case .model(let model, let unit, _):
    let unit = unit ?? model.multipleOf
    precondition(canvas.width % unit == 0 && canvas.height % unit == 0, "\(canvas) is no multiple of \(unit)")
    precondition(canvas.longestSide <= model.maxSide && canvas.pixelCount <= model.maxPixels, "\(canvas)")
    precondition(min(canvas.width, canvas.height) >= model.minSide, "\(canvas) is too small")
  }
  if case .box(let box, _, _) = fitting.target, case .any = fitting.sides {
    precondition(canvas.width <= box.width && canvas.height <= box.height, "\(canvas) is larger than \(box)")
  }
}

/// Checks that an accepted record is consistent, that it does not change when it is written and read, and that it maps points there and
/// back.
func check(_ record: GeometryRecord) {
  guard (try? record.check()) != nil else { return }
  guard let written = try? JSONEncoder().encode(record),
    let again = try? JSONDecoder().decode(GeometryRecord.self, from: written)
  else { fatalError("cannot be written: \(record)") }
  precondition(again == record, "\(again) is not \(record)")
  for (right, down) in [(0.0, 0.0), (0.25, 0.75), (0.5, 0.5), (1.0, 1.0)] {
    let x = Double(record.contentX) + right * Double(record.content.width)
    let y = Double(record.contentY) + down * Double(record.content.height)
    guard let there = record.sourcePoint(x: x, y: y) else { fatalError("\(x), \(y) is padding") }
    // Rounding may move the far edge to outside of the part.
    guard let back = record.resultPoint(x: there.x, y: there.y) else {
      precondition(right == 1 || record.crop.x + record.crop.width == record.crop.x)
      continue
    }
    let stretch = max(
      Double(record.content.width) / record.crop.width, Double(record.content.height) / record.crop.height)
    precondition(
      abs(back.x - x) + abs(back.y - y) <= 1e-6 + 1e-9 * stretch, "\(x), \(y) comes back as \(back)")
    let stored = record.storedPoint(x: there.x, y: there.y)
    precondition(stored.x.isFinite && stored.y.isFinite)
  }
}

/// A PNG of this size without pixels.
func header(of size: ImageSize) -> [UInt8] {
  func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
  return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    + PNGChunk(type: "IHDR", data: number(size.width) + number(size.height) + [8, 2, 0, 0, 0]).bytes
    + PNGChunk(type: "IDAT", data: [0x78, 1, 1, 0, 0, 0xFF, 0xFF, 0, 0, 0, 1]).bytes
    + PNGChunk(type: "IEND", data: []).bytes
}

fuzz(plan)
