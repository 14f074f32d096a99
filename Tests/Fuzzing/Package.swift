// swift-tools-version: 6.2
// libFuzzer targets for everything that reads bytes of strangers. Apart from the package, so that nobody else builds them.
//
//   cd Tests/Fuzzing
//   swift build --sanitize fuzzer --sanitize address
//   .build/debug/FuzzJPEG -max_total_time=60 CORPUS ../../Fixtures/jpeg/coded ../../Fixtures/corrupt
//
// A find becomes a file of Fixtures/corrupt, named after its cause; the package's own tests replay those.
import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])]
let dependencies: [Target.Dependency] = [.product(name: "ImagePreparation", package: "gesso")]

let package = Package(
  name: "Fuzzing",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "gesso", path: "../..", traits: [])],
  targets: ["FuzzJPEG", "FuzzPNG", "FuzzEXIF"].map {
    .executableTarget(name: $0, dependencies: dependencies, swiftSettings: settings)
  }
)
