import Benchmark
import BenchmarkSources
import ImagePreparation

/// Measures file to pixels at full size: decoding, and conversion to RGB if the file is YCbCr.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(metrics: [.wallClock, .peakMemoryResident], maxDuration: .seconds(2))
  for path in SourceFiles.all {
    Benchmark("decode \(SourceFiles.name(path))") { benchmark in
      for _ in benchmark.scaledIterations { blackHole(try SourceFiles.pixels(path)) }
    }
  }
}
