/// The passes of one resize with their buffers. Each kind of passes has its own order and precision of the convolutions.
///
/// The plan decides which passes are used (``ResamplingPlan/Method``); no other code depends on their kinds.
protocol ResamplingPasses: AnyObject {
  /// Makes passes for a plan whose method is theirs.
  init(plan: ResamplingPlan, kernels: KernelTable)

  /// The bytes of their buffers.
  static func bytesNeeded(plan: ResamplingPlan) -> Int
  /// The largest number of source rows that are needed at once.
  static func window(plan: ResamplingPlan) -> Int
  /// The largest number of output rows that are not yet made although their windows have arrived.
  static func rowsHeldBack(plan: ResamplingPlan) -> Int

  /// Output rows that are made at a time; at the end there may be fewer.
  var rowsPerGroup: Int { get }
  /// The number of output rows that can be made so far.
  var rowsReady: Int { get }
  /// The first source row that is still needed.
  var firstNeededRow: Int { get }

  /// Takes the next part of the first `rowsArrived` source rows. Before the next call, all rows that are ready are made, except those
  /// of an incomplete group.
  ///
  /// - Returns: False when there is nothing to take.
  func take(rowsArrived: Int, ring: RowRing) -> Bool

  /// Makes output rows, a group or the last ones: straight samples of the result's depth, `stride` bytes a row.
  func makeRows(_ rows: Range<Int>, output: UnsafeMutableRawPointer, stride: Int)
}

extension ResamplingPlan {
  /// The next `count` output rows after the first `done` ones, fewer at the end, if their windows lie within the first `rowsArrived`
  /// source rows; otherwise nil.
  func nextRows(_ count: Int, after done: Int, rowsArrived: Int) -> Range<Int>? {
    let rows = done..<min(done + count, output.height)
    return !rows.isEmpty && rows.allSatisfy { vertical.window($0).upperBound <= rowsArrived } ? rows : nil
  }
}
