// swift-tools-version: 6.2
import PackageDescription

/// One executable for each stage, so that a stage can be measured and compared alone.
///
/// The framework's plugin runs every executable of this package as a benchmark, and reports a crash for a program that is not a benchmark.
/// Programs that only measure are therefore targets of the package above, and Scripts/check-benchmarks checks that.
func stage(_ name: String) -> Target {
  .executableTarget(
    name: name,
    dependencies: [
      "BenchmarkSources",
      .product(name: "Benchmark", package: "benchmark"),
      .product(name: "ImagePreparation", package: "gesso"),
    ],
    path: name,
    plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
}

let package = Package(
  name: "gesso-benchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "gesso", path: "..", traits: []),
    // The interposers are left out: their counts are 0 on Linux unless the process is started in a special way.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    .target(
      name: "BenchmarkSources", dependencies: [.product(name: "ImagePreparation", package: "gesso")],
      path: "BenchmarkSources"),
    stage("Decode"), stage("Resample"), stage("Encode"), stage("Prepare"),
  ]
)
