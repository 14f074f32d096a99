extension ImagePreparer {
  /// The result of another process, if another process has to do this work; nil if this process does it. It is nil for HEIC and AVIF too,
  /// because the helper process decodes these in isolation anyway.
  ///
  /// - Parameters:
  ///   - product: The product to make of the image.
  ///   - source: The image. A pipe is replaced by its content, because the kind of file is found by reading the first bytes.
  ///   - cancellation: Ends the other process.
  /// - Returns: The result. Only its lengths are checked.
  /// - Throws: A ``PreparationError``; `helperFailed` if the image cannot be isolated. The image is not decoded in that case.
  func isolated(
    _ product: IsolatedTask.Product, _ source: inout ImageSource, _ cancellation: CancellationFlag?
  ) throws(PreparationError) -> IsolatedResult? {
    guard let isolation else { return nil }
    if isolation.scope == .memory {
      guard case .memory = source else { return nil }
    }
    let opened = try IsolatedSource(source, limits: limits, cancellation: cancellation)
    if opened.isCopy, source.isReadOnce { source = .descriptor(opened.descriptor, owner: opened) }
    if opened.needsHelper { return nil }
    var limits = limits
    limits.decodeHelper = nil
    return try isolation.workers.result(
      of: IsolatedTask(product: product, limits: limits, instructionSet: instructionSet), opened, cancellation)
  }
}
