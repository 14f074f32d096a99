import Benchmark
import BenchmarkSources
import ImagePreparation

/// Measures a resize of a large photograph to between a tenth and twice its size, and to a quarter with every filter.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(metrics: [.wallClock], maxDuration: .seconds(2))
  let path = SourceFiles.all[0]
  @Sendable func resample(_ scale: Double, _ filter: ResamplingFilter) {
    Benchmark("resample \(SourceFiles.name(path)) \(filter.rawValue) × \(scale)") { benchmark in
      let image = try SourceFiles.pixels(path)
      func scaled(_ side: Int) -> Int { max(1, Int((Double(side) * scale).rounded())) }
      let target = ImageSize(width: scaled(image.size.width), height: scaled(image.size.height))
      benchmark.startMeasurement()
      for _ in benchmark.scaledIterations { blackHole(image.resized(to: target, resamplingFilter: filter)) }
    }
  }
  for scale in [0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2] { resample(scale, .lanczos3) }
  for filter in ResamplingFilter.allCases where filter != .lanczos3 { resample(0.25, filter) }
}
