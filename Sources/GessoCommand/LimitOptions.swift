package import ArgumentParser
package import ImagePreparation

/// The limits of a source, for every verb that reads images.
package struct LimitOptions: ParsableArguments {
  @Option(
    name: .customLong("limits"),
    help:
      "Limits of sources: service, for files of strangers, refuses sides above 30000, files above 64 MB, more than 1000 pixels for each byte, and more than 30 seconds."
  )
  package var preset: Limits.Preset = .artist

  @Option(
    name: .customLong("max-memory"),
    help: ArgumentHelp(
      "Refuse images that need larger buffers (default: 1024; with --limits service 512).", valueName: "MB"))
  package var maxMemory: Int?

  package init() {}

  package mutating func validate() throws { try require(maxMemory, in: 1...1 << 20, "--max-memory") }

  /// The limits of one image.
  package var limits: Limits {
    var limits = preset.limits
    if let maxMemory { limits.maxMemory = maxMemory << 20 }
    return limits
  }
}
