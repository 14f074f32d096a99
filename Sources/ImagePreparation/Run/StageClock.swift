/// Adds up the wall-clock time that a run spends in each stage.
struct StageClock {
  private var now: ContinuousClock.Instant
  private let start: ContinuousClock.Instant
  private var current: Stage?
  private var spent: [Stage: Duration] = [:]

  /// Starts the clock.
  init() {
    start = .now
    now = start
  }

  /// Ends the current stage, if any, and begins `stage`.
  mutating func enter(_ stage: Stage?) {
    guard stage != current else { return }
    let instant = ContinuousClock.now
    if let current { spent[current, default: .zero] += instant - now }
    now = instant
    current = stage
  }

  /// Adds time that another thread spent in `stage`.
  mutating func add(_ time: Duration, to stage: Stage) { spent[stage, default: .zero] += time }

  /// The milliseconds spent so far; ends the current stage.
  mutating func timings() -> PreparedImage.Timings {
    enter(nil)
    var timings = PreparedImage.Timings()
    timings.decode = milliseconds(.open) + milliseconds(.decode)
    timings.resize = milliseconds(.resize)
    timings.color = milliseconds(.orient) + milliseconds(.color)
    timings.encode = milliseconds(.encode)
    timings.total = (ContinuousClock.now - start) / .milliseconds(1)
    return timings
  }

  private func milliseconds(_ stage: Stage) -> Double {
    (spent[stage] ?? .zero) / .milliseconds(1)
  }
}
