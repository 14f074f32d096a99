internal import Digests
internal import Ground
internal import ImagePreparation
internal import ScenarioAPI

/// An encoded image that is going to be uploaded.
struct EncodedImage: Sendable {
  let content: UploadContent
  let name: String
  let sha256: String
  /// The image's share of the room for prepared images, held until it is uploaded; nil for an image that takes none.
  var room: HeldRoom?
}

/// The images to upload; none if the service fetches the source itself.
struct PreparedImages: Sendable {
  var source: EncodedImage?
  /// The mask or control image.
  var second: EncodedImage?
}

extension EncodedImage {
  /// Makes an image that belongs to no order.
  ///
  /// - Parameters:
  ///   - source: The image, in a form that can be read twice.
  ///   - stem: Its name without an extension.
  ///   - recipe: How it is prepared; nil to upload its bytes unchanged.
  ///   - preparer: Prepares or inspects the image.
  ///   - flag: Stops the work when it is raised.
  ///   - report: Receives the prepared image.
  /// - Throws: A `PreparationError`. If there is no recipe, also a ``PipelineError`` with the code `invalid-order` for a source that can be
  ///   read only once, and for a kind of file that the service does not take.
  init(
    _ source: ImageSource, stem: String, recipe: Recipe?, _ preparer: ImagePreparer, _ flag: CancellationFlag,
    reporting report: (PreparedImage) -> Void = { _ in }
  ) throws {
    let fileExtension: String
    if let recipe {
      try recipe.checkSent()
      let image = try preparer.prepareBlocking(source, as: recipe.sent, cancellation: flag)
      report(image)
      (content, sha256, fileExtension) = (
        .bytes(image.bytes), ContentDigest.sha256(of: image.bytes), image.format.fileExtension
      )
    } else {
      guard !source.isReadOnce else {
        throw PipelineError(
          .invalidOrder, stage: .upload, "a stream cannot be uploaded as it is", remedy: "read it into memory")
      }
      let format = try preparer.inspectBlocking(source, cancellation: flag).format
      guard format.isTakenByService else {
        throw PipelineError(
          .invalidOrder, stage: .upload, "the service takes no \(format.name)", remedy: "let it be prepared first")
      }
      fileExtension = format.fileExtension
      switch source {
      case .file(let path):
        let size = try onFiles(try fileSize(of: path))
        (content, sha256) = (.file(path: path, size: size), try onFiles(try ContentDigest.sha256(ofFile: path)))
      case .memory(let bytes): (content, sha256) = (.bytes(bytes), ContentDigest.sha256(of: bytes))
      case .descriptor(let descriptor, let owner):
        defer { withExtendedLifetime(owner) {} }
        let bytes = try onFiles(try wholeFile(descriptor: descriptor, name: "the image"))
        (content, sha256) = (.bytes(bytes), ContentDigest.sha256(of: bytes))
      }
    }
    name = "\(stem).\(fileExtension)"
  }
}
