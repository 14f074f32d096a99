internal import Ground

/// The rows of a vertical window on the working scale, each converted once. Row `y` is in slot `y % capacity`.
@safe
final class ConvertedRows<Sample: BitwiseCopyable> {
  private let rows: AlignedBuffer<Sample>
  private let rowSamples: Int
  private let capacity: Int
  private var end = 0

  /// Allocates memory for windows of up to `capacity` rows.
  init(capacity: Int, rowSamples: Int) {
    self.capacity = capacity
    self.rowSamples = rowSamples
    rows = AlignedBuffer(count: capacity * rowSamples, zeroed: false)
  }

  /// Row `y` of a converted window.
  func row(_ y: Int) -> UnsafePointer<Sample> { unsafe UnsafePointer(rows.base + y % capacity * rowSamples) }

  /// Converts the new rows of a window. Windows come from top to bottom.
  func advance(to window: Range<Int>, _ convert: (_ y: Int, _ output: UnsafeMutablePointer<Sample>) -> Void) {
    for y in max(window.lowerBound, end)..<max(window.upperBound, end) {
      unsafe convert(y, rows.base + y % capacity * rowSamples)
    }
    end = max(end, window.upperBound)
  }
}
