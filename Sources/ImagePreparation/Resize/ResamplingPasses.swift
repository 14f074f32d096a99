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

  /// Takes the next part of the first `rowsArrived` source rows. Before the next call, the caller makes all rows that are ready, except
  /// those of an incomplete group.
  ///
  /// - Returns: False when there is nothing to take.
  func take(rowsArrived: Int, ring: RowRing) -> Bool

  /// Makes a group of output rows, or the last rows: straight samples of the result's depth, in rows that begin `stride` bytes apart.
  func makeRows(_ rows: Range<Int>, output: UnsafeMutableRawPointer, stride: Int)
}

extension ResamplingPlan {
  /// The next `count` output rows after the first `done` ones, or fewer at the end. Nil if their windows do not lie within the first
  /// `rowsArrived` source rows.
  func nextRows(_ count: Int, after done: Int, rowsArrived: Int) -> Range<Int>? {
    let rows = done..<min(done + count, output.height)
    return !rows.isEmpty && rows.allSatisfy { vertical.window($0).upperBound <= rowsArrived } ? rows : nil
  }
}
