// swift-tools-version: 6.2
import PackageDescription

// Scripts/fuzz gives the flags that instrument all modules below.
/// An executable that libFuzzer drives.
func fuzzTarget(_ name: String) -> Target {
  .executableTarget(
    name: name, dependencies: ["Driver", .product(name: "ImagePreparation", package: "gesso")], path: name,
    linkerSettings: [.unsafeFlags(["-use-ld=lld", "-sanitize=fuzzer,address"])])
}

let package = Package(
  name: "gesso-fuzzing",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "gesso", path: "../..", traits: [])],
  targets: [
    .target(name: "Driver", path: "Driver"),
    fuzzTarget("Preparation"),
    fuzzTarget("PNGStrips"),
    fuzzTarget("JPEGPlanes"),
    fuzzTarget("Kinds"),
    fuzzTarget("HelperReplies"),
    fuzzTarget("Metadata"),
    fuzzTarget("Recipes"),
  ]
)
