/// A plane of the small image, or all of it interleaved, whose rows are made from top to bottom.
protocol GrowingPlane: AnyObject {
  /// The plane; only its first ``rowsDone`` rows are valid.
  var result: Raster { get }
  /// The number of rows that are done.
  var rowsDone: Int { get }
}
