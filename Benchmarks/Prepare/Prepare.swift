import Benchmark
import BenchmarkSources
import ImagePreparation

/// Measures file to file, in memory: the default recipe, with one thread and with two.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(metrics: [.wallClock, .peakMemoryResident], maxDuration: .seconds(2))
  for path in SourceFiles.all {
    for threads in [1, 2] {
      Benchmark("prepare \(SourceFiles.name(path)) threads \(threads)") { benchmark in
        let preparer = ImagePreparer(limits: Limits(threads: threads))
        for _ in benchmark.scaledIterations { blackHole(try preparer.prepareBlocking(.file(path))) }
      }
    }
  }
}
