// swift-tools-version: 6.2
import PackageDescription

// Scripts/fuzz gives the flags that instrument all modules below. This package is separate from the targets for pixels, because those need
// no other package.
/// An executable that libFuzzer drives.
func fuzzTarget(_ name: String, _ modules: [String], _ others: [Target.Dependency] = []) -> Target {
  .executableTarget(
    name: name, dependencies: ["Driver"] + modules.map { .product(name: $0, package: "gesso") } + others, path: name,
    swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault")],
    linkerSettings: [.unsafeFlags(["-use-ld=lld", "-sanitize=fuzzer,address"])])
}

let package = Package(
  name: "gesso-client-fuzzing",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "gesso", path: "../../.."),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    .target(name: "Driver", path: "Driver"),
    fuzzTarget("Replies", ["ScenarioAPI"]),
    fuzzTarget("Rows", ["GessoPipeline"]),
    fuzzTarget("LedgerRows", ["GessoPipeline"], [.product(name: "GRDB", package: "GRDB.swift")]),
    // This target contains the files of the command that read the lines, because a module of another package cannot import an executable
    // (Scripts/fuzz).
    fuzzTarget("MCPLines", ["GessoPipeline", "ImagePreparation", "ScenarioAPI"]),
  ]
)
