import Benchmark
import BenchmarkSources
import ImagePreparation

/// Pixels to pixels: the longest side becomes a quarter, with every filter.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(metrics: [.wallClock], maxDuration: .seconds(2))
  for path in SourceFiles.all.prefix(1) {
    for filter in ResamplingFilter.allCases {
      Benchmark("resample \(SourceFiles.name(path)) \(filter.rawValue)") { benchmark in
        let image = try SourceFiles.pixels(path)
        let target = ImageSize(width: max(1, image.size.width / 4), height: max(1, image.size.height / 4))
        benchmark.startMeasurement()
        for _ in benchmark.scaledIterations { blackHole(try image.resized(to: target, resamplingFilter: filter)) }
      }
    }
  }
}
