internal import CImageCodecs

/// The divisor of both sides by which libjpeg-turbo shrinks an image while decoding.
enum JPEGScale: Int, Sendable, CaseIterable {
  case full = 1
  case half = 2
  case quarter = 4
  case eighth = 8

  /// The size of the delivered image: sides divided and rounded up.
  func applied(to size: ImageSize) -> ImageSize {
    ImageSize(width: (size.width + rawValue - 1) / rawValue, height: (size.height + rawValue - 1) / rawValue)
  }
}

/// Decodes a JPEG a few rows at a time, through libjpeg-turbo.
///
/// The initializer reads the headers. ``start(scale:output:)`` chooses the output and allocates memory. Then rows come from top to
/// bottom.
struct JPEGDecoder: RowDecoder, ~Copyable {
  /// The content of rows.
  enum Output: Sendable {
    /// Luma alone, for gray, YCbCr and RGB files.
    case gray
    /// RGB, for gray, YCbCr and RGB files.
    case rgb
    /// Four inks, 255 = full ink, for CMYK and YCCK files.
    case cmyk
  }

  let description: ImageDescription
  /// The layout of rows. Before ``start(scale:output:)`` it is that of full scale in the file's own colors.
  private(set) var layout: RowLayout
  /// Width and height of the delivered image.
  private(set) var outputSize: ImageSize
  /// The bytes of all coefficients of a file with several scans (progressive, or one scan per component), which libjpeg-turbo keeps at
  /// any scale; 0 for other files.
  let wholeImageBytes: Int
  /// Sampling factors of each component: horizontal, vertical (T.81 A.1.1).
  let samplingFactors: [(horizontal: Int, vertical: Int)]

  let handle: JPEGDecoderHandle
  let failure: CodecFailure
  private var scale = JPEGScale.full
  private var nextRow = 0
  private var firstFilledRow: Int?

  /// Reads the headers.
  ///
  /// - Throws: A ``PreparationError`` of stage `decode`: `tooManyPixels`, `limitExceeded`, `unsupportedFeature`,
  ///   `truncated`, `corrupt`, `warning`, `unreadable`, `canceled`.
  init(
    _ source: consuming ByteSource, limits: Limits = Limits(), policy: DamagePolicy = .truncated
  ) throws(PreparationError) {
    var failure = CodecFailure(format: .jpeg, policy: policy, limits: limits)
    let handle = try JPEGDecoderHandle(source, limits: limits, policy: policy)
    var header = unsafe cic_jpeg_header()
    let status = unsafe cic_jpeg_read_header(handle.pointer, &header)
    let size = unsafe ImageSize(width: Int(header.width), height: Int(header.height))
    try limits.check(size)
    guard status == .CIC_OK else { throw failure.error(status, handle.report) }
    guard let colorModel = ImageDescription.ColorModel(unsafe header.color) else {
      throw PreparationError(
        .unsupportedFeature, stage: .decode, "a JPEG of \(unsafe header.components) components is not supported",
        remedy: CodecFailure.convert)
    }
    failure.rowCount = size.height
    self.failure = failure
    description = unsafe ImageDescription(header, size: size, colorModel: colorModel)
    samplingFactors = unsafe header.samplingFactors
    wholeImageBytes = unsafe Int(header.whole_image_bytes)
    outputSize = size
    let channels: RowLayout.Channels =
      switch colorModel {
      case .gray: .gray
      case .cmyk, .ycck: .cmyk
      default: .rgb
      }
    layout = RowLayout(channels: channels, bitDepth: 8, width: size.width)
    self.handle = handle
  }

  /// The damage that was overlooked so far.
  var damage: DecodingDamage {
    failure.damage(handle.report, filledRow: firstFilledRow, scale: scale.rawValue)
  }

  /// Chooses the scale and the colors of the rows, and reads all scans of a file with several. With `output` nil the colors are the
  /// file's own: gray, RGB or CMYK.
  ///
  /// - Throws: A ``PreparationError`` of stage `decode`; `tooMuchMemory` before any memory is allocated.
  mutating func start(scale: JPEGScale = .full, output: Output? = nil) throws(PreparationError) {
    let isCMYK = layout.channels == .cmyk
    let output = output ?? (isCMYK ? .cmyk : layout.channels == .gray ? .gray : .rgb)
    precondition((output == .cmyk) == isCMYK, "\(description.colorModel) cannot be delivered as \(output)")
    let (code, channels): (cic_jpeg_output, RowLayout.Channels) =
      switch output {
      case .gray: (.CIC_JPEG_OUT_GRAY, .gray)
      case .rgb: (.CIC_JPEG_OUT_RGB, .rgb)
      case .cmyk: (.CIC_JPEG_OUT_CMYK, .cmyk)
      }
    let configured = try configure(scale: scale, output: code)
    layout = RowLayout(channels: channels, bitDepth: 8, width: Int(configured.width))
    try startCodec()
  }

  /// Chooses the form of the output, and reads nothing.
  mutating func configure(scale: JPEGScale, output: cic_jpeg_output) throws(PreparationError) -> cic_jpeg_layout {
    var configured = cic_jpeg_layout()
    let status = unsafe cic_jpeg_configure(handle.pointer, UInt32(scale.rawValue), output, &configured)
    guard status == .CIC_OK else { throw failure.error(status, handle.report) }
    self.scale = scale
    outputSize = ImageSize(width: Int(configured.width), height: Int(configured.height))
    return configured
  }

  /// Starts libjpeg-turbo, which reads all scans of a file with several.
  func startCodec() throws(PreparationError) {
    try failure.limits.check(
      bytes: wholeImageBytes, of: "decoding this \(description.isProgressive ? "progressive" : "multi-scan") JPEG",
      or: "make it baseline first: jpegtran IN > OUT")
    let status = unsafe cic_jpeg_start(handle.pointer)
    guard status == .CIC_OK else {
      let report = handle.report
      throw failure.error(status, report, isFinal: status == .CIC_CORRUPT && report.isHopeless)
    }
  }

  mutating func readRows(
    into base: UnsafeMutableRawPointer, stride: Int, count: Int
  ) throws(PreparationError) -> Int {
    let wanted = min(count, outputSize.height - nextRow)
    guard wanted > 0 else { return 0 }
    var written = 0
    if firstFilledRow == nil {
      let bytes = unsafe base.assumingMemoryBound(to: UInt8.self)
      let status = unsafe cic_jpeg_read_rows(handle.pointer, bytes, stride, wanted, &written)
      if status != .CIC_OK {
        guard failure.isOverlooked(status) else { throw failure.error(status, handle.report) }
        firstFilledRow = nextRow + written
      }
    }
    unsafe layout.fillGray(base, stride: stride, rows: written..<wanted)
    nextRow += wanted
    return wanted
  }

  mutating func finish() throws(PreparationError) {
    guard firstFilledRow == nil else { return }
    let status = unsafe cic_jpeg_finish(handle.pointer)
    guard status == .CIC_OK || failure.isOverlooked(status) else { throw failure.error(status, handle.report) }
  }
}

/// Owns one C decoder and the source it reads.
@safe
struct JPEGDecoderHandle: ~Copyable {
  let pointer: OpaquePointer
  private let source: ByteSource

  init(
    _ source: consuming ByteSource, limits: Limits, policy: DamagePolicy
  ) throws(PreparationError) {
    let codecLimits = cic_jpeg_limits(
      policy: policy.codecPolicy, max_scans: Int32(clamping: limits.maxScans),
      max_profile_bytes: limits.maxProfileBytes, max_metadata_bytes: limits.maxMetadataBytes,
      max_memory: limits.maxMemory)
    let flag = unsafe source.cancellation?.pointer
    guard let pointer = unsafe cic_jpeg_decoder_create(source.pointer, flag, codecLimits) else {
      throw .outOfMemory("the JPEG decoder")
    }
    unsafe self.pointer = pointer
    self.source = source
  }

  deinit { unsafe cic_jpeg_decoder_destroy(pointer) }

  var report: CodecReport { unsafe CodecReport(cic_jpeg_decoder_report(pointer)) }
}

// A decoder has one owner and may move between threads.
extension JPEGDecoderHandle: @unchecked Sendable {}

extension ImageDescription.ColorModel {
  fileprivate init?(_ color: cic_jpeg_color) {
    switch color {
    case .CIC_JPEG_GRAY: self = .gray
    case .CIC_JPEG_YCBCR: self = .ycbcr
    case .CIC_JPEG_RGB: self = .rgb
    case .CIC_JPEG_CMYK: self = .cmyk
    case .CIC_JPEG_YCCK: self = .ycck
    case .CIC_JPEG_OTHER: return nil
    }
  }
}

extension ImageDescription {
  fileprivate init(_ header: cic_jpeg_header, size: ImageSize, colorModel: ColorModel) {
    self.init(format: .jpeg, storedSize: size, bitDepth: 8, colorModel: colorModel)
    unsafe setICCProfile(header.icc, header.icc_count)
    if unsafe header.icc_state == .CIC_ICC_BROKEN {
      notes.append("the embedded color profile is incomplete and was ignored")
    }
    if colorModel == .ycbcr { subsampling = Self.subsamplingName(unsafe header.samplingFactors) }
    isProgressive = unsafe header.progressive
    restartInterval = unsafe Int(header.restart_interval)
    adobeTransform = unsafe header.adobe_transform >= 0 ? Int(header.adobe_transform) : nil
    hasXMP = unsafe header.has_xmp
    hasText = unsafe header.has_comment
    if let text = unsafe header.comment {
      comment = unsafe Array(UnsafeBufferPointer(start: text, count: header.comment_count))
    }
    var segments: [ArraySlice<UInt8>] = []
    if let first = unsafe header.segments {
      var rest = unsafe Array(UnsafeBufferPointer(start: first, count: header.segments_count))[...]
      while rest.count >= 4 {
        let count = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        segments.append(rest.dropFirst(4).prefix(count))
        rest = rest.dropFirst(4 + count)
      }
    }
    let first = unsafe header.exif.map { unsafe Array(UnsafeBufferPointer(start: $0, count: header.exif_count)) }
    let further = segments.filter { $0.starts(with: "Exif\0\0".utf8) }.map(Array.init)
    let packet = unsafe header.xmp.map { unsafe Array(UnsafeBufferPointer(start: $0, count: header.xmp_count)) }
    setMetadata(exif: (first.map { [$0] } ?? []) + further, xmp: packet.map { [$0] } ?? [])
    if unsafe header.has_gain_map { hasGainMap = true }
    setLocation(
      LocationReader(exif: first, xmp: xmp, segments: segments, isCut: unsafe header.segments_are_cut))
  }

  /// The common name (J:a:b) of the sampling factors of Y, Cb and Cr.
  private static func subsamplingName(_ factors: [(horizontal: Int, vertical: Int)]) -> String {
    let (luma, blue, red) = (factors[0], factors[1], factors[2])
    guard blue == red, luma.horizontal % blue.horizontal == 0, luma.vertical % blue.vertical == 0 else {
      return "other"
    }
    return switch (luma.horizontal / blue.horizontal, luma.vertical / blue.vertical) {
    case (1, 1): "4:4:4"
    case (2, 1): "4:2:2"
    case (2, 2): "4:2:0"
    case (1, 2): "4:4:0"
    case (4, 1): "4:1:1"
    case (4, 2): "4:1:0"
    default: "other"
    }
  }
}

extension cic_jpeg_header {
  fileprivate var samplingFactors: [(horizontal: Int, vertical: Int)] {
    let (h, v) = unsafe (h_sampling, v_sampling)
    let all = [(h.0, v.0), (h.1, v.1), (h.2, v.2), (h.3, v.3)]
    return unsafe all.prefix(Int(components)).map { (Int($0.0), Int($0.1)) }
  }
}

extension RowLayout {
  /// Fills rows that could not be decoded with opaque mid gray.
  func fillGray(_ base: UnsafeMutableRawPointer, stride: Int, rows: Range<Int>) {
    let pixel: [UInt8] =
      switch channels {
      case .gray: [128]
      case .grayAlpha: [128, 255]
      case .rgb: [128, 128, 128]
      case .rgba: [128, 128, 128, 255]
      case .cmyk: [0, 0, 0, 127]
      }
    let sampleBytes = bitDepth / 8
    for y in rows {
      for x in 0..<rowBytes {
        unsafe base.storeBytes(of: pixel[x / sampleBytes % pixel.count], toByteOffset: y * stride + x, as: UInt8.self)
      }
    }
  }
}
