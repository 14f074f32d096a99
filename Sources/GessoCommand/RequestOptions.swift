internal import ArgumentParser

/// The flags for the endpoint, and for the parts of a request besides the settings of a generation.
struct RequestOptions: ParsableArguments {
  /// The endpoint that makes the image.
  enum Mode: String, ExpressibleByArgument, CaseIterable {
    case legacy, custom, auto
  }

  @Option(
    help: ArgumentHelp(
      "The endpoint that makes the image: the legacy one; that of custom models; or the legacy one and, where the service no longer has "
        + "it, the custom model of flux.1-dev.", valueName: "legacy|custom|auto"))
  var mode = Mode.auto

  @Option(
    name: .customLong("param"),
    help: ArgumentHelp(
      "A field of the request, as JSON or text, or an image as @FILE, which is uploaded; may be repeated.",
      valueName: "KEY=VALUE"))
  var parameters: [String] = []

  @Option(
    name: .customLong("image-url"),
    help: ArgumentHelp("Send this address instead of an INPUT, without preparing anything.", valueName: "URL"))
  var imageURL: String?

  @Option(
    help: ArgumentHelp(
      "Repaint the white areas of this image, which has INPUT's size, and keep the black ones.", valueName: "FILE"))
  var mask: String?

  @Option(
    help: ArgumentHelp("A control image of INPUT's size, which controls shapes; needs --modality.", valueName: "FILE"))
  var control: String?

  @Option(
    help: ArgumentHelp(
      "The kind of control image: canny, depth, pose, …; without --control, INPUT is the control image and nothing else.",
      valueName: "NAME"))
  var modality: String?

  @Flag(name: .customLong("no-clobber"), help: "Refuse to replace an existing file by a prepared image.")
  var noClobber = false

  init() {}

  mutating func validate() throws {
    for parameter in parameters where !parameter.dropFirst().contains("=") {
      throw ValidationError("--param takes KEY=VALUE, not \(parameter)")
    }
    guard control == nil || modality != nil else { throw ValidationError("--control needs --modality NAME") }
    guard mask == nil || modality == nil else {
      throw ValidationError("--mask and --modality exclude each other: keep one")
    }
    if mask ?? modality != nil, mode == .custom {
      throw ValidationError("--mask and --modality are for --mode legacy; custom models name images with --param")
    }
  }
}
