import Foundation
import ImagePreparation
import TestSupport
import Testing

/// Crops by attention are compared with subjects that a person marked.
@Suite("Attention")
struct AttentionTests {
  /// A photograph whose subject must stay in the crop. The crop is made along the longer axis.
  struct Task {
    let name: String
    let image: PixelImage<UInt8>
    /// The range of the subject along that axis.
    let subject: Range<Int>
    /// True if that axis is horizontal.
    let isWide: Bool

    var length: Int { isWide ? image.size.width : image.size.height }
    /// The length of the crop: half the image, or for a longer subject, so much that a tenth more than the subject fits.
    var crop: Int { min(length, max((length + 1) / 2, (subject.count * 11 + 9) / 10)) }
    var box: ImageSize {
      isWide
        ? ImageSize(width: crop, height: image.size.height) : ImageSize(width: image.size.width, height: crop)
    }

    /// True if a crop from `start` on contains 9/10 of the subject.
    func keepsSubject(_ start: Double) -> Bool {
      let kept = min(start + Double(crop), Double(subject.upperBound)) - max(start, Double(subject.lowerBound))
      return kept >= 0.9 * Double(subject.count)
    }
  }

  /// The picture as it was taken, or cut so that the subject is not where photographers usually place it: three quarters of the part on one
  /// side of the subject are cut off.
  enum Framing: String { case asTaken, cut }

  /// 30 photographs in one framing.
  struct Sample: Hashable, CustomTestStringConvertible {
    /// A folder of the fixtures.
    let folder: String
    let framing: Framing
    /// The smallest number of subjects that must stay, which is the present number. `vipsthumbnail --smartcrop attention` of libvips 8.14.1
    /// keeps 16, 20, 17, 20, 15 and 22 of them.
    let least: Int
    var testDescription: String { "\(folder), \(framing)" }
  }

  /// The first folder served to choose the method. The second folder was tried a few times, and the third one once, with the final method.
  static let allSamples = [
    Sample(folder: "attention", framing: .asTaken, least: 29), Sample(folder: "attention", framing: .cut, least: 27),
    Sample(folder: "attention/second-set", framing: .asTaken, least: 23),
    Sample(folder: "attention/second-set", framing: .cut, least: 24),
    Sample(folder: "attention/third-set", framing: .asTaken, least: 28),
    Sample(folder: "attention/third-set", framing: .cut, least: 26),
  ]

  /// Without optimization only the photographs as they were taken are tested.
  #if DEBUG
  static let samples = allSamples.filter { $0.framing == .asTaken }
  #else
  static let samples = allSamples
  #endif

  static func tasks(_ sample: Sample) throws -> [Task] {
    let (folder, framing) = (sample.folder, sample.framing)
    let table = try String(decoding: Fixtures.bytes("\(folder)/subjects.tsv"), as: UTF8.self)
    return try table.split(separator: "\n").dropFirst().enumerated().map { index, line in
      let fields = line.split(separator: "\t")
      let edges = try fields[1...4].map { try #require(Int($0)) }
      let image = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path("\(folder)/photographs/\(fields[0]).jpg")))
      let isWide = image.size.width >= image.size.height
      let subject = isWide ? edges[0]..<edges[2] : edges[1]..<edges[3]
      var kept = 0..<image.size.longestSide
      if framing == .cut, index % 2 == 0 { kept = subject.lowerBound * 3 / 4..<kept.upperBound }
      if framing == .cut, index % 2 == 1 { kept = 0..<kept.upperBound - (kept.upperBound - subject.upperBound) * 3 / 4 }
      return Task(
        name: String(fields[0]), image: part(of: image, kept, isWide: isWide),
        subject: subject.lowerBound - kept.lowerBound..<subject.upperBound - kept.lowerBound, isWide: isWide)
    }
  }

  static func part(of image: PixelImage<UInt8>, _ range: Range<Int>, isWide: Bool) -> PixelImage<UInt8> {
    let (columns, rows) = isWide ? (range, 0..<image.size.height) : (0..<image.size.width, range)
    let samples = rows.flatMap { row in
      let start = row * image.size.width
      return image.samples[
        (start + columns.lowerBound) * image.channels..<(start + columns.upperBound) * image.channels]
    }
    return PixelImage(
      size: ImageSize(width: columns.count, height: rows.count), channels: image.channels, samples: samples)
  }

  /// The beginning of the crop of a task.
  static func start(_ task: Task, _ gravity: Gravity, preparer: ImagePreparer = ImagePreparer()) throws -> Double {
    let recipe = Recipe(size: .box(task.box.width, task.box.height, .cover, gravity: gravity), output: .jpeg())
    let source = ImageSource.memory(try preparer.encodePNGBlocking(task.image, compression: .fast))
    let crop = try preparer.prepareBlocking(source, as: recipe).geometry.crop
    return task.isWide ? crop.x : crop.y
  }

  /// The tasks of each sample, and the position at which attention's crop begins. All tests share these results.
  static let results: [Sample: Result<[(task: Task, start: Double)], any Error>] = Dictionary(
    uniqueKeysWithValues: samples.map { sample in
      (sample, Result { try tasks(sample).map { ($0, try start($0, .attention)) } })
    })

  @Test("the subject stays in most photographs", arguments: samples)
  func subjects(_ sample: Sample) throws {
    let results = try #require(Self.results[sample]).get()
    try #require(results.count == 30)
    let lost = results.filter { !$0.task.keepsSubject($0.start) }.map(\.task.name)
    let centered = results.filter { $0.task.keepsSubject(Double($0.task.length - $0.task.crop) / 2) }.count
    print("\(sample.testDescription): kept in \(30 - lost.count) of 30 (centered: \(centered)), lost: \(lost)")
    #expect(30 - lost.count >= sample.least, "\(lost)")
  }

  @Test("all instruction sets crop alike")
  func instructionSets() throws {
    for (task, _) in try #require(Self.results[Self.samples[0]]).get().prefix(4) {
      let starts = try InstructionSet.available.map {
        try Self.start(task, .attention, preparer: ImagePreparer(instructionSet: $0))
      }
      #expect(Set(starts).count == 1, "\(task.name)")
    }
  }

  /// An image of one gray, with a square of noise at the given position.
  static func spot(_ size: ImageSize, x: Int, y: Int, side: Int = 12, alpha: Bool = false) -> PixelImage<UInt8> {
    var random = SplitMix64(seed: 7)
    let channels = alpha ? 4 : 3
    var samples = [UInt8](repeating: alpha ? 0 : 90, count: size.pixelCount * channels)
    for row in y..<y + side {
      for column in x..<x + side {
        let i = (row * size.width + column) * channels
        for c in 0..<3 { samples[i + c] = UInt8.random(in: 0...255, using: &random) }
        if alpha { samples[i + 3] = 255 }
      }
    }
    return PixelImage(size: size, channels: channels, samples: samples)
  }

  static func crop(
    _ image: PixelImage<UInt8>, to box: ImageSize, trim: Bool = false
  ) throws -> GeometryRecord.SourceRect {
    let recipe = Recipe(
      size: .box(box.width, box.height, .cover, gravity: .attention, trim: trim), output: .png())
    return try ImagePreparer().prepareBlocking(.memory(ImagePreparer().encodePNGBlocking(image)), as: recipe).geometry
      .crop
  }

  @Test("a spot stays in, along either axis, and behind transparency")
  func spots() throws {
    let box = ImageSize(width: 40, height: 40)
    for (x, range) in [(4, 0.0...4), (90, 62.0...90), (144, 116.0...120)] {
      let wide = try Self.crop(Self.spot(ImageSize(width: 160, height: 40), x: x, y: 9), to: box)
      #expect(range.contains(wide.x) && wide.y == 0 && wide.width == 40, "\(wide)")
      let tall = try Self.crop(Self.spot(ImageSize(width: 40, height: 160), x: 9, y: x), to: box)
      #expect(range.contains(tall.y) && tall.x == 0 && tall.height == 40, "\(tall)")
      let clear = try Self.crop(Self.spot(ImageSize(width: 160, height: 40), x: x, y: 9, alpha: true), to: box)
      #expect(range.contains(clear.x), "\(clear)")
    }
  }

  /// The edge of the sky at which the clouds are.
  enum CloudyEdge: CaseIterable { case left, right, top, bottom }

  @Test("a kite in the sky stays in, whatever edge has clouds", arguments: CloudyEdge.allCases)
  func kite(_ edge: CloudyEdge) throws {
    let (length, breadth, place) = (240, 160, 167.0...183)
    let isWide = edge == .left || edge == .right
    let turned = edge == .right || edge == .bottom
    let sky = Self.sky(length: length, breadth: breadth)
    var image = PixelImage<UInt8>(
      size: isWide ? ImageSize(width: length, height: breadth) : ImageSize(width: breadth, height: length), channels: 3,
      samples: [UInt8](repeating: 0, count: length * breadth * 3))
    for (i, color) in sky.enumerated() {
      let (along, across) = (turned ? length - 1 - i % length : i % length, i / length)
      let pixel = isWide ? across * length + along : along * breadth + across
      for c in 0..<3 { image.samples[pixel * 3 + c] = color[c] }
    }
    let crop = try Self.crop(
      image, to: isWide ? ImageSize(width: 120, height: 160) : ImageSize(width: 160, height: 120))
    let start = isWide ? crop.x : crop.y
    let kept = turned ? Double(length) - start - 120...Double(length) - start : start...start + 120
    #expect(kept.lowerBound <= place.lowerBound && kept.upperBound >= place.upperBound, "\(crop)")
  }

  /// A blue sky whose rows have `length` pixels. Soft clouds are at the beginning of the rows, and a small red and yellow kite is at 175 of
  /// 240 pixels.
  static func sky(length: Int, breadth: Int) -> [SIMD4<UInt8>] {
    var random = SplitMix64(seed: 7)
    let puffs = (0..<24).map { _ in
      (
        x: Double.random(in: 0...45, using: &random), y: Double.random(in: 0...Double(breadth), using: &random),
        radius: Double.random(in: 8...28, using: &random)
      )
    }
    return (0..<length * breadth).map { i in
      let (x, y) = (Double(i % length), Double(i / length))
      if abs(x - 175) / 8 + abs(y - 60) / 10 < 1 { return x < 175 ? SIMD4(250, 200, 30, 0) : SIMD4(225, 40, 30, 0) }
      let cloud = puffs.map { puff in
        1 - ((x - puff.x) * (x - puff.x) + (y - puff.y) * (y - puff.y)) / (puff.radius * puff.radius)
      }
      .reduce(0, max)
      let (share, shadow) = (min(1, 1.5 * cloud), Double.random(in: 0...40, using: &random))
      let clear = SIMD4(40 + 0.25 * y, 105 + 0.35 * y, 190 + 0.2 * y, 0)
      return SIMD4<UInt8>(clear + (SIMD4(repeating: 250 - shadow) - clear) * share)
    }
  }

  @Test("a note names the columns and rows that attention kept, and only where it cropped")
  func note() throws {
    let wide = Self.spot(ImageSize(width: 160, height: 40), x: 90, y: 9)
    let source = ImageSource.memory(try ImagePreparer().encodePNGBlocking(wide))
    func notes(_ size: Recipe.Size) throws -> [String] {
      let image = try ImagePreparer().prepareBlocking(source, as: Recipe(size: size, output: .png()))
      #expect(image.notes == image.plan.notes)
      return image.notes
    }
    let left = Int(try Self.crop(wide, to: ImageSize(width: 40, height: 40)).x.rounded())
    #expect(
      try notes(.box(40, 40, .cover, gravity: .attention)) == ["attention kept columns \(left) to \(left + 40) of 160"])
    #expect(try notes(.box(40, 10, .cover, gravity: .attention)) == [])
    #expect(try notes(.box(40, 40, .cover)) == [])
    let corner = Self.spot(ImageSize(width: 120, height: 120), x: 60, y: 60, side: 32, alpha: true)
    let trimmed = try ImagePreparer().prepareBlocking(
      .memory(ImagePreparer().encodePNGBlocking(corner)),
      as: Recipe(size: .box(32, 16, .cover, gravity: .attention, trim: true), output: .png()))
    let part = trimmed.geometry.crop
    #expect(
      trimmed.notes.contains(
        "attention kept columns 60 to 92 of 120 and rows \(Int(part.y.rounded())) to \(Int((part.y + 16).rounded())) of 120"
      ),
      "\(trimmed.notes)")
  }

  @Test("the crop is in the middle where nothing is salient or cropped, and in the thinnest images")
  func middle() throws {
    let flat = PixelImage<UInt8>(
      size: ImageSize(width: 90, height: 30), channels: 1, samples: [UInt8](repeating: 7, count: 2700))
    #expect(try Self.crop(flat, to: ImageSize(width: 30, height: 30)).x == 30)
    #expect(try Self.crop(flat, to: ImageSize(width: 30, height: 10)).width == 90)
    let line = PixelImage<UInt8>(
      size: ImageSize(width: 5000, height: 1), channels: 3, samples: [UInt8](repeating: 7, count: 15000))
    #expect(try Self.crop(line, to: ImageSize(width: 1, height: 1)).x == 2499.5)
    let dot = PixelImage<UInt8>(size: ImageSize(width: 1, height: 1), channels: 1, samples: [7])
    #expect(try Self.crop(dot, to: ImageSize(width: 1, height: 1)).width == 1)
  }

  @Test("trimmed parts are ignored")
  func trimmed() throws {
    // Two spots on a transparent ground. The trimmed image begins at the first spot and ends at the second one, which is larger.
    var image = Self.spot(ImageSize(width: 300, height: 60), x: 100, y: 20, side: 16, alpha: true)
    let second = Self.spot(ImageSize(width: 300, height: 60), x: 240, y: 12, side: 32, alpha: true)
    for i in second.samples.indices where second.samples[i] != 0 { image.samples[i] = second.samples[i] }
    let crop = try Self.crop(image, to: ImageSize(width: 32, height: 32), trim: true)
    #expect(crop.y == 12 && crop.height == 32 && (236...240).contains(crop.x), "\(crop)")
  }

  @Test("turned photographs are cropped as they are seen", arguments: 2...8)
  func turned(_ orientation: Int) throws {
    let recipe = Recipe(size: .box(20, 40, .cover, gravity: .attention))
    let crops = try [1, orientation].map {
      try ImagePreparer().prepareBlocking(.file(Fixtures.path("png/exif-orientation-\($0).png")), as: recipe).geometry
        .crop
    }
    #expect(crops[0] == crops[1])
    #expect(crops[0].x != (113 - crops[0].width) / 2, "in the middle, this would show nothing")
  }
}
