// swift-tools-version: 6.2
import PackageDescription

/// True when this package is the root of the build, false when another package depends on it.
///
/// SwiftPM refuses a versioned dependency with unsafe flags, so the manifest has such flags only if the package is in its own checkout.
/// `GESSO_AS_DEPENDENCY=1` leaves them out there too.
let isRoot =
  Context.gitInformation != nil
  && !Context.packageDirectory.contains("/checkouts/")
  && !Context.packageDirectory.contains("/registry/downloads/")
  && Context.environment["GESSO_AS_DEPENDENCY"] == nil

#if arch(x86_64)
let buildsX86v3 = isRoot
#else
let buildsX86v3 = false
#endif

/// Settings of every Swift target: the upcoming features of the language. In our own checkout, warnings are errors too.
let swiftSettings: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
  ] + (isRoot ? [.treatAllWarnings(as: .error)] : [])

/// Optimization in debug builds, for code that would otherwise run hundreds of times slower.
let optimizedInDebug: [SwiftSetting] = isRoot ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : []

/// Optimization in debug builds, with all checks of such a build, for example of the bounds of unsafe buffers. Without optimization, each
/// access to an element allocates memory, and under ASan these allocations took most of the time of the pixel tests.
let optimizedWithChecks: [SwiftSetting] =
  isRoot ? [.unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug))] : []

/// In release builds, tests are not optimized, but the code that they test is. The tests compute little themselves, and to optimize them
/// took a quarter of the build.
let testSettings: [SwiftSetting] =
  swiftSettings + (isRoot ? [.unsafeFlags(["-Onone"], .when(configuration: .release))] : [])

/// Kernels are raw pointers by definition, so strict memory safety would mark every line.
let kernelSettings: [SwiftSetting] =
  [.swiftLanguageMode(.v6)] + (isRoot ? [.treatAllWarnings(as: .error)] : []) + optimizedInDebug

/// The cases of the kernels' tests take longer to optimize than to run.
let caseSettings: [SwiftSetting] =
  [.swiftLanguageMode(.v6)]
  + (isRoot ? [.treatAllWarnings(as: .error), .unsafeFlags(["-Onone"], .when(configuration: .release))] : [])

/// Programs that measure call C in most lines, so strict memory safety would mark most lines.
let programSettings: [SwiftSetting] = [.swiftLanguageMode(.v6)] + (isRoot ? [.treatAllWarnings(as: .error)] : [])

/// With `GESSO_COVERAGE=1` the lines of C are counted too: SwiftPM counts those of Swift alone (Scripts/coverage). A process without
/// `LLVM_PROFILE_FILE` writes its counters nowhere.
let countsLines = isRoot && Context.environment["GESSO_COVERAGE"] != nil

let cSettings: [CSetting] =
  (isRoot ? [.treatAllWarnings(as: .error)] : [])
  + (countsLines ? [.unsafeFlags(["-fprofile-instr-generate=/dev/null", "-fcoverage-mapping"])] : [])

/// Settings of an installed program: it has no symbols, and is linked only to libraries that it calls (Scripts/link-command).
let commandLinkerSettings: [LinkerSetting] =
  isRoot
  ? [
    .unsafeFlags(
      ["-ld-path=\(Context.packageDirectory)/Scripts/link-command", "-Xlinker", "--strip-all"],
      .when(platforms: [.linux], configuration: .release))
  ] : []

/// The helper process is written in C alone. Without the startup files of Swift, it is not linked to Swift's runtime, which it would
/// otherwise load for nothing at each start. It decodes untrusted files, so its tables of addresses are filled at the start and then
/// read-only.
let helperLinkerSettings: [LinkerSetting] =
  commandLinkerSettings
  + (isRoot
    ? [
      .unsafeFlags(
        ["-nostartfiles", "-Xlinker", "-z", "-Xlinker", "now"], .when(platforms: [.linux], configuration: .release))
    ] : [])

/// Settings of the library for C. It contains Swift's runtime, so that a machine needs no Swift to run it, and only the functions of the
/// header are visible (Decisions/CInterface).
let interfaceLinkerSettings: [LinkerSetting] =
  isRoot
  ? [
    .unsafeFlags(
      [
        "-ld-path=\(Context.packageDirectory)/Scripts/link-command", "-static-stdlib", "-Xlinker", "--exclude-libs=ALL",
        // Packed relative relocations need glibc 2.36.
        "-Xlinker", "-z", "-Xlinker", "nopack-relative-relocs", "-Xlinker", "-soname=libgesso.so.0", "-Xlinker",
        "--version-script=\(Context.packageDirectory)/Sources/GessoABI/exports.map",
      ],
      .when(platforms: [.linux], configuration: .release))
  ] : []

let client = TargetDependencyCondition.when(traits: ["Client"])

/// `GESSO_PIXELS_ONLY=1` leaves the client's targets out of our own checkout, because `swift build` and `swift test` build every
/// target of a root package, whatever its traits are. A dependent builds only what its products need (Decisions/Traits).
let buildsClient = !isRoot || Context.environment["GESSO_PIXELS_ONLY"] == nil

/// `GESSO_CLIENT_TESTS=1` leaves out the pixel tests, which have their own builds (Decisions/TestStages).
let buildsPixelTests = !isRoot || Context.environment["GESSO_CLIENT_TESTS"] == nil

var targets: [Target] = [
  // The helper process for HEIC and AVIF is the only target that is linked to libheif. Without the trait, it decodes nothing.
  .executableTarget(
    name: "GessoDecode", path: "Sources/GessoDecode",
    cSettings: cSettings + [
      .define("_GNU_SOURCE", .when(platforms: [.linux])), .define("GESSO_HEIF", .when(traits: ["HEIF"])),
    ],
    linkerSettings: [
      .linkedLibrary("heif", .when(traits: ["HEIF"])),
      .linkedLibrary("pthread", .when(platforms: [.linux], traits: ["HEIF"])),
    ] + helperLinkerSettings),

  // Thin C over the codecs.
  .target(
    name: "CImageCodecs", cSettings: cSettings,
    // libwebp and libtiff are opened when they are first used (Sources/CImageCodecs/webp_decoder.c, tiff_library.c).
    linkerSettings: [
      .linkedLibrary("jpeg"), .linkedLibrary("png"), .linkedLibrary("isal"), .linkedLibrary("z"),
      .linkedLibrary("dl", .when(platforms: [.linux])),
    ]),
  .systemLibrary(
    name: "CLittleCMS", pkgConfig: "lcms2", providers: [.apt(["liblcms2-dev"]), .brew(["little-cms2"])]),
  .target(name: "CPixelIntrinsics", cSettings: cSettings),

  // The base of every module. It has no dependency, and does not use Foundation.
  .target(name: "Ground", swiftSettings: swiftSettings),

  // Pixels.
  .target(name: "PixelKernels", dependencies: ["CPixelIntrinsics"], swiftSettings: kernelSettings),
  .target(
    name: "ImagePreparation",
    dependencies: [
      "CImageCodecs", "CLittleCMS", "CPixelIntrinsics", "Ground", "PixelKernels",
    ] + (buildsX86v3 ? ["PixelKernelsX86v3"] : []),
    resources: [.embedInCode("Finish/CGATS001Compat-v2-micro.icc")],
    swiftSettings: swiftSettings + (buildsX86v3 ? [.define("GESSO_X86V3")] : [])
      + (buildsPixelTests ? [] : optimizedInDebug) + (buildsClient ? [] : optimizedWithChecks)),

  // Tests.
  .systemLibrary(
    name: "CZlib", path: "Tests/CZlib"),
  .target(
    name: "TestSupport", dependencies: ["ImagePreparation"], path: "Tests/TestSupport",
    swiftSettings: swiftSettings + optimizedInDebug),
  .testTarget(name: "GroundTests", dependencies: ["Ground", "TestSupport"], swiftSettings: swiftSettings),
  .testTarget(
    name: "TwoThreadTests", dependencies: ["ImagePreparation", "TestSupport"], swiftSettings: swiftSettings),

  // Programs that measure (Benchmarks/README.md). They are not in the package of the benchmarks, because its framework would run them as
  // benchmarks. Here they share the builds of this package.
  .executableTarget(
    name: "Measure", dependencies: ["Ground", "ImagePreparation"], path: "Benchmarks/Measure",
    swiftSettings: programSettings),
]

if buildsPixelTests {
  targets += [
    .target(
      name: "PixelKernelCases", dependencies: ["CPixelIntrinsics", "PixelKernels", "TestSupport"],
      path: "Tests/PixelKernelCases",
      swiftSettings: caseSettings),
    .testTarget(
      name: "PixelKernelsTests",
      dependencies: ["CPixelIntrinsics", "PixelKernelCases", "PixelKernels"]
        + (buildsX86v3 ? ["PixelKernelCasesX86v3"] : []),
      swiftSettings: programSettings + (buildsX86v3 ? [.define("GESSO_X86V3")] : [])),
    // Prints digests of the kernels' results, for Scripts/test-neon.
    .executableTarget(
      name: "KernelDigests",
      dependencies: ["CPixelIntrinsics", "PixelKernelCases"] + (buildsX86v3 ? ["PixelKernelCasesX86v3"] : []),
      path: "Tests/KernelDigests", swiftSettings: programSettings + (buildsX86v3 ? [.define("GESSO_X86V3")] : [])),
    // Starts isolated processes whose decoder misbehaves, for the tests of the protections around a decoder.
    .executableTarget(
      name: "MisbehavingDecoder", dependencies: ["Ground", "ImagePreparation"], path: "Tests/MisbehavingDecoder",
      swiftSettings: programSettings),
    .testTarget(
      name: "ImagePreparationTests",
      dependencies: [
        "ImagePreparation", "CImageCodecs", "CZlib", "MisbehavingDecoder", "PixelKernels", "TestSupport",
      ],
      swiftSettings: testSettings),
  ]
}

if buildsClient {
  targets += [
    // On Linux libcurl is opened when it is first used (Sources/CCurl/libcurl.c).
    .target(
      name: "CCurl", cSettings: cSettings,
      linkerSettings: [
        .linkedLibrary("curl", .when(platforms: [.macOS])), .linkedLibrary("dl", .when(platforms: [.linux])),
      ]),

    .systemLibrary(
      name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

    // The service.
    .target(
      name: "Digests",
      dependencies: ["Ground", .target(name: "CCrypto", condition: .when(platforms: [.linux]))],
      swiftSettings: swiftSettings),
    .target(
      name: "ScenarioAPI",
      dependencies: ["CCurl", "Ground", .product(name: "Logging", package: "swift-log", condition: client)],
      swiftSettings: swiftSettings),
    .target(
      name: "GessoPipeline",
      dependencies: [
        "Digests", "Ground", "ImagePreparation", "ScenarioAPI",
        .product(name: "GRDB", package: "GRDB.swift", condition: client),
        .product(name: "Logging", package: "swift-log", condition: client),
      ],
      resources: [
        .embedInCode("Report/BatchReport/report.css"), .embedInCode("Report/BatchReport/report.js"),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "ScenarioSandbox",
      dependencies: [
        "Digests", "Ground", "ImagePreparation",
        .product(name: "FlyingFox", package: "FlyingFox", condition: client),
        .product(name: "FlyingSocks", package: "FlyingFox", condition: client),
      ],
      resources: [.embedInCode("scenario-openapi.yaml")],
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "GessoCommand",
      dependencies: [
        "Digests", "Ground", "ImagePreparation", "ScenarioAPI", "GessoPipeline", "ScenarioSandbox",
        .product(name: "ArgumentParser", package: "swift-argument-parser", condition: client),
        .product(name: "Logging", package: "swift-log", condition: client),
      ],
      swiftSettings: swiftSettings, linkerSettings: commandLinkerSettings),

    // The service's tests.
    .testTarget(
      name: "ScenarioAPITests",
      dependencies: [
        "Ground", "ScenarioAPI", "ScenarioSandbox", "TestSupport",
        .product(name: "FlyingFox", package: "FlyingFox", condition: client),
        .product(name: "FlyingSocks", package: "FlyingFox", condition: client),
        .product(name: "Logging", package: "swift-log", condition: client),
      ],
      swiftSettings: testSettings),
    .testTarget(
      name: "ScenarioSandboxTests",
      dependencies: [
        "Digests", "ScenarioSandbox", "ImagePreparation", "TestSupport",
        .product(name: "FlyingFox", package: "FlyingFox", condition: client),
        .product(name: "FlyingSocks", package: "FlyingFox", condition: client),
      ],
      swiftSettings: testSettings),
    .testTarget(
      name: "GessoPipelineTests",
      dependencies: [
        "Digests", "GessoPipeline", "Ground", "ScenarioAPI", "ScenarioSandbox", "ImagePreparation", "TestSupport",
        .product(name: "GRDB", package: "GRDB.swift", condition: client),
      ],
      swiftSettings: testSettings),
    .testTarget(
      name: "GessoCommandTests",
      dependencies: [
        "Digests", "ImagePreparation", "ScenarioAPI", "ScenarioSandbox", "GessoPipeline", "GessoCommand", "TestSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser", condition: client),
      ],
      swiftSettings: testSettings),
    .executableTarget(
      name: "Soak",
      dependencies: ["GessoPipeline", "ScenarioAPI", "ScenarioSandbox", "ImagePreparation", "TestSupport"],
      path: "Tests/Soak", swiftSettings: swiftSettings),
    .executableTarget(
      name: "Submit", dependencies: ["Ground", "ScenarioAPI", "ScenarioSandbox"], path: "Benchmarks/Submit",
      swiftSettings: programSettings),
    .testTarget(
      name: "PackagingTests",
      dependencies: ["GessoPipeline", "ScenarioAPI", "ScenarioSandbox", "ImagePreparation", "TestSupport"],
      // Scripts/test-copy builds it as another package.
      exclude: ["consumer.swift"], swiftSettings: testSettings),
  ]
}

// The library for C is left out of builds for tests, because its tests are a program in C (Scripts/test-c-library).
let buildsInterface = buildsClient && buildsPixelTests
if buildsInterface {
  targets += [
    .target(name: "CGesso", cSettings: cSettings),
    .target(
      name: "GessoABI", dependencies: ["CGesso", "Ground", "ImagePreparation"], exclude: ["exports.map"],
      swiftSettings: programSettings, linkerSettings: interfaceLinkerSettings),
  ]
}

if buildsX86v3 {
  // The files of PixelKernels, by symbolic link, are compiled once more for AVX2. Sources/ImagePreparation/Kernels chooses one of the two
  // at run time.
  targets.append(
    .target(
      name: "PixelKernelsX86v3", dependencies: ["CPixelIntrinsics"],
      swiftSettings: kernelSettings + [.unsafeFlags(["-Xcc", "-march=x86-64-v3"])]))
  if buildsPixelTests {
    targets.append(
      .target(
        name: "PixelKernelCasesX86v3", dependencies: ["CPixelIntrinsics", "PixelKernelsX86v3", "TestSupport"],
        path: "Tests/PixelKernelCasesX86v3", swiftSettings: caseSettings + [.define("GESSO_X86V3_CASES")]))
  }
}

let package = Package(
  name: "gesso",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "ImagePreparation", targets: ["ImagePreparation"]),
    .executable(name: "gesso-decode", targets: ["GessoDecode"]),
  ]
    + (buildsClient
      ? [
        .library(name: "ScenarioAPI", targets: ["ScenarioAPI"]),
        .library(name: "GessoPipeline", targets: ["GessoPipeline"]),
        .library(name: "ScenarioSandbox", targets: ["ScenarioSandbox"]),
        .executable(name: "gesso", targets: ["GessoCommand"]),
      ] : [])
    + (buildsInterface ? [.library(name: "gessoabi", type: .dynamic, targets: ["GessoABI"])] : []),
  traits: [
    .trait(
      name: "Client",
      description: "The service's client, ledger, sandbox and command: everything that needs another package."),
    .trait(name: "HEIF", description: "gesso-decode, the process that decodes HEIC and AVIF over libheif (Linux)."),
    .default(enabledTraits: ["Client"]),
  ],
  dependencies: buildsClient
    ? [
      .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
      .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
      .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
      .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ] : [],
  targets: targets
)
