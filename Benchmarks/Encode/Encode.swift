import Benchmark
import BenchmarkSources
import ImagePreparation

/// Measures pixels to the bytes of a file, at the size that a model takes.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(metrics: [.wallClock], maxDuration: .seconds(2))
  let path = SourceFiles.all[0]
  @Sendable func small() throws -> PixelImage<UInt8> { try ImagePreparer().pixelsBlocking(of: .file(path)) }

  for subsampling in Recipe.Subsampling.allCases {
    Benchmark("encode JPEG q92 \(subsampling.rawValue)") { benchmark in
      let image = try small()
      benchmark.startMeasurement()
      for _ in benchmark.scaledIterations {
        blackHole(try ImagePreparer().encodeJPEGBlocking(image, quality: 92, subsampling: subsampling))
      }
    }
  }
  for compression in Recipe.Compression.allCases {
    Benchmark("encode PNG \(compression.rawValue)") { benchmark in
      let image = try small()
      benchmark.startMeasurement()
      for _ in benchmark.scaledIterations {
        blackHole(try ImagePreparer().encodePNGBlocking(image, compression: compression))
      }
    }
  }
}
