import Foundation
import ImagePreparation
import TestSupport
import Testing

@Suite("Geometry records and restoring")
struct RestoringTests {
  /// A picture in which the color of a pixel gives its position: red grows along x, and green grows along y.
  static func ramp(_ size: ImageSize) -> PixelImage<UInt8> {
    let samples = (0..<size.pixelCount).flatMap { i -> [UInt8] in
      [UInt8(i % size.width * 255 / size.width), UInt8(i / size.width * 255 / size.height), 90]
    }
    return PixelImage(size: size, channels: 3, samples: samples)
  }

  static let sizes: [Recipe.Size] = [
    .longestSide(64),
    .longestSide(300, enlarge: true),
    .box(48, 64, .cover),
    .box(48, 64, .cover, gravity: .northwest),
    .box(90, 90, .pad, gravity: .southeast),
    .box(50, 90, .stretch),
    .longestSide(100, sides: .multiples(of: 16)),
    .longestSide(100, sides: .multiples(of: 64, .pad)),
  ]

  @Test(
    "every point of a result maps to the source and back, and records survive JSON bit for bit",
    arguments: sizes, Orientation.allCases)
  func invertible(_ size: Recipe.Size, _ orientation: Orientation) throws {
    let source = ImageSize(width: 160, height: 120)
    let record = try GeometryRecord.resolve(source: source, orientation: orientation, recipe: Recipe(size: size)).record
    let storedSize = orientation.swapsSides ? source.transposed : source
    var (inside, outside, moved) = (0, 0, 0)
    for y in 0..<record.canvas.height {
      for x in 0..<record.canvas.width {
        let (x, y) = (Double(x) + 0.5, Double(y) + 0.5)
        guard let point = record.sourcePoint(x: x, y: y) else { continue }
        inside += 1
        let stored = record.storedPoint(x: point.x, y: point.y)
        if !Self.contains(source, point.x, point.y) || !Self.contains(storedSize, stored.x, stored.y) { outside += 1 }
        let back = try #require(record.resultPoint(x: point.x, y: point.y))
        if abs(back.x - x) >= 1e-9 || abs(back.y - y) >= 1e-9 { moved += 1 }
      }
    }
    #expect(inside == record.content.pixelCount && outside == 0 && moved == 0)
    #expect(try JSONDecoder().decode(GeometryRecord.self, from: JSONEncoder().encode(record)) == record)
  }

  private static func contains(_ size: ImageSize, _ x: Double, _ y: Double) -> Bool {
    (0...Double(size.width)).contains(x) && (0...Double(size.height)).contains(y)
  }

  /// The corner of the stored image that each orientation shows at the top left (CIPA DC-008, tag 0x0112).
  @Test(
    "stored points are those of the orientation",
    arguments: [
      (Orientation.upright, (0.0, 0.0)), (.mirrored, (40, 0)), (.upsideDown, (40, 30)), (.flipped, (0, 30)),
      (.transposed, (0, 0)), (.turnRight, (0, 40)), (.transversed, (30, 40)), (.turnLeft, (30, 0)),
    ])
  func stored(_ orientation: Orientation, _ corner: (x: Double, y: Double)) throws {
    let upright = ImageSize(width: 40, height: 30)
    let record = try GeometryRecord.resolve(source: upright, orientation: orientation, recipe: Recipe()).record
    let point = record.storedPoint(x: 0, y: 0)
    #expect(point == corner)
  }

  @Test("restored, every pixel lies where it was, and nothing lies elsewhere", arguments: sizes, [1, 2])
  func restored(_ size: Recipe.Size, factor: Int) throws {
    let source = Self.ramp(ImageSize(width: 160, height: 120))
    let recipe = Recipe(size: size, output: .png())
    let preparer = ImagePreparer()
    let prepared = try preparer.prepareBlocking(.memory(try preparer.encodePNGBlocking(source)), as: recipe)
    // The service may return another size.
    let pixels = try preparer.pixelsBlocking(of: .memory(prepared.bytes))
    let answer = pixels.resized(to: ImageSize(width: pixels.size.width * factor, height: pixels.size.height * factor))
    let canvas = try preparer.restoreBlocking(.memory(try preparer.encodePNGBlocking(answer)), onto: prepared.geometry)
    #expect(canvas.size == source.size && canvas.channels == 4)
    let crop = prepared.geometry.crop
    var opaque = 0
    for y in 0..<120 {
      for x in 0..<160 {
        let (cx, cy) = (Double(x) + 0.5, Double(y) + 0.5)
        let at = (y * 160 + x) * 4
        let isKept =
          cx >= crop.x && cx <= crop.x + crop.width && cy >= crop.y && cy <= crop.y + crop.height
        guard isKept else {
          #expect(Array(canvas.samples[at..<at + 4]) == [0, 0, 0, 0], "\(x), \(y)")
          continue
        }
        opaque += 1
        // The ramp grows by 1.6 and 2.1 levels for each pixel, so a shift by one pixel is visible. At the ends it is flat over the width of
        // a filter.
        let edge = min(cx - crop.x, crop.x + crop.width - cx, cy - crop.y, crop.y + crop.height - cy)
        for c in 0..<3 {
          let distance = abs(Int(canvas.samples[at + c]) - Int(source.samples[(y * 160 + x) * 3 + c]))
          // In a padded image the white bars change the pixels at the edge, over the width of a filter.
          if edge < 12, prepared.geometry.content != prepared.geometry.canvas { continue }
          #expect(distance <= (edge < 12 ? 8 : 2), "\(x), \(y), channel \(c)")
        }
        #expect(edge < 12 || canvas.samples[at + 3] == 255)
      }
    }
    #expect(opaque > 160 * 120 / 4)
  }

  @Test("transparent borders are trimmed, recorded, and there again after restoring")
  func trimmed() throws {
    // Opaque are the pixels 40…99 × 30…79 of 160×120. One pixel further left is nearly transparent.
    var samples = [UInt8](repeating: 0, count: 160 * 120 * 4)
    for y in 30..<80 {
      for x in 40..<100 {
        samples.replaceSubrange((y * 160 + x) * 4..<(y * 160 + x) * 4 + 4, with: [200, 100, 50, 255])
      }
    }
    samples[(50 * 160 + 36) * 4 + 3] = 1
    let source = PixelImage<UInt8>(size: ImageSize(width: 160, height: 120), channels: 4, samples: samples)
    let preparer = ImagePreparer()
    let bytes = ImageSource.memory(try preparer.encodePNGBlocking(source))
    var recipe = Recipe(size: .longestSide(1536, trim: true))
    let prepared = try preparer.prepareBlocking(bytes, as: recipe)
    #expect(prepared.size == ImageSize(width: 64, height: 50))
    #expect(prepared.geometry.crop == .init(x: 36, y: 30, width: 64, height: 50))
    #expect(prepared.geometry.source == source.size)
    #expect(prepared.notes.contains("trimmed to the 64x50 pixels that are not transparent"))
    let restored = try preparer.restoreBlocking(.memory(prepared.bytes), onto: prepared.geometry)
    #expect(restored == source)
    recipe.size = .longestSide(32, trim: true)
    #expect(try preparer.prepareBlocking(bytes, as: recipe).geometry.canvas == ImageSize(width: 32, height: 25))

    let clear = PixelImage<UInt8>(
      size: ImageSize(width: 9, height: 9), channels: 2, samples: Array(repeating: 0, count: 162))
    let error = #expect(throws: PreparationError.self) {
      try preparer.prepareBlocking(.memory(try preparer.encodePNGBlocking(clear)), as: recipe)
    }
    #expect(error?.code == .invalidRecipe)
    // This photograph has nothing to trim.
    #expect(try preparer.prepareBlocking(.file(Fixtures.path("jpeg/small-420.jpg")), as: recipe).geometry.crop.x == 0)
  }

  @Test("trimming knows which way is up", arguments: 1...8)
  func trimmedTurned(_ orientation: Int) throws {
    // A disc on a transparent ground, stored in each orientation. After trimming it is the same disc.
    let file = Fixtures.path("png/soft-alpha-rgba8.png")
    let plain = try ImagePreparer().pixelsBlocking(of: .file(file))
    let png = PNGFile(try Fixtures.bytes("png/exif-orientation-\(orientation).png"))
    let exif = try #require(png.chunks.first { $0.type == "eXIf" })
    var turned = PNGFile(try Fixtures.bytes("png/soft-alpha-rgba8.png"))
    turned.chunks.insert(exif, at: 1)
    var recipe = Recipe(size: .longestSide(1536, trim: true), output: .png())
    let prepared = try ImagePreparer().prepareBlocking(.memory(turned.bytes), as: recipe)
    recipe.size = .longestSide(1536)
    let upright = try ImagePreparer().pixelsBlocking(of: .memory(turned.bytes), as: recipe)
    #expect(prepared.source.orientation.rawValue == orientation)
    #expect(prepared.size.pixelCount < plain.size.pixelCount)
    let (crop, result) = (prepared.geometry.crop, try ImagePreparer().pixelsBlocking(of: .memory(prepared.bytes)))
    for y in 0..<result.size.height {
      let from = ((y + Int(crop.y)) * upright.size.width + Int(crop.x)) * 4
      let expected = upright.samples[from..<from + result.size.width * 4]
      #expect(result.samples[y * result.size.width * 4..<(y + 1) * result.size.width * 4] == expected)
    }
  }

  @Test("records that contradict themselves and canvases that take too much memory are refused")
  func refused() throws {
    let preparer = ImagePreparer()
    let image = ImageSource.memory(try preparer.encodePNGBlocking(Self.ramp(ImageSize(width: 16, height: 16))))
    let good = try GeometryRecord.resolve(
      source: ImageSize(width: 160, height: 120), orientation: .upright, recipe: Recipe()
    ).record
    let changes: [(inout GeometryRecord) -> Void] = [
      { $0.crop.width = 0 }, { $0.crop.x = -1 }, { $0.crop.height = .nan }, { $0.content.width = 0 },
      { $0.contentX = 100 }, { $0.source.width = 0 }, { $0.crop.width = 161 },
    ]
    for change in changes {
      var record = good
      change(&record)
      let error = #expect(throws: PreparationError.self) { try preparer.restoreBlocking(image, onto: record) }
      #expect(error?.code == .invalidRecipe)
    }
    var huge = good
    (huge.source, huge.crop.width) = (ImageSize(width: 900_000, height: 900_000), 160)
    let error = #expect(throws: PreparationError.self) { try preparer.restoreBlocking(image, onto: huge) }
    #expect(error?.code == .tooMuchMemory)
  }

  @Test(
    "a result of another shape is stretched only when that is asked for",
    arguments: [
      // The prepared image has 160 by 96 pixels. The service may round sides to multiples of 16.
      (160, 96, true), (320, 192, true), (320, 200, true), (640, 384, true), (160, 160, false), (96, 160, false),
      (320, 224, false), (288, 192, false),
    ])
  func otherShape(width: Int, height: Int, isSame: Bool) throws {
    let preparer = ImagePreparer()
    let source = Self.ramp(ImageSize(width: 160, height: 96))
    let prepared = try preparer.prepareBlocking(.memory(try preparer.encodePNGBlocking(source)), as: Recipe())
    let result = ImageSource.memory(
      try preparer.encodePNGBlocking(Self.ramp(ImageSize(width: width, height: height))))
    let canvas = try preparer.restoreBlocking(result, onto: prepared.geometry, stretching: true)
    #expect(canvas.size == source.size)
    do throws(PreparationError) {
      _ = try preparer.restoreBlocking(result, onto: prepared.geometry)
      #expect(isSame)
    } catch {
      #expect(!isSame && error.code == .invalidRecipe && error.remedy == .allowStretching)
    }
  }

  /// The expected pixels in float64: source over destination. From the edges that are within the source, the weight grows in equal steps.
  @Test(
    "composited, a result replaces the part that it was made from, and fades at edges within the source",
    arguments: [0, 1, 5, 40],
    [Recipe.Size.box(48, 64, .cover, gravity: .northwest), .box(48, 64, .cover), .longestSide(64)])
  func composited(feather: Int, size: Recipe.Size) throws {
    let preparer = ImagePreparer()
    let ramp = Self.ramp(ImageSize(width: 160, height: 120))
    let source = ImageSource.memory(try preparer.encodePNGBlocking(ramp))
    let record = try preparer.prepareBlocking(source, as: Recipe(size: size, output: .png())).geometry
    let canvas = record.canvas
    let answer = PixelImage(
      size: canvas, channels: 3, samples: [UInt8](repeating: 200, count: canvas.pixelCount * 3))
    let result = ImageSource.memory(try preparer.encodePNGBlocking(answer))
    let image = try preparer.compositeBlocking(result, onto: source, by: record, feather: feather)
    #expect(image.size == ramp.size && image.channels == 3)
    let crop = record.crop
    let edges = [
      crop.x > 0.5 ? crop.x : -1e9, crop.y > 0.5 ? crop.y : -1e9,
      crop.x + crop.width < 159.5 ? crop.x + crop.width : 1e9,
      crop.y + crop.height < 119.5 ? crop.y + crop.height : 1e9,
    ].map { $0.rounded() }
    var wrong = 0
    for y in 0..<120 {
      for x in 0..<160 {
        let (px, py) = (Double(x) + 0.5, Double(y) + 0.5)
        let distance = min(px - edges[0], py - edges[1], edges[2] - px, edges[3] - py)
        let weight = distance < 0 ? 0 : feather == 0 ? 1 : min(1, distance / Double(feather))
        for c in 0..<3 {
          let at = (y * 160 + x) * 3 + c
          let expected = 200 * weight + Double(ramp.samples[at]) * (1 - weight)
          if abs(Double(image.samples[at]) - expected) > 0.51 { wrong += 1 }
        }
      }
    }
    #expect(wrong == 0)
  }

  @Test("transparent parts of the source stay, and a source of another size is refused")
  func compositedOntoAlpha() throws {
    let preparer = ImagePreparer()
    let size = ImageSize(width: 40, height: 30)
    let clear = PixelImage(size: size, channels: 4, samples: [UInt8](repeating: 0, count: size.pixelCount * 4))
    let source = ImageSource.memory(try preparer.encodePNGBlocking(clear))
    let record = try preparer.prepareBlocking(source, as: Recipe(size: .box(20, 30, .cover), output: .png())).geometry
    let answer = PixelImage(
      size: record.canvas, channels: 3, samples: [UInt8](repeating: 9, count: record.canvas.pixelCount * 3))
    let result = ImageSource.memory(try preparer.encodePNGBlocking(answer))
    let image = try preparer.compositeBlocking(result, onto: source, by: record)
    let alphas = stride(from: 3, to: image.samples.count, by: 4).map { image.samples[$0] }
    #expect(image.channels == 4 && alphas.count { $0 == 255 } == 20 * 30 && alphas.count { $0 == 0 } == 20 * 30)
    let other = ImageSource.memory(try preparer.encodePNGBlocking(Self.ramp(ImageSize(width: 41, height: 30))))
    let error = #expect(throws: PreparationError.self) {
      try preparer.compositeBlocking(result, onto: other, by: record)
    }
    #expect(error?.code == .invalidRecipe)
  }
}
