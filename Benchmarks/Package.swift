// swift-tools-version: 6.2
import PackageDescription

/// One executable a stage, so that one can be measured and compared alone.
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
  traits: [.trait(name: "Submit", description: "Also measures the client, which needs other packages.")],
  dependencies: [
    .package(name: "gesso", path: "..", traits: [.trait(name: "Client", condition: .when(traits: ["Submit"]))]),
    // Without its interposers: what they count reads 0 on Linux without a special start.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    .target(
      name: "BenchmarkSources", dependencies: [.product(name: "ImagePreparation", package: "gesso")],
      path: "BenchmarkSources"),
    // Without the benchmark package: run by Scripts/bench-peers beside other tools and by Scripts/count-instructions.
    .executableTarget(
      name: "Measure", dependencies: [.product(name: "ImagePreparation", package: "gesso")], path: "Measure"),
    .executableTarget(
      name: "Submit",
      dependencies: [
        .product(name: "ScenarioAPI", package: "gesso", condition: .when(traits: ["Submit"])),
        .product(name: "ScenarioSandbox", package: "gesso", condition: .when(traits: ["Submit"])),
      ], path: "Submit"),
    stage("Decode"), stage("Resample"), stage("Encode"), stage("Prepare"),
  ]
)
