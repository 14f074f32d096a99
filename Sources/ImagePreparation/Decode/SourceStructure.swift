/// The parts of a file's headers that are not in its description.
struct SourceStructure: Sendable {
  /// The bytes that the codec allocates at once for a file that cannot be decoded row by row; 0 for one that can.
  var wholeImageBytes: Int
  /// The planes that can be delivered instead of rows; nil for none.
  var planes: PlaneStructure?
}

/// The planes of Y, Cb and Cr, or of luma alone, that a source can deliver.
struct PlaneStructure: Sendable {
  /// The sampling factors of each plane.
  let samplingFactors: [(horizontal: Int, vertical: Int)]
  /// The range of their samples.
  let range: SampleRange
  /// As ``SourceStructure/wholeImageBytes``, if planes are delivered.
  let wholeImageBytes: Int
  /// The bytes that the codec needs for each strip between reading and completing it.
  let bytesPerStrip: Int
  /// True if planes are delivered only for a resize of colors. An image that is not resized, and data, are delivered as rows, with the
  /// chroma upsampling of the codec.
  let isForResizeOnly: Bool
  /// As ``DecodingPlan/independentStrips``, for a flawless file.
  var independentStrips: Int?

  /// The rows of luma for each row of a plane, if these are whole numbers.
  func rowsOfLuma(_ plane: Int) -> Int { samplingFactors[0].vertical / samplingFactors[plane].vertical }
}
