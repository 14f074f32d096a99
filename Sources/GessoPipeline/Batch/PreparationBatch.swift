internal import Ground
public import ImagePreparation

/// Prepares many images, several at a time, each into a file of its own.
///
/// An image is in memory only while it is worked on. A failure of one image does not stop the others.
public struct PreparationBatch: Sendable {
  /// One image to prepare.
  public struct Input: Sendable {
    /// The stem of its output's name in a folder. Later inputs with the same stem gain `-2`, `-3`, …
    public var stem: String
    /// The file of the input, which no output may replace; nil if the input is not a file.
    public var file: String?
    /// Returns the image. The argument is true if the image is going to be read more than once.
    public var source: @Sendable (_ isReadAgain: Bool) async throws -> ImageSource

    /// Makes an input.
    public init(
      stem: String, file: String?, source: @escaping @Sendable (_ isReadAgain: Bool) async throws -> ImageSource
    ) {
      self.stem = stem
      self.file = file
      self.source = source
    }
  }

  /// The place for prepared images.
  public enum Destination: Sendable, Equatable {
    /// A file in this folder, which is made if it is missing. ``PreparationBatch/name`` is its name.
    case folder(String)
    /// This file, for a batch of one.
    case file(String)
    /// Nowhere: the caller takes the bytes.
    case caller
  }

  /// The outcome of one input.
  public struct Outcome<Value: Sendable>: Sendable {
    /// The index of the input, from 0.
    public let index: Int
    /// The value that the caller kept of the prepared image, or the error.
    public let result: Result<Value, any Error>
  }

  /// Prepares the images.
  public let preparer: ImagePreparer
  /// The settings for all images.
  public var recipe: Recipe
  /// The images, in the order in which their outcomes are reported.
  public var inputs: [Input]
  /// The place for the prepared images.
  public var destination: Destination
  /// The format of a tensor of the only input, and the path of its file in NumPy's format; nil for no tensor.
  public var tensor: (format: TensorFormat, path: String)?
  /// The name of an output in a folder, without its extension; `{stem}` stands for the stem of the input.
  public var name = "{stem}.prepared"
  /// True to replace existing outputs; false to refuse each input whose output exists.
  public var replacesFiles = true
  /// The number of images that are prepared at the same time, from 1.
  public var width: Int

  /// Makes a batch.
  public init(preparer: ImagePreparer, recipe: Recipe, inputs: [Input], destination: Destination, width: Int) {
    self.preparer = preparer
    self.recipe = recipe
    self.inputs = inputs
    self.destination = destination
    self.width = width
  }

  /// Refuses outputs that cannot be written, before any image is read, and makes the folder.
  ///
  /// - Throws: A `PreparationError`, such as `output-exists`.
  public func checkOutputs() throws(PreparationError) {
    if case .file(let path) = destination {
      // Temporary files are removed before existing outputs are refused, because a killed process may have left both.
      DurableFile.removeAbandoned(beside: path)
      try check(path)
      try OutputFolder.makeParent(of: path)
    }
    if let tensor {
      DurableFile.removeAbandoned(beside: tensor.path)
      try check(tensor.path)
    }
    if case .folder(let path) = destination { try OutputFolder.make(path) }
  }

  /// Prepares all images.
  ///
  /// - Parameter keep: Receives each image, on any thread, with the index of its input and the path of its file (nil if
  ///   it has none). Only the returned value is kept; the image is released.
  /// - Returns: The work. Its events are the outcomes in the order of the inputs. After canceling, no more images
  ///   begin, and the result throws `CancellationError`.
  public func start<Value>(
    keeping keep: @escaping @Sendable (_ index: Int, PreparedImage, _ path: String?) throws -> Value
  ) -> Run<Outcome<Value>, Void> {
    let names = OutputNaming.names(inputs.map(\.stem), name)
    return Run { report in
      let ends = EndsInOrder(report)
      let places = PreparationPlaces(cores: width, bytes: preparer.limits.maxMemory)
      try await BatchEngine(count: inputs.count, width: width).run { index, _ in
        ends.add(index, await outcome(of: index, name: names[index], places, keep))
      }
    }
  }

  private func outcome<Value>(
    of index: Int, name: String, _ places: PreparationPlaces,
    _ keep: @escaping @Sendable (Int, PreparedImage, String?) throws -> Value
  ) async -> Outcome<Value> {
    do {
      let source = try await inputs[index].source(recipe.readsAgain())
      let prepared = try await places.enter(for: source, recipe, preparer) { preparer, flag in
        let image = try preparer.prepareBlocking(source, as: recipe, tensor: tensor?.format, cancellation: flag)
        return try keep(index, image, try write(image, name: name))
      }
      return Outcome(index: index, result: .success(prepared.value))
    } catch {
      return Outcome(index: index, result: .failure(publicError(error)))
    }
  }

  /// Writes an image and its tensor.
  ///
  /// - Returns: The image's path; nil for one that the caller takes.
  private func write(_ image: PreparedImage, name: String) throws(PreparationError) -> String? {
    if let tensor, let values = image.tensor { try write(values, to: tensor.path) }
    let path: String
    switch destination {
    case .folder(let folder): path = "\(folder)/\(name).\(image.format.fileExtension)"
    case .file(let file): path = file
    case .caller: return nil
    }
    try write(image.bytes, to: path)
    return path
  }

  private func write(_ bytes: [UInt8], to path: String) throws(PreparationError) {
    try check(path)
    try onFiles(try DurableFile.write(bytes, to: path, replacing: replacesFiles, notOver: inputs.compactMap(\.file)))
  }

  /// Writes a tensor without making its file in memory first, which would hold the values twice.
  private func write(_ tensor: Tensor, to path: String) throws(PreparationError) {
    try onFiles(
      try DurableFile.write(to: path, replacing: replacesFiles, notOver: inputs.compactMap(\.file)) {
        descriptor throws(FileFailure) in
        try writeAll(tensor.npyHeader, to: descriptor, name: path)
        try unsafe tensor.values.withUnsafeBufferPointer { values throws(FileFailure) in
          try unsafe writeAll(UnsafeRawBufferPointer(values), to: descriptor, name: path)
        }
      })
  }

  private func check(_ path: String) throws(PreparationError) {
    try onFiles(try DurableFile.check(path, replacing: replacesFiles, notOver: inputs.compactMap(\.file)))
  }
}
