internal import CImageCodecs
internal import CPixelIntrinsics
internal import Ground

/// One scan of a JPEG: its header, the tables in force, and the place of its entropy-coded bytes.
struct JPEGScan {
  /// The part of a scan's header that names a component and its tables (T.81 B.2.3).
  struct Component: Equatable {
    /// The component's index in the frame.
    var index: Int
    var dcTable: UInt8
    var acTable: UInt8
  }

  let components: [Component]
  /// The zigzag positions of its coefficients.
  let band: ClosedRange<Int>
  /// The lowest bit of these coefficients in earlier scans; 0 if there is no earlier scan of them.
  let highBit: Int
  /// The lowest bit of the coefficients after this scan.
  let lowBit: Int
  /// The MCUs between restart markers; 0 for none.
  private(set) var restartInterval = 0
  /// The Huffman codes by the class and number of DHT segments.
  private(set) var codes: [UInt8: HuffmanCode] = [:]
  /// The offset of the first entropy-coded byte in the ``ScanSource``.
  private(set) var start = 0
  /// The marker after the scan.
  private(set) var nextMarker: UInt8 = 0xD9

  /// Reads a header without its length; nil if it does not fit the frame.
  private init?(_ header: [UInt8], frame: JPEGFrame) {
    guard let count = header.first.map({ Int($0) }), 1...4 ~= count, header.count >= 4 + 2 * count else { return nil }
    var components: [Component] = []
    for k in 0..<count {
      let (identifier, tables) = (header[1 + 2 * k], header[2 + 2 * k])
      guard let index = frame.components.firstIndex(where: { $0.identifier == identifier }),
        index > components.last?.index ?? -1
      else { return nil }
      components.append(Component(index: index, dcTable: tables >> 4, acTable: 0x10 | tables & 15))
    }
    let (first, last, bits) = (Int(header[1 + 2 * count]), Int(header[2 + 2 * count]), header[3 + 2 * count])
    guard first <= last, last < 64 else { return nil }
    self.components = components
    band = first...last
    (highBit, lowBit) = (Int(bits >> 4), Int(bits & 15))
  }

  /// The most scans of a file: many more than encoders write, so that their buffers stay small.
  static let mostScans = 32

  /// Finds the scans of a file.
  ///
  /// - Parameters:
  ///   - coding: The header of the first scan, and the settings that apply there.
  ///   - frame: The same file's frame.
  ///   - codes: The Huffman codes that are defined before the first scan.
  ///   - source: The bytes after the first scan's header.
  ///   - kernels: The kernels to search with.
  ///   - limit: The most scans.
  /// - Returns: Nil if libjpeg-turbo has to handle a segment between the scans, or if the scans do not make the whole image.
  static func all(
    of coding: cic_jpeg_coding, frame: JPEGFrame, codes: [UInt8: HuffmanCode], source: ScanSource, kernels: KernelTable,
    limit: Int
  ) -> [JPEGScan]? {
    let header = unsafe withUnsafeBytes(of: coding.scan_header) { unsafe Array($0) }
    guard var scan = JPEGScan(header, frame: frame) else { return nil }
    scan.codes = codes
    scan.restartInterval = Int(coding.restart_interval)
    var progression = JPEGProgression(frame)
    guard progression.add(scan) else { return nil }
    if !frame.isProgressive && progression.isComplete { return [scan] }
    let window = ScanWindow(source, capacity: ScanSource.capacity)
    var scans: [JPEGScan] = []
    while true {
      guard scans.count < min(limit, mostScans), var at = end(of: scan, in: window, kernels: kernels),
        let next = window.marker(at: at)
      else { return nil }
      scan.nextMarker = next.code
      scans.append(scan)
      var (codes, restartInterval) = (scan.codes, scan.restartInterval)
      var following: JPEGScan?
      while following == nil {
        guard let (marker, end) = window.marker(at: at) else { return nil }
        if marker == 0xD9 { return progression.isComplete ? scans : nil }
        guard let length = window.bytes(at: end, count: 2) else { return nil }
        let count = Int(length[0]) << 8 | Int(length[1])
        guard count >= 2, let segment = window.bytes(at: end + 2, count: count - 2) else { return nil }
        at = end + count
        switch marker {
        case 0xC4:
          guard define(segment, in: &codes) else { return nil }
        case 0xDD:
          guard segment.count == 2 else { return nil }
          restartInterval = Int(segment[0]) << 8 | Int(segment[1])
        case 0xDA:
          guard let listed = segment.first, segment.count == 4 + 2 * Int(listed) else { return nil }
          following = JPEGScan(segment, frame: frame)
          guard following != nil else { return nil }
        default: return nil
        }
      }
      scan = following!
      scan.codes = codes
      scan.restartInterval = restartInterval
      scan.start = at
      guard progression.add(scan) else { return nil }
    }
  }

  /// The offset of the marker that ends a scan: the first one that is not the next restart marker of the scan. Nil if there is none.
  private static func end(of scan: JPEGScan, in window: ScanWindow, kernels: KernelTable) -> Int? {
    let scratch = AlignedBuffer<UInt8>(count: ScanSource.capacity + 8, zeroed: false)
    var at = scan.start
    var restarts = 0
    // At least two bytes are requested: the one after a 0xFF decides whether it begins a marker.
    while let found = unsafe window.view(at: at, atLeast: 2), let base = found.baseAddress {
      var written = 0
      var atMarker = false
      let read = unsafe kernels.decoding.remove_stuffing(base, found.count, scratch.base, &written, &atMarker)
      guard atMarker || read > 0 else { return nil }
      at += read
      guard atMarker else { continue }
      guard let (marker, end) = window.marker(at: at) else { return nil }
      guard marker == 0xD0 + UInt8(restarts & 7) else { return at }
      restarts += 1
      at = end
    }
    return nil
  }

  /// Reads the tables of a DHT segment (T.81 B.2.4.2); false if it is damaged.
  private static func define(_ segment: [UInt8], in codes: inout [UInt8: HuffmanCode]) -> Bool {
    var rest = segment[...]
    while !rest.isEmpty {
      guard rest.count >= 17, let key = rest.first, key >> 4 <= 1, key & 15 < 4 else { return false }
      let counts = [0] + rest.dropFirst().prefix(16)
      let total = counts.reduce(0) { $0 + Int($1) }
      rest = rest.dropFirst(17)
      guard total <= rest.count, let code = HuffmanCode(counts: counts, symbols: Array(rest.prefix(total))) else {
        return false
      }
      codes[key] = code
      rest = rest.dropFirst(total)
    }
    return true
  }
}

/// The bits of coefficients that the scans so far contain (T.81 G.1.1.1).
struct JPEGProgression {
  private let isProgressive: Bool
  /// For each component and zigzag position the lowest bit; nil before its first scan.
  private var lowBits: [[Int?]]

  init(_ frame: JPEGFrame) {
    isProgressive = frame.isProgressive
    lowBits = Array(repeating: Array(repeating: nil, count: 64), count: frame.components.count)
  }

  /// True when no bit of any coefficient is missing. libjpeg-turbo smooths an image that lacks some.
  var isComplete: Bool { lowBits.allSatisfy { $0.allSatisfy { $0 == 0 } } }

  /// Adds a scan; false if the coding process of the file (sequential or progressive) has no such scan, or the scan is out of order.
  mutating func add(_ scan: JPEGScan) -> Bool {
    let isDC = scan.band.lowerBound == 0
    if isProgressive {
      guard isDC ? scan.band.upperBound == 0 : scan.components.count == 1 else { return false }
      guard scan.lowBit <= 13, scan.highBit == 0 || scan.lowBit == scan.highBit - 1 else { return false }
    } else {
      guard scan.band == 0...63, scan.highBit == 0, scan.lowBit == 0 else { return false }
    }
    for component in scan.components {
      guard isDC || lowBits[component.index][0] != nil else { return false }
      for position in scan.band {
        guard lowBits[component.index][position] == (scan.highBit == 0 ? nil : scan.highBit) else { return false }
        lowBits[component.index][position] = scan.lowBit
      }
    }
    return true
  }
}
