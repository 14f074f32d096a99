// swift-tools-version: 6.2
import PackageDescription

// Scripts/fuzz gives the flags that instrument everything below.
let package = Package(
  name: "gesso-fuzzing",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "gesso", path: "../..", traits: [])],
  targets: [
    .executableTarget(
      name: "Preparation", dependencies: [.product(name: "ImagePreparation", package: "gesso")], path: "Preparation",
      linkerSettings: [.unsafeFlags(["-use-ld=lld", "-sanitize=fuzzer,address"])])
  ]
)
